/* kernel/hash.h — hashes of whole rows for tables and partitions.
 *
 * Equal rows give equal hashes on every machine, thread count and cap; NULLs equal NULLs here
 * (joins drop NULL keys before). NaN is one value, -0.0 is 0.0. CONST is hashed once, DICT once per
 * entry where the dictionary is small. In stress mode "hash" every hash is 0.
 * Cost: 1-2 ns per fixed-size value, strings about 0.1 ns a byte more. */
#ifndef WR_KERNEL_HASH_H
#define WR_KERNEL_HASH_H

#include "vector/vector.h"

/** Shape: out_hashes[i] is the hash of the i-th selected row over columns[0 .. column_count-1] in order. */
void wr_hash_columns(const wr_vector *columns, uint32_t column_count,
                     const wr_selection *selection, uint64_t *out_hashes);

#endif
