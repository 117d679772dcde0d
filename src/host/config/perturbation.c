// The text of a perturbation: a kind and its strength.
#include "config/perturbation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const nca_perturbation_words[NCA_PERTURBATIONS] = {
    "none",        "input-gradient", "state-gradient", "input-noise",
    "state-noise", "salt",           "killed",         "cells"};

double nca_perturbation_strength_max(nca_perturbation_kind kind)
{
    const bool is_share =
        kind == NCA_PERTURB_SALT || kind == NCA_PERTURB_KILLED || kind == NCA_PERTURB_CELLS;
    return is_share ? 1 : 10;
}

// "salt, killed or cells (up to 1)": the largest strength stands behind the last kind that has it.
static void list_kinds(char *words, size_t size)
{
    const int last = NCA_PERTURBATIONS - 1;
    size_t used = 0;
    for (int kind = NCA_PERTURB_NONE + 1; kind <= last && used < size; kind++) {
        const double most = nca_perturbation_strength_max(kind);
        char bound[24] = "";
        if (kind == last || nca_perturbation_strength_max(kind + 1) != most)
            snprintf(bound, sizeof bound, " (up to %g)", most);
        const char *joint = kind == last ? "" : kind + 1 < last ? ", " : " or ";
        used += (size_t)snprintf(words + used, size - used, "%s%s%s", nca_perturbation_words[kind],
                                 bound, joint);
    }
}

static nca_status fail(const char *text, nca_error *error)
{
    char kinds[200];
    list_kinds(kinds, sizeof kinds);
    return nca_fail(error, NCA_ARGUMENT, "--perturb %.60s: must be none, or %s with :STRENGTH",
                    text, kinds);
}

nca_status nca_perturbation_read(const char *text, nca_perturbation *out, nca_error *error)
{
    const char *colon = strchr(text, ':');
    const size_t length = colon ? (size_t)(colon - text) : strlen(text);
    char *end = NULL;
    for (int kind = 0; kind < NCA_PERTURBATIONS; kind++) {
        const char *word = nca_perturbation_words[kind];
        if (strlen(word) != length || strncmp(word, text, length) != 0)
            continue;
        if (kind == NCA_PERTURB_NONE && !colon) {
            *out = (nca_perturbation){0};
            return NCA_OK;
        }
        const bool has_number = colon && strspn(colon + 1, "0123456789.e-") == strlen(colon + 1);
        const double strength = has_number ? strtod(colon + 1, &end) : NAN;
        if (kind == NCA_PERTURB_NONE || !has_number || end == colon + 1 || *end ||
            !(strength > 0 && strength <= nca_perturbation_strength_max(kind)))
            break;
        *out = (nca_perturbation){kind, strength};
        return NCA_OK;
    }
    return fail(text, error);
}
