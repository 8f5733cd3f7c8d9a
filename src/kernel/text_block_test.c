/* text_block_test.c — masks and UTF-8 against naive loops, on random text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "kernel/text_block.h"
#include "kernel/text_isa.h"
#include "kernel/text_utf8.h"

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void masks_tell_every_byte(void **state)
{
    uint8_t  bytes[64];
    uint32_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        uint64_t equal = 0, high = 0;
        uint8_t  wanted = (uint8_t)random_next(&seed);

        for (unsigned i = 0; i < 64; i++) {
            uint32_t random = random_next(&seed);

            bytes[i] = random % 3 == 0 ? wanted : random % 3 == 1 ? (uint8_t)(wanted ^ 0x80)
                                                                  : (uint8_t)(random >> 8);
            equal |= (uint64_t)(bytes[i] == wanted) << i;
            high |= (uint64_t)(bytes[i] >> 7) << i;
        }
        assert_true(wr_text_block_equal(wr_text_block_load(bytes), wanted) == equal);
        assert_true(wr_text_block_not_ascii(wr_text_block_load(bytes)) == high);
    }
}

static void positions_and_prefixes(void **state)
{
    uint32_t seed = 2;

    (void)state;
    for (unsigned round = 0; round < 1000; round++) {
        uint64_t mask = (uint64_t)random_next(&seed) << 40 ^ (uint64_t)random_next(&seed) << 20 ^
                        random_next(&seed);
        uint32_t positions[128], expected[64], count = 0;
        uint64_t prefix = 0;
        bool     inside = false;

        if (round % 3 == 0)
            mask &= mask << 3 & mask >> 5;
        for (unsigned i = 0; i < 64; i++) {
            inside ^= mask >> i & 1;
            prefix |= (uint64_t)inside << i;
            if (mask >> i & 1)
                expected[count++] = 1000 + i;
        }
        assert_true(wr_text_prefix_xor(mask) == prefix);
        assert_int_equal(wr_text_put_positions(mask, 1000, positions), count);
        assert_memory_equal(positions, expected, count * sizeof *expected);
    }
    assert_int_equal(wr_text_put_positions(UINT64_MAX, 0, (uint32_t[128]){0}), 64);
    assert_true(wr_text_low_bits(0) == 0);
    assert_true(wr_text_low_bits(1) == 1);
    assert_true(wr_text_low_bits(64) == UINT64_MAX);
}

/* By the table of RFC 3629, section 4. */
static bool is_valid_naive(const uint8_t *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t  more = s[i] < 0x80 ? 0 : s[i] >= 0xc2 && s[i] < 0xe0 ? 1 : s[i] >= 0xe0 && s[i] < 0xf0 ? 2 : s[i] >= 0xf0 && s[i] < 0xf5 ? 3 : 9;
        uint8_t low = s[i] == 0xe0 ? 0xa0 : s[i] == 0xf0 ? 0x90 : 0x80;
        uint8_t high = s[i] == 0xed ? 0x9f : s[i] == 0xf4 ? 0x8f : 0xbf;

        if (more == 9 || n - i - 1 < more)
            return false;
        for (size_t k = 1; k <= more; k++, low = 0x80, high = 0xbf) {
            if (s[i + k] < low || s[i + k] > high)
                return false;
        }
        i += more + 1;
    }
    return true;
}

static void check_utf8(const uint8_t *bytes, size_t byte_count)
{
    bool          expected = is_valid_naive(bytes, byte_count);
    wr_utf8_state state = {0};
    bool          fed;

    wr_text_isa_plain = false;
    assert_int_equal(wr_utf8_is_valid(bytes, byte_count), expected);
    wr_text_isa_plain = true;
    assert_int_equal(wr_utf8_is_valid(bytes, byte_count), expected);
    fed = wr_utf8_feed(&state, bytes, byte_count / 3) &&
          wr_utf8_feed(&state, bytes + byte_count / 3, byte_count - byte_count / 3) &&
          state.left == 0;
    assert_int_equal(fed, expected);
}

/* Append a random character: mostly ASCII, else any of the four lengths. */
static size_t put_character(uint8_t *out, uint32_t *seed)
{
    uint32_t kind = random_next(seed) % 8;
    uint32_t code = random_next(seed);

    if (kind < 4) {
        out[0] = (uint8_t)(code % 128);
        return 1;
    }
    if (kind < 6) {
        code = 0x80 + code % 0x780;
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 63));
        return 2;
    }
    if (kind == 6) {
        code = 0x800 + code % 0xd000;
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (code & 63));
        return 3;
    }
    code = 0x10000 + code % 0x100000;
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (code & 63));
    return 4;
}

static void utf8_agrees_with_the_table(void **state)
{
    uint8_t  bytes[256];
    uint32_t seed = 3;

    (void)state;
    for (unsigned round = 0; round < 40000; round++) {
        size_t byte_count = 0, wanted = random_next(&seed) % 200;

        while (byte_count < wanted)
            byte_count += put_character(bytes + byte_count, &seed);
        check_utf8(bytes, byte_count);
        if (byte_count == 0)
            continue;
        switch (random_next(&seed) % 3) { /* and once damaged */
        case 0:
            bytes[random_next(&seed) % byte_count] ^= (uint8_t)(1u << random_next(&seed) % 8);
            break;
        case 1:
            bytes[random_next(&seed) % byte_count] = (uint8_t)random_next(&seed);
            break;
        default:
            byte_count -= random_next(&seed) % (byte_count < 4 ? byte_count : 4);
        }
        check_utf8(bytes, byte_count);
    }
}

/* Every lead byte with every second byte, at every place around the borders of blocks. */
static void utf8_pairs_at_borders(void **state)
{
    uint8_t bytes[128];

    (void)state;
    for (unsigned first = 0x80; first < 0x100; first++) {
        for (unsigned second = 0x70; second < 0x100; second += 1) {
            for (size_t at = 60; at < 66; at += 1) {
                memset(bytes, 'a', sizeof bytes);
                bytes[at] = (uint8_t)first;
                bytes[at + 1] = (uint8_t)second;
                bytes[at + 2] = first >= 0xe0 ? 0x80 : 'a';
                bytes[at + 3] = first >= 0xf0 ? 0x80 : 'a';
                check_utf8(bytes, 96);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_tell_every_byte),
        cmocka_unit_test(positions_and_prefixes),
        cmocka_unit_test(utf8_agrees_with_the_table),
        cmocka_unit_test(utf8_pairs_at_borders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
