// The shared memory of one block: every array exactly as large as it was asked for, between walls,
// and full of 0xFF at the start of each block, so that what a block does not write itself it cannot
// use unnoticed.
#include "shadow.h"

#include <cstring>

#include <cooperative_groups.h>

#include "address_space.h"

namespace nca_emulator
{
namespace
{
constexpr size_t wall = 64;
constexpr unsigned char wall_byte = 0xFD, poison_byte = 0xFF;
const char dynamic_key = 0;
}   // namespace

void shared_memory::start(size_t dynamic_bytes, size_t limit_bytes)
{
    if (!memory_)
        memory_ = space.take_slot();
    static_assert(memory_bytes == address_space::slot_bytes, "a slot holds one block's");
    shadow_forget(memory_, used_);
    parts_.clear();
    used_ = 0;
    asked_ = 0;
    limit_ = limit_bytes;
    forbid(memory_, memory_bytes);
    add(&dynamic_key, "dynamic", dynamic_bytes, 16);
}

shared_memory::~shared_memory()
{
    if (memory_)
        space.give_slot(memory_);
}

void *shared_memory::add(const void *key, const char *name, size_t bytes, size_t alignment)
{
    asked_ += bytes;
    const size_t offset = (used_ + wall + alignment - 1) / alignment * alignment;
    if (asked_ > limit_ || offset + bytes + wall > memory_bytes)
        return nullptr;
    char *start = memory_ + offset;
    permit(memory_ + used_, offset + bytes + wall - used_);
    std::memset(memory_ + used_, wall_byte, offset - used_);
    std::memset(start, poison_byte, bytes);
    std::memset(start + bytes, wall_byte, wall);
    forbid(memory_ + used_, offset - used_);
    forbid(start + bytes, wall);
    used_ = offset + bytes;
    parts_.push_back({key, name, start, bytes});
    last_ = &parts_.front();   // the vector may have moved
    return start;
}

void *shared_memory::array(const void *key, const char *name, size_t bytes, size_t alignment)
{
    for (const part &each : parts_)
        if (each.key == key)
            return each.start;
    return add(key, name, bytes, alignment);
}

const shared_memory::part *shared_memory::part_at(const char *address) const
{
    for (const part &each : parts_)
        if (address >= each.start && address < each.start + each.bytes)
            return &each;
    return nullptr;
}

const shared_memory::part &shared_memory::nearest(const char *address) const
{
    const part *best = &parts_.front();
    const auto distance = [address](const part &area) {
        return address < area.start
                   ? area.start - address
                   : std::max<ptrdiff_t>(0, address - area.start - ptrdiff_t(area.bytes) + 1);
    };
    for (const part &each : parts_)
        if (distance(each) < distance(*best) || best->bytes == 0)
            best = &each;
    return *best;
}

void *shared_memory::dynamic()
{
    return parts_.front().start;
}

std::string shared_memory::damage() const
{
    for (const part &each : parts_) {
        const unsigned char *walls[2] = {reinterpret_cast<unsigned char *>(each.start) - wall,
                                         reinterpret_cast<unsigned char *>(each.start) +
                                             each.bytes};
        for (int side = 0; side < 2; side++) {
            // Read byte by byte where AddressSanitizer may not look.
            permit(walls[side], wall);
            bool whole = true;
            for (size_t i = 0; i < wall; i++)
                whole = whole && walls[side][i] == wall_byte;
            forbid(walls[side], wall);
            if (!whole)
                return format("something wrote just %s the shared array `%s` of %zu bytes",
                              side ? "behind" : "before", each.name, each.bytes);
        }
    }
    return "";
}

unsigned cluster_rank()
{
    return static_cast<unsigned>(current->home->rank);
}

unsigned cluster_blocks()
{
    return static_cast<unsigned>(current->home->group_blocks);
}

void *shared_of_rank(void *address, unsigned rank)
{
    const block &home = *current->home;
    const shared_memory::part *mine = home.shared.part_at(static_cast<char *>(address));
    for (block *each : grid.resident)
        if (mine && each->group == home.group && static_cast<unsigned>(each->rank) == rank) {
            // The arrays of a block are made by the first thread that comes to them: here perhaps
            // by this one.
            void *there = each->shared.array(mine->key, mine->name, mine->bytes, 16);
            return static_cast<char *>(there) + (static_cast<char *>(address) - mine->start);
        }
    complain(cudaErrorIllegalAddress,
             whereabouts(home) +
                 format(", thread %d: map_shared_rank(%p, %u): no shared memory of this block, or "
                        "no such block in the cluster",
                        current->number, address, rank));
    give_up();
}
}   // namespace nca_emulator
