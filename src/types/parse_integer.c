/* types/parse_integer.c — integers, booleans, UUIDs and hexadecimal bytes from text.
 *
 * Digits are checked and converted eight at a time: a number of up to 8 digits costs one check and
 * three multiplications, whatever its length. */
#include "types/parse.h"

#include "types/digits_priv.h"

/* Twenty digits and more: leading zeros, or a value around 2^64. */
static __attribute__((noinline)) bool parse_long(const char *p, size_t digit_count, uint64_t *out)
{
    uint64_t value;

    while (digit_count > 1 && *p == '0') {
        p++;
        digit_count--;
    }
    if (digit_count <= 19)
        return value_of_digits(p, digit_count, out);
    if (digit_count > 20 || !is_digit(p[19]) || !value_of_digits(p, 19, &value))
        return false;
    return !__builtin_mul_overflow(value, 10u, &value) &&
           !__builtin_add_overflow(value, (uint64_t)(p[19] - '0'), out);
}

static inline bool parse_magnitude(const char *p, size_t digit_count, uint64_t *out)
{
    if (WR_UNLIKELY(digit_count - 1 >= 19)) /* none, or many */
        return digit_count && parse_long(p, digit_count, out);
    return value_of_digits(p, digit_count, out);
}

bool wr_parse_i64(wr_text text, int64_t *out)
{
    bool     negative;
    size_t   sign_bytes;
    uint64_t magnitude;

    if (text.byte_count == 0)
        return false;
    negative = text.bytes[0] == '-';
    sign_bytes = negative || text.bytes[0] == '+';
    if (!parse_magnitude(text.bytes + sign_bytes, text.byte_count - sign_bytes, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *out = (int64_t)(negative ? -magnitude : magnitude);
    return true;
}

bool wr_parse_u64(wr_text text, uint64_t *out)
{
    size_t sign_bytes;

    if (text.byte_count == 0)
        return false;
    sign_bytes = text.bytes[0] == '+';
    return parse_magnitude(text.bytes + sign_bytes, text.byte_count - sign_bytes, out);
}

bool wr_parse_bool(wr_text text, bool *out)
{
    static const struct {
        char word[6];
        bool value;
    } WORDS[] = {{"true", true}, {"false", false}, {"t", true},   {"f", false},
                 {"yes", true},  {"no", false},    {"y", true},   {"n", false},
                 {"on", true},   {"off", false},   {"1", true},   {"0", false}};

    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (wr_text_equal_nocase(text, wr_text_of(WORDS[i].word))) {
            *out = WORDS[i].value;
            return true;
        }
    }
    return false;
}

/* 0..15, or -1 */
static int value_of_hex(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool wr_parse_uuid(wr_text text, wr_i128 *out)
{
    wr_u128  value = 0;
    unsigned digit_count = 0;
    bool     dash_allowed = false;

    if (text.byte_count >= 2 && text.bytes[0] == '{' && text.bytes[text.byte_count - 1] == '}')
        text = (wr_text){text.bytes + 1, text.byte_count - 2};
    if (text.byte_count < 32 || text.byte_count > 39)
        return false;
    for (size_t i = 0; i < text.byte_count; i++) {
        int digit = value_of_hex(text.bytes[i]);

        if (digit < 0) { /* a dash after any four digits, as PostgreSQL */
            if (text.bytes[i] != '-' || !dash_allowed)
                return false;
            dash_allowed = false;
            continue;
        }
        if (digit_count == 32)
            return false;
        value = value << 4 | (unsigned)digit;
        dash_allowed = ++digit_count % 4 == 0 && digit_count < 32;
    }
    *out = (wr_i128)(value ^ (wr_u128)1 << 127);
    return digit_count == 32;
}

bool wr_parse_binary_hex(wr_text text, uint8_t *out, size_t *out_bytes)
{
    size_t byte_count = 0;

    if (text.byte_count < 2 || text.byte_count % 2 || text.bytes[0] != '\\' || text.bytes[1] != 'x')
        return false;
    for (size_t i = 2; i < text.byte_count; i += 2) {
        int high = value_of_hex(text.bytes[i]), low = value_of_hex(text.bytes[i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[byte_count++] = (uint8_t)(high << 4 | low);
    }
    *out_bytes = byte_count;
    return true;
}
