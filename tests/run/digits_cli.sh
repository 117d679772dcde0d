#!/usr/bin/env bash
# The task of digits through the program, on MNIST's test digits and the published rule: figures of
# that rule as found outside this project; a short training, resumed; every command on its run; and
# what is refused.
#   digits_cli.sh NCA [DATA]
# DATA has mnist/ and published_float/; without them the test is skipped.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
data=$(realpath -m "${2:-../shared/data}")
. "$root/tests/scratch.sh"
mnist=$data/mnist rule=$data/published_float/digits_l2_noise.safetensors
[ -e "$mnist" ] && [ -e "$rule" ] || {
  echo "$data: no digits there: skipped"
  exit 77
}

# field FILE STEP NAME: a figure of a step, in the JSON of nca eval.
field() { sed -n "s/^ *{\"step\": $2, .*\"$3\": \([0-9.e-]*\).*/\1/p" "$1"; }

# A sanitizer looks at the same source with few digits, whose figures are not judged.
digits_tried=300
[ "${NCA_IS_SANITIZED:-0}" = 0 ] || digits_tried=4

# between LOW X HIGH
between() { [ $digits_tried -lt 300 ] && [ -n "$2" ] || awk -v a="$1" -v x="$2" -v b="$3" 'BEGIN { exit !(x != "" && a <= x && x <= b) }'; }

# 300 of all 10,000: 95.3 % of the cells, and 88 % of the digits with a sigma of 1.9.
"$nca" eval "$rule" --task digits --data "$mnist" --seeds $digits_tried --steps 0,200 --json >published.json
echo "published: cells right $(field published.json 200 cells_right), agreement $(field published.json 200 agreement)"
between 0.92 "$(field published.json 200 cells_right)" 0.985 || fail "cells right after 200 steps"
between 0.82 "$(field published.json 200 agreement)" 0.94 || fail "agreement after 200 steps"
[ "$(field published.json 0 cells_right)" = 0 ] || fail "cells are right before the first step"
after=$(sed -n 's/.*"after": {"step": 400, "cells_right": \([0-9.]*\).*/\1/p' published.json)
between 0.9 "$after" 0.99 || fail "cells right after an exchange: $after"
grep -q '"confusion": {"step": 200, "classes": \["0"' published.json || fail "no confusion"

# A run, and the same one stopped and resumed; its folder says where the data are.
settings=(--task digits --data "$mnist" --hidden 16 --hidden2 16 --pool 32 --pictures-every 20
  --checkpoint-every 10)
"$nca" train "${settings[@]}" --updates 30 --out run --quiet
for name in digit.webp loss.png pictures/batch-000020.png pictures/pool-000020.png; do
  [ -s "run/$name" ] || fail "run/$name is missing"
done
(cd "$root" && "$nca" train "${settings[@]}" --updates 12 --out "$scratch/other" --quiet --threads 1)
"$nca" train --resume other --updates 30 --quiet
cmp run/model.safetensors other/model.safetensors || fail "resumed is not as never stopped"
grep -q '"held_out": 2000' run/config.json || fail "config.json does not keep what is held out"
ln -s "$mnist" moved
"$nca" train --resume other --updates 31 --data moved --quiet
(cd / && "$nca" eval "$scratch/other" --seeds 2 --steps 2 --no-exchange >/dev/null) || fail "data of a resumed run are lost"
(cd / && "$nca" eval "$scratch/run" --seeds 4 --steps 2 --no-exchange >"$scratch/table")
grep -q "total agreement" table || fail "no figures in the table"
"$nca" run run --steps 4 --columns 5 --output strip.png >/dev/null
"$nca" run "$rule" --task digits --data "$mnist" --steps 4 --output film.webp >/dev/null
# Up to the exchange the film is that without one; then the grey is another's.
film=("$rule" --task digits --data "$mnist" --every 4 --steps 8)
"$nca" run "${film[@]}" --output whole.npy >/dev/null
"$nca" run "${film[@]}" --exchange 4 --output exchanged.npy >/dev/null
frame=$((28 * 28 * 20 * 4)) header=$(($(stat -c %s whole.npy) - 3 * 28 * 28 * 20 * 4))
cmp -n $((header + frame)) whole.npy exchanged.npy || fail "exchanged too early"
! cmp -s -i $((header + frame)) -n "$frame" whole.npy exchanged.npy || fail "not exchanged"
"$nca" report run --cut-at 4 --heal-steps 4 >/dev/null
grep -q "total agreement" report.html || fail "no figures on the page"
for word in '"is_exchange": *true' '"confusion": *{' '"name": *"not exchanged"' '"says 9"'; do
  grep -q "$word" report.html || fail "the page lacks $word"
