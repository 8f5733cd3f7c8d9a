/* pq_page.c — pages of a column chunk: headers, bodies into memory or scratch space, levels.
 *
 * A page that is stored as it is and does not fit the pool is read from the file through windows. One
 * that is compressed is decompressed at once if both forms fit; else piece by piece into scratch space,
 * and read from there through windows. So a page may be larger than memory.
 *
 * Invariants
 *  1. No byte behind the chunk's end is read, and no more values than the chunk has are given.
 *  2. Nothing is allocated by what a header says but in the pool, which says no.
 * Cost: the codec's, and two reads a page. */
#include "pq_priv.h"

#include <string.h>
#include <zlib.h>

#include "base/bits.h"

enum { DATA_BYTES_MAX = INT32_MAX };

/* ---- Codecs ------------------------------------------------------------------------------------- */

static const wr_codec CODECS[PQ_CODEC_COUNT] = {
    [PQ_UNCOMPRESSED] = WR_CODEC_NONE, [PQ_SNAPPY] = WR_CODEC_SNAPPY, [PQ_GZIP] = WR_CODEC_GZIP,
    [PQ_ZSTD] = WR_CODEC_ZSTD, [PQ_LZ4] = WR_CODEC_LZ4_RAW, [PQ_LZ4_RAW] = WR_CODEC_LZ4_RAW,
};

