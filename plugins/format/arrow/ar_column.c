/* ar_column.c — the next rows of a wanted column as a vector.
 *
 * Numbers, texts and codes go out as they lie in their buffers, a batch at a time: vectors point into
 * the windows. Whatever else there is (nested values, views, runs, codes of nested values) is gathered row
 * by row into memory of the column's own.
 *
 * Invariants
 *  1. A batch's bytes of a column lie in one window, or one room: wr_ar_column_measure was asked.
 *  2. What stands under a NULL is never judged.
 * Cost: numbers a copy or none; texts about 2 ns a value; gathered values 10 ns and more. */
#include "ar_priv.h"

#include "kernel/text_utf8.h"

static const uint8_t NOTHING[1]; /* where texts without a byte lie */

static uint32_t width_of(wr_type type)
{
    return wr_physical_bytes(wr_type_physical(type));
}

bool wr_ar_is_direct(const ar_split *split, uint32_t n)
{
    const ar_node *node = &split->file->nodes[n];

    switch ((ar_kind)node->kind) {
    case AR_KIND_BITS:
    case AR_KIND_FIXED:
    case AR_KIND_TEXT:
    case AR_KIND_FIXED_TEXT:
        return true;
    case AR_KIND_DICTIONARY:
        return !wr_type_is_nested(node->type) && (node + 1)->kind != AR_KIND_NULL &&
               !split->cursors[n].words.is_far;
    default:
        return false;
    }
}

/* ---- Bits --------------------------------------------------------------------------------------- */

/* `count` bits from bit `first` on; what is behind them is open. */
static void copy_bits(const uint8_t *bytes, uint64_t byte_count, uint32_t first, uint32_t count, uint64_t *out)
{
    for (uint32_t i = 0; i < count; i += 64) {
        uint64_t at = (first + i) / 8, left = byte_count - at, word = 0, next = 0;
        uint32_t shift = first % 8;

        memcpy(&word, bytes + at, left < 8 ? left : 8);
        if (left > 8)
            next = bytes[at + 8];
        out[i / 64] = shift ? word >> shift | next << (64 - shift) : word;
    }
}

static bool any_clear(const uint64_t *bits, uint32_t count)
{
    for (uint32_t i = 0; i < count / 64; i++)
        if (bits[i] != UINT64_MAX)
            return true;
    return count % 64 && (~bits[count / 64] & (((uint64_t)1 << count % 64) - 1)) != 0;
}

/* Bits [row, row + count) of a buffer. */
static wr_status take_bits(ar_buffer *buffer, uint64_t row, uint32_t count, uint64_t *out, wr_error *err)
{
    uint64_t       begin = row / 8, byte_count = (row + count + 7) / 8 - begin;
    const uint8_t *bytes;

    WR_TRY(wr_ar_buffer_at(buffer, begin, byte_count, &bytes, err));
    copy_bits(bytes, byte_count, row % 8, count, out);
    return WR_OK;
}

/* *out_valid: NULL if all are. */
static wr_status take_validity(ar_cursor *cursor, uint64_t row, uint32_t count, uint64_t *room,
                               uint64_t **out_valid, wr_error *err)
{
    *out_valid = NULL;
    if (row + count > cursor->length)
        return WR_RAISE(err, WR_CORRUPT, "a column has %llu values, fewer than its record batch has rows",
                        (unsigned long long)cursor->length);
    if (cursor->buffers[AR_VALIDITY].wanted == 0)
        return WR_OK;
    WR_TRY(take_bits(&cursor->buffers[AR_VALIDITY], row, count, room, err));
    *out_valid = any_clear(room, count) ? room : NULL;
    return WR_OK;
}

/* ---- How many rows ------------------------------------------------------------------------------ */

static void limit(uint32_t *io_count, uint64_t most)
{
    if (most < *io_count)
        *io_count = most > 0 ? (uint32_t)most : 1;
}

/* What a window holds: values of so many bytes, or (0) bits; of `spare` values more, too. */
static void limit_by(uint32_t *io_count, const ar_buffer *buffer, uint32_t width, uint32_t spare)
{
    uint64_t held = width ? buffer->window_bytes / width : (buffer->window_bytes - 1) * 8;

    if (buffer->window_bytes < buffer->source.size)
        limit(io_count, held > spare ? held - spare : 0);
}

