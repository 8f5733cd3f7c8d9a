/* parse/ast.h — syntax trees of SQL expressions (statements follow in the SQL issue).
 *
 * Nodes live in one bump (the plan pool) and are never freed singly. A node knows its place, for
 * messages: where it begins or, between operands, where its operator stands; line and column (in
 * characters) inside its text, counted from 1. parse/source.h turns that into a place in a file.
 * Trees are at most WR_PARSE_DEPTH_MAX deep, so walkers may recurse. All text is valid UTF-8. */
#ifndef WR_PARSE_AST_H
#define WR_PARSE_AST_H

#include <stdint.h>

#include "base/text.h"
#include "types/type.h"

enum { WR_PARSE_DEPTH_MAX = 200 };

typedef struct wr_place {
    uint32_t line, column; /* from 1 */
} wr_place;

typedef enum wr_ast_kind {
    WR_AST_NULL,
    WR_AST_BOOL,      /* boolean                                                        */
    WR_AST_INTEGER,   /* text: digits, or 0x.., 0o.., 0b..                              */
    WR_AST_DECIMAL,   /* text: digits with a point, exact                               */
    WR_AST_FLOAT,     /* text: with an exponent                                         */
    WR_AST_STRING,    /* text: unescaped                                                */
    WR_AST_TYPED,     /* DATE '...', TIMESTAMP '...', INTERVAL '...': text, type; X'..' is
                         BINARY with PostgreSQL's "\x.." as text                         */
    WR_AST_COLUMN,    /* text: column; qualifier: "" or table; quoted                   */
    WR_AST_STAR,      /* *, or qualifier.*; only as count(*) and in select lists        */
    WR_AST_UNARY,     /* op: - + NOT ~; args[0]                                         */
    WR_AST_BINARY,    /* op; args[0], args[1]; AND and OR: 2 or more (chains are flat)  */
    WR_AST_CALL,      /* text: function name, lower case; args; distinct, filter, order */
    WR_AST_CASE,      /* args: [operand,] when, then, when, then ... [else]             */
    WR_AST_CAST,      /* args[0]; type; try_                                            */
    WR_AST_IS,        /* op: IS_NULL, IS_TRUE, IS_FALSE, IS_UNKNOWN, IS_DISTINCT; negated */
    WR_AST_BETWEEN,   /* args[0] BETWEEN args[1] AND args[2]; negated, symmetric        */
    WR_AST_IN,        /* args[0] IN (args[1..]); negated                                */
    WR_AST_LIKE,      /* args[0] LIKE args[1] [ESCAPE args[2]]; op; negated             */
    WR_AST_LAMBDA,    /* args: parameters, as COLUMNs, then the body                    */
} wr_ast_kind;

typedef enum wr_ast_op {
    WR_OP_NONE,
    WR_OP_OR, WR_OP_AND, WR_OP_NOT,
    WR_OP_EQ, WR_OP_NE, WR_OP_LT, WR_OP_LE, WR_OP_GT, WR_OP_GE,
    WR_OP_ADD, WR_OP_SUB, WR_OP_MUL, WR_OP_DIV, WR_OP_MOD, WR_OP_POW,
    WR_OP_CONCAT, WR_OP_BIT_AND, WR_OP_BIT_OR, WR_OP_BIT_XOR, WR_OP_BIT_NOT,
    WR_OP_SHIFT_LEFT, WR_OP_SHIFT_RIGHT,
    WR_OP_NEG, WR_OP_PLUS,
    WR_OP_IS_NULL, WR_OP_IS_TRUE, WR_OP_IS_FALSE, WR_OP_IS_UNKNOWN, WR_OP_IS_DISTINCT,
    WR_OP_LIKE, WR_OP_ILIKE, WR_OP_SIMILAR,
    WR_OP_REGEX, WR_OP_REGEX_NOCASE, WR_OP_NOT_REGEX, WR_OP_NOT_REGEX_NOCASE, /* ~ ~* !~ !~* */
} wr_ast_op;

typedef struct wr_ast wr_ast;

typedef struct wr_ast_order {
    wr_ast *expr;
    bool    descending;
    int8_t  nulls; /* -1 FIRST, +1 LAST, 0 not said: last ascending, first descending */
} wr_ast_order;

typedef enum wr_ast_bound_kind {
    WR_BOUND_UNBOUNDED_PRECEDING, WR_BOUND_PRECEDING, WR_BOUND_CURRENT_ROW, WR_BOUND_FOLLOWING,
    WR_BOUND_UNBOUNDED_FOLLOWING
} wr_ast_bound_kind;

typedef struct wr_ast_bound {
    wr_ast_bound_kind kind;
    wr_place          place;
    wr_ast           *offset; /* PRECEDING, FOLLOWING */
} wr_ast_bound;

typedef enum wr_ast_units { WR_UNITS_ROWS, WR_UNITS_RANGE, WR_UNITS_GROUPS } wr_ast_units;

typedef enum wr_ast_exclude {
    WR_EXCLUDES_NOTHING, WR_EXCLUDES_ROW, WR_EXCLUDES_GROUP, WR_EXCLUDES_TIES
} wr_ast_exclude;

/** OVER (PARTITION BY ... ORDER BY ... frame). */
typedef struct wr_ast_over {
    wr_place      place;
    wr_ast      **partitions;
    uint32_t      partition_count, order_count;
    wr_ast_order *order;
    bool          has_frame;
    bool          inherits;  /* only a frame was given: the rest is the step's */
    wr_ast_units  units;
    wr_ast_bound  start, end;
    wr_ast_exclude exclude;
} wr_ast_over;

struct wr_ast {
    wr_ast_kind kind;
    wr_ast_op   op;
    wr_place    place;
    wr_text     text;
    wr_text     qualifier; /* COLUMN: its table; CAST, TYPED: the type as it was written */
    wr_type     type;
    bool        boolean, negated, symmetric, try_, distinct, has_operand, has_else, quoted;
    uint32_t    depth; /* of the tree below and including this node, from 1 */
    uint32_t    arg_count;
    wr_ast    **args;
    wr_ast     *filter;      /* aggregate FILTER (WHERE ...), or NULL */
    uint32_t    order_count; /* aggregate ORDER BY                    */
    wr_ast_order *order;
    bool         within_group; /* the order stands in WITHIN GROUP (ORDER BY ...) */
    bool         ignore_nulls; /* IGNORE NULLS behind or inside a call     */
    wr_ast_over *over;       /* window function's OVER (...), or NULL */
};

/** An entry of a select list: expression and the name it gets ("" if none was given). */
typedef struct wr_ast_item {
    wr_ast *expr;
    wr_text alias;
} wr_ast_item;

typedef enum wr_ast_group_kind {
    WR_GROUP_ITEM,   /* a key                                        */
    WR_GROUP_LIST,   /* (a, b): keys that are present together; ()   */
    WR_GROUP_ROLLUP, /* of keys and lists                            */
    WR_GROUP_CUBE,   /* of keys and lists                            */
    WR_GROUP_SETS,   /* GROUPING SETS (...), of anything             */
} wr_ast_group_kind;

/** An element of GROUP BY. */
typedef struct wr_ast_group wr_ast_group;
struct wr_ast_group {
    wr_ast_group_kind kind;
    wr_place          place;
    wr_ast_item       item;
    wr_ast_group     *parts;
    uint32_t          part_count, part_capacity;
    uint32_t          key_first, key_count; /* ITEM: its keys, once they are bound; `*` is several */
};

#endif
