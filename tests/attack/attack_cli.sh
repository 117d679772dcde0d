#!/usr/bin/env bash
# Attacks through the program, on published rules: adversary cells on digits and on the lizard, the
# matrix that cuts its tail off, with figures that others found; short trainings of an adversary and
# of a matrix, resumed bit for bit and judged; and what is refused.
#   attack_cli.sh NCA [DATA]
# DATA has mnist/, published_float/ and targets/; without them the test is skipped.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
data=$(realpath -m "${2:-../shared/data}")
. "$root/tests/scratch.sh"
mnist=$data/mnist rules=$data/published_float tail=$data/targets/lizard_no_tail_large.png
[ -e "$mnist" ] && [ -e "$rules/digits_adversary.safetensors" ] && [ -e "$tail" ] || {
  echo "$data: no adversaries there: skipped"
  exit 77
}
digits=$rules/digits_l2_noise.safetensors lizard=$rules/lizard_regenerating.safetensors

# field FILE STRENGTH NAME: a figure of a strength, in the JSON of nca attack.
field() { sed -n "s/^ *{\"strength\": $2, .*\"$3\": \([0-9.e-]*\).*/\1/p" "$1"; }

# A sanitizer looks at the same source on few digits and few steps, whose figures are not judged.
digits_tried=200 steps=()
[ "${NCA_IS_SANITIZED:-0}" = 0 ] || digits_tried=4 steps=(--steps 10)

# between LOW X HIGH
between() { [ $digits_tried -lt 200 ] && [ -n "$2" ] || awk -v a="$1" -v x="$2" -v b="$3" 'BEGIN { exit !(x != "" && a <= x && x <= b) }'; }

# A tenth of the cells turns 97.7 % of the others, none of the cells nothing.
"$nca" attack cells "$digits" --task digits --data "$mnist" --samples $digits_tried --strengths 0,0.1 "${steps[@]}" \
  --adversary "$rules/digits_adversary.safetensors" --json --output states.png --curve curve.png >digits.json
between 0.95 "$(field digits.json 0.1 cells_turned)" 1 || fail "cells turned: $(cat digits.json)"
between 0 "$(field digits.json 0 cells_turned)" 0.02 || fail "cells turned by none: $(cat digits.json)"
between 0.9 "$(field digits.json 0 cells_right)" 1 || fail "cells right without adversaries"
[ -s states.png ] && [ -s curve.png ] || fail "no pictures"
"$nca" eval "$rules/digits_adversary.safetensors" --task digits-adversary --victim "$digits" \
  --data "$mnist" --seeds 4 --steps 20 --json >eval.json
grep -q '"cells_turned"' eval.json || fail "nca eval does not judge an adversary"

# Four lizards of 200 steps, 200 steps on: at most -2.3 in three of them, so the median is.
given=(--target "$tail" --target-size 40 --padding 16 --samples 4 "${steps[@]}" --json)
"$nca" attack cells "$lizard" --adversary "$rules/lizard_adversary_no_tail.safetensors" "${given[@]}" \
  --strengths 0.1 >cells.json
between -2.8 "$(field cells.json 0.1 log10_loss)" -2.3 || fail "the lizard's adversary: $(cat cells.json)"
"$nca" attack matrix "$lizard" --adversary "$rules/lizard_perturbations.safetensors" --tensor tail "${given[@]}" \
  --strengths 0,1 >matrix.json
between -4 "$(field matrix.json 1 log10_loss_max)" -2.8 || fail "the matrix: $(cat matrix.json)"
between -2.3 "$(field matrix.json 0 log10_loss)" -2.2 || fail "no matrix: $(cat matrix.json)"

# A training that is stopped and resumed is the one that never stopped, by the victim that it keeps.
resumed() {   # NAME SETTING...
  local name=$1
  shift
  "$nca" train "$@" --updates 6 --out "$name-whole" --quiet
  "$nca" train "$@" --updates 3 --out "$name-part" --quiet --threads 1
  "$nca" train --resume "$name-part" --updates 6 --quiet
  cmp "$name-whole/model.safetensors" "$name-part/model.safetensors" || fail "$name: resumed is another"
  [ -s "$name-whole/victim.safetensors" ] || fail "$name: the run keeps no victim"
}
cp "$digits" digits.safetensors
resumed eight --preset digits-adversary --victim digits.safetensors --data "$mnist" --pool 32
small=(--target "$tail" --target-size 40 --padding 16 --pool 4 --batch 2 --steps-min 4 --steps-max 6)
resumed cells --preset grow-adversary --victim "$lizard" "${small[@]}" --damaged 1
resumed matrix --preset grow-matrix --victim "$lizard" "${small[@]}" --reseeded 1
rm digits.safetensors
cp cells-whole/model.safetensors adversary.safetensors
cp eight-whole/model.safetensors eight.safetensors
"$nca" eval eight-part --seeds 4 --steps 2 >/dev/null || fail "a run's victim is lost"
"$nca" attack matrix "$lizard" --adversary matrix-whole --samples 1 --steps 2 --strengths 1 >/dev/null
"$nca" train --from "$lizard" --target "$tail" --target-size 40 --padding 16 --pool 4 --batch 2 --damaged 0 --steps-min 2 \
  --steps-max 2 --updates 1 --checkpoint-every 1 --out victim-run --quiet
