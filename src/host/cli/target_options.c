// The target of a command that judges a rule.
#include "cli/target_options.h"

#include <stdio.h>
#include <string.h>

#include "io/files.h"

enum { PATH_BYTES = 4096 };

static void set_text(char to[NCA_TEXT_BYTES], const char *text)
{
    if (text)
        snprintf(to, NCA_TEXT_BYTES, "%s", text);
}

nca_status nca_grid_read(const char *text, int *height, int *width, nca_error *error)
{
    nca_config config = nca_config_default();
    set_text(config.grid, text);
    if (strcmp(text, "auto") == 0)
        return nca_fail(error, NCA_ARGUMENT, "--grid auto: must be N or HxW here");
    return nca_config_grid(&config, height, width, error);
}

// The settings that a run folder was trained with, where the model is one.
static nca_status read_folder(const char *path, nca_config *config, bool *is_folder,
                              nca_error *error)
{
    char inside[PATH_BYTES];
    *is_folder = nca_is_folder(path);
    if (!*is_folder)
        return NCA_OK;
    if (snprintf(inside, sizeof inside, "%s/config.json", path) >= (int)sizeof inside)
        return nca_fail(error, NCA_ARGUMENT, "%.60s...: too long for a path", path);
    return nca_config_read(inside, config, error);
}

static nca_status choose_grid(const nca_target_arguments *given, const nca_config *config,
                              bool is_folder, const nca_model *model, int *height, int *width,
                              nca_error *error)
{
    if (given->grid)
        return nca_grid_read(given->grid, height, width, error);
    if (given->padding < 0 && model->grid_height > 0 && model->grid_width > 0 &&
        (is_folder || given->target_size < 0)) {
        *height = model->grid_height;
        *width = model->grid_width;
        return NCA_OK;
    }
    return nca_config_grid(config, height, width, error);
}

nca_status nca_target_arguments_load(const nca_target_arguments *given, const char *path,
                                     const nca_model *model, nca_image *out, nca_error *error)
{
    nca_config config = nca_config_default();
    bool is_folder;
    int height, width;
    NCA_TRY(read_folder(path, &config, &is_folder, error));
    if (!given->target && !is_folder)
        return nca_fail(error, NCA_ARGUMENT,
                        "--target: needed, for %s does not say what it should have grown", path);
    set_text(config.target, given->target);
    set_text(config.background, given->background);
    set_text(config.font, given->font);
    config.target_size = given->target_size > 0 ? given->target_size : config.target_size;
    if (given->padding >= 0) {
        config.padding = given->padding;
        set_text(config.grid, "auto");
    }
    config.trim |= given->trim;
    NCA_TRY(choose_grid(given, &config, is_folder, model, &height, &width, error));
    const nca_target_options options = {.source = config.target,
                                        .font = config.font,
                                        .background = config.background,
                                        .target_size = (int)config.target_size,
                                        .trim = config.trim};
    nca_image image;
    NCA_TRY(nca_target_load(&options, &image, error));
    const nca_status status = nca_image_pad(&image, height, width, out, error);
    nca_image_free(&image);
    return status;
}
