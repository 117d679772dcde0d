// The steps at which a rule is measured, from text.
#include <errno.h>
#include <stdlib.h>

#include "eval/evaluate.h"

nca_status nca_evaluate_steps_read(const char *text, nca_evaluate_options *out, nca_error *error)
{
    for (const char *at = text;; at++) {
        char *end;
        errno = 0;
        const long step = strtol(at, &end, 10);
        const bool is_number = end != at && *at >= '0' && *at <= '9' && !errno;
        const bool follows = out->steps_count == 0 || step > out->steps[out->steps_count - 1];
        if (!is_number || (*end && *end != ',') || step > 10000000 || !follows ||
            out->steps_count == NCA_EVALUATE_STEPS_MAX)
            return nca_fail(error, NCA_ARGUMENT,
                            "--steps %.60s: must be up to %d rising numbers with commas between, "
                            "as 96,200,1000",
                            text, NCA_EVALUATE_STEPS_MAX);
        out->steps[out->steps_count++] = (int)step;
        at = end;
        if (!*at)
            return NCA_OK;
    }
}
