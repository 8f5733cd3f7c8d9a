/* mem/arena_test.c — leases: what is granted can always be taken, whatever the fragmentation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "mem/arena.h"
#include "os/thread.h"

enum { PAGE = 16384 };

static wr_arena *new_arena(uint32_t page_count)
{
    wr_arena *arena = NULL;

    assert_int_equal(wr_arena_new((uint64_t)page_count * PAGE, PAGE, &arena, NULL), WR_OK);
    assert_int_equal(wr_arena_page_count(arena), page_count);
    return arena;
}

static void open_one(wr_arena *arena, wr_lease *lease, uint32_t pages_min, uint32_t pages_want)
{
    wr_lease *leases[] = {lease};

    wr_lease_init(lease, "test", (uint64_t)pages_min * PAGE, (uint64_t)pages_want * PAGE, PAGE);
    assert_int_equal(wr_lease_open_all(arena, leases, 1, NULL), WR_OK);
}

static void page_size_follows_the_cap(void **state)
{
    (void)state;
    assert_int_equal(wr_arena_page_bytes(0), 16384);
    assert_int_equal(wr_arena_page_bytes(22000000), 16384);
    assert_int_equal(wr_arena_page_bytes(114000000), 65536);
    assert_int_equal(wr_arena_page_bytes(16000000000), 262144);
    assert_int_equal(wr_pages_for(1, PAGE), 1);
    assert_int_equal(wr_pages_for(PAGE, PAGE), 1);
    assert_int_equal(wr_pages_for(PAGE + 1, PAGE), 2);
}

static void retired_pages_are_gone_for_good(void **state)
{
    wr_arena *arena = new_arena(10);
    wr_lease  lease;
    void     *extent;

    (void)state;
    open_one(arena, &lease, 2, 10);
    extent = wr_lease_take(&lease, 8);
    assert_non_null(extent);
    assert_false(wr_arena_retire(arena, 3)); /* two are ungranted */
    wr_lease_give(&lease, extent, 8);
    wr_lease_shrink(&lease);
    assert_int_equal(wr_arena_pages_committed(arena), 8);
    assert_true(wr_arena_retire(arena, 5));
    assert_int_equal(wr_arena_page_count(arena), 5);
    assert_int_equal(wr_arena_pages_ungranted(arena), 3);
    assert_true(wr_arena_pages_committed(arena) <= 5);
    assert_null(wr_lease_take(&lease, 6));
    extent = wr_lease_take(&lease, 5);
    assert_non_null(extent);
    assert_true(wr_arena_pages_committed(arena) <= 5);
    wr_lease_give(&lease, extent, 5);
    wr_lease_close(&lease);
    wr_arena_free(arena);
}

static void mins_are_granted_together_or_not_at_all(void **state)
{
    wr_arena *arena = new_arena(10);
    wr_lease  scan, sort, extra;
    wr_lease *both[] = {&scan, &sort};
    wr_lease *third[] = {&extra};
    wr_error  err = {0};

    (void)state;
    wr_lease_init(&scan, "scan #1", 3 * PAGE, 0, PAGE);
    wr_lease_init(&sort, "sort #2", 6 * PAGE + 1, 100 * PAGE, PAGE);
    wr_lease_init(&extra, "join #3", PAGE, PAGE, PAGE);
    assert_int_equal(wr_lease_open_all(arena, both, 2, &err), WR_OK);
    assert_int_equal(wr_arena_pages_ungranted(arena), 0);
    assert_int_equal(wr_lease_open_all(arena, third, 1, &err), WR_NO_MEMORY);
    assert_string_equal(err.message,
                        "this step needs at least 16.4 kB of memory and 0 B are left; the largest "
                        "part is join #3 with 16.4 kB: raise the memory cap");
    assert_false(extra.is_open);
    wr_lease_close(&scan);
    assert_int_equal(wr_lease_open_all(arena, third, 1, &err), WR_OK);
    wr_lease_close(&extra);
    wr_lease_close(&extra);
    wr_lease_close(&sort);
    assert_int_equal(wr_arena_pages_ungranted(arena), 10);
    assert_int_equal(wr_arena_pages_granted_peak(arena), 10);
    wr_arena_free(arena);
    wr_arena_free(NULL);
}

