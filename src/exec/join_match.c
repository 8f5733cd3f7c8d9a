/* exec/join_match.c — look up a batch, walk its candidates, put out what is wanted. */
#include "exec/join_match.h"

#include <string.h>

#include "exec/sorter.h"

#include "kernel/hash.h"

enum { ROWS = WR_BATCH_ROWS_MAX };

#define NO_TABLE UINT64_MAX /* as hash: this row has no match for certain */

/* ---- Memory ---------------------------------------------------------------------------------- */

static uint64_t aligned(uint64_t bytes)
{
    return wr_round_up(bytes, 16);
}

static uint64_t side_room_bytes(const wr_type *types, uint32_t count)
{
    uint64_t bytes = 2 * aligned((uint64_t)(count + 1) * sizeof(wr_vector));

    for (uint32_t i = 0; i < count; i++)
        bytes += aligned(wr_vector_bytes(types[i]));
    return bytes;
}

static uint64_t arrays_bytes(const wr_plan_join *plan)
{
    uint32_t columns = plan->probe_count + plan->build_count + 2;

    return ROWS * (sizeof(uint64_t) + 4 * sizeof(void *) + 2 * sizeof(uint32_t) +
                   5 * sizeof(uint16_t) + 1) +
           aligned((plan->key_count + 1) * sizeof(wr_key_view)) +
           aligned((plan->key_count + 1) * sizeof(wr_vector)) +
           3 * aligned(columns * sizeof(wr_vector)) + sizeof(wr_vector_cell) + 256;
}

static uint64_t match_bytes(const wr_plan_join *plan)
{
    return arrays_bytes(plan) + side_room_bytes(plan->probe_types, plan->probe_count) +
           side_room_bytes(plan->build_types, plan->build_count);
}

uint64_t wr_join_match_lease_min(const wr_plan_join *plan, const wr_exec *exec)
{
    uint64_t bytes = wr_bump_lease_min(match_bytes(plan), exec->page_bytes);

    if (plan->residual)
        bytes += wr_evaluator_lease_min(plan->residual, 0, exec->page_bytes, exec->page_bytes);
    return bytes;
}

static wr_status open_room(wr_join_match *match, uint32_t side, wr_error *err)
{
    const wr_join_side *s = &match->sides[side];

    match->room[side] = WR_BUMP_NEW_ARRAY(&match->bump, wr_vector, s->count + 1, err);
    if (!match->room[side])
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < s->count; c++)
        WR_TRY(wr_vector_init(&match->room[side][c], s->types[c], &match->bump, err));
    return WR_OK;
}

/* One allocation, cut up: the widest items first, so that all are aligned. */
static wr_status open_arrays(wr_join_match *match, wr_error *err)
{
    uint8_t *at = wr_bump_alloc(&match->bump,
                                ROWS * (sizeof(uint64_t) + 4 * sizeof(void *) +
                                        2 * sizeof(uint32_t) + 5 * sizeof(uint16_t) + 1), err);

    if (!at)
        return WR_NO_MEMORY;
#define CUT(member)                                                                                \
    do {                                                                                           \
        match->member = (void *)at;                                                                \
        at += ROWS * sizeof(*match->member);                                                       \
    } while (0)
    CUT(hashes);
    CUT(at);
    CUT(end);
    CUT(pair_rows);
    CUT(targets);
    CUT(pair_codes);
    CUT(sizes);
    CUT(rows);
    CUT(nulls);
    CUT(which);
    CUT(candidates);
    CUT(kept);
    CUT(is_matched);
#undef CUT
    return WR_OK;
}

