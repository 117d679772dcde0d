#!/usr/bin/env bash
# The whole program on the emulated device: a training by either path beside the CPU's, and what
# happens where the device is missing, old, too small or lost.
#   emulated.sh NCA_EMULATED
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
. "$root/tests/kernels/cuda/emulated_program.sh"
settings+=(--precision f32)   # auto would take different ones on the two devices

# begin LOG ARGUMENT...: a training on the emulated device that is lost with launch `lose`, so that
# only what is said before it is there to look at: the first one after the time of an update was
# estimated.
lose=1
begin() {
  local log=$1
  shift
  NCA_EMULATOR_LOSE=$lose "$nca" train "${settings[@]}" --device emulator --out begun "$@" >"$log" 2>&1 || true
  grep -q "see what nvidia-smi says" "$log"
}
# Bytes of a device on which a session of these settings just fits: 64 KiB less is refused.
smallest_that_begins() {
  local low=1 high=64 middle
  while [ $((high - low)) -gt 1 ]; do
    middle=$(((low + high) / 2))
    if NCA_EMULATOR_MEMORY=$((middle << 16)) begin probe; then high=$middle; else low=$middle; fi
  done
  echo $((high << 16))
}

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
# Kernels are timed on it as on a device; what time means there is another matter.
sizes=(--case 17x13-angle --repeats 1 --warmup 0)
for path in fused cublas; do
  NCA_EMULATOR_SM=1 "$nca" bench step --device emulator --cuda-path $path "${sizes[@]}" >bench_$path
  grep -q "million cells a second" bench_$path || fail "bench: $path: no step: $(cat bench_$path)"
  NCA_EMULATOR_SM=1 "$(dirname "$nca")/bench_kernels" --device emulator --cuda-path $path "${sizes[@]}" >kernels_$path
done
grep -q "^  fused_backward  *[0-9]" kernels_fused && grep -q "^  dp_product  *[0-9]" kernels_cublas ||
  fail "bench_kernels: not every kernel: $(cat kernels_fused kernels_cublas)"
# A GPU is not counted in threads.
for file in bench_fused kernels_fused; do
  grep -q "hidden; Emulated device 0 (fused)$" $file || fail "it does not name the device: $(cat $file)"
  ! grep -qE "thread|a core" $file || fail "it speaks of threads or cores: $(cat $file)"
done
"$nca" run fused --device emulator --steps 20 --output grown.png
[ -s grown.png ] || fail "run made no picture"

# Sums do not depend on the number of multiprocessors: a run goes on with another one as if nothing
# had happened.
for sm in 4 6 19; do
  cp -r fused moved_$sm
  NCA_EMULATOR_SM=$sm "$nca" train --resume moved_$sm --updates 23 --device emulator --quiet >log
  ! grep -q warning log || fail "another number of multiprocessors warns: $(cat log)"
  cmp moved_4/model.safetensors moved_$sm/model.safetensors || fail "$sm multiprocessors give another rule"
done
# cuBLAS chooses by the card, so there a run that goes on with another one is told so.
cp -r cublas other_card
NCA_EMULATOR_DEVICES=2 "$nca" train --resume other_card --updates 21 --device emulator:1 --cuda-path cublas --quiet >log
grep -q "warning: this run was trained on cublas on Emulated device 0, which rounds differently" log ||
  fail "another card does not warn: $(cat log)"
NCA_EMULATOR_DEVICES=2 "$nca" train --resume other_card --updates 22 --device emulator:1 --cuda-path cublas --quiet >log
! grep -q warning log || fail "the same card warns: $(cat log)"

# `auto` says in one line why it passes over a GPU that is there, and nothing where none is.
NCA_EMULATOR_DRIVER=12000 "$nca" eval fused --steps 2 --json >log 2>error
[ "$(wc -l <error)" -eq 1 ] && grep -q "^--device auto takes cpu: .*update the driver" error ||
  fail "auto passes over an old driver in silence, or in more than a line: $(cat error)"
