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

#include "nca/api.h"
#include "nca/backend.h"
#include "nca/config.h"
#include "nca/image.h"
#include "nca/model.h"
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
    const nca_config *config;   // NULL where a rule is judged
    const nca_plan *plan;       // NULL likewise
    const nca_shape *shape;     // of the session
    const void *content;
    nca_key key;   // of its draws
} nca_task_update;

// Where content comes from.
typedef struct nca_content_source {
    const nca_config *config;
    const char *folder;     // of a run: what it keeps counts before what `config` names; or NULL
    bool is_changed;        // `config` asks for something else than the folder keeps
    bool is_victim_given;   // the victim of `config` counts, whatever the folder keeps
    nca_grid grid;          // to make it for, as planned
    nca_grid other_grid;    // to make it for instead, where it fits into this one; 0x0: none
    nca_seed_at seed_at;    // as planned, or where that of a trained rule stands
} nca_content_source;

// What is learnt: a picture, a set of pictures.
typedef struct nca_content {
    void *data;                          // what the functions of the task take
    nca_grid grid;                       // that it is made for
    char notice[NCA_TEXT_BYTES + 256];   // what whoever trains with it should know; may be empty
} nca_content;

// A figure beside the loss by which a rule is judged.
typedef struct nca_figure {
    const char *name;    // in JSON: "cells_right"
    const char *words;   // for people: "cells right"
} nca_figure;

// A figure of one sample. Over several samples it is the mean by their weights.
typedef struct nca_measured {
    double value, weight;
} nca_measured;

enum { NCA_FIGURES_MAX = 4, NCA_CLASSES_MAX = 16 };

// How a rule is judged where nothing else is asked for.
typedef struct nca_task_judging {
    const char *samples_words;   // what the samples differ in: "fire seeds"
    const char *steps;           // at which it is measured: "96,200"
    int samples;
    bool cuts;                          // the five cuts at `cut_at`
    bool exchange;                      // every sample gets another item at `cut_at`
    int cut_at, heal_steps, long_run;   // steps; the verdict is on that of `cut_at`, cut or not
} nca_task_judging;

// What a log10 loss is called.
typedef struct nca_grade {
    double at_most;
    const char *word;
} nca_grade;

// A film that ends a training: a new sample, and what becomes of it.
typedef struct nca_task_film {
    const char *file;   // in the run folder, with the extension of its format
    int steps, every;   // steps in all, and for each frame
    int damage_at;      // step after which the region is cleared; 0: never
    int exchange_at;    // step after which it gets another item; 0: never
    nca_region (*region)(int height, int width);   // may be NULL where nothing is cleared
} nca_task_film;

enum { NCA_TASK_CELLS = 3 };   // cells that a page follows at every step

// What is learnt: a table of what the trainer, the judge and the pages ask of it.
typedef struct nca_task nca_task;

// The table of one task.
struct nca_task {
    const char *name;              // as in the setting `task`
    const char *summary;           // one line
    const char *beginning_words;   // what a new sample is called in messages: "the seed"
    const char *content_words;     // what its content is called there: "target picture"
    const char *preset;   // that a training begins with where none is named; NULL: the default
    // The precision that it is trained in where none is given, as nca_device_options has it;
    // NULL: f32.
    const char *precision;
    bool reads_data;   // the settings data and held_out are its to read
    // Settings that it does not read, by their names, ended by NULL: refused where they are not
    // those of the preset. NULL: it reads all.
    const char *const *unread;
    // Of an adversary: what its victim, the rule of the setting `victim`, was trained for; NULL
    // where nobody is attacked.
    const nca_task *victim;
    const nca_spec *usual;   // kinds of a rule whose file does not say them; NULL: the article's
    // Where the first frozen channel of a sample's new item is not above this, the others are
    // cleared.
    double exchange_limit;
    double good_loss;   // log10; a rule whose loss is at most this has learnt it
    // What losses are called, best first, ended by one without a word; the last is of every loss
    // that is larger, and says that states have exploded. NULL: they are told as numbers alone.
    const nca_grade *grades;

    // -- Settings and content ---------------------------------------------------------------------

    // Completes the plan of the settings: the grid where it is not theirs. Refuses settings that do
    // not go with the task: NCA_ARGUMENT, naming the option. NULL: the plan stays.
    nca_status (*plan)(const nca_config *config, nca_plan *plan, nca_error *error);

    // Loads what is learnt. NULL only where the caller has the content already.
    nca_status (*load)(const nca_content_source *source, nca_content *out, nca_error *error);
    // Frees the `data` of it; takes NULL. NULL where `load` is.
    void (*unload)(void *data);

    // Keeps in a run folder what `load` needs again, in target.safetensors, which must say the same
    // on any machine; does nothing where it is there. NULL: nothing is kept.
    nca_status (*keep)(const nca_content_source *source, const char *folder, nca_error *error);

    // Completes the shape of a session: objective, how many beginnings (1 or more), and the spec
    // where it is not the settings'. Sizes, channels and hidden are those of the settings. Where
    // a rule is judged, its spec is its own, and `config` is that of its run, or NULL for a rule
    // alone.
    void (*shape)(const nca_config *config, nca_shape *shape);

    // What the loss is, on a page. NULL: the page does not say.
    const char *(*loss_words)(const nca_shape *shape);

    // Refuses content that does not go with the shape: NCA_ARGUMENT. NULL: all does.
    nca_status (*check)(const void *content, const nca_shape *shape, nca_error *error);

