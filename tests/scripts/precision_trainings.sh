#!/usr/bin/env bash
# scripts/precision_trainings.sh with tiny trainings: what it refuses, that its table says what the runs
# say, that a finished run is taken as it is, and that one of other settings is not.
#   precision_trainings.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
digits=$(realpath -m ../shared/data/mnist)
. "$root/tests/scratch.sh"
command -v python3 >/dev/null || {
  echo "no python3: skipped"
  exit 77
}

script=$root/scripts/precision_trainings.sh
small=("$nca" --padding 3 --channels 8 --hidden 32 --batch 4 --pool 16 --damaged 1 --reseeded 1
  --damage-halves 0 --steps-min 6 --steps-max 8)
make() { "$script" --targets lizard --seeds 1,2 --precisions f32,tf32 --updates 3 --size 8 "$@" "${small[@]}" >table 2>said; }

# refused WORDS OPTION...: one line has the words, and nothing is made.
refused() {
  local words=$1 code=0
  shift
  "$script" "$@" >said 2>&1 || code=$?
  [ $code -eq 2 ] || fail "$*: ends with $code: $(cat said)"
  grep -qF -- "$words" said || fail "$*: does not say \"$words\": $(cat said)"
  [ "$(wc -l <said)" -eq 1 ] || fail "$*: says more than a line: $(cat said)"
  [ ! -e precision-trainings ] || fail "$*: leaves a folder"
}
refused "--half: no such option" --half 1 "$nca"
refused "--seeds needs a value" --seeds
refused "--precisions needs a value" --precisions '' "$nca"
refused "--targets lizard,,eye: an entry is empty" --targets lizard,,eye "$nca"
refused "--targets eye,: an entry is empty" --targets eye, "$nca"
refused "--targets eye,lizard,eye: eye is there twice" --targets eye,lizard,eye "$nca"
refused "--seeds 1,2,1: 1 is there twice" --seeds 1,2,1 "$nca"
refused "--seeds 01: must be numbers" --seeds 01 "$nca"
refused "--precisions f32,f32: f32 is there twice" --precisions f32,f32 "$nca"
refused "--targets *: no blanks, quotes, backslashes or wildcards" --targets '*' "$nca"
refused "--targets a b: no blanks" --targets 'a b' "$nca"
refused "--precisions f?2: no blanks" --precisions 'f?2' "$nca"
refused "--targets digits: no picture; --digits DATA trains them" --targets digits "$nca"
refused "--seeds x: must be numbers" --seeds x "$nca"
refused "--jobs 0: must be a number" --jobs 0 "$nca"
refused "--loss low: must be a number" --loss low "$nca"
refused "--device tpu: must be" --device tpu "$nca"
refused "--precisions bf16x3: on cuda choose of f32,bf16,tf32" --device cuda --precisions bf16x3 "$nca"
refused "--precisions half: on cpu choose of f32,bf16,tf32,bf16x3" --precisions half "$nca"
refused "pictures/eye.png: no such picture" --targets eye --pictures pictures "$nca"
refused "--targets a/b: must be a name" --targets a/b "$nca"
refused "none: no such folder" --digits none "$nca"
refused "none: no program" none
refused "--target-size=9: each training has its own" "$nca" --target-size=9
refused "--precision: each training has its own" "$nca" --batch 2 --precision bf16

"$script" --help >said && head -1 said | grep -q "^What precision does to training" && grep -q "^ *--jobs N " said ||
  fail "--help: $(cat said)"
! grep -q "pipefail" said || fail "--help prints the script: $(cat said)"

# What the runs say.
make --out runs || fail "$(cat said)"
[ "$(wc -l <table)" -eq 5 ] || fail "not a row for each precision and the difference: $(cat table)"
mean=$(sed -n 's/^| lizard | [a-z0-9]* | [^|]*| \([^|]*\), \([^|]*\) | .*/\1 \2/p' table |
  awk 'NR == 1 { a = $1 + $2 } NR == 2 { printf "%.2f", ($1 + $2 - a) / 2 }')
grep -F "| less f32, mean (standard error) | tf32 |" table | awk -v mean="$mean" \
  '{ found = $11 - mean; exit !(found < 0.011 && found > -0.011) }' ||
  fail "the mean difference is not $mean: $(cat table)"
grep -q "| lizard | tf32 | rounding, tf32 |" table || fail "tf32 is not computed by rounding: $(cat table)"
judge() { "$nca" eval "runs/lizard-8-$1-$2" --steps 200 --no-cuts --long-run 0 --device cpu --json |
  sed -n 's/.*"200": {"median": \([-0-9.]*\).*/\1/p'; }
