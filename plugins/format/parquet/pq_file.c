/* pq_file.c — the serial half: footer, columns by name or id, row groups one after the other.
 *
 * A footer is walked, never held: once for the schema and what stands behind the row groups, then row
 * group by row group as splits are asked for. Of a row group the wanted columns' chunks are kept.
 *
 * Invariants
 *  1. `order` lists the leaves that are in the file by their number there, which is the order of a row
 *     group's chunks.
 *  2. The rows of all splits of a file are those of its row groups, each once, in order.
 * Memory: by the request's types only. Cost: one walk over the footer, two if it ends with what matters. */
#include "pq_priv.h"

#include <string.h>

#include "base/bits.h"

/* Rows of a split: a row group of more is cut, so that workers share it. */
enum {
    SPLIT_ROWS_MAX = 1 << 20,
    HEADER_BYTES_MAX = 100,          /* of a dictionary: what is not counted at most */
    NESTED_SPLIT_ROWS_MAX = 1 << 24, /* passing over rows of nested columns is reading them */
};

/* ---- Memory ------------------------------------------------------------------------------------- */

uint32_t wr_pq_leaf_room(const wr_read_request *request)
{
    uint32_t count = 0;

    for (uint32_t c = 0; c < request->column_count; c++)
        count += wr_pq_leaves_of(request->schema->fields[request->columns[c]].type);
    return count;
}

bool wr_pq_has_nested(const wr_read_request *request)
{
    for (uint32_t c = 0; c < request->column_count; c++)
        if (wr_type_is_nested(request->schema->fields[request->columns[c]].type))
            return true;
    return false;
}

static uint32_t node_room(const wr_read_request *request)
{
    uint32_t count = 0;

    for (uint32_t c = 0; c < request->column_count; c++)
        count += wr_pq_nodes_of(request->schema->fields[request->columns[c]].type);
    return count;
}

static void lay_out(const wr_read_request *request, pq_file *file, wr_carver *carver)
{
    uint32_t leaf_room = wr_pq_leaf_room(request);

    file->columns = wr_carve(carver, request->column_count * sizeof(pq_column));
    file->matches = wr_carve(carver, request->column_count);
    file->nodes = wr_carve(carver, node_room(request) * sizeof(pq_node));
    file->leaves = wr_carve(carver, leaf_room * sizeof(pq_leaf));
    file->chunks = wr_carve(carver, leaf_room * sizeof(pq_chunk));
    file->file_leaves = wr_carve(carver, leaf_room * sizeof(uint32_t));
    file->order = wr_carve(carver, leaf_room * sizeof(uint32_t));
    file->window = wr_carve(carver, PQ_META_WINDOW_BYTES);
}

uint64_t wr_pq_file_lease_min(const wr_read_request *request)
{
    wr_carver carver = {0};
    pq_file   counted;

    lay_out(request, &counted, &carver);
    return carver.used;
}

/* ---- Columns ------------------------------------------------------------------------------------ */

static const wr_field *field_of(const wr_read_request *request, uint32_t column)
{
    return &request->schema->fields[request->columns[column]];
}

static wr_status bind_column(const wr_read_request *request, pq_file *file, pq_binder *binder,
                             uint32_t index, wr_error *err)
{
    const wr_field *field = field_of(request, index);
    pq_column      *column = &file->columns[index];

    column->is_missing = false;
    for (uint32_t i = 0; i < column->leaf_count; i++) /* of another spelling of its name */
        file->file_leaves[column->first_leaf + i] = UINT32_MAX;
    WR_TRY_WHILE(wr_pq_bind_column(binder, field->type, column->first_node, column->first_leaf, err), err,
                 "reading column '%.*s' of %.*s", WR_TEXT_ARG(field->name), WR_TEXT_ARG(file->base.path));
    return WR_OK;
}

