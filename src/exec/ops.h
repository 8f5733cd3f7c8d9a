/* exec/ops.h — every operator: its plan struct (what the planner fills in) and its vtable.
 *
 * Plan structs are read-only, live in the plan pool and hold no names, only positions: column i of
 * the operator's input. The planner builds them; `lease_min` of an operator depends on nothing
 * else. One operator is one op_<name>.c file plus one block here. */
#ifndef WR_EXEC_OPS_H
#define WR_EXEC_OPS_H

#include "exec/operator.h"
#include "exec/pipeline.h"
#include "expr/aggregate.h"
#include "expr/operators.h"
#include "expr/window.h"
#include "io/head.h"
#include "spi/format.h"

/* ---- Sources --------------------------------------------------------------------------------- */

/** File scan: composes file system x filters x format over a list of files; splits are morsels.
 *
 * Output columns: the request's columns, then the hidden or virtual ones that are asked for. */
typedef struct wr_plan_file_scan {
    const wr_format       *format;
    const wr_read_request *request;
    wr_fs                 *fs;
    const wr_text         *paths;        /* in source order; "-" is standard input            */
    const wr_head         *head;         /* what was read of a stream already                 */
    uint32_t               path_count;
    wr_codec               codec;
    uint64_t               input_bytes;  /* memory of an opened input; 0: wr_input_lease_min(codec) */
    wr_encoding_name       encoding;
    const wr_program      *filter;         /* over the request's columns; only if the format takes
                                              filters; its columns stand in the request; or NULL */
    uint32_t               filter_heap_bytes;
    const wr_field        *partitions;     /* columns whose values stand in the paths (types/hive.h) */
    uint32_t               partition_count;
    bool                   add_filename;   /* Utf8: path                                      */
    bool                   add_row_number; /* Int64: row in its file, from 1                  */
    wr_on_error            on_error;
    uint64_t               errors_max;     /* more rejects than this fail the run             */
    wr_fs                 *reject_fs;
    wr_text                reject_path;    /* CSV of rejects: file,line,byte_offset,column,reason,raw */
} wr_plan_file_scan;
extern const wr_source_ops WR_FILE_SCAN;

/** generate: `row_count` rows, expressions over one Int64 column i (0, 1, 2 ...). */
typedef struct wr_plan_generate {
    uint64_t          row_count;
    uint64_t          seed;         /* of the random functions                                 */
    const wr_program *program;      /* input: one Int64 column; outputs: the columns           */
    uint32_t          heap_bytes;   /* string results per worker, at least a page              */
    const wr_schema  *schema;       /* of the output                                           */
    uint32_t          morsel_rows;
} wr_plan_generate;
extern const wr_source_ops WR_GENERATE;

/* ---- Transforms ------------------------------------------------------------------------------ */

typedef struct wr_plan_filter {
    const wr_program *predicate;
    uint32_t          heap_bytes;   /* string results per worker, at least a page */
} wr_plan_filter;
extern const wr_transform_ops WR_FILTER;

/** project, map: output column i = program output i (plain column references cost nothing). */
typedef struct wr_plan_project {
    const wr_program *program;
    const wr_schema  *schema;       /* of the output */
    uint32_t          heap_bytes;   /* string results per worker, at least a page */
} wr_plan_project;
extern const wr_transform_ops WR_PROJECT;

/** position: appends a hidden UInt64 column that orders rows as an ordered pipeline delivers them:
 *  morsel << 32 | row within the morsel's output. */
typedef struct wr_plan_position {
    uint32_t column_count;          /* of the input */
} wr_plan_position;
enum { WR_POSITION_ROW_BITS = 32 };
extern const wr_transform_ops WR_POSITION;

/** repeat: every row as often as its Int64 column `count_column` says (NULL: not at all), which
 *  becomes the number of the copy, from 0. */
typedef struct wr_plan_repeat {
    uint32_t column_count;          /* of the input */
    uint32_t count_column;
} wr_plan_repeat;
extern const wr_transform_ops WR_REPEAT;

/** unnest: one row for each element of a list, each entry of a map, each piece of a text between
 *  delimiters; of several side by side, and the shorter ones are filled up with NULL. Output: the
 *  `kept` columns of the input, then `outputs`. A row without an element gives no row, with `outer`
 *  one of NULLs. */
enum { WR_UNNEST_VALUES_MAX = 64 };
typedef struct wr_unnest_value {
    uint32_t column;                /* of the input                                       */
    wr_type  type;                  /* List, Map; Utf8 if there is a delimiter            */
    wr_text  delimiter;
} wr_unnest_value;

