/* local_list.c — expand globs by walking folders, without recursion.
 *
 * A step is (folder, rest of the pattern); steps wait in a list in the bump. Hits are collected,
 * sorted by the bytes of their paths, freed of duplicates (overlapping `**` or braces), and only
 * then handed out, so the order of a listing depends on names alone.
 * Links to folders are followed where a component names them, never by `**`: no cycles.
 * Memory: one node and one path per hit and per folder walked; all in the caller's bump. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "local_priv.h"

typedef struct list_hit list_hit;
struct list_hit {
    list_hit  *next;
    wr_text    path;
    wr_fs_info info;
};

typedef struct list_step list_step;
struct list_step {
    list_step *next;
    wr_text    folder; /* "" is the working folder; else ends with a slash */
    wr_text    rest;   /* of the pattern, without a leading slash          */
};

typedef struct list_walk {
    wr_bump   *bump;
    list_step *steps;
    list_hit  *hits;
    /* the step at hand */
    wr_text folder, component, rest;
    bool    deep; /* the component is `**` */
} list_walk;

static wr_status push_step(list_walk *walk, wr_text folder, wr_text rest, wr_error *err)
{
    list_step *step = WR_BUMP_NEW(walk->bump, list_step, err);

    if (!step)
        return WR_NO_MEMORY;
    *step = (list_step){walk->steps, folder, rest};
    walk->steps = step;
    return WR_OK;
}

static wr_status push_hit(list_walk *walk, wr_text path, const wr_file_info *file_info,
                          wr_error *err)
{
    list_hit *hit = WR_BUMP_NEW(walk->bump, list_hit, err);

    if (!hit)
        return WR_NO_MEMORY;
    hit->next = walk->hits;
    hit->path = path;
    wr_local_info(file_info, &hit->info);
    walk->hits = hit;
    return WR_OK;
}

/* Copy folder + name + ending into the bump. */
static wr_status join_path(list_walk *walk, wr_text folder, wr_text name, const char *ending,
                           wr_text *out_path, wr_error *err)
{
    size_t byte_count = folder.byte_count + name.byte_count + strlen(ending);
    char  *path;

    if (byte_count >= WR_PATH_BYTES_MAX)
        return WR_RAISE(err, WR_INVALID, "a path under '%.*s' is longer than %d bytes",
                        WR_TEXT_ARG(folder), WR_PATH_BYTES_MAX - 1);
    path = wr_bump_printf(walk->bump, err, "%.*s%.*s%s", WR_TEXT_ARG(folder), WR_TEXT_ARG(name),
                          ending);
    if (!path)
        return WR_NO_MEMORY;
    *out_path = (wr_text){path, byte_count};
    return WR_OK;
}

/* A name that matched the component at hand: go on below it, or take it. */
static wr_status take_name(list_walk *walk, wr_text name, wr_error *err)
{
    wr_bump_mark mark = wr_bump_save(walk->bump);
    wr_text      path;
    wr_file_info file_info;
    wr_status    status;

    WR_TRY(join_path(walk, walk->folder, name, "", &path, err));
    status = wr_path_stat(path.bytes, &file_info, NULL);
    if (status != WR_OK || (file_info.kind == WR_FILE_DIRECTORY) != (walk->rest.byte_count > 0)) {
        wr_bump_rewind(walk->bump, mark); /* a dangling link, or not what is looked for */
        return WR_OK;
    }
    if (walk->rest.byte_count == 0)
        return push_hit(walk, path, &file_info, err);
    WR_TRY(join_path(walk, path, WR_TEXT(""), "/", &path, err));
    return push_step(walk, path, walk->rest, err);
}

/* A name met by `**`: a folder is walked with the same pattern; a file counts if `**` is last. */
static wr_status take_deep(list_walk *walk, wr_text name, wr_error *err)
{
    wr_bump_mark mark = wr_bump_save(walk->bump);
    wr_text      path, folder = WR_TEXT("");
    struct stat  status;

    WR_TRY(join_path(walk, walk->folder, name, "", &path, err));
    if (lstat(path.bytes, &status) == 0 && S_ISDIR(status.st_mode)) {
        WR_TRY(join_path(walk, path, WR_TEXT(""), "/", &folder, err));
        return push_step(walk, folder,
                         walk->rest.byte_count ? (wr_text){walk->component.bytes,
                                                           walk->component.byte_count + 1 +
                                                               walk->rest.byte_count}
                                               : walk->component,
                         err);
    }
    wr_bump_rewind(walk->bump, mark);
    return walk->rest.byte_count == 0 ? take_name(walk, name, err) : WR_OK;
}

static wr_status visit_name(void *self, const char *name, wr_error *err)
{
    list_walk *walk = self;
    wr_text    text = wr_text_of(name);

    if (walk->deep) /* what is not named is not taken if it is hidden */
        return name[0] != '.' && name[0] != '_' ? take_deep(walk, text, err) : WR_OK;
    return wr_local_glob_match(walk->component, text) ? take_name(walk, text, err) : WR_OK;
}

