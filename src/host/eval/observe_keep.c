// What an observation keeps of the states that pass by. Its amounts are bounded here, which bounds
// the page: frames by their pixels, sampled cells by a lattice.
#include "eval/observe_keep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

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

static void plan_lattice(nca_observation *of)
{
    of->stride = divide_up(larger(of->height, of->width), LATTICE_SIDE_MAX);
    of->lattice_height = divide_up(of->height, of->stride);
    of->lattice_width = divide_up(of->width, of->stride);
    const int floats = of->lattice_height * of->lattice_width * of->channels;
    int samples = larger(SAMPLED_FLOATS / floats, 2);
    samples = samples < SAMPLES_MAX ? samples : SAMPLES_MAX;
    of->sample_every = divide_up(of->steps, samples);
    of->samples = of->steps / of->sample_every + 1;
}

static bool allocate_frames(nca_observed_frames *frames, size_t pixels)
{
    frames->rgb = malloc((size_t)frames->count * pixels * 3);
    return frames->rgb != NULL;
}

static bool allocate(nca_observation *of)
{
    const size_t moments = (size_t)of->steps + 1, channels = (size_t)of->channels;
    const size_t cells = (size_t)of->height * (size_t)of->width;
    const size_t lattice = (size_t)of->lattice_height * (size_t)of->lattice_width;
    const size_t pixels = (size_t)of->picture_height * (size_t)of->picture_width;
    of->loss = malloc(NCA_OBSERVED_ROLLOUTS * moments * sizeof *of->loss);
    of->trace = malloc(NCA_OBSERVED_CELLS * moments * channels * sizeof *of->trace);
    of->sampled = malloc((size_t)of->samples * lattice * channels * sizeof *of->sampled);
    of->ring_low = malloc((size_t)of->rings * channels * sizeof *of->ring_low);
    of->ring_high = malloc((size_t)of->rings * channels * sizeof *of->ring_high);
    of->young = malloc(cells * channels * sizeof *of->young);
    of->grown = malloc(cells * channels * sizeof *of->grown);
    bool is_whole = of->loss && of->trace && of->sampled && of->ring_low && of->ring_high &&
                    of->young && of->grown && allocate_frames(&of->growth, pixels);
    for (int i = 0; i < NCA_OBSERVED_ROLLOUTS; i++)
        is_whole = is_whole && allocate_frames(&of->healing[i], pixels);
    return is_whole;
}

nca_status nca_observation_create(int height, int width, int channels,
                                  const nca_observe_options *options, nca_observation *out,
                                  nca_error *error)
{
    nca_observation of = {.height = height,
                          .width = width,
                          .channels = channels,
                          .cut_at = options->cut_at,
                          .steps = options->cut_at + options->heal_steps,
                          .shrink = divide_up(larger(height, width), PICTURE_SIDE_MAX),
                          .young_step = options->cut_at / 5};
    memcpy(of.cell, options->cell, sizeof of.cell);
    of.picture_height = divide_up(height, of.shrink);
    of.picture_width = divide_up(width, of.shrink);
    of.rings = (int)(hypot(height / 2, width / 2) + 0.5) + 1;
    const int pixels = of.picture_height * of.picture_width;
    of.growth = plan_frames(0, of.cut_at, GROWTH_PIXELS, pixels);
    for (int i = 0; i < NCA_OBSERVED_ROLLOUTS; i++)
        of.healing[i] = plan_frames(of.cut_at, of.steps, HEALING_PIXELS, pixels);
    plan_lattice(&of);
    NCA_TRY(nca_memory_check(
        nca_memory_sum(
            nca_memory_product((uint64_t)height * (uint64_t)width, (uint64_t)channels, 2, 4),
            nca_memory_product((uint64_t)of.steps, (uint64_t)channels, NCA_OBSERVED_CELLS, 4)),
        error, "watching %d steps of %dx%d cells", of.steps, height, width));
    if (!allocate(&of)) {
        nca_observation_free(&of);
        return nca_fail(error, NCA_MEMORY, "no memory to watch %d steps of %dx%d cells", of.steps,
                        height, width);
    }
    for (int i = 0; i < of.rings * channels; i++) {
        of.ring_low[i] = INFINITY;
        of.ring_high[i] = -INFINITY;
    }
    *out = of;
    return NCA_OK;
}

