// One step of the rule, forward, on one band of rows of one sample. A step has two phases, because
// the second alive test looks at updated neighbours in other bands:
//   update   pre-step alive mask, fire bits, list of active cells; their perception and network
//   settle   post-step alive mask, and the next state of every cell
// Where no cell can die, `update` alone makes the next state.
//
// Only active cells are computed: those that fire and were alive. A dead cell ends as zero whatever
// its update is. But its updated alpha may keep a living neighbour alive, so where a living cell
// would fail the second test on living neighbours alone, `settle` computes the alpha of its firing
// dead neighbours after all: the result is exact.
#include "cpu.h"

#include <string.h>

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

// The span without the columns at its ends where `bytes` is 0.
static nca_span trim(nca_span span, const uint8_t *bytes)
{
    while (span.first < span.end && !bytes[span.first])
        span.first++;
    while (span.first < span.end && !bytes[span.end - 1])
        span.end--;
    return span;
}

// What a band works with in one step.
typedef struct band_step {
    nca_session *session;
    nca_cpu_sample *sample;
    nca_cpu_scratch *scratch;
    int sample_number, step;
    int y0, y1;
    const float *before;   // state, from the band's first padded row on
    float *after;
    const uint8_t *mature_before;   // whole planes
    uint8_t *mature_after;
    const nca_span *ripe_before;   // [-1..H]
    nca_span *ripe_after;
    nca_span *alive;   // [H] of this step
    uint8_t *masks;    // plane of this step
} band_step;

static band_step open_step(nca_session *session, int number, int step, int band, int worker)
{
    nca_cpu_sample *sample = &session->sample[number];
    const int tape_step = session->rollout.keep_tape ? step : 0;
    band_step work = {
        .session = session,
        .sample = sample,
        .scratch = &session->scratch[worker],
        .sample_number = number,
        .step = step,
        .mature_before =
            sample->mature[session->head.shape.spec.alive == NCA_ALIVE_MAXIMUM ? step & 1 : 0],
        .mature_after = sample->mature[~step & 1],
        .ripe_before = sample->ripe[step & 1] + 1,
        .ripe_after = sample->ripe[~step & 1] + 1,
        .alive = sample->alive + (size_t)tape_step * (size_t)session->head.shape.height,
        .masks = sample->masks + (size_t)tape_step * session->plane,
    };
    nca_cpu_band_rows(session, band, &work.y0, &work.y1);
    const size_t start = (size_t)work.y0 * session->row;
    work.before =
        nca_cpu_state(session, sample, nca_cpu_state_index(session, sample, step)) + start;
    work.after =
        nca_cpu_state(session, sample, nca_cpu_state_index(session, sample, step + 1)) + start;
    return work;
}

// Columns that may be alive: within one cell of a mature one.
static nca_span alive_span(const band_step *work, int y)
{
    nca_span span = {work->session->head.shape.width, 0};
    for (int row = y - 1; row <= y + 1; row++) {
        const nca_span ripe = work->ripe_before[row];
        if (ripe.first < ripe.end) {
            span.first = min_int(span.first, max_int(ripe.first - 1, 0));
            span.end = max_int(span.end, min_int(ripe.end + 1, work->session->head.shape.width));
        }
    }
    return span.first < span.end ? span : (nca_span){0, 0};
}

// Fire bits of `count` cells from number `cell` = y * W + x on; the returned array is scratch or
// the given mask.
static const uint8_t *fire_bits(const band_step *work, size_t cell, size_t count)
{
    const nca_session *session = work->session;
    const nca_rollout *rollout = &session->rollout;
    const nca_rule_rollout *own = nca_cpu_rollout_of(session, work->sample_number);
    const nca_shape *shape = &session->head.shape;
    if (rollout->fire) {
        const size_t grid = (size_t)shape->height * (size_t)shape->width;
        return rollout->fire + cell +
               ((size_t)work->step * (size_t)session->samples + (size_t)work->sample_number) * grid;
    }
    const size_t first = cell / 8, groups = (cell + count + 7) / 8 - first;
    session->ops.fire(own->key, nca_cpu_random_sample(session, work->sample_number),
                      (uint32_t)(own->first_step + work->step), session->fire_threshold,
                      (uint32_t)first, groups, work->scratch->bits);
    return work->scratch->bits + cell % 8;
}

