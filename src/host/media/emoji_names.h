// What an emoji is called in plain letters, where the build found Unicode's list of names.
#ifndef NCA_MEDIA_EMOJI_NAMES_H
#define NCA_MEDIA_EMOJI_NAMES_H

#include <stdbool.h>
#include <stddef.h>

// "lizard" for 🦎, whether typed or written as U+1F98E; "woman-astronaut". Skin tones are left out.
// False, and nothing written, where it has no name.
bool nca_emoji_name(const char *text, char *name, size_t size);

// Made at build time by scripts/emoji_names.cmake: code points in hexadecimal, with blanks between,
// and the name; a NULL row ends the list.
typedef struct nca_emoji_row {
    const char *points, *name;
} nca_emoji_row;
extern const nca_emoji_row nca_emoji_rows[];

#endif
