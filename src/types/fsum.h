/* types/fsum.h — exact, order-independent accumulation of doubles, for repeatable sums.
 *
 * A value is cut at fixed absolute bit positions into signed digits of 28 bits; the accumulator
 * keeps the WR_FSUM_DIGITS digits from the highest position seen downwards, each an int64 that
 * only ever receives whole digits (no carries), so the state depends on the multiset of inputs and
 * on nothing else. 2^35 additions fit before a digit could overflow. When a larger exponent
 * arrives the window moves up and lower digits are dropped: dropped parts are below 2^-56 of the
 * largest input each.  NaN and infinities are kept as flags.
 * Invariants: add and merge are commutative and associative bit for bit. State 32 bytes, all-zero
 * is empty. Threads: one at a time. Cost: about 3 ns an add.
 * Source: the idea of fixed bins is Demmel & Nguyen, Parallel Reproducible Summation (2015);
 * Neal, Fast Exact Summation Using Small and Large Superaccumulators (2015). */
#ifndef WR_TYPES_FSUM_H
#define WR_TYPES_FSUM_H

#include <stddef.h>
#include <stdint.h>

enum { WR_FSUM_DIGITS = 3, WR_FSUM_WIDE_DIGITS = 7 };

typedef struct wr_fsum {
    int16_t  top;      /* 1 + position of digit[0]; 0: nothing added yet */
    uint16_t special;  /* bit 0 NaN, bit 1 +inf, bit 2 -inf */
    uint32_t reserved;
    int64_t  digits[WR_FSUM_DIGITS]; /* from the highest position down */
} wr_fsum;

/** For sums of squares and products: 196 bits below the largest input, 64 bytes. */
typedef struct wr_fsum_wide {
    int16_t  top;
    uint16_t special;
    uint32_t reserved;
    int64_t  digits[WR_FSUM_WIDE_DIGITS];
} wr_fsum_wide;

void   wr_fsum_add(wr_fsum *sum, double x);
/** Add x `times` times, once or more. */
void   wr_fsum_add_times(wr_fsum *sum, double x, uint32_t times);
/** Add `count` values. Cost: about 1.5 ns a value. */
void   wr_fsum_add_many(wr_fsum *sum, const double *values, size_t count);
void   wr_fsum_merge(wr_fsum *sum, const wr_fsum *other);
double wr_fsum_result(const wr_fsum *sum); /* correctly rounded value of the state */

void   wr_fsum_wide_add(wr_fsum_wide *sum, double x);
/** Adds x*y exactly (product split by fma into two doubles). */
void   wr_fsum_wide_add_product(wr_fsum_wide *sum, double x, double y);
void   wr_fsum_wide_merge(wr_fsum_wide *sum, const wr_fsum_wide *other);
double wr_fsum_wide_result(const wr_fsum_wide *sum);
/** sum of x*y - (sum of x) * (sum of y) / n, exact until it is rounded once; never negative when x
 *  is y (pass the same state twice). NaN when any state has seen NaN or an infinity. About 0.3 us. */
double wr_fsum_wide_centered(const wr_fsum_wide *sum_xy, const wr_fsum_wide *sum_x,
                             const wr_fsum_wide *sum_y, uint64_t n);

#endif
