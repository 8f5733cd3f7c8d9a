/* pq_values.c — values of pages and dictionaries to vectors of flat columns.
 *
 * Values are decoded densely, then spread over the rows that are not NULL. A batch whose values all come
 * from the dictionary goes out as codes and the dictionary; behind the dictionary's values stands a NULL,
 * which the codes of NULL rows name.
 *
 * Invariants
 *  1. Texts of a batch lie in one page, and in one window of it: wr_pq_cursor_measure was asked.
 *  2. Every code is checked against the dictionary before a vector shows it.
 * Cost: fixed-width values a copy; texts about 2 ns a value; codes about 0.7 ns. */
#include "pq_priv.h"

#include <string.h>

#include "base/bits.h"
#include "kernel/text_utf8.h"

enum { LENGTH_BYTES = 4 };

static uint32_t value_bytes(const pq_leaf *leaf)
{
    return wr_physical_bytes(wr_type_physical(leaf->type));
}

/* ---- Texts -------------------------------------------------------------------------------------- */

wr_status wr_pq_raise_utf8(wr_error *err)
{
    return WR_RAISE(err, WR_DATA, "a text is not valid UTF-8: declare the column as Binary");
}

static wr_status check_texts(const wr_str *texts, uint32_t count, wr_error *err)
{
    for (uint32_t i = 0; i < count; i++)
        if (!wr_utf8_is_valid(wr_str_bytes(&texts[i]), texts[i].byte_count))
            return wr_pq_raise_utf8(err);
    return WR_OK;
}

/* Views of `count` texts, which are all at hand. */
static wr_status take_texts(const pq_leaf *leaf, pq_bytes *bytes, uint32_t count, wr_str *out,
                            wr_error *err)
{
    const uint8_t *at = bytes->at, *end = bytes->end;
    uint32_t       length = leaf->stored_bytes, lengths = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (leaf->stored_bytes == 0) {
            if (end - at < LENGTH_BYTES)
                return wr_pq_raise_short(err);
            length = wr_load_u32(at);
            at += LENGTH_BYTES;
        }
        if ((uint64_t)(end - at) < length)
            return wr_pq_raise_short(err);
        out[i] = wr_str_of((const char *)at, length);
        lengths |= length;
        at += length;
    }
    /* lengths below 128 are ASCII, which keeps texts apart in one look at all of them */
    if (leaf->is_utf8 && (leaf->stored_bytes > 0 || lengths > 127 ||
                          !wr_utf8_is_valid(bytes->at, (size_t)(at - bytes->at))))
        WR_TRY(check_texts(out, count, err));
    bytes->at = at;
    return WR_OK;
}

wr_status wr_pq_text_begin(pq_cursor *cursor, uint32_t *out_length, wr_error *err)
{
    pq_bytes *bytes = &cursor->values;

    *out_length = cursor->leaf->stored_bytes;
    if (*out_length == 0) {
        WR_TRY(wr_pq_bytes_need(bytes, LENGTH_BYTES, err));
        *out_length = wr_load_u32(bytes->at);
        bytes->at += LENGTH_BYTES;
    }
    if (*out_length > wr_pq_bytes_left(bytes))
        return wr_pq_raise_short(err);
    return *out_length <= bytes->window_bytes ? wr_pq_bytes_need(bytes, *out_length, err) : WR_OK;
}

/* The next text goes to scratch space: it is longer than the window. */
static wr_status take_long_text(pq_cursor *cursor, pq_tools *tools, wr_str *out, wr_error *err)
{
    pq_bytes     *bytes = &cursor->values;
    wr_utf8_state utf8 = {0};
    bool          is_valid = true;
    uint32_t      length;

    WR_TRY(wr_pq_text_begin(cursor, &length, err));
    WR_TRY(wr_pq_scratch_begin(tools, &tools->writer, length, err));
    for (uint32_t now; length > 0; length -= now, bytes->at += now) {
        WR_TRY(wr_pq_bytes_fill(bytes, 1, err));
        now = bytes->end - bytes->at < length ? (uint32_t)(bytes->end - bytes->at) : length;
        WR_TRY(wr_long_writer_add(&tools->writer, bytes->at, now, err));
        is_valid = is_valid && (!cursor->leaf->is_utf8 || wr_utf8_feed(&utf8, bytes->at, now));
    }
    if (!is_valid || utf8.left > 0)
        return wr_pq_raise_utf8(err);
    WR_TRY(wr_long_writer_end(&tools->writer, &cursor->long_text, err));
    *out = wr_str_of_blob(&cursor->long_text, tools->writer.prefix);
    cursor->any_blob = true;
    return WR_OK;
}

