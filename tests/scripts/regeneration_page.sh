#!/usr/bin/env bash
# Every number and table of docs/regeneration.md is what the JSON of the study says; one that was
# changed, in the page or in the JSON, is noticed, and so is a number of the text that nobody
# checks.
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
cp scripts/regeneration_page.py "$scratch/scripts/"
# noticed WHAT FILE SED: FILE of docs, changed by hand.
noticed() {
  rm -rf "$scratch/docs"
  cp -r docs "$scratch/docs"
  sed -i "$3" "$scratch/docs/$2"
  ! cmp -s "docs/$2" "$scratch/docs/$2" || {
    echo "FAILED: there is no $1 to change"
    exit 1
  }
  ! python3 "$scratch/scripts/regeneration_page.py" --check 2>/dev/null || {
    echo "FAILED: a $1 is not noticed"
    exit 1
  }
}
noticed "changed number of the text" regeneration.md 's/ but stays at -1/&1/'
noticed "changed cell of a table" regeneration.md '0,/| -[0-9]/s//| -1/'
noticed "lost sentence" regeneration.md 's/The rate of the study is/It is/'
noticed "number that the JSON does not have" regeneration.md 's/^No update of this run/No 7 updates of this run/'
noticed "changed figure of the JSON" regeneration/study.json 's/"batch": 16/"batch": 17/'
# Writing the page anew puts changed numbers and cells right.
cp -r docs/regeneration* "$scratch/docs/"
sed -i 's/ but stays at -1/&1/; 0,/| -[0-9]/s//| -1/' "$scratch/docs/regeneration.md"
python3 "$scratch/scripts/regeneration_page.py"
cmp docs/regeneration.md "$scratch/docs/regeneration.md"
