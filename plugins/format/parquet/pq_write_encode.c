/* pq_write_encode.c — a block's leaves become pages, in the memory that their values leave.
 *
 * A page is cut by bytes of values and by number of levels. What comes of a leaf is a stream of pages, each
 * behind its note; one whose bytes are not all there is completed by the text in the wr_blob that
 * follows: pages of texts longer than memory are of version 2, the one that can say of a page that it
 * is not compressed. Pages of leaves inside of lists are of version
 * 1, in which a row may go on in the next page.
 * Invariants: a page never takes more than its values and levels did, but for its header and what a codec
 * adds to what it cannot compress: the pool's spare pieces are there for that. */
#include "pq_write.h"

enum { HEADER_BYTES_MAX = 128, LEVEL_BITS_MAX = 7 };

/* A page on its way: levels are in encoder->levels, values in encoder->values. */
typedef struct data_page {
    const pq_leaf *leaf;
    pq_block_leaf *from;
    uint32_t       entries, values, rows;
    size_t         value_bytes, def_bytes, rep_bytes;
    bool           has_codes, is_long, begins_row;
    pq_encoding    encoding;
    uint8_t       *body; /* of the values; before it is room for levels */
    pq_stats       stats;
    pq_long_record record;
} data_page;

static size_t level_room(const pq_sizes *sizes)
{
    return 2 * (wr_pq_hybrid_bytes_max(sizes->page_entries, LEVEL_BITS_MAX) + sizeof(uint32_t));
}

/* ---- Memory ------------------------------------------------------------------------------------ */

static void encoder_layout(const wr_write_request *request, pq_encoder *encoder, wr_carver *carver,
                           int level)
{
    pq_sizes       sizes = wr_pq_sizes(request);
    pq_write_codec codec = wr_pq_write_codec(request->options);
    size_t         room = level_room(&sizes);
    uint8_t       *raw = wr_carve(carver, room + sizes.page_bytes);
    uint8_t       *packed = wr_carve(carver, room + sizes.page_bytes + PQ_PACKED_SLACK_BYTES);

    *encoder = (pq_encoder){
        .values = raw ? raw + room : NULL,
        .packed = packed ? packed + room : NULL,
        .levels = wr_carve(carver, room),
        .def = wr_carve(carver, sizes.page_entries * sizeof(uint32_t)),
        .rep = wr_carve(carver, sizes.page_entries * sizeof(uint32_t)),
        .is_v2 = ((const pq_write_options *)request->options)->page_version == 1,
    };
    if (codec.codec != WR_CODEC_NONE) {
        void *workspace = wr_carve(carver, wr_block_encoder_lease_min(codec.codec, level, sizes.page_bytes));

        encoder->stored_room = wr_block_bound(codec.codec, room + sizes.page_bytes);
        encoder->stored = wr_carve(carver, encoder->stored_room);
        if (workspace)
            encoder->codec = wr_block_encoder_init(codec.codec, level, sizes.page_bytes, workspace);
    }
}

uint64_t wr_pq_encoder_bytes(const wr_write_request *request)
{
    wr_carver  carver = {0};
    pq_encoder encoder;

    encoder_layout(request, &encoder, &carver, wr_pq_write_level(request->options));
    return carver.used;
}

wr_status wr_pq_encoder_init(const wr_write_request *request, void *encoder, wr_bump *bump,
                             wr_error *err)
{
    wr_carver carver;

    WR_TRY(wr_carver_init(&carver, bump, wr_pq_encoder_bytes(request), err));
    encoder_layout(request, encoder, &carver, wr_pq_write_level(request->options));
    return WR_OK;
}

/* ---- Collecting a page's entries --------------------------------------------------------------- */

/* The next text of the stream behind the page's values; false: it starts another page. */
static bool copy_text(pq_encoder *encoder, const pq_sizes *sizes, pq_pool *pool, data_page *p)
{
    pq_chain *plain = &p->from->plain;
    uint32_t  byte_count;

    wr_pq_chain_peek(pool, plain, &byte_count, sizeof byte_count);
    if (byte_count == PQ_LONG_MARK) {
        if (p->entries > 0)
            return false;
        wr_pq_chain_take(pool, plain, &p->record, sizeof p->record);
        p->is_long = true;
        return true;
    }
    if (p->value_bytes + sizeof byte_count + byte_count > sizes->page_bytes)
        return false;
    wr_pq_chain_take(pool, plain, encoder->values + p->value_bytes, sizeof byte_count + byte_count);
    wr_pq_stats_text(&p->stats, encoder->values + p->value_bytes + sizeof byte_count, byte_count);
    p->value_bytes += sizeof byte_count + byte_count;
    return true;
}

