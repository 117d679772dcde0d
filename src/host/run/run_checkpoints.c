// Checkpoints of a run folder, renamed from place to place.
#include "run/run_checkpoints.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "model/safetensors.h"

// While a new one is written, the latest has a second name, so that it is there at any moment; a
// process that is killed leaves it, and it is removed as a part of a file is.
static const char spare_name[] = "checkpoint.safetensors.before.part";

nca_status nca_checkpoints_name(const char *folder, int place, char path[NCA_PATH_BYTES],
                                nca_error *error)
{
    char name[64] = "checkpoint.safetensors";
    if (place > 1)
        snprintf(name, sizeof name, "checkpoint-%d.safetensors", place);
    return nca_path_join(folder, name, path, error);
}

static bool is_there(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0;
}

// Gives the file of a place, where there is one, the name of another.
static nca_status move(const char *folder, int from, int to, nca_error *error)
{
    char old[NCA_PATH_BYTES], new[NCA_PATH_BYTES];
    NCA_TRY(nca_checkpoints_name(folder, from, old, error));
    NCA_TRY(nca_checkpoints_name(folder, to, new, error));
    if (rename(old, new) == 0 || errno == ENOENT)
        return NCA_OK;
    return nca_fail(error, NCA_FILE, "%s: cannot become %s: %s", old, new, strerror(errno));
}

int64_t nca_checkpoints_remove(const char *folder, int place, int *count)
{
    char path[NCA_PATH_BYTES];
    int64_t size_bytes = 0;
    *count = 0;
    for (; place <= NCA_CHECKPOINTS_MAX; place++) {
        struct stat about;
        if (nca_checkpoints_name(folder, place, path, NULL) == NCA_OK && lstat(path, &about) == 0 &&
            unlink(path) == 0) {
            size_bytes += about.st_size;
            ++*count;
        }
    }
    return size_bytes;
}

// The spare one becomes the second, the second the third.
static nca_status push(const char *folder, int keep, const char *spare, nca_error *error)
{
    char second[NCA_PATH_BYTES];
    for (int place = keep - 1; place >= 2; place--)
        NCA_TRY(move(folder, place, place + 1, error));
    NCA_TRY(nca_checkpoints_name(folder, 2, second, error));
    if (rename(spare, second) == 0 || errno == ENOENT)
        return NCA_OK;
    return nca_fail(error, NCA_FILE, "%s: cannot be put in place: %s", second, strerror(errno));
}

nca_status nca_checkpoints_save(nca_trainer *trainer, const char *folder, int keep, bool is_again,
                                nca_error *error)
{
    char latest[NCA_PATH_BYTES], spare[NCA_PATH_BYTES];
    int removed;
    NCA_TRY(nca_checkpoints_name(folder, 1, latest, error));
    NCA_TRY(nca_path_join(folder, spare_name, spare, error));
    unlink(spare);
    // A file system without second names loses the one before where the new one cannot be written.
    const bool is_kept = keep > 1 && !is_again && is_there(latest);
    const bool is_named = is_kept && link(latest, spare) == 0;
    if (is_kept && !is_named)
        NCA_TRY(move(folder, 1, 2, error));
    const nca_status status = nca_trainer_save(trainer, latest, error);
    if (status != NCA_OK && is_named)
        unlink(spare);
    else if (is_named)
        NCA_TRY(push(folder, keep, spare, error));
    if (status == NCA_OK)
        nca_checkpoints_remove(folder, keep + 1, &removed);
    return status;
}

nca_status nca_checkpoints_restore(nca_trainer *trainer, const char *folder, int *place,
                                   nca_error *damage, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    *damage = (nca_error){0};
    for (*place = 1; *place <= NCA_CHECKPOINTS_MAX; ++*place) {
        nca_error why = {0};
        NCA_TRY(nca_checkpoints_name(folder, *place, path, error));
        if (!is_there(path))
            continue;
        if (nca_trainer_restore(trainer, path, &why) == NCA_OK)
            return NCA_OK;
        if (why.status != NCA_FORMAT) {
            *error = why;
            return why.status;
        }
        if (damage->status == NCA_OK)
            *damage = why;
    }
    *place = 0;
    if (damage->status == NCA_OK)
        return NCA_OK;
    return nca_fail(
        error, NCA_FORMAT,
        "%s; there is no other checkpoint: put a whole copy in its place, or train anew "
        "with: nca train --config %s/config.json",
        damage->message, NCA_SHELL_WORD(folder));
}

const char *nca_precision_of(const char *arithmetic)
{
    static const char *const reduced[] = {"bf16x3", "bf16", "tf32"};   // the longer one first
    for (size_t i = 0; i < sizeof reduced / sizeof *reduced; i++)
        if (strstr(arithmetic, reduced[i]))
            return reduced[i];
    return "f32";
}

const char *nca_checkpoints_precision(const char *folder)
{
    char path[NCA_PATH_BYTES];
    nca_tensors tensors;
    for (int place = 1; place <= NCA_CHECKPOINTS_MAX; place++)
        if (nca_checkpoints_name(folder, place, path, NULL) == NCA_OK && is_there(path) &&
            nca_tensors_read(path, &tensors, NULL) == NCA_OK) {
            const char *arithmetic = nca_tensors_metadata(&tensors, "arithmetic");
            const char *found = nca_precision_of(arithmetic ? arithmetic : "");
            nca_tensors_free(&tensors);
            return found;
        }
    return NULL;
}

nca_status nca_checkpoints_go_back(const char *folder, int place, nca_error *error)
{
    for (int from = place; place > 1 && from <= NCA_CHECKPOINTS_MAX; from++)
        NCA_TRY(move(folder, from, from - place + 1, error));
    return NCA_OK;
}
