/* exec/agg_family.h — the states of aggregates: one struct per family of kinds.
 *
 * All-zero is empty; every state is a multiple of 8 bytes. Private to agg_state.c (update),
 * agg_finish.c (merge, finish, seal), agg_sketch.c and agg_countmin.c. */
#ifndef WR_EXEC_AGG_FAMILY_H
#define WR_EXEC_AGG_FAMILY_H

#include "exec/agg_cell.h"
#include "expr/moments.h"
#include "types/fsum.h"
#include "types/nested.h"

typedef enum family {
    COUNTER,
    INT_SUM,
    FLOAT_SUM,
    INTERVAL_SUM,
    MOMENTS,
    POWERS,   /* skewness and kurtosis */
    LOGS,     /* geometric mean */
    PAIRS,    /* two arguments */
    REGISTERS, /* approximate distinct count */
    BUCKETS,   /* approximate quantile       */
    CELLS,     /* frequent values            */
    BOOLEANS,
    BITS,
    NUMBER_EXTREME, /* min and max of numbers of at most 8 bytes */
    EXTREME,
    KEPT,
} family;

/* carries * 2^128 + (high, low): exact, so only the end can overflow, whatever the order of adding. */
typedef struct int_sum {
    uint64_t count;
    uint64_t low;
    int64_t  high;
    int64_t  carries;
} int_sum;

typedef struct float_sum {
    uint64_t count;
    wr_fsum  sum;
} float_sum;

typedef struct interval_sum {
    int64_t months, days;
    int_sum us; /* counts, too */
} interval_sum;

enum { REGISTER_BITS = 12, REGISTER_COUNT = 1 << REGISTER_BITS, BUCKET_COUNT = 1024 };

/* Of a sketch that is given out (docs/sketches.md); zero until then. */
typedef struct sketch_head {
    uint32_t magic;
    uint16_t version, detail;
    uint64_t check;
} sketch_head;

typedef struct registers {
    sketch_head head;
    uint8_t     ranks[REGISTER_COUNT];
} registers;

typedef struct bucket_fields {
    uint64_t total, nan_count, zero_count;
    uint64_t infinite[2];  /* positive, negative                               */
    int32_t  least[2];     /* index of the first bucket of positive, negative  */
    uint32_t used[2];      /* how many there are                               */
    uint32_t level;        /* a bucket is 2^level of the finest wide           */
    uint32_t reserved;
} bucket_fields;

typedef struct buckets {
    sketch_head   head;
    uint64_t      counts[BUCKET_COUNT];
    bucket_fields fields;
} buckets;

enum { CELL_KEY_BYTES = 16, CELL_ROWS = 5, CELL_COLUMNS = 192, CELL_VALUES_MAX = 100 };

typedef struct cell_fields {
    uint64_t total;
    uint64_t reserved;
    char     type[WR_AGG_CELL_TYPE_BYTES]; /* name of the values' type, zeros behind it */
} cell_fields;

/* counts[n]: of the first n + 1 bytes of the values. */
typedef struct cells {
    sketch_head head;
    uint64_t    counts[CELL_KEY_BYTES][CELL_ROWS][CELL_COLUMNS];
    cell_fields fields;
} cells;

/* One that gives its values: they are written behind it. */
typedef struct read_cells {
    cells   cells;
    uint8_t list[3328]; /* CELL_VALUES_MAX structs of a value and a count */
} read_cells;

typedef struct bits_state {
    uint64_t count;
    uint64_t bits;
} bits_state;

typedef struct number_extreme {
    uint64_t is_set;
    uint8_t  value[8];
} number_extreme;

static inline bool is_plain_number(wr_physical physical)
{
    switch (physical) {
    case WR_PHYS_I8:
    case WR_PHYS_I16:
    case WR_PHYS_I32:
    case WR_PHYS_I64:
    case WR_PHYS_U8:
    case WR_PHYS_U16:
    case WR_PHYS_U32:
    case WR_PHYS_U64:
    case WR_PHYS_F32:
    case WR_PHYS_F64:
        return true;
    default:
        return false;
    }
}

static inline family family_of(const wr_agg *agg)
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
        return is_plain_number(wr_type_physical(agg->argument_type)) ? NUMBER_EXTREME : EXTREME;
    case WR_AGG_STDDEV_SAMP:
    case WR_AGG_STDDEV_POP:
    case WR_AGG_VAR_SAMP:
    case WR_AGG_VAR_POP:
        return MOMENTS;
    case WR_AGG_SKEWNESS:
    case WR_AGG_KURTOSIS:
    case WR_AGG_KURTOSIS_POP:
        return POWERS;
    case WR_AGG_APPROX_COUNT_DISTINCT:
    case WR_AGG_HLL_STATE:
    case WR_AGG_HLL_MERGE:
    case WR_AGG_HLL_COUNT:
        return REGISTERS;
    case WR_AGG_APPROX_QUANTILE:
    case WR_AGG_DDSKETCH_STATE:
    case WR_AGG_DDSKETCH_MERGE:
    case WR_AGG_DDSKETCH_QUANTILE:
        return BUCKETS;
    case WR_AGG_COUNTMIN_STATE:
    case WR_AGG_COUNTMIN_MERGE:
    case WR_AGG_COUNTMIN_FREQUENT:
        return CELLS;
    case WR_AGG_GEOMETRIC_MEAN:
        return LOGS;
    case WR_AGG_CORR:
    case WR_AGG_COVAR_POP:
    case WR_AGG_COVAR_SAMP:
    case WR_AGG_REGR_SLOPE:
    case WR_AGG_REGR_INTERCEPT:
    case WR_AGG_REGR_R2:
    case WR_AGG_REGR_COUNT:
    case WR_AGG_REGR_AVGX:
    case WR_AGG_REGR_AVGY:
    case WR_AGG_REGR_SXX:
    case WR_AGG_REGR_SYY:
    case WR_AGG_REGR_SXY:
        return PAIRS;
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

