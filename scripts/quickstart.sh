#!/usr/bin/env bash
# From a bare Debian 12 to a trained rule: packages, build, a short training of the default target, and
# an honest line on how good the rule is. Can be repeated; each time makes a run folder of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
began=$SECONDS
scripts/packages.sh
echo "Building"
scripts/build.sh release -DBUILD_TESTING=OFF

# The preset `regenerating`, shortened: a smaller target and grid, and fewer updates.
name=runs/quickstart
for ((i = 2; ; i++)); do
  [ -e "$name" ] || break
  name=runs/quickstart-$i
done
build/nca train --preset regenerating --out "$name" @SETTINGS@

# log10 losses by `nca eval`: median over eight fire-mask seeds.
eval=$(build/nca eval "$name" --steps 200 --long-run 0 --json)
grown=$(sed -n 's/.*"200": {"median": \([-0-9.]*\).*/\1/p' <<<"$eval")
healed=$(sed -n 's/.*"left": {"median": \([-0-9.]*\).*/\1/p' <<<"$eval")
echo
echo "Run folder    $name"
echo "Pictures      $name/growth.webp, healing.webp, loss.png, pictures/"
echo "How good      log10 loss $grown after 200 steps from the seed, $healed 400 steps after its left half was cut"
echo "In all        $(((SECONDS - began) / 60)) min $(((SECONDS - began) % 60)) s"
