// Judges a rule over several fire-mask seeds, run as one batch: one trajectory from the seed,
// measured where it is asked; and from one moment of it the five cuts and random circles.
#include "eval/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/session.h"
#include "task/damage.h"
#include "task/subject.h"

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

bool nca_is_healed(double loss, double whole)
{
    return isfinite(loss) && loss <= whole + NCA_HEALED_WITHIN;
}

// An evaluation while it runs.
typedef struct judging {
    const nca_evaluate_options *options;
    const nca_backend *backend;
    nca_session *session;
    nca_shape shape;   // of it
    nca_subject subject;
    int done;                     // steps of the trajectory
    long total, gone;             // steps in all, for progress
    float *kept;                  // [seeds,H,W,C] at the cut
    float *seen;                  // [H,W,C] that is shown
    float *item;                  // of one item, to work in
    nca_sample *starts;           // [seeds] as they began
    nca_sample_report *samples;   // [seeds]
    double *losses;               // [seeds] log10, of the latest measurement
    double *whole;                // [seeds] the same of the pattern without damage
    double *values;               // [seeds] to be sorted
    double max_state;
} judging;

static nca_status report(judging *of, nca_error *error)
{
    NCA_TRY(of->backend->loss(of->session, of->samples, error));
    NCA_TRY(of->backend->synchronize(of->session, error));
    for (int i = 0; i < of->options->seeds; i++) {
        const double largest = of->samples[i].max_state;
        if (largest > of->max_state || isnan(largest))
            of->max_state = largest;
    }
    return NCA_OK;
}

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
                                     .angle = nca_radians(options->angle),
                                     .step_size = options->step_size,
                                     .alive_threshold = NCA_ALIVE_THRESHOLD};
        NCA_TRY(of->backend->forward(of->session, &rollout, NULL, error));
        NCA_TRY(report(of, error));
        if (options->stop && *options->stop)
            return nca_fail(error, NCA_INTERRUPTED, "stopped; nothing was written");
        of->gone += piece;
        if (options->progress)
            options->progress(options->context, (double)of->gone / (double)of->total);
    }
    return NCA_OK;
}

// log10 losses of the batch as it is; what is not finite counts as infinite.
static nca_status measure(judging *of, nca_spread *out, nca_error *error)
{
    NCA_TRY(report(of, error));
    for (int i = 0; i < of->options->seeds; i++) {
        const double loss = of->samples[i].loss;
        of->losses[i] = of->values[i] = isfinite(loss) ? log10(loss) : INFINITY;
    }
    *out = nca_spread_of(of->values, of->options->seeds);
    return NCA_OK;
}

static size_t batch_size(const judging *of)
{
    return nca_buffer_elements(&of->shape, NCA_BATCH);
}

static nca_status show(judging *of, nca_evaluate_moment moment, int number, nca_error *error)
{
    const nca_evaluate_options *options = of->options;
    if (!options->look)
        return NCA_OK;
    const size_t state = batch_size(of) / (size_t)options->seeds;
    NCA_TRY(of->backend->download(of->session, NCA_BATCH, 0, state, of->seen, error));
    NCA_TRY(of->backend->synchronize(of->session, error));
    options->look(options->look_context, moment, number, of->seen);
    return NCA_OK;
}

// The kept states some steps later, without what lies in the region; NULL: left whole.
static nca_status follow(judging *of, const nca_region *region, nca_spread *out, nca_error *error)
{
    const nca_evaluate_options *options = of->options;
    NCA_TRY(of->backend->upload(of->session, NCA_BATCH, 0, batch_size(of), of->kept, error));
    for (int i = 0; region && i < options->seeds; i++)
        NCA_TRY(of->backend->damage(of->session, i, region, error));
    NCA_TRY(go_on(of, options->cut_at, options->heal_steps, error));
    return measure(of, out, error);
}

