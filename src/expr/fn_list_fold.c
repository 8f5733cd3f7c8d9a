/* expr/fn_list_fold.c — more lists to one value, by the folds and formulas that aggregates of rows have.
 *
 * Moments (moments.h), bits and logarithms take the elements as they come, quantiles (quantile.h) by rank: of
 * up to a block of them by sorting their keys, else by reading the list once for each byte of the key that is
 * looked for, so that a list on disk needs no more room than any other. Modes and entropies count runs of
 * equal elements, sorted in the heap. Of nothing there is nothing. */
#include "expr/fn_list_tally.h"
#include "expr/quantile.h"
#include "kernel/number_key.h"
#include "os/libm.h"

/* The aggregate that a function is called after. */
static wr_agg_kind kind_of(const wr_eval *eval)
{
    wr_agg_kind kind = WR_AGG_KIND_COUNT;
    bool        found = wr_agg_find(wr_text_of(eval->expr->function->name + strlen("list_")), &kind);

    wr_assert(found, "functions on lists are named after aggregates");
    return kind;
}

static void put_double(wr_vector *out, uint32_t row, double x, bool is_null)
{
    ((double *)out->data)[row] = is_null ? 0.0 : x + 0.0;
    if (is_null)
        wr_eval_set_null(out, row);
}

/* ---- As they come ------------------------------------------------------------------------------------ */

typedef struct fold_state {
    tally_state tally; /* first: it is handed to `add` */
    union {
        wr_moments moments;
        wr_powers  powers;
    };
} fold_state;

/* Folds whose state takes numbers one by one, and is finished as the function's kind says. */
#define DEFINE_NUMBER_FOLD(name, begin)                                                            \
    static void add_##name(tally *t, wr_type type, const uint8_t *cells, uint32_t count,           \
                           const uint64_t *valid)                                                  \
    {                                                                                              \
        fold_state *state = t->state;                                                              \
                                                                                                   \
        EACH_CELL(cell) wr_##name##_add(&state->name, wr_quantile_number(type, cell));             \
    }                                                                                              \
                                                                                                   \
    EVAL(name)                                                                                     \
    {                                                                                              \
        fold_state *state = eval->state;                                                           \
                                                                                                   \
        (void)arg_count;                                                                           \
        EACH_LIVE(row)                                                                             \
        {                                                                                          \
            tally  t;                                                                              \
            double x = 0.0;                                                                        \
            bool   is_null;                                                                        \
                                                                                                   \
            state->name = (begin){0};                                                              \
            WR_TRY(wr_list_tally(eval, args, row, add_##name, &t, err));                           \
            wr_##name##_finish(kind_of(eval), &state->name, &x, &is_null);                         \
            put_double(out, row, x, is_null);                                                      \
        }                                                                                          \
        return WR_OK;                                                                              \
    }

DEFINE_NUMBER_FOLD(moments, wr_moments)
DEFINE_NUMBER_FOLD(powers, wr_powers)

static void add_logs(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                     const uint64_t *valid)
{
    EACH_CELL(cell) wr_fsum_add(&t->floats, wr_math.log(wr_quantile_number(type, cell)));
}

EVAL(geometric_mean)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        tally t;

        WR_TRY(wr_list_tally(eval, args, row, add_logs, &t, err));
        put_double(out, row, wr_math.exp(wr_fsum_result(&t.floats) / (double)t.count), t.count == 0);
    }
    return WR_OK;
}

/* Little-endian: the low bytes of a number are its bits. */
static uint64_t bits_of(wr_type type, const uint8_t *cell)
{
    uint64_t bits = 0;

    memcpy(&bits, cell, value_bytes(type));
    return bits;
}

/* Those that are 0 in one of them. */
static void add_zeros(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                      const uint64_t *valid)
{
    EACH_CELL(cell) t->bits |= ~bits_of(type, cell);
}

static void add_ones(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                     const uint64_t *valid)
{
    EACH_CELL(cell) t->bits |= bits_of(type, cell);
}

static void turn_ones(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                      const uint64_t *valid)
{
    EACH_CELL(cell) t->bits ^= bits_of(type, cell);
}

