// Pictures of the page: pixels, frames, and what lies in a run folder, as data: URIs.
#define _GNU_SOURCE   // dirent's names
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <webp/encode.h>

#include "base/base64.h"
#include "report/page_json.h"

enum { BATCHES_SHOWN = 6, POOLS_SHOWN = 3, FOUND_MAX = 100000 };

static json_t *encode(const char *prefix, const void *bytes, size_t size_bytes)
{
    const size_t used = strlen(prefix);
    char *text = malloc(used + (size_bytes + 2) / 3 * 4);
    if (!text)
        return NULL;
    memcpy(text, prefix, used);
    const char *end = nca_base64_encode(bytes, size_bytes, text + used);
    json_t *value = json_stringn_nocheck(text, (size_t)(end - text));
    free(text);
    return value;
}

json_t *nca_page_bytes(const void *bytes, size_t size_bytes)
{
    return encode("", bytes, size_bytes);
}

nca_status nca_page_picture(const uint8_t *rgb, int height, int width, json_t **out,
                            nca_error *error)
{
    uint8_t *webp = NULL;
    const size_t size_bytes = WebPEncodeLosslessRGB(rgb, width, height, width * 3, &webp);
    json_t *src = size_bytes ? encode("data:image/webp;base64,", webp, size_bytes) : NULL;
    WebPFree(webp);
    json_t *picture = json_pack("{s:o, s:i, s:i}", "src", src, "width", width, "height", height);
    if (!picture)
        return nca_fail(error, NCA_MEMORY, "the page: a picture of %dx%d pixels cannot be made",
                        height, width);
    *out = picture;
    return NCA_OK;
}

nca_status nca_page_frames(const nca_observed_frames *frames, int last, int height, int width,
                           json_t **out, nca_error *error)
{
    const int columns = (int)ceil(sqrt((double)frames->count * height / width));
    const int rows = (frames->count + columns - 1) / columns;
    const size_t line = (size_t)width * 3, sheet_line = line * (size_t)columns;
    uint8_t *sheet = calloc((size_t)rows * (size_t)height, sheet_line);
    if (!sheet)
        return nca_fail(error, NCA_MEMORY, "the page: no memory for %d frames", frames->count);
    for (int i = 0; i < frames->count; i++)
        for (int y = 0; y < height; y++)
            memcpy(sheet + ((size_t)(i / columns) * (size_t)height + (size_t)y) * sheet_line +
                       (size_t)(i % columns) * line,
                   frames->rgb + ((size_t)i * (size_t)height + (size_t)y) * line, line);
    json_t *picture = NULL;
    const nca_status status =
        nca_page_picture(sheet, rows * height, columns * width, &picture, error);
    free(sheet);
    NCA_TRY(status);
    json_t *about = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "first", frames->first,
                              "every", frames->every, "last", last, "count", frames->count,
                              "columns", columns, "width", width, "height", height);
    json_object_update(picture, about);
    json_decref(about);
    *out = picture;
    return NCA_OK;
}

// -- Run folder -----------------------------------------------------------------------------------

// The update of KIND-UPDATE.png; negative where the name is another.
static long long update_of(const char *name, const char *kind)
{
    const size_t length = strlen(kind);
    if (strncmp(name, kind, length) != 0 || name[length] != '-')
        return -1;
    char *end;
    const long long update = strtoll(name + length + 1, &end, 10);
    return end > name + length + 1 && strcmp(end, ".png") == 0 ? update : -1;
}

static int compare_updates(const void *a, const void *b)
{
    const long long x = *(const long long *)a, y = *(const long long *)b;
    return (x > y) - (x < y);
}

// Which updates there are pictures of, rising; the caller frees them.
static size_t list_updates(const char *path, const char *kind, long long **out)
{
    size_t count = 0;
    DIR *folder = opendir(path);
    long long *updates = folder ? calloc(FOUND_MAX, sizeof *updates) : NULL;
    for (const struct dirent *entry; updates && count < FOUND_MAX && (entry = readdir(folder));) {
        const long long update = update_of(entry->d_name, kind);
        if (update >= 0)
            updates[count++] = update;
    }
    if (folder)
        closedir(folder);
    if (updates)
        qsort(updates, count, sizeof *updates, compare_updates);
    *out = updates;
    return count;
}

static uint8_t to_byte(float value)
{
    return (uint8_t)(value * 255 + 0.5f);
}

// Decoded and encoded anew: smaller, and never anything but a picture. What cannot be read is named
// in `damaged`.
static nca_status add_picture(json_t *list, json_t *damaged, const char *path, long long update,
                              nca_error *error)
{
    nca_image image;
    json_t *picture;
    nca_status status;
    if (nca_image_read(path, &image, NULL) != NCA_OK) {
        json_array_append_new(damaged, nca_json_text(strrchr(path, '/') + 1));
        return NCA_OK;
    }
    const size_t pixels = (size_t)image.height * (size_t)image.width;
    uint8_t *rgb = malloc(pixels * 3);
    if (!rgb)
        NCA_GO(nca_fail(error, NCA_MEMORY, "%s: no memory for it", path));
    for (size_t i = 0; i < pixels; i++)
        for (size_t k = 0; k < 3; k++)
            rgb[i * 3 + k] = to_byte(image.pixels[i * NCA_VISIBLE + k]);
    NCA_GO(nca_page_picture(rgb, image.height, image.width, &picture, error));
    json_object_set_new(picture, "update", json_integer(update));
    json_array_append_new(list, picture);
cleanup:
    free(rgb);
    nca_image_free(&image);
    return status;
}

static nca_status add_pictures(json_t *list, json_t *damaged, const char *folder, const char *kind,
                               size_t shown, nca_error *error)
{
    char path[4400];
    long long *updates;
    nca_status status = NCA_OK;
    snprintf(path, sizeof path, "%.4096s/pictures", folder);
    const size_t count = list_updates(path, kind, &updates);
    const size_t wanted = count < shown ? count : shown;
    for (size_t i = 0; i < wanted; i++) {
        // The first, the last, and as evenly between them as there are.
        const long long update = updates[wanted == 1 ? count - 1 : i * (count - 1) / (wanted - 1)];
        snprintf(path, sizeof path, "%.4096s/pictures/%s-%06lld.png", folder, kind, update);
        NCA_GO(add_picture(list, damaged, path, update, error));
    }
cleanup:
    free(updates);
    return status;
}

nca_status nca_page_folder_pictures(const char *folder, json_t **out, nca_error *error)
{
    json_t *batch = json_array(), *pool = json_array(), *damaged = json_array();
    json_t *pictures =
        json_pack("{s:o, s:o, s:o}", "batch", batch, "pool", pool, "damaged", damaged);
    if (!pictures)
        return nca_fail(error, NCA_MEMORY, "%s: no memory for its pictures", folder);
    nca_status status;
    NCA_GO(add_pictures(batch, damaged, folder, "batch", BATCHES_SHOWN, error));
    NCA_GO(add_pictures(pool, damaged, folder, "pool", POOLS_SHOWN, error));
    *out = pictures;
    return NCA_OK;
cleanup:
    json_decref(pictures);
    return status;
}
