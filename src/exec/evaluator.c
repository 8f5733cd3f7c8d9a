/* exec/evaluator.c — see exec/evaluator.h. */
#include "exec/evaluator.h"

static uint64_t bump_need(const wr_program *program, uint64_t extra_bytes)
{
    return wr_program_lease_min(program, 0) + extra_bytes;
}

/* At least one byte, so that there is a page. */
static uint64_t heap_need(uint64_t heap_bytes, uint32_t page_bytes)
{
    uint32_t pages = wr_pages_for(heap_bytes ? heap_bytes : 1, page_bytes);

    return (uint64_t)pages * page_bytes - WR_BUMP_HEAD_BYTES;
}

uint64_t wr_evaluator_lease_min(const wr_program *program, uint64_t extra_bytes,
                                uint64_t heap_bytes, uint32_t page_bytes)
{
    return wr_bump_lease_min(bump_need(program, extra_bytes), page_bytes) +
           wr_bump_lease_min(heap_need(heap_bytes, page_bytes), page_bytes);
}

wr_status wr_evaluator_open(wr_evaluator *evaluator, const wr_program *program,
                            uint64_t extra_bytes, uint64_t heap_bytes, wr_lease *lease,
                            const wr_run_facts *facts, wr_error *err)
{
    uint32_t page_bytes = wr_arena_page_size(lease->arena);

    wr_bump_init(&evaluator->bump, lease);
    wr_bump_init(&evaluator->heap, lease);
    WR_TRY(wr_bump_reserve(&evaluator->bump, bump_need(program, extra_bytes), err));
    WR_TRY(wr_bump_reserve(&evaluator->heap, heap_need(heap_bytes, page_bytes), err));
    return wr_program_local_new(program, &evaluator->bump, &evaluator->heap, facts,
                                &evaluator->program, err);
}

void wr_evaluator_close(wr_evaluator *evaluator)
{
    if (!evaluator->bump.lease)
        return;
    wr_bump_release(&evaluator->heap);
    wr_bump_release(&evaluator->bump);
    *evaluator = (wr_evaluator){0};
}
