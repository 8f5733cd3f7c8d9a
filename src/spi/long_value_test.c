/* long_value_test.c — what goes to scratch space in parts comes back at any offset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "spi/long_value.h"

/* Scratch space in memory: a position is an offset to a length and its bytes. */
typedef struct memory_scratch {
    uint8_t *bytes;
    size_t   used, room;
    uint64_t refuse_from; /* WR_NO_SPACE when `used` would pass it */
} memory_scratch;

static wr_status memory_append(void *self, const void *bytes, size_t byte_count,
                               wr_scratch_position *out_position, wr_error *err)
{
    memory_scratch *scratch = self;
    uint64_t        length = byte_count;

    if (scratch->used + byte_count > scratch->refuse_from)
        return WR_RAISE(err, WR_NO_SPACE, "the scratch space is full");
    assert_true(byte_count > 0 && byte_count + 8 <= scratch->room - scratch->used);
    memcpy(scratch->bytes + scratch->used, &length, 8);
    memcpy(scratch->bytes + scratch->used + 8, bytes, byte_count);
    *out_position = scratch->used + 1;
    scratch->used += byte_count + 8;
    return WR_OK;
}

static wr_status memory_read(void *self, wr_scratch_position position, uint64_t offset,
                             void *buffer, size_t byte_count, size_t *out_byte_count, wr_error *err)
{
    memory_scratch *scratch = self;
    uint64_t        length;

    (void)err;
    memcpy(&length, scratch->bytes + position - 1, 8);
    *out_byte_count = offset >= length              ? 0
                      : byte_count > length - offset ? (size_t)(length - offset)
                                                     : byte_count;
    memcpy(buffer, scratch->bytes + position - 1 + 8 + offset, *out_byte_count);
    return WR_OK;
}

static const wr_scratch_ops MEMORY_OPS = {memory_append, memory_read};

enum { ROOM = 40 << 20 };

static memory_scratch memory;
static wr_scratch     scratch = {&MEMORY_OPS, &memory};

static int set_up(void **state)
{
    (void)state;
    memory = (memory_scratch){malloc(ROOM), 0, ROOM, UINT64_MAX};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(memory.bytes);
    return 0;
}

static void lay_out(wr_long_writer *writer, uint8_t **out_block)
{
    wr_carver carver = {0};

    wr_long_writer_layout(writer, &scratch, &carver);
    carver = (wr_carver){calloc(1, carver.used), 0, carver.used};
    *out_block = carver.base;
    wr_long_writer_layout(writer, &scratch, &carver);
}

static void any_length_comes_back(void **state)
{
    static const size_t LENGTHS[] = {1,     3,       4,           5,           16383,
                                     16384, 16385,   100000,      512 * 16384 - 1,
                                     512 * 16384,    512 * 16384 + 1, 17000000};
    char          *value = malloc(17000000), *back = malloc(17000000);
    wr_long_writer writer;
    uint8_t       *block;
    uint32_t       seed = 1;

    (void)state;
    for (size_t i = 0; i < 17000000; i++)
        value[i] = (char)((seed = seed * 1664525u + 1013904223u) >> 24);
    lay_out(&writer, &block);
    for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        size_t  length = LENGTHS[i], got;
        wr_blob blob;

        memory.used = 0;
        wr_long_writer_begin(&writer);
        for (size_t at = 0, part = 1; at < length; at += part, part = part * 3 % 70001 + 1) {
            part = part < length - at ? part : length - at;
            assert_int_equal(wr_long_writer_add(&writer, value + at, part, NULL), WR_OK);
        }
        for (unsigned k = 0; k < 50; k++) { /* before the end */
            size_t offset = (seed = seed * 1664525u + 1013904223u) % length;
            size_t part = length - offset < 40000 ? length - offset : 40000;

            assert_int_equal(wr_long_writer_read(&writer, offset, back, part, NULL), WR_OK);
            assert_memory_equal(back, value + offset, part);
        }
        assert_int_equal(wr_long_writer_end(&writer, &blob, NULL), WR_OK);
        assert_int_equal(blob.byte_count, length);
        assert_true(blob.hash == wr_hash_bytes(value, length));
        assert_memory_equal(writer.prefix, value, length < 4 ? length : 4);

        assert_int_equal(blob.read(&blob, 0, back, 17000000, &got, NULL), WR_OK);
        assert_int_equal(got, length);
        assert_memory_equal(back, value, length);
        for (unsigned k = 0; k < 50; k++) {
            size_t offset = (seed = seed * 1664525u + 1013904223u) % (length + 10);

            assert_int_equal(blob.read(&blob, offset, back, 1000, &got, NULL), WR_OK);
            assert_int_equal(got, offset >= length ? 0 : length - offset < 1000 ? length - offset : 1000);
            assert_memory_equal(back, value + offset, got);
        }
    }
    free(block);
    free(value);
    free(back);
}

/* Four bytes anywhere, in the last piece, on disk, over the border of two, before and after the index is put
 * aside: the value, its hash and prefix are those of what stands there in the end. */
static void bytes_are_patched(void **state)
{
    static const size_t LENGTHS[] = {4, 16384, 16387, 100000, 512 * 16384 + 70000};
    char          *value = calloc(1, 9000000), *back = malloc(9000000), *room = malloc(WR_LONG_PIECE_BYTES);
    wr_long_writer writer;
    uint8_t       *block;
    uint32_t       seed = 7;

    (void)state;
    lay_out(&writer, &block);
    for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        size_t  length = LENGTHS[i], got;
        wr_blob blob;

        memory.used = 0;
        memset(value, 'x', length);
        wr_long_writer_begin(&writer);
        assert_int_equal(wr_long_writer_add(&writer, value, length, NULL), WR_OK);
        for (unsigned k = 0; k < 60; k++) {
            size_t   at = k == 0 ? 0 : k == 1 ? length - 4 : k == 2 && length > 16386 ? 16382
                        : (seed = seed * 1664525u + 1013904223u) % (length - 3);
            uint32_t patch = seed + k;

            memcpy(value + at, &patch, sizeof patch);
            assert_int_equal(wr_long_writer_patch(&writer, at, patch, room, NULL), WR_OK);
        }
        assert_int_equal(wr_long_writer_end(&writer, &blob, NULL), WR_OK);
        assert_memory_equal(writer.prefix, value, 4);
        assert_true(blob.hash == wr_hash_bytes(value, length));
        assert_int_equal(blob.read(&blob, 0, back, 9000000, &got, NULL), WR_OK);
        assert_int_equal(got, length);
        assert_memory_equal(back, value, length);
    }
    free(block);
    free(value);
    free(back);
    free(room);
}

static void a_full_disk_is_an_error(void **state)
{
    char           part[5000] = "x";
    wr_long_writer writer;
    wr_status      status = WR_OK;
    uint8_t       *block;

    (void)state;
    lay_out(&writer, &block);
    memory.refuse_from = 100000;
    wr_long_writer_begin(&writer);
    for (unsigned i = 0; i < 50 && status == WR_OK; i++)
        status = wr_long_writer_add(&writer, part, sizeof part, NULL);
    assert_int_equal(status, WR_NO_SPACE);
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_length_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_are_patched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_an_error, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
