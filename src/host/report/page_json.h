// A run as the JSON that the page's scripts read; private to report/.
#ifndef NCA_REPORT_PAGE_JSON_H
#define NCA_REPORT_PAGE_JSON_H

#include <jansson.h>

#include "base/json_values.h"
#include "report/page.h"

// Everything about one run; the caller owns `out`.
nca_status nca_page_run_json(const nca_page_run *run, json_t **out, nca_error *error);

// -- Pictures, as data: URIs of lossless WebP -----------------------------------------------------

// {"src", "width", "height"} of RGB pixels [H,W,3].
nca_status nca_page_picture(const uint8_t *rgb, int height, int width, json_t **out,
                            nca_error *error);
// The same with "first", "every", "last", "count" and "columns": all frames in one picture, row by
// row, width and height being those of a frame.
nca_status nca_page_frames(const nca_observed_frames *frames, int last, int height, int width,
                           json_t **out, nca_error *error);
// {"batch": [...], "pool": [...]}: some of the pictures of a run folder, each with its "update". A
// folder without them, or one that is no picture, leaves the list shorter.
nca_status nca_page_folder_pictures(const char *folder, json_t **out, nca_error *error);
// The heal map's picture, and what the map says; null where there is none.
nca_status nca_page_heal_map(const nca_page_run *run, json_t **out, nca_error *error);
// Pictures of how a step works on a state [H,W,C] before step `step`.
nca_status nca_page_step(const nca_page_run *run, const float *state, int step, json_t **out,
                         nca_error *error);

// -- Cells ---------------------------------------------------------------------------------------

// Whether the cell [C] is above the threshold by itself, in the channel that the spec looks at.
static inline bool nca_page_is_mature(const nca_spec *spec, const float *cell)
{
    if (spec->alive == NCA_ALIVE_EVERYWHERE)
        return true;
    return cell[spec->alive == NCA_ALIVE_CHANNEL ? spec->alive_channel : NCA_ALPHA] >
           NCA_ALIVE_THRESHOLD;
}

// -- Values ---------------------------------------------------------------------------------------

// Base64 of bytes.
json_t *nca_page_bytes(const void *bytes, size_t size_bytes);
// The first events of a run, at most `most` (up to NCA_HISTORY_EVENTS): their updates, names and
// words.
json_t *nca_page_events(const nca_history *history, size_t most);
// What the task's own figures say of the rule, where it has some: over the steps, before and after
// an exchange, and which classes the cells say; set into `object` as "judged".
nca_status nca_page_judged(const nca_page_run *run, json_t *object, nca_error *error);
// Traces, samples of every cell, and ranges of an observation, set into `object`.
nca_status nca_page_channels(const nca_observation *observation, json_t *object, nca_error *error);

#endif