wr_status wr_join_match_open(wr_join_match *match, const wr_plan_join *plan,
                             const wr_join_side *sides, wr_lease *lease, const wr_exec *exec,
                             wr_error *err)
{
    uint32_t columns = plan->probe_count + plan->build_count + 2;

    *match = (wr_join_match){.plan = plan, .sides = sides, .batch_rows = exec->batch_rows};
    wr_bump_init(&match->bump, lease);
    WR_TRY(wr_bump_reserve(&match->bump, match_bytes(plan), err));
    WR_TRY(open_arrays(match, err));
    WR_TRY(open_room(match, WR_JOIN_SIDE_PROBE, err));
    WR_TRY(open_room(match, WR_JOIN_SIDE_BUILD, err));
    match->null_cell = WR_BUMP_NEW(&match->bump, wr_vector_cell, err);
    match->keys = WR_BUMP_NEW_ARRAY(&match->bump, wr_key_view, plan->key_count + 1, err);
    match->key_columns = WR_BUMP_NEW_ARRAY(&match->bump, wr_vector, plan->key_count + 1, err);
    match->stream = WR_BUMP_NEW_ARRAY(&match->bump, wr_vector, columns, err);
    match->output = WR_BUMP_NEW_ARRAY(&match->bump, wr_vector, columns, err);
    match->pair_columns = WR_BUMP_NEW_ARRAY(&match->bump, wr_vector, columns, err);
    if (!match->null_cell || !match->keys || !match->key_columns || !match->stream ||
        !match->output || !match->pair_columns)
        return WR_NO_MEMORY;
    if (!plan->residual)
        return WR_OK;
    return wr_evaluator_open(&match->residual, plan->residual, 0, exec->page_bytes, lease,
                             &exec->facts, err);
}

void wr_join_match_close(wr_join_match *match)
{
    wr_evaluator_close(&match->residual);
    if (match->bump.lease)
        wr_bump_release(&match->bump);
    match->bump.lease = NULL;
}

void wr_join_sides_init(wr_join_side sides[WR_JOIN_SIDES], const wr_plan_join *plan)
{
    sides[WR_JOIN_SIDE_PROBE] = (wr_join_side){
        .types = plan->probe_types, .count = plan->probe_count, .keys = plan->probe_keys,
        .out = plan->probe_out, .out_count = plan->probe_out_count,
        .out_first = plan->build_first ? plan->build_out_count : 0,
    };
    sides[WR_JOIN_SIDE_BUILD] = (wr_join_side){
        .types = plan->build_types, .count = plan->build_count, .keys = plan->build_keys,
        .out = plan->build_out, .out_count = plan->build_out_count,
        .out_first = plan->build_first ? 0 : plan->probe_out_count,
    };
}

void wr_join_match_use(wr_join_match *match, uint32_t stream_side, wr_join_wish wish,
                       const wr_join_table *tables, uint64_t table_mask)
{
    match->stream_side = stream_side;
    match->wish = wish;
    match->tables = tables;
    match->table_mask = table_mask;
}

static const wr_join_side *table_side(const wr_join_match *match)
{
    return &match->sides[!match->stream_side];
}

/* ---- Hashing --------------------------------------------------------------------------------- */

static bool may_have_nulls(const wr_vector *vector)
{
    if (vector->encoding == WR_SEQ)
        return false;
    return vector->encoding == WR_DICT ? vector->dict->valid != NULL : vector->valid != NULL;
}

/* Cut the selection by "some key is NULL" into rows and nulls. */
static uint32_t split_nulls(wr_join_match *match, const wr_selection *selection,
                            uint32_t *out_nulls)
{
    uint32_t key_count = match->plan->key_count, kept = 0, nulls = 0;

    for (uint32_t i = 0; i < selection->row_count; i++) {
        uint32_t row = wr_selection_row(selection, i);
        bool     is_null = false;

        for (uint32_t k = 0; k < key_count; k++)
            is_null |= !wr_vector_is_valid(&match->key_columns[k], row);
        if (is_null)
            match->nulls[nulls++] = (uint16_t)row;
        else
            match->rows[kept++] = (uint16_t)row;
    }
    *out_nulls = nulls;
    return kept;
}

uint32_t wr_join_match_hash(wr_join_match *match, const wr_join_side *side,
                            const wr_vector *columns, const wr_selection *selection,
                            uint32_t *out_nulls)
{
    const wr_plan_join *plan = match->plan;
    uint32_t            count = selection->row_count;
    wr_selection        rows = {match->rows, 0};
    bool                nulls = false;

    for (uint32_t k = 0; k < plan->key_count; k++) {
        match->key_columns[k] = columns[side->keys[k]];
        nulls |= may_have_nulls(&match->key_columns[k]);
    }
    *out_nulls = 0;
    if (nulls && !plan->null_safe) {
        count = split_nulls(match, selection, out_nulls);
    } else {
        for (uint32_t i = 0; i < count; i++)
            match->rows[i] = (uint16_t)wr_selection_row(selection, i);
    }
    rows.row_count = count;
    wr_hash_columns(match->key_columns, plan->key_count, &rows, match->hashes);
    for (uint32_t i = 0; i < count; i++)
        match->hashes[i] &= ~WR_JOIN_MATCHED;
    return count;
}

