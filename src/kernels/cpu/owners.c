// Which rule moves which cell, where rules share samples. Every step sorts its list of cells by
// their owners and goes through the network of each rule by itself.
#include "cpu.h"

// The owner of a cell, by its number within the padded rows of a band.
static int owner_of(const nca_session *session, int sample, int y0, uint32_t within)
{
    const uint32_t width = (uint32_t)session->head.shape.width, stride = width + 2;
    const size_t y = (size_t)y0 + within / stride - 1, x = within % stride - 1;
    const size_t row = (size_t)sample * (size_t)session->head.shape.height + y;
    return (int)session->buffer[NCA_OWNER][row * width + x];
}

nca_cpu_cells nca_cpu_owned(const nca_session *session, int sample, int y0, nca_cpu_cells list,
                            int mover, uint32_t *owned)
{
    nca_cpu_cells out = {owned, 0};
    if (session->movers == 1)
        return list;
    for (int i = 0; i < list.count; i++)
        if (owner_of(session, sample, y0, list.cells[i]) == mover)
            owned[out.count++] = list.cells[i];
    return out;
}
