/* expr/fn_regex.c — functions that search with regular expressions (expr/regex.h).
 *
 * The expression, and the flags, are constants: they are compiled once by each worker, into memory that
 * the program's lease counts. Flags: i any case, g every match (replace), c and s as without. Names
 * and rules are PostgreSQL's (~, regexp_like, regexp_replace, regexp_substr, regexp_count) and, where it
 * has none or another, DuckDB's (regexp_matches tells whether, regexp_extract). */
#include "expr/fn_nested_priv.h"
#include "expr/operators.h"
#include "expr/regex.h"

typedef struct regex_state {
    wr_regex *regex;
    bool      every; /* flag g */
} regex_state;

/* Where to look on behind a match: behind an empty one, a character further. */
static size_t next_start(wr_text text, const int64_t *places)
{
    size_t at = (size_t)places[1];

    if (places[0] != places[1])
        return at;
    for (at++; at < text.byte_count && ((unsigned char)text.bytes[at] & 0xc0) == 0x80;)
        at++;
    return at;
}

static wr_text text_arg(const wr_vector *arg, uint32_t row)
{
    return wr_str_text((const wr_str *)arg->data + wr_arg_index(arg, row));
}

/* ---- Preparing --------------------------------------------------------------------------------- */

/* Which argument holds flags; 0: none does. */
static uint32_t flags_index(const wr_function *function)
{
    if (function->result.logical == WR_TYPE_LIST)
        return 0;
    if (function->result.logical != WR_TYPE_UTF8)
        return function->param_count == 3 ? 2 : 0;
    return function->param_count == 4 ? 3 : 0;
}

static wr_status regex_flags(const wr_expr *call, uint32_t *out_flags, bool *out_every,
                             wr_error *err)
{
    const char     *name = call->function->name;
    uint32_t        index = flags_index(call->function);
    const wr_value *given = index ? wr_call_constant(call, index) : NULL;

    *out_flags = strcmp(name, WR_OPERATOR_REGEX_NOCASE) == 0 ? WR_REGEX_NOCASE : 0;
    *out_every = false;
    if (strcmp(name, WR_OPERATOR_SIMILAR) == 0)
        *out_flags |= WR_REGEX_SIMILAR;
    if (strcmp(name, "regexp_full_match") == 0)
        *out_flags |= WR_REGEX_WHOLE;
    if (call->function->result.logical != WR_TYPE_BOOL)
        *out_flags |= WR_REGEX_GROUPS;
    for (size_t i = 0; given && !given->is_null && i < given->text.byte_count; i++) {
        switch (given->text.bytes[i]) {
        case 'i':
            *out_flags |= WR_REGEX_NOCASE;
            break;
        case 'g':
            *out_every = true;
            break;
        case 'c':
        case 's':
            break;
        default:
            return WR_RAISE(err, WR_INVALID, "%s: there is no flag '%c' (i: any case, g: every match)",
                            name, given->text.bytes[i]);
        }
    }
    return WR_OK;
}

static wr_status check(const wr_expr *call, wr_error *err)
{
    const wr_value *pattern = wr_call_constant(call, 1);
    uint32_t        flags;
    uint64_t        bytes;
    bool            every;

    if (!pattern || pattern->is_null)
        return WR_OK;
    WR_TRY(regex_flags(call, &flags, &every, err));
    return wr_regex_measure(pattern->text, flags, &bytes, err);
}

/* What cannot be compiled was told by `check`. */
static uint64_t regex_bytes(const wr_expr *call)
{
    wr_error ignored = {0};
    uint32_t flags;
    uint64_t bytes = 0;
    bool     every;

    if (!wr_call_constant(call, 1) || wr_call_constant(call, 1)->is_null ||
        regex_flags(call, &flags, &every, &ignored) != WR_OK ||
        wr_regex_measure(wr_call_constant(call, 1)->text, flags, &bytes, &ignored) != WR_OK)
        return 0;
    return bytes;
}

static wr_status prepare(wr_eval *eval, wr_bump *bump, wr_error *err)
{
    regex_state    *state = eval->state;
    const wr_value *pattern = wr_call_constant(eval->expr, 1);
    uint32_t        flags;
    uint64_t        bytes;
    void           *space;

    if (pattern->is_null)
        return WR_OK;
    WR_TRY(regex_flags(eval->expr, &flags, &state->every, err));
    WR_TRY(wr_regex_measure(pattern->text, flags, &bytes, err));
    space = wr_bump_alloc(bump, bytes, err);
    if (!space)
        return WR_NO_MEMORY;
    return wr_regex_compile(pattern->text, flags, space, &state->regex, err);
}

