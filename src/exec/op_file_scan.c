/* exec/op_file_scan.c — file system x codec x encoding x format over a list of files.
 *
 * Under the scan's mutex, in file order, a worker opens the next file when the last one is at its
 * end and takes the next split from it; outside the mutex it turns its split into batches. A split
 * is a morsel. Splits of most formats do not refer to their file, and one is open at a time; where
 * they do, it is closed after its last split, so each worker may have one of its own.
 *
 * Invariants
 *  1. Split numbers ascend by (file, place in file), whichever worker takes them.
 *  2. The source position of a row is split << POSITION_ROW_BITS | row in split.
 *  3. After a failure in the serial half nobody touches the file again.
 *  4. Rows before one that fails go out first: what follows may want no more.
 * Memory: the open file (handle, codec windows, transcoder, the format's file state), one split a
 * worker, the rejects; all by formulas over the plan. */
#include "exec/chooser.h"
#include "exec/ops.h"
#include "exec/rejects.h"
#include "exec/required.h"
#include "types/hive.h"

enum {
    READER_BYTES = 12 * 1024, /* handle of a file system: paths of up to 4 KB */
    POSITION_ROW_BITS = 24,
};

typedef struct open_file {
    wr_bump         bump;       /* everything of the file                            */
    wr_file_reader *file;       /* NULL: none is open                                */
    wr_fs_reader   *raw;        /* closed by its input, if that is open              */
    uint32_t        user_count; /* splits that refer to it, and the scan till its end */
} open_file;

typedef struct scan_shared {
    wr_mutex        mutex;
    bool            is_ready;
    wr_rejects      rejects;
    wr_scratch      scratch;    /* the spill: values longer than a chunk */

    /* under the mutex */
    wr_bump         bump;       /* the array of files                        */
    open_file      *files;
    uint32_t        file_count;
    open_file      *current;    /* where the next split comes from, or NULL  */
    uint32_t        next_path;
    uint64_t        next_split;
    uint64_t        bytes_seen; /* of the current file, for progress         */
    bool            has_failed;
} scan_shared;

/* A column that the path tells. */
typedef struct partition {
    wr_value       value;
    wr_vector_cell cell;
    char           text[WR_HIVE_BYTES_MAX];
} partition;

typedef struct scan_local {
    wr_node        *node;
    wr_exec        *exec;
    wr_read_request request;    /* the plan's, reporting rejects of this worker */
    wr_bump         bump;
    wr_split       *split;
    bool            has_split;
    open_file      *file;       /* that the split refers to, or NULL                */
    wr_chooser      chooser;    /* the filter, if the format takes it               */
    wr_vector      *columns;    /* the format's, then the virtual ones          */
    wr_vector_cell  filename_cell;
    wr_error        failure;    /* of row ...                                       */
    uint32_t        failed_row; /* ... of the batch at hand; status WR_OK: of none  */
    uint16_t       *required_rows; /* of wr_required_check                          */
    partition      *partitions; /* of the split's path                              */
    wr_text         partition_path;
} scan_local;

/* ---- Memory ------------------------------------------------------------------------------------------ */

static uint64_t file_need(const wr_plan_file_scan *plan)
{
    const wr_format_reader_ops *ops = plan->format->reader;
    uint64_t need = READER_BYTES + wr_round_up(ops->file_bytes, 16) +
                    ops->file_lease_min(plan->request) + 64;

    if (ops->access == WR_ACCESS_RANDOM)
        return need;
    return need + WR_HEAD_READER_BYTES + wr_input_transcode_lease_min(plan->encoding) +
           (plan->input_bytes ? plan->input_bytes : wr_input_lease_min(plan->codec));
}

/* Files that may be open at once: whoever opens one has no other. */
static uint32_t file_count(const wr_plan_file_scan *plan, uint32_t worker_count)
{
    return plan->format->reader->access == WR_ACCESS_STREAM ? 1 : worker_count;
}

