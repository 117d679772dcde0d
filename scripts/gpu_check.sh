#!/usr/bin/env bash
# Asks an NVIDIA GPU all that nca wants to know of it, what is worth most first, in the few minutes
# that one may be at hand. Everything goes into one archive, which is renewed after each step: a
# check that is cut off loses nothing.
#   gpu_check.sh [--part 1|2] [--seconds N] [--only PATTERN] [FOLDER]
#       fills FOLDER/gpu_check.tgz within N seconds (320). Part 2 fills FOLDER/gpu_check_2.tgz
#       (240): it times the variants of a pack in turn and repeats what failed in part 1. --only
#       takes the steps whose names match, such as 'ncu_*'
#   gpu_check.sh --pack FOLDER [--variant NAME=PROGRAM]...
#       fills a folder with all that a GPU machine without network or compiler needs; there run
#       FOLDER/scripts/gpu_check.sh
#   gpu_check.sh --keep ARCHIVE
#       lays the figures and texts of an archive into bench/results
# A checkout is built first, for this GPU, before the seconds are counted; NCA names a program to
# check or pack instead. An earlier check's archive becomes gpu_check.1.tgz. NCA_GPU_LIMITS scales
# the steps' time limits (100, in percent); NCA_GPU_QUICK=1 takes sizes that an emulated device can
# do. Exit code 0: all well; 1: a step failed, or the archive cannot be written; 2: bad arguments;
# 77: no GPU.
set -euo pipefail
export LC_ALL=C
here=$PWD
root=$(cd "$(dirname "$0")/.." && pwd)
refuse() {
  echo "gpu_check.sh: $*" >&2
  exit 2
}
absolute() { (cd "$here" && realpath -m "$1"); }
is_program() { [ -f "$1" ] && [ -x "$1" ]; }
is_pack() { is_program "$root/nca" || [ -e "$root/.gpu_check" ]; }
make_folder() { mkdir -p "$1" 2>/dev/null || refuse "$1: cannot be made a folder; choose another name"; }

# -- Building and packing.
test_names=(test_mma_gpu test_neighbours_gpu test_cuda_gpu test_sessions_gpu test_precision_gpu)
# build PRESET ARCHITECTURES: the programs and, where their libraries are here, the tests.
build() {
  local toolchain tests=OFF targets="nca bench_kernels"
  toolchain=$(scripts/cuda_toolchain.sh) || return 1
  eval "$toolchain"
  ! pkg-config --exists cmocka libwebpdemux 2>/dev/null || tests=ON targets+=" ${test_names[*]}"
  NCA_TARGETS=$targets scripts/build.sh "$1" "-DCMAKE_CUDA_ARCHITECTURES=$2" -DNCA_CUDA=ON \
    -DBUILD_TESTING=$tests || return 1
  cuda=$("$CUDACXX" --version | sed -n 's/.*release \([0-9.]*\),.*/\1/p')
}

# program NAME: where what was built with the program that is checked is.
program() {
  local folder
  for folder in "${nca%/*}" "${nca%/*}/tests" "${nca%/*}/tests/emulator"; do
    [ ! -x "$folder/$1" ] || { echo "$folder/$1" && return; }
  done
}

# copy_libraries PROGRAM...: the C library is the other machine's own; all else travels.
copy_libraries() {
  { ldd "$@" 2>/dev/null || true; } | awk '$2 == "=>" && $3 ~ /^\// &&
    $3 !~ /\/(ld-linux.*|lib(c|m|dl|rt|pthread|mvec|resolv|util|anl))\.so/ {print $3}' |
    sort -u | xargs -r cp -Lt "$to/lib"
}

