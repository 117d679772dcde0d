// Statuses and error messages: how every function of nca says what went wrong.
//
// A function that can fail returns nca_status and takes an nca_error as its last argument (NULL is
// allowed: the words are then dropped). Outputs are written only on success.
#ifndef NCA_STATUS_H
#define NCA_STATUS_H

#include <stdint.h>

#include "nca/api.h"

#ifdef __cplusplus
extern "C" {
#endif

// X(name, words)
#define NCA_STATUSES(X)                                                        \
    X(NCA_OK, "ok")                                                            \
    X(NCA_ARGUMENT, "a value that is not allowed")                             \
    X(NCA_FILE, "a file that cannot be read or written")                       \
    X(NCA_FORMAT, "a file whose content is not what it should be")             \
    X(NCA_MEMORY, "not enough memory")                                         \
    X(NCA_ABSENT, "a device that this machine does not have")                  \
    X(NCA_DEVICE, "a device that cannot be used or failed")                    \
    X(NCA_NUMERIC, "a number that is not finite or out of bounds")             \
    X(NCA_MISSING, "a library or program this build or machine does not have") \
    X(NCA_INTERRUPTED, "stopped by a signal")

// How a call ended.
typedef enum nca_status {
#define NCA_STATUS_ENUM(name, words) name,
    NCA_STATUSES(NCA_STATUS_ENUM)
#undef NCA_STATUS_ENUM
} nca_status;

// The words of a failure: one line, "the thing: the reason; the way out", without a newline.
typedef struct nca_error {
    nca_status status;
    char message[1000];
} nca_error;

#if defined(__GNUC__)
#define NCA_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define NCA_PRINTF(format_index, first)
#endif

// Writes the message into `error` (which may be NULL) and returns `status`: a failure is one
// statement.
//   return nca_fail(error, NCA_FORMAT, "%s: not a safetensors file; ...", path);
NCA_API nca_status nca_fail(nca_error *error, nca_status status, const char *format, ...)
    NCA_PRINTF(3, 4);

// The words of a status; never NULL.
NCA_API const char *nca_status_words(nca_status status);

// How messages name an amount of memory.
static inline double nca_gib(uint64_t size_bytes)
{
    return (double)size_bytes / (1 << 30);
}

// Forwards a failure to the caller, when nothing is held yet.
#define NCA_TRY(call)                             \
    do {                                          \
        const nca_status nca_try_status = (call); \
        if (nca_try_status != NCA_OK)             \
            return nca_try_status;                \
    } while (0)

// Forwards a failure through the function's one exit: it needs a local `nca_status status` and a
// label `cleanup`.
#define NCA_GO(call)          \
    do {                      \
        status = (call);      \
        if (status != NCA_OK) \
            goto cleanup;     \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
