/* optimizer/rule_partitions.c — files whose partitions rule out every row are not read.
 *
 * Of a filter that is the only reader of a scan, the conjuncts that look at nothing but columns of the
 * paths are asked once a path. Conjuncts from the first one on that can fail are not: its error is due.
 * The filter stays as it is. Cost: one evaluation a path and conjunct, microseconds. */
#include "expr/program.h"
#include "optimizer/optimizer_priv.h"
#include "base/bits.h"
#include "types/hive.h"

/* The conjuncts of one filter that look at partitions alone. */
typedef struct path_filter {
    wr_plan      *plan;
    wr_plan_node *scan;
    wr_expr     **conjuncts;
    uint32_t      count;
    wr_expr     **values; /* of the scan's columns: constants for partitions */
} path_filter;

static wr_status reads_paths_only(const path_filter *f, const wr_expr *expr, bool *out_does,
                                  wr_error *err)
{
    uint32_t  width = f->scan->schema.field_count, first = f->scan->scan.column_count;
    uint64_t *bits = WR_BUMP_NEW_ARRAY(f->plan->bump, uint64_t, wr_bit_words(width) + 1, err);

    if (!bits)
        return WR_NO_MEMORY;
    wr_expr_columns(expr, bits);
    *out_does = false;
    for (uint32_t c = 0; c < width; c++) {
        bool is_partition = c >= first && c < first + f->scan->scan.partition_count;

        if (!wr_bit_get(bits, c))
            continue;
        *out_does = is_partition;
        if (!is_partition)
            return WR_OK;
    }
    return WR_OK;
}

static wr_status find_conjuncts(path_filter *f, wr_expr *predicate, wr_error *err)
{
    bool      is_and = predicate->kind == WR_EXPR_AND;
    uint32_t  count = is_and ? predicate->arg_count : 1;
    wr_expr **exprs = is_and ? predicate->args : &predicate;

    f->conjuncts = WR_BUMP_NEW_ARRAY(f->plan->bump, wr_expr *, count, err);
    f->values = WR_BUMP_NEW_ARRAY(f->plan->bump, wr_expr *, f->scan->schema.field_count + 1, err);
    if (!f->conjuncts || !f->values)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count && !wr_expr_can_fail(exprs[i]); i++) {
        bool does;

        WR_TRY(reads_paths_only(f, exprs[i], &does, err));
        if (does && wr_expr_is_repeatable(exprs[i]))
            f->conjuncts[f->count++] = exprs[i];
    }
    return WR_OK;
}

/* Constants instead of the columns that the path tells. */
static wr_status read_path(path_filter *f, wr_text path, wr_error *err)
{
    const wr_plan_node *scan = f->scan;

    for (uint32_t i = 0; i < scan->scan.partition_count; i++) {
        const wr_field *field = &scan->scan.table->partitions.fields[scan->scan.partitions[i]];
        char            buffer[WR_HIVE_BYTES_MAX];
        wr_value        value;

        if (!wr_hive_value(path, field->name, field->type, buffer, &value))
            value = (wr_value){.type = field->type, .is_null = true};
        f->values[scan->scan.column_count + i] = wr_expr_const(f->plan->bump, &value, err);
        if (!f->values[scan->scan.column_count + i])
            return WR_NO_MEMORY;
    }
    return WR_OK;
}

static wr_status path_passes(path_filter *f, wr_text path, bool *out_passes, wr_error *err)
{
    wr_bump_mark mark = wr_bump_save(f->plan->bump);

    *out_passes = true;
    WR_TRY(read_path(f, path, err));
    for (uint32_t i = 0; i < f->count && *out_passes; i++) {
        wr_expr *expr = wr_expr_substitute(f->conjuncts[i], f->values, f->plan->bump, err);
        wr_value value;

        if (!expr)
            return WR_NO_MEMORY;
        WR_TRY(wr_expr_evaluate(expr, f->plan->bump, &value, err));
        *out_passes = !value.is_null && value.boolean;
    }
    wr_bump_rewind(f->plan->bump, mark);
    return WR_OK;
}

static wr_status drop_paths(wr_plan *plan, wr_plan_node *filter, wr_plan_node *scan, wr_error *err)
{
    path_filter f = {.plan = plan, .scan = scan};
    wr_text    *paths;
    uint32_t    kept = 0;

    WR_TRY(find_conjuncts(&f, filter->filter.predicate, err));
    if (f.count == 0)
        return WR_OK;
    paths = WR_BUMP_NEW_ARRAY(plan->bump, wr_text, scan->scan.path_count + 1, err);
    if (!paths)
        return WR_NO_MEMORY;
    for (uint32_t p = 0; p < scan->scan.path_count; p++) {
        bool passes;

        WR_TRY(path_passes(&f, scan->scan.paths[p], &passes, err));
        if (passes)
            paths[kept++] = scan->scan.paths[p];
    }
    scan->scan.paths = paths;
    scan->scan.path_count = kept;
    return WR_OK;
}

wr_status wr_rule_partitions(wr_plan *plan, wr_error *err)
{
    for (uint32_t n = 0; n < plan->node_count; n++) {
        wr_plan_node *filter = plan->nodes[n];
        wr_plan_node *scan = filter->kind == WR_PLAN_FILTER ? filter->inputs[0] : NULL;

        if (scan && scan->kind == WR_PLAN_SCAN && scan->scan.partition_count > 0 &&
            wr_plan_reader_count(plan, scan) == 1)
            WR_TRY(drop_paths(plan, filter, scan, err));
    }
    return WR_OK;
}
