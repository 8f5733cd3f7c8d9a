/* plan/plan.h — the logical plan: what is to be computed, with nothing about how.
 *
 * A DAG of nodes in the plan pool, built bottom-up by the wr_plan_add_* builders (YAML and SQL use
 * the same ones), each with its output schema; inputs come before the nodes that read them in
 * `nodes`. Once built it is read-only but for the optimizer, which replaces nodes. Two files that
 * mean the same build the same plan and so the same canonical JSON and plan hash; neither cap,
 * threads nor spill settings are part of it.
 * Threads: one while building, read-only after. Cost: a few hundred bytes a node. */
#ifndef WR_PLAN_PLAN_H
#define WR_PLAN_PLAN_H

#include "catalog/catalog.h"
#include "expr/aggregate.h"
#include "expr/expr.h"
#include "expr/operators.h"
#include "expr/window.h"

typedef enum wr_plan_kind {
    WR_PLAN_SCAN,
    WR_PLAN_GENERATE,
    WR_PLAN_FILTER,
    WR_PLAN_PROJECT,
    WR_PLAN_SORT,
    WR_PLAN_LIMIT,
    WR_PLAN_AGGREGATE,
    WR_PLAN_WINDOW,
    WR_PLAN_JOIN,
    WR_PLAN_UNION,
    WR_PLAN_REPEAT,
    WR_PLAN_UNNEST,
    WR_PLAN_DRAW,
    WR_PLAN_SINK,
    WR_PLAN_KIND_COUNT
} wr_plan_kind;

typedef struct wr_plan_key {
    wr_expr *expr;
    bool     descending, nulls_first;
} wr_plan_key;

typedef struct wr_plan_agg {
    wr_agg_kind kind;
    wr_expr *argument;   /* NULL: count(*)                                */
    wr_expr *order;      /* arg_min, arg_max: what decides; corr ...: x; map_agg: the value */
    wr_expr *filter;     /* FILTER (WHERE ...), or NULL                   */
    double   fraction;   /* quantiles: 0 to 1                             */
    bool     descending; /* quantiles: from the greatest value down       */
    int64_t  values_max; /* most_frequent, countmin_frequent: how many    */
    uint32_t cell_count, cells_kept; /* approx_most_frequent: of a group  */
    wr_text  separator;  /* string_agg                                    */
    wr_plan_key *order_keys; /* string_agg: ORDER BY                      */
    uint32_t order_key_count;
    bool     distinct;
    wr_type  type;       /* of the result                                 */
} wr_plan_agg;

/** One window function. */
typedef struct wr_plan_function {
    wr_window_kind kind;
    wr_plan_agg    agg;      /* AGGREGATE                                             */
    bool           ignore_nulls; /* of these kinds                                    */
    wr_expr       *argument; /* of the kinds that take values of other rows           */
    wr_expr       *fallback; /* LAG, LEAD: where there is no such row; NULL: null     */
    int64_t        offset;   /* LAG, LEAD: rows; NTH_VALUE: from 1; NTILE: buckets    */
    wr_frame       frame;
    wr_expr       *range_keys[2];  /* RANGE with an offset, at the start and at the end: the  */
    wr_expr       *range_values[2]; /* order key, and its value where the frame begins or ends */
    uint32_t       partition_count; /* of its node's partitions, then order: the first that tell its */
    uint32_t       key_count;       /* partitions, and its peers                               */
    wr_type        type;     /* of the result                                         */
} wr_plan_function;

typedef enum wr_plan_join_type {
    WR_PLAN_JOIN_INNER, WR_PLAN_JOIN_LEFT, WR_PLAN_JOIN_RIGHT, WR_PLAN_JOIN_FULL,
    WR_PLAN_JOIN_SEMI, WR_PLAN_JOIN_ANTI, WR_PLAN_JOIN_CROSS
} wr_plan_join_type;

/** An ordered condition of a join: left op right, each over its own input, of equal types. */
typedef struct wr_plan_range {
    wr_expr    *left, *right;
    wr_range_op op;
} wr_plan_range;

