/* planner/build_scan.c — file scans, and the filters that formats take into them.
 *
 * A filter that is the only reader of a scan moves into it where the format can make use of that: it
 * reads the filter's columns first, and the others only where rows pass. What the filter says of
 * single columns goes along as bounds, for passing over parts of a file by their statistics.
 *
 * Invariant: bounds are implied by the filter, and none stands behind a conjunct that can fail (a row that
 * is an error stays one). */
#include "base/bits.h"
#include "expr/function.h"
#include "expr/operators.h"
#include "planner/planner_priv.h"

enum { BOUNDS_MAX = 64 };

bool wr_scan_filters(const wr_node *tail)
{
    return tail->role == WR_ROLE_SOURCE && tail->source == &WR_FILE_SCAN &&
           ((const wr_plan_file_scan *)tail->plan)->filter;
}

/* ---- Bounds -------------------------------------------------------------------------------------- */

static bool is_call_of(const wr_expr *expr, const char *name)
{
    return expr->kind == WR_EXPR_CALL && strcmp(expr->function->name, name) == 0;
}

static bool is_value(const wr_expr *expr, wr_type type)
{
    return expr->kind == WR_EXPR_CONST && !expr->value.is_null && wr_type_equal(expr->type, type);
}

/* column op constant, or the other way round. */
static bool find_comparison(const wr_expr *expr, wr_bound *out)
{
    static const struct {
        const char *name;
        wr_bound_op straight, turned;
    } OPS[] = {
        {WR_OPERATOR_EQ, WR_BOUND_EQUAL, WR_BOUND_EQUAL},
        {WR_OPERATOR_NE, WR_BOUND_NOT_EQUAL, WR_BOUND_NOT_EQUAL},
        {WR_OPERATOR_LT, WR_BOUND_LESS, WR_BOUND_GREATER},
        {WR_OPERATOR_LE, WR_BOUND_LESS_EQUAL, WR_BOUND_GREATER_EQUAL},
        {WR_OPERATOR_GT, WR_BOUND_GREATER, WR_BOUND_LESS},
        {WR_OPERATOR_GE, WR_BOUND_GREATER_EQUAL, WR_BOUND_LESS_EQUAL},
    };
    bool           turned = expr->args[0]->kind == WR_EXPR_CONST;
    const wr_expr *column = expr->args[turned], *value = expr->args[!turned];

    if (column->kind != WR_EXPR_COLUMN || !is_value(value, column->type))
        return false;
    for (size_t i = 0; i < sizeof OPS / sizeof OPS[0]; i++)
        if (strcmp(expr->function->name, OPS[i].name) == 0) {
            *out = (wr_bound){column->column, turned ? OPS[i].turned : OPS[i].straight,
                              &value->value, 1};
            return true;
        }
    return false;
}

static wr_status find_in(wr_builder *b, const wr_expr *expr, wr_bound *out, bool *out_found,
                         wr_error *err)
{
    const wr_expr *column = expr->args[0];
    uint32_t       count = expr->arg_count - 1;
    wr_value      *values;

    if (column->kind != WR_EXPR_COLUMN || count == 0)
        return WR_OK;
    for (uint32_t i = 1; i <= count; i++)
        if (!is_value(expr->args[i], column->type))
            return WR_OK;
    values = WR_BUMP_NEW_ARRAY(b->bump, wr_value, count, err);
    if (!values)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        values[i] = expr->args[i + 1]->value;
    *out = (wr_bound){column->column, WR_BOUND_IN, values, count};
    *out_found = true;
    return WR_OK;
}

static wr_status find_bound(wr_builder *b, const wr_expr *expr, wr_bound *out, bool *out_found,
                            wr_error *err)
{
    *out_found = false;
    if (is_call_of(expr, WR_OPERATOR_IN))
        return find_in(b, expr, out, out_found, err);
    if (expr->kind == WR_EXPR_CALL && expr->arg_count == 2) {
        *out_found = find_comparison(expr, out);
    } else if ((is_call_of(expr, WR_OPERATOR_IS_NULL) || is_call_of(expr, WR_OPERATOR_IS_NOT_NULL)) &&
               expr->args[0]->kind == WR_EXPR_COLUMN) {
        *out = (wr_bound){expr->args[0]->column,
                          is_call_of(expr, WR_OPERATOR_IS_NULL) ? WR_BOUND_IS_NULL
                                                                : WR_BOUND_IS_NOT_NULL,
                          NULL, 0};
        *out_found = true;
    }
    return WR_OK;
}

static wr_status find_bounds(wr_builder *b, const wr_expr *predicate, wr_read_request *request,
                             wr_error *err)
{
    bool             is_and = predicate->kind == WR_EXPR_AND;
    uint32_t         count = is_and ? predicate->arg_count : 1;
    wr_expr *const  *conjuncts = predicate->args;
    wr_bound        *bounds = WR_BUMP_NEW_ARRAY(b->bump, wr_bound, BOUNDS_MAX, err);

    if (!bounds)
        return WR_NO_MEMORY;
    request->bounds = bounds;
    for (uint32_t i = 0; i < count && request->bound_count < BOUNDS_MAX; i++) {
        const wr_expr *conjunct = is_and ? conjuncts[i] : predicate;
        bool           found;

        if (wr_expr_can_fail(conjunct))
            break;
        WR_TRY(find_bound(b, conjunct, &bounds[request->bound_count], &found, err));
        request->bound_count += found;
    }
    return WR_OK;
}

