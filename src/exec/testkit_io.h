/* exec/testkit_io.h — doubles for scans and sinks: a file system in memory, a format of numbers, one a
 * line, and one that writes them in blocks. */
#ifndef WR_EXEC_TESTKIT_IO_H
#define WR_EXEC_TESTKIT_IO_H

#include <stdio.h>

#include "exec/testkit.h"

/* ---- A file system in memory --------------------------------------------------------------------- */

enum { MEMORY_FILES = 16 };

typedef struct memory_file {
    char   name[64];
    char  *bytes;
    size_t byte_count;
} memory_file;

typedef struct memory_fs {
    wr_fs       base;
    memory_file files[MEMORY_FILES];
    uint32_t    file_count;
    int         open_count;      /* handles that were not closed                  */
    size_t      write_bytes_max; /* writes beyond it fail with write_status; 0: none do */
    wr_status   write_status;
    wr_status   commit_status;
    size_t      write_count;
} memory_fs;

static inline memory_file *memory_find(memory_fs *fs, wr_text path)
{
    for (uint32_t i = 0; i < fs->file_count; i++)
        if (wr_text_equal(path, wr_text_of(fs->files[i].name)))
            return &fs->files[i];
    return NULL;
}

static inline void memory_put(memory_fs *fs, const char *name, const char *bytes, size_t byte_count)
{
    memory_file *file = memory_find(fs, wr_text_of(name));

    if (!file)
        file = &fs->files[fs->file_count++];
    assert_true(fs->file_count <= MEMORY_FILES);
    snprintf(file->name, sizeof file->name, "%s", name);
    free(file->bytes);
    file->bytes = malloc(byte_count + 1);
    assert_non_null(file->bytes);
    memcpy(file->bytes, bytes, byte_count);
    file->bytes[byte_count] = '\0';
    file->byte_count = byte_count;
}

static inline const char *memory_get(memory_fs *fs, const char *name)
{
    memory_file *file = memory_find(fs, wr_text_of(name));

    return file ? file->bytes : NULL;
}

static inline void memory_free(memory_fs *fs)
{
    assert_int_equal(fs->open_count, 0);
    for (uint32_t i = 0; i < fs->file_count; i++)
        free(fs->files[i].bytes);
}

typedef struct memory_reader {
    wr_fs_reader base;
    memory_fs   *fs;
    memory_file *file;
    size_t       offset;
} memory_reader;

static inline wr_status memory_read_at(wr_fs_reader *reader, uint64_t offset, void *buffer,
                                       size_t bytes, size_t *out_bytes, wr_error *err)
{
    memory_file *file = ((memory_reader *)reader)->file;
    size_t       left = offset < file->byte_count ? file->byte_count - offset : 0;

    (void)err;
    *out_bytes = bytes < left ? bytes : left;
    memcpy(buffer, file->bytes + offset, *out_bytes);
    return WR_OK;
}

static inline wr_status memory_read_next(wr_fs_reader *base, void *buffer, size_t bytes,
                                         size_t *out_bytes, wr_error *err)
{
    memory_reader *reader = (memory_reader *)base;

    if (bytes > 1000)
        bytes = 1000; /* short reads are normal */
    WR_TRY(memory_read_at(base, reader->offset, buffer, bytes, out_bytes, err));
    reader->offset += *out_bytes;
    return WR_OK;
}

static inline void memory_close_reader(wr_fs_reader *reader)
{
    ((memory_reader *)reader)->fs->open_count--;
}

static inline wr_status memory_open_read(wr_fs *base, wr_text path, wr_bump *bump,
                                         wr_fs_reader **out_reader, wr_error *err)
{
    static const struct wr_fs_reader_ops OPS = {memory_read_at, memory_read_next,
                                                memory_close_reader};
    memory_fs     *fs = (memory_fs *)base;
    memory_reader *reader = WR_BUMP_NEW(bump, memory_reader, err);
    memory_file   *file = memory_find(fs, path);

    assert_non_null(reader);
    if (!file)
        return WR_RAISE(err, WR_NOT_FOUND, "no file '%.*s'", WR_TEXT_ARG(path));
    *reader = (memory_reader){{&OPS, {.bytes = file->byte_count, .seekable = true}, path}, fs, file,
                              0};
    fs->open_count++;
    *out_reader = &reader->base;
    return WR_OK;
}