/* Texts of one window; one that is longer than that comes alone. */
static wr_status measure_texts(const ar_node *node, ar_cursor *cursor, uint64_t row, uint32_t *io_count,
                               wr_error *err)
{
    uint32_t width = node->is_large ? 8 : 4, low = 1, high;
    uint64_t begin, end;

    limit_by(io_count, &cursor->buffers[AR_DATA], width, 1);
    WR_TRY(wr_ar_range_at(&cursor->buffers[AR_DATA], row, node->is_large, &begin, &end, err));
    for (high = *io_count; low < high;) {
        uint32_t middle = high - (high - low) / 2;
        uint64_t unused;

        WR_TRY(wr_ar_range_at(&cursor->buffers[AR_DATA], row + middle - 1, node->is_large, &unused, &end,
                              err));
        if (end < begin)
            return WR_RAISE(err, WR_CORRUPT, "offsets of texts do not ascend");
        if (end - begin <= cursor->buffers[AR_MORE].window_bytes)
            low = middle;
        else
            high = middle - 1;
    }
    *io_count = low;
    return WR_OK;
}

static wr_status measure_direct(const ar_node *node, ar_cursor *cursor, uint64_t row, uint32_t *io_count,
                                wr_error *err)
{
    limit_by(io_count, &cursor->buffers[AR_VALIDITY], 0, 0);
    if (node->kind == AR_KIND_TEXT)
        return measure_texts(node, cursor, row, io_count, err);
    if (node->kind == AR_KIND_BITS || node->stored_bytes > 0)
        limit_by(io_count, &cursor->buffers[AR_DATA], node->stored_bytes, 0);
    return WR_OK;
}

/* ---- Long texts --------------------------------------------------------------------------------- */

/* A text that is longer than its window, to scratch space: a handle. */
static wr_status take_far(ar_split *split, const ar_node *node, ar_reading *reading, const ar_source *far,
                          wr_str *out, wr_error *err)
{
    WR_TRY(wr_ar_put_aside(split, node, far, &reading->blob, err));
    *out = wr_str_of_blob(&reading->blob, split->writer.prefix);
    reading->has_blob = true;
    return WR_OK;
}

/* ---- Direct columns ----------------------------------------------------------------------------- */

static wr_status check_texts(const wr_str *texts, const uint64_t *valid, uint32_t count, wr_error *err)
{
    for (uint32_t i = 0; i < count; i++)
        if ((!valid || wr_bit_get(valid, i)) && !wr_utf8_is_valid(wr_str_bytes(&texts[i]),
                                                                  texts[i].byte_count))
            return WR_RAISE(err, WR_DATA, "a text is not valid UTF-8: declare the column as Binary");
    return WR_OK;
}

/* Texts of any layout, one behind the other, as views. `starts_whole`: each of them begins with a
 * character's first byte. */
static wr_status judge_texts(const ar_node *node, const uint8_t *bytes, uint64_t byte_count, bool starts_whole,
                             const ar_reading *reading, const uint64_t *valid, uint32_t count, wr_error *err)
{
    if (!node->is_utf8 || (starts_whole && wr_utf8_is_valid(bytes, byte_count)))
        return WR_OK;
    return check_texts((const wr_str *)(const void *)reading->values, valid, count, err);
}

#define DEFINE_VIEW_TEXTS(name, otype, load)                                                       \
    static bool name(const uint8_t *offsets, uint32_t count, const uint8_t *bytes, uint64_t begin, \
                     uint64_t byte_count, wr_str *out, bool *out_whole)                            \
    {                                                                                              \
        uint64_t at = begin;                                                                       \
        bool     split_one = false;                                                                \
                                                                                                   \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            uint64_t next = (otype)load(offsets + (i + (size_t)1) * sizeof(otype));                \
                                                                                                   \
            if (next < at || next - begin > byte_count)                                            \
                return false;                                                                      \
            out[i] = wr_str_of((const char *)bytes + (at - begin), next - at);                     \
            split_one |= next > at && (bytes[at - begin] & 0xc0) == 0x80;                          \
            at = next;                                                                             \
        }                                                                                          \
        *out_whole = !split_one;                                                                   \
        return true;                                                                               \
    }

