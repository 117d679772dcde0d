// The reference backend: every cell of every step in f64, one thread, as the seam's contract reads.
#ifndef NCA_REFERENCE_H
#define NCA_REFERENCE_H

#include "nca/backend.h"

struct nca_session {
    nca_shape shape;
    nca_layout layout;
    size_t cells;   // H * W
    size_t state;   // H * W * C
    double *buffer[NCA_BUFFERS];
    size_t elements[NCA_BUFFERS];
    double *tape;                       // [T+1,B,H,W,C], or [2,B,H,W,C] without a tape
    uint8_t *fired, *alive;             // [T,B,H,W]
    double *perceived, *hidden, *out;   // [3C], [K], [C] of one cell
    double *dperceived, *dhidden;
    double *gradient[2];   // [B,H,W,C] after and before a step
    double *ruled;         // [P] gradient of the parameters after the gradient rules
    nca_rollout rollout;   // the latest
    bool tape_is_valid;
};

// Where the first channel of the cell (y, x) of a grid lies.
static inline size_t nca_reference_at(const nca_session *session, int y, int x)
{
    return ((size_t)y * (size_t)session->shape.width + (size_t)x) *
           (size_t)session->shape.spec.channels;
}

// step.c: one step of all samples, forward and backward.
void nca_reference_step(nca_session *session, const double *before, double *after, uint8_t *fired,
                        uint8_t *alive, int step);
void nca_reference_step_backward(nca_session *session, const double *state, const uint8_t *fired,
                                 const uint8_t *alive, const double *after, double *before);

// optimizer.c
nca_status nca_reference_update(nca_session *session, const nca_optimizer_step *step,
                                nca_update_report *report, nca_error *error);

#endif
