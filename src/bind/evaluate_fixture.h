/* bind/evaluate_fixture.h — for tests of expressions: text in, text out, by every way there is.
 *
 * A row is {expression, what it gives}; an error is "error: " and a part of its message. The
 * expression is parsed, bound and evaluated as a constant. Then its constants become columns and it runs over
 * batches whose rows hold every pattern of NULLs that was evaluated as a constant too: all columns at
 * once, one column at a time, flat and as dictionaries, and with other rows between that are not
 * selected and hold zeros or the least integers. All ways must agree. Include cmocka's headers first. */
#ifndef WR_BIND_EVALUATE_FIXTURE_H
#define WR_BIND_EVALUATE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/bind_priv.h"
#include "expr/program.h"
#include "types/packed.h"
#include "types/parse.h"

enum {
    FIXTURE_PAGE_BYTES = 65536,
    FIXTURE_PAGES = 2048,
    FIXTURE_HEAP_BYTES = 1 << 20,
    FIXTURE_COLUMNS_MAX = 24,
    FIXTURE_ROWS = 200,
    FIXTURE_TEXT_BYTES = 4096,
};

typedef struct fixture_row {
    const char *text, *expected;
    const char *type; /* of the result; NULL: not looked at */
} fixture_row;

typedef struct fixture {
    wr_arena *arena;
    wr_lease  lease, heap_lease;
    wr_bump   bump, heap;
    wr_error  err;

    /* The constants of the expression under test, in the order of its text. */
    const wr_expr *constants[FIXTURE_COLUMNS_MAX];
    uint32_t       constant_count;
    int32_t        only; /* this constant alone becomes a column; -1: all */
} fixture;

static int fixture_set_up(void **state)
{
    static fixture f;
    wr_lease      *leases[] = {&f.lease, &f.heap_lease};

    f = (fixture){0};
    assert_int_equal(wr_arena_new((uint64_t)FIXTURE_PAGES * FIXTURE_PAGE_BYTES, FIXTURE_PAGE_BYTES,
                                  &f.arena, NULL),
                     WR_OK);
    wr_lease_init(&f.lease, "plan pool", FIXTURE_PAGE_BYTES,
                  (uint64_t)FIXTURE_PAGES / 2 * FIXTURE_PAGE_BYTES, FIXTURE_PAGE_BYTES);
    wr_lease_init(&f.heap_lease, "texts", FIXTURE_PAGE_BYTES, FIXTURE_HEAP_BYTES,
                  FIXTURE_PAGE_BYTES);
    assert_int_equal(wr_lease_open_all(f.arena, leases, 2, NULL), WR_OK);
    wr_bump_init(&f.bump, &f.lease);
    wr_bump_init(&f.heap, &f.heap_lease);
    *state = &f;
    return 0;
}

static int fixture_tear_down(void **state)
{
    fixture *f = *state;

    wr_bump_release(&f->heap);
    wr_bump_release(&f->bump);
    wr_lease_close(&f->heap_lease);
    wr_lease_close(&f->lease);
    wr_arena_free(f->arena);
    return 0;
}

/* ---- Values as text ------------------------------------------------------------------------------- */

static size_t fixture_put(wr_type type, const void *cell, char *out, size_t room);

/* A value inside a nested one, as JSON. */
static size_t fixture_put_slot(const wr_packed *packed, wr_slot slot, wr_type type, char *out,
                               size_t room)
{
    _Alignas(16) uint8_t cell[16];

    if (slot.is_null)
        return (size_t)snprintf(out, room, "null");
    wr_packed_cell(packed, slot, type, cell);
    return fixture_put(type, cell, out, room);
}

