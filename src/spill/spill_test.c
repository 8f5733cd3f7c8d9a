/* spill/spill_test.c — streams: order, quota, reuse of extents, corruption, faults, threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "spill/spill_fixture.h"

enum { BLOCK = 4096 };

static uint32_t length_of(uint64_t seed)
{
    return seed % 5 == 0 ? BLOCK : 1 + (uint32_t)(seed * 7919 % BLOCK);
}

static wr_status append_seed(wr_spill_stream *stream, uint64_t seed,
                             wr_spill_position *out_position, wr_error *err)
{
    uint8_t bytes[BLOCK];

    fixture_fill(bytes, length_of(seed), seed);
    return wr_spill_append(stream, bytes, length_of(seed), out_position, err);
}

/* Read one block: true if it is the one of `seed`; the end counts as false with *out_status OK. */
static bool next_is_seed(wr_spill_cursor *cursor, uint64_t seed, wr_status *out_status)
{
    uint8_t  expected[BLOCK], found[BLOCK];
    uint32_t byte_count = 0;

    *out_status = wr_spill_cursor_next(cursor, found, sizeof found, &byte_count, NULL);
    if (*out_status != WR_OK || byte_count != length_of(seed))
        return false;
    fixture_fill(expected, byte_count, seed);
    return memcmp(found, expected, byte_count) == 0;
}

static bool is_at_end(wr_spill_cursor *cursor)
{
    uint8_t  bytes[BLOCK];
    uint32_t byte_count = 1;

    return wr_spill_cursor_next(cursor, bytes, sizeof bytes, &byte_count, NULL) == WR_OK &&
           byte_count == 0;
}

static void assert_seeds(wr_spill_cursor *cursor, uint64_t first, uint64_t count)
{
    wr_status status;

    for (uint64_t seed = first; seed < first + count; seed++) {
        assert_true(next_is_seed(cursor, seed, &status));
        wr_spill_cursor_prefetch(cursor);
    }
    assert_true(is_at_end(cursor));
    assert_true(is_at_end(cursor));
}

static void blocks_come_back_in_order(void **state)
{
    enum { BLOCKS = 500 };
    spill_fixture            f;
    wr_spill_stream          stream, empty;
    wr_spill_cursor          cursor;
    static wr_spill_position positions[BLOCKS];
    wr_spill_stats           stats;
    wr_status                status;

    (void)state;
    fixture_open(&f, BLOCK, 64 << 20, 1);
    assert_int_equal(f.spill->file.fd, -1); /* no file before there is something to write */
    wr_spill_stream_init(&stream, f.spill);
    wr_spill_stream_init(&empty, f.spill);
    for (uint64_t seed = 0; seed < BLOCKS; seed++)
        assert_int_equal(append_seed(&stream, seed, &positions[seed], NULL), WR_OK);
    assert_int_equal(stream.block_count, BLOCKS);
    wr_spill_cursor_init(&cursor, &stream, false);
    assert_seeds(&cursor, 0, BLOCKS);
    for (uint64_t seed = 1; seed < BLOCKS; seed += 37) {
        wr_spill_cursor_seek(&cursor, positions[seed]);
        assert_true(next_is_seed(&cursor, seed, &status));
        if (seed + 1 < BLOCKS)
            assert_true(next_is_seed(&cursor, seed + 1, &status));
    }
    wr_spill_cursor_init(&cursor, &empty, true);
    assert_true(is_at_end(&cursor));
    wr_spill_stats_read(f.spill, &stats);
    assert_int_equal(stats.raw_bytes_written, stream.raw_bytes);
    assert_int_equal(stats.stored_bytes_written, stream.stored_bytes);
    assert_true(stats.disk_bytes >= stats.stored_bytes_written);
    assert_true(stats.stored_bytes_read >= stats.stored_bytes_written);
    wr_spill_stream_release(&stream);
    wr_spill_stream_release(&stream);
    wr_spill_stream_release(&empty);
    assert_int_equal(fixture_disk_bytes(&f), 0);
    fixture_close(&f);
}