void nca_observation_free(nca_observation *of)
{
    free(of->loss);
    free(of->trace);
    free(of->sampled);
    free(of->ring_low);
    free(of->ring_high);
    free(of->young);
    free(of->grown);
    free(of->growth.rgb);
    for (int i = 0; i < NCA_OBSERVED_ROLLOUTS; i++)
        free(of->healing[i].rgb);
    *of = (nca_observation){0};
}

static void widen_rings(nca_observation *of, const float *state)
{
    for (int y = 0; y < of->height; y++)
        for (int x = 0; x < of->width; x++) {
            const int ring = (int)(hypot(y - of->height / 2, x - of->width / 2) + 0.5);
            float *low = of->ring_low + ring * of->channels;
            float *high = of->ring_high + ring * of->channels;
            for (int k = 0; k < of->channels; k++, state++) {
                low[k] = *state < low[k] ? *state : low[k];
                high[k] = *state > high[k] ? *state : high[k];
            }
        }
}

static void take_sample(nca_observation *of, int sample, const float *state)
{
    const size_t cell = (size_t)of->channels;
    float *to = of->sampled +
                (size_t)sample * (size_t)of->lattice_height * (size_t)of->lattice_width * cell;
    for (int y = 0; y < of->height; y += of->stride)
        for (int x = 0; x < of->width; x += of->stride, to += cell)
            memcpy(to, state + ((size_t)y * (size_t)of->width + (size_t)x) * cell,
                   cell * sizeof *to);
}

void nca_observation_follow(nca_observation *of, int step, const float *state)
{
    const size_t cell = (size_t)of->channels;
    for (int i = 0; i < NCA_OBSERVED_CELLS; i++)
        memcpy(of->trace + ((size_t)i * ((size_t)of->steps + 1) + (size_t)step) * cell,
               state + ((size_t)of->cell[i][0] * (size_t)of->width + (size_t)of->cell[i][1]) * cell,
               cell * sizeof *state);
    if (step % of->sample_every == 0)
        take_sample(of, step / of->sample_every, state);
    widen_rings(of, state);
}

bool nca_observed_frame_is_due(const nca_observed_frames *frames, int step)
{
    return (step - frames->first) % frames->every == 0;
}

// The mean of a block of pixels, which at the border may be cut short.
static uint8_t mean_of(const nca_observation *of, const uint8_t *rgb, int top, int left, int k)
{
    const int bottom = top + of->shrink < of->height ? top + of->shrink : of->height;
    const int right = left + of->shrink < of->width ? left + of->shrink : of->width;
    int sum = 0;
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            sum += rgb[((size_t)y * (size_t)of->width + (size_t)x) * 3 + (size_t)k];
    return (uint8_t)(sum / ((bottom - top) * (right - left)));
}

void nca_observed_frame_add(const nca_observation *of, nca_observed_frames *frames, int step,
                            const float *state, uint8_t *scratch)
{
    const int frame = divide_up(step - frames->first, frames->every);
    const size_t pixels = (size_t)of->picture_height * (size_t)of->picture_width;
    uint8_t *to = frames->rgb + (size_t)frame * pixels * 3;
    of->paint(state, of->height, of->width, of->channels, scratch);
    for (int y = 0; y < of->height; y += of->shrink)
        for (int x = 0; x < of->width; x += of->shrink)
            for (int k = 0; k < 3; k++)
                *to++ = mean_of(of, scratch, y, x, k);
}
