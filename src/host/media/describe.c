// What a file is that is given as a picture and is none that this program reads: its name says
// little, for downloads and phones name files as they like.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "media/stored.h"

#define UNREAD ", which this build does not read; save it as PNG"
#define UNREAD_FRAMES ", which this build does not read; save a frame of it as PNG"
#define FILM "; save the moment that is to be grown as PNG"
#define CHANGED "; get it again"
#define ROW(bytes, words)              \
    {                                  \
        sizeof bytes - 1, bytes, words \
    }

static const struct {
    size_t length;
    const char *bytes, *words;
} signatures[] = {
    ROW("GIF87a", "a GIF" UNREAD_FRAMES),
    ROW("GIF89a", "a GIF" UNREAD_FRAMES),
    ROW("\x89PNG\n", "a PNG whose line ends were changed on the way, as those of text" CHANGED),
    ROW("\x89PNG\r\r", "a PNG whose line ends were changed on the way, as those of text" CHANGED),
    ROW("\x89PNG\r\n\x1a\r",
        "a PNG whose line ends were changed on the way, as those of text" CHANGED),
    ROW("\x89PNG", "a PNG that was changed on the way" CHANGED),
    ROW("\tPNG\r\n", "a PNG that was sent as text of 7 bits" CHANGED),
    ROW("\xc2\x89PNG", "a PNG that was taken for text and changed into UTF-8" CHANGED),
    ROW("\xef\xbf\xbdPNG", "a PNG that was taken for text and changed into UTF-8" CHANGED),
    ROW("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "taken for text and changed into UTF-8" CHANGED),
    ROW("II*\0", "a TIFF" UNREAD),
    ROW("MM\0*", "a TIFF" UNREAD),
    ROW("II+\0", "a BigTIFF" UNREAD),
    ROW("MM\0+", "a BigTIFF" UNREAD),
    ROW("II\xbc", "a JPEG XR" UNREAD),
    ROW("\xff\x0a", "a JPEG XL" UNREAD),
    ROW("\0\0\0\x0cJXL ", "a JPEG XL" UNREAD),
    ROW("\0\0\0\x0cjP  ", "a JPEG 2000" UNREAD),
    ROW("\xff\x4f\xff\x51", "a JPEG 2000" UNREAD),
    ROW("8BPS", "a Photoshop file" UNREAD),
    ROW("gimp xcf", "a GIMP file" UNREAD),
    ROW("\0\0\1\0", "an icon (ICO)" UNREAD),
    ROW("icns", "an icon of Apple's (ICNS)" UNREAD),
    ROW("qoif", "a QOI" UNREAD),
    ROW("DDS ", "a DDS" UNREAD),
    ROW("\x76\x2f\x31\x01", "an OpenEXR" UNREAD),
    ROW("#?RADIANCE", "a Radiance HDR" UNREAD),
    ROW("\x8aMNG\r\n\x1a\n", "an MNG" UNREAD_FRAMES),
    ROW("\x8bJNG\r\n\x1a\n", "a JNG" UNREAD),
    ROW("%PDF-", "a PDF, which this build does not read; save the picture in it as PNG"),
    ROW("%!PS", "a PostScript file" UNREAD),
    ROW("\x1a\x45\xdf\xa3", "a film (Matroska, WebM)" FILM),
    ROW("\x1f\x8b", "packed with gzip; unpack it first"),
    ROW("PK\3\4", "a ZIP archive; unpack it, or save the picture in it as PNG"),
    ROW("7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    ROW("Rar!", "a RAR archive; unpack it first"),
    ROW("version https://git-lfs.github.com/spec/",
        "a Git LFS pointer, not the picture itself; get that with: git lfs pull"),
    ROW("data:image/", "text that holds a picture (a data URL); decode what follows its comma with "
                       "base64 -d"),
};

// Kinds of the container that HEIC, AVIF and films are, by what they call themselves.
static const struct {
    const char *brand, *words;
} brands[] = {
    {"avif", "an AVIF" UNREAD},
    {"avis", "an animated AVIF" UNREAD_FRAMES},
    {"heic", "an HEIC" UNREAD},
    {"heix", "an HEIC" UNREAD},
    {"heim", "an HEIC" UNREAD},
    {"heis", "an HEIC" UNREAD},
    {"hevc", "an animated HEIC" UNREAD_FRAMES},
    {"hevx", "an animated HEIC" UNREAD_FRAMES},
    {"mif1", "an HEIF" UNREAD},
    {"msf1", "an animated HEIF" UNREAD_FRAMES},
    {"crx ", "a camera's raw picture (CR3)" UNREAD},
};

// Beginnings of texts, in small letters.
static const struct {
    const char *begins, *words;
} texts[] = {
    {"<!doctype html", "an HTML page, not a picture; save the picture itself"},
    {"<html", "an HTML page, not a picture; save the picture itself"},
    {"<head", "an HTML page, not a picture; save the picture itself"},
    {"<svg", "an SVG, which this build does not read; draw it as PNG"},
    {"<!doctype svg", "an SVG, which this build does not read; draw it as PNG"},
    {"<?xml", "XML: an SVG is drawn as PNG first, and a page with an error is none"},
};

// The first brand is the main one; where that says only that it is a HEIF, others say of which
// kind.
static const char *describe_container(const uint8_t *bytes, size_t size)
{
    enum { FIRST = 8, MINOR_VERSION = 12 };
    if (size < 16 || memcmp(bytes + 4, "ftyp", 4) != 0)
        return NULL;
    const size_t length = nca_big(bytes, 4), end = length < size ? length : size;
    for (size_t i = 0; i < sizeof brands / sizeof *brands; i++)
        for (size_t at = FIRST; at + 4 <= end; at += 4)
            if (at != MINOR_VERSION && memcmp(bytes + at, brands[i].brand, 4) == 0)
                return brands[i].words;
    return "a film (MP4, MOV)" FILM;
}

static const char *describe_text(const uint8_t *bytes, size_t size)
{
    size_t at = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < size && strchr(" \t\r\n", bytes[at]) && bytes[at])
        at++;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const size_t length = strlen(texts[i].begins);
        if (size - at >= length &&
            strncasecmp((const char *)bytes + at, texts[i].begins, length) == 0)
            return texts[i].words;
    }
    return NULL;
}

static const char *describe_riff(const uint8_t *bytes, size_t size)
{
    const bool is_riff = size >= 12 && memcmp(bytes, "RIFF", 4) == 0;
    return is_riff && memcmp(bytes + 8, "AVI ", 4) == 0 ? "a film (AVI)" FILM : NULL;
}

const char *nca_picture_describe(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
        if (size >= signatures[i].length &&
            memcmp(bytes, signatures[i].bytes, signatures[i].length) == 0)
            return signatures[i].words;
    const char *found = describe_container(bytes, size);
    found = found ? found : describe_riff(bytes, size);
    return found ? found : describe_text(bytes, size);
}
