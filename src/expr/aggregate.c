/* expr/aggregate.c — names and types of aggregates: table look-ups, no state. */
#include "expr/aggregate.h"

#include <string.h>

#include "os/libm.h"

#include "types/nested.h"

typedef enum agg_family {
    COUNT, SUM, FLOAT, PAIR, BETWEEN, ANY, SPREAD, TEXT, LIST, COUNTED, SKETCH, NUMBERS, CELLS, MERGED, SAME, BOOL,
    INTEGER
} agg_family;

static const struct {
    const char *name;
    agg_family  family;
} AGGS[WR_AGG_KIND_COUNT] = {
#define X(id, name, family, help) [WR_AGG_##id] = {name, family},
#include "expr/aggregate.def"
#undef X
};

static const struct {
    const char *alias;
    wr_agg_kind kind;
} ALIASES[] = {
    {"mean", WR_AGG_AVG},           {"average", WR_AGG_AVG},       {"std", WR_AGG_STDDEV_SAMP},
    {"stddev", WR_AGG_STDDEV_SAMP}, {"variance", WR_AGG_VAR_SAMP}, {"var", WR_AGG_VAR_SAMP},
    {"every", WR_AGG_BOOL_AND},     {"first_value", WR_AGG_FIRST}, {"last_value", WR_AGG_LAST},
    {"min_by", WR_AGG_ARG_MIN},     {"max_by", WR_AGG_ARG_MAX},    {"argmin", WR_AGG_ARG_MIN},
    {"argmax", WR_AGG_ARG_MAX},     {"arbitrary", WR_AGG_ANY_VALUE},
    {"quantile", WR_AGG_QUANTILE_DISC},
    {"percentile_cont", WR_AGG_QUANTILE_CONT},
    {"percentile_disc", WR_AGG_QUANTILE_DISC},
    {"group_concat", WR_AGG_STRING_AGG},
    {"listagg", WR_AGG_STRING_AGG}, {"array_agg", WR_AGG_LIST},
    {"approx_distinct", WR_AGG_APPROX_COUNT_DISTINCT},
    {"countif", WR_AGG_COUNT_IF},   {"geomean", WR_AGG_GEOMETRIC_MEAN},
};

bool wr_agg_find(wr_text name, wr_agg_kind *out_kind)
{
    for (uint32_t kind = 0; kind < WR_AGG_KIND_COUNT; kind++)
        if (wr_text_equal_nocase(name, wr_text_of(AGGS[kind].name))) {
            *out_kind = (wr_agg_kind)kind;
            return true;
        }
    for (size_t i = 0; i < sizeof ALIASES / sizeof ALIASES[0]; i++)
        if (wr_text_equal_nocase(name, wr_text_of(ALIASES[i].alias))) {
            *out_kind = ALIASES[i].kind;
            return true;
        }
    return false;
}

const char *wr_agg_name(wr_agg_kind kind)
{
    return AGGS[kind].name;
}

bool wr_agg_has_order(wr_agg_kind kind)
{
    return kind == WR_AGG_ARG_MIN || kind == WR_AGG_ARG_MAX;
}

bool wr_agg_is_paired(wr_agg_kind kind)
{
    return AGGS[kind].family == PAIR || kind == WR_AGG_REGR_COUNT;
}

bool wr_agg_is_ordered(wr_agg_kind kind)
{
    agg_family family = AGGS[kind].family;

    return family == BETWEEN || family == ANY || family == SPREAD ||
           kind == WR_AGG_PRODUCT || kind == WR_AGG_MAD || wr_agg_is_sequence(kind) ||
           wr_agg_counts_values(kind);
}

bool wr_agg_is_sequence(wr_agg_kind kind)
{
    return AGGS[kind].family == TEXT || AGGS[kind].family == LIST;
}

bool wr_agg_has_fraction(wr_agg_kind kind)
{
    return kind == WR_AGG_QUANTILE_CONT || kind == WR_AGG_QUANTILE_DISC ||
           kind == WR_AGG_APPROX_QUANTILE || kind == WR_AGG_DDSKETCH_QUANTILE;
}

