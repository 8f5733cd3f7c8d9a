/* exec/join_rest.c — joining one partition that is on disk: load, cut, or go block by block. */
#include "exec/join_rest_priv.h"

#include "base/bits.h"

/* ---- Tasks ----------------------------------------------------------------------------------- */

static wr_row_store *task_store(const rest_local *local, rest_task *task, uint32_t side,
                                uint32_t index)
{
    join_shared *shared = local->shared;

    if (!task->is_partition)
        return index == 0 ? &task->own[side] : NULL;
    return index < shared->part_count[side]
               ? &shared->parts[side][index].stores[task->partition] : NULL;
}

typedef struct side_size {
    uint64_t rows, bytes, pages;
} side_size;

static side_size task_size(const rest_local *local, rest_task *task, uint32_t side)
{
    const wr_row_store *store;
    side_size           size = {0};

    for (uint32_t i = 0; (store = task_store(local, task, side, i)) != NULL; i++) {
        size.rows += store->row_count;
        size.bytes += store->byte_count;
        size.pages += store->stream.block_count + store->page_count;
    }
    return size;
}

static void release_task(const rest_local *local, rest_task *task)
{
    for (uint32_t side = 0; side < WR_JOIN_SIDES; side++) {
        wr_row_store *store;

        for (uint32_t i = 0; (store = task_store(local, task, side, i)) != NULL; i++)
            if (store->layout)
                wr_row_store_release(store);
    }
}

void wr_join_rest_drop_tasks(rest_local *local)
{
    while (local->task_count > 0) {
        rest_task *task = &local->tasks[--local->task_count];

        if (!task->is_partition) /* a partition's stores are released with the join */
            release_task(local, task);
    }
}

static rest_task *task_at_hand(rest_local *local)
{
    return &local->tasks[local->task_count - 1];
}

void wr_join_rest_begin(rest_local *local, uint32_t partition)
{
    local->tasks[local->task_count++] = (rest_task){.is_partition = true, .partition = partition};
    local->stage = REST_PLAN;
}

static void end_task(rest_local *local)
{
    release_task(local, task_at_hand(local));
    local->task_count--;
    local->stage = local->task_count > 0 ? REST_PLAN : REST_IDLE;
}

/* ---- Plan ------------------------------------------------------------------------------------ */

/* One pass with `side` loaded in one block. */
static rest_pass one_block_pass(const wr_plan_join *plan, uint32_t side)
{
    wr_join_type type = plan->type;
    wr_join_wish wish = wr_join_probe_wish(plan);

    if (side == WR_JOIN_SIDE_BUILD)
        return (rest_pass){.table_side = side, .wish = wish,
                           .tail_unmatched = wr_join_keeps_build(plan)};
    return (rest_pass){
        .table_side = side,
        .wish = {.pairs = wish.pairs, .unmatched = wr_join_keeps_build(plan),
                 .mark = wish.unmatched || wish.matched},
        .tail_unmatched = type == WR_JOIN_LEFT || type == WR_JOIN_FULL || type == WR_JOIN_ANTI,
        .tail_matched = type == WR_JOIN_SEMI,
    };
}

/* Passes whose loaded side may come in blocks: nothing is asked of the rows that stream. */
static void plan_blocks(rest_local *local, uint32_t smaller)
{
    const wr_plan_join *plan = local->shared->plan;
    uint32_t            side = smaller;

    if (plan->type == WR_JOIN_RIGHT)
        side = WR_JOIN_SIDE_BUILD;
    else if (plan->type != WR_JOIN_INNER && plan->type != WR_JOIN_CROSS)
        side = WR_JOIN_SIDE_PROBE;
    local->in_one_block = false;
    local->passes[0] = one_block_pass(plan, side);
    local->passes[0].wish.unmatched = false;
    local->pass_count = 1;
    if (plan->type != WR_JOIN_FULL)
        return;
    local->passes[1] = (rest_pass){.table_side = WR_JOIN_SIDE_BUILD, .wish = {.mark = true},
                                   .tail_unmatched = true};
    local->pass_count = 2;
}

static void begin_pass(rest_local *local)
{
    local->load_store = 0;
    local->load_reader.store = NULL;
    local->loaded_rows = 0;
    local->stage = REST_LOAD;
}

static uint64_t pages_bytes(const rest_local *local, uint64_t bytes)
{
    uint32_t page = local->exec->page_bytes;

    return wr_round_up(bytes, page);
}

