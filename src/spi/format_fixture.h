/* spi/format_fixture.h — run a format over bytes in memory, for the tests, fuzz targets and benches
 * of format plug-ins. Include after <cmocka.h>, or define FIXTURE_REQUIRE first.
 *
 * A scan is rendered as text: values joined by '|', rows ended by '\n', NULL as '~'. Rejects are
 * rendered as "line:offset:column:reason:raw\n". */
#ifndef WR_SPI_FORMAT_FIXTURE_H
#define WR_SPI_FORMAT_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spi/format.h"
#include "types/nested_text.h"
#include "types/parse.h"

#ifndef FIXTURE_REQUIRE
#define FIXTURE_REQUIRE(condition) assert_true(condition)
#endif

enum { FIXTURE_PAGE = 16384, FIXTURE_PAGES = 8192, FIXTURE_OWN_PAGES = 2048,
       FIXTURE_LEASE_BYTES_MAX = 64 << 20 };

/* Text that grows. */
typedef struct fixture_text {
    char  *bytes;
    size_t used, room;
} fixture_text;

static inline void fixture_add(fixture_text *text, const void *bytes, size_t byte_count)
{
    if (text->room - text->used <= byte_count) {
        text->room = 2 * (text->used + byte_count) + 64;
        text->bytes = realloc(text->bytes, text->room);
        FIXTURE_REQUIRE(text->bytes != NULL);
    }
    if (byte_count)
        memcpy(text->bytes + text->used, bytes, byte_count);
    text->used += byte_count;
    text->bytes[text->used] = '\0';
}

static inline void fixture_clear(fixture_text *text)
{
    text->used = 0;
    fixture_add(text, "", 0);
}

typedef struct fixture_input {
    wr_input       base;
    const uint8_t *bytes;
    size_t         byte_count;
    size_t         piece; /* at most so many bytes a read */
} fixture_input;

static inline wr_status fixture_input_read(wr_input *input, void *buffer, size_t bytes,
                                           size_t *out_bytes, wr_error *err)
{
    fixture_input *in = (fixture_input *)input;
    size_t         left = in->byte_count - (size_t)input->offset;

    (void)err;
    bytes = bytes < in->piece ? bytes : in->piece;
    *out_bytes = bytes < left ? bytes : left;
    if (*out_bytes)
        memcpy(buffer, in->bytes + input->offset, *out_bytes);
    input->offset += *out_bytes;
    return WR_OK;
}

static inline void fixture_input_close(wr_input *input)
{
    (void)input;
}

static const struct wr_input_ops FIXTURE_INPUT = {fixture_input_read, fixture_input_close};

/* The same bytes at any place, for formats that read so. */
typedef struct fixture_raw {
    wr_fs_reader   base;
    const uint8_t *bytes;
} fixture_raw;

static inline wr_status fixture_read_at(wr_fs_reader *reader, uint64_t offset, void *buffer,
                                        size_t bytes, size_t *out_bytes, wr_error *err)
{
    uint64_t left = offset < reader->info.bytes ? reader->info.bytes - offset : 0;

    (void)err;
    *out_bytes = bytes < left ? bytes : (size_t)left;
    if (*out_bytes)
        memcpy(buffer, ((fixture_raw *)reader)->bytes + offset, *out_bytes);
    return WR_OK;
}

static const struct wr_fs_reader_ops FIXTURE_RAW = {.read_at = fixture_read_at};

static inline fixture_raw fixture_raw_of(const void *bytes, size_t byte_count)
{
    return (fixture_raw){{.ops = &FIXTURE_RAW, .info = {.bytes = byte_count, .seekable = true}}, bytes};
}

/* What a format of this kind reads from. */
static inline void fixture_set_source(const wr_format *format, bool is_plain, fixture_input *input,
                                      fixture_raw *raw, wr_file_reader *file)
{
    if (is_plain || format->reader->access == WR_ACCESS_RANDOM)
        file->raw = &raw->base;
    if (format->reader->access != WR_ACCESS_RANDOM)
        file->input = &input->base;
}

