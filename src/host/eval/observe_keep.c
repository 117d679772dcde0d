// What an observation keeps of the states that pass by. Its amounts are bounded here, which bounds
// the page: frames by their pixels, sampled cells by a lattice.
#include "eval/observe_keep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "task/subject.h"

enum {
    PICTURE_SIDE_MAX = 256,        // pixels of a frame
    GROWTH_PIXELS = 300 * 1000,    // of all frames of the growth
    HEALING_PIXELS = 250 * 1000,   // of all frames of one rollout after the cut
    FRAMES_MIN = 8,
    FRAMES_MAX = 60,
    LATTICE_SIDE_MAX = 80,
    SAMPLES_MAX = 120,
    SAMPLED_FLOATS = 24 << 20,
};

static int divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static nca_observed_frames plan_frames(int first, int last, int budget, int pixels)
{
    const int affordable = larger(budget / pixels, FRAMES_MIN);
    const int wanted = affordable < FRAMES_MAX ? affordable : FRAMES_MAX;
    nca_observed_frames frames = {.first = first,
                                  .every = larger(divide_up(last - first, wanted), 1)};
    frames.count = divide_up(last - first, frames.every) + 1;   // the last step always
    return frames;
}

static void plan_lattice(nca_observation *observation)
{
    observation->stride =
        divide_up(larger(observation->height, observation->width), LATTICE_SIDE_MAX);
    observation->lattice_height = divide_up(observation->height, observation->stride);
    observation->lattice_width = divide_up(observation->width, observation->stride);
    const int floats =
        observation->lattice_height * observation->lattice_width * observation->spec.channels;
    int samples = larger(SAMPLED_FLOATS / floats, 2);
    samples = samples < SAMPLES_MAX ? samples : SAMPLES_MAX;
    observation->sample_every = divide_up(observation->steps, samples);
    observation->samples = observation->steps / observation->sample_every + 1;
}

static bool allocate_frames(nca_observed_frames *frames, size_t pixels)
{
    frames->rgb = malloc((size_t)frames->count * pixels * 3);
    return frames->rgb != NULL;
}

static bool allocate(nca_observation *observation)
{
    const size_t moments = (size_t)observation->steps + 1,
                 channels = (size_t)observation->spec.channels;
    const size_t cells = (size_t)observation->height * (size_t)observation->width;
    const size_t lattice = (size_t)observation->lattice_height * (size_t)observation->lattice_width;
    const size_t pixels = (size_t)observation->picture_height * (size_t)observation->picture_width;
    observation->loss = malloc(NCA_OBSERVED_ROLLOUTS * moments * sizeof *observation->loss);
    observation->figure = malloc(((size_t)observation->figures * NCA_OBSERVED_ROLLOUTS + 1) *
                                 moments * sizeof *observation->figure);
    observation->trace =
        malloc(NCA_OBSERVED_CELLS * moments * channels * sizeof *observation->trace);
    observation->sampled =
        malloc((size_t)observation->samples * lattice * channels * sizeof *observation->sampled);
    observation->ring_low =
        malloc((size_t)observation->rings * channels * sizeof *observation->ring_low);
    observation->ring_high =
        malloc((size_t)observation->rings * channels * sizeof *observation->ring_high);
    observation->young = malloc(cells * channels * sizeof *observation->young);
    observation->grown = malloc(cells * channels * sizeof *observation->grown);
    bool is_whole = observation->loss && observation->figure && observation->trace &&
                    observation->sampled && observation->ring_low && observation->ring_high &&
                    observation->young && observation->grown &&
                    allocate_frames(&observation->growth, pixels);
    for (int i = 0; i < observation->rollouts; i++)
        is_whole = is_whole && allocate_frames(&observation->healing[i], pixels);
    return is_whole;
}

int nca_observed_rollouts(const nca_task *task)
{
    const nca_task_judging *usual = nca_task_judging_of(task);
    return usual->cuts ? NCA_OBSERVED_ROLLOUTS : usual->exchange ? 2 : 1;
}

static void name_rollouts(const nca_task *task, nca_observation *observation)
{
    const int whole = observation->rollouts - 1;
    for (int i = 0; i < whole; i++)
        observation->name[i] = observation->is_exchange ? "exchanged" : nca_cut_name(i);
    observation->name[whole] = observation->is_exchange ? "not exchanged"
                               : whole > 0              ? "not cut"
                               : task->victim           ? "attacked"
                                                        : "undisturbed";
}

