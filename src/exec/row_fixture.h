/* exec/row_fixture.h — for the tests of rows and sorting: an arena with a spill, and rows of every
 * type that are a function of their number, so that what comes out can be checked without keeping
 * what went in. */
#ifndef WR_EXEC_ROW_FIXTURE_H
#define WR_EXEC_ROW_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/hash.h"
#include "exec/ops.h"
#include "exec/row.h"

enum { LONG_BYTES_MAX = 200000 };

/* ---- Memory and disk ------------------------------------------------------------------------- */

typedef struct row_fixture {
    wr_arena *arena;
    wr_lease  pool, spill_lease;
    wr_bump   bump;
    wr_exec   exec;
} row_fixture;

static inline void row_fixture_open(row_fixture *f, uint32_t page_bytes, uint32_t page_count,
                                    uint32_t worker_count, uint32_t block_bytes_max)
{
    wr_spill_options options = {
        .folder = "/var/tmp",
        .quota_bytes = (uint64_t)4 << 30,
        .block_bytes_max = block_bytes_max,
        .worker_count = worker_count,
        .compress = true,
    };
    uint64_t  spill_bytes = wr_spill_lease_min(&options), pool_bytes = 64 * page_bytes;
    wr_lease *leases[] = {&f->pool, &f->spill_lease};
    wr_error  err = {0};

    memset(f, 0, sizeof *f);
    assert_int_equal(wr_arena_new((uint64_t)page_count * page_bytes + spill_bytes + pool_bytes +
                                      page_bytes, page_bytes, &f->arena, &err), WR_OK);
    wr_lease_init(&f->pool, "pool", pool_bytes, pool_bytes, page_bytes);
    wr_lease_init(&f->spill_lease, "spill", spill_bytes, spill_bytes, page_bytes);
    assert_int_equal(wr_lease_open_all(f->arena, leases, 2, &err), WR_OK);
    wr_bump_init(&f->bump, &f->pool);
    f->exec = (wr_exec){.arena = f->arena, .worker_count = worker_count, .page_bytes = page_bytes,
                        .batch_rows = WR_BATCH_ROWS_MAX, .morsel_limit = UINT64_MAX};
    if (wr_spill_new(&options, &f->spill_lease, &f->exec.spill, &err) != WR_OK)
        fail_msg("%s", err.message);
}

static inline uint64_t row_fixture_disk_bytes(const row_fixture *f)
{
    wr_spill_stats stats;

    wr_spill_stats_read(f->exec.spill, &stats);
    return stats.disk_bytes;
}

