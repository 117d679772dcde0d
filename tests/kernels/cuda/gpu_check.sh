#!/usr/bin/env bash
# scripts/gpu_check.sh without a GPU: a pack is made of the emulated program, and checked with
# stand-ins for NVIDIA's tools and Python that work, fail, hang or print nonsense. Whatever
# happens, the archive is whole and says what was done.
#   gpu_check.sh NCA_EMULATED
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
. "$root/tests/scratch.sh"
export NCA_EMULATOR_CHECKS=0 NCA_GPU_QUICK=1
unset NCA
python=$(command -v python3 || true)

program() {
  printf '%s\n' '#!/usr/bin/env bash' "${@:2}" >"$1"
  chmod +x "$1"
}
# check CODE OPTION...: the pack's script ends with that code.
check() {
  local code=0
  TMPDIR=$scratch/tmp PATH=$scratch/bin:$PATH pack/scripts/gpu_check.sh "${@:2}" results >out 2>err || code=$?
  [ $code -eq "$1" ] || fail "exit code $code, not $1, of gpu_check.sh ${*:2}: $(cat out err)"
}
# open_archive NAME: unpacks it; whether its results.json can be read.
open_archive() {
  rm -rf opened
  mkdir opened
  tar xzf "results/$1.tgz" -C opened || return 1
  json=opened/results.json
  [ -s opened/table.txt ] || return 1
  if [ -n "$python" ]; then
    "$python" -m json.tool "$json" >/dev/null
  else
    [ "$(tr -cd '{[' <$json | wc -c)" -eq "$(tr -cd '}]' <$json | wc -c)" ]
  fi
}
state_of() { sed -n "s/.*{\"name\": \"$1\", \"state\": \"\([a-zA-Z]*\)\".*/\1/p" "$json"; }
# expect STATE NAME...
expect() {
  local name
  for name in "${@:2}"; do
    [ "$(state_of "$name")" = "$1" ] || fail "$name: $(state_of "$name"), not $1: $(cat out)"
  done
}
# children: processes of this test's stand-ins and programs that still run.
children() { grep -lsza "$scratch/" /proc/[0-9]*/environ | cut -d/ -f3 | grep -vx $$ || true; }

# -- The pack: by itself it starts where there is nothing but a C library.
NCA=$nca "$root/scripts/gpu_check.sh" --pack pack --variant "other=$nca" >out 2>err || fail "no pack: $(cat err)"
[ "$(du -sm pack | cut -f1)" -lt 60 ] || fail "the pack is too large: $(cat out)"
for file in nca bench_kernels lib/libjansson.so.4 cuda commit variants/other/nca scripts/bench_peers.sh bench/peers/compare.py; do
  [ -s pack/$file ] || fail "no $file in the pack"
done
if chroot / true 2>/dev/null; then
  mkdir bare
  for file in /lib*/ld-linux-*.so.? $(ldconfig -p | sed -nE 's/.*\tlib(c|m|dl|rt|pthread)\.so\.[0-9].* => //p'); do
    mkdir -p "bare${file%/*}"
    cp -L "$file" "bare$file"
  done
  cp -r pack bare/
  LD_LIBRARY_PATH=/pack/lib chroot bare /pack/nca info >out 2>err || fail "the pack lacks something: $(cat err)"
  LD_LIBRARY_PATH=/pack/lib chroot bare /pack/bench_kernels --help >out 2>err || fail "the pack lacks something: $(cat err)"
fi
cases=no
[ ! -d pack/cases ] || cases=yes

# -- Stand-ins that work. `cuda` of the packed program is the emulator; what a precision costs,
# which takes it seconds, is tested elsewhere.
mkdir bin tmp
gpu='-L) echo "GPU 0: Fake (UUID: none)" && exit ;;'
query='echo "Fake \"GPU\" \\ 5, 580.1, 9.0, 345 MHz, 1980 MHz, 2619 MHz, 81559 MiB, 700 W"'
program bin/nvidia-smi "case \$1 in $gpu esac" "$query"
program bin/ncu '[ $1 != --import ] || { echo "Duration us 3.1"; exit; }
while [ $1 != -o ]; do shift; done; echo report >$2.ncu-rep'
program bin/compute-sanitizer 'echo "========= ERROR SUMMARY: 0 errors"'
program bin/python3 '[ "$1" = -c ] && exit; echo "{\"peers\": [1]}" >"${@: -1}"'
mv pack/nca pack/emulated
program pack/nca '[[ "$*" != verify*--precision* ]] || { echo "bf16 against f32: near"; exit; }' \
  'exec "$(dirname "$0")/emulated" "${@/#cuda/emulator}"'
