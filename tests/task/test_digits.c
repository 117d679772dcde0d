// The task of digits on made-up ones: which are trained on and which are judged by, what a cell
// says, figures and confusion counted by hand, and a training that goes on bit for bit.
#define _XOPEN_SOURCE 700   // nftw
#include "support.h"

#include "config/presets.h"
#include "eval/evaluate.h"
#include "nca/nca.h"
#include "scratch.h"
#include "task/digit_set.h"
#include "training.h"

enum { SIDE = 8, CELLS = SIDE * SIDE, COUNT = 40, HELD_OUT = 15, CHANNELS = 12 };

// -- A folder of digits ---------------------------------------------------------------------------

// A bar whose place is its class, of a grey of its own; the rest is clear, or too pale to live.
static void draw_digit(int item, uint8_t *grey)
{
    for (int i = 0; i < CELLS; i++)
        grey[i] = i / SIDE == item % 10 % SIDE || i % SIDE == item % 10 / SIDE + 2
                      ? (uint8_t)(100 + item)
                      : (uint8_t)(i % 3 * 10);
}

static void write_file(const char *name, uint8_t axes, const uint8_t *bytes, uint32_t count,
                       size_t each)
{
    uint8_t *const file = calloc(1, 16 + count * each);
    const size_t header = 4 + 4 * (size_t)axes;
    file[2] = 8, file[3] = axes, file[7] = (uint8_t)count, file[11] = file[15] = SIDE;
    memcpy(file + header, bytes, count * each);
    scratch_write(name, file, header + count * each);
    free(file);
}

static void write_part(const char *part, int first, int count)
{
    static uint8_t grey[COUNT][CELLS], label[COUNT];
    char name[64];
    for (int i = 0; i < count; i++) {
        draw_digit(first + i, grey[i]);
        label[i] = (uint8_t)((first + i) % 10);
    }
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", part);
    write_file(name, 3, grey[0], (uint32_t)count, CELLS);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", part);
    write_file(name, 1, label, (uint32_t)count, 1);
}

// In two parts, which follow each other.
static int write_digits(void **state)
{
    if (scratch_setup(state) != 0)
        return -1;
    write_part("train", 0, 30);
    write_part("t10k", 30, COUNT - 30);
    return 0;
}

static nca_digits load(int64_t held_out)
{
    nca_digits digits;
    assert_ok(nca_digits_load(scratch_folder, held_out, &digits, error));
    return digits;
}

static void test_both_parts_are_read_in_order(void **state)
{
    (void)state;
    nca_digits digits = load(HELD_OUT);
    assert_true(digits.count == COUNT && digits.height == SIDE && digits.width == SIDE);
    for (int item = 0; item < COUNT; item++) {
        uint8_t grey[CELLS];
        draw_digit(item, grey);
        assert_int_equal(nca_digits_label(&digits, item), item % 10);
        for (int i = 0; i < CELLS; i++)
            assert_true(nca_digits_grey(&digits, item)[i] == (float)grey[i] / 255);
    }
    nca_digits_free(&digits);
    assert_refused(NCA_ARGUMENT, nca_digits_load(scratch_folder, COUNT, &digits, error));
    assert_refused(NCA_FILE, nca_digits_load(scratch("missing"), 0, &digits, error));
}

static void test_files_that_do_not_go_together_are_refused(void **state)
{
    (void)state;
    nca_digits digits;
    write_part("t10k", 30, 5);
    const uint8_t label[6] = {0, 1, 2, 3, 4, 5}, wrong[5] = {0, 1, 2, 10, 4};
    write_file("t10k-labels-idx1-ubyte", 1, label, 6, 1);
    assert_refused(NCA_FORMAT, nca_digits_load(scratch_folder, 0, &digits, error));
    write_file("t10k-labels-idx1-ubyte", 1, wrong, 5, 1);
    assert_refused(NCA_FORMAT, nca_digits_load(scratch_folder, 0, &digits, error));
    unlink(scratch("t10k-labels-idx1-ubyte"));
    assert_refused(NCA_FILE, nca_digits_load(scratch_folder, 0, &digits, error));
    write_part("t10k", 30, COUNT - 30);
}