typedef struct wr_unnest_output {
    uint32_t value;                 /* NONE: the element's number, from 1, Int64           */
    uint32_t member;                /* of elements that are structs; NONE: the element      */
    wr_type  type;
} wr_unnest_output;

typedef struct wr_plan_unnest {
    const uint32_t         *kept;
    uint32_t                kept_count;
    const wr_unnest_value  *values;
    uint32_t                value_count;
    const wr_unnest_output *outputs; /* in order of values, then members; the number last   */
    uint32_t                output_count;
    bool                    outer;
} wr_plan_unnest;
extern const wr_transform_ops WR_UNNEST;

/** draw: appends two Int64 columns: the row's place in the (ordered) pipeline, from 0, and a number
 *  from 0 to 2^63 - 1 that depends on the place and the seed only. */
typedef struct wr_plan_draw {
    uint32_t column_count;          /* of the input */
    uint64_t seed;
} wr_plan_draw;
extern const wr_transform_ops WR_DRAW;

/** limit by source position, streaming, with early stop (the pipeline must be order-preserving). */
typedef struct wr_plan_limit {
    uint64_t offset_rows, rows_max;
} wr_plan_limit;
extern const wr_transform_ops WR_LIMIT;

/* ---- Breakers: sink + the source that reads its state ------------------------------------------ */

/** sort: normalised keys, runs, loser-tree merge with range splits; any types; stable through the
 *  hidden position keys that the planner appends (wr_plan_sort.keys). rows_max != UINT64_MAX: top-N. */
typedef struct wr_sort_key {
    uint32_t column;
    bool     descending;
    bool     nulls_first;
} wr_sort_key;

typedef struct wr_plan_sort {
    const wr_type     *types;       /* of the input columns */
    uint32_t           column_count;
    const wr_sort_key *keys;
    uint32_t           key_count;
    uint32_t           output_count; /* the first columns are put out; hidden keys behind are dropped */
    uint64_t           offset_rows, rows_max; /* rows_max UINT64_MAX: all */
} wr_plan_sort;
extern const wr_sink_ops   WR_SORT;
extern const wr_source_ops WR_SORT_READ;   /* plan: the same wr_plan_sort */

/** spool: rows kept in source order, read any number of times (a step that several steps read). */
typedef struct wr_plan_spool {
    const wr_type *types;
    uint32_t       column_count;
    bool           ordered;         /* keep source order: needs a position column last, dropped on output */
} wr_plan_spool;
extern const wr_sink_ops   WR_SPOOL;
extern const wr_source_ops WR_SPOOL_READ;

/** aggregate: columns of the input are [group keys..., aggregate arguments..., filters...]. */
typedef struct wr_agg {
    wr_agg_kind kind;
    uint32_t    argument;   /* input column; WR_FIELD_NONE for count(*)                       */
    uint32_t    order;      /* ARG_MIN, ARG_MAX: the ordering column; else WR_FIELD_NONE      */
    uint32_t    filter;     /* BOOL input column: only rows where it is true; or NONE         */
    bool        distinct;   /* count/sum/avg(DISTINCT x): the planner puts a de-duplicating
                               aggregate below instead; here always false                     */
    wr_type     argument_type, order_type, result_type;
    double      fraction;   /* APPROX_QUANTILE                                                */
    uint32_t    values_max; /* COUNTMIN_FREQUENT                                              */
} wr_agg;

typedef struct wr_plan_aggregate {
    const wr_type *types;           /* of the input columns */
    uint32_t       column_count;
    uint32_t       key_count;       /* the first columns are the group keys; 0: one group     */
    const wr_agg  *aggs;
    uint32_t       agg_count;
    uint32_t       position;        /* UInt64 source position column, or NONE: ties of first, last,
                                       any_value, arg_min, arg_max go by it                    */
    uint64_t       groups_expected; /* estimate, 0 unknown: sizes tables, never decides answers */
    bool           gives_states;    /* output: one more UInt64 column, the address of the states of
                                       the row's group, good for as long as the batch is           */
    bool           takes_states;    /* input: keys, then such addresses. The states are merged: aggs
                                       and position are those of the plan that gave them           */
} wr_plan_aggregate;
extern const wr_sink_ops   WR_AGGREGATE;
extern const wr_source_ops WR_AGGREGATE_READ; /* output: keys, then one column per aggregate,
                                                 then (if position is given) the group's least position */

