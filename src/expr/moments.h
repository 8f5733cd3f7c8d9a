/* expr/moments.h — what moments of numbers, and of pairs of numbers, are folded into: exact sums.
 *
 * For aggregates over rows (exec/agg_state.c) and over the elements of a list (fn_list_fold.c). All-zero
 * is empty; adding and merging commute. Threads: a state is one thread's. */
#ifndef WR_EXPR_MOMENTS_H
#define WR_EXPR_MOMENTS_H

#include "expr/aggregate.h"
#include "types/fsum.h"

/** stddev and variance */
typedef struct wr_moments {
    uint64_t     count;
    wr_fsum_wide sum, squares;
} wr_moments;

/** skewness and kurtosis */
typedef struct wr_powers {
    uint64_t     count;
    wr_fsum_wide sums[4]; /* of x, x^2, x^3, x^4 */
} wr_powers;

/** covariance, correlation, regression */
typedef struct wr_pairs {
    uint64_t     count;
    wr_fsum_wide x, y, xx, yy, xy;
} wr_pairs;

void wr_moments_add(wr_moments *state, double x);
void wr_moments_merge(wr_moments *state, const wr_moments *other);
void wr_moments_finish(wr_agg_kind kind, const wr_moments *state, double *out, bool *out_null);
void wr_powers_add(wr_powers *state, double x);
void wr_powers_merge(wr_powers *state, const wr_powers *other);
void wr_powers_finish(wr_agg_kind kind, const wr_powers *state, double *out, bool *out_null);
void wr_pairs_add(wr_pairs *state, double y, double x);
void wr_pairs_merge(wr_pairs *state, const wr_pairs *other);
void wr_pairs_finish(wr_agg_kind kind, const wr_pairs *state, double *out, bool *out_null);

#endif