/* ---- Looking up ------------------------------------------------------------------------------ */

static const wr_join_table *table_of(const wr_join_match *match, uint64_t hash)
{
    return &match->tables[hash & match->table_mask];
}

/* In stages, so that the cache misses of many rows overlap: directory words, entries, rows. */
static void find_candidates(wr_join_match *match)
{
    uint32_t count = match->row_count, found = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t             hash = match->hashes[i];
        const wr_join_table *table = hash == NO_TABLE ? NULL : table_of(match, hash);

        if (table && table->row_count)
            __builtin_prefetch(&table->directory[wr_join_bucket(table, hash)]);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t             hash = match->hashes[i];
        const wr_join_table *table = hash == NO_TABLE ? NULL : table_of(match, hash);

        if (!table || !table->row_count ||
            !wr_join_table_find(table, hash, &match->at[i], &match->end[i]))
            continue;
        match->candidates[found++] = (uint16_t)i;
        __builtin_prefetch(match->at[i]);
    }
    for (uint32_t c = 0; c < found; c++) {
        uint32_t i = match->candidates[c];
        uint64_t entry = *match->at[i];

        if ((entry & ~WR_JOIN_INDEX_MASK) == wr_join_salt(match->hashes[i]))
            __builtin_prefetch(wr_join_entry_row(entry));
    }
    match->candidate_count = found;
    match->next_candidate = 0;
}

void wr_join_match_begin(wr_join_match *match, wr_vector *columns, uint32_t row_count,
                         uint32_t extra_count)
{
    const wr_join_side *side = &match->sides[match->stream_side], *table = table_side(match);

    match->row_count = row_count + extra_count;
    for (uint32_t i = row_count; i < match->row_count; i++)
        match->hashes[i] = NO_TABLE;
    for (uint32_t i = 0; i < match->row_count; i++)
        match->is_matched[match->rows[i]] = 0;
    memcpy(match->stream, columns, side->count * sizeof columns[0]);
    for (uint32_t k = 0; k < match->plan->key_count; k++)
        wr_key_view_init(&match->keys[k], &table->layout, table->keys[k],
                         &match->stream[side->keys[k]]);
    find_candidates(match);
    match->in_pairs = true;
    match->in_tail = match->wish.unmatched || match->wish.matched;
}

/* ---- Output ---------------------------------------------------------------------------------- */

static wr_vector null_vector(const wr_join_match *match, wr_type type, uint32_t row_count)
{
    return (wr_vector){.type = type, .encoding = WR_CONST, .row_count = row_count,
                       .data = match->null_cell->value, .valid = &match->null_cell->valid};
}

/* Column `in` of the batch at the pairs' rows. */
static wr_vector at_pairs(wr_join_match *match, uint32_t column, uint32_t count)
{
    const wr_vector *in = &match->stream[column];
    wr_vector        out = *in;
    uint16_t         rows[ROWS];

    if (in->encoding == WR_CONST) {
        out.row_count = count;
        return out;
    }
    if (in->encoding == WR_FLAT)
        return (wr_vector){.type = in->type, .encoding = WR_DICT, .flags = in->flags,
                           .row_count = count, .codes = match->pair_codes, .dict = in};
    for (uint32_t i = 0; i < count; i++)
        rows[i] = (uint16_t)match->pair_codes[i];
    out = match->room[match->stream_side][column];
    wr_vector_gather(in, rows, count, &out);
    return out;
}

static wr_vector at_rows(wr_join_match *match, uint32_t column, const uint8_t *const *rows,
                         uint32_t count)
{
    wr_vector out = match->room[!match->stream_side][column];

    wr_row_read(&table_side(match)->layout, column, rows, count, &out);
    return out;
}

