// Tasks of their own, trained through the public headers alone on the reference and the CPU: they
// reach their loss, every row of the pool keeps its picture, and a checkpoint goes on bit for bit.
#include "tasks.h"

#include <unistd.h>

#include "model/safetensors.h"
#include "training.h"

// -- Training them --------------------------------------------------------------------------------

typedef struct lesson {
    const nca_task *task;
    pictures (*draw)(void);
    double first, last;   // the loss of an untrained rule, and what it has to come below
} lesson;

static const lesson lessons[] = {{&mean_task, draw_noise, 0.05, 0.02},
                                 {&stripes_task, draw_stripes, 1.0, 0.5}};
enum { LESSONS = sizeof lessons / sizeof *lessons, UPDATES = 900, LAST = 30 };

typedef struct training {
    pictures content;
    nca_compute compute;
    nca_trainer *trainer;
} training;

static nca_config make_config(const char *grid)
{
    nca_config config = nca_config_default();
    snprintf(config.grid, sizeof config.grid, "%s", grid);
    snprintf(config.schedule, sizeof config.schedule, "constant");
    config.target_size = 4;
    config.channels = 8, config.hidden = 24;
    config.batch = BATCH, config.pool = ROWS;
    config.steps_min = 8, config.steps_max = 10;
    config.rate = 0.003;
    return config;
}

// In place: the trainer keeps the content's address.
static void start(training *run, const lesson *what, const char *device, int threads)
{
    const nca_device_options options = {.threads = strcmp(device, "cpu") == 0 ? threads : 0};
    const nca_config config = make_config("6x6");
    nca_plan plan;
    run->content = what->draw();
    assert_ok(nca_plan_make(&config, &plan, error));
    assert_ok(nca_compute_open(device, &options, &run->compute, error));
    assert_ok(nca_trainer_create(&config, &plan, what->task, &run->content, &run->compute,
                                 &run->trainer, error));
}

static void end(training *run)
{
    nca_trainer_free(run->trainer);
    nca_compute_close(&run->compute);
}

static void check_learns(const lesson *what, const char *device)
{
    training run;
    start(&run, what, device, 2);
    const double first = train_on(run.trainer, 1);
    train_on(run.trainer, UPDATES - LAST - 1);
    const double last = train_on(run.trainer, LAST);
    print_message("%s on %s: loss %.4f, after %d updates %.4f\n", what->task->name, device, first,
                  UPDATES, last);
    assert_true(first > what->first);
    assert_true(last < what->last);
    end(&run);
}

static void test_tasks_are_learnt(void **state)
{
    (void)state;
    for (int i = 0; i < LESSONS; i++) {
        check_learns(&lessons[i], "reference");
        check_learns(&lessons[i], "cpu");
    }
}

static bool is_a_picture(const pictures *all, const float *state, size_t channels)
{
    for (int item = 0; item < PICTURES; item++) {
        int same = 0;
        while (same < CELLS && state[(size_t)same * channels] == all->pixels[item][same])
            same++;
        if (same == CELLS)
            return true;
    }
    return false;
}

// The frozen channel of every row is one whole picture, before any update and after many.
static void check_rows(training *run)
{
    enum { CHANNELS = 8 };
    static float states[ROWS][CELLS * CHANNELS];
    assert_ok(nca_trainer_pool(run->trainer, 0, ROWS, states[0], error));
    for (int row = 0; row < ROWS; row++)
        assert_true(is_a_picture(&run->content, states[row], CHANNELS));
}

static void test_every_row_keeps_a_picture(void **state)
{
    (void)state;
    training run;
    start(&run, &lessons[0], "cpu", 1);
    check_rows(&run);
    train_on(run.trainer, 20);
    check_rows(&run);
    end(&run);
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = allocate(*size, 1);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void name_scratch(const char *name, char path[64])
{
    snprintf(path, 64, "/tmp/nca_task_%d_%.20s.safetensors", (int)getpid(), name);
}

// Stopped and gone on with, the items of the pool come with it: the same bytes as straight on.
static void check_resumes(const lesson *what)
{
    training straight, stopped;
    char straight_path[64], path[64];
    size_t straight_size, size;
    name_scratch("straight", straight_path), name_scratch("stopped", path);
    start(&straight, what, "cpu", 2), start(&stopped, what, "cpu", 1);
    train_on(straight.trainer, 20), train_on(stopped.trainer, 9);
    assert_ok(nca_trainer_save(stopped.trainer, path, error));
    end(&stopped);
    start(&stopped, what, "cpu", 2);
    train_on(stopped.trainer, 3);
    assert_ok(nca_trainer_restore(stopped.trainer, path, error));
    train_on(stopped.trainer, 11);
    assert_ok(nca_trainer_save(straight.trainer, straight_path, error));
    assert_ok(nca_trainer_save(stopped.trainer, path, error));
    char *a = read_file(straight_path, &straight_size), *b = read_file(path, &size);
    assert_int_equal(size, straight_size);
    assert_memory_equal(a, b, size);
    free(a), free(b);
    unlink(straight_path), unlink(path);
    end(&straight), end(&stopped);
}

static void test_tasks_go_on_bit_for_bit(void **state)
{
    (void)state;
    for (int i = 0; i < LESSONS; i++)
        check_resumes(&lessons[i]);
}

// One that there is not would be looked up beyond the pictures.
static void test_items_that_are_not_there_are_refused(void **state)
{
    (void)state;
    training run;
    char path[64];
    int64_t items[64];
    nca_tensors whole;
    name_scratch("items", path);
    start(&run, &lessons[0], "cpu", 1);
    assert_ok(nca_trainer_save(run.trainer, path, error));
    assert_ok(nca_tensors_read(path, &whole, error));
    nca_tensor *tensor = (nca_tensor *)nca_tensors_find(&whole, "items");
    assert_true(tensor && tensor->size_bytes <= sizeof items);
    memcpy(items, tensor->data, tensor->size_bytes);
    tensor->data = items;
    static const int64_t wrong[] = {PICTURES, -1, INT64_MAX};
    for (int i = 0; i < 3; i++) {
        items[tensor->elements - 1] = wrong[i];
        assert_ok(nca_tensors_write(path, whole.tensor, whole.count, whole.metadata,
                                    whole.metadata_count, error));
        assert_refused(NCA_FORMAT, nca_trainer_restore(run.trainer, path, error));
    }
    nca_tensors_free(&whole);
    end(&run);
    start(&run, &lessons[1], "cpu", 1);   // other pictures
    assert_refused(NCA_ARGUMENT, nca_trainer_restore(run.trainer, path, error));
    end(&run);
    unlink(path);
}

static void test_content_of_another_size_is_refused(void **state)
{
    (void)state;
    const nca_config config = make_config("8x6");
    const pictures content = draw_noise();
    nca_trainer *trainer = NULL;
    nca_compute on = open_reference();
    nca_plan plan;
    assert_ok(nca_plan_make(&config, &plan, error));
    assert_refused(NCA_ARGUMENT,
                   nca_trainer_create(&config, &plan, &mean_task, &content, &on, &trainer, error));
    assert_null(trainer);
    nca_compute_close(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tasks_are_learnt),
        cmocka_unit_test(test_every_row_keeps_a_picture),
        cmocka_unit_test(test_tasks_go_on_bit_for_bit),
        cmocka_unit_test(test_items_that_are_not_there_are_refused),
        cmocka_unit_test(test_content_of_another_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
