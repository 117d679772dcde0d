#!/usr/bin/env bash
# A row for docs/records.md: the minutes until a rule is healed, by training seeds, one after the
# other, on a machine that does nothing else.
#   record.sh [--seeds N,N,...] NCA WORDS TRAIN_ARGUMENT...
# Each run is `NCA train TRAIN_ARGUMENT... --until healed --seed N`, from its start to its end with
# its films, by the clock; seeds 1 to 5 unless others are named. WORDS are what the row calls the
# recipe. A run that ends unhealed counts as longer than all others. The runs stay in records/.
set -euo pipefail
refuse() {
  echo "record.sh: $*" >&2
  exit 2
}
seeds=1,2,3,4,5
if [ "${1:-}" = --seeds ]; then
  [[ ${2:-} =~ ^[0-9]+(,[0-9]+)*$ ]] || refuse "--seeds ${2:-}: must be numbers with commas between"
  seeds=$2
  shift 2
fi
[ $# -ge 2 ] || refuse "needs a program and words for the recipe"
[ -f "$1" ] && [ -x "$1" ] || refuse "$1: no program; build it first"
nca=$(realpath "$1") words=$2
shift 2
[ ! -e records ] || refuse "records: exists already; move it away"
commit=$(git -C "$(dirname "$0")" describe --always --dirty 2>/dev/null || "$nca" --version)

minutes=()
for seed in ${seeds//,/ }; do
  run=records/seed$seed
  began=$(date +%s.%N)
  "$nca" train "$@" --until healed --seed "$seed" --out "$run" >"run-$seed.log" || {
    cat "run-$seed.log" >&2
    refuse "seed $seed: training ends with $?"
  }
  took=$(awk -v began="$began" -v ended="$(date +%s.%N)" 'BEGIN { printf "%.2f", (ended - began) / 60 }')
  grep -q "^update [0-9]*: healed: " "run-$seed.log" || took=never
  echo "seed $seed: $took minutes, $(wc -l <"$run/metrics.jsonl") updates" >&2
  mv "run-$seed.log" "$run/record.log"
  minutes+=("$took")
done

# Of an even count, the larger of the middle two.
median=$(printf '%s\n' "${minutes[@]}" | sed 's/never/inf/' | sort -g | sed -n "$((${#minutes[@]} / 2 + 1))p" |
  sed 's/inf/never/')
of_machine() { sed -n "s/.*\"$1\": \"*\([^\",]*\)\"*,*$/\1/p" "$run/machine.json"; }
machine="$(of_machine device), $(of_machine variant), $(of_machine threads) threads"
echo "| $(date +%F) | $commit | $machine | $words | $seeds | ${minutes[*]} | **$median** |"
