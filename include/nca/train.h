// Training:
//   target -> pool -> batch -> rollout, T steps -> loss -> rollout backward -> optimizer -> pool
#ifndef NCA_TRAIN_H
#define NCA_TRAIN_H

#include "nca/api.h"
#include "nca/backend.h"
#include "nca/config.h"
#include "nca/model.h"
#include "nca/plan.h"
#include "nca/status.h"
#include "nca/task.h"

#ifdef __cplusplus
extern "C" {
#endif

// A training at work; opaque.
typedef struct nca_trainer nca_trainer;

// What an update met and what was done about it: the name, and the word for it in metrics.jsonl.
//   SKIPPED        loss or gradient not finite, or a state beyond the bound: nothing of it is kept
//   ROLLED_BACK    several skips in a row, a sample that must live and dies again and again, or a
//                  rule that is not finite: back to the last good rule, with other random draws
//                  and a quarter of the rate, which rises again later (health.c)
//   POOL_REPAIRED  the whole batch is dead: nothing of it is kept, its rows are new samples
//   RESEEDED       a sample that must live died while others live: the update counts, and its row
//                  is a new sample
//   LEFT_ALONE     one of the above would have been due, and the settings forbid it: the update
//                  counts, and the pool keeps what the rollout left
//   GAVE_UP        rolling back did not help, or was forbidden and the gradient or rule is not
//                  finite: training ends with the last good rule
#define NCA_EVENTS(X)                 \
    X(NONE, "")                       \
    X(SKIPPED, "skipped")             \
    X(ROLLED_BACK, "rolled back")     \
    X(POOL_REPAIRED, "pool repaired") \
    X(RESEEDED, "reseeded")           \
    X(LEFT_ALONE, "left alone")       \
    X(GAVE_UP, "gave up")

// Largest |x| of a state that has not exploded. Rules in the wild keep hidden channels of up to
// about 2,000 (the 2023 replication's trained one).
#define NCA_STATE_BOUND 1e5

// How the words of two of them begin where cells died and no number was out of bounds; what was
// rolled back or left alone with other words had exploded.
#define NCA_WORDS_BATCH_DIED "no cell of the batch lives"
// The same of what grew from a seed.
#define NCA_WORDS_GROWTH_DIED "what grew from"

// What an update met: one of the names above.
typedef enum nca_event {
#define NCA_EVENT_VALUE(name, word) NCA_EVENT_##name,
    NCA_EVENTS(NCA_EVENT_VALUE)
#undef NCA_EVENT_VALUE
        NCA_EVENT_COUNT
} nca_event;

// The word for an event, and the event of a word: NCA_EVENT_NONE for another, or for NULL.
NCA_API const char *nca_event_word(nca_event event);
NCA_API nca_event nca_event_find(const char *word);

// Whether an update with this event was lost.
static inline bool nca_event_is_fault(nca_event event)
{
    return event != NCA_EVENT_NONE && event != NCA_EVENT_RESEEDED && event != NCA_EVENT_LEFT_ALONE;
}

// One update, as it is logged in metrics.jsonl.
typedef struct nca_update_result {
    int64_t update;           // number of this update, from 1
    int steps;                // T
    double loss;              // mean over the batch after the rollout, of the current rule and
                              // never of an average; people read its log10
    double gradient_norm;     // L2 over all tensors, before any transform
    double rate;              // learning rate used
    double rate_factor;       // learning rate / the schedule's: 1, or less after a rollback
    double active_fraction;   // active cell-steps / all
    double max_state;         // largest |x| in the batch
    double seconds;           // wall time of the update
    nca_event event;          // what it met
    char event_text[256];     // the same in words; empty where nothing did
} nca_update_result;

// Refuses a run that would not fit in memory, naming the bytes: batch, pool and tape on the device,
// and what the host keeps beside them. Allocates nothing, so it can be asked before the task's
// content is there.
NCA_API nca_status nca_trainer_check_memory(const nca_config *config, const nca_plan *plan,
                                            const nca_task *task, const nca_compute *compute,
                                            nca_error *error);

// Starts training. `plan` is made of `config`; `content` is what the task works on; it and
// `compute` stay the caller's and outlive the trainer. Refuses what would not fit in memory, and
// content that the task refuses.
NCA_API nca_status nca_trainer_create(const nca_config *config, const nca_plan *plan,
                                      const nca_task *task, const void *content,
                                      const nca_compute *compute, nca_trainer **out,
                                      nca_error *error);
NCA_API void nca_trainer_free(nca_trainer *trainer);

// Before the first update: begins with this rule, widened to the settings' hidden units, instead of
// a drawn one. NCA_ARGUMENT where it does not fit (nca_model_widen).
NCA_API nca_status nca_trainer_begin_with(nca_trainer *trainer, const nca_model *model,
                                          nca_error *error);

// Gives the trainer the rule that moves the adversary's cells: once, before the first update and
// before a checkpoint is restored. Only for a plan with NCA_PERTURB_CELLS, whose updates are
// refused without it (NCA_ARGUMENT).
//   adversary   copied to the device and never trained; the caller keeps it
// NCA_ARGUMENT where its channels, perception, hidden units, frozen channels, alive mask or noise
// are not those of the settings; errors of the upload.
NCA_API nca_status nca_trainer_set_adversary(nca_trainer *trainer, const nca_model *adversary,
                                             nca_error *error);

// Refuses a training that is dead from the start, before its first update: NCA_ARGUMENT with what
// the task finds, or where no sample lives after one step.
NCA_API nca_status nca_trainer_check_start(nca_trainer *trainer, nca_error *error);

// One update. NCA_NUMERIC only after NCA_EVENT_GAVE_UP.
NCA_API nca_status nca_trainer_update(nca_trainer *trainer, nca_update_result *out,
                                      nca_error *error);

// What may help where training gave up, in words that follow "train anew with ".
NCA_API const char *nca_trainer_advice(const nca_trainer *trainer);

// What the device chose by itself for the trainer's session.
NCA_API nca_session_info nca_trainer_session_info(const nca_trainer *trainer);

// What it learns.
NCA_API const nca_task *nca_trainer_task(const nca_trainer *trainer);

// Updates done so far.
NCA_API int64_t nca_trainer_done(const nca_trainer *trainer);

// The batch of the latest update before and after its rollout, [B,H,W,C] each, owned by the trainer
// until the next update. `before` is kept only after nca_trainer_keep_before(trainer, true);
// NCA_ARGUMENT where the latest update has not kept it.
NCA_API void nca_trainer_keep_before(nca_trainer *trainer, bool keep);
NCA_API nca_status nca_trainer_batch(nca_trainer *trainer, const float **before,
                                     const float **after, nca_error *error);

// `count` rows of the pool from `first`, [count,H,W,C], into the caller's memory.
NCA_API nca_status nca_trainer_pool(nca_trainer *trainer, int first, int count, float *states,
                                    nca_error *error);

// The rule to save, which the caller frees: the current one, or with --average the average so far.
// Training itself goes on with the current one.
NCA_API nca_status nca_trainer_model(nca_trainer *trainer, nca_model *out, nca_error *error);
// Gives the memory of the training back to the device. Afterwards only nca_trainer_done() and
// nca_trainer_task() may be asked, and nca_trainer_free() called.
NCA_API void nca_trainer_release(nca_trainer *trainer);

// checkpoint.safetensors: weights, moments, pool, update number, the average, and the counters of
// the health checks. Written whole or not at all. Of the pool it holds the cells that are not zero.
NCA_API nca_status nca_trainer_save(nca_trainer *trainer, const char *path, nca_error *error);
// Continues from a checkpoint of the same config (checked), bit for bit as if never stopped where
// the same arithmetic computes. NCA_FORMAT where the file is damaged or no checkpoint, NCA_ARGUMENT
// where it is of another training; the trainer is then as it was.
NCA_API nca_status nca_trainer_restore(nca_trainer *trainer, const char *path, nca_error *error);
// The arithmetic (nca/backend.h) that computed the checkpoint that was restored, where it is not
// that of the trainer's device; NULL otherwise, and where the checkpoint does not say.
NCA_API const char *nca_trainer_other_arithmetic(const nca_trainer *trainer);
// The checksum of the config.json (16 digits) that the restored checkpoint was made beside; empty
// where it does not say.
NCA_API const char *nca_trainer_restored_config(const nca_trainer *trainer);
enum { NCA_DIFFERENCES_BYTES = 600 };

// Names every setting in which the restored checkpoint differs from a config, with both values,
// also settings that change no trajectory.
//   words   out; empty where nothing differs or nothing was restored
NCA_API void nca_trainer_differences(const nca_trainer *trainer, const nca_config *config,
                                     char words[NCA_DIFFERENCES_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
