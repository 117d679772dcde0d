// XXH3 of pieces, and of lines that carry their own.
#define _GNU_SOURCE   // memmem
#include "base/checksum.h"

#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

void nca_checksum(const nca_bytes *pieces, size_t count, char text[NCA_CHECKSUM_BYTES])
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (size_t i = 0; i < count; i++)
        XXH3_64bits_update(&state, pieces[i].data, pieces[i].size);
    snprintf(text, NCA_CHECKSUM_BYTES, "%016llx", (unsigned long long)XXH3_64bits_digest(&state));
}

bool nca_checksum_line_holds(const char *line, size_t length)
{
    static const char key[] = "\"checksum\"";
    char expected[64], digits[NCA_CHECKSUM_BYTES];
    const size_t tail = (size_t)snprintf(expected, sizeof expected, NCA_CHECKSUM_LINE_END,
                                         "0123456789abcdef") -
                        1;   // the newline
    if (length < tail)
        return !memmem(line, length, key, sizeof key - 1);
    const nca_bytes before = {line, length - tail};
    nca_checksum(&before, 1, digits);
    snprintf(expected, sizeof expected, NCA_CHECKSUM_LINE_END, digits);
    return memcmp(line + length - tail, expected, tail) == 0 ||
           !memmem(line, length, key, sizeof key - 1);
}
