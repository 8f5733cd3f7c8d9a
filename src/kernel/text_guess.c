/* text_guess.c — strike out what a value contradicts. */
#include "kernel/text_guess.h"

#include "types/parse.h"

enum {
    GUESS_BOOL = 1 << 0,
    GUESS_I64 = 1 << 1,
    GUESS_F64 = 1 << 2,
    GUESS_DATE = 1 << 3,
    GUESS_TIME = 1 << 4,
    GUESS_TIMESTAMP = 1 << 5,
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Only true and false by themselves: t, yes, 1 and so on mean too many other things. */
static bool is_bool(const wr_text_rules *rules, wr_text text)
{
    uint8_t x;

    if (rules->true_words && rules->true_words->count)
        return wr_text_value_parse(rules, WR_TYPE(BOOL), text, &x);
    return wr_text_equal_nocase(text, WR_TEXT("true")) ||
           wr_text_equal_nocase(text, WR_TEXT("false"));
}

/* Digits that mean more than their number: "007", "+49...", a key of twenty digits. */
static bool is_code(wr_text text)
{
    size_t sign = text.bytes[0] == '-';

    if (text.bytes[0] == '+')
        return true;
    return text.byte_count > sign + 1 && text.bytes[sign] == '0' && is_digit(text.bytes[sign + 1]);
}

static bool is_all_digits(wr_text text)
{
    for (size_t i = text.bytes[0] == '-'; i < text.byte_count; i++) {
        if (!is_digit(text.bytes[i]))
            return false;
    }
    return true;
}

/* A date or time as people write it has its separators; 20260131 is a number. */
static bool has_separator(wr_text text)
{
    for (size_t i = 1; i < text.byte_count; i++) {
        if (strchr("-/:", text.bytes[i]) && text.bytes[i])
            return true;
    }
    return false;
}

/* Note what kind of timestamp this is: its offset and its fraction. */
static void note_timestamp(wr_text_guess *guess, wr_text text)
{
    size_t fraction = 0, at = 10; /* behind the date */
    bool   zone = false;

    for (; at < text.byte_count; at++) {
        char byte = text.bytes[at];

        if (byte == '.' || byte == ',')
            fraction = 1;
        else if (fraction && is_digit(byte))
            fraction++;
        else if (fraction)
            break;
        zone |= at > 10 && (byte == '+' || byte == '-' || byte == 'Z' || byte == 'z');
    }
    for (; at < text.byte_count; at++)
        zone |= !is_digit(text.bytes[at]);
    guess->any_nanoseconds |= fraction > 7;
    guess->any_zone |= zone;
    guess->any_without |= !zone;
}

static bool fits_timestamp(wr_text_guess *guess, const wr_text_rules *rules, wr_text text)
{
    int64_t x;

    if (!wr_text_value_parse(rules, wr_type_timestamp(WR_UNIT_US, 0), text, &x))
        return false;
    if (rules->timestamp_format.byte_count == 0) {
        if (text.byte_count < 8 || !has_separator(text))
            return false;
        note_timestamp(guess, text);
    }
    return true;
}

void wr_text_guess_add(wr_text_guess *guess, const wr_text_rules *rules, wr_text text)
{
    uint16_t left = (uint16_t)~guess->struck;
    uint64_t x;

    guess->any = true;
    text = wr_text_trim(text);
    if (text.byte_count == 0) {
        guess->struck = UINT16_MAX;
        return;
    }
    if ((left & GUESS_BOOL) && !is_bool(rules, text))
        guess->struck |= GUESS_BOOL;
    if ((left & GUESS_I64) &&
        (is_code(text) || !wr_text_value_parse(rules, WR_TYPE(I64), text, &x)))
        guess->struck |= GUESS_I64;
    if ((left & GUESS_F64) &&
        (is_code(text) || !wr_text_value_parse(rules, WR_TYPE(F64), text, &x) ||
         (is_all_digits(text) && !wr_text_value_parse(rules, WR_TYPE(I64), text, &x))))
        guess->struck |= GUESS_F64;
    if ((left & GUESS_DATE) && (!wr_text_value_parse(rules, WR_TYPE(DATE32), text, &x) ||
                                (rules->date_format.byte_count == 0 && !has_separator(text))))
        guess->struck |= GUESS_DATE;
    if ((left & GUESS_TIME) &&
        (!has_separator(text) || !wr_parse_time(text, WR_UNIT_US, (int64_t *)&x)))
        guess->struck |= GUESS_TIME;
    if ((left & GUESS_TIMESTAMP) && !fits_timestamp(guess, rules, text))
        guess->struck |= GUESS_TIMESTAMP;
}

void wr_text_guess_merge(wr_text_guess *guess, const wr_text_guess *other)
{
    guess->struck |= other->struck;
    guess->any |= other->any;
    guess->any_zone |= other->any_zone;
    guess->any_without |= other->any_without;
    guess->any_nanoseconds |= other->any_nanoseconds;
}

wr_type wr_text_guess_type(const wr_text_guess *guess)
{
    uint16_t left = (uint16_t)~guess->struck;

    if (!guess->any)
        return WR_TYPE(UTF8);
    if (left & GUESS_BOOL)
        return WR_TYPE(BOOL);
    if (left & GUESS_I64)
        return WR_TYPE(I64);
    if (left & GUESS_F64)
        return WR_TYPE(F64);
    if (left & GUESS_DATE)
        return WR_TYPE(DATE32);
    if (left & GUESS_TIME)
        return (wr_type){.logical = WR_TYPE_TIME, .unit = WR_UNIT_US};
    if (left & GUESS_TIMESTAMP)
        return wr_type_timestamp(guess->any_nanoseconds ? WR_UNIT_NS : WR_UNIT_US,
                                 guess->any_zone && !guess->any_without ? 1 : 0);
    return WR_TYPE(UTF8);
}
