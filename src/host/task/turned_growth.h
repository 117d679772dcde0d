// What the tasks that turn a grown picture into another share: the picture, the victim and what it
// has grown.
#ifndef NCA_TASK_TURNED_GROWTH_H
#define NCA_TASK_TURNED_GROWTH_H

#include "nca/model.h"
#include "nca/task.h"

enum { NCA_TURNED_GROWN = 16 };   // grown pictures to begin with

typedef struct nca_turned_growth {
    nca_growth *growth;   // of the picture that is to be shown; owned
    nca_model victim;     // owned
    float *grown;         // [NCA_TURNED_GROWN,H,W,C] 200 steps of the victim from its seed; owned
    double share;         // of the cells that are visible in the picture, the adversary's
} nca_turned_growth;

// As the functions of nca_task.
nca_status nca_turned_growth_load(const nca_content_source *source, nca_content *out,
                                  nca_error *error);
void nca_turned_growth_unload(void *data);
nca_status nca_turned_growth_keep(const nca_content_source *source, const char *folder,
                                  nca_error *error);
nca_status nca_turned_growth_check(const void *content, const nca_shape *shape, nca_error *error);
const float *nca_turned_growth_numbers(const void *content, const nca_shape *shape, size_t *count);
void nca_turned_growth_seed(const void *content, int seed[2]);
void nca_turned_growth_target(const void *content, const nca_shape *shape, int64_t item,
                              float *values);
const nca_image *nca_turned_growth_picture(const void *content);
void nca_turned_growth_place(const nca_shape *shape, int y, int x, float *state);
double nca_turned_growth_rank(const nca_sample_report *sample);
bool nca_turned_growth_is_dead(const nca_sample_report *sample);

// As the fields of nca_task.
extern const nca_task_judging nca_turned_growth_judging;
extern const char *const nca_turned_growth_channels[];
extern const nca_task_film nca_turned_growth_films[];

// A grown picture.
//   state   [H,W,C] out
void nca_turned_growth_begin(const nca_turned_growth *turned, const nca_shape *shape, int number,
                             float *state);
// Damages the last samples of a batch as growing does.
void nca_turned_growth_damage(const nca_task_update *update, nca_sample *samples);

#endif
