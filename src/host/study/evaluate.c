// Judges a rule over several fire-mask seeds, run as one batch: one trajectory from the seed,
// measured where it is asked; and from one moment of it the five cuts.
#include "study/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

static const char *const cut_names[NCA_CUT_COUNT] = {
#define NCA_CUT_TEXT(name, text) text,
    NCA_CUTS(NCA_CUT_TEXT)
#undef NCA_CUT_TEXT
};

const char *nca_cut_name(int cut)
{
    return cut_names[cut];
}

nca_region nca_cut_region(int cut, int height, int width)
{
    nca_region region = {.kind = NCA_REGION_BOX, .bottom = height, .right = width};
    // The article's centre is 16x16 of 72x72: two ninths of a side.
    const int tall = (height * 2 + 4) / 9, wide = (width * 2 + 4) / 9;
    switch (cut) {
    case NCA_CUT_UPPER:
        region.bottom = height / 2;
        break;
    case NCA_CUT_LOWER:
        region.top = height / 2;
        break;
    case NCA_CUT_LEFT:
        region.right = width / 2;
        break;
    case NCA_CUT_RIGHT:
        region.left = width / 2;
        break;
    default:
        region.top = (height - tall) / 2;
        region.bottom = region.top + tall;
        region.left = (width - wide) / 2;
        region.right = region.left + wide;
        break;
    }
    return region;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

nca_spread nca_spread_of(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    const double middle =
        count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    return (nca_spread){.median = middle, .min = values[0], .max = values[count - 1]};
}

// An evaluation while it runs.
typedef struct judging {
    const nca_evaluate_options *options;
    const nca_backend *backend;
    nca_session *session;
    int height, width, channels;
    int done;                     // steps of the trajectory
    long total, gone;             // steps in all, for progress
    float *kept;                  // [seeds,H,W,C] at the cut
    nca_sample_report *samples;   // [seeds]
    double *values;               // [seeds]
} judging;

static nca_status go_on(judging *of, int from, int steps, nca_error *error)
{
    enum { PIECE = 100 };
    const nca_evaluate_options *options = of->options;
    for (int gone = 0; gone < steps; gone += PIECE) {
        const int piece = steps - gone < PIECE ? steps - gone : PIECE;
        const nca_rollout rollout = {.steps = piece,
                                     .first_step = from + gone,
                                     .key = {.seed = options->seed},
                                     .fire_rate = options->fire_rate,
                                     .angle = options->angle * (3.14159265358979323846 / 180),
                                     .step_size = options->step_size,
                                     .alive_threshold = NCA_ALIVE_THRESHOLD};
        NCA_TRY(of->backend->forward(of->session, &rollout, NULL, error));
        of->gone += piece;
        if (options->progress)
            options->progress(options->context, (double)of->gone / (double)of->total);
    }
    return NCA_OK;
}

// log10 losses of the batch as it is; what is not finite counts as infinite.
static nca_status measure(judging *of, nca_spread *out, nca_error *error)
{
    NCA_TRY(of->backend->loss(of->session, of->samples, error));
    NCA_TRY(of->backend->synchronize(of->session, error));
    for (int i = 0; i < of->options->seeds; i++) {
        const double loss = of->samples[i].loss;
        of->values[i] = isfinite(loss) ? log10(loss) : INFINITY;
    }
    *out = nca_spread_of(of->values, of->options->seeds);
    return NCA_OK;
}

static size_t batch_size(const judging *of)
{
    return nca_state_size((size_t)of->options->seeds, (size_t)of->height, (size_t)of->width,
                          (size_t)of->channels);
}

static nca_status heal(judging *of, nca_evaluation *out, nca_error *error)
{
    const nca_evaluate_options *options = of->options;
    out->has_cuts = true;
    NCA_TRY(of->backend->download(of->session, NCA_BATCH, 0, batch_size(of), of->kept, error));
    NCA_TRY(of->backend->synchronize(of->session, error));
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++) {
        const nca_region region = nca_cut_region(cut, of->height, of->width);
        NCA_TRY(of->backend->upload(of->session, NCA_BATCH, 0, batch_size(of), of->kept, error));
        for (int i = 0; i < options->seeds; i++)
            NCA_TRY(of->backend->damage(of->session, i, &region, error));
        NCA_TRY(go_on(of, options->cut_at, options->heal_steps, error));
        NCA_TRY(measure(of, &out->healed[cut], error));
    }
    return of->backend->upload(of->session, NCA_BATCH, 0, batch_size(of), of->kept, error);
}

