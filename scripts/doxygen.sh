#!/usr/bin/env bash
# Makes a reference of the library of its public headers. What has no comment there is an error, but
# for fields whose name says it all.
#   doxygen.sh [FOLDER]   build-doxygen unless said; open FOLDER/html/index.html
set -euo pipefail
out=$(realpath -m "${1:-$(dirname "$0")/../build-doxygen}")
cd "$(dirname "$0")/.."
command -v doxygen >/dev/null || {
  echo "doxygen.sh: no doxygen here; scripts/packages.sh --tests installs it" >&2
  exit 2
}
mkdir -p "$out"
{
  cat <<'SETTINGS'
PROJECT_NAME = nca
INPUT = include/nca
STRIP_FROM_INC_PATH = include
OPTIMIZE_OUTPUT_FOR_C = YES
INPUT_FILTER = "awk -f scripts/doxygen.awk"
FILTER_SOURCE_FILES = YES
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
PREDEFINED = NCA_API= "NCA_PRINTF(a,b)="
EXCLUDE_SYMBOLS = NCA_*_H NCA_FIELD_* NCA_TENSOR_* NCA_STATUS_ENUM NCA_EVENT_VALUE NCA_PRINTF
HAVE_DOT = NO
GENERATE_LATEX = NO
QUIET = YES
WARN_IF_UNDOCUMENTED = YES
SETTINGS
  echo "PROJECT_NUMBER = $(sed -n 's/^#define NCA_VERSION "\(.*\)"/\1/p' include/nca/nca.h)"
  echo "OUTPUT_DIRECTORY = $out"
} >"$out/Doxyfile"
doxygen "$out/Doxyfile" 2>"$out/said"
grep -v '(variable) of struct nca_[a-z_]* is not documented' "$out/said" >"$out/warnings" || true
if [ -s "$out/warnings" ]; then
  cat "$out/warnings" >&2
  exit 1
fi
