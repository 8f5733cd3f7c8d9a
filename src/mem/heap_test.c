/* mem/heap_test.c — the bounded heap against a model: content, alignment, budget, threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "mem/heap.h"
#include "os/thread.h"

typedef struct held {
    uint8_t *bytes;
    size_t   byte_count;
    uint8_t  mark;
} held;

static uint64_t random_next(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

static wr_heap_stats stats(void)
{
    wr_heap_stats s;

    wr_heap_stats_read(&s);
    return s;
}

static bool is_intact(const held *h, size_t byte_count)
{
    for (size_t i = 0; i < byte_count; i++) {
        if (h->bytes[i] != h->mark)
            return false;
    }
    return true;
}

static void give(held *h)
{
    assert_true(is_intact(h, h->byte_count));
    wr_heap_free(h->bytes);
    h->bytes = NULL;
}

static void take(held *h, uint64_t *random)
{
    size_t alignment = random_next(random) % 4 == 0 ? (size_t)16 << random_next(random) % 9 : 0;

    h->byte_count = random_next(random) % ((size_t)16 << random_next(random) % 9);
    h->mark = (uint8_t)random_next(random);
    h->bytes = wr_heap_alloc(h->byte_count, alignment);
    if (!h->bytes)
        return;
    assert_int_equal((uintptr_t)h->bytes % (alignment ? alignment : 16), 0);
    assert_true(wr_heap_usable_bytes(h->bytes) >= h->byte_count);
    memset(h->bytes, h->mark, h->byte_count);
}

static void resize(held *h, uint64_t *random)
{
    size_t   byte_count = random_next(random) % 8192;
    uint8_t *moved = wr_heap_resize(h->bytes, byte_count);

    if (!moved)
        return;
    h->bytes = moved;
    assert_true(is_intact(h, byte_count < h->byte_count ? byte_count : h->byte_count));
    h->byte_count = byte_count;
    memset(h->bytes, h->mark, byte_count);
}

/* Random calls inside a small budget: content survives, the budget holds, all comes back. */
static void random_calls_keep_content_and_budget(void **state)
{
    enum { HELD = 400 };
    static held helds[HELD];
    uint64_t    used_before = stats().bytes_used;

    (void)state;
    wr_heap_set_budget(400 * 1024);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        uint64_t random = seed;
        for (int step = 0; step < 20000; step++) {
            held *h = &helds[random_next(&random) % HELD];
            if (!h->bytes)
                take(h, &random);
            else if (random_next(&random) % 3 == 0)
                resize(h, &random);
            else
                give(h);
        }
        assert_true(stats().bytes_committed <= stats().bytes_max);
        assert_true(stats().refused_count > 0);
        for (int i = 0; i < HELD; i++) {
            if (helds[i].bytes)
                give(&helds[i]);
        }
        assert_int_equal(stats().bytes_used, used_before);
    }
    /* Everything has coalesced: nearly the whole budget fits into one request again. */
    void *whole = wr_heap_alloc(400 * 1024 - 64, 0);
    assert_non_null(whole);
    assert_null(wr_heap_alloc(64, 0));
    wr_heap_free(whole);
}

static void budget_moves_but_not_below_use(void **state)
{
    void *p;

    (void)state;
    wr_heap_set_budget(8 << 20);
    assert_int_equal(stats().bytes_max, 8 << 20);
    assert_int_equal(stats().bytes_committed, 8 << 20); /* charged in full */
    p = wr_heap_alloc(3 << 20, 0);
    assert_non_null(p);
    wr_heap_set_budget(1 << 20);
    assert_in_range(stats().bytes_max, 3 << 20, (3 << 20) + (1 << 20));
    memset(p, 1, 3 << 20);
    wr_heap_free(p);
    wr_heap_set_budget(64 * 1024);
    assert_int_equal(stats().bytes_committed, 64 * 1024);
    assert_null(wr_heap_alloc(65 * 1024, 0));
    p = wr_heap_alloc(60 * 1024, 0);
    assert_non_null(p);
    wr_heap_free(p);
    wr_heap_set_budget(1 << 20);
}

static void absurd_requests_are_refused(void **state)
{
    (void)state;
    assert_null(wr_heap_alloc(SIZE_MAX, 0));
    assert_null(wr_heap_alloc(SIZE_MAX - 100, 0));
    assert_null(wr_heap_alloc((size_t)1 << 40, 0));
    assert_null(wr_heap_alloc(1, (size_t)1 << 62));
    assert_int_equal(wr_heap_usable_bytes(NULL), 0);
    wr_heap_free(NULL);
}

static void faults_refuse(void **state)
{
    void *p, *q;

    (void)state;
    assert_int_equal(wr_fault_configure("alloc:2", NULL, NULL), WR_OK);
    p = wr_heap_alloc(10, 0);
    assert_non_null(p);
    assert_null(wr_heap_alloc(10, 0));
    assert_int_equal(wr_fault_configure("alloc:1+", NULL, NULL), WR_OK);
    assert_null(wr_heap_resize(p, 100000));
    assert_int_equal(wr_fault_configure(NULL, NULL, NULL), WR_OK);
    q = wr_heap_resize(p, 100000); /* the old block was kept */
    assert_non_null(q);
    wr_heap_free(q);
}

static void freeing_twice_stops_the_program(void **state)
{
    int   status = 0;
    void *p = wr_heap_alloc(100, 0), *q = wr_heap_alloc(100, 0);
    pid_t child;

    (void)state;
    child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        wr_heap_free(p);
        wr_heap_free(p);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    wr_heap_free(p);
    wr_heap_free(q);
}

static void churn(void *seed)
{
    uint64_t random = *(uint64_t *)seed;
    held     helds[50] = {{0}};

    for (int step = 0; step < 20000; step++) {
        held *h = &helds[random_next(&random) % 50];
        if (!h->bytes)
            take(h, &random);
        else if (random_next(&random) % 3 == 0)
            resize(h, &random);
        else
            give(h);
    }
    for (int i = 0; i < 50; i++) {
        if (helds[i].bytes)
            give(&helds[i]);
    }
}

static void threads_share_it(void **state)
{
    uint64_t  seeds[3] = {1, 2, 3};
    wr_thread threads[3];
    uint64_t  used_before = stats().bytes_used;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(wr_thread_start(&threads[i], churn, &seeds[i], NULL), WR_OK);
    for (int i = 0; i < 3; i++)
        wr_thread_join(threads[i]);
    assert_int_equal(stats().bytes_used, used_before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_calls_keep_content_and_budget),
        cmocka_unit_test(budget_moves_but_not_below_use),
        cmocka_unit_test(absurd_requests_are_refused),
        cmocka_unit_test(faults_refuse),
        cmocka_unit_test(freeing_twice_stops_the_program),
        cmocka_unit_test(threads_share_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
