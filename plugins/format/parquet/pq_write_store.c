/* pq_write_store.c — see the header. */
#include "pq_write_store.h"

#include <string.h>

void wr_pq_store_layout(pq_store *store, const wr_scratch *scratch, uint32_t buffer_bytes,
                        wr_carver *carver)
{
    *store = (pq_store){.scratch = scratch, .buffer_bytes = buffer_bytes,
                        .buffer = wr_carve(carver, buffer_bytes)};
    for (int i = 0; i < PQ_STORE_LEVELS; i++)
        store->index[i] = wr_carve(carver, PQ_STORE_FANOUT * sizeof(wr_scratch_position));
}

void wr_pq_store_reset(pq_store *store)
{
    store->buffer_used = 0;
    store->byte_count = 0;
    memset(store->index_used, 0, sizeof store->index_used);
}

/* Note a position in an index; one that is full goes aside first, and into the one above. */
static wr_status note(pq_store *store, int level, wr_scratch_position position, wr_error *err)
{
    for (; level < PQ_STORE_LEVELS; level++) {
        wr_scratch_position *index = store->index[level];

        if (store->index_used[level] < PQ_STORE_FANOUT) {
            index[store->index_used[level]++] = position;
            return WR_OK;
        }
        if (level + 1 < PQ_STORE_LEVELS) {
            wr_scratch_position aside;

            WR_TRY(wr_scratch_append(*store->scratch, index, PQ_STORE_FANOUT * sizeof *index, &aside,
                                     err));
            index[0] = position;
            store->index_used[level] = 1;
            position = aside;
        }
    }
    return WR_RAISE(err, WR_UNSUPPORTED,
                    "a column of a row group is too long: make row groups smaller (row_group_bytes)");
}

static wr_status flush(pq_store *store, wr_error *err)
{
    wr_scratch_position position;

    if (store->buffer_used == 0)
        return WR_OK;
    WR_TRY(wr_scratch_append(*store->scratch, store->buffer, store->buffer_used, &position, err));
    store->buffer_used = 0;
    return note(store, 0, position, err);
}

wr_status wr_pq_store_put(pq_store *store, const void *bytes, size_t byte_count, wr_error *err)
{
    const uint8_t *from = bytes;

    store->byte_count += byte_count;
    while (byte_count > 0) {
        size_t room = store->buffer_bytes - store->buffer_used;
        size_t now = byte_count < room ? byte_count : room;

        memcpy(store->buffer + store->buffer_used, from, now);
        store->buffer_used += (uint32_t)now;
        from += now;
        byte_count -= now;
        if (store->buffer_used == store->buffer_bytes)
            WR_TRY(flush(store, err));
    }
    return WR_OK;
}

typedef struct reading {
    pq_store *store;
    void     *copy;
    wr_status (*sink)(void *self, const void *bytes, size_t byte_count, wr_error *err);
    void     *self;
} reading;

static wr_status read_pieces(const reading *r, wr_error *err)
{
    pq_store *store = r->store;

    for (uint32_t i = 0; i < store->index_used[0]; i++) {
        size_t got;

        WR_TRY(wr_scratch_read(*store->scratch, store->index[0][i], 0, r->copy, store->buffer_bytes,
                               &got, err));
        WR_TRY(r->sink(r->self, r->copy, got, err));
    }
    return WR_OK;
}

/* Read the index at `position` into that of `level`. */
static wr_status load(pq_store *store, int level, wr_scratch_position position, wr_error *err)
{
    size_t got;

    WR_TRY(wr_scratch_read(*store->scratch, position, 0, store->index[level],
                           PQ_STORE_FANOUT * sizeof position, &got, err));
    store->index_used[level] = (uint32_t)(got / sizeof position);
    return WR_OK;
}

/* Put the open indexes below `level` aside, so that everything hangs on the one above them. */
static wr_status close_indexes(pq_store *store, wr_error *err)
{
    for (int level = 0; level + 1 < PQ_STORE_LEVELS; level++) {
        wr_scratch_position aside;

        if (store->index_used[level] == 0)
            continue;
        WR_TRY(wr_scratch_append(*store->scratch, store->index[level],
                                 store->index_used[level] * sizeof aside, &aside, err));
        WR_TRY(note(store, level + 1, aside, err));
        store->index_used[level] = 0;
    }
    return WR_OK;
}

wr_status wr_pq_store_read(pq_store *store, void *copy,
                           wr_status (*sink)(void *self, const void *bytes, size_t byte_count,
                                             wr_error *err),
                           void *self, wr_error *err)
{
    reading r = {store, copy, sink, self};

    /* What is not put aside yet is the only thing there is, or the last. */
    if (store->byte_count <= store->buffer_used)
        return store->buffer_used ? sink(self, store->buffer, store->buffer_used, err) : WR_OK;
    WR_TRY(flush(store, err));
    if (store->index_used[1] == 0 && store->index_used[2] == 0)
        return read_pieces(&r, err);
    WR_TRY(close_indexes(store, err));
    for (uint32_t i = 0; i < store->index_used[2]; i++) {
        WR_TRY(load(store, 1, store->index[2][i], err));
        for (uint32_t j = 0; j < store->index_used[1]; j++) {
            WR_TRY(load(store, 0, store->index[1][j], err));
            WR_TRY(read_pieces(&r, err));
        }
    }
    store->index_used[0] = store->index_used[1] = 0; /* copies of what hangs on the one above */
    return WR_OK;
}
