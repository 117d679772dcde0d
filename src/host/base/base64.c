// Bytes as letters, and back.
#include "base/base64.h"

#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char blanks[] = " \t\r\n";   // MIME breaks lines

char *nca_base64_encode(const uint8_t *bytes, size_t size_bytes, char *to)
{
    for (size_t i = 0; i < size_bytes; i += 3) {
        const size_t left = size_bytes - i;
        const uint32_t group = (uint32_t)bytes[i] << 16 |
                               (uint32_t)(left > 1 ? bytes[i + 1] : 0) << 8 |
                               (left > 2 ? bytes[i + 2] : 0);
        *to++ = letters[group >> 18];
        *to++ = letters[group >> 12 & 63];
        *to++ = left > 1 ? letters[group >> 6 & 63] : '=';
        *to++ = left > 2 ? letters[group & 63] : '=';
    }
    return to;
}

bool nca_base64_decode(const char *text, uint8_t *bytes, size_t count)
{
    uint32_t bits = 0;
    int held = 0;
    size_t done = 0;
    for (; *text && *text != '='; text++) {
        if (strchr(blanks, *text))
            continue;
        const char *found = strchr(letters, *text);
        if (!found)
            return false;
        bits = (bits << 6 | (uint32_t)(found - letters)) & 0xffffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            if (done == count)
                return false;
            bytes[done++] = (uint8_t)(bits >> held);
        }
    }
    return done == count && text[strspn(text, "= \t\r\n")] == 0;
}