/* Elements below the root, one subtree a column. */
static wr_status read_columns(const wr_read_request *request, pq_file *file, wr_thrift_reader *reader,
                              uint32_t count, wr_error *err)
{
    pq_binder          binder = {.file = file, .reader = reader, .elements_left = count};
    const pq_element *element = &file->element;
    wr_column_finder  finder;
    uint32_t          top_count;

    file->file_leaf_count = 0;
    WR_TRY(wr_pq_next_column(&binder));
    top_count = element->child_count;
    wr_column_finder_begin(&finder, request, file->matches);
    for (uint32_t i = 0; i < top_count; i++) {
        uint32_t column;

        WR_TRY(wr_pq_next_column(&binder));
        column = wr_column_find(&finder, (wr_text){element->name, element->name_bytes},
                                element->has_id ? &element->id : NULL);
        WR_TRY(column == WR_FIELD_NONE ? wr_pq_skip_subtree(&binder)
                                       : bind_column(request, file, &binder, column, err));
    }
    if (binder.elements_left > 0)
        wr_thrift_fail(reader, "the schema has more elements than its groups");
    return reader->status == WR_OK ? wr_column_finder_end(&finder, err) : reader->status;
}

/* Leaves by their number in the file; usually they come in order. */
static void order_leaves(pq_file *file)
{
    file->found_count = 0;
    for (uint32_t leaf = 0; leaf < file->leaf_count; leaf++) {
        uint32_t at = file->found_count;

        if (file->file_leaves[leaf] == UINT32_MAX)
            continue;
        for (; at > 0 && file->file_leaves[file->order[at - 1]] > file->file_leaves[leaf]; at--)
            file->order[at] = file->order[at - 1];
        file->order[at] = leaf;
        file->found_count++;
    }
}

/* ---- The footer --------------------------------------------------------------------------------- */

/* Are all columns compared as their types are? */
static bool read_orders(wr_thrift_reader *reader, wr_thrift_field *field)
{
    uint32_t count = wr_thrift_list(reader, field);
    bool     all = true;

    for (uint32_t i = 0; i < count && reader->status == WR_OK; i++) {
        wr_thrift_field order = {0};

        wr_thrift_struct(reader, field);
        while (wr_thrift_next(reader, &order)) {
            all = all && order.id == PQ_ORDER_OF_TYPE;
            wr_thrift_skip(reader, &order);
        }
    }
    return all;
}

/* The beginning of it is all that matters. */
static wr_text read_created_by(wr_thrift_reader *reader, const wr_thrift_field *field, char *room, uint32_t room_bytes)
{
    uint64_t byte_count = wr_thrift_binary(reader, field);
    uint32_t kept = byte_count < room_bytes ? (uint32_t)byte_count : room_bytes;

    wr_thrift_take(reader, room, kept);
    wr_thrift_pass(reader, byte_count - kept);
    return (wr_text){room, kept};
}

static wr_status read_footer(const wr_read_request *request, pq_file *file, wr_thrift_reader *reader,
                             wr_error *err)
{
    wr_thrift_field field = {0};
    wr_text         created_by = {0};
    bool            any_schema = false, has_orders = false;
    char            writer[128];

    while (wr_thrift_next(reader, &field)) {
        if (field.id == PQ_FILE_SCHEMA) {
            uint32_t count = wr_thrift_list(reader, &field);

            wr_thrift_struct(reader, &field);
            WR_TRY(read_columns(request, file, reader, count, err));
            any_schema = true;
        } else if (field.id == PQ_FILE_ROW_GROUPS) {
            file->group_count = wr_thrift_list(reader, &field);
            if (file->group_count > 0)
                wr_thrift_struct(reader, &field);
            file->groups = *reader;
            if (any_schema && request->bound_count == 0)
                return reader->status;
            for (uint32_t i = 0; i < file->group_count; i++)
                wr_thrift_skip(reader, &field);
        } else if (field.id == PQ_FILE_COLUMN_ORDERS) {
            has_orders = read_orders(reader, &field);
        } else if (field.id == PQ_FILE_CREATED_BY) {
            created_by = read_created_by(reader, &field, writer, sizeof writer);
        } else {
            wr_thrift_skip(reader, &field);
        }
    }
    if (!any_schema)
        wr_thrift_fail(reader, "there is no schema");
    file->trust = wr_pq_trust_of(has_orders, created_by);
    return reader->status;
}

