/* pq_write_test.c — the Parquet writer's parts: runs, streams of a pool, stores, dictionaries, Bloom filters,
 * deltas, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "pq_write.h"

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*seed >> 33);
}

/* ---- Runs -------------------------------------------------------------------------------------- */

/* What the format's description says, a bit at a time. */
static void read_hybrid(const uint8_t *at, const uint8_t *end, unsigned width, uint32_t *out,
                        uint32_t count)
{
    for (uint32_t done = 0; done < count;) {
        uint32_t head = 0, number = 0;

        for (unsigned shift = 0;; shift += 7) {
            assert_true(at < end);
            head |= (uint32_t)(*at & 0x7f) << shift;
            if (*at++ < 0x80)
                break;
        }
        if (head & 1) {
            for (uint32_t i = 0; i < (head >> 1) * 8; i++) {
                number = 0;
                for (unsigned b = 0; b < width; b++)
                    number |= (uint32_t)(at[(i * width + b) / 8] >> (i * width + b) % 8 & 1) << b;
                if (done < count)
                    out[done++] = number;
            }
            at += (head >> 1) * width;
        } else {
            for (unsigned b = 0; b < width; b += 8)
                number |= (uint32_t)*at++ << b;
            for (uint32_t i = 0; i < head >> 1; i++)
                out[done++] = number;
        }
        assert_true(at <= end);
    }
    assert_ptr_equal(at, end);
}

static void runs_read_back(void **state)
{
    enum { COUNT = 3000 };
    static uint32_t numbers[COUNT], back[COUNT];
    static uint8_t  bytes[COUNT * 5];
    uint64_t        seed = 1;

    (void)state;
    for (unsigned width = 1; width <= 32; width++) {
        for (uint32_t count = 0; count <= COUNT; count += count < 40 ? 1 : 987) {
            size_t put;

            for (uint32_t i = 0; i < count; i++)
                numbers[i] = i > 0 && next_random(&seed) % 8 ? numbers[i - 1]
                                                             : next_random(&seed) >> (32 - width);
            put = wr_pq_hybrid_put(numbers, count, width, bytes);
            assert_true(put <= wr_pq_hybrid_bytes_max(count, width));
            read_hybrid(bytes, bytes + put, width, back, count);
            assert_memory_equal(numbers, back, count * sizeof numbers[0]);
        }
    }
}

/* ---- Pool and stores --------------------------------------------------------------------------- */

static void streams_share_a_pool(void **state)
{
    enum { PIECE = 64, PIECES = 40 };
    uint8_t   memory[16384], in[1000], out[1000];
    wr_carver carver = {memory, 0, sizeof memory};
    pq_pool   pool;
    pq_chain  a = PQ_CHAIN_EMPTY, b = PQ_CHAIN_EMPTY;
    uint64_t  seed = 2;

    (void)state;
    wr_pq_pool_layout(&pool, PIECE, PIECES, &carver);
    for (int round = 0; round < 50; round++) {
        uint32_t count = 1 + next_random(&seed) % sizeof in, free_before = pool.free_count;

        for (uint32_t i = 0; i < count; i++)
            in[i] = (uint8_t)next_random(&seed);
        assert_int_equal(wr_pq_chain_need(&pool, &a, count), (count + PIECE - 1) / PIECE);
        wr_pq_chain_put(&pool, &a, in, count);
        wr_pq_chain_put(&pool, &b, in, count / 2);
        wr_pq_chain_peek(&pool, &a, out, count);
        assert_memory_equal(in, out, count);
        wr_pq_chain_take(&pool, &a, out, count / 3);
        wr_pq_chain_take(&pool, &a, out + count / 3, count - count / 3);
        assert_memory_equal(in, out, count);
        wr_pq_chain_take(&pool, &b, NULL, count / 2);
        assert_int_equal(pool.free_count, free_before);
    }
}

enum { SCRATCH_PIECES = 70000 };

typedef struct memory_scratch {
    uint8_t *pieces[SCRATCH_PIECES];
    size_t   byte_counts[SCRATCH_PIECES];
    uint32_t count;
} memory_scratch;

