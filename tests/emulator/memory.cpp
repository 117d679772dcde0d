// The device's memory: cudaMalloc, cudaFree, copies and fills.
//
// Allocations lie in one reserved range of addresses, each on pages of its own with a forbidden
// page behind it, and no address is used twice: what reads after cudaFree or far outside ends in a
// fault, and a write just beside an allocation is found by its walls (AddressSanitizer finds reads
// there too). Fresh memory is filled with 0xFF, which is NaN as float, double, half and bfloat16,
// and -1 as integer.
#include "shadow.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

#include "address_space.h"

#if NCA_EMULATOR_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace nca_emulator
{
namespace
{
constexpr size_t page = address_space::page, wall = 256;
constexpr unsigned char wall_byte = 0xFD, poison_byte = 0xFF;

std::map<char *, allocation> allocations;   // by the first byte the caller may use
std::map<int, size_t> bytes_used;           // by device
std::set<void *> pinned;

bool is_wall(const char *from)
{
    for (size_t i = 0; i < wall; i++)
        if (static_cast<unsigned char>(from[i]) != wall_byte)
            return false;
    return true;
}

cudaError_t allocate(void **pointer, size_t bytes)
{
    int device = 0;
    cudaGetDevice(&device);
    *pointer = nullptr;
    if (bytes == 0)
        return cudaSuccess;
    const size_t limit = nca_emulator_get()->memory_bytes;
    if (memory_is_full() || bytes > limit || bytes_used[device] > limit - bytes)
        return cudaErrorMemoryAllocation;
    const size_t mapped = (bytes + 2 * wall + page - 1) / page * page;
    char *pages = space.take_pages(mapped);
    if (!pages)
        return cudaErrorMemoryAllocation;
    char *start = pages + wall;
    std::memset(start - wall, wall_byte, wall);
    std::memset(start, poison_byte, bytes);
    std::memset(start + bytes, wall_byte, mapped - wall - bytes);
    forbid(start - wall, wall);
    forbid(start + bytes, mapped - wall - bytes);
    allocations[start] = {start, bytes, mapped, device, true, false};
    shadow_allocated(&allocations[start]);
    bytes_used[device] += bytes;
    *pointer = start;
    return cudaSuccess;
}

void release(char *start, allocation &piece)
{
    permit(start - wall, piece.mapped_bytes);
    shadow_forget(start, piece.bytes);
    space.drop_pages(start - wall, piece.mapped_bytes);
    bytes_used[piece.device] -= piece.bytes;
    piece.live = false;
}

cudaError_t free_one(void *pointer)
{
    if (!pointer)
        return cudaSuccess;
    const auto found = allocations.find(static_cast<char *>(pointer));
    if (found == allocations.end() || !found->second.live)
        return report(cudaErrorInvalidValue,
                      format("cudaFree: %p is no allocation, or was freed before", pointer));
    release(found->first, found->second);
    return cudaSuccess;
}

// What a copy's end has to be: "device" memory wholly inside one allocation, or not device memory
// at all.
cudaError_t check_end(const char *call, const char *end, const void *from, size_t bytes,
                      bool device)
{
    std::string why;
    if (device && !is_device_memory(from, bytes, &why))
        return report(cudaErrorInvalidValue,
                      format("%s: %s %p: %s", call, end, from, why.c_str()));
    if (!device && is_device_address(from))
        return report(
            cudaErrorInvalidValue,
            format("%s: %s %p: device memory where host memory is meant", call, end, from));
    return cudaSuccess;
}

bool is_device_end(enum cudaMemcpyKind kind, const void *pointer, bool source)
{
    if (kind == cudaMemcpyDefault)
        return is_device_address(pointer);
    return kind == cudaMemcpyDeviceToDevice ||
           kind == (source ? cudaMemcpyDeviceToHost : cudaMemcpyHostToDevice);
}

struct copy {
    char *to;
    const char *from;
    size_t to_pitch, from_pitch, width, height;
    enum cudaMemcpyKind kind;
};

cudaError_t do_copy(const copy &request)
{
    if (request.width == 0 || request.height == 0)
        return cudaSuccess;
    if (request.kind < cudaMemcpyHostToHost || request.kind > cudaMemcpyDefault)
        return cudaErrorInvalidMemcpyDirection;
    if (request.width > request.to_pitch || request.width > request.from_pitch)
        return cudaErrorInvalidValue;
    cudaError_t error = check_end("cudaMemcpy", "from", request.from,
                                  request.from_pitch * (request.height - 1) + request.width,
                                  is_device_end(request.kind, request.from, true));
    if (error == cudaSuccess)
        error = check_end("cudaMemcpy", "to", request.to,
                          request.to_pitch * (request.height - 1) + request.width,
                          is_device_end(request.kind, request.to, false));
    for (size_t row = 0; error == cudaSuccess && row < request.height; row++) {
        std::memmove(request.to + row * request.to_pitch, request.from + row * request.from_pitch,
                     request.width);
        shadow_written(request.to + row * request.to_pitch, request.width);
    }
    return error;
}

cudaError_t do_fill(void *to, int value, size_t bytes)
{
    if (bytes == 0)
        return cudaSuccess;
    const cudaError_t error = check_end("cudaMemset", "to", to, bytes, true);
    if (error == cudaSuccess) {
        std::memset(to, value, bytes);
        shadow_written(to, bytes);
    }
    return error;
}
}   // namespace

bool memory_is_full()
{
    static int takings;
    const int full = nca_emulator_get()->full_at_taking;
    return ++takings >= full && full > 0;
}

void forbid(const void *from, size_t bytes)
{
#if NCA_EMULATOR_ASAN
    __asan_poison_memory_region(from, bytes);
#else
    (void)from, (void)bytes;
#endif
}

void permit(const void *from, size_t bytes)
{
#if NCA_EMULATOR_ASAN
    __asan_unpoison_memory_region(from, bytes);
#else
    (void)from, (void)bytes;
#endif
}

bool is_device_address(const void *address)
{
    return space.holds(address);
}

const allocation *allocation_near(const void *address)
{
    if (!space.holds(address))
        return nullptr;
    // The walls before an allocation belong to it.
    const char *at = static_cast<const char *>(address) + wall;
    const auto above = allocations.upper_bound(const_cast<char *>(at));
    return above == allocations.begin() ? nullptr : &std::prev(above)->second;
}

bool is_device_memory(const void *from, size_t bytes, std::string *why)
{
    const allocation *owner = allocation_near(from);
    const size_t offset =
        owner ? static_cast<size_t>(static_cast<const char *>(from) - owner->start) : 0;
    if (!owner)
        *why = "not device memory";
    else if (!owner->live)
        *why = "memory that was freed";
    else if (offset > owner->bytes || bytes > owner->bytes - offset)
        *why = format("%zu bytes at offset %td do not fit an allocation of %zu", bytes,
                      static_cast<const char *>(from) - owner->start, owner->bytes);
    else
        return true;
    return false;
}

std::string damaged_allocation()
{
    std::string found;
    for (auto &[start, piece] : allocations) {
        if (!piece.live || piece.damaged)
            continue;
        permit(start - wall, wall);
        permit(start + piece.bytes, wall);
        piece.damaged = !is_wall(start - wall) || !is_wall(start + piece.bytes);
        forbid(start - wall, wall);
        forbid(start + piece.bytes, wall);
        if (piece.damaged)
            found = format("something wrote just %s an allocation of %zu bytes at %p",
                           is_wall(start - wall) ? "behind" : "before", piece.bytes,
                           static_cast<void *>(start));
    }
    return found;
}

void free_all()
{
    for (auto &[start, piece] : allocations)
        if (piece.live)
            release(start, piece);
    allocations.clear();
}
}   // namespace nca_emulator

