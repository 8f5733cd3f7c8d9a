/* parse/parser.h — the one SQL parser. Text in, syntax tree out; nothing is looked up.
 *
 * PostgreSQL's grammar and precedence for expressions, plus what pipelines use: `==` for `=`,
 * `&&` for AND, `||` is concatenation in SQL but OR in EM-root files (option), `!` before an
 * operand is NOT, `!=`. Identifiers fold no case here (columns match exactly, else uniquely regardless of case);
 * "quoted" and `back-quoted` names. Comments -- and nested slash-star. Strings '..' with '' , E'..' escapes,
 * $$..$$. Numbers 1_000, 0xff. Casts CAST(x AS t), TRY_CAST, x::t, t '...'.
 * EXTRACT(f FROM x), SUBSTRING(x FROM a FOR b), POSITION(a IN b), TRIM(BOTH a FROM b), OVERLAY become plain
 * calls. AT TIME ZONE becomes timezone(zone, x). So do [1, 2], ARRAY[1], {'a': 1}, MAP {'k': 1}
 * (list_value, struct_pack, map) and x[1], x[2:3], x.a (array_extract, array_slice); lambdas as
 * arguments: x -> x + 1, (x, i) -> x + i, lambda x: x + 1.
 *
 * Owner    nodes and unescaped text in `bump`; other text borrows the input.
 * Errors   WR_INVALID "3:14: expected ')' before 'x'" plus the line and a caret; depth limit;
 *          a keyword or function typo gets a did-you-mean where one word is near
 * Threads  safe, no state. Cost about 50 ns a token; no recursion beyond WR_PARSE_DEPTH_MAX levels. */
#ifndef WR_PARSE_PARSER_H
#define WR_PARSE_PARSER_H

#include "mem/bump.h"
#include "parse/ast.h"
#include "parse/source.h"

typedef struct wr_parse_options {
    bool             double_pipe_is_or; /* EM-root compatibility: a || b means a OR b when true */
    const wr_source *source;            /* where `text` stands, for messages; NULL: alone       */
} wr_parse_options;

/** One whole expression. `options` may be NULL in all three. */
wr_status wr_parse_expr(wr_text text, const wr_parse_options *options, wr_bump *bump,
                        wr_ast **out_expr, wr_error *err) WR_MUST_USE;

/** "a, b + 1 AS c, d e": a select list; `*` allowed. "old AS new" is the rename of map. */
wr_status wr_parse_items(wr_text text, const wr_parse_options *options, wr_bump *bump,
                         wr_ast_item **out_items, uint32_t *out_count, wr_error *err) WR_MUST_USE;

/** "a, ROLLUP(b, (c, d)), GROUPING SETS ((e), ())": a LIST of elements of GROUP BY. */
wr_status wr_parse_grouping(wr_text text, const wr_parse_options *options, wr_bump *bump,
                            wr_ast_group *out_list, wr_error *err) WR_MUST_USE;

/** "a DESC NULLS LAST, lower(b)". */
wr_status wr_parse_order(wr_text text, const wr_parse_options *options, wr_bump *bump,
                         wr_ast_order **out_items, uint32_t *out_count, wr_error *err) WR_MUST_USE;

/** Canonical SQL text of a tree (few parentheses, lower-case functions, upper-case keywords), in
 *  `bump`; NULL as wr_bump_alloc. parse(format(t)) equals t. The name of an unnamed column. */
const char *wr_ast_format(const wr_ast *expr, wr_bump *bump, wr_error *err);

#endif
