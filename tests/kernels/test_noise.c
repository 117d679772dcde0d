// Noise on updates: its numbers, and that every instruction set draws the same.
#include "support.h"

// The numbers of decision 3: sums of eight halves, with the asked deviation.
static void test_noise_has_its_deviation(void **state)
{
    (void)state;
    const nca_key key = {.seed = 3, .update = 8};
    const float scale = nca_noise_scale(0.02);
    double sum = 0, squares = 0;
    enum { DRAWS = 100000 };
    for (uint32_t i = 0; i < DRAWS; i++) {
        uint32_t words[4];
        int halves = -262140;
        const float x = nca_random_normal(key, 1, 2, i, scale);
        nca_random_words(key, NCA_RANDOM_NOISE, 1, 2, i, words);
        for (int k = 0; k < 8; k++)
            halves += (int)(words[k / 2] >> (k % 2 * 16) & 0xffff);
        assert_true(x == (float)halves * scale);
        sum += x, squares += (double)x * x;
    }
    assert_true(fabs(sum / DRAWS) < 4 * 0.02 / sqrt(DRAWS));
    assert_true(fabs(sqrt(squares / DRAWS) / 0.02 - 1) < 0.01);
}

// A rule that proposes nothing moves by its noise alone: the same bits on every instruction set.
static void test_noise_is_the_same_on_every_instruction_set(void **state)
{
    (void)state;
    const nca_shape shape = {.batch = 2,
                             .height = 9,
                             .width = 11,
                             .spec = {.channels = 16, .hidden = {64}, .noise = 0.5}};
    const nca_rollout rollout = {.steps = 6,
                                 .key = {.seed = 4},
                                 .fire_rate = 0.5,
                                 .step_size = 1,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD};
    float *first = NULL;
    for (int i = 0; isas[i]; i++) {
        nca_compute on;
        if (!open_cpu(isas[i], 1, &on))
            continue;
        nca_session *session = open_session(&on, &shape);
        float *states = mixed_states(&shape, 5);
        write_buffer(&on, session, NCA_BATCH, batch_of(&shape), states);
        assert_ok(on.backend->forward(session, &rollout, NULL, error));
        float *after = read_buffer(&on, session, NCA_BATCH, batch_of(&shape));
        assert_memory_not_equal(after, states, batch_of(&shape) * sizeof *after);
        if (first)
            assert_memory_equal(after, first, batch_of(&shape) * sizeof *after);
        free(states);
        first = first ? (free(after), first) : after;
        on.backend->destroy(session);
        nca_compute_close(&on);
    }
    free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise_has_its_deviation),
        cmocka_unit_test(test_noise_is_the_same_on_every_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
