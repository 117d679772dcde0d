#!/usr/bin/env bash
# On a machine with an NVIDIA GPU, in one go of under ten minutes: build, oracle, the tests on the
# device, sanitizers, bench, and a training beside the CPU's. Each step's output goes into the
# folder, all figures into its results.json; a table ends it. What the machine lacks is skipped with
# a line.
#   gpu_check.sh [FOLDER]        default: bench/results/gpu
#   gpu_check.sh --pack FOLDER   on a machine that can build: the program, its tests, the libraries
#                                they load and the oracle's cases, for a GPU machine that cannot;
#                                there NCA=FOLDER/nca scripts/gpu_check.sh
# NCA names a program to check instead of building one; NCA_GPU_SECONDS (570) is the time after
# which no step begins; NCA_GPU_QUICK=1 takes sizes that an emulated device can do too.
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/.."
refuse() {
  echo "gpu_check.sh: $*" >&2
  exit 2
}
absolute() { (cd "$here" && realpath -m "$1"); }
make_folder() {
  mkdir -p "$1" 2>/dev/null || refuse "$1: cannot be made a folder; choose another name"
}

# build ARCHITECTURES: the program and, where their libraries are here, its tests. By the toolchain
# that is found.
build() {
  local toolchain tests=OFF targets=nca
  toolchain=$(scripts/cuda_toolchain.sh) || return 1
  eval "$toolchain"
  ! pkg-config --exists cmocka libwebpdemux 2>/dev/null ||
    tests=ON targets='nca test_cuda_gpu test_precision_gpu test_mma_gpu'
  NCA_TARGETS=$targets scripts/build.sh release "-DCMAKE_CUDA_ARCHITECTURES=$1" -DNCA_CUDA=ON \
    -DBUILD_TESTING=$tests || return 1
  cuda=$("$CUDACXX" --version | sed -n 's/.*release \([0-9.]*\),.*/\1/p')
}

tests=(build/tests/emulator/test_{cuda,precision}_gpu build/tests/test_mma_gpu)

# The C library is the other machine's own; all else travels.
pack() {
  local to
  to=$(absolute "$1")
  make_folder "$to"
  build "${CUDAARCHS:-80-real;90-real;100-real;120}" >&2
  mkdir -p "$to/lib"
  cp build/nca "${tests[@]}" "$to/"
  ldd "$to/nca" "$to"/test_*_gpu | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u |
    grep -vE '/(libc|libm|libdl|librt|libpthread)\.so' | xargs cp -Lt "$to/lib"
  [ ! -d ../shared/oracle/cases ] || cp -r ../shared/oracle/cases "$to/"
  echo "$cuda" >"$to/cuda"
  du -sh "$to"
}

case ${1:-} in
  --pack)
    [ $# -eq 2 ] && [ -n "$2" ] || refuse "--pack: the folder to fill, and nothing else"
    pack "$2"
    exit
    ;;
  -*) refuse "$1: no such option; --pack FOLDER, or the folder for the results" ;;
