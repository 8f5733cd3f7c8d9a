/* expr/cast_priv.h — the families of casts: cast.c chooses, cast_text.c and cast_time.c are the long ones. */
#ifndef WR_BUILDING_EXPR
#error "cast_priv.h is private to src/expr"
#endif
#ifndef WR_EXPR_CAST_PRIV_H
#define WR_EXPR_CAST_PRIV_H

#include "expr/expr_priv.h"

extern const wr_function WR_CAST_FROM_TEXT;
extern const wr_function WR_CAST_TO_TEXT;
extern const wr_function WR_CAST_TIME;
extern const wr_function WR_CAST_TO_JSON;   /* nested to text */
extern const wr_function WR_CAST_FROM_JSON; /* and back       */

/** The value of `row` cannot be cast: NULL for TRY_CAST, else WR_DATA with `reason` ("" or ": why"). */
wr_status wr_cast_refuse(wr_eval *eval, const wr_vector *arg, uint32_t row, const char *reason,
                         wr_vector *out, wr_error *err);

#endif