static nca_status finish_long_run(judging *of, nca_evaluation *out, nca_error *error)
{
    out->long_run = of->options->long_run;
    NCA_TRY(measure(of, &out->long_run_loss, error));
    for (int i = 0; i < of->options->seeds; i++) {
        const double largest = of->samples[i].max_state;
        if (largest > out->long_run_max_state || isnan(largest))   // NaN stays
            out->long_run_max_state = largest;
        out->long_run_dead += of->samples[i].alive_cells == 0;
    }
    return NCA_OK;
}

// The next step at which something is measured or cut; -1 at the end.
static int next_moment(const judging *of, int measured)
{
    const nca_evaluate_options *options = of->options;
    int next = -1;
    if (measured < options->steps_count)
        next = options->steps[measured];
    if (options->cuts && options->cut_at > of->done && (next < 0 || options->cut_at < next))
        next = options->cut_at;
    if (options->long_run > of->done && (next < 0 || options->long_run < next))
        next = options->long_run;
    return next;
}

static nca_status judge(judging *of, nca_evaluation *out, nca_error *error)
{
    const nca_evaluate_options *options = of->options;
    for (int i = 0; i < options->seeds; i++)
        NCA_TRY(of->backend->seed(of->session, i, of->height / 2, of->width / 2, true, error));
    bool is_cut = !options->cuts;
    for (int next; (next = next_moment(of, out->steps_count)) >= 0;) {
        NCA_TRY(go_on(of, of->done, next - of->done, error));
        of->done = next;
        while (out->steps_count < options->steps_count &&
               options->steps[out->steps_count] == next) {
            out->step[out->steps_count] = next;
            NCA_TRY(measure(of, &out->loss_at[out->steps_count++], error));
        }
        if (!is_cut && next == options->cut_at) {
            NCA_TRY(heal(of, out, error));
            is_cut = true;
        }
        if (options->long_run > 0 && next == options->long_run)
            NCA_TRY(finish_long_run(of, out, error));
    }
    return NCA_OK;
}

static nca_status open_judging(judging *of, const nca_model *model, const nca_image *target,
                               const nca_compute *compute, nca_error *error)
{
    const nca_layout layout = nca_layout_of(model->channels, model->hidden);
    const size_t seeds = (size_t)of->options->seeds;
    const nca_shape shape = {.batch = of->options->seeds,
                             .height = of->height,
                             .width = of->width,
                             .channels = model->channels,
                             .hidden = model->hidden};
    char what[96];
    snprintf(what, sizeof what, "--seeds %d on a grid of %dx%d", shape.batch, of->height,
             of->width);
    NCA_TRY(nca_session_open(compute, &shape, batch_size(of) * sizeof *of->kept, what, &of->session,
                             error));
    of->kept = malloc(batch_size(of) * sizeof *of->kept);
    of->samples = calloc(seeds, sizeof *of->samples);
    of->values = calloc(seeds, sizeof *of->values);
    if (!of->kept || !of->samples || !of->values)
        return nca_fail(error, NCA_MEMORY, "--seeds %zu: no memory for their states", seeds);
    NCA_TRY(of->backend->upload(of->session, NCA_PARAMETERS, 0, layout.total, model->parameters,
                                error));
    return of->backend->upload(of->session, NCA_TARGET, 0,
                               (size_t)of->height * (size_t)of->width * NCA_VISIBLE, target->pixels,
                               error);
}

static long count_steps(const nca_evaluate_options *options)
{
    long last = options->steps_count > 0 ? options->steps[options->steps_count - 1] : 0;
    if (options->cuts && options->cut_at > last)
        last = options->cut_at;
    if (options->long_run > last)
        last = options->long_run;
    return last + (options->cuts ? (long)NCA_CUT_COUNT * options->heal_steps : 0);
}

nca_status nca_evaluate(const nca_model *model, const nca_image *target,
                        const nca_evaluate_options *options, const nca_compute *compute,
                        nca_evaluation *out, nca_error *error)
{
    judging of = {.options = options,
                  .backend = compute->backend,
                  .height = target->height,
                  .width = target->width,
                  .channels = model->channels,
                  .total = count_steps(options)};
    nca_evaluation evaluation = {0};
    nca_status status = open_judging(&of, model, target, compute, error);
    if (status == NCA_OK)
        status = judge(&of, &evaluation, error);
    of.backend->destroy(of.session);
    free(of.kept);
    free(of.samples);
    free(of.values);
    if (status == NCA_OK)
        *out = evaluation;
    return status;
}