/* Where each column's nodes and leaves will stand; nothing is found yet. */
static void begin_columns(const wr_read_request *request, pq_file *file)
{
    uint32_t leaf = 0, node = 0;

    for (uint32_t c = 0; c < request->column_count; c++) {
        wr_type type = field_of(request, c)->type;

        file->columns[c] = (pq_column){.first_leaf = leaf, .leaf_count = wr_pq_leaves_of(type),
                                       .first_node = node, .is_missing = true};
        node += wr_pq_nodes_of(type);
        for (uint32_t end = leaf + file->columns[c].leaf_count; leaf < end; leaf++)
            file->file_leaves[leaf] = UINT32_MAX;
    }
}

wr_status wr_pq_file_open(const wr_read_request *request, wr_file_reader *base, wr_bump *bump,
                          wr_error *err)
{
    pq_file         *file = (pq_file *)base;
    wr_carver        carver;
    wr_thrift_reader reader;

    memset(&file->base + 1, 0, sizeof *file - sizeof file->base);
    WR_TRY(wr_carver_init(&carver, bump, wr_pq_file_lease_min(request), err));
    lay_out(request, file, &carver);
    file->leaf_count = wr_pq_leaf_room(request);
    begin_columns(request, file);
    WR_TRY(wr_pq_footer_find(base, &file->footer_begin, &file->footer_end, err));
    wr_thrift_open_file(&reader, base->raw, file->footer_begin, file->footer_end, file->window,
                        PQ_META_WINDOW_BYTES, err);
    WR_TRY_WHILE(read_footer(request, file, &reader, err), err, "reading the footer of %.*s",
                 WR_TEXT_ARG(base->path));
    wr_thrift_open_file(&file->groups, base->raw, wr_thrift_offset(&file->groups), file->footer_end,
                        file->window, PQ_META_WINDOW_BYTES, NULL);
    order_leaves(file);
    return WR_OK;
}

/* ---- Row groups --------------------------------------------------------------------------------- */

typedef struct chunk_offsets {
    int64_t data, dictionary, stored_bytes;
} chunk_offsets;

/* Are all pages of values coded, as the encodings of the pages say? */
static bool read_encoding_stats(wr_thrift_reader *reader, wr_thrift_field *whole)
{
    uint32_t count = wr_thrift_list(reader, whole);
    bool     any = false, all = true;

    for (uint32_t i = 0; i < count && reader->status == WR_OK; i++) {
        wr_thrift_field field = {0};
        int32_t         kind = -1, encoding = -1;

        wr_thrift_struct(reader, whole);
        while (wr_thrift_next(reader, &field)) {
            if (field.id == PQ_STATS_PAGE_KIND)
                kind = wr_thrift_i32(reader, &field);
            else if (field.id == PQ_STATS_ENCODING)
                encoding = wr_thrift_i32(reader, &field);
            else
                wr_thrift_skip(reader, &field);
        }
        if (kind == PQ_DICTIONARY_PAGE)
            continue;
        any = true;
        all = all && (encoding == PQ_RLE_DICTIONARY || encoding == PQ_PLAIN_DICTIONARY);
    }
    return any && all;
}

/* Older files have one list of encodings, of levels and dictionaries, too. With RLE_DICTIONARY stands
 * PLAIN, which may be the dictionary's or that of pages: only PLAIN_DICTIONARY alone tells. */
static bool read_encodings(wr_thrift_reader *reader, wr_thrift_field *list)
{
    uint32_t count = wr_thrift_list(reader, list);
    bool     any = false, all = true;

    for (uint32_t i = 0; i < count && reader->status == WR_OK; i++) {
        int32_t encoding = wr_thrift_i32(reader, list);

        any |= encoding == PQ_PLAIN_DICTIONARY;
        all &= encoding == PQ_PLAIN_DICTIONARY || encoding == PQ_RLE || encoding == PQ_BIT_PACKED;
    }
    return any && all;
}

