#!/usr/bin/env bash
# The manual and the completion of an installed copy: a page for every command, with every option of
# its help, which no reader of pages complains about; and shells that complete from their usual
# folders.
#   installed_pages.sh NCA
set -euo pipefail
nca=$(realpath "${1:-build/nca}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cmake --install "$(dirname "$nca")" --prefix "$scratch" >/dev/null
cd "$scratch"
failed=0
fail() {
  echo "FAILED: $*"
  failed=1
}

# Reads a page as one line of text, without what the terminal adds.
plain() {
  groff -man -k -Tutf8 -P-cbou -rLL=2000n "$1" | tr -s ' \n' ' '
}

# Nothing may be said of it.
check_page() {
  local said
  if command -v groff >/dev/null; then
    said=$(groff -man -k -Tutf8 -ww -z "$1" 2>&1) && [ -z "$said" ] || fail "groff on $1: $said"
  fi
  if command -v mandoc >/dev/null; then
    said=$(mandoc -Tlint "$1") && [ -z "$said" ] || fail "mandoc on $1: $said"
  fi
  if command -v man >/dev/null; then
    said=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$1" 2>&1 >/dev/null) && [ -z "$said" ] ||
      fail "man on $1: $said"
  fi
}

check_page share/man/man1/nca.1
commands=$("$nca" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
[ "$(wc -w <<<"$commands")" -ge 10 ] || fail "only the commands $commands"
for command in $commands; do
  page=share/man/man1/nca-$command.1
  [ -f "$page" ] || {
    fail "no page of $command"
    continue
  }
  check_page "$page"
  command -v groff >/dev/null || continue
  text=$(plain "$page")
  for option in $("$nca" "$command" --help | sed -n 's/^  \(-o, \)\?\(--[a-z0-9-]\+\|--\[no-\][a-z0-9-]*\).*/\2/p'); do
    [[ "$text" == *" $option "* ]] || fail "the page of $command lacks $option"
  done
done
[ "$(ls share/man/man1 | wc -l)" = $(($(wc -w <<<"$commands") + 1)) ] || fail "pages of no command"

# Each in a shell that knows no more than where things are installed.
export XDG_DATA_DIRS=$scratch/share:/usr/share HOME=$scratch PATH=$scratch/bin:$PATH
if [ -f /usr/share/bash-completion/bash_completion ]; then
  bash --norc -c 'source /usr/share/bash-completion/bash_completion; _completion_loader nca
    COMP_WORDS=(nca train --preset growi) COMP_CWORD=3; _nca; echo "${COMPREPLY[@]}"' >said 2>&1
  [ "$(cat said)" = growing ] || fail "bash completes $(cat said)"
fi
if command -v zsh >/dev/null; then
  zsh -f -c 'fpath=(share/zsh/site-functions $fpath); autoload -Uz compinit; compinit -u -D
    autoload +X -Uz _nca; print $_comps[nca]' >said 2>&1
  [ "$(cat said)" = _nca ] || fail "zsh says $(cat said)"
fi
if command -v fish >/dev/null; then
  fish -c 'complete -C "nca train --preset grow"' >said 2>&1
  grep -q '^growing' said || fail "fish completes $(cat said)"
fi
exit $failed
