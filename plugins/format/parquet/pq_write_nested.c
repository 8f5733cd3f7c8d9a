/* pq_write_nested.c — a nested value taken apart: the entries of one leaf, with their levels (Dremel).
 *
 * A leaf's path leads through containers. The value is walked along it with a list cursor per sequence;
 * an entry is a value, or the place where something is NULL or empty. The walk stops wherever the
 * block is full, and goes on with the next one: a list of any length passes.
 * Invariant: an entry's repetition level is that of the deepest sequence that moved on. */
#include "pq_write.h"

static const pq_path *step_of(const pq_shred *shred, uint32_t depth)
{
    return &shred->leaf->path[depth];
}

/* ---- Entries ----------------------------------------------------------------------------------- */

static void put_level(pq_shred *shred, pq_stage *stage, uint32_t def)
{
    stage->def[stage->count] = (uint8_t)def;
    stage->rep[stage->count++] = shred->rep;
}

static wr_status read_inner(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                            size_t *out_bytes, wr_error *err)
{
    const wr_packed *packed = blob->owner;
    uint64_t         left = offset < packed->byte_count ? packed->byte_count - offset : 0;

    *out_bytes = bytes < left ? bytes : (size_t)left;
    return *out_bytes ? wr_packed_read(packed, offset, buffer, *out_bytes, err) : WR_OK;
}

/* A text as a view: in place, or copied out of the disk, or, if it is long, a handle on it. */
static wr_status view_text(pq_shred *shred, const wr_packed *text, wr_str *out, wr_error *err)
{
    char prefix[4] = {0};

    if (text->bytes) {
        *out = wr_str_of((const char *)text->bytes, text->byte_count);
        return WR_OK;
    }
    if (text->byte_count <= shred->long_bytes) {
        char *bytes = shred->texts + shred->text_bytes;

        if (text->byte_count > 0)
            WR_TRY(wr_packed_read(text, 0, bytes, text->byte_count, err));
        *out = wr_str_of(bytes, text->byte_count);
        shred->text_bytes += (uint32_t)text->byte_count;
        return WR_OK;
    }
    shred->inner = *text;
    shred->blob = (wr_blob){.byte_count = text->byte_count, .read = read_inner,
                            .owner = &shred->inner};
    shred->is_full = true;
    WR_TRY(wr_packed_read(text, 0, prefix, sizeof prefix, err));
    *out = wr_str_of_blob(&shred->blob, prefix);
    return WR_OK;
}

static wr_status put_value(pq_shred *shred, pq_stage *stage, const wr_packed *container,
                           wr_slot slot, wr_error *err)
{
    const pq_leaf *leaf = shred->leaf;
    _Alignas(16) uint8_t cell[16] = {0};

    put_level(shred, stage, leaf->def_max);
    if (leaf->form == PQ_FORM_TEXT) {
        wr_packed text = wr_packed_inside(container, slot);
        wr_str   *to = (wr_str *)(void *)stage->values + stage->value_count++;

        shred->staged_bytes += text.byte_count;
        return view_text(shred, &text, to, err);
    }
    WR_TRY(wr_packed_read(container, slot.offset, cell, slot.byte_count, err));
    return wr_pq_store_cell(leaf, cell, stage, err);
}

/* ---- The walk ---------------------------------------------------------------------------------- */

static wr_status begin_container(pq_shred *shred, wr_packed value)
{
    pq_frame *frame = &shred->frames[shred->depth];

    frame->value = value;
    if (wr_type_is_sequence(step_of(shred, shred->depth)->type))
        wr_list_cursor_init(&frame->cursor, &frame->value, step_of(shred, shred->depth)->type);
    return WR_OK;
}

/* The next child of the container at shred->depth on the leaf's path; *out_end: there is none. */
static wr_status next_child(pq_shred *shred, wr_slot *out_slot, bool *out_end, wr_error *err)
{
    const pq_path *step = step_of(shred, shred->depth);
    pq_frame      *frame = &shred->frames[shred->depth];

    *out_end = false;
    frame->container = &frame->value;
    if (step->type.logical == WR_TYPE_STRUCT)
        return wr_packed_member(&frame->value, step->type, step->member, out_slot, err);
    WR_TRY(wr_list_cursor_next(&frame->cursor, out_slot, out_end, err));
    if (*out_end || step->type.logical == WR_TYPE_LIST)
        return WR_OK;
    frame->entry = wr_packed_inside(&frame->value, *out_slot);
    frame->container = &frame->entry;
    return wr_packed_member(&frame->entry, wr_type_element(step->type), step->member, out_slot, err);
}

/* Down from a child of the container at shred->depth to an entry. */
static wr_status descend(pq_shred *shred, pq_stage *stage, wr_slot slot, wr_error *err)
{
    while (!slot.is_null) {
        pq_frame *frame = &shred->frames[shred->depth];
        bool      end;

        if (shred->depth + 1 == shred->leaf->depth)
            return put_value(shred, stage, frame->container, slot, err);
        shred->depth++;
        WR_TRY(begin_container(shred, wr_packed_inside(frame->container, slot)));
        WR_TRY(next_child(shred, &slot, &end, err));
        if (end) {
            put_level(shred, stage, step_of(shred, shred->depth)->def - 1u);
            return WR_OK;
        }
    }
    put_level(shred, stage, step_of(shred, shred->depth)->def);
    return WR_OK;
}

/* The next entry behind the one that was put: of the deepest sequence that has one. */
static wr_status advance(pq_shred *shred, pq_stage *stage, wr_error *err)
{
    for (;; shred->depth--) {
        const pq_path *step = step_of(shred, shred->depth);
        wr_slot        slot;
        bool           end = true;

        if (wr_type_is_sequence(step->type))
            WR_TRY(next_child(shred, &slot, &end, err));
        if (!end) {
            shred->rep = step->rep;
            return descend(shred, stage, slot, err);
        }
        if (shred->depth == 0) {
            shred->is_open = false;
            return WR_OK;
        }
    }
}

wr_status wr_pq_shred_begin(pq_shred *shred, const pq_leaf *leaf, const wr_str *value,
                            pq_stage *stage, wr_error *err)
{
    wr_slot slot;
    bool    end;

    shred->leaf = leaf;
    shred->rep = 0;
    shred->depth = 0;
    if (!value) {
        put_level(shred, stage, 0);
        return WR_OK;
    }
    shred->is_open = true;
    shred->window->byte_count = 0;
    WR_TRY(begin_container(shred, wr_packed_of(value)));
    shred->frames[0].value.window = shred->window;
    WR_TRY(next_child(shred, &slot, &end, err));
    if (!end)
        return descend(shred, stage, slot, err);
    put_level(shred, stage, leaf->path[0].def - 1u);
    return WR_OK;
}

bool wr_pq_shred_has_room(const pq_shred *shred, const pq_stage *stage)
{
    return stage->count < PQ_STAGE_ROWS && !shred->is_full &&
           shred->staged_bytes < shred->long_bytes && shred->text_bytes <= shred->long_bytes;
}

wr_status wr_pq_shred_go_on(pq_shred *shred, pq_stage *stage, wr_error *err)
{
    while (shred->is_open && wr_pq_shred_has_room(shred, stage))
        WR_TRY(advance(shred, stage, err));
    return WR_OK;
}

void wr_pq_shred_staged(pq_shred *shred, pq_stage *stage)
{
    stage->count = stage->value_count = 0;
    shred->staged_bytes = 0;
    shred->text_bytes = 0;
    shred->is_full = false;
}