nca_status nca_observation_create(const nca_shape *shape, const nca_task *task,
                                  const nca_observe_options *options, nca_observation *out,
                                  nca_error *error)
{
    const int height = shape->height, width = shape->width, channels = shape->spec.channels;
    nca_observation observation = {.height = height,
                                   .width = width,
                                   .spec = shape->spec,
                                   .paint = task->paint,
                                   .figures = nca_task_figures(task),
                                   .cut_at = options->cut_at,
                                   .is_exchange = nca_observed_rollouts(task) == 2,
                                   .rollouts = nca_observed_rollouts(task),
                                   .steps = options->cut_at + options->heal_steps,
                                   .shrink = divide_up(larger(height, width), PICTURE_SIDE_MAX),
                                   .young_step = options->cut_at / 5};
    memcpy(observation.cell, options->cell, sizeof observation.cell);
    name_rollouts(task, &observation);
    observation.picture_height = divide_up(height, observation.shrink);
    observation.picture_width = divide_up(width, observation.shrink);
    observation.rings = (int)(hypot(height / 2, width / 2) + 0.5) + 1;
    const int pixels = observation.picture_height * observation.picture_width;
    observation.growth = plan_frames(0, observation.cut_at, GROWTH_PIXELS, pixels);
    for (int i = 0; i < observation.rollouts; i++)
        observation.healing[i] =
            plan_frames(observation.cut_at, observation.steps, HEALING_PIXELS, pixels);
    plan_lattice(&observation);
    NCA_TRY(nca_memory_check(
        nca_memory_sum(
            nca_memory_product((uint64_t)height * (uint64_t)width, (uint64_t)channels, 2, 4),
            nca_memory_product((uint64_t)observation.steps, (uint64_t)channels, NCA_OBSERVED_CELLS,
                               4)),
        error, "watching %d steps of %dx%d cells", observation.steps, height, width));
    if (!allocate(&observation)) {
        nca_observation_free(&observation);
        return nca_fail(error, NCA_MEMORY, "no memory to watch %d steps of %dx%d cells",
                        observation.steps, height, width);
    }
    for (int i = 0; i < observation.rings * channels; i++) {
        observation.ring_low[i] = INFINITY;
        observation.ring_high[i] = -INFINITY;
    }
    *out = observation;
    return NCA_OK;
}

void nca_observation_free(nca_observation *observation)
{
    free(observation->loss);
    free(observation->figure);
    free(observation->trace);
    free(observation->sampled);
    free(observation->ring_low);
    free(observation->ring_high);
    free(observation->young);
    free(observation->grown);
    free(observation->growth.rgb);
    for (int i = 0; i < NCA_OBSERVED_ROLLOUTS; i++)
        free(observation->healing[i].rgb);
    *observation = (nca_observation){0};
}

static void widen_rings(nca_observation *observation, const float *state)
{
    for (int y = 0; y < observation->height; y++)
        for (int x = 0; x < observation->width; x++) {
            const int ring =
                (int)(hypot(y - observation->height / 2, x - observation->width / 2) + 0.5);
            float *low = observation->ring_low + ring * observation->spec.channels;
            float *high = observation->ring_high + ring * observation->spec.channels;
            for (int k = 0; k < observation->spec.channels; k++, state++) {
                low[k] = *state < low[k] ? *state : low[k];
                high[k] = *state > high[k] ? *state : high[k];
            }
        }
}

static void take_sample(nca_observation *observation, int sample, const float *state)
{
    const size_t cell = (size_t)observation->spec.channels;
    float *to = observation->sampled + (size_t)sample * (size_t)observation->lattice_height *
                                           (size_t)observation->lattice_width * cell;
    for (int y = 0; y < observation->height; y += observation->stride)
        for (int x = 0; x < observation->width; x += observation->stride, to += cell)
            memcpy(to, state + ((size_t)y * (size_t)observation->width + (size_t)x) * cell,
                   cell * sizeof *to);
}

void nca_observation_follow(nca_observation *observation, int step, const float *state)
{
    const size_t cell = (size_t)observation->spec.channels;
    for (int i = 0; i < NCA_OBSERVED_CELLS; i++)
        memcpy(observation->trace +
                   ((size_t)i * ((size_t)observation->steps + 1) + (size_t)step) * cell,
               state + ((size_t)observation->cell[i][0] * (size_t)observation->width +
                        (size_t)observation->cell[i][1]) *
                           cell,
               cell * sizeof *state);
    if (step % observation->sample_every == 0)
        take_sample(observation, step / observation->sample_every, state);
    widen_rings(observation, state);
}

bool nca_observed_frame_is_due(const nca_observed_frames *frames, int step)
{
    return (step - frames->first) % frames->every == 0;
}

// The mean of a block of pixels, which at the border may be cut short.
static uint8_t mean_of(const nca_observation *observation, const uint8_t *rgb, int top, int left,
                       int k)
{
    const int bottom = top + observation->shrink < observation->height ? top + observation->shrink
                                                                       : observation->height;
    const int right = left + observation->shrink < observation->width ? left + observation->shrink
                                                                      : observation->width;
    int sum = 0;
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            sum += rgb[((size_t)y * (size_t)observation->width + (size_t)x) * 3 + (size_t)k];
    return (uint8_t)(sum / ((bottom - top) * (right - left)));
}

void nca_observed_frame_add(const nca_observation *observation, nca_observed_frames *frames,
                            int step, const float *state, uint8_t *scratch)
{
    const int frame = divide_up(step - frames->first, frames->every);
    const size_t pixels = (size_t)observation->picture_height * (size_t)observation->picture_width;
    uint8_t *to = frames->rgb + (size_t)frame * pixels * 3;
    observation->paint(state, observation->height, observation->width, observation->spec.channels,
                       scratch);
    for (int y = 0; y < observation->height; y += observation->shrink)
        for (int x = 0; x < observation->width; x += observation->shrink)
            for (int k = 0; k < 3; k++)
                *to++ = mean_of(observation, scratch, y, x, k);
}
