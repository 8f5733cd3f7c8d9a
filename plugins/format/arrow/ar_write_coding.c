/* ar_write_coding.c — dictionaries of coded columns: which columns, and the codes of their texts while rows are taken.
 *
 * A block's new values go into a node of its own, so whatever becomes of the block's rows becomes of them. When
 * there is no more room, what was given codes is forgotten, and codes go on behind it: the same text may then be
 * a value twice. In a stream the next block's values replace such a dictionary. Cost: 6 ns a text. */
#include "ar_write.h"

/* ---- Columns ------------------------------------------------------------------------------------ */

static bool is_all(const wr_text_list *list)
{
    return list->count == 1 && wr_text_equal(list->items[0], WR_TEXT("true"));
}

static bool is_none(const wr_text_list *list)
{
    return list->count == 0 || (list->count == 1 && wr_text_equal(list->items[0], WR_TEXT("false")));
}

bool wr_ar_is_coded(const wr_write_request *request, uint32_t column)
{
    const wr_text_list *list = &((const ar_write_options *)request->options)->dictionary;
    const wr_field     *field = &request->schema->fields[column];

    if (is_none(list) || !wr_type_is_text(field->type))
        return false;
    for (uint32_t i = 0; i < list->count; i++)
        if (wr_text_equal(list->items[i], field->name))
            return true;
    return is_all(list);
}

static wr_status check_name(const wr_schema *schema, wr_text name, wr_error *err)
{
    wr_suggest suggest;
    wr_status  status;

    wr_suggest_init(&suggest, name);
    for (uint32_t f = 0; f < schema->field_count; f++) {
        if (!wr_text_equal(schema->fields[f].name, name))
            wr_suggest_offer(&suggest, schema->fields[f].name);
        else if (wr_type_is_text(schema->fields[f].type))
            return WR_OK;
        else
            return WR_RAISE(err, WR_INVALID, "option 'dictionary': column '%.*s' has no texts",
                            WR_TEXT_ARG(name));
    }
    status = WR_RAISE(err, WR_INVALID, "option 'dictionary': there is no column '%.*s'", WR_TEXT_ARG(name));
    wr_suggest_append(&suggest, err);
    return status;
}

wr_status wr_ar_check_coded(const wr_write_request *request, wr_error *err)
{
    const wr_text_list *list = &((const ar_write_options *)request->options)->dictionary;

    for (uint32_t i = 0; i < list->count && !is_all(list) && !is_none(list); i++)
        WR_TRY(check_name(request->schema, list->items[i], err));
    return WR_OK;
}

/* ---- Codes -------------------------------------------------------------------------------------- */

wr_status wr_ar_code_text(ar_putter *p, ar_coding *coding, const wr_str *text, uint32_t *out_code, wr_error *err)
{
    uint32_t  known = coding->codes.count, code = wr_text_codes_find(&coding->codes, text);
    wr_packed packed;

    if (code == WR_TEXT_CODE_NONE) {
        coding->is_full = p->is_full = true;
        return WR_OK;
    }
    *out_code = coding->before + code;
    if (code < known)
        return WR_OK;
    packed = wr_packed_of(text);
    return wr_ar_put_text(p, coding->words, &packed, err);
}

/* ---- Beginning anew ----------------------------------------------------------------------------- */

/* Codes go on behind those that were given out. */
static wr_status forget(ar_coding *coding, wr_error *err)
{
    coding->before += coding->codes.count;
    wr_text_codes_reset(&coding->codes);
    coding->is_full = false;
    if (coding->before > INT32_MAX - coding->codes.count_max)
        return WR_RAISE(err, WR_DATA, "a dictionary of %u values, more than codes of 32 bits tell: write the "
                        "column without, or a stream", coding->before);
    return WR_OK;
}

wr_status wr_ar_codings_forget(ar_shared *shared, bool *out_any, wr_error *err)
{
    *out_any = false;
    for (uint32_t c = 0; c < shared->sizes.coding_count; c++)
        if (shared->putter.codings[c].is_full) {
            WR_TRY(forget(&shared->putter.codings[c], err));
            *out_any = true;
        }
    return WR_OK;
}

void wr_ar_codings_begin(const wr_write_request *request, ar_shared *shared, ar_out_block *block)
{
    bool is_file = ((const ar_write_options *)request->options)->layout == AR_LAYOUT_FILE;

    for (uint32_t c = 0; c < shared->sizes.coding_count; c++) {
        ar_coding *coding = &shared->putter.codings[c];

        block->replaces[c] = !is_file && coding->before > 0;
        if (block->replaces[c]) {
            wr_text_codes_reset(&coding->codes);
            coding->before = 0;
        }
    }
}

void wr_ar_codings_save(ar_shared *shared)
{
    for (uint32_t c = 0; c < shared->sizes.coding_count; c++) {
        shared->putter.codings[c].kept = shared->putter.codings[c].codes.count;
        shared->putter.codings[c].is_full = false;
    }
}

void wr_ar_codings_restore(ar_shared *shared)
{
    for (uint32_t c = 0; c < shared->sizes.coding_count; c++)
        wr_text_codes_take_back(&shared->putter.codings[c].codes, shared->putter.codings[c].kept);
}

wr_status wr_ar_codings_long(const wr_write_request *request, ar_shared *shared, ar_out_block *block, wr_error *err)
{
    uint32_t node = 0;

    for (uint32_t f = 0; f < request->schema->field_count; f++) {
        const ar_out_node *n = &shared->nodes[node];

        node = n->end;
        if (n->put == AR_PUT_CODES) {
            ar_coding *coding = &shared->putter.codings[n->coding];

            WR_TRY(forget(coding, err));
            block->long_row[f].code = coding->before;
            coding->before += !block->long_row[f].is_null;
        }
    }
    return WR_OK;
}
