/* exec/join_merge.c — two sorted inputs side by side: which rows have equal keys? */
#include "exec/join_merge.h"

#include <string.h>

/* ---- One side -------------------------------------------------------------------------------- */

wr_status wr_join_merge_side_open(wr_join_merge_side sides[WR_MERGE_SIDES], uint32_t s,
                                  wr_sorter *sorter, uint32_t key_count, wr_bump *bump,
                                  wr_error *err)
{
    wr_join_merge_side *side = &sides[s];

    side->other = &sides[!s];
    WR_TRY(wr_sortkey_init(&side->key, &sorter->layout, sorter->plan.keys, key_count, bump, err));
    wr_mutex_init(&side->mutex);
    side->sorter = sorter;
    sorter->wants_spare_reader = sorter->exec->worker_count > 1;
    WR_TRY(wr_sorter_read_open(sorter, err));
    WR_TRY(wr_sorter_reader_open(&side->readers[0], sorter, err));
    side->reads_ahead = wr_sorter_has_reader(sorter);
    return side->reads_ahead ? wr_sorter_reader_open(&side->readers[1], sorter, err) : WR_OK;
}

void wr_join_merge_side_close(wr_join_merge_side *side)
{
    if (!side->sorter)
        return;
    for (uint32_t i = 0; i < 2; i++)
        wr_sorter_reader_close(&side->readers[i]);
    wr_sorter_read_close(side->sorter);
    wr_mutex_release(&side->mutex);
    side->sorter = NULL;
}

bool wr_join_merge_side_help(wr_join_merge_side *side)
{
    bool helps, any;

    if (!side->reads_ahead || !wr_mutex_try_lock(&side->mutex))
        return false;
    helps = !side->is_filled && !side->is_last;
    if (helps) {
        side->fill_status =
            wr_sorter_reader_fill(&side->readers[!side->reading], &any, &side->fill_error);
        side->is_last = side->fill_status != WR_OK || !any;
        side->is_filled = true;
    }
    wr_mutex_unlock(&side->mutex);
    return helps;
}

static wr_status turn_reader(wr_join_merge_side *side, wr_error *err)
{
    bool any;

    if (!side->is_filled) {
        WR_TRY(wr_sorter_reader_fill(&side->readers[side->reading], &any, err));
        side->is_last = !any;
        return WR_OK;
    }
    side->reading = !side->reading;
    side->is_filled = false;
    if (side->fill_status != WR_OK && err)
        *err = side->fill_error;
    return side->fill_status;
}

/* The rows of the reader are used up: on to those of the other one, or the next ones. If just now
 * somebody gets them ready, do the same for the other side. */
static wr_status read_on(wr_join_merge_side *side, wr_error *err)
{
    wr_status status;

    if (!wr_mutex_try_lock(&side->mutex)) {
        wr_join_merge_side_help(side->other);
        wr_mutex_lock(&side->mutex);
    }
    status = turn_reader(side, err);
    wr_mutex_unlock(&side->mutex);
    return status;
}

