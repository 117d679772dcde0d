// checkpoint.safetensors: a training goes on from one bit for bit as if it had never stopped, and
// one that is not its own, or damaged, is refused and changes nothing.
#include "spy.h"

#include "model/safetensors.h"
#include "train/pool_cells.h"

static void advance_by(training *run, int updates)
{
    for (int i = 0; i < updates; i++)
        advance(run);
}

// Straight on; and stopped after 9 of 20 updates and gone on with by a new trainer.
static void check_resume(const nca_config *config)
{
    training straight, stopped, resumed;
    char path[64];
    name_scratch("resume", path);
    start_training(&straight, config, 2);
    advance_by(&straight, 20);
    start_training(&stopped, config, 1);
    advance_by(&stopped, 9);
    assert_ok(nca_trainer_save(stopped.trainer, path, error));
    end_training(&stopped);
    start_training(&resumed, config, 3);
    advance_by(&resumed, 2);   // whatever it was before does not count
    assert_ok(nca_trainer_restore(resumed.trainer, path, error));
    assert_int_equal(nca_trainer_done(resumed.trainer), 9);
    assert_int_equal(advance(&resumed).update, 10);
    advance_by(&resumed, 10);
    assert_true(are_equal_trainings(&straight, &resumed));
    end_training(&straight), end_training(&resumed);
    unlink(path);
}

static void test_a_training_goes_on_bit_for_bit(void **state)
{
    (void)state;
    nca_config config = small_config();
    check_resume(&config);
    set_text(config.schedule, "cosine");
    set_text(config.gradient, "clip:0.1,global:1");
    config.updates = 25, config.pool_replacement = true;
    check_resume(&config);
    config.pool = 0, config.reseeded = 0, config.damaged = 0;
    check_resume(&config);
}

// A checkpoint of a training of three updates.
static void save_checkpoint(char path[64])
{
    training run;
    const nca_config config = small_config();
    name_scratch("saved", path);
    start_training(&run, &config, 1);
    advance_by(&run, 3);
    assert_ok(nca_trainer_save(run.trainer, path, error));
    end_training(&run);
}

// A training with this config, two updates old, refuses the checkpoint and stays what it is.
static void expect_refused(const nca_config *config, const char *path, nca_status expected,
                           const char *words)
{
    training run, twin;
    nca_error error = {0};
    start_training(&run, config, 1);
    start_training(&twin, config, 1);
    advance_by(&run, 2);
    advance_by(&twin, 2);
    if (nca_trainer_restore(run.trainer, path, &error) != expected || !strstr(error.message, words))
        fail_msg("status %d, not %d: \"%s\" does not say \"%s\"", error.status, expected,
                 error.message, words);
    assert_true(are_equal_trainings(&run, &twin));
    end_training(&run), end_training(&twin);
}

static void test_another_config_is_refused(void **state)
{
    (void)state;
    char path[64];
    nca_config config = small_config();
    save_checkpoint(path);
    config.seed = 2;
    expect_refused(&config, path, NCA_ARGUMENT, "another \"seed\"");
    config = small_config();
    config.rate = nextafter(config.rate, 1);
    expect_refused(&config, path, NCA_ARGUMENT, "another \"rate\"");
    config = small_config();
    config.pool = 13;
    expect_refused(&config, path, NCA_ARGUMENT, "another \"pool\"");
    config = small_config();
    config.hidden = 20;
    expect_refused(&config, path, NCA_ARGUMENT, "another \"hidden\"");
    config = small_config();
    set_text(config.gradient, "none");
    expect_refused(&config, path, NCA_ARGUMENT, "another \"gradient\"");
    unlink(path);
}

// What does not change the trajectory may be another.
static void test_more_updates_and_other_pictures_are_allowed(void **state)
{
    (void)state;
    char path[64];
    training run;
    nca_config config = small_config();
    save_checkpoint(path);
    set_text(config.preset, "growing");
    config.updates = 2000, config.checkpoint_every = 7, config.pictures_every = 9;
    start_training(&run, &config, 1);
    assert_ok(nca_trainer_restore(run.trainer, path, error));
    assert_int_equal(nca_trainer_done(run.trainer), 3);
    end_training(&run);
    unlink(path);
}