/** expand: every row once for each of several grouping sets, keys that are not in the set NULL.
 *
 * A grouping set is a number: bit k is 1 if key k is absent. Output columns: the keys in `keys`, the
 * number of the set (Int64) if `puts_set`, then the input columns in `others`. */
typedef struct wr_expand_copy {
    uint64_t from; /* only rows of this set, if the input has a column of sets */
    uint64_t set;
} wr_expand_copy;

typedef struct wr_expand_key {
    uint32_t column; /* of the input            */
    uint32_t number; /* which bit of a set it is */
} wr_expand_key;

typedef struct wr_plan_expand {
    const wr_expand_copy *copies;
    uint32_t              copy_count;
    const wr_expand_key  *keys;
    uint32_t              key_count;
    bool                  puts_set;
    const uint32_t       *others;
    uint32_t              other_count;
    uint32_t              set_column; /* Int64 column of the input: each row's set; or NONE */
} wr_plan_expand;
extern const wr_transform_ops WR_EXPAND;

/** ordered aggregate: groups are sorted by (keys, value) and read in this order, for aggregates that
 *  need all values of a group (wr_agg_is_ordered); string_agg and list by (keys, their own order, position). Columns
 *  of the input are [group keys..., value, what else orders...], then the UInt64 source position if it
 *  is given. Output: keys, one column per aggregate, then (if position
 *  is given) the group's least position; groups come in order of their keys. */
typedef struct wr_ordered_agg {
    wr_agg_kind kind;      /* COUNT: of distinct values */
    wr_type     result_type;
    double      fraction;  /* quantiles: 0 to 1 */
    bool        descending; /* quantiles: from the greatest value down */
    wr_text     separator; /* string_agg        */
} wr_ordered_agg;

typedef struct wr_plan_ordered {
    const wr_type        *types;       /* of the input columns                            */
    uint32_t              column_count;
    uint32_t              key_count;   /* column key_count is the value                   */
    const wr_sort_key    *sort_keys;   /* group keys, then what orders each group         */
    bool                  by_value;    /* that is the value, nulls last                   */
    uint32_t              sort_key_count;
    const wr_ordered_agg *aggs;
    uint32_t              agg_count;
    uint32_t              filter;      /* list: BOOL column, true where a row counts; or NONE */
    uint32_t              position;    /* column, or NONE                                 */
} wr_plan_ordered;
extern const wr_sink_ops   WR_ORDERED;
extern const wr_source_ops WR_ORDERED_READ;

/** The same plan and output for one group of values of at most eight bytes, which are cut into ranges
 *  instead of being sorted as rows; not for all aggregates (wr_values_can). */
bool wr_values_can(const wr_plan_ordered *plan);
extern const wr_sink_ops   WR_VALUES;
extern const wr_source_ops WR_VALUES_READ;

/** The same plan and output for one string_agg or list of all rows in the order of the pipeline, which
 *  must be an ordered one: no keys, no position, the value is column 0. */
extern const wr_sink_ops   WR_TEXTS;
extern const wr_source_ops WR_TEXTS_READ;

/** The rows that are wanted of every group of equal leading columns: those whose number, rank or dense
 *  rank in it is at most rank_max. Others may go, but need not. */
typedef struct wr_plan_top {
    wr_window_kind kind;        /* ROW_NUMBER, RANK, DENSE_RANK                      */
    uint64_t       rank_max;    /* 0: all rows are wanted                            */
    uint32_t       group_count; /* leading columns                                   */
    uint32_t       key_count;   /* leading columns: rows that are equal in them tie  */
} wr_plan_top;

/** Functions of one window: the leading columns that tell partitions, and peers. */
typedef struct wr_window_scope {
    uint32_t partition_count, key_count;
} wr_window_scope;

/** window: rows sorted by partition and order keys, then functions over the rows around each.
 *
 * Columns of the input are [partition keys, order keys, what else is put out or looked at, the rest
 * that only the sort needs]; the first `kept_count` are read after sorting. Output: the columns in
 * `outputs`, then one column a function, rows in sorted order. */
typedef struct wr_window_frame {
    uint32_t          scope;
    wr_frame          frame;        /* this is a part of it if it excludes rows: it then starts ... */
    wr_frame_bound    least, most;  /* ... not before the one, and ends not behind the other      */
    wr_plan_aggregate aggs;  /* over kept columns; key_count 0; position is column kept_count or NONE */
    uint32_t          range_keys[2];   /* RANGE, start and end: kept column of the order key ...  */
    uint32_t          range_values[2]; /* ... and of its value at the bound, of the same type     */
} wr_window_frame;

