/* local_test.c — local files: listings by name alone, outputs whole or absent, leftovers removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "local_priv.h"

extern const wr_fs_ops wr_fs_ops_local;

enum { PAGE = 16384 };

typedef struct fixture {
    wr_fs     fs;
    wr_arena *arena;
    wr_lease  lease;
    wr_bump   bump;
    char      folder[64];
    wr_error  err;
} fixture;

static int set_up(void **state)
{
    fixture  *f = calloc(1, sizeof *f);
    wr_lease *leases[] = {&f->lease};

    f->fs.ops = &wr_fs_ops_local;
    assert_int_equal(wr_arena_new(64 * PAGE, PAGE, &f->arena, NULL), WR_OK);
    wr_lease_init(&f->lease, "test", 64 * PAGE, 64 * PAGE, PAGE);
    assert_int_equal(wr_lease_open_all(f->arena, leases, 1, NULL), WR_OK);
    wr_bump_init(&f->bump, &f->lease);
    strcpy(f->folder, "/tmp/weir-local-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(chdir(f->folder), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    char     command[96];

    assert_int_equal(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    wr_bump_release(&f->bump);
    wr_lease_close(&f->lease);
    wr_arena_free(f->arena);
    free(f);
    return 0;
}

static void put_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

/* The content of a file, or "(missing)". */
static const char *get_file(const char *path)
{
    static char content[256];
    FILE       *file = fopen(path, "r");

    if (!file)
        return "(missing)";
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    return content;
}

/* Names in the working folder, hidden ones too. */
static unsigned count_names(void)
{
    FILE    *pipe = popen("ls -A | wc -l", "r");
    unsigned count = 0;

    assert_int_equal(fscanf(pipe, "%u", &count), 1);
    pclose(pipe);
    return count;
}

/* ---- Globs -------------------------------------------------------------------------------------- */

