/* exec/agg_ordered.c — quantiles, mode, entropy, product and joined texts and lists of values in order. */
#include "exec/agg_ordered.h"

#include "base/hash.h"
#include "exec/key_view.h"
#include "exec/row.h"
#include "expr/quantile.h"
#include "os/libm.h"
#include "types/decimal.h"

wr_status wr_ordered_equal(wr_type type, const void *a, const void *b, bool *out_equal,
                           wr_error *err)
{
    int order = 0;

    if (wr_type_physical(type) != WR_PHYS_STR) {
        *out_equal = wr_key_value_equal(type, a, b);
        return WR_OK;
    }
    *out_equal = memcmp(a, b, 8) == 0; /* length and first bytes */
    if (*out_equal && memcmp(a, b, sizeof(wr_str)) != 0)
        WR_TRY(wr_row_str_compare(a, b, &order, err));
    *out_equal = *out_equal && order == 0;
    return WR_OK;
}

static const uint8_t *value_at(const wr_ordered *ordered, const wr_vector *values, uint32_t row)
{
    return (const uint8_t *)values->data +
           (size_t)row * wr_physical_bytes(wr_type_physical(ordered->type));
}

static void set_value(const wr_ordered *ordered, wr_ordered_value *to, const void *value)
{
    memcpy(to->value, value, wr_physical_bytes(wr_type_physical(ordered->type)));
    to->is_borrowed = true;
}

/* What is not borrowed is owned: it is copied. */
static void copy_value(wr_ordered_value *to, const wr_ordered_value *from)
{
    wr_str *str = (wr_str *)(void *)to->value;

    memcpy(to->value, from->value, sizeof to->value);
    to->blob = from->blob;
    to->is_borrowed = from->is_borrowed;
    if (from->is_borrowed || !to->room || wr_str_is_inline(str))
        return;
    if (wr_str_is_blob(str)) {
        str->pointer = (uintptr_t)&to->blob | WR_STR_BLOB_BIT;
    } else {
        memcpy(to->room, from->room, str->byte_count);
        str->pointer = (uintptr_t)to->room;
    }
}

/* ---- Groups -------------------------------------------------------------------------------------- */

bool wr_ordered_is_quantile(wr_agg_kind kind)
{
    return kind == WR_AGG_MEDIAN || kind == WR_AGG_QUANTILE_CONT || kind == WR_AGG_QUANTILE_DISC;
}

/* COUNT here is of distinct values. */
static bool counts_runs(wr_agg_kind kind)
{
    return kind == WR_AGG_MODE || kind == WR_AGG_ENTROPY || kind == WR_AGG_COUNT;
}

static bool is_sequence(const wr_plan_ordered *plan)
{
    return plan->agg_count > 0 && wr_agg_is_sequence(plan->aggs[0].kind);
}

/* Where the results of string_agg and list grow. */
static uint64_t chain_bytes(const wr_plan_ordered *plan, const wr_exec *exec)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < plan->agg_count; i++)
        if (wr_agg_is_sequence(plan->aggs[i].kind))
            bytes += plan->aggs[i].kind == WR_AGG_LIST ? wr_list_chain_bytes(exec)
                                                       : wr_text_chain_bytes(exec);
    return bytes;
}

static wr_text_chain *chain_of(wr_ordered_state *state)
{
    return state->agg->kind == WR_AGG_LIST ? &state->list.text : &state->text;
}

static uint32_t room_bytes(const wr_plan_ordered *plan, const wr_exec *exec)
{
    bool is_text = wr_type_physical(plan->types[plan->key_count]) == WR_PHYS_STR;

    return is_text && !is_sequence(plan) ? exec->page_bytes / 4 : 0;
}

uint64_t wr_ordered_bytes(const wr_plan_ordered *plan, const wr_exec *exec)
{
    enum { ROUNDING = 16 };

    return (plan->agg_count + 1) *
           (sizeof(wr_ordered_state) + room_bytes(plan, exec) +
            4 * ROUNDING) + chain_bytes(plan, exec);
}

/* Only modes and discrete quantiles are texts, and they keep one value. */
static wr_status take_rooms(wr_ordered *ordered, wr_bump *bump, wr_error *err)
{
    for (uint32_t i = 0; i <= ordered->state_count && ordered->room_bytes > 0; i++) {
        wr_ordered_value *value = i < ordered->state_count ? &ordered->states[i].low : &ordered->run;

        value->room = wr_bump_alloc(bump, ordered->room_bytes, err);
        if (!value->room)
            return WR_NO_MEMORY;
    }
    return WR_OK;
}

