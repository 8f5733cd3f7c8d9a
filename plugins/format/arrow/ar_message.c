/* ar_message.c — messages one behind the other: lengths, kinds, what a record batch says of its buffers.
 *
 * A message is (continuation,) length, metadata, body. A file has a magic before and a footer behind;
 * read in order, it ends where its stream of messages does.
 * Cost: a few words of metadata a message. */
#include "ar_priv.h"

enum { OLD_SCHEMA_BYTES_MAX = 1 << 26 };

/* ---- The feed ----------------------------------------------------------------------------------- */

wr_status wr_ar_feed_read(ar_feed *feed, void *out, size_t count, wr_error *err)
{
    size_t got = 0;

    if (feed->raw) {
        ar_source rest = {.file = feed->raw, .begin = feed->at, .size = feed->end - feed->at};

        if (count > rest.size)
            return WR_RAISE(err, WR_CORRUPT, "it ends inside of a message, at byte %llu",
                            (unsigned long long)feed->end);
        WR_TRY(wr_ar_source_read(&rest, 0, out, count, err));
    } else {
        WR_TRY(wr_input_read_full(feed->input, out, count, &got, err));
        if (got < count)
            return WR_RAISE(err, WR_CORRUPT, "it ends inside of a message, at byte %llu",
                            (unsigned long long)(feed->at + got));
    }
    feed->at += count;
    return WR_OK;
}

wr_status wr_ar_feed_pass(ar_feed *feed, uint64_t count, void *room, uint32_t room_bytes, wr_error *err)
{
    if (feed->raw) {
        if (count > feed->end - feed->at)
            return WR_RAISE(err, WR_CORRUPT, "it ends inside of a message, at byte %llu",
                            (unsigned long long)feed->end);
        feed->at += count;
        return WR_OK;
    }
    while (count > 0) {
        uint32_t part = count < room_bytes ? (uint32_t)count : room_bytes;

        WR_TRY(wr_ar_feed_read(feed, room, part, err));
        count -= part;
    }
    return WR_OK;
}

/* The next 4 bytes, or none at the end of all. */
static wr_status read_length(ar_feed *feed, uint32_t *out, bool *out_end, wr_error *err)
{
    uint8_t word[4];
    size_t  got = 0;

    *out_end = false;
    if (feed->has_first_word) {
        feed->has_first_word = false;
        *out = feed->first_word;
        return WR_OK;
    }
    if (feed->raw) {
        *out_end = feed->at == feed->end;
        if (!*out_end)
            WR_TRY(wr_ar_feed_read(feed, word, sizeof word, err));
    } else {
        WR_TRY(wr_input_read_full(feed->input, word, sizeof word, &got, err));
        feed->at += got;
        *out_end = got == 0 && !feed->is_file; /* a stream may end without a word, a file has a footer */
        if (!*out_end && got < sizeof word)
            return WR_RAISE(err, WR_CORRUPT, "it ends inside of a message, at byte %llu",
                            (unsigned long long)feed->at);
    }
    *out = *out_end ? 0 : wr_load_u32(word);
    return WR_OK;
}

wr_status wr_ar_feed_next(ar_feed *feed, uint32_t *out_bytes, wr_error *err)
{
    bool end;

    WR_TRY(read_length(feed, out_bytes, &end, err));
    if (*out_bytes == AR_CONTINUE) {
        WR_TRY(read_length(feed, out_bytes, &end, err));
        if (end)
            return WR_RAISE(err, WR_CORRUPT, "it ends inside of a message");
    }
    if (*out_bytes > INT32_MAX)
        return WR_RAISE(err, WR_CORRUPT, "a message at byte %llu has a negative length",
                        (unsigned long long)feed->at);
    if (feed->raw && *out_bytes > feed->end - feed->at)
        return WR_RAISE(err, WR_CORRUPT, "a message at byte %llu is longer than the file",
                        (unsigned long long)feed->at);
    return WR_OK;
}

wr_status wr_ar_feed_open(const wr_file_reader *file, ar_feed *out_feed, bool *out_is_file, wr_error *err)
{
    ar_feed  feed = {.raw = file->raw, .input = file->input};
    uint8_t  head[AR_HEAD_BYTES];
    uint64_t bytes = 0;

    *out_is_file = false;
    if (file->raw) {
        feed.end = bytes = file->raw->info.bytes;
        if (bytes < sizeof head)
            return WR_RAISE(err, WR_CORRUPT, "no Arrow file: it has %llu bytes only",
                            (unsigned long long)bytes);
    }
    WR_TRY(wr_ar_feed_read(&feed, head, 4, err));
    if (memcmp(head, AR_FEATHER_V1, 4) == 0)
        return WR_RAISE(err, WR_UNSUPPORTED, "a Feather file of the old version 1: write it as version 2");
    if (memcmp(head, AR_MAGIC, 4) == 0) {
        *out_is_file = feed.is_file = true;
        WR_TRY(wr_ar_feed_read(&feed, head + 4, sizeof head - 4, err));
        if (memcmp(head, AR_MAGIC, AR_MAGIC_BYTES) != 0)
            return WR_RAISE(err, WR_CORRUPT, "no Arrow file: it begins otherwise");
        *out_feed = feed;
        return WR_OK;
    }
    /* Before 0.15 a stream began with a length alone, of a schema: no text does. */
    feed.first_word = wr_load_u32(head);
    feed.has_first_word = true;
    if (feed.first_word != AR_CONTINUE && feed.first_word > OLD_SCHEMA_BYTES_MAX)
        return WR_RAISE(err, WR_CORRUPT, "neither an Arrow file nor an Arrow stream: it begins otherwise");
    *out_feed = feed;
    return WR_OK;
}