static void read_meta(wr_thrift_reader *reader, const wr_thrift_field *whole, const pq_leaf *leaf,
                      pq_chunk *out, chunk_offsets *offsets, pq_statistics *statistics)
{
    wr_thrift_field field = {0};

    wr_thrift_struct(reader, whole);
    while (wr_thrift_next(reader, &field)) {
        switch (field.id) {
        case PQ_META_PHYSICAL:
            if (wr_thrift_i32(reader, &field) != leaf->physical)
                wr_thrift_fail(reader, "a column chunk is of another type than its column");
            break;
        case PQ_META_CODEC:
            out->codec = (uint8_t)wr_thrift_i32(reader, &field);
            break;
        case PQ_META_VALUE_COUNT:
            out->value_count = (uint64_t)wr_thrift_int(reader, &field);
            break;
        case PQ_META_STORED_BYTES:
            offsets->stored_bytes = wr_thrift_int(reader, &field);
            break;
        case PQ_META_DATA_OFFSET:
            offsets->data = wr_thrift_int(reader, &field);
            break;
        case PQ_META_DICTIONARY_OFFSET:
            offsets->dictionary = wr_thrift_int(reader, &field);
            break;
        case PQ_META_BLOOM_OFFSET:
            out->bloom = (uint64_t)wr_thrift_int(reader, &field);
            break;
        case PQ_META_ENCODINGS:
            out->is_coded = read_encodings(reader, &field);
            break;
        case PQ_META_ENCODING_STATS: /* behind the encodings, which know less */
            out->is_coded = read_encoding_stats(reader, &field);
            break;
        case PQ_META_STATISTICS:
            wr_pq_statistics_read(reader, &field, statistics);
            break;
        default:
            wr_thrift_skip(reader, &field);
        }
    }
}

/* Some writers give no offset of the dictionary, or 0: it then stands where the data is said to. Some do
 * not count the dictionary's header. */
static void place_chunk(wr_thrift_reader *reader, const chunk_offsets *offsets, const pq_file *file,
                        pq_chunk *out)
{
    int64_t  begin = offsets->data;
    uint64_t file_bytes = file->footer_begin, uncounted = file->trust.has_sizes ? 0 : HEADER_BYTES_MAX;

    if (offsets->dictionary > 0 && (begin <= 0 || offsets->dictionary < begin))
        begin = offsets->dictionary;
    if (out->value_count == 0)
        return;
    if (begin < PQ_MAGIC_BYTES || offsets->stored_bytes < 0 || (uint64_t)begin > file_bytes ||
        (uint64_t)offsets->stored_bytes > file_bytes - (uint64_t)begin) {
        wr_thrift_fail(reader, "a column chunk lies outside of the file");
        return;
    }
    out->begin = (uint64_t)begin;
    out->end = out->begin + (uint64_t)offsets->stored_bytes;
    out->end += uncounted < file_bytes - out->end ? uncounted : file_bytes - out->end;
}

static void read_index_place(wr_thrift_reader *reader, const wr_thrift_field *field, pq_chunk *out)
{
    uint64_t number = (uint64_t)wr_thrift_int(reader, field);

    switch (field->id) {
    case PQ_CHUNK_OFFSET_INDEX_OFFSET:
        out->offset_index = number;
        break;
    case PQ_CHUNK_OFFSET_INDEX_BYTES:
        out->offset_index_bytes = (uint32_t)number;
        break;
    case PQ_CHUNK_COLUMN_INDEX_OFFSET:
        out->column_index = number;
        break;
    default:
        out->column_index_bytes = (uint32_t)number;
    }
}

static void read_chunk(wr_thrift_reader *reader, pq_file *file, const pq_leaf *leaf, pq_chunk *out)
{
    wr_thrift_field field = {0};
    chunk_offsets   offsets = {0};
    bool            any_meta = false;

    *out = (pq_chunk){.begin = 0};
    file->statistics = (pq_statistics){0};
    while (wr_thrift_next(reader, &field)) {
        if (field.id == PQ_CHUNK_META) {
            read_meta(reader, &field, leaf, out, &offsets, &file->statistics);
            any_meta = true;
        } else if (field.id >= PQ_CHUNK_OFFSET_INDEX_OFFSET && field.id <= PQ_CHUNK_COLUMN_INDEX_BYTES) {
            read_index_place(reader, &field, out);
        } else if (field.id == PQ_CHUNK_CRYPTO) {
            wr_thrift_fail(reader, "a column is encrypted: write it without encryption");
        } else if (field.id == PQ_CHUNK_PATH) {
            if (wr_thrift_binary(reader, &field) > 0)
                wr_thrift_fail(reader, "columns in other files cannot be read");
        } else {
            wr_thrift_skip(reader, &field);
        }
    }
    if (!any_meta)
        wr_thrift_fail(reader, "a column chunk has no metadata (is it encrypted?)");
    else
        place_chunk(reader, &offsets, file, out);
}

