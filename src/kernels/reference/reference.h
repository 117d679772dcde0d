// The reference backend: every cell of every step in f64, one thread, as the seam's contract reads.
#ifndef NCA_REFERENCE_H
#define NCA_REFERENCE_H

#include "nca/front.h"

struct nca_session {
    nca_session_head head;
    nca_layout layout;
    int rules, samples;   // R, R*B or B
    size_t cells;         // H * W
    size_t state;         // H * W * C
    double *buffer[NCA_BUFFERS];
    double *tape;                     // [T+1,R*B,H,W,C], or [2,R*B,H,W,C] without a tape
    uint8_t *fired, *alive;           // [T,R*B,H,W]
    double *perceived, *dperceived;   // [inputs] of one cell
    double *hidden[NCA_LAYERS_MAX], *dhidden[NCA_LAYERS_MAX];   // [K] of each layer
    double *out, *dout;                                         // [C - frozen]
    double *gradient[2];       // [H,W,C] of one sample, after and before a step
    double *transformed;       // [P] gradient of the parameters after the transforms
    double *sample_gradient;   // [R,P] of the parameters, of one sample
    double weight[9][9];       // [group that a cell perceives][neighbour]
    nca_rollout rollout;       // the latest
    nca_rule_rollout *each;    // [R] of it
    int *kept;                 // [kept] of it
};

// One sample at one step: which rule moves it, and the number that counts its random bits.
typedef struct nca_reference_sample {
    int number;                 // in the session
    int rule;                   // of its set; where rules share samples every cell has its own
    uint32_t random_number;     // in the counters of random bits
    const double *parameters;   // [R,P]
} nca_reference_sample;

// The rule that moves a cell.
static inline size_t nca_reference_rule_at(const nca_session *session,
                                           const nca_reference_sample *sample, size_t cell)
{
    return session->head.shape.shares_samples
               ? (size_t)session->buffer[NCA_OWNER][(size_t)sample->number * session->cells + cell]
               : (size_t)sample->rule;
}

// Where the first channel of the cell (y, x) of a grid lies.
static inline size_t nca_reference_at(const nca_session *session, int y, int x)
{
    const nca_shape *shape = &session->head.shape;
    return ((size_t)y * (size_t)shape->width + (size_t)x) * (size_t)shape->spec.channels;
}

static inline nca_reference_sample nca_reference_sample_of(const nca_session *session, int number)
{
    const int batch = session->head.shape.batch, rule = number / batch;
    return (nca_reference_sample){number, rule,
                                  (uint32_t)(session->rollout.first_sample + number % batch),
                                  session->buffer[NCA_PARAMETERS]};
}

// step.c: one step of one sample, forward and backward. `step` counts from 0 in the rollout; the
// gradient of the parameters is added to `sample_gradient` of the session.
void nca_reference_step(nca_session *session, const nca_reference_sample *sample, int step,
                        const double *before, double *after, uint8_t *fired, uint8_t *alive);
void nca_reference_step_backward(nca_session *session, const nca_reference_sample *sample,
                                 const double *state, const uint8_t *fired, const uint8_t *alive,
                                 const double *after, double *before);
// The weights of perception, for the angle of the rollout.
void nca_reference_set_weights(nca_session *session);
// Whether a cell counts as alive in a state [H,W,C] by the spec, after a rollout.
bool nca_reference_is_alive(const nca_session *session, const double *grid, int y, int x,
                            double threshold);

// rollout.c
nca_status nca_reference_forward(nca_session *session, const nca_rollout *rollout,
                                 nca_pass_report *report, nca_error *error);
nca_status nca_reference_loss(nca_session *session, nca_sample_report *samples, nca_error *error);
nca_status nca_reference_backward(nca_session *session, nca_pass_report *report, nca_error *error);

// loss.c: the loss of a sample; adds its gradient to `gradient` [H,W,C] unless that is NULL.
double nca_reference_sample_loss(const nca_session *session, int number, double *gradient);

// optimizer.c
nca_status nca_reference_update(nca_session *session, const nca_optimizer_step *step,
                                nca_update_report *report, nca_error *error);

#endif
