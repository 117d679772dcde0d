// The verdict in words: what losses are called, in which order the cuts stand, and what is said of
// a rule that heals all, heals some, has not grown, died out or exploded.
#include "eval/verdict.h"

#include "support.h"

enum { SEEDS = 4 };

static const nca_evaluate_options options = {
    .seeds = SEEDS, .cut_at = 200, .heal_steps = 400, .cuts = true};

// Measured at steps 96, 200 and 1000; cuts in the order of their numbers.
static nca_evaluation measured(double grown, double whole, const double cuts[NCA_CUT_COUNT])
{
    nca_evaluation found = {.steps_count = 3,
                            .step = {96, 200, 1000},
                            .loss_at = {{.median = -1}, {.median = grown}, {.median = whole}},
                            .has_cuts = true,
                            .whole = {.median = whole},
                            .max_state = 2};
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        found.cut[cut].loss.median = cuts[cut];
    return found;
}

// The verdict's lines, one after the other.
static const char *said(const nca_verdict *verdict)
{
    static char text[NCA_VERDICT_LINES * (NCA_VERDICT_BYTES + 1)];
    char line[NCA_VERDICT_LINES][NCA_VERDICT_BYTES];
    const int lines = nca_verdict_write(verdict, line);
    assert_in_range(lines, 1, NCA_VERDICT_LINES);
    text[0] = 0;
    for (int i = 0; i < lines; i++)
        strcat(strcat(text, line[i]), "\n");
    return text;
}

static void check(const nca_evaluation *found, const char *expected)
{
    const nca_verdict verdict = nca_verdict_evaluated(&nca_task_grow, &options, found);
    assert_string_equal(said(&verdict), expected);
}

static void test_every_loss_has_a_word(void **state)
{
    (void)state;
    static const struct {
        double loss;
        const char *word;
    } rows[] = {{-9, "hard to tell apart"},
                {-4, "hard to tell apart"},
                {-3.99, "good"},
                {-3, "good"},
                {-2.99, "blurred"},
                {-2, "blurred"},
                {-1.99, "not recognisable"},
                {0, "not recognisable"},
                {0.01, "exploded"},
                {INFINITY, "exploded"},
                {NAN, "exploded"}};
    nca_task wordless = nca_task_grow;
    char text[NCA_LOSS_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(nca_loss_word(&nca_task_grow, rows[i].loss), rows[i].word);
    assert_string_equal(nca_loss_text(&nca_task_grow, -3.414, text), "-3.41 (good)");
    assert_string_equal(nca_loss_text(&nca_task_grow, INFINITY, text), "inf (exploded)");
    wordless.grades = NULL;
    assert_null(nca_loss_word(&wordless, -3));
    assert_string_equal(nca_loss_text(&wordless, -3, text), "-3.00");
}

static void test_what_heals_all_is_told_worst_first(void **state)
{
    (void)state;
    const nca_evaluation found = measured(-4.2, -4.3, (double[]){-4.3, -4.25, -4.29, -4.1, -4.01});
    check(&found, "hard to tell apart: log10 loss -4.20 at step 200\n"
                  "holds: -4.30 (hard to tell apart) at step 1000\n"
                  "heals 5 of 5 cuts, 400 steps after each; worst first:\n"
                  "  center  healed      -4.01 (hard to tell apart)\n"
                  "  right   healed      -4.10 (hard to tell apart)\n"
                  "  lower   healed      -4.25 (hard to tell apart)\n"
                  "  left    healed      -4.29 (hard to tell apart)\n"
                  "  upper   healed      -4.30 (hard to tell apart)\n");
}

static void test_what_heals_some_names_those_that_do_not(void **state)
{
    (void)state;
    nca_evaluation found = measured(-3.1, -3, (double[]){-2.71, -1.2, -3, -2.69, INFINITY});
    found.loss_at[2].median = -1.5;
    const nca_verdict verdict = nca_verdict_evaluated(&nca_task_grow, &options, &found);
    assert_int_equal(verdict.healed, 2);
    assert_true(verdict.has_exploded);   // after the cut of the centre
    found.cut[NCA_CUT_CENTER].loss.median = -0.9;
    check(&found, "good: log10 loss -3.10 at step 200\n"
                  "does not hold: -1.50 (not recognisable) at step 1000\n"
                  "heals 2 of 5 cuts, 400 steps after each; worst first:\n"
                  "  center  not healed  -0.90 (not recognisable)\n"
                  "  lower   not healed  -1.20 (not recognisable)\n"
                  "  right   not healed  -2.69 (blurred)\n"
                  "  upper   healed      -2.71 (blurred)\n"
                  "  left    healed      -3.00 (good)\n");
}

static void test_what_has_not_grown_heals_nothing(void **state)
{
    (void)state;
    nca_evaluation found = measured(-1.4, -1.4, (double[]){-1.4, -1.4, -1.4, -1.4, -1.4});
    check(&found, "not recognisable: log10 loss -1.40 at step 200\n"
                  "later: -1.40 (not recognisable) at step 1000\n"
                  "heals none of 5 cuts: even without a cut it is at -1.40 (not recognisable) "
                  "by then\n");
    found.dead_at[1] = 3;   // of 4
    found.has_cuts = false;
    found.steps_count = 2;
    check(&found, "died out: most fire seeds have no living cell; log10 loss -1.40 at step 200 (an "
                  "empty grid)\n");
    found.dead_at[1] = 2;
    check(&found, "not recognisable: log10 loss -1.40 at step 200\n");
}

static void test_what_has_exploded_is_called_so(void **state)
{
    (void)state;
    nca_evaluation found = measured(-1.4, -1.4, (double[]){-1.4, -1.4, -1.4, -1.4, -1.4});
    found.has_cuts = false;
    found.steps_count = 2;
    found.dead_at[1] = SEEDS;
    found.max_state = NAN;
    check(&found, "exploded: numbers grew without bound, and most fire seeds died; "
                  "log10 loss -1.40 at step 200 (an empty grid)\n");
    found.dead_at[1] = 0;
    found.max_state = 2;
    found.loss_at[1].median = 3.5;
    check(&found, "exploded: numbers grow without bound; log10 loss 3.50 at step 200\n");
    found.loss_at[1].median = -3.5;   // later, in the long run
    found.long_run = 10000;
    found.long_run_loss.median = INFINITY;
    check(&found, "exploded: numbers grow without bound; log10 loss -3.50 at step 200\n"
                  "does not hold: inf (exploded) at step 10000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_loss_has_a_word),
        cmocka_unit_test(test_what_heals_all_is_told_worst_first),
        cmocka_unit_test(test_what_heals_some_names_those_that_do_not),
        cmocka_unit_test(test_what_has_not_grown_heals_nothing),
        cmocka_unit_test(test_what_has_exploded_is_called_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
