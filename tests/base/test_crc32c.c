// CRC-32C against the answers of RFC 3720, B.4, and of the catalogues of checksums.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"

static void test_it_gives_the_published_answers(void **state)
{
    (void)state;
    uint8_t bytes[32] = {0};
    assert_int_equal(nca_crc32c("", 0), 0);
    assert_int_equal(nca_crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(nca_crc32c(bytes, sizeof bytes), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(nca_crc32c(bytes, sizeof bytes), 0x62a8ab43);
    for (uint8_t i = 0; i < sizeof bytes; i++)
        bytes[i] = i;
    assert_int_equal(nca_crc32c(bytes, sizeof bytes), 0x46dd794e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_gives_the_published_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
