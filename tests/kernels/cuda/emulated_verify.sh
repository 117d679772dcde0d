#!/usr/bin/env bash
# nca verify on the emulated device: the oracle's cases of at most 24x24 through both paths, with
# the allowance that the CPU has.
#   emulated_verify.sh NCA_EMULATED [FOLDER]     FOLDER: of other cases, drawn by another --seed
set -euo pipefail
nca=$1
cases=()
for case in "${2:-$(dirname "$0")/../../../../shared/oracle/cases}"/*.safetensors; do
  case $case in *grid_56* | *trained_128*) ;; *) [ ! -e "$case" ] || cases+=("$case") ;; esac
done
[ ${#cases[@]} -gt 0 ] || {
  echo "skipped: no oracle cases beside the checkout"
  exit 77
}
# test_cuda checks every access of every kernel; this is about numbers.
export NCA_EMULATOR_CHECKS=0
for path in fused cublas; do
  echo "$path"
  "$nca" verify --device emulator --cuda-path $path "${cases[@]}"
done