// The masks of a row where no cell is cleared: all stay, and those that are alive, which no step
// changes, and fire are listed.
static int mask_plain_row(const band_step *work, int y, int listed)
{
    const nca_session *session = work->session;
    const size_t width = (size_t)session->head.shape.width, cell = nca_cpu_cell(session, y, 0);
    const uint32_t within = (uint32_t)(cell - nca_cpu_cell(session, work->y0 - 1, -1));
    const uint8_t *fire = fire_bits(work, (size_t)y * width, width);
    const uint8_t *alive = work->mature_before + cell;
    uint8_t *masks = work->masks + cell;
    uint32_t *cells = work->scratch->cells;
    work->alive[y] = (nca_span){0, session->head.shape.width};
    for (size_t x = 0; x < width; x++)
        masks[x] = (uint8_t)(NCA_CELL_ALIVE | (alive[x] & (fire[x] != 0)) << 1);
    for (size_t x = 0; x < width; x++) {
        cells[listed] = within + (uint32_t)x;
        listed += masks[x] >> 1;
    }
    return listed;
}

// Masks of one row and its active cells, appended to the list as numbers within the band.
static int mask_row(const band_step *work, int y, int listed)
{
    const size_t stride = (size_t)work->session->head.shape.width + 2;
    const nca_span span = alive_span(work, y);
    const size_t cell = nca_cpu_cell(work->session, y, span.first);
    uint8_t *masks = work->masks + cell, *mature = work->mature_after + (size_t)(y + 1) * stride;
    memset(mature, 0, stride);
    work->alive[y] = span;
    if (span.first >= span.end)
        return listed;
    const size_t count = (size_t)(span.end - span.first);
    work->session->ops.dilate(work->mature_before + cell, stride, count, masks);
    memcpy(mature + 1 + span.first, work->mature_before + cell, count);
    const uint8_t *fire = fire_bits(
        work, (size_t)y * (size_t)work->session->head.shape.width + (size_t)span.first, count);
    const uint32_t within = (uint32_t)(cell - (size_t)work->y0 * stride);
    uint32_t *cells = work->scratch->cells;
    for (size_t i = 0; i < count; i++) {
        const uint8_t fires = masks[i] & (fire[i] != 0);   // read back, it waits for the store
        masks[i] |= (uint8_t)(fires << 1);
        cells[listed] = within + (uint32_t)i;
        listed += fires;
    }
    return listed;
}

// Adds noise to what the network proposes for a cell, by its number within the band.
static void add_noise(const band_step *work, uint32_t within, float *out)
{
    const nca_session *session = work->session;
    const nca_rule_rollout *own = nca_cpu_rollout_of(session, work->sample_number);
    const uint32_t outputs = (uint32_t)nca_spec_outputs(&session->head.shape.spec);
    const uint32_t width = (uint32_t)session->head.shape.width, stride = width + 2;
    const uint32_t cell = ((uint32_t)work->y0 + within / stride - 1) * width + within % stride - 1;
    float *drawn = work->scratch->noise;
    session->ops.noise(own->key, nca_cpu_random_sample(session, work->sample_number),
                       (uint32_t)(own->first_step + work->step), cell * outputs, (int)outputs,
                       session->noise_scale, drawn);
    for (uint32_t k = 0; k < outputs; k++)
        out[k] += drawn[k];
}

