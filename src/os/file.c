/* os/file.c — system calls on descriptors: retried, completed, named in errors.
 *
 * Fault injection acts in front of each call: a write fails as if the disk were full, everything
 * else as an input/output error. */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "os/file_priv.h"

enum { TRANSFER_BYTES_MAX = 1 << 30 }; /* the kernel moves at most 2 GiB - 4 KiB a call */

wr_status wr_file_raise_errno(wr_error *err, int error_number, const char *verb, const char *path)
{
    const char *reason = strerrordesc_np(error_number);
    wr_status   status = WR_IO;

    if (error_number == ENOENT || error_number == ENOTDIR)
        status = WR_NOT_FOUND;
    else if (error_number == EEXIST)
        status = WR_EXISTS;
    else if (error_number == ENOSPC || error_number == EDQUOT)
        status = WR_NO_SPACE;
    else if (error_number == EPIPE)
        status = WR_CLOSED;
    return WR_RAISE(err, status, "cannot %s '%s': %s", verb, path,
                    reason ? reason : "unknown error");
}

bool wr_file_fault(wr_fault_point point)
{
    if (WR_LIKELY(!wr_fault_hit(point)))
        return false;
    errno = point == WR_FAULT_WRITE ? ENOSPC : EIO;
    return true;
}

/* Keep a path for messages: the middle of a long one is left out. */
static void remember_path(wr_file *file, const char *path)
{
    enum { HALF = sizeof file->path / 2 - 2 };
    size_t byte_count = strlen(path);

    if (byte_count < sizeof file->path)
        memcpy(file->path, path, byte_count + 1);
    else
        snprintf(file->path, sizeof file->path, "%.*s...%s", HALF, path,
                 path + byte_count - (HALF - 1));
}

static int open_retrying(const char *path, int flags, mode_t mode)
{
    int fd;

    if (wr_file_fault(WR_FAULT_OPEN))
        return -1;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static wr_status adopt(int fd, const char *verb, const char *path, wr_file *out_file, wr_error *err)
{
    if (fd < 0)
        return wr_file_raise_errno(err, errno, verb, path);
    out_file->fd = fd;
    remember_path(out_file, path);
    return WR_OK;
}

wr_status wr_file_open_read(const char *path, wr_file *out_file, wr_error *err)
{
    if (strcmp(path, "-") == 0)
        return adopt(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), "read", "standard input", out_file,
                     err);
    return adopt(open_retrying(path, O_RDONLY, 0), "open", path, out_file, err);
}

wr_status wr_file_open_write(const char *path, bool exclusive, wr_file *out_file, wr_error *err)
{
    int flags = O_WRONLY | O_CREAT | (exclusive ? O_EXCL : O_TRUNC);

    if (strcmp(path, "-") == 0)
        return adopt(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), "write to", "standard output",
                     out_file, err);
    return adopt(open_retrying(path, flags, 0666), "create", path, out_file, err);
}

