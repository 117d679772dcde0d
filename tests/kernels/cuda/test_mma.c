// The wrapper of tensor cores alone: which lane holds what, by whole numbers, which leave no room
// for rounding; random products; and the two roundings. On a GPU it is the hardware that is asked.
#include "device_under_test.h"

#include <cuda_runtime_api.h>

#include "mma_products.h"

enum { ROWS = 16, COLUMNS = 8, INNER_MOST = 16 };

// A fresh array on the device.
static void *on_device(const void *from, size_t bytes)
{
    void *made = NULL;
    assert_int_equal(cudaMalloc(&made, bytes), cudaSuccess);
    assert_int_equal(cudaMemcpy(made, from, bytes, cudaMemcpyHostToDevice), cudaSuccess);
    return made;
}

static void fetch(void *to, void *from, size_t bytes)
{
    assert_int_equal(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), cudaSuccess);
    cudaFree(from);
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float number_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

typedef struct mma_product {
    int inner;
    float a[ROWS][INNER_MOST], b[INNER_MOST][COLUMNS], c[ROWS][COLUMNS];
} mma_product;

// Whole numbers from -8 to 8, which both formats hold; or numbers with as many bits as they hold.
static mma_product draw(int inner, bool is_whole, int kept_bits, uint32_t seed)
{
    const uint32_t mask = ~((1u << (23 - kept_bits)) - 1);
    mma_product product = {.inner = inner};
    float *drawn = uniform(ROWS * 16 + 16 * COLUMNS + ROWS * COLUMNS, seed, is_whole ? 8 : 1);
    for (int i = 0; i < ROWS * 16 + 16 * COLUMNS; i++)
        drawn[i] = is_whole ? roundf(drawn[i]) : number_of(bits_of(drawn[i]) & mask);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < inner; k++)
            product.a[i][k] = drawn[16 * i + k];
    for (int k = 0; k < inner; k++)
        for (int j = 0; j < COLUMNS; j++)
            product.b[k][j] = drawn[ROWS * 16 + COLUMNS * k + j];
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        const float x = drawn[ROWS * 16 + 16 * COLUMNS + i];
        product.c[i / COLUMNS][i % COLUMNS] = is_whole ? roundf(x) : x;
    }
    free(drawn);
    return product;
}

// Whole numbers come out exactly. Otherwise 17 numbers are added, and a tensor core may cut each
// off at the last bit of the largest, 2^-23 of it at most by NVIDIA's f32 accumulators; one bit to
// spare.
static void check(const mma_product *product, float (*d)[COLUMNS], bool is_whole, const char *what)
{
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            double sum = product->c[i][j], size = fabs(sum);
            for (int k = 0; k < product->inner; k++) {
                sum += (double)product->a[i][k] * product->b[k][j];
                size += fabs((double)product->a[i][k] * product->b[k][j]);
            }
            if (!(fabs(d[i][j] - sum) <= (is_whole ? 0 : 17 * 0x1p-22 * size)))
                fail_msg("%s: row %d, column %d is %.9g and not %.9g", what, i, j, d[i][j], sum);
        }
}

// The lane's registers as PTX has them: mma.m16n8k8 with .tf32, a number a register.
static void pack_tf32(const mma_product *product, uint32_t a[32][4], uint32_t b[32][2])
{
    for (int lane = 0; lane < 32; lane++) {
        const int group = lane >> 2, in_group = lane % 4;
        a[lane][0] = bits_of(product->a[group][in_group]);
        a[lane][1] = bits_of(product->a[group + 8][in_group]);
        a[lane][2] = bits_of(product->a[group][in_group + 4]);
        a[lane][3] = bits_of(product->a[group + 8][in_group + 4]);
        b[lane][0] = bits_of(product->b[in_group][group]);
        b[lane][1] = bits_of(product->b[in_group + 4][group]);
    }
}

static uint32_t two(float low, float high)
{
    return bits_of(low) >> 16 | (bits_of(high) & 0xffff0000u);
}

// mma.m16n8k16 with .bf16, two numbers a register.
static void pack_bf16(const mma_product *product, uint32_t a[32][4], uint32_t b[32][2])
{
    for (int lane = 0; lane < 32; lane++) {
        const int row = lane >> 2, column = lane % 4 * 2;
        a[lane][0] = two(product->a[row][column], product->a[row][column + 1]);
        a[lane][1] = two(product->a[row + 8][column], product->a[row + 8][column + 1]);
        a[lane][2] = two(product->a[row][column + 8], product->a[row][column + 9]);
        a[lane][3] = two(product->a[row + 8][column + 8], product->a[row + 8][column + 9]);
        b[lane][0] = two(product->b[column][row], product->b[column + 1][row]);
        b[lane][1] = two(product->b[column + 8][row], product->b[column + 9][row]);
    }
}

