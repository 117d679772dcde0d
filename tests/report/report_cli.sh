#!/usr/bin/env bash
# nca report through the program: what it refuses, and that nothing is left of a page that was
# refused; a page of one run and of two, as large as it says.
#   report_cli.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/refused.sh"
short=(--cut-at 6 --heal-steps 8)

# Folders that are none, or lack what a page is made of.
refused "needs RUN_DIR" report
refused "no such run folder; give one that nca train has made" report nothing
refused "one argument too many, at most 8" report good good good good good good good good good
refused "no such run folder" report good nothing
refused "no such run folder" report good/config.json
cp -r good bad
rm bad/metrics.jsonl
refused "bad/metrics.jsonl: No such file" report bad
: >bad/metrics.jsonl
refused "empty" report bad
head -c -20 good/metrics.jsonl >bad/metrics.jsonl
refused "cut short" report bad
tail -1 good/metrics.jsonl >bad/metrics.jsonl
refused "line 1 is not that of update 1" report bad
printf 'garbage\n' >bad/metrics.jsonl
refused "line 1 is not that of update 1" report bad
cp good/metrics.jsonl bad/
rm bad/model.safetensors
refused "bad/model.safetensors: No such file; nca train --resume bad writes it anew" report bad
cp -r bad "bad run"
refused "bad run/model.safetensors: No such file; nca train --resume 'bad run' writes it anew" report "bad run"
"$nca" train "${small[@]}" --hidden 32 --updates 1 --out other --quiet >/dev/null
cp other/model.safetensors bad/
refused "of another run" report bad
"$nca" train "${small[@]}" --padding 4 --updates 1 --out wide --quiet >/dev/null
cp wide/model.safetensors bad/
refused "of another run" report bad
cp good/model.safetensors bad/
echo '["a machine"]' >bad/machine.json
refused "bad/machine.json: not a JSON object, or not as it was written" report bad
cp good/machine.json bad/
echo '{"target": 3}' >bad/config.json
refused "bad/config.json" report bad

sed 's/"batch": 2/"batch": 3/' good/config.json >bad/config.json
refused "bad/config.json: not as it was when the rule was saved" report bad
refused "nca train --resume bad says which setting differs" eval bad

sed 's/"grid": "auto"/"grid": "100000"/' good/config.json >bad/config.json
refused 'bad/config.json: its --grid 100000: must be N, HxW or auto' report bad

sed 's/"updates": 2/"updates": 1/' good/config.json >bad/config.json
cp good/metrics.jsonl bad/
refused "bad/metrics.jsonl: 2 updates, and config.json says 1" report bad

# Options.
refused "must be a row and a column" report good --cell 12,0
refused "must be a row and a column" report good --cell middle
refused "at most 3" report good --cell 1,1 --cell 1,2 --cell 1,3 --cell 1,4
refused "must be" report good --cut-at 0
refused "must be" report good --heal-steps 0
refused "no such device" report good --device abacus

# Places that cannot be written.
refused "nowhere/page.html: there is no folder nowhere" report good "${short[@]}" -o nowhere/page.html
refused "a folder" report good "${short[@]}" -o other --force
refused "among the files of the run itself" report good "${short[@]}" --force -o good/config.json
refused "among the files of the run itself" report good "${short[@]}" --force -o ./good/model.safetensors
echo mine >page.html
refused "exists" report good "${short[@]}" -o page.html
[ "$(cat page.html)" = mine ] || complain "report" "changed a file it refused to write over"

# holds FILE WORDS: somewhere in the page.
holds() { grep -qF -- "$2" "$1" || complain "report" "$1 does not hold $2"; }

"$nca" report good "${short[@]}" -o page.html --force >said || complain "report good" "fails"
[ "$(head -1 page.html)" = "<!DOCTYPE html>" ] || complain "report good" "is no page"
[ "$(tail -1 page.html)" = "</html>" ] || complain "report good" "is cut short"
holds page.html "default-src 'none'"
holds page.html '"machine":{"device":"'
grep -q "1 run, [0-9.]* MB" said || complain "report good" "does not say what it wrote"
[ "$(stat -c %s page.html)" -lt 2000000 ] || complain "report good" "is $(stat -c %s page.html) bytes"

# The same folder gives the same bytes.
"$nca" report good "${short[@]}" -o again.html --threads 1 >/dev/null
cmp page.html again.html || complain "report good" "twice is not the same page"

# The target is the one that was trained on: trimmed where it was.
for run in trimmed whole; do
  [ $run = whole ] && trim=--no-trim || trim=--trim
  "$nca" train "${small[@]}" --target "$root/tests/fuzz/corpus/image/rgba.png" $trim --updates 1 --out $run --quiet >/dev/null
  "$nca" report $run "${short[@]}" -o $run.html >/dev/null
  grep -oE '"target":\{"src":"[^"]*"' $run.html >$run.target ||
    complain "report $run" "its page has no target"
done
! cmp -s trimmed.target whole.target || complain "report trimmed" "shows the target untrimmed"

# A hostile file in the folder is no part of the page, and a folder without pictures has a page.
cp -r good spoilt
printf '<script>alert(1)</script>' >spoilt/pictures/batch-000001.png
rm -f spoilt/machine.json spoilt/pictures/pool-*
"$nca" report spoilt other "${short[@]}" -o both.html >said || complain "report spoilt other" "fails"
grep -q "2 runs" said || complain "report spoilt other" "does not say what it wrote"
holds both.html '"name":"spoilt"'
holds both.html '"name":"other"'
holds both.html '"machine":null'
! grep -qF "alert(1)" both.html || complain "report spoilt" "holds what is no picture"
conclude
