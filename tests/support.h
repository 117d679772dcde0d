// What the tests of numbers share: sessions on a device of choice, draws that are the same in every
// run, relative errors, and which instruction sets to go through.
#ifndef NCA_TESTS_SUPPORT_H
#define NCA_TESTS_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nca/backend.h"

enum { SKIPPED = 77 };   // exit code of a test that lacks what it needs

// A call that has to succeed; its message is shown where it does not.
#define assert_ok(call)                                                             \
    do {                                                                            \
        nca_error ok_error = {0};                                                   \
        nca_error *const error = &ok_error;                                         \
        if ((call) != NCA_OK)                                                       \
            fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, #call, ok_error.message); \
    } while (0)

// A call that has to be refused, with this status and one line of words.
#define assert_refused(expected, call)                                                  \
    do {                                                                                \
        nca_error refused_error = {0};                                                  \
        nca_error *const error = &refused_error;                                        \
        const nca_status refused_status = (call);                                       \
        if (refused_status != (expected) || refused_error.status != (expected) ||       \
            strlen(refused_error.message) < 10 || strchr(refused_error.message, '\n'))  \
            fail_msg("%s:%d: %s: status %d, not %d: \"%s\"", __FILE__, __LINE__, #call, \
                     (int)refused_status, (int)(expected), refused_error.message);      \
    } while (0)

// The instruction sets to test; those the machine lacks are passed over by open_cpu(). Where the
// AVX-512 kernels run by SIMDe they are the only ones: the others have a program of their own.
static const char *const isas[] = {
#if !defined(NCA_TEST_BY_SIMDE)
    "scalar",
#endif
#if defined(__x86_64__) && !defined(NCA_TEST_BY_SIMDE)
    "avx2",
#endif
#if defined(__x86_64__)
    "avx512",
#endif
    NULL};

// The cpu backend with one instruction set; false, and a word about it, where the machine lacks it.
static inline bool open_cpu(const char *isa, int threads, nca_compute *out)
{
    const nca_device_options options = {.threads = threads, .isa = isa};
    nca_device_info info;
    nca_error why = {0};
    const nca_status status = nca_compute_open("cpu", &options, out, &why);
    if (status == NCA_DEVICE) {
        print_message("not tested: %s\n", why.message);
        return false;
    }
    assert_int_equal(status, NCA_OK);
    out->backend->info(out->device, &info);
    assert_string_equal(info.variant, isa);   // nothing else in its place
    assert_int_equal(info.threads, threads);
    return true;
}

static inline nca_compute open_reference(void)
{
    nca_compute compute;
    assert_ok(nca_compute_open("reference", NULL, &compute, error));
    return compute;
}

static inline void *allocate(size_t count, size_t element_bytes)
{
    void *memory = calloc(count + 1, element_bytes);
    assert_non_null(memory);
    return memory;
}

// Uniform numbers in -size..size; another `sample` gives others.
static inline float *uniform(size_t count, uint32_t sample, double size)
{
    const nca_key key = {.seed = 5};
    float *x = allocate(count, sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(size *
                       (2 * nca_random_uniform(key, NCA_RANDOM_TEST, sample, 0, (uint32_t)i) - 1));
    return x;
}

// Fire bits, one where a draw is below the rate.
static inline uint8_t *draw_bits(size_t count, uint32_t sample, double rate)
{
    uint8_t *bits = allocate(count, 1);
    for (size_t i = 0; i < count; i++)
        bits[i] = nca_random_uniform((nca_key){.seed = 6}, NCA_RANDOM_TEST, sample, 0,
                                     (uint32_t)i) < rate;
    return bits;
}

static inline size_t cells_of(const nca_shape *shape)
{
    return (size_t)shape->height * (size_t)shape->width;
}

// Elements of the state of one sample, and of the batch.
static inline size_t state_of(const nca_shape *shape)
{
    return cells_of(shape) * (size_t)shape->spec.channels;
}

static inline size_t batch_of(const nca_shape *shape)
{
    return state_of(shape) * (size_t)shape->batch;
}

static inline size_t total_of(const nca_shape *shape)
{
    return nca_layout_of(&shape->spec).total;
}

// A batch of mixed alpha, some of it near the threshold, so that cells die, live and lift others.
static inline float *mixed_states(const nca_shape *shape, uint32_t sample)
{
    const size_t channels = (size_t)shape->spec.channels;
    float *states = uniform(batch_of(shape), sample, 0.5);
    for (size_t i = 0; i < batch_of(shape) / channels; i++) {
        float *alpha = &states[i * channels + NCA_ALPHA];
        *alpha = i % 7 < 2 ? 0.8f + 0.4f * *alpha : i % 7 < 4 ? 0.1f + 0.1f * *alpha : 0;
    }
    return states;
}

// ||got - expected|| / ||expected||; of the difference itself where expected is all zero.
static inline double relative_error(const float *got, const float *expected, size_t count)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)got[i] - expected[i]) * ((double)got[i] - expected[i]);
        size += (double)expected[i] * expected[i];
    }
    return size > 0 ? sqrt(difference / size) : sqrt(difference);
}

// A NaN does not pass.
static inline void assert_close(const float *got, const float *expected, size_t count,
                                double allowance, const char *what)
{
    const double found = relative_error(got, expected, count);
    if (!(found <= allowance))
        fail_msg("%s: relative error %.2e, allowed %.2e", what, found, allowance);
}

static inline bool is_all_zero(const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (x[i] != 0)
            return false;
    return true;
}

// `count` elements of a buffer of a session from `first` on, as a new array.
static inline float *read_part(const nca_compute *on, nca_session *session, nca_buffer buffer,
                               size_t first, size_t count)
{
    float *to = allocate(count, sizeof *to);
    assert_ok(on->backend->download(session, buffer, first, count, to, error));
    assert_ok(on->backend->synchronize(session, error));
    return to;
}

// The same from its first.
static inline float *read_buffer(const nca_compute *on, nca_session *session, nca_buffer buffer,
                                 size_t count)
{
    return read_part(on, session, buffer, 0, count);
}

static inline void write_buffer(const nca_compute *on, nca_session *session, nca_buffer buffer,
                                size_t count, const float *from)
{
    assert_ok(on->backend->upload(session, buffer, 0, count, from, error));
}

static inline nca_session *open_session(const nca_compute *on, const nca_shape *shape)
{
    nca_session *session;
    assert_ok(on->backend->create(on->device, shape, &session, error));
    return session;
}

#endif