static void check_instruction(bool is_tf32, bool is_whole, uint32_t seed)
{
    const mma_product product = draw(is_tf32 ? 8 : 16, is_whole, is_tf32 ? 10 : 7, seed);
    uint32_t a[32][4], b[32][2];
    float d[32][4], found[ROWS][COLUMNS];
    (is_tf32 ? pack_tf32 : pack_bf16)(&product, a, b);
    for (int lane = 0; lane < 32; lane++)
        for (int i = 0; i < 4; i++)
            d[lane][i] = product.c[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
    void *a_there = on_device(a, sizeof a), *b_there = on_device(b, sizeof b);
    float *d_there = on_device(d, sizeof d);
    assert_int_equal(mma_instruction(is_tf32, a_there, b_there, d_there), cudaSuccess);
    fetch(d, d_there, sizeof d);
    cudaFree(a_there);
    cudaFree(b_there);
    for (int lane = 0; lane < 32; lane++)
        for (int i = 0; i < 4; i++)
            found[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2] = d[lane][i];
    check(&product, found, is_whole, is_tf32 ? "mma.m16n8k8.tf32" : "mma.m16n8k16.bf16");
}

static void test_an_instruction_multiplies_the_layout_of_ptx(void **state)
{
    (void)state;
    for (int is_tf32 = 0; is_tf32 < 2; is_tf32++)
        for (uint32_t seed = 1; seed <= 3; seed++) {
            check_instruction(is_tf32, true, seed);
            check_instruction(is_tf32, false, seed);
        }
}

static void check_product(bool is_tf32, int how, bool is_whole, uint32_t seed)
{
    static const char *const names[] = {"by rows", "by columns", "of tiles"};
    const mma_product product = draw(16, is_whole, is_tf32 ? 10 : 7, seed);
    float a[ROWS * 16], b[16 * COLUMNS], found[ROWS][COLUMNS];
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < 16; k++)
            a[how == MMA_BY_COLUMNS ? ROWS * k + i : 16 * i + k] = product.a[i][k];
    for (int k = 0; k < 16; k++)
        for (int j = 0; j < COLUMNS; j++)
            b[how == MMA_BY_COLUMNS ? 16 * j + k : COLUMNS * k + j] = product.b[k][j];
    float *a_there = on_device(a, sizeof a), *b_there = on_device(b, sizeof b);
    float *d_there = on_device(product.c, sizeof product.c);
    assert_int_equal(mma_product_of(is_tf32, how, a_there, b_there, d_there), cudaSuccess);
    fetch(found, d_there, sizeof found);
    cudaFree(a_there);
    cudaFree(b_there);
    check(&product, found, is_whole, names[how]);
}

static void test_fragments_come_from_memory_and_from_products(void **state)
{
    (void)state;
    for (int is_tf32 = 0; is_tf32 < 2; is_tf32++)
        for (int how = MMA_BY_ROWS; how <= MMA_OF_TILES; how++)
            for (uint32_t seed = 1; seed <= 3; seed++) {
                check_product(is_tf32, how, true, seed);
                check_product(is_tf32, how, false, seed);
            }
}

// Numbers that a format holds stay; others go to the nearest, ties in tf32 away from zero and in
// bf16 to even; what is no number stays none.
static void test_roundings(void **state)
{
    (void)state;
    static const struct {
        float x, tf32, bf16;
    } rows[] = {
        {0, 0, 0},
        {-1.5f, -1.5f, -1.5f},
        {1 + 0x1p-7f, 1 + 0x1p-7f, 1 + 0x1p-7f},
        {1 + 0x1p-10f, 1 + 0x1p-10f, 1},
        {1 + 0x1p-8f, 1 + 0x1p-8f, 1},
        {1 + 3 * 0x1p-8f, 1 + 3 * 0x1p-8f, 1 + 2 * 0x1p-7f},
        {1 + 0x1p-11f, 1 + 0x1p-10f, 1},
        {-1 - 0x1p-11f, -1 - 0x1p-10f, -1},
        {1 + 0x1p-12f, 1, 1},
        {1 + 0x1.8p-8f, 1 + 0x1.8p-8f, 1 + 0x1p-7f},
        {0x1.fffffep+0f, 2, 2},
        {0x1.fffffep+127f, INFINITY, INFINITY},
        {-INFINITY, -INFINITY, -INFINITY},
        {0x1p-126f, 0x1p-126f, 0x1p-126f},
        {NAN, NAN, NAN},
    };
    enum { COUNT = sizeof rows / sizeof *rows };
    float x[COUNT];
    uint32_t words[COUNT];
    for (int i = 0; i < COUNT; i++)
        x[i] = rows[i].x;
    for (int is_tf32 = 0; is_tf32 < 2; is_tf32++) {
        float *x_there = on_device(x, sizeof x);
        uint32_t *words_there = on_device(words, sizeof words);
        assert_int_equal(mma_round(is_tf32, x_there, COUNT, words_there), cudaSuccess);
        fetch(words, words_there, sizeof words);
        cudaFree(x_there);
        for (int i = 0; i < COUNT; i++) {
            const float got = number_of(is_tf32 ? words[i] : words[i] << 16);
            const float expected = is_tf32 ? rows[i].tf32 : rows[i].bf16;
            if (!(isnan(expected) ? isnan(got) : got == expected) || (!is_tf32 && words[i] >> 16))
                fail_msg("%s: %a becomes %a and not %a", is_tf32 ? "tf32" : "bf16", x[i], got,
                         expected);
        }
    }
}

int main(void)
{
    const nca_device_options options = {.precision = "tf32"};
    nca_error why = {0};
    nca_compute on;
    if (!IS_EMULATED && nca_compute_open(DEVICE_NAME, &options, &on, &why) != NCA_OK) {
        printf("skipped: %s\n", why.message);
        return SKIPPED;
    }
    if (!IS_EMULATED)
        nca_compute_close(&on);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_instruction_multiplies_the_layout_of_ptx),
        cmocka_unit_test(test_fragments_come_from_memory_and_from_products),
        cmocka_unit_test(test_roundings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
