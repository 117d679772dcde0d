#!/usr/bin/env bash
# The include rules of CONTRIBUTING.md, by looking at every #include; and that nothing outside cli
# prints, nothing but main.c exits, and one host file names the backends; that include/nca parses as
# C++17. Proves itself on a broken tree first.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

# Whichever C++ compiler is there reads every header of include/nca by itself, and finds the names of
# all kinds where C has them; prints what it refuses.
cpp=$(command -v clang++ || command -v g++ || true)
parse_as_cpp() {
  local header
  [ -n "$cpp" ] || return 0
  for header in include/nca/*.h; do
    "$cpp" -x c++ -std=c++17 -pedantic-errors -fsyntax-only -Iinclude "$header" 2>&1 || true
  done
  [ ! -e include/nca/nca.h ] || printf '#include "nca/nca.h"\nint kinds[] = {%s};\n' \
    "NCA_REGION_BOX, NCA_GRADIENT_CLIP, NCA_POOL, NCA_RANDOM_FIRE, NCA_EVENT_NONE, NCA_OUTPUT_BIAS" |
    "$cpp" -x c++ -std=c++17 -pedantic-errors -fsyntax-only -Iinclude - 2>&1 || true
}

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
  grep -rnE '\b(printf|puts|putchar|perror)\(|\bv?fprintf\((stdout|stderr)' --include='*.[ch]' src |
    grep -vE '^src/host/(cli/|main\.c)' || true
  grep -rnE '\b(fputs|fputc|putc|fwrite)\(.*\b(stdout|stderr)\)' --include='*.[ch]' src |
    grep -vE '^src/host/(cli/|main\.c)' || true
  parse_as_cpp
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
echo 'void f(void) { fputs("x", stdout); }' >"$broken/src/host/study/i.c"
echo 'void f(void) { fwrite("x", 1, 1, stderr); }' >"$broken/src/host/io/j.c"
echo 'void f(void) { putc(120, stdout); }' >"$broken/src/host/io/n.c"
echo 'void f(void) { perror("x"); }' >"$broken/src/kernels/cpu/l.c"
names="a.h b.c c.c d.c e.c g.c h.c i.c j.c k.cu l.c n.c"
if [ -n "$cpp" ]; then
  echo 'enum a { A } *new;' >"$broken/include/nca/m.h"
  names+=" m.h"
else
  echo "no C++ compiler: the headers were not read as C++17"
fi
for name in $names; do
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