wr_status wr_join_merge_side_look(wr_join_merge_side *side, const wr_exec *exec, wr_error *err)
{
    if (side->next < side->count || side->at_end)
        return WR_OK;
    if (wr_exec_is_cancelled(exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    if (side->reads_ahead && side->readers[side->reading].rows_left == 0)
        WR_TRY(read_on(side, err));
    WR_TRY(wr_sorter_read_rows(&side->readers[side->reading], &side->rows, &side->count, err));
    side->next = 0;
    side->at_end = side->count == 0;
    return WR_OK;
}

/* ---- The block ------------------------------------------------------------------------------- */

static void reset_block(wr_join_merge_block *block)
{
    for (uint32_t s = 0; s < WR_MERGE_SIDES; s++) {
        wr_row_page_init(block->pages[s]);
        block->counts[s] = 0;
        wr_row_store_release(&block->stores[s]);
    }
    block->group_count = 0;
    block->is_long = false;
}

/* Is there room for a row of each side, and some more, so that a group need not be long only
 * because it comes last? */
static bool is_ample(const wr_join_merge_block *block)
{
    for (uint32_t s = 0; s < WR_MERGE_SIDES; s++)
        if (block->counts[s] * 4 > block->rows_max * 3 ||
            (uint64_t)block->pages[s]->used_bytes * 4 > (uint64_t)block->page_bytes * 3)
            return false;
    return true;
}

static bool keep_in_page(wr_join_merge_block *block, uint32_t s, const uint8_t *row)
{
    wr_row_page *page = block->pages[s];
    uint32_t     bytes = wr_row_bytes(row);
    uint8_t     *copy = (uint8_t *)page + page->used_bytes;

    if (block->counts[s] == block->rows_max || bytes > block->page_bytes - page->used_bytes)
        return false;
    memcpy(copy, row, bytes);
    page->used_bytes += bytes;
    block->rows[s][block->counts[s]++] = copy;
    return true;
}

static void add_group(wr_join_merge_block *block, uint32_t left_count, uint32_t right_count)
{
    block->groups[block->group_count++] =
        (wr_join_merge_group){{(uint16_t)left_count, (uint16_t)right_count}};
}

/* ---- Taking ---------------------------------------------------------------------------------- */

static void take_alone(wr_join_merge_side *side, wr_join_merge_block *block, uint32_t s)
{
    const uint8_t *row = side->rows[side->next++];

    if (!side->wants_alone)
        return;
    keep_in_page(block, s, row);
    add_group(block, s == WR_MERGE_LEFT, s == WR_MERGE_RIGHT);
}

/* Take the rows of one side whose keys are that of the first. */
static wr_status take_equals(wr_join_merge_side *side, wr_join_merge_block *block, uint32_t s,
                             const wr_exec *exec, wr_error *err)
{
    const uint8_t *first = NULL;
    int            order = 0;

    while (order == 0) {
        const uint8_t *row = side->rows[side->next++];

        if ((!first || !side->one_is_enough) && !keep_in_page(block, s, row)) {
            block->is_long = true;
            WR_TRY(wr_row_stores_keep(block->stores, WR_MERGE_SIDES, s, block->store_bytes_max,
                                      row, err));
        }
        if (!first)
            first = block->rows[s][block->counts[s] - 1];
        WR_TRY(wr_join_merge_side_look(side, exec, err));
        if (side->at_end)
            return WR_OK;
        WR_TRY(wr_sortkey_compare(&side->key, first, wr_join_merge_side_head(side), &order, err));
    }
    return WR_OK;
}

static wr_status take_pair(wr_join_merge_input *input, wr_join_merge_block *block, const wr_exec *exec,
                           wr_error *err)
{
    uint32_t firsts[] = {block->counts[WR_MERGE_LEFT], block->counts[WR_MERGE_RIGHT]};

    for (uint32_t s = 0; s < WR_MERGE_SIDES; s++)
        WR_TRY(take_equals(&input->sides[s], block, s, exec, err));
    add_group(block, block->counts[WR_MERGE_LEFT] - firsts[WR_MERGE_LEFT],
              block->counts[WR_MERGE_RIGHT] - firsts[WR_MERGE_RIGHT]);
    return WR_OK;
}

/* Which side's row comes first: < 0 the left one, > 0 the right one, 0 both: they match. */
static wr_status compare_heads(const wr_join_merge_input *input, int *out_order, wr_error *err)
{
    const wr_join_merge_side *left = &input->sides[WR_MERGE_LEFT], *right = left + 1;

    if (left->at_end || right->at_end) {
        *out_order = left->at_end ? 1 : -1;
        return WR_OK;
    }
    WR_TRY(wr_sortkey_compare_across(&left->key, wr_join_merge_side_head(left), &right->key, wr_join_merge_side_head(right),
                                     out_order, err));
    if (*out_order == 0 && !input->null_safe && wr_sortkey_has_null(&left->key, wr_join_merge_side_head(left)))
        *out_order = -1;
    return WR_OK;
}

/* Nothing that is left can come out: one side has ended, and the other has no use for the rest. */
static bool is_over(const wr_join_merge_input *input)
{
    const wr_join_merge_side *left = &input->sides[WR_MERGE_LEFT], *right = left + 1;

    return (left->at_end && (right->at_end || !right->wants_alone)) ||
           (right->at_end && !left->wants_alone);
}

wr_status wr_join_merge_take(wr_join_merge_input *input, wr_join_merge_block *block, const wr_exec *exec,
                        wr_error *err)
{
    reset_block(block);
    while (is_ample(block) && !block->is_long) {
        int order;

        for (uint32_t s = 0; s < WR_MERGE_SIDES; s++)
            WR_TRY(wr_join_merge_side_look(&input->sides[s], exec, err));
        if (is_over(input))
            return WR_OK;
        WR_TRY(compare_heads(input, &order, err));
        if (order == 0) {
            WR_TRY(take_pair(input, block, exec, err));
        } else {
            uint32_t s = order < 0 ? WR_MERGE_LEFT : WR_MERGE_RIGHT;

            take_alone(&input->sides[s], block, s);
        }
    }
    return WR_OK;
}
