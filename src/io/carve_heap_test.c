/* carve_heap_test.c — parts of a block: apart, aligned, joined again, refused when nothing fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "carve_heap.h"

enum { BYTES = 1 << 16, PART_COUNT = 40 };

static uint32_t seed = 3;

static uint32_t random_below(uint32_t limit)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % limit;
}

static void check_part(const uint8_t *part, size_t bytes, uint8_t fill)
{
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(part[i], fill);
}

static void parts_keep_their_bytes_until_all_is_one_again(void **state)
{
    void         *block = malloc(BYTES);
    uint8_t      *parts[PART_COUNT] = {0};
    size_t        sizes[PART_COUNT];
    wr_carve_heap heap;

    (void)state;
    wr_carve_heap_init(&heap, block, BYTES);
    for (int turn = 0; turn < 20000; turn++) {
        uint32_t i = random_below(PART_COUNT);

        if (parts[i]) {
            check_part(parts[i], sizes[i], (uint8_t)i);
            wr_carve_heap_free(&heap, parts[i]);
            parts[i] = NULL;
            continue;
        }
        sizes[i] = random_below(4000);
        parts[i] = wr_carve_heap_alloc(&heap, sizes[i]);
        if (!parts[i])
            continue;
        assert_int_equal((uintptr_t)parts[i] % 16, (uintptr_t)block % 16);
        assert_true(parts[i] >= (uint8_t *)block && parts[i] + sizes[i] <= (uint8_t *)block + BYTES);
        memset(parts[i], (int)i, sizes[i]);
    }
    for (int i = 0; i < PART_COUNT; i++)
        wr_carve_heap_free(&heap, parts[i]);
    assert_int_equal(heap.used_bytes, 0);
    assert_non_null(wr_carve_heap_alloc(&heap, BYTES - 16));
    assert_null(wr_carve_heap_alloc(&heap, 0));
    free(block);
}

static void what_does_not_fit_is_refused(void **state)
{
    _Alignas(16) uint8_t block[256];
    wr_carve_heap        heap;

    (void)state;
    wr_carve_heap_init(&heap, block, sizeof block);
    assert_null(wr_carve_heap_alloc(&heap, 241));
    assert_null(wr_carve_heap_alloc(&heap, UINT64_MAX));
    assert_null(wr_carve_heap_alloc(&heap, UINT64_MAX - 20));
    assert_non_null(wr_carve_heap_alloc(&heap, 240));
    assert_null(wr_carve_heap_alloc(&heap, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_keep_their_bytes_until_all_is_one_again),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
