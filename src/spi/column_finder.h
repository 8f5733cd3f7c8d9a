/* spi/column_finder.h — which wanted columns a file of a columnar format has, and which its columns are.
 *
 * A file's columns are given one by one, in their order. Each stands for the one column of the schema that
 * has its field id; else, if the column there has no id, that has its name: exactly, or the only one
 * but for the case. Every column of the schema counts, wanted or not: what a name finds does not depend on
 * what a plan asks for.
 *
 * Call order   begin, find for each column of the file, end.
 * Cost         a comparison or two a column where the file's order is the schema's; else a walk over it. */
#ifndef WR_SPI_COLUMN_FINDER_H
#define WR_SPI_COLUMN_FINDER_H

#include "spi/format.h"

/** How a wanted column was found so far. */
typedef enum wr_column_match {
    WR_MATCH_NONE,     /* the file lacks it */
    WR_MATCH_CASELESS,
    WR_MATCH_SEVERAL,  /* of the name but for the case */
    WR_MATCH_EXACT,
    WR_MATCH_TWICE,    /* of its field id */
} wr_column_match;

typedef struct wr_column_finder {
    const wr_read_request *request;
    uint8_t               *matches;     /* wr_column_match, of the request's columns */
    uint32_t               field, next; /* of the schema, of the request: where the next is likely */
    bool                   wants_ids, any_id; /* a column of the schema, of the file has one */
} wr_column_finder;

/** `matches`: request->column_count of them. */
void wr_column_finder_begin(wr_column_finder *finder, const wr_read_request *request, uint8_t *matches);

/** Which wanted column the file's next one is, or WR_FIELD_NONE. A column that was found by its name but
 *  for the case may be found again under its exact name, which counts. `id`: NULL, it has none. */
uint32_t wr_column_find(wr_column_finder *finder, wr_text name, const uint32_t *id);

/** Errors   WR_DATA several columns might be a wanted one, or ids are wanted and the file has none; without
 *                   the path */
wr_status wr_column_finder_end(const wr_column_finder *finder, wr_error *err) WR_MUST_USE;

#endif
