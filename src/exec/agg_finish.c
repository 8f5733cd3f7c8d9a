/* exec/agg_finish.c — merging, finishing and sealing the states of aggregates.
 *
 * Merging is commutative and associative, so any tree over the workers' states gives the same
 * bits. Sealing makes a group row plain bytes that can be spilled. */
#include "exec/agg_family.h"
#include "os/libm.h"
#include "types/decimal.h"

/* ---- Merge ------------------------------------------------------------------------------------------ */

static wr_status merge_kept(const wr_agg *agg, uint8_t *state, const uint8_t *other, wr_error *err)
{
    agg_cell       *cell = (agg_cell *)(void *)state;
    const agg_cell *from = (const agg_cell *)(const void *)other;
    uint32_t        bytes = cell_bytes(agg->argument_type);

    if (!from->is_set)
        return WR_OK;
    if (!wr_agg_has_order(agg->kind)) {
        if (replaces(agg->kind, cell, from->position))
            cell_copy(agg->argument_type, cell, from);
        return WR_OK;
    }
    {
        agg_cell       *order_cell = (agg_cell *)(void *)(state + bytes);
        const agg_cell *from_order = (const agg_cell *)(const void *)(other + bytes);
        int             order = -1;

        if (order_cell->is_set) {
            WR_TRY(cell_compare(agg->order_type, from_order->value, order_cell->value, &order, err));
            order = agg->kind == WR_AGG_ARG_MIN ? order : -order;
            if (order == 0)
                order = from_order->position < order_cell->position ? -1 : 1;
        }
        if (order < 0) {
            cell_copy(agg->argument_type, cell, from);
            cell_copy(agg->order_type, order_cell, from_order);
        }
    }
    return WR_OK;
}

#define NUMBER_CASE(id, ctype)                                                                     \
    case WR_PHYS_##id: {                                                                           \
        ctype x, kept;                                                                             \
                                                                                                   \
        memcpy(&x, from->value, sizeof x);                                                         \
        memcpy(&kept, state->value, sizeof kept);                                                  \
        return IS_BEYOND(x, kept, is_min);                                                         \
    }

static bool is_beyond(wr_physical physical, const number_extreme *from,
                      const number_extreme *state, bool is_min)
{
    switch (physical) {
        NUMBER_CASE(I8, int8_t)
        NUMBER_CASE(I16, int16_t)
        NUMBER_CASE(I32, int32_t)
        NUMBER_CASE(I64, int64_t)
        NUMBER_CASE(U8, uint8_t)
        NUMBER_CASE(U16, uint16_t)
        NUMBER_CASE(U32, uint32_t)
        NUMBER_CASE(U64, uint64_t)
        NUMBER_CASE(F32, float)
        NUMBER_CASE(F64, double)
    default:
        WR_UNREACHABLE();
    }
}
#undef NUMBER_CASE

static void merge_number_extreme(const wr_agg *agg, number_extreme *state,
                                 const number_extreme *from)
{
    if (from->is_set &&
        (!state->is_set || is_beyond(wr_type_physical(agg->argument_type), from, state,
                                     agg->kind == WR_AGG_MIN)))
        *state = *from;
}

static wr_status merge_extreme(const wr_agg *agg, uint8_t *state, const uint8_t *other,
                               wr_error *err)
{
    agg_cell       *cell = (agg_cell *)(void *)state;
    const agg_cell *from = (const agg_cell *)(const void *)other;
    int             order = -1;

    if (!from->is_set)
        return WR_OK;
    if (cell->is_set) {
        WR_TRY(cell_compare_form(agg->argument_type, from->value, cell->value, &order, err));
        order = agg->kind == WR_AGG_MIN ? order : -order;
    }
    if (order < 0)
        cell_copy(agg->argument_type, cell, from);
    return WR_OK;
}

static void merge_int_sum(int_sum *sum, const int_sum *other)
{
    uint64_t count = sum->count + other->count;

    add_to_int_sum(sum, int_sum_total(other));
    sum->count = count;
    sum->carries += other->carries;
}

