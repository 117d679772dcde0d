// A rule as the beginning of another: of more hidden units it leaves the same states, and its new
// units can learn; what does not fit is refused with what would make it fit.
#include "spy.h"

enum { STEPS = 200 };

// A rule that keeps its cells alive and bounded for a while.
static nca_model make_rule(const nca_spec *spec)
{
    nca_model model;
    assert_ok(nca_model_create(spec, &model, error));
    const nca_layout layout = nca_layout_of(spec);
    float *numbers = uniform(layout.total, 3, 0.15);
    memcpy(model.parameters, numbers, layout.total * sizeof *numbers);
    for (size_t i = 0; i < layout.size[NCA_OUTPUT_WEIGHT]; i++)
        model.parameters[layout.offset[NCA_OUTPUT_WEIGHT] + i] *= 0.05f;
    for (size_t i = 0; i < layout.size[NCA_OUTPUT_BIAS]; i++)
        model.parameters[layout.offset[NCA_OUTPUT_BIAS] + i] *= 0.05f;
    model.fire_rate = 0.7, model.angle = 3;
    snprintf(model.name, sizeof model.name, "of a test");
    free(numbers);
    return model;
}

// The batch after so many steps; the caller frees it.
static float *run_rule(const nca_compute *on, const nca_model *model)
{
    const nca_shape shape = {.batch = 2, .height = 12, .width = 11, .spec = model->spec};
    const nca_rollout rollout = {.steps = STEPS,
                                 .key = {.seed = 4, .update = 1},
                                 .fire_rate = 0.5,
                                 .step_size = 1,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD};
    nca_session *session = open_session(on, &shape);
    float *states = mixed_states(&shape, 8);
    nca_pass_report report;
    write_buffer(on, session, NCA_PARAMETERS, total_of(&shape), model->parameters);
    write_buffer(on, session, NCA_BATCH, batch_of(&shape), states);
    assert_ok(on->backend->forward(session, &rollout, &report, error));
    free(states);
    states = read_buffer(on, session, NCA_BATCH, batch_of(&shape));
    on->backend->destroy(session);
    return states;
}

static void check_states(const nca_compute *on, const nca_spec *narrow, const nca_spec *wide)
{
    nca_model rule = make_rule(narrow), wider;
    assert_ok(nca_model_widen(&rule, wide, 5, &wider, error));
    float *expected = run_rule(on, &rule), *found = run_rule(on, &wider);
    const size_t count = (size_t)2 * 12 * 11 * (size_t)narrow->channels;
    size_t living = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(fabsf(expected[i]) < 1e4f);
        if (found[i] != expected[i])
            fail_msg("%d to %d hidden units: number %zu is %.9g, not %.9g", narrow->hidden[0],
                     wide->hidden[0], i, (double)found[i], (double)expected[i]);
        living += i % (size_t)narrow->channels == NCA_ALPHA && expected[i] > NCA_ALIVE_THRESHOLD;
    }
    assert_true(living > 20);
    free(expected), free(found);
    nca_model_free(&rule), nca_model_free(&wider);
}

