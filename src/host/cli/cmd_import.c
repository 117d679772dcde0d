// nca import: one of the article's published rules becomes a model.safetensors.

#include "cli/command.h"
#include "nca/model.h"

typedef struct import_options {
    const char *output;
    bool force;
} import_options;

static const nca_option rows[] = {
    {"output", NCA_OPTION_STRING, offsetof(import_options, output), 0, 0, "MODEL",
     "the model.safetensors to write; - is standard output", NULL},
    {"force", NCA_OPTION_FLAG, offsetof(import_options, force), 0, 0, NULL,
     "write over a file that exists", NULL},
    {0},
};

static nca_status import(nca_call *call)
{
    const import_options *options = call->options;
    const char *path = call->arguments.item[0];
    nca_error *error = &call->error;
    char place[NCA_PATH_BYTES];
    nca_model model;
    if (!options->output)
        return nca_fail(error, NCA_ARGUMENT, "--output: needed; the model to write");
    NCA_TRY(nca_output_check("output", options->output, options->force, place, error));
    NCA_TRY(nca_output_check_source("output", place, path, error));
    NCA_TRY(nca_model_import(path, &model, error));
    const nca_status status = nca_model_save(&model, place, error);
    if (status == NCA_OK)
        fprintf(nca_output_words(options->output),
                "%s: %d channels, %d hidden units, %zu parameters\n", options->output,
                model.spec.channels, model.spec.hidden[0], nca_layout_of(&model.spec).total);
    nca_model_free(&model);
    return status;
}

const nca_command nca_command_import = {
    .name = "import",
    .arguments = "FILE.json",
    .summary = "Makes a model of one of the article's published rules",
    .details = "Example:\n  nca import regenerating_lizard.json -o lizard.safetensors\n",
    .options = rows,
    .arguments_min = 1,
    .arguments_max = 1,
    .options_bytes = sizeof(import_options),
    .work = import,
};
