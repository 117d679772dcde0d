// Text from outside (file names, metadata, options) on its way to a terminal.
#ifndef NCA_CLI_PRINTABLE_H
#define NCA_CLI_PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

// Writes the text with every byte that could garble a terminal as \xNN: control characters, bytes
// that are no UTF-8, and code points that turn or end a line. The rest goes out as it is.
void nca_print_safely(FILE *to, const char *text);

// A word as a shell reads it back: in quotes where it holds what a shell would take for something
// else. Returns `text`, in which as much stands as fits.
const char *nca_shell_word(const char *word, char *text, size_t size);

#endif
