/* local_folder.c — folders that are written as a whole.
 *
 * Files go into a stage: `.NAME.weir-<pid>-<n>` beside the folder, or `_weir-<pid>-<n>` inside it when
 * files are added to what is there. Commit syncs the file system once, then publishes: the stage takes
 * the folder's name (if that is new or empty), changes places with it (overwrite), or its files move
 * over one by one (append).
 *
 * Invariants
 *  1. New and overwritten folders appear whole or not at all; of an appended one, every file does.
 *  2. The stage is locked (flock) while its writer lives; what a killed run left is removed by the next
 *     writer of the same folder, or by clean.
 *  3. Memory does not grow with the number of files: nothing is kept of them.
 * Call order: open_write, commit and close of one file after the other; commit; close. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "os/clock.h"
#include "local_priv.h"

enum {
    STAGE_TRIES = 100,
    FOLDERS_DEEP_MAX = 20,
    SYNCED_FILES_MAX = 64, /* one by one; above that the whole file system once is cheaper */
};

typedef struct local_folder {
    wr_fs_folder base;
    wr_fs_mode   mode;
    char        *final_path;
    char        *stage_path; /* NULL: none was made */
    int          stage_fd;   /* the lock            */
    bool         replaces;   /* a folder with something in it is there, and the mode is overwrite */
    bool         published;
    uint64_t     file_count; /* that were ended     */
} local_folder;

typedef struct local_member {
    wr_fs_writer  base;
    wr_file       file;
    local_folder *folder;
} local_member;

/* ---- Trees ---------------------------------------------------------------------------------------- */

/* Walks a folder and all below it: folders are told when they are entered and when they are left. */
typedef enum entry_kind { ENTRY_FILE, ENTRY_ENTERED, ENTRY_LEFT } entry_kind;

typedef struct tree_walk {
    char   path[WR_PATH_BYTES_MAX]; /* of the entry at hand */
    size_t root_bytes, length;      /* of path; of the folder that is walked */
    int    depth;
    wr_status (*visit)(void *self, const struct tree_walk *walk, entry_kind kind, wr_error *err);
    void *self;
} tree_walk;

static wr_status visit_name(void *self, const char *name, wr_error *err);

/* The folder walk->path. Bounded recursion: a level takes some 5 KB of the stack. */
static wr_status walk_folder(tree_walk *walk, wr_error *err)
{
    size_t length = walk->length;

    if (walk->depth == FOLDERS_DEEP_MAX)
        return WR_RAISE(err, WR_UNSUPPORTED, "'%s' is more than %d folders deep", walk->path,
                        FOLDERS_DEEP_MAX);
    WR_TRY(walk->visit(walk->self, walk, ENTRY_ENTERED, err));
    walk->length = strlen(walk->path);
    walk->depth++;
    WR_TRY(wr_folder_each(walk->path, visit_name, walk, err));
    walk->depth--;
    walk->path[walk->length] = '\0';
    walk->length = length;
    return walk->visit(walk->self, walk, ENTRY_LEFT, err);
}

static wr_status visit_name(void *self, const char *name, wr_error *err)
{
    tree_walk  *walk = self;
    struct stat status;
    wr_status   result;

    if (walk->length + strlen(name) + 2 > sizeof walk->path)
        return WR_RAISE(err, WR_INVALID, "a path under '%.*s' is longer than %d bytes",
                        (int)walk->root_bytes, walk->path, WR_PATH_BYTES_MAX - 1);
    snprintf(walk->path + walk->length, sizeof walk->path - walk->length, "/%s", name);
    if (lstat(walk->path, &status) == 0 && S_ISDIR(status.st_mode))
        result = walk_folder(walk, err);
    else
        result = walk->visit(walk->self, walk, ENTRY_FILE, err);
    walk->path[walk->length] = '\0';
    return result;
}

static wr_status walk_tree(tree_walk *walk, const char *root, wr_error *err)
{
    walk->root_bytes = strlen(root);
    if (walk->root_bytes >= sizeof walk->path)
        return WR_RAISE(err, WR_INVALID, "'%s' is too long", root);
    memcpy(walk->path, root, walk->root_bytes + 1);
    return walk_folder(walk, err);
}

static wr_status remove_entry(void *self, const tree_walk *walk, entry_kind kind, wr_error *err)
{
    (void)self, (void)err;
    if (kind == ENTRY_FILE)
        (void)unlink(walk->path);
    else if (kind == ENTRY_LEFT)
        (void)rmdir(walk->path);
    return WR_OK;
}

void wr_local_remove_tree(const char *root)
{
    for (int attempt = 0; attempt < 2; attempt++) { /* a disk that fails once is asked again */
        tree_walk walk = {.visit = remove_entry};

        if (walk_tree(&walk, root, NULL) == WR_OK)
            return;
    }
}

/* ---- Members -------------------------------------------------------------------------------------- */

static wr_status member_write(wr_fs_writer *writer, const void *bytes, size_t byte_count,
                              wr_error *err)
{
    return wr_file_write(&((local_member *)writer)->file, bytes, byte_count, err);
}

