#!/usr/bin/env bash
# Runs every libFuzzer target under AddressSanitizer and UndefinedBehaviorSanitizer.
#   fuzz.sh            each for 60 seconds, or for $NCA_FUZZ_SECONDS
#   fuzz.sh image      one of them
# What a fuzzer finds is kept in fuzz-found/; run the target on the file to see it again.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${NCA_FUZZ_SECONDS:-60}
command -v clang >/dev/null || {
  echo "fuzz.sh: no clang; scripts/packages.sh --tests installs it" >&2
  exit 77
}
CC=clang cmake -S . -B build-fuzz -G Ninja -DNCA_FUZZ=ON -DBUILD_TESTING=OFF >/dev/null
cmake --build build-fuzz --target fuzzers

targets=()
for source in tests/fuzz/fuzz_*.c; do
  name=$(basename "$source" .c)
  [ $# -gt 0 ] && [ "$name" != "fuzz_$1" ] || targets+=("$name")
done
[ ${#targets[@]} -gt 0 ] || {
  echo "fuzz.sh: no fuzzer of the name ${1:-}; there are $(cd tests/fuzz && echo fuzz_*.c)" >&2
  exit 2
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for name in "${targets[@]}"; do
  mkdir -p "$scratch/$name"
  cp tests/fuzz/corpus/"${name#fuzz_}"/* "$scratch/$name/"
  if ! "build-fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
    -artifact_prefix="$scratch/found-" -print_final_stats=1 "$scratch/$name" >"$scratch/log" 2>&1; then
    tail -60 "$scratch/log"
    mkdir -p fuzz-found
    cp "$scratch"/found-* fuzz-found/ 2>/dev/null || true
    exit 1
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/log")
  echo "$name: $seconds s, $runs inputs, nothing found"
  # A fuzzer that is refused everything at the door would find nothing either.
  [ "$runs" -gt 100 ]
done
