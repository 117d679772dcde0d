// Gradient norms, its transforms in their order, and Adam, in f64 like on the other backends.
#include "launch.cuh"

#include <float.h>

#include "masks.cuh"

// A rule has a few thousand parameters: one block does an update, and so needs no other.
enum { THREADS = 512 };

// The sum over the block in a fixed order, in all threads. Eleven barriers.
static __device__ double add_up(double own, double *shared)
{
    shared[threadIdx.x] = own;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if ((int)threadIdx.x < half)
            shared[threadIdx.x] += shared[threadIdx.x + half];
        __syncthreads();
    }
    const double sum = shared[0];
    __syncthreads();
    return sum;
}

static __device__ double norm_of(const double *x, size_t count, double *shared)
{
    double squares = 0;
    for (size_t i = threadIdx.x; i < count; i += blockDim.x)
        squares += x[i] * x[i];
    return sqrt(add_up(squares, shared));
}

static __device__ void scale_by(double factor, double *x, size_t count)
{
    for (size_t i = threadIdx.x; i < count; i += blockDim.x)
        x[i] *= factor;
    __syncthreads();
}

static __device__ void transform(const nca_layout &layout, int kind, double value, double *gradient,
                                 double *shared)
{
    if (kind == NCA_GRADIENT_NORMALIZE) {
        for (int t = 0; t < layout.tensors; t++) {
            double *tensor = gradient + layout.offset[t];
            const double norm = norm_of(tensor, layout.size[t], shared);
            scale_by(1 / (norm + 1e-8), tensor, layout.size[t]);
        }
    } else if (kind == NCA_GRADIENT_CLIP) {
        for (size_t i = threadIdx.x; i < layout.total; i += blockDim.x)
            gradient[i] = fmin(fmax(gradient[i], -value), value);
        __syncthreads();
    } else {
        const double norm = norm_of(gradient, layout.total, shared);
        if (norm > value)
            scale_by(value / norm, gradient, layout.total);
    }
}

// The larger one; a NaN stays, where fmax() would drop it.
static __device__ double larger_of(double a, double b)
{
    return b > a || b != b ? b : a;
}

// Source: Kingma and Ba 2015, algorithm 1. The largest |parameter| of those this thread changed.
static __device__ double adam_step(const nca_cuda_adam &adam)
{
    const nca_optimizer_step &step = adam.step;
    double largest = 0;
    for (size_t i = threadIdx.x; i < adam.layout.total; i += blockDim.x) {
        const double g = adam.scratch[i];
        const double m = step.beta1 * adam.mean[i] + (1 - step.beta1) * g;
        const double v = step.beta2 * adam.square[i] + (1 - step.beta2) * g * g;
        adam.mean[i] = (float)m;
        adam.square[i] = (float)v;
        adam.parameters[i] -= (float)(adam.own.rate * (m / adam.mean_bias) /
                                      (sqrt(v / adam.square_bias) + step.epsilon));
        largest = larger_of(largest, fabs((double)adam.parameters[i]));
    }
    return largest;
}

static __device__ double largest_of(double own, double *shared)
{
    shared[threadIdx.x] = own;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if ((int)threadIdx.x < half)
            shared[threadIdx.x] = larger_of(shared[threadIdx.x], shared[threadIdx.x + half]);
        __syncthreads();
    }
    return shared[0];
}

// One update of parameters [P] and the optimizer's state; only the report changes where a gradient
// is not finite or its square beyond f32.
//   launch  1 block x 512 threads;  shared: 4 KiB
//   moves   some 40 bytes a parameter, and 16 for every transform; does 20 to 30 flop in f64
//   one barrier and eleven for each norm, one for each tensor that stays, ten for the largest
//   parameter; the transforms' own
//   nothing aliases;  reference: cpu/optimizer.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 3))
    update(const __grid_constant__ nca_cuda_adam adam, nca_update_report *__restrict__ report)
{
    NCA_SHARED(double, shared, [THREADS]);
    const nca_layout &layout = adam.layout;
    bool applies = adam.own.apply;   // the same in all threads
    for (size_t i = threadIdx.x; i < layout.total; i += blockDim.x)
        adam.scratch[i] = adam.gradient[i];
    __syncthreads();
    for (int t = 0; t < layout.tensors; t++) {
        const double norm = norm_of(adam.scratch + layout.offset[t], layout.size[t], shared);
        applies = applies && norm <= DBL_MAX;   // false for a NaN too
        if (threadIdx.x == 0)
            report->gradient_norm[t] = norm;
    }
    for (int t = 0; t < layout.tensors; t++)
        if (adam.stays[t])
            scale_by(0, adam.scratch + layout.offset[t], layout.size[t]);
    double largest = 0;
    if (applies) {
        for (int i = 0; i < adam.step.transforms; i++)
            transform(layout, adam.step.transform[i].kind, adam.step.transform[i].value,
                      adam.scratch, shared);
        // Adam's second moment holds squares: one beyond f32 would be infinite for ever.
        const double norm = norm_of(adam.scratch, layout.total, shared);
        applies = norm * norm <= (double)FLT_MAX;
    }
    if (applies)
        largest = largest_of(adam_step(adam), shared);
    if (threadIdx.x == 0) {
        report->parameter_max = largest;
        report->applied = applies;
    }
}

cudaError_t nca_cuda_update(const nca_cuda_adam *adam, nca_update_report *report,
                            cudaStream_t stream)
{
    return NCA_LAUNCH(update, dim3(1), dim3(THREADS), 0, stream, *adam, report);
}