DEFINE_VIEW_TEXTS(view_texts_32, uint32_t, wr_load_u32)
DEFINE_VIEW_TEXTS(view_texts_64, uint64_t, wr_load_u64)

static wr_status take_texts(ar_split *split, const ar_node *node, ar_cursor *cursor, ar_reading *reading,
                            uint64_t row, uint32_t count, const uint64_t *valid, wr_error *err)
{
    ar_buffer     *data = &cursor->buffers[AR_MORE];
    uint32_t       width = node->is_large ? 8 : 4;
    wr_str        *texts = (wr_str *)(void *)reading->values;
    const uint8_t *offsets, *bytes = NOTHING;
    uint64_t       begin, end;
    bool           whole;

    WR_TRY(wr_ar_buffer_at(&cursor->buffers[AR_DATA], row * width, (count + 1ull) * width, &offsets, err));
    begin = node->is_large ? wr_load_u64(offsets) : wr_load_u32(offsets);
    end = node->is_large ? wr_load_u64(offsets + 8ull * count) : wr_load_u32(offsets + 4ull * count);
    if (begin > end || end > data->source.size)
        return WR_RAISE(err, WR_CORRUPT, "texts end at byte %llu of a buffer of %llu", (unsigned long long)end,
                        (unsigned long long)data->source.size);
    if (end - begin > data->window_bytes) {
        ar_source far = wr_ar_source_part(&data->source, begin, end - begin);

        wr_assert(count == 1, "a text that is longer than its window comes alone");
        texts[0] = (wr_str){0};
        return valid ? WR_OK : take_far(split, node, reading, &far, texts, err);
    }
    if (end > begin)
        WR_TRY(wr_ar_buffer_at(data, begin, end - begin, &bytes, err));
    if (!(node->is_large ? view_texts_64 : view_texts_32)(offsets, count, bytes, begin, end - begin, texts,
                                                          &whole))
        return WR_RAISE(err, WR_CORRUPT, "offsets of texts do not ascend");
    return judge_texts(node, bytes, end - begin, whole, reading, valid, count, err);
}

static wr_status take_fixed_texts(ar_split *split, const ar_node *node, ar_cursor *cursor,
                                  ar_reading *reading, uint64_t row, uint32_t count, const uint64_t *valid,
                                  wr_error *err)
{
    ar_buffer     *data = &cursor->buffers[AR_DATA];
    uint32_t       width = node->stored_bytes;
    wr_str        *texts = (wr_str *)(void *)reading->values;
    const uint8_t *bytes = NOTHING;

    if ((uint64_t)count * width > data->window_bytes && count == 1 && row < data->source.size / width) {
        ar_source far = wr_ar_source_part(&data->source, row * width, width);

        texts[0] = (wr_str){0};
        return valid ? WR_OK : take_far(split, node, reading, &far, texts, err);
    }
    if (width > 0)
        WR_TRY(wr_ar_buffer_at(data, row * width, (uint64_t)count * width, &bytes, err));
    for (uint32_t i = 0; i < count; i++)
        texts[i] = wr_str_of((const char *)bytes + (size_t)i * width, width);
    return judge_texts(node, bytes, (uint64_t)count * width, width == 0, reading, valid, count, err);
}

/* Numbers that are stored otherwise. */
static wr_status convert(const ar_node *node, const uint8_t *stored, uint32_t count, const uint64_t *valid,
                         uint8_t *out, wr_error *err)
{
    uint32_t width = width_of(node->type);

    if (!valid || node->convert(node, stored, count, out, NULL) == WR_OK)
        return valid ? WR_OK : node->convert(node, stored, count, out, err);
    memset(out, 0, (size_t)count * width);
    for (uint32_t i = 0; i < count; i++)
        if (wr_bit_get(valid, i))
            WR_TRY(node->convert(node, stored + (size_t)i * node->stored_bytes, 1, out + (size_t)i * width,
                                 err));
    return WR_OK;
}