static wr_status pass_texts(pq_bytes *bytes, uint64_t count, wr_error *err)
{
    for (; count > 0; count--) {
        uint32_t length;

        WR_TRY(wr_pq_bytes_need(bytes, LENGTH_BYTES, err));
        length = wr_load_u32(bytes->at);
        bytes->at += LENGTH_BYTES;
        WR_TRY(wr_pq_bytes_pass(bytes, length, err));
    }
    return WR_OK;
}

/* ---- Plain values ------------------------------------------------------------------------------- */

/* Numbers that are written as bytes of any length. */
static wr_status take_byte_numbers(const pq_leaf *leaf, pq_bytes *bytes, uint32_t count, uint8_t *out,
                                   wr_error *err)
{
    uint32_t width = value_bytes(leaf);

    for (uint32_t i = 0; i < count; i++, out += width) {
        uint32_t length;

        WR_TRY(wr_pq_bytes_need(bytes, LENGTH_BYTES, err));
        length = wr_load_u32(bytes->at);
        bytes->at += LENGTH_BYTES;
        if (length > 256)
            return WR_RAISE(err, WR_DATA, "a decimal of %u bytes", length);
        WR_TRY(wr_pq_bytes_need(bytes, length, err));
        WR_TRY(wr_pq_convert_bytes(leaf, bytes->at, length, out, err));
        bytes->at += length;
    }
    return WR_OK;
}

/* Not texts. */
static wr_status take_plain(const pq_leaf *leaf, pq_bytes *bytes, uint32_t count, uint8_t *out,
                            wr_error *err)
{
    uint32_t width = value_bytes(leaf);

    if (leaf->stored_bytes == 0)
        return take_byte_numbers(leaf, bytes, count, out, err);
    while (count > 0) {
        uint64_t at_hand;
        uint32_t part;

        WR_TRY(wr_pq_bytes_need(bytes, leaf->stored_bytes, err));
        at_hand = (uint64_t)(bytes->end - bytes->at) / leaf->stored_bytes;
        part = at_hand < count ? (uint32_t)at_hand : count;
        if (leaf->convert)
            WR_TRY(leaf->convert(leaf, bytes->at, part, out, err));
        else
            memcpy(out, bytes->at, (size_t)part * leaf->stored_bytes);
        bytes->at += (size_t)part * leaf->stored_bytes;
        out += (size_t)part * width;
        count -= part;
    }
    return WR_OK;
}

/* ---- Dictionaries ------------------------------------------------------------------------------- */

/* The values and a NULL; behind them are their bits. */
static uint64_t dictionary_values_bytes(const pq_leaf *leaf, uint32_t count)
{
    return wr_round_up(((uint64_t)count + 1) * value_bytes(leaf), 64);
}

void wr_pq_dictionary_reserve(pq_cursor *cursor, pq_tools *tools, uint32_t count)
{
    uint64_t room = dictionary_values_bytes(cursor->leaf, count) + 8 * wr_bit_words((size_t)count + 1);

    cursor->dictionary = wr_pq_pool_take(&tools->dictionaries, room);
    if (!cursor->dictionary)
        cursor->dictionary = wr_pq_pool_take(&tools->pool, room);
}

