#!/usr/bin/env bash
# Doxygen finds a comment on everything in the public headers.
set -euo pipefail
command -v doxygen >/dev/null || {
  echo "no doxygen: skipped"
  exit 77
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
scripts/doxygen.sh "$scratch"
[ -s "$scratch/html/train_8h.html" ]