using namespace nca_emulator;

extern "C" cudaError_t cudaMalloc(void **pointer, size_t bytes)
{
    if (!pointer)
        return done(cudaErrorInvalidValue);
    cudaError_t error = done(refuse_while_capturing());
    return error != cudaSuccess ? error : done(allocate(pointer, bytes));
}

extern "C" cudaError_t cudaFree(void *pointer)
{
    const cudaError_t error = done(refuse_while_capturing());
    return error != cudaSuccess ? error : done(free_one(pointer));
}

extern "C" cudaError_t cudaMallocAsync(void **pointer, size_t bytes, cudaStream_t stream)
{
    return is_capturing(stream) ? done(cudaErrorStreamCaptureUnsupported)
                                : cudaMalloc(pointer, bytes);
}

extern "C" cudaError_t cudaFreeAsync(void *pointer, cudaStream_t stream)
{
    return done(enqueue(stream, [pointer] { return free_one(pointer); }));
}

extern "C" cudaError_t cudaHostAlloc(void **pointer, size_t bytes, unsigned int)
{
    if (!pointer)
        return done(cudaErrorInvalidValue);
    const cudaError_t error = done(refuse_while_capturing());
    if (error != cudaSuccess)
        return error;
    *pointer = std::malloc(bytes ? bytes : 1);
    if (!*pointer)
        return done(cudaErrorMemoryAllocation);
    std::memset(*pointer, poison_byte, bytes);
    pinned.insert(*pointer);
    return done(cudaSuccess);
}