static uint32_t column_count(const wr_plan_file_scan *plan)
{
    return plan->request->column_count + plan->partition_count + plan->add_filename +
           plan->add_row_number;
}

static uint64_t local_need(const wr_plan_file_scan *plan)
{
    const wr_format_reader_ops *ops = plan->format->reader;

    return wr_round_up(ops->split_bytes, 16) + ops->split_lease_min(plan->request) +
           wr_round_up(plan->partition_count * sizeof(partition) + 1, 16) + /* none of them takes room, too */
           wr_required_bytes(plan->request) +
           wr_round_up((column_count(plan) + 1) * sizeof(wr_vector), 16);
}

static uint64_t file_scan_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_file_scan *plan = plan_p;
    uint32_t                 files = file_count(plan, worker_count);

    return wr_bump_lease_min(files * sizeof(open_file), exec->page_bytes) +
           files * wr_bump_lease_min(file_need(plan), exec->page_bytes) +
           worker_count * (wr_bump_lease_min(local_need(plan), exec->page_bytes) +
                           wr_chooser_lease_min(plan->filter, plan->filter_heap_bytes, exec->page_bytes)) +
           wr_rejects_lease_min(plan, exec);
}

/* ---- Open and close ------------------------------------------------------------------------------------ */

static wr_status file_scan_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    scan_shared *shared = wr_node_shared(node);

    wr_mutex_init(&shared->mutex);
    wr_bump_init(&shared->bump, wr_node_lease(node));
    shared->is_ready = true;
    shared->file_count = file_count(node->plan, exec->worker_count);
    shared->files = WR_BUMP_NEW_ARRAY(&shared->bump, open_file, shared->file_count, err);
    if (!shared->files)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < shared->file_count; i++)
        wr_bump_init(&shared->files[i].bump, wr_node_lease(node));
    if (exec->spill)
        wr_spill_scratch(exec->spill, &shared->scratch);
    return wr_rejects_open(&shared->rejects, node->plan, wr_node_lease(node), exec, err);
}

/* Keep a failure at `row` for later if there are rows before it. */
static wr_status put_off(scan_local *local, uint32_t row, wr_status status, wr_error *err)
{
    if (status != WR_DATA || row == 0 || !err)
        return status;
    local->failure = *err;
    local->failed_row = row;
    wr_error_clear(err);
    return WR_OK;
}

static wr_status report_reject(void *self, const wr_reject *reject, wr_error *err)
{
    scan_local  *local = self;
    scan_shared *shared = wr_node_shared(local->node);

    if (local->failure.status != WR_OK)
        return WR_OK;
    return put_off(local, reject->batch_row,
                   wr_rejects_report(&shared->rejects, local->split->number, reject, local->exec, err),
                   err);
}

static void file_scan_describe_row(wr_node *node, void *local_p, uint32_t row, wr_error *err)
{
    const wr_plan_file_scan *plan = node->plan;
    scan_local              *local = local_p;
    wr_reject                place = {.path = local->split->path};

    if (!plan->format->reader->describe_row)
        return;
    plan->format->reader->describe_row(&local->request, local->split, row, &place);
    if (place.line)
        wr_error_append(err, " (%.*s:%llu)", WR_TEXT_ARG(place.path),
                        (unsigned long long)place.line);
    else if (place.row)
        wr_error_append(err, " (%.*s, row %llu)", WR_TEXT_ARG(place.path),
                        (unsigned long long)place.row);
    else
        wr_error_append(err, " (%.*s, byte %llu)", WR_TEXT_ARG(place.path),
                        (unsigned long long)place.byte_offset);
}

static wr_status choose_rows(void *self, const wr_batch *batch, wr_selection *out_selection,
                             wr_error *err)
{
    scan_local *local = self;
    uint32_t    error_row = UINT32_MAX;
    wr_status   status;

    local->failure.status = WR_OK; /* of more rows of the same batch */
    status = wr_chooser_select(&local->chooser, batch, out_selection, &error_row, err);

    if (status != WR_OK && error_row != UINT32_MAX)
        file_scan_describe_row(local->node, local, error_row, err);
    return status == WR_OK ? WR_OK
                           : put_off(local, out_selection->row_count ? error_row : 0, status, err);
}

