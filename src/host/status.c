// Statuses in words; every failure message of the library passes through nca_fail.
#include "nca/status.h"

#include <stdarg.h>
#include <stdio.h>

nca_status nca_fail(nca_error *error, nca_status status, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->status = status;
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

const char *nca_status_words(nca_status status)
{
    switch (status) {
#define NCA_STATUS_WORDS(name, words) \
    case name:                        \
        return words;
        NCA_STATUSES(NCA_STATUS_WORDS)
#undef NCA_STATUS_WORDS
    }
    return "an unknown status";
}
