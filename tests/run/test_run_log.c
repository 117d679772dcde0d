// The run folder: made whole or not at all, one trainer at a time, and what it holds reads back.
#define _GNU_SOURCE   // nftw
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>
#include <sys/wait.h>

#include "run/run_files.h"
#include "run/run_log.h"
#include "scratch.h"

static const char config[] = "{}\n";

static void add(nca_run_log *log, int64_t update, double loss, nca_event event)
{
    nca_update_result result = {.update = update, .steps = 64, .loss = loss, .event = event};
    snprintf(result.event_text, sizeof result.event_text, "%s", event ? "words" : "");
    assert_int_equal(nca_run_log_add(log, &result, NULL), NCA_OK);
}

// A run of `updates`, whose losses are numbers that no short decimal holds.
static void make_run(const char *name, int updates)
{
    nca_run_log log;
    assert_int_equal(nca_run_log_create(scratch(name), config, &log, NULL), NCA_OK);
    for (int i = 1; i <= updates; i++)
        add(&log, i, 1.0 / (3 * i), i == 2 ? NCA_EVENT_SKIPPED : NCA_EVENT_NONE);
    assert_int_equal(nca_run_log_sync(&log, NULL), NCA_OK);
    nca_run_log_close(&log);
}

static const char *metrics_of(const char *name)
{
    char inside[300];
    snprintf(inside, sizeof inside, "%s/metrics.jsonl", name);
    return scratch(inside);
}

static void test_a_new_folder_holds_config_and_metrics(void **state)
{
    (void)state;
    size_t size;
    make_run("new/run", 2);
    unsigned char *text = scratch_read(scratch("new/run/config.json"), &size);
    assert_string_equal((char *)text, config);
    free(text);
    text = scratch_read(metrics_of("new/run"), &size);
    assert_int_equal(strncmp((char *)text, "{\"update\": 1, \"steps\": 64, \"loss\": 0.333", 40),
                     0);
    assert_non_null(strstr((char *)text,
                           "\"event\": \"skipped\", \"event_text\": \"words\", \"checksum\": \""));
    free(text);
    assert_int_equal(scratch_count(scratch("new/run")), 3);   // and pictures/
}

// As `nca train --resume` takes a folder up: *out only on success.
static nca_status resume(const char *folder, int64_t done, nca_run_log *out, nca_error *error)
{
    nca_run_log log;
    NCA_TRY(nca_run_log_open(folder, &log, error));
    const nca_status status = nca_run_log_continue(&log, done, error);
    if (status == NCA_OK)
        *out = log;
    else
        nca_run_log_close(&log);
    return status;
}

// The curve of a run that was resumed is the curve of one that never stopped.
static void test_points_read_back_as_they_were(void **state)
{
    (void)state;
    nca_run_log first, again;
    assert_int_equal(nca_run_log_create(scratch("points"), config, &first, NULL), NCA_OK);
    for (int i = 1; i <= 50; i++)
        add(&first, i, exp(-i / 7.0), NCA_EVENT_NONE);
    add(&first, 51, NAN, NCA_EVENT_SKIPPED);
    add(&first, 52, INFINITY, NCA_EVENT_ROLLED_BACK);
    fclose(first.metrics);   // the points stay
    first.metrics = NULL;
    assert_int_equal(resume(scratch("points"), 52, &again, NULL), NCA_OK);
    assert_int_equal(again.count, 52);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(again.points[i].update, first.points[i].update);
        assert_true(again.points[i].loss == first.points[i].loss);
    }
    assert_true(isnan(again.points[50].loss) && !isfinite(again.points[51].loss));
    assert_int_equal(again.points[50].event, NCA_EVENT_SKIPPED);
    assert_int_equal(again.points[51].event, NCA_EVENT_ROLLED_BACK);
    nca_run_log_close(&first);
    nca_run_log_close(&again);
}

