/* pq_split.c — the parallel half: rows of a split to batches.
 *
 * Rows of pages that the filter's bounds exclude are passed over in all columns. A batch takes the same
 * rows of every column. Columns of the filter come first; of the others only
 * what passes is read: rows before the first that passes, and batches and pages without any, are
 * skipped when the column is next read.
 *
 * Invariants
 *  1. All columns stand at the same row between batches, counting what they are still to skip.
 *  2. All memory is one block whose layout depends on schema, request and constants only.
 *  3. Between splits all columns stand behind the last row of the last one, so that a worker whose next
 *     split is of the same row group goes on from there, with the pages and dictionaries it has. */
#include "pq_priv.h"
#include "spi/columnar.h"

#include <string.h>

#include "base/bits.h"

enum {
    POOL_CHUNKS = 4,        /* of chunk_bytes, and a quarter a column: for pages and dictionaries ... */
    POOL_BYTES_MIN = 3 << 19, /* ... but no less than the window of a usual page of a MiB takes     */
    ROOM_CHUNKS = 2,        /* of chunk_bytes, for packed values of a nested column      */
    WINDOW_PARTS = 16,      /* of chunk_bytes, a window                                  */
    BLOCKS_A_COLUMN = 9,
    DICTIONARY_BLOCKS_A_COLUMN = 3, /* values, bytes of texts, and those as they are stored */
    QUIET_BATCHES_MAX = 64, /* without a row, before the caller is asked to go on        */
};

/* ---- Memory ------------------------------------------------------------------------------------- */

static void lay_out_cursor(pq_cursor *cursor, uint32_t value_bytes, const pq_tools *tools,
                           wr_carver *carver)
{
    uint64_t rows = tools->batch_rows;
    void    *windows = wr_carve(carver, 2 * (PQ_LEVEL_WINDOW_BYTES + PQ_PAD) +
                                         (uint64_t)tools->window_bytes + PQ_PAD);
    void    *codes = wr_carve(carver, rows * sizeof(uint32_t));
    void    *data = wr_carve(carver, rows * value_bytes);
    void    *valid = wr_carve(carver, wr_bit_words(rows) * sizeof(uint64_t));

    if (cursor)
        *cursor = (pq_cursor){.windows = windows, .codes_room = codes, .data = data, .valid = valid};
}

/* What a nested column has beside the cursors of its leaves, the first of which is `leaf`. */
static void lay_out_nested(const wr_read_request *request, pq_split *split, uint32_t column,
                           uint32_t leaf, uint32_t leaf_count, wr_carver *carver)
{
    uint64_t  rows = request->batch_rows, bit_bytes = wr_bit_words(rows) * sizeof(uint64_t);
    pq_nested nested = {.streams = split->streams, .tools = &split->tools,
                        .writer = &split->row_writer, .room_bytes = (uint64_t)ROOM_CHUNKS * request->chunk_bytes};

    nested.room = wr_carve(carver, nested.room_bytes);
    nested.values = wr_carve(carver, rows * sizeof(wr_str));
    nested.valid = wr_carve(carver, bit_bytes);
    nested.out_valid = wr_carve(carver, bit_bytes);
    for (uint32_t end = leaf + leaf_count; leaf < end; leaf++) {
        uint8_t *levels = wr_carve(carver, 2 * rows);

        if (levels)
            split->streams[leaf] = (pq_stream){.cursor = &split->cursors[leaf], .definition = levels,
                                               .repetition = levels + rows};
        lay_out_cursor(levels ? &split->cursors[leaf] : NULL, sizeof(wr_str), &split->tools, carver);
    }
    if (nested.room)
        split->nested[column] = nested;
}

static void lay_out_columns(const wr_read_request *request, pq_split *split, wr_carver *carver)
{
    uint32_t leaf = 0;

    for (uint32_t c = 0; c < request->column_count; c++) {
        wr_type  type = request->schema->fields[request->columns[c]].type;
        uint32_t leaf_count = wr_pq_leaves_of(type);

        if (wr_type_is_nested(type))
            lay_out_nested(request, split, c, leaf, leaf_count, carver);
        else
            lay_out_cursor(carver->base ? &split->cursors[leaf] : NULL,
                           wr_physical_bytes(wr_type_physical(type)), &split->tools, carver);
        leaf += leaf_count;
    }
}

