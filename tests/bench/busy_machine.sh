#!/usr/bin/env bash
# A machine that is busy with something else: nca bench says so, and gives no share of a peak. Two
# threads on one core are such a machine.
#   busy_machine.sh NCA
set -euo pipefail
nca=$(realpath "${1:-build/nca}")
core=$(taskset -pc $$ | sed 's/.*: *\([0-9]*\).*/\1/')
said=$(taskset -c "$core" "$nca" bench step --device cpu --threads 2 --warmup 0 --repeats 3 --case 4x56x56 --steps 8)
grep -q "^warning: this machine is busy: nca got [0-9]* % of its cores" <<<"$said" &&
  ! grep -q "% of the peak\|% of memory" <<<"$said" || {
  echo "FAILED: nca bench says: $said"
  exit 1
}
