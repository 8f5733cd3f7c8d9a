/* pq_runs_test.c — runs and packed values as Encodings.md has them, in memory and through windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bits.h"
#include "pq_file_fixture.h"

/* The writer's (pq_write.h, which cannot stand beside pq_priv.h). */
size_t wr_pq_hybrid_put(const uint32_t *numbers, uint32_t count, unsigned width, uint8_t *out);

enum { COUNT = 2000 };

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*seed >> 33);
}

/* Bytes in memory (padded, as a page is), or read from a file through a window. */
typedef struct bytes_case {
    uint8_t     memory[COUNT * 5 + PQ_PAD];
    uint8_t     window[64 + PQ_PAD];
    fixture_raw raw;
} bytes_case;

static pq_bytes open_bytes(bytes_case *from, size_t byte_count, uint32_t window_bytes)
{
    if (window_bytes == 0)
        return (pq_bytes){.at = from->memory, .end = from->memory + byte_count};
    from->raw = fixture_raw_of(from->memory, byte_count);
    return (pq_bytes){.at = from->window, .end = from->window, .left = byte_count, .file = &from->raw.base,
                      .window = from->window, .window_bytes = window_bytes};
}

/* ---- Examples of the format's description -------------------------------------------------------- */

static void packed_examples(void **state)
{
    static const uint8_t LSB[3 + PQ_PAD] = {0x88, 0xc6, 0xfa}, MSB[3 + PQ_PAD] = {0x05, 0x39, 0x77};
    const uint8_t       *bytes[2] = {LSB, MSB};

    (void)state;
    for (int is_msb = 0; is_msb < 2; is_msb++) {
        pq_bytes at = {.at = bytes[is_msb], .end = bytes[is_msb] + 3};
        pq_runs  runs;
        uint32_t out[8];

        wr_pq_runs_begin_packed(&runs, at, 3, is_msb);
        assert_int_equal(wr_pq_runs_take(&runs, 8, out, NULL), WR_OK);
        for (uint32_t i = 0; i < 8; i++)
            assert_int_equal(out[i], i);
        assert_int_equal(wr_pq_runs_take(&runs, 1, out, NULL), WR_CORRUPT);
    }
}

static void hybrid_runs(void **state)
{
    /* a run of 100 fives; an empty run; one group of 0..7; a run with a head of two bytes */
    static const uint8_t BYTES[16 + PQ_PAD] = {0xc8, 1, 5, 0, 7, 3, 0x88, 0xc6, 0xfa,
                                               0x90, 0x03, 2};
    pq_runs  runs;
    uint32_t out[308];

    (void)state;
    assert_int_equal(wr_pq_runs_begin(&runs, (pq_bytes){.at = BYTES, .end = BYTES + 12}, 3, NULL), WR_OK);
    assert_int_equal(wr_pq_runs_take(&runs, 308, out, NULL), WR_OK);
    for (uint32_t i = 0; i < 308; i++)
        assert_int_equal(out[i], i < 100 ? 5 : i < 108 ? i - 100 : 2);
    assert_int_equal(wr_pq_runs_take(&runs, 1, out, NULL), WR_CORRUPT);
}

/* The last group may be cut where its values that count end. */
static void cut_group(void **state)
{
    static const uint8_t BYTES[3 + PQ_PAD] = {3, 0x88, 0xc6};
    pq_runs              runs;
    uint32_t             out[8];

    (void)state;
    assert_int_equal(wr_pq_runs_begin(&runs, (pq_bytes){.at = BYTES, .end = BYTES + 3}, 3, NULL), WR_OK);
    assert_int_equal(wr_pq_runs_take(&runs, 5, out, NULL), WR_OK);
    assert_int_equal(out[4], 4);
    assert_int_equal(wr_pq_runs_take(&runs, 1, out, NULL), WR_CORRUPT);
}