static void test_metrics_after_the_checkpoint_are_cut_off(void **state)
{
    (void)state;
    nca_run_log log;
    size_t size, lines = 0;
    make_run("cut", 5);
    FILE *torn = fopen(metrics_of("cut"), "ab");
    fputs("{\"update\": 6, \"ste", torn);   // as a kill leaves it
    fclose(torn);
    assert_int_equal(resume(scratch("cut"), 3, &log, NULL), NCA_OK);
    add(&log, 4, 0.5, NCA_EVENT_NONE);
    nca_run_log_close(&log);
    unsigned char *text = scratch_read(metrics_of("cut"), &size);
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, 4);
    assert_non_null(strstr((char *)text, "{\"update\": 4, \"steps\": 64, \"loss\": 0.5,"));
    assert_null(strstr((char *)text, "\"update\": 5"));
    free(text);
}

static void expect_damaged(const char *text, int64_t done, const char *words)
{
    nca_run_log log = {.count = 77};
    nca_error error = {0};
    size_t size;
    scratch_write("damaged/metrics.jsonl", text, strlen(text));
    assert_int_equal(resume(scratch("damaged"), done, &log, &error), NCA_FORMAT);
    if (!strstr(error.message, words))
        fail_msg("says %s", error.message);
    assert_int_equal(log.count, 77);
    unsigned char *kept = scratch_read(scratch("damaged/metrics.jsonl"), &size);
    assert_string_equal((char *)kept, text);   // a refusal changes nothing
    free(kept);
}

static void test_metrics_that_do_not_reach_the_checkpoint_are_refused(void **state)
{
    (void)state;
    mkdir(scratch("damaged"), 0700);
    expect_damaged("", 1, "line 1 is not that of update 1");
    expect_damaged("", 1, "train anew with: nca train --config ");
    expect_damaged("{\"update\": 1}\n", 2, "line 2 is not that of update 2");
    expect_damaged("{\"update\": 1}\n{\"update\": 3}\n", 2, "line 2");
    expect_damaged("{\"update\": 1}\ngarbage\n{\"update\": 3}\n", 3, "line 2");
    expect_damaged("{\"update\": 1}\n{\"update\": 2}", 2, "line 2");   // no end of line
    expect_damaged("{\"update\": \"1\"}\n", 1, "line 1");
    expect_damaged("[1]\n", 1, "line 1");
    expect_damaged("{\"update\": 1, \"checksum\": \"0123456789abcdef\"}\n", 1, "line 1");
}

static void test_every_turned_bit_of_the_metrics_is_noticed(void **state)
{
    (void)state;
    size_t size;
    make_run("bits", 2);
    unsigned char *text = scratch_read(metrics_of("bits"), &size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        nca_run_log log;
        text[bit / 8] ^= (unsigned char)(1u << bit % 8);
        scratch_write("bits/metrics.jsonl", text, size);
        text[bit / 8] ^= (unsigned char)(1u << bit % 8);
        if (resume(scratch("bits"), 2, &log, NULL) == NCA_OK)
            fail_msg("bit %zu of byte %zu is not noticed", bit % 8, bit / 8);
    }
    free(text);
}

static void test_one_process_trains_in_a_folder(void **state)
{
    (void)state;
    nca_run_log first, second;
    nca_error error = {0};
    assert_int_equal(nca_run_log_create(scratch("locked"), config, &first, NULL), NCA_OK);
    assert_int_equal(resume(scratch("locked"), 0, &second, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "another nca train"));
    nca_run_log_close(&first);
    assert_int_equal(resume(scratch("locked"), 0, &second, NULL), NCA_OK);
    nca_run_log_close(&second);
}

// Many processes make the same folder at once, over and over: one gets it, and what it wrote stays.
static void test_one_of_two_processes_gets_a_new_folder(void **state)
{
    (void)state;
    enum { ROUNDS = 40, PROCESSES = 4 };
    char name[32];
    for (int round = 0; round < ROUNDS; round++) {
        pid_t child[PROCESSES];
        int go[2], won = 0;
        assert_int_equal(pipe(go), 0);
        snprintf(name, sizeof name, "race/%d", round);
        for (int i = 0; i < PROCESSES; i++) {
            child[i] = fork();
            if (child[i] == 0) {
                nca_run_log log;
                char byte;
                close(go[1]);
                if (read(go[0], &byte, 1) != 0)   // until all of them are there
                    _exit(99);
                _exit(nca_run_log_create(scratch(name), config, &log, NULL) != NCA_OK);
            }
            assert_true(child[i] > 0);
        }
        close(go[0]);
        close(go[1]);
        for (int i = 0; i < PROCESSES; i++) {
            int code;
            assert_int_equal(waitpid(child[i], &code, 0), child[i]);
            assert_true(WIFEXITED(code) && WEXITSTATUS(code) <= 1);
            won += WEXITSTATUS(code) == 0;
        }
        assert_int_equal(won, 1);
        assert_int_equal(scratch_count(scratch(name)), 3);
    }
}

