// CRC-32C, bit by bit: pictures and curves are short, and a table would be most of this file.
#include "base/crc32c.h"

uint32_t nca_crc32c(const void *bytes, size_t size_bytes)
{
    const uint32_t polynomial = 0x82f63b78;   // its bits reversed
    const uint8_t *from = bytes;
    uint32_t rest = ~UINT32_C(0);
    for (size_t i = 0; i < size_bytes; i++) {
        rest ^= from[i];
        for (int bit = 0; bit < 8; bit++)
            rest = rest >> 1 ^ (rest & 1 ? polynomial : 0);
    }
    return ~rest;
}
