// Perturbations of a state: what they change, by how much, and what they leave alone.
#include "support.h"

#include <math.h>

#include "config/perturbation.h"
#include "task/perturb.h"

enum { SIDE = 24, CELLS = SIDE * SIDE, CHANNELS = 6, SIZE = CELLS * CHANNELS };
static const float LIMIT = 0.1f;

static nca_shape make_shape(void)
{
    return (nca_shape){.batch = 1,
                       .height = SIDE,
                       .width = SIDE,
                       .spec = {.channels = CHANNELS,
                                .perception = NCA_MOORE,
                                .hidden = {4},
                                .frozen = 1,
                                .alive = NCA_ALIVE_CHANNEL}};
}

// Greys of 0, just below and above the limit, and 1; states of their own.
static void make_state(float *state)
{
    static const float greys[] = {0, 0.09f, 0.11f, 0.5f, 1};
    for (int i = 0; i < CELLS; i++)
        for (int k = 0; k < CHANNELS; k++)
            state[i * CHANNELS + k] = k == 0 ? greys[i % 5] : 0.01f * (float)(i % 7 + k);
}

// The state before and after, with gradients of every sign.
static void apply(nca_perturbation_kind kind, double strength, uint32_t sample, float *before,
                  float *gradient, float *after)
{
    const nca_shape shape = make_shape();
    const nca_perturbation perturbation = {kind, strength};
    make_state(before);
    memcpy(after, before, SIZE * sizeof *after);
    for (int i = 0; i < SIZE; i++)
        gradient[i] = (float)(i % 3 - 1) * 1e-6f;
    nca_perturb(&perturbation, &shape, LIMIT, (nca_key){.seed = 5}, sample, gradient, after);
}

static float before[SIZE], gradient[SIZE], after[SIZE];

static void test_a_gradient_moves_by_its_sign(void **state)
{
    (void)state;
    apply(NCA_PERTURB_STATE_GRADIENT, 0.25, 0, before, gradient, after);
    for (int i = 0; i < SIZE; i++) {
        const bool moves = i % CHANNELS > 0 && before[i - i % CHANNELS] > LIMIT;
        const float sign = (float)(i % 3 - 1);
        assert_true(after[i] == (moves ? before[i] + 0.25f * sign : before[i]));
    }
}

// It stays a picture, of which the same cells live.
static void test_a_picture_keeps_its_cells(void **state)
{
    static const nca_perturbation_kind kinds[] = {NCA_PERTURB_INPUT_GRADIENT,
                                                  NCA_PERTURB_INPUT_NOISE};
    (void)state;
    for (int which = 0; which < 2; which++) {
        int changed = 0;
        apply(kinds[which], 0.3, 0, before, gradient, after);
        for (int i = 0; i < SIZE; i++) {
            const bool is_picture = i % CHANNELS == 0;
            assert_true(is_picture || after[i] == before[i]);
            if (!is_picture)
                continue;
            assert_true(after[i] >= 0 && after[i] <= 1);
            assert_true(fabsf(after[i] - before[i]) <= 0.3f + 1e-6f);
            assert_true((after[i] > LIMIT) == (before[i] > LIMIT));
            changed += after[i] != before[i];
        }
        assert_true(changed > CELLS / 4);
    }
}

static void test_noise_is_uniform_and_each_sample_has_its_own(void **state)
{
    static float other[SIZE];
    double sum = 0, squares = 0;
    int count = 0, same = 0;
    (void)state;
    apply(NCA_PERTURB_STATE_NOISE, 0.5, 1, before, gradient, other);
    apply(NCA_PERTURB_STATE_NOISE, 0.5, 0, before, gradient, after);
    for (int i = 0; i < SIZE; i++) {
        const double change = (double)after[i] - (double)before[i];
        if (i % CHANNELS == 0 || before[i - i % CHANNELS] <= LIMIT) {
            assert_true(change == 0);
            continue;
        }
        assert_true(fabs(change) <= 0.5 + 1e-6);
        sum += change, squares += change * change, count++;
        same += after[i] == other[i];
    }
    // Of 1,700 numbers the mean strays by 0.5 / sqrt(3 * 1700) = 0.007, the variance by 0.0018.
    assert_true(fabs(sum / count) < 0.035 && fabs(squares / count - 0.25 / 3) < 0.009);
    assert_true(same < count / 100);
}

