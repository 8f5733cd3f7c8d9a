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

/** Find the partitions that the paths tell: fills table->partitions. `wanted` as of the option
 *  hive_partitioning: WR_HIVE_AUTO wants all paths to have the same keys, WR_HIVE_TRUE insists. Columns
 *  that the files have themselves are left out. After sampling.
 * Errors   WR_INVALID a path without the keys of the others (WR_HIVE_TRUE); WR_NO_MEMORY */
typedef enum wr_hive_wanted { WR_HIVE_AUTO, WR_HIVE_TRUE, WR_HIVE_FALSE } wr_hive_wanted;
wr_status wr_table_find_partitions(wr_table *table, wr_hive_wanted wanted, wr_bump *bump,
                                   wr_error *err) WR_MUST_USE;

/** Look at the heads of a table's files, before its sample: their codecs are loaded, `input_bytes` is
 *  what the most demanding file takes, and `open_lease` may grow by as much. */
wr_status wr_table_probe(wr_table *table, wr_lease *open_lease, wr_error *err) WR_MUST_USE;

/** After the sample: the same for what can be read only once. */
wr_status wr_table_probe_stream(wr_table *table, wr_error *err) WR_MUST_USE;

/** A type that holds the values of both, as inference would have chosen it; Utf8 holds any. */
wr_status wr_type_unite(wr_type a, wr_type b, wr_bump *bump, wr_type *out_type,
                        wr_error *err) WR_MUST_USE;

#endif
