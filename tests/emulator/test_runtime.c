// The emulator's CUDA runtime, as the host sees it: copies, streams and events, graphs and what
// must not be done while one is captured, kinds of machines, and errors that stay.
#include "device_arrays.h"

#include <cublas_v2.h>

static void test_copies(void **state)
{
    (void)state;
    int from[12], to[12] = {0};
    for (int i = 0; i < 12; i++)
        from[i] = i;
    int *there = on_device(from, sizeof from), *other = on_device(NULL, sizeof from);
    assert_int_equal(cudaMemcpy(other, there, sizeof from, cudaMemcpyDeviceToDevice), cudaSuccess);
    assert_int_equal(cudaMemset(other + 11, 0x11, sizeof(int)), cudaSuccess);
    assert_int_equal(cudaMemcpy(to, other, sizeof to, cudaMemcpyDefault), cudaSuccess);
    assert_memory_equal(to, from, 11 * sizeof(int));
    assert_int_equal(to[11], 0x11111111);
    // Rows of 2 of 4 into rows of 3.
    assert_int_equal(cudaMemcpy2D(to, 3 * sizeof(int), there, 4 * sizeof(int), 2 * sizeof(int), 3,
                                  cudaMemcpyDeviceToHost),
                     cudaSuccess);
    assert_memory_equal(to, ((int[]){0, 1, 2, 4, 5, 5, 8, 9}), 8 * sizeof(int));
}

