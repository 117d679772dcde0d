// Memory: what would not fit is refused with its bytes, and sizes that overflow are no small sizes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "nca/image.h"

static void test_there_is_some(void **state)
{
    (void)state;
    assert_true(nca_memory_bytes() > (uint64_t)64 << 20);
    assert_true(nca_memory_bytes() < (uint64_t)1 << 50);
}

static void test_products_and_sums_stop_at_the_top(void **state)
{
    (void)state;
    assert_int_equal(nca_memory_product(2, 3, 5, 7), 210);
    assert_int_equal(nca_memory_product(0, UINT64_MAX, 2, 2), 0);
    assert_true(nca_memory_product(UINT64_MAX, 2, 1, 1) == UINT64_MAX);
    assert_true(nca_memory_product(1u << 31, 1u << 31, 4, 1) == UINT64_MAX);
    assert_true(nca_memory_product(1u << 31, 1u << 31, 1, 4) == UINT64_MAX);
    assert_int_equal(nca_memory_sum(2, 3), 5);
    assert_true(nca_memory_sum(UINT64_MAX, 1) == UINT64_MAX);
}

static void test_what_would_not_fit_is_refused_with_its_size(void **state)
{
    (void)state;
    nca_error error = {0};
    assert_int_equal(nca_memory_check(nca_memory_bytes(), &error, "x"), NCA_OK);
    assert_int_equal(nca_memory_check(nca_memory_bytes() + 1, &error, "thing %d", 3), NCA_MEMORY);
    char expected[64];
    snprintf(expected, sizeof expected, "thing 3: needs %.1f GiB and this machine has",
             (double)nca_memory_bytes() / (1 << 30));
    assert_int_equal(strncmp(error.message, expected, strlen(expected)), 0);
    assert_int_equal(nca_memory_check(UINT64_MAX, &error, "x"), NCA_MEMORY);
    assert_non_null(strstr(error.message, "more than"));
}

static void test_a_picture_too_large_is_never_allocated(void **state)
{
    (void)state;
    nca_image image = {.height = 7};
    nca_error error;
    assert_int_equal(nca_image_create(1000000, 1000000, &image, &error), NCA_MEMORY);
    assert_non_null(strstr(error.message, "needs 14901.2 GiB"));
    assert_int_equal(image.height, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_is_some),
        cmocka_unit_test(test_products_and_sums_stop_at_the_top),
        cmocka_unit_test(test_what_would_not_fit_is_refused_with_its_size),
        cmocka_unit_test(test_a_picture_too_large_is_never_allocated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