static wr_status append(void *self, const void *bytes, size_t byte_count,
                        wr_scratch_position *out_position, wr_error *err)
{
    memory_scratch *scratch = self;

    (void)err;
    assert_true(byte_count > 0 && scratch->count < SCRATCH_PIECES);
    scratch->pieces[scratch->count] = malloc(byte_count);
    assert_non_null(scratch->pieces[scratch->count]);
    memcpy(scratch->pieces[scratch->count], bytes, byte_count);
    scratch->byte_counts[scratch->count++] = byte_count;
    *out_position = scratch->count;
    return WR_OK;
}

static wr_status read_back(void *self, wr_scratch_position position, uint64_t offset, void *buffer,
                           size_t byte_count, size_t *out_byte_count, wr_error *err)
{
    memory_scratch *scratch = self;
    size_t          left = scratch->byte_counts[position - 1] - offset;

    (void)err;
    *out_byte_count = byte_count < left ? byte_count : left;
    memcpy(buffer, scratch->pieces[position - 1] + offset, *out_byte_count);
    return WR_OK;
}

typedef struct checker {
    uint64_t next;
} checker;

static wr_status check_bytes(void *self, const void *bytes, size_t byte_count, wr_error *err)
{
    checker *c = self;

    (void)err;
    for (size_t i = 0; i < byte_count; i++, c->next++)
        assert_int_equal(((const uint8_t *)bytes)[i], (uint8_t)(c->next * 7 + c->next / 256));
    return WR_OK;
}

/* Nothing, less than a buffer, one, one index of pieces, three levels of them; twice each. */
static void stores_give_back_what_they_took(void **state)
{
    static const uint64_t COUNTS[] = {0, 1, 15, 16, 17, 16 * 128, 16 * 128 + 1, 16 * 128 * 128,
                                      16 * 128 * 128 + 16 * 200 + 3};
    static const wr_scratch_ops OPS = {append, read_back};
    static uint8_t              memory[8192];

    (void)state;
    for (size_t c = 0; c < sizeof COUNTS / sizeof COUNTS[0]; c++) {
        memory_scratch *aside = calloc(1, sizeof *aside);
        wr_scratch      scratch = {&OPS, aside};
        wr_carver       carver = {memory, 0, sizeof memory};
        pq_store        store;
        uint8_t         copy[16];

        assert_non_null(aside);
        wr_pq_store_layout(&store, &scratch, sizeof copy, &carver);
        for (int round = 0; round < 2; round++) {
            checker check = {0};

            wr_pq_store_reset(&store);
            for (uint64_t i = 0; i < COUNTS[c]; i++) {
                uint8_t byte = (uint8_t)(i * 7 + i / 256);

                assert_int_equal(wr_pq_store_put(&store, &byte, 1, NULL), WR_OK);
            }
            for (int reading = 0; reading < 2; reading++) {
                check.next = 0;
                assert_int_equal(wr_pq_store_read(&store, copy, check_bytes, &check, NULL), WR_OK);
                assert_int_equal(check.next, COUNTS[c]);
            }
        }
        for (uint32_t i = 0; i < aside->count; i++)
            free(aside->pieces[i]);
        free(aside);
    }
}

/* ---- Dictionaries ------------------------------------------------------------------------------ */

static void dictionaries_number_values_and_give_up(void **state)
{
    static const pq_leaf TEXT = {.form = PQ_FORM_TEXT}, NUMBER = {.width = 8};
    static uint8_t       memory[65536];
    wr_carver            carver = {memory, 0, sizeof memory};
    wr_str    texts[] = {wr_str_of("b", 1), wr_str_of("a text above 12 bytes", 21), wr_str_of("", 0),
                         wr_str_of("b", 1), wr_str_of("a text above 12 bytes", 21)};
    uint64_t  numbers[200];
    uint32_t  codes[200];
    pq_dictionary d;

    (void)state;
    wr_pq_dictionary_layout(&d, &TEXT, 1024, &carver);
    wr_pq_dictionary_reset(&d, true);
    assert_int_equal(wr_pq_dictionary_codes(&d, &TEXT, texts, 5, codes), 5);
    assert_memory_equal(codes, ((uint32_t[]){0, 1, 2, 0, 1}), 5 * sizeof codes[0]);
    assert_int_equal(d.used_bytes, 3 * 4 + 1 + 21);
    wr_pq_dictionary_layout(&d, &NUMBER, 1024, &carver);
    wr_pq_dictionary_reset(&d, true);
    for (int i = 0; i < 200; i++)
        numbers[i] = (uint64_t)i * 1000003;
    assert_int_equal(wr_pq_dictionary_codes(&d, &NUMBER, numbers, 200, codes), 128);
    assert_false(d.is_on);
    assert_memory_equal(d.bytes, numbers, 1024);
}

