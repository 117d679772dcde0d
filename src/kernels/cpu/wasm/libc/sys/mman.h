// A session's memory; see ../../live.c.
#ifndef NCA_WASM_MMAN_H
#define NCA_WASM_MMAN_H

#include <stddef.h>

#define MAP_FAILED ((void *)-1)
enum { PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS, MADV_HUGEPAGE };
void *mmap(void *wanted, size_t bytes, int protection, int flags, int file, long offset);
int munmap(void *memory, size_t bytes);
int madvise(void *memory, size_t bytes, int advice);

#endif
