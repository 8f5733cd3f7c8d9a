/* ar_split.c — the parallel half: rows of a record batch to batches.
 *
 * A batch has as many rows as every column can give at once. Columns of the filter come first; the others are
 * decompressed, gathered and looked at only where rows pass it.
 *
 * Invariants
 *  1. All columns are read from the same row on: rows are found, not counted.
 *  2. All memory is one block whose layout depends on schema, request and constants only. */
#include "ar_priv.h"
#include "spi/columnar.h"

enum {
    POOL_CHUNKS = 4,          /* of chunk_bytes, and a quarter a column: for buffers and dictionaries ... */
    POOL_BYTES_MIN = 3 << 19, /* ... but no less than the window of a usual buffer of zstd takes         */
    TEXT_PARTS = 16,          /* of chunk_bytes: room for the texts of a gathered column                 */
    ROOM_CHUNKS = 2,          /* of chunk_bytes, for packed values of a nested column                     */
    QUIET_BATCHES_MAX = 64,   /* that a filter drops, until the worker looks around                       */
};

/* ---- Memory ------------------------------------------------------------------------------------- */

static wr_type type_of(const wr_read_request *request, uint32_t column)
{
    return request->schema->fields[request->columns[column]].type;
}

static uint64_t room_bytes(const wr_read_request *request, wr_type type)
{
    if (wr_type_is_nested(type))
        return (uint64_t)ROOM_CHUNKS * request->chunk_bytes;
    return wr_type_is_text(type) ? request->chunk_bytes / TEXT_PARTS : 0;
}

static void lay_out_reading(const wr_read_request *request, wr_type type, ar_reading *out,
                            wr_carver *carver)
{
    uint64_t   rows = request->batch_rows, bit_bytes = wr_bit_words(rows) * sizeof(uint64_t);
    ar_reading reading = {.room_bytes = room_bytes(request, type)};

    reading.values = wr_carve(carver, rows * wr_physical_bytes(wr_type_physical(type)));
    reading.valid = wr_carve(carver, bit_bytes);
    reading.out_valid = wr_carve(carver, bit_bytes);
    reading.codes = wr_carve(carver, rows * sizeof(uint32_t));
    reading.room = wr_carve(carver, reading.room_bytes);
    if (reading.values)
        *out = reading;
}

/* Carve everything; `split` is only counted with while the carver has no base. */
static void lay_out(const wr_read_request *request, ar_split *split, wr_carver *carver)
{
    uint32_t nodes = wr_ar_node_room(request), columns = request->column_count;

    split->cursors = wr_carve(carver, nodes * sizeof(ar_cursor));
    split->dictionaries = wr_carve(carver, nodes * sizeof(ar_dictionary));
    split->readings = wr_carve(carver, columns * sizeof(ar_reading));
    split->vectors = wr_carve(carver, columns * sizeof(wr_vector));
    split->cells = wr_carve(carver, columns * sizeof(wr_vector_cell));
    split->window = wr_carve(carver, AR_META_BYTES);
    split->meta_room = wr_carve(carver, AR_META_BYTES);
    split->pool.size = (POOL_CHUNKS + (uint64_t)columns / 4) * request->chunk_bytes;
    if (split->pool.size < POOL_BYTES_MIN)
        split->pool.size = POOL_BYTES_MIN;
    split->pool.bytes = wr_carve(carver, split->pool.size + AR_PAD);
    wr_long_writer_layout(&split->writer, request->scratch, carver);
    for (uint32_t c = 0; c < columns; c++)
        lay_out_reading(request, type_of(request, c), carver->base ? &split->readings[c] : NULL, carver);
}

static uint64_t split_lease_min(const wr_read_request *request)
{
    wr_carver carver = {0};
    ar_split  counted;

    lay_out(request, &counted, &carver);
    return carver.used;
}

static wr_status split_init(const wr_read_request *request, wr_split *base, wr_bump *bump, wr_error *err)
{
    ar_split *split = (ar_split *)base;
    wr_carver carver;

    memset(&split->base + 1, 0, sizeof *split - sizeof split->base);
    WR_TRY(wr_carver_init(&carver, bump, split_lease_min(request), err));
    lay_out(request, split, &carver);
    split->request = request;
    if (request->scratch)
        split->aside = wr_scratch_open_area(*request->scratch, &split->area);
    return WR_OK;
}

