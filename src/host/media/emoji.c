// An emoji as a picture: HarfBuzz shapes the text to one glyph, FreeType gives its colour bitmap.
#include <ft2build.h>
#include <hb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include FT_FREETYPE_H
#include FT_TRUETYPE_TABLES_H
#include <hb-ft.h>

#include "base/files.h"
#include "media/image.h"

enum { FONT_LIMIT_BYTES = 256 << 20 };

// Where Linux distributions and macOS package managers put it.
static const char *const usual_fonts[] = {
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",
    "/usr/share/fonts/noto/NotoColorEmoji.ttf",
    "/usr/share/fonts/google-noto-emoji/NotoColorEmoji.ttf",
    "/usr/share/fonts/google-noto-color-emoji-fonts/NotoColorEmoji.ttf",
    "/usr/share/fonts/noto-emoji/NotoColorEmoji.ttf",
    "/usr/local/share/fonts/NotoColorEmoji.ttf",
    NULL,
};

const char *nca_emoji_font(void)
{
    for (const char *const *font = usual_fonts; *font; font++)
        if (access(*font, R_OK) == 0)
            return *font;
    return NULL;
}

static size_t encode_utf8(unsigned long code, char *to)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char heads[] = {0, 0xC0, 0xE0, 0xF0};
    to[0] = (char)(heads[more] | (unsigned char)(code >> (6 * more)));
    for (int i = 1; i <= more; i++)
        to[i] = (char)(0x80 | (code >> (6 * (more - i)) & 0x3F));
    return (size_t)more + 1;
}

static bool starts_code_point(const char *text)
{
    return (text[0] == 'U' || text[0] == 'u') && text[1] == '+';
}

nca_status nca_emoji_spell(const char *text, char utf8[NCA_EMOJI_BYTES], nca_error *error)
{
    size_t used = 0;
    if (!starts_code_point(text)) {
        if (strlen(text) >= NCA_EMOJI_BYTES)
            return nca_fail(error, NCA_ARGUMENT, "%.40s...: too long for one emoji", text);
        snprintf(utf8, NCA_EMOJI_BYTES, "%s", text);
        return NCA_OK;
    }
    for (const char *at = text; *at;) {
        // "0x" is none of the digits, though strtoul would take it.
        const size_t digits = starts_code_point(at) ? strspn(at + 2, "0123456789abcdefABCDEF") : 0;
        char *end = NULL;
        const unsigned long code = digits > 0 ? strtoul(at + 2, &end, 16) : 0;
        if (code == 0 || end != at + 2 + digits || code > 0x10FFFF || used + 5 > NCA_EMOJI_BYTES)
            return nca_fail(error, NCA_ARGUMENT,
                            "%.60s: not code points; write them as U+1F98E, with blanks between",
                            text);
        used += encode_utf8(code, utf8 + used);
        at = end + strspn(end, " ,");
    }
    utf8[used] = 0;
    return NCA_OK;
}

// The one glyph that the text is drawn as.
static nca_status shape(FT_Face face, const char *utf8, const char *text, unsigned *glyph,
                        nca_error *error)
{
    hb_font_t *font = hb_ft_font_create_referenced(face);
    hb_buffer_t *buffer = hb_buffer_create();
    unsigned count = 0, drawn = 0;
    hb_buffer_add_utf8(buffer, utf8, -1, 0, -1);
    hb_buffer_guess_segment_properties(buffer);
    hb_shape(font, buffer, NULL, 0);
    const hb_glyph_info_t *glyphs = hb_buffer_get_glyph_infos(buffer, &count);
    const hb_glyph_position_t *places = hb_buffer_get_glyph_positions(buffer, &count);
    bool is_known = true;
    for (unsigned i = 0; i < count; i++) {
        // Variation selectors leave a glyph without width behind.
        if (places[i].x_advance == 0 && count > 1)
            continue;
        is_known &= glyphs[i].codepoint != 0;
        *glyph = glyphs[i].codepoint;
        drawn++;
    }
    hb_buffer_destroy(buffer);
    hb_font_destroy(font);
    if (drawn == 1 && is_known)
        return NCA_OK;
    if (is_known && drawn > 1)
        return nca_fail(error, NCA_ARGUMENT,
                        "%.60s: neither a file nor one emoji: it is drawn as %u glyphs; give one",
                        text, drawn);
    return nca_fail(error, NCA_ARGUMENT,
                    "%.60s: neither a file nor one emoji of the font; check its name, or the font",
                    text);
}

// The bitmaps are blue, green, red, alpha, premultiplied.
static nca_status copy_bitmap(const FT_Bitmap *bitmap, const char *text, nca_image *out,
                              nca_error *error)
{
    if (bitmap->pixel_mode != FT_PIXEL_MODE_BGRA || bitmap->rows < 1 || bitmap->width < 1)
        return nca_fail(error, NCA_ARGUMENT, "%.60s: the font has no colour bitmap of it", text);
    NCA_TRY(nca_image_create((int)bitmap->rows, (int)bitmap->width, out, error));
    for (unsigned y = 0; y < bitmap->rows; y++)
        for (unsigned x = 0; x < bitmap->width; x++) {
            const unsigned char *from =
                bitmap->buffer + (ptrdiff_t)y * bitmap->pitch + (size_t)x * 4;
            float *to = out->pixels + ((size_t)y * bitmap->width + x) * 4;
            for (int k = 0; k < 4; k++)
                to[k] = from[k < 3 ? 2 - k : 3] / 255.0f;
        }
    return NCA_OK;
}

