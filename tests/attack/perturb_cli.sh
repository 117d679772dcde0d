#!/usr/bin/env bash
# nca attack by gradients and noise, on published rules: each does harm, by gradient more than by
# chance, and none where it has no strength; a training against one; what is refused.
#   perturb_cli.sh NCA [DATA]
# DATA has mnist/, targets/ and published_float/; without them the test is skipped.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
data=$(realpath -m "${2:-../shared/data}")
. "$root/tests/scratch.sh"
mnist=$data/mnist rule=$data/published_float/digits_l2_noise.safetensors
lizard=$data/published_float/lizard_regenerating.safetensors
[ -e "$mnist" ] && [ -e "$rule" ] && [ -e "$lizard" ] || {
  echo "$data: no digits there: skipped"
  exit 77
}

# right KIND STRENGTH: cells right of 60 digits, of which some lie in a second batch.
digits=(--task digits --data "$mnist" --samples 60 --steps 60 --json)
right() { "$nca" attack "$1" "$rule" "${digits[@]}" --strengths "$2" | sed -n 's/.*"cells_right": \([0-9.]*\).*/\1/p'; }
less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b != "" && a < b) }'; }
whole=$(right killed 0)
[ "$(right input-gradient 0)" = "$whole" ] || fail "an attack of no strength changes something"
gradient=$(right input-gradient 0.2) noise=$(right input-noise 0.2)
echo "cells right $whole; pixels by 0.2: along the gradient $gradient, at random $noise"
less "$gradient" "$noise" || fail "a gradient does no more than noise"
for harm in "salt 0.2" "killed 0.5" "withheld 0.95" "state-noise 10" "input-gradient 0.1"; do
  # shellcheck disable=SC2086
  after=$(right $harm)
  echo "$harm: $after"
  less "$after" "$whole" || fail "$harm does no harm"
done

# A grown picture: its loss rises.
loss() { "$nca" attack "$1" "$lizard" --target "$data/targets/lizard.png" --samples 2 --steps 100 --json --strengths "$2" |
  sed -n 's/.*"log10_loss": \([-0-9.]*\).*/\1/p'; }
grown=$(loss state-noise 0)
for harm in "state-gradient 0.1" "killed 0.5"; do
  # shellcheck disable=SC2086
  less "$grown" "$(loss $harm)" || fail "the lizard does not mind $harm"
done
"$nca" attack salt "$rule" "${digits[@]}" --samples 3 --strengths 0,0.1 --output states.png --curve curve.png >/dev/null
[ -s states.png ] && [ -s curve.png ] || fail "no pictures"

# A training against an attack, stopped and resumed.
settings=(--task digits --data "$mnist" --hidden 16 --hidden2 16 --pool 32 --perturb input-gradient:0.1 --perturbed 8)
"$nca" train "${settings[@]}" --updates 8 --out run --quiet >/dev/null
"$nca" train "${settings[@]}" --updates 3 --out other --quiet --threads 1 >/dev/null
"$nca" train --resume other --updates 8 --quiet >/dev/null
cmp run/model.safetensors other/model.safetensors || fail "resumed is not as never stopped"
grep -q '"perturb": "input-gradient:0.1"' run/config.json || fail "config.json does not keep the attack"

refused() {
  local words=$1 code=0
  shift
  "$nca" "$@" >stdout 2>stderr || code=$?
  [ "$code" -eq 2 ] && [ "$(wc -l <stderr)" -eq 1 ] || fail "nca $*: exit code $code: $(cat stderr)"
  grep -qF -- "$words" stderr || fail "nca $*: does not say \"$words\": $(cat stderr)"
  [ ! -e refused ] || fail "nca $*: left a folder"
}
train=(train --task digits --data "$mnist" --updates 1 --out refused)
refused "--perturb salt:2" "${train[@]}" --perturb salt:2
refused "--perturbed 17: more than --batch 16" "${train[@]}" --perturb salt:0.1 --perturbed 17
refused "--perturb salt:0.1: samples of the task grow have no picture" train --perturb salt:0.1 --out refused
refused "cannot attack rules of the task grow" attack input-noise "$lizard" --target "$data/targets/lizard.png"
refused "--strengths 0,2" attack salt "$rule" --task digits --data "$mnist" --strengths 0,2
echo "attacked by gradients and noise, and trained against it"
