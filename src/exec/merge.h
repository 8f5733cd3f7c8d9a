/* exec/merge.h — merges sorted inputs, in memory and on disk: a loser tree with offset-value codes.
 *
 * Each input keeps the key of its current row. A node of the tree holds the loser of its match and
 * that row's offset-value code: which digit of seven bytes is the first to differ from the key it lost
 * to, and that digit, so most matches are one integer comparison, and bytes are compared once.
 * An input on disk has a buffer for some pages. A few spare buffers serve all inputs: the spill's
 * threads fill each with the next pages of the input that will want them first, which is the one whose
 * last key in its buffer is the least (forecasting). That costs a few buffers instead of one an input.
 *
 * Invariants
 *  1. Keys of all inputs are encoded by one wr_sortkey that observed all their rows.
 *  2. Rows equal in all key columns come out in the order in which their inputs were added.
 *  3. Every code on the path of the last winner is relative to that winner's key.
 * Call order: init, add inputs, start, then take or copy until no row comes; release.
 * Threads: one at a time (callers take turns).
 * Cost: per row about 25 ns for the key and 3 ns per level of the tree.
 * Source: forecasting: Knuth, The Art of Computer Programming 3, 5.4.6. Codes: Do, Graefe, Robust and efficient sorting with offset-value coding, TODS 2022. */
#ifndef WR_EXEC_MERGE_H
#define WR_EXEC_MERGE_H

#include "exec/sort_rows.h"
#include "exec/sort_top.h"
#include "exec/sortkey.h"

enum {
    WR_MERGE_NONE = UINT32_MAX,
    WR_MERGE_SPARES_MAX = 16,
};

typedef struct wr_merge_input {
    const uint8_t *row;      /* current; NULL at the end                    */
    const uint8_t *row_end;  /* on disk: end of its page                    */
    uint8_t       *key;      /* of the current row                          */
    uint8_t       *key_room; /* where the next row's key goes               */
    bool           is_cut;   /* the key may be equal although rows are not  */

    const wr_sort_entry *entry, *entry_end; /* in memory: rows after the current one */

    wr_spill_cursor cursor; /* on disk: cursor.stream is NULL for memory */
    wr_spill       *spill;
    uint8_t        *buffer;
    uint32_t        buffer_bytes, used_bytes, page_bytes;
    struct wr_merge_spare *spare; /* that holds what comes next, or NULL */
} wr_merge_input;

/** A buffer that is being filled, or was, for an input. */
typedef struct wr_merge_spare {
    wr_spill_task   task;
    wr_merge_input *input; /* NULL: free */
    uint8_t        *buffer;
    uint32_t        used_bytes;
    wr_status       status;
    uint64_t        last; /* as in wr_merge.lasts */
    const wr_sortkey *key;
} wr_merge_spare;

typedef struct wr_merge_node {
    uint64_t code;
    uint32_t input;
} wr_merge_node;

typedef struct wr_merge {
    const wr_sortkey *key;
    wr_merge_input   *inputs;
    uint32_t          input_count, fan_in;
    wr_merge_node    *nodes;   /* nodes[0]: the winner; 1 .. input_count-1: losers */
    uint8_t          *keys;
    uint32_t          key_bytes;
    uint64_t         *lasts; /* of each input: first bytes of the last key in its buffer; UINT64_MAX:
                                nothing is to be loaded for it */
    wr_merge_spare    spares[WR_MERGE_SPARES_MAX];
    uint32_t          spare_count;
    wr_sort_top      *top;  /* wr_merge_copy leaves out what it does not keep; NULL: nothing */
} wr_merge;

/** Bytes of working space for `fan_in` inputs. */
uint64_t wr_merge_bytes(uint32_t fan_in);

/** `room`: wr_merge_bytes(fan_in), 16-aligned, borrowed until release. */
void wr_merge_init(wr_merge *merge, const wr_sortkey *key, uint32_t fan_in, void *room);
/** Afterwards no thread uses the buffers any more. */
void wr_merge_release(wr_merge *merge);

/** Sorted rows in memory, borrowed. */
void wr_merge_add_entries(wr_merge *merge, const wr_sort_entry *entries, size_t count);

/** A sorted run of row pages on disk, none of more than page_bytes. All inputs' buffers, and those of
 *  spares, have the same size, at least that. */
void wr_merge_add_run(wr_merge *merge, wr_spill_stream *stream, bool consume, void *buffer,
                      uint32_t buffer_bytes, uint32_t page_bytes);

/** A spare buffer, at most WR_MERGE_SPARES_MAX; before start. */
void wr_merge_add_spare(wr_merge *merge, void *buffer);

/** Fill the buffers and find the first winner. Errors WR_IO, WR_CORRUPT. */
wr_status wr_merge_start(wr_merge *merge, wr_error *err) WR_MUST_USE;

/** Addresses of the next rows, at most rows_max (fewer: the end). Only if all inputs are in memory.
 *  rows NULL: skip them; then inputs may be anywhere. Errors WR_IO, WR_CORRUPT */
wr_status wr_merge_take(wr_merge *merge, uint64_t rows_max, const uint8_t **rows,
                        uint64_t *out_count, wr_error *err) WR_MUST_USE;

/** Copy the next rows into `page` until it is full, rows_max are done or the end.
 *  Errors WR_IO, WR_CORRUPT */
wr_status wr_merge_copy(wr_merge *merge, wr_row_page *page, uint32_t page_bytes, uint64_t rows_max,
                        uint64_t *out_count, wr_error *err) WR_MUST_USE;

static inline bool wr_merge_is_done(const wr_merge *merge)
{
    return merge->input_count == 0 || !merge->inputs[merge->nodes[0].input].row;
}

#endif