/* ---- Begin -------------------------------------------------------------------------------------- */

void wr_ar_split_begin(ar_split *split, ar_file *file, uint64_t begin, uint64_t end)
{
    bool is_new = split->file_number != file->base.file_index + 1u ||
                  split->wanted_generation != file->generation;

    split->file = file;
    split->file_number = file->base.file_index + 1u;
    split->batch = file->batch;
    split->number = file->batch_number;
    split->row = begin;
    split->end = end;
    split->begin = begin;
    split->last_rows = 0;
    split->is_loaded = false;
    split->wanted_generation = file->generation;
    if (is_new) {
        split->generation = UINT64_MAX;
        memcpy(split->dictionaries, file->dictionaries, file->dictionary_count * sizeof(ar_dictionary));
    }
    for (uint32_t c = 0; c < split->request->column_count; c++)
        split->readings[c].next = split->readings[c].have = 0;
}

static wr_status raise_place(const ar_split *split, uint32_t column, wr_status status, wr_error *err)
{
    const wr_read_request *request = split->request;

    wr_error_while(err, "reading column '%.*s' in record batch %llu of %.*s",
                   WR_TEXT_ARG(request->schema->fields[request->columns[column]].name),
                   (unsigned long long)split->number, WR_TEXT_ARG(split->base.path));
    return status;
}

/* What may wait: a column's nodes, but not the values of dictionaries, which are loaded already. */
static void set_waiting(ar_split *split)
{
    const ar_file *file = split->file;

    split->is_waiting = false;
    for (uint32_t c = 0; c < split->request->column_count; c++) {
        uint32_t first = file->columns[c].first_node;
        bool     waits = split->request->filter.select && !wr_filter_reads(split->request, c);

        for (uint32_t n = first; !file->columns[c].is_missing && n < file->nodes[first].end; n++)
            split->cursors[n].is_waiting = waits;
    }
}

static void clear_waiting(ar_split *split)
{
    for (uint32_t n = 0; n < split->file->node_count; n++)
        split->cursors[n].is_waiting = false;
}

/* Buffers of all columns. */
static wr_status load(ar_split *split, wr_error *err)
{
    const ar_file *file = split->file;

    clear_waiting(split);
    WR_TRY(wr_ar_load_dictionaries(split, err));
    set_waiting(split);
    split->pool.used = split->kept;
    WR_TRY(wr_ar_load(split, &split->batch, 0, file->node_count, split->end - split->begin,
                      UINT64_MAX, err));
    for (uint32_t c = 0; c < split->request->column_count; c++) {
        const ar_column *column = &file->columns[c];

        if (!column->is_missing && split->cursors[column->first_node].length != split->batch.rows)
            return raise_place(split, c, WR_RAISE(err, WR_CORRUPT, "the column has not as many values as its "
                                                  "record batch has rows"), err);
    }
    split->is_loaded = true;
    return WR_OK;
}

/* ---- Batches ------------------------------------------------------------------------------------ */

static wr_status measure(ar_split *split, uint32_t column, const wr_selection *wanted, uint32_t *io_count,
                         wr_error *err)
{
    wr_status status = split->file->columns[column].is_missing
                           ? WR_OK
                           : wr_ar_column_measure(split, column, wanted, io_count, err);

    return status == WR_OK ? WR_OK : raise_place(split, column, status, err);
}

static wr_status take(ar_split *split, uint32_t column, uint32_t count, wr_error *err)
{
    wr_value  null = {.type = type_of(split->request, column), .is_null = true};
    wr_status status = WR_OK;

    if (split->file->columns[column].is_missing)
        wr_vector_set_const(&split->vectors[column], &null, count, &split->cells[column]);
    else
        status = wr_ar_column_take(split, column, count, &split->vectors[column], err);
    return status == WR_OK ? WR_OK : raise_place(split, column, status, err);
}

