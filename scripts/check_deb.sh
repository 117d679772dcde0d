#!/usr/bin/env bash
# Builds the packages, installs them, uses all that is in them, and removes them again. As root, on
# a Debian that may be changed: a new one, in a container.
#   check_deb.sh
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 0 ] || { echo "check_deb.sh: takes no arguments" >&2; exit 2; }
scripts/deb.sh
project=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'echo "check_deb.sh: failed at line $LINENO: $BASH_COMMAND" >&2' ERR
step() { echo "check_deb.sh: $*"; }
files() { find /usr /etc /opt /var/lib/dpkg/info -xdev \( -name '*nca*' -o -path '*/nca/*' \) | sort; }
export DEBIAN_FRONTEND=noninteractive

step "lintian"
lintian --fail-on error build-deb/*.changes

step "install"
apt-get install -y -qq --no-install-recommends man-db bash-completion gcc libc6-dev pkg-config >"$scratch/log"
rm -f /etc/dpkg/dpkg.cfg.d/docker   # where it is there, it leaves out manuals
files >"$scratch/before"
debs=$(ls "$PWD"/build-deb/*.deb | grep -v dbgsym)
apt-get install -y -qq --no-install-recommends $debs >>"$scratch/log"
cd "$scratch"

step "program, manual, completion"
nca --version
nca run /usr/share/nca/zoo/lizard.safetensors --steps 20 -o lizard.png
for page in nca nca-train; do
  LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings "$page" >page 2>said
  [ -s page ] && [ ! -s said ] || { cat said >&2; exit 1; }
done
bash --norc -c 'source /usr/share/bash-completion/bash_completion; _completion_loader nca
  COMP_WORDS=(nca train --preset grow) COMP_CWORD=3; _nca; printf "%s\n" "${COMPREPLY[@]}"' >completed
grep -qx growing completed
[ -f /usr/share/zsh/vendor-completions/_nca ] && [ -f /usr/share/fish/vendor_completions.d/nca.fish ]

step "library: $(pkg-config --cflags --libs nca)"
for name in grow train; do
  cc -Wall -Wextra -o "$name" "$project/examples/$name.c" $(pkg-config --cflags --libs nca)
  cc -o "$name-static" "$project/examples/$name.c" -Wl,-Bstatic -lnca -Wl,-Bdynamic \
    $(pkg-config --cflags nca) $(pkg-config --libs --static nca | sed 's/-lnca\b//')
done
./grow /usr/share/nca/zoo/lizard.safetensors >lizard.ppm
./grow-static /usr/share/nca/zoo/lizard.safetensors | cmp - lizard.ppm
./train "$project/tests/media/pictures/turned1.png" 2 rule.safetensors

step "remove"
apt-get purge -y -qq nca libnca0 libnca-dev >>log
cd "$project"
files | diff "$scratch/before" - || { echo "check_deb.sh: the packages leave these behind" >&2; exit 1; }
step "done: nothing is left of them"
