/* expr/regex_test.c — syntax, preference of matches, groups, errors, and time that grows linearly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expr/regex.h"

enum { OUT_BYTES = 512 };

static _Alignas(16) uint8_t space[1 << 20];

static wr_status compile(const char *pattern, uint32_t flags, wr_regex **out, wr_error *err)
{
    uint64_t bytes;
    wr_status status = wr_regex_measure(wr_text_of(pattern), flags, &bytes, err);

    if (status != WR_OK)
        return status;
    assert_true(bytes < sizeof space);
    return wr_regex_compile(wr_text_of(pattern), flags, space, out, err);
}

/* "start,end start,end ..." of the groups, "-" for none, "no" without a match. */
static void search(const char *pattern, uint32_t flags, const char *text, char *out)
{
    int64_t   places[2 * WR_REGEX_GROUPS_MAX];
    wr_error  err = {0};
    wr_regex *regex;
    size_t    used = 0;

    assert_int_equal(compile(pattern, flags | WR_REGEX_GROUPS, &regex, &err), WR_OK);
    assert_int_equal(wr_regex_search(regex, wr_text_of(text), 0, NULL),
                     wr_regex_search(regex, wr_text_of(text), 0, places));
    strcpy(out, "no");
    if (!wr_regex_search(regex, wr_text_of(text), 0, places))
        return;
    for (uint32_t g = 0; g < wr_regex_group_count(regex); g++) {
        if (places[2 * g] == WR_REGEX_NONE)
            used += (size_t)snprintf(out + used, OUT_BYTES - used, "%s-", g ? " " : "");
        else
            used += (size_t)snprintf(out + used, OUT_BYTES - used, "%s%d,%d", g ? " " : "",
                                     (int)places[2 * g], (int)places[2 * g + 1]);
    }
}

static void matches_are_where_they_should_be(void **state)
{
    static const struct {
        const char *pattern, *text, *places;
        uint32_t    flags;
    } CASES[] = {
        {"", "abc", "0,0", 0},
        {"b", "abc", "1,2", 0},
        {"b*", "abbb", "0,0", 0},
        {"b+", "abbb", "1,4", 0},
        {"b+?", "abbb", "1,2", 0},
        {"a|ab", "ab", "0,1", 0},
        {"(a|ab)(c|bcd)(d*)", "abcd", "0,4 0,1 1,4 4,4", 0},
        {"(a+)(b?)(a*)", "aaba", "0,4 0,2 2,3 3,4", 0},
        {"(a)|(b)", "b", "0,1 - 0,1", 0},
        {"(?:x|y)(z)", "ayz", "1,3 2,3", 0},
        {"a{2}", "aaaa", "0,2", 0},
        {"a{2,}", "baaaa", "1,5", 0},
        {"a{1,2}b", "aaab", "1,4", 0},
        {"a{0,1}b", "ab", "0,2", 0},
        {"(ab){2,3}", "abababab", "0,6 4,6", 0},
        {"x{0}y", "xy", "1,2", 0},
        {"^a", "ba", "no", 0},
        {"a$", "ab", "no", 0},
        {"^$", "", "0,0", 0},
        {".", "\xc3\xa9x", "0,2", 0},
        {"[^a-c]", "abcd", "3,4", 0},
        {"[]a]+", "a]b", "0,2", 0},
        {"[a-]+", "-a-b", "0,3", 0},
        {"[[:digit:]]+", "ab12", "2,4", 0},
        {"\\d+\\.\\d", "v10.25", "1,5", 0},
        {"[\\d.]+", "v10.25", "1,6", 0},
        {"\\bfoo\\b", "afoo foo", "5,8", 0},
        {"\\W", "ab c", "2,3", 0},
        {"\\x41\\u00e9", "xA\xc3\xa9", "1,4", 0},
        {"STRASSE", "die Strasse", "4,11", WR_REGEX_NOCASE},
        {"(?i)\xc3\xa4", "\xc3\x84", "0,2", 0},
        {"[a-f]+", "xBEEF", "1,5", WR_REGEX_NOCASE},
        {"b", "abc", "no", WR_REGEX_WHOLE},
        {"a.c", "abc", "0,3", WR_REGEX_WHOLE},
        {"a%(x|_)", "abcx", "0,4 3,4", WR_REGEX_SIMILAR},
        {"a%b", "ab.", "no", WR_REGEX_SIMILAR},
        {"(a*)*", "aab", "0,2 0,2", 0},
        {"(a|b)*?c", "abac", "0,4 2,3", 0},
    };
    char out[OUT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        search(CASES[i].pattern, CASES[i].flags, CASES[i].text, out);
        if (strcmp(out, CASES[i].places) != 0)
            print_error("/%s/ in '%s'\n", CASES[i].pattern, CASES[i].text);
        assert_string_equal(out, CASES[i].places);
    }
}