/* The filter's columns, as many rows as they can give, and which of them pass. */
static wr_status choose(ar_split *split, wr_batch *batch, wr_error *err)
{
    const wr_row_filter *filter = &split->request->filter;
    wr_selection         selection;

    for (uint32_t i = 0; i < filter->column_count; i++)
        WR_TRY(measure(split, filter->columns[i], &batch->selection, &batch->row_count, err));
    wr_batch_select_all(batch);
    for (uint32_t i = 0; i < filter->column_count; i++)
        WR_TRY(take(split, filter->columns[i], batch->row_count, err));
    WR_TRY(filter->select(filter->self, batch, &selection, err));
    batch->selection = selection;
    return WR_OK;
}

/* The others give fewer rows: so does the batch. */
static wr_status cut(ar_split *split, wr_batch *batch, uint32_t row_count, wr_error *err)
{
    const wr_row_filter *filter = &split->request->filter;
    wr_selection         selection;

    for (uint32_t i = 0; i < filter->column_count; i++) {
        wr_ar_column_give_back(split, filter->columns[i], batch->row_count, row_count);
        split->vectors[filter->columns[i]].row_count = row_count;
    }
    batch->row_count = row_count;
    wr_batch_select_all(batch);
    if (filter->select) {
        WR_TRY(filter->select(filter->self, batch, &selection, err));
        batch->selection = selection;
    }
    return WR_OK;
}

/* The other columns, where rows pass. */
static wr_status read_rest(ar_split *split, wr_batch *batch, wr_error *err)
{
    uint32_t row_count = batch->row_count;

    WR_TRY(wr_ar_load_rest(split, err));
    for (uint32_t c = 0; c < batch->column_count; c++)
        if (!wr_filter_reads(split->request, c))
            WR_TRY(measure(split, c, &batch->selection, &row_count, err));
    if (row_count < batch->row_count)
        WR_TRY(cut(split, batch, row_count, err));
    for (uint32_t c = 0; c < batch->column_count; c++)
        if (!wr_filter_reads(split->request, c))
            WR_TRY(take(split, c, row_count, err));
    return WR_OK;
}

static void pass_rest(ar_split *split, const wr_batch *batch)
{
    for (uint32_t c = 0; c < batch->column_count; c++)
        if (!wr_filter_reads(split->request, c))
            wr_ar_column_pass(split, c, batch->row_count);
}

static wr_status read_batch(ar_split *split, wr_batch *out, wr_error *err)
{
    const wr_read_request *request = split->request;
    uint64_t               left = split->end - split->row;

    split->base.row_base += split->last_rows;
    *out = (wr_batch){.row_count = left < request->batch_rows ? (uint32_t)left : request->batch_rows,
                      .column_count = request->column_count, .columns = split->vectors};
    wr_batch_select_all(out);
    if (request->filter.select)
        WR_TRY(choose(split, out, err));
    if (out->selection.row_count > 0)
        WR_TRY(read_rest(split, out, err));
    else
        pass_rest(split, out);
    split->last_rows = out->row_count;
    split->row += out->row_count;
    return WR_OK;
}

static wr_status split_read(const wr_read_request *request, wr_split *base, wr_batch *out, bool *out_end,
                            wr_error *err)
{
    ar_split *split = (ar_split *)base;

    if (!split->is_loaded && split->row < split->end)
        WR_TRY_WHILE(load(split, err), err, "reading record batch %llu of %.*s",
                     (unsigned long long)split->number, WR_TEXT_ARG(base->path));
    for (uint32_t quiet = 0; quiet < QUIET_BATCHES_MAX && split->row < split->end; quiet++) {
        WR_TRY(read_batch(split, out, err));
        *out_end = split->row == split->end;
        if (out->selection.row_count > 0)
            return WR_OK;
    }
    *out = (wr_batch){.columns = split->vectors, .column_count = request->column_count};
    *out_end = split->row == split->end;
    return WR_OK;
}

const wr_format_reader_ops WR_AR_READER = {
    .file_bytes = sizeof(ar_file),
    .split_bytes = sizeof(ar_split),
    .access = WR_ACCESS_SHARED,
    .takes_filter = true,
    .infer = wr_ar_infer,
    .file_lease_min = wr_ar_file_lease_min,
    .split_lease_min = split_lease_min,
    .file_open = wr_ar_file_open,
    .split_init = split_init,
    .next_split = wr_ar_next_split,
    .split_read = split_read,
    .describe_row = wr_describe_file_row,
};
