#!/usr/bin/env bash
# The tests that are quick enough for it, under valgrind's memcheck. (Not test_writers: under
# valgrind a program that cannot be started looks as if it had been.)
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || {
  echo "valgrind.sh: no valgrind; install the package valgrind" >&2
  exit 2
}
scripts/build.sh debug
for name in test_files test_safetensors test_damaged_tensors test_model test_options test_config \
  test_schedule test_config_json test_run_log test_image test_published test_pictures \
  test_checkpoint; do
  echo "$name"
  valgrind --quiet --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite \
    "build-debug/tests/$name" >/dev/null
done