static inline wr_status fixture_scratch_append(void *self, const void *bytes, size_t byte_count,
                                               wr_scratch_position *out_position, wr_error *err)
{
    fixture_text *text = self;
    uint64_t      length = byte_count;

    (void)err;
    *out_position = text->used + 1;
    fixture_add(text, &length, sizeof length);
    fixture_add(text, bytes, byte_count);
    return WR_OK;
}

static inline wr_status fixture_scratch_read(void *self, wr_scratch_position position,
                                             uint64_t offset, void *buffer, size_t byte_count,
                                             size_t *out_byte_count, wr_error *err)
{
    fixture_text *text = self;
    uint64_t      length;

    (void)err;
    memcpy(&length, text->bytes + position - 1, sizeof length);
    *out_byte_count = offset >= length               ? 0
                      : byte_count > length - offset ? (size_t)(length - offset)
                                                     : byte_count;
    memcpy(buffer, text->bytes + position - 1 + sizeof length + offset, *out_byte_count);
    return WR_OK;
}

static const wr_scratch_ops FIXTURE_SCRATCH = {fixture_scratch_append, fixture_scratch_read};

/* What to scan, and what came of it. Zeroed, then the first group filled in, then run, then free. */
typedef struct fixture_scan {
    const wr_format   *format;
    const char        *path;        /* "data.csv" when NULL                          */
    const char *const *options;     /* name, value, name, value, ..., NULL           */
    const char        *declared;    /* "a Int64, b Utf8"; NULL: all inferred         */
    const char        *wanted;      /* "2,0": columns by number; NULL: all           */
    uint32_t           chunk_bytes; /* 0: 64 KB                                      */
    uint32_t           batch_rows;  /* 0: 1024                                       */
    size_t             piece;       /* bytes a read of the input gives; 0: no limit  */
    bool               infer_full, skip_bad, no_scratch, count_rows;
    bool               is_plain;    /* no stream, for formats that read either       */
    uint32_t           keep_every;  /* of rows so many only one is rendered; 0: all  */
    uint64_t           rows_max;    /* no more is read (is_cut); 0: no limit         */
    wr_arena         **kept_arena;  /* made by the first scan, left for the others; NULL: none */

    wr_status    status;
    wr_error     err;
    wr_schema    schema;
    fixture_text rows, rejects, scratch, schema_text;
    uint64_t     row_count, batch_count, blob_count, byte_count, row_count_told;
    bool         is_cut;

    wr_arena       *arena;
    wr_lease        lease;
    wr_bump         bump;
    void           *read_options;
    wr_scratch      scratch_handle;
    wr_read_request request;
} fixture_scan;

static inline void fixture_free(fixture_scan *scan)
{
    if (scan->arena) {
        wr_bump_release(&scan->bump);
        wr_lease_close(&scan->lease);
        if (!scan->kept_arena)
            wr_arena_free(scan->arena);
    }
    free(scan->rows.bytes);
    free(scan->rejects.bytes);
    free(scan->scratch.bytes);
    free(scan->schema_text.bytes);
}

static inline wr_status fixture_report(void *self, const wr_reject *reject, wr_error *err)
{
    fixture_scan *scan = self;
    char          head[64];

    if (!scan->skip_bad)
        return WR_RAISE(err, WR_DATA, "%.*s:%llu: %s%.*s%s%.*s", WR_TEXT_ARG(reject->path),
                        (unsigned long long)reject->line, reject->column.byte_count ? "column '" : "",
                        WR_TEXT_ARG(reject->column), reject->column.byte_count ? "': " : "",
                        WR_TEXT_ARG(reject->reason));
    fixture_add(&scan->rejects, head,
                (size_t)snprintf(head, sizeof head, "%llu:%llu:", (unsigned long long)reject->line,
                                 (unsigned long long)reject->byte_offset));
    fixture_add(&scan->rejects, reject->column.bytes, reject->column.byte_count);
    fixture_add(&scan->rejects, ":", 1);
    fixture_add(&scan->rejects, reject->reason.bytes, reject->reason.byte_count);
    fixture_add(&scan->rejects, ":", 1);
    fixture_add(&scan->rejects, reject->raw.bytes, reject->raw.byte_count);
    fixture_add(&scan->rejects, "\n", 1);
    return WR_OK;
}