/* Values keep their codes while the table grows. */
static void dictionaries_grow(void **state)
{
    static const pq_leaf LEAVES[] = {{.form = PQ_FORM_TEXT}, {.width = 4}, {.width = 8}, {.width = 12}};
    static uint8_t       memory[4][1 << 17];
    enum { COUNT = 500 };

    (void)state;
    for (uint32_t l = 0; l < 4; l++) {
        wr_carver     carver = {memory[l], 0, sizeof memory[l]};
        pq_dictionary d;

        wr_pq_dictionary_layout(&d, &LEAVES[l], 16 << 10, &carver);
        wr_pq_dictionary_reset(&d, true);
        for (uint32_t i = 0; i < 3 * COUNT; i++) {
            uint64_t number[2] = {i % COUNT * 0x9e3779b97f4a7c15ULL, 7};
            wr_str   text = wr_str_of((const char *)number, 5 + i % COUNT % 11);
            uint32_t code;

            if (i == 2 * COUNT)
                wr_pq_dictionary_reset(&d, true);
            assert_int_equal(wr_pq_dictionary_codes(&d, &LEAVES[l], l ? (void *)number : &text, 1, &code), 1);
            assert_int_equal(code, i % COUNT);
        }
    }
}

/* ---- Bounds ------------------------------------------------------------------------------------ */

/* The bounds that a footer gets; *out_max_bytes 0: none. */
static void read_bounds(const pq_stats *stats, const pq_leaf *leaf, uint8_t *min, uint64_t *out_min_bytes,
                        uint8_t *max, uint64_t *out_max_bytes)
{
    uint8_t          bytes[512];
    uint64_t         byte_count;
    wr_thrift_writer writer;
    wr_thrift_reader reader;
    wr_thrift_field  outer = {0};

    *out_min_bytes = *out_max_bytes = 0;
    wr_thrift_write_begin(&writer, bytes, sizeof bytes, NULL, NULL, NULL);
    wr_pq_stats_put(&writer, 1, stats, leaf, 0);
    assert_int_equal(wr_thrift_write_end(&writer, &byte_count), WR_OK);
    wr_thrift_open_bytes(&reader, bytes, byte_count, 0, NULL);
    while (wr_thrift_next(&reader, &outer)) {
        wr_thrift_field field = {0};

        wr_thrift_struct(&reader, &outer);
        while (wr_thrift_next(&reader, &field)) {
            if (field.id == PQ_STATISTICS_MIN)
                wr_thrift_text(&reader, &field, min, PQ_BOUND_BYTES, out_min_bytes);
            else if (field.id == PQ_STATISTICS_MAX)
                wr_thrift_text(&reader, &field, max, PQ_BOUND_BYTES, out_max_bytes);
            else
                wr_thrift_skip(&reader, &field);
        }
    }
}

