// The page of nca report and what it is made from: policy, escaping, whole or not at all; metrics
// joined to curves; rollouts watched.
#define _GNU_SOURCE   // nftw, memmem
#include "support.h"

#include "eval/observe_keep.h"
#include "report/page.h"
#include "report/parts.h"
#include "scratch.h"

enum { HEIGHT = 12, WIDTH = 10, CHANNELS = 8, HIDDEN = 4 };

static const char hostile[] = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>";

// A run whose rule changes nothing, so that every figure of its page is known.
typedef struct still_run {
    nca_compute compute;
    nca_model model;
    nca_growth growth;
    nca_history history;
    nca_observe_options options;
    nca_observation observation;
} still_run;

static const char *metrics_line(int update, const char *more)
{
    static char line[700];
    snprintf(
        line, sizeof line,
        "{\"update\": %d, \"steps\": 9, \"loss\": 0.1, \"log10_loss\": %d, \"gradient_norm\": "
        "0.5, \"rate\": 0.1, \"active_fraction\": 0.2, \"max_state\": 1, \"seconds\": 0.5%s}\n",
        update, -(update % 10), more);
    return line;
}

// A metrics.jsonl of `updates` lines whose log10 losses are 0, -1, ... -9, 0, ...; then `tail`.
static const char *write_metrics(int updates, const char *tail)
{
    const char *path = scratch("metrics.jsonl");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 1; i <= updates; i++)
        fputs(metrics_line(i, ""), file);
    fputs(tail, file);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void start(still_run *still)
{
    char event[200], last[700];
    *still = (still_run){.options = {.grid = {HEIGHT, WIDTH},
                                     .seed = 1,
                                     .cut_at = 10,
                                     .heal_steps = 6,
                                     .traced = NCA_CUT_RIGHT}};
    snprintf(event, sizeof event, ", \"event\": \"skipped\", \"event_text\": \"%s\"", hostile);
    snprintf(last, sizeof last, "%s", metrics_line(3, event));
    const char *path = write_metrics(2, last);
    assert_ok(nca_history_read(path, &still->history, error));
    assert_ok(nca_compute_open("reference", &(nca_device_options){0}, &still->compute, error));
    assert_ok(nca_model_create(&(nca_spec)NCA_GROWING(CHANNELS, HIDDEN), &still->model, error));
    assert_ok(nca_image_create(HEIGHT, WIDTH, &still->growth.target, error));
    nca_observe_choose_cells(&nca_task_grow, &still->growth, &still->model.spec, &still->options);
    assert_ok(nca_observe(&still->model, &nca_task_grow, &still->growth, &still->options,
                          &still->compute, &still->observation, error));
}

static void stop(still_run *still)
{
    nca_observation_free(&still->observation);
    nca_history_free(&still->history);
    nca_image_free(&still->growth.target);
    nca_model_free(&still->model);
    nca_compute_close(&still->compute);
}

static const nca_verdict nothing_judged = {.task = &nca_task_grow, .seeds = 8};

static nca_page_run page_of(const still_run *still)
{
    static char config[300];
    snprintf(config, sizeof config, "{\"target\": \"%s\", \"preset\": \"&\\u2028\"}", hostile);
    return (nca_page_run){.name = hostile,
                          .folder = scratch_folder,
                          .config_json = config,
                          .model = &still->model,
                          .task = &nca_task_grow,
                          .content = &still->growth,
                          .verdict = &nothing_judged,
                          .history = &still->history,
                          .observation = &still->observation,
                          .observed = &still->options};
}

static char *write_page(const still_run *still, size_t *size)
{
    const nca_page_run run = page_of(still);
    assert_ok(nca_page_write(scratch("page.html"), &run, 1, error));
    return (char *)scratch_read(scratch("page.html"), size);
}

static int count(const char *text, const char *word)
{
    int found = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        found++;
    return found;
}

