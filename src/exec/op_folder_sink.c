/* exec/op_folder_sink.c — many files in one folder: by partition, and by number of rows or bytes.
 *
 * One file is open at a time: rows come sorted by their partition (the planner sees to it), so memory does
 * not grow with the number of partitions or files. Who has the turn writes: rows go in order.
 * A file ends where the partition changes, where it has file_rows rows, or with the batch in which it
 * reached file_bytes. Its name is [key=value/...]part-<number>.<ending>, numbers from 0 in each
 * partition; the ending of the format and of the codec.
 *
 * Invariants
 *  1. Nothing is visible before finish commits the folder.
 *  2. What a file takes of memory lies above a mark of the bump and goes when the file ends.
 *  3. A partition is written once: its rows are neighbours.
 * Cost: one comparison of the partition columns a row, encoding by one worker at a time. */
#include <stdio.h>

#include "exec/sink_output.h"
#include "types/hive.h"
#include "types/parse.h"

enum {
    NAME_BYTES_MAX = 2048,
    FILE_NAME_BYTES_MAX = 255,
    WRITER_BYTES = 20 * 1024, /* handles of a file system */
};

typedef struct sink_shared {
    wr_bump      bump;
    wr_fs_folder *folder;
    wr_write_request request; /* the plan's, with scratch space */
    wr_scratch   scratch;
    bool         is_ready;
    wr_turnstile turnstile;   /* ordered                        */
    wr_mutex     mutex;       /* unordered                      */

    /* of whoever has the turn */
    char        *name;        /* of the partition: "a=1/b=2/"   */
    size_t       name_bytes;
    char        *next_name;   /* room for another                */
    bool         has_name;
    uint32_t     next_number; /* of the partition's next file   */
    wr_bump_mark mark;        /* before the open file           */
    wr_output   *output;      /* NULL: no file is open          */
    void        *format;      /* shared state, or writer's local */
    void        *block, *encoder;
    bool         block_has_rows;
    uint64_t     file_rows;
    wr_bytes     bytes;       /* formats of rows: a page        */
    wr_vector   *columns;     /* of the file                    */
    uint32_t     lead_bytes;  /* of the file's first row, still to be dropped */
} sink_shared;

/* ---- Memory -------------------------------------------------------------------------------------- */

static uint64_t bytes_capacity(const wr_plan_folder_sink *plan, const wr_exec *exec)
{
    uint64_t frame = wr_sink_frame_bytes(plan->file.request->schema);

    return frame > exec->page_bytes ? frame : exec->page_bytes;
}

static uint64_t file_need(const wr_plan_folder_sink *plan)
{
    const wr_format_writer_ops *rows = plan->file.format->writer;
    const wr_format_block_ops  *blocks = plan->file.format->block_writer;
    const wr_write_request     *request = plan->file.request;
    uint64_t need = wr_output_lease_min(plan->file.codec, plan->file.level) + WRITER_BYTES + NAME_BYTES_MAX;

    if (rows)
        return need + wr_round_up(rows->local_bytes, 16) + rows->local_lease_min(request) + 16;
    return need + wr_round_up(blocks->shared_bytes, 16) + wr_round_up(blocks->block_bytes, 16) +
           wr_round_up(blocks->encoder_bytes, 16) + blocks->shared_lease_min(request) +
           blocks->block_lease_min(request) + blocks->encoder_lease_min(request) + 16;
}

static uint64_t shared_need(const wr_plan_folder_sink *plan, const wr_exec *exec)
{
    return WRITER_BYTES + 2 * NAME_BYTES_MAX + 16 +
           wr_round_up((plan->column_count + 1) * sizeof(wr_vector), 16) +
           (plan->file.format->writer ? bytes_capacity(plan, exec) : 0) + file_need(plan);
}

static uint64_t folder_sink_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    (void)worker_count;
    return wr_bump_lease_min(shared_need(plan, exec), exec->page_bytes);
}

/* ---- One file -------------------------------------------------------------------------------------- */

static wr_status flush(sink_shared *shared, wr_error *err)
{
    size_t used = shared->bytes.used;

    shared->bytes.used = 0;
    return used ? shared->output->ops->write(shared->output, shared->bytes.data, used, err) : WR_OK;
}