"$nca" attack matrix victim-run --adversary matrix-whole --samples 1 --steps 2 --strengths 1 >/dev/null ||
  fail "a run cannot be attacked by a run's matrix"
"$nca" run cells-whole --steps 2 --output film.webp >/dev/null

# An adversary that explodes gets advice for adversaries.
explode() {
  local code=0
  "$nca" train --preset grow-adversary --victim "$lizard" "${small[@]}" --damaged 1 --steps-min 20 --steps-max 24 \
    --rate 5 --updates 200 --out exploded --quiet >/dev/null 2>stderr || code=$?
  [ "$code" -eq 1 ] && grep -q "; train anew with a lower --rate, or with another --victim$" stderr ||
    fail "an exploding adversary: exit code $code: $(cat stderr)"
}
[ $digits_tried -lt 200 ] || explode

# refused WORDS ARGUMENT...
refused() {
  local words=$1 code=0
  shift
  "$nca" "$@" >stdout 2>stderr || code=$?
  [ "$code" -eq 2 ] && [ "$(wc -l <stderr)" -eq 1 ] || fail "nca $*: exit code $code: $(cat stderr)"
  grep -qF -- "$words" stderr || fail "nca $*: does not say \"$words\": $(cat stderr)"
}
refused "no such attack; there are cells, matrix" attack other "$lizard"
refused "--adversary: needed" attack cells "$lizard" --target "$tail"
refused "--strengths 0.2,0.1: must be" attack cells "$lizard" --strengths 0.2,0.1
refused "--strengths 2: must be" attack cells "$lizard" --strengths 2
refused "--share: RULE is the victim" attack cells "$lizard" --share 0.1
refused "--tensor: cells reads no matrix" attack cells "$lizard" --adversary "$lizard" --tensor tail
refused "holds matrices without a rule; choose one by --tensor: tail, leg, head" attack matrix "$lizard" \
  --adversary "$rules/lizard_perturbations.safetensors" "${given[@]}"
refused "--tensor toe: $rules/lizard_perturbations.safetensors has no such matrix of 16 channels; it has tail, leg, head" attack matrix \
  "$lizard" --adversary "$rules/lizard_perturbations.safetensors" --tensor toe "${given[@]}"
refused "--tensor tail: zoo:lizard has no such matrix of 16 channels; it has none" attack matrix "$lizard" \
  --adversary zoo:lizard --tensor tail "${given[@]}"
"$nca" attack matrix "$lizard" --adversary matrix-whole --tensor mix --samples 1 --steps 1 --strengths 1 "${given[@]:0:6}" |
  grep -q "^matrix against .*, 1 sample, after 1 step$" || fail "a run's matrix by its name"
refused "not a trained matrix" attack matrix "$lizard" --adversary "$lizard" "${given[@]}"
refused "states.png" attack cells "$digits" --output states.png
refused "cannot attack rules of the task digits; choose one of cells, input-gradient, state-gradient, input-noise" \
  attack matrix "$digits" --task digits --adversary x
refused "--adversary victim-run: a rule of the task grow, not an adversary for $lizard; give one trained by nca train --preset grow-adversary" \
  attack cells "$lizard" --adversary victim-run
refused "--adversary matrix-whole: a rule of the task grow-matrix, not an adversary" attack cells victim-run --adversary matrix-whole
refused "--adversary eight.safetensors: a rule of the task digits-adversary, not an adversary" attack cells victim-run \
  --adversary eight.safetensors
"$nca" train --target "$tail" --target-size 40 --padding 16 --hidden 64 --pool 4 --batch 2 --damaged 0 --steps-min 2 \
  --steps-max 2 --updates 1 --out narrow --quiet
refused "--adversary: a rule of --hidden 128, beside one of --hidden 64; rules that share cells must be alike" \
  attack cells narrow --adversary cells-whole
refused "--victim: needed" train --preset digits-adversary --data "$mnist"
refused "--victim missing" train --preset digits-adversary --data "$mnist" --victim missing
refused "this rule has perception sobel and 0 frozen channels" train --preset digits-adversary --data "$mnist" --victim "$lizard"
refused "--say 12: must be a digit" train --preset digits-adversary --data "$mnist" --victim "$digits" --say 12
refused "trains no adversary" train --victim "$lizard"
refused "already; give the rule without" train --preset grow-adversary --victim matrix-whole "${small[@]}" --damaged 1
changed=(eight cells matrix)   # a run's victim is another; a sanitizer looks at one
[ $digits_tried -eq 200 ] || changed=(matrix)
for run in "${changed[@]}"; do
  cp -r "$run-whole" changed
  cp "$rules/lizard_adversary_no_tail.safetensors" changed/victim.safetensors
  [ "$run" != eight ] || cp "$rules/digits_adversary.safetensors" changed/victim.safetensors
  other="changed/victim.safetensors: another rule than the victim that changed was trained with; put that one back"
  refused "$other" train --resume changed --updates 7
  refused "$other" eval changed --seeds 1 --steps 1
  refused "$other" run changed --steps 1 --output film.png
  rm changed/model.safetensors
  refused "victim; resume it with its own" train --resume changed --updates 7
  cmp changed/checkpoint.safetensors "$run-whole/checkpoint.safetensors" || fail "$run: the run is changed"
  rm -r changed
