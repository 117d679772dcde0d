// safetensors: what is written reads back and lies where the format says, and files of other
// programs are read.
#define _GNU_SOURCE   // nftw
#include "model/tensors_file.h"

#include <math.h>

static void test_what_is_written_reads_back(void **state)
{
    (void)state;
    const float f[] = {1.5f, -2, 3e-20f, 0, 5, 6};
    const double d[] = {0.1, -1e300};
    const int64_t n[] = {INT64_MIN, 7};
    const uint8_t b[] = {1, 2, 255};
    const nca_tensor written[] = {
        {.name = "f", .dtype = NCA_F32, .axes = 2, .shape = {2, 3}, .data = f},
        {.name = "b", .dtype = NCA_U8, .axes = 1, .shape = {3}, .data = b},
        {.name = "d", .dtype = NCA_F64, .axes = 1, .shape = {2}, .data = d},
        {.name = "n", .dtype = NCA_I64, .axes = 1, .shape = {2}, .data = n},
        {.name = "none", .dtype = NCA_F32, .axes = 3, .shape = {4, 0, 4}, .data = f},
        {.name = "\"quoted\" \xF0\x9F\xA6\x8E", .dtype = NCA_F32, .axes = 0, .data = f + 4},
    };
    const nca_metadata metadata[] = {{"a", "line\nbreak"}, {"\xC3\xA9", ""}};
    nca_tensors read;
    assert_int_equal(nca_tensors_write(scratch("t"), written, 6, metadata, 2, NULL), NCA_OK);
    assert_int_equal(nca_tensors_read(scratch("t"), &read, NULL), NCA_OK);
    assert_int_equal(read.count, 6);
    for (size_t i = 0; i < 6; i++) {
        const nca_tensor *found = nca_tensors_find(&read, written[i].name);
        assert_non_null(found);
        assert_int_equal(found->dtype, written[i].dtype);
        assert_int_equal(found->axes, written[i].axes);
        for (int axis = 0; axis < found->axes; axis++)
            assert_int_equal(found->shape[axis], written[i].shape[axis]);
        if (found->size_bytes > 0)
            assert_memory_equal(found->data, written[i].data, found->size_bytes);
    }
    assert_string_equal(nca_tensors_metadata(&read, "a"), "line\nbreak");
    assert_string_equal(nca_tensors_metadata(&read, "\xC3\xA9"), "");
    assert_null(nca_tensors_metadata(&read, "b"));
    assert_null(nca_tensors_find(&read, "x"));
    nca_tensors_free(&read);
}

// Byte for byte what the format's description says, headers padded to eight bytes. The checksum was
// computed by xxhsum -H3 over these bytes with its digits zero.
static void test_the_bytes_lie_as_the_format_says(void **state)
{
    (void)state;
    static const char expected[] =
        "\xa8\0\0\0\0\0\0\0"
        "{\"__metadata__\":{\"k\":\"v\",\"format_version\":\"1\",\"program\":\"nca 0.1.0\","
        "\"checksum\":\"xxh3_64:d87210db477ff11c\"},\"t\":{\"dtype\":\"F32\",\"shape\":[1,2],"
        "\"data_offsets\":[0,8]}}      \0\0\x80\x3f\0\0\0\xc0";
    const float data[] = {1, -2};
    const nca_tensor tensor = {
        .name = "t", .dtype = NCA_F32, .axes = 2, .shape = {1, 2}, .data = data};
    size_t size;
    assert_int_equal(
        nca_tensors_write(scratch("bytes"), &tensor, 1, &(nca_metadata){"k", "v"}, 1, NULL),
        NCA_OK);
    unsigned char *bytes = scratch_read(scratch("bytes"), &size);
    assert_int_equal(size, sizeof expected - 1);
    assert_memory_equal(bytes, expected, size);
    free(bytes);
}