static wr_status take_numbers(const ar_node *node, ar_cursor *cursor, ar_reading *reading, uint64_t row,
                              uint32_t count, wr_vector *out, wr_error *err)
{
    uint32_t       width = node->stored_bytes;
    const uint8_t *stored;

    WR_TRY(wr_ar_buffer_at(&cursor->buffers[AR_DATA], row * width, (uint64_t)count * width, &stored, err));
    if (node->convert)
        return convert(node, stored, count, out->valid, reading->values, err);
    if ((uintptr_t)stored % width == 0)
        out->data = (void *)(uintptr_t)stored;
    else
        memcpy(reading->values, stored, (size_t)count * width);
    return WR_OK;
}

static wr_status take_booleans(ar_cursor *cursor, ar_reading *reading, uint64_t row, uint32_t count,
                               wr_error *err)
{
    uint64_t bits[WR_BATCH_ROWS_MAX / 64];

    WR_TRY(take_bits(&cursor->buffers[AR_DATA], row, count, bits, err));
    for (uint32_t i = 0; i < count; i++)
        reading->values[i] = wr_bit_get(bits, i);
    return WR_OK;
}

/* ---- Codes -------------------------------------------------------------------------------------- */

uint64_t wr_ar_code_limit(const ar_node *node, uint32_t word_count)
{
    uint64_t limit = node->is_signed ? (uint64_t)1 << (8 * node->stored_bytes - 1) : UINT64_MAX;

    return word_count < limit ? word_count : limit;
}

#define WIDEN_CODES(ctype)                                                                         \
    for (uint32_t i = 0; i < count; i++) {                                                         \
        ctype code;                                                                                \
        memcpy(&code, stored + (size_t)i * sizeof code, sizeof code);                              \
        most = code > most && (!valid || wr_bit_get(valid, i)) ? code : most;                      \
        codes[i] = (uint32_t)code;                                                                 \
    }                                                                                              \
    break

static uint64_t widen_codes(const uint8_t *stored, uint32_t width, uint32_t count, const uint64_t *valid,
                            uint32_t *codes)
{
    uint64_t most = 0;

    switch (width) {
    case 1:
        WIDEN_CODES(uint8_t);
    case 2:
        WIDEN_CODES(uint16_t);
    case 4:
        WIDEN_CODES(uint32_t);
    default:
        WIDEN_CODES(uint64_t);
    }
    return most;
}

static wr_status take_codes(const ar_node *node, ar_cursor *cursor, ar_reading *reading, uint64_t row,
                            uint32_t count, wr_vector *out, wr_error *err)
{
    uint32_t        width = node->stored_bytes;
    const ar_words *words = &cursor->words;
    const uint64_t *valid = out->valid;
    const uint8_t  *stored;
    uint64_t        most;

    WR_TRY(wr_ar_buffer_at(&cursor->buffers[AR_DATA], row * width, (uint64_t)count * width, &stored, err));
    most = widen_codes(stored, width, count, valid, reading->codes);
    if (most >= wr_ar_code_limit(node, words->count) && (words->count > 0 || !valid || most > 0))
        return WR_RAISE(err, WR_CORRUPT, "code %llu of a dictionary of %u values", (unsigned long long)most,
                        words->count);
    for (uint32_t i = 0; valid && i < count; i++)
        if (!wr_bit_get(valid, i))
            reading->codes[i] = words->count;
        else if (words->count == 0)
            return WR_RAISE(err, WR_CORRUPT, "a code of a dictionary that is not there");
    *out = (wr_vector){.type = node->type, .encoding = WR_DICT, .row_count = count,
                       .codes = reading->codes, .dict = &words->vectors[valid != NULL]};
    return WR_OK;
}

static wr_status take_direct(ar_split *split, uint32_t n, ar_reading *reading, uint32_t count,
                             wr_vector *out, wr_error *err)
{
    const ar_node *node = &split->file->nodes[n];
    ar_cursor     *cursor = &split->cursors[n];
    wr_status      status;

    reading->has_blob = false;
    *out = (wr_vector){.type = node->type, .encoding = WR_FLAT, .row_count = count, .data = reading->values};
    WR_TRY(take_validity(cursor, split->row, count, reading->out_valid, &out->valid, err));
    switch ((ar_kind)node->kind) {
    case AR_KIND_TEXT:
        status = take_texts(split, node, cursor, reading, split->row, count, out->valid, err);
        break;
    case AR_KIND_FIXED_TEXT:
        status = take_fixed_texts(split, node, cursor, reading, split->row, count, out->valid, err);
        break;
    case AR_KIND_BITS:
        status = take_booleans(cursor, reading, split->row, count, err);
        break;
    case AR_KIND_DICTIONARY:
        status = take_codes(node, cursor, reading, split->row, count, out, err);
        break;
    default:
        status = take_numbers(node, cursor, reading, split->row, count, out, err);
    }
    if (reading->has_blob)
        out->flags |= WR_VECTOR_BLOBS;
    return status;
}

