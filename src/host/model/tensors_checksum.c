// The checksum of a safetensors file, found in its header and compared.
#define _GNU_SOURCE   // memmem
#include "model/tensors_checksum.h"

#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"

// Quotes within a text are escaped, so that only a key reads like this.
static const char key[] = "\"" NCA_TENSORS_CHECKSUM "\"";
static const char kind[] = NCA_TENSORS_CHECKSUM_KIND;

// The first byte behind `word` and blanks; NULL where something else stands there.
static char *pass(char *at, const char *end, const char *word)
{
    const size_t length = strlen(word);
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    return (size_t)(end - at) >= length && memcmp(at, word, length) == 0 ? at + length : NULL;
}

char *nca_tensors_checksum_place(char *header, size_t length)
{
    char *const end = header + length;
    char *at = header;
    while ((at = memmem(at, (size_t)(end - at), key, sizeof key - 1))) {
        at += sizeof key - 1;
        char *colon = pass(at, end, ":");
        char *quote = colon ? pass(colon, end, "\"") : NULL;
        char *digits = quote ? pass(quote, end, kind) : NULL;
        if (digits && end - digits >= NCA_CHECKSUM_DIGITS)
            return digits;
    }
    return NULL;
}

static nca_status fail_damaged(const nca_tensors *tensors, nca_error *error)
{
    return nca_fail(error, NCA_FORMAT,
                    "%s: its bytes do not give its checksum, so it is damaged; put a whole copy in "
                    "its place (a program that changes the file leaves its metadata \"checksum\" "
                    "out)",
                    tensors->name);
}

static const char *find(const nca_tensors *tensors, const char *name)
{
    for (size_t i = 0; i < tensors->metadata_count; i++)
        if (strcmp(tensors->metadata[i].key, name) == 0)
            return tensors->metadata[i].value;
    return NULL;
}

// A damaged key would hide its checksum.
static bool has_lost_checksum(const nca_tensors *tensors)
{
    for (size_t i = 0; i < tensors->metadata_count; i++)
        if (strncmp(tensors->metadata[i].value, kind, sizeof kind - 1) == 0)
            return true;
    return false;
}

static nca_status check_version(const nca_tensors *tensors, nca_error *error)
{
    const char *version = find(tensors, "format_version");
    const char *program = find(tensors, "program");
    if (!version || strcmp(version, NCA_TENSORS_VERSION) == 0)
        return NCA_OK;
    return nca_fail(error, NCA_FORMAT,
                    "%s: of format %.20s, written by %.40s; this program reads format %s: use that "
                    "one",
                    tensors->name, version, program ? program : "another program",
                    NCA_TENSORS_VERSION);
}

nca_status nca_tensors_check(const nca_tensors *tensors, const uint8_t *head, size_t head_bytes,
                             const uint8_t *data, size_t data_bytes, nca_error *error)
{
    static const char zeros[] = "0000000000000000";
    const char *stated = find(tensors, NCA_TENSORS_CHECKSUM);
    if (!stated)
        return has_lost_checksum(tensors) ? fail_damaged(tensors, error) : NCA_OK;
    const char *place = nca_tensors_checksum_place((char *)head, head_bytes);
    if (!place || strlen(stated) != sizeof kind - 1 + NCA_CHECKSUM_DIGITS)
        return fail_damaged(tensors, error);
    const char *after = place + NCA_CHECKSUM_DIGITS, *end = (const char *)head + head_bytes;
    const nca_bytes pieces[] = {{head, (size_t)(place - (const char *)head)},
                                {zeros, NCA_CHECKSUM_DIGITS},
                                {after, (size_t)(end - after)},
                                {data, data_bytes}};
    char digits[NCA_CHECKSUM_BYTES];
    nca_checksum(pieces, sizeof pieces / sizeof *pieces, digits);
    if (strcmp(stated + sizeof kind - 1, digits) != 0)
        return fail_damaged(tensors, error);
    return check_version(tensors, error);
}
