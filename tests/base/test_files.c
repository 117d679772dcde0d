// Files: read whole or refused, written whole or not at all; folders made and unmade.
#define _GNU_SOURCE   // mkfifo, nftw
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

#include "base/files.h"
#include "base/output_place.h"
#include "base/text.h"
#include "scratch.h"

static void expect_unread(const char *path, nca_status expected, const char *words)
{
    uint8_t *bytes = NULL;
    size_t size = 77;
    nca_error error = {0};
    assert_int_equal(nca_file_read(path, 1000, &bytes, &size, &error), expected);
    assert_non_null(strstr(error.message, words));
    assert_int_equal(strncmp(error.message, path, strlen(path)), 0);
    assert_null(bytes);
    assert_int_equal(size, 77);
}

static void test_a_file_is_read_whole_with_a_zero_behind_it(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    scratch_write("a", "a\0b", 3);
    assert_int_equal(nca_file_read(scratch("a"), 3, &bytes, &size, NULL), NCA_OK);
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "a\0b", 4);
    free(bytes);
    scratch_write("empty", "", 0);
    assert_int_equal(nca_file_read(scratch("empty"), 3, &bytes, &size, NULL), NCA_OK);
    assert_int_equal(size, 0);
    assert_int_equal(bytes[0], 0);
    free(bytes);
}

static void test_what_is_no_file_is_refused_at_once(void **state)
{
    (void)state;
    char large[1001] = {0};
    expect_unread(scratch("missing"), NCA_FILE, "No such file");
    expect_unread(scratch_folder, NCA_FILE, "not a file");
    expect_unread("/dev/zero", NCA_FILE, "not a file");
    expect_unread(scratch("a/b"), NCA_FILE, "Not a directory");
    scratch_write("large", large, sizeof large);
    expect_unread(scratch("large"), NCA_FORMAT, "1001 bytes");
    assert_int_equal(mkfifo(scratch("pipe"), 0600), 0);
    alarm(10);   // a pipe without a writer must not be waited for
    expect_unread(scratch("pipe"), NCA_FILE, "not a file");
    alarm(0);
    assert_int_equal(symlink("loop", scratch("loop")), 0);
    expect_unread(scratch("loop"), NCA_FILE, "symbolic links");
}

static void test_a_sparse_giant_is_refused_before_it_is_read(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    nca_error error;
    const char *path = scratch_write("giant", "x", 1);
    if (truncate(path, (off_t)1 << 42) != 0)
        skip();   // the file system has no such files
    assert_int_equal(nca_file_read(path, SIZE_MAX, &bytes, &size, &error), NCA_MEMORY);
    assert_non_null(strstr(error.message, "4096.0 GiB"));
    unlink(path);
}

static void test_parts_are_read_from_where_they_are(void **state)
{
    (void)state;
    nca_input input;
    nca_error error;
    char part[4] = "";
    scratch_write("parts", "0123456789", 10);
    assert_int_equal(nca_input_open(scratch("parts"), &input, NULL), NCA_OK);
    assert_int_equal(input.size_bytes, 10);
    assert_int_equal(nca_input_read(&input, 6, part, 4, NULL), NCA_OK);
    assert_memory_equal(part, "6789", 4);
    assert_int_equal(nca_input_read(&input, 7, part, 4, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "became shorter"));
    nca_input_close(&input);
}

static void expect_content(const char *path, const char *text)
{
    size_t size;
    unsigned char *bytes = scratch_read(path, &size);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, size);
    free(bytes);
}

static void test_a_file_appears_when_it_is_whole(void **state)
{
    (void)state;
    nca_output *output;
    mkdir(scratch("out"), 0700);
    const char *path = scratch("out/x");
    assert_int_equal(nca_output_open(path, &output, NULL), NCA_OK);
    assert_int_equal(nca_output_write(output, "ab", 2, NULL), NCA_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access(nca_output_temporary(output), F_OK), 0);
    assert_int_equal(nca_output_write(output, "c", 1, NULL), NCA_OK);
    assert_int_equal(nca_output_commit(output, NULL), NCA_OK);
    expect_content(path, "abc");
    assert_int_equal(scratch_count(scratch("out")), 1);   // no temporary stays

    assert_int_equal(nca_output_open(path, &output, NULL), NCA_OK);
    assert_int_equal(nca_output_write(output, "new", 3, NULL), NCA_OK);
    expect_content(path, "abc");   // still the old one
    nca_output_abandon(output);
    expect_content(path, "abc");
    assert_int_equal(scratch_count(scratch("out")), 1);
    nca_output_abandon(NULL);
}

