// Every planted fault (planted.cu) is found: by a line that names the kernel, the block and the
// threads; by AddressSanitizer where the build has it; and races also by nothing but results that
// differ between orders.
#include "device_arrays.h"

#include <sys/wait.h>
#include <unistd.h>

#include "orders.h"

#if defined(__SANITIZE_ADDRESS__)
enum { ASAN = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { ASAN = 1 };
#else
enum { ASAN = 0 };
#endif
#else
enum { ASAN = 0 };
#endif

static int values[64];

static void reset_values(void)
{
    for (int i = 0; i < 64; i++)
        values[i] = 100 + i;
}

// The launch failed, the context is broken until it is reset, and the line has all these words.
static void expect_line(cudaError_t got, cudaError_t expected, const char *const words[])
{
    assert_int_equal(got, expected);
    assert_int_equal(cudaGetLastError(), expected);
    assert_int_equal(cudaDeviceSynchronize(), expected);
    for (; *words; words++)
        if (!strstr(nca_emulator_message(), *words))
            fail_msg("\"%s\" is not in: %s", *words, nca_emulator_message());
    assert_int_equal(cudaDeviceReset(), cudaSuccess);
    assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
}
#define EXPECT_LINE(got, expected, ...)                                                            \
    expect_line(got, expected, (const char *const[]){__VA_ARGS__, NULL})

// Under AddressSanitizer the program ends with its report: in a child, whose report this returns.
static const char *report_of(void (*fault)(void))
{
    static char report[1 << 16];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        fault();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; length < sizeof report - 1 &&
                      (got = read(ends[0], report + length, sizeof report - 1 - length)) > 0;)
        length += (size_t)got;
    report[length] = 0;
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
    return report;
}

// -- Barriers and warps ---------------------------------------------------------------------------
static void test_divergent_barrier(void **state)
{
    (void)state;
    IN_EVERY_ORDER
    {
        float *out = on_device(NULL, 128 * sizeof(float));
        EXPECT_LINE(planted_divergent_barrier(out, NULL), cudaErrorLaunchFailure,
                    "`divergent_barrier`", "block (", "threads 0-31 at __syncthreads (planted.cu:",
                    "threads 32-63 at __syncthreads (planted.cu:");
    }
}

static void test_early_return(void **state)
{
    (void)state;
    IN_EVERY_ORDER
    {
        float *out = on_device(NULL, 64 * sizeof(float));
        EXPECT_LINE(planted_early_return(out, NULL), cudaErrorLaunchFailure,
                    "`early_return`, block (0,0,0)",
                    "threads 0-39 at __syncthreads (planted.cu:", "threads 40-63 returned");
    }
}

static void test_missing_lanes(void **state)
{
    (void)state;
    IN_EVERY_ORDER
    {
        int *out = on_device(NULL, 32 * sizeof(int));
        EXPECT_LINE(
            planted_missing_lanes(out, NULL), cudaErrorLaunchFailure, "`missing_lanes`",
            "threads 0-15 at a shuffle of lanes ffffffff (planted.cu:", "threads 16-31 returned");
    }
}

static void test_half_an_instruction(void **state)
{
    (void)state;
    IN_EVERY_ORDER
    EXPECT_LINE(planted_half_an_instruction(NULL), cudaErrorLaunchFailure, "`half_an_instruction`",
                "threads 0-15 returned",
                "threads 16-31 at an instruction of the whole warp of lanes ffffffff");
}

static void test_foreign_lane(void **state)
{
    (void)state;
    int *out = on_device(NULL, 32 * sizeof(int));
    EXPECT_LINE(planted_foreign_lane(out, NULL), cudaErrorLaunchFailure, "`foreign_lane`",
                "thread 0", "reads lane 16, which its mask 0000ffff does not name");
}

static void test_trap(void **state)
{
    (void)state;
    EXPECT_LINE(planted_trap(NULL), cudaErrorLaunchFailure, "`traps`", "thread 5", "__trap()");
}

// -- Races ----------------------------------------------------------------------------------------
static void run_race(void *context, void *result)
{
    cudaError_t (*const planted)(const int *, int *, cudaStream_t) =
        *(cudaError_t(**)(const int *, int *, cudaStream_t))context;
    const int *from = on_device(values, sizeof values);
    int *to = on_device(values, sizeof values);
    assert_int_equal(planted(from, to, NULL), cudaSuccess);
    fetch(result, to, sizeof values);
}

static void run_block_order(void *context, void *result)
{
    (void)context;
    int *out = on_device((int[33]){1}, 33 * sizeof(int));
    assert_int_equal(planted_block_order(out, 32, NULL), cudaSuccess);
    fetch(result, out, 33 * sizeof(int));
}