/** A frame that excludes rows is made of parts: before them, the current row (TIES), behind them. */
enum { WR_WINDOW_PARTS = 3 };

/** A row that values are taken from. */
typedef struct wr_window_point {
    wr_window_kind kind;   /* LAG, LEAD, FIRST_VALUE, LAST_VALUE, NTH_VALUE */
    int64_t        offset; /* LAG, LEAD: rows; NTH_VALUE: from 1            */
    uint32_t       frame;  /* not LAG, LEAD                                 */
    uint32_t       earlier[WR_WINDOW_PARTS - 1]; /* NTH_VALUE: frames whose rows count before, or NONE */
    uint32_t       scope;
    uint32_t       nulls;  /* IGNORE NULLS: kept column whose nulls do not count, else NONE */
} wr_window_point;

/** A quantile, a mode or a count of distinct values of at most eight bytes over a frame that moves. */
typedef struct wr_window_values {
    wr_plan_ordered aggregate;            /* of one group and one aggregate, of these columns: the value */
    uint32_t        argument;             /* kept column                                                 */
    uint32_t        part_count, frames[WR_WINDOW_PARTS]; /* of the frame                                 */
} wr_window_values;

typedef struct wr_window {
    wr_window_kind kind;
    uint32_t       scope;
    uint32_t       part_count; /* of the frame: 1 if it excludes nothing                         */
    uint32_t       frames[WR_WINDOW_PARTS]; /* PERCENT_RANK, NTILE: the whole partition; CUME_DIST:
                                up to the peers; AGGREGATE, a part each; else NONE                */
    uint32_t       agg;      /* AGGREGATE: its place in frame's aggs ...                          */
    const wr_window_values *values; /* ... unless it is one of the plan's values                  */
    uint32_t       total;    /* CUME_DIST: the frame that is the whole partition                  */
    uint32_t       points[WR_WINDOW_PARTS]; /* of those that take values, a part each             */
    uint32_t       argument; /* of those: kept column                                             */
    uint32_t       fallback; /* LAG, LEAD: kept column of the default, or NONE                    */
    int64_t        offset;   /* NTILE: buckets                                                    */
    wr_type        type;
} wr_window;

typedef struct wr_plan_window {
    const wr_type         *types;       /* of the input columns */
    uint32_t               column_count;
    const wr_sort_key     *keys;        /* partition, order, position */
    uint32_t               key_count;
    uint32_t               kept_count;
    wr_window_scope        scopes[WR_WINDOW_SCOPES_MAX]; /* the keys serve all of them */
    uint32_t               scope_count;
    wr_plan_top            top;         /* of the partitions */
    const uint32_t        *outputs;
    uint32_t               output_count;
    const wr_window_frame *frames;
    uint32_t               frame_count;
    const wr_window_point *points;
    uint32_t               point_count;
    const wr_window_values *values;
    uint32_t               value_count;
    const wr_window       *functions;
    uint32_t               function_count;
} wr_plan_window;
extern const wr_sink_ops   WR_WINDOW;
extern const wr_source_ops WR_WINDOW_READ;

/** join: build sink, probe transform, and the source that finishes what the probe put off
 *  (spilled partitions; unmatched build rows of right and full joins).
 *
 * Output columns: the left columns in `left_out`, then the right columns in `right_out`. The probe
 * side is `left` unless `swapped`. NULL keys never match. The residual (over left columns then
 * right columns) is part of the condition. */
typedef enum wr_join_type {
    WR_JOIN_INNER, WR_JOIN_LEFT, WR_JOIN_RIGHT, WR_JOIN_FULL, WR_JOIN_SEMI, WR_JOIN_ANTI,
    WR_JOIN_CROSS
} wr_join_type;

/** A sort behind a join that keeps the first rows only, first of all by a column of the left input
 *  (UInt64, ascending): pairs that come too late for it may be left out. */
typedef struct wr_join_limit {
    const wr_node *sort;   /* the sink; NULL: none yet */
    uint32_t       column;
} wr_join_limit;

