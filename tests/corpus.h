// The image fuzzer's pictures, as tests take them.
#ifndef NCA_TESTS_CORPUS_H
#define NCA_TESTS_CORPUS_H

#include <stdio.h>

#include "scratch.h"

enum { SIDE = 9 };

// Most of them, which Pillow wrote, are a disc of 9x9, on white where the format has no alpha. Two
// bytes at their end are the fuzzer's. The caller frees them.
static inline unsigned char *load(const char *name, size_t *size)
{
    char path[256];
    snprintf(path, sizeof path, "tests/fuzz/corpus/image/%s", name);
    unsigned char *bytes = scratch_read(path, size);
    *size -= 2;
    return bytes;
}

#endif