static void grows_to_want_and_no_further(void **state)
{
    wr_arena *arena = new_arena(10);
    wr_lease  a, b;
    void     *extents[6];

    (void)state;
    open_one(arena, &a, 2, 5);
    open_one(arena, &b, 4, 100);
    for (int i = 0; i < 5; i++) {
        extents[i] = wr_lease_take(&a, 1);
        assert_non_null(extents[i]);
        memset(extents[i], i, PAGE);
    }
    assert_null(wr_lease_take(&a, 1));
    assert_int_equal(a.pages_granted, 5);
    assert_int_equal(wr_arena_pages_ungranted(arena), 1);
    extents[5] = wr_lease_take(&b, 5);
    assert_non_null(extents[5]);
    assert_null(wr_lease_take(&b, 1)); /* the arena has nothing left to grant */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(((uint8_t *)extents[i])[PAGE - 1], i);
        wr_lease_give(&a, extents[i], 1);
    }
    assert_int_equal(a.pages_granted, 5); /* kept until it shrinks */
    wr_lease_shrink(&a);
    assert_int_equal(a.pages_granted, 2);
    assert_int_equal(wr_arena_pages_ungranted(arena), 3);
    extents[0] = wr_lease_take(&a, 2);
    assert_non_null(extents[0]);
    wr_lease_give(&a, extents[0], 1); /* page by page */
    wr_lease_give(&a, (uint8_t *)extents[0] + PAGE, 1);
    wr_lease_give(&b, extents[5], 5);
    assert_int_equal(a.pages_peak, 5);
    assert_int_equal(wr_arena_pages_used_peak(arena), 10);
    wr_lease_close(&a);
    wr_lease_close(&b);
    wr_arena_free(arena);
}

static void open_leases_change_their_demand(void **state)
{
    wr_arena *arena = new_arena(10);
    wr_lease  sort, sink;
    wr_lease *next[] = {&sort, &sink};
    wr_error  err = {0};
    void     *kept;

    (void)state;
    open_one(arena, &sort, 4, 100);
    kept = wr_lease_take(&sort, 6);
    assert_non_null(kept);
    wr_lease_init(&sink, "sink #2", 3 * PAGE, 3 * PAGE, PAGE);

    wr_lease_demand(&sort, 8 * PAGE, 8 * PAGE); /* 6 granted + 2 + 3 > 10 */
    assert_int_equal(wr_lease_open_all(arena, next, 2, &err), WR_NO_MEMORY);
    assert_non_null(strstr(err.message, "needs at least 81.9 kB of memory and 65.5 kB are left"));
    assert_int_equal(sort.pages_granted, 6);
    assert_false(sink.is_open);

    wr_lease_demand(&sort, 7 * PAGE, 7 * PAGE);
    assert_int_equal(wr_lease_open_all(arena, next, 2, &err), WR_OK);
    assert_int_equal(sort.pages_granted, 7);
    assert_int_equal(sort.pages_used, 6);
    assert_int_equal(wr_arena_pages_ungranted(arena), 0);

    wr_lease_demand(&sort, PAGE, PAGE); /* a lower min frees nothing before it shrinks */
    wr_lease_shrink(&sort);
    assert_int_equal(sort.pages_granted, 6);
    wr_lease_give(&sort, kept, 6);
    wr_lease_shrink(&sort);
    assert_int_equal(sort.pages_granted, 1);
    wr_lease_close(&sort);
    wr_lease_close(&sink);
    wr_arena_free(arena);
}

/* --- fragmentation ------------------------------------------------------------------------ */

typedef struct held_extent {
    uint8_t *bytes;
    uint32_t pages;
} held_extent;

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % n;
}

static void check_and_give(wr_lease *lease, held_extent *held)
{
    for (uint32_t i = 0; i < held->pages; i++) {
        assert_int_equal(held->bytes[(size_t)i * PAGE], (uint8_t)held->pages);
        assert_int_equal(held->bytes[(size_t)i * PAGE + PAGE - 1], (uint8_t)held->pages);
    }
    wr_lease_give(lease, held->bytes, held->pages);
    held->bytes = NULL;
}

static void take_and_mark(wr_lease *lease, held_extent *held, uint32_t pages)
{
    held->bytes = wr_lease_take(lease, pages);
    assert_non_null(held->bytes);
    held->pages = pages;
    for (uint32_t i = 0; i < pages; i++) {
        held->bytes[(size_t)i * PAGE] = (uint8_t)pages;
        held->bytes[(size_t)i * PAGE + PAGE - 1] = (uint8_t)pages;
    }
}

