# Sourced by the tests of the whole program on the emulated device: $nca, a folder of their own,
# settings of a small training, the losses of a run, and refused().
. "$root/tests/scratch.sh"
# test_cuda looks at every access of every kernel; this is about numbers and words.
export NCA_EMULATOR_CHECKS=0

head -c -2 "$root/tests/fuzz/corpus/image/rgba.png" >target.png   # two bytes at the end are the fuzzer's
settings=(--target target.png --target-size 9 --padding 3 --batch 4 --pool 12 --damaged 1 --steps-min 12
  --steps-max 18 --checkpoint-every 5 --pictures-every 1000)
losses() { sed -n 's/.*"loss": \([-+.0-9e]*\).*/\1/p' "$1/metrics.jsonl"; }

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
