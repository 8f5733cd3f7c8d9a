/* spill/task.c — threads that wait for the disk, so that workers need not.
 *
 * They start with the first task: a query that never spills has none. Where none can be started,
 * whoever awaits a task runs it. Waking a thread costs as much as a short read, so one is woken
 * only if none is at work, or those at work have more than QUEUE_LONG tasks each before them. */
#include "spill/spill_priv.h"

enum { QUEUE_LONG = 2 };

uint32_t wr_spill_thread_count(uint32_t worker_count)
{
    return worker_count + 1 < IO_THREADS_MAX ? worker_count + 1 : IO_THREADS_MAX;
}

void wr_spill_tasks_init(wr_spill *spill, uint32_t worker_count)
{
    spill->io_threads_wanted = wr_spill_thread_count(worker_count);
    wr_mutex_init(&spill->io_mutex);
    wr_cond_init(&spill->io_wanted);
    wr_cond_init(&spill->io_done);
}

void wr_spill_tasks_release(wr_spill *spill)
{
    wr_mutex_lock(&spill->io_mutex);
    wr_assert(!spill->io_first, "tasks are awaited or cancelled before their spill is freed");
    spill->io_stops = true;
    wr_cond_broadcast(&spill->io_wanted);
    wr_mutex_unlock(&spill->io_mutex);
    for (uint32_t i = 0; i < spill->io_thread_count; i++)
        wr_thread_join(spill->io_threads[i]);
    wr_cond_release(&spill->io_done);
    wr_cond_release(&spill->io_wanted);
    wr_mutex_release(&spill->io_mutex);
}

/* Under the mutex, as all below. */
static void remove_task(wr_spill *spill, wr_spill_task *task)
{
    *(task->before ? &task->before->next : &spill->io_first) = task->next;
    *(task->next ? &task->next->before : &spill->io_last) = task->before;
    spill->io_queued--;
}

static void run_task(wr_spill *spill, wr_spill_task *task)
{
    remove_task(spill, task);
    task->state = WR_SPILL_TASK_RUNS;
    wr_mutex_unlock(&spill->io_mutex);
    task->run(task);
    wr_mutex_lock(&spill->io_mutex);
    task->state = WR_SPILL_TASK_IDLE;
    if (spill->io_awaiting > 0)
        wr_cond_broadcast(&spill->io_done);
}

static void await_running(wr_spill *spill, const wr_spill_task *task)
{
    spill->io_awaiting++;
    while (task->state == WR_SPILL_TASK_RUNS)
        wr_cond_wait(&spill->io_done, &spill->io_mutex);
    spill->io_awaiting--;
}

static void serve(void *self)
{
    wr_spill *spill = self;
    WR_LOCKED(&spill->io_mutex);

    for (;;) {
        while (!spill->io_first && !spill->io_stops)
            wr_cond_wait(&spill->io_wanted, &spill->io_mutex);
        if (!spill->io_first)
            return;
        spill->io_running++;
        run_task(spill, spill->io_first);
        spill->io_running--;
    }
}

static void start_threads(wr_spill *spill)
{
    uint32_t wanted = spill->io_threads_wanted;

    spill->io_threads_wanted = 0;
    for (uint32_t i = 0; i < wanted; i++) {
        if (wr_thread_start_io(&spill->io_threads[spill->io_thread_count], serve, spill, NULL) ==
            WR_OK)
            spill->io_thread_count++;
    }
}

void wr_spill_task_submit(wr_spill *spill, wr_spill_task *task)
{
    WR_LOCKED(&spill->io_mutex);
    start_threads(spill);
    task->state = WR_SPILL_TASK_WAITS;
    task->next = NULL;
    task->before = spill->io_last;
    *(spill->io_last ? &spill->io_last->next : &spill->io_first) = task;
    spill->io_last = task;
    spill->io_queued++;
    if (spill->io_running == 0 || spill->io_queued > QUEUE_LONG * spill->io_running)
        wr_cond_signal(&spill->io_wanted);
}

void wr_spill_task_await(wr_spill *spill, wr_spill_task *task)
{
    WR_LOCKED(&spill->io_mutex);
    if (task->state == WR_SPILL_TASK_WAITS)
        run_task(spill, task);
    await_running(spill, task);
}

void wr_spill_task_cancel(wr_spill *spill, wr_spill_task *task)
{
    WR_LOCKED(&spill->io_mutex);
    if (task->state == WR_SPILL_TASK_WAITS) {
        remove_task(spill, task);
        task->state = WR_SPILL_TASK_IDLE;
    }
    await_running(spill, task);
}
