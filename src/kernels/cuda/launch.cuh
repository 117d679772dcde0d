// How the kernels are launched and where their shared memory is: the one place where the compilers
// differ, but for instructions that C++ cannot say (mma.cuh).
//
// nvcc compiles the .cu files for the GPU; tests/emulator compiles the same files with the host
// compiler (NCA_EMULATOR defined). Standard C++ knows neither <<<...>>> nor __shared__, so both are
// spelled through this header, and a .cu file includes it instead of <cuda_runtime.h>:
//
//   NCA_LAUNCH(kernel, grid, block, shared_bytes, stream, arguments...)
//       Launches; is a cudaError_t. The arguments are converted to the kernel's parameter types. An
//       instance of a template stands in parentheses: NCA_LAUNCH((mlp<16, 128>), ...).
//   NCA_LAUNCH_OVERLAPPED(kernel, overlaps, grid, block, shared_bytes, stream, arguments...)
//       The same; where `overlaps`, which needs nca_can_overlap(), its blocks may begin before the
//       launch directly before it in the stream has ended. Every thread calls nca_wait_for_last().
//       Until then it writes no global memory, and reads none that the launch before writes; what
//       was written earlier is there.
//   NCA_LAUNCH_CLUSTER(kernel, cluster, grid, block, shared_bytes, stream, arguments...)
//       The same in clusters of `cluster` blocks (sm_90 and up).
//   NCA_LAUNCH_COOPERATIVE(kernel, grid, block, shared_bytes, stream, arguments...)
//       The same with all blocks resident at once, so that they may wait for each other.
//   NCA_SHARED(float, tile, [8][33]);
//       Shared memory of a size known when compiled: __shared__ float tile[8][33], 16-byte aligned.
//       For a scalar the last argument is empty. One statement at the start of a block of the
//       kernel's own code, reached by the same way in all its threads.
//   NCA_SHARED_DYNAMIC(float, name);
//       float *const name = the shared_bytes of the launch, 16-byte aligned.
//   const __grid_constant__ parameters
//       A struct that all threads read where the launch put it; none may change it.
//   __launch_bounds__(threads, nca_blocks_min(threads, blocks))
//       A thread gets so few registers that a multiprocessor holds so many blocks, or as many as
//       it can.
//
// More than 48 KB of dynamic shared memory needs nca_launch_prepare() first, on both.
#ifndef NCA_KERNELS_CUDA_LAUNCH_CUH
#define NCA_KERNELS_CUDA_LAUNCH_CUH

#include <cuda_runtime.h>

// What a multiprocessor holds of threads and, at least, of blocks.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
enum { NCA_RESIDENT_THREADS = 1024, NCA_RESIDENT_BLOCKS = 16 };
#elif defined(__CUDA_ARCH__) && (__CUDA_ARCH__ / 10 % 10 > 5 || __CUDA_ARCH__ >= 1200)
enum { NCA_RESIDENT_THREADS = 1536, NCA_RESIDENT_BLOCKS = 16 };   // 8.6, 8.9, 12.0
#else
enum { NCA_RESIDENT_THREADS = 2048, NCA_RESIDENT_BLOCKS = 32 };   // 8.0, 9.0, 10.0
#endif

static constexpr int nca_blocks_min(int threads, int blocks)
{
    const int most = NCA_RESIDENT_THREADS / threads;
    const int held = most < NCA_RESIDENT_BLOCKS ? most : NCA_RESIDENT_BLOCKS;
    return blocks < held ? blocks : held;
}

struct nca_launch_shape {
    dim3 grid, block;
    size_t shared_bytes;
    cudaStream_t stream;
    dim3 cluster = dim3(1, 1, 1);   // none
    bool cooperative = false;       // all blocks at once
    bool overlaps = false;          // the launch before it
};