wr_status wr_pq_dictionary_read(pq_cursor *cursor, pq_tools *tools, pq_bytes bytes, uint32_t count,
                                wr_error *err)
{
    const pq_leaf *leaf = cursor->leaf;
    uint32_t       width = value_bytes(leaf);
    uint64_t      *valid;

    if (leaf->physical == PQ_BOOLEAN)
        return WR_RAISE(err, WR_CORRUPT, "a dictionary of booleans");
    if ((uint64_t)count * (leaf->stored_bytes ? leaf->stored_bytes : LENGTH_BYTES) >
        wr_pq_bytes_left(&bytes))
        return WR_RAISE(err, WR_CORRUPT, "a dictionary of %u values in %llu bytes", count,
                        (unsigned long long)wr_pq_bytes_left(&bytes));
    if (leaf->is_text && bytes.left == 0)
        wr_pq_dictionary_reserve(cursor, tools, count);
    if (!cursor->dictionary)
        return wr_pq_expand_begin(cursor, tools, &bytes, count, err);
    WR_TRY(leaf->is_text ? take_texts(leaf, &bytes, count, (wr_str *)cursor->dictionary, err)
                         : take_plain(leaf, &bytes, count, cursor->dictionary, err));
    memset(cursor->dictionary + (size_t)count * width, 0, width);
    valid = (uint64_t *)(cursor->dictionary + dictionary_values_bytes(leaf, count));
    memset(valid, 0xff, 8 * wr_bit_words((size_t)count + 1));
    wr_bit_clear(valid, count);
    cursor->dictionary_count = count;
    cursor->words[0] = (wr_vector){.type = leaf->type, .encoding = WR_FLAT, .row_count = count,
                                   .data = cursor->dictionary};
    cursor->words[1] = cursor->words[0];
    cursor->words[1].row_count = count + 1;
    cursor->words[1].valid = valid;
    return WR_OK;
}

static wr_status take_codes(pq_cursor *cursor, uint32_t count, uint32_t *out, wr_error *err)
{
    uint32_t most = 0;

    WR_TRY(wr_pq_runs_take(&cursor->codes, count, out, err));
    for (uint32_t i = 0; i < count; i++)
        most = out[i] > most ? out[i] : most;
    if (count > 0 && most >= cursor->dictionary_count)
        return WR_RAISE(err, WR_CORRUPT, "code %u of a dictionary of %u values", most,
                        cursor->dictionary_count);
    return WR_OK;
}

/* ---- Pages -------------------------------------------------------------------------------------- */

static wr_status begin_codes(pq_cursor *cursor, pq_bytes bytes, wr_error *err)
{
    uint32_t bit_width = 0;

    if (wr_pq_bytes_left(&bytes) > 0) { /* there is nothing in a page of NULL */
        WR_TRY(wr_pq_bytes_need(&bytes, 1, err));
        bit_width = *bytes.at++;
    }
    cursor->mode = PQ_MODE_CODES;
    if (!cursor->dictionary && wr_pq_bytes_left(&bytes) > 0)
        return WR_RAISE(err, WR_CORRUPT, "a page of codes without a dictionary before it");
    return wr_pq_runs_begin(&cursor->codes, bytes, bit_width, err);
}

/* Booleans in runs have their length before them. */
static wr_status begin_runs(pq_cursor *cursor, pq_bytes bytes, wr_error *err)
{
    cursor->mode = PQ_MODE_BITS;
    if (wr_pq_bytes_left(&bytes) > 0)
        WR_TRY(wr_pq_bytes_pass(&bytes, LENGTH_BYTES, err));
    return wr_pq_runs_begin(&cursor->codes, bytes, 1, err);
}

wr_status wr_pq_values_begin(pq_cursor *cursor, uint8_t encoding, pq_bytes bytes, wr_error *err)
{
    bool is_boolean = cursor->leaf->physical == PQ_BOOLEAN;

    if (encoding == PQ_RLE_DICTIONARY || encoding == PQ_PLAIN_DICTIONARY)
        return begin_codes(cursor, bytes, err);
    if (encoding == PQ_RLE && is_boolean)
        return begin_runs(cursor, bytes, err);
    if (encoding == PQ_PLAIN) {
        cursor->mode = is_boolean ? PQ_MODE_BITS : PQ_MODE_PLAIN;
        if (is_boolean)
            wr_pq_runs_begin_packed(&cursor->codes, bytes, 1, false);
        cursor->values = bytes;
        return WR_OK;
    }
    return WR_RAISE(err, WR_UNSUPPORTED, "values in the encoding %u cannot be read", encoding);
}

