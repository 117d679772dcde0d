#!/usr/bin/env bash
# nca study through the program: the quick form to a complete page, interrupted once and gone on
# with to the same rules as if it had never been; what is complete is not trained again; folders of
# other runs are refused; what is missing is told.
#   study_cli.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"
quick=(regeneration --quick --jobs 2)
runs=10   # two seeds of two settings, one of six

# refused WORDS ARGUMENT...: one line, exit code 2.
refused() {
  local words=$1 code=0
  shift
  "$nca" study "$@" >/dev/null 2>error || code=$?
  [ "$code" -eq 2 ] || fail "study $*: exit code $code, not 2"
  [ "$(wc -l <error)" -eq 1 ] && grep -qF -- "$words" error || fail "study $*: $(cat error)"
}

refused "no such study" immortality
refused "no such setting; there are blog-regenerating" regeneration --settings blog
refused "--pool 2: less than the batch of" regeneration --pool 2 --out nothing
refused "larger than the grid" regeneration --target-size 20 --grid 12
refused "no such device" regeneration --device abacus
refused "no run of the study is complete" "${quick[@]}" --judge --out nothing
refused "must be" regeneration --jobs 0
refused "0 runs in all" regeneration --seeds 0 --other-seeds 0
refused "nca study: none.png: No such file" "${quick[@]}" --target none.png --out nothing
[ ! -e runs ] && [ ! -e nothing ] || fail "a refusal leaves $(ls)"

# Stopped by Ctrl-C while the first runs are at work: they leave checkpoints, and no child is left.
"$nca" study "${quick[@]}" --out "$scratch/study" >log 2>error &
child=$!
for ((i = 0; i < 600; i++)); do
  [ "$(cat study/*/metrics.jsonl 2>/dev/null | wc -l)" -ge 3 ] && break
  sleep 0.05
