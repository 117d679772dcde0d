#!/usr/bin/env bash
# Builds a preset: build.sh release|debug|asan|tsan [CMake option...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
cmake --preset "$preset" "$@" >/dev/null
folder=build
[ "$preset" = release ] || folder=build-$preset
cmake --build "$folder"
