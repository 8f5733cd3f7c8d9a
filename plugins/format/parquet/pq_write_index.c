/* pq_write_index.c — page indexes: where a leaf's pages are, and between which bounds their values.
 *
 * Notes of the pages come one by one while the leaf is copied out, and are read once for every list of
 * the two structs. A chunk has no index where a page goes on with the row of the one before it, and
 * no bounds where there are none for a page that has values (NaN only, or a type without order).
 * Source: PageIndex.md of apache/parquet-format. Memory: one piece of notes. */
#include "pq_write.h"

void wr_pq_index_begin(pq_index *index)
{
    *index = (pq_index){.has_rows = true, .has_bounds = true, .is_ascending = true,
                        .is_descending = true};
}

wr_status wr_pq_index_note(pq_shared *shared, pq_index *index, const pq_leaf *leaf,
                           const pq_page_note *note, wr_error *err)
{
    index->page_count++;
    index->has_rows = index->has_rows && note->begins_row;
    if (!note->is_null) {
        index->has_bounds = index->has_bounds && note->has_bounds;
        if (index->any_before && index->has_bounds) {
            int min = wr_pq_bound_compare(leaf, &index->before.min, &note->min);
            int max = wr_pq_bound_compare(leaf, &index->before.max, &note->max);

            index->is_ascending = index->is_ascending && min <= 0 && max <= 0;
            index->is_descending = index->is_descending && min >= 0 && max >= 0;
        }
        index->any_before = true;
        index->before = *note;
    }
    if (!shared->has_indexes || !index->has_rows)
        return WR_OK;
    return wr_pq_store_put(&shared->notes, note, sizeof *note, err);
}

/* ---- Lists ------------------------------------------------------------------------------------- */

typedef enum list_part { NULL_PAGES, LEAST, GREATEST, NULL_COUNTS, LOCATIONS } list_part;

typedef struct list_put {
    wr_thrift_writer writer;
    list_part        part;
    uint64_t         offset, row; /* of the next page */
} list_put;

static void put_location(list_put *list, const pq_page_note *note)
{
    wr_thrift_open_struct(&list->writer, 0);
    wr_thrift_put_i64(&list->writer, PQ_LOCATION_OFFSET, (int64_t)list->offset);
    wr_thrift_put_i32(&list->writer, PQ_LOCATION_BYTES, (int32_t)note->stored_bytes);
    wr_thrift_put_i64(&list->writer, PQ_LOCATION_FIRST_ROW, (int64_t)list->row);
    wr_thrift_close_struct(&list->writer);
    list->offset += note->stored_bytes;
    list->row += note->row_count;
}

static void put_bound(list_put *list, const pq_page_note *note, const pq_bound *bound)
{
    wr_thrift_put_binary(&list->writer, 0, bound->bytes, note->is_null ? 0 : bound->byte_count);
}

/* Pieces of the store hold whole notes. */
static wr_status put_elements(void *self, const void *bytes, size_t byte_count, wr_error *err)
{
    list_put *list = self;

    (void)err;
    for (size_t at = 0; at < byte_count; at += sizeof(pq_page_note)) {
        pq_page_note note;

        memcpy(&note, (const uint8_t *)bytes + at, sizeof note);
        switch (list->part) {
        case NULL_PAGES:
            wr_thrift_put_bool(&list->writer, 0, note.is_null);
            break;
        case LEAST:
            put_bound(list, &note, &note.min);
            break;
        case GREATEST:
            put_bound(list, &note, &note.max);
            break;
        case NULL_COUNTS:
            wr_thrift_put_i64(&list->writer, 0, note.null_count);
            break;
        case LOCATIONS:
            put_location(list, &note);
            break;
        }
    }
    return list->writer.status;
}

static wr_status put_list(pq_shared *shared, list_put *list, int16_t id, list_part part,
                          wr_thrift_kind kind, uint32_t count, wr_error *err)
{
    list->part = part;
    wr_thrift_put_list(&list->writer, id, kind, count);
    return wr_pq_store_read(&shared->notes, shared->copy, put_elements, list, err);
}

/* ---- Structs ----------------------------------------------------------------------------------- */

static wr_status put_index(void *store, const void *bytes, size_t byte_count, wr_error *err)
{
    return byte_count ? wr_pq_store_put(store, bytes, byte_count, err) : WR_OK;
}

static void begin_struct(pq_shared *shared, list_put *list, wr_error *err)
{
    wr_thrift_write_begin(&list->writer, shared->metadata, PQ_METADATA_BYTES, put_index,
                          &shared->indexes, err);
}

static wr_status put_column_index(pq_shared *shared, const pq_index *index, wr_error *err)
{
    uint32_t count = index->page_count;
    list_put list = {0};

    begin_struct(shared, &list, err);
    WR_TRY(put_list(shared, &list, PQ_COLUMN_INDEX_NULL_PAGES, NULL_PAGES, WR_THRIFT_BOOL, count, err));
    WR_TRY(put_list(shared, &list, PQ_COLUMN_INDEX_MIN, LEAST, WR_THRIFT_BINARY, count, err));
    WR_TRY(put_list(shared, &list, PQ_COLUMN_INDEX_MAX, GREATEST, WR_THRIFT_BINARY, count, err));
    wr_thrift_put_i32(&list.writer, PQ_COLUMN_INDEX_ORDER, index->is_ascending    ? PQ_ASCENDING
                                                           : index->is_descending ? PQ_DESCENDING
                                                                                  : PQ_UNORDERED);
    WR_TRY(put_list(shared, &list, PQ_COLUMN_INDEX_NULL_COUNTS, NULL_COUNTS, WR_THRIFT_I64, count, err));
    return wr_thrift_write_end(&list.writer, NULL);
}

static wr_status put_offset_index(pq_shared *shared, const pq_index *index, uint64_t data, wr_error *err)
{
    list_put list = {.offset = data};

    begin_struct(shared, &list, err);
    WR_TRY(put_list(shared, &list, PQ_OFFSET_INDEX_LOCATIONS, LOCATIONS, WR_THRIFT_STRUCT,
                    index->page_count, err));
    return wr_thrift_write_end(&list.writer, NULL);
}

wr_status wr_pq_index_end(pq_shared *shared, const pq_index *index, pq_place *place, wr_error *err)
{
    uint64_t begin = shared->indexes.byte_count;

    if (shared->has_indexes && index->has_rows && index->page_count > 0) {
        if (index->has_bounds) {
            WR_TRY(put_column_index(shared, index, err));
            place->column_index = begin;
            place->column_index_bytes = (uint32_t)(shared->indexes.byte_count - begin);
        }
        place->offset_index = shared->indexes.byte_count;
        WR_TRY(put_offset_index(shared, index, place->data, err));
        place->offset_index_bytes = (uint32_t)(shared->indexes.byte_count - place->offset_index);
    }
    wr_pq_store_reset(&shared->notes);
    return WR_OK;
}
