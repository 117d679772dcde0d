// What the emulator remembers about every word of device and shared memory, so that it can say of
// each access of a kernel whether the address is the kernel's, whether anything was ever written
// there, and whether another thread touches the same bytes with nothing between that orders the
// two.
//
// The compiler calls a function before every load and store of a .cu file (-fsanitize=thread, whose
// own run time is not linked); shadow.cpp answers those calls. Builds with AddressSanitizer have no
// such calls.
#ifndef NCA_EMULATOR_SHADOW_H
#define NCA_EMULATOR_SHADOW_H

#include "scheduler.h"

namespace nca_emulator
{
enum class access { read, write, atomic };

// Whether accesses are looked at: the .cu files have the calls, and NCA_EMULATOR_CHECKS is not 0.
bool shadow_is_on();
void shadow_announce_calls();

// Around a launch, and whenever all its blocks have met.
void shadow_start_launch();
void shadow_end_launch();
void shadow_meet_grid();
// A block starts, or all its threads have met: what comes after is ordered behind all that came
// before.
void shadow_meet_block(block *all);
void shadow_meet_cluster(block *group);
// The lanes of the mask of one warp have met at __syncwarp.
void shadow_meet_lanes(thread *lanes, unsigned mask);

// Whether a kernel runs whose accesses are looked at. Asked before every access, so it costs no
// call.
extern bool shadow_is_looking;
// By a thread of such a kernel, of an address that `space` holds; ends the launch where it finds a
// fault.
void shadow_access(const void *address, size_t bytes, access kind, const void *caller);

// An allocation begins (`owner` stays where it is as long as it lives), memory ends, the host
// writes device memory.
void shadow_allocated(const allocation *owner);
void shadow_forget(const char *from, size_t bytes);
void shadow_written(const void *from, size_t bytes);
}   // namespace nca_emulator

#endif