/* ---- Filters ------------------------------------------------------------------------------------- */

/* The filter that alone reads the scan and looks at nothing but the format's columns; NULL: none. */
static wr_status find_filter(wr_builder *b, const wr_plan_node *scan, const wr_expr **out_predicate,
                             uint64_t **out_columns, wr_error *err)
{
    const wr_plan_node *filter = NULL;
    uint32_t            width = scan->schema.field_count;
    uint64_t           *bits = WR_BUMP_NEW_ARRAY(b->bump, uint64_t, wr_bit_words(width) + 1, err);

    *out_predicate = NULL;
    if (!bits)
        return WR_NO_MEMORY;
    for (uint32_t n = 0; n < b->plan->node_count; n++)
        if (b->plan->nodes[n]->kind == WR_PLAN_FILTER && b->plan->nodes[n]->inputs[0] == scan)
            filter = b->plan->nodes[n];
    if (!filter || b->reader_counts[scan->number] != 1 || b->spooled[scan->number] ||
        !wr_expr_is_repeatable(filter->filter.predicate))
        return WR_OK;
    wr_expr_columns(filter->filter.predicate, bits);
    for (uint32_t c = scan->scan.column_count; c < width; c++)
        if (wr_bit_get(bits, c))
            return WR_OK;
    *out_predicate = filter->filter.predicate;
    *out_columns = bits;
    return WR_OK;
}

static wr_status take_filter(wr_builder *b, const wr_plan_node *logical, wr_read_request *request,
                             wr_plan_file_scan *plan, const wr_type *types, wr_error *err)
{
    const wr_expr *predicate;
    uint64_t      *bits = NULL;
    uint32_t      *columns = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, request->column_count + 1, err);
    wr_schema     *input;

    if (!columns)
        return WR_NO_MEMORY;
    WR_TRY(find_filter(b, logical, &predicate, &bits, err));
    if (!predicate)
        return WR_OK;
    for (uint32_t c = 0; c < request->column_count; c++)
        if (wr_bit_get(bits, c))
            columns[request->filter.column_count++] = c;
    request->filter.columns = columns;
    WR_TRY(find_bounds(b, predicate, request, err));
    WR_TRY(wr_types_schema(b, types, logical->schema.field_count, &input, err));
    return wr_program_compile((wr_expr *const *)&predicate, 1, input, b->bump, &plan->filter, err);
}

/* ---- The scan ------------------------------------------------------------------------------------ */

wr_status wr_scan_build(wr_builder *b, const wr_plan_node *logical, wr_stream *out, wr_error *err)
{
    const wr_table    *table = logical->scan.table;
    wr_plan_file_scan *plan = WR_BUMP_NEW(b->bump, wr_plan_file_scan, err);
    wr_read_request   *request = WR_BUMP_NEW(b->bump, wr_read_request, err);
    wr_field          *partitions = WR_BUMP_NEW_ARRAY(b->bump, wr_field,
                                                      logical->scan.partition_count + 1, err);
    bool               is_paged = table->format->reader->access != WR_ACCESS_STREAM;

    if (!plan || !request || !partitions)
        return WR_NO_MEMORY;
    b->has_paged |= is_paged;
    for (uint32_t i = 0; i < logical->scan.partition_count; i++)
        partitions[i] = table->partitions.fields[logical->scan.partitions[i]];
    *request = (wr_read_request){
        .options = table->options,
        .schema = &table->schema,
        .columns = logical->scan.columns,
        .column_count = logical->scan.column_count,
        .batch_rows = b->exec.batch_rows,
        .chunk_bytes = is_paged ? b->paged_chunk_bytes : b->chunk_bytes,
        .blob_bytes_min = b->chunk_bytes / 4,
        .count_rows = logical->scan.row_number,
        .by_name = table->by_name,
    };
    *plan = (wr_plan_file_scan){
        .format = table->format,
        .request = request,
        .fs = table->fs,
        .paths = logical->scan.paths,
        .head = &table->head,
        .path_count = logical->scan.path_count,
        .partitions = partitions,
        .partition_count = logical->scan.partition_count,
        .codec = table->codec,
        .input_bytes = table->input_bytes,
        .encoding = table->encoding,
        .add_filename = logical->scan.filename,
        .add_row_number = logical->scan.row_number,
        .on_error = table->on_error,
        .errors_max = table->errors_max,
        .reject_fs = table->reject_fs,
        .reject_path = table->reject_path,
    };
    WR_TRY(wr_schema_types(b, &logical->schema, &out->types, err));
    if (table->format->reader->takes_filter)
        WR_TRY(take_filter(b, logical, request, plan, out->types, err));
    WR_TRY(wr_builder_add_node(b, WR_ROLE_SOURCE, &WR_FILE_SCAN, plan, logical, &out->tail, err));
    out->visible_count = logical->schema.field_count;
    out->ordered = true;
    return WR_OK;
}