/* Entries of maps as structs: {"key":1,"value":2}. */
static size_t fixture_put(wr_type type, const void *cell, char *out, size_t room)
{
    wr_packed        packed = wr_type_is_bytes(type) ? wr_packed_of(cell) : (wr_packed){0};
    wr_slot          slot;
    wr_list_cursor   elements;
    wr_struct_cursor members;
    size_t           used = 0;
    bool             end = false;

    if (wr_type_is_text(type))
        return (size_t)snprintf(out, room, "\"%.*s\"", (int)packed.byte_count, packed.bytes);
    if (wr_type_is_sequence(type)) {
        wr_list_cursor_init(&elements, &packed, type);
        while (wr_list_cursor_next(&elements, &slot, &end, NULL) == WR_OK && !end) {
            out[used] = used ? ',' : '[';
            used += 1 + fixture_put_slot(&packed, slot, elements.element, out + used + 1, room - used);
        }
        return used + (size_t)snprintf(out + used, room - used, used ? "]" : "[]");
    }
    if (type.logical == WR_TYPE_STRUCT) {
        wr_struct_cursor_init(&members, &packed, type);
        for (uint32_t i = 0; i < wr_type_member_count(type); i++) {
            wr_member member = wr_type_member(type, i);

            assert_int_equal(wr_struct_cursor_next(&members, &slot, NULL), WR_OK);
            used += (size_t)snprintf(out + used, room - used, "%s\"%.*s\":", i ? "," : "{",
                                     WR_TEXT_ARG(member.name));
            used += fixture_put_slot(&packed, slot, member.type, out + used, room - used);
        }
        return used + (size_t)snprintf(out + used, room - used, "}");
    }
    return wr_format_any(type, cell, out);
}

static const char *fixture_format(const wr_value *value, char out[FIXTURE_TEXT_BYTES])
{
    uint64_t cell[2] = {0};
    size_t   used = 0;

    if (value->is_null)
        return "NULL";
    if (value->type.logical == WR_TYPE_UTF8) {
        snprintf(out, FIXTURE_TEXT_BYTES, "%.*s", (int)value->text.byte_count, value->text.bytes);
    } else if (value->type.logical == WR_TYPE_BINARY) {
        used = (size_t)snprintf(out, FIXTURE_TEXT_BYTES, "\\x");
        for (size_t i = 0; i < value->text.byte_count && used + 3 < FIXTURE_TEXT_BYTES; i++)
            used += (size_t)snprintf(out + used, FIXTURE_TEXT_BYTES - used, "%02x",
                                     (unsigned char)value->text.bytes[i]);
    } else if (wr_type_is_nested(value->type)) {
        wr_str str = wr_str_of(value->text.bytes, value->text.byte_count);

        fixture_put(value->type, &str, out, FIXTURE_TEXT_BYTES);
    } else {
        wr_value_store(value, cell);
        out[wr_format_any(value->type, cell, out)] = '\0';
    }
    return out;
}

/* ---- Binding -------------------------------------------------------------------------------------- */

static wr_status fixture_bind(fixture *f, const char *text, bool folded, wr_expr **out_expr)
{
    static wr_schema no_columns;
    wr_scope  scope = {.left = &no_columns, .where = "test", .source.text = wr_text_of(text)};
    binder    b = {.scope = &scope, .bump = &f->bump};
    wr_ast   *ast = NULL;

    wr_error_clear(&f->err);
    WR_TRY(wr_parse_expr(scope.source.text, NULL, &f->bump, &ast, &f->err));
    return folded ? wr_bind_expr(&scope, ast, &f->bump, out_expr, &f->err)
                  : wr_binder_node(&b, ast, out_expr, &f->err);
}

/* Which arguments of a call must stay constants: lists, patterns, names of fields and zones. */
static bool fixture_stays(const wr_expr *call, uint32_t index)
{
    if (call->kind != WR_EXPR_CALL)
        return false;
    if (index == 0)
        return strncmp(call->function->name, "date", 4) == 0 ||
               strcmp(call->function->name, "timezone") == 0;
    return (call->function->flags & WR_FN_CONST_TAIL) || call->function->prepare;
}

static void fixture_collect(fixture *f, const wr_expr *expr)
{
    for (uint32_t i = 0; i < f->constant_count; i++)
        if (f->constants[i] == expr)
            return;
    if (expr->kind == WR_EXPR_CONST && expr->type.logical != WR_TYPE_NULL_) {
        assert_true(f->constant_count < FIXTURE_COLUMNS_MAX);
        f->constants[f->constant_count++] = expr;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!fixture_stays(expr, i))
            fixture_collect(f, expr->args[i]);
}

