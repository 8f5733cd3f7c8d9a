/* ar_meta.h — a flatbuffer of unknown make, read through a small window.
 *
 * Metadata may be larger than memory (it has a few words for every column), so it is read where it
 * lies. Every position, length and table is checked against the metadata's size before it is followed.
 *
 * Invariants: failures stick to the reader, which then gives zeros; nothing is allocated by what
 * is read. Call order: open, root, then anything. Threads: one. Cost: a check and a copy a word,
 * a read when the window has to move. */
#ifndef WR_BUILDING_FORMAT_ARROW
#error "private to plugins/format/arrow"
#endif
#ifndef WR_AR_META_H
#define WR_AR_META_H

#include "io/fs.h"
#include "types/str.h"

enum { AR_BLOB_SHIFT = 31 }; /* a store's blobs have so many bytes, but for the last */

/** Bytes that lie in memory, in a file, or in scratch space. */
typedef struct ar_source {
    const uint8_t *memory; /* NULL: not there     */
    wr_fs_reader  *file;   /* NULL: in the blobs  */
    const wr_blob *blobs;  /* of 2^AR_BLOB_SHIFT  */
    uint64_t       begin;  /* in the file or the blobs */
    uint64_t       size;
} ar_source;

/** Exactly `count` bytes from `offset` on, which lie inside. Errors WR_CORRUPT the file is shorter; WR_IO. */
wr_status wr_ar_source_read(const ar_source *source, uint64_t offset, void *out, uint64_t count,
                            wr_error *err) WR_MUST_USE;

/** A part of a source, which lies inside. */
ar_source wr_ar_source_part(const ar_source *source, uint64_t offset, uint64_t size);

typedef struct ar_meta {
    ar_source source;
    uint8_t  *window;
    uint32_t  window_bytes;
    uint64_t  at;      /* of the window's first byte */
    uint32_t  have;
    uint64_t  visits;  /* of tables that are left: what refers to itself ends */
    wr_status status;
    wr_error *err;
} ar_meta;

typedef struct ar_table {
    uint64_t at, vtable;
    uint32_t vtable_bytes, bytes;
} ar_table;

typedef struct ar_list {
    uint64_t at;
    uint32_t count;
} ar_list;

/** The window has 512 bytes at least, if the source is not in memory. */
void wr_ar_meta_open(ar_meta *meta, ar_source source, void *window, uint32_t window_bytes, wr_error *err);

/** Say that the metadata is damaged; the first failure counts. */
void wr_ar_meta_fail(ar_meta *meta, const char *what);

/** A word of 1, 2, 4 or 8 bytes. */
uint64_t wr_ar_word(ar_meta *meta, uint64_t at, uint32_t width);

ar_table wr_ar_root(ar_meta *meta);

/** A number in a slot, of `width` bytes, signed. */
int64_t wr_ar_int(ar_meta *meta, const ar_table *table, uint32_t slot, uint32_t width, int64_t fallback);

/** What a slot refers to; false: nothing. */
bool wr_ar_child(ar_meta *meta, const ar_table *table, uint32_t slot, ar_table *out);
/** A vector of items of `item_bytes`; no items if there is none. */
ar_list wr_ar_vector(ar_meta *meta, const ar_table *table, uint32_t slot, uint32_t item_bytes);
/** The `index`-th table of a vector of tables. */
ar_table wr_ar_item(ar_meta *meta, const ar_list *list, uint32_t index);
/** Copy as much of `text` (a vector of bytes) as `room` takes, and a zero; returns the bytes copied. */
uint32_t wr_ar_text(ar_meta *meta, const ar_list *text, char *out, uint32_t room);

#endif
