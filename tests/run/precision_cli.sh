#!/usr/bin/env bash
# --precision through the program: a training in bf16 gives the same bytes for any number of threads
# and when it is resumed, which keeps its precision unless told otherwise; a change of precision is
# reported; auto says what it took; what the processor lacks is refused. Without AVX-512 BF16 or AMX
# the definition takes its place. Rounding computes every precision anywhere, but only where it is
# named.
#   precision_cli.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"

settings=(--target 🦎 --target-size 8 --padding 3 --channels 8 --hidden 32 --batch 4 --pool 16
  --damaged 1 --damage-halves 0 --steps-min 6 --steps-max 8 --schedule constant --rate 0.004
  --device cpu)

# refused WORDS ARGUMENT...: the program ends with 2 and one line that has the words.
refused() {
  local words=$1 code=0
  shift
  "$nca" "$@" >out 2>error || code=$?
  [ $code -eq 2 ] || fail "$*: ends with $code: $(cat error)"
  grep -qF -- "$words" error || fail "$*: $(cat error)"
  [ "$(wc -l <error)" -eq 1 ] || fail "$*: says more than a line: $(cat error)"
}

has_bf16=true
"$nca" bench step --device cpu --precision bf16 --batch 1 --grid 8 --steps 2 --repeats 1 >/dev/null 2>&1 ||
  has_bf16=false

# The processor's own where it has it; in any case the definition, and f32.
check() {   # ISA PRECISION
  local folder=$1-$2
  export NCA_CPU_ISA=$1
  "$nca" train "${settings[@]}" --precision "$2" --updates 6 --threads 1 --out "$folder" >first
  "$nca" train "${settings[@]}" --precision "$2" --updates 6 --threads 2 --out "$folder-2" --quiet >/dev/null
  "$nca" train "${settings[@]}" --precision "$2" --updates 2 --threads 2 --out "$folder-3" --quiet >/dev/null
  "$nca" train --resume "$folder-3" --device cpu --updates 6 --threads 1 >log
  ! grep -q "bit for bit" log || fail "$folder: the same precision is said to differ: $(cat log)"
  ! grep -q "against f32 on this device" log || fail "$folder: what nobody asked for is measured: $(cat log)"
  [ "$2" = f32 ] || grep -qx -- "--precision $2, as before" log || fail "$folder: its precision is not said: $(cat log)"
  for other in "$folder-2" "$folder-3"; do
    cmp "$folder/model.safetensors" "$other/model.safetensors" || fail "$other is another rule than $folder"
  done
  unset NCA_CPU_ISA
}
check scalar f32
check scalar bf16
check scalar bf16x3
for precision in bf16 tf32 bf16x3; do
  check rounding $precision
  grep -q "rounding, $precision" log || fail "it does not say that it rounds to $precision: $(cat log)"
  grep -q "$precision against f32 on this device" first || fail "it does not say how far $precision is from f32: $(cat first)"
  ! grep -q "f32's own" first || fail "$precision by rounding is taken for f32: $(cat first)"
done
for precision in bf16 tf32; do
  ! cmp -s rounding-$precision/model.safetensors rounding-bf16x3/model.safetensors ||
    fail "$precision by rounding gives the bits of bf16x3"
done
! cmp -s scalar-f32/model.safetensors scalar-bf16/model.safetensors || fail "bf16 gives the bits of f32"
! cmp -s scalar-f32/model.safetensors scalar-bf16x3/model.safetensors || fail "bf16x3 gives the bits of f32"
NCA_CPU_ISA=scalar "$nca" train "${settings[@]}" --precision bf16x3 --updates 1 --out parts >log
grep -q "bf16x3 against f32 on this device" log || fail "it does not say how far bf16x3 is from f32: $(cat log)"
! grep -q "f32's own" log || fail "bf16x3 is taken for f32: $(cat log)"
if $has_bf16; then
  check avx512bf16 bf16
  "$nca" train "${settings[@]}" --precision bf16 --updates 1 --out own >log
  grep -q "avx512bf16" log || fail "it does not say what computes: $(cat log)"
  grep -q "bf16 against f32 on this device" log || fail "it does not say how far bf16 is from f32: $(cat log)"
  NCA_CPU_ISA=avx512 refused "--precision bf16: avx512 has no instructions for it" bench step --device cpu --precision bf16