typedef struct memory_writer {
    wr_fs_writer base;
    memory_fs   *fs;
    char         name[64];
    char        *bytes;
    size_t       byte_count, capacity;
} memory_writer;

static inline wr_status memory_write(wr_fs_writer *base, const void *bytes, size_t byte_count,
                                     wr_error *err)
{
    memory_writer *writer = (memory_writer *)base;
    memory_fs     *fs = writer->fs;

    fs->write_count++;
    if (fs->write_bytes_max && writer->byte_count + byte_count > fs->write_bytes_max)
        return WR_RAISE(err, fs->write_status, "cannot write");
    if (writer->byte_count + byte_count > writer->capacity) {
        writer->capacity = (writer->byte_count + byte_count) * 2;
        writer->bytes = realloc(writer->bytes, writer->capacity);
        assert_non_null(writer->bytes);
    }
    memcpy(writer->bytes + writer->byte_count, bytes, byte_count);
    writer->byte_count += byte_count;
    return WR_OK;
}

static inline wr_status memory_commit(wr_fs_writer *base, wr_error *err)
{
    memory_writer *writer = (memory_writer *)base;

    if (writer->fs->commit_status != WR_OK)
        return WR_RAISE(err, writer->fs->commit_status, "cannot publish");
    memory_put(writer->fs, writer->name, writer->bytes ? writer->bytes : "", writer->byte_count);
    return WR_OK;
}

static inline void memory_close_writer(wr_fs_writer *base)
{
    memory_writer *writer = (memory_writer *)base;

    writer->fs->open_count--;
    free(writer->bytes);
    writer->bytes = NULL;
}

static inline wr_status memory_open_write(wr_fs *base, wr_text path, wr_fs_mode mode,
                                          wr_bump *bump, wr_fs_writer **out_writer, wr_error *err)
{
    static const struct wr_fs_writer_ops OPS = {memory_write, memory_commit, memory_close_writer};
    memory_fs     *fs = (memory_fs *)base;
    memory_writer *writer = WR_BUMP_NEW(bump, memory_writer, err);
    bool           exists = memory_find(fs, path) != NULL;

    assert_non_null(writer);
    if (exists && mode == WR_FS_ERROR)
        return WR_RAISE(err, WR_EXISTS, "'%.*s' exists already", WR_TEXT_ARG(path));
    *writer = (memory_writer){.base = {&OPS, path, exists && mode == WR_FS_IGNORE}, .fs = fs};
    snprintf(writer->name, sizeof writer->name, "%.*s", WR_TEXT_ARG(path));
    fs->open_count++;
    *out_writer = &writer->base;
    return WR_OK;
}

static inline void memory_init(memory_fs *fs)
{
    static const wr_fs_ops OPS = {.struct_bytes = sizeof(wr_fs_ops), .name = "memory",
                                  .open_read = memory_open_read, .open_write = memory_open_write};

    memset(fs, 0, sizeof *fs);
    fs->base.ops = &OPS;
}

/* ---- A format: one Int64 a line -------------------------------------------------------------------- */

enum { LINE_BYTES_MAX = 64 };

static wr_field LINES_FIELDS[] = {{{"n", 1}, {.logical = WR_TYPE_I64}, false}};
static const wr_schema LINES_SCHEMA __attribute__((unused)) = {1, LINES_FIELDS};
static const uint32_t  LINES_COLUMNS[] __attribute__((unused)) = {0};

typedef struct lines_file {
    wr_file_reader base;
    char           rest[LINE_BYTES_MAX]; /* the start of a line that the last split cut off */
    uint32_t       rest_bytes;
    uint64_t       offset;
    bool           at_end;
} lines_file;

typedef struct lines_split {
    wr_split  base;
    char     *bytes;
    uint32_t  used_bytes, next;
    uint32_t  last_rows;  /* of the batch before */
    int64_t  *values;
    wr_vector column;
    uint16_t  rows[WR_BATCH_ROWS_MAX];
    uint32_t  starts[WR_BATCH_ROWS_MAX];
} lines_split;

static inline uint64_t lines_file_lease_min(const wr_read_request *request)
{
    (void)request;
    return 0;
}

static inline uint64_t lines_split_lease_min(const wr_read_request *request)
{
    return request->chunk_bytes + WR_BATCH_ROWS_MAX * sizeof(int64_t) + 32;
}

