// The victim of an adversary, and the cells that the adversary moves.
#include "task/victim.h"

#include <unistd.h>

#include "base/files.h"

static nca_status kept_path(const char *folder, char path[NCA_PATH_BYTES], nca_error *error)
{
    return nca_path_join(folder, "victim.safetensors", path, error);
}

nca_status nca_victim_load(const nca_content_source *source, const nca_spec *usual, nca_model *out,
                           nca_error *error)
{
    char kept[NCA_PATH_BYTES];
    nca_error why;
    const bool is_kept = source->folder && !source->is_victim_given &&
                         kept_path(source->folder, kept, NULL) == NCA_OK && access(kept, F_OK) == 0;
    const nca_status status =
        nca_model_load_as(is_kept ? kept : source->config->victim, usual, out, &why);
    return status == NCA_OK ? NCA_OK : nca_fail(error, status, "--victim %s", why.message);
}

nca_status nca_victim_keep(const nca_content_source *source, const nca_spec *usual,
                           const char *folder, nca_error *error)
{
    char kept[NCA_PATH_BYTES];
    nca_model victim;
    NCA_TRY(kept_path(folder, kept, error));
    if (access(kept, F_OK) == 0)
        return NCA_OK;
    NCA_TRY(nca_victim_load(source, usual, &victim, error));
    const nca_status status = nca_model_save(&victim, kept, error);
    nca_model_free(&victim);
    return status;
}

nca_status nca_victim_check(const nca_model *victim, const nca_shape *shape, nca_error *error)
{
    const nca_spec *own = &victim->spec, *spec = &shape->spec;
    if (own->channels == spec->channels && own->perception == spec->perception &&
        own->hidden[0] == spec->hidden[0] && own->hidden[1] == spec->hidden[1] &&
        own->frozen == spec->frozen && own->alive == spec->alive && own->noise == spec->noise)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "--victim: a rule of %d channels that perceives by %s, with %d and %d hidden "
                    "units, %d frozen channels and noise of %g; the adversary must be like it: "
                    "give --channels %d --perception %s --hidden %d --hidden2 %d --noise %g",
                    own->channels, nca_perception_words[own->perception], own->hidden[0],
                    own->hidden[1], own->frozen, own->noise, own->channels,
                    nca_perception_words[own->perception], own->hidden[0], own->hidden[1],
                    own->noise);
}

bool nca_mask_has(int64_t mask, size_t cell, double share)
{
    const nca_key key = {.seed = 0, .update = (uint32_t)mask};
    return nca_random_uniform(key, NCA_RANDOM_TASK, 0, 1, (uint32_t)cell) < share;
}