static wr_status member_commit(wr_fs_writer *writer, wr_error *err)
{
    local_member *member = (local_member *)writer;

    if (member->folder->file_count++ < SYNCED_FILES_MAX)
        return wr_file_sync(&member->file, err);
    return WR_OK;
}

static void member_close(wr_fs_writer *writer)
{
    wr_file_close(&((local_member *)writer)->file);
}

static const struct wr_fs_writer_ops MEMBER = {
    .write = member_write,
    .commit = member_commit,
    .close = member_close,
};

static wr_status folder_open_write(wr_fs_folder *base, wr_text name, wr_bump *bump,
                                   wr_fs_writer **out_writer, wr_error *err)
{
    local_folder *folder = (local_folder *)base;
    local_member *member = WR_BUMP_NEW(bump, local_member, err);
    char         *path = wr_bump_printf(bump, err, "%s/%.*s", folder->stage_path, WR_TEXT_ARG(name));
    char         *slash;

    if (!member || !path)
        return WR_NO_MEMORY;
    if (strlen(path) >= WR_PATH_BYTES_MAX)
        return WR_RAISE(err, WR_INVALID, "the path of '%.*s' is longer than %d bytes",
                        WR_TEXT_ARG(name), WR_PATH_BYTES_MAX - 1);
    slash = strrchr(path, '/');
    *slash = '\0';
    WR_TRY(wr_path_make_folder(path, err));
    *slash = '/';
    member->base.ops = &MEMBER;
    member->folder = folder;
    member->base.path = wr_text_of(path);
    WR_TRY(wr_file_open_write(path, true, &member->file, err));
    *out_writer = &member->base;
    return WR_OK;
}

/* ---- Publishing ------------------------------------------------------------------------------------- */

/* One entry of the stage: files move, folders are made over there. */
static wr_status move_entry(void *self, const tree_walk *walk, entry_kind kind, wr_error *err)
{
    local_folder *folder = self;
    char          to[WR_PATH_BYTES_MAX];

    if (snprintf(to, sizeof to, "%s%s", folder->final_path, walk->path + walk->root_bytes) >=
        (int)sizeof to)
        return WR_RAISE(err, WR_INVALID, "a path under '%s' is too long", folder->final_path);
    if (kind == ENTRY_ENTERED)
        return wr_path_make_folder(to, err);
    if (kind == ENTRY_LEFT)
        return wr_path_remove(walk->path, err);
    if (wr_fault_hit(WR_FAULT_RENAME))
        return WR_RAISE(err, WR_IO, "cannot rename '%s': %s", walk->path, strerrordesc_np(EIO));
    if (renameat2(AT_FDCWD, walk->path, AT_FDCWD, to, RENAME_NOREPLACE) != 0)
        return WR_RAISE(err, errno == EEXIST ? WR_EXISTS : WR_IO, "cannot rename '%s' to '%s': %s",
                        walk->path, to, strerrordesc_np(errno));
    return WR_OK;
}

static wr_status publish(local_folder *folder, wr_error *err)
{
    tree_walk walk = {.visit = move_entry, .self = folder};

    if (folder->mode == WR_FS_APPEND)
        return walk_tree(&walk, folder->stage_path, err);
    if (folder->replaces) /* close removes what is then in the stage's place */
        return wr_path_exchange(folder->stage_path, folder->final_path, err);
    if (wr_fault_hit(WR_FAULT_RENAME))
        return WR_RAISE(err, WR_IO, "cannot rename '%s': %s", folder->stage_path,
                        strerrordesc_np(EIO));
    if (rename(folder->stage_path, folder->final_path) == 0) /* an empty folder gives way */
        return WR_OK;
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
        return WR_RAISE(err, WR_EXISTS, "'%.*s' was made by somebody else during the run",
                        WR_TEXT_ARG(folder->base.path));
    return WR_RAISE(err, WR_IO, "cannot rename '%s' to '%s': %s", folder->stage_path,
                    folder->final_path, strerrordesc_np(errno));
}

static wr_status folder_commit(wr_fs_folder *base, wr_error *err)
{
    local_folder *folder = (local_folder *)base;
    char          parent[WR_PATH_BYTES_MAX];
    char         *slash;

    if (base->skip)
        return WR_OK;
    if (folder->file_count > SYNCED_FILES_MAX &&
        (wr_fault_hit(WR_FAULT_SYNC) || syncfs(folder->stage_fd) != 0))
        return WR_RAISE(err, WR_IO, "cannot sync '%s': %s", folder->stage_path,
                        strerrordesc_np(errno));
    WR_TRY_WHILE(publish(folder, err), err, "publishing '%.*s'", WR_TEXT_ARG(base->path));
    folder->published = !folder->replaces;
    snprintf(parent, sizeof parent, "%s", folder->final_path);
    slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
    return wr_path_sync_folder(slash ? parent : ".", err);
}

static void folder_close(wr_fs_folder *base)
{
    local_folder *folder = (local_folder *)base;

    if (folder->stage_path && !folder->published)
        wr_local_remove_tree(folder->stage_path);
    if (folder->stage_fd >= 0)
        close(folder->stage_fd);
    folder->stage_fd = -1;
    folder->stage_path = NULL;
}