static void test_what_is_not_of_the_run_stays(void **state)
{
    (void)state;
    nca_run_log first;
    assert_int_equal(nca_run_log_create(scratch("mixed"), config, &first, NULL), NCA_OK);
    scratch_write("mixed/notes.txt", "x", 1);
    nca_run_log_discard(&first);
    assert_int_equal(scratch_count(scratch("mixed")), 1);
}

static void test_pictures_that_were_thrown_away_have_a_place_again(void **state)
{
    (void)state;
    nca_run_log log;
    make_run("bare", 1);
    assert_int_equal(rmdir(scratch("bare/pictures")), 0);
    assert_int_equal(resume(scratch("bare"), 1, &log, NULL), NCA_OK);
    nca_run_log_close(&log);
    assert_int_equal(scratch_count(scratch("bare/pictures")), 0);
}

// A process that was killed before it had written its settings has left nothing to go on from, and
// nothing that is in the way.
static void test_a_folder_begun_in_vain_is_begun_again(void **state)
{
    (void)state;
    nca_run_log log;
    nca_error error;
    mkdir(scratch("vain"), 0700);
    scratch_write("vain/metrics.jsonl", "", 0);
    scratch_write("vain/config.json.abcdef.part", "{", 1);
    assert_true(nca_run_files_are_abandoned(scratch("vain")));
    assert_false(nca_run_files_exist(scratch("vain")));
    assert_int_equal(nca_run_log_create(scratch("vain"), config, &log, NULL), NCA_OK);
    assert_int_equal(nca_run_log_create(scratch("vain"), config, &log, &error), NCA_FILE);
    assert_true(nca_run_log_is_empty(&log));
    add(&log, 1, 0.5, NCA_EVENT_NONE);
    assert_false(nca_run_log_is_empty(&log));
    nca_run_log_close(&log);
    assert_int_equal(scratch_count(scratch("vain")), 3);
    assert_true(nca_run_files_exist(scratch("vain")));
    mkdir(scratch("other"), 0700);   // what is another's, or has an update, is not
    scratch_write("other/metrics.jsonl", "", 0);
    scratch_write("other/mine.txt", "", 0);
    assert_int_equal(nca_run_log_create(scratch("other"), config, &log, NULL), NCA_FILE);
    unlink(scratch("other/mine.txt"));
    scratch_write("other/metrics.jsonl", "{", 1);
    assert_int_equal(nca_run_log_create(scratch("other"), config, &log, NULL), NCA_FILE);
    assert_int_equal(scratch_count(scratch("other")), 1);
}

// What a link names may be another's file: it is neither emptied nor written.
static void test_metrics_that_are_a_link_are_refused(void **state)
{
    (void)state;
    nca_run_log log;
    nca_error error;
    size_t size;
    make_run("linked", 1);
    scratch_write("key", "mine", 4);
    unlink(metrics_of("linked"));
    assert_int_equal(symlink("../key", metrics_of("linked")), 0);
    assert_int_equal(resume(scratch("linked"), 0, &log, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "a link"));
    unsigned char *kept = scratch_read(scratch("key"), &size);
    assert_string_equal((char *)kept, "mine");
    free(kept);
}

// Another run may have begun under its name.
static void test_a_folder_that_was_moved_away_is_noticed(void **state)
{
    (void)state;
    nca_run_log log;
    nca_error error;
    char elsewhere[300];
    snprintf(elsewhere, sizeof elsewhere, "%s", scratch("elsewhere"));
    assert_int_equal(nca_run_log_create(scratch("moved"), config, &log, NULL), NCA_OK);
    assert_int_equal(nca_run_log_check_place(&log, NULL), NCA_OK);
    assert_int_equal(rename(scratch("moved"), elsewhere), 0);
    assert_int_equal(nca_run_log_check_place(&log, &error), NCA_FILE);
    make_run("moved", 1);
    assert_int_equal(nca_run_log_check_place(&log, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "moved or removed"));
    nca_run_log_close(&log);
}

