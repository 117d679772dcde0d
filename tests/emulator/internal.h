// What the emulator's own files share.
#ifndef NCA_EMULATOR_INTERNAL_H
#define NCA_EMULATOR_INTERNAL_H

#include <cstdarg>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <cuda_runtime.h>

#include "emulator.h"

#if defined(__SANITIZE_ADDRESS__)
#define NCA_EMULATOR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NCA_EMULATOR_ASAN 1
#endif
#endif
#ifndef NCA_EMULATOR_ASAN
#define NCA_EMULATOR_ASAN 0
#endif

namespace nca_emulator
{
// -- fiber.cpp ------------------------------------------------------------------------------------
// A stack of its own on which a thread of a kernel runs. One fiber runs at a time.
struct fiber;
fiber *fiber_take();             // from the pool
void fiber_give(fiber *used);    // back to it; whatever ran there is forgotten
// Runs `entry` on the fiber, or goes on where it left, until it calls fiber_leave.
void fiber_enter(fiber *to, void (*entry)());
void fiber_leave();              // to where fiber_enter was called
[[noreturn]] void fiber_finish();   // the same, for good

// -- memory.cpp -----------------------------------------------------------------------------------
// Marks bytes as not to be touched, or as good, for AddressSanitizer where it is there.
void forbid(const void *from, size_t bytes);
void permit(const void *from, size_t bytes);
// The allocation, live or not, whose pages hold the address or end just before it; null if there is
// none.
struct allocation {
    char *start;
    size_t bytes, mapped_bytes;
    int device;
    bool live;
    bool damaged;   // reported already
};
const allocation *allocation_near(const void *address);
// Whether [from, from + bytes) lies in one live allocation; says why not in `why`.
bool is_device_memory(const void *from, size_t bytes, std::string *why);
bool is_device_address(const void *address);
// "" or what was overwritten beside an allocation since the last look.
std::string damaged_allocation();
void free_all();
// Asked once for everything that takes memory of the device: NCA_EMULATOR_FULL.
bool memory_is_full();

// -- shared_memory.cpp ----------------------------------------------------------------------------
// The shared memory of one block.
class shared_memory
{
  public:
    void start(size_t dynamic_bytes, size_t limit_bytes);
    void *array(const void *key, const char *name, size_t bytes, size_t alignment);
    void *dynamic();
    // "" or the array that was written past its end.
    std::string damage() const;

    struct part {
        const void *key;
        const char *name;
        char *start;
        size_t bytes;
    };
    // The array an address lies in; null where it lies in none, or not in this block's memory at
    // all.
    const part *part_at(const char *address) const;
    // Whether the address lies in this block's memory; whether all the bytes lie in one array of
    // it.
    bool holds(const char *address) const
    {
        return static_cast<size_t>(address - memory_) < memory_bytes;
    }
    bool has(const char *address, size_t bytes) const
    {
        const part *found = last_;
        if (static_cast<size_t>(address - found->start) >= found->bytes)
            found = part_at(address);
        if (!found)
            return false;
        last_ = found;
        return bytes <= found->bytes - static_cast<size_t>(address - found->start);
    }
    const part &nearest(const char *address) const;

    ~shared_memory();
    shared_memory() = default;
    shared_memory(const shared_memory &) = delete;

  private:
    void *add(const void *key, const char *name, size_t bytes, size_t alignment);

    static constexpr size_t memory_bytes = 512 << 10;   // more than any block may have, with walls
    char *memory_ = nullptr;
    mutable const part *last_ = nullptr;   // where the last address lay
    size_t used_ = 0, limit_ = 0, asked_ = 0;
    std::vector<part> parts_;
};

// -- scheduler.cpp --------------------------------------------------------------------------------
// The segments (shadow.cpp) of a launch when it last ran, by which its writes are known; `end` is
// the next one's.
struct segment_range {
    uint32_t first, end;
};

struct grid_launch {
    const char *name;
    dim3 grid, block, cluster;
    size_t shared_bytes, shared_limit;
    bool cooperative;
    bool overlaps;   // may begin before the launch before it in its stream has ended
    std::function<void()> run;
    // Its own; those of the launch directly before it in the stream, null if something else is
    // there.
    std::shared_ptr<segment_range> segments, segments_before;
};

// Runs every thread of the grid; an error is reported and returned.
cudaError_t run_grid(const grid_launch &launch);
bool is_in_kernel();

// -- errors.cpp -----------------------------------------------------------------------------------
// Keeps the line for nca_emulator_message, prints it, aborts where that is asked for; returns
// `error`.
cudaError_t report(cudaError_t error, const std::string &line);
std::string format(const char *words, ...) __attribute__((format(printf, 1, 2)));
// The result of an API call, kept for cudaGetLastError.
cudaError_t done(cudaError_t error);
// From now on every call fails with this error, until cudaDeviceReset.
cudaError_t break_context(cudaError_t error);
cudaError_t broken_context();

// -- devices.cpp ----------------------------------------------------------------------------------
// The device that is current in this thread.
int current_device();

// -- streams.cpp ----------------------------------------------------------------------------------
// Does the work now, or adds it to the graph that the stream captures.
cudaError_t enqueue(cudaStream_t stream, std::function<cudaError_t()> work);
// The segments of the last work queued on the stream, or captured there; null if that was no
// launch.
std::shared_ptr<segment_range> &last_launch(cudaStream_t stream);
bool is_capturing(cudaStream_t stream);
// What only the stream's own device takes, such as a launch, while another one is current.
cudaError_t check_current(cudaStream_t stream, const char *what);
// An API call that a global capture forbids: invalidates it. cudaSuccess if there is none.
cudaError_t refuse_while_capturing();
}   // namespace nca_emulator

#endif
