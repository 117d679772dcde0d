// Messages of Protocol Buffers, written field by field.
// Source: the encoding as Google documents it, https://protobuf.dev/programming-guides/encoding.
#ifndef NCA_BASE_PROTOBUF_H
#define NCA_BASE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A message that is being written; all zero, it is empty. Where memory runs out it only sets
// `is_short`: the bytes are then of no use, so look at that before taking them.
typedef struct nca_message {
    uint8_t *bytes;   // owned
    size_t size_bytes, room_bytes;
    bool is_short;   // of memory
} nca_message;

// Fields by their number, 1 and up: whole numbers and booleans; f32; f64; bytes, texts without
// their zero byte; and another message, which is freed.
void nca_message_whole(nca_message *message, int field, int64_t value);
void nca_message_float(nca_message *message, int field, float value);
void nca_message_double(nca_message *message, int field, double value);
void nca_message_bytes(nca_message *message, int field, const void *bytes, size_t size_bytes);
void nca_message_text(nca_message *message, int field, const char *text);
void nca_message_part(nca_message *message, int field, nca_message *part);
void nca_message_free(nca_message *message);

#endif
