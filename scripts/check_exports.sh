#!/usr/bin/env bash
# Reads by other programs what nca writes for them: check_exports.sh [PROGRAM], build/nca where none
# is named. They are installed the first time, into build-exports/venv or what NCA_EXPORTS_VENV
# names: 250 MB. With --installed nothing is installed: where they are missing it ends with 77,
# which ctest counts as skipped.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
venv=${NCA_EXPORTS_VENV:-$root/build-exports/venv}
wanted=$root/scripts/check_exports.txt
stamp=$venv/requirements.installed

is_installed=0
cmp -s "$wanted" "$stamp" && is_installed=1
if [ "${1:-}" = --installed ]; then
  shift
  [ $is_installed -eq 1 ] || {
    echo "skipped: no ONNX Runtime and TensorBoard here; scripts/check_exports.sh installs them"
    exit 77
  }
fi
program=${1:-$root/build/nca}
[ -x "$program" ] || {
  echo "check_exports.sh: $program: no such program; build it first with scripts/build.sh release" >&2
  exit 2
}
if [ $is_installed -eq 0 ]; then
  "$root/scripts/packages.sh" --exports >&2
  echo "Installing ONNX Runtime and TensorBoard into $venv" >&2
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --no-deps --disable-pip-version-check -r "$wanted" >&2
  cp "$wanted" "$stamp.part"
  mv "$stamp.part" "$stamp"
fi
exec "$venv/bin/python" "$root/scripts/check_exports.py" "$program"
