/* exec/agg_list.h — lists that grow element by element, one list after the other: list, array_agg.
 *
 * The open block of the list (types/packed.h) is put together here; finished blocks go to a text chain
 * (exec/agg_text.h), so a list of any length needs no more memory. Blocks are cut by the rule of
 * types/packed.h: the bytes do not depend on how elements came.
 * Call order: per list begin, {add | open, part..., close}*, end; wr_text_chain_is_full(&list->text) after
 * end: no other list before the chain is recycled. Threads: one.
 * Cost: fixed width a copy to the block and one to the chain. */
#ifndef WR_EXEC_AGG_LIST_H
#define WR_EXEC_AGG_LIST_H

#include "exec/agg_text.h"
#include "types/packed.h"

typedef struct wr_list_chain {
    wr_text_chain text;
    uint32_t      element_bytes; /* 0: not of fixed width                         */
    uint8_t      *block;         /* the open one: header, elements, bits of nulls */
    uint32_t      count, used;   /* elements in it, bytes of them                 */
    bool          is_direct;     /* the open element is not put into the block    */
    bool          any_null;
    uint64_t      valid[WR_LIST_BLOCK_ELEMENTS / 64];
    uint64_t      total;         /* elements of the list                          */
    uint8_t       head[WR_LENGTH_BYTES]; /* of a stream: the next element's length, ... */
    uint32_t      head_used;
    uint32_t      left;          /* ... and what is still to come of the open one */
} wr_list_chain;

/** Bytes of one chain. */
uint64_t wr_list_chain_bytes(const wr_exec *exec);

/** `scratch` outlives every list. Errors WR_NO_MEMORY. */
wr_status wr_list_chain_init(wr_list_chain *list, wr_type element, const wr_exec *exec,
                             const wr_scratch *scratch, wr_bump *bump, wr_error *err) WR_MUST_USE;

void wr_list_chain_begin(wr_list_chain *list);

/** Rows first .. first + count - 1 of a FLAT vector; nulls are elements, too.
 * Errors   WR_DATA above 4 GiB; WR_NO_SPACE, WR_IO */
wr_status wr_list_chain_add(wr_list_chain *list, const wr_vector *values, uint32_t first,
                            uint32_t count, wr_error *err) WR_MUST_USE;

/** An element of `byte_count` bytes, not of fixed width, that comes in parts; WR_PACKED_NULL: a null,
 *  which has no parts. Errors as add. */
wr_status wr_list_chain_open(wr_list_chain *list, uint32_t byte_count, wr_error *err) WR_MUST_USE;
wr_status wr_list_chain_part(wr_list_chain *list, const void *bytes, size_t byte_count,
                             wr_error *err) WR_MUST_USE;
wr_status wr_list_chain_close(wr_list_chain *list, wr_error *err) WR_MUST_USE;

/** Elements on their way to a list, put down by one thread and added by another. Of fixed width they
 *  come in runs: u32 count, with WR_LIST_NULLS if one is null, the elements, with WR_LIST_NULLS a bit
 *  map (1: valid). Others are a stream of u32 lengths and bytes, WR_PACKED_NULL for a null. */

/** Write a run of the first of these rows of a FLAT vector to `room` bytes at `to`; returns how many
 *  rows, 0 if there is no room for one. */
uint32_t wr_list_run_put(void *to, size_t room, const wr_vector *values, uint32_t first,
                         uint32_t count, uint32_t *out_bytes);

/** Whole runs, or for elements not of fixed width any part of their stream. Errors as add. */
wr_status wr_list_chain_take(wr_list_chain *list, const void *bytes, size_t byte_count,
                             wr_error *err) WR_MUST_USE;

/** The finished list; it lies in the chain until that is recycled. */
wr_status wr_list_chain_end(wr_list_chain *list, wr_str *out_list, wr_error *err) WR_MUST_USE;

#endif