static void bad_runs(void **state)
{
    static const struct {
        uint8_t  bytes[12];
        size_t   byte_count;
        uint32_t bit_width;
    } CASES[] = {
        {{0}, 0, 1},                                  /* nothing         */
        {{4}, 1, 1},                                  /* no value        */
        {{4, 2}, 2, 1},                               /* a wider value   */
        {{4, 0xff, 0x0f}, 3, 11},                     /* by one bit      */
        {{0x80, 0x80, 0x80, 0x80, 0x80, 1, 0}, 7, 8}, /* a head of more than 32 bits */
        {{0x80}, 1, 8},                               /* a cut head      */
        {{3}, 1, 2},                                  /* no group        */
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint8_t  padded[sizeof CASES[0].bytes + PQ_PAD] = {0};
        uint64_t bits = 0;
        uint32_t out, set;
        pq_runs  runs;

        memcpy(padded, CASES[i].bytes, CASES[i].byte_count);
        for (int how = 0; how < 3; how++) {
            pq_bytes at = {.at = padded, .end = padded + CASES[i].byte_count};

            assert_int_equal(wr_pq_runs_begin(&runs, at, CASES[i].bit_width, NULL), WR_OK);
            assert_int_equal(how == 0   ? wr_pq_runs_take(&runs, 1, &out, NULL)
                             : how == 1 ? wr_pq_runs_pass(&runs, 16, NULL)
                                        : wr_pq_runs_bits(&runs, 1, &bits, 0, &set, NULL),
                             WR_CORRUPT);
        }
    }
    assert_int_equal(wr_pq_runs_begin(&(pq_runs){0}, (pq_bytes){0}, 33, NULL), WR_CORRUPT);
}

/* ---- Random walks --------------------------------------------------------------------------------- */

/* What was written is taken, passed over and looked at as bits, in parts of any length. */
static void walk(bytes_case *from, const uint32_t *numbers, size_t byte_count, unsigned width,
                 uint32_t window_bytes, uint64_t *seed)
{
    uint32_t out[COUNT];
    pq_runs  runs;

    assert_int_equal(wr_pq_runs_begin(&runs, open_bytes(from, byte_count, window_bytes), width, NULL), WR_OK);
    for (uint32_t at = 0; at < COUNT;) {
        uint64_t bits[COUNT / 64 + 2] = {0};
        uint32_t part = next_random(seed) % (next_random(seed) % 2 ? 10 : 500), set, first;

        part = part < COUNT - at ? part : COUNT - at;
        switch (next_random(seed) % (width == 1 ? 3 : 2)) {
        case 0:
            assert_int_equal(wr_pq_runs_take(&runs, part, out, NULL), WR_OK);
            assert_memory_equal(out, numbers + at, part * sizeof out[0]);
            break;
        case 1:
            assert_int_equal(wr_pq_runs_pass(&runs, part, NULL), WR_OK);
            break;
        default:
            first = next_random(seed) % 70;
            assert_int_equal(wr_pq_runs_bits(&runs, part, bits, first, &set, NULL), WR_OK);
            for (uint32_t i = 0; i < part; i++) {
                assert_int_equal(wr_bit_get(bits, first + i), numbers[at + i]);
                set -= numbers[at + i];
            }
            assert_int_equal(set, 0);
        }
        at += part;
    }
}

static void random_walks(void **state)
{
    static bytes_case from;
    static uint32_t   numbers[COUNT];
    uint64_t          seed = 7;

    (void)state;
    for (unsigned width = 1; width <= 32; width++) {
        for (unsigned shape = 0; shape < 6; shape++) {
            size_t put;

            for (uint32_t i = 0; i < COUNT; i++) {
                uint32_t fresh = (next_random(&seed) << 1 ^ next_random(&seed)) >> (32 - width);

                numbers[i] = i > 0 && next_random(&seed) % (1 + 20 * shape) ? numbers[i - 1] : fresh;
            }
            put = wr_pq_hybrid_put(numbers, COUNT, width, from.memory);
            walk(&from, numbers, put, width, 0, &seed);
            walk(&from, numbers, put, width, 16 + next_random(&seed) % 48, &seed);
        }
    }
}

/* Levels of width 0 are all 0 and have no bytes. */
static void no_width(void **state)
{
    static const uint8_t BYTES[PQ_PAD] = {0xff};
    uint32_t             out[3] = {1, 1, 1};
    pq_runs              runs;

    (void)state;
    wr_pq_runs_begin_packed(&runs, (pq_bytes){.at = BYTES, .end = BYTES}, 0, false);
    assert_int_equal(wr_pq_runs_pass(&runs, UINT32_MAX, NULL), WR_OK);
    assert_int_equal(wr_pq_runs_take(&runs, 3, out, NULL), WR_OK);
    assert_int_equal(out[0] | out[1] | out[2], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_examples), cmocka_unit_test(hybrid_runs), cmocka_unit_test(cut_group),
        cmocka_unit_test(bad_runs), cmocka_unit_test(random_walks), cmocka_unit_test(no_width),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
