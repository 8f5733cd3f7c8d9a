/* pq_write_group.c — pages wait by leaf until their row group is over; then it is written, leaf by leaf,
 * and what the footer says of it is put aside; the end writes the footer.
 *
 * Of a leaf come its dictionary, then its data pages; behind the leaves of a row group stand the indexes of
 * their pages. What the pages took of the scratch space is then given back. Cost: every page is copied
 * twice, through scratch space. */
#include "pq_write.h"

enum { CLEARED_BYTES_MIN = 8 << 20 /* giving back less does not pay */ };

static wr_status put_output(void *output, const void *bytes, size_t byte_count, wr_error *err)
{
    return ((wr_output *)output)->ops->write(output, bytes, byte_count, err);
}

static wr_status put_footer(void *store, const void *bytes, size_t byte_count, wr_error *err)
{
    return byte_count ? wr_pq_store_put(store, bytes, byte_count, err) : WR_OK;
}

/* ---- Pages into stores ------------------------------------------------------------------------- */

/* `byte_count` bytes of the block's stream into the store. */
static wr_status move_bytes(pq_store *store, pq_pool *pool, pq_chain *chain, size_t byte_count,
                            wr_error *err)
{
    while (byte_count > 0) {
        size_t         run;
        const uint8_t *bytes = wr_pq_chain_run(pool, chain, byte_count, &run);

        WR_TRY(wr_pq_store_put(store, bytes, run, err));
        wr_pq_chain_take(pool, chain, NULL, run);
        byte_count -= run;
    }
    return WR_OK;
}

static wr_status move_blob(pq_shared *shared, pq_store *store, const wr_blob *blob, wr_error *err)
{
    for (uint64_t at = 0; at < blob->byte_count;) {
        size_t got;

        WR_TRY(blob->read(blob, at, shared->copy, shared->sizes.store_bytes, &got, err));
        if (got == 0)
            return WR_RAISE(err, WR_CORRUPT, "a long value ends early");
        WR_TRY(wr_pq_store_put(store, shared->copy, got, err));
        at += got;
    }
    return WR_OK;
}

static wr_status keep_leaf(pq_shared *shared, uint32_t index, pq_block *block, wr_error *err)
{
    pq_block_leaf *leaf = &block->leaves[index];
    pq_store      *store = &shared->stores[index];
    pq_chunk      *chunk = &shared->chunks[index];

    while (leaf->pages.byte_count > 0) {
        pq_page_note note;
        wr_blob      blob;

        wr_pq_chain_take(&block->pool, &leaf->pages, &note, sizeof note);
        WR_TRY(wr_pq_store_put(store, &note, sizeof note, err));
        WR_TRY(move_bytes(store, &block->pool, &leaf->pages, note.here_bytes, err));
        if (note.here_bytes == note.stored_bytes)
            continue;
        wr_pq_chain_take(&block->pool, &leaf->pages, &blob, sizeof blob);
        WR_TRY(move_blob(shared, store, &blob, err));
    }
    chunk->entry_count += leaf->chunk.entry_count;
    chunk->null_count += leaf->chunk.null_count;
    chunk->raw_bytes += leaf->chunk.raw_bytes;
    chunk->stored_bytes += leaf->chunk.stored_bytes;
    for (uint32_t e = 0; e < PQ_ENCODING_COUNT; e++)
        chunk->pages[e] += leaf->chunk.pages[e];
    wr_pq_stats_merge(&chunk->stats, &shared->leaves[index], &leaf->chunk.stats);
    leaf->chunk = (pq_chunk){0};
    return WR_OK;
}

/* ---- The row group ----------------------------------------------------------------------------- */

static wr_status copy_piece(pq_shared *shared, wr_scratch_position position, uint64_t byte_count,
                            wr_output *output, wr_error *err)
{
    size_t got;

    for (uint64_t at = 0; at < byte_count; at += got) {
        WR_TRY(wr_scratch_read(shared->scratch, position, at, shared->copy, shared->sizes.store_bytes,
                               &got, err));
        WR_TRY(put_output(output, shared->copy, got, err));
    }
    return WR_OK;
}

static wr_status copy_dictionary(pq_shared *shared, const pq_dictionary_page *page,
                                 wr_output *output, wr_error *err)
{
    size_t got;

    WR_TRY(wr_scratch_read(shared->scratch, page->header, 0, shared->copy,
                           shared->sizes.store_bytes, &got, err));
    WR_TRY(put_output(output, shared->copy, got, err));
    return copy_piece(shared, page->position, page->stored_bytes, output, err);
}

