#!/usr/bin/env bash
# Training runs that are killed at a random moment of their first two seconds, each anew: every one
# goes on, with --resume once it has its settings and before that with the same command, and ends
# with the files of a run that was never killed.
#   kill_start.sh [NCA [KILLS [SEED]]]     defaults: build/nca 200, and a seed that is printed
set -euo pipefail
nca=$(realpath "${1:-build/nca}")
kills=${2:-200}
seed=${3:-$RANDOM}
RANDOM=$seed
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
settings=(--target 😝 --target-size 8 --padding 2 --batch 4 --damaged 1 --pool 16 --hidden 16 --steps-min 4
  --steps-max 9 --checkpoint-every 50 --pictures-every 100000 --schedule constant
  --threads 1 --quiet)

content_of() { (cd "$1" && sed 's/, "seconds": [^,}]*//; s/, "checksum".*//' metrics.jsonl && cat ./*.safetensors); }
without=0 begun=0 trained=0
for ((killed = 0; killed < kills; killed++)); do
  rm -rf run
  "$nca" train "${settings[@]}" --updates 100000000 --out run >log 2>&1 &
  child=$!
  # Half of them in the first tenth of a second, when the folder is made.
  most=$((killed % 2 ? 2000 : 100))
  sleep "$(printf '0.%03d' $((RANDOM % 1000)) | awk -v most=$most '{ print $1 * most / 1000 }')"
  kill -KILL $child
  wait $child 2>/dev/null || true
  if [ ! -e run/config.json ]; then
    without=$((without + 1))
    again=(--out run "${settings[@]}")
  else
    if [ -s run/metrics.jsonl ]; then trained=$((trained + 1)); else begun=$((begun + 1)); fi
    again=(--resume run --threads 1 --quiet)
  fi
  done=$(wc -l 2>/dev/null <run/metrics.jsonl || echo 0)
  "$nca" train "${again[@]}" --updates $((done + 1)) >log 2>&1 || {
    echo "kill_start.sh: seed $seed: after kill $killed the run does not go on: $(cat log)"
    exit 1
  }
  if ((killed % 20 == 0)); then
    rm -rf expected
    "$nca" train "${settings[@]}" --updates $((done + 1)) --out expected >/dev/null
    cmp <(content_of run) <(content_of expected) || {
      echo "kill_start.sh: seed $seed: after kill $killed the run ends otherwise"
      exit 1
    }
  fi
done
echo "$kills kills (seed $seed): $without before config.json, $begun before the first update, $trained later;" \
  "every run went on"
