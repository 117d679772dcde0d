// What goes into a session and comes out of it: buffers, rows of the pool, seeds and damage.
#include "cpu.h"

#include <string.h>

static size_t buffer_elements(const nca_session *session, nca_buffer buffer)
{
    const nca_shape *shape = &session->shape;
    const size_t state = nca_state_size(1, (size_t)shape->height, (size_t)shape->width,
                                        (size_t)shape->spec.channels);
    switch (buffer) {
    case NCA_PARAMETERS:
    case NCA_GRADIENT:
    case NCA_MOMENT1:
    case NCA_MOMENT2:
        return session->layout.total;
    case NCA_BATCH:
        return state * (size_t)shape->batch;
    case NCA_BATCH_GRADIENT:
        return shape->tape_steps > 0 ? state * (size_t)shape->batch : 0;
    case NCA_POOL:
        return state * (size_t)shape->pool;
    case NCA_TARGET:
        return state / (size_t)shape->spec.channels * NCA_VISIBLE;
    case NCA_BUFFERS:
        break;
    }
    return 0;
}

static nca_status check_range(const nca_session *session, nca_buffer buffer, size_t first,
                              size_t count, nca_error *error)
{
    const size_t elements = buffer_elements(session, buffer);
    if (first <= elements && count <= elements - first)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "elements %zu to %zu of buffer %d: it has %zu; the caller asks for too many",
                    first, first + count, (int)buffer, elements);
}

// The floats of row y of a sample's current state, without its padding.
static float *batch_row(const nca_session *session, const nca_cpu_sample *sample, int y)
{
    return nca_cpu_state(session, sample, sample->current) +
           nca_cpu_cell(session, y, 0) * (size_t)session->shape.spec.channels;
}

static nca_span *written_row(const nca_session *session, const nca_cpu_sample *sample, int y)
{
    return &sample->written[(size_t)sample->current * (size_t)session->shape.height + (size_t)y];
}

// A stretch of elements of the batch as pieces of rows, each copied one way or the other.
static void copy_batch(nca_session *session, size_t first, size_t count, const float *from,
                       float *to)
{
    const size_t row = (size_t)session->shape.width * (size_t)session->shape.spec.channels;
    const size_t height = (size_t)session->shape.height;
    for (size_t done = 0; done < count;) {
        const size_t at = first + done, line = at / row, start = at % row;
        const size_t piece = row - start < count - done ? row - start : count - done;
        nca_cpu_sample *sample = &session->sample[line / height];
        const int y = (int)(line % height);
        float *cells = batch_row(session, sample, y) + start;
        if (from) {
            memcpy(cells, from + done, piece * sizeof *cells);
            *written_row(session, sample, y) = (nca_span){0, session->shape.width};
        } else {
            memcpy(to + done, cells, piece * sizeof *cells);
        }
        done += piece;
    }
}

nca_status nca_cpu_upload(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                          const float *from, nca_error *error)
{
    NCA_TRY(check_range(session, buffer, first, count, error));
    if (buffer == NCA_BATCH_GRADIENT)
        return nca_fail(error, NCA_ARGUMENT, "the batch gradient: it can only be downloaded");
    if (buffer == NCA_BATCH) {
        copy_batch(session, first, count, from, NULL);
        session->tape_is_valid = false;
    } else if (count > 0) {
        memcpy(session->buffer[buffer] + first, from, count * sizeof *from);
    }
    if (buffer == NCA_PARAMETERS)
        session->rule_is_stale = true;
    return NCA_OK;
}

nca_status nca_cpu_download(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                            float *to, nca_error *error)
{
    NCA_TRY(check_range(session, buffer, first, count, error));
    if (buffer == NCA_BATCH)
        copy_batch(session, first, count, NULL, to);
    else if (count > 0)
        memcpy(to, session->buffer[buffer] + first, count * sizeof *to);
    return NCA_OK;
}

