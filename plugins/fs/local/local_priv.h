/* local_priv.h — what the files of the local file system share. */
#ifndef WR_BUILDING_FS_LOCAL
#error "private to plugins/fs/local"
#endif
#ifndef WR_FS_LOCAL_PRIV_H
#define WR_FS_LOCAL_PRIV_H

#include "io/fs.h"
#include "os/file.h"

/** Copy a path into `buffer`, NUL-terminated, without "file:" or "file://".
 * Errors   WR_INVALID  too long, or a zero byte inside */
wr_status wr_local_path(wr_text path, char buffer[WR_PATH_BYTES_MAX], wr_error *err) WR_MUST_USE;

void wr_local_info(const wr_file_info *file_info, wr_fs_info *out_info);

/** Does `text` hold a character that globs give a meaning? */
bool wr_local_glob_is(wr_text text);

/** Does one path component match? `*`, `?`, `[a-z]`, `[!a-z]`; `\` takes the next byte as it is.
 *  Names that begin with a dot, and what running weirs leave in folders ("_weir-..."), match only
 *  patterns that begin in the same way. Cost O(pattern * name). */
bool wr_local_glob_match(wr_text pattern, wr_text name);

/** Expand `{a,b}` into brace-free patterns, kept in `bump`.
 * Errors   WR_INVALID  more than 1,000 patterns */
wr_status wr_local_glob_expand(wr_text pattern, wr_bump *bump, wr_text **out_patterns,
                               uint32_t *out_pattern_count, wr_error *err) WR_MUST_USE;

wr_status wr_local_list(wr_fs *fs, wr_text pattern, wr_bump *bump,
                        wr_status (*visit)(void *self, wr_text path, const wr_fs_info *info,
                                           wr_error *err),
                        void *self, wr_error *err) WR_MUST_USE;

wr_status wr_local_open_write(wr_fs *fs, wr_text path, wr_fs_mode mode, wr_bump *bump,
                              wr_fs_writer **out_writer, wr_error *err) WR_MUST_USE;

wr_status wr_local_open_folder(wr_fs *fs, wr_text path, wr_fs_mode mode, wr_bump *bump,
                               wr_fs_folder **out_folder, wr_error *err) WR_MUST_USE;

/** A folder and all that is in it, without recursion; what cannot be removed stays. */
void wr_local_remove_tree(const char *root);

wr_status wr_local_clean(wr_fs *fs, wr_text path, uint64_t *out_count, wr_error *err) WR_MUST_USE;

#endif