/* A union of which one empty member is chosen. */
static void put_choice(wr_thrift_writer *writer, int16_t id)
{
    wr_thrift_open_struct(writer, id);
    wr_thrift_open_struct(writer, 1);
    wr_thrift_close_struct(writer);
    wr_thrift_close_struct(writer);
}

static wr_status copy_bloom(pq_shared *shared, uint32_t index, const pq_dictionary_page *page,
                            wr_output *output, wr_error *err)
{
    pq_place        *place = &shared->places[index];
    wr_thrift_writer writer;

    if (page->bloom_bytes == 0)
        return WR_OK;
    place->bloom = output->offset;
    wr_thrift_write_begin(&writer, shared->metadata, PQ_METADATA_BYTES, put_output, output, err);
    wr_thrift_put_i32(&writer, PQ_BLOOM_BYTES, (int32_t)page->bloom_bytes);
    put_choice(&writer, PQ_BLOOM_ALGORITHM);
    put_choice(&writer, PQ_BLOOM_HASH);
    put_choice(&writer, PQ_BLOOM_COMPRESSION);
    WR_TRY(wr_thrift_write_end(&writer, NULL));
    WR_TRY(copy_piece(shared, page->bloom, page->bloom_bytes, output, err));
    place->bloom_bytes = (uint32_t)(output->offset - place->bloom);
    return WR_OK;
}

/* A leaf on its way out: notes and pages come in pieces of any length. */
typedef struct leaf_copy {
    pq_shared    *shared;
    const pq_leaf *leaf;
    wr_output    *output;
    pq_index      index;
    pq_page_note  note;
    size_t        note_used;
    uint32_t      page_left;
} leaf_copy;

static wr_status copy_pages(void *self, const void *bytes, size_t byte_count, wr_error *err)
{
    leaf_copy     *copy = self;
    const uint8_t *from = bytes;

    while (byte_count > 0) {
        size_t now = copy->page_left ? copy->page_left : sizeof copy->note - copy->note_used;

        now = now < byte_count ? now : byte_count;
        if (copy->page_left > 0) {
            WR_TRY(put_output(copy->output, from, now, err));
            copy->page_left -= (uint32_t)now;
        } else {
            memcpy((uint8_t *)&copy->note + copy->note_used, from, now);
            copy->note_used += now;
        }
        if (copy->note_used == sizeof copy->note) {
            WR_TRY(wr_pq_index_note(copy->shared, &copy->index, copy->leaf, &copy->note, err));
            copy->page_left = copy->note.stored_bytes;
            copy->note_used = 0;
        }
        from += now;
        byte_count -= now;
    }
    return WR_OK;
}

static wr_status copy_leaf(pq_shared *shared, uint32_t index, const pq_dictionary_page *page,
                           wr_output *output, wr_error *err)
{
    pq_place *place = &shared->places[index];
    leaf_copy copy = {.shared = shared, .leaf = &shared->leaves[index], .output = output};

    *place = (pq_place){0};
    if (page->byte_count > 0) {
        place->dictionary = output->offset;
        WR_TRY(copy_dictionary(shared, page, output, err));
    }
    place->data = output->offset;
    wr_pq_index_begin(&copy.index);
    WR_TRY(wr_pq_store_read(&shared->stores[index], shared->copy, copy_pages, &copy, err));
    wr_pq_store_reset(&shared->stores[index]);
    return wr_pq_index_end(shared, &copy.index, place, err);
}

static void put_path(wr_thrift_writer *writer, const pq_walk *walk, const pq_node *leaf)
{
    uint32_t count = 1;

    for (uint32_t i = 0; i < walk->depth; i++)
        count += 1 + wr_type_is_sequence(walk->steps[i].type);
    wr_thrift_put_list(writer, PQ_META_PATH, WR_THRIFT_BINARY, count);
    for (uint32_t i = 0; i < walk->depth; i++) {
        const pq_step *step = &walk->steps[i];

        wr_thrift_put_binary(writer, 0, step->name.bytes, step->name.byte_count);
        if (step->type.logical == WR_TYPE_LIST)
            wr_thrift_put_binary(writer, 0, "list", 4);
        else if (step->type.logical == WR_TYPE_MAP)
            wr_thrift_put_binary(writer, 0, "key_value", 9);
    }
    wr_thrift_put_binary(writer, 0, leaf->name.bytes, leaf->name.byte_count);
}

