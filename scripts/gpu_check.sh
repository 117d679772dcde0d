#!/usr/bin/env bash
# On a machine with an NVIDIA GPU, in one go of under ten minutes: build, oracle, the tests on the device,
# sanitizers, bench, and a training beside the CPU's. Figures go into a folder, as text and as JSON.
#   gpu_check.sh [FOLDER]     default: bench/results/gpu
set -euo pipefail
cd "$(dirname "$0")/.."
results=${1:-bench/results/gpu}
command -v nvidia-smi >/dev/null || {
  echo "gpu_check.sh: no nvidia-smi: no NVIDIA driver on this machine" >&2
  exit 77
}
mkdir -p "$results"
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)
gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1)
driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -1)
cuda=$(nvcc --version | sed -n 's/.*release \([0-9.]*\),.*/\1/p')
echo "$gpu, driver $driver, CUDA $cuda"
tests=OFF
! pkg-config --exists cmocka libwebpdemux || tests=ON
CUDAARCHS=$capability cmake --preset release -DBUILD_TESTING=$tests >/dev/null
cmake --build build --target nca
[ $tests = OFF ] || cmake --build build --target test_cuda_gpu
nca=build/nca

failed=()
# step NAME COMMAND...: keeps its output and goes on where it fails.
step() {
  local name=$1 began=$SECONDS
  shift
  if "$@" >"$results/$name.txt" 2>&1; then
    echo "ok      $name ($((SECONDS - began)) s)"
  else
    echo "FAILED  $name ($((SECONDS - began)) s): $(tail -1 "$results/$name.txt")"
    failed+=("$name")
  fi
}

cases=(../shared/oracle/cases/*.safetensors)
[ -e "${cases[0]}" ] || cases=()
small=()
for case in "${cases[@]}"; do
  case $case in *_56_* | *trained_128* | *adam*) ;; *) small+=("$case") ;; esac
done
for path in fused cublas; do
  step "verify_$path" "$nca" verify --device cuda --cuda-path "$path" "${cases[@]}"
  step "thinned_$path" "$nca" verify --device cuda --cuda-path "$path" --tape-every 3 "${small[@]}"
done
step verify_built_in "$nca" verify --device cuda
if [ $tests = ON ]; then
  step test_cuda_gpu build/tests/emulator/test_cuda_gpu
else
  echo "skipped test_cuda_gpu: it needs cmocka and libwebpdemux"
fi
if command -v compute-sanitizer >/dev/null; then
  for path in fused cublas; do
    for tool in memcheck racecheck synccheck; do
      step "${tool}_$path" compute-sanitizer --tool "$tool" --error-exitcode 1 \
        "$nca" verify --device cuda --cuda-path "$path" "${small[@]:0:3}"
    done
  done
fi
for path in fused cublas; do
  step "bench_$path" "$nca" bench step --device cuda --cuda-path "$path" --batch 8 --grid 72 \
    --steps 80 --active 0.2 --json
  step "bench_${path}_4x56" "$nca" bench step --device cuda --cuda-path "$path" --json
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
settings=(--preset regenerating --target-size 24 --padding 8 --pool 64 --quiet)
step train_cuda "$nca" train "${settings[@]}" --updates 500 --device cuda --out "$scratch/cuda"
step train_cpu "$nca" train "${settings[@]}" --updates 40 --device cpu --out "$scratch/cpu"
# The first updates of one seed have the same losses; later ones drift apart as any two sums do.
same_losses() {
  paste <(sed -n 's/.*"loss": \([-0-9.e]*\).*/\1/p' "$scratch/cuda/metrics.jsonl" | head -20) \
    <(sed -n 's/.*"loss": \([-0-9.e]*\).*/\1/p' "$scratch/cpu/metrics.jsonl" | head -20) |
    awk '{d = $1 - $2; if (d < 0) d = -d; if (d > 1e-4 * $2) {print "update " NR ": " $0; bad = 1}}
         END {exit bad || NR < 20}'
}
step same_losses same_losses

list=$(printf '"%s",' "${failed[@]:-}")
printf '{"gpu": "%s", "driver": "%s", "cuda": "%s", "seconds": %d, "failed": [%s]}\n' \
  "$gpu" "$driver" "$cuda" "$SECONDS" "${failed[0]:+${list%,}}" >"$results/summary.json"
cat "$results/summary.json"
[ ${#failed[@]} -eq 0 ]