wr_status wr_pq_values_pass(pq_cursor *cursor, uint64_t count, wr_error *err)
{
    if (cursor->mode != PQ_MODE_PLAIN)
        return wr_pq_runs_pass(&cursor->codes, count, err);
    if (cursor->leaf->stored_bytes == 0)
        return pass_texts(&cursor->values, count, err);
    return wr_pq_bytes_pass(&cursor->values, count * cursor->leaf->stored_bytes, err);
}

/* ---- Spreading ---------------------------------------------------------------------------------- */

/* Move `set` dense values to the rows whose bit is set, the last one first; zero for the others. */
#define DEFINE_SPREAD(name, ctype)                                                                 \
    static void name(void *values, uint32_t count, uint32_t set, const uint64_t *valid,            \
                     uint32_t first)                                                               \
    {                                                                                              \
        ctype *at = values;                                                                        \
                                                                                                   \
        for (uint32_t i = count; i-- > 0;)                                                         \
            at[i] = wr_bit_get(valid, first + i) ? at[--set] : (ctype){0};                         \
    }

DEFINE_SPREAD(spread_1, uint8_t)
DEFINE_SPREAD(spread_2, uint16_t)
DEFINE_SPREAD(spread_4, uint32_t)
DEFINE_SPREAD(spread_8, uint64_t)
DEFINE_SPREAD(spread_16, wr_u128)

static void spread(void *values, uint32_t width, uint32_t count, uint32_t set, const uint64_t *valid,
                   uint32_t first)
{
    if (set == count)
        return;
    switch (width) {
    case 1:
        spread_1(values, count, set, valid, first);
        return;
    case 2:
        spread_2(values, count, set, valid, first);
        return;
    case 4:
        spread_4(values, count, set, valid, first);
        return;
    case 8:
        spread_8(values, count, set, valid, first);
        return;
    default:
        spread_16(values, count, set, valid, first);
    }
}

/* ---- Batches ------------------------------------------------------------------------------------ */

/* Codes of the rows so far become values: what follows them has no code. */
static void flatten(pq_cursor *cursor)
{
    uint32_t width = value_bytes(cursor->leaf);

    for (uint32_t i = 0; i < cursor->filled; i++)
        memcpy(cursor->data + (size_t)i * width,
               cursor->dictionary + (size_t)cursor->codes_room[i] * width, width);
    cursor->is_coded = false;
}

/* Values that are not kept as codes. */
wr_status wr_pq_values_take(pq_cursor *cursor, pq_tools *tools, uint32_t count, uint8_t *out,
                            wr_error *err)
{
    uint32_t  width = value_bytes(cursor->leaf);
    uint32_t *codes = cursor->codes_room;

    if (cursor->mode == PQ_MODE_PLAIN && !cursor->leaf->is_text)
        return take_plain(cursor->leaf, &cursor->values, count, out, err);
    if (cursor->mode == PQ_MODE_PLAIN && cursor->is_long && count == 1)
        return take_long_text(cursor, tools, (wr_str *)out, err);
    if (cursor->mode == PQ_MODE_PLAIN)
        return take_texts(cursor->leaf, &cursor->values, count, (wr_str *)out, err);
    if (cursor->mode == PQ_MODE_BITS) {
        WR_TRY(wr_pq_runs_take(&cursor->codes, count, codes, err));
        for (uint32_t i = 0; i < count; i++)
            out[i] = (uint8_t)codes[i];
        return WR_OK;
    }
    WR_TRY(take_codes(cursor, count, codes, err));
    for (uint32_t i = 0; i < count; i++)
        memcpy(out + (size_t)i * width, cursor->dictionary + (size_t)codes[i] * width, width);
    return WR_OK;
}

