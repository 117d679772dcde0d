// Words for a shell.
#include "support.h"

#include "base/text.h"

static void test_a_word_for_a_shell_is_quoted_where_it_must_be(void **state)
{
    static const char *const words[][2] = {
        {"runs/lizard-healing_2.0", "runs/lizard-healing_2.0"},
        {"runs/\U0001f98e", "runs/\U0001f98e"},
        {"", "''"},
        {"my run", "'my run'"},
        {"-run", "./-run"},
        {"-my run", "'./-my run'"},
        {"a*b", "'a*b'"},
        {"$HOME;ls", "'$HOME;ls'"},
        {"it's", "'it'\\''s'"},
    };
    char text[32];
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_string_equal(nca_shell_word(words[i][0], text, sizeof text), words[i][1]);
    // No more than fits, and no quote left open.
    assert_string_equal(nca_shell_word("a b c d e f g h", text, 12), "'a b c '");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_word_for_a_shell_is_quoted_where_it_must_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
