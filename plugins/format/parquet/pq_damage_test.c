/* pq_damage_test.c — a program for tests: reads Parquet files cut at every byte and with every bit flipped.
 *
 *     pq_damage_test [-every=N] [-unchecked] FILE...
 *
 * A file that was cut is an error. One with a flipped bit is an error or has the same rows, as pages have
 * checksums. Only where no checksum is (the headers of pages, the footer; with -unchecked everywhere) it
 * may have other rows, but must end soon. */
#include "pq_priv.h"
#include "spi/format_damage_fixture.h"

extern const wr_format wr_format_parquet;

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

static void mark_checked(const uint8_t *bytes, size_t byte_count, bool *is_body)
{
    uint32_t footer_bytes;

    memcpy(&footer_bytes, bytes + byte_count - PQ_TAIL_BYTES, sizeof footer_bytes);
    mark_bodies(bytes, byte_count - PQ_TAIL_BYTES - footer_bytes, is_body);
}

int main(int argc, char **argv)
{
    const damage_kind checked = {.how = {.format = &wr_format_parquet}, .mark = mark_checked},
                      unchecked = {.how = {.format = &wr_format_parquet}};

    return damage_main(argc, argv, &checked, "-unchecked", &unchecked);
}