static void finish_output(wr_join_match *match, uint32_t row_count, wr_batch *out)
{
    out->columns = match->output;
    out->column_count = match->sides[0].out_count + match->sides[1].out_count;
    out->row_count = row_count;
    wr_batch_select_all(out);
}

static void emit_pairs(wr_join_match *match, uint32_t count, wr_batch *out)
{
    const wr_join_side *stream = &match->sides[match->stream_side], *table = table_side(match);

    for (uint32_t i = 0; i < stream->out_count; i++)
        match->output[stream->out_first + i] = at_pairs(match, stream->out[i], count);
    for (uint32_t i = 0; i < table->out_count; i++)
        match->output[table->out_first + i] = at_rows(match, table->out[i], match->pair_rows,
                                                      count);
    finish_output(match, count, out);
}

void wr_join_match_emit_rows(wr_join_match *match, const uint8_t *const *rows, uint32_t count,
                             wr_batch *out)
{
    const wr_join_side *stream = &match->sides[match->stream_side], *table = table_side(match);

    for (uint32_t i = 0; i < stream->out_count; i++)
        match->output[stream->out_first + i] =
            null_vector(match, stream->types[stream->out[i]], count);
    for (uint32_t i = 0; i < table->out_count; i++)
        match->output[table->out_first + i] = at_rows(match, table->out[i], rows, count);
    finish_output(match, count, out);
}

