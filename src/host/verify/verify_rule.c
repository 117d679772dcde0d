// How far a device is from f64 with a trained rule: such rules amplify a difference more than drawn
// ones, the more so the longer the rollout.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/devices.h"
#include "nca/model.h"
#include "task/seed.h"
#include "verify/cases.h"
#include "verify/precision.h"
#include "verify/verify.h"

// Steps of the rollouts, and those before them, in which a seed grows.
static const int rollout_steps[] = {8, 64, 128};
enum { GROWTH_STEPS = 64, USUAL_GRID = 40 };

typedef struct rule_check {
    const nca_compute *judge, *device;
    const nca_model *rule;
    nca_case drawn;   // the grid, and what is drawn beside the rule
    nca_verdict *verdict;
    nca_error *error;
} rule_check;

static rule_check make_check(const nca_model *rule, const nca_compute *judge,
                             const nca_compute *device, nca_verdict *verdict, nca_error *error)
{
    const bool has_grid = rule->grid_height > 0 && rule->grid_width > 0;
    const nca_shape shape = {.batch = 1,
                             .height = has_grid ? rule->grid_height : USUAL_GRID,
                             .width = has_grid ? rule->grid_width : USUAL_GRID,
                             .spec = rule->spec};
    return (rule_check){.judge = judge,
                        .device = device,
                        .rule = rule,
                        .drawn = {.name = "of-a-rule",
                                  .shape = shape,
                                  .fire_rate = rule->fire_rate,
                                  .angle = rule->angle * acos(-1) / 180,
                                  .step_size = rule->step_size,
                                  .draw = 50},
                        .verdict = verdict,
                        .error = error};
}

static size_t state_size(const rule_check *check)
{
    const nca_shape *shape = &check->drawn.shape;
    return nca_state_size(1, (size_t)shape->height, (size_t)shape->width,
                          (size_t)shape->spec.channels);
}

// The rollout of the rule from these states, of as many steps as the shape says.
static nca_verify_case rollout_of(const rule_check *check, const nca_case_start *start)
{
    return (nca_verify_case){.shape = check->drawn.shape,
                             .parameters = check->rule->parameters,
                             .states = start->states,
                             .target = start->target,
                             .rollout = nca_case_rollout(&check->drawn, start)};
}

// Where cells can die the first state is what the rule grows from its seed, elsewhere a drawn one.
static nca_status make_first_state(rule_check *check, nca_case_start *start)
{
    const nca_shape *shape = &check->drawn.shape;
    const nca_seed_at seed = {NCA_SEED_FROM_MIDDLE, check->rule->seed[0], check->rule->seed[1]};
    const nca_grid grid = {shape->height, shape->width};
    nca_verify_result grown;
    int place[2];
    if (shape->spec.alive != NCA_ALIVE_MAXIMUM)
        return NCA_OK;
    NCA_TRY(nca_seed_cell(&seed, &grid, place, check->error));
    memset(start->states, 0, state_size(check) * sizeof *start->states);
    nca_seed_put(start->states, shape->width, shape->spec.channels, place[0], place[1]);
    check->drawn.shape.tape_steps = GROWTH_STEPS;
    const nca_verify_case growth = rollout_of(check, start);
    NCA_TRY(nca_verify_compute(&growth, check->judge, &grown, check->error));
    memcpy(start->states, grown.states, state_size(check) * sizeof *start->states);
    nca_verify_result_free(&grown);
    return NCA_OK;
}

static void report(const rule_check *check, const char *what, double error)
{
    char name[96];
    snprintf(name, sizeof name, "%d steps: %s", check->drawn.shape.tape_steps, what);
    nca_verdict_report(check->verdict, name, error);
}

static void report_errors(const rule_check *check, const nca_precision_errors *errors)
{
    report(check, "states", errors->states.norm);
    for (int i = 0; i < errors->tensors; i++) {
        char what[48];
        snprintf(what, sizeof what, "gradient of %s", nca_tensor_name(i));
        if (nca_layout_of(&check->rule->spec).size[i] > 0)
            report(check, what, errors->gradient[i].norm);
    }
    report(check, "gradient of the first state", errors->first_state.norm);
}

static nca_status compare_devices(rule_check *check, const nca_case_start *start, int steps)
{
    nca_verify_result expected = {0}, got = {0};
    nca_precision_errors errors;
    nca_status status;
    check->drawn.shape.tape_steps = steps;
    const nca_verify_case given = rollout_of(check, start);
    NCA_GO(nca_verify_compute(&given, check->judge, &expected, check->error));
    NCA_GO(nca_verify_compute(&given, check->device, &got, check->error));
    nca_precision_compare(&given.shape, &got, &expected, &errors);
    report_errors(check, &errors);
cleanup:
    nca_verify_result_free(&expected);
    nca_verify_result_free(&got);
    return status;
}

nca_status nca_verify_rule(const char *path, const nca_compute *compute, nca_verdict *verdict,
                           nca_error *error)
{
    nca_model rule = {0};
    nca_compute reference = {0};
    nca_case_start start = {0};
    nca_status status;
    NCA_GO(nca_model_load(path, &rule, error));
    NCA_GO(nca_compute_open("reference", NULL, &reference, error));
    rule_check check = make_check(&rule, &reference, compute, verdict, error);
    NCA_GO(nca_case_begin(&check.drawn, &start, error));
    fprintf(verdict->to, "%s, against f64\n", path);
    NCA_GO(make_first_state(&check, &start));
    for (size_t i = 0; i < sizeof rollout_steps / sizeof *rollout_steps; i++)
        NCA_GO(compare_devices(&check, &start, rollout_steps[i]));
cleanup:
    nca_case_free(&start);
    nca_compute_close(&reference);
    nca_model_free(&rule);
    return status;
}
