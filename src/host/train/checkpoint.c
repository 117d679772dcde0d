// checkpoint.safetensors: everything a run needs to go on as if it had never stopped.
//
//   parameters, moment1, moment2             [P] F32
//   good.parameters, .moment1, .moment2      [P] F32   the rule to roll back to
//   pool                                     [N,H,W,C] F32
//   counters                                 [9] I64   in the order of list_counters()
//   metadata: "config", every field of the config a line; "target", the hash of its pixels;
//             "arithmetic", what computed it
//
// No random state is kept: draws are a function of seed and update number (nca/rng.h).
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/safetensors.h"
#include "train/trainer_state.h"

enum { COUNTERS = 9, RULES = 6, TENSORS = RULES + 2, UPDATES_MAX = 100000000 };

static void list_counters(nca_trainer *trainer, int64_t *counter[COUNTERS])
{
    nca_health *health = &trainer->health;
    int64_t *const list[COUNTERS] = {&trainer->done,
                                     &trainer->time,
                                     &health->skipped_in_a_row,
                                     &health->seed_deaths_in_a_row,
                                     &health->good_since_rollback,
                                     &health->rollbacks,
                                     &health->rollbacks_in_a_row,
                                     &trainer->good.update,
                                     &trainer->good.time};
    memcpy(counter, list, sizeof list);
}

static size_t pool_size(const nca_trainer *trainer)
{
    return nca_state_size((size_t)trainer->config.pool, (size_t)trainer->height,
                          (size_t)trainer->width, (size_t)trainer->config.channels);
}

// Every field of the config as "name=value", a line each. The caller frees it.
static char *describe_config(const nca_config *config)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
#define TEXT_LINE(name, ...) fprintf(to, #name "=%s\n", config->name);
#define INT_LINE(name, ...) fprintf(to, #name "=%" PRId64 "\n", config->name);
#define REAL_LINE(name, ...) fprintf(to, #name "=%.17g\n", config->name);
#define FLAG_LINE(name, ...) fprintf(to, #name "=%d\n", config->name);
    NCA_CONFIG_FIELDS(TEXT_LINE, INT_LINE, REAL_LINE, FLAG_LINE)
#undef TEXT_LINE
#undef INT_LINE
#undef REAL_LINE
#undef FLAG_LINE
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}

// What is written, gathered from the backend.
typedef struct contents {
    float *rule[RULES];   // the first three owned, the others the trainer's
    float *pool;
    int64_t counter[COUNTERS];
    char *config;
    char target[24];
    char arithmetic[NCA_ARITHMETIC_BYTES];
} contents;

static const char *const rule_names[RULES] = {"parameters",      "moment1",      "moment2",
                                              "good.parameters", "good.moment1", "good.moment2"};

static void free_contents(contents *of)
{
    for (int i = 0; i < 3; i++)
        free(of->rule[i]);
    free(of->pool);
    free(of->config);
}

static nca_status gather(nca_trainer *trainer, contents *out, nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    const nca_buffer buffers[] = {NCA_PARAMETERS, NCA_MOMENT1, NCA_MOMENT2};
    const size_t total = trainer->layout.total, pool = pool_size(trainer);
    int64_t *counter[COUNTERS];
    list_counters(trainer, counter);
    for (int i = 0; i < COUNTERS; i++)
        out->counter[i] = *counter[i];
    out->rule[3] = trainer->good.parameters;
    out->rule[4] = trainer->good.moment1;
    out->rule[5] = trainer->good.moment2;
    for (int i = 0; i < 3; i++)
        out->rule[i] = malloc(total * sizeof(float));
    out->pool = malloc((pool + 1) * sizeof(float));
    out->config = describe_config(&trainer->config);
    snprintf(out->target, sizeof out->target, "%016" PRIx64, trainer->target_hash);
    snprintf(out->arithmetic, sizeof out->arithmetic, "%s",
             nca_trainer_session_info(trainer).arithmetic);
    if (!out->rule[0] || !out->rule[1] || !out->rule[2] || !out->pool || !out->config)
        return nca_fail(error, NCA_MEMORY, "a checkpoint of %zu bytes: no memory for it",
                        pool * sizeof(float));
    for (int i = 0; i < 3; i++)
        NCA_TRY(backend->download(trainer->session, buffers[i], 0, total, out->rule[i], error));
    NCA_TRY(backend->download(trainer->session, NCA_POOL, 0, pool, out->pool, error));
    return backend->synchronize(trainer->session, error);
}