static void bounds_of_numbers(void **state)
{
    static const pq_leaf I32 = {.width = 4, .order = PQ_ORDER_I32}, U32 = {.width = 4, .order = PQ_ORDER_U32},
                         F64 = {.width = 8, .order = PQ_ORDER_F64},
                         BIG = {.width = 2, .order = PQ_ORDER_SIGNED_BYTES};
    static const int32_t NUMBERS[] = {5, -1, 7};
    static const double  FLOATS[] = {NAN, 0.0, -0.0, NAN}, NANS[] = {NAN, NAN};
    static const uint8_t PAIRS[] = {0x00, 0x01, 0xff, 0xfe, 0x7f, 0x00};
    uint8_t  min[PQ_BOUND_BYTES], max[PQ_BOUND_BYTES];
    uint64_t min_bytes, max_bytes;
    pq_stats stats = {0};

    (void)state;
    wr_pq_stats_fixed(&stats, &I32, NUMBERS, 3);
    read_bounds(&stats, &I32, min, &min_bytes, max, &max_bytes);
    assert_memory_equal(min, &(int32_t){-1}, 4);
    assert_memory_equal(max, &(int32_t){7}, 4);
    stats = (pq_stats){0};
    wr_pq_stats_fixed(&stats, &U32, NUMBERS, 3);
    read_bounds(&stats, &U32, min, &min_bytes, max, &max_bytes);
    assert_memory_equal(min, &(int32_t){5}, 4);
    assert_memory_equal(max, &(int32_t){-1}, 4);
    stats = (pq_stats){0};
    wr_pq_stats_fixed(&stats, &F64, NANS, 2);
    read_bounds(&stats, &F64, min, &min_bytes, max, &max_bytes);
    assert_int_equal(max_bytes, 0);
    wr_pq_stats_fixed(&stats, &F64, FLOATS, 4);
    read_bounds(&stats, &F64, min, &min_bytes, max, &max_bytes);
    assert_memory_equal(min, &(double){-0.0}, 8);
    assert_memory_equal(max, &(double){0.0}, 8);
    stats = (pq_stats){0};
    wr_pq_stats_fixed(&stats, &BIG, PAIRS, 3);
    read_bounds(&stats, &BIG, min, &min_bytes, max, &max_bytes);
    assert_memory_equal(min, PAIRS + 2, 2);
    assert_memory_equal(max, PAIRS + 4, 2);
}

static void bounds_of_long_texts_are_cut(void **state)
{
    static const pq_leaf UTF8 = {.type = {.logical = WR_TYPE_UTF8}, .order = PQ_ORDER_BYTES},
                         BINARY = {.type = {.logical = WR_TYPE_BINARY}, .order = PQ_ORDER_BYTES};
    uint8_t  text[100], min[PQ_BOUND_BYTES], max[PQ_BOUND_BYTES];
    uint64_t min_bytes, max_bytes;
    pq_stats stats = {0};

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text + 63, "\xc3\xa4", 2); /* the cut is inside of a character */
    wr_pq_stats_text(&stats, text, sizeof text);
    read_bounds(&stats, &UTF8, min, &min_bytes, max, &max_bytes);
    assert_int_equal(min_bytes, 63);
    assert_memory_equal(min, text, 63);
    assert_int_equal(max_bytes, 63);
    assert_int_equal(max[62], 'b');
    memset(text, 0xff, sizeof text);
    stats = (pq_stats){0};
    wr_pq_stats_text(&stats, text, sizeof text);
    read_bounds(&stats, &BINARY, min, &min_bytes, max, &max_bytes);
    assert_int_equal(max_bytes, 0); /* nothing is above it */
}

/* ---- Bloom filters ----------------------------------------------------------------------------- */

static void bloom_filters_know_what_went_in(void **state)
{
    enum { VALUES = 2000, PROBES = 20000 };
    static const double WRONG[] = {0.0001, 0.01, 0.5};
    static uint8_t      filter[1 << 16];

    (void)state;
    for (size_t w = 0; w < sizeof WRONG / sizeof WRONG[0]; w++) {
        uint64_t byte_count = wr_pq_bloom_bytes(VALUES, WRONG[w]), found = 0;

        assert_in_range(byte_count, PQ_BLOOM_BLOCK_BYTES, sizeof filter / 2);
        assert_int_equal(byte_count & (byte_count - 1), 0);
        memset(filter, 0, sizeof filter);
        for (int i = 0; i < VALUES; i++)
            wr_pq_bloom_add(filter, sizeof filter, wr_hash_xxh64(&i, sizeof i));
        byte_count = wr_pq_bloom_fold(filter, sizeof filter, WRONG[w]);
        assert_true(byte_count < sizeof filter);
        for (int i = 0; i < VALUES + PROBES; i++) {
            uint64_t hash = wr_hash_xxh64(&i, sizeof i);
            bool     has = wr_pq_bloom_block_has(filter + wr_pq_bloom_block(byte_count, hash), hash);

            assert_true(i >= VALUES || has);
            found += i >= VALUES && has;
        }
        assert_true((double)found <= 2 * WRONG[w] * PROBES + 5); /* blocks are not filled evenly */
    }
}