/* How many values the page can still take, for all but texts. */
static uint32_t values_max(const pq_sizes *sizes, const data_page *p)
{
    if (p->has_codes)
        return (uint32_t)(p->from->codes.byte_count / sizeof(uint32_t));
    return sizes->page_bytes / p->leaf->width;
}

/* Entries of one run of levels; returns how many the page took. */
static uint32_t collect_run(pq_encoder *encoder, const pq_sizes *sizes, pq_pool *pool, data_page *p,
                            const uint8_t *levels, uint32_t count, uint32_t values_most)
{
    bool is_text = p->leaf->width == 0 && !p->has_codes;

    for (uint32_t i = 0; i < count; i++) {
        if (levels[i] == p->leaf->def_max) {
            if (p->values == values_most || p->is_long ||
                (is_text && !copy_text(encoder, sizes, pool, p)))
                return i;
            p->values++;
        } else if (p->is_long) {
            return i;
        }
        encoder->def[p->entries++] = levels[i];
    }
    return count;
}

static void collect(pq_encoder *encoder, const pq_sizes *sizes, pq_pool *pool, data_page *p)
{
    pq_block_leaf *from = p->from;
    uint32_t       room = sizes->page_entries, most = UINT32_MAX;

    if (p->has_codes || p->leaf->width > 0)
        most = values_max(sizes, p);
    while (p->entries < room && from->def.byte_count > 0) {
        size_t         run;
        const uint8_t *levels =
            wr_pq_chain_run(pool, &from->def, room - p->entries, &run);
        uint32_t taken = collect_run(encoder, sizes, pool, p, levels, (uint32_t)run, most);

        wr_pq_chain_take(pool, &from->def, NULL, taken);
        if (taken < run)
            break;
    }
    p->rows = p->entries;
    p->begins_row = true;
    if (p->leaf->rep_max == 0)
        return;
    for (uint32_t i = 0; i < p->entries; i++) {
        uint8_t rep;

        wr_pq_chain_take(pool, &from->rep, &rep, 1);
        encoder->rep[i] = rep;
        p->rows -= rep > 0;
        p->begins_row = p->begins_row && (i > 0 || rep == 0);
    }
}

/* ---- Making the page --------------------------------------------------------------------------- */

static unsigned bits_of(uint32_t most)
{
    return most ? 32u - (unsigned)__builtin_clz(most) : 0;
}

/* Both kinds of levels; version 1 has lengths before them. */
static void put_levels(pq_encoder *encoder, data_page *p, bool is_v2)
{
    size_t   length_bytes = is_v2 ? 0 : sizeof(uint32_t);
    uint8_t *at = encoder->levels;

    if (p->leaf->rep_max > 0) {
        p->rep_bytes = wr_pq_hybrid_put(encoder->rep, p->entries, bits_of(p->leaf->rep_max),
                                        at + length_bytes);
        if (!is_v2)
            wr_store_u32(at, (uint32_t)p->rep_bytes);
        p->rep_bytes += length_bytes;
        at += p->rep_bytes;
    }
    if (p->leaf->def_max == 0)
        return;
    p->def_bytes = wr_pq_hybrid_put(encoder->def, p->entries, bits_of(p->leaf->def_max),
                                    at + length_bytes);
    if (!is_v2)
        wr_store_u32(at, (uint32_t)p->def_bytes);
    p->def_bytes += length_bytes;
}

/* Booleans, a byte each, as bits. */
static size_t pack_bits(const uint8_t *bytes, uint32_t count, uint8_t *out)
{
    memset(out, 0, (count + 7) / 8);
    for (uint32_t i = 0; i < count; i++)
        out[i / 8] |= (uint8_t)((bytes[i] & 1) << i % 8);
    return (count + 7) / 8;
}