wr_status wr_ordered_init(wr_ordered *ordered, const wr_plan_ordered *plan, const wr_exec *exec,
                          wr_bump *bump, wr_error *err)
{
    *ordered = (wr_ordered){.type = plan->types[plan->key_count],
                            .state_count = plan->agg_count,
                            .is_sequence = is_sequence(plan),
                            .room_bytes = room_bytes(plan, exec)};
    wr_spill_scratch(exec->spill, &ordered->scratch);
    ordered->states = WR_BUMP_NEW_ARRAY(bump, wr_ordered_state, plan->agg_count + 1, err);
    if (!ordered->states)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < plan->agg_count; i++) {
        ordered->states[i].agg = &plan->aggs[i];
        ordered->counts_runs |= counts_runs(plan->aggs[i].kind);
        if (plan->aggs[i].kind == WR_AGG_STRING_AGG)
            WR_TRY(wr_text_chain_init(&ordered->states[i].text, exec, &ordered->scratch, bump, err));
        else if (plan->aggs[i].kind == WR_AGG_LIST)
            WR_TRY(wr_list_chain_init(&ordered->states[i].list, ordered->type, exec,
                                      &ordered->scratch, bump, err));
    }
    return take_rooms(ordered, bump, err);
}

static void choose_ranks(wr_ordered_state *state, uint64_t value_count)
{
    wr_quantile_ranks(state->agg->kind, state->agg->fraction, value_count, &state->low_rank,
                      &state->high_rank, &state->weight);
    if (state->agg->descending) {
        state->low_rank = value_count - 1 - state->low_rank;
        state->high_rank = value_count - 1 - state->high_rank;
    }
}

void wr_ordered_begin(wr_ordered *ordered, uint64_t value_count)
{
    ordered->value_count = value_count;
    ordered->values_seen = 0;
    ordered->run_count = 0;
    for (uint32_t i = 0; i < ordered->state_count; i++) {
        wr_ordered_state *state = &ordered->states[i];

        state->best_count = 0;
        state->distinct_count = 0;
        state->sum = (wr_fsum){0};
        state->mantissa = 1.0;
        state->exponent = 0;
        state->piece_count = 0;
        if (state->agg->kind == WR_AGG_STRING_AGG)
            wr_text_chain_begin(&state->text);
        else if (state->agg->kind == WR_AGG_LIST)
            wr_list_chain_begin(&state->list);
        if (wr_ordered_is_quantile(state->agg->kind) && value_count > 0)
            choose_ranks(state, value_count);
    }
}

void wr_ordered_count(wr_ordered *ordered, uint64_t value_count)
{
    ordered->value_count = value_count;
}

/* ---- Runs of equal values -------------------------------------------------------------------------- */

static void close_run(wr_ordered *ordered)
{
    double n = (double)ordered->run_count;

    for (uint32_t i = 0; i < ordered->state_count && ordered->run_count > 0; i++) {
        wr_ordered_state *state = &ordered->states[i];

        state->distinct_count++;
        if (state->agg->kind == WR_AGG_ENTROPY)
            wr_fsum_add(&state->sum, n * wr_math.log2(n));
        if (state->agg->kind == WR_AGG_MODE && ordered->run_count > state->best_count) {
            state->best_count = ordered->run_count;
            copy_value(&state->low, &ordered->run);
        }
    }
    ordered->run_count = 0;
}

static wr_status add_runs(wr_ordered *ordered, const wr_vector *values, uint32_t first,
                          uint32_t count, wr_error *err)
{
    uint32_t row = first, end = first + count;
    bool     equal = false;

    if (ordered->run_count > 0)
        WR_TRY(wr_ordered_equal(ordered->type, ordered->run.value, value_at(ordered, values, row),
                                &equal, err));
    while (row < end) {
        if (!equal) {
            close_run(ordered);
            set_value(ordered, &ordered->run, value_at(ordered, values, row));
        }
        do {
            ordered->run_count++;
            if (++row == end)
                break;
            WR_TRY(wr_ordered_equal(ordered->type, value_at(ordered, values, row - 1),
                                    value_at(ordered, values, row), &equal, err));
        } while (equal);
    }
    return WR_OK;
}

/* ---- Values ------------------------------------------------------------------------------------------ */

static void add_ranks(wr_ordered *ordered, wr_ordered_state *state, const wr_vector *values,
                      uint32_t first, uint32_t count)
{
    uint64_t seen = ordered->values_seen;

    if (state->low_rank >= seen && state->low_rank < seen + count)
        set_value(ordered, &state->low,
                  value_at(ordered, values, first + (uint32_t)(state->low_rank - seen)));
    if (state->high_rank >= seen && state->high_rank < seen + count)
        set_value(ordered, &state->high,
                  value_at(ordered, values, first + (uint32_t)(state->high_rank - seen)));
}

