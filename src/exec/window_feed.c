/* exec/window_feed.c — which worker gets which of the sorted rows.
 *
 * Workers take turns. Whoever has the turn fills its tape until a page holds the beginning of a
 * partition: what lies before is its unit, what lies behind is carried to the next worker, which has the
 * turn from then on, while units are computed side by side. A worker that finds no beginning within
 * a few pages computes with the turn in its hands, as its partition goes on; the others then copy
 * sorted rows ahead for it, so merging and computing overlap at least.
 * Units are morsels in the order of turns; while a worker has the turn, each of its batches is one. */
#include "exec/window_priv.h"

enum { POLL_NS = 5 * 1000 * 1000, UNIT_PAGES = 3 };

void wr_window_feed_init(window_feed *feed, wr_sorter *sorter, wr_exec *exec)
{
    *feed = (window_feed){.sorter = sorter, .exec = exec};
    wr_mutex_init(&feed->mutex);
    wr_cond_init(&feed->moved);
}

void wr_window_feed_release(window_feed *feed)
{
    wr_cond_release(&feed->moved);
    wr_mutex_release(&feed->mutex);
}

/* ---- Pages ----------------------------------------------------------------------------------- */

/* Copy the next rows while nobody else does. Under the mutex, which is let go meanwhile. */
static wr_status read_sorted(window_feed *feed, wr_row_page *page, wr_error *err)
{
    wr_status status;

    feed->is_reading = true;
    wr_mutex_unlock(&feed->mutex);
    status = wr_sorter_read_page(feed->sorter, page, err);
    wr_mutex_lock(&feed->mutex);
    feed->is_reading = false;
    feed->is_at_end = status != WR_OK || page->row_count == 0;
    wr_cond_broadcast(&feed->moved);
    return status;
}

/* Somebody else has the turn: copy rows that it will want. */
static wr_status read_ahead(window_feed *feed, wr_error *err)
{
    uint32_t     slot = (feed->ready_first + feed->ready_count) % WR_FEED_READY;
    wr_row_page *page = feed->ready[slot];

    WR_TRY(read_sorted(feed, page, err));
    feed->ready_count += page->row_count > 0;
    return WR_OK;
}

/* Rows into an empty page, or a page with rows in exchange for it; no rows: the end. */
static wr_status take_page(window_feed *feed, wr_row_page **io_page, wr_error *err)
{
    wr_row_page *page;

    WR_LOCKED(&feed->mutex);
    while (feed->ready_count == 0 && feed->is_reading)
        wr_cond_wait(&feed->moved, &feed->mutex);
    if (feed->ready_count == 0 && !feed->is_at_end)
        return read_sorted(feed, *io_page, err);
    if (feed->ready_count == 0) {
        wr_row_page_init(*io_page);
        return WR_OK;
    }
    page = feed->ready[feed->ready_first];
    feed->ready[feed->ready_first] = *io_page;
    feed->ready_first = (feed->ready_first + 1) % WR_FEED_READY;
    feed->ready_count--;
    *io_page = page;
    wr_cond_broadcast(&feed->moved);
    return WR_OK;
}

/* ---- Turns ----------------------------------------------------------------------------------- */

void wr_window_feed_pass(window_run *run, bool is_over)
{
    window_feed *feed = run->feed;

    WR_LOCKED(&feed->mutex);
    feed->position = run->position + run->tape.row_count;
    feed->is_taken = false;
    feed->is_over |= is_over;
    run->has_turn = false;
    wr_cond_broadcast(&feed->moved);
}

uint64_t wr_window_feed_number(window_feed *feed)
{
    WR_LOCKED(&feed->mutex);
    return feed->morsel++;
}

/* Wait for the turn, usefully. */
static wr_status await_turn(window_run *run, wr_error *err)
{
    window_feed *feed = run->feed;

    WR_LOCKED(&feed->mutex);
    while (!feed->is_over && feed->is_taken &&
           wr_exec_wants(feed->exec, feed->exec->morsel_first + feed->morsel)) {
        wr_status status = WR_OK;

        if (feed->has_ready && !feed->is_reading && !feed->is_at_end &&
            feed->ready_count < WR_FEED_READY)
            status = read_ahead(feed, err);
        else
            wr_cond_wait_ns(&feed->moved, &feed->mutex, POLL_NS);
        if (status != WR_OK) {
            feed->is_over = true;
            run->morsel = feed->morsel;
            return status;
        }
    }
    if (feed->is_over || feed->is_taken)
        return WR_OK;
    feed->is_taken = run->has_turn = true;
    run->position = feed->position;
    run->morsel = feed->morsel++;
    run->in_morsel = true;
    return WR_OK;
}

wr_status wr_window_feed_fill(void *run_p, wr_error *err)
{
    window_run  *run = run_p;
    window_feed *feed = run->feed;
    wr_row_page *page;

    if (wr_exec_is_cancelled(feed->exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    WR_TRY(wr_row_tape_room(&run->tape, &page, err));
    WR_TRY(take_page(feed, &page, err));
    run->tape.is_complete = page->row_count == 0;
    WR_TRY(wr_row_tape_add(&run->tape, page, err));
    if (run->tape.is_complete) {
        wr_window_feed_pass(run, true);
    } else if (run->tape.cut_offset > 0) {
        wr_row_tape_cut(&run->tape, feed->carry);
        run->tape.is_complete = true;
        wr_window_feed_pass(run, false);
    }
    return WR_OK;
}

wr_status wr_window_feed_begin(window_run *run, wr_error *err)
{
    WR_TRY(await_turn(run, err));
    if (!run->has_turn)
        return WR_OK;
    run->has_unit = true;
    wr_row_tape_rewind(&run->tape, run->feed->carry);
    for (uint32_t i = 0; i < UNIT_PAGES && run->has_turn && wr_row_tape_has_room(&run->tape); i++)
        WR_TRY(wr_window_feed_fill(run, err));
    return WR_OK;
}
