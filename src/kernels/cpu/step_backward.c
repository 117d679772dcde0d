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
    float *own = nca_cpu_band_gradient(session, sample, side, band);
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
    float *own = nca_cpu_band_gradient(session, sample, side, band);
    if (sample->spilled[side][band] || sample->merged[side][band])
        memset(own, 0, block_elements(session) * sizeof *own);
    sample->spilled[side][band] = sample->merged[side][band] = false;
    return own;
}

// Adds the gradients that the caller gave for the states after `step` steps to the band's rows;
// false where there are none.
static bool add_given(nca_session *session, int number, int step, int band, int side)
{
    const nca_shape *shape = &session->head.shape;
    const size_t channels = (size_t)shape->spec.channels, width = (size_t)shape->width * channels;
    float *own = nca_cpu_band_gradient(session, &session->sample[number], side, band);
    bool is_given = false;
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    for (int i = 0; shape->objective.kind == NCA_GIVEN && i < shape->kept; i++) {
        const float *given =
            session->buffer[NCA_KEPT_GRADIENT] +
            ((size_t)i * (size_t)session->samples + (size_t)number) * (size_t)shape->height * width;
        for (int y = y0; y < y1 && nca_cpu_is_kept(session, i, number, step); y++) {
            add_row(given + (size_t)y * width, own + (size_t)(y - y0 + 1) * session->row + channels,
                    width);
            is_given = true;
        }
    }
    session->sample[number].merged[side][band] |= is_given;   // no neighbour looks at it
    return is_given;
}

// What a band works with in one step.
typedef struct band_back {
    nca_session *session;
    nca_cpu_scratch *scratch;
    int number, mover, y0, y1;
    const float *state;     // before the step, from the band's first padded row on
    const float *earlier;   // that the next step back reads; NULL: none, or undone in place
    const float *after;     // blocks of gradient after and before the step
    float *before;
    const nca_span *alive;   // [H] of this step
    const uint8_t *masks;    // plane of this step
    nca_cpu_gradient sums;
} band_back;

// Living cells pass their gradient on; those of them that fired are listed, by their numbers in
// the block. Returns how many.
static int pass_on(const band_back *work)
{
    const nca_session *session = work->session;
    const size_t channels = (size_t)session->head.shape.spec.channels;
    const size_t above = nca_cpu_cell(session, work->y0 - 1, -1);
    const float *after = work->after;
    float *before = work->before;
    uint32_t *cells = work->scratch->cells;
    int listed = 0;
    for (int y = work->y0; y < work->y1; y++) {
        const nca_span alive = work->alive[y];
        const size_t cell = nca_cpu_cell(session, y, 0), first = cell - above;
        const uint8_t *masks = work->masks + cell;
        for (int x = alive.first, end; x < alive.end; x = end + 1) {
            for (end = x; end < alive.end && (masks[end] & NCA_CELL_ALIVE); end++) {
                cells[listed] = (uint32_t)(first + (size_t)end);
                listed += masks[end] >> 1;
            }
            memcpy(before + (first + (size_t)x) * channels, after + (first + (size_t)x) * channels,
                   (size_t)(end - x) * channels * sizeof *before);
        }
    }
    return listed;
}

static inline void scale(const float *restrict from, float factor, size_t count, float *restrict to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = factor * from[i];
}

// Through the network of some of the listed cells; hidden units that were not kept are computed
// again.
static void back_through_cells(const band_back *work, const uint32_t *cells, int count,
                               const float *kept)
{
    const nca_session *session = work->session;
    const nca_cpu_ops *ops = &session->ops;
    nca_cpu_scratch *scratch = work->scratch;
    const size_t channels = (size_t)session->head.shape.spec.channels;
    const float step_size = (float)session->rollout.step_size;
    const nca_cpu_chunk chunk = {.count = count,
                                 .p = scratch->p,
                                 .hidden = kept ? kept : scratch->hidden,
                                 .dout = scratch->out,
                                 .dhidden = scratch->dhidden,
                                 .dp = scratch->dp};
    const size_t frozen = (size_t)session->head.shape.spec.frozen, outputs = channels - frozen;
    if (work->earlier)   // and their neighbours; it arrives while the network computes
        nca_cpu_prefetch(work->earlier, session->row + channels, channels, cells, count);
    for (int i = 0; i < count; i++)
        scale(work->after + cells[i] * channels + frozen, step_size, outputs,
              scratch->out + (size_t)i * outputs);
    ops->perceive(work->state, session->row, session->head.shape.spec.channels, cells, count,
                  session->rotation, scratch->p);
    const double start = session->rollout.measure ? nca_cpu_now() : 0;
    const nca_cpu_rule *rule = nca_cpu_rule_of(session, work->number, work->mover);
    if (!kept)
        ops->mlp_hidden(rule, scratch->p, count, scratch->hidden);
    ops->mlp_backward(rule, &chunk, &work->sums);
    if (session->rollout.measure)
        scratch->mlp_seconds += nca_cpu_now() - start;
    ops->perceive_backward(scratch->dp, session->row, session->head.shape.spec.channels, cells,
                           count, session->rotation, work->before);
}

// The gradient of the state after so many steps, from that of the same state mixed for the next
// one.
static void unmix(nca_session *session, int number, int step, int band, int side)
{
    float *own = nca_cpu_band_gradient(session, &session->sample[number], side, band);
    if (session->head.shape.spec.mix_bound > 0 && step < nca_cpu_rollout_of(session, number)->steps)
        nca_cpu_mix_backward(session, number, step, band, own + session->row);
}