/* Kept below 1 with the power of two apart, so only the product itself can overflow. */
static void add_product(wr_ordered *ordered, wr_ordered_state *state, const wr_vector *values,
                        uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int    exponent = 0, more = 0;
        double x = frexp(wr_quantile_number(ordered->type, value_at(ordered, values, first + i)), &exponent);

        state->mantissa = frexp(state->mantissa * x, &more);
        state->exponent += exponent + more;
    }
}

static wr_status add_blob(wr_text_chain *text, const wr_blob *blob, wr_error *err)
{
    enum { PIECE_BYTES = 4096 };
    char piece[PIECE_BYTES];

    for (uint64_t offset = 0; offset < blob->byte_count; offset += PIECE_BYTES) {
        uint64_t left = blob->byte_count - offset;
        size_t   count = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;

        WR_TRY(wr_blob_read(blob, offset, piece, count, err));
        WR_TRY(wr_text_chain_add(text, piece, count, err));
    }
    return WR_OK;
}

static wr_status add_texts(wr_ordered_state *state, const wr_vector *values, uint32_t first,
                           uint32_t count, wr_error *err)
{
    const wr_str *all = values->data;
    wr_text       separator = state->agg->separator;

    for (uint32_t row = first; row < first + count; row++) {
        if (values->valid && !wr_bit_get(values->valid, row))
            continue;
        if (state->piece_count++ > 0)
            WR_TRY(wr_text_chain_add(&state->text, separator.bytes, separator.byte_count, err));
        if (wr_str_is_blob(&all[row]))
            WR_TRY(add_blob(&state->text, wr_str_blob(&all[row]), err));
        else
            WR_TRY(wr_text_chain_add(&state->text, wr_str_bytes(&all[row]), all[row].byte_count,
                                    err));
    }
    return WR_OK;
}

static wr_status add_included(wr_list_chain *list, const wr_vector *values,
                              const wr_vector *included, uint32_t first, uint32_t count,
                              wr_error *err)
{
    const bool *is_true = included->data;
    uint32_t    row = first, begin;

    while (row < first + count) {
        for (begin = row; row < first + count && is_true[row] && wr_vector_is_valid(included, row);)
            row++;
        if (row > begin)
            WR_TRY(wr_list_chain_add(list, values, begin, row - begin, err));
        row += row < first + count;
    }
    return WR_OK;
}

wr_status wr_ordered_add(wr_ordered *ordered, const wr_vector *values, const wr_vector *included,
                         uint32_t first, uint32_t count, wr_error *err)
{
    if (count == 0)
        return WR_OK;
    if (ordered->counts_runs)
        WR_TRY(add_runs(ordered, values, first, count, err));
    for (uint32_t i = 0; i < ordered->state_count; i++) {
        wr_ordered_state *state = &ordered->states[i];

        if (wr_ordered_is_quantile(state->agg->kind))
            add_ranks(ordered, state, values, first, count);
        else if (state->agg->kind == WR_AGG_PRODUCT)
            add_product(ordered, state, values, first, count);
        else if (state->agg->kind == WR_AGG_LIST && included)
            WR_TRY(add_included(&state->list, values, included, first, count, err));
        else if (state->agg->kind == WR_AGG_LIST)
            WR_TRY(wr_list_chain_add(&state->list, values, first, count, err));
        else if (state->agg->kind == WR_AGG_STRING_AGG)
            WR_TRY(add_texts(state, values, first, count, err));
    }
    ordered->values_seen += count;
    return WR_OK;
}

/* ---- Results ------------------------------------------------------------------------------------------ */

static void write_float(double x, void *out)
{
    x += 0.0; /* -0.0 equals 0.0: which of them came first must not show */
    memcpy(out, &x, sizeof x);
}

static void write_value(const wr_ordered *ordered, const wr_ordered_value *value, void *out)
{
    wr_physical physical = wr_type_physical(ordered->type);

    memcpy(out, value->value, wr_physical_bytes(physical));
    if (physical == WR_PHYS_F64)
        *(double *)out += 0.0;
    if (physical == WR_PHYS_F32)
        *(float *)out += 0.0f;
}

/* The exponent in two halves: ldexp takes an int, and neither half may overflow alone. */
static double product_of(const wr_ordered_state *state)
{
    enum { BEYOND = 5000 };
    int64_t exponent = state->exponent > BEYOND    ? BEYOND
                       : state->exponent < -BEYOND ? -BEYOND
                                                   : state->exponent;

    return ldexp(state->mantissa, (int)exponent);
}

