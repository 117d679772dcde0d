#!/usr/bin/env bash
# From a bare Debian 12 to a trained rule: packages, build, a short training of the default target,
# and how good the rule is, in words. Can be repeated; each time makes a run folder of its own.
#   quickstart.sh               with CUDA where nvidia-smi finds a GPU, else for the CPU
#   quickstart.sh --cuda        with CUDA, whose toolchain is brought where nvcc is missing
#                               (cuda_toolchain.sh)
#   quickstart.sh --cpu         for the CPU, whatever is there
#   quickstart.sh --updates N   a longer or shorter training; 5,000 unless said
set -euo pipefail
from=$PWD
cd "$(dirname "$0")/.."
began=$SECONDS
minutes() { printf '%d min %d s' $(($1 / 60)) $(($1 % 60)); }
refuse() {
  echo "quickstart.sh: $*" >&2
  exit 2
}

cuda=by_itself
updates=5000
while [ $# -gt 0 ]; do
  case $1 in
    --cuda) cuda=asked ;;
    --cpu) cuda=refused ;;
    --updates)
      [[ ${2:-} =~ ^[1-9][0-9]{0,8}$ ]] && [ "$2" -le 100000000 ] ||
        refuse "--updates ${2:-}: a whole number from 1 to 100000000, such as 3000"
      updates=$2
      shift
      ;;
    *) refuse "$1: no such option; --cuda, --cpu or --updates N" ;;
  esac
  shift
done
if [ $cuda = by_itself ] && ! nvidia-smi -L 2>/dev/null | grep -q '^GPU'; then
  cuda=no
fi

# Where a GPU was found and CUDA cannot be had, the CPU trains; where CUDA was asked for, nothing
# does.
build=(-DBUILD_TESTING=OFF -DNCA_CUDA=ON)
if [ $cuda = refused ]; then
  build+=(-DNCA_CUDA=OFF)
  cuda=no
fi
if [ $cuda = no ]; then
  scripts/packages.sh
else
  scripts/packages.sh --cuda
  if toolchain=$(scripts/cuda_toolchain.sh); then
    eval "$toolchain"
  elif [ $cuda = asked ]; then
    exit 2
  else
    echo "Without CUDA, then"
    cuda=no
  fi
fi
# For the GPUs that are here; without any, for all that the build knows.
if [ $cuda != no ] && [ -z "${CUDAARCHS:-}" ]; then
  here=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | tr -d . | sort -u |
    paste -sd';') || true
  [[ ! $here =~ ^[0-9]+(\;[0-9]+)*$ ]] || build+=("-DCMAKE_CUDA_ARCHITECTURES=$here")
fi
echo "Building"
if [ -t 1 ]; then   # ninja says how far it is, in one line
  scripts/build.sh release "${build[@]}"
else
  scripts/build.sh release "${build[@]}" >/dev/null
fi
[[ ${toolchain:-} != *CUDAToolkit_ROOT* ]] || scripts/cuda_toolchain.sh --unmixed build
built=$SECONDS

name=runs/quickstart
for ((i = 2; ; i++)); do
  [ -e "$name" ] || break
  name=runs/quickstart-$i
done
# Why --device auto is about to pass over the GPU.
[ $cuda = no ] || build/nca info | sed -n '/^  cuda *$/,/^  [^ ]/s/^ *not here *//p'
build/nca train --preset healing --out "$name" --updates "$updates"
trained=$SECONDS

# What `nca eval` says below its table, for people.
verdict=$(build/nca eval "$name" --steps 200,1000 --long-run 0 | sed -n '/^  verdict$/,$s/^  //p' |
  sed '1d; 2!s/^/             /')
there=
[ "$from" = "$PWD" ] || there="cd $(printf %q "$PWD") && "
echo
echo "Time         $(minutes $((built - began))) to install and build," \
  "$(minutes $((trained - built))) to train, $(minutes $((SECONDS - began))) in all"
echo "Run folder   $PWD/$name"
echo "Picture      $PWD/$name/healing.webp"
echo "Verdict      $verdict"
echo "All of it    ${there}build/nca report $name --output $name.html"
echo "To a friend  ${there}build/nca export $name --output $name-alive.html"
