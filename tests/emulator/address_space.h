// The addresses of device and shared memory.
#ifndef NCA_EMULATOR_ADDRESS_SPACE_H
#define NCA_EMULATOR_ADDRESS_SPACE_H

#include "internal.h"

namespace nca_emulator
{
struct address_space {
    static constexpr size_t bytes = size_t(1) << 38, page = 4096;
    static constexpr size_t slot_bytes = 512 << 10;   // more than any block may have, with walls
    static constexpr size_t shared_bytes = size_t(1) << 30;   // of the slots
    char *start;                                      // null before the first use

    bool reserve();
    bool holds(const void *address) const
    {
        return start && static_cast<size_t>(static_cast<const char *>(address) - start) < bytes;
    }
    bool is_shared(const void *address) const
    {
        return static_cast<size_t>(static_cast<const char *>(address) - start) < shared_bytes;
    }
    // Whole pages, readable and writable, with a forbidden page behind them; null when there are no
    // more.
    char *take_pages(size_t wanted);
    void drop_pages(char *from, size_t given);
    char *take_slot();
    void give_slot(char *slot);
};
extern address_space space;
}   // namespace nca_emulator

#endif