done
kill -INT "$child"
code=0
wait "$child" || code=$?
grep -q "no emoji font" error && echo "no emoji font: skipped" && exit 77
[ "$code" -eq 130 ] || fail "SIGINT ends the study with $code: $(cat error)"
grep -q "same command again to go on" error || fail "not said how to go on: $(cat error)"
[ ! -e study/study.html ] || fail "a page of a study that was stopped"
for folder in study/*-seed*; do
  [ -s "$folder/checkpoint.safetensors" ] || fail "$folder has no checkpoint"
done
child_words="--out=$scratch/study/"
! pgrep -f -- "$child_words" >/dev/null || fail "a child is left: $(pgrep -fa -- "$child_words")"
[ "$(ls -d study/*-seed* | wc -l)" -lt "$runs" ] || fail "it was not stopped"

# The same command goes on to the end.
"$nca" study "${quick[@]}" --out study >log 2>error || fail "going on: $(cat error)"
[ "$(ls -d study/*-seed* | wc -l)" -eq "$runs" ] || fail "not every run is there: $(ls study)"
[ "$(grep -c "judging" log)" -eq "$runs" ] || fail "not every run is judged"
for name in config.json metrics.jsonl model.safetensors checkpoint.safetensors machine.json \
  growth.webp healing.webp; do
  for folder in study/*-seed*; do
    [ -s "$folder/$name" ] || fail "$folder/$name is missing or empty"
  done
done

# As if it had never been stopped.
"$nca" study "${quick[@]}" --quiet --settings blog-regenerating,blog-unstable --seeds 1 --out straight >log
[ "$(cat log)" = straight ] || fail "--quiet says $(cat log)"
for run in blog-regenerating-seed1 blog-unstable-seed1; do
  cmp "study/$run/model.safetensors" "straight/$run/model.safetensors" || fail "$run is another rule"
done

# Nothing that is complete is trained again; the table has a line a setting, within 100 columns.
find study -name '*.safetensors' -exec sha256sum {} + | sort >before
"$nca" study "${quick[@]}" --out study >log
find study -name '*.safetensors' -exec sha256sum {} + | sort | cmp - before || fail "it is trained again"
! grep -q begins log || fail "it is trained again: $(cat log)"
for setting in blog-regenerating blog-unstable batch4-damaged1-steps64 regenerating; do
  grep -qE "^$setting +[0-9]/[12] [0-9]+-[0-9]+%" log || fail "no line of $setting: $(cat log)"
done
[ "$(wc -L <log)" -le 100 ] || fail "the table is $(wc -L <log) columns wide"

# What was found, as numbers and as a page.
for word in '"command"' '"seconds"' '"grows"' '"heals_all"' '"circles"' '"low"' '"max_state_trained"' \
  '"distorted"' '"device"' '"schedule"'; do
  grep -qF "$word" study/study.json || fail "study.json does not say $word"
done
[ "$(grep -c '"verdict"' study/study.json)" -eq "$runs" ] || fail "not every run has a verdict"
if command -v python3 >/dev/null; then
  python3 -c 'import json; json.load(open("study/study.json"))' || fail "study.json is no JSON"
fi
[ "$(head -1 study/study.html)" = "<!DOCTYPE html>" ] && [ "$(tail -1 study/study.html)" = "</html>" ] ||
  fail "study.html is no whole page"
grep -qF "default-src 'none'" study/study.html || fail "study.html has no policy"
[ "$(grep -oF '"pool":{"src":"data:image/webp' study/study.html | wc -l)" -eq "$runs" ] ||
  fail "study.html does not show every pool"
[ "$(grep -oF '"center":{"src":"data:image/webp' study/study.html | wc -l)" -eq "$runs" ] ||
  fail "study.html does not show every cut"

# Another question is another folder: refused by setting and field, and nothing is changed.
find study -type f -exec sha256sum {} + | sort >before
refused 'blog-regenerating was trained with another "rate"' "${quick[@]}" --rate 0.01 --out study
refused 'was trained with another "grid"' "${quick[@]}" --grid 14 --out study
refused 'was trained with another "steps_min"' regeneration --target-size 6 --grid 12 --padding 3 --pool 24 \
  --updates 20 --schedule steps:10x0.3,15x0.1 --out study
refused 'was trained with another "updates"' "${quick[@]}" --updates 5 --out study
NCA_CPU_ISA=rounding refused "seed1: trained in f32, not in tf32; give --precision f32, or another --out" \
  "${quick[@]}" --device cpu --precision tf32 --out study
find study -type f -exec sha256sum {} + | sort | cmp - before || fail "a refusal changes the study"

# What is not complete is told and left out; more seeds are only what is missing.
rm -r study/regenerating-seed1
head -5 study/blog-unstable-seed2/metrics.jsonl >short
mv short study/blog-unstable-seed2/metrics.jsonl
"$nca" study "${quick[@]}" --judge --out study >log
grep -q "missing: regenerating-seed1" log || fail "not told what is missing: $(cat log)"
grep -q "missing: blog-unstable-seed2, begun: 5 of 20" log || fail "not told what is begun: $(cat log)"
[ "$(grep -c "judging" log)" -eq $((runs - 2)) ] || fail "judges what is not complete"

# A run whose process ended between its last line and its checkpoint is not judged by an older rule.
cp -r study torn
head -19 study/blog-unstable-seed1/metrics.jsonl | sed '$s/, "checksum".*/, "event": "gave up", "event_text": "x"}/' \
  >torn/blog-unstable-seed1/metrics.jsonl
refused "the checkpoint is of update 20, the metrics end with 19; go on with: nca train --resume" \
  "${quick[@]}" --judge --out torn

# A child that cannot train ends the study with its own words, not with those of one that was
# stopped for its sake.
mkdir bad
cp -r study/blog-regenerating-seed1 bad/
sed -i '5s/.*/spoilt/' bad/blog-regenerating-seed1/metrics.jsonl
bad=("${quick[@]}" --settings blog-regenerating,blog-unstable --seeds 1 --updates 1000000 --out bad)
refused "blog-regenerating-seed1: its training failed: nca train: bad/blog-regenerating-seed1/" "${bad[@]}"
grep -q "to train it anew, remove bad/blog-regenerating-seed1 and give the same" error ||
  fail "not said how to go on: $(cat error)"