pack() {
  local variant test found cuda=unknown names=' nca '
  to=$(absolute "$1")
  for variant in "${variants[@]}"; do
    [[ $variant =~ ^[a-z0-9][a-z0-9_-]{0,19}=. ]] ||
      refuse "--variant $variant: no NAME=PROGRAM; a name is up to 20 of a-z, 0-9, - and _"
    [[ $names != *" ${variant%%=*} "* ]] || refuse "--variant $variant: that name is taken; choose another"
    names+="${variant%%=*} "
    found=$(absolute "${variant#*=}")
    is_program "$found" || refuse "--variant $variant: $found is no program; build it first"
  done
  make_folder "$to"
  [ -e "$to/.gpu_check" ] || [ -z "$(ls -A "$to")" ] ||
    refuse "$to: not empty, and no earlier pack; choose another name"
  { : >"$to/.gpu_check"; } 2>/dev/null || refuse "$to: nothing can be written there; choose another folder"
  rm -f "$to/commit" # a pack without it is not whole
  cd "$root"
  [ -n "$nca" ] || {
    build pack "${CUDAARCHS:-80-real;90-real;100-real;120}" >&2
    nca=build-pack/nca
  }
  rm -rf "${to:?}"/{nca,bench_kernels,test_*_gpu,lib,cases,scripts,bench,variants}
  mkdir -p "$to"/{lib,scripts,bench/peers}
  cp "$nca" "$to/nca"
  for test in bench_kernels "${test_names[@]}"; do
    found=$(program "$test")
    [ -z "$found" ] || cp "$found" "$to/"
  done
  copy_libraries "$to/nca" "$to"/{bench_kernels,test_*_gpu}
  for variant in "${variants[@]}"; do
    mkdir -p "$to/variants/${variant%%=*}"
    cp "$(absolute "${variant#*=}")" "$to/variants/${variant%%=*}/nca"
    copy_libraries "$to/variants/${variant%%=*}/nca"
  done
  if [ -d ../shared/oracle/cases ]; then
    cp -r ../shared/oracle/cases "$to/"
  else
    echo "gpu_check.sh: no ../shared/oracle/cases: the pack's check will skip every step that needs them" >&2
  fi
  cp scripts/{gpu_check,bench_peers}.sh "$to/scripts/"
  cp bench/peers/*.py "$to/bench/peers/"
  echo "$cuda" >"$to/cuda"
  git describe --always --dirty >"$to/commit" 2>/dev/null || echo unknown >"$to/commit"
  chmod -R u+w "$to"
  echo "$to: $(du -sh "$to" | cut -f1) for CUDA $cuda; needs $(objdump -T "$to/nca" "$to"/lib/* 2>/dev/null |
    grep -o 'GLIBC_2\.[0-9.]*' | sort -Vu | tail -1 || true) and x86-64"
}

# keep ARCHIVE: its small texts under bench/results/CARD-COMMIT, as they may be committed.
keep() {
  local archive folder from
  archive=$(absolute "$1")
  ! is_pack || refuse "--keep: $root is a pack; give the archive to a checkout's gpu_check.sh"
  from=$(tar xzOf "$archive" ./results.json 2>/dev/null | head -2 | tr -d '\n') || true
  [[ $from =~ \"gpu\":\ \"(.+)\",\ \"driver\".*\"commit\":\ \"([^\"]+)\",\ \"part\":\ ([12]) ]] ||
    refuse "$archive: no archive of a GPU check; it is called gpu_check.tgz"
  folder=$(tr -cs 'A-Za-z0-9\n' - <<<"${BASH_REMATCH[1]}-${BASH_REMATCH[2]}" | tr '[:upper:]' '[:lower:]')
  folder=$root/bench/results/${folder%-}
  [ "${BASH_REMATCH[3]}" = 1 ] || folder+=-2
  [ ! -e "$folder" ] || refuse "$folder: is there already; move it away first"
  rm -rf "$folder.part"
  make_folder "$folder.part"
  tar xzf "$archive" -C "$folder.part" --no-same-owner --exclude='*.ncu-rep' ./results.json ./table.txt ./steps \
    2>/dev/null || { rm -rf "$folder.part" && refuse "$archive: cut off or damaged; copy it again"; }
  find "$folder.part/steps" -type f \( -size 0 -o -size +64k \) -delete
  mv "$folder.part" "$folder"
  echo "$folder"
}

# -- Arguments.
is_given() { [[ "$given " == *" $1 "* ]]; }
part=1 seconds='' only='*' given='' folder='' to_pack='' archive='' variants=()
while [ $# -gt 0 ]; do
  case $1 in
    --part | --seconds | --only | --pack | --variant | --keep)
      [ -n "${2:-}" ] || refuse "$1: no value; --help lists the options"
      given+=" $1"
      ;;
  esac
  case $1 in
    --part) part=$2 ;;
    --seconds) seconds=$2 ;;
    --only) only=$2 ;;
    --pack) to_pack=$2 ;;
    --variant) variants+=("$2") ;;
    --keep) archive=$2 ;;
    --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" && exit ;;
    -*) refuse "$1: no such option; there are --part, --seconds, --only, --pack, --variant, --keep and --help" ;;
    *)
      [ -z "$folder" ] && [ -n "$1" ] || refuse "'$1': one argument too many; give one folder"
      folder=$1
      shift
      continue
      ;;
  esac
  shift 2
done
[[ $part =~ ^[12]$ ]] || refuse "--part $part: no such part; there are 1 and 2"
[ -n "$seconds" ] || seconds=$((part == 1 ? 320 : 240))
[[ $seconds =~ ^(0|[1-9][0-9]{0,4})$ ]] || refuse "--seconds $seconds: must be 0 to 99999 whole seconds, such as 320"
scale=${NCA_GPU_LIMITS:-100}
[[ $scale =~ ^[1-9][0-9]{0,3}$ ]] || refuse "NCA_GPU_LIMITS is $scale: not percent, such as 100"
nca=${NCA:+$(absolute "$NCA")}
[ -z "$nca" ] || is_program "$nca" || refuse "NCA is $nca, and that is no program; correct or unset it"
[ -z "$folder" ] || [ -z "$to_pack$archive" ] ||
  refuse "$folder: one argument too many; --pack and --keep take one"
! is_given --keep || [ "$given" = ' --keep' ] || refuse "--keep: stands alone; leave out all other options"
for option in --part --seconds --only; do
  ! is_given --pack || ! is_given $option || refuse "--pack: packs and checks nothing; leave out $option"
done
[ ${#variants[@]} -eq 0 ] || [ -n "$to_pack" ] || refuse "--variant: goes into a pack; give --pack FOLDER too"
if [ -n "$archive" ]; then
  keep "$archive"
  exit
elif [ -n "$to_pack" ]; then
  pack "$to_pack"
  exit
fi
[ ! -e "$root/.gpu_check" ] || [ -e "$root/commit" ] || refuse "$root: half a pack; pack it again where it was made"
timeout -k 3 10 nvidia-smi -L 2>/dev/null | grep -a '^GPU' >/dev/null || {
  echo "gpu_check.sh: nvidia-smi finds no GPU on this machine: nothing to check" >&2
  exit 77
}
if is_pack; then folder=${folder:-gpu_results}; else folder=${folder:-$root/bench/results/gpu}; fi
folder=$(absolute "$folder")
make_folder "$folder"
archive=$folder/gpu_check.tgz
[ "$part" = 1 ] || archive=$folder/gpu_check_2.tgz
{ [ ! -d "$archive" ] && : >"$archive.part"; } 2>/dev/null || refuse "$archive: cannot be written; choose another folder"
exec 9<"$folder"
! command -v flock >/dev/null || flock -n 9 || refuse "$folder: another check is filling it; choose another folder"
work=$(mktemp -d 2>/dev/null) || refuse "${TMPDIR:-/tmp}: no folder can be made there; set TMPDIR to one where it can"
out=$work/out child='' earlier='' is_archived=no
trap 'leave' EXIT
trap 'exit 143' TERM INT HUP
mkdir -p "$out/steps" "$work/runs"

# Leaves nothing behind but the archive, or else what should be in it.
leave() {
  [ -z "$child" ] || kill -KILL -- "-$child" 2>/dev/null || true
  rm -f "$archive.part"
  if [ ${#rows[@]} -eq 0 ] || [ $is_archived = yes ]; then rm -rf "$work"; else rm -rf "$work/runs"; fi
}

# -- Steps.
rows=() lines=() figures='' gpu=unknown driver=unknown capability='' cuda=unknown commit=unknown
leave_out=()
declare -A count=([ok]=0 [FAILED]=0 [skipped]=0)
# What is kept names no folder of this machine but as PACK, FOLDER and WORK.
without_paths() {
  local text=$1
  text=${text//"$work"/WORK}
  text=${text//"$folder"/FOLDER}
  printf '%s' "${text//"$root"/PACK}"
}
hide_paths() { # FILE...
  local file place name script=''
  for name in work folder root; do
    place=$(sed 's/[][\\.*^$|]/\\&/g' <<<"${!name}")
    script+="s|$place|$(without_paths "${!name}")|g;"
  done
  for file; do [ ! -s "$file" ] || LC_ALL=C sed -i "$script" "$file"; done
}
# quoted TEXT: as JSON, whatever bytes it has.
quoted() {
  local text
  text=$(without_paths "$1")
  text=${text//[^ -~]/?}
  text=${text//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}
last_line() { tail -c 2000 "$1" | tr -c '\n -~' '?' | grep -v '^[ ?]*$' | tail -1 | cut -c1-200 || true; }
number() { sed -n "s/.*\"$2\": \([-+0-9.e]*\).*/\1/p" "$out/steps/$1.json" | head -1; }

# Whether a file is JSON of plain characters: every string becomes byte 1 and every value byte 2,
# which no file that gets so far has; then lists and objects close from within.
is_json() {
  [ "$(stat -c %s "$1")" -le 262144 ] || return 1
  [ "$(tr -d '\t\n\r -~' <"$1" | wc -c)" -eq 0 ] || return 1
  [ "$(sed -zE -e '/^[ \t\r\n]*[[{]/!s/^/x/' -e 's/"([^"\\[:cntrl:]]|\\(["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/\x01/g' \
    -e 's/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false|null/\x02/g' -e 's/[ \t\r\n]+//g' -e :again \
    -e 's/\[([\x01\x02](,[\x01\x02])*)?]|\{(\x01:[\x01\x02](,\x01:[\x01\x02])*)?}/\x02/g' -e tagain "$1")" = $'\x02' ]
}

is_wanted() {
  local pattern
  for pattern in "${wanted[@]}"; do
    # shellcheck disable=SC2053
    [[ $1 != $pattern ]] || return 0
  done
  return 1
}

# lacking NEED...: why a step cannot be run here, or nothing.
lacking() {
  local need
  for need; do
    case $need in
      cases) [ -d "$cases" ] || echo "no oracle cases here" ;;
      8.0) [[ ! $capability =~ ^[1-7]\. ]] || echo "needs compute capability 8.0, not $capability" ;;
      bench_kernels) [ -n "$(program $need)" ] || echo "no bench_kernels beside nca" ;;
      test_*) [ -n "$(program "$need")" ] || echo "not built: it needs cmocka and libwebpdemux" ;;
      *) command -v "$need" >/dev/null || echo "no $need on PATH" ;;
    esac
  done | head -1
}

