// nca bench and bench_kernels: what their JSON says; that every kernel of the CPU's table is timed,
// and that the work it is said to do is what a calculation by hand gives.
#include "cpu/bench.h"
#include "support.h"

#include <jansson.h>

// What the program prints to stdout as JSON; the caller releases it.
static json_t *run_bench(const char *program, const char *arguments)
{
    char command[1024];
    json_error_t where;
    snprintf(command, sizeof command, "%s %s --json", program, arguments);
    FILE *const from = popen(command, "r");
    assert_non_null(from);
    json_t *found = json_loadf(from, 0, &where);
    const int code = pclose(from);
    if (!found || code != 0)
        fail_msg("%s: exit code %d, line %d: %s", command, code, where.line, where.text);
    return found;
}

static double number_of(const json_t *json, const char *name)
{
    const json_t *found = json_object_get(json, name);
    if (!json_is_number(found))
        fail_msg("%s: not a number", name);
    return json_number_value(found);
}

static const char *text_of(const json_t *json, const char *name)
{
    const char *found = json_string_value(json_object_get(json, name));
    assert_non_null(found);
    return found;
}

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) <= 1e-3 * fabs(b));
}

static const json_t *find_kernel(const json_t *kernels, const char *name)
{
    size_t i;
    json_t *each;
    json_array_foreach(kernels, i, each) if (strcmp(text_of(each, "name"), name) == 0) return each;
    fail_msg("no kernel %s", name);
    return NULL;
}

// The entries of the table that variants overwrite, but for the one that only keeps a core busy.
static void check_table_is_timed(const json_t *kernels)
{
    char line[256], name[64];
    int found = 0;
    FILE *const table = fopen("src/kernels/cpu/ops.h", "r");
    assert_non_null(table);
    while (fgets(line, sizeof line, table))
        if (sscanf(line, " void (*%63[a-z_])(", name) == 1) {
            find_kernel(kernels, name);
            found++;
        }
    fclose(table);
    assert_true(found >= 7);
}

// Time, rate and share say the same thing. How large a share is on a machine that does other work
// beside, nobody can promise.
static void check_kernel(const json_t *json, double peak_gflops, double peak_gbytes)
{
    const double us = number_of(json, "median_us");
    assert_true(us > 0 && number_of(json, "min_us") <= us && us <= number_of(json, "max_us"));
    assert_true(number_of(json, "flop") >= 0 && number_of(json, "bytes") > 0);
    assert_true(fabs(number_of(json, "gflops") - 1e-3 * number_of(json, "flop") / us) <=
                1e-3 * number_of(json, "gflops") + 1e-3);
    assert_true(fabs(number_of(json, "share_of_flops") - number_of(json, "gflops") / peak_gflops) <=
                1e-3 * number_of(json, "share_of_flops") + 1e-3);
    assert_true(fabs(number_of(json, "share_of_bytes") - number_of(json, "gbytes") / peak_gbytes) <=
                1e-3 * number_of(json, "share_of_bytes") + 1e-3);
}

static void test_kernels_as_json(void **state)
{
    (void)state;
    json_t *found =
        run_bench(NCA_BENCH_KERNELS, "--device cpu --case 24x24-few-fire --threads 1 --repeats 2");
    const json_t *kernels = json_object_get(found, "kernels");
    size_t i;
    json_t *each;
    assert_string_equal(text_of(found, "subject"), "kernels");
    assert_string_equal(text_of(found, "device"), "cpu");
    assert_near(number_of(found, "batch"), 3);
    assert_near(number_of(found, "steps"), 12);
    assert_true(number_of(found, "active_fraction") > 0.05);
    json_array_foreach(kernels, i, each)
        check_kernel(each, number_of(found, "peak_gflops"), number_of(found, "peak_gbytes"));
    check_table_is_timed(kernels);
    json_decref(found);
}

