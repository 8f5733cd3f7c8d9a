/* expr/operators.h — the fixed names under which SQL's operators stand in the function registry.
 *
 * Operators are ordinary functions whose names are their SQL symbols or words, so nobody can call
 * or hide them by a function name, and messages read as SQL. The binder turns syntax into
 *
 *   wr_expr_call(bump, wr_text_of(WR_OPERATOR_ADD), args, arg_count, &out, err)
 *
 * and knows nothing about types: wr_expr_call finds the variant, inserts the implicit casts and sets
 * the result type. What it does by itself:
 *   - A constant of type Utf8 is an untyped literal, as in PostgreSQL: beside an argument of another
 *     type it is read as that type (ts >= '2026-01-01'); an unreadable one is an error when bound.
 *   - A constant of type Null takes the type of the other side.
 *   - An integer constant that fits takes the other side's integer type in comparisons and IN, in
 *     arithmetic and CASE only UInt64's; beside a decimal it has as many digits as it is written with.
 *   - coalesce, ifnull, nvl, nvl2, nullif, if, iff become CASE nodes (lazy, as in PostgreSQL); typeof
 *     becomes a constant, date a cast, date_add and date_sub + and -. The binder calls them like
 *     any function.
 *   - WR_OPERATOR_IN takes the value, then all elements, constants and others mixed, in any number:
 *     constants share one hash table, the others become comparisons joined by OR.
 *
 * What the binder spells out itself:
 *   a AND b, a OR b                wr_expr_logic (flat: a AND b AND c is one node of three)
 *   a [NOT] BETWEEN b AND c        a >= b AND a <= c (a's value is computed once), NOT around it;
 *                                  SYMMETRIC: least(b, c), greatest(b, c)
 *   CASE x WHEN y ..., CASE WHEN   wr_expr_case over conditions; x = y for the first form
 *   a NOT IN, NOT LIKE, !~ ...     WR_OPERATOR_NOT around the positive form
 *   CAST, TRY_CAST, x::t, t '...'  wr_expr_cast
 *   f1 == f2, f1 != f2             WR_OPERATOR_EQ, WR_OPERATOR_NE
 *
 * Types of results: see docs of each line; PostgreSQL's where it has the types.
 * Errors of rows: integer and decimal overflow, division by zero (floats too): WR_DATA. */
#ifndef WR_EXPR_OPERATORS_H
#define WR_EXPR_OPERATORS_H

/* Arithmetic. Integers give the wider of both types (Int8 + Int8 is Int8), signed with unsigned the
 * next wider signed one, UInt64 with signed a decimal; Float32 with Float32 a Float32, any float with
 * anything else a Float64; decimals are exact. + and - also: date with integer (days), date, time,
 * timestamp with interval, date + time, date - date (days, Int32), timestamp - timestamp and
 * time - time (interval). * and /: interval with a number. % also on decimals and floats. ^ is
 * Float64. */
#define WR_OPERATOR_ADD "+" /* unary plus too: one argument */
#define WR_OPERATOR_SUB "-" /* negation too: one argument   */
#define WR_OPERATOR_MUL "*"
#define WR_OPERATOR_DIV "/" /* integers truncate towards zero */
#define WR_OPERATOR_MOD "%" /* sign of the dividend           */
#define WR_OPERATOR_POW "^"

/* Bits of integers. A shift keeps the left type; its count must be within the type's width. */
#define WR_OPERATOR_BIT_AND     "&"
#define WR_OPERATOR_BIT_OR      "|"
#define WR_OPERATOR_BIT_XOR     "#"
#define WR_OPERATOR_BIT_NOT     "~" /* one argument; two arguments are WR_OPERATOR_REGEX */
#define WR_OPERATOR_SHIFT_LEFT  "<<"
#define WR_OPERATOR_SHIFT_RIGHT ">>"

/* Comparisons of any two values with a common type: Boolean, NULL if one is. NaN equals NaN and is
 * greatest; text by bytes; a month is 30 days; timestamps by instant, without zone read as UTC. */
#define WR_OPERATOR_EQ           "="
#define WR_OPERATOR_NE           "<>"
#define WR_OPERATOR_LT           "<"
#define WR_OPERATOR_LE           "<="
#define WR_OPERATOR_GT           ">"
#define WR_OPERATOR_GE           ">="
#define WR_OPERATOR_DISTINCT     "is distinct from" /* never NULL */
#define WR_OPERATOR_NOT_DISTINCT "is not distinct from"

/** The four that tell an order, as joins ask them: left op right. */
typedef enum wr_range_op { WR_RANGE_LT, WR_RANGE_LE, WR_RANGE_GT, WR_RANGE_GE } wr_range_op;

/* Tests, one argument, never NULL. */
#define WR_OPERATOR_IS_NULL        "is null"
#define WR_OPERATOR_IS_NOT_NULL    "is not null"
#define WR_OPERATOR_IS_TRUE        "is true"
#define WR_OPERATOR_IS_NOT_TRUE    "is not true"
#define WR_OPERATOR_IS_FALSE       "is false"
#define WR_OPERATOR_IS_NOT_FALSE   "is not false"
#define WR_OPERATOR_IS_UNKNOWN     "is unknown"
#define WR_OPERATOR_IS_NOT_UNKNOWN "is not unknown"

#define WR_OPERATOR_NOT    "not"
#define WR_OPERATOR_CONCAT "||" /* Utf8 with anything, Binary with Binary; NULL if one is */
#define WR_OPERATOR_IN     "in"
#define WR_OPERATOR_MAP_KEY "is a map key" /* a key and how often it occurs: true, or WR_DATA */

/* Patterns: (text, pattern) or, for the first three, (text, pattern, escape). Boolean. */
#define WR_OPERATOR_LIKE         "like"
#define WR_OPERATOR_ILIKE        "ilike"
#define WR_OPERATOR_SIMILAR      "similar to"
#define WR_OPERATOR_REGEX        "~" /* somewhere in the text */
#define WR_OPERATOR_REGEX_NOCASE "~*"

#endif
