/* exec/row_store.c — pages of rows, in memory and spilled.
 *
 * A page goes to disk as it is, so a store that spills copies nothing. */
#include "exec/row.h"

#include "base/bits.h"

/* ---- One page -------------------------------------------------------------------------------- */

uint32_t wr_row_page_reserve(wr_row_page *page, uint32_t page_bytes, const uint32_t *bytes,
                             uint32_t count, uint8_t **out_rows)
{
    uint32_t used = page->used_bytes, done = 0;

    while (done < count && bytes[done] <= page_bytes - used) {
        out_rows[done] = (uint8_t *)page + used;
        wr_store_u32(out_rows[done], bytes[done]);
        used += bytes[done++];
    }
    page->used_bytes = used;
    page->row_count += done;
    return done;
}

uint32_t wr_row_page_rows(const wr_row_page *page, uint32_t *offset, uint32_t rows_max,
                          const uint8_t **out_rows)
{
    uint32_t at = *offset > 0 ? *offset : (uint32_t)sizeof *page;
    uint32_t count = 0;

    while (count < rows_max && at < page->used_bytes) {
        const uint8_t *row = (const uint8_t *)page + at;

        out_rows[count++] = row;
        at += wr_row_bytes(row);
    }
    *offset = at;
    return count;
}

/* ---- Store ----------------------------------------------------------------------------------- */

static uint32_t lease_pages_of(const wr_row_store *store)
{
    return wr_pages_for(store->page_bytes, wr_arena_page_size(store->lease->arena));
}

void wr_row_store_init(wr_row_store *store, const wr_row_layout *layout, wr_lease *lease,
                       uint32_t page_bytes, wr_spill *spill)
{
    wr_assert(layout->row_bytes_max <= wr_row_bytes_max(page_bytes), "a page keeps four rows");
    *store = (wr_row_store){.layout = layout, .lease = lease, .page_bytes = page_bytes};
    wr_spill_stream_init(&store->stream, spill);
}

static void give_first_page(wr_row_store *store)
{
    wr_row_page *page = store->first;

    store->first = page->next;
    if (!store->first)
        store->last = NULL;
    store->page_count--;
    wr_lease_give(store->lease, page, lease_pages_of(store));
}

void wr_row_store_release(wr_row_store *store)
{
    while (store->first)
        give_first_page(store);
    if (store->stream.spill)
        wr_spill_stream_release(&store->stream);
    store->row_count = 0;
    store->byte_count = 0;
}

bool wr_row_store_add_page(wr_row_store *store)
{
    /* Its first page is what an owner counts on; beyond that it can spill. */
    wr_row_page *page = store->page_count ? wr_lease_try(store->lease, lease_pages_of(store))
                                          : wr_lease_take(store->lease, lease_pages_of(store));

    if (!page)
        return false;
    wr_row_page_init(page);
    if (store->last)
        store->last->next = page;
    else
        store->first = page;
    store->last = page;
    store->page_count++;
    return true;
}

wr_status wr_row_store_spill(wr_row_store *store, uint32_t keep, wr_error *err)
{
    while (store->page_count > keep) {
        wr_row_page *page = store->first, *next = page->next;
        wr_status    status;

        page->next = NULL;
        status = wr_spill_append(&store->stream, page, page->used_bytes, NULL, err);
        page->next = next;
        WR_TRY(status);
        give_first_page(store);
    }
    return WR_OK;
}

/* ---- Several stores: partitions --------------------------------------------------------------- */

uint64_t wr_row_stores_bytes(const wr_row_store *stores, uint32_t count)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < count; i++)
        bytes += (uint64_t)stores[i].page_count * stores[i].page_bytes;
    return bytes;
}

wr_status wr_row_stores_spill(wr_row_store *stores, uint32_t count, wr_error *err)
{
    for (uint32_t i = 0; i < count; i++)
        WR_TRY(wr_row_store_spill(&stores[i], 0, err));
    return WR_OK;
}

wr_status wr_row_stores_make_room(wr_row_store *stores, uint32_t count, uint32_t which,
                                  uint64_t bytes_max, wr_error *err)
{
    uint32_t victim = which;

    if (wr_row_stores_bytes(stores, count) + stores[which].page_bytes > bytes_max) {
        for (uint32_t i = 0; stores[which].page_count == 0 && i < count; i++)
            victim = stores[i].page_count > stores[victim].page_count ? i : victim;
        WR_TRY(wr_row_store_spill(&stores[victim], 0, err));
    }
    if (wr_row_store_add_page(&stores[which]))
        return WR_OK;
    WR_TRY(wr_row_stores_spill(stores, count, err));
    return wr_row_store_add_page(&stores[which])
               ? WR_OK
               : WR_RAISE(err, WR_BUG, "a partition got no page inside its lease");
}