static void test_a_share_of_the_cells_is_struck(void **state)
{
    (void)state;
    for (int kills = 0; kills < 2; kills++) {
        int struck = 0, could = 0;
        apply(kills ? NCA_PERTURB_KILLED : NCA_PERTURB_SALT, 0.3, 2, before, gradient, after);
        for (int i = 0; i < SIZE; i += CHANNELS) {
            const float *was = before + i, *is = after + i;
            const bool is_struck = is[0] != was[0] || (kills && is[1] != was[1]);
            for (int k = 0; k < CHANNELS; k++)
                assert_true(is[k] == (!is_struck ? was[k] : kills ? 0 : k == 0 ? 1 : was[k]));
            could += kills ? was[1] != 0 : was[0] != 1;
            struck += is_struck;
        }
        assert_true(fabs((double)struck / could - 0.3) < 0.1);   // a sigma is 0.021
    }
}

// Of a whole grid; of a picture only what is visible.
static void test_a_share_of_the_cells_is_the_adversarys(void **state)
{
    static float owners[2][CELLS];
    const nca_shape shape = make_shape();
    const nca_perturbation perturbation = {NCA_PERTURB_CELLS, 0.3};
    nca_image picture;
    int whole = 0, visible = 0;
    (void)state;
    assert_ok(nca_image_create(SIDE, SIDE, &picture, error));
    for (int i = 0; i < CELLS; i += 2)
        picture.pixels[i * NCA_VISIBLE + NCA_ALPHA] = 1;
    nca_perturb_owners(&perturbation, &shape, NULL, (nca_key){.seed = 5}, 2, owners[0]);
    nca_perturb_owners(&perturbation, &shape, &picture, (nca_key){.seed = 5}, 2, owners[1]);
    for (int i = 0; i < CELLS; i++) {
        assert_true(owners[0][i] == 0 || owners[0][i] == 1);
        assert_true(owners[1][i] == (i % 2 == 0 ? owners[0][i] : 0));
        whole += owners[0][i] == 1;
        visible += owners[1][i] == 1;
    }
    assert_true(fabs((double)whole / CELLS - 0.3) < 0.08);   // a sigma is 0.019
    assert_true(fabs((double)visible / (CELLS / 2) - 0.3) < 0.11);
    nca_image_free(&picture);
}

static void test_a_text_is_a_kind_and_a_strength(void **state)
{
    static const char *const wrong[] = {"",        "salt",      "salt:",      "salt:1.5",
                                        "salt:0",  "none:1",    "killed:-1",  "killed:x",
                                        "other:1", "salt:0.1x", "killed:nan", "input-noise:11"};
    nca_perturbation read = {NCA_PERTURB_SALT, 1};
    (void)state;
    assert_ok(nca_perturbation_read("none", &read, error));
    assert_true(read.kind == NCA_PERTURB_NONE);
    for (int kind = 1; kind < NCA_PERTURBATIONS; kind++) {
        char text[64];
        snprintf(text, sizeof text, "%s:0.25", nca_perturbation_words[kind]);
        assert_ok(nca_perturbation_read(text, &read, error));
        assert_true(read.kind == (nca_perturbation_kind)kind && read.strength == 0.25);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refused(NCA_ARGUMENT, nca_perturbation_read(wrong[i], &read, error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_gradient_moves_by_its_sign),
        cmocka_unit_test(test_a_picture_keeps_its_cells),
        cmocka_unit_test(test_noise_is_uniform_and_each_sample_has_its_own),
        cmocka_unit_test(test_a_share_of_the_cells_is_struck),
        cmocka_unit_test(test_a_share_of_the_cells_is_the_adversarys),
        cmocka_unit_test(test_a_text_is_a_kind_and_a_strength),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
