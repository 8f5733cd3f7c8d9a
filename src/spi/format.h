/* spi/format.h — what a file format implements: infer, read in splits, write.
 *
 * A format never opens files and owns no thread: it is given an input (already decompressed and
 * transcoded) and, where the file can be read at any place, the file itself; it turns bytes into
 * batches, or batches into bytes. exec's file scan and file sinks compose file system x filters x
 * format.
 *
 * Reading has a serial and a parallel half. next_split runs under the scan's lock, in file order:
 * it takes the next piece of the input into the worker's split (text formats copy whole records;
 * binary formats note a row group). split_read runs outside the lock: it parses that split into
 * batches and touches only the split and the read-only request, so several workers parse at once
 * and rows keep their source order (split number, row in split).
 *
 * Writing comes in two kinds. Text formats write rows (wr_format_writer_ops): workers encode into
 * bytes of their own, which the sink puts in order. Columnar formats write blocks of rows
 * (wr_format_block_ops): rows are put into the open block in order; full blocks are encoded by any
 * worker, and written in order.
 *
 * Memory: everything comes from the bumps handed in, whose leases hold what the lease formulas
 * say. Formulas depend on the schema, the options and chunk_bytes, never on data.
 * Errors carry "path:line:column". Source of the split idea: Ge et al., Speculative Distributed CSV
 * Parsing (SIGMOD 2019); here the record boundary is found exactly in the serial half instead. */
#ifndef WR_SPI_FORMAT_H
#define WR_SPI_FORMAT_H

#include <stdatomic.h>

#include "base/option.h"
#include "io/input.h"
#include "io/output.h"
#include "mem/bump.h"
#include "mem/scratch.h"
#include "types/type.h"
#include "vector/vector.h"

/** One row that could not be read as the schema says. Texts are borrowed for the call. */
typedef struct wr_reject {
    wr_text  path;
    uint64_t line;        /* from 1; 0 unknown             */
    uint64_t row;         /* of the file, from 1, where it has no lines; 0 unknown */
    uint64_t byte_offset; /* of the record's first byte    */
    wr_text  column;      /* "" when the row as a whole    */
    wr_text  reason;
    wr_text  raw;         /* the record as it stands: wr_reject_raw */
    bool     is_misfit;   /* a value does not read as its type     */
    uint32_t batch_row;   /* its row of the batch that is read     */
} wr_reject;

enum { WR_REJECT_WHOLE_BYTES_MAX = 32 << 10, WR_REJECT_HEAD_BYTES = 1 << 10 };

/** What a reject shows of a record: all of it, or where it is long its first bytes. A reader's chunks are longer
 *  than what is shown whole, so that rejects do not go by where those end. */
static inline wr_text wr_reject_raw(wr_text record)
{
    return record.byte_count > WR_REJECT_WHOLE_BYTES_MAX ? wr_text_cut(record, WR_REJECT_HEAD_BYTES)
                                                         : record;
}

/** What a user wants done with bad rows. */
typedef enum wr_on_error { WR_ON_ERROR_FAIL, WR_ON_ERROR_SKIP, WR_ON_ERROR_REJECT } wr_on_error;

/** What to do with a bad row. `report` decides: WR_OK goes on without the row, else it fails. Rows of a
 *  batch are reported in their order. Safe from any worker. */
typedef struct wr_reject_sink {
    wr_status (*report)(void *self, const wr_reject *reject, wr_error *err);
    void *self;
} wr_reject_sink;

/** A simple condition that every wanted row meets, in the order of wr_value_compare; it is not met by
 *  NULL, but by IS_NULL. For passing over parts of a file whose statistics say that no row can. */
typedef enum wr_bound_op {
    WR_BOUND_EQUAL, WR_BOUND_NOT_EQUAL, WR_BOUND_LESS, WR_BOUND_LESS_EQUAL, WR_BOUND_GREATER,
    WR_BOUND_GREATER_EQUAL, WR_BOUND_IN, WR_BOUND_IS_NULL, WR_BOUND_IS_NOT_NULL
} wr_bound_op;