else
  refused "--precision bf16: this processor" train "${settings[@]}" --precision bf16 --out none
fi

# Judged and filmed in f32, whatever it was trained in: a finished run makes its film again in f32.
export NCA_CPU_ISA=scalar
rule=$root/zoo/lizard.safetensors
"$nca" train --from "$rule" --target 🦎 --target-size 24 --padding 6 --batch 2 --pool 4 --damaged 0 --reseeded 1 \
  --steps-min 4 --steps-max 4 --updates 1 --device cpu --precision bf16 --quiet --out filmed >/dev/null
mv filmed/growth.webp bf16.webp
"$nca" train --resume filmed --device cpu --quiet >/dev/null 2>&1
cmp filmed/growth.webp bf16.webp || fail "a run in bf16 is not filmed in f32"
for precision in f32 bf16; do
  "$nca" run filmed --device cpu --precision $precision --steps 200 --output $precision.png >/dev/null
done
! cmp -s f32.png bf16.png || fail "the pictures of this rule cannot tell the precisions apart"
# Every device that can is timed in it.
"$nca" bench --precision bf16x3 --batch 1 --grid 8 --steps 2 --repeats 1 >log
grep -q "(scalar, bf16x3" log || fail "the bench is not in bf16x3: $(cat log)"
unset NCA_CPU_ISA

# What goes on in another precision says so.
NCA_CPU_ISA=scalar "$nca" train --resume scalar-bf16 --device cpu --precision f32 --updates 7 >log
grep -q "bit for bit.*it was trained with --precision bf16" log || fail "another precision is not told: $(cat log)"
NCA_CPU_ISA=scalar "$nca" train --resume rounding-tf32 --device cpu --updates 7 >log
grep -q "bit for bit.*it was trained with --precision tf32, which this device lacks$" log || fail "a precision that is lacking is not told: $(cat log)"
NCA_CPU_ISA=scalar "$nca" train --resume scalar-bf16x3 --device cpu --precision bf16 --updates 7 >log
grep -q "bit for bit.*it was trained with --precision bf16x3" log || fail "another precision is not told: $(cat log)"

# What a stopped run prints goes on as it stands there, to the bytes of a run that never stopped.
mkdir bin && ln -s "$nca" bin/nca
goes_on() {   # BITS WORDS VARIABLE=VALUE OPTION...: what the printed line says of the bits, and the command
  local bits=$1 words=$2 how=$3 done=0 child
  shift 3
  rm -rf 'a run' whole
  env "$how" "$nca" train "${settings[@]}" --average 0 "$@" --updates 1000000 --out 'a run' >log &
  child=$!
  for ((i = 0; i < 600; i++)); do
    [ -e 'a run/metrics.jsonl' ] && [ "$(wc -l <'a run/metrics.jsonl')" -ge 3 ] && break
    sleep 0.1
  done
  kill -INT $child
  wait $child && fail "a stopped run ends with 0"
  done=$(sed -n 's/^stopped after update \([0-9]*\) of.*/\1/p' log)
  sed -n "s/^to go on$bits: //p" log >command
  [ "$(cat command)" = "$words" ] || fail "$how $*: says to go on with: $(cat command)"
  (unset NCA_CPU_ISA && PATH=$PWD/bin:$PATH && eval "$(cat command) --updates $((done + 2))" >log)
  ! grep -q "bit for bit" log || fail "$(cat command): $(cat log)"
  [ "$bits" = "$same" ] || return 0
  env "$how" "$nca" train "${settings[@]}" --average 0 "$@" --updates $((done + 2)) --out whole --quiet >/dev/null
  cmp whole/model.safetensors 'a run/model.safetensors' || fail "$(cat command): another rule than one that never stopped"
}
same=", bit for bit as if it had not stopped"
goes_on "$same" "NCA_CPU_ISA=rounding nca train --resume 'a run' --device cpu --precision tf32" NCA_CPU_ISA=rounding --precision tf32
goes_on "$same" "NCA_CPU_ISA=scalar nca train --resume 'a run' --device cpu" NCA_CPU_ISA=scalar
goes_on "$same" "NCA_CPU_ISA=scalar nca train --resume 'a run' --device cpu --precision bf16" NCA_CPU_ISA=scalar --precision bf16
goes_on " (not bit for bit: .*)" "nca train --resume 'a run' --device reference" NCA_CPU_ISA=scalar --device reference

