#!/usr/bin/env bash
# A picture that is clear in the middle through the program: the seed stands where it can live, and
# run, eval and report find it there; what cannot live is refused before there is a run folder.
#   seed_at.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"

# tga FILE TEST: a picture of 12x12, red where the awk expression in y and x holds, clear elsewhere.
tga() {
  printf '\0\0\2\0\0\0\0\0\0\0\0\0\14\0\14\0\40\50' >"$1"
  printf "$(awk 'BEGIN { for (y = 0; y < 12; y++) for (x = 0; x < 12; x++)
    printf '"$2"' ? "\\0\\0\\377\\377" : "\\0\\0\\0\\0" }')" >>"$1"
}

tga ring.tga '(y < 2 || y > 9 || x < 2 || x > 9)'
tga disc.tga '(1)'
settings=(--target-size 12 --padding 2 --channels 8 --hidden 16 --batch 4 --pool 8 --damaged 1
  --steps-min 4 --steps-max 4 --threads 1)

# at FILE: rows and columns of the first frame of a .npy of 8 channels that are not clear.
at() {
  local header=$(od -An -tu2 -j8 -N2 "$1")
  od -An -v -tf4 -w32 -j$((10 + header)) -N$((16 * 16 * 32)) "$1" |
    awk '$4 != 0 { printf "%s%d,%d", found++ ? " " : "", int((NR - 1) / 16), (NR - 1) % 16 }'
}

seed_of() {
  "$nca" run "$@" --steps 0 --output seed.npy --force >/dev/null
  at seed.npy
}

# The ring's inner edge: rows 3 and 12 of the grid; the first of the nearest cells.
"$nca" train --target ring.tga "${settings[@]}" --updates 1 --out ring >log
grep -q "clear in the middle.* 8,12 " log || fail "nothing is said of the seed: $(cat log)"
grep -q '"seed_at": "auto"' ring/config.json || fail "config.json does not keep seed_at"
[ "$(seed_of ring)" = 8,12 ] || fail "run: the seed is at $(seed_of ring)"
[ "$(seed_of ring/model.safetensors)" = 8,12 ] || fail "the model file lost the seed's place"
[ "$(seed_of ring --seed-at 5,6)" = 5,6 ] || fail "run does not take --seed-at"

# On another grid as far from the middle, or refused.
"$nca" run ring --grid 20x16 --steps 0 --output large.npy >/dev/null
[ "$(at large.npy)" = 10,12 ] || fail "on a taller grid the seed is at $(at large.npy)"
"$nca" run ring --grid 4 --steps 0 --output small.npy 2>log && fail "a seed outside the grid"
grep -q "seed stands" log || fail "run --grid 4 says: $(cat log)"

# A target that is visible in the middle has its seed there, and its model file says nothing of it.
"$nca" train --target disc.tga "${settings[@]}" --updates 1 --quiet --out disc >/dev/null
[ "$(seed_of disc)" = 8,8 ] || fail "the disc's seed is at $(seed_of disc)"
grep -qa seed_y disc/model.safetensors && fail "the disc's model file has a seed's place"

# A place that was chosen.
"$nca" train --target ring.tga "${settings[@]}" --seed-at 3,9 --updates 1 --quiet --out chosen >/dev/null
[ "$(seed_of chosen)" = 3,9 ] || fail "the chosen seed is at $(seed_of chosen)"

# eval: where it stood in training, and elsewhere where that is asked for. The first step of an
# untrained rule leaves the seed as it is, so that the loss tells where it stands.
loss() { "$nca" eval "$@" --steps 1 --seeds 1 --no-cuts --long-run 0 --json | grep '"1"'; }
[ "$(loss chosen)" = "$(loss ring --seed-at 3,9)" ] || fail "eval: $(loss chosen)"
[ "$(loss chosen)" != "$(loss ring --seed-at middle)" ] || fail "eval does not look at --seed-at"
[ "$(loss ring)" = "$(loss ring/model.safetensors --target ring.tga --target-size 12)" ] ||
  fail "eval of the model file: $(loss ring/model.safetensors --target ring.tga --target-size 12)"

# report
"$nca" report ring --cut-at 4 --heal-steps 4 -o page.html >/dev/null
grep -q '"seed_at":"auto"' page.html || grep -q '"seed_at": "auto"' page.html || fail "report"

# Resumed, it goes on with its own.
"$nca" train --resume chosen --updates 2 --quiet >/dev/null
[ "$(seed_of chosen)" = 3,9 ] || fail "resumed, the seed is at $(seed_of chosen)"
"$nca" train --resume chosen --updates 3 --seed-at 3,3 2>log && fail "resume takes another seed"
grep -q -- "--seed-at: differs" log || fail "resume says: $(cat log)"

# Dead from the start: refused, and no folder is left.
refused() {
  local status=0
  "$nca" train --target ring.tga "${settings[@]}" --out none "${@:2}" >log 2>&1 || status=$?
  [ $status = 2 ] || fail "${*:2}: exit code $status: $(cat log)"
  grep -q -- "$1" log || fail "${*:2}: $(cat log)"
  [ ! -e none ] || fail "${*:2}: leaves a folder"
}
refused "clear part of ring.tga.* 8,12 is the nearest" --seed-at middle
refused "clear part of ring.tga" --seed-at 8,8
refused "0,0 to 15,15" --seed-at 16,0
refused "must be auto, middle" --seed-at center
tga clear.tga '(0)'
refused "every pixel of it is clear" --target clear.tga
# A speck that is not there at the target's size.
tga speck.tga '(y == 0 && x == 0)'
refused "none of it has an alpha above 0.1" --target speck.tga --target-size 2
