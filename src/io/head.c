/* io/head.c — see io/head.h. */
#include "io/head.h"

#include <string.h>

typedef struct head_reader {
    wr_fs_reader   base;
    wr_fs_reader  *rest;
    wr_head       *recorded; /* recording                 */
    const wr_head *head;     /* replaying: what comes first */
    size_t         at;
} head_reader;

_Static_assert(sizeof(head_reader) <= WR_HEAD_READER_BYTES, "the lease formula counts the reader");

static wr_status no_read_at(wr_fs_reader *reader, uint64_t offset, void *buffer, size_t bytes,
                            size_t *out_bytes, wr_error *err)
{
    (void)offset, (void)buffer, (void)bytes, (void)out_bytes;
    return WR_RAISE(err, WR_BUG, "%.*s is a stream", WR_TEXT_ARG(reader->path));
}

static wr_status record_next(wr_fs_reader *reader, void *buffer, size_t bytes, size_t *out_bytes,
                             wr_error *err)
{
    head_reader *self = (head_reader *)reader;
    wr_head     *head = self->recorded;
    size_t       room = head->capacity - head->byte_count;

    if (room == 0)
        return WR_RAISE(err, WR_UNSUPPORTED,
                        "%.*s can be read only once, and its first %zu bytes do not tell its "
                        "columns: give them with schema:", WR_TEXT_ARG(reader->path),
                        head->capacity);
    WR_TRY(self->rest->ops->read_next(self->rest, buffer, bytes < room ? bytes : room, out_bytes,
                                      err));
    memcpy(head->bytes + head->byte_count, buffer, *out_bytes);
    head->byte_count += *out_bytes;
    return WR_OK;
}

static wr_status replay_next(wr_fs_reader *reader, void *buffer, size_t bytes, size_t *out_bytes,
                             wr_error *err)
{
    head_reader *self = (head_reader *)reader;
    size_t       left = self->head->byte_count - self->at;

    if (left == 0)
        return self->rest->ops->read_next(self->rest, buffer, bytes, out_bytes, err);
    *out_bytes = bytes < left ? bytes : left;
    memcpy(buffer, self->head->bytes + self->at, *out_bytes);
    self->at += *out_bytes;
    return WR_OK;
}

static void close_rest(wr_fs_reader *reader)
{
    head_reader *self = (head_reader *)reader;

    self->rest->ops->close(self->rest);
}

static const struct wr_fs_reader_ops RECORD = {no_read_at, record_next, close_rest};
static const struct wr_fs_reader_ops REPLAY = {no_read_at, replay_next, close_rest};

static wr_status wrap(wr_fs_reader *reader, const struct wr_fs_reader_ops *ops, wr_bump *bump,
                      head_reader **out_self, wr_error *err)
{
    head_reader *self = WR_BUMP_NEW(bump, head_reader, err);

    if (!self)
        return WR_NO_MEMORY;
    self->base = (wr_fs_reader){.ops = ops, .info = reader->info, .path = reader->path};
    self->base.info.seekable = false;
    self->rest = reader;
    *out_self = self;
    return WR_OK;
}

wr_status wr_head_record(wr_fs_reader *reader, wr_head *head, wr_bump *bump,
                         wr_fs_reader **out_reader, wr_error *err)
{
    head_reader *self;

    WR_TRY(wrap(reader, &RECORD, bump, &self, err));
    self->recorded = head;
    *out_reader = &self->base;
    return WR_OK;
}

wr_status wr_head_replay(wr_fs_reader *reader, const wr_head *head, wr_bump *bump,
                         wr_fs_reader **out_reader, wr_error *err)
{
    head_reader *self;

    WR_TRY(wrap(reader, &REPLAY, bump, &self, err));
    self->head = head;
    *out_reader = &self->base;
    return WR_OK;
}
