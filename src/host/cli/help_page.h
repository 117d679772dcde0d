// Help as a page of headings, lists and texts. A terminal and the manual show it, each in its way.
#ifndef NCA_CLI_HELP_PAGE_H
#define NCA_CLI_HELP_PAGE_H

#include <stdio.h>

#include "cli/options.h"

typedef struct nca_help_page {
    FILE *to;
    // Begins a list: "Settings".
    void (*heading)(FILE *to, const char *words);
    // What is typed, and what it does: "-o, --output FILE".
    void (*row)(FILE *to, const char *term, const char *words);
    // Paragraphs with a blank line between them; lines that are indented stay as they are.
    void (*text)(FILE *to, const char *text);
} nca_help_page;

// Everything that help says of a command after its usage and summary.
void nca_help_tell(const nca_help_page *page, const nca_command *command);

#endif
