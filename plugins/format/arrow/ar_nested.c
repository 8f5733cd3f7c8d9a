/* ar_nested.c — nested values, packed: a list's elements, a struct's members, found by their rows.
 *
 * A union is a Struct of its members, of which the one that it is is there. Recursion goes as deep as the
 * type and what wraps it. Cost: about 10 ns an element. */
#include "ar_priv.h"

typedef struct packing {
    ar_split  *split;
    wr_packer *out;
} packing;

static const ar_node *node_of(const packing *p, uint32_t n)
{
    return &p->split->file->nodes[n];
}

static wr_status pack(packing *p, uint32_t n, uint64_t row, const wr_pack_target *to, bool *out_null,
                      wr_error *err);

/* Elements [begin, end) of the node's child. A writer takes each block of them when it is complete. */
static wr_status pack_elements(packing *p, uint32_t n, uint64_t begin, uint64_t end, wr_long_writer *writer,
                               wr_error *err)
{
    wr_list_packer list;
    wr_pack_target inside = {.list = &list};

    if (end < begin || end > p->split->cursors[n + 1].length)
        return WR_RAISE(err, WR_CORRUPT, "a list ends with element %llu of %llu", (unsigned long long)end,
                        (unsigned long long)p->split->cursors[n + 1].length);
    wr_list_pack_begin(&list, p->out, wr_type_element(node_of(p, n)->type));
    for (uint64_t i = begin; i < end && !p->out->is_full; i++) {
        bool is_null;

        WR_TRY(pack(p, n + 1, i, &inside, &is_null, err));
        if (writer && list.count == 0 && !p->out->is_full) {
            WR_TRY(wr_long_writer_add(writer, p->out->bytes, p->out->used, err));
            p->out->used = 0;
        }
    }
    wr_list_pack_end(&list);
    return WR_OK;
}

/* Where the elements of a list lie in the node's child. */
static wr_status find_elements(packing *p, uint32_t n, uint64_t row, uint64_t *out_begin, uint64_t *out_end,
                               wr_error *err)
{
    const ar_node *node = node_of(p, n);
    ar_cursor     *cursor = &p->split->cursors[n];

    if (node->kind == AR_KIND_FIXED_LIST) {
        *out_begin = row * node->stored_bytes;
        *out_end = *out_begin + node->stored_bytes;
        return WR_OK;
    }
    if (node->kind == AR_KIND_LIST)
        return wr_ar_range_at(&cursor->buffers[AR_DATA], row, node->is_large, out_begin, out_end, err);
    WR_TRY(wr_ar_number_at(&cursor->buffers[AR_DATA], row, node->is_large, out_begin, err));
    WR_TRY(wr_ar_number_at(&cursor->buffers[AR_MORE], row, node->is_large, out_end, err));
    *out_end += *out_begin;
    return WR_OK;
}

static wr_status pack_list(packing *p, uint32_t n, uint64_t row, wr_error *err)
{
    uint64_t begin, end;

    WR_TRY(find_elements(p, n, row, &begin, &end, err));
    return pack_elements(p, n, begin, end, NULL, err);
}

static wr_status pack_struct(packing *p, uint32_t n, uint64_t row, wr_error *err)
{
    const ar_node   *node = node_of(p, n);
    wr_struct_packer strukt;
    wr_pack_target   inside = {.strukt = &strukt};
    bool             is_null;

    wr_struct_pack_begin(&strukt, p->out, node->type);
    for (uint32_t child = n + 1; child < node->end; child = node_of(p, child)->end)
        WR_TRY(pack(p, child, row, &inside, &is_null, err));
    return WR_OK;
}

static wr_status pack_union(packing *p, uint32_t n, uint64_t row, wr_error *err)
{
    const ar_node   *node = node_of(p, n);
    ar_cursor       *cursor = &p->split->cursors[n];
    wr_struct_packer strukt;
    wr_pack_target   inside = {.strukt = &strukt};
    const uint8_t   *type;
    uint64_t         place = row;
    bool             is_null, any = false;

    WR_TRY(wr_ar_buffer_at(&cursor->buffers[AR_DATA], row, 1, &type, err));
    if (node->is_dense)
        WR_TRY(wr_ar_number_at(&cursor->buffers[AR_MORE], row, false, &place, err));
    wr_struct_pack_begin(&strukt, p->out, node->type);
    for (uint32_t child = n + 1; child < node->end; child = node_of(p, child)->end) {
        if ((int8_t)*type != node_of(p, child)->member) {
            wr_pack_cell(&inside, NULL);
            continue;
        }
        any = true;
        WR_TRY(pack(p, child, place, &inside, &is_null, err));
    }
    return any ? WR_OK : WR_RAISE(err, WR_CORRUPT, "a union has no member %d", (int8_t)*type);
}

