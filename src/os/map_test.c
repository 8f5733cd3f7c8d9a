/* os/map_test.c — the charge and the pages of committed memory come and go with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "os/limit.h"
#include "os/map.h"

static void charge_follows_commit(void **state)
{
    enum { MIB = 1 << 20 };
    void    *base = NULL;
    uint8_t *bytes;
    wr_rss   before, reserved, committed, after;

    (void)state;
    wr_rss_read(&before);
    assert_int_equal(wr_map_reserve(1 << 30, &base, NULL), WR_OK);
    bytes = base;
    wr_rss_read(&reserved);
    assert_true(wr_map_commit(bytes + 8 * MIB, 32 * MIB));
    memset(bytes + 8 * MIB, 7, 32 * MIB);
    wr_rss_read(&committed);
    assert_true(wr_map_uncommit(bytes + 8 * MIB, 32 * MIB));
    wr_rss_read(&after);
    assert_true(wr_map_commit(bytes + 8 * MIB, MIB));
    for (int i = 0; i < MIB; i += 512)
        assert_int_equal(bytes[8 * MIB + i], 0);
    wr_map_release(base, 1 << 30);
#ifndef WR_SANITIZED
    assert_int_equal(reserved.data_bytes, before.data_bytes);
    assert_int_equal(committed.data_bytes, before.data_bytes + 32 * MIB);
    assert_true(committed.current_bytes >= before.current_bytes + 31 * MIB);
    assert_int_equal(after.data_bytes, before.data_bytes);
    assert_true(after.current_bytes < before.current_bytes + 4 * MIB);
    assert_true(after.peak_bytes + 2 * MIB >= committed.current_bytes); /* counters lag behind */
#endif
}

static void absurd_requests_are_refused(void **state)
{
    void    *base = NULL;
    wr_error err = {0};

    (void)state;
    assert_int_equal(wr_map_reserve(UINT64_MAX, &base, &err), WR_NO_MEMORY);
    assert_int_equal(wr_map_reserve((uint64_t)1 << 60, &base, &err), WR_NO_MEMORY);
    assert_non_null(strstr(err.message, "address space"));
    assert_null(base);
    wr_map_release(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charge_follows_commit),
        cmocka_unit_test(absurd_requests_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
