/* expr/fn_list_tally.h — lists to one value: walking the elements, also of a list on disk. */
#ifndef WR_BUILDING_EXPR
#error "fn_list_tally.h is private to src/expr"
/** The result type of the aggregate `kind` over the elements, of a list that `arg` can be. */
bool wr_list_resolve_as(wr_agg_kind kind, const wr_expr *arg, wr_type *args_io, wr_type *out_result);

#endif
#ifndef WR_EXPR_FN_LIST_TALLY_H
#define WR_EXPR_FN_LIST_TALLY_H

#include "expr/fn_nested_priv.h"
#include "expr/moments.h"

/* What a list comes to. */
typedef struct tally {
    uint64_t count; /* of elements that are not NULL */
    wr_i128  total;
    bool     overflows;
    wr_fsum  floats;
    double   product;
    element  chosen; /* min, max, first ...; BOOL: and, or */
    uint64_t bits;
    void    *state;  /* the function's */
} tally;

/* Elements of a list that may lie on disk: a window of it, and those that are looked at. */
typedef struct tally_state {
    wr_packed_window window;
    uint64_t         valid[WR_LIST_BLOCK_ELEMENTS / 64];
    _Alignas(16) uint8_t cells[WR_LIST_BLOCK_ELEMENTS * 16];
} tally_state;

/* Add `count` values of `type`, none of them NULL where `valid` is. */
typedef void (*add_fn)(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                       const uint64_t *valid);

#define EACH_CELL(cell)                                                                            \
    for (uint32_t i_ = 0, width_ = value_bytes(type); i_ < count; i_++)                            \
        for (const uint8_t *cell = !valid || wr_bit_get(valid, i_) ? cells + (size_t)i_ * width_   \
                                                                   : NULL;                         \
             cell; cell = NULL)

/** Hand the elements of a list to `add`: blocks of those of fixed width, others one by one, without those that
 *  are NULL. `out->state` stays; the function's state is a tally_state. Errors WR_IO, WR_CORRUPT */
wr_status wr_list_tally(wr_eval *eval, arguments args, uint32_t row, add_fn add, tally *out,
                        wr_error *err) WR_MUST_USE;

/** The result type of the aggregate `kind` over the elements, of a list that `arg` can be. */
bool wr_list_resolve_as(wr_agg_kind kind, const wr_expr *arg, wr_type *args_io, wr_type *out_result);

#endif