/* ---- Deltas ------------------------------------------------------------------------------------ */

static uint64_t read_varint(const uint8_t **at)
{
    uint64_t value = 0;

    for (unsigned shift = 0;; shift += 7) {
        value |= (uint64_t)(**at & 0x7f) << shift;
        if (*(*at)++ < 0x80)
            return value;
    }
}

static uint64_t read_zigzag(const uint8_t **at)
{
    uint64_t value = read_varint(at);

    return value >> 1 ^ -(value & 1);
}

/* What the format's description says, a bit at a time; returns the number of values. */
static uint64_t read_deltas(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    uint64_t per_block = read_varint(&at), parts = read_varint(&at), count = read_varint(&at), done = 0;
    uint64_t value = read_zigzag(&at), per_part = per_block / parts;

    for (; done < count; done += done == 0)
        if (done == 0) {
            out[0] = value;
        } else {
            uint64_t       least = read_zigzag(&at);
            const uint8_t *widths = at;

            at += parts;
            for (uint64_t part = 0; part < parts; part++) {
                for (uint64_t i = 0; i < per_part; i++) {
                    uint64_t delta = 0;

                    for (uint64_t b = 0, bit = i * widths[part]; b < widths[part]; b++, bit++)
                        delta |= (uint64_t)(at[bit / 8] >> bit % 8 & 1) << b;
                    value += least + delta;
                    if (done < count)
                        out[done++] = value;
                }
                at += per_part * widths[part] / 8;
            }
        }
    assert_ptr_equal(at, end);
    return count;
}

/* Numbers of every width of deltas, and those whose differences wrap. */
static void deltas_read_back(void **state)
{
    enum { COUNT = 700 };
    static int64_t  values[COUNT];
    static uint8_t  packed[sizeof values + PQ_PACKED_SLACK_BYTES];
    static uint64_t back[COUNT];
    const pq_leaf   leaf = {.width = 8, .physical = PQ_INT64, .encoding = PQ_DELTA_BINARY_PACKED};
    pq_encoder      encoder = {.packed = packed};
    uint64_t        seed = 5;

    (void)state;
    for (unsigned width = 0; width <= 56; width++)
        for (uint32_t count = 1; count <= COUNT; count += count < 4 ? 1 : 173) {
            pq_encoding encoding;
            size_t      byte_count = 0;

            values[0] = width % 2 ? INT64_MAX - 5 : -7;
            for (uint32_t i = 1; i < count; i++) {
                uint64_t random = (uint64_t)next_random(&seed) << 33 | next_random(&seed);

                values[i] = (int64_t)((uint64_t)values[i - 1] + (random & (((uint64_t)1 << width) - 1)) - 3);
            }
            assert_int_equal(wr_pq_values_encode(&encoder, &leaf, (const uint8_t *)values, count * sizeof values[0],
                                                 count, &encoding, &byte_count, NULL), WR_OK);
            if (encoding == PQ_PLAIN) /* it would have been longer */
                continue;
            assert_int_equal(encoding, PQ_DELTA_BINARY_PACKED);
            assert_true(byte_count <= count * sizeof values[0]);
            assert_int_equal(read_deltas(packed, packed + byte_count, back), count);
            assert_memory_equal(back, values, count * sizeof values[0]);
        }
}

/* ---- Claims ------------------------------------------------------------------------------------ */