# auto says what it took.
"$nca" train "${settings[@]}" --precision auto --updates 1 --out auto >log
if $has_bf16; then expected="--precision auto: bf16"; else expected="--precision auto: f32, for this"; fi
grep -qF -- "$expected" log || fail "auto does not say what it took: $(cat log)"
# It is what a picture is grown in where nothing is asked for; on the reference there is no choice.
"$nca" train "${settings[@]}" --updates 1 --out usual >log
grep -qF -- "$expected" log || fail "a picture is not grown in auto: $(cat log)"
! grep -q "against f32 on this device" log || fail "what nobody asked for is measured: $(cat log)"
cmp usual/model.safetensors auto/model.safetensors || fail "auto is another rule where it is asked for"
"$nca" train "${settings[@]}" --device reference --updates 1 --out f64 >log
! grep -q -- "--precision" log || fail "the reference has a choice: $(cat log)"
NCA_CPU_ISA=scalar "$nca" train "${settings[@]}" --precision auto --updates 1 --out plain >log
grep -qF -- "--precision auto: f32, for this" log || fail "auto takes what is slow: $(cat log)"

NCA_CPU_ISA=rounding "$nca" train "${settings[@]}" --precision auto --updates 1 --out unrounded >log
grep -qF -- "--precision auto: f32, for this" log || fail "auto rounds: $(cat log)"
NCA_CPU_ISA=scalar "$nca" eval rounding-bf16 --device cpu --precision auto --json >judged 2>error
grep -qxF -- "--precision auto: f32, for this device has no fast products of bf16" error ||
  fail "nca eval does not say what auto took: $(cat error)"
"$nca" eval rounding-bf16 --device cpu --json >judged
NCA_CPU_ISA=rounding "$nca" eval rounding-bf16 --device cpu --json | cmp - judged || fail "a rule is not judged in f32"
! NCA_CPU_ISA=rounding "$nca" eval rounding-bf16 --device cpu --precision bf16 --json | cmp -s - judged ||
  fail "this rule's judgement cannot tell the precisions apart"

# Other refusals leave nothing behind.
NCA_CPU_ISA=avx2 refused "NCA_CPU_ISA=scalar" train "${settings[@]}" --precision bf16 --out none
refused "tf32 is for --device cuda, or for tests with NCA_CPU_ISA=rounding" train "${settings[@]}" --precision tf32 --out none
for device in auto cpu reference; do
  refused "--precision half: no such choice; there are f32, bf16, bf16x3, tf32, auto" train "${settings[@]}" \
    --device $device --precision half --out none
done
refused "--precision bf61: no such choice; did you mean bf16? there are" train "${settings[@]}" --precision bf61 --out none
# A refusal of every device is said once, whatever else is refused.
if ! $has_bf16; then
  refused "--precision bf16: this processor has no instructions for it" bench --precision bf16
  ! grep -q "no instructions" out || fail "the bench says its refusal twice: $(cat out)"
fi
refused "tf32 is for --device cuda" bench --precision tf32
! grep -q "tf32 is for" out || fail "the bench says its refusal twice: $(cat out)"
refused "f64" train "${settings[@]}" --device reference --precision bf16 --out none
if ! "$nca" bench step --device cpu --precision bf16x3 --batch 1 --grid 8 --steps 2 --repeats 1 >/dev/null 2>&1; then
  refused "--precision bf16x3: this processor has no instructions for it" train "${settings[@]}" --precision bf16x3 --out none
  if $has_bf16; then
    refused "f32 with avx512, in bf16 with avx512bf16" train "${settings[@]}" --precision bf16x3 --out none
  fi
fi
[ ! -e none ] || fail "a run that was refused left a folder"
"$nca" eval scalar-bf16 --device cpu >/dev/null || fail "a rule trained in bf16 cannot be judged in f32"
