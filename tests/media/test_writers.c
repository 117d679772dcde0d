// Output formats: found by their extension; a film appears whole or not at all, and what cannot be
// written is refused.
#define _GNU_SOURCE   // nftw, asprintf
#include "media/small_film.h"

#include <signal.h>
#include <sys/resource.h>

static void test_formats_are_found_by_extension(void **state)
{
    (void)state;
    nca_error error;
    const nca_format *format = NULL;
    assert_string_equal(find("a.webp")->extension, ".webp");
    assert_string_equal(find("a/b.c/D.GIF")->extension, ".gif");
    assert_string_equal(find(".png")->extension, ".png");
    static const char *const wrong[] = {"a", "a.png/b", "a.tiff", "", "a.", ".", "a.webpx"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(nca_format_find(wrong[i], &format, &error), NCA_ARGUMENT);
        assert_non_null(strstr(error.message, ".webp, .gif, .mp4, .png, .npy"));
    }
    assert_null(format);
}

static void test_an_abandoned_film_leaves_nothing(void **state)
{
    (void)state;
    mkdir(scratch("none"), 0700);
    for (const nca_format *const *format = nca_formats(); *format; format++) {
        char name[64];
        if (strcmp((*format)->extension, ".mp4") == 0 && !has_ffmpeg())
            continue;
        snprintf(name, sizeof name, "none/x%s", (*format)->extension);
        assert_int_equal(write_film(scratch(name), &usual, false, NULL), NCA_OK);
        assert_int_equal(scratch_count(scratch("none")), 0);
    }
}

static void test_a_film_that_cannot_be_written_is_refused(void **state)
{
    (void)state;
    for (const nca_format *const *format = nca_formats(); *format; format++) {
        char name[64];
        nca_error error = {0};
        snprintf(name, sizeof name, "nowhere/x%s", (*format)->extension);
        nca_writer *writer;   // at once, not after its frames were computed
        assert_int_equal((*format)->open(scratch(name), &usual, &writer, &error), NCA_FILE);
        assert_non_null(strstr(error.message, "No such file"));
    }
}

// A limit on the size of files stands for a full disk. The old file stays.
static void test_a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    struct rlimit before, small;
    signal(SIGXFSZ, SIG_IGN);
    mkdir(scratch("full"), 0700);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 40;
    for (const nca_format *const *format = nca_formats(); *format; format++) {
        char name[64];
        size_t size;
        nca_error error = {0};
        if (strcmp((*format)->extension, ".mp4") == 0 && !has_ffmpeg())
            continue;
        snprintf(name, sizeof name, "full/x%s", (*format)->extension);
        scratch_write(name, "old", 3);
        setrlimit(RLIMIT_FSIZE, &small);
        const nca_status status = write_film(scratch(name), &usual, true, &error);
        setrlimit(RLIMIT_FSIZE, &before);
        if (status != NCA_FILE)
            fail_msg("%s: status %d, %s", name, (int)status, error.message);
        unsigned char *bytes = scratch_read(scratch(name), &size);
        assert_int_equal(size, 3);
        free(bytes);
        unlink(scratch(name));
        assert_int_equal(scratch_count(scratch("full")), 0);
    }
}

// The last bytes of a film do not fit: ffmpeg 5.1 by itself ends with 0.
static void test_an_mp4_of_which_the_end_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct rlimit before, small;
    size_t whole, size;
    if (!has_ffmpeg())
        skip();
    signal(SIGXFSZ, SIG_IGN);
    mkdir(scratch("end"), 0700);
    assert_int_equal(write_film(scratch("end/x.mp4"), &usual, true, NULL), NCA_OK);
    unsigned char *first = scratch_read(scratch("end/x.mp4"), &whole);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    for (size_t lacking = 1; lacking < whole; lacking += whole / 8) {
        nca_error error = {0};
        small.rlim_cur = whole - lacking;
        setrlimit(RLIMIT_FSIZE, &small);
        const nca_status status = write_film(scratch("end/x.mp4"), &usual, true, &error);
        setrlimit(RLIMIT_FSIZE, &before);
        if (status != NCA_FILE ||
            (!strstr(error.message, "ffmpeg failed") && !strstr(error.message, "is the disk full")))
            fail_msg("%zu bytes less: status %d, %s", lacking, (int)status, error.message);
        unsigned char *bytes = scratch_read(scratch("end/x.mp4"), &size);
        assert_int_equal(size, whole);
        assert_memory_equal(bytes, first, whole);
        free(bytes);
        assert_int_equal(scratch_count(scratch("end")), 1);
    }
    free(first);
}

