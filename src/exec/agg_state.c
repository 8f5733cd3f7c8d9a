/* exec/agg_state.c — layout, update, merge and finish of every aggregate.
 *
 * One family of state per kind: counters, integer sums (128 bits), float sums (types/fsum.h),
 * moments, bits, kept values. The switch over kinds runs once per batch and aggregate; the loops
 * below it are over rows. */
#include "exec/agg_state.h"

#include "exec/agg_cell.h"
#include "types/decimal.h"
#include "types/fsum.h"

typedef enum family { COUNTER, INT_SUM, FLOAT_SUM, INTERVAL_SUM, MOMENTS, BOOLEANS, BITS, EXTREME, KEPT } family;

typedef struct int_sum {
    uint64_t count;
    uint64_t low;
    int64_t  high;
    uint64_t overflow;
} int_sum;

typedef struct float_sum {
    uint64_t count;
    wr_fsum  sum;
} float_sum;

typedef struct interval_sum {
    uint64_t count;
    int64_t  months, days, us;
} interval_sum;

typedef struct moments {
    uint64_t     count;
    wr_fsum_wide sum, squares;
} moments;

typedef struct bits_state {
    uint64_t count;
    uint64_t bits;
} bits_state;

static family family_of(const wr_agg *agg)
{
    switch (agg->kind) {
    case WR_AGG_COUNT_STAR:
    case WR_AGG_COUNT:
        return COUNTER;
    case WR_AGG_SUM:
    case WR_AGG_AVG:
        if (wr_type_is_float(agg->argument_type))
            return FLOAT_SUM;
        return agg->argument_type.logical == WR_TYPE_INTERVAL ? INTERVAL_SUM : INT_SUM;
    case WR_AGG_MIN:
    case WR_AGG_MAX:
        return EXTREME;
    case WR_AGG_STDDEV_SAMP:
    case WR_AGG_STDDEV_POP:
    case WR_AGG_VAR_SAMP:
    case WR_AGG_VAR_POP:
        return MOMENTS;
    case WR_AGG_BOOL_AND:
    case WR_AGG_BOOL_OR:
        return BOOLEANS;
    case WR_AGG_BIT_AND:
    case WR_AGG_BIT_OR:
    case WR_AGG_BIT_XOR:
        return BITS;
    default:
        return KEPT;
    }
}

static uint32_t state_bytes(const wr_agg *agg)
{
    switch (family_of(agg)) {
    case COUNTER:
        return sizeof(uint64_t);
    case INT_SUM:
        return sizeof(int_sum);
    case FLOAT_SUM:
        return sizeof(float_sum);
    case INTERVAL_SUM:
        return sizeof(interval_sum);
    case MOMENTS:
        return sizeof(moments);
    case BOOLEANS:
    case BITS:
        return sizeof(bits_state);
    case EXTREME:
        return cell_bytes(agg->argument_type);
    case KEPT:
        return cell_bytes(agg->argument_type) +
               (uint32_t)(wr_agg_has_order(agg->kind) ? sizeof(agg_text_cell) : 0);
    }
    WR_UNREACHABLE();
}

/* ---- Layout -------------------------------------------------------------------------------------- */

/* sum, avg and the count inside them, variance and stddev: one state serves all. */
static bool shares_state(const wr_agg *a, const wr_agg *b)
{
    family f = family_of(a);

    if (f != family_of(b) || a->argument != b->argument || a->filter != b->filter)
        return false;
    return f == INT_SUM || f == FLOAT_SUM || f == INTERVAL_SUM || f == MOMENTS ||
           (f == COUNTER && a->kind == b->kind);
}

static uint32_t lay_out(const wr_plan_aggregate *plan, wr_agg_slot *slots)
{
    uint32_t bytes = 0;

    for (uint32_t i = 0; i < plan->agg_count; i++) {
        wr_agg_slot slot = {.agg = &plan->aggs[i], .offset = bytes};

        for (uint32_t k = 0; k < i && !slot.is_shared; k++)
            if (shares_state(&plan->aggs[k], slot.agg)) {
                slot.is_shared = true;
                slot.offset = slots ? slots[k].offset : 0;
            }
        if (!slot.is_shared)
            bytes += state_bytes(slot.agg);
        if (slots)
            slots[i] = slot;
    }
    if (plan->position != WR_FIELD_NONE)
        bytes += sizeof(uint64_t);
    return bytes;
}