EVAL(bits)
{
    wr_agg_kind kind = kind_of(eval);
    add_fn      add = kind == WR_AGG_BIT_AND ? add_zeros : kind == WR_AGG_BIT_OR ? add_ones : turn_ones;
    uint32_t    width = value_bytes(out->type);

    (void)arg_count;
    EACH_LIVE(row)
    {
        tally t;

        WR_TRY(wr_list_tally(eval, args, row, add, &t, err));
        t.bits = kind == WR_AGG_BIT_AND ? ~t.bits : t.bits;
        memcpy((uint8_t *)out->data + (size_t)row * width, &t.bits, width);
        if (t.count == 0)
            wr_eval_set_null(out, row);
    }
    return WR_OK;
}

/* ---- By rank ---------------------------------------------------------------------------------------------- */

enum { RADIX = 256, KEY_BITS = 64, DIGIT_BITS = 8 };

typedef struct rank_state {
    tally_state tally;
    uint64_t    keys[WR_LIST_BLOCK_ELEMENTS]; /* of the block that is looked at           */
    uint64_t    few[WR_LIST_BLOCK_ELEMENTS];  /* of all elements, if they are not more    */
    uint32_t    few_count;                    /* more than there is room for: there are   */
    uint64_t    counts[RADIX];
    uint64_t    prefix;                       /* of the key that is looked for            */
    uint32_t    shift;                        /* of the digit that is counted             */
} rank_state;

static uint32_t take_keys(rank_state *state, wr_type type, const uint8_t *cells, uint32_t count,
                          const uint64_t *valid)
{
    wr_vector    values = {.type = type, .row_count = count, .data = (void *)(uintptr_t)cells,
                           .valid = (uint64_t *)(uintptr_t)valid};
    wr_selection all = {NULL, count};

    return wr_number_keys(&values, &all, state->keys);
}

static void add_few(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                    const uint64_t *valid)
{
    rank_state *state = t->state;
    uint32_t    key_count = take_keys(state, type, cells, count, valid);

    if (state->few_count + key_count <= WR_LIST_BLOCK_ELEMENTS)
        memcpy(state->few + state->few_count, state->keys, key_count * sizeof state->keys[0]);
    state->few_count += key_count <= WR_LIST_BLOCK_ELEMENTS - state->few_count
                            ? key_count
                            : WR_LIST_BLOCK_ELEMENTS + 1 - state->few_count;
}

/* Digits of the keys that begin with the prefix. */
static void add_digits(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                       const uint64_t *valid)
{
    rank_state *state = t->state;
    uint32_t    key_count = take_keys(state, type, cells, count, valid);

    for (uint32_t i = 0; i < key_count; i++) {
        uint64_t digits = state->keys[i] >> state->shift;

        if (digits >> DIGIT_BITS == state->prefix)
            state->counts[digits % RADIX]++;
    }
}

/* The key of rank `rank`, from 0. */
static wr_status find_key(wr_eval *eval, arguments args, uint32_t row, uint64_t rank,
                          uint64_t *out_key, wr_error *err)
{
    rank_state *state = eval->state;
    tally       t;

    state->prefix = 0;
    for (state->shift = KEY_BITS; state->shift > 0;) {
        uint32_t digit = 0;

        state->shift -= DIGIT_BITS;
        memset(state->counts, 0, sizeof state->counts);
        WR_TRY(wr_list_tally(eval, args, row, add_digits, &t, err));
        for (; digit + 1 < RADIX && rank >= state->counts[digit]; digit++)
            rank -= state->counts[digit];
        state->prefix = state->prefix << DIGIT_BITS | digit;
    }
    *out_key = state->prefix;
    return WR_OK;
}

static wr_status find_keys(wr_eval *eval, arguments args, uint32_t row, uint64_t low, uint64_t high,
                           uint64_t *out_low, uint64_t *out_high, wr_error *err)
{
    rank_state *state = eval->state;
    uint64_t   *sorted;

    if (state->few_count <= WR_LIST_BLOCK_ELEMENTS) {
        wr_number_keys_sort(state->few, state->keys, state->few_count, &sorted);
        *out_low = sorted[low];
        *out_high = sorted[high];
        return WR_OK;
    }
    WR_TRY(find_key(eval, args, row, low, out_low, err));
    *out_high = *out_low;
    return high == low ? WR_OK : find_key(eval, args, row, high, out_high, err);
}

