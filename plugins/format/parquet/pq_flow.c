/* pq_flow.c — pages that are decompressed as they are read.
 *
 * A compressed page that does not fit the pool as a whole, but whose values are read once, from first to
 * last, is decompressed no further than the window of the walk over it. A flow is a block of the pool: a
 * decoder with its history, and a window onto the stored page. The levels of a v1 page, which come before
 * its values, are read at the same time as these and so have blocks of their own.
 *
 * Invariants
 *  1. A flow has one walk: the walk's place is the decoder's.
 *  2. A flow and its levels take no more than the cursor's share of the pool each, so that other columns
 *     have theirs; where that is too little the page goes through scratch space.
 *  3. The walk to the last byte checks the page to its end.
 * Call order: wr_pq_flow_begin -> wr_pq_flow_read (through pq_bytes) -> wr_pq_page_drop.
 * Cost: the codec's, in pieces; a copy of the levels. */
#include "pq_priv.h"

#include <string.h>

#include "base/bits.h"

enum { STORED_BYTES_MIN = 4 << 10, STORED_BYTES_MAX = 64 << 10, LENGTH_BYTES = 4 };

struct pq_flow {
    wr_block_decoder *decoder;
    pq_bytes          stored;
};

wr_status wr_pq_flow_read(pq_flow *flow, uint8_t *out, size_t count, bool is_last, wr_error *err)
{
    wr_block_piece piece = {.out = out, .out_bytes = count};
    bool           done = false;

    while (piece.out_bytes > 0 || (is_last && !done)) {
        WR_TRY(wr_pq_bytes_fill(&flow->stored, 1, err));
        piece.in = flow->stored.at;
        piece.in_bytes = (size_t)(flow->stored.end - flow->stored.at);
        WR_TRY(wr_block_decoder_run(flow->decoder, &piece, &done, err));
        flow->stored.at = piece.in;
        if (piece.out_bytes > 0 ? done : is_last && !done && wr_pq_bytes_left(&flow->stored) == 0)
            return wr_pq_raise_short(err);
    }
    return WR_OK;
}

/* Levels of one kind, behind which *from then stands. *out_fit: there was room. */
static wr_status copy_levels(pq_cursor *cursor, pq_tools *tools, const pq_page_header *header,
                             bool is_repetition, pq_bytes *from, bool *out_fit, wr_error *err)
{
    uint32_t level_max = is_repetition ? cursor->leaf->max_repetition : cursor->leaf->max_definition;
    pq_runs *levels = is_repetition ? &cursor->repetition : &cursor->definition;
    uint32_t prefix = 0;
    uint64_t length;
    uint8_t  stored[LENGTH_BYTES] = {0}, *block;

    levels->bytes = (pq_bytes){.at = cursor->windows, .end = cursor->windows};
    if (level_max == 0)
        return WR_OK;
    length = ((uint64_t)header->value_count * wr_pq_level_bits(level_max) + 7) / 8;
    if (header->level_encodings[is_repetition] != PQ_BIT_PACKED) {
        prefix = LENGTH_BYTES;
        WR_TRY(wr_pq_bytes_copy(from, stored, prefix, err));
        length = wr_load_u32(stored);
    }
    if (length > wr_pq_bytes_left(from))
        return wr_pq_raise_short(err);
    block = prefix + length <= tools->pool_share ? wr_pq_pool_take(&tools->pool, prefix + length) : NULL;
    cursor->level_blocks[is_repetition] = block;
    *out_fit = block;
    if (!block)
        return WR_OK;
    memcpy(block, stored, prefix);
    levels->bytes = (pq_bytes){.at = block, .end = block + prefix + length};
    return wr_pq_bytes_copy(from, block + prefix, length, err);
}

/* Those of a v2 page stand in the file as they are, before the compressed part. */
static wr_status find_levels(pq_cursor *cursor, pq_tools *tools, const pq_page_header *header,
                             pq_bytes *from, bool *out_fit, wr_error *err)
{
    *out_fit = true;
    if (!header->is_v2) {
        WR_TRY(copy_levels(cursor, tools, header, true, from, out_fit, err));
        return *out_fit ? copy_levels(cursor, tools, header, false, from, out_fit, err) : WR_OK;
    }
    cursor->repetition.bytes = (pq_bytes){.left = header->level_bytes[1], .file = tools->file,
                                          .next = header->body};
    cursor->definition.bytes = (pq_bytes){.left = header->level_bytes[0], .file = tools->file,
                                          .next = header->body + header->level_bytes[1]};
    return WR_OK;
}

/* NULL: there is no room. */
static pq_flow *take_flow(pq_tools *tools, wr_codec codec, uint64_t window, const pq_page_header *header,
                          uint32_t plain_bytes)
{
    uint64_t fixed = wr_carve_bytes(sizeof(pq_flow)) +
                     wr_carve_bytes(wr_block_decoder_lease_min(codec, window)), size;
    pq_flow *flow;

    if (fixed + STORED_BYTES_MIN > tools->pool_share)
        return NULL;
    size = tools->pool_share < fixed + STORED_BYTES_MAX ? tools->pool_share : fixed + STORED_BYTES_MAX;
    flow = (pq_flow *)wr_pq_pool_take(&tools->pool, size);
    if (!flow)
        return NULL;
    flow->decoder = wr_block_decoder_init(codec, window, (uint8_t *)flow + wr_carve_bytes(sizeof *flow));
    wr_block_decoder_begin(flow->decoder, header->stored_bytes - plain_bytes,
                           header->raw_bytes - plain_bytes);
    flow->stored = (pq_bytes){.left = header->stored_bytes - plain_bytes,
                              .next = header->body + plain_bytes, .file = tools->file,
                              .window = (uint8_t *)flow + fixed, .window_bytes = (uint32_t)(size - fixed)};
    flow->stored.at = flow->stored.end = flow->stored.window;
    return flow;
}

wr_status wr_pq_flow_begin(pq_cursor *cursor, pq_tools *tools, wr_codec codec, uint64_t window,
                           const pq_page_header *header, pq_bytes *out, bool *out_begun, wr_error *err)
{
    uint32_t plain_bytes = header->level_bytes[0] + header->level_bytes[1];

    cursor->flow = take_flow(tools, codec, window, header, plain_bytes);
    *out_begun = cursor->flow;
    if (!cursor->flow)
        return WR_OK;
    *out = (pq_bytes){.left = header->raw_bytes - plain_bytes, .flow = cursor->flow};
    WR_TRY(find_levels(cursor, tools, header, out, out_begun, err));
    if (!*out_begun)
        wr_pq_page_drop(cursor, tools);
    return WR_OK;
}
