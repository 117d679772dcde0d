// checkpoint.safetensors: everything a run needs to go on as if it had never stopped.
//
//   parameters, good.parameters   [P] F32     the rule, and the one to roll back to
//   optimizer, good.optimizer     [S,P] F32   their optimizer states
//   counters                      [9] I64     in the order of list_counters()
//   items                         [N] I64     of the pool's rows, where the task has several
//   what only some need: train/saved_extras.h
//   pool.cells, pool.kept                     the pool: train/pool_cells.h
//   metadata: "config", every field of the config a line; "config_json", the checksum of
//             config.json; "target", the hash of the task's content; "arithmetic", what computed it
//
// Version 0.1.0 wrote the optimizer's blocks apart, as "moment1" and "moment2", and every cell of
// the pool; that is read as well. No random state is kept: draws are a function of seed and update
// number (nca/rng.h).
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_json.h"
#include "model/safetensors.h"
#include "train/pool_cells.h"
#include "train/saved_extras.h"
#include "train/saved_settings.h"
#include "train/trainer_state.h"

enum { COUNTERS = 9, UPDATES_MAX = 100000000 };

// A part of what is learnt: parameters or optimizer state, of now and of the good rule.
enum { LEARNT = 4, TENSORS = LEARNT + 4 + NCA_EXTRAS_MAX };
typedef struct part {
    const char *name;
    bool is_optimizer, is_good;
    nca_buffer buffer;                            // where the part of now lies
    const char *old_name[NCA_OPTIMIZER_BLOCKS];   // blocks of an optimizer in older files
} part;

// In the order of the file.
static const part parts[LEARNT] = {
    {"parameters", false, false, NCA_PARAMETERS, {NULL}},
    {"optimizer", true, false, NCA_OPTIMIZER, {"moment1", "moment2"}},
    {"good.parameters", false, true, NCA_PARAMETERS, {NULL}},
    {"good.optimizer", true, true, NCA_OPTIMIZER, {"good.moment1", "good.moment2"}},
};

static size_t part_size(const nca_trainer *trainer, const part *piece)
{
    return trainer->layout.total * (piece->is_optimizer ? NCA_OPTIMIZER_BLOCKS : 1);
}

// Where the trainer keeps the part of its good rule.
static float *good_part(const nca_trainer *trainer, const part *piece)
{
    return piece->is_optimizer ? trainer->good.optimizer : trainer->good.parameters;
}

static void list_counters(nca_trainer *trainer, int64_t *counter[COUNTERS])
{
    nca_health *health = &trainer->health;
    int64_t *const list[COUNTERS] = {&trainer->done,
                                     &trainer->time,
                                     &health->skipped_in_a_row,
                                     &health->tenths_of_deaths,
                                     &health->good_since_rollback,
                                     &health->rollbacks,
                                     &health->rollbacks_in_a_row,
                                     &trainer->good.update,
                                     &trainer->good.time};
    memcpy(counter, list, sizeof list);
}

static size_t pool_size(const nca_trainer *trainer)
{
    return (size_t)trainer->shape.pool * nca_trainer_state_size(trainer);
}

// What is written, gathered from the backend.
typedef struct contents {
    float *learnt[LEARNT];   // of now; those of the good rule are the trainer's
    float *pool;             // its cells that are kept come first
    uint8_t *kept;
    size_t cells;
    int64_t counter[COUNTERS];
    nca_extra_numbers numbers;
    char *config;
    char config_json[NCA_CHECKSUM_BYTES];
    char target[24];
    char arithmetic[NCA_ARITHMETIC_BYTES];
} contents;

static void free_contents(contents *record)
{
    for (int i = 0; i < LEARNT; i++)
        if (!parts[i].is_good)
            free(record->learnt[i]);
    free(record->pool);
    free(record->kept);
    free(record->config);
}

static bool allocate(const nca_trainer *trainer, contents *out)
{
    bool is_whole = true;
    for (int i = 0; i < LEARNT; i++) {
        out->learnt[i] = parts[i].is_good ? good_part(trainer, &parts[i])
                                          : malloc(part_size(trainer, &parts[i]) * sizeof(float));
        is_whole &= out->learnt[i] != NULL;
    }
    out->pool = malloc((pool_size(trainer) + 1) * sizeof(float));
    out->kept = malloc(nca_pool_kept_bytes(&trainer->shape) + 1);
    out->config = nca_settings_describe(&trainer->config);
    return is_whole && out->pool && out->kept && out->config;
}