static void test_wrong_copies(void **state)
{
    (void)state;
    char here[64] = {0}, *there = on_device(here, sizeof here);
    assert_int_equal(cudaMemcpy(there, here, 65, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    assert_int_equal(cudaMemcpy(here, there + 1, 64, cudaMemcpyDeviceToHost),
                     cudaErrorInvalidValue);
    assert_int_equal(cudaMemcpy(here, there, 4, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    assert_int_equal(cudaMemcpy(here, here, 4, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
    assert_int_equal(cudaMemset(here, 0, 4), cudaErrorInvalidValue);
    assert_int_equal(cudaFree(there + 1), cudaErrorInvalidValue);
    assert_int_equal(cudaFree(there), cudaSuccess);
    assert_int_equal(cudaFree(there), cudaErrorInvalidValue);
    assert_int_equal(cudaMemset(there, 0, 4), cudaErrorInvalidValue);
    assert_non_null(strstr(nca_emulator_message(), "memory that was freed"));
    // Such an error is told once and breaks nothing.
    assert_int_equal(cudaGetLastError(), cudaErrorInvalidValue);
    assert_int_equal(cudaGetLastError(), cudaSuccess);
    assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
}

static void check_values(const float *there, int count, float expected)
{
    float values[100];
    fetch(values, there, (size_t)count * sizeof(float));
    for (int i = 0; i < count; i++)
        assert_true(values[i] == expected);
}

static void test_graph(void **state)
{
    (void)state;
    float values[100] = {0}, here = 5;
    float *there = on_device(values, sizeof values);
    cudaStream_t stream;
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    cublasHandle_t handle;
    const float one = 1, zero = 0;
    assert_int_equal(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    assert_int_equal(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
    assert_int_equal(cublasSetStream(handle, stream), CUBLAS_STATUS_SUCCESS);
    // x = 2 x + 3 on all, then x = x^2 on the first by cuBLAS, then the host's number on the last.
    assert_int_equal(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    float factor = 2;
    assert_int_equal(test_scale(there, 100, factor, 3, stream), cudaSuccess);
    factor = 1000;
    assert_int_equal(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, there, 1, there,
                                 1, &zero, there, 1),
                     CUBLAS_STATUS_SUCCESS);
    assert_int_equal(
        cudaMemcpyAsync(there + 99, &here, sizeof here, cudaMemcpyHostToDevice, stream),
        cudaSuccess);
    assert_int_equal(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    check_values(there, 100, 0);   // nothing ran yet
    size_t nodes = 0;
    assert_int_equal(cudaGraphGetNodes(graph, NULL, &nodes), cudaSuccess);
    assert_int_equal(nodes, 3);
    assert_int_equal(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
    assert_int_equal(cudaGraphDestroy(graph), cudaSuccess);
    const uint64_t before = nca_emulator_launches_of("scale");
    for (int i = 0; i < 2; i++) {
        here = (float)(7 + i);
        assert_int_equal(cudaGraphLaunch(exec, stream), cudaSuccess);
    }
    assert_int_equal(cudaStreamSynchronize(stream), cudaSuccess);
    assert_int_equal(nca_emulator_launches_of("scale"), before + 2);
    check_values(there, 1, (2 * 9 + 3) * (2 * 9 + 3));
    check_values(there + 1, 98, 9);
    check_values(there + 99, 1, 8);
    assert_int_equal(cudaGraphExecDestroy(exec), cudaSuccess);
    cublasDestroy(handle);
    cudaStreamDestroy(stream);
}

// A second stream joins by an event, and only nodes of one graph replace those of another.
static void test_graph_of_two_streams(void **state)
{
    (void)state;
    float values[10] = {0};
    float *there = on_device(values, sizeof values);
    cudaStream_t stream, other;
    cudaEvent_t fork, join;
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    cudaGraphExecUpdateResultInfo result;
    cudaStreamCreate(&stream), cudaStreamCreate(&other);
    cudaEventCreateWithFlags(&fork, cudaEventDisableTiming),
        cudaEventCreateWithFlags(&join, cudaEventDisableTiming);
    for (int time = 0; time < 2; time++) {
        cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal);
        test_scale(there, 10, 1, time ? 10 : 1, stream);
        cudaEventRecord(fork, stream);
        cudaStreamWaitEvent(other, fork, 0);
        test_scale(there, 10, 2, 0, other);
        cudaEventRecord(join, other);
        cudaStreamWaitEvent(stream, join, 0);
        assert_int_equal(cudaStreamEndCapture(stream, &graph), cudaSuccess);
        if (time == 0)
            assert_int_equal(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
        else
            assert_int_equal(cudaGraphExecUpdate(exec, graph, &result), cudaSuccess);
        cudaGraphDestroy(graph);
        assert_int_equal(cudaGraphLaunch(exec, stream), cudaSuccess);
        check_values(there, 10, time ? 24 : 2);
    }
    cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal);
    test_scale(there, 10, 1, 1, stream);
    assert_int_equal(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    assert_int_equal(cudaGraphExecUpdate(exec, graph, &result), cudaErrorGraphExecUpdateFailure);
    assert_int_equal(result.result, cudaGraphExecUpdateErrorTopologyChanged);
    cudaGraphDestroy(graph), cudaGraphExecDestroy(exec);
    cudaEventDestroy(fork), cudaEventDestroy(join);
    cudaStreamDestroy(stream), cudaStreamDestroy(other);
}

static void test_what_a_capture_forbids(void **state)
{
    (void)state;
    void *there = on_device(NULL, 64), *more = NULL;
    for (int what = 0; what < 4; what++) {
        cudaStream_t stream;
        cudaGraph_t graph = NULL;
        cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
        assert_int_equal(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
        const cudaError_t error = what == 0   ? cudaMalloc(&more, 64)
                                  : what == 1 ? cudaStreamSynchronize(stream)
                                  : what == 2 ? cudaMemcpy(there, "abc", 4, cudaMemcpyHostToDevice)
                                              : cudaDeviceSynchronize();
        assert_int_equal(error, cudaErrorStreamCaptureUnsupported);
        assert_int_equal(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
        assert_null(graph);
        cudaStreamDestroy(stream);
        assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
    }
}

static void test_events(void **state)
{
    (void)state;
    cudaEvent_t start, end, untimed;
    float time_ms = -1;
    cudaEventCreate(&start), cudaEventCreate(&end),
        cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming);
    assert_int_equal(cudaEventElapsedTime(&time_ms, start, end), cudaErrorInvalidResourceHandle);
    cudaEventRecord(start, NULL), cudaEventRecord(untimed, NULL), cudaEventRecord(end, NULL);
    assert_int_equal(cudaEventElapsedTime(&time_ms, start, untimed),
                     cudaErrorInvalidResourceHandle);
    assert_int_equal(cudaEventSynchronize(end), cudaSuccess);
    assert_int_equal(cudaEventElapsedTime(&time_ms, start, end), cudaSuccess);
    assert_true(time_ms >= 0 && time_ms < 10000);
    cudaEventDestroy(start), cudaEventDestroy(end), cudaEventDestroy(untimed);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    void *first = NULL, *second = NULL;
    size_t free_bytes = 0, total_bytes = 0;
    nca_emulator_get()->memory_bytes = 1000;
    assert_int_equal(cudaMalloc(&first, 600), cudaSuccess);
    assert_int_equal(cudaMalloc(&second, 600), cudaErrorMemoryAllocation);
    assert_null(second);
    assert_int_equal(cudaGetLastError(), cudaErrorMemoryAllocation);
    assert_int_equal(cudaMemGetInfo(&free_bytes, &total_bytes), cudaSuccess);
    assert_int_equal(free_bytes, 400);
    assert_int_equal(total_bytes, 1000);
    assert_int_equal(cudaFree(first), cudaSuccess);
    assert_int_equal(cudaMalloc(&second, 600), cudaSuccess);
}

static void test_machines(void **state)
{
    (void)state;
    int count = -1;
    cudaDeviceProp properties;
    nca_emulator_get()->devices = 3;
    assert_int_equal(cudaGetDeviceCount(&count), cudaSuccess);
    assert_int_equal(count, 3);
    assert_int_equal(cudaSetDevice(3), cudaErrorInvalidDevice);
    assert_int_equal(cudaSetDevice(2), cudaSuccess);
    assert_int_equal(cudaGetDeviceProperties(&properties, 2), cudaSuccess);
    assert_string_equal(properties.name, "Emulated device 2");
    assert_int_equal(properties.warpSize, 32);
    assert_int_equal(cudaSetDevice(0), cudaSuccess);
    nca_emulator_get()->devices = 0;
    assert_int_equal(cudaGetDeviceCount(&count), cudaErrorNoDevice);
    assert_int_equal(count, 0);
    nca_emulator_get()->driver_version = 12040;
    assert_int_equal(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
    assert_string_equal(cudaGetErrorName(cudaErrorInsufficientDriver),
                        "cudaErrorInsufficientDriver");
}

static void test_lost_device(void **state)
{
    (void)state;
    float values[10] = {0};
    float *there = on_device(values, sizeof values);
    nca_emulator_get()->lose_at_launch = (int)nca_emulator_launches() + 2;
    assert_int_equal(test_scale(there, 10, 1, 1, NULL), cudaSuccess);
    assert_int_equal(test_scale(there, 10, 1, 1, NULL), cudaErrorECCUncorrectable);
    assert_int_equal(cudaMemcpy(values, there, sizeof values, cudaMemcpyDeviceToHost),
                     cudaErrorECCUncorrectable);
    assert_int_equal(cudaGetLastError(), cudaErrorECCUncorrectable);
    assert_int_equal(cudaGetLastError(), cudaErrorECCUncorrectable);
}

static void test_wrong_launches(void **state)
{
    (void)state;
    assert_int_equal(test_scale(NULL, 0, 1, 1, NULL), cudaErrorInvalidConfiguration);
    assert_int_equal(cudaGetLastError(), cudaErrorInvalidConfiguration);
    assert_int_equal(cudaGetLastError(), cudaSuccess);
    assert_int_equal(test_cluster(NULL, 6, NULL), cudaErrorInvalidClusterSize);
    assert_int_equal(test_dynamic(NULL, 49153, NULL), cudaErrorInvalidValue);
    assert_non_null(strstr(nca_emulator_message(), "cudaFuncSetAttribute allowed 49152"));
    int sum = 0, *there = on_device(NULL, sizeof sum);
    assert_int_equal(test_dynamic_allow(100000), cudaSuccess);
    assert_int_equal(test_dynamic(there, 100000, NULL), cudaSuccess);
    fetch(&sum, there, sizeof sum);
    assert_int_equal(sum, 25000);
    assert_int_equal(test_dynamic(there, 100004, NULL), cudaErrorInvalidValue);
    assert_int_equal(test_dynamic_allow(300000), cudaErrorInvalidValue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_copies, reset_device),
        cmocka_unit_test_setup(test_wrong_copies, reset_device),
        cmocka_unit_test_setup(test_graph, reset_device),
        cmocka_unit_test_setup(test_graph_of_two_streams, reset_device),
        cmocka_unit_test_setup(test_what_a_capture_forbids, reset_device),
        cmocka_unit_test_setup(test_events, reset_device),
        cmocka_unit_test_setup(test_out_of_memory, reset_device),
        cmocka_unit_test_setup(test_machines, reset_device),
        cmocka_unit_test_setup(test_lost_device, reset_device),
        cmocka_unit_test_setup(test_wrong_launches, reset_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
