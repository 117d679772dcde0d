// Values that every JSON of this program writes alike.
#ifndef NCA_IO_JSON_VALUES_H
#define NCA_IO_JSON_VALUES_H

#include <jansson.h>

// All three are new references; NULL without memory.

// A number, or null where it is not finite.
json_t *nca_json_number(double value);
// As much of a text as is UTF-8, up to 8 KiB.
json_t *nca_json_text(const char *text);
// The value of a JSON text that has been checked already; null where there is none (NULL).
json_t *nca_json_parsed(const char *text);

#endif