static void test_another_target_is_refused(void **state)
{
    (void)state;
    char path[64];
    const nca_config config = small_config();
    save_checkpoint(path);
    nca_image target = make_target(11, 9);
    const nca_growth growth = {.target = target};
    nca_compute on;
    nca_trainer *trainer;
    nca_plan plan;
    target.pixels[11 * 9 * 2] = nextafterf(target.pixels[11 * 9 * 2], 2);
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    assert_ok(nca_plan_make(&config, &plan, error));
    assert_ok(nca_trainer_create(&config, &plan, &nca_task_grow, &growth, &on, &trainer, error));
    nca_error error = {0};
    assert_int_equal(nca_trainer_restore(trainer, path, &error), NCA_ARGUMENT);
    assert_non_null(strstr(error.message, "another target"));
    nca_trainer_free(trainer);
    nca_compute_close(&on);
    nca_image_free(&target);
    unlink(path);
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void test_files_that_are_no_checkpoint_are_refused(void **state)
{
    (void)state;
    const nca_config config = small_config();
    training run;
    nca_model model;
    size_t size;
    start_training(&run, &config, 1);
    char *bytes = checkpoint_of(&run, &size);
    char path[64];
    name_scratch("wrong", path);
    expect_refused(&config, path, NCA_FILE, "No such file");
    write_file(path, bytes, 0);
    expect_refused(&config, path, NCA_FORMAT, path);
    write_file(path, bytes, size - 1);
    expect_refused(&config, path, NCA_FORMAT, path);
    write_file(path, bytes, size / 2);
    expect_refused(&config, path, NCA_FORMAT, path);
    assert_ok(nca_trainer_model(run.trainer, &model, error));
    assert_ok(nca_model_save(&model, path, error));
    expect_refused(&config, path, NCA_FORMAT, "not a checkpoint");
    nca_model_free(&model);
    // One that names no setting would agree with any.
    nca_tensors whole;
    assert_ok(nca_trainer_save(run.trainer, path, error));
    assert_ok(nca_tensors_read(path, &whole, error));
    for (size_t i = 0; i < whole.metadata_count; i++)
        if (strcmp(whole.metadata[i].key, "config") == 0)
            whole.metadata[i].value = "";
    assert_ok(nca_tensors_write(path, whole.tensor, whole.count, whole.metadata,
                                whole.metadata_count, error));
    nca_tensors_free(&whole);
    expect_refused(&config, path, NCA_FORMAT, "not a checkpoint");
    free(bytes);
    unlink(path);
    end_training(&run);
}

// A checkpoint with one tensor left out, of another shape, or with another content.
static void test_damaged_checkpoints_are_refused(void **state)
{
    (void)state;
    char path[64];
    const nca_config config = small_config();
    nca_tensors whole;
    save_checkpoint(path);
    assert_ok(nca_tensors_read(path, &whole, error));
    for (size_t i = 0; i < whole.count; i++) {
        nca_tensor *tensor = &whole.tensor[i];
        const nca_tensor kept = *tensor;
        tensor->name = "nobody's";
        assert_ok(nca_tensors_write(path, whole.tensor, whole.count, whole.metadata,
                                    whole.metadata_count, error));
        expect_refused(&config, path, NCA_FORMAT, kept.name);
        *tensor = kept;
        tensor->shape[0]--;
        assert_ok(nca_tensors_write(path, whole.tensor, whole.count, whole.metadata,
                                    whole.metadata_count, error));
        expect_refused(&config, path, NCA_FORMAT, kept.name);
        *tensor = kept;
    }
    for (size_t i = 0; i < whole.count; i++) {
        int64_t counters[9] = {0, 0, 0, 0, 0, -1, 0, 0, 0};
        if (strcmp(whole.tensor[i].name, "counters") != 0)
            continue;
        whole.tensor[i].data = counters;
        assert_ok(nca_tensors_write(path, whole.tensor, whole.count, whole.metadata,
                                    whole.metadata_count, error));
        expect_refused(&config, path, NCA_FORMAT, "counter 5 is -1");
    }
    nca_tensors_free(&whole);
    unlink(path);
}

// A checkpoint of numbers that no other place holds, restored and saved: the same again.
static void test_all_that_a_checkpoint_holds_is_taken(void **state)
{
    (void)state;
    char path[64];
    const nca_config config = small_config();
    nca_tensors whole, again;
    training run;
    save_checkpoint(path);
    assert_ok(nca_tensors_read(path, &whole, error));
    for (size_t i = 0; i < whole.count; i++) {
        uint8_t *changed = malloc(whole.tensor[i].size_bytes);   // until the end of the test
        assert_non_null(changed);
        if (whole.tensor[i].dtype == NCA_U8)
            memcpy(changed, whole.tensor[i].data, whole.tensor[i].size_bytes);
        for (size_t k = 0; k < whole.tensor[i].elements; k++)
            if (whole.tensor[i].dtype == NCA_I64)
                ((int64_t *)(void *)changed)[k] = (int64_t)(20 + k);
            else if (whole.tensor[i].dtype == NCA_F32)
                ((float *)(void *)changed)[k] = (float)(k % 97 + i + 1) / 128;
        whole.tensor[i].data = changed;
    }
    assert_ok(nca_tensors_write(path, whole.tensor, whole.count, whole.metadata,
                                whole.metadata_count, error));
    start_training(&run, &config, 1);
    assert_ok(nca_trainer_restore(run.trainer, path, error));
    assert_ok(nca_trainer_save(run.trainer, path, error));
    end_training(&run);
    assert_ok(nca_tensors_read(path, &again, error));
    assert_int_equal(again.count, whole.count);
    for (size_t i = 0; i < whole.count; i++) {
        const nca_tensor *found = nca_tensors_find(&again, whole.tensor[i].name);
        assert_non_null(found);
        assert_memory_equal(found->data, whole.tensor[i].data, found->size_bytes);
        free((void *)whole.tensor[i].data);
    }
    nca_tensors_free(&whole), nca_tensors_free(&again);
    unlink(path);
}

// Numbers that would ruin every update to come, or that no run can have counted.
static void test_numbers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    char path[64];
    const nca_config config = small_config();
    nca_tensors whole;
    save_checkpoint(path);
    assert_ok(nca_tensors_read(path, &whole, error));
    for (size_t i = 0; i < whole.count; i++) {
        nca_tensor *tensor = &whole.tensor[i];
        const nca_tensor kept = *tensor;
        const bool is_counters = tensor->dtype == NCA_I64,
                   is_pool = strcmp(tensor->name, "pool.cells") == 0;
        if (tensor->dtype == NCA_U8)
            continue;   // which cells are kept: a test of its own
        uint8_t *changed = malloc(tensor->size_bytes);
        assert_non_null(changed);
        memcpy(changed, tensor->data, tensor->size_bytes);
        if (is_counters)
            ((int64_t *)(void *)changed)[7] = INT64_MAX;
        else
            ((float *)(void *)changed)[tensor->elements - 1] = NAN;
        tensor->data = changed;
        assert_ok(nca_tensors_write(path, whole.tensor, whole.count, whole.metadata,
                                    whole.metadata_count, error));
        if (!is_pool)   // a state that exploded becomes the seed when it is drawn
            expect_refused(&config, path, NCA_FORMAT, is_counters ? "counter 7" : tensor->name);
        *tensor = kept;
        free(changed);
    }
    nca_tensors_free(&whole);
    unlink(path);
}

