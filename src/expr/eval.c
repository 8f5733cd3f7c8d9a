/* expr/eval.c — what function bodies share: failing with a row, live rows, values in messages. */
#include "expr/function.h"

#include <stdio.h>

#include "kernel/logic.h"
#include "types/nested.h"
#include "types/parse.h"

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

const char *wr_arg_format(const wr_vector *arg, uint32_t row, char buffer[WR_ARG_TEXT_BYTES])
{
    enum { TEXT_SHOWN_BYTES = 48 };
    wr_value value = wr_vector_value(arg, row);
    uint64_t cell[2] = {0};
    size_t   byte_count;

    if (value.is_null) {
        snprintf(buffer, WR_ARG_TEXT_BYTES, "NULL");
    } else if (wr_type_is_nested(value.type)) {
        snprintf(buffer, WR_ARG_TEXT_BYTES, "a value");
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
