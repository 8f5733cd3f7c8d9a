/* expr/moments.c — variance, skewness, kurtosis, covariance and regression from exact sums.
 *
 * The sums of powers and products are exact to 196 bits below the largest term (types/fsum.h), and
 * so is the step from them to moments about the mean; rounding begins behind it. So results neither
 * depend on the order of rows nor suffer from a mean that is large beside the spread.
 * Cost: about 50 ns a value for powers, 30 ns for a pair. */
#include <float.h>
#include <math.h>

#include "base/real.h"
#include "expr/moments.h"

/* ---- Squares ------------------------------------------------------------------------------------- */

void wr_moments_add(wr_moments *state, double x)
{
    state->count++;
    wr_fsum_wide_add(&state->sum, x);
    wr_fsum_wide_add_product(&state->squares, x, x);
}

void wr_moments_merge(wr_moments *state, const wr_moments *other)
{
    state->count += other->count;
    wr_fsum_wide_merge(&state->sum, &other->sum);
    wr_fsum_wide_merge(&state->squares, &other->squares);
}

void wr_moments_finish(wr_agg_kind kind, const wr_moments *state, double *out, bool *out_null)
{
    bool   is_sample = kind == WR_AGG_STDDEV_SAMP || kind == WR_AGG_VAR_SAMP;
    double divisor = (double)state->count - (is_sample ? 1.0 : 0.0);

    *out_null = state->count == 0 || divisor == 0.0;
    if (*out_null)
        return;
    *out = wr_fsum_wide_centered(&state->squares, &state->sum, &state->sum, state->count) / divisor;
    if (kind == WR_AGG_STDDEV_SAMP || kind == WR_AGG_STDDEV_POP)
        *out = sqrt(*out);
}

/* ---- Powers -------------------------------------------------------------------------------------- */

void wr_powers_add(wr_powers *state, double x)
{
    double high = x * x, low = wr_real_product_error(x, x, high);

    state->count++;
    wr_fsum_wide_add(&state->sums[0], x);
    wr_fsum_wide_add_product(&state->sums[1], x, x);
    wr_fsum_wide_add_product(&state->sums[2], high, x);
    wr_fsum_wide_add_product(&state->sums[3], high, high);
    if (low == 0.0 || !isfinite(high))
        return;
    wr_fsum_wide_add_product(&state->sums[2], low, x);
    wr_fsum_wide_add_product(&state->sums[3], 2.0 * high, low);
    wr_fsum_wide_add_product(&state->sums[3], low, low);
}

void wr_powers_merge(wr_powers *state, const wr_powers *other)
{
    state->count += other->count;
    for (int i = 0; i < 4; i++)
        wr_fsum_wide_merge(&state->sums[i], &other->sums[i]);
}

/* *io_total += sum * (high + low) * factor, all of it exact but for the last pieces of `sum`. */
static void add_scaled(wr_fsum_wide *io_total, const wr_fsum_wide *sum, double high, double low,
                       double factor)
{
    enum { PIECES = 4 }; /* of 53 bits */
    wr_fsum_wide rest = *sum;

    for (int i = 0; i < PIECES; i++) {
        double piece = wr_fsum_wide_result(&rest);

        if (piece == 0.0 || !isfinite(piece))
            return;
        wr_fsum_wide_add(&rest, -piece);
        wr_fsum_wide_add_product(io_total, piece * factor, high);
        wr_fsum_wide_add_product(io_total, piece * factor, low);
    }
}

/* sum * c^2 as a sum: factors must be powers of two to stay exact. */
static wr_fsum_wide times_square(const wr_fsum_wide *sum, double c)
{
    wr_fsum_wide product = {0};
    double       high = c * c;

    add_scaled(&product, sum, high, wr_real_product_error(c, c, high), 1.0);
    return product;
}

typedef struct central {
    double m2, m3, m4; /* means of the powers about the mean */
} central;

/* Exactly about c, the rounded mean, then about the mean itself, a rounding error away. */
static central centre(const wr_powers *state)
{
    const wr_fsum_wide *s = state->sums;
    double       n = (double)state->count, c = wr_fsum_wide_result(&s[0]) / n, d, n2, n3, n4;
    wr_fsum_wide first = s[0], third = s[2], fourth = s[3], zeroth = {0}, n_c2, s1_c2, s2_c2, n_c4;
    wr_fsum_wide second = s[1];

    wr_fsum_wide_add(&zeroth, n);
    n_c2 = times_square(&zeroth, c);
    s1_c2 = times_square(&s[0], c);
    s2_c2 = times_square(&s[1], c);
    n_c4 = times_square(&n_c2, c);
    wr_fsum_wide_add_product(&first, -n, c);
    add_scaled(&second, &s[0], c, 0.0, -2.0);
    wr_fsum_wide_merge(&second, &n_c2);
    add_scaled(&third, &s[1], c, 0.0, -2.0);
    add_scaled(&third, &s[1], c, 0.0, -1.0);
    add_scaled(&third, &s1_c2, 1.0, 0.0, 2.0);
    add_scaled(&third, &s1_c2, 1.0, 0.0, 1.0);
    add_scaled(&third, &n_c2, c, 0.0, -1.0);
    add_scaled(&fourth, &s[2], c, 0.0, -4.0);
    add_scaled(&fourth, &s2_c2, 1.0, 0.0, 4.0);
    add_scaled(&fourth, &s2_c2, 1.0, 0.0, 2.0);
    add_scaled(&fourth, &s1_c2, c, 0.0, -4.0);
    wr_fsum_wide_merge(&fourth, &n_c4);
    d = wr_fsum_wide_result(&first) / n;
    n2 = wr_fsum_wide_result(&second) / n;
    n3 = wr_fsum_wide_result(&third) / n;
    n4 = wr_fsum_wide_result(&fourth) / n;
    return (central){
        .m2 = wr_fsum_wide_centered(&s[1], &s[0], &s[0], state->count) / n,
        .m3 = n3 - 3.0 * d * n2 + 2.0 * d * d * d,
        .m4 = n4 - 4.0 * d * n3 + 6.0 * d * d * n2 - 3.0 * d * d * d * d,
    };
}

