/* types/decimal_test.c — decimal arithmetic against digit-by-digit references, and its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "types/decimal.h"
#include "types/parse.h"

static uint64_t seed = 7;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Any number of digits up to `digits_max`, any sign. */
static wr_i128 random_decimal(unsigned digits_max)
{
    wr_u128 bits = (wr_u128)next_random() << 64 | next_random();
    wr_i128 x =
        (wr_i128)(bits % (wr_u128)wr_pow10_i128((unsigned)(next_random() % digits_max) + 1));

    return next_random() & 1 ? x : -x;
}

/* Reference numbers: 160 decimal digits, least significant first. */
enum { DIGITS = 160 };
typedef struct long_number {
    uint8_t digits[DIGITS];
} long_number;

static long_number long_of(wr_i128 x)
{
    long_number result = {0};
    wr_u128     magnitude = x < 0 ? -(wr_u128)x : (wr_u128)x;

    for (int i = 0; magnitude; i++, magnitude /= 10)
        result.digits[i] = (uint8_t)(magnitude % 10);
    return result;
}

static long_number multiply_long(const long_number *a, const long_number *b)
{
    long_number result = {0};

    for (int i = 0; i < DIGITS; i++) {
        unsigned carry = 0;
        for (int j = 0; i + j < DIGITS; j++) {
            carry += result.digits[i + j] + a->digits[i] * b->digits[j];
            result.digits[i + j] = (uint8_t)(carry % 10);
            carry /= 10;
        }
    }
    return result;
}

/* Moves the point: up to the left, down to the right, rounding half up. */
static long_number shift_long(const long_number *a, int places)
{
    long_number result = {0};

    for (int i = 0; i < DIGITS; i++)
        if (i - places >= 0 && i - places < DIGITS)
            result.digits[i] = a->digits[i - places];
    if (places < 0 && -places - 1 < DIGITS && a->digits[-places - 1] >= 5)
        for (int i = 0; i < DIGITS && ++result.digits[i] == 10; i++)
            result.digits[i] = 0;
    return result;
}

static bool equals_long(wr_i128 x, const long_number *wanted)
{
    long_number found = long_of(x);

    return memcmp(found.digits, wanted->digits, DIGITS) == 0;
}

static bool has_38_digits(const long_number *a)
{
    for (int i = 38; i < DIGITS; i++)
        if (a->digits[i])
            return false;
    return true;
}

static void multiplication(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        unsigned    digits_max = i % 2 ? 38 : 20;
        wr_i128     a = random_decimal(digits_max), b = random_decimal(digits_max), found;
        int         a_scale = (int)(next_random() % 39), b_scale = (int)(next_random() % 39);
        int         scale = (int)(next_random() % 39);
        long_number x = long_of(a), y = long_of(b), product = multiply_long(&x, &y);
        long_number wanted = shift_long(&product, scale - a_scale - b_scale);
        bool        fits = has_38_digits(&wanted);

        assert_int_equal(wr_decimal_multiply(a, a_scale, b, b_scale, scale, &found), fits);
        if (fits) {
            assert_true(equals_long(found, &wanted));
            assert_true(found == 0 || (found < 0) == ((a < 0) != (b < 0)));
        }
    }
}

/* q = round(a / b): |a| * 10^e - q * b is at most half of b. Checked as 2*|rest| <= |b|. */
static void division(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        wr_i128 b = random_decimal(17), q = random_decimal(17), rest, found;
        wr_u128 divisor = b < 0 ? -(wr_u128)b : (wr_u128)b;
        int     scale = (int)(next_random() % 5);

        if (b == 0 || q == 0)
            continue;
        rest = (wr_i128)(((wr_u128)next_random() << 64 | next_random()) % divisor);
        /* (|q| * |b| + rest) / |b| with the sign of q */
        wr_i128 magnitude = (q < 0 ? -q : q) * (wr_i128)divisor + rest;
        wr_i128 wanted = (q < 0 ? -q : q) + (rest >= (wr_i128)divisor - rest);

        assert_true(wr_decimal_divide(q < 0 ? -magnitude : magnitude, scale, (wr_i128)divisor,
                                      scale, 0, &found));
        assert_true(found == (q < 0 ? -wanted : wanted));
    }
}