done
[ ! -e film.png ] || fail "a refused run left a picture"
# Another path to the same rule is the same victim.
cp "$lizard" same.safetensors
"$nca" train --resume cells-part --victim ./same.safetensors --updates 6 --quiet >/dev/null || fail "a victim by another name"
refused "--victim: differs from what cells-part" train --resume cells-part --victim "$rules/lizard_adversary_no_tail.safetensors"
refused "--victim none.safetensors: " train --resume cells-part --victim none.safetensors
for name in adversary.glsl adversary.json adversary.onnx adversary.html; do
  refused "cells-whole: an adversary" export cells-whole -o "$name"
  refused "adversary.safetensors: an adversary" export adversary.safetensors -o "$name"
  [ ! -e "$name" ] || fail "a refused export left $name"
done
# By its file, whichever task is named.
refused "eight.safetensors: an adversary" export eight.safetensors --task digits -o eight.html
refused "eight.safetensors: an adversary" attack killed eight.safetensors --task digits --data "$mnist"
refused "was trained for digits-adversary" eval eight.safetensors --task digits --data "$mnist"
refused "was trained for digits-adversary" run eight.safetensors --task digits --data "$mnist" -o eight.png
refused "--victim: needed" eval adversary.safetensors --target "$tail"
refused "adversary.safetensors: turns a picture" run adversary.safetensors -o eight.png
refused "an adversary, of the task digits-adversary; give a rule of the task digits" train --task digits \
  --data "$mnist" --from eight.safetensors --pool 32
refused "an adversary" attack killed cells-whole
refused "an adversary" attack killed adversary.safetensors --target "$tail"
refused "--victim: an adversary itself" train --preset grow-adversary --victim adversary.safetensors "${small[@]}" \
  --damaged 1
pictures=(attack killed "$digits" --task digits --data "$mnist" --samples 1 --steps 1 --strengths 0)
refused "--shown 3: there is no picture to show them; give --output" "${pictures[@]}" --shown 3
refused "end" "${pictures[@]}" --output same.jpg
refused "--output -: standard output is for the figures" "${pictures[@]}" --output - --curve -
refused "is --output too" "${pictures[@]}" --output same.png --curve ./same.png
refused "there is no folder missing" "${pictures[@]}" --output same.png --curve missing/curve.png
[ ! -e same.png ] || fail "a refused attack left a picture"
cp "$lizard" own.safetensors
cp own.safetensors own.json
refused "own.json: this command reads that file" export own.json -o ./own.json --force
cmp own.json own.safetensors || fail "--force wrote over what is read"
cp "$tail" own.png
refused "own.png: this command reads that file" attack killed "$lizard" --target own.png --curve ./own.png --force
for file in config.json model.safetensors checkpoint.safetensors victim.safetensors; do
  refused "among the files of the run itself" export "$lizard" --format json -o "cells-whole/$file" --force
done
for file in loss.png pictures/target.png pictures/pool-000006.png; do
  refused "among the files of the run itself" "${pictures[@]}" --output "cells-whole/$file" --force
  (cd "cells-whole/$(dirname "$file")" &&
    refused "among the files of the run itself" "${pictures[@]}" --curve "$(basename "$file")" --force &&
    rm stdout stderr)
done
# Two pictures or none: the curve's is the larger one.
(ulimit -f 8 && refused "curve.png: cannot be written: File too large" "${pictures[@]}" --output same.png --curve curve.png --force)
[ ! -e same.png ] || fail "a failed curve left the picture"
refused "--perturbed 0: " train --perturb salt:0.1 --perturbed 0
refused "--perturbed 3: there is no --perturb" train --perturbed 3
refused "--share: the task grow-matrix does not read it" train --preset grow-matrix --victim "$lizard" --share 0.2
refused "--share: the task grow-matrix does not read it" eval matrix-whole --share 0.2
refused "--say: the task grow-adversary does not read it" train --preset grow-adversary --victim "$lizard" --say 3
refused "--say: the task grow-adversary does not read it" attack cells "$lizard" --adversary cells-whole --say 3
refused "--say: the task grow-matrix does not read it" attack matrix "$lizard" --adversary matrix-whole --say 3
[ ! -e runs ] || fail "a refused training left a run"
