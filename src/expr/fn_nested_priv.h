/* expr/fn_nested_priv.h — what the functions on lists, structs and maps share: reading elements,
 * building results in the heap, comparing.
 *
 * A result is built by a pack_fn, one value a call, in room of a guessed size; when it was too small the
 * call is made again with twice the room. What the call took from the heap besides is given back. */
#ifndef WR_BUILDING_EXPR
#error "fn_nested_priv.h is private to src/expr"
#endif
#ifndef WR_EXPR_FN_NESTED_PRIV_H
#define WR_EXPR_FN_NESTED_PRIV_H

#include "expr/fn_text_priv.h"
#include "types/packed.h"

/* ---- Arguments ---------------------------------------------------------------------------------- */

static inline uint32_t value_bytes(wr_type type)
{
    return wr_physical_bytes(wr_type_physical(type));
}

/** The value of an argument, or NULL. */
static inline const void *cell_at(const wr_vector *arg, uint32_t row)
{
    return wr_vector_is_valid(arg, row) ? (const uint8_t *)arg->data +
                                              (size_t)wr_arg_index(arg, row) * value_bytes(arg->type)
                                        : NULL;
}

static inline wr_packed packed_at(arguments args, uint32_t index, uint32_t row)
{
    return wr_packed_of((const wr_str *)args[index]->data + wr_arg_index(args[index], row));
}

/* ---- Elements ------------------------------------------------------------------------------------ */

/** Any value of an element; a text points into the list. */
typedef struct element {
    _Alignas(16) uint8_t cell[16];
    bool is_null;
} element;

/** Walks a list that lies in memory, or of elements of fixed width in a blob. It points into itself: not to
 *  be copied. */
typedef struct element_reader {
    wr_packed      packed;
    wr_list_cursor cursor;
} element_reader;

static inline void reader_init(element_reader *reader, wr_packed packed, wr_type type)
{
    reader->packed = packed;
    wr_list_cursor_init(&reader->cursor, &reader->packed, type);
}

/** For functions with WR_FN_BLOB_LIST: small reads of a blob go through `window`. */
static inline void reader_init_blob(element_reader *reader, wr_packed packed, wr_type type,
                                    wr_packed_window *window)
{
    reader_init(reader, packed, type);
    if (packed.bytes)
        return;
    window->byte_count = 0; /* it may be of another blob */
    reader->packed.window = window;
}

static inline wr_status reader_next(element_reader *reader, element *out, bool *out_end,
                                    wr_error *err)
{
    wr_slot slot;

    WR_TRY(wr_list_cursor_next(&reader->cursor, &slot, out_end, err));
    if (*out_end)
        return WR_OK;
    out->is_null = slot.is_null;
    if (slot.is_null)
        return WR_OK;
    if (!reader->packed.bytes)
        return wr_packed_read(&reader->packed, slot.offset, out->cell, (size_t)slot.byte_count, err);
    wr_packed_cell(&reader->packed, slot, reader->cursor.element, out->cell);
    return WR_OK;
}

static inline void pack_element(wr_list_packer *list, const element *e)
{
    wr_list_pack_cell(list, e->is_null ? NULL : e->cell);
}

/** Append all elements of `packed`. */
wr_status wr_nested_append(wr_list_packer *list, wr_packed packed, wr_type type, wr_error *err);

/** All elements of a list, in the heap. Errors WR_NO_RESERVE */
typedef struct element_array {
    element *items;
    uint32_t count;
} element_array;

wr_status wr_nested_collect(wr_eval *eval, wr_packed packed, wr_type type, element_array *out,
                            wr_error *err) WR_MUST_USE;

/** Order of two values of one type: NaN equals NaN and is greatest; lists element by element, structs
 *  member by member, NULL inside last. */
int wr_nested_compare(wr_type type, const void *a, const void *b);

/** Indexes of `array` in order of its elements, equal ones by index, NULLs last; in the heap, beside as
 *  much scratch. Errors WR_NO_RESERVE */
wr_status wr_nested_sort(wr_eval *eval, wr_type type, const element_array *array,
                         uint32_t **out_order) WR_MUST_USE;

/** Write the value in `slot` to `out`: short text from the disk is copied to the heap, a long one is a
 *  handle into the whole. Errors WR_NO_RESERVE; WR_CORRUPT, WR_IO */
wr_status wr_nested_put(wr_eval *eval, const wr_packed *packed, wr_slot slot, wr_vector *out,
                        uint32_t row, wr_error *err) WR_MUST_USE;

/* ---- Results ------------------------------------------------------------------------------------- */

/** One call of a function over rows. */
typedef struct nested_call {
    wr_eval   *eval;
    arguments  args;
    uint32_t   arg_count;
    wr_vector *out;
} nested_call;

typedef wr_status (*pack_fn)(const nested_call *call, uint32_t row, wr_packer *packer,
                             wr_error *err);

/** Build the result of `row`, which is likely to have at most `guess` bytes. */
wr_status wr_nested_store(const nested_call *call, uint32_t row, uint64_t guess, pack_fn pack,
                          wr_error *err) WR_MUST_USE;

/** Build the result of every live row; guessed: about as long as the arguments together. */
wr_status wr_nested_store_all(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                              pack_fn pack, wr_error *err) WR_MUST_USE;

#define EVAL_PACKED(name)                                                                          \
    EVAL(name)                                                                                     \
    {                                                                                              \
        return wr_nested_store_all(eval, args, arg_count, out, pack_##name, err);                  \
    }
#define PACK(name)                                                                                 \
    static wr_status pack_##name(const nested_call *call, uint32_t row, wr_packer *packer,         \
                                 wr_error *err)

/* ---- Types --------------------------------------------------------------------------------------- */

/** What argument `arg` is as a List; a NULL is List(Null). False: it is something else. */
bool wr_nested_is_list(const wr_expr *arg, wr_type *out_type);

/** The List that holds the elements of `list` and the values of `value`, and its elements' type. */
bool wr_nested_common_list(const wr_expr *list, const wr_expr *value, wr_type *out_list,
                           wr_type *out_element);

/** Can `arg` stand where an Int64 is needed? */
static inline bool is_index(const wr_expr *arg)
{
    return wr_type_is_integer(arg->type) || wr_expr_distance(arg, WR_TYPE(I64)) != UINT32_MAX;
}

#endif
