/* catalog/probe.c — how the files of a table are compressed, and what reading one takes.
 *
 * The heads of all files are looked at while planning: so the libraries of their codecs are there and
 * paid for, and the certificate counts the largest window before the first row. What can be read only
 * once is told by its sample. Cost: an open, a read of 64 bytes and a close a file. */
#include "catalog/catalog_priv.h"

#include "io/input.h"

static void note_need(wr_table *table, uint64_t bytes)
{
    if (table->input_bytes < bytes)
        table->input_bytes = bytes;
}

static wr_status probe_reader(wr_table *table, wr_fs_reader *reader, wr_error *err)
{
    uint8_t  head[WR_CODEC_HEAD_BYTES];
    size_t   head_bytes = 0;
    uint64_t bytes;

    WR_TRY(reader->ops->read_at(reader, 0, head, sizeof head, &head_bytes, err));
    WR_TRY_WHILE(wr_input_probe(reader->path, table->codec, head, head_bytes, &bytes, err), err,
                 "looking at '%.*s'", WR_TEXT_ARG(reader->path));
    note_need(table, bytes);
    return WR_OK;
}

static wr_status probe_file(wr_table *table, wr_text path, wr_bump *bump, wr_error *err)
{
    wr_fs_reader *reader;
    wr_fs_info    info;
    wr_status     status;

    if (wr_text_equal(path, WR_TEXT("-")))
        return WR_OK;
    WR_TRY(table->fs->ops->stat(table->fs, path, &info, err));
    if (!info.seekable)
        return WR_OK;
    WR_TRY(table->fs->ops->open_read(table->fs, path, bump, &reader, err));
    status = probe_reader(table, reader, err);
    reader->ops->close(reader);
    return status;
}

wr_status wr_table_probe(wr_table *table, wr_lease *open_lease, wr_error *err)
{
    uint32_t  page_bytes = wr_arena_page_size(open_lease->arena);
    wr_status status = WR_OK;
    wr_bump   bump;

    if (table->format->reader->access == WR_ACCESS_RANDOM)
        return WR_OK;
    WR_TRY(wr_codec_require(table->codec, err));
    wr_bump_init(&bump, open_lease);
    for (uint32_t i = 0; i < table->path_count && status == WR_OK; i++) {
        status = probe_file(table, table->paths[i], &bump, err);
        wr_bump_reset(&bump);
    }
    wr_bump_release(&bump);
    /* Samples are read through the codec, too. */
    wr_lease_demand(open_lease, (uint64_t)open_lease->pages_min * page_bytes,
                    (uint64_t)open_lease->pages_want * page_bytes + table->input_bytes);
    return status;
}

wr_status wr_table_probe_stream(wr_table *table, wr_error *err)
{
    uint64_t bytes = wr_input_lease_min(table->codec);

    if (table->format->reader->access == WR_ACCESS_RANDOM)
        return WR_OK;
    if (table->head.bytes)
        WR_TRY(wr_input_probe(table->head.path, table->codec, table->head.bytes,
                              table->head.byte_count, &bytes, err));
    if (table->head.bytes || table->input_bytes == 0)
        note_need(table, bytes);
    return WR_OK;
}
