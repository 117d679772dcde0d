#!/usr/bin/env bash
# Whether `nca train --until healed` keeps its word: runs on several targets stop by themselves, and
# each rule is then judged again by fire seeds that did not stop it. Ten runs at 20 cells by
# default.
#   until_healed.sh [--jobs N] [--targets EMOJI,...] [--seeds N,...] NCA [TRAIN_ARGUMENT...]
# Every target is trained with every seed; the defaults are three targets with seeds 1 to 3, and the
# first of them with seed 4. A line for each run: the update at which it stopped, and by how many of
# three judgements it grows, holds and heals all five cuts. Fails where a rule that stopped a
# training is refused by one of them, or where no run of a target stopped. The runs stay in
# until-healed/; one that is whole already is not trained again.
set -euo pipefail
refuse() {
  echo "until_healed.sh: $*" >&2
  exit 2
}
jobs=2 targets= seeds=
while [[ ${1:-} == --* ]]; do
  [ $# -ge 2 ] || refuse "$1 needs a value"
  case $1 in
    --jobs) jobs=$2 ;;
    --targets) targets=$2 ;;
    --seeds) seeds=$2 ;;
    *) refuse "$1: no such option" ;;
  esac
  shift 2
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || refuse "--jobs $jobs: must be a number from 1"
[[ ${seeds:-1} =~ ^[0-9]+(,[0-9]+)*$ ]] || refuse "--seeds $seeds: must be numbers with commas between"
[ -f "${1:-}" ] && [ -x "$1" ] || refuse "${1:-}: no program; build it first"
nca=$(realpath "$1")
shift

# One a line: target and seed.
list_runs() {
  local target seed
  for target in $(tr ',' ' ' <<<"${targets:-🦎,😝,🦋}"); do
    for seed in $(tr ',' ' ' <<<"${seeds:-1,2,3}"); do echo "$target $seed"; done
  done
  [ -n "$targets$seeds" ] || echo "🦎 4"
}

# Prints a word on the rule: "yes", or what it lacks. The judge's own bounds: losses of at most -2
# at 200, 1,000 and 5,000 steps, and after each cut within 0.3 of what is left whole.
judge() {   # RUN FIRE_SEED
  "$nca" eval "$1" --seed "$2" --steps 200,1000,5000 --long-run 0 --threads 1 --json | python3 -c '
import json, sys
found = json.load(sys.stdin)
loss = lambda spread: float("inf") if spread["median"] is None else spread["median"]
faults = ["step " + step for step, spread in found["loss_at"].items() if loss(spread) > -2]
whole = loss(found["undamaged"])
faults += [cut for cut, spread in found["healed"].items() if whole > -2 or loss(spread) > whole + 0.3]
print("yes" if not faults else "no (" + ", ".join(faults) + ")")'
}

run_one() {   # TARGET SEED
  local target=$1 seed=$2 run="until-healed/$1-$2" verdict said=() yes=0 fire
  mapfile -t arguments <until-healed/arguments
  [ -e "$run/growth.webp" ] || {
    rm -rf "$run"
    "$nca" train --target "$target" --seed "$seed" --threads 1 "${arguments[@]}" --until healed --out "$run" \
      >"$run.log" 2>&1 || true
  }
  if ! grep -q "^update [0-9]*: healed: " "$run.log"; then
    echo "$target seed $seed: not healed: $(tail -1 "$run.log")"
    return
  fi
  for fire in 101 102 103; do
    verdict=$(judge "$run" "$fire")
    said+=("$verdict")
    [ "$verdict" != yes ] || yes=$((yes + 1))
  done
  echo "$target seed $seed: stopped at update $(wc -l <"$run/metrics.jsonl"), healed by $yes of 3 judgements: ${said[*]}"
}

mkdir -p until-healed
printf '%s' "${@/%/$'\n'}" >until-healed/arguments
export -f run_one judge
export nca
list_runs | xargs -P "$jobs" -L 1 bash -c 'run_one "$1" "$2"' _ | tee until-healed/rows
runs=$(list_runs | wc -l)
[ "$(wc -l <until-healed/rows)" -eq "$runs" ] || refuse "a run or a judgement failed; see until-healed/*.log"
! grep -q " no (" until-healed/rows || { echo "a rule that stopped a training was refused" && failed=1; }
for target in $(list_runs | cut -d' ' -f1 | sort -u); do
  grep -q "^$target .*: stopped at update" until-healed/rows || { echo "$target: no run stopped" && failed=1; }
done
exit "${failed:-0}"
