/* expr/registry.c — the list of function families. A family is one table in its own file. */
#include "expr/expr_priv.h"

static const wr_function_table *const TABLES[] = {
    &WR_FUNCTIONS_STRING, &WR_FUNCTIONS_JOIN,  &WR_FUNCTIONS_LIKE,     &WR_FUNCTIONS_ARITH,
    &WR_FUNCTIONS_TEMPORAL, &WR_FUNCTIONS_BITS, &WR_FUNCTIONS_COMPARE, &WR_FUNCTIONS_LOGIC,
    &WR_FUNCTIONS_IN,     &WR_FUNCTIONS_MATH,  &WR_FUNCTIONS_NUMBER,   &WR_FUNCTIONS_RANDOM,
    &WR_FUNCTIONS_DATE,   &WR_FUNCTIONS_TIME,  &WR_FUNCTIONS_INTERVAL, &WR_FUNCTIONS_REGEX,
    &WR_FUNCTIONS_TEXT,   &WR_FUNCTIONS_CODE,  &WR_FUNCTIONS_LIST,     &WR_FUNCTIONS_STRUCT,
    &WR_FUNCTIONS_JSON,   &WR_FUNCTIONS_LAMBDA, &WR_FUNCTIONS_LIST_ORDER,
    &WR_FUNCTIONS_LIST_SUM, &WR_FUNCTIONS_LIST_FOLD, &WR_FUNCTIONS_LIST_TEXT, &WR_FUNCTIONS_LIST_PICK,
    &WR_FUNCTIONS_LIST_VECTOR, &WR_FUNCTIONS_RANGE,
};

const wr_function_table *wr_function_table_at(uint32_t index)
{
    return index < sizeof TABLES / sizeof TABLES[0] ? TABLES[index] : NULL;
}

bool wr_function_is_known(wr_text name)
{
    const wr_function_table *table;

    for (uint32_t t = 0; (table = wr_function_table_at(t)) != NULL; t++)
        for (uint32_t f = 0; f < table->function_count; f++)
            if (wr_text_equal_nocase(name, wr_text_of(table->functions[f].name)))
                return true;
    for (uint32_t i = 0; wr_expr_special_name(i); i++)
        if (wr_text_equal_nocase(name, wr_text_of(wr_expr_special_name(i))))
            return true;
    return false;
}

void wr_function_suggest(wr_text name, wr_error *err)
{
    const wr_function_table *table;
    wr_suggest suggest;

    wr_suggest_init(&suggest, name);
    for (uint32_t t = 0; (table = wr_function_table_at(t)) != NULL; t++)
        for (uint32_t f = 0; f < table->function_count; f++)
            wr_suggest_offer(&suggest, wr_text_of(table->functions[f].name));
    for (uint32_t i = 0; wr_expr_special_name(i); i++)
        wr_suggest_offer(&suggest, wr_text_of(wr_expr_special_name(i)));
    wr_suggest_append(&suggest, err);
}
