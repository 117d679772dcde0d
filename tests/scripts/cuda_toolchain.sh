#!/usr/bin/env bash
# Where CUDA comes from (scripts/cuda_toolchain.sh) and what scripts/quickstart.sh makes of it, in a
# checkout that is pretended: python3 stands for PyPI, nvidia-smi for a driver, and nothing is
# built.
#   cuda_toolchain.sh [NCA]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"
unset CUDACXX CUDA_PATH CUDA_HOME CUDAARCHS CUDAToolkit_ROOT CPATH LIBRARY_PATH

# Every program of this machine but those in question.
mkdir -p bin fakes checkout/scripts
for folder in ${PATH//:/ }; do
  [ ! -d "$folder" ] || find -L "$folder" -maxdepth 1 -type f -perm -u+x -exec ln -st bin {} + 2>/dev/null || true
done
rm -f bin/nvcc bin/nvidia-smi bin/python3
export PATH=$PWD/fakes:$PWD/bin
cp "$root"/scripts/{quickstart,cuda_toolchain,packages}.sh checkout/scripts/
cd checkout
mkdir -p build

# program PATH LINE...: a shell script.
program() {
  local path=$1
  shift
  printf '%s\n' '#!/usr/bin/env bash' "$@" >"$path"
  chmod +x "$path"
}
# ends CODE WORDS COMMAND...: with that code, and its last line on stderr has the words, if any.
ends() {
  local expected=$1 words=$2 code=0
  shift 2
  "$@" >../stdout 2>../stderr || code=$?
  [ $code -eq "$expected" ] || fail "$*: exit code $code, not $expected: $(cat ../stderr)"
  [ -z "$words" ] || tail -1 ../stderr | grep -qF -- "$words" || fail "$*: does not say \"$words\": $(cat ../stderr)"
}
one_line() { [ "$(wc -l <../stderr)" -eq 1 ] || fail "not one line: $(cat ../stderr)"; }
nvcc_says() { program "$1" "echo 'Cuda compilation tools, release $2, V$2.1'"; }

# -- Which one it is.
ends 2 "no such option" scripts/cuda_toolchain.sh --install
for wrong in --links --unmixed "--links .. .."; do
  ends 2 "one folder, and nothing else" scripts/cuda_toolchain.sh $wrong
  one_line
done
ends 2 "no such option" scripts/packages.sh --gpu
nvcc_says ../fakes/nvcc 12.4
ends 0 "CUDA 12.4 by $scratch/fakes/nvcc, which is on PATH" scripts/cuda_toolchain.sh
one_line
[ "$(cat ../stdout)" = "export CUDACXX=$scratch/fakes/nvcc" ] || fail "it tells $(cat ../stdout)"
nvcc_says ../other 13.1
CUDACXX=$scratch/other ends 0 "CUDA 13.1 by $scratch/other, which CUDACXX names" scripts/cuda_toolchain.sh
CUDACXX=$scratch/none ends 2 "no such program is there" scripts/cuda_toolchain.sh
one_line
program ../fakes/nvcc 'exit 1'
ends 2 "no nvcc that works" scripts/cuda_toolchain.sh
one_line
rm ../fakes/nvcc
[ ! -e .cuda ] || fail "it brought a toolchain where there was one"

# -- Brought from PyPI. `python3 -m venv DIR` makes DIR/bin/python, whose pip does as ../pypi says:
# it counts, answers like a registry out of reach, dies half-way, or brings everything.
site=lib/python3.11/site-packages/nvidia/cu13
program ../fakes/python3 "mkdir -p \"\$3/bin\" && cp $scratch/pip \"\$3/bin/python\""
cat >../pip <<EOS
#!/usr/bin/env bash
echo x >>$scratch/asked
to=\$(cd "\$(dirname "\$0")/.." && pwd)/$site
bring() {
  for file in "\$@"; do
    mkdir -p "\$(dirname "\$to/\$file")" && echo content >"\$to/\$file"
  done
}
case \$(cat $scratch/pypi) in
  away) echo "WARNING: Retrying: NameResolutionError"; echo "ERROR: No matching distribution found"; exit 1 ;;
  full) echo "ERROR: Could not install packages: No space left on device"; exit 1 ;;
  half) bring bin/nvcc lib/libcudart_static.a; kill -9 \$\$ ;;
  some) bring bin/nvcc ;;
  all)
    bring bin/ptxas bin/fatbinary nvvm/bin/cicc include/cuda_runtime.h include/cublas_v2.h \\
      include/curand_kernel.h lib/libcudart_static.a lib/libcublas.so.13 lib/libcurand.so.10 lib/libnvrtc.alt.so.13
    cp $scratch/other "\$to/bin/nvcc" ;;
esac
EOS
chmod +x ../pip
asked() { wc -l <../asked; }
echo away >../pypi
ends 2 "PyPI cannot be reached" scripts/cuda_toolchain.sh
echo full >../pypi
ends 2 "No space left on device" scripts/cuda_toolchain.sh
echo some >../pypi
ends 2 "lacks some of" scripts/cuda_toolchain.sh
echo half >../pypi
ends 2 "pip failed" scripts/cuda_toolchain.sh
[ ! -s ../stdout ] || fail "it names a toolchain that it has not: $(cat ../stdout)"
echo all >../pypi
: >../asked
LIBRARY_PATH=/opt/mine:/usr/local/cuda/lib64 ends 0 "from PyPI" scripts/cuda_toolchain.sh
eval "$(cat ../stdout)"
[ "$CUDACXX" = "$PWD/.cuda/venv/$site/bin/nvcc" ] || fail "CUDACXX is $CUDACXX"
[ "$CUDAToolkit_ROOT" = "$PWD/.cuda/venv/$site" ] || fail "CUDAToolkit_ROOT is $CUDAToolkit_ROOT"
[ "$LIBRARY_PATH" = /opt/mine ] || fail "LIBRARY_PATH is $LIBRARY_PATH"
for link in lib64:lib lib/libcublas.so:libcublas.so.13 lib/libnvrtc.alt.so:libnvrtc.alt.so.13; do
  [ "$(readlink "$CUDAToolkit_ROOT/${link%:*}")" = "${link#*:}" ] || fail "no link $link"
