// A session's memory on the device: one block, laid out once to count its bytes and once to hand
// out its parts.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cuda_backend.h"

enum { ALIGN_BYTES = 256, REGION_CELLS = 8192, ROWS_MAX = 32768, PLANES_MIN = 16 };
enum {
    FORWARD_BLOCKS = 3,   // a multiprocessor
    CELLS_A_BLOCK = 64,
    BACKWARD_MEMBERS = 33,   // of a region
};

// What kernels may use without being allowed more.
enum { SHARED_BYTES = 48 << 10 };

// Memory handed out piece by piece; without a base it only counts.
typedef struct arena {
    uint8_t *base;
    size_t used;
    bool overflow;
} arena;

static void *take(arena *from, size_t count, size_t element_bytes)
{
    size_t bytes, end;
    if (__builtin_mul_overflow(count, element_bytes, &bytes) ||
        __builtin_add_overflow(bytes, ALIGN_BYTES - 1, &bytes) ||
        __builtin_add_overflow(from->used, bytes / ALIGN_BYTES * ALIGN_BYTES, &end)) {
        from->overflow = true;
        return NULL;
    }
    void *piece = from->base ? from->base + from->used : NULL;
    from->used = end;
    return piece;
}

static size_t multiply(arena *from, size_t a, size_t b)
{
    size_t product = 0;
    from->overflow |= __builtin_mul_overflow(a, b, &product);
    return product;
}

// Rows of a region: some 8192 cells, and masks that fit into shared memory.
static int region_rows_of(nca_cuda_grid grid)
{
    const int most = grid.width < REGION_CELLS ? REGION_CELLS / grid.width : 1;
    grid.region_rows = most < grid.height ? most : grid.height;
    while (grid.region_rows > 1 && nca_cuda_masks_shared_bytes(&grid) > SHARED_BYTES)
        grid.region_rows--;
    return grid.region_rows;
}

// How many blocks may share a region with something to do for each.
static int members_at_most(const nca_cuda_grid *grid)
{
    return (grid->region_rows * grid->width + CELLS_A_BLOCK - 1) / CELLS_A_BLOCK;
}

// Forward so many that every multiprocessor has all the blocks that fit: three.
static int forward_blocks_per_region(const nca_session *session)
{
    const int regions = session->grid.batch * session->grid.regions;
    const int wanted = session->device->multiprocessors * FORWARD_BLOCKS / regions;
    const int most = members_at_most(&session->grid);
    return wanted < 1 ? 1 : wanted < most ? wanted : most;
}

// Backward each has sums of its own, so their number follows from the grid alone: the gradient of a
// sample is the same on every device and in every batch. Eight samples of 72x72 fill two blocks a
// multiprocessor of a large GPU.
static int backward_blocks_per_region(const nca_cuda_grid *grid)
{
    const int most = members_at_most(grid);
    return most < BACKWARD_MEMBERS ? most : BACKWARD_MEMBERS;
}

// What the fused kernels are for, but for sizes: given gradients come between their steps.
static bool is_fusable(const nca_shape *shape)
{
    const nca_spec *spec = &shape->spec;
    return spec->perception != NCA_MOORE && spec->hidden[1] == 0 && spec->frozen == 0 &&
           spec->alive == NCA_ALIVE_MAXIMUM && !(spec->noise > 0) && !(spec->mix_bound > 0) &&
           !shape->shares_samples && shape->objective.kind != NCA_GIVEN;
}

// Sizes that follow from device and shape, but for the tape's.
static void set_sizes(nca_session *session, nca_device *device, const nca_shape *shape)
{
    nca_cuda_grid *grid = &session->grid;
    session->device = device;
    session->head.shape = *shape;
    session->layout = nca_layout_of(&shape->spec);
    session->movers = nca_shape_rules(shape);
    *grid = (nca_cuda_grid){.batch = shape->batch,
                            .height = shape->height,
                            .width = shape->width,
                            .channels = shape->spec.channels,
                            .hidden = shape->spec.hidden[0],
                            .words = (shape->width + 31) / 32,
                            .sums = shape->spec.perception == NCA_SUMMED};
    grid->region_rows = region_rows_of(*grid);
    grid->regions = (grid->height + grid->region_rows - 1) / grid->region_rows;
    session->is_fused = device->path != NCA_CUDA_CUBLAS && is_fusable(shape) &&
                        nca_cuda_fused_fits(grid, device->precision, device->shared_bytes_max);
    session->forward_blocks_per_region = forward_blocks_per_region(session);
    session->backward_blocks_per_region = backward_blocks_per_region(grid);
    session->planes = shape->tape_steps + 2 > PLANES_MIN ? shape->tape_steps + 2 : PLANES_MIN;
}

