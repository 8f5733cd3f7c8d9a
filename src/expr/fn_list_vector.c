/* expr/fn_list_vector.c — lists of numbers as vectors: products and distances. Source: DuckDB.
 *
 * Sums are exact and rounded once (types/fsum.h), each product is rounded before. The lists have one
 * length and no NULLs. Cost: 20 ns an element. */
#include <math.h>

#include "expr/fn_nested_priv.h"
#include "types/fsum.h"

/* What two vectors come to. */
typedef struct products {
    wr_fsum  both, left, right; /* of x * y, x * x, y * y  */
    wr_fsum  apart;             /* of (x - y) * (x - y)    */
    uint64_t count;
} products;

static wr_status read_products(wr_eval *eval, arguments args, uint32_t row, products *out,
                               wr_error *err)
{
    const char    *name = eval->expr->function->name;
    element_reader readers[2];
    element        e[2];
    bool           ends[2];
    double         x, y;

    for (uint32_t a = 0; a < 2; a++)
        reader_init(&readers[a], packed_at(args, a, row), args[a]->type);
    for (*out = (products){0};; out->count++) {
        for (uint32_t a = 0; a < 2; a++)
            WR_TRY(reader_next(&readers[a], &e[a], &ends[a], err));
        if (ends[0] != ends[1])
            return wr_eval_fail(eval, row, err, "%s: the lists differ in length", name);
        if (ends[0])
            return WR_OK;
        if (e[0].is_null || e[1].is_null)
            return wr_eval_fail(eval, row, err, "%s: element %llu is NULL", name,
                                (unsigned long long)out->count + 1);
        memcpy(&x, e[0].cell, sizeof x);
        memcpy(&y, e[1].cell, sizeof y);
        wr_fsum_add(&out->both, x * y);
        wr_fsum_add(&out->left, x * x);
        wr_fsum_add(&out->right, y * y);
        wr_fsum_add(&out->apart, (x - y) * (x - y));
    }
}

typedef double (*measure_fn)(const products *p);

static double inner_product(const products *p)
{
    return wr_fsum_result(&p->both);
}

static double negative_product(const products *p)
{
    return 0.0 - wr_fsum_result(&p->both);
}

static double distance(const products *p)
{
    return sqrt(wr_fsum_result(&p->apart));
}

/* Of the null vector NaN: it has no direction. */
static double similarity(const products *p)
{
    double lengths = sqrt(wr_fsum_result(&p->left)) * sqrt(wr_fsum_result(&p->right));
    double cosine = wr_fsum_result(&p->both) / lengths;

    return !(cosine <= 1.0) ? 1.0 : cosine < -1.0 ? -1.0 : cosine;
}

static double cosine_similarity(const products *p)
{
    return wr_fsum_result(&p->left) > 0 && wr_fsum_result(&p->right) > 0 ? similarity(p)
                                                                         : (double)NAN;
}

static double cosine_distance(const products *p)
{
    return 1.0 - cosine_similarity(p);
}

static wr_status measure(wr_eval *eval, arguments args, wr_vector *out, measure_fn of, wr_error *err)
{
    EACH_LIVE(row)
    {
        products p;

        eval->error_row = row;
        WR_TRY(read_products(eval, args, row, &p, err));
        ((double *)out->data)[row] = of(&p);
    }
    return WR_OK;
}

#define MEASURE(of)                                                                                \
    EVAL(measure_##of)                                                                             \
    {                                                                                              \
        (void)arg_count;                                                                           \
        return measure(eval, args, out, of, err);                                                  \
    }
MEASURE(inner_product)
MEASURE(negative_product)
MEASURE(distance)
MEASURE(cosine_similarity)
MEASURE(cosine_distance)

RESOLVE(resolve_vectors)
{
    wr_type list;

    (void)arg_count;
    *out_result = WR_TYPE(F64);
    for (uint32_t a = 0; a < 2; a++)
        if (!wr_nested_is_list(args[a], &list) ||
            !wr_type_implicit(wr_type_element(list), WR_TYPE(F64)) ||
            wr_type_make_list(WR_TYPE(F64), &args_io[a], NULL) != WR_OK)
            return false;
    return true;
}

/* ---- Table ---------------------------------------------------------------------------------------- */

/* clang-format off */
#define VECTOR(name_, eval_, help_) \
    {.name = name_, .signature = "(list, list) -> Float64", .help = help_, .param_count = 2, \
     .resolve = resolve_vectors, .eval = eval_}
#define VECTORS(name_, eval_, help_) \
    VECTOR("list_" name_, eval_, help_), VECTOR("array_" name_, eval_, "as list_" name_)

static const wr_function FUNCTIONS[] = {
    VECTORS("distance", measure_distance, "how far two points are from each other"),
    VECTORS("inner_product", measure_inner_product, "the sum of the products of elements"),
    VECTORS("dot_product", measure_inner_product, "as list_inner_product"),
    VECTORS("negative_inner_product", measure_negative_product, "minus the inner product"),
    VECTORS("negative_dot_product", measure_negative_product, "as list_negative_inner_product"),
    VECTORS("cosine_similarity", measure_cosine_similarity, "the cosine of the angle between two vectors; NaN if one is null"),
    VECTORS("cosine_distance", measure_cosine_distance, "1 less the cosine similarity"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_LIST_VECTOR = {"lists as vectors", FUNCTIONS,
                                                    sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
