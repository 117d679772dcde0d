// IDX files, packed and not: read as they are, and refused where header and bytes do not agree.
#define _XOPEN_SOURCE 700   // nftw
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "media/idx.h"
#include "scratch.h"

// Two arrays of 2x3.
static const uint8_t plain[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2,  0,  0,
                                0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255};
enum { HEADER = 16, ARRAY = 12, PLAIN = sizeof plain, ROOM = 256 };
_Static_assert(PLAIN == HEADER + ARRAY, "the header says so");

static size_t pack(const uint8_t *bytes, size_t count, uint8_t packed[ROOM])
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes,
                       .avail_in = (uInt)count,
                       .next_out = packed,
                       .avail_out = ROOM};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return stream.total_out;
}

static void expect_read(const uint8_t *file, size_t size)
{
    const char *path = scratch_write("set.idx", file, size);
    nca_error error;
    nca_idx idx;
    if (nca_idx_read(path, 3, &idx, &error) != NCA_OK)
        fail_msg("%s", error.message);
    assert_true(idx.size[0] == 2 && idx.size[1] == 2 && idx.size[2] == 3);
    assert_int_equal(idx.size_bytes, ARRAY);
    assert_memory_equal(idx.bytes, plain + HEADER, ARRAY);
    nca_idx_free(&idx);
}

static void test_plain_and_packed_files_are_read(void **state)
{
    (void)state;
    uint8_t packed[ROOM];
    expect_read(plain, PLAIN);
    expect_read(packed, pack(plain, PLAIN, packed));
}

static void expect_refused(const uint8_t *file, size_t size, int axes, const char *words)
{
    nca_error error = {0};
    nca_idx idx;
    assert_int_equal(nca_idx_parse(file, size, "set", axes, &idx, &error), NCA_FORMAT);
    if (!strstr(error.message, words))
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
}

// The file with one byte changed, packed and not.
static void expect_changed_refused(size_t at, uint8_t to, const char *words)
{
    uint8_t changed[PLAIN], packed[ROOM];
    memcpy(changed, plain, PLAIN);
    changed[at] = to;
    expect_refused(changed, PLAIN, 3, words);
    expect_refused(packed, pack(changed, PLAIN, packed), 3, words);
}

static void test_headers_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    expect_changed_refused(0, 1, "no IDX file");
    expect_changed_refused(2, 13, "type 13");
    expect_changed_refused(3, 1, "1 axes");
    expect_changed_refused(7, 3, "does not hold the 18 bytes");   // more than there are
    expect_changed_refused(7, 1, "does not hold the 6 bytes");    // fewer
    expect_changed_refused(4, 255, "more than 1073741824 bytes");
    expect_changed_refused(5, 255, "does not hold");   // no such file holds 97 MiB
    expect_refused(plain, PLAIN, 1, "3 axes; it must be of bytes (8) with 1");
}

static void test_no_part_of_a_file_is_one(void **state)
{
    (void)state;
    uint8_t packed[ROOM];
    const size_t size = pack(plain, PLAIN, packed);
    for (size_t length = 0; length < PLAIN; length++)
        expect_refused(plain, length, 3, length < HEADER ? "no IDX file" : "does not hold");
    for (size_t length = 0; length < size; length++)
        expect_refused(packed, length, 3, "set: ");
    packed[size - 6] ^= 1;   // of the checksum
    expect_refused(packed, size, 3, "does not hold");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_and_packed_files_are_read),
        cmocka_unit_test(test_headers_that_do_not_fit_are_refused),
        cmocka_unit_test(test_no_part_of_a_file_is_one),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
