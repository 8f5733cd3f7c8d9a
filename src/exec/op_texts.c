/* exec/op_texts.c — string_agg of all rows in the order of the source: nothing is sorted.
 *
 * Workers join the texts of their morsel in pages of their own, which are appended to the result when
 * the morsel is the oldest (exec/turn_page.h). A separator stands in front of every text; the very
 * first is left out. The result grows on disk (exec/agg_text.h), so it may be of any length.
 * Memory: the result's buffers, and a page a worker; more pages mean less waiting. Cost: 2 ns a row and
 * two copies a byte. */
#include "exec/agg_text.h"
#include "exec/ops.h"
#include "exec/pipeline.h"
#include "exec/turn_page.h"

typedef struct texts_shared {
    wr_bump          bump;
    wr_turnstile     turnstile;
    bool             is_ready;
    _Atomic uint32_t extra_pages;
    _Atomic bool     has_texts, is_given;
    wr_scratch       scratch;
    wr_text_chain    result;    /* whose turn it is writes */
    size_t           skip_left; /* of the first separator  */
    wr_vector        column;
} texts_shared;

typedef struct texts_local {
    wr_turn_page *first, *last;
} texts_local;

/* ---- Memory ------------------------------------------------------------------------------------------ */

static uint64_t shared_bytes(const wr_exec *exec)
{
    enum { ROUNDING = 16 };

    return wr_text_chain_bytes(exec) + wr_vector_bytes(WR_TYPE(UTF8)) + 2 * ROUNDING;
}

static uint64_t texts_resident_min(const void *plan, const wr_exec *exec)
{
    (void)plan;
    return wr_bump_lease_min(shared_bytes(exec), exec->page_bytes);
}

static uint64_t texts_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    return texts_resident_min(plan, exec) + (uint64_t)worker_count * exec->page_bytes;
}

static wr_status texts_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_ordered *plan = node->plan;
    texts_shared          *shared = wr_node_shared(node);

    wr_turnstile_init(&shared->turnstile, exec->morsel_first);
    shared->is_ready = true;
    shared->skip_left = plan->aggs[0].separator.byte_count;
    wr_bump_init(&shared->bump, wr_node_lease(node));
    WR_TRY(wr_bump_reserve(&shared->bump, shared_bytes(exec), err));
    wr_spill_scratch(exec->spill, &shared->scratch);
    WR_TRY(wr_vector_init(&shared->column, WR_TYPE(UTF8), &shared->bump, err));
    WR_TRY(wr_text_chain_init(&shared->result, exec, &shared->scratch, &shared->bump, err));
    wr_text_chain_begin(&shared->result);
    return WR_OK;
}

static wr_status texts_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    texts_local *local = local_p;

    (void)exec;
    local->first = local->last = wr_lease_take(wr_node_lease(node), 1);
    if (!local->first)
        return WR_RAISE(err, WR_NO_MEMORY, "%s: no page for texts", node->label);
    *local->first = (wr_turn_page){0};
    return WR_OK;
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
        WR_TRY(wr_text_chain_add(&shared->result, (const char *)(page + 1) + skip,
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
    char     piece[PIECE_BYTES];
    uint64_t offset = 0;

    while (offset < blob->byte_count) {
        size_t got = 0;

        WR_TRY(blob->read(blob, offset, piece, sizeof piece, &got, err));
        if (got == 0)
            return WR_RAISE(err, WR_CORRUPT, "a spilled value ends early");
        WR_TRY(put_bytes(node, local, piece, got, morsel, exec, err));
        offset += got;
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
        atomic_store_explicit(&shared->has_texts, true, memory_order_relaxed);
    return WR_OK;
}

static wr_status texts_push(wr_node *node, void *local_p, const wr_batch *in, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    texts_shared *shared = wr_node_shared(node);
    texts_local  *local = local_p;

    *out_flow = WR_FLOW_MORE;
    WR_TRY(put_texts(node, local, in, exec, err));
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
    bool          has_texts = atomic_load(&shared->has_texts);

    (void)local, (void)exec;
    *out_flow = WR_FLOW_DONE;
    if (atomic_exchange(&shared->is_given, true))
        return WR_OK;
    if (has_texts)
        WR_TRY(wr_text_chain_end(&shared->result, shared->column.data, err));
    wr_bit_put(shared->column.valid, 0, has_texts);
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
