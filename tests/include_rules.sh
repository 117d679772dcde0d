#!/usr/bin/env bash
# The include rules of CONTRIBUTING.md, by looking at every #include; and that nothing outside cli
# prints, nothing but main.c exits, and one host file names the backends. Proves itself on a broken
# tree first.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

# Prints what breaks a rule in the tree $1.
check() {
  cd "$1"
  local file
  # rule FOLDER FORBIDDEN: no file under the folder includes what the pattern matches.
  rule() {
    grep -rnE "^[[:space:]]*#[[:space:]]*include[[:space:]]+[\"<]$2" --include='*.[ch]' --include='*.cu' --include='*.cuh' "$1" || true
  }
  grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' include/nca | grep -vE '"nca/' || true
  rule src/host/io '(train/|cli/|study/|report/|nca/(backend|train|config)\.h)'
  rule src/host/train '(cli/|cpu/|cuda/|reference/|kernels/)'
  rule src/host '(\.\./)*(kernels|cpu|cuda|reference)/'
  rule src/kernels '(io|cli|train|study|report|model)/'
  rule src/kernels 'nca/(train|image|config)\.h'
  rule src/kernels/cpu '(\.\./)?(cuda|reference)/'
  rule src/kernels/reference '(\.\./)?(cuda|cpu)/'
  rule src/kernels/cuda '(\.\./)?(cpu|reference)/'
  grep -rnE '\bexit\(' --include='*.c' src | grep -v '^src/host/main.c:' || true
  grep -rnE '\b(printf|puts|putchar)\(|fprintf\((stdout|stderr)' --include='*.c' src |
    grep -vE '^src/host/(cli/|main\.c)' || true
  grep -rlE 'nca_[a-z]+_backend\b' --include='*.[ch]' src/host | grep -v '^src/host/devices.c$' || true
}

# It has to find each of these.
broken=$(mktemp -d)
trap 'rm -rf "$broken"' EXIT
mkdir -p "$broken"/{include/nca,src/host/{io,train,cli,study},src/kernels/{cpu,reference,cuda}}
echo '#include "train/pool.h"' >"$broken/include/nca/a.h"
echo '#include "nca/backend.h"' >"$broken/src/host/io/b.c"
echo '#include "cli/options.h"' >"$broken/src/host/train/c.c"
echo '#include "reference/reference.h"' >"$broken/src/kernels/cpu/d.c"
echo '#include "cpu/ops.h"' >"$broken/src/kernels/cuda/k.cu"
echo 'void f(void) { exit(1); }' >"$broken/src/host/study/e.c"
echo 'void f(void) { printf("x"); }' >"$broken/src/host/study/g.c"
echo 'extern int nca_cpu_backend;' >"$broken/src/host/study/h.c"
for name in a.h b.c c.c d.c e.c g.c h.c k.cu; do
  (check "$broken") | grep -q "$name" || {
    echo "include_rules.sh does not see what is wrong with $name"
    exit 1
  }
done

found=$(check "$root")
[ -z "$found" ] || {
  echo "These lines break the include rules:"
  echo "$found"
  exit 1
}