static void put_encodings(wr_thrift_writer *writer, const pq_chunk *chunk, bool has_dictionary)
{
    bool     has_plain = chunk->pages[PQ_PLAIN] > 0 || has_dictionary;
    uint32_t count = 1u + has_plain;

    for (uint32_t e = PQ_PLAIN + 1; e < PQ_ENCODING_COUNT; e++)
        count += chunk->pages[e] > 0;
    wr_thrift_put_list(writer, PQ_META_ENCODINGS, WR_THRIFT_I32, count);
    if (has_plain)
        wr_thrift_put_i32(writer, 0, PQ_PLAIN);
    wr_thrift_put_i32(writer, 0, PQ_RLE); /* of levels; no values are in it */
    for (uint32_t e = PQ_PLAIN + 1; e < PQ_ENCODING_COUNT; e++)
        if (chunk->pages[e] > 0)
            wr_thrift_put_i32(writer, 0, (int32_t)e);
}

static void put_page_count(wr_thrift_writer *writer, pq_page_kind kind, uint32_t encoding,
                           uint32_t count)
{
    if (count == 0)
        return;
    wr_thrift_open_struct(writer, 0);
    wr_thrift_put_i32(writer, PQ_STATS_PAGE_KIND, (int32_t)kind);
    wr_thrift_put_i32(writer, PQ_STATS_ENCODING, (int32_t)encoding);
    wr_thrift_put_i32(writer, PQ_STATS_COUNT, (int32_t)count);
    wr_thrift_close_struct(writer);
}

static void put_chunk(wr_thrift_writer *writer, const pq_shared *shared, uint32_t index,
                      const pq_walk *walk, const pq_node *node, uint64_t indexes)
{
    const pq_place *at = &shared->places[index];
    const pq_leaf  *leaf = &shared->leaves[index];
    const pq_chunk *chunk = &shared->chunks[index];
    bool            has_dictionary = at->dictionary > 0;
    uint32_t        page_kinds = has_dictionary;
    pq_page_kind    kind = leaf->rep_max > 0 ? PQ_DATA_PAGE : shared->page_kind;

    wr_thrift_open_struct(writer, 0);
    wr_thrift_put_i64(writer, PQ_CHUNK_OFFSET, 0);
    wr_thrift_open_struct(writer, PQ_CHUNK_META);
    wr_thrift_put_i32(writer, PQ_META_PHYSICAL, leaf->physical);
    put_encodings(writer, chunk, has_dictionary);
    put_path(writer, walk, node);
    wr_thrift_put_i32(writer, PQ_META_CODEC, (int32_t)shared->codec.stored);
    wr_thrift_put_i64(writer, PQ_META_VALUE_COUNT, (int64_t)chunk->entry_count);
    wr_thrift_put_i64(writer, PQ_META_RAW_BYTES, (int64_t)chunk->raw_bytes);
    wr_thrift_put_i64(writer, PQ_META_STORED_BYTES, (int64_t)chunk->stored_bytes);
    wr_thrift_put_i64(writer, PQ_META_DATA_OFFSET, (int64_t)at->data);
    if (has_dictionary)
        wr_thrift_put_i64(writer, PQ_META_DICTIONARY_OFFSET, (int64_t)at->dictionary);
    wr_pq_stats_put(writer, PQ_META_STATISTICS, &chunk->stats, leaf, chunk->null_count);
    for (uint32_t e = 0; e < PQ_ENCODING_COUNT; e++)
        page_kinds += chunk->pages[e] > 0;
    wr_thrift_put_list(writer, PQ_META_ENCODING_STATS, WR_THRIFT_STRUCT, page_kinds);
    put_page_count(writer, PQ_DICTIONARY_PAGE, PQ_PLAIN, has_dictionary);
    for (uint32_t e = 0; e < PQ_ENCODING_COUNT; e++)
        put_page_count(writer, kind, e, chunk->pages[e]);
    if (at->bloom_bytes > 0) {
        wr_thrift_put_i64(writer, PQ_META_BLOOM_OFFSET, (int64_t)at->bloom);
        wr_thrift_put_i32(writer, PQ_META_BLOOM_BYTES, (int32_t)at->bloom_bytes);
    }
    wr_thrift_close_struct(writer);
    if (at->offset_index_bytes > 0) {
        wr_thrift_put_i64(writer, PQ_CHUNK_OFFSET_INDEX_OFFSET, (int64_t)(indexes + at->offset_index));
        wr_thrift_put_i32(writer, PQ_CHUNK_OFFSET_INDEX_BYTES, (int32_t)at->offset_index_bytes);
    }
    if (at->column_index_bytes > 0) {
        wr_thrift_put_i64(writer, PQ_CHUNK_COLUMN_INDEX_OFFSET, (int64_t)(indexes + at->column_index));
        wr_thrift_put_i32(writer, PQ_CHUNK_COLUMN_INDEX_BYTES, (int32_t)at->column_index_bytes);
    }
    wr_thrift_close_struct(writer);
}