uint32_t wr_agg_layout_bytes(const wr_plan_aggregate *plan)
{
    return lay_out(plan, NULL);
}

wr_status wr_agg_layout_init(wr_agg_layout *layout, const wr_plan_aggregate *plan, wr_bump *bump,
                             wr_error *err)
{
    *layout = (wr_agg_layout){.plan = plan};
    layout->slots = WR_BUMP_NEW_ARRAY(bump, wr_agg_slot, plan->agg_count + 1, err);
    if (!layout->slots)
        return WR_NO_MEMORY;
    layout->bytes = lay_out(plan, layout->slots);
    layout->position_offset = layout->bytes - (uint32_t)sizeof(uint64_t);
    for (uint32_t i = 0; i < plan->agg_count; i++)
        layout->has_values |= (family_of(&plan->aggs[i]) == EXTREME ||
                               family_of(&plan->aggs[i]) == KEPT) &&
                              cell_is_text(plan->aggs[i].argument_type);
    return WR_OK;
}

/* ---- Update ---------------------------------------------------------------------------------------- */

/* The rows that count for one aggregate: filter true, argument not null. */
typedef struct live_rows {
    uint16_t rows[WR_BATCH_ROWS_MAX];
    uint16_t from[WR_BATCH_ROWS_MAX]; /* index into the caller's rows and states */
    uint32_t count;
} live_rows;

static const void *at(const wr_vector_view *view, uint32_t bytes, uint32_t row)
{
    uint32_t index = view->index ? view->index[row] : row;

    return (const uint8_t *)view->data + (size_t)index * bytes;
}

static bool is_valid(const wr_vector_view *view, uint32_t row)
{
    return !view->valid || wr_bit_get(view->valid, view->index ? view->index[row] : row);
}

static void choose_rows(const wr_agg *agg, const wr_vector *columns, bool keep_nulls,
                        const uint16_t *rows, uint32_t count, live_rows *out)
{
    wr_vector_view argument = {0}, filter = {0};
    static const uint8_t yes = 1;
    bool           has_argument = agg->argument != WR_FIELD_NONE && !keep_nulls;
    bool           has_filter = agg->filter != WR_FIELD_NONE;

    if (has_argument && columns[agg->argument].encoding != WR_SEQ)
        argument = wr_vector_view_of(&columns[agg->argument], NULL);
    if (has_filter)
        filter = wr_vector_view_of(&columns[agg->filter], NULL);
    out->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool live = !has_argument || is_valid(&argument, rows[i]);

        if (has_filter)
            live = live && is_valid(&filter, rows[i]) &&
                   *(const uint8_t *)at(&filter, sizeof yes, rows[i]);
        out->rows[out->count] = rows[i];
        out->from[out->count] = (uint16_t)i;
        out->count += live;
    }
}

static void add_to_int_sum(int_sum *sum, wr_i128 x)
{
    wr_i128 total = (wr_i128)((wr_u128)(uint64_t)sum->high << 64 | sum->low);

    if (__builtin_add_overflow(total, x, &total))
        sum->overflow = 1;
    sum->low = (uint64_t)total;
    sum->high = (int64_t)(total >> 64);
    sum->count++;
}

static void update_int_sum(wr_physical physical, const wr_vector_view *view, const live_rows *live,
                           uint8_t *const *states, uint32_t offset)
{
#define LOOP(id, ctype)                                                                            \
    case WR_PHYS_##id:                                                                             \
        for (uint32_t i = 0; i < live->count; i++)                                                 \
            add_to_int_sum((int_sum *)(void *)(states[live->from[i]] + offset),                    \
                           *(const ctype *)at(view, sizeof(ctype), live->rows[i]));                \
        break
    switch (physical) {
        LOOP(I8, int8_t);
        LOOP(I16, int16_t);
        LOOP(I32, int32_t);
        LOOP(I64, int64_t);
        LOOP(U8, uint8_t);
        LOOP(U16, uint16_t);
        LOOP(U32, uint32_t);
        LOOP(U64, uint64_t);
        LOOP(I128, wr_i128);
    default:
        WR_UNREACHABLE();
    }
#undef LOOP
}

