/* expr/window.c — names of window functions: table look-ups. */
#include "expr/window.h"

static const struct {
    const char *name, *help;
} WINDOWS[WR_WINDOW_AGGREGATE] = {
#define X(id, name, help) [WR_WINDOW_##id] = {name, help},
#include "expr/window.def"
#undef X
};

bool wr_window_find(wr_text name, wr_window_kind *out_kind)
{
    for (uint32_t kind = 0; kind < WR_WINDOW_AGGREGATE; kind++)
        if (wr_text_equal_nocase(name, wr_text_of(WINDOWS[kind].name))) {
            *out_kind = (wr_window_kind)kind;
            return true;
        }
    return false;
}

const char *wr_window_name(wr_window_kind kind)
{
    return WINDOWS[kind].name;
}

const char *wr_window_help(wr_window_kind kind)
{
    return WINDOWS[kind].help;
}

bool wr_window_takes_value(wr_window_kind kind)
{
    return kind >= WR_WINDOW_LAG && kind <= WR_WINDOW_NTH_VALUE;
}