static const char *const CODEC_NAMES[PQ_CODEC_COUNT] = {
    "none", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4_raw"};

/* Whatever codec a file has: the file is not known when memory is planned. */
uint64_t wr_pq_workspace_bytes(uint64_t window_bytes)
{
    uint64_t most = 0;

    for (unsigned c = 0; c < PQ_CODEC_COUNT; c++)
        if (CODECS[c] > WR_CODEC_NONE && wr_block_decoder_lease_min(CODECS[c], window_bytes) > most)
            most = wr_block_decoder_lease_min(CODECS[c], window_bytes);
    return most;
}

static wr_status find_codec(const pq_cursor *cursor, wr_codec *out_codec, wr_error *err)
{
    *out_codec = cursor->chunk.codec < PQ_CODEC_COUNT ? CODECS[cursor->chunk.codec] : WR_CODEC_AUTO;
    if (*out_codec == WR_CODEC_AUTO)
        return WR_RAISE(err, WR_UNSUPPORTED, "pages compressed with %s cannot be read",
                        cursor->chunk.codec < PQ_CODEC_COUNT ? CODEC_NAMES[cursor->chunk.codec]
                                                             : "an unknown codec");
    return WR_OK;
}

static void ready_decoder(pq_tools *tools, wr_codec codec)
{
    if (tools->codec != codec)
        tools->decoder = wr_block_decoder_init(codec, 0, tools->workspace);
    tools->codec = codec;
}

/* ---- Headers ------------------------------------------------------------------------------------ */

static void read_data_header(wr_thrift_reader *reader, const wr_thrift_field *whole, bool is_v2,
                             pq_page_header *out)
{
    wr_thrift_field field = {0};

    wr_thrift_struct(reader, whole);
    out->is_v2 = is_v2;
    out->is_compressed = true;
    while (wr_thrift_next(reader, &field)) {
        if (field.id == PQ_V1_VALUE_COUNT)
            out->value_count = (uint32_t)wr_thrift_i32(reader, &field);
        else if (field.id == (is_v2 ? PQ_V2_ENCODING : PQ_V1_ENCODING))
            out->encoding = (uint8_t)wr_thrift_i32(reader, &field);
        else if (!is_v2 && (field.id == PQ_V1_DEFINITION || field.id == PQ_V1_REPETITION))
            out->level_encodings[field.id == PQ_V1_REPETITION] = (uint8_t)wr_thrift_i32(reader, &field);
        else if (is_v2 && (field.id == PQ_V2_DEFINITION_BYTES || field.id == PQ_V2_REPETITION_BYTES))
            out->level_bytes[field.id == PQ_V2_REPETITION_BYTES] =
                (uint32_t)wr_thrift_i32(reader, &field);
        else if (is_v2 && field.id == PQ_V2_IS_COMPRESSED)
            out->is_compressed = wr_thrift_bool(reader, &field);
        else
            wr_thrift_skip(reader, &field);
    }
}

static void read_dictionary_header(wr_thrift_reader *reader, const wr_thrift_field *whole,
                                   pq_page_header *out)
{
    wr_thrift_field field = {0};

    wr_thrift_struct(reader, whole);
    out->is_compressed = true;
    while (wr_thrift_next(reader, &field)) {
        if (field.id == PQ_DICTIONARY_VALUE_COUNT)
            out->value_count = (uint32_t)wr_thrift_i32(reader, &field);
        else if (field.id == PQ_DICTIONARY_ENCODING)
            out->encoding = (uint8_t)wr_thrift_i32(reader, &field);
        else
            wr_thrift_skip(reader, &field);
    }
}

static void read_header_fields(wr_thrift_reader *reader, pq_page_header *out)
{
    wr_thrift_field field = {0};

    while (wr_thrift_next(reader, &field)) {
        switch (field.id) {
        case PQ_PAGE_KIND:
            out->kind = (uint8_t)wr_thrift_i32(reader, &field);
            break;
        case PQ_PAGE_RAW_BYTES:
            out->raw_bytes = (uint32_t)wr_thrift_i32(reader, &field);
            break;
        case PQ_PAGE_STORED_BYTES:
            out->stored_bytes = (uint32_t)wr_thrift_i32(reader, &field);
            break;
        case PQ_PAGE_CRC:
            out->crc = (uint32_t)wr_thrift_i32(reader, &field);
            out->has_crc = true;
            break;
        case PQ_PAGE_DATA:
        case PQ_PAGE_DATA_V2:
            read_data_header(reader, &field, field.id == PQ_PAGE_DATA_V2, out);
            break;
        case PQ_PAGE_DICTIONARY:
            read_dictionary_header(reader, &field, out);
            break;
        default:
            wr_thrift_skip(reader, &field);
        }
    }
}

static const char *find_header_fault(const pq_cursor *cursor, const pq_page_header *header)
{
    uint64_t levels = (uint64_t)header->level_bytes[0] + header->level_bytes[1];

    if (header->raw_bytes > DATA_BYTES_MAX || header->stored_bytes > DATA_BYTES_MAX ||
        header->value_count > INT32_MAX)
        return "a page header has a negative size";
    if (header->stored_bytes > cursor->chunk.end - header->body)
        return "a page is longer than its column chunk";
    if (header->kind == PQ_DATA_PAGE || header->kind == PQ_DATA_PAGE_V2) {
        if (header->is_v2 != (header->kind == PQ_DATA_PAGE_V2))
            return "a page header is of another kind than its page";
        if (header->value_count > cursor->values_left)
            return "a column chunk's pages have more values than it says";
        if (levels > header->stored_bytes || levels > header->raw_bytes)
            return "a page's levels are longer than the page";
    }
    return NULL;
}

static wr_status read_header(const pq_cursor *cursor, pq_tools *tools, pq_page_header *out,
                             wr_error *err)
{
    wr_thrift_reader reader;
    const char      *fault;

    if (cursor->at >= cursor->chunk.end)
        return WR_RAISE(err, WR_CORRUPT, "a column chunk ends with %llu of its %llu values to come",
                        (unsigned long long)cursor->values_left,
                        (unsigned long long)cursor->chunk.value_count);
    *out = (pq_page_header){.kind = UINT8_MAX};
    wr_thrift_open_file(&reader, tools->file, cursor->at, cursor->chunk.end, tools->header,
                        PQ_HEADER_WINDOW_BYTES, err);
    read_header_fields(&reader, out);
    if (reader.status != WR_OK)
        return reader.status;
    out->body = wr_thrift_offset(&reader);
    fault = find_header_fault(cursor, out);
    return fault ? WR_RAISE(err, WR_CORRUPT, "%s", fault) : WR_OK;
}

/* ---- Bodies ------------------------------------------------------------------------------------- */

/* Where the decompressed page lies. */
typedef struct body {
    const uint8_t *memory; /* or ... */
    wr_fs_reader  *file;   /* ... from `begin` on, or in the cursor's blob */
    const wr_blob *blob;
    uint64_t       begin, size;
} body;

static pq_bytes cut_body(const body *from, uint64_t offset, uint64_t count, uint8_t *window,
                         uint32_t window_bytes)
{
    if (from->memory)
        return (pq_bytes){.at = from->memory + offset, .end = from->memory + offset + count};
    return (pq_bytes){.at = window, .end = window, .left = count, .next = from->begin + offset,
                      .file = from->file, .blob = from->blob, .window = window,
                      .window_bytes = window_bytes};
}

static wr_status read_file(pq_tools *tools, uint64_t begin, void *out, uint64_t count, wr_error *err)
{
    pq_bytes bytes = {.left = count, .next = begin, .file = tools->file};

    return wr_pq_bytes_copy(&bytes, out, count, err);
}

/* Decompress through small windows into scratch space. */
static wr_status decode_pieces(pq_tools *tools, wr_codec codec,
                               const pq_page_header *header, uint32_t plain, uint8_t *workspace,
                               uint64_t window, wr_error *err)
{
    wr_block_decoder *decoder = wr_block_decoder_init(codec, window, workspace);
    pq_bytes          stored = {.at = tools->header, .end = tools->header, .file = tools->file,
                                .left = header->stored_bytes - plain, .next = header->body + plain,
                                .window = tools->header, .window_bytes = PQ_HEADER_WINDOW_BYTES};
    uint8_t           raw[4096];
    bool              done = false;

    wr_block_decoder_begin(decoder, header->stored_bytes - plain, header->raw_bytes - plain);
    while (!done) {
        wr_block_piece piece;

        WR_TRY(wr_pq_bytes_fill(&stored, 1, err));
        piece = (wr_block_piece){stored.at, (size_t)(stored.end - stored.at), raw, sizeof raw};
        WR_TRY(wr_block_decoder_run(decoder, &piece, &done, err));
        stored.at = piece.in;
        if (piece.out_bytes == sizeof raw && !done && wr_pq_bytes_left(&stored) == 0)
            return wr_pq_raise_short(err);
        WR_TRY(wr_long_writer_add(&tools->writer, raw, sizeof raw - piece.out_bytes, err));
    }
    return WR_OK;
}

/* The page to scratch space. Levels of v2 pages (`plain` bytes) are not compressed. */
static wr_status decode_to_scratch(pq_cursor *cursor, pq_tools *tools, wr_codec codec,
                                   const pq_page_header *header, uint32_t plain, body *out,
                                   wr_error *err)
{
    uint8_t   head[WR_BLOCK_HEAD_BYTES], *workspace;
    uint32_t  left = header->stored_bytes - plain;
    uint64_t  window, bytes;
    pq_bytes  levels = {.left = plain, .next = header->body, .file = tools->file};
    wr_status status;

    if (!tools->scratch || !tools->scratch->ops)
        return WR_RAISE(err, WR_NO_MEMORY, "a page of %u bytes fits neither memory nor, as there is no "
                        "temporary space, the disk", header->raw_bytes);
    WR_TRY(read_file(tools, header->body + plain, head, left < sizeof head ? left : sizeof head, err));
    window = wr_block_window(codec, head, left < sizeof head ? left : sizeof head);
    bytes = wr_block_decoder_lease_min(codec, window);
    tools->codec = WR_CODEC_AUTO; /* whatever was in the workspace is gone */
    workspace = bytes <= tools->workspace_bytes ? tools->workspace : wr_pq_pool_take(&tools->pool, bytes);
    if (!workspace)
        return WR_RAISE(err, WR_NO_MEMORY, "a page of %u bytes needs %llu bytes to be decompressed, and "
                        "%llu are set aside for that: a larger cap, or fewer threads",
                        header->raw_bytes, (unsigned long long)bytes,
                        (unsigned long long)tools->workspace_bytes);
    wr_long_writer_begin(&tools->writer);
    while (levels.left > 0) {
        uint32_t part = levels.left < sizeof head ? (uint32_t)levels.left : (uint32_t)sizeof head;

        WR_TRY(wr_pq_bytes_copy(&levels, head, part, err));
        WR_TRY(wr_long_writer_add(&tools->writer, head, part, err));
    }
    status = decode_pieces(tools, codec, header, plain, workspace, window, err);
    if (workspace != tools->workspace)
        wr_pq_pool_give(&tools->pool, workspace);
    WR_TRY(status);
    WR_TRY(wr_long_writer_end(&tools->writer, &cursor->blob, err));
    *out = (body){.blob = &cursor->blob, .size = header->raw_bytes};
    return WR_OK;
}

/* Dictionaries have memory of their own, so that pages cannot leave them without. */
static uint8_t *take_block(pq_tools *tools, const pq_page_header *header, uint64_t size)
{
    uint8_t *block = NULL;

    if (header->kind == PQ_DICTIONARY_PAGE)
        block = wr_pq_pool_take(&tools->dictionaries, size);
    return block ? block : wr_pq_pool_take(&tools->pool, size);
}

static void give_block(pq_tools *tools, const uint8_t *block)
{
    wr_pq_pool_give(wr_pq_pool_has(&tools->pool, block) ? &tools->pool : &tools->dictionaries, block);
}

/* Of the page as it is stored, which may lie in two parts. */
static wr_status check_crc(const pq_page_header *header, const uint8_t *first, uint32_t first_bytes,
                           const uint8_t *second, uint32_t second_bytes, wr_error *err)
{
    uint32_t crc = (uint32_t)crc32(crc32(0, first, first_bytes), second ? second : first, second_bytes);

    if (crc != header->crc)
        return WR_RAISE(err, WR_CORRUPT, "the checksum of a page of %u bytes is wrong", header->stored_bytes);
    return WR_OK;
}

/* The old lz4 of Hadoop: blocks, each behind its raw and its stored length, highest byte first. */
static bool is_framed(const uint8_t *stored, uint64_t stored_bytes, uint64_t raw_bytes)
{
    uint64_t raw_sum = 0;

    while (stored_bytes > 0) {
        uint64_t lengths, block_bytes;

        if (stored_bytes < sizeof lengths)
            return false;
        lengths = wr_load_u64_be(stored);
        block_bytes = lengths & UINT32_MAX;
        raw_sum += lengths >> 32;
        if (block_bytes > stored_bytes - sizeof lengths)
            return false;
        stored += sizeof lengths + block_bytes;
        stored_bytes -= sizeof lengths + block_bytes;
    }
    return raw_sum == raw_bytes;
}

static wr_status decode_framed(wr_block_decoder *decoder, const uint8_t *stored, uint64_t stored_bytes,
                               uint8_t *raw, wr_error *err)
{
    while (stored_bytes > 0) {
        uint64_t lengths = wr_load_u64_be(stored), block_bytes = lengths & UINT32_MAX;

        WR_TRY(wr_block_decode(decoder, stored + sizeof lengths, block_bytes, raw, lengths >> 32, err));
        raw += lengths >> 32;
        stored += sizeof lengths + block_bytes;
        stored_bytes -= sizeof lengths + block_bytes;
    }
    return WR_OK;
}

/* Some wrote Hadoop's frames under the name of lz4, others the bare block. */
static wr_status decode_block(const pq_cursor *cursor, pq_tools *tools, const uint8_t *stored,
                              uint64_t stored_bytes, uint8_t *raw, uint64_t raw_bytes, wr_error *err)
{
    if (cursor->chunk.codec == PQ_LZ4 && is_framed(stored, stored_bytes, raw_bytes))
        return decode_framed(tools->decoder, stored, stored_bytes, raw, err);
    return wr_block_decode(tools->decoder, stored, stored_bytes, raw, raw_bytes, err);
}

/* At once, if there is room; *out_page NULL: there is none. */
static wr_status decode_to_memory(const pq_cursor *cursor, pq_tools *tools, wr_codec codec,
                                  const pq_page_header *header, uint32_t plain, uint8_t **out_page,
                                  wr_error *err)
{
    uint32_t  left = header->stored_bytes - plain;
    uint8_t  *page = take_block(tools, header, header->raw_bytes), *stored;
    wr_status status;

    *out_page = NULL;
    if (!page)
        return WR_OK;
    stored = take_block(tools, header, left);
    if (!stored) {
        give_block(tools, page);
        return WR_OK;
    }
    *out_page = page;
    ready_decoder(tools, codec);
    status = read_file(tools, header->body, page, plain, err);
    if (status == WR_OK)
        status = read_file(tools, header->body + plain, stored, left, err);
    if (status == WR_OK && header->has_crc)
        status = check_crc(header, page, plain, stored, left, err);
    if (status == WR_OK && (left > 0 || header->raw_bytes > plain))
        status = decode_block(cursor, tools, stored, left, page + plain, header->raw_bytes - plain, err);
    give_block(tools, stored);
    return status;
}

/* The page as it was before compression: *io_page is its block, if it has one. */
static wr_status load_body(pq_cursor *cursor, pq_tools *tools, const pq_page_header *header,
                           uint8_t **io_page, body *out, wr_error *err)
{
    uint32_t plain = header->level_bytes[0] + header->level_bytes[1];
    wr_codec codec;

    WR_TRY(find_codec(cursor, &codec, err));
    *out = (body){.size = header->raw_bytes};
    if (codec == WR_CODEC_NONE || !header->is_compressed) {
        if (header->raw_bytes != header->stored_bytes)
            return WR_RAISE(err, WR_CORRUPT, "a page of %u bytes that is not compressed is stored in %u",
                            header->raw_bytes, header->stored_bytes);
        *io_page = take_block(tools, header, header->raw_bytes);
        if (*io_page) {
            out->memory = *io_page;
            WR_TRY(read_file(tools, header->body, *io_page, header->raw_bytes, err));
            return header->has_crc ? check_crc(header, *io_page, header->raw_bytes, NULL, 0, err) : WR_OK;
        }
        out->file = tools->file;
        out->begin = header->body;
        return WR_OK;
    }
    WR_TRY(decode_to_memory(cursor, tools, codec, header, plain, io_page, err));
    out->memory = *io_page;
    return out->memory ? WR_OK : decode_to_scratch(cursor, tools, codec, header, plain, out, err);
}

/* ---- Levels ------------------------------------------------------------------------------------- */

static uint32_t bits_of(uint32_t level_max)
{
    return level_max == 0 ? 0 : 32 - (uint32_t)__builtin_clz(level_max);
}

/* One kind of levels of a v1 page, at *io_offset. */
static wr_status begin_levels_v1(const pq_page_header *header, const body *from, bool is_repetition, uint32_t level_max,
                                 uint8_t *window, uint64_t *io_offset, pq_runs *out, wr_error *err)
{
    uint32_t bit_width = bits_of(level_max), length;
    uint64_t left = from->size - *io_offset;
    pq_bytes bytes;

    if (level_max == 0)
        return WR_OK;
    if (header->level_encodings[is_repetition] == PQ_BIT_PACKED) {
        uint64_t count = ((uint64_t)header->value_count * bit_width + 7) / 8;

        if (count > left)
            return wr_pq_raise_short(err);
        wr_pq_runs_begin_packed(out, cut_body(from, *io_offset, count, window, PQ_LEVEL_WINDOW_BYTES),
                                bit_width, true);
        *io_offset += count;
        return WR_OK;
    }
    if (header->level_encodings[is_repetition] != PQ_RLE)
        return WR_RAISE(err, WR_CORRUPT, "levels in the encoding %u",
                        header->level_encodings[is_repetition]);
    bytes = cut_body(from, *io_offset, left, window, PQ_LEVEL_WINDOW_BYTES);
    WR_TRY(wr_pq_bytes_copy(&bytes, &length, left < sizeof length ? left : sizeof length, err));
    if (left < sizeof length || length > left - sizeof length)
        return wr_pq_raise_short(err);
    *io_offset += sizeof length;
    bytes = cut_body(from, *io_offset, length, window, PQ_LEVEL_WINDOW_BYTES);
    *io_offset += length;
    return wr_pq_runs_begin(out, bytes, bit_width, err);
}

static wr_status begin_data_page(pq_cursor *cursor, pq_tools *tools, const pq_page_header *header,
                                 const body *from, wr_error *err)
{
    const pq_leaf *leaf = cursor->leaf;
    uint8_t       *windows = cursor->windows;
    uint64_t       offset = 0;
    uint8_t        encoding = header->encoding;
    pq_bytes       values;

    if (header->is_v2) {
        WR_TRY(wr_pq_runs_begin(&cursor->repetition,
                                cut_body(from, 0, header->level_bytes[1], windows, PQ_LEVEL_WINDOW_BYTES),
                                bits_of(leaf->max_repetition), err));
        WR_TRY(wr_pq_runs_begin(&cursor->definition,
                                cut_body(from, header->level_bytes[1], header->level_bytes[0],
                                         windows + PQ_LEVEL_WINDOW_BYTES + PQ_PAD, PQ_LEVEL_WINDOW_BYTES),
                                bits_of(leaf->max_definition), err));
        offset = (uint64_t)header->level_bytes[0] + header->level_bytes[1];
    } else {
        WR_TRY(begin_levels_v1(header, from, true, leaf->max_repetition, windows, &offset,
                               &cursor->repetition, err));
        WR_TRY(begin_levels_v1(header, from, false, leaf->max_definition,
                               windows + PQ_LEVEL_WINDOW_BYTES + PQ_PAD, &offset, &cursor->definition, err));
    }
    cursor->page_left = header->value_count;
    values = cut_body(from, offset, from->size - offset,
                      windows + 2 * (PQ_LEVEL_WINDOW_BYTES + PQ_PAD), tools->window_bytes);
    WR_TRY(wr_pq_make_plain(cursor, tools, &encoding, &values, err));
    return wr_pq_values_begin(cursor, encoding, values, err);
}

/* ---- The walk ----------------------------------------------------------------------------------- */

void wr_pq_cursor_begin(pq_cursor *cursor, const pq_leaf *leaf, const pq_chunk *chunk)
{
    cursor->leaf = leaf;
    cursor->chunk = *chunk;
    cursor->at = chunk->begin;
    cursor->values_left = chunk->value_count;
    cursor->skip = 0;
    cursor->page_left = 0;
    cursor->dictionary_count = 0;
    cursor->has_header = cursor->has_dictionary = cursor->is_unmeasured = false;
}

static void drop(pq_tools *tools, uint8_t **io_block)
{
    if (*io_block)
        give_block(tools, *io_block);
    *io_block = NULL;
}

void wr_pq_cursor_end(pq_cursor *cursor, pq_tools *tools)
{
    drop(tools, &cursor->page);
    drop(tools, &cursor->plain);
    drop(tools, &cursor->dictionary);
    drop(tools, &cursor->dictionary_page);
    cursor->page_left = 0;
}

static wr_status load_dictionary(pq_cursor *cursor, pq_tools *tools, wr_error *err)
{
    const pq_page_header *header = &cursor->dictionary_header;
    body                  from;

    if (header->encoding != PQ_PLAIN && header->encoding != PQ_PLAIN_DICTIONARY)
        return WR_RAISE(err, WR_CORRUPT, "a dictionary in the encoding %u", header->encoding);
    WR_TRY(load_body(cursor, tools, header, &cursor->dictionary_page, &from, err));
    WR_TRY(wr_pq_dictionary_read(cursor, tools,
                                 cut_body(&from, 0, from.size,
                                          cursor->windows + 2 * (PQ_LEVEL_WINDOW_BYTES + PQ_PAD),
                                          tools->window_bytes),
                                 header->value_count, err));
    if (!cursor->leaf->is_text)
        drop(tools, &cursor->dictionary_page);
    return WR_OK;
}

/* The header of the next page with rows that are wanted; those before it are passed over unread. */
static wr_status find_page(pq_cursor *cursor, pq_tools *tools, wr_error *err)
{
    pq_page_header *header = &cursor->header;

    while (!cursor->has_header) {
        WR_TRY_WHILE(read_header(cursor, tools, header, err), err, "reading the page at byte %llu",
                     (unsigned long long)cursor->at);
        cursor->at = header->body + header->stored_bytes;
        if (header->kind == PQ_DICTIONARY_PAGE) {
            if (cursor->has_dictionary)
                return WR_RAISE(err, WR_CORRUPT, "a column chunk has two dictionaries");
            cursor->dictionary_header = *header;
            cursor->has_dictionary = true;
        } else if (header->kind == PQ_DATA_PAGE || header->kind == PQ_DATA_PAGE_V2) {
            cursor->values_left -= header->value_count;
            cursor->has_header = true;
        }
        if (cursor->has_header && header->value_count <= cursor->skip &&
            cursor->leaf->max_repetition == 0) {
            cursor->skip -= header->value_count;
            cursor->has_header = false;
        }
    }
    return WR_OK;
}

static wr_status load_page(pq_cursor *cursor, pq_tools *tools, wr_error *err)
{
    body from;

    drop(tools, &cursor->page);
    drop(tools, &cursor->plain);
    if (cursor->has_dictionary && !cursor->dictionary)
        WR_TRY(load_dictionary(cursor, tools, err));
    WR_TRY(load_body(cursor, tools, &cursor->header, &cursor->page, &from, err));
    WR_TRY(begin_data_page(cursor, tools, &cursor->header, &from, err));
    if (cursor->is_unmeasured && cursor->mode == PQ_MODE_PLAIN && cursor->values.left > 0)
        return WR_RAISE(err, WR_NO_MEMORY, "there is no room for a page of %u bytes, whose texts have to "
                        "lie together: a larger cap, or fewer threads", cursor->header.raw_bytes);
    cursor->has_header = cursor->is_unmeasured = false;
    return WR_OK;
}

/* Rows of the page at hand that nobody wants. */
static wr_status pass_rows(pq_cursor *cursor, wr_error *err)
{
    uint64_t bits[WR_BATCH_ROWS_MAX / 64];

    while (cursor->skip > 0 && cursor->page_left > 0) {
        uint32_t count = cursor->skip < cursor->page_left ? (uint32_t)cursor->skip : cursor->page_left;
        uint32_t set = count;

        if (cursor->leaf->max_definition > 0) {
            set = count = count < WR_BATCH_ROWS_MAX ? count : WR_BATCH_ROWS_MAX;
            memset(bits, 0, sizeof bits);
            WR_TRY(wr_pq_runs_bits(&cursor->definition, count, bits, 0, &set, err));
        }
        WR_TRY(wr_pq_values_pass(cursor, set, err));
        cursor->skip -= count;
        cursor->page_left -= count;
    }
    return WR_OK;
}

/* Leave the page, or the header that was found, if all its rows are to be skipped. */
static void pass_whole(pq_cursor *cursor)
{
    if (cursor->page_left <= cursor->skip) {
        cursor->skip -= cursor->page_left;
        cursor->page_left = 0;
    }
    if (cursor->page_left == 0 && cursor->has_header && cursor->header.value_count <= cursor->skip) {
        cursor->skip -= cursor->header.value_count;
        cursor->has_header = false;
    }
}

wr_status wr_pq_cursor_peek(pq_cursor *cursor, pq_tools *tools, uint64_t *out_rows, wr_error *err)
{
    pass_whole(cursor);
    if (cursor->page_left == 0)
        WR_TRY(find_page(cursor, tools, err));
    *out_rows = (cursor->page_left ? cursor->page_left : cursor->header.value_count) - cursor->skip;
    return WR_OK;
}

wr_status wr_pq_cursor_page(pq_cursor *cursor, pq_tools *tools, wr_error *err)
{
    for (;;) {
        pass_whole(cursor);
        if (cursor->page_left > 0 && cursor->skip > 0)
            WR_TRY_WHILE(pass_rows(cursor, err), err, "reading the page before byte %llu",
                         (unsigned long long)cursor->at);
        if (cursor->page_left > 0)
            return WR_OK;
        WR_TRY(find_page(cursor, tools, err));
        WR_TRY_WHILE(load_page(cursor, tools, err), err, "reading the page before byte %llu",
                     (unsigned long long)cursor->at);
    }
}
