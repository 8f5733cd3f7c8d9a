/* os/libm.h — the functions of libm, loaded by the plans that use them.
 *
 * libm is 0.9 MB of segments, which the cap counts whole, and few plans take a logarithm: so the program is
 * not linked with it (docs/decisions/0011-libm.md). Who binds a function or an aggregate that needs it
 * opens it; who evaluates calls wr_math.log(x).
 * Threads: planning is one thread; afterwards read-only. */
#ifndef WR_OS_LIBM_H
#define WR_OS_LIBM_H

#include <math.h>

#include "os/library.h"

#define WR_MATH_FUNCTIONS(X)                                                                       \
    X(acos) X(acosh) X(asin) X(asinh) X(atan) X(atan2) X(atanh) X(cbrt) X(cos) X(cosh) X(exp)       \
    X(expm1) X(log) X(log10) X(log1p) X(log2) X(pow) X(sin) X(sinh) X(tan) X(tanh)

struct wr_math {
    WR_MATH_FUNCTIONS(WR_LIBRARY_MEMBER)
};

/** Zeros until it is open. */
extern struct wr_math wr_math;

/** Idempotent. Errors: those of wr_library_open. */
wr_status wr_math_open(wr_error *err) WR_MUST_USE;

#endif
