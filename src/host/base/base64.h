// Bytes as letters: base64 (RFC 4648).
#ifndef NCA_BASE_BASE64_H
#define NCA_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// `to` has room for 4 letters for every 3 bytes begun. Returns the end; no zero byte follows.
char *nca_base64_encode(const uint8_t *bytes, size_t size_bytes, char *to);

// Decodes exactly `count` bytes; false where the text holds more, fewer, or anything but base64.
// Blanks and ends of lines are passed over (RFC 2045), and padding may be left out.
bool nca_base64_decode(const char *text, uint8_t *bytes, size_t count);

#endif