wr_status wr_row_stores_keep(wr_row_store *stores, uint32_t count, uint32_t which,
                             uint64_t bytes_max, const uint8_t *row, wr_error *err)
{
    uint32_t bytes = wr_row_bytes(row);
    uint8_t *copy = wr_row_store_take(&stores[which], bytes);

    if (!copy) {
        WR_TRY(wr_row_stores_make_room(stores, count, which, bytes_max, err));
        copy = wr_row_store_take(&stores[which], bytes);
    }
    memcpy(copy, row, bytes);
    return WR_OK;
}

/* Write the rows from `first` on that have got their places. */
static wr_status write_placed(const wr_row_scatter *to, const wr_vector *columns,
                              const wr_selection *selection, uint32_t first, uint32_t end,
                              wr_error *err)
{
    WR_TRY(wr_row_write(to->stores[0].layout, columns, selection, first, end - first,
                        to->rows + first, to->spill, err));
    for (uint32_t i = first; to->stamps && i < end; i++)
        wr_store_u64(to->rows[i] + to->stamp_offset, to->stamps[i]);
    return WR_OK;
}

wr_status wr_row_scatter_write(const wr_row_scatter *to, const wr_vector *columns,
                               const wr_selection *selection, const uint16_t *which, wr_error *err)
{
    uint32_t written = 0, count = selection->row_count;

    wr_row_measure(to->stores[0].layout, columns, selection, to->sizes);
    for (uint32_t i = 0; i < count; i++) {
        to->rows[i] = wr_row_store_take(&to->stores[which[i]], to->sizes[i]);
        if (WR_LIKELY(to->rows[i]))
            continue;
        WR_TRY(write_placed(to, columns, selection, written, i, err));
        written = i;
        WR_TRY(to->make_room ? to->make_room(to->make_room_context, which[i], err)
                             : wr_row_stores_make_room(to->stores, to->store_count, which[i],
                                                       to->bytes_max, err));
        to->rows[i] = wr_row_store_take(&to->stores[which[i]], to->sizes[i]);
    }
    return write_placed(to, columns, selection, written, count, err);
}

/* ---- Reader ---------------------------------------------------------------------------------- */

void wr_row_reader_init(wr_row_reader *reader, wr_row_store *store, void *buffer, bool consume)
{
    *reader = (wr_row_reader){.store = store, .buffer = buffer};
    wr_spill_cursor_init(&reader->cursor, &store->stream, consume);
}

wr_status wr_row_reader_next(wr_row_reader *reader, const wr_row_page **out_page, wr_error *err)
{
    wr_row_store *store = reader->store;
    uint32_t      bytes = 0;

    if (reader->sought) {
        *out_page = reader->page = reader->sought;
        reader->sought = NULL;
        return WR_OK;
    }
    if (!reader->is_resident && store->stream.block_count > 0)
        WR_TRY(wr_spill_cursor_next(&reader->cursor, reader->buffer, store->page_bytes, &bytes, err));
    if (bytes > 0) {
        *out_page = (const wr_row_page *)reader->buffer;
        return WR_OK;
    }
    if (!reader->is_resident) {
        reader->is_resident = true;
        reader->page = store->first;
    } else if (reader->page && reader->cursor.consume) {
        give_first_page(store);
        reader->page = store->first;
    } else if (reader->page) {
        reader->page = reader->page->next;
    }
    *out_page = reader->page;
    return WR_OK;
}

wr_row_place wr_row_reader_place(const wr_row_reader *reader)
{
    const wr_row_store *store = reader->store;

    if (!reader->is_resident && store->stream.block_count > 0 && reader->cursor.next)
        return (wr_row_place){.position = reader->cursor.next};
    if (!reader->is_resident)
        return (wr_row_place){.page = store->first};
    return (wr_row_place){.page = reader->page ? reader->page->next : NULL};
}

void wr_row_reader_seek(wr_row_reader *reader, wr_row_place place)
{
    reader->is_resident = place.position == 0;
    reader->sought = place.page;
    if (place.position)
        wr_spill_cursor_seek(&reader->cursor, place.position);
}
