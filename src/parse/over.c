/* parse/over.c — OVER (PARTITION BY ... ORDER BY ... frame) behind a call. */
#include "parse/parser_priv.h"

static wr_status accept_word(parser *p, const char *word, bool *out_taken, wr_error *err)
{
    *out_taken = wr_token_is_word(&p->token, word);
    return *out_taken ? wr_parser_next(p, err) : WR_OK;
}

static wr_status expect_word(parser *p, const char *word, const char *what, wr_error *err)
{
    bool taken;

    WR_TRY(accept_word(p, word, &taken, err));
    return taken ? WR_OK : wr_parser_fail_expected(p, what, err);
}

/* UNBOUNDED PRECEDING, n PRECEDING, CURRENT ROW, n FOLLOWING, UNBOUNDED FOLLOWING */
static wr_status parse_bound(parser *p, wr_ast_bound *out_bound, wr_error *err)
{
    wr_ast_bound bound = {.place = p->token.place};
    bool         unbounded, preceding;

    WR_TRY(accept_word(p, "unbounded", &unbounded, err));
    if (!unbounded && wr_token_is_word(&p->token, "current")) {
        WR_TRY(wr_parser_next(p, err));
        WR_TRY(expect_word(p, "row", "ROW after CURRENT", err));
        bound.kind = WR_BOUND_CURRENT_ROW;
        *out_bound = bound;
        return WR_OK;
    }
    if (!unbounded)
        WR_TRY(wr_parser_expr(p, PREC_ADD, &bound.offset, err));
    WR_TRY(accept_word(p, "preceding", &preceding, err));
    if (!preceding)
        WR_TRY(expect_word(p, "following", "PRECEDING or FOLLOWING", err));
    if (unbounded)
        bound.kind = preceding ? WR_BOUND_UNBOUNDED_PRECEDING : WR_BOUND_UNBOUNDED_FOLLOWING;
    else
        bound.kind = preceding ? WR_BOUND_PRECEDING : WR_BOUND_FOLLOWING;
    *out_bound = bound;
    return WR_OK;
}

/* EXCLUDE CURRENT ROW, GROUP, TIES, NO OTHERS */
static wr_status parse_exclude(parser *p, wr_ast_over *over, wr_error *err)
{
    bool taken;

    WR_TRY(accept_word(p, "exclude", &taken, err));
    if (!taken)
        return WR_OK;
    WR_TRY(accept_word(p, "current", &taken, err));
    if (taken) {
        over->exclude = WR_EXCLUDES_ROW;
        return expect_word(p, "row", "ROW after CURRENT", err);
    }
    WR_TRY(accept_word(p, "no", &taken, err));
    if (taken)
        return expect_word(p, "others", "OTHERS after NO", err);
    over->exclude = WR_EXCLUDES_GROUP;
    WR_TRY(accept_word(p, "group", &taken, err));
    if (taken)
        return WR_OK;
    over->exclude = WR_EXCLUDES_TIES;
    return expect_word(p, "ties", "CURRENT ROW, GROUP, TIES or NO OTHERS after EXCLUDE", err);
}

static wr_status parse_frame(parser *p, wr_ast_over *over, wr_error *err)
{
    static const char *const UNITS[] = {"rows", "range", "groups"};
    bool                     between;

    for (uint32_t u = 0; u < 3 && !over->has_frame; u++) {
        WR_TRY(accept_word(p, UNITS[u], &over->has_frame, err));
        over->units = (wr_ast_units)u;
    }
    if (!over->has_frame)
        return WR_OK;
    WR_TRY(wr_parser_accept(p, WR_KW_BETWEEN, &between, err));
    WR_TRY(parse_bound(p, &over->start, err));
    over->end = (wr_ast_bound){.kind = WR_BOUND_CURRENT_ROW, .place = over->start.place};
    if (between) {
        WR_TRY(wr_parser_expect_keyword(p, WR_KW_AND, "AND in BETWEEN", err));
        WR_TRY(parse_bound(p, &over->end, err));
    }
    return parse_exclude(p, over, err);
}

static wr_status parse_partitions(parser *p, wr_ast_over *over, wr_error *err)
{
    node_list list = {0};

    if (!wr_token_is_word(&p->token, "partition"))
        return WR_OK;
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(expect_word(p, "by", "BY after PARTITION", err));
    for (;;) {
        wr_ast *key;

        WR_TRY(wr_parser_expr(p, PREC_ANY, &key, err));
        WR_TRY(wr_parser_append(p, &list, key, err));
        if (p->token.kind != WR_TOKEN_COMMA)
            break;
        WR_TRY(wr_parser_next(p, err));
    }
    over->partitions = list.items;
    over->partition_count = list.count;
    return WR_OK;
}

wr_status wr_parser_nulls(parser *p, wr_ast *node, wr_error *err)
{
    wr_token behind;
    bool     ignores = wr_token_is_word(&p->token, "ignore");

    if (!ignores && !wr_token_is_word(&p->token, "respect"))
        return WR_OK;
    WR_TRY(wr_parser_peek(p, &behind, err));
    if (!wr_token_is_word(&behind, "nulls"))
        return WR_OK;
    node->ignore_nulls = ignores;
    WR_TRY(wr_parser_next(p, err));
    return wr_parser_next(p, err);
}

wr_status wr_parser_over(parser *p, wr_ast *node, wr_error *err)
{
    wr_ast_over *over;

    WR_TRY(wr_parser_nulls(p, node, err));
    if (p->token.keyword != WR_KW_OVER)
        return WR_OK;
    over = WR_BUMP_NEW(p->bump, wr_ast_over, err);
    if (!over)
        return WR_NO_MEMORY;
    over->place = p->token.place;
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_expect(p, WR_TOKEN_OPEN, "'(' after OVER", err));
    WR_TRY(parse_partitions(p, over, err));
    if (p->token.keyword == WR_KW_ORDER) {
        WR_TRY(wr_parser_next(p, err));
        WR_TRY(expect_word(p, "by", "BY after ORDER", err));
        WR_TRY(wr_parser_order_list(p, &over->order, &over->order_count, err));
    }
    WR_TRY(parse_frame(p, over, err));
    WR_TRY(wr_parser_expect(p, WR_TOKEN_CLOSE,
                            over->has_frame ? "')' behind the frame"
                                            : "PARTITION BY, ORDER BY, ROWS, RANGE, GROUPS or ')'",
                            err));
    node->over = over;
    return WR_OK;
}
