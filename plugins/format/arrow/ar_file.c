/* ar_file.c — the serial half: schema, columns by name, record batches one after the other.
 *
 * A file that can be read at any place is read by its footer, or message by message if it has none; of
 * each record batch only the head of its metadata is looked at here. What comes as a stream is copied:
 * a record batch into the split that takes it, or, like dictionaries and long metadata, into scratch space.
 *
 * Invariants: the rows of all splits of a file are those of its record batches, each once, in order.
 * Memory: by the request's types only. Cost: a read or two a record batch; streams a copy. */
#include "ar_priv.h"

enum {
    SPLIT_ROWS_MAX = 1 << 17,       /* so that workers share a large record batch ...        */
    STORED_SPLIT_ROWS_MAX = 1 << 24, /* ... but not one that each would have to decompress */
};

static const uint8_t NOTHING[1];

/* ---- Memory ------------------------------------------------------------------------------------- */

static const wr_field *field_of(const wr_read_request *request, uint32_t column)
{
    return &request->schema->fields[request->columns[column]];
}

uint32_t wr_ar_node_room(const wr_read_request *request)
{
    uint32_t count = 0;

    for (uint32_t c = 0; c < request->column_count; c++)
        count += wr_ar_nodes_of(field_of(request, c)->type);
    return count;
}

static void lay_out(const wr_read_request *request, ar_file *file, wr_carver *carver)
{
    uint32_t nodes = wr_ar_node_room(request);

    file->columns = wr_carve(carver, request->column_count * sizeof(ar_column));
    file->matches = wr_carve(carver, request->column_count);
    file->nodes = wr_carve(carver, nodes * sizeof(ar_node));
    file->dictionaries = wr_carve(carver, nodes * sizeof(ar_dictionary));
    file->window = wr_carve(carver, AR_META_BYTES);
    file->footer_window = wr_carve(carver, AR_META_BYTES);
    file->meta_room = wr_carve(carver, AR_META_BYTES);
    wr_long_writer_layout(&file->writer, request->scratch, carver);
}

uint64_t wr_ar_file_lease_min(const wr_read_request *request)
{
    wr_carver carver = {0};
    ar_file   counted;

    lay_out(request, &counted, &carver);
    return carver.used;
}

/* ---- Bytes put aside ---------------------------------------------------------------------------- */

static wr_status raise_no_scratch(uint64_t bytes, wr_error *err)
{
    return WR_RAISE(err, WR_NO_MEMORY, "%llu bytes of a stream fit neither memory nor, as there is no "
                    "temporary space, the disk", (unsigned long long)bytes);
}

/* The feed's next bytes to scratch space, in blobs of 2^AR_BLOB_SHIFT bytes. */
static wr_status keep(ar_file *file, uint64_t count, wr_blob *blobs, uint32_t blob_count,
                      ar_source *out_source, wr_error *err)
{
    *out_source = (ar_source){.memory = NOTHING};
    if (count == 0)
        return WR_OK;
    if (!file->writer.scratch || !file->writer.scratch->ops)
        return raise_no_scratch(count, err);
    if ((count - 1) >> AR_BLOB_SHIFT >= blob_count)
        return WR_RAISE(err, WR_UNSUPPORTED, "%llu bytes at once in a stream: make it a plain file first",
                        (unsigned long long)count);
    *out_source = (ar_source){.blobs = blobs, .size = count};
    while (count > 0) {
        uint64_t left = count < 1ull << AR_BLOB_SHIFT ? count : 1ull << AR_BLOB_SHIFT;

        count -= left;
        wr_long_writer_begin(&file->writer);
        while (left > 0) {
            uint32_t part = left < AR_META_BYTES ? (uint32_t)left : AR_META_BYTES;

            WR_TRY(wr_ar_feed_read(&file->feed, file->window, part, err));
            WR_TRY(wr_long_writer_add(&file->writer, file->window, part, err));
            left -= part;
        }
        WR_TRY(wr_long_writer_end(&file->writer, blobs++, err));
    }
    return WR_OK;
}

/* ---- Messages ----------------------------------------------------------------------------------- */

