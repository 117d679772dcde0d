#!/usr/bin/env bash
# Files that are none, that lie, or that cannot be written; sizes beyond memory; a disk that fills
# up.
#   cli_files.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/refused.sh"

# picture NAME: one of the fuzzers' pictures; two bytes at their end are not part of it.
picture() { head -c -2 "$root/tests/fuzz/corpus/image/$1"; }

# In place of a file: a folder, a pipe nobody writes to, a device, a link to itself, one to a
# device.
mkdir folder folder.png
mkfifo pipe pipe.png
ln -s loop.png loop.png
ln -s /dev/null null.png
for odd in folder pipe /dev/zero /dev/null; do
  refused "$odd" info "$odd"
  refused "not a file" import "$odd" -o x.safetensors
  refused "not a file" train --config "$odd"
  refused "not a file" train --target 🦎 --font "$odd"
  refused "$odd" verify "$odd"
  refused "$odd" run "$odd" --output x.png
  refused "$odd" eval "$odd" --target 🦎
done
refused "not a file" train --target ./pipe
refused "not a file" train --target pipe.png
refused "not a file" train --target folder.png
refused "not a file" train --target null.png
refused "symbolic links" train --target loop.png
refused "no such run folder" train --resume pipe
refused "no such run folder" train --resume good/config.json
refused "config.json" train --resume folder
refused "is no folder" train "${small[@]}" --out pipe
refused "is no folder" train "${small[@]}" --out /dev/null
refused "Not a directory" train "${small[@]}" --out good/config.json/run
refused "too long" train "${small[@]}" --out "new/$(printf '%300s' '' | tr ' ' n)"
refused "too long" train "${small[@]}" --out "$(printf '%5000s' '' | tr ' ' n)"
refused "a folder" run good --output folder.png --force
refused "exists and is not a file" run good --output pipe.png --force
refused "exists and is not a file" run good --output null.png --force   # root could replace the device
[ -c /dev/null ] || complain "run --force" "/dev/null is no device any more"

# Names that would move the cursor come out as they can be read.
refused 'a\x0ab\x1b[2Jc' info "$(printf 'a\nb\033[2Jc')"
refused '\xff.png' train --target "$(printf '\xff.png')"
picture rgba.png >$'bad\xff.png'
refused '--target bad\xff.png: not UTF-8' train "${small[@]}" --target $'bad\xff.png' --out new
refused 'another name' train "${small[@]}" --target $'bad\xff.png' --out new

# A message too long for one line of its own loses its middle, not its reason.
refused "missing: No such file or directory; check the name" info "$(printf './%.0s' {1..700})missing"

# What may not be read or written, for a user who is not root.
as_user() { "$nca" "$@"; }
if [ "$(id -u)" -eq 0 ]; then
  as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$nca" "$@"; }
  chmod 755 .
fi
cp good/model.safetensors secret.safetensors
chmod 000 secret.safetensors
mkdir locked
chmod 555 locked
if as_user --version >/dev/null 2>&1; then
  run_as=as_user
  refused "Permission denied" info secret.safetensors
  refused "Permission denied" run good --output locked/x.png
  refused "Permission denied" train "${small[@]}" --out locked/run
  run_as=
fi
chmod 755 locked

# Pictures that are cut off, damaged, or say they are giants.
for name in rgba.png base.jpg progressive.jpg rgb.bmp rgba.tga packed.tga; do
  picture "$name" | head -c 120 >"cut-$name"
  refused "ends too early" train --target "cut-$name"
done
picture rgba.png | tr '\200-\277' '\300-\377' >turned.png
refused "turned.png" train --target turned.png
picture rgba.png >white.png
refused "--background" train --target white.png --background white
refused "--background" train --target white.png --background '#12345'
refused "larger than the grid" train --target white.png --target-size 9 --grid 8x20
printf '\0\0\2\0\0\0\0\0\0\0\0\0\1\0\1\0\040\0\0\0\0\0' >clear.tga
refused "every pixel of it is clear" train --target clear.tga
truncate -s 1G giant.png
refused "1073741824 bytes" train --target giant.png
refused "drawn as 2 glyphs" train --target 🦎🦋
refused "not code points" train --target U+0x1F98E

# safetensors, JSON and metrics that lie.
truncate -s 1T huge.safetensors 2>/dev/null || : >huge.safetensors
refused "not a whole safetensors file" info huge.safetensors
unchecked() { sed "s/\"checksum\":\"xxh3_64:/\"no_check\":\"xxh3-64:/; $1" good/model.safetensors; }
unchecked 's/\[16,48\]/[48,16]/' >turned.safetensors
refused "is F32 [48,16]; it must be F32 (or F16, BF16, F64) [*,48]" run turned.safetensors --output x.png
unchecked 's/"F32"/"F16"/' >half.safetensors
refused "has more or fewer bytes than its shape" run half.safetensors --output x.png
sed 's/"fire_rate":"0.5"/"fire_rate":"0.7"/' good/model.safetensors >rate.safetensors
refused "do not give its checksum" run rate.safetensors --output x.png
unchecked 's/"fire_rate":"0.5"/"fire_rate":"7.5"/' >rate.safetensors
refused "fire_rate" run rate.safetensors --output x.png
# What a page or a shader cannot hold: a grid of 800012 rows, a weight of 65536, the last of the
# file.
unchecked 's/xxh3-64:..../xxh3-64:/; s/"grid_height":"12"/"grid_height":"800012"/' >tall.safetensors
for format in html glsl; do
  refused "tall.safetensors: its grid of 800012x12 is too large for a .$format file" export tall.safetensors -o new.$format
