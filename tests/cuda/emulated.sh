#!/usr/bin/env bash
# The whole program on the emulated device: a training by either path beside the CPU's, and what happens
# where the device is missing, old, too small or lost.
#   emulated.sh NCA_EMULATED
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"
# test_cuda looks at every access of every kernel; this is about numbers and words.
export NCA_EMULATOR_CHECKS=0

head -c -2 "$root/tests/fuzz/corpus/image/rgba.png" >target.png   # two bytes at the end are the fuzzer's
settings=(--target target.png --target-size 9 --padding 3 --batch 4 --pool 12 --damaged 1 --steps-min 12
  --steps-max 18 --checkpoint-every 5 --pictures-every 1000)
losses() { sed -n 's/.*"loss": \([-+.0-9e]*\).*/\1/p' "$1/metrics.jsonl"; }

# Twenty updates from one seed have the CPU's losses, to a ten-thousandth each.
"$nca" train "${settings[@]}" --updates 20 --device cpu --out cpu --quiet
for path in fused cublas; do
  "$nca" train "${settings[@]}" --updates 20 --device emulator --cuda-path $path --out $path >log
  grep -q "($path" log || fail "it does not say that $path trains: $(cat log)"
  paste <(losses $path) <(losses cpu) | awk -v path=$path '
    { off = $1 / $2 - 1; if (off < 0) off = -off; if (off > largest) largest = off }
    !(off <= 1e-4) { print "update " NR ": " $0; is_wrong = 1 }
    END { print path ": the losses of " NR " updates differ by " largest " at most"; exit is_wrong || NR != 20 }' ||
    fail "$path: the losses are not the CPU's"
done
"$nca" run fused --device emulator --steps 20 --output grown.png
[ -s grown.png ] || fail "run made no picture"

# refused WORDS ARGUMENT...: exit code 2 and one line with the words.
refused() {
  local words=$1 code=0
  shift
  "$nca" "$@" >stdout 2>all || code=$?
  grep -v '^emulator: ' all >stderr || true   # what the emulator says of itself
  [ "$code" -eq 2 ] || fail "$*: exit code $code, not 2"
  [ "$(wc -l <stderr)" -eq 1 ] || fail "$*: not one line: $(cat stderr)"
  grep -qF -- "$words" stderr || fail "$*: does not say \"$words\": $(cat stderr)"
}
train_on=(train "${settings[@]}" --updates 20 --out none --device)
NCA_EMULATOR_DEVICES=0 refused "use --device cpu" "${train_on[@]}" emulator
NCA_EMULATOR_DRIVER=12000 refused "update the driver" "${train_on[@]}" emulator
NCA_EMULATOR_MEMORY=1000000 refused "bytes" "${train_on[@]}" emulator
refused "numbered from 0" "${train_on[@]}" emulator:1
[ ! -e none ] || fail "a run that was refused left a folder"

# A device that is lost in the middle: one line, and the last checkpoint goes on, here on the CPU.
NCA_EMULATOR_LOSE=900 refused "with: nca train --resume lost" train "${settings[@]}" --updates 20 \
  --device emulator --out lost --quiet
[ -s lost/checkpoint.safetensors ] || fail "the lost run left no checkpoint"
[ "$(losses lost | wc -l)" -lt 20 ] || fail "the device was not lost"
"$nca" train --resume lost --device cpu --quiet
[ "$(losses lost | wc -l)" -eq 20 ] || fail "the resumed run has $(losses lost | wc -l) updates"