// Grey from 0 to 1 in place of 0 to 255.
static void test_digits_that_are_all_dark_are_refused(void **state)
{
    static uint8_t dark[CELLS], label[1];
    (void)state;
    memset(dark, 1, sizeof dark);
    write_file("train-images-idx3-ubyte", 3, dark, 1, CELLS);
    write_file("train-labels-idx1-ubyte", 1, label, 1, 1);
    unlink(scratch("t10k-images-idx3-ubyte"));
    nca_digits digits;
    assert_refused(NCA_FORMAT, nca_digits_load(scratch_folder, 0, &digits, error));
    write_part("train", 0, 30);
    write_part("t10k", 30, COUNT - 30);
}

// -- Which digits ---------------------------------------------------------------------------------

static void test_training_never_sees_what_is_held_out(void **state)
{
    (void)state;
    nca_digits digits = load(HELD_OUT);
    const nca_config config = nca_config_default();
    bool seen[COUNT] = {false};
    for (uint32_t update = 0; update < 500; update++) {
        const nca_task_update drawn = {&config, NULL, NULL, &digits, {.seed = 3, .update = update}};
        seen[nca_task_digits.draw(&drawn, update % 4).item] = true;
    }
    for (int item = 0; item < COUNT; item++)
        assert_int_equal(seen[item], item < COUNT - HELD_OUT);
    nca_digits_free(&digits);
}

static void check_judged(int64_t held_out)
{
    nca_digits digits = load(held_out);
    const int among = held_out > 0 ? (int)held_out : COUNT;
    bool seen[COUNT] = {false};
    const nca_task_update drawn = {NULL, NULL, NULL, &digits, {.seed = 8}};
    for (uint32_t number = 0; number < (uint32_t)among; number++) {
        const int64_t item = nca_task_digits.draw(&drawn, number).item;
        assert_true(item >= COUNT - among && item < COUNT && !seen[item]);
        seen[item] = true;
    }
    nca_digits_free(&digits);
}

static void test_each_held_out_digit_is_judged_once(void **state)
{
    (void)state;
    check_judged(HELD_OUT);
    check_judged(1);
    check_judged(0);   // all
}

// -- What cells say -------------------------------------------------------------------------------

static nca_shape make_shape(void)
{
    nca_shape shape = {.batch = 1, .height = SIDE, .width = SIDE, .spec = {.channels = CHANNELS}};
    nca_task_digits.shape(NULL, &shape);
    return shape;
}

// A state of the digit whose living cells say what they should, but for the first few, which say
// `other`; negative: nothing.
static void say(const nca_digits *digits, int64_t item, int wrong, int other, float *state)
{
    const int label = nca_digits_label(digits, item);
    memset(state, 0, CELLS * CHANNELS * sizeof *state);
    for (int i = 0; i < CELLS; i++, state += CHANNELS) {
        state[0] = nca_digits_grey(digits, item)[i];
        if (!(state[0] > 0.1f))
            continue;
        const int class = wrong-- > 0 ? other : label;
        if (class >= 0)
            state[2 + class] = 0.9f;
    }
}

