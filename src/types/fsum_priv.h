/* types/fsum_priv.h — whole numbers of many 64-bit words, and their rounding to a double. */
#ifndef WR_BUILDING_TYPES
#error "fsum_priv.h is private to src/types"
#endif
#ifndef WR_TYPES_FSUM_PRIV_H
#define WR_TYPES_FSUM_PRIV_H

#include <stdbool.h>
#include <stdint.h>

enum { FSUM_DIGIT_BITS = 28, FSUM_LOWEST_EXPONENT = -1074, FSUM_WORDS = 4 };

/** Digits (highest first, any signs) as magnitude, little-endian words; returns "negative".
 *  7 digits of 63 bits need 168 + 63 bits. */
bool wr_fsum_digits_to_words(const int64_t *digits, int digit_count, uint64_t words[FSUM_WORDS]);

/** Exponent of the lowest bit of a state whose highest digit is at `top` - 1. */
static inline int fsum_exponent(int top, int digit_count)
{
    return (top - digit_count) * FSUM_DIGIT_BITS + FSUM_LOWEST_EXPONENT;
}

/** The double nearest to words * 2^exponent, ties to even; too large: infinity. */
double wr_fsum_round(const uint64_t *words, int word_count, int exponent, bool negative);

#endif
