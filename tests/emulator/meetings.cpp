// Where threads meet: the barrier of a block, of a cluster, of a cooperative grid, and every
// collective call of a warp. A meeting ends when all its threads stand at the same line; when
// nobody can run any more and some still wait, this file says who waits where.
#include "shadow.h"

#include <algorithm>
#include <cstring>

namespace nca_emulator
{
namespace
{
bool is_same(site a, site b)
{
    return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

const char *name_of(meeting kind)
{
    switch (kind) {
    case meeting::sync:
        return "__syncwarp";
    case meeting::shuffle:
        return "a shuffle";
    case meeting::ballot:
        return "a vote";
    case meeting::match:
        return "__match_any_sync";
    case meeting::together:
        return "an instruction of the whole warp";
    default:
        return "a warp reduction";
    }
}

unsigned reduce(meeting kind, unsigned a, unsigned b)
{
    const int signed_a = static_cast<int>(a), signed_b = static_cast<int>(b);
    switch (kind) {
    case meeting::add:
        return a + b;
    case meeting::minimum:
        return std::min(a, b);
    case meeting::maximum:
        return std::max(a, b);
    case meeting::minimum_signed:
        return static_cast<unsigned>(std::min(signed_a, signed_b));
    case meeting::maximum_signed:
        return static_cast<unsigned>(std::max(signed_a, signed_b));
    case meeting::bit_and:
        return a & b;
    case meeting::bit_or:
        return a | b;
    default:
        return a ^ b;
    }
}

// The lanes of a mask, for loops.
int take_lane(unsigned &mask)
{
    const int lane_number = __builtin_ctz(mask);
    mask &= mask - 1;
    return lane_number;
}

// What all lanes get alike, for the kinds where that is so.
uint64_t common_result(meeting kind, unsigned mask, const thread *lanes)
{
    unsigned rest = mask;
    unsigned long long result = 0;
    if (kind == meeting::ballot) {
        while (rest) {
            const int each = take_lane(rest);
            result |= (lanes[each].value ? 1ull : 0ull) << each;
        }
    } else if (kind != meeting::sync) {
        result = lanes[take_lane(rest)].value;
        while (rest)
            result = reduce(kind, static_cast<unsigned>(result),
                            static_cast<unsigned>(lanes[take_lane(rest)].value));
    }
    return result;
}

// The lanes' arguments lie on the stacks of their fibers, which wait.
void work_together(thread *lanes)
{
    void *given[32];
    for (int i = 0; i < 32; i++)
        given[i] = reinterpret_cast<void *>(lanes[i].value);
    lanes->work(given);
}

void give_results(meeting kind, unsigned mask, thread *lanes)
{
    const bool alike =
        kind != meeting::shuffle && kind != meeting::match && kind != meeting::together;
    if (kind == meeting::together)
        work_together(lanes);
    const uint64_t common = alike ? common_result(kind, mask, lanes) : 0;
    for (unsigned rest = mask; rest;) {
        thread &one = lanes[take_lane(rest)];
        one.result = common;
        if (kind == meeting::shuffle)
            one.result = lanes[one.source].value;
        if (kind == meeting::match)
            for (unsigned others = mask; others;) {
                const int each = take_lane(others);
                one.result |= (lanes[each].value == one.value ? 1ull : 0ull) << each;
            }
        make_ready(&one);
    }
}

// "" or what is wrong with the mask or the source.
std::string refusal(meeting kind, unsigned mask, int source)
{
    const size_t first = static_cast<size_t>(current->number / 32 * 32);
    const size_t lanes = std::min(current->home->threads.size() - first, size_t(32));
    if (!(mask >> lane() & 1))
        return format("has a mask %08x without its own lane %d", mask, lane());
    if (lanes < 32 && mask >> lanes)
        return format("has a mask %08x, but the warp has only %zu lanes", mask, lanes);
    if (kind == meeting::shuffle && (source < 0 || source > 31 || !(mask >> source & 1)))
        return format("reads lane %d, which its mask %08x does not name", source, mask);
    return "";
}

bool is_refused(meeting kind, unsigned mask, int source, site where)
{
    const std::string why = refusal(kind, mask, source);
    if (!why.empty())
        complain(cudaErrorLaunchFailure,
                 whereabouts(*current->home) + format(", thread %d: %s (%s:%d) ", current->number,
                                                      name_of(kind), where.file, where.line) +
                     why);
    return !why.empty();
}
}   // namespace

uint64_t meet_warp(meeting kind, unsigned mask, uint64_t value, int source, site where)
{
    if (is_refused(kind, mask, source, where))
        give_up();
    thread *self = current, *lanes = self - self->number % 32;
    self->kind = kind;
    self->mask = mask;
    self->source = source;
    self->value = value;
    self->now = state::in_warp_meeting;
    self->where = where;
    unsigned &waiting = self->home->meeting[static_cast<size_t>(self->number / 32)];
    waiting |= 1u << lane();
    bool complete = (waiting & mask) == mask;
    for (unsigned rest = mask; rest && complete;) {
        const thread &other = lanes[take_lane(rest)];
        complete = other.mask == mask && other.kind == kind && is_same(other.where, where);
    }
    if (complete && kind == meeting::sync)
        shadow_meet_lanes(lanes, mask);
    if (complete)
        give_results(kind, mask, lanes);
    fiber_leave();
    return self->result;
}

void meet_warp_for(void (*work)(void *const lanes[32]), void *mine, site where)
{
    current->work = work;
    meet_warp(meeting::together, 0xffffffffu, reinterpret_cast<uint64_t>(mine), 0, where);
}

int meet_block(vote kind, bool predicate, site where)
{
    thread *self = current;
    block *home = self->home;
    self->value = predicate;
    self->now = state::in_block_meeting;
    self->where = where;
    home->arrived++;
    bool complete = home->arrived == static_cast<int>(home->threads.size());
    int count = 0;
    for (size_t i = 0; complete && i < home->threads.size(); i++) {
        complete = is_same(home->threads[i].where, where);
        count += home->threads[i].value != 0;
    }
    if (complete) {
        home->arrived = 0;
        shadow_meet_block(home);
        for (thread &each : home->threads) {
            each.result = static_cast<uint64_t>(count);
            make_ready(&each);
        }
    }
    fiber_leave();
    const int found = static_cast<int>(self->result), all = static_cast<int>(home->threads.size());
    return kind == vote::all ? found == all : kind == vote::any ? found > 0 : found;
}

void meet_cluster(site where)
{
    block *group = current->home->group;
    const int expected = group->group_blocks * static_cast<int>(group->threads.size());
    current->now = state::in_cluster_meeting;
    current->where = where;
    if (++group->group_arrived == expected) {
        group->group_arrived = 0;
        shadow_meet_cluster(group);
        for (block *each : grid.resident)
            if (each->group == group)
                for (thread &one : each->threads)
                    make_ready(&one);
    }
    fiber_leave();
}

void meet_grid(site where)
{
    if (!grid.launch->cooperative)
        trap("waits for the grid, but the launch was not cooperative", where);
    current->now = state::in_grid_meeting;
    current->where = where;
    const size_t expected = grid.resident.size() * current->home->threads.size();
    if (static_cast<size_t>(++grid.arrived) == expected) {
        grid.arrived = 0;
        shadow_meet_grid();
        for (block *each : grid.resident)
            for (thread &one : each->threads)
                make_ready(&one);
    }
    fiber_leave();
}

std::string whereabouts(const block &home)
{
    return format("kernel `%s`, block (%u,%u,%u)", grid.launch->name, home.index.x, home.index.y,
                  home.index.z);
}

namespace
{
std::string posture(const thread &one)
{
    const char *file = one.where.file ? one.where.file : "";
    const char *slash = std::strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;
    switch (one.now) {
    case state::in_warp_meeting:
        return format("at %s of lanes %08x (%s:%d)", name_of(one.kind), one.mask, name,
                      one.where.line);
    case state::in_block_meeting:
        return format("at __syncthreads (%s:%d)", name, one.where.line);
    case state::in_cluster_meeting:
        return format("at the cluster's barrier (%s:%d)", name, one.where.line);
    case state::in_grid_meeting:
        return format("at the grid's barrier (%s:%d)", name, one.where.line);
    default:
        return "returned";
    }
}
}   // namespace

std::string describe_deadlock()
{
    const block *stuck = nullptr;
    for (const block *each : grid.resident)
        if (each->live > 0 && !stuck)
            stuck = each;
    std::string line = whereabouts(*stuck) + ": threads wait for others that never come:";
    const std::vector<thread> &threads = stuck->threads;
    int groups = 0;
    for (size_t first = 0; first < threads.size() && groups < 8; groups++) {
        const std::string how = posture(threads[first]);
        size_t last = first;
        while (last + 1 < threads.size() && posture(threads[last + 1]) == how)
            last++;
        line += first == last ? format(" thread %zu ", first)
                              : format(" threads %zu-%zu ", first, last);
        line += how + ";";
        first = last + 1;
    }
    line.pop_back();
    return groups == 8 ? line + " ..." : line;
}
}   // namespace nca_emulator
