// A study as tables: a line a setting, twice, then a line a run; within 100 columns.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/study_screen.h"
#include "eval/verdict.h"
#include "eval/wilson.h"

// "2/3 21-94%"
static void print_share(int hits, int total, int width)
{
    char text[48] = "-";
    const nca_interval interval = nca_wilson(hits, total);
    if (total > 0)
        snprintf(text, sizeof text, "%d/%d %.0f-%.0f%%", hits, total, 100 * interval.low,
                 100 * interval.high);
    printf("%-*s", width, text);
}

static void print_percent(double share, int width)
{
    if (isfinite(share))
        printf("%*.0f%%", width - 1, 100 * share);
    else
        printf("%*s", width, "-");
}

static void print_settings(const nca_study *study)
{
    printf("\n%-26s%-13s%-13s%-13s%-13s%-15s%6s\n", "setting", "exploded", "grows", "holds",
           "heals all 5", "circles", "pool");
    for (const nca_study_setting *row = nca_study_settings(); row->name; row++) {
        const nca_study_tally tally = nca_study_count(study, row);
        if (tally.runs == 0)
            continue;
        printf("%-26s", row->name);
        print_share(tally.exploded, tally.judged, 13);
        print_share(tally.grows, tally.judged, 13);
        print_share(tally.holds, tally.judged, 13);
        print_share(tally.heals_all, tally.judged, 13);
        print_share(tally.circles_healed, tally.circles, 15);
        print_percent(tally.distorted_share, 6);
        printf("\n");
    }
    printf("runs of all judged, with Wilson's interval (95 %%); pool: distorted states, median\n");
}

static void print_cuts(const nca_study *study)
{
    printf("\n%-26s", "heals, by cut");
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        printf("%-13s", nca_cut_name(cut));
    printf("\n");
    for (const nca_study_setting *row = nca_study_settings(); row->name; row++) {
        const nca_study_tally tally = nca_study_count(study, row);
        if (tally.runs == 0)
            continue;
        printf("%-26s", row->name);
        for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
            print_share(tally.cut_healed[cut], tally.judged, 13);
        printf("\n");
    }
}

static void print_loss(double loss, int width)
{
    if (isfinite(loss))
        printf("%*.2f", width, loss);
    else
        printf("%*s", width, "inf");
}

// Of its column, so that a name of six letters stands apart from the one before.
static int cut_width(int cut)
{
    return strlen(nca_cut_name(cut)) > 5 ? 7 : 6;
}

static void print_run(const nca_study_run *run)
{
    const nca_judgement *judgement = &run->judgement;
    printf("%-31s", run->name);
    for (int i = 0; i < judgement->evaluation.steps_count; i++)
        print_loss(judgement->evaluation.loss_at[i].median, 6);
    print_loss(judgement->evaluation.whole.median, 6);
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        print_loss(judgement->evaluation.cut[cut].loss.median, cut_width(cut));
    printf(" %3d/%-2d", judgement->circles_healed, judgement->evaluation.circles);
    print_percent(judgement->distorted_share, 5);
    printf("%s\n", run->gave_up ? " G" : judgement->exploded ? " X" : "");
}

static void print_runs(const nca_study *study)
{
    printf("\n%-31s%6d%6d%6d%6s", "run, log10 loss", study->criteria.grown_at,
           study->criteria.held_at[0], study->criteria.held_at[1], "whole");
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        printf("%*s", cut_width(cut), nca_cut_name(cut));
    printf("%7s%5s\n", "circ.", "pool");
    for (int i = 0; i < study->count; i++)
        if (study->runs[i].is_judged)
            print_run(&study->runs[i]);
    printf("medians of %d fire seeds; cut at %d, %d steps later; X exploded, G training gave up\n",
           study->criteria.seeds, study->criteria.cut_at, study->criteria.heal_steps);
}

// The worst cut, and what its loss is called.
static void print_run_words(const nca_study_run *run, const nca_judge_criteria *criteria)
{
    const nca_judgement *judgement = &run->judgement;
    const nca_evaluate_options options = {
        .seeds = criteria->seeds, .cut_at = criteria->cut_at, .heal_steps = criteria->heal_steps};
    const nca_verdict verdict =
        nca_verdict_evaluated(criteria->task, &options, &judgement->evaluation);
    const nca_verdict_cut *worst = &verdict.cut[0];
    printf("%-31s%-19s%d of %d   %s %s: %s\n", run->name, nca_verdict_word(&verdict),
           verdict.healed, verdict.cuts, worst->name, worst->is_healed ? "healed" : "not healed",
           nca_loss_word(criteria->task, worst->loss));
}

static void print_words(const nca_study *study)
{
    if (!study->criteria.task->grades)
        return;
    printf("\n%-31s%-19s%-9s%s\n", "run, in words", "grown", "heals", "worst cut");
    for (int i = 0; i < study->count; i++)
        if (study->runs[i].is_judged)
            print_run_words(&study->runs[i], &study->criteria);
}

static void print_missing(const nca_study *study)
{
    for (int i = 0; i < study->count; i++) {
        const nca_study_run *run = &study->runs[i];
        if (run->progress == NCA_STUDY_MISSING)
            printf("missing: %s\n", run->name);
        else if (run->progress == NCA_STUDY_BEGUN)
            printf("missing: %s, begun: %lld of %lld updates\n", run->name, (long long)run->updates,
                   (long long)run->config.updates);
    }
}

void nca_study_print(const nca_study *study)
{
    print_settings(study);
    print_cuts(study);
    print_runs(study);
    print_words(study);
    print_missing(study);
}
