// The addresses of device and shared memory: one reserved range, so that a look at a pointer tells
// which it is. Its first part holds the shared memory of the blocks that run, in slots of one size;
// the rest is handed out page by page and never twice.
#include "address_space.h"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

namespace nca_emulator
{
address_space space;

namespace
{
size_t slots_used;
std::vector<char *> &slots_free = *new std::vector<char *>;   // never destroyed
char *next_page;
}   // namespace

bool address_space::reserve()
{
    if (start)
        return true;
    void *got = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED)
        return false;
    start = static_cast<char *>(got);
    next_page = start + shared_bytes;
    return true;
}

char *address_space::take_pages(size_t wanted)
{
    if (!reserve() || static_cast<size_t>(start + bytes - next_page) < wanted + page ||
        mprotect(next_page, wanted, PROT_READ | PROT_WRITE) != 0)
        return nullptr;
    char *taken = next_page;
    next_page += wanted + page;
    return taken;
}

void address_space::drop_pages(char *from, size_t given)
{
    madvise(from, given, MADV_DONTNEED);
    mprotect(from, given, PROT_NONE);
}

char *address_space::take_slot()
{
    if (!slots_free.empty()) {
        char *taken = slots_free.back();
        slots_free.pop_back();
        return taken;
    }
    char *taken = reserve() && (slots_used + 1) * slot_bytes <= shared_bytes
                      ? start + slots_used++ * slot_bytes
                      : nullptr;
    if (!taken || mprotect(taken, slot_bytes, PROT_READ | PROT_WRITE) != 0) {
        std::fprintf(stderr, "emulator: no memory for the shared memory of another block\n");
        std::abort();
    }
    return taken;
}

void address_space::give_slot(char *slot)
{
    slots_free.push_back(slot);
}
}   // namespace nca_emulator
