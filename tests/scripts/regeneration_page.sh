#!/usr/bin/env bash
# Every figure of docs/regeneration.md is what the JSON of the study says, and another one is noticed.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v python3 >/dev/null || {
  echo "no python3: skipped"
  exit 77
}
python3 scripts/regeneration_page.py --check
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/scripts"
cp -r docs "$scratch/docs"
cp scripts/regeneration_page.py "$scratch/scripts/"
# noticed WHAT SED: the first such figure, changed by hand.
noticed() {
  cp docs/regeneration.md "$scratch/docs/"
  sed -i "$2" "$scratch/docs/regeneration.md"
  ! cmp -s docs/regeneration.md "$scratch/docs/regeneration.md" || {
    echo "FAILED: there is no $1 to change"
    exit 1
  }
  ! python3 "$scratch/scripts/regeneration_page.py" --check 2>/dev/null || {
    echo "FAILED: a $1 that was changed by hand is not noticed"
    exit 1
  }
}
noticed figure '0,/-->-[0-9]/s//-->-1&/'
noticed "cell of a table" '0,/| -[0-9]/s//| -1/'
