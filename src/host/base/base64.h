// Bytes as letters: base64 (RFC 4648).
#ifndef NCA_BASE_BASE64_H
#define NCA_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Room for 4 letters of every 3 bytes; returns the end, where no zero is put.
char *nca_base64_encode(const uint8_t *bytes, size_t size_bytes, char *to);

// Exactly `count` bytes, or false. Padding may be left out; nothing else may be in the text.
bool nca_base64_decode(const char *text, uint8_t *bytes, size_t count);

#endif
