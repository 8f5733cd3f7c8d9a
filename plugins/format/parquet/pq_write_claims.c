/* pq_write_claims.c — are the rows in the order that sorted_by tells readers, and without NULL where the
 * schema says so? Readers believe it.
 *
 * Every row is compared with the one before, key by key, as values compare everywhere; so are the first
 * bytes of long texts, and where those are the same the rows pass.
 * Invariant: of the row before, all keys are kept. Cost: some 20 ns a row and key, in take. */
#include "pq_write.h"

#include <string.h>

void wr_pq_sort_layout(const pq_write_options *options, pq_sort *sort, wr_carver *carver)
{
    sort->keys = wr_carve(carver, options->sorted_by.count * sizeof(pq_sort_key));
}

void wr_pq_sort_begin(const pq_write_options *options, const wr_schema *schema, pq_sort *sort)
{
    sort->key_count = options->sorted_by.count;
    sort->row_count = 0;
    for (uint32_t k = 0; k < sort->key_count; k++) {
        pq_sort_key *key = &sort->keys[k];

        key->sorted = wr_pq_write_sorted(options->sorted_by.items[k]);
        for (key->column = 0; !wr_text_equal(schema->fields[key->column].name, key->sorted.column);)
            key->column++;
    }
}

/* The value of a row; of a long text what is compared. */
static wr_value take_value(const wr_vector *vector, uint32_t row, bool *out_is_cut)
{
    bool     is_text = wr_type_physical(vector->type) == WR_PHYS_STR;
    wr_value value = {.type = vector->type, .is_null = true};

    *out_is_cut = false;
    if (!wr_vector_is_valid(vector, row))
        return value;
    if (is_text && wr_str_is_blob(wr_vector_at(vector, row))) {
        const wr_str *text = wr_vector_at(vector, row);

        *out_is_cut = true;
        return (wr_value){.type = vector->type, .text = {text->prefix, sizeof text->prefix}};
    }
    value = wr_vector_value(vector, row);
    if (is_text && value.text.byte_count > PQ_SORT_TEXT_BYTES) {
        *out_is_cut = true;
        value.text.byte_count = PQ_SORT_TEXT_BYTES;
    }
    return value;
}

/* Below 0: `value` must not stand behind the key's last one; 0: they are the same. */
static int compare(const pq_sort_key *key, const wr_value *value, bool is_cut)
{
    const wr_value *last = &key->last;
    int             order;

    if (value->is_null || last->is_null) {
        order = (int)value->is_null - (int)last->is_null;
        return key->sorted.is_nulls_first ? -order : order;
    }
    if (is_cut || key->is_cut) {
        size_t least = value->text.byte_count < last->text.byte_count ? value->text.byte_count
                                                                      : last->text.byte_count;

        order = memcmp(value->text.bytes, last->text.bytes, least);
        if (order == 0)
            return 1; /* nobody knows */
    } else {
        order = wr_value_compare(value, last);
    }
    return key->sorted.is_descending ? -order : order;
}

static void keep(pq_sort_key *key, const wr_value *value, bool is_cut)
{
    key->last = *value;
    key->is_cut = is_cut;
    if (!value->is_null && wr_type_physical(value->type) == WR_PHYS_STR) {
        if (value->text.byte_count > 0)
            memcpy(key->text, value->text.bytes, value->text.byte_count);
        key->last.text.bytes = key->text;
    }
}

static wr_status take_row(pq_sort *sort, const wr_batch *batch, uint32_t row, wr_error *err)
{
    bool is_behind = sort->row_count == 0;

    for (uint32_t k = 0; k < sort->key_count; k++) {
        pq_sort_key *key = &sort->keys[k];
        bool          is_cut;
        wr_value      value = take_value(&batch->columns[key->column], row, &is_cut);
        int           sign = is_behind ? 1 : compare(key, &value, is_cut);

        if (sign < 0)
            return WR_RAISE(err, WR_DATA, "option 'sorted_by': row %llu is not behind row %llu by '%.*s': put a "
                            "sort before the sink, or leave the option out",
                            (unsigned long long)sort->row_count + 1, (unsigned long long)sort->row_count,
                            WR_TEXT_ARG(key->sorted.column));
        is_behind = is_behind || sign > 0;
        keep(key, &value, is_cut);
    }
    sort->row_count++;
    return WR_OK;
}

wr_status wr_pq_sort_take(pq_sort *sort, const wr_batch *batch, uint32_t first, uint32_t count,
                          wr_error *err)
{
    if (sort->key_count == 0) {
        sort->row_count += count;
        return WR_OK;
    }
    for (uint32_t i = first; i < first + count; i++)
        WR_TRY(take_row(sort, batch, wr_selection_row(&batch->selection, i), err));
    return WR_OK;
}

wr_status wr_pq_required_check(const wr_schema *schema, const wr_batch *batch, uint32_t first,
                               uint64_t row_count, wr_error *err)
{
    for (uint32_t c = 0; c < schema->field_count; c++) {
        const wr_vector *column = &batch->columns[c];

        if (!wr_pq_is_required(&schema->fields[c]) || !wr_vector_may_have_null(column))
            continue;
        for (uint32_t i = first; i < wr_batch_rows(batch); i++)
            if (!wr_vector_is_valid(column, wr_selection_row(&batch->selection, i)))
                return WR_RAISE(err, WR_DATA, "column '%.*s' is one without NULL, but row %llu has it",
                                WR_TEXT_ARG(schema->fields[c].name), (unsigned long long)(row_count + 1 + i - first));
    }
    return WR_OK;
}
