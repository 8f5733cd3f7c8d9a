/* local.c — files of this machine: the ops object, stat and readers.
 *
 * Invariants
 *  1. A reader of a regular file is seekable and safe for read_at from any thread; everything else
 *     ("-", pipes, terminals, devices) is a stream that is read once, in order.
 *  2. Standard input is a stream even when it is a file: where it starts is the caller's business.
 *  3. Nothing is buffered here; a handle is a descriptor and its path.
 * Writers: local_write.c. Globs: local_glob.c, local_list.c. */
#include <string.h>

#include "base/own.h"
#include "local_priv.h"

typedef struct local_reader {
    wr_fs_reader base;
    wr_file      file;
} local_reader;

wr_status wr_local_path(wr_text path, char buffer[WR_PATH_BYTES_MAX], wr_error *err)
{
    if (wr_text_starts_with(path, WR_TEXT("file://")))
        path = (wr_text){path.bytes + 7, path.byte_count - 7};
    else if (wr_text_starts_with(path, WR_TEXT("file:")))
        path = (wr_text){path.bytes + 5, path.byte_count - 5};

    if (path.byte_count == 0)
        return WR_RAISE(err, WR_INVALID, "the path is empty");
    if (path.byte_count >= WR_PATH_BYTES_MAX)
        return WR_RAISE(err, WR_INVALID, "the path '%.60s...' is longer than %d bytes", path.bytes,
                        WR_PATH_BYTES_MAX - 1);
    if (memchr(path.bytes, '\0', path.byte_count))
        return WR_RAISE(err, WR_INVALID, "the path '%.*s' has a zero byte inside",
                        WR_TEXT_ARG(path));
    memcpy(buffer, path.bytes, path.byte_count);
    buffer[path.byte_count] = '\0';
    return WR_OK;
}

void wr_local_info(const wr_file_info *file_info, wr_fs_info *out_info)
{
    *out_info = (wr_fs_info){
        .bytes = file_info->bytes,
        .mtime_ns = file_info->mtime_ns,
        .seekable = file_info->kind == WR_FILE_REGULAR,
        .is_folder = file_info->kind == WR_FILE_DIRECTORY,
        .identity = {file_info->device, file_info->inode},
    };
}

static wr_status local_stat(wr_fs *fs, wr_text path, wr_fs_info *out_info, wr_error *err)
{
    char         buffer[WR_PATH_BYTES_MAX];
    wr_file_info file_info;

    (void)fs;
    WR_TRY(wr_local_path(path, buffer, err));
    if (strcmp(buffer, "-") == 0) {
        *out_info = (wr_fs_info){0};
        return WR_OK;
    }
    WR_TRY(wr_path_stat(buffer, &file_info, err));
    wr_local_info(&file_info, out_info);
    return WR_OK;
}

static wr_status local_read_at(wr_fs_reader *reader, uint64_t offset, void *buffer, size_t bytes,
                               size_t *out_bytes, wr_error *err)
{
    local_reader *local = (local_reader *)reader;

    return wr_file_pread(&local->file, offset, buffer, bytes, out_bytes, err);
}

static wr_status local_read_next(wr_fs_reader *reader, void *buffer, size_t bytes,
                                 size_t *out_bytes, wr_error *err)
{
    local_reader *local = (local_reader *)reader;

    return wr_file_read_some(&local->file, buffer, bytes, out_bytes, err);
}

static void local_close_read(wr_fs_reader *reader)
{
    local_reader *local = (local_reader *)reader;

    wr_file_close(&local->file);
}

static const struct wr_fs_reader_ops LOCAL_READER = {
    .read_at = local_read_at,
    .read_next = local_read_next,
    .close = local_close_read,
};

/* Fill in what an open file says about itself. */
static wr_status examine_reader(local_reader *local, bool is_standard_input, wr_error *err)
{
    wr_file_info file_info;

    WR_TRY(wr_file_stat(&local->file, &file_info, err));
    if (file_info.kind == WR_FILE_DIRECTORY)
        return WR_RAISE(err, WR_INVALID,
                        "cannot read '%.*s': it is a folder (to read what is in it, add '/*')",
                        WR_TEXT_ARG(local->base.path));
    wr_local_info(&file_info, &local->base.info);
    if (is_standard_input)
        local->base.info.seekable = false;
    return WR_OK;
}

static wr_status local_open_read(wr_fs *fs, wr_text path, wr_bump *bump, wr_fs_reader **out_reader,
                                 wr_error *err)
{
    char          buffer[WR_PATH_BYTES_MAX];
    local_reader *local;
    char         *name;
    wr_status     status;

    (void)fs;
    WR_TRY(wr_local_path(path, buffer, err));
    local = WR_BUMP_NEW(bump, local_reader, err);
    name = wr_bump_copy(bump, path, err);
    if (!local || !name)
        return WR_NO_MEMORY;
    local->base.ops = &LOCAL_READER;
    local->base.path = (wr_text){name, path.byte_count};

    WR_TRY(wr_file_open_read(buffer, &local->file, err));
    status = examine_reader(local, strcmp(buffer, "-") == 0, err);
    if (status != WR_OK) {
        wr_file_close(&local->file);
        return status;
    }
    *out_reader = &local->base;
    return WR_OK;
}

const wr_fs_ops wr_fs_ops_local = {
    .struct_bytes = sizeof(wr_fs_ops),
    .name = "local",
    .schemes = "file",
    .stat = local_stat,
    .list = wr_local_list,
    .open_read = local_open_read,
    .open_write = wr_local_open_write,
    .open_folder = wr_local_open_folder,
    .clean = wr_local_clean,
};