static nca_status gather(nca_trainer *trainer, contents *out, nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    const size_t pool = pool_size(trainer);
    int64_t *counter[COUNTERS];
    list_counters(trainer, counter);
    for (int i = 0; i < COUNTERS; i++)
        out->counter[i] = *counter[i];
    if (!allocate(trainer, out))
        return nca_fail(error, NCA_MEMORY, "a checkpoint of %zu bytes: no memory for it",
                        pool * sizeof(float));
    NCA_TRY(nca_config_checksum(&trainer->config, out->config_json, error));
    snprintf(out->target, sizeof out->target, "%016" PRIx64, trainer->content_hash);
    snprintf(out->arithmetic, sizeof out->arithmetic, "%s",
             nca_trainer_session_info(trainer).arithmetic);
    for (int i = 0; i < LEARNT; i++)
        if (!parts[i].is_good)
            NCA_TRY(backend->download(trainer->session, parts[i].buffer, 0,
                                      part_size(trainer, &parts[i]), out->learnt[i], error));
    NCA_TRY(backend->download(trainer->session, NCA_POOL, 0, pool, out->pool, error));
    NCA_TRY(backend->synchronize(trainer->session, error));
    out->cells = nca_pool_pack(&trainer->shape, out->pool, out->kept);
    return NCA_OK;
}

// In the order of the file: what is not of whole words comes last. Returns how many.
static size_t list_tensors(const nca_trainer *trainer, contents *record, nca_tensor tensor[TENSORS])
{
    const uint64_t total = trainer->layout.total, blocks = NCA_OPTIMIZER_BLOCKS;
    const uint64_t rows = (uint64_t)trainer->shape.pool, lines = (uint64_t)trainer->shape.height;
    const uint64_t channels = (uint64_t)trainer->shape.spec.channels;
    size_t count = 0;
    for (int i = 0; i < LEARNT; i++)
        tensor[count++] = (nca_tensor){.name = parts[i].name,
                                       .dtype = NCA_F32,
                                       .axes = parts[i].is_optimizer ? 2 : 1,
                                       .shape = {parts[i].is_optimizer ? blocks : total, total},
                                       .data = record->learnt[i]};
    tensor[count++] = (nca_tensor){.name = "counters",
                                   .dtype = NCA_I64,
                                   .axes = 1,
                                   .shape = {COUNTERS},
                                   .data = record->counter};
    if (nca_trainer_has_items(trainer))
        tensor[count++] = (nca_tensor){
            .name = "items", .dtype = NCA_I64, .axes = 1, .shape = {rows}, .data = trainer->items};
    count += nca_extras_list(trainer, &record->numbers, tensor + count);
    tensor[count++] = (nca_tensor){.name = "pool.cells",
                                   .dtype = NCA_F32,
                                   .axes = 2,
                                   .shape = {record->cells, channels},
                                   .data = record->pool};
    tensor[count++] = (nca_tensor){.name = "pool.kept",
                                   .dtype = NCA_U8,
                                   .axes = 3,
                                   .shape = {rows, lines, ((uint64_t)trainer->shape.width + 7) / 8},
                                   .data = record->kept};
    return count;
}

static nca_status write_contents(const nca_trainer *trainer, contents *record, const char *path,
                                 nca_error *error)
{
    nca_tensor tensor[TENSORS];
    const size_t count = list_tensors(trainer, record, tensor);
    const nca_metadata metadata[] = {{"config", record->config},
                                     {"config_json", record->config_json},
                                     {"target", record->target},
                                     {"arithmetic", record->arithmetic}};
    return nca_tensors_write(path, tensor, count, metadata, sizeof metadata / sizeof *metadata,
                             error);
}

nca_status nca_trainer_save(nca_trainer *trainer, const char *path, nca_error *error)
{
    contents record = {0};
    nca_status status = gather(trainer, &record, error);
    if (status == NCA_OK)
        status = write_contents(trainer, &record, path, error);
    free_contents(&record);
    return status;
}

// The same rule as nca_config_difference, on what the checkpoint says of itself.
static nca_status check_config(const nca_trainer *trainer, const char *path, const char *saved,
                               nca_error *error)
{
    char different[NCA_DIFFERENCES_BYTES];
    if (!nca_settings_compare(saved, &trainer->config, false, different, sizeof different))
        return nca_fail(error, NCA_MEMORY, "%s: no memory to read it", path);
    if (!*different)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "%s: made with another %s; resume it with its own", path,
                    different);
}