/* Codes and values of fixed width; texts are there already. The levels are written: their room is free. */
static wr_status put_values(pq_encoder *encoder, pq_pool *pool, data_page *p, wr_error *err)
{
    pq_block_leaf *from = p->from;
    uint32_t       greatest = 1, *codes = encoder->def;

    if (p->has_codes) {
        wr_pq_chain_take(pool, &from->codes, codes, p->values * sizeof *codes);
        for (uint32_t i = 0; i < p->values; i++)
            greatest = codes[i] > greatest ? codes[i] : greatest;
        encoder->values[0] = (uint8_t)bits_of(greatest);
        p->value_bytes = 1 + wr_pq_hybrid_put(codes, p->values, bits_of(greatest),
                                              encoder->values + 1);
        if (p->values > 0)
            p->stats = from->cover.stats;
    } else if (p->leaf->physical == PQ_BOOLEAN) {
        wr_pq_chain_take(pool, &from->plain, codes, p->values);
        wr_pq_stats_fixed(&p->stats, p->leaf, codes, p->values);
        p->value_bytes = pack_bits((uint8_t *)codes, p->values, encoder->values);
    } else if (p->leaf->width > 0) {
        p->value_bytes = (size_t)p->values * p->leaf->width;
        wr_pq_chain_take(pool, &from->plain, encoder->values, p->value_bytes);
        wr_pq_stats_fixed(&p->stats, p->leaf, encoder->values, p->values);
    }
    p->body = encoder->values;
    p->encoding = p->has_codes ? PQ_RLE_DICTIONARY : PQ_PLAIN;
    if (!p->has_codes)
        WR_TRY(wr_pq_values_encode(encoder, p->leaf, encoder->values, p->value_bytes, p->values,
                                   &p->encoding, &p->value_bytes, err));
    if (p->encoding != PQ_PLAIN && !p->has_codes)
        p->body = encoder->packed;
    return WR_OK;
}

static wr_status put_header(const data_page *p, bool is_v2, bool is_compressed, size_t raw_bytes,
                            size_t stored_bytes, uint8_t *out, size_t *out_bytes, wr_error *err)
{
    wr_thrift_writer writer;
    uint64_t         byte_count;
    int32_t          encoding = (int32_t)p->encoding;

    wr_thrift_write_begin(&writer, out, HEADER_BYTES_MAX, NULL, NULL, err);
    wr_thrift_put_i32(&writer, PQ_PAGE_KIND, is_v2 ? PQ_DATA_PAGE_V2 : PQ_DATA_PAGE);
    wr_thrift_put_i32(&writer, PQ_PAGE_RAW_BYTES, (int32_t)raw_bytes);
    wr_thrift_put_i32(&writer, PQ_PAGE_STORED_BYTES, (int32_t)stored_bytes);
    wr_thrift_open_struct(&writer, is_v2 ? PQ_PAGE_DATA_V2 : PQ_PAGE_DATA);
    if (is_v2) {
        wr_thrift_put_i32(&writer, PQ_V2_VALUE_COUNT, (int32_t)p->entries);
        wr_thrift_put_i32(&writer, PQ_V2_NULL_COUNT, (int32_t)(p->entries - p->values));
        wr_thrift_put_i32(&writer, PQ_V2_ROW_COUNT, (int32_t)p->rows);
        wr_thrift_put_i32(&writer, PQ_V2_ENCODING, encoding);
        wr_thrift_put_i32(&writer, PQ_V2_DEFINITION_BYTES, (int32_t)p->def_bytes);
        wr_thrift_put_i32(&writer, PQ_V2_REPETITION_BYTES, (int32_t)p->rep_bytes);
        wr_thrift_put_bool(&writer, PQ_V2_IS_COMPRESSED, is_compressed);
    } else {
        wr_thrift_put_i32(&writer, PQ_V1_VALUE_COUNT, (int32_t)p->entries);
        wr_thrift_put_i32(&writer, PQ_V1_ENCODING, encoding);
        wr_thrift_put_i32(&writer, PQ_V1_DEFINITION, PQ_RLE);
        wr_thrift_put_i32(&writer, PQ_V1_REPETITION, PQ_RLE);
    }
    wr_thrift_close_struct(&writer);
    WR_TRY(wr_thrift_write_end(&writer, &byte_count));
    *out_bytes = byte_count;
    return WR_OK;
}

