#!/usr/bin/env bash
# The train step of nca, PyTorch and JAX on this machine, in turn: prints the tables of
# docs/results.md. Options: bench_peers.sh --help. The first time it installs 5 GB
# (scripts/peers_venv.sh); a whole run takes half an hour or more on two cores, and is worth it on
# an idle machine only. With --python it installs and builds nothing, and needs no more than nca,
# cases/, this file and bench/peers/*.py.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
compare=$root/bench/peers/compare.py
has_python=
for argument in "$@"; do
  case $argument in
    -h | --help | --plan) exec python3 "$compare" "$@" ;;
    --python | --python=*) has_python=yes ;;
  esac
done
# Bad input is told before anything is installed or built.
python3 "$compare" --plan "$@" >/dev/null
[ -z "$has_python" ] || exec python3 "$compare" "$@"
venv=$("$root/scripts/peers_venv.sh")
"$root/scripts/packages.sh" >&2
cd "$root"
[ -f build/CMakeCache.txt ] || cmake --preset release -DBUILD_TESTING=OFF >&2
cmake --build build --target nca >&2
cd "$OLDPWD"
exec "$venv/bin/python" "$compare" "$@"