/** A list, a map or, with a delimiter, a text that is taken apart. */
typedef struct wr_plan_unnested {
    wr_expr *expr;
    wr_text  delimiter;
} wr_plan_unnested;

/** A column made of it: its elements, or one member of them; of no value: their numbers, from 1. */
typedef struct wr_plan_element {
    uint32_t value, member;  /* WR_FIELD_NONE */
    wr_type  type;
} wr_plan_element;

/** A sink of several files in one folder. The input is sorted by the partition columns. */
typedef struct wr_plan_folder {
    bool            is_wanted;
    const uint32_t *partitions;      /* columns of the input that go into the names of folders */
    uint32_t        partition_count;
    uint64_t        file_rows, file_bytes; /* where a file ends; UINT64_MAX: nowhere           */
} wr_plan_folder;

typedef struct wr_plan_node wr_plan_node;
struct wr_plan_node {
    wr_plan_kind  kind;
    uint32_t      number;       /* position in the plan, for messages and EXPLAIN          */
    wr_text       id;           /* the step's id, or ""                                    */
    uint32_t      line, column; /* of the step in its file; 0 unknown                      */
    wr_plan_node *inputs[2];    /* JOIN, UNION: left, right                                */
    uint32_t      input_count;
    wr_schema     schema;       /* of the output; a sink's is its input's                  */
    union {
        struct {
            const wr_table *table;
            uint32_t       *columns;      /* of the table's schema, in output order        */
            uint32_t        column_count;
            uint32_t       *partitions;   /* of the table's partitions, behind the columns */
            uint32_t        partition_count;
            bool            filename, row_number; /* virtual columns behind those          */
            const wr_text  *paths;        /* the table's, or those a filter has left       */
            uint32_t        path_count;
        } scan;
        struct {
            uint64_t  row_count;
            uint64_t  seed;
            wr_expr **exprs;              /* over one Int64 column i                       */
            uint32_t  expr_count;
        } generate;
        struct {
            wr_expr *predicate;           /* BOOL */
        } filter;
        struct {
            wr_expr **exprs;
            uint32_t  expr_count;
        } project;
        struct {
            wr_plan_key *keys;
            uint32_t     key_count;
            uint64_t     offset_rows, rows_max; /* rows_max UINT64_MAX: all */
        } sort;
        struct {
            uint64_t offset_rows, rows_max;
        } limit;
        struct {
            wr_expr    **keys;
            uint32_t     key_count;
            wr_plan_agg *aggs;
            uint32_t     agg_count;
            uint64_t    *sets;            /* grouping sets: bit k is 1 if key k is absent    */
            uint32_t     set_count;       /* 0: all keys, and no such column                 */
        } aggregate;                      /* output: keys, the row's set (Int64), aggregates */
        struct {
            wr_expr         **partitions;
            wr_plan_key      *order;
            wr_plan_function *functions;
            uint32_t          partition_count, order_count, function_count;
            wr_window_kind    top_kind;   /* ROW_NUMBER, RANK or DENSE_RANK: only rows ...       */
            uint64_t          top_max;    /* ... of up to this one are wanted; 0: all            */
        } window;                         /* output: the input's columns, then functions */
        struct {
            wr_plan_join_type type;
            wr_expr **left_keys, **right_keys; /* pairwise of equal types; over each input */
            uint32_t  key_count;
            wr_expr  *residual;           /* over left columns then right columns, or NULL */
            wr_plan_range *ranges;        /* ordered conditions                            */
            uint32_t  range_count;
            bool      is_asof;            /* INNER, LEFT: of the right rows that meet keys and the
                                             one range, the nearest; the residual is asked of it */
            bool      is_single;          /* LEFT: a left row with two matches is a data error */
            bool      null_safe;          /* keys compare IS NOT DISTINCT FROM             */
            bool      is_merge;           /* a merge join: the planner notes it, for EXPLAIN */
            uint32_t *right_columns;      /* which right columns are put out               */
            uint32_t  right_column_count; /* output: all left columns, then these          */
        } join;
        struct {
            wr_expr *count;               /* Int64: how often a row comes; output: number last */
        } repeat;
        struct {
            wr_plan_unnested *values;     /* side by side                                  */
            wr_plan_element  *elements;   /* output: the input's columns, then these       */
            uint32_t          value_count, element_count;
            bool              outer;      /* a row without elements gives one of NULLs     */
        } unnest;
        struct {
            uint64_t seed;                /* output: place and draw last */
        } draw;
        struct {
            const wr_target *target;
            wr_plan_folder   folder;
        } sink;
    };
};

