/* bind/bind_priv.h — what the files of the binder share. */
#ifndef WR_BUILDING_BIND
#error "bind/bind_priv.h is private to src/bind"
#endif
#ifndef WR_BIND_BIND_PRIV_H
#define WR_BIND_BIND_PRIV_H

#include "bind/bind.h"
#include "expr/operators.h"

/* Set while an expression over aggregates is bound. */
typedef struct agg_context {
    wr_expr *const *keys;
    uint32_t        key_count;
    wr_agg_list    *list;
} agg_context;

typedef struct binder binder;

/* Set while the body of a lambda is bound: its columns are the parameters, then what it takes from
 * outside. */
typedef struct lambda_context {
    binder       *outer;
    const wr_ast *ast;
    wr_text      *names;
    wr_type      *types;          /* with room for LAMBDA_COLUMNS_MAX        */
    wr_expr     **captured;       /* over the outer binder's columns         */
    uint32_t      parameter_count, column_count;
} lambda_context;

enum { LAMBDA_COLUMNS_MAX = 64 };

struct binder {
    const wr_scope *scope;
    wr_bump        *bump;
    agg_context    *aggregates; /* NULL: aggregate calls are errors         */
    wr_window_list *windows;    /* NULL: window functions are errors too    */
    lambda_context *lambda;     /* NULL: not in a lambda                    */
};

/* Put the place of `ast` into a failure that expr raised; WR_OK stays WR_OK. */
wr_status wr_binder_locate(const binder *b, const wr_ast *ast, wr_status status, wr_error *err);
wr_status wr_binder_fail(const binder *b, const wr_ast *ast, wr_error *err, const char *format, ...)
    WR_PRINTF(4, 5);

/* bind.c */
wr_status wr_binder_node(binder *b, const wr_ast *ast, wr_expr **out_expr,
                         wr_error *err) WR_MUST_USE;
/** Bound, and BOOL; `what` ("AND", "WHEN") is for the message. */
wr_status wr_binder_condition(binder *b, const wr_ast *ast, const char *what, wr_expr **out_expr,
                              wr_error *err) WR_MUST_USE;
/** A call of one of the names in expr/operators.h. */
wr_status wr_binder_operator(binder *b, const wr_ast *ast, const char *name, wr_expr **args,
                             uint32_t arg_count, wr_expr **out_expr, wr_error *err) WR_MUST_USE;
wr_expr **wr_binder_args(binder *b, uint32_t count, wr_error *err);

/* column.c: *out_column stays WR_FIELD_NONE when there is no such column and nothing was raised */
wr_status wr_binder_find_column(const binder *b, const wr_ast *ast, uint32_t *out_column,
                                wr_error *err) WR_MUST_USE;
wr_status wr_binder_column(binder *b, const wr_ast *ast, wr_expr **out_expr,
                           wr_error *err) WR_MUST_USE;
/** What `ast` stands for instead if it is "a.b" where a is a column, not an input: the field b of a. */
wr_status wr_binder_split_field(binder *b, const wr_ast **io_ast, wr_error *err) WR_MUST_USE;
/** An operand of a comparison with `other`: a column, or text in double quotes (wr_scope.warn). */
wr_status wr_binder_operand(binder *b, const wr_ast *ast, const wr_ast *other, wr_expr **out_expr,
                            wr_error *err) WR_MUST_USE;

/* literal.c */
wr_status wr_binder_literal(binder *b, const wr_ast *ast, bool negative, wr_expr **out_expr,
                            wr_error *err) WR_MUST_USE;
bool      wr_ast_is_number(const wr_ast *ast);

/* window.c: *out_expr stays NULL when `ast` is no window function */
wr_status wr_binder_window_part(binder *b, const wr_ast *ast, wr_expr **out_expr,
                                wr_error *err) WR_MUST_USE;
void      wr_binder_offer_windows(wr_suggest *suggest);

/* lambda.c: a call with a lambda among its arguments; *out_expr stays NULL when `ast` is nothing that the
 * body of a lambda has from its parameters or from outside. */
bool      wr_ast_has_lambda(const wr_ast *ast);
bool      wr_binder_is_parameter(const binder *b, wr_text name);
wr_status wr_binder_lambda_call(binder *b, const wr_ast *ast, wr_expr **out_expr,
                                wr_error *err) WR_MUST_USE;
wr_status wr_binder_lambda_part(binder *b, const wr_ast *ast, wr_expr **out_expr,
                                wr_error *err) WR_MUST_USE;

/* aggregate.c: *out_expr stays NULL when `ast` is neither an aggregate call nor a key */
wr_status wr_binder_aggregate_part(binder *b, const wr_ast *ast, wr_expr **out_expr,
                                   wr_error *err) WR_MUST_USE;

#endif