#ifdef NCA_EMULATOR
#define NCA_LAUNCH_NAMED(name) nca_emulator_name_launch(name)
#define NCA_SHARED(type, name, extent) NCA_EMULATOR_SHARED(type, name, extent)
#define NCA_SHARED_DYNAMIC(type, name) NCA_EMULATOR_SHARED_DYNAMIC(type, name)
#else
#define NCA_LAUNCH_NAMED(name) ((void)0)
#define NCA_SHARED(type, name, extent) __shared__ __align__(16) type name extent
#define NCA_SHARED_DYNAMIC(type, name)                                                             \
    extern __shared__ __align__(16) unsigned char nca_dynamic_shared[];                            \
    type *const name = reinterpret_cast<type *>(nca_dynamic_shared)
#endif

template <typename... Parameters, typename... Arguments>
inline cudaError_t nca_launch(const nca_launch_shape &shape, void (*kernel)(Parameters...),
                              Arguments... arguments)
{
    cudaLaunchAttribute attributes[3];
    cudaLaunchConfig_t config = {};
    config.gridDim = shape.grid;
    config.blockDim = shape.block;
    config.dynamicSmemBytes = shape.shared_bytes;
    config.stream = shape.stream;
    config.attrs = attributes;
    if (shape.cluster.x * shape.cluster.y * shape.cluster.z > 1) {
        cudaLaunchAttribute &cluster = attributes[config.numAttrs++];
        cluster.id = cudaLaunchAttributeClusterDimension;
        cluster.val.clusterDim.x = shape.cluster.x;
        cluster.val.clusterDim.y = shape.cluster.y;
        cluster.val.clusterDim.z = shape.cluster.z;
    }
    if (shape.cooperative) {
        cudaLaunchAttribute &cooperative = attributes[config.numAttrs++];
        cooperative.id = cudaLaunchAttributeCooperative;
        cooperative.val.cooperative = 1;
    }
    if (shape.overlaps) {
        cudaLaunchAttribute &overlaps = attributes[config.numAttrs++];
        overlaps.id = cudaLaunchAttributeProgrammaticStreamSerialization;
        overlaps.val.programmaticStreamSerializationAllowed = 1;
    }
    return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

// Waits until the launch before has ended, then lets the next one begin. In this order, so that a
// launch begins only when everything before the last one has ended.
static __device__ inline void nca_wait_for_last()
{
#ifdef NCA_EMULATOR
    nca_emulator_wait_for_last();
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// Whether nca_wait_for_last() waits in this kernel: compiled for an older device, it does nothing,
// whatever device the kernel runs on.
static inline bool nca_can_overlap(const cudaFuncAttributes &compiled)
{
    return compiled.ptxVersion >= 90;
}

// Lets every launch of a kernel take the most shared memory a block may have, whatever launches of
// other sizes need, and asks for a multiprocessor's memory to be shared memory as far as it can be,
// so that as many blocks fit as have room.
template <typename... Parameters>
inline cudaError_t nca_launch_prepare(void (*kernel)(Parameters...), size_t shared_bytes_max)
{
    const cudaError_t error = cudaFuncSetAttribute(
        kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared_bytes_max);
    if (error != cudaSuccess)
        return error;
    return cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                cudaSharedmemCarveoutMaxShared);
}

#define NCA_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                 \
    (NCA_LAUNCH_NAMED(#kernel),                                                                    \
     nca_launch({grid, block, shared_bytes, stream}, kernel, ##__VA_ARGS__))
#define NCA_LAUNCH_OVERLAPPED(kernel, overlaps, grid, block, shared_bytes, stream, ...)            \
    (NCA_LAUNCH_NAMED(#kernel),                                                                    \
     nca_launch({grid, block, shared_bytes, stream, dim3(1, 1, 1), false, overlaps}, kernel,       \
                ##__VA_ARGS__))
#define NCA_LAUNCH_CLUSTER(kernel, cluster, grid, block, shared_bytes, stream, ...)                \
    (NCA_LAUNCH_NAMED(#kernel),                                                                    \
     nca_launch({grid, block, shared_bytes, stream, cluster}, kernel, ##__VA_ARGS__))
#define NCA_LAUNCH_COOPERATIVE(kernel, grid, block, shared_bytes, stream, ...)                     \
    (NCA_LAUNCH_NAMED(#kernel),                                                                    \
     nca_launch({grid, block, shared_bytes, stream, dim3(1, 1, 1), true}, kernel, ##__VA_ARGS__))

#endif
