#!/usr/bin/env bash
# Proves that docs/nca_torch.py goes on where `nca run` stops: check_torch.sh [PROGRAM], build/nca
# where none is named. PyTorch is installed the first time (scripts/peers_venv.sh); --installed uses
# it where it is there and ends with 77, which ctest counts as skipped, where it is not.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
if [ "${1:-}" = --installed ]; then
  shift
  python=${NCA_PEERS_VENV:-$root/build-peers/venv}/bin/python
  "$python" -c 'import torch, safetensors' 2>/dev/null || {
    echo "skipped: no PyTorch here; scripts/peers_venv.sh installs it"
    exit 77
  }
else
  python=$("$root/scripts/peers_venv.sh")/bin/python
fi
program=${1:-$root/build/nca}
[ -x "$program" ] || {
  echo "check_torch.sh: $program: no such program; build it first with scripts/build.sh release" >&2
  exit 2
}
exec "$python" "$root/scripts/check_torch.py" "$program"
