#!/usr/bin/env bash
# Packages, a build with clang, a build with gcc and all its tests: among them the suite under
# AddressSanitizer and UndefinedBehaviorSanitizer and a few seconds of every fuzzer.
# Ends with ctest's own summary.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/packages.sh --tests
export CUDAARCHS=${CUDAARCHS:-90}   # where nvcc is: one architecture is enough to find mistakes
echo "Building with clang, warnings as errors"   # its code is never run: not optimized
CC=clang CXX=clang++ cmake -S . -B build-clang -G Ninja -DNCA_WERROR=ON -DCMAKE_BUILD_TYPE=Debug >/dev/null
cmake --build build-clang
echo "Building with gcc, warnings as errors"
CC=gcc scripts/build.sh release -DNCA_WERROR=ON -DBUILD_TESTING=ON
exec ctest --test-dir build -j2 --output-on-failure   # the sanitizers beside the rest