static void test_texts_that_are_no_utf8_are_not_dropped_silently(void **state)
{
    (void)state;
    const float one = 1;
    const nca_tensor tensor = {.name = "t", .dtype = NCA_F32, .axes = 0, .data = &one};
    const nca_tensor unnamed = {.name = "\xff", .dtype = NCA_F32, .axes = 0, .data = &one};
    nca_error error;
    const nca_metadata bad_value = {"k", "\xff"}, bad_key = {"\xff", "v"};
    assert_int_equal(nca_tensors_write(scratch("u"), &tensor, 1, &bad_value, 1, &error),
                     NCA_ARGUMENT);
    assert_int_equal(nca_tensors_write(scratch("u"), &tensor, 1, &bad_key, 1, &error),
                     NCA_ARGUMENT);
    assert_int_equal(nca_tensors_write(scratch("u"), &unnamed, 1, NULL, 0, &error), NCA_ARGUMENT);
    assert_int_equal(access(scratch("u"), F_OK), -1);
}

static void test_a_file_that_cannot_be_written_is_not(void **state)
{
    (void)state;
    nca_error error;
    assert_int_equal(nca_tensors_write(scratch("no/where"), NULL, 0, NULL, 0, &error), NCA_FILE);
    assert_int_equal(nca_tensors_write(scratch_folder, NULL, 0, NULL, 0, &error), NCA_FILE);
}

static void test_odd_but_whole_files_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data_bytes, count;
    } good[] = {
        {"{}", 0, 0},
        {"{}      ", 0, 0},
        {"{\"__metadata__\":{}}", 0, 0},
        // Tensors out of order; one without elements between; data that is not aligned.
        {"{\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[3,11]},"
         "\"e\":{\"dtype\":\"I32\",\"shape\":[0,9],\"data_offsets\":[3,3]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}",
         11, 3},
        {"{\"s\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[0,4],\"more\":1}}", 4, 1},
        {"{\"s\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,2],\"data_offsets\":[0,2]}}", 2, 1},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t size;
        uint8_t *bytes = make_file(good[i].header, good[i].data_bytes, &size);
        nca_tensors tensors;
        nca_error error = {0};
        if (nca_tensors_parse(bytes, size, "x", &tensors, &error) != NCA_OK)
            fail_msg("%s", error.message);
        assert_int_equal(tensors.count, good[i].count);
        for (size_t t = 0; t < tensors.count; t++) {   // the bytes count up from the first
            const uint8_t *data = tensors.tensor[t].data;
            for (size_t k = 1; k < tensors.tensor[t].size_bytes; k++)
                assert_int_equal(data[k], data[k - 1] + 1);
        }
        nca_tensors_free(&tensors);
        free(bytes);
    }
}

static void test_unaligned_numbers_are_aligned(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = make_file("{\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[3,11]},"
                               "\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}",
                               11, &size);
    nca_tensors tensors;
    scratch_write("unaligned", bytes, size);
    for (int from_file = 0; from_file < 2; from_file++) {
        assert_int_equal(from_file ? nca_tensors_read(scratch("unaligned"), &tensors, NULL)
                                   : nca_tensors_parse(bytes, size, "x", &tensors, NULL),
                         NCA_OK);
        const nca_tensor *b = nca_tensors_find(&tensors, "b");
        const uint8_t expected[] = {3, 4, 5, 6, 7, 8, 9, 10};
        assert_int_equal((uintptr_t)b->data % 8, 0);
        assert_memory_equal(b->data, expected, 8);
        nca_tensors_free(&tensors);
    }
    free(bytes);
}

// The safetensors library knows more types than are computed with, and new ones come.
static void test_tensors_of_any_type_are_listed(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":null,\"mask\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]},"
        "\"new\":{\"dtype\":\"F4\",\"shape\":[6],\"data_offsets\":[3,6]},"
        "\"half\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[6,10]}}";
    size_t size;
    uint8_t *bytes = make_file(header, 10, &size);
    nca_tensors tensors;
    assert_int_equal(nca_tensors_parse(bytes, size, "x", &tensors, NULL), NCA_OK);
    assert_int_equal(tensors.count, 3);
    assert_int_equal(tensors.metadata_count, 0);
    const nca_tensor *other = nca_tensors_find(&tensors, "new");
    assert_int_equal(other->dtype, NCA_OTHER);
    assert_string_equal(other->dtype_name, "F4");
    assert_int_equal(other->size_bytes, 3);
    assert_int_equal(nca_tensors_find(&tensors, "half")->dtype, NCA_F16);
    nca_tensors_free(&tensors);
    free(bytes);
}