static void patterns_match_whole_names(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool        hit;
    } CASES[] = {
        {"*.csv", "a.csv", true},          {"*.csv", "a.csv.gz", false},
        {"*", "", true},                   {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "aXbYbZ", false},        {"?", "a", true},
        {"?", "", false},                  {"[a-c]1", "b1", true},
        {"[a-c]1", "d1", false},           {"[!a-c]1", "d1", true},
        {"[]x]", "]", true},               {"[a", "[a", true},
        {"x[a-]", "x-", true},             {"\\*", "*", true},
        {"\\*", "a", false},               {"*", ".hidden", false},
        {".*", ".hidden", true},           {"*", "_weir-17", false},
        {"_weir-*", "_weir-17", true},     {"*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
        {"[a-z]*[0-9]", "q-1-7", true},    {"\xc3\xa4*", "\xc3\xa4pfel", true},
        {"**", "x", true},                 {"", "", true},
        {"", "a", false},                  {"[^x]", "y", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        if (wr_local_glob_match(wr_text_of(CASES[i].pattern), wr_text_of(CASES[i].name)) !=
            CASES[i].hit)
            fail_msg("'%s' against '%s'", CASES[i].pattern, CASES[i].name);
    }
}

static void check_expansion(fixture *f, const char *pattern, const char *expected)
{
    wr_text *patterns = NULL;
    uint32_t count = 0;
    char     joined[512] = "";

    assert_int_equal(wr_local_glob_expand(wr_text_of(pattern), &f->bump, &patterns, &count, NULL),
                     WR_OK);
    for (uint32_t i = 0; i < count; i++) {
        size_t used = strlen(joined);
        snprintf(joined + used, sizeof joined - used, "%s%.*s", i ? " " : "",
                 WR_TEXT_ARG(patterns[i]));
    }
    assert_string_equal(joined, expected);
}

static void braces_become_several_patterns(void **state)
{
    wr_text *patterns;
    uint32_t count;

    check_expansion(*state, "a{b,c}d", "abd acd");
    check_expansion(*state, "a{b,}", "ab a");
    check_expansion(*state, "{a,b}{1,2}", "a1 b1 a2 b2");
    check_expansion(*state, "{a{1,2},b}", "a1 b a2");
    check_expansion(*state, "a{b}c", "a{b}c");
    check_expansion(*state, "a{b", "a{b");
    check_expansion(*state, "a\\{b,c\\}", "a\\{b,c\\}");

    fixture *f = *state;
    assert_int_equal(wr_local_glob_expand(WR_TEXT("{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}"
                                                  "{0,1}"),
                                          &f->bump, &patterns, &count, &f->err),
                     WR_INVALID);
}

static wr_status append_path(void *self, wr_text path, const wr_fs_info *info, wr_error *err)
{
    char  *joined = self;
    size_t used = strlen(joined);

    (void)err;
    snprintf(joined + used, 1024 - used, "%s%.*s%s", used ? " " : "", WR_TEXT_ARG(path),
             info->is_folder ? "(folder)" : "");
    return WR_OK;
}

static void check_list(fixture *f, const char *pattern, const char *expected)
{
    char joined[1024] = "";

    assert_int_equal(f->fs.ops->list(&f->fs, wr_text_of(pattern), &f->bump, append_path, joined,
                                     &f->err),
                     WR_OK);
    assert_string_equal(joined, expected);
}

static void listings_are_sorted_and_complete(void **state)
{
    fixture *f = *state;
    char     absolute[128], expected[256];

    mkdir("b", 0777);
    mkdir("b/c", 0777);
    mkdir("b/.secret", 0777);
    put_file("z.csv", "");
    put_file("a.csv", "");
    put_file("a[1].csv", "");
    put_file("b/1.csv", "");
    put_file("b/c/2.csv", "");
    put_file("b/c/3.txt", "");
    put_file("b/.secret/4.csv", "");
    assert_int_equal(symlink("../b", "b/loop"), 0);

    check_list(f, "*.csv", "a.csv a[1].csv z.csv");
    check_list(f, "a[1].csv", "a[1].csv");
    check_list(f, "a\\[1\\].*", "a[1].csv");
    check_list(f, "*", "a.csv a[1].csv z.csv");
    check_list(f, "b/*", "b/1.csv");
    check_list(f, "*/*.csv", "b/1.csv");
    check_list(f, "**/*.csv", "a.csv a[1].csv b/1.csv b/c/2.csv z.csv");
    check_list(f, "b/**", "b/1.csv b/c/2.csv b/c/3.txt");
    check_list(f, "**/c/*", "b/c/2.csv b/c/3.txt");
    check_list(f, "**/**/*.txt", "b/c/3.txt");
    check_list(f, "{z,a,z}.csv", "a.csv z.csv");
    check_list(f, "b/{c/*.txt,1.*}", "b/1.csv b/c/3.txt");
    check_list(f, "nothing*", "");
    check_list(f, "nothing.csv", "");
    check_list(f, "nowhere/*.csv", "");
    check_list(f, "b", "b(folder)");
    check_list(f, "-", "-");
    check_list(f, "file:z.csv", "z.csv");
    snprintf(absolute, sizeof absolute, "file://%s//b/*", f->folder);
    snprintf(expected, sizeof expected, "%s/b/1.csv", f->folder);
    check_list(f, absolute, expected);
}

static void bad_paths_are_refused(void **state)
{
    fixture   *f = *state;
    wr_fs_info info;
    char       longest[WR_PATH_BYTES_MAX + 1];

    memset(longest, 'a', sizeof longest);
    assert_int_equal(f->fs.ops->stat(&f->fs, (wr_text){longest, sizeof longest}, &info, &f->err),
                     WR_INVALID);
    assert_int_equal(f->fs.ops->stat(&f->fs, (wr_text){"a\0b", 3}, &info, &f->err), WR_INVALID);
    assert_int_equal(f->fs.ops->stat(&f->fs, WR_TEXT(""), &info, &f->err), WR_INVALID);
    assert_int_equal(f->fs.ops->stat(&f->fs, WR_TEXT("missing"), &info, &f->err), WR_NOT_FOUND);
}

/* ---- Readers ------------------------------------------------------------------------------------ */

static void readers_read_in_order_and_at_random(void **state)
{
    fixture      *f = *state;
    wr_fs_reader *reader = NULL;
    char          buffer[16];
    size_t        bytes;

    put_file("a", "hello world");
    assert_int_equal(f->fs.ops->open_read(&f->fs, WR_TEXT("a"), &f->bump, &reader, &f->err), WR_OK);
    assert_true(reader->info.seekable);
    assert_int_equal(reader->info.bytes, 11);
    assert_int_equal(reader->ops->read_next(reader, buffer, 5, &bytes, &f->err), WR_OK);
    assert_memory_equal(buffer, "hello", 5);
    assert_int_equal(reader->ops->read_at(reader, 8, buffer, 16, &bytes, &f->err), WR_OK);
    assert_int_equal(bytes, 3);
    assert_memory_equal(buffer, "rld", 3);
    assert_int_equal(reader->ops->read_next(reader, buffer, 16, &bytes, &f->err), WR_OK);
    assert_int_equal(bytes, 6);
    assert_memory_equal(buffer, " world", 6);
    assert_int_equal(reader->ops->read_next(reader, buffer, 16, &bytes, &f->err), WR_OK);
    assert_int_equal(bytes, 0);
    reader->ops->close(reader);

    assert_int_equal(f->fs.ops->open_read(&f->fs, WR_TEXT("missing"), &f->bump, &reader, &f->err),
                     WR_NOT_FOUND);
    assert_int_equal(f->fs.ops->open_read(&f->fs, WR_TEXT("."), &f->bump, &reader, &f->err),
                     WR_INVALID);
}

/* ---- Writers ------------------------------------------------------------------------------------ */

static wr_fs_writer *open_writer(fixture *f, const char *path, wr_fs_mode mode)
{
    wr_fs_writer *writer = NULL;

    assert_int_equal(f->fs.ops->open_write(&f->fs, wr_text_of(path), mode, &f->bump, &writer,
                                           &f->err),
                     WR_OK);
    return writer;
}

static void outputs_appear_whole_or_not_at_all(void **state)
{
    fixture      *f = *state;
    wr_fs_writer *writer = open_writer(f, "out", WR_FS_ERROR);

    assert_int_equal(writer->ops->write(writer, "half", 4, &f->err), WR_OK);
    assert_string_equal(get_file("out"), "(missing)");
    writer->ops->close(writer);
    assert_int_equal(count_names(), 0);

    writer = open_writer(f, "out", WR_FS_ERROR);
    assert_int_equal(writer->ops->write(writer, "whole", 5, &f->err), WR_OK);
    assert_int_equal(writer->ops->commit(writer, &f->err), WR_OK);
    writer->ops->close(writer);
    assert_string_equal(get_file("out"), "whole");
    assert_int_equal(count_names(), 1);
}

static void modes_decide_about_what_is_there(void **state)
{
    fixture      *f = *state;
    wr_fs_writer *writer = NULL;
    struct stat   status;

    put_file("out", "old");
    assert_int_equal(chmod("out", 0640), 0);
    assert_int_equal(f->fs.ops->open_write(&f->fs, WR_TEXT("out"), WR_FS_ERROR, &f->bump, &writer,
                                           &f->err),
                     WR_EXISTS);
    assert_non_null(strstr(f->err.message, "'out' exists already"));
    assert_int_equal(f->fs.ops->open_write(&f->fs, WR_TEXT("out"), WR_FS_APPEND, &f->bump, &writer,
                                           &f->err),
                     WR_UNSUPPORTED);
    assert_int_equal(f->fs.ops->open_write(&f->fs, WR_TEXT("."), WR_FS_OVERWRITE, &f->bump, &writer,
                                           &f->err),
                     WR_EXISTS);
    assert_int_equal(f->fs.ops->open_write(&f->fs, WR_TEXT("no/out"), WR_FS_ERROR, &f->bump,
                                           &writer, &f->err),
                     WR_NOT_FOUND);

    writer = open_writer(f, "out", WR_FS_IGNORE);
    assert_true(writer->skip);
    assert_int_equal(writer->ops->write(writer, "new", 3, &f->err), WR_OK);
    assert_int_equal(writer->ops->commit(writer, &f->err), WR_OK);
    writer->ops->close(writer);
    assert_string_equal(get_file("out"), "old");

    writer = open_writer(f, "out", WR_FS_OVERWRITE);
    assert_int_equal(writer->ops->write(writer, "new", 3, &f->err), WR_OK);
    assert_string_equal(get_file("out"), "old");
    assert_int_equal(writer->ops->commit(writer, &f->err), WR_OK);
    writer->ops->close(writer);
    assert_string_equal(get_file("out"), "new");
    assert_int_equal(stat("out", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(count_names(), 1);
}

static void a_file_made_meanwhile_is_not_replaced(void **state)
{
    fixture      *f = *state;
    wr_fs_writer *writer = open_writer(f, "out", WR_FS_ERROR);

    put_file("out", "theirs");
    assert_int_equal(writer->ops->commit(writer, &f->err), WR_EXISTS);
    writer->ops->close(writer);
    assert_string_equal(get_file("out"), "theirs");

    assert_int_equal(unlink("out"), 0);
    writer = open_writer(f, "out", WR_FS_IGNORE);
    put_file("out", "theirs");
    assert_int_equal(writer->ops->commit(writer, &f->err), WR_OK);
    writer->ops->close(writer);
    assert_string_equal(get_file("out"), "theirs");
    assert_int_equal(count_names(), 1);
}

static void links_are_followed(void **state)
{
    fixture      *f = *state;
    wr_fs_writer *writer;
    struct stat   status;

    mkdir("data", 0777);
    put_file("data/real", "old");
    assert_int_equal(symlink("data/real", "link"), 0);
    writer = open_writer(f, "link", WR_FS_OVERWRITE);
    assert_int_equal(writer->ops->write(writer, "new", 3, &f->err), WR_OK);
    assert_int_equal(writer->ops->commit(writer, &f->err), WR_OK);
    writer->ops->close(writer);
    assert_string_equal(get_file("data/real"), "new");
    assert_int_equal(lstat("link", &status), 0);
    assert_true(S_ISLNK(status.st_mode));
}

static void devices_are_written_in_place(void **state)
{
    fixture      *f = *state;
    wr_fs_writer *writer = open_writer(f, "/dev/null", WR_FS_ERROR);

    assert_int_equal(writer->ops->write(writer, "x", 1, &f->err), WR_OK);
    assert_int_equal(writer->ops->commit(writer, &f->err), WR_OK);
    writer->ops->close(writer);
}

static void failures_leave_the_old_output(void **state)
{
    static const struct {
        const char *fault;
        wr_status   status;
    } CASES[] = {
        {"write:1", WR_NO_SPACE}, {"sync:1", WR_IO}, {"rename:1", WR_IO}};
    fixture *f = *state;

    put_file("out", "old");
    for (size_t i = 0; i < 3; i++) {
        wr_fs_writer *writer = open_writer(f, "out", WR_FS_OVERWRITE);
        wr_status     status;

        assert_int_equal(wr_fault_configure(CASES[i].fault, NULL, NULL), WR_OK);
        status = writer->ops->write(writer, "new", 3, &f->err);
        if (status == WR_OK)
            status = writer->ops->commit(writer, &f->err);
        assert_int_equal(status, CASES[i].status);
        assert_int_equal(writer->ops->commit(writer, &f->err), WR_IO);
        writer->ops->close(writer);
        assert_int_equal(wr_fault_configure(NULL, NULL, NULL), WR_OK);
        assert_string_equal(get_file("out"), "old");
        assert_int_equal(count_names(), 1);
    }
}

/* A run that is killed while it writes `out`. */
static void leave_half_written(fixture *f, const char *path)
{
    pid_t child = fork();

    if (child == 0) {
        wr_fs_writer *writer = open_writer(f, path, WR_FS_OVERWRITE);

        (void)!writer->ops->write(writer, "half", 4, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void what_killed_runs_left_is_removed(void **state)
{
    fixture      *f = *state;
    wr_fs_writer *alive = open_writer(f, "alive", WR_FS_ERROR);
    wr_fs_writer *writer;
    uint64_t      count = 99;

    leave_half_written(f, "out");
    leave_half_written(f, "other");
    put_file(".note.weir-1-x", "not ours");
    assert_int_equal(count_names(), 4);

    writer = open_writer(f, "out", WR_FS_ERROR); /* removes the half of "out" only */
    assert_int_equal(count_names(), 4);
    writer->ops->close(writer);
    assert_int_equal(count_names(), 3);

    leave_half_written(f, "out");
    assert_int_equal(f->fs.ops->clean(&f->fs, WR_TEXT("./other"), &count, &f->err), WR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(f->fs.ops->clean(&f->fs, WR_TEXT("."), &count, &f->err), WR_OK);
    assert_int_equal(count, 1);
    assert_string_equal(get_file(".note.weir-1-x"), "not ours");
    assert_int_equal(alive->ops->commit(alive, &f->err), WR_OK);
    alive->ops->close(alive);
    assert_int_equal(count_names(), 2);
}

static void long_names_are_cut(void **state)
{
    fixture      *f = *state;
    wr_fs_writer *writer;
    char          name[251];

    memset(name, 'n', 250);
    name[250] = '\0';
    leave_half_written(f, name);
    assert_int_equal(count_names(), 1);
    writer = open_writer(f, name, WR_FS_ERROR);
    assert_int_equal(count_names(), 1);
    assert_int_equal(writer->ops->commit(writer, &f->err), WR_OK);
    writer->ops->close(writer);
    assert_string_equal(get_file(name), "");
    assert_int_equal(count_names(), 1);
}

static void put_member(wr_fs_folder *folder, fixture *f, const char *name, const char *content)
{
    wr_fs_writer *writer;

    assert_int_equal(folder->ops->open_write(folder, wr_text_of(name), &f->bump, &writer, &f->err),
                     WR_OK);
    assert_int_equal(writer->ops->write(writer, content, strlen(content), &f->err), WR_OK);
    assert_int_equal(writer->ops->commit(writer, &f->err), WR_OK);
    writer->ops->close(writer);
}

static wr_fs_folder *open_folder(fixture *f, const char *path, wr_fs_mode mode, wr_status expected)
{
    wr_fs_folder *folder = NULL;

    assert_int_equal(f->fs.ops->open_folder(&f->fs, wr_text_of(path), mode, &f->bump, &folder, &f->err),
                     expected);
    wr_error_clear(&f->err);
    return folder;
}

static void folders_appear_whole_or_not_at_all(void **state)
{
    fixture      *f = *state;
    wr_fs_folder *folder = open_folder(f, "out", WR_FS_ERROR, WR_OK);

    put_member(folder, f, "a/b/1", "one");
    put_member(folder, f, "2", "two");
    assert_int_equal(access("out", F_OK), -1);
    folder->ops->close(folder);
    assert_int_equal(count_names(), 0); /* nothing without a commit */

    folder = open_folder(f, "out", WR_FS_ERROR, WR_OK);
    put_member(folder, f, "a/b/1", "one");
    assert_int_equal(folder->ops->commit(folder, &f->err), WR_OK);
    folder->ops->close(folder);
    assert_int_equal(count_names(), 1);
    assert_string_equal(get_file("out/a/b/1"), "one");
    (void)open_folder(f, "out", WR_FS_ERROR, WR_EXISTS);

    folder = open_folder(f, "out", WR_FS_APPEND, WR_OK);
    put_member(folder, f, "a/b/2", "two");
    put_member(folder, f, "c/3", "three");
    assert_int_equal(access("out/c", F_OK), -1);
    assert_int_equal(folder->ops->commit(folder, &f->err), WR_OK);
    folder->ops->close(folder);
    assert_string_equal(get_file("out/a/b/1"), "one");
    assert_string_equal(get_file("out/a/b/2"), "two");
    assert_string_equal(get_file("out/c/3"), "three");

    folder = open_folder(f, "out/", WR_FS_OVERWRITE, WR_OK);
    put_member(folder, f, "d", "four");
    assert_string_equal(get_file("out/c/3"), "three");
    assert_int_equal(folder->ops->commit(folder, &f->err), WR_OK);
    folder->ops->close(folder);
    assert_int_equal(count_names(), 1);
    assert_int_equal(access("out/c", F_OK), -1);
    assert_string_equal(get_file("out/d"), "four");

    folder = open_folder(f, "out", WR_FS_IGNORE, WR_OK);
    assert_true(folder->skip);
    folder->ops->close(folder);
    wr_local_remove_tree("out");
    assert_int_equal(count_names(), 0);
}

static void folders_of_killed_runs_are_removed(void **state)
{
    fixture      *f = *state;
    wr_fs_folder *alive = open_folder(f, "alive", WR_FS_ERROR, WR_OK);
    uint64_t      count = 99;

    put_member(alive, f, "x", "x");
    assert_int_equal(mkdir(".out.weir-1-7", 0777) | mkdir(".out.weir-1-7/a", 0777), 0);
    put_file(".out.weir-1-7/a/b", "half");
    assert_int_equal(mkdir("out", 0777) | mkdir("out/_weir-1-8", 0777), 0);
    put_file("out/_weir-1-8/b", "half");
    assert_int_equal(f->fs.ops->clean(&f->fs, WR_TEXT("out"), &count, &f->err), WR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(count_names(), 2); /* out, and the stage of who is alive */
    alive->ops->close(alive);
    wr_local_remove_tree("out");
    assert_int_equal(count_names(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(patterns_match_whole_names),
        TEST(braces_become_several_patterns),
        TEST(listings_are_sorted_and_complete),
        TEST(bad_paths_are_refused),
        TEST(readers_read_in_order_and_at_random),
        TEST(outputs_appear_whole_or_not_at_all),
        TEST(modes_decide_about_what_is_there),
        TEST(a_file_made_meanwhile_is_not_replaced),
        TEST(links_are_followed),
        TEST(devices_are_written_in_place),
        TEST(failures_leave_the_old_output),
        TEST(what_killed_runs_left_is_removed),
        TEST(long_names_are_cut),
        TEST(folders_appear_whole_or_not_at_all),
        TEST(folders_of_killed_runs_are_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
