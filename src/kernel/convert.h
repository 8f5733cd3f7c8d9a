/* kernel/convert.h — numbers of one C type to another, range checked.
 *
 * Floats are rounded half to even when they become integers (PostgreSQL), finite doubles beyond
 * Float32 fail. BOOL counts as an unsigned byte as a source. Rules and cost: kernel/operand.h. */
#ifndef WR_KERNEL_CONVERT_H
#define WR_KERNEL_CONVERT_H

#include "kernel/operand.h"

/** out = values as `to`, for all `rows`; both are numeric and not I128.
 *  Returns true if some values do not fit: their results are unspecified. */
bool wr_convert(wr_physical from, wr_physical to, const void *values, wr_selection rows, void *out);

#endif
