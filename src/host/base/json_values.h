// Values that every JSON of this program writes alike.
#ifndef NCA_BASE_JSON_VALUES_H
#define NCA_BASE_JSON_VALUES_H

#include <jansson.h>
#include <stdbool.h>

// The first three are new references; NULL without memory.

// A number, or null where it is not finite.
json_t *nca_json_number(double value);
// As much of a text as is UTF-8, up to 8 KiB.
json_t *nca_json_text(const char *text);
// The value of a JSON text that has been checked already; null for NULL.
json_t *nca_json_parsed(const char *text);

// Sets a new value into an object; false without memory, or where there is no value.
bool nca_json_set(json_t *object, const char *key, json_t *value);

#endif
