/* os/library_test.c — libraries: loaded and paid for, refused when missing, dear or late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "os/library.h"
#include "os/limit.h"

static const char *(*zlib_version)(void);

static const wr_library_symbol SYMBOLS[] = {{"zlibVersion", &zlib_version}};
static const wr_library_symbol WRONG[] = {{"zlibVersion", &zlib_version}, {"no_such_thing", &zlib_version}};

/* zlib has 127 KB of segments; a sanitizer maps memory of its own meanwhile. */
enum { SPENT_BYTES_MIN = 100000 };
#ifdef WR_SANITIZED
enum { PURSE_BYTES = 1 << 30, SPENT_BYTES_MAX = 1 << 30 };
#else
enum { PURSE_BYTES = 1 << 20, SPENT_BYTES_MAX = 350000 };
#endif

typedef struct purse {
    uint64_t bytes, payments;
} purse;

static wr_status pay(void *self, const char *name, uint64_t bytes, wr_error *err)
{
    purse *p = self;

    assert_non_null(strstr(name, "libz.so.1"));
    if (bytes > p->bytes)
        return WR_RAISE(err, WR_NO_MEMORY, "no room for %s", name);
    p->bytes -= bytes;
    p->payments++;
    return WR_OK;
}

static void what_is_loaded_is_paid_for_once(void **state)
{
    wr_library library = {.name = "libz.so.1", .package = "zlib1g", .symbols = SYMBOLS,
                          .symbol_count = 1};
    purse      p = {.bytes = 1000};
    wr_error   err = {0};

    (void)state;
    wr_library_set_payer(pay, &p);
    assert_int_equal(wr_library_open(&library, &err), WR_NO_MEMORY);
    assert_false(library.is_open);
    p.bytes = PURSE_BYTES;
    assert_int_equal(wr_library_open(&library, &err), WR_OK);
    assert_int_equal(wr_library_open(&library, &err), WR_OK);
    assert_int_equal(p.payments, 1);
    assert_in_range(PURSE_BYTES - p.bytes, SPENT_BYTES_MIN, SPENT_BYTES_MAX);
    assert_true(strncmp(zlib_version(), "1.", 2) == 0);
    wr_library_set_payer(NULL, NULL);
}

static void what_is_missing_is_named(void **state)
{
    wr_library library = {.name = "libweir-nothing.so.7", .package = "weir-nothing",
                          .symbols = SYMBOLS, .symbol_count = 1};
    wr_library wrong = {.name = "libz.so.1", .package = "zlib1g", .symbols = WRONG,
                        .symbol_count = 2};
    wr_error   err = {0};

    (void)state;
    assert_int_equal(wr_library_open(&library, &err), WR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "install the package weir-nothing"));
    assert_int_equal(wr_library_open(&wrong, &err), WR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "libz.so.1 lacks no_such_thing"));
}

/* The last one: nothing can lift the filter. */
static void after_the_seal_it_is_too_late(void **state)
{
    wr_library    library = {.name = "libz.so.1", .package = "zlib1g", .symbols = SYMBOLS,
                             .symbol_count = 1};
    wr_limit_plan plan = {.enforced = true};
    wr_error      err = {0};

    (void)state;
    wr_limit_seal(&plan);
    assert_int_equal(wr_library_open(&library, &err), WR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "not known while planning"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_loaded_is_paid_for_once),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(after_the_seal_it_is_too_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