// With no look at accesses, by different results alone.
static void test_races_by_order(void **state)
{
    (void)state;
    cudaError_t (*planted)(const int *, int *, cudaStream_t) = planted_race;
    uint64_t seed = 0;
    nca_emulator_get()->checks = 0;
    assert_true(nca_orders_differ(run_race, &planted, sizeof values, &seed));
    assert_int_not_equal(seed, 0);
    planted = planted_warp_race;
    assert_true(nca_orders_differ(run_race, &planted, sizeof values, &seed));
    assert_true(nca_orders_differ(run_block_order, NULL, 33 * sizeof(int), &seed));
}

// Each by the access itself, in every order, so also in those where the result happens to be right.
static void test_races_by_access(void **state)
{
    (void)state;
    if (!nca_emulator_checks())
        skip();
    IN_EVERY_ORDER
    {
        const int *from = on_device(values, sizeof values);
        int *to = on_device(values, sizeof values);
        EXPECT_LINE(planted_race(from, to, NULL), cudaErrorIllegalAddress,
                    "`race`, block (0,0,0), thread", "what thread",
                    "of the shared array `turned` of 256 bytes");
        from = on_device(values, sizeof values), to = on_device(values, sizeof values);
        EXPECT_LINE(planted_warp_race(from, to, NULL), cudaErrorIllegalAddress, "`warp_race`",
                    "`line`");
        to = on_device(values, sizeof values);
        EXPECT_LINE(planted_block_order(to, 32, NULL), cudaErrorIllegalAddress, "`block_order`",
                    "of block number", "of an allocation of 256 bytes");
        to = on_device(values, sizeof values);
        EXPECT_LINE(planted_global_race(to, NULL), cudaErrorIllegalAddress, "`global_race`",
                    "writes what thread");
        to = on_device(values, sizeof values);
        EXPECT_LINE(planted_cluster_race(to, NULL), cudaErrorIllegalAddress, "`cluster_race`",
                    "`mine`");
    }
}

// -- Shared memory --------------------------------------------------------------------------------
static void read_shared_outside(void)
{
    planted_shared_read_outside(on_device(NULL, 128), 32, NULL);
}

static void read_dynamic_outside(void)
{
    planted_dynamic_read_outside(on_device(NULL, 128), 32, NULL);
}

static void test_shared_read_outside(void **state)
{
    (void)state;
    if (ASAN) {
        const char *report = report_of(read_shared_outside);
        assert_true(strstr(report, "AddressSanitizer: use-after-poison") ||
                    strstr(report, "out of bounds"));
        assert_non_null(
            strstr(report_of(read_dynamic_outside), "AddressSanitizer: use-after-poison"));
    } else if (nca_emulator_checks()) {
        // The first element behind, one far behind, one before.
        for (int i = 0; i < 3; i++)
            EXPECT_LINE(
                planted_shared_read_outside(on_device(NULL, 128), (const int[]){32, 5000, -1}[i],
                                            NULL),
                cudaErrorIllegalAddress, "`shared_read_outside`, block (0,0,0), thread 0",
                (const char *const[]){"reads outside: byte 128 of the shared array `row` of 128",
                                      "reads outside: byte 20000 of the shared array `row`",
                                      "reads outside: byte -4 of the shared array"}[i]);
        EXPECT_LINE(planted_dynamic_read_outside(on_device(NULL, 128), 32, NULL),
                    cudaErrorIllegalAddress, "`dynamic_read_outside`", "reads outside");
    } else {
        skip();
    }
}

static void write_shared_outside(void)
{
    planted_shared_write_outside(on_device(NULL, 128), 33, NULL);
}

static void test_shared_write_outside(void **state)
{
    (void)state;
    if (ASAN) {
        assert_non_null(
            strstr(report_of(write_shared_outside), "AddressSanitizer: use-after-poison"));
        return;
    }
    if (nca_emulator_checks())
        EXPECT_LINE(planted_shared_write_outside(on_device(NULL, 128), 33, NULL),
                    cudaErrorIllegalAddress, "`shared_write_outside`", "writes outside");
    // Without a look at accesses, by the walls, once the block is done.
    nca_emulator_get()->checks = 0;
    EXPECT_LINE(planted_shared_write_outside(on_device(NULL, 128), 33, NULL),
                cudaErrorIllegalAddress, "`shared_write_outside`, block (0,0,0)",
                "just behind the shared array `row` of 128 bytes");
}

