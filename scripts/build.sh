#!/usr/bin/env bash
# Builds a preset: build.sh release|debug|asan|tsan [CMake option...]
# NCA_TARGETS names what to build of it; all unless said.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { echo "build.sh: no preset; choose release, debug, asan or tsan" >&2; exit 2; }
preset=$1
shift
folder=build
[ "$preset" = release ] || folder=build-$preset

# A build folder remembers the nvcc that it was first made with, or that there was none.
nvcc=$(command -v "${CUDACXX:-nvcc}" || true)
remembered=$(sed -n 's/^CMAKE_CUDA_COMPILER:[A-Z]*=//p' "$folder/CMakeCache.txt" 2>/dev/null || true)
case $remembered in
  '') same=yes ;;
  /*) [ -x "$remembered" ] && [ "${nvcc:-$remembered}" = "$remembered" ] && same=yes || same=no ;;
  *) [ -z "$nvcc" ] && same=yes || same=no ;;
esac
if [ "$same" = no ]; then
  echo "$folder was made with another nvcc ($remembered), and is made anew" >&2
  rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles"
fi
cmake --preset "$preset" "$@" >/dev/null
cmake --build "$folder" ${NCA_TARGETS:+--target $NCA_TARGETS}