// out [count,O]: what the network of one mover proposes for the cells; and `hidden`, as mlp() does.
static void propose(const band_step *work, int mover, const uint32_t *cells, int count,
                    float *hidden)
{
    const nca_session *session = work->session;
    nca_cpu_scratch *scratch = work->scratch;
    const nca_cpu_ops *ops = &session->ops;
    ops->perceive(work->before, session->row, session->head.shape.spec.channels, cells, count,
                  session->rotation, scratch->p);
    const double start = session->rollout.measure ? nca_cpu_now() : 0;
    ops->mlp(nca_cpu_rule_of(session, work->sample_number, mover), scratch->p, count, hidden,
             scratch->out);
    if (session->rollout.measure)
        scratch->mlp_seconds += nca_cpu_now() - start;
    const size_t outputs = (size_t)nca_spec_outputs(&session->head.shape.spec);
    for (int i = 0; i < count && session->head.shape.spec.noise > 0; i++)
        add_noise(work, cells[i], scratch->out + (size_t)i * outputs);
}

// The alpha of a cell after the update d [O], whose first element is the first channel that is not
// frozen.
static float alpha_after(const nca_session *session, float alpha, const float *d)
{
    const int number = (int)NCA_ALPHA - session->head.shape.spec.frozen;
    return number < 0 ? alpha : alpha + (float)session->rollout.step_size * d[number];
}

// u = x + step_size * d; frozen channels stay.
static inline void update_cell(const float *restrict x, const float *restrict d, float step_size,
                               size_t frozen, size_t channels, float *restrict u)
{
    for (size_t k = 0; k < frozen; k++)
        u[k] = x[k];
    for (size_t k = frozen; k < channels; k++)
        u[k] = x[k] + step_size * d[k - frozen];
}

// Updates the listed cells by a mover, and says which of them are mature now.
static void update_cells(const band_step *work, int mover, const uint32_t *cells, int count,
                         float *hidden)
{
    const size_t channels = (size_t)work->session->head.shape.spec.channels;
    const float step_size = (float)work->session->rollout.step_size;
    const float threshold = (float)work->session->rollout.alive_threshold;
    uint8_t *mature =
        work->mature_after + (size_t)work->y0 * ((size_t)work->session->head.shape.width + 2);
    const size_t frozen = (size_t)work->session->head.shape.spec.frozen;
    const bool can_die = work->session->head.shape.spec.alive == NCA_ALIVE_MAXIMUM;
    if (can_die)   // else keep_state() has just written them
        nca_cpu_prefetch(work->after, 0, channels, cells, count);
    propose(work, mover, cells, count, hidden);
    for (int i = 0; i < count; i++) {
        const float *x = work->before + cells[i] * channels,
                    *d = work->scratch->out + (size_t)i * (channels - frozen);
        float *u = work->after + cells[i] * channels;
        if (frozen == 0 && channels == 16)   // known sizes make it a few vector operations
            update_cell(x, d, step_size, 0, 16, u);
        else
            update_cell(x, d, step_size, frozen, channels, u);
        if (can_die)
            mature[cells[i]] = u[NCA_ALPHA] > threshold;
    }
}

// Copies a cell; of a known size that is a few vector moves.
static inline void copy_cell(float *to, const float *from, size_t channels)
{
    if (channels == 16)
        memcpy(to, from, 16 * sizeof *to);
    else
        memcpy(to, from, channels * sizeof *to);
}

// The next state of a band where no cell is cleared, before its cells are updated: as it was.
static void keep_state(const band_step *work)
{
    const nca_session *session = work->session;
    const size_t height = (size_t)session->head.shape.height;
    const int index = nca_cpu_state_index(session, work->sample, work->step + 1);
    nca_span *written = work->sample->written + (size_t)index * height;
    memcpy(work->after + session->row, work->before + session->row,
           (size_t)(work->y1 - work->y0) * session->row * sizeof *work->after);
    for (int y = work->y0; y < work->y1; y++)
        written[y] = (nca_span){0, session->head.shape.width};
}

// Writes down what the listed cells are, behind `count` others; returns how many that makes.
static size_t keep_changes(const band_step *work, int band, size_t count, nca_cpu_cells list)
{
    const size_t channels = (size_t)work->session->head.shape.spec.channels;
    const size_t first = nca_cpu_first_change(work->session, band) + count;
    float *to = work->sample->changes + first * channels;
    memcpy(work->sample->changed + first, list.cells, (size_t)list.count * sizeof *list.cells);
    for (int i = 0; i < list.count; i++, to += channels)
        copy_cell(to, work->before + list.cells[i] * channels, channels);
    return count + (size_t)list.count;
}

