// A picture as its file stores it: its size checked, its pixels allocated.
#include "media/stored.h"

#include <stdlib.h>

enum { SIDE_MAX = 16384 };

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { PIXELS_MAX = 1 << 14 };   // a fuzzer's time is better spent on many small pictures
#else
enum { PIXELS_MAX = 1 << 26 };
#endif

nca_status nca_verdict_say(nca_verdict verdict, const char *name, nca_error *error)
{
    static const char *const words[] = {
        [NCA_CUT_OFF] = "ends too early: cut off or damaged; get it again",
        [NCA_CHECKSUM] = "a checksum in it is wrong: damaged; get it again",
        [NCA_DAMAGED] = "contradicts itself: damaged; get it again",
    };
    if (verdict == NCA_WHOLE)
        return NCA_OK;
    return nca_fail(error, NCA_FORMAT, "%s: %s", name, words[verdict]);
}

nca_status nca_stored_check(const char *name, uint64_t width, uint64_t height, nca_error *error)
{
    if (width == 0 || height == 0)
        return nca_fail(error, NCA_FORMAT,
                        "%s: %llu x %llu pixels: there is nothing in it; get it again", name,
                        (unsigned long long)width, (unsigned long long)height);
    if (width > SIDE_MAX || height > SIDE_MAX || width * height > PIXELS_MAX)
        return nca_fail(error, NCA_FORMAT,
                        "%s: %llu x %llu pixels; at most %d a side and %d in all, shrink it first",
                        name, (unsigned long long)width, (unsigned long long)height, SIDE_MAX,
                        PIXELS_MAX);
    return NCA_OK;
}

nca_status nca_stored_create(const char *name, uint64_t width, uint64_t height, nca_stored *out,
                             nca_error *error)
{
    NCA_TRY(nca_stored_check(name, width, height, error));
    uint8_t *pixels = calloc((size_t)(width * height), 4);
    if (!pixels)
        return nca_fail(error, NCA_MEMORY, "%s: no memory for its pixels", name);
    *out = (nca_stored){
        .pixels = pixels, .height = (int)height, .width = (int)width, .orientation = 1};
    return NCA_OK;
}