static wr_status begin_rows(sink_shared *shared, const wr_format_writer_ops *ops, wr_error *err)
{
    shared->format = wr_bump_alloc(&shared->bump, ops->local_bytes, err);
    if (!shared->format)
        return WR_NO_MEMORY;
    WR_TRY(ops->local_init(&shared->request, shared->format, &shared->bump, err));
    shared->lead_bytes = ops->lead_bytes ? ops->lead_bytes(&shared->request) : 0;
    return ops->begin ? ops->begin(&shared->request, &shared->bytes, err) : WR_OK;
}

static wr_status begin_blocks(sink_shared *shared, const wr_format_block_ops *ops, wr_error *err)
{
    const wr_write_request *request = &shared->request;

    shared->format = wr_bump_alloc(&shared->bump, ops->shared_bytes, err);
    shared->block = wr_bump_alloc(&shared->bump, ops->block_bytes, err);
    shared->encoder = wr_bump_alloc(&shared->bump, ops->encoder_bytes, err);
    if (!shared->format || !shared->block || !shared->encoder)
        return WR_NO_MEMORY;
    WR_TRY(ops->shared_init(request, shared->format, &shared->bump, err));
    WR_TRY(ops->block_init(request, shared->format, shared->block, &shared->bump, err));
    WR_TRY(ops->encoder_init(request, shared->encoder, &shared->bump, err));
    return ops->begin(request, shared->format, shared->output, err);
}

static wr_status open_file(sink_shared *shared, const wr_plan_folder_sink *plan, wr_error *err)
{
    wr_fs_writer *writer;
    wr_status     status;
    char          name[NAME_BYTES_MAX];
    wr_text       codec = wr_codec_ending(plan->file.codec);
    int           bytes = snprintf(name, sizeof name, "%.*spart-%s%06u.%.*s%s%.*s",
                                   (int)shared->name_bytes, shared->name, shared->folder->prefix,
                                   shared->next_number, WR_TEXT_ARG(plan->ending),
                                   codec.byte_count ? "." : "", WR_TEXT_ARG(codec));

    if (bytes < 0 || (size_t)bytes >= sizeof name)
        return WR_RAISE(err, WR_DATA, "the partition '%.200s...' makes a path longer than %d bytes",
                        shared->name, NAME_BYTES_MAX);
    shared->mark = wr_bump_save(&shared->bump);
    WR_TRY(shared->folder->ops->open_write(shared->folder, (wr_text){name, (size_t)bytes},
                                           &shared->bump, &writer, err));
    status = wr_output_open(writer, plan->file.codec, plan->file.level, &shared->bump,
                            &shared->output, err);
    if (status != WR_OK) {
        writer->ops->close(writer);
        return status;
    }
    shared->next_number++;
    shared->file_rows = 0;
    shared->block_has_rows = false;
    return plan->file.format->writer ? begin_rows(shared, plan->file.format->writer, err)
                                     : begin_blocks(shared, plan->file.format->block_writer, err);
}

static wr_status write_block(sink_shared *shared, const wr_format_block_ops *ops, wr_error *err)
{
    bool more = true;

    shared->block_has_rows = false;
    while (more) {
        more = false;
        WR_TRY(ops->encode(&shared->request, shared->format, shared->block, shared->encoder, &more,
                           err));
    }
    return ops->write(&shared->request, shared->format, shared->block, shared->output, err);
}

static wr_status end_format(sink_shared *shared, const wr_format *format, wr_error *err)
{
    const wr_format_block_ops *blocks = format->block_writer;

    if (!format->writer) {
        if (shared->block_has_rows)
            WR_TRY(write_block(shared, blocks, err));
        return blocks->end(&shared->request, shared->format, shared->encoder, shared->output, err);
    }
    WR_TRY(flush(shared, err));
    if (format->writer->end)
        WR_TRY(format->writer->end(&shared->request, &shared->bytes, err));
    return flush(shared, err);
}

static wr_status close_file(sink_shared *shared, const wr_plan_folder_sink *plan, wr_exec *exec,
                            wr_error *err)
{
    if (!shared->output)
        return WR_OK;
    WR_TRY(end_format(shared, plan->file.format, err));
    WR_TRY(shared->output->ops->commit(shared->output, err));
    atomic_fetch_add_explicit(&exec->bytes_out, shared->output->offset, memory_order_relaxed);
    wr_output_close(shared->output);
    shared->output = NULL;
    wr_bump_rewind(&shared->bump, shared->mark);
    return WR_OK;
}

