/* expr/eval.c — what function bodies share: failing with a row, live rows, values in messages. */
#include "expr/function.h"

#include <stdio.h>

#include "kernel/logic.h"
#include "types/nested_text.h"
#include "types/parse.h"

enum { TEXT_SHOWN_BYTES = 48 };

wr_status wr_eval_fail(wr_eval *eval, uint32_t row, wr_error *err, const char *format, ...)
{
    va_list args;

    eval->error_row = row;
    va_start(args, format);
    wr_error_raisev(err, WR_DATA, __FILE__, __LINE__, format, args);
    va_end(args);
    return WR_DATA;
}

wr_selection wr_eval_find_live(wr_eval *eval, const wr_vector *out)
{
    uint32_t count;

    if (!out->valid)
        return eval->selected;
    count = wr_select_valid(out->valid, eval->selected, eval->live_rows);
    if (count == eval->selected.row_count)
        return eval->selected;
    return (wr_selection){eval->live_rows, count};
}

/* The beginning of its text. */
static void format_nested(const wr_value *value, char buffer[WR_ARG_TEXT_BYTES])
{
    char           text[2 * WR_NESTED_TEXT_ROOM_MIN];
    wr_nested_text writer;
    wr_str         str = wr_str_of(value->text.bytes, value->text.byte_count);
    wr_text        shown = {text, 0};
    bool           done;

    wr_nested_text_begin(&writer, value->type, &str, NULL);
    if (wr_nested_text_write(&writer, text, sizeof text, &shown.byte_count, &done, NULL) != WR_OK)
        shown = WR_TEXT("a damaged value");
    done = done && shown.byte_count <= TEXT_SHOWN_BYTES;
    shown = wr_text_cut(shown, TEXT_SHOWN_BYTES);
    snprintf(buffer, WR_ARG_TEXT_BYTES, "%.*s%s", WR_TEXT_ARG(shown), done ? "" : "...");
}

const char *wr_arg_format(const wr_vector *arg, uint32_t row, char buffer[WR_ARG_TEXT_BYTES])
{
    wr_value value = wr_vector_value(arg, row);
    uint64_t cell[2] = {0};
    size_t   byte_count;

    if (value.is_null) {
        snprintf(buffer, WR_ARG_TEXT_BYTES, "NULL");
    } else if (wr_type_is_nested(value.type)) {
        format_nested(&value, buffer);
    } else if (wr_type_is_text(value.type)) {
        bool is_long = value.text.byte_count > TEXT_SHOWN_BYTES;

        snprintf(buffer, WR_ARG_TEXT_BYTES, "'%.*s%s'",
                 is_long ? TEXT_SHOWN_BYTES : (int)value.text.byte_count, value.text.bytes,
                 is_long ? "..." : "");
    } else {
        wr_value_store(&value, cell);
        byte_count = wr_format_any(value.type, cell, buffer);
        buffer[byte_count] = '\0';
    }
    return buffer;
}
