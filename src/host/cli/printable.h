// Text from outside (file names, metadata, options) on its way to a terminal.
#ifndef NCA_CLI_PRINTABLE_H
#define NCA_CLI_PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

// Writes the text with every byte that could garble a terminal as \xNN: control characters, bytes
// that are no UTF-8, and code points that turn or end a line. The rest goes out as it is.
void nca_print_safely(FILE *to, const char *text);

#endif