static double float_at(wr_physical physical, const wr_vector_view *view, wr_type type, uint32_t row)
{
    const void *value = at(view, wr_physical_bytes(physical), row);
    wr_value    scalar;

    if (physical == WR_PHYS_F64)
        return *(const double *)value;
    if (physical == WR_PHYS_F32)
        return (double)*(const float *)value;
    scalar = wr_value_load(type, value);
    if (type.logical == WR_TYPE_DECIMAL)
        return wr_decimal_to_f64(physical == WR_PHYS_I64 ? (wr_i128)scalar.i64 : scalar.i128,
                                 type.scale);
    return wr_type_is_unsigned(type) ? (double)scalar.u64 : (double)scalar.i64;
}

static void update_float_sum(wr_physical physical, const wr_vector_view *view,
                             const live_rows *live, uint8_t *const *states, uint32_t offset)
{
    for (uint32_t i = 0; i < live->count; i++) {
        float_sum *state = (float_sum *)(void *)(states[live->from[i]] + offset);
        double     x = physical == WR_PHYS_F64
                           ? *(const double *)at(view, sizeof(double), live->rows[i])
                           : (double)*(const float *)at(view, sizeof(float), live->rows[i]);

        state->count++;
        wr_fsum_add(&state->sum, x);
    }
}

static void update_moments(const wr_agg *agg, const wr_vector_view *view, const live_rows *live,
                           uint8_t *const *states, uint32_t offset)
{
    wr_physical physical = wr_type_physical(agg->argument_type);

    for (uint32_t i = 0; i < live->count; i++) {
        moments *state = (moments *)(void *)(states[live->from[i]] + offset);
        double   x = float_at(physical, view, agg->argument_type, live->rows[i]);

        state->count++;
        wr_fsum_wide_add(&state->sum, x);
        wr_fsum_wide_add_product(&state->squares, x, x);
    }
}

static void update_interval_sum(const wr_vector_view *view, const live_rows *live,
                                uint8_t *const *states, uint32_t offset)
{
    for (uint32_t i = 0; i < live->count; i++) {
        interval_sum      *state = (interval_sum *)(void *)(states[live->from[i]] + offset);
        const wr_interval *x = at(view, sizeof(wr_interval), live->rows[i]);

        state->count++;
        state->months += x->months;
        state->days += x->days;
        state->us += x->us;
    }
}

static void merge_bits(wr_agg_kind kind, bits_state *state, uint64_t bits, uint64_t count)
{
    if (count == 0)
        return;
    if (state->count == 0)
        state->bits = bits;
    else if (kind == WR_AGG_BIT_AND || kind == WR_AGG_BOOL_AND)
        state->bits &= bits;
    else if (kind == WR_AGG_BIT_OR || kind == WR_AGG_BOOL_OR)
        state->bits |= bits;
    else
        state->bits ^= bits;
    state->count += count;
}

static void update_bits(const wr_agg *agg, const wr_vector_view *view, const live_rows *live,
                        uint8_t *const *states, uint32_t offset)
{
    uint32_t bytes = wr_physical_bytes(wr_type_physical(agg->argument_type));

    for (uint32_t i = 0; i < live->count; i++) {
        uint64_t bits = 0;

        memcpy(&bits, at(view, bytes, live->rows[i]), bytes);
        merge_bits(agg->kind, (bits_state *)(void *)(states[live->from[i]] + offset), bits, 1);
    }
}

/* Extremes of plain numbers, a loop per type; NaN is greatest. */
#define IS_LESS(a, b)  ((a) < (b) || ((b) != (b) && (a) == (a)))
#define NUMBER_LOOP(id, ctype)                                                                     \
    case WR_PHYS_##id:                                                                             \
        for (uint32_t i = 0; i < live->count; i++) {                                               \
            agg_cell *cell = (agg_cell *)(void *)(states[live->from[i]] + offset);                 \
            ctype     x = *(const ctype *)at(view, sizeof(ctype), live->rows[i]), kept;            \
                                                                                                   \
            memcpy(&kept, cell->value, sizeof kept);                                               \
            if (!cell->is_set || (is_min ? IS_LESS(x, kept) : IS_LESS(kept, x)))                   \
                memcpy(cell->value, &x, sizeof x);                                                 \
            cell->is_set = 1;                                                                      \
        }                                                                                          \
        return true

