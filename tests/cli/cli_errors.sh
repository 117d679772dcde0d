#!/usr/bin/env bash
# Bad input of every kind: exit code 2, one clear line, and nothing left behind.
#   cli_errors.sh NCA
set -euo pipefail
. "$(dirname "$0")/../refused.sh"

# Commands and options.
refused "did you mean nca train?" trian
refused "no such command" frobnicate
refused "one argument too many" --version now
refused "one argument too many" help train now
refused "did you mean --target?" train --tagret x
refused "nca info: -o: no such option" info -o x
refused "no such option" train --zzzzzzzz
refused "needs a value" train --batch
refused "takes no value" train --trim=3
refused "one argument too many" train x
refused "needs MODEL" eval
refused "must be 1 to 4096" train --batch 0
refused "must be 1 to 4096" train --batch -3
refused "must be 1 to 4096" train --batch 99999999999999999999
refused "not a whole number" train --batch 3.5
refused "not a whole number" train --batch ""
refused "not a whole number" train --batch " 3"
refused "must be 0 to 9000000000000000000" train --seed 99999999999999999999
for command in "eval good" "run good --output x.png" "report good" "bench step"; do
  refused "must be 0 to 9000000000000000000" $command --seed 99999999999999999999
done
refused "too small to be told from 0" train --rate 1e-400
refused "not a number" train --rate nan
refused "not a number" train --rate inf
refused "not a number" train --fire-rate x
refused "must be" train --fire-rate 1.5
refused "more than --steps-max" train --steps-min 100 --steps-max 50
refused "multiple of 4" train --channels 15
refused "multiple of 4" train --hidden2 6
refused "no such task; there are grow" train --task digit
refused "must be maximum, channel or everywhere" train --alive never
refused "choose maximum or everywhere" train --alive channel
refused "no gradients to rotate" train --perception moore --angle 90
refused "together more than" train --batch 2 --damaged 2
refused "more than --pool" train --batch 8 --pool 4
refused "--damage-radius-min" train --damage-radius-min 0.5 --damage-radius-max 0.2
refused "--gradient" train --gradient clip
refused "--gradient" train --gradient clip:-1
refused "--schedule" train --schedule sometimes
refused "--preset" train --preset nothing
refused "--grid" train --grid 0
refused "--grid" train --grid 10x
refused "larger than the grid" train --target-size 40 --grid 20
refused "no such device" train --device gpu9
refused "--threads" train --threads -1
refused "must be 1 to" eval good --cut-at 0

# Memory: refused before it is allocated, with the bytes.
refused "GiB" train --target 🦎 --grid 60000x60000
refused "GiB" train --target 🦎 --pool 1000000
refused "GiB" run good --grid 60000x60000 --output x.png

# Targets.
refused "nothing.png" train --target nothing.png
: >empty.png
refused "empty" train --target empty.png
head -c 5000 /dev/urandom >noise.png
refused "not an image" train --target noise.png
printf '\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\0\0\0\0\0\0\0' >huge.png
refused "huge.png" train --target huge.png
refused "not a file" train --target ./good
refused "neither a file nor one emoji" train --target hello
refused "code points" train --target U+ZZZZ
refused "code points" train --target U+110000
refused "--font" train --target 🦎 --font noise.png
refused "--font /nonexistent: No such file" train --target 🦎 --font /nonexistent
refused "--target" train --target ""
refused "--cuda-path quick: no such choice" train --target 🦎 --target-size 8 --updates 1 --out none --cuda-path quick

# Config files.
refused "no-such.json" train --config no-such.json
echo '{"batch": "eight"}' >wrong.json
refused "\"batch\" must be a number" train --config wrong.json
echo '{"batch": 1e99}' >wrong.json
refused "whole number" train --config wrong.json
echo '{"batchh": 8}' >wrong.json
refused "did you mean" train --config wrong.json
echo '{"batch": 8, "batch": 4}' >wrong.json
refused "wrong.json" train --config wrong.json
echo '{"batch": 8' >wrong.json
refused "wrong.json" train --config wrong.json
echo '[1]' >wrong.json
refused "wrong.json" train --config wrong.json
: >wrong.json
refused "wrong.json" train --config wrong.json