// A file with one tensor's content changed by `change`, and its checksum made anew.
static void rewrite(const char *path, const char *name, void (*change)(nca_tensor *, void *data))
{
    nca_tensors whole;
    assert_ok(nca_tensors_read(path, &whole, error));
    nca_tensor *tensor = (nca_tensor *)nca_tensors_find(&whole, name);
    assert_non_null(tensor);
    void *data = malloc(tensor->size_bytes + 1);
    assert_non_null(data);
    memcpy(data, tensor->data, tensor->size_bytes);
    tensor->data = data;
    change(tensor, data);
    assert_ok(nca_tensors_write(path, whole.tensor, whole.count, whole.metadata,
                                whole.metadata_count, error));
    nca_tensors_free(&whole);
    free(data);
}

// One cell more than there is; and a bit beyond the width of 9 in place of one within it.
static void keep_one_more(nca_tensor *tensor, void *data)
{
    uint8_t *kept = data;
    size_t i = 0;
    while (kept[i] == 255 || i % 2 == 1)
        i++;
    assert_true(i < tensor->size_bytes);
    kept[i] |= (uint8_t)(kept[i] + 1);
}

static void keep_a_stray(nca_tensor *tensor, void *data)
{
    uint8_t *kept = data;
    size_t i = 0;
    while (kept[i] == 0)
        i++;
    assert_true(i < tensor->size_bytes);
    kept[i] &= (uint8_t)(kept[i] - 1);
    kept[i | 1] |= 128;
}

