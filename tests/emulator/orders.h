// Runs the same work under several orders of blocks, warps and lanes and compares what comes out
// bit for bit: the base method against races and against what depends on the order of blocks.
#ifndef NCA_TESTS_EMULATOR_ORDERS_H
#define NCA_TESTS_EMULATOR_ORDERS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "emulator.h"

// Natural, reversed, and some that are drawn.
static const uint64_t nca_orders[] = {0, 1, 2, 3, 17, 1000003};
enum { NCA_ORDERS = sizeof nca_orders / sizeof nca_orders[0] };

// Calls run(context, result [bytes]) once an order. Whether any result differs from the natural
// order's; *seed (may be NULL) is then the first whose does. The emulator's seed is put back.
static inline bool nca_orders_differ(void (*run)(void *context, void *result), void *context,
                                     size_t bytes, uint64_t *seed)
{
    nca_emulator_settings *settings = nca_emulator_get();
    const uint64_t before = settings->seed;
    char *natural = (char *)calloc(2, bytes), *other = natural + bytes;
    bool differs = natural == NULL;
    for (size_t i = 0; natural && i < NCA_ORDERS && !differs; i++) {
        settings->seed = nca_orders[i];
        run(context, i == 0 ? natural : other);
        differs = i > 0 && memcmp(natural, other, bytes) != 0;
        if (differs && seed)
            *seed = nca_orders[i];
    }
    settings->seed = before;
    free(natural);
    return differs;
}

#endif
