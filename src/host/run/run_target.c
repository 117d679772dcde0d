// The target of a command that judges a rule.
#include "run/run_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "config/presets.h"
#include "run/run_folder.h"

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

// The model's grid, unless another is asked for or the target is too large for it.
static nca_status choose_grid(const nca_target_arguments *given, const nca_config *config,
                              const nca_model *model, const nca_image *target, int *height,
                              int *width, nca_error *error)
{
    if (given->grid)
        return nca_grid_read(given->grid, height, width, error);
    if (given->padding < 0 && model->grid_height >= target->height &&
        model->grid_width >= target->width) {
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
    const bool is_folder = nca_is_folder(path);
    char kept[NCA_PATH_BYTES];
    int height, width;
    if (is_folder)
        NCA_TRY(nca_run_folder_config(path, &config, error));
    else
        NCA_TRY(nca_experiment_apply("persistent", &config, error));   // of the article's size
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
    config.trim = given->trim < 0 ? config.trim : given->trim;
    const bool is_own = is_folder && !given->target;
    const nca_target_options options = {
        .source = is_own ? nca_run_folder_target(path, config.target, kept) : config.target,
        .font = config.font,
        .background = config.background,
        .target_size = (int)config.target_size,
        .trim = config.trim};
    nca_image image;
    NCA_TRY(nca_target_load(&options, &image, error));
    nca_status status = choose_grid(given, &config, model, &image, &height, &width, error);
    if (status == NCA_OK)
        status = nca_image_pad(&image, height, width, out, error);
    nca_image_free(&image);
    return status;
}