static void test_what_a_run_says_ends_no_element(void **state)
{
    still_run still;
    size_t size;
    (void)state;
    start(&still);
    char *page = write_page(&still, &size);
    int scripts = 1;   // the data
    for (const nca_page_part *part = nca_page_parts; part->kind; part++)
        scripts += (part->kind == NCA_PART_CHARTS || part->kind == NCA_PART_SCRIPT ||
                    part->kind == NCA_PART_MODULE || part->kind == NCA_PART_VECTOR_MODULE) &&
                   part->pages & NCA_PAGE_OF_RUNS;
    assert_int_equal(count(page, "</script"), scripts);
    assert_int_equal(count(page, "<img"), 0);
    assert_int_equal(count(page, "<!--"), 0);
    // Four times hostile: the name, of the run and of its rule, the target, the event.
    assert_int_equal(count(page, "\\u003c/script>\\u003cscript>alert(1)"), 4);
    free(page);
    stop(&still);
}

static void test_the_policy_names_every_script_and_style(void **state)
{
    still_run still;
    size_t size;
    (void)state;
    start(&still);
    char *page = write_page(&still, &size), *end = strstr(page, "<meta name=\"referrer\"");
    assert_non_null(end);
    assert_non_null(memmem(page, (size_t)(end - page), "default-src 'none';", 19));
    for (const nca_page_part *part = nca_page_parts; part->kind; part++) {
        char hash[100];
        if (part->kind == NCA_PART_MODULE || part->kind == NCA_PART_VECTOR_MODULE)
            continue;   // data to the browser
        const bool is_run = part->kind != NCA_PART_BODY && part->kind != NCA_PART_LICENCE &&
                            part->pages & NCA_PAGE_OF_RUNS;
        snprintf(hash, sizeof hash, "'sha256-%s'", part->hash);
        assert_int_equal(strlen(part->hash), 44);
        assert_int_equal(memmem(page, (size_t)(end - page), hash, strlen(hash)) != NULL, is_run);
    }
    *end = 0;
    assert_int_equal(count(page, "unsafe"), 1);
    assert_int_equal(count(page, "'wasm-unsafe-eval'"), 1);   // compiles modules, runs no text
    assert_null(strstr(page, "*"));
    free(page);
    stop(&still);
}

static void test_nothing_is_referred_to(void **state)
{
    static const char *const loads[] = {"src=\"http", "href=\"http",  "url(",    "@import",
                                        "<link",      "<iframe",      "<object", "<base",
                                        "src=\"//",   "sourceMapping"};
    still_run still;
    size_t size;
    (void)state;
    start(&still);
    char *page = write_page(&still, &size);
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
        if (strstr(page, loads[i]))
            fail_msg("the page holds %s", loads[i]);
    free(page);
    stop(&still);
}

static void test_a_page_is_whole_or_not_there(void **state)
{
    still_run still;
    size_t size;
    (void)state;
    start(&still);
    free(write_page(&still, &size));
    const int files = scratch_count(scratch_folder);
    const nca_page_run run = page_of(&still);
    assert_refused(NCA_FILE, nca_page_write(scratch("nowhere/page.html"), &run, 1, error));
    assert_refused(NCA_FILE, nca_page_write(scratch_folder, &run, 1, error));
    assert_int_equal(scratch_count(scratch_folder), files);
    char *page = write_page(&still, &size);
    assert_true(size > 20 && strcmp(page + size - 8, "</html>\n") == 0);
    free(page);
    stop(&still);
}

