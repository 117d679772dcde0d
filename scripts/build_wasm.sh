#!/usr/bin/env bash
# Compiles the CPU backend's scalar step to the two WebAssembly modules that pages hold, one for
# every browser and one with vectors of four numbers, which computes the same bits:
#   build_wasm.sh [FOLDER]   where rule.wasm and rule_simd.wasm go; else src/kernels/cpu/wasm
# The files in the repository come from Debian 12's clang-14 and lld-14; tests/report/wasm.sh
# compares.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(realpath "${1:-$root/src/kernels/cpu/wasm}")
cd "$root/src/kernels/cpu"

# Random123 alone: beside it lie the headers of a C library that is not the module's.
headers=$(mktemp -d)
trap 'rm -rf "$headers"' EXIT
ln -s "${RANDOM123_INCLUDE:-/usr/include}/Random123" "$headers/Random123"

small=(wasm/live.c session.c buffers.c rollout.c step_forward.c owners.c mix.c optimizer.c ../backend.c)
fast=(perceive_scalar.c mlp_scalar.c alive_scalar.c fire_scalar.c ../../host/base/rng.c)
# Random123 does not know WebAssembly by name; for RISC-V it is plain C, as it has to be here.
random123=(-D__riscv '-DR123_ASSERT(x)=((void)0)')
flags=(--target=wasm32 -std=gnu11 -flto -mbulk-memory -ffp-contract=off -ffreestanding -nostdlibinc
  -isystem wasm/libc -isystem "$headers" -I "$root/include" -I "$root/src/kernels"
  "${random123[@]}" -Wall -Wextra)
link=(--no-entry --gc-sections --strip-all -z stack-size=65536)

build() {   # MODULE FLAG...
  local module=$1 source objects=()
  shift
  for source in "${small[@]}" "${fast[@]}"; do
    local how=(-Oz)
    [[ " ${fast[*]} " != *" $source "* ]] || how=(-O2 -fno-unroll-loops)
    objects+=("$headers/$(basename "$source" .c).o")
    clang-14 "${flags[@]}" "$@" "${how[@]}" -c "$source" -o "${objects[-1]}"
  done
  wasm-ld-14 "${link[@]}" "${objects[@]}" -o "$out/$module"
  chmod -x "$out/$module"
}

build rule.wasm
build rule_simd.wasm -msimd128
