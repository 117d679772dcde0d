// What only some checkpoints hold.
#include "train/saved_extras.h"

#include <math.h>
#include <string.h>

enum { COUNT_MAX = 100000000 };

static const char *const average_names[NCA_AVERAGES] = {"average", "good.average"};

size_t nca_extras_list(const nca_trainer *trainer, nca_extra_numbers *numbers, nca_tensor *tensor)
{
    const nca_average *averages[NCA_AVERAGES] = {&trainer->average, &trainer->good.average};
    size_t count = 0;
    for (int i = 0; i < NCA_AVERAGES && trainer->config.average > 0; i++) {
        numbers->averaged[i] = averages[i]->taken;
        tensor[count++] = (nca_tensor){.name = average_names[i],
                                       .dtype = NCA_F64,
                                       .axes = 1,
                                       .shape = {trainer->layout.total},
                                       .data = averages[i]->sum};
    }
    if (trainer->config.average > 0)
        tensor[count++] = (nca_tensor){.name = "averaged",
                                       .dtype = NCA_I64,
                                       .axes = 1,
                                       .shape = {NCA_AVERAGES},
                                       .data = numbers->averaged};
    numbers->slowed[0] = trainer->health.halvings;
    numbers->slowed[1] = trainer->health.slowed_at;
    if (trainer->health.halvings > 0)
        tensor[count++] = (nca_tensor){
            .name = "slowed", .dtype = NCA_I64, .axes = 1, .shape = {2}, .data = numbers->slowed};
    return count;
}

static bool are_counts(const nca_tensor *tensor)
{
    bool are = true;
    for (size_t i = 0; i < tensor->elements; i++) {
        const int64_t count = ((const int64_t *)tensor->data)[i];
        are &= count >= 0 && count <= COUNT_MAX;
    }
    return are;
}

static bool are_finite(const nca_tensor *tensor)
{
    bool are = true;
    for (size_t i = 0; i < tensor->elements; i++)
        are &= isfinite(((const double *)tensor->data)[i]) != 0;
    return are;
}

static nca_status fail_damaged(const nca_tensors *tensors, const nca_tensor *tensor,
                               nca_error *error)
{
    return nca_fail(error, NCA_FORMAT,
                    "%s: its \"%s\" holds what no training leaves; it is damaged", tensors->name,
                    tensor->name);
}

static nca_status find_averages(const nca_trainer *trainer, const nca_tensors *tensors,
                                nca_found_extras *out, nca_error *error)
{
    const int64_t total = (int64_t)trainer->layout.total, count = NCA_AVERAGES;
    for (int i = 0; i < NCA_AVERAGES; i++) {
        NCA_TRY(nca_tensors_require(tensors, average_names[i], NCA_F64, 1, &total, &out->average[i],
                                    error));
        if (!are_finite(out->average[i]))
            return fail_damaged(tensors, out->average[i], error);
    }
    NCA_TRY(nca_tensors_require(tensors, "averaged", NCA_I64, 1, &count, &out->averaged, error));
    return are_counts(out->averaged) ? NCA_OK : fail_damaged(tensors, out->averaged, error);
}

nca_status nca_extras_find(const nca_trainer *trainer, const nca_tensors *tensors,
                           nca_found_extras *out, nca_error *error)
{
    const int64_t pair = 2;
    *out = (nca_found_extras){0};
    if (trainer->config.average > 0)
        NCA_TRY(find_averages(trainer, tensors, out, error));
    if (!nca_tensors_find(tensors, "slowed"))
        return NCA_OK;
    NCA_TRY(nca_tensors_require(tensors, "slowed", NCA_I64, 1, &pair, &out->slowed, error));
    return are_counts(out->slowed) ? NCA_OK : fail_damaged(tensors, out->slowed, error);
}

static void take_average(nca_average *average, const nca_tensor *sum, int64_t taken)
{
    memcpy(average->sum, sum->data, sum->size_bytes);
    average->taken = taken;
}

void nca_extras_take(nca_trainer *trainer, const nca_found_extras *found)
{
    const int64_t *slowed = found->slowed ? found->slowed->data : NULL;
    trainer->health.halvings = slowed ? slowed[0] : 0;
    trainer->health.slowed_at = slowed ? slowed[1] : 0;
    if (!found->averaged)
        return;
    const int64_t *averaged = found->averaged->data;
    take_average(&trainer->average, found->average[0], averaged[0]);
    take_average(&trainer->good.average, found->average[1], averaged[1]);
}
