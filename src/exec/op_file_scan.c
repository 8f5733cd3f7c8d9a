/* exec/op_file_scan.c — file system x codec x encoding x format over a list of files.
 *
 * Under the scan's mutex, in file order, a worker opens the next file when the last one is at its
 * end and takes the next split from it; outside the mutex it turns its split into batches. A split
 * is a morsel. One file is open at a time: splits do not refer to it.
 *
 * Invariants
 *  1. Split numbers ascend by (file, place in file), whichever worker takes them.
 *  2. The source position of a row is split << POSITION_ROW_BITS | row in split.
 *  3. After a failure in the serial half nobody touches the file again.
 * Memory: the open file (handle, codec windows, transcoder, the format's file state), one split a
 * worker, the rejects; all by formulas over the plan. */
#include "exec/ops.h"
#include "exec/rejects.h"

enum {
    READER_BYTES = 12 * 1024, /* handle of a file system: paths of up to 4 KB */
    POSITION_ROW_BITS = 24,
};

typedef struct scan_shared {
    wr_mutex        mutex;
    bool            is_ready;
    wr_rejects      rejects;
    wr_scratch      scratch;    /* the spill: values longer than a chunk */

    /* under the mutex */
    wr_bump         bump;       /* everything of the open file    */
    wr_file_reader *file;       /* NULL: none is open             */
    uint32_t        next_path;
    uint64_t        next_split;
    uint64_t        bytes_seen; /* of the open file, for progress */
    bool            has_failed;
} scan_shared;

typedef struct scan_local {
    wr_node        *node;
    wr_exec        *exec;
    wr_read_request request;    /* the plan's, reporting rejects of this worker */
    wr_bump         bump;
    wr_split       *split;
    bool            has_split;
    wr_vector      *columns;    /* the format's, then the virtual ones          */
    wr_vector_cell  filename_cell;
} scan_local;

/* ---- Memory ------------------------------------------------------------------------------------------ */

static uint64_t file_need(const wr_plan_file_scan *plan)
{
    const wr_format_reader_ops *ops = plan->format->reader;

    return READER_BYTES + WR_HEAD_READER_BYTES + wr_input_lease_min(plan->codec) +
           wr_input_transcode_lease_min(plan->encoding) + wr_round_up(ops->file_bytes, 16) + ops->file_lease_min(plan->request) + 64;
}

static uint32_t column_count(const wr_plan_file_scan *plan)
{
    return plan->request->column_count + plan->add_filename + plan->add_row_number;
}

static uint64_t local_need(const wr_plan_file_scan *plan)
{
    const wr_format_reader_ops *ops = plan->format->reader;

    return wr_round_up(ops->split_bytes, 16) + ops->split_lease_min(plan->request) +
           wr_round_up((column_count(plan) + 1) * sizeof(wr_vector), 16);
}

static uint64_t file_scan_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_file_scan *plan = plan_p;

    return wr_bump_lease_min(file_need(plan), exec->page_bytes) +
           worker_count * wr_bump_lease_min(local_need(plan), exec->page_bytes) +
           wr_rejects_lease_min(plan, exec);
}

/* ---- Open and close ------------------------------------------------------------------------------------ */

static wr_status file_scan_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    scan_shared *shared = wr_node_shared(node);

    wr_mutex_init(&shared->mutex);
    wr_bump_init(&shared->bump, wr_node_lease(node));
    shared->is_ready = true;
    if (exec->spill)
        wr_spill_scratch(exec->spill, &shared->scratch);
    return wr_rejects_open(&shared->rejects, node->plan, wr_node_lease(node), exec, err);
}

static wr_status report_reject(void *self, const wr_reject *reject, wr_error *err)
{
    scan_local  *local = self;
    scan_shared *shared = wr_node_shared(local->node);

    return wr_rejects_report(&shared->rejects, local->split->number, reject, local->exec, err);
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
    wr_bump_init(&local->bump, wr_node_lease(node));
    WR_TRY(wr_bump_reserve(&local->bump, local_need(plan), err));
    local->columns = WR_BUMP_NEW_ARRAY(&local->bump, wr_vector, column_count(plan) + 1, err);
    local->split = wr_bump_alloc(&local->bump, ops->split_bytes, err);
    if (!local->columns || !local->split)
        return WR_NO_MEMORY;
    return ops->split_init(&local->request, local->split, &local->bump, err);
}

static void file_scan_local_close(wr_node *node, void *local_p)
{
    scan_local  *local = local_p;
    scan_shared *shared = wr_node_shared(node);

    if (local->has_split) /* left early: others may wait for its end */
        wr_rejects_end_split(&shared->rejects, local->split->number, local->exec);
    if (local->bump.lease)
        wr_bump_release(&local->bump);
}

/* ---- The serial half -------------------------------------------------------------------------------------- */