static void test_cells_that_are_not_of_the_pool_are_refused(void **state)
{
    (void)state;
    char path[64];
    const nca_config config = small_config();
    save_checkpoint(path);
    rewrite(path, "pool.kept", keep_one_more);
    expect_refused(&config, path, NCA_FORMAT, "pool.kept");
    save_checkpoint(path);
    rewrite(path, "pool.kept", keep_a_stray);
    expect_refused(&config, path, NCA_FORMAT, "pool.kept");
    unlink(path);
}

// Cells are left out by their bits: -0 and NaN come back, whatever their place.
static void test_a_pool_is_packed_and_unpacked_by_its_bits(void **state)
{
    (void)state;
    const nca_shape shape = {.pool = 3, .height = 2, .width = 9, .spec = {.channels = 4}};
    enum { CELLS = 3 * 2 * 9, FLOATS = CELLS * 4 };
    float whole[FLOATS] = {0}, packed[FLOATS], row[FLOATS / 3];
    uint8_t kept[3 * 2 * 2];
    whole[3] = -0.0f, whole[4 * 8] = 1, whole[4 * 17 + 1] = NAN, whole[FLOATS - 1] = 1e-45f;
    memcpy(packed, whole, sizeof whole);
    assert_int_equal(nca_pool_kept_bytes(&shape), sizeof kept);
    const size_t count = nca_pool_pack(&shape, packed, kept);
    assert_int_equal(count, 4);
    static const uint8_t expected[sizeof kept] = {1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1};
    assert_memory_equal(kept, expected, sizeof kept);
    nca_packed_pool pool = {.shape = &shape, .kept = kept, .next = packed};
    for (int n = 0; n < 3; n++) {
        memset(row, 255, sizeof row);
        nca_pool_unpack(&pool, row);
        assert_memory_equal(row, whole + n * FLOATS / 3, sizeof row);
    }
}

// Settings that change no trajectory are told apart as well, where somebody asks.
static void test_settings_that_differ_are_named_with_both_values(void **state)
{
    (void)state;
    char path[64], words[NCA_DIFFERENCES_BYTES] = "x";
    training run;
    nca_config config = small_config();
    save_checkpoint(path);
    start_training(&run, &config, 1);
    nca_trainer_differences(run.trainer, &config, words);
    assert_string_equal(words, "");
    assert_ok(nca_trainer_restore(run.trainer, path, error));
    nca_trainer_differences(run.trainer, &config, words);
    assert_string_equal(words, "");
    config.checkpoint_every = 77, config.batch++;
    nca_trainer_differences(run.trainer, &config, words);
    assert_non_null(strstr(words, "\"batch\" (5, not 6), \"checkpoint_every\" ("));
    assert_non_null(strstr(words, "not 77)"));
    end_training(&run);
    config = small_config();
    config.seed = 5, config.fire_rate = 0.25;
    expect_refused(&config, path, NCA_ARGUMENT, "\"fire_rate\" (0.5, not 0.25), \"seed\" (");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_training_goes_on_bit_for_bit),
        cmocka_unit_test(test_another_config_is_refused),
        cmocka_unit_test(test_more_updates_and_other_pictures_are_allowed),
        cmocka_unit_test(test_another_target_is_refused),
        cmocka_unit_test(test_files_that_are_no_checkpoint_are_refused),
        cmocka_unit_test(test_damaged_checkpoints_are_refused),
        cmocka_unit_test(test_all_that_a_checkpoint_holds_is_taken),
        cmocka_unit_test(test_numbers_that_cannot_be_are_refused),
        cmocka_unit_test(test_cells_that_are_not_of_the_pool_are_refused),
        cmocka_unit_test(test_a_pool_is_packed_and_unpacked_by_its_bits),
        cmocka_unit_test(test_settings_that_differ_are_named_with_both_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
