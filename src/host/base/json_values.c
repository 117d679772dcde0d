// Values that every JSON of this program writes alike.
#include "base/json_values.h"

#include <math.h>

#include "base/text.h"

json_t *nca_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *nca_json_text(const char *text)
{
    char whole[8192];
    nca_text_copy(whole, sizeof whole, text);
    return json_string(whole);
}

json_t *nca_json_parsed(const char *text)
{
    json_t *value = text ? json_loads(text, 0, NULL) : NULL;
    return value ? value : json_null();
}

bool nca_json_set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}