# bounded SECONDS COMMAND...: in a process group of its own, of which nothing is left at the end.
bounded() {
  local limit=$1 code=0
  shift
  (
    exec 9<&-
    ulimit -f 262144 2>/dev/null || true # 256 MiB
    exec </dev/null >"$text" 2>&1
    [ "${expects:-}" != json ] || exec >"$json"
    if [ "$(type -t "$1")" = function ]; then
      "$@"
      exit
    fi
    exec timeout -k 3 "$limit" "$@"
  ) &
  child=$!
  wait $child || code=$?
  kill -KILL -- "-$child" 2>/dev/null || true # what it may have left behind
  child=
  return $code
}

# step NAME SECONDS COMMAND...: runs it for so long at most, keeps what it prints, and goes on.
#   needs    what it cannot be run without, as lacking() knows it; such a step is skipped
#   expects  json: it prints JSON; file: it writes JSON to steps/NAME.json; else a pattern of its
#            text
#   least    seconds that must be left for it (6)
step() {
  local name=$1 limit=$(($2 * scale / 100)) left=$((seconds - SECONDS)) began=$SECONDS state=FAILED why code=0
  local text=$out/steps/$name.txt json=$out/steps/$name.json
  shift 2
  is_wanted "$name" || return 0
  # shellcheck disable=SC2086
  why=$(lacking ${needs:-})
  [ $left -ge "${least:-6}" ] || why="no time left of $seconds s"
  if [ -n "$why" ]; then
    state=skipped
  else
    [ $limit -le $((left - 5)) ] || limit=$((left - 5))
    [ $limit -gt 0 ] || limit=1
    bounded $limit "$@" || code=$?
    [ $code -ne 137 ] || [ $((SECONDS - began)) -lt $limit ] || code=124
    case $code in
      0) state=ok ;;
      77) state=skipped why=$(last_line "$text") ;;
      124) why="did not end in $limit s" ;;
      *) why="exit code $code: $(last_line "$text")" ;;
    esac
    hide_paths "$text" "$json"
    [ ! -e "$json" ] || is_json "$json" || { head -c 250000 "$json" >>"$text" && rm "$json"; }
    [ $code -ne 0 ] || case ${expects:-} in
      '') ;;
      json | file) [ -e "$json" ] || state=FAILED why="printed no JSON" ;;
      *) grep -aqE -e "$expects" "$text" || state=FAILED why="did not print '$expects'" ;;
    esac
    [ "$(stat -c %s "$text")" -le 500000 ] || {
      { head -c 250000 "$text" && tail -c 250000 "$text"; } >"$work/short" && mv "$work/short" "$text"
    }
  fi
  finish "$name" $state $((SECONDS - began)) "$why" "$*"
}