static void test_its_permissions_are_the_usual_ones(void **state)
{
    (void)state;
    struct stat about;
    const mode_t before = umask(027);
    assert_int_equal(nca_file_write(scratch("mode"), "x", 1, NULL), NCA_OK);
    umask(before);
    assert_int_equal(stat(scratch("mode"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0640);
}

static void expect_unwritten(const char *path, const char *words)
{
    nca_error error = {0};
    assert_int_equal(nca_file_write(path, "x", 1, &error), NCA_FILE);
    assert_non_null(strstr(error.message, words));
}

static void test_places_that_cannot_be_written_are_refused(void **state)
{
    (void)state;
    mkdir(scratch("folder"), 0700);
    mkfifo(scratch("fifo"), 0600);
    expect_unwritten(scratch("folder"), "a folder");
    expect_unwritten(scratch("nowhere/x"), "No such file");
    expect_unwritten("/proc/self/x", "cannot be written");
    expect_unwritten("", "not the name of a file");
    expect_unwritten(scratch("fifo"), "not a file");
    assert_int_equal(access(scratch("fifo"), F_OK), 0);
    // Root could otherwise rename a file over the device.
    expect_unwritten("/dev/null", "not a file");
    struct stat about;
    assert_true(stat("/dev/null", &about) == 0 && S_ISCHR(about.st_mode));
}

// A limit on the size of files stands for a full disk; both make write() fail in the middle.
static void test_a_write_that_fails_leaves_the_old_file(void **state)
{
    (void)state;
    struct rlimit before, small;
    nca_error error;
    static char much[200000];
    signal(SIGXFSZ, SIG_IGN);
    mkdir(scratch("limit"), 0700);
    assert_int_equal(nca_file_write(scratch("limit/x"), "old", 3, NULL), NCA_OK);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 100000;
    setrlimit(RLIMIT_FSIZE, &small);
    const nca_status status = nca_file_write(scratch("limit/x"), much, sizeof much, &error);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, NCA_FILE);
    assert_non_null(strstr(error.message, "File too large"));
    expect_content(scratch("limit/x"), "old");
    assert_int_equal(scratch_count(scratch("limit")), 1);
}

// A folder that takes the name while the file is on its way: nothing stays beside it.
static void test_a_file_that_cannot_be_put_in_place_is_removed(void **state)
{
    (void)state;
    nca_output *output;
    nca_error error;
    mkdir(scratch("place"), 0700);
    assert_int_equal(nca_output_open(scratch("place/x"), &output, NULL), NCA_OK);
    assert_int_equal(nca_output_write(output, "abc", 3, NULL), NCA_OK);
    mkdir(scratch("place/x"), 0700);
    assert_int_equal(nca_output_commit(output, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "cannot be put in place"));
    assert_int_equal(scratch_count(scratch("place")), 1);
}

// What a folder from somebody else could lead away; the program follows the user's own links first.
static void test_a_link_is_refused_where_nobody_followed_it(void **state)
{
    (void)state;
    mkdir(scratch("links"), 0700);
    assert_int_equal(nca_file_write(scratch("kept"), "old", 3, NULL), NCA_OK);
    assert_int_equal(symlink("../kept", scratch("links/to-a-file")), 0);
    assert_int_equal(symlink("../nothing", scratch("links/to-nothing")), 0);
    expect_unwritten(scratch("links/to-a-file"), "a link");
    expect_unwritten(scratch("links/to-nothing"), "a link");
    expect_content(scratch("kept"), "old");
    nca_error error = {0};
    assert_int_equal(nca_folder_check_links(scratch("links"), &error), NCA_FILE);
    assert_non_null(strstr(error.message, "/to-"));
    assert_int_equal(nca_folder_check_links(scratch("nowhere"), NULL), NCA_OK);
}

static void expect_place(const char *path, const char *expected)
{
    char place[NCA_PATH_BYTES];
    assert_int_equal(nca_output_follow(path, place, NULL), NCA_OK);
    assert_string_equal(place, expected);
}

static void test_links_of_the_user_are_followed_to_their_end(void **state)
{
    (void)state;
    char place[NCA_PATH_BYTES];
    nca_error error = {0};
    mkdir(scratch("from"), 0700);
    mkdir(scratch("to"), 0700);
    assert_int_equal(symlink("../to/second", scratch("from/first")), 0);
    assert_int_equal(symlink("end", scratch("to/second")), 0);   // which is not there yet
    assert_int_equal(symlink(scratch("to/end"), scratch("from/whole")), 0);
    assert_int_equal(symlink("round", scratch("from/round")), 0);
    expect_place(scratch("from/first"), scratch("from/../to/end"));
    expect_place(scratch("from/whole"), scratch("to/end"));
    expect_place(scratch("to/end"), scratch("to/end"));
    expect_place("-", "-");
    assert_int_equal(nca_output_follow(scratch("from/round"), place, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "leads nowhere"));
}

// The name before it is whole is no longer than the name where that is long, and ends in a whole
// character.
static void test_long_names_can_be_written(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 131, 132, 143, 144, 243, 244, 254, 255};
    mkdir(scratch("long"), 0700);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char name[300] = "long/", written[600];
        for (size_t at = 0; at < lengths[i]; at++)
            name[5 + at] = lengths[i] % 2 == 0 ? "\xc3\xa4"[at % 2] : 'a';
        snprintf(written, sizeof written, "%s", scratch(name));
        char *temporary = nca_temporary_name(written);
        assert_non_null(temporary);
        const size_t length = strlen(strrchr(temporary, '/') + 1);
        assert_true(length <= (lengths[i] > 131 ? lengths[i] : 143));
        assert_true(lengths[i] % 2 || strlen(temporary) % 2 == strlen(written) % 2);
        free(temporary);
        assert_int_equal(nca_file_write(written, "x", 1, NULL), NCA_OK);
        expect_content(written, "x");
    }
    assert_int_equal(scratch_count(scratch("long")), sizeof lengths / sizeof *lengths);
}

