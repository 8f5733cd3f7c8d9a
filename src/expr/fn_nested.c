/* expr/fn_nested.c — see expr/fn_nested_priv.h. */
#include "expr/fn_nested_priv.h"

enum { COPIED_BYTES_MAX = 4096 }; /* of a blob, a value up to here is copied: reading it often is cheap */

/* ---- Elements ------------------------------------------------------------------------------------ */

wr_status wr_nested_append(wr_list_packer *list, wr_packed packed, wr_type type, wr_error *err)
{
    element_reader reader;
    element        e;
    bool           end;

    reader_init(&reader, packed, type);
    for (;;) {
        WR_TRY(reader_next(&reader, &e, &end, err));
        if (end)
            return WR_OK;
        pack_element(list, &e);
    }
}

wr_status wr_nested_collect(wr_eval *eval, wr_packed packed, wr_type type, element_array *out,
                            wr_error *err)
{
    element_reader reader;
    uint64_t       count;
    bool           end;

    WR_TRY(wr_packed_count(&packed, &count, err));
    out->count = (uint32_t)count;
    out->items = wr_bump_try_alloc(eval->heap, (size_t)count * sizeof *out->items);
    if (!out->items)
        return WR_NO_RESERVE;
    reader_init(&reader, packed, type);
    for (uint32_t i = 0; i < out->count; i++)
        WR_TRY(reader_next(&reader, &out->items[i], &end, err));
    return WR_OK;
}

wr_status wr_nested_put(wr_eval *eval, const wr_packed *packed, wr_slot slot, wr_vector *out,
                        uint32_t row, wr_error *err)
{
    uint8_t *cell = (uint8_t *)out->data + (size_t)row * value_bytes(out->type);
    char     small[WR_STR_INLINE_BYTES], *room;
    wr_blob_part *part;

    if (packed->bytes) {
        wr_packed_cell(packed, slot, out->type, cell);
        return WR_OK;
    }
    if (!wr_type_is_bytes(out->type))
        return wr_packed_read(packed, slot.offset, cell, (size_t)slot.byte_count, err);
    if (slot.byte_count > COPIED_BYTES_MAX) {
        part = wr_bump_try_alloc(eval->heap, sizeof *part);
        if (!part)
            return WR_NO_RESERVE;
        out->flags |= WR_VECTOR_BLOBS;
        return wr_blob_part_init(part, packed, slot, packed->blob, (wr_str *)(void *)cell, err);
    }
    room = result_room(eval, (size_t)slot.byte_count, small);
    if (!room)
        return WR_NO_RESERVE;
    WR_TRY(wr_packed_read(packed, slot.offset, room, (size_t)slot.byte_count, err));
    put_part(out, row, room, (size_t)slot.byte_count);
    return WR_OK;
}

/* ---- Order ---------------------------------------------------------------------------------------- */

/* NULL is after everything. Values that were packed here are whole: no error to tell. */
static int compare_elements(wr_type type, const element *a, const element *b)
{
    if (a->is_null || b->is_null)
        return a->is_null - b->is_null;
    return wr_nested_compare(type, a->cell, b->cell);
}

static int compare_lists(wr_type type, wr_packed a, wr_packed b)
{
    element_reader readers[2];
    element        e[2];
    bool           ends[2] = {false, false};
    int            order = 0;

    reader_init(&readers[0], a, type);
    reader_init(&readers[1], b, type);
    while (order == 0) {
        for (int i = 0; i < 2; i++)
            if (reader_next(&readers[i], &e[i], &ends[i], NULL) != WR_OK)
                ends[i] = true;
        if (ends[0] || ends[1])
            return ends[1] - ends[0];
        order = compare_elements(readers[0].cursor.element, &e[0], &e[1]);
    }
    return order;
}

static int compare_structs(wr_type type, wr_packed a, wr_packed b)
{
    const wr_packed *packed[2] = {&a, &b};
    wr_struct_cursor cursors[2];
    element          e[2];
    int              order = 0;

    wr_struct_cursor_init(&cursors[0], &a, type);
    wr_struct_cursor_init(&cursors[1], &b, type);
    for (uint32_t m = 0; order == 0 && m < wr_type_member_count(type); m++) {
        wr_type member = wr_type_member(type, m).type;

        for (int i = 0; i < 2; i++) {
            wr_slot slot;

            if (wr_struct_cursor_next(&cursors[i], &slot, NULL) != WR_OK)
                return 0;
            e[i].is_null = slot.is_null;
            if (!slot.is_null)
                wr_packed_cell(packed[i], slot, member, e[i].cell);
        }
        order = compare_elements(member, &e[0], &e[1]);
    }
    return order;
}

