/* types/fsum_centered.c — sum of x*y minus (sum of x)(sum of y)/n, the core of variance,
 * covariance and correlation, in whole numbers.
 *
 * Each state is a whole number of at most 231 bits times a power of two. n P - X Y is computed
 * exactly in 768 bits and divided by n; only the quotient is rounded. So equal values have a
 * variance of exactly 0, whatever their size. Where the powers of two lie so far apart that 768 bits
 * are too few, the lowest bits of the smaller term are cut: they are 2^-300 of the larger one. */
#include "types/fsum.h"

#include <math.h>
#include <string.h>

#include "types/fsum_priv.h"

typedef unsigned __int128 wide_word;

enum {
    TERM_WORDS = 12,   /* 768 bits: n P has 295 and X Y 462 before they are aligned */
    QUOTIENT_WORDS = TERM_WORDS + 2,
    SHIFT_P_MAX = 470, /* 768 - 295, and a little air */
    SHIFT_XY_MAX = 300,
};

typedef struct term {
    uint64_t words[TERM_WORDS]; /* magnitude, lowest first */
    bool     negative;
} term;

static void multiply(const uint64_t *a, int a_count, const uint64_t *b, int b_count, term *out)
{
    memset(out->words, 0, sizeof out->words);
    for (int i = 0; i < a_count; i++) {
        uint64_t carry = 0;

        for (int j = 0; j < b_count; j++) {
            wide_word sum = (wide_word)a[i] * b[j] + out->words[i + j] + carry;

            out->words[i + j] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        out->words[i + b_count] = carry;
    }
}

/* Up by `bits`, down where it is negative (bits that leave are lost). */
static void shift(term *t, int bits)
{
    uint64_t from[TERM_WORDS];
    int      word_step = bits / 64, bit_step = bits % 64;

    if (bit_step < 0) {
        bit_step += 64;
        word_step--;
    }
    memcpy(from, t->words, sizeof from);
    for (int i = 0; i < TERM_WORDS; i++) {
        int      source = i - word_step;
        uint64_t low = source >= 1 && source <= TERM_WORDS ? from[source - 1] : 0;
        uint64_t high = source >= 0 && source < TERM_WORDS ? from[source] : 0;

        t->words[i] = bit_step ? high << bit_step | low >> (64 - bit_step) : high;
    }
}

static bool is_zero(const term *t)
{
    uint64_t any = 0;

    for (int i = 0; i < TERM_WORDS; i++)
        any |= t->words[i];
    return any == 0;
}

static int compare(const term *a, const term *b)
{
    for (int i = TERM_WORDS - 1; i >= 0; i--)
        if (a->words[i] != b->words[i])
            return a->words[i] < b->words[i] ? -1 : 1;
    return 0;
}

/* a -= b */
static void subtract(term *a, const term *b)
{
    bool     swap = a->negative == b->negative && compare(a, b) < 0;
    uint64_t carry = 0;

    for (int i = 0; i < TERM_WORDS; i++) {
        wide_word x = a->words[i], y = b->words[i];
        wide_word result = a->negative != b->negative ? x + y + carry
                           : swap                     ? y - x - carry
                                                      : x - y - carry;

        a->words[i] = (uint64_t)result;
        carry = (uint64_t)(result >> 64) & 1;
    }
    a->negative ^= swap;
}

/* t * 2^exponent / n, rounded once: 128 more bits than t has, and the remainder as the lowest. */
static double divide(const term *t, int exponent, uint64_t n)
{
    uint64_t quotient[QUOTIENT_WORDS];
    uint64_t rest = 0;

    for (int i = QUOTIENT_WORDS - 1; i >= 0; i--) {
        int       word = i - (QUOTIENT_WORDS - TERM_WORDS);
        wide_word part = (wide_word)rest << 64 | (word >= 0 ? t->words[word] : 0);

        quotient[i] = (uint64_t)(part / n);
        rest = (uint64_t)(part % n);
    }
    quotient[0] |= rest != 0;
    return wr_fsum_round(quotient, QUOTIENT_WORDS,
                         exponent - 64 * (QUOTIENT_WORDS - TERM_WORDS), t->negative);
}

double wr_fsum_wide_centered(const wr_fsum_wide *sum_xy, const wr_fsum_wide *sum_x,
                             const wr_fsum_wide *sum_y, uint64_t n)
{
    uint64_t p[FSUM_WORDS], x[FSUM_WORDS], y[FSUM_WORDS];
    term     np, xy;
    int      exponent_p, exponent_xy, exponent;

    if (sum_xy->special || sum_x->special || sum_y->special)
        return (double)NAN;
    if (n == 0)
        return 0.0;
    np.negative = wr_fsum_digits_to_words(sum_xy->digits, WR_FSUM_WIDE_DIGITS, p);
    xy.negative = wr_fsum_digits_to_words(sum_x->digits, WR_FSUM_WIDE_DIGITS, x) !=
                  wr_fsum_digits_to_words(sum_y->digits, WR_FSUM_WIDE_DIGITS, y);
    multiply(p, FSUM_WORDS, &n, 1, &np);
    multiply(x, FSUM_WORDS, y, FSUM_WORDS, &xy);
    exponent_p = fsum_exponent(sum_xy->top, WR_FSUM_WIDE_DIGITS);
    exponent_xy = fsum_exponent(sum_x->top, WR_FSUM_WIDE_DIGITS) +
                  fsum_exponent(sum_y->top, WR_FSUM_WIDE_DIGITS);
    if (is_zero(&np))
        exponent_p = exponent_xy;
    else if (is_zero(&xy))
        exponent_xy = exponent_p;
    exponent = exponent_p < exponent_xy ? exponent_p : exponent_xy;
    if (exponent < exponent_p - SHIFT_P_MAX)
        exponent = exponent_p - SHIFT_P_MAX;
    if (exponent < exponent_xy - SHIFT_XY_MAX)
        exponent = exponent_xy - SHIFT_XY_MAX;
    shift(&np, exponent_p - exponent);
    shift(&xy, exponent_xy - exponent);
    subtract(&np, &xy);
    if (np.negative && sum_x == sum_y) /* dropped low digits cannot make a square negative */
        return 0.0;
    return divide(&np, exponent, n);
}