static void test_figures_are_counted_by_hand(void **state)
{
    (void)state;
    static float cells[CELLS * CHANNELS];
    enum { LIVING = SIDE + SIDE - 1 };   // a row and a column
    const int item = 17, label = 7;
    nca_digits digits = load(0);
    const nca_shape shape = make_shape();
    nca_measured got[2];
    const struct {
        int wrong, other;
        double right, agree;
    } cases[] = {{0, 0, 1, 1},
                 {4, 3, 1 - 4.0 / LIVING, 0},
                 {LIVING, 3, 0, 1},
                 {1, -1, 1 - 1.0 / LIVING, 0},
                 {LIVING, -1, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t confusion[10 * 11] = {0};
        const int wrong = cases[i].wrong, other = cases[i].other < 0 ? 10 : cases[i].other;
        say(&digits, item, wrong, cases[i].other, cells);
        nca_task_digits.measure(&digits, &shape, item, cells, got);
        assert_true(fabs(got[0].value - cases[i].right) < 1e-12 && got[0].weight == LIVING);
        assert_true(got[1].value == cases[i].agree && got[1].weight == 1);
        nca_task_digits.confuse(&digits, &shape, item, cells, confusion);
        for (int k = 0; k < 110; k++)
            assert_int_equal(confusion[k], k == label * 11 + label   ? LIVING - wrong
                                           : k == label * 11 + other ? wrong
                                                                     : 0);
    }
    nca_digits_free(&digits);
}

// -- Training -------------------------------------------------------------------------------------

typedef struct training {
    nca_content content;
    nca_compute compute;
    nca_trainer *trainer;
} training;

static nca_config make_config(const char *loss)
{
    nca_config config = nca_config_default();
    assert_ok(nca_preset_apply("digits", &config, error));
    snprintf(config.data, sizeof config.data, "%s", scratch_folder);
    snprintf(config.grid, sizeof config.grid, "%d", SIDE);
    snprintf(config.loss, sizeof config.loss, "%s", loss);
    config.held_out = HELD_OUT;
    config.channels = 16, config.hidden = config.hidden2 = 16;
    config.batch = 8, config.pool = 24;
    config.reseeded = config.exchanged = 2;
    config.rate = 0.003;
    return config;
}

// A drawn one.
static void give_adversary(const nca_config *config, const nca_plan *plan, nca_trainer *trainer)
{
    nca_shape shape = {.batch = 1, .height = SIDE, .width = SIDE, .spec = plan->spec};
    nca_model adversary;
    nca_task_digits.shape(config, &shape);
    assert_ok(nca_model_create(&shape.spec, &adversary, error));
    nca_model_initialize(&adversary, 9);
    assert_ok(nca_trainer_set_adversary(trainer, &adversary, error));
    nca_model_free(&adversary);
}

static training start(nca_config config, int threads)
{
    const nca_device_options options = {.threads = threads};
    training made = {{0}, {0}, NULL};
    nca_plan plan;
    assert_ok(nca_task_plan(&nca_task_digits, &config, &plan, error));
    const nca_content_source source = {.config = &config, .grid = plan.grid};
    assert_ok(nca_task_digits.load(&source, &made.content, error));
    assert_ok(nca_compute_open("cpu", &options, &made.compute, error));
    assert_ok(nca_trainer_create(&config, &plan, &nca_task_digits, made.content.data, &made.compute,
                                 &made.trainer, error));
    if (plan.perturbation.kind == NCA_PERTURB_CELLS)
        give_adversary(&config, &plan, made.trainer);
    return made;
}

static void end(training *run)
{
    nca_trainer_free(run->trainer);
    nca_compute_close(&run->compute);
    nca_content_free(&nca_task_digits, &run->content);
}

static void assert_same_rule(training *a, training *b)
{
    nca_model first, second;
    assert_ok(nca_trainer_model(a->trainer, &first, error));
    assert_ok(nca_trainer_model(b->trainer, &second, error));
    assert_memory_equal(first.parameters, second.parameters,
                        nca_layout_of(&first.spec).total * sizeof(float));
    nca_model_free(&first);
    nca_model_free(&second);
}

// On one thread and two; saved, and gone on from in between.
static void test_a_training_goes_on_bit_for_bit(void **state)
{
    (void)state;
    static const char *const losses[] = {"squared", "cross-entropy"};
    for (int i = 0; i < 2; i++) {
        training whole = start(make_config(losses[i]), 1), part = start(make_config(losses[i]), 2);
        training rest = start(make_config(losses[i]), 1);
        train_on(whole.trainer, 12);
        train_on(part.trainer, 5);
        assert_ok(nca_trainer_save(part.trainer, scratch("checkpoint"), error));
        assert_ok(nca_trainer_restore(rest.trainer, scratch("checkpoint"), error));
        train_on(rest.trainer, 7);
        assert_same_rule(&whole, &rest);
        end(&whole), end(&part), end(&rest);
    }
}

// The same with each perturbation; and each changes what is learnt.
static void test_a_training_against_an_attack_goes_on_bit_for_bit(void **state)
{
    static const char *const kinds[] = {
        "input-gradient:0.2", "state-gradient:0.2", "input-noise:0.2", "state-noise:0.2",
        "salt:0.1",           "killed:0.1",         "cells:0.1"};
    (void)state;
    training plain = start(make_config("squared"), 1);
    train_on(plain.trainer, 6);
    nca_model first, second;
    assert_ok(nca_trainer_model(plain.trainer, &first, error));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        nca_config config = make_config("squared");
        snprintf(config.perturb, sizeof config.perturb, "%s", kinds[i]);
        if (strncmp(kinds[i], "cells", 5) == 0)
            snprintf(config.adversary, sizeof config.adversary, "a drawn one");
        training whole = start(config, 1), part = start(config, 2), rest = start(config, 1);
        train_on(whole.trainer, 6);
        train_on(part.trainer, 3);
        assert_ok(nca_trainer_save(part.trainer, scratch("checkpoint"), error));
        assert_ok(nca_trainer_restore(rest.trainer, scratch("checkpoint"), error));
        train_on(rest.trainer, 3);
        assert_same_rule(&whole, &rest);
        assert_ok(nca_trainer_model(whole.trainer, &second, error));
        assert_memory_not_equal(first.parameters, second.parameters,
                                nca_layout_of(&first.spec).total * sizeof(float));
        nca_model_free(&second);
        end(&whole), end(&part), end(&rest);
    }
    nca_model_free(&first);
    end(&plain);
}

