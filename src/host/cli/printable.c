// Text from outside, made harmless for a terminal.
#include "cli/printable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes of the UTF-8 character at `text`, and its code point; 0 where there is none: a stray or
// missing continuation, an overlong form, a surrogate, beyond U+10FFFF.
static size_t read_character(const unsigned char *text, uint32_t *point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t length = text[0] < 0x80   ? 1
                          : text[0] < 0xc0 ? 0
                          : text[0] < 0xe0 ? 2
                          : text[0] < 0xf0 ? 3
                          : text[0] < 0xf8 ? 4
                                           : 0;
    if (length <= 1) {
        *point = text[0];
        return length;
    }
    *point = text[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (text[i] & 0x3fu);
    }
    const bool is_surrogate = *point >= 0xd800 && *point <= 0xdfff;
    return *point < smallest[length] || *point > 0x10ffff || is_surrogate ? 0 : length;
}

// Controls, line and paragraph separators, and marks that change the direction of what follows.
static bool is_harmful(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x200e || point == 0x200f ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

void nca_print_safely(FILE *to, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        uint32_t point;
        const size_t length = read_character(at, &point);
        if (length > 0 && !is_harmful(point)) {
            fwrite(at, 1, length, to);
            at += length;
            continue;
        }
        for (size_t i = 0; i < (length ? length : 1); i++)
            fprintf(to, "\\x%02x", *at++);
    }
}
