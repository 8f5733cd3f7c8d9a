/* exec/window_values.c — quantiles, modes, counts and sums of distinct values over frames that move.
 *
 * The keys of a frame's rows are in a bag (exec/key_bag.h), which they enter and leave as the frame's parts
 * move. A bag that has no memory for all of them holds those around the rank that is asked for. A row
 * moves a rank by one place at most, so it takes as many rows as half the bag has keys until the rank leaves
 * what is held; then the frame is read again, to count its keys by ranges, cut finer until one has room,
 * and to fill the bag anew. What needs all keys (a mode, a count, a sum) reads the frame again for every bag full,
 * a row at a time.
 * Cost: 0.3 us a row while the bag has room; then a reading of the frame every so many rows. */
#include "exec/agg_family.h"
#include "exec/window_priv.h"
#include "kernel/number_key.h"

enum { RANGES = 256, BLOCKS_MAX = 2048, SURPLUS_SHARE = 8 };

/* What is learned of the keys in a range. */
typedef struct key_tally {
    uint64_t least, greatest;
    uint64_t from, width;     /* of the first range */
    uint64_t counts[RANGES];
} key_tally;

typedef void take_keys(void *context, const uint64_t *keys, uint32_t count);

static bool is_quantile(const values_run *values)
{
    return wr_ordered_is_quantile(values->plan->aggregate.aggs[0].kind);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

uint64_t wr_window_values_bytes(const wr_window_values *plan, const wr_exec *exec)
{
    enum { ROUNDING = 32 };

    return wr_ordered_bytes(&plan->aggregate, exec) + wr_key_bag_bytes(WR_KEY_BAG_BLOCKS_MIN) +
           WR_BATCH_ROWS_MAX * sizeof(uint64_t) + 3 * ROUNDING;
}

/* More than what is certain, if there is a surplus. */
static uint32_t take_blocks(window_run *run, values_run *values)
{
    uint64_t all = wr_sorter_pages_available(run->feed->sorter), used = run->lease->pages_used;
    uint64_t share = all > used ? (all - used) / SURPLUS_SHARE : 0;

    for (uint32_t blocks = BLOCKS_MAX; blocks > WR_KEY_BAG_BLOCKS_MIN; blocks /= 2) {
        values->memory_pages = wr_pages_for(wr_key_bag_bytes(blocks), run->exec->page_bytes);
        if (values->memory_pages <= share)
            values->memory = wr_lease_try(run->lease, values->memory_pages);
        if (values->memory)
            return blocks;
    }
    return WR_KEY_BAG_BLOCKS_MIN;
}

wr_status wr_window_values_open(window_run *run, values_run *values, const wr_window_values *plan,
                                wr_tape_cursor *cursors, wr_error *err)
{
    const wr_ordered_agg *agg = plan->aggregate.aggs;
    uint32_t              blocks;
    double                fraction = agg->descending ? 1.0 - agg->fraction : agg->fraction;
    void                 *memory;

    values->plan = plan;
    values->keys = WR_BUMP_NEW_ARRAY(&run->bump, uint64_t, WR_BATCH_ROWS_MAX, err);
    memory = wr_bump_alloc(&run->bump, wr_key_bag_bytes(WR_KEY_BAG_BLOCKS_MIN), err);
    if (!values->keys || !memory)
        return WR_NO_MEMORY;
    blocks = take_blocks(run, values);
    wr_key_bag_init(&values->bag, values->memory ? values->memory : memory, blocks,
                    is_quantile(values) ? fraction : 0.0);
    for (uint32_t p = 0; p < plan->part_count; p++) {
        values->in[p] = cursors++;
        values->out[p] = cursors++;
    }
    values->again = cursors;
    values->again->is_pinned = true;
    return wr_ordered_init(&values->ordered, &plan->aggregate, run->exec, &run->bump, err);
}

void wr_window_values_close(window_run *run, values_run *values)
{
    if (values->memory)
        wr_lease_give(run->lease, values->memory, values->memory_pages);
}

/* ---- Rows ------------------------------------------------------------------------------------- */

static void add_keys(void *bag, const uint64_t *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        wr_key_bag_add(bag, keys[i]);
}

static void remove_keys(void *bag, const uint64_t *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        wr_key_bag_remove(bag, keys[i]);
}

static void skip_keys(void *bag, const uint64_t *keys, uint32_t count)
{
    (void)bag, (void)keys, (void)count;
}

/* Move a cursor on to row `end`; `take` gets the keys of the rows it comes by. */
static wr_status walk(window_run *run, values_run *values, wr_tape_cursor *cursor, uint64_t end,
                      take_keys *take, void *context, wr_error *err)
{
    uint32_t column = values->plan->argument;

    while (cursor->row < end) {
        wr_selection   all = {0};
        const uint8_t *row;

        WR_TRY(wr_tape_cursor_row(&run->tape, cursor, &row, err));
        wr_assert(row, "rows of a frame are on the tape");
        while (all.row_count < WR_BATCH_ROWS_MAX && cursor->row < end &&
               (row = wr_tape_cursor_peek(&run->tape, cursor)) != NULL) {
            run->rows[all.row_count++] = row;
            wr_tape_cursor_step(cursor);
        }
        wr_window_want_column(run, column, all.row_count);
        take(context, values->keys,
             wr_number_keys(&run->arguments[column], &all, values->keys));
    }
    return WR_OK;
}

/* All rows of the frame once more. */
static wr_status read_again(window_run *run, values_run *values, take_keys *take, void *context,
                            wr_error *err)
{
    if (wr_exec_is_cancelled(run->exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    for (uint32_t p = 0; p < values->plan->part_count; p++) {
        wr_tape_cursor_copy(values->again, values->out[p]);
        WR_TRY(walk(run, values, values->again, values->in[p]->row, take, context, err));
    }
    return WR_OK;
}

void wr_window_values_begin(window_run *run, values_run *values)
{
    for (uint32_t p = 0; p < values->plan->part_count; p++) {
        wr_tape_cursor_copy(values->in[p], run->current);
        wr_tape_cursor_copy(values->out[p], run->current);
    }
    wr_key_bag_reset(&values->bag, 0, UINT64_MAX);
}

static wr_status follow_frame(window_run *run, values_run *values, wr_error *err)
{
    wr_key_bag *bag = &values->bag;

    for (uint32_t p = 0; p < values->plan->part_count; p++) {
        const frame_run *frame = &run->frames[values->plan->frames[p]];
        wr_tape_cursor  *in = values->in[p], *out = values->out[p];
        uint64_t         stay = in->row < frame->start_row ? in->row : frame->start_row;

        WR_TRY(walk(run, values, out, stay, remove_keys, bag, err));
        if (in->row < frame->start_row) {
            WR_TRY(walk(run, values, in, frame->start_row, skip_keys, NULL, err));
            wr_tape_cursor_copy(out, in);
        }
        WR_TRY(walk(run, values, in, frame->end_row, add_keys, bag, err));
    }
    return WR_OK;
}

/* ---- More keys than fit -------------------------------------------------------------------------- */

static void note_ends(void *tally_p, const uint64_t *keys, uint32_t count)
{
    key_tally *tally = tally_p;

    for (uint32_t i = 0; i < count; i++) {
        tally->least = keys[i] < tally->least ? keys[i] : tally->least;
        tally->greatest = keys[i] > tally->greatest ? keys[i] : tally->greatest;
    }
}

static void count_keys(void *tally_p, const uint64_t *keys, uint32_t count)
{
    key_tally *tally = tally_p;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t range = (keys[i] - tally->from) / tally->width;

        if (keys[i] >= tally->from && range < RANGES)
            tally->counts[range]++;
    }
}

/* The range that the rank lies in: it has room, or is a single key. *io_below: keys below. */
static wr_status find_range(window_run *run, values_run *values, uint64_t rank, key_tally *tally,
                            uint32_t *out_range, wr_error *err)
{
    uint64_t below = 0, last;
    uint32_t range;

    tally->least = UINT64_MAX;
    tally->greatest = 0;
    WR_TRY(read_again(run, values, note_ends, tally, err));
    tally->from = tally->least;
    last = tally->greatest;
    for (;;) {
        tally->width = (last - tally->from) / RANGES + 1;
        memset(tally->counts, 0, sizeof tally->counts);
        WR_TRY(read_again(run, values, count_keys, tally, err));
        for (range = 0; below + tally->counts[range] <= rank; range++)
            below += tally->counts[range];
        if (tally->width == 1 || tally->counts[range] <= wr_key_bag_half(&values->bag))
            break;
        tally->from += range * tally->width;
        last = tally->from + tally->width - 1;
    }
    *out_range = range;
    return WR_OK;
}

/* Hold the keys around a rank. */
static wr_status hold_rank(window_run *run, values_run *values, uint64_t rank, wr_error *err)
{
    uint64_t  room = wr_key_bag_half(&values->bag), count, low, high;
    uint32_t  first, last;
    bool      grows = true;
    key_tally tally;

    WR_TRY(find_range(run, values, rank, &tally, &first, err));
    last = first;
    count = tally.counts[first];
    while (grows) {
        grows = false;
        if (first > 0 && count + tally.counts[first - 1] <= room) {
            count += tally.counts[--first];
            grows = true;
        }
        if ((tally.greatest - tally.from) / tally.width > last && last + 1 < RANGES &&
            count + tally.counts[last + 1] <= room) {
            count += tally.counts[++last];
            grows = true;
        }
    }
    low = tally.from + first * tally.width;
    high = tally.from + last * tally.width;
    high = UINT64_MAX - high < tally.width - 1 ? UINT64_MAX : high + tally.width - 1;
    wr_key_bag_reset(&values->bag, low <= tally.least ? 0 : low,
                     high >= tally.greatest ? UINT64_MAX : high);
    return read_again(run, values, add_keys, &values->bag, err);
}

/* ---- Results ------------------------------------------------------------------------------------ */

static wr_status find_rank(window_run *run, values_run *values, uint64_t rank, wr_ordered_value *value,
                           wr_error *err)
{
    if (!wr_key_bag_has_rank(&values->bag, rank))
        WR_TRY(hold_rank(run, values, rank, err));
    wr_number_of_key(values->ordered.type, wr_key_bag_at(&values->bag, rank), value->value);
    return WR_OK;
}

/* What is known of the frame's values from all of them. */
typedef struct survey {
    wr_key_count most;
    uint64_t     different;
    wr_u128      key_sum; /* of the different ones */
} survey;

static void survey_bag(const values_run *values, survey *io)
{
    io->different += values->bag.different;
    io->key_sum += values->bag.key_sum;
    if (values->plan->aggregate.aggs[0].kind == WR_AGG_MODE)
        wr_key_bag_find_most(&values->bag, &io->most);
}

static wr_status survey_frame(window_run *run, values_run *values, survey *out, wr_error *err)
{
    wr_key_bag *bag = &values->bag;

    *out = (survey){0};
    if (bag->below + bag->above > 0) {
        wr_key_bag_reset(bag, 0, UINT64_MAX);
        WR_TRY(read_again(run, values, add_keys, bag, err));
    }
    survey_bag(values, out);
    while (bag->above > 0) {
        wr_key_bag_reset(bag, bag->high + 1, UINT64_MAX);
        WR_TRY(read_again(run, values, add_keys, bag, err));
        survey_bag(values, out);
    }
    return WR_OK;
}

/* Keys of signed numbers are greater by 2^63 than the numbers. */
static wr_status put_sum(const values_run *values, const survey *all, void *out, bool *out_is_null,
                         wr_error *err)
{
    const wr_ordered_agg *aggregate = values->plan->aggregate.aggs;
    wr_type               type = values->ordered.type;
    wr_agg  agg = {.kind = aggregate->kind, .argument_type = type, .result_type = aggregate->result_type};
    wr_i128 total = (wr_i128)all->key_sum;
    int_sum sum = {0};

    if (!wr_type_is_unsigned(type))
        total -= (wr_i128)all->different << 63;
    add_total_to_int_sum(&sum, total, all->different);
    return wr_agg_int_sum_finish(&agg, &sum, out, out_is_null, err);
}

static wr_status put_survey(window_run *run, values_run *values, void *out, bool *out_is_null,
                            wr_error *err)
{
    wr_ordered_state *state = &values->ordered.states[0];
    survey            all;

    WR_TRY(survey_frame(run, values, &all, err));
    if (state->agg->kind == WR_AGG_SUM || state->agg->kind == WR_AGG_AVG)
        return put_sum(values, &all, out, out_is_null, err);
    state->distinct_count = all.different;
    state->best_count = all.most.count;
    wr_number_of_key(values->ordered.type, all.most.key, state->low.value);
    return wr_ordered_result(&values->ordered, 0, out, out_is_null, err);
}

wr_status wr_window_values_result(window_run *run, values_run *values, void *out, bool *out_is_null,
                                  wr_error *err)
{
    wr_ordered       *ordered = &values->ordered;
    wr_ordered_state *state = &ordered->states[0];

    WR_TRY(follow_frame(run, values, err));
    wr_ordered_begin(ordered, wr_key_bag_count(&values->bag));
    if (!is_quantile(values))
        return put_survey(run, values, out, out_is_null, err);
    if (ordered->value_count > 0) {
        WR_TRY(find_rank(run, values, state->low_rank, &state->low, err));
        WR_TRY(find_rank(run, values, state->high_rank, &state->high, err));
    }
    return wr_ordered_result(ordered, 0, out, out_is_null, err);
}