static inline wr_status lines_file_open(const wr_read_request *request, wr_file_reader *file,
                                        wr_bump *bump, wr_error *err)
{
    (void)request, (void)bump;
    return wr_text_equal(file->path, WR_TEXT("bad head")) ? WR_RAISE(err, WR_DATA, "bad head")
                                                           : WR_OK;
}

static inline wr_status lines_split_init(const wr_read_request *request, wr_split *base,
                                         wr_bump *bump, wr_error *err)
{
    lines_split *split = (lines_split *)base;

    split->bytes = wr_bump_alloc(bump, request->chunk_bytes, err);
    split->values = wr_bump_alloc(bump, WR_BATCH_ROWS_MAX * sizeof(int64_t), err);
    return split->bytes && split->values ? WR_OK : WR_NO_MEMORY;
}

static inline wr_status lines_next_split(const wr_read_request *request, wr_file_reader *base,
                                         wr_split *split_base, bool *out_done, wr_error *err)
{
    lines_file  *file = (lines_file *)base;
    lines_split *split = (lines_split *)split_base;
    size_t       got;

    memcpy(split->bytes, file->rest, file->rest_bytes);
    split->used_bytes = file->rest_bytes;
    split->next = split->last_rows = 0;
    split_base->byte_offset = file->offset;
    split_base->first_row = base->next_row;
    WR_TRY(wr_input_read_full(base->input, split->bytes + split->used_bytes,
                              request->chunk_bytes - split->used_bytes, &got, err));
    file->at_end = split->used_bytes + got < request->chunk_bytes;
    split->used_bytes += (uint32_t)got;
    file->rest_bytes = 0;
    while (!file->at_end && split->bytes[split->used_bytes - 1] != '\n') {
        file->rest_bytes++;
        split->used_bytes--;
    }
    memcpy(file->rest, split->bytes + split->used_bytes, file->rest_bytes);
    file->offset += split->used_bytes;
    for (uint32_t i = 0; i < split->used_bytes; i++)
        base->next_row += split->bytes[i] == '\n';
    *out_done = split->used_bytes == 0;
    return WR_OK;
}

static inline wr_status lines_read_line(const wr_read_request *request, lines_split *split,
                                        const char *line, uint32_t byte_count, uint32_t row,
                                        bool *out_good, wr_error *err)
{
    wr_reject reject = {
        .path = split->base.path,
        .line = split->base.first_row + split->base.row_base + row + 1,
        .byte_offset = split->base.byte_offset + (uint64_t)(line - split->bytes),
        .column = WR_TEXT("n"),
        .reason = WR_TEXT("not a \"number\""),
        .raw = {line, byte_count},
    };

    split->values[row] = 0;
    *out_good = true;
    for (uint32_t i = 0; i < byte_count; i++) {
        *out_good &= line[i] >= '0' && line[i] <= '9';
        split->values[row] = split->values[row] * 10 + (line[i] - '0');
    }
    return *out_good ? WR_OK : request->rejects.report(request->rejects.self, &reject, err);
}

static inline wr_status lines_split_read(const wr_read_request *request, wr_split *base,
                                         wr_batch *out, bool *out_end, wr_error *err)
{
    lines_split *split = (lines_split *)base;
    uint32_t     row = 0, good_count = 0;

    base->row_base += split->last_rows;
    while (row < request->batch_rows && split->next < split->used_bytes) {
        char *line = split->bytes + split->next;
        char *end = memchr(line, '\n', split->used_bytes - split->next);
        bool  good;

        if (!end)
            end = split->bytes + split->used_bytes;
        WR_TRY(lines_read_line(request, split, line, (uint32_t)(end - line), row, &good, err));
        if (good)
            split->rows[good_count++] = (uint16_t)row;
        split->starts[row++] = split->next;
        split->next = (uint32_t)(end + 1 - split->bytes);
    }
    split->last_rows = row;
    split->column = (wr_vector){.type = WR_TYPE(I64), .encoding = WR_FLAT, .row_count = row,
                                .data = split->values};
    out->row_count = row;
    out->columns = &split->column;
    out->column_count = 1;
    out->selection = (wr_selection){split->rows, good_count};
    *out_end = split->next >= split->used_bytes;
    return WR_OK;
}

static inline void lines_describe_row(const wr_read_request *request, const wr_split *split,
                                      uint32_t row, wr_reject *out_place)
{
    (void)request;
    out_place->line = split->first_row + split->row_base + row + 1;
}