static wr_status merge_one(const wr_agg *agg, uint8_t *state, const uint8_t *other, wr_error *err)
{
    switch (family_of(agg)) {
    case COUNTER:
        *(uint64_t *)(void *)state += *(const uint64_t *)(const void *)other;
        return WR_OK;
    case INT_SUM:
        merge_int_sum((int_sum *)(void *)state, (const int_sum *)(const void *)other);
        return WR_OK;
    case FLOAT_SUM:
    case LOGS:
        ((float_sum *)(void *)state)->count += ((const float_sum *)(const void *)other)->count;
        wr_fsum_merge(&((float_sum *)(void *)state)->sum,
                      &((const float_sum *)(const void *)other)->sum);
        return WR_OK;
    case INTERVAL_SUM: {
        interval_sum       *to = (interval_sum *)(void *)state;
        const interval_sum *from = (const interval_sum *)(const void *)other;

        to->months += from->months;
        to->days += from->days;
        merge_int_sum(&to->us, &from->us);
        return WR_OK;
    }
    case MOMENTS:
        wr_moments_merge((wr_moments *)(void *)state, (const wr_moments *)(const void *)other);
        return WR_OK;
    case POWERS:
        wr_powers_merge((wr_powers *)(void *)state, (const wr_powers *)(const void *)other);
        return WR_OK;
    case REGISTERS:
        wr_agg_registers_merge((registers *)(void *)state, (const registers *)(const void *)other);
        return WR_OK;
    case BUCKETS:
        wr_agg_buckets_merge((buckets *)(void *)state, (const buckets *)(const void *)other);
        return WR_OK;
    case CELLS:
        return wr_agg_cells_merge((cells *)(void *)state, (const cells *)(const void *)other, err);
    case PAIRS:
        wr_pairs_merge((wr_pairs *)(void *)state, (const wr_pairs *)(const void *)other);
        return WR_OK;
    case BOOLEANS:
    case BITS: {
        const bits_state *from = (const bits_state *)(const void *)other;

        merge_bits(agg->kind, (bits_state *)(void *)state, from->bits, from->count);
        return WR_OK;
    }
    case NUMBER_EXTREME:
        merge_number_extreme(agg, (number_extreme *)(void *)state,
                             (const number_extreme *)(const void *)other);
        return WR_OK;
    case EXTREME:
        return merge_extreme(agg, state, other, err);
    case KEPT:
        return merge_kept(agg, state, other, err);
    }
    WR_UNREACHABLE();
}

wr_status wr_agg_merge(const wr_agg_layout *layout, uint8_t *states, const uint8_t *other,
                       wr_error *err)
{
    for (uint32_t i = 0; i < layout->plan->agg_count; i++)
        if (!layout->slots[i].is_shared)
            WR_TRY(merge_one(layout->slots[i].agg, states + layout->slots[i].offset,
                             other + layout->slots[i].offset, err));
    if (layout->plan->position != WR_FIELD_NONE)
        keep_least_position(states + layout->position_offset,
                            wr_load_u64(other + layout->position_offset));
    return WR_OK;
}

/* ---- Finish ------------------------------------------------------------------------------------------ */

wr_status wr_agg_int_sum_finish(const wr_agg *agg, const int_sum *sum, void *out, bool *out_null,
                                wr_error *err)
{
    wr_i128 total = int_sum_total(sum);
    char    name[WR_TYPE_NAME_BYTES];

    *out_null = sum->count == 0;
    if (*out_null)
        return WR_OK;
    if (agg->kind == WR_AGG_AVG) {
        int    scale = agg->argument_type.logical == WR_TYPE_DECIMAL ? agg->argument_type.scale : 0;
        double mean = wr_decimal_to_f64(total, scale) / (double)sum->count;

        if (sum->carries != 0)
            mean += (double)sum->carries / (double)sum->count * 0x1p128 / (double)wr_pow10_i128((unsigned)scale);
        memcpy(out, &mean, sizeof mean);
        return WR_OK;
    }
    if (sum->carries != 0 ||
        (agg->result_type.logical == WR_TYPE_I64 && (int64_t)total != total) ||
        (agg->result_type.logical == WR_TYPE_DECIMAL &&
         !wr_decimal_fits(total, agg->result_type.precision)))
        return WR_RAISE(err, WR_DATA, "a sum does not fit %s: cast the argument to Float64",
                        wr_type_format(agg->result_type, name));
    if (wr_type_physical(agg->result_type) == WR_PHYS_I64) {
        int64_t small = (int64_t)total;

        memcpy(out, &small, sizeof small);
    } else {
        memcpy(out, &total, sizeof total);
    }
    return WR_OK;
}

static wr_status finish_interval(const wr_agg *agg, const interval_sum *state, wr_interval *out,
                                 bool *out_null, wr_error *err)
{
    const wr_i128 us_per_day = 86400000000;
    int64_t       n = agg->kind == WR_AGG_AVG && state->us.count ? (int64_t)state->us.count : 1;
    int64_t       months = state->months / n, days = state->days + state->months % n * 30;
    wr_i128       us = int_sum_total(&state->us) / n + days % n * us_per_day / n;

    *out_null = state->us.count == 0;
    *out = (wr_interval){(int32_t)months, (int32_t)(days / n), (int64_t)us};
    if (out->months != months || out->days != days / n || out->us != us)
        return WR_RAISE(err, WR_DATA, "a sum does not fit Interval");
    return WR_OK;
}