wr_status wr_ordered_result(wr_ordered *ordered, uint32_t index, void *out, bool *out_is_null,
                            wr_error *err)
{
    wr_ordered_state *state = &ordered->states[index];

    *out_is_null = state->agg->kind == WR_AGG_LIST
                       ? state->list.total == 0
                       : ordered->value_count == 0 && state->agg->kind != WR_AGG_COUNT;
    if (*out_is_null)
        return WR_OK;
    close_run(ordered);
    switch ((int)state->agg->kind) {
    case WR_AGG_COUNT:
        memcpy(out, &state->distinct_count, sizeof state->distinct_count);
        return WR_OK;
    case WR_AGG_MEDIAN:
    case WR_AGG_QUANTILE_CONT:
        wr_quantile_between(ordered->type, state->low.value, state->high.value, state->weight, out);
        return WR_OK;
    case WR_AGG_QUANTILE_DISC:
    case WR_AGG_MODE:
        write_value(ordered, &state->low, out);
        return WR_OK;
    case WR_AGG_ENTROPY:
        write_float(wr_quantile_entropy(&state->sum, ordered->value_count), out);
        return WR_OK;
    case WR_AGG_PRODUCT:
        write_float(product_of(state), out);
        return WR_OK;
    case WR_AGG_STRING_AGG:
        return wr_text_chain_end(&state->text, out, err);
    case WR_AGG_LIST:
        return wr_list_chain_end(&state->list, out, err);
    default:
        WR_UNREACHABLE();
    }
}

bool wr_ordered_is_full(const wr_ordered *ordered)
{
    for (uint32_t i = 0; ordered->is_sequence && i < ordered->state_count; i++)
        if (wr_text_chain_is_full(chain_of(&ordered->states[i])))
            return true;
    return false;
}

void wr_ordered_recycle(wr_ordered *ordered)
{
    for (uint32_t i = 0; ordered->is_sequence && i < ordered->state_count; i++)
        wr_text_chain_recycle(chain_of(&ordered->states[i]));
}

/* ---- Keeping text -------------------------------------------------------------------------------------- */

typedef struct batch_bytes {
    wr_blob     blob;
    const char *bytes;
} batch_bytes;

static wr_status read_batch_bytes(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                                  size_t *out_bytes, wr_error *err)
{
    const batch_bytes *source = (const batch_bytes *)(const void *)blob;
    size_t             left = offset < blob->byte_count ? blob->byte_count - offset : 0;

    (void)err;
    *out_bytes = bytes < left ? bytes : left;
    memcpy(buffer, source->bytes + offset, *out_bytes);
    return WR_OK;
}

static wr_status keep_value(const wr_ordered *ordered, wr_ordered_value *value, wr_spill *spill,
                            wr_error *err)
{
    wr_str     *str = (wr_str *)(void *)value->value;
    batch_bytes source;

    if (!value->is_borrowed)
        return WR_OK;
    value->is_borrowed = false;
    if (wr_str_is_inline(str))
        return WR_OK;
    if (!wr_str_is_blob(str) && str->byte_count <= ordered->room_bytes) {
        memcpy(value->room, wr_str_bytes(str), str->byte_count);
        str->pointer = (uintptr_t)value->room;
        return WR_OK;
    }
    if (wr_str_is_blob(str)) {
        value->blob = *wr_str_blob(str); /* the sorter's rows have theirs in the spill */
    } else {
        source = (batch_bytes){{.byte_count = str->byte_count,
                                .hash = wr_hash_bytes(wr_str_bytes(str), str->byte_count),
                                .read = read_batch_bytes},
                               wr_str_bytes(str)};
        WR_TRY(wr_spill_blob_store(spill, &source.blob, &value->blob, err));
    }
    str->pointer = (uintptr_t)&value->blob | WR_STR_BLOB_BIT;
    return WR_OK;
}

wr_status wr_ordered_keep(wr_ordered *ordered, wr_spill *spill, wr_error *err)
{
    if (ordered->room_bytes == 0 || ordered->values_seen == 0)
        return WR_OK;
    if (ordered->run_count > 0)
        WR_TRY(keep_value(ordered, &ordered->run, spill, err));
    for (uint32_t i = 0; i < ordered->state_count; i++) {
        wr_ordered_state *state = &ordered->states[i];

        if (state->agg->kind == WR_AGG_MODE ? state->best_count > 0
                                            : state->low_rank < ordered->values_seen)
            WR_TRY(keep_value(ordered, &state->low, spill, err));
    }
    return WR_OK;
}
