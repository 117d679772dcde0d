// Messages of Protocol Buffers, byte by byte; the first two are the examples of its documentation.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/protobuf.h"

static void expect(nca_message *message, const void *bytes, size_t size_bytes)
{
    assert_false(message->is_short);
    assert_int_equal(message->size_bytes, size_bytes);
    assert_memory_equal(message->bytes, bytes, size_bytes);
    nca_message_free(message);
}

static void test_wholes_have_seven_bits_a_byte(void **state)
{
    (void)state;
    nca_message message = {0};
    nca_message_whole(&message, 1, 150);
    expect(&message, "\x08\x96\x01", 3);
    nca_message_whole(&message, 1, 0);
    nca_message_whole(&message, 20, 127);
    expect(&message, "\x08\x00\xa0\x01\x7f", 5);
    nca_message_whole(&message, 1, -2);
    expect(&message, "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
}

static void test_texts_and_bytes_have_their_length_in_front(void **state)
{
    (void)state;
    nca_message message = {0};
    nca_message_text(&message, 2, "testing");
    expect(&message, "\x12\x07testing", 9);
    nca_message_bytes(&message, 2, NULL, 0);
    expect(&message, "\x12\x00", 2);
}

static void test_reals_are_little_endian(void **state)
{
    (void)state;
    nca_message message = {0};
    nca_message_float(&message, 1, 1);
    nca_message_double(&message, 2, -2);
    expect(&message, "\x0d\x00\x00\x80\x3f\x11\x00\x00\x00\x00\x00\x00\x00\xc0", 14);
}

static void test_parts_are_bytes_and_are_freed(void **state)
{
    (void)state;
    nca_message message = {0}, part = {0};
    nca_message_whole(&part, 1, 150);
    nca_message_part(&message, 3, &part);
    assert_null(part.bytes);
    expect(&message, "\x1a\x03\x08\x96\x01", 5);
}

static void test_want_of_memory_is_handed_on(void **state)
{
    (void)state;
    nca_message message = {0}, part = {.is_short = true};
    nca_message_part(&message, 1, &part);
    assert_true(message.is_short);
    nca_message_free(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wholes_have_seven_bits_a_byte),
        cmocka_unit_test(test_texts_and_bytes_have_their_length_in_front),
        cmocka_unit_test(test_reals_are_little_endian),
        cmocka_unit_test(test_parts_are_bytes_and_are_freed),
        cmocka_unit_test(test_want_of_memory_is_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
