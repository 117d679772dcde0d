// Barriers, votes, shuffles and reductions: every call is a meeting of the threads it names. The
// scheduler (tests/emulator/scheduler.cpp) lets them go on when all are there, and reports those
// who never come.
#ifndef NCA_EMULATOR_COLLECTIVES_H
#define NCA_EMULATOR_COLLECTIVES_H

namespace nca_emulator
{
// A place in the source; threads that meet must stand at the same.
struct site {
    const char *file;
    int line;
};

enum class meeting {
    sync,      // __syncwarp: also orders shared memory
    shuffle,   // the value of lane `source`
    ballot,    // bit l: value of lane l is not zero
    match,     // the lanes with my value
    add,       // of int values
    minimum_signed,
    maximum_signed,
    minimum,
    maximum,
    bit_and,
    bit_or,
    bit_xor,
    together,   // once for all lanes: below
};

enum class vote { none, count, all, any };

// Waits for the lanes of the mask; the caller's own lane is one of them.
uint64_t meet_warp(meeting kind, unsigned mask, uint64_t value, int source, site where);
// Waits for all 32 lanes; then `work` runs once, with what each of them gave.
void meet_warp_for(void (*work)(void *const lanes[32]), void *mine, site where);
// Waits for the block; the result of the vote.
int meet_block(vote kind, bool predicate, site where);
void meet_cluster(site where);
void meet_grid(site where);
int lane();

// Another thread of another block may run now; does nothing unless several are resident.
void let_others_run();
[[noreturn]] void trap(const char *why, site where);

template <typename T> uint64_t to_bits(T value)
{
    static_assert(std::is_trivially_copyable<T>::value && sizeof(T) <= 8,
                  "shuffles move 1 to 8 bytes");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return bits;
}

template <typename T> T from_bits(uint64_t bits)
{
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
}   // namespace nca_emulator

#define NCA_EMULATOR_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

// -- Block ----------------------------------------------------------------------------------------
inline void __syncthreads(NCA_EMULATOR_HERE)
{
    nca_emulator::meet_block(nca_emulator::vote::none, false, {file, line});
}
inline int __syncthreads_count(int predicate, NCA_EMULATOR_HERE)
{
    return nca_emulator::meet_block(nca_emulator::vote::count, predicate != 0, {file, line});
}
inline int __syncthreads_and(int predicate, NCA_EMULATOR_HERE)
{
    return nca_emulator::meet_block(nca_emulator::vote::all, predicate != 0, {file, line});
}
inline int __syncthreads_or(int predicate, NCA_EMULATOR_HERE)
{
    return nca_emulator::meet_block(nca_emulator::vote::any, predicate != 0, {file, line});
}

// -- Warp -----------------------------------------------------------------------------------------
inline void __syncwarp(unsigned mask = 0xffffffffu, NCA_EMULATOR_HERE)
{
    nca_emulator::meet_warp(nca_emulator::meeting::sync, mask, 0, 0, {file, line});
}
inline unsigned __ballot_sync(unsigned mask, int predicate, NCA_EMULATOR_HERE)
{
    return static_cast<unsigned>(nca_emulator::meet_warp(nca_emulator::meeting::ballot, mask,
                                                         predicate != 0, 0, {file, line}));
}
inline int __any_sync(unsigned mask, int predicate, NCA_EMULATOR_HERE)
{
    return __ballot_sync(mask, predicate, file, line) != 0;
}
inline int __all_sync(unsigned mask, int predicate, NCA_EMULATOR_HERE)
{
    return __ballot_sync(mask, predicate, file, line) == mask;
}
// Any set of lanes that holds the caller is a true answer on a GPU of independent threads; the
// smallest is the one that finds a kernel which hopes for more.
inline unsigned __activemask()
{
    return 1u << nca_emulator::lane();
}
template <typename T> unsigned __match_any_sync(unsigned mask, T value, NCA_EMULATOR_HERE)
{
    return static_cast<unsigned>(nca_emulator::meet_warp(
        nca_emulator::meeting::match, mask, nca_emulator::to_bits(value), 0, {file, line}));
}

// The lane that `width` lanes starting at a multiple of it count as `index`.
template <typename T>
T __shfl_sync(unsigned mask, T value, int index, int width = 32, NCA_EMULATOR_HERE)
{
    const int first = nca_emulator::lane() & ~(width - 1);
    return nca_emulator::from_bits<T>(nca_emulator::meet_warp(
        nca_emulator::meeting::shuffle, mask, nca_emulator::to_bits(value),
        first + (index & (width - 1)), {file, line}));
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, NCA_EMULATOR_HERE)
{
    const int self = nca_emulator::lane(), first = self & ~(width - 1);
    const int source = self - static_cast<int>(delta);
    return nca_emulator::from_bits<T>(
        nca_emulator::meet_warp(nca_emulator::meeting::shuffle, mask, nca_emulator::to_bits(value),
                                source < first ? self : source, {file, line}));
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, NCA_EMULATOR_HERE)
{
    const int self = nca_emulator::lane(), last = self | (width - 1);
    const int source = self + static_cast<int>(delta);
    return nca_emulator::from_bits<T>(
        nca_emulator::meet_warp(nca_emulator::meeting::shuffle, mask, nca_emulator::to_bits(value),
                                source > last ? self : source, {file, line}));
}
// A lane of an earlier part of the warp may be read, one of a later part may not.
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, NCA_EMULATOR_HERE)
{
    const int self = nca_emulator::lane(), last = self | (width - 1);
    const int source = self ^ bits;
    return nca_emulator::from_bits<T>(
        nca_emulator::meet_warp(nca_emulator::meeting::shuffle, mask, nca_emulator::to_bits(value),
                                source > last ? self : source, {file, line}));
}