/* The metadata that the feed has next, wherever it stays. */
static wr_status open_meta(ar_file *file, ar_feed *feed, uint32_t bytes, ar_meta *meta, wr_error *err)
{
    ar_source source = {.file = feed->raw, .begin = feed->at, .size = bytes};

    if (feed->raw) {
        feed->at += bytes;
    } else if (bytes <= AR_META_BYTES) {
        WR_TRY(wr_ar_feed_read(feed, file->meta_room, bytes, err));
        source = (ar_source){.memory = file->meta_room, .size = bytes};
    } else {
        WR_TRY(keep(file, bytes, &file->meta_blob, 1, &source, err));
    }
    wr_ar_meta_open(meta, source, file->window, AR_META_BYTES, err);
    return WR_OK;
}

/* A dictionary's metadata stays, too. */
static wr_status keep_meta(ar_file *file, ar_record *record, wr_error *err)
{
    ar_source *meta = &record->batch.meta;

    if (meta->memory) {
        if (!file->writer.scratch || !file->writer.scratch->ops)
            return raise_no_scratch(meta->size, err);
        wr_long_writer_begin(&file->writer);
        WR_TRY(wr_long_writer_add(&file->writer, meta->memory, meta->size, err));
        WR_TRY(wr_long_writer_end(&file->writer, &record->meta, err));
        *meta = (ar_source){.size = meta->size};
    } else if (meta->blobs) {
        record->meta = file->meta_blob;
    }
    return WR_OK;
}

/* A new batch of values for a dictionary. */
static wr_status add_record(ar_file *file, ar_dictionary *dictionary, ar_record *record, bool is_delta,
                            wr_error *err)
{
    record->before = 0;
    if (is_delta && dictionary->generation > 0) {
        if (!file->writer.scratch || !file->writer.scratch->ops)
            return raise_no_scratch(sizeof *record, err);
        WR_TRY(wr_scratch_append(*file->writer.scratch, &dictionary->last, sizeof *record, &record->before,
                                 err));
    } else {
        dictionary->rows = 0;
    }
    dictionary->rows += record->batch.rows;
    dictionary->last = *record;
    dictionary->generation = file->generation;
    return WR_OK;
}

static wr_status take_dictionary(ar_file *file, ar_meta *meta, const ar_message *message, ar_feed *feed,
                                 wr_error *err)
{
    int64_t   id = wr_ar_int(meta, &message->header, AR_DICTIONARY_ID, 8, 0);
    bool      is_delta = wr_ar_int(meta, &message->header, AR_DICTIONARY_IS_DELTA, 1, 0) != 0;
    bool      is_wanted = false;
    ar_record record = {0};
    ar_table  data;

    if (!wr_ar_child(meta, &message->header, AR_DICTIONARY_DATA, &data))
        wr_ar_meta_fail(meta, "a dictionary has no values");
    WR_TRY(wr_ar_batch_read(meta, &data, &record.batch, err));
    for (uint32_t d = 0; d < file->dictionary_count; d++)
        is_wanted |= file->nodes[file->dictionaries[d].node].dictionary_id == id;
    if (!is_wanted)
        return wr_ar_feed_pass(feed, message->body_bytes, file->window, AR_META_BYTES, err);
    WR_TRY(keep_meta(file, &record, err));
    record.batch.body = (ar_source){.file = feed->raw, .begin = feed->at, .size = message->body_bytes};
    if (feed->raw)
        WR_TRY(wr_ar_feed_pass(feed, message->body_bytes, NULL, 0, err));
    else
        WR_TRY(keep(file, message->body_bytes, &record.body, 1, &record.batch.body, err));
    file->generation++;
    for (uint32_t d = 0; d < file->dictionary_count; d++)
        if (file->nodes[file->dictionaries[d].node].dictionary_id == id)
            WR_TRY(add_record(file, &file->dictionaries[d], &record, is_delta, err));
    return WR_OK;
}