// A bar's place says its class, so that few updates are enough to see the loss of new digits fall.
static void test_the_loss_falls(void **state)
{
    (void)state;
    nca_config config = make_config("squared");
    config.hidden = config.hidden2 = 32;
    config.pool = config.reseeded = config.exchanged = 0;
    config.steps_min = config.steps_max = 10;
    config.rate = 0.002, config.noise = 0;
    training run = start(config, 2);
    const double first = train_on(run.trainer, 10);
    train_on(run.trainer, 400);
    const double last = train_on(run.trainer, 20);
    print_message("loss %.3f, after 400 updates %.3f\n", first, last);
    assert_true(last < 0.85 * first);
    end(&run);
}

// -- Judging --------------------------------------------------------------------------------------

// A rule that changes nothing: no cell says anything, before an exchange and after it; and the
// whole of the next digit lies under the state.
static void test_an_exchange_is_judged(void **state)
{
    (void)state;
    nca_digits digits = load(HELD_OUT);
    const nca_shape shape = make_shape();
    nca_spec spec = shape.spec;
    spec.perception = NCA_MOORE;
    spec.hidden[0] = 8;
    nca_model model;
    nca_compute on;
    static nca_evaluation got;
    const nca_evaluate_options options = {.grid = {SIDE, SIDE},
                                          .seeds = 5,
                                          .steps = {0, 3},
                                          .steps_count = 2,
                                          .exchange = true,
                                          .cut_at = 3,
                                          .heal_steps = 2,
                                          .fire_rate = 0.5,
                                          .step_size = 1};
    assert_ok(nca_model_create(&spec, &model, error));
    // Cells that fire say 4.
    model.parameters[nca_layout_of(&spec).offset[NCA_OUTPUT_BIAS] + 1 + 4] = 1;
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    assert_ok(nca_evaluate(&model, &nca_task_digits, &digits, &options, &on, &got, error));
    assert_true(got.exchange.is_done && got.figure_at[0][0] == 0 && got.figure_at[0][1] == 0);
    double fours = 0, next_fours = 0;
    const nca_task_update drawn = {NULL, NULL, &shape, &digits, {0}};
    for (uint32_t i = 0; i < 6; i++) {
        const bool is_four = nca_digits_label(&digits, nca_task_digits.draw(&drawn, i).item) == 4;
        fours += i < 5 && is_four;
        next_fours += i > 0 && is_four;
    }
    int64_t said = 0;
    for (int i = 0; i < 10; i++)
        said += got.confusion.cells[i * 11 + 4];
    assert_true(got.confusion.classes == 10 && got.confusion.step == 3 && said > 0);
    // Each cell has fired by then but a few; those that have not say nothing.
    assert_true(got.figure_at[1][0] <= fours / 5 && (fours > 0) == (got.figure_at[1][0] > 0));
    assert_true((next_fours > 0) == (got.exchange.figure_after[0] > 0));
    assert_true(got.exchange.figure_before[0] == got.figure_at[1][0]);
    nca_compute_close(&on);
    nca_model_free(&model);
    nca_digits_free(&digits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_parts_are_read_in_order),
        cmocka_unit_test(test_files_that_do_not_go_together_are_refused),
        cmocka_unit_test(test_digits_that_are_all_dark_are_refused),
        cmocka_unit_test(test_training_never_sees_what_is_held_out),
        cmocka_unit_test(test_each_held_out_digit_is_judged_once),
        cmocka_unit_test(test_figures_are_counted_by_hand),
        cmocka_unit_test(test_a_training_goes_on_bit_for_bit),
        cmocka_unit_test(test_a_training_against_an_attack_goes_on_bit_for_bit),
        cmocka_unit_test(test_the_loss_falls),
        cmocka_unit_test(test_an_exchange_is_judged),
    };
    return cmocka_run_group_tests(tests, write_digits, scratch_teardown);
}
