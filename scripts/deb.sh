#!/usr/bin/env bash
# Builds the Debian packages nca, libnca0 and libnca-dev into build-deb, for the CPU.
#   deb.sh           what is needed for that is installed first
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 0 ] || { echo "deb.sh: takes no arguments" >&2; exit 2; }
scripts/packages.sh --deb
# dpkg-buildpackage writes beside the tree that it builds, and into it: with a copy, both lie in
# build-deb.
rm -rf build-deb
mkdir -p build-deb/nca
tar -c --exclude='./build*' --exclude=./runs --exclude=./.cuda --exclude=./.git . | tar -x -C build-deb/nca
cd build-deb/nca
echo "Building the packages: a few minutes"
dpkg-buildpackage -b -us -uc >../build.log 2>&1 || {
  tail -n 20 ../build.log >&2
  exit 1
}
cd ..
rm -rf nca
echo "Built:"
ls -1 "$PWD"/*.deb | grep -v dbgsym