static void test_uninitialised_shared(void **state)
{
    (void)state;
    if (nca_emulator_checks()) {
        EXPECT_LINE(planted_uninitialised_shared(on_device(NULL, 128), NULL),
                    cudaErrorIllegalAddress, "`uninitialised_shared`",
                    "reads what nothing wrote: byte 128 of the shared array `row`");
        EXPECT_LINE(planted_leftover_shared(on_device(NULL, 256), NULL), cudaErrorIllegalAddress,
                    "`leftover_shared`, block (1,0,0)", "reads what nothing wrote", "`value`");
    }
    // Without, by the NaN that it becomes.
    float sums[64];
    nca_emulator_get()->checks = 0;
    float *out = on_device(NULL, sizeof sums);
    assert_int_equal(planted_uninitialised_shared(out, NULL), cudaSuccess);
    fetch(sums, out, 32 * sizeof(float));
    assert_true(isnan(sums[0]) && isnan(sums[31]));
    assert_int_equal(planted_leftover_shared(out, NULL), cudaSuccess);
    fetch(sums, out, sizeof sums);
    assert_true(sums[0] == 1 && sums[31] == 1 && isnan(sums[32]) && isnan(sums[63]));
}

static void test_too_much_shared(void **state)
{
    (void)state;
    EXPECT_LINE(planted_too_much_shared(on_device(NULL, 128), NULL), cudaErrorLaunchOutOfResources,
                "`too_much_shared`", "`large` of 65536 bytes does not fit the 49152");
}

// -- Device memory --------------------------------------------------------------------------------
static void read_global_outside(void)
{
    planted_global_access(on_device(values, sizeof values), 64, false, NULL);
}

static void write_global_outside(void)
{
    planted_global_access(on_device(values, sizeof values), -1, true, NULL);
}

static void test_global_outside(void **state)
{
    (void)state;
    if (ASAN) {
        assert_non_null(
            strstr(report_of(read_global_outside), "AddressSanitizer: use-after-poison"));
        assert_non_null(
            strstr(report_of(write_global_outside), "AddressSanitizer: use-after-poison"));
        return;
    }
    if (nca_emulator_checks()) {
        EXPECT_LINE(planted_global_access(on_device(values, sizeof values), 64, false, NULL),
                    cudaErrorIllegalAddress, "`global_access`",
                    "reads outside: byte 256 of an allocation of 256");
        EXPECT_LINE(planted_global_access(on_device(values, sizeof values), -1, true, NULL),
                    cudaErrorIllegalAddress, "`global_access`", "writes outside");
    }
    nca_emulator_get()->checks = 0;
    EXPECT_LINE(planted_global_access(on_device(values, sizeof values), -1, true, NULL),
                cudaErrorIllegalAddress, "`global_access`",
                "just before an allocation of 256 bytes");
}

static void test_unwritten_global(void **state)
{
    (void)state;
    if (nca_emulator_checks())
        EXPECT_LINE(planted_global_access(on_device(NULL, 256), 5, false, NULL),
                    cudaErrorIllegalAddress, "`global_access`",
                    "reads what nothing wrote: byte 20 of an allocation");
    float fresh[64];
    float *on = on_device(NULL, sizeof fresh);
    fetch(fresh, on, sizeof fresh);
    for (int i = 0; i < 64; i++)
        assert_true(isnan(fresh[i]));
}

static void use_after_free(void)
{
    float *freed = on_device(values, sizeof values);
    cudaFree(freed);
    planted_global_access(freed, 1, true, NULL);
    _exit(cudaGetLastError() == cudaErrorIllegalAddress);
}

static void test_use_after_free(void **state)
{
    (void)state;
    const char *report = report_of(use_after_free);
    if (nca_emulator_checks())
        assert_non_null(strstr(report, "writes outside: byte 4 of an allocation that was freed"));
}

// -- Launches that overlap ------------------------------------------------------------------------
// a, b, c [64] and launches that read ahead only what was written before the launch before: the
// last writes c.
typedef struct chain {
    int *a, *b, *c;
} chain;

static chain chain_on_device(void)
{
    return (chain){on_device(values, sizeof values), on_device(NULL, sizeof values),
                   on_device(NULL, sizeof values)};
}

static void run_chain(const chain *on, cudaStream_t stream)
{
    assert_int_equal(planted_early_read(on->a, on->b, stream), cudaSuccess);
    assert_int_equal(planted_early_read(on->a, on->a, stream), cudaSuccess);
    assert_int_equal(planted_early_read(on->b, on->c, stream), cudaSuccess);
}