/* What the footer and the indexes say of the page, and the note before it. */
static void note_page(pq_pool *pool, data_page *p, size_t raw_bytes, size_t stored_bytes,
                      size_t here_bytes)
{
    pq_chunk    *chunk = &p->from->chunk;
    pq_page_note note = {.here_bytes = (uint32_t)here_bytes, .stored_bytes = (uint32_t)stored_bytes,
                         .row_count = p->rows, .null_count = p->entries - p->values,
                         .is_null = p->values == 0, .begins_row = p->begins_row};

    note.has_bounds = wr_pq_stats_bounds(&p->stats, p->leaf, &note.min, &note.max);
    wr_pq_chain_put(pool, &p->from->pages, &note, sizeof note);
    wr_pq_stats_merge(&chunk->stats, p->leaf, &p->stats);
    chunk->entry_count += p->entries;
    chunk->null_count += p->entries - p->values;
    chunk->raw_bytes += raw_bytes;
    chunk->stored_bytes += stored_bytes;
    chunk->pages[p->encoding]++;
}

static wr_status compress(pq_encoder *encoder, const uint8_t *raw, size_t raw_bytes,
                          const uint8_t **out_stored, size_t *out_bytes, wr_error *err)
{
    *out_stored = raw;
    *out_bytes = raw_bytes;
    if (!encoder->codec || raw_bytes == 0)
        return WR_OK;
    *out_stored = encoder->stored;
    return wr_block_encode(encoder->codec, raw, raw_bytes, encoder->stored, encoder->stored_room,
                           out_bytes, err);
}

static wr_status put_page(pq_encoder *encoder, pq_pool *pool, data_page *p, wr_error *err)
{
    bool           is_v2 = encoder->is_v2 && p->leaf->rep_max == 0;
    size_t         level_bytes, raw_bytes, stored_bytes, header_bytes;
    uint8_t        header[HEADER_BYTES_MAX], *raw;
    const uint8_t *stored;

    put_levels(encoder, p, is_v2);
    WR_TRY(put_values(encoder, pool, p, err));
    raw = p->body;
    level_bytes = p->def_bytes + p->rep_bytes;
    raw_bytes = level_bytes + p->value_bytes;
    if (!is_v2) {
        raw -= level_bytes;
        memcpy(raw, encoder->levels, level_bytes);
        WR_TRY(compress(encoder, raw, raw_bytes, &stored, &stored_bytes, err));
        level_bytes = 0;
    } else {
        WR_TRY(compress(encoder, raw, p->value_bytes, &stored, &stored_bytes, err));
        if (stored_bytes >= p->value_bytes) {
            stored = raw;
            stored_bytes = p->value_bytes;
        }
    }
    WR_TRY(put_header(p, is_v2, stored != raw, raw_bytes, level_bytes + stored_bytes, header,
                      &header_bytes, err));
    stored_bytes += header_bytes + level_bytes;
    note_page(pool, p, header_bytes + raw_bytes, stored_bytes, stored_bytes);
    wr_pq_chain_put(pool, &p->from->pages, header, header_bytes);
    wr_pq_chain_put(pool, &p->from->pages, encoder->levels, level_bytes);
    wr_pq_chain_put(pool, &p->from->pages, stored, stored_bytes - header_bytes - level_bytes);
    return WR_OK;
}

static wr_status put_long_page(pq_encoder *encoder, pq_pool *pool, data_page *p, wr_error *err)
{
    const wr_blob *blob = &p->record.blob;
    uint32_t       length = (uint32_t)blob->byte_count;
    size_t         level_bytes, raw_bytes, header_bytes;
    uint8_t        header[HEADER_BYTES_MAX], prefix[4096];
    size_t         got;

    put_levels(encoder, p, true);
    level_bytes = p->def_bytes + p->rep_bytes;
    raw_bytes = level_bytes + sizeof length + length;
    if (raw_bytes > INT32_MAX)
        return WR_RAISE(err, WR_DATA, "a value of %u bytes does not fit a page of Parquet", length);
    WR_TRY(blob->read(blob, 0, prefix, PQ_BOUND_BYTES + 1, &got, err));
    wr_pq_stats_text(&p->stats, prefix, (uint32_t)got);
    WR_TRY(put_header(p, true, false, raw_bytes, raw_bytes, header, &header_bytes, err));
    raw_bytes += header_bytes;
    note_page(pool, p, raw_bytes, raw_bytes, raw_bytes - length);
    wr_pq_chain_put(pool, &p->from->pages, header, header_bytes);
    wr_pq_chain_put(pool, &p->from->pages, encoder->levels, level_bytes);
    wr_pq_chain_put(pool, &p->from->pages, &length, sizeof length);
    wr_pq_chain_put(pool, &p->from->pages, blob, sizeof *blob);
    return WR_OK;
}

