// Values that every JSON of this program writes alike.
#include "io/json_values.h"

#include <math.h>

#include "io/text.h"

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
