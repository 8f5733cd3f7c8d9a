/* base/hash_test.c — fixed values, so partitions never move; no collisions on dense keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/hash.h"

static void values_are_fixed(void **state)
{
    (void)state;
    assert_true(wr_hash_u64(0) == 0);
    assert_true(wr_hash_u64(1) == 0xb456bcfc34c2cb2cULL);
    assert_true(wr_hash_bytes("", 0) == 0x2d06800538d394c2ULL);
    assert_true(wr_hash_combine(1, 2) != wr_hash_combine(2, 1));
}

/* Every length: equal content gives an equal hash at any address, and each byte counts. */
static void every_byte_counts(void **state)
{
    unsigned char bytes[300], copy[301];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7 + 1);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        uint64_t hash = wr_hash_bytes(bytes, n);
        memcpy(copy + 1, bytes, n);
        assert_true(wr_hash_bytes(copy + 1, n) == hash);
        for (size_t i = 0; i < n; i++) {
            copy[1 + i] ^= 0x10;
            assert_true(wr_hash_bytes(copy + 1, n) != hash);
            copy[1 + i] ^= 0x10;
        }
    }
}

static void dense_keys_spread(void **state)
{
    uint32_t counts[256] = {0};

    (void)state;
    for (uint64_t key = 0; key < 256 * 1000; key++)
        counts[wr_hash_u64(key) >> 56]++;
    for (int i = 0; i < 256; i++)
        assert_in_range(counts[i], 800, 1200);
}

static void bit_helpers(void **state)
{
    uint64_t words[2] = {0};

    (void)state;
    assert_int_equal(wr_bit_words(0), 0);
    assert_int_equal(wr_bit_words(65), 2);
    wr_bit_set(words, 64);
    assert_true(wr_bit_get(words, 64));
    wr_bit_put(words, 63, true);
    wr_bit_clear(words, 64);
    assert_true(words[0] == 1ULL << 63 && words[1] == 0);
    assert_int_equal(wr_pow2_ceil(1), 1);
    assert_int_equal(wr_pow2_ceil(1025), 2048);
    assert_int_equal(wr_pow2_floor(1025), 1024);
    assert_int_equal(wr_round_up(4097, 4096), 8192);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_fixed),
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(dense_keys_spread),
        cmocka_unit_test(bit_helpers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
