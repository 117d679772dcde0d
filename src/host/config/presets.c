// The presets: the settings of published experiments and of the default.
#include "config/presets.h"
#include "base/nearest.h"

#include <stdio.h>
#include <string.h>

static void set_text(char to[NCA_TEXT_BYTES], const char *text)
{
    snprintf(to, NCA_TEXT_BYTES, "%s", text);
}

// Mordvintsev et al. 2020, what its three experiments share.
static void apply_article(nca_config *config)
{
    set_text(config->task, "grow");
    config->target_size = 40;
    config->padding = 16;
    set_text(config->grid, "auto");
    config->held_out = 0;
    config->share = 0.1;
    config->say = 8;
    config->channels = 16;
    config->hidden = 128;
    config->hidden2 = 0;
    set_text(config->perception, "sobel");
    set_text(config->alive, "maximum");
    config->noise = 0;
    config->fire_rate = 0.5;
    config->angle = 0;
    config->step_size = 1;
    config->batch = 8;
    config->pool = 1024;
    config->pool_replacement = false;
    config->reseeded = 1;
    config->exchanged = 0;
    config->damaged = 0;
    config->damage_radius_min = 0.1;
    config->damage_radius_max = 0.4;
    config->damage_halves = 0;
    config->damage_centred = 0;
    set_text(config->damage_changes, "none");
    set_text(config->perturb, "none");
    config->perturbed = 4;
    config->steps_min = 64;
    config->steps_max = 95;
    config->updates = 8000;
    set_text(config->until, "updates");
    config->rate = 2e-3;
    set_text(config->schedule, "steps:2000x0.1");
    set_text(config->loss, "squared");
    set_text(config->gradient, "normalize");
    config->beta1 = 0.9;
    config->beta2 = 0.999;
    config->epsilon = 1e-7;
    config->average = 0;
}

static void apply_growing(nca_config *config)
{
    apply_article(config);
    config->pool = 0;
    config->reseeded = 0;
}

static void apply_regenerating(nca_config *config)
{
    apply_article(config);
    config->damaged = 3;
}

// The article's, but half of the damage is half of the grid, and some is a hole in the middle: a
// rule did not regrow what it never saw cut away (docs/regeneration.md). The rate falls in three
// steps, and the rule is an average (docs/results.md).
static void apply_healing(nca_config *config)
{
    apply_article(config);
    config->target_size = 20;
    config->padding = 8;
    config->damaged = 4;
    config->damage_halves = 0.5;
    config->damage_centred = 0.2;
    config->updates = 5000;
    set_text(config->schedule, "steps:40%x0.3,74%x0.33,92%x0.33");
    config->average = 300;
}

// The article's size, where halves from the start blur the picture: at first it learns from circles
// alone (docs/results.md).
static void apply_healing_40(nca_config *config)
{
    apply_regenerating(config);
    config->updates = 16000;
    set_text(config->schedule, "steps:18.75%x0.3,50%x0.5,75%x0.33,93.75%x0.33");
    set_text(config->damage_changes, "31.25%:damaged=4,damage-halves=0.5,damage-centred=0.3");
    config->average = 500;
}

// The 2023 replication in JAX: a 56x56 grid, damage from the pool, a cosine of the learning rate.
static void apply_blog(nca_config *config, int batch, int damaged, int steps)
{
    apply_article(config);
    config->padding = 8;
    set_text(config->grid, "56");
    config->batch = batch;
    config->damaged = damaged;
    config->pool_replacement = true;
    config->damage_radius_min = 0.05;
    config->damage_radius_max = 0.2;
    config->steps_min = config->steps_max = steps;
    config->updates = 100000;
    config->rate = 1e-4;
    set_text(config->schedule, "cosine");
    set_text(config->gradient, "normalize,clip:0.5");
    config->epsilon = 1e-8;
}

static void apply_blog_regenerating(nca_config *config)
{
    apply_blog(config, 4, 1, 128);
}

static void apply_blog_unstable(nca_config *config)
{
    apply_blog(config, 16, 4, 64);
}

