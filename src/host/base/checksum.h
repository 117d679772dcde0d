// Checksums, by which damaged files are noticed: XXH3 with 64 bits, as 16 hexadecimal digits.
#ifndef NCA_BASE_CHECKSUM_H
#define NCA_BASE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

enum { NCA_CHECKSUM_DIGITS = 16, NCA_CHECKSUM_BYTES = NCA_CHECKSUM_DIGITS + 1 };

typedef struct nca_bytes {
    const void *data;
    size_t size;
} nca_bytes;

// The checksum of the pieces, joined in this order.
void nca_checksum(const nca_bytes *pieces, size_t count, char text[NCA_CHECKSUM_BYTES]);

// The end of a line of JSON that carries its own checksum, which is of all that stands before it.
#define NCA_CHECKSUM_LINE_END ", \"checksum\": \"%s\"}\n"

// Whether a line, without its newline, is as it was written. A line without a checksum is older
// than they are, and passes.
bool nca_checksum_line_holds(const char *line, size_t length);

#endif
