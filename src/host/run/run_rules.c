// The rules that a run is given: one that it begins with instead of a drawn one, and an adversary.
#include "run/run_rules.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/kept_rule.h"
#include "nca/task.h"

nca_status nca_run_from_begin(const nca_config *config, const char *folder, nca_trainer *trainer,
                              nca_model *out, nca_error *error)
{
    const nca_spec *usual = nca_trainer_task(trainer)->usual;
    nca_model rule = {0};
    nca_error why;
    if (!*config->from)
        return NCA_OK;
    NCA_TRY(nca_kept_rule_load("from", config->from, folder, usual, &rule, error));
    if (*rule.task && strcmp(rule.task, config->task) != 0) {
        const nca_status status =
            nca_fail(error, NCA_ARGUMENT,
                     "--from %.200s: an adversary, of the task %s; give a rule of the task %s",
                     config->from, rule.task, config->task);
        nca_model_free(&rule);
        return status;
    }
    const nca_status begun = nca_trainer_begin_with(trainer, &rule, &why);
    if (begun != NCA_OK) {
        nca_model_free(&rule);
        return nca_fail(error, begun, "--from %.200s: %s", config->from, why.message);
    }
    *out = rule;
    return NCA_OK;
}

// What the rule was trained with and is not trained with now; empty where all is the same.
static void list_changes(const nca_config *config, const nca_model *rule, char *text, size_t size)
{
    size_t used = 0;
    const struct {
        const char *option;
        double then, now;
    } settings[] = {{"--fire-rate", rule->fire_rate, config->fire_rate},
                    {"--angle", rule->angle, config->angle},
                    {"--step-size", rule->step_size, config->step_size},
                    {"--noise", rule->spec.noise, config->noise}};
    *text = 0;
    for (size_t i = 0; i < sizeof settings / sizeof *settings && used < size; i++)
        if (settings[i].then != settings[i].now)
            used += (size_t)snprintf(text + used, size - used, "%s%s %g, now %g",
                                     used > 0 ? ", " : "; it was trained with ", settings[i].option,
                                     settings[i].then, settings[i].now);
}

const char *nca_run_from_words(const nca_config *config, const nca_model *rule,
                               char text[NCA_FROM_BYTES])
{
    const int units = (int)config->hidden - rule->spec.hidden[0];
    char name[sizeof rule->name], changes[160], wider[48] = "";
    nca_text_copy(name, sizeof name, *rule->name ? rule->name : "a rule");
    list_changes(config, rule, changes, sizeof changes);
    if (units > 0)
        snprintf(wider, sizeof wider, ", with %d new hidden units", units);
    snprintf(text, NCA_FROM_BYTES, "--from %s: begins with %s%s%s", config->from, name, wider,
             changes);
    return text;
}

nca_status nca_run_adversary_begin(const nca_config *config, const char *folder,
                                   nca_trainer *trainer, nca_model *out, nca_error *error)
{
    const nca_spec *usual = nca_trainer_task(trainer)->usual;
    nca_model rule = {0};
    if (!*config->adversary)
        return NCA_OK;
    NCA_TRY(nca_kept_rule_load("adversary", config->adversary, folder, usual, &rule, error));
    const nca_status status = nca_trainer_set_adversary(trainer, &rule, error);
    if (status != NCA_OK) {
        nca_model_free(&rule);
        return status;
    }
    *out = rule;
    return NCA_OK;
}

nca_status nca_run_rules_keep(const char *folder, const nca_model *from, const nca_model *adversary,
                              nca_error *error)
{
    NCA_TRY(nca_kept_rule_save("from", from, folder, error));
    return nca_kept_rule_save("adversary", adversary, folder, error);
}

// The option that names the victim or adversary, and in *given its value; NULL where there is none.
static const char *find_other(const nca_config *config, const char **given)
{
    *given = *config->victim ? config->victim : config->adversary;
    return *config->victim ? "victim" : *config->adversary ? "adversary" : NULL;
}

// What the file of such a rule does not say itself.
static const nca_spec *find_usual(const nca_config *config)
{
    const nca_task *task = NULL;
    nca_task_find(config->task, &task, NULL);
    return !task ? NULL : task->victim ? task->victim->usual : task->usual;
}

nca_status nca_run_other_checksum(const nca_config *config, const char *folder,
                                  char checksum[NCA_CHECKSUM_BYTES], nca_error *error)
{
    const char *given, *option = find_other(config, &given);
    nca_model rule;
    *checksum = 0;
    if (!option)
        return NCA_OK;
    NCA_TRY(nca_kept_rule_load(option, given, folder, find_usual(config), &rule, error));
    nca_kept_rule_checksum(&rule, checksum);
    nca_model_free(&rule);
    return NCA_OK;
}

nca_status nca_run_other_check(const nca_config *config, const char *folder, const nca_model *model,
                               nca_error *error)
{
    char checksum[NCA_CHECKSUM_BYTES], copy[NCA_PATH_BYTES];
    const char *given, *option = find_other(config, &given);
    if (!option || !*model->kept_rule)
        return NCA_OK;
    NCA_TRY(nca_run_other_checksum(config, folder, checksum, error));
    if (strcmp(checksum, model->kept_rule) == 0)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "%s: another rule than the %s that %s was trained with; put that one back",
                    nca_kept_rule_place(option, given, folder, copy), option, folder);
}

// Whether the rule that was given is the one that the folder keeps.
static nca_status compare(const char *option, const char *saved, const char *given,
                          const char *folder, const nca_spec *usual, bool *is_same,
                          nca_error *error)
{
    char own[NCA_CHECKSUM_BYTES], other[NCA_CHECKSUM_BYTES];
    nca_model rule;
    NCA_TRY(nca_kept_rule_load(option, saved, folder, usual, &rule, error));
    nca_kept_rule_checksum(&rule, own);
    nca_model_free(&rule);
    NCA_TRY(nca_kept_rule_load(option, given, NULL, usual, &rule, error));
    nca_kept_rule_checksum(&rule, other);
    nca_model_free(&rule);
    *is_same = strcmp(own, other) == 0;
    return NCA_OK;
}

nca_status nca_run_rules_recognize(const nca_config *saved, const char *folder, nca_config *config,
                                   nca_error *error)
{
    const struct {
        const char *option, *saved;
        char *given;
    } rules[] = {{"from", saved->from, config->from},
                 {"victim", saved->victim, config->victim},
                 {"adversary", saved->adversary, config->adversary}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        bool is_same = false;
        if (!*rules[i].saved || !*rules[i].given || strcmp(rules[i].saved, rules[i].given) == 0)
            continue;
        NCA_TRY(compare(rules[i].option, rules[i].saved, rules[i].given, folder, find_usual(saved),
                        &is_same, error));
        if (is_same)
            snprintf(rules[i].given, NCA_TEXT_BYTES, "%s", rules[i].saved);
    }
    return NCA_OK;
}