/* Carve everything; `split` is only counted with while the carver has no base. */
static void lay_out(const wr_read_request *request, pq_split *split, wr_carver *carver)
{
    pq_tools *tools = &split->tools;
    uint32_t  leaf_room = wr_pq_leaf_room(request);
    bool      has_nested = wr_pq_has_nested(request);
    uint64_t  before;

    tools->batch_rows = request->batch_rows;
    tools->window_bytes = request->chunk_bytes / WINDOW_PARTS;
    split->vectors = wr_carve(carver, request->column_count * sizeof(wr_vector));
    split->cells = wr_carve(carver, request->column_count * sizeof(wr_vector_cell));
    split->cursors = wr_carve(carver, leaf_room * sizeof(pq_cursor));
    split->streams = wr_carve(carver, has_nested ? leaf_room * sizeof(pq_stream) : 0);
    split->nested = wr_carve(carver, has_nested ? request->column_count * sizeof(pq_nested) : 0);
    tools->pool.room = BLOCKS_A_COLUMN * leaf_room + BLOCKS_A_COLUMN;
    tools->pool.blocks = wr_carve(carver, tools->pool.room * sizeof(pq_block));
    tools->pool.size = (POOL_CHUNKS + (uint64_t)leaf_room / 4) * request->chunk_bytes;
    if (tools->pool.size < POOL_BYTES_MIN)
        tools->pool.size = POOL_BYTES_MIN;
    tools->dictionaries.room = DICTIONARY_BLOCKS_A_COLUMN * (leaf_room + 1);
    tools->dictionaries.blocks = wr_carve(carver, tools->dictionaries.room * sizeof(pq_block));
    tools->dictionaries.size = tools->pool.size / 8;
    tools->pool_share = tools->pool.size / (2 * (uint64_t)leaf_room + 1);
    tools->header = wr_carve(carver, PQ_HEADER_WINDOW_BYTES + PQ_PAD);
    tools->has_brotli = ((const pq_read_options *)request->options)->has_brotli;
    tools->workspace_bytes = wr_carve_bytes(wr_pq_workspace_bytes(tools->has_brotli));
    tools->workspace = wr_carve(carver, tools->workspace_bytes);
    before = carver->used;
    tools->dictionaries.bytes = tools->aside = wr_carve(carver, tools->dictionaries.size + PQ_PAD);
    tools->pool.bytes = wr_carve(carver, tools->pool.size + PQ_PAD);
    tools->aside_bytes = carver->used - before;
    wr_long_writer_layout(&tools->writer, &split->scratch, carver);
    if (has_nested)
        wr_long_writer_layout(&split->row_writer, &split->scratch, carver);
    wr_pq_excluded_layout(request, &split->excluded, carver);
    lay_out_columns(request, split, carver);
}

static uint64_t split_lease_min(const wr_read_request *request)
{
    wr_carver carver = {0};
    pq_split  counted;

    lay_out(request, &counted, &carver);
    return carver.used;
}

static wr_status split_init(const wr_read_request *request, wr_split *base, wr_bump *bump, wr_error *err)
{
    pq_split *split = (pq_split *)base;
    wr_carver carver;

    memset(&split->base + 1, 0, sizeof *split - sizeof split->base);
    WR_TRY(wr_carver_init(&carver, bump, split_lease_min(request), err));
    lay_out(request, split, &carver);
    split->tools.scratch = &split->scratch;
    if (request->scratch)
        split->scratch = wr_scratch_open_area(*request->scratch, &split->area);
    return WR_OK;
}

static bool is_nested(const wr_read_request *request, uint32_t column)
{
    return wr_type_is_nested(request->schema->fields[request->columns[column]].type);
}