static inline void fixture_add_nested(fixture_scan *scan, wr_type type, const wr_str *value)
{
    static wr_nested_text text;
    char                  buffer[4096];
    bool                  done = false;

    wr_nested_text_begin(&text, type, value, NULL);
    while (!done) {
        size_t written;

        FIXTURE_REQUIRE(wr_nested_text_write(&text, buffer, sizeof buffer, &written, &done, NULL) == WR_OK);
        fixture_add(&scan->rows, buffer, written);
    }
}

static inline void fixture_add_value(fixture_scan *scan, const wr_vector *vector, uint32_t row)
{
    char          buffer[4096];
    const wr_str *str;

    if (!wr_vector_is_valid(vector, row)) {
        fixture_add(&scan->rows, "~", 1);
        return;
    }
    if (!wr_type_is_bytes(vector->type)) {
        fixture_add(&scan->rows, buffer,
                    wr_format_any(vector->type, wr_vector_at(vector, row), buffer));
        return;
    }
    str = wr_vector_at(vector, row);
    if (wr_type_is_nested(vector->type)) {
        fixture_add_nested(scan, vector->type, str);
        return;
    }
    if (!wr_str_is_blob(str)) {
        fixture_add(&scan->rows, wr_str_bytes(str), str->byte_count);
        return;
    }
    FIXTURE_REQUIRE(vector->flags & WR_VECTOR_BLOBS);
    scan->blob_count++;
    for (uint64_t offset = 0; offset < wr_str_blob(str)->byte_count;) {
        size_t got = 0;

        FIXTURE_REQUIRE(wr_str_blob(str)->read(wr_str_blob(str), offset, buffer, sizeof buffer,
                                               &got, NULL) == WR_OK &&
                        got > 0);
        if (offset == 0)
            FIXTURE_REQUIRE(memcmp(buffer, str->prefix, 4) == 0);
        fixture_add(&scan->rows, buffer, got);
        offset += got;
    }
}

static inline void fixture_add_batch(fixture_scan *scan, const wr_batch *batch, uint64_t first_row)
{
    scan->batch_count++;
    scan->row_count += wr_batch_rows(batch);
    FIXTURE_REQUIRE(batch->row_count <= scan->request.batch_rows);
    for (uint32_t i = 0; i < wr_batch_rows(batch); i++) {
        if (scan->keep_every && (first_row + wr_selection_row(&batch->selection, i)) % scan->keep_every)
            continue;
        for (uint32_t c = 0; c < batch->column_count; c++) {
            if (c > 0)
                fixture_add(&scan->rows, "|", 1);
            fixture_add_value(scan, &batch->columns[c], wr_selection_row(&batch->selection, i));
        }
        fixture_add(&scan->rows, "\n", 1);
    }
}

/* "a Int64, b Utf8" to a schema. */
static inline wr_schema *fixture_declare(fixture_scan *scan)
{
    wr_schema  *schema = WR_BUMP_NEW(&scan->bump, wr_schema, NULL);
    const char *at = scan->declared;

    if (!at)
        return NULL;
    schema->fields = WR_BUMP_NEW_ARRAY(&scan->bump, wr_field, 64, NULL);
    while (*at) {
        const char *blank = strchr(at, ' ');
        const char *end = blank + 1;
        wr_field   *field = &schema->fields[schema->field_count++];
        int         depth = 0;

        while (*end && (*end != ',' || depth > 0)) {
            depth += (*end == '(') - (*end == ')');
            end++;
        }
        field->name = (wr_text){at, (size_t)(blank - at)};
        field->nullable = true;
        FIXTURE_REQUIRE(wr_type_parse((wr_text){blank + 1, (size_t)(end - blank - 1)}, &field->type,
                                      &scan->err) == WR_OK);
        at = *end ? end + 2 : end;
    }
    return schema;
}

