/* pq_damage_test.c — a program for tests: reads Parquet files cut at every byte and with every bit flipped.
 *
 *     pq_damage_test [-every=N] [-unchecked] FILE...
 *
 * A file that was cut is an error. One with a flipped bit is an error or has the same rows, as pages have
 * checksums. Only where no checksum is (the headers of pages, the footer; with -unchecked everywhere) it
 * may have other rows, but must end soon. With -every, each N-th bit only. A line for each file tells what came of it. */
#include "pq_priv.h"
#include "spi/format_damage_fixture.h"

extern const wr_format wr_format_parquet;

static const fixture_scan HOW = {.format = &wr_format_parquet};

/* Mark the bytes of pages, which lie one behind the other from the file's begin to its footer. */
static void mark_bodies(const uint8_t *bytes, uint64_t footer_begin, bool *is_body)
{
    for (uint64_t at = PQ_MAGIC_BYTES; at < footer_begin;) {
        wr_thrift_reader reader;
        wr_thrift_field  field = {0};
        int32_t          stored_bytes = 0;
        bool             is_page = false, has_crc = false;

        wr_thrift_open_bytes(&reader, bytes + at, footer_begin - at, at, NULL);
        while (wr_thrift_next(&reader, &field)) {
            is_page = is_page || field.id == PQ_PAGE_DATA || field.id == PQ_PAGE_DATA_V2 ||
                      field.id == PQ_PAGE_DICTIONARY;
            has_crc = has_crc || field.id == PQ_PAGE_CRC;
            if (field.id == PQ_PAGE_STORED_BYTES)
                stored_bytes = wr_thrift_i32(&reader, &field);
            else
                wr_thrift_skip(&reader, &field);
        }
        if (reader.status != WR_OK || !is_page || !has_crc)
            return; /* indexes begin here */
        at = wr_thrift_offset(&reader);
        memset(is_body + at, 1, (size_t)stored_bytes);
        at += (uint64_t)stored_bytes;
    }
}

/* All of one file; false: a variant was not read as it should have been. */
static bool damage(const char *path, bool is_checked, size_t every)
{
    static uint8_t bytes[DAMAGE_FILE_BYTES_MAX];
    static bool    is_body[DAMAGE_FILE_BYTES_MAX];
    size_t         byte_count;
    uint32_t       footer_bytes;
    fixture_scan   right;
    damage_tally   sums = {0};

    damage_file = path;
    damage_load(path, bytes, &byte_count);
    damage_scan(&HOW, &right, bytes, byte_count);
    if (right.status == WR_OK) {
        memset(is_body, 0, sizeof is_body);
        memcpy(&footer_bytes, bytes + byte_count - PQ_TAIL_BYTES, sizeof footer_bytes);
        if (is_checked)
            mark_bodies(bytes, byte_count - PQ_TAIL_BYTES - footer_bytes, is_body);
        sums.bad = damage_cut(&HOW, bytes, byte_count);
        for (damage_bit = 0; damage_bit < 8 * byte_count; damage_bit += every)
            damage_flip(&HOW, &right, bytes, byte_count, is_body[damage_bit / 8], &sums);
        printf("%s: of %zu flipped bits %u errors, %u the same rows, %u other rows; %u are bad\n", path,
               (8 * byte_count - 1) / every + 1, sums.errors, sums.same, sums.others, sums.bad);
    } else {
        printf("%s: cannot be read: %s\n", path, right.err.message);
        sums.bad++;
    }
    fixture_free(&right);
    return sums.bad == 0;
}

int main(int argc, char **argv)
{
    bool   is_checked = true, is_good = true;
    size_t every = 1;

    damage_begin();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-unchecked") == 0)
            is_checked = false;
        else if (strncmp(argv[i], "-every=", 7) == 0)
            every = strtoul(argv[i] + 7, NULL, 10);
        else
            is_good = damage(argv[i], is_checked, every ? every : 1) && is_good;
    }
    return !is_good;
}
