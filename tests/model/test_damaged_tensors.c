// safetensors: what is hostile, cut off, turned by a bit or of a newer format is refused.
#define _GNU_SOURCE   // memmem, nftw
#include "model/tensors_file.h"

#include "base/checksum.h"
#include "model/tensors_checksum.h"

// From memory and from a file, the same refusal.
static void expect_refused(const char *header, size_t data_bytes, const char *words)
{
    size_t size;
    nca_error error = {0};
    uint8_t *bytes = make_file(header, data_bytes, &size);
    nca_tensors tensors = {.count = 77};
    if (nca_tensors_parse(bytes, size, "x", &tensors, &error) != NCA_FORMAT)
        fail_msg("taken: %s", header);
    if (!strstr(error.message, words) || strncmp(error.message, "x: ", 3) != 0)
        fail_msg("%s: says %s", header, error.message);
    assert_int_equal(tensors.count, 77);
    const char *path = scratch_write("refused", bytes, size);
    assert_int_equal(nca_tensors_read(path, &tensors, &error), NCA_FORMAT);
    assert_non_null(strstr(error.message, words));
    assert_int_equal(tensors.count, 77);
    free(bytes);
}

static void test_every_turned_bit_is_noticed(void **state)
{
    (void)state;
    const float data[] = {1, -2, 0.5f};
    const nca_tensor tensor = {
        .name = "t", .dtype = NCA_F32, .axes = 1, .shape = {3}, .data = data};
    const nca_metadata metadata[] = {{"a", "b"}, {"config", "x=1\ny=2\n"}};
    size_t size;
    nca_tensors read;
    assert_int_equal(nca_tensors_write(scratch("bits"), &tensor, 1, metadata, 2, NULL), NCA_OK);
    unsigned char *bytes = scratch_read(scratch("bits"), &size);
    assert_int_equal(nca_tensors_parse(bytes, size, "x", &read, NULL), NCA_OK);
    nca_tensors_free(&read);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        nca_error error = {0};
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        if (nca_tensors_parse(bytes, size, "x", &read, &error) != NCA_FORMAT)
            fail_msg("bit %zu of byte %zu is not noticed", bit % 8, bit / 8);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    free(bytes);
}

// A program that changes a file leaves the checksum out; a newer format is told as such.
static void test_a_checksum_may_be_missing_and_a_newer_format_is_refused(void **state)
{
    (void)state;
    const float data[] = {1};
    const nca_tensor tensor = {
        .name = "t", .dtype = NCA_F32, .axes = 1, .shape = {1}, .data = data};
    size_t size;
    nca_tensors read;
    nca_error error = {0};
    static const char plain[] =
        "{\"__metadata__\":{\"format_version\":\"1\",\"program\":\"nca 0.1.0\"},"
        "\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    uint8_t *file = make_file(plain, 4, &size);
    assert_int_equal(nca_tensors_parse(file, size, "x", &read, NULL), NCA_OK);
    nca_tensors_free(&read);
    free(file);
    assert_int_equal(nca_tensors_write(scratch("newer"), &tensor, 1, NULL, 0, NULL), NCA_OK);
    file = scratch_read(scratch("newer"), &size);
    char *version = memmem(file, size, "version\":\"1", 11);
    char *place = nca_tensors_checksum_place((char *)file, size), digits[NCA_CHECKSUM_BYTES];
    assert_true(version && place);
    version[10] = '9';
    memset(place, '0', NCA_CHECKSUM_DIGITS);
    nca_checksum(&(nca_bytes){file, size}, 1, digits);
    memcpy(place, digits, NCA_CHECKSUM_DIGITS);
    assert_int_equal(nca_tensors_parse(file, size, "x", &read, &error), NCA_FORMAT);
    assert_non_null(strstr(error.message, "of format 9, written by nca 0.1.0"));
    free(file);
}

static void test_broken_beginnings_are_refused(void **state)
{
    (void)state;
    static const uint8_t endless[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '{', '}'};
    static const uint8_t past[] = {3, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    static const uint8_t none[8] = {0};
    const struct {
        const void *bytes;
        size_t size;
    } bad[] = {{"", 0}, {none, 7}, {none, 8}, {past, 10}, {endless, 16}, {"{}", 2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nca_tensors tensors;
        nca_error error;
        assert_int_equal(nca_tensors_parse(bad[i].bytes, bad[i].size, "x", &tensors, &error),
                         NCA_FORMAT);
        assert_non_null(strstr(error.message, "not a whole safetensors file"));
        assert_int_equal(
            nca_tensors_read(scratch_write("begin", bad[i].bytes, bad[i].size), &tensors, &error),
            NCA_FORMAT);
    }
}

// A header of 50 MB that is there, and one that is only claimed, in a file of that size.
static void test_giant_headers_are_refused_unread(void **state)
{
    (void)state;
    uint8_t length[8] = {0, 0, 0, 3};
    nca_tensors tensors;
    nca_error error;
    scratch_write("giant", length, 8);
    assert_int_equal(truncate(scratch("giant"), 60000000), 0);
    assert_int_equal(nca_tensors_read(scratch("giant"), &tensors, &error), NCA_FORMAT);
    assert_non_null(strstr(error.message, "header would be 50331648 bytes"));
}

// The data would be a terabyte: what the header says is judged before memory is asked for.
static void test_giant_data_is_refused_unread(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = make_file("{}", 0, &size);
    nca_tensors tensors;
    nca_error error;
    scratch_write("sparse", bytes, size);
    free(bytes);
    if (truncate(scratch("sparse"), (off_t)1 << 42) != 0)
        skip();
    assert_int_equal(nca_tensors_read(scratch("sparse"), &tensors, &error), NCA_MEMORY);
    assert_non_null(strstr(error.message, "and this machine has"));   // said before it was tried
    unlink(scratch("sparse"));
}

static void test_headers_that_are_no_json_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]",
        "null",
        "12",
        "{\"a\"",
        "{}}",
        "{'a':1}",
        "\xff\xfe",
        "{} x",
        ("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"),   // the name twice
        "{\"a\\u0000b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
        "{\"__metadata__\":{\"k\":\"v\",\"k\":\"w\"}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refused(bad[i], 1, "its header is no JSON object");
}

