// A rule that a run needs beside the one it trains, and its copy in the folder.
#include "model/kept_rule.h"

#include <stdio.h>
#include <unistd.h>

static nca_status find_copy(const char *option, const char *folder, char path[NCA_PATH_BYTES],
                            nca_error *error)
{
    char file[32];
    snprintf(file, sizeof file, "%s.safetensors", option);
    return nca_path_join(folder, file, path, error);
}

const char *nca_kept_rule_place(const char *option, const char *given, const char *folder,
                                char copy[NCA_PATH_BYTES])
{
    *copy = 0;
    const bool is_kept =
        folder && find_copy(option, folder, copy, NULL) == NCA_OK && access(copy, F_OK) == 0;
    return is_kept ? copy : given;
}

nca_status nca_kept_rule_load(const char *option, const char *given, const char *folder,
                              const nca_spec *usual, nca_model *out, nca_error *error)
{
    char copy[NCA_PATH_BYTES];
    nca_error why;
    const char *place = nca_kept_rule_place(option, given, folder, copy);
    const nca_status status = nca_model_load_as(place, usual, out, &why);
    if (status == NCA_FILE && *copy && place != copy)
        return nca_fail(error, status,
                        "--%s: %s is missing, and %s cannot be read either; put the rule back at "
                        "either place",
                        option, copy, given);
    return status == NCA_OK ? NCA_OK : nca_fail(error, status, "--%s %s", option, why.message);
}

nca_status nca_kept_rule_save(const char *option, const nca_model *rule, const char *folder,
                              nca_error *error)
{
    char copy[NCA_PATH_BYTES];
    if (!rule->parameters)
        return NCA_OK;
    NCA_TRY(find_copy(option, folder, copy, error));
    return access(copy, F_OK) == 0 ? NCA_OK : nca_model_save(rule, copy, error);
}

void nca_kept_rule_checksum(const nca_model *rule, char checksum[NCA_CHECKSUM_BYTES])
{
    const nca_spec *spec = &rule->spec;
    const double settings[] = {
        spec->channels, spec->perception, spec->hidden[0],     spec->hidden[1], spec->frozen,
        spec->alive,    spec->noise,      spec->alive_channel, spec->mix_bound, rule->fire_rate,
        rule->angle,    rule->step_size,  rule->seed[0],       rule->seed[1]};
    const nca_bytes pieces[] = {
        {settings, sizeof settings},
        {rule->parameters, nca_layout_of(spec).total * sizeof *rule->parameters}};
    nca_checksum(pieces, sizeof pieces / sizeof *pieces, checksum);
}
