// A task: what is learnt. A const struct of functions, passed by pointer with the content that they
// work on; the trainer, its pool, health checks and checkpoint know of it what stands here.
//
// A sample is of an item, a number that the task alone understands: which picture, which class. It
// starts from one of a few beginnings, states that all items share; where the rule has frozen
// channels they get the item's values. Every row of the pool keeps its item. A task of one item
// needs none of this: its samples are of item 0, and its one target is that of item 0.
//
// The functions draw at random only by the key they are given, and change nothing: the same
// arguments give the same answer. Those that may be NULL say what that means.
#ifndef NCA_TASK_H
#define NCA_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nca/backend.h"
#include "nca/config.h"
#include "nca/image.h"
#include "nca/plan.h"
#include "nca/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NCA_GOES_ON = -1 };   // no beginning: the sample goes on from the state that was drawn

// One sample before a rollout.
typedef struct nca_sample {
    int64_t item;        // that it is of
    int beginning;       // that it starts from, 0..beginnings-1, or NCA_GOES_ON
    bool is_damaged;     // the region is cleared
    nca_region region;   // read where is_damaged
    bool must_live;      // its death is the rule's fault: the health checks count it
} nca_sample;

// What an update is when its samples are prepared.
typedef struct nca_task_update {
    const nca_config *config;   // NULL where a rule is judged, as the plan of it
    const nca_plan *plan;
    const nca_shape *shape;   // of the session
    const void *content;
    nca_key key;   // of its draws
} nca_task_update;

typedef struct nca_task {
    const char *name;
    const char *beginning_words;   // what a new sample is called in messages: "the seed"
    const char *content_words;     // what its content is called there: "target picture"
    // Where the first frozen channel of a sample's new item is not above this, the others are
    // cleared.
    double exchange_limit;

    // Completes the shape of a session: objective, how many beginnings (1 or more), and the spec
    // where it is not the settings' growing rule. Sizes, channels and hidden are those of the
    // settings. `config` is NULL where a rule is judged; its spec is then the rule's own.
    void (*shape)(const nca_config *config, nca_shape *shape);

    // Refuses content that does not go with the shape: NCA_ARGUMENT. NULL: all does.
    nca_status (*check)(const void *content, const nca_shape *shape, nca_error *error);

    // The content as numbers, owned by it. A checkpoint keeps their hash, and training resumes only
    // with the same content.
    //   count   out: how many
    const float *(*numbers)(const void *content, const nca_shape *shape, size_t *count);

    // How many items there are, numbered from 0. NULL: every number is one.
    int64_t (*items)(const void *content);

    // -- Samples ----------------------------------------------------------------------------------

    // Makes a beginning.
    //   state   [H,W,C] out, zero before
    void (*begin)(const void *content, const nca_shape *shape, int beginning, float *state);

    // A new sample: its item and beginning. The pool starts with new samples, and they replace those
    // that died or exploded. Without a pool every batch consists of them.
    //   number   of the draw within the update
    // NULL: all are of item 0 and beginning 0.
    nca_sample (*draw)(const nca_task_update *update, uint32_t number);

    // Values of the frozen channels of an item.
    //   values   [H,W,frozen] out
    // NULL: they are those of the beginning.
    void (*frozen)(const void *content, const nca_shape *shape, int64_t item, float *values);

    // What the objective compares an item with. Asked for item 0 alone where all samples share it.
    //   values   [H,W,V] out of the objective's V channels; of NCA_CROSS_ENTROPY one number, the
    //            label
    // NULL: the objective needs none.
    void (*target)(const void *content, const nca_shape *shape, int64_t item, float *values);

    // -- An update --------------------------------------------------------------------------------

    // How bad a sample is: those drawn from the pool come to `prepare` highest first, equals in the
    // order of their rows. NULL: in the order drawn.
    double (*rank)(const nca_sample_report *sample);

    // What is done to a batch before its rollout.
    //   samples   [B] in: drawn from the pool, they go on; without a pool, new. Out: as they start.
    //             One that goes on with another item keeps its state under new frozen channels
    // NULL: nothing.
    void (*prepare)(const nca_task_update *update, nca_sample *samples);

    // Whether a sample is lost for learning after a rollout. NULL: none ever is.
    bool (*is_dead)(const nca_sample_report *sample);

    // -- For people -------------------------------------------------------------------------------

    nca_paint paint;   // what a state looks like; NULL only where nothing is ever drawn
} nca_task;

// Growing a picture from a seed.
//   content   nca_image, [H,W,4] of the grid's size
extern const nca_task nca_task_grow;

#ifdef __cplusplus
}
#endif
#endif
