// What goes into a session and comes out of it: buffers, rows of the pool, damage, exchange.
#include "cpu.h"

#include <string.h>

// The floats of row y of a sample's current state, without its padding.
static float *batch_row(const nca_session *session, const nca_cpu_sample *sample, int y)
{
    return nca_cpu_state(session, sample, sample->current) +
           nca_cpu_cell(session, y, 0) * (size_t)session->head.shape.spec.channels;
}

static nca_span *written_row(const nca_session *session, const nca_cpu_sample *sample, int y)
{
    return &sample
                ->written[(size_t)sample->current * (size_t)session->head.shape.height + (size_t)y];
}

// A stretch of elements of the batch as pieces of rows, each copied one way or the other.
static void copy_batch(nca_session *session, size_t first, size_t count, const float *from,
                       float *to)
{
    const size_t row =
        (size_t)session->head.shape.width * (size_t)session->head.shape.spec.channels;
    const size_t height = (size_t)session->head.shape.height;
    for (size_t done = 0; done < count;) {
        const size_t at = first + done, line = at / row, start = at % row;
        const size_t piece = row - start < count - done ? row - start : count - done;
        nca_cpu_sample *sample = &session->sample[line / height];
        const int y = (int)(line % height);
        float *cells = batch_row(session, sample, y) + start;
        if (from) {
            memcpy(cells, from + done, piece * sizeof *cells);
            *written_row(session, sample, y) = (nca_span){0, session->head.shape.width};
        } else {
            memcpy(to + done, cells, piece * sizeof *cells);
        }
        done += piece;
    }
}

nca_status nca_cpu_upload(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                          const float *from, nca_error *error)
{
    (void)error;
    if (buffer == NCA_BATCH)
        copy_batch(session, first, count, from, NULL);
    else if (count > 0)
        memcpy(session->buffer[buffer] + first, from, count * sizeof *from);
    session->rules_are_stale |= buffer == NCA_PARAMETERS;
    return NCA_OK;
}

nca_status nca_cpu_download(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                            float *to, nca_error *error)
{
    (void)error;
    if (buffer == NCA_BATCH)
        copy_batch(session, first, count, NULL, to);
    else if (count > 0)
        memcpy(to, session->buffer[buffer] + first, count * sizeof *to);
    return NCA_OK;
}

static size_t state_elements(const nca_session *session)
{
    const nca_shape *shape = &session->head.shape;
    return nca_state_size(1, (size_t)shape->height, (size_t)shape->width,
                          (size_t)shape->spec.channels);
}

nca_status nca_cpu_gather(nca_session *session, const int *rows, nca_error *error)
{
    const size_t state = state_elements(session);
    (void)error;
    for (int b = 0; b < session->samples; b++)
        copy_batch(session, (size_t)b * state, state,
                   session->buffer[NCA_POOL] + (size_t)rows[b] * state, NULL);
    return NCA_OK;
}

nca_status nca_cpu_scatter(nca_session *session, const int *rows, nca_error *error)
{
    const size_t state = state_elements(session);
    (void)error;
    for (int b = 0; b < session->samples; b++)
        copy_batch(session, (size_t)b * state, state, NULL,
                   session->buffer[NCA_POOL] + (size_t)rows[b] * state);
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
    const size_t channels = (size_t)session->head.shape.spec.channels;
    (void)error;
    for (int y = 0; y < session->head.shape.height; y++) {
        float *row = batch_row(session, &session->sample[slot], y);
        for (int x = 0; x < session->head.shape.width; x++)
            if (is_inside(region, y, x))
                memset(row + (size_t)x * channels, 0, channels * sizeof *row);
    }
    return NCA_OK;
}

nca_status nca_cpu_exchange(nca_session *session, int slot, const float *values, double limit,
                            nca_error *error)
{
    const nca_shape *shape = &session->head.shape;
    const size_t frozen = (size_t)shape->spec.frozen, channels = (size_t)shape->spec.channels;
    (void)error;
    for (int y = 0; y < shape->height; y++) {
        float *cell = batch_row(session, &session->sample[slot], y);
        for (int x = 0; x < shape->width; x++, cell += channels, values += frozen) {
            if (!((double)values[0] > limit))
                memset(cell, 0, channels * sizeof *cell);
            memcpy(cell, values, frozen * sizeof *cell);
        }
        *written_row(session, &session->sample[slot], y) = (nca_span){0, shape->width};
    }
    return NCA_OK;
}