static void a_null_where_there_is_none_is_an_error(void **state)
{
    static int64_t  VALUES[3] = {1, 2, 3};
    static uint64_t VALID[1] = {5}; /* row 1 is NULL */
    static uint16_t OTHERS[2] = {0, 2};
    wr_field        fields[2] = {{.name = WR_TEXT("a"), .type = WR_TYPE(I64), .nullable = true},
                                 {.name = WR_TEXT("b"), .type = WR_TYPE(I64)}};
    wr_schema       schema = {2, fields};
    wr_vector       columns[2] = {{.type = WR_TYPE(I64), .encoding = WR_FLAT, .row_count = 3, .data = VALUES,
                                   .valid = VALID},
                                  {.type = WR_TYPE(I64), .encoding = WR_FLAT, .row_count = 3, .data = VALUES}};
    wr_batch        batch = {.row_count = 3, .column_count = 2, .columns = columns, .selection = {NULL, 3}};
    wr_error        err;

    (void)state;
    assert_int_equal(wr_pq_required_check(&schema, &batch, 0, 0, &err), WR_OK);
    columns[1].valid = VALID;
    assert_int_equal(wr_pq_required_check(&schema, &batch, 0, 100, &err), WR_DATA);
    assert_string_equal(err.message, "column 'b' is one without NULL, but row 102 has it");
    assert_int_equal(wr_pq_required_check(&schema, &batch, 2, 0, &err), WR_OK);
    batch.selection = (wr_selection){OTHERS, 2};
    assert_int_equal(wr_pq_required_check(&schema, &batch, 0, 0, &err), WR_OK);
    fields[1].type = WR_TYPE(NULL_);
    batch.selection = (wr_selection){NULL, 3};
    assert_int_equal(wr_pq_required_check(&schema, &batch, 0, 0, &err), WR_OK);
}

static void rows_are_compared_with_the_one_before(void **state)
{
    static int64_t   VALUES[6] = {5, 5, 4, 4, 9, 1};
    static uint64_t  VALID[1] = {15}; /* rows 4 and 5 are NULL */
    pq_write_options options = {.sorted_by = {.count = 1, .items = {WR_TEXT("a desc nulls last")}}};
    wr_field         field = {.name = WR_TEXT("a"), .type = WR_TYPE(I64), .nullable = true};
    wr_schema        schema = {1, &field};
    wr_vector        column = {.type = WR_TYPE(I64), .encoding = WR_FLAT, .row_count = 6, .data = VALUES,
                               .valid = VALID};
    wr_batch         batch = {.row_count = 6, .column_count = 1, .columns = &column, .selection = {NULL, 6}};
    pq_sort_key      key;
    pq_sort          sort = {.keys = &key};
    wr_error         err;

    (void)state;
    wr_pq_sort_begin(&options, &schema, &sort);
    assert_int_equal(wr_pq_sort_take(&sort, &batch, 0, 3, &err), WR_OK);
    assert_int_equal(wr_pq_sort_take(&sort, &batch, 3, 3, &err), WR_OK);
    assert_int_equal(sort.row_count, 6);
    assert_int_equal(wr_pq_sort_take(&sort, &batch, 3, 1, &err), WR_DATA); /* a value behind NULL */
    options.sorted_by.items[0] = WR_TEXT("a");
    wr_pq_sort_begin(&options, &schema, &sort);
    assert_int_equal(wr_pq_sort_take(&sort, &batch, 0, 2, &err), WR_OK);
    assert_int_equal(wr_pq_sort_take(&sort, &batch, 2, 1, &err), WR_DATA);
    assert_non_null(strstr(err.message, "row 3 is not behind row 2 by 'a'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_read_back),
        cmocka_unit_test(streams_share_a_pool),
        cmocka_unit_test(stores_give_back_what_they_took),
        cmocka_unit_test(dictionaries_number_values_and_give_up),
        cmocka_unit_test(dictionaries_grow),
        cmocka_unit_test(bloom_filters_know_what_went_in),
        cmocka_unit_test(deltas_read_back),
        cmocka_unit_test(bounds_of_numbers),
        cmocka_unit_test(bounds_of_long_texts_are_cut),
        cmocka_unit_test(a_null_where_there_is_none_is_an_error),
        cmocka_unit_test(rows_are_compared_with_the_one_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
