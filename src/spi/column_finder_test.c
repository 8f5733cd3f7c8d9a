/* column_finder_test.c — columns of a file by name and by id, whatever of them is wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "spi/column_finder.h"

enum { COLUMNS_MAX = 8, NO_ID = UINT32_MAX };

/* A column of a schema or a file. */
typedef struct made_column {
    const char *name;
    uint32_t    id;
} made_column;

/* What the columns of `file` are found to be, as positions in the request: "0 - 1" (- : passed over). */
static const char *find_all(const made_column *schema, uint32_t schema_count, const uint32_t *wanted,
                            uint32_t wanted_count, const made_column *file, uint32_t file_count,
                            wr_status *out_status)
{
    static char      text[64];
    wr_field         fields[COLUMNS_MAX];
    wr_schema        made = {schema_count, fields};
    wr_read_request  request = {.schema = &made, .columns = wanted, .column_count = wanted_count};
    wr_column_finder finder;
    uint8_t          matches[COLUMNS_MAX];
    wr_error         err;
    size_t           used = 0;

    for (uint32_t f = 0; f < schema_count; f++)
        fields[f] = (wr_field){.name = wr_text_of(schema[f].name), .type = WR_TYPE(I64),
                               .has_id = schema[f].id != NO_ID, .id = schema[f].id};
    wr_column_finder_begin(&finder, &request, matches);
    for (uint32_t f = 0; f < file_count; f++) {
        uint32_t found = wr_column_find(&finder, wr_text_of(file[f].name),
                                        file[f].id == NO_ID ? NULL : &file[f].id);

        text[used++] = found == WR_FIELD_NONE ? '-' : (char)('0' + found);
    }
    text[used] = '\0';
    *out_status = wr_column_finder_end(&finder, &err);
    return text;
}

static const uint32_t ALL[] = {0, 1, 2, 3};

#define FOUND(schema, wanted, wanted_count, file, status)                                              \
    find_all(schema, sizeof schema / sizeof schema[0], wanted, wanted_count, file,                     \
             sizeof file / sizeof file[0], &(status))

static void names_in_any_order(void **state)
{
    static const made_column SCHEMA[] = {{"a", NO_ID}, {"b", NO_ID}, {"c", NO_ID}};
    static const made_column FILE_1[] = {{"a", NO_ID}, {"b", NO_ID}, {"c", NO_ID}};
    static const made_column FILE_2[] = {{"c", 7}, {"x", 8}, {"a", 9}};
    static const uint32_t    LAST_FIRST[] = {2, 0};
    wr_status                status;

    (void)state;
    assert_string_equal(FOUND(SCHEMA, ALL, 3, FILE_1, status), "012");
    assert_int_equal(status, WR_OK);
    assert_string_equal(FOUND(SCHEMA, ALL, 3, FILE_2, status), "2-0");
    assert_int_equal(status, WR_OK);
    assert_string_equal(FOUND(SCHEMA, LAST_FIRST, 2, FILE_1, status), "1-0");
    assert_string_equal(FOUND(SCHEMA, ALL, 0, FILE_1, status), "---");
    assert_int_equal(status, WR_OK);
}

/* The exact name counts, then one that differs in case; the first of two that are the same. */
static void names_but_for_the_case(void **state)
{
    static const made_column SCHEMA[] = {{"a", NO_ID}, {"A", NO_ID}, {"b", NO_ID}};
    static const made_column TWO[] = {{"A", NO_ID}, {"a", NO_ID}, {"B", NO_ID}, {"b", NO_ID}, {"b", NO_ID}};
    static const made_column SEVERAL[] = {{"Bb", NO_ID}, {"bB", NO_ID}};
    static const made_column WANTS_BB[] = {{"bb", NO_ID}};
    static const uint32_t    FIRST[] = {0};
    wr_status                status;

    (void)state;
    assert_string_equal(FOUND(SCHEMA, ALL, 3, TWO, status), "1022-");
    assert_int_equal(status, WR_OK);
    assert_string_equal(FOUND(SCHEMA, FIRST, 1, TWO, status), "-0---"); /* A is another column */
    assert_int_equal(status, WR_OK);
    FOUND(WANTS_BB, FIRST, 1, SEVERAL, status);
    assert_int_equal(status, WR_DATA);
}

static void ids_before_names(void **state)
{
    static const made_column SCHEMA[] = {{"a", 2}, {"b", NO_ID}, {"c", 0}};
    static const made_column RENAMED[] = {{"b", 2}, {"a", 5}, {"b", 6}};
    static const made_column TWICE[] = {{"x", 2}, {"y", 2}};
    static const made_column NONE[] = {{"a", NO_ID}, {"b", NO_ID}};
    static const uint32_t    WITHOUT_A[] = {1, 2}, ONLY_B[] = {1};
    wr_status                status;

    (void)state;
    assert_string_equal(FOUND(SCHEMA, ALL, 3, RENAMED, status), "0-1");
    assert_int_equal(status, WR_OK);
    assert_string_equal(FOUND(SCHEMA, WITHOUT_A, 2, RENAMED, status), "--0");
    assert_int_equal(status, WR_OK);
    FOUND(SCHEMA, ALL, 3, TWICE, status);
    assert_int_equal(status, WR_DATA);
    FOUND(SCHEMA, WITHOUT_A, 2, TWICE, status);
    assert_int_equal(status, WR_OK);
    FOUND(SCHEMA, ALL, 3, NONE, status);
    assert_int_equal(status, WR_DATA);
    assert_string_equal(FOUND(SCHEMA, ONLY_B, 1, NONE, status), "-0");
    assert_int_equal(status, WR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_any_order),
        cmocka_unit_test(names_but_for_the_case),
        cmocka_unit_test(ids_before_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
