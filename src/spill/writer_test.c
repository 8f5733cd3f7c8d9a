/* spill/writer_test.c — writers, reading many blocks at a time, and tasks: order, damage, faults,
 * threads; past the page cache and, where that cannot be, through it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "spill/spill_fixture.h"

enum { BLOCK = 16384 - WR_SPILL_HEADER_BYTES, BLOCKS = 300, HEAD = 8 };

/* block_bytes_max: blocks are stored whole, and in parts. */
static const uint32_t PARTS[] = {4 * BLOCK, 5000};

/* A block tells its length, as blocks must that are read many at a time: {length, seed, content}. */
static uint32_t make_block(uint8_t *bytes, uint32_t seed)
{
    uint32_t byte_count = seed % 3 == 0 ? BLOCK : HEAD + seed * 7919 % (BLOCK - HEAD) / 8 * 8;

    fixture_fill(bytes, byte_count, seed);
    memcpy(bytes, &byte_count, 4);
    memcpy(bytes + 4, &seed, 4);
    return byte_count;
}

static void use_page_cache(spill_fixture *f)
{
    bool direct;

    assert_int_equal(wr_spill_prefers_direct(f->spill, &direct, NULL), WR_OK);
    wr_file_close(&f->spill->direct);
}

static wr_status write_blocks(wr_spill_stream *stream, uint32_t first, uint32_t count,
                              wr_error *err)
{
    wr_spill_writer writer;
    wr_status       status = WR_OK, closed;
    uint8_t         bytes[BLOCK];

    WR_TRY(wr_spill_writer_open(&writer, stream, 1 << 20, err));
    for (uint32_t seed = first; seed < first + count && status == WR_OK; seed++)
        status = wr_spill_writer_append(&writer, bytes, make_block(bytes, seed), err);
    closed = wr_spill_writer_close(&writer, status == WR_OK ? err : NULL);
    return status == WR_OK ? closed : status;
}

/* Reads blocks first .. first + count - 1, and then the end; the number of right ones. */
static uint32_t read_blocks(wr_spill_stream *stream, bool consume, uint32_t buffer_bytes,
                            uint32_t first, wr_status *out_status)
{
    uint8_t         buffer[4 * BLOCK], expected[BLOCK];
    wr_spill_cursor cursor;
    uint32_t        used = 1, good = 0;

    wr_spill_cursor_init(&cursor, stream, consume);
    *out_status = WR_OK;
    while (used > 0) {
        *out_status = wr_spill_cursor_next_many(&cursor, buffer, buffer_bytes, BLOCK, &used, NULL);
        if (*out_status != WR_OK)
            return good;
        for (uint32_t at = 0; at < used; good++) {
            uint32_t byte_count = make_block(expected, first + good);

            assert_true(at + byte_count <= used);
            assert_memory_equal(buffer + at, expected, byte_count);
            at += byte_count;
        }
    }
    return good;
}

static void written_blocks_come_back(void **state)
{
    static const uint32_t BUFFERS[] = {BLOCK, 2 * BLOCK - 1, 2 * BLOCK, 4 * BLOCK};

    (void)state;
    for (uint32_t way = 0; way < 4; way++) {
        for (uint32_t i = 0; i < sizeof BUFFERS / sizeof BUFFERS[0]; i++) {
            spill_fixture   f;
            wr_spill_stream stream;
            wr_status       status;

            fixture_open(&f, PARTS[way / 2], 64 << 20, 1);
            if (way % 2)
                use_page_cache(&f);
            wr_spill_stream_init(&stream, f.spill);
            assert_int_equal(write_blocks(&stream, 0, BLOCKS - 20, NULL), WR_OK);
            assert_int_equal(write_blocks(&stream, BLOCKS - 20, 20, NULL), WR_OK); /* goes on */
            assert_int_equal(read_blocks(&stream, false, BUFFERS[i], 0, &status), BLOCKS);
            assert_int_equal(status, WR_OK);
            assert_int_equal(read_blocks(&stream, true, BUFFERS[i], 0, &status), BLOCKS);
            assert_int_equal(status, WR_OK);
            assert_int_equal(fixture_disk_bytes(&f), 0);
            fixture_close(&f);
        }
    }
}