    // Refuses a training that is dead from the start, with the cause: NCA_ARGUMENT. NULL: none is.
    nca_status (*check_start)(const nca_config *config, const void *content, nca_error *error);

    // The content as numbers, owned by it. A checkpoint keeps their hash, and training resumes only
    // with the same content.
    //   count   out: how many
    const float *(*numbers)(const void *content, const nca_shape *shape, size_t *count);

    // Replaces the drawn rule that a training begins with. NULL: it stays.
    void (*first_rule)(const void *content, nca_model *model);

    // How many items there are, numbered from 0. NULL: every number is one.
    int64_t (*items)(const void *content);

    // -- Samples ----------------------------------------------------------------------------------

    // Makes a beginning. Where no item has frozen channels, `content` may be NULL.
    //   state   [H,W,C] out, zero before
    void (*begin)(const void *content, const nca_shape *shape, int beginning, float *state);

    // Adds the seed at a place of its own to a state that may hold others. NULL: a sample starts
    // from nothing that has a place.
    //   state   [H,W,C] in, out
    void (*place)(const nca_shape *shape, int y, int x, float *state);

    // Where the seed of this content stands. NULL: in the middle, if it has a place at all.
    //   seed   out: rows and columns from the middle of the grid
    void (*seed)(const void *content, int seed[2]);

    // A new sample: its item and beginning. The pool starts with new samples, and they replace
    // those that died or exploded. Without a pool every batch consists of them.
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

    // -- Adversaries ------------------------------------------------------------------------------

    // Where rules share the samples, the learnt one is the first. The others stay as they are:
    //   returns   [R-1,P] their parameters, owned by the content
    // NULL: the learnt rule is alone.
    const float *(*others)(const void *content);
    // Which rule moves each cell of a sample of this item.
    //   owners   [H,W] out, 0..R-1
    // NULL where `others` is.
    void (*owners)(const void *content, const nca_shape *shape, int64_t item, float *owners);

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

    // -- Judging ----------------------------------------------------------------------------------

    const nca_figure *figures;   // up to NCA_FIGURES_MAX, ended by one without a name; may be NULL

    // The figures of a state. NULL where there are none.
    //   state    [H,W,C]
    //   values   [figures] out
    void (*measure)(const void *content, const nca_shape *shape, int64_t item, const float *state,
                    nca_measured *values);

    // The names of the classes, up to NCA_CLASSES_MAX, ended by NULL; NULL: there are none.
    const char *const *classes;
    const uint8_t (*class_colours)[3];   // RGB that `paint` shows them in; NULL: it shows none
    // Adds the cells of a state to a table of what they should say and what they say.
    //   cells   [classes,classes + 1] in, out; the last column: nothing
    // NULL where there are no classes.
    void (*confuse)(const void *content, const nca_shape *shape, int64_t item, const float *state,
                    int64_t *cells);

    const nca_task_judging *judging;   // NULL: as growing

    // -- For people -------------------------------------------------------------------------------

    nca_paint paint;   // what a state looks like; NULL only where nothing is ever drawn

    const char *const *channels;   // what the first ones hold, ended by NULL; NULL: numbers alone

    // The picture that states should come to look like, of the grid's size. NULL: there is none.
    const nca_image *(*picture)(const void *content);

    // The cells that are most worth watching. NULL: on the way from the middle to the left edge.
    //   cell   [NCA_TASK_CELLS,2] out, y and x
    void (*choose_cells)(const void *content, const nca_grid *grid, int64_t item,
                         int cell[NCA_TASK_CELLS][2]);

    const nca_task_film *films;   // ended by one without a file; NULL: none
};

// What nca_task_grow works on.
typedef struct nca_growth {
    nca_image target;   // [H,W,4] of the grid's size
    int seed[2];        // rows and columns from the middle to the seed
} nca_growth;

// Growing a picture from a seed.
//   content   nca_growth
extern NCA_API const nca_task nca_task_grow;

// Cells that agree on which digit they form.
//   content   nca_digits (task/digits.h)
extern NCA_API const nca_task nca_task_digits;

// Adversary cells among those of a rule of digits, which make the others say another digit.
extern NCA_API const nca_task nca_task_digits_adversary;
// Adversary cells among those of a grown picture, which make the others show another picture.
extern NCA_API const nca_task nca_task_grow_adversary;
// A matrix on all states that makes a grown picture another.
extern NCA_API const nca_task nca_task_grow_matrix;

// All that the setting `task` can name, ended by NULL.
NCA_API const nca_task *const *nca_tasks(void);
// NCA_ARGUMENT for another name, with those there are.
NCA_API nca_status nca_task_find(const char *name, const nca_task **out, nca_error *error);

// What the settings say is learnt from: the target, or the folder of the data.
NCA_API const char *nca_task_source(const nca_config *config);

// The task of adversary cells among those of rules of a task; NULL where there is none.
NCA_API const nca_task *nca_task_adversary_of(const nca_task *victim);

// How a rule is judged: the task's own, or as growing.
NCA_API const nca_task_judging *nca_task_judging_of(const nca_task *task);

// Frees content that the task has loaded.
NCA_API void nca_content_free(const nca_task *task, nca_content *content);

// The plan of the settings as the task has it: nca_plan_make(), then the task's own.
NCA_API nca_status nca_task_plan(const nca_task *task, const nca_config *config, nca_plan *out,
                                 nca_error *error);

#ifdef __cplusplus
}
#endif
#endif
