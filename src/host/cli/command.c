// The way of every command, from its words to its exit code.
#include "cli/command.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/output_place.h"
#include "base/stop.h"
#include "run/run_files.h"

// The defaults of the options, or zeros.
static nca_status prepare(nca_call *call)
{
    const nca_command *self = call->self;
    call->options = calloc(1, self->options_bytes);
    if (!call->options)
        return nca_fail(&call->error, NCA_MEMORY, "no memory for its options");
    if (self->defaults)
        memcpy(call->options, self->defaults, self->options_bytes);
    return NCA_OK;
}

static nca_status open_device(nca_call *call)
{
    const nca_device_arguments *device =
        (const void *)((const char *)call->options + call->self->device);
    char chosen[NCA_AUTO_BYTES];
    NCA_TRY(nca_device_open(device, &call->compute, &call->error));
    if (*nca_device_auto_words(device, &call->compute, chosen))
        fprintf(stderr, "%s\n", chosen);
    return NCA_OK;
}

int nca_call_run(const nca_command *self, int argc, char **argv)
{
    nca_call call = {.self = self, .argc = argc, .argv = argv};
    nca_config *config = self->has_config ? &call.config : NULL;
    bool done;
    nca_status status;
    NCA_GO(prepare(&call));
    NCA_GO(nca_options_parse(self, argc, argv, call.options, config, &call.arguments, &done,
                             &call.error));
    if (done)
        goto cleanup;
    if (self->stops)
        nca_stop_by_signals();
    if (self->opens_device)
        NCA_GO(open_device(&call));
    NCA_GO(self->work(&call));
cleanup:
    nca_compute_close(&call.judging);
    nca_compute_close(&call.compute);
    free(call.options);
    return status == NCA_OK ? call.code : nca_report_failure(nca_command_words(self), &call.error);
}

nca_status nca_output_check(const char *option, const char *path, bool force,
                            char place[NCA_PATH_BYTES], nca_error *error)
{
    NCA_TRY(nca_output_follow(path, place, error));
    if (nca_is_standard_output(path))
        return nca_standard_output_check(error);
    NCA_TRY(nca_output_folder_check(option, place, error));
    if (access(path, F_OK) != 0)
        return NCA_OK;
    if (nca_run_files_have(place))
        return nca_fail(error, NCA_FILE,
                        "--%s %s: among the files of the run itself; choose another name", option,
                        path);
    if (force)
        return NCA_OK;
    return nca_fail(error, NCA_FILE, "--%s %s: exists; choose another name, or --force", option,
                    path);
}

nca_status nca_output_check_picture(const char *option, const char *path, bool force,
                                    char place[NCA_PATH_BYTES], nca_error *error)
{
    const char *dot = strrchr(path, '.');
    if (nca_is_standard_output(path))
        return nca_fail(error, NCA_ARGUMENT,
                        "--%s -: standard output is for the figures; give the name of a file, "
                        "ending with .png",
                        option);
    if (!dot || strcasecmp(dot, ".png") != 0)
        return nca_fail(error, NCA_ARGUMENT,
                        "--%s %.200s: only PNG is written; end the name with .png", option, path);
    return nca_output_check(option, path, force, place, error);
}

nca_status nca_output_check_source(const char *option, const char *place, const char *source,
                                   nca_error *error)
{
    char rule[NCA_PATH_BYTES];
    if (!source || nca_is_standard_output(place))
        return NCA_OK;
    const bool has_rule = nca_path_join(source, "model.safetensors", rule, NULL) == NCA_OK;
    if (!nca_output_is_same(place, source) && !(has_rule && nca_output_is_same(place, rule)))
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "--%s %s: this command reads that file; choose another name", option, place);
}

FILE *nca_output_words(const char *path)
{
    return nca_is_standard_output(path) ? stderr : stdout;
}

nca_status nca_folder_check_name(const char *option, const char *path, nca_error *error)
{
    if (!nca_is_standard_output(path))
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "--%s -: a folder, which cannot go to standard output; give it a name (./- for "
                    "this one)",
                    option);
}