/* The message of a block of the footer; the feed stands at its body then. */
static wr_status open_block(ar_file *file, const ar_list *blocks, uint32_t index, ar_meta *meta,
                            ar_message *message, ar_feed *feed, wr_error *err)
{
    uint64_t at = blocks->at + (uint64_t)index * AR_BLOCK_BYTES;
    uint64_t offset, meta_bytes;
    uint32_t bytes;

    file->footer.err = err;
    offset = wr_ar_word(&file->footer, at, 8);
    meta_bytes = wr_ar_word(&file->footer, at + 8, 4);
    if (file->footer.status != WR_OK)
        return file->footer.status;
    *feed = file->feed;
    if (offset > feed->end || meta_bytes > feed->end - offset)
        return WR_RAISE(err, WR_CORRUPT, "a block of the footer lies outside of the file");
    feed->at = offset;
    WR_TRY(wr_ar_feed_next(feed, &bytes, err));
    WR_TRY(open_meta(file, feed, bytes, meta, err));
    WR_TRY(wr_ar_message_read(meta, message, err));
    feed->at = offset + meta_bytes;
    return WR_OK;
}

/* ---- Columns ------------------------------------------------------------------------------------ */

static wr_status bind_field(const wr_read_request *request, ar_file *file, ar_binder *binder,
                            const ar_field *field, wr_column_finder *finder, wr_error *err)
{
    char     name[AR_NAME_BYTES_MAX];
    uint32_t bytes = wr_ar_text(binder->meta, &field->name, name, sizeof name);
    uint32_t c = wr_column_find(finder, (wr_text){name, bytes}, NULL);

    if (c == WR_FIELD_NONE)
        return wr_ar_pass_field(binder, field, 0, err);
    /* found again under its exact name: the nodes of the other spelling stay without a reader */
    file->columns[c] = (ar_column){.first_node = binder->node_count};
    WR_TRY_WHILE(wr_ar_bind_value(binder, field, field_of(request, c)->type, err), err,
                 "reading column '%.*s' of %.*s", WR_TEXT_ARG(field_of(request, c)->name),
                 WR_TEXT_ARG(file->base.path));
    return WR_OK;
}

static wr_status bind_fields(const wr_read_request *request, ar_file *file, ar_meta *meta,
                             const ar_table *schema, uint16_t version, wr_error *err)
{
    ar_binder binder = {.meta = meta, .nodes = file->nodes, .node_room = wr_ar_node_room(request),
                        .is_v4 = version == AR_V4};
    ar_list   fields;
    wr_column_finder finder;

    wr_column_finder_begin(&finder, request, file->matches);
    for (uint32_t c = 0; c < request->column_count; c++)
        file->columns[c] = (ar_column){.is_missing = true};
    WR_TRY(wr_ar_schema_fields(meta, schema, &fields, err));
    for (uint32_t i = 0; i < fields.count; i++) {
        ar_table table = wr_ar_item(meta, &fields, i);
        ar_field field;

        WR_TRY(wr_ar_field_read(meta, &table, &field, err));
        WR_TRY(bind_field(request, file, &binder, &field, &finder, err));
    }
    WR_TRY(wr_column_finder_end(&finder, err));
    file->node_count = binder.node_count;
    for (uint32_t n = 0; n < file->node_count; n++)
        if (file->nodes[n].kind == AR_KIND_DICTIONARY)
            file->dictionaries[file->dictionary_count++] = (ar_dictionary){.node = n};
    return meta->status;
}

/* ---- Open --------------------------------------------------------------------------------------- */

/* The first message, which a stream's schema is in; the feed is behind its metadata then. */
static wr_status open_first(ar_file *file, ar_feed *feed, ar_meta *meta, ar_message *message, wr_error *err)
{
    uint32_t bytes;

    WR_TRY(wr_ar_feed_next(feed, &bytes, err));
    if (bytes == 0)
        return WR_RAISE(err, WR_CORRUPT, "there is no schema");
    WR_TRY(open_meta(file, feed, bytes, meta, err));
    WR_TRY(wr_ar_message_read(meta, message, err));
    return message->kind == AR_SCHEMA ? WR_OK
                                      : WR_RAISE(err, WR_CORRUPT, "the first message is no schema");
}

