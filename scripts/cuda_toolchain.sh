#!/usr/bin/env bash
# Says by which CUDA toolchain nca is built, as lines for the shell, and brings one to a machine
# that has none, without touching the system:
#   eval "$(scripts/cuda_toolchain.sh)" && scripts/build.sh release
# It is the one that CUDACXX names, or the nvcc on PATH, or else PyPI's packages in .cuda of this
# checkout (1.2 GB). What it does is told on standard error; exit code 2 and one line where none is
# to be had.
#   cuda_toolchain.sh --links ROOT      makes the links that PyPI's packages lack, and nothing else
#   cuda_toolchain.sh --unmixed BUILD   whether a build folder has headers and cudart from its
#                                       nvcc's toolkit
set -euo pipefail
cd "$(dirname "$0")/.."
wanted='cuda-toolkit[nvcc,cudart,cublas,curand,cccl]==13.0.*'
folder=$PWD/.cuda
stamp=$folder/installed
needed=(bin/nvcc bin/ptxas bin/fatbinary nvvm/bin/cicc include/cuda_runtime.h include/cublas_v2.h
  include/curand_kernel.h lib/libcudart_static.a lib/libcublas.so.13)

say() { echo "cuda_toolchain.sh: $*" >&2; }
refuse() {
  say "$*"
  exit 2
}

# CMake looks into lib64, and a linker for names without a version.
make_links() {
  local library plain
  [ -d "$1/lib" ] || refuse "$1: no folder lib in it"
  [ -e "$1/lib64" ] || ln -s lib "$1/lib64"
  for library in "$1"/lib/lib*.so.[0-9]*; do
    [ -e "$library" ] || continue
    plain=${library%%.so.*}.so
    [ -e "$plain" ] || ln -s "$(basename "$library")" "$plain"
  done
}

# One toolkit's compiler with another's headers builds, and computes who knows what. The emulator's
# headers have the same names and are of no toolkit.
check_unmixed() {
  local rules=$1/build.ninja nvcc root path
  [ -e "$rules" ] || refuse "$1: no build folder"
  nvcc=$(sed -n 's/^CMAKE_CUDA_COMPILER:[A-Z]*=//p' "$1/CMakeCache.txt")
  [ -x "$nvcc" ] || refuse "$1: built without CUDA"
  root=$(realpath "$(dirname "$nvcc")/..")
  while read -r path; do
    [ -e "$path/cuda_runtime.h" ] || [ -f "$path" ] || continue
    case $(realpath "$path") in
      "$root"/* | "$PWD"/tests/*) ;;
      *)
        refuse "$1: nvcc is of $root, and $path is not; unset what names that (CUDA_PATH," \
          "CMAKE_PREFIX_PATH) and remove $1/CMakeCache.txt"
        ;;
    esac
  done < <(grep -ohE '(-isystem |-I)[^ ]+|[^ ]*/libcudart_static\.a' "$rules" |
    sed 's/^-isystem //; s/^-I//' | sort -u)
}

# tell NVCC: what a build needs to know.
tell() { printf 'export CUDACXX=%q\n' "$1"; }

# A compiler that cannot even say its version is no compiler.
release_of() { "$1" --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\),.*/\1/p'; }
tell_installed() {
  local nvcc=$1 why=$2 release
  release=$(release_of "$nvcc" || true)
  [ -n "$release" ] ||
    refuse "$nvcc, $why, is no nvcc that works; mend it, or leave it out and PyPI's is brought"
  say "CUDA $release by $nvcc, $why"
  tell "$nvcc"
}

root_of_venv() {
  local root
  for root in "$folder"/venv/lib/python3*/site-packages/nvidia/cu13; do
    [ -d "$root" ] && echo "$root" && return
  done
  return 1
}

is_whole() {
  local root file
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && root=$(root_of_venv) || return 1
  for file in "${needed[@]}"; do
    [ -s "$root/$file" ] || return 1
  done
}

# A program made by CUDA 13 starts with no driver of 12.
check_driver() {
  local knows
  knows=$(nvidia-smi 2>/dev/null | sed -n 's/.*CUDA Version: *\([0-9]*\.[0-9]*\).*/\1/p' | head -1) || true
  [ -z "$knows" ] || [ "${knows%%.*}" -ge 13 ] ||
    refuse "this machine's NVIDIA driver knows CUDA $knows and PyPI's toolchain makes programs" \
      "for 13.0; update the driver, or name an older nvcc by CUDACXX"
}

fetch() {
  local log=$folder/pip.log
  say "no nvcc here; bringing CUDA 13.0 from PyPI into .cuda (0.7 GB to download, 1.2 GB on the" \
    "disk, once)"
  rm -rf "$stamp" "$folder/venv"
  python3 -m venv "$folder/venv" >"$log" 2>&1 ||
    refuse "python3 makes no virtual environment; scripts/packages.sh --cuda installs what that" \
      "needs (see $log)"
  "$folder/venv/bin/python" -m pip install --no-compile --retries 2 --disable-pip-version-check \
    "$wanted" >"$log" 2>&1 || fail_to_fetch "$log"
  root_of_venv >/dev/null || refuse "PyPI's $wanted has no nvidia/cu13; see $log"
  echo "$wanted" >"$stamp.part"
  mv "$stamp.part" "$stamp"
  is_whole || refuse "PyPI's $wanted lacks some of: ${needed[*]}"
}

fail_to_fetch() {
  local why
  if grep -qE 'NewConnectionError|NameResolutionError|Name or service not known|Temporary failure in name' "$1"; then
    why="PyPI cannot be reached"
  else
    why=$(grep '^ERROR' "$1" | tail -1 || true)
  fi
  refuse "${why:-pip failed}; run it again when that is mended, or install CUDA and name its nvcc" \
    "by CUDACXX (see $1)"
}

case ${1:-} in
  --links | --unmixed)
    [ $# -eq 2 ] && [ -n "$2" ] || refuse "$1: one folder, and nothing else"
    if [ "$1" = --links ]; then make_links "$2"; else check_unmixed "$2"; fi
    exit
    ;;
  '') ;;
  *) refuse "$1: no such option; --links ROOT, --unmixed BUILD or none" ;;
esac

if [ -n "${CUDACXX:-}" ]; then
  named=$(command -v "$CUDACXX") ||
    refuse "CUDACXX is $CUDACXX, and no such program is there; correct or unset it"
  tell_installed "$named" "which CUDACXX names"
  exit
elif named=$(command -v nvcc); then
  tell_installed "$named" "which is on PATH"
  exit
fi
for other in /usr/local/cuda/bin/nvcc /usr/local/cuda-*/bin/nvcc; do
  [ -x "$other" ] || continue
  say "$other is there but not on PATH and is left alone; CUDACXX=$other would use it"
  break
done
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
is_whole || {
  check_driver
  fetch
}
root=$(root_of_venv)
make_links "$root"
say "CUDA $(release_of "$root/bin/nvcc") by $root/bin/nvcc, from PyPI"
tell "$root/bin/nvcc"
printf 'export CUDAToolkit_ROOT=%q\nunset CUDA_PATH CUDA_HOME\n' "$root"
# Nor does the compiler look into another toolkit by itself.
for name in CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH LIBRARY_PATH; do
  [[ ${!name:-} == *cuda* ]] || continue
  others=$(tr : '\n' <<<"${!name}" | grep -v cuda | paste -sd:) || true
  [ -n "$others" ] && printf 'export %s=%q\n' $name "$others" || echo "unset $name"
done
