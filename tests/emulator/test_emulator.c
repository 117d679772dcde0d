// The emulator runs correct kernels as a device would, in every order of their threads: reductions,
// scans, votes, atomics, clusters, cooperative grids and cuRAND's Philox.
#include "device_arrays.h"

#include <Random123/philox.h>

#include "nca/rng.h"
#include "orders.h"

static void test_block_sums(void **state)
{
    (void)state;
    float values[700], sums[3], expected[3] = {0};
    for (int i = 0; i < 700; i++)
        values[i] = (float)(i % 17), expected[i / 256] += values[i];
    const float *from = on_device(values, sizeof values);
    IN_EVERY_ORDER
    {
        float *to = on_device(NULL, sizeof sums);
        assert_int_equal(test_block_sum(from, 700, to, NULL), cudaSuccess);
        fetch(sums, to, sizeof sums);
        assert_memory_equal(sums, expected, sizeof sums);
    }
}

static void test_warp_scans(void **state)
{
    (void)state;
    int values[150], sums[150], expected[150];
    for (int i = 0; i < 150; i++) {
        values[i] = i * i % 23 - 7;
        expected[i] = values[i] + (i % 32 ? expected[i - 1] : 0);
    }
    const int *from = on_device(values, sizeof values);
    IN_EVERY_ORDER
    {
        int *to = on_device(NULL, sizeof sums);
        assert_int_equal(test_warp_scan(from, to, 150, NULL), cudaSuccess);
        fetch(sums, to, sizeof sums);
        assert_memory_equal(sums, expected, sizeof sums);
    }
}

// Within a block the indices are in order, whichever block came first; and all orders of blocks are
// seen to differ.
static void test_compaction(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    float values[COUNT];
    int kept[COUNT], first[NCA_ORDERS], expected = 0, order = 0;
    for (int i = 0; i < COUNT; i++)
        values[i] = (float)(i * 37 % 101), expected += values[i] > 40;
    const float *from = on_device(values, sizeof values);
    IN_EVERY_ORDER
    {
        int *to = on_device(NULL, sizeof kept), *kept_count = on_device(NULL, sizeof(int)),
            count = 0;
        assert_int_equal(cudaMemset(kept_count, 0, sizeof(int)), cudaSuccess);
        assert_int_equal(test_compact(from, COUNT, 40, to, kept_count, NULL), cudaSuccess);
        fetch(&count, kept_count, sizeof count);
        assert_int_equal(count, expected);
        fetch(kept, to, (size_t)count * sizeof(int));
        bool seen[COUNT] = {false};
        for (int i = 0; i < count; i++) {
            assert_true(values[kept[i]] > 40);
            assert_false(seen[kept[i]]);
            seen[kept[i]] = true;
            if (i > 0 && kept[i] / 128 == kept[i - 1] / 128)
                assert_true(kept[i] > kept[i - 1]);
        }
        first[order++] = kept[0] / 128;
    }
    assert_int_equal(first[0], 0);
    assert_int_equal(first[1], (COUNT - 1) / 128);
}

static void test_histograms(void **state)
{
    (void)state;
    unsigned char values[777];
    int bins[16], expected[16] = {0};
    for (int i = 0; i < 777; i++)
        values[i] = (unsigned char)(i * i % 16), expected[values[i]]++;
    const unsigned char *from = on_device(values, sizeof values);
    IN_EVERY_ORDER
    {
        int *to = on_device(NULL, sizeof bins);
        assert_int_equal(cudaMemset(to, 0, sizeof bins), cudaSuccess);
        assert_int_equal(test_histogram(from, 777, to, NULL), cudaSuccess);
        fetch(bins, to, sizeof bins);
        assert_memory_equal(bins, expected, sizeof bins);
    }
}

// What correct.cu's `collectives` writes, by the definition of each collective.
static unsigned collective(int row, int lane)
{
    unsigned sum = 0, same = 0;
    const int down = lane % 16 + 3 < 16 ? lane + 3 : lane, up = lane % 16 >= 2 ? lane - 2 : lane;
    for (int i = 0; i < 32; i++)
        sum += (unsigned)(i * i), same |= (i / 7 == lane / 7 ? 1u : 0u) << i;
    switch (row) {
    case 0:
        return 25;
    case 1:
        return (unsigned)((lane / 8 * 8 + 3) * (lane / 8 * 8 + 3));
    case 2:
        return (unsigned)(up * up);
    case 3:
        return (unsigned)(down * down);
    case 4:
        return (unsigned)((lane ^ 9) * (lane ^ 9));
    case 5:
        return 0x49249249u;
    case 6:
        return 1;
    case 7:
        return sum;
    case 8:
        return 7 + 100;
    case 9:
        return same;
    case 10:
        return lane < 16 ? 17 : 400;
    default:
        return (unsigned)(lane ^ 1);
    }
}

static void test_warp_collectives(void **state)
{
    (void)state;
    unsigned out[12][32];
    IN_EVERY_ORDER
    {
        unsigned *to = on_device(NULL, sizeof out);
        assert_int_equal(test_collectives(to, NULL), cudaSuccess);
        fetch(out, to, sizeof out);
        for (int row = 0; row < 12; row++)
            for (int lane = 0; lane < 32; lane++)
                if (out[row][lane] != collective(row, lane))
                    fail_msg("row %d, lane %d: %u, not %u", row, lane, out[row][lane],
                             collective(row, lane));
    }
}