/* Which version a file's buffers are of, its messages say: PyArrow's footer always has the newest. */
static wr_status open_footer(const wr_read_request *request, ar_file *file, wr_error *err)
{
    uint64_t   begin, end;
    ar_feed    first = file->feed;
    ar_meta    meta;
    ar_message message;
    ar_table   root, schema;
    ar_list    dictionaries;
    ar_meta   *footer = &file->footer;

    WR_TRY(wr_ar_footer_find(&file->base, &begin, &end, err));
    first.end = file->feed.end = begin;
    WR_TRY(open_first(file, &first, &meta, &message, err));
    wr_ar_meta_open(footer, (ar_source){.file = file->base.raw, .begin = begin, .size = end - begin},
                    file->footer_window, AR_META_BYTES, err);
    root = wr_ar_root(footer);
    if (!wr_ar_child(footer, &root, AR_FOOTER_SCHEMA, &schema))
        wr_ar_meta_fail(footer, "there is no schema");
    WR_TRY(bind_fields(request, file, footer, &schema, message.version, err));
    dictionaries = wr_ar_vector(footer, &root, AR_FOOTER_DICTIONARIES, AR_BLOCK_BYTES);
    file->blocks = wr_ar_vector(footer, &root, AR_FOOTER_BATCHES, AR_BLOCK_BYTES);
    file->has_footer = true;
    for (uint32_t i = 0; i < dictionaries.count && file->dictionary_count > 0; i++) {
        ar_feed feed;

        WR_TRY(open_block(file, &dictionaries, i, &meta, &message, &feed, err));
        if (message.kind != AR_DICTIONARY_BATCH)
            return WR_RAISE(err, WR_CORRUPT, "block %u is no dictionary, but the footer says so", i);
        WR_TRY(take_dictionary(file, &meta, &message, &feed, err));
    }
    return footer->status;
}

static wr_status open_stream(const wr_read_request *request, ar_file *file, wr_error *err)
{
    ar_meta    meta;
    ar_message message;

    WR_TRY(open_first(file, &file->feed, &meta, &message, err));
    WR_TRY(bind_fields(request, file, &meta, &message.header, message.version, err));
    return wr_ar_feed_pass(&file->feed, message.body_bytes, file->window, AR_META_BYTES, err);
}

wr_status wr_ar_file_open(const wr_read_request *request, wr_file_reader *base, wr_bump *bump,
                          wr_error *err)
{
    ar_file  *file = (ar_file *)base;
    wr_carver carver;
    bool      is_file;

    memset(&file->base + 1, 0, sizeof *file - sizeof file->base);
    WR_TRY(wr_carver_init(&carver, bump, wr_ar_file_lease_min(request), err));
    lay_out(request, file, &carver);
    WR_TRY_WHILE(wr_ar_feed_open(base, &file->feed, &is_file, err), err, "reading %.*s",
                 WR_TEXT_ARG(base->path));
    WR_TRY_WHILE(is_file && base->raw ? open_footer(request, file, err) : open_stream(request, file, err),
                 err, "reading the schema of %.*s", WR_TEXT_ARG(base->path));
    return WR_OK;
}

/* ---- Record batches ----------------------------------------------------------------------------- */

/* Rows that no wanted column has: the first column tells whether they are there. */
static wr_status check_rows(ar_meta *meta, const ar_batch *batch, wr_error *err)
{
    if (batch->node_count > 0 && wr_ar_word(meta, batch->meta_nodes, 8) != batch->rows)
        return WR_RAISE(err, WR_CORRUPT, "a record batch has not as many rows as its first column");
    return meta->status;
}

/* The body of a batch that comes as a stream: into the split, if it fits half of what is left there. */
static wr_status take_body(ar_file *file, ar_split *split, uint64_t bytes, wr_error *err)
{
    ar_pool *pool = &split->pool;
    uint64_t room = wr_carve_bytes(bytes + AR_PAD);

    if (bytes == 0 || room > (pool->size - split->kept) / 2 || file->batch.rows > STORED_SPLIT_ROWS_MAX)
        return keep(file, bytes, file->body_store.blobs, AR_STORE_BLOBS, &file->batch.body, err);
    pool->top = pool->size - room;
    WR_TRY(wr_ar_feed_read(&file->feed, pool->bytes + pool->top, bytes, err));
    file->batch.body = (ar_source){.memory = pool->bytes + pool->top, .size = bytes};
    return WR_OK;
}

static wr_status take_batch(ar_file *file, ar_split *split, ar_meta *meta, const ar_message *message,
                            ar_feed *feed, wr_error *err)
{
    WR_TRY(wr_ar_batch_read(meta, &message->header, &file->batch, err));
    WR_TRY(check_rows(meta, &file->batch, err));
    file->batch_number++;
    file->next_row = 0;
    if (!feed->raw)
        return take_body(file, split, message->body_bytes, err);
    file->batch.body = (ar_source){.file = feed->raw, .begin = feed->at, .size = message->body_bytes};
    return wr_ar_feed_pass(feed, message->body_bytes, NULL, 0, err);
}

