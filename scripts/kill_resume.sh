#!/usr/bin/env bash
# A training run that is killed at random moments and resumed each time ends with the same model, byte
# for byte, as one that was never disturbed.
#   kill_resume.sh [NCA [KILLS [UPDATES]]]     defaults: build/nca 20 120
set -euo pipefail
nca=$(realpath "${1:-build/nca}")
kills=${2:-20}
updates=${3:-120}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

settings=(--preset regenerating --target 😝 --target-size 12 --padding 4 --pool 16 --updates "$updates"
  --checkpoint-every 7 --pictures-every 1000 --quiet)

began=$(date +%s%N)
"$nca" train "${settings[@]}" --out straight >/dev/null
took_ms=$((($(date +%s%N) - began) / 1000000))
echo "undisturbed: $updates updates in $took_ms ms"

killed=0
"$nca" train "${settings[@]}" --out disturbed >/dev/null &
child=$!
while [ "$killed" -lt "$kills" ]; do
  # Anywhere from the start of the program to a few checkpoints later; all together shorter than the
  # run, so that it is not finished before the last kill.
  delay_ms=$((RANDOM % (took_ms * 4 / 5 / kills) + 1))
  sleep "$(printf '%d.%03d' $((delay_ms / 1000)) $((delay_ms % 1000)))"
  if kill -KILL "$child" 2>/dev/null; then
    wait "$child" 2>/dev/null || true
    killed=$((killed + 1))
  else
    wait "$child"
    echo "finished after $killed kills; more updates would take more"
    break
  fi
  if [ -e disturbed/checkpoint.safetensors ]; then
    "$nca" train --resume disturbed --quiet >/dev/null &
  else
    rm -rf disturbed   # killed before there was anything to go on from
    "$nca" train "${settings[@]}" --out disturbed >/dev/null &
  fi
  child=$!
done
wait "$child" || true
"$nca" train --resume disturbed --quiet >/dev/null

cmp straight/model.safetensors disturbed/model.safetensors
cmp <(sed 's/, "seconds".*//' straight/metrics.jsonl) <(sed 's/, "seconds".*//' disturbed/metrics.jsonl)
echo "killed $killed times: the same model, byte for byte, and the same metrics"
[ "$killed" -eq "$kills" ]