for precision in f32 tf32; do
  expected=$(printf '%.2f, %.2f' "$(judge $precision 1)" "$(judge $precision 2)")
  grep -qF -- " $precision | " table || fail "no row of $precision"
  grep -F "| lizard | $precision |" table | grep -qF -- "| $expected |" ||
    fail "$precision: the losses are not $expected: $(cat table)"
  grep -F "| lizard | $precision |" table | grep -qF -- "| -, - |" || fail "3 updates have a running median"
done

# What is finished is taken as it is, also in another place; what was interrupted goes on.
cp -a runs other
rm runs/lizard-8-f32-1/growth.webp
cp runs/lizard-8-f32-1/model.safetensors model
find runs other -name model.safetensors -exec touch -d 2020-01-01 {} +
make --out other || fail "elsewhere: $(cat said)"
mv table elsewhere
[ -z "$(find other -name model.safetensors -newermt 2021-01-01)" ] || fail "a finished run is trained again"
make --out runs || fail "$(cat said)"
cmp table elsewhere || fail "the table of runs that were made elsewhere is another"
cmp model runs/lizard-8-f32-1/model.safetensors || fail "a run that was interrupted becomes another"
[ -e runs/lizard-8-f32-1/growth.webp ] || fail "a run that was interrupted is not finished"

# The update at which the median of the last hundred passes a loss: 51 of them are beyond it.
for ((i = 1; i <= 200; i++)); do
  echo "{\"update\": $i, \"log10_loss\": $([ $i -le 100 ] && echo -1.0 || echo -3.5)}"
done >runs/lizard-8-f32-2/metrics.jsonl
make --out runs --loss -3.2 || fail "$(cat said)"
grep -F "| lizard | f32 |" table | grep -qF -- "| -, 151 |" || fail "the running median: $(cat table)"

# A file that holds something else.
cp -r other odd
echo '{}' >odd/lizard-8-f32-1/machine.json
make --out odd && fail "a file without its content is not noticed"
grep -q "^precision_table.py: odd/lizard-8-f32-1: a file of it, .* is not as it was written" said || fail "it says: $(cat said)"

# Runs of other settings, or in another precision than their name says.
sed -i 's/"batch": 4/"batch": 5/' other/lizard-8-tf32-2/config.json
make --out other && fail "another batch is not noticed"
grep -qF 'lizard-8-tf32-2: batch is 5, but 4 in' said || fail "another batch: $(cat said)"
[ ! -s table ] || fail "a table of unlike runs"
rm -rf runs/lizard-8-tf32-1
mv runs/lizard-8-f32-1 runs/lizard-8-tf32-1
make --out runs --seeds 1 --precisions tf32 && fail "a run in another precision is not noticed"
grep -qF 'lizard-8-tf32-1: trained in f32' said || fail "another precision: $(cat said)"

# Ctrl-C: what was trained is saved, and the same command goes on.
long=(--targets lizard,eye --seeds 1 --precisions f32 --size 8 --out long)
setsid env --default-signal=INT "$script" "${long[@]}" --updates 1000000 "${small[@]}" >said 2>&1 &
child=$!
for ((i = 0; i < 600; i++)); do
  [ -s long/lizard-8-f32-1/metrics.jsonl ] && [ -s long/eye-8-f32-1/metrics.jsonl ] && break
  sleep 0.1
done
code=0
kill -INT -- -$child
wait $child || code=$?
[ $code -eq 130 ] && grep -q "stopped; the same command goes on" said || fail "Ctrl-C ends with $code: $(cat said)"
for target in lizard eye; do
  "$nca" train --resume long/$target-8-f32-1 --device cpu --updates $(($(wc -l <long/$target-8-f32-1/metrics.jsonl) + 1)) \
    --quiet >said 2>&1 || fail "Ctrl-C: $target is not saved, or still in training: $(cat said)"
done

# A training that cannot begin ends all.
"$script" --targets lizard --seeds 1 --precisions f32 --updates 1 --out wrong "$nca" --batch 0 >table 2>said &&
  fail "what cannot be trained is not told"
grep -q "batch" said || fail "it does not say what is wrong: $(cat said)"

# Digits have a table of their own, of several targets the median is told.
if [ -d "$digits" ]; then
  make --targets lizard,🦋 --seeds 1 --precisions f32 --out two --digits "$digits" --digits-updates 1 || fail "$(cat said)"
  grep -q "^| median of all | f32 |" table || fail "no median of two targets: $(cat table)"
  grep -Eq "^\| digits \| f32 \| [^|]* \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \| - \|$" table || fail "no row of digits: $(cat table)"
fi
echo ok