/* Expression and flags must be constants. */
static bool are_constant(const wr_expr *const *args, uint32_t arg_count, uint32_t but)
{
    for (uint32_t i = 1; i < arg_count; i++)
        if (i != but && args[i]->kind != WR_EXPR_CONST)
            return false;
    return true;
}

static void all_text(uint32_t arg_count, wr_type *args_io)
{
    for (uint32_t i = 0; i < arg_count; i++)
        args_io[i] = WR_TYPE(UTF8);
}

RESOLVE(resolve_test)
{
    all_text(arg_count, args_io);
    *out_result = WR_TYPE(BOOL);
    return arg_count <= 3 && are_constant(args, arg_count, 0);
}

RESOLVE(resolve_replace)
{
    all_text(arg_count, args_io);
    *out_result = WR_TYPE(UTF8);
    return arg_count <= 4 && are_constant(args, arg_count, 2);
}

RESOLVE(resolve_extract)
{
    all_text(2, args_io);
    if (arg_count > 2)
        args_io[2] = WR_TYPE(I64);
    *out_result = WR_TYPE(UTF8);
    return arg_count <= 3 && are_constant(args, arg_count, 2);
}

RESOLVE(resolve_count)
{
    all_text(arg_count, args_io);
    *out_result = WR_TYPE(I64);
    return arg_count <= 3 && are_constant(args, arg_count, 0);
}

/* ---- Searching --------------------------------------------------------------------------------- */

EVAL(test)
{
    regex_state *state = eval->state;

    (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);

        ((uint8_t *)out->data)[row] = wr_regex_search(state->regex, text_arg(args[0], row), 0, NULL);
    }
    return WR_OK;
}

EVAL(count)
{
    regex_state *state = eval->state;

    (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        wr_text  text = text_arg(args[0], row);
        int64_t  places[2 * WR_REGEX_GROUPS_MAX], found = 0;
        size_t   from = 0;

        while (from <= text.byte_count && wr_regex_search(state->regex, text, from, places)) {
            found++;
            from = next_start(text, places);
        }
        ((int64_t *)out->data)[row] = found;
    }
    return WR_OK;
}

/* No match: the empty text (regexp_extract, as DuckDB) or NULL (regexp_substr, as PostgreSQL). */
EVAL(extract)
{
    regex_state *state = eval->state;
    bool         null_without = eval->expr->function->flags & WR_FN_MAY_NULL;

    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        wr_text  text = text_arg(args[0], row);
        int64_t  places[2 * WR_REGEX_GROUPS_MAX];
        int64_t  group = arg_count > 2
                             ? ((const int64_t *)args[2]->data)[wr_arg_index(args[2], row)] : 0;

        if (group < 0 || group >= WR_REGEX_GROUPS_MAX ||
            group >= wr_regex_group_count(state->regex))
            return wr_eval_fail(eval, row, err, "%s: the expression has no group %lld",
                                eval->expr->function->name, (long long)group);
        if (!wr_regex_search(state->regex, text, 0, places) ||
            places[2 * group] == WR_REGEX_NONE) {
            if (null_without)
                wr_eval_set_null(out, row);
            else
                WR_TRY(wr_eval_store_text(eval, out, row, "", 0));
            continue;
        }
        WR_TRY(wr_eval_store_text(eval, out, row, text.bytes + places[2 * group],
                                  (size_t)(places[2 * group + 1] - places[2 * group])));
    }
    return WR_OK;
}

/* ---- Replacing --------------------------------------------------------------------------------- */

typedef struct output {
    char  *bytes; /* NULL: only count */
    size_t used;
} output;

static void put(output *out, const char *bytes, size_t byte_count)
{
    if (out->bytes && byte_count)
        memcpy(out->bytes + out->used, bytes, byte_count);
    out->used += byte_count;
}

