/* kernel/nested_sink_fixture.h — a sink and scratch space in memory, for the test and the fuzz target of
 * nested values. Include once, in a test's only file. */
#ifndef WR_KERNEL_NESTED_SINK_FIXTURE_H
#define WR_KERNEL_NESTED_SINK_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "kernel/nested_read.h"

enum { SINK_BYTES = 4 << 20 };

static uint8_t sink_bytes[SINK_BYTES], scratch_bytes[SINK_BYTES];
static size_t  sink_used, sink_patches, scratch_used;

static void sink_require(bool condition)
{
    if (!condition)
        abort();
}

static wr_status sink_add(void *self, const void *bytes, size_t byte_count, wr_error *err)
{
    (void)self, (void)err;
    sink_require(byte_count <= SINK_BYTES - sink_used);
    memcpy(sink_bytes + sink_used, bytes, byte_count);
    sink_used += byte_count;
    return WR_OK;
}

static wr_status sink_patch(void *self, uint64_t place, uint32_t value, void *room, wr_error *err)
{
    (void)self, (void)err;
    sink_require(place + sizeof value <= sink_used);
    memset(room, 0xee, WR_NESTED_PATCH_BYTES);
    memcpy(sink_bytes + place, &value, sizeof value);
    sink_patches++;
    return WR_OK;
}

static wr_status sink_read(void *self, uint64_t place, void *buffer, size_t byte_count, wr_error *err)
{
    (void)self, (void)err;
    sink_require(place + byte_count <= sink_used);
    memcpy(buffer, sink_bytes + place, byte_count);
    return WR_OK;
}

static wr_status scratch_append(void *self, const void *bytes, size_t byte_count,
                                wr_scratch_position *out_position, wr_error *err)
{
    (void)self, (void)err;
    sink_require(byte_count > 0 && byte_count <= SINK_BYTES - scratch_used - sizeof byte_count);
    *out_position = scratch_used + 1;
    memcpy(scratch_bytes + scratch_used, &byte_count, sizeof byte_count);
    memcpy(scratch_bytes + scratch_used + sizeof byte_count, bytes, byte_count);
    scratch_used += sizeof byte_count + byte_count;
    return WR_OK;
}

static wr_status scratch_read(void *self, wr_scratch_position position, uint64_t offset, void *buffer,
                              size_t byte_count, size_t *out_byte_count, wr_error *err)
{
    size_t length;

    (void)self, (void)err;
    memcpy(&length, scratch_bytes + position - 1, sizeof length);
    *out_byte_count = byte_count < length - offset ? byte_count : (size_t)(length - offset);
    memcpy(buffer, scratch_bytes + position - 1 + sizeof length + offset, *out_byte_count);
    return WR_OK;
}

/* A text (a blob if it is one) through a window of `text_bytes`; the packed bytes of VALUE are in sink_bytes.
 * `space`: wr_nested_room_bytes. */
static wr_nested_taken take_through(const wr_str *text, wr_type type, void *space, uint64_t text_bytes,
                                    wr_nested_rules rules, wr_nested_room *out_room)
{
    static const wr_scratch_ops OPS = {.append = scratch_append, .read = scratch_read};
    static const wr_scratch     SCRATCH = {&OPS, NULL};
    static const wr_nested_sink SINK = {NULL, &SCRATCH, sink_add, sink_patch, sink_read};
    wr_nested_taken taken;
    wr_str          value;
    bool            is_long;

    wr_nested_room_init(out_room, space, text_bytes);
    out_room->reader->rules = rules;
    sink_used = scratch_used = sink_patches = 0;
    sink_require(wr_nested_take_long(out_room, text, type, &SINK, &value, &is_long, &taken, NULL) ==
                 WR_OK);
    if (taken == WR_NESTED_VALUE && !is_long)
        sink_require(sink_add(NULL, wr_str_bytes(&value), value.byte_count, NULL) == WR_OK);
    return taken;
}

#endif
