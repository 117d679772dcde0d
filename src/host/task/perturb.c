// Perturbations of a state, cell by cell.
#include "task/perturb.h"

#include <math.h>
#include <string.h>

#include "task/victim.h"

bool nca_perturbs_input(nca_perturbation_kind kind)
{
    return kind == NCA_PERTURB_INPUT_GRADIENT || kind == NCA_PERTURB_INPUT_NOISE ||
           kind == NCA_PERTURB_SALT;
}

bool nca_perturbs_by_gradient(nca_perturbation_kind kind)
{
    return kind == NCA_PERTURB_INPUT_GRADIENT || kind == NCA_PERTURB_STATE_GRADIENT;
}

static bool lives(const nca_spec *spec, const float *cell)
{
    if (spec->alive == NCA_ALIVE_EVERYWHERE)
        return true;
    return cell[spec->alive == NCA_ALIVE_CHANNEL ? spec->alive_channel : NCA_ALPHA] >
           NCA_ALIVE_THRESHOLD;
}

// A number of a picture stays one, on the side of the limit on which it was.
static float keep_side(float before, float after, float limit)
{
    const float low = before > limit ? nextafterf(limit, 1) : 0, high = before > limit ? 1 : limit;
    return after < low ? low : after > high ? high : after;
}

static float sign(float x)
{
    return x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f;
}

// A cell that salt or death falls on.
static void strike(const nca_perturbation *perturbation, const nca_spec *spec, float *cell)
{
    if (perturbation->kind == NCA_PERTURB_KILLED)
        memset(cell, 0, (size_t)spec->channels * sizeof *cell);
    for (int k = 0; perturbation->kind == NCA_PERTURB_SALT && k < spec->frozen; k++)
        cell[k] = 1;
}

void nca_perturb(const nca_perturbation *perturbation, const nca_shape *shape, double limit,
                 nca_key key, uint32_t sample, const float *gradient, float *state)
{
    const nca_spec *spec = &shape->spec;
    const nca_perturbation_kind kind = perturbation->kind;
    const uint32_t channels = (uint32_t)spec->channels, frozen = (uint32_t)spec->frozen;
    const bool is_input = nca_perturbs_input(kind), is_gradient = nca_perturbs_by_gradient(kind);
    const uint32_t first = is_input ? 0 : frozen, end = is_input ? frozen : channels;
    for (uint32_t i = 0; i < (uint32_t)(shape->height * shape->width); i++, state += channels) {
        if (kind == NCA_PERTURB_SALT || kind == NCA_PERTURB_KILLED) {
            if (nca_random_uniform(key, NCA_RANDOM_PERTURB, sample, 0, i) < perturbation->strength)
                strike(perturbation, spec, state);
            continue;
        }
        for (uint32_t k = first; k < end && (is_input || lives(spec, state)); k++) {
            const uint32_t at = i * channels + k;
            const double direction =
                is_gradient ? sign(gradient[at])
                            : 2 * nca_random_uniform(key, NCA_RANDOM_PERTURB, sample, 0, at) - 1;
            const float moved = state[k] + (float)(perturbation->strength * direction);
            state[k] = is_input ? keep_side(state[k], moved, (float)limit) : moved;
        }
    }
}

void nca_perturb_owners(const nca_perturbation *perturbation, const nca_shape *shape,
                        const nca_image *picture, nca_key key, uint32_t sample, float *owners)
{
    for (uint32_t i = 0; i < (uint32_t)(shape->height * shape->width); i++)
        owners[i] =
            nca_adversary_may_move(picture, i) &&
            nca_random_uniform(key, NCA_RANDOM_PERTURB, sample, 0, i) < perturbation->strength;
}
