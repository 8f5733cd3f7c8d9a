/* bind/expr_fuzz.c — libFuzzer target: any text gives an error, or an expression that says the
 * same of a whole batch and of each row alone.
 *
 * Parsed, bound to a table of every type, printed, compiled; then evaluated on a batch of flat columns
 * and on batches of one row with constant columns. What differs between the two, crashes or hangs is
 * a bug. That the batch fails does not say that each row does. */
#include <stdio.h>
#include <stdlib.h>

#include "bind/bind.h"
#include "expr/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count);

enum { PAGE_BYTES = 65536, ARENA_PAGES = 1024, HEAP_BYTES = 256 * 1024, ROWS = 5, TEXT_MAX = 2000 };

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* Values as SQL. */
static const struct {
    const char *name, *type, *values[ROWS];
} COLUMNS[] = {
    {"i", "Int64", {"1", "-9223372036854775808", "NULL", "9223372036854775807", "0"}},
    {"n", "Int32", {"2", "-1", "2147483647", "NULL", "-2147483648"}},
    {"t", "Int8", {"1", "127", "-128", "0", "NULL"}},
    {"u", "UInt64", {"3", "18446744073709551615", "0", "NULL", "1"}},
    {"f", "Float64", {"1.5", "'NaN'", "'-Infinity'", "NULL", "-0.0"}},
    {"r", "Float32", {"0.1", "NULL", "3.4e38", "'Infinity'", "1e-40"}},
    {"d", "Decimal(10, 2)", {"12.34", "-99999999.99", "NULL", "0", "0.01"}},
    {"w", "Decimal(38, 4)",
     {"0.0001", "NULL", "9999999999999999999999999999999999.9999", "-1", "1234567890123456789012"}},
    {"b", "Boolean", {"true", "false", "NULL", "true", "false"}},
    {"s", "Utf8", {"'abc'", "''", "NULL", "'Stra\xc3\x9f" "e, \xe2\x82\xac and long'", "'12.5'"}},
    {"p", "Utf8", {"'a.c'", "'(b|\\d)+'", "'%b_'", "NULL", "'[^a]'"}},
    {"x", "Binary", {"'\\x00ff'", "'\\x'", "NULL", "'\\x616263'", "'\\xc3'"}},
    {"day", "Date32", {"'2024-02-29'", "'0001-01-01'", "'9999-12-31'", "NULL", "'1969-12-31'"}},
    {"h", "Time(us)", {"'12:34:56.789'", "'00:00'", "'23:59:59.999999'", "NULL", "'01:02'"}},
    {"ts", "Timestamp(us)",
     {"'2024-02-29 12:34:56.789'", "'1969-12-31 23:59:59.999999'", "NULL", "'0001-01-01'",
      "'9999-12-31 23:59:59'"}},
    {"tz", "Timestamp(us, Europe/Berlin)",
     {"'2024-03-31 02:30:00'", "NULL", "'2024-10-27 02:30:00'", "'1893-04-01'", "'2037-06-01'"}},
    {"ns", "Timestamp(ns)", {"'2024-02-29 01:02:03.123456789'", "NULL", "'1970-01-01'",
                             "'2262-04-11'", "'1677-09-22'"}},
    {"iv", "Interval",
     {"'1 month 2 days 03:04:05'", "'-1 year'", "NULL", "'0 days'", "'2147483647 days'"}},
    {"id", "Uuid", {"'6ba7b810-9dad-11d1-80b4-00c04fd430c8'", "NULL",
                    "'00000000-0000-0000-0000-000000000000'",
                    "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "NULL"}},
    {"l", "List(Int64)", {"'[1,2,null]'", "'[]'", "NULL", "'[9223372036854775807,-1,0]'", "'[null]'"}},
    {"ls", "List(Utf8)",
     {"'[\"a\",null]'", "NULL", "'[\"\",\"a text beyond twelve bytes\"]'", "'[]'", "'[\"a\",\"b\"]'"}},
    {"ll", "List(List(Float64))", {"'[[1.5],[],null]'", "'[]'", "'[[0.5,-0.5]]'", "NULL", "'[null]'"}},
    {"st", "Struct(a Int64, b List(Utf8))",
     {"'{\"a\":1,\"b\":[\"x\"]}'", "NULL", "'{\"a\":null,\"b\":null}'", "'{\"a\":-1,\"b\":[]}'", "'{}'"}},
    {"m", "Map(Utf8, Int64)", {"'{\"k\":1,\"l\":null}'", "'{}'", "NULL", "'{\"k\":-1}'", "'{\"x\":3}'"}},
};

enum { COLUMN_COUNT = sizeof COLUMNS / sizeof COLUMNS[0] };

static wr_arena *arena;
static wr_lease  lease;
static wr_bump   table_bump, plan_bump;
static wr_field  fields[COLUMN_COUNT];
static wr_schema schema = {COLUMN_COUNT, fields};
static wr_value  values[COLUMN_COUNT][ROWS];
static wr_vector vectors[COLUMN_COUNT];

/* One evaluation's memory. */
typedef struct runner {
    wr_bump           bump, heap;
    wr_program_local *local;
} runner;

static wr_status bind(const char *text, size_t byte_count, const wr_schema *over, wr_bump *bump,
                      wr_expr **out_expr, wr_error *err)
{
    wr_text          source_text = {text, byte_count};
    uint64_t         site_count = 0;
    wr_scope         scope = {.left = over, .where = "fuzz", .site_count = &site_count,
                              .source = {.text = source_text}};
    wr_parse_options options = {.source = &scope.source};
    wr_ast          *ast;

    WR_TRY(wr_parse_expr(source_text, &options, bump, &ast, err));
    return wr_bind_expr(&scope, ast, bump, out_expr, err);
}

static void make_value(uint32_t column, uint32_t row)
{
    static const wr_schema NOTHING = {0};
    char                   text[256];
    wr_error               err = {0};
    wr_expr               *expr;
    int length = snprintf(text, sizeof text, "CAST(%s AS %s)", COLUMNS[column].values[row],
                          COLUMNS[column].type);

    if (bind(text, (size_t)length, &NOTHING, &table_bump, &expr, &err) != WR_OK ||
        wr_expr_evaluate(expr, &table_bump, &values[column][row], &err) != WR_OK) {
        fprintf(stderr, "%s: %s\n", text, err.message);
        abort();
    }
}

static void make_table(void)
{
    for (uint32_t c = 0; c < COLUMN_COUNT; c++) {
        uint32_t value_bytes;

        fields[c].name = wr_text_of(COLUMNS[c].name);
        fields[c].nullable = true;
        REQUIRE(wr_type_parse(wr_text_of(COLUMNS[c].type), &fields[c].type, NULL) == WR_OK);
        REQUIRE(wr_vector_init(&vectors[c], fields[c].type, &table_bump, NULL) == WR_OK);
        value_bytes = wr_physical_bytes(wr_type_physical(fields[c].type));
        vectors[c].row_count = ROWS;
        for (uint32_t r = 0; r < ROWS; r++) {
            make_value(c, r);
            wr_value_store(&values[c][r], (char *)vectors[c].data + r * value_bytes);
            if (values[c][r].is_null)
                wr_bit_clear(vectors[c].valid, r);
        }
    }
}

static void set_up(void)
{
    wr_lease *leases[] = {&lease};

    REQUIRE(wr_arena_new((uint64_t)ARENA_PAGES * PAGE_BYTES, PAGE_BYTES, &arena, NULL) == WR_OK);
    wr_lease_init(&lease, "fuzz", (uint64_t)ARENA_PAGES * PAGE_BYTES, 0, PAGE_BYTES);
    REQUIRE(wr_lease_open_all(arena, leases, 1, NULL) == WR_OK);
    wr_bump_init(&table_bump, &lease);
    wr_bump_init(&plan_bump, &lease);
    make_table();
}

static bool open_runner(runner *r, const wr_program *program)
{
    static const wr_run_facts FACTS = {.now_us = 1700000000000000, .seed = 7};

    wr_bump_init(&r->bump, &lease);
    wr_bump_init(&r->heap, &lease);
    return wr_bump_reserve(&r->bump, wr_program_lease_min(program, 0), NULL) == WR_OK &&
           wr_bump_reserve(&r->heap, HEAP_BYTES, NULL) == WR_OK &&
           wr_program_local_new(program, &r->bump, &r->heap, &FACTS, &r->local, NULL) == WR_OK;
}

static void close_runner(runner *r)
{
    wr_bump_release(&r->heap);
    wr_bump_release(&r->bump);
}

static void require_same(const wr_value *batch, const wr_value *alone, uint32_t row)
{
    if (batch->is_null == alone->is_null &&
        (batch->is_null || wr_value_compare(batch, alone) == 0))
        return;
    fprintf(stderr, "row %u: the batch and the row alone differ (null: %d, %d)\n", row,
            batch->is_null, alone->is_null);
    abort();
}

/* The row as a batch of its own whose columns are constants. */
static void check_row(runner *r, uint32_t row, const wr_value *expected)
{
    wr_vector      columns[COLUMN_COUNT], output;
    wr_vector_cell cells[COLUMN_COUNT];
    wr_batch       batch = {.row_count = 1, .column_count = COLUMN_COUNT, .columns = columns,
                            .position = row};
    wr_value       found;
    uint32_t       done, error_row;

    for (uint32_t c = 0; c < COLUMN_COUNT; c++)
        wr_vector_set_const(&columns[c], &values[c][row], 1, &cells[c]);
    wr_batch_select_all(&batch);
    REQUIRE(wr_program_run(r->local, &batch, 0, &output, &done, &error_row, NULL) == WR_OK);
    REQUIRE(done == 1);
    found = wr_vector_value(&output, 0);
    require_same(expected, &found, row);
}

/* The rows for which the batch's condition is true are the ones that are selected. */
static void check_selection(runner *r, const wr_batch *batch, uint32_t expected_rows)
{
    uint16_t rows[WR_BATCH_ROWS_MAX];
    uint32_t count, error_row, found_rows = 0;

    if (wr_program_select(r->local, batch, rows, &count, &error_row, NULL) != WR_OK)
        abort();
    for (uint32_t i = 0; i < count; i++)
        found_rows |= 1u << rows[i];
    REQUIRE(found_rows == expected_rows);
}

static void evaluate(const wr_program *program, wr_type type)
{
    wr_batch  batch = {.row_count = ROWS, .column_count = COLUMN_COUNT, .columns = vectors};
    runner    whole = {0}, alone = {0};
    wr_error  err = {0};
    wr_status status = WR_OK;
    uint32_t  true_rows = 0, done = 0, part, error_row;

    wr_batch_select_all(&batch);
    if (open_runner(&whole, program) && open_runner(&alone, program)) {
        while (status == WR_OK && done < ROWS) {
            wr_vector output;

            status = wr_program_run(whole.local, &batch, done, &output, &part, &error_row, &err);
            for (uint32_t i = 0; status == WR_OK && i < part; i++) {
                wr_value value = wr_vector_value(&output, done + i);

                check_row(&alone, done + i, &value);
                if (type.logical == WR_TYPE_BOOL && !value.is_null && value.boolean)
                    true_rows |= 1u << (done + i);
            }
            done += status == WR_OK ? part : 0;
        }
        if (status == WR_OK && type.logical == WR_TYPE_BOOL)
            check_selection(&whole, &batch, true_rows);
        else if (status != WR_OK)
            REQUIRE(err.message[0] != '\0');
    }
    close_runner(&alone);
    close_runner(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count)
{
    wr_error          err = {0};
    wr_expr          *expr;
    const wr_program *program;

    if (!arena)
        set_up();
    if (byte_count > TEXT_MAX)
        return 0;
    wr_bump_reset(&plan_bump);
    if (bind((const char *)data, byte_count, &schema, &plan_bump, &expr, &err) != WR_OK) {
        REQUIRE(err.message[0] != '\0');
        return 0;
    }
    wr_expr_format(expr, &schema, &plan_bump, NULL);
    if (wr_program_compile(&expr, 1, &schema, &plan_bump, &program, &err) == WR_OK)
        evaluate(program, expr->type);
    return 0;
}