static void test_standard_output_gets_what_is_whole(void **state)
{
    (void)state;
    nca_output *output;
    const int before = dup(STDOUT_FILENO);
    FILE *to = fopen(scratch("standard"), "w");
    fflush(stdout);
    dup2(fileno(to), STDOUT_FILENO);
    const nca_status first = nca_output_open("-", &output, NULL);
    nca_output_write(output, "lost", 4, NULL);
    nca_output_abandon(output);
    const nca_status second = nca_file_write("-", "whole", 5, NULL);
    dup2(before, STDOUT_FILENO);
    fclose(to);
    close(before);
    assert_int_equal(first, NCA_OK);
    assert_int_equal(second, NCA_OK);
    expect_content(scratch("standard"), "whole");
    assert_int_equal(access("-", F_OK), -1);
}

static void test_text_is_read_without_its_mark(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;   // NULL: refused
    } cases[] = {{"\xef\xbb\xbf{}", 5, "{}"}, {"{}", 2, "{}"}, {"\xef\xbb", 2, "\xef\xbb"},
                 {"\xef\xbb\xbf", 3, ""},     {"", 0, ""},     {"\xff\xfe{\0", 4, NULL},
                 {"\xfe\xff\0{", 4, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *text = NULL;
        size_t size = 0;
        nca_error error = {0};
        scratch_write("text", cases[i].bytes, cases[i].size);
        const nca_status status = nca_text_read(scratch("text"), 100, &text, &size, &error);
        assert_int_equal(status, cases[i].text ? NCA_OK : NCA_FORMAT);
        if (cases[i].text) {
            assert_int_equal(size, strlen(cases[i].text));
            assert_string_equal((const char *)text, cases[i].text);
        } else {
            assert_non_null(strstr(error.message, "save it as UTF-8"));
        }
        free(text);
    }
}

