#!/usr/bin/env bash
# The WebAssembly modules in the repository are what their sources give, byte for byte.
#   wasm.sh NCA   (which it does not need)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
for tool in clang-14 wasm-ld-14; do
  command -v "$tool" >/dev/null || {
    echo "no $tool here (Debian 12: clang, lld): skipped"
    exit 77
  }
done
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
bash "$root/scripts/build_wasm.sh" "$built"
for module in rule.wasm rule_simd.wasm; do
  cmp "$built/$module" "$root/src/kernels/cpu/wasm/$module" || {
    echo "$module is not what its sources give: run scripts/build_wasm.sh and commit it"
    exit 1
  }
done
