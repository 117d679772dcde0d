// The way of every command, from its words to its exit code: the words are read, the device is
// opened, the work is done, the device is closed, and what failed is told.
#ifndef NCA_CLI_COMMAND_H
#define NCA_CLI_COMMAND_H

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
    nca_error error;
    int code;   // of the exit where nothing fails
};

// Returns the exit code.
int nca_call_run(const nca_command *command, int argc, char **argv);

// Refuses an --output that is there already.
nca_status nca_output_check(const char *path, bool force, nca_error *error);

#endif