typedef struct wr_plan {
    wr_bump       *bump;
    const char    *path;        /* of the pipeline file, for messages, or "" */
    wr_plan_node **nodes;       /* inputs before readers */
    uint32_t       node_count, node_capacity;
    uint64_t       site_count;  /* of calls of volatile functions, see wr_scope in bind/bind.h */
} wr_plan;

void wr_plan_init(wr_plan *plan, wr_bump *bump, const char *path);

/** Builders: append a node, compute its schema. Expressions are bound over the input's schema.
 * Owner    arrays and texts are borrowed: allocate them in plan->bump.
 * Errors   WR_INVALID  a predicate that is not boolean, duplicate output names, key types that do not
 *                      match ...; WR_NO_MEMORY plan pool spent */
wr_status wr_plan_add_scan(wr_plan *plan, const wr_table *table, bool filename, bool row_number,
                           wr_plan_node **out_node, wr_error *err) WR_MUST_USE;
wr_status wr_plan_add_generate(wr_plan *plan, uint64_t row_count, uint64_t seed, wr_expr **exprs,
                               const wr_text *names, uint32_t expr_count, wr_plan_node **out_node,
                               wr_error *err) WR_MUST_USE;
wr_status wr_plan_add_filter(wr_plan *plan, wr_plan_node *input, wr_expr *predicate,
                             wr_plan_node **out_node, wr_error *err) WR_MUST_USE;
wr_status wr_plan_add_project(wr_plan *plan, wr_plan_node *input, wr_expr **exprs,
                              const wr_text *names, uint32_t expr_count, wr_plan_node **out_node,
                              wr_error *err) WR_MUST_USE;
wr_status wr_plan_add_sort(wr_plan *plan, wr_plan_node *input, wr_plan_key *keys,
                           uint32_t key_count, uint64_t offset_rows, uint64_t rows_max,
                           wr_plan_node **out_node, wr_error *err) WR_MUST_USE;
wr_status wr_plan_add_limit(wr_plan *plan, wr_plan_node *input, uint64_t offset_rows,
                            uint64_t rows_max, wr_plan_node **out_node, wr_error *err) WR_MUST_USE;
/** `names` has key_count + agg_count entries. */
wr_status wr_plan_add_aggregate(wr_plan *plan, wr_plan_node *input, wr_expr **keys,
                                uint32_t key_count, wr_plan_agg *aggs, uint32_t agg_count,
                                const wr_text *names, wr_plan_node **out_node,
                                wr_error *err) WR_MUST_USE;
/** As above once for each grouping set, all of them different; a key that is absent is NULL. `names`
 *  has one more behind the keys' for the column of sets (wr_plan_node.aggregate). */
wr_status wr_plan_add_grouping_sets(wr_plan *plan, wr_plan_node *input, wr_expr **keys,
                                    uint32_t key_count, uint64_t *sets, uint32_t set_count,
                                    wr_plan_agg *aggs, uint32_t agg_count, const wr_text *names,
                                    wr_plan_node **out_node, wr_error *err) WR_MUST_USE;
/** Columns of an aggregate's output in front of the aggregates: the keys and, if there are grouping
 *  sets, the row's set. Together they tell its rows apart. */
