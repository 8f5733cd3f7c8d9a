/* expr/fn_math.c — functions of Float64: roots, logarithms, powers, angles, tests.
 *
 * Arguments outside a function's domain are errors, as in PostgreSQL; results too large for a double are
 * infinite. Library functions may differ in the last bit between processors. Rounding and
 * functions of integers and decimals are in fn_number.c. */
#include "expr/expr_priv.h"
#include "expr/operators.h"
#include "os/libm.h"

#define PI 3.14159265358979323846

static double load(const wr_vector *arg, uint32_t row)
{
    return ((const double *)arg->data)[wr_arg_index(arg, row)];
}

static wr_status fail_domain(wr_eval *eval, const wr_vector *const *args, uint32_t row,
                             const char *reason, wr_error *err)
{
    char text[WR_ARG_TEXT_BYTES];

    return wr_eval_fail(eval, row, err, "%s of %s: %s", eval->expr->function->name,
                        wr_arg_format(args[0], row, text), reason);
}

/* ---- One argument ------------------------------------------------------------------------------------- */

static bool never(double x)
{
    (void)x;
    return false;
}

static bool is_negative(double x)
{
    return x < 0;
}

static bool is_not_positive(double x)
{
    return x <= 0;
}

static bool is_infinite(double x)
{
    return isinf(x);
}

static bool is_beyond_one(double x)
{
    return x < -1 || x > 1;
}

static bool is_below_one(double x)
{
    return x < 1;
}

/* The library's root is off by a bit for some cubes of integers: one step of Newton's method. */
static double cube_root(double x)
{
    double root = wr_math.cbrt(x);

    if (!isfinite(root) || fabs(root) < 0x1p-300 || fabs(root) > 0x1p300)
        return root;
    return root - (root * root * root - x) / (3 * root * root);
}

static double cotangent(double x)
{
    return 1 / wr_math.tan(x);
}

static double to_degrees(double x)
{
    return x * (180 / PI);
}

static double to_radians(double x)
{
    return x * (PI / 180);
}

/* Both functions are literals at every call. */
WR_ALWAYS_INLINE wr_status map(wr_eval *eval, double (*function)(double), bool (*is_outside)(double),
                               const char *reason, const wr_vector *const *args, wr_vector *out,
                               wr_error *err)
{
    double *results = out->data;

    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        double   x = load(args[0], row);

        if (is_outside(x))
            return fail_domain(eval, args, row, reason, err);
        results[row] = function(x);
    }
    return WR_OK;
}

#define EVAL(name, function, is_outside, reason)                                                   \
    static wr_status eval_##name(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,  \
                                 wr_vector *out, wr_error *err)                                    \
    {                                                                                              \
        (void)arg_count;                                                                           \
        return map(eval, function, is_outside, reason, args, out, err);                            \
    }
EVAL(sqrt, sqrt, is_negative, "a negative number has no square root")
EVAL(cbrt, cube_root, never, "")
EVAL(exp, wr_math.exp, never, "")
EVAL(ln, wr_math.log, is_not_positive, "only positive numbers have a logarithm")
EVAL(log10, wr_math.log10, is_not_positive, "only positive numbers have a logarithm")
EVAL(log2, wr_math.log2, is_not_positive, "only positive numbers have a logarithm")
EVAL(sin, wr_math.sin, is_infinite, "the angle is not finite")
EVAL(cos, wr_math.cos, is_infinite, "the angle is not finite")
EVAL(tan, wr_math.tan, is_infinite, "the angle is not finite")
EVAL(cot, cotangent, is_infinite, "the angle is not finite")
EVAL(asin, wr_math.asin, is_beyond_one, "the argument must be from -1 to 1")
EVAL(acos, wr_math.acos, is_beyond_one, "the argument must be from -1 to 1")
EVAL(atan, wr_math.atan, never, "")
EVAL(sinh, wr_math.sinh, never, "")
EVAL(cosh, wr_math.cosh, never, "")
EVAL(tanh, wr_math.tanh, never, "")
EVAL(asinh, wr_math.asinh, never, "")
EVAL(acosh, wr_math.acosh, is_below_one, "the argument must be 1 or more")
EVAL(atanh, wr_math.atanh, is_beyond_one, "the argument must be from -1 to 1")
EVAL(degrees, to_degrees, never, "")
EVAL(radians, to_radians, never, "")
#undef EVAL