static wr_status next_block(ar_file *file, ar_split *split, bool *out_done, wr_error *err)
{
    ar_meta    meta;
    ar_message message;
    ar_feed    feed;

    *out_done = file->next_block == file->blocks.count;
    if (*out_done)
        return WR_OK;
    WR_TRY(open_block(file, &file->blocks, file->next_block, &meta, &message, &feed, err));
    if (message.kind != AR_RECORD_BATCH)
        return WR_RAISE(err, WR_CORRUPT, "block %u is no record batch, but the footer says so",
                        file->next_block);
    file->next_block++;
    return take_batch(file, split, &meta, &message, &feed, err);
}

/* Messages up to the next record batch. */
static wr_status next_message(ar_file *file, ar_split *split, bool *out_done, wr_error *err)
{
    for (;;) {
        ar_meta    meta;
        ar_message message;
        uint32_t   bytes;

        WR_TRY(wr_ar_feed_next(&file->feed, &bytes, err));
        *out_done = bytes == 0;
        if (*out_done)
            return WR_OK;
        WR_TRY(open_meta(file, &file->feed, bytes, &meta, err));
        WR_TRY(wr_ar_message_read(&meta, &message, err));
        if (message.kind == AR_RECORD_BATCH)
            return take_batch(file, split, &meta, &message, &file->feed, err);
        if (message.kind != AR_DICTIONARY_BATCH)
            return WR_RAISE(err, WR_CORRUPT, "a message is neither a record batch nor a dictionary");
        WR_TRY(take_dictionary(file, &meta, &message, &file->feed, err));
    }
}

/* ---- Splits ------------------------------------------------------------------------------------- */

/* What the file will use for the next batch becomes the split's own. */
static void copy_sources(ar_file *file, ar_split *split)
{
    ar_batch *batch = &split->batch;

    if (batch->meta.memory) {
        memcpy(split->meta_room, batch->meta.memory, batch->meta.size);
        batch->meta.memory = split->meta_room;
    } else if (batch->meta.blobs) {
        split->meta_blob = file->meta_blob;
        batch->meta.blobs = &split->meta_blob;
    }
    if (batch->body.blobs) {
        split->body_store = file->body_store;
        batch->body.blobs = split->body_store.blobs;
    }
}

static uint64_t split_rows(const ar_file *file)
{
    return file->batch.codec == WR_CODEC_NONE && !file->batch.body.memory ? SPLIT_ROWS_MAX
                                                                          : STORED_SPLIT_ROWS_MAX;
}

static wr_status next_split(ar_file *file, ar_split *split, bool *out_done, wr_error *err)
{
    wr_file_reader *base = &file->base;
    uint64_t        rows;

    split->pool.top = split->pool.size;
    while (file->next_row == file->batch.rows) {
        split->pool.top = split->pool.size;
        WR_TRY(file->has_footer ? next_block(file, split, out_done, err)
                                : next_message(file, split, out_done, err));
        if (*out_done)
            return WR_OK;
    }
    rows = file->batch.rows - file->next_row;
    rows = rows < split_rows(file) ? rows : split_rows(file);
    split->base.first_row = base->next_row;
    split->base.byte_offset = file->batch.body.file ? file->batch.body.begin : file->feed.at;
    wr_ar_split_begin(split, file, file->next_row, file->next_row + rows);
    copy_sources(file, split);
    base->next_row += rows;
    file->next_row += rows;
    if (base->raw && base->input)
        base->input->consumed_bytes = file->batch.body.begin + file->batch.body.size;
    *out_done = false;
    return WR_OK;
}

wr_status wr_ar_next_split(const wr_read_request *request, wr_file_reader *base, wr_split *split,
                           bool *out_done, wr_error *err)
{
    ar_file *file = (ar_file *)base;

    (void)request;
    WR_TRY_WHILE(next_split(file, (ar_split *)split, out_done, err), err,
                 "looking for the record batch behind number %llu of %.*s",
                 (unsigned long long)file->batch_number, WR_TEXT_ARG(base->path));
    return WR_OK;
}