static inline uint32_t wr_plan_key_width(const wr_plan_node *aggregate)
{
    return aggregate->aggregate.key_count + (aggregate->aggregate.set_count > 0);
}
/** Output columns get names of their own that nobody asks for: a project behind gives them others. */
wr_status wr_plan_add_window(wr_plan *plan, wr_plan_node *input, wr_expr **partitions,
                             uint32_t partition_count, wr_plan_key *order, uint32_t order_count,
                             wr_plan_function *functions, uint32_t function_count,
                             wr_plan_node **out_node, wr_error *err) WR_MUST_USE;
/** A right column whose name clashes gets `_right` (`_right2` ...). SEMI and ANTI put out the left only.
 *  `omit_right_keys`: equal-named key columns of the right side are left out (ON a USING-like list). */
wr_status wr_plan_add_join(wr_plan *plan, wr_plan_node *left, wr_plan_node *right,
                           wr_plan_join_type type, wr_expr **left_keys, wr_expr **right_keys,
                           uint32_t key_count, wr_expr *residual, bool omit_right_keys,
                           wr_plan_node **out_node, wr_error *err) WR_MUST_USE;
/** All rows of `left`, then all of `right`: UNION ALL. Column types are pairwise equal; names are the
 *  left ones. */
wr_status wr_plan_add_union(wr_plan *plan, wr_plan_node *left, wr_plan_node *right,
                            wr_plan_node **out_node, wr_error *err) WR_MUST_USE;
/** Every row as often as `count` (Int64) says, not at all if that is NULL; behind the columns comes
 *  the number of the copy, from 0, as Int64 `number_name`. */
wr_status wr_plan_add_repeat(wr_plan *plan, wr_plan_node *input, wr_expr *count,
                             wr_text number_name, wr_plan_node **out_node,
                             wr_error *err) WR_MUST_USE;
/** One row for each element of the values; behind the columns come `elements`, in order of values, then
 *  members, the number last. Names are for EXPLAIN: a project behind gives others. */
wr_status wr_plan_add_unnest(wr_plan *plan, wr_plan_node *input, wr_plan_unnested *values,
                             uint32_t value_count, wr_plan_element *elements,
                             uint32_t element_count, bool outer, wr_plan_node **out_node,
                             wr_error *err) WR_MUST_USE;
/** Behind the columns: the row's place by source position, from 0, and a number from 0 to 2^63 - 1 drawn
 *  for it; both Int64. */
wr_status wr_plan_add_draw(wr_plan *plan, wr_plan_node *input, uint64_t seed, wr_text place_name,
                           wr_text draw_name, wr_plan_node **out_node, wr_error *err) WR_MUST_USE;
/** `folder` NULL: one file. Errors of a folder: WR_INVALID a partition column of a type that has no
 *  one spelling, no column is left, the destination is standard output. */
wr_status wr_plan_add_sink(wr_plan *plan, wr_plan_node *input, const wr_target *target,
                           const wr_plan_folder *folder,
                           wr_plan_node **out_node, wr_error *err) WR_MUST_USE;

/** Checks of the whole: every step is read or is a sink, at least one sink, no two sinks with one
 *  destination, none (and no file of rejects) that overwrites a source. */
wr_status wr_plan_check(const wr_plan *plan, wr_error *err) WR_MUST_USE;

/** "scan", "filter" ... */
const char *wr_plan_kind_name(wr_plan_kind kind);
/** "step 3 'totals' (aggregate)" in plan->bump, for messages and labels. */
const char *wr_plan_node_label(const wr_plan *plan, const wr_plan_node *node);

/** Text tree for `weir explain`; canonical JSON for the hash and other machines. Both in `bump`. */
wr_status wr_plan_explain(const wr_plan *plan, wr_bump *bump, wr_text *out_text, wr_error *err) WR_MUST_USE;
wr_status wr_plan_json(const wr_plan *plan, wr_bump *bump, wr_text *out_text, wr_error *err) WR_MUST_USE;
/** XXH3-128 of the canonical JSON, hex. */
wr_status wr_plan_hash(const wr_plan *plan, wr_bump *bump, char out_hex[33], wr_error *err) WR_MUST_USE;

#endif