/* Rows of the batch that have (no) match, once each. */
static void emit_tail(wr_join_match *match, wr_batch *out)
{
    const wr_join_side *stream = &match->sides[match->stream_side], *table = table_side(match);
    uint32_t            count = 0;

    for (uint32_t i = 0; i < match->row_count; i++) {
        match->pair_codes[count] = match->rows[i];
        count += match->is_matched[match->rows[i]] == match->wish.matched;
    }
    for (uint32_t i = 0; i < stream->out_count; i++)
        match->output[stream->out_first + i] = at_pairs(match, stream->out[i], count);
    for (uint32_t i = 0; i < table->out_count; i++)
        match->output[table->out_first + i] =
            null_vector(match, table->types[table->out[i]], count);
    finish_output(match, count, out);
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

/* The next match of looked-up row `i`; false: there is none. */
static wr_status next_match(wr_join_match *match, uint32_t i, const uint8_t **out_row,
                            wr_error *err)
{
    const wr_join_side *table = table_side(match);
    uint64_t            hash = match->hashes[i], salt = wr_join_salt(hash);

    *out_row = NULL;
    while (match->at[i] < match->end[i]) {
        uint64_t entry = *match->at[i]++;
        uint8_t *row = wr_join_entry_row(entry);
        bool     equal;

        if ((entry & ~WR_JOIN_INDEX_MASK) != salt ||
            wr_join_row_hash(row, table->hash_offset) != hash)
            continue;
        WR_TRY(wr_key_views_equal(match->keys, match->plan->key_count, &table->layout, row,
                                  match->rows[i], &equal, err));
        if (equal) {
            *out_row = row;
            return WR_OK;
        }
    }
    return WR_OK;
}

/* Left rows beyond this position come too late; only where they stream. */
static uint64_t position_bound(const wr_join_match *match)
{
    return match->stream_side == WR_JOIN_SIDE_PROBE ? wr_join_limit_bound(match->plan->limit)
                                                    : UINT64_MAX;
}

static bool is_too_late(const wr_join_match *match, uint32_t i, uint64_t bound)
{
    return bound != UINT64_MAX &&
           wr_vector_value(&match->stream[match->plan->limit->column], match->rows[i]).u64 > bound;
}

/* Up to batch_rows pairs. Where one match decides, a row is left after its first. */
static wr_status collect_pairs(wr_join_match *match, uint32_t *out_count, wr_error *err)
{
    bool     one_decides = !match->wish.pairs && !match->wish.mark && !match->plan->asks_all;
    uint64_t bound = position_bound(match);
    uint32_t count = 0;

    while (count < match->batch_rows && match->next_candidate < match->candidate_count) {
        uint32_t       i = match->candidates[match->next_candidate];
        const uint8_t *row = NULL;

        if ((!one_decides || !match->is_matched[match->rows[i]]) && !is_too_late(match, i, bound))
            WR_TRY(next_match(match, i, &row, err));
        if (!row) {
            match->next_candidate++;
            continue;
        }
        match->pair_rows[count] = row;
        match->pair_codes[count++] = match->rows[i];
        if (one_decides && !match->plan->residual)
            match->next_candidate++;
    }
    *out_count = count;
    return WR_OK;
}

/* Keep the pairs for which the residual condition is true. */
static wr_status filter_pairs(wr_join_match *match, uint32_t *io_count, wr_error *err)
{
    const wr_plan_join *plan = match->plan;
    const wr_join_side *stream = &match->sides[match->stream_side], *table = table_side(match);
    wr_vector *stream_at = match->pair_columns, *table_at = match->pair_columns;
    wr_batch   pairs = {.row_count = *io_count, .columns = match->pair_columns,
                        .column_count = plan->probe_count + plan->build_count};
    uint32_t   kept = 0, error_pair = UINT32_MAX;
    wr_status  status;

    if (match->stream_side == WR_JOIN_SIDE_PROBE)
        table_at += plan->probe_count;
    else
        stream_at += plan->probe_count;
    for (uint32_t c = 0; c < stream->count; c++)
        stream_at[c] = at_pairs(match, c, *io_count);
    for (uint32_t c = 0; c < table->count; c++)
        table_at[c] = at_rows(match, c, match->pair_rows, *io_count);
    wr_batch_select_all(&pairs);
    match->error_row = UINT32_MAX;
    status = wr_program_select(match->residual.program, &pairs, match->kept, &kept, &error_pair,
                               err);
    if (status != WR_OK && error_pair != UINT32_MAX)
        match->error_row = match->pair_codes[error_pair];
    WR_TRY(status);
    for (uint32_t i = 0; i < kept; i++) {
        match->pair_rows[i] = match->pair_rows[match->kept[i]];
        match->pair_codes[i] = match->pair_codes[match->kept[i]];
    }
    *io_count = kept;
    return WR_OK;
}

static void note_matches(wr_join_match *match, uint32_t count)
{
    uint32_t hash_offset = table_side(match)->hash_offset;

    for (uint32_t i = 0; i < count; i++)
        match->is_matched[match->pair_codes[i]] = 1;
    for (uint32_t i = 0; match->wish.mark && i < count; i++)
        wr_join_row_mark((uint8_t *)(uintptr_t)match->pair_rows[i], hash_offset);
}

/* As note_matches, of a single join: no probe row may have a match already. */
static wr_status note_single_matches(wr_join_match *match, uint32_t count, wr_error *err)
{
    bool     streams = match->stream_side == WR_JOIN_SIDE_PROBE;
    uint32_t hash_offset = table_side(match)->hash_offset;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = match->pair_codes[i];

        if (streams ? match->is_matched[row]
                    : wr_join_row_is_matched(match->pair_rows[i], hash_offset)) {
            match->error_row = streams ? row : UINT32_MAX;
            return WR_RAISE(err, WR_DATA,
                            "%s: a left row of a single join has more than one match: make the "
                            "right side distinct on the keys, or use type: left",
                            match->plan->single);
        }
        match->is_matched[row] = 1;
        if (match->wish.mark)
            wr_join_row_mark((uint8_t *)(uintptr_t)match->pair_rows[i], hash_offset);
    }
    return WR_OK;
}

wr_status wr_join_match_next(wr_join_match *match, wr_batch *out, bool *out_more, wr_error *err)
{
    while (match->in_pairs) {
        uint32_t count;

        WR_TRY(collect_pairs(match, &count, err));
        match->in_pairs = match->next_candidate < match->candidate_count;
        if (match->plan->residual && count > 0)
            WR_TRY(filter_pairs(match, &count, err));
        if (match->plan->single)
            WR_TRY(note_single_matches(match, count, err));
        else
            note_matches(match, count);
        if (match->wish.pairs && count > 0) {
            emit_pairs(match, count, out);
            *out_more = match->in_pairs || match->in_tail;
            return WR_OK;
        }
    }
    if (match->in_tail)
        emit_tail(match, out);
    match->in_tail = false;
    *out_more = false;
    return WR_OK;
}
