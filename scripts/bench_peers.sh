#!/usr/bin/env bash
# The train step of nca, PyTorch and JAX on this machine, in turn: prints the tables of
# docs/results.md. Options: bench_peers.sh --help. The first time it installs 5 GB
# (scripts/peers_venv.sh); a whole run takes half an hour or more on two cores, and is worth it on
# an idle machine only. With --python it installs and builds nothing, and needs no more than nca,
# cases/, this file and bench/peers/*.py.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
compare=$root/bench/peers/compare.py
refuse() {
  echo "bench_peers.sh: $*" >&2
  exit 2
}

given='' previous='' wants_words=''
for argument in "$@"; do
  case $argument in
    -h | --help | --plan) wants_words=yes ;;
    --python=*) given=${argument#*=} ;;
    *) [ "$previous" != --python ] || given=$argument ;;
  esac
  previous=$argument
done
# This script's own Python; where there is none, the one that is given.
python=python3
if ! command -v python3 >/dev/null; then
  [ -n "$given" ] || refuse "no python3 here; install it, or name a Python with --python"
  [ "$("$given" -c 'print("python")' 2>/dev/null)" = python ] ||
    refuse "--python $given: no Python, and there is no python3 here either; name another"
  python=$given
fi
[ -z "$wants_words" ] || exec "$python" "$compare" "$@"
# Bad input is told before anything is installed or built.
"$python" "$compare" --plan "$@" >/dev/null
[ -z "$given" ] || exec "$python" "$compare" "$@"
venv=$("$root/scripts/peers_venv.sh")
"$root/scripts/packages.sh" >&2
cd "$root"
[ -f build/CMakeCache.txt ] || cmake --preset release -DBUILD_TESTING=OFF >&2
cmake --build build --target nca >&2
cd "$OLDPWD"
exec "$venv/bin/python" "$compare" "$@"