done
"$nca" export tall.safetensors -o tall.json >/dev/null || complain "export tall.safetensors" "not as .json either"
{ unchecked '' | head -c -4 && printf '\0\0\200\107'; } >large.safetensors
refused "large.safetensors: 65536 in its " export large.safetensors -o new.glsl
"$nca" export large.safetensors -o large.glsl --numbers float32 >/dev/null || complain "export float32" "fails"
# oracle STEPS METADATA SIDE: an oracle case of zeros, one cell or SIDE x SIDE; it has no answers.
oracle() {
  local side=${3-1} cells x0 rule target fire header
  cells=$((side * side)) x0=$((16 * side * side))
  rule=$((x0 + 272)) target=$((x0 + 272 + x0)) fire=$((x0 + 272 + x0 + cells * $1))
  header="{\"x0\":{\"dtype\":\"F32\",\"shape\":[1,$side,$side,4],\"data_offsets\":[0,$x0]},
    \"hidden.bias\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[$x0,$((x0 + 16))]},
    \"hidden.weight\":{\"dtype\":\"F32\",\"shape\":[4,12],\"data_offsets\":[$((x0 + 16)),$((x0 + 208))]},
    \"output.weight\":{\"dtype\":\"F32\",\"shape\":[4,4],\"data_offsets\":[$((x0 + 208)),$((x0 + 272))]},
    \"output.bias\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[$((x0 + 272)),$((x0 + 288))]},
    \"target\":{\"dtype\":\"F32\",\"shape\":[$side,$side,4],\"data_offsets\":[$((rule + 16)),$((target + 16))]},
    \"fire\":{\"dtype\":\"U8\",\"shape\":[$1,1,$side,$side],\"data_offsets\":[$((target + 16)),$((fire + 16))]},
    \"__metadata__\":{${2-}}}"
  printf "\\$(printf %o $((${#header} % 256)))\\$(printf %o $((${#header} / 256)))\0\0\0\0\0\0%s" "$header"
  head -c $((fire + 16)) /dev/zero
}
oracle 0 >no-step.safetensors
refused "of no step" verify no-step.safetensors
refused "of no step" verify no-step.safetensors --device reference
oracle 1 '"alive_threshold":"-1"' >threshold.safetensors
refused "alive_threshold is -1" verify threshold.safetensors
oracle 1 >unanswered.safetensors
refused 'no tensor "expected.x"' verify unanswered.safetensors
truncate -s 64M giant.json
refused "67108864 bytes" train --config giant.json
refused "67108864 bytes" import giant.json -o x.safetensors

# Run folders of which a part is missing, damaged, or of another run.
damaged() { rm -rf other && cp -r good other; }
damaged && rm other/metrics.jsonl
refused "metrics.jsonl" train --resume other --updates 9
damaged && sed -i 1d other/metrics.jsonl
refused "line 1 is not that of update 1" train --resume other --updates 9
damaged && rm other/metrics.jsonl && mkfifo other/metrics.jsonl
refused "not a file" train --resume other --updates 9
damaged && rm other/checkpoint.safetensors && mkfifo other/checkpoint.safetensors
refused "not a file" train --resume other --updates 9
damaged && rm other/checkpoint-2.safetensors && cp good/model.safetensors other/checkpoint.safetensors
refused "not a checkpoint" train --resume other --updates 9
for change in channels:16:20 hidden:16:20 rate:0.002:0.003 pool:4:5; do
  IFS=: read -r name from to <<<"$change"
  damaged && sed -i "s/\"$name\": $from/\"$name\": $to/" other/config.json
  refused "another \"$name\"" train --resume other --updates 9
done
damaged && sed -i 's/"pool": 4/"pool": 1000000/; s/"grid": "auto"/"grid": "3000"/' other/config.json
refused "GiB" train --resume other
damaged && echo '{"batch": 4}' >wrong.json
refused "--batch" train --resume other --config wrong.json --updates 9
rm -rf other

# Beyond memory: refused with the size before any is taken.
echo '{"grid": "60000x60000"}' >large.json
refused "GiB" train --config large.json
refused "GiB" train --target 🦎 --target-size 4096 --padding 4096 --batch 4096 --pool 1048576 \
  --steps-max 65536 --channels 256 --hidden 4096
refused "GiB" eval good --grid 60000x60000
refused "GiB" bench step --grid 60000x60000
refused "GiB" run good --steps 10000000 --output x.gif
refused "bytes" run good --steps 10000000 --columns 10 --output x.png
refused "too large for WebP" run good --grid 1x20000 --steps 1 --output x.webp
refused "too long for WebP" run good --steps 10000000 --fps 0.1 --output x.webp