static bool is_zero(const uint8_t *bytes, size_t byte_count)
{
    return byte_count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, byte_count - 1) == 0);
}

/* The state as a value is the state itself, with its head filled in. */
static void finish_registers(const wr_agg *agg, registers *state, void *out, bool *out_null)
{
    if (wr_agg_gives_state(agg->kind)) {
        wr_str bytes = wr_agg_registers_export(state);

        *out_null = is_zero(state->ranks, sizeof state->ranks);
        memcpy(out, &bytes, sizeof bytes);
    } else {
        int64_t count = wr_agg_registers_finish(state);

        memcpy(out, &count, sizeof count);
    }
}

static void finish_buckets(const wr_agg *agg, buckets *state, void *out, bool *out_null)
{
    *out_null = state->fields.total == 0;
    if (wr_agg_gives_state(agg->kind)) {
        wr_str bytes = wr_agg_buckets_export(state);

        memcpy(out, &bytes, sizeof bytes);
    } else {
        double value = *out_null ? 0.0 : wr_agg_buckets_finish(state, agg->fraction);

        memcpy(out, &value, sizeof value);
    }
}

static void finish_cells(const wr_agg *agg, uint8_t *state, void *out, bool *out_null)
{
    wr_str bytes = wr_agg_gives_state(agg->kind)
                       ? wr_agg_cells_export((cells *)(void *)state)
                       : wr_agg_cells_finish((read_cells *)(void *)state, agg->result_type,
                                             agg->values_max);

    *out_null = ((const cells *)(void *)state)->fields.total == 0;
    memcpy(out, &bytes, sizeof bytes);
}

static void finish_logs(const float_sum *state, double *out, bool *out_null)
{
    *out_null = state->count == 0;
    *out = wr_math.exp(wr_fsum_result(&state->sum) / (double)state->count);
}

static wr_status finish_value(const wr_agg *agg, const uint8_t *state, void *out, bool *out_null,
                              wr_error *err)
{
    switch (family_of(agg)) {
    case COUNTER:
        memcpy(out, state, sizeof(uint64_t));
        return WR_OK;
    case INT_SUM:
        return wr_agg_int_sum_finish(agg, (const int_sum *)(const void *)state, out, out_null, err);
    case FLOAT_SUM: {
        const float_sum *sum = (const float_sum *)(const void *)state;
        double           total = wr_fsum_result(&sum->sum);

        *out_null = sum->count == 0;
        if (agg->kind == WR_AGG_AVG && sum->count)
            total /= (double)sum->count;
        memcpy(out, &total, sizeof total);
        return WR_OK;
    }
    case LOGS:
        finish_logs((const float_sum *)(const void *)state, out, out_null);
        return WR_OK;
    case POWERS:
        wr_powers_finish(agg->kind, (const wr_powers *)(const void *)state, out, out_null);
        return WR_OK;
    case REGISTERS:
        finish_registers(agg, (registers *)(uintptr_t)state, out, out_null);
        return WR_OK;
    case BUCKETS:
        finish_buckets(agg, (buckets *)(uintptr_t)state, out, out_null);
        return WR_OK;
    case CELLS:
        finish_cells(agg, (uint8_t *)(uintptr_t)state, out, out_null);
        return WR_OK;
    case PAIRS:
        if (agg->kind == WR_AGG_REGR_COUNT)
            memcpy(out, state, sizeof(uint64_t));
        else
            wr_pairs_finish(agg->kind, (const wr_pairs *)(const void *)state, out, out_null);
        return WR_OK;
    case INTERVAL_SUM:
        return finish_interval(agg, (const interval_sum *)(const void *)state, out, out_null, err);
    case MOMENTS:
        wr_moments_finish(agg->kind, (const wr_moments *)(const void *)state, out, out_null);
        return WR_OK;
    case BOOLEANS:
    case BITS: {
        const bits_state *bits = (const bits_state *)(const void *)state;

        *out_null = bits->count == 0;
        memcpy(out, &bits->bits, wr_physical_bytes(wr_type_physical(agg->result_type)));
        return WR_OK;
    }
    case NUMBER_EXTREME: {
        const number_extreme *number = (const number_extreme *)(const void *)state;

        *out_null = !number->is_set;
        memcpy(out, number->value, wr_physical_bytes(wr_type_physical(agg->result_type)));
        return WR_OK;
    }
    case EXTREME:
    case KEPT: {
        const agg_cell *cell = (const agg_cell *)(const void *)state;

        *out_null = !cell->is_set || cell->is_null;
        memcpy(out, cell->value, wr_physical_bytes(wr_type_physical(agg->result_type)));
        return WR_OK;
    }
    }
    WR_UNREACHABLE();
}

