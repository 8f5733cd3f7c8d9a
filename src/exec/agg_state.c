/* exec/agg_state.c — layout and update of every aggregate's state (agg_finish.c has the rest).
 *
 * One family of state per kind: counters, integer sums (128 bits), float sums (types/fsum.h),
 * moments, bits, kept values. The switch over kinds runs once per batch and aggregate; the loops
 * below it are over rows. */
#include "base/hash.h"
#include "exec/agg_family.h"
#include "os/libm.h"
#include "types/decimal.h"

/* ---- Layout -------------------------------------------------------------------------------------- */

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
        return sizeof(wr_moments);
    case POWERS:
        return sizeof(wr_powers);
    case LOGS:
        return sizeof(float_sum);
    case REGISTERS:
        return sizeof(registers);
    case BUCKETS:
        return sizeof(buckets);
    case CELLS:
        return agg->kind == WR_AGG_COUNTMIN_FREQUENT ? sizeof(read_cells) : sizeof(cells);
    case PAIRS:
        return sizeof(wr_pairs);
    case BOOLEANS:
    case BITS:
        return sizeof(bits_state);
    case NUMBER_EXTREME:
        return sizeof(number_extreme);
    case EXTREME:
        return cell_bytes(agg->argument_type);
    case KEPT:
        return cell_bytes(agg->argument_type) +
               (uint32_t)(wr_agg_has_order(agg->kind) ? sizeof(agg_text_cell) : 0);
    }
    WR_UNREACHABLE();
}

/* sum, avg and the count inside them, variance and stddev: one state serves all. */
static bool shares_state(const wr_agg *a, const wr_agg *b)
{
    family f = family_of(a);

    if (f != family_of(b) || wr_agg_takes_state(a->kind) != wr_agg_takes_state(b->kind) ||
        a->argument != b->argument || a->filter != b->filter ||
        a->order != b->order)
        return false;
    return f == POWERS || f == LOGS || f == PAIRS || f == REGISTERS || f == BUCKETS || f == INT_SUM || f == FLOAT_SUM || f == INTERVAL_SUM || f == MOMENTS ||
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
                              (cell_is_text(plan->aggs[i].argument_type) ||
                               (wr_agg_has_order(plan->aggs[i].kind) &&
                                cell_is_text(plan->aggs[i].order_type)));
    return WR_OK;
}

/* ---- Update ---------------------------------------------------------------------------------------- */

/* The rows that count for one aggregate: filter true, argument not null. */
typedef struct live_rows {
    const uint16_t *rows;
    const uint16_t *from;     /* index into the caller's rows and states             */
    uint32_t        count;
    uint8_t        *single;   /* all rows belong to these states; NULL: each to its own */
    bool            is_dense; /* they are rows 0, 1, 2 ...                           */
    uint16_t        all[WR_BATCH_ROWS_MAX], rows_room[WR_BATCH_ROWS_MAX], from_room[WR_BATCH_ROWS_MAX];
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

/* `rows` NULL: all. */
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
    out->is_dense = !rows;
    rows = rows ? rows : out->all;
    out->rows = rows;
    out->from = out->all;
    out->count = count;
    if (!argument.valid && !has_filter)
        return;
    out->rows = out->rows_room;
    out->from = out->from_room;
    out->is_dense = false;
    out->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool live = !has_argument || is_valid(&argument, rows[i]);

        if (has_filter)
            live = live && is_valid(&filter, rows[i]) &&
                   *(const uint8_t *)at(&filter, sizeof yes, rows[i]);
        out->rows_room[out->count] = rows[i];
        out->from_room[out->count] = (uint16_t)i;
        out->count += live;
    }
}

/* ---- Sums of one group -------------------------------------------------------------------------- */

