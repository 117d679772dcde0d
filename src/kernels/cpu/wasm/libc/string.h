// The little of the C library that the module needs; see ../live.c. Copies and clears are
// instructions of WebAssembly.
#ifndef NCA_WASM_STRING_H
#define NCA_WASM_STRING_H

#include <stddef.h>

#define memcpy(to, from, bytes) __builtin_memcpy(to, from, bytes)
#define memset(to, value, bytes) __builtin_memset(to, value, bytes)

int strcmp(const char *a, const char *b);

#endif
