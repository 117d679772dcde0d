// What every backend checks alike, once, in front of the table of functions.
#include <math.h>

#include "nca/front.h"

static nca_session_head *head_of(nca_session *session)
{
    return (nca_session_head *)(void *)session;   // its first member
}

// -- Shapes ---------------------------------------------------------------------------------------

enum { SIDE_MAX = 1 << 20, CHANNELS_MAX = 1024, HIDDEN_MAX = 65536, RULES_MAX = 4096 };

static nca_status check_spec(const nca_spec *spec, nca_error *error)
{
    if (spec->channels < 4 || spec->channels % 4 || spec->channels > CHANNELS_MAX ||
        spec->hidden[0] < 4 || spec->hidden[0] % 4 || spec->hidden[0] > HIDDEN_MAX ||
        spec->hidden[1] < 0 || spec->hidden[1] % 4 || spec->hidden[1] > HIDDEN_MAX)
        return nca_fail(error, NCA_ARGUMENT,
                        "%d channels, %d and %d hidden units: each must be a multiple of 4, "
                        "channels up to %d, hidden units up to %d",
                        spec->channels, spec->hidden[0], spec->hidden[1], CHANNELS_MAX, HIDDEN_MAX);
    if (spec->frozen < 0 || spec->frozen >= spec->channels)
        return nca_fail(error, NCA_ARGUMENT,
                        "%d of %d channels frozen: at least one must stay free", spec->frozen,
                        spec->channels);
    if ((int)spec->perception < 0 || spec->perception >= NCA_PERCEPTIONS || (int)spec->alive < 0 ||
        spec->alive >= NCA_ALIVES || !(spec->noise >= 0 && spec->noise <= 100))
        return nca_fail(
            error, NCA_ARGUMENT,
            "perception %d, alive mask %d, noise %g: there is no such rule; noise is 0 to 100",
            (int)spec->perception, (int)spec->alive, spec->noise);
    if (spec->alive == NCA_ALIVE_CHANNEL &&
        (spec->alive_channel < 0 || spec->alive_channel >= spec->frozen))
        return nca_fail(error, NCA_ARGUMENT,
                        "an alive mask by channel %d: it must be one of the %d frozen ones",
                        spec->alive_channel, spec->frozen);
    return NCA_OK;
}

static nca_status check_objective(const nca_shape *shape, nca_error *error)
{
    const nca_objective *objective = &shape->objective;
    const int channels = nca_objective_channels(objective);
    if ((int)objective->kind < 0 || objective->kind > NCA_GIVEN || (int)objective->cells < 0 ||
        objective->cells > NCA_CELLS_ALIVE || objective->first < 0 || objective->count < 0 ||
        objective->first > shape->spec.channels - channels)
        return nca_fail(error, NCA_ARGUMENT,
                        "an objective of kind %d over channels %d to %d: a cell has %d",
                        (int)objective->kind, objective->first, objective->first + channels - 1,
                        shape->spec.channels);
    return NCA_OK;
}

nca_status nca_front_check_shape(const nca_shape *shape, nca_error *error)
{
    NCA_TRY(check_spec(&shape->spec, error));
    if (shape->batch < 1 || shape->height < 1 || shape->width < 1 || shape->pool < 0 ||
        shape->tape_steps < 0 || shape->rules < 0 || shape->beginnings < 0 || shape->kept < 0 ||
        shape->height > SIDE_MAX || shape->width > SIDE_MAX)
        return nca_fail(error, NCA_ARGUMENT,
                        "a batch of %d grids of %dx%d, a pool of %d and %d steps: sides must be "
                        "from 1 to %d, the batch 1 or more, pool and steps 0 or more",
                        shape->batch, shape->height, shape->width, shape->pool, shape->tape_steps,
                        SIDE_MAX);
    if (shape->shares_samples &&
        (nca_shape_rules(shape) > NCA_OWNERS_MAX || shape->keeps_sample_gradients))
        return nca_fail(error, NCA_ARGUMENT,
                        "%d rules that share samples: up to %d can, without gradients of each "
                        "sample",
                        nca_shape_rules(shape), NCA_OWNERS_MAX);
    if (shape->rules > RULES_MAX || (int64_t)nca_shape_rules(shape) * shape->batch > 1 << 24 ||
        (int64_t)nca_shape_rules(shape) * shape->pool + shape->beginnings > INT32_MAX)
        return nca_fail(error, NCA_MEMORY,
                        "%d rules of %d samples and a pool of %d: too many to be numbered; choose "
                        "smaller ones",
                        nca_shape_rules(shape), shape->batch, shape->pool);
    return check_objective(shape, error);
}

// -- Rules side by side ---------------------------------------------------------------------------

nca_rule_rollout nca_rollout_of_rule(const nca_rollout *rollout, int rule)
{
    if (rollout->each)
        return rollout->each[rule];
    return (nca_rule_rollout){rollout->steps, rollout->first_step, rollout->key};
}

