/* pq_prune.c — can a row group, or a page, have a row that the filter wants? By its statistics.
 *
 * Statistics are used only where they cannot lie: the file says by which order they were made, and its
 * writer is not known to have got that wrong, or the type has one order only; floats may hide a NaN, which is greater than any maximum; a minimum that is
 * too long is cut, a maximum that is too long is not used.
 * A dictionary that all values come from says more, and has to be read anyway if a row is wanted.
 * Cost: a few comparisons a bound and row group; of a Bloom filter one read, and one a value. */
#include "pq_priv.h"

#include <string.h>

#include "base/hash.h"
#include "pq_bloom.h"

void wr_pq_extreme_read(wr_thrift_reader *reader, const wr_thrift_field *field, pq_extreme *out)
{
    uint64_t byte_count = wr_thrift_binary(reader, field);
    uint32_t kept = byte_count < sizeof out->bytes ? (uint32_t)byte_count : (uint32_t)sizeof out->bytes;

    wr_thrift_take(reader, out->bytes, kept);
    wr_thrift_pass(reader, byte_count - kept);
    out->is_known = reader->status == WR_OK;
    out->is_cut = kept < byte_count;
    out->byte_count = kept;
}

void wr_pq_statistics_read(wr_thrift_reader *reader, const wr_thrift_field *whole, pq_statistics *out)
{
    wr_thrift_field field = {0};

    wr_thrift_struct(reader, whole);
    while (wr_thrift_next(reader, &field)) {
        switch (field.id) {
        case PQ_STATISTICS_OLD_MIN:
            wr_pq_extreme_read(reader, &field, &out->old_min);
            break;
        case PQ_STATISTICS_OLD_MAX:
            wr_pq_extreme_read(reader, &field, &out->old_max);
            break;
        case PQ_STATISTICS_MIN:
            wr_pq_extreme_read(reader, &field, &out->min);
            break;
        case PQ_STATISTICS_MAX:
            wr_pq_extreme_read(reader, &field, &out->max);
            break;
        case PQ_STATISTICS_NULL_COUNT:
            out->null_count = wr_thrift_int(reader, &field);
            out->has_null_count = true;
            break;
        default:
            wr_thrift_skip(reader, &field);
        }
    }
}

/* ---- Writers ------------------------------------------------------------------------------------ */

/* From which version on the newer statistics are in the order of types; before it texts, unsigned numbers
 * and decimals were compared as something else. (PARQUET-251, wrong least and greatest texts of parquet-mr
 * before 1.8, is in the older statistics, of which none but those of signed numbers are used.) */
static const struct {
    const char *name;
    uint32_t    major, minor;
} ORDERED_SINCE[] = {
    {"parquet-mr", 1, 10},
    {"parquet-cpp", 1, 3},
    {"parquet-rs", 13, 0},
    {"hyparquet", UINT32_MAX, 0}, /* decimals are scaled twice; it says no version */
};

/* Writers that are known to compare numbers in bytes as such. Others compare their bytes: parquet-cpp
 * before it was parquet-cpp-arrow (PARQUET-1655), Polars, ClickHouse before 25.8, parquet-rs where they are of
 * any length. */
static const char *const KNOWS_NUMBERS[] = {"parquet-mr", "parquet-cpp-arrow", "DuckDB", "weir"};

