/* exec/chooser.c — see chooser.h. */
#include "exec/chooser.h"

enum { ROWS_BYTES = WR_BATCH_ROWS_MAX * sizeof(uint16_t) };

uint64_t wr_chooser_lease_min(const wr_program *predicate, uint64_t heap_bytes, uint32_t page_bytes)
{
    return predicate ? wr_evaluator_lease_min(predicate, ROWS_BYTES, heap_bytes, page_bytes) : 0;
}

wr_status wr_chooser_open(wr_chooser *chooser, const wr_program *predicate, uint64_t heap_bytes,
                          wr_lease *lease, const wr_run_facts *facts, wr_error *err)
{
    WR_TRY(wr_evaluator_open(&chooser->evaluator, predicate, ROWS_BYTES, heap_bytes, lease, facts,
                             err));
    chooser->rows = wr_bump_alloc(&chooser->evaluator.bump, ROWS_BYTES, err);
    return chooser->rows ? WR_OK : WR_NO_MEMORY;
}

wr_status wr_chooser_select(wr_chooser *chooser, const wr_batch *batch, wr_selection *out_selection,
                            uint32_t *out_error_row, wr_error *err)
{
    uint32_t  row_count = 0;
    wr_status status;

    *out_selection = batch->selection;
    if (wr_batch_rows(batch) == 0)
        return WR_OK;
    status = wr_program_select(chooser->evaluator.program, batch, chooser->rows, &row_count,
                               out_error_row, err);
    if (row_count < wr_batch_rows(batch))
        *out_selection = (wr_selection){chooser->rows, row_count};
    return status;
}

void wr_chooser_close(wr_chooser *chooser)
{
    wr_evaluator_close(&chooser->evaluator);
}
