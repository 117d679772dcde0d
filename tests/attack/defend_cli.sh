#!/usr/bin/env bash
# nca train --perturb cells: an adversary among the cells of a rule that learns. On published rules:
# digits and a lizard, stopped and resumed bit for bit by the adversary that the run keeps; fewer
# cells are turned after it; what is refused.
#   defend_cli.sh NCA [DATA]
# DATA has mnist/, published_float/ and targets/; without them the test is skipped.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
data=$(realpath -m "${2:-../shared/data}")
. "$root/tests/scratch.sh"
mnist=$data/mnist rules=$data/published_float
[ -e "$mnist" ] && [ -e "$rules/digits_adversary.safetensors" ] && [ -e "$data/targets/lizard.png" ] || {
  echo "$data: no adversaries there: skipped"
  exit 77
}
cp "$rules"/{digits_l2_noise,digits_adversary,lizard_regenerating,lizard_adversary_no_tail}.safetensors .
digits=(--task digits --data "$mnist" --from digits_l2_noise.safetensors --rate 1e-4 --schedule constant --pool 32)
cells=(--perturb cells:0.1 --adversary digits_adversary.safetensors --perturbed 8)

# A training that is stopped and resumed, its adversary's file gone, is the one that never stopped.
resumed() {   # NAME ADVERSARY SETTING...
  local name=$1 adversary=$2.safetensors
  shift 2
  set -- "$@" --adversary "$adversary"
  "$nca" train "$@" --updates 6 --out "$name-whole" --quiet --threads 2 >/dev/null
  "$nca" train "$@" --updates 3 --out "$name-part" --quiet --threads 1 >/dev/null
  [ -s "$name-part/adversary.safetensors" ] || fail "$name: the run keeps no adversary"
  mv "$adversary" elsewhere
  "$nca" train --resume "$name-part" --updates 6 --quiet --threads 2 >/dev/null
  mv elsewhere "$adversary"
  cmp "$name-whole/model.safetensors" "$name-part/model.safetensors" || fail "$name: resumed is another"
}
resumed digits digits_adversary "${digits[@]}" --perturb cells:0.1 --perturbed 8
resumed lizard lizard_adversary_no_tail --preset regenerating --from lizard_regenerating.safetensors \
  --target "$data/targets/lizard.png" --pool 4 --batch 2 --steps-min 4 --steps-max 6 --damaged 1 \
  --perturb cells:0.1 --perturbed 1

# Cells of 60 digits that a tenth of them turns, before and after 60 updates. A sanitizer looks at
# fewer, and does not judge.
digits_tried=60 updates=60
[ "${NCA_IS_SANITIZED:-0}" = 0 ] || digits_tried=8 updates=2
turned() {
  "$nca" attack cells "$1" --task digits --data "$mnist" --held-out 2000 --adversary digits_adversary.safetensors \
    --samples $digits_tried --strengths 0.1 --json | sed -n 's/.*"cells_turned": \([0-9.]*\).*/\1/p'
}
"$nca" train "${digits[@]}" "${cells[@]}" --updates $updates --out defended >log
grep -q "^--perturb cells:0.1: changes 8 of the 16 samples, by the adversary .*digits_adversary" log ||
  fail "what it is trained against is not said: $(cat log)"
before=$(turned digits_l2_noise.safetensors) after=$(turned defended)
echo "cells turned: $before, after $updates updates $after"
awk -v a="$before" -v b="$after" -v is_judged=$((updates == 60)) \
  'BEGIN { exit !(a != "" && b != "" && (!is_judged || b < a - 0.1)) }' || fail "nothing is learnt against the adversary"

