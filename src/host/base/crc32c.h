// CRC-32C, the checksum of records that TensorBoard reads (Castagnoli's polynomial, RFC 3720).
#ifndef NCA_BASE_CRC32C_H
#define NCA_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t nca_crc32c(const void *bytes, size_t size_bytes);

#endif