static void test_leftovers_of_a_kill_are_removed(void **state)
{
    (void)state;
    nca_run_log log;
    make_run("killed", 1);
    scratch_write("killed/model.safetensors.abcdef.part", "x", 1);
    scratch_write("killed/checkpoint.safetensors.before.part", "x", 1);
    scratch_write("killed/pictures/batch-000001.png.abcdef.part", "x", 1);
    scratch_write("killed/pictures/batch-000001.png", "x", 1);
    assert_int_equal(resume(scratch("killed"), 1, &log, NULL), NCA_OK);
    nca_run_log_close(&log);
    assert_int_equal(scratch_count(scratch("killed")), 3);
    assert_int_equal(scratch_count(scratch("killed/pictures")), 1);
    // What a user has called alike is not the program's.
    scratch_write("killed/download.abcdef.part", "x", 1);
    scratch_write("killed/model.safetensors.part", "x", 1);
    scratch_write("killed/.abcdef.part", "x", 1);
    assert_int_equal(nca_run_files_tidy(scratch("killed")), 0);
    assert_int_equal(scratch_count(scratch("killed")), 6);
    assert_int_equal(nca_run_files_tidy(scratch("not there")), 0);
}

static void test_a_run_that_could_not_begin_leaves_nothing(void **state)
{
    (void)state;
    nca_run_log log;
    assert_int_equal(nca_run_log_create(scratch("gone/a/b"), config, &log, NULL), NCA_OK);
    scratch_write("gone/a/b/model.safetensors", "x", 1);
    nca_run_log_discard(&log);
    assert_int_equal(access(scratch("gone"), F_OK), -1);
    mkdir(scratch("mine"), 0700);   // one that was there stays, empty as it was
    assert_int_equal(nca_run_log_create(scratch("mine"), config, &log, NULL), NCA_OK);
    nca_run_log_discard(&log);
    assert_int_equal(scratch_count(scratch("mine")), 0);
    make_run("kept", 1);   // and one that was resumed is left alone
    assert_int_equal(resume(scratch("kept"), 1, &log, NULL), NCA_OK);
    nca_run_log_discard(&log);
    assert_int_equal(scratch_count(scratch("kept")), 3);
}

static void test_folders_that_cannot_be_used_are_refused(void **state)
{
    (void)state;
    nca_run_log log = {.count = 77};
    nca_error error;
    char longest[5000];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    make_run("full", 1);
    assert_int_equal(nca_run_log_create(scratch("full"), config, &log, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "not empty"));
    assert_int_equal(nca_run_log_create(longest, config, &log, &error), NCA_ARGUMENT);
    assert_int_equal(resume(longest, 0, &log, &error), NCA_ARGUMENT);
    assert_int_equal(resume(scratch("missing"), 0, &log, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "missing; train anew with: nca train --config "));
    assert_int_equal(log.count, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_folder_holds_config_and_metrics),
        cmocka_unit_test(test_points_read_back_as_they_were),
        cmocka_unit_test(test_metrics_after_the_checkpoint_are_cut_off),
        cmocka_unit_test(test_metrics_that_do_not_reach_the_checkpoint_are_refused),
        cmocka_unit_test(test_one_process_trains_in_a_folder),
        cmocka_unit_test(test_one_of_two_processes_gets_a_new_folder),
        cmocka_unit_test(test_what_is_not_of_the_run_stays),
        cmocka_unit_test(test_pictures_that_were_thrown_away_have_a_place_again),
        cmocka_unit_test(test_every_turned_bit_of_the_metrics_is_noticed),
        cmocka_unit_test(test_a_folder_begun_in_vain_is_begun_again),
        cmocka_unit_test(test_metrics_that_are_a_link_are_refused),
        cmocka_unit_test(test_a_folder_that_was_moved_away_is_noticed),
        cmocka_unit_test(test_leftovers_of_a_kill_are_removed),
        cmocka_unit_test(test_a_run_that_could_not_begin_leaves_nothing),
        cmocka_unit_test(test_folders_that_cannot_be_used_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
