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

# One that version 0.1.0 made before files had checksums, whole pools in its checkpoint and a copy
# of its picture: it goes on, bit for bit, and is then as a run of today is.
export NCA_CPU_ISA=scalar
cp -r "$root/tests/run/before_checksums" older
chmod -R u+w older
cp older/target.png t.png
"$nca" train --config older/config.json --seed-at middle --damage-centred 0 --average 0 --updates 9 --threads 1 --out straight --quiet >/dev/null
head -6 straight/metrics.jsonl | sed 's/, "seconds".*//' >six
sed 's/, "seconds".*//' older/metrics.jsonl | cmp - six || fail "today's first updates are others"
rm t.png
"$nca" eval older --steps 4 --seeds 1 --no-cuts --long-run 0 --device cpu >/dev/null || fail "eval does not judge it"
"$nca" train --resume older --updates 9 --device cpu --quiet >log || fail "it does not go on: $(cat log)"
! grep -q "rounds differently" log || fail "the same arithmetic is said to differ: $(cat log)"
for file in model checkpoint target; do
  cmp older/$file.safetensors straight/$file.safetensors || fail "it goes on to another $file"
done
rm older/target.png
"$nca" train --resume older --updates 10 --device cpu --quiet >/dev/null || fail "its target is not kept"