# A folder that is no run is left alone.
rm bad/blog-regenerating-seed1/config.json
refused "bad/blog-regenerating-seed1: no config.json" "${bad[@]}"
[ -s bad/blog-regenerating-seed1/model.safetensors ] || fail "a folder that is no run is changed"

# A damaged run is told before any is judged, with the way out; a model that is gone has another.
cp -r straight damaged
two=("${quick[@]}" --settings blog-regenerating,blog-unstable --seeds 1 --out damaged)
truncate -s 500 damaged/blog-unstable-seed1/model.safetensors
refused "blog-unstable-seed1: damaged/blog-unstable-seed1/model.safetensors" "${two[@]}" --judge
grep -q "remove damaged/blog-unstable-seed1 and give the same command again" error ||
  fail "no way out: $(cat error)"
"$nca" study "${two[@]}" --judge >log 2>/dev/null || true
! grep -q judging log || fail "judges others first: $(cat log)"
rm damaged/blog-unstable-seed1/model.safetensors
refused "nca train --resume damaged/blog-unstable-seed1 writes it anew" "${two[@]}" --judge
"$nca" train --resume damaged/blog-unstable-seed1 --quiet >/dev/null
cmp damaged/blog-unstable-seed1/model.safetensors straight/blog-unstable-seed1/model.safetensors ||
  fail "another model is written anew"
"$nca" study "${two[@]}" --judge --quiet >log || fail "not judged: $(cat error)"

# No study in the folder of a run.
refused "a run of nca train; give the study a folder of its own" "${quick[@]}" --out straight/blog-unstable-seed1

# Killed: its trainings end by themselves, and the same command at once goes on. $NCA_STUDY_UPDATES
# (200) are enough to be killed among.
updates=${NCA_STUDY_UPDATES:-200}
killed=("${quick[@]}" --settings blog-regenerating,blog-unstable --seeds 1 --updates "$updates"
  --schedule constant --quiet --out "$scratch/killed")
"$nca" study "${killed[@]}" >log 2>&1 &
child=$!
for ((i = 0; i < 600; i++)); do
  [ "$(cat killed/*/metrics.jsonl 2>/dev/null | wc -l)" -ge 3 ] && break
  sleep 0.05
done
kill -KILL "$child"
wait "$child" 2>/dev/null || true
"$nca" study "${killed[@]}" >log 2>error || fail "after a kill: $(cat error)"
for folder in killed/*-seed1; do
  [ "$(wc -l <"$folder/metrics.jsonl")" -eq "$updates" ] || fail "$folder is not whole"
done
"$nca" study "${killed[@]/killed/unhurt}" >/dev/null || fail "unhurt"
for run in blog-regenerating-seed1 blog-unstable-seed1; do
  cmp "killed/$run/model.safetensors" "unhurt/$run/model.safetensors" || fail "$run is another rule"
done

# Two at once: the second is refused, and says nothing else.
"$nca" study "${quick[@]}" --settings blog-unstable --seeds 1 --updates 100000 --out both >log 2>/dev/null &
child=$!
for ((i = 0; i < 600; i++)); do
  [ -s both/blog-unstable-seed1/metrics.jsonl ] && break
  sleep 0.05
done
refused "another nca study is at work in this folder" \
  "${quick[@]}" --settings blog-unstable --seeds 1 --updates 100000 --out both
kill -INT "$child"
wait "$child" || true

# A run in which training gives up is a result.
"$nca" study "${quick[@]}" --settings blog-unstable --seeds 1 --rate 10 --schedule constant --updates 100 \
  --out wild >log || fail "a run that explodes ends the study: $(cat log)"
grep -qE "^blog-unstable +1/1" log || fail "an explosion is not counted: $(cat log)"

# nca info of a study: what was found of every setting, and how far every run is; also before it is
# judged.
"$nca" info wild >log || fail "info of a study"
grep -q "^study  *wild" log && grep -qE "^    exploded +1 of 1" log || fail "info says $(cat log)"
"$nca" info both >log || fail "info of a study that was stopped"
grep -qE "^  blog-unstable-seed1 +[0-9]+ of 100000 updates" log && ! grep -q exploded log ||
  fail "info says $(cat log)"