/* Where the values of the rows stand in the view's data. */
static const uint32_t *find_places(const wr_vector_view *view, const live_rows *live, uint32_t *room)
{
    if (live->is_dense && view->index)
        return view->index;
    for (uint32_t i = 0; i < live->count; i++)
        room[i] = view->index ? view->index[live->rows[i]] : live->rows[i];
    return room;
}

/* What one batch adds: no sum of so many values of 8 bytes leaves 128 bits. */
static void add_int_total(wr_physical physical, const wr_vector_view *view, const live_rows *live,
                          int_sum *state)
{
    uint32_t        room[WR_BATCH_ROWS_MAX];
    const uint32_t *places = find_places(view, live, room);
    wr_i128         total = 0;

#define LOOP(id, ctype, sum_type)                                                                  \
    case WR_PHYS_##id: {                                                                           \
        sum_type sum = 0;                                                                          \
                                                                                                   \
        for (uint32_t i = 0; i < live->count; i++)                                                 \
            sum += (sum_type)((const ctype *)view->data)[places[i]];                               \
        total = (wr_i128)sum;                                                                      \
        break;                                                                                     \
    }
    switch (physical) {
        LOOP(I8, int8_t, int64_t)
        LOOP(I16, int16_t, int64_t)
        LOOP(I32, int32_t, int64_t)
        LOOP(I64, int64_t, wr_i128)
        LOOP(U8, uint8_t, int64_t)
        LOOP(U16, uint16_t, int64_t)
        LOOP(U32, uint32_t, int64_t)
        LOOP(U64, uint64_t, wr_i128)
    default:
        WR_UNREACHABLE();
    }
#undef LOOP
    add_total_to_int_sum(state, total, live->count);
}

enum { FEW_WORDS = 256 };

/* Of a small dictionary: each of its words as often as it comes. */
static void add_words(wr_physical physical, const wr_vector *words, const uint32_t *places,
                      uint32_t count, wr_fsum *sum)
{
    uint16_t times[2][FEW_WORDS] = {0}; /* by turns, as equal words often follow each other */

    for (uint32_t i = 0; i < count; i++)
        times[i % 2][places[i]]++;
    for (uint32_t w = 0; w < words->row_count; w++)
        if (times[0][w] + times[1][w] > 0)
            wr_fsum_add_times(sum,
                              physical == WR_PHYS_F64 ? ((const double *)words->data)[w]
                                                      : (double)((const float *)words->data)[w],
                              (uint32_t)times[0][w] + times[1][w]);
}

static void add_float_total(wr_physical physical, const wr_vector *column, const wr_vector_view *view,
                            const live_rows *live, float_sum *state)
{
    uint32_t        room[WR_BATCH_ROWS_MAX];
    const uint32_t *places = find_places(view, live, room);
    double          values[WR_BATCH_ROWS_MAX];

    state->count += live->count;
    if (column->encoding == WR_DICT && column->dict->row_count <= FEW_WORDS) {
        add_words(physical, column->dict, places, live->count, &state->sum);
        return;
    }
    for (uint32_t i = 0; i < live->count; i++)
        values[i] = physical == WR_PHYS_F64 ? ((const double *)view->data)[places[i]]
                                            : (double)((const float *)view->data)[places[i]];
    wr_fsum_add_many(&state->sum, values, live->count);
}

/* ---- Sums of many groups ------------------------------------------------------------------------ */

