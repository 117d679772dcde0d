// The optimizer's texts: the transforms of the gradient, and how the learning rate falls.
#include "config/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The end of an item: a comma or the end of the text.
static size_t item_length(const char *text)
{
    return strcspn(text, ",");
}

// A positive decimal number that ends the item. (strtod alone would take blanks and hexadecimal.)
static bool read_value(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end == text + strspn(text, "+-.eE0123456789") && end != text &&
           (*end == 0 || *end == ',') && isfinite(*out) && *out > 0;
}

static bool read_rule(const char *item, size_t length, nca_transform_kind *kind, double *value)
{
    *value = 0;
    if (length == strlen("normalize") && strncmp(item, "normalize", length) == 0) {
        *kind = NCA_GRADIENT_NORMALIZE;
        return true;
    }
    if (strncmp(item, "clip:", 5) == 0) {
        *kind = NCA_GRADIENT_CLIP;
        return read_value(item + 5, value);
    }
    if (strncmp(item, "global:", 7) == 0) {
        *kind = NCA_GRADIENT_GLOBAL;
        return read_value(item + 7, value);
    }
    return false;
}

nca_status nca_transforms_parse(const char *text, nca_optimizer_step *out, nca_error *error)
{
    out->transforms = 0;
    if (strcmp(text, "none") == 0)
        return NCA_OK;
    for (const char *item = text;; item++) {
        nca_transform_kind kind;
        double value;
        const size_t length = item_length(item);
        if (out->transforms == NCA_TRANSFORMS_MAX || !read_rule(item, length, &kind, &value))
            return nca_fail(error, NCA_ARGUMENT,
                            "--gradient %.60s: must be none, or up to %d of normalize, clip:X and "
                            "global:X with commas between",
                            text, NCA_TRANSFORMS_MAX);
        out->transform[out->transforms].kind = kind;
        out->transform[out->transforms++].value = value;
        item += length;
        if (!*item)
            return NCA_OK;
    }
}

// "2000x0.1": after so many updates the rate is multiplied.
static bool read_step(const char *item, int64_t *after, double *factor)
{
    char *end;
    *after = strtoll(item, &end, 10);
    return *item >= '0' && *item <= '9' && *end == 'x' && read_value(end + 1, factor);
}

static bool read_steps(const char *item, nca_schedule *out)
{
    out->steps = 0;
    for (;; item++) {
        if (out->steps == NCA_SCHEDULE_STEPS_MAX ||
            !read_step(item, &out->step[out->steps].after, &out->step[out->steps].factor))
            return false;
        out->steps++;
        item += item_length(item);
        if (!*item)
            return true;
    }
}

nca_status nca_schedule_parse(const char *text, nca_schedule *out, nca_error *error)
{
    if (strcmp(text, "constant") == 0)
        out->kind = NCA_SCHEDULE_CONSTANT;
    else if (nca_schedule_needs_updates(text))
        out->kind = NCA_SCHEDULE_COSINE;
    else if (strncmp(text, "steps:", 6) == 0 && read_steps(text + 6, out))
        out->kind = NCA_SCHEDULE_STEPS;
    else
        return nca_fail(error, NCA_ARGUMENT,
                        "--schedule %.60s: must be constant, cosine or steps:UPDATExFACTOR[,...], "
                        "as steps:2000x0.1",
                        text);
    return NCA_OK;
}

double nca_schedule_rate(const nca_schedule *schedule, int64_t update)
{
    static const double pi = 3.14159265358979323846;
    double rate = schedule->rate;
    if (schedule->kind == NCA_SCHEDULE_COSINE) {
        const double part =
            schedule->updates > 0 ? (double)(update - 1) / (double)schedule->updates : 0;
        rate = part < 1 ? rate * 0.5 * (1 + cos(pi * part)) : 0;
    }
    for (int i = 0; schedule->kind == NCA_SCHEDULE_STEPS && i < schedule->steps; i++)
        if (update > schedule->step[i].after)
            rate *= schedule->step[i].factor;
    return rate;
}

bool nca_schedule_needs_updates(const char *text)
{
    return strcmp(text, "cosine") == 0;
}
