#!/usr/bin/env bash
# A run folder that version 0.1.0 made before gradients were summed by sample: every command reads
# it, and a training that goes on with it says that it rounds differently now.
#   old_run.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"
cp -r "$root/tests/run/before_the_house" old
chmod -R u+w old

"$nca" info old >/dev/null || fail "info does not read it"
"$nca" eval old --steps 4,8 --seeds 2 --long-run 0 --device cpu --json | grep -q '"8"' || fail "eval does not judge it"
"$nca" run old --steps 4 -o old.npy --device cpu >/dev/null || fail "run does not play it"
cp -r old on
"$nca" train --resume on --updates 9 --device cpu --quiet >log || fail "it does not go on"
grep -q "warning: this run was trained on .*, which rounds differently from .*sums by sample" log ||
  fail "nothing says that sums are ordered anew: $(cat log)"
[ "$(wc -l <on/metrics.jsonl)" -eq 9 ] || fail "it goes on to $(wc -l <on/metrics.jsonl) updates"
grep -q '"seed_at": "middle"' on/config.json || fail "its seed does not stay in the middle"
head -6 on/metrics.jsonl | cmp - old/metrics.jsonl || fail "the first updates were changed"
"$nca" train --resume on --updates 10 --device cpu --quiet >log
! grep -q warning log || fail "it warns again: $(cat log)"
"$nca" report on --device cpu -o page.html >/dev/null && [ -s page.html ] || fail "no report of it"
