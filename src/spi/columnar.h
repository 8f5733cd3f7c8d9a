/* spi/columnar.h — what the readers of columnar formats share: which columns a filter wants first, and where a row
 * of a file without lines stands. Threads: any. Cost: a walk over the filter's columns; nothing. */
#ifndef WR_SPI_COLUMNAR_H
#define WR_SPI_COLUMNAR_H

#include "spi/format.h"

/** Does the request's filter, if it has one, look at the column (a position in the request's)? */
bool wr_filter_reads(const wr_read_request *request, uint32_t column);

/** As describe_row of the reader's operations: the file, the row and the split's byte. */
void wr_describe_file_row(const wr_read_request *request, const wr_split *split, uint32_t row,
                          wr_reject *out_place);

#endif
