#!/usr/bin/env bash
# A run folder lasts: it needs no font and no picture any more, a damaged checkpoint costs only what
# came after the one before it, a changed setting is named, signals save, and what is no longer
# needed can be removed. Bits, kills: a few of scripts/flip_bits.sh and scripts/kill_start.sh.
#   lasting.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"
font=/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf
[ -e $font ] || { echo "no emoji font: skipped" && exit 77; }

settings=(--target-size 8 --padding 2 --channels 8 --hidden 16 --batch 4 --pool 16 --damaged 1 --steps-min 4
  --steps-max 9 --checkpoint-every 10 --pictures-every 100000 --schedule constant --threads 1)
content_of() { (cd "$1" && sed 's/, "seconds": [^,}]*//; s/, "checksum".*//' metrics.jsonl && cat ./*.safetensors); }
same() { cmp <(content_of "$1") <(content_of "$2") || fail "$3"; }
said() { grep -q -- "$1" log || fail "does not say \"$1\": $(cat log)"; }

# An emoji of a font that is gone, and a picture that is gone: the target's pixels are in the
# folder.
cp $font font.ttf
cp "$root/tests/fuzz/corpus/image/rgba.png" picture.png
for target in 🦎 picture.png; do
  rm -rf run straight other
  "$nca" train --target $target --font "$PWD/font.ttf" "${settings[@]}" --updates 25 --out run --quiet >/dev/null
  "$nca" train --target $target --font "$PWD/font.ttf" "${settings[@]}" --updates 32 --out straight --quiet >/dev/null
  mkdir other && mv run other/moved
  mv font.ttf hidden.ttf && mv picture.png hidden.png
  (cd other && "$nca" train --resume moved --updates 32 --threads 1 --quiet >/dev/null) || fail "$target: not resumed"
  same straight other/moved "$target: another run without its source"
  "$nca" eval other/moved --steps 4,8 --no-cuts --long-run 0 --seeds 2 --threads 1 >/dev/null || fail "$target: no eval"
  "$nca" report other/moved --cut-at 4 --heal-steps 4 --threads 1 -o page.html >/dev/null || fail "$target: no report"
  rm page.html
  ! "$nca" eval other/moved --steps 4 --target-size 6 --threads 1 >log 2>&1 || fail "$target: of another size from nowhere"
  mv hidden.ttf font.ttf && mv hidden.png picture.png
done
mv other/moved run

# The newest checkpoint is damaged, or gone: the one before it is taken, told, and the run ends as
# if nothing had been. Where both are, nothing is changed.
for damage in 'printf x | dd of=other/checkpoint.safetensors bs=1 seek=3000 conv=notrunc status=none' \
  'truncate -s -1 other/checkpoint.safetensors' ': >other/checkpoint.safetensors' 'rm other/checkpoint.safetensors'; do
  rm -rf other && cp -r run other && eval "$damage"
  "$nca" train --resume other --threads 1 --quiet >log || fail "$damage: not resumed"
  said "warning: .*checkpoint.* of update 30, takes its place"
  same straight other "$damage: the run ends otherwise"
done
rm -rf other && cp -r run other && truncate -s -1 other/checkpoint*.safetensors
! "$nca" train --resume other --threads 1 2>log || fail "two damaged checkpoints are taken"
said "no other checkpoint: put a whole copy in its place, or train anew with: nca train --config other/config.json"

# --keep.
rm -rf other
"$nca" train --target 🦎 "${settings[@]}" --updates 45 --keep 3 --out other --quiet >/dev/null
[ "$(cd other && echo checkpoint*)" = "checkpoint-2.safetensors checkpoint-3.safetensors checkpoint.safetensors" ] ||
  fail "--keep 3 keeps $(cd other && echo checkpoint*)"
truncate -s -1 other/checkpoint.safetensors other/checkpoint-2.safetensors
"$nca" train --resume other --threads 1 >log
said "of update 30, takes its place"
[ "$("$nca" info other | sed -n 's/^updates done *//p')" = 45 ] || fail "goes on from the third to another end"
"$nca" train --resume other --updates 50 --keep 1 --threads 1 --quiet >log
[ "$(cd other && echo checkpoint*)" = checkpoint.safetensors ] || fail "--keep 1 keeps $(cd other && echo checkpoint*)"

# A rule that is damaged is written anew.
printf x | dd of=run/model.safetensors bs=1 seek=2000 conv=notrunc status=none
! "$nca" eval run --threads 1 2>log || fail "a damaged rule is judged"
said "nca train --resume run writes it anew"
"$nca" train --resume run --threads 1 --quiet >/dev/null
same run straight "the rule is not written anew"

# Every setting that differs is named, those that change the run and those that do not.
rm -rf other && cp -r run other
sed -i 's/"checkpoint_every": 10/"checkpoint_every": 11/; s/"updates": 32/"updates": 33/' other/config.json
"$nca" train --resume other --threads 1 --quiet >log || fail "other intervals are refused"
said '"updates" (32, not 33), "checkpoint_every" (10, not 11)'
"$nca" train --resume other --threads 1 >log
! grep -q "not as the checkpoint" log || fail "told twice: $(cat log)"
"$nca" eval other --steps 4 --no-cuts --long-run 0 --seeds 1 --threads 1 >/dev/null || fail "the folder does not agree with itself"
sed -i 's/"rate": 0.002/"rate": 0.003/; s/"seed": 1/"seed": 7/' other/config.json
! "$nca" train --resume other --threads 1 2>log || fail "another rate is taken"
said '"rate" (0.002, not 0.003.*), "seed" (1, not 7); resume it with its own'
! "$nca" report other -o page.html --threads 1 2>log || fail "a report with other settings"
said "not as it was when the rule was saved"

# Killed before the first checkpoint, it begins again; with metrics and no checkpoint it does not.
rm -rf other && mkdir other && cp straight/config.json other && : >other/metrics.jsonl
"$nca" train --resume other --threads 1 >log || fail "no beginning from config.json"
said "begins again"
same straight other "what begins again ends otherwise"
rm -rf other && cp -r straight other && rm other/checkpoint*
! "$nca" train --resume other --updates 40 --threads 1 2>log || fail "updates without a checkpoint are lost"
cmp -s straight/metrics.jsonl other/metrics.jsonl || fail "the metrics are lost"

# Names: readable, and of runs that begin at once each gets its own.
for i in 1 2 3; do
  "$nca" train --target U+1F469,U+200D,U+1F680 "${settings[@]}" --updates 2 --seed $i --quiet >name$i &
  children[i]=$!
done
for i in 1 2 3; do wait "${children[i]}" || fail "one of three that begin at once does not"; done
[ "$(cat name? | sort | tr '\n' ' ')" = "runs/woman-astronaut-healing runs/woman-astronaut-healing-2 runs/woman-astronaut-healing-3 " ] ||
  fail "they are called $(cat name?)"

# SIGUSR1 saves and the run goes on; twice at once as well; one that is finished does not mind.
rm -rf endless
"$nca" train --target 🦎 "${settings[@]}" --checkpoint-every 1000000 --updates 1000000 --out endless >log 2>&1 &
child=$!
for ((i = 0; i < 600; i++)); do
  [ -e endless/metrics.jsonl ] && [ "$(wc -l <endless/metrics.jsonl)" -ge 3 ] && break
  sleep 0.02
done
kill -USR1 $child
for ((i = 0; i < 600; i++)); do
  grep -q "saved after update" log && break
  sleep 0.02
done
first=$(sed -n 's/saved after update \([0-9]*\) .*/\1/p' log)
kill -USR1 $child
kill -USR1 $child
for ((i = 0; i < 600; i++)); do
  [ "$(grep -c "saved after update" log)" -lt 2 ] || break
  sleep 0.02
done
kill -0 $child || fail "SIGUSR1 ends the run: $(cat log)"
[ "$(grep -c "saved after update" log)" -ge 2 ] || fail "only once saved: $(cat log)"
[ "$(wc -l <endless/metrics.jsonl)" -gt "$first" ] || fail "the run does not go on after SIGUSR1"
kill -KILL $child
wait $child || true
"$nca" info endless/checkpoint.safetensors >/dev/null || fail "no whole checkpoint"
updates=$(($(wc -l <endless/metrics.jsonl) + 3))
"$nca" train --resume endless --updates $updates --threads 1 --quiet >/dev/null
"$nca" train --target 🦎 "${settings[@]}" --checkpoint-every 1000000 --updates $updates --out undisturbed --quiet >/dev/null
cmp endless/model.safetensors undisturbed/model.safetensors && cmp endless/checkpoint.safetensors undisturbed/checkpoint.safetensors ||
  fail "SIGUSR1 changes the run"
rm log
"$nca" train --resume undisturbed --threads 1 >log &
child=$!
while kill -0 $child 2>/dev/null; do
  if [ -s log ]; then kill -USR1 $child 2>/dev/null || true; fi
  sleep 0.01
done
wait $child || fail "SIGUSR1 ends a finished run: $?"
cmp endless/checkpoint.safetensors undisturbed/checkpoint.safetensors || fail "SIGUSR1 changes a finished run"

# nca clean: says what, and leaves what is looked at, judged and gone on with.
! "$nca" clean nowhere 2>/dev/null || fail "clean takes a folder that is not there"
"$nca" train --target 🦎 "${settings[@]}" --updates 30 --out done --quiet >/dev/null
echo half >done/model.safetensors.abcdef.part && echo mine >done/notes.abcdef.part
mkdir strange && : >strange/metrics.jsonl
! "$nca" clean strange 2>log || fail "clean takes a folder without settings"
said "strange: no such run folder"
for damage in 'truncate -s -1 broken/checkpoint.safetensors' 'rm broken/checkpoint.safetensors'; do
  rm -rf broken && cp -r done broken && eval "$damage"
  (cd broken && ls) >before
  ! "$nca" clean broken 2>log || fail "$damage: clean removes the last whole checkpoint"
  said "nca train --resume broken does, and writes the latest anew"
  (cd broken && ls) | cmp - before || fail "$damage: clean refuses, and removes"
done
"$nca" train --resume broken --threads 1 --quiet >/dev/null && "$nca" clean broken >/dev/null || fail "broken stays so"
"$nca" clean done >log || fail "clean: $(cat log)"
grep -Eq "^done: removed 1 checkpoint, [0-9.]+ kB, and 5 bytes half written; the latest one stays, [0-9.]+ kB$" log ||
  fail "clean says $(cat log)"
[ ! -e done/checkpoint-2.safetensors ] && [ ! -e done/model.safetensors.abcdef.part ] && [ -e done/notes.abcdef.part ] ||
  fail "clean leaves $(ls done)"
"$nca" train --resume done --updates 31 --threads 1 --quiet >/dev/null || fail "a cleaned run cannot be trained on"
"$nca" clean --checkpoint done >log
! "$nca" train --resume done --updates 32 --threads 1 2>log || fail "it goes on without a checkpoint"
"$nca" eval done --steps 4 --no-cuts --long-run 0 --seeds 1 --threads 1 >/dev/null || fail "a cleaned run cannot be judged"
sed -i 's/"updates": 31/"updates": 310/' done/config.json
! "$nca" clean done 2>log || fail "clean takes a run that is not finished"
said "31 of 310 updates are done"

bash "$root/scripts/flip_bits.sh" "$nca" "${NCA_BITS:-6}"
bash "$root/scripts/kill_start.sh" "$nca" "${NCA_KILLS:-6}"