int nca_rollout_longest(const nca_rollout *rollout, int rules)
{
    int longest = rollout->steps;
    for (int rule = 0; rollout->each && rule < rules; rule++)
        if (rule == 0 || rollout->each[rule].steps > longest)
            longest = rollout->each[rule].steps;
    return longest;
}

nca_rule_update nca_update_of_rule(const nca_optimizer_step *step, int rule)
{
    return step->each ? step->each[rule] : (nca_rule_update){step->time, step->rate, true};
}

// -- Buffers, pool and batch ----------------------------------------------------------------------

static nca_status check_range(const nca_session_head *head, nca_buffer buffer, size_t first,
                              size_t count, nca_error *error)
{
    const size_t elements = nca_buffer_elements(&head->shape, buffer);
    if (first <= elements && count <= elements - first)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "elements %zu to %zu of buffer %d: it has %zu; the caller asks for too many",
                    first, first + count, (int)buffer, elements);
}

// Labels and owners are whole numbers below a limit.
static nca_status check_numbers(const char *what, int limit, size_t count, const float *from,
                                nca_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!(from[i] >= 0 && from[i] < (float)limit) || from[i] != floorf(from[i]))
            return nca_fail(error, NCA_ARGUMENT, "%s %g: must be a whole number, 0 to %d", what,
                            from[i], limit - 1);
    return NCA_OK;
}

nca_status nca_front_upload(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                            const float *from, nca_error *error)
{
    nca_session_head *head = head_of(session);
    NCA_TRY(check_range(head, buffer, first, count, error));
    if (buffer == NCA_BATCH_GRADIENT || buffer == NCA_KEPT)
        return nca_fail(error, NCA_ARGUMENT, "%s: can only be downloaded",
                        buffer == NCA_KEPT ? "kept states" : "the batch gradient");
    if (buffer == NCA_LABELS)
        NCA_TRY(check_numbers("label", nca_objective_channels(&head->shape.objective), count, from,
                              error));
    if (buffer == NCA_OWNER)
        NCA_TRY(check_numbers("owner", nca_shape_rules(&head->shape), count, from, error));
    if (buffer == NCA_BATCH || buffer == NCA_OWNER)
        head->tape_is_valid = false;
    return head->own->upload(session, buffer, first, count, from, error);
}

nca_status nca_front_download(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                              float *to, nca_error *error)
{
    NCA_TRY(check_range(head_of(session), buffer, first, count, error));
    return head_of(session)->own->download(session, buffer, first, count, to, error);
}

static nca_status check_rows(const nca_session_head *head, const int *rows, int most,
                             nca_error *error)
{
    for (int b = 0; b < nca_shape_samples(&head->shape); b++)
        if (rows[b] < 0 || rows[b] >= most)
            return nca_fail(error, NCA_ARGUMENT, "row %d of a pool of %d", rows[b], most);
    return NCA_OK;
}

nca_status nca_front_gather(nca_session *session, const int *rows, nca_error *error)
{
    nca_session_head *head = head_of(session);
    const nca_shape *shape = &head->shape;
    NCA_TRY(check_rows(head, rows, nca_shape_sets(shape) * shape->pool + shape->beginnings, error));
    head->tape_is_valid = false;
    return head->own->gather(session, rows, error);
}

nca_status nca_front_scatter(nca_session *session, const int *rows, nca_error *error)
{
    nca_session_head *head = head_of(session);
    NCA_TRY(check_rows(head, rows, nca_shape_sets(&head->shape) * head->shape.pool, error));
    return head->own->scatter(session, rows, error);
}

static nca_status check_slot(const nca_session_head *head, int slot, nca_error *error)
{
    const int samples = nca_shape_samples(&head->shape);
    if (slot >= 0 && slot < samples)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "sample %d of a batch of %d", slot, samples);
}

nca_status nca_front_damage(nca_session *session, int slot, const nca_region *region,
                            nca_error *error)
{
    nca_session_head *head = head_of(session);
    NCA_TRY(check_slot(head, slot, error));
    head->tape_is_valid = false;
    return head->own->damage(session, slot, region, error);
}

nca_status nca_front_exchange(nca_session *session, int slot, const float *values, double limit,
                              nca_error *error)
{
    nca_session_head *head = head_of(session);
    NCA_TRY(check_slot(head, slot, error));
    if (!head->own->exchange || head->shape.spec.frozen == 0)
        return nca_fail(error, NCA_ARGUMENT,
                        head->own->exchange ? "an exchange of frozen channels: the rule has none"
                                            : "an exchange of frozen channels: this device "
                                              "cannot; use --device cpu");
    head->tape_is_valid = false;
    return head->own->exchange(session, slot, values, limit, error);
}

// -- Rollout and learning -------------------------------------------------------------------------