static bool update_number_extreme(wr_physical physical, bool is_min, const wr_vector_view *view,
                                  const live_rows *live, uint8_t *const *states, uint32_t offset)
{
    switch (physical) {
        NUMBER_LOOP(I8, int8_t);
        NUMBER_LOOP(I16, int16_t);
        NUMBER_LOOP(I32, int32_t);
        NUMBER_LOOP(I64, int64_t);
        NUMBER_LOOP(U8, uint8_t);
        NUMBER_LOOP(U16, uint16_t);
        NUMBER_LOOP(U32, uint32_t);
        NUMBER_LOOP(U64, uint64_t);
        NUMBER_LOOP(F32, float);
        NUMBER_LOOP(F64, double);
    default:
        return false;
    }
}

static wr_status update_extreme(const wr_agg *agg, const wr_vector_view *view,
                                const live_rows *live, uint8_t *const *states, uint32_t offset,
                                wr_agg_memory *memory, wr_error *err)
{
    wr_physical physical = wr_type_physical(agg->argument_type);
    bool        is_min = agg->kind == WR_AGG_MIN;

    if (update_number_extreme(physical, is_min, view, live, states, offset))
        return WR_OK;
    for (uint32_t i = 0; i < live->count; i++) {
        agg_cell   *cell = (agg_cell *)(void *)(states[live->from[i]] + offset);
        const void *value = at(view, wr_physical_bytes(physical), live->rows[i]);
        int         order = -1;

        if (cell->is_set) {
            WR_TRY(cell_compare(agg->argument_type, value, cell->value, &order, err));
            order = is_min ? order : -order;
        }
        if (order < 0)
            WR_TRY(cell_set(agg->argument_type, cell, value, false, 0, memory, err));
    }
    return WR_OK;
}

/* Does a row at `position` replace what a FIRST, LAST or ANY_VALUE cell holds? */
static bool replaces(wr_agg_kind kind, const agg_cell *cell, uint64_t position)
{
    if (!cell->is_set)
        return true;
    return kind == WR_AGG_LAST ? position > cell->position : position < cell->position;
}

/* arg_min and arg_max: the ordering cell follows the argument's. */
static wr_status offer_ordered(const wr_agg *agg, agg_cell *kept, agg_cell *order_cell,
                               wr_type order_type, const void *value, bool is_null,
                               const void *order_value, uint64_t position,
                               wr_agg_memory *memory, wr_error *err)
{
    int order = -1;

    if (order_cell->is_set) {
        WR_TRY(cell_compare(order_type, order_value, order_cell->value, &order, err));
        order = agg->kind == WR_AGG_ARG_MIN ? order : -order;
        if (order == 0)
            order = position < order_cell->position ? -1 : 1;
    }
    if (order >= 0)
        return WR_OK;
    WR_TRY(cell_set(order_type, order_cell, order_value, false, position, memory, err));
    return cell_set(agg->argument_type, kept, value, is_null, position, memory, err);
}

static wr_status update_kept(const wr_agg_layout *layout, const wr_agg *agg,
                             const wr_vector *columns, const wr_vector_view *view,
                             const live_rows *live, uint8_t *const *states, uint32_t offset,
                             wr_agg_memory *memory, wr_error *err)
{
    const wr_vector *positions = &columns[layout->plan->position];
    uint32_t         bytes = wr_physical_bytes(wr_type_physical(agg->argument_type));
    wr_vector_view   order = {0};
    wr_type          order_type = {0};

    if (wr_agg_has_order(agg->kind)) {
        order_type = columns[agg->order].type;
        order = wr_vector_view_of(&columns[agg->order], NULL);
    }
    for (uint32_t i = 0; i < live->count; i++) {
        uint32_t  row = live->rows[i];
        agg_cell *cell = (agg_cell *)(void *)(states[live->from[i]] + offset);
        uint64_t  position = wr_vector_value(positions, row).u64;
        bool      is_null = !is_valid(view, row);

        if (wr_agg_has_order(agg->kind)) {
            if (is_valid(&order, row))
                WR_TRY(offer_ordered(
                    agg, cell, (agg_cell *)(void *)((uint8_t *)cell + cell_bytes(agg->argument_type)),
                    order_type, at(view, bytes, row), is_null,
                    at(&order, wr_physical_bytes(wr_type_physical(order_type)), row), position,
                    memory, err));
        } else if (replaces(agg->kind, cell, position)) {
            WR_TRY(cell_set(agg->argument_type, cell, at(view, bytes, row), is_null, position,
                            memory, err));
        }
    }
    return WR_OK;
}