// Randazzo et al. 2020. A fifth of the 10,000 digits that MNIST tests with is held out.
static void apply_digits(nca_config *config)
{
    apply_article(config);
    set_text(config->task, "digits");
    set_text(config->grid, "28");
    config->held_out = 2000;
    config->channels = 20;
    config->hidden = config->hidden2 = 80;
    set_text(config->perception, "moore");
    set_text(config->alive, "channel");
    config->noise = 0.02;
    config->batch = 16;
    config->pool = 160;
    config->reseeded = config->exchanged = 4;
    config->steps_min = config->steps_max = 20;
    config->updates = 100000;
    config->rate = 1e-3;
    set_text(config->schedule, "steps:30000x0.1,70000x0.1");
}

static void apply_digits_cross_entropy(nca_config *config)
{
    apply_digits(config);
    set_text(config->loss, "cross-entropy");
}

// Randazzo et al. 2021. Of an adversary 2,000 updates are enough.
static void apply_digits_adversary(nca_config *config)
{
    apply_digits(config);
    set_text(config->task, "digits-adversary");
    config->updates = 2000;
}

// The same about the regenerating lizard. The article trains on an emptier grid, and for longer.
static void apply_grow_adversary(nca_config *config)
{
    apply_regenerating(config);
    set_text(config->task, "grow-adversary");
}

static void apply_grow_matrix(nca_config *config)
{
    apply_article(config);
    set_text(config->task, "grow-matrix");
    config->reseeded = 2;
}

static const nca_preset presets[] = {
    {"healing", "half of a batch damaged, up to half of the grid: heals every cut", apply_healing},
    {"healing-40", "the same for 40 cells, the article's size; takes a quarter of an hour",
     apply_healing_40},
    {"growing", "from the seed only, no pool (Mordvintsev et al. 2020, experiment 1)",
     apply_growing},
    {"persistent", "pool of past states, holds its shape (experiment 2)", apply_article},
    {"regenerating", "pool, and the 3 best of a batch damaged (experiment 3)", apply_regenerating},
    {"blog-regenerating", "batch 4, 1 damaged, 128 steps: said to heal (2023 replication)",
     apply_blog_regenerating},
    {"blog-unstable", "batch 16, 4 damaged, 64 steps: said to explode (2023 replication)",
     apply_blog_unstable},
    {"digits", "cells agree on which digit they form (Randazzo et al. 2020, L2 and noise)",
     apply_digits},
    {"digits-cross-entropy", "the same by cross entropy", apply_digits_cross_entropy},
    {"digits-adversary",
     "a tenth of the cells makes those of --victim say --say (Randazzo et al. 2021)",
     apply_digits_adversary},
    {"grow-adversary", "a tenth of the cells turns what --victim has grown into --target",
     apply_grow_adversary},
    {"grow-matrix", "a matrix on all states turns what --victim has grown into --target",
     apply_grow_matrix},
    {NULL, NULL, NULL},
};

const nca_preset *nca_presets(void)
{
    return presets;
}

// The one that was probably meant, or all there are.
static nca_status fail_unknown(const char *name, nca_error *error)
{
    const char *names[sizeof presets / sizeof *presets];
    char known[512] = "";
    size_t count = 0;
    for (const nca_preset *row = presets; row->name; row++) {
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", row->name);
        names[count++] = row->name;
    }
    const char *near = nca_nearest(name, names, count);
    if (near)
        return nca_fail(error, NCA_ARGUMENT, "--preset %.60s: no such preset; did you mean %s?",
                        name, near);
    return nca_fail(error, NCA_ARGUMENT, "--preset %.60s: no such preset; there are %s", name,
                    known);
}

nca_status nca_preset_apply(const char *name, nca_config *config, nca_error *error)
{
    for (const nca_preset *row = presets; row->name; row++)
        if (strcmp(row->name, name) == 0) {
            row->apply(config);
            set_text(config->preset, name);
            return NCA_OK;
        }
    return fail_unknown(name, error);
}
