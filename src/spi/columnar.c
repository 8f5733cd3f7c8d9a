/* columnar.c — see the header. */
#include "spi/columnar.h"

bool wr_filter_reads(const wr_read_request *request, uint32_t column)
{
    const wr_row_filter *filter = &request->filter;

    for (uint32_t i = 0; filter->select && i < filter->column_count; i++)
        if (filter->columns[i] == column)
            return true;
    return false;
}

void wr_describe_file_row(const wr_read_request *request, const wr_split *split, uint32_t row,
                          wr_reject *out_place)
{
    (void)request;
    out_place->path = split->path;
    out_place->row = split->first_row + split->row_base + row + 1;
    out_place->byte_offset = split->byte_offset;
}