static void broken_expressions_are_errors(void **state)
{
    static const char *const CASES[][2] = {
        {"(", "a group is never closed"},    {"a)", "a ')' without its '('"},
        {"[a", "a class is never closed"},   {"*a", "nothing to repeat"},
        {"a{2,1}", "run backwards"},         {"a{", "expected {m}"},
        {"a{1001}", "more than 1000"},       {"(a{999}){999}", "too large"},
        {"\\", "a backslash at its end"},    {"(a)\\1", "linear time"},
        {"(?=a)", "look-around"},            {"[[:nope:]]", "no class of this name"},
        {"[z-a]", "a range runs backwards"}, {"\\q", "no such escape"},
        {"\\xg0", "expected hex digits"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        wr_error  err = {0};
        wr_regex *regex;

        assert_int_equal(compile(CASES[i][0], 0, &regex, &err), WR_INVALID);
        assert_non_null(strstr(err.message, CASES[i][1]));
    }
}

/* Expressions that others backtrack over for years, on a text of 20,000 characters. */
static void time_is_linear(void **state)
{
    static const char *const PATTERNS[] = {"(a|a)*b", "(a*)*b", "(a|aa)+$b", "(.*)(.*)(.*)(.*)x"};
    enum { LENGTH = 20000 };
    char *text = malloc(LENGTH + 1);
    char  out[OUT_BYTES];

    (void)state;
    assert_non_null(text);
    memset(text, 'a', LENGTH);
    text[LENGTH] = '\0';
    for (size_t i = 0; i < sizeof PATTERNS / sizeof PATTERNS[0]; i++) {
        search(PATTERNS[i], 0, text, out);
        assert_string_equal(out, "no");
    }
    free(text);
}

/* Any bytes: a program or an error, and no search runs out of its memory. */
static void random_expressions_are_safe(void **state)
{
    static const char ALPHABET[] = "ab(|)*+?{}[]^$.\\-:,0123dws\xc3\xa9i";
    uint64_t          seed = 88172645463325252u;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char      pattern[16], text[24];
        wr_error  err = {0};
        wr_regex *regex;
        uint64_t  bytes;
        int64_t   places[2 * WR_REGEX_GROUPS_MAX];

        for (size_t i = 0; i < sizeof pattern + sizeof text; i++) {
            char *at = i < sizeof pattern ? &pattern[i] : &text[i - sizeof pattern];

            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            *at = ALPHABET[seed % (sizeof ALPHABET - 1)];
        }
        if (wr_regex_measure((wr_text){pattern, sizeof pattern}, WR_REGEX_GROUPS, &bytes, &err) !=
            WR_OK)
            continue;
        assert_true(bytes <= sizeof space);
        assert_int_equal(wr_regex_compile((wr_text){pattern, sizeof pattern}, WR_REGEX_GROUPS, space,
                                          &regex, &err), WR_OK);
        if (wr_regex_search(regex, (wr_text){text, sizeof text}, 0, places)) {
            assert_true(places[0] >= 0 && places[0] <= places[1]);
            assert_true(places[1] <= (int64_t)sizeof text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_are_where_they_should_be),
        cmocka_unit_test(broken_expressions_are_errors),
        cmocka_unit_test(time_is_linear),
        cmocka_unit_test(random_expressions_are_safe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