static void test_a_rule_that_does_nothing_is_seen_doing_nothing(void **state)
{
    still_run still;
    (void)state;
    start(&still);
    const nca_observation *seen = &still.observation;
    const int steps = still.options.cut_at + still.options.heal_steps;
    assert_int_equal(seen->steps, steps);
    // The seed has alpha 1 in one cell, at the centre: which the right, the lower and the centre's
    // cut clear, and the others do not.
    const double one = log10(1.0 / (HEIGHT * WIDTH * NCA_VISIBLE));
    for (int i = 0; i < NCA_OBSERVED_ROLLOUTS; i++) {
        const bool is_cleared = i == NCA_CUT_RIGHT || i == NCA_CUT_LOWER || i == NCA_CUT_CENTER;
        const double *loss = seen->loss + i * (steps + 1);
        for (int step = 0; step <= steps; step++)
            if (is_cleared && step >= still.options.cut_at)
                assert_true(isinf(loss[step]));
            else
                assert_true(fabs(loss[step] - one) < 1e-6);
    }
    // The cell at the centre is followed first: 1 from alpha on, until the traced cut.
    for (int step = 0; step <= steps; step++)
        for (int k = 0; k < CHANNELS; k++)
            assert_true(seen->trace[step * CHANNELS + k] ==
                        (k >= NCA_ALPHA && step < still.options.cut_at ? 1 : 0));
    for (int k = NCA_ALPHA; k < CHANNELS; k++) {
        assert_true(seen->ring_low[k] == 0 && seen->ring_high[k] == 1);
        assert_true(seen->ring_low[CHANNELS + k] == 0 && seen->ring_high[CHANNELS + k] == 0);
    }
    const int middle = ((HEIGHT / 2) * WIDTH + WIDTH / 2) * CHANNELS + NCA_ALPHA;
    assert_true(seen->young[middle] == 1 && seen->grown[middle] == 1);
    // Frames: the seed is black in the first, and gone from the last of the traced rollout.
    const int pixel = ((HEIGHT / 2) * WIDTH + WIDTH / 2) * 3;
    assert_int_equal(seen->growth.rgb[pixel], 0);
    const nca_observed_frames *healing = &seen->healing[NCA_CUT_RIGHT];
    assert_int_equal(healing->rgb[(healing->count - 1) * HEIGHT * WIDTH * 3 + pixel], 255);
    stop(&still);
}

static void test_large_grids_keep_the_page_small(void **state)
{
    const nca_observe_options options = {.cut_at = 200, .heal_steps = 400};
    const nca_shape shape = NCA_GROWING_SHAPE(1, 700, 300, 0, 0, 16, 128);
    nca_observation observation;
    (void)state;
    assert_ok(nca_observation_create(&shape, &nca_task_grow, &options, &observation, error));
    assert_true(observation.picture_height <= 256 && observation.picture_width <= 256);
    assert_true(observation.lattice_height <= 80 && observation.lattice_width <= 80);
    assert_true(observation.growth.count * observation.picture_height * observation.picture_width <=
                400000);
    assert_true(observation.growth.first +
                    (observation.growth.count - 1) * observation.growth.every >=
                observation.cut_at);
    // Every frame that is due has a place, the last one too.
    int due = 0;
    for (int step = observation.cut_at; step <= observation.steps; step++)
        due +=
            nca_observed_frame_is_due(&observation.healing[0], step) || step == observation.steps;
    assert_int_equal(due, observation.healing[0].count);
    nca_observation_free(&observation);
}

static void test_cells_lie_from_the_centre_to_the_edge(void **state)
{
    nca_image target;
    nca_observe_options options = {.grid = {20, 30}};
    (void)state;
    assert_ok(nca_image_create(20, 30, &target, error));
    for (int x = 5; x < 25; x++)
        target.pixels[(10 * 30 + x) * NCA_VISIBLE + NCA_ALPHA] = 1;
    nca_observe_choose_cells(&nca_task_grow, &(nca_growth){.target = target},
                             &(nca_spec)NCA_GROWING(CHANNELS, HIDDEN), &options);
    static const int expected[NCA_OBSERVED_CELLS] = {15, 10, 5};
    for (int i = 0; i < NCA_OBSERVED_CELLS; i++) {
        assert_int_equal(options.cell[i][0], 10);
        assert_int_equal(options.cell[i][1], expected[i]);
    }
    nca_image_free(&target);
}

