#!/usr/bin/env bash
# scripts/gpu_check.sh from end to end, with tiny sizes and the emulated device in the place of a GPU: that
# it goes through all of its steps, tells failed from skipped, and writes JSON that can be read.
#   gpu_check.sh NCA_EMULATED
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"
export NCA_EMULATOR_CHECKS=0 NCA_GPU_QUICK=1

mkdir bin pack
program() {
  local path=$1
  shift
  printf '%s\n' '#!/usr/bin/env bash' "$@" >"$path"
  chmod +x "$path"
}
program bin/nvidia-smi 'case $* in
  -L) echo "GPU 0: Fake (UUID: none)" ;;
  *=name*) echo "Fake \"GPU\"" ;;
  *=driver_version*) echo 580.1 ;;
esac'
# A program whose cuda is the emulator, on which thinning fails as long as ./broken is there.
program pack/nca "[[ \" \$* \" != *' --tape-every '* ]] || [ ! -e $scratch/broken ] || { echo 'a planted failure'; exit 1; }
exec $nca \"\${@/#cuda/emulator}\""
program bin/compute-sanitizer 'echo checked by "$2"'
program pack/test_cuda_gpu 'echo "no GPU"; exit 77'
echo 13.0 >pack/cuda
export NCA=$scratch/pack/nca PATH=$scratch/bin:$PATH

# check CODE: the script ends with that code.
check() {
  local code=0
  "$root/scripts/gpu_check.sh" results >out 2>err || code=$?
  [ $code -eq "$1" ] || fail "exit code $code, not $1: $(cat out err)"
}
state_of() { sed -n "s/.*{\"name\": \"$1\", \"state\": \"\([a-zA-Z]*\)\".*/\1/p" results/results.json; }

check 0
for name in bench_fused_8x72 bench_cublas_4x56 kernels_fused_4x56 kernels_cublas_8x72 train_cuda train_cpu \
  same_losses train_update memcheck_cublas; do
  [ "$(state_of $name)" = ok ] || fail "$name: $(state_of $name): $(cat out)"
done
[ "$(state_of test_cuda_gpu)" = skipped ] || fail "what lacks something was not skipped: $(cat out)"
grep -q "0 FAILED" out || fail "the table does not count: $(cat out)"
grep -qE "^bench_fused_8x72 +[0-9.]+ ms a step +[0-9.]+ forward" out || fail "the table has no figures: $(cat out)"
grep -q '"gpu": "Fake \\"GPU\\"", "driver": "580.1", "cuda": "13.0"' results/results.json ||
  fail "it does not say on what it ran: $(head -1 results/results.json)"
grep -q '"median_ms": [0-9]' results/results.json || fail "the JSON has no figures"
# Every brace and bracket is closed; python3, where there is one, reads all of it.
[ "$(tr -cd '{[' <results/results.json | wc -c)" -eq "$(tr -cd '}]' <results/results.json | wc -c)" ] || fail "no JSON"
! command -v python3 >/dev/null || python3 -m json.tool results/results.json >/dev/null || fail "no JSON"

# A failure is a row, ends with 1, and stops nothing. Cases are there only beside the project.
if [ "$(state_of verify_fused)" = ok ]; then
  touch broken
  check 1
  [ "$(state_of thinned_cublas)" = FAILED ] || fail "a failure is not told: $(cat out)"
  grep -q "a planted failure" results/results.json || fail "it does not say why"
  [ "$(state_of same_losses)" = ok ] || fail "a failure stopped the rest: $(cat out)"
fi
# Time is up before it begins: nothing is run, nothing fails.
NCA_GPU_SECONDS=0 check 0
[ "$(state_of train_cuda)" = skipped ] || fail "it goes on when time is up: $(cat out)"
# No GPU; a program that is none; words that are none.
program bin/nvidia-smi 'exit 9'
check 77
program bin/nvidia-smi 'echo "GPU 0: Fake"'
NCA=$scratch/none check 2
NCA=$scratch check 2
NCA_GPU_SECONDS=abc check 2
[ -s results/results.json ] || fail "a check that was refused took the results of an earlier one"
mkdir mine
echo mine >mine/notes.txt
for wrong in --quick "results more" --pack mine mine/notes.txt "--pack mine/notes.txt"; do
  ! "$root/scripts/gpu_check.sh" $wrong >out 2>err || fail "$wrong: not refused"
  [ "$(wc -l <err)" -eq 1 ] || fail "$wrong: not one line: $(cat err)"
done
[ "$(ls -A mine)" = notes.txt ] || fail "a folder of another is changed: $(ls -A mine)"