esac
[ $# -le 1 ] || refuse "$2: one argument too many"
nvidia-smi -L 2>/dev/null | grep -q '^GPU' || {
  echo "gpu_check.sh: nvidia-smi finds no GPU on this machine: nothing to check" >&2
  exit 77
}
results=$(absolute "${1:-$PWD/bench/results/gpu}")
nca=${NCA:+$(absolute "$NCA")}
[ -z "$nca" ] || { [ -f "$nca" ] && [ -x "$nca" ]; } || refuse "NCA is $nca, and that is no program"
deadline=${NCA_GPU_SECONDS:-570}
[[ $deadline =~ ^(0|[1-9][0-9]{0,5})$ ]] ||
  refuse "NCA_GPU_SECONDS is $deadline: whole seconds, such as 570"
# What an earlier check has left goes; whatever else may lie in a folder does not.
make_folder "$results"
[ -e "$results/results.json" ] || [ -e "$results/.gpu_check" ] || [ -z "$(ls -A "$results")" ] ||
  refuse "$results: not empty, and no results of an earlier check; choose another name"
: >"$results/.gpu_check"
rm -f "$results"/*.txt "$results"/*.json
ask() { nvidia-smi --query-gpu="$1" --format=csv,noheader | head -1; }
gpu=$(ask name)
driver=$(ask driver_version)
cuda=unknown
quick=${NCA_GPU_QUICK:-}

names=() states=() seconds=() why=()
# note NAME STATE SECONDS WHY: a line now, and a row of results.json.
note() {
  names+=("$1") states+=("$2") seconds+=("$3") why+=("$4")
  printf '%-8s %-22s %4d s  %s\n' "$2" "$1" "$3" "$4"
}
# step NAME COMMAND...: keeps what it prints and goes on where it fails. A command that ends with 77
# lacked something. What is JSON (step_json) is kept apart from words.
step() { run_step txt "$@"; }
step_json() { run_step json "$@"; }
run_step() {
  local kind=$1 name=$2 began=$SECONDS code=0 left=$((deadline - SECONDS)) bounded=()
  shift 2
  [ $left -gt 0 ] || {
    note "$name" skipped 0 "no time left of $deadline s"
    return
  }
  [ "$(type -t "$1")" = function ] || bounded=(timeout "$left")
  if [ "$kind" = json ]; then
    "${bounded[@]}" "$@" >"$results/$name.json" 2>"$results/$name.txt" || code=$?
  else
    "${bounded[@]}" "$@" >"$results/$name.txt" 2>&1 || code=$?
  fi
  case $code in
    0) note "$name" ok $((SECONDS - began)) "" ;;
    77) note "$name" skipped $((SECONDS - began)) "$(tail -1 "$results/$name.txt")" ;;
    124) note "$name" FAILED $((SECONDS - began)) "did not end in the $deadline s that all have" ;;
    *) note "$name" FAILED $((SECONDS - began)) "$(tail -1 "$results/$name.txt")" ;;
  esac
  [ $code -eq 0 ] || rm -f "$results/$name.json"
}
lacks() {
  echo "$*"
  return 77
}

echo "$gpu, driver $driver"
if [ -z "$nca" ]; then
  step build build "$(ask compute_cap | tr -d .)"
  nca=build/nca
  [ "${states[0]}" = ok ] || refuse "this machine cannot build nca (see" \
    "$results/build.txt); where one can: scripts/gpu_check.sh --pack FOLDER, bring the checkout" \
    "with FOLDER here, then NCA=FOLDER/nca scripts/gpu_check.sh"
else
  pack=$(dirname "$nca")
  tests=("$pack"/test_{cuda,precision,mma}_gpu)
  [ ! -e "$pack/cuda" ] || cuda=$(cat "$pack/cuda")
  [ ! -d "$pack/lib" ] || export LD_LIBRARY_PATH=$pack/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  # cuBLAS is this machine's: of its toolkit, or of Python's packages.
  for folder in "$(dirname "$(realpath "$(command -v nvcc || echo /x/x)")")/../lib64" \
    "$(python3 -c 'import nvidia.cu13 as found; print(list(found.__path__)[0])' 2>/dev/null || true)/lib"; do
    [ ! -e "$folder/libcublas.so.13" ] || export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
  done
fi

cases=()
for folder in "${pack:-/nowhere}/cases" ../shared/oracle/cases; do
  [ ${#cases[@]} -gt 0 ] || for case in "$folder"/*.safetensors; do
    [ ! -e "$case" ] || cases+=("$case")
  done
done
small=()
for case in "${cases[@]}"; do
  case $case in *grid_56_* | *trained_128* | *adam*) ;; *) small+=("$case") ;; esac
done
[ -z "$quick" ] || cases=("${small[@]:0:1}") small=("${small[@]:0:1}")
# In less than f32, which a GPU below 8.0 has not, errors are measured and not judged.
capability=$(ask compute_cap | tr -d .)
precisions=()
[ "${capability:-80}" -lt 80 ] || precisions=(tf32 bf16)
for path in fused cublas; do
  if [ ${#cases[@]} -gt 0 ]; then
    step "verify_$path" "$nca" verify --device cuda --cuda-path $path "${cases[@]}"
    step "thinned_$path" "$nca" verify --device cuda --cuda-path $path --tape-every 3 "${small[@]}"
    for precision in "${precisions[@]}"; do
      step "${precision}_$path" "$nca" verify --device cuda --cuda-path $path \
        --precision $precision "${cases[@]}"
    done
  else
    step "verify_$path" lacks "no oracle cases beside the checkout"
  fi
done
[ -n "$quick" ] || step verify_built_in "$nca" verify --device cuda
for test in "${tests[@]}"; do
  if [ -x "$test" ]; then
    step "$(basename "$test")" "$test"
  else
    step "$(basename "$test")" lacks "it was not built: it needs cmocka and libwebpdemux"
  fi
done

# Whole updates of both paths, and kernels one by one under the names of bench/NOTES.md, in its
# sizes.
choose_sizes() {
  case $quick$1 in
    8x72) sizes=(--batch 8 --grid 72 --steps 80 --active 0.2) ;;
    4x56) sizes=(--batch 4 --grid 56 --steps 128) ;;
    *) sizes=(--batch 1 --grid 9 --steps 4 --repeats 1 --warmup 0) ;;
  esac
}
for path in fused cublas; do
  for size in 8x72 4x56; do
    choose_sizes $size
    step_json "bench_${path}_$size" "$nca" bench step --device cuda --cuda-path $path \
      "${sizes[@]}" --json
    step_json "kernels_${path}_$size" "$nca" bench kernels --device cuda --cuda-path $path \
      "${sizes[@]}" --json
  done
  choose_sizes 8x72
  for precision in "${precisions[@]}"; do
    step_json "bench_${path}_8x72_$precision" "$nca" bench step --device cuda --cuda-path $path \
      --precision $precision "${sizes[@]}" --json
  done
done
choose_sizes 8x72
step bench_table "$nca" bench "${sizes[@]}"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
settings=(--pictures-every 1000 --quiet)
if [ -z "$quick" ]; then
  settings+=(--preset regenerating --target-size 24 --padding 8 --pool 64)
  updates=500 compared=20
else
  settings+=(--target-size 8 --padding 2 --batch 2 --damaged 0 --pool 4 --steps-min 4 --steps-max 6)
  updates=6 compared=5
fi
step train_cuda "$nca" train "${settings[@]}" --updates $updates --device cuda --out "$scratch/cuda"
step train_cpu "$nca" train "${settings[@]}" --updates $compared --device cpu --out "$scratch/cpu"
losses() { sed -n 's/.*"loss": \([-+0-9.e]*\).*/\1/p' "$scratch/$1/metrics.jsonl" | head -$compared; }
# The first updates of one seed have the same losses; later ones drift apart as any two sums do.
same_losses() {
  paste <(losses cuda) <(losses cpu) | awk -v wanted=$compared '
    { off = $1 / $2 - 1; if (off < 0) off = -off; if (off > largest) largest = off }
    !(off <= 1e-4) { print "update " NR ": " $0; is_wrong = 1 }
    END { printf "%d updates, losses differ by %.1e at most\n", NR, largest; exit is_wrong || NR != wanted }'
}
step same_losses same_losses
# What an update takes: the median of the second half, when every graph has been made.
update_ms() {
  sed -n 's/.*"seconds": \([0-9.e-]*\).*/\1/p' "$scratch/cuda/metrics.jsonl" | tail -n $((updates / 2)) | sort -g |
    awk '{x[NR] = $1} END {if (NR == 0) exit 1; printf "{\"updates\": %d, \"median_ms\": %.3f}\n", 2 * NR, 1e3 * x[int((NR + 1) / 2)]}'
}
step_json train_update update_ms

# Last, for they take longest and nothing waits for them.
for path in fused cublas; do
  for tool in memcheck racecheck synccheck; do
    if command -v compute-sanitizer >/dev/null; then
      step "${tool}_$path" compute-sanitizer --tool $tool --error-exitcode 1 \
        "$nca" verify --device cuda --cuda-path $path "${small[@]:0:3}"
    else
      step "${tool}_$path" lacks "no compute-sanitizer on PATH"
    fi
  done
done
for precision in "${precisions[@]}"; do
  if command -v compute-sanitizer >/dev/null; then
    step "racecheck_$precision" compute-sanitizer --tool racecheck --error-exitcode 1 \
      "$nca" verify --device cuda --cuda-path fused --precision $precision "${small[@]:0:1}"
  else
    step "racecheck_$precision" lacks "no compute-sanitizer on PATH"
  fi
done

# -- results.json: what was asked of what, and every figure.
quoted() { printf '"%s"' "$(tr -d '\000-\037' <<<"$1" | sed 's/[\\"]/\\&/g')"; }
write_results() {
  local i separator=
  printf '{"gpu": %s, "driver": %s, "cuda": %s,\n' "$(quoted "$gpu")" "$(quoted "$driver")" "$(quoted "$cuda")"
  printf ' "commit": %s, "seconds": %d,\n "steps": [' \
    "$(quoted "$(git describe --always --dirty 2>/dev/null || echo unknown)")" "$SECONDS"
  for i in "${!names[@]}"; do
    printf '%s\n  {"name": "%s", "state": "%s", "seconds": %d, "why": %s}' "$separator" "${names[i]}" "${states[i]}" \
      "${seconds[i]}" "$(quoted "${why[i]}")"
    separator=,
  done
  printf '],\n "figures": {'
  separator=
  for i in "${!names[@]}"; do
    [ -s "$results/${names[i]}.json" ] || continue
    printf '%s\n  "%s": ' "$separator" "${names[i]}"
    cat "$results/${names[i]}.json"
    separator=,
  done
  printf '}}\n'
}
write_results >"$results/results.part"
mv "$results/results.part" "$results/results.json"

# -- The table.
figure() { sed -n "s/.*\"$2\": \([-+0-9.e]*\).*/\1/p" "$results/$1.json" | head -1; }
count() { printf '%s\n' "${states[@]}" | grep -cx "$1" || true; }
echo
printf '%-10s %s\n' GPU "$gpu" driver "$driver" CUDA "$cuda"
for name in "${names[@]}"; do
  [[ $name != bench_* ]] || [ ! -s "$results/$name.json" ] ||
    printf '%-22s %9s ms a step   %9s forward   %9s backward   %s of the peak\n' "$name" "$(figure "$name" median_ms)" \
      "$(figure "$name" forward_ms)" "$(figure "$name" backward_ms)" "$(figure "$name" share_of_peak)"
done
# How far less than f32 is from f32 on this device.
for precision in "${precisions[@]}"; do
  grep -hs "^$precision against f32" "$results/${precision}_fused.txt" || true
done
[ ! -s "$results/train_update.json" ] || printf '%-22s %9s ms an update\n' train "$(figure train_update median_ms)"
printf '%-10s %s ok, %s FAILED, %s skipped in %d s; all of it in %s\n' steps "$(count ok)" "$(count FAILED)" \
  "$(count skipped)" "$SECONDS" "$results"
[ "$(count FAILED)" -eq 0 ]
