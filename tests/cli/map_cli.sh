#!/usr/bin/env bash
# The heal map through the program: nca eval and nca report make it, the same for one thread and two
# and on an emulated GPU; its picture is a PNG; what cannot be written is refused before anything
# is computed.
#   map_cli.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"

# A square, opaque and red, and a rule that grows it.
printf '\0\0\2\0\0\0\0\0\0\0\0\0\4\0\4\0\40\50' >square.tga
for _ in {1..16}; do printf '\0\0\377\377' >>square.tga; done
"$nca" train --preset regenerating --target square.tga --target-size 4 --padding 1 --channels 8 --hidden 16 --batch 16 --pool 16 \
  --damaged 4 --steps-min 16 --steps-max 16 --schedule constant --updates 800 --seed 2 --quiet --out run >/dev/null
short=(--steps 60 --long-run 0 --cut-at 60 --heal-steps 60 --map-places 3 --map-trials 4)

"$nca" eval run "${short[@]}" --map-picture map.png --threads 1 >one || fail "eval --map-picture ends with $?"
"$nca" eval run "${short[@]}" --map-picture again.png --threads 2 >two
cmp one two || fail "two threads make another map"
cmp map.png again.png || fail "two threads draw another picture"
[ "$(head -c 4 map.png | tail -c 3)" = PNG ] || fail "the picture is no PNG"
grep -q "^  heal map: 9 places, 4 trials of each damage, 95 % intervals$" one || fail "$(cat one)"
grep -qE "^  Too few trials to show 99 %: 381 of a radius are needed, all healed; of the smallest there were [0-9]+\.$" one ||
  fail "$(cat one)"
grep -qE "^  circles of radius 1.2 cells: [0-9]+ of [0-9]+ healed, [0-9.]+ to [0-9.]+ %" one || fail "$(cat one)"
grep -qE "^  halves at 16 angles: [0-9]+ of 64 healed" one || fail "$(cat one)"

# JSON holds the same counts, and is JSON; without a map it has none.
"$nca" eval run "${short[@]}" --map --json >json
python3 - one json <<'EOF' || fail "the JSON says otherwise: $(cat json)"
import json, sys
found = json.load(open(sys.argv[2]))["heal_map"]
words = open(sys.argv[1]).read()
halves = found["halves"]
assert "halves at 16 angles: %d of %d healed" % (halves["healed"], halves["tried"]) in words
assert [len(circles["places"]) for circles in found["circles"]] == [9] * 5 and len(halves["angles"]) == 16
for circles in found["circles"]:
    assert sum(place["healed"] for place in circles["places"]) == circles["healed"]
    if circles["tried"] > 0:
        assert "%d of %d healed" % (circles["healed"], circles["tried"]) in words
        assert 0 <= circles["low"] <= circles["healed"] / circles["tried"] <= circles["high"] <= 1
assert found["circles"][-1]["healed"] > 0 and found["heals_up_to"] is None and found["lines"][0] in words
EOF
"$nca" eval run --steps 60 --long-run 0 --json | grep -q heal_map && fail "a heal map that nobody asked for"

# On an emulated GPU.
emulated=$(dirname "$nca")/tests/emulator/nca_emulated
if [ -x "$emulated" ]; then
  "$emulated" eval run "${short[@]}" --no-cuts --seeds 1 --map-places 1 --map-trials 1 --device emulator >emulated || fail "the emulated device ends with $?"
  grep -qE "^  halves at 16 angles: [0-9]+ of 16 healed" emulated || fail "$(cat emulated)"
fi

# The page has the picture, and says the same.
"$nca" report run --cut-at 60 --heal-steps 60 --map-places 3 --map-trials 4 -o page.html >/dev/null
grep -o '"heal_map":{.*' page.html | grep -qF "$(grep -o 'halves at 16 angles: .*' one | cut -c1-40)" ||
  fail "the page says otherwise"
grep -o '"heal_map":{.*' page.html | grep -q '"picture":{"src":"data:image/webp' || fail "the page has no picture"
"$nca" report run -o plain.html >/dev/null
grep -q '"heal_map":null' plain.html || fail "a heal map that nobody asked for, in the page"

# A rule that has not grown: nothing to draw, and that is said.
"$nca" train --preset regenerating --target square.tga --target-size 4 --padding 1 --channels 8 --hidden 16 --batch 16 --pool 16 \
  --damaged 4 --steps-min 16 --steps-max 16 --updates 1 --quiet --out new >/dev/null
"$nca" eval new "${short[@]}" --map-picture none.png >out 2>err || fail "a rule that has not grown: $(cat err)"
grep -q "There is nothing to heal" out && grep -q "not drawn, for there is nothing to heal" err || fail "$(cat out err)"
[ ! -e none.png ] || fail "a picture of nothing"
"$nca" report new --cut-at 60 --heal-steps 60 --map-places 3 --map-trials 4 -o new.html >/dev/null
grep -o '"heal_map":{.*' new.html | grep -q '"picture":null' || fail "the page draws nothing"

# refused WORDS ARGUMENT...
refused() {
  local words=$1 code=0
  shift
  "$nca" eval run "${short[@]}" "$@" >out 2>err || code=$?
  [ "$code" -eq 2 ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] && grep -qF -- "$words" err ||
    fail "eval $*: exit code $code, $(cat out err)"
}
cp map.png before.png
refused "--map-picture map.png: exists; choose another name, or --force" --map-picture map.png
cmp map.png before.png || fail "a picture was written over"
"$nca" eval run "${short[@]}" --map-picture map.png --force >/dev/null || fail "--force does not help"
refused "end the name with .png" --map-picture map.jpg
refused "--map-picture -: standard output is for the figures" --map-picture -
refused "there is no folder nowhere; make it first" --map-picture nowhere/map.png
refused "--map-places" --map-places 16
refused "--map-trials" --map-trials 0
