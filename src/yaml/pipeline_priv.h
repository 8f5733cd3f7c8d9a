/* yaml/pipeline_priv.h — what the files that read steps share.
 *
 * A step is a map with an `op`; its table of keys says what it may hold. The reader hands the values
 * of those keys to the op's build function in the order of its table. */
#ifndef WR_BUILDING_YAML
#error "yaml/pipeline_priv.h is private to src/yaml"
#endif
#ifndef WR_YAML_PIPELINE_PRIV_H
#define WR_YAML_PIPELINE_PRIV_H

#include "yaml/path.h"
#include "yaml/tree.h"

enum { STEPS_MAX = 1000, STEP_KEYS_MAX = 16, STEP_INPUTS_MAX = 100 };

typedef struct pipeline {
    wr_yaml_file      file;
    const wr_catalog *catalog;
    wr_lease         *open_lease;
    wr_plan          *plan;
    wr_bump          *bump;        /* the plan's */
    bool              is_em_root;  /* has a `config:`: `||` is OR at once */
    void            (*warn)(void *self, const char *message);
    void             *warn_self;
    struct named_step {
        wr_text       id;
        wr_plan_node *node;
    }                *named;       /* steps with an id, in file order     */
    uint32_t          named_count;
    wr_plan_node     *previous;    /* what a step reads that does not say */
} pipeline;

typedef struct step step;

typedef struct step_op {
    const char *name, *summary;
    const char *keys[STEP_KEYS_MAX]; /* NULL-terminated; the first is meant by `- op: value` alone */
    const char *helps[STEP_KEYS_MAX]; /* one line for each key */
    uint32_t    input_count;          /* at most; STEP_INPUTS_MAX: two or more, in `inputs` */
    /** `values[i]` belongs to keys[i]; NULL: not given. */
    wr_status (*build)(pipeline *p, const step *s, const wr_yaml *const *values,
                       wr_plan_node **out_node, wr_error *err);
} step_op;

struct step {
    const step_op *op;
    const wr_yaml *node;          /* the whole step, for messages */
    wr_plan_node **inputs;        /* at least two places, NULL where there is none */
    wr_text       *input_names;   /* their ids, or "" */
    const wr_yaml *inputs_node;   /* the list of them, or NULL */
    uint32_t       input_count;
};

extern const step_op WR_STEP_SCAN, WR_STEP_GENERATE, WR_STEP_FILTER, WR_STEP_MAP, WR_STEP_PROJECT,
    WR_STEP_SORT, WR_STEP_LIMIT, WR_STEP_AGGREGATE, WR_STEP_JOIN, WR_STEP_DISTINCT,
    WR_STEP_SAMPLE, WR_STEP_FILL, WR_STEP_UNPIVOT, WR_STEP_PIVOT, WR_STEP_UNNEST, WR_STEP_LATERAL,
    WR_STEP_UNION, WR_STEP_INTERSECT, WR_STEP_EXCEPT, WR_STEP_WINDOW, WR_STEP_SINK;

/* read.c: values. `what` names the key for messages. */
wr_status wr_read_text(const pipeline *p, const wr_yaml *node, const char *what, wr_text *out_text,
                       wr_error *err) WR_MUST_USE;
wr_status wr_read_bool(const pipeline *p, const wr_yaml *node, const char *what, bool *out_bool,
                       wr_error *err) WR_MUST_USE;
/** A whole number, `_` between digits allowed. */
wr_status wr_read_count(const pipeline *p, const wr_yaml *node, const char *what,
                        uint64_t *out_count, wr_error *err) WR_MUST_USE;
/** A size: 64MB, 1GiB, a number of bytes. */
wr_status wr_read_bytes(const pipeline *p, const wr_yaml *node, const char *what,
                        uint64_t *out_bytes, wr_error *err) WR_MUST_USE;
/** One of the NULL-terminated `choices`, any case. */
wr_status wr_read_choice(const pipeline *p, const wr_yaml *node, const char *what,
                         const char *const *choices, uint32_t *out_index,
                         wr_error *err) WR_MUST_USE;
/** Texts: one, or a list of them. */
wr_status wr_read_texts(const pipeline *p, const wr_yaml *node, const char *what,
                        const wr_text **out_texts, uint32_t *out_count, wr_error *err) WR_MUST_USE;
/** Check that a map's keys are among `keys` (NULL-terminated) or `common`, and pick their values.
 *  Keys that begin with "x-" are the user's own: places for anchors, notes to other tools. */
wr_status wr_read_keys(const pipeline *p, const wr_yaml *map, const char *where,
                       const char *const *keys, const char *const *common,
                       const wr_yaml **out_values, wr_error *err) WR_MUST_USE;
wr_status wr_read_require(const pipeline *p, const step *s, const wr_yaml *value, const char *key,
                          wr_error *err) WR_MUST_USE;
const char *wr_read_kind(const wr_yaml *node);

/** A given option map: a list gives its option several times. `out_nodes[i]` is the place of i. */
typedef struct given_options {
    const wr_given_option *options;
    const wr_yaml        **nodes;
    uint32_t               count;
} given_options;
wr_status wr_read_options(const pipeline *p, const wr_yaml *node, given_options *out_options,
                          wr_error *err) WR_MUST_USE;

