// Whether the rule of a run is healed already, for training that ends with --until healed.
#ifndef NCA_RUN_RUN_UNTIL_H
#define NCA_RUN_RUN_UNTIL_H

#include <signal.h>
#include <string.h>

#include "eval/judge.h"
#include "nca/train.h"
#include "run/run_log.h"

// Updates between two checks.
enum { NCA_UNTIL_EVERY = 200, NCA_UNTIL_BYTES = 256 };

typedef struct nca_until {
    nca_trainer *trainer;
    const void *content;   // of its task
    nca_grid grid;
    const nca_run_log *log;
    const nca_compute *compute;
    nca_judge_criteria criteria;         // by which it ends
    const volatile sig_atomic_t *stop;   // ends a check, unjudged; may be NULL
} nca_until;

typedef struct nca_until_verdict {
    bool is_judged;   // the screens were passed
    bool is_healed;   // grows, holds and heals every cut, twice over
    char words[NCA_UNTIL_BYTES];
} nca_until_verdict;

// Whether the rule is checked after this update.
static inline bool nca_until_is_due(const nca_plan *plan, int64_t update)
{
    return plan->until_healed && update > 0 && update % NCA_UNTIL_EVERY == 0;
}

// Looks at the rule as it would be written now. Two screens come before the judge: losses of the
// latest updates that a healed rule may have, and each cut by two fire seeds. Then the judge's
// criteria must be met twice, by their own fire seeds and by as many others, and seven in eight
// of them must heal every cut, so that a later judgement seldom refuses the rule.
nca_status nca_until_look(const nca_until *until, nca_until_verdict *out, nca_error *error);

#endif
