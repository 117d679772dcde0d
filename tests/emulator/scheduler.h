// The state of a running grid: blocks, their warps and threads. Private to scheduler.cpp and
// meetings.cpp.
#ifndef NCA_EMULATOR_SCHEDULER_H
#define NCA_EMULATOR_SCHEDULER_H

#include "internal.h"

namespace nca_emulator
{
struct block;

enum class state {
    ready,
    in_warp_meeting,
    in_block_meeting,
    in_cluster_meeting,
    in_grid_meeting,
    returned
};

struct thread {
    block *home;
    uint3 index;
    int number;   // within the block
    state now;
    fiber *stack;   // null before it starts and after it returns

    // What it waits for, and what it gets.
    site where;
    meeting kind;
    unsigned mask;
    int source;
    uint64_t value, result;
    void (*work)(void *const lanes[32]);   // of a meeting::together

    uint32_t segment;   // of shadow.cpp; 0: a new one begins at the next access
    bool is_early;      // the launch before may still run: this thread has not waited for its end
};

struct block {
    uint3 index;
    uint32_t linear;   // its number in the grid, x fastest
    std::vector<thread> threads;
    std::vector<unsigned> ready;     // by warp: lanes that can run
    std::vector<unsigned> meeting;   // by warp: lanes that wait in a meeting of their warp
    int live, arrived;   // threads that have not returned; that wait at the block's barrier
    shared_memory shared;
    block *group;   // first block of the cluster, where the cluster's meeting is counted
    int group_blocks, group_arrived;
    int rank;   // in the cluster

    // Of shadow.cpp: when all threads, or all of the cluster, last met; what each lane knows of the
    // others.
    uint32_t epoch, cluster_epoch;
    std::vector<uint32_t> clocks;   // [threads,32], empty until the first __syncwarp
};

// The thread that runs, null outside of kernels.
extern thread *current;

// Threads of the grid's meeting so far and when it is full.
struct grid_state {
    const grid_launch *launch;
    std::vector<block *> resident;
    int arrived;
    std::string error;   // "" while all is well
    cudaError_t code;
};
extern grid_state grid;

void make_ready(thread *one);
// The launch ends with this error as soon as the current thread gives up. In two steps, because
// what the first one's arguments hold would never be freed by a function that does not return.
void complain(cudaError_t code, const std::string &line);
[[noreturn]] void give_up();
// `kernel`, block (x,y,z)
std::string whereabouts(const block &home);
// Who waits where, once nobody can run.
std::string describe_deadlock();
}   // namespace nca_emulator

#endif
