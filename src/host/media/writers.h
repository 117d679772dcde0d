// What a rollout can be written as, by extension: the one table of output formats is in writers.c.
#ifndef NCA_MEDIA_WRITERS_H
#define NCA_MEDIA_WRITERS_H

#include <stdbool.h>
#include <stdint.h>

#include "nca/status.h"

typedef struct nca_writer_options {
    int height, width;   // of a frame, in pixels; of a state, in cells, for .npy
    int channels;        // of a state, for .npy
    int frames;          // how many will come
    double frames_per_second;
    int columns;   // .png: a filmstrip with so many frames a row; 0: the last frame only
} nca_writer_options;

typedef struct nca_writer nca_writer;

// A format: its frames are RGB [H,W,3] bytes, or states [H,W,C] f32 where it wants those.
typedef struct nca_format {
    const char *extension;   // with the dot
    const char *description;
    bool wants_states;
    double shortest_ms;   // that a frame can last; 0: anything
    nca_status (*open)(const char *path, const nca_writer_options *options, nca_writer **out,
                       nca_error *error);
    nca_status (*add)(nca_writer *writer, const void *frame, nca_error *error);
    // Commits the file, or abandons it when keep is false; frees the writer, whatever it returns.
    nca_status (*close)(nca_writer *writer, bool keep, nca_error *error);
} nca_format;

// The format of a path's extension; that of "-", standard output, is the first. On failure the
// message lists those there are.
nca_status nca_format_find(const char *path, const nca_format **out, nca_error *error);
// The format with this name, which is its extension without the dot.
nca_status nca_format_named(const char *name, const nca_format **out, nca_error *error);
// All formats, ended by NULL.
const nca_format *const *nca_formats(void);

// How many of `frames` frames are shown: fewer where they come faster than a format's shortest_ms,
// so that the film lasts as long as asked.
int nca_frames_shown(double shortest_ms, int frames, double frames_per_second);
// Whether frame `number`, from 0, is one of those shown, which lie evenly; the last one always is.
bool nca_frame_is_shown(int frames, int shown, int number);
// When the frame begins that is shown as number `number`, from 0, in whole units of which a second
// has `units`; `number` may be `shown`, which is when the film ends.
int nca_frame_time(const nca_writer_options *options, int shown, int number, double units);

// One picture, RGB [H,W,3], as PNG.
nca_status nca_png_write(const char *path, const uint8_t *rgb, int height, int width,
                         nca_error *error);

#endif