typedef struct wr_bound {
    uint32_t        column;      /* position in the request's columns                   */
    wr_bound_op     op;
    const wr_value *values;      /* of the column's type, not NULL; IN: in any order    */
    uint32_t        value_count; /* 1; IN: at least 1; IS_NULL, IS_NOT_NULL: 0          */
} wr_bound;

/** Which rows are wanted. `batch` has all columns of the request, of which only those in `columns`
 *  are looked at (the others may be uninitialised); *out_selection narrows batch->selection and
 *  stays good until the next call, which may be for fewer rows of the same batch. Errors: of the expression,
 *  with the row's place. */
typedef struct wr_row_filter {
    const uint32_t *columns;     /* positions in the request's columns, ascending */
    uint32_t        column_count;
    wr_status (*select)(void *self, const wr_batch *batch, wr_selection *out_selection,
                        wr_error *err);
    void *self;
} wr_row_filter;

/** Everything that is fixed for a scan before it starts; read-only while it runs. */
typedef struct wr_read_request {
    const void      *options;       /* the format's option struct, dialect resolved by infer */
    const wr_schema *schema;        /* all columns of the source, declared or inferred       */
    const uint32_t  *columns;       /* which of them the plan wants, in output order         */
    uint32_t         column_count;
    uint32_t         batch_rows;    /* at most this many rows a batch, <= WR_BATCH_ROWS_MAX  */
    uint32_t         chunk_bytes;   /* text formats: bytes a split may take                  */
    uint64_t         blob_bytes_min; /* a value at least this long may become a blob handle  */
    bool             count_rows;    /* split->first_row must be exact (row-number column)    */
    bool             by_name;       /* a file that lacks a column has NULL there             */
    wr_reject_sink   rejects;
    wr_scratch      *scratch;       /* disk for what does not fit memory; may be NULL        */
    const wr_bound  *bounds;        /* hints, from the filter                                */
    uint32_t         bound_count;
    wr_row_filter    filter;        /* select NULL: all rows are wanted. Only for formats that
                                       take filters, which unselect what it leaves out       */
} wr_read_request;

/** How a format reads a file, and how long its state is needed. */
typedef enum wr_access {
    WR_ACCESS_STREAM, /* in order; nothing of it once the serial half is at its end                */
    WR_ACCESS_SHARED, /* in order, or at any place if it can be; splits refer to the file state: it
                         stays, as the file does, until the last of them was read                  */
    WR_ACCESS_RANDOM, /* as SHARED, at any place only: streams and compressed files are refused    */
} wr_access;

/** One file being read. The format's file state begins with it. Serial half only, but for `raw`. */
typedef struct wr_file_reader {
    wr_input      *input;           /* closed by the scan, not by the format; NULL if RANDOM */
    wr_fs_reader  *raw;             /* the same file, for random access from any thread; NULL for
                                       streams and compressed input                          */
    wr_text        path;
    uint32_t       file_index;
    uint64_t       next_row;        /* rows (records) before the next split, if count_rows   */
    uint64_t       consumed_bytes;  /* RANDOM: of the file, for progress                     */
} wr_file_reader;

/** One worker's split. The format's split state begins with it. */
typedef struct wr_split {
    wr_text  path;                  /* copied pointer, plan lifetime                         */
    uint32_t file_index;
    uint64_t number;                /* of this split in the whole scan: set by the scan       */
    uint64_t first_row;             /* row number in its file of row 0, from 0, if count_rows */
    uint64_t byte_offset;           /* of the split in its (decompressed) file                */
    uint64_t row_base;              /* rows of this split before the current batch, kept by the format:
                                       row r of the batch is row first_row + row_base + r of its file,
                                       so rejected rows are counted (left unselected, or by ending
                                       the batch before them); below 2^24 in all              */
} wr_split;

