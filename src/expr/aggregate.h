/* expr/aggregate.h — the list of aggregates, their names and result types. No states: exec has those.
 *
 * Adding an aggregate is a line in aggregate.def and a state in exec/agg_state.c.
 * Result types follow PostgreSQL: sum of Int8..Int32 is Int64; sum of Int64, UInt32, UInt64 is
 * Decimal(38, 0); of Decimal(p, s) is Decimal(38, s); of floats is Float64. avg, stddev and variance are Float64
 * for every numeric type (PostgreSQL: numeric; see docs/differences.md), min, max and the
 * positional ones keep the argument's type. sum and avg of Interval are Interval. */
#ifndef WR_EXPR_AGGREGATE_H
#define WR_EXPR_AGGREGATE_H

#include "base/text.h"
#include "types/type.h"

typedef enum wr_agg_kind {
#define X(id, name, family, help) WR_AGG_##id,
#include "expr/aggregate.def"
#undef X
    WR_AGG_KIND_COUNT
} wr_agg_kind;

/** By SQL name or a common alias ("mean", "std", "variance", "every", "max_by"), any case; false:
 *  not an aggregate. "count" is COUNT; the binder makes COUNT_STAR of count(*) and count(). */
bool wr_agg_find(wr_text name, wr_agg_kind *out_kind);

/** Canonical name. */
const char *wr_agg_name(wr_agg_kind kind);

/** Does the aggregate take a second, ordering argument (arg_min, arg_max)? */
bool wr_agg_has_order(wr_agg_kind kind);

/** Does the aggregate take two numbers, y and x, and skip rows where one is null (corr, regr_...)?
 *  The second stands where arg_min has its ordering argument. */
bool wr_agg_is_paired(wr_agg_kind kind);

/** Is the aggregate computed from the sorted values of each group, because a state that is updated in
 *  any order would grow with the group (median, quantiles, mode ...)? */
bool wr_agg_is_ordered(wr_agg_kind kind);

/** Does the aggregate put the values of a group in a row, in the order of its ORDER BY, else of the
 *  source (string_agg, list)? Such are among the ordered ones. */
bool wr_agg_is_sequence(wr_agg_kind kind);

/** Does the aggregate take a constant fraction from 0 to 1 behind its argument? */
bool wr_agg_has_fraction(wr_agg_kind kind);

/** Needs no more of the values than which of them have a certain rank, are there most often, how many differ
 *  or what those are together: numbers in their order would do. Values of more than eight bytes, and sums of
 *  floats, are not computed with (medians of wide decimals are no such). */
bool wr_agg_ranks(wr_agg_kind kind, bool distinct, wr_type argument);

/** Does the result depend on source positions (first, last, any_value, ties of arg_min/arg_max)? */
bool wr_agg_needs_position(wr_agg_kind kind);

/** Is the result never null, because it counts? */
bool wr_agg_counts(wr_agg_kind kind);

/** Are values counted each for itself (histogram, most_frequent, map_agg)? The optimizer makes lists of
 *  them. */
bool wr_agg_counts_values(wr_agg_kind kind);

/** Is the argument the state of a sketch; is the result one (a binary value)? */
bool wr_agg_takes_state(wr_agg_kind kind);
bool wr_agg_gives_state(wr_agg_kind kind);

/** Does it tell equal values from others, and give none of them back? */
bool wr_agg_tells_values(wr_agg_kind kind);

/** Does DISTINCT change the result (false for min, max, bool_and ...)? */
bool wr_agg_minds_distinct(wr_agg_kind kind);

/** Have what evaluating it calls at hand; while planning. Errors: those of wr_math_open. */
wr_status wr_agg_require(wr_agg_kind kind, wr_error *err) WR_MUST_USE;

enum { WR_AGG_CELL_TYPE_BYTES = 48 }; /* for the name of a countmin_state's type, and its end */

/** False: not defined for this argument type. Of map_agg it is the key's: who knows the value's type, too,
 *  makes a map of both. countmin_frequent gives texts: who knows better makes it what most_frequent of
 *  such values is. */
bool wr_agg_result_type(wr_agg_kind kind, wr_type argument, wr_type *out_type);

#endif
