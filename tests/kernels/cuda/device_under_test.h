// The device under test: the emulated one, and in test_cuda_gpu the first GPU, with the same tests.
// What only the emulator can do is nothing on a GPU.
#ifndef NCA_TESTS_CUDA_DEVICE_UNDER_TEST_H
#define NCA_TESTS_CUDA_DEVICE_UNDER_TEST_H

#include "support.h"

#if defined(NCA_TEST_EMULATED)
#include "emulator.h"
#define DEVICE_NAME "emulator"
enum { IS_EMULATED = 1 };
#else
#define DEVICE_NAME "cuda"
enum { IS_EMULATED = 0 };
#endif

#if defined(NCA_TEST_SANITIZED)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

static inline nca_compute open_device_as(const char *path, const char *precision, int tape_every)
{
    const nca_device_options options = {
        .cuda_path = path, .precision = precision, .tape_every = tape_every};
    nca_compute on;
    assert_ok(nca_compute_open(DEVICE_NAME, &options, &on, error));
    assert_string_equal(on.backend->name, DEVICE_NAME);
    return on;
}

static inline nca_compute open_device(const char *path, int tape_every)
{
    return open_device_as(path, NULL, tape_every);
}

// False, and said, where there is no device to test in this precision.
static inline bool has_device(const char *precision)
{
    const nca_device_options options = {.precision = precision};
    nca_error why = {0};
    nca_compute on;
    if (nca_compute_open(DEVICE_NAME, &options, &on, &why) != NCA_OK) {
        printf("skipped: %s\n", why.message);
        return false;
    }
    nca_compute_close(&on);
    return true;
}

// Whether every access of a kernel is checked, which costs a factor of about five.
static inline void check_accesses(bool checks)
{
#if defined(NCA_TEST_EMULATED)
    nca_emulator_get()->checks = checks;
#else
    (void)checks;
#endif
}

// The order of blocks, warps and lanes. On a GPU it is another one every time.
static inline void order_by(uint64_t seed)
{
#if defined(NCA_TEST_EMULATED)
    nca_emulator_get()->seed = seed;
#else
    (void)seed;
#endif
}

#endif
