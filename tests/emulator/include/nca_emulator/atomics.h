// Atomics of 4 and 8 bytes on global and shared memory. One thread runs at a time, so a plain read
// and write is atomic; each call is also a point where another block may go on.
#ifndef NCA_EMULATOR_ATOMICS_H
#define NCA_EMULATOR_ATOMICS_H

namespace nca_emulator
{
void atomic_access(const void *address, size_t bytes);

template <typename T> struct same {
    typedef T type;
};
template <typename T> using value_of = typename same<T>::type;   // not deduced

// *address becomes change(*address); the old value.
// The look at the address is by atomic_access, so the compiler adds none for the plain read and
// write.
template <typename T, typename Change>
__attribute__((no_sanitize("thread"))) T atomically(T *address, Change change)
{
    static_assert(std::is_arithmetic<T>::value && (sizeof(T) == 4 || sizeof(T) == 8),
                  "atomics are of 4 or 8 bytes");
    atomic_access(address, sizeof(T));
    const T old = *address;
    *address = change(old);
    return old;
}
}   // namespace nca_emulator

#define NCA_EMULATOR_ATOMIC(name, expression)                                                      \
    template <typename T> T name(T *address, nca_emulator::value_of<T> value)                      \
    {                                                                                              \
        return nca_emulator::atomically(address, [value](T old) -> T { return expression; });      \
    }
NCA_EMULATOR_ATOMIC(atomicAdd, old + value)
NCA_EMULATOR_ATOMIC(atomicSub, old - value)
NCA_EMULATOR_ATOMIC(atomicExch, ((void)old, value))
NCA_EMULATOR_ATOMIC(atomicMin, value < old ? value : old)
NCA_EMULATOR_ATOMIC(atomicMax, old < value ? value : old)
NCA_EMULATOR_ATOMIC(atomicAnd, old &value)
NCA_EMULATOR_ATOMIC(atomicOr, old | value)
NCA_EMULATOR_ATOMIC(atomicXor, old ^ value)
NCA_EMULATOR_ATOMIC(atomicInc, old >= value ? 0 : old + 1)
NCA_EMULATOR_ATOMIC(atomicDec, old == 0 || old > value ? value : old - 1)
NCA_EMULATOR_ATOMIC(atomicAdd_block, old + value)
#undef NCA_EMULATOR_ATOMIC

template <typename T>
T atomicCAS(T *address, nca_emulator::value_of<T> expected, nca_emulator::value_of<T> value)
{
    return nca_emulator::atomically(
        address, [expected, value](T old) -> T { return old == expected ? value : old; });
}

#endif
