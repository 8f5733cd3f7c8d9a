/* io/fs.h — the file-system interface: what local files, object stores and test doubles implement.
 *
 * Readers are random access where `seekable`; streams (pipes) are read in order with read_next.
 * Writers publish atomically: nothing is visible under the final name before commit; abort cannot
 * fail. A file system owns no thread and no buffer beyond its handles.
 * Composition is fs x filters x format: no fs knows a format. */
#ifndef WR_IO_FS_H
#define WR_IO_FS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "mem/bump.h"

typedef struct wr_fs        wr_fs;
typedef struct wr_fs_ops    wr_fs_ops;
typedef struct wr_fs_reader wr_fs_reader;
typedef struct wr_fs_writer wr_fs_writer;
typedef struct wr_fs_folder wr_fs_folder;

typedef struct wr_fs_info {
    uint64_t bytes;      /* 0 if unknown                     */
    int64_t  mtime_ns;
    bool     seekable;   /* false: read_next only            */
    bool     is_folder;
    uint64_t identity[2]; /* same identity = same file       */
} wr_fs_info;

/** One way a sink publishes. */
typedef enum wr_fs_mode { WR_FS_ERROR, WR_FS_OVERWRITE, WR_FS_APPEND, WR_FS_IGNORE } wr_fs_mode;

struct wr_fs_ops {
    uint32_t    struct_bytes; /* sizeof(wr_fs_ops) where it was built              */
    const char *name;         /* "local"                                           */
    const char *schemes;      /* blank-separated: "file"; "" also takes bare paths */
    wr_status (*stat)(wr_fs *fs, wr_text path, wr_fs_info *out_info, wr_error *err);
    /** Expand a glob (or a plain path) into paths in byte order, allocated in `bump`; every hit is
     *  handed to `visit`. No hit is not an error here. `**` crosses folders; `[..]`, `{a,b}`, `?`. */
    wr_status (*list)(wr_fs *fs, wr_text pattern, wr_bump *bump,
                      wr_status (*visit)(void *self, wr_text path, const wr_fs_info *info,
                                         wr_error *err),
                      void *self, wr_error *err);
    wr_status (*open_read)(wr_fs *fs, wr_text path, wr_bump *bump, wr_fs_reader **out_reader,
                           wr_error *err);
    wr_status (*open_write)(wr_fs *fs, wr_text path, wr_fs_mode mode, wr_bump *bump,
                            wr_fs_writer **out_writer, wr_error *err);
    /** A folder to write files into; NULL: the file system has none. ERROR, IGNORE: if it exists and
     *  something is in it; OVERWRITE: everything in it goes; APPEND: files are added. */
    wr_status (*open_folder)(wr_fs *fs, wr_text path, wr_fs_mode mode, wr_bump *bump,
                             wr_fs_folder **out_folder, wr_error *err);
    /** Remove what killed runs left near `path`; counts removed files. */
    wr_status (*clean)(wr_fs *fs, wr_text path, uint64_t *out_count, wr_error *err);
};

struct wr_fs {
    const wr_fs_ops *ops;
};

struct wr_fs_reader {
    const struct wr_fs_reader_ops {
        /** Up to `bytes` at `offset`; fewer only at the end. Seekable only. Thread-safe. */
        wr_status (*read_at)(wr_fs_reader *reader, uint64_t offset, void *buffer, size_t bytes,
                             size_t *out_bytes, wr_error *err);
        /** Whatever comes next, at least 1 byte; 0 is the end. One thread at a time. */
        wr_status (*read_next)(wr_fs_reader *reader, void *buffer, size_t bytes, size_t *out_bytes,
                               wr_error *err);
        void (*close)(wr_fs_reader *reader);
    } *ops;
    wr_fs_info info;
    wr_text    path; /* for messages */
};

struct wr_fs_writer {
    const struct wr_fs_writer_ops {
        /** Errors WR_CLOSED: a pipe whose reader went away; WR_NO_SPACE; WR_IO. */
        wr_status (*write)(wr_fs_writer *writer, const void *bytes, size_t byte_count,
                           wr_error *err);
        /** Sync and publish under the final name. */
        wr_status (*commit)(wr_fs_writer *writer, wr_error *err);
        /** Close; without a commit nothing is left. Never fails. */
        void (*close)(wr_fs_writer *writer);
    } *ops;
    wr_text path;
    bool    skip; /* mode IGNORE and it exists: write nothing */
};

/** A folder that is written as a whole: nothing is visible before its commit. */
struct wr_fs_folder {
    const struct wr_fs_folder_ops {
        /** A file of the folder; `name` may hold folders, which are made. Its commit ends it, no more.
         *  One at a time. Errors WR_EXISTS the name was used before. */
        wr_status (*open_write)(wr_fs_folder *folder, wr_text name, wr_bump *bump,
                                wr_fs_writer **out_writer, wr_error *err);
        /** Sync and publish all files. Errors WR_EXISTS somebody else made the folder meanwhile. */
        wr_status (*commit)(wr_fs_folder *folder, wr_error *err);
        /** Without a commit nothing is left. Never fails. */
        void (*close)(wr_fs_folder *folder);
    } *ops;
    wr_text     path;
    const char *prefix; /* to be put into names: of this run alone if files are added, else "" */
    bool        skip;   /* mode IGNORE and there is something: write nothing                    */
};

#endif
