/* exec/turn_page.h — pages of bytes that wait for their morsel's turn.
 *
 * Every worker has one page of its own; who is not the oldest takes more while the lease gives some
 * above its min, and waits when it does not (exec/pipeline.h, wr_turnstile).
 * Threads: a page is one worker's; `extra_pages` counts for all. */
#ifndef WR_EXEC_TURN_PAGE_H
#define WR_EXEC_TURN_PAGE_H

#include <stdatomic.h>
#include <stddef.h>

#include "mem/arena.h"

typedef struct wr_turn_page {
    struct wr_turn_page *next;
    uint32_t             used_bytes; /* behind the header */
} wr_turn_page;

/** A page above the least, empty; NULL: none now. */
static inline wr_turn_page *wr_turn_page_take_extra(_Atomic uint32_t *extra_pages, wr_lease *lease)
{
    wr_turn_page *page = NULL;

    if (atomic_fetch_add(extra_pages, 1) < lease->pages_want - lease->pages_min)
        page = wr_lease_try(lease, 1);
    if (page)
        *page = (wr_turn_page){0};
    else
        atomic_fetch_sub(extra_pages, 1);
    return page;
}

static inline void wr_turn_page_give_extra(_Atomic uint32_t *extra_pages, wr_lease *lease,
                                           wr_turn_page *page)
{
    wr_lease_give(lease, page, 1);
    atomic_fetch_sub(extra_pages, 1);
}

#endif
