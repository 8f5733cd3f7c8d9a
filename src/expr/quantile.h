/* expr/quantile.h — which of sorted values a quantile is, and what lies between two of them.
 *
 * For aggregates over rows (exec/agg_ordered.c) and over the elements of a list (fn_list_rank.c).
 * Threads: no state. */
#ifndef WR_EXPR_QUANTILE_H
#define WR_EXPR_QUANTILE_H

#include "expr/aggregate.h"
#include "types/fsum.h"
#include "types/type.h"

/** A number as a double: decimals are rounded once. */
double wr_quantile_number(wr_type type, const void *value);

/** Continuous (MEDIAN, QUANTILE_CONT): between the two values around fraction * (n - 1). Discrete: the first
 *  value whose share of the values up to it is at least the fraction. Ranks are from 0, ascending.
 * Shape    value_count at least 1; the weight is that of the high value */
void wr_quantile_ranks(wr_agg_kind kind, double fraction, uint64_t value_count, uint64_t *out_low,
                       uint64_t *out_high, double *out_weight);

/** What lies between two values: a double, or of dates and times a timestamp in microseconds, a time or
 *  a timestamp of the type's unit. */
void wr_quantile_between(wr_type type, const void *low, const void *high, double weight, void *out);

/** Entropy in bits of `value_count` values; `sum` is of n log2 n over the runs of n equal ones. */
double wr_quantile_entropy(const wr_fsum *sum, uint64_t value_count);

#endif