done
! grep -q '"name": *"lower"' report.html || fail "the page cuts digits"
grep -q "cells right 0.[0-9]*, total agreement" report.html || fail "no figures in the page's verdict"

# A run is judged by the loss that it was trained by: of states that say nothing it is ln 10, or a
# half a cell.
"$nca" train "${settings[@]}" --loss cross-entropy --updates 1 --out entropy --quiet >/dev/null
judged=(--seeds 2 --steps 0 --no-exchange --json)
"$nca" eval entropy "${judged[@]}" | grep -q '"0": {"median": 0.3622' || fail "a run by cross entropy is judged by another loss"
! "$nca" eval run "${judged[@]}" | grep -q '"0": {"median": 0.3622' || fail "a run by squares is judged by another loss"

# refused WORDS ARGUMENT...
refused() {
  local words=$1 code=0
  shift
  "$nca" "$@" >stdout 2>stderr || code=$?
  [ "$code" -eq 2 ] && [ "$(wc -l <stderr)" -eq 1 ] || fail "nca $*: exit code $code: $(cat stderr)"
  grep -qF -- "$words" stderr || fail "nca $*: does not say \"$words\": $(cat stderr)"
  [ ! -e refused ] || fail "nca $*: left a folder"
}
mkdir empty damaged
cp "$mnist"/*labels* damaged
head -c 100000 "$mnist/t10k-images-idx3-ubyte.gz" >damaged/t10k-images-idx3-ubyte.gz
train=(train --task digits --updates 2 --out refused)
refused "--data: needed" "${train[@]}"
refused "no digits there" "${train[@]}" --data empty
refused "does not hold the 7840000 bytes" "${train[@]}" --data damaged
refused "--held-out 10000" "${train[@]}" --data "$mnist" --held-out 10000
refused "give --grid 28x28" "${train[@]}" --data "$mnist" --grid 30
refused "--alive maximum" "${train[@]}" --data "$mnist" --alive maximum
refused "--damaged" "${train[@]}" --data "$mnist" --damaged 1
refused "--damage-changes: digits" "${train[@]}" --data "$mnist" --damage-changes 1:damaged=1
for option in "--target 🦋" "--target-size 12" "--padding 3" --trim "--background #ffffff" \
  "--font x.ttf" "--damage-radius-min 0.2" "--damage-halves 0.5"; do
  # shellcheck disable=SC2086
  refused "${option%% *}: the task digits does not read it" "${train[@]}" --data "$mnist" $option
done
refused "--trim: the task digits does not read it" eval run --trim
refused "--font: the task digits does not read it" eval run --font x.ttf
refused "--reseeded 9 and --exchanged 8" "${train[@]}" --data "$mnist" --reseeded 9 --exchanged 8
refused "--until healed: rules of the task digits" "${train[@]}" --data "$mnist" --until healed
refused "--channels 8" "${train[@]}" --data "$mnist" --channels 8
refused "--data: the task grow has none" train --data "$mnist" --out refused
refused "--exchanged: samples of the task grow" train --exchanged 1 --out refused
refused "--loss cross-entropy: the task grow" train --loss cross-entropy --out refused
refused "--alive channel: no channel of the task grow" train --alive channel --out refused
refused "those of the task digits, and the file does not say what is in them; give its run folder, or --task digits" \
  eval run/model.safetensors
for command in "eval $rule" "run $rule -o x.gif" "export $rule -o x.html" "attack killed $rule"; do
  # shellcheck disable=SC2086
  refused "looks like a rule of the task digits" $command
done
refused "a heal map: samples of the task digits" eval run --map
refused "a heal map: samples of the task digits" report run --map -o x.html
refused "was trained for digits" eval run --task grow
refused "--grid 20: the set of digits is of 28x28" eval run --grid 20
"$nca" train --target-size 8 --padding 2 --pool 8 --updates 1 --out grown --quiet >/dev/null
refused "--task digits: grown was trained for grow" eval grown --task digits --data "$mnist"
refused "--data: the task grow has no data" run grown --data "$mnist"
refused "--exchange: samples of the task grow" run grown --exchange 1
refused "--exchange 9: must be a step, 0 to 8" run "${film[@]}" --exchange 9
refused "--exchange x: must be a step" run "${film[@]}" --exchange x
refused "--exchange: samples of the task grow" eval \
  "$data/published_float/lizard_regenerating.safetensors" --target "$data/targets/lizard.png" --exchange
echo "digits: trained, resumed, judged, filmed and refused"