/* \1 .. \9 are groups, \& and \0 the whole match, \\ a backslash. */
static void put_replacement(output *out, wr_text text, wr_text replacement, const int64_t *places,
                            uint32_t group_count)
{
    for (size_t i = 0; i < replacement.byte_count; i++) {
        char byte = replacement.bytes[i], next;

        if (byte != '\\' || i + 1 == replacement.byte_count) {
            put(out, &byte, 1);
            continue;
        }
        next = replacement.bytes[++i];
        if ((next >= '0' && next <= '9') || next == '&') {
            uint32_t group = next == '&' ? 0 : (uint32_t)(next - '0');

            if (group < group_count && places[2 * group] != WR_REGEX_NONE)
                put(out, text.bytes + places[2 * group],
                    (size_t)(places[2 * group + 1] - places[2 * group]));
        } else {
            put(out, &next, 1);
        }
    }
}

static void replace_in(regex_state *state, wr_text text, wr_text replacement, output *out)
{
    int64_t  places[2 * WR_REGEX_GROUPS_MAX];
    uint32_t group_count = wr_regex_group_count(state->regex);
    size_t   copied = 0, from = 0;

    while (from <= text.byte_count && wr_regex_search(state->regex, text, from, places)) {
        put(out, text.bytes + copied, (size_t)places[0] - copied);
        put_replacement(out, text, replacement, places, group_count);
        copied = (size_t)places[1];
        from = next_start(text, places);
        if (!state->every)
            break;
    }
    put(out, text.bytes + copied, text.byte_count - copied);
}

EVAL(replace)
{
    regex_state *state = eval->state;

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        wr_text  text = text_arg(args[0], row), replacement = text_arg(args[2], row);
        output   result = {0};

        replace_in(state, text, replacement, &result);
        if (result.used > UINT32_MAX)
            return wr_eval_fail(eval, row, err, "regexp_replace: the result is longer than 4 GB");
        if (result.used > 0) {
            result.bytes = wr_bump_try_alloc(eval->heap, result.used);
            if (!result.bytes)
                return WR_NO_RESERVE;
        }
        result.used = 0;
        replace_in(state, text, replacement, &result);
        ((wr_str *)out->data)[row] = wr_str_of(result.used ? result.bytes : "", result.used);
    }
    return WR_OK;
}

/* ---- Lists ------------------------------------------------------------------------------------- */

static void pack_piece(wr_list_packer *list, wr_text text, size_t begin, size_t end)
{
    wr_str piece = wr_str_of(text.bytes + begin, end - begin);

    wr_list_pack_cell(list, &piece);
}