/* ---- Leaves and dictionaries ------------------------------------------------------------------- */

static wr_status encode_page(const pq_shared *shared, const pq_leaf *leaf, pq_block *block,
                             pq_block_leaf *from, pq_encoder *encoder, wr_error *err)
{
    data_page p = {.leaf = leaf, .from = from, .has_codes = from->codes.byte_count > 0};

    collect(encoder, &shared->sizes, &block->pool, &p);
    wr_assert(p.entries > 0, "a page takes at least one entry");
    return p.is_long ? put_long_page(encoder, &block->pool, &p, err)
                     : put_page(encoder, &block->pool, &p, err);
}

wr_status wr_pq_encode_dictionary(const pq_shared *shared, pq_dictionary_page *page, pq_chunk *chunk, pq_encoder *encoder,
                                  wr_error *err)
{
    wr_thrift_writer writer;
    uint64_t         header_bytes;
    size_t           got, stored_bytes;
    const uint8_t   *stored;
    uint8_t         *out = encoder->levels;

    if (page->byte_count == 0)
        return WR_OK;
    WR_TRY(wr_scratch_read(shared->scratch, page->position, 0, encoder->values, page->byte_count,
                           &got, err));
    WR_TRY(compress(encoder, encoder->values, got, &stored, &stored_bytes, err));
    wr_thrift_write_begin(&writer, out, HEADER_BYTES_MAX, NULL, NULL, err);
    wr_thrift_put_i32(&writer, PQ_PAGE_KIND, PQ_DICTIONARY_PAGE);
    wr_thrift_put_i32(&writer, PQ_PAGE_RAW_BYTES, (int32_t)got);
    wr_thrift_put_i32(&writer, PQ_PAGE_STORED_BYTES, (int32_t)stored_bytes);
    wr_thrift_open_struct(&writer, PQ_PAGE_DICTIONARY);
    wr_thrift_put_i32(&writer, PQ_DICTIONARY_VALUE_COUNT, (int32_t)page->entry_count);
    wr_thrift_put_i32(&writer, PQ_DICTIONARY_ENCODING, PQ_PLAIN);
    wr_thrift_close_struct(&writer);
    WR_TRY(wr_thrift_write_end(&writer, &header_bytes));
    WR_TRY(wr_scratch_append(shared->scratch, out, header_bytes, &page->header, err));
    WR_TRY(wr_scratch_append(shared->scratch, stored, stored_bytes, &page->position, err));
    page->stored_bytes = (uint32_t)stored_bytes;
    chunk->raw_bytes += header_bytes + got;
    chunk->stored_bytes += header_bytes + stored_bytes;
    return WR_OK;
}

/* A page, or a dictionary. */
wr_status wr_pq_encode(const wr_write_request *request, void *shared_p, void *block_p,
                       void *encoder, bool *out_more, wr_error *err)
{
    const pq_shared *shared = shared_p;
    pq_block        *block = block_p;
    uint32_t         i = block->encoded_leaves;

    (void)request;
    *out_more = i < shared->sizes.leaf_count;
    if (!*out_more)
        return WR_OK;
    if (block->leaves[i].def.byte_count > 0)
        return encode_page(shared, &shared->leaves[i], block, &block->leaves[i], encoder, err);
    block->encoded_leaves++;
    return block->ends_group ? wr_pq_encode_dictionary(shared, &block->dictionaries[i],
                                                       &block->leaves[i].chunk, encoder, err)
                             : WR_OK;
}