static nca_status check_identity(const nca_trainer *trainer, const nca_tensors *tensors,
                                 const char *path, nca_error *error)
{
    const char *config = nca_tensors_metadata(tensors, "config");
    const char *target = nca_tensors_metadata(tensors, "target");
    if (!config || !target || !nca_settings_are_whole(config))
        return nca_fail(error, NCA_FORMAT, "%s: not a checkpoint of a training run", path);
    NCA_TRY(check_config(trainer, path, config, error));
    char own[24];
    snprintf(own, sizeof own, "%016" PRIx64, trainer->content_hash);
    if (strcmp(own, target) != 0)
        return nca_fail(error, NCA_ARGUMENT, "%s: made with another %s%s; resume it with its own",
                        path, trainer->task->content_words,
                        trainer->has_adversary  ? " or adversary"
                        : trainer->task->victim ? " or victim"
                                                : "");
    return NCA_OK;
}

// What a file holds of the parts: one tensor each, or of an older file one for each block.
typedef struct found_tensors {
    const nca_tensor *block[LEARNT][NCA_OPTIMIZER_BLOCKS];
    int blocks[LEARNT];
    nca_packed_pool pool;
    const nca_tensor *counters;
    const nca_tensor *items;   // NULL where the task has one
    nca_found_extras extras;
} found_tensors;

static nca_status find_part(const nca_trainer *trainer, const nca_tensors *tensors, int i,
                            found_tensors *out, nca_error *error)
{
    const part *piece = &parts[i];
    const int64_t total = (int64_t)trainer->layout.total;
    const int64_t whole[] = {NCA_OPTIMIZER_BLOCKS, total};
    const bool is_old = piece->is_optimizer && !nca_tensors_find(tensors, piece->name) &&
                        nca_tensors_find(tensors, piece->old_name[0]);
    out->blocks[i] = is_old ? NCA_OPTIMIZER_BLOCKS : 1;
    for (int k = 0; is_old && k < NCA_OPTIMIZER_BLOCKS; k++)
        NCA_TRY(nca_tensors_require(tensors, piece->old_name[k], NCA_F32, 1, &total,
                                    &out->block[i][k], error));
    if (is_old)
        return NCA_OK;
    return nca_tensors_require(tensors, piece->name, NCA_F32, piece->is_optimizer ? 2 : 1,
                               piece->is_optimizer ? whole : &total, &out->block[i][0], error);
}

// Finds and checks everything before anything is changed.
static nca_status find_tensors(const nca_trainer *trainer, const nca_tensors *tensors,
                               found_tensors *out, nca_error *error)
{
    const int64_t counters[] = {COUNTERS};
    const nca_shape *shape = &trainer->shape;
    const int64_t rows[] = {shape->pool};
    out->items = NULL;
    if (nca_trainer_has_items(trainer))
        NCA_TRY(nca_tensors_require(tensors, "items", NCA_I64, 1, rows, &out->items, error));
    for (int i = 0; i < LEARNT; i++)
        NCA_TRY(find_part(trainer, tensors, i, out, error));
    NCA_TRY(nca_extras_find(trainer, tensors, &out->extras, error));
    NCA_TRY(nca_pool_find(tensors, shape, &out->pool, error));
    return nca_tensors_require(tensors, "counters", NCA_I64, 1, counters, &out->counters, error);
}

// A rule that is not finite would ruin every update to come.
static nca_status check_learnt(const char *path, const found_tensors *found, nca_error *error)
{
    for (int i = 0; i < LEARNT; i++)
        for (int k = 0; k < found->blocks[i]; k++) {
            const nca_tensor *block = found->block[i][k];
            for (size_t at = 0; at < block->elements; at++)
                if (!isfinite(((const float *)block->data)[at]))
                    return nca_fail(error, NCA_FORMAT,
                                    "%s: a number of its \"%s\" is not finite; it is damaged", path,
                                    block->name);
        }
    return NCA_OK;
}

// Where a matrix alone is learnt, the rest of the rule is still that of the victim, as it stands in
// the new trainer.
static nca_status check_victim(const nca_trainer *trainer, const char *path,
                               const found_tensors *found, nca_error *error)
{
    const size_t fixed_bytes =
        (trainer->layout.total - trainer->layout.size[NCA_MIX]) * sizeof(float);
    if (trainer->plan.optimizer.moved != NCA_MOVED_MIX ||
        memcmp(found->block[0][0]->data, trainer->good.parameters, fixed_bytes) == 0)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "%s: made with another victim; resume it with its own",
                    path);
}

static nca_status check_counters(const char *path, const int64_t *counter, nca_error *error)
{
    for (int i = 0; i < COUNTERS; i++)
        if (counter[i] < 0 || counter[i] > UPDATES_MAX)
            return nca_fail(error, NCA_FORMAT,
                            "%s: counter %d is %" PRId64 "; it must be 0 to %d, so it is damaged",
                            path, i, counter[i], UPDATES_MAX);
    return NCA_OK;
}

