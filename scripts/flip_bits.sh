#!/usr/bin/env bash
# Turns single bits of every kind of file in a run folder, one at a time, and lets nca go on with
# the run or judge it: each is told, or what comes out is the same, byte for byte.
#   flip_bits.sh [NCA [BITS [SEED]]]     defaults: build/nca, 1000 bits of each kind, and a seed
#                                        that is printed
set -euo pipefail
nca=$(realpath "${1:-build/nca}")
bits=${2:-1000}
seed=${3:-$RANDOM}
RANDOM=$seed
# In memory, where no disk is waited for.
scratch=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

settings=(--target 🦎 --target-size 6 --padding 1 --batch 2 --damaged 1 --pool 6 --channels 8 --hidden 8
  --steps-min 2 --steps-max 4 --checkpoint-every 2 --pictures-every 1000 --threads 1)
"$nca" train "${settings[@]}" --updates 4 --out run --quiet >/dev/null || exit 77   # no font

# What a run is, without what the clock says.
content_of() {
  (cd "$1" && sed 's/, "seconds": [^,}]*//; s/, "checksum".*//' metrics.jsonl &&
    cat model.safetensors checkpoint.safetensors target.safetensors config.json)
}

# go_on FOLDER, judge FOLDER, report FOLDER: what comes out, into the file "out".
go_on() { "$nca" train --resume "$1" --updates 5 --quiet --threads 1 >said 2>&1 && content_of "$1" >out; }
judge() { "$nca" eval "$1" --steps 2,4 --no-cuts --long-run 0 --seeds 1 --threads 1 >out 2>said; }
report() { "$nca" report "$1" --cut-at 2 --heal-steps 2 --threads 1 --force -o out >said 2>&1; }

# flip FILE BIT
flip() {
  local at=$(($2 / 8)) byte
  byte=$(od -An -tu1 -j $at -N 1 "$1")
  printf "\\x$(printf %02x $((byte ^ 1 << $2 % 8)))" | dd of="$1" bs=1 seek=$at conv=notrunc status=none
}

# try FILE ACTION: random bits of a file, and what the action says of each.
try() {
  local file=$1 action=$2 told=0 harmless=0 size bit i
  size=$(stat -c %s "run/$file")
  rm -rf good && cp -r run good && "$action" good || { echo "$action fails: $(cat said)"; exit 1; }
  mv out expected
  for ((i = 0; i < bits; i++)); do
    bit=$(((RANDOM << 15 | RANDOM) % (8 * size)))
    rm -rf good && cp -r run good && flip "good/$file" $bit
    if ! "$action" good || grep -q "warning: \|was changed since" said; then
      told=$((told + 1))
      grep -q ';\|: No such\|must be\|says\|goes on' said || {
        echo "flip_bits.sh: bit $bit of $file: no way out is named: $(cat said)"
        exit 1
      }
    elif cmp -s out expected; then
      harmless=$((harmless + 1))
    else
      echo "flip_bits.sh: seed $seed: bit $bit of $file is not told, and $action gives something else"
      exit 1
    fi
  done
  echo "$file, $action: $told of $bits bits told, $harmless without any effect"
}

try checkpoint.safetensors go_on
try config.json go_on
try metrics.jsonl go_on
try target.safetensors go_on
try model.safetensors judge
try config.json judge
try target.safetensors judge
try metrics.jsonl report
try machine.json report
try model.safetensors report
echo "seed $seed: every bit told, or without effect"
