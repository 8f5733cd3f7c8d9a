/* exec/join_range_take.c — keep one side, cut it into zones, take blocks of the other. */
#include "exec/join_range_take.h"

#include <string.h>

#include "base/bits.h"
#include "base/fault.h"

enum { LEFT = WR_MERGE_LEFT, RIGHT = WR_MERGE_RIGHT, SIDES = WR_MERGE_SIDES, STRESS_ZONES = 4 };

/* ---- Open and close -------------------------------------------------------------------------- */

uint32_t wr_range_input_pages(const wr_plan_join *join)
{
    return wr_range_keeps_both(join) ? SIDES + 1 : 2; /* zones of each kept side, a buffer */
}

uint32_t wr_range_input_store_pages(const wr_plan_join *join)
{
    return wr_range_keeps_both(join) ? 2 * SIDES : 1;
}

uint64_t wr_range_input_bytes(const wr_plan_join_range *plan)
{
    uint32_t key_count = plan->merge.join.key_count;

    return wr_range_tests_bytes(plan) + SIDES * wr_round_up(wr_sortkey_bytes(key_count + 1), 16);
}

wr_status wr_range_input_open(wr_range_input *input, const wr_plan_join_range *plan,
                              wr_sorter *const sorters[WR_MERGE_SIDES], uint8_t *pages,
                              uint32_t page_bytes, wr_bump *bump, const wr_exec *exec,
                              wr_error *err)
{
    const wr_plan_join  *join = &plan->merge.join;
    const wr_row_layout *layouts[WR_RANGE_STORES] = {&sorters[LEFT]->layout, &sorters[RIGHT]->layout,
                                                     &sorters[RIGHT]->layout};
    uint32_t             zones_max = page_bytes / (2 * sizeof(wr_range_zone)) * 2; /* even */

    if (wr_stress_get()->spill_always)
        zones_max = STRESS_ZONES;
    *input = (wr_range_input){.join = join, .outer = plan->outer_right ? RIGHT : LEFT};
    input->buffer = pages + (size_t)(wr_range_input_pages(join) - 1) * page_bytes;
    for (uint32_t s = 0; s < WR_RANGE_STORES; s++)
        wr_row_store_init(&input->stores[s], layouts[s], bump->lease, page_bytes, exec->spill);
    for (uint32_t s = 0; s < SIDES; s++) {
        size_t zones_at = wr_range_keeps_both(join) ? s * (size_t)page_bytes : 0;

        input->runs[s] = (wr_range_run){.side = s, .store = &input->stores[s], .zones_max = zones_max,
                                        .zones = (wr_range_zone *)(void *)(pages + zones_at)};
        WR_TRY(wr_join_merge_side_open(input->sides, s, sorters[s], join->key_count + 1, bump, err));
    }
    return wr_range_tests_open(&input->tests, plan, layouts, bump, err);
}

void wr_range_input_close(wr_range_input *input)
{
    for (uint32_t s = 0; input->join && s < WR_RANGE_STORES; s++)
        wr_row_store_release(&input->stores[s]);
    for (uint32_t s = 0; s < SIDES; s++)
        wr_join_merge_side_close(&input->sides[s]);
}

/* ---- The kept side --------------------------------------------------------------------------- */

/* Both kept sides have half of the memory each: the right one is read while the left one still grows. */
static wr_status keep_row(wr_range_input *input, uint32_t side, const uint8_t *row, bool is_void,
                          wr_error *err)
{
    bool both = wr_range_keeps_both(input->join);

    if (!both)
        return is_void ? WR_OK : wr_row_stores_keep(&input->stores[side], 1, 0,
                                                    input->store_bytes_max, row, err);
    if (side == LEFT)
        return is_void ? WR_OK : wr_row_stores_keep(&input->stores[LEFT], 1, 0,
                                                    input->store_bytes_max / 2, row, err);
    return wr_row_stores_keep(&input->stores[RIGHT], 2, is_void, input->store_bytes_max / 2, row,
                              err);
}

static wr_status make_zones(wr_range_input *input, uint32_t side, wr_error *err)
{
    input->is_ready[side] = true;
    if (wr_stress_get()->spill_always)
        WR_TRY(wr_row_store_spill(&input->stores[side], 0, err));
    return wr_range_run_index(&input->runs[side], &input->tests, input->buffer, err);
}

