/* os/file.h — files by descriptor. No stdio, no buffering, no allocation.
 *
 * Invariants: EINTR is retried; a short read is end of file, a short write is continued or an
 * error; after a failed fsync a descriptor is never retried. Every failing call raises with the
 * quoted path and strerror text. In fault-injection builds and runs each call first asks
 * base/fault.h. Threads: pread and pwrite are safe on a shared wr_file. */
#ifndef WR_OS_FILE_H
#define WR_OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum {
    WR_PATH_BYTES_MAX = 4096,
    WR_FILE_DIRECT_ALIGNMENT = 4096,
};

typedef struct wr_file {
    int  fd;          /* -1: closed; 0 too, so that a zeroed file is closed */
    char path[256];   /* for messages, shortened in the middle if longer */
} wr_file;

typedef enum wr_file_kind { WR_FILE_REGULAR, WR_FILE_DIRECTORY, WR_FILE_STREAM } wr_file_kind;

typedef struct wr_file_info {
    wr_file_kind kind;  /* STREAM: pipe, terminal, socket, device */
    uint64_t     bytes; /* 0 for streams */
    int64_t      mtime_ns;
    uint64_t     device, inode; /* identity, for "is the sink one of the sources" */
} wr_file_info;

/** Open for reading; "-" is standard input (a duplicate, safe to close).
 * Errors   WR_NOT_FOUND, WR_IO */
wr_status wr_file_open_read(const char *path, wr_file *out_file, wr_error *err) WR_MUST_USE;

/** Create or truncate for writing; "-" is standard output.
 * `exclusive`: WR_EXISTS if it is already there. */
wr_status wr_file_open_write(const char *path, bool exclusive, wr_file *out_file,
                             wr_error *err) WR_MUST_USE;

/** An unnamed read/write file in `folder` (O_TMPFILE, else created and unlinked). */
wr_status wr_file_open_scratch(const char *folder, wr_file *out_file, wr_error *err) WR_MUST_USE;

/** A second descriptor of a scratch file, whose first bytes are not in use, that goes past the page cache (O_DIRECT). Its offsets, lengths and
 *  addresses must be multiples of WR_FILE_DIRECT_ALIGNMENT; both descriptors see the same bytes.
 *  False, and closed, where the file system cannot do that. */
bool wr_file_open_direct(const wr_file *file, wr_file *out_file);

wr_status wr_file_stat(const wr_file *file, wr_file_info *out_info, wr_error *err) WR_MUST_USE;
wr_status wr_path_stat(const char *path, wr_file_info *out_info, wr_error *err) WR_MUST_USE;

/** Read up to `bytes`; *out_bytes < bytes only at end of file (regular) or end of stream. */
wr_status wr_file_read(wr_file *file, void *buffer, size_t bytes, size_t *out_bytes,
                       wr_error *err) WR_MUST_USE;

/** One read(2): returns as soon as something is there (streams). 0 bytes is the end. */
wr_status wr_file_read_some(wr_file *file, void *buffer, size_t bytes, size_t *out_bytes,
                            wr_error *err) WR_MUST_USE;
wr_status wr_file_pread(wr_file *file, uint64_t offset, void *buffer, size_t bytes,
                        size_t *out_bytes, wr_error *err) WR_MUST_USE;
/** Errors WR_NO_SPACE on ENOSPC and EDQUOT, WR_IO. */
/** Errors WR_NO_SPACE on ENOSPC and EDQUOT, WR_CLOSED on EPIPE (SIGPIPE is ignored by the program). */
wr_status wr_file_write(wr_file *file, const void *bytes, size_t byte_count,
                        wr_error *err) WR_MUST_USE;
/** Errors as wr_file_write. */
wr_status wr_file_pwrite(wr_file *file, uint64_t offset, const void *bytes, size_t byte_count,
                         wr_error *err) WR_MUST_USE;
wr_status wr_file_sync(wr_file *file, wr_error *err) WR_MUST_USE;

/** Tell the kernel that reads jump, so that it does not read ahead; never fails. */
void wr_file_reads_jump(wr_file *file);
/** Tell the kernel what comes next; never fails. */
void wr_file_will_need(wr_file *file, uint64_t offset, uint64_t bytes);

/** Return freed space of a scratch file to the file system; never fails. */
void wr_file_punch(wr_file *file, uint64_t offset, uint64_t bytes);

/** Idempotent; a closed or zeroed file is fine. */
void wr_file_close(wr_file *file);

wr_status wr_path_rename(const char *from, const char *to, wr_error *err) WR_MUST_USE;
/** Swap two paths atomically (RENAME_EXCHANGE); WR_UNSUPPORTED where the file system cannot. */
wr_status wr_path_exchange(const char *a, const char *b, wr_error *err) WR_MUST_USE;
/** A file or an empty folder. A missing path is not an error. */
wr_status wr_path_remove(const char *path, wr_error *err) WR_MUST_USE;
/** With all missing parents; a folder that is there already is not an error. */
wr_status wr_path_make_folder(const char *path, wr_error *err) WR_MUST_USE;
wr_status wr_path_sync_folder(const char *folder, wr_error *err) WR_MUST_USE;

/** True if the folder lies on tmpfs or ramfs: memory, not disk. */
bool wr_path_is_memory(const char *folder);
/** True if we may create files in it. */
bool wr_path_is_writable(const char *folder);
/** Free bytes for us, 0 if unknown. */
uint64_t wr_path_free_bytes(const char *folder);

/** Visit the names in a folder (without . and ..), in no order; a non-OK status stops the walk. */
wr_status wr_folder_each(const char *folder,
                         wr_status (*visit)(void *self, const char *name, wr_error *err),
                         void *self, wr_error *err) WR_MUST_USE;

#endif