/* Is the file read as it lies there, so that a format may jump in it? */
static wr_status is_plain(const wr_plan_file_scan *plan, wr_fs_reader *reader, bool *out_plain,
                          wr_error *err)
{
    uint8_t head[16];
    size_t  head_bytes = 0;

    *out_plain = false;
    if (!reader->info.seekable || plan->encoding != WR_ENCODING_UTF8)
        return WR_OK;
    if (plan->codec == WR_CODEC_AUTO) {
        WR_TRY(reader->ops->read_at(reader, 0, head, sizeof head, &head_bytes, err));
        *out_plain = wr_codec_detect(reader->path, head, head_bytes) == WR_CODEC_NONE;
    } else {
        *out_plain = plan->codec == WR_CODEC_NONE;
    }
    return WR_OK;
}

/* The bytes of a file, decompressed and in UTF-8. Whoever fails has closed what it opened. */
static wr_status open_input(const wr_plan_file_scan *plan, wr_text path, wr_bump *bump,
                            wr_fs_reader **out_raw, wr_input **out_input, wr_error *err)
{
    wr_fs_reader *reader;
    wr_input     *input = NULL;
    bool          plain;
    wr_status     status;

    WR_TRY(plan->fs->ops->open_read(plan->fs, path, bump, &reader, err));
    if (plan->head && plan->head->byte_count > 0 && wr_text_equal(path, plan->head->path))
        WR_TRY(wr_head_replay(reader, plan->head, bump, &reader, err));
    status = is_plain(plan, reader, &plain, err);
    if (status == WR_OK)
        status = wr_input_open(reader, plan->codec, bump, &input, err);
    if (status != WR_OK) {
        reader->ops->close(reader);
        return status;
    }
    status = wr_input_transcode(input, path, plan->encoding, bump, out_input, err);
    if (status != WR_OK)
        wr_input_close(input);
    *out_raw = plain ? reader : NULL;
    return status;
}

static wr_status open_file(const scan_local *local, scan_shared *shared, wr_error *err)
{
    const wr_plan_file_scan *plan = local->node->plan;
    wr_text                  path = plan->paths[shared->next_path];
    wr_file_reader          *file;
    wr_input                *input;
    wr_fs_reader            *raw;

    WR_TRY(wr_bump_reserve(&shared->bump, file_need(plan), err));
    WR_TRY(open_input(plan, path, &shared->bump, &raw, &input, err));
    file = wr_bump_alloc(&shared->bump, plan->format->reader->file_bytes, err);
    if (!file) {
        wr_input_close(input);
        return WR_NO_MEMORY;
    }
    file->input = input;
    file->raw = raw;
    file->path = path;
    file->file_index = shared->next_path++;
    shared->file = file;
    shared->bytes_seen = 0;
    return plan->format->reader->file_open(&local->request, file, &shared->bump, err);
}

static void close_file(scan_shared *shared)
{
    if (!shared->file)
        return;
    wr_input_close(shared->file->input);
    shared->file = NULL;
    wr_bump_release(&shared->bump);
}

static void note_progress(scan_shared *shared, wr_exec *exec)
{
    uint64_t consumed = shared->file->input->consumed_bytes;

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
        if (!shared->file) {
            if (shared->next_path == plan->path_count)
                return WR_OK;
            WR_TRY(open_file(local, shared, err));
        }
        split->path = shared->file->path;
        split->file_index = shared->file->file_index;
        split->row_base = 0;
        WR_TRY(plan->format->reader->next_split(&local->request, shared->file, split, &file_done,
                                                err));
        note_progress(shared, local->exec);
        if (file_done)
            close_file(shared);
        else
            local->has_split = true;
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

/* Put the virtual columns behind those of the format. */
static void add_columns(scan_local *local, wr_batch *out)
{
    const wr_plan_file_scan *plan = local->node->plan;
    const wr_split          *split = local->split;
    wr_vector               *next = local->columns + plan->request->column_count;

    memcpy(local->columns, out->columns, plan->request->column_count * sizeof(wr_vector));
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
    WR_TRY(plan->format->reader->split_read(&local->request, split, out, &at_end, err));
    out->morsel = split->number;
    out->morsel_end = at_end;
    out->position = split->number << POSITION_ROW_BITS | split->row_base;
    if (out->row_count > 0) {
        wr_assert(split->row_base + out->row_count <= (uint64_t)1 << POSITION_ROW_BITS,
                  "a split has at most 2^24 rows");
        add_columns(local, out);
    }
    if (at_end) {
        local->has_split = false;
        if (!wr_rejects_end_split(&shared->rejects, split->number, exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
    }
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
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
    else
        wr_error_append(err, " (%.*s, byte %llu)", WR_TEXT_ARG(place.path),
                        (unsigned long long)place.byte_offset);
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
    close_file(shared);
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