// In the place of ffmpeg something that writes `bytes` (for printf) and ends with 0.
static nca_status write_by_another(const char *bytes)
{
    char script[512], *path = strdup(getenv("PATH")), *search = NULL;
    mkdir(scratch("another"), 0700);
    const int length = snprintf(
        script, sizeof script,
        "#!/bin/sh\ncat >/dev/null\nfor last; do :; done\nprintf '%s' >\"${last#file:}\"\n", bytes);
    chmod(scratch_write("another/ffmpeg", script, (size_t)length), 0700);
    assert_true(asprintf(&search, "%s:%s", scratch("another"), path) > 0);
    setenv("PATH", search, 1);
    const nca_status status = write_film(scratch("another.mp4"), &usual, true, NULL);
    setenv("PATH", path, 1);
    free(search);
    free(path);
    return status;
}

#define FTYP "\\0\\0\\0\\020ftypisomisom"
#define MOOV "\\0\\0\\0\\014moov----"
#define MDAT "\\0\\0\\0\\001mdat\\0\\0\\0\\0\\0\\0\\0\\022--"
static void test_an_mp4_is_looked_at_before_it_counts(void **state)
{
    (void)state;
    assert_int_equal(write_by_another(FTYP MOOV MDAT), NCA_OK);
    unlink(scratch("another.mp4"));
    static const char *const wrong[] = {"",
                                        "ftyp",
                                        FTYP,
                                        FTYP MDAT,
                                        FTYP MOOV,
                                        MOOV MDAT,
                                        FTYP MOOV MDAT "-",
                                        FTYP MOOV "\\0\\0\\0\\0mdat--------",
                                        FTYP MOOV "\\0\\0\\0\\021mdat--------",
                                        FTYP MOOV "\\377\\377\\377\\377mdat--------"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (write_by_another(wrong[i]) != NCA_FILE)
            fail_msg("%s passes for a film", wrong[i]);
        assert_int_equal(access(scratch("another.mp4"), F_OK), -1);
    }
}

static void expect_too_large(const char *name, nca_writer_options options, const char *words)
{
    nca_writer *writer;
    nca_error error = {0};
    const nca_status status = find(name)->open(scratch(name), &options, &writer, &error);
    assert_true(status == NCA_ARGUMENT || status == NCA_MEMORY);
    if (!strstr(error.message, words))
        fail_msg("%s: says %s", name, error.message);
}

static void test_films_of_giant_size_are_refused_before_they_are_allocated(void **state)
{
    (void)state;
    nca_writer_options options = usual;
    options.frames = 1000000000;
    expect_too_large("x.gif", options, "needs 167.6 GiB");
    options.columns = 1000;
    expect_too_large("x.png", options, "180000000000 bytes");
    options.frames_per_second = 0.1;
    expect_too_large("x.webp", options, "too long for WebP");
    options = usual;
    options.width = 65536;
    expect_too_large("x.gif", options, "too large for GIF");
    expect_too_large("x.webp", options, "too large for WebP");
    options.height = 65536;
    expect_too_large("x.png", options, "12884901888 bytes");
}

static void test_mp4_without_ffmpeg_says_what_to_install(void **state)
{
    (void)state;
    nca_writer *writer;
    nca_error error;
    char *path = strdup(getenv("PATH"));
    mkdir(scratch("path"), 0700);
    setenv("PATH", "/nonexistent", 1);
    const nca_status status = find("x.mp4")->open(scratch("path/x.mp4"), &usual, &writer, &error);
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(status, NCA_MISSING);
    assert_non_null(strstr(error.message, "install the package ffmpeg"));
    assert_int_equal(scratch_count(scratch("path")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_are_found_by_extension),
        cmocka_unit_test(test_an_abandoned_film_leaves_nothing),
        cmocka_unit_test(test_a_film_that_cannot_be_written_is_refused),
        cmocka_unit_test(test_a_full_disk_leaves_the_old_file),
        cmocka_unit_test(test_an_mp4_of_which_the_end_does_not_fit_is_refused),
        cmocka_unit_test(test_an_mp4_is_looked_at_before_it_counts),
        cmocka_unit_test(test_films_of_giant_size_are_refused_before_they_are_allocated),
        cmocka_unit_test(test_mp4_without_ffmpeg_says_what_to_install),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
