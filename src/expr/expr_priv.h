/* expr/expr_priv.h — what the files of expr share about types, calls and their tables. */
#ifndef WR_BUILDING_EXPR
#error "expr_priv.h is private to src/expr"
#endif
#ifndef WR_EXPR_EXPR_PRIV_H
#define WR_EXPR_EXPR_PRIV_H

#include "expr/function.h"

/* ---- Types (coerce.c) --------------------------------------------------------------------------- */

/** A constant text: an untyped literal, read as whatever stands beside it. */
static inline bool wr_expr_is_literal(const wr_expr *expr)
{
    return expr->kind == WR_EXPR_CONST && expr->type.logical == WR_TYPE_UTF8 &&
           !expr->value.is_null;
}

static inline bool wr_expr_is_null(const wr_expr *expr)
{
    return expr->type.logical == WR_TYPE_NULL_;
}

/** How far a conversion without asking goes: 0 the same type, higher is worse; UINT32_MAX never. */
uint32_t wr_type_distance(wr_type from, wr_type to);

/** As wr_type_distance for an argument: literals and NULLs go anywhere. */
uint32_t wr_expr_distance(const wr_expr *arg, wr_type to);

/** The type an integer or decimal stands for among decimals; a constant has only its own digits. */
wr_type wr_expr_as_decimal(const wr_expr *arg);

/** Common type of arguments: NULLs and literals follow the others, integer constants that fit take
 *  UInt64 (`adapt`: any integer type) from the others. All literals: Utf8, all NULL: Null. */
bool wr_expr_common(const wr_expr *const *args, uint32_t arg_count, bool adapt, wr_type *out_type);

/* The parts of wr_type_common, wr_type_distance and wr_type_castable where a side is nested
 * (coerce_nested.c): element by element, members by name. */
bool     wr_nested_common(wr_type a, wr_type b, wr_type *out_type);
uint32_t wr_nested_distance(wr_type from, wr_type to);
bool     wr_nested_castable(wr_type from, wr_type to);

/* ---- Calls (call.c, registry.c) ------------------------------------------------------------------ */

/** Functions that are not calls (coalesce, if ...): builds something else. *out_expr NULL: it is not
 *  one of them. */
wr_status wr_expr_special(wr_bump *bump, wr_text name, wr_expr **args, uint32_t arg_count,
                          wr_expr **out_expr, wr_error *err) WR_MUST_USE;

/* Rows of wr_expr_special's table that are about nested values (special_nested.c). */
wr_status wr_make_struct(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                         wr_error *err);
wr_status wr_make_insert(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                         wr_error *err);
wr_status wr_make_field(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                        wr_error *err);
wr_status wr_make_subscript(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                            wr_error *err);

wr_status wr_make_row(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                      wr_error *err);
wr_status wr_make_update(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                         wr_error *err);
wr_status wr_make_struct_concat(wr_bump *bump, wr_expr **args, uint32_t arg_count,
                                wr_expr **out_expr, wr_error *err);
wr_status wr_make_keys(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                       wr_error *err);
wr_status wr_make_field_at(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                           wr_error *err);
wr_status wr_make_push_front(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                             wr_error *err);
wr_status wr_make_pop_back(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                           wr_error *err);
wr_status wr_make_pop_front(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                            wr_error *err);

wr_status wr_make_aggregate(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                            wr_error *err);
wr_status wr_make_string_agg(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                             wr_error *err);
wr_status wr_make_first(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                        wr_error *err);
wr_status wr_make_last(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                       wr_error *err);

/** Member `member` of a struct, as an expression. NULL when the plan pool is spent. */
wr_expr *wr_expr_member(wr_bump *bump, wr_expr *strukt, uint32_t member, wr_error *err);

/** The type of row(...): a Struct with members f1, f2 ... of these types. False: it cannot be made. */
bool wr_nested_make_row(const wr_type *types, uint32_t count, wr_type *out_type);