static void even_blocks_waste_nothing(void **state)
{
    spill_fixture   f;
    wr_spill_stream stream;
    wr_spill_writer writer;
    uint8_t         bytes[BLOCK];

    (void)state;
    fixture_open(&f, 4 * BLOCK, 64 << 20, 1);
    f.spill->compress = false;
    wr_spill_stream_init(&stream, f.spill);
    assert_int_equal(wr_spill_block_bytes_even(16384), BLOCK);
    assert_int_equal(wr_spill_block_bytes_even(16384 + 4095), BLOCK);
    assert_int_equal(wr_spill_writer_open(&writer, &stream, 1 << 20, NULL), WR_OK);
    fixture_fill(bytes, BLOCK, 1);
    for (int i = 0; i < 40; i++)
        assert_int_equal(wr_spill_writer_append(&writer, bytes, BLOCK, NULL), WR_OK);
    assert_int_equal(wr_spill_writer_close(&writer, NULL), WR_OK);
    assert_int_equal(stream.stored_bytes, 40 * 16384);
    wr_spill_stream_release(&stream);
    assert_int_equal(fixture_disk_bytes(&f), 0);
    fixture_close(&f);
}

static void flip(const spill_fixture *f, uint64_t offset)
{
    uint8_t byte;

    assert_int_equal(pread(f->spill->file.fd, &byte, 1, (off_t)offset), 1);
    byte ^= (uint8_t)(1 << offset % 8);
    assert_int_equal(pwrite(f->spill->file.fd, &byte, 1, (off_t)offset), 1);
}

/* One bit in each 97th byte of a stream: damage, padding aside, is an error, and what came before it
 * is right. */
static void notice_flipped_bits(uint32_t block_bytes_max)
{
    enum { FEW = 12 };
    spill_fixture   f;
    wr_spill_stream stream;
    wr_status       status;
    uint32_t        noticed = 0, tried = 0;

    fixture_open(&f, block_bytes_max, 64 << 20, 1);
    f.spill->compress = false;
    wr_spill_stream_init(&stream, f.spill);
    assert_int_equal(write_blocks(&stream, 0, FEW, NULL), WR_OK);
    for (uint64_t at = stream.first; at < stream.first + 60000; at += 97, tried++) {
        uint32_t good;

        flip(&f, at);
        good = read_blocks(&stream, false, 4 * BLOCK, 0, &status);
        assert_true(status == WR_CORRUPT ? good < FEW : good == FEW && status == WR_OK);
        noticed += status == WR_CORRUPT;
        flip(&f, at);
    }
    assert_true(noticed > tried / 2);
    fixture_close(&f);
}

static void flipped_bits_are_noticed(void **state)
{
    (void)state;
    notice_flipped_bits(PARTS[0]);
    notice_flipped_bits(PARTS[1]);
}

static void quota_is_kept(void **state)
{
    spill_fixture   f;
    wr_spill_stream stream;
    wr_error        err = {0};

    (void)state;
    fixture_open(&f, 4 * BLOCK, 1 << 20, 1);
    wr_spill_stream_init(&stream, f.spill);
    assert_int_equal(write_blocks(&stream, 0, BLOCKS, &err), WR_NO_SPACE);
    assert_non_null(strstr(err.message, "quota"));
    wr_spill_stream_release(&stream);
    assert_int_equal(fixture_disk_bytes(&f), 0);
    fixture_close(&f);
}

static wr_status write_and_read(spill_fixture *f)
{
    wr_spill_stream stream;
    wr_status       status;
    uint32_t        good;

    wr_spill_stream_init(&stream, f->spill);
    status = write_blocks(&stream, 0, 60, NULL);
    if (status == WR_OK) {
        good = read_blocks(&stream, true, 2 * BLOCK, 0, &status);
        assert_true(good == 60 || status != WR_OK);
    }
    wr_spill_stream_release(&stream);
    return status;
}