static wr_status file_scan_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_file_scan    *plan = node->plan;
    const wr_format_reader_ops *ops = plan->format->reader;
    scan_local                 *local = local_p;

    local->node = node;
    local->exec = exec;
    local->request = *plan->request;
    local->request.rejects = (wr_reject_sink){report_reject, local};
    local->request.scratch = &((scan_shared *)wr_node_shared(node))->scratch;
    if (plan->filter) {
        local->request.filter.self = local;
        local->request.filter.select = choose_rows;
        WR_TRY(wr_chooser_open(&local->chooser, plan->filter, plan->filter_heap_bytes,
                               wr_node_lease(node), &exec->facts, err));
    }
    wr_bump_init(&local->bump, wr_node_lease(node));
    WR_TRY(wr_bump_reserve(&local->bump, local_need(plan), err));
    local->columns = WR_BUMP_NEW_ARRAY(&local->bump, wr_vector, column_count(plan) + 1, err);
    local->split = wr_bump_alloc(&local->bump, ops->split_bytes, err);
    local->partitions = WR_BUMP_NEW_ARRAY(&local->bump, partition, plan->partition_count, err);
    if (!local->columns || !local->split || !local->partitions)
        return WR_NO_MEMORY;
    if (wr_required_bytes(plan->request) > 0) {
        local->required_rows = wr_bump_alloc(&local->bump, wr_required_bytes(plan->request), err);
        if (!local->required_rows)
            return WR_NO_MEMORY;
    }
    return ops->split_init(&local->request, local->split, &local->bump, err);
}

static void close_file(open_file *slot)
{
    if (slot->file && slot->file->input)
        wr_input_close(slot->file->input);
    else if (slot->file)
        slot->raw->ops->close(slot->raw);
    slot->file = NULL;
    slot->user_count = 0;
    wr_bump_release(&slot->bump);
}

/* One reason less to keep the file open. */
static void leave_file_locked(open_file **io_slot)
{
    if (--(*io_slot)->user_count == 0)
        close_file(*io_slot);
    *io_slot = NULL;
}

static void leave_file(scan_shared *shared, open_file **io_slot)
{
    WR_LOCKED(&shared->mutex);
    leave_file_locked(io_slot);
}

static void file_scan_local_close(wr_node *node, void *local_p)
{
    scan_local  *local = local_p;
    scan_shared *shared = wr_node_shared(node);

    if (local->has_split) /* left early: others may wait for its end */
        wr_rejects_end_split(&shared->rejects, local->split->number, local->exec);
    if (local->file)
        leave_file(shared, &local->file);
    wr_chooser_close(&local->chooser);
    if (local->bump.lease)
        wr_bump_release(&local->bump);
}

/* ---- The serial half -------------------------------------------------------------------------------------- */

static wr_status open_reader(const wr_plan_file_scan *plan, wr_text path, open_file *slot,
                             wr_file_reader *file, wr_error *err)
{
    const wr_format *format = plan->format;
    wr_input_want    want = {plan->codec, plan->encoding,
                             format->reader->access == WR_ACCESS_RANDOM ? format->name : NULL};
    wr_fs_reader    *reader;
    bool             plain;

    WR_TRY(plan->fs->ops->open_read(plan->fs, path, &slot->bump, &reader, err));
    if (plan->head && plan->head->byte_count > 0 && wr_text_equal(path, plan->head->path))
        WR_TRY(wr_head_replay(reader, plan->head, &slot->bump, &reader, err));
    WR_TRY(wr_input_open_file(reader, &want, &slot->bump, &file->input, &plain, err));
    slot->raw = reader;
    file->raw = plain ? reader : NULL;
    return WR_OK;
}

