/* ar_write_nested.c — a nested value taken apart: its parts into the buffers of its nodes.
 *
 * Recursion goes as deep as the type. A value on disk is read through a window of 17 KB, so one of any
 * length passes. Cost: about 10 ns a value; lists of numbers 2 ns an element. */
#include "ar_write.h"

static wr_status put_value(ar_putter *p, uint32_t n, const wr_packed *container, wr_slot slot, wr_error *err);

static wr_status put_struct(ar_putter *p, uint32_t n, const wr_packed *value, wr_error *err)
{
    const ar_out_node *node = &p->nodes[n];
    wr_struct_cursor   cursor;

    wr_struct_cursor_init(&cursor, value, node->type);
    for (uint32_t child = n + 1; child < node->end; child = p->nodes[child].end) {
        wr_slot slot;

        WR_TRY(wr_struct_cursor_next(&cursor, &slot, err));
        WR_TRY(put_value(p, child, value, slot, err));
    }
    return WR_OK;
}

/* Elements of fixed width, many at a time. */
static wr_status put_numbers(ar_putter *p, uint32_t child, wr_list_cursor *cursor, wr_error *err)
{
    uint32_t left;

    for (;;) {
        uint64_t       valid[WR_LIST_BLOCK_ELEMENTS / 64];
        wr_vector_view view = {.data = p->values};
        ar_span        span = {0};
        bool           any_null = false;

        WR_TRY(wr_list_cursor_left(cursor, &left, err));
        if (left == 0 || p->is_full)
            return WR_OK;
        span.count = left < WR_LIST_BLOCK_ELEMENTS ? left : WR_LIST_BLOCK_ELEMENTS;
        memset(valid, 0xff, sizeof valid);
        WR_TRY(wr_list_cursor_copy(cursor, span.count, p->values, valid, 0, &any_null, err));
        view.valid = any_null ? valid : NULL;
        WR_TRY(wr_ar_put_values(p, child, &view, &span, err));
    }
}

static wr_status put_list(ar_putter *p, uint32_t n, const wr_packed *value, wr_error *err)
{
    wr_list_cursor     cursor;
    bool               end = false;

    wr_list_cursor_init(&cursor, value, p->nodes[n].type);
    if (cursor.element_bytes > 0)
        return put_numbers(p, n + 1, &cursor, err);
    while (!p->is_full) {
        wr_slot slot;

        WR_TRY(wr_list_cursor_next(&cursor, &slot, &end, err));
        if (end)
            break;
        WR_TRY(put_value(p, n + 1, value, slot, err));
    }
    return WR_OK;
}

/* A value that is not NULL, in `value` as a whole. */
static wr_status put_whole(ar_putter *p, uint32_t n, const wr_packed *value, wr_error *err)
{
    const ar_out_node *node = &p->nodes[n];

    if (node->put == AR_PUT_TEXT)
        return wr_ar_put_text(p, n, value, err);
    WR_TRY(wr_ar_put_validity(p, n, true, err));
    if (node->put == AR_PUT_STRUCT)
        return put_struct(p, n, value, err);
    WR_TRY(put_list(p, n, value, err));
    return wr_ar_put_offset(p, n, p->buffers[n + 1].count, err);
}

static wr_status put_value(ar_putter *p, uint32_t n, const wr_packed *container, wr_slot slot, wr_error *err)
{
    const ar_out_node *node = &p->nodes[n];
    wr_packed          inside;
    _Alignas(16) uint8_t cell[16] = {0};
    wr_vector_view     view = {.data = cell};
    const ar_span      one = {NULL, 0, 1};

    if (slot.is_null || p->is_full)
        return wr_ar_put_nulls(p, n, 1, err);
    if (node->put == AR_PUT_TEXT || node->put == AR_PUT_LIST || node->put == AR_PUT_STRUCT) {
        inside = wr_packed_inside(container, slot);
        return put_whole(p, n, &inside, err);
    }
    WR_TRY(wr_packed_read(container, slot.offset, cell, slot.byte_count, err));
    return wr_ar_put_values(p, n, &view, &one, err);
}

wr_status wr_ar_put_nested(ar_putter *p, uint32_t n, const wr_str *value, wr_error *err)
{
    wr_packed whole;

    if (!value)
        return wr_ar_put_nulls(p, n, 1, err);
    whole = wr_packed_of(value);
    whole.window = p->window;
    p->window->byte_count = 0;
    return put_whole(p, n, &whole, err);
}