typedef struct wr_format_reader_ops {
    uint32_t file_bytes;            /* size of the format's file state  */
    uint32_t split_bytes;           /* size of the format's split state */
    bool     takes_filter;          /* split_read applies the request's filter      */
    bool     takes_paths;           /* its records are objects: a declared column may lie inside one */
    bool     takes_ids;             /* its files number columns: a declared one may be told by that  */
    wr_access access;

    /** Do the options fit each other? WR_INVALID says what does not. May be NULL. */
    wr_status (*check)(const void *options, wr_error *err);

    /** Look at a bounded sample of a file (and its header); settle what `options` leaves open
     *  (dialect) inside `options`, and give the schema, in `bump`. `declared` (may be NULL) fixes
     *  names and types of columns that are not to be inferred. `full`: read it all. A column without
     *  a value has the type Null, a file without a record no columns: the caller looks further.
     *  `file` is a bare wr_file_reader. */
    wr_status (*infer)(void *options, const wr_schema *declared, const wr_file_reader *file,
                       bool full, wr_bump *bump, wr_schema *out_schema, wr_error *err);

    /** Memory of one file state / of one worker's split. */
    uint64_t (*file_lease_min)(const wr_read_request *request);
    uint64_t (*split_lease_min)(const wr_read_request *request);

    /** Begin a file: read its header, check it against the schema. */
    wr_status (*file_open)(const wr_read_request *request, wr_file_reader *file, wr_bump *bump,
                           wr_error *err);
    wr_status (*split_init)(const wr_read_request *request, wr_split *split, wr_bump *bump,
                            wr_error *err);
    /** Serial half: take the next piece. *out_done: the file had no more and nothing was taken. */
    wr_status (*next_split)(const wr_read_request *request, wr_file_reader *file, wr_split *split,
                            bool *out_done, wr_error *err);
    /** Parallel half: the next batch of the split (columns as request->columns); *out_end with or
     *  after the last. `out` borrows the split's memory until the next call. */
    wr_status (*split_read)(const wr_read_request *request, wr_split *split, wr_batch *out,
                            bool *out_end, wr_error *err);
    /** Where row `row` of the last batch stands: fills path, line, byte_offset, raw. Slow, for messages. */
    void (*describe_row)(const wr_read_request *request, const wr_split *split, uint32_t row,
                         wr_reject *out_place);
} wr_format_reader_ops;

/** Bytes being collected for the output. */
typedef struct wr_bytes {
    uint8_t *data;
    size_t   used, capacity;
} wr_bytes;

typedef struct wr_write_request {
    const void      *options;
    const wr_schema *schema;
    uint32_t         block_bytes; /* columnar formats: about so much of the columns' values in memory
                                     at a time, for one block                                */
    wr_scratch      *scratch;     /* disk for what does not fit memory; may be NULL          */
} wr_write_request;

typedef struct wr_format_writer_ops {
    uint32_t local_bytes;           /* size of one worker's state, zeroed by the caller */

    /** As the reader's. */
    wr_status (*check)(const void *options, wr_error *err);

    /** Fixed part of one worker's memory (the output buffer is the sink's). */
    uint64_t (*local_lease_min)(const wr_write_request *request);
    wr_status (*local_init)(const wr_write_request *request, void *local, wr_bump *bump,
                            wr_error *err);
    /** What stands before the first and after the last row (header line, "[" ...). */
    wr_status (*begin)(const wr_write_request *request, wr_bytes *out, wr_error *err);
    wr_status (*end)(const wr_write_request *request, wr_bytes *out, wr_error *err);
    /** Every row but the first of a file begins with so many bytes that the first one must not have (a
     *  comma): encode writes them for all rows, the sink drops the first. NULL: none. */
    uint32_t (*lead_bytes)(const wr_write_request *request);
    /** Encode selected rows from the *io_next-th on until `out` is full or the batch is done
     *  (*io_next == selected rows). A row may be cut anywhere: the rest of it comes with the next
     *  call (long values stream through a small buffer). Parallel: order is the sink's business. */
    wr_status (*encode)(const wr_write_request *request, void *local, const wr_batch *batch,
                        uint32_t *io_next, wr_bytes *out, wr_error *err);
} wr_format_writer_ops;

