#!/usr/bin/env bash
# The tests that use several threads, under ThreadSanitizer. The oracle, which takes minutes under
# it, uses them no otherwise than these do.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/build.sh tsan
# Address space randomisation of newer kernels is too wide for ThreadSanitizer.
setarch "$(uname -m)" -R ctest --test-dir build-tsan --output-on-failure \
  -R 'test_(workers|seam|seam_contract|not_finite|properties|trainer|checkpoint|health|evaluate)$'