/* ---- Gathered columns --------------------------------------------------------------------------- */

/* A text into the room; *out_done: it does not fit, or is to stay alone. */
static wr_status keep_text(ar_split *split, const ar_node *node, ar_reading *reading, const ar_cell *cell,
                           uint64_t *io_used, wr_str *out, bool *out_done, wr_error *err)
{
    const wr_str *text = cell->value;

    if (cell->is_far || text->byte_count > reading->room_bytes) {
        ar_source far = cell->is_far ? cell->far
                                     : (ar_source){.memory = (const uint8_t *)wr_str_bytes(text),
                                                   .size = text->byte_count};

        *out_done = true;
        return reading->have > 0 ? WR_OK : take_far(split, node, reading, &far, out, err);
    }
    if (wr_str_is_inline(text)) {
        *out = *text;
        return WR_OK;
    }
    *out_done = text->byte_count > reading->room_bytes - *io_used;
    if (*out_done)
        return WR_OK;
    memcpy(reading->room + *io_used, wr_str_bytes(text), text->byte_count);
    *out = wr_str_of((const char *)reading->room + *io_used, text->byte_count);
    *io_used += text->byte_count;
    return WR_OK;
}

/* The rows that are to be gathered; the others are NULL, whatever they are. */
typedef struct gathering {
    const wr_selection *wanted;
    uint32_t            count, next; /* of the wanted rows */
} gathering;

static bool is_wanted(gathering *g, uint32_t row)
{
    if (!g->wanted->rows)
        return true;
    while (g->next < g->wanted->row_count && g->wanted->rows[g->next] < row)
        g->next++;
    return g->next < g->wanted->row_count && g->wanted->rows[g->next] == row;
}

static wr_status gather_flat(ar_split *split, uint32_t n, ar_reading *reading, gathering *g, wr_error *err)
{
    const ar_node *node = &split->file->nodes[n];
    uint32_t       width = width_of(node->type);
    uint64_t       used = 0;
    bool           done = false;

    for (; reading->have < g->count && !done; reading->have++) {
        uint8_t *out = reading->values + (size_t)reading->have * width;
        ar_cell  cell = {0};

        memset(out, 0, width);
        if (is_wanted(g, reading->have))
            WR_TRY(wr_ar_cell_read(split, n, split->row + reading->have, &cell, err));
        if (!cell.value)
            continue;
        if (wr_type_is_text(node->type)) {
            WR_TRY(keep_text(split, node, reading, &cell, &used, (wr_str *)(void *)out, &done, err));
            if (done && !reading->has_blob)
                return WR_OK;
        } else {
            memcpy(out, cell.value, width);
        }
        wr_bit_set(reading->valid, reading->have);
    }
    return WR_OK;
}

/* A value for which the whole room is not enough: a list goes to scratch space. */
static wr_status keep_long(ar_split *split, uint32_t n, ar_reading *reading, wr_packer *room, wr_error *err)
{
    uint8_t kind = split->file->nodes[n].kind;
    bool    is_list = kind >= AR_KIND_LIST && kind <= AR_KIND_FIXED_LIST;
    wr_str  list;

    if (is_list && split->writer.scratch && split->writer.scratch->ops)
        WR_TRY(wr_ar_pack_long(split, n, split->row, room, &reading->blob, err));
    if (room->is_full)
        return WR_RAISE(err, WR_NO_MEMORY, "a nested value%s is larger than the %zu bytes set aside for the "
                        "values of a column: a larger cap, or fewer threads", is_list ? " inside of a list" : "",
                        room->capacity);
    list = wr_str_of_blob(&reading->blob, split->writer.prefix);
    memcpy(reading->values, &list, sizeof list);
    wr_bit_set(reading->valid, 0);
    reading->have = 1;
    reading->has_blob = true;
    return WR_OK;
}

