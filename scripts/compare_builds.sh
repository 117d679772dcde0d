#!/usr/bin/env bash
# Whether two builds compute the same: for changes that must move no bit, and for those that may.
#   compare_builds.sh [--losses SHARE] OLD NEW
# OLD and NEW are build folders, or programs. Compared on every instruction set of this processor:
# all channels of `nca run` and the figures of `nca eval` on the rules published with the article,
# every tensor of the rule and the checkpoint after 200 updates of each preset, and 10 updates on
# the emulated device by both paths (where both have one). With --losses, trainings may differ: 60
# updates each, whose losses agree to that share, such as 0.01. Prints a line for each comparison;
# exit code 1 where one differs. Rules and targets are looked for in ../shared/data.
set -euo pipefail
refuse() {
  echo "compare_builds.sh: $*" >&2
  exit 2
}
share=
if [ "${1:-}" = --losses ]; then
  [[ ${2:-} =~ ^0?\.[0-9]+$ ]] || refuse "--losses ${2:-}: must be a share, such as 0.01"
  share=$2
  shift 2
fi
[ $# -eq 2 ] || refuse "two builds to compare, and nothing else"
data=$(realpath -m "$(dirname "$0")/../../shared/data")
programs=() emulated=()
for build in "$1" "$2"; do
  program=$build
  [ ! -d "$build" ] || program=$build/nca
  [ -f "$program" ] && [ -x "$program" ] || refuse "$build: no build, and no program; build it first"
  programs+=("$(realpath "$program")")
  [ ! -x "$build/tests/emulator/nca_emulated" ] || emulated+=("$(realpath "$build/tests/emulator/nca_emulated")")
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
differences=0 compared=0

# The bytes of a safetensors file's tensors: what follows its header.
tensors() {
  local length
  length=$(od -An -t u8 -N 8 "$1" | tr -d ' ')
  tail -c +$((9 + length)) "$1"
}
losses() { sed -n 's/.*"loss": \([-+.0-9e]*\).*/\1/p' "$1/metrics.jsonl"; }

# told WHAT: the line of a comparison whose command came before; its exit code decides.
told() {
  local code=$?
  compared=$((compared + 1))
  [ $code -eq 0 ] && echo "same       $1" && return
  echo "DIFFERENT  $1"
  differences=$((differences + 1))
}

# An older program has no other precision.
name_f32() { ! "$1" train --help | grep -q -- '--precision ' || echo "--precision f32"; }

# train_both WHAT UPDATES ARGUMENT...: the same training by $old and $new.
train_both() {
  local what=$1 updates=$2
  shift 2
  rm -rf old new
  [ -z "$share" ] || [ "$updates" -le 60 ] || updates=60
  "$old" train "$@" $(name_f32 "$old") --updates "$updates" --out old --quiet >/dev/null 2>&1 || refuse "$what: $old does not train it"
  "$new" train "$@" $(name_f32 "$new") --updates "$updates" --out new --quiet >/dev/null 2>&1 || refuse "$what: $new does not train it"
  if [ -n "$share" ]; then
    paste <(losses old) <(losses new) | awk -v share="$share" -v updates="$updates" '
      { off = $1 / $2 - 1; if (off < 0) off = -off; if (!(off <= share)) is_off = 1 }
      END { exit is_off || NR != updates }' && true
    told "$what, $updates updates, losses within $share"
    return
  fi
  # A checkpoint of version 0.1.0 has every cell of the pool: the newer build writes it in its own
  # way.
  if ! grep -qa '"pool.kept"' old/checkpoint.safetensors; then
    "$new" train --resume old --device cpu --quiet >/dev/null || refuse "$what: $new does not read $old's checkpoint"
  fi
  for file in model checkpoint; do
    cmp -s <(tensors old/$file.safetensors) <(tensors new/$file.safetensors) && true
    told "$what, $updates updates, $file"
  done
}

rules=()
if [ -d "$data/published_models" ]; then
  for published in "$data"/published_models/*.json; do
    name=$(basename "$published" .json)
    "${programs[0]}" import "$published" -o "$name.safetensors" >/dev/null
    rules+=("$name")
  done
else
  echo "no published rules in $data: rollouts are not compared"
fi
old=${programs[0]} new=${programs[1]}
small=(--target-size 12 --grid 20 --batch 6 --steps-min 12 --steps-max 18 --pictures-every 1000)
for isa in avx512 avx2 scalar; do
  export NCA_CPU_ISA=$isa
  "$old" info 2>/dev/null | grep -qE "^ *variant +$isa$" || continue   # this processor lacks it
  for name in "${rules[@]}"; do
    for which in old new; do
      "${!which}" run "$name.safetensors" --steps 120 --every 40 --damage left@80 -o $which.npy --force >/dev/null
      "${!which}" eval "$name.safetensors" --target "$data/targets/lizard.png" --padding 16 --steps 20,60 --seeds 2 \
        --long-run 0 --json >$which.json
    done
    cmp -s old.npy new.npy && true
    told "$isa, nca run $name"
    cmp -s old.json new.json && true
    told "$isa, nca eval $name"
  done
  for preset in healing growing persistent regenerating blog-regenerating blog-unstable; do
    train_both "$isa, preset $preset" 200 --preset $preset "${small[@]}" --device cpu
  done
done
unset NCA_CPU_ISA
if [ ${#emulated[@]} -eq 2 ]; then
  old=${emulated[0]} new=${emulated[1]}
  export NCA_EMULATOR_CHECKS=0
  for path in fused cublas; do
    train_both "emulated, $path" 10 "${small[@]}" --device emulator --cuda-path $path
  done
else
  echo "not both have an emulated device: it is not compared"
fi
echo "$compared comparisons, $differences different"
[ "$compared" -gt 0 ] && [ "$differences" -eq 0 ]