# finish NAME STATE SECONDS WHY COMMAND: a row of results.json, a line of the table, then the
# archive anew.
finish() {
  local line precision size round
  rows+=("$(printf '  {"name": "%s", "state": "%s", "seconds": %d, "why": %s, "command": %s}' "$1" "$2" "$3" \
    "$(quoted "$4")" "$(quoted "${5:0:1000}")")")
  count[$2]=$((count[$2] + 1))
  [ ! -e "$out/steps/$1.json" ] || figures+=${figures:+,}$'\n'"  \"$1\": $(<"$out/steps/$1.json")"
  case $2:$1 in
    ok:bench_*) lines+=("$(printf '%-22s %9s ms a step   %9s forward   %9s backward   %s of the peak' "$1" \
      "$(number "$1" median_ms)" "$(number "$1" forward_ms)" "$(number "$1" backward_ms)" \
      "$(number "$1" share_of_peak)")") ;;
    ok:train_update) lines+=("$(printf '%-22s %9s ms an update' train "$(number "$1" median_ms)")") ;;
    ok:tf32_* | ok:bf16_*) lines+=("$(printf '%-22s %s' "$1" "$(grep -am1 ' against f32' "$out/steps/$1.txt")")") ;;
    ok:peers) lines+=("$(head -40 "$out/steps/$1.txt")") ;;
    ok:turn_*) IFS=_ read -r _ precision size round _ line <<<"$1"
      echo "$precision $size $line $round $(number "$1" median_ms)" >>"$work/turns" ;;
    ok:gpu) IFS=, read -r gpu driver capability _ < <(sed 's/, /,/g' "$out/steps/gpu.txt") || true ;;
    ok:*) ;;
    *) lines+=("$(printf '%-8s %-22s %s' "$2" "$1" "$4")") ;;
  esac
  [ "$2" = skipped ] || write_archive
  printf '%-8s %-26s %3d s  %s\n' "$2" "$1" "$3" "$4"
}