static cudaGraphExec_t end_capture(cudaStream_t stream)
{
    cudaGraph_t graph;
    cudaGraphExec_t made;
    assert_int_equal(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    assert_int_equal(cudaGraphInstantiate(&made, graph, 0), cudaSuccess);
    cudaGraphDestroy(graph);
    return made;
}

static void assert_first(const int *array, int expected)
{
    int got[64];
    fetch(got, array, sizeof got);
    assert_int_equal(got[0], expected);
}

// What a copy wrote, or a launch with another work behind it, may be read ahead as well.
static void test_overlap_that_is_right(void **state)
{
    (void)state;
    IN_EVERY_ORDER
    {
        const chain on = chain_on_device();
        run_chain(&on, NULL);
        assert_first(on.c, 102);
        assert_int_equal(cudaMemcpyAsync(on.b, on.c, sizeof values, cudaMemcpyDeviceToDevice, NULL),
                         cudaSuccess);
        assert_int_equal(planted_early_read(on.c, on.a, NULL), cudaSuccess);
        assert_first(on.a, 103);
    }
}

static void test_overlap_in_a_graph(void **state)
{
    (void)state;
    const chain on = chain_on_device();
    cudaStream_t stream;
    assert_int_equal(cudaStreamCreate(&stream), cudaSuccess);
    assert_int_equal(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    run_chain(&on, stream);
    const cudaGraphExec_t right = end_capture(stream);
    assert_int_equal(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    run_chain(&on, stream);
    assert_int_equal(planted_early_read(on.c, on.b, stream), cudaSuccess);
    const cudaGraphExec_t wrong = end_capture(stream);
    // A graph begins when all before it has ended.
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cudaGraphLaunch(right, stream), cudaSuccess);
        assert_int_equal(planted_early_read(on.c, on.a, stream), cudaSuccess);
    }
    if (nca_emulator_checks())
        EXPECT_LINE(cudaGraphLaunch(wrong, stream), cudaErrorIllegalAddress, "`early_read`",
                    "reads before nca_wait_for_last() what the launch before wrote: byte");
    cudaGraphExecDestroy(right), cudaGraphExecDestroy(wrong);
    cudaStreamDestroy(stream);
}

static void test_early_accesses(void **state)
{
    (void)state;
    if (!nca_emulator_checks())
        skip();
    IN_EVERY_ORDER
    {
        chain on = chain_on_device();
        run_chain(&on, NULL);
        EXPECT_LINE(planted_early_read(on.c, on.b, NULL), cudaErrorIllegalAddress,
                    "`early_read`, block (0,0,0), thread",
                    "reads before nca_wait_for_last() what the launch before wrote: byte",
                    "of an allocation of 256");
        on = chain_on_device();
        EXPECT_LINE(planted_early_write(on.a, NULL), cudaErrorIllegalAddress,
                    "`early_write`, block (0,0,0), thread 5",
                    "writes before nca_wait_for_last(): byte 20 of an allocation of 256");
    }
}

static void test_missing_wait(void **state)
{
    (void)state;
    IN_EVERY_ORDER
    EXPECT_LINE(planted_missing_wait(on_device(NULL, sizeof values), NULL), cudaErrorLaunchFailure,
                "`missing_wait`, block (0,0,0), thread", "returns without nca_wait_for_last()");
}

int main(void)
{
    reset_values();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_divergent_barrier, reset_device),
        cmocka_unit_test_setup(test_early_return, reset_device),
        cmocka_unit_test_setup(test_missing_lanes, reset_device),
        cmocka_unit_test_setup(test_half_an_instruction, reset_device),
        cmocka_unit_test_setup(test_foreign_lane, reset_device),
        cmocka_unit_test_setup(test_trap, reset_device),
        cmocka_unit_test_setup(test_races_by_order, reset_device),
        cmocka_unit_test_setup(test_races_by_access, reset_device),
        cmocka_unit_test_setup(test_shared_read_outside, reset_device),
        cmocka_unit_test_setup(test_shared_write_outside, reset_device),
        cmocka_unit_test_setup(test_uninitialised_shared, reset_device),
        cmocka_unit_test_setup(test_too_much_shared, reset_device),
        cmocka_unit_test_setup(test_global_outside, reset_device),
        cmocka_unit_test_setup(test_unwritten_global, reset_device),
        cmocka_unit_test_setup(test_use_after_free, reset_device),
        cmocka_unit_test_setup(test_overlap_that_is_right, reset_device),
        cmocka_unit_test_setup(test_overlap_in_a_graph, reset_device),
        cmocka_unit_test_setup(test_early_accesses, reset_device),
        cmocka_unit_test_setup(test_missing_wait, reset_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