/* Without backslashes, as the name is spelled on disk. In place: `text` lies in the bump. */
static wr_text unescape(char *text, size_t byte_count)
{
    size_t used = 0;

    for (size_t i = 0; i < byte_count; i++) {
        if (text[i] == '\\' && i + 1 < byte_count)
            i++;
        text[used++] = text[i];
    }
    text[used] = '\0';
    return (wr_text){text, used};
}

/* Do one step: literal components are appended without reading the folder. */
static wr_status walk_step(list_walk *walk, const list_step *step, wr_error *err)
{
    wr_text   rest = step->rest;
    size_t    slash = wr_text_find_byte(rest, '/', 0);
    size_t    end = slash == SIZE_MAX ? rest.byte_count : slash;
    wr_status status;

    walk->folder = step->folder;
    walk->component = (wr_text){rest.bytes, end};
    walk->rest = slash == SIZE_MAX ? (wr_text){NULL, 0}
                                   : (wr_text){rest.bytes + slash + 1, rest.byte_count - slash - 1};
    walk->deep = wr_text_equal(walk->component, WR_TEXT("**"));

    if (end == 0) /* a double slash */
        return walk->rest.byte_count ? push_step(walk, walk->folder, walk->rest, err) : WR_OK;
    if (!wr_local_glob_is(walk->component)) {
        char *name = wr_bump_copy(walk->bump, walk->component, err);
        return name ? take_name(walk, unescape(name, end), err) : WR_NO_MEMORY;
    }
    if (walk->deep && walk->rest.byte_count)
        WR_TRY(push_step(walk, walk->folder, walk->rest, err)); /* `**` for no folder at all */
    status = wr_folder_each(walk->folder.byte_count ? walk->folder.bytes : ".", visit_name, walk,
                            err);
    if (status == WR_NOT_FOUND) {
        wr_error_clear(err);
        return WR_OK;
    }
    return status;
}

static list_hit *merge_hits(list_hit *left, list_hit *right)
{
    list_hit  *first = NULL;
    list_hit **tail = &first;

    while (left && right) {
        list_hit **source = wr_text_compare(left->path, right->path) <= 0 ? &left : &right;

        *tail = *source;
        tail = &(*tail)->next;
        *source = *tail;
    }
    *tail = left ? left : right;
    return first;
}

/* Bottom-up merge sort of a list: runs[i] holds 2^i hits or none. */
static list_hit *sort_hits(list_hit *hits)
{
    list_hit *runs[40] = {NULL};
    list_hit *sorted = NULL;

    while (hits) {
        list_hit *run = hits;
        unsigned  i = 0;

        hits = hits->next;
        run->next = NULL;
        for (; runs[i]; i++) {
            run = merge_hits(runs[i], run);
            runs[i] = NULL;
        }
        runs[i] = run;
    }
    for (unsigned i = 0; i < 40; i++)
        sorted = merge_hits(runs[i], sorted);
    return sorted;
}

static wr_status hand_out(const list_hit *hits,
                          wr_status (*visit)(void *self, wr_text path, const wr_fs_info *info,
                                             wr_error *err),
                          void *self, wr_error *err)
{
    for (const list_hit *hit = hits; hit; hit = hit->next) {
        if (hit->next && wr_text_equal(hit->path, hit->next->path))
            continue;
        WR_TRY(visit(self, hit->path, &hit->info, err));
    }
    return WR_OK;
}

wr_status wr_local_list(wr_fs *fs, wr_text pattern, wr_bump *bump,
                        wr_status (*visit)(void *self, wr_text path, const wr_fs_info *info,
                                           wr_error *err),
                        void *self, wr_error *err)
{
    char         buffer[WR_PATH_BYTES_MAX];
    list_walk    walk = {.bump = bump};
    wr_file_info file_info = {.kind = WR_FILE_STREAM};
    wr_text     *patterns;
    uint32_t     pattern_count;
    wr_status    status;

    (void)fs;
    WR_TRY(wr_local_path(pattern, buffer, err));
    char *path = wr_bump_copy(bump, wr_text_of(buffer), err);
    if (!path)
        return WR_NO_MEMORY;

    /* What exists under the very name wins: files may be called "a[1].csv". */
    status = strcmp(path, "-") == 0 ? WR_OK : wr_path_stat(path, &file_info, err);
    if (status == WR_OK) {
        WR_TRY(push_hit(&walk, wr_text_of(path), &file_info, err));
        return hand_out(walk.hits, visit, self, err);
    }
    if (status != WR_NOT_FOUND)
        return status;
    wr_error_clear(err);
    if (!wr_local_glob_is(wr_text_of(path)))
        return WR_OK;

    WR_TRY(wr_local_glob_expand(wr_text_of(path), bump, &patterns, &pattern_count, err));
    for (uint32_t i = 0; i < pattern_count; i++) {
        bool    absolute = patterns[i].byte_count && patterns[i].bytes[0] == '/';
        wr_text rest = {patterns[i].bytes + absolute, patterns[i].byte_count - absolute};

        if (rest.byte_count)
            WR_TRY(push_step(&walk, absolute ? WR_TEXT("/") : WR_TEXT(""), rest, err));
        while (walk.steps) {
            list_step *step = walk.steps;

            walk.steps = step->next;
            WR_TRY(walk_step(&walk, step, err));
        }
    }
    return hand_out(sort_hits(walk.hits), visit, self, err);
}
