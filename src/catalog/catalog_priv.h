/* catalog_priv.h — what the files of the catalog share. */
#ifndef WR_BUILDING_CATALOG
#error "private to src/catalog"
#endif
#ifndef WR_CATALOG_PRIV_H
#define WR_CATALOG_PRIV_H

#include "catalog/catalog.h"

/** Settle the schema (and what the options leave open) of a table whose paths, format, options,
 *  codec and encoding stand, from samples of its files. */
wr_status wr_table_sample(const wr_table_spec *spec, wr_table *table, wr_lease *open_lease,
                          wr_bump *bump, wr_error *err) WR_MUST_USE;

#endif