// Every kind of number that 16 bits hold, by its definition.
static void test_other_floats_become_floats(void **state)
{
    (void)state;
    static const uint16_t halves[] = {0x3c00, 0xc000, 0x3555, 0x7bff,
                                      0x0400, 0x03ff, 0x0001, 0x8000};
    static const float of_halves[] = {1,        -2,           0.333251953125f, 65504,
                                      0x1p-14f, 0x1.ff8p-15f, 0x1p-24f,        -0.0f};
    static const uint16_t brains[] = {0x3f80, 0xc049, 0x0001, 0x7f7f};
    static const float of_brains[] = {1, -3.140625f, 0x1p-133f, 0x1.fep127f};
    static const double doubles[] = {0.1, -1e300, 1e-300};
    static const float of_doubles[] = {0.1f, -INFINITY, 0};
    static const uint16_t ends[] = {0x7c00, 0xfc00, 0x7e00};
    static const struct {
        nca_dtype dtype;
        size_t count;
        const void *data;
        const float *expected;
    } cases[] = {{NCA_F16, 8, halves, of_halves},
                 {NCA_BF16, 4, brains, of_brains},
                 {NCA_F64, 3, doubles, of_doubles},
                 {NCA_F32, 8, of_halves, of_halves}};
    float got[8];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const nca_tensor tensor = {
            .dtype = cases[i].dtype, .elements = cases[i].count, .data = cases[i].data};
        nca_tensor_to_floats(&tensor, got);
        assert_memory_equal(got, cases[i].expected, cases[i].count * sizeof *got);
    }
    nca_tensor_to_floats(&(nca_tensor){.dtype = NCA_F16, .elements = 3, .data = ends}, got);
    assert_true(got[0] == INFINITY && got[1] == -INFINITY && isnan(got[2]));
}

static void test_a_required_tensor_has_its_shape_and_type(void **state)
{
    (void)state;
    const float data[6] = {0};
    const nca_tensor written = {
        .name = "t", .dtype = NCA_F32, .axes = 2, .shape = {2, 3}, .data = data};
    const int64_t right[] = {2, 3}, any[] = {-1, 3}, wrong[] = {3, 2};
    const nca_tensor *found = NULL;
    const char *path = scratch("r");
    nca_tensors tensors;
    nca_error error;
    char expected[1200];
    assert_int_equal(nca_tensors_write(path, &written, 1, NULL, 0, NULL), NCA_OK);
    assert_int_equal(nca_tensors_read(path, &tensors, NULL), NCA_OK);
    assert_int_equal(nca_tensors_require(&tensors, "t", NCA_F32, 2, right, &found, &error), NCA_OK);
    assert_non_null(found);
    assert_int_equal(nca_tensors_require(&tensors, "t", NCA_F32, 2, any, &found, &error), NCA_OK);
    found = NULL;
    assert_int_equal(nca_tensors_require(&tensors, "t", NCA_F32, 2, wrong, &found, &error),
                     NCA_FORMAT);
    snprintf(expected, sizeof expected,
             "%s: tensor \"t\" is F32 [2,3]; it must be F32 [3,2]: is it the right file?", path);
    assert_string_equal(error.message, expected);
    assert_int_equal(nca_tensors_require(&tensors, "t", NCA_F32, 1, right, &found, &error),
                     NCA_FORMAT);
    assert_int_equal(nca_tensors_require(&tensors, "t", NCA_F64, 2, right, &found, &error),
                     NCA_FORMAT);
    assert_int_equal(nca_tensors_require(&tensors, "u", NCA_F32, 2, right, &found, &error),
                     NCA_FORMAT);
    snprintf(expected, sizeof expected, "%s: has no tensor \"u\"; is it the right file?", path);
    assert_string_equal(error.message, expected);
    assert_null(found);
    nca_tensors_free(&tensors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_reads_back),
        cmocka_unit_test(test_the_bytes_lie_as_the_format_says),
        cmocka_unit_test(test_texts_that_are_no_utf8_are_not_dropped_silently),
        cmocka_unit_test(test_a_file_that_cannot_be_written_is_not),
        cmocka_unit_test(test_odd_but_whole_files_are_read),
        cmocka_unit_test(test_unaligned_numbers_are_aligned),
        cmocka_unit_test(test_tensors_of_any_type_are_listed),
        cmocka_unit_test(test_other_floats_become_floats),
        cmocka_unit_test(test_a_required_tensor_has_its_shape_and_type),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