static void division_by_long_numbers(void **state)
{
    wr_i128 found;

    (void)state;
    for (int i = 0; i < 20000; i++) { /* (a * b) / b == a, through 256 bits */
        wr_i128 a = random_decimal(37), b = random_decimal(38);
        int     scale = (int)(next_random() % 38);

        if (b == 0)
            continue;
        if (wr_decimal_divide(a, 0, b, 0, scale, &found)) {
            /* found / 10^scale * b is within half of b's unit of a */
            long_number x = long_of(found), y = long_of(b), product = multiply_long(&x, &y);
            long_number a_long = long_of(a), target = shift_long(&a_long, scale);
            long_number twice = {0}, *high = &product, *low = &target;

            for (int d = DIGITS - 1; d >= 0; d--) {
                if (product.digits[d] != target.digits[d]) {
                    if (product.digits[d] < target.digits[d]) {
                        high = &target;
                        low = &product;
                    }
                    break;
                }
            }
            int carry = 0, borrow = 0;
            for (int d = 0; d < DIGITS; d++) { /* 2 * (high - low) */
                int digit = high->digits[d] - low->digits[d] - borrow;
                borrow = digit < 0;
                digit = 2 * (digit + 10 * borrow) + carry;
                twice.digits[d] = (uint8_t)(digit % 10);
                carry = digit / 10;
            }
            int order = 0;
            for (int d = DIGITS - 1; d >= 0 && order == 0; d--)
                order = (twice.digits[d] > y.digits[d]) - (twice.digits[d] < y.digits[d]);
            assert_true(order <= 0);
            assert_true(order < 0 || high == &product); /* half: away from zero */
        }
    }
    assert_true(wr_decimal_divide(1, 0, 3, 0, 38, &found));
    assert_true(found == wr_pow10_i128(38) / 3);
    assert_true(wr_decimal_divide(2, 0, 3, 0, 37, &found));
    assert_true(found == wr_pow10_i128(37) / 3 * 2 + 1);
    assert_false(wr_decimal_divide(1, 0, 1, 0, 38, &found));
    assert_false(wr_decimal_divide(wr_pow10_i128(37), 0, 1, 38, 38, &found));
    assert_true(wr_decimal_divide(1, 38, wr_pow10_i128(38) - 1, 0, 0, &found) && found == 0);
    assert_true(wr_decimal_divide(-5, 1, 1, 0, 0, &found) && found == -1);
}

static void rescaling(void **state)
{
    wr_i128 x;

    (void)state;
    assert_true(wr_decimal_rescale(125, 2, 1, &x) && x == 13);
    assert_true(wr_decimal_rescale(-125, 2, 1, &x) && x == -13);
    assert_true(wr_decimal_rescale(124, 2, 1, &x) && x == 12);
    assert_true(wr_decimal_rescale(124, 2, 4, &x) && x == 12400);
    assert_true(wr_decimal_rescale(5, 38, 0, &x) && x == 0);
    assert_true(wr_decimal_rescale(0, 0, 38, &x) && x == 0);
    assert_true(wr_decimal_rescale(wr_pow10_i128(38) - 1, 38, 0, &x) && x == 1);
    assert_true(wr_decimal_rescale(wr_pow10_i128(38) - 1, 1, 0, &x) && x == wr_pow10_i128(37));
    assert_false(wr_decimal_rescale(wr_pow10_i128(37), 0, 1, &x));
    assert_false(wr_decimal_rescale(1, 0, 38, &x));
    assert_true(wr_decimal_fits(99, 2) && !wr_decimal_fits(-100, 2));
    assert_true(wr_decimal_fits(wr_pow10_i128(38) - 1, 38) &&
                !wr_decimal_fits(wr_pow10_i128(38), 38));
}

/* The shortest text that reads as `d`, as the decimal parser rounds it; whole numbers as %.0f. */
static void check_shortest(double d, int scale)
{
    char    written[400], narrow[400];
    int     digits = 1;
    wr_i128 x = 0, wanted = 0;
    bool    fits;

    do
        snprintf(written, sizeof written, "%.*g", digits, d);
    while (strtod(written, NULL) != d && ++digits <= 17);
    if (d == trunc(d))
        snprintf(written, sizeof written, "%.0f", d);
    fits = wr_parse_decimal(wr_text_of(written), 38, scale, &wanted);
    assert_int_equal(wr_decimal_from_f64(d, 38, scale, &x), fits);
    assert_true(!fits || x == wanted);
    digits = 1;
    do
        snprintf(narrow, sizeof narrow, "%.*g", digits, (double)(float)d);
    while (strtof(narrow, NULL) != (float)d && ++digits <= 9);
    if ((float)d == truncf((float)d))
        snprintf(narrow, sizeof narrow, "%.0f", (double)(float)d);
    fits = wr_parse_decimal(wr_text_of(narrow), 38, scale, &wanted);
    assert_int_equal(wr_decimal_from_f32((float)d, 38, scale, &x), fits);
    assert_true(!fits || x == wanted);
}

