/* types/str.h — the 16-byte string view of vectors, and the blob handle for long values.
 *
 * Layout: 4 bytes length, then either 12 inline bytes (length <= 12; unused bytes are zero) or a
 * 4-byte prefix and an 8-byte pointer. Because unused inline bytes are zero, equality of the first
 * 8 bytes (length + prefix) is a valid quick test for every pair.
 * A value too long for its batch is a blob: the pointer's top bit is set and the rest points to a
 * wr_blob that can stream the bytes. A vector that may hold blobs says so (WR_VECTOR_BLOBS);
 * code that has not asked for blobs never sees one.
 * Owner: the bytes belong to the batch; valid until the batch's producer is called again.
 * Source: Neumann & Freitag, Umbra (CIDR 2020). */
#ifndef WR_TYPES_STR_H
#define WR_TYPES_STR_H

#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

enum { WR_STR_INLINE_BYTES = 12 };

typedef struct wr_str {
    uint32_t byte_count;
    char     prefix[4]; /* first 4 of up to 12 inline bytes */
    union {
        char      rest[8];
        uintptr_t pointer; /* of the whole value; top bit: wr_blob */
    };
} wr_str;

_Static_assert(sizeof(wr_str) == 16, "string views are 16 bytes");

/** A long value that stays where it is: re-readable bytes of a source, or a spill extent. */
typedef struct wr_blob wr_blob;
struct wr_blob {
    uint64_t byte_count;
    uint64_t hash;     /* wr_hash_bytes of the whole value */
    /** Read up to `bytes` at `offset`; thread-safe; borrowed while the batch is valid. */
    wr_status (*read)(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                      size_t *out_bytes, wr_error *err);
    void    *owner;
    uint64_t position; /* meaning is the owner's */
};

/** Exactly these bytes of it, into `buffer`. Errors WR_CORRUPT it ends before; those of the owner. */
wr_status wr_blob_read(const wr_blob *blob, uint64_t offset, void *buffer, size_t byte_count,
                       wr_error *err) WR_MUST_USE;

#define WR_STR_BLOB_BIT ((uintptr_t)1 << 63)

static inline bool wr_str_is_inline(const wr_str *str)
{
    return str->byte_count <= WR_STR_INLINE_BYTES;
}

static inline bool wr_str_is_blob(const wr_str *str)
{
    return !wr_str_is_inline(str) && (str->pointer & WR_STR_BLOB_BIT) != 0;
}

static inline const wr_blob *wr_str_blob(const wr_str *str)
{
    return (const wr_blob *)(str->pointer & ~WR_STR_BLOB_BIT);
}

/** The bytes; not for blobs. `str` must outlive the result (inline bytes live in it). */
static inline const char *wr_str_bytes(const wr_str *str)
{
    return wr_str_is_inline(str) ? str->prefix : (const char *)str->pointer;
}

static inline wr_text wr_str_text(const wr_str *str)
{
    return (wr_text){wr_str_bytes(str), str->byte_count};
}

/** A view of `bytes`; copies up to 12 inline, else keeps the pointer. byte_count <= UINT32_MAX. */
static inline wr_str wr_str_of(const char *bytes, size_t byte_count)
{
    wr_str str = {.byte_count = (uint32_t)byte_count};

    if (byte_count <= WR_STR_INLINE_BYTES) {
        str.pointer = 0;
        if (byte_count)
            memcpy(str.prefix, bytes, byte_count);
    } else {
        memcpy(str.prefix, bytes, 4);
        str.pointer = (uintptr_t)bytes;
    }
    return str;
}

static inline wr_str wr_str_of_blob(const wr_blob *blob, const char prefix[4])
{
    wr_str str = {.byte_count = blob->byte_count > UINT32_MAX ? UINT32_MAX
                                                              : (uint32_t)blob->byte_count};

    memcpy(str.prefix, prefix, 4);
    str.pointer = (uintptr_t)blob | WR_STR_BLOB_BIT;
    return str;
}

static inline bool wr_str_equal(const wr_str *a, const wr_str *b)
{
    if (memcmp(a, b, 8) != 0)
        return false;
    if (wr_str_is_inline(a))
        return memcmp(a->rest, b->rest, 8) == 0;
    return memcmp((const char *)a->pointer, (const char *)b->pointer, a->byte_count) == 0;
}

/** memcmp order, shorter first. Not for blobs. */
static inline int wr_str_compare(const wr_str *a, const wr_str *b)
{
    uint32_t common = a->byte_count < b->byte_count ? a->byte_count : b->byte_count;
    int      order = memcmp(a->prefix, b->prefix, common < 4 ? common : 4);

    if (order == 0 && common > 4)
        order = memcmp(wr_str_bytes(a) + 4, wr_str_bytes(b) + 4, common - 4);
    if (order != 0)
        return order;
    return a->byte_count < b->byte_count ? -1 : a->byte_count > b->byte_count;
}

#endif