static void update_int_sum(wr_physical physical, const wr_vector_view *view, const live_rows *live,
                           uint8_t *const *states, uint32_t offset)
{
    if (live->single && physical != WR_PHYS_I128) {
        add_int_total(physical, view, live, (int_sum *)(void *)(live->single + offset));
        return;
    }
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

static void update_float_sum(wr_physical physical, const wr_vector *column,
                             const wr_vector_view *view, const live_rows *live,
                             uint8_t *const *states, uint32_t offset)
{
    if (live->single) {
        add_float_total(physical, column, view, live,
                        (float_sum *)(void *)(live->single + offset));
        return;
    }
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

    for (uint32_t i = 0; i < live->count; i++)
        wr_moments_add((wr_moments *)(void *)(states[live->from[i]] + offset),
                       float_at(physical, view, agg->argument_type, live->rows[i]));
}

static void update_powers(const wr_agg *agg, const wr_vector_view *view, const live_rows *live,
                          uint8_t *const *states, uint32_t offset)
{
    wr_physical physical = wr_type_physical(agg->argument_type);

    for (uint32_t i = 0; i < live->count; i++)
        wr_powers_add((wr_powers *)(void *)(states[live->from[i]] + offset),
                          float_at(physical, view, agg->argument_type, live->rows[i]));
}

static void update_logs(const wr_agg *agg, const wr_vector_view *view, const live_rows *live,
                        uint8_t *const *states, uint32_t offset)
{
    wr_physical physical = wr_type_physical(agg->argument_type);

    for (uint32_t i = 0; i < live->count; i++) {
        float_sum *state = (float_sum *)(void *)(states[live->from[i]] + offset);

        state->count++;
        wr_fsum_add(&state->sum, wr_math.log(float_at(physical, view, agg->argument_type, live->rows[i])));
    }
}

/* Equal values have equal hashes, whatever their bits (-0.0, NaN, intervals, blobs). */
static uint64_t hash_at(wr_physical physical, const void *value)
{
    uint64_t bits[2] = {0, 0};

    switch (physical) {
    case WR_PHYS_STR: {
        const wr_str *str = value;

        return wr_str_is_blob(str) ? wr_str_blob(str)->hash
                                   : wr_hash_bytes(wr_str_bytes(str), str->byte_count);
    }
    case WR_PHYS_F32:
    case WR_PHYS_F64: {
        double x = physical == WR_PHYS_F64 ? *(const double *)value : (double)*(const float *)value;

        x = x != x ? (double)NAN : x + 0.0;
        memcpy(bits, &x, sizeof x);
        break;
    }
    case WR_PHYS_INTERVAL: {
        wr_i128 us = wr_interval_total_us(*(const wr_interval *)value);

        memcpy(bits, &us, sizeof us);
        break;
    }
    default:
        memcpy(bits, value, wr_physical_bytes(physical));
        break;
    }
    return bits[1] ? wr_hash_combine(wr_hash_u64(bits[1]), bits[0]) : wr_hash_u64(bits[0]);
}

static void update_registers(const wr_agg *agg, const wr_vector_view *view, const live_rows *live,
                             uint8_t *const *states, uint32_t offset)
{
    wr_physical physical = wr_type_physical(agg->argument_type);
    uint32_t    bytes = wr_physical_bytes(physical);

    for (uint32_t i = 0; i < live->count; i++)
        wr_agg_registers_add((registers *)(void *)(states[live->from[i]] + offset),
                             hash_at(physical, at(view, bytes, live->rows[i])));
}

static wr_status update_from_states(const wr_agg *agg, const wr_vector_view *view,
                                    const live_rows *live, uint8_t *const *states, uint32_t offset,
                                    wr_error *err)
{
    bool     gives_values = agg->kind == WR_AGG_COUNTMIN_FREQUENT;
    wr_type  type = gives_values ? wr_agg_counted_value(agg->result_type) : WR_TYPE(NULL_);
    wr_type *values = gives_values ? &type : NULL;

    for (uint32_t i = 0; i < live->count; i++) {
        uint8_t      *state = states[live->from[i]] + offset;
        const wr_str *bytes = at(view, sizeof *bytes, live->rows[i]);

        if (family_of(agg) == REGISTERS)
            WR_TRY(wr_agg_registers_import((registers *)(void *)state, bytes, err));
        else if (family_of(agg) == BUCKETS)
            WR_TRY(wr_agg_buckets_import((buckets *)(void *)state, bytes, err));
        else
            WR_TRY(wr_agg_cells_import((cells *)(void *)state, bytes, values, err));
    }
    return WR_OK;
}

static wr_status update_cells(const wr_agg *agg, const wr_vector_view *view, const live_rows *live,
                              uint8_t *const *states, uint32_t offset, wr_error *err)
{
    uint32_t bytes = wr_physical_bytes(wr_type_physical(agg->argument_type));

    for (uint32_t i = 0; i < live->count; i++)
        WR_TRY(wr_agg_cells_add((cells *)(void *)(states[live->from[i]] + offset),
                                agg->argument_type, at(view, bytes, live->rows[i]), err));
    return WR_OK;
}

static void update_buckets(const wr_agg *agg, const wr_vector_view *view, const live_rows *live,
                           uint8_t *const *states, uint32_t offset)
{
    wr_physical physical = wr_type_physical(agg->argument_type);

    for (uint32_t i = 0; i < live->count; i++)
        wr_agg_buckets_add((buckets *)(void *)(states[live->from[i]] + offset),
                           float_at(physical, view, agg->argument_type, live->rows[i]));
}

/* Rows where the second argument is null do not count either. */
static void update_pairs(const wr_agg *agg, const wr_vector *second, const wr_vector_view *view,
                         const live_rows *live, uint8_t *const *states, uint32_t offset)
{
    int64_t        sequence[WR_BATCH_ROWS_MAX];
    wr_vector_view other = wr_vector_view_of(second, sequence);
    wr_physical    physical = wr_type_physical(agg->argument_type);
    wr_physical    other_physical = wr_type_physical(second->type);

    for (uint32_t i = 0; i < live->count; i++)
        if (is_valid(&other, live->rows[i]))
            wr_pairs_add((wr_pairs *)(void *)(states[live->from[i]] + offset),
                             float_at(physical, view, agg->argument_type, live->rows[i]),
                             float_at(other_physical, &other, second->type, live->rows[i]));
}

static void update_interval_sum(const wr_vector_view *view, const live_rows *live,
                                uint8_t *const *states, uint32_t offset)
{
    for (uint32_t i = 0; i < live->count; i++) {
        interval_sum      *state = (interval_sum *)(void *)(states[live->from[i]] + offset);
        const wr_interval *x = at(view, sizeof(wr_interval), live->rows[i]);

        state->months += x->months;
        state->days += x->days;
        add_to_int_sum(&state->us, x->us);
    }
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

/* Extremes of plain numbers, a loop per type. Adding 0 makes one zero of the two that floats have. */
#define NUMBER_LOOP(id, ctype)                                                                     \
    case WR_PHYS_##id:                                                                             \
        for (uint32_t i = 0; i < live->count; i++) {                                               \
            number_extreme *state = (number_extreme *)(void *)(states[live->from[i]] + offset);    \
            ctype x = (ctype)(*(const ctype *)at(view, sizeof(ctype), live->rows[i]) + (ctype)0);  \
            ctype kept;                                                                            \
                                                                                                   \
            memcpy(&kept, state->value, sizeof kept);                                              \
            if (!state->is_set || IS_BEYOND(x, kept, is_min))                                      \
                memcpy(state->value, &x, sizeof x);                                                \
            state->is_set = 1;                                                                     \
        }                                                                                          \
        return

static void update_number_extreme(wr_physical physical, bool is_min, const wr_vector_view *view,
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
        WR_UNREACHABLE();
    }
}
#undef NUMBER_LOOP

static wr_status update_extreme(const wr_agg *agg, const wr_vector_view *view,
                                const live_rows *live, uint8_t *const *states, uint32_t offset,
                                wr_agg_memory *memory, wr_error *err)
{
    wr_physical physical = wr_type_physical(agg->argument_type);
    bool        is_min = agg->kind == WR_AGG_MIN;

    for (uint32_t i = 0; i < live->count; i++) {
        agg_cell   *cell = (agg_cell *)(void *)(states[live->from[i]] + offset);
        const void *value = at(view, wr_physical_bytes(physical), live->rows[i]);
        int         order = -1;

        if (cell->is_set) {
            WR_TRY(cell_compare_form(agg->argument_type, value, cell->value, &order, err));
            order = is_min ? order : -order;
        }
        if (order < 0)
            WR_TRY(cell_set(agg->argument_type, cell, value, false, 0, memory, err));
    }
    return WR_OK;
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
    if (wr_agg_takes_state(agg->kind))
        return update_from_states(agg, &view, live, states, offset, err);
    switch (family_of(agg)) {
    case COUNTER:
        if (live->single)
            *(uint64_t *)(void *)(live->single + offset) += live->count;
        for (uint32_t i = 0; i < live->count && !live->single; i++)
            ++*(uint64_t *)(void *)(states[live->from[i]] + offset);
        return WR_OK;
    case INT_SUM:
        update_int_sum(physical, &view, live, states, offset);
        return WR_OK;
    case FLOAT_SUM:
        update_float_sum(physical, &columns[agg->argument], &view, live, states, offset);
        return WR_OK;
    case INTERVAL_SUM:
        update_interval_sum(&view, live, states, offset);
        return WR_OK;
    case MOMENTS:
        update_moments(agg, &view, live, states, offset);
        return WR_OK;
    case POWERS:
        update_powers(agg, &view, live, states, offset);
        return WR_OK;
    case LOGS:
        update_logs(agg, &view, live, states, offset);
        return WR_OK;
    case REGISTERS:
        update_registers(agg, &view, live, states, offset);
        return WR_OK;
    case CELLS:
        return update_cells(agg, &view, live, states, offset, err);
    case BUCKETS:
        update_buckets(agg, &view, live, states, offset);
        return WR_OK;
    case PAIRS:
        update_pairs(agg, &columns[agg->order], &view, live, states, offset);
        return WR_OK;
    case BOOLEANS:
    case BITS:
        update_bits(agg, &view, live, states, offset);
        return WR_OK;
    case NUMBER_EXTREME:
        update_number_extreme(physical, agg->kind == WR_AGG_MIN, &view, live, states, offset);
        return WR_OK;
    case EXTREME:
        return update_extreme(agg, &view, live, states, offset, memory, err);
    case KEPT:
        return update_kept(layout, agg, columns, &view, live, states, offset, memory, err);
    }
    WR_UNREACHABLE();
}

static void update_positions(const wr_agg_layout *layout, const wr_vector *positions,
                             const uint16_t *rows, uint8_t *const *states, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        keep_least_position(states[i] + layout->position_offset,
                            wr_vector_value(positions, rows[i]).u64 + 1);
}

static wr_status update_all(const wr_agg_layout *layout, const wr_vector *columns,
                            const uint16_t *rows, uint8_t *const *states, uint32_t count,
                            uint8_t *single, wr_agg_memory *memory, wr_error *err)
{
    live_rows live;

    live.single = single;
    for (uint32_t i = 0; i < count; i++)
        live.all[i] = (uint16_t)i;
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
        update_positions(layout, &columns[layout->plan->position], rows ? rows : live.all, states,
                         count);
    return WR_OK;
}

wr_status wr_agg_update(const wr_agg_layout *layout, const wr_vector *columns,
                        const uint16_t *rows, uint8_t *const *states, uint32_t count,
                        wr_agg_memory *memory, wr_error *err)
{
    return update_all(layout, columns, rows, states, count, NULL, memory, err);
}

wr_status wr_agg_update_single(const wr_agg_layout *layout, const wr_vector *columns,
                               const wr_selection *selection, uint8_t *states,
                               uint8_t **states_room, wr_agg_memory *memory, wr_error *err)
{
    for (uint32_t i = 0; i < selection->row_count; i++)
        states_room[i] = states;
    return update_all(layout, columns, selection->rows, states_room, selection->row_count, states,
                      memory, err);
}