void wr_powers_finish(wr_agg_kind kind, const wr_powers *state, double *out, bool *out_null)
{
    uint64_t count_min = kind == WR_AGG_SKEWNESS ? 3 : kind == WR_AGG_KURTOSIS ? 4 : 1;
    double   n = (double)state->count, ratio;
    central  m;

    *out_null = state->count < count_min;
    if (*out_null)
        return;
    if (state->sums[0].special || state->sums[3].special) {
        *out = (double)NAN;
        return;
    }
    m = centre(state);
    *out_null = m.m2 == 0.0;
    ratio = m.m4 / (m.m2 * m.m2);
    if (kind == WR_AGG_SKEWNESS)
        *out = sqrt(n * (n - 1.0)) / (n - 2.0) * m.m3 / (m.m2 * sqrt(m.m2));
    else if (kind == WR_AGG_KURTOSIS_POP)
        *out = ratio - 3.0;
    else
        *out = (n - 1.0) * ((n + 1.0) * ratio - 3.0 * (n - 1.0)) / ((n - 2.0) * (n - 3.0));
}

/* ---- Pairs --------------------------------------------------------------------------------------- */

void wr_pairs_add(wr_pairs *state, double y, double x)
{
    state->count++;
    wr_fsum_wide_add(&state->x, x);
    wr_fsum_wide_add(&state->y, y);
    wr_fsum_wide_add_product(&state->xx, x, x);
    wr_fsum_wide_add_product(&state->yy, y, y);
    wr_fsum_wide_add_product(&state->xy, x, y);
}

void wr_pairs_merge(wr_pairs *state, const wr_pairs *other)
{
    state->count += other->count;
    wr_fsum_wide_merge(&state->x, &other->x);
    wr_fsum_wide_merge(&state->y, &other->y);
    wr_fsum_wide_merge(&state->xx, &other->xx);
    wr_fsum_wide_merge(&state->yy, &other->yy);
    wr_fsum_wide_merge(&state->xy, &other->xy);
}

static double correlate(double sxx, double syy, double sxy)
{
    double product = sxx * syy; /* one rounding, unless it leaves the range */
    double root = product >= DBL_MIN && product <= DBL_MAX ? sqrt(product) : sqrt(sxx) * sqrt(syy);
    double r = sxy / root;

    return r > 1.0 ? 1.0 : r < -1.0 ? -1.0 : r;
}

void wr_pairs_finish(wr_agg_kind kind, const wr_pairs *state, double *out, bool *out_null)
{
    double n = (double)state->count;
    double sxx = wr_fsum_wide_centered(&state->xx, &state->x, &state->x, state->count);
    double syy = wr_fsum_wide_centered(&state->yy, &state->y, &state->y, state->count);
    double sxy = wr_fsum_wide_centered(&state->xy, &state->x, &state->y, state->count);
    double x = wr_fsum_wide_result(&state->x) / n, y = wr_fsum_wide_result(&state->y) / n;

    *out_null = state->count == 0;
    switch ((int)kind) {
    case WR_AGG_CORR:
        *out_null |= sxx == 0.0 || syy == 0.0;
        *out = correlate(sxx, syy, sxy);
        break;
    case WR_AGG_COVAR_POP:
        *out = sxy / n;
        break;
    case WR_AGG_COVAR_SAMP:
        *out_null |= state->count == 1;
        *out = sxy / (n - 1.0);
        break;
    case WR_AGG_REGR_SLOPE:
        *out_null |= sxx == 0.0;
        *out = sxy / sxx;
        break;
    case WR_AGG_REGR_INTERCEPT:
        *out_null |= sxx == 0.0;
        *out = y - sxy / sxx * x;
        break;
    case WR_AGG_REGR_R2:
        *out_null |= sxx == 0.0;
        *out = syy == 0.0 ? 1.0 : correlate(sxx, syy, sxy) * correlate(sxx, syy, sxy);
        break;
    case WR_AGG_REGR_AVGX:
        *out = x;
        break;
    case WR_AGG_REGR_AVGY:
        *out = y;
        break;
    case WR_AGG_REGR_SXX:
        *out = sxx;
        break;
    case WR_AGG_REGR_SYY:
        *out = syy;
        break;
    default:
        *out = sxy;
        break;
    }
}
