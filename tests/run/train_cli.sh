#!/usr/bin/env bash
# A full short training through the program: the run folder is whole, the loss falls, more updates
# continue it as if it had never ended, signals leave a checkpoint and say so, and eval, run and
# info work on what was trained.
#   train_cli.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"

# begins FILE HEX: the file begins with these bytes.
begins() {
  [ -s "$1" ] || fail "$1 is missing or empty"
  [ "$(head -c $((${#2} / 2)) "$1" | od -An -tx1 | tr -d ' \n')" = "$2" ] || fail "$1 begins otherwise"
}

is_png() { begins "$1" 89504e470d0a1a0a; }

is_animation() {
  begins "$1" 52494646
  grep -qa ANIM "$1" || fail "$1 does not move"
}

# numbers FILE NAME: a field of every line of a metrics.jsonl.
numbers() { sed -n "s/.*\"$2\": \([-+.0-9e]*\).*/\1/p" "$1"; }

# Metrics without what the clock says.
timeless() { sed 's/, "seconds".*//' "$1"; }

settings=(--target 🦎 --target-size 8 --padding 3 --channels 8 --hidden 32 --batch 4 --pool 16
  --damaged 1 --damage-halves 0 --steps-min 10 --steps-max 14 --schedule constant --rate 0.004
  --checkpoint-every 50 --pictures-every 80)

"$nca" train "${settings[@]}" --updates 160 --out run >log || {
  grep -q "no emoji font" log && echo "no emoji font: skipped" && exit 77
  fail "training ends with $?"
}

# The run folder.
for name in config.json metrics.jsonl model.safetensors checkpoint.safetensors; do
  [ -s "run/$name" ] || fail "run/$name is missing or empty"
done
is_png run/loss.png
for number in 000080 000160; do
  is_png "run/pictures/batch-$number.png"
  is_png "run/pictures/pool-$number.png"
done
is_animation run/growth.webp
is_animation run/healing.webp
expected="checkpoint-2.safetensors checkpoint.safetensors config.json growth.webp healing.webp loss.png machine.json \
metrics.jsonl model.safetensors pictures target.safetensors"
[ "$(ls -A run | LC_ALL=C sort | tr '\n' ' ')" = "$expected " ] || fail "run holds $(ls -A run)"
[ "$(numbers run/metrics.jsonl update)" = "$(seq 160)" ] || fail "the metrics do not count 1 to 160"

