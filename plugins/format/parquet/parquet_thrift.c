/* parquet_thrift.c — Thrift's compact protocol, both ways, through small buffers.
 *
 * Invariants
 *  1. at <= end; with a window, [at, end) lies in it and `end` stands for file offset `next` <= limit.
 *  2. A reader that failed gives zeros and never reads on; a writer that failed takes nothing.
 *  3. Nothing is sized by a number that was read; nesting is walked with a stack of fixed depth. */
#include "parquet_thrift.h"

#include <string.h>

#include "base/bits.h"

enum { VARINT_BYTES_MAX = 10 };

/* ---- Bytes in ----------------------------------------------------------------------------------- */

void wr_thrift_open_bytes(wr_thrift_reader *reader, const void *bytes, size_t byte_count,
                          uint64_t offset, wr_error *err)
{
    *reader = (wr_thrift_reader){.at = bytes, .end = (const uint8_t *)bytes + byte_count,
                                 .next = offset + byte_count, .limit = offset + byte_count,
                                 .err = err};
}

void wr_thrift_open_file(wr_thrift_reader *reader, wr_fs_reader *file, uint64_t begin,
                         uint64_t limit, void *window, uint32_t window_bytes, wr_error *err)
{
    *reader = (wr_thrift_reader){.at = window, .end = window, .window = window,
                                 .window_bytes = window_bytes, .file = file, .next = begin,
                                 .limit = limit, .err = err};
}

void wr_thrift_fail(wr_thrift_reader *reader, const char *what)
{
    if (reader->status != WR_OK)
        return;
    reader->status = WR_RAISE(reader->err, WR_CORRUPT, "%s (byte %llu)", what,
                              (unsigned long long)wr_thrift_offset(reader));
    reader->at = reader->end;
}

/* The next part of the file; false: there is none, and the reader has failed. */
static bool fill(wr_thrift_reader *reader)
{
    uint64_t left = reader->limit - reader->next;
    size_t   wanted = left < reader->window_bytes ? (size_t)left : reader->window_bytes, got = 0;

    if (reader->status != WR_OK)
        return false;
    if (wanted == 0) {
        wr_thrift_fail(reader, "the metadata ends inside of a value");
        return false;
    }
    reader->status = reader->file->ops->read_at(reader->file, reader->next, reader->window, wanted,
                                                &got, reader->err);
    if (reader->status == WR_OK && got == 0)
        wr_thrift_fail(reader, "the file ends inside of its metadata");
    if (reader->status != WR_OK)
        return false;
    reader->at = reader->window;
    reader->end = reader->window + got;
    reader->next += got;
    return true;
}

static uint8_t take_byte(wr_thrift_reader *reader)
{
    if (reader->at == reader->end && !fill(reader))
        return 0;
    return *reader->at++;
}

static uint64_t take_varint(wr_thrift_reader *reader)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        uint8_t byte = take_byte(reader);

        value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80)
            return value;
    }
    wr_thrift_fail(reader, "a number in the metadata has more than 64 bits");
    return 0;
}