/* A copy of the tree whose constants are columns, or (`nulls` given) those with their bit set NULL. */
static wr_expr *fixture_copy(fixture *f, wr_expr *expr, const uint32_t *nulls)
{
    wr_expr *copy = NULL;

    for (uint32_t i = 0; i < f->constant_count; i++) {
        wr_value null = {.type = expr->type, .is_null = true};

        if (f->constants[i] != expr)
            continue;
        if (nulls)
            return *nulls >> i & 1 ? wr_expr_const(&f->bump, &null, NULL) : expr;
        return f->only < 0 || (uint32_t)f->only == i
                   ? wr_expr_column(&f->bump, i, expr->type, true, NULL) : expr;
    }
    copy = WR_BUMP_NEW(&f->bump, wr_expr, NULL);
    *copy = *expr;
    copy->args = WR_BUMP_NEW_ARRAY(&f->bump, wr_expr *, expr->arg_count, NULL);
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        copy->args[i] = fixture_stays(expr, i) ? expr->args[i]
                                               : fixture_copy(f, expr->args[i], nulls);
        copy->nullable |= copy->args[i]->nullable;
    }
    if (expr->kind == WR_EXPR_CALL && (expr->function->flags & WR_FN_NEVER_NULL))
        copy->nullable = false;
    return copy;
}

/* ---- Batches ---------------------------------------------------------------------------------------- */

/* Kind 0 has no NULLs, kind k has constant k - 1 NULL, the last kind all: bit i, constant i is NULL. */
static uint32_t fixture_nulls(const fixture *f, uint32_t kind)
{
    if (kind == 0)
        return 0;
    return kind <= f->constant_count ? 1u << (kind - 1) : (1u << f->constant_count) - 1;
}

static uint32_t fixture_kind(const fixture *f, uint32_t row)
{
    if (f->only >= 0)
        return row % 2 ? (uint32_t)f->only + 1 : 0;
    return row % (f->constant_count + 2);
}

static bool fixture_is_selected(uint32_t row)
{
    return row % 7 != 3;
}

static void fixture_store(wr_vector *column, uint32_t at, const wr_value *value, bool is_null)
{
    uint32_t width = wr_physical_bytes(wr_type_physical(column->type));

    if (is_null)
        wr_bit_clear(column->valid, at);
    else
        wr_value_store(value, (uint8_t *)column->data + (size_t)at * width);
}

/* What nobody may mind: the least integer in every other row, zeros elsewhere. */
static void fixture_spoil(wr_vector *column)
{
    uint32_t width = wr_physical_bytes(wr_type_physical(column->type));

    for (uint32_t row = 0; row < FIXTURE_ROWS && wr_type_is_integer(column->type); row += 2)
        ((uint8_t *)column->data)[(row + 1) * width - 1] = 0x80;
}

/* Column `i` of a batch; as a dictionary of the value, NULL and zeros. */
static void fixture_column(fixture *f, uint32_t i, bool with_nulls, bool as_dictionary,
                           wr_vector *out)
{
    const wr_value *value = &f->constants[i]->value;
    wr_vector      *dict = WR_BUMP_NEW(&f->bump, wr_vector, NULL);
    uint32_t       *codes = WR_BUMP_NEW_ARRAY(&f->bump, uint32_t, FIXTURE_ROWS, NULL);

    assert_int_equal(wr_vector_init(dict, f->constants[i]->type, &f->bump, NULL), WR_OK);
    fixture_spoil(dict);
    for (uint32_t row = 0; row < FIXTURE_ROWS; row++) {
        uint32_t nulls = with_nulls ? fixture_nulls(f, fixture_kind(f, row)) : 0;
        bool     is_null = value->is_null || (nulls >> i & 1);

        codes[row] = !fixture_is_selected(row) ? 2 : is_null;
        if (!as_dictionary && fixture_is_selected(row))
            fixture_store(dict, row, value, is_null);
    }
    if (as_dictionary) {
        fixture_store(dict, 0, value, value->is_null);
        fixture_store(dict, 1, value, true);
    }
    dict->row_count = as_dictionary ? 3 : FIXTURE_ROWS;
    *out = *dict;
    if (as_dictionary)
        *out = (wr_vector){.type = dict->type, .encoding = WR_DICT, .row_count = FIXTURE_ROWS,
                           .codes = codes, .dict = dict};
}

