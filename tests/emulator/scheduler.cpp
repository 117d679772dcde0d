// Runs a grid: blocks, warps and lanes in an order that the seed chooses, each thread on a fiber of
// its own from one meeting to the next. Nothing is preempted between, so a run is repeated exactly
// by its seed.
//
// Seed 0 takes the natural order everywhere and seed 1 the reversed one, so that the two differ in
// the order of any two threads; every other seed draws. Blocks run one after the other, except
// those that may wait for each other (a cluster, a cooperative grid), and except that drawn orders
// mix up to three.
#include "shadow.h"

#include <algorithm>

#include "address_space.h"

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

namespace nca_emulator
{
thread *current;
grid_state grid;

namespace
{
// Xorshift64*: a plain generator of its own, so that an order never depends on a library.
struct order {
    uint64_t seed, bits;

    explicit order(uint64_t from) : seed(from), bits(from * 0x9E3779B97F4A7C15ull + 1) {}

    uint32_t draw()
    {
        bits ^= bits >> 12;
        bits ^= bits << 25;
        bits ^= bits >> 27;
        return static_cast<uint32_t>(bits * 0x2545F4914F6CDD1Dull >> 32);
    }

    // One of `count`.
    uint32_t pick(uint32_t count)
    {
        return seed == 0 ? 0 : seed == 1 ? count - 1 : draw() % count;
    }
};

std::vector<block *> &spare_blocks = *new std::vector<block *>;   // never destroyed

block *take_block(uint3 index, const grid_launch &launch)
{
    block *taken = spare_blocks.empty() ? new block() : spare_blocks.back();
    if (!spare_blocks.empty())
        spare_blocks.pop_back();
    const dim3 size = launch.block;
    const int count = static_cast<int>(size.x * size.y * size.z);
    taken->index = index;
    taken->linear = index.x + launch.grid.x * (index.y + launch.grid.y * index.z);
    taken->threads.assign(static_cast<size_t>(count), thread());
    taken->ready.assign(static_cast<size_t>((count + 31) / 32), 0);
    taken->meeting.assign(taken->ready.size(), 0);
    taken->live = count;
    taken->arrived = taken->group_arrived = 0;
    taken->group = taken;
    taken->group_blocks = 1;
    taken->rank = 0;
    for (int number = 0; number < count; number++) {
        thread &one = taken->threads[static_cast<size_t>(number)];
        const unsigned n = static_cast<unsigned>(number);
        one.home = taken;
        one.number = number;
        one.is_early = launch.overlaps;
        one.index = {n % size.x, n / size.x % size.y, n / size.x / size.y};
        make_ready(&one);
    }
    taken->shared.start(launch.shared_bytes, launch.shared_limit);
    taken->clocks.clear();
    taken->cluster_epoch = 0;
    shadow_meet_block(taken);
    return taken;
}

void give_block(block *used)
{
    for (thread &one : used->threads)
        if (one.stack)
            fiber_give(one.stack);
    spare_blocks.push_back(used);
}

void run_thread()
{
    grid.launch->run();
    if (current->is_early)
        complain(cudaErrorLaunchFailure,
                 whereabouts(*current->home) +
                     format(", thread %d: returns without nca_wait_for_last()", current->number));
    current->now = state::returned;
    current->home->live--;
}

void run_lane(thread *one)
{
    one->home->ready[static_cast<size_t>(one->number / 32)] &= ~(1u << one->number % 32);
    if (!one->stack)
        one->stack = fiber_take();
    current = one;
    threadIdx = one->index;
    blockIdx = one->home->index;
    fiber_enter(one->stack, run_thread);
    current = nullptr;
    if (one->now == state::returned) {
        fiber_give(one->stack);
        one->stack = nullptr;
    }
}

// Every lane that is ready now, once.
void run_warp(block *home, size_t warp, order &by)
{
    unsigned todo = home->ready[warp];
    while (todo && grid.error.empty()) {
        uint32_t which = by.pick(static_cast<uint32_t>(__builtin_popcount(todo)));
        unsigned rest = todo;
        while (which--)
            rest &= rest - 1;
        const int lane_number = __builtin_ctz(rest);
        todo &= ~(1u << lane_number);
        run_lane(&home->threads[warp * 32 + static_cast<size_t>(lane_number)]);
    }
}

// The resident blocks to their end.
void run_resident(order &by)
{
    std::vector<std::pair<block *, size_t>> can_run;
    int live = 0;
    for (const block *each : grid.resident)
        live += each->live;
    while (live > 0 && grid.error.empty()) {
        can_run.clear();
        for (block *each : grid.resident)
            for (size_t warp = 0; warp < each->ready.size(); warp++)
                if (each->ready[warp])
                    can_run.push_back({each, warp});
        if (can_run.empty()) {
            grid.error = describe_deadlock();
            grid.code = cudaErrorLaunchFailure;
            return;
        }
        // A whole round in one order: many times cheaper than a new look after every warp.
        while (!can_run.empty() && grid.error.empty()) {
            const uint32_t at = by.pick(static_cast<uint32_t>(can_run.size()));
            const auto [home, warp] = can_run[at];
            can_run.erase(can_run.begin() + at);
            const int before = home->live;
            run_warp(home, warp, by);
            live -= before - home->live;
        }
    }
}

uint3 block_index(const grid_launch &launch, size_t number)
{
    const size_t x = launch.grid.x, y = launch.grid.y;
    return {static_cast<unsigned>(number % x), static_cast<unsigned>(number / x % y),
            static_cast<unsigned>(number / x / y)};
}

// The block numbers of each cluster, clusters in natural order.
std::vector<std::vector<size_t>> clusters_of(const grid_launch &launch)
{
    const dim3 grid_size = launch.grid, size = launch.cluster;
    const size_t across = grid_size.x / size.x, down = grid_size.y / size.y;
    std::vector<std::vector<size_t>> clusters(across * down * (grid_size.z / size.z));
    for (size_t number = 0; number < size_t(grid_size.x) * grid_size.y * grid_size.z; number++) {
        const uint3 at = block_index(launch, number);
        clusters[at.x / size.x + across * (at.y / size.y + down * (at.z / size.z))].push_back(
            number);
    }
    return clusters;
}

void check_blocks()
{
    for (const block *each : grid.resident) {
        const std::string damage = each->shared.damage();
        if (grid.error.empty() && !damage.empty()) {
            grid.error = whereabouts(*each) + ": " + damage;
            grid.code = cudaErrorIllegalAddress;
        }
    }
}

// Some clusters at once, to their end.
void run_clusters(const grid_launch &launch, const std::vector<std::vector<size_t>> &clusters,
                  order &by)
{
    for (const std::vector<size_t> &cluster : clusters) {
        block *first = nullptr;
        int rank = 0;
        for (size_t number : cluster) {
            block *made = take_block(block_index(launch, number), launch);
            first = first ? first : made;
            made->group = first;
            made->rank = rank++;
            made->group_blocks = static_cast<int>(cluster.size());
            grid.resident.push_back(made);
        }
    }
    run_resident(by);
    check_blocks();
    for (block *each : grid.resident)
        give_block(each);
    grid.resident.clear();
}
}   // namespace

cudaError_t run_grid(const grid_launch &launch)
{
    static uint64_t launches;
    grid = {&launch, {}, 0, "", cudaSuccess};
    blockDim = launch.block;
    gridDim = launch.grid;
    shadow_start_launch();
    const uint64_t seed = nca_emulator_get()->seed;
    order by(seed < 2 ? seed : seed + (++launches << 20));
    std::vector<std::vector<size_t>> left = clusters_of(launch);
    while (!left.empty() && grid.error.empty()) {
        const size_t most = launch.cooperative ? left.size() : seed < 2 ? 1 : 1 + by.draw() % 3;
        std::vector<std::vector<size_t>> now;
        while (!left.empty() && now.size() < most) {
            // Taken from the place that was drawn, which the last one then fills.
            const uint32_t at = by.pick(static_cast<uint32_t>(left.size()));
            now.push_back(left[at]);
            if (seed < 2) {
                left.erase(left.begin() + at);
            } else {
                left[at] = left.back();
                left.pop_back();
            }
        }
        run_clusters(launch, now, by);
    }
    shadow_end_launch();
    if (grid.error.empty()) {
        const std::string damage = damaged_allocation();
        if (!damage.empty()) {
            grid.error = format("kernel `%s`: ", launch.name) + damage;
            grid.code = cudaErrorIllegalAddress;
        }
    }
    grid.launch = nullptr;
    return grid.error.empty() ? cudaSuccess : report(grid.code, grid.error);
}

bool is_in_kernel()
{
    return current != nullptr;
}

void make_ready(thread *one)
{
    const size_t warp = static_cast<size_t>(one->number / 32);
    one->now = state::ready;
    one->home->ready[warp] |= 1u << one->number % 32;
    one->home->meeting[warp] &= ~(1u << one->number % 32);
}

void complain(cudaError_t code, const std::string &line)
{
    if (!grid.error.empty())
        return;
    grid.code = code;
    grid.error = line;
}

void give_up()
{
    fiber_finish();
}

void *shared_array(const void *key, const char *name, size_t bytes, size_t alignment)
{
    void *array = current->home->shared.array(key, name, bytes, alignment);
    if (array)
        return array;
    complain(
        cudaErrorLaunchOutOfResources,
        whereabouts(*current->home) +
            format(": the shared array `%s` of %zu bytes does not fit the %zu a block may have",
                   name, bytes, grid.launch->shared_limit));
    give_up();
}

void *shared_dynamic()
{
    return current->home->shared.dynamic();
}

int lane()
{
    return current->number % 32;
}

void let_others_run()
{
    if (grid.resident.size() < 2)
        return;
    make_ready(current);
    fiber_leave();
}

void atomic_access(const void *address, size_t bytes)
{
    if (shadow_is_looking && space.holds(address))
        shadow_access(address, bytes, access::atomic, __builtin_return_address(0));
    let_others_run();
}

void trap(const char *why, site where)
{
    complain(cudaErrorLaunchFailure,
             whereabouts(*current->home) +
                 format(", thread %d: %s (%s:%d)", current->number, why, where.file, where.line));
    give_up();
}
}   // namespace nca_emulator

// Does nothing in a kernel that was compiled for an older device.
void nca_emulator_wait_for_last()
{
    if (nca_emulator_get()->image >= 90)
        nca_emulator::current->is_early = false;
}