static const struct wr_fs_folder_ops LOCAL_FOLDER = {
    .open_write = folder_open_write,
    .commit = folder_commit,
    .close = folder_close,
};

/* ---- Opening ---------------------------------------------------------------------------------------- */

static wr_status note_name(void *self, const char *name, wr_error *err)
{
    (void)name, (void)err;
    *(bool *)self = true;
    return WR_OK;
}

static bool has_entries(const char *path)
{
    bool any = false;

    return wr_folder_each(path, note_name, &any, NULL) == WR_OK && any;
}

static wr_status examine_folder(local_folder *folder, wr_error *err)
{
    wr_file_info info;
    bool         is_there = wr_path_stat(folder->final_path, &info, NULL) == WR_OK;

    if (is_there && info.kind != WR_FILE_DIRECTORY)
        return WR_RAISE(err, WR_EXISTS, "'%s' is a file, but a folder is to be written",
                        folder->final_path);
    if (!is_there)
        return folder->mode == WR_FS_APPEND ? wr_path_make_folder(folder->final_path, err) : WR_OK;
    if (folder->mode == WR_FS_APPEND || !has_entries(folder->final_path))
        return WR_OK;
    if (folder->mode == WR_FS_ERROR)
        return WR_RAISE(err, WR_EXISTS, "the folder '%s' exists already (choose the mode overwrite, "
                        "append or ignore)", folder->final_path);
    folder->base.skip = folder->mode == WR_FS_IGNORE;
    folder->replaces = folder->mode == WR_FS_OVERWRITE;
    return WR_OK;
}

static wr_status make_stage(local_folder *folder, wr_bump *bump, wr_error *err)
{
    static _Atomic uint32_t serial;
    const char             *slash = strrchr(folder->final_path, '/');
    const char             *name = slash ? slash + 1 : folder->final_path;
    int                     parent_bytes = slash ? (int)(slash - folder->final_path) + 1 : 0;

    for (int attempt = 0; attempt < STAGE_TRIES; attempt++) {
        unsigned number = (unsigned)atomic_fetch_add(&serial, 1);
        char    *path = folder->mode == WR_FS_APPEND
                            ? wr_bump_printf(bump, err, "%s/_weir-%ld-%u", folder->final_path,
                                             (long)getpid(), number)
                            : wr_bump_printf(bump, err, "%.*s.%.200s.weir-%ld-%u", parent_bytes,
                                             folder->final_path, name, (long)getpid(), number);

        if (!path)
            return WR_NO_MEMORY;
        if (mkdir(path, 0777) == 0) {
            folder->stage_path = path;
            folder->stage_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (folder->stage_fd < 0)
                return WR_RAISE(err, WR_IO, "cannot open '%s': %s", path, strerrordesc_np(errno));
            (void)flock(folder->stage_fd, LOCK_EX | LOCK_NB);
            return WR_OK;
        }
        if (errno != EEXIST)
            return WR_RAISE(err, errno == ENOENT ? WR_NOT_FOUND : WR_IO, "cannot make the folder '%s': %s",
                            path, strerrordesc_np(errno));
    }
    return WR_RAISE(err, WR_IO, "cannot make a folder for '%s'", folder->final_path);
}

wr_status wr_local_open_folder(wr_fs *fs, wr_text path, wr_fs_mode mode, wr_bump *bump,
                               wr_fs_folder **out_folder, wr_error *err)
{
    char          buffer[WR_PATH_BYTES_MAX];
    local_folder *folder = WR_BUMP_NEW(bump, local_folder, err);
    size_t        length;
    uint64_t      removed_count;
    wr_status     status;

    if (!folder)
        return WR_NO_MEMORY;
    WR_TRY(wr_local_path(path, buffer, err));
    length = strlen(buffer);
    while (length > 1 && buffer[length - 1] == '/')
        buffer[--length] = '\0';
    folder->base.ops = &LOCAL_FOLDER;
    folder->base.path = (wr_text){wr_bump_copy(bump, path, err), path.byte_count};
    folder->final_path = wr_bump_copy(bump, (wr_text){buffer, length}, err);
    folder->base.prefix = mode == WR_FS_APPEND
                              ? wr_bump_printf(bump, err, "%llx-%lx-",
                                               (unsigned long long)wr_clock_wall_ns(), (long)getpid())
                              : "";
    folder->mode = mode;
    folder->stage_fd = -1;
    if (!folder->base.path.bytes || !folder->final_path || !folder->base.prefix)
        return WR_NO_MEMORY;
    WR_TRY(examine_folder(folder, err));
    if (!folder->base.skip) {
        if (wr_local_clean(NULL, wr_text_of(folder->final_path), &removed_count, NULL) != WR_OK)
            removed_count = 0; /* a folder that cannot be listed may still be written to */
        status = make_stage(folder, bump, err);
        if (status != WR_OK) {
            folder_close(&folder->base);
            return status;
        }
    }
    (void)fs;
    *out_folder = &folder->base;
    return WR_OK;
}
