/* os/path.c — what is done to names in folders: look, rename, remove, make, list. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fault.h"
#include "os/file.h"
#include "os/file_priv.h"

void wr_file_info_fill(wr_file_info *out_info, const struct stat *status)
{
    wr_file_kind kind = S_ISREG(status->st_mode)   ? WR_FILE_REGULAR
                        : S_ISDIR(status->st_mode) ? WR_FILE_DIRECTORY
                                                   : WR_FILE_STREAM;

    *out_info = (wr_file_info){
        .kind = kind,
        .bytes = kind == WR_FILE_REGULAR ? (uint64_t)status->st_size : 0,
        .mtime_ns = (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec,
        .device = status->st_dev,
        .inode = status->st_ino,
    };
}

wr_status wr_path_stat(const char *path, wr_file_info *out_info, wr_error *err)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return wr_file_raise_errno(err, errno, "look at", path);
    wr_file_info_fill(out_info, &status);
    return WR_OK;
}

wr_status wr_path_rename(const char *from, const char *to, wr_error *err)
{
    if (wr_file_fault(WR_FAULT_RENAME) || rename(from, to) != 0)
        WR_TRY_WHILE(wr_file_raise_errno(err, errno, "rename", from), err, "renaming it to '%s'",
                     to);
    return WR_OK;
}

wr_status wr_path_exchange(const char *a, const char *b, wr_error *err)
{
    if (!wr_file_fault(WR_FAULT_RENAME) &&
        renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0)
        return WR_OK;
    if (errno == ENOSYS || errno == EINVAL)
        return WR_RAISE(err, WR_UNSUPPORTED,
                        "cannot exchange '%s' and '%s': the file system does not know how", a, b);
    WR_TRY_WHILE(wr_file_raise_errno(err, errno, "exchange", a), err, "exchanging it with '%s'", b);
    return WR_OK;
}

wr_status wr_path_remove(const char *path, wr_error *err)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return WR_OK;
    if (errno == EISDIR || errno == EPERM) {
        if (rmdir(path) == 0)
            return WR_OK;
    }
    return wr_file_raise_errno(err, errno, "remove", path);
}

static wr_status make_one_folder(const char *path, wr_error *err)
{
    struct stat status;

    int         failure;

    if (mkdir(path, 0777) == 0)
        return WR_OK;
    failure = errno;
    if (failure == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return WR_OK;
    return wr_file_raise_errno(err, failure, "make the folder", path);
}

wr_status wr_path_make_folder(const char *path, wr_error *err)
{
    char   part[WR_PATH_BYTES_MAX];
    size_t byte_count = strlen(path);

    if (byte_count >= sizeof part)
        return wr_file_raise_errno(err, ENAMETOOLONG, "make the folder", path);
    if (mkdir(path, 0777) == 0)
        return WR_OK;
    if (errno == ENOENT) {
        memcpy(part, path, byte_count + 1);
        for (size_t i = 1; i < byte_count; i++) {
            if (part[i] != '/')
                continue;
            part[i] = '\0';
            WR_TRY(make_one_folder(part, err));
            part[i] = '/';
        }
    }
    return make_one_folder(path, err);
}

wr_status wr_path_sync_folder(const char *folder, wr_error *err)
{
    wr_file file = {.fd = -1};

    WR_TRY(wr_file_open_read(folder, &file, err));
    wr_status status = wr_file_sync(&file, err);
    wr_file_close(&file);
    return status;
}

bool wr_path_is_memory(const char *folder)
{
    struct statfs status;

    if (statfs(folder, &status) != 0)
        return false;
    return status.f_type == TMPFS_MAGIC || (unsigned long)status.f_type == RAMFS_MAGIC ||
           (unsigned long)status.f_type == HUGETLBFS_MAGIC;
}

bool wr_path_is_writable(const char *folder)
{
    return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0;
}

uint64_t wr_path_free_bytes(const char *folder)
{
    struct statvfs status;

    if (statvfs(folder, &status) != 0)
        return 0;
    return (uint64_t)status.f_bavail * status.f_frsize;
}

static wr_status visit_entries(const char *entries, size_t byte_count,
                               wr_status (*visit)(void *self, const char *name, wr_error *err),
                               void *self, wr_error *err)
{
    for (size_t at = 0; at < byte_count;) {
        const struct dirent64 *entry = (const struct dirent64 *)(const void *)(entries + at);

        at += entry->d_reclen;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            WR_TRY(visit(self, entry->d_name, err));
    }
    return WR_OK;
}

/* getdents64 into a small buffer: opendir would allocate 32 KB. */
wr_status wr_folder_each(const char *folder,
                         wr_status (*visit)(void *self, const char *name, wr_error *err),
                         void *self, wr_error *err)
{
    _Alignas(struct dirent64) char entries[4096];
    wr_file                        file = {.fd = -1};
    wr_status                      status = WR_OK;
    ssize_t                        moved;

    WR_TRY(wr_file_open_read(folder, &file, err));
    do {
        moved = wr_file_fault(WR_FAULT_READ) ? -1 : getdents64(file.fd, entries, sizeof entries);
        if (moved < 0)
            status = wr_file_raise_errno(err, errno, "list", folder);
        else
            status = visit_entries(entries, (size_t)moved, visit, self, err);
    } while (moved > 0 && status == WR_OK);
    wr_file_close(&file);
    return status;
}
