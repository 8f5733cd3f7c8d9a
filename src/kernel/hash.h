/* kernel/hash.h — hashes of whole rows for tables and partitions.
 *
 * Equal rows give equal hashes on every machine, thread count and cap, whatever the encoding of
 * their columns. NULL hashes to a constant (joins drop NULL keys before), NaN is one value, -0.0 is
 * 0.0, intervals hash by their length. A string hashes to wr_hash_bytes of its bytes, a blob handle
 * to the hash it carries. CONST is hashed once, DICT once per entry where the dictionary is no
 * larger than the batch. In stress mode "hash" every hash is 0.
 * Cost: about 1 ns per fixed-size value, strings 3 ns and 0.1 ns a byte. */
#ifndef WR_KERNEL_HASH_H
#define WR_KERNEL_HASH_H

#include "vector/vector.h"

/** Hash rows over columns[0 .. column_count-1], in this order.
 *
 * Shape    out_hashes[i] belongs to the i-th selected row; no columns: every hash is 0 */
void wr_hash_columns(const wr_vector *columns, uint32_t column_count,
                     const wr_selection *selection, uint64_t *out_hashes);

#endif
