// What the compiler calls before every load and store of a .cu file that is compiled with
// -fsanitize=thread. The names and the types are ThreadSanitizer's as gcc declares them; its own
// run time is not linked.
#include "shadow.h"

#include <cstring>

#include "address_space.h"

using namespace nca_emulator;

// Most accesses are of a thread's own stack and end here.
static inline void look(const void *address, size_t bytes, access kind, const void *caller)
{
    if (shadow_is_looking && space.holds(address))
        shadow_access(address, bytes, kind, caller);
}

// A struct that is copied at once, or whose type asks for no alignment: looked at as the words it
// has.
static void look_at_range(const void *address, size_t bytes, access kind, const void *caller)
{
    for (size_t done = 0; done < bytes;) {
        const size_t at = reinterpret_cast<size_t>(address) + done, left = bytes - done;
        const size_t size = at % 4 == 0 && left >= 4 ? 4 : 1;
        look(reinterpret_cast<const void *>(at), size, kind, caller);
        done += size;
    }
}

#define NCA_EMULATOR_CALLS(bytes)                                                  \
    extern "C" void __tsan_read##bytes(void *address)                              \
    {                                                                              \
        look(address, bytes, access::read, __builtin_return_address(0));           \
    }                                                                              \
    extern "C" void __tsan_write##bytes(void *address)                             \
    {                                                                              \
        look(address, bytes, access::write, __builtin_return_address(0));          \
    }                                                                              \
    extern "C" void __tsan_unaligned_read##bytes(void *address)                    \
    {                                                                              \
        look_at_range(address, bytes, access::read, __builtin_return_address(0));  \
    }                                                                              \
    extern "C" void __tsan_unaligned_write##bytes(void *address)                   \
    {                                                                              \
        look_at_range(address, bytes, access::write, __builtin_return_address(0)); \
    }                                                                              \
    extern "C" void __tsan_volatile_read##bytes(void *address)                     \
    {                                                                              \
        look(address, bytes, access::read, __builtin_return_address(0));           \
    }                                                                              \
    extern "C" void __tsan_volatile_write##bytes(void *address)                    \
    {                                                                              \
        look(address, bytes, access::write, __builtin_return_address(0));          \
    }
NCA_EMULATOR_CALLS(1)
NCA_EMULATOR_CALLS(2)
NCA_EMULATOR_CALLS(4)
NCA_EMULATOR_CALLS(8)
NCA_EMULATOR_CALLS(16)

extern "C" void __tsan_read_range(void *address, long bytes)
{
    look_at_range(address, static_cast<size_t>(bytes), access::read, __builtin_return_address(0));
}

extern "C" void __tsan_write_range(void *address, long bytes)
{
    look_at_range(address, static_cast<size_t>(bytes), access::write, __builtin_return_address(0));
}

extern "C" void *__tsan_memcpy(void *to, const void *from, size_t bytes)
{
    look_at_range(from, bytes, access::read, __builtin_return_address(0));
    look_at_range(to, bytes, access::write, __builtin_return_address(0));
    return std::memcpy(to, from, bytes);
}

extern "C" void *__tsan_memmove(void *to, const void *from, size_t bytes)
{
    look_at_range(from, bytes, access::read, __builtin_return_address(0));
    look_at_range(to, bytes, access::write, __builtin_return_address(0));
    return std::memmove(to, from, bytes);
}

extern "C" void *__tsan_memset(void *to, int value, size_t bytes)
{
    look_at_range(to, bytes, access::write, __builtin_return_address(0));
    return std::memset(to, value, bytes);
}

extern "C" void __tsan_init(void)
{
    shadow_announce_calls();
}

extern "C" void __tsan_func_entry(void *) {}
extern "C" void __tsan_func_exit(void *) {}
extern "C" void __tsan_vptr_read(void *) {}
extern "C" void __tsan_vptr_update(void *, void *) {}
