// The channels of a run over time and by place: three cells at every step, every living cell at
// some, ranges by distance from the centre.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/page_json.h"

enum {
    MOMENTS_MAX = 1200,            // of a followed cell
    SAMPLED_BYTES = 1400 * 1000,   // of all living cells together
};

// Samples of the lattice, as they become bytes.
typedef struct lattice {
    const nca_observation *of;
    size_t cells, moments, every;   // every so many samples is kept
    uint32_t *living;               // [living_count] numbers of the cells that ever live
    size_t living_count;
    float *bounds;    // [living,C,2] smallest and largest value
    uint8_t *bytes;   // [living,C,moments], 0..255 between them
} lattice;

static float sample_at(const lattice *of, size_t sample, size_t cell, size_t channel)
{
    return of->of->sampled[(sample * of->cells + cell) * (size_t)of->of->channels + channel];
}

static bool ever_lives(const lattice *of, size_t cell)
{
    for (size_t i = 0; i < (size_t)of->of->samples; i++)
        if (sample_at(of, i, cell, NCA_ALPHA) > NCA_ALIVE_THRESHOLD)
            return true;
    return false;
}

static void find_living(lattice *of)
{
    for (size_t cell = 0; cell < of->cells; cell++)
        if (ever_lives(of, cell))
            of->living[of->living_count++] = (uint32_t)cell;
    const size_t row = of->living_count * (size_t)of->of->channels;
    const size_t wanted = row ? SAMPLED_BYTES / row : 1;
    const size_t samples = (size_t)of->of->samples;
    of->every = wanted > 0 ? (samples + wanted - 1) / wanted : samples;
    of->moments = (samples + of->every - 1) / of->every;
}

// A value that is not finite is drawn as the smallest: the loss beside it says what happened.
static void quantise(const lattice *of, size_t living, size_t channel)
{
    const size_t row = living * (size_t)of->of->channels + channel;
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < of->moments; i++) {
        const float value = sample_at(of, i * of->every, of->living[living], channel);
        low = isfinite(value) && value < low ? value : low;
        high = isfinite(value) && value > high ? value : high;
    }
    of->bounds[row * 2] = low <= high ? low : 0;
    of->bounds[row * 2 + 1] = low <= high ? high : 0;
    for (size_t i = 0; i < of->moments; i++) {
        const float value = sample_at(of, i * of->every, of->living[living], channel);
        of->bytes[row * of->moments + i] =
            isfinite(value) && high > low
                ? (uint8_t)(255 * (((double)value - low) / ((double)high - low)) + 0.5)
                : 0;
    }
}

static json_t *lattice_json(const lattice *of)
{
    const size_t rows = of->living_count * (size_t)of->of->channels;
    return json_pack("{s:o, s:o, s:o, s:i, s:i, s:i, s:i}", "living",
                     nca_page_bytes(of->living, of->living_count * sizeof *of->living), "bounds",
                     nca_page_bytes(of->bounds, rows * 2 * sizeof *of->bounds), "bytes",
                     nca_page_bytes(of->bytes, rows * of->moments), "width", of->of->lattice_width,
                     "stride", of->of->stride, "every", (int)of->every * of->of->sample_every,
                     "moments", (int)of->moments);
}

static json_t *collect_lattice(const nca_observation *observation)
{
    lattice of = {.of = observation,
                  .cells =
                      (size_t)observation->lattice_height * (size_t)observation->lattice_width};
    json_t *json = NULL;
    of.living = malloc(of.cells * sizeof *of.living);
    if (!of.living)
        return NULL;
    find_living(&of);
    const size_t rows = of.living_count * (size_t)observation->channels;
    of.bounds = malloc((rows * 2 + 1) * sizeof *of.bounds);
    of.bytes = malloc(rows * of.moments + 1);
    if (of.bounds && of.bytes) {
        for (size_t i = 0; i < of.living_count; i++)
            for (size_t k = 0; k < (size_t)observation->channels; k++)
                quantise(&of, i, k);
        json = lattice_json(&of);
    }
    free(of.living);
    free(of.bounds);
    free(of.bytes);
    return json;
}

// {"y", "x", "every", "values": [channel][moment]}
static json_t *trace_json(const nca_observation *of, int cell)
{
    const int every = of->steps / MOMENTS_MAX + 1;
    json_t *values = json_array();
    for (int k = 0; k < of->channels; k++) {
        json_t *row = json_array();
        for (int step = 0; step <= of->steps; step += every)
            json_array_append_new(
                row,
                nca_json_number(of->trace[((size_t)cell * ((size_t)of->steps + 1) + (size_t)step) *
                                              (size_t)of->channels +
                                          (size_t)k]));
        json_array_append_new(values, row);
    }
    return json_pack("{s:i, s:i, s:i, s:o}", "y", of->cell[cell][0], "x", of->cell[cell][1],
                     "every", every, "values", values);
}

// {"low": [channel][distance], "high": ...}, up to the last distance at which anything was.
static json_t *ranges_json(const nca_observation *of)
{
    json_t *low = json_array(), *high = json_array();
    int rings = of->rings;
    for (bool is_empty = true; is_empty && rings > 1; rings -= is_empty)
        for (int k = 0; k < of->channels; k++) {
            const int at = (rings - 1) * of->channels + k;
            is_empty &= of->ring_low[at] == 0 && of->ring_high[at] == 0;
        }
    for (int k = 0; k < of->channels; k++) {
        json_t *lows = json_array(), *highs = json_array();
        for (int ring = 0; ring < rings; ring++) {
            json_array_append_new(lows, nca_json_number(of->ring_low[ring * of->channels + k]));
            json_array_append_new(highs, nca_json_number(of->ring_high[ring * of->channels + k]));
        }
        json_array_append_new(low, lows);
        json_array_append_new(high, highs);
    }
    return json_pack("{s:o, s:o}", "low", low, "high", high);
}

nca_status nca_page_channels(const nca_observation *of, json_t *object, nca_error *error)
{
    json_t *traces = json_array();
    for (int cell = 0; cell < NCA_OBSERVED_CELLS; cell++)
        json_array_append_new(traces, trace_json(of, cell));
    const bool is_set = nca_json_set(object, "traces", traces) &&
                        nca_json_set(object, "lattice", collect_lattice(of)) &&
                        nca_json_set(object, "ranges", ranges_json(of));
    return is_set ? NCA_OK
                  : nca_fail(error, NCA_MEMORY, "the page: no memory for the channels of a run");
}