# Run folders.
refused "exists" train "${small[@]}" --out good
refused "cannot be" train "${small[@]}" --out /proc/nothing/run
refused "no such run folder" train --resume nowhere
if command -v flock >/dev/null; then   # as a run that is still at work holds it
  exec 9<good/metrics.jsonl
  flock -x 9
  refused "another nca train" train --resume good --updates 9
  exec 9<&-
fi
refused "--batch" train --resume good --batch 4
refused "--target" train --resume good --target 🦋
refused "--preset" train --resume good --preset growing
mkdir half && cp good/config.json half/
refused "metrics.jsonl" train --resume half
cp good/metrics.jsonl half/
refused "checkpoint.safetensors" train --resume half
rm -r half
cp -r good other && sed -i 's/"seed": 1,/"seed": 2,/' other/config.json
refused "another \"seed\"" train --resume other
rm -r other
cp -r good other && head -c 3000 good/checkpoint.safetensors >other/checkpoint.safetensors
rm other/checkpoint-2.safetensors   # the one before it would be taken
refused "checkpoint.safetensors" train --resume other
rm -r other

damaged() { rm -rf other && cp -r good other; }
damaged && rm other/metrics.jsonl
refused "train anew with: nca train --config other/config.json" train --resume other --updates 9
damaged && echo >other/metrics.jsonl
refused "train anew with: nca train --config other/config.json" train --resume other --updates 9
rm -r other

# Models.
cp good/model.safetensors $'\xff.safetensors'
refused "not UTF-8" info $'\xff.safetensors'
rm $'\xff.safetensors'
: >empty.safetensors
refused "safetensors" run empty.safetensors --output x.png
head -c 4000 /dev/urandom >noise.safetensors
refused "noise.safetensors" run noise.safetensors --output x.png
head -c 900 good/model.safetensors >cut.safetensors
refused "cut.safetensors" run cut.safetensors --output x.png
(cat good/model.safetensors && echo more) >long.safetensors
refused "after the last tensor" run long.safetensors --output x.png
printf '\xff\xff\xff\xff\xff\xff\xff\x7f{}' >wild.safetensors
refused "wild.safetensors" info wild.safetensors
refused "no tensor" run good/checkpoint.safetensors --output x.png
refused "nothing.safetensors" eval nothing.safetensors --target 🦎
refused "--target: needed" eval good/model.safetensors
refused "neither a rollout, nor an optimizer case, nor a rule" verify good/target.safetensors
refused "zoo:lizzard: no such rule" verify zoo:lizzard
echo '[{}, {}]' >wrong.json
refused "layer 1" import wrong.json -o x.safetensors
refused "--output" import wrong.json
refused "this command reads that file" import wrong.json -o ./wrong.json --force
refused "not JSON" import noise.png -o x.safetensors
refused "no such run folder" report nothing --tensorboard events
refused "of one name" report good ./good --tensorboard events
refused "events would lie in the run folder ./good" report good --tensorboard . --force
refused "events would lie in the run folder good" report good --tensorboard good
"$nca" report good --tensorboard written >/dev/null
refused "has the run written/good already; choose another name, or --force" report good --tensorboard written
rm -r written
refused "--tensorboard -: a folder" report good --tensorboard -
for option in "--output x.html" "--cell 1,1" "--cut-at 9" "--heal-steps 9" "--seed 1" --map; do
  # shellcheck disable=SC2086
  refused "${option%% *}: is about the page" report good --tensorboard events $option