static void floats(void **state)
{
    char    text[64];
    wr_i128 x;

    (void)state;
    for (int i = 0; i < 50000; i++) {
        wr_i128 value = random_decimal(i % 2 ? 38 : 18);
        int     scale = (int)(next_random() % 39);

        text[wr_format_decimal(value, scale, text)] = '\0';
        assert_true(wr_decimal_to_f64(value, scale) == strtod(text, NULL));
    }
    for (int i = 0; i < 50000; i++) {
        double d = (double)(int64_t)next_random() / (double)(next_random() >> (i % 60) | 1);
        int    scale = (int)(next_random() % 39);

        check_shortest(d, scale);
        /* Ties as they are written: some thousandths with two digits. */
        check_shortest((double)(int64_t)(next_random() % 2000001 - 1000000) / 1000, 2);
    }
    assert_true(wr_decimal_from_f64(0.5, 5, 0, &x) && x == 1);
    assert_true(wr_decimal_from_f64(-2.5, 5, 0, &x) && x == -3);
    assert_true(wr_decimal_from_f64(1.005, 5, 2, &x) && x == 101);
    assert_true(wr_decimal_from_f64(-0.285, 5, 2, &x) && x == -29);
    assert_true(wr_decimal_from_f32(0.1f, 38, 18, &x) && x == wr_pow10_i128(17));
    assert_true(wr_decimal_from_f64(9007199254740993e3, 38, 0, &x) &&
                x == (wr_i128)9007199254740993024);
    assert_true(wr_decimal_from_f64(5e-324, 38, 38, &x) && x == 0);
    assert_true(wr_decimal_from_f64(1e37, 38, 0, &x));
    assert_false(wr_decimal_from_f64(1.0000000000000002e38, 38, 0, &x));
    assert_false(wr_decimal_from_f64(1e300, 38, 0, &x));
    assert_false(wr_decimal_from_f64(1e300, 38, 38, &x));
    assert_false(wr_decimal_from_f64(NAN, 38, 0, &x));
    assert_false(wr_decimal_from_f64(-INFINITY, 38, 0, &x));
    assert_false(wr_decimal_from_f64(99.996, 4, 2, &x));
}

static void text(void **state)
{
    static const struct {
        const char *text;
        unsigned    precision;
        int         scale;
        const char *canonical; /* NULL: refused */
    } CASES[] = {
        {"0.06", 10, 2, "0.06"},
        {"-0.05", 10, 2, "-0.05"},
        {"1.005", 10, 2, "1.01"},
        {"-1.005", 10, 2, "-1.01"},
        {"1.0049", 10, 2, "1.00"},
        {"1e3", 10, 2, "1000.00"},
        {"1.5e-3", 10, 4, "0.0015"},
        {"1.5e-3", 10, 2, "0.00"},
        {"5e-3", 10, 2, "0.01"},
        {".5", 10, 1, "0.5"},
        {"5.", 10, 1, "5.0"},
        {"000123.450", 5, 2, "123.45"},
        {"1000", 5, 2, NULL},
        {"999.995", 5, 2, NULL},
        {"999.994", 5, 2, "999.99"},
        {"99999999999999999999999999999999999999", 38, 0, "99999999999999999999999999999999999999"},
        {"100000000000000000000000000000000000000", 38, 0, NULL},
        {"999999999999999999999999999999999999999999", 38, 0, NULL},
        {"0.00000000000000000000000000000000000001", 38, 38,
         "0.00000000000000000000000000000000000001"},
        {"0.000000000000000000000000000000000000009", 38, 38,
         "0.00000000000000000000000000000000000001"},
        {"1e-999999999999", 38, 38, "0.00000000000000000000000000000000000000"},
        {"1e40", 38, 0, NULL},
        {"1e9999999999999", 38, 0, NULL},
        {"0e9999999999999", 5, 0, "0"},
        {"-0", 5, 0, "0"},
        {"+7", 5, 0, "7"},
        {"", 5, 0, NULL},
        {".", 5, 0, NULL},
        {"-", 5, 0, NULL},
        {"1.2.3", 5, 1, NULL},
        {"1e", 5, 0, NULL},
        {"1x", 5, 0, NULL},
        {"nan", 5, 0, NULL},
        {" 1", 5, 0, NULL},
        {"12345678901234567890.12", 22, 2, "12345678901234567890.12"}};
    char    found[WR_FORMAT_BYTES_MAX + 1];
    wr_i128 x;

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        bool read =
            wr_parse_decimal(wr_text_of(CASES[i].text), CASES[i].precision, CASES[i].scale, &x);

        if (read != (CASES[i].canonical != NULL))
            fail_msg("%s", CASES[i].text);
        if (!read)
            continue;
        found[wr_format_decimal(x, CASES[i].scale, found)] = '\0';
        assert_string_equal(found, CASES[i].canonical);
    }
    for (int i = 0; i < 20000; i++) {
        wr_i128 value = random_decimal(38);
        int     scale = (int)(next_random() % 39);
        size_t  byte_count = wr_format_decimal(value, scale, found);

        assert_true(wr_parse_decimal((wr_text){found, byte_count}, 38, scale, &x) && x == value);
    }
}