write_table() {
  printf '%-10s %s\n' GPU "$gpu" driver "$driver" CUDA "$cuda" commit "$commit"
  [ ${#lines[@]} -eq 0 ] || printf '%s\n' "${lines[@]}"
  [ ! -s "$work/turns" ] || compare_turns
  printf '%-10s %s ok, %s FAILED, %s skipped in %d s; all of it in %s\n' steps "${count[ok]}" "${count[FAILED]}" \
    "${count[skipped]}" "$SECONDS" "${archive##*/}"
}

write_archive() {
  local more code now=no
  {
    printf '{"gpu": %s, "driver": %s, "cuda": %s,\n "commit": %s, "part": %d, "seconds": %d,\n "steps": [\n' \
      "$(quoted "$gpu")" "$(quoted "$driver")" "$(quoted "$cuda")" "$(quoted "$commit")" "$part" "$SECONDS"
    printf '%s' "${rows[0]}"
    [ ${#rows[@]} -eq 1 ] || printf ',\n%s' "${rows[@]:1}"
    printf '],\n "figures": {%s}}\n' "$figures"
  } >"$out/results.json"
  write_table >"$out/table.txt"
  [ -n "$earlier" ] || keep_earlier
  for more in 'steps/*.ncu-rep' 'steps/*.txt' none; do
    code=0
    tar cf "$archive.part" -I 'gzip -1' -C "$out" "${leave_out[@]}" . 2>/dev/null || code=$?
    if [ $code -le 1 ] && { [ "$(stat -c %s "$archive.part")" -le 15728640 ] || [ "$more" = none ]; }; then
      ! mv "$archive.part" "$archive" 2>/dev/null || now=yes
      break
    fi
    leave_out+=(--exclude="./$more")
  done
  is_archived=$now
  [ $now = yes ] || echo "gpu_check.sh: $archive: cannot be written; so far all of it is in $out" >&2
}

# An earlier check's archive gets the next free number.
keep_earlier() {
  local number=1
  earlier=none
  [ -e "$archive" ] || return 0
  while [ -e "${archive%.tgz}.$number.tgz" ]; do number=$((number + 1)); done
  earlier=${archive%.tgz}.$number.tgz
  mv "$archive" "$earlier" 2>/dev/null || earlier=none
}

# -- What is asked.
# cuBLAS is this machine's: of its toolkit, or of Python's packages. Our programs alone are told
# where: Python and NVIDIA's tools keep their own libraries.
find_cublas() {
  local python folder limit=$((5 * scale / 100 + 1)) left=$((seconds - SECONDS - 5))
  [ $limit -le $left ] || limit=$left
  [ $limit -gt 0 ] || return 0
  python=$(timeout -k 1 $limit python3 -c 'import nvidia.cu13 as found; print(list(found.__path__)[0])' \
    2>/dev/null | head -c 4096 | tr -cd '!-~' || true)
  for folder in "$(dirname "$(realpath -m "$(command -v nvcc || echo /x/x)")")/../lib64" "$python/lib"; do
    [ ! -e "$folder/libcublas.so.13" ] || libraries+=:$folder
  done
}
choose_sizes() {
  case ${NCA_GPU_QUICK:-}$1 in
    8x72) sizes=(--batch 8 --grid 72 --steps 80 --active 0.2) repeats=(--repeats 20) ;;
    4x56) sizes=(--batch 4 --grid 56 --steps 128 --active 0.22) repeats=(--repeats 20) ;;
    *) sizes=(--batch 1 --grid 9 --steps 4) repeats=(--repeats 1 --warmup 0) ;;
  esac
}
verify() { needs="cases ${needs:-}" step "$1" 60 "${run[@]}" verify --device cuda "${@:2}"; }
run_test() { needs=$1 step "$1" "$2" env LD_LIBRARY_PATH="$libraries" "$(program "$1")"; }
bench() { # NAME SIZE OPTION...
  choose_sizes "$2"
  expects=json step "$1" 40 "${run[@]}" bench step --device cuda "${sizes[@]}" "${repeats[@]}" "${@:3}" --json
}
bench_kernels() { # NAME SIZE OPTION...
  choose_sizes "$2"
  needs=bench_kernels expects=json step "$1" 40 env LD_LIBRARY_PATH="$libraries" "$(program bench_kernels)" \
    --device cuda "${sizes[@]}" "${repeats[@]}" "${@:3}" --json
}
# A face of 40 x 40 pixels as TGA, for a machine may have no font with emoji.
draw_target() {
  local x y pixels=''
  for ((y = -39; y < 40; y += 2)); do
    for ((x = -39; x < 40; x += 2)); do
      if ((x * x + y * y > 1540)); then
        pixels+='\x00\x00\x00\x00' # blue, green, red, alpha
      elif (((x - 14) ** 2 + (y + 12) ** 2 < 50 || (x + 14) ** 2 + (y + 12) ** 2 < 50)); then
        pixels+='\x20\x30\x50\xff'
      elif ((y > 10 && x * x + (y - 10) ** 2 < 300)); then
        pixels+='\x60\x40\xe0\xff'
      else
        pixels+='\x30\xc8\xfc\xff'
      fi
    done
  done
  # shellcheck disable=SC2059
  printf "\\0\\0\\2\\0\\0\\0\\0\\0\\0\\0\\0\\0\\50\\0\\50\\0\\40\\50$pixels"
}
train() {
  step "$1" 60 "${run[@]}" train --target "$work/target.tga" --pictures-every 1000 --quiet --out "$work/runs/$1" "${@:2}"
}
# profile PASS: one launch of the hot kernel in the middle of a rollout.
profile() {
  choose_sizes 8x72
  # shellcheck disable=SC2016
  needs=ncu expects='Duration .*[0-9]' step "ncu_$1" 45 bash -c 'ncu --clock-control none --set full \
    -k "regex:^step_$1" -s 60 -c 1 -f -o "$2" "${@:3}" && ncu --import "$2.ncu-rep" --page details' - "$1" \
    "$out/steps/ncu_$1" "$nca" bench step --device cuda --cuda-path fused "${sizes[@]}" --repeats 1 --warmup 0
}
# sanitize NAME TOOL CASE OPTION...
sanitize() {
  needs="compute-sanitizer cases ${needs:-}" expects='SUMMARY: 0 ' step "$1" 60 compute-sanitizer --tool "$2" \
    --error-exitcode 1 "$nca" verify --device cuda --cuda-path fused "${@:4}" "$cases/$3.safetensors"
}
losses() { sed -n 's/.*"loss": \([-+0-9.e]*\).*/\1/p' "$work/runs/$1/metrics.jsonl" | head -$compared || true; }
# The first updates of one seed have the same losses; later ones drift apart as any two sums do.
same_losses() {
  paste <(losses train_cuda) <(losses train_cpu) | awk -v wanted=$compared '
    { off = $2 == 0 ? 1 : $1 / $2 - 1; if (off < 0) off = -off; if (off > largest) largest = off }
    !(off <= 1e-4) { print "update " NR ": " $0; is_wrong = 1 }
    END { printf "%d updates, losses differ by %.1e at most\n", NR, largest; exit is_wrong || NR != wanted }'
}
# What an update takes: the median of the second half, when every graph has been made.
update_ms() {
  cp "$work/runs/train_cuda/metrics.jsonl" "$out/steps/train_metrics.jsonl" &&
    sed -n 's/.*"seconds": \([0-9.e-]*\).*/\1/p' "$out/steps/train_metrics.jsonl" | tail -n $((updates / 2)) |
    sort -g | awk '{x[NR] = $1} END {if (NR == 0) exit 1
      printf "{\"updates\": %d, \"median_ms\": %.3f}\n", 2 * NR, 1e3 * x[int((NR + 1) / 2)]}'
}
# peers SECONDS: PyTorch and JAX on the same card.
peers() {
  local limit=$(($1 * scale / 100 - 4)) left=$((seconds - SECONDS - 8)) sizes=(--config 8x72x80@0.2 --rounds 3)
  [ $limit -le $left ] || limit=$left
  [ $limit -gt 0 ] || limit=1
  [ -z "${NCA_GPU_QUICK:-}" ] || sizes=(--config 1x9x4@0.2 --rounds 1 --repeats 1)
  # shellcheck disable=SC2016
  needs=python3 expects=file least=20 step peers "$1" bash -c 'python3 -c "import sys, importlib.util as found
if not found.find_spec(\"torch\"): print(\"python3 here has no torch\"); sys.exit(77)" || exit; exec bash "$@"' - \
    "$root/scripts/bench_peers.sh" --device cuda --python python3 --nca "$nca" --precision f32 --precision tf32 \
    "${sizes[@]}" --seconds $limit --json "$out/steps/peers.json"
}

part_1() {
  local size precision path
  draw_target >"$work/target.tga"
  # shellcheck disable=SC2016
  step libraries 10 bash -c 'echo "cuBLAS is looked for in: $2"
ldd "$1"; ! ldd "$1" 2>&1 | grep "not found"' - "$nca" "$libraries"
  step info 30 "${run[@]}" info
  verify verify_fused --cuda-path fused "${all[@]}"
  run_test test_mma_gpu 30
  run_test test_neighbours_gpu 20
  for size in 8x72 4x56; do
    bench bench_fused_$size $size --cuda-path fused
    bench_kernels kernels_fused_$size $size --cuda-path fused
  done
  for precision in tf32 bf16; do
    needs=8.0 bench bench_fused_8x72_$precision 8x72 --cuda-path fused --precision $precision
  done
  train train_cuda "${settings[@]}" --updates $updates --device cuda --precision f32
  expects=json step train_update 5 update_ms
  train train_cpu "${settings[@]}" --updates $compared --device cpu --precision f32
  step train_losses 5 same_losses
  for precision in bf16 tf32; do
    needs=8.0 train train_$precision "${default[@]}" --device cuda --precision $precision
  done
  verify verify_cublas --cuda-path cublas "${all[@]}"
  run_test test_cuda_gpu 90
  run_test test_sessions_gpu 20
  bench bench_cublas_8x72 8x72 --cuda-path cublas
  profile forward
  profile backward
  sanitize memcheck_fused memcheck dead_cells_loud
  sanitize racecheck_fused racecheck edge_wrap_free
  peers 90
  run_test test_precision_gpu 60
  [ -n "${NCA_GPU_QUICK:-}" ] || step verify_built_in 60 "${run[@]}" verify --device cuda
  needs=8.0 sanitize racecheck_bf16 racecheck edge_wrap_free --precision bf16
  sanitize synccheck_fused synccheck edge_wrap_free
  # In less than f32 errors are measured and not judged.
  for path in fused cublas; do
    verify thinned_$path --cuda-path $path --tape-every 3 "${small[@]}"
    for precision in tf32 bf16; do
      needs=8.0 verify ${precision}_$path --cuda-path $path --precision $precision "${all[@]}"
    done
  done
  bench bench_cublas_4x56 4x56 --cuda-path cublas
  bench_kernels kernels_cublas_8x72 8x72 --cuda-path cublas
}

# turns PRECISION: every program of a pack in turn, ABAB, the order turned from round to round. One
# that fails is asked no more.
turns() {
  local round pass size name order
  local -A is_broken=()
  for round in 1 2 3; do
    [ $((seconds - SECONDS)) -ge 15 ] || { lines+=("no time left for round $round of the variants in $1") && break; }
    order=("${programs[@]}")
    [ $round -ne 2 ] || for name in "${!programs[@]}"; do order[-1-name]=${programs[name]}; done
    for size in 8x72 4x56; do
      for pass in a b; do
        for name in "${order[@]}"; do
          [ -z "${is_broken[$name]:-}" ] || continue
          run=(env "LD_LIBRARY_PATH=$root/lib${libraries:+:$libraries}" "$root/variants/$name/nca")
          [ "$name" != nca ] || run=("${run_nca[@]}")
          bench "turn_$1_${size}_${round}_${pass}_$name" $size --cuda-path fused --precision "$1"
          [[ ${rows[-1]} != *"_${pass}_$name\", \"state\": \"FAILED\""* ]] || is_broken[$name]=yes
        done
      done
    done
  done
  run=("${run_nca[@]}")
}
# The median of each program's times, and the median over the rounds of its share of nca's.
compare_turns() {
  awk 'function median(list,   n, x, i, j, t) {
      n = split(list, x, " ")
      for (i = 2; i <= n; i++)
        for (j = i; j > 1 && x[j - 1] + 0 > x[j] + 0; j--) { t = x[j]; x[j] = x[j - 1]; x[j - 1] = t }
      return n % 2 ? x[(n + 1) / 2] : (x[n / 2] + x[n / 2 + 1]) / 2
    }
    { row = $1 " " $2 " " $3; if (!(row in times)) rows[++count] = row
      times[row] = times[row] " " $5; sum[row, $4] += $5; runs[row, $4]++ }
    END { for (r = 1; r <= count; r++) {
        row = rows[r]; split(row, word, " "); base = word[1] " " word[2] " nca"; ratios = ""
        for (i = 1; i <= 3; i++) if (runs[row, i] && sum[base, i] > 0)
          ratios = ratios " " (sum[row, i] / runs[row, i]) / (sum[base, i] / runs[base, i])
        printf "%-5s %-5s %-20s %9.4f ms a step   %s\n", word[1], word[2], word[3], median(times[row]),
          ratios == "" ? "" : sprintf("%.4f of nca", median(ratios))
      } }' "$work/turns"
}
part_2() {
  local programs=(nca) variant name failed
  for variant in "$root"/variants/*/nca; do
    [ ! -x "$variant" ] || { name=${variant%/nca} && programs+=("${name##*/}"); }
  done
  if [ ${#programs[@]} -gt 1 ]; then
    turns f32
  else
    lines+=("no variants here: gpu_check.sh --pack FOLDER --variant NAME=PROGRAM packs them")
  fi
  failed=$(tar xzOf "$folder/gpu_check.tgz" ./results.json 2>/dev/null |
    sed -n 's/^  {"name": "\([a-z0-9_]*\)", "state": "\([a-zA-Z]*\)".*/\1 \2/p' || true)
  [ -n "$failed" ] || lines+=("no results in $folder/gpu_check.tgz: nothing of part 1 to repeat")
  wanted=()
  for name in $(sed -n 's/ FAILED$//p' <<<"$failed"); do
    # shellcheck disable=SC2053
    [[ $name != $only ]] || wanted+=("$name")
    [[ $name != train_losses && $name != train_update ]] || wanted+=(train_cuda train_cpu)
  done
  [ ${#wanted[@]} -eq 0 ] || part_1
  wanted=("$only")
  [ ${#programs[@]} -eq 1 ] || needs=8.0 turns bf16
}

[ -n "$nca" ] || ! is_pack || nca=$root/nca
beside=$(dirname "${nca:-$root/build/nca}")
[ ! -f "$beside/cuda" ] || cuda=$(<"$beside/cuda")
commit=$(cat "$beside/commit" 2>/dev/null || git -C "$root" describe --always --dirty 2>/dev/null || echo unknown)
wanted=('*')
expects='^[^,]+, [0-9.]+, [0-9]+\.[0-9]+,' step gpu 10 nvidia-smi --format=csv,noheader \
  --query-gpu=name,driver_version,compute_cap,clocks.sm,clocks.max.sm,clocks.mem,memory.total,power.limit
wanted=("$only")
[ -n "$nca" ] || {
  cd "$root"
  architecture=${capability//./}
  set -m
  { build release "${architecture:-native}" && echo "$cuda" >"$work/cuda"; } </dev/null >"$out/steps/build.txt" 2>&1 9<&- &
  child=$!
  set +m
  wait $child || { write_archive && refuse "nca cannot be built here: $(last_line "$out/steps/build.txt") (all of it:" \
    "steps/build.txt in $archive); mend that, or pack it elsewhere: scripts/gpu_check.sh --pack FOLDER"; }
  child='' cuda=$(<"$work/cuda")
  nca=$root/build/nca SECONDS=0
}
libraries=''
find_cublas
libraries=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
libraries=${libraries#:}
run_nca=(env "LD_LIBRARY_PATH=$libraries" "$nca")
run=("${run_nca[@]}")
cases=$beside/cases
[ -d "$cases" ] || cases=$root/../shared/oracle/cases
all=("$cases"/*.safetensors) small=()
for case in "${all[@]}"; do
  case $case in *grid_56_* | *trained_128* | *adam*) ;; *) small+=("$case") ;; esac
done
settings=(--preset regenerating --target-size 24 --padding 8 --pool 64) default=(--updates 20 --pool 64)
updates=500 compared=20
[ -z "${NCA_GPU_QUICK:-}" ] || {
  all=("$cases/one_step_half_fire.safetensors") small=("${all[@]}") updates=6 compared=5
  settings=(--target-size 8 --padding 2 --batch 2 --damaged 0 --pool 4 --steps-min 4 --steps-max 6)
  default=("${settings[@]}" --updates 2)
}
"part_$part"
[ ${#rows[@]} -gt 1 ] || [ "$only" = '*' ] || {
  if [ "$earlier" = none ]; then rm -f "$archive"; else mv "$earlier" "$archive"; fi
  refuse "--only $only: no step of part $part is called so"
}
write_archive
echo
cat "$out/table.txt"
[ "${count[FAILED]}" -eq 0 ] && [ $is_archived = yes ]
