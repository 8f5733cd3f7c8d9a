/* expr/fn_json.c — values and JSON text: to_json, and the casts between texts and nested values.
 *
 * Short results are made in a buffer of the call's state and copied to the heap; longer ones are made in the
 * heap: text is measured before, packed values get as much room as it takes, doubled each time. */
#include <stdio.h>

#include "expr/cast_priv.h"
#include "kernel/nested_read.h"
#include "types/nested_text.h"

enum { BUFFER_BYTES = 4096 };

/* ---- To JSON -------------------------------------------------------------------------------------- */

typedef struct writer_state {
    wr_nested_text text;
    char           buffer[BUFFER_BYTES];
} writer_state;

static wr_status measure(writer_state *state, wr_type type, const wr_str *value,
                         uint64_t *out_byte_count, wr_error *err)
{
    bool   done = false;
    size_t written;

    *out_byte_count = 0;
    wr_nested_text_begin(&state->text, type, value, NULL);
    while (!done) {
        WR_TRY(wr_nested_text_write(&state->text, state->buffer, BUFFER_BYTES, &written, &done,
                                    err));
        *out_byte_count += written;
    }
    return WR_OK;
}

/* A value of physical STR. */
static wr_status put_json(wr_eval *eval, wr_type type, const wr_str *value, wr_vector *out,
                          uint32_t row, wr_error *err)
{
    writer_state *state = eval->state;
    uint64_t      byte_count;
    size_t        written;
    bool          done;
    char         *bytes;

    WR_TRY(measure(state, type, value, &byte_count, err));
    if (byte_count <= BUFFER_BYTES - WR_NESTED_TEXT_ROOM_MIN)
        return wr_eval_store_text(eval, out, row, state->buffer, (size_t)byte_count);
    if (byte_count > UINT32_MAX)
        return wr_eval_fail(eval, row, err, "a JSON text of %llu bytes is too long for a text",
                            (unsigned long long)byte_count);
    bytes = wr_bump_try_alloc(eval->heap, (size_t)byte_count + WR_NESTED_TEXT_ROOM_MIN);
    if (!bytes)
        return WR_NO_RESERVE;
    wr_nested_text_begin(&state->text, type, value, NULL);
    WR_TRY(wr_nested_text_write(&state->text, bytes, (size_t)byte_count + WR_NESTED_TEXT_ROOM_MIN,
                                &written, &done, err));
    ((wr_str *)out->data)[row] = wr_str_of(bytes, written);
    return WR_OK;
}

static wr_status eval_to_json(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                              wr_vector *out, wr_error *err)
{
    wr_type        type = args[0]->type;
    const uint8_t *values = args[0]->data;
    uint32_t       bytes = wr_physical_bytes(wr_type_physical(type));

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t    row = wr_selection_row(&eval->live, i);
        const void *cell = values + (size_t)row * bytes;
        char        text[WR_JSON_FIXED_BYTES_MAX];

        if (wr_type_is_bytes(type))
            WR_TRY(put_json(eval, type, cell, out, row, err));
        else
            WR_TRY(wr_eval_store_text(eval, out, row, text,
                                      wr_json_format_fixed(type, cell, false, text)));
    }
    return WR_OK;
}

/* ---- From JSON ------------------------------------------------------------------------------------- */

typedef struct reader_state {
    wr_nested_reader reader;
    uint8_t          buffer[BUFFER_BYTES];
} reader_state;

/* The text of `row` does not read as the type. */
static wr_status refuse(wr_eval *eval, const wr_vector *texts, uint32_t row, wr_vector *out,
                        wr_error *err)
{
    reader_state *state = eval->state;
    char          why[WR_NESTED_REASON_BYTES], reason[WR_NESTED_REASON_BYTES + 2];

    snprintf(reason, sizeof reason, ": %s", wr_nested_fault_format(&state->reader.fault, why));
    return wr_cast_refuse(eval, texts, row, reason, out, err);
}

/* A value that does not fit the buffer; whether keys come twice may show only now. */
static wr_status read_long(wr_eval *eval, const wr_vector *texts, uint32_t row, wr_vector *out,
                           wr_error *err)
{
    reader_state *state = eval->state;
    wr_bump_mark  mark = wr_bump_save(eval->heap);
    wr_text       text = wr_str_text((const wr_str *)texts->data + row);
    bool          is_null;

    for (uint64_t room = 2 * BUFFER_BYTES + 2 * text.byte_count; room < UINT32_MAX; room *= 2) {
        wr_packer packer = {.bytes = wr_bump_try_alloc(eval->heap, (size_t)room),
                            .capacity = (size_t)room};

        if (!packer.bytes)
            return WR_NO_RESERVE;
        if (!wr_nested_read(&state->reader, text, out->type, &packer, &is_null))
            return refuse(eval, texts, row, out, err);
        if (!packer.is_full) {
            ((wr_str *)out->data)[row] = wr_str_of((const char *)packer.bytes, packer.used);
            return WR_OK;
        }
        wr_bump_rewind(eval->heap, mark);
    }
    return WR_NO_RESERVE;
}

static wr_status eval_from_json(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                                wr_vector *out, wr_error *err)
{
    const wr_str *values = args[0]->data;
    reader_state *state = eval->state;

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t  row = wr_selection_row(&eval->live, i);
        wr_packer packer = {.bytes = state->buffer, .capacity = BUFFER_BYTES};
        bool      is_null;

        if (!wr_nested_read(&state->reader, wr_str_text(&values[row]), out->type, &packer,
                            &is_null)) {
            WR_TRY(refuse(eval, args[0], row, out, err));
        } else if (is_null) {
            wr_eval_set_null(out, row);
        } else if (packer.is_full) {
            WR_TRY(read_long(eval, args[0], row, out, err));
        } else {
            WR_TRY(wr_eval_store_text(eval, out, row, (const char *)packer.bytes, packer.used));
        }
    }
    return WR_OK;
}

const wr_function WR_CAST_TO_JSON = {
    .name = "cast", .param_count = 1, .eval = eval_to_json, .state_bytes = sizeof(writer_state)};
const wr_function WR_CAST_FROM_JSON = {.name = "cast", .param_count = 1, .flags = WR_FN_MAY_NULL,
                                       .eval = eval_from_json, .state_bytes = sizeof(reader_state)};

/* ---- Table ------------------------------------------------------------------------------------------ */

static bool resolve_to_json(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                            wr_type *out_result)
{
    (void)args, (void)arg_count, (void)args_io;
    *out_result = WR_TYPE(UTF8);
    return true;
}

static const wr_function FUNCTIONS[] = {
    {.name = "to_json", .signature = "(any) -> text", .param_count = 1, .resolve = resolve_to_json,
     .eval = eval_to_json, .state_bytes = sizeof(writer_state),
     .help = "the value as JSON: lists, structs and maps as JSON has them, texts in quotes"},
};

const wr_function_table WR_FUNCTIONS_JSON = {"nested", FUNCTIONS,
                                             sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