/* Random sizes at full occupancy: whatever fits the budget is taken, never refused. */
static void fragmentation_never_refuses(void **state)
{
    enum { PAGES = 200, HELD = 200 };
    static held_extent held[HELD];

    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        wr_arena *arena = new_arena(PAGES);
        wr_lease  lease;

        random_state = seed;
        open_one(arena, &lease, PAGES, PAGES);
        for (int step = 0; step < 6000; step++) {
            held_extent *slot = &held[random_below(HELD)];
            uint32_t     left = PAGES - lease.pages_used;

            if (slot->bytes)
                check_and_give(&lease, slot);
            else if (left > 0) /* large requests now and then, single pages mostly */
                take_and_mark(&lease, slot, random_below(4) ? 1 : 1 + random_below(left));
            assert_in_range(wr_arena_pages_committed(arena), 0, PAGES);
        }
        for (int i = 0; i < HELD; i++) {
            if (held[i].bytes)
                check_and_give(&lease, &held[i]);
        }
        wr_lease_close(&lease);
        wr_arena_free(arena);
    }
}

/* Robson's adversary: fill with small extents, keep one page of each, ask for twice the size. */
static void adversary_never_wins(void **state)
{
    enum { PAGES = 256 };
    static held_extent held[PAGES];
    wr_arena          *arena = new_arena(PAGES);
    wr_lease           lease;

    (void)state;
    open_one(arena, &lease, PAGES, PAGES);
    for (uint32_t size = 1; size <= PAGES / 2; size *= 2) {
        for (int i = 0; i < PAGES; i++) {
            if (!held[i].bytes && lease.pages_used + size <= PAGES)
                take_and_mark(&lease, &held[i], size);
        }
        assert_int_equal(lease.pages_used + size > PAGES, true);
        for (int i = 0; i < PAGES; i++) {
            if (held[i].bytes && i % 2 == 0)
                check_and_give(&lease, &held[i]);
        }
    }
    for (int i = 0; i < PAGES; i++) {
        if (held[i].bytes)
            check_and_give(&lease, &held[i]);
    }
    wr_lease_close(&lease);
    wr_arena_free(arena);
}

static void free_pages_are_reused_without_new_commits(void **state)
{
    wr_arena *arena = new_arena(100);
    wr_lease  lease;

    (void)state;
    open_one(arena, &lease, 100, 100);
    for (int round = 0; round < 50; round++) {
        void *a = wr_lease_take(&lease, 3), *b = wr_lease_take(&lease, 5);
        wr_lease_give(&lease, a, 3);
        wr_lease_give(&lease, b, 5);
    }
    assert_int_equal(wr_arena_pages_committed(arena), 8);
    wr_lease_close(&lease);
    wr_arena_free(arena);
}

/* Every other page used, then a request that needs all the holes back: the kernel may refuse to cut
 * its mappings that often (the LIMIT in arena.c). Whatever it says, the books stay right. */
static void scattered_holes_may_refuse_but_not_break(void **state)
{
    enum { PAGES = 140000, SMALL_PAGE = 4096 };
    wr_arena *arena = NULL;
    wr_lease  lease;
    wr_lease *leases[] = {&lease};
    uint8_t  *first, *whole;

    (void)state;
    assert_int_equal(wr_arena_new((uint64_t)PAGES * SMALL_PAGE, SMALL_PAGE, &arena, NULL), WR_OK);
    wr_lease_init(&lease, "test", (uint64_t)PAGES * SMALL_PAGE, 0, SMALL_PAGE);
    assert_int_equal(wr_lease_open_all(arena, leases, 1, NULL), WR_OK);
    first = wr_lease_take(&lease, PAGES);
    assert_non_null(first);
    for (size_t page = 0; page < PAGES; page += 2)
        wr_lease_give(&lease, first + page * SMALL_PAGE, 1);
    whole = wr_lease_take(&lease, PAGES / 2);
    assert_in_range(wr_arena_pages_committed(arena), PAGES / 2, PAGES);
    if (whole)
        wr_lease_give(&lease, whole, PAGES / 2);
    for (size_t page = 1; page < PAGES; page += 2) {
        first[page * SMALL_PAGE] = 1; /* still ours */
        wr_lease_give(&lease, first + page * SMALL_PAGE, 1);
    }
    whole = wr_lease_take(&lease, PAGES);
    assert_non_null(whole);
    assert_int_equal(wr_arena_pages_committed(arena), PAGES);
    wr_lease_give(&lease, whole, PAGES);
    wr_lease_close(&lease);
    wr_arena_free(arena);
}

/* --- faults and threads ------------------------------------------------------------------- */