static wr_status put_quantile(wr_eval *eval, arguments args, uint32_t row, double fraction,
                              wr_vector *out, wr_error *err)
{
    rank_state *state = eval->state;
    wr_agg_kind kind = kind_of(eval);
    wr_type     type = wr_type_element(args[0]->type);
    uint8_t    *to = (uint8_t *)out->data + (size_t)row * value_bytes(out->type);
    tally       t;
    double      weight;
    uint64_t    low, high, keys[2];
    _Alignas(16) uint8_t cells[2][16];

    state->few_count = 0;
    WR_TRY(wr_list_tally(eval, args, row, add_few, &t, err));
    if (t.count == 0) {
        wr_eval_set_null(out, row);
        return WR_OK;
    }
    wr_quantile_ranks(kind, fraction, t.count, &low, &high, &weight);
    WR_TRY(find_keys(eval, args, row, low, high, &keys[0], &keys[1], err));
    wr_number_of_key(type, keys[0], cells[0]);
    wr_number_of_key(type, keys[1], cells[1]);
    if (kind == WR_AGG_QUANTILE_DISC)
        memcpy(to, cells[0], value_bytes(type));
    else
        wr_quantile_between(type, cells[0], cells[1], weight, to);
    return WR_OK;
}

EVAL(quantile)
{
    EACH_LIVE(row)
    {
        double fraction = arg_count > 1 ? *(const double *)cell_at(args[1], row) : 0.5;

        if (!(fraction >= 0.0 && fraction <= 1.0))
            return wr_eval_fail(eval, row, err, "%s: %g is not a fraction from 0 to 1",
                                eval->expr->function->name, fraction);
        WR_TRY(put_quantile(eval, args, row, fraction, out, err));
    }
    return WR_OK;
}

/* ---- Runs of equal ones --------------------------------------------------------------------------------- */

typedef struct runs {
    element_array array;
    uint32_t     *order;
    uint32_t      count; /* of those that are not NULL */
} runs;

static wr_status sort_runs(wr_eval *eval, arguments args, uint32_t row, runs *out, wr_error *err)
{
    wr_type type = args[0]->type;

    WR_TRY(wr_nested_collect(eval, packed_at(args, 0, row), type, &out->array, err));
    WR_TRY(wr_nested_sort(eval, wr_type_element(type), &out->array, &out->order));
    out->count = out->array.count;
    while (out->count > 0 && out->array.items[out->order[out->count - 1]].is_null)
        out->count--;
    return WR_OK;
}

static const element *run_at(const runs *r, uint32_t place)
{
    return &r->array.items[r->order[place]];
}

/* Where the run that begins at `begin` ends. */
static uint32_t end_of_run(const runs *r, wr_type type, uint32_t begin)
{
    uint32_t end = begin + 1;

    while (end < r->count &&
           wr_nested_compare(type, run_at(r, begin)->cell, run_at(r, end)->cell) == 0)
        end++;
    return end;
}

EVAL(mode)
{
    wr_bump_mark mark = wr_bump_save(eval->heap);
    uint32_t     width = value_bytes(out->type);

    (void)arg_count;
    EACH_LIVE(row)
    {
        runs     r;
        uint32_t best = 0, most = 0;

        WR_TRY(sort_runs(eval, args, row, &r, err));
        for (uint32_t begin = 0, end; begin < r.count; begin = end) {
            end = end_of_run(&r, out->type, begin);
            best = end - begin > most ? begin : best;
            most = end - begin > most ? end - begin : most;
        }
        if (most == 0)
            wr_eval_set_null(out, row);
        else
            memcpy((uint8_t *)out->data + (size_t)row * width, run_at(&r, best)->cell, width);
        if (most > 0 && out->type.logical == WR_TYPE_F64)
            ((double *)out->data)[row] += 0.0;
        if (most > 0 && out->type.logical == WR_TYPE_F32)
            ((float *)out->data)[row] += 0.0f;
        wr_bump_rewind(eval->heap, mark);
    }
    return WR_OK;
}

EVAL(entropy)
{
    wr_bump_mark mark = wr_bump_save(eval->heap);
    wr_type      type = wr_type_element(args[0]->type);

    (void)arg_count;
    EACH_LIVE(row)
    {
        runs    r;
        wr_fsum sum = {0};

        WR_TRY(sort_runs(eval, args, row, &r, err));
        for (uint32_t begin = 0, end; begin < r.count; begin = end) {
            end = end_of_run(&r, type, begin);
            wr_fsum_add(&sum, (double)(end - begin) * wr_math.log2((double)(end - begin)));
        }
        put_double(out, row, wr_quantile_entropy(&sum, r.count), r.count == 0);
        wr_bump_rewind(eval->heap, mark);
    }
    return WR_OK;
}

/* ---- Types ------------------------------------------------------------------------------------------------- */

