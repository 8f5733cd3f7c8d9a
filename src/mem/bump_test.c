/* mem/bump_test.c — requests of all sizes, marks and rewinds, refusal with the lease's name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "mem/arena.h"
#include "mem/bump.h"

enum { PAGE = 16384 };

typedef struct fixture {
    wr_arena *arena;
    wr_lease  lease;
    wr_bump   bump;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    wr_lease      *leases[] = {&f.lease};

    assert_int_equal(wr_arena_new(20 * PAGE, PAGE, &f.arena, NULL), WR_OK);
    wr_lease_init(&f.lease, "plan pool", 2 * PAGE, 20 * PAGE, PAGE);
    assert_int_equal(wr_lease_open_all(f.arena, leases, 1, NULL), WR_OK);
    wr_bump_init(&f.bump, &f.lease);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    wr_bump_release(&f->bump);
    assert_int_equal(f->lease.pages_used, 0);
    wr_lease_close(&f->lease);
    wr_arena_free(f->arena);
    return 0;
}

static void all_sizes_are_aligned_and_apart(void **state)
{
    fixture *f = *state;
    uint8_t *pieces[100];

    for (size_t i = 0; i < 100; i++) {
        pieces[i] = wr_bump_try_alloc(&f->bump, i * 7);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, i * 7);
        assert_true(i == 0 || pieces[i] != pieces[i - 1]);
    }
    for (size_t i = 0; i < 100; i++) {
        for (size_t j = 0; j < i * 7; j++)
            assert_int_equal(pieces[i][j], i);
    }
}

static void large_requests_get_their_own_extent(void **state)
{
    fixture *f = *state;
    uint8_t *small = wr_bump_try_alloc(&f->bump, 10);
    uint8_t *large = wr_bump_try_alloc(&f->bump, 3 * PAGE);
    uint8_t *after = wr_bump_try_alloc(&f->bump, 100);

    assert_non_null(small);
    assert_non_null(large);
    memset(large, 1, 3 * PAGE);
    assert_int_equal(f->lease.pages_used, 5);
    assert_true(after > large && after < large + 4 * PAGE); /* the rest of the last page */
    assert_int_equal(f->bump.bytes_used, 16 + 3 * PAGE + 112);
    wr_bump_reset(&f->bump);
    assert_int_equal(f->lease.pages_used, 1);
    assert_int_equal(f->bump.bytes_used, 0);
    large = wr_bump_try_alloc(&f->bump, 2 * PAGE);
    wr_bump_release(&f->bump);
    large = wr_bump_try_alloc(&f->bump, 2 * PAGE);
    wr_bump_reset(&f->bump); /* keeps one page of the first extent */
    assert_int_equal(f->lease.pages_used, 1);
    assert_non_null(wr_bump_try_alloc(&f->bump, PAGE - 64));
    assert_int_equal(f->lease.pages_used, 1);
}

static void rewind_drops_what_came_after(void **state)
{
    fixture     *f = *state;
    wr_bump_mark empty = wr_bump_save(&f->bump), mark;
    uint8_t     *kept, *dropped;

    kept = wr_bump_try_alloc(&f->bump, 1000);
    memset(kept, 7, 1000);
    mark = wr_bump_save(&f->bump);
    dropped = wr_bump_try_alloc(&f->bump, 10);
    assert_non_null(wr_bump_try_alloc(&f->bump, 5 * PAGE));
    assert_int_equal(f->lease.pages_used, 7);
    wr_bump_rewind(&f->bump, mark);
    assert_int_equal(f->lease.pages_used, 1);
    assert_int_equal(f->bump.bytes_used, 1008);
    assert_ptr_equal(wr_bump_try_alloc(&f->bump, 10), dropped);
    assert_int_equal(kept[999], 7);
    wr_bump_rewind(&f->bump, empty);
    assert_int_equal(f->lease.pages_used, 0);
    assert_non_null(wr_bump_try_alloc(&f->bump, 10));
}