static void put_sorting(wr_thrift_writer *writer, const pq_shared *shared,
                        const wr_write_request *request)
{
    const wr_text_list *sorted_by = &((const pq_write_options *)request->options)->sorted_by;

    if (sorted_by->count == 0)
        return;
    wr_thrift_put_list(writer, PQ_GROUP_SORTING, WR_THRIFT_STRUCT, sorted_by->count);
    for (uint32_t i = 0; i < sorted_by->count; i++) {
        pq_sorted sorted = wr_pq_write_sorted(sorted_by->items[i]);
        uint32_t  leaf = 0;

        while (!wr_text_equal(request->schema->fields[shared->leaves[leaf].column].name, sorted.column))
            leaf++;
        wr_thrift_open_struct(writer, 0);
        wr_thrift_put_i32(writer, PQ_SORTING_COLUMN, (int32_t)leaf);
        wr_thrift_put_bool(writer, PQ_SORTING_DESCENDING, sorted.is_descending);
        wr_thrift_put_bool(writer, PQ_SORTING_NULLS_FIRST, sorted.is_nulls_first);
        wr_thrift_close_struct(writer);
    }
}

/* A RowGroup, whose pages are at [begin, end), into the footer. */
static wr_status note_group(const wr_write_request *request, pq_shared *shared, uint64_t row_count,
                            uint64_t begin, uint64_t end, uint64_t indexes, wr_error *err)
{
    pq_walk          walk = {.schema = request->schema};
    pq_node          node;
    wr_thrift_writer writer;
    uint64_t         raw_bytes = 0;
    uint32_t         index = 0;

    wr_thrift_write_begin(&writer, shared->metadata, PQ_METADATA_BYTES, put_footer, &shared->footer,
                          err);
    wr_thrift_put_list(&writer, PQ_GROUP_COLUMNS, WR_THRIFT_STRUCT, shared->sizes.leaf_count);
    while (wr_pq_walk_next(&walk, &node)) {
        if (node.kind != PQ_NODE_LEAF)
            continue;
        put_chunk(&writer, shared, index, &walk, &node, indexes);
        raw_bytes += shared->chunks[index].raw_bytes;
        shared->chunks[index++] = (pq_chunk){0};
    }
    wr_thrift_put_i64(&writer, PQ_GROUP_BYTES, (int64_t)raw_bytes);
    wr_thrift_put_i64(&writer, PQ_GROUP_ROW_COUNT, (int64_t)row_count);
    put_sorting(&writer, shared, request);
    wr_thrift_put_i64(&writer, PQ_GROUP_OFFSET, (int64_t)begin);
    wr_thrift_put_i64(&writer, PQ_GROUP_COMPRESSED_BYTES, (int64_t)(end - begin));
    if (shared->group_count <= INT16_MAX)
        wr_thrift_put_i16(&writer, PQ_GROUP_ORDINAL, (int16_t)shared->group_count);
    WR_TRY(wr_thrift_write_end(&writer, NULL));
    shared->group_count++;
    shared->row_count += row_count;
    return WR_OK;
}

/* What was kept of the row group goes out: leaf by leaf, then Bloom filters and the indexes of pages. */
static wr_status write_group(const wr_write_request *request, pq_shared *shared,
                             const pq_dictionary_page *dictionaries, uint64_t row_count,
                             wr_output *output, wr_error *err)
{
    uint64_t begin = output->offset, end, indexes;

    for (uint32_t i = 0; i < shared->sizes.leaf_count; i++)
        WR_TRY(copy_leaf(shared, i, &dictionaries[i], output, err));
    end = output->offset;
    for (uint32_t i = 0; i < shared->sizes.leaf_count; i++)
        WR_TRY(copy_bloom(shared, i, &dictionaries[i], output, err));
    indexes = output->offset;
    WR_TRY(wr_pq_store_read(&shared->indexes, shared->copy, put_output, output, err));
    wr_pq_store_reset(&shared->indexes);
    shared->pages_bytes += output->offset - begin;
    if (shared->pages_bytes >= CLEARED_BYTES_MIN) {
        wr_scratch_clear(shared->pages);
        shared->pages_bytes = 0;
    }
    return note_group(request, shared, row_count, begin, end, indexes, err);
}