NCA_EMULATOR_DEVICES=0 "$nca" eval fused --steps 2 --json >log 2>error
[ ! -s error ] || fail "auto complains that there is no GPU: $(cat error)"
NCA_EMULATOR_DRIVER=12000 refused "did not take emulator: the NVIDIA driver knows CUDA 12.0" \
  train "${settings[@]}" --updates 1 --out none --precision tf32

NCA_EMULATOR_DEVICES=0 refused "use --device cpu" "${train_on[@]}" emulator
NCA_EMULATOR_DRIVER=12000 refused "update the driver" "${train_on[@]}" emulator
NCA_EMULATOR_MEMORY=1000000 refused "GiB" "${train_on[@]}" emulator
refused "numbered from 0" "${train_on[@]}" emulator:1
[ ! -e none ] || fail "a run that was refused left a folder"

# What the device chose where it was left to it is told, and not where it was not.
until [ $lose -gt 10000 ] || { begin log && grep -q "^Training" log; }; do lose=$((2 * lose)); done
tight=$(smallest_that_begins)
NCA_EMULATOR_MEMORY=$tight begin log || fail "with $tight bytes it does not begin: $(cat log)"
grep -q "^--cuda-path auto: fused$" log || fail "it does not say which path auto took: $(cat log)"
grep -q "one in [234] is kept and those between are computed again" log ||
  fail "with $tight bytes it does not say that the tape is thinned: $(cat log)"
NCA_EMULATOR_MEMORY=$tight begin log --tape-every 3 --cuda-path fused || fail "asked for, it does not begin: $(cat log)"
! grep -qE "is kept|^--cuda-path" log || fail "it tells what was asked for: $(cat log)"
begin log || fail "with room it does not begin: $(cat log)"
! grep -q "is kept" log || fail "the tape is thinned where there is room: $(cat log)"
# In little memory it trains to the same rule, and there is room for the films of the end.
NCA_EMULATOR_MEMORY=$tight "$nca" train "${settings[@]}" --updates 20 --device emulator --out thin --quiet ||
  fail "where training just fits, the films at its end do not"
cmp thin/model.safetensors fused/model.safetensors || fail "a thinned tape gives another rule"

# stopped UPDATES WORDS RUN: a training of 20 updates ends with one line before it has so many; its
# last checkpoint is whole and goes on, here on the CPU, to the same number of updates.
stopped() {
  local most=$1 words=$2 folder=$3
  refused "$words" train "${settings[@]}" --updates 20 --device emulator --out "$folder" --quiet
  grep -q "go on from update [0-9]* with: nca train --resume $folder" stderr ||
    fail "$folder: it does not say how to go on: $(cat stderr)"
  [ "$(losses "$folder" | wc -l)" -lt "$most" ] || fail "$folder: nothing went wrong"
  "$nca" train --resume "$folder" --device cpu --quiet
  [ "$(losses "$folder" | wc -l)" -eq 20 ] || fail "$folder: resumed, $(losses "$folder" | wc -l) updates"
}
# A device that is lost early, late, and while the pictures of the end are made.
NCA_EMULATOR_LOSE=200 stopped 5 "see what nvidia-smi says of it" lost_early
NCA_EMULATOR_LOSE=900 stopped 20 "see what nvidia-smi says of it" lost
# Memory that another program took meanwhile: a graph of so many steps cannot be made.
NCA_EMULATOR_FULL=5 stopped 20 "end what else uses its memory" full
# Lost before the first checkpoint: nothing is left. Full where the session's memory is taken: the
# same.
NCA_EMULATOR_LOSE=1 refused "see what nvidia-smi says of it" "${train_on[@]}" emulator
NCA_EMULATOR_FULL=1 refused "end what else uses its memory" "${train_on[@]}" emulator
[ ! -e none ] || fail "a run that never began left a folder"
for command in "run fused --steps 3 --output lost.png" "eval fused --steps 3" verify; do
  NCA_EMULATOR_LOSE=2 refused "see what nvidia-smi says of it" $command --device emulator
done
[ ! -e lost.png ] || fail "a run that failed left a picture"
