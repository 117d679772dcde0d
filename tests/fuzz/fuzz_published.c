// Hostile published rules: what is imported is a rule that can run.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nca/model.h"

static void require(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    nca_model model;
    nca_error error = {0};
    if (nca_model_parse_published(bytes, size, "fuzz.json", &model, &error) != NCA_OK) {
        require(strncmp(error.message, "fuzz.json: ", 11) == 0);
        return 0;
    }
    const size_t total = nca_layout_of(&model.spec).total;
    require(model.spec.channels % 4 == 0 && model.spec.channels >= 4 && model.spec.channels <= 256);
    require(model.spec.hidden[0] % 4 == 0 && model.spec.hidden[0] >= 4 &&
            model.spec.hidden[0] <= 4096);
    for (size_t i = 0; i < total; i++)
        require(isfinite(model.parameters[i]));
    nca_model_free(&model);
    return 0;
}
