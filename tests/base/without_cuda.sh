#!/usr/bin/env bash
# With the CUDA libraries hidden the program starts at once and trains on the CPU by itself; asked
# for a GPU it says in one line why there is none.
#   without_cuda.sh NCA     NCA_BUILT_WITH_CUDA=1 where the build has the CUDA backend
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
pictures=$root/tests/fuzz/corpus/image
. "$root/tests/scratch.sh"

# The program itself needs none of them.
! ldd "$nca" | grep -E 'libcuda|libcublas|libcurand' || fail "the program is linked with CUDA libraries"

# What the loader meets first is no library, and it looks no further.
mkdir hidden
for name in libcuda.so libcuda.so.1 libcublas.so libcublas.so.12 libcublas.so.13 libcudart.so.13; do
  : >"hidden/$name"
done
export LD_LIBRARY_PATH=$PWD/hidden

head -c -2 "$pictures/rgba.png" >target.png   # two bytes at the end are the fuzzer's
settings=(--target target.png --target-size 8 --padding 2 --batch 2 --pool 4 --damaged 0 --hidden 16
  --steps-min 2 --steps-max 3 --updates 2)
"$nca" train "${settings[@]}" --device auto --out run >log || fail "training by itself ends with $?"
[ "$(wc -l <run/metrics.jsonl)" -eq 2 ] || fail "the metrics are not two updates"
grep -qE '\((scalar|avx2|avx512|avx512bf16|amx), [0-9]+ threads?\)' log || fail "it does not say that the CPU trains: $(cat log)"

# refused WORDS ARGUMENT...: exit code 2 and one line with the words.
refused() {
  local words=$1 code=0
  shift
  "$nca" "$@" >stdout 2>stderr || code=$?
  [ "$code" -eq 2 ] || fail "nca $*: exit code $code, not 2"
  [ "$(wc -l <stderr)" -eq 1 ] || fail "nca $*: not one line: $(cat stderr)"
  grep -qF -- "$words" stderr || fail "nca $*: does not say \"$words\": $(cat stderr)"
}
if [ "${NCA_BUILT_WITH_CUDA:-0}" = 1 ]; then
  why="no NVIDIA driver on this machine"
else
  why="this build has no such device: no nvcc was there"
fi
for device in cuda cuda:1; do
  refused "$why" train "${settings[@]}" --device "$device" --out none
  refused "$why" run run --device "$device" --output x.png
  refused "$why" verify --device "$device"
done
refused "$why" train "${settings[@]}" --device cuda --cuda-path cublas --out none
refused "only for --device cuda" train "${settings[@]}" --device cpu --cuda-path fused --out none
refused "only for --device cuda" train "${settings[@]}" --device reference --tape-every 2 --out none
refused "tf32 is for --device cuda" train "${settings[@]}" --device cpu --precision tf32 --out none
refused "tf32 is for --device cuda" train "${settings[@]}" --device auto --precision tf32 --out none
refused "the reference computes in f64" verify --device reference --precision tf32
"$nca" run run --device cpu --precision f32 --steps 1 --output x.png >/dev/null || fail "f32 is refused on the CPU"
[ ! -e none ] || fail "a run that was refused left a folder"

# Its help comes in under 20 ms (3 on two cores of a Zen 3): the best of many tries, since the
# machine has other things to do; what takes longer by itself does so in all of them.
[ "${NCA_IS_SANITIZED:-0}" = 0 ] || exit 0
best=1000000
for ((i = 0; i < 300 && (i < 20 || best >= 20000); i++)); do
  began=${EPOCHREALTIME/[.,]/}
  "$nca" --help >/dev/null
  took=$((${EPOCHREALTIME/[.,]/} - began))
  [ "$took" -ge "$best" ] || best=$took
done
echo "nca --help takes $best microseconds"
[ "$best" -lt 20000 ] || fail "nca --help takes $best microseconds"
