/* pq_write_stats.c — least and greatest values, in the order that the format lays down for each type.
 *
 * NaN counts for nothing, and zeros are written as -0.0 (least) and 0.0 (greatest), so that readers
 * who compare either way find them. Of long texts the first bytes stand: cut for the least, cut and
 * one more in the last byte for the greatest, in whole characters. */
#include <math.h>

#include "pq_write.h"

/* ---- Order ------------------------------------------------------------------------------------- */

static int compare_bytes(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes)
{
    size_t common = a_bytes < b_bytes ? a_bytes : b_bytes;
    int    order = common ? memcmp(a, b, common) : 0;

    return order ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

/* Two's complement, most significant byte first, of one width. */
static int compare_signed(const uint8_t *a, const uint8_t *b, size_t byte_count)
{
    int8_t x = (int8_t)a[0], y = (int8_t)b[0];

    return x != y ? (x > y) - (x < y) : memcmp(a, b, byte_count);
}

#define LOAD(type, p)                                                                              \
    __extension__({                                                                                \
        type value_;                                                                               \
        memcpy(&value_, (p), sizeof value_);                                                       \
        value_;                                                                                    \
    })
#define COMPARE(type, a, b)                                                                        \
    ((LOAD(type, a) > LOAD(type, b)) - (LOAD(type, a) < LOAD(type, b)))

static int compare(const pq_leaf *leaf, const uint8_t *a, size_t a_bytes, const uint8_t *b,
                   size_t b_bytes)
{
    switch ((pq_order)leaf->order) {
    case PQ_ORDER_BOOL:
        return COMPARE(uint8_t, a, b);
    case PQ_ORDER_I32:
        return COMPARE(int32_t, a, b);
    case PQ_ORDER_U32:
        return COMPARE(uint32_t, a, b);
    case PQ_ORDER_I64:
        return COMPARE(int64_t, a, b);
    case PQ_ORDER_U64:
        return COMPARE(uint64_t, a, b);
    case PQ_ORDER_F32:
        return COMPARE(float, a, b);
    case PQ_ORDER_F64:
        return COMPARE(double, a, b);
    case PQ_ORDER_BYTES:
        return compare_bytes(a, a_bytes, b, b_bytes);
    case PQ_ORDER_SIGNED_BYTES:
        return compare_signed(a, b, a_bytes);
    case PQ_ORDER_NONE:
        return 0;
    }
    WR_UNREACHABLE();
}

/* ---- Taking in --------------------------------------------------------------------------------- */

static void set_bound(pq_bound *bound, const void *bytes, size_t byte_count)
{
    bound->is_cut = byte_count > PQ_BOUND_BYTES;
    bound->byte_count = (uint8_t)(bound->is_cut ? PQ_BOUND_BYTES : byte_count);
    if (bound->byte_count)
        memcpy(bound->bytes, bytes, bound->byte_count);
}

static void take_in(pq_stats *stats, const pq_leaf *leaf, const void *value, size_t byte_count)
{
    int order = stats->has_bounds ? compare(leaf, value, byte_count, stats->min.bytes, stats->min.byte_count)
                                  : -1;

    if (order < 0 || (order == 0 && stats->min.is_cut)) /* whichever comes first */
        set_bound(&stats->min, value, byte_count);
    if (!stats->has_bounds || compare(leaf, value, byte_count, stats->max.bytes, stats->max.byte_count) > 0)
        set_bound(&stats->max, value, byte_count);
    stats->has_bounds = true;
}

/* Least and greatest of an array at once, which vectorises. NaN is never less or greater. */
#define TAKE_IN_ALL(type, first_min, first_max)                                                    \
    {                                                                                              \
        const type *v = values;                                                                    \
        type        min = first_min, max = first_max;                                              \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            min = v[i] < min ? v[i] : min;                                                         \
            max = v[i] > max ? v[i] : max;                                                         \
        }                                                                                          \
        if (min <= max) {                                                                          \
            take_in(stats, leaf, &min, sizeof min);                                                \
            take_in(stats, leaf, &max, sizeof max);                                                \
        }                                                                                          \
    }                                                                                              \
    break

void wr_pq_stats_fixed(pq_stats *stats, const pq_leaf *leaf, const void *values, uint32_t count)
{
    if (count == 0)
        return;
    switch ((pq_order)leaf->order) {
    case PQ_ORDER_BOOL:
        TAKE_IN_ALL(uint8_t, UINT8_MAX, 0);
    case PQ_ORDER_I32:
        TAKE_IN_ALL(int32_t, INT32_MAX, INT32_MIN);
    case PQ_ORDER_U32:
        TAKE_IN_ALL(uint32_t, UINT32_MAX, 0);
    case PQ_ORDER_I64:
        TAKE_IN_ALL(int64_t, INT64_MAX, INT64_MIN);
    case PQ_ORDER_U64:
        TAKE_IN_ALL(uint64_t, UINT64_MAX, 0);
    case PQ_ORDER_F32:
        TAKE_IN_ALL(float, INFINITY, -INFINITY);
    case PQ_ORDER_F64:
        TAKE_IN_ALL(double, INFINITY, -INFINITY);
    case PQ_ORDER_BYTES:
    case PQ_ORDER_SIGNED_BYTES:
        for (uint32_t i = 0; i < count; i++)
            take_in(stats, leaf, (const uint8_t *)values + (size_t)i * leaf->width, leaf->width);
        break;
    case PQ_ORDER_NONE:
        break;
    }
}

