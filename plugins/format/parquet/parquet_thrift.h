/* parquet_thrift.h — Thrift's compact protocol: what the metadata of Parquet is written in.
 *
 * Both ends stream through a small buffer, so metadata may be larger than memory. Failures stick: after
 * the first one a reader gives zeros and no more fields, a writer takes nothing more, and `status`
 * (with `err`) says what happened. So callers look once, behind a whole structure.
 *
 * Reading   Fields of a struct come in a loop; each one is read or skipped:
 *               wr_thrift_field field = {0};
 *               while (wr_thrift_next(reader, &field))
 *                   switch (field.id) {
 *                   case 1:  x = wr_thrift_int(reader, &field); break;
 *                   default: wr_thrift_skip(reader, &field);
 *                   }
 *           wr_thrift_list turns `field` into its elements: `count` times, read or skip `field` again
 *           (a struct in it is a loop with a field of its own).
 * Writing   wr_thrift_put_... with the field's number; inside of a list the number is 0.
 * Threads   one at a time. Cost: a few ns a field; skipped bytes are not looked at where they are text.
 * Source: thrift-compact-protocol.md. */
#ifndef WR_BUILDING_FORMAT_PARQUET
#error "private to plugins/format/parquet"
#endif
#ifndef WR_PARQUET_THRIFT_H
#define WR_PARQUET_THRIFT_H

#include "io/fs.h"

typedef enum wr_thrift_kind {
    WR_THRIFT_STOP, WR_THRIFT_TRUE, WR_THRIFT_FALSE, WR_THRIFT_I8, WR_THRIFT_I16, WR_THRIFT_I32,
    WR_THRIFT_I64, WR_THRIFT_DOUBLE, WR_THRIFT_BINARY, WR_THRIFT_LIST, WR_THRIFT_SET, WR_THRIFT_MAP,
    WR_THRIFT_STRUCT, WR_THRIFT_UUID,
    WR_THRIFT_BOOL = WR_THRIFT_TRUE /* elements of a list */
} wr_thrift_kind;

enum { WR_THRIFT_DEPTH_MAX = 16 };

/* ---- Reading ----------------------------------------------------------------------------------- */

typedef struct wr_thrift_reader {
    const uint8_t *at, *end;
    uint8_t       *window; /* NULL: all bytes are in memory        */
    uint32_t       window_bytes;
    wr_fs_reader  *file;
    uint64_t       next;   /* in the file, behind `end`            */
    uint64_t       limit;  /* in the file: nothing is read from there on */
    wr_status      status;
    wr_error      *err;
} wr_thrift_reader;

/** Bytes in memory, `offset` in their file: reader->next counts from there. */
void wr_thrift_open_bytes(wr_thrift_reader *reader, const void *bytes, size_t byte_count,
                          uint64_t offset, wr_error *err);

/** Bytes [begin, limit) of a file, through `window` (at least 64 bytes). */
void wr_thrift_open_file(wr_thrift_reader *reader, wr_fs_reader *file, uint64_t begin,
                         uint64_t limit, void *window, uint32_t window_bytes, wr_error *err);

/** Offset in the file of the next byte. */
static inline uint64_t wr_thrift_offset(const wr_thrift_reader *reader)
{
    return reader->next - (uint64_t)(reader->end - reader->at);
}

/** What is read does not fit: raises WR_CORRUPT with the place, unless the reader has failed before. */
void wr_thrift_fail(wr_thrift_reader *reader, const char *what);

typedef struct wr_thrift_field {
    int16_t id;
    uint8_t kind;       /* wr_thrift_kind        */
    bool    is_element; /* of a list: bools have a byte of their own */
} wr_thrift_field;

/** The next field of the struct; false: it is over, or the reader has failed. */
bool wr_thrift_next(wr_thrift_reader *reader, wr_thrift_field *field);

/** The field's value; the reader fails where it is of another kind. */
int64_t wr_thrift_int(wr_thrift_reader *reader, const wr_thrift_field *field);
int32_t wr_thrift_i32(wr_thrift_reader *reader, const wr_thrift_field *field);
bool    wr_thrift_bool(wr_thrift_reader *reader, const wr_thrift_field *field);
void    wr_thrift_struct(wr_thrift_reader *reader, const wr_thrift_field *field);

/** A text: its length, then wr_thrift_take or wr_thrift_pass of just so many bytes. */
uint64_t wr_thrift_binary(wr_thrift_reader *reader, const wr_thrift_field *field);
void     wr_thrift_take(wr_thrift_reader *reader, void *buffer, size_t byte_count);
void     wr_thrift_pass(wr_thrift_reader *reader, uint64_t byte_count);

/** A text into `buffer`; of a longer one only *out_byte_count, which is then above `room`. */
void wr_thrift_text(wr_thrift_reader *reader, const wr_thrift_field *field, void *buffer,
                    uint32_t room, uint64_t *out_byte_count);

/** Elements of a list or set; `field` becomes what each of them is. */
uint32_t wr_thrift_list(wr_thrift_reader *reader, wr_thrift_field *field);

/** Pass over a field's value, whatever it is. */
void wr_thrift_skip(wr_thrift_reader *reader, const wr_thrift_field *field);

/* ---- Writing ----------------------------------------------------------------------------------- */

typedef struct wr_thrift_writer {
    uint8_t  *buffer;
    size_t    used, room;
    wr_status (*flush)(void *self, const void *bytes, size_t byte_count, wr_error *err);
    void     *self;
    uint64_t  flushed_bytes;
    uint32_t  depth;
    int16_t   last_ids[WR_THRIFT_DEPTH_MAX]; /* of the open structs */
    wr_status status;
    wr_error *err;
} wr_thrift_writer;

/** Begin a struct. `flush` takes what fills the buffer (at least 32 bytes); NULL: the buffer must do,
 *  else the writer fails with WR_NO_RESERVE. */
void wr_thrift_write_begin(wr_thrift_writer *writer, void *buffer, size_t room,
                           wr_status (*flush)(void *self, const void *bytes, size_t byte_count,
                                              wr_error *err),
                           void *self, wr_error *err);

/** End the struct that write_begin began; everything is flushed. *out_byte_count may be NULL. */
wr_status wr_thrift_write_end(wr_thrift_writer *writer, uint64_t *out_byte_count) WR_MUST_USE;

void wr_thrift_put_i8(wr_thrift_writer *writer, int16_t id, int8_t value);
void wr_thrift_put_i16(wr_thrift_writer *writer, int16_t id, int16_t value);
void wr_thrift_put_i32(wr_thrift_writer *writer, int16_t id, int32_t value);
void wr_thrift_put_i64(wr_thrift_writer *writer, int16_t id, int64_t value);
void wr_thrift_put_bool(wr_thrift_writer *writer, int16_t id, bool value);
void wr_thrift_put_binary(wr_thrift_writer *writer, int16_t id, const void *bytes,
                          size_t byte_count);

/** A field that is a list of `count` elements of one kind (WR_THRIFT_BOOL, I32, BINARY, STRUCT ...),
 *  which are put next, with id 0. */
void wr_thrift_put_list(wr_thrift_writer *writer, int16_t id, wr_thrift_kind element,
                        uint32_t count);

/** Elements that are structs and were written before, each from write_begin to write_end. */
void wr_thrift_put_encoded(wr_thrift_writer *writer, const void *bytes, size_t byte_count);

/** A field, or an element (id 0), that is a struct: its fields come between the two calls. */
void wr_thrift_open_struct(wr_thrift_writer *writer, int16_t id);
void wr_thrift_close_struct(wr_thrift_writer *writer);

#endif