/* What the first row of a file must not begin with is taken away. */
static wr_status encode(sink_shared *shared, const wr_format_writer_ops *writer,
                        const wr_batch *rows, uint32_t *io_next, wr_error *err)
{
    wr_bytes *bytes = &shared->bytes;
    size_t    before = bytes->used, lead;

    WR_TRY(writer->encode(&shared->request, shared->format, rows, io_next, bytes, err));
    lead = shared->lead_bytes < bytes->used - before ? shared->lead_bytes : bytes->used - before;
    if (lead == 0)
        return WR_OK;
    shared->lead_bytes -= (uint32_t)lead;
    bytes->used -= lead;
    memmove(bytes->data + before, bytes->data + before + lead, bytes->used - before);
    return WR_OK;
}

static wr_status write_rows(sink_shared *shared, const wr_plan_folder_sink *plan,
                            const wr_batch *rows, wr_error *err)
{
    const wr_format_writer_ops *writer = plan->file.format->writer;
    const wr_format_block_ops  *blocks = plan->file.format->block_writer;
    uint32_t                    next = 0;

    shared->file_rows += wr_batch_rows(rows);
    while (next < wr_batch_rows(rows)) {
        bool full = false;

        if (writer) {
            WR_TRY(encode(shared, writer, rows, &next, err));
            if (next < wr_batch_rows(rows))
                WR_TRY(flush(shared, err));
            continue;
        }
        shared->block_has_rows = true;
        WR_TRY(blocks->take(&shared->request, shared->format, shared->block, rows, &next, &full, err));
        if (full)
            WR_TRY(write_block(shared, blocks, err));
    }
    return WR_OK;
}

/* ---- Partitions -------------------------------------------------------------------------------------- */

/* How the value stands in the path, behind "key=". */
static wr_status format_value(const wr_vector *column, uint32_t row, const wr_field *field,
                              char *buffer, size_t buffer_bytes, wr_text *out_text, wr_error *err)
{
    wr_value value = wr_vector_value(column, row);
    char     plain[WR_FORMAT_BYTES_MAX];
    uint8_t  cell[16];
    bool     fits = true;
    wr_text  text;

    if (value.is_null) {
        *out_text = WR_TEXT(WR_HIVE_NULL);
        return WR_OK;
    }
    if (wr_type_is_text(value.type)) {
        fits = !wr_str_is_blob((const wr_str *)wr_vector_at(column, row));
        text = fits ? value.text : WR_TEXT("");
    } else {
        wr_value_store(&value, cell);
        text = (wr_text){plain, wr_format_any(value.type, cell, plain)};
    }
    if (wr_text_equal(text, WR_TEXT(WR_HIVE_NULL)))
        return WR_RAISE(err, WR_DATA, "the text '%s' cannot be a partition of '%.*s': it stands for NULL",
                        WR_HIVE_NULL, WR_TEXT_ARG(field->name));
    if (!fits || !wr_hive_encode(text, buffer, buffer_bytes, out_text) ||
        out_text->byte_count + field->name.byte_count >= FILE_NAME_BYTES_MAX)
        return WR_RAISE(err, WR_DATA, "a value of the partition column '%.*s' is too long for the name "
                        "of a folder", WR_TEXT_ARG(field->name));
    return WR_OK;
}