// The tape keeps every `every`th state, and has room for the states between two of them.
static void set_tape(nca_session *session, int every)
{
    const int steps = session->head.shape.tape_steps;
    session->every = every < 1 ? 1 : every;
    session->slots = steps < 1 ? 2 : (steps + every - 1) / every + every;
}

static void lay_out_buffers(arena *from, nca_session *session, size_t state)
{
    const nca_shape *shape = &session->head.shape;
    const size_t cells = multiply(from, (size_t)shape->height, (size_t)shape->width);
    const size_t sample = multiply(from, cells, (size_t)shape->spec.channels);
    const size_t parameters = session->layout.total * (size_t)session->movers;
    const nca_objective *objective = &shape->objective;
    const size_t target = multiply(from, cells, (size_t)nca_objective_channels(objective));
    const size_t elements[NCA_BUFFERS] = {
        [NCA_PARAMETERS] = parameters,
        [NCA_GRADIENT] = parameters,
        [NCA_OPTIMIZER] = NCA_OPTIMIZER_BLOCKS * parameters,
        [NCA_BATCH] = state,
        [NCA_BATCH_GRADIENT] = shape->tape_steps > 0 ? state : 0,
        [NCA_POOL] = multiply(from, sample, (size_t)shape->pool + (size_t)shape->beginnings),
        [NCA_TARGET] = multiply(from, target, objective->is_per_sample ? (size_t)shape->batch : 1),
        [NCA_LABELS] = objective->kind == NCA_CROSS_ENTROPY ? (size_t)shape->batch : 0,
        [NCA_OWNER] = shape->shares_samples ? multiply(from, cells, (size_t)shape->batch) : 0,
        [NCA_KEPT] = multiply(from, state, (size_t)shape->kept),
        [NCA_KEPT_GRADIENT] = multiply(from, state, (size_t)shape->kept),
    };
    for (int i = 0; i < NCA_BUFFERS; i++)
        session->buffer[i] = take(from, elements[i], sizeof(float));
}

static void lay_out_rule(arena *from, nca_session *session)
{
    const nca_layout *layout = &session->layout;
    const float *parameters = session->buffer[NCA_PARAMETERS];
    session->rule = (nca_cuda_rule){0};
    if (session->is_fused) {
        session->rule.hidden_columns = take(from, layout->size[NCA_HIDDEN_WEIGHT], sizeof(float));
        session->rule.output_columns = take(from, layout->size[NCA_OUTPUT_WEIGHT], sizeof(float));
    }
    if (!parameters)
        return;
    session->rule.hidden_weight = parameters + layout->offset[NCA_HIDDEN_WEIGHT];
    session->rule.hidden_bias = parameters + layout->offset[NCA_HIDDEN_BIAS];
    session->rule.output_weight = parameters + layout->offset[NCA_OUTPUT_WEIGHT];
    session->rule.output_bias = parameters + layout->offset[NCA_OUTPUT_BIAS];
}

// A layer of the cuBLAS path, whose tensors are `weight` and the one after it.
static nca_cuda_layer lay_out_layer(arena *from, const nca_session *session, int weight)
{
    const nca_tensor_shape shape = nca_tensor_shape_of(weight, &session->head.shape.spec);
    const size_t rows = (size_t)session->row_count;
    const size_t back = session->head.shape.tape_steps > 0 ? rows : 0;
    nca_cuda_layer layer = {
        .inputs = (int)shape.size[1],
        .outputs = (int)shape.size[0],
        .out = take(from, rows * shape.size[0], sizeof(float)),
        .dout = take(from, back * shape.size[0], sizeof(float)),
    };
    if (!session->buffer[NCA_PARAMETERS])
        return layer;
    layer.weight = session->buffer[NCA_PARAMETERS] + session->layout.offset[weight];
    layer.bias = session->buffer[NCA_PARAMETERS] + session->layout.offset[weight + 1];
    layer.dweight = session->buffer[NCA_GRADIENT] + session->layout.offset[weight];
    layer.dbias = session->buffer[NCA_GRADIENT] + session->layout.offset[weight + 1];
    return layer;
}

