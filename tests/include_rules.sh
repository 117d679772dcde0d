#!/usr/bin/env bash
# The layout of the project, by looking at every #include and every symbol: a folder of src/host
# sees only those before it in the table below, no two files include or call each other in a circle,
# only cli prints, only main.c exits, one host file names the backends, and include/nca parses as
# C++17. Proves itself on a broken tree first.
#   include_rules.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
objects=$(dirname "$1")/CMakeFiles/libnca.dir/src

host_folders="base media config model task eval train verify run attack sweep report cli"

# Whichever C++ compiler is there reads every header of include/nca by itself, and finds the names
# of all kinds where C has them; prints what it refuses.
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

# All includes of the tree as "FILE INCLUDED", without the quotes.
list_includes() {
  grep -rE '^[[:space:]]*#[[:space:]]*include[[:space:]]+["<]' --include='*.[ch]' --include='*.cu' --include='*.cuh' src include |
    sed -E 's/:[[:space:]]*#[[:space:]]*include[[:space:]]+["<]([^">]*).*/ \1/'
}

check_folders() {
  list_includes | awk -v folders="$host_folders" '
    BEGIN { count = split(folders, name, " "); for (i = 1; i <= count; i++) place[name[i]] = i }
    function refuse(why) { print $1 ": includes " $2 ": " why }
    {
      n = split($1, path, "/"); top = $2; sub("/.*", "", top)
      if (path[1] == "include") { if ($2 ~ /\// && top != "nca") refuse("include/nca sees itself alone") }
      else if (path[2] == "host" && n > 3 && !(path[3] in place)) refuse(path[3] " is no folder of the table")
      else if (path[2] == "host" && $2 ~ /(^|\/)(kernels|cpu|cuda|reference)\//) refuse("the host knows no backend")
      else if (path[2] == "host" && n > 3 && (top in place) && place[top] > place[path[3]])
        refuse(top " comes after " path[3])
      else if (path[2] == "kernels" && (top in place)) refuse("a backend sees nothing of the host")
      else if (path[2] == "kernels" && $2 ~ /^nca\/(train|image|config|plan|task)\.h/) refuse("no business of a backend")
      else if (path[2] == "kernels" && $2 ~ /(^|\/)(cpu|cuda|reference)\// && $2 !~ "(^|/)" path[3] "/")
        refuse("backends do not see each other")
    }'
}

# tsort names the members of every circle. Pairs of a header and its own .c are no circle: only the
# .c includes.
check_circles() {   # WORD, from "FROM TO" lines
  tsort 2>&1 >/dev/null | sed -n "s/^tsort: //p" | grep -v "input contains a loop" | sed "s/^/in a circle $1: /" || true
}

check_include_circles() {
  list_includes | awk '
    { from = $1; sub("^src/host/", "", from); sub("^src/kernels/", "", from); sub("^include/", "", from)
      to = $2; if (from ~ /^(cpu|cuda|reference)\// && to !~ /\//) { folder = from; sub("/.*", "", folder); to = folder "/" to }
      print from, to }' | check_circles "of includes"
}

# Who uses a symbol that another object defines. A call through a table of functions is none.
check_call_circles() {   # FOLDER of objects
  find "$1" -name '*.o' | sort | while read -r object; do
    nm --format=posix "$object" | awk -v file="${object#"$1"/}" '{ print file, $1, $2 }'
  done | sort -u | awk '
    { file[NR] = $1; symbol[NR] = $2; kind[NR] = $3; if ($3 ~ /[TDBRV]/) home[$2] = $1 }
    END { for (i = 1; i <= NR; i++)
            if (kind[i] == "U" && (symbol[i] in home) && home[symbol[i]] != file[i]) print file[i], home[symbol[i]] }' |
    sort -u | check_circles "of calls"
}

# Prints what breaks a rule in the tree $1.
check() {
  cd "$1"
  check_folders
  check_include_circles
  grep -rnE '\bexit\(' --include='*.c' src | grep -v '^src/host/main.c:' || true
  grep -rnE '\b(printf|puts|putchar|perror)\(|\bv?fprintf\((stdout|stderr)' --include='*.[ch]' src |
    grep -vE '^src/host/(cli/|main\.c)' || true
  grep -rnE '\b(fputs|fputc|putc|fwrite)\(.*\b(stdout|stderr)\)' --include='*.[ch]' src |
    grep -vE '^src/host/(cli/|main\.c)' || true
  parse_as_cpp
  grep -rlE 'nca_[a-z]+_backend\b' --include='*.[ch]' src/host | grep -v '^src/host/base/devices.c$' || true
}

# It has to find each of these.
broken=$(mktemp -d)
trap 'rm -rf "$broken"' EXIT
mkdir -p "$broken"/{include/nca,src/host/{media,train,cli,eval,sweep,misplaced},src/kernels/{cpu,reference,cuda}}
echo '#include "train/pool.h"' >"$broken/include/nca/a.h"
echo '#include "train/pool.h"' >"$broken/src/host/media/b.c"
echo '#include "cli/options.h"' >"$broken/src/host/train/c.c"
echo '#include "reference/reference.h"' >"$broken/src/kernels/cpu/d.c"
echo '#include "cpu/ops.h"' >"$broken/src/kernels/cuda/k.cu"
echo '#include "nca/train.h"' >"$broken/src/kernels/cuda/o.c"
echo '#include "base/files.h"' >"$broken/src/kernels/cuda/p.c"
echo '#include "cuda/kernels.h"' >"$broken/src/host/eval/q.c"
echo '#include "base/files.h"' >"$broken/src/host/misplaced/r.c"
echo '#include "eval/t.h"' >"$broken/src/host/eval/s.h"
echo '#include "eval/s.h"' >"$broken/src/host/eval/t.h"
echo 'void f(void) { exit(1); }' >"$broken/src/host/sweep/e.c"
echo 'void f(void) { printf("x"); }' >"$broken/src/host/sweep/g.c"
echo 'extern int nca_cpu_backend;' >"$broken/src/host/sweep/h.c"
echo 'void f(void) { fputs("x", stdout); }' >"$broken/src/host/sweep/i.c"
echo 'void f(void) { fwrite("x", 1, 1, stderr); }' >"$broken/src/host/media/j.c"
echo 'void f(void) { putc(120, stdout); }' >"$broken/src/host/media/n.c"
echo 'void f(void) { perror("x"); }' >"$broken/src/kernels/cpu/l.c"
names="a.h b.c c.c d.c e.c g.c h.c i.c j.c k.cu l.c n.c o.c p.c q.c r.c s.h t.h"
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
# And a circle of calls, where there are objects to look into.
if [ -d "$objects" ]; then
  mkdir "$broken/calls"
  for pair in "one two" "two one"; do
    set -- $pair
    echo "void $2(void); void $1(void); void $1(void) { $2(); }" | "${CC:-cc}" -x c -c -o "$broken/calls/$1.o" -
  done
  [ -n "$(check_call_circles "$broken/calls")" ] || {
    echo "include_rules.sh does not see a circle of calls"
    exit 1
  }
fi

found=$(check "$root")
[ ! -d "$objects" ] || found+=$(check_call_circles "$objects")
[ -z "$found" ] || {
  echo "These break the layout:"
  echo "$found"
  exit 1
}