static wr_status take_part(pq_cursor *cursor, pq_tools *tools, uint32_t count, wr_error *err)
{
    uint32_t width = value_bytes(cursor->leaf), first = cursor->filled, set = count;
    uint8_t *values = cursor->data + (size_t)first * width;
    uint32_t *codes = cursor->codes_room + first;

    if (cursor->leaf->max_definition > 0)
        WR_TRY(wr_pq_runs_bits(&cursor->definition, count, cursor->valid, first, &set, err));
    cursor->any_null |= set < count;
    if (cursor->mode == PQ_MODE_CODES && cursor->dictionary && (first == 0 || cursor->is_coded)) {
        cursor->is_coded = true;
        WR_TRY(take_codes(cursor, set, codes, err));
        if (set < count)
            for (uint32_t i = count; i-- > 0;)
                codes[i] = wr_bit_get(cursor->valid, first + i) ? codes[--set]
                                                                : cursor->dictionary_count;
        return WR_OK;
    }
    if (cursor->is_coded)
        flatten(cursor);
    WR_TRY(wr_pq_values_take(cursor, tools, set, values, err));
    spread(values, width, count, set, cursor->valid, first);
    return WR_OK;
}

wr_status wr_pq_cursor_take(pq_cursor *cursor, pq_tools *tools, uint32_t count, wr_vector *out,
                            wr_error *err)
{
    const pq_leaf *leaf = cursor->leaf;

    cursor->filled = 0;
    cursor->any_null = cursor->is_coded = cursor->any_blob = false;
    if (leaf->max_definition > 0)
        memset(cursor->valid, 0, wr_bit_words(count) * sizeof(uint64_t));
    while (cursor->filled < count) {
        uint32_t part = count - cursor->filled;

        WR_TRY(wr_pq_cursor_page(cursor, tools, err));
        part = part < cursor->page_left ? part : cursor->page_left;
        WR_TRY_WHILE(take_part(cursor, tools, part, err), err, "reading the page before byte %llu",
                     (unsigned long long)cursor->at);
        cursor->filled += part;
        cursor->page_left -= part;
    }
    *out = (wr_vector){.type = leaf->type, .row_count = count};
    if (cursor->is_coded) {
        out->encoding = WR_DICT;
        out->codes = cursor->codes_room;
        out->dict = &cursor->words[cursor->any_null];
    } else {
        out->encoding = WR_FLAT;
        out->data = cursor->data;
        out->valid = cursor->any_null ? cursor->valid : NULL;
        out->flags = cursor->any_blob ? WR_VECTOR_BLOBS : 0;
    }
    return WR_OK;
}

/* Texts at hand, up to `count`. */
static uint32_t count_texts(const pq_cursor *cursor, uint32_t count)
{
    const uint8_t *at = cursor->values.at;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t left = (uint64_t)(cursor->values.end - at), length = cursor->leaf->stored_bytes;

        if (cursor->leaf->stored_bytes == 0)
            length = LENGTH_BYTES + (left >= LENGTH_BYTES ? (uint64_t)wr_load_u32(at) : left);
        if (length > left)
            return i;
        at += length;
    }
    return count;
}

wr_status wr_pq_cursor_measure(pq_cursor *cursor, pq_tools *tools, uint32_t *io_count, wr_error *err)
{
    uint64_t rows;
    uint32_t count;

    cursor->is_long = false;
    if (!cursor->leaf->is_text)
        return WR_OK;
    WR_TRY(wr_pq_cursor_peek(cursor, tools, &rows, err));
    *io_count = rows < *io_count ? (uint32_t)rows : *io_count;
    if (wr_pq_cursor_promise(cursor, tools))
        return WR_OK;
    WR_TRY(wr_pq_cursor_page(cursor, tools, err));
    if (cursor->mode != PQ_MODE_PLAIN || cursor->values.left == 0)
        return WR_OK;
    count = count_texts(cursor, *io_count);
    if (count < *io_count) {
        WR_TRY(wr_pq_bytes_fill(&cursor->values, cursor->values.window_bytes, err));
        count = count_texts(cursor, *io_count);
    }
    cursor->is_long = count == 0;
    *io_count = count > 0 ? count : 1;
    return WR_OK;
}
