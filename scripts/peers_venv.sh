#!/usr/bin/env bash
# Makes the virtual environment of PyTorch and JAX that bench_peers.sh and check_torch.sh use, and
# prints its folder: build-peers/venv, or what NCA_PEERS_VENV names. Takes 5 GB and some minutes the
# first time, nothing later. All else it says goes to standard error.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${NCA_PEERS_VENV:-build-peers/venv}
wanted=bench/peers/requirements.txt
stamp=$venv/requirements.installed

if ! cmp -s "$wanted" "$stamp"; then
  scripts/packages.sh --peers >&2
  echo "Installing PyTorch and JAX into $venv" >&2
  rm -f "$stamp"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --no-deps --disable-pip-version-check -r "$wanted" >&2
  cp "$wanted" "$stamp.part"
  mv "$stamp.part" "$stamp"
fi
cd "$venv" && pwd
