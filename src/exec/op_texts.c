/* exec/op_texts.c — string_agg or list of all rows in the order of the source: nothing is sorted.
 *
 * Workers join the texts of their morsel in pages of their own, which are appended to the result when
 * the morsel is the oldest (exec/turn_page.h). A separator stands in front of every text; the very
 * first is left out. Elements of a list are put down as exec/agg_list.h says, those of fixed width in
 * runs that do not cross a page. The result grows on disk, so it may be of any length.
 * Memory: the result's buffers, and a page a worker, for a list also a vector; more pages mean less
 * waiting. Cost: a text 2 ns and two copies a byte; an element of fixed width three copies. */
#include "exec/agg_list.h"
#include "exec/ops.h"
#include "exec/pipeline.h"
#include "exec/turn_page.h"

typedef struct texts_shared {
    wr_bump          bump;
    wr_turnstile     turnstile;
    bool             is_ready;
    _Atomic uint32_t extra_pages;
    _Atomic bool     has_values, is_given;
    wr_scratch       scratch;
    wr_text_chain    text;      /* whose turn it is writes */
    wr_list_chain    list;      /* one of the two          */
    size_t           skip_left; /* of the first separator  */
    wr_vector        column;
} texts_shared;

typedef struct texts_local {
    wr_turn_page *first, *last;
    /* of lists */
    wr_bump       bump;
    wr_vector     values; /* what is selected of a batch */
    uint16_t     *rows;   /* these                       */
} texts_local;

static bool is_list(const wr_plan_ordered *plan)
{
    return plan->aggs[0].kind == WR_AGG_LIST;
}

/* ---- Memory ------------------------------------------------------------------------------------------ */

static uint64_t shared_bytes(const wr_plan_ordered *plan, const wr_exec *exec)
{
    enum { ROUNDING = 16 };

    return (is_list(plan) ? wr_list_chain_bytes(exec) : wr_text_chain_bytes(exec)) +
           wr_vector_bytes(plan->aggs[0].result_type) + 2 * ROUNDING;
}

/* Beside the page. */
static uint64_t local_bytes(const wr_plan_ordered *plan)
{
    enum { ROUNDING = 16 };

    return wr_vector_bytes(plan->types[0]) + WR_BATCH_ROWS_MAX * sizeof(uint16_t) + 2 * ROUNDING;
}

static uint64_t texts_resident_min(const void *plan, const wr_exec *exec)
{
    return wr_bump_lease_min(shared_bytes(plan, exec), exec->page_bytes);
}

static uint64_t texts_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    uint64_t more = is_list(plan) ? wr_bump_lease_min(local_bytes(plan), exec->page_bytes) : 0;

    return texts_resident_min(plan, exec) + worker_count * (exec->page_bytes + more);
}

static wr_status texts_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_ordered *plan = node->plan;
    texts_shared          *shared = wr_node_shared(node);

    wr_turnstile_init(&shared->turnstile, exec->morsel_first);
    shared->is_ready = true;
    shared->skip_left = plan->aggs[0].separator.byte_count;
    wr_bump_init(&shared->bump, wr_node_lease(node));
    WR_TRY(wr_bump_reserve(&shared->bump, shared_bytes(plan, exec), err));
    wr_spill_scratch(exec->spill, &shared->scratch);
    WR_TRY(wr_vector_init(&shared->column, plan->aggs[0].result_type, &shared->bump, err));
    if (is_list(plan)) {
        WR_TRY(wr_list_chain_init(&shared->list, plan->types[0], exec, &shared->scratch,
                                  &shared->bump, err));
        wr_list_chain_begin(&shared->list);
    } else {
        WR_TRY(wr_text_chain_init(&shared->text, exec, &shared->scratch, &shared->bump, err));
        wr_text_chain_begin(&shared->text);
    }
    return WR_OK;
}