refused() {
  local words=$1 code=0
  shift
  "$nca" train "$@" --updates 1 --out refused >stdout 2>stderr || code=$?
  [ "$code" -eq 2 ] && [ "$(wc -l <stderr)" -eq 1 ] || fail "nca train $*: exit code $code: $(cat stderr)"
  grep -qF -- "$words" stderr || fail "nca train $*: does not say \"$words\": $(cat stderr)"
  [ ! -e refused ] || fail "nca train $*: left a folder"
}
refused "--perturb cells:0.1: needs the rule" "${digits[@]}" --perturb cells:0.1
refused "--adversary: moves only the cells" "${digits[@]}" --adversary digits_adversary.safetensors
refused "--adversary: moves only the cells" "${digits[@]}" --perturb salt:0.1 --adversary digits_adversary.safetensors
refused "--perturb cells:1.5: must be" "${digits[@]}" --perturb cells:1.5 --adversary digits_adversary.safetensors
refused "--perturb cells:1: the adversary would move all cells of the whole batch" "${digits[@]}" \
  --perturb cells:1 --adversary digits_adversary.safetensors --perturbed 16
refused "--adversary missing" "${digits[@]}" --perturb cells:0.1 --adversary missing
lizard=(--target "$data/targets/lizard.png" --perturb cells:0.1 --adversary lizard_adversary_no_tail.safetensors)
refused "--adversary: a rule of --hidden 128, beside one of --hidden 64; rules" "${lizard[@]}" --hidden 64
refused "a rule of --alive maximum, beside one of --alive everywhere; rules" "${lizard[@]}" --alive everywhere
refused "perception sobel and 0 frozen channels; perception moore and 1 frozen channels are needed" "${digits[@]}" \
  --perturb cells:0.1 --adversary lizard-whole
refused "perception moore and 1 frozen channels; perception sobel and 0 frozen channels are needed" "${lizard[@]}" \
  --from digits_l2_noise.safetensors
refused "trains an adversary itself" --preset digits-adversary --data "$mnist" --victim digits_l2_noise.safetensors "${cells[@]}"

# Without the adversary that the run keeps, the one that was given does; without both, it is said.
rm lizard-whole/adversary.safetensors
"$nca" train --resume lizard-whole --updates 7 --quiet >/dev/null
[ -s lizard-whole/adversary.safetensors ] || fail "the adversary is not kept again"
rm lizard-whole/adversary.safetensors
mv lizard_adversary_no_tail.safetensors elsewhere
! "$nca" train --resume lizard-whole --updates 8 --quiet 2>stderr || fail "resumed without its adversary"
grep -q "lizard-whole/adversary.safetensors is missing, and .* put the rule back" stderr || fail "$(cat stderr)"
mv elsewhere lizard-whole/adversary.safetensors
"$nca" train --resume lizard-whole --updates 8 --quiet >/dev/null || fail "not resumed with the rule put back"

# On resume the adversary may be named by any path to the same rule.
mkdir copies && cp "$rules/lizard_adversary_no_tail.safetensors" copies/same.safetensors
for name in ./copies/same.safetensors lizard-part/adversary.safetensors; do
  "$nca" train --resume lizard-part --adversary $name --updates 6 --quiet >/dev/null || fail "--adversary $name is refused"
done
! "$nca" train --resume lizard-part --adversary lizard_regenerating.safetensors 2>stderr || fail "another is taken"
grep -q -- "--adversary: differs from what lizard-part" stderr || fail "another adversary: $(cat stderr)"

# Another adversary in the run's folder is not what its rule and its checkpoint were made with.
cp lizard_regenerating.safetensors lizard-part/adversary.safetensors
! "$nca" train --resume lizard-part --updates 7 --quiet 2>stderr || fail "resumed against another adversary"
grep -q "lizard-part/adversary.safetensors: another rule than the adversary that lizard-part was" stderr ||
  fail "does not name the adversary: $(cat stderr)"
rm lizard-part/model.safetensors
! "$nca" train --resume lizard-part --updates 7 --quiet 2>stderr || fail "resumed against another adversary"
grep -q "another target picture or adversary" stderr || fail "does not name the adversary: $(cat stderr)"
echo "trained against an adversary's cells"