static void shapes(void **state)
{
    static const struct {
        const char *text;
        unsigned    precision;
        int         scale;
    } CASES[] = {{"0.060", 3, 3}, {"123.45", 5, 2}, {"0", 1, 0},  {"1e3", 4, 0}, {"1.5e-3", 4, 4},
                 {"1.5e1", 2, 0}, {"000.10", 2, 2}, {"-7", 1, 0}, {"5.", 1, 0},  {"0e5", 1, 0}};
    unsigned precision;
    int      scale;

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_true(wr_parse_decimal_shape(wr_text_of(CASES[i].text), &precision, &scale));
        assert_int_equal(precision, CASES[i].precision);
        assert_int_equal(scale, CASES[i].scale);
    }
    assert_false(wr_parse_decimal_shape(WR_TEXT("1e38"), &precision, &scale));
    assert_false(wr_parse_decimal_shape(WR_TEXT("abc"), &precision, &scale));
}

static void types(void **state)
{
    static const struct {
        wr_type (*combine)(wr_type, wr_type);
        unsigned left_precision, left_scale, right_precision, right_scale, precision, scale;
    } CASES[] = {{wr_decimal_type_add, 10, 2, 10, 2, 11, 2},
                 {wr_decimal_type_add, 10, 4, 12, 2, 15, 4},
                 {wr_decimal_type_add, 38, 10, 38, 10, 38, 10},
                 {wr_decimal_type_add, 38, 0, 38, 38, 38, 20},
                 {wr_decimal_type_multiply, 12, 2, 3, 2, 15, 4},
                 {wr_decimal_type_multiply, 38, 2, 3, 2, 38, 4},
                 {wr_decimal_type_multiply, 38, 10, 38, 10, 38, 20},
                 {wr_decimal_type_multiply, 38, 20, 38, 20, 38, 20},
                 {wr_decimal_type_multiply, 20, 19, 20, 19, 38, 36},
                 {wr_decimal_type_divide, 10, 2, 10, 2, 23, 13},
                 {wr_decimal_type_divide, 5, 0, 1, 0, 11, 6},
                 {wr_decimal_type_divide, 38, 10, 38, 10, 38, 6},
                 {wr_decimal_type_divide, 2, 2, 2, 0, 6, 6}};

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        wr_type type =
            CASES[i].combine(wr_type_decimal(CASES[i].left_precision, (int)CASES[i].left_scale),
                             wr_type_decimal(CASES[i].right_precision, (int)CASES[i].right_scale));

        assert_int_equal(type.precision, CASES[i].precision);
        assert_int_equal(type.scale, CASES[i].scale);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiplication), cmocka_unit_test(division),
        cmocka_unit_test(division_by_long_numbers), cmocka_unit_test(rescaling),
        cmocka_unit_test(floats), cmocka_unit_test(text),
        cmocka_unit_test(shapes), cmocka_unit_test(types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