mv pack/bench_kernels pack/emulated_kernels
program pack/bench_kernels 'exec "$(dirname "$0")/emulated_kernels" "${@/#cuda/emulator}"'
program pack/test_cuda_gpu 'echo "no GPU"; exit 77'
program pack/scripts/bench_peers.sh 'echo peers; exec python3 bench "$@"'

check 0
open_archive gpu_check || fail "the archive cannot be read"
expect ok gpu libraries info bench_fused_8x72 kernels_fused_4x56 bench_fused_8x72_bf16 bench_cublas_8x72 \
  train_cuda train_cpu train_losses train_update train_tf32 ncu_forward ncu_backward peers
expect skipped test_cuda_gpu test_mma_gpu
[ $cases = no ] || expect ok verify_fused verify_cublas thinned_cublas bf16_fused memcheck_fused \
  racecheck_bf16 synccheck_fused
grep -q "0 FAILED" out || fail "the table does not count: $(cat out)"
grep -qE "^bench_fused_8x72 +[0-9.]+ ms a step +[0-9.]+ forward" out || fail "the table has no figures: $(cat out)"
grep -q '"gpu": "Fake \\"GPU\\" \\\\ 5", "driver": "580.1"' "$json" ||
  fail "it does not say on what it ran: $(head -1 "$json")"
grep -q '"median_ms": [0-9]' "$json" || fail "the JSON has no figures"
for file in ncu_forward.ncu-rep kernels_fused_8x72.json peers.json train_metrics.jsonl info.txt; do
  [ -s opened/steps/$file ] || fail "no $file in the archive"
done
[ "$(ls -A results)" = gpu_check.tgz ] || fail "more than the archive is left: $(ls -A results)"

# It is laid into a checkout by the card's name, and by no other file.
mkdir -p checkout/scripts
cp "$root/scripts/gpu_check.sh" checkout/scripts/
kept=$(checkout/scripts/gpu_check.sh --keep results/gpu_check.tgz)
[[ $kept == */checkout/bench/results/fake-gpu-5-* ]] && [ -s "$kept/results.json" ] && [ -s "$kept/steps/info.txt" ] &&
  [ ! -e "$kept/steps/ncu_forward.ncu-rep" ] || fail "not kept as it should be: $kept: $(find checkout)"
! checkout/scripts/gpu_check.sh --keep out 2>err || fail "kept what is no archive"
! checkout/scripts/gpu_check.sh --keep results/gpu_check.tgz 2>err || fail "laid over what was kept before"
rm -r "$kept"
head -c 4000 results/gpu_check.tgz >cut.tgz
! checkout/scripts/gpu_check.sh --keep cut.tgz 2>err || fail "kept half an archive"
[ "$(wc -l <err)" -eq 1 ] && [ -z "$(ls -A checkout/bench/results)" ] || fail "half an archive is half kept: $(cat err)"

# -- From here on a program that takes no time. Each tool fails, hangs or prints nonsense; its
# steps fail, and no other.
program pack/nca 'case $1 in
  bench) [ ! -e '"$scratch"'/odd ] || { echo "{\"median_ms\": nan}"; exit; }
    echo "{\"median_ms\": 1.5, \"forward_ms\": 0.5, \"backward_ms\": 1, \"share_of_peak\": 0.5}" ;;
  train) while [ "$1" != --out ]; do shift; done; mkdir -p "$2"
    for i in 1 2 3 4 5 6; do echo "{\"loss\": 0.5, \"seconds\": 0.001}"; done >"$2/metrics.jsonl" ;;
