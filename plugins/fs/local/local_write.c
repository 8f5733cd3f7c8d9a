/* local_write.c — writers that publish by rename, and cleaning up after killed runs.
 *
 * A file is written as `.NAME.weir-<pid>-<n>` in its own folder, synced, renamed, and the folder
 * synced. The temporary file is locked (flock) for as long as its writer lives, so whoever gets
 * the lock knows that the writer is dead, whatever became of its process id; the id is asked only
 * on file systems without locks.
 *
 * Invariants
 *  1. Under the final name stands the old content or the whole new one, at every moment.
 *  2. After close nothing temporary is left, committed or not; a killed run's file is removed by
 *     the next writer of the same name, or by clean.
 *  3. A failed write or sync is never retried: the writer can then only be closed.
 *  4. Streams ("-", devices, pipes) are written in place; commit and close only end them.
 * Links are followed: the file they lead to is replaced, not the link. The mode bits of a file that
 * is overwritten are kept. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "local_priv.h"

enum {
    NAME_KEPT_BYTES = 200, /* of NAME in a temporary name: 255 is the limit of file systems */
    TEMPORARY_TRIES = 100,
};

typedef struct local_writer {
    wr_fs_writer base;
    wr_file      file;
    char        *final_path;     /* links resolved */
    char        *folder;
    char        *temporary_path; /* NULL: written in place */
    wr_fs_mode   mode;
    bool         failed;
    bool         published;
} local_writer;

/* ---- Names ------------------------------------------------------------------------------------ */

/* Split a path at its last slash; `folder` is "." when there is none. */
static void split_path(const char *path, wr_text *out_folder, wr_text *out_name)
{
    const char *slash = strrchr(path, '/');

    *out_name = wr_text_of(slash ? slash + 1 : path);
    if (!slash)
        *out_folder = WR_TEXT(".");
    else if (slash == path)
        *out_folder = WR_TEXT("/");
    else
        *out_folder = (wr_text){path, (size_t)(slash - path)};
}

static wr_text kept_name(wr_text name)
{
    if (name.byte_count > NAME_KEPT_BYTES)
        name.byte_count = NAME_KEPT_BYTES;
    return name;
}

static bool skip_digits(const char **io_at)
{
    const char *from = *io_at;

    while (**io_at >= '0' && **io_at <= '9')
        ++*io_at;
    return *io_at > from;
}

/* Take `.NAME.weir-<pid>-<n>`, or `_weir-<pid>-<n>` of no name, apart; false if `entry` is of neither
 * form. */
static bool parse_temporary(const char *entry, wr_text *out_name, pid_t *out_pid)
{
    static const char MARK[] = ".weir-", STAGE[] = "_weir-";
    bool              is_stage = strncmp(entry, STAGE, sizeof STAGE - 1) == 0;
    const char       *mark = is_stage ? entry : NULL;
    const char       *at;

    if (entry[0] != '.' && !is_stage)
        return false;
    for (const char *hit = strstr(entry + 1, MARK); hit && !is_stage; hit = strstr(hit + 1, MARK))
        mark = hit;
    if (!mark)
        return false;
    *out_name = is_stage ? WR_TEXT("") : (wr_text){entry + 1, (size_t)(mark - entry - 1)};
    at = mark + sizeof MARK - 1;
    *out_pid = (pid_t)strtol(at, NULL, 10);
    return skip_digits(&at) && *at++ == '-' && skip_digits(&at) && *at == '\0';
}

/* ---- Cleaning ----------------------------------------------------------------------------------- */

typedef struct clean_walk {
    wr_text  folder;
    wr_text  name; /* only what belongs to this file; byte_count 0: everything */
    uint64_t removed_count;
} clean_walk;

/* The writer holds its lock until its process ends; nobody else ever takes one for longer than the
 * removal lasts. */
static bool writer_is_dead(int fd, pid_t pid)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK || errno == EINTR)
        return false;
    return kill(pid, 0) != 0 && errno == ESRCH;
}

static wr_status remove_if_left(void *self, const char *entry, wr_error *err)
{
    clean_walk *walk = self;
    char        path[WR_PATH_BYTES_MAX];
    wr_text     name;
    pid_t       pid;
    bool        is_folder = false;
    int         fd, written;

    (void)err;
    if (!parse_temporary(entry, &name, &pid))
        return WR_OK;
    if (walk->name.byte_count && !wr_text_equal(name, kept_name(walk->name)))
        return WR_OK;
    written = snprintf(path, sizeof path, "%.*s/%s", WR_TEXT_ARG(walk->folder), entry);
    if (written < 0 || (size_t)written >= sizeof path)
        return WR_OK;

    fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == EISDIR) {
        is_folder = true;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    if (fd < 0)
        return WR_OK; /* gone by now, or not ours to remove */
    if (writer_is_dead(fd, pid)) {
        if (is_folder)
            wr_local_remove_tree(path);
        walk->removed_count += is_folder ? access(path, F_OK) != 0 : unlink(path) == 0;
    }
    close(fd);
    return WR_OK;
}

