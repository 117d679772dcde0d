// A session with a living disc and a rule that leaves it alive, on which steps and kernels are
// timed: for measure.c, and for bench/kernels.
#ifndef NCA_VERIFY_MEASURING_H
#define NCA_VERIFY_MEASURING_H

#include "verify/measure.h"

// Forward, loss, backward, update.
enum { NCA_MEASURING_PARTS = 4 };

// A measurement while it runs.
typedef struct nca_measuring {
    const nca_measure_options *options;
    const nca_backend *backend;
    nca_device *device;
    nca_session *session;
    float *states;   // [B,H,W,C] before every step
    nca_sample_report *samples;
    nca_pass_report forward, backward;   // of the latest step
    double radius;                       // of the disc, in cells
    int64_t time;                        // of Adam
} nca_measuring;

// Opens a session of options->shape whose steps have about the asked fraction of active cells; the
// caller closes it, whatever is returned. NCA_ARGUMENT where no disc is small enough.
nca_status nca_measuring_open(const nca_measure_options *options, const nca_compute *compute,
                              nca_measuring *out, nca_error *error);
void nca_measuring_close(nca_measuring *measuring);
// One train step from the disc; the seconds of its parts.
nca_status nca_measuring_step(nca_measuring *measuring, bool is_clocked,
                              double seconds[NCA_MEASURING_PARTS], nca_error *error);
nca_session_info nca_measuring_about(const nca_measuring *measuring);
double nca_measuring_active_fraction(const nca_pass_report *report);

// Sorts what it is given.
nca_timing nca_timing_of(double *seconds, int count);

#endif