static int64_t take_zigzag(wr_thrift_reader *reader)
{
    uint64_t value = take_varint(reader);

    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

void wr_thrift_take(wr_thrift_reader *reader, void *buffer, size_t byte_count)
{
    uint8_t *out = buffer;

    while (byte_count > 0) {
        size_t part = (size_t)(reader->end - reader->at);

        if (part == 0 && !fill(reader)) {
            memset(out, 0, byte_count);
            return;
        }
        part = (size_t)(reader->end - reader->at);
        part = part < byte_count ? part : byte_count;
        memcpy(out, reader->at, part);
        reader->at += part;
        out += part;
        byte_count -= part;
    }
}

void wr_thrift_pass(wr_thrift_reader *reader, uint64_t byte_count)
{
    uint64_t here = (uint64_t)(reader->end - reader->at);

    if (byte_count <= here) {
        reader->at += byte_count;
        return;
    }
    byte_count -= here;
    reader->at = reader->end;
    if (byte_count > reader->limit - reader->next)
        wr_thrift_fail(reader, "a text in the metadata goes on behind its end");
    else
        reader->next += byte_count;
}

/* ---- Fields in ---------------------------------------------------------------------------------- */

bool wr_thrift_next(wr_thrift_reader *reader, wr_thrift_field *field)
{
    uint8_t head = take_byte(reader);

    field->kind = head & 15;
    field->is_element = false;
    if (reader->status != WR_OK || field->kind == WR_THRIFT_STOP)
        return false;
    if (head >> 4)
        field->id = (int16_t)(field->id + (head >> 4));
    else
        field->id = (int16_t)take_zigzag(reader);
    return reader->status == WR_OK;
}

static bool is_int(uint8_t kind)
{
    return kind >= WR_THRIFT_I8 && kind <= WR_THRIFT_I64;
}

int64_t wr_thrift_int(wr_thrift_reader *reader, const wr_thrift_field *field)
{
    if (!is_int(field->kind)) {
        wr_thrift_fail(reader, "a field of the metadata is no integer");
        return 0;
    }
    return field->kind == WR_THRIFT_I8 ? (int8_t)take_byte(reader) : take_zigzag(reader);
}

int32_t wr_thrift_i32(wr_thrift_reader *reader, const wr_thrift_field *field)
{
    int64_t value = wr_thrift_int(reader, field);

    if (value != (int32_t)value) {
        wr_thrift_fail(reader, "an integer of the metadata has more than 32 bits");
        return 0;
    }
    return (int32_t)value;
}

bool wr_thrift_bool(wr_thrift_reader *reader, const wr_thrift_field *field)
{
    if (field->kind != WR_THRIFT_TRUE && field->kind != WR_THRIFT_FALSE) {
        wr_thrift_fail(reader, "a field of the metadata is no boolean");
        return false;
    }
    return field->is_element ? take_byte(reader) == WR_THRIFT_TRUE : field->kind == WR_THRIFT_TRUE;
}

void wr_thrift_struct(wr_thrift_reader *reader, const wr_thrift_field *field)
{
    if (field->kind != WR_THRIFT_STRUCT)
        wr_thrift_fail(reader, "a field of the metadata is no struct");
}

uint64_t wr_thrift_binary(wr_thrift_reader *reader, const wr_thrift_field *field)
{
    if (field->kind != WR_THRIFT_BINARY) {
        wr_thrift_fail(reader, "a field of the metadata is no text");
        return 0;
    }
    return take_varint(reader);
}

void wr_thrift_text(wr_thrift_reader *reader, const wr_thrift_field *field, void *buffer,
                    uint32_t room, uint64_t *out_byte_count)
{
    uint64_t byte_count = wr_thrift_binary(reader, field);

    if (byte_count <= room)
        wr_thrift_take(reader, buffer, (size_t)byte_count);
    else
        wr_thrift_pass(reader, byte_count);
    *out_byte_count = reader->status == WR_OK ? byte_count : 0;
}

uint32_t wr_thrift_list(wr_thrift_reader *reader, wr_thrift_field *field)
{
    uint8_t  head;
    uint64_t count;

    if (field->kind != WR_THRIFT_LIST && field->kind != WR_THRIFT_SET) {
        wr_thrift_fail(reader, "a field of the metadata is no list");
        return 0;
    }
    head = take_byte(reader);
    count = head >> 4 == 15 ? take_varint(reader) : head >> 4;
    field->kind = head & 15;
    field->is_element = true;
    if (count > UINT32_MAX)
        wr_thrift_fail(reader, "a list in the metadata has too many elements");
    return reader->status == WR_OK ? (uint32_t)count : 0;
}

/* ---- Skipping ----------------------------------------------------------------------------------- */

/* An open container: a struct (its fields until the stop), or values left of a list or map. */
typedef struct level {
    bool     is_struct;
    uint8_t  kinds[2]; /* of a list both the same; of a map key and value */
    uint64_t left;
} level;

static void skip_plain(wr_thrift_reader *reader, uint8_t kind, bool is_element)
{
    switch (kind) {
    case WR_THRIFT_TRUE:
    case WR_THRIFT_FALSE:
        if (is_element)
            take_byte(reader);
        return;
    case WR_THRIFT_I8:
        take_byte(reader);
        return;
    case WR_THRIFT_I16:
    case WR_THRIFT_I32:
    case WR_THRIFT_I64:
        take_varint(reader);
        return;
    case WR_THRIFT_DOUBLE:
        wr_thrift_pass(reader, 8);
        return;
    case WR_THRIFT_UUID:
        wr_thrift_pass(reader, 16);
        return;
    case WR_THRIFT_BINARY:
        wr_thrift_pass(reader, take_varint(reader));
        return;
    default:
        wr_thrift_fail(reader, "a field of the metadata is of an unknown kind");
    }
}

/* Go into a container. */
static level open_level(wr_thrift_reader *reader, uint8_t kind)
{
    level    inside = {.is_struct = kind == WR_THRIFT_STRUCT};
    uint64_t count;
    uint8_t  kinds;

    if (kind == WR_THRIFT_MAP) {
        count = take_varint(reader);
        kinds = count ? take_byte(reader) : 0;
        inside.kinds[0] = kinds >> 4;
        inside.kinds[1] = kinds & 15;
        if (count > UINT32_MAX)
            wr_thrift_fail(reader, "a map in the metadata has too many entries");
        inside.left = 2 * count;
    } else if (!inside.is_struct) {
        wr_thrift_field list = {.kind = kind};

        inside.left = wr_thrift_list(reader, &list);
        inside.kinds[0] = inside.kinds[1] = list.kind;
    }
    return inside;
}

static bool is_container(uint8_t kind)
{
    return kind >= WR_THRIFT_LIST && kind <= WR_THRIFT_STRUCT;
}

void wr_thrift_skip(wr_thrift_reader *reader, const wr_thrift_field *field)
{
    level           levels[WR_THRIFT_DEPTH_MAX];
    uint32_t        depth = 0;
    wr_thrift_field inner = *field;

    for (;;) {
        if (is_container(inner.kind) && depth == WR_THRIFT_DEPTH_MAX)
            wr_thrift_fail(reader, "the metadata is nested too deeply");
        else if (is_container(inner.kind))
            levels[depth++] = open_level(reader, inner.kind);
        else
            skip_plain(reader, inner.kind, inner.is_element);
        for (; depth > 0; depth--) { /* to the next value */
            level *top = &levels[depth - 1];

            if (reader->status != WR_OK)
                return;
            if (top->is_struct && wr_thrift_next(reader, &inner))
                break;
            if (!top->is_struct && top->left > 0) {
                inner = (wr_thrift_field){.kind = top->kinds[top->left & 1], .is_element = true};
                top->left--;
                break;
            }
        }
        if (depth == 0 || reader->status != WR_OK)
            return;
    }
}

/* ---- Writing ------------------------------------------------------------------------------------ */

static void put_bytes(wr_thrift_writer *writer, const void *bytes, size_t byte_count)
{
    if (writer->status == WR_OK && byte_count > writer->room - writer->used && writer->flush) {
        writer->status = writer->flush(writer->self, writer->buffer, writer->used, writer->err);
        writer->flushed_bytes += writer->used;
        writer->used = 0;
    }
    if (writer->status == WR_OK && byte_count > writer->room && writer->flush) {
        writer->status = writer->flush(writer->self, bytes, byte_count, writer->err);
        writer->flushed_bytes += byte_count;
        return;
    }
    if (writer->status == WR_OK && byte_count > writer->room - writer->used)
        writer->status = WR_RAISE(writer->err, WR_NO_RESERVE, "the metadata needs more than %zu bytes",
                                  writer->room);
    if (writer->status != WR_OK || byte_count == 0)
        return;
    memcpy(writer->buffer + writer->used, bytes, byte_count);
    writer->used += byte_count;
}

static void put_byte(wr_thrift_writer *writer, uint8_t byte)
{
    put_bytes(writer, &byte, 1);
}

static void put_varint(wr_thrift_writer *writer, uint64_t value)
{
    uint8_t  bytes[VARINT_BYTES_MAX];
    unsigned used = 0;

    for (; value >= 0x80; value >>= 7)
        bytes[used++] = (uint8_t)(value | 0x80);
    bytes[used++] = (uint8_t)value;
    put_bytes(writer, bytes, used);
}

static void put_zigzag(wr_thrift_writer *writer, int64_t value)
{
    put_varint(writer, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

/* Elements of a list have no head. */
static void put_head(wr_thrift_writer *writer, int16_t id, wr_thrift_kind kind)
{
    int16_t *last = &writer->last_ids[writer->depth];
    int      step = id - *last;

    if (id == 0)
        return;
    if (step >= 1 && step <= 15) {
        put_byte(writer, (uint8_t)(step << 4 | (int)kind));
    } else {
        put_byte(writer, (uint8_t)kind);
        put_zigzag(writer, id);
    }
    *last = id;
}

void wr_thrift_write_begin(wr_thrift_writer *writer, void *buffer, size_t room,
                           wr_status (*flush)(void *self, const void *bytes, size_t byte_count,
                                              wr_error *err),
                           void *self, wr_error *err)
{
    *writer = (wr_thrift_writer){.buffer = buffer, .room = room, .flush = flush, .self = self,
                                 .err = err};
}

wr_status wr_thrift_write_end(wr_thrift_writer *writer, uint64_t *out_byte_count)
{
    wr_assert(writer->depth == 0, "every struct that was opened is closed");
    put_byte(writer, WR_THRIFT_STOP);
    if (out_byte_count)
        *out_byte_count = writer->flushed_bytes + writer->used;
    if (writer->status == WR_OK && writer->flush)
        writer->status = writer->flush(writer->self, writer->buffer, writer->used, writer->err);
    return writer->status;
}

void wr_thrift_put_i8(wr_thrift_writer *writer, int16_t id, int8_t value)
{
    put_head(writer, id, WR_THRIFT_I8);
    put_byte(writer, (uint8_t)value);
}

void wr_thrift_put_i16(wr_thrift_writer *writer, int16_t id, int16_t value)
{
    put_head(writer, id, WR_THRIFT_I16);
    put_zigzag(writer, value);
}

void wr_thrift_put_i32(wr_thrift_writer *writer, int16_t id, int32_t value)
{
    put_head(writer, id, WR_THRIFT_I32);
    put_zigzag(writer, value);
}

void wr_thrift_put_i64(wr_thrift_writer *writer, int16_t id, int64_t value)
{
    put_head(writer, id, WR_THRIFT_I64);
    put_zigzag(writer, value);
}

void wr_thrift_put_bool(wr_thrift_writer *writer, int16_t id, bool value)
{
    wr_thrift_kind kind = value ? WR_THRIFT_TRUE : WR_THRIFT_FALSE;

    if (id == 0)
        put_byte(writer, (uint8_t)kind);
    else
        put_head(writer, id, kind);
}

void wr_thrift_put_binary(wr_thrift_writer *writer, int16_t id, const void *bytes,
                          size_t byte_count)
{
    put_head(writer, id, WR_THRIFT_BINARY);
    put_varint(writer, byte_count);
    put_bytes(writer, bytes, byte_count);
}

void wr_thrift_put_list(wr_thrift_writer *writer, int16_t id, wr_thrift_kind element,
                        uint32_t count)
{
    put_head(writer, id, WR_THRIFT_LIST);
    put_byte(writer, (uint8_t)((count < 15 ? count : 15) << 4 | element));
    if (count >= 15)
        put_varint(writer, count);
}

void wr_thrift_put_encoded(wr_thrift_writer *writer, const void *bytes, size_t byte_count)
{
    put_bytes(writer, bytes, byte_count);
}

void wr_thrift_open_struct(wr_thrift_writer *writer, int16_t id)
{
    put_head(writer, id, WR_THRIFT_STRUCT);
    wr_assert(writer->depth + 1 < WR_THRIFT_DEPTH_MAX, "metadata is nested by its writer, not by input");
    writer->last_ids[++writer->depth] = 0;
}

void wr_thrift_close_struct(wr_thrift_writer *writer)
{
    put_byte(writer, WR_THRIFT_STOP);
    writer->depth--;
}
