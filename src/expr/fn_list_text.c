/* expr/fn_list_text.c — texts to lists of their pieces, lists to texts. Source: DuckDB, PostgreSQL. */
#include "expr/fn_nested_priv.h"

static void pack_text(wr_list_packer *list, const char *bytes, size_t byte_count)
{
    wr_str piece = wr_str_of(bytes, byte_count);

    wr_list_pack_cell(list, &piece);
}

/* Where `part` begins in the text from `from` on; without a part, at the next character. */
static size_t find_part(wr_text text, wr_text part, size_t from)
{
    const char *at;

    if (part.byte_count == 0)
        return from < text.byte_count ? from + point_bytes(text, from) : text.byte_count;
    at = memmem(text.bytes + from, text.byte_count - from, part.bytes, part.byte_count);
    return at ? (size_t)(at - text.bytes) : text.byte_count;
}

/* split(text, delimiter): an empty delimiter gives the characters. */
PACK(split)
{
    wr_text        text = text_at(call->args, 0, row), part = text_at(call->args, 1, row);
    wr_list_packer list;
    size_t         from = 0, end;

    (void)err;
    wr_list_pack_begin(&list, packer, WR_TYPE(UTF8));
    for (;; from = end + part.byte_count) {
        end = find_part(text, part, from);
        pack_text(&list, text.bytes + from, end - from);
        if (end == text.byte_count)
            break;
    }
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(split)

RESOLVE(resolve_split)
{
    for (uint32_t i = 0; i < arg_count; i++) {
        if (args[i]->type.logical != WR_TYPE_UTF8 && !wr_expr_is_null(args[i]))
            return false;
        args_io[i] = WR_TYPE(UTF8);
    }
    return wr_type_make_list(WR_TYPE(UTF8), out_result, NULL) == WR_OK;
}

/* ---- Lists to texts --------------------------------------------------------------------------------- */

/* array_to_string(list, separator [, null]): NULLs are left out, or are the third argument. */
PACK(join)
{
    wr_text        separator = text_at(call->args, 1, row);
    const wr_str  *null = call->arg_count > 2 ? cell_at(call->args[2], row) : NULL;
    element_reader reader;
    element        e;
    bool           end, is_first = true;

    reader_init(&reader, packed_at(call->args, 0, row), call->args[0]->type);
    for (;; is_first = false) {
        wr_text piece;

        do
            WR_TRY(reader_next(&reader, &e, &end, err));
        while (!end && e.is_null && !null);
        if (end)
            return WR_OK;
        piece = wr_str_text(e.is_null ? null : (const wr_str *)e.cell);
        if (!is_first)
            wr_pack_bytes(packer, separator.bytes, separator.byte_count);
        wr_pack_bytes(packer, piece.bytes, piece.byte_count);
    }
}
EVAL_PACKED(join)

RESOLVE(resolve_join)
{
    wr_type type;

    if (!wr_nested_is_list(args[0], &type))
        return false;
    for (uint32_t i = 1; i < arg_count; i++)
        args_io[i] = WR_TYPE(UTF8);
    *out_result = WR_TYPE(UTF8);
    return wr_type_make_list(WR_TYPE(UTF8), &args_io[0], NULL) == WR_OK;
}

/* ---- Table ---------------------------------------------------------------------------------------- */

/* clang-format off */
#define SPLIT(name_, help_) \
    {.name = name_, .signature = "(text, delimiter) -> list", .help = help_, .flags = WR_FN_TOTAL, .param_count = 2, \
     .resolve = resolve_split, .eval = split}
#define JOIN(name_, help_) \
    {.name = name_, .signature = "(list, separator) -> text", .help = help_, .flags = WR_FN_TOTAL, .param_count = 2, \
     .resolve = resolve_join, .eval = join}, \
    {.name = name_, .signature = "(list, separator, null) -> text", .help = "with that text for NULLs", .flags = WR_FN_TOTAL, .param_count = 3, \
     .resolve = resolve_join, .eval = join}

static const wr_function FUNCTIONS[] = {
    SPLIT("string_split", "the pieces between delimiters; the characters if that is empty"), SPLIT("str_split", "as string_split"),
    SPLIT("split", "as string_split"), SPLIT("string_to_array", "as string_split"),
    JOIN("array_to_string", "the elements as one text; NULLs are left out"), JOIN("list_to_string", "as array_to_string"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_LIST_TEXT = {"text of lists", FUNCTIONS,
                                                  sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
