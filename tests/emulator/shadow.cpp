// Checks every load and store of a kernel.
//
// A thread's life in a launch is cut into segments: a new one begins wherever the thread has met
// others. A word remembers the segments of its last write and of two of its last reads; two
// accesses by different threads of which one is a write are a race unless the earlier segment is
// known to lie before the later one:
//   * both of one block, with a barrier of the block between (epochs);
//   * both of one warp, with a __syncwarp of both between (a vector clock a lane);
//   * of two blocks, with a barrier of their cluster or of the whole grid between;
//   * of two blocks, after each of them has gone through an atomic since (approximate: it trusts
//     that the atomic was there to order the two).
// A thread that has not yet waited for the launch before it must not read what that one wrote last:
// such words have a segment of that launch. Words of earlier launches are complete.
// Shuffles and votes order nothing, as on the device. A race of equal values counts as a race.
#include "shadow.h"

#include <cstdio>
#include <cstring>
#include <sys/mman.h>

#include "address_space.h"

extern "C" const char __executable_start;   // by the linker

namespace nca_emulator
{
bool shadow_is_looking;

namespace
{
struct segment {
    uint32_t block, cluster, epoch, clock, stamp;
    uint16_t number;   // of the thread in its block
};

// What is known of 4 bytes. `bytes` say which of the four the access touched.
struct cell {
    uint32_t write, read, other_read;   // segments
    uint8_t write_bytes, read_bytes, written;
    uint8_t is_atomic;   // the write was
};
static_assert(sizeof(cell) == 16, "the mirror is four times the memory");

bool has_calls;              // some .cu file has
cell *mirror;                // of the whole address space; null before it is needed
const allocation **owners;   // by page
uint8_t *page_written;       // all of the page was
std::vector<segment> &segments = *new std::vector<segment>;
uint32_t first_segment = 1;   // of this launch; lower numbers are of earlier ones
uint32_t last_epoch, grid_epoch;
uint32_t stamps;   // atomics on device memory so far
std::vector<uint32_t> &last_atomic = *new std::vector<uint32_t>;   // by block: stamp of its last

template <typename T> T *map_zeros(size_t count)
{
    void *got = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return got == MAP_FAILED ? nullptr : static_cast<T *>(got);
}

// Address space only: pages count when they are touched.
bool map_all()
{
    constexpr size_t pages = address_space::bytes / address_space::page;
    if (mirror)
        return true;
    mirror = map_zeros<cell>(address_space::bytes / 4);
    owners = map_zeros<const allocation *>(pages);
    page_written = map_zeros<uint8_t>(pages);
    if (mirror && owners && page_written && space.reserve())
        return true;
    std::fprintf(stderr, "emulator: no address space to check accesses with; none is checked\n");
    has_calls = false;
    return false;
}

size_t offset_of(const void *address)
{
    return static_cast<size_t>(static_cast<const char *>(address) - space.start);
}

uint32_t own_clock(const thread &one)
{
    const std::vector<uint32_t> &clocks = one.home->clocks;
    return clocks.empty() ? 1
                          : clocks[static_cast<size_t>(one.number) * 32 +
                                   static_cast<size_t>(one.number % 32)];
}

uint32_t current_segment()
{
    if (current->segment < first_segment) {
        const block &home = *current->home;
        segments.push_back({home.linear, home.group->linear, home.epoch, own_clock(*current),
                            stamps, static_cast<uint16_t>(current->number)});
        current->segment = first_segment + static_cast<uint32_t>(segments.size()) - 1;
    }
    return current->segment;
}

bool is_ordered_across_blocks(const segment &before)
{
    const block &home = *current->home;
    const bool same_cluster = before.cluster == home.group->linear;
    if (before.epoch < grid_epoch || (same_cluster && before.epoch < home.cluster_epoch))
        return true;
    return last_atomic[before.block] > before.stamp && last_atomic[home.linear] > before.stamp;
}

// Whether everything of the segment lies before what the current thread does now.
bool is_ordered(uint32_t number)
{
    if (number < first_segment || number == current->segment)
        return true;
    const segment &before = segments[number - first_segment];
    const block &home = *current->home;
    if (before.block != home.linear)
        return is_ordered_across_blocks(before);
    if (before.number == current->number || before.epoch != home.epoch)
        return true;
    if (before.number / 32 != current->number / 32 || home.clocks.empty())
        return false;
    return home.clocks[static_cast<size_t>(current->number) * 32 + before.number % 32u] >=
           before.clock;
}

bool is_of_last_launch(uint32_t number)
{
    const segment_range *last = grid.launch->segments_before.get();
    return last && number >= last->first && number < last->end;
}

// The array or allocation, and the byte in it; outside of all, the distance from the nearest before
// or behind.
std::string describe(const void *address)
{
    const char *at = static_cast<const char *>(address);
    for (const block *each : grid.resident)
        if (each->shared.holds(at)) {
            const shared_memory::part &part = each->shared.nearest(at);
            return format("byte %td of the shared array `%s` of %zu bytes", at - part.start,
                          part.name, part.bytes);
        }
    const allocation *owner = allocation_near(address);
    if (!owner)
        return format("address %p, where nothing is", address);
    return format("byte %td of %s of %zu bytes", at - owner->start,
                  owner->live ? "an allocation" : "an allocation that was freed,", owner->bytes);
}

[[noreturn]] void blame(const char *what, const void *address, const void *caller)
{
    // Where the program was loaded is a matter of chance; the difference is what addr2line takes.
    complain(cudaErrorIllegalAddress,
             whereabouts(*current->home) + format(", thread %d: %s ", current->number, what) +
                 describe(address) +
                 format(" (addr2line %#zx)", static_cast<size_t>(static_cast<const char *>(caller) -
                                                                 1 - &__executable_start)));
    give_up();
}

[[noreturn]] void blame_race(const char *what, const char *other, uint32_t number,
                             const void *address, const void *caller)
{
    const segment &before = segments[number - first_segment];
    std::string line;
    if (before.block == current->home->linear)
        line = format("%s what thread %d %s with nothing between that orders them:", what,
                      before.number, other);
    else
        line = format(
            "%s what thread %d of block number %u %s with nothing between that orders them:", what,
            before.number, before.block, other);
    blame(line.c_str(), address, caller);
}

// Within one array of this block, or of another block of the cluster.
bool is_in_shared(const char *address, size_t bytes)
{
    const block *home = current->home;
    if (home->shared.holds(address))
        return home->shared.has(address, bytes);
    for (const block *each : grid.resident)
        if (each->group == home->group && each->shared.holds(address))
            return each->shared.has(address, bytes);
    return false;
}

bool is_in_allocation(const char *address, size_t bytes)
{
    const allocation *owner = owners[offset_of(address) / address_space::page];
    return owner && address >= owner->start && address + bytes <= owner->start + owner->bytes;
}

void check_read(cell &word, uint8_t bytes, bool all_written, uint32_t now, const void *address,
                const void *caller)
{
    if (!all_written && (word.written & bytes) != bytes)
        blame("reads what nothing wrote:", address, caller);
    if (current->is_early && (word.write_bytes & bytes) && is_of_last_launch(word.write))
        blame("reads before nca_wait_for_last() what the launch before wrote:", address, caller);
    if ((word.write_bytes & bytes) && word.write != now && !is_ordered(word.write))
        blame_race("reads", "wrote", word.write, address, caller);
    if (word.read == now) {
        word.read_bytes |= bytes;
        return;
    }
    const bool joins = !is_ordered(word.read);
    if (joins)
        word.other_read = word.read;
    word.read_bytes = joins ? word.read_bytes | bytes : bytes;
    word.read = now;
}

void check_write(cell &word, uint8_t bytes, bool is_atomic, uint32_t now, const void *address,
                 const void *caller)
{
    if ((word.write_bytes & bytes) && word.write != now && !(is_atomic && word.is_atomic) &&
        !is_ordered(word.write))
        blame_race("writes", "wrote", word.write, address, caller);
    if (word.read_bytes & bytes) {
        if (word.read != now && !is_ordered(word.read))
            blame_race("writes", "read", word.read, address, caller);
        if (word.other_read != now && !is_ordered(word.other_read))
            blame_race("writes", "read", word.other_read, address, caller);
    }
    const bool adds = word.write == now && word.is_atomic == is_atomic;
    word.write_bytes = adds ? word.write_bytes | bytes : bytes;
    word.write = now;
    word.is_atomic = is_atomic;
    word.written |= bytes;
}

void check_word(cell &word, uint8_t touched, access kind, bool all_written, uint32_t now,
                const char *address, const void *caller)
{
    if (kind == access::read) {
        check_read(word, touched, all_written, now, address, caller);
        return;
    }
    if (kind == access::atomic && !all_written && (word.written & touched) != touched)
        blame("changes what nothing wrote:", address, caller);
    check_write(word, touched, kind == access::atomic, now, address, caller);
}
}   // namespace

void shadow_announce_calls()
{
    has_calls = true;
}

bool shadow_is_on()
{
    return has_calls && nca_emulator_get()->checks && map_all();
}

void shadow_end_launch()
{
    if (shadow_is_looking)
        *grid.launch->segments = {first_segment,
                                  first_segment + static_cast<uint32_t>(segments.size())};
    shadow_is_looking = false;
}

void shadow_start_launch()
{
    shadow_is_looking = shadow_is_on();
    if (!shadow_is_looking)
        return;
    first_segment += static_cast<uint32_t>(segments.size());
    segments.clear();
    grid_epoch = ++last_epoch;
    last_atomic.assign(size_t(grid.launch->grid.x) * grid.launch->grid.y * grid.launch->grid.z, 0);
    if (first_segment > 0xf0000000u || last_epoch > 0xf0000000u) {
        std::fprintf(
            stderr,
            "emulator: too many launches to tell segments apart; no more accesses are checked\n");
        has_calls = shadow_is_looking = false;
    }
}

void shadow_meet_block(block *all)
{
    all->epoch = ++last_epoch;
    for (thread &each : all->threads)
        each.segment = 0;
}

void shadow_meet_cluster(block *group)
{
    const uint32_t epoch = last_epoch + 1;   // no segment from before has it or a later one
    for (block *each : grid.resident)
        if (each->group == group) {
            shadow_meet_block(each);
            each->cluster_epoch = epoch;
        }
}

void shadow_meet_grid()
{
    grid_epoch = last_epoch + 1;
    for (block *each : grid.resident)
        shadow_meet_block(each);
}

void shadow_meet_lanes(thread *lanes, unsigned mask)
{
    if (!shadow_is_looking)
        return;
    block *home = lanes->home;
    std::vector<uint32_t> &clocks = home->clocks;
    if (clocks.empty()) {
        clocks.assign(home->threads.size() * 32, 0);
        for (size_t i = 0; i < home->threads.size(); i++)
            clocks[i * 32 + i % 32] = 1;
    }
    uint32_t *first = &clocks[static_cast<size_t>(lanes->number) * 32], joined[32] = {0};
    for (int lane_number = 0; lane_number < 32; lane_number++)
        for (int i = 0; mask >> lane_number & 1 && i < 32; i++)
            joined[i] = std::max(joined[i], first[lane_number * 32 + i]);
    for (int lane_number = 0; lane_number < 32; lane_number++)
        if (mask >> lane_number & 1) {
            std::memcpy(first + lane_number * 32, joined, sizeof joined);
            first[lane_number * 32 + lane_number]++;
            lanes[lane_number].segment = 0;
        }
}

void shadow_access(const void *address, size_t bytes, access kind, const void *caller)
{
    const char *at = static_cast<const char *>(address);
    const size_t offset = offset_of(address);
    const bool is_shared = space.is_shared(address);
    if (!(is_shared ? is_in_shared(at, bytes) : is_in_allocation(at, bytes)))
        blame(kind == access::read ? "reads outside:" : "writes outside:", address, caller);
    if (offset & (bytes - 1))
        blame("reads or writes at once what is not aligned:", address, caller);
    if (current->is_early && !is_shared && kind != access::read)
        blame("writes before nca_wait_for_last():", address, caller);
    const uint32_t now = current_segment();
    const bool all_written = !is_shared && page_written[offset / address_space::page];
    // Aligned, so either within one word or whole words of one page.
    if (bytes < 4)
        check_word(mirror[offset / 4], static_cast<uint8_t>(((1u << bytes) - 1) << offset % 4),
                   kind, all_written, now, at, caller);
    for (size_t i = 0; i < bytes / 4; i++)
        check_word(mirror[offset / 4 + i], 15, kind, all_written, now, at + 4 * i, caller);
    if (kind == access::atomic && !is_shared) {
        last_atomic[current->home->linear] = ++stamps;
        current->segment = 0;
    }
}

void shadow_allocated(const allocation *owner)
{
    if (!shadow_is_on())
        return;
    const size_t first = offset_of(owner->start) / address_space::page;
    for (size_t i = 0; i < owner->mapped_bytes / address_space::page; i++)
        owners[first + i] = owner;
}

void shadow_forget(const char *from, size_t bytes)
{
    if (bytes == 0 || !shadow_is_on())
        return;
    const size_t first = offset_of(from) / 4, last = (offset_of(from) + bytes + 3) / 4;
    if (space.is_shared(from)) {
        std::memset(static_cast<void *>(mirror + first), 0, (last - first) * sizeof(cell));
        return;
    }
    const size_t first_page = offset_of(from) / address_space::page;
    const size_t pages = (offset_of(from) + bytes - 1) / address_space::page - first_page + 1;
    madvise(mirror + first_page * (address_space::page / 4), pages * address_space::page * 4,
            MADV_DONTNEED);
    for (size_t i = 0; i < pages; i++)
        owners[first_page + i] = nullptr, page_written[first_page + i] = 0;
}

void shadow_written(const void *from, size_t bytes)
{
    if (bytes == 0 || !space.holds(from) || !shadow_is_on())
        return;
    const size_t page = address_space::page, end = offset_of(from) + bytes;
    for (size_t at = offset_of(from); at < end;) {
        if (at % page == 0 && end - at >= page) {
            page_written[at / page] = 1;
            at += page;
            continue;
        }
        const size_t first = at % 4, count = std::min(4 - first, end - at);
        mirror[at / 4].written |= static_cast<uint8_t>(((1u << count) - 1) << first);
        at += count;
    }
}
}   // namespace nca_emulator

extern "C" int nca_emulator_checks(void)
{
    return nca_emulator::shadow_is_on();
}
