// What a safetensors file of this program says of itself in its metadata, and how it is checked.
//
//   format_version   of what is written here
//   program          that wrote the file
//   checksum         "xxh3_64:" and 16 hexadecimal digits: of the whole file, with zeros in the
//                    place of these digits
//
// A file without a checksum is of version 0.1.0 or of another program, and is taken as it is.
#ifndef NCA_MODEL_TENSORS_CHECKSUM_H
#define NCA_MODEL_TENSORS_CHECKSUM_H

#include "model/safetensors.h"

#define NCA_TENSORS_VERSION "1"
#define NCA_TENSORS_CHECKSUM "checksum"
#define NCA_TENSORS_CHECKSUM_KIND "xxh3_64:"

// Where the digits lie in a header; NULL where it has none.
char *nca_tensors_checksum_place(char *header, size_t length);

// Refuses a file that is not as it was written, and one of a newer format.
//   tensors   its metadata
//   head      the length and the header
nca_status nca_tensors_check(const nca_tensors *tensors, const uint8_t *head, size_t head_bytes,
                             const uint8_t *data, size_t data_bytes, nca_error *error);

#endif