static wr_status update_one(const wr_agg_layout *layout, const wr_agg_slot *slot,
                            const wr_vector *columns, const live_rows *live,
                            uint8_t *const *states, wr_agg_memory *memory, wr_error *err)
{
    const wr_agg  *agg = slot->agg;
    wr_vector_view view = {0};
    wr_physical    physical = wr_type_physical(agg->argument_type);
    uint32_t       offset = slot->offset;
    int64_t        sequence[WR_BATCH_ROWS_MAX];

    if (agg->argument != WR_FIELD_NONE)
        view = wr_vector_view_of(&columns[agg->argument], sequence);
    switch (family_of(agg)) {
    case COUNTER:
        for (uint32_t i = 0; i < live->count; i++)
            ++*(uint64_t *)(void *)(states[live->from[i]] + offset);
        return WR_OK;
    case INT_SUM:
        update_int_sum(physical, &view, live, states, offset);
        return WR_OK;
    case FLOAT_SUM:
        update_float_sum(physical, &view, live, states, offset);
        return WR_OK;
    case INTERVAL_SUM:
        update_interval_sum(&view, live, states, offset);
        return WR_OK;
    case MOMENTS:
        update_moments(agg, &view, live, states, offset);
        return WR_OK;
    case BOOLEANS:
    case BITS:
        update_bits(agg, &view, live, states, offset);
        return WR_OK;
    case EXTREME:
        return update_extreme(agg, &view, live, states, offset, memory, err);
    case KEPT:
        return update_kept(layout, agg, columns, &view, live, states, offset, memory, err);
    }
    WR_UNREACHABLE();
}

/* 0 is "no row yet", so positions are kept plus one. */
static void keep_least_position(uint8_t *state, uint64_t position_plus_one)
{
    uint64_t *least = (uint64_t *)(void *)state;

    if (position_plus_one && (*least == 0 || position_plus_one < *least))
        *least = position_plus_one;
}

static void update_positions(const wr_agg_layout *layout, const wr_vector *positions,
                             const uint16_t *rows, uint8_t *const *states, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        keep_least_position(states[i] + layout->position_offset,
                            wr_vector_value(positions, rows[i]).u64 + 1);
}

wr_status wr_agg_update(const wr_agg_layout *layout, const wr_vector *columns,
                        const uint16_t *rows, uint8_t *const *states, uint32_t count,
                        wr_agg_memory *memory, wr_error *err)
{
    live_rows live;

    for (uint32_t i = 0; i < layout->plan->agg_count; i++) {
        const wr_agg_slot *slot = &layout->slots[i];
        wr_agg_kind        kind = slot->agg->kind;
        bool               keeps_nulls = kind == WR_AGG_FIRST || kind == WR_AGG_LAST ||
                                         kind == WR_AGG_COUNT_STAR || wr_agg_has_order(kind);

        if (slot->is_shared)
            continue;
        choose_rows(slot->agg, columns, keeps_nulls, rows, count, &live);
        WR_TRY(update_one(layout, slot, columns, &live, states, memory, err));
    }
    if (layout->plan->position != WR_FIELD_NONE)
        update_positions(layout, &columns[layout->plan->position], rows, states, count);
    return WR_OK;
}

/* ---- Merge ------------------------------------------------------------------------------------------ */

static wr_status merge_kept(const wr_agg *agg, wr_type order_type, uint8_t *state,
                            const uint8_t *other, wr_error *err)
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
            WR_TRY(cell_compare(order_type, from_order->value, order_cell->value, &order, err));
            order = agg->kind == WR_AGG_ARG_MIN ? order : -order;
            if (order == 0)
                order = from_order->position < order_cell->position ? -1 : 1;
        }
        if (order < 0) {
            cell_copy(agg->argument_type, cell, from);
            cell_copy(order_type, order_cell, from_order);
        }
    }
    return WR_OK;
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
        WR_TRY(cell_compare(agg->argument_type, from->value, cell->value, &order, err));
        order = agg->kind == WR_AGG_MIN ? order : -order;
    }
    if (order < 0)
        cell_copy(agg->argument_type, cell, from);
    return WR_OK;
}

