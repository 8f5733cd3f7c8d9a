/* parse/grouping.c — what stands behind GROUP BY: expressions, ROLLUP, CUBE, GROUPING SETS.
 *
 * None of these words is a keyword: a name before a parenthesis is taken for ROLLUP or CUBE only
 * here, where no function of that name could stand. Lists in parentheses are one level deep but in
 * GROUPING SETS, so looking ahead for the end of a list costs a few looks a token. */
#include "parse/parser_priv.h"

static wr_status append_part(parser *p, wr_ast_group *list, const wr_ast_group *part, wr_error *err)
{
    if (list->part_count == list->part_capacity) {
        uint32_t      capacity = list->part_capacity ? 2 * list->part_capacity : 4;
        wr_ast_group *parts = WR_BUMP_NEW_ARRAY(p->bump, wr_ast_group, capacity, err);

        if (!parts)
            return WR_NO_MEMORY;
        if (list->part_count > 0)
            memcpy(parts, list->parts, list->part_count * sizeof parts[0]);
        list->parts = parts;
        list->part_capacity = capacity;
    }
    list->parts[list->part_count++] = *part;
    return WR_OK;
}

/* Does a list of keys begin here, "(a, b)", "(a)" or "()"? An expression may begin with a parenthesis
 * as well, "(a + b) * 2", and is followed by something else. */
static wr_status find_list(const parser *p, bool *out_is_list, wr_error *err)
{
    parser   ahead = *p;
    uint32_t depth = 0, tokens = 0;
    bool     has_comma = false;

    *out_is_list = false;
    if (p->token.kind != WR_TOKEN_OPEN)
        return WR_OK;
    do {
        depth += ahead.token.kind == WR_TOKEN_OPEN;
        depth -= ahead.token.kind == WR_TOKEN_CLOSE;
        has_comma |= depth == 1 && ahead.token.kind == WR_TOKEN_COMMA;
        if (ahead.token.kind == WR_TOKEN_END)
            return WR_OK;
        WR_TRY(wr_parser_next(&ahead, err));
        tokens++;
    } while (depth > 0);
    *out_is_list = has_comma || tokens == 2 || ahead.token.kind == WR_TOKEN_COMMA ||
                   ahead.token.kind == WR_TOKEN_CLOSE || ahead.token.kind == WR_TOKEN_END;
    return WR_OK;
}

static wr_status find_kind(const parser *p, wr_ast_group_kind *out_kind, wr_error *err)
{
    wr_token behind;
    bool     is_list;

    WR_TRY(find_list(p, &is_list, err));
    *out_kind = is_list ? WR_GROUP_LIST : WR_GROUP_ITEM;
    if (p->token.kind != WR_TOKEN_WORD)
        return WR_OK;
    WR_TRY(wr_parser_peek(p, &behind, err));
    if (behind.kind == WR_TOKEN_OPEN && wr_token_is_word(&p->token, "rollup"))
        *out_kind = WR_GROUP_ROLLUP;
    else if (behind.kind == WR_TOKEN_OPEN && wr_token_is_word(&p->token, "cube"))
        *out_kind = WR_GROUP_CUBE;
    else if (wr_token_is_word(&p->token, "grouping") && wr_token_is_word(&behind, "sets"))
        *out_kind = WR_GROUP_SETS;
    return WR_OK;
}

static wr_status parse_element(parser *p, bool in_list, wr_ast_group *out_group, wr_error *err);

/* Elements up to and with ')'; the current token is '('. */
static wr_status parse_elements(parser *p, wr_ast_group *group, wr_error *err)
{
    WR_TRY(wr_parser_expect(p, WR_TOKEN_OPEN, "'('", err));
    while (p->token.kind != WR_TOKEN_CLOSE || group->part_count > 0) {
        wr_ast_group part;

        WR_TRY(parse_element(p, group->kind == WR_GROUP_LIST, &part, err));
        WR_TRY(append_part(p, group, &part, err));
        if (p->token.kind != WR_TOKEN_COMMA)
            break;
        WR_TRY(wr_parser_next(p, err));
    }
    return wr_parser_expect(p, WR_TOKEN_CLOSE, "',' or ')'", err);
}

static wr_status parse_element(parser *p, bool in_list, wr_ast_group *out_group, wr_error *err)
{
    *out_group = (wr_ast_group){.kind = WR_GROUP_ITEM, .place = p->token.place};
    if (!in_list)
        WR_TRY(find_kind(p, &out_group->kind, err));
    if (out_group->kind == WR_GROUP_ITEM)
        return wr_parser_item(p, &out_group->item, err);
    if (++p->nesting > WR_PARSE_DEPTH_MAX)
        return wr_parser_fail(p, out_group->place, err, "grouping sets are nested too deeply");
    if (out_group->kind != WR_GROUP_LIST)
        WR_TRY(wr_parser_next(p, err));
    if (out_group->kind == WR_GROUP_SETS)
        WR_TRY(wr_parser_next(p, err));
    WR_TRY(parse_elements(p, out_group, err));
    p->nesting--;
    return WR_OK;
}

wr_status wr_parse_grouping(wr_text text, const wr_parse_options *options, wr_bump *bump,
                            wr_ast_group *out_list, wr_error *err)
{
    parser p;

    *out_list = (wr_ast_group){.kind = WR_GROUP_LIST};
    WR_TRY(wr_parser_begin(&p, text, options, bump, err));
    for (;;) {
        wr_ast_group part;

        WR_TRY(parse_element(&p, false, &part, err));
        WR_TRY(append_part(&p, out_list, &part, err));
        if (p.token.kind != WR_TOKEN_COMMA)
            break;
        WR_TRY(wr_parser_next(&p, err));
    }
    return p.token.kind == WR_TOKEN_END
               ? WR_OK
               : wr_parser_fail_expected(&p, "an operator, AS, ',' or the end", err);
}
