// Names of emoji for files: small letters, digits and dashes.
#include "media/emoji_names.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "media/image.h"

enum { POINTS_BYTES = 256 };

// How an emoji is shown, and a skin: not what it is.
static bool is_style(uint32_t point)
{
    return point == 0xFE0E || point == 0xFE0F || (point >= 0x1F3FB && point <= 0x1F3FF);
}

// "1F469 200D 1F680"; false where the text is no UTF-8, or too long.
static bool spell_points(const char *utf8, char points[POINTS_BYTES])
{
    size_t used = 0;
    points[0] = 0;
    while (*utf8) {
        uint32_t point;
        const size_t length = nca_text_character(utf8, &point);
        if (length == 0 || used + 10 > POINTS_BYTES)
            return false;
        utf8 += length;
        if (!is_style(point))
            used += (size_t)snprintf(points + used, POINTS_BYTES - used, "%s%04X",
                                     used > 0 ? " " : "", (unsigned)point);
    }
    return used > 0;
}

// Everything but letters and digits becomes one dash.
static void write_name(const char *words, char *name, size_t size)
{
    size_t used = 0;
    for (; *words && used + 1 < size; words++) {
        const unsigned char c = (unsigned char)*words;
        if (c < 0x80 && isalnum(c))
            name[used++] = (char)tolower(c);
        else if (c < 0x80 && used > 0 && name[used - 1] != '-')
            name[used++] = '-';
    }
    while (used > 0 && name[used - 1] == '-')
        used--;
    name[used] = 0;
}

bool nca_emoji_name(const char *text, char *name, size_t size)
{
    char utf8[NCA_EMOJI_BYTES], points[POINTS_BYTES];
    if (nca_emoji_spell(text, utf8, NULL) != NCA_OK || !spell_points(utf8, points))
        return false;
    for (const nca_emoji_row *row = nca_emoji_rows; row->points; row++)
        if (strcmp(row->points, points) == 0) {
            write_name(row->name, name, size);
            return *name != 0;
        }
    return false;
}