// Updates the active cells of a band, each by its mover, and goes on with the tape of changes.
static void update_active(const band_step *work, int band, nca_cpu_cells active)
{
    const nca_session *session = work->session;
    const bool keeps = session->rollout.keep_tape && session->keeps_changes;
    nca_cpu_mark mark = {0};
    if (keeps) {
        mark = *nca_cpu_mark_of(session, work->sample, work->step, band);
        mark.changes = keep_changes(work, band, mark.changes, active);
    }
    for (int mover = 0; mover < session->movers; mover++) {
        const nca_cpu_cells own = nca_cpu_owned(session, work->sample_number, work->y0, active,
                                                mover, work->scratch->owned);
        for (int i = 0; i < own.count; i += session->ops.chunk, mark.chunks++) {
            float *kept =
                keeps ? nca_cpu_kept_units(session, work->sample, band, mark.chunks) : NULL;
            update_cells(work, mover, own.cells + i, min_int(session->ops.chunk, own.count - i),
                         kept ? kept : work->scratch->hidden);
        }
    }
    if (keeps)
        *nca_cpu_mark_of(session, work->sample, work->step + 1, band) = mark;
}

void nca_cpu_step_update(nca_session *session, int sample, int step, int band, int worker)
{
    const band_step work = open_step(session, sample, step, band, worker);
    const bool can_die = session->head.shape.spec.alive == NCA_ALIVE_MAXIMUM;
    int listed = 0;
    for (int y = work.y0; y < work.y1; y++)
        listed = can_die ? mask_row(&work, y, listed) : mask_plain_row(&work, y, listed);
    if (!can_die)
        keep_state(&work);
    update_active(&work, band, (nca_cpu_cells){work.scratch->cells, listed});
    for (int y = work.y0; y < work.y1 && can_die; y++)
        work.ripe_after[y] = trim(work.alive[y], work.mature_after + nca_cpu_cell(session, y, 0));
    work.sample->active[band] += (uint64_t)listed;
}

static bool is_alive_before(const band_step *work, int y, int x)
{
    uint8_t alive;
    nca_cpu_dilate_scalar(work->mature_before + nca_cpu_cell(work->session, y, x),
                          (size_t)work->session->head.shape.width + 2, 1, &alive);
    return alive;
}

// Whether a mover lifts the alpha of one of these cells above the threshold.
static bool lifts(const band_step *work, int mover, const uint32_t *cells, int count)
{
    const nca_spec *spec = &work->session->head.shape.spec;
    const float threshold = (float)work->session->rollout.alive_threshold;
    const size_t outputs = (size_t)nca_spec_outputs(spec);
    if (count == 0)
        return false;
    propose(work, mover, cells, count, work->scratch->hidden);
    for (int i = 0; i < count; i++) {
        const float alpha = work->before[cells[i] * (size_t)spec->channels + NCA_ALPHA];
        if (alpha_after(work->session, alpha, work->scratch->out + (size_t)i * outputs) > threshold)
            return true;
    }
    return false;
}

// Whether a firing dead neighbour's update lifts its alpha above the threshold.
static bool is_lifted(const band_step *work, int y, int x)
{
    const nca_shape *shape = &work->session->head.shape;
    uint32_t dead[8], owned[8];
    int count = 0;
    for (int row = max_int(y - 1, 0); row <= min_int(y + 1, shape->height - 1); row++)
        for (int column = max_int(x - 1, 0); column <= min_int(x + 1, shape->width - 1); column++)
            if (!is_alive_before(work, row, column) &&
                *fire_bits(work, (size_t)row * (size_t)shape->width + (size_t)column, 1))
                dead[count++] = (uint32_t)(nca_cpu_cell(work->session, row, column) -
                                           nca_cpu_cell(work->session, work->y0 - 1, -1));
    for (int mover = 0; mover < work->session->movers; mover++) {
        const nca_cpu_cells own = nca_cpu_owned(work->session, work->sample_number, work->y0,
                                                (nca_cpu_cells){dead, count}, mover, owned);
        if (lifts(work, mover, own.cells, own.count))
            return true;
    }
    return false;
}