bool wr_agg_ranks(wr_agg_kind kind, bool distinct, wr_type argument)
{
    bool is_wide = wr_physical_bytes(wr_type_physical(argument)) > sizeof(uint64_t);
    bool computes = kind == WR_AGG_MEDIAN || kind == WR_AGG_QUANTILE_CONT;
    bool by_rank = kind == WR_AGG_QUANTILE_DISC || kind == WR_AGG_MODE || (computes && !is_wide);

    bool adds = (kind == WR_AGG_SUM || kind == WR_AGG_AVG) && !is_wide &&
                (wr_type_is_integer(argument) || argument.logical == WR_TYPE_DECIMAL);

    return (distinct ? kind == WR_AGG_COUNT || adds : by_rank) && !wr_type_is_nested(argument);
}

bool wr_agg_needs_position(wr_agg_kind kind)
{
    return kind == WR_AGG_FIRST || kind == WR_AGG_LAST || kind == WR_AGG_ANY_VALUE ||
           wr_agg_is_sequence(kind) || wr_agg_has_order(kind);
}

bool wr_agg_counts(wr_agg_kind kind)
{
    return AGGS[kind].family == COUNT || kind == WR_AGG_HLL_COUNT;
}

bool wr_agg_counts_values(wr_agg_kind kind)
{
    return AGGS[kind].family == COUNTED;
}

bool wr_agg_takes_state(wr_agg_kind kind)
{
    return AGGS[kind].family == MERGED;
}

bool wr_agg_gives_state(wr_agg_kind kind)
{
    return kind == WR_AGG_HLL_STATE || kind == WR_AGG_HLL_MERGE || kind == WR_AGG_DDSKETCH_STATE ||
           kind == WR_AGG_DDSKETCH_MERGE || kind == WR_AGG_COUNTMIN_STATE ||
           kind == WR_AGG_COUNTMIN_MERGE;
}

bool wr_agg_tells_values(wr_agg_kind kind)
{
    return AGGS[kind].family == SKETCH || AGGS[kind].family == SPREAD ||
           kind == WR_AGG_APPROX_COUNT_DISTINCT;
}

bool wr_agg_minds_distinct(wr_agg_kind kind)
{
    agg_family family = AGGS[kind].family;

    if (kind == WR_AGG_APPROX_COUNT_DISTINCT)
        return false;
    return family == COUNT || family == SUM || family == FLOAT || family == BETWEEN ||
           family == ANY || family == SPREAD || wr_agg_is_sequence(kind) ||
           kind == WR_AGG_BIT_XOR || kind == WR_AGG_DDSKETCH_STATE ||
           kind == WR_AGG_DDSKETCH_MERGE || kind == WR_AGG_DDSKETCH_QUANTILE || family == CELLS ||
           kind == WR_AGG_COUNTMIN_MERGE || kind == WR_AGG_COUNTMIN_FREQUENT;
}

wr_status wr_agg_require(wr_agg_kind kind, wr_error *err)
{
    bool takes_logs = kind == WR_AGG_ENTROPY || kind == WR_AGG_GEOMETRIC_MEAN ||
                      kind == WR_AGG_APPROX_QUANTILE || kind == WR_AGG_DDSKETCH_STATE ||
                      kind == WR_AGG_DDSKETCH_MERGE || kind == WR_AGG_DDSKETCH_QUANTILE;

    return takes_logs ? wr_math_open(err) : WR_OK;
}

/* Values that a state can give back: what goes into its keys, and a type whose name it has room for. */
static bool is_cell_value(wr_type type)
{
    char name[WR_TYPE_NAME_BYTES];

    return type.logical != WR_TYPE_INTERVAL && !wr_type_is_nested(type) &&
           strlen(wr_type_format(type, name)) < WR_AGG_CELL_TYPE_BYTES;
}

