/* parse/parser_fuzz.c — libFuzzer target: any bytes give an error or a tree whose text parses back
 * to the same text. */
#include <stdlib.h>

#include "parse/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count)
{
    enum { PAGE = 65536, PAGES = 256 };
    static wr_arena *arena;
    static wr_lease  lease;
    static wr_bump   bump;
    wr_lease        *leases[] = {&lease};
    wr_text          text = {(const char *)data, byte_count};
    wr_ast          *expr, *again;
    wr_ast_group     list;
    const char      *canonical, *twice;

    if (!arena) {
        if (wr_arena_new((uint64_t)PAGE * PAGES, PAGE, &arena, NULL) != WR_OK)
            abort();
        wr_lease_init(&lease, "plan pool", (uint64_t)PAGE * PAGES, (uint64_t)PAGE * PAGES, PAGE);
        if (wr_lease_open_all(arena, leases, 1, NULL) != WR_OK)
            abort();
        wr_bump_init(&bump, &lease);
    }
    wr_bump_reset(&bump);
    if (wr_parse_grouping(text, NULL, &bump, &list, NULL) == WR_OK && list.part_count == 0)
        abort();
    if (wr_parse_expr(text, NULL, &bump, &expr, NULL) != WR_OK)
        return 0;
    canonical = wr_ast_format(expr, &bump, NULL);
    if (!canonical)
        return 0;
    /* Canonical text may nest deeper than the input by its parentheses: then it may be refused. */
    if (wr_parse_expr(wr_text_of(canonical), NULL, &bump, &again, NULL) != WR_OK) {
        if (expr->depth < WR_PARSE_DEPTH_MAX / 4 && byte_count < 10000)
            abort();
        return 0;
    }
    twice = wr_ast_format(again, &bump, NULL);
    if (twice && strcmp(canonical, twice) != 0)
        abort();
    return 0;
}