static void finish_positions(const wr_agg_layout *layout, const uint8_t *const *states,
                             uint32_t count, wr_vector *out)
{
    for (uint32_t i = 0; i < count; i++)
        ((uint64_t *)out->data)[i] = wr_load_u64(states[i] + layout->position_offset) - 1;
    out->valid = NULL;
    out->row_count = count;
}

wr_status wr_agg_finish(const wr_agg_layout *layout, uint32_t index,
                        const uint8_t *const *states, uint32_t count, wr_vector *out,
                        wr_error *err)
{
    const wr_agg_slot *slot = &layout->slots[index];
    uint8_t           *data = out->data;
    bool               any_null = false;
    uint32_t           bytes;

    if (index == layout->plan->agg_count) {
        finish_positions(layout, states, count, out);
        return WR_OK;
    }
    bytes = wr_physical_bytes(wr_type_physical(slot->agg->result_type));

    out->valid = wr_vector_valid_room(out);
    out->flags = cell_is_text(slot->agg->result_type) ? WR_VECTOR_BLOBS : 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_null = false;

        WR_TRY(finish_value(slot->agg, states[i] + slot->offset, data + (size_t)i * bytes, &is_null,
                            err));
        if (is_null)
            memset(data + (size_t)i * bytes, 0, bytes);
        wr_bit_put(out->valid, i, !is_null);
        any_null |= is_null;
    }
    if (!any_null)
        out->valid = NULL;
    out->row_count = count;
    return WR_OK;
}

/* ---- Spilling groups ----------------------------------------------------------------------------------- */

/* What is done to a cell; `other` is the one in the same place of other states, if there are any. */
typedef wr_status (*visit_cell)(agg_cell *cell, const agg_cell *other, wr_agg_memory *memory,
                                wr_error *err);

/* Every cell that may hold text. */
static wr_status each_text_cell(const wr_agg_layout *layout, uint8_t *states, const uint8_t *others,
                                visit_cell visit, wr_agg_memory *memory, wr_error *err)
{
    for (uint32_t i = 0; i < layout->plan->agg_count; i++) {
        const wr_agg *agg = layout->slots[i].agg;
        wr_type       types[2] = {agg->argument_type, agg->order_type};
        uint32_t      offset = layout->slots[i].offset;
        family        f = family_of(agg);

        if (f != EXTREME && f != KEPT)
            continue;
        for (uint32_t c = 0; c < (wr_agg_has_order(agg->kind) ? 2 : 1); c++) {
            if (cell_is_text(types[c]))
                WR_TRY(visit((agg_cell *)(void *)(states + offset),
                             others ? (const agg_cell *)(const void *)(others + offset) : NULL,
                             memory, err));
            offset += cell_bytes(types[c]);
        }
    }
    return WR_OK;
}

/* The bytes of a cell's text, if they lie somewhere in memory outside it. */
static const char *bytes_outside(const agg_cell *cell)
{
    const wr_str *str = (const wr_str *)(const void *)cell->value;

    return cell->is_set && !cell->is_null && !wr_str_is_inline(str) && !wr_str_is_blob(str)
               ? wr_str_bytes(str)
               : NULL;
}

/* Keep a text whose bytes are the other's, or any if there is no other. */
static wr_status keep_cell(agg_cell *cell, const agg_cell *other, wr_agg_memory *memory,
                           wr_error *err)
{
    wr_str copy = *(const wr_str *)(const void *)cell->value;

    if (!bytes_outside(cell) || (other && bytes_outside(other) != bytes_outside(cell)))
        return WR_OK;
    return cell_keep_text((agg_text_cell *)(void *)cell, &copy, memory, err);
}

static wr_status relocate_cell(agg_cell *cell, const agg_cell *other, wr_agg_memory *memory,
                               wr_error *err)
{
    (void)other, (void)memory, (void)err;
    if (cell->is_set && !cell->is_null)
        cell_own_blob(cell);
    return WR_OK;
}

wr_status wr_agg_take(const wr_agg_layout *layout, uint8_t *states, const uint8_t *other,
                      wr_agg_memory *memory, wr_error *err)
{
    WR_TRY(wr_agg_merge(layout, states, other, err));
    return layout->has_values ? each_text_cell(layout, states, other, keep_cell, memory, err)
                              : WR_OK;
}

wr_status wr_agg_seal(const wr_agg_layout *layout, uint8_t *states, wr_spill *spill, wr_error *err)
{
    wr_agg_memory nowhere = {NULL, 0, spill};

    return each_text_cell(layout, states, NULL, keep_cell, &nowhere, err);
}

void wr_agg_relocate(const wr_agg_layout *layout, uint8_t *states)
{
    wr_status status = each_text_cell(layout, states, NULL, relocate_cell, NULL, NULL);

    wr_assert(status == WR_OK, "relocating cannot fail");
}
