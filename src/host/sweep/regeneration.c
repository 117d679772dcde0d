// The settings of the regeneration study.
//
// The 2023 replication found that a batch of 16 with 4 damaged and 64 steps explodes, and that a
// batch of 4 with 1 damaged and 128 steps learns to heal: three things changed at once. The cross
// of them tells batch, share of damage and steps apart; the article's own setting and the default
// preset stand beside it.
#include "sweep/regeneration.h"

#include <stdio.h>
#include <string.h>

#include "config/presets.h"

// clang-format off
static const nca_study_setting settings[] = {
    // name, summary, preset, batch, damaged, steps, is_main
    {"blog-regenerating", "few samples, long rollouts: said to learn to heal",
     "blog-regenerating", 4, 1, 128, 128, true},
    {"blog-unstable", "many samples, short rollouts: said to explode",
     "blog-unstable", 16, 4, 64, 64, true},
    {"batch4-damaged1-steps64", "the first with the steps of the second",
     "blog-regenerating", 4, 1, 64, 64, false},
    {"batch16-damaged4-steps128", "the second with the steps of the first",
     "blog-unstable", 16, 4, 128, 128, false},
    {"batch16-damaged1-steps64", "the second with a quarter of the damage",
     "blog-unstable", 16, 1, 64, 64, false},
    {"batch16-damaged1-steps128", "the same with the steps of the first",
     "blog-unstable", 16, 1, 128, 128, false},
    {"regenerating", "the article's own setting, with larger damage",
     "regenerating", 8, 3, 64, 95, false},
    {"healing", "the same with more damage, half of it half of the grid: the default preset",
     "healing", 8, 4, 64, 95, false},
    {NULL, NULL, NULL, 0, 0, 0, 0, false},
};
// clang-format on

const nca_task *nca_study_task(void)
{
    return &nca_task_grow;
}

const nca_study_setting *nca_study_settings(void)
{
    return settings;
}

nca_status nca_study_setting_find(const char *name, size_t length, const nca_study_setting **out,
                                  nca_error *error)
{
    char known[512] = "";
    for (const nca_study_setting *row = settings; row->name; row++) {
        if (strlen(row->name) == length && strncmp(row->name, name, length) == 0) {
            *out = row;
            return NCA_OK;
        }
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", row->name);
    }
    return nca_fail(error, NCA_ARGUMENT, "--settings %.*s: no such setting; there are %s",
                    length > 60 ? 60 : (int)length, name, known);
}

static void set_text(char to[NCA_TEXT_BYTES], const char *text)
{
    snprintf(to, NCA_TEXT_BYTES, "%s", text);
}

nca_config nca_study_shared_default(bool is_quick)
{
    nca_config shared = nca_config_default();
#define SET_TEXT(name, standard, quick, ...) set_text(shared.name, is_quick ? (quick) : (standard));
#define SET_NUMBER(name, standard, quick, ...) shared.name = is_quick ? (quick) : (standard);
    NCA_STUDY_SHARED(SET_TEXT, SET_NUMBER, SET_NUMBER)
#undef SET_TEXT
#undef SET_NUMBER
    return shared;
}

nca_status nca_study_config(const nca_study_setting *setting, const nca_config *shared,
                            bool is_quick, int64_t seed, nca_config *out, nca_error *error)
{
    nca_config config = nca_config_default();
    const int divisor = is_quick ? NCA_STUDY_QUICK_STEPS : 1;
    NCA_TRY(nca_preset_apply(setting->preset, &config, error));
    config.batch = setting->batch;
    config.damaged = setting->damaged;
    config.steps_min = setting->steps_min / divisor;
    config.steps_max = setting->steps_max / divisor;
    config.seed = seed;
#define LAY_TEXT(name, ...) memcpy(config.name, shared->name, sizeof config.name);
#define LAY_NUMBER(name, ...) config.name = shared->name;
    NCA_STUDY_SHARED(LAY_TEXT, LAY_NUMBER, LAY_NUMBER)
#undef LAY_TEXT
#undef LAY_NUMBER
    if (config.batch > config.pool && !config.pool_replacement)
        return nca_fail(error, NCA_ARGUMENT,
                        "--pool %lld: less than the batch of %s, %d; give a larger one, or other "
                        "--settings",
                        (long long)config.pool, setting->name, setting->batch);
    *out = config;
    return NCA_OK;
}
