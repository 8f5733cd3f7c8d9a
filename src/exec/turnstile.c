/* exec/turnstile.c — morsels pass in their order; see exec/pipeline.h.
 *
 * A worker waits on the condition variable, but looks up every POLL_NS: cancellation comes from a
 * signal handler and failure from another worker, and neither knows who waits here. */
#include "exec/pipeline.h"

#include "base/bits.h"

enum { POLL_NS = 5 * 1000 * 1000 };

void wr_turnstile_init(wr_turnstile *turnstile, uint64_t first)
{
    *turnstile = (wr_turnstile){.next = first};
    wr_mutex_init(&turnstile->mutex);
    wr_cond_init(&turnstile->moved);
}

void wr_turnstile_release(wr_turnstile *turnstile)
{
    wr_cond_release(&turnstile->moved);
    wr_mutex_release(&turnstile->mutex);
}

/* A step before may have ended early, and steps between two that come by here use numbers too. */
static void forget_earlier_steps(wr_turnstile *turnstile, const wr_exec *exec)
{
    if (turnstile->next >= exec->morsel_first)
        return;
    turnstile->next = exec->morsel_first;
    memset(turnstile->ended, 0, sizeof turnstile->ended);
}

/* Until `morsel` is less than `distance` ahead of the oldest. Under the mutex. */
static bool wait_until_near(wr_turnstile *turnstile, uint64_t morsel, uint64_t distance,
                            const wr_exec *exec)
{
    forget_earlier_steps(turnstile, exec);
    while (!turnstile->closed && wr_exec_wants(exec, morsel)) {
        if (morsel < turnstile->next + distance)
            return true;
        wr_cond_wait_ns(&turnstile->moved, &turnstile->mutex, POLL_NS);
    }
    return false;
}

bool wr_turnstile_wait(wr_turnstile *turnstile, uint64_t morsel, const wr_exec *exec)
{
    WR_LOCKED(&turnstile->mutex);
    return wait_until_near(turnstile, morsel, 1, exec);
}

bool wr_turnstile_pause(wr_turnstile *turnstile, uint64_t morsel, const wr_exec *exec, bool *out_turn)
{
    WR_LOCKED(&turnstile->mutex);
    forget_earlier_steps(turnstile, exec);
    if (turnstile->next != morsel && !turnstile->closed)
        wr_cond_wait_ns(&turnstile->moved, &turnstile->mutex, POLL_NS);
    *out_turn = turnstile->next == morsel && !turnstile->closed;
    return !turnstile->closed && wr_exec_wants(exec, morsel);
}

void wr_turnstile_nudge(wr_turnstile *turnstile)
{
    WR_LOCKED(&turnstile->mutex);
    wr_cond_broadcast(&turnstile->moved);
}

bool wr_turnstile_is_turn(wr_turnstile *turnstile, uint64_t morsel)
{
    WR_LOCKED(&turnstile->mutex);
    return turnstile->next == morsel && !turnstile->closed;
}

bool wr_turnstile_end(wr_turnstile *turnstile, uint64_t morsel, const wr_exec *exec)
{
    uint64_t *ended = turnstile->ended;

    WR_LOCKED(&turnstile->mutex);
    if (!wait_until_near(turnstile, morsel, WR_TURNSTILE_WINDOW, exec))
        return false;
    wr_assert(morsel >= turnstile->next, "a morsel ends once");
    wr_bit_set(ended, morsel % WR_TURNSTILE_WINDOW);
    if (morsel != turnstile->next)
        return true;
    while (wr_bit_get(ended, turnstile->next % WR_TURNSTILE_WINDOW)) {
        wr_bit_clear(ended, turnstile->next % WR_TURNSTILE_WINDOW);
        turnstile->next++;
    }
    wr_cond_broadcast(&turnstile->moved);
    return true;
}

void wr_turnstile_close(wr_turnstile *turnstile)
{
    WR_LOCKED(&turnstile->mutex);
    turnstile->closed = true;
    wr_cond_broadcast(&turnstile->moved);
}