// The layers and matrices of the cuBLAS path.
static void lay_out_rows(arena *from, nca_session *session, size_t cells)
{
    const nca_spec *spec = &session->head.shape.spec;
    const size_t rows = cells < ROWS_MAX ? cells : ROWS_MAX;
    const size_t inputs = (size_t)nca_spec_inputs(spec);
    session->row_count = (int)rows;
    session->layers = 0;
    session->p = take(from, rows * inputs, sizeof(float));
    session->layer[session->layers++] = lay_out_layer(from, session, NCA_HIDDEN_WEIGHT);
    if (spec->hidden[1] > 0)
        session->layer[session->layers++] = lay_out_layer(from, session, NCA_HIDDEN2_WEIGHT);
    session->layer[session->layers++] = lay_out_layer(from, session, NCA_OUTPUT_WEIGHT);
    session->dp_rows =
        take(from, session->head.shape.tape_steps > 0 ? rows * inputs : 0, sizeof(float));
    session->list.cells = take(from, cells, sizeof(uint32_t));
}

// What the backward pass needs besides.
static void lay_out_gradients(arena *from, nca_session *session, size_t state, size_t regions)
{
    const size_t blocks = regions * (size_t)session->backward_blocks_per_region;
    session->gradient = take(from, state, sizeof(float));
    for (int i = 0; i < 2; i++)
        session->dp[i] =
            take(from, multiply(from, state, (size_t)nca_spec_groups(&session->head.shape.spec)),
                 sizeof(float));
    if (session->is_fused)
        session->sums = take(from, multiply(from, session->layout.total, blocks), sizeof(float));
}

// A state before a step and after a matrix mixed it.
static void lay_out_mixed(arena *from, nca_session *session, size_t state, size_t plane)
{
    session->unmixed = take(from, state, sizeof(float));
    session->mixed = take(from, state, sizeof(float));
    session->mixed_mature = take(from, plane, sizeof(uint32_t));
    session->mixed_settled = take(from, plane, sizeof(uint32_t));
}

// What a state is judged by.
static void lay_out_judge(arena *from, nca_session *session)
{
    const nca_shape *shape = &session->head.shape;
    session->judge = (nca_cuda_judge){
        .objective = shape->objective,
        .channels = nca_objective_channels(&shape->objective),
        .life_channel = nca_cuda_life_channel(&shape->spec),
        .spreads_life = shape->spec.alive == NCA_ALIVE_MAXIMUM,
        .target = session->buffer[NCA_TARGET],
        .labels = session->buffer[NCA_LABELS],
        .parts = take(from, (size_t)shape->batch * NCA_CUDA_LOSS_PARTS, sizeof(nca_cuda_loss_part)),
    };
}

static void lay_out(arena *from, nca_session *session)
{
    const nca_cuda_grid *grid = &session->grid;
    const size_t batch = (size_t)grid->batch;
    const size_t cells =
        multiply(from, multiply(from, (size_t)grid->height, (size_t)grid->width), batch);
    const size_t state = multiply(from, cells, (size_t)grid->channels);
    const size_t plane = nca_cuda_plane(grid), regions = batch * (size_t)grid->regions;
    lay_out_buffers(from, session, state);
    lay_out_rule(from, session);
    session->states = take(from, multiply(from, state, (size_t)session->slots), sizeof(float));
    for (int i = 0; i < NCA_PLANES; i++)
        session->plane[i] =
            take(from, multiply(from, plane, (size_t)session->planes), sizeof(uint32_t));
    session->listed = take(from, plane, sizeof(uint32_t));
    session->owned = take(from, session->movers > 1 ? plane : 0, sizeof(uint32_t));
    if (nca_cuda_mixes(session))
        lay_out_mixed(from, session, state, plane);
    session->rollout_values = take(from, 1, sizeof *session->rollout_values);
    session->counted = take(from, regions, sizeof *session->counted);
    session->list.counts = take(from, regions, sizeof *session->list.counts);
    session->rows = take(from, batch, sizeof *session->rows);
    lay_out_judge(from, session);
    session->exchanged =
        take(from, multiply(from, cells / batch, (size_t)session->head.shape.spec.frozen),
             sizeof(float));
    session->samples = take(from, batch, sizeof *session->samples);
    session->updated = take(from, (size_t)session->movers, sizeof *session->updated);
    session->scratch = take(from, session->layout.total, sizeof *session->scratch);
    if (session->head.shape.tape_steps > 0)
        lay_out_gradients(from, session, state, regions);
    if (!session->is_fused)
        lay_out_rows(from, session, cells);
}

static uint64_t count_bytes(const nca_session *session)
{
    nca_session counted = *session;
    arena count = {0};
    lay_out(&count, &counted);
    return count.overflow ? UINT64_MAX : count.used;
}

