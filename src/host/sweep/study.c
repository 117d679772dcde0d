// What a study holds, and its counts.
#include "sweep/study.h"

#include <math.h>
#include <stdlib.h>

static void free_run(nca_study_run *run)
{
    nca_history_free(&run->history);
    free(run->config_json);
    free(run->machine_json);
    free(run->pool.rgb);
    for (int i = 0; i < NCA_STUDY_PICTURES; i++)
        free(run->picture[i].rgb);
}

void nca_study_free(nca_study *study)
{
    for (int i = 0; i < study->count; i++)
        free_run(&study->runs[i]);
    free(study->runs);
    free(study->target.rgb);
    *study = (nca_study){0};
}

static void add_judgement(nca_study_tally *tally, const nca_study_run *run)
{
    const nca_judgement *judgement = &run->judgement;
    tally->judged++;
    tally->gave_up += run->gave_up;
    tally->exploded += judgement->exploded;
    tally->grows += judgement->grows;
    tally->holds += judgement->holds;
    tally->heals_all += judgement->heals_all;
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        tally->cut_healed[cut] += judgement->cut_healed[cut];
    tally->circles += judgement->evaluation.circles;
    tally->circles_healed += judgement->circles_healed;
}

nca_study_tally nca_study_count(const nca_study *study, const nca_study_setting *setting)
{
    nca_study_tally tally = {.distorted_share = NAN};
    double *shares = calloc((size_t)study->count + 1, sizeof *shares);
    int known = 0;
    for (int i = 0; i < study->count; i++) {
        const nca_study_run *run = &study->runs[i];
        tally.runs += run->setting == setting;
        if (run->setting != setting || !run->is_judged)
            continue;
        add_judgement(&tally, run);
        if (shares && isfinite(run->judgement.distorted_share))
            shares[known++] = run->judgement.distorted_share;
    }
    if (known > 0)
        tally.distorted_share = nca_spread_of(shares, known).median;
    free(shares);
    return tally;
}