/* Everything must have been given back: the arena checks it. */
static inline void row_fixture_close(row_fixture *f)
{
    wr_spill_free(f->exec.spill);
    wr_bump_release(&f->bump);
    wr_lease_close(&f->pool);
    wr_lease_close(&f->spill_lease);
    assert_int_equal(wr_arena_pages_ungranted(f->arena), wr_arena_page_count(f->arena));
    wr_arena_free(f->arena);
    assert_int_equal(wr_fault_configure(NULL, NULL, NULL), WR_OK);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static const wr_type EVERY_TYPE[] = {
    {.logical = WR_TYPE_BOOL},      {.logical = WR_TYPE_I8},     {.logical = WR_TYPE_I16},
    {.logical = WR_TYPE_I32},       {.logical = WR_TYPE_I64},    {.logical = WR_TYPE_U8},
    {.logical = WR_TYPE_U16},       {.logical = WR_TYPE_U32},    {.logical = WR_TYPE_U64},
    {.logical = WR_TYPE_F32},       {.logical = WR_TYPE_F64},    {.logical = WR_TYPE_UTF8},
    {.logical = WR_TYPE_DECIMAL, .precision = 9, .scale = 2},
    {.logical = WR_TYPE_DECIMAL, .precision = 38, .scale = 5},
    {.logical = WR_TYPE_BINARY},    {.logical = WR_TYPE_DATE32}, {.logical = WR_TYPE_TIME},
    {.logical = WR_TYPE_TIMESTAMP}, {.logical = WR_TYPE_INTERVAL}, {.logical = WR_TYPE_UUID},
    {.logical = WR_TYPE_NULL_},
};

enum { EVERY_TYPE_COUNT = sizeof EVERY_TYPE / sizeof EVERY_TYPE[0] };

typedef enum row_kind {
    ROWS_RANDOM,     /* all of the type's range, its special values, some NULLs         */
    ROWS_FEW,        /* seven values and NULL                                           */
    ROWS_EQUAL,      /* one value                                                       */
    ROWS_ASCENDING,  /* by row number; strings: as text with leading zeros              */
    ROWS_DESCENDING,
    ROWS_NEARLY,     /* ascending but for one row in a hundred                          */
    ROWS_OUTLIERS,   /* small but for a few                                             */
    ROWS_LONG,       /* strings of up to LONG_BYTES_MAX with common beginnings          */
} row_kind;

static inline uint64_t random_of(uint64_t seed, uint64_t a, uint64_t b)
{
    return wr_hash_combine(wr_hash_combine(seed, a), b);
}

static inline double special_f64(uint64_t random)
{
    static const double SPECIAL[] = {0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, NAN, 1e-310};

    return SPECIAL[random % 8];
}

/* Text of `random`: bytes from a small alphabet with 00, 01 and ff in it, so that prefixes tie. */
static inline wr_text random_text(uint64_t random, uint32_t byte_count, char *buffer)
{
    static const char ALPHABET[] = {'a', 'a', 'a', 'a', 'b', 0, 1, 2, (char)0xff, 'a', 'a', 'a',
                                    'a', 'a', 'a', 'a'};

    for (uint32_t i = 0; i < byte_count; i++) {
        if (i % 16 == 0)
            random = wr_hash_u64(random + 1);
        buffer[i] = ALPHABET[random >> (i % 16 * 4) & 15];
    }
    return (wr_text){buffer, byte_count};
}

/* Value of an ordinal: the order of ordinals below 2^31 is the order of values (not for BOOL and
 * narrow integers, where it wraps). */
static inline void set_ordinal(wr_value *value, uint64_t ordinal, char *buffer)
{
    switch (wr_type_physical(value->type)) {
    case WR_PHYS_BOOL:
        value->boolean = ordinal & 1;
        return;
    case WR_PHYS_I8:
        value->i64 = (int8_t)ordinal;
        return;
    case WR_PHYS_U8:
        value->u64 = (uint8_t)ordinal;
        return;
    case WR_PHYS_I16:
        value->i64 = (int16_t)ordinal;
        return;
    case WR_PHYS_U16:
        value->u64 = (uint16_t)ordinal;
        return;
    case WR_PHYS_I32:
        value->i64 = (int32_t)ordinal;
        return;
    case WR_PHYS_U32:
        value->u64 = (uint32_t)ordinal;
        return;
    case WR_PHYS_I64:
    case WR_PHYS_U64:
        value->u64 = ordinal;
        return;
    case WR_PHYS_F32:
    case WR_PHYS_F64:
        value->f64 = (float)ordinal;
        return;
    case WR_PHYS_I128:
        value->i128 = (wr_i128)ordinal << 40;
        return;
    case WR_PHYS_INTERVAL:
        value->interval = (wr_interval){(int32_t)(ordinal / 60), (int32_t)(ordinal % 60 / 2),
                                        (int64_t)(ordinal % 2)};
        return;
    case WR_PHYS_STR:
        value->text = (wr_text){buffer, (size_t)snprintf(buffer, 32, "value %012llu",
                                                         (unsigned long long)ordinal)};
        return;
    case WR_PHYS_COUNT:
        break;
    }
    fail();
}

static inline void set_random(wr_value *value, uint64_t random, char *buffer)
{
    uint64_t more = wr_hash_u64(random);
    uint32_t length = (uint32_t)(more % 3 == 0    ? more / 3 % 13
                                 : more % 97 == 1 ? more / 97 % 700
                                                  : more / 97 % 60);

    switch (wr_type_physical(value->type)) {
    case WR_PHYS_F32:
        value->f64 = random % 3 == 0 ? (float)special_f64(more) : (float)(int64_t)more;
        return;
    case WR_PHYS_F64:
        value->f64 = random % 3 == 0 ? special_f64(more) : (double)(int64_t)more;
        return;
    case WR_PHYS_I128:
        value->i128 = (wr_i128)((wr_u128)more << 64 | random);
        if (random % 4 == 0)
            value->i128 = (wr_i128)(int64_t)(more % 100) - 50;
        return;
    case WR_PHYS_INTERVAL:
        value->interval = (wr_interval){(int32_t)(random % 5) - 2, (int32_t)(more % 121) - 60,
                                        (int64_t)(more >> 32) % 3 * 43200000000};
        return;
    case WR_PHYS_STR:
        value->text = random_text(random, length, buffer);
        return;
    default:
        set_ordinal(value, random % 4 == 0 ? (uint64_t)(int64_t)((int)(more % 21) - 10) : more, buffer);
    }
}

static inline uint64_t ordinal_of(row_kind kind, uint64_t seed, uint64_t row, uint32_t column)
{
    uint64_t random;

    switch (kind) {
    case ROWS_FEW:
        return random_of(seed, row, column) % 7;
    case ROWS_DESCENDING:
        return ((uint64_t)1 << 24) - row;
    case ROWS_NEARLY:
        return random_of(seed, row, column) % 100 == 0 ? random_of(seed, row, 99) % (1 << 20) : row;
    case ROWS_OUTLIERS:
        random = random_of(seed, row, column);
        return random % 4000 == 0 ? random % (1 << 20) : random / 4000 % 16;
    case ROWS_ASCENDING:
        return row;
    default:
        return 42;
    }
}

static inline bool is_null_row(row_kind kind, uint64_t random)
{
    return (kind == ROWS_RANDOM && random >> 40 & 7) ? false
           : kind == ROWS_RANDOM || (kind == ROWS_FEW && random % 8 == 7);
}

/* Value of `column` in `row`; text goes to `buffer` (LONG_BYTES_MAX). */
static inline wr_value row_value(row_kind kind, uint64_t seed, wr_type type, uint64_t row,
                                 uint32_t column, char *buffer)
{
    uint64_t random = random_of(seed, row, column);
    wr_value value = {.type = type};

    if (is_null_row(kind, random) || type.logical == WR_TYPE_NULL_) {
        value.is_null = true;
    } else if (kind == ROWS_RANDOM) {
        set_random(&value, random, buffer);
    } else if (kind == ROWS_LONG && wr_type_physical(type) == WR_PHYS_STR) {
        /* Two beginnings of 1 KB, then differences at the end of pieces of any length. */
        uint32_t length = (uint32_t)(1000 + random % 5 * random % (LONG_BYTES_MAX - 1002));

        memset(buffer, 'a' + (int)(random >> 60 & 1), length);
        buffer[length] = (char)('a' + (random >> 50 & 7));
        value.text = (wr_text){buffer, length + 1};
    } else {
        set_ordinal(&value, ordinal_of(kind, seed, row, column), buffer);
    }
    return value;
}

/* Values a and b, NULLs included: < 0, 0, > 0 in the order of `key`. */
static inline int compare_values(const wr_sort_key *key, const wr_value *a, const wr_value *b)
{
    int order;

    if (a->is_null || b->is_null)
        return a->is_null == b->is_null ? 0 : (a->is_null ? 1 : -1) * (key->nulls_first ? -1 : 1);
    order = wr_value_compare(a, b);
    order = (order > 0) - (order < 0);
    return key->descending ? -order : order;
}

static inline bool same_value(const wr_value *a, const wr_value *b)
{
    return a->is_null == b->is_null && (a->is_null || wr_value_compare(a, b) == 0);
}

/* The value in a vector, blobs read into `buffer`. */
static inline wr_value vector_value(const wr_vector *vector, uint32_t row, char *buffer)
{
    const wr_str *str = NULL;
    wr_value      value = {.type = vector->type};
    size_t        done = 0, now;

    if (wr_type_physical(vector->type) == WR_PHYS_STR && wr_vector_is_valid(vector, row))
        str = wr_vector_at(vector, row);
    if (!str || !wr_str_is_blob(str))
        return wr_vector_value(vector, row);
    assert_true(vector->flags & WR_VECTOR_BLOBS);
    assert_true(wr_str_blob(str)->byte_count <= LONG_BYTES_MAX);
    for (; done < wr_str_blob(str)->byte_count; done += now) {
        assert_int_equal(wr_str_blob(str)->read(wr_str_blob(str), done, buffer + done,
                                                LONG_BYTES_MAX - done, &now, NULL), WR_OK);
        assert_true(now > 0);
    }
    value.text = (wr_text){buffer, done};
    return value;
}

/* A batch of flat vectors over memory of the test. */
typedef struct row_batch {
    wr_batch  batch;
    wr_vector columns[64];
    char     *text; /* of all strings */
    size_t    text_bytes, text_used;
} row_batch;

static inline void row_batch_open(row_batch *b, const wr_type *types, uint32_t column_count)
{
    memset(b, 0, sizeof *b);
    b->batch.columns = b->columns;
    b->batch.column_count = column_count;
    b->text_bytes = (size_t)LONG_BYTES_MAX * 64;
    b->text = malloc(b->text_bytes);
    assert_non_null(b->text);
    for (uint32_t c = 0; c < column_count; c++) {
        void *room = NULL;

        assert_int_equal(posix_memalign(&room, 64, wr_vector_bytes(types[c])), 0);
        memset(room, 0, wr_vector_bytes(types[c]));
        wr_vector_init_at(&b->columns[c], types[c], room);
    }
}

static inline void row_batch_close(row_batch *b)
{
    for (uint32_t c = 0; c < b->batch.column_count; c++)
        free(b->columns[c].data);
    free(b->text);
}

static inline void row_batch_set(row_batch *b, uint32_t column, uint32_t at, const wr_value *value)
{
    wr_vector *vector = &b->columns[column];
    wr_value   kept = *value;
    uint32_t   width = wr_physical_bytes(wr_type_physical(vector->type));

    if (!value->is_null && wr_type_physical(value->type) == WR_PHYS_STR) {
        assert_true(b->text_used + value->text.byte_count <= b->text_bytes);
        kept.text.bytes = b->text + b->text_used;
        memcpy(b->text + b->text_used, value->text.bytes, value->text.byte_count);
        b->text_used += value->text.byte_count;
    }
    wr_value_store(&kept, (uint8_t *)vector->data + (size_t)at * width);
    vector->valid = wr_vector_valid_room(vector);
    wr_bit_put(vector->valid, at, !value->is_null);
}

/* Rows first .. first+count-1 of a kind. `id_column` (or WR_FIELD_NONE) gets the row's number. */
static inline void row_batch_fill(row_batch *b, row_kind kind, uint64_t seed, uint64_t first,
                                  uint32_t count, uint32_t id_column, char *buffer)
{
    b->text_used = 0;
    b->batch.row_count = count;
    for (uint32_t c = 0; c < b->batch.column_count; c++) {
        b->columns[c].row_count = count;
        for (uint32_t i = 0; i < count; i++) {
            wr_value value = row_value(kind, seed, b->columns[c].type, first + i, c, buffer);

            if (c == id_column)
                value = (wr_value){.type = b->columns[c].type, .i64 = (int64_t)(first + i)};
            row_batch_set(b, c, i, &value);
        }
    }
    wr_batch_select_all(&b->batch);
}

#endif
