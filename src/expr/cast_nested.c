/* expr/cast_nested.c — casts between nested types. */
#include "expr/expr_priv.h"

wr_status wr_expr_cast_nested(wr_bump *bump, wr_expr *arg, wr_type type, bool try_,
                              wr_expr **out_expr, wr_error *err)
{
    char from[WR_TYPE_NAME_BYTES], to[WR_TYPE_NAME_BYTES];

    (void)bump, (void)try_, (void)out_expr;
    return WR_RAISE(err, WR_UNSUPPORTED, "there is no cast from %s to %s",
                    wr_type_format(arg->type, from), wr_type_format(type, to));
}
