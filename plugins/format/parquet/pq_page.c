/* pq_page.c — pages of a column chunk: headers, levels, and the walk from one to the next.
 *
 * Invariants
 *  1. No byte behind the chunk's end is read, and no more values than the chunk has are given.
 *  2. Nothing is allocated by what a header says but in the pool, which says no.
 * Cost: two reads a page, and what pq_body.c says. */
#include "pq_priv.h"

#include <string.h>

#include "base/bits.h"

enum {
    DATA_BYTES_MAX = INT32_MAX, WINDOW_BYTES_MAX = 256 << 10,
    JUMP_PAGES_MIN = 2, /* whose headers take longer to read than a look at the offset index */
};

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

/* ---- Levels ------------------------------------------------------------------------------------- */

/* One kind of levels of a v1 page, at *io_offset. */
static wr_status begin_levels_v1(const pq_page_header *header, const pq_bytes *from, bool is_repetition, uint32_t level_max,
                                 uint8_t *window, uint64_t *io_offset, pq_runs *out, wr_error *err)
{
    uint32_t bit_width = wr_pq_level_bits(level_max), length;
    uint64_t left = wr_pq_bytes_left(from) - *io_offset;
    pq_bytes bytes;

    if (level_max == 0)
        return WR_OK;
    if (header->level_encodings[is_repetition] == PQ_BIT_PACKED) {
        uint64_t count = ((uint64_t)header->value_count * bit_width + 7) / 8;

        if (count > left)
            return wr_pq_raise_short(err);
        wr_pq_runs_begin_packed(out, wr_pq_bytes_cut(from, *io_offset, count, window, PQ_LEVEL_WINDOW_BYTES),
                                bit_width, true);
        *io_offset += count;
        return WR_OK;
    }
    if (header->level_encodings[is_repetition] != PQ_RLE)
        return WR_RAISE(err, WR_CORRUPT, "levels in the encoding %u",
                        header->level_encodings[is_repetition]);
    bytes = wr_pq_bytes_cut(from, *io_offset, left, window, PQ_LEVEL_WINDOW_BYTES);
    WR_TRY(wr_pq_bytes_copy(&bytes, &length, left < sizeof length ? left : sizeof length, err));
    if (left < sizeof length || length > left - sizeof length)
        return wr_pq_raise_short(err);
    *io_offset += sizeof length;
    bytes = wr_pq_bytes_cut(from, *io_offset, length, window, PQ_LEVEL_WINDOW_BYTES);
    *io_offset += length;
    return wr_pq_runs_begin(out, bytes, bit_width, err);
}

/* What is not in memory is read through a block of the pool, or else the cursor's own window. */
static void find_window(pq_cursor *cursor, pq_tools *tools, uint8_t **io_block, pq_bytes *values)
{
    uint64_t most = tools->pool_share < WINDOW_BYTES_MAX ? tools->pool_share : WINDOW_BYTES_MAX, size;

    *io_block = wr_pq_pool_take_some(&tools->pool, most, 2 * tools->window_bytes, &size);
    values->window = *io_block ? *io_block : cursor->windows + 2 * (PQ_LEVEL_WINDOW_BYTES + PQ_PAD);
    values->window_bytes = *io_block ? (uint32_t)size : tools->window_bytes;
    values->at = values->end = values->window;
}

/* Runs of the levels; *out_offset: where the values stand. */
static wr_status begin_levels(pq_cursor *cursor, const pq_page_header *header, const pq_bytes *from,
                              uint64_t *out_offset, wr_error *err)
{
    const pq_leaf  *leaf = cursor->leaf;
    uint8_t        *windows[] = {cursor->windows + PQ_LEVEL_WINDOW_BYTES + PQ_PAD, cursor->windows};
    pq_runs        *runs[] = {&cursor->definition, &cursor->repetition};
    const uint32_t  level_max[] = {leaf->max_definition, leaf->max_repetition};

    *out_offset = 0;
    for (unsigned k = 2; k-- > 0;) {
        const pq_bytes source = from->flow ? runs[k]->bytes : *from;
        uint64_t       length = header->level_bytes[k];

        if (from->flow)
            *out_offset = 0;
        if (!header->is_v2) {
            WR_TRY(begin_levels_v1(header, &source, k == 1, level_max[k], windows[k], out_offset, runs[k], err));
            continue;
        }
        WR_TRY(wr_pq_runs_begin(runs[k],
                                wr_pq_bytes_cut(&source, *out_offset, length, windows[k], PQ_LEVEL_WINDOW_BYTES),
                                wr_pq_level_bits(level_max[k]), err));
        *out_offset += length;
    }
    return WR_OK;
}

static wr_status begin_data_page(pq_cursor *cursor, pq_tools *tools, const pq_page_header *header,
                                 const pq_bytes *from, wr_error *err)
{
    uint64_t offset;
    uint8_t  encoding = header->encoding;
    pq_bytes values = *from;

    WR_TRY(begin_levels(cursor, header, from, &offset, err));
    cursor->page_left = header->value_count;
    if (!from->flow)
        values = wr_pq_bytes_cut(from, offset, wr_pq_bytes_left(from) - offset, NULL, 0);
    if (values.left > 0)
        find_window(cursor, tools, &cursor->page, &values);
    if (cursor->is_far && (encoding == PQ_RLE_DICTIONARY || encoding == PQ_PLAIN_DICTIONARY)) {
        WR_TRY(wr_pq_expand(cursor, tools, &values, err));
        encoding = PQ_PLAIN;
    }
    WR_TRY(wr_pq_make_plain(cursor, tools, &encoding, &values, err));
    if (values.left > 0 && !values.window)
        find_window(cursor, tools, &cursor->plain, &values);
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
    cursor->walk = (pq_page_walk){.is_begun = false};
    cursor->page_rows = 0;
    cursor->has_header = cursor->has_dictionary = cursor->is_reserved = cursor->is_far = false;
}