/* ---- Begin and end ------------------------------------------------------------------------------ */

static bool is_found(const pq_split *split, uint32_t leaf)
{
    return split->file->file_leaves[leaf] != UINT32_MAX;
}

static void begin_nested(pq_split *split, uint32_t column)
{
    const pq_column *in_file = &split->file->columns[column];
    pq_nested       *nested = &split->nested[column];

    nested->nodes = split->file->nodes;
    nested->first_node = in_file->first_node;
    nested->skip = nested->next = nested->have = 0;
    for (uint32_t leaf = in_file->first_leaf; leaf < in_file->first_leaf + in_file->leaf_count; leaf++) {
        split->streams[leaf].at = split->streams[leaf].count = 0;
        split->streams[leaf].is_missing = !is_found(split, leaf);
    }
}

/* At the first row of a row group; what the one before has on disk is given back. */
static void begin_group(const wr_read_request *request, pq_split *split, pq_file *file)
{
    for (uint32_t leaf = 0; leaf < file->leaf_count; leaf++)
        wr_pq_cursor_end(&split->cursors[leaf], &split->tools);
    wr_scratch_clear(split->scratch);
    split->file = file;
    split->file_index = split->base.file_index;
    split->group = file->next_group - 1;
    split->row = 0;
    split->tools.file = file->base.raw;
    for (uint32_t leaf = 0; leaf < file->leaf_count; leaf++)
        if (is_found(split, leaf))
            wr_pq_cursor_begin(&split->cursors[leaf], &file->leaves[leaf], &file->chunks[leaf]);
    for (uint32_t c = 0; c < request->column_count; c++)
        if (is_nested(request, c))
            begin_nested(split, c);
}

void wr_pq_split_begin(const wr_read_request *request, pq_split *split, pq_file *file,
                       uint64_t first_row, uint64_t row_count)
{
    uint64_t skip;

    if (split->file != file || split->file_index != split->base.file_index ||
        split->group != file->next_group - 1 || split->row > first_row)
        begin_group(request, split, file);
    skip = first_row - split->row;
    for (uint32_t c = 0; c < request->column_count; c++) {
        if (is_nested(request, c))
            split->nested[c].skip += skip;
        else
            split->cursors[file->columns[c].first_leaf].skip += skip;
    }
    split->row = first_row + row_count;
    split->rows_left = row_count;
    split->ends_group = first_row + row_count == file->group_rows;
    split->last_rows = 0;
    split->excluded.first_row = first_row;
    split->excluded.row_count = row_count;
    split->is_pruned = false;
}

/* ---- Columns ------------------------------------------------------------------------------------ */

static wr_status raise_place(const wr_read_request *request, const pq_split *split, uint32_t column,
                             wr_status status, wr_error *err)
{
    wr_error_while(err, "reading column '%.*s' in row group %llu of %.*s",
                   WR_TEXT_ARG(request->schema->fields[request->columns[column]].name),
                   (unsigned long long)split->group, WR_TEXT_ARG(split->base.path));
    return status;
}

static void set_null(pq_split *split, uint32_t column, wr_type type, uint32_t row_count)
{
    wr_value null = {.type = type, .is_null = true};

    wr_vector_set_const(&split->vectors[column], &null, row_count, &split->cells[column]);
}

/* Flat columns have as many values as their row group says; of nested ones that is seen at the end. */
static wr_status check_end(const wr_read_request *request, pq_split *split, wr_error *err)
{
    for (uint32_t c = 0; c < request->column_count && split->ends_group; c++) {
        if (split->file->columns[c].is_missing || !is_nested(request, c))
            continue;
        if (!wr_pq_nested_is_over(&split->nested[c]))
            return raise_place(request, split, c,
                               WR_RAISE(err, WR_CORRUPT, "a column chunk has more rows than its row group"), err);
    }
    return WR_OK;
}

/* Of a flat column. */
static pq_cursor *cursor_of(const pq_split *split, uint32_t column)
{
    return &split->cursors[split->file->columns[column].first_leaf];
}