static void test_step_as_json(void **state)
{
    (void)state;
    json_t *found =
        run_bench(NCA_PROGRAM " bench", "step --device cpu --batch 2 --grid 9x12 --steps 5 "
                                        "--active 0.3 --repeats 1 --warmup 0 --threads 1");
    const double seconds = 1e-3 * number_of(found, "median_ms");
    const double dense = number_of(found, "dense_cells_per_second");
    assert_near(dense * seconds, 2 * 9 * 12 * 5);
    assert_near(number_of(found, "active_cells_per_second"),
                dense * number_of(found, "active_fraction"));
    // The network forward and backward: 16,384 and 45,056 flop an active cell. Where the gradient
    // does not reach every active cell there is a little less.
    const double most = number_of(found, "active_cells_per_second") * (16384 + 45056) * 1e-9;
    const double gflops = number_of(found, "gflops");
    assert_true(gflops <= 1.001 * most && gflops >= 0.8 * most);
    // Vectors that a compiler made of plain C are faster than its peak: nothing is a share of it.
    if (!json_is_null(json_object_get(found, "share_of_peak")))
        assert_near(number_of(found, "share_of_peak"),
                    gflops / number_of(found, "peak_gflops_per_core"));
    else
        assert_true(fmax(number_of(found, "forward_gflops_per_core"),
                         number_of(found, "backward_gflops_per_core")) >
                    number_of(found, "peak_gflops_per_core"));
    assert_true(number_of(found, "gbytes") > 0 && number_of(found, "peak_gbytes") > 0);
    json_decref(found);
}

static size_t list_everything(const char *program, const char *arguments, const char *subject)
{
    json_t *all = run_bench(program, arguments), *each;
    const size_t count = json_array_size(all);
    size_t i;
    json_array_foreach(all, i, each) assert_string_equal(text_of(each, "subject"), subject);
    json_decref(all);
    return count;
}

// Every device; and both variants' kernels where there are two.
static void test_everything_is_a_list(void **state)
{
    (void)state;
#define SHORT "--case 3x5 --repeats 1 --warmup 0 --threads 1"
    const size_t steps = list_everything(NCA_PROGRAM " bench", SHORT, "step");
    assert_true(steps >= 1);
    assert_int_equal(list_everything(NCA_PROGRAM " bench", "step --device all " SHORT, "step"),
                     steps);
    assert_int_equal(list_everything(NCA_PROGRAM " bench", "all " SHORT, "step"), steps);
    assert_true(list_everything(NCA_BENCH_KERNELS, "--device all " SHORT, "kernels") >= 2);
#undef SHORT
}

// A rollout there and back in which every one of 32 cells lives and fires.
static nca_session *open_living(const nca_compute *on)
{
    static const nca_shape shape = NCA_GROWING_SHAPE(1, 4, 8, 1, 3, 16, 128);
    const nca_rollout rollout = {.steps = 3,
                                 .fire_rate = 1,
                                 .step_size = 1,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD,
                                 .keep_tape = true};
    nca_session *session = open_session(on, &shape);
    float *parameters = uniform(total_of(&shape), 1, 0.01);
    float *states = uniform(batch_of(&shape), 2, 1);
    for (size_t i = NCA_ALPHA; i < batch_of(&shape); i += 16)
        states[i] = 1;
    write_buffer(on, session, NCA_PARAMETERS, total_of(&shape), parameters);
    write_buffer(on, session, NCA_BATCH, batch_of(&shape), states);
    assert_ok(on->backend->forward(session, &rollout, NULL, error));
    assert_ok(on->backend->backward(session, NULL, error));
    free(parameters);
    free(states);
    return session;
}

static void check_work(nca_session *session, const char *name, double flop, double bytes)
{
    nca_kernel_report report;
    for (int i = 0;; i++) {
        assert_ok(nca_cpu_kernel(session, i, 1, &report, error));
        if (!report.name)
            fail_msg("no kernel %s", name);
        if (strcmp(report.name, name) == 0)
            break;
    }
    if (report.flop != flop || report.bytes != bytes)
        fail_msg("%s: %.0f flop, %.0f bytes; by hand %.0f and %.0f", name, report.flop,
                 report.bytes, flop, bytes);
}

// 32 cells of 16 channels and 128 units; 48 x 128 + 128 + 128 x 16 + 16 = 8336 parameters; one
// band.
static void test_work_is_what_a_calculation_by_hand_gives(void **state)
{
    (void)state;
    for (int i = 0; isas[i]; i++) {
        nca_compute on;
        if (!open_cpu(isas[i], 1, &on))
            continue;
        nca_session *session = open_living(&on);
        check_work(session, "perceive", 32 * 16 * 30, 32 * 64 + 32 * 192);
        check_work(session, "mlp", 32 * 2 * (48 * 128 + 128 * 16), 32 * (192 + 64) + 4 * 8336);
        check_work(session, "gather", 0, 2 * 32 * 64);
        check_work(session, "update", 21 * 8336, 7 * 4 * 8336);
        check_work(session, "loss", 12 * 32, 32 * 64 + 32 * 16);
        on.backend->destroy(session);
        nca_compute_close(&on);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_as_json),
        cmocka_unit_test(test_step_as_json),
        cmocka_unit_test(test_everything_is_a_list),
        cmocka_unit_test(test_work_is_what_a_calculation_by_hand_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