typedef struct lines_writer {
    char     pending[32];
    uint32_t pending_bytes, pending_done;
} lines_writer;

static inline uint64_t lines_local_lease_min(const wr_write_request *request)
{
    (void)request;
    return 0;
}

static inline wr_status lines_local_init(const wr_write_request *request, void *local,
                                         wr_bump *bump, wr_error *err)
{
    (void)request, (void)local, (void)bump, (void)err;
    return WR_OK;
}

static inline wr_status lines_begin(const wr_write_request *request, wr_bytes *out, wr_error *err)
{
    (void)request, (void)err;
    memcpy(out->data, "begin\n", 6);
    out->used = 6;
    return WR_OK;
}

static inline wr_status lines_end(const wr_write_request *request, wr_bytes *out, wr_error *err)
{
    (void)request, (void)err;
    memcpy(out->data, "end\n", 4);
    out->used = 4;
    return WR_OK;
}

/* Cuts rows wherever the buffer ends. */
static inline wr_status lines_encode(const wr_write_request *request, void *local,
                                     const wr_batch *batch, uint32_t *io_next, wr_bytes *out,
                                     wr_error *err)
{
    lines_writer *writer = local;

    (void)request, (void)err;
    while (*io_next < wr_batch_rows(batch) && out->used < out->capacity) {
        uint32_t row = wr_selection_row(&batch->selection, *io_next);

        if (writer->pending_bytes == 0)
            writer->pending_bytes =
                (uint32_t)snprintf(writer->pending, sizeof writer->pending, "%lld\n",
                                   (long long)wr_vector_value(&batch->columns[0], row).i64);
        while (writer->pending_done < writer->pending_bytes && out->used < out->capacity)
            out->data[out->used++] = (uint8_t)writer->pending[writer->pending_done++];
        if (writer->pending_done == writer->pending_bytes) {
            writer->pending_bytes = writer->pending_done = 0;
            ++*io_next;
        }
    }
    return WR_OK;
}

static const wr_format_reader_ops LINES_READER = {
    .file_bytes = sizeof(lines_file),
    .split_bytes = sizeof(lines_split),
    .file_lease_min = lines_file_lease_min,
    .split_lease_min = lines_split_lease_min,
    .file_open = lines_file_open,
    .split_init = lines_split_init,
    .next_split = lines_next_split,
    .split_read = lines_split_read,
    .describe_row = lines_describe_row,
};

static const wr_format_writer_ops LINES_WRITER = {
    .local_bytes = sizeof(lines_writer),
    .local_lease_min = lines_local_lease_min,
    .local_init = lines_local_init,
    .begin = lines_begin,
    .end = lines_end,
    .encode = lines_encode,
};

static const wr_format LINES __attribute__((unused)) = {
    .struct_bytes = sizeof(wr_format), .name = "lines", .reader = &LINES_READER,
    .writer = &LINES_WRITER};

/* ---- A format of blocks: numbers, a hundred a block -------------------------------------------------- */

enum { BLOCK_NUMBERS = 100, BLOCK_PART = 30, NUMBER_BYTES_MAX = 8 };

/* Notices who does what at the same time as somebody else, or out of order. */
typedef struct blocks_shared {
    _Atomic int  takers, writers, encoders;
    uint32_t     written_blocks;
    int64_t      fail_at; /* encoding this number fails */
} blocks_shared;

typedef struct blocks_block {
    int64_t  numbers[BLOCK_NUMBERS];
    uint32_t count, encoded_count;
    bool     is_encoded;
    char     text[BLOCK_NUMBERS * NUMBER_BYTES_MAX];
    uint32_t text_bytes;
} blocks_block;

typedef struct blocks_encoder {
    _Atomic int users;
} blocks_encoder;

/* What a block format's options are here: the number that cannot be encoded. */
static const int64_t BLOCKS_FAIL_NEVER __attribute__((unused)) = -1;

static inline uint64_t blocks_lease_min(const wr_write_request *request)
{
    (void)request;
    return 0;
}

static inline wr_status blocks_shared_init(const wr_write_request *request, void *shared,
                                           wr_bump *bump, wr_error *err)
{
    (void)bump, (void)err;
    ((blocks_shared *)shared)->fail_at = *(const int64_t *)request->options;
    return WR_OK;
}

static inline wr_status blocks_block_init(const wr_write_request *request, void *shared, void *block,
                                          wr_bump *bump, wr_error *err)
{
    (void)request, (void)shared, (void)block, (void)bump, (void)err;
    return WR_OK;
}

