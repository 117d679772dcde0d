#!/usr/bin/env bash
# The test suite under AddressSanitizer and UndefinedBehaviorSanitizer.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/build.sh asan
ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 \
  UBSAN_OPTIONS=print_stacktrace=1 \
  LSAN_OPTIONS=suppressions=tests/lsan.txt:print_suppressions=0 \
  ctest --test-dir build-asan --output-on-failure "$@"