static void compressible_blocks_shrink(void **state)
{
    spill_fixture   f;
    wr_spill_stream text, noise;
    uint8_t         bytes[BLOCK];

    (void)state;
    fixture_open(&f, BLOCK, 64 << 20, 1);
    wr_spill_stream_init(&text, f.spill);
    wr_spill_stream_init(&noise, f.spill);
    fixture_fill(bytes, BLOCK, 2);
    assert_int_equal(wr_spill_append(&text, bytes, BLOCK, NULL, NULL), WR_OK);
    fixture_fill(bytes, BLOCK, 3);
    assert_int_equal(wr_spill_append(&noise, bytes, BLOCK, NULL, NULL), WR_OK);
    assert_true(text.stored_bytes < BLOCK / 2); /* the first block is always tried */
    assert_int_equal(noise.stored_bytes, BLOCK + sizeof(wr_spill_header));
    fixture_close(&f); /* streams need not be released first */
}

static void quota_is_kept_and_named(void **state)
{
    spill_fixture   f;
    wr_spill_stream streams[3];
    wr_error        err = {0};
    uint64_t        appended = 1; /* odd seeds: incompressible */

    (void)state;
    fixture_open(&f, BLOCK, 100000, 1);
    for (int i = 0; i < 3; i++)
        wr_spill_stream_init(&streams[i], f.spill);
    while (append_seed(&streams[appended / 2 % 2], appended, NULL, &err) == WR_OK)
        appended += 2;
    assert_int_equal(err.status, WR_NO_SPACE);
    assert_non_null(strstr(err.message, "the spill quota is used up"));
    assert_non_null(strstr(err.message, fixture_folder()));
    assert_non_null(strstr(err.message, "of a quota of 100.0 kB in use"));
    assert_true(fixture_disk_bytes(&f) <= 100000);
    assert_true(appended > 10);
    assert_int_equal(append_seed(&streams[2], 0, NULL, &err), WR_NO_SPACE);
    wr_spill_stream_release(&streams[0]);
    assert_int_equal(append_seed(&streams[2], 0, NULL, &err), WR_OK); /* room again */
    wr_spill_stream_release(&streams[1]);
    wr_spill_stream_release(&streams[2]);
    assert_int_equal(fixture_disk_bytes(&f), 0);
    fixture_close(&f);
}

/* Ten times the quota passes through, since a consuming cursor frees what it leaves behind. */
static void consumed_extents_are_reused(void **state)
{
    enum { ROUNDS = 20, BLOCKS = 40 };
    spill_fixture   f;
    wr_spill_stream kept;
    wr_spill_cursor cursor;

    (void)state;
    fixture_open(&f, BLOCK, 300000, 1);
    wr_spill_stream_init(&kept, f.spill);
    assert_int_equal(append_seed(&kept, 1000, NULL, NULL), WR_OK);
    for (int round = 0; round < ROUNDS; round++) {
        wr_spill_stream stream;
        uint64_t        disk_bytes;
        wr_status       status;

        wr_spill_stream_init(&stream, f.spill);
        for (uint64_t seed = 0; seed < BLOCKS; seed++)
            assert_int_equal(append_seed(&stream, 2 * seed + 1, NULL, NULL), WR_OK);
        disk_bytes = fixture_disk_bytes(&f);
        wr_spill_cursor_init(&cursor, &stream, true);
        for (uint64_t seed = 0; seed < BLOCKS; seed++) {
            assert_true(next_is_seed(&cursor, 2 * seed + 1, &status));
            if (round % 2 == 1 && seed == BLOCKS / 2)
                break; /* given up in the middle: release frees the rest */
        }
        assert_true(fixture_disk_bytes(&f) < disk_bytes);
        if (round % 2 == 0)
            assert_true(is_at_end(&cursor));
        wr_spill_stream_release(&stream);
        assert_int_equal(fixture_disk_bytes(&f), f.spill->extent_bytes);
    }
    wr_spill_cursor_init(&cursor, &kept, false);
    assert_seeds(&cursor, 1000, 1);
    fixture_close(&f);
}

