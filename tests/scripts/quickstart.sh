#!/usr/bin/env bash
# The quickstart, shortened, in a copy of the tree: it builds, trains and says how good the rule is;
# and the page of its run opens in a browser, where a legend entry hides its trace. The pictures of
# that page stay beside the program, as quickstart-*.png.
#   quickstart.sh NCA TEST_REPORT_BROWSER
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
browser_test=$(realpath "$2")
. "$root/tests/scratch.sh"

# Without packages to install it needs no root.
"$root/scripts/packages.sh" </dev/null >packages 2>&1 || {
  echo "packages are missing here: $(tail -1 packages): skipped"
  exit 77
}
mkdir tree
(cd "$root" && tar -c CMakeLists.txt CMakePresets.json bench/kernels include install scripts src) | tar -x -C tree
tree/scripts/quickstart.sh --cpu --updates 150 >log 2>&1 || fail "it ends with $?: $(tail -5 log)"

grep -qE '^Picture      .*/tree/runs/quickstart/healing.webp$' log || fail "it names no picture: $(cat log)"
[ -s "$(sed -n 's/^Picture      //p' log)" ] || fail "the picture that it names is not there"
grep -qE '^Verdict      [a-z ,]+: ([a-z ,]+; )?log10 loss -?[0-9.]+ at step 200' log &&
  grep -qE '^             heals (none|[0-5]) of 5 cuts' log ||
  fail "it does not say how good the rule is: $(cat log)"
for row in 'All of it    /quickstart.html' 'To a friend  /quickstart-alive.html'; do
  command=$(sed -n "s/^${row%%/*}//p" log)
  [ -n "$command" ] && bash -c "$command" >/dev/null && [ -s "tree/runs/${row#*/}" ] ||
    fail "its command: $command"
done
grep -q '^Time .* in all$' log || fail "it does not say how long it took: $(cat log)"
run=tree/runs/quickstart
[ "$(wc -l <$run/metrics.jsonl)" -eq 150 ] || fail "it has not trained 150 updates"
[ -s $run/growth.webp ] && [ -s $run/healing.webp ] || fail "its films are missing"

"$browser_test" $run || {
  code=$?
  [ $code -eq 77 ] && exit 77
  fail "the page of its run"
}