static void test_curves_are_medians_of_few_updates(void **state)
{
    nca_history history;
    (void)state;
    assert_ok(nca_history_read(write_metrics(20000, ""), &history, error));
    assert_int_equal(history.updates, 20000);
    assert_int_equal(history.updates_a_point, 10);
    assert_int_equal(history.count, NCA_HISTORY_POINTS);
    assert_int_equal(history.point[history.count - 1].update, 20000);
    assert_true(history.point[7].loss == -4.5 && history.point[7].loss_low == -9 &&
                history.point[7].loss_high == 0);
    assert_true(fabs(history.seconds - 10000) < 1e-6);
    nca_history_free(&history);
    // A few are kept as they are; the last point may be of fewer updates.
    assert_ok(nca_history_read(write_metrics(2003, ""), &history, error));
    assert_int_equal(history.count, 1002);
    assert_int_equal(history.point[1001].update, 2003);
    nca_history_free(&history);
}

static void test_events_and_losses_that_are_no_numbers(void **state)
{
    nca_history history;
    (void)state;
    assert_ok(nca_history_read(
        write_metrics(1,
                      "{\"update\": 2, \"log10_loss\": null, \"gradient_norm\": null, \"event\": "
                      "\"skipped\", \"event_text\": \"why\"}\n"),
        &history, error));
    assert_int_equal(history.count, 2);
    assert_true(isnan(history.point[1].loss) && isnan(history.point[1].gradient_norm));
    assert_int_equal(history.events, 1);
    assert_int_equal(history.event[0].update, 2);
    assert_string_equal(history.event[0].name, "skipped");
    assert_string_equal(history.event[0].text, "why");
    assert_true(history.explosions == 1 && history.deaths == 0 && history.not_finite == 1 &&
                !history.gave_up);
    nca_history_free(&history);
}

// What a study judges training by; the largest state that is none does not count as one.
static void test_what_went_wrong_is_counted_by_its_kind(void **state)
{
    nca_history history;
    (void)state;
    assert_ok(nca_history_read(
        write_metrics(0, "{\"update\": 1, \"log10_loss\": -1, \"max_state\": 7.5}\n"
                         "{\"update\": 2, \"log10_loss\": -1, \"max_state\": null, \"event\": "
                         "\"pool repaired\", \"event_text\": \"no cell of the batch lives: x\"}\n"
                         "{\"update\": 3, \"log10_loss\": -1, \"max_state\": 2, \"event\": "
                         "\"gave up\", \"event_text\": \"rolling back\"}\n"),
        &history, error));
    assert_true(history.max_state == 7.5 && history.not_finite == 1 && history.gave_up);
    assert_true(history.events == 2 && history.explosions == 1 && history.deaths == 1);
    nca_history_free(&history);
}

static void test_metrics_that_are_not_whole_are_refused(void **state)
{
    static const char *const tails[] = {"{\"update\": 4",
                                        "garbage\n",
                                        "{\"update\": 9}\n",
                                        "{\"update\": 4, \"log10_loss\": \"x\"}\n",
                                        "\n",
                                        "[4]\n"};
    nca_history history;
    (void)state;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        assert_refused(NCA_FORMAT, nca_history_read(write_metrics(3, tails[i]), &history, error));
    assert_refused(NCA_FORMAT, nca_history_read(write_metrics(0, ""), &history, error));
    assert_refused(NCA_FILE, nca_history_read(scratch("none.jsonl"), &history, error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_run_says_ends_no_element),
        cmocka_unit_test(test_the_policy_names_every_script_and_style),
        cmocka_unit_test(test_nothing_is_referred_to),
        cmocka_unit_test(test_a_page_is_whole_or_not_there),
        cmocka_unit_test(test_a_rule_that_does_nothing_is_seen_doing_nothing),
        cmocka_unit_test(test_large_grids_keep_the_page_small),
        cmocka_unit_test(test_cells_lie_from_the_centre_to_the_edge),
        cmocka_unit_test(test_curves_are_medians_of_few_updates),
        cmocka_unit_test(test_events_and_losses_that_are_no_numbers),
        cmocka_unit_test(test_what_went_wrong_is_counted_by_its_kind),
        cmocka_unit_test(test_metrics_that_are_not_whole_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