static wr_status texts_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_ordered *plan = node->plan;
    texts_local           *local = local_p;

    (void)exec;
    local->first = local->last = wr_lease_take(wr_node_lease(node), 1);
    if (!local->first)
        return WR_RAISE(err, WR_NO_MEMORY, "%s: no page for texts", node->label);
    *local->first = (wr_turn_page){0};
    if (!is_list(plan))
        return WR_OK;
    wr_bump_init(&local->bump, wr_node_lease(node));
    WR_TRY(wr_bump_reserve(&local->bump, local_bytes(plan), err));
    local->rows = WR_BUMP_NEW_ARRAY(&local->bump, uint16_t, WR_BATCH_ROWS_MAX, err);
    return local->rows ? wr_vector_init(&local->values, plan->types[0], &local->bump, err)
                       : WR_NO_MEMORY;
}

/* ---- Joining ------------------------------------------------------------------------------------------- */

/* It is this worker's turn: append all its pages and keep one, empty. */
static wr_status append_pages(wr_node *node, texts_local *local, wr_error *err)
{
    texts_shared *shared = wr_node_shared(node);

    for (;;) {
        wr_turn_page *page = local->first;
        size_t        skip = shared->skip_left < page->used_bytes ? shared->skip_left
                                                                  : page->used_bytes;

        shared->skip_left -= skip;
        if (is_list(node->plan))
            WR_TRY(wr_list_chain_take(&shared->list, page + 1, page->used_bytes, err));
        else
            WR_TRY(wr_text_chain_add(&shared->text, (const char *)(page + 1) + skip,
                                     page->used_bytes - skip, err));
        page->used_bytes = 0;
        if (!page->next)
            return WR_OK;
        local->first = page->next;
        wr_turn_page_give_extra(&shared->extra_pages, wr_node_lease(node), page);
    }
}

