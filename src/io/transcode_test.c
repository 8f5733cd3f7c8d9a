/* transcode_test.c — every encoding against known text, for every size of read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "io/input.h"

enum { PAGE = 16384 };

typedef struct text_input {
    wr_input       base;
    const uint8_t *bytes;
    size_t         byte_count, piece;
} text_input;

static wr_status text_read(wr_input *input, void *buffer, size_t bytes, size_t *out_bytes,
                           wr_error *err)
{
    text_input *text = (text_input *)input;
    size_t      left = text->byte_count - (size_t)input->offset;

    (void)err;
    bytes = bytes < text->piece ? bytes : text->piece;
    *out_bytes = bytes < left ? bytes : left;
    memcpy(buffer, text->bytes + input->offset, *out_bytes);
    input->offset += *out_bytes;
    return WR_OK;
}

static void text_close(wr_input *input)
{
    (void)input;
}

static const struct wr_input_ops TEXT_INPUT = {text_read, text_close};

typedef struct fixture {
    wr_arena *arena;
    wr_lease  lease;
    wr_bump   bump;
    wr_error  err;
} fixture;

static int set_up(void **state)
{
    fixture  *f = calloc(1, sizeof *f);
    wr_lease *leases[] = {&f->lease};

    assert_int_equal(wr_arena_new(64 * PAGE, PAGE, &f->arena, NULL), WR_OK);
    wr_lease_init(&f->lease, "test", 64 * PAGE, 64 * PAGE, PAGE);
    assert_int_equal(wr_lease_open_all(f->arena, leases, 1, NULL), WR_OK);
    wr_bump_init(&f->bump, &f->lease);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    wr_bump_release(&f->bump);
    wr_lease_close(&f->lease);
    wr_arena_free(f->arena);
    free(f);
    return 0;
}

/* Transcode `bytes` with reads of `wanted` bytes from pieces of `piece` bytes. */
static wr_status transcode(fixture *f, wr_encoding_name encoding, const void *bytes,
                           size_t byte_count, size_t piece, size_t wanted, char *out, size_t room,
                           size_t *out_bytes)
{
    text_input text = {{.ops = &TEXT_INPUT}, bytes, byte_count, piece};
    wr_input  *input = NULL;
    wr_status  status;
    size_t     got = 1;

    *out_bytes = 0;
    wr_bump_reset(&f->bump);
    status = wr_input_transcode(&text.base, WR_TEXT("in.csv"), encoding, &f->bump, &input, &f->err);
    while (status == WR_OK && got > 0) {
        status = input->ops->read(input, out + *out_bytes,
                                  room - *out_bytes < wanted ? room - *out_bytes : wanted, &got,
                                  &f->err);
        if (status == WR_OK)
            *out_bytes += got;
    }
    return status;
}

static void check(fixture *f, wr_encoding_name encoding, const void *bytes, size_t byte_count,
                  const char *expected)
{
    char   out[256];
    size_t got;

    for (size_t piece = 1; piece <= 9; piece++) {
        for (size_t wanted = 1; wanted <= 17; wanted++) {
            assert_int_equal(transcode(f, encoding, bytes, byte_count, piece, wanted, out,
                                       sizeof out, &got),
                             WR_OK);
            assert_int_equal(got, strlen(expected));
            assert_memory_equal(out, expected, got);
        }
    }
}

static void known_texts(void **state)
{
    static const char LE[] = "\xff\xfe" "a\0b\0c\0d\0e\0f\0\xe4\0\xac\x20\x3d\xd8\x00\xde,\0\n\0";
    static const char BE[] = "\xfe\xff\0a\0b\0c\0d\0e\0f\0\xe4\x20\xac\xd8\x3d\xde\x00\0,\0\n";
    static const char EXPECTED[] = "abcdef\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80,\n";

    check(*state, WR_ENCODING_UTF16, LE, sizeof LE - 1, EXPECTED);
    check(*state, WR_ENCODING_UTF16, BE, sizeof BE - 1, EXPECTED);
    check(*state, WR_ENCODING_UTF16, LE + 2, sizeof LE - 3, EXPECTED);
    check(*state, WR_ENCODING_UTF16LE, LE + 2, sizeof LE - 3, EXPECTED);
    check(*state, WR_ENCODING_UTF16LE, LE, sizeof LE - 1, EXPECTED);
    check(*state, WR_ENCODING_UTF16BE, BE + 2, sizeof BE - 3, EXPECTED);
    check(*state, WR_ENCODING_LATIN1, "plain ascii text, \xe4\xf6\xfc\x80\xff", 23,
          "plain ascii text, \xc3\xa4\xc3\xb6\xc3\xbc\xc2\x80\xc3\xbf");
    check(*state, WR_ENCODING_WINDOWS1252, "\x80 \x93quoted\x94 \xe9\x81", 13,
          "\xe2\x82\xac \xe2\x80\x9cquoted\xe2\x80\x9d \xc3\xa9\xc2\x81");
    check(*state, WR_ENCODING_UTF8, "\xc3\xa4", 2, "\xc3\xa4");
    check(*state, WR_ENCODING_UTF16, "", 0, "");
    check(*state, WR_ENCODING_LATIN1, "", 0, "");
}

