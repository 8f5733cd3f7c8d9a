/* types/fsum.inc.h — template: accumulator of N digits.
 * Parameters: STATE (type), N (digits), FN(name). #undef'd below. No include guard on purpose. */
#ifndef STATE
#error "define STATE, N and FN(name), then include this file"
#endif

/* Make `position` the highest digit; lower ones move down, those below the window are dropped. */
static void FN(raise_window)(STATE *sum, int position)
{
    int up = position + 1 - sum->top;

    if (sum->top == 0 || up >= N) {
        memset(sum->digits, 0, sizeof sum->digits);
    } else {
        memmove(sum->digits + up, sum->digits, (size_t)(N - up) * sizeof sum->digits[0]);
        memset(sum->digits, 0, (size_t)up * sizeof sum->digits[0]);
    }
    sum->top = (int16_t)(position + 1);
}

static inline void FN(add_times)(STATE *sum, double x, int64_t times)
{
    cut_value cut;
    int       at;

    if (!cut_double(x, &cut)) {
        sum->special |= special_of(x);
        return;
    }
    if (cut.highest < 0)
        return;
    if (cut.highest + 1 > sum->top)
        FN(raise_window)(sum, cut.highest);
    at = sum->top - 1 - cut.lowest; /* index of the lowest digit; may lie below the window */
    for (int i = 0; i < CUT_DIGITS; i++, at--)
        if (at >= 0 && at < N)
            sum->digits[at] += cut.digits[i] * times;
}

static inline void FN(add)(STATE *sum, double x)
{
    FN(add_times)(sum, x, 1);
}

static void FN(merge)(STATE *sum, const STATE *other)
{
    int down;

    sum->special |= other->special;
    if (other->top == 0)
        return;
    if (other->top > sum->top)
        FN(raise_window)(sum, other->top - 1);
    down = sum->top - other->top;
    for (int i = 0; i + down < N; i++)
        sum->digits[i + down] += other->digits[i];
}

static double FN(result)(const STATE *sum)
{
    uint64_t words[FSUM_WORDS];
    bool     negative;

    if (sum->special)
        return special_result(sum->special);
    if (sum->top == 0)
        return 0.0;
    negative = wr_fsum_digits_to_words(sum->digits, N, words);
    return wr_fsum_round(words, FSUM_WORDS, fsum_exponent(sum->top, N), negative);
}

#undef STATE
#undef N
#undef FN
