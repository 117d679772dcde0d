#!/usr/bin/env bash
# Runs every libFuzzer target under AddressSanitizer and UndefinedBehaviorSanitizer.
#   fuzz.sh            each for 60 seconds, or for $NCA_FUZZ_SECONDS
#   fuzz.sh image      one of them
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${NCA_FUZZ_SECONDS:-60}
command -v clang >/dev/null || {
  echo "fuzz.sh: no clang; scripts/packages.sh --tests installs it" >&2
  exit 77
}
CC=clang cmake -S . -B build-fuzz -G Ninja -DNCA_FUZZ=ON -DBUILD_TESTING=OFF >/dev/null
cmake --build build-fuzz
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for target in build-fuzz/fuzz_"${1:-*}"; do
  name=$(basename "$target")
  echo "$name: $seconds s"
  mkdir -p "$scratch/$name"
  cp tests/fuzz/corpus/"${name#fuzz_}"/* "$scratch/$name/" 2>/dev/null || true
  "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
    -artifact_prefix="$scratch/" "$scratch/$name" >"$scratch/log" 2>&1 || {
    tail -40 "$scratch/log"
    cp "$scratch"/crash-* "$scratch"/timeout-* "$scratch"/oom-* . 2>/dev/null || true
    exit 1
  }
  tail -1 "$scratch/log"
done
