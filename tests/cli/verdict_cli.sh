#!/usr/bin/env bash
# The verdict in words where a person looks for it: at the end of a training, below what nca eval
# measures, and in the page of a run. The same rule has the same verdict in all of them.
#   verdict_cli.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"

# A square, opaque and red.
printf '\0\0\2\0\0\0\0\0\0\0\0\0\4\0\4\0\40\50' >square.tga
for _ in {1..16}; do printf '\0\0\377\377' >>square.tga; done
settings=(--target square.tga --target-size 4 --padding 1 --channels 8 --hidden 16 --batch 16 --pool 16
  --damaged 4 --steps-min 16 --steps-max 16 --schedule constant --threads 2)

# Long enough that judging is a small part of it.
"$nca" train "${settings[@]}" --updates 300 --out long >log || fail "training ends with $?"
sed -n '/^verdict, by medians of 8 fire seeds:$/,$p' log | tail -n +2 >trained
grep -qE '^  ((hard to tell apart|good|blurred|not recognisable):|(exploded|died out): [a-z ]+;) log10 loss -?[0-9.]+ at step 200' trained ||
  fail "the training ends without a verdict: $(cat log)"
"$nca" eval long --steps 200 --long-run 0 >log
sed -n '/^  verdict$/,$p' log | tail -n +2 | cmp - trained || fail "eval judges otherwise: $(cat log trained)"

# The long run is part of it, and the word follows each loss.
"$nca" eval long --steps 200 --long-run 400 --seeds 2 >log
grep -qE '^  (holds|does not hold|later): -?[0-9.]+ \([a-z ]+\) at step 400$' log || fail "$(cat log)"
grep -qE '^  step 200 .* to -?[0-9.]+ +(hard to tell apart|good|blurred|not recognisable|exploded)$' log || fail "$(cat log)"

# JSON has no word of it that was not there.
"$nca" eval long --steps 200 --seeds 2 --long-run 0 --json | grep -q verdict && fail "a verdict in JSON"

# The page says the same.
"$nca" report long -o page.html >/dev/null
grep -o '"verdict": *{[^}]*}' page.html | grep -o '"[^"]*log10 loss[^"]*"' | tr -d '"' >head
sed -n '1s/^ *//p' trained | cmp - head || fail "the page judges otherwise: $(cat head trained)"
grep -q '"grades": *\[{"at_most": *-4' page.html || fail "the page does not know what losses are called"

# Too short to be judged: what the losses are called, at least. Quiet: nothing.
"$nca" train "${settings[@]}" --updates 3 --out short >log
tail -1 log | grep -qE '^log10 loss in training, mean of about the last 20 updates: -?[0-9.]+ \([a-z ]+\)$' || fail "$(tail -1 log)"
# An average over more than there is.
"$nca" train "${settings[@]}" --updates 3 --average 30 --out averaged >log
grep -q "^--average 30: more than the 3 updates of this run" log || fail "$(cat log)"
[ "$("$nca" train "${settings[@]}" --updates 300 --quiet --out quiet)" = quiet ] || fail "quiet is not"
