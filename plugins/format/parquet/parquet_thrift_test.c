/* parquet_thrift_test.c — what is written is read back through windows of any size; skipping; damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "parquet_thrift.h"

typedef struct memory_file {
    wr_fs_reader   base;
    const uint8_t *bytes;
    size_t         byte_count;
} memory_file;

static wr_status memory_read_at(wr_fs_reader *reader, uint64_t offset, void *buffer, size_t bytes,
                                size_t *out_bytes, wr_error *err)
{
    memory_file *file = (memory_file *)reader;
    size_t       left = offset < file->byte_count ? file->byte_count - (size_t)offset : 0;

    (void)err;
    *out_bytes = bytes < left ? bytes : left;
    if (*out_bytes)
        memcpy(buffer, file->bytes + offset, *out_bytes);
    return WR_OK;
}

static const struct wr_fs_reader_ops MEMORY_FILE = {.read_at = memory_read_at};

typedef struct output {
    uint8_t bytes[4096];
    size_t  used;
} output;

static wr_status collect(void *self, const void *bytes, size_t byte_count, wr_error *err)
{
    output *out = self;

    (void)err;
    memcpy(out->bytes + out->used, bytes, byte_count);
    out->used += byte_count;
    return WR_OK;
}

static const char LONG_TEXT[] = "a text that is longer than the buffer it goes through, by a good deal";

/* A struct with a field of every kind. */
static void write_all(output *out)
{
    uint8_t          buffer[32];
    wr_thrift_writer writer;
    uint64_t         byte_count;
    wr_error         err;

    wr_thrift_write_begin(&writer, buffer, sizeof buffer, collect, out, &err);
    wr_thrift_put_i32(&writer, 1, -5);
    wr_thrift_put_i64(&writer, 2, INT64_MIN);
    wr_thrift_put_bool(&writer, 3, true);
    wr_thrift_put_list(&writer, 20, WR_THRIFT_STRUCT, 20);
    for (int i = 0; i < 20; i++) {
        wr_thrift_open_struct(&writer, 0);
        wr_thrift_put_i32(&writer, 1, i);
        wr_thrift_open_struct(&writer, 2);
        wr_thrift_put_bool(&writer, 1, false);
        wr_thrift_close_struct(&writer);
        wr_thrift_close_struct(&writer);
    }
    wr_thrift_put_binary(&writer, 21, LONG_TEXT, sizeof LONG_TEXT);
    wr_thrift_put_list(&writer, 22, WR_THRIFT_BOOL, 3);
    for (int i = 0; i < 3; i++)
        wr_thrift_put_bool(&writer, 0, i == 1);
    wr_thrift_put_i8(&writer, 23, -8);
    wr_thrift_put_i16(&writer, 24, INT16_MAX);
    assert_int_equal(wr_thrift_write_end(&writer, &byte_count), WR_OK);
    assert_int_equal(byte_count, out->used);
}

/* Sum up what is read; the same for every way of reading. */
static int64_t read_all(wr_thrift_reader *reader, bool skip_list)
{
    wr_thrift_field field = {0};
    int64_t         sum = 0;
    char            text[128];
    uint64_t        text_bytes;

    while (wr_thrift_next(reader, &field)) {
        switch (field.id) {
        case 1:
        case 23:
        case 24:
            sum += wr_thrift_i32(reader, &field);
            break;
        case 2:
            assert_true(wr_thrift_int(reader, &field) == INT64_MIN || reader->status != WR_OK);
            break;
        case 3:
            assert_true(wr_thrift_bool(reader, &field));
            break;
        case 20:
            if (skip_list) {
                wr_thrift_skip(reader, &field);
                break;
            }
            for (uint32_t left = wr_thrift_list(reader, &field); left > 0; left--) {
                wr_thrift_field inner = {0};

                wr_thrift_struct(reader, &field);
                while (wr_thrift_next(reader, &inner)) {
                    if (inner.id == 1)
                        sum += wr_thrift_i32(reader, &inner);
                    else
                        wr_thrift_skip(reader, &inner);
                }
            }
            break;
        case 21:
            wr_thrift_text(reader, &field, text, sizeof text, &text_bytes);
            sum += (int64_t)text_bytes;
            break;
        case 22:
            for (uint32_t left = wr_thrift_list(reader, &field); left > 0; left--)
                sum += wr_thrift_bool(reader, &field) ? 1000 : 0;
            break;
        default:
            wr_thrift_skip(reader, &field);
        }
    }
    return sum;
}

