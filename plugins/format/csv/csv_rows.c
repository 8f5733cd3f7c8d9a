/* csv_rows.c — from separators to rows: blank lines and comments left out, field counts checked. */
#include <string.h>

#include "base/bits.h"
#include "csv_priv.h"
#include "kernel/text_utf8.h"

void wr_csv_mark_bad(csv_split *split, uint32_t row, csv_fault fault, uint32_t detail)
{
    if (wr_bit_get(split->bad_rows, row))
        return;
    wr_bit_set(split->bad_rows, row);
    split->bad[row] = (csv_bad_row){fault, detail};
    split->bad_count++;
}

static void index_from(csv_split *split, uint32_t from)
{
    const csv_marks *marks = &split->dialect.marks;

    if (split->is_plain)
        split->scan->index_plain(marks, split->chunk, from, split->end, &split->index);
    else if (split->is_rfc)
        split->scan->index_quoted(marks, split->chunk, from, split->end, &split->index);
    else
        wr_csv_machine_index(&split->dialect, split->chunk, from, split->end, &split->index);
}

/* A row with more separators than the index has room for: find its end, count its fields. */
static void take_endless_row(csv_split *split)
{
    csv_index *index = &split->index;
    uint32_t   field_count = 0, start = split->next;

    while (index->row_count == 0) {
        wr_assert(index->separator_count > 1, "a chunk ends with the end of a record");
        field_count += index->separator_count - 1;
        index_from(split, index->separators[index->separator_count - 1] + 1);
    }
    field_count += index->row_ends[0];
    index->separators[1] = index->separators[index->row_ends[0]];
    index->separators[0] = start - 1;
    split->firsts[0] = 0;
    split->ends[0] = 1;
    split->row_count = 1;
    split->next = index->separators[1] + 1;
    wr_csv_mark_bad(split, 0, CSV_FIELD_COUNT, field_count);
}

/* Are the fields from separator `from` to `last`, the end of the row, all empty? */
static bool are_empty(const csv_split *split, uint32_t from, uint32_t last)
{
    const uint32_t *separators = split->index.separators;

    for (uint32_t i = from; i < last; i++) {
        uint32_t  start = separators[i] + 1, end = separators[i + 1];
        csv_field field;

        if (i + 1 == last && end > start && split->chunk[end - 1] == '\r' &&
            split->dialect.marks.newline == '\n')
            end--;
        field = wr_csv_field_of(&split->dialect, split->chunk, start, end, false);
        if (field.quoted || field.end > field.start)
            return false;
    }
    return true;
}

typedef enum row_kind { ROW_FINE, ROW_SKIPPED, ROW_UNEVEN, ROW_BAD } row_kind;

/* A row that does not have the usual number of fields, or any row where comments may be. */
static row_kind classify_row(const csv_split *split, uint32_t first, uint32_t last)
{
    const uint32_t *separators = split->index.separators;
    uint32_t        start = separators[first] + 1, end = separators[last];
    uint32_t        field_count = last - first;

    if (start < end && split->chunk[start] == split->dialect.comment)
        return ROW_SKIPPED;
    if (field_count == split->field_count)
        return ROW_FINE;
    if (start == end || (start + 1 == end && split->chunk[start] == '\r'))
        return ROW_SKIPPED;
    if (!split->dialect.pad)
        return ROW_BAD;
    if (field_count < split->field_count)
        return ROW_UNEVEN;
    return are_empty(split, first + split->field_count, last) ? ROW_UNEVEN : ROW_BAD;
}

/* List the rows of the index that count. */
static void list_rows(csv_split *split, uint32_t row_max)
{
    csv_index *index = &split->index;
    uint32_t   found = index->row_count < row_max ? index->row_count : row_max;
    bool       look = split->dialect.comment >= 0;
    uint32_t   first = 0, kept = 0;

    for (uint32_t r = 0; r < found; r++) {
        uint32_t last = index->row_ends[r];

        split->firsts[kept] = first;
        split->ends[kept] = last;
        if (WR_UNLIKELY(last - first != split->field_count || look)) {
            row_kind kind = classify_row(split, first, last);

            if (kind == ROW_BAD)
                wr_csv_mark_bad(split, kept, CSV_FIELD_COUNT, last - first);
            split->any_uneven |= kind == ROW_UNEVEN;
            kept -= kind == ROW_SKIPPED;
        }
        kept++;
        first = last;
    }
    split->row_count = kept;
    split->next = index->separators[first] + 1;
}

static void check_utf8(csv_split *split)
{
    for (uint32_t row = 0; row < split->row_count; row++) {
        uint32_t start = wr_csv_row_start(split, row), end = wr_csv_row_end(split, row);

        if (!wr_utf8_is_valid(split->chunk + start, end - start))
            wr_csv_mark_bad(split, row, CSV_NOT_UTF8, 0);
    }
}

void wr_csv_find_rows(csv_split *split, uint32_t row_max)
{
    if (split->bad_count > 0)
        memset(split->bad_rows, 0, wr_bit_words(row_max) * sizeof(uint64_t));
    split->bad_count = 0;
    split->any_uneven = false;
    split->row_count = 0;
    while (split->row_count == 0 && split->next < split->end) {
        index_from(split, split->next);
        if (split->index.row_count == 0)
            take_endless_row(split);
        else
            list_rows(split, row_max);
    }
    if (split->check_utf8)
        check_utf8(split);
}
