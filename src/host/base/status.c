// Statuses in words; every failure message of the library passes through nca_fail.
#include "nca/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// Too long a message loses its middle, which is of a path, and keeps its end: reason and way out.
static void shorten(char *to, size_t room, const char *from, size_t length)
{
    static const char gap[] = " ... ";
    const size_t head = room / 4, tail = room - 1 - head - (sizeof gap - 1);
    const char *rest = from + length - tail;
    size_t kept = head;
    while (kept > 0 && ((unsigned char)from[kept] & 0xc0) == 0x80)   // within a character
        kept--;
    while (((unsigned char)*rest & 0xc0) == 0x80)
        rest++;
    snprintf(to, room, "%.*s%s%s", (int)kept, from, gap, rest);
}

nca_status nca_fail(nca_error *error, nca_status status, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->status = status;
        const int length = vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        char *whole = length >= (int)sizeof error->message ? malloc((size_t)length + 1) : NULL;
        if (whole) {
            va_start(arguments, format);
            vsnprintf(whole, (size_t)length + 1, format, arguments);
            va_end(arguments);
            shorten(error->message, sizeof error->message, whole, (size_t)length);
            free(whole);
        }
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
