// Messages of Protocol Buffers, written field by field.
// Source: the encoding as Google documents it, https://protobuf.dev/programming-guides/encoding.
#ifndef NCA_BASE_PROTOBUF_H
#define NCA_BASE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A message on its way; all zero, it is empty. Where memory runs out it only notes so: what is left
// is of no use, and whoever needs the bytes looks at `is_short` first.
typedef struct nca_message {
    uint8_t *bytes;   // owned
    size_t size_bytes, room_bytes;
    bool is_short;   // of memory
} nca_message;

// Fields by their number, 1 and up: whole numbers and truths; f32; f64; bytes, texts without their
// zero byte; and another message, which is freed.
void nca_message_whole(nca_message *message, int field, int64_t value);
void nca_message_float(nca_message *message, int field, float value);
void nca_message_double(nca_message *message, int field, double value);
void nca_message_bytes(nca_message *message, int field, const void *bytes, size_t size_bytes);
void nca_message_text(nca_message *message, int field, const char *text);
void nca_message_part(nca_message *message, int field, nca_message *part);
void nca_message_free(nca_message *message);

#endif
