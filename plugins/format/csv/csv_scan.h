/* csv_scan.h — finding separators in CSV text, 64 bytes at a time. Built per instruction set.
 *
 * Separators are delimiters and newlines that do not stand between quotes. The quoted variants
 * pair quotes up by their number alone, which is right iff every opening quote stands at the
 * start of a field: find_boundary checks that, and text that breaks it goes through the state
 * machine (csv_machine.c) instead. Buffers are readable for WR_TEXT_PAD bytes behind their end. */
#ifndef WR_BUILDING_FORMAT_CSV
#error "private to plugins/format/csv"
#endif
#ifndef WR_CSV_SCAN_H
#define WR_CSV_SCAN_H

#include <stddef.h>

#include "kernel/text_block.h"
#include "kernel/text_isa.h"

typedef struct csv_marks {
    uint8_t delimiter, newline;
    int16_t quote, escape; /* -1: none; escape == quote: quotes are doubled */
} csv_marks;

/* What one look over a chunk tells. */
typedef struct csv_survey {
    uint64_t newline_count; /* between quotes too: physical lines   */
    bool     any_special;   /* quotes, or escapes other than quotes */
    bool     any_not_ascii;
} csv_survey;

/* Positions of separators. separators[0] is the byte before the text, so field i of the first row
 * lies between separators[i] and separators[i + 1]. row_ends[r] indexes the newline of row r. */
typedef struct csv_index {
    uint32_t *separators;
    uint32_t *row_ends;
    uint32_t  separator_max, row_max; /* room is that plus CSV_INDEX_SLACK     */
    uint32_t  separator_count;        /* with separators[0]                    */
    uint32_t  row_count;
} csv_index;

enum { CSV_INDEX_SLACK = 72 };

typedef struct csv_scan_ops {
    void (*survey)(const csv_marks *marks, const uint8_t *bytes, size_t byte_count,
                   csv_survey *out_survey);

    /* Index from `from` until `end`, or until either list has reached its max (it may be passed by
     * less than the slack: ignore what is behind the last wanted row). Text starts at a record. */
    void (*index_plain)(const csv_marks *marks, const uint8_t *bytes, uint32_t from, uint32_t end,
                        csv_index *index);
    void (*index_quoted)(const csv_marks *marks, const uint8_t *bytes, uint32_t from, uint32_t end,
                         csv_index *index);

    /* Behind the last newline outside quotes (0: none), and whether the text ends between quotes.
     * False: an opening quote stands in the middle of a field, nothing is known. */
    bool (*find_boundary)(const csv_marks *marks, const uint8_t *bytes, uint32_t end,
                          uint32_t *out_boundary, bool *out_inside);
} csv_scan_ops;

WR_TEXT_DECLARE(csv_scan_ops, wr_csv_scan);

#endif