# What the process may have counts, not only what the machine has: a gigabyte here.
# (AddressSanitizer reserves more than that before it begins.)
oracle 40000 '' 40 >long.safetensors
limited() {
  (ulimit -v 1000000 && refused "GiB and this machine has 1.0; choose smaller" "$@"; exit $failed) || failed=1
}
if { (ulimit -v 1000000 && "$nca" --version); } >/dev/null 2>&1; then
  limited bench step --grid 1000 --batch 1 --steps 32
  limited eval good --grid 2000 --seeds 4
  limited run good --grid 3000 --output x.npy
  limited verify long.safetensors
  limited verify long.safetensors --device reference
  limited train "${small[@]}" --grid 1000 --steps-max 32
fi
rm long.safetensors

# A limit on the size of files is an error like any other.
(ulimit -f 1 && refused "File too large" run good --steps 200 --output x.npy && exit $failed) || failed=1
(ulimit -f 4 && refused "File too large" train "${small[@]}" --out new && exit $failed) || failed=1

# What is printed is part of the result.
"$nca" info >/dev/full 2>stderr && complain "info >/dev/full" "exit code 0"
grep -q "standard output" stderr || complain "info >/dev/full" "does not say so"
for arguments in info "info good" --version "export good --format json -o -"; do
  code=0
  # shellcheck disable=SC2086
  "$nca" $arguments >&- 2>stderr || code=$?
  [ "$code" -eq 2 ] && [ "$(wc -l <stderr)" -eq 1 ] && grep -q "standard output: closed, so" stderr ||
    complain "$arguments >&-" "exit code $code"
done
# A closed stream must not give its number to a file of the run.
"$nca" train "${small[@]}" --updates 2 --out closed <&- >&- 2>&- && complain "train >&-" "exit code 0"
[ "$(grep -c '^{"update"' closed/metrics.jsonl)" -eq 2 ] && [ "$(wc -l <closed/metrics.jsonl)" -eq 2 ] ||
  complain "train >&-" "what was printed is in the metrics"
rm -r closed

# A full disk: file systems of a few hundred kilobytes, where they can be mounted.
if [ "$(id -u)" -ne 0 ] || ! mkdir full || ! mount -t tmpfs -o size=40k none full 2>/dev/null; then
  echo "no file system could be mounted: a full disk was not tried"
  conclude
fi
trap 'umount full 2>/dev/null || true; rm -rf "$scratch" "$scratch.good"' EXIT
refused "No space left" run good --steps 200 --output full/x.npy
refused "No space left" train "${small[@]}" --out full/run --updates 1 --pool 64
# Whichever of the first files does not fit, nothing is left of the run, the rules that it keeps
# included.
for kilobytes in 8 12 16 20 24 28 32 36; do
  mount -o remount,size=${kilobytes}k full
  refused "No space left" train "${small[@]}" --preset grow-adversary --victim good --out full/run --updates 1 --pool 64
done
mount -o remount,size=40k full
# A film one page too long for the disk: the old one stays.
if command -v ffmpeg >/dev/null; then
  "$nca" run good --steps 200 --output whole.mp4 >/dev/null
  mount -o remount,size=$((($(stat -c %s whole.mp4) - 1) / 4096 * 4))k full
  refused "ffmpeg failed: " run good --steps 200 --output full/x.mp4
  echo old >full/x.mp4
  mount -o remount,size=$((($(stat -c %s whole.mp4) - 1) / 4096 * 4 + 4))k full
  refused "No space left" run good --steps 200 --output full/x.mp4 --force
  [ "$(cat full/x.mp4)" = old ] || complain "run --force on a full disk" "destroys the film"
  rm full/x.mp4 whole.mp4
fi
# It fills up during training: the latest checkpoint stays whole, and the run goes on with more
# room.
mount -o remount,size=1400k full
code=0
"$nca" train "${small[@]}" --pool 64 --checkpoint-every 2 --pictures-every 3 --updates 100000 \
  --out full/run >stdout 2>stderr || code=$?
[ "$code" -eq 2 ] && [ "$(wc -l <stderr)" -eq 1 ] || complain "train on a full disk" "exit code $code"
grep -q "No space left.*go on from update [0-9]* with: nca train --resume full/run" stderr ||
  complain "train on a full disk" "does not say how to go on"
[ -z "$(find full -name '*.part')" ] || complain "train on a full disk" "left a part of a file"
"$nca" info full/run/checkpoint.safetensors >/dev/null || complain "train on a full disk" "damaged"
done_before=$(sed -n 's/.*go on from update \([0-9]*\) .*/\1/p' stderr)
mount -o remount,size=20m full
"$nca" train --resume full/run --updates $((done_before + 3)) --pictures-every 1000 >/dev/null ||
  complain "train --resume" "does not go on with more room"
[ "$(wc -l <full/run/metrics.jsonl)" -eq $((done_before + 3)) ] ||
  complain "train --resume" "not all updates are in the metrics"
umount full
conclude
