// base64: the vectors of RFC 4648, there and back, and what is none.
#include "support.h"

#include "base/base64.h"

static const struct {
    const char *bytes, *text;
} vectors[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"},
               {"\xff\xef\xbf", "/++/"}};

static void test_vectors_there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const size_t size = strlen(vectors[i].bytes);
        char text[16] = "";
        uint8_t bytes[8] = {0};
        *nca_base64_encode((const uint8_t *)vectors[i].bytes, size, text) = 0;
        assert_string_equal(text, vectors[i].text);
        assert_true(nca_base64_decode(text, bytes, size));
        assert_memory_equal(bytes, vectors[i].bytes, size);
        assert_false(nca_base64_decode(text, bytes, size + 1));
        assert_true(size == 0 || !nca_base64_decode(text, bytes, size - 1));
    }
}

static void test_other_letters_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"Zm9\v", "Zm9-", "Zg==Z", "Z\xc3\xa4==", "Zg= =\nZ"};
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (size_t count = 0; count < sizeof bytes; count++)
            assert_false(nca_base64_decode(bad[i], bytes, count));
}

// MIME's base64 has lines of 76 letters.
static void test_blanks_and_ends_of_lines_are_passed_over(void **state)
{
    (void)state;
    static const char *const broken[] = {"Zm9v\r\nYg==", "Zm9vYg=\r\n=\r\n",
                                         " Zm9\nvYg ==", "\tZm9vYg"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        uint8_t bytes[5] = {0};
        assert_true(nca_base64_decode(broken[i], bytes, 4));
        assert_memory_equal(bytes, "foob", 5);
        assert_false(nca_base64_decode(broken[i], bytes, 3));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_there_and_back),
        cmocka_unit_test(test_other_letters_are_refused),
        cmocka_unit_test(test_blanks_and_ends_of_lines_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