static void merge_int_sum(int_sum *sum, const int_sum *other)
{
    uint64_t count = sum->count + other->count;

    add_to_int_sum(sum, (wr_i128)((wr_u128)(uint64_t)other->high << 64 | other->low));
    sum->count = count;
    sum->overflow |= other->overflow;
}

static wr_status merge_one(const wr_agg_layout *layout, const wr_agg_slot *slot, uint8_t *state,
                           const uint8_t *other, wr_error *err)
{
    const wr_agg *agg = slot->agg;

    switch (family_of(agg)) {
    case COUNTER:
        *(uint64_t *)(void *)state += *(const uint64_t *)(const void *)other;
        return WR_OK;
    case INT_SUM:
        merge_int_sum((int_sum *)(void *)state, (const int_sum *)(const void *)other);
        return WR_OK;
    case FLOAT_SUM:
        ((float_sum *)(void *)state)->count += ((const float_sum *)(const void *)other)->count;
        wr_fsum_merge(&((float_sum *)(void *)state)->sum,
                      &((const float_sum *)(const void *)other)->sum);
        return WR_OK;
    case INTERVAL_SUM: {
        interval_sum       *to = (interval_sum *)(void *)state;
        const interval_sum *from = (const interval_sum *)(const void *)other;

        to->count += from->count;
        to->months += from->months;
        to->days += from->days;
        to->us += from->us;
        return WR_OK;
    }
    case MOMENTS: {
        moments       *to = (moments *)(void *)state;
        const moments *from = (const moments *)(const void *)other;

        to->count += from->count;
        wr_fsum_wide_merge(&to->sum, &from->sum);
        wr_fsum_wide_merge(&to->squares, &from->squares);
        return WR_OK;
    }
    case BOOLEANS:
    case BITS: {
        const bits_state *from = (const bits_state *)(const void *)other;

        merge_bits(agg->kind, (bits_state *)(void *)state, from->bits, from->count);
        return WR_OK;
    }
    case EXTREME:
        return merge_extreme(agg, state, other, err);
    case KEPT:
        return merge_kept(agg,
                          agg->order == WR_FIELD_NONE ? agg->argument_type
                                                      : layout->plan->types[agg->order],
                          state, other, err);
    }
    WR_UNREACHABLE();
}

wr_status wr_agg_merge(const wr_agg_layout *layout, uint8_t *states, const uint8_t *other,
                       wr_error *err)
{
    for (uint32_t i = 0; i < layout->plan->agg_count; i++)
        if (!layout->slots[i].is_shared)
            WR_TRY(merge_one(layout, &layout->slots[i], states + layout->slots[i].offset,
                             other + layout->slots[i].offset, err));
    if (layout->plan->position != WR_FIELD_NONE)
        keep_least_position(states + layout->position_offset,
                            wr_load_u64(other + layout->position_offset));
    return WR_OK;
}

/* ---- Finish ------------------------------------------------------------------------------------------ */

