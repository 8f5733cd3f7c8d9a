/* text_codes_test.c — codes without a gap, the same for the same text; what is taken back is as if it had not been. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "spi/text_codes.h"

static uint8_t       memory[1 << 16];
static wr_text_codes codes;

static void lay_out(uint32_t bytes_max)
{
    wr_carver counter = {0}, carver = {memory, 0, sizeof memory};

    memset(memory, 0, sizeof memory);
    wr_text_codes_layout(&codes, bytes_max, &counter);
    assert_true(counter.used <= 4 * (uint64_t)bytes_max + 256);
    wr_text_codes_layout(&codes, bytes_max, &carver);
    assert_int_equal(carver.used, counter.used);
    wr_text_codes_reset(&codes);
}

static uint32_t find(const char *text)
{
    wr_str str = wr_str_of(text, strlen(text));

    return wr_text_codes_find(&codes, &str);
}

static uint32_t find_number(unsigned number)
{
    char text[40];

    snprintf(text, sizeof text, number % 2 ? "%u" : "a text of number %u", number);
    return find(text);
}

static void texts_are_numbered(void **state)
{
    (void)state;
    lay_out(1000);
    assert_int_equal(find("b"), 0);
    assert_int_equal(find("a text above 12 bytes"), 1);
    assert_int_equal(find(""), 2);
    assert_int_equal(find("b"), 0);
    assert_int_equal(find("a text above 12 bytes"), 1);
    assert_int_equal(find("a text above 12 bytez"), 3);
    assert_int_equal(codes.count, 4);
    assert_int_equal(codes.used_bytes, 4 * 4 + 1 + 21 + 0 + 21);
}

static void a_full_one_says_so(void **state)
{
    char     text[600];
    unsigned count = 0;

    (void)state;
    lay_out(1024);
    while (find_number(count) == count)
        count++;
    assert_true(count > 40);
    assert_int_equal(find_number(count), WR_TEXT_CODE_NONE);
    for (unsigned i = 0; i < count; i++) /* those that are there still are */
        assert_int_equal(find_number(i), i);
    wr_text_codes_reset(&codes);
    memset(text, 'x', sizeof text);
    text[512] = 0;
    assert_int_equal(find(text), 0);
    lay_out(64);
    for (count = 0; find_number(2 * count + 1) == count;)
        count++;
    assert_int_equal(count, 8); /* short ones: by their number */
}

static void what_was_taken_back_was_never_there(void **state)
{
    uint32_t used;

    (void)state;
    lay_out(8192);
    for (unsigned i = 0; i < 100; i++)
        find_number(i);
    used = codes.used_bytes;
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 100; i < 200; i++)
            assert_int_equal(find_number(1000 * (unsigned)round + i), i);
        wr_text_codes_take_back(&codes, 100);
        assert_int_equal(codes.used_bytes, used);
        for (unsigned i = 0; i < 100; i++)
            assert_int_equal(find_number(i), i);
        assert_int_equal(codes.count, 100);
    }
    wr_text_codes_take_back(&codes, 0);
    for (uint32_t i = 0; i <= codes.slot_mask; i++)
        assert_int_equal(codes.slots[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_numbered),
        cmocka_unit_test(a_full_one_says_so),
        cmocka_unit_test(what_was_taken_back_was_never_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
