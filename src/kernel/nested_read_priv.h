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

#endif