static wr_status read_column(const wr_read_request *request, pq_split *split, uint32_t column,
                             uint32_t row_count, wr_error *err)
{
    wr_type   type = request->schema->fields[request->columns[column]].type;
    wr_status status;

    if (split->file->columns[column].is_missing) {
        set_null(split, column, type, row_count);
        return WR_OK;
    }
    if (is_nested(request, column)) {
        wr_pq_nested_take(&split->nested[column], row_count, &split->vectors[column]);
        return WR_OK;
    }
    status = wr_pq_cursor_take(cursor_of(split, column), &split->tools, row_count,
                               &split->vectors[column], err);
    return status == WR_OK ? WR_OK : raise_place(request, split, column, status, err);
}

/* Of `most` rows, those that every column can give at once. */
static wr_status measure(const wr_read_request *request, pq_split *split, uint64_t most,
                         uint32_t *out_count, wr_error *err)
{
    *out_count = most < request->batch_rows ? (uint32_t)most : request->batch_rows;
    for (uint32_t c = 0; c < request->column_count; c++) {
        wr_status status;

        if (split->file->columns[c].is_missing)
            continue;
        status = is_nested(request, c)
                     ? wr_pq_nested_measure(&split->nested[c], out_count, err)
                     : wr_pq_cursor_measure(cursor_of(split, c), &split->tools, out_count, err);
        if (status != WR_OK)
            return raise_place(request, split, c, status, err);
    }
    return WR_OK;
}

/* ---- Filters ------------------------------------------------------------------------------------ */

/* The filter's columns, and which rows they leave. */
static wr_status choose(const wr_read_request *request, pq_split *split, wr_batch *batch, wr_error *err)
{
    const wr_row_filter *filter = &request->filter;
    wr_selection         selection;

    for (uint32_t i = 0; i < filter->column_count; i++)
        WR_TRY(read_column(request, split, filter->columns[i], batch->row_count, err));
    WR_TRY(filter->select(filter->self, batch, &selection, err));
    batch->selection = selection;
    return WR_OK;
}

/* Columns that wait for rows which pass: they catch up, or wait on. */
static wr_status read_rest(const wr_read_request *request, pq_split *split, const wr_batch *batch,
                           wr_error *err)
{
    bool is_wanted = batch->selection.row_count > 0;

    for (uint32_t c = 0; c < request->column_count; c++) {
        if (wr_filter_reads(request, c))
            continue;
        if (is_wanted || is_nested(request, c))
            WR_TRY(read_column(request, split, c, batch->row_count, err));
        else
            cursor_of(split, c)->skip += batch->row_count;
    }
    return WR_OK;
}

/* ---- Excluded rows ------------------------------------------------------------------------------ */

/* Does no value of the column's dictionary meet the bound? Then no row does. */
static wr_status apply_dictionary(const wr_read_request *request, pq_split *split, const wr_bound *bound,
                                  wr_error *err)
{
    pq_cursor       *cursor = cursor_of(split, bound->column);
    const wr_vector *words;
    wr_status        status;

    if (!cursor->chunk.is_coded || bound->value_count == 0 || wr_pq_excluded_is_all(&split->excluded))
        return WR_OK;
    status = wr_pq_cursor_words(cursor, &split->tools, &words, err);
    if (status != WR_OK)
        return raise_place(request, split, bound->column, status, err);
    if (words && wr_pq_words_exclude(words, split->rows_left, bound))
        wr_pq_excluded_add_all(&split->excluded);
    return WR_OK;
}

static bool is_found_flat(const wr_read_request *request, const pq_split *split, uint32_t column)
{
    return !split->file->columns[column].is_missing && !is_nested(request, column);
}

