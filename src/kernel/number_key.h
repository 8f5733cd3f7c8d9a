/* kernel/number_key.h — values of at most eight bytes as unsigned numbers that sort as they do.
 *
 * For aggregates that need no more of a value than its place among the others. Equal values have one
 * key: -0.0 is 0.0, and every NaN is one, the greatest.
 * Threads: none are involved. Cost: about 1 ns a value; sorting 1-2 ns a value for every byte in which
 * the keys differ. */
#ifndef WR_KERNEL_NUMBER_KEY_H
#define WR_KERNEL_NUMBER_KEY_H

#include "vector/vector.h"

/** Has every value of the type such a key (numbers, booleans, dates and times; decimals to 18 digits)? */
bool wr_number_key_fits(wr_type type);

/** Keys of the selected values that are not null, in their order; returns how many there are.
 * Shape    `out_keys` has room for the selection; any encoding */
uint32_t wr_number_keys(const wr_vector *values, const wr_selection *selection, uint64_t *out_keys);

/** The value in its physical layout. */
void wr_number_of_key(wr_type type, uint64_t key, void *out_value);

/** Sort by bytes, least significant first; bytes that all keys share cost nothing.
 * Shape    `spare` has room for as many keys; the sorted ones are in *out_sorted, one of both */
void wr_number_keys_sort(uint64_t *keys, uint64_t *spare, uint32_t count, uint64_t **out_sorted);

#endif
