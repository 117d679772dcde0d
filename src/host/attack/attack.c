// The table of attacks, and what every one of them needs before it begins.
#include "attack/attack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const nca_attack *const attacks[] = {&nca_attack_cells,          &nca_attack_matrix,
                                            &nca_attack_input_gradient, &nca_attack_state_gradient,
                                            &nca_attack_input_noise,    &nca_attack_state_noise,
                                            &nca_attack_salt,           &nca_attack_killed,
                                            &nca_attack_withheld,       NULL};

const nca_attack *const *nca_attacks(void)
{
    return attacks;
}

enum { NAMES_BYTES = 256 };

// "cells, matrix": those that can attack rules of a task, or all where that is NULL.
static void list_attacks(const nca_task *task, char names[NAMES_BYTES])
{
    size_t used = 0;
    *names = 0;
    for (const nca_attack *const *row = attacks; *row && used < NAMES_BYTES; row++)
        if (!task || (*row)->figures(task))
            used += (size_t)snprintf(names + used, NAMES_BYTES - used, "%s%s", used ? ", " : "",
                                     (*row)->name);
}

nca_status nca_attack_find(const char *name, const nca_attack **out, nca_error *error)
{
    char known[NAMES_BYTES];
    for (const nca_attack *const *row = attacks; *row; row++)
        if (strcmp((*row)->name, name) == 0) {
            *out = *row;
            return NCA_OK;
        }
    list_attacks(NULL, known);
    return nca_fail(error, NCA_ARGUMENT, "%.60s: no such attack; there are %s", name, known);
}

nca_status nca_attack_check(const nca_attack *attack, const nca_attack_job *job, nca_error *error)
{
    if (job->model->spec.mix_bound > 0)
        return nca_fail(error, NCA_ARGUMENT,
                        "%s: its states are mixed by a matrix already; give the rule without",
                        job->rule);
    if (!attack->figures(job->task)) {
        char possible[NAMES_BYTES];
        list_attacks(job->task, possible);
        return nca_fail(error, NCA_ARGUMENT,
                        "%s: cannot attack rules of the task %s; choose one of %s", attack->name,
                        job->task->name, possible);
    }
    if (attack->needs_adversary && !job->adversary)
        return nca_fail(error, NCA_ARGUMENT,
                        "--adversary: needed; give its file, or the run that trained it");
    if (!attack->needs_adversary && job->adversary)
        return nca_fail(error, NCA_ARGUMENT, "--adversary: %s has none; leave it out",
                        attack->name);
    if (job->tensor && attack != &nca_attack_matrix)
        return nca_fail(error, NCA_ARGUMENT, "--tensor: %s reads no matrix; leave it out",
                        attack->name);
    return NCA_OK;
}

nca_status nca_attack_read_strengths(const nca_attack *attack, const char *text, double *strengths,
                                     int *count, nca_error *error)
{
    int read = 0;
    for (const char *at = text;; at++) {
        char *end;
        errno = 0;
        const double value = strtod(at, &end);
        const bool is_number = end != at && strspn(at, "0123456789.") > 0 && !errno;
        if (!is_number || (*end && *end != ',') || read == NCA_STRENGTHS_MAX ||
            !(value >= 0 && value <= attack->strength_max) ||
            (read > 0 && value <= strengths[read - 1]))
            return nca_fail(error, NCA_ARGUMENT,
                            "--strengths %.60s: must be up to %d rising numbers from 0 to %g with "
                            "commas between, as %s",
                            text, NCA_STRENGTHS_MAX, attack->strength_max, attack->strengths);
        strengths[read++] = value;
        at = end;
        if (!*at)
            break;
    }
    *count = read;
    return NCA_OK;
}
