// Fire bits: what fire.cu draws by cuRAND's device Philox is what the host draws by Random123, bit
// for bit; and NVIDIA's own cuRAND header, where it is installed, compiled for the host, says the
// same as Random123.
#include "support.h"

#include <cuda_runtime_api.h>

#include "cuda/kernels.h"

static void *on_device(const void *from, size_t bytes)
{
    void *to;
    assert_int_equal(cudaMalloc(&to, bytes), cudaSuccess);
    if (from)
        assert_int_equal(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice), cudaSuccess);
    return to;
}

// By the words of nca/rng.h.
static bool host_fires(const nca_cuda_rollout *rollout, int sample, int step, int cell)
{
    const nca_key key = {.seed = rollout->seed, .update = rollout->update};
    uint32_t words[4];
    nca_random_words(key, NCA_RANDOM_FIRE, (uint32_t)sample, (uint32_t)step, (uint32_t)cell / 8,
                     words);
    return (words[cell % 8 / 2] >> 16 * (cell % 2) & 0xffff) < rollout->fire_threshold;
}

// Draws the planes of `count` steps from `first` on and compares every bit.
static void check_planes(const nca_cuda_grid *grid, const nca_cuda_rollout *rollout, int first,
                         int count)
{
    const size_t words = nca_cuda_plane(grid) * (size_t)count;
    uint32_t *planes = allocate(words, sizeof *planes), *to = on_device(NULL, words * sizeof *to);
    nca_cuda_rollout *values = on_device(rollout, sizeof *rollout);
    assert_int_equal(nca_cuda_fire(grid, values, first, count, to, NULL), cudaSuccess);
    assert_int_equal(cudaMemcpy(planes, to, words * sizeof *to, cudaMemcpyDeviceToHost),
                     cudaSuccess);
    for (size_t w = 0; w < words; w++) {
        const int line = (int)(w / (size_t)grid->words), x0 = (int)(w % (size_t)grid->words) * 32;
        const int y = line % grid->height, sample = line / grid->height % grid->batch;
        const int step = rollout->first_step + first + line / grid->height / grid->batch;
        for (int x = x0; x < x0 + 32; x++) {
            const bool expected =
                x < grid->width && host_fires(rollout, sample, step, y * grid->width + x);
            if ((planes[w] >> (x - x0) & 1) != expected)
                fail_msg("step %d, sample %d, row %d, column %d: %d", step, sample, y, x,
                         !expected);
        }
    }
    cudaFree(values);
    cudaFree(to);
    free(planes);
}

static void test_planes_are_the_hosts_bits(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {3, 7}, {5, 32}, {4, 33}, {2, 71}};
    static const double rates[] = {0, 0.01, 0.5, 1};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
            const nca_cuda_grid grid = {.batch = 3,
                                        .height = sizes[s][0],
                                        .width = sizes[s][1],
                                        .channels = 16,
                                        .hidden = 128,
                                        .words = (sizes[s][1] + 31) / 32,
                                        .region_rows = sizes[s][0],
                                        .regions = 1};
            const nca_cuda_rollout rollout = {.seed = 0xfedcba9876543210u + s,
                                              .update = 0x89abcdefu,
                                              .fire_threshold = nca_fire_threshold(rates[r]),
                                              .first_step = (int)NCA_RANDOM_STEPS_LIMIT - 9};
            check_planes(&grid, &rollout, 0, 2);
            check_planes(&grid, &rollout, 3, 1);
        }
}

#if defined(NCA_TEST_CURAND)
void curand_on_host(const uint32_t counter[4], const uint32_t key[2], uint32_t words[4]);

static void test_nvidias_header_says_the_same(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10000; i++) {
        const nca_key key = {.seed = 0x9e3779b97f4a7c15u * (i + 1), .update = ~i};
        const uint32_t step = i * 1677u % NCA_RANDOM_STEPS_LIMIT;
        const uint32_t counter[4] = {i * 2654435761u, step | (uint32_t)NCA_RANDOM_FIRE << 24, i % 8,
                                     key.update};
        const uint32_t bits[2] = {(uint32_t)key.seed, (uint32_t)(key.seed >> 32)};
        uint32_t theirs[4], ours[4];
        curand_on_host(counter, bits, theirs);
        nca_random_words(key, NCA_RANDOM_FIRE, i % 8, step, counter[0], ours);
        assert_memory_equal(theirs, ours, sizeof ours);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planes_are_the_hosts_bits),
#if defined(NCA_TEST_CURAND)
        cmocka_unit_test(test_nvidias_header_says_the_same),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