static uint64_t allocated_bytes(const spill_fixture *f)
{
    struct stat info;

    assert_int_equal(fstat(f->spill->file.fd, &info), 0);
    return (uint64_t)info.st_blocks * 512;
}

/* Not every file system gives back a part of a file. */
static bool can_punch(const spill_fixture *f)
{
    return fallocate(f->spill->file.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0;
}

static void the_front_of_the_file_stays_while_any_is_in_use(void **state)
{
    spill_fixture   f;
    wr_spill_stream large, small;
    uint64_t        extent_bytes, full_bytes;

    (void)state;
    fixture_open(&f, BLOCK, 0, 1);
    extent_bytes = f.spill->extent_bytes;
    f.spill->kept_bytes = 4 * extent_bytes;
    wr_spill_stream_init(&large, f.spill);
    wr_spill_stream_init(&small, f.spill);
    for (uint64_t seed = 0; fixture_disk_bytes(&f) < 10 * extent_bytes; seed++)
        assert_int_equal(append_seed(&large, 2 * seed + 1, NULL, NULL), WR_OK);
    assert_int_equal(append_seed(&small, 1, NULL, NULL), WR_OK);
    full_bytes = allocated_bytes(&f);
    assert_true(full_bytes >= 9 * extent_bytes);
    wr_spill_stream_release(&large);
    assert_true(allocated_bytes(&f) >= 3 * extent_bytes); /* the very first is never used */
    assert_true(allocated_bytes(&f) <= 5 * extent_bytes || !can_punch(&f));
    wr_spill_stream_release(&small);
    assert_true(allocated_bytes(&f) == 0 || !can_punch(&f));
    fixture_close(&f);
}

static void flip(int fd, uint64_t offset, uint8_t mask)
{
    uint8_t byte;

    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= mask;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
}

/* Every byte of every block, flipped in one bit: the stream ends in WR_CORRUPT, having given only
 * true blocks before. */
static void every_flipped_byte_is_noticed(void **state)
{
    enum { BLOCKS = 12, SMALL = 200 };
    spill_fixture     f;
    wr_spill_stream   stream;
    uint8_t           bytes[BLOCK];
    wr_spill_position positions[BLOCKS];

    (void)state;
    fixture_open(&f, SMALL, 1 << 20, 1);
    wr_spill_stream_init(&stream, f.spill);
    for (uint64_t seed = 0; seed < BLOCKS; seed++) {
        fixture_fill(bytes, SMALL, seed % 4 == 1 ? seed : 0);
        assert_int_equal(wr_spill_append(&stream, bytes, SMALL, &positions[seed], NULL), WR_OK);
    }
    for (int block = 0; block < BLOCKS; block++) {
        wr_spill_header header;
        assert_int_equal(
            wr_spill_header_read(f.spill, positions[block], stream.salt, &header, NULL), WR_OK);
        for (uint64_t at = 0; at < sizeof header + header.stored_bytes; at++) {
            wr_spill_cursor cursor;
            uint32_t        byte_count;
            wr_status       status = WR_OK;
            wr_error        err = {0};
            int             good = 0;

            flip(f.spill->file.fd, positions[block] + at, (uint8_t)(1 << at % 8));
            wr_spill_cursor_init(&cursor, &stream, false);
            while ((status = wr_spill_cursor_next(&cursor, bytes, SMALL, &byte_count, &err)) ==
                       WR_OK &&
                   byte_count > 0)
                good++;
            assert_int_equal(status, WR_CORRUPT);
            assert_int_equal(good, block);
            assert_non_null(strstr(err.message, "came back different"));
            flip(f.spill->file.fd, positions[block] + at, (uint8_t)(1 << at % 8));
        }
    }
    fixture_close(&f);
}

static void stale_misplaced_and_missing_blocks_are_noticed(void **state)
{
    spill_fixture     f;
    wr_spill_stream   old, fresh;
    wr_spill_position place, next;
    wr_spill_cursor   cursor;
    wr_status         status;
    uint8_t           bytes[2 * BLOCK];
    ssize_t           moved;

    (void)state;
    fixture_open(&f, BLOCK, 1 << 20, 1);
    wr_spill_stream_init(&old, f.spill);
    wr_spill_stream_init(&fresh, f.spill);
    assert_int_equal(append_seed(&old, 5, &place, NULL), WR_OK);
    assert_int_equal(append_seed(&old, 5, &next, NULL), WR_OK);
    moved = pread(f.spill->file.fd, bytes, next - place, (off_t)place);
    assert_int_equal(moved, next - place);
    assert_int_equal(pwrite(f.spill->file.fd, bytes, (size_t)moved, (off_t)next), moved);
    wr_spill_cursor_init(&cursor, &old, false); /* the first block where the second should be */
    assert_true(next_is_seed(&cursor, 5, &status));
    assert_false(next_is_seed(&cursor, 5, &status));
    assert_int_equal(status, WR_CORRUPT);

    wr_spill_stream_release(&old); /* its extent goes to the next stream; the write gets lost */
    assert_int_equal(append_seed(&fresh, 7, &next, NULL), WR_OK);
    assert_int_equal(next, place);
    assert_int_equal(pwrite(f.spill->file.fd, bytes, (size_t)moved, (off_t)place), moved);
    wr_spill_cursor_init(&cursor, &fresh, false);
    assert_false(next_is_seed(&cursor, 7, &status));
    assert_int_equal(status, WR_CORRUPT);

    assert_int_equal(ftruncate(f.spill->file.fd, (off_t)place + 50), 0);
    assert_false(next_is_seed(&cursor, 7, &status));
    assert_int_equal(status, WR_CORRUPT);
    fixture_close(&f);
}

static wr_status write_and_read(wr_spill *spill, wr_spill_stream *stream)
{
    enum { BLOCKS = 30 };
    wr_spill_cursor cursor;
    wr_status       status = WR_OK;

    wr_spill_stream_init(stream, spill);
    for (uint64_t seed = 0; seed < BLOCKS; seed++)
        WR_TRY(append_seed(stream, seed, NULL, NULL));
    wr_spill_cursor_init(&cursor, stream, true);
    for (uint64_t seed = 0; seed < BLOCKS; seed++) {
        if (!next_is_seed(&cursor, seed, &status)) {
            assert_int_not_equal(status, WR_OK);
            return status;
        }
    }
    return is_at_end(&cursor) ? WR_OK : WR_BUG;
}

/* Fail the 1st, 2nd, 3rd ... call of a kind until the case passes: typed errors, nothing kept. */
static void sweep(const char *point, wr_status expected)
{
    char fault[32];
    bool has_passed = false;
    int  n;

    for (n = 1; !has_passed; n++) {
        spill_fixture   f;
        wr_spill_stream stream;
        wr_status       status;

        fixture_open(&f, BLOCK, 1 << 20, 1);
        snprintf(fault, sizeof fault, "%s:%d", point, n);
        assert_int_equal(wr_fault_configure(fault, NULL, NULL), WR_OK);
        status = write_and_read(f.spill, &stream);
        assert_int_equal(wr_fault_configure(NULL, NULL, NULL), WR_OK);
        has_passed = status == WR_OK;
        if (!has_passed)
            assert_int_equal(status, expected);
        wr_spill_stream_release(&stream);
        assert_int_equal(fixture_disk_bytes(&f), 0);
        assert_int_equal(write_and_read(f.spill, &stream), WR_OK); /* the spill is fine */
        fixture_close(&f);
    }
    assert_true(n > 2);
}

static void faults_are_errors_not_damage(void **state)
{
    (void)state;
    sweep("open", WR_IO);
    sweep("write", WR_NO_SPACE);
    sweep("read", WR_IO);
}

static void bad_folders_are_refused(void **state)
{
    wr_spill_options options = {
        .folder = "/nowhere/at/all", .block_bytes_max = BLOCK, .worker_count = 1};
    spill_fixture    f;
    wr_spill        *spill = NULL;
    wr_error         err = {0};

    (void)state;
    fixture_open(&f, BLOCK, 0, 1);
    assert_true(f.spill->quota_bytes > 0); /* what the disk has, less 1 GiB */
    assert_int_equal(wr_spill_new(&options, &f.lease, &spill, &err), WR_IO);
    assert_string_equal(err.message, "the spill folder '/nowhere/at/all' is not there: make it or "
                                     "name another one");
    options.folder = "/proc/self";
    assert_int_equal(wr_spill_new(&options, &f.lease, &spill, &err), WR_IO);
    assert_non_null(strstr(err.message, "is not writable"));
    if (wr_path_is_memory("/dev/shm")) {
        options.folder = "/dev/shm";
        assert_int_equal(wr_spill_new(&options, &f.lease, &spill, &err), WR_IO);
        assert_non_null(strstr(err.message, "in memory"));
    }
    options.folder = fixture_folder();
    assert_int_equal(wr_spill_new(&options, &f.lease, &spill, &err), WR_NO_RESERVE);
    assert_null(spill);
    wr_spill_free(NULL);
    fixture_close(&f);
}

typedef struct worker {
    wr_spill *spill;
    uint64_t  seed;
    bool      is_good;
} worker;

static void spill_and_check(void *self)
{
    worker *me = self;

    me->is_good = true;
    for (int round = 0; round < 6; round++) {
        wr_spill_stream stream;
        wr_spill_cursor cursor;
        wr_status       status;

        wr_spill_stream_init(&stream, me->spill);
        for (uint64_t i = 0; i < 100; i++)
            me->is_good &= append_seed(&stream, me->seed + i, NULL, NULL) == WR_OK;
        wr_spill_cursor_init(&cursor, &stream, round % 2 == 0);
        for (uint64_t i = 0; i < 100; i++)
            me->is_good &= next_is_seed(&cursor, me->seed + i, &status);
        me->is_good &= is_at_end(&cursor);
        wr_spill_stream_release(&stream);
    }
}

static void threads_spill_side_by_side(void **state)
{
    enum { WORKERS = 4 };
    spill_fixture f;
    worker        workers[WORKERS];
    wr_thread     threads[WORKERS];

    (void)state;
    fixture_open(&f, BLOCK, 64 << 20, 2); /* fewer buffers than threads */
    for (uint64_t i = 0; i < WORKERS; i++) {
        workers[i] = (worker){.spill = f.spill, .seed = i * 1000};
        assert_int_equal(wr_thread_start(&threads[i], spill_and_check, &workers[i], NULL), WR_OK);
    }
    for (int i = 0; i < WORKERS; i++) {
        wr_thread_join(threads[i]);
        assert_true(workers[i].is_good);
    }
    assert_int_equal(fixture_disk_bytes(&f), 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_back_in_order),
        cmocka_unit_test(compressible_blocks_shrink),
        cmocka_unit_test(quota_is_kept_and_named),
        cmocka_unit_test(consumed_extents_are_reused),
        cmocka_unit_test(the_front_of_the_file_stays_while_any_is_in_use),
        cmocka_unit_test(every_flipped_byte_is_noticed),
        cmocka_unit_test(stale_misplaced_and_missing_blocks_are_noticed),
        cmocka_unit_test(faults_are_errors_not_damage),
        cmocka_unit_test(bad_folders_are_refused),
        cmocka_unit_test(threads_spill_side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
