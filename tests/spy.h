// A backend that passes every call on to the cpu backend, remembers what a trainer asked of it, and
// may spoil a gradient on its way; and small trainings to look at with it.
#ifndef NCA_TESTS_SPY_H
#define NCA_TESTS_SPY_H

#include "support.h"

#include <unistd.h>

#include "nca/image.h"
#include "train/trainer_state.h"

enum { SPY_BATCH_MAX = 8, SPY_CALLS_MAX = 256 };

// Of the calls since forget_calls().
static struct {
    const nca_backend *real;
    char calls[SPY_CALLS_MAX];   // a letter each, in order
    int gathered[4][SPY_BATCH_MAX], gathers;
    int scattered[SPY_BATCH_MAX];
    int damaged[SPY_BATCH_MAX], damages;
    nca_region region[SPY_BATCH_MAX];
    nca_rollout rollout;
    nca_optimizer_step step;
    int batch;
    int spoil;   // so many gradients to come get a NaN
} spy;

static inline void note(char letter)
{
    const size_t length = strlen(spy.calls);
    assert_true(length + 1 < SPY_CALLS_MAX);
    spy.calls[length] = letter;
}

static inline void forget_calls(void)
{
    memset(spy.calls, 0, sizeof spy.calls);
    spy.gathers = spy.damages = 0;
}

static inline nca_status spy_gather(nca_session *session, const int *rows, nca_error *error)
{
    note('g');
    memcpy(spy.gathered[spy.gathers++ % 4], rows, (size_t)spy.batch * sizeof *rows);
    return spy.real->gather(session, rows, error);
}

static inline nca_status spy_scatter(nca_session *session, const int *rows, nca_error *error)
{
    note('S');
    memcpy(spy.scattered, rows, (size_t)spy.batch * sizeof *rows);
    return spy.real->scatter(session, rows, error);
}

static inline nca_status spy_damage(nca_session *session, int slot, const nca_region *region,
                                    nca_error *error)
{
    note('d');
    spy.region[spy.damages] = *region;
    spy.damaged[spy.damages++] = slot;
    return spy.real->damage(session, slot, region, error);
}

static inline nca_status spy_forward(nca_session *session, const nca_rollout *rollout,
                                     nca_pass_report *report, nca_error *error)
{
    note('F');
    spy.rollout = *rollout;
    return spy.real->forward(session, rollout, report, error);
}

static inline nca_status spy_loss(nca_session *session, nca_sample_report *samples,
                                  nca_error *error)
{
    note('l');
    return spy.real->loss(session, samples, error);
}

static inline nca_status spy_backward(nca_session *session, nca_pass_report *report,
                                      nca_error *error)
{
    const float nothing = NAN;
    note('B');
    NCA_TRY(spy.real->backward(session, report, error));
    if (spy.spoil <= 0)
        return NCA_OK;
    spy.spoil--;
    return spy.real->upload(session, NCA_GRADIENT, 3, 1, &nothing, error);
}

static inline nca_status spy_update(nca_session *session, const nca_optimizer_step *step,
                                    nca_update_report *report, nca_error *error)
{
    note('U');
    spy.step = *step;
    return spy.real->update(session, step, report, error);
}

// A training, watched.
typedef struct training {
    nca_config config;
    nca_image target;
    nca_growth growth;   // of it
    nca_compute inner, watched;
    nca_backend table;
    nca_trainer *trainer;
    nca_shape shape;
} training;

static inline void set_text(char to[NCA_TEXT_BYTES], const char *text)
{
    snprintf(to, NCA_TEXT_BYTES, "%s", text);
}

// Small enough for a few hundred updates a second.
static inline nca_config small_config(void)
{
    nca_config config = nca_config_default();
    set_text(config.grid, "11x9");
    set_text(config.schedule, "steps:3x0.5");
    config.target_size = 6;
    config.channels = 8, config.hidden = 16;
    config.batch = 5, config.pool = 12, config.reseeded = 1, config.damaged = 2;
    config.damage_halves = config.damage_centred = 0, config.average = 0;
    config.steps_min = 3, config.steps_max = 6;
    config.updates = 1000;
    return config;
}