static nca_status check_steps(const nca_shape *shape, const nca_rule_rollout *own, bool keep_tape,
                              nca_error *error)
{
    if (own->steps < 0 || own->first_step < 0 ||
        (uint32_t)own->steps > NCA_RANDOM_STEPS_LIMIT - (uint32_t)own->first_step)
        return nca_fail(error, NCA_ARGUMENT, "%d steps from step %d: steps are numbered up to %u",
                        own->steps, own->first_step, NCA_RANDOM_STEPS_LIMIT);
    if (keep_tape && (shape->tape_steps < 1 || own->steps > shape->tape_steps))
        return nca_fail(error, NCA_ARGUMENT, "%d steps: the session has a tape for %d", own->steps,
                        shape->tape_steps);
    return NCA_OK;
}

static nca_status check_kept(const nca_shape *shape, const nca_rollout *rollout, nca_error *error)
{
    if (rollout->kept && shape->kept == 0)
        return nca_fail(error, NCA_ARGUMENT, "states to be kept: the session has room for none");
    for (int i = 0; rollout->kept && i < shape->kept; i++)
        if (rollout->kept[i] < (i ? rollout->kept[i - 1] : 0))
            return nca_fail(error, NCA_ARGUMENT,
                            "a state kept after step %d: steps must rise from 0", rollout->kept[i]);
    return NCA_OK;
}

static nca_status check_rollout(const nca_shape *shape, const nca_rollout *rollout,
                                nca_error *error)
{
    if (shape->shares_samples && rollout->each)
        return nca_fail(error, NCA_ARGUMENT,
                        "a rollout of each rule: rules that share samples have one together");
    for (int rule = 0; rule < nca_shape_sets(shape); rule++) {
        const nca_rule_rollout own = nca_rollout_of_rule(rollout, rule);
        NCA_TRY(check_steps(shape, &own, rollout->keep_tape, error));
    }
    if (!(rollout->alive_threshold >= 0))
        return nca_fail(error, NCA_ARGUMENT, "an alive threshold of %g: it must be 0 or more",
                        rollout->alive_threshold);
    if (!(rollout->fire_rate >= 0 && rollout->fire_rate <= 1) || !isfinite(rollout->angle) ||
        !isfinite(rollout->step_size))
        return nca_fail(
            error, NCA_ARGUMENT,
            "fire rate %g, angle %g, step size %g: they must be finite, the rate in 0..1",
            rollout->fire_rate, rollout->angle, rollout->step_size);
    if (rollout->first_sample < 0 || rollout->samples < 0 ||
        (rollout->samples > 0 && rollout->samples < shape->batch))
        return nca_fail(error, NCA_ARGUMENT,
                        "samples from %d on, of %d in all: the batch has %d of them",
                        rollout->first_sample, rollout->samples, shape->batch);
    return check_kept(shape, rollout, error);
}

nca_status nca_front_forward(nca_session *session, const nca_rollout *rollout,
                             nca_pass_report *report, nca_error *error)
{
    nca_session_head *head = head_of(session);
    NCA_TRY(check_rollout(&head->shape, rollout, error));
    head->tape_is_valid = head->has_gone_back = head->keeps = false;
    NCA_TRY(head->own->forward(session, rollout, report, error));
    head->tape_is_valid = rollout->keep_tape;
    head->keeps = rollout->kept != NULL;
    return NCA_OK;
}

nca_status nca_front_loss(nca_session *session, nca_sample_report *samples, nca_error *error)
{
    return head_of(session)->own->loss(session, samples, error);
}

nca_status nca_front_backward(nca_session *session, nca_pass_report *report, nca_error *error)
{
    nca_session_head *head = head_of(session);
    if (!head->tape_is_valid || head->shape.tape_steps == 0)
        return nca_fail(error, NCA_ARGUMENT,
                        "a backward pass without the tape of a forward pass just before it");
    if (head->shape.objective.kind == NCA_GIVEN && !head->keeps)
        return nca_fail(error, NCA_ARGUMENT, "given gradients: the rollout kept no states");
    NCA_TRY(head->own->backward(session, report, error));
    head->has_gone_back = true;
    return NCA_OK;
}

nca_status nca_front_update(nca_session *session, const nca_optimizer_step *step,
                            nca_update_report *report, nca_error *error)
{
    nca_session_head *head = head_of(session);
    const int rules = nca_shape_rules(&head->shape);
    if (step->kind != NCA_ADAM)
        return nca_fail(error, NCA_ARGUMENT, "an optimizer of kind %d: there is only Adam, kind %d",
                        (int)step->kind, (int)NCA_ADAM);
    for (int rule = 0; rule < rules; rule++)
        if (nca_update_of_rule(step, rule).time < 1 || step->transforms < 0 ||
            step->transforms > NCA_TRANSFORMS_MAX)
            return nca_fail(error, NCA_ARGUMENT,
                            "an optimizer step at time %lld with %d transforms",
                            (long long)nca_update_of_rule(step, rule).time, step->transforms);
    return head->own->update(session, step, report, error);
}

nca_status nca_front_synchronize(nca_session *session, nca_error *error)
{
    return head_of(session)->own->synchronize(session, error);
}
