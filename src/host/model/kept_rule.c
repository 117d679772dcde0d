// A rule that a run needs beside the one it trains, and its copy in the folder.
#include "model/kept_rule.h"

#include <stdio.h>
#include <unistd.h>

#include "base/files.h"

static nca_status find_copy(const char *option, const char *folder, char path[NCA_PATH_BYTES],
                            nca_error *error)
{
    char file[32];
    snprintf(file, sizeof file, "%s.safetensors", option);
    return nca_path_join(folder, file, path, error);
}

nca_status nca_kept_rule_load(const char *option, const char *given, const char *folder,
                              const nca_spec *usual, nca_model *out, nca_error *error)
{
    char copy[NCA_PATH_BYTES] = "";
    nca_error why;
    const bool is_kept =
        folder && find_copy(option, folder, copy, NULL) == NCA_OK && access(copy, F_OK) == 0;
    const nca_status status = nca_model_load_as(is_kept ? copy : given, usual, out, &why);
    if (status == NCA_FILE && *copy && !is_kept)
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