static wr_status open_next(const scan_local *local, scan_shared *shared, wr_error *err)
{
    const wr_plan_file_scan *plan = local->node->plan;
    open_file               *slot = shared->files;
    wr_file_reader          *file;

    while (slot->user_count > 0)
        slot++;
    wr_assert(slot < shared->files + shared->file_count, "whoever opens a file has no other");
    WR_TRY(wr_bump_reserve(&slot->bump, file_need(plan), err));
    file = wr_bump_alloc(&slot->bump, plan->format->reader->file_bytes, err);
    if (!file)
        return WR_NO_MEMORY;
    file->path = plan->paths[shared->next_path];
    file->file_index = shared->next_path;
    WR_TRY(open_reader(plan, file->path, slot, file, err));
    shared->next_path++;
    slot->file = file;
    slot->user_count = 1;
    shared->current = slot;
    shared->bytes_seen = 0;
    return plan->format->reader->file_open(&local->request, file, &slot->bump, err);
}

static void note_progress(scan_shared *shared, wr_exec *exec)
{
    const wr_file_reader *file = shared->current->file;
    uint64_t              consumed = file->input ? file->input->consumed_bytes : file->consumed_bytes;

    atomic_fetch_add_explicit(&exec->bytes_in, consumed - shared->bytes_seen,
                              memory_order_relaxed);
    shared->bytes_seen = consumed;
}

