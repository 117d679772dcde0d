// What a mistyped word probably meant.
#ifndef NCA_BASE_NEAREST_H
#define NCA_BASE_NEAREST_H

#include <stddef.h>

#include "nca/status.h"

// The candidate nearest to `word` by edit distance, or NULL where none is near.
const char *nca_nearest(const char *word, const char *const *candidates, size_t count);

// Refuses a word that is none of the choices, with the one that was probably meant, and all of
// them: NCA_ARGUMENT.
//   option    that the word was given to: "--precision"
//   asked     NULL: nothing was given
//   choices   "f32|bf16", as the help of the option has them
nca_status nca_choice_check(const char *option, const char *asked, const char *choices,
                            nca_error *error);

#endif
