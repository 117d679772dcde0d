// The target of a command that judges a rule.
#include "run/run_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "config/grid.h"
#include "config/presets.h"
#include "run/run_folder.h"

static void set_text(char to[NCA_TEXT_BYTES], const char *text)
{
    if (text)
        snprintf(to, NCA_TEXT_BYTES, "%s", text);
}

nca_target_options nca_target_options_of(const nca_config *config, const char *source)
{
    return (nca_target_options){.source = source,
                                .font = config->font,
                                .background = config->background,
                                .target_size = (int)config->target_size,
                                .trim = config->trim};
}

void nca_target_keep_font(nca_config *config)
{
    char *whole = *config->font ? realpath(config->font, NULL) : NULL;
    if (whole && strlen(whole) < sizeof config->font)
        snprintf(config->font, sizeof config->font, "%s", whole);
    free(whole);
}

// The model's grid, unless another is asked for. Where the target is too large for it, `grid` stays
// as the settings have it.
static nca_status choose_grid(const nca_target_arguments *given, const nca_model *model,
                              const nca_image *target, nca_grid *grid, nca_error *error)
{
    if (given->grid)
        return nca_grid_read(given->grid, grid, error);
    if (given->padding < 0 && model->grid_height >= target->height &&
        model->grid_width >= target->width)
        *grid = (nca_grid){model->grid_height, model->grid_width};
    return NCA_OK;
}

// What was given, over the settings of the run; padding and size change a grid made of them.
static void lay_over(const nca_target_arguments *given, nca_config *config, nca_grid *grid)
{
    const bool is_auto = given->padding >= 0 || nca_grid_is_auto(config);
    set_text(config->target, given->target);
    set_text(config->background, given->background);
    set_text(config->font, given->font);
    config->target_size = given->target_size > 0 ? given->target_size : config->target_size;
    config->padding = given->padding >= 0 ? given->padding : config->padding;
    config->trim = given->trim < 0 ? config->trim : given->trim;
    if (is_auto)
        *grid = nca_grid_auto(config);
}

nca_status nca_target_arguments_load(const nca_target_arguments *given, const char *path,
                                     const nca_model *model, nca_image *out, nca_error *error)
{
    nca_config config = nca_config_default();
    const bool is_folder = nca_is_folder(path), is_own = is_folder && !given->target;
    char kept[NCA_PATH_BYTES];
    nca_grid grid;
    if (is_folder)
        NCA_TRY(nca_run_folder_config(path, &config, &grid, error));
    else
        NCA_TRY(nca_preset_apply("persistent", &config, error));   // of the article's size
    if (!given->target && !is_folder)
        return nca_fail(error, NCA_ARGUMENT,
                        "--target: needed, for %s does not say what it should have grown", path);
    lay_over(given, &config, &grid);
    const nca_target_options options = nca_target_options_of(
        &config, is_own ? nca_run_folder_target(path, config.target, kept) : config.target);
    nca_image image;
    NCA_TRY(nca_target_load(&options, &image, error));
    nca_status status;
    NCA_GO(choose_grid(given, model, &image, &grid, error));
    NCA_GO(nca_image_pad(&image, grid.height, grid.width, out, error));
cleanup:
    nca_image_free(&image);
    return status;
}