static nca_status check_rows(const nca_session *session, const int *rows, nca_error *error)
{
    for (int b = 0; b < session->shape.batch; b++)
        if (rows[b] < 0 || rows[b] >= session->shape.pool)
            return nca_fail(error, NCA_ARGUMENT, "row %d of the pool: it has %d", rows[b],
                            session->shape.pool);
    return NCA_OK;
}

nca_status nca_cpu_gather(nca_session *session, const int *rows, nca_error *error)
{
    NCA_TRY(check_rows(session, rows, error));
    const nca_shape *shape = &session->shape;
    const size_t state = nca_state_size(1, (size_t)shape->height, (size_t)shape->width,
                                        (size_t)shape->spec.channels);
    for (int b = 0; b < shape->batch; b++)
        copy_batch(session, (size_t)b * state, state,
                   session->buffer[NCA_POOL] + (size_t)rows[b] * state, NULL);
    session->tape_is_valid = false;
    return NCA_OK;
}

nca_status nca_cpu_scatter(nca_session *session, const int *rows, nca_error *error)
{
    NCA_TRY(check_rows(session, rows, error));
    const nca_shape *shape = &session->shape;
    const size_t state = nca_state_size(1, (size_t)shape->height, (size_t)shape->width,
                                        (size_t)shape->spec.channels);
    for (int b = 0; b < shape->batch; b++)
        copy_batch(session, (size_t)b * state, state, NULL,
                   session->buffer[NCA_POOL] + (size_t)rows[b] * state);
    return NCA_OK;
}

static nca_status check_slot(const nca_session *session, int slot, nca_error *error)
{
    if (slot >= 0 && slot < session->shape.batch)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "sample %d of the batch: it has %d", slot,
                    session->shape.batch);
}

nca_status nca_cpu_seed(nca_session *session, int slot, int y, int x, bool clear, nca_error *error)
{
    const nca_shape *shape = &session->shape;
    NCA_TRY(check_slot(session, slot, error));
    if (y < 0 || y >= shape->height || x < 0 || x >= shape->width)
        return nca_fail(error, NCA_ARGUMENT, "a seed at row %d, column %d: the grid is %dx%d", y, x,
                        shape->height, shape->width);
    nca_cpu_sample *sample = &session->sample[slot];
    const size_t channels = (size_t)shape->spec.channels;
    for (int line = 0; clear && line < shape->height; line++) {
        memset(batch_row(session, sample, line), 0,
               (size_t)shape->width * channels * sizeof(float));
        *written_row(session, sample, line) = (nca_span){0, 0};
    }
    float *cell = batch_row(session, sample, y) + (size_t)x * channels;
    for (size_t k = NCA_ALPHA; k < channels; k++)
        cell[k] = 1;
    nca_span *written = written_row(session, sample, y);
    *written = written->first >= written->end
                   ? (nca_span){x, x + 1}
                   : (nca_span){written->first < x ? written->first : x,
                                written->end > x + 1 ? written->end : x + 1};
    session->tape_is_valid = false;
    return NCA_OK;
}

static bool is_inside(const nca_region *region, int y, int x)
{
    if (region->kind == NCA_REGION_BOX)
        return y >= region->top && y < region->bottom && x >= region->left && x < region->right;
    const double dy = (y - region->center_y) / region->radius_y;
    const double dx = (x - region->center_x) / region->radius_x;
    return dy * dy + dx * dx < 1;
}

nca_status nca_cpu_damage(nca_session *session, int slot, const nca_region *region,
                          nca_error *error)
{
    NCA_TRY(check_slot(session, slot, error));
    const size_t channels = (size_t)session->shape.spec.channels;
    for (int y = 0; y < session->shape.height; y++) {
        float *row = batch_row(session, &session->sample[slot], y);
        for (int x = 0; x < session->shape.width; x++)
            if (is_inside(region, y, x))
                memset(row + (size_t)x * channels, 0, channels * sizeof *row);
    }
    session->tape_is_valid = false;
    return NCA_OK;
}
