// UTF-8, one character after the other; sizes, and words for a shell.
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

size_t nca_text_character(const char *from, uint32_t *point)
{
    const unsigned char *text = (const unsigned char *)from;
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

void nca_text_copy(char *to, size_t room, const char *from)
{
    while (*from) {
        uint32_t point;
        const size_t length = nca_text_character(from, &point);
        if (length >= room)
            break;
        memcpy(to, from, length);
        to += length;
        room -= length;
        from += length ? length : 1;
    }
    *to = 0;
}

void nca_format_size(double size_bytes, char text[NCA_SIZE_BYTES])
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    int unit = 0;
    for (; size_bytes >= 999.5 && unit < 4; unit++)
        size_bytes /= 1000;
    snprintf(text, NCA_SIZE_BYTES, "%.*f %s", unit > 0 && size_bytes < 9.95, size_bytes,
             units[unit]);
}

size_t nca_text_mark(const char *text)
{
    return strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

// Bytes beyond ASCII are letters to a shell.
static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80 || strchr("/._-+:,@%", c);
}

const char *nca_shell_word(const char *word, char *text, size_t size)
{
    static const char quote[] = "'\\''";   // inside quotes
    bool is_quoted = !*word;
    for (const char *c = word; *c; c++)
        is_quoted |= !is_plain(*c);
    size_t used =
        (size_t)snprintf(text, size, "%s%s", is_quoted ? "'" : "", *word == '-' ? "./" : "");
    for (; *word && used + sizeof quote < size; word++) {
        const char own[] = {*word, 0};
        used += (size_t)snprintf(text + used, size - used, "%s", *word == '\'' ? quote : own);
    }
    snprintf(text + used, size - used, is_quoted ? "'" : "");
    return text;
}
