#!/usr/bin/env bash
# A training run that is killed at random moments and resumed each time ends with the same files,
# byte for byte, as one that was never disturbed.
#   kill_resume.sh [NCA [KILLS [SEED]]]     defaults: build/nca 20, and a seed that is printed
set -euo pipefail
nca=$(realpath "${1:-build/nca}")
kills=${2:-20}
seed=${3:-$RANDOM}
RANDOM=$seed
scratch=$(mktemp -d)
child=
finish() {
  [ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
  rm -rf "$scratch"
}
trap finish EXIT
cd "$scratch"

settings=(--preset regenerating --target 😝 --target-size 8 --padding 2 --batch 4 --damaged 1 --pool 32
  --hidden 16 --steps-min 4 --steps-max 9 --checkpoint-every 3 --pictures-every 7)

# Nobody waits for the disturbed run to end: how far it comes is seen when it has been killed often
# enough, and the undisturbed one goes as far.
begin() {
  if [ -e disturbed/config.json ]; then
    "$nca" train --resume disturbed --quiet >log 2>&1 &
  else
    "$nca" train "${settings[@]}" --updates 100000000 --out disturbed --quiet >log 2>&1 &
  fi
  child=$!
}

count_updates() {
  if [ -e disturbed/metrics.jsonl ]; then wc -l <disturbed/metrics.jsonl; else echo 0; fi
}

most_ms=200 in_a_write=0 before=0
for ((killed = 0; killed < kills; killed++)); do
  begin
  delay_ms=$((RANDOM % most_ms + 1))
  sleep "$(printf '%d.%03d' $((delay_ms / 1000)) $((delay_ms % 1000)))"
  kill -KILL "$child" 2>/dev/null || {
    echo "kill_resume.sh: seed $seed: after $killed kills the run ended by itself:"
    cat log
    exit 1
  }
  wait "$child" 2>/dev/null || true
  child=
  [ -z "$(find . -name '*.part')" ] || in_a_write=$((in_a_write + 1))
  # A slow machine is given more time before the next kill, a quick one less.
  after=$(count_updates)
  if [ "$after" -le "$before" ]; then most_ms=$((most_ms < 8000 ? most_ms * 2 : 8000)); fi
  if [ "$after" -gt $((before + 60)) ]; then most_ms=$((most_ms > 60 ? most_ms / 2 : 60)); fi
  before=$after
done

updates=$((before + 4))
if [ -e disturbed/config.json ]; then
  "$nca" train --resume disturbed --updates "$updates" --quiet >/dev/null
else
  "$nca" train "${settings[@]}" --updates "$updates" --out disturbed --quiet >/dev/null
fi
"$nca" train "${settings[@]}" --updates "$updates" --out straight --quiet >/dev/null

without_times() { sed 's/, "seconds": [^,}]*//; s/, "checksum".*//' "$1/metrics.jsonl"; }
diff <(without_times straight) <(without_times disturbed)
diff -r --exclude metrics.jsonl --exclude config.json straight disturbed
echo "killed $kills times, $in_a_write of them in the middle of a write (seed $seed): $updates updates," \
  "and every file the same, byte for byte"