static inline void fixture_describe_schema(fixture_scan *scan)
{
    for (uint32_t i = 0; i < scan->schema.field_count; i++) {
        char name[WR_TYPE_NAME_BYTES];

        fixture_add(&scan->schema_text, ", ", i > 0 ? 2 : 0);
        fixture_add(&scan->schema_text, scan->schema.fields[i].name.bytes,
                    scan->schema.fields[i].name.byte_count);
        fixture_add(&scan->schema_text, " ", 1);
        wr_type_format(scan->schema.fields[i].type, name);
        fixture_add(&scan->schema_text, name, strlen(name));
    }
}

static inline void fixture_choose_columns(fixture_scan *scan)
{
    uint32_t *columns = WR_BUMP_NEW_ARRAY(&scan->bump, uint32_t, scan->schema.field_count + 1, NULL);
    uint32_t  count = 0;

    if (scan->wanted) {
        for (const char *at = scan->wanted; *at; at += *at == ',') {
            char *end;

            columns[count] = (uint32_t)strtoul(at, &end, 10);
            count += columns[count] < scan->schema.field_count; /* others are left out */
            at = end;
        }
    } else {
        for (; count < scan->schema.field_count; count++)
            columns[count] = count;
    }
    scan->request.columns = columns;
    scan->request.column_count = count;
}

/* Take memory, set options, infer. */
static inline wr_status fixture_begin(fixture_scan *scan, const void *bytes, size_t byte_count)
{
    fixture_input input = {{.ops = &FIXTURE_INPUT}, bytes, byte_count,
                           scan->piece ? scan->piece : SIZE_MAX};
    fixture_raw    raw = fixture_raw_of(bytes, byte_count);
    wr_lease      *leases[] = {&scan->lease};
    wr_file_reader file = {.path = wr_text_of(scan->path ? scan->path : "data.csv")};

    fixture_set_source(scan->format, scan->is_plain, &input, &raw, &file);
    if (scan->kept_arena && *scan->kept_arena)
        scan->arena = *scan->kept_arena;
    else
        FIXTURE_REQUIRE(wr_arena_new((uint64_t)FIXTURE_PAGES * FIXTURE_PAGE, FIXTURE_PAGE, &scan->arena,
                                     NULL) == WR_OK);
    if (scan->kept_arena)
        *scan->kept_arena = scan->arena;
    wr_lease_init(&scan->lease, "test", (uint64_t)FIXTURE_OWN_PAGES * FIXTURE_PAGE, 0, FIXTURE_PAGE);
    FIXTURE_REQUIRE(wr_lease_open_all(scan->arena, leases, 1, NULL) == WR_OK);
    wr_bump_init(&scan->bump, &scan->lease);
    fixture_clear(&scan->rows);
    fixture_clear(&scan->rejects);
    fixture_clear(&scan->schema_text);
    fixture_clear(&scan->scratch);

    scan->read_options = wr_bump_alloc(&scan->bump, scan->format->read_options_bytes, NULL);
    wr_options_default(scan->format->read_options, scan->read_options);
    if (scan->format->adjust)
        scan->format->adjust(scan->read_options, file.path);
    for (const char *const *o = scan->options; o && *o; o += 2)
        WR_TRY(wr_option_set(scan->format->read_options, scan->read_options, wr_text_of(o[0]),
                             wr_text_of(o[1]), &scan->err));
    WR_TRY(scan->format->reader->infer(scan->read_options, fixture_declare(scan), &file,
                                       scan->infer_full, &scan->bump, &scan->schema, &scan->err));
    fixture_describe_schema(scan);
    fixture_choose_columns(scan);
    scan->scratch_handle = (wr_scratch){&FIXTURE_SCRATCH, &scan->scratch};
    scan->request.options = scan->read_options;
    scan->request.schema = &scan->schema;
    scan->request.batch_rows = scan->batch_rows ? scan->batch_rows : WR_BATCH_ROWS_MAX;
    scan->request.chunk_bytes = scan->chunk_bytes ? scan->chunk_bytes : 65536;
    scan->request.blob_bytes_min = 4096;
    scan->request.count_rows = scan->count_rows;
    scan->request.rejects = (wr_reject_sink){fixture_report, scan};
    scan->request.scratch = scan->no_scratch ? NULL : &scan->scratch_handle;
    return WR_OK;
}

