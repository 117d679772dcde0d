// What tests of safetensors files share: a file in memory.
#ifndef NCA_TESTS_MODEL_TENSORS_FILE_H
#define NCA_TESTS_MODEL_TENSORS_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/safetensors.h"
#include "scratch.h"

// A file in memory: its header's length, the header, and `data_bytes` bytes counting up.
// The caller frees it.
static inline uint8_t *make_file(const char *header, size_t data_bytes, size_t *size)
{
    const size_t length = strlen(header);
    uint8_t *bytes = malloc(8 + length + data_bytes + 1);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(length >> (8 * i));
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data_bytes; i++)
        bytes[8 + length + i] = (uint8_t)i;
    *size = 8 + length + data_bytes;
    return bytes;
}

#endif
