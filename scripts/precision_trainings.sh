#!/usr/bin/env bash
# What precision does to training, as tables in markdown: several targets are trained with several
# seeds in every precision, and each rule is judged in f32.
#   precision_trainings.sh [OPTION VALUE]... NCA [TRAIN_ARGUMENT...]
#     --targets NAME,...      emoji or names [lizard,butterfly,tropical_fish,eye,pretzel]
#     --pictures FOLDER       FOLDER/NAME.png are the targets [the emoji of these names]
#     --digits DATA           digits too, from the folder DATA with MNIST's files, the last 2,000 held out
#     --seeds N,...           [1,2,3]
#     --precisions NAME,...   [f32,bf16,tf32,bf16x3; on cuda without bf16x3]
#     --size CELLS            of the targets [20]
#     --updates N             of a target [what nca train does by itself: 5000]
#     --digits-updates N      of digits [100000]
#     --loss L                the log10 loss to which updates are counted [-3]
#     --digits-loss L         the same of digits [1]
#     --device cpu|cuda       [cpu]
#     --jobs N                trainings at a time, on the CPU of one thread each [2]
#     --out FOLDER            [precision-trainings]
#     --help                  says this
# On the CPU a precision is computed by the processor where it can, else by rounding. Runs are called
# TARGET-SIZE-PRECISION-SEED. One that is finished is not trained again, wherever it was made; one that
# was interrupted goes on. Runs of a target must have the same settings, else no table is printed.
# Ctrl-C saves the trainings at work and ends with 130; the same command goes on.
# TRAIN_ARGUMENTs are for targets, not for digits.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
refuse() {
  echo "precision_trainings.sh: $*" >&2
  exit 2
}
targets=lizard,butterfly,tropical_fish,eye,pretzel pictures='' data='' seeds=1,2,3 precisions='' size=20
updates=5000 digits_updates=100000 loss=-3 digits_loss=1 device=cpu jobs=2 out=precision-trainings
while [[ ${1:-} == -* ]]; do
  case $1 in --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" && exit ;; esac
  [ -n "${2:-}" ] || refuse "$1 needs a value"
  case $1 in
    --targets) targets=$2 ;;
    --pictures) pictures=$2 ;;
    --digits) data=$2 ;;
    --seeds) seeds=$2 ;;
    --precisions) precisions=$2 ;;
    --size) size=$2 ;;
    --updates) updates=$2 ;;
    --digits-updates) digits_updates=$2 ;;
    --loss) loss=$2 ;;
    --digits-loss) digits_loss=$2 ;;
    --device) device=$2 ;;
    --jobs) jobs=$2 ;;
    --out) out=$2 ;;
    *) refuse "$1: no such option" ;;
  esac
  shift 2
done
for number in size updates digits_updates jobs; do
  [[ ${!number} =~ ^[1-9][0-9]*$ ]] || refuse "--${number/_/-} ${!number}: must be a number from 1"
done
for number in loss digits_loss; do
  [[ ${!number} =~ ^-?[0-9]+(\.[0-9]+)?$ ]] || refuse "--${number/_/-} ${!number}: must be a number"