/* ---- Two arguments ------------------------------------------------------------------------------------ */

static wr_status eval_power(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                            wr_vector *out, wr_error *err)
{
    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        double   x = load(args[0], row), y = load(args[1], row);

        if (x == 0 && y < 0)
            return fail_domain(eval, args, row, "zero has no negative power", err);
        if (x < 0 && isfinite(x) && isfinite(y) && y != trunc(y))
            return fail_domain(eval, args, row, "a negative number has only integer powers", err);
        ((double *)out->data)[row] = wr_math.pow(x, y);
    }
    return WR_OK;
}

static wr_status eval_log_base(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                               wr_vector *out, wr_error *err)
{
    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        double   base = load(args[0], row), x = load(args[1], row);

        if (base <= 0 || x <= 0 || base == 1)
            return fail_domain(eval, args, row,
                               "base and number must be positive, the base not 1", err);
        ((double *)out->data)[row] = base == 10  ? wr_math.log10(x)
                                     : base == 2 ? wr_math.log2(x)
                                                 : wr_math.log(x) / wr_math.log(base);
    }
    return WR_OK;
}

static wr_status eval_atan2(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                            wr_vector *out, wr_error *err)
{
    (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        ((double *)out->data)[row] = wr_math.atan2(load(args[0], row), load(args[1], row));
    }
    return WR_OK;
}

/* ---- Tests ------------------------------------------------------------------------------------------------ */

static bool is_nan(double x)
{
    return isnan(x);
}

static bool is_finite(double x)
{
    return isfinite(x);
}

WR_ALWAYS_INLINE wr_status test(const wr_eval *eval, bool (*holds)(double), const wr_vector *arg,
                                wr_vector *out)
{
    uint8_t *results = out->data;

    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        results[row] = holds(load(arg, row));
    }
    return WR_OK;
}

#define EVAL(name, holds)                                                                          \
    static wr_status eval_##name(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,  \
                                 wr_vector *out, wr_error *err)                                    \
    {                                                                                              \
        (void)arg_count, (void)err;                                                                \
        return test(eval, holds, args[0], out);                                                    \
    }
EVAL(isnan, is_nan)
EVAL(isinf, is_infinite)
EVAL(isfinite, is_finite)
#undef EVAL

/* ---- Others -------------------------------------------------------------------------------------------------- */

static wr_status eval_pi(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                         wr_vector *out, wr_error *err)
{
    (void)eval, (void)args, (void)arg_count, (void)err;
    *(double *)out->data = PI;
    return WR_OK;
}

/* Buckets of equal width between low and high, 0 and count + 1 outside; low may exceed high. */
static double bucket_of(double x, double low, double high, double count)
{
    if (low < high)
        return x < low ? 0 : x >= high ? count + 1 : floor((x - low) / (high - low) * count) + 1;
    return x > low ? 0 : x <= high ? count + 1 : floor((low - x) / (low - high) * count) + 1;
}

static wr_status eval_width_bucket(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                                   wr_vector *out, wr_error *err)
{
    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        double   x = load(args[0], row), low = load(args[1], row), high = load(args[2], row);
        double   count = ((const int32_t *)args[3]->data)[wr_arg_index(args[3], row)], bucket;

        if (count < 1)
            return wr_eval_fail(eval, row, err, "width_bucket: the count must be 1 or more");
        if (isnan(x) || !isfinite(low) || !isfinite(high) || low == high)
            return wr_eval_fail(eval, row, err,
                                "width_bucket: the bounds must be finite and differ");
        bucket = bucket_of(x, low, high, count);
        ((int64_t *)out->data)[row] = (int64_t)(bucket < count + 1 ? bucket : count + 1);
    }
    return WR_OK;
}

