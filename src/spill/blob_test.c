/* spill/blob_test.c — long values and scratch pieces: any length, any offset, several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "spill/spill_fixture.h"

enum { BLOCK = 1024 };

/* A value whose bytes are a function of their offset, so that any length needs no memory. */
static uint8_t byte_at(uint64_t seed, uint64_t offset)
{
    return (uint8_t)(seed * 31 + offset / 7 + (offset >> 10));
}

static wr_status read_made_up(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                              size_t *out_bytes, wr_error *err)
{
    uint64_t left = offset < blob->byte_count ? blob->byte_count - offset : 0;
    size_t   now = left < bytes ? (size_t)left : bytes;

    (void)err;
    if (now > 700)
        now = 700; /* sources may give less than asked for */
    for (size_t i = 0; i < now; i++)
        ((uint8_t *)buffer)[i] = byte_at(blob->position, offset + i);
    *out_bytes = now;
    return WR_OK;
}

static wr_blob made_up(uint64_t seed, uint64_t byte_count)
{
    return (wr_blob){
        .byte_count = byte_count, .hash = seed, .read = read_made_up, .position = seed};
}

static bool holds(const wr_blob *stored, uint64_t seed, uint64_t offset, size_t wanted)
{
    uint8_t  buffer[5000];
    uint64_t left = offset < stored->byte_count ? stored->byte_count - offset : 0;
    size_t   found = 12345;

    if (stored->read(stored, offset, buffer, wanted, &found, NULL) != WR_OK ||
        found != (left < wanted ? left : wanted))
        return false;
    for (size_t i = 0; i < found; i++) {
        if (buffer[i] != byte_at(seed, offset + i))
            return false;
    }
    return true;
}

static void any_length_any_offset(void **state)
{
    static const uint64_t LENGTHS[] = {0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 10 * BLOCK, 777777};
    spill_fixture         f;

    (void)state;
    fixture_open(&f, BLOCK, 64 << 20, 1);
    for (size_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
        wr_blob  source = made_up(i, LENGTHS[i]), stored;
        uint64_t step = LENGTHS[i] / 50 + 1;

        assert_int_equal(wr_spill_blob_store(f.spill, &source, &stored, NULL), WR_OK);
        assert_int_equal(stored.byte_count, LENGTHS[i]);
        assert_int_equal(stored.hash, i);
        for (uint64_t offset = 0; offset <= LENGTHS[i] + step; offset += step) {
            assert_true(holds(&stored, i, offset, 1));
            assert_true(holds(&stored, i, offset, BLOCK));
            assert_true(holds(&stored, i, offset, 5000));
            assert_true(holds(&stored, i, offset, 0));
        }
    }
    fixture_close(&f);
}

/* The first byte of a value of n blocks is 2*log2(n) headers away, not n. */
static void far_offsets_are_near(void **state)
{
    enum { BLOCKS = 4096 };
    spill_fixture  f;
    wr_blob        source = made_up(3, (uint64_t)BLOCKS * BLOCK), stored;
    wr_spill_stats before, after;
    uint64_t       most = 0;

    (void)state;
    fixture_open(&f, BLOCK, 64 << 20, 1);
    assert_int_equal(wr_spill_blob_store(f.spill, &source, &stored, NULL), WR_OK);
    for (uint64_t block = 0; block < BLOCKS; block += 5) {
        wr_spill_stats_read(f.spill, &before);
        assert_true(holds(&stored, 3, block * BLOCK, 1));
        wr_spill_stats_read(f.spill, &after);
        if (after.stored_bytes_read - before.stored_bytes_read > most)
            most = after.stored_bytes_read - before.stored_bytes_read;
    }
    assert_in_range(most, 1, (2 * 12 + 2) * sizeof(wr_spill_header) + BLOCK);
    fixture_close(&f);
}

