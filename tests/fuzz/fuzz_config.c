// Hostile settings: refused with the config unchanged, or read so that they write and read the
// same.
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "config/config_json.h"
#include "nca/plan.h"

static void require(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static nca_config config, again, before;
    nca_error error = {0};
    char *text;
    nca_plan plan;
    before = config = again = nca_config_default();
    if (nca_config_from_json((const char *)bytes, size, "fuzz.json", &config, &error) != NCA_OK) {
        require(strncmp(error.message, "fuzz.json: ", 11) == 0);
        require(memcmp(&config, &before, sizeof config) == 0);
        return 0;
    }
    require(nca_config_to_json(&config, &text, &error) == NCA_OK);
    require(nca_config_from_json(text, strlen(text), "again", &again, &error) == NCA_OK);
    free(text);
    require(nca_config_difference(&config, &again) == NULL);
    if (nca_plan_make(&config, &plan, &error) == NCA_OK) {
        require(plan.grid.height >= 1 && plan.grid.width >= 1);
        require(nca_schedule_rate(&plan.schedule, 1) >= 0);
    }
    return 0;
}