/* What killed runs left beside `path`: temporary files and folders of its name. */
static wr_status clean_beside(const char *path, uint64_t *io_count, wr_error *err)
{
    char       folder[WR_PATH_BYTES_MAX];
    clean_walk walk = {0};
    wr_status  status;

    split_path(path, &walk.folder, &walk.name);
    memcpy(folder, walk.folder.bytes, walk.folder.byte_count);
    folder[walk.folder.byte_count] = '\0';
    status = wr_folder_each(folder, remove_if_left, &walk, err);
    *io_count += walk.removed_count;
    return status;
}

wr_status wr_local_clean(wr_fs *fs, wr_text path, uint64_t *out_count, wr_error *err)
{
    char         buffer[WR_PATH_BYTES_MAX];
    clean_walk   walk = {0};
    wr_file_info file_info;
    size_t       length;

    (void)fs;
    *out_count = 0;
    WR_TRY(wr_local_path(path, buffer, err));
    length = strlen(buffer);
    while (length > 1 && buffer[length - 1] == '/')
        buffer[--length] = '\0';
    if (wr_path_stat(buffer, &file_info, NULL) != WR_OK || file_info.kind != WR_FILE_DIRECTORY)
        return clean_beside(buffer, out_count, err);
    walk.folder = wr_text_of(buffer);
    WR_TRY(wr_folder_each(buffer, remove_if_left, &walk, err));
    *out_count = walk.removed_count;
    if (strcmp(buffer, ".") == 0 || strcmp(buffer, "/") == 0)
        return WR_OK;
    if (clean_beside(buffer, out_count, err) != WR_OK)
        wr_error_clear(err); /* the folder itself was asked for */
    return WR_OK;
}

/* ---- Writing ------------------------------------------------------------------------------------ */

static wr_status local_write(wr_fs_writer *writer, const void *bytes, size_t byte_count,
                             wr_error *err)
{
    local_writer *local = (local_writer *)writer;
    wr_status     status;

    if (writer->skip)
        return WR_OK;
    status = wr_file_write(&local->file, bytes, byte_count, err);
    local->failed |= status != WR_OK;
    return status;
}

/* Rename without ever replacing a file; where the file system cannot, look first. */
static wr_status publish_new(local_writer *local, bool *out_taken, wr_error *err)
{
    wr_file_info file_info;

    *out_taken = false;
    if (wr_fault_hit(WR_FAULT_RENAME))
        return WR_RAISE(err, WR_IO, "cannot rename '%s': %s", local->temporary_path,
                        strerrordesc_np(EIO));
    if (renameat2(AT_FDCWD, local->temporary_path, AT_FDCWD, local->final_path,
                  RENAME_NOREPLACE) == 0)
        return WR_OK;
    if (errno == EEXIST) {
        *out_taken = true;
        return WR_OK;
    }
    if (wr_path_stat(local->final_path, &file_info, NULL) == WR_OK) {
        *out_taken = true;
        return WR_OK;
    }
    return wr_path_rename(local->temporary_path, local->final_path, err);
}

static wr_status publish(local_writer *local, wr_error *err)
{
    bool taken = false;

    if (local->mode == WR_FS_OVERWRITE)
        WR_TRY(wr_path_rename(local->temporary_path, local->final_path, err));
    else
        WR_TRY(publish_new(local, &taken, err));
    if (taken && local->mode == WR_FS_IGNORE)
        return WR_OK; /* somebody was faster: as if it had been there at the start */
    if (taken)
        return WR_RAISE(err, WR_EXISTS, "'%.*s' was made by somebody else during the run",
                        WR_TEXT_ARG(local->base.path));
    local->published = true;
    return wr_path_sync_folder(local->folder, err);
}

static wr_status local_commit(wr_fs_writer *writer, wr_error *err)
{
    local_writer *local = (local_writer *)writer;

    if (writer->skip || !local->temporary_path)
        return WR_OK;
    if (local->failed)
        return WR_RAISE(err, WR_IO, "'%.*s' is not published: an earlier write failed",
                        WR_TEXT_ARG(writer->path));
    local->failed = true; /* until everything below has worked */
    WR_TRY_WHILE(wr_file_sync(&local->file, err), err, "writing '%.*s'", WR_TEXT_ARG(writer->path));
    WR_TRY_WHILE(publish(local, err), err, "publishing '%.*s'", WR_TEXT_ARG(writer->path));
    local->failed = false;
    return WR_OK;
}

static void local_close_write(wr_fs_writer *writer)
{
    local_writer *local = (local_writer *)writer;

    if (local->temporary_path && !local->published) {
        (void)unlink(local->temporary_path);
        local->temporary_path = NULL;
    }
    wr_file_close(&local->file);
}

static const struct wr_fs_writer_ops LOCAL_WRITER = {
    .write = local_write,
    .commit = local_commit,
    .close = local_close_write,
};

/* Create and lock `.NAME.weir-<pid>-<n>`. A cleaner may remove a file between its creation and its
 * locking; then the next number is tried. */
