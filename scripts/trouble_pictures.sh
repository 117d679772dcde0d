#!/usr/bin/env bash
# Makes the pictures of "When training goes wrong" in docs/training.md, docs/trouble/*.png, from the
# runs of the regeneration study and two short trainings of its own (minutes).
#   trouble_pictures.sh STUDY PILOT     the study's folder, and the run of its first pilot
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 2 ] && [ -d "$1" ] && [ -d "$2" ] || {
  echo "trouble_pictures.sh: it takes two folders: STUDY PILOT" >&2
  exit 2
}
study=$1
pilot=$2
nca=build/nca
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$nca" train --preset growing --target-size 20 --padding 8 --precision f32 --updates 1000 --quiet \
  --out "$scratch/growing" >/dev/null
"$nca" train --target-size 16 --padding 4 --pool 64 --batch 4 --damaged 1 --precision f32 --updates 260 \
  --schedule steps:150x20 --quiet --out "$scratch/wild" >/dev/null

# strip NAME RUN STEPS EVERY [OPTION...]: frames side by side, two pixels a cell.
strip() {
  local name=$1 run=$2 steps=$3 every=$4
  shift 4
  "$nca" run "$run" --steps "$steps" --every "$every" --columns $((steps / every + 1)) --scale 2 \
    "$@" --force --output "$scratch/$name.png" >/dev/null
}
strip dies "$study/blog-regenerating-seed3" 64 16
strip swells "$scratch/growing" 400 100
strip halves "$study/regenerating-seed1" 600 200 --damage lower@200
strip rhythm "$pilot" 256 64
strip aside "$study/blog-regenerating-seed1" 600 200 --damage left@200

mkdir -p docs/trouble
cp "$scratch"/{dies,swells,halves,rhythm,aside}.png docs/trouble/
cp "$scratch/wild/loss.png" docs/trouble/skipped.png