static void test_indices_of_threads(void **state)
{
    (void)state;
    int out[6][6][8];
    int *to = on_device(NULL, sizeof out);
    assert_int_equal(test_indices(to, NULL), cudaSuccess);
    fetch(out, to, sizeof out);
    for (int z = 0; z < 6; z++)
        for (int y = 0; y < 6; y++)
            for (int x = 0; x < 8; x++)
                assert_int_equal(out[z][y][x], 1000 * ((z / 3 * 10 + y / 2) * 10 + x / 4) +
                                                   (z % 3 * 10 + y % 2) * 10 + x % 4);
}

static void test_blocks_that_meet(void **state)
{
    (void)state;
    enum { BLOCKS = 12 };
    int out[BLOCKS * 32];
    IN_EVERY_ORDER
    {
        int *to = on_device(NULL, sizeof out), *scratch = on_device(NULL, BLOCKS * sizeof(int));
        assert_int_equal(test_cluster(to, BLOCKS, NULL), cudaSuccess);
        fetch(out, to, sizeof out);
        for (int i = 0; i < BLOCKS * 32; i++)
            assert_int_equal(out[i], i / 32 / 4 * 4 + (i / 32 + 3) % 4);
        assert_int_equal(test_cooperative(to, scratch, BLOCKS, NULL), cudaSuccess);
        fetch(out, to, sizeof out);
        for (int i = 0; i < BLOCKS; i++)
            assert_int_equal(out[i], BLOCKS * (BLOCKS + 1) / 2);
        unsigned *arrived = on_device(&(unsigned){0}, sizeof(unsigned));
        for (int time = 0; time < 2; time++) {
            assert_int_equal(test_last_block(to, scratch, arrived, BLOCKS, NULL), cudaSuccess);
            fetch(out, to, sizeof(int));
            assert_int_equal(out[0], BLOCKS * (BLOCKS + 1) / 2);
        }
    }
    assert_int_equal(test_cooperative(on_device(NULL, 4096), on_device(NULL, 4096), 1000, NULL),
                     cudaErrorCooperativeLaunchTooLarge);
}

// Of Random123's kat_vectors: Philox4x32-10.
static void test_philox_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint4 counter;
        uint2 key;
        unsigned words[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        unsigned words[4];
        unsigned *to = on_device(NULL, sizeof words);
        assert_int_equal(test_philox_at(to, known[i].counter, known[i].key, NULL), cudaSuccess);
        fetch(words, to, sizeof words);
        assert_memory_equal(words, known[i].words, sizeof words);
    }
}

static void test_philox_equals_random123(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    unsigned words[COUNT][4];
    const nca_key key = {.seed = 0xfedcba9876543210u, .update = 77};
    unsigned *to = on_device(NULL, sizeof words);
    assert_int_equal(test_philox(to, COUNT,
                                 make_uint4(0, 5u | (unsigned)NCA_RANDOM_FIRE << 24, 3, key.update),
                                 make_uint2(0x76543210u, 0xfedcba98u), NULL),
                     cudaSuccess);
    fetch(words, to, sizeof words);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t host[4];
        nca_random_words(key, NCA_RANDOM_FIRE, 3, 5, i, host);
        assert_memory_equal(words[i], host, sizeof host);
    }
}

// The stream of a state is the words of the counters offset / 4, offset / 4 + 1 ... of its
// subsequence, carries included.
static void check_philox_state(uint64_t seed, uint64_t subsequence, uint64_t offset)
{
    enum { COUNT = 60 };
    unsigned words[COUNT];
    unsigned *to = on_device(NULL, sizeof words);
    assert_int_equal(test_philox_state(to, COUNT, seed, subsequence, offset, NULL), cudaSuccess);
    fetch(words, to, sizeof words);
    for (uint64_t i = 0; i < COUNT; i++) {
        const uint64_t low = (offset >> 2) + ((offset & 3) + i) / 4;
        const uint64_t high = subsequence + (low < offset >> 2);
        const philox4x32_ctr_t counter = {
            {(uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high, (uint32_t)(high >> 32)}};
        const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
        assert_int_equal(words[i], philox4x32(counter, key).v[(offset + i) % 4]);
    }
}

static void test_philox_states(void **state)
{
    (void)state;
    check_philox_state(0, 0, 0);
    check_philox_state(1234567890123456789u, 5, 2);
    check_philox_state(42, 0xffffffffffu, 0x3fffffff9u);
    check_philox_state(7, 3, 0xffffffffffffffe3u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_block_sums, reset_device),
        cmocka_unit_test_setup(test_warp_scans, reset_device),
        cmocka_unit_test_setup(test_compaction, reset_device),
        cmocka_unit_test_setup(test_histograms, reset_device),
        cmocka_unit_test_setup(test_warp_collectives, reset_device),
        cmocka_unit_test_setup(test_indices_of_threads, reset_device),
        cmocka_unit_test_setup(test_blocks_that_meet, reset_device),
        cmocka_unit_test_setup(test_philox_known_answers, reset_device),
        cmocka_unit_test_setup(test_philox_equals_random123, reset_device),
        cmocka_unit_test_setup(test_philox_states, reset_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