#define ENTRY(dtype, shape, offsets) \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void test_entries_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    expect_refused("{\"a\":1}", 1, "has no dtype");
    expect_refused("{\"a\":{}}", 1, "has no dtype");
    expect_refused(ENTRY("3", "[1]", "[0,1]"), 1, "has no dtype");
    expect_refused(ENTRY("\"\"", "[1]", "[0,1]"), 1, "has no dtype");
    expect_refused(ENTRY("\"F16\"", "[1]", "[0,4]"), 4, "more or fewer bytes");
    expect_refused(ENTRY("\"U8\"", "1", "[0,1]"), 1, "has no shape");
    expect_refused(ENTRY("\"U8\"", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1, "has no shape");
    expect_refused(ENTRY("\"U8\"", "[-1]", "[0,1]"), 1, "not of whole numbers");
    expect_refused(ENTRY("\"U8\"", "[1.0]", "[0,1]"), 1, "not of whole numbers");
    expect_refused(ENTRY("\"U8\"", "[\"1\"]", "[0,1]"), 1, "not of whole numbers");
    expect_refused(ENTRY("\"U8\"", "[9223372036854775807,3]", "[0,1]"), 1, "too large");
    expect_refused(ENTRY("\"F64\"", "[4611686018427387904]", "[0,1]"), 1, "too large");
    expect_refused(ENTRY("\"U8\"", "[1]", "[0]"), 1, "no pair of data offsets");
    expect_refused(ENTRY("\"U8\"", "[1]", "[0,1,1]"), 1, "no pair of data offsets");
    expect_refused(ENTRY("\"U8\"", "[1]", "[-1,0]"), 1, "no pair of data offsets");
    expect_refused(ENTRY("\"U8\"", "[1]", "[1,0]"), 1, "no pair of data offsets");
    expect_refused(ENTRY("\"U8\"", "[1]", "null"), 1, "no pair of data offsets");
    expect_refused(ENTRY("\"U8\"", "[1]", "[0.0,1]"), 1, "no pair of data offsets");
    expect_refused(ENTRY("\"U8\"", "[2]", "[0,2]"), 1, "beyond the end");
    expect_refused(ENTRY("\"U8\"", "[1]", "[9223372036854775806,9223372036854775807]"), 1,
                   "beyond the end");
    expect_refused(ENTRY("\"F32\"", "[1]", "[0,3]"), 3, "more or fewer bytes");
    expect_refused(ENTRY("\"U8\"", "[0]", "[0,1]"), 1, "more or fewer bytes");
    expect_refused(ENTRY("\"U8\"", "[0]", "[1,1]"), 1, "overlaps another or leaves a gap");
    expect_refused(ENTRY("\"U8\"", "[1]", "[1,2]"), 2, "overlaps another or leaves a gap");
    expect_refused(ENTRY("\"U8\"", "[1]", "[0,1]"), 2, "after the last tensor");
    expect_refused("{}", 1, "after the last tensor");
    expect_refused("{\"__metadata__\":[]}", 0, "metadata is no object");
    expect_refused("{\"__metadata__\":{\"k\":1}}", 0, "is no string");
}

static void test_tensors_that_share_bytes_are_refused(void **state)
{
    (void)state;
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                   "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
                   3, "overlaps another");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                   "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
                   2, "overlaps another");
    expect_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                   "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
                   3, "leaves a gap");
}

// A file cut off anywhere, and one with any single bit turned, is refused or still means something.
static void test_no_cut_is_taken_for_the_whole(void **state)
{
    (void)state;
    const float data[] = {1, 2, 3};
    const nca_tensor tensor = {
        .name = "t", .dtype = NCA_F32, .axes = 1, .shape = {3}, .data = data};
    size_t size;
    nca_tensors tensors;
    assert_int_equal(nca_tensors_write(scratch("cut"), &tensor, 1, NULL, 0, NULL), NCA_OK);
    unsigned char *bytes = scratch_read(scratch("cut"), &size);
    for (size_t length = 0; length < size; length++) {
        unsigned char *part = malloc(length + 1);   // exactly so many, for the sanitizer
        assert_non_null(part);
        unsigned char *exact = realloc(part, length ? length : 1);
        memcpy(exact, bytes, length);
        assert_int_equal(nca_tensors_parse(exact, length, "x", &tensors, NULL), NCA_FORMAT);
        free(exact);
    }
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (nca_tensors_parse(bytes, size, "x", &tensors, NULL) == NCA_OK)
            nca_tensors_free(&tensors);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_turned_bit_is_noticed),
        cmocka_unit_test(test_a_checksum_may_be_missing_and_a_newer_format_is_refused),
        cmocka_unit_test(test_broken_beginnings_are_refused),
        cmocka_unit_test(test_giant_headers_are_refused_unread),
        cmocka_unit_test(test_giant_data_is_refused_unread),
        cmocka_unit_test(test_headers_that_are_no_json_are_refused),
        cmocka_unit_test(test_entries_that_make_no_sense_are_refused),
        cmocka_unit_test(test_tensors_that_share_bytes_are_refused),
        cmocka_unit_test(test_no_cut_is_taken_for_the_whole),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