void wr_pq_stats_text(pq_stats *stats, const void *bytes, uint32_t byte_count)
{
    static const pq_leaf TEXT = {.order = PQ_ORDER_BYTES};

    take_in(stats, &TEXT, bytes, byte_count);
}

void wr_pq_stats_merge(pq_stats *stats, const pq_leaf *leaf, const pq_stats *other)
{
    int order;

    if (!other->has_bounds)
        return;
    if (!stats->has_bounds) {
        *stats = *other;
        return;
    }
    order = compare(leaf, other->min.bytes, other->min.byte_count, stats->min.bytes,
                    stats->min.byte_count);
    if (order < 0 || (order == 0 && !other->min.is_cut))
        stats->min = other->min;
    order = compare(leaf, other->max.bytes, other->max.byte_count, stats->max.bytes,
                    stats->max.byte_count);
    if (order > 0 || (order == 0 && other->max.is_cut))
        stats->max = other->max;
}

/* ---- Writing ----------------------------------------------------------------------------------- */

/* Cut bytes so that they are above everything that begins with them; false: there is nothing. */
static bool raise_bound(pq_bound *bound, bool is_text)
{
    while (bound->byte_count > 0) {
        uint8_t *last = &bound->bytes[bound->byte_count - 1];

        /* Characters below 128 stay such; others are dropped whole. */
        if (is_text ? *last < 0x7f : *last < 0xff) {
            ++*last;
            return true;
        }
        bound->byte_count--;
    }
    return false;
}

/* A cut text ends with a whole character. */
static void trim_character(pq_bound *bound)
{
    uint32_t end = bound->byte_count;

    while (end > 0 && (bound->bytes[end - 1] & 0xc0) == 0x80)
        end--;
    if (end > 0 && bound->bytes[end - 1] >= 0xc0)
        bound->byte_count = (uint8_t)(end - 1);
}

static void sign_zeros(pq_bound *min, pq_bound *max, const pq_leaf *leaf)
{
    if (leaf->order == PQ_ORDER_F32 && LOAD(float, min->bytes) == 0)
        memcpy(min->bytes, &(float){-0.0f}, sizeof(float));
    if (leaf->order == PQ_ORDER_F32 && LOAD(float, max->bytes) == 0)
        memcpy(max->bytes, &(float){0.0f}, sizeof(float));
    if (leaf->order == PQ_ORDER_F64 && LOAD(double, min->bytes) == 0)
        memcpy(min->bytes, &(double){-0.0}, sizeof(double));
    if (leaf->order == PQ_ORDER_F64 && LOAD(double, max->bytes) == 0)
        memcpy(max->bytes, &(double){0.0}, sizeof(double));
}

bool wr_pq_stats_bounds(const pq_stats *stats, const pq_leaf *leaf, pq_bound *out_min, pq_bound *out_max)
{
    bool is_text = leaf->type.logical == WR_TYPE_UTF8;

    if (!stats->has_bounds)
        return false;
    *out_min = stats->min;
    *out_max = stats->max;
    if (is_text && out_min->is_cut)
        trim_character(out_min);
    sign_zeros(out_min, out_max, leaf);
    return !out_max->is_cut || raise_bound(out_max, is_text);
}

int wr_pq_bound_compare(const pq_leaf *leaf, const pq_bound *a, const pq_bound *b)
{
    return compare(leaf, a->bytes, a->byte_count, b->bytes, b->byte_count);
}

void wr_pq_stats_put(wr_thrift_writer *writer, int16_t id, const pq_stats *stats,
                     const pq_leaf *leaf, uint64_t null_count)
{
    pq_bound min, max;

    wr_thrift_open_struct(writer, id);
    wr_thrift_put_i64(writer, PQ_STATISTICS_NULL_COUNT, (int64_t)null_count);
    if (wr_pq_stats_bounds(stats, leaf, &min, &max)) {
        wr_thrift_put_binary(writer, PQ_STATISTICS_MAX, max.bytes, max.byte_count);
        wr_thrift_put_binary(writer, PQ_STATISTICS_MIN, min.bytes, min.byte_count);
        wr_thrift_put_bool(writer, PQ_STATISTICS_MAX_IS_EXACT, !max.is_cut);
        wr_thrift_put_bool(writer, PQ_STATISTICS_MIN_IS_EXACT, !min.is_cut);
    }
    wr_thrift_close_struct(writer);
}