// A soft disc of one colour in the middle.
static inline nca_image make_target(int height, int width)
{
    nca_image image;
    assert_ok(nca_image_create(height, width, &image, error));
    for (int i = 0; i < height * width; i++) {
        const double y = i / width - (height - 1) / 2.0, x = i % width - (width - 1) / 2.0;
        const double alpha = fmin(fmax(3.2 - hypot(y, x), 0), 1);
        const double color[] = {0.9, 0.3, 0.1, 1};
        for (int k = 0; k < 4; k++)
            image.pixels[i * 4 + k] = (float)(alpha * color[k]);
    }
    return image;
}

// In place: the table that is watched lies in it.
static inline void start_training(training *run, const nca_config *config, int threads)
{
    const nca_device_options options = {.threads = threads};
    *run = (training){.config = *config};
    nca_plan plan;
    assert_ok(nca_plan_make(config, &plan, error));
    run->shape.height = plan.grid.height, run->shape.width = plan.grid.width;
    run->shape.batch = (int)config->batch, run->shape.pool = (int)config->pool;
    run->shape.spec.channels = (int)config->channels,
    run->shape.spec.hidden[0] = (int)config->hidden;
    run->target = make_target(run->shape.height, run->shape.width);
    run->growth.target = run->target;
    assert_ok(nca_compute_open("cpu", &options, &run->inner, error));
    spy.real = run->inner.backend;
    spy.batch = run->shape.batch;
    spy.spoil = 0;
    run->table = *spy.real;
    run->table.gather = spy_gather, run->table.scatter = spy_scatter;
    run->table.damage = spy_damage;
    run->table.forward = spy_forward, run->table.loss = spy_loss;
    run->table.backward = spy_backward, run->table.update = spy_update;
    run->watched = (nca_compute){.backend = &run->table, .device = run->inner.device};
    assert_ok(nca_trainer_create(config, &plan, &nca_task_grow, &run->growth, &run->watched,
                                 &run->trainer, error));
    forget_calls();
}

static inline void end_training(training *run)
{
    nca_trainer_free(run->trainer);
    nca_compute_close(&run->inner);
    nca_image_free(&run->target);
}

static inline nca_update_result advance(training *run)
{
    nca_update_result result;
    forget_calls();
    assert_ok(nca_trainer_update(run->trainer, &result, error));
    return result;
}

static inline float *read_of(training *run, nca_buffer buffer)
{
    const size_t count = buffer == NCA_POOL        ? state_of(&run->shape) * (size_t)run->shape.pool
                         : buffer == NCA_OPTIMIZER ? 2 * total_of(&run->shape)
                                                   : total_of(&run->shape);
    return read_buffer(&run->inner, run->trainer->session, buffer, count);
}

// Every row of the pool another one.
static inline void mix_pool(training *run)
{
    nca_shape rows = run->shape;
    rows.batch = run->shape.pool;
    float *pool = mixed_states(&rows, 21);
    write_buffer(&run->inner, run->trainer->session, NCA_POOL, batch_of(&rows), pool);
    free(pool);
}

// A file name of this process's own; there is no such file yet.
static inline void name_scratch(const char *name, char path[64])
{
    snprintf(path, 64, "/tmp/nca_test_%d_%.20s.safetensors", (int)getpid(), name);
}

// The bytes of a checkpoint: everything that a training is.
static inline char *checkpoint_of(training *run, size_t *size)
{
    char path[64];
    name_scratch("state", path);
    assert_ok(nca_trainer_save(run->trainer, path, error));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = allocate(*size, 1);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    unlink(path);
    return bytes;
}

static inline bool are_equal_trainings(training *a, training *b)
{
    size_t size_a, size_b;
    char *bytes_a = checkpoint_of(a, &size_a), *bytes_b = checkpoint_of(b, &size_b);
    const bool are_equal = size_a == size_b && memcmp(bytes_a, bytes_b, size_a) == 0;
    free(bytes_a), free(bytes_b);
    return are_equal;
}

#endif