// The tape as it was asked for, or the densest that fits; the smallest where none does.
static uint64_t choose_tape(nca_session *session, size_t free_bytes)
{
    const int asked = session->device->tape_every;
    const int most =
        session->head.shape.tape_steps > 1 ? (int)sqrt(session->head.shape.tape_steps) : 1;
    if (asked > 0) {
        set_tape(session,
                 asked < session->head.shape.tape_steps ? asked : session->head.shape.tape_steps);
        return count_bytes(session);
    }
    for (int every = 1;; every++) {
        set_tape(session, every);
        const uint64_t bytes = count_bytes(session);
        if (bytes <= free_bytes || every >= most)
            return bytes;
    }
}

// What of the free memory a session may take: the runtime and cuBLAS need some.
static size_t usable_bytes(void)
{
    size_t free_bytes = 0, total_bytes = 0;
    if (cudaMemGetInfo(&free_bytes, &total_bytes) != cudaSuccess)
        return 0;
    return free_bytes - free_bytes / 32;
}

uint64_t nca_cuda_session_bytes(const nca_device *device, const nca_shape *shape)
{
    nca_session session = {0};
    cudaSetDevice(device->number);
    set_sizes(&session, (nca_device *)device, shape);
    return choose_tape(&session, usable_bytes());
}

static nca_status check_shape(const nca_shape *shape, nca_error *error)
{
    NCA_TRY(nca_front_check_shape(shape, error));
    if (nca_shape_sets(shape) > 1 || shape->keeps_sample_gradients)
        return nca_fail(error, NCA_ARGUMENT,
                        "--device %s: only computes one rule at a time, and no gradient of each "
                        "sample; use --device cpu for this",
                        NCA_CUDA_NAME);
    if ((uint64_t)shape->height * (uint64_t)shape->width * (uint64_t)shape->batch >= 1u << 31)
        return nca_fail(error, NCA_MEMORY,
                        "a batch of %d grids of %dx%d: 2147483648 cells are too many; choose a "
                        "smaller grid or batch",
                        shape->batch, shape->height, shape->width);
    return NCA_OK;
}

// What this device cannot do with these sizes.
static nca_status check_device(const nca_session *session, uint64_t bytes, size_t free_bytes,
                               nca_error *error)
{
    const nca_shape *shape = &session->head.shape;
    if (nca_cuda_masks_shared_bytes(&session->grid) > SHARED_BYTES)
        return nca_fail(error, NCA_ARGUMENT,
                        "a grid %d cells wide: too wide for one block's masks; use --device cpu",
                        shape->width);
    if (bytes <= free_bytes)
        return NCA_OK;
    return nca_fail(error, NCA_MEMORY,
                    "%d samples of %dx%dx%d, a pool of %d and %d steps need %s%.1f GiB and "
                    "device %d has %.1f free; choose a smaller grid, batch, pool or fewer steps",
                    shape->batch, shape->height, shape->width, shape->spec.channels, shape->pool,
                    shape->tape_steps, bytes == UINT64_MAX ? "more than " : "", nca_gib(bytes),
                    session->device->number, nca_gib(free_bytes));
}

// Whether the session's path can compute a rollout on this device.
static nca_status check_path(const nca_session *session, nca_error *error)
{
    const nca_device *device = session->device;
    if (session->is_fused)
        return NCA_OK;
    if (device->path == NCA_CUDA_FUSED)
        return nca_fail(error, NCA_ARGUMENT,
                        "--cuda-path fused: needs 16 channels, one layer of 128 hidden units, "
                        "perception sobel or summed, life by alpha, nothing frozen, no noise, no "
                        "mixing, no given gradients, one rule, and 96 KiB of shared memory a block "
                        "(here %zu); use "
                        "--cuda-path cublas",
                        device->shared_bytes_max >> 10);
    return nca_cuda_blas_load(error);
}

nca_status nca_cuda_session_ready(nca_session *session, nca_error *error)
{
    NCA_TRY(check_path(session, error));
    return session->is_fused || session->blas ? NCA_OK : nca_cuda_blas_open(session, error);
}

// Pinned memory: a report for each that may be on its way, and a list's total.
static size_t staged_bytes(const nca_session *session)
{
    const size_t batch = (size_t)session->head.shape.batch;
    const size_t regions = batch * (size_t)session->grid.regions * sizeof(uint64_t);
    const size_t samples = batch * sizeof(nca_sample_report);
    const size_t most = regions > samples ? regions : samples;
    const size_t updates = (size_t)session->movers * sizeof(nca_update_report);
    return ((most > updates ? most : updates) + 63) / 64 * 64;
}