done
# A run is named after what stands in a list, and xargs splits its words.
check_list() {   # OPTION LIST
  local entry rest=$2, seen=,
  while [ -n "$rest" ]; do
    entry=${rest%%,*} rest=${rest#*,}
    [ -n "$entry" ] || refuse "$1 $2: an entry is empty; leave out a comma"
    [[ $entry != *[[:space:]\'\"\\*?[]* ]] || refuse "$1 $2: no blanks, quotes, backslashes or wildcards; name each one"
    [[ $seen != *,"$entry",* ]] || refuse "$1 $2: $entry is there twice; leave one out"
    seen+=$entry,
  done
}
check_list --targets "$targets"
check_list --seeds "$seeds"
[[ $seeds =~ ^(0|[1-9][0-9]*)(,(0|[1-9][0-9]*))*$ ]] || refuse "--seeds $seeds: must be numbers with commas between"
case $device in
  cpu) possible=f32,bf16,tf32,bf16x3 ;;
  cuda) possible=f32,bf16,tf32 ;;
  *) refuse "--device $device: must be cpu or cuda" ;;
esac
precisions=${precisions:-$possible}
check_list --precisions "$precisions"
for precision in ${precisions//,/ }; do
  [[ ,$possible, == *,$precision,* ]] || refuse "--precisions $precision: on $device choose of $possible"
done
for target in ${targets//,/ }; do
  [ "$target" != digits ] || refuse "--targets digits: no picture; --digits DATA trains them"
  [[ $target != */* ]] || refuse "--targets $target: must be a name or an emoji; --pictures names the folder"
  [ -z "$pictures" ] || [ -f "$pictures/$target.png" ] || refuse "$pictures/$target.png: no such picture"
done
[ -z "$data" ] || [ -d "$data" ] || refuse "--digits $data: no such folder"
{ [ -f "${1:-}" ] && [ -x "$1" ]; } || refuse "${1:-}: no program; build it first"
command -v python3 >/dev/null || refuse "no python3 here; install it"
nca=$(realpath "$1")
shift
for argument in "$@"; do
  case ${argument%%=*} in
    --target | --target-size | --precision | --seed | --out | --resume | --device | --threads | --updates | --task)
      refuse "$argument: each training has its own, from this script; --help lists what can be chosen"
      ;;
  esac
done
[ -z "$pictures" ] || pictures=$(realpath "$pictures")
[ -z "$data" ] || data=$(realpath "$data")

# What a target's name stands for.
find_target() {
  [ -z "$pictures" ] || { echo "$pictures/$1.png" && return; }
  case $1 in
    lizard) echo 🦎 ;;
    butterfly) echo 🦋 ;;
    tropical_fish) echo 🐠 ;;
    eye) echo 👁 ;;
    pretzel) echo 🥨 ;;
    *) echo "$1" ;;
  esac
}

# NCA_CPU_ISA for a precision: by rounding where the processor does not multiply it.
choose_isa() {   # PRECISION
  [ "$device" = cpu ] && [ "$1" != f32 ] || return 0
  "$nca" bench step --device cpu --precision "$1" --batch 1 --grid 8 --steps 2 --repeats 1 >/dev/null 2>&1 || echo rounding
}

name_run() {   # TARGET PRECISION SEED
  [ "$1" != digits ] || set -- digits "$2" "$3" 28
  echo "$out/$1-${4:-$size}-$2-$3"
}

# A training that goes wrong ends without a film: the table says so. What cannot begin ends all, and so
# does a signal.
train() {   # TARGET PRECISION SEED
  local run code=0 what rest isa
  run=$(name_run "$@")
  [ ! -e "$run/growth.webp" ] && [ ! -e "$run/digit.webp" ] || return 0
  mapfile -t rest <"$out/arguments"
  what=(--resume "$run")
  if [ ! -e "$run/checkpoint.safetensors" ]; then
    rm -rf "$run"
    what=(--target "$(find_target "$1")" --target-size "$size" --updates "$updates" "${rest[@]}")
    [ "$1" != digits ] || what=(--task digits --data "$data" --held-out 2000 --updates "$digits_updates")
    what+=(--seed "$3" --out "$run")
  fi
  isa=$(choose_isa "$2")
  env --default-signal=INT ${isa:+NCA_CPU_ISA=$isa} "$nca" train "${what[@]}" --device "$device" --precision "$2" --threads 1 --quiet \
    >>"$run.log" 2>&1 || code=$?
  [ $code -lt 128 ] || return 255
  [ $code -lt 2 ] || { echo "$run: $(tail -1 "$run.log")" >&2 && return 255; }
}

judge() {   # TARGET PRECISION SEED
  local run how=(--steps 200 --long-run 10000)
  run=$(name_run "$@")
  [ "$1" != digits ] || how=(--seeds 500)
  [ -e "$run/growth.webp" ] || [ -e "$run/digit.webp" ] || return 0
  [ ! "$run.json" -nt "$run/model.safetensors" ] || return 0
  env --default-signal=INT "$nca" eval "$run" "${how[@]}" --device "$device" --threads 1 --json >"$run.json.part" || {
    [ $? -ge 128 ] || echo "$run: not judged; run the same command again" >&2
    rm -f "$run.json.part"
    return 255
  }
  mv "$run.json.part" "$run.json"
}

list_runs() {   # TARGET,...
  local target precision seed
  for target in ${1//,/ }; do
    for seed in ${seeds//,/ }; do
      for precision in ${precisions//,/ }; do echo "$target $precision $seed"; done
    done
  done
}

mkdir -p "$out"
printf '%s' "${@/%/$'\n'}" >"$out/arguments"
export -f train judge find_target choose_isa name_run
export nca out size updates digits_updates pictures data device
# After Ctrl-C this ends when every training has saved: each has the lock as long as it is at work.
is_stopped='' is_refused=''
trap 'is_stopped=yes' INT
exec 9>>"$out/arguments"
flock -s 9
list_runs "$targets${data:+,digits}" |
  env --ignore-signal=INT xargs -P "$jobs" -L 1 bash -c 'set -eo pipefail; train "$@"; judge "$@" || exit 255' _ ||
  is_refused=yes
exec 9>&-
if [ -n "$is_stopped" ]; then
  flock -x "$out/arguments" echo "precision_trainings.sh: stopped; the same command goes on" >&2
  exit 130
fi
[ -z "$is_refused" ] || refuse "a training or a judgement cannot be made; see $out/*.log"
trap - INT
python3 "$here/precision_table.py" "$out" "$targets" "$size" "$precisions" "$seeds" "$loss"
[ -z "$data" ] || python3 "$here/precision_table.py" "$out" digits 28 "$precisions" "$seeds" "$digits_loss"