static nca_status write_contents(const nca_trainer *trainer, const contents *of, const char *path,
                                 nca_error *error)
{
    nca_tensor tensor[TENSORS];
    for (int i = 0; i < RULES; i++)
        tensor[i] = (nca_tensor){.name = rule_names[i],
                                 .dtype = NCA_F32,
                                 .axes = 1,
                                 .shape = {trainer->layout.total},
                                 .data = of->rule[i]};
    tensor[RULES] =
        (nca_tensor){.name = "pool",
                     .dtype = NCA_F32,
                     .axes = 4,
                     .shape = {(uint64_t)trainer->config.pool, (uint64_t)trainer->height,
                               (uint64_t)trainer->width, (uint64_t)trainer->config.channels},
                     .data = of->pool};
    tensor[RULES + 1] = (nca_tensor){
        .name = "counters", .dtype = NCA_I64, .axes = 1, .shape = {COUNTERS}, .data = of->counter};
    const nca_metadata metadata[] = {
        {"config", of->config}, {"target", of->target}, {"arithmetic", of->arithmetic}};
    return nca_tensors_write(path, tensor, TENSORS, metadata, 3, error);
}

nca_status nca_trainer_save(nca_trainer *trainer, const char *path, nca_error *error)
{
    contents of = {0};
    nca_status status = gather(trainer, &of, error);
    if (status == NCA_OK)
        status = write_contents(trainer, &of, path, error);
    free_contents(&of);
    return status;
}

// The value of a line "name=value" of a described config; its length in *length.
static const char *find_line(const char *text, const char *name, size_t *length)
{
    const size_t named = strlen(name);
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, named) == 0 && line[named] == '=') {
            *length = strcspn(line + named + 1, "\n");
            return line + named + 1;
        }
    }
    return NULL;
}

// Whether a checkpoint was trained with this value of a setting. One that does not name the setting
// is older than it, and was trained as if the setting had not been there.
static bool agrees(const char *own, const char *saved, const char *name)
{
    size_t length = 0, saved_length = 0;
    const char *value = find_line(own, name, &length);
    const char *saved_value = find_line(saved, name, &saved_length);
    return !saved_value || (length == saved_length && memcmp(value, saved_value, length) == 0);
}

