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
typedef struct channel_lattice {
    const nca_observation *observation;
    size_t cells, moments, every;   // every so many samples is kept
    uint32_t *living;               // [living_count] numbers of the cells that ever live
    size_t living_count;
    float *bounds;    // [living,C,2] smallest and largest value
    uint8_t *bytes;   // [living,C,moments], 0..255 between them
} channel_lattice;

// [C]
static const float *sample_of(const channel_lattice *lattice, size_t sample, size_t cell)
{
    const nca_observation *observation = lattice->observation;
    return observation->sampled +
           (sample * lattice->cells + cell) * (size_t)observation->spec.channels;
}

static float sample_at(const channel_lattice *lattice, size_t sample, size_t cell, size_t channel)
{
    return sample_of(lattice, sample, cell)[channel];
}

static bool ever_lives(const channel_lattice *lattice, size_t cell)
{
    for (size_t i = 0; i < (size_t)lattice->observation->samples; i++)
        if (nca_page_is_mature(&lattice->observation->spec, sample_of(lattice, i, cell)))
            return true;
    return false;
}

static void find_living(channel_lattice *lattice)
{
    for (size_t cell = 0; cell < lattice->cells; cell++)
        if (ever_lives(lattice, cell))
            lattice->living[lattice->living_count++] = (uint32_t)cell;
    const size_t row = lattice->living_count * (size_t)lattice->observation->spec.channels;
    const size_t wanted = row ? SAMPLED_BYTES / row : 1;
    const size_t samples = (size_t)lattice->observation->samples;
    lattice->every = wanted > 0 ? (samples + wanted - 1) / wanted : samples;
    lattice->moments = (samples + lattice->every - 1) / lattice->every;
}

// A value that is not finite is drawn as the smallest: the loss beside it says what happened.
static void quantise(const channel_lattice *lattice, size_t living, size_t channel)
{
    const size_t row = living * (size_t)lattice->observation->spec.channels + channel;
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < lattice->moments; i++) {
        const float value =
            sample_at(lattice, i * lattice->every, lattice->living[living], channel);
        low = isfinite(value) && value < low ? value : low;
        high = isfinite(value) && value > high ? value : high;
    }
    lattice->bounds[row * 2] = low <= high ? low : 0;
    lattice->bounds[row * 2 + 1] = low <= high ? high : 0;
    for (size_t i = 0; i < lattice->moments; i++) {
        const float value =
            sample_at(lattice, i * lattice->every, lattice->living[living], channel);
        lattice->bytes[row * lattice->moments + i] =
            isfinite(value) && high > low
                ? (uint8_t)(255 * (((double)value - low) / ((double)high - low)) + 0.5)
                : 0;
    }
}

static json_t *lattice_json(const channel_lattice *lattice)
{
    const size_t rows = lattice->living_count * (size_t)lattice->observation->spec.channels;
    return json_pack(
        "{s:o, s:o, s:o, s:i, s:i, s:i, s:i}", "living",
        nca_page_bytes(lattice->living, lattice->living_count * sizeof *lattice->living), "bounds",
        nca_page_bytes(lattice->bounds, rows * 2 * sizeof *lattice->bounds), "bytes",
        nca_page_bytes(lattice->bytes, rows * lattice->moments), "width",
        lattice->observation->lattice_width, "stride", lattice->observation->stride, "every",
        (int)lattice->every * lattice->observation->sample_every, "moments", (int)lattice->moments);
}

static json_t *collect_lattice(const nca_observation *observation)
{
    channel_lattice lattice = {.observation = observation,
                               .cells = (size_t)observation->lattice_height *
                                        (size_t)observation->lattice_width};
    json_t *json = NULL;
    lattice.living = malloc(lattice.cells * sizeof *lattice.living);
    if (!lattice.living)
        return NULL;
    find_living(&lattice);
    const size_t rows = lattice.living_count * (size_t)observation->spec.channels;
    lattice.bounds = malloc((rows * 2 + 1) * sizeof *lattice.bounds);
    lattice.bytes = malloc(rows * lattice.moments + 1);
    if (lattice.bounds && lattice.bytes) {
        for (size_t i = 0; i < lattice.living_count; i++)
            for (size_t k = 0; k < (size_t)observation->spec.channels; k++)
                quantise(&lattice, i, k);
        json = lattice_json(&lattice);
    }
    free(lattice.living);
    free(lattice.bounds);
    free(lattice.bytes);
    return json;
}

// {"y", "x", "every", "values": [channel][moment]}
static json_t *trace_json(const nca_observation *observation, int cell)
{
    const int every = observation->steps / MOMENTS_MAX + 1;
    json_t *values = json_array();
    for (int k = 0; k < observation->spec.channels; k++) {
        json_t *row = json_array();
        for (int step = 0; step <= observation->steps; step += every)
            json_array_append_new(
                row,
                nca_json_number(
                    observation
                        ->trace[((size_t)cell * ((size_t)observation->steps + 1) + (size_t)step) *
                                    (size_t)observation->spec.channels +
                                (size_t)k]));
        json_array_append_new(values, row);
    }
    return json_pack("{s:i, s:i, s:i, s:o}", "y", observation->cell[cell][0], "x",
                     observation->cell[cell][1], "every", every, "values", values);
}

// {"low": [channel][distance], "high": ...}, up to the last distance at which anything was.
static json_t *ranges_json(const nca_observation *observation)
{
    json_t *low = json_array(), *high = json_array();
    int rings = observation->rings;
    for (bool is_empty = true; is_empty && rings > 1; rings -= is_empty)
        for (int k = 0; k < observation->spec.channels; k++) {
            const int at = (rings - 1) * observation->spec.channels + k;
            is_empty &= observation->ring_low[at] == 0 && observation->ring_high[at] == 0;
        }
    for (int k = 0; k < observation->spec.channels; k++) {
        json_t *lows = json_array(), *highs = json_array();
        for (int ring = 0; ring < rings; ring++) {
            json_array_append_new(
                lows,
                nca_json_number(observation->ring_low[ring * observation->spec.channels + k]));
            json_array_append_new(
                highs,
                nca_json_number(observation->ring_high[ring * observation->spec.channels + k]));
        }
        json_array_append_new(low, lows);
        json_array_append_new(high, highs);
    }
    return json_pack("{s:o, s:o}", "low", low, "high", high);
}

nca_status nca_page_channels(const nca_observation *observation, json_t *object, nca_error *error)
{
    json_t *traces = json_array();
    for (int cell = 0; cell < NCA_OBSERVED_CELLS; cell++)
        json_array_append_new(traces, trace_json(observation, cell));
    const bool is_set = nca_json_set(object, "traces", traces) &&
                        nca_json_set(object, "lattice", collect_lattice(observation)) &&
                        nca_json_set(object, "ranges", ranges_json(observation));
    return is_set ? NCA_OK
                  : nca_fail(error, NCA_MEMORY, "the page: no memory for the channels of a run");
}
