/* types/nested_fixture.h — what tests of nested values share: types by name, random values, blobs in
 * memory. Include once, in a test's only file. */
#ifndef WR_TYPES_NESTED_FIXTURE_H
#define WR_TYPES_NESTED_FIXTURE_H

#include <math.h>
#include <string.h>

#include "types/packed.h"

static wr_type type_of(const char *text)
{
    wr_error err = {0};
    wr_type  type;

    if (wr_type_parse(wr_text_of(text), &type, &err) != WR_OK)
        fail_msg("%s: %s", text, err.message);
    return type;
}

/* A blob over bytes in memory that gives at most 7 of them a read. */
static wr_status read_few(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                          size_t *out_bytes, wr_error *err)
{
    (void)err;
    *out_bytes = bytes < 7 ? bytes : 7;
    if (offset + *out_bytes > blob->byte_count)
        *out_bytes = blob->byte_count - offset;
    memcpy(buffer, (const uint8_t *)blob->owner + offset, *out_bytes);
    return WR_OK;
}

/* Random values of any type: wr_value trees would be one way, this draws and packs at once. */
static uint64_t draw_state;

static uint32_t draw(uint32_t below)
{
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(draw_state >> 33) % below;
}

static bool draw_cell(wr_type type, uint8_t cell[16])
{
    static const char *const TEXTS[] = {"", "a", "a\0b", "ab", "a longer text than twelve"};
    static const size_t TEXT_BYTES[] = {0, 1, 3, 2, 25};
    uint32_t text = draw(5);
    double   f64 = draw(7) ? (double)draw(9) - 4 : (draw(2) ? NAN : -0.0);
    float    f32 = (float)f64;
    wr_str   str = wr_str_of(TEXTS[text], TEXT_BYTES[text]);

    memset(cell, 0, 16);
    if (draw(5) == 0)
        return false;
    for (int i = 0; i < 16; i++)
        cell[i] = (uint8_t)(draw(3) ? 0 : draw(256));
    if (type.logical == WR_TYPE_BOOL)
        cell[0] &= 1;
    if (type.logical == WR_TYPE_F64)
        memcpy(cell, &f64, 8);
    if (type.logical == WR_TYPE_F32)
        memcpy(cell, &f32, 4);
    if (wr_type_is_text(type))
        memcpy(cell, &str, 16);
    return true;
}

static void draw_value(wr_type type, wr_packer *out);

/* `is_entry`: the first member is the key of a Map, which is not NULL. */
static void draw_struct(wr_type type, bool is_entry, wr_packer *out)
{
    wr_struct_packer strukt;

    wr_struct_pack_begin(&strukt, out, type);
    for (uint32_t i = 0; i < wr_type_member_count(type); i++) {
        wr_type member = wr_type_member(type, i).type;
        bool    is_key = is_entry && i == 0, valid;
        uint8_t cell[16];

        if (wr_type_is_nested(member) && (is_key || draw(5))) {
            wr_struct_pack_open(&strukt);
            draw_value(member, out);
            wr_struct_pack_close(&strukt);
            continue;
        }
        do
            valid = !wr_type_is_nested(member) && draw_cell(member, cell);
        while (is_key && !valid);
        wr_struct_pack_cell(&strukt, valid ? cell : NULL);
    }
}

static void draw_value(wr_type type, wr_packer *out)
{
    wr_list_packer list;
    wr_type        element;
    bool           is_map = type.logical == WR_TYPE_MAP;

    if (type.logical == WR_TYPE_STRUCT) {
        draw_struct(type, false, out);
        return;
    }
    element = wr_type_element(type);
    wr_list_pack_begin(&list, out, element);
    for (uint32_t i = is_map ? draw(2) : draw(4); i > 0; i--) { /* keys of a Map differ */
        uint8_t cell[16];

        if (!wr_type_is_nested(element) || (!is_map && draw(5) == 0)) {
            bool valid = !wr_type_is_nested(element) && draw_cell(element, cell);

            wr_list_pack_cell(&list, valid ? cell : NULL);
            continue;
        }
        wr_list_pack_open(&list);
        if (is_map)
            draw_struct(element, true, out);
        else
            draw_value(element, out);
        wr_list_pack_close(&list);
    }
    wr_list_pack_end(&list);
}

#endif