static void faults_refuse_and_leave_nothing_behind(void **state)
{
    wr_arena *arena = new_arena(10);
    wr_lease  lease;
    void     *first, *second;

    (void)state;
    open_one(arena, &lease, 2, 10);
    assert_int_equal(wr_fault_configure("alloc:1", NULL, NULL), WR_OK);
    assert_null(wr_lease_take(&lease, 2));
    assert_int_equal(lease.pages_used, 0);
    assert_int_equal(wr_arena_pages_committed(arena), 0);
    first = wr_lease_take(&lease, 2);
    assert_non_null(first);

    assert_int_equal(wr_fault_configure("grant:1", NULL, NULL), WR_OK);
    assert_null(wr_lease_try(&lease, 1)); /* growth is refused once ... */
    assert_int_equal(lease.pages_granted, 2);
    second = wr_lease_try(&lease, 1); /* ... then granted */
    assert_non_null(second);
    wr_lease_give(&lease, second, 1);
    assert_int_equal(wr_fault_count(WR_FAULT_GRANT), 2);
    wr_lease_shrink(&lease);

    assert_int_equal(wr_fault_configure("grant:/1", NULL, NULL), WR_OK);
    second = wr_lease_take(&lease, 1); /* what an owner counts on is never refused */
    assert_non_null(second);
    wr_lease_give(&lease, second, 1);
    wr_lease_shrink(&lease);
    wr_lease_give(&lease, first, 2);
    first = wr_lease_try(&lease, 2); /* nor is the min */
    assert_non_null(first);
    assert_int_equal(wr_fault_configure(NULL, NULL, NULL), WR_OK);
    wr_lease_give(&lease, first, 2);
    wr_lease_close(&lease);
    wr_arena_free(arena);
}

typedef struct worker {
    wr_lease *lease;
    uint64_t  seed;
    uint32_t  bad_bytes, taken;
} worker;

/* Take, mark, check, give; several workers share a lease, others compete for the surplus. */
static void churn(void *self)
{
    worker     *me = self;
    held_extent held[8] = {0};
    uint64_t    random = me->seed;

    for (int step = 0; step < 4000; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        held_extent *slot = &held[(random >> 40) % 8];

        if (slot->bytes) {
            for (uint32_t i = 0; i < slot->pages; i++)
                me->bad_bytes += slot->bytes[(size_t)i * PAGE + 77] != (uint8_t)me->seed;
            wr_lease_give(me->lease, slot->bytes, slot->pages);
            slot->bytes = NULL;
            continue;
        }
        slot->pages = 1 + (uint32_t)(random >> 50) % 6;
        slot->bytes = wr_lease_take(me->lease, slot->pages);
        me->taken += slot->bytes != NULL;
        for (uint32_t i = 0; slot->bytes && i < slot->pages; i++)
            slot->bytes[(size_t)i * PAGE + 77] = (uint8_t)me->seed;
        if (step % 64 == 0)
            wr_lease_shrink(me->lease);
    }
    for (int i = 0; i < 8; i++) {
        if (held[i].bytes)
            wr_lease_give(me->lease, held[i].bytes, held[i].pages);
    }
}

static void workers_do_not_step_on_each_other(void **state)
{
    enum { WORKERS = 4 };
    wr_arena *arena = new_arena(60);
    wr_lease  shared, own;
    worker    workers[WORKERS];
    wr_thread threads[WORKERS];
    uint64_t  taken = 0; /* of all: who gets how much is the scheduler's affair */

    (void)state;
    open_one(arena, &shared, 10, 60);
    open_one(arena, &own, 5, 60);
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = (worker){.lease = i < 2 ? &shared : &own, .seed = i + 1};
        assert_int_equal(wr_thread_start(&threads[i], churn, &workers[i], NULL), WR_OK);
    }
    for (int i = 0; i < WORKERS; i++) {
        wr_thread_join(threads[i]);
        assert_int_equal(workers[i].bad_bytes, 0);
        taken += workers[i].taken;
    }
    assert_true(taken > 400);
    assert_in_range(wr_arena_pages_used_peak(arena), 1, 60);
    assert_in_range(wr_arena_pages_committed(arena), 1, 60);
    wr_lease_close(&shared);
    wr_lease_close(&own);
    assert_int_equal(wr_arena_pages_ungranted(arena), 60);
    wr_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_size_follows_the_cap),
        cmocka_unit_test(retired_pages_are_gone_for_good),
        cmocka_unit_test(mins_are_granted_together_or_not_at_all),
        cmocka_unit_test(grows_to_want_and_no_further),
        cmocka_unit_test(open_leases_change_their_demand),
        cmocka_unit_test(fragmentation_never_refuses),
        cmocka_unit_test(adversary_never_wins),
        cmocka_unit_test(scattered_holes_may_refuse_but_not_break),
        cmocka_unit_test(free_pages_are_reused_without_new_commits),
        cmocka_unit_test(faults_refuse_and_leave_nothing_behind),
        cmocka_unit_test(workers_do_not_step_on_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