static void apply_bounds(const wr_read_request *request, pq_file *file, uint32_t leaf)
{
    for (uint32_t b = 0; b < request->bound_count; b++)
        if (file->columns[request->bounds[b].column].first_leaf == leaf &&
            !wr_type_is_nested(field_of(request, request->bounds[b].column)->type) &&
            wr_pq_is_excluded(&file->leaves[leaf], &file->statistics, file->chunks[leaf].value_count,
                              file->trust, &request->bounds[b]))
            file->is_excluded = true;
}

/* What takes reads of its own, where statistics did not do. */
static void apply_blooms(const wr_read_request *request, pq_file *file)
{
    for (uint32_t b = 0; b < request->bound_count && !file->is_excluded; b++) {
        const wr_bound  *bound = &request->bounds[b];
        const pq_column *column = &file->columns[bound->column];
        uint32_t         leaf = column->first_leaf;

        if (column->is_missing || wr_type_is_nested(field_of(request, bound->column)->type))
            continue;
        file->is_excluded = wr_pq_bloom_excludes(file->base.raw, file->footer_begin, file->probe,
                                                 sizeof file->probe, &file->leaves[leaf],
                                                 &file->chunks[leaf], bound);
    }
}

static void read_chunks(const wr_read_request *request, wr_thrift_reader *reader, pq_file *file,
                        wr_thrift_field *list)
{
    uint32_t count = wr_thrift_list(reader, list), found = 0;

    if (count != file->file_leaf_count)
        wr_thrift_fail(reader, "a row group has not as many columns as the schema");
    for (uint32_t i = 0; i < count && reader->status == WR_OK; i++) {
        uint32_t leaf = found < file->found_count ? file->order[found] : UINT32_MAX;

        if (leaf == UINT32_MAX || file->file_leaves[leaf] != i) {
            wr_thrift_skip(reader, list);
            continue;
        }
        wr_thrift_struct(reader, list);
        read_chunk(reader, file, &file->leaves[leaf], &file->chunks[leaf]);
        apply_bounds(request, file, leaf);
        found++;
    }
}

static void check_counts(wr_thrift_reader *reader, const pq_file *file, int64_t rows)
{
    if (rows < 0 || rows > INT64_MAX / 2)
        wr_thrift_fail(reader, "a row group has a negative number of rows");
    for (uint32_t i = 0; i < file->found_count && reader->status == WR_OK; i++) {
        const pq_chunk *chunk = &file->chunks[file->order[i]];

        if (file->leaves[file->order[i]].max_repetition == 0 && chunk->value_count != (uint64_t)rows)
            wr_thrift_fail(reader, "a column chunk has not as many values as its row group has rows");
    }
}

static wr_status read_group(const wr_read_request *request, pq_file *file, wr_error *err)
{
    wr_thrift_reader *reader = &file->groups;
    wr_thrift_field   field = {0};
    int64_t           rows = -1;
    bool              any_chunks = false;

    reader->err = err;
    file->is_excluded = false;
    while (wr_thrift_next(reader, &field)) {
        if (field.id == PQ_GROUP_COLUMNS) {
            read_chunks(request, reader, file, &field);
            any_chunks = true;
        } else if (field.id == PQ_GROUP_ROW_COUNT) {
            rows = wr_thrift_int(reader, &field);
        } else {
            wr_thrift_skip(reader, &field);
        }
    }
    if (!any_chunks)
        wr_thrift_fail(reader, "a row group has no columns");
    check_counts(reader, file, rows);
    if (reader->status != WR_OK)
        return reader->status;
    apply_blooms(request, file);
    file->group_rows = (uint64_t)rows;
    file->group_next = 0;
    file->next_group++;
    if (file->is_excluded) {
        file->base.next_row += (uint64_t)rows;
        file->group_next = (uint64_t)rows;
    }
    return WR_OK;
}

