// Trained rules that come with the program, by name: "zoo:lizard".
#ifndef NCA_MODEL_ZOO_H
#define NCA_MODEL_ZOO_H

#include <stdbool.h>

#include "base/files.h"

#define NCA_ZOO_PREFIX "zoo:"

enum { NCA_ZOO_MAX = 128, NCA_ZOO_NAME_BYTES = 64 };

// Names of the rules, without prefix and extension, in the order of the alphabet.
typedef struct nca_zoo {
    char folder[NCA_PATH_BYTES];
    int count;
    char name[NCA_ZOO_MAX][NCA_ZOO_NAME_BYTES];
} nca_zoo;

// Looks into the folder of the installed program, or into that of the checkout where there is none;
// empty where there is neither.
void nca_zoo_list(nca_zoo *out);

// Whether a text is a rule's name in the zoo and not a file's.
bool nca_zoo_is_name(const char *rule);
// Its file. NCA_FILE where there is none of this name, with the nearest one or all there are.
nca_status nca_zoo_find(const char *rule, char path[NCA_PATH_BYTES], nca_error *error);
// The picture that it grows, likewise.
nca_status nca_zoo_target(const char *rule, char path[NCA_PATH_BYTES], nca_error *error);

#endif