/* What page indexes and dictionaries of the bounds' columns exclude. */
static wr_status find_excluded(const wr_read_request *request, pq_split *split, wr_error *err)
{
    split->is_pruned = true;
    split->excluded.any = false;
    for (uint32_t b = 0; b < request->bound_count; b++) {
        const wr_bound *bound = &request->bounds[b];
        const pq_cursor *cursor;

        if (!is_found_flat(request, split, bound->column))
            continue;
        cursor = cursor_of(split, bound->column);
        wr_pq_excluded_add(&split->excluded, split->tools.file, cursor->leaf, &cursor->chunk,
                           split->file->trust, bound);
    }
    for (uint32_t b = 0; b < request->bound_count; b++)
        if (is_found_flat(request, split, request->bounds[b].column))
            WR_TRY(apply_dictionary(request, split, &request->bounds[b], err));
    return WR_OK;
}

static void pass_rows(const wr_read_request *request, pq_split *split, uint32_t column, uint64_t count)
{
    if (split->file->columns[column].is_missing)
        return;
    if (is_nested(request, column)) {
        pq_nested *nested = &split->nested[column];
        uint32_t   at_hand = nested->have - nested->next;
        uint32_t   now = count < at_hand ? (uint32_t)count : at_hand;

        nested->next += now;
        nested->skip += count - now;
    } else {
        cursor_of(split, column)->skip += count;
    }
}

/* Pass over excluded rows; *out_count: rows of the split from there on up to the next ones. */
static void pass_excluded(const wr_read_request *request, pq_split *split, uint64_t *out_count)
{
    uint64_t row = split->excluded.row_count - split->rows_left;
    bool     is_excluded;

    *out_count = wr_pq_excluded_run(&split->excluded, row, &is_excluded);
    if (!is_excluded)
        return;
    for (uint32_t c = 0; c < request->column_count; c++)
        pass_rows(request, split, c, *out_count);
    split->base.row_base += split->last_rows + *out_count;
    split->last_rows = 0;
    split->rows_left -= *out_count;
    *out_count = wr_pq_excluded_run(&split->excluded, row + *out_count, &is_excluded);
}

/* ---- Batches ------------------------------------------------------------------------------------ */

static wr_status read_batch(const wr_read_request *request, pq_split *split, uint64_t rows_max,
                            wr_batch *out, wr_error *err)
{
    uint32_t row_count;

    split->base.row_base += split->last_rows;
    WR_TRY(measure(request, split, rows_max, &row_count, err));
    *out = (wr_batch){.row_count = row_count, .column_count = request->column_count,
                      .columns = split->vectors};
    wr_batch_select_all(out);
    split->last_rows = row_count;
    if (request->filter.select)
        WR_TRY(choose(request, split, out, err));
    WR_TRY(read_rest(request, split, out, err));
    split->rows_left -= row_count;
    return WR_OK;
}

static wr_status split_read(const wr_read_request *request, wr_split *base, wr_batch *out, bool *out_end,
                            wr_error *err)
{
    pq_split *split = (pq_split *)base;

    if (!split->is_pruned)
        WR_TRY(find_excluded(request, split, err));
    for (uint32_t quiet = 0; quiet < QUIET_BATCHES_MAX; quiet++) {
        uint64_t rows_max;

        pass_excluded(request, split, &rows_max);
        if (split->rows_left == 0)
            break;
        WR_TRY(read_batch(request, split, rows_max, out, err));
        if (out->selection.row_count > 0) {
            *out_end = false;
            return WR_OK;
        }
    }
    *out = (wr_batch){.columns = split->vectors, .column_count = request->column_count};
    *out_end = split->rows_left == 0;
    return *out_end ? check_end(request, split, err) : WR_OK;
}

const wr_format_reader_ops WR_PQ_READER = {
    .file_bytes = sizeof(pq_file),
    .split_bytes = sizeof(pq_split),
    .takes_filter = true,
    .takes_ids = true,
    .access = WR_ACCESS_RANDOM,
    .infer = wr_pq_infer,
    .file_lease_min = wr_pq_file_lease_min,
    .split_lease_min = split_lease_min,
    .file_open = wr_pq_file_open,
    .split_init = split_init,
    .next_split = wr_pq_next_split,
    .split_read = split_read,
    .describe_row = wr_describe_file_row,
};
