// When the frames of a film begin, and which are shown where they come too fast for a format.
#include "media/writers.h"

int nca_frames_shown(double shortest_ms, int frames, double frames_per_second)
{
    const double frame_ms = 1000 / frames_per_second;
    if (frame_ms >= shortest_ms)
        return frames;
    const int shown = (int)(frames * frame_ms / shortest_ms + 1e-9);
    return shown > 1 ? shown : 1;
}

bool nca_frame_is_shown(int frames, int shown, int number)
{
    return ((int64_t)number + 1) * shown / frames > (int64_t)number * shown / frames;
}

int nca_frame_time(const nca_writer_options *options, int shown, int number, double units)
{
    const double end = options->frames * units / options->frames_per_second;
    return (int)(number * end / shown + 0.5);
}