typedef struct fixture_run {
    wr_program_local *local;
    wr_batch          batch;
    uint16_t          rows[FIXTURE_ROWS];
    wr_vector         columns[FIXTURE_COLUMNS_MAX];
} fixture_run;

/* Compile `expr` over the columns, and a batch of them; `skip` says which patterns of NULLs not to
 * select (they are errors). */
static wr_status fixture_prepare(fixture *f, wr_expr *expr, bool with_nulls, bool as_dictionary,
                                 uint64_t skip, fixture_run *run)
{
    wr_field          fields[FIXTURE_COLUMNS_MAX];
    wr_schema         schema = {f->constant_count, fields};
    wr_run_facts      facts = {.seed = 1};
    const wr_program *program;
    uint32_t          count = 0;

    for (uint32_t i = 0; i < f->constant_count; i++) {
        fields[i] = (wr_field){WR_TEXT("c"), f->constants[i]->type, true};
        fixture_column(f, i, with_nulls, as_dictionary, &run->columns[i]);
    }
    for (uint32_t row = 0; row < FIXTURE_ROWS; row++)
        if (fixture_is_selected(row) && !(skip >> fixture_kind(f, row) & 1))
            run->rows[count++] = (uint16_t)row;
    run->batch = (wr_batch){.row_count = FIXTURE_ROWS, .column_count = f->constant_count,
                            .selection = {run->rows, count}, .columns = run->columns};
    WR_TRY(wr_program_compile(&expr, 1, &schema, &f->bump, &program, &f->err));
    return wr_program_local_new(program, &f->bump, &f->heap, &facts, &run->local, &f->err);
}

/* ---- One way ------------------------------------------------------------------------------------------ */

typedef struct fixture_way {
    const char *text;
    wr_expr    *expr;      /* over columns */
    bool        as_dictionary;
    uint64_t    skip;
    const char *by_nulls[FIXTURE_COLUMNS_MAX + 2]; /* what each pattern of NULLs gives */
} fixture_way;

static void fixture_check_rows(fixture *f, const fixture_way *way)
{
    static fixture_run run;
    wr_vector          output;
    uint32_t           done = 0, part = 0, error_row;
    char               text[FIXTURE_TEXT_BYTES];

    if (fixture_prepare(f, way->expr, true, way->as_dictionary, way->skip, &run) != WR_OK)
        fail_msg("%s: over columns: %s", way->text, f->err.message);
    for (; done < wr_batch_rows(&run.batch); done += part) {
        if (wr_program_run(run.local, &run.batch, done, &output, &part, &error_row, &f->err))
            fail_msg("%s: over columns (%d%s): row %u: %s", way->text, f->only,
                     way->as_dictionary ? ", dictionary" : "", error_row, f->err.message);
        for (uint32_t i = done; i < done + part; i++) {
            uint32_t    row = run.rows[i], kind = fixture_kind(f, row);
            wr_value    value = wr_vector_value(&output, row);
            const char *got = fixture_format(&value, text);

            if (strcmp(got, way->by_nulls[kind]) != 0)
                fail_msg("%s: over columns (%d%s): row %u with nulls %u: is %s, as constants %s",
                         way->text, f->only, way->as_dictionary ? ", dictionary" : "", row, kind,
                         got, way->by_nulls[kind]);
        }
    }
}

/* The rows where the condition is true. */
static void fixture_check_filter(fixture *f, const fixture_way *way)
{
    static fixture_run run;
    uint16_t           rows[WR_BATCH_ROWS_MAX];
    uint32_t           count = 0, next = 0, error_row;

    if (fixture_prepare(f, way->expr, true, way->as_dictionary, way->skip, &run) != WR_OK ||
        wr_program_select(run.local, &run.batch, rows, &count, &error_row, &f->err) != WR_OK)
        fail_msg("%s: as a filter: %s", way->text, f->err.message);
    for (uint32_t i = 0; i < wr_batch_rows(&run.batch); i++) {
        uint32_t kind = fixture_kind(f, run.rows[i]);
        bool     wanted = strcmp(way->by_nulls[kind], "true") == 0;
        bool     is_there = next < count && rows[next] == run.rows[i];

        if (wanted != is_there)
            fail_msg("%s: as a filter: row %u", way->text, run.rows[i]);
        next += is_there;
    }
    assert_int_equal(next, count);
}