wr_status wr_ar_footer_find(const wr_file_reader *file, uint64_t *out_begin, uint64_t *out_end,
                            wr_error *err)
{
    uint64_t  file_bytes = file->raw->info.bytes;
    ar_source whole = {.file = file->raw, .size = file_bytes};
    uint8_t   tail[AR_TAIL_BYTES];
    uint32_t  footer_bytes;

    if (file_bytes < AR_HEAD_BYTES + AR_TAIL_BYTES)
        return WR_RAISE(err, WR_CORRUPT, "an Arrow file that was cut: it has %llu bytes only",
                        (unsigned long long)file_bytes);
    WR_TRY(wr_ar_source_read(&whole, file_bytes - AR_TAIL_BYTES, tail, sizeof tail, err));
    if (memcmp(tail + 4, AR_MAGIC, AR_MAGIC_BYTES) != 0)
        return WR_RAISE(err, WR_CORRUPT, "an Arrow file that was cut: it does not end with %s", AR_MAGIC);
    footer_bytes = wr_load_u32(tail);
    if (footer_bytes > file_bytes - AR_HEAD_BYTES - AR_TAIL_BYTES)
        return WR_RAISE(err, WR_CORRUPT, "a damaged Arrow file: its footer has %u bytes, more than the "
                        "file", footer_bytes);
    *out_end = file_bytes - AR_TAIL_BYTES;
    *out_begin = *out_end - footer_bytes;
    return WR_OK;
}

/* ---- Messages ----------------------------------------------------------------------------------- */

wr_status wr_ar_message_read(ar_meta *meta, ar_message *out, wr_error *err)
{
    ar_table root = wr_ar_root(meta);
    int64_t  body_bytes = wr_ar_int(meta, &root, AR_MESSAGE_BODY_BYTES, 8, 0);
    int64_t  version = wr_ar_int(meta, &root, AR_MESSAGE_VERSION, 2, 0);

    *out = (ar_message){.kind = (uint8_t)wr_ar_int(meta, &root, AR_MESSAGE_KIND, 1, 0),
                        .version = (uint16_t)version, .body_bytes = (uint64_t)body_bytes};
    if (!wr_ar_child(meta, &root, AR_MESSAGE_HEADER, &out->header))
        wr_ar_meta_fail(meta, "a message has no content");
    if (body_bytes < 0)
        wr_ar_meta_fail(meta, "a message's body has a negative length");
    if (meta->status == WR_OK && (version < AR_V4 || version > AR_V5))
        return WR_RAISE(err, WR_UNSUPPORTED, "metadata of version %lld: V4 and V5 can be read",
                        (long long)version + 1);
    return meta->status;
}

wr_status wr_ar_batch_read(ar_meta *meta, const ar_table *table, ar_batch *out, wr_error *err)
{
    int64_t  rows = wr_ar_int(meta, table, AR_BATCH_ROWS, 8, 0);
    ar_list  nodes = wr_ar_vector(meta, table, AR_BATCH_NODES, AR_NODE_BYTES);
    ar_list  buffers = wr_ar_vector(meta, table, AR_BATCH_BUFFERS, AR_BUFFER_BYTES);
    ar_list  variadic = wr_ar_vector(meta, table, AR_BATCH_VARIADIC, 8);
    ar_table compression;

    *out = (ar_batch){.meta = meta->source, .rows = (uint64_t)rows, .meta_nodes = nodes.at,
                      .meta_buffers = buffers.at, .meta_variadic = variadic.at,
                      .node_count = nodes.count, .buffer_count = buffers.count,
                      .variadic_count = variadic.count, .codec = WR_CODEC_NONE};
    if (rows < 0 || rows > INT64_MAX / 64)
        wr_ar_meta_fail(meta, "a record batch has a negative number of rows");
    if (wr_ar_child(meta, table, AR_BATCH_COMPRESSION, &compression)) {
        int64_t codec = wr_ar_int(meta, &compression, AR_COMPRESSION_CODEC, 1, 0);

        if (codec != AR_LZ4_FRAME && codec != AR_ZSTD)
            return WR_RAISE(err, WR_UNSUPPORTED, "buffers compressed with codec %lld: lz4 and zstd can be "
                            "read", (long long)codec);
        if (wr_ar_int(meta, &compression, AR_COMPRESSION_METHOD, 1, 0) != 0)
            return WR_RAISE(err, WR_UNSUPPORTED, "record batches compressed as a whole cannot be read");
        out->codec = codec == AR_ZSTD ? WR_CODEC_ZSTD : WR_CODEC_LZ4;
    }
    return meta->status;
}