static wr_status keep_side(wr_range_input *input, uint32_t s, const wr_exec *exec, wr_error *err)
{
    wr_join_merge_side *side = &input->sides[s];

    for (;;) {
        const uint8_t *row;

        WR_TRY(wr_join_merge_side_look(side, exec, err));
        if (side->at_end)
            return make_zones(input, s, err);
        row = wr_join_merge_side_head(side);
        side->next++;
        WR_TRY(keep_row(input, s, row, wr_range_is_void(&input->tests, s, row), err));
    }
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static wr_status begin_second_pass(wr_range_input *input, wr_error *err)
{
    WR_TRY(make_zones(input, LEFT, err));
    input->in_second_pass = true;
    input->outer = RIGHT;
    input->store = RIGHT;
    wr_row_reader_init(&input->reader, &input->stores[RIGHT], input->buffer, false);
    return WR_OK;
}

/* The row at hand of the kept right side; NULL: there is none. */
static wr_status look_at_kept(wr_range_input *input, const wr_exec *exec, const uint8_t **out_row,
                              wr_error *err)
{
    for (;;) {
        if (input->page && input->offset < input->page->used_bytes) {
            *out_row = (const uint8_t *)input->page + input->offset;
            return WR_OK;
        }
        if (wr_exec_is_cancelled(exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        WR_TRY(wr_row_reader_next(&input->reader, &input->page, err));
        input->offset = sizeof(wr_row_page);
        if (input->page)
            continue;
        *out_row = NULL;
        if (input->store == WR_RANGE_VOIDS)
            return WR_OK;
        input->store = WR_RANGE_VOIDS;
        wr_row_reader_init(&input->reader, &input->stores[WR_RANGE_VOIDS], input->buffer, false);
    }
}

static wr_status look(wr_range_input *input, const wr_exec *exec, const uint8_t **out_row,
                      wr_error *err)
{
    wr_join_merge_side *side = &input->sides[input->outer];

    if (input->in_second_pass)
        return look_at_kept(input, exec, out_row, err);
    WR_TRY(wr_join_merge_side_look(side, exec, err));
    *out_row = side->at_end ? NULL : wr_join_merge_side_head(side);
    return WR_OK;
}

/* On to the next row. */
static wr_status step(wr_range_input *input, const uint8_t *row, bool is_void, wr_error *err)
{
    if (input->in_second_pass) {
        input->offset += wr_row_bytes(row);
        return WR_OK;
    }
    input->sides[input->outer].next++;
    return wr_range_keeps_both(input->join) ? keep_row(input, input->outer, row, is_void, err)
                                            : WR_OK;
}

static void add_row(wr_range_block *block, const wr_range_tests *tests, const uint8_t *row,
                    bool is_void)
{
    uint8_t *copy = (uint8_t *)block->page + block->page->used_bytes;
    uint32_t bytes = wr_row_bytes(row);

    memcpy(copy, row, bytes);
    block->page->used_bytes += bytes;
    block->rows[block->count] = copy;
    block->is_void[block->count++] = is_void;
    if (!is_void)
        wr_range_bounds_add(&block->bounds, tests, block->outer, copy);
}

/* Rows of this pass until the block is full or the side at its end. */
static wr_status fill_block(wr_range_input *input, wr_range_block *block, const wr_exec *exec,
                            wr_error *err)
{
    bool wants_void = input->join->type != WR_JOIN_INNER && input->join->type != WR_JOIN_SEMI;

    block->count = 0;
    block->outer = input->outer;
    block->in_second_pass = input->in_second_pass;
    wr_row_page_init(block->page);
    wr_range_bounds_init(&block->bounds);
    while (block->count < block->rows_max) {
        const uint8_t *row;
        bool           is_void;

        WR_TRY(look(input, exec, &row, err));
        if (!row || wr_row_bytes(row) > block->page_bytes - block->page->used_bytes)
            return WR_OK;
        is_void = wr_range_is_void(&input->tests, input->outer, row);
        if (!is_void || wants_void)
            add_row(block, &input->tests, row, is_void);
        WR_TRY(step(input, row, is_void, err));
    }
    return WR_OK;
}

wr_status wr_range_take(wr_range_input *input, wr_range_block *block, const wr_exec *exec,
                        wr_error *err)
{
    if (!input->is_ready[!input->outer])
        WR_TRY(keep_side(input, !input->outer, exec, err));
    WR_TRY(fill_block(input, block, exec, err));
    if (block->count > 0 || !wr_range_keeps_both(input->join) || input->in_second_pass)
        return WR_OK;
    WR_TRY(begin_second_pass(input, err));
    return fill_block(input, block, exec, err);
}
