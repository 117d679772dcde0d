// The memory of machine, control group and process, and the refusal of what would not fit in it.
#include "base/memory.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, LINE_BYTES = 4096 };

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// The number a file holds; UINT64_MAX where it holds none ("max"), or is not there.
static uint64_t read_limit(const char *path)
{
    unsigned long long limit = UINT64_MAX;
    FILE *file = fopen(path, "re");
    if (!file)
        return UINT64_MAX;
    if (fscanf(file, "%llu", &limit) != 1)
        limit = UINT64_MAX;
    fclose(file);
    return limit;
}

// The smallest limit of a control group and those above it.
static uint64_t smallest_limit(const char *root, char *group, const char *name)
{
    char path[PATH_BYTES];
    uint64_t found = UINT64_MAX;
    for (;;) {
        if (snprintf(path, sizeof path, "%s%s/%s", root, group, name) < (int)sizeof path)
            found = smaller(found, read_limit(path));
        char *slash = strrchr(group, '/');
        if (!slash)
            return found;
        *slash = 0;
    }
}

// Lines of /proc/self/cgroup are "NUMBER:CONTROLLERS:GROUP"; of the second version the controllers
// are empty.
static uint64_t group_limit(void)
{
    char line[LINE_BYTES];
    uint64_t found = UINT64_MAX;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = 0;
        if (!controllers[1])
            found = smaller(found, smallest_limit("/sys/fs/cgroup", group, "memory.max"));
        else if (strcmp(controllers + 1, "memory") == 0)
            found = smaller(
                found, smallest_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
    }
    if (file)
        fclose(file);
    return found;
}

uint64_t nca_memory_bytes(void)
{
    static uint64_t found;   // only the host's one thread asks
    struct rlimit own;
    if (found)
        return found;
    uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGE_SIZE);
    bytes = smaller(bytes, group_limit());
    if (getrlimit(RLIMIT_AS, &own) == 0 && own.rlim_cur != RLIM_INFINITY)
        bytes = smaller(bytes, own.rlim_cur);
    return found = bytes;
}

uint64_t nca_memory_product(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t product;
    const bool overflows = __builtin_mul_overflow(a, b, &product) ||
                           __builtin_mul_overflow(product, c, &product) ||
                           __builtin_mul_overflow(product, d, &product);
    return overflows ? UINT64_MAX : product;
}

uint64_t nca_memory_sum(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

nca_status nca_memory_check(uint64_t bytes, nca_error *error, const char *what, ...)
{
    char thing[256];
    va_list arguments;
    if (bytes <= nca_memory_bytes())
        return NCA_OK;
    va_start(arguments, what);
    vsnprintf(thing, sizeof thing, what, arguments);
    va_end(arguments);
    return nca_fail(error, NCA_MEMORY,
                    "%s: needs %s%.1f GiB and this machine has %.1f; choose smaller sizes", thing,
                    bytes == UINT64_MAX ? "more than " : "", nca_gib(bytes),
                    nca_gib(nca_memory_bytes()));
}
