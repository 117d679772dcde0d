#!/usr/bin/env bash
# Every figure of docs/regeneration.md is what the JSON of the study says, and another one is noticed.
set -euo pipefail
cd "$(dirname "$0")/.."
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
sed -i "s/-->-\([0-9.]*\)<!--/-->-1\1<!--/" "$scratch/docs/regeneration.md"
if python3 "$scratch/scripts/regeneration_page.py" --check 2>/dev/null; then
  echo "FAILED: a figure that was changed by hand is not noticed"
  exit 1
fi