/* The whole of every match, or a group of it; a group that took no part is empty. */
PACK(extract_all)
{
    regex_state   *state = call->eval->state;
    wr_text        text = text_at(call->args, 0, row);
    int64_t        places[2 * WR_REGEX_GROUPS_MAX];
    int64_t        group = call->arg_count > 2 ? int_at(call->args, 2, row) : 0;
    wr_list_packer list;

    if (group < 0 || group >= WR_REGEX_GROUPS_MAX || group >= wr_regex_group_count(state->regex))
        return wr_eval_fail(call->eval, row, err, "regexp_extract_all: the expression has no group %lld",
                            (long long)group);
    wr_list_pack_begin(&list, packer, WR_TYPE(UTF8));
    for (size_t from = 0;
         from <= text.byte_count && wr_regex_search(state->regex, text, from, places);
         from = next_start(text, places)) {
        bool is_there = places[2 * group] != WR_REGEX_NONE;

        pack_piece(&list, text, is_there ? (size_t)places[2 * group] : 0,
                   is_there ? (size_t)places[2 * group + 1] : 0);
    }
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(extract_all)

/* What is between matches; empty ones count between two characters only. */
PACK(split)
{
    regex_state   *state = call->eval->state;
    wr_text        text = text_at(call->args, 0, row);
    int64_t        places[2 * WR_REGEX_GROUPS_MAX];
    size_t         begin = 0, from = 0;
    wr_list_packer list;

    (void)err;
    wr_list_pack_begin(&list, packer, WR_TYPE(UTF8));
    while (from < text.byte_count && wr_regex_search(state->regex, text, from, places)) {
        bool is_empty = places[0] == places[1];

        from = is_empty ? next_start(text, places) : (size_t)places[1];
        if (is_empty && ((size_t)places[0] == begin || (size_t)places[0] == text.byte_count))
            continue;
        pack_piece(&list, text, begin, (size_t)places[0]);
        begin = (size_t)places[1];
    }
    pack_piece(&list, text, begin, text.byte_count);
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(split)

RESOLVE(resolve_list)
{
    wr_type ignored;

    return resolve_extract(args, arg_count, args_io, &ignored) &&
           wr_type_make_list(WR_TYPE(UTF8), out_result, NULL) == WR_OK;
}

/* ---- Table ------------------------------------------------------------------------------------- */

/* clang-format off */
#define REGEX(name_, sig, count_, more, resolve_, result_, eval_, help_) \
    {.name = name_, .signature = sig, .help = help_, .flags = more, .param_count = count_, \
     .resolve = resolve_, .result = {.logical = WR_TYPE_##result_}, .eval = eval_, \
     .check = check, .state_bytes = sizeof(regex_state), .prepare = prepare, .prepare_bytes_of = regex_bytes}

static const wr_function FUNCTIONS[] = {
    REGEX(WR_OPERATOR_REGEX, "(text, pattern) -> Boolean", 2, 0, resolve_test, BOOL, test,
          "does the regular expression match somewhere in the text?"),
    REGEX(WR_OPERATOR_REGEX_NOCASE, "(text, pattern) -> Boolean", 2, 0, resolve_test, BOOL, test,
          "as ~ in any case"),
    REGEX(WR_OPERATOR_SIMILAR, "(text, pattern) -> Boolean", 2, 0, resolve_test, BOOL, test,
          "SQL's pattern with % and _, |, * and groups: does the whole text match?"),
    REGEX("regexp_matches", "(text, pattern) -> Boolean", 2, 0, resolve_test, BOOL, test,
          "does the regular expression match somewhere in the text?"),
    REGEX("regexp_matches", "(text, pattern, flags) -> Boolean", 3, 0, resolve_test, BOOL, test,
          "does the regular expression match somewhere in the text?"),
    REGEX("regexp_like", "(text, pattern) -> Boolean", 2, 0, resolve_test, BOOL, test,
          "as regexp_matches"),
    REGEX("regexp_like", "(text, pattern, flags) -> Boolean", 3, 0, resolve_test, BOOL, test,
          "as regexp_matches"),
    REGEX("regexp_full_match", "(text, pattern) -> Boolean", 2, 0, resolve_test, BOOL, test,
          "does it match the whole text?"),
    REGEX("regexp_full_match", "(text, pattern, flags) -> Boolean", 3, 0, resolve_test, BOOL, test,
          "does it match the whole text?"),
    REGEX("regexp_count", "(text, pattern) -> Int64", 2, 0, resolve_count, I64, count,
          "how many times it matches"),
    REGEX("regexp_count", "(text, pattern, flags) -> Int64", 3, 0, resolve_count, I64, count,
          "how many times it matches"),
    REGEX("regexp_extract", "(text, pattern) -> text", 2, 0, resolve_extract, UTF8, extract,
          "what the match, or a group of it, is; empty without one"),
    REGEX("regexp_extract", "(text, pattern, group) -> text", 3, 0, resolve_extract, UTF8, extract,
          "what the match, or a group of it, is; empty without one"),
    REGEX("regexp_substr", "(text, pattern) -> text", 2, WR_FN_MAY_NULL, resolve_extract, UTF8, extract,
          "the first match, or NULL"),
    REGEX("regexp_extract_all", "(text, pattern) -> list", 2, 0, resolve_list, LIST, extract_all,
          "every match, or a group of it"),
    REGEX("regexp_extract_all", "(text, pattern, group) -> list", 3, 0, resolve_list, LIST, extract_all,
          "every match, or a group of it"),
    REGEX("regexp_split_to_array", "(text, pattern) -> list", 2, 0, resolve_list, LIST, split,
          "the pieces between matches"),
    REGEX("string_split_regex", "(text, pattern) -> list", 2, 0, resolve_list, LIST, split,
          "as regexp_split_to_array"),
    REGEX("regexp_replace", "(text, pattern, replacement) -> text", 3, 0, resolve_replace, UTF8, replace,
          "the first match replaced; \\1 is a group of it"),
    REGEX("regexp_replace", "(text, pattern, replacement, flags) -> text", 4, 0, resolve_replace, UTF8, replace,
          "the first match (flag g: every) replaced; \\1 is a group of it"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_REGEX = {"regular expression", FUNCTIONS,
                                              sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
