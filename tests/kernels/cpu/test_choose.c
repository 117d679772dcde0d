// What is chosen on processors with fewer and more instructions than this one has: here the
// functions of isa.c answer for them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/cpu.h"

// Each has what those before it have, but pairs of bf16 are slow where there is AMX.
typedef enum processor { PLAIN, AVX2, AVX512, SLOW_BF16, AVX512BF16, AMX } processor;
static processor here;

bool nca_cpu_has_scalar(void)
{
    return true;
}

#if defined(__x86_64__)
bool nca_cpu_has_avx2(void)
{
    return here >= AVX2;
}

bool nca_cpu_has_avx512(void)
{
    return here >= AVX512;
}

bool nca_cpu_has_avx512bf16(void)
{
    return here >= SLOW_BF16;
}

bool nca_cpu_has_amx(void)
{
    return here >= AMX;
}
#endif

bool nca_cpu_has_fast_pairs(void)
{
    return here == AVX512BF16;
}

// The variant, and the precision it computes in; of a name with several rows, the instructions that
// its kernels need.
typedef struct choice {
    processor on;
    const char *isa, *precision;   // asked for
    const char *name, *computed;
    bool (*needs)(void);
} choice;

static void check_choice(const choice *row)
{
    const nca_device_options options = {.isa = row->isa, .precision = row->precision};
    nca_error error = {0};
    int chosen = -1;
    here = row->on;
    if (nca_cpu_choose(&options, &chosen, &error) != NCA_OK)
        fail_msg("%s", error.message);
    assert_string_equal(nca_cpu_variants[chosen].name, row->name);
    assert_string_equal(nca_cpu_variants[chosen].precision, row->computed);
    if (row->needs)
        assert_ptr_equal(nca_cpu_variants[chosen].is_supported, row->needs);
}

static void check_refusal(processor on, const char *isa, const char *precision, nca_status status,
                          const char *words)
{
    const nca_device_options options = {.isa = isa, .precision = precision};
    nca_error error = {0};
    int chosen = -1;
    here = on;
    assert_int_equal(nca_cpu_choose(&options, &chosen, &error), status);
    assert_int_equal(chosen, -1);
    if (!strstr(error.message, words))
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
}

static void test_rounding_is_taken_where_it_is_named(void **state)
{
    (void)state;
    const choice rows[] = {
        {PLAIN, "rounding", "bf16", "rounding", "bf16", nca_cpu_has_scalar},
        {PLAIN, "rounding", "tf32", "rounding", "tf32", nca_cpu_has_scalar},
        {PLAIN, "rounding", "f32", "scalar", "f32", NULL},
#if defined(__x86_64__)
        {AVX2, "rounding", "bf16", "rounding", "bf16", nca_cpu_has_avx2},
        {AVX2, "rounding", "tf32", "rounding", "tf32", nca_cpu_has_avx2},
        {AVX2, "rounding", "bf16x3", "rounding", "bf16x3", nca_cpu_has_avx2},
        {AVX2, "rounding", "f32", "avx2", "f32", NULL},
        {AVX2, "rounding", "auto", "avx2", "f32", NULL},
        {AVX512, "rounding", "tf32", "rounding", "tf32", nca_cpu_has_avx512},
        {AVX512BF16, "rounding", "bf16", "rounding", "bf16", nca_cpu_has_avx512},
        {AVX512BF16, "rounding", "auto", "avx512", "f32", NULL},
        {AMX, "rounding", "bf16x3", "rounding", "bf16x3", nca_cpu_has_avx512},
#endif
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_choice(&rows[i]);
}

static void test_the_processor_chooses_its_own(void **state)
{
    (void)state;
    const choice rows[] = {
        {PLAIN, NULL, NULL, "scalar", "f32", NULL},
        {PLAIN, NULL, "auto", "scalar", "f32", NULL},
        {PLAIN, "scalar", "bf16x3", "scalar", "bf16x3", NULL},
#if defined(__x86_64__)
        {AVX2, NULL, NULL, "avx2", "f32", NULL},
        {AVX2, NULL, "auto", "avx2", "f32", NULL},
        {AVX512BF16, NULL, "f32", "avx512", "f32", NULL},
        {AVX512BF16, NULL, "bf16", "avx512bf16", "bf16", NULL},
        {AVX512BF16, NULL, "auto", "avx512bf16", "bf16", NULL},
        {AVX512BF16, "avx512", "auto", "avx512", "f32", NULL},
        {AVX512BF16, "scalar", "bf16", "scalar", "bf16", NULL},
        {SLOW_BF16, NULL, "bf16", "avx512bf16", "bf16", NULL},
        {SLOW_BF16, NULL, "auto", "avx512", "f32", NULL},
        {AMX, NULL, "bf16", "amx", "bf16", NULL},
        {AMX, NULL, "auto", "amx", "bf16", NULL},
        {AMX, "avx512bf16", "bf16", "avx512bf16", "bf16", NULL},
        {AMX, "avx512bf16", "auto", "avx512", "f32", NULL},
        {AMX, NULL, "bf16x3", "amx", "bf16x3", NULL},
#endif
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_choice(&rows[i]);
}

static void test_what_is_not_there_is_refused(void **state)
{
    (void)state;
    check_refusal(PLAIN, NULL, "bf16", NCA_DEVICE, "in f32 with scalar");
    check_refusal(PLAIN, NULL, "tf32", NCA_ARGUMENT, "with NCA_CPU_ISA=rounding");
    check_refusal(PLAIN, "rounding", "half", NCA_ARGUMENT, "--precision half");
    check_refusal(PLAIN, "mmx", NULL, NCA_ARGUMENT, "choose scalar, ");
#if defined(__x86_64__)
    check_refusal(AVX2, "avx512", NULL, NCA_DEVICE, "the best here is avx2");
    check_refusal(AVX2, NULL, "bf16", NCA_DEVICE, "in f32 with avx2");
    check_refusal(AVX512, "avx512bf16", "bf16", NCA_DEVICE, "the best here is avx512");
    check_refusal(AVX512BF16, "amx", NULL, NCA_DEVICE, "the best here is avx512bf16");
    check_refusal(AVX512BF16, NULL, "bf16x3", NCA_DEVICE, "in bf16 with avx512bf16");
    check_refusal(AVX512BF16, NULL, "tf32", NCA_ARGUMENT, "tf32 is for --device cuda");
#endif
}

int main(void)
{
    unsetenv("NCA_CPU_ISA");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding_is_taken_where_it_is_named),
        cmocka_unit_test(test_the_processor_chooses_its_own),
        cmocka_unit_test(test_what_is_not_there_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
