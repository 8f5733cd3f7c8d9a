/* exec/copies.c — see the header. */
#include "exec/copies.h"

enum { PART_BYTES = WR_BATCH_ROWS_MAX * 8 }; /* codes, or the values of a sequence */

void wr_copies_layout(wr_copies *copies, uint32_t column_count, wr_carver *carver)
{
    copies->rows = wr_carve(carver, WR_BATCH_ROWS_MAX * sizeof copies->rows[0]);
    copies->codes = wr_carve(carver, WR_BATCH_ROWS_MAX * sizeof copies->codes[0]);
    copies->positions = wr_carve(carver, WR_BATCH_ROWS_MAX * sizeof copies->positions[0]);
    copies->room = wr_carve(carver, (uint64_t)column_count * PART_BYTES);
}

/* All rows are copies of one. */
static void give_constant(const wr_copies *copies, const wr_vector *in, void *room, wr_vector *out)
{
    uint32_t  row = copies->rows[0];
    uint64_t *valid = room;

    *valid = wr_vector_is_valid(in, row);
    *out = (wr_vector){.type = in->type, .encoding = WR_CONST, .flags = in->flags,
                       .row_count = copies->count, .data = (void *)(uintptr_t)wr_vector_at(in, row),
                       .valid = *valid ? NULL : valid};
}

void wr_copies_column(const wr_copies *copies, const wr_vector *in, uint32_t part, wr_vector *out)
{
    uint32_t count = copies->count;
    void    *room = copies->room + (size_t)part * PART_BYTES;
    bool     one = count > 0 && copies->rows[0] == copies->rows[count - 1];

    *out = *in;
    out->row_count = count;
    switch ((wr_encoding)in->encoding) {
    case WR_CONST:
        return;
    case WR_FLAT:
        if (one)
            give_constant(copies, in, room, out);
        else
            *out = (wr_vector){.type = in->type, .encoding = WR_DICT, .flags = in->flags,
                               .row_count = count, .codes = copies->codes, .dict = in};
        return;
    case WR_DICT:
        if (one) {
            give_constant(copies, in, room, out);
            return;
        }
        for (uint32_t i = 0; i < count; i++)
            ((uint32_t *)room)[i] = in->codes[copies->rows[i]];
        out->codes = room;
        return;
    case WR_SEQ:
        for (uint32_t i = 0; i < count; i++)
            ((int64_t *)room)[i] = in->seq_first + copies->rows[i] * in->seq_step;
        *out = (wr_vector){.type = in->type, .encoding = WR_FLAT, .row_count = count, .data = room};
        return;
    }
}