static wr_status finish_int_sum(const wr_agg *agg, const int_sum *sum, void *out, bool *out_null,
                                wr_error *err)
{
    wr_i128 total = (wr_i128)((wr_u128)(uint64_t)sum->high << 64 | sum->low);
    char    name[WR_TYPE_NAME_BYTES];

    *out_null = sum->count == 0;
    if (*out_null)
        return WR_OK;
    if (agg->kind == WR_AGG_AVG) {
        int    scale = agg->argument_type.logical == WR_TYPE_DECIMAL ? agg->argument_type.scale : 0;
        double mean = wr_decimal_to_f64(total, scale) / (double)sum->count;

        memcpy(out, &mean, sizeof mean);
        return WR_OK;
    }
    if (sum->overflow ||
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

static void finish_moments(const wr_agg *agg, const moments *state, double *out, bool *out_null)
{
    bool   is_sample = agg->kind == WR_AGG_STDDEV_SAMP || agg->kind == WR_AGG_VAR_SAMP;
    double divisor = (double)state->count - (is_sample ? 1.0 : 0.0);

    *out_null = state->count == 0 || divisor == 0.0;
    if (*out_null)
        return;
    *out = wr_fsum_wide_centered(&state->squares, &state->sum, &state->sum, state->count) / divisor;
    if (agg->kind == WR_AGG_STDDEV_SAMP || agg->kind == WR_AGG_STDDEV_POP)
        *out = sqrt(*out);
}

static void finish_interval(const wr_agg *agg, const interval_sum *state, wr_interval *out,
                            bool *out_null)
{
    int64_t n = agg->kind == WR_AGG_AVG && state->count ? (int64_t)state->count : 1;
    int64_t months = state->months / n, days = state->days + state->months % n * 30;

    *out_null = state->count == 0;
    *out = (wr_interval){(int32_t)months, (int32_t)(days / n),
                         state->us / n + days % n * 86400000000ll / n};
}

static wr_status finish_value(const wr_agg *agg, const uint8_t *state, void *out, bool *out_null,
                              wr_error *err)
{
    switch (family_of(agg)) {
    case COUNTER:
        memcpy(out, state, sizeof(uint64_t));
        return WR_OK;
    case INT_SUM:
        return finish_int_sum(agg, (const int_sum *)(const void *)state, out, out_null, err);
    case FLOAT_SUM: {
        const float_sum *sum = (const float_sum *)(const void *)state;
        double           total = wr_fsum_result(&sum->sum);

        *out_null = sum->count == 0;
        if (agg->kind == WR_AGG_AVG && sum->count)
            total /= (double)sum->count;
        memcpy(out, &total, sizeof total);
        return WR_OK;
    }
    case INTERVAL_SUM:
        finish_interval(agg, (const interval_sum *)(const void *)state, out, out_null);
        return WR_OK;
    case MOMENTS:
        finish_moments(agg, (const moments *)(const void *)state, out, out_null);
        return WR_OK;
    case BOOLEANS:
    case BITS: {
        const bits_state *bits = (const bits_state *)(const void *)state;

        *out_null = bits->count == 0;
        memcpy(out, &bits->bits, wr_physical_bytes(wr_type_physical(agg->result_type)));
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

typedef wr_status (*visit_cell)(agg_cell *cell, wr_spill *spill, wr_error *err);

/* Every cell that may hold text. */
static wr_status each_text_cell(const wr_agg_layout *layout, uint8_t *states, visit_cell visit,
                                wr_spill *spill, wr_error *err)
{
    for (uint32_t i = 0; i < layout->plan->agg_count; i++) {
        const wr_agg *agg = layout->slots[i].agg;
        uint8_t      *state = states + layout->slots[i].offset;
        family        f = family_of(agg);

        if (f != EXTREME && f != KEPT)
            continue;
        if (cell_is_text(agg->argument_type))
            WR_TRY(visit((agg_cell *)(void *)state, spill, err));
        if (wr_agg_has_order(agg->kind) && cell_is_text(layout->plan->types[agg->order]))
            WR_TRY(visit((agg_cell *)(void *)(state + cell_bytes(agg->argument_type)), spill, err));
    }
    return WR_OK;
}

static wr_status seal_cell(agg_cell *cell, wr_spill *spill, wr_error *err)
{
    wr_str       *str = (wr_str *)(void *)cell->value;
    wr_agg_memory nowhere = {NULL, 0, spill};
    wr_str        copy = *str;

    if (!cell->is_set || cell->is_null || wr_str_is_inline(str) || wr_str_is_blob(str))
        return WR_OK;
    return cell_keep_text((agg_text_cell *)(void *)cell, &copy, &nowhere, err);
}

static wr_status relocate_cell(agg_cell *cell, wr_spill *spill, wr_error *err)
{
    (void)spill, (void)err;
    if (cell->is_set && !cell->is_null)
        cell_own_blob(cell);
    return WR_OK;
}

wr_status wr_agg_seal(const wr_agg_layout *layout, uint8_t *states, wr_spill *spill, wr_error *err)
{
    return each_text_cell(layout, states, seal_cell, spill, err);
}

void wr_agg_relocate(const wr_agg_layout *layout, uint8_t *states)
{
    wr_status status = each_text_cell(layout, states, relocate_cell, NULL, NULL);

    wr_assert(status == WR_OK, "relocating cannot fail");
}
