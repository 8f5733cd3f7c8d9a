/* mem/scratch.h — scratch space: bytes put aside on disk and read back in any order.
 *
 * What formats and connectors use when something does not fit their lease (a decoded window, a page
 * that needs several cursors, a value longer than a page). They must not know spill/, which
 * implements this interface; tests implement it with a plain file.
 *
 * Invariants
 *  1. Appending needs no memory beyond what the implementation was given at the start.
 *  2. What is read back equals what was appended, or the read fails: content is checksummed.
 *  3. Everything appended stays until the implementation is freed, at the end of the query, or the
 *     area is cleared that it was appended to.
 * Threads: all calls are safe from any thread. */
#ifndef WR_MEM_SCRATCH_H
#define WR_MEM_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Where one append landed; opaque, unique, never 0. */
typedef uint64_t wr_scratch_position;

typedef struct wr_scratch wr_scratch;

/* Where an implementation keeps what it knows of an area. Embed it; it does not move while in use. */
typedef struct wr_scratch_area {
    uint64_t words[16];
} wr_scratch_area;

typedef struct wr_scratch_ops {
    /* Put `byte_count` bytes aside.
     * Shape   byte_count >= 1; at most the piece size the implementation was set up for
     * Errors  WR_NO_SPACE the quota or the disk is full; WR_IO */
    wr_status (*append)(void *self, const void *bytes, size_t byte_count,
                        wr_scratch_position *out_position, wr_error *err);

    /* Read up to `byte_count` bytes, `offset` bytes into what was appended at `position`.
     * *out_byte_count < byte_count only at the end of that piece, 0 from there on.
     * Errors  WR_CORRUPT what comes back is not what was appended; WR_IO */
    wr_status (*read)(void *self, wr_scratch_position position, uint64_t offset, void *buffer,
                      size_t byte_count, size_t *out_byte_count, wr_error *err);

    /* An empty part of the scratch space, which is used like the whole and can be cleared. NULL: there
     * are no areas. */
    void (*open_area)(void *self, wr_scratch_area *area, wr_scratch *out_scratch);

    /* Of an area: give everything back that was appended to it. Nobody reads or appends meanwhile.
     * NULL: this is no area. */
    void (*clear)(void *self);
} wr_scratch_ops;

/* A handle to pass by value. */
struct wr_scratch {
    const wr_scratch_ops *ops; /* NULL: no scratch space was set up */
    void                 *self;
};

static inline wr_status wr_scratch_append(wr_scratch scratch, const void *bytes, size_t byte_count,
                                          wr_scratch_position *out_position, wr_error *err)
{
    return scratch.ops->append(scratch.self, bytes, byte_count, out_position, err);
}

static inline wr_status wr_scratch_read(wr_scratch scratch, wr_scratch_position position,
                                        uint64_t offset, void *buffer, size_t byte_count,
                                        size_t *out_byte_count, wr_error *err)
{
    return scratch.ops->read(scratch.self, position, offset, buffer, byte_count, out_byte_count,
                             err);
}

/* Where there are no areas, the whole: then clearing does nothing. */
static inline wr_scratch wr_scratch_open_area(wr_scratch scratch, wr_scratch_area *area)
{
    if (scratch.ops && scratch.ops->open_area)
        scratch.ops->open_area(scratch.self, area, &scratch);
    return scratch;
}

static inline void wr_scratch_clear(wr_scratch scratch)
{
    if (scratch.ops && scratch.ops->clear)
        scratch.ops->clear(scratch.self);
}

#endif