typedef struct wr_plan_join {
    wr_join_type     type;
    bool             swapped;          /* the build side is the left input */
    const wr_type   *probe_types, *build_types;
    uint32_t         probe_count, build_count;
    const uint32_t  *probe_keys, *build_keys; /* columns, pairwise, of equal types            */
    uint32_t         key_count;        /* 0: cross or residual only (block nested loop)       */
    const wr_program *residual;        /* over probe columns, then build columns; NULL: none  */
    const uint32_t  *probe_out, *build_out; /* columns put out                                */
    uint32_t         probe_out_count, build_out_count;
    bool             build_first;      /* put build columns before probe columns              */
    bool             asks_all;         /* the residual can fail: it is asked of every pair, also of
                                          rows that have a match, so that no order decides     */
    bool             null_safe;        /* keys compare IS NOT DISTINCT FROM (set operations)  */
    const char      *single;           /* LEFT, hash join: two matches of a probe row are WR_DATA
                                          that names this step; NULL: they are none           */
    const wr_join_limit *limit;        /* NULL: none                                           */
} wr_plan_join;
extern const wr_sink_ops      WR_JOIN_BUILD;
extern const wr_transform_ops WR_JOIN_PROBE; /* node.state = the build node */
extern const wr_source_ops    WR_JOIN_REST;  /* node.state = the build node; runs after every probe */

/** merge join: a source over the sorts of both inputs (node.reads: left, right), whose leading keys
 *  are the keys of the join, in one order, direction and place of NULL. Nothing is hashed; rows come
 *  out in the order of the keys. join: probe is the left side, never swapped; its keys go unread. */
typedef struct wr_plan_join_merge {
    wr_plan_join        join;
    const wr_plan_sort *sorts[2]; /* left, right; the first join.key_count keys are those of the join */
} wr_plan_join_merge;
extern const wr_source_ops WR_JOIN_MERGE;

/** asof join: a source over the sorts of both inputs (node.reads: left, right) by the keys, then the
 *  ordered column: ascending puts each left row with the last right one that is not greater, descending
 *  with the last one that is not less. join: WR_JOIN_INNER or WR_JOIN_LEFT; its residual is asked of
 *  the nearest row only. */
typedef struct wr_plan_join_asof {
    wr_plan_join_merge merge;          /* sorts: join.key_count keys, then the ordered column */
    bool               excludes_equal; /* > or < */
} wr_plan_join_asof;
extern const wr_source_ops WR_JOIN_ASOF;

/** range join: a source over the sorts of both inputs by the keys, then the columns of ranges[0]: pairs
 *  of rows with equal keys that meet one or two ordered conditions. */
typedef struct wr_join_range {
    uint32_t    columns[2]; /* of the left and the right rows */
    wr_range_op op;         /* left op right                  */
} wr_join_range;
enum { WR_JOIN_RANGES_MAX = 2 };

typedef struct wr_plan_join_range {
    wr_plan_join_merge merge;
    wr_join_range      ranges[WR_JOIN_RANGES_MAX];
    uint32_t           range_count;
    bool               outer_right; /* blocks of the right side meet the left one, which is kept; always
                                       so for RIGHT, INNER may choose, never for the others */
} wr_plan_join_range;
extern const wr_source_ops WR_JOIN_RANGE;

/* ---- Sinks ------------------------------------------------------------------------------------ */

typedef struct wr_plan_file_sink {
    const wr_format        *format;
    const wr_write_request *request;
    wr_fs                  *fs;
    wr_text                 path;      /* "-" is standard output */
    wr_fs_mode              mode;
    wr_codec                codec;
    int                     level;
    bool                    ordered;   /* keep source order (a turnstile), else as it comes */
} wr_plan_file_sink;
extern const wr_sink_ops WR_FILE_SINK;  /* of formats that write rows   */
extern const wr_sink_ops WR_BLOCK_SINK; /* of formats that write blocks */

/** folder sink: files of one folder, by partition, rows and bytes. Input: sorted by the partition columns,
 *  which are of types without two spellings of one value. */
typedef struct wr_plan_folder_sink {
    wr_plan_file_sink file;             /* path: of the folder; request: of the files' columns */
    wr_text           ending;           /* of the files' names, without a dot                  */
    const uint32_t   *columns;          /* of the input, that the files have                   */
    uint32_t          column_count;
    const uint32_t   *partitions;       /* of the input, that the folders' names have          */
    const wr_field   *partition_fields;
    uint32_t          partition_count;
    uint64_t          file_rows, file_bytes; /* UINT64_MAX: any number                         */
} wr_plan_folder_sink;
extern const wr_sink_ops WR_FOLDER_SINK;

#endif