static wr_status put_flat(packing *p, uint32_t n, uint64_t row, const wr_pack_target *to, bool *out_null,
                          wr_error *err)
{
    ar_cell cell;

    WR_TRY(wr_ar_cell_read(p->split, n, row, &cell, err));
    if (cell.is_far)
        return WR_RAISE(err, WR_NO_MEMORY, "a text of %llu bytes inside of a nested value is longer than the "
                        "window through which it is read: a larger cap, or fewer threads",
                        (unsigned long long)cell.far.size);
    *out_null = cell.value == NULL;
    wr_pack_cell(to, cell.value);
    return WR_OK;
}

/* A nested value of a dictionary in scratch space. */
static wr_status put_far(packing *p, uint32_t n, uint32_t code, const wr_pack_target *to, bool *out_null,
                         wr_error *err)
{
    uint8_t       piece[1024];
    ar_cell       cell;
    const wr_str *packed;

    WR_TRY(wr_ar_far_read(p->split, n, code, &cell, err));
    *out_null = cell.value == NULL;
    if (*out_null) {
        wr_pack_cell(to, NULL);
        return WR_OK;
    }
    wr_pack_open(to);
    packed = cell.value;
    if (!cell.is_far)
        wr_pack_bytes(p->out, wr_str_bytes(packed), packed->byte_count);
    for (uint64_t at = 0; cell.is_far && at < cell.far.size && !p->out->is_full;) {
        uint64_t left = cell.far.size - at, now = left < sizeof piece ? left : sizeof piece;

        WR_TRY(wr_ar_source_read(&cell.far, at, piece, now, err));
        wr_pack_bytes(p->out, piece, now);
        at += now;
    }
    wr_pack_close(to);
    return WR_OK;
}

/* A nested value of a dictionary: it is packed already. */
static wr_status put_word(packing *p, uint32_t n, uint64_t row, const wr_pack_target *to, bool *out_null,
                          wr_error *err)
{
    ar_cell       cell;
    const wr_str *packed;
    uint32_t      code;

    if (p->split->cursors[n].words.is_far) {
        WR_TRY(wr_ar_code_read(p->split, n, row, out_null, &code, err));
        if (!*out_null)
            return p->split->cursors[n].words.far ? put_far(p, n, code, to, out_null, err)
                                                  : pack(p, n + 1, code, to, out_null, err);
        wr_pack_cell(to, NULL);
        return WR_OK;
    }
    WR_TRY(wr_ar_cell_read(p->split, n, row, &cell, err));
    *out_null = cell.value == NULL;
    if (!cell.value || to->list || to->strukt) {
        wr_pack_cell(to, cell.value);
        return WR_OK;
    }
    packed = cell.value;
    wr_pack_bytes(p->out, wr_str_bytes(packed), packed->byte_count);
    return WR_OK;
}

/* The value of a node at a row. */
static wr_status pack(packing *p, uint32_t n, uint64_t row, const wr_pack_target *to, bool *out_null, wr_error *err)
{
    const ar_node *node = node_of(p, n);
    bool           valid;

    if (node->kind == AR_KIND_RUNS) {
        WR_TRY(wr_ar_run_find(p->split, n, row, &row, err));
        return pack(p, node_of(p, n + 1)->end, row, to, out_null, err);
    }
    if (!wr_type_is_nested(node->type))
        return put_flat(p, n, row, to, out_null, err);
    if (node->kind == AR_KIND_DICTIONARY)
        return put_word(p, n, row, to, out_null, err);
    WR_TRY(wr_ar_is_valid(p->split, n, row, &valid, err));
    *out_null = !valid || node->kind == AR_KIND_NULL;
    if (*out_null) {
        wr_pack_cell(to, NULL);
        return WR_OK;
    }
    wr_pack_open(to);
    switch ((ar_kind)node->kind) {
    case AR_KIND_STRUCT:
        WR_TRY(pack_struct(p, n, row, err));
        break;
    case AR_KIND_UNION:
        WR_TRY(pack_union(p, n, row, err));
        break;
    default:
        WR_TRY(pack_list(p, n, row, err));
    }
    wr_pack_close(to);
    return WR_OK;
}

wr_status wr_ar_pack(ar_split *split, uint32_t n, uint64_t row, wr_packer *out, bool *out_null,
                     wr_error *err)
{
    packing      p = {split, out};
    const wr_pack_target nowhere = {0};

    return pack(&p, n, row, &nowhere, out_null, err);
}

wr_status wr_ar_pack_long(ar_split *split, uint32_t n, uint64_t row, wr_packer *room, wr_blob *out_blob,
                          wr_error *err)
{
    packing  p = {split, room};
    uint64_t begin, end;

    wr_long_writer_begin(&split->writer);
    room->used = 0;
    room->is_full = false;
    WR_TRY(find_elements(&p, n, row, &begin, &end, err));
    WR_TRY(pack_elements(&p, n, begin, end, &split->writer, err));
    if (room->is_full)
        return WR_OK;
    WR_TRY(wr_long_writer_add(&split->writer, room->bytes, room->used, err));
    return wr_long_writer_end(&split->writer, out_blob, err);
}
