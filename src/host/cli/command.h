// What every command does, from its arguments to its exit code: reads them, opens the device, does
// the work, closes the device, and reports what failed.
#ifndef NCA_CLI_COMMAND_H
#define NCA_CLI_COMMAND_H

#include "base/files.h"
#include "cli/device_options.h"

// A command at work.
struct nca_call {
    const nca_command *self;
    int argc;   // without program and command name
    char **argv;
    void *options;       // the command's own struct
    nca_config config;   // where the command has one
    nca_arguments arguments;
    nca_compute compute;   // open where the command says so; closed after the work
    nca_compute judging;   // the same in f32, open where `compute` may round more
    nca_error error;
    int code;   // exit code where nothing fails
};

// What a training is judged and filmed by: f32, whatever it is trained in.
static inline const nca_compute *nca_call_judging(const nca_call *call)
{
    return call->judging.backend ? &call->judging : &call->compute;
}

// Returns the exit code.
int nca_call_run(const nca_command *command, int argc, char **argv);

// Refuses an output that is there already, one of the files of a run, one in a folder that is not
// there or takes no files, and a terminal for "-", standard output.
//   option   that names it: "output"
//   place    out, where it is to be written: the file behind a link
nca_status nca_output_check(const char *option, const char *path, bool force,
                            char place[NCA_PATH_BYTES], nca_error *error);
// The same of a picture beside figures, which standard output is for: only PNG.
nca_status nca_output_check_picture(const char *option, const char *path, bool force,
                                    char place[NCA_PATH_BYTES], nca_error *error);
// Refuses to write over a file that the command reads, or over the rule of a run folder that it
// reads.
//   place    of the output; "-" is none of them
//   source   what is read; NULL: nothing
nca_status nca_output_check_source(const char *option, const char *place, const char *source,
                                   nca_error *error);
// Where a command says what it wrote: standard output, unless the output itself goes there.
FILE *nca_output_words(const char *path);
// Refuses "-" for a folder; `option` stands in the message.
nca_status nca_folder_check_name(const char *option, const char *path, nca_error *error);

#endif
