// The last states of an attack's first samples, as pixels.
#ifndef NCA_ATTACK_PAINT_H
#define NCA_ATTACK_PAINT_H

#include "attack/attack.h"
#include "eval/evaluate.h"

typedef struct nca_attack_painter {
    nca_paint paint;
    nca_grid grid;
    int channels;
    uint8_t *next;   // where the next state goes
} nca_attack_painter;

// Makes room in `out` for the states of `shown` samples; the painter begins with the first.
nca_status nca_attack_paint_begin(nca_attack_painter *painter, int shown, nca_attack_point *out,
                                  nca_error *error);
// Paints a state [H,W,C] behind those before it; as the `look` of nca_evaluate_options.
void nca_attack_look(void *painter, nca_evaluate_moment moment, int number, const float *state);

// All points as one picture: a row for each, with its strength before it.
nca_status nca_attack_picture_write(const char *path, const nca_attack_point *points, int count,
                                    int shown, nca_error *error);

// The figures over the strength, as a picture with a line for each. The axis of shares goes from 0
// to 1; shares beside log10 losses are not drawn.
nca_status nca_attack_curve_write(const char *path, const nca_attack *attack,
                                  const nca_figure *figures, const nca_attack_point *points,
                                  int count, nca_error *error);

#endif
