/* kernel/nested_read_priv.h — steps of nested_read.c for nested_stream.c. All return false for a fault. */
#ifndef WR_BUILDING_KERNEL
#error "nested_read_priv.h is private to src/kernel"
#endif
#ifndef WR_KERNEL_NESTED_READ_PRIV_H
#define WR_KERNEL_NESTED_READ_PRIV_H

#include "kernel/nested_read.h"

/** The opening bracket of a list; *out_more: it is not empty. */
bool wr_nested_open_list(wr_nested_reader *reader, bool *out_more);

/** An element and the comma or bracket behind it. */
bool wr_nested_read_element(wr_nested_reader *reader, wr_type element, wr_list_packer *list,
                            bool *out_more);

/** Only blanks follow, up to the end of the text at hand. */
bool wr_nested_at_end(wr_nested_reader *reader);

/** Has the Map that lies in `packer` from `begin` to its end two entries with one key? *out_index is the
 *  second one's, from 0. If there is not enough room behind it to tell, the packer is full. */
bool wr_nested_find_twin(wr_packer *packer, size_t begin, wr_type type, uint64_t *out_index);

#endif
