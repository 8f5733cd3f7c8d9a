/* pq_write_store.h — a long run of bytes that waits on disk: the pages of a row group's column, the footer.
 *
 * Bytes are collected in a buffer and put aside a buffer at a time; where the pieces are is an index
 * of three levels that goes aside as it fills: memory is fixed, 2 million pieces fit.
 * Call order: reset, {put}, {read}, reset... Threads: one at a time. */
#ifndef WR_BUILDING_FORMAT_PARQUET
#error "private to plugins/format/parquet"
#endif
#ifndef WR_PQ_WRITE_STORE_H
#define WR_PQ_WRITE_STORE_H

#include "io/carve.h"
#include "mem/scratch.h"

enum { PQ_STORE_LEVELS = 3, PQ_STORE_FANOUT = 128 };

typedef struct pq_store {
    const wr_scratch    *scratch;
    uint8_t             *buffer;
    uint32_t             buffer_bytes, buffer_used;
    wr_scratch_position *index[PQ_STORE_LEVELS]; /* 0: of pieces; above: of full indexes */
    uint32_t             index_used[PQ_STORE_LEVELS];
    uint64_t             byte_count;
} pq_store;

void wr_pq_store_layout(pq_store *store, const wr_scratch *scratch, uint32_t buffer_bytes,
                        wr_carver *carver);
void wr_pq_store_reset(pq_store *store);

/** Errors WR_NO_SPACE, WR_IO of the scratch space; WR_UNSUPPORTED more than the index takes. */
wr_status wr_pq_store_put(pq_store *store, const void *bytes, size_t byte_count,
                          wr_error *err) WR_MUST_USE;

/** Hand everything to `sink`, in order, through `copy` (buffer_bytes). Nothing can be put afterwards. */
wr_status wr_pq_store_read(pq_store *store, void *copy,
                           wr_status (*sink)(void *self, const void *bytes, size_t byte_count,
                                             wr_error *err),
                           void *self, wr_error *err) WR_MUST_USE;

#endif