static bool fits(const rest_local *local, const side_size *size)
{
    return size->pages * local->shared->row_page_bytes +
               pages_bytes(local, wr_join_table_bytes(size->rows)) <=
           local->shared->rest_share_bytes;
}

/* ---- Cutting --------------------------------------------------------------------------------- */

static wr_status cut_page(rest_local *local, const wr_row_page *page, wr_row_store *stores[FANOUT],
                          uint32_t shift, uint32_t hash_offset, wr_error *err)
{
    const uint8_t *rows[64];
    uint32_t       offset = 0, count;

    while ((count = wr_row_page_rows(page, &offset, 64, rows)) > 0)
        for (uint32_t i = 0; i < count; i++) {
            uint64_t      hash = wr_join_row_hash(rows[i], hash_offset);
            wr_row_store *store = stores[hash >> shift & (FANOUT - 1)];
            uint32_t      bytes = wr_row_bytes(rows[i]);
            uint8_t      *copy = wr_row_store_take(store, bytes);

            if (!copy) {
                /* One page each is certain: what is full goes to disk. */
                WR_TRY(wr_row_store_spill(store, 0, err));
                if (!wr_row_store_add_page(store))
                    return WR_RAISE(err, WR_BUG, "%s: a cut got no page inside its lease",
                                    local->node->label);
                copy = wr_row_store_take(store, bytes);
            }
            memcpy(copy, rows[i], bytes);
        }
    return WR_OK;
}

static wr_status cut_side(rest_local *local, rest_task *task, rest_task *pieces, uint32_t side,
                          uint32_t shift, wr_error *err)
{
    const wr_join_side *s = &local->shared->sides[side];
    wr_row_store       *stores[FANOUT], *store;

    for (uint32_t i = 0; i < FANOUT; i++)
        stores[i] = &pieces[i].own[side];
    for (uint32_t i = 0; (store = task_store(local, task, side, i)) != NULL; i++) {
        const wr_row_page *page;
        wr_row_reader      reader;

        wr_row_reader_init(&reader, store, local->buffer, true);
        for (;;) {
            if (wr_exec_is_cancelled(local->exec))
                return WR_RAISE(err, WR_CANCELLED, "cancelled");
            WR_TRY(wr_row_reader_next(&reader, &page, err));
            if (!page)
                break;
            WR_TRY(cut_page(local, page, stores, shift, s->hash_offset, err));
        }
        wr_row_store_release(store);
    }
    for (uint32_t i = 0; i < FANOUT; i++)
        WR_TRY(wr_row_store_spill(stores[i], 0, err));
    return WR_OK;
}

/* A piece that is nearly all of both sides: its key will not be cut. */
static bool is_stuck(const rest_local *local, rest_task *piece, const side_size size[WR_JOIN_SIDES])
{
    for (uint32_t side = 0; side < WR_JOIN_SIDES; side++)
        if (task_size(local, piece, side).rows * 4 < size[side].rows * 3)
            return false;
    return true;
}

/* Replace the task at hand by its pieces. */
static wr_status cut_task(rest_local *local, const side_size size[WR_JOIN_SIDES], wr_error *err)
{
    join_shared *shared = local->shared;
    rest_task    whole = *task_at_hand(local), *pieces = task_at_hand(local);
    uint32_t     shift = (uint32_t)__builtin_ctz(shared->partition_count) +
                         whole.level * FANOUT_BITS;
    wr_status    status = WR_OK;
    uint32_t     kept = 0;

    wr_assert(local->task_count - 1 + FANOUT <= TASKS_MAX,
              "each level leaves at most FANOUT - 1 tasks waiting");
    for (uint32_t i = 0; i < FANOUT; i++) {
        pieces[i] = (rest_task){.level = whole.level + 1};
        for (uint32_t side = 0; side < WR_JOIN_SIDES; side++)
            wr_row_store_init(&pieces[i].own[side], &shared->sides[side].layout,
                              wr_node_lease(local->node), shared->row_page_bytes,
                              local->exec->spill);
    }
    local->task_count += FANOUT - 1;
    for (uint32_t side = 0; status == WR_OK && side < WR_JOIN_SIDES; side++)
        status = cut_side(local, &whole, pieces, side, shift, err);
    release_task(local, &whole);
    WR_TRY(status);
    for (uint32_t i = 0; i < FANOUT; i++) {
        pieces[i].is_stuck = is_stuck(local, &pieces[i], size);
        if (pieces[i].own[0].row_count || pieces[i].own[1].row_count)
            pieces[kept++] = pieces[i];
    }
    local->task_count -= FANOUT - kept;
    local->stage = local->task_count > 0 ? REST_PLAN : REST_IDLE;
    return WR_OK;
}

