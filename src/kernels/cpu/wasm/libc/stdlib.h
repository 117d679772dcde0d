// Memory of the module; see ../live.c.
#ifndef NCA_WASM_STDLIB_H
#define NCA_WASM_STDLIB_H

#include <stddef.h>

void *calloc(size_t count, size_t size_bytes);
void free(void *memory);

#endif