void wr_pq_cursor_end(pq_cursor *cursor, pq_tools *tools)
{
    wr_pq_page_drop(cursor, tools);
    wr_pq_block_drop(tools, &cursor->stored);
    wr_pq_block_drop(tools, &cursor->dictionary);
    wr_pq_block_drop(tools, &cursor->dictionary_page);
    cursor->page_left = 0;
}

static wr_status load_dictionary(pq_cursor *cursor, pq_tools *tools, wr_error *err)
{
    const pq_page_header *header = &cursor->dictionary_header;
    pq_bytes              from;

    if (header->encoding != PQ_PLAIN && header->encoding != PQ_PLAIN_DICTIONARY)
        return WR_RAISE(err, WR_CORRUPT, "a dictionary in the encoding %u", header->encoding);
    if (!cursor->leaf->is_text) /* before its page, which may lie anywhere and goes again */
        wr_pq_dictionary_reserve(cursor, tools, header->value_count);
    WR_TRY(wr_pq_body_load(cursor, tools, header, &cursor->dictionary_page, &cursor->dictionary_blob, &from,
                           err));
    from = wr_pq_bytes_cut(&from, 0, wr_pq_bytes_left(&from),
                           cursor->windows + 2 * (PQ_LEVEL_WINDOW_BYTES + PQ_PAD), tools->window_bytes);
    WR_TRY(wr_pq_dictionary_read(cursor, tools, from, header->value_count, err));
    if (!cursor->leaf->is_text && !cursor->is_far)
        wr_pq_block_drop(tools, &cursor->dictionary_page);
    return WR_OK;
}

/* Behind a page that was passed over: if pages to come are, too, go to the one that is wanted. */
static void jump(pq_cursor *cursor, pq_tools *tools, uint32_t page_rows)
{
    uint64_t            row = cursor->chunk.value_count - cursor->values_left, wanted = row + cursor->skip;
    const pq_page_place *here = &cursor->walk.here;

    if (cursor->skip < (uint64_t)JUMP_PAGES_MIN * page_rows ||
        !wr_pq_page_seek(&cursor->walk, tools->file, &cursor->chunk, wanted, tools->header,
                         PQ_HEADER_WINDOW_BYTES) ||
        here->first_row <= row || here->offset < cursor->at)
        return;
    cursor->at = here->offset;
    cursor->values_left = cursor->chunk.value_count - here->first_row;
    cursor->skip = wanted - here->first_row;
    cursor->page_rows = cursor->walk.next.first_row - here->first_row;
}

/* The header of the next page with rows that are wanted; those before it are passed over unread. */
static wr_status find_page(pq_cursor *cursor, pq_tools *tools, wr_error *err)
{
    pq_page_header *header = &cursor->header;

    if (!cursor->has_header)
        wr_pq_body_unreserve(cursor, tools);
    while (!cursor->has_header) {
        WR_TRY_WHILE(read_header(cursor, tools, header, err), err, "reading the page at byte %llu",
                     (unsigned long long)cursor->at);
        cursor->at = header->body + header->stored_bytes;
        if (cursor->page_rows > 0 && header->value_count != cursor->page_rows)
            return WR_RAISE(err, WR_CORRUPT, "the offset index has %llu rows for a page of %u at byte %llu",
                            (unsigned long long)cursor->page_rows, header->value_count,
                            (unsigned long long)header->body);
        cursor->page_rows = 0;
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
            jump(cursor, tools, header->value_count);
        }
    }
    return WR_OK;
}

static wr_status load_page(pq_cursor *cursor, pq_tools *tools, wr_error *err)
{
    pq_bytes from;

    if (!cursor->is_reserved)
        wr_pq_page_drop(cursor, tools);
    if (cursor->has_dictionary && !cursor->dictionary && !cursor->is_far)
        WR_TRY(load_dictionary(cursor, tools, err));
    WR_TRY(wr_pq_body_load(cursor, tools, &cursor->header, &cursor->page, &cursor->blob, &from, err));
    WR_TRY(begin_data_page(cursor, tools, &cursor->header, &from, err));
    cursor->has_header = false;
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

wr_status wr_pq_cursor_words(pq_cursor *cursor, pq_tools *tools, const wr_vector **out, wr_error *err)
{
    *out = NULL;
    if (!cursor->has_dictionary && cursor->page_left == 0)
        WR_TRY(find_page(cursor, tools, err));
    if (cursor->has_dictionary && !cursor->dictionary && !cursor->is_far)
        WR_TRY(load_dictionary(cursor, tools, err));
    if (cursor->dictionary)
        *out = &cursor->words[0];
    return WR_OK;
}

bool wr_pq_cursor_promise(pq_cursor *cursor, pq_tools *tools)
{
    return cursor->page_left == 0 && wr_pq_is_plain(cursor->header.encoding) &&
           (cursor->header.encoding == PQ_PLAIN || cursor->dictionary) &&
           wr_pq_body_reserve(cursor, tools);
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