/* Storing a stored value reads it while it holds buffers: one worker's must do. */
static void stored_values_can_be_stored_again(void **state)
{
    spill_fixture f;
    wr_blob       source = made_up(9, 50000), first, second;

    (void)state;
    fixture_open(&f, BLOCK, 64 << 20, 1);
    assert_int_equal(wr_spill_blob_store(f.spill, &source, &first, NULL), WR_OK);
    assert_int_equal(wr_spill_blob_store(f.spill, &first, &second, NULL), WR_OK);
    assert_true(first.position != second.position);
    for (uint64_t offset = 0; offset < 50000; offset += 4999)
        assert_true(holds(&second, 9, offset, 4999));
    fixture_close(&f);
}

static wr_status read_short(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                            size_t *out_bytes, wr_error *err)
{
    (void)blob, (void)buffer, (void)err;
    *out_bytes = offset < 3000 ? bytes : 0;
    memset(buffer, 0, *out_bytes);
    return WR_OK;
}

static void values_that_end_early_are_corrupt(void **state)
{
    spill_fixture f;
    wr_blob       source = {.byte_count = 9000, .read = read_short}, stored;
    wr_error      err = {0};

    (void)state;
    fixture_open(&f, BLOCK, 64 << 20, 1);
    assert_int_equal(wr_spill_blob_store(f.spill, &source, &stored, &err), WR_CORRUPT);
    assert_string_equal(err.message, "a value of 9000 bytes ends after 3072");
    fixture_close(&f);
}

static void damaged_values_are_corrupt(void **state)
{
    spill_fixture f;
    wr_blob       source = made_up(1, 20 * BLOCK), stored;
    uint8_t       byte, buffer[BLOCK];
    uint64_t      noticed = 0, end;
    size_t        found;

    (void)state;
    fixture_open(&f, BLOCK, 64 << 20, 1);
    assert_int_equal(wr_spill_blob_store(f.spill, &source, &stored, NULL), WR_OK);
    end = f.spill->blobs.next_offset;
    for (uint64_t at = f.spill->blobs.first; at < end; at += 13) {
        wr_status status = WR_OK;

        assert_int_equal(pread(f.spill->file.fd, &byte, 1, (off_t)at), 1);
        byte ^= 0x40;
        assert_int_equal(pwrite(f.spill->file.fd, &byte, 1, (off_t)at), 1);
        for (uint64_t block = 0; block < 20; block++) {
            status = stored.read(&stored, block * BLOCK, buffer, BLOCK, &found, NULL);
            if (status == WR_OK)
                assert_true(holds(&stored, 1, block * BLOCK, BLOCK));
            noticed += status == WR_CORRUPT;
        }
        byte ^= 0x40;
        assert_int_equal(pwrite(f.spill->file.fd, &byte, 1, (off_t)at), 1);
    }
    assert_true(noticed > 20);
    fixture_close(&f);
}

static void scratch_pieces(void **state)
{
    spill_fixture       f;
    wr_scratch          scratch;
    wr_scratch_position small, large;
    uint8_t             piece[5000], back[5000];
    size_t              found;

    (void)state;
    fixture_open(&f, BLOCK, 64 << 20, 1);
    wr_spill_scratch(f.spill, &scratch);
    fixture_fill(piece, sizeof piece, 1);
    assert_int_equal(wr_scratch_append(scratch, "weir", 4, &small, NULL), WR_OK);
    assert_int_equal(wr_scratch_append(scratch, piece, sizeof piece, &large, NULL), WR_OK);
    assert_true(small != 0 && large != 0 && small != large);
    assert_int_equal(wr_scratch_read(scratch, small, 1, back, 100, &found, NULL), WR_OK);
    assert_int_equal(found, 3);
    assert_memory_equal(back, "eir", 3);
    assert_int_equal(wr_scratch_read(scratch, small, 4, back, 100, &found, NULL), WR_OK);
    assert_int_equal(found, 0);
    assert_int_equal(wr_scratch_read(scratch, large, 0, back, sizeof back, &found, NULL), WR_OK);
    assert_int_equal(found, sizeof piece);
    assert_memory_equal(back, piece, sizeof piece);
    assert_int_equal(wr_scratch_read(scratch, large, 1000, back, sizeof back, &found, NULL), WR_OK);
    assert_int_equal(found, 4000);
    assert_memory_equal(back, piece + 1000, 4000);
    assert_int_equal(wr_scratch_read(scratch, large, 99999, back, 10, &found, NULL), WR_OK);
    assert_int_equal(found, 0);
    fixture_close(&f);
}