extern "C" cudaError_t cudaMallocHost(void **pointer, size_t bytes)
{
    return cudaHostAlloc(pointer, bytes, cudaHostAllocDefault);
}

extern "C" cudaError_t cudaHostGetDevicePointer(void **device, void *host, unsigned int)
{
    *device = host;
    return done(pinned.count(host) ? cudaSuccess : cudaErrorInvalidValue);
}

extern "C" cudaError_t cudaFreeHost(void *pointer)
{
    if (pointer && pinned.erase(pointer) == 0)
        return done(cudaErrorInvalidValue);
    std::free(pointer);
    return done(cudaSuccess);
}

extern "C" cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes,
                                       enum cudaMemcpyKind kind, cudaStream_t stream)
{
    const copy all = {
        static_cast<char *>(to), static_cast<const char *>(from), bytes, bytes, bytes, 1, kind};
    return done(enqueue(stream, [all] { return do_copy(all); }));
}

extern "C" cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes,
                                  enum cudaMemcpyKind kind)
{
    const cudaError_t error = done(refuse_while_capturing());
    return error != cudaSuccess ? error : cudaMemcpyAsync(to, from, bytes, kind, nullptr);
}

extern "C" cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from,
                                         size_t from_pitch, size_t width, size_t height,
                                         enum cudaMemcpyKind kind, cudaStream_t stream)
{
    const copy all = {static_cast<char *>(to),
                      static_cast<const char *>(from),
                      to_pitch,
                      from_pitch,
                      width,
                      height,
                      kind};
    return done(enqueue(stream, [all] { return do_copy(all); }));
}

extern "C" cudaError_t cudaMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                                    size_t width, size_t height, enum cudaMemcpyKind kind)
{
    const cudaError_t error = done(refuse_while_capturing());
    return error != cudaSuccess
               ? error
               : cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, width, height, kind, nullptr);
}

extern "C" cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream)
{
    return done(enqueue(stream, [=] { return do_fill(to, value, bytes); }));
}

extern "C" cudaError_t cudaMemset(void *to, int value, size_t bytes)
{
    const cudaError_t error = done(refuse_while_capturing());
    return error != cudaSuccess ? error : cudaMemsetAsync(to, value, bytes, nullptr);
}

extern "C" cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes)
{
    int device = 0;
    cudaGetDevice(&device);
    *total_bytes = nca_emulator_get()->memory_bytes;
    *free_bytes = *total_bytes - std::min(*total_bytes, bytes_used[device]);
    return done(cudaSuccess);
}
