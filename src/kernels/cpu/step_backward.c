// One step of the rule, backward, on one band of rows of one sample: from d loss / d(state after)
// to d loss / d(state before), and the band's share of d loss / d parameters.
//
// A band keeps the gradient of its rows, with one row more above and below, in a block of its own:
// what its cells' perception sends into neighbouring rows is spilled there, and the neighbour adds
// it at the beginning of the next step. So bands never write where others read, and the order of
// every sum is fixed.
#include "cpu.h"

#include <string.h>

static size_t block_elements(const nca_session *session)
{
    return ((size_t)session->band_rows + 2) * session->row;
}

static void add_row(const float *from, float *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

// Adds what the neighbours spilled into this band's rows of gradient `side`; false where the block
// is still all zero.
static bool merge(nca_session *session, nca_cpu_sample *sample, int side, int band)
{
    const size_t block = block_elements(session), row = session->row;
    const bool *spilled = sample->spilled[side];
    float *own = sample->gradient[side] + (size_t)band * block;
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    bool merged = false;
    if (band > 0 && spilled[band - 1]) {
        add_row(own - row, own + row, row);   // the row below the last of a full band
        merged = true;
    }
    if (band + 1 < session->bands && spilled[band + 1]) {
        add_row(own + block, own + (size_t)(y1 - y0) * row, row);
        merged = true;
    }
    sample->merged[side][band] = merged;
    return merged || spilled[band];
}

static float *clear_block(nca_session *session, nca_cpu_sample *sample, int side, int band)
{
    const size_t block = block_elements(session);
    float *own = sample->gradient[side] + (size_t)band * block;
    if (sample->spilled[side][band] || sample->merged[side][band])
        memset(own, 0, block * sizeof *own);
    sample->spilled[side][band] = sample->merged[side][band] = false;
    return own;
}

static nca_cpu_gradient sums_of(const nca_session *session, const nca_cpu_sample *sample, int band)
{
    float *sums = sample->sums + (size_t)band * session->layout.total;
    return (nca_cpu_gradient){
        .hidden_columns = sums + session->layout.offset[NCA_HIDDEN_WEIGHT],
        .hidden_bias = sums + session->layout.offset[NCA_HIDDEN_BIAS],
        .output_weight = sums + session->layout.offset[NCA_OUTPUT_WEIGHT],
        .output_bias = sums + session->layout.offset[NCA_OUTPUT_BIAS],
    };
}

// Living cells pass their gradient on; those of them that fired are listed, by their numbers in
// the block. Returns how many.
static int pass_on(const nca_session *session, const nca_cpu_sample *sample, int step, int y0,
                   int y1, const float *after, float *before, uint32_t *cells)
{
    const size_t channels = (size_t)session->shape.channels;
    const nca_span *alive = sample->alive + (size_t)step * (size_t)session->shape.height;
    const uint8_t *masks = sample->masks + (size_t)step * session->plane;
    const size_t above = nca_cpu_cell(session, y0 - 1, -1);
    int listed = 0;
    for (int y = y0; y < y1; y++)
        for (int x = alive[y].first; x < alive[y].end; x++) {
            const size_t cell = nca_cpu_cell(session, y, x), within = cell - above;
            if (!(masks[cell] & NCA_CELL_ALIVE))
                continue;
            memcpy(before + within * channels, after + within * channels,
                   channels * sizeof *before);
            cells[listed] = (uint32_t)within;
            listed += masks[cell] >> 1;
        }
    return listed;
}

// Through the network of the listed cells, whose hidden units are computed again.
static void back_through_cells(nca_session *session, nca_cpu_scratch *scratch, const float *state,
                               const float *after, const nca_cpu_gradient *sums,
                               const uint32_t *cells, int count, float *before)
{
    const nca_cpu_ops *ops = &session->ops;
    const size_t channels = (size_t)session->shape.channels;
    const float step_size = (float)session->rollout.step_size;
    for (int i = 0; i < count; i++)
        for (size_t k = 0; k < channels; k++)
            scratch->out[(size_t)i * channels + k] = step_size * after[cells[i] * channels + k];
    ops->perceive(state, session->row, session->shape.channels, cells, count, session->rotation,
                  scratch->p);
    const double start = session->rollout.measure ? nca_cpu_now() : 0;
    ops->mlp_hidden(&session->rule, scratch->p, count, scratch->hidden);
    ops->mlp_backward(&session->rule, scratch->p, scratch->hidden, scratch->out, count,
                      scratch->dhidden, scratch->dp, sums);
    if (session->rollout.measure)
        scratch->mlp_seconds += nca_cpu_now() - start;
    ops->perceive_backward(scratch->dp, session->row, session->shape.channels, cells, count,
                           session->rotation, before);
}

void nca_cpu_step_backward(nca_session *session, int number, int step, int band, int worker)
{
    nca_cpu_sample *sample = &session->sample[number];
    nca_cpu_scratch *scratch = &session->scratch[worker];
    const int side = ~step & 1;   // of the state after the step
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    float *before = clear_block(session, sample, !side, band);
    if (!merge(session, sample, side, band))
        return;
    const float *after = sample->gradient[side] + (size_t)band * block_elements(session);
    const float *state =
        nca_cpu_state(session, sample, nca_cpu_state_index(session, sample, step)) +
        (size_t)y0 * session->row;
    const int listed = pass_on(session, sample, step, y0, y1, after, before, scratch->cells);
    const nca_cpu_gradient sums = sums_of(session, sample, band);
    for (int i = 0; i < listed; i += NCA_CPU_CHUNK)
        back_through_cells(session, scratch, state, after, &sums, scratch->cells + i,
                           listed - i < NCA_CPU_CHUNK ? listed - i : NCA_CPU_CHUNK, before);
    sample->active[band] += (uint64_t)listed;
    sample->summed[band] |= listed > 0;
    sample->spilled[!side][band] = true;
}

// Before the first: sums are zero, and the gradient is that of the loss.
void nca_cpu_step_backward_begin(nca_session *session, int number, int band)
{
    nca_cpu_sample *sample = &session->sample[number];
    const size_t total = session->layout.total;
    const int side = session->rollout.steps & 1;
    if (sample->summed[band])
        memset(sample->sums + (size_t)band * total, 0, total * sizeof(float));
    sample->summed[band] = false;
    sample->active[band] = 0;
    clear_block(session, sample, !side, band);
    nca_cpu_loss_backward(session, sample, band, clear_block(session, sample, side, band));
    sample->spilled[side][band] = true;
}

// After the last: the gradient of the state before the rollout, without padding.
void nca_cpu_step_backward_end(nca_session *session, int number, int band)
{
    nca_cpu_sample *sample = &session->sample[number];
    const size_t channels = (size_t)session->shape.channels;
    const size_t width = (size_t)session->shape.width * channels;
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    merge(session, sample, 0, band);
    const float *own = sample->gradient[0] + (size_t)band * block_elements(session);
    float *to = session->buffer[NCA_BATCH_GRADIENT] +
                (size_t)number * (size_t)session->shape.height * width;
    for (int y = y0; y < y1; y++)
        memcpy(to + (size_t)y * width, own + (size_t)(y - y0 + 1) * session->row + channels,
               width * sizeof *to);
}
