/* exec/agg_list.c — see the header. */
#include "exec/agg_list.h"

#include "base/bits.h"

static uint64_t block_bytes(void)
{
    return WR_LIST_HEADER_BYTES + WR_LIST_BLOCK_BYTES + WR_LIST_BLOCK_ELEMENTS / 8;
}

uint64_t wr_list_chain_bytes(const wr_exec *exec)
{
    enum { ROUNDING = 16 };

    return wr_text_chain_bytes(exec) + block_bytes() + ROUNDING;
}

wr_status wr_list_chain_init(wr_list_chain *list, wr_type element, const wr_exec *exec,
                             const wr_scratch *scratch, wr_bump *bump, wr_error *err)
{
    wr_physical physical = wr_type_physical(element);

    *list = (wr_list_chain){.element_bytes =
                                physical == WR_PHYS_STR ? 0 : wr_physical_bytes(physical)};
    list->block = wr_bump_alloc(bump, block_bytes(), err);
    return list->block ? wr_text_chain_init(&list->text, exec, scratch, bump, err) : WR_NO_MEMORY;
}

static void empty_block(wr_list_chain *list)
{
    list->count = list->used = 0;
    list->any_null = false;
    memset(list->valid, 0xff, sizeof list->valid);
}

void wr_list_chain_begin(wr_list_chain *list)
{
    wr_text_chain_begin(&list->text);
    empty_block(list);
    list->total = 0;
    list->head_used = list->left = 0;
}

/* The block ends; `more` bytes of its last element go to the chain behind it. */
static wr_status put_block(wr_list_chain *list, uint32_t more, wr_error *err)
{
    uint32_t head[2] = {list->count, list->used + more};
    uint32_t map_bytes = (list->count + 7) / 8;

    if (list->element_bytes && list->any_null) {
        memcpy(list->block + WR_LIST_HEADER_BYTES + list->used, list->valid, map_bytes);
        list->used += map_bytes;
        head[0] |= WR_LIST_NULLS;
        head[1] += map_bytes;
    }
    memcpy(list->block, head, sizeof head);
    WR_TRY(wr_text_chain_add(&list->text, list->block, WR_LIST_HEADER_BYTES + list->used, err));
    empty_block(list);
    return WR_OK;
}

/* ---- Fixed width -------------------------------------------------------------------------------- */

static bool is_valid(const uint8_t *valid, uint32_t index)
{
    return valid[index / 8] >> index % 8 & 1;
}

static void note_nulls(wr_list_chain *list, const uint8_t *valid, uint32_t first, uint32_t count)
{
    uint8_t *cells = list->block + WR_LIST_HEADER_BYTES + list->used;

    for (uint32_t i = 0; i < count; i++)
        if (!is_valid(valid, first + i)) {
            memset(cells + (size_t)i * list->element_bytes, 0, list->element_bytes);
            wr_bit_clear(list->valid, list->count + i);
            list->any_null = true;
        }
}

/* `valid` is a bit map, or NULL. */
static wr_status add_cells(wr_list_chain *list, const uint8_t *cells, const uint8_t *valid,
                           uint32_t first, uint32_t count, wr_error *err)
{
    uint32_t width = list->element_bytes;

    list->total += count;
    while (count > 0) {
        uint32_t room = WR_LIST_BLOCK_ELEMENTS - list->count, now = count < room ? count : room;

        memcpy(list->block + WR_LIST_HEADER_BYTES + list->used,
               cells + (size_t)first * width, (size_t)now * width);
        if (valid)
            note_nulls(list, valid, first, now);
        list->count += now;
        list->used += now * width;
        first += now;
        count -= now;
        if (list->count == WR_LIST_BLOCK_ELEMENTS)
            WR_TRY(put_block(list, 0, err));
    }
    return WR_OK;
}

uint32_t wr_list_run_put(void *to, size_t room, const wr_vector *values, uint32_t first,
                         uint32_t count, uint32_t *out_bytes)
{
    uint32_t width = wr_physical_bytes(wr_type_physical(values->type)), bytes;
    size_t   fit = room > sizeof(uint32_t) + 1 ? (room - sizeof(uint32_t) - 1) * 8 / (8 * width + 1)
                                               : 0;
    uint8_t *map;

    if (fit == 0)
        return 0;
    if (count > fit)
        count = (uint32_t)fit;
    bytes = (uint32_t)sizeof(uint32_t) + count * width;
    wr_store_u32(to, count | (values->valid ? WR_LIST_NULLS : 0));
    memcpy((uint8_t *)to + sizeof(uint32_t), (const uint8_t *)values->data + (size_t)first * width,
           (size_t)count * width);
    if (values->valid) {
        map = (uint8_t *)to + bytes;
        memset(map, 0, (count + 7) / 8);
        for (uint32_t i = 0; i < count; i++)
            map[i / 8] |= (uint8_t)(wr_bit_get(values->valid, first + i) << i % 8);
        bytes += (count + 7) / 8;
    }
    *out_bytes = bytes;
    return count;
}

static wr_status take_runs(wr_list_chain *list, const uint8_t *bytes, size_t byte_count,
                           wr_error *err)
{
    for (const uint8_t *at = bytes; at < bytes + byte_count;) {
        uint32_t       head = wr_load_u32(at), count = head & ~WR_LIST_NULLS;
        const uint8_t *cells = at + sizeof head, *map = cells + (size_t)count * list->element_bytes;

        WR_TRY(add_cells(list, cells, head & WR_LIST_NULLS ? map : NULL, 0, count, err));
        at = map + (head & WR_LIST_NULLS ? (count + 7) / 8 : 0);
    }
    return WR_OK;
}

