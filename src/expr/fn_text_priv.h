/* expr/fn_text_priv.h — what the files of text functions share: arguments, results, code points.
 *
 * Positions and lengths count code points; texts are valid UTF-8 (readers check it), so one begins at
 * every byte that is not 10xxxxxx. */
#ifndef WR_BUILDING_EXPR
#error "fn_text_priv.h is private to src/expr"
#endif
#ifndef WR_EXPR_FN_TEXT_PRIV_H
#define WR_EXPR_FN_TEXT_PRIV_H

#include "expr/expr_priv.h"
#include "types/utf8.h"

typedef const wr_vector *const *arguments;

enum { RESULT_BYTES_MAX = 1 << 30 };

#define EVAL(name)                                                                                 \
    static wr_status name(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,       \
                          wr_error *err)
#define RESOLVE(name)                                                                              \
    static bool name(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,             \
                     wr_type *out_result)
#define EACH_LIVE(row)                                                                             \
    for (uint32_t i_ = 0, row = 0;                                                                 \
         i_ < eval->live.row_count && ((row = wr_selection_row(&eval->live, i_)), true); i_++)

static inline wr_text text_at(arguments args, uint32_t index, uint32_t row)
{
    return wr_str_text((const wr_str *)args[index]->data + wr_arg_index(args[index], row));
}

static inline int64_t int_at(arguments args, uint32_t index, uint32_t row)
{
    return ((const int64_t *)args[index]->data)[wr_arg_index(args[index], row)];
}

/** A part of an argument, or of the heap: no copy, but of texts that fit the view. */
static inline void put_part(wr_vector *out, uint32_t row, const char *bytes, size_t byte_count)
{
    ((wr_str *)out->data)[row] = wr_str_of(bytes, byte_count);
}

/** Room for a result of `byte_count` bytes; NULL: the heap is spent. Short results use `small`. */
static inline char *result_room(wr_eval *eval, size_t byte_count, char small[WR_STR_INLINE_BYTES])
{
    return byte_count <= WR_STR_INLINE_BYTES ? small : wr_bump_try_alloc(eval->heap, byte_count);
}

static inline wr_status fail_too_long(wr_eval *eval, uint32_t row, wr_error *err)
{
    return wr_eval_fail(eval, row, err, "%s: the result would be longer than 1 GiB",
                        eval->expr->function->name);
}

static inline bool is_start(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

static inline int64_t count_points(wr_text text)
{
    return (int64_t)wr_utf8_count(text.bytes, text.byte_count);
}

/** Byte offset of the index-th code point (from 0), or byte_count. */
static inline size_t offset_of(wr_text text, int64_t index)
{
    return wr_utf8_offset(text.bytes, text.byte_count, (size_t)index);
}

/** Code points [from, to) of the text, clamped. */
static inline wr_text cut(wr_text text, int64_t from, int64_t to)
{
    size_t begin, end;

    from = from < 0 ? 0 : from;
    if (to <= from)
        return (wr_text){text.bytes, 0};
    begin = offset_of(text, from);
    text.bytes += begin;
    text.byte_count -= begin;
    end = offset_of(text, to - from);
    return (wr_text){text.bytes, end};
}

/** Bytes of the code point at `at`. */
static inline size_t point_bytes(wr_text text, size_t at)
{
    size_t end = at + 1;

    while (end < text.byte_count && !is_start(text.bytes[end]))
        end++;
    return end - at;
}

/* ---- Texts on disk (fn_text_long.c) ------------------------------------------------------------- */

/** The handle of a text that lies on disk; NULL: it is in memory. */
static inline const wr_blob *blob_at(arguments args, uint32_t index, uint32_t row)
{
    const wr_str *str = (const wr_str *)args[index]->data + wr_arg_index(args[index], row);

    return wr_str_is_blob(str) ? wr_str_blob(str) : NULL;
}

/** Code points in its first `end` bytes. */
wr_status wr_long_text_count(const wr_blob *text, uint64_t end, int64_t *out_count,
                             wr_error *err) WR_MUST_USE;

/** Code points [from, to) of the text, clamped, as the result of `row`: a copy, or if it is long a handle
 *  into the whole. Errors WR_NO_RESERVE; those of the blob */
wr_status wr_long_text_cut(wr_eval *eval, const wr_blob *text, int64_t from, int64_t to,
                           wr_vector *out, uint32_t row, wr_error *err) WR_MUST_USE;

/** Byte offset of `part` from `from` on, or UINT64_MAX. Errors WR_NO_RESERVE; those of the blob */
wr_status wr_long_text_find(wr_eval *eval, const wr_blob *text, wr_text part, uint64_t *out_at,
                            wr_error *err) WR_MUST_USE;

/** Do the bytes from `at` on begin with `part`? */
wr_status wr_long_text_has(const wr_blob *text, uint64_t at, wr_text part, bool *out_has,
                           wr_error *err) WR_MUST_USE;

#endif