/* Of {value, count} in a list. */
static inline wr_type wr_agg_counted_value(wr_type list)
{
    return wr_type_member(wr_type_element(list), 0).type;
}

static inline wr_i128 int_sum_total(const int_sum *sum)
{
    return (wr_i128)((wr_u128)(uint64_t)sum->high << 64 | sum->low);
}

static inline void add_total_to_int_sum(int_sum *sum, wr_i128 x, uint64_t count)
{
    wr_i128 total = int_sum_total(sum);

    if (__builtin_add_overflow(total, x, &total))
        sum->carries += x < 0 ? -1 : 1;
    sum->low = (uint64_t)total;
    sum->high = (int64_t)(total >> 64);
    sum->count += count;
}

static inline void add_to_int_sum(int_sum *sum, wr_i128 x)
{
    add_total_to_int_sum(sum, x, 1);
}

/** The sum or mean, of integers or decimals. Errors WR_DATA it does not fit */
wr_status wr_agg_int_sum_finish(const wr_agg *agg, const int_sum *sum, void *out, bool *out_null,
                                wr_error *err) WR_MUST_USE;

static inline void merge_bits(wr_agg_kind kind, bits_state *state, uint64_t bits, uint64_t count)
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

/* Sketches (agg_sketch.c). */
void    wr_agg_registers_add(registers *state, uint64_t hash);
void    wr_agg_registers_merge(registers *state, const registers *other);
int64_t wr_agg_registers_finish(const registers *state);
void    wr_agg_buckets_add(buckets *state, double x);
void    wr_agg_buckets_merge(buckets *state, const buckets *other);
double  wr_agg_buckets_finish(const buckets *state, double fraction);

/* The parts of merging: first the fields, then all counts, of slots `first` and on. */
void wr_agg_buckets_merge_fields(buckets *state, const bucket_fields *other);
void wr_agg_buckets_merge_counts(buckets *state, const bucket_fields *other, uint32_t first,
                                 const uint64_t *counts, uint32_t count);

/* Frequent values (agg_countmin.c). A list of them is kept in `state`.
 * Errors   WR_DATA a text is too long; values of other types */
wr_status wr_agg_cells_add(cells *state, wr_type type, const void *value, wr_error *err) WR_MUST_USE;
wr_status wr_agg_cells_merge(cells *state, const cells *other, wr_error *err) WR_MUST_USE;
wr_str    wr_agg_cells_finish(read_cells *state, wr_type list, uint32_t values_max);

/* The parts of merging: first the fields, then all counts, a row at a time. */
wr_status wr_agg_cells_merge_fields(cells *state, const cell_fields *other, wr_error *err) WR_MUST_USE;
void      wr_agg_cells_merge_row(cells *state, uint32_t level, uint32_t row, const uint64_t *counts);

/* States as values (agg_sketch_state.c). Exported ones lie in the state; imported ones are merged.
 * Errors   WR_DATA the value is no state, or damaged; WR_IO, WR_CORRUPT (blobs) */
wr_str    wr_agg_registers_export(registers *state);
wr_str    wr_agg_buckets_export(buckets *state);
wr_str    wr_agg_cells_export(cells *state);
wr_status wr_agg_registers_import(registers *state, const wr_str *bytes,
                                  wr_error *err) WR_MUST_USE;
wr_status wr_agg_buckets_import(buckets *state, const wr_str *bytes, wr_error *err) WR_MUST_USE;

/* `values`: the type they must have, or NULL. */
wr_status wr_agg_cells_import(cells *state, const wr_str *bytes, const wr_type *values,
                              wr_error *err) WR_MUST_USE;

/* Does a row at `position` replace what a FIRST, LAST or ANY_VALUE cell holds? */
static inline bool replaces(wr_agg_kind kind, const agg_cell *cell, uint64_t position)
{
    if (!cell->is_set)
        return true;
    return kind == WR_AGG_LAST ? position > cell->position : position < cell->position;
}

/* 0 is "no row yet", so positions are kept plus one. */
static inline void keep_least_position(uint8_t *state, uint64_t position_plus_one)
{
    uint64_t *least = (uint64_t *)(void *)state;

    if (position_plus_one && (*least == 0 || position_plus_one < *least))
        *least = position_plus_one;
}

/* Does `x` replace the least (or greatest) number so far? NaN is greatest. */
#define IS_LESS(a, b)       ((a) < (b) || ((b) != (b) && (a) == (a)))
#define IS_BEYOND(a, b, is_min) ((is_min) ? IS_LESS(a, b) : IS_LESS(b, a))

#endif