# The loss falls, by half at least.
means=$(numbers run/metrics.jsonl loss | awk '
  NR <= 20 { first += $1 / 20 } NR > 140 { last += $1 / 20 }
  END { print first, last, last < 0.5 * first ? "falls" : "does not fall" }')
echo "loss $means"
[[ $means == *" falls" ]] || fail "the loss does not fall: $means"

# config.json alone repeats the run.
"$nca" train --config run/config.json --updates 10 --out again --quiet >/dev/null
cmp <(timeless run/metrics.jsonl | head -10) <(timeless again/metrics.jsonl) ||
  fail "config.json does not repeat the run"

# More updates: as if they had been asked for at once. A run that is done has nothing left to do.
"$nca" train "${settings[@]}" --updates 60 --out straight --quiet >/dev/null
"$nca" train --resume again --updates 60 --quiet >/dev/null
cmp straight/model.safetensors again/model.safetensors || fail "more updates give another rule"
cmp <(timeless straight/metrics.jsonl) <(timeless again/metrics.jsonl) ||
  fail "more updates give other metrics"
"$nca" train --resume straight --quiet >/dev/null
cmp straight/model.safetensors again/model.safetensors || fail "a finished run is not left as it is"

# A folder older than a setting has it as its preset says.
"$nca" train --preset regenerating "${settings[@]:0:14}" --updates 5 --out older --quiet >/dev/null
sed -i '/"damage_halves"/d' older/config.json
LC_ALL=C sed -i 's/damage_halves=0/damage_h_lves=0/; s/"checksum":"xxh3_64:/"no_check":"xxh3-64:/' \
  older/checkpoint.safetensors
grep -q damage_h_lves older/checkpoint.safetensors || fail "the checkpoint names its settings otherwise"
"$nca" train --resume older --updates 6 --quiet >/dev/null
grep -q '"damage_halves": 0.0,' older/config.json || fail "an older folder: $(grep halves older/config.json)"

# A run that gave up has ended: going on says so again, and adds no update.
gave_up() {   # WORDS ARGUMENT...
  local words=$1 code=0
  shift
  "$nca" train "$@" --quiet >/dev/null 2>error || code=$?
  [ $code -eq 1 ] && [ "$(wc -l <error)" -eq 1 ] && grep -q -- "$words; train anew with --health on" error ||
    fail "$*: ends with $code: $(cat error)"
}
gave_up "update [0-9]*: the gradient is not finite: .*" "${settings[@]}" --health off --rate 5 --schedule constant \
  --updates 200 --out wild
cp -r wild before-wild
for updates in 200 400; do
  gave_up "wild: training gave up in update $(wc -l <wild/metrics.jsonl); the folder keeps the last good rule" --resume wild \
    --updates $updates
done
diff -r wild before-wild || fail "going on changes a run that gave up"

# A run that is not watched says so, and damage that changes goes on as if never stopped.
changing=("${settings[@]}" --health off --damage-changes 5:damaged=3,damage-halves=0.5 --updates 8)
"$nca" train "${changing[@]}" --out unwatched >log
grep -q -- "--health off: whatever goes wrong is left alone" log || fail "health is off in silence: $(cat log)"
"$nca" train "${changing[@]}" --updates 4 --schedule steps:3x0.5,8x0.5,9x0.5 --out halted >log
[ "$(grep -c "is not reached: this run ends at update 4" log)" -eq 2 ] && grep -q "^--schedule: .* after update 8 is" log &&
  grep -q "^--damage-changes: .* after update 5 is" log || fail "what comes too late is not said: $(cat log)"
rm -r halted
"$nca" train "${changing[@]}" --updates 4 --out halted --quiet >/dev/null
"$nca" train --resume halted --updates 8 --quiet >/dev/null
cmp unwatched/model.safetensors halted/model.safetensors || fail "changing damage resumes otherwise"
"$nca" train "${settings[@]}" --health off --updates 8 --out unchanged --quiet >/dev/null
! cmp -s unwatched/model.safetensors unchanged/model.safetensors || fail "damage does not change"

# An average is another rule of the same training, said so, and resumed as if never stopped.
"$nca" train "${settings[@]}" --average 20 --updates 30 --out averaged >log
grep -q -- "--average 20: .*losses shown here are of the rule in training" log || fail "average: $(cat log)"
"$nca" train "${settings[@]}" --updates 30 --out plainly --quiet >/dev/null
cmp <(timeless plainly/metrics.jsonl) <(timeless averaged/metrics.jsonl) || fail "an average changes the training"
! cmp -s plainly/model.safetensors averaged/model.safetensors || fail "the average is not written"
"$nca" train "${settings[@]}" --average 20 --updates 17 --out halfway --quiet >/dev/null
"$nca" train --resume halfway --updates 30 --quiet >/dev/null
cmp averaged/model.safetensors halfway/model.safetensors || fail "an average resumes otherwise"

# Begun with another run's rule: said, kept, repeated and resumed without it.
"$nca" train "${settings[@]}" --hidden 48 --rate 0.001 --from run --updates 12 --out begun >log
grep -q -- "--from run: begins with healing 🦎, with 16 new hidden units$" log || fail "--from is not told: $(cat log)"
grep -q '"from": "run"' begun/config.json || fail "config.json does not say what a run began with"
cmp run/model.safetensors begun/from.safetensors || fail "what a run began with is not kept"
awk -v from="$(numbers begun/metrics.jsonl loss | head -1)" -v anew="$(numbers run/metrics.jsonl loss | head -1)" \
  'BEGIN { exit !(from < 0.7 * anew) }' || fail "a run does not begin with the rule it is given"
"$nca" train --config begun/config.json --out repeated --quiet >/dev/null
cmp begun/model.safetensors repeated/model.safetensors || fail "--from is not repeated by config.json"
"$nca" train "${settings[@]}" --hidden 48 --rate 0.001 --from run --updates 5 --out stopped --quiet >/dev/null
mv run away
"$nca" train --resume stopped --updates 12 --quiet >/dev/null || fail "--resume needs what a run began with"
# Killed before its first checkpoint: it begins again with the rule that the folder keeps.
mkdir killed && cp stopped/config.json begun/from.safetensors killed/ && : >killed/metrics.jsonl
cp stopped/target.* killed/
"$nca" train --resume killed --updates 12 --quiet >/dev/null || fail "a killed run forgets what it began with"
cmp begun/model.safetensors killed/model.safetensors || fail "a killed run begins with another rule"
mv away run
cmp begun/model.safetensors stopped/model.safetensors || fail "--from resumes otherwise"
# refused WORDS ARGUMENT...: a line with these words, exit code 2, and no folder.
refused() {
  local words=$1 code=0
  shift
  "$nca" train "${settings[@]}" "$@" --updates 5 --out refused >/dev/null 2>error || code=$?
  [ $code -eq 2 ] && [ "$(wc -l <error)" -eq 1 ] && [ ! -e refused ] || fail "$*: $code, $(cat error)"
  grep -qF -- "$words" error || fail "$*: $(cat error)"
}
refused "--from run: its 32 hidden units are more than this run's; give --hidden 32 or more" --hidden 16 --from run
refused "--from run: its cells have 8 channels; give --channels 8" --channels 12 --from run
refused "--from run: its cells perceive by sobel; give --perception sobel" --perception moore --from run
refused "--from nowhere.safetensors: " --from nowhere.safetensors
refused "--from log: " --from log
! "$nca" train --resume straight --from run 2>error || fail "--from is taken with --resume"
grep -q -- "--from: differs from what straight was trained with" error || fail "--resume --from: $(cat error)"

# Fewer updates than are done would make config.json untrue.
sha256sum straight/* >before 2>/dev/null || true
! "$nca" train --resume straight --updates 5 --quiet >/dev/null 2>error || fail "fewer updates are taken"
grep -q -- "--updates 5: straight already did 60 updates" error || fail "fewer updates: $(cat error)"
(sha256sum straight/* 2>/dev/null || true) | cmp - before || fail "a refusal changes the run"

# What computes with other bits says so, once; AVX2 and AVX-512 have the same.
if NCA_CPU_ISA=avx2 "$nca" bench step --batch 1 --grid 8 --steps 2 --repeats 1 >/dev/null 2>&1; then
  NCA_CPU_ISA=scalar "$nca" train "${settings[@]}" --updates 2 --out plain --quiet >/dev/null
  NCA_CPU_ISA=scalar "$nca" train --resume plain --updates 3 >log
  ! grep -q "bit for bit" log || fail "the same instructions are said to differ: $(cat log)"
  NCA_CPU_ISA=avx2 "$nca" train --resume plain --updates 4 >log
  grep -q "trained on scalar.*bit for bit" log || fail "other instructions are not told: $(cat log)"
  "$nca" train --resume plain --updates 5 >log
  ! grep -q "bit for bit" log || fail "AVX2 and AVX-512 are said to differ: $(cat log)"
  "$nca" train --resume plain --updates 6 --device reference --quiet >log
  [ "$(grep -c "bit for bit" log)" -eq 1 ] || fail "another device is not told once: $(cat log)"
fi

# stopped SIGNAL CODE: a run that the signal stops after an update or two says where it stands and
# how to go on, and what it leaves can be gone on with.
stopped() {
  local code=0 done
  rm -rf endless
  env --default-signal=HUP "$nca" train "${settings[@]}" --updates 1000000 --out endless >log 2>&1 &
  local child=$!
  for ((i = 0; i < 600; i++)); do
    [ -e endless/metrics.jsonl ] && [ "$(wc -l <endless/metrics.jsonl)" -ge 3 ] && break
    sleep 0.1
  done
  kill "-$1" "$child"
  wait "$child" || code=$?
  [ "$code" -eq "$2" ] || fail "SIG$1 ends training with $code, not $2"
  done=$(numbers endless/metrics.jsonl update | tail -1)
  grep -q "stopped after update $done of 1000000; saved in endless" log &&
    grep -q "to go on, bit for bit as if it had not stopped: nca train --resume endless$" log ||
    fail "SIG$1: not said where it stopped: $(tail -1 log)"
  "$nca" train --resume endless --updates $((done + 2)) --quiet >/dev/null || fail "SIG$1: no way on"
  [ "$(numbers endless/metrics.jsonl update)" = "$(seq $((done + 2)))" ] ||
    fail "SIG$1: the metrics do not go on"
}
stopped INT 130
stopped TERM 143
stopped HUP 129   # its terminal was closed

# filming FILE [--ignore-signal]: a film that would take for ever, in a group of its own as a
# terminal makes it; its process is $child, and a hang-up is ignored or not, however this script was
# started.
filming() {
  setsid env "${2:---default-signal}=HUP" "$nca" run run --steps 5000000 --output "$1" >log 2>&1 &
  child=$!
  for ((i = 0; i < 600; i++)); do
    compgen -G "$1.*.part" >/dev/null && return
    sleep 0.1
  done
  fail "no film is begun: $(cat log)"
}

# ended CODE WHAT: the film has ended so, within ten seconds, and left nothing.
ended() {
  local code=0
  for ((i = 0; i < 100; i++)); do
    kill -0 "$child" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$child" 2>/dev/null || true
  wait "$child" 2>/dev/null || code=$?
  [ "$code" -eq "$1" ] || fail "$2 ends a film with $code, not $1: $(cat log)"
  [ -z "$(find . -name 'film.*')" ] || fail "$2 leaves $(find . -name 'film.*')"
}

# A terminal sends Ctrl-C to the whole group, an encoder in it as well. The second signal comes
# before the first is answered, for nca stands still meanwhile.
films=(film.npy film.png film.webp)
command -v ffmpeg >/dev/null && films+=(film.mp4)
for film in "${films[@]}"; do
  for signal in INT:130 HUP:129; do
    filming "$film"
    sleep 0.5
    kill "-${signal%:*}" -- "-$child"
    ended "${signal#*:}" "SIG${signal%:*} for $film"
    grep -q "stopped; nothing was written" log || fail "SIG$signal: $film: $(cat log)"
  done
  filming "$film"
  kill -STOP "$child"
  kill -INT "$child"
  kill -INT "$child"
  kill -HUP "$child"
  kill -CONT "$child"
  sleep 0.2
  ended 130 "Ctrl-C and a hang-up for $film"
  filming "$film"
  kill -STOP "$child"
  kill -INT "$child"
  kill -TERM "$child"
  kill -CONT "$child"
  code=0
  wait "$child" || code=$?
  [ "$code" -gt 128 ] || fail "two signals end $film with $code"
  [ -z "$(find . -name 'film.*')" ] || fail "two signals leave $(find . -name 'film.*')"
done
# nohup: the hang-up stays ignored.
filming film.npy --ignore-signal
kill -HUP "$child"
sleep 0.5
kill -0 "$child" 2>/dev/null || fail "a hang-up that was ignored ends the film"
kill -TERM "$child"
ended 143 "SIGTERM"

# A run folder's own copy of its target is what counts, not another file of that name.
mkdir here there && cp run/pictures/pool-000080.png here/a.png && cp run/loss.png there/a.png
(cd here && "$nca" train "${settings[@]}" --target a.png --updates 2 --out ../copied --quiet >/dev/null)
(cd there && "$nca" train --resume ../copied --updates 3 --quiet >/dev/null) ||
  fail "another file of the target's name stops the run"

# A folder that is called as the emoji takes nothing from it.
(mkdir named && cd named && "$nca" train "${settings[@]}" --updates 2 --out 🦎 --quiet >/dev/null &&
  "$nca" train --resume 🦎 --updates 3 --quiet >/dev/null &&
  "$nca" eval 🦎 --steps 4 --no-cuts --long-run 0 --seeds 1 >/dev/null) ||
  fail "a folder called 🦎 makes 🦎 unusable"

# What was trained is judged, run and told about.
"$nca" eval run --steps 12,20 --seeds 3 --cut-at 12 --heal-steps 10 --long-run 30 --json >eval.json
for word in '"loss_at"' '"12"' '"20"' '"median"' '"min"' '"max"' '"healed"' '"upper"' '"lower"' \
  '"left"' '"right"' '"center"' '"long_run"'; do
  grep -qF "$word" eval.json || fail "eval --json does not say $word"
done
"$nca" eval run --steps 12 --no-cuts --long-run 0 --seeds 2 | grep -q 12 || fail "eval says nothing"
# grid_of ARGUMENT...: the grid that a rule is judged on.
grid_of() {
  "$nca" eval "$@" --steps 1 --no-cuts --long-run 0 --seeds 1 --json | sed -n 's/.*"grid": //p'
}
[ "$(grid_of run)" = "[14, 14]," ] || fail "eval does not take the run's grid"
[ "$(grid_of run/model.safetensors --target 🦎 --target-size 6)" = "[14, 14]," ] ||
  fail "eval --target-size does not take the model's grid"
[ "$(grid_of run --target-size 20)" = "[26, 26]," ] || fail "eval stays on a grid that is too small"
[ "$(grid_of run --padding 1)" = "[10, 10]," ] || fail "eval --padding does not change the grid"

# The border that a run cut off can be kept: an option goes over what the run says, either way.
"$nca" train "${settings[@]}" --target "$root/tests/fuzz/corpus/image/rgba.png" --trim --updates 1 \
  --out trimmed --quiet >/dev/null
loss_of() { "$nca" eval trimmed "$@" --steps 1 --no-cuts --long-run 0 --seeds 1 --json; }
[ "$(loss_of)" = "$(loss_of --trim)" ] || fail "eval does not trim as the run did"
[ "$(loss_of)" != "$(loss_of --no-trim)" ] || fail "eval --no-trim trims"
"$nca" run run --steps 20 --every 2 --output film.webp >/dev/null
is_animation film.webp
"$nca" run run --steps 20 --every 2 --damage left@10 --output film.gif >/dev/null
begins film.gif 474946383961
"$nca" run run --steps 20 --output last.png >/dev/null
is_png last.png
"$nca" run run --steps 1 --threads 1 --output one.png | grep -q ": 1 step on" || fail "run: 1 steps"
"$nca" bench step --batch 1 --grid 8 --steps 1 --repeats 1 --threads 1 | grep -q "1 step,.*, 1 thread)$" ||
  fail "bench: 1 steps or 1 threads"
"$nca" run run/model.safetensors --steps 3 --output states.npy >/dev/null
begins states.npy 934e554d5059
grep -qa "(4, 14, 14, 8)" states.npy || fail "states.npy is no [T,H,W,C]"

# Frames a million steps apart, of a rule that still keeps its seed: it is stopped soon all the
# same, and the bits are as always.
rm film.*
"$nca" run copied --grid 400 --steps 10000000 --every 1000000 --output film.npy >log 2>&1 &
child=$!
sleep 1
kill -INT "$child"
ended 130 "Ctrl-C between two frames"
"$nca" run run --steps 250 --every 250 --output seldom.npy >/dev/null
"$nca" run run --steps 250 --every 50 --output often.npy >/dev/null
cmp <(tail -c 6272 seldom.npy) <(tail -c 6272 often.npy) || fail "--every changes what grows"

"$nca" info run >info.txt
"$nca" info run/model.safetensors >>info.txt
for word in "updates done *160" "\[32,24\]" "\[8,32\]" "grid height *14"; do
  grep -q "$word" info.txt || fail "info does not say $word: $(cat info.txt)"
done

# Another rule: its settings, its file and its page say what it is, and it goes on as it is.
other=(--perception moore --hidden2 16 --alive everywhere --noise 0.01)
"$nca" train "${settings[@]}" "${other[@]}" --updates 4 --out other --device cpu --quiet >/dev/null
grep -q '"perception": "moore"' other/config.json && grep -q '"noise": 0.01' other/config.json || fail "other/config.json"
"$nca" info other | grep -q "alive  *everywhere" || fail "info does not say that all cells live"
"$nca" eval other --steps 4 --no-cuts --long-run 0 --seeds 2 --device cpu >/dev/null || fail "eval of another rule"
"$nca" run other --steps 4 -o other.webp --device cpu >/dev/null || fail "run of another rule"
"$nca" report other --cut-at 4 --heal-steps 4 -o other.html --device cpu >/dev/null || fail "report of another rule"
grep -q '"kinds"' other.html && fail "a page tells cells that live from others where all do"
"$nca" train --resume other --updates 6 --device cpu --quiet >/dev/null || fail "another rule does not go on"
! "$nca" train --resume other --noise 0 --device cpu --quiet 2>log || fail "noise may change"
grep -q -- "--noise: differs from what other was trained with" log || fail "$(cat log)"
