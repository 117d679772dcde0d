// config.json: every setting by its name.
#ifndef NCA_CONFIG_CONFIG_JSON_H
#define NCA_CONFIG_CONFIG_JSON_H

#include "base/checksum.h"
#include "nca/config.h"

// config.json, complete: every field of nca/config.h by its name. The caller frees `text`.
nca_status nca_config_to_json(const nca_config *config, char **text, nca_error *error);
// Changes only the fields that the text names. Unknown keys, wrong types and values out of range
// are refused by name, with the nearest key where there is one.
nca_status nca_config_from_json(const char *text, size_t size_bytes, const char *name,
                                nca_config *config, nca_error *error);
nca_status nca_config_read(const char *path, nca_config *config, nca_error *error);
// The checksum of what nca_config_write() writes.
nca_status nca_config_checksum(const nca_config *config, char checksum[NCA_CHECKSUM_BYTES],
                               nca_error *error);
nca_status nca_config_write(const char *path, const nca_config *config, nca_error *error);

#endif