RESOLVE(resolve_number)
{
    (void)arg_count;
    return wr_list_resolve_as(WR_AGG_STDDEV_SAMP, args[0], args_io, out_result);
}

RESOLVE(resolve_bits)
{
    (void)arg_count;
    return wr_list_resolve_as(WR_AGG_BIT_AND, args[0], args_io, out_result);
}

/* Decimals without keys are doubles: what lies between two of them is one anyway. */
RESOLVE(resolve_between)
{
    if (!wr_list_resolve_as(WR_AGG_MEDIAN, args[0], args_io, out_result))
        return false;
    if (arg_count > 1)
        args_io[1] = WR_TYPE(F64);
    return wr_number_key_fits(wr_type_element(args_io[0])) ||
           wr_type_make_list(WR_TYPE(F64), &args_io[0], NULL) == WR_OK;
}

RESOLVE(resolve_ranked)
{
    (void)arg_count;
    args_io[1] = WR_TYPE(F64);
    return wr_list_resolve_as(WR_AGG_QUANTILE_DISC, args[0], args_io, out_result) &&
           wr_number_key_fits(*out_result);
}

RESOLVE(resolve_mode)
{
    (void)arg_count;
    return wr_list_resolve_as(WR_AGG_MODE, args[0], args_io, out_result);
}

RESOLVE(resolve_entropy)
{
    (void)arg_count;
    return wr_list_resolve_as(WR_AGG_ENTROPY, args[0], args_io, out_result);
}

/* ---- Table -------------------------------------------------------------------------------------------------- */

/* clang-format off */
#define FOLD_AS(name_, signature_, flags_, count_, resolve_, eval_, state_, help_) \
    {.name = name_, .signature = signature_, .help = help_, .flags = (flags_) | WR_FN_MAY_NULL, .param_count = count_, \
     .resolve = resolve_, .eval = eval_, .state_bytes = state_}
#define FOLD(name_, flags_, resolve_, eval_, help_) \
    FOLD_AS(name_, "(list) -> Float64", (flags_) | WR_FN_TOTAL | WR_FN_BLOBS, 1, resolve_, eval_, sizeof(fold_state), help_)
#define RANK(name_, signature_, flags_, count_, resolve_, help_) \
    FOLD_AS(name_, signature_, (flags_) | WR_FN_BLOB_LIST, count_, resolve_, quantile, sizeof(rank_state), help_)
#define BITS(name_, help_) \
    FOLD_AS(name_, "(list) -> integer", WR_FN_TOTAL | WR_FN_BLOBS, 1, resolve_bits, bits, sizeof(fold_state), help_)

static const wr_function FUNCTIONS[] = {
    FOLD("list_stddev_samp", 0, resolve_number, moments, "their sample standard deviation"),
    FOLD("list_stddev_pop", 0, resolve_number, moments, "their population standard deviation"),
    FOLD("list_var_samp", 0, resolve_number, moments, "their sample variance"),
    FOLD("list_var_pop", 0, resolve_number, moments, "their population variance"),
    FOLD("list_skewness", 0, resolve_number, powers, "their sample skewness"),
    FOLD("list_kurtosis", 0, resolve_number, powers, "their sample excess kurtosis"),
    FOLD("list_kurtosis_pop", 0, resolve_number, powers, "their population excess kurtosis"),
    FOLD("list_geometric_mean", WR_FN_MATH, resolve_number, geometric_mean, "their geometric mean"),
    BITS("list_bit_and", "bitwise AND of the elements"), BITS("list_bit_or", "bitwise OR of the elements"),
    BITS("list_bit_xor", "bitwise XOR of the elements"),
    RANK("list_median", "(list) -> value", WR_FN_TOTAL, 1, resolve_between, "the value in the middle of the sorted elements, or halfway between two; times too"),
    RANK("list_quantile_cont", "(list, fraction) -> value", 0, 2, resolve_between, "the value that fraction of the way through the sorted elements, interpolated"),
    RANK("list_quantile_disc", "(list, fraction) -> element", 0, 2, resolve_ranked, "the first element with at least that fraction of all up to it"),
    FOLD_AS("list_mode", "(list) -> element", WR_FN_TOTAL, 1, resolve_mode, mode, 0, "the most frequent element; the least of several"),
    FOLD_AS("list_entropy", "(list) -> Float64", WR_FN_TOTAL | WR_FN_MATH, 1, resolve_entropy, entropy, 0, "the entropy of the elements in bits"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_LIST_FOLD = {"statistics of lists", FUNCTIONS,
                                                  sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