static void reserved_room_is_not_wasted(void **state)
{
    fixture *f = *state;
    size_t   piece = PAGE / 2 + 48; /* two of them do not share a page */

    assert_int_equal(wr_bump_lease_min(6 * piece, PAGE), 4 * PAGE);
    assert_int_equal(wr_bump_reserve(&f->bump, 6 * piece, NULL), WR_OK);
    for (int i = 0; i < 6; i++)
        assert_non_null(wr_bump_try_alloc(&f->bump, piece));
    assert_int_equal(f->lease.pages_used, 4);
    assert_int_equal(wr_bump_reserve(&f->bump, 100 * PAGE, NULL), WR_NO_MEMORY);
    assert_int_equal(f->lease.pages_used, 4);
    assert_non_null(wr_bump_try_alloc(&f->bump, PAGE));
    wr_bump_reset(&f->bump);
    assert_int_equal(f->lease.pages_used, 4);
    for (int i = 0; i < 6; i++)
        assert_non_null(wr_bump_try_alloc(&f->bump, piece));
    assert_int_equal(f->lease.pages_used, 4);
    wr_bump_release(&f->bump); /* forgets what was reserved */
    assert_non_null(wr_bump_try_alloc(&f->bump, 3 * PAGE));
    wr_bump_reset(&f->bump);
    assert_int_equal(f->lease.pages_used, 1);
}

static void the_last_allocation_shrinks(void **state)
{
    fixture *f = *state;
    char    *first = wr_bump_try_alloc(&f->bump, 1000), *next;

    memset(first, 'x', 1000);
    wr_bump_shrink(&f->bump, first, 1000, 17);
    assert_int_equal(f->bump.bytes_used, 32);
    next = wr_bump_try_alloc(&f->bump, 40);
    assert_ptr_equal(next, first + 32);
    memset(next, 'y', 40);
    assert_int_equal(first[16], 'x');
    first = wr_bump_try_alloc(&f->bump, 3 * PAGE);
    wr_bump_shrink(&f->bump, first, 3 * PAGE, 0);
    assert_ptr_equal(wr_bump_try_alloc(&f->bump, 1), first + 16);
}

static void refusal_names_the_lease(void **state)
{
    fixture *f = *state;
    wr_error err = {0};
    size_t   absurd = SIZE_MAX / 2;

    assert_non_null(wr_bump_alloc(&f->bump, 10 * PAGE, &err));
    assert_null(wr_bump_alloc(&f->bump, 10 * PAGE, &err));
    assert_int_equal(err.status, WR_NO_MEMORY);
    assert_string_equal(err.message, "plan pool is exhausted: 163.8 kB more do not fit beside the "
                                     "163.8 kB in use (raise the memory cap)");
    assert_null(wr_bump_try_alloc(&f->bump, SIZE_MAX));
    assert_null(wr_bump_try_alloc(&f->bump, SIZE_MAX - 20));
    assert_null(WR_BUMP_NEW_ARRAY(&f->bump, uint64_t, absurd, &err));
    assert_non_null(wr_bump_try_alloc(&f->bump, 10)); /* still usable */
}

static void texts(void **state)
{
    fixture *f = *state;
    char    *text = wr_bump_copy(&f->bump, (wr_text){"ab\0c", 4}, NULL);
    uint64_t *zeros;

    assert_memory_equal(text, "ab\0c", 5);
    assert_string_equal(wr_bump_copy(&f->bump, (wr_text){NULL, 0}, NULL), "");
    text = wr_bump_printf(&f->bump, NULL, "%s=%d", "rows", 7);
    assert_string_equal(text, "rows=7");
    memset(text, 0xff, 7);
    wr_bump_reset(&f->bump);
    zeros = WR_BUMP_NEW_ARRAY(&f->bump, uint64_t, 100, NULL);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zeros[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_sizes_are_aligned_and_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_requests_get_their_own_extent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rewind_drops_what_came_after, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reserved_room_is_not_wasted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_allocation_shrinks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusal_names_the_lease, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