/* A bump with exactly what a lease formula says. */
static inline void fixture_exact_bump(fixture_scan *scan, uint64_t bytes, wr_lease *lease,
                                      wr_bump *bump)
{
    wr_lease *leases[] = {lease};

    wr_lease_init(lease, "exact", bytes + 16, 0, FIXTURE_PAGE);
    FIXTURE_REQUIRE(wr_lease_open_all(scan->arena, leases, 1, NULL) == WR_OK);
    wr_bump_init(bump, lease);
}

static inline wr_status fixture_read_split(fixture_scan *scan, wr_split *split)
{
    bool     end = false;
    uint64_t before = scan->row_count, rows = 0;

    while (!end && !scan->is_cut) {
        wr_batch batch;

        WR_TRY(scan->format->reader->split_read(&scan->request, split, &batch, &end, &scan->err));
        if (batch.row_count == 0)
            continue;
        /* batches of which a filter leaves nothing are not shown */
        FIXTURE_REQUIRE(scan->request.filter.select ? split->row_base >= rows : split->row_base == rows);
        rows = split->row_base + batch.row_count;
        fixture_add_batch(scan, &batch, split->first_row + split->row_base);
        scan->is_cut = scan->rows_max > 0 && split->first_row + rows > scan->rows_max;
    }
    if (scan->count_rows && !scan->skip_bad && !scan->request.filter.select)
        FIXTURE_REQUIRE(split->first_row == before);
    return WR_OK;
}

/* One file, one split, until done. */
static inline wr_status fixture_read(fixture_scan *scan, const void *bytes, size_t byte_count)
{
    const wr_format_reader_ops *reader = scan->format->reader;
    fixture_input input = {{.ops = &FIXTURE_INPUT}, bytes, byte_count,
                           scan->piece ? scan->piece : SIZE_MAX};
    fixture_raw     raw = fixture_raw_of(bytes, byte_count);
    wr_file_reader *file = wr_bump_alloc(&scan->bump, reader->file_bytes, NULL);
    wr_split       *split = wr_bump_alloc(&scan->bump, reader->split_bytes, NULL);
    uint64_t        file_bytes = reader->file_lease_min(&scan->request);
    uint64_t        split_bytes = reader->split_lease_min(&scan->request);
    wr_lease        file_lease, split_lease;
    wr_bump         file_bump, split_bump;
    wr_status       status;
    bool            done = false;

    if (file_bytes + split_bytes > FIXTURE_LEASE_BYTES_MAX)
        return WR_RAISE(&scan->err, WR_NO_MEMORY, "the columns need %llu bytes",
                        (unsigned long long)(file_bytes + split_bytes));
    memset(file, 0, reader->file_bytes);
    memset(split, 0, reader->split_bytes);
    fixture_set_source(scan->format, scan->is_plain, &input, &raw, file);
    file->path = wr_text_of(scan->path ? scan->path : "data.csv");
    fixture_exact_bump(scan, file_bytes, &file_lease, &file_bump);
    fixture_exact_bump(scan, split_bytes, &split_lease, &split_bump);
    status = reader->file_open(&scan->request, file, &file_bump, &scan->err);
    if (status == WR_OK)
        status = reader->split_init(&scan->request, split, &split_bump, &scan->err);
    while (status == WR_OK && !done && !scan->is_cut) {
        split->row_base = 0;
        status = reader->next_split(&scan->request, file, split, &done, &scan->err);
        if (status == WR_OK && !done)
            status = fixture_read_split(scan, split);
    }
    scan->row_count_told = file->next_row;
    wr_bump_release(&file_bump);
    wr_bump_release(&split_bump);
    wr_lease_close(&file_lease);
    wr_lease_close(&split_lease);
    return status;
}

static inline wr_status fixture_run(fixture_scan *scan, const void *bytes, size_t byte_count)
{
    scan->status = fixture_begin(scan, bytes, byte_count);
    if (scan->status == WR_OK)
        scan->status = fixture_read(scan, bytes, byte_count);
    return scan->status;
}

#endif