/* Fail the 1st, 2nd, 3rd ... call of a kind until the case passes. */
static void faults_are_errors(void **state)
{
    static const char *KINDS[] = {"write", "read", "open"};

    (void)state;
    for (uint32_t way = 0; way < 2 * sizeof KINDS / sizeof KINDS[0]; way++) {
        wr_status status = WR_IO;
        uint32_t  failed = 0;

        for (uint32_t n = 1; status != WR_OK && n < 200; n++) {
            spill_fixture f;
            char          fault[32];

            (void)snprintf(fault, sizeof fault, "%s:%u", KINDS[way / 2], n);
            fixture_open(&f, PARTS[way % 2], 64 << 20, 1);
            assert_int_equal(wr_fault_configure(fault, NULL, NULL), WR_OK);
            status = write_and_read(&f);
            assert_int_equal(wr_fault_configure(NULL, NULL, NULL), WR_OK);
            failed += status != WR_OK;
            fixture_close(&f);
        }
        assert_int_equal(status, WR_OK);
        assert_true(failed > 0);
    }
}

/* --- tasks ---------------------------------------------------------------------------------- */

typedef struct counted_task {
    wr_spill_task task;
    uint32_t      runs;
} counted_task;

static void count(wr_spill_task *task)
{
    ((counted_task *)(void *)task)->runs++;
}

static void tasks_run_once_or_are_cancelled(void **state)
{
    enum { TASKS = 500 };
    static counted_task tasks[TASKS];

    (void)state;
    for (int threads = 0; threads < 2; threads++) {
        spill_fixture f;
        uint32_t      total = 0;

        fixture_open(&f, BLOCK, 1 << 20, 2);
        if (!threads)
            f.spill->io_threads_wanted = 0; /* as if none could be started */
        for (int i = 0; i < TASKS; i++) {
            tasks[i] = (counted_task){.task = {.run = count}};
            wr_spill_task_submit(f.spill, &tasks[i].task);
        }
        for (int i = TASKS - 1; i >= 0; i--) {
            if (i % 3 == 0)
                wr_spill_task_cancel(f.spill, &tasks[i].task);
            else
                wr_spill_task_await(f.spill, &tasks[i].task);
            assert_true(tasks[i].runs == 1 || (i % 3 == 0 && tasks[i].runs == 0));
            wr_spill_task_await(f.spill, &tasks[i].task); /* idle: nothing happens */
            total += tasks[i].runs;
        }
        assert_true(total >= TASKS * 2 / 3);
        fixture_close(&f);
    }
}

typedef struct side {
    wr_spill *spill;
    uint32_t  first;
    bool      is_good;
} side;

static void write_and_check(void *self)
{
    side           *s = self;
    wr_spill_stream stream;
    wr_status       status;

    wr_spill_stream_init(&stream, s->spill);
    s->is_good = write_blocks(&stream, s->first, 100, NULL) == WR_OK &&
                 read_blocks(&stream, true, 3 * BLOCK, s->first, &status) == 100 && status == WR_OK;
}

static void writers_work_side_by_side(void **state)
{
    enum { SIDES = 6 };
    spill_fixture f;
    side          sides[SIDES];
    wr_thread     threads[SIDES];

    (void)state;
    fixture_open(&f, 4 * BLOCK, 64 << 20, 2); /* fewer sets of buffers than threads */
    for (uint32_t i = 0; i < SIDES; i++) {
        sides[i] = (side){.spill = f.spill, .first = i * 1000};
        assert_int_equal(wr_thread_start(&threads[i], write_and_check, &sides[i], NULL), WR_OK);
    }
    for (int i = 0; i < SIDES; i++) {
        wr_thread_join(threads[i]);
        assert_true(sides[i].is_good);
    }
    assert_int_equal(fixture_disk_bytes(&f), 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_blocks_come_back), cmocka_unit_test(even_blocks_waste_nothing),
        cmocka_unit_test(flipped_bits_are_noticed), cmocka_unit_test(quota_is_kept),
        cmocka_unit_test(faults_are_errors),        cmocka_unit_test(tasks_run_once_or_are_cancelled),
        cmocka_unit_test(writers_work_side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
