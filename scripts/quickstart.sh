#!/usr/bin/env bash
# From a bare Debian 12 to a trained rule: packages, build, a short training of the default target, and
# an honest line on how good the rule is. Can be repeated; each time makes a run folder of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
began=$SECONDS
minutes() { printf '%d min %d s' $(($1 / 60)) $(($1 % 60)); }

scripts/packages.sh
echo "Building"
scripts/build.sh release -DBUILD_TESTING=OFF >/dev/null
built=$SECONDS

name=runs/quickstart
for ((i = 2; ; i++)); do
  [ -e "$name" ] || break
  name=runs/quickstart-$i
done
# The preset `regenerating`, shortened to five or six minutes on two cores: a smaller target, a smaller pool
# whose states age faster, a rate that falls sooner, and more and larger damage, which a short training
# needs to see what a cut is.
build/nca train --preset regenerating --out "$name" \
  --target-size 20 --padding 8 --batch 8 --damaged 4 --pool 256 --steps-min 64 --steps-max 96 \
  --damage-radius-min 0.2 --damage-radius-max 0.7 --updates 4400 --schedule steps:2000x0.3,3500x0.1
trained=$SECONDS

# Medians over eight fire-mask seeds, as `nca eval` prints them: the first number of a row.
eval=$(build/nca eval "$name" --steps 200 --long-run 0)
loss_of() { sed -n "s/^ *$1 *\(-\{0,1\}[0-9.]*\) .*/\1/p" <<<"$eval"; }
echo
echo "Run folder   $name"
echo "Pictures     $name/growth.webp, healing.webp, loss.png, pictures/"
echo "How good     log10 loss $(loss_of 'step 200') after 200 steps from the seed, $(loss_of left) 400 steps after its left half was cut"
echo "Time         $(minutes $((built - began))) to install and build, $(minutes $((trained - built))) to train, $(minutes $((SECONDS - began))) in all"
