// Reads a folder of handwritten digits.
#include "task/digit_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "media/idx.h"
#include "nca/tensor.h"

const uint8_t nca_digit_colours[NCA_DIGIT_CLASSES][3] = {
    {214, 40, 57},  {240, 128, 30}, {232, 196, 20}, {140, 198, 30}, {24, 140, 66},
    {20, 180, 190}, {36, 98, 220},  {120, 60, 215}, {222, 60, 180}, {120, 78, 44}};

// What MNIST's files begin with: those to train on, and those to test with.
static const char *const parts[] = {"train", "t10k"};
enum { PARTS = sizeof parts / sizeof *parts };

// Pictures and labels of one part.
typedef struct part {
    nca_idx pictures, labels;
} part;

// FOLDER/PART-WHAT, or the same with .gz; whether it is there.
static bool find_file(const char *folder, const char *name, const char *what,
                      char path[NCA_PATH_BYTES])
{
    char file[64];
    snprintf(file, sizeof file, "%s-%s", name, what);
    if (nca_path_join(folder, file, path, NULL) == NCA_OK && access(path, F_OK) == 0)
        return true;
    snprintf(file, sizeof file, "%s-%s.gz", name, what);
    return nca_path_join(folder, file, path, NULL) == NCA_OK && access(path, F_OK) == 0;
}

static nca_status check_labels(const char *path, const part *read, nca_error *error)
{
    if (read->labels.size[0] != read->pictures.size[0])
        return nca_fail(error, NCA_FORMAT, "%s: %u labels for %u pictures; get both anew", path,
                        read->labels.size[0], read->pictures.size[0]);
    for (size_t i = 0; i < read->labels.size_bytes; i++)
        if (read->labels.bytes[i] >= NCA_DIGIT_CLASSES)
            return nca_fail(error, NCA_FORMAT, "%s: label %zu is %u; it must be 0 to %d", path, i,
                            read->labels.bytes[i], NCA_DIGIT_CLASSES - 1);
    return NCA_OK;
}

// Nothing is read where the pictures are not there.
static nca_status read_part(const char *folder, const char *name, part *out, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    if (!find_file(folder, name, "images-idx3-ubyte", path))
        return NCA_OK;
    NCA_TRY(nca_idx_read(path, 3, &out->pictures, error));
    if (!find_file(folder, name, "labels-idx1-ubyte", path))
        return nca_fail(error, NCA_FILE, "--data %s: has %s-images-idx3-ubyte and not its labels",
                        folder, name);
    NCA_TRY(nca_idx_read(path, 1, &out->labels, error));
    return check_labels(path, out, error);
}

static int64_t greatest_divisor(int64_t a, int64_t b)
{
    return b == 0 ? a : greatest_divisor(b, a % b);
}

// Near the golden section of the count, so that any number of them in a row lie evenly, and without
// a common divisor, so that none comes twice.
static int64_t choose_stride(int64_t count)
{
    int64_t stride = (int64_t)(0.6180339887 * (double)count);
    while (stride > 1 && greatest_divisor(count, stride) != 1)
        stride--;
    return stride > 0 ? stride : 1;
}

// The sizes of all parts together.
static nca_status plan_set(const char *folder, const part read[PARTS], nca_digits *out,
                           nca_error *error)
{
    for (int i = 0; i < PARTS; i++) {
        const nca_idx *pictures = &read[i].pictures;
        const int height = (int)pictures->size[1], width = (int)pictures->size[2];
        if (pictures->size_bytes == 0)
            continue;
        if (out->count > 0 && (height != out->height || width != out->width))
            return nca_fail(error, NCA_FORMAT,
                            "--data %s: pictures of %dx%d and of %dx%d; keep one kind there",
                            folder, out->height, out->width, height, width);
        out->height = height;
        out->width = width;
        out->count += pictures->size[0];
    }
    if (out->count == 0)
        return nca_fail(error, NCA_FILE,
                        "--data %s: no digits there; it must have MNIST's files, "
                        "t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz or those of train",
                        folder);
    return NCA_OK;
}

// Bytes of 0 and 1, say, make digits on which no cell lives.
static nca_status check_brightness(const char *folder, const part read[PARTS], nca_error *error)
{
    const double limit = 255 * (double)NCA_ALIVE_THRESHOLD;
    for (int i = 0; i < PARTS; i++)
        for (size_t k = 0; k < read[i].pictures.size_bytes; k++)
            if (read[i].pictures.bytes[k] > limit)
                return NCA_OK;
    return nca_fail(error, NCA_FORMAT,
                    "--data %s: no pixel of its pictures is brighter than %.0f of 255, so no cell "
                    "would live; give pictures of bytes from 0 to 255",
                    folder, limit);
}

static nca_status join(const char *folder, const part read[PARTS], nca_digits *out,
                       nca_error *error)
{
    const size_t cells = (size_t)out->height * (size_t)out->width, count = (size_t)out->count;
    NCA_TRY(nca_memory_check(nca_memory_product(count, cells + 1, sizeof(float), 1), error,
                             "--data %s", folder));
    out->values = malloc(count * (cells + 1) * sizeof *out->values);
    if (!out->values)
        return nca_fail(error, NCA_MEMORY, "--data %s: no memory for its digits", folder);
    float *grey = out->values, *label = out->values + count * cells;
    for (int i = 0; i < PARTS; i++) {
        for (size_t k = 0; k < read[i].pictures.size_bytes; k++)
            *grey++ = (float)read[i].pictures.bytes[k] / 255;
        for (size_t k = 0; k < read[i].labels.size_bytes; k++)
            *label++ = read[i].labels.bytes[k];
    }
    return NCA_OK;
}

nca_status nca_digits_load(const char *folder, int64_t held_out, nca_digits *out, nca_error *error)
{
    part read[PARTS] = {{{{0}, 0, NULL}, {{0}, 0, NULL}}};
    nca_digits digits = {.held_out = held_out};
    nca_status status = NCA_OK;
    for (int i = 0; i < PARTS; i++)
        NCA_GO(read_part(folder, parts[i], &read[i], error));
    NCA_GO(plan_set(folder, read, &digits, error));
    NCA_GO(check_brightness(folder, read, error));
    if (held_out >= digits.count)
        NCA_GO(nca_fail(error, NCA_ARGUMENT, "--held-out %lld: %s has %lld digits; hold out fewer",
                        (long long)held_out, folder, (long long)digits.count));
    NCA_GO(join(folder, read, &digits, error));
    digits.stride = choose_stride(held_out > 0 ? held_out : digits.count);
    *out = digits;
cleanup:
    for (int i = 0; i < PARTS; i++) {
        nca_idx_free(&read[i].pictures);
        nca_idx_free(&read[i].labels);
    }
    return status;
}

void nca_digits_free(nca_digits *digits)
{
    free(digits->values);
    *digits = (nca_digits){0};
}

int64_t nca_digits_judged(const nca_digits *digits, int64_t place, int64_t number)
{
    const int64_t among = digits->held_out > 0 ? digits->held_out : digits->count;
    const int64_t at = (place % among + number % among * digits->stride) % among;
    return digits->count - among + at;
}