static void broken_text_is_an_error(void **state)
{
    static const struct {
        const char *bytes;
        size_t      byte_count;
        const char *message;
    } CASES[] = {
        {"a\0b", 3, "ends in the middle"},
        {"a\0\x3d\xd8", 4, "unpaired surrogate at byte 2"},
        {"\x3d\xd8z\0z\0", 6, "unpaired surrogate"},
        {"\x00\xde", 2, "unpaired surrogate at byte 0"},
        {"\x3d\xd8\x00", 3, "unpaired surrogate"},
    };
    fixture *f = *state;
    char     out[64];
    size_t   got;

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        for (size_t wanted = 1; wanted < 10; wanted += 4) {
            assert_int_equal(transcode(f, WR_ENCODING_UTF16LE, CASES[i].bytes, CASES[i].byte_count,
                                       1 + wanted % 3, wanted, out, sizeof out, &got),
                             WR_CORRUPT);
            assert_non_null(strstr(f->err.message, CASES[i].message));
        }
    }
}

static void every_code_point_comes_through(void **state)
{
    fixture *f = *state;
    uint8_t *units = malloc(4 * 0x110000);
    char    *out = malloc(4 * 0x110000);
    size_t   unit_bytes = 0, got, at = 0;

    for (uint32_t code = 1; code < 0x110000; code++) {
        uint32_t pair[2] = {code, 0};

        if (code >= 0xd800 && code < 0xe000)
            continue;
        if (code >= 0x10000) {
            pair[0] = 0xd800 + ((code - 0x10000) >> 10);
            pair[1] = 0xdc00 + ((code - 0x10000) & 0x3ff);
        }
        for (unsigned i = 0; i < 1 + (code >= 0x10000); i++) {
            units[unit_bytes++] = (uint8_t)(pair[i] >> 8);
            units[unit_bytes++] = (uint8_t)pair[i];
        }
    }
    assert_int_equal(transcode(f, WR_ENCODING_UTF16BE, units, unit_bytes, 5000, 9999, out,
                               4 * 0x110000, &got),
                     WR_OK);
    for (uint32_t code = 1; code < 0x110000; code++) {
        const uint8_t *p = (const uint8_t *)out + at;
        uint32_t       back;

        if (code >= 0xd800 && code < 0xe000)
            continue;
        back = p[0] < 0x80   ? p[0]
               : p[0] < 0xe0 ? (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu)
               : p[0] < 0xf0 ? (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu)
                             : (p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 |
                                   (p[3] & 0x3fu);
        at += p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        if (back != code)
            fail_msg("U+%04X came back as U+%04X", code, back);
    }
    assert_int_equal(at, got);
    free(units);
    free(out);
}

static void names_have_many_spellings(void **state)
{
    wr_encoding_name encoding = WR_ENCODING_UTF8;
    wr_error         err;

    (void)state;
    assert_int_equal(wr_encoding_parse(WR_TEXT("UTF-16LE"), &encoding, &err), WR_OK);
    assert_int_equal(encoding, WR_ENCODING_UTF16LE);
    assert_int_equal(wr_encoding_parse(WR_TEXT("ISO-8859-1"), &encoding, &err), WR_OK);
    assert_int_equal(encoding, WR_ENCODING_LATIN1);
    assert_int_equal(wr_encoding_parse(WR_TEXT("cp1252"), &encoding, &err), WR_OK);
    assert_int_equal(encoding, WR_ENCODING_WINDOWS1252);
    assert_int_equal(wr_encoding_parse(WR_TEXT("latin2"), &encoding, &err), WR_INVALID);
    assert_non_null(strstr(err.message, "did you mean 'latin1'"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(known_texts),
        TEST(broken_text_is_an_error),
        TEST(every_code_point_comes_through),
        TEST(names_have_many_spellings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
