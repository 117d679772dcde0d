// Fibers: the stacks on which a block's threads run, and the switch between them and the scheduler.
//
// On x86-64 the switch is a dozen instructions; elsewhere ucontext does it, many times slower
// because it saves the signal mask by a system call. AddressSanitizer is told about every switch.
#include "internal.h"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if NCA_EMULATOR_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace nca_emulator
{
namespace
{
// Twice for AddressSanitizer, whose frames are larger. Pages count only once they are touched.
constexpr size_t stack_bytes = NCA_EMULATOR_ASAN ? 512 << 10 : 256 << 10;
}

struct fiber {
    char *stack;
    bool started;
    void (*entry)();
#if defined(__x86_64__)
    void *pointer;   // of the stack, while it does not run
#else
    ucontext_t context;
#endif
};

namespace
{
// Never destroyed: a leak checker that looks after the last destructor still finds what it holds.
std::vector<fiber *> &pool = *new std::vector<fiber *>;
fiber *running;   // null: the scheduler
fiber scheduler;
#if NCA_EMULATOR_ASAN
const void *scheduler_stack;
size_t scheduler_stack_bytes;
#endif

void announce_switch(void **fake_stack, const void *stack, size_t bytes)
{
#if NCA_EMULATOR_ASAN
    __sanitizer_start_switch_fiber(fake_stack, stack, bytes);
#else
    (void)fake_stack, (void)stack, (void)bytes;
#endif
}

void confirm_switch(void *fake_stack, bool from_scheduler)
{
#if NCA_EMULATOR_ASAN
    const void *stack;
    size_t bytes;
    __sanitizer_finish_switch_fiber(fake_stack, &stack, &bytes);
    if (from_scheduler)
        scheduler_stack = stack, scheduler_stack_bytes = bytes;
#else
    (void)fake_stack, (void)from_scheduler;
#endif
}

[[noreturn]] void start()
{
    confirm_switch(nullptr, true);
    running->entry();
    fiber_finish();
}
}   // namespace

#if defined(__x86_64__)
// Saves what a function has to keep, swaps the stacks, and returns on the other one.
extern "C" void nca_emulator_swap(void **save, void *load);
asm(R"(
    .text
    .p2align 4
    .globl nca_emulator_swap
    .type nca_emulator_swap, @function
nca_emulator_swap:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size nca_emulator_swap, .-nca_emulator_swap
)");

static void prepare(fiber *to)
{
    // As a call would leave it: the return address at a multiple of 16 less 8, six registers below.
    void **top = reinterpret_cast<void **>(to->stack + stack_bytes - 64);
    *--top = nullptr;
    *--top = reinterpret_cast<void *>(start);
    for (int i = 0; i < 6; i++)
        *--top = nullptr;
    to->pointer = top;
}

static void swap(fiber *from, fiber *to)
{
    nca_emulator_swap(&from->pointer, to->pointer);
}
#else
static void prepare(fiber *to)
{
    getcontext(&to->context);
    to->context.uc_stack.ss_sp = to->stack;
    to->context.uc_stack.ss_size = stack_bytes;
    to->context.uc_link = nullptr;
    makecontext(&to->context, reinterpret_cast<void (*)()>(start), 0);
}

static void swap(fiber *from, fiber *to)
{
    swapcontext(&from->context, &to->context);
}
#endif

// A page below each stack is forbidden, so that an overflow ends in a fault and not in a neighbour.
static fiber *make()
{
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    char *memory = static_cast<char *>(mmap(nullptr, stack_bytes + page, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) != 0) {
        std::fprintf(stderr,
                     "emulator: no memory for another thread's stack; launch fewer at once\n");
        std::abort();
    }
    fiber *made = new fiber();
    made->stack = memory + page;
    return made;
}

fiber *fiber_take()
{
    if (pool.empty())
        return make();
    fiber *taken = pool.back();
    pool.pop_back();
    taken->started = false;
    return taken;
}

void fiber_give(fiber *used)
{
    permit(used->stack, stack_bytes);   // frames that never returned leave their marks
    used->started = false;
    pool.push_back(used);
}

void fiber_enter(fiber *to, void (*entry)())
{
    if (!to->started) {
        to->started = true;
        to->entry = entry;
        prepare(to);
    }
    running = to;
    void *fake_stack = nullptr;
    announce_switch(&fake_stack, to->stack, stack_bytes);
    swap(&scheduler, to);
    confirm_switch(fake_stack, false);
}

void fiber_leave()
{
    fiber *self = running;
    running = nullptr;
    void *fake_stack = nullptr;
#if NCA_EMULATOR_ASAN
    announce_switch(&fake_stack, scheduler_stack, scheduler_stack_bytes);
#endif
    swap(self, &scheduler);
    confirm_switch(fake_stack, true);
}

void fiber_finish()
{
#if NCA_EMULATOR_ASAN
    announce_switch(nullptr, scheduler_stack, scheduler_stack_bytes);
#endif
    fiber *self = running;
    running = nullptr;
    swap(self, &scheduler);
    std::abort();   // a finished fiber is never entered
}
}   // namespace nca_emulator