/* The folders of a row's partition, in next_name. */
static wr_status name_partition(sink_shared *shared, const wr_plan_folder_sink *plan,
                                const wr_batch *in, uint32_t row, size_t *out_bytes, wr_error *err)
{
    *out_bytes = 0;
    shared->next_name[0] = '\0';
    for (uint32_t i = 0; i < plan->partition_count; i++) {
        const wr_field *field = &plan->partition_fields[i];
        char            key[FILE_NAME_BYTES_MAX], buffer[3 * FILE_NAME_BYTES_MAX];
        wr_text         name, text;
        int             bytes;

        if (!wr_hive_encode(field->name, key, sizeof key, &name))
            return WR_RAISE(err, WR_INVALID, "the name of the partition column '%.60s...' is too long",
                            field->name.bytes);
        WR_TRY(format_value(&in->columns[plan->partitions[i]], row, field, buffer, sizeof buffer,
                            &text, err));
        bytes = snprintf(shared->next_name + *out_bytes, NAME_BYTES_MAX - *out_bytes, "%.*s=%.*s/",
                         WR_TEXT_ARG(name), WR_TEXT_ARG(text));
        *out_bytes += (size_t)bytes;
        if (bytes < 0 || *out_bytes >= NAME_BYTES_MAX)
            return WR_RAISE(err, WR_DATA, "the partition '%.200s...' makes a path longer than %d bytes",
                            shared->next_name, NAME_BYTES_MAX);
    }
    return WR_OK;
}

/* Make the row's partition the current one; the file of another one ends. */
static wr_status enter_partition(sink_shared *shared, const wr_plan_folder_sink *plan,
                                 const wr_batch *in, uint32_t row, wr_exec *exec, wr_error *err)
{
    char  *name = shared->name;
    size_t bytes;

    WR_TRY(name_partition(shared, plan, in, row, &bytes, err));
    if (shared->has_name && strcmp(name, shared->next_name) == 0)
        return WR_OK;
    WR_TRY(close_file(shared, plan, exec, err));
    shared->name = shared->next_name;
    shared->next_name = name;
    shared->name_bytes = bytes;
    shared->has_name = true;
    shared->next_number = 0;
    return WR_OK;
}

static bool same_partition(const wr_plan_folder_sink *plan, const wr_batch *in, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < plan->partition_count; i++) {
        const wr_vector *column = &in->columns[plan->partitions[i]];
        wr_value         x, y;

        if (column->encoding == WR_CONST ||
            (column->encoding == WR_DICT && column->codes[a] == column->codes[b]))
            continue;
        x = wr_vector_value(column, a);
        y = wr_vector_value(column, b);
        if (x.is_null != y.is_null || (!x.is_null && wr_value_compare(&x, &y) != 0))
            return false;
    }
    return true;
}

/* Selected rows from `first` on that belong to one partition. */
static uint32_t count_run(const wr_plan_folder_sink *plan, const wr_batch *in, uint32_t first)
{
    uint32_t count = 1, row_count = wr_batch_rows(in);

    if (plan->partition_count == 0)
        return row_count - first;
    while (first + count < row_count &&
           same_partition(plan, in, wr_selection_row(&in->selection, first),
                          wr_selection_row(&in->selection, first + count)))
        count++;
    return count;
}

/* Rows of the current partition, cut into files. */
static wr_status write_run(sink_shared *shared, const wr_plan_folder_sink *plan, const wr_batch *in,
                           uint32_t first, uint32_t count, wr_exec *exec, wr_error *err)
{
    wr_batch rows = *in;

    rows.columns = shared->columns;
    rows.column_count = plan->column_count;
    while (count > 0) {
        uint64_t left;
        uint32_t part;

        if (shared->output && (shared->file_rows >= plan->file_rows ||
                               shared->output->offset >= plan->file_bytes))
            WR_TRY(close_file(shared, plan, exec, err));
        if (!shared->output)
            WR_TRY(open_file(shared, plan, err));
        left = plan->file_rows - shared->file_rows;
        part = count < left ? count : (uint32_t)left;
        rows.selection = wr_selection_slice(&in->selection, first, part);
        WR_TRY(write_rows(shared, plan, &rows, err));
        first += part;
        count -= part;
    }
    return WR_OK;
}

static wr_status write_batch(sink_shared *shared, const wr_plan_folder_sink *plan,
                             const wr_batch *in, wr_exec *exec, wr_error *err)
{
    uint32_t row_count = wr_batch_rows(in);

    for (uint32_t c = 0; c < plan->column_count; c++)
        shared->columns[c] = in->columns[plan->columns[c]];
    for (uint32_t first = 0, count; first < row_count; first += count) {
        count = count_run(plan, in, first);
        WR_TRY(enter_partition(shared, plan, in, wr_selection_row(&in->selection, first), exec, err));
        WR_TRY(write_run(shared, plan, in, first, count, exec, err));
    }
    return WR_OK;
}

