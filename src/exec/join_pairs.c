/* exec/join_pairs.c — read columns of pairs of rows, ask the residual condition. */
#include "exec/join_pairs.h"

#include <string.h>

#include "base/bits.h"
#include "exec/sorter.h"

enum { SIDES = WR_MERGE_SIDES };

static uint64_t aligned(uint64_t bytes)
{
    return wr_round_up(bytes, 16);
}

uint64_t wr_join_pairs_bytes(const wr_plan_join_merge *plan, const wr_exec *exec)
{
    const wr_plan_join *join = &plan->join;
    uint64_t            bytes = aligned(WR_BATCH_ROWS_MAX * sizeof(uint16_t)) +
                     aligned((join->probe_count + join->build_count + 1) * sizeof(wr_vector));

    for (uint32_t s = 0; s < SIDES; s++) {
        const wr_plan_sort *sort = plan->sorts[s];

        bytes += aligned(exec->batch_rows * sizeof(uint8_t *)) +
                 aligned((wr_join_width(join, s) + 1) * sizeof(wr_vector)) +
                 aligned(wr_row_bytes_least(sort->types, sort->column_count, 0));
        for (uint32_t c = 0; c < wr_join_width(join, s); c++)
            bytes += aligned(wr_vector_bytes(wr_join_types(join, s)[c]));
    }
    return bytes;
}

uint64_t wr_join_pairs_residual_min(const wr_plan_join *join, const wr_exec *exec)
{
    return join->residual
               ? wr_evaluator_lease_min(join->residual, 0, exec->page_bytes, exec->page_bytes) : 0;
}

uint32_t wr_join_pairs_page_bytes(const wr_plan_join_merge *plan, const wr_exec *exec)
{
    uint32_t bytes = 0;

    for (uint32_t s = 0; s < SIDES; s++) {
        wr_sorter_plan sorter = wr_sort_sorter_plan(plan->sorts[s]);
        uint32_t       side_bytes = wr_sorter_page_bytes(&sorter, exec);

        bytes = side_bytes > bytes ? side_bytes : bytes;
    }
    return bytes;
}

static wr_status open_side(wr_join_pairs *pairs, uint32_t s, wr_bump *bump, const wr_exec *exec,
                           wr_error *err)
{
    const wr_row_layout *layout = pairs->layouts[s];
    uint32_t             width = wr_join_width(pairs->join, s);
    uint8_t             *null_row = wr_bump_alloc(bump, layout->fixed_bytes, err);

    pairs->rows[s] = WR_BUMP_NEW_ARRAY(bump, const uint8_t *, exec->batch_rows, err);
    pairs->room[s] = WR_BUMP_NEW_ARRAY(bump, wr_vector, width + 1, err);
    if (!null_row || !pairs->rows[s] || !pairs->room[s])
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < width; c++)
        WR_TRY(wr_vector_init(&pairs->room[s][c], wr_join_types(pairs->join, s)[c], bump, err));
    memset(null_row, 0, layout->fixed_bytes);
    memset(null_row + layout->null_offset, 0xff, (layout->column_count + 7) / 8);
    pairs->null_rows[s] = null_row;
    return WR_OK;
}

wr_status wr_join_pairs_open(wr_join_pairs *pairs, const wr_plan_join *join,
                             const wr_row_layout *const layouts[WR_MERGE_SIDES], wr_bump *bump,
                             const wr_exec *exec, wr_error *err)
{
    *pairs = (wr_join_pairs){.join = join};
    pairs->passed = WR_BUMP_NEW_ARRAY(bump, uint16_t, WR_BATCH_ROWS_MAX, err);
    pairs->columns = WR_BUMP_NEW_ARRAY(bump, wr_vector, join->probe_count + join->build_count + 1,
                                       err);
    if (!pairs->passed || !pairs->columns)
        return WR_NO_MEMORY;
    for (uint32_t s = 0; s < SIDES; s++) {
        pairs->layouts[s] = layouts[s];
        WR_TRY(open_side(pairs, s, bump, exec, err));
    }
    if (!join->residual)
        return WR_OK;
    return wr_evaluator_open(&pairs->residual, join->residual, 0, exec->page_bytes, bump->lease,
                             &exec->facts, err);
}

void wr_join_pairs_close(wr_join_pairs *pairs)
{
    wr_evaluator_close(&pairs->residual);
}

static wr_vector read_column(wr_join_pairs *pairs, uint32_t s, uint32_t column, uint32_t count)
{
    wr_vector out = pairs->room[s][column];

    wr_row_read(pairs->layouts[s], column, pairs->rows[s], count, &out);
    return out;
}

wr_status wr_join_pairs_ask(wr_join_pairs *pairs, uint32_t count, uint32_t *out_passed,
                            wr_error *err)
{
    const wr_plan_join *join = pairs->join;
    wr_batch            batch = {.columns = pairs->columns, .row_count = count,
                                 .column_count = join->probe_count + join->build_count};
    uint32_t            error_row = UINT32_MAX;

    *out_passed = 0;
    if (count == 0)
        return WR_OK;
    for (uint32_t s = 0, at = 0; s < SIDES; s++)
        for (uint32_t c = 0; c < wr_join_width(join, s); c++)
            pairs->columns[at++] = read_column(pairs, s, c, count);
    wr_batch_select_all(&batch);
    return wr_program_select(pairs->residual.program, &batch, pairs->passed, out_passed,
                             &error_row, err);
}

void wr_join_pairs_put(wr_join_pairs *pairs, uint32_t count, wr_batch *out)
{
    const wr_plan_join *join = pairs->join;
    uint32_t            at = 0;

    for (uint32_t i = 0; i < join->probe_out_count; i++)
        pairs->columns[at++] = read_column(pairs, WR_MERGE_LEFT, join->probe_out[i], count);
    for (uint32_t i = 0; i < join->build_out_count; i++)
        pairs->columns[at++] = read_column(pairs, WR_MERGE_RIGHT, join->build_out[i], count);
    out->columns = pairs->columns;
    out->column_count = at;
    out->row_count = count;
    wr_batch_select_all(out);
}