static wr_status gather_nested(ar_split *split, uint32_t n, ar_reading *reading, gathering *g, wr_error *err)
{
    wr_packer room = {.bytes = reading->room, .capacity = reading->room_bytes};

    for (; reading->have < g->count && room.used <= room.capacity / 2; reading->have++) {
        size_t begin = room.used;
        bool   is_null = !is_wanted(g, reading->have);

        if (!is_null)
            WR_TRY(wr_ar_pack(split, n, split->row + reading->have, &room, &is_null, err));
        if (room.is_full)
            return reading->have > 0 ? WR_OK : keep_long(split, n, reading, &room, err);
        ((wr_str *)(void *)reading->values)[reading->have] =
            wr_str_of((const char *)room.bytes + begin, is_null ? 0 : room.used - begin);
        if (!is_null)
            wr_bit_set(reading->valid, reading->have);
    }
    return WR_OK;
}

static wr_status gather(ar_split *split, uint32_t n, ar_reading *reading, const wr_selection *wanted,
                        uint32_t *io_count, wr_error *err)
{
    const ar_node *node = &split->file->nodes[n];
    gathering      g = {.wanted = wanted, .count = *io_count};

    if (reading->next == reading->have) {
        reading->next = reading->have = 0;
        reading->has_blob = false;
        memset(reading->valid, 0, wr_bit_words(*io_count) * sizeof(uint64_t));
        WR_TRY(wr_type_is_nested(node->type) ? gather_nested(split, n, reading, &g, err)
                                             : gather_flat(split, n, reading, &g, err));
    }
    limit(io_count, reading->have - reading->next);
    return WR_OK;
}

static void take_gathered(const ar_node *node, ar_reading *reading, uint32_t count, wr_vector *out)
{
    for (uint32_t i = 0; i < count; i++)
        wr_bit_put(reading->out_valid, i, wr_bit_get(reading->valid, reading->next + i));
    *out = (wr_vector){.type = node->type, .encoding = WR_FLAT, .row_count = count,
                       .flags = reading->has_blob ? WR_VECTOR_BLOBS : 0,
                       .data = reading->values + (size_t)reading->next * width_of(node->type),
                       .valid = any_clear(reading->out_valid, count) ? reading->out_valid : NULL};
    reading->next += count;
}

/* ---- Either ------------------------------------------------------------------------------------- */

wr_status wr_ar_column_measure(ar_split *split, uint32_t column, const wr_selection *wanted, uint32_t *io_count,
                               wr_error *err)
{
    uint32_t       n = split->file->columns[column].first_node;
    const ar_node *node = &split->file->nodes[n];

    if (node->kind == AR_KIND_NULL)
        return WR_OK;
    return wr_ar_is_direct(split, n)
               ? measure_direct(node, &split->cursors[n], split->row, io_count, err)
               : gather(split, n, &split->readings[column], wanted, io_count, err);
}

wr_status wr_ar_column_take(ar_split *split, uint32_t column, uint32_t count, wr_vector *out, wr_error *err)
{
    uint32_t       n = split->file->columns[column].first_node;
    const ar_node *node = &split->file->nodes[n];
    wr_value       null = {.type = node->type, .is_null = true};

    if (node->kind == AR_KIND_NULL)
        wr_vector_set_const(out, &null, count, &split->cells[column]);
    else if (wr_ar_is_direct(split, n))
        return take_direct(split, n, &split->readings[column], count, out, err);
    else
        take_gathered(node, &split->readings[column], count, out);
    return WR_OK;
}

static bool is_gathered(const ar_split *split, uint32_t column)
{
    uint32_t n = split->file->columns[column].first_node;

    return !split->file->columns[column].is_missing && split->file->nodes[n].kind != AR_KIND_NULL &&
           !wr_ar_is_direct(split, n);
}

void wr_ar_column_give_back(ar_split *split, uint32_t column, uint32_t count, uint32_t kept)
{
    if (is_gathered(split, column))
        split->readings[column].next -= count - kept;
}

void wr_ar_column_pass(ar_split *split, uint32_t column, uint32_t count)
{
    ar_reading *reading = &split->readings[column];

    if (is_gathered(split, column))
        reading->next += count < reading->have - reading->next ? count : reading->have - reading->next;
}