/* The first selected row fails, for the same reason. */
static void fixture_check_error(fixture *f, const fixture_way *way, const char *part)
{
    static fixture_run run;
    wr_vector          output;
    uint32_t           done, error_row = UINT32_MAX;
    wr_status status = fixture_prepare(f, way->expr, false, way->as_dictionary, 0, &run);

    if (status == WR_OK)
        status = wr_program_run(run.local, &run.batch, 0, &output, &done, &error_row, &f->err);
    if (status == WR_OK)
        fail_msg("%s: over columns (%d): no error '%s'", way->text, f->only, part);
    if (!strstr(f->err.message, part))
        fail_msg("%s: over columns (%d): error is '%s', not '%s'", way->text, f->only,
                 f->err.message, part);
    if (status == WR_DATA)
        assert_int_equal(error_row, 0);
}

/* ---- All ways -------------------------------------------------------------------------------------------- */

/* What each pattern of NULLs gives, as constants. */
static void fixture_expect(fixture *f, wr_expr *expr, fixture_way *way)
{
    for (uint32_t kind = 0; kind < f->constant_count + 2; kind++) {
        uint32_t nulls = fixture_nulls(f, kind);
        wr_value value;
        char    *text = wr_bump_alloc(&f->bump, FIXTURE_TEXT_BYTES, NULL);

        if (wr_expr_evaluate(fixture_copy(f, expr, &nulls), &f->bump, &value, &f->err) == WR_OK)
            way->by_nulls[kind] = fixture_format(&value, text);
        else
            way->skip |= UINT64_C(1) << kind;
    }
}

/* Over columns, all ways; `error`: every one must fail so. */
static void fixture_check_columns(fixture *f, wr_expr *expr, const char *text, const char *error)
{
    fixture_way way = {.text = text};

    f->constant_count = 0;
    fixture_collect(f, expr);
    if (f->constant_count == 0 || !wr_expr_is_repeatable(expr))
        return;
    fixture_expect(f, expr, &way);
    for (f->only = -1; f->only < (int32_t)f->constant_count; f->only++) {
        way.expr = fixture_copy(f, expr, NULL);
        for (uint32_t dictionary = 0; dictionary < 2; dictionary++) {
            way.as_dictionary = dictionary;
            if (error)
                fixture_check_error(f, &way, error);
            else
                fixture_check_rows(f, &way);
        }
        if (!error && f->only < 0 && expr->type.logical == WR_TYPE_BOOL)
            fixture_check_filter(f, &way);
    }
}

static inline void fixture_check(fixture *f, const fixture_row *row)
{
    const char *error = strncmp(row->expected, "error: ", 7) == 0 ? row->expected + 7 : NULL;
    wr_expr    *expr = NULL, *folded = NULL;
    wr_value    value = {0};
    wr_status   status;
    char        text[FIXTURE_TEXT_BYTES], name[WR_TYPE_NAME_BYTES];

    wr_bump_reset(&f->bump);
    status = fixture_bind(f, row->text, true, &folded);
    if (status == WR_OK)
        status = wr_expr_evaluate(folded, &f->bump, &value, &f->err);
    if (status != WR_OK) {
        if (!error || !strstr(f->err.message, error))
            fail_msg("%s: error '%s', not '%s'", row->text, f->err.message, row->expected);
    } else if (error || strcmp(fixture_format(&value, text), row->expected) != 0) {
        fail_msg("%s: is %s, not %s", row->text, fixture_format(&value, text), row->expected);
    }
    if (fixture_bind(f, row->text, false, &expr) != WR_OK)
        return;
    if (row->type && strcmp(wr_type_format(expr->type, name), row->type) != 0)
        fail_msg("%s: is a %s, not %s", row->text, name, row->type);
    fixture_check_columns(f, expr, row->text, error);
}

#define FIXTURE_CHECK(state, rows)                                                                 \
    do {                                                                                           \
        for (size_t i_ = 0; i_ < sizeof(rows) / sizeof(rows)[0]; i_++)                             \
            fixture_check(*(state), &(rows)[i_]);                                                  \
    } while (0)

#endif