static const nca_spec pairs[][2] = {
    {NCA_GROWING(8, 16), NCA_GROWING(8, 20)},
    {NCA_GROWING(16, 64), NCA_GROWING(16, 128)},
    {NCA_GROWING(16, 128), NCA_GROWING(16, 128)},
    {NCA_GROWING(16, 128), NCA_GROWING(16, 132)},
    {NCA_GROWING(16, 128), NCA_GROWING(16, 256)},
    {{.channels = 8, .hidden = {12}, .perception = NCA_MOORE},
     {.channels = 8, .hidden = {32}, .perception = NCA_MOORE}},
    {{.channels = 8, .hidden = {12, 8}}, {.channels = 8, .hidden = {16, 12}}},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

// The vector kernels compute 16 channels with a multiple of 64 hidden units, and sum in another
// order than the scalar ones do.
static bool is_vector(const nca_spec *spec)
{
    return spec->channels == 16 && spec->hidden[0] % 64 == 0 && spec->hidden[1] == 0;
}

static void test_a_wider_rule_leaves_the_same_states(void **state)
{
    (void)state;
    nca_compute on;
    for (int i = 0; isas[i]; i++) {
        if (!open_cpu(isas[i], 1, &on))
            continue;
        for (int p = 0; p < PAIRS; p++)
            if (strcmp(isas[i], "scalar") == 0 ||
                is_vector(&pairs[p][0]) == is_vector(&pairs[p][1]))
                check_states(&on, &pairs[p][0], &pairs[p][1]);
        nca_compute_close(&on);
    }
}

// New units: weights as a new rule has them, and zero above them.
static void test_new_units_are_as_those_of_a_new_rule(void **state)
{
    (void)state;
    const nca_spec narrow = NCA_GROWING(8, 16), wide = NCA_GROWING(8, 24);
    const nca_layout from = nca_layout_of(&narrow), to = nca_layout_of(&wide);
    const size_t inputs = (size_t)nca_spec_inputs(&narrow);
    nca_model rule = make_rule(&narrow), wider, fresh;
    assert_ok(nca_model_widen(&rule, &wide, 5, &wider, error));
    assert_ok(nca_model_create(&wide, &fresh, error));
    nca_model_initialize(&fresh, 5);
    assert_memory_equal(wider.parameters, rule.parameters, 16 * inputs * sizeof(float));
    assert_memory_equal(wider.parameters + 16 * inputs, fresh.parameters + 16 * inputs,
                        8 * inputs * sizeof(float));
    for (size_t c = 0; c < 8; c++)
        for (size_t k = 0; k < 24; k++)
            assert_true(
                wider.parameters[to.offset[NCA_OUTPUT_WEIGHT] + c * 24 + k] ==
                (k < 16 ? rule.parameters[from.offset[NCA_OUTPUT_WEIGHT] + c * 16 + k] : 0));
    assert_true(wider.fire_rate == 0.7 && wider.angle == 3 && wider.spec.hidden[0] == 24);
    assert_string_equal(wider.name, "of a test");
    nca_model_free(&rule), nca_model_free(&wider), nca_model_free(&fresh);
}

static void expect_no_fit(nca_spec spec, nca_spec wide, const char *words)
{
    nca_model rule, out = {0};
    nca_error why = {0};
    assert_ok(nca_model_create(&spec, &rule, error));
    assert_int_equal(nca_model_widen(&rule, &wide, 1, &out, &why), NCA_ARGUMENT);
    if (!strstr(why.message, words))
        fail_msg("\"%s\" does not say \"%s\"", why.message, words);
    assert_null(out.parameters);
    nca_model_free(&rule);
}

static void test_what_does_not_fit_is_refused(void **state)
{
    (void)state;
    const nca_spec here = NCA_GROWING(16, 128);
    nca_spec other = here;
    other.perception = NCA_SUMMED;
    expect_no_fit(other, here, "its cells perceive by summed; give --perception summed");
    expect_no_fit((nca_spec)NCA_GROWING(12, 128), here,
                  "its cells have 12 channels; give --channels 12");
    expect_no_fit((nca_spec)NCA_GROWING(16, 132), here,
                  "its 132 hidden units are more than this run's; give --hidden 132 or more");
    other = here, other.hidden[1] = 16;
    expect_no_fit(other, here, "it has 2 hidden layers; give --hidden2 16");
    other = here, other.hidden[1] = 8;
    nca_spec deeper = other;
    deeper.hidden[1] = 16;
    expect_no_fit(here, other, "it has 1 hidden layer; give --hidden2 0");
    expect_no_fit(deeper, other, "its 16 units of a second hidden layer are more than this run's");
    other = here, other.frozen = 1;
    expect_no_fit(other, here, "its frozen channels, or what keeps its cells alive");
    other = here, other.alive = NCA_ALIVE_EVERYWHERE;
    expect_no_fit(other, here, "begin with another rule");
}

// A training that begins with a rule: it is the first and the good one to go back to, and its new
// units learn.
static void test_a_training_begins_with_it(void **state)
{
    (void)state;
    training run;
    nca_config config = small_config();
    const nca_spec narrow = NCA_GROWING(8, 12);
    nca_model rule = make_rule(&narrow), wider, first;
    start_training(&run, &config, 1);
    assert_ok(
        nca_model_widen(&rule, &run.trainer->shape.spec, (uint64_t)config.seed, &wider, error));
    assert_ok(nca_trainer_begin_with(run.trainer, &rule, error));
    assert_ok(nca_trainer_model(run.trainer, &first, error));
    const size_t size = total_of(&run.shape) * sizeof(float);
    assert_memory_equal(first.parameters, wider.parameters, size);
    assert_memory_equal(run.trainer->good.parameters, wider.parameters, size);
    for (int i = 0; i < 3; i++)
        advance(&run);
    float *now = read_of(&run, NCA_PARAMETERS);
    const nca_layout layout = nca_layout_of(&run.trainer->shape.spec);
    int changed = 0;   // of the new units; some are silent everywhere
    for (size_t i = (size_t)12 * 24; i < layout.size[NCA_HIDDEN_WEIGHT]; i++)
        changed += now[i] != wider.parameters[i];
    assert_true(changed > 24);
    assert_refused(NCA_ARGUMENT, nca_model_widen(&first, &narrow, 1, &rule, error));
    free(now);
    nca_model_free(&rule), nca_model_free(&wider), nca_model_free(&first);
    end_training(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wider_rule_leaves_the_same_states),
        cmocka_unit_test(test_new_units_are_as_those_of_a_new_rule),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
        cmocka_unit_test(test_a_training_begins_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
