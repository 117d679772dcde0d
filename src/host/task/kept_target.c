// A target written into its run folder, and read from there.
#include "task/kept_target.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/safetensors.h"
#include "nca/tensor.h"

enum { EXTENSION_MAX = 8, SIDE_MAX = 4096 };

static const char file_name[] = "target.safetensors";

nca_status nca_kept_target_write(const char *folder, const nca_image *target, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    const nca_tensor pixels = {
        .name = "target",
        .dtype = NCA_F32,
        .axes = 3,
        .shape = {(uint64_t)target->height, (uint64_t)target->width, NCA_VISIBLE},
        .data = target->pixels};
    NCA_TRY(nca_path_join(folder, file_name, path, error));
    return nca_tensors_write(path, &pixels, 1, NULL, 0, error);
}

bool nca_kept_target_is_there(const char *folder)
{
    char path[NCA_PATH_BYTES];
    return nca_path_join(folder, file_name, path, NULL) == NCA_OK && access(path, F_OK) == 0;
}

static nca_status take_pixels(const nca_tensor *pixels, const char *path, nca_image *out,
                              nca_error *error)
{
    const uint64_t height = pixels->shape[0], width = pixels->shape[1];
    bool is_finite = true;
    for (size_t i = 0; i < pixels->elements; i++)
        is_finite &= isfinite(((const float *)pixels->data)[i]) != 0;
    if (height < 1 || width < 1 || height > SIDE_MAX || width > SIDE_MAX || !is_finite)
        return nca_fail(error, NCA_FORMAT, "%s: no target of 1 to %d cells a side; it is damaged",
                        path, SIDE_MAX);
    NCA_TRY(nca_image_create((int)height, (int)width, out, error));
    memcpy(out->pixels, pixels->data, pixels->size_bytes);
    return NCA_OK;
}

static nca_status read_pixels(const char *path, nca_image *out, nca_error *error)
{
    static const int64_t any[] = {-1, -1, NCA_VISIBLE};
    const nca_tensor *pixels;
    nca_tensors tensors;
    nca_status status;
    NCA_TRY(nca_tensors_read(path, &tensors, error));
    NCA_GO(nca_tensors_require(&tensors, "target", NCA_F32, 3, any, &pixels, error));
    NCA_GO(take_pixels(pixels, path, out, error));
cleanup:
    nca_tensors_free(&tensors);
    return status;
}

nca_status nca_kept_target_read(const char *folder, nca_image *out, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    nca_error why;
    NCA_TRY(nca_path_join(folder, file_name, path, error));
    if (read_pixels(path, out, &why) == NCA_OK)
        return NCA_OK;
    return nca_fail(error, why.status,
                    "%s; or remove it: the target is then made again as config.json says",
                    why.message);
}

const char *nca_kept_target_find(const char *folder, const char *target, char path[NCA_PATH_BYTES])
{
    char name[32];
    const char *slash = strrchr(target, '/'), *dot = strrchr(slash ? slash : target, '.');
    bool is_usual = dot && strlen(dot) <= EXTENSION_MAX;
    for (const char *c = is_usual ? dot + 1 : ""; *c; c++)
        is_usual &= isalnum((unsigned char)*c) != 0;
    snprintf(name, sizeof name, "target%s", is_usual ? dot : "");
    if (nca_path_join(folder, name, path, NULL) == NCA_OK && access(path, F_OK) == 0)
        return path;
    return target;
}