static uint32_t read_number(wr_text text, size_t *io_at)
{
    uint64_t number = 0;

    for (; *io_at < text.byte_count && text.bytes[*io_at] >= '0' && text.bytes[*io_at] <= '9'; ++*io_at)
        if (number <= UINT32_MAX)
            number = number * 10 + (uint64_t)(text.bytes[*io_at] - '0');
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

/* "name version 1.2..."; 0.0 if it does not say. */
static wr_text split_created_by(wr_text text, uint32_t *out_major, uint32_t *out_minor)
{
    static const char VERSION[] = " version ";
    const char       *found = text.byte_count ? memmem(text.bytes, text.byte_count, VERSION, sizeof VERSION - 1)
                                              : NULL;
    wr_text           name = text;
    size_t            at;

    *out_major = *out_minor = 0;
    if (found) {
        name.byte_count = (size_t)(found - text.bytes);
        at = name.byte_count + sizeof VERSION - 1;
        *out_major = read_number(text, &at);
        if (at++ < text.byte_count)
            *out_minor = read_number(text, &at);
    }
    return name;
}

static bool is_before(uint32_t major, uint32_t minor, uint32_t since_major, uint32_t since_minor)
{
    return major < since_major || (major == since_major && minor < since_minor);
}

pq_trust wr_pq_trust_of(bool has_orders, wr_text created_by)
{
    pq_trust trust = {.has_orders = has_orders};
    uint32_t major, minor;
    wr_text  name = split_created_by(created_by, &major, &minor);

    for (size_t i = 0; i < sizeof ORDERED_SINCE / sizeof ORDERED_SINCE[0]; i++)
        if (wr_text_equal(name, wr_text_of(ORDERED_SINCE[i].name)) &&
            is_before(major, minor, ORDERED_SINCE[i].major, ORDERED_SINCE[i].minor))
            trust.has_orders = false;
    trust.has_sizes = !wr_text_equal(name, wr_text_of("parquet-mr")) || !is_before(major, minor, 1, 3); /* PARQUET-816 */
    for (size_t i = 0; i < sizeof KNOWS_NUMBERS / sizeof KNOWS_NUMBERS[0]; i++)
        trust.has_numbers |= wr_text_equal(name, wr_text_of(KNOWS_NUMBERS[i]));
    return trust;
}

/* ---- Values ------------------------------------------------------------------------------------- */

/* A value of a column, and the room it lies in. */
typedef struct extreme_value {
    wr_value value;
    _Alignas(16) uint8_t room[16];
} extreme_value;

static bool is_order_known(const pq_leaf *leaf, pq_trust trust)
{
    bool is_number_in_bytes = !leaf->is_text && leaf->type.logical != WR_TYPE_UUID &&
                              (leaf->physical == PQ_BYTE_ARRAY || leaf->physical == PQ_FIXED_LEN_BYTE_ARRAY);

    return (!is_number_in_bytes || trust.has_numbers) && leaf->type.logical != WR_TYPE_INTERVAL && leaf->type.logical != WR_TYPE_NULL_ &&
           leaf->physical != PQ_INT96 && !wr_type_is_nested(leaf->type);
}

/* Old statistics compare as signed numbers. */
static bool is_signed_number(const pq_leaf *leaf)
{
    return (leaf->physical == PQ_INT32 || leaf->physical == PQ_INT64) &&
           !wr_type_is_unsigned(leaf->type) && !leaf->is_unsigned;
}

static bool load(const pq_leaf *leaf, const pq_extreme *extreme, bool is_max, extreme_value *out)
{
    if (!extreme->is_known || (extreme->is_cut && (is_max || !leaf->is_text)))
        return false;
    if (leaf->is_text) {
        out->value = (wr_value){.type = leaf->type,
                                .text = {(const char *)extreme->bytes, extreme->byte_count}};
        return true;
    }
    if (leaf->physical == PQ_BYTE_ARRAY) {
        if (wr_pq_convert_bytes(leaf, extreme->bytes, extreme->byte_count, out->room, NULL) != WR_OK)
            return false;
    } else if (leaf->physical == PQ_BOOLEAN) {
        if (extreme->byte_count != 1 || extreme->bytes[0] > 1)
            return false;
        out->room[0] = extreme->bytes[0];
    } else if (extreme->byte_count != leaf->stored_bytes) {
        return false;
    } else if (!leaf->convert) {
        memcpy(out->room, extreme->bytes, extreme->byte_count);
    } else if (leaf->convert(leaf, extreme->bytes, 1, out->room, NULL) != WR_OK) {
        return false;
    }
    out->value = wr_value_load(leaf->type, out->room);
    return !wr_type_is_float(leaf->type) || out->value.f64 == out->value.f64;
}

/* ---- Bounds ------------------------------------------------------------------------------------- */

/* Is `value` below all, or above all values that are there? */
static bool is_outside(const wr_value *value, const extreme_value *min, const extreme_value *max)
{
    return (min && wr_value_compare(value, &min->value) < 0) ||
           (max && wr_value_compare(value, &max->value) > 0);
}

static bool excludes(const wr_bound *bound, const extreme_value *min, const extreme_value *max)
{
    switch (bound->op) {
    case WR_BOUND_EQUAL:
    case WR_BOUND_IN:
        for (uint32_t i = 0; i < bound->value_count; i++)
            if (!is_outside(&bound->values[i], min, max))
                return false;
        return true;
    case WR_BOUND_LESS:
        return min && wr_value_compare(&min->value, bound->values) >= 0;
    case WR_BOUND_LESS_EQUAL:
        return min && wr_value_compare(&min->value, bound->values) > 0;
    case WR_BOUND_GREATER:
        return max && wr_value_compare(&max->value, bound->values) <= 0;
    case WR_BOUND_GREATER_EQUAL:
        return max && wr_value_compare(&max->value, bound->values) < 0;
    case WR_BOUND_NOT_EQUAL:
    case WR_BOUND_IS_NULL:
    case WR_BOUND_IS_NOT_NULL:
        return false;
    }
    WR_UNREACHABLE();
}

/* NaN is greater than every maximum that is told, so floats have none. A minimum above the maximum is
 * of a writer that compares in an order of its own. */
static bool excluded_by_values(const pq_leaf *leaf, const pq_statistics *statistics, pq_trust trust,
                               const wr_bound *bound)
{
    bool              has_new = trust.has_orders && (statistics->min.is_known || statistics->max.is_known);
    const pq_extreme *low = has_new ? &statistics->min : &statistics->old_min;
    const pq_extreme *high = has_new ? &statistics->max : &statistics->old_max;
    extreme_value     min, max;
    bool              has_min, has_max;

    if (!is_order_known(leaf, trust) || (!has_new && !is_signed_number(leaf)))
        return false;
    has_min = load(leaf, low, false, &min);
    has_max = load(leaf, high, true, &max) && !wr_type_is_float(leaf->type);
    if (has_min && has_max && wr_value_compare(&min.value, &max.value) > 0)
        return false;
    return excludes(bound, has_min ? &min : NULL, has_max ? &max : NULL);
}

bool wr_pq_is_excluded(const pq_leaf *leaf, const pq_statistics *statistics, uint64_t value_count,
                       pq_trust trust, const wr_bound *bound)
{
    if (statistics->has_null_count && bound->op == WR_BOUND_IS_NULL)
        return statistics->null_count == 0;
    if (bound->op == WR_BOUND_IS_NULL)
        return false;
    if (statistics->has_null_count && (uint64_t)statistics->null_count == value_count)
        return true;
    return bound->op != WR_BOUND_IS_NOT_NULL &&
           excluded_by_values(leaf, statistics, trust, bound);
}

/* ---- Dictionaries ------------------------------------------------------------------------------- */

enum { ROWS_A_COMPARISON = 16 /* which reading takes about as long as comparing a value */ };

static bool meets(const wr_value *value, const wr_bound *bound)
{
    for (uint32_t i = 0; i < bound->value_count; i++) {
        int  order = wr_value_compare(value, &bound->values[i]);
        bool is_met = bound->op == WR_BOUND_LESS            ? order < 0
                      : bound->op == WR_BOUND_LESS_EQUAL    ? order <= 0
                      : bound->op == WR_BOUND_GREATER       ? order > 0
                      : bound->op == WR_BOUND_GREATER_EQUAL ? order >= 0
                      : bound->op == WR_BOUND_NOT_EQUAL     ? order != 0
                                                            : order == 0;

        if (is_met)
            return true;
    }
    return false;
}

bool wr_pq_words_exclude(const wr_vector *words, uint64_t row_count, const wr_bound *bound)
{
    if ((uint64_t)words->row_count * bound->value_count > row_count / ROWS_A_COMPARISON)
        return false;
    for (uint32_t i = 0; i < words->row_count; i++) {
        wr_value value = wr_vector_value(words, i);

        if (meets(&value, bound))
            return false;
    }
    return true;
}

/* ---- Bloom filters ------------------------------------------------------------------------------ */

enum { PROBES_MAX = 256 /* values of an IN, each of which is a read */ };

/* Are the three unions of the header at their first members, which are all there is? */
static bool is_choice_known(wr_thrift_reader *reader, const wr_thrift_field *whole)
{
    wr_thrift_field field = {0};
    bool            is_first = true;

    wr_thrift_struct(reader, whole);
    while (wr_thrift_next(reader, &field)) {
        is_first = is_first && field.id == 1;
        wr_thrift_skip(reader, &field);
    }
    return is_first;
}

/* Where the filter's blocks begin; *out_bytes of them. */
static bool read_bloom_header(wr_thrift_reader *reader, uint64_t *out_begin, uint64_t *out_bytes)
{
    wr_thrift_field field = {0};
    bool            is_known = true;

    *out_bytes = 0;
    while (wr_thrift_next(reader, &field)) {
        if (field.id == PQ_BLOOM_BYTES)
            *out_bytes = (uint64_t)wr_thrift_int(reader, &field);
        else if (field.id >= PQ_BLOOM_ALGORITHM && field.id <= PQ_BLOOM_COMPRESSION)
            is_known = is_choice_known(reader, &field) && is_known;
        else
            wr_thrift_skip(reader, &field);
    }
    *out_begin = wr_thrift_offset(reader);
    return reader->status == WR_OK && is_known && *out_bytes > 0 &&
           *out_bytes % PQ_BLOOM_BLOCK_BYTES == 0 && *out_bytes <= INT32_MAX &&
           *out_bytes <= reader->limit - *out_begin;
}

/* The hash of what PLAIN stores for a value; false: it may be stored in several ways, or in one that is
 * not known here. Zeros and NaN have several. */
static bool hash_value(const pq_leaf *leaf, const wr_value *value, uint64_t *out_hash)
{
    _Alignas(16) uint8_t room[16];

    if (leaf->is_text) {
        *out_hash = wr_hash_xxh64(value->text.bytes, value->text.byte_count);
        return true;
    }
    if (leaf->physical == PQ_BOOLEAN || leaf->physical == PQ_BYTE_ARRAY || leaf->physical == PQ_INT96 ||
        leaf->stored_bytes > sizeof room)
        return false;
    if (wr_type_is_integer(leaf->type)) {
        bool is_unsigned = wr_type_is_unsigned(leaf->type);

        if (leaf->stored_bytes == 4 && (is_unsigned || leaf->is_unsigned ? value->u64 > UINT32_MAX
                                                                          : value->i64 != (int32_t)value->i64))
            return false;
        memcpy(room, &value->i64, leaf->stored_bytes);
    } else if (leaf->convert || (wr_type_is_float(leaf->type) && !(value->f64 < 0 || value->f64 > 0))) {
        return false;
    } else {
        wr_value_store(value, room);
    }
    *out_hash = wr_hash_xxh64(room, leaf->stored_bytes);
    return true;
}

static bool is_surely_absent(wr_fs_reader *file, uint64_t begin, uint64_t byte_count, uint64_t hash)
{
    uint8_t  block[PQ_BLOOM_BLOCK_BYTES];
    pq_bytes bytes = {.left = sizeof block, .next = begin + wr_pq_bloom_block(byte_count, hash),
                      .file = file};

    return wr_pq_bytes_copy(&bytes, block, sizeof block, NULL) == WR_OK &&
           !wr_pq_bloom_block_has(block, hash);
}

bool wr_pq_bloom_excludes(wr_fs_reader *file, uint64_t limit, uint8_t *window, uint32_t window_bytes,
                          const pq_leaf *leaf, const pq_chunk *chunk, const wr_bound *bound)
{
    wr_thrift_reader reader;
    uint64_t         begin, byte_count, hash;

    if ((bound->op != WR_BOUND_EQUAL && bound->op != WR_BOUND_IN) || bound->value_count > PROBES_MAX ||
        chunk->bloom < PQ_MAGIC_BYTES || chunk->bloom >= limit)
        return false;
    wr_thrift_open_file(&reader, file, chunk->bloom, limit, window, window_bytes, NULL);
    if (!read_bloom_header(&reader, &begin, &byte_count))
        return false;
    for (uint32_t i = 0; i < bound->value_count; i++)
        if (!hash_value(leaf, &bound->values[i], &hash) ||
            !is_surely_absent(file, begin, byte_count, hash))
            return false;
    return true;
}
