// What a run will take, from a few timed steps and the sizes of its files.
#include "run/run_estimate.h"

#include <math.h>

#include "nca/spec.h"
#include "verify/measuring.h"

// Steps that are timed, and what a line of the metrics, the loss curve and a cell of the pictures
// and films take, as measured on a run of the default preset.
enum { TIMED_STEPS = 8, REPEATS = 3, POOL_SHOWN = 64, LINE_BYTES = 240, CURVE_BYTES = 70000 };
static const double picture_bytes_a_cell = 1.5, film_bytes_a_cell = 180;

// Cells within two of a visible one: where a rule that grows the target has something.
static int64_t count_busy(const nca_image *target)
{
    int64_t count = 0;
    for (int y = 0; y < target->height; y++)
        for (int x = 0; x < target->width; x++) {
            bool is_busy = false;
            for (int v = y - 2; v <= y + 2; v++)
                for (int u = x - 2; u <= x + 2; u++)
                    if (v >= 0 && u >= 0 && v < target->height && u < target->width)
                        is_busy |= target->pixels[4 * (v * target->width + u) + NCA_ALPHA] >
                                   NCA_ALIVE_THRESHOLD;
            count += is_busy;
        }
    return count;
}

// The quickest of a few: whatever else the machine does only adds to them.
static nca_status time_update(const nca_measure_options *options, const nca_compute *compute,
                              double *seconds, nca_error *error)
{
    nca_measuring measuring;
    nca_status status;
    *seconds = INFINITY;
    NCA_GO(nca_measuring_open(options, compute, &measuring, error));
    for (int i = 0; i < REPEATS; i++) {
        double part[NCA_MEASURING_PARTS], sum = 0;
        NCA_GO(nca_measuring_step(&measuring, false, part, error));
        for (int k = 0; k < NCA_MEASURING_PARTS; k++)
            sum += part[k];
        *seconds = fmin(*seconds, sum);
    }
cleanup:
    nca_measuring_close(&measuring);
    return status;
}

static double size_of_folder(const nca_config *config, const nca_plan *plan, double busy)
{
    const double parameters = (double)nca_layout_of(&plan->spec).total * sizeof(float);
    const double cells = (double)plan->grid.height * plan->grid.width;
    const double pool =
        (double)config->pool * (busy * (double)config->channels * sizeof(float) + cells / 8);
    const double checkpoint = parameters * (2 + 2 * NCA_OPTIMIZER_BLOCKS) + pool;
    const double shown = fmin((double)config->pool, POOL_SHOWN) + 2 * (double)config->batch;
    const double pictures = floor((double)config->updates / (double)config->pictures_every) + 1;
    return parameters + checkpoint * (double)config->keep + LINE_BYTES * (double)config->updates +
           CURVE_BYTES + pictures * shown * cells * picture_bytes_a_cell +
           film_bytes_a_cell * cells;
}

nca_status nca_run_estimate_make(const nca_config *config, const nca_plan *plan,
                                 const nca_image *target, const nca_compute *compute,
                                 nca_run_estimate *out, nca_error *error)
{
    const double cells = (double)plan->grid.height * plan->grid.width;
    const double busy = target ? (double)count_busy(target) : cells;
    const double steps = (double)(config->steps_min + config->steps_max) / 2;
    nca_measure_options options = {.shape = {.batch = (int)config->batch,
                                             .height = plan->grid.height,
                                             .width = plan->grid.width,
                                             .tape_steps = TIMED_STEPS,
                                             .spec = plan->spec},
                                   .active = busy / cells * config->fire_rate,
                                   .fire_rate = config->fire_rate,
                                   .seed = 1};
    double seconds;
    NCA_TRY(time_update(&options, compute, &seconds, error));
    *out = (nca_run_estimate){.update_seconds = seconds * steps / TIMED_STEPS,
                              .bytes = size_of_folder(config, plan, busy)};
    return NCA_OK;
}