/* ---- The operator ---------------------------------------------------------------------------------- */

static wr_status folder_sink_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_folder_sink *plan = node->plan;
    sink_shared               *shared = wr_node_shared(node);

    wr_turnstile_init(&shared->turnstile, exec->morsel_first);
    wr_mutex_init(&shared->mutex);
    wr_bump_init(&shared->bump, wr_node_lease(node));
    shared->is_ready = true;
    shared->request = *plan->file.request;
    if (exec->spill)
        wr_spill_scratch(exec->spill, &shared->scratch);
    shared->request.scratch = &shared->scratch;
    WR_TRY(wr_bump_reserve(&shared->bump, shared_need(plan, exec), err));
    shared->name = wr_bump_alloc(&shared->bump, NAME_BYTES_MAX, err);
    shared->next_name = wr_bump_alloc(&shared->bump, NAME_BYTES_MAX, err);
    shared->columns = WR_BUMP_NEW_ARRAY(&shared->bump, wr_vector, plan->column_count + 1, err);
    if (!shared->name || !shared->next_name || !shared->columns)
        return WR_NO_MEMORY;
    if (plan->file.format->writer) {
        shared->bytes.capacity = bytes_capacity(plan, exec);
        shared->bytes.data = wr_bump_alloc(&shared->bump, shared->bytes.capacity, err);
        if (!shared->bytes.data)
            return WR_NO_MEMORY;
    }
    return plan->file.fs->ops->open_folder(plan->file.fs, plan->file.path, plan->file.mode,
                                           &shared->bump, &shared->folder, err);
}

static wr_status push_in_turn(wr_node *node, const wr_batch *in, wr_exec *exec, wr_error *err)
{
    const wr_plan_folder_sink *plan = node->plan;
    sink_shared               *shared = wr_node_shared(node);

    if (wr_batch_rows(in) > 0) {
        if (!wr_turnstile_wait(&shared->turnstile, in->morsel, exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        WR_TRY(write_batch(shared, plan, in, exec, err));
    }
    if (in->morsel_end && !wr_turnstile_end(&shared->turnstile, in->morsel, exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    return WR_OK;
}

static wr_status push_locked(wr_node *node, const wr_batch *in, wr_exec *exec, wr_error *err)
{
    sink_shared *shared = wr_node_shared(node);

    WR_LOCKED(&shared->mutex);
    return write_batch(shared, node->plan, in, exec, err);
}

static wr_status folder_sink_push(wr_node *node, void *local, const wr_batch *in,
                                  wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    const wr_plan_folder_sink *plan = node->plan;
    sink_shared               *shared = wr_node_shared(node);

    (void)local;
    *out_flow = WR_FLOW_DONE;
    if (shared->folder->skip)
        return WR_OK;
    WR_TRY((plan->file.ordered ? push_in_turn : push_locked)(node, in, exec, err));
    atomic_fetch_add_explicit(&exec->rows_out, wr_batch_rows(in), memory_order_relaxed);
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

/* Without a row there is still one file, which tells the columns, unless its folders are unknown. */
static wr_status folder_sink_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_folder_sink *plan = node->plan;
    sink_shared               *shared = wr_node_shared(node);

    if (shared->folder->skip)
        return WR_OK;
    if (!shared->has_name && plan->partition_count == 0)
        WR_TRY(open_file(shared, plan, err));
    WR_TRY(close_file(shared, plan, exec, err));
    return shared->folder->ops->commit(shared->folder, err);
}

static void folder_sink_close(wr_node *node)
{
    sink_shared *shared = wr_node_shared(node);

    if (!shared->is_ready)
        return;
    wr_output_close(shared->output);
    if (shared->folder)
        shared->folder->ops->close(shared->folder);
    wr_bump_release(&shared->bump);
    wr_mutex_release(&shared->mutex);
    wr_turnstile_release(&shared->turnstile);
    shared->is_ready = false;
}

const wr_sink_ops WR_FOLDER_SINK = {
    .name = "folder sink",
    .shared_bytes = sizeof(sink_shared),
    .lease_min = folder_sink_lease_min,
    .open = folder_sink_open,
    .push = folder_sink_push,
    .finish = folder_sink_finish,
    .close = folder_sink_close,
};
