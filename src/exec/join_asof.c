/* exec/join_asof.c — move along the right input for each left row. */
#include "exec/join_asof.h"

#include <string.h>

/* The right row at hand becomes the candidate; the next one is read, or there is none. */
static wr_status take_candidate(wr_join_asof_input *input, const wr_exec *exec, wr_error *err)
{
    wr_join_merge_side *right = &input->sides[WR_MERGE_RIGHT];

    input->candidate = wr_join_merge_side_head(right);
    if (++right->next == right->count) {
        memcpy(input->held, input->candidate, wr_row_bytes(input->candidate));
        input->candidate = input->held;
    }
    return wr_join_merge_side_look(right, exec, err);
}

/* *out_match: the right row for this left one, or NULL. */
static wr_status find_match(wr_join_asof_input *input, const uint8_t *left_row,
                            const uint8_t **out_match, bool *out_moved, const wr_exec *exec,
                            wr_error *err)
{
    const wr_join_merge_side *left = &input->sides[WR_MERGE_LEFT];
    wr_join_merge_side       *right = &input->sides[WR_MERGE_RIGHT];
    int                       order = 0;

    *out_match = NULL;
    *out_moved = false;
    if (wr_sortkey_has_null(&left->key, left_row))
        return WR_OK;
    WR_TRY(wr_join_merge_side_look(right, exec, err));
    while (!right->at_end) {
        WR_TRY(wr_sortkey_compare_across(&right->key, wr_join_merge_side_head(right), &left->key,
                                         left_row, &order, err));
        if (order > 0 || (order == 0 && input->excludes_equal))
            break;
        WR_TRY(take_candidate(input, exec, err));
        *out_moved = true;
    }
    if (!input->candidate)
        return WR_OK;
    WR_TRY(wr_sortkey_compare_across(&input->by[WR_MERGE_RIGHT], input->candidate,
                                     &input->by[WR_MERGE_LEFT], left_row, &order, err));
    if (order == 0)
        *out_match = input->candidate;
    return WR_OK;
}

static bool has_room(const wr_row_page *page, uint32_t page_bytes, uint32_t bytes)
{
    return bytes <= page_bytes - page->used_bytes;
}

static const uint8_t *keep(wr_row_page *page, const uint8_t *row)
{
    uint32_t bytes = wr_row_bytes(row);
    uint8_t *copy = (uint8_t *)page + page->used_bytes;

    memcpy(copy, row, bytes);
    page->used_bytes += bytes;
    return copy;
}

wr_status wr_join_asof_take(wr_join_asof_input *input, wr_join_asof_block *block,
                            const wr_exec *exec, wr_error *err)
{
    wr_join_merge_side *left = &input->sides[WR_MERGE_LEFT];
    wr_row_page        *left_page = block->pages[WR_MERGE_LEFT];
    wr_row_page        *right_page = block->pages[WR_MERGE_RIGHT];
    const uint8_t      *copy = NULL; /* of the candidate, in the right page */

    wr_row_page_init(left_page);
    wr_row_page_init(right_page);
    for (block->count = 0; block->count < block->rows_max;) {
        const uint8_t *row, *match;
        bool           moved;

        WR_TRY(wr_join_merge_side_look(left, exec, err));
        if (left->at_end)
            return WR_OK;
        row = wr_join_merge_side_head(left);
        WR_TRY(find_match(input, row, &match, &moved, exec, err));
        if (moved)
            copy = NULL;
        if (!has_room(left_page, block->page_bytes, wr_row_bytes(row)) ||
            (match && !copy && !has_room(right_page, block->page_bytes, wr_row_bytes(match))))
            return WR_OK;
        left->next++;
        if (!match && !left->wants_alone)
            continue;
        if (match && !copy)
            copy = keep(right_page, match);
        block->rows[WR_MERGE_LEFT][block->count] = keep(left_page, row);
        block->rows[WR_MERGE_RIGHT][block->count++] = match ? copy : NULL;
    }
    return WR_OK;
}
