// XXH3 of pieces, and of lines that carry their own.
#define _GNU_SOURCE   // memmem
#include "base/checksum.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/text.h"

void nca_checksum(const nca_bytes *pieces, size_t count, char text[NCA_CHECKSUM_BYTES])
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (size_t i = 0; i < count; i++)
        XXH3_64bits_update(&state, pieces[i].data, pieces[i].size);
    snprintf(text, NCA_CHECKSUM_BYTES, "%016llx", (unsigned long long)XXH3_64bits_digest(&state));
}

// Whether the end of a line is that of one with a checksum, by its digits or its key: a damaged one
// may have lost either.
static bool has_checksum(const char *line, size_t length)
{
    static const char key[] = "\"checksum\"";
    const size_t tail = NCA_CHECKSUM_DIGITS + 2;
    size_t digits = 0;
    if (length >= tail && memcmp(line + length - 2, "\"}", 2) == 0)
        while (digits < NCA_CHECKSUM_DIGITS &&
               isxdigit((unsigned char)line[length - tail + digits]))
            digits++;
    return digits == NCA_CHECKSUM_DIGITS || memmem(line, length, key, sizeof key - 1);
}

bool nca_checksum_line_holds(const char *line, size_t length)
{
    char expected[64], digits[NCA_CHECKSUM_BYTES];
    const size_t tail = sizeof NCA_CHECKSUM_LINE_END - 1 - strlen("%s\n") + NCA_CHECKSUM_DIGITS;
    const size_t mark = length >= 3 ? nca_text_mark(line) : 0;   // an editor's
    line += mark;
    length -= mark;
    if (!has_checksum(line, length))
        return true;
    if (length < tail)
        return false;
    nca_checksum(&(nca_bytes){line, length - tail}, 1, digits);
    snprintf(expected, sizeof expected, NCA_CHECKSUM_LINE_END, digits);
    return memcmp(line + length - tail, expected, tail) == 0;
}
