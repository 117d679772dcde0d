// Messages of Protocol Buffers: each field is a key, the number of the field with the kind of its
// value, then the value.
#include "base/protobuf.h"

#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5, VARINT_BYTES_MAX = 10 };

static void append(nca_message *message, const void *bytes, size_t size_bytes)
{
    const size_t needed = message->size_bytes + size_bytes;
    if (needed > message->room_bytes) {
        const size_t room = needed > 2 * message->room_bytes ? needed : 2 * message->room_bytes;
        uint8_t *larger = message->is_short ? NULL : realloc(message->bytes, room);
        if (!larger) {
            message->is_short = true;
            return;
        }
        message->bytes = larger;
        message->room_bytes = room;
    }
    if (size_bytes > 0)
        memcpy(message->bytes + message->size_bytes, bytes, size_bytes);
    message->size_bytes = needed;
}

// Seven bits a byte, the lowest first; the eighth says that more follow.
static void append_varint(nca_message *message, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    size_t count = 0;
    for (; value > 127; value >>= 7)
        bytes[count++] = (uint8_t)(value | 128);
    bytes[count++] = (uint8_t)value;
    append(message, bytes, count);
}

static void append_key(nca_message *message, int field, int kind)
{
    append_varint(message, (uint64_t)field << 3 | (uint64_t)kind);
}

void nca_message_whole(nca_message *message, int field, int64_t value)
{
    append_key(message, field, VARINT);
    append_varint(message, (uint64_t)value);
}

// Little endian, as this machine is.
void nca_message_float(nca_message *message, int field, float value)
{
    append_key(message, field, FIXED32);
    append(message, &value, sizeof value);
}

void nca_message_double(nca_message *message, int field, double value)
{
    append_key(message, field, FIXED64);
    append(message, &value, sizeof value);
}

void nca_message_bytes(nca_message *message, int field, const void *bytes, size_t size_bytes)
{
    append_key(message, field, BYTES);
    append_varint(message, size_bytes);
    append(message, bytes, size_bytes);
}

void nca_message_text(nca_message *message, int field, const char *text)
{
    nca_message_bytes(message, field, text, strlen(text));
}

void nca_message_part(nca_message *message, int field, nca_message *part)
{
    nca_message_bytes(message, field, part->bytes, part->size_bytes);
    message->is_short |= part->is_short;
    nca_message_free(part);
}

void nca_message_free(nca_message *message)
{
    free(message->bytes);
    *message = (nca_message){0};
}
