/* base/fault_test.c — rules fire exactly where they say; unknown words are refused with a hint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/fault.h"

static void expect_hits(const char *rule, const char *expected)
{
    assert_int_equal(wr_fault_configure(rule, NULL, NULL), WR_OK);
    for (size_t i = 0; expected[i]; i++)
        assert_int_equal(wr_fault_hit(WR_FAULT_WRITE), expected[i] == 'x');
    assert_int_equal(wr_fault_count(WR_FAULT_WRITE), strlen(expected));
    assert_int_equal(wr_fault_count(WR_FAULT_READ), 0);
}

static void rules_fire_where_they_say(void **state)
{
    (void)state;
    expect_hits("write:3", "..x...");
    expect_hits("write:3+", "..xxxx");
    expect_hits("write:/2", ".x.x.x");
    expect_hits("write:0", "......");
    expect_hits("alloc:1, write:1 ,read:/7", "x.....");
}

static void nothing_armed_nothing_counted(void **state)
{
    (void)state;
    assert_int_equal(wr_fault_configure(NULL, "", NULL), WR_OK);
    assert_false(wr_fault_hit(WR_FAULT_WRITE));
    assert_int_equal(wr_fault_count(WR_FAULT_WRITE), 0);
}

static void modes(void **state)
{
    const wr_stress *stress = wr_stress_get();

    (void)state;
    assert_int_equal(wr_fault_configure(NULL, "min,spill,hash,batch=17,blocked", NULL), WR_OK);
    assert_true(stress->lease_min && stress->spill_always && stress->hash_equal && stress->blocked);
    assert_int_equal(stress->batch_rows, 17);
    assert_int_equal(wr_fault_configure(NULL, "batch=1", NULL), WR_OK);
    assert_false(stress->lease_min || stress->spill_always || stress->hash_equal ||
                 stress->blocked);
    assert_int_equal(stress->batch_rows, 1);
    assert_int_equal(wr_fault_configure(NULL, NULL, NULL), WR_OK);
    assert_int_equal(stress->batch_rows, 0);
}

static void bad_words(void **state)
{
    static const char *const FAULTS[] = {"wirte:3", "write", "write:", "write:x",
                                         "write:/0", "write:3-", ","};
    static const char *const MODES[] = {"spil", "batch", "batch=", "batch=0", "batch=99999999999"};
    wr_error                 err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++)
        assert_int_equal(wr_fault_configure(FAULTS[i], NULL, &err), WR_USAGE);
    for (size_t i = 0; i < sizeof MODES / sizeof MODES[0]; i++)
        assert_int_equal(wr_fault_configure(NULL, MODES[i], &err), WR_USAGE);
    assert_int_equal(wr_fault_configure("wirte:3", NULL, &err), WR_USAGE);
    assert_string_equal(err.message, "unknown fault point 'wirte' (did you mean 'write'?)\n"
                                     "  while reading WEIR_FAULT");
    assert_int_equal(wr_fault_configure(NULL, NULL, NULL), WR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_fire_where_they_say),
        cmocka_unit_test(nothing_armed_nothing_counted),
        cmocka_unit_test(modes),
        cmocka_unit_test(bad_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
