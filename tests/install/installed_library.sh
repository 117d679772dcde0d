#!/usr/bin/env bash
# The library as others find it: both examples are built from an installed copy with what pkg-config
# says and nothing else, linked dynamically and statically, and once more with CMake; they compute
# what the program computes. libnca.so exports what the headers declare, and nothing else.
#   installed_library.sh NCA
set -euo pipefail
nca=$(realpath "${1:-build/nca}")
tests=$(realpath "$(dirname "$0")/..")
examples=$(realpath "$tests/../examples")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
CC=${CC:-cc}
fail() {
  echo "FAILED: $*"
  exit 1
}

cmake --install "$(dirname "$nca")" --prefix "$scratch/installed" >/dev/null
library=$(dirname "$(find "$scratch/installed" -name libnca.so)")
export PKG_CONFIG_PATH=$library/pkgconfig LD_LIBRARY_PATH=$library
cd "$scratch"

# Functions that a header declares, with or without NCA_API, and the tables that it names.
(cd installed/include && ls nca/*.h) | sed 's/.*/#include <&>/' >all.c
gcc -std=c11 -fsyntax-only -aux-info declared -Iinstalled/include all.c
{
  sed -n 's|.*include/nca/.*:NC \*/ extern .*\b\(nca_[a-z0-9_]*\) (.*|\1|p' declared
  sed -n 's/^extern NCA_API .*\b\(nca_[a-z0-9_]*\)\(\[.*\]\)*;$/\1/p' installed/include/nca/*.h
} | sort >wanted
nm -D --defined-only "$library/libnca.so" | awk '{print $3}' | sort >exported
[ "$(wc -l <wanted)" -gt 70 ] || fail "only $(wc -l <wanted) declarations found"
diff wanted exported || fail "libnca.so exports (>) something else than the headers declare (<): NCA_API"

# Dynamically, and with libnca.a, whose own needs pkg-config --static names.
for name in grow train; do
  "$CC" -std=c11 -Wall -Wextra -Werror -o "$name" "$examples/$name.c" $(pkg-config --cflags --libs nca)
  "$CC" -std=c11 -o "$name-static" "$examples/$name.c" $(pkg-config --cflags nca) "$library/libnca.a" \
    $(pkg-config --libs --static nca | sed 's/-lnca\b//')
  ldd "$name" >loaded
  grep -q "$library/libnca.so.0" loaded || fail "$name does not load libnca.so.0"
  ldd "$name-static" >loaded
  ! grep -q libnca loaded || fail "$name-static loads libnca"
done
cmake -S "$tests/install/consumer" -B consumer -DCMAKE_PREFIX_PATH="$scratch/installed" \
  -DEXAMPLES="$examples" -DCMAKE_C_COMPILER="$CC" >/dev/null
cmake --build consumer >/dev/null

# All of them grow the same picture, which is that of nca run.
rule=installed/share/nca/zoo/lizard.safetensors
./grow "$rule" >grown.ppm
[ "$(head -c 13 grown.ppm | tr '\n' ' ')" = "P6 72 72 255 " ] || fail "no picture was grown"
for program in ./grow-static consumer/grow_nca consumer/grow_static; do
  "$program" "$rule" | cmp - grown.ppm || fail "$program grows something else"
done
if command -v ffmpeg >/dev/null; then
  "$nca" run "$rule" --steps 200 --scale 1 -o run.png >/dev/null
  ffmpeg -v error -i run.png -pix_fmt rgb24 run.ppm
  cmp run.ppm grown.ppm || fail "grow and nca run differ"
fi

# A training by the library is that of the program.
target=$tests/media/pictures/turned1.png
./train "$target" 3 by_library.safetensors >said
grep -q '^update 3: loss 0\.' said || fail "train says nothing"
./train-static "$target" 3 statically.safetensors >/dev/null
"$nca" train --target "$target" --precision f32 --updates 3 --quiet --out run >/dev/null
for rule in by_library statically; do
  cmp "$rule.safetensors" run/model.safetensors >/dev/null ||
    fail "$rule.safetensors is not what nca train makes"
done

# Both refuse in one line.
for words in grow "grow absent" train "train absent 1 rule"; do
  ! ./$words >out 2>error || fail "$words is no failure"
  [ ! -s out ] && [ "$(wc -l <error)" = 1 ] || fail "$words says $(cat error)"
done
