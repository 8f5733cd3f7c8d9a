/* exec/required.h — rows of a scan that are NULL in a column declared with nullable: false are bad rows.
 *
 * Formats of text say so where they parse; for the others batches are looked at as they come. Only what is
 * read is looked at: a row that the filter left out, or a column that nobody wants, is not.
 * Cost: a look at each required column of a batch; rows only where one has a NULL at all. */
#ifndef WR_EXEC_REQUIRED_H
#define WR_EXEC_REQUIRED_H

#include "spi/format.h"

/** Bytes of `rows` that wr_required_check needs; 0: no column is required. */
uint64_t wr_required_bytes(const wr_read_request *request);

/** Report the selected rows of the batch, which `format` has just read from `split`, that are NULL where
 *  they must not be, in their order, and unselect them. `rows`: room for the new selection; NULL if
 *  no column is required. Errors: of the report. */
wr_status wr_required_check(const wr_read_request *request, const wr_format_reader_ops *format,
                            const wr_split *split, uint16_t *rows, wr_batch *io_batch,
                            wr_error *err) WR_MUST_USE;

#endif