static nca_status allocate(nca_session *session, uint64_t bytes, nca_error *error)
{
    const nca_device *device = session->device;
    const size_t staged = staged_bytes(session);
    NCA_CUDA_TRY(device, cudaStreamCreateWithFlags(&session->stream, cudaStreamNonBlocking),
                 "a stream");
    NCA_CUDA_TRY(device, cudaMalloc(&session->memory, bytes), "a session's memory");
    NCA_CUDA_TRY(device, cudaMallocHost(&session->pinned, NCA_PENDING_MAX * staged + 64),
                 "a session's pinned memory");
    NCA_CUDA_TRY(device, cudaMemsetAsync(session->memory, 0, bytes, session->stream),
                 "a session's memory");
    arena from = {.base = session->memory};
    lay_out(&from, session);
    for (int i = 0; i < NCA_PENDING_MAX; i++) {
        session->pending[i].staged = (uint8_t *)session->pinned + (size_t)i * staged;
        NCA_CUDA_TRY(device, cudaEventCreate(&session->pending[i].begin), "an event");
        NCA_CUDA_TRY(device, cudaEventCreate(&session->pending[i].end), "an event");
    }
    session->list.total = (int *)((uint8_t *)session->pinned + NCA_PENDING_MAX * staged);
    session->rule_is_stale = true;
    session->kept_after = calloc((size_t)session->head.shape.kept + 1, sizeof *session->kept_after);
    if (!session->kept_after)
        return nca_fail(error, NCA_MEMORY, "a session: no memory for its bookkeeping");
    return NCA_OK;
}

nca_status nca_cuda_session_create(nca_device *device, const nca_shape *shape, nca_session **out,
                                   nca_error *error)
{
    nca_session sized = {0};
    NCA_TRY(check_shape(shape, error));
    NCA_TRY(nca_cuda_use(device, error));
    set_sizes(&sized, device, shape);
    const size_t free_bytes = usable_bytes();
    const uint64_t bytes = choose_tape(&sized, free_bytes);
    NCA_TRY(check_device(&sized, bytes, free_bytes, error));
    if (shape->tape_steps > 0)
        NCA_TRY(check_path(&sized, error));
    if (sized.is_fused)
        NCA_CUDA_TRY(
            device,
            nca_cuda_fused_prepare(device->precision, device->shared_bytes_max, &sized.overlaps),
            "the fused kernels");
    nca_session *session = malloc(sizeof *session);
    if (!session)
        return nca_fail(error, NCA_MEMORY, "a session: no memory for its bookkeeping");
    *session = sized;
    nca_status status = allocate(session, bytes, error);
    if (status == NCA_OK && shape->tape_steps > 0)
        status = nca_cuda_session_ready(session, error);
    if (status == NCA_OK)
        *out = session;
    else
        nca_cuda_session_destroy(session);
    return status;
}

void nca_cuda_session_destroy(nca_session *session)
{
    if (!session)
        return;
    cudaSetDevice(session->device->number);
    if (session->stream)
        cudaStreamSynchronize(session->stream);
    for (int i = 0; i < session->graphs; i++)
        cudaGraphExecDestroy(session->graph[i].graph);
    for (int i = 0; i < NCA_PENDING_MAX; i++) {
        if (session->pending[i].begin)
            cudaEventDestroy(session->pending[i].begin);
        if (session->pending[i].end)
            cudaEventDestroy(session->pending[i].end);
    }
    nca_cuda_blas_close(session);
    cudaFree(session->given_fire);
    cudaFree(session->memory);
    cudaFreeHost(session->pinned);
    free(session->kept_after);
    if (session->stream)
        cudaStreamDestroy(session->stream);
    free(session);
}

// What decides the last bits. Tensor cores add in an order of their own, and cuBLAS chooses its
// kernels by the card.
static void name_arithmetic(const nca_session *session, const char *variant,
                            char name[NCA_ARITHMETIC_BYTES])
{
    const nca_device *device = session->device;
    if (session->is_fused && device->precision == NCA_CUDA_F32)
        snprintf(name, NCA_ARITHMETIC_BYTES, "%s, sums by sample", variant);
    else
        snprintf(name, NCA_ARITHMETIC_BYTES, "%s on %.64s%s", variant, device->name,
                 session->is_fused ? ", sums by sample" : "");
}

void nca_cuda_session_about(const nca_session *session, nca_session_info *out)
{
    const nca_device *device = session->device;
    *out = (nca_session_info){.tape_every = session->every};
    nca_cuda_name_variant(device, session->is_fused ? NCA_CUDA_FUSED : NCA_CUDA_CUBLAS,
                          out->variant, sizeof out->variant);
    name_arithmetic(session, out->variant, out->arithmetic);
}
