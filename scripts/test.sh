#!/usr/bin/env bash
# Packages, a build with clang, a build with gcc and all its tests: among them the suite under
# AddressSanitizer and UndefinedBehaviorSanitizer and a few seconds of every fuzzer.
#   test.sh          all of it. Each step is named as it begins, each test as it ends, with the time
#                    it took; the last lines are ctest's summary and why tests were skipped
#   test.sh --help   says this
# One test, after a build: ctest --test-dir build -R NAME --output-on-failure
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  '') ;;
  --help | -h)
    sed -n '2,/^set /{/^set /d;s/^# \?//;p}' scripts/test.sh
    exit 0
    ;;
  *)
    echo "test.sh: $1: no such option; --help or none" >&2
    exit 2
    ;;
esac

# Why tests of the last run were skipped, as they said it themselves.
say_skipped() {
  awk '
    /^[0-9]+\/[0-9]+ Testing: / { name = $3 }
    /^skipped: / || /: skipped$/ {
      reason = $0
      sub(/^skipped: /, "", reason)
      sub(/: skipped$/, "", reason)
      if (!(name in said)) print "  " name ": " reason
      said[name] = 1
    }
    /^\[  SKIPPED \] test_/ { print "  " name ": " $4 " lacks what it needs" }
  ' build/Testing/Temporary/LastTest.log | sort -u | sed '1i\
\
Skipped, and why:'
}

scripts/packages.sh --tests
export CUDAARCHS=${CUDAARCHS:-90}   # where nvcc is: one architecture is enough to find mistakes
echo "Building with clang, warnings as errors"   # its code is never run: not optimized
CC=clang CXX=clang++ cmake -S . -B build-clang -G Ninja -DNCA_WERROR=ON -DCMAKE_BUILD_TYPE=Debug >/dev/null
cmake --build build-clang
echo "Building with gcc, warnings as errors"
CC=gcc scripts/build.sh release -DNCA_WERROR=ON -DBUILD_TESTING=ON
echo "Testing"
code=0
ctest --test-dir build -j2 --output-on-failure || code=$?   # the sanitizers beside the rest
say_skipped
exit $code