static bool sum_type(wr_type argument, wr_type *out_type)
{
    switch ((wr_logical)argument.logical) {
    case WR_TYPE_I8:
    case WR_TYPE_I16:
    case WR_TYPE_I32:
    case WR_TYPE_U8:
    case WR_TYPE_U16:
    case WR_TYPE_BOOL:
        *out_type = WR_TYPE(I64);
        return argument.logical != WR_TYPE_BOOL;
    case WR_TYPE_I64:
    case WR_TYPE_U32:
    case WR_TYPE_U64:
        *out_type = wr_type_decimal(WR_DECIMAL_DIGITS_MAX, 0);
        return true;
    case WR_TYPE_DECIMAL:
        *out_type = wr_type_decimal(WR_DECIMAL_DIGITS_MAX, argument.scale);
        return true;
    case WR_TYPE_F32:
    case WR_TYPE_F64:
        *out_type = WR_TYPE(F64);
        return true;
    case WR_TYPE_INTERVAL:
        *out_type = argument;
        return true;
    default:
        return false;
    }
}

/* A map from values to counts, a list of both, or the key of a map. */
static bool counted_type(wr_agg_kind kind, wr_type argument, wr_type *out_type)
{
    const wr_member members[] = {{WR_TEXT("value"), argument}, {WR_TEXT("count"), WR_TYPE(I64)}};
    wr_type         strukt;

    *out_type = argument;
    if (kind == WR_AGG_MAP_AGG)
        return true;
    if (kind == WR_AGG_HISTOGRAM)
        return wr_type_make_map(argument, WR_TYPE(I64), out_type, NULL) == WR_OK;
    return wr_type_make_struct(members, 2, &strukt, NULL) == WR_OK &&
           wr_type_make_list(strukt, out_type, NULL) == WR_OK;
}

/* Numbers, and what lies on a line of time. */
static bool between_type(wr_type argument, wr_type *out_type)
{
    *out_type = argument;
    switch ((int)argument.logical) {
    case WR_TYPE_DATE32:
    case WR_TYPE_DATE64:
        *out_type = wr_type_timestamp(WR_UNIT_US, 0);
        return true;
    case WR_TYPE_TIME:
    case WR_TYPE_TIMESTAMP:
        return true;
    default:
        *out_type = WR_TYPE(F64);
        return wr_type_is_numeric(argument);
    }
}

bool wr_agg_result_type(wr_agg_kind kind, wr_type argument, wr_type *out_type)
{
    switch (AGGS[kind].family) {
    case COUNT:
        *out_type = WR_TYPE(I64);
        return true;
    case SUM:
        return sum_type(argument, out_type);
    case PAIR:
        *out_type = WR_TYPE(F64);
        return wr_type_is_numeric(argument);
    case FLOAT:
        if (kind == WR_AGG_AVG && argument.logical == WR_TYPE_INTERVAL) {
            *out_type = argument;
            return true;
        }
        *out_type = WR_TYPE(F64);
        return wr_type_is_numeric(argument);
    case BETWEEN:
        return between_type(argument, out_type);
    case ANY: /* equal intervals may be written differently, so there is no telling which came first */
        *out_type = argument;
        return argument.logical != WR_TYPE_INTERVAL && !wr_type_is_nested(argument);
    case SPREAD:
        *out_type = WR_TYPE(F64);
        return true;
    case TEXT:
        *out_type = argument;
        return argument.logical == WR_TYPE_UTF8;
    case COUNTED:
        return counted_type(kind, argument, out_type);
    case LIST:
        return wr_type_make_list(argument, out_type, NULL) == WR_OK;
    case SKETCH:
        *out_type = WR_TYPE(BINARY);
        return true;
    case NUMBERS:
        *out_type = WR_TYPE(BINARY);
        return wr_type_is_numeric(argument);
    case CELLS:
        *out_type = WR_TYPE(BINARY);
        return is_cell_value(argument);
    case MERGED:
        *out_type = wr_agg_gives_state(kind)   ? WR_TYPE(BINARY)
                    : kind == WR_AGG_HLL_COUNT ? WR_TYPE(I64)
                                               : WR_TYPE(F64);
        return argument.logical == WR_TYPE_BINARY &&
               (kind != WR_AGG_COUNTMIN_FREQUENT || counted_type(kind, WR_TYPE(UTF8), out_type));
    case SAME:
        *out_type = argument;
        return true;
    case BOOL:
        *out_type = WR_TYPE(BOOL);
        return argument.logical == WR_TYPE_BOOL;
    case INTEGER:
        *out_type = argument;
        return wr_type_is_integer(argument);
    }
    return false;
}
