// Judges a rule: does it grow, hold and heal. Every figure is over several fire-mask seeds.
#ifndef NCA_STUDY_EVALUATE_H
#define NCA_STUDY_EVALUATE_H

#include "nca/backend.h"
#include "nca/image.h"
#include "nca/model.h"

// The article's five cuts: X(enum, name). Upper is rows 0..H/2-1 and lower the others, left is
// columns 0..W/2-1 and right the others, so that the middle line of an odd side goes with lower and
// right. The centre is two ninths of the sides: 16x16 of 72x72.
#define NCA_CUTS(X) \
    X(UPPER, "upper") X(LOWER, "lower") X(LEFT, "left") X(RIGHT, "right") X(CENTER, "center")
enum {
#define NCA_CUT_ENUM(name, text) NCA_CUT_##name,
    NCA_CUTS(NCA_CUT_ENUM)
#undef NCA_CUT_ENUM
        NCA_CUT_COUNT,
};

// The region a cut clears on a grid of this size.
nca_region nca_cut_region(int cut, int height, int width);
const char *nca_cut_name(int cut);

// log10 losses over the seeds.
typedef struct nca_spread {
    double median, min, max;
} nca_spread;
nca_spread nca_spread_of(double *values, int count);   // sorts the values

enum { NCA_EVALUATE_STEPS_MAX = 32 };

typedef struct nca_evaluate_options {
    int seeds;                           // fire-mask seeds, run as one batch
    uint64_t seed;                       // key of all: fire bits differ by the slot of the batch
    int steps[NCA_EVALUATE_STEPS_MAX];   // ascending
    int steps_count;
    int cut_at;                           // step of the cut, 200
    int heal_steps;                       // steps after it, 400
    bool cuts;                            // whether to cut at all
    int long_run;                         // steps of the long run, 10000; 0: none
    double fire_rate, angle, step_size;   // as the model says, unless changed; angle in degrees
    void (*progress)(void *context, double done);   // 0..1; may be NULL
    void *context;
} nca_evaluate_options;

typedef struct nca_evaluation {
    int steps_count;
    int step[NCA_EVALUATE_STEPS_MAX];
    nca_spread loss_at[NCA_EVALUATE_STEPS_MAX];
    bool has_cuts;
    nca_spread healed[NCA_CUT_COUNT];
    int long_run;   // 0: none
    nca_spread long_run_loss;
    double long_run_max_state;   // largest |x| at its end
    int long_run_dead;           // seeds whose pattern died out
} nca_evaluation;

// `target` is padded to the grid already.
nca_status nca_evaluate(const nca_model *model, const nca_image *target,
                        const nca_evaluate_options *options, const nca_compute *compute,
                        nca_evaluation *out, nca_error *error);

#endif