static const int64_t SUM = -5 - 8 + INT16_MAX + sizeof LONG_TEXT + 1000;

static void test_round_trip(void **state)
{
    output           out = {.used = 0};
    uint8_t          window[256];
    wr_error         err;
    wr_thrift_reader reader;

    (void)state;
    write_all(&out);
    wr_thrift_open_bytes(&reader, out.bytes, out.used, 0, &err);
    assert_int_equal(read_all(&reader, false), SUM + 190);
    assert_int_equal(reader.status, WR_OK);
    for (uint32_t window_bytes = 1; window_bytes <= sizeof window; window_bytes++) {
        memory_file file = {{.ops = &MEMORY_FILE}, out.bytes, out.used};

        for (int skip_list = 0; skip_list < 2; skip_list++) {
            wr_thrift_open_file(&reader, &file.base, 0, out.used, window, window_bytes, &err);
            assert_int_equal(read_all(&reader, skip_list), SUM + (skip_list ? 0 : 190));
            assert_int_equal(reader.status, WR_OK);
            assert_int_equal(wr_thrift_offset(&reader), out.used);
        }
    }
}

/* Every truncation fails; every flipped bit fails or reads as something, and ends. */
static void test_damage(void **state)
{
    output           out = {.used = 0};
    uint8_t          window[64];
    wr_error         err;
    wr_thrift_reader reader;
    wr_thrift_field  whole = {.kind = WR_THRIFT_STRUCT};

    (void)state;
    write_all(&out);
    for (size_t cut = 0; cut < out.used; cut++) {
        memory_file file = {{.ops = &MEMORY_FILE}, out.bytes, cut};

        wr_thrift_open_file(&reader, &file.base, 0, out.used, window, sizeof window, &err);
        read_all(&reader, false);
        assert_int_equal(reader.status, WR_CORRUPT);
    }
    for (size_t bit = 0; bit < 8 * out.used; bit++) {
        out.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        wr_thrift_open_bytes(&reader, out.bytes, out.used, 0, &err);
        wr_thrift_skip(&reader, &whole);
        assert_true(reader.status == WR_OK || reader.status == WR_CORRUPT);
        out.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_depth_is_bounded(void **state)
{
    uint8_t          bytes[100];
    wr_error         err;
    wr_thrift_reader reader;
    wr_thrift_field  whole = {.kind = WR_THRIFT_STRUCT};

    (void)state;
    memset(bytes, 0x1c, sizeof bytes); /* a struct in a struct in a ... */
    wr_thrift_open_bytes(&reader, bytes, sizeof bytes, 0, &err);
    wr_thrift_skip(&reader, &whole);
    assert_int_equal(reader.status, WR_CORRUPT);
    assert_non_null(strstr(err.message, "nested too deeply"));
}

static void test_skips_maps(void **state)
{
    static const uint8_t BYTES[] = {
        0x1b, 2, WR_THRIFT_BINARY << 4 | WR_THRIFT_I32, 1, 'a', 2, 2, 'b', 'c', 4, /* {a: 1, bc: 2} */
        0x15, 14,                                                                  /* 7 */
        0,
    };
    wr_error         err;
    wr_thrift_reader reader;
    wr_thrift_field  field = {0};

    (void)state;
    wr_thrift_open_bytes(&reader, BYTES, sizeof BYTES, 0, &err);
    assert_true(wr_thrift_next(&reader, &field));
    wr_thrift_skip(&reader, &field);
    assert_true(wr_thrift_next(&reader, &field));
    assert_int_equal(field.id, 2);
    assert_int_equal(wr_thrift_int(&reader, &field), 7);
    assert_false(wr_thrift_next(&reader, &field));
    assert_int_equal(reader.status, WR_OK);
}

static void test_full_buffer(void **state)
{
    uint8_t          buffer[8];
    wr_error         err;
    wr_thrift_writer writer;

    (void)state;
    wr_thrift_write_begin(&writer, buffer, sizeof buffer, NULL, NULL, &err);
    wr_thrift_put_binary(&writer, 1, LONG_TEXT, sizeof LONG_TEXT);
    assert_int_equal(wr_thrift_write_end(&writer, NULL), WR_NO_RESERVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_depth_is_bounded), cmocka_unit_test(test_skips_maps),
        cmocka_unit_test(test_full_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