// Clears the alive bit of the cells of a row that are no longer alive after the update.
static void settle_row_masks(const band_step *work, int y)
{
    const size_t stride = (size_t)work->session->head.shape.width + 2;
    const nca_span span = work->alive[y];
    const size_t cell = nca_cpu_cell(work->session, y, span.first);
    uint8_t *masks = work->masks + cell, *alive = work->scratch->alive;
    work->session->ops.dilate(work->mature_after + cell, stride, (size_t)(span.end - span.first),
                              alive);
    for (int i = 0; i < span.end - span.first; i++)
        if ((masks[i] & NCA_CELL_ALIVE) && !alive[i] && !is_lifted(work, y, span.first + i))
            masks[i] &= (uint8_t)~NCA_CELL_ALIVE;
}

// The next state of a row: updated, kept, or clear.
static void settle_row(const band_step *work, int y, nca_span *written)
{
    const size_t channels = (size_t)work->session->head.shape.spec.channels;
    const size_t start = (size_t)(y - work->y0 + 1) * work->session->row + channels;
    const float *before = work->before + start;
    float *after = work->after + start;
    const uint8_t *masks = work->masks + nca_cpu_cell(work->session, y, 0);
    const nca_span alive = work->alive[y];
    for (int x = written->first; x < written->end; x++)
        if (x < alive.first || x >= alive.end)
            memset(after + (size_t)x * channels, 0, channels * sizeof *after);
    for (int x = alive.first; x < alive.end; x++) {
        float *to = after + (size_t)x * channels;
        if (!(masks[x] & NCA_CELL_ALIVE))
            memset(to, 0, channels * sizeof *to);
        else if (!(masks[x] & NCA_CELL_FIRED))
            copy_cell(to, before + (size_t)x * channels, channels);
    }
    *written = alive;
}

void nca_cpu_step_settle(nca_session *session, int sample, int step, int band, int worker)
{
    const band_step work = open_step(session, sample, step, band, worker);
    const size_t index = (size_t)nca_cpu_state_index(session, work.sample, step + 1);
    for (int y = work.y0; y < work.y1; y++) {
        if (work.alive[y].first < work.alive[y].end)
            settle_row_masks(&work, y);
        settle_row(&work, y,
                   &work.sample->written[index * (size_t)session->head.shape.height + (size_t)y]);
    }
}

// Which cells of the state before a step are mature; where none can die, which are alive.
void nca_cpu_step_look(nca_session *session, int number, int step, int band)
{
    nca_cpu_sample *sample = &session->sample[number];
    const int side = session->head.shape.spec.alive == NCA_ALIVE_MAXIMUM ? step & 1 : 0;
    const size_t channels = (size_t)session->head.shape.spec.channels;
    const float threshold = (float)session->rollout.alive_threshold;
    const int channel = nca_cpu_alive_channel(&session->head.shape.spec);
    const float *state = nca_cpu_state(session, sample, nca_cpu_state_index(session, sample, step));
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    for (int y = y0; y < y1; y++) {
        const size_t cell = nca_cpu_cell(session, y, 0);
        for (int x = 0; x < session->head.shape.width; x++)
            sample->mature[side][cell + (size_t)x] =
                channel < 0 || state[(cell + (size_t)x) * channels + (size_t)channel] > threshold;
        sample->ripe[side][y + 1] =
            trim((nca_span){0, session->head.shape.width}, sample->mature[side] + cell);
    }
}

// Before the first step.
void nca_cpu_step_prepare(nca_session *session, int number, int band)
{
    nca_cpu_step_look(session, number, 0, band);
    session->sample[number].active[band] = 0;
    if (session->keeps_changes)
        *nca_cpu_mark_of(session, &session->sample[number], 0, band) = (nca_cpu_mark){0};
}
