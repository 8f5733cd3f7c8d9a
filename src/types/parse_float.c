/* types/parse_float.c — floats from text, correctly rounded for every input.
 *
 * A text is first reduced to w * 10^q with w < 2^64 (19 digits; more widen the interval).
 *  1. w < 2^53 and |q| <= 22: both are exact doubles, so one division or multiplication rounds once
 *     (Clinger 1990). Nearly all data ends here.
 *  2. Else w times the leading 128 bits of 10^q gives an interval that holds the exact value. When
 *     both ends round to the same float, that is the answer: rounding is monotone.
 *  3. Else (one text in millions, and ties) strtod decides.
 * Source: the interval idea is that of Lemire, Number Parsing at a Gigabyte per Second (2021). */
#include "types/parse.h"

#include <locale.h>
#include <stdlib.h>

#include "types/digits_priv.h"

enum { FLOAT_TEXT_BYTES_MAX = 4096, DIGITS_U64 = 19, EXPONENT_LIMIT = 100000 };

typedef struct float_format {
    int mantissa_bits; /* with the hidden one */
    int exponent_min;  /* of the smallest normal number: 2^exponent_min */
    int exponent_max;
} float_format;

static const float_format F64 = {53, -1022, 1023};
static const float_format F32 = {24, -126, 127};

typedef struct scan {
    uint64_t mantissa;
    int64_t  exponent10;
    bool     negative;
    bool     truncated; /* digits were left out: the value is in [mantissa, mantissa + 1) */
} scan;

/* Whole parts are short and fractions long: `by_eights` is false for the former. */
static inline const char *scan_digits(const char *p, const char *end, bool by_eights,
                                      uint64_t *mantissa)
{
    uint64_t value = *mantissa;

    while (by_eights && end - p >= 8) {
        uint64_t chunk = wr_load_u64(p);

        if (!are_8_digits(chunk))
            break;
        value = value * 100000000 + value_of_8_digits(chunk);
        p += 8;
    }
    while (p < end && is_digit(*p))
        value = value * 10 + (uint64_t)(*p++ - '0');
    *mantissa = value;
    return p;
}

/* The first 19 significant digits of a mantissa that has more. */
static void rescan_long(const char *begin, const char *end, scan *out)
{
    int  kept = 0;
    bool fraction = false;

    out->mantissa = 0;
    for (const char *p = begin; p < end; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        if (kept == DIGITS_U64) {
            out->truncated = out->truncated || *p != '0';
            out->exponent10 += !fraction;
            continue;
        }
        out->mantissa = out->mantissa * 10 + (uint64_t)(*p - '0');
        out->exponent10 -= fraction;
        kept += out->mantissa != 0;
    }
}

static bool scan_exponent(const char *p, const char *end, int64_t *exponent10)
{
    int64_t value = 0;
    bool    negative = p < end && *p == '-';

    p += p < end && (*p == '-' || *p == '+');
    if (p == end)
        return false;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        if (value < EXPONENT_LIMIT)
            value = value * 10 + (*p - '0');
    }
    *exponent10 += negative ? -value : value;
    return true;
}

/* Numbers with exponents, with a point at either end, long ones. `text` is not empty. */
static __attribute__((noinline)) bool scan_any(wr_text text, scan *out)
{
    const char *p = text.bytes, *end = p + text.byte_count;
    const char *digits, *digits_end;
    size_t      digit_count;

    p += *p == '-' || *p == '+';
    digits = p;
    out->mantissa = 0;
    p = scan_digits(p, end, false, &out->mantissa);
    digit_count = (size_t)(p - digits);
    if (p < end && *p == '.') {
        const char *fraction = ++p;

        p = scan_digits(p, end, true, &out->mantissa);
        out->exponent10 = fraction - p;
        digit_count += (size_t)(p - fraction);
    }
    digits_end = p;
    if (digit_count == 0)
        return false;
    if (WR_UNLIKELY(digit_count > DIGITS_U64)) {
        out->exponent10 = 0;
        rescan_long(digits, digits_end, out);
    }
    if (p == end)
        return true;
    return (*p | 0x20) == 'e' && scan_exponent(p + 1, end, &out->exponent10);
}

static inline bool scan_number(wr_text text, scan *out)
{
    size_t sign_bytes, fraction_count;

    *out = (scan){0};
    if (text.byte_count == 0)
        return false;
    out->negative = text.bytes[0] == '-';
    sign_bytes = out->negative || text.bytes[0] == '+';
    if (WR_UNLIKELY(!split_plain_decimal(text.bytes + sign_bytes, text.byte_count - sign_bytes,
                                         &out->mantissa, &fraction_count)))
        return scan_any(text, out);
    out->exponent10 = -(int64_t)fraction_count;
    return true;
}

/* Bits of the float nearest to m * 2^exponent2 (ties to even), m >= 2^126. Too large: infinity. */
static uint64_t round_to(const float_format *format, wr_u128 m, int exponent2)
{
    int      p = 127 - (m >> 127 == 0);
    int      exponent = exponent2 + p;
    int      shift = p + 1 - format->mantissa_bits;
    uint64_t bits;
    wr_u128  rest, half;

    if (exponent < format->exponent_min)
        shift += format->exponent_min - exponent;
    if (shift > p + 1) /* below half of the smallest number */
        return 0;
    m = m >> 1 | (m & 1); /* keeps the shift below 128; the last bit still says "not zero" */
    shift--;
    bits = (uint64_t)(m >> shift);
    half = (wr_u128)1 << (shift - 1);
    rest = m & ((half << 1) - 1);
    bits += rest > half || (rest == half && (bits & 1));
    if (exponent >= format->exponent_min) /* the hidden bit adds one to the exponent field */
        bits += (uint64_t)(exponent - format->exponent_min) << (format->mantissa_bits - 1);
    if (bits >> (format->mantissa_bits - 1) > (uint64_t)(format->exponent_max * 2))
        return (uint64_t)(format->exponent_max * 2 + 1) << (format->mantissa_bits - 1);
    return bits;
}