/* Take the next split of the list of files; local->has_split stays false at the end of it. */
static wr_status take_split_locked(scan_local *local, scan_shared *shared, wr_error *err)
{
    const wr_plan_file_scan *plan = local->node->plan;
    wr_split                *split = local->split;

    split->number = shared->next_split; /* also the place of a failure on the way */
    while (!local->has_split) {
        bool file_done = false;

        if (wr_exec_is_cancelled(local->exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        if (!shared->current) {
            if (shared->next_path == plan->path_count)
                return WR_OK;
            WR_TRY(open_next(local, shared, err));
        }
        split->path = shared->current->file->path;
        split->file_index = shared->current->file->file_index;
        split->row_base = 0;
        WR_TRY(plan->format->reader->next_split(&local->request, shared->current->file, split,
                                                &file_done, err));
        note_progress(shared, local->exec);
        if (file_done)
            leave_file_locked(&shared->current);
        else
            local->has_split = true;
    }
    if (plan->format->reader->access != WR_ACCESS_STREAM) {
        local->file = shared->current;
        local->file->user_count++;
    }
    shared->next_split++;
    return WR_OK;
}

static wr_status take_split(scan_local *local, scan_shared *shared, wr_error *err)
{
    wr_status status;

    WR_LOCKED(&shared->mutex);
    if (shared->has_failed)
        return WR_OK;
    status = take_split_locked(local, shared, err);
    shared->has_failed = status != WR_OK;
    return status;
}

/* ---- The parallel half --------------------------------------------------------------------------------------- */

static void read_partitions(scan_local *local, const wr_plan_file_scan *plan)
{
    if (local->partition_path.bytes == local->split->path.bytes)
        return;
    local->partition_path = local->split->path;
    for (uint32_t i = 0; i < plan->partition_count; i++) {
        partition *p = &local->partitions[i];

        if (!wr_hive_value(local->split->path, plan->partitions[i].name, plan->partitions[i].type,
                           p->text, &p->value))
            p->value = (wr_value){.type = plan->partitions[i].type, .is_null = true};
    }
}

/* Put the virtual columns behind those of the format. */
static void add_columns(scan_local *local, wr_batch *out)
{
    const wr_plan_file_scan *plan = local->node->plan;
    const wr_split          *split = local->split;
    wr_vector               *next = local->columns + plan->request->column_count;

    memcpy(local->columns, out->columns, plan->request->column_count * sizeof(wr_vector));
    read_partitions(local, plan);
    for (uint32_t i = 0; i < plan->partition_count; i++)
        wr_vector_set_const(next++, &local->partitions[i].value, out->row_count,
                            &local->partitions[i].cell);
    if (plan->add_filename) {
        wr_value path = {.type = WR_TYPE(UTF8), .text = split->path};

        wr_vector_set_const(next++, &path, out->row_count, &local->filename_cell);
    }
    if (plan->add_row_number)
        *next++ = (wr_vector){
            .type = WR_TYPE(I64),
            .encoding = WR_SEQ,
            .row_count = out->row_count,
            .seq_first = (int64_t)(split->first_row + split->row_base + 1),
            .seq_step = 1,
        };
    out->columns = local->columns;
    out->column_count = column_count(plan);
}

/* The failure that was put off, when no row before it is left. */
static wr_status raise_failure(const scan_local *local, wr_error *err)
{
    if (err)
        *err = local->failure;
    return local->failure.status;
}

/* Only rows before the one that failed. */
static void cut_batch(const scan_local *local, wr_batch *out)
{
    uint32_t count = 0;

    while (count < out->selection.row_count &&
           wr_selection_row(&out->selection, count) < local->failed_row)
        count++;
    out->selection = wr_selection_slice(&out->selection, 0, count);
}

static wr_status file_scan_pull(wr_node *node, void *local_p, wr_batch *out, wr_flow *out_flow,
                                wr_exec *exec, wr_error *err)
{
    const wr_plan_file_scan *plan = node->plan;
    scan_shared             *shared = wr_node_shared(node);
    scan_local              *local = local_p;
    wr_split                *split = local->split;
    bool                     at_end = false;

    if (!local->has_split) {
        wr_status status = take_split(local, shared, err);

        out->morsel = split->number;
        if (status != WR_OK || !local->has_split) {
            *out_flow = WR_FLOW_DONE;
            return status;
        }
    }
    out->morsel = split->number;
    if (local->failure.status != WR_OK)
        return raise_failure(local, err);
    WR_TRY(plan->format->reader->split_read(&local->request, split, out, &at_end, err));
    WR_TRY(wr_required_check(&local->request, plan->format->reader, split, local->required_rows, out, err));
    out->morsel = split->number;
    if (local->failure.status != WR_OK) {
        at_end = false;
        cut_batch(local, out);
        if (wr_batch_rows(out) == 0)
            return raise_failure(local, err);
    }
    out->morsel_end = at_end;
    out->position = split->number << POSITION_ROW_BITS | split->row_base;
    if (out->row_count > 0) {
        wr_assert(split->row_base + out->row_count <= (uint64_t)1 << POSITION_ROW_BITS,
                  "a split has at most 2^24 rows");
        add_columns(local, out);
    }
    if (at_end) {
        local->has_split = false;
        if (local->file)
            leave_file(shared, &local->file);
        if (!wr_rejects_end_split(&shared->rejects, split->number, exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
    }
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

/* ---- The end --------------------------------------------------------------------------------------------------- */

static wr_status file_scan_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    scan_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_rejects_finish(&shared->rejects, err);
}

static void file_scan_close(wr_node *node)
{
    scan_shared *shared = wr_node_shared(node);

    if (!shared->is_ready)
        return;
    for (uint32_t i = 0; shared->files && i < shared->file_count; i++)
        close_file(&shared->files[i]);
    wr_bump_release(&shared->bump);
    wr_rejects_close(&shared->rejects);
    wr_mutex_release(&shared->mutex);
    shared->is_ready = false;
}

const wr_source_ops WR_FILE_SCAN = {
    .name = "file scan",
    .shared_bytes = sizeof(scan_shared),
    .local_bytes = sizeof(scan_local),
    .lease_min = file_scan_lease_min,
    .open = file_scan_open,
    .local_open = file_scan_local_open,
    .pull = file_scan_pull,
    .describe_row = file_scan_describe_row,
    .local_close = file_scan_local_close,
    .finish = file_scan_finish,
    .close = file_scan_close,
};