static wr_status plan_task(rest_local *local, wr_error *err)
{
    const wr_plan_join *plan = local->shared->plan;
    rest_task          *task = task_at_hand(local);
    side_size           size[WR_JOIN_SIDES];
    uint32_t            smaller;

    for (uint32_t side = 0; side < WR_JOIN_SIDES; side++)
        size[side] = task_size(local, task, side);
    smaller = size[WR_JOIN_SIDE_PROBE].bytes < size[WR_JOIN_SIDE_BUILD].bytes && !plan->limit
                  ? WR_JOIN_SIDE_PROBE : WR_JOIN_SIDE_BUILD; /* rows that stream may come too late */
    if ((size[WR_JOIN_SIDE_PROBE].rows == 0 && !wr_join_keeps_build(plan)) ||
        (size[WR_JOIN_SIDE_BUILD].rows == 0 && !wr_join_probe_wish(plan).unmatched)) {
        end_task(local);
        return WR_OK;
    }
    if (fits(local, &size[smaller])) {
        local->passes[0] = one_block_pass(plan, smaller);
        local->pass_count = 1;
        local->in_one_block = true;
    } else if (plan->key_count > 0 && task->level < LEVELS_MAX && !task->is_stuck) {
        return cut_task(local, size, err);
    } else {
        plan_blocks(local, smaller);
    }
    local->pass = 0;
    begin_pass(local);
    return WR_OK;
}

/* ---- The block ------------------------------------------------------------------------------- */

void wr_join_rest_drop_block(rest_local *local)
{
    wr_lease *lease = wr_node_lease(local->node);

    for (wr_row_page *page = local->pages, *next; page; page = next) {
        next = page->next;
        wr_lease_give(lease, page, local->page_pages);
    }
    local->pages = local->last_page = NULL;
    if (local->carry)
        wr_lease_give(lease, local->carry, local->page_pages);
    local->carry = NULL;
    if (local->space)
        wr_lease_give(lease, local->space, local->space_pages);
    local->space = NULL;
}

static void keep_page(rest_local *local, wr_row_page *page)
{
    page->next = NULL;
    if (local->last_page)
        local->last_page->next = page;
    else
        local->pages = page;
    local->last_page = page;
}

/* Give the block's pages back, but the one that belongs to the next. */
static void next_block(rest_local *local)
{
    wr_row_page *carry = local->carry;

    local->carry = NULL;
    wr_join_rest_drop_block(local);
    local->carry = carry;
}

/* Space for a table of as many rows as the block may get; at least for one page's. */
static bool take_space(rest_local *local, const side_size *size)
{
    uint64_t share = local->shared->rest_share_bytes, rows = size->rows;
    uint64_t row_bytes = size->rows ? size->bytes / size->rows + 1 : 1;
    uint64_t bytes;
    uint32_t pages;

    if (!local->in_one_block && rows > share / (row_bytes + 24))
        rows = share / (row_bytes + 24);
    bytes = wr_join_table_bytes(rows);
    if (bytes < local->shared->row_page_bytes && rows < size->rows)
        bytes = local->shared->row_page_bytes;
    if (rows == 0)
        return true;
    pages = wr_pages_for(bytes, local->exec->page_bytes);
    for (;;) {
        local->space = pages > local->page_pages ? wr_lease_try(wr_node_lease(local->node), pages)
                                                 : wr_lease_take(wr_node_lease(local->node), pages);
        local->space_pages = pages;
        if (local->space || local->in_one_block || pages <= local->page_pages)
            return local->space != NULL;
        pages = pages / 2 > local->page_pages ? pages / 2 : local->page_pages;
    }
}

/* Rows that a table in the space may have: 16 bytes each, and one word. */
static uint64_t rows_in_space(const rest_local *local, uint64_t rows)
{
    uint64_t bytes = (uint64_t)local->space_pages * local->exec->page_bytes, most;

    if (!local->space)
        return 0;
    most = bytes / 16 - 1;
    return wr_join_table_bytes(rows) <= bytes ? rows : most;
}