// The task may look its items up.
static nca_status check_items(const nca_trainer *trainer, const char *path, const nca_tensor *items,
                              nca_error *error)
{
    if (!items || !trainer->task->items)
        return NCA_OK;
    const int64_t count = trainer->task->items(trainer->content);
    for (size_t i = 0; i < items->elements; i++) {
        const int64_t item = ((const int64_t *)items->data)[i];
        if (item < 0 || item >= count)
            return nca_fail(error, NCA_FORMAT,
                            "%s: row %zu of its pool is of item %" PRId64 "; there are %" PRId64
                            ", so it is damaged",
                            path, i, item, count);
    }
    return NCA_OK;
}

static nca_status take_part(nca_trainer *trainer, const found_tensors *found, int i,
                            nca_error *error)
{
    size_t at = 0;
    for (int k = 0; k < found->blocks[i]; k++) {
        const nca_tensor *block = found->block[i][k];
        if (parts[i].is_good)
            memcpy(good_part(trainer, &parts[i]) + at, block->data, block->size_bytes);
        else
            NCA_TRY(trainer->compute.backend->upload(trainer->session, parts[i].buffer, at,
                                                     block->elements, block->data, error));
        at += block->elements;
    }
    return NCA_OK;
}

static nca_status take_pool(nca_trainer *trainer, const found_tensors *found, nca_error *error)
{
    const size_t state = nca_trainer_state_size(trainer);
    nca_packed_pool pool = found->pool;
    for (int row = 0; row < trainer->shape.pool; row++) {
        nca_pool_unpack(&pool, trainer->fresh);
        NCA_TRY(trainer->compute.backend->upload(trainer->session, NCA_POOL, (size_t)row * state,
                                                 state, trainer->fresh, error));
    }
    return NCA_OK;
}

static nca_status take(nca_trainer *trainer, const found_tensors *found, nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    int64_t *counter[COUNTERS];
    for (int i = 0; i < LEARNT; i++)
        NCA_TRY(take_part(trainer, found, i, error));
    NCA_TRY(take_pool(trainer, found, error));
    if (found->items)
        memcpy(trainer->items, found->items->data, found->items->size_bytes);
    nca_extras_take(trainer, &found->extras);
    list_counters(trainer, counter);
    for (int i = 0; i < COUNTERS; i++)
        *counter[i] = ((const int64_t *)found->counters->data)[i];
    return backend->synchronize(trainer->session, error);
}

// What the checkpoint says of where it was made.
static nca_status keep_words(nca_trainer *trainer, const nca_tensors *tensors, const char *path,
                             nca_error *error)
{
    const char *arithmetic = nca_tensors_metadata(tensors, "arithmetic");
    const char *config_json = nca_tensors_metadata(tensors, "config_json");
    char *settings = strdup(nca_tensors_metadata(tensors, "config"));
    if (!settings)
        return nca_fail(error, NCA_MEMORY, "%s: no memory to read it", path);
    free(trainer->restored_settings);
    trainer->restored_settings = settings;
    snprintf(trainer->restored_arithmetic, sizeof trainer->restored_arithmetic, "%s",
             arithmetic ? arithmetic : "");
    snprintf(trainer->restored_config, sizeof trainer->restored_config, "%s",
             config_json ? config_json : "");
    return NCA_OK;
}

nca_status nca_trainer_restore(nca_trainer *trainer, const char *path, nca_error *error)
{
    nca_tensors tensors;
    found_tensors found;
    nca_status status;
    NCA_TRY(nca_tensors_read(path, &tensors, error));
    NCA_GO(check_identity(trainer, &tensors, path, error));
    NCA_GO(find_tensors(trainer, &tensors, &found, error));
    NCA_GO(check_learnt(path, &found, error));
    NCA_GO(check_victim(trainer, path, &found, error));
    NCA_GO(check_counters(path, found.counters->data, error));
    NCA_GO(check_items(trainer, path, found.items, error));
    NCA_GO(keep_words(trainer, &tensors, path, error));
    NCA_GO(take(trainer, &found, error));
cleanup:
    nca_tensors_free(&tensors);
    return status;
}

const char *nca_trainer_other_arithmetic(const nca_trainer *trainer)
{
    const nca_session_info own = nca_trainer_session_info(trainer);
    const char *restored = trainer->restored_arithmetic;
    return *restored && strcmp(restored, own.arithmetic) != 0 ? restored : NULL;
}

const char *nca_trainer_restored_config(const nca_trainer *trainer)
{
    return trainer->restored_config;
}

void nca_trainer_differences(const nca_trainer *trainer, const nca_config *config,
                             char words[NCA_DIFFERENCES_BYTES])
{
    *words = 0;
    if (trainer->restored_settings)
        nca_settings_compare(trainer->restored_settings, config, true, words,
                             NCA_DIFFERENCES_BYTES);
}
