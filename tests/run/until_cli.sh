#!/usr/bin/env bash
# nca train --until healed: ends when the judge finds the rule healed, and says so; the judge agrees
# with it afterwards; a run that was stopped on the way ends at the same update with the same bytes;
# one that is not healed says that. The row of a record is made of such runs.
#   until_cli.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"

# A picture so small that it heals within seconds.
settings=(--precision f32 --target 🦎 --target-size 8 --padding 4 --hidden 64 --pool 64 --steps-min 32 --steps-max 48
  --updates 4000 --schedule steps:2000x0.3 --until healed)
# Sanitizers see one look; what is found is the same without them.
[ "${NCA_IS_SANITIZED:-0}" = 0 ] || {
  "$nca" train "${settings[@]}" --updates 210 --out early >log || fail "an unhealed run ends with $?: $(cat log)"
  exit 0
}
"$nca" train "${settings[@]}" --out healed >log || {
  grep -q "no emoji font" log && echo "no emoji font: skipped" && exit 77
  fail "training ends with $?: $(cat log)"
}
updates=$(wc -l <healed/metrics.jsonl)
echo "healed after $updates updates"
[ "$updates" -lt 4000 ] && [ $((updates % 200)) -eq 0 ] || fail "it ends after $updates updates: $(cat log)"
grep -q "^update $updates: healed: grows -.*, holds -.* and -.*, heals 5 of 5 cuts" log || fail "not said: $(cat log)"
for name in growth.webp healing.webp "pictures/batch-$(printf %06d "$updates").png" loss.png; do
  [ -s "healed/$name" ] || fail "no $name"
done
grep -q '"until": "healed"' healed/config.json || fail "config.json does not say when it ends"

# By fire seeds that it was not judged by as well.
for seed in 1 2 3; do
  "$nca" eval healed --seed "$seed" --steps 200,1000,5000 --long-run 0 --json >eval.json
  awk -v RS='[{}]' -F'[:,]' '
    /"median"/ { n++; m[n] = $2 }
    END { for (i = 1; i <= 3; i++) if (m[i] > -2) exit 1
          for (i = 4; i <= 8; i++) if (m[i] > m[9] + 0.3) exit 1
          exit n != 9 }' eval.json || fail "the judge refuses it with seed $seed: $(cat eval.json)"
done

# Stopped on the way and gone on with; and gone on with when it is healed already.
"$nca" train "${settings[@]}" --until updates --updates "$updates" --out stopped --quiet >/dev/null
cp -r stopped half
"$nca" train --resume stopped --until healed --updates 4000 --quiet >log
grep -q "^update $updates: healed" log || fail "a resumed run is not looked at: $(cat log)"
cmp healed/model.safetensors stopped/model.safetensors || fail "looking changes the training"
[ "$(wc -l <stopped/metrics.jsonl)" -eq "$updates" ] || fail "a resumed run trains on though it is healed"
"$nca" train --resume healed --quiet >/dev/null
[ "$(wc -l <healed/metrics.jsonl)" -eq "$updates" ] || fail "a healed run trains on"

# Not within so many: said, and no failure.
"$nca" train "${settings[@]}" --updates 150 --out early >log || fail "an unhealed run ends with $?"
grep -q "^not healed within 150 updates; nca train --resume early --precision f32 --updates N trains on$" log ||
  fail "not said: $(tail -3 log)"

# A row of the records.
bash "$root/scripts/record.sh" --seeds 1 "$nca" "tiny" "${settings[@]}" >row 2>log || fail "record.sh: $(cat log)"
grep -qE "^\| [0-9-]+ \| .* \| .*threads \| tiny \| 1 \| [0-9.]+ \| \*\*[0-9.]+\*\* \|$" row || fail "the row: $(cat row)"
! bash "$root/scripts/record.sh" --seeds 1 "$nca" "tiny" 2>error || fail "record.sh overwrites records"
grep -q "records: exists already" error || fail "record.sh: $(cat error)"