/* What a split of so many rows means to the first pages of its columns. */
typedef struct cut {
    uint64_t rows;
    uint64_t whole_rows;  /* of which these pages are whole                       */
    uint64_t bytes;       /* of pages, in it                                      */
    uint64_t again_bytes; /* of pages that go on behind it: the next one needs them again */
} cut;

static wr_status weigh_cut(const pq_file *file, pq_split *split, cut *io_cut, wr_error *err)
{
    for (uint32_t leaf = 0; leaf < file->leaf_count; leaf++) {
        pq_cursor *cursor = &split->cursors[leaf];
        uint64_t   rows;

        if (file->file_leaves[leaf] == UINT32_MAX)
            continue;
        WR_TRY_WHILE(wr_pq_cursor_peek(cursor, &split->tools, &rows, err), err, "cutting row group %llu of %.*s",
                     (unsigned long long)split->group, WR_TEXT_ARG(file->base.path));
        io_cut->bytes += cursor->header.raw_bytes * io_cut->rows / cursor->header.value_count;
        if (rows > io_cut->rows)
            io_cut->again_bytes += cursor->header.raw_bytes;
        if (rows > io_cut->whole_rows)
            io_cut->whole_rows = rows;
    }
    return WR_OK;
}

/* A page that goes on behind the split's last row would be decompressed again for the next one. Where that
 * is much, splits are larger, up to all rows of the first pages of their columns. */
static wr_status take_pages(const pq_file *file, pq_split *split, uint64_t *io_rows, wr_error *err)
{
    enum { ROWS_MAX = 1 << 23 };
    uint64_t left = file->group_rows - file->group_next;

    for (;; *io_rows *= 2) {
        cut c = {.rows = *io_rows};

        WR_TRY(weigh_cut(file, split, &c, err));
        if (c.again_bytes <= c.bytes / 4)
            return WR_OK;
        if (c.whole_rows > left)
            c.whole_rows = left;
        if (c.whole_rows > ROWS_MAX)
            c.whole_rows = ROWS_MAX;
        if (c.whole_rows <= 2 * *io_rows) {
            *io_rows = c.whole_rows;
            return WR_OK;
        }
    }
}

wr_status wr_pq_next_split(const wr_read_request *request, wr_file_reader *base, wr_split *split,
                           bool *out_done, wr_error *err)
{
    pq_file  *file = (pq_file *)base;
    pq_split *pq = (pq_split *)split;
    uint64_t  rows, rows_max;

    while (file->group_next == file->group_rows) {
        if (file->next_group == file->group_count) {
            base->consumed_bytes = base->raw->info.bytes;
            *out_done = true;
            return WR_OK;
        }
        WR_TRY_WHILE(read_group(request, file, err), err, "reading the metadata of row group %u of %.*s",
                     file->next_group, WR_TEXT_ARG(base->path));
    }
    rows = file->group_rows - file->group_next;
    rows_max = wr_pq_has_nested(request) ? NESTED_SPLIT_ROWS_MAX : SPLIT_ROWS_MAX;
    if (rows > rows_max)
        rows = rows_max;
    split->first_row = base->next_row;
    split->byte_offset = file->found_count ? file->chunks[file->order[0]].begin : 0;
    wr_pq_split_begin(request, pq, file, file->group_next, rows);
    if (rows < file->group_rows - file->group_next && !wr_pq_has_nested(request)) {
        WR_TRY(take_pages(file, pq, &rows, err));
        wr_pq_split_begin(request, pq, file, file->group_next, rows);
    }
    base->next_row += rows;
    file->group_next += rows;
    if (file->found_count && file->chunks[file->order[0]].end > base->consumed_bytes)
        base->consumed_bytes = file->chunks[file->order[0]].end;
    *out_done = false;
    return WR_OK;
}
