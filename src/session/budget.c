/* session/budget.c — C = F + A: what of the cap is fixed, and what is left for the arena.
 *
 * F = program and libraries (T) + main stack (S) + counter slack (E) + private bytes in use when
 * the limit was set + heap for code without hooks (G) + stacks of the other threads + the arena's
 * own bit maps. A = C - F. Of A, the plan pool holds the plan and the workers' local states; the
 * open lease serves headers and samples while planning and is given back before the first row. */
#include "base/bits.h"
#include "mem/heap.h"
#include "os/thread.h"
#include "session/session_priv.h"

enum {
    MIB = 1024 * 1024,
    HEAP_BYTES_MIN = MIB,
    HEAP_BYTES_MAX = 8 * MIB,
    ARENA_BYTES_MIN = 3 * MIB,
    THREAD_OVERHEAD_BYTES = 8 * 1024, /* thread control block, TLS */
    LOOSE_BYTES = 128 * 1024,         /* page rounding of the above */
    SINK_BLOCK_BYTES = 128 * 1024,    /* deterministic: what the least cap has room for */
};

static uint64_t clamp(uint64_t x, uint64_t low, uint64_t high)
{
    return x < low ? low : x > high ? high : x;
}

static void divide(const wr_settings *settings, wr_budget *budget)
{
    wr_heap_stats heap;
    uint64_t      outside, used, data;

    wr_heap_stats_read(&heap);
    budget->heap_bytes = clamp(settings->cap_bytes / 32, HEAP_BYTES_MIN, HEAP_BYTES_MAX);
    /* Worker 0 runs on the main stack; one more thread reports progress; the spill has its own. */
    budget->stack_bytes = (uint64_t)settings->thread_count *
                              (WR_THREAD_STACK_BYTES + THREAD_OVERHEAD_BYTES) +
                          (uint64_t)wr_spill_thread_count(settings->thread_count) *
                              (WR_IO_THREAD_STACK_BYTES + THREAD_OVERHEAD_BYTES);
    outside = budget->limit.text_bytes + budget->limit.stack_bytes + budget->limit.slack_bytes;
    used = budget->limit.used_bytes;
    data = used + (budget->heap_bytes > heap.bytes_committed
                       ? budget->heap_bytes - heap.bytes_committed
                       : 0) +
           budget->stack_bytes + LOOSE_BYTES;
    budget->fixed_bytes = outside + data;
    budget->arena_bytes = settings->cap_bytes > budget->fixed_bytes
                              ? settings->cap_bytes - budget->fixed_bytes
                              : 0;
    budget->page_bytes = wr_arena_page_bytes(clamp(budget->arena_bytes, MIB, UINT64_MAX));
    {
        uint64_t maps = wr_arena_overhead_bytes(budget->arena_bytes, budget->page_bytes);

        budget->fixed_bytes += maps;
        budget->arena_bytes -= maps < budget->arena_bytes ? maps : budget->arena_bytes;
    }
}

wr_status wr_budget_make(const wr_settings *settings, wr_budget *out, wr_error *err)
{
    char least[32], cap[32];

    *out = (wr_budget){0};
    WR_TRY(wr_limit_enforce(settings->cap_bytes, &out->limit, err));
    divide(settings, out);
    if (out->arena_bytes < ARENA_BYTES_MIN)
        return WR_RAISE(err, WR_NO_MEMORY,
                        "a cap of %s leaves no room to work: the least with %u thread%s is %s",
                        wr_text_format_bytes(settings->cap_bytes, cap, sizeof cap),
                        settings->thread_count, settings->thread_count == 1 ? "" : "s",
                        wr_text_format_bytes(out->fixed_bytes + ARENA_BYTES_MIN, least,
                                             sizeof least));
    wr_heap_set_budget(out->heap_bytes);
    out->plan_bytes = clamp(out->arena_bytes / 4, MIB, 64 * MIB);
    out->open_bytes = clamp(out->arena_bytes / 4, MIB, 4 * MIB);
    out->block_bytes = (uint32_t)wr_pow2_floor(clamp(out->arena_bytes / 128, 32 * 1024, MIB));
    out->sink_block_bytes = settings->deterministic
                                ? SINK_BLOCK_BYTES
                                : (uint32_t)wr_pow2_floor(clamp(settings->cap_bytes / 64, MIB / 16,
                                                                4 * MIB));
    return WR_OK;
}