/** Columnar formats. States are sized here, zeroed by the caller, and begin as these say.
 * Call order   shared_init, begin; block_init of every block, encoder_init of every worker; then
 *              take..., encode and write of every block; the last one may be partly filled; end.
 * Threads      take: one at a time, in the order of rows. encode: any number at once, each with its own
 *              block and encoder. write: one at a time, in the order of blocks; beside take and encode.
 * Determinism  what is written depends on rows, schema, options and block_bytes only. */
typedef struct wr_format_block_ops {
    uint32_t shared_bytes, block_bytes, encoder_bytes;

    /** As the reader's. */
    wr_status (*check)(const void *options, wr_error *err);

    /** What all blocks share (dictionaries, what the footer will say); one block's rows; one worker's
     *  codec workspace. */
    uint64_t (*shared_lease_min)(const wr_write_request *request);
    uint64_t (*block_lease_min)(const wr_write_request *request);
    uint64_t (*encoder_lease_min)(const wr_write_request *request);
    wr_status (*shared_init)(const wr_write_request *request, void *shared, wr_bump *bump,
                             wr_error *err);
    wr_status (*block_init)(const wr_write_request *request, void *shared, void *block,
                            wr_bump *bump, wr_error *err);
    wr_status (*encoder_init)(const wr_write_request *request, void *encoder, wr_bump *bump,
                              wr_error *err);
    /** What stands before the first row. */
    wr_status (*begin)(const wr_write_request *request, void *shared, wr_output *output,
                       wr_error *err);
    /** Put selected rows from the *io_next-th on into the block. *out_full: it takes no more (rows may
     *  be left over for the next one); a block that took a row ends up with at least one. */
    wr_status (*take)(const wr_write_request *request, void *shared, void *block,
                      const wr_batch *batch, uint32_t *io_next, bool *out_full, wr_error *err);
    /** Turn the block's rows into bytes (in the block's memory, or in scratch space), or a part of
     *  them, about a page: *out_more, false at first, asks for another call, with whichever encoder.
     *  So that who encodes while it waits for its turn need not let others wait when that comes. */
    wr_status (*encode)(const wr_write_request *request, void *shared, void *block, void *encoder,
                        bool *out_more, wr_error *err);
    /** Write the block (or keep it until more belong to it) and empty it. */
    wr_status (*write)(const wr_write_request *request, void *shared, void *block,
                       wr_output *output, wr_error *err);
    /** What stands behind the last row: what was kept until now, footers. */
    wr_status (*end)(const wr_write_request *request, void *shared, void *encoder,
                     wr_output *output, wr_error *err);
} wr_format_block_ops;

typedef struct wr_format {
    uint32_t             struct_bytes;   /* sizeof(wr_format) where it was built             */
    const char          *name;           /* "csv"                                            */
    const char          *summary;        /* one line for --help and the reference            */
    const char          *endings;        /* blank-separated, without dot: "csv tsv"          */
    const wr_option_def *read_options;   /* ends with a nameless entry                       */
    uint32_t             read_options_bytes;
    const wr_option_def *write_options;
    uint32_t             write_options_bytes;
    /** Defaults that depend on the path's ending (.tsv is tab-separated), or on the ending alone if the
     *  step names its format by it; before user options. NULL: none. */
    void (*adjust)(void *read_or_write_options, wr_text path);
    const wr_format_reader_ops *reader;  /* NULL: cannot be read, or not built in            */
    const wr_format_writer_ops *writer;  /* of rows, or ...                                  */
    const wr_format_block_ops  *block_writer; /* ... of blocks; both NULL: cannot be written  */
} wr_format;

#endif