int wr_nested_compare(wr_type type, const void *a, const void *b)
{
    wr_value left, right;

    if (type.logical == WR_TYPE_STRUCT)
        return compare_structs(type, wr_packed_of(a), wr_packed_of(b));
    if (wr_type_is_sequence(type))
        return compare_lists(type, wr_packed_of(a), wr_packed_of(b));
    left = wr_value_load(type, a);
    right = wr_value_load(type, b);
    return wr_value_compare(&left, &right);
}

/* Merge the sorted [begin, middle) and [middle, end) of `from` into `to`. */
static void merge_runs(wr_type type, const element *items, const uint32_t *from, uint32_t begin,
                       uint32_t middle, uint32_t end, uint32_t *to)
{
    uint32_t left = begin, right = middle;

    for (uint32_t at = begin; at < end; at++) {
        bool takes_left = right == end ||
                          (left < middle && compare_elements(type, &items[from[left]],
                                                             &items[from[right]]) <= 0);

        to[at] = takes_left ? from[left++] : from[right++];
    }
}

wr_status wr_nested_sort(wr_eval *eval, wr_type type, const element_array *array,
                         uint32_t **out_order)
{
    uint32_t  count = array->count;
    uint32_t *order = wr_bump_try_alloc(eval->heap, (size_t)count * sizeof *order);
    uint32_t *other = wr_bump_try_alloc(eval->heap, (size_t)count * sizeof *other);

    if (!order || !other)
        return WR_NO_RESERVE;
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint64_t run = 1; run < count; run *= 2) {
        uint32_t *merged = other;

        for (uint64_t begin = 0; begin < count; begin += 2 * run) {
            uint64_t middle = begin + run < count ? begin + run : count;
            uint64_t end = middle + run < count ? middle + run : count;

            merge_runs(type, array->items, order, (uint32_t)begin, (uint32_t)middle, (uint32_t)end,
                       merged);
        }
        other = order;
        order = merged;
    }
    *out_order = order;
    return WR_OK;
}

/* ---- Results ------------------------------------------------------------------------------------- */

wr_status wr_nested_store(const nested_call *call, uint32_t row, uint64_t guess, pack_fn pack,
                          wr_error *err)
{
    wr_bump     *heap = call->eval->heap;
    wr_bump_mark before = wr_bump_save(heap), behind;
    wr_packer    packer = {.capacity = (size_t)guess};

    for (;; packer.capacity *= 2) {
        wr_status status;

        packer.used = 0;
        packer.is_full = false;
        packer.bytes = wr_bump_try_alloc(heap, packer.capacity);
        if (!packer.bytes)
            return WR_NO_RESERVE;
        behind = wr_bump_save(heap);
        call->eval->error_row = row;
        status = pack(call, row, &packer, err);
        wr_bump_rewind(heap, behind);
        WR_TRY(status);
        if (!packer.is_full)
            break;
        wr_bump_rewind(heap, before);
    }
    if (packer.used >= UINT32_MAX)
        return wr_eval_fail(call->eval, row, err, "%s: the result would be longer than 4 GiB",
                            call->eval->expr->function->name);
    put_part(call->out, row, (const char *)packer.bytes, packer.used);
    wr_bump_shrink(heap, packer.bytes, packer.capacity,
                   packer.used > WR_STR_INLINE_BYTES ? packer.used : 0);
    return WR_OK;
}

/* Bytes that the arguments of a row have together, and what packing them adds. */
static uint64_t guess_bytes(arguments args, uint32_t arg_count, uint32_t row)
{
    uint64_t bytes = 64;

    for (uint32_t a = 0; a < arg_count; a++) {
        const void *cell = cell_at(args[a], row);

        bytes += value_bytes(args[a]->type);
        if (cell && wr_type_is_bytes(args[a]->type))
            bytes += ((const wr_str *)cell)->byte_count;
    }
    return bytes + bytes / 8;
}

wr_status wr_nested_store_all(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                              pack_fn pack, wr_error *err)
{
    nested_call call = {eval, args, arg_count, out};

    EACH_LIVE(row)
    {
        WR_TRY(wr_nested_store(&call, row, guess_bytes(args, arg_count, row), pack, err));
    }
    return WR_OK;
}

/* ---- Types --------------------------------------------------------------------------------------- */

bool wr_nested_is_list(const wr_expr *arg, wr_type *out_type)
{
    *out_type = arg->type;
    if (wr_expr_is_null(arg))
        return wr_type_make_list(WR_TYPE(NULL_), out_type, NULL) == WR_OK;
    return arg->type.logical == WR_TYPE_LIST;
}

bool wr_nested_common_list(const wr_expr *list, const wr_expr *value, wr_type *out_list,
                           wr_type *out_element)
{
    wr_expr        column = {.kind = WR_EXPR_COLUMN};
    const wr_expr *both[] = {&column, value};
    wr_type        type;

    if (!wr_nested_is_list(list, &type))
        return false;
    column.type = wr_type_element(type);
    return wr_expr_common(both, 2, true, out_element) &&
           wr_type_make_list(*out_element, out_list, NULL) == WR_OK;
}