static void test_folders_are_made_with_their_parents(void **state)
{
    (void)state;
    int made = -1;
    assert_int_equal(nca_folder_create(scratch("p//q/r/"), &made, NULL), NCA_OK);
    assert_int_equal(made, 3);
    assert_true(nca_is_folder(scratch("p/q/r")));
    assert_int_equal(nca_folder_create(scratch("p/q/r"), &made, NULL), NCA_OK);   // it is empty
    assert_int_equal(made, 0);
    assert_int_equal(nca_folder_create(scratch("p/q/s"), &made, NULL), NCA_OK);
    assert_int_equal(made, 1);
    nca_folder_unmake(scratch("p/q/s/"), 1);
    assert_false(nca_is_folder(scratch("p/q/s")));
    nca_folder_unmake(scratch("p//q/r/"), 3);
    assert_false(nca_is_folder(scratch("p")));
}

static void test_unmaking_spares_what_is_not_empty(void **state)
{
    (void)state;
    int made;
    assert_int_equal(nca_folder_create(scratch("t/u"), &made, NULL), NCA_OK);
    scratch_write("t/mine", "x", 1);
    nca_folder_unmake(scratch("t/u"), made);
    assert_false(nca_is_folder(scratch("t/u")));
    expect_content(scratch("t/mine"), "x");
}

static void test_folders_that_cannot_be_made_leave_none(void **state)
{
    (void)state;
    int made = 5;
    nca_error error;
    char name[400];
    scratch_write("file", "x", 1);
    assert_int_equal(nca_folder_create(scratch("file"), &made, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "no folder"));
    assert_int_equal(nca_folder_create(scratch("file/a"), &made, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "Not a directory"));
    assert_int_equal(nca_folder_create("", &made, &error), NCA_FILE);
    assert_int_equal(nca_folder_create(scratch_folder, &made, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "not empty"));
    memset(name, 'n', sizeof name);
    snprintf(name, 8, "%s", "new/sub");
    name[7] = '/';
    name[399] = 0;   // two that can be made, and one with too long a name
    assert_int_equal(nca_folder_create(scratch(name), &made, &error), NCA_FILE);
    assert_false(nca_is_folder(scratch("new")));
    assert_int_equal(made, 5);
}

// What is too long loses its middle, in whole characters; reason and way out stay.
static void test_a_long_message_keeps_its_end(void **state)
{
    (void)state;
    for (int before = 0; before < 4; before++) {
        char path[4096] = "abc";
        nca_error error;
        path[before] = 0;
        while (strlen(path) + 5 < sizeof path)
            strcat(path, "\xf0\x9f\xa6\x8e");
        assert_int_equal(nca_fail(&error, NCA_FILE, "%s: a reason; a way %s", path, "out"),
                         NCA_FILE);
        const size_t length = strlen(error.message);
        assert_true(length < sizeof error.message && length > sizeof error.message - 12);
        assert_string_equal(error.message + length - 21, ": a reason; a way out");
        assert_memory_equal(error.message, path, 100);
        assert_non_null(strstr(error.message, " ... "));
        uint32_t point;
        for (const char *at = error.message; *at; at += nca_text_character(at, &point))
            assert_true(nca_text_character(at, &point) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_long_message_keeps_its_end),
        cmocka_unit_test(test_a_file_is_read_whole_with_a_zero_behind_it),
        cmocka_unit_test(test_what_is_no_file_is_refused_at_once),
        cmocka_unit_test(test_a_sparse_giant_is_refused_before_it_is_read),
        cmocka_unit_test(test_parts_are_read_from_where_they_are),
        cmocka_unit_test(test_a_file_appears_when_it_is_whole),
        cmocka_unit_test(test_its_permissions_are_the_usual_ones),
        cmocka_unit_test(test_places_that_cannot_be_written_are_refused),
        cmocka_unit_test(test_a_write_that_fails_leaves_the_old_file),
        cmocka_unit_test(test_a_file_that_cannot_be_put_in_place_is_removed),
        cmocka_unit_test(test_a_link_is_refused_where_nobody_followed_it),
        cmocka_unit_test(test_links_of_the_user_are_followed_to_their_end),
        cmocka_unit_test(test_long_names_can_be_written),
        cmocka_unit_test(test_standard_output_gets_what_is_whole),
        cmocka_unit_test(test_text_is_read_without_its_mark),
        cmocka_unit_test(test_folders_are_made_with_their_parents),
        cmocka_unit_test(test_unmaking_spares_what_is_not_empty),
        cmocka_unit_test(test_folders_that_cannot_be_made_leave_none),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