done
unset CUDACXX CUDAToolkit_ROOT LIBRARY_PATH
echo away >../pypi
ends 0 "from PyPI" scripts/cuda_toolchain.sh
[ "$(asked)" -eq 1 ] || fail "a second run downloads again"
rm .cuda/venv/$site/include/cublas_v2.h   # as a disk that was full, or a hand, leaves it
echo all >../pypi
ends 0 "from PyPI" scripts/cuda_toolchain.sh
[ "$(asked)" -eq 2 ] || fail "a broken toolchain was not brought again"

# Links only, and again; a folder that is no toolkit is left alone.
mkdir -p ../tree/lib
touch ../tree/lib/libx.so.1.2 ../tree/lib/liby.so
scripts/cuda_toolchain.sh --links ../tree && scripts/cuda_toolchain.sh --links ../tree
[ "$(readlink ../tree/lib/libx.so)" = libx.so.1.2 ] && [ ! -L ../tree/lib/liby.so ] || fail "the links are wrong"
ends 2 "no folder lib" scripts/cuda_toolchain.sh --links ../bin

# -- Headers and libraries of another toolkit are noticed.
toolkit=$PWD/.cuda/venv/$site
mkdir -p ../another/include
touch ../another/include/cuda_runtime.h ../another/libcudart_static.a
rules() {
  echo "CMAKE_CUDA_COMPILER:FILEPATH=$toolkit/bin/nvcc" >build/CMakeCache.txt
  printf '  INCLUDES = -I/usr/include -isystem %s\n  LINK_LIBRARIES = a.so %s\n' "$1" "$2" >build/build.ninja
}
rules "$toolkit/include" "$toolkit/lib/libcudart_static.a"
scripts/cuda_toolchain.sh --unmixed build
rules "$scratch/another/include" "$toolkit/lib/libcudart_static.a"
ends 2 "$scratch/another/include is not" scripts/cuda_toolchain.sh --unmixed build
rules "$toolkit/include" "$scratch/another/libcudart_static.a"
ends 2 "$scratch/another/libcudart_static.a is not" scripts/cuda_toolchain.sh --unmixed build

# -- The quickstart. Packages, build and program only say how they were called.
rules "$toolkit/include" "$toolkit/lib/libcudart_static.a"
program scripts/packages.sh "echo packages \$* >>$scratch/calls"
program scripts/build.sh "echo build \$* by \${CUDACXX:-none} >>$scratch/calls"
program build/nca "echo nca \$* >>$scratch/calls; [ \$1 != info ] || echo '  cuda'; [ \$1 != info ] || echo '    not here           no GPU'"
quickstart() {
  : >../calls
  scripts/quickstart.sh "$@"
}
called() { grep -qE -- "$1" ../calls || fail "the quickstart did not call $1: $(cat ../calls)"; }
for wrong in "--updates" "--updates 0" "--updates 1e3" "--updates -5" "--updates 100000001" \
  "--gpu" "x"; do
  ends 2 "quickstart.sh: " scripts/quickstart.sh $wrong
  one_line
done
[ ! -e ../calls ] || fail "a quickstart that was refused did something"

# No GPU: as ever.
rm -rf .cuda
: >../asked
ends 0 "" quickstart --updates 77
called '^packages$' && called '^build release .* by none$' && called '^nca train .*--updates 77$'
[ "$(asked)" -eq 0 ] || fail "without a GPU it brings CUDA"
ends 0 "" quickstart
called '^nca train .*--updates 5000$'

# A GPU: chosen by itself, for that GPU; refused by --cpu; without the toolchain, the CPU.
program ../fakes/nvidia-smi 'case $* in
  -L) echo "GPU 0: Fake (UUID: none)" ;;
  *compute_cap*) echo 9.0; echo 8.6; echo 9.0 ;;
  *) cat '"$scratch"'/driver ;;
esac'
echo '| NVIDIA-SMI 580.1  Driver Version: 580.1  CUDA Version: 13.0 |' >../driver
ends 0 "from PyPI" quickstart
called '^packages --cuda$' && called '^build release .*-DCMAKE_CUDA_ARCHITECTURES=86;90 by .*/cu13/bin/nvcc$'
grep -qx "no GPU" ../stdout || fail "it does not say why the GPU is passed over: $(cat ../stdout)"
ends 0 "" quickstart --cpu
called '^packages$' && called '^build release .*-DNCA_CUDA=OFF by none$'
rm -rf .cuda
echo away >../pypi
ends 0 "PyPI cannot be reached" quickstart
called '^build release -DBUILD_TESTING=OFF -DNCA_CUDA=ON by none$'
ends 2 "PyPI cannot be reached" quickstart --cuda
! grep -q '^build' ../calls || fail "--cuda without a toolchain builds all the same"
echo '| NVIDIA-SMI 535.1  Driver Version: 535.1  CUDA Version: 12.2 |' >../driver
ends 2 "knows CUDA 12.2" quickstart --cuda
ends 0 "knows CUDA 12.2" quickstart
