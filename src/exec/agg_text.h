/* exec/agg_text.h — texts that grow piece by piece, one after the other: string_agg.
 *
 * Texts of up to a quarter page stay in a page of their own until the batch that shows them was
 * consumed; longer ones go to disk as they grow (spi/long_value.h) and become blob handles.
 * Call order: per text begin, add..., end; wr_text_chain_is_full after end: no other text before
 * wr_text_chain_recycle. Threads: one. */
#ifndef WR_EXEC_AGG_TEXT_H
#define WR_EXEC_AGG_TEXT_H

#include "exec/operator.h"
#include "spi/long_value.h"

typedef struct wr_text_chain {
    char          *room;       /* finished texts and handles, then the open text */
    uint32_t       room_bytes, used, length;
    bool           is_long;    /* the open text is being written to disk         */
    wr_long_writer writer;
} wr_text_chain;

/** Bytes of one chain. */
uint64_t wr_text_chain_bytes(const wr_exec *exec);

/** `scratch` outlives every text. Errors WR_NO_MEMORY. */
wr_status wr_text_chain_init(wr_text_chain *chain, const wr_exec *exec, const wr_scratch *scratch,
                            wr_bump *bump, wr_error *err) WR_MUST_USE;

void wr_text_chain_begin(wr_text_chain *chain);

/** Errors WR_DATA above 4 GiB; WR_NO_SPACE, WR_IO. */
wr_status wr_text_chain_add(wr_text_chain *chain, const void *bytes, size_t byte_count,
                           wr_error *err) WR_MUST_USE;

/** The finished text; it lies in the chain until that is recycled. */
wr_status wr_text_chain_end(wr_text_chain *chain, wr_str *out_text, wr_error *err) WR_MUST_USE;

bool wr_text_chain_is_full(const wr_text_chain *chain);

/** Finished texts are not needed any more. */
void wr_text_chain_recycle(wr_text_chain *chain);

#endif
