/* pq_prune.c — can a row group, or a page, have a row that the filter wants? By its statistics.
 *
 * Statistics are used only where they cannot lie: the file says by which order they were made, or the
 * type has one order only; floats may hide a NaN, which is greater than any maximum; a minimum that is
 * too long is cut, a maximum that is too long is not used.
 * Cost: a few comparisons a bound and row group. */
#include "pq_priv.h"

#include <string.h>

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

/* ---- Values ------------------------------------------------------------------------------------- */

/* A value of a column, and the room it lies in. */
typedef struct extreme_value {
    wr_value value;
    _Alignas(16) uint8_t room[16];
} extreme_value;

static bool is_order_known(const pq_leaf *leaf)
{
    return leaf->type.logical != WR_TYPE_INTERVAL && leaf->type.logical != WR_TYPE_NULL_ &&
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

/* NaN is greater than every maximum that is told, so floats have none. */
static bool excluded_by_values(const pq_leaf *leaf, const pq_statistics *statistics, bool has_orders,
                               const wr_bound *bound)
{
    bool              has_new = has_orders && (statistics->min.is_known || statistics->max.is_known);
    const pq_extreme *low = has_new ? &statistics->min : &statistics->old_min;
    const pq_extreme *high = has_new ? &statistics->max : &statistics->old_max;
    extreme_value     min, max;
    bool              has_min, has_max;

    if (!is_order_known(leaf) || (!has_new && !is_signed_number(leaf)))
        return false;
    has_min = load(leaf, low, false, &min);
    has_max = load(leaf, high, true, &max) && !wr_type_is_float(leaf->type);
    return excludes(bound, has_min ? &min : NULL, has_max ? &max : NULL);
}

bool wr_pq_is_excluded(const pq_leaf *leaf, const pq_statistics *statistics, uint64_t value_count,
                       bool has_orders, const wr_bound *bound)
{
    if (statistics->has_null_count && bound->op == WR_BOUND_IS_NULL)
        return statistics->null_count == 0;
    if (bound->op == WR_BOUND_IS_NULL)
        return false;
    if (statistics->has_null_count && (uint64_t)statistics->null_count == value_count)
        return true;
    return bound->op != WR_BOUND_IS_NOT_NULL &&
           excluded_by_values(leaf, statistics, has_orders, bound);
}
