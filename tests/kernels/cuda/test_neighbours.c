// The cells around one, loaded together, against a branch for each: the same bits for zeros of both
// signs, numbers too small for their quarter, infinities and what is no number; and nothing is read
// where no cell is. On a GPU it is what the compiler made of it that is asked.
#include "device_under_test.h"

#include <cuda_runtime_api.h>

#include "neighbours.h"

enum { CHANNELS = 16 };

static const float numbers[] = {
    0, -0.0f, 0x1p-149f,        -0x1p-149f,        0x1p-148f, -0x1p-148f, 0x1p-126f, -0x1p-126f,
    1, -3,    0x1.fffffep+127f, -0x1.fffffep+127f, INFINITY,  -INFINITY,  NAN};

// Small ones only, or any of them.
static float *draw_numbers(size_t count, uint32_t sample, bool is_small)
{
    const double kinds = is_small ? 6 : sizeof numbers / sizeof *numbers;
    float *drawn = uniform(count, sample, 0.5);
    for (size_t i = 0; i < count; i++)
        drawn[i] = numbers[(int)(kinds * 0.999 * (0.5 + (double)drawn[i]))];
    return drawn;
}

static void *take(size_t bytes)
{
    void *taken = NULL;
    assert_int_equal(cudaMalloc(&taken, bytes), cudaSuccess);
    return taken;
}

static void send(void *to, const void *from, size_t bytes)
{
    assert_int_equal(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice), cudaSuccess);
}

// On the device, but for the rows of cells that are not there, which nothing writes.
static float *send_cells(const float *from, const uint8_t *is_there, size_t cells, size_t each)
{
    float *sent = take(cells * each * sizeof *sent);
    for (size_t i = 0; i < cells; i++)
        if (is_there[i])
            send(sent + i * each, from + i * each, each * sizeof *sent);
    return sent;
}

static bool has_same_bits(float a, float b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

// Returns how many sums are -0.
static int compare(const float *found, const float *expected, size_t count)
{
    int negative_zeros = 0;
    for (size_t i = 0; i < count; i++) {
        if (!has_same_bits(found[i], expected[i]))
            fail_msg("cell %zu, number %zu is %a and not %a", i / SEEN, i % SEEN, (double)found[i],
                     (double)expected[i]);
        negative_zeros += i % SEEN >= CHANNELS && expected[i] == 0 && signbit(expected[i]);
    }
    return negative_zeros;
}

static int look_both_ways(int height, int width, double share, bool is_small, uint32_t sample)
{
    const size_t cells = (size_t)height * (size_t)width, words = ((size_t)width + 31) / 32;
    uint8_t *is_there = draw_bits(cells, sample, share);
    uint32_t *plane = allocate((size_t)height * words, sizeof *plane);
    for (size_t i = 0; i < cells; i++)
        plane[i / (size_t)width * words + i % (size_t)width / 32] |= (uint32_t)is_there[i]
                                                                     << i % (size_t)width % 32;
    float *state = draw_numbers(cells * CHANNELS, sample, is_small);
    float *dp = draw_numbers(cells * 3 * CHANNELS, sample + 1, is_small);
    float *g = draw_numbers(cells * CHANNELS, sample + 2, is_small);
    float *seen[2], *seen_there = take(cells * SEEN * sizeof **seen);
    uint32_t *plane_there = take((size_t)height * words * sizeof *plane);
    float *state_there = send_cells(state, is_there, cells, CHANNELS);
    float *dp_there = send_cells(dp, is_there, cells, 3 * CHANNELS);
    float *g_there = take(cells * CHANNELS * sizeof *g);
    send(plane_there, plane, (size_t)height * words * sizeof *plane);
    send(g_there, g, cells * CHANNELS * sizeof *g);
    for (int i = 0; i < 2; i++) {
        seen[i] = allocate(cells * SEEN, sizeof **seen);
        assert_int_equal(look_around(height, width, i == 1, plane_there, state_there, dp_there,
                                     g_there, seen_there),
                         cudaSuccess);
        assert_int_equal(
            cudaMemcpy(seen[i], seen_there, cells * SEEN * sizeof **seen, cudaMemcpyDeviceToHost),
            cudaSuccess);
    }
    const int negative_zeros = compare(seen[0], seen[1], cells * SEEN);
    void *const there[] = {seen_there, plane_there, state_there, dp_there, g_there};
    void *const here[] = {is_there, plane, state, dp, g, seen[0], seen[1]};
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        cudaFree(there[i]);
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        free(here[i]);
    return negative_zeros;
}

static void test_neighbours_have_the_bits_of_a_branch_for_each(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 40}, {7, 1}, {5, 32}, {6, 37}, {4, 70}};
    int negative_zeros = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint32_t j = 0; j < 6; j++)
            negative_zeros += look_both_ways(sizes[i][0], sizes[i][1], 0.2 + 0.3 * (j / 2), j % 2,
                                             100 * (uint32_t)i + 10 * j);
    print_message("%d sums are -0\n", negative_zeros);
    assert_true(negative_zeros > 100);   // an absent neighbour that adds 0 would be noticed
}

int main(void)
{
    const nca_device_options options = {0};
    nca_error why = {0};
    nca_compute on;
    if (nca_compute_open(DEVICE_NAME, &options, &on, &why) != NCA_OK) {
        printf("skipped: %s\n", why.message);
        return SKIPPED;
    }
    nca_compute_close(&on);
    check_accesses(true);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neighbours_have_the_bits_of_a_branch_for_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
