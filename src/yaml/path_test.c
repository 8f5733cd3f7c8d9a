/* yaml/path_test.c — paths into records: what they mean, and where a wrong one goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "parse/parse_fixture.h"
#include "yaml/path.h"

/* Keys in <>, indexes as numbers. */
static void show(const wr_path *path, char *out, size_t room)
{
    size_t used = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < path->step_count; i++) {
        const wr_path_step *step = &path->steps[i];

        if (step->is_index)
            used += (size_t)snprintf(out + used, room - used, "%u", step->index);
        else
            used += (size_t)snprintf(out + used, room - used, "<%.*s>", WR_TEXT_ARG(step->key));
        assert_true(used < room);
    }
}

static void paths(void **state)
{
    static const struct {
        const char *text, *shown;
    } CASES[] = {
        {"$.a", "<a>"},
        {"$.address.city", "<address><city>"},
        {"$.tags[0]", "<tags>0"},
        {"$.m[1][22].x", "<m>122<x>"},
        {"$['a b']['c.d'].e", "<a b><c.d><e>"},
        {"$[\"it's\"]", "<it's>"},
        {"$['0'].1", "<0><1>"},
        {"$.a b.\xc3\xa9", "<a b><\xc3\xa9>"},
        {"$.l[4294967295]", "<l>4294967295"},
        {"/a", "<a>"},
        {"/address/city", "<address><city>"},
        {"/tags/0/id", "<tags>0<id>"},
        {"/a~1b/~0/$.x", "<a/b><~><$.x>"},
        {"/a/01x", "<a><01x>"},
    };
    parse_fixture *f = *state;
    char           shown[256];
    size_t         fault_bytes;

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        wr_path path;

        assert_int_equal(wr_path_parse(wr_text_of(CASES[i].text), &f->bump, &path, &fault_bytes,
                                       &f->err), WR_OK);
        show(&path, shown, sizeof shown);
        assert_string_equal(shown, CASES[i].shown);
    }
}

static void faults(void **state)
{
    static const struct {
        const char *text, *message;
        size_t      fault_bytes;
    } CASES[] = {
        {"", "a path leads from the record to a value", 0},
        {"$", "a path leads from the record to a value", 0},
        {"/", "a path leads from the record to a value", 0},
        {"a.b", "a path leads from the record to a value", 0},
        {"$a", "expected '.' and a key", 1},
        {"$.", "a key is missing", 2},
        {"$..a", "a key is missing", 2},
        {"$.a.", "a key is missing", 4},
        {"$['']", "a key is missing", 2},
        {"//a", "a key is missing", 1},
        {"/a/", "a key is missing", 3},
        {"$.a.*", "a path has one value", 4},
        {"$.a.'b c'", "a key in quotes stands in brackets", 4},
        {"$.\"a\"", "a key in quotes stands in brackets", 2},
        {"$.a[*]", "in brackets stands one index", 4},
        {"$.a[-1]", "in brackets stands one index", 4},
        {"$.a[]", "in brackets stands one index", 4},
        {"$.a[1", "in brackets stands one index", 4},
        {"$.a[1:2]", "in brackets stands one index", 4},
        {"$['a", "in brackets stands one index", 2},
        {"$['a'", "in brackets stands one index", 2},
        {"$.a[0]b", "expected '.' and a key", 6},
        {"$.a[4294967296]", "an index of a list is at most", 4},
        {"$[0].a", "a path begins with a key", 2},
        {"/0/a", "a path begins with a key", 1},
        {"/a/b~", "behind ~ stands 0 or 1", 4},
        {"/a~2", "behind ~ stands 0 or 1", 2},
        {"/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/a/b/c/d/e", "at most 30 steps", 61},
    };
    parse_fixture *f = *state;
    wr_path        path;
    size_t         fault_bytes;

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        wr_error_clear(&f->err);
        assert_int_not_equal(wr_path_parse(wr_text_of(CASES[i].text), &f->bump, &path, &fault_bytes,
                                           &f->err), WR_OK);
        if (!strstr(f->err.message, CASES[i].message))
            fail_msg("%s: %s", CASES[i].text, f->err.message);
        assert_int_equal(fault_bytes, CASES[i].fault_bytes);
    }
}

/* Cut anywhere, a path is another one or a fault within it; nothing behind it is read. */
static void cut_paths(void **state)
{
    static const char *const TEXTS[] = {"$.a['b c'][12].d[\"e\"]", "/a~1b/12/~0"};
    parse_fixture *f = *state;

    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        for (size_t count = 0; count < strlen(TEXTS[i]); count++) {
            wr_text text = {wr_bump_copy(&f->bump, (wr_text){TEXTS[i], count}, NULL), count};
            wr_path path;
            size_t  fault_bytes;

            wr_error_clear(&f->err);
            if (wr_path_parse(text, &f->bump, &path, &fault_bytes, &f->err) != WR_OK)
                assert_true(fault_bytes <= count);
            else
                assert_true(path.step_count > 0);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paths),
        TEST(faults),
        TEST(cut_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
