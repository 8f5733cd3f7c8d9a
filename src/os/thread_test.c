/* os/thread_test.c — threads, locks, waits with a time limit, clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>

#include "os/clock.h"
#include "os/thread.h"

typedef struct counter {
    wr_mutex mutex;
    wr_cond  changed;
    int      value;
    bool     signals_blocked, stack_is_small;
} counter;

static void count_up(void *self)
{
    counter       *c = self;
    sigset_t       mask;
    pthread_attr_t attributes;
    size_t         stack_bytes = 0;

    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &stack_bytes);
    pthread_attr_destroy(&attributes);
    for (int i = 0; i < 1000; i++) {
        WR_LOCKED(&c->mutex);
        c->value++;
    }
    WR_LOCKED(&c->mutex);
    c->signals_blocked = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1;
    c->stack_is_small = stack_bytes <= WR_THREAD_STACK_BYTES + 8192;
    wr_cond_broadcast(&c->changed);
}

static void threads_count_together(void **state)
{
    counter   c = {0};
    wr_thread threads[4];
    sigset_t  mask;

    (void)state;
    wr_mutex_init(&c.mutex);
    wr_cond_init(&c.changed);
    for (int i = 0; i < 4; i++)
        assert_int_equal(wr_thread_start(&threads[i], count_up, &c, NULL), WR_OK);
    wr_mutex_lock(&c.mutex);
    while (c.value < 4000)
        wr_cond_wait(&c.changed, &c.mutex);
    wr_mutex_unlock(&c.mutex);
    for (int i = 0; i < 4; i++)
        wr_thread_join(threads[i]);
    assert_int_equal(c.value, 4000);
    assert_true(c.signals_blocked);
#ifndef WR_SANITIZED
    assert_true(c.stack_is_small);
#endif
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    assert_false(sigismember(&mask, SIGINT));
    wr_cond_release(&c.changed);
    wr_mutex_release(&c.mutex);
}

static void waits_end_in_time(void **state)
{
    wr_mutex mutex;
    wr_cond  cond;
    uint64_t before, waited;

    (void)state;
    wr_mutex_init(&mutex);
    wr_cond_init(&cond);
    wr_mutex_lock(&mutex);
    before = wr_clock_monotonic_ns();
    wr_cond_wait_ns(&cond, &mutex, 20 * 1000 * 1000);
    waited = wr_clock_monotonic_ns() - before;
    wr_mutex_unlock(&mutex);
    assert_true(waited >= 20 * 1000 * 1000);
    wr_cond_release(&cond);
    wr_mutex_release(&mutex);
    assert_true(wr_clock_wall_ns() > 1600000000ll * 1000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_count_together),
        cmocka_unit_test(waits_end_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