/* What was appended to an area is given back, and to it alone. */
static void areas_are_cleared(void **state)
{
    spill_fixture       f;
    wr_scratch          scratch, area;
    wr_scratch_area     room;
    wr_scratch_position kept, position[200];
    uint8_t             piece[5000], back[5000];
    uint64_t            disk_bytes;
    size_t              found;

    (void)state;
    fixture_open(&f, BLOCK, 64 << 20, 1);
    wr_spill_scratch(f.spill, &scratch);
    area = wr_scratch_open_area(scratch, &room);
    assert_int_equal(wr_scratch_append(scratch, "weir", 4, &kept, NULL), WR_OK);
    disk_bytes = fixture_disk_bytes(&f);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 200; i++) {
            fixture_fill(piece, sizeof piece, 2 * i + 1);
            assert_int_equal(wr_scratch_append(area, piece, sizeof piece, &position[i], NULL), WR_OK);
        }
        for (uint32_t i = 0; i < 200; i++) {
            fixture_fill(piece, sizeof piece, 2 * i + 1);
            assert_int_equal(wr_scratch_read(area, position[i], 0, back, sizeof back, &found, NULL), WR_OK);
            assert_int_equal(found, sizeof back);
            assert_memory_equal(back, piece, sizeof piece);
        }
        assert_true(fixture_disk_bytes(&f) >= disk_bytes + 200 * sizeof piece);
        wr_scratch_clear(area);
        assert_int_equal(fixture_disk_bytes(&f), disk_bytes);
    }
    assert_int_equal(wr_scratch_read(scratch, kept, 0, back, 100, &found, NULL), WR_OK);
    assert_memory_equal(back, "weir", 4);
    wr_scratch_clear(scratch); /* no area: it stays */
    assert_int_equal(wr_scratch_read(scratch, kept, 0, back, 100, &found, NULL), WR_OK);
    fixture_close(&f);
}

typedef struct worker {
    wr_spill *spill;
    uint64_t  seed;
    bool      is_good;
} worker;

static void store_and_check(void *self)
{
    worker *me = self;

    me->is_good = true;
    for (uint64_t i = 0; i < 10; i++) {
        wr_blob source = made_up(me->seed + i, 3000 + 7000 * i), first, second;

        me->is_good &= wr_spill_blob_store(me->spill, &source, &first, NULL) == WR_OK &&
                       wr_spill_blob_store(me->spill, &first, &second, NULL) == WR_OK;
        for (uint64_t offset = 0; me->is_good && offset < second.byte_count; offset += 3001)
            me->is_good &= holds(&second, me->seed + i, offset, 3001);
    }
}

static void threads_store_side_by_side(void **state)
{
    enum { WORKERS = 4 };
    spill_fixture f;
    worker        workers[WORKERS];
    wr_thread     threads[WORKERS];

    (void)state;
    fixture_open(&f, BLOCK, 64 << 20, 2);
    for (uint64_t i = 0; i < WORKERS; i++) {
        workers[i] = (worker){.spill = f.spill, .seed = i * 100};
        assert_int_equal(wr_thread_start(&threads[i], store_and_check, &workers[i], NULL), WR_OK);
    }
    for (int i = 0; i < WORKERS; i++) {
        wr_thread_join(threads[i]);
        assert_true(workers[i].is_good);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_length_any_offset),
        cmocka_unit_test(far_offsets_are_near),
        cmocka_unit_test(stored_values_can_be_stored_again),
        cmocka_unit_test(values_that_end_early_are_corrupt),
        cmocka_unit_test(damaged_values_are_corrupt),
        cmocka_unit_test(scratch_pieces),
        cmocka_unit_test(areas_are_cleared),
        cmocka_unit_test(threads_store_side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