/** A struct of `type` with these members, whose types are right. NULL when the plan pool is spent. */
wr_expr *wr_expr_struct(wr_bump *bump, wr_type type, wr_expr *const *members, wr_error *err);

/** `value`, or NULL where `arg` is NULL. */
wr_status wr_expr_unless_null(wr_bump *bump, wr_expr *arg, wr_expr *value, wr_expr **out_expr,
                              wr_error *err) WR_MUST_USE;

/** The names that wr_expr_special knows; NULL past the end. */
const char *wr_expr_special_name(uint32_t index);

/** Cast an argument as implicit conversion does; a literal that cannot be read is WR_INVALID. */
wr_status wr_expr_coerce(wr_bump *bump, wr_expr *arg, wr_type type, wr_expr **out_expr,
                         wr_error *err) WR_MUST_USE;

/** The nearest function name, for messages. */

/** A node of `kind` with room for its arguments; NULL when the plan pool is spent. */
wr_expr *wr_expr_node(wr_bump *bump, wr_expr_kind kind, wr_type type, uint32_t arg_count,
                      wr_error *err);

/* ---- Casts (cast.c) ------------------------------------------------------------------------------- */

/** The function that a CAST node runs: one argument, to eval->expr->type; try_ of that node says what
 *  a value that does not fit becomes. */
const wr_function *wr_cast_function(wr_type from, wr_type to);

/** Can a cast between these types fail? */
bool wr_cast_can_fail(wr_type from, wr_type to);

/** Cast between two nested types that differ (lambda.c): element by element, members by name. */
wr_status wr_expr_cast_nested(wr_bump *bump, wr_expr *arg, wr_type type, bool try_,
                              wr_expr **out_expr, wr_error *err) WR_MUST_USE;

/* ---- Operators -------------------------------------------------------------------------------------- */

/** Probes of constant lists; the second if one of them is NULL. */
extern const wr_function WR_IN_FUNCTION;
extern const wr_function WR_IN_NULL_FUNCTION;

extern const wr_function_table WR_FUNCTIONS_ARITH;
extern const wr_function_table WR_FUNCTIONS_TEMPORAL;
extern const wr_function_table WR_FUNCTIONS_BITS;
extern const wr_function_table WR_FUNCTIONS_COMPARE;
extern const wr_function_table WR_FUNCTIONS_LOGIC;
extern const wr_function_table WR_FUNCTIONS_IN;
extern const wr_function_table WR_FUNCTIONS_MATH;
extern const wr_function_table WR_FUNCTIONS_NUMBER;
extern const wr_function_table WR_FUNCTIONS_RANDOM;
extern const wr_function_table WR_FUNCTIONS_STRING;
extern const wr_function_table WR_FUNCTIONS_JOIN;
extern const wr_function_table WR_FUNCTIONS_LIKE;
extern const wr_function_table WR_FUNCTIONS_DATE;
extern const wr_function_table WR_FUNCTIONS_TIME;
extern const wr_function_table WR_FUNCTIONS_INTERVAL;
extern const wr_function_table WR_FUNCTIONS_REGEX;
extern const wr_function_table WR_FUNCTIONS_TEXT;
extern const wr_function_table WR_FUNCTIONS_CODE;
extern const wr_function_table WR_FUNCTIONS_LIST;
extern const wr_function_table WR_FUNCTIONS_LIST_ORDER;
extern const wr_function_table WR_FUNCTIONS_LIST_SUM;
extern const wr_function_table WR_FUNCTIONS_LIST_FOLD;
extern const wr_function_table WR_FUNCTIONS_LIST_TEXT;
extern const wr_function_table WR_FUNCTIONS_LIST_PICK;
extern const wr_function_table WR_FUNCTIONS_LIST_VECTOR;
extern const wr_function_table WR_FUNCTIONS_RANGE;
extern const wr_function_table WR_FUNCTIONS_STRUCT;
extern const wr_function_table WR_FUNCTIONS_JSON;
extern const wr_function_table WR_FUNCTIONS_LAMBDA;

#endif