static inline wr_status blocks_encoder_init(const wr_write_request *request, void *encoder,
                                            wr_bump *bump, wr_error *err)
{
    (void)request, (void)encoder, (void)bump, (void)err;
    return WR_OK;
}

static inline wr_status blocks_begin(const wr_write_request *request, void *shared,
                                     wr_output *output, wr_error *err)
{
    (void)request, (void)shared;
    return output->ops->write(output, "begin\n", 6, err);
}

static inline wr_status blocks_take(const wr_write_request *request, void *shared_p, void *block_p,
                                    const wr_batch *batch, uint32_t *io_next, bool *out_full,
                                    wr_error *err)
{
    blocks_shared *shared = shared_p;
    blocks_block  *block = block_p;

    (void)request, (void)err;
    assert_int_equal(atomic_fetch_add(&shared->takers, 1), 0);
    assert_false(block->is_encoded);
    while (block->count < BLOCK_NUMBERS && *io_next < wr_batch_rows(batch))
        block->numbers[block->count++] =
            wr_vector_value(&batch->columns[0],
                            wr_selection_row(&batch->selection, (*io_next)++)).i64;
    *out_full = block->count == BLOCK_NUMBERS;
    atomic_fetch_sub(&shared->takers, 1);
    return WR_OK;
}

static inline wr_status blocks_encode(const wr_write_request *request, void *shared_p, void *block_p,
                                      void *encoder_p, bool *out_more, wr_error *err)
{
    blocks_shared  *shared = shared_p;
    blocks_block   *block = block_p;
    blocks_encoder *encoder = encoder_p;

    (void)request;
    assert_int_equal(atomic_fetch_add(&encoder->users, 1), 0);
    assert_true(block->count > 0 && !block->is_encoded);
    for (uint32_t end = block->encoded_count + BLOCK_PART; block->encoded_count < end &&
         block->encoded_count < block->count; block->encoded_count++) {
        uint32_t i = block->encoded_count;

        if (block->numbers[i] == shared->fail_at)
            return WR_RAISE(err, WR_DATA, "cannot encode");
        block->text_bytes += (uint32_t)snprintf(block->text + block->text_bytes, NUMBER_BYTES_MAX + 1,
                                                "%d\n", (int)block->numbers[i]);
    }
    kit_nap_us((uint32_t)(block->numbers[0] % 7 * 20));
    block->is_encoded = block->encoded_count == block->count;
    *out_more = !block->is_encoded;
    atomic_fetch_sub(&encoder->users, 1);
    return WR_OK;
}

static inline wr_status blocks_write(const wr_write_request *request, void *shared_p, void *block_p,
                                     wr_output *output, wr_error *err)
{
    blocks_shared *shared = shared_p;
    blocks_block  *block = block_p;

    (void)request;
    assert_int_equal(atomic_fetch_add(&shared->writers, 1), 0);
    assert_true(block->is_encoded);
    WR_TRY(output->ops->write(output, block->text, block->text_bytes, err));
    shared->written_blocks++;
    block->count = block->text_bytes = block->encoded_count = 0;
    block->is_encoded = false;
    atomic_fetch_sub(&shared->writers, 1);
    return WR_OK;
}

static inline wr_status blocks_end(const wr_write_request *request, void *shared, void *encoder,
                                   wr_output *output, wr_error *err)
{
    (void)request, (void)shared;
    assert_non_null(encoder);
    return output->ops->write(output, "end\n", 4, err);
}

static const wr_format_block_ops BLOCKS_WRITER = {
    .shared_bytes = sizeof(blocks_shared),
    .block_bytes = sizeof(blocks_block),
    .encoder_bytes = sizeof(blocks_encoder),
    .shared_lease_min = blocks_lease_min,
    .block_lease_min = blocks_lease_min,
    .encoder_lease_min = blocks_lease_min,
    .shared_init = blocks_shared_init,
    .block_init = blocks_block_init,
    .encoder_init = blocks_encoder_init,
    .begin = blocks_begin,
    .take = blocks_take,
    .encode = blocks_encode,
    .write = blocks_write,
    .end = blocks_end,
};

static const wr_format BLOCKS __attribute__((unused)) = {
    .struct_bytes = sizeof(wr_format), .name = "blocks", .block_writer = &BLOCKS_WRITER};

#endif
