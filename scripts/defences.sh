#!/usr/bin/env bash
# The table of "Training against it" in docs/robustness.md: a trained rule of digits is trained on,
# once plainly and once against each attack, and every result is attacked.
#   defences.sh [--seeds N,...] [--updates N] [--jobs N] NCA RULE DATA [ADVERSARY]
# RULE is a rule of digits, DATA the folder with MNIST's files. ADVERSARY was trained against RULE:
# with it there are rows for its cells, and for those of new adversaries, each trained against one
# of the results by as many updates. Defaults: --seeds 1,2 --updates 2000 --jobs 2, one thread
# each; half of every batch is disturbed. Prints a row for each attack and training: the cells
# right, with each seed, of 500 held-out digits. Runs and judgements in defences/ are used again,
# whatever they were made with: remove the folder where RULE, DATA or --updates change.
set -euo pipefail
refuse() {
  echo "defences.sh: $*" >&2
  exit 2
}
seeds=1,2 updates=2000 jobs=2
while [[ ${1:-} == --* ]]; do
  [ $# -ge 2 ] || refuse "$1 needs a value"
  case $1 in
    --seeds) seeds=$2 ;;
    --updates) updates=$2 ;;
    --jobs) jobs=$2 ;;
    *) refuse "$1: no such option" ;;
  esac
  shift 2
done
[[ $seeds =~ ^[0-9]+(,[0-9]+)*$ ]] || refuse "--seeds $seeds: must be numbers with commas between"
[[ $updates =~ ^[1-9][0-9]*$ && $jobs =~ ^[1-9][0-9]*$ ]] || refuse "--updates and --jobs must be numbers from 1"
[[ $# =~ ^[34]$ ]] || refuse "needs a program, a rule, a folder of digits and perhaps an adversary: NCA RULE DATA [ADVERSARY]"
[ -f "$1" ] && [ -x "$1" ] || refuse "$1: no program; build it first"
[ -e "$2" ] || refuse "$2: no such rule"
[ -d "$3" ] || refuse "$3: no such folder"
[ -e "${4:-$2}" ] || refuse "$4: no such adversary"
nca=$(realpath "$1") rule=$(realpath "$2") data=$(realpath "$3") adversary=${4:+$(realpath "$4")}

# Attack, the strength of training, and the strengths of judging.
attacks='input-gradient 0.1 0.1,0.2
salt 0.05 0.05,0.1
killed 0.2 0.1,0.2
state-gradient 1 1,2
state-noise 5 2,5'
[ -z "$adversary" ] || attacks+=$'\ncells 0.1 0.05,0.1'

train() {   # KIND STRENGTH SEED
  local run=defences/$1-$3 against=()
  [ ! -e "$run/digit.webp" ] || return 0
  [ "$1" = plain ] || against=(--perturb "$1:$2" --perturbed 8)
  [ "$1" != cells ] || against+=(--adversary "$adversary")
  rm -rf "$run"
  "$nca" train --task digits --data "$data" --held-out 2000 --from "$rule" --rate 1e-4 --schedule constant \
    --updates "$updates" --seed "$3" --threads 1 --quiet "${against[@]}" --out "$run"
}

# A new adversary of a result.
turn() {   # TRAINED SEED
  local run=defences/against-$1-$2
  [ ! -e "$run/digit.webp" ] || return 0
  rm -rf "$run"
  "$nca" train --preset digits-adversary --victim "defences/$1-$2" --data "$data" --share 0.1 --updates "$updates" \
    --seed "$2" --threads 1 --quiet --out "$run"
}

# "96.0, 95.8 % | 88.3, 88.1 % | ...": a column for each strength, a figure for each seed.
judge() {   # TRAINED KIND STRENGTHS [new]
  local seed files=() by=()
  for seed in ${seeds//,/ }; do
    files+=("defences/$1-$seed.$2${4:+-$4}.json")
    [ "$2" != cells ] || by=(--adversary "$adversary")
    [ -z "${4:-}" ] || by=(--adversary "defences/against-$1-$seed")
    [ -s "${files[-1]}" ] ||
      "$nca" attack "$2" "defences/$1-$seed" --samples 500 --strengths "0,$3" --json "${by[@]}" >"${files[-1]}"
  done
  python3 -c '
import json, sys
points = [json.load(open(name))["points"] for name in sys.argv[1:]]
share = lambda point: "%.1f" % (100 * point["cells_right"])
print(" | ".join(", ".join(map(share, column)) + " %" for column in zip(*points)))' "${files[@]}"
}

mkdir -p defences
export -f train turn
export nca rule data adversary updates
for seed in ${seeds//,/ }; do
  echo "plain 0 $seed"
  while read -r kind strength _; do echo "$kind $strength $seed"; done <<<"$attacks"
done | xargs -P "$jobs" -L 1 bash -c 'train "$@"' _
if [ -n "$adversary" ]; then
  for seed in ${seeds//,/ }; do
    echo "plain $seed"
    echo "cells $seed"
  done | xargs -P "$jobs" -L 1 bash -c 'turn "$@"' _
fi

echo "| attack | trained | undisturbed | weaker | stronger |"
echo "|---|---|---|---|---|"
while read -r kind strength strengths; do
  without=$(judge plain "$kind" "$strengths")
  with=$(judge "$kind" "$kind" "$strengths")
  echo "| \`$kind\` by ${strengths/,/ and } | plainly | $without |"
  echo "|  | against $strength | $with |"
done <<<"$attacks"
if [ -n "$adversary" ]; then
  echo "| \`cells\` by 0.05 and 0.1, of a new adversary | plainly | $(judge plain cells 0.05,0.1 new) |"
  echo "|  | against 0.1 of the old | $(judge cells cells 0.05,0.1 new) |"
fi