/* The next page of the loaded side, in a page of its own; NULL without error: there is none, or no
 * memory for it. */
static wr_status load_page(rest_local *local, wr_row_page **out_page, wr_error *err)
{
    uint32_t side = local->passes[local->pass].table_side;
    void    *space;

    *out_page = local->carry;
    local->carry = NULL;
    if (*out_page)
        return WR_OK;
    space = local->pages ? wr_lease_try(wr_node_lease(local->node), local->page_pages)
                         : wr_lease_take(wr_node_lease(local->node), local->page_pages);
    while (space) {
        const wr_row_page *page = NULL;
        wr_row_store      *store = task_store(local, task_at_hand(local), side, local->load_store);
        wr_status          status = WR_OK;

        if (!store)
            break;
        if (local->load_reader.store != store)
            wr_row_reader_init(&local->load_reader, store, space, false);
        local->load_reader.buffer = space;
        status = wr_row_reader_next(&local->load_reader, &page, err);
        if (status != WR_OK) {
            wr_lease_give(wr_node_lease(local->node), space, local->page_pages);
            return status;
        }
        if (page) {
            wr_assert((const void *)page == space, "waiting rows are on disk");
            *out_page = space;
            return WR_OK;
        }
        local->load_store++;
    }
    if (space)
        wr_lease_give(wr_node_lease(local->node), space, local->page_pages);
    return WR_OK;
}

/* Pages into the block until all are loaded, the table is full or the share is. */
static wr_status load_pages(rest_local *local, uint64_t rows_max, uint64_t *out_rows,
                            wr_error *err)
{
    uint64_t bytes = (uint64_t)local->space_pages * local->exec->page_bytes;
    uint32_t page_bytes = local->shared->row_page_bytes;

    *out_rows = 0;
    for (;;) {
        wr_row_page *page;

        if (local->pages && !local->in_one_block &&
            bytes + page_bytes > local->shared->rest_share_bytes)
            return WR_OK;
        WR_TRY(load_page(local, &page, err));
        if (!page)
            return WR_OK;
        if (*out_rows + page->row_count > rows_max) {
            local->carry = page;
            return WR_OK;
        }
        *out_rows += page->row_count;
        bytes += page_bytes;
        keep_page(local, page);
    }
}

static void build_table(rest_local *local, uint64_t row_count)
{
    uint32_t side = local->passes[local->pass].table_side;

    wr_join_table_begin(&local->table, row_count, local->shared->sides[side].hash_offset,
                        local->space);
    for (const wr_row_page *page = local->pages; page; page = page->next)
        wr_join_table_count(&local->table, page);
    wr_join_table_sum(&local->table);
    for (const wr_row_page *page = local->pages; page; page = page->next)
        wr_join_table_place(&local->table, page);
}

/* Load the next block of the pass and set the other side streaming. */
static wr_status load_block(rest_local *local, wr_error *err)
{
    const rest_pass *pass = &local->passes[local->pass];
    side_size        size = task_size(local, task_at_hand(local), pass->table_side);
    uint64_t         rows = 0;

    next_block(local);
    if (take_space(local, &size))
        WR_TRY(load_pages(local, rows_in_space(local, size.rows), &rows, err));
    local->loaded_rows += rows;
    if (local->in_one_block && rows < size.rows) {
        /* Memory above the least was refused: the plan that needed it is off. */
        wr_join_rest_drop_block(local);
        plan_blocks(local, pass->table_side);
        local->pass = 0;
        begin_pass(local);
        return WR_OK;
    }
    if (rows == 0 && size.rows > 0)
        return WR_RAISE(err, WR_BUG, "%s: a block got no page inside its lease",
                        local->node->label);
    build_table(local, rows);
    wr_join_match_use(&local->match, !pass->table_side, pass->wish, &local->table, 0);
    local->stream_store = 0;
    local->stream_reader.store = NULL;
    local->page = NULL;
    local->stage = REST_STREAM;
    return WR_OK;
}

/* ---- Streaming ------------------------------------------------------------------------------- */

