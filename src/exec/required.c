/* required.c — see the header. */
#include "exec/required.h"

static const wr_field *field_of(const wr_read_request *request, uint32_t column)
{
    return &request->schema->fields[request->columns[column]];
}

uint64_t wr_required_bytes(const wr_read_request *request)
{
    for (uint32_t c = 0; c < request->column_count; c++)
        if (!field_of(request, c)->nullable)
            return WR_BATCH_ROWS_MAX * sizeof(uint16_t);
    return 0;
}

/* The first required column from `column` on that may have a NULL. */
static uint32_t find_suspect(const wr_read_request *request, const wr_batch *batch, uint32_t column)
{
    while (column < request->column_count &&
           (field_of(request, column)->nullable || !wr_vector_may_have_null(&batch->columns[column])))
        column++;
    return column;
}

static wr_status report(const wr_read_request *request, const wr_format_reader_ops *format,
                        const wr_split *split, uint32_t row, uint32_t column, wr_error *err)
{
    wr_reject reject = {.path = split->path};

    if (format->describe_row)
        format->describe_row(request, split, row, &reject);
    reject.column = field_of(request, column)->name;
    reject.reason = WR_TEXT("NULL, which the schema does not allow (nullable: false)");
    reject.batch_row = row;
    return request->rejects.report(request->rejects.self, &reject, err);
}

wr_status wr_required_check(const wr_read_request *request, const wr_format_reader_ops *format,
                            const wr_split *split, uint16_t *rows, wr_batch *io_batch, wr_error *err)
{
    uint32_t first, count = 0;

    if (!rows || wr_batch_rows(io_batch) == 0)
        return WR_OK;
    first = find_suspect(request, io_batch, 0);
    if (first == request->column_count)
        return WR_OK;
    for (uint32_t i = 0; i < wr_batch_rows(io_batch); i++) {
        uint32_t row = wr_selection_row(&io_batch->selection, i), column = first;

        while (column < request->column_count && wr_vector_is_valid(&io_batch->columns[column], row))
            column = find_suspect(request, io_batch, column + 1);
        if (column == request->column_count)
            rows[count++] = (uint16_t)row;
        else
            WR_TRY(report(request, format, split, row, column, err));
    }
    io_batch->selection = (wr_selection){rows, count};
    return WR_OK;
}