esac'
cp pack/nca pack/quick
program pack/bench_kernels 'echo "{\"kernels\": []}"'
tool_steps=(ncu_forward ncu_backward peers)
[ $cases = no ] || tool_steps+=(memcheck_fused racecheck_fused racecheck_bf16 synccheck_fused)
# tools LINE...: every tool does that; nvidia-smi when it is asked more than its GPUs.
tools() {
  local tool
  for tool in ncu compute-sanitizer python3; do program bin/$tool "$@"; done
  program bin/nvidia-smi "case \$1 in $gpu esac" "$@"
}
broken() {
  check 1
  open_archive gpu_check || fail "the archive cannot be read: $(cat out)"
  expect FAILED gpu "${tool_steps[@]}"
  expect ok libraries info bench_fused_8x72 kernels_fused_4x56 train_losses train_update bench_cublas_8x72
  [ "$(grep -c '"FAILED"' "$json")" -eq $((1 + ${#tool_steps[@]})) ] || fail "more failed than the tools: $(cat out)"
}
tools 'echo "a planted failure: \"\\" >&2; exit 3'
broken
grep -qF 'exit code 3: a planted failure: \"\\' "$json" || fail "it does not say why: $(cat "$json")"
tools 'head -c 3000 /dev/urandom; printf "\"\\\\\001\377\300{\"a\": nan}\n"' \
  '[[ "$*" != *--json* ]] || printf "{\377" >"${@: -1}"'
broken
tools 'sleep 1000 & sleep 1000'
program bin/ncu 'sleep 1000 & [[ $* != *step_forward* ]] || trap "" TERM; sleep 1000; sleep 1000'
began=$SECONDS
export NCA_GPU_LIMITS=2
broken
grep -q '"why": "did not end in [12] s"' "$json" || fail "it does not say why: $(cat "$json")"
unset NCA_GPU_LIMITS
[ $((SECONDS - began)) -lt 60 ] || fail "what hangs takes $((SECONDS - began)) s"
# The whole ends in time even when the program itself hangs, and leaves nothing when it is ended.
program pack/nca 'trap "" TERM; sleep 1000 & while :; do sleep 1; done'
began=$SECONDS
check 1 --seconds 8
[ $((SECONDS - began)) -le 8 ] || fail "--seconds 8 takes $((SECONDS - began)) s"
TMPDIR=$scratch/tmp PATH=$scratch/bin:$PATH pack/scripts/gpu_check.sh results >out 2>err &
sleep 1
kill -TERM $!
wait $! && fail "ended, and it is content" || [ $? -eq 143 ] || fail "ended by $?: $(cat err)"
cp pack/quick pack/nca
[ -z "$(children)" ] || fail "left running: $(children | xargs ps -o args= -p)"
[ -z "$(ls -A tmp)" ] || fail "left on the disk: $(ls tmp)"
# A report that is too large is left out; a program that prints no JSON fails.
tools 'exit 0'
program bin/nvidia-smi "case \$1 in $gpu esac" "$query"
program bin/ncu '[ $1 != --import ] || { echo "Duration us 3.1"; exit; }' \
  'while [ $1 != -o ]; do shift; done; head -c 17M /dev/urandom >$2.ncu-rep'
check 0 --only ncu_forward
open_archive gpu_check || fail "the archive cannot be read"
expect ok ncu_forward
[ "$(stat -c %s results/gpu_check.tgz)" -lt 16777216 ] && [ ! -e opened/steps/ncu_forward.ncu-rep ] ||
  fail "the archive is too large"
touch odd
check 1 --only 'bench_*'
open_archive gpu_check || fail "the archive cannot be read"
expect FAILED bench_fused_8x72

# -- What is there stays there: an earlier archive, a folder that another check is filling, results
# that cannot be archived.
rm -r results
check 1 --only 'bench_*' # by the odd program: no figures
rm odd
cp results/gpu_check.tgz first.tgz
check 2 --only nosuch
cmp -s first.tgz results/gpu_check.tgz || fail "an --only that names no step changes the archive"
check 0 --only info
cmp -s first.tgz results/gpu_check.1.tgz || fail "an earlier archive is lost: $(ls results)"
(flock 9 && check 2 9<&-) 9<results
grep -q "another check" err || fail "two checks fill one folder: $(cat err)"
program bin/ncu 'rm -r results'
check 1 --only ncu_forward
[ -s "$(sed -n 's/.*so far all of it is in //p' err | head -1)/results.json" ] || fail "the results are lost: $(cat err)"
rm -r tmp/*
mkdir -p results/gpu_check.tgz
check 2
rm -r results
program bin/python3 'exec yes y'
began=$SECONDS
check 0 --only info
[ $((SECONDS - began)) -lt 9 ] || fail "a Python that babbles takes $((SECONDS - began)) s"

# -- Part 2: what failed, again, and the variants in turn.
program bin/ncu 'exit 0'
check 1 --only 'ncu_*'
sed 's/1.5/3/; s/^  train/  none/' pack/quick >pack/variants/other/nca
check 1 --part 2
open_archive gpu_check_2 || fail "the archive cannot be read"
expect FAILED ncu_forward ncu_backward
expect '' info
expect ok turn_f32_8x72_1_a_nca turn_f32_4x56_3_b_other turn_bf16_8x72_2_a_nca
grep -qE '^f32 +8x72 +other +3.0000 ms a step +2.0000 of nca' out || fail "the variants are not compared: $(cat out)"
order=$(sed -n 's/^ok *turn_f32_8x72_[12]_[ab]_\([a-z]*\) .*/\1/p' out | paste -sd' ')
[ "$order" = "nca other nca other other nca other nca" ] || fail "not in turn: $order: $(cat out)"
rm -r pack/variants
check 1 --part 2
grep -q 'no variants here' out || fail "it does not say how to make variants: $(cat out)"

# -- Killed at any moment, the archive has every step that was told of.
seed=${NCA_SEED:-$RANDOM}
echo "moments of the kills: NCA_SEED=$seed"
RANDOM=$seed
whole=0
for ((i = 0; i < 20; i++)); do
  rm -rf results
  TMPDIR=$scratch/tmp PATH=$scratch/bin:$PATH setsid pack/scripts/gpu_check.sh results >out 2>err &
  killed=$!
  sleep "$((RANDOM % 8 == 0)).$((100 + RANDOM % 600))"
  kill -KILL $killed 2>/dev/null || true
  wait $killed 2>/dev/null || true
  for child in $(children); do kill -KILL "$child" 2>/dev/null || true; done
  [ -s out ] || continue
  open_archive gpu_check || fail "killed, and the archive cannot be read: $(cat out)"
  while read -r _ name _; do
    [ -n "$(state_of "$name")" ] || fail "killed, and $name is lost: $(cat out)"
  done < <(grep -E '^(ok|FAILED) ' out)
  whole=$((whole + 1))
done
[ $whole -gt 0 ] || fail "killed too early to tell anything"

# -- Time is up before it begins; no GPU; words that are none.
check 0 --seconds 0
open_archive gpu_check || fail "the archive cannot be read"
expect skipped train_cuda gpu
program bin/nvidia-smi 'exit 9'
check 77
program bin/nvidia-smi "case \$1 in $gpu esac" "$query"
NCA=$scratch/none check 2
NCA=$scratch check 2
NCA_GPU_LIMITS=abc check 2
rm pack/commit
check 2
mkdir mine
echo mine >mine/commit
echo mine >mine/notes.txt
# shellcheck disable=SC2086
for wrong in --quick "results more" --pack mine/notes.txt "--pack mine/notes.txt" "--pack mine" \
  "--pack p --variant x" "--part 3" "--seconds abc" "--variant a=b" "--keep mine" "--pack p more" "--pack p --only x" \
  "--keep mine --pack p" "--pack p --variant nca=$nca" "--pack p --variant a=$nca --variant a=$nca"; do
  ! PATH=$scratch/bin:$PATH pack/scripts/gpu_check.sh $wrong >out 2>err || fail "$wrong: not refused"
  [ "$(wc -l <err)" -eq 1 ] || fail "$wrong: not one line: $(cat err)"
done
[ "$(ls -A mine | paste -sd' ')" = "commit notes.txt" ] || fail "a folder of another is changed: $(ls -A mine)"