static wr_status take_turn(wr_node *node, texts_local *local, uint64_t morsel, wr_exec *exec,
                           wr_error *err)
{
    texts_shared *shared = wr_node_shared(node);

    if (!wr_turnstile_wait(&shared->turnstile, morsel, exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    return append_pages(node, local, err);
}

/* The last page is full. */
static wr_status make_room(wr_node *node, texts_local *local, uint64_t morsel, wr_exec *exec,
                           wr_error *err)
{
    texts_shared *shared = wr_node_shared(node);
    wr_turn_page *page = NULL;

    if (!wr_turnstile_is_turn(&shared->turnstile, morsel))
        page = wr_turn_page_take_extra(&shared->extra_pages, wr_node_lease(node));
    if (!page)
        return take_turn(node, local, morsel, exec, err);
    local->last->next = page;
    local->last = page;
    return WR_OK;
}

static wr_status put_bytes(wr_node *node, texts_local *local, const char *bytes, size_t byte_count,
                           uint64_t morsel, wr_exec *exec, wr_error *err)
{
    while (byte_count > 0) {
        wr_turn_page *page = local->last;
        size_t        room = exec->page_bytes - sizeof *page - page->used_bytes;
        size_t        now = byte_count < room ? byte_count : room;

        if (room == 0) {
            WR_TRY(make_room(node, local, morsel, exec, err));
            continue;
        }
        memcpy((char *)(page + 1) + page->used_bytes, bytes, now);
        page->used_bytes += (uint32_t)now;
        bytes += now;
        byte_count -= now;
    }
    return WR_OK;
}

static wr_status put_blob(wr_node *node, texts_local *local, const wr_blob *blob, uint64_t morsel,
                          wr_exec *exec, wr_error *err)
{
    enum { PIECE_BYTES = 4096 };
    char piece[PIECE_BYTES];

    for (uint64_t offset = 0; offset < blob->byte_count; offset += PIECE_BYTES) {
        uint64_t left = blob->byte_count - offset;
        size_t   count = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;

        WR_TRY(wr_blob_read(blob, offset, piece, count, err));
        WR_TRY(put_bytes(node, local, piece, count, morsel, exec, err));
    }
    return WR_OK;
}

static wr_status put_texts(wr_node *node, texts_local *local, const wr_batch *in, wr_exec *exec,
                           wr_error *err)
{
    const wr_plan_ordered *plan = node->plan;
    texts_shared          *shared = wr_node_shared(node);
    const wr_vector       *texts = &in->columns[0];
    wr_text                separator = plan->aggs[0].separator;
    bool                   any = false;

    for (uint32_t i = 0; i < wr_batch_rows(in); i++) {
        uint32_t      row = wr_selection_row(&in->selection, i);
        const wr_str *text;

        if (!wr_vector_is_valid(texts, row))
            continue;
        any = true;
        text = wr_vector_at(texts, row);
        WR_TRY(put_bytes(node, local, separator.bytes, separator.byte_count, in->morsel, exec, err));
        if (wr_str_is_blob(text))
            WR_TRY(put_blob(node, local, wr_str_blob(text), in->morsel, exec, err));
        else
            WR_TRY(put_bytes(node, local, wr_str_bytes(text), text->byte_count, in->morsel, exec,
                             err));
    }
    if (any)
        atomic_store_explicit(&shared->has_values, true, memory_order_relaxed);
    return WR_OK;
}

/* ---- Elements ---------------------------------------------------------------------------------------------- */

/* The batch's values that count, one behind the other. */
static const wr_vector *select_values(texts_local *local, const wr_plan_ordered *plan,
                                      const wr_batch *in, uint32_t *out_count)
{
    const wr_vector *values = &in->columns[0];
    const uint16_t  *rows = in->selection.rows;
    uint32_t         count = wr_batch_rows(in), kept = 0;

    for (uint32_t i = 0; plan->filter != WR_FIELD_NONE && i < count; i++) {
        const wr_vector *filter = &in->columns[plan->filter];
        uint32_t         row = wr_selection_row(&in->selection, i);

        if (wr_vector_is_valid(filter, row) && *(const bool *)wr_vector_at(filter, row))
            local->rows[kept++] = (uint16_t)row;
    }
    if (plan->filter != WR_FIELD_NONE) {
        rows = local->rows;
        count = kept;
    }
    *out_count = count;
    if (values->encoding == WR_FLAT && !rows)
        return values;
    wr_vector_gather(values, rows, count, &local->values);
    return &local->values;
}

static wr_status put_cells(wr_node *node, texts_local *local, const wr_vector *values, uint32_t count,
                           uint64_t morsel, wr_exec *exec, wr_error *err)
{
    for (uint32_t first = 0; first < count;) {
        wr_turn_page *page = local->last;
        uint32_t      bytes, put;

        put = wr_list_run_put((uint8_t *)(page + 1) + page->used_bytes,
                              exec->page_bytes - sizeof *page - page->used_bytes, values, first,
                              count - first, &bytes);
        if (put == 0) {
            WR_TRY(make_room(node, local, morsel, exec, err));
            continue;
        }
        page->used_bytes += bytes;
        first += put;
    }
    return WR_OK;
}

static wr_status put_long_elements(wr_node *node, texts_local *local, const wr_vector *values,
                                   uint32_t count, uint64_t morsel, wr_exec *exec, wr_error *err)
{
    for (uint32_t row = 0; row < count; row++) {
        const wr_str *str = (const wr_str *)values->data + row;
        bool          is_null = values->valid && !wr_bit_get(values->valid, row);
        uint32_t      length = is_null ? WR_PACKED_NULL : str->byte_count;

        WR_TRY(put_bytes(node, local, (const char *)&length, sizeof length, morsel, exec, err));
        if (!is_null && wr_str_is_blob(str))
            WR_TRY(put_blob(node, local, wr_str_blob(str), morsel, exec, err));
        else if (!is_null)
            WR_TRY(put_bytes(node, local, wr_str_bytes(str), length, morsel, exec, err));
    }
    return WR_OK;
}

static wr_status put_elements(wr_node *node, texts_local *local, const wr_batch *in, wr_exec *exec,
                              wr_error *err)
{
    const wr_plan_ordered *plan = node->plan;
    texts_shared          *shared = wr_node_shared(node);
    uint32_t               count;
    const wr_vector       *values;

    if (wr_batch_rows(in) == 0)
        return WR_OK;
    values = select_values(local, plan, in, &count);
    if (count > 0)
        atomic_store_explicit(&shared->has_values, true, memory_order_relaxed);
    return wr_type_physical(values->type) == WR_PHYS_STR
               ? put_long_elements(node, local, values, count, in->morsel, exec, err)
               : put_cells(node, local, values, count, in->morsel, exec, err);
}

/* ---- The operator -------------------------------------------------------------------------------------------- */

static wr_status texts_push(wr_node *node, void *local_p, const wr_batch *in, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    texts_shared *shared = wr_node_shared(node);
    texts_local  *local = local_p;

    *out_flow = WR_FLOW_MORE;
    WR_TRY(is_list(node->plan) ? put_elements(node, local, in, exec, err)
                               : put_texts(node, local, in, exec, err));
    if (!in->morsel_end)
        return WR_OK;
    if (local->first->used_bytes > 0)
        WR_TRY(take_turn(node, local, in->morsel, exec, err));
    if (!wr_turnstile_end(&shared->turnstile, in->morsel, exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    return WR_OK;
}

static void texts_local_close(wr_node *node, void *local_p)
{
    texts_shared *shared = wr_node_shared(node);
    texts_local  *local = local_p;

    for (wr_turn_page *page = local->first, *next; page; page = next) {
        next = page->next;
        if (next)
            wr_turn_page_give_extra(&shared->extra_pages, wr_node_lease(node), page);
        else
            wr_lease_give(wr_node_lease(node), page, 1);
    }
    if (local->bump.lease)
        wr_bump_release(&local->bump);
}

static void texts_close(wr_node *node)
{
    texts_shared *shared = wr_node_shared(node);

    if (!shared->is_ready)
        return;
    wr_turnstile_release(&shared->turnstile);
    wr_bump_release(&shared->bump);
}

const wr_sink_ops WR_TEXTS = {
    .name = "texts",
    .shared_bytes = sizeof(texts_shared),
    .local_bytes = sizeof(texts_local),
    .lease_min = texts_lease_min,
    .resident_min = texts_resident_min,
    .open = texts_open,
    .local_open = texts_local_open,
    .push = texts_push,
    .local_close = texts_local_close,
    .close = texts_close,
};

/* ---- The result ------------------------------------------------------------------------------------------ */

static uint64_t read_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    (void)worker_count;
    return texts_resident_min(plan, exec);
}

static wr_status read_pull(wr_node *node, void *local, wr_batch *out, wr_flow *out_flow,
                           wr_exec *exec, wr_error *err)
{
    texts_shared *shared = wr_node_shared(node);
    bool          has_values = atomic_load(&shared->has_values);

    (void)local, (void)exec;
    *out_flow = WR_FLOW_DONE;
    if (atomic_exchange(&shared->is_given, true))
        return WR_OK;
    if (has_values)
        WR_TRY(is_list(node->plan)
                   ? wr_list_chain_end(&shared->list, shared->column.data, err)
                   : wr_text_chain_end(&shared->text, shared->column.data, err));
    wr_bit_put(shared->column.valid, 0, has_values);
    shared->column.row_count = 1;
    shared->column.flags = WR_VECTOR_BLOBS;
    out->columns = &shared->column;
    out->column_count = 1;
    out->row_count = 1;
    out->morsel_end = true;
    wr_batch_select_all(out);
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

const wr_source_ops WR_TEXTS_READ = {
    .name = "joined texts",
    .lease_min = read_lease_min,
    .pull = read_pull,
};