// The same rule as nca_config_difference, on what the checkpoint says of itself.
static nca_status check_config(const nca_trainer *trainer, const char *path, const char *saved,
                               nca_error *error)
{
    char *own = describe_config(&trainer->config);
    const char *different = NULL;
    if (!own)
        return nca_fail(error, NCA_MEMORY, "%s: no memory to read it", path);
#define COMPARE(name, ...)                                                                       \
    if (!different && nca_config_matters(#name, &trainer->config) && !agrees(own, saved, #name)) \
        different = #name;
    NCA_CONFIG_FIELDS(COMPARE, COMPARE, COMPARE, COMPARE)
#undef COMPARE
    free(own);
    if (!different)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "%s: made with another \"%s\"; resume it with its own",
                    path, different);
}

static nca_status check_identity(const nca_trainer *trainer, const nca_tensors *tensors,
                                 const char *path, nca_error *error)
{
    const char *config = nca_tensors_metadata(tensors, "config");
    const char *target = nca_tensors_metadata(tensors, "target");
    size_t length;
    if (!config || !target || !find_line(config, "seed", &length))
        return nca_fail(error, NCA_FORMAT, "%s: not a checkpoint of a training run", path);
    NCA_TRY(check_config(trainer, path, config, error));
    char own[24];
    snprintf(own, sizeof own, "%016" PRIx64, trainer->target_hash);
    if (strcmp(own, target) != 0)
        return nca_fail(error, NCA_ARGUMENT,
                        "%s: made with another target picture; resume it with its own", path);
    return NCA_OK;
}

// Finds and checks everything before anything is changed.
static nca_status find_tensors(const nca_trainer *trainer, const nca_tensors *tensors,
                               const nca_tensor *found[TENSORS], nca_error *error)
{
    const int64_t total[] = {(int64_t)trainer->layout.total}, counters[] = {COUNTERS};
    const int64_t pool[] = {trainer->config.pool, trainer->height, trainer->width,
                            trainer->config.channels};
    for (int i = 0; i < RULES; i++)
        NCA_TRY(nca_tensors_require(tensors, rule_names[i], NCA_F32, 1, total, &found[i], error));
    NCA_TRY(nca_tensors_require(tensors, "pool", NCA_F32, 4, pool, &found[RULES], error));
    NCA_TRY(
        nca_tensors_require(tensors, "counters", NCA_I64, 1, counters, &found[RULES + 1], error));
    return NCA_OK;
}

// A rule that is not finite would ruin every update to come.
static nca_status check_rules(const nca_trainer *trainer, const char *path,
                              const nca_tensor *const found[TENSORS], nca_error *error)
{
    for (int i = 0; i < RULES; i++)
        for (size_t k = 0; k < trainer->layout.total; k++)
            if (!isfinite(((const float *)found[i]->data)[k]))
                return nca_fail(error, NCA_FORMAT,
                                "%s: a number of its \"%s\" is not finite; it is damaged", path,
                                rule_names[i]);
    return NCA_OK;
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

static nca_status take(nca_trainer *trainer, const nca_tensor *const found[TENSORS],
                       nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    const nca_buffer buffers[] = {NCA_PARAMETERS, NCA_MOMENT1, NCA_MOMENT2};
    float *const good[] = {trainer->good.parameters, trainer->good.moment1, trainer->good.moment2};
    const size_t total = trainer->layout.total;
    int64_t *counter[COUNTERS];
    for (int i = 0; i < 3; i++) {
        NCA_TRY(backend->upload(trainer->session, buffers[i], 0, total, found[i]->data, error));
        memcpy(good[i], found[i + 3]->data, total * sizeof(float));
    }
    NCA_TRY(backend->upload(trainer->session, NCA_POOL, 0, pool_size(trainer), found[RULES]->data,
                            error));
    list_counters(trainer, counter);
    for (int i = 0; i < COUNTERS; i++)
        *counter[i] = ((const int64_t *)found[RULES + 1]->data)[i];
    return backend->synchronize(trainer->session, error);
}

nca_status nca_trainer_restore(nca_trainer *trainer, const char *path, nca_error *error)
{
    nca_tensors tensors;
    const nca_tensor *found[TENSORS];
    NCA_TRY(nca_tensors_read(path, &tensors, error));
    nca_status status = check_identity(trainer, &tensors, path, error);
    if (status == NCA_OK)
        status = find_tensors(trainer, &tensors, found, error);
    if (status == NCA_OK)
        status = check_rules(trainer, path, found, error);
    if (status == NCA_OK)
        status = check_counters(path, found[RULES + 1]->data, error);
    if (status == NCA_OK)
        status = take(trainer, found, error);
    if (status == NCA_OK) {
        const char *arithmetic = nca_tensors_metadata(&tensors, "arithmetic");
        snprintf(trainer->restored_arithmetic, sizeof trainer->restored_arithmetic, "%s",
                 arithmetic ? arithmetic : "");
    }
    nca_tensors_free(&tensors);
    return status;
}

const char *nca_trainer_other_arithmetic(const nca_trainer *trainer)
{
    const nca_session_info own = nca_trainer_session_info(trainer);
    const char *restored = trainer->restored_arithmetic;
    return *restored && strcmp(restored, own.arithmetic) != 0 ? restored : NULL;
}
