// What the host files of the CUDA backend share: device, session, and how errors become words.
#ifndef NCA_CUDA_BACKEND_H
#define NCA_CUDA_BACKEND_H

#include "kernels.h"
#include "nca/front.h"

typedef enum nca_cuda_path { NCA_CUDA_AUTO, NCA_CUDA_FUSED, NCA_CUDA_CUBLAS } nca_cuda_path;

struct nca_device {
    int number;
    nca_cuda_path path;
    nca_cuda_precision precision;   // of the network's products
    int tape_every;                 // 0: chosen by itself
    int multiprocessors;
    size_t memory_bytes, shared_bytes_max, cache_bytes;   // cache: the last before memory
    char name[128];
};

// Kinds of planes; see kernels.h.
enum {
    NCA_PLANE_FIRE,
    NCA_PLANE_MATURE,
    NCA_PLANE_SETTLED,
    NCA_PLANE_ALIVE,
    NCA_PLANE_ACTIVE,
    NCA_PLANES,
};

// A graph of a whole pass of so many steps.
typedef struct nca_cuda_graph {
    int steps;
    bool is_backward;
    cudaGraphExec_t graph;
} nca_cuda_graph;

// A report that is on its way to the host.
typedef struct nca_cuda_pending {
    enum { NCA_PENDING_PASS, NCA_PENDING_SAMPLES, NCA_PENDING_UPDATE } kind;
    void *report;   // the caller's
    void *staged;   // pinned memory
    cudaEvent_t begin, end;
    bool is_timed;
    nca_pass_report pass;   // what is known already
    double flop;            // of an active cell
} nca_cuda_pending;

enum { NCA_PENDING_MAX = 8, NCA_GRAPHS_MAX = 256 };

// A layer of the network on the cuBLAS path, and its matrices of at most row_count cells.
typedef struct nca_cuda_layer {
    int inputs, outputs;
    const float *weight, *bias;   // [outputs,inputs], [outputs]
    float *dweight, *dbias;       // their places in the gradient
    float *out, *dout;            // [rows,outputs]
} nca_cuda_layer;

struct nca_session {
    nca_session_head head;   // first
    nca_device *device;
    nca_layout layout;
    nca_cuda_grid grid;
    bool is_fused;
    bool overlaps;   // a step's launch may begin before the one before it has ended
    int forward_blocks_per_region, backward_blocks_per_region;   // blocks that share a region
    int every;   // distance of the states on the tape
    int slots, planes;
    cudaStream_t stream;
    struct cublasContext *blas;   // its own handle and so workspace; NULL until it needs one

    void *memory, *pinned;
    float *buffer[NCA_BUFFERS];
    float *states;                 // [slots,B,H,W,C]
    uint32_t *plane[NCA_PLANES];   // [planes,B,H,words]
    uint32_t *listed;              // [B,H,words]
    uint32_t *owned;               // [B,H,words] cells of one rule, where rules share samples
    // Only with a mixing matrix: the state before a step, the same mixed, and the mixed state's masks.
    float *unmixed, *mixed;                   // [B,H,W,C]
    uint32_t *mixed_mature, *mixed_settled;   // [B,H,words]
    nca_cuda_rollout *rollout_values;
    nca_cuda_rule rule;
    bool rule_is_stale;
    uint64_t *counted;         // [B,regions]
    float *gradient, *dp[2];   // of states; of what cells send: kernels.h
    float *sums;               // [B,blocks,P]
    int *rows;                 // [B] of the pool
    float *exchanged;          // [H,W,frozen] on their way into a sample
    nca_cuda_judge judge;
    nca_sample_report *samples;
    nca_update_report *updated;   // [R]
    double *scratch;              // [P]

    // cuBLAS path: its layers from the first hidden one to the output, what cells perceive [rows,I]
    // and the gradient of that.
    nca_cuda_layer layer[NCA_LAYERS_MAX + 1];
    int layers, row_count;
    int movers;   // rules that move the cells of the samples, in turn: R
    float *p, *dp_rows;
    nca_cuda_list list;

    uint8_t *given_fire;   // of its own allocation
    size_t given_fire_bytes;

    nca_rollout rollout;   // the latest; what its rule has of its own stands in its own members
    int *kept_after;       // [kept] steps of it
    nca_cuda_graph graph[NCA_GRAPHS_MAX];
    int graphs;
    nca_cuda_pending pending[NCA_PENDING_MAX];
    int pendings;
};

// The backend's name in --device and in messages.
#ifdef NCA_EMULATOR
#define NCA_CUDA_NAME "emulator"
#else
#define NCA_CUDA_NAME "cuda"
#endif

// device.c
nca_status nca_cuda_open(const nca_device_options *options, nca_device **out, nca_error *error);
void nca_cuda_close(nca_device *device);
void nca_cuda_describe(const nca_device *device, nca_device_info *out);
// NCA_OK, or a failure in words: what was tried, the runtime's reason, the way out.
nca_status nca_cuda_check(const nca_device *device, cudaError_t code, const char *what,
                          nca_error *error);
// Makes the device current in this thread: every entry of the seam begins with it, for the caller
// may have used another device meanwhile, or come by another thread.
nca_status nca_cuda_use(const nca_device *device, nca_error *error);
// Forwards a failure of the runtime or of a launch; needs `error`.
#define NCA_CUDA_TRY(device, call, what) NCA_TRY(nca_cuda_check((device), (call), (what), error))

// The path, and the precision where it is not f32: "fused", "cublas, tf32".
void nca_cuda_name_variant(const nca_device *device, nca_cuda_path path, char *text,
                           size_t text_bytes);

