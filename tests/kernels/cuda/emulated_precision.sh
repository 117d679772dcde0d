#!/usr/bin/env bash
# The whole program in tf32 and bf16 on the emulated device: what it says of its error, training
# beside the CPU's, going on in another precision, verify, and what is refused.
#   emulated_precision.sh NCA_EMULATED
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
. "$root/tests/kernels/cuda/emulated_program.sh"

"$nca" train "${settings[@]}" --updates 6 --device cpu --precision f32 --out cpu --quiet
# In less than f32 it says how far that is from f32, and trains: the first losses are the CPU's to
# within twice the unit roundoff an update, 2^-11 and 2^-8, and not to the bit. Going on in f32 is
# told.
for precision in tf32 bf16; do
  "$nca" train "${settings[@]}" --updates 6 --device emulator --precision $precision --out $precision >log
  grep -q ", $precision), into" log || fail "it does not say that it trains in $precision: $(cat log)"
  grep -q "^$precision against f32 .*: states .*; gradients hidden.weight .*, output.bias " log ||
    fail "it does not say how far $precision is from f32: $(cat log)"
  paste <(losses $precision) <(losses cpu) | awk -v precision=$precision '
    { off = $1 / $2 - 1; if (off < 0) off = -off; if (off > largest) largest = off }
    !(off <= 2 * NR * (precision == "tf32" ? 2 ^ -11 : 2 ^ -8)) { print "update " NR ": " $0; is_wrong = 1 }
    END { print precision ": the losses of " NR " updates differ by " largest " at most"
          exit is_wrong || NR != 6 || largest < 1e-6 }' ||
    fail "$precision: the losses are not the CPU's, or just the same"
done
"$nca" train --resume bf16 --updates 7 --device emulator >log
! grep -q warning log || fail "going on in bf16 warns: $(cat log)"
"$nca" train --resume bf16 --updates 8 --device emulator --precision f32 --quiet >log
grep -q "warning: this run was trained on fused, bf16 on .* rounds differently from fused, sums by sample" log || fail "going on in f32 does not warn: $(cat log)"
"$nca" train --resume tf32 --updates 7 --device emulator --precision bf16 --quiet >log
grep -q "warning: this run was trained on fused, tf32" log || fail "going on in bf16 does not warn: $(cat log)"

# Where cuBLAS finds every product too small for tf32 and computes in f32, the line says that.
NCA_EMULATOR_TF32_FROM=512 "$nca" train "${settings[@]}" --updates 1 --device emulator --precision tf32 \
  --cuda-path cublas --out too_small >log
grep -q "^tf32 against f32 .*: the device computed in f32, not in tf32$" log ||
  fail "it does not say that cuBLAS stayed in f32: $(cat log)"
# A grid larger than that of the line's own rollout, for which the kernels are prepared before.
for precision in tf32 bf16; do
  "$nca" train --target target.png --batch 1 --damaged 0 --pool 2 --steps-min 2 --steps-max 2 --updates 3 \
    --checkpoint-every 3 --pictures-every 1000 --device emulator --precision $precision --out default_grid_$precision \
    --quiet || fail "$precision: no training on the default grid"
done

# verify measures it beside the allowances of f32 and judges by them nothing but the rest.
"$nca" verify --device emulator --precision tf32 >log || fail "verify in tf32 ends with $?"
grep -q "^tf32 against f32 " log || fail "verify does not say how far tf32 is from f32: $(cat log)"
grep -qE ", 0 failed, [1-9][0-9]* reported only \(tf32\)" log || fail "verify fails tf32: $(tail -1 log)"
grep -q "17x13-angle: states .* reported only" log || fail "verify does not measure tf32: $(cat log)"

# The bench says of what it is.
NCA_EMULATOR_SM=1 "$(dirname "$nca")/bench_kernels" --device emulator --precision bf16 --case 3x41 --repeats 1 \
  --warmup 0 >log
grep -q "hidden; Emulated device 0 (fused, bf16)$" log || fail "bench_kernels does not name the precision: $(cat log)"
NCA_CPU_ISA=scalar NCA_EMULATOR_CAPABILITY=75 "$nca" bench step --device all --json --precision bf16 --case 3x41 \
  --repeats 1 --warmup 0 >log 2>error
grep -q "^not timed: --precision bf16: .*8.0 is needed" error && [ "$(wc -l <error)" -eq 1 ] ||
  fail "bench in JSON does not say what it left out: $(cat error)"
[ "$(head -c 1 log)$(tail -1 log | tail -c 2)" = "[]" ] ||
  fail "bench prints no whole list: $(cat log)"

NCA_EMULATOR_CAPABILITY=75 refused "compute capability 7.5 and 8.0" "${train_on[@]}" emulator --precision tf32
refused "use --cuda-path cublas" "${train_on[@]}" emulator --precision bf16 --cuda-path fused --hidden 64
NCA_EMULATOR_IMAGE=75 refused "build for this device's architecture" "${train_on[@]}" emulator --precision bf16
refused "no such choice; there are f32, bf16, bf16x3, tf32, auto" "${train_on[@]}" emulator --precision fp16
[ ! -e none ] || fail "a run that was refused left a folder"
