/* exec/key_bag_test.c — a bag against a sorted array: keys that come and go, few and many, with little room. */
#include "exec/key_bag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEYS = 6000, WINDOW = 1500, BLOCKS_MANY = 64 };

static uint64_t mix(uint64_t x)
{
    x *= 0x9e3779b97f4a7c15ull;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9ull;
    return x ^ x >> 32;
}

static int compare_keys(const void *a_p, const void *b_p)
{
    uint64_t a = *(const uint64_t *)a_p, b = *(const uint64_t *)b_p;

    return a < b ? -1 : a > b;
}

/* What is held of the keys is right: counts, every rank, the most frequent one. */
static void check(wr_key_bag *bag, const uint64_t *keys, uint32_t count)
{
    static uint64_t sorted[KEYS];
    wr_key_count    best = {0}, expected = {0};
    uint64_t        distinct = 0, below = 0, held = 0;
    wr_u128         sum = 0;

    memcpy(sorted, keys, count * sizeof keys[0]);
    qsort(sorted, count, sizeof sorted[0], compare_keys);
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i; end < count && sorted[end] == sorted[i];)
            end++;
        below += sorted[i] < bag->low ? end - i : 0;
        if (sorted[i] < bag->low || sorted[i] > bag->high)
            continue;
        held += end - i;
        distinct++;
        sum += sorted[i];
        if (end - i > expected.count)
            expected = (wr_key_count){sorted[i], end - i};
    }
    assert_int_equal(wr_key_bag_count(bag), count);
    assert_int_equal(bag->below, below);
    assert_int_equal(bag->held, held);
    wr_key_bag_find_most(bag, &best);
    assert_int_equal(bag->different, distinct);
    assert_true(bag->key_sum == sum);
    assert_int_equal(best.key, expected.key);
    assert_int_equal(best.count, expected.count);
    for (uint64_t i = 0; i < held; i++) {
        uint64_t rank = below + mix(i) % held;

        assert_true(wr_key_bag_has_rank(bag, rank));
        assert_int_equal(wr_key_bag_at(bag, rank), sorted[rank]);
    }
}

/* A window of WINDOW keys moves over keys drawn from so many. */
static void run_case(uint64_t different, uint32_t blocks, double fraction)
{
    static uint64_t keys[KEYS];
    static uint8_t  memory[BLOCKS_MANY * (sizeof(wr_key_block) + sizeof(uint32_t))];
    wr_key_bag      bag;
    uint32_t        begin = 0;

    assert_true(wr_key_bag_bytes(blocks) <= sizeof memory);
    for (uint32_t i = 0; i < KEYS; i++) /* from 0 to the greatest key */
        keys[i] = mix(i) % different * (different > 1 ? UINT64_MAX / (different - 1) : 1);
    wr_key_bag_init(&bag, memory, blocks, fraction);
    for (uint32_t i = 0; i < KEYS; i++) {
        wr_key_bag_add(&bag, keys[i]);
        if (i - begin >= WINDOW)
            wr_key_bag_remove(&bag, keys[begin++]);
        if (i % 500 == 7)
            check(&bag, keys + begin, i + 1 - begin);
    }
    if (different <= WR_KEY_BLOCK_KEYS)
        assert_int_equal(bag.below + bag.above, 0);
    for (; begin < KEYS; begin++)
        wr_key_bag_remove(&bag, keys[begin]);
    check(&bag, keys, 0);
    wr_key_bag_reset(&bag, keys[0] / 2, keys[0]);
    for (uint32_t i = 0; i < WINDOW; i++)
        wr_key_bag_add(&bag, keys[i]);
    check(&bag, keys, WINDOW);
}

static void test_room_for_all(void **state)
{
    (void)state;
    run_case(1, BLOCKS_MANY, 0.5);
    run_case(100, BLOCKS_MANY, 0.5);
    run_case(1u << 20, BLOCKS_MANY, 0.5);
}

static void test_little_room(void **state)
{
    (void)state;
    run_case(1u << 20, 8, 0.0);
    run_case(1u << 20, 8, 0.5);
    run_case(1u << 20, 8, 1.0);
    run_case(900, 2, 0.3);
    run_case(3, 2, 0.3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_for_all),
        cmocka_unit_test(test_little_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
