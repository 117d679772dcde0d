// The emulator's cooperative groups: the block, the cluster and the grid. What a warp does together
// is had by the functions of collectives.h.
#ifndef NCA_EMULATOR_COOPERATIVE_GROUPS_H
#define NCA_EMULATOR_COOPERATIVE_GROUPS_H

#include "cuda_runtime.h"

namespace nca_emulator
{
unsigned cluster_rank();     // of the block in its cluster
unsigned cluster_blocks();   // of the cluster
// Where the block of that rank has what this block has at `address`.
void *shared_of_rank(void *address, unsigned rank);
}   // namespace nca_emulator

namespace cooperative_groups
{
struct thread_block {
    void sync(NCA_EMULATOR_HERE) const
    {
        __syncthreads(file, line);
    }
    unsigned thread_rank() const
    {
        return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    }
    unsigned size() const
    {
        return blockDim.x * blockDim.y * blockDim.z;
    }
};

struct cluster_group {
    void sync(NCA_EMULATOR_HERE) const
    {
        nca_emulator::meet_cluster({file, line});
    }
    unsigned block_rank() const
    {
        return nca_emulator::cluster_rank();
    }
    unsigned num_blocks() const
    {
        return nca_emulator::cluster_blocks();
    }
    template <typename T> T *map_shared_rank(T *address, unsigned rank) const
    {
        return static_cast<T *>(nca_emulator::shared_of_rank(address, rank));
    }
};

struct grid_group {
    void sync(NCA_EMULATOR_HERE) const
    {
        nca_emulator::meet_grid({file, line});
    }
    bool is_valid() const
    {
        return true;
    }
};

inline thread_block this_thread_block()
{
    return thread_block();
}
inline cluster_group this_cluster()
{
    return cluster_group();
}
inline grid_group this_grid()
{
    return grid_group();
}
}   // namespace cooperative_groups

#endif