wr_status wr_pq_write(const wr_write_request *request, void *shared_p, void *block_p,
                      wr_output *output, wr_error *err)
{
    pq_shared *shared = shared_p;
    pq_block  *block = block_p;

    for (uint32_t i = 0; i < shared->sizes.leaf_count; i++)
        WR_TRY(keep_leaf(shared, i, block, err));
    if (block->ends_group)
        WR_TRY(write_group(request, shared, block->dictionaries, block->group_rows, output, err));
    wr_pq_block_reset(shared, block);
    return WR_OK;
}

/* ---- The end ----------------------------------------------------------------------------------- */

static void put_key_values(wr_thrift_writer *writer, const wr_text_list *metadata)
{
    if (metadata->count == 0)
        return;
    wr_thrift_put_list(writer, PQ_FILE_KEY_VALUES, WR_THRIFT_STRUCT, metadata->count);
    for (uint32_t i = 0; i < metadata->count; i++) {
        wr_text     item = metadata->items[i];
        const char *equals = memchr(item.bytes, '=', item.byte_count);
        size_t      key_bytes = (size_t)(equals - item.bytes);

        wr_thrift_open_struct(writer, 0);
        wr_thrift_put_binary(writer, PQ_KEY, item.bytes, key_bytes);
        wr_thrift_put_binary(writer, PQ_VALUE, equals + 1, item.byte_count - key_bytes - 1);
        wr_thrift_close_struct(writer);
    }
}

static wr_status put_groups(void *writer, const void *bytes, size_t byte_count, wr_error *err)
{
    (void)err;
    wr_thrift_put_encoded(writer, bytes, byte_count);
    return ((wr_thrift_writer *)writer)->status;
}

static wr_status write_footer(const wr_write_request *request, pq_shared *shared,
                              wr_output *output, wr_error *err)
{
    const pq_write_options *options = request->options;
    wr_thrift_writer        writer;
    uint64_t                byte_count;
    uint8_t                 tail[PQ_TAIL_BYTES];

    wr_thrift_write_begin(&writer, shared->metadata, PQ_METADATA_BYTES, put_output, output, err);
    wr_thrift_put_i32(&writer, PQ_FILE_VERSION, 2);
    wr_pq_schema_put(&writer, request->schema, &options->field_ids);
    wr_thrift_put_i64(&writer, PQ_FILE_ROW_COUNT, (int64_t)shared->row_count);
    wr_thrift_put_list(&writer, PQ_FILE_ROW_GROUPS, WR_THRIFT_STRUCT, shared->group_count);
    WR_TRY(wr_pq_store_read(&shared->footer, shared->copy, put_groups, &writer, err));
    put_key_values(&writer, &options->metadata);
    wr_thrift_put_binary(&writer, PQ_FILE_CREATED_BY, "weir version " WR_VERSION,
                         sizeof "weir version " WR_VERSION - 1);
    wr_thrift_put_list(&writer, PQ_FILE_COLUMN_ORDERS, WR_THRIFT_STRUCT, shared->sizes.leaf_count);
    for (uint32_t i = 0; i < shared->sizes.leaf_count; i++) {
        wr_thrift_open_struct(&writer, 0);
        wr_thrift_open_struct(&writer, PQ_ORDER_OF_TYPE);
        wr_thrift_close_struct(&writer);
        wr_thrift_close_struct(&writer);
    }
    WR_TRY(wr_thrift_write_end(&writer, &byte_count));
    if (byte_count > INT32_MAX)
        return WR_RAISE(err, WR_UNSUPPORTED,
                        "the footer would have more than 2 GB: make row groups larger");
    wr_store_u32(tail, (uint32_t)byte_count);
    memcpy(tail + 4, PQ_MAGIC, PQ_MAGIC_BYTES);
    return put_output(output, tail, sizeof tail, err);
}

wr_status wr_pq_end(const wr_write_request *request, void *shared_p, void *encoder,
                    wr_output *output, wr_error *err)
{
    pq_shared *shared = shared_p;

    if (shared->group_rows > 0) {
        WR_TRY(wr_pq_take_dictionaries(shared, shared->last_dictionaries, err));
        for (uint32_t i = 0; i < shared->sizes.leaf_count; i++)
            WR_TRY(wr_pq_encode_dictionary(shared, &shared->last_dictionaries[i], &shared->chunks[i],
                                           encoder, err));
        WR_TRY(write_group(request, shared, shared->last_dictionaries, shared->group_rows, output,
                           err));
    }
    return write_footer(request, shared, output, err);
}
