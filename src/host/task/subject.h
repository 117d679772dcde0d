// A session with the task that works in it: how its samples start and what they are compared with.
#ifndef NCA_TASK_SUBJECT_H
#define NCA_TASK_SUBJECT_H

#include "nca/task.h"

typedef struct nca_subject {
    const nca_task *task;
    const void *content;
    const nca_config *config;   // of the training; NULL where a rule is judged
    const nca_plan *plan;       // likewise
    const nca_shape *shape;     // completed by the task
    const nca_backend *backend;
    nca_session *session;
    float *values;   // [nca_values_size(shape)] of one item, to work in
} nca_subject;

// The shape of a session that judges a rule of this spec by the task's objective, which is that of
// its run, `config`, or NULL. It has no pool and no beginnings: new samples are uploaded.
nca_shape nca_judging_shape(const nca_task *task, const nca_config *config, const nca_spec *spec,
                            int batch, const nca_grid *grid);

// How many beginnings a task has for a rule of this spec.
int nca_task_beginnings(const nca_task *task, const nca_spec *spec, const nca_grid *grid);

// How many figures it has beside the loss.
int nca_task_figures(const nca_task *task);

// How many classes its states are told apart by.
int nca_task_classes(const nca_task *task);

// Elements of the largest of what a task gives of one item.
size_t nca_values_size(const nca_shape *shape);

// Whether each sample has a target or a label of its own.
bool nca_has_own_targets(const nca_shape *shape);
// Whether a task gives samples anything of their own: targets, labels, owners of cells.
bool nca_samples_differ(const nca_task *task, const nca_shape *shape);

// Uploads a rule, [P], and the others of the task beside it.
nca_status nca_subject_upload_rules(const nca_subject *subject, const float *parameters,
                                    nca_error *error);

// A new sample, number `number` of the key's.
nca_sample nca_subject_draw(const nca_subject *subject, nca_key key, uint32_t number);

// The next sample, from number `*number` on, whose target or label differs from that of `item`, if
// one soon comes; sets the number after it.
nca_status nca_subject_draw_unlike(const nca_subject *subject, nca_key key, int64_t item,
                                   uint32_t *number, nca_sample *out, nca_error *error);

// The state [H,W,C] of a beginning, and of a new sample: the same with its item's frozen channels.
void nca_subject_begin(const nca_subject *subject, int beginning, float *state);
void nca_subject_start(const nca_subject *subject, const nca_sample *sample, float *state);

// Puts an item under the state that a sample of the batch has. Its target stays.
nca_status nca_subject_exchange(const nca_subject *subject, int slot, int64_t item,
                                nca_error *error);

// Uploads what the samples [B] of the batch are compared with, each its own or item 0's for all,
// and who owns their cells. Where samples share all of it (nca_samples_differ), once is enough, and
// `samples` may be NULL.
nca_status nca_subject_upload_targets(const nca_subject *subject, const nca_sample *samples,
                                      nca_error *error);

#endif