#define NCA_EMULATOR_REDUCTION(name, type, kind)                                                   \
    inline type name(unsigned mask, type value, NCA_EMULATOR_HERE)                                 \
    {                                                                                              \
        return static_cast<type>(nca_emulator::meet_warp(nca_emulator::meeting::kind, mask,        \
                                                         static_cast<unsigned>(value), 0,          \
                                                         {file, line}));                           \
    }
NCA_EMULATOR_REDUCTION(__reduce_add_sync, unsigned, add)
NCA_EMULATOR_REDUCTION(__reduce_add_sync, int, add)
NCA_EMULATOR_REDUCTION(__reduce_min_sync, unsigned, minimum)
NCA_EMULATOR_REDUCTION(__reduce_min_sync, int, minimum_signed)
NCA_EMULATOR_REDUCTION(__reduce_max_sync, unsigned, maximum)
NCA_EMULATOR_REDUCTION(__reduce_max_sync, int, maximum_signed)
NCA_EMULATOR_REDUCTION(__reduce_and_sync, unsigned, bit_and)
NCA_EMULATOR_REDUCTION(__reduce_or_sync, unsigned, bit_or)
NCA_EMULATOR_REDUCTION(__reduce_xor_sync, unsigned, bit_xor)
#undef NCA_EMULATOR_REDUCTION

// What no C++ says: an instruction that 32 lanes do together. `work` runs once when all stand here,
// and reads and writes what each lane gave; it orders no memory.
inline void nca_emulator_with_warp(void (*work)(void *const lanes[32]), void *mine,
                                   NCA_EMULATOR_HERE)
{
    nca_emulator::meet_warp_for(work, mine, {file, line});
}

// -- Order ----------------------------------------------------------------------------------------
inline void __threadfence_block() {}
inline void __threadfence()
{
    nca_emulator::let_others_run();
}
inline void __threadfence_system()
{
    nca_emulator::let_others_run();
}
inline void __nanosleep(unsigned)
{
    nca_emulator::let_others_run();
}
#define __trap() nca_emulator::trap("__trap()", {__FILE__, __LINE__})

#endif