void nca_cpu_step_backward(nca_session *session, int number, int step, int band, int worker)
{
    nca_cpu_sample *sample = &session->sample[number];
    const int side = ~step & 1;   // of the state after the step
    band_back work = {
        .session = session,
        .scratch = &session->scratch[worker],
        .number = number,
        .before = clear_block(session, sample, !side, band),
        .alive = sample->alive + (size_t)step * (size_t)session->head.shape.height,
        .masks = sample->masks + (size_t)step * session->plane,
    };
    const bool is_merged = merge(session, sample, side, band);
    if (is_merged)
        unmix(session, number, step + 1, band, side);
    const bool is_given = add_given(session, number, step + 1, band, side);
    if (!is_merged && !is_given)
        return;
    nca_cpu_band_rows(session, band, &work.y0, &work.y1);
    work.state = nca_cpu_state(session, sample, nca_cpu_past_index(session, number, step)) +
                 (size_t)work.y0 * session->row;
    if (step > 0 && !session->keeps_changes)
        work.earlier =
            nca_cpu_state(session, sample, nca_cpu_past_index(session, number, step - 1)) +
            (size_t)work.y0 * session->row;
    work.after = nca_cpu_band_gradient(session, sample, side, band);
    const int listed = pass_on(&work);
    const nca_cpu_cells active = {work.scratch->cells, listed};
    int chunk = session->keeps_changes ? nca_cpu_mark_of(session, sample, step, band)->chunks : 0;
    for (work.mover = 0; work.mover < session->movers; work.mover++) {
        const nca_cpu_cells own =
            nca_cpu_owned(session, number, work.y0, active, work.mover, work.scratch->owned);
        work.sums = nca_cpu_band_sums(session, sample, band, work.mover);
        for (int i = 0; i < own.count; i += session->ops.chunk, chunk++) {
            const int left = own.count - i;
            const int count = left < session->ops.chunk ? left : session->ops.chunk;
            const float *kept = nca_cpu_kept_units(session, sample, band, chunk);
            back_through_cells(&work, own.cells + i, count, kept);
            sample->again[band] += kept ? 0 : (uint64_t)count;
        }
    }
    sample->active[band] += (uint64_t)listed;
    sample->summed[band] |= listed > 0;
    sample->spilled[!side][band] = true;
}

void nca_cpu_step_undo(nca_session *session, int number, int step, int band)
{
    const nca_cpu_sample *sample = &session->sample[number];
    const size_t channels = (size_t)session->head.shape.spec.channels;
    const size_t start = nca_cpu_first_change(session, band);
    const size_t first = nca_cpu_mark_of(session, sample, step, band)->changes;
    const size_t end = nca_cpu_mark_of(session, sample, step + 1, band)->changes;
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    float *state = nca_cpu_state(session, sample, nca_cpu_past_index(session, number, step)) +
                   (size_t)y0 * session->row;
    for (size_t i = start + first; i < start + end; i++)
        memcpy(state + sample->changed[i] * channels, sample->changes + i * channels,
               channels * sizeof *state);
}

// Restores the state before the last step: an earlier backward pass over this tape has undone
// further steps in its place.
static void return_to_last_step(nca_session *session, int number, int band)
{
    const nca_cpu_sample *sample = &session->sample[number];
    const int last = nca_cpu_rollout_of(session, number)->steps - 1;
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    const size_t start = (size_t)(y0 + 1) * session->row;
    memcpy(nca_cpu_state(session, sample, nca_cpu_past_index(session, number, last)) + start,
           nca_cpu_state(session, sample, sample->current) + start,
           (size_t)(y1 - y0) * session->row * sizeof(float));
    nca_cpu_step_undo(session, number, last, band);
}

// Before the first: sums are zero, and the gradient is that of the loss.
void nca_cpu_step_backward_begin(nca_session *session, int number, int band)
{
    nca_cpu_sample *sample = &session->sample[number];
    const size_t total = session->sums_stride * (size_t)session->movers;
    const int steps = nca_cpu_rollout_of(session, number)->steps, side = steps & 1;
    if (session->keeps_changes && session->head.has_gone_back && steps > 0)
        return_to_last_step(session, number, band);
    if (sample->summed[band])
        memset(nca_cpu_sums(session, sample, band, 0), 0, total * sizeof(float));
    sample->summed[band] = false;
    sample->active[band] = sample->again[band] = 0;
    clear_block(session, sample, !side, band);
    nca_cpu_loss_backward(session, number, band, clear_block(session, sample, side, band));
    sample->spilled[side][band] = true;
}

// After the last: the gradient of the state before the rollout, without padding.
void nca_cpu_step_backward_end(nca_session *session, int number, int band)
{
    nca_cpu_sample *sample = &session->sample[number];
    const size_t channels = (size_t)session->head.shape.spec.channels;
    const size_t width = (size_t)session->head.shape.width * channels;
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    merge(session, sample, 0, band);
    unmix(session, number, 0, band, 0);
    add_given(session, number, 0, band, 0);
    const float *own = nca_cpu_band_gradient(session, sample, 0, band);
    float *to = session->buffer[NCA_BATCH_GRADIENT] +
                (size_t)number * (size_t)session->head.shape.height * width;
    for (int y = y0; y < y1; y++)
        memcpy(to + (size_t)y * width, own + (size_t)(y - y0 + 1) * session->row + channels,
               width * sizeof *to);
}
