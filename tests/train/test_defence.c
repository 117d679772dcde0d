// Training with --perturb cells: an adversary moves a share of the visible cells in some samples of
// a batch, drawn anew for every update; it stays as it is, and the rule learns.
#define _XOPEN_SOURCE 700   // nftw
#include "spy.h"

#include "scratch.h"

static nca_config config_against(const char *perturb)
{
    nca_config config = small_config();
    set_text(config.perturb, perturb);
    set_text(config.adversary, "given by the test");
    config.perturbed = 2;   // of 5: slots 2 and 4
    return config;
}

// One that does something: a drawn rule puts out zero.
static nca_model make_adversary(const nca_spec *spec)
{
    nca_model adversary;
    assert_ok(nca_model_create(spec, &adversary, error));
    nca_model_initialize(&adversary, 7);
    const size_t total = nca_layout_of(spec).total;
    for (size_t i = 0; i < total; i++)
        adversary.parameters[i] += 0.01f * (float)(i % 5) - 0.02f;
    return adversary;
}

static void start_defence(training *run, int threads)
{
    const nca_config config = config_against("cells:0.5");
    start_training(run, &config, threads);
    nca_model adversary = make_adversary(&run->trainer->shape.spec);
    assert_ok(nca_trainer_set_adversary(run->trainer, &adversary, error));
    nca_model_free(&adversary);
}

static float *read_session(training *run, nca_buffer buffer)
{
    return read_buffer(&run->inner, run->trainer->session, buffer,
                       nca_buffer_elements(&run->trainer->shape, buffer));
}

static void test_it_moves_visible_cells_of_the_chosen_samples(void **state)
{
    training run;
    (void)state;
    start_defence(&run, 2);
    const size_t cells = cells_of(&run.shape);
    float *owners[2];
    for (int update = 0; update < 2; update++) {
        advance(&run);
        owners[update] = read_session(&run, NCA_OWNER);
    }
    int visible = 0, moved = 0, same = 0;
    for (size_t i = 0; i < 5 * cells; i++) {
        const size_t slot = i / cells;
        const bool may = (slot == 2 || slot == 4) &&
                         run.target.pixels[4 * (i % cells) + NCA_ALPHA] >= NCA_ALIVE_THRESHOLD;
        assert_true(owners[0][i] == 0 || (may && owners[0][i] == 1));
        visible += may;
        moved += owners[0][i] == 1;
        same += may && owners[0][i] == owners[1][i];
    }
    // Of 58 cells half, by 4 standard deviations of 0.065.
    assert_true(visible >= 40 && fabs((double)moved / visible - 0.5) < 0.26);
    assert_true(same < visible);
    assert_memory_not_equal(owners[0] + 2 * cells, owners[0] + 4 * cells, cells * sizeof(float));
    free(owners[0]), free(owners[1]);
    end_training(&run);
}

static void test_it_stays_as_it_is_and_the_rule_learns(void **state)
{
    training run, single, plain;
    (void)state;
    start_defence(&run, 2);
    start_defence(&single, 1);
    const nca_config config = small_config();
    start_training(&plain, &config, 2);
    const size_t total = total_of(&run.shape);
    float *before = read_session(&run, NCA_PARAMETERS);
    for (int i = 0; i < 4; i++)
        advance(&run), advance(&single), advance(&plain);
    float *after = read_session(&run, NCA_PARAMETERS), *other = read_of(&single, NCA_PARAMETERS);
    float *undefended = read_of(&plain, NCA_PARAMETERS);
    assert_memory_equal(before + total, after + total, total * sizeof(float));
    assert_memory_not_equal(before, after, total * sizeof(float));
    assert_memory_equal(after, other, total * sizeof(float));
    assert_memory_not_equal(after, undefended, total * sizeof(float));
    free(before), free(after), free(other), free(undefended);
    end_training(&run), end_training(&single), end_training(&plain);
}

// Grown next to the adversary's cells: as a rule alone it would reach a third of the first loss.
static void test_the_loss_goes_down(void **state)
{
    training run;
    double first = 0, last = 0;
    (void)state;
    start_defence(&run, 2);
    for (int update = 0; update < 300; update++) {
        const double loss = advance(&run).loss;
        first += update < 10 ? loss / 10 : 0;
        last += update >= 290 ? loss / 10 : 0;
    }
    print_message("loss %.4f, after 300 updates %.4f\n", first, last);
    assert_true(last < 0.6 * first);
    end_training(&run);
}

static void test_what_does_not_fit_is_refused(void **state)
{
    const nca_config config = config_against("cells:0.5");
    nca_update_result result;
    training run;
    (void)state;
    start_training(&run, &config, 1);
    assert_refused(NCA_ARGUMENT, nca_trainer_update(run.trainer, &result, error));
    nca_spec wider = run.trainer->shape.spec;
    wider.hidden[0] = 20;
    nca_model adversary = make_adversary(&wider);
    assert_refused(NCA_ARGUMENT, nca_trainer_set_adversary(run.trainer, &adversary, error));
    nca_model_free(&adversary);
    end_training(&run);
}

// A checkpoint goes on only against the same adversary.
static void test_another_adversary_is_noticed(void **state)
{
    training run, other;
    (void)state;
    start_defence(&run, 1);
    advance(&run);
    assert_ok(nca_trainer_save(run.trainer, scratch("checkpoint"), error));
    const nca_config config = config_against("cells:0.5");
    start_training(&other, &config, 1);
    nca_model adversary = make_adversary(&other.trainer->shape.spec);
    adversary.parameters[0] += 1;
    assert_ok(nca_trainer_set_adversary(other.trainer, &adversary, error));
    assert_refused(NCA_ARGUMENT, nca_trainer_restore(other.trainer, scratch("checkpoint"), error));
    nca_model_free(&adversary);
    end_training(&run), end_training(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_moves_visible_cells_of_the_chosen_samples),
        cmocka_unit_test(test_it_stays_as_it_is_and_the_rule_learns),
        cmocka_unit_test(test_the_loss_goes_down),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
        cmocka_unit_test(test_another_adversary_is_noticed),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