/* Step 2: false when the two ends of the interval round differently. */
static bool round_interval(const float_format *format, const scan *in, uint64_t *out_bits)
{
    int      q = (int)in->exponent10, zeros = __builtin_clzll(in->mantissa);
    wr_u128  power = wr_pow10_bits(q);
    uint64_t w = in->mantissa << zeros;
    wr_u128  low = (wr_u128)(uint64_t)power * w;
    wr_u128  bottom = (wr_u128)(uint64_t)(power >> 64) * w + (uint64_t)(low >> 64);
    wr_u128  top = bottom + 4; /* 3 w for the power, 1 for the lowest 64 bits */
    int      exponent2 = wr_pow10_exponent(q) - 127 + 64 - zeros;
    uint64_t other;

    if (in->truncated)
        top += ((wr_u128)1 << (64 + zeros)) + 64;
    if (top < bottom)
        return false;
    *out_bits = round_to(format, bottom, exponent2);
    if (bottom >> 64 == top >> 64 && (uint64_t)bottom != 0)
        return true; /* they differ only in bits that are cut off, and neither is a tie */
    other = round_to(format, top, exponent2);
    return *out_bits == other;
}

/* Step 3. The static "C" locale: a host program may have set another one. No call allocates. */
static uint64_t ask_strtod(const float_format *format, wr_text text)
{
    char     copy[FLOAT_TEXT_BYTES_MAX + 1];
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double   f64;
    float    f32;
    uint64_t bits = 0;

    memcpy(copy, text.bytes, text.byte_count);
    copy[text.byte_count] = '\0';
    if (format == &F64) {
        f64 = strtod_l(copy, NULL, c_locale);
        memcpy(&bits, &f64, sizeof f64);
        return bits & INT64_MAX;
    }
    f32 = strtof_l(copy, NULL, c_locale);
    memcpy(&bits, &f32, sizeof f32);
    return bits & INT32_MAX;
}

/* Magnitude of a scanned number as bits of `format`; false when it is too large. */
static __attribute__((noinline)) bool round_scanned(const float_format *format, wr_text text,
                                                    const scan *in, uint64_t *out_bits)
{
    uint64_t infinity = (uint64_t)(format->exponent_max * 2 + 1) << (format->mantissa_bits - 1);

    *out_bits = 0;
    if (in->mantissa == 0 || in->exponent10 < -342)
        return true;
    if (in->exponent10 > 308 || text.byte_count > FLOAT_TEXT_BYTES_MAX)
        return false;
    if (!round_interval(format, in, out_bits))
        *out_bits = ask_strtod(format, text);
    return *out_bits < infinity;
}

/* inf, infinity, nan with a sign, in any case */
static __attribute__((noinline)) bool parse_special(wr_text text, double *out)
{
    bool negative = text.byte_count && text.bytes[0] == '-';

    if (text.byte_count && (negative || text.bytes[0] == '+'))
        text = (wr_text){text.bytes + 1, text.byte_count - 1};
    if (wr_text_equal_nocase(text, WR_TEXT("inf")) ||
        wr_text_equal_nocase(text, WR_TEXT("infinity")))
        *out = negative ? -__builtin_inf() : __builtin_inf();
    else if (wr_text_equal_nocase(text, WR_TEXT("nan")))
        *out = __builtin_nan("");
    else
        return false;
    return true;
}

static const double POW10_F64[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool wr_parse_f64(wr_text text, double *out)
{
    scan     in;
    double   x;
    uint64_t bits;

    if (!scan_number(text, &in))
        return parse_special(text, out);
    if (WR_LIKELY(in.mantissa <= (uint64_t)1 << 53 && in.exponent10 >= -22 && in.exponent10 <= 22 &&
                  !in.truncated)) {
        x = (double)in.mantissa;
        x = in.exponent10 < 0 ? x / POW10_F64[-in.exponent10] : x * POW10_F64[in.exponent10];
    } else {
        if (!round_scanned(&F64, text, &in, &bits))
            return false;
        memcpy(&x, &bits, sizeof x);
    }
    *out = in.negative ? -x : x;
    return true;
}

bool wr_parse_f32(wr_text text, float *out)
{
    scan     in;
    double   special;
    float    x;
    uint64_t bits;
    uint32_t narrow;

    if (!scan_number(text, &in)) {
        if (!parse_special(text, &special))
            return false;
        *out = (float)special;
        return true;
    }
    if (in.mantissa <= (uint64_t)1 << 24 && in.exponent10 >= -10 && in.exponent10 <= 10 &&
        !in.truncated) {
        x = (float)in.mantissa;
        x = in.exponent10 < 0 ? x / (float)POW10_F64[-in.exponent10]
                              : x * (float)POW10_F64[in.exponent10];
    } else {
        if (!round_scanned(&F32, text, &in, &bits))
            return false;
        narrow = (uint32_t)bits;
        memcpy(&x, &narrow, sizeof x);
    }
    *out = in.negative ? -x : x;
    return true;
}