static nca_status heal(judging *of, const nca_region *region, nca_healing *out, nca_error *error)
{
    NCA_TRY(follow(of, region, &out->loss, error));
    for (int i = 0; i < of->options->seeds; i++)
        out->seeds_healed += nca_is_healed(of->losses[i], of->whole[i]);
    return NCA_OK;
}

// Every damage is done to the same states, which go on as if nothing had happened.
static nca_status damage_and_heal(judging *of, nca_evaluation *out, nca_error *error)
{
    const nca_evaluate_options *options = of->options;
    const nca_key key = {.seed = options->seed};
    const nca_damage circle = {NCA_CIRCLE_RADIUS_MIN, NCA_CIRCLE_RADIUS_MAX, 0};
    NCA_TRY(of->backend->download(of->session, NCA_BATCH, 0, batch_size(of), of->kept, error));
    NCA_TRY(of->backend->synchronize(of->session, error));
    NCA_TRY(follow(of, NULL, &out->whole, error));
    memcpy(of->whole, of->losses, (size_t)options->seeds * sizeof *of->whole);
    NCA_TRY(show(of, NCA_EVALUATED_WHOLE, 0, error));
    for (int cut = 0; options->cuts && cut < NCA_CUT_COUNT; cut++) {
        const nca_region region = nca_cut_region(cut, of->shape.height, of->shape.width);
        NCA_TRY(heal(of, &region, &out->cut[cut], error));
        NCA_TRY(show(of, NCA_EVALUATED_CUT, cut, error));
    }
    for (int i = 0; i < options->circles; i++) {
        out->circle_region[i] =
            nca_damage_draw(key, (uint32_t)i, &circle, of->shape.height, of->shape.width);
        NCA_TRY(heal(of, &out->circle_region[i], &out->circle[i], error));
    }
    out->has_cuts = options->cuts;
    out->circles = options->circles;
    return of->backend->upload(of->session, NCA_BATCH, 0, batch_size(of), of->kept, error);
}

static nca_status finish_long_run(judging *of, nca_evaluation *out, nca_error *error)
{
    bool (*const is_dead)(const nca_sample_report *) = of->subject.task->is_dead;
    out->long_run = of->options->long_run;
    NCA_TRY(measure(of, &out->long_run_loss, error));
    for (int i = 0; i < of->options->seeds; i++) {
        const double largest = of->samples[i].max_state;
        if (largest > out->long_run_max_state || isnan(largest))   // NaN stays
            out->long_run_max_state = largest;
        out->long_run_dead += is_dead && is_dead(&of->samples[i]);
    }
    return NCA_OK;
}

static bool is_damaged(const nca_evaluate_options *options)
{
    return options->cuts || options->circles > 0;
}

// The next step at which something is measured or cut; -1 at the end.
static int next_moment(const judging *of, int measured)
{
    const nca_evaluate_options *options = of->options;
    int next = -1;
    if (measured < options->steps_count)
        next = options->steps[measured];
    if (is_damaged(options) && options->cut_at > of->done && (next < 0 || options->cut_at < next))
        next = options->cut_at;
    if (options->long_run > of->done && (next < 0 || options->long_run < next))
        next = options->long_run;
    return next;
}

// Every sample is a new one.
static nca_status begin(judging *of, nca_error *error)
{
    const nca_key key = {.seed = of->options->seed};
    const size_t state = batch_size(of) / (size_t)of->options->seeds;
    for (int i = 0; i < of->options->seeds; i++) {
        of->starts[i] = nca_subject_draw(&of->subject, key, (uint32_t)i);
        nca_subject_start(&of->subject, &of->starts[i], of->kept + (size_t)i * state);
    }
    NCA_TRY(nca_subject_upload_targets(&of->subject, of->starts, error));
    return of->backend->upload(of->session, NCA_BATCH, 0, batch_size(of), of->kept, error);
}

