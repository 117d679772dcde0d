// Hostile IDX files, packed and not: what the parser accepts has as many bytes as its sizes say.
#include <stdlib.h>
#include <string.h>

#include "media/idx.h"

static void require(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    for (int axes = 1; axes <= NCA_IDX_AXES_MAX; axes++) {
        nca_idx idx;
        nca_error error = {0};
        if (nca_idx_parse(bytes, size, "fuzz", axes, &idx, &error) != NCA_OK) {
            require(strncmp(error.message, "fuzz: ", 6) == 0);
            continue;
        }
        size_t product = 1;
        static volatile uint8_t sum;
        for (int i = 0; i < axes; i++)
            product *= idx.size[i];
        require(product == idx.size_bytes);
        for (size_t i = 0; i < product; i++)
            sum = sum ^ idx.bytes[i];
        nca_idx_free(&idx);
    }
    return 0;
}