static wr_status create_temporary(local_writer *local, wr_text name, wr_bump *bump, wr_error *err)
{
    static _Atomic uint32_t serial;

    name = kept_name(name);
    for (int attempt = 0; attempt < TEMPORARY_TRIES; attempt++) {
        struct stat  status;
        wr_bump_mark mark = wr_bump_save(bump);
        char *path = wr_bump_printf(bump, err, "%s/.%.*s.weir-%ld-%u", local->folder,
                                    WR_TEXT_ARG(name), (long)getpid(),
                                    (unsigned)atomic_fetch_add(&serial, 1));
        if (!path)
            return WR_NO_MEMORY;

        wr_status opened = wr_file_open_write(path, true, &local->file, err);
        if (opened == WR_EXISTS) {
            wr_error_clear(err);
            wr_bump_rewind(bump, mark);
            continue;
        }
        WR_TRY(opened);
        if ((flock(local->file.fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
            fstat(local->file.fd, &status) == 0 && status.st_nlink > 0) {
            local->temporary_path = path;
            return WR_OK;
        }
        wr_file_close(&local->file);
        wr_bump_rewind(bump, mark);
    }
    return WR_RAISE(err, WR_IO, "cannot create a temporary file in '%s'", local->folder);
}

/* What stands under the final name decides: refuse, skip, write in place, or write beside it. */
static wr_status examine_target(local_writer *local, const char *path, bool *out_in_place,
                                mode_t *out_mode_bits, wr_error *err)
{
    struct stat status;

    *out_in_place = false;
    *out_mode_bits = 0;
    if (strcmp(path, "-") == 0) {
        *out_in_place = true;
        return WR_OK;
    }
    if (local->mode == WR_FS_APPEND)
        return WR_RAISE(err, WR_UNSUPPORTED,
                        "cannot append to '%s': only folders can be appended to", path);
    if (stat(path, &status) != 0)
        return WR_OK; /* what is wrong with the folder, creating the file will tell */
    if (S_ISDIR(status.st_mode))
        return WR_RAISE(err, WR_EXISTS, "cannot write '%s': it is a folder", path);
    if (!S_ISREG(status.st_mode)) {
        *out_in_place = true;
        return WR_OK;
    }
    if (local->mode == WR_FS_ERROR)
        return WR_RAISE(err, WR_EXISTS,
                        "'%s' exists already (choose the mode overwrite or ignore)", path);
    local->base.skip = local->mode == WR_FS_IGNORE;
    *out_mode_bits = status.st_mode & 07777;
    return WR_OK;
}

/* Open the temporary file beside `path`. */
static wr_status open_beside(local_writer *local, const char *path, mode_t mode_bits, wr_bump *bump,
                             wr_error *err)
{
    char         resolved[WR_PATH_BYTES_MAX];
    wr_text      folder, name;
    wr_file_info info;
    uint64_t     removed_count;

    local->final_path = wr_bump_copy(bump, wr_text_of(realpath(path, resolved) ? resolved : path),
                                     err);
    if (!local->final_path)
        return WR_NO_MEMORY;
    split_path(local->final_path, &folder, &name);
    if (name.byte_count == 0)
        return WR_RAISE(err, WR_INVALID, "cannot write '%s': the file name is missing", path);
    local->folder = wr_bump_copy(bump, folder, err);
    if (!local->folder)
        return WR_NO_MEMORY;
    if (wr_path_stat(local->folder, &info, NULL) != WR_OK)
        return WR_RAISE(err, WR_NOT_FOUND,
                        "cannot write '%s': the folder '%s' is not there (make it first)",
                        path, local->folder);
    if (info.kind != WR_FILE_DIRECTORY)
        return WR_RAISE(err, WR_IO, "cannot write '%s': '%s' is not a folder", path, local->folder);

    if (wr_local_clean(NULL, wr_text_of(local->final_path), &removed_count, NULL) != WR_OK)
        removed_count = 0; /* a folder that cannot be listed may still be written to */
    WR_TRY_WHILE(create_temporary(local, name, bump, err), err, "preparing to write '%s'", path);
    if (mode_bits)
        (void)fchmod(local->file.fd, mode_bits);
    return WR_OK;
}

wr_status wr_local_open_write(wr_fs *fs, wr_text path, wr_fs_mode mode, wr_bump *bump,
                              wr_fs_writer **out_writer, wr_error *err)
{
    char          buffer[WR_PATH_BYTES_MAX];
    local_writer *local;
    bool          in_place;
    mode_t        mode_bits;

    (void)fs;
    WR_TRY(wr_local_path(path, buffer, err));
    local = WR_BUMP_NEW(bump, local_writer, err);
    if (!local)
        return WR_NO_MEMORY;
    local->base.ops = &LOCAL_WRITER;
    local->base.path.bytes = wr_bump_copy(bump, path, err);
    local->base.path.byte_count = path.byte_count;
    local->mode = mode;
    local->file.fd = -1;
    if (!local->base.path.bytes)
        return WR_NO_MEMORY;

    WR_TRY(examine_target(local, buffer, &in_place, &mode_bits, err));
    if (in_place)
        WR_TRY(wr_file_open_write(buffer, false, &local->file, err));
    else if (!local->base.skip)
        WR_TRY(open_beside(local, buffer, mode_bits, bump, err));
    *out_writer = &local->base;
    return WR_OK;
}
