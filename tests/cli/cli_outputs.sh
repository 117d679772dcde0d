#!/usr/bin/env bash
# Where outputs go: through a link, to standard output, by long names; what a terminal is sent;
# fonts and texts as other programs leave them.
#   cli_outputs.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/refused.sh"
run=(run good --steps 1 --threads 1)

# same WORDS: the last two files have the same bytes.
same() { cmp -s "$2" "$3" || complain "$1" "$2 and $3 differ"; }
"$nca" "${run[@]}" -o plain.png >/dev/null
"$nca" "${run[@]}" -o plain.gif >/dev/null

# Through a link that the user names, even to nothing yet; the link stays.
mkdir store
echo old >store/film.png
ln -s store/film.png film.png
ln -s store/new.png new.png
refused "exists" "${run[@]}" -o film.png
"$nca" "${run[@]}" --force -o film.png >/dev/null
"$nca" "${run[@]}" -o new.png >/dev/null
for name in film new; do
  [ -L $name.png ] || complain "${run[*]}" "replaced the link $name.png"
  same "${run[*]}" store/$name.png plain.png
done
refused "leads nowhere" "${run[@]}" --force -o "$(ln -s ring.png ring.png && echo ring.png)"
# Within a run folder no link is followed or replaced.
cp -r good linked
for name in metrics.jsonl config.json checkpoint.safetensors model.safetensors; do
  mv linked/$name kept
  ln -s ../kept linked/$name
  cp kept before
  refused "linked/$name: a link" train --resume linked --updates 9
  same "train --resume" kept before
  rm linked/$name
  mv kept linked/$name
done
rm -r linked

# Standard output: the output alone; what is said goes to standard error. Nothing is left where it
# was kept meanwhile.
mkdir kept
export TMPDIR=$PWD/kept
"$nca" "${run[@]}" --format png -o - >out.png 2>said
same "${run[*]} -o -" out.png plain.png
grep -q "^-: 1 step" said || complain "${run[*]} -o -" "does not say what it did"
"$nca" "${run[@]}" --format gif -o - 2>/dev/null | cmp -s - plain.gif || complain "run -o -" "differs in a pipe"
"$nca" "${run[@]}" -o - 2>/dev/null | head -c 4 | grep -q RIFF || complain "run -o -" "is no WebP"
"$nca" report good --cut-at 2 --heal-steps 2 --threads 1 -o - 2>said >page
grep -q "^-: 1 run$" said && grep -q "^<!DOCTYPE html>" page || complain "report -o -" "is no page"
"$nca" import "$root/tests/fuzz/corpus/published/small.json" -o - 2>said >model.safetensors &&
  "$nca" info model.safetensors >/dev/null || complain "import -o -" "is no model"
[ -z "$(ls kept)" ] && [ ! -e ./- ] || complain "-o -" "left a file behind"
unset TMPDIR
refused "a folder, which cannot go to standard output" train "${small[@]}" -o -
refused "a folder, which cannot go to standard output" study regeneration -o -
refused "webp, .gif" "${run[@]}" --format tiff -o -
rm -rf kept page model.safetensors

# Names of up to 255 bytes.
for length in 244 255; do
  name=$(printf '%*s' $((length - 4)) '' | tr ' ' n).png
  "$nca" "${run[@]}" -o "$name" >/dev/null 2>stderr && same "${run[*]}" "$name" plain.png ||
    complain "${run[*]}" "cannot write a name of $length bytes"
  rm -f "$name"
done
refused "File name too long" "${run[@]}" -o "$(printf '%252s' '' | tr ' ' n).png"

# A film that is too fast for its format lasts as long, and says so.
"$nca" run good --steps 59 --fps 100 --threads 1 -o fast.gif >said
grep -q "shows 30 of 60 frames" said || complain "run --fps 100" "does not say so: $(cat said)"

# ffmpeg's own words.
mkdir bin
printf '#!/bin/sh\necho first >&2\necho "x: Permission denied" >&2\nexit 1\n' >bin/ffmpeg
chmod +x bin/ffmpeg
PATH=$PWD/bin:$PATH refused "x.mp4: ffmpeg failed: x: Permission denied" "${run[@]}" -o x.mp4
refused "at most 16384 a side" run good --grid 10x16386 --seed-at 5,5 --scale 1 --steps 1 -o x.mp4

# A byte order mark in front of any text.
mark() { sed -i '1s/^/\xef\xbb\xbf/' "$1"; }
echo '{"batch": 2}' >config.json
mark config.json
"$nca" train "${small[@]}" --config config.json --updates 1 --out marked --quiet >/dev/null 2>stderr ||
  complain "train --config" "does not take a byte order mark"
for name in config.json machine.json metrics.jsonl; do
  mark marked/$name
done
"$nca" report marked --cut-at 2 --heal-steps 2 --threads 1 -o marked.html >/dev/null 2>stderr ||
  complain "report" "does not take a byte order mark"
"$nca" train --resume marked --updates 2 --quiet >/dev/null 2>stderr || complain "train --resume" "does not take it"
[ "$(wc -l <marked/metrics.jsonl)" -eq 2 ] || complain "train --resume" "lost an update"
printf '\xff\xfe{\0}\0' >wide.json
refused "text in UTF-16; save it as UTF-8" train --config wide.json
rm -r marked

# A font by a relative name is found from everywhere.
font=$("$nca" info | sed -n 's/^emoji font *//p')
cp "$font" own.ttf
"$nca" train "${small[@]}" --font own.ttf --updates 1 --out fonted --quiet >/dev/null
mkdir elsewhere
(cd elsewhere && "$nca" train --resume ../fonted --updates 2 --quiet >/dev/null 2>../stderr) ||
  complain "train --resume" "does not find the font"
(cd elsewhere && "$nca" eval ../fonted --seeds 1 --steps 2 --no-cuts --long-run 0 >/dev/null 2>../stderr) ||
  complain "eval" "does not find the font"
rm -r fonted elsewhere

# A terminal that cannot move its cursor gets no escape sequences.
if command -v script >/dev/null; then
  for command in "run good --steps 100 --threads 1 --force -o t.png" \
    "eval good --seeds 1 --steps 2 --no-cuts --long-run 0 --threads 1" \
    "report good --cut-at 2 --heal-steps 2 --threads 1 --force -o t.html"; do
    TERM=dumb script -qec "$nca $command" /dev/null </dev/null >said
    ! grep -q $'\033' said || complain "$command" "sends escape sequences to TERM=dumb"
  done
  preview() { env -u COLORTERM "$@" script -qec "$nca train ${small[*]} --updates 20 --preview --out shown" /dev/null </dev/null >said; rm -r shown; }
  preview TERM=vt100
  grep -q $'\033\[48;5;' said && ! grep -q $'\033\[48;2;' said || complain "--preview" "is not of 256 colours"
  preview TERM=xterm COLORTERM=truecolor
  grep -q $'\033\[48;2;' said || complain "--preview" "is not of true colour"
fi
conclude