/* ---- Texts and nested values -------------------------------------------------------------------- */

wr_status wr_list_chain_open(wr_list_chain *list, uint32_t byte_count, wr_error *err)
{
    uint64_t more = WR_LENGTH_BYTES + (byte_count == WR_PACKED_NULL ? 0 : (uint64_t)byte_count);

    list->total++;
    list->count++;
    list->is_direct = list->used + more >= WR_LIST_BLOCK_BYTES;
    if (!list->is_direct) {
        memcpy(list->block + WR_LIST_HEADER_BYTES + list->used, &byte_count, WR_LENGTH_BYTES);
        list->used += WR_LENGTH_BYTES;
        return WR_OK;
    }
    if (list->used + more > UINT32_MAX)
        return WR_RAISE(err, WR_DATA, "a list is longer than %u bytes", UINT32_MAX);
    WR_TRY(put_block(list, (uint32_t)more, err));
    return wr_text_chain_add(&list->text, &byte_count, WR_LENGTH_BYTES, err);
}

wr_status wr_list_chain_part(wr_list_chain *list, const void *bytes, size_t byte_count,
                             wr_error *err)
{
    if (list->is_direct)
        return wr_text_chain_add(&list->text, bytes, byte_count, err);
    if (byte_count > 0)
        memcpy(list->block + WR_LIST_HEADER_BYTES + list->used, bytes, byte_count);
    list->used += (uint32_t)byte_count;
    return WR_OK;
}

wr_status wr_list_chain_close(wr_list_chain *list, wr_error *err)
{
    return list->count == WR_LIST_BLOCK_ELEMENTS ? put_block(list, 0, err) : WR_OK;
}

static wr_status add_blob(wr_list_chain *list, const wr_blob *blob, wr_error *err)
{
    enum { PIECE_BYTES = 4096 };
    char piece[PIECE_BYTES];

    if (blob->byte_count >= UINT32_MAX)
        return WR_RAISE(err, WR_DATA, "an element of a list is longer than %u bytes", UINT32_MAX);
    WR_TRY(wr_list_chain_open(list, (uint32_t)blob->byte_count, err));
    for (uint64_t offset = 0; offset < blob->byte_count; offset += PIECE_BYTES) {
        uint64_t left = blob->byte_count - offset;
        size_t   count = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;

        WR_TRY(wr_blob_read(blob, offset, piece, count, err));
        WR_TRY(wr_list_chain_part(list, piece, count, err));
    }
    return wr_list_chain_close(list, err);
}

static wr_status add_texts(wr_list_chain *list, const wr_vector *values, uint32_t first,
                           uint32_t count, wr_error *err)
{
    const wr_str *all = values->data;

    for (uint32_t row = first; row < first + count; row++) {
        bool is_null = values->valid && !wr_bit_get(values->valid, row);

        if (!is_null && wr_str_is_blob(&all[row])) {
            WR_TRY(add_blob(list, wr_str_blob(&all[row]), err));
            continue;
        }
        WR_TRY(wr_list_chain_open(list, is_null ? WR_PACKED_NULL : all[row].byte_count, err));
        if (!is_null)
            WR_TRY(wr_list_chain_part(list, wr_str_bytes(&all[row]), all[row].byte_count, err));
        WR_TRY(wr_list_chain_close(list, err));
    }
    return WR_OK;
}

static wr_status take_stream(wr_list_chain *list, const uint8_t *bytes, size_t byte_count,
                             wr_error *err)
{
    while (byte_count > 0) {
        size_t wanted = list->left ? list->left : WR_LENGTH_BYTES - list->head_used;
        size_t now = byte_count < wanted ? byte_count : wanted;

        if (list->left > 0) {
            WR_TRY(wr_list_chain_part(list, bytes, now, err));
            list->left -= (uint32_t)now;
        } else {
            memcpy(list->head + list->head_used, bytes, now);
            list->head_used += (uint32_t)now;
        }
        bytes += now;
        byte_count -= now;
        if (list->head_used == WR_LENGTH_BYTES) {
            list->head_used = 0;
            WR_TRY(wr_list_chain_open(list, wr_load_u32(list->head), err));
            list->left = wr_load_u32(list->head) == WR_PACKED_NULL ? 0 : wr_load_u32(list->head);
        } else if (list->head_used > 0 || list->left > 0) {
            continue;
        }
        if (list->left == 0)
            WR_TRY(wr_list_chain_close(list, err));
    }
    return WR_OK;
}

wr_status wr_list_chain_take(wr_list_chain *list, const void *bytes, size_t byte_count,
                             wr_error *err)
{
    return list->element_bytes ? take_runs(list, bytes, byte_count, err)
                               : take_stream(list, bytes, byte_count, err);
}

wr_status wr_list_chain_add(wr_list_chain *list, const wr_vector *values, uint32_t first,
                            uint32_t count, wr_error *err)
{
    if (list->element_bytes == 0)
        return add_texts(list, values, first, count, err);
    return add_cells(list, values->data, (const uint8_t *)values->valid, first, count, err);
}

wr_status wr_list_chain_end(wr_list_chain *list, wr_str *out_list, wr_error *err)
{
    if (list->count > 0)
        WR_TRY(put_block(list, 0, err));
    return wr_text_chain_end(&list->text, out_list, err);
}