/* Where O_TMPFILE is not known: a file that exists under a name for a few microseconds. */
static int open_and_unlink(const char *folder)
{
    static _Atomic uint32_t serial;
    char                    path[WR_PATH_BYTES_MAX];
    int                     fd;

    for (int attempt = 0; attempt < 100; attempt++) {
        int written = snprintf(path, sizeof path, "%s/.weir-scratch-%ld-%u", folder,
                               (long)getpid(), (unsigned)atomic_fetch_add(&serial, 1));
        if (written < 0 || (size_t)written >= sizeof path) {
            errno = ENAMETOOLONG;
            return -1;
        }
        fd = open_retrying(path, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd >= 0)
            unlink(path);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

wr_status wr_file_open_scratch(const char *folder, wr_file *out_file, wr_error *err)
{
    int fd = open_retrying(folder, O_TMPFILE | O_RDWR, 0600);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        fd = open_and_unlink(folder);
    return adopt(fd, "create a scratch file in", folder, out_file, err);
}

/* Opening says little: some file systems refuse only the first transfer. */
static bool is_direct_possible(int fd)
{
    static const _Alignas(WR_FILE_DIRECT_ALIGNMENT) char zeros[WR_FILE_DIRECT_ALIGNMENT];

    return pwrite(fd, zeros, sizeof zeros, 0) == (ssize_t)sizeof zeros;
}

bool wr_file_open_direct(const wr_file *file, wr_file *out_file)
{
    char path[64];
    int  fd;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
    fd = open_retrying(path, O_RDWR | O_DIRECT, 0);
    *out_file = *file;
    out_file->fd = fd;
    if (fd >= 0 && is_direct_possible(fd))
        return true;
    wr_file_close(out_file);
    return false;
}

wr_status wr_file_stat(const wr_file *file, wr_file_info *out_info, wr_error *err)
{
    struct stat status;

    if (fstat(file->fd, &status) != 0)
        return wr_file_raise_errno(err, errno, "look at", file->path);
    wr_file_info_fill(out_info, &status);
    return WR_OK;
}

/* --- reading and writing ----------------------------------------------------------------- */

/* After a failed call: true if it should simply be made again. Descriptors that others made
 * non-blocking (a shared terminal) are waited for. */
static bool should_retry(int fd, short events)
{
    struct pollfd waited = {.fd = fd, .events = events};

    if (errno == EINTR)
        return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return false;
    return poll(&waited, 1, -1) >= 0 || errno == EINTR;
}

static size_t at_most(size_t bytes)
{
    return bytes < TRANSFER_BYTES_MAX ? bytes : TRANSFER_BYTES_MAX;
}

/* One successful read(2) or pread(2); `offset` < 0 reads at the descriptor's position. */
static wr_status read_once(const wr_file *file, int64_t offset, void *buffer, size_t bytes,
                           size_t *out_bytes, wr_error *err)
{
    ssize_t moved;

    do {
        if (wr_file_fault(WR_FAULT_READ))
            moved = -1;
        else if (offset < 0)
            moved = read(file->fd, buffer, at_most(bytes));
        else
            moved = pread(file->fd, buffer, at_most(bytes), offset);
    } while (moved < 0 && should_retry(file->fd, POLLIN));
    if (moved < 0)
        return wr_file_raise_errno(err, errno, "read", file->path);
    *out_bytes = (size_t)moved;
    return WR_OK;
}

static wr_status read_fully(const wr_file *file, int64_t offset, void *buffer, size_t bytes,
                            size_t *out_bytes, wr_error *err)
{
    size_t done = 0, moved = 1;

    while (done < bytes && moved > 0) {
        WR_TRY(read_once(file, offset < 0 ? -1 : offset + (int64_t)done, (char *)buffer + done,
                         bytes - done, &moved, err));
        done += moved;
    }
    *out_bytes = done;
    return WR_OK;
}

wr_status wr_file_read(wr_file *file, void *buffer, size_t bytes, size_t *out_bytes, wr_error *err)
{
    return read_fully(file, -1, buffer, bytes, out_bytes, err);
}

wr_status wr_file_read_some(wr_file *file, void *buffer, size_t bytes, size_t *out_bytes,
                            wr_error *err)
{
    return read_once(file, -1, buffer, bytes, out_bytes, err);
}

wr_status wr_file_pread(wr_file *file, uint64_t offset, void *buffer, size_t bytes,
                        size_t *out_bytes, wr_error *err)
{
    if (offset > INT64_MAX - (uint64_t)bytes)
        return wr_file_raise_errno(err, EOVERFLOW, "read", file->path);
    return read_fully(file, (int64_t)offset, buffer, bytes, out_bytes, err);
}

static wr_status write_fully(const wr_file *file, int64_t offset, const void *bytes,
                             size_t byte_count, wr_error *err)
{
    size_t done = 0;

    while (done < byte_count) {
        const char *from = (const char *)bytes + done;
        ssize_t     moved;

        if (wr_file_fault(WR_FAULT_WRITE))
            moved = -1;
        else if (offset < 0)
            moved = write(file->fd, from, at_most(byte_count - done));
        else
            moved = pwrite(file->fd, from, at_most(byte_count - done), offset + (int64_t)done);
        if (moved == 0)
            errno = EIO; /* a device that takes nothing and says nothing would spin here */
        if (moved > 0)
            done += (size_t)moved;
        else if (moved == 0 || !should_retry(file->fd, POLLOUT))
            return wr_file_raise_errno(err, errno, "write to", file->path);
    }
    return WR_OK;
}

wr_status wr_file_write(wr_file *file, const void *bytes, size_t byte_count, wr_error *err)
{
    return write_fully(file, -1, bytes, byte_count, err);
}

wr_status wr_file_pwrite(wr_file *file, uint64_t offset, const void *bytes, size_t byte_count,
                         wr_error *err)
{
    if (offset > INT64_MAX - (uint64_t)byte_count)
        return wr_file_raise_errno(err, EOVERFLOW, "write to", file->path);
    return write_fully(file, (int64_t)offset, bytes, byte_count, err);
}

wr_status wr_file_sync(wr_file *file, wr_error *err)
{
    /* Pipes and terminals cannot be synced and need not be. */
    if (!wr_file_fault(WR_FAULT_SYNC) && (fsync(file->fd) == 0 || errno == EINVAL ||
                                          errno == EROFS))
        return WR_OK;
    return wr_file_raise_errno(err, errno, "sync", file->path);
}

void wr_file_reads_jump(wr_file *file)
{
    (void)posix_fadvise(file->fd, 0, 0, POSIX_FADV_RANDOM);
}

void wr_file_will_need(wr_file *file, uint64_t offset, uint64_t bytes)
{
    (void)posix_fadvise(file->fd, (off_t)offset, (off_t)bytes, POSIX_FADV_WILLNEED);
}

void wr_file_punch(wr_file *file, uint64_t offset, uint64_t bytes)
{
    (void)fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                    (off_t)bytes);
}

void wr_file_close(wr_file *file)
{
    /* Descriptor 0 is never ours (see F_DUPFD_CLOEXEC above), so a zeroed file counts as closed. */
    if (file->fd > 0)
        close(file->fd);
    file->fd = -1;
}