done
refused "--output: needed" export good
refused "its extension says no format; choose one of .json" export good -o rule.txt
refused "no such format; choose one of json" export good -o rule.json --format yaml
refused ".json files have float32, uint8" export good -o rule.json --numbers float16
refused "good: a .json file holds 1 rule" export good good -o rule.json
refused "nothing: No such file" export nothing -o rule.json
refused "a .json file shows no target; leave it out" export good -o rule.json --target a.png
refused "--target-size: a .json file shows no target; leave it out" export good -o rule.json --target-size 2
refused "--target-size: no target of good/model.safetensors is shown; give --target as well" export good/model.safetensors \
  -o rule.html --target-size 2
for option in "--data mnist" "--held-out 3" "--victim good" "--share 0.2" "--say 3" "--grid 40" "--padding 2" "--seed-at 2,2"; do
  for format in json html onnx glsl; do
    # shellcheck disable=SC2086
    refused "${option%% *}: no such option; see nca export --help" export good -o rule.$format $option
  done
done
refused "which of the 2 rules is it of?" export good good -o rules.html --target a.png
refused "a.png: No such file" export good -o rule.html --target a.png

# Runs.
refused "choose one of" run good --output x.tiff
refused "there is no folder nowhere" run good --output nowhere/x.png
refused "exists" run good --output empty.png
refused "--seed-at" run good --output x.png --seed-at 99,0
refused "--seed-at" run good --output x.png --seed-at 3
refused "did you mean left?" run good --output x.png --damage lefft@3
refused "@STEP" run good --output x.png --damage left
refused "last step" run good --output x.png --steps 5 --damage left@6
refused "within the grid" run good --output x.png --damage box:0,0,99,99@1
for outside in 1000,1000,2 -5,-5,3 0,12.5,1; do   # the grid is 12x12
  refused "within the grid" run good --output x.png --damage "circle:$outside@3"
done
for number in 0x5,5,1 " 5,5,1" "5, 5,1" 5,5,inf 5,5,0x1p1; do
  refused "--damage circle:" run good --output x.png --damage "circle:$number@3"
done
for step in "@ 5" @+5 @0x5 @-1; do
  refused "@STEP" run good --output x.png --damage "left$step"
done
for place in " 3,3" "3, 3" +3,3 0x3,3; do
  refused "--seed-at" run good --output x.png --seed-at "$place"
done
refused "--steps" eval good --steps 5,3
refused "--steps" eval good --steps x
refused "did you mean healing?" train --preset heling
refused "did you mean step" bench stepp
refused "--active" bench step --active 0.9 --fire-rate 0.5
refused "the smallest disc" bench step --active 0.001 --grid 12 --steps 8
refused "there are step and all" bench frobnicate
refused "nothing of that name to time" bench kernels
refused "did you mean 4x56x56?" bench --case 4x56x5
refused "there are 4x56x56 8x72x72" bench step --case frobnicated
refused "has no steps" bench step --case no-steps
refused "no such choice" bench step --device all --cuda-path quick
refused "there are f32, bf16, bf16x3, tf32, auto" bench --precision half
refused "no such device" bench step --device gpu9
program=$nca nca=$(dirname "$nca")/bench_kernels   # times them one by one
refused "has no steps" --case no-steps
refused "by nca bench step" --device reference
refused "by nca bench step" --device reference --json --case 3x5 --repeats 1
[ ! -s stdout ] || complain "bench_kernels --device reference --json" "prints half of its JSON"
refused "no such choice" --device all --cuda-path quick
refused "no such device" --device gpu9
refused "one argument too many" kernels
nca=$program

# What the processor lacks, and what nobody has.
NCA_CPU_ISA=mmx refused "no such instruction set" bench step
if ! NCA_CPU_ISA=avx512 "$nca" bench step --batch 1 --grid 8 --steps 2 --repeats 1 >/dev/null 2>&1; then
  NCA_CPU_ISA=avx512 refused "lacks it" bench step
fi

conclude