// session.c
uint64_t nca_cuda_session_bytes(const nca_device *device, const nca_shape *shape);
nca_status nca_cuda_session_create(nca_device *device, const nca_shape *shape, nca_session **out,
                                   nca_error *error);
void nca_cuda_session_destroy(nca_session *session);
void nca_cuda_session_about(const nca_session *session, nca_session_info *out);
// Whether it can do a rollout; opens cuBLAS where that computes it.
nca_status nca_cuda_session_ready(nca_session *session, nca_error *error);
static inline uint32_t *nca_cuda_plane_of(const nca_session *session, int kind, int step)
{
    return session->plane[kind] + (size_t)(step % session->planes) * nca_cuda_plane(&session->grid);
}

// buffers.c
nca_status nca_cuda_upload(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                           const float *from, nca_error *error);
nca_status nca_cuda_download(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                             float *to, nca_error *error);
nca_status nca_cuda_gather_rows(nca_session *session, const int *rows, nca_error *error);
nca_status nca_cuda_scatter_rows(nca_session *session, const int *rows, nca_error *error);
nca_status nca_cuda_damage_slot(nca_session *session, int slot, const nca_region *region,
                                nca_error *error);
nca_status nca_cuda_exchange_slot(nca_session *session, int slot, const float *values, double limit,
                                  nca_error *error);

// reports.c
// Room for a report that the device is about to fill; waits where there is none left. The report is
// handed over by synchronize() only after nca_cuda_pending_keep(), when all of its work is queued:
// that of a call which fails on the way belongs to a caller who may be gone by then.
nca_status nca_cuda_pending_take(nca_session *session, int kind, void *report,
                                 nca_cuda_pending **out, nca_error *error);
void nca_cuda_pending_keep(nca_session *session);
nca_status nca_cuda_synchronize(nca_session *session, nca_error *error);

// rollout.c
nca_status nca_cuda_forward(nca_session *session, const nca_rollout *rollout,
                            nca_pass_report *report, nca_error *error);
nca_status nca_cuda_backward(nca_session *session, nca_pass_report *report, nca_error *error);

// steps.c: one step of either path, forward and backward.
// `counts` is false where a thinned tape is computed again.
nca_status nca_cuda_step_forward(nca_session *session, int number, bool counts, nca_error *error);
nca_status nca_cuda_step_back(nca_session *session, int number, nca_error *error);
// Adds the gradients that the caller gave for the state after `steps` steps.
nca_status nca_cuda_add_given_after(nca_session *session, int steps, float *gradient,
                                    nca_error *error);
// Whether kept state number i is the one after `steps` steps.
static inline bool nca_cuda_is_kept(const nca_session *session, int i, int steps)
{
    const int after = session->kept_after[i], all = session->rollout.steps;
    return (after < all ? after : all) == steps;
}
// The fused path's kernel of a step, in the device's precision.
cudaError_t nca_cuda_launch_forward(const nca_session *session, const nca_cuda_step *step);
cudaError_t nca_cuda_launch_backward(const nca_session *session,
                                     const nca_cuda_step_backward *step);
nca_cuda_step nca_cuda_step_of(const nca_session *session, int step, bool counts);
nca_cuda_step_backward nca_cuda_step_backward_of(const nca_session *session, int step);
// nca_cuda_mix_back for the state before step `number`. Does nothing without a mixing matrix, and for
// the state after the last step, which is never mixed.
nca_status nca_cuda_unmix(nca_session *session, int number, float *gradient, nca_error *error);

// mix.c
bool nca_cuda_mixes(const nca_session *session);
// Its matrix and its arrays.
nca_cuda_mixing nca_cuda_mixing_of(const nca_session *session);
// Puts the state before a step into `unmixed`, without dead cells, and mixed into `mixed`.
nca_status nca_cuda_mix_state(nca_session *session, const nca_cuda_step *step, nca_error *error);
// Lets a step begin with the mixed state.
void nca_cuda_step_from_mixed(const nca_session *session, nca_cuda_step *step);
// From the gradient of the mixed state before a step [B,H,W,C] to that of the state itself, in place,
// and adds to the gradient of the matrix. Overwrites `mixed`.
nca_status nca_cuda_mix_back(nca_session *session, const nca_cuda_step *step, float *gradient,
                             nca_error *error);
// After all of them: makes the gradient of the matrix symmetric.
nca_status nca_cuda_end_unmixing(nca_session *session, nca_error *error);

// learn.c
nca_status nca_cuda_measure_loss(nca_session *session, nca_sample_report *samples,
                                 nca_error *error);
nca_status nca_cuda_learn(nca_session *session, const nca_optimizer_step *step,
                          nca_update_report *report, nca_error *error);

// peak.c
double nca_cuda_peak(nca_device *device);
double nca_cuda_peak_bytes(nca_device *device);

// blas.c: row-major products through cuBLAS, on the session's stream.
// Loads the library, once for the whole process.
nca_status nca_cuda_blas_load(nca_error *error);
nca_status nca_cuda_blas_open(nca_session *session, nca_error *error);
void nca_cuda_blas_close(nca_session *session);
// c [rows,columns] = a [rows,inner] b, b [columns,inner] turned
nca_status nca_cuda_multiply_turned(const nca_session *session, int rows, int columns, int inner,
                                    const float *a, const float *b, float *c, nca_error *error);
// c [rows,columns] = a [rows,inner] b [inner,columns]
nca_status nca_cuda_multiply(const nca_session *session, int rows, int columns, int inner,
                             const float *a, const float *b, float *c, nca_error *error);
// c [rows,columns] += a [inner,rows] turned, b [inner,columns]
nca_status nca_cuda_multiply_add(const nca_session *session, int rows, int columns, int inner,
                                 const float *a, const float *b, float *c, nca_error *error);

#endif
