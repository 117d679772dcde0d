// The batch in the terminal: half blocks in colour, as `nca train --preview` shows them.
#ifndef NCA_CLI_PREVIEW_H
#define NCA_CLI_PREVIEW_H

#include <stdbool.h>

#include "nca/image.h"

// States on their way to the terminal.
typedef struct nca_preview {
    const float *states;   // [B,H,W,C]
    int batch, height, width, channels;
    nca_paint paint;        // what each looks like
    int columns, lines;     // of the terminal that it may take
    bool has_true_colour;   // not 256 colours
} nca_preview;

// Whether the terminal says that it has true colour (COLORTERM).
bool nca_terminal_has_true_colour(void);

// Draws as many samples of the batch, up to eight, as fit side by side (or in rows) at half their
// size or more; one, however small, where that is none; no line at all where the terminal has no
// room. `text` has `lines` lines, each with its newline; the caller frees it.
nca_status nca_preview_draw(const nca_preview *preview, char **text, int *lines, nca_error *error);

#endif
