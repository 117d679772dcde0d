#!/usr/bin/env bash
# Installs the Debian packages that nca is built with; says which, asks nothing, and does nothing
# where all are there.
#   packages.sh          to build
#   packages.sh --tests  to build and to test
#   packages.sh --cuda   to build with CUDA: nvcc compiles C++, and comes from PyPI where there is
#                        none
#   packages.sh --exports  to build, and to read with other programs what nca writes for them
#   packages.sh --peers  to build, and to compare with PyTorch (which compiles C++) and JAX
set -euo pipefail

build=(gcc libc6-dev cmake ninja-build pkg-config libstb-dev librandom123-dev libfreetype-dev
  libharfbuzz-dev fonts-noto-color-emoji libjansson-dev libwebp-dev libgif-dev zlib1g-dev
  libxxhash-dev libjs-dygraphs unicode-data)
tests=(g++ libcmocka-dev libsimde-dev clang libclang-rt-14-dev lld ffmpeg chromium-headless-shell
  glslang-tools)
cuda=(g++ python3-venv)
exports=(python3-venv)
peers=(python3-venv python3-dev g++)

wanted=("${build[@]}")
case ${1:-} in
  --tests) wanted+=("${tests[@]}") ;;
  --exports) wanted+=("${exports[@]}") ;;
  --cuda) wanted+=("${cuda[@]}") ;;
  --peers) wanted+=("${peers[@]}") ;;
  '') ;;
  *)
    echo "packages.sh: $1: no such option; --tests, --cuda, --exports, --peers or none" >&2
    exit 2
    ;;
esac

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || {
  echo "packages.sh: this is no Debian or Ubuntu; install the like of: ${wanted[*]}" >&2
  exit 2
}
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "packages.sh: needs root to install ${missing[*]}; run it as root or install sudo" >&2
    exit 2
  }
  as_root=(sudo -n)
  sudo -n true 2>/dev/null || as_root=(sudo)
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
# The page of nca report is tested in a browser where the distribution has one as a package.
if ! apt-cache show chromium-headless-shell >/dev/null 2>&1; then
  for i in "${!missing[@]}"; do
    [ "${missing[$i]}" != chromium-headless-shell ] || unset 'missing[i]'
  done
  [ ${#missing[@]} -gt 0 ] || exit 0
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  "${missing[@]}" >/dev/null
