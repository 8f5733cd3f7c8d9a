/* optimizer/agg_branch_priv.h — what the values of one branch of a split aggregate go through first.
 *
 * A branch is an aggregate while it is put together: of `keys` over `input`. Each function below puts
 * nodes in front of it and leaves keys, argument, filter and counts as columns of the last of them.
 * Where there are grouping sets and values are grouped, the row's set becomes the last key.
 * Private to rule_distinct.c. */
#ifndef WR_OPTIMIZER_AGG_BRANCH_PRIV_H
#define WR_OPTIMIZER_AGG_BRANCH_PRIV_H

#ifndef WR_BUILDING_OPTIMIZER
#error "private to src/optimizer"
#endif

#include "optimizer/optimizer_priv.h"

typedef struct wr_agg_branch {
    wr_plan       *plan;
    const wr_text *names; /* of columns that nobody sees: five more than keys    */
    wr_plan_node  *input;
    wr_expr      **keys;  /* with room for three more                            */
    uint32_t       key_count;
    uint64_t      *sets;
    uint32_t       set_count;
    wr_expr       *argument;
    wr_expr       *filter; /* a list's or map's; else NULL                       */
    wr_expr       *value;  /* a map's; else NULL                                 */
    wr_expr       *count;  /* of rows with the argument, if it is wanted         */
} wr_agg_branch;

/** Each different argument (and filter) of each group once, with the first value. */
wr_status wr_branch_group_argument(wr_agg_branch *branch, bool counted, wr_error *err) WR_MUST_USE;

/** Rows whose value does not fall into one of the `cells_kept` most frequent cells of its group go. */
wr_status wr_branch_keep_cells(wr_agg_branch *branch, uint32_t cell_count, uint32_t cells_kept,
                               wr_error *err) WR_MUST_USE;

/** The aggregate (histogram, most_frequent ...) becomes a list of the argument and its counts, or of
 *  the argument and the value: then a NULL, or an argument that is counted twice, is an error. */
wr_status wr_branch_list_counts(wr_agg_branch *branch, wr_plan_agg *io_agg,
                                wr_error *err) WR_MUST_USE;

/** The argument becomes its distance from the median of its group. */
wr_status wr_branch_measure_from_median(wr_agg_branch *branch, wr_error *err) WR_MUST_USE;

#endif