/* clang-format off */
#define F64    {.logical = WR_TYPE_F64}
#define I32    {.logical = WR_TYPE_I32}
#define I64    {.logical = WR_TYPE_I64}
#define BOOL   {.logical = WR_TYPE_BOOL}
#define ONE(name_, fn, flags_, help_) \
    {.name = name_, .signature = "(double) -> double", .param_count = 1, .params = {F64}, .result = F64, \
     .flags = flags_, .eval = eval_##fn, .help = help_}
#define TWO(name_, fn, flags_, help_) \
    {.name = name_, .signature = "(double, double) -> double", .param_count = 2, .params = {F64, F64}, .result = F64, \
     .flags = flags_, .eval = eval_##fn, .help = help_}
#define IS(fn, help_) \
    {.name = #fn, .signature = "(double) -> boolean", .param_count = 1, .params = {F64}, .result = BOOL, \
     .flags = WR_FN_TOTAL, .eval = eval_##fn, .help = help_}

static const wr_function FUNCTIONS[] = {
    ONE("sqrt", sqrt, 0, "square root"),
    ONE("cbrt", cbrt, WR_FN_TOTAL | WR_FN_MATH, "cube root"),
    ONE("exp", exp, WR_FN_TOTAL | WR_FN_MATH, "e to the power of the argument"),
    ONE("ln", ln, WR_FN_MATH, "natural logarithm"),
    ONE("log", log10, WR_FN_MATH, "logarithm to base 10"),
    TWO("log", log_base, WR_FN_MATH, "logarithm of the second argument to the base of the first"),
    ONE("log10", log10, WR_FN_MATH, "logarithm to base 10"),
    ONE("log2", log2, WR_FN_MATH, "logarithm to base 2"),
    TWO(WR_OPERATOR_POW, power, WR_FN_MATH, "first argument to the power of the second"),
    TWO("power", power, WR_FN_MATH, "first argument to the power of the second"),
    TWO("pow", power, WR_FN_MATH, "first argument to the power of the second"),
    ONE("sin", sin, WR_FN_MATH, "sine of an angle in radians"),
    ONE("cos", cos, WR_FN_MATH, "cosine of an angle in radians"),
    ONE("tan", tan, WR_FN_MATH, "tangent of an angle in radians"),
    ONE("cot", cot, WR_FN_MATH, "cotangent of an angle in radians"),
    ONE("asin", asin, WR_FN_MATH, "angle in radians with this sine"),
    ONE("acos", acos, WR_FN_MATH, "angle in radians with this cosine"),
    ONE("atan", atan, WR_FN_TOTAL | WR_FN_MATH, "angle in radians with this tangent"),
    TWO("atan2", atan2, WR_FN_TOTAL | WR_FN_MATH, "angle in radians of the point (second, first)"),
    ONE("sinh", sinh, WR_FN_TOTAL | WR_FN_MATH, "hyperbolic sine"),
    ONE("cosh", cosh, WR_FN_TOTAL | WR_FN_MATH, "hyperbolic cosine"),
    ONE("tanh", tanh, WR_FN_TOTAL | WR_FN_MATH, "hyperbolic tangent"),
    ONE("asinh", asinh, WR_FN_TOTAL | WR_FN_MATH, "inverse hyperbolic sine"),
    ONE("acosh", acosh, WR_FN_MATH, "inverse hyperbolic cosine"),
    ONE("atanh", atanh, WR_FN_MATH, "inverse hyperbolic tangent"),
    ONE("degrees", degrees, WR_FN_TOTAL, "radians to degrees"),
    ONE("radians", radians, WR_FN_TOTAL, "degrees to radians"),
    {.name = "pi", .signature = "() -> double", .result = F64, .flags = WR_FN_TOTAL, .eval = eval_pi,
     .help = "3.14159..."},
    IS(isnan, "is it NaN"),
    IS(isinf, "is it infinite"),
    IS(isfinite, "is it neither NaN nor infinite"),
    {.name = "width_bucket", .signature = "(double, low, high, count) -> int", .param_count = 4,
     .params = {F64, F64, F64, I32}, .result = I64, .eval = eval_width_bucket,
     .help = "number of the bucket of equal width between low and high; 0 and count + 1 outside"},
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_MATH = {"math", FUNCTIONS,
                                             sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