/** Place a failure of the catalog: the option at fault, else `node`; data errors only get a line. */
wr_status wr_read_locate(const pipeline *p, const given_options *options, uint32_t option,
                         const wr_yaml *node, wr_status status, wr_error *err);

/* schema.c */
/** The columns that a scan's `schema` declares. */
typedef struct declared {
    wr_schema        columns; /* as written; none: infer                                     */
    wr_schema        members; /* of the record: the columns, or what their paths lead through */
    wr_path         *paths;   /* by column; NULL: no column has one                          */
    uint32_t        *roots;   /* by column: the member that its path begins with             */
    const wr_yaml  **nodes;   /* by column: where it is written                              */
    const wr_yaml   *first_path, *first_id;
} declared;

wr_status wr_read_schema(const pipeline *p, const wr_yaml *node, declared *out_schema,
                         wr_error *err) WR_MUST_USE;
/** Behind a scan of the members: the columns that the paths lead to, and what else the scan gives. */
wr_status wr_take_paths(pipeline *p, const step *s, const declared *schema, const wr_table *table,
                        wr_plan_node **io_node, wr_error *err) WR_MUST_USE;

/* expression.c */
typedef struct item {
    wr_expr       *expr;
    wr_text        name;
    bool           is_named; /* by AS or by a map's key */
    const wr_yaml *node;     /* where it was written    */
} item;

typedef struct item_list {
    item    *items;
    uint32_t count, capacity;
} item_list;

/* Given: items are expressions over aggregates and keys (wr_bind_aggregate_expr). */
typedef struct agg_scope {
    wr_expr   **keys;
    uint32_t    key_count;
    wr_agg_list list;
} agg_scope;

wr_scope wr_scope_of(const pipeline *p, const step *s);

/** A condition over the step's input. */
wr_status wr_read_predicate(pipeline *p, const step *s, const wr_yaml *node, wr_expr **out_expr,
                            wr_error *err) WR_MUST_USE;
/** "a, b + 1 AS c", a list of such, {c: b + 1}, or a list of such maps. An element that is exactly a
 *  column's name is that column. `aggs` may be NULL. Appends. */
wr_status wr_read_items(pipeline *p, const step *s, const wr_scope *scope, const wr_yaml *node,
                        agg_scope *aggs, item_list *out_items, wr_error *err) WR_MUST_USE;
/** One scalar of group_by: a list of elements, whose keys are appended. */
wr_status wr_read_grouping(pipeline *p, const step *s, const wr_yaml *node, item_list *out_keys,
                           wr_ast_group *out_list, wr_error *err) WR_MUST_USE;
wr_status wr_read_sort_keys(pipeline *p, const step *s, const wr_yaml *node,
                            wr_plan_key **out_keys, uint32_t *out_count, wr_error *err) WR_MUST_USE;
/** A join's `on`, all its elements together. */
typedef struct join_on {
    wr_expr **left_keys, **right_keys;
    uint32_t  key_count;
    wr_expr  *residual;
    bool      names_only; /* every element is a column's name */
} join_on;
wr_status wr_read_join_on(pipeline *p, const step *s, const wr_yaml *node, join_on *io_on,
                          wr_error *err) WR_MUST_USE;
/** An asof join's `match`; its `tolerance`, as a condition over both inputs. */
wr_status wr_read_match(pipeline *p, const step *s, const wr_yaml *node, wr_plan_range *out_range,
                        wr_error *err) WR_MUST_USE;
wr_status wr_read_tolerance(pipeline *p, const step *s, const wr_yaml *node,
                            const wr_plan_range *range, wr_expr **out_condition,
                            wr_error *err) WR_MUST_USE;

wr_status wr_items_append(const pipeline *p, item_list *list, const item *added,
                          wr_error *err) WR_MUST_USE;
/** Expressions and names of items as arrays, for the plan's builders. */
wr_status wr_items_split(const pipeline *p, const item_list *list, wr_expr ***out_exprs,
                         wr_text **out_names, wr_error *err) WR_MUST_USE;

/* step_shape.c */
/** The columns that stay beside what is made of `columns`: those that `keep` names, or without it all
 *  others. */
wr_status wr_read_kept(pipeline *p, const step *s, const wr_yaml *keep, const item_list *columns,
                       item_list *out_kept, wr_error *err) WR_MUST_USE;

/* grouping.c */
/** The keys of an aggregate, and its grouping sets: bit k is 1 if key k is absent. */
typedef struct grouping {
    item_list keys;
    uint64_t *sets;     /* all different                                 */
    uint32_t *times;    /* how often each was asked for                  */
    uint32_t  set_count; /* 0: no sets were asked for, all keys are present */
    bool      repeats;  /* some set was asked for more than once         */
} grouping;

/** group_by, rollup, cube, grouping_sets; each may be NULL. */
wr_status wr_read_group_by(pipeline *p, const step *s, const wr_yaml *const values[4],
                           grouping *out_grouping, wr_error *err) WR_MUST_USE;

/* step_distinct.c */
/** Column `column` of a node's output. */
wr_expr *wr_step_column(const pipeline *p, const wr_plan_node *node, uint32_t column,
                        wr_error *err);
/** The distinct rows of `input`. */
wr_status wr_step_distinct(pipeline *p, const step *s, wr_plan_node *input, wr_plan_node **out_node,
                           wr_error *err) WR_MUST_USE;

#endif