static nca_status judge(judging *of, nca_evaluation *out, nca_error *error)
{
    const nca_evaluate_options *options = of->options;
    NCA_TRY(begin(of, error));
    bool is_cut = !is_damaged(options);
    for (int next; (next = next_moment(of, out->steps_count)) >= 0;) {
        NCA_TRY(go_on(of, of->done, next - of->done, error));
        of->done = next;
        while (out->steps_count < options->steps_count &&
               options->steps[out->steps_count] == next) {
            out->step[out->steps_count] = next;
            NCA_TRY(measure(of, &out->loss_at[out->steps_count++], error));
            NCA_TRY(show(of, NCA_EVALUATED_STEP, next, error));
        }
        if (!is_cut && next == options->cut_at) {
            NCA_TRY(damage_and_heal(of, out, error));
            is_cut = true;
        }
        if (options->long_run > 0 && next == options->long_run)
            NCA_TRY(finish_long_run(of, out, error));
    }
    return NCA_OK;
}

static nca_status open_judging(judging *of, const nca_model *model, const nca_compute *compute,
                               nca_error *error)
{
    const nca_layout layout = nca_layout_of(&model->spec);
    const size_t seeds = (size_t)of->options->seeds;
    char what[96];
    snprintf(what, sizeof what, "--seeds %d on a grid of %dx%d", of->shape.batch, of->shape.height,
             of->shape.width);
    NCA_TRY(nca_session_open(compute, &of->shape, batch_size(of) * sizeof *of->kept, what,
                             &of->session, error));
    of->kept = malloc(batch_size(of) * sizeof *of->kept);
    of->starts = calloc(seeds, sizeof *of->starts);
    of->samples = calloc(seeds, sizeof *of->samples);
    of->losses = calloc(3 * seeds, sizeof *of->losses);
    of->seen = malloc(batch_size(of) / seeds * sizeof *of->seen);
    of->item = calloc(nca_values_size(&of->shape), sizeof *of->item);
    if (!of->kept || !of->starts || !of->samples || !of->losses || !of->seen || !of->item)
        return nca_fail(error, NCA_MEMORY, "--seeds %zu: no memory for their states", seeds);
    of->whole = of->losses + seeds;
    of->values = of->whole + seeds;
    of->subject.session = of->session;
    of->subject.values = of->item;
    return of->backend->upload(of->session, NCA_PARAMETERS, 0, layout.total, model->parameters,
                               error);
}

static long count_steps(const nca_evaluate_options *options)
{
    long last = options->steps_count > 0 ? options->steps[options->steps_count - 1] : 0;
    if (is_damaged(options) && options->cut_at > last)
        last = options->cut_at;
    if (options->long_run > last)
        last = options->long_run;
    const int damages = (options->cuts ? NCA_CUT_COUNT : 0) + options->circles;
    return last + (damages > 0 ? (damages + 1L) * options->heal_steps : 0);
}

nca_status nca_evaluate(const nca_model *model, const nca_task *task, const void *content,
                        const nca_evaluate_options *options, const nca_compute *compute,
                        nca_evaluation *out, nca_error *error)
{
    judging of = {.options = options,
                  .backend = compute->backend,
                  .shape = nca_judging_shape(task, &model->spec, options->seeds,
                                             options->grid.height, options->grid.width),
                  .subject = {.task = task, .content = content, .backend = compute->backend},
                  .total = count_steps(options)};
    nca_evaluation evaluation = {0};
    nca_status status;
    of.subject.shape = &of.shape;
    if (task->check)
        NCA_GO(task->check(content, &of.shape, error));
    NCA_GO(open_judging(&of, model, compute, error));
    NCA_GO(judge(&of, &evaluation, error));
    evaluation.max_state = of.max_state;
    *out = evaluation;
cleanup:
    of.backend->destroy(of.session);
    free(of.kept);
    free(of.seen);
    free(of.item);
    free(of.starts);
    free(of.samples);
    free(of.losses);
    return status;
}
