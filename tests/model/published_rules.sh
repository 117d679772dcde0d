#!/usr/bin/env bash
# The article's published rules, imported and judged on its lizard, against figures that were found
# outside this project: medians of log10 losses over 8 fire seeds, within 0.3.
#   published_rules.sh NCA [DATA]
# DATA has published_models/ and targets/; without them the test is skipped.
set -euo pipefail
nca=$(realpath "${1:-build/nca}")
data=$(realpath -m "${2:-../shared/data}")
[ -e "$data/published_models" ] && [ -e "$data/targets/lizard.png" ] || {
  echo "$data: no published rules there: skipped"
  exit 77
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
failed=0

# median FILE KEY: of a step or a cut, in the JSON of nca eval.
median() { sed -n "s/^ *\"$2\": {\"median\": \([-0-9.e]*\),.*/\1/p" "$1"; }

# near RULE WHAT FOUND EXPECTED
near() {
  echo "$1, $2: $3, outside $4"
  awk -v a="$3" -v b="$4" 'BEGIN { d = a - b; exit !(a != "" && d < 0.3 && d > -0.3) }' || {
    echo "FAILED: further than 0.3 away"
    failed=1
  }
}

# judge RULE AT_96 AT_200 AT_1000
judge() {
  "$nca" import "$data/published_models/$1_lizard.json" -o "$1.safetensors" >/dev/null
  "$nca" eval "$1.safetensors" --target "$data/targets/lizard.png" --padding 16 \
    --steps 96,200,1000 --seeds 8 --long-run 0 --json >"$1.json"
  near "$1" "step 96" "$(median "$1.json" 96)" "$2"
  near "$1" "step 200" "$(median "$1.json" 200)" "$3"
  near "$1" "step 1000" "$(median "$1.json" 1000)" "$4"
}

judge persistent -3.35 -4.08 -4.07
judge growing -3.39 -2.82 -2.36
judge regenerating -3.05 -3.45 -3.8
near regenerating "left half healed" "$(median regenerating.json left)" -3.9

# Bytes that are exported are the bytes that were published.
for file in "$data"/published_models/*.json; do
  "$nca" import "$file" -o rule.safetensors --force >/dev/null
  "$nca" export rule.safetensors -o again.json --numbers uint8 --force >/dev/null
  for layer in "$file" again.json; do grep -o '"data_b64": *"[^"]*"' "$layer" | tr -d ' '; done |
    sort | uniq -c | awk '$1 != 2 { exit 1 }' || {
    echo "FAILED: $file: its bytes are not the same after import and export"
    failed=1
  }
done
exit $failed
