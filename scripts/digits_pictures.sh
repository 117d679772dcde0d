#!/usr/bin/env bash
# Makes the pictures of docs/digits.md, and those of noise and gradients in docs/robustness.md (some
# minutes).
#   digits_pictures.sh RULE DATA     a rule of digits, and the folder with MNIST's files
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 2 ] && [ -f "$1" ] && [ -d "$2" ] || {
  echo "digits_pictures.sh: it takes a rule and a folder of digits: RULE DATA" >&2
  exit 2
}
nca=${NCA:-build/nca}
of=("$1" --task digits --data "$2")
mkdir -p docs/digits docs/robustness

# Before the exchange in the upper row, after it in the lower: every fifth step of 80.
"$nca" run "${of[@]}" --held-out 2000 --seed 3 --steps 85 --every 5 --exchange 45 --columns 9 --scale 2 --force \
  --output docs/digits/exchange.png >/dev/null
for attack in input-gradient salt; do
  "$nca" attack "$attack" "${of[@]}" --held-out 2000 --samples 8 --force \
    --output "docs/robustness/$attack.png" >/dev/null
done
