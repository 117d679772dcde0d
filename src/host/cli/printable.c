// Text from outside, made harmless for a terminal.
#include "cli/printable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

// Controls, line and paragraph separators, and marks that change the direction of what follows.
static bool is_harmful(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x200e || point == 0x200f ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

void nca_print_safely(FILE *to, const char *text)
{
    while (*text) {
        uint32_t point;
        const size_t length = nca_text_character(text, &point);
        if (length > 0 && !is_harmful(point)) {
            fwrite(text, 1, length, to);
            text += length;
            continue;
        }
        for (size_t i = 0; i < (length ? length : 1); i++)
            fprintf(to, "\\x%02x", (unsigned char)*text++);
    }
}