/* Some rows of the page as a batch of the stream side; false: the page is read. */
static bool begin_rows(rest_local *local)
{
    wr_join_match      *match = &local->match;
    const wr_join_side *side = &local->shared->sides[match->stream_side];
    const uint8_t     **rows = match->pair_rows; /* not in use before the look-up */
    uint32_t            count = wr_row_page_rows(local->page, &local->offset, local->exec->batch_rows,
                                                 rows);

    if (count == 0)
        return false;
    for (uint32_t c = 0; c < side->count; c++)
        wr_row_read(&side->layout, c, rows, count, &match->room[match->stream_side][c]);
    for (uint32_t i = 0; i < count; i++) {
        match->rows[i] = (uint16_t)i;
        match->hashes[i] = wr_join_row_hash(rows[i], side->hash_offset);
        match->kept[i] = wr_join_row_is_matched(rows[i], side->hash_offset);
    }
    wr_join_match_begin(match, match->room[match->stream_side], count, 0);
    for (uint32_t i = 0; i < count; i++) /* rows that matched before they went to disk */
        match->is_matched[i] = (uint8_t)match->kept[i];
    return true;
}

/* The next page that streams; local->page NULL: all have passed. */
static wr_status next_page(rest_local *local, wr_error *err)
{
    wr_row_store *store;

    local->offset = 0;
    while ((store = task_store(local, task_at_hand(local), local->match.stream_side,
                               local->stream_store)) != NULL) {
        if (local->stream_reader.store != store)
            wr_row_reader_init(&local->stream_reader, store, local->buffer, false);
        WR_TRY(wr_row_reader_next(&local->stream_reader, &local->page, err));
        if (local->page) {
            wr_spill_cursor_prefetch(&local->stream_reader.cursor);
            return WR_OK;
        }
        local->stream_store++;
    }
    return WR_OK;
}

static wr_status stream(rest_local *local, wr_error *err)
{
    if (local->page && begin_rows(local)) {
        local->stage = REST_BATCH;
        return WR_OK;
    }
    WR_TRY(next_page(local, err));
    if (!local->page) {
        local->page = local->pages;
        local->stage = REST_TAIL;
    }
    return WR_OK;
}

/* ---- The tail of a block --------------------------------------------------------------------- */

bool wr_join_rest_emit_page(rest_local *local, const wr_row_page *page, bool matched,
                            wr_batch *out)
{
    wr_join_match      *match = &local->match;
    const wr_join_side *side = &local->shared->sides[!match->stream_side];
    const uint8_t     **rows = match->pair_rows;
    uint32_t            count, kept = 0;

    while (page && kept == 0) {
        count = wr_row_page_rows(page, &local->offset, local->exec->batch_rows, rows);
        if (count == 0)
            return false;
        for (uint32_t i = 0; i < count; i++) {
            rows[kept] = rows[i];
            kept += wr_join_row_is_matched(rows[i], side->hash_offset) == matched;
        }
    }
    if (kept > 0)
        wr_join_match_emit_rows(match, rows, kept, out);
    return kept > 0;
}

static void end_block(rest_local *local)
{
    const rest_pass *pass = &local->passes[local->pass];

    if (local->loaded_rows < task_size(local, task_at_hand(local), pass->table_side).rows) {
        local->stage = REST_LOAD;
        return;
    }
    wr_join_rest_drop_block(local);
    if (++local->pass < local->pass_count)
        begin_pass(local);
    else
        end_task(local);
}

static void tail(rest_local *local, wr_batch *out)
{
    const rest_pass *pass = &local->passes[local->pass];

    if (!pass->tail_matched && !pass->tail_unmatched)
        local->page = NULL;
    for (; local->page; local->page = local->page->next, local->offset = 0)
        if (wr_join_rest_emit_page(local, local->page, pass->tail_matched, out))
            return;
    end_block(local);
}

wr_status wr_join_rest_next(rest_local *local, wr_batch *out, wr_error *err)
{
    bool more;

    switch (local->stage) {
    case REST_PLAN:
        return plan_task(local, err);
    case REST_LOAD:
        return load_block(local, err);
    case REST_STREAM:
        return stream(local, err);
    case REST_BATCH:
        WR_TRY(wr_join_match_next(&local->match, out, &more, err));
        local->stage = more ? REST_BATCH : REST_STREAM;
        return WR_OK;
    case REST_TAIL:
        tail(local, out);
        return WR_OK;
    case REST_IDLE:
    case REST_RESIDENT:
        break;
    }
    WR_UNREACHABLE();
}