// Fonts with the same name come in kinds of which only bitmaps are drawn here.
static const char *describe_kind(FT_Face face)
{
    FT_Byte version[2];
    FT_ULong bytes = sizeof version;
    const bool has_layers =
        FT_Load_Sfnt_Table(face, FT_MAKE_TAG('C', 'O', 'L', 'R'), 0, version, &bytes) == 0;
    FT_ULong size = 0;
    if (has_layers)
        return version[1] == 0 ? "a COLRv0 font, which has outlines"
                               : "a COLRv1 font, which has outlines";
    if (FT_Load_Sfnt_Table(face, FT_MAKE_TAG('S', 'V', 'G', ' '), 0, NULL, &size) == 0)
        return "an SVG font, which has outlines";
    return "a font without colours";
}

static nca_status fail_kind(FT_Face face, nca_error *error)
{
    return nca_fail(error, NCA_FORMAT,
                    "the font: %s, and this program needs bitmaps (CBDT or sbix); give "
                    "NotoColorEmoji.ttf of github.com/googlefonts/noto-emoji with --font",
                    describe_kind(face));
}

// The next larger strike, a set of bitmaps of one size; negative where there is none.
static int find_strike(FT_Face face, FT_Pos above)
{
    int found = -1;
    for (int i = 0; i < face->num_fixed_sizes; i++) {
        const FT_Pos size = face->available_sizes[i].y_ppem;
        if (size > above && (found < 0 || size < face->available_sizes[found].y_ppem))
            found = i;
    }
    return found;
}

static nca_status draw_strike(FT_Face face, int strike, unsigned glyph, const char *text,
                              nca_image *out, nca_error *error)
{
    if (FT_Select_Size(face, strike) != 0)
        return nca_fail(error, NCA_FORMAT, "the font: its bitmaps are damaged; give another one");
    if (FT_Load_Glyph(face, glyph, FT_LOAD_COLOR | FT_LOAD_RENDER) != 0)
        return nca_fail(error, NCA_FORMAT, "%.60s: its glyph in the font is damaged", text);
    return copy_bitmap(&face->glyph->bitmap, text, out, error);
}

// Whether what can be seen of it has at least so many pixels a side.
static bool is_large_enough(const nca_image *image, int size)
{
    nca_image visible;
    if (nca_image_trim(image, "", &visible, NULL) != NCA_OK)
        return false;
    const bool is_enough = visible.height >= size || visible.width >= size;
    nca_image_free(&visible);
    return is_enough;
}

// From the smallest strike that need not be enlarged, or from the largest.
static nca_status draw(FT_Face face, const char *text, int size, nca_image *out, nca_error *error)
{
    char utf8[NCA_EMOJI_BYTES];
    unsigned glyph = 0;
    nca_image found = {0};
    nca_status status = NCA_OK;
    NCA_TRY(nca_emoji_spell(text, utf8, error));
    int strike = find_strike(face, 0);
    if (strike < 0 || FT_Select_Size(face, strike) != 0)
        return fail_kind(face, error);
    NCA_TRY(shape(face, utf8, text, &glyph, error));
    for (; strike >= 0; strike = find_strike(face, face->available_sizes[strike].y_ppem)) {
        nca_image drawn;
        status = draw_strike(face, strike, glyph, text, &drawn, error);
        if (status != NCA_OK)   // a strike need not have all glyphs
            continue;
        nca_image_free(&found);
        found = drawn;
        if (is_large_enough(&found, size))
            break;
    }
    if (!found.pixels)
        return status;
    *out = found;
    return NCA_OK;
}

static nca_status draw_from(const uint8_t *bytes, size_t size_bytes, const char *path,
                            const char *text, int size, nca_image *out, nca_error *error)
{
    FT_Library library;
    FT_Face face;
    nca_status status;
    if (FT_Init_FreeType(&library) != 0)
        return nca_fail(error, NCA_MEMORY, "FreeType: does not start");
    if (FT_New_Memory_Face(library, bytes, (FT_Long)size_bytes, 0, &face) != 0) {
        status = nca_fail(error, NCA_FORMAT, "--font %.200s: not a font that can be read", path);
    } else {
        status = draw(face, text, size, out, error);
        FT_Done_Face(face);
    }
    FT_Done_FreeType(library);
    return status;
}

// Puts the option in front of what is wrong with its file.
static nca_status name_font(nca_status status, nca_error *error)
{
    if (!error)
        return status;
    const nca_error found = *error;
    return nca_fail(error, status, "--font %s", found.message);
}

nca_status nca_emoji_draw(const char *text, const char *font, int size, nca_image *out,
                          nca_error *error)
{
    uint8_t *bytes;
    size_t size_bytes;
    const char *path = font && *font ? font : nca_emoji_font();
    if (!path)
        return nca_fail(error, NCA_MISSING,
                        "%.60s: no emoji font on this machine; install the package "
                        "fonts-noto-color-emoji or give one with --font",
                        text);
    nca_status status = nca_file_read(path, FONT_LIMIT_BYTES, &bytes, &size_bytes, error);
    if (status != NCA_OK)
        return name_font(status, error);
    status = draw_from(bytes, size_bytes, path, text, size, out, error);
    free(bytes);
    return status;
}
