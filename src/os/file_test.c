/* os/file_test.c — reading, writing, names and folders, with faults injected at each call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "os/file.h"

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-file-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static wr_status remove_entry(void *self, const char *name, wr_error *err)
{
    char path[WR_PATH_BYTES_MAX];

    (void)self;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return wr_path_remove(path, err);
}

static int tear_down(void **state)
{
    (void)state;
    if (wr_fault_configure(NULL, NULL, NULL) != WR_OK ||
        wr_folder_each(folder, remove_entry, NULL, NULL) != WR_OK)
        return -1;
    return wr_path_remove(folder, NULL) == WR_OK ? 0 : -1;
}

/* "folder/name" in one of a few rotating buffers. */
static const char *in_folder(const char *name)
{
    static char buffers[4][128];
    static int  next;
    char       *buffer = buffers[next++ % 4];

    snprintf(buffer, sizeof buffers[0], "%s/%s", folder, name);
    return buffer;
}

static void write_text(const char *path, const char *text)
{
    wr_file file = {.fd = -1};

    assert_int_equal(wr_file_open_write(path, false, &file, NULL), WR_OK);
    assert_int_equal(wr_file_write(&file, text, strlen(text), NULL), WR_OK);
    assert_int_equal(wr_file_sync(&file, NULL), WR_OK);
    wr_file_close(&file);
}

static void assert_content(const char *path, const char *expected)
{
    wr_file file = {.fd = -1};
    char    buffer[256];
    size_t  byte_count = 0;

    assert_int_equal(wr_file_open_read(path, &file, NULL), WR_OK);
    assert_int_equal(wr_file_read(&file, buffer, sizeof buffer, &byte_count, NULL), WR_OK);
    assert_int_equal(byte_count, strlen(expected));
    assert_memory_equal(buffer, expected, byte_count);
    wr_file_close(&file);
}

static void what_is_written_is_read(void **state)
{
    wr_file      file = {.fd = -1};
    wr_file_info info;
    char         buffer[16];
    size_t       byte_count;

    (void)state;
    write_text(in_folder("a"), "hello weir");
    assert_content(in_folder("a"), "hello weir");
    assert_int_equal(wr_file_open_read(in_folder("a"), &file, NULL), WR_OK);
    assert_int_equal(wr_file_stat(&file, &info, NULL), WR_OK);
    assert_int_equal(info.kind, WR_FILE_REGULAR);
    assert_int_equal(info.bytes, 10);
    assert_true(info.mtime_ns > 1600000000ll * 1000000000);
    assert_int_equal(wr_file_pread(&file, 6, buffer, 4, &byte_count, NULL), WR_OK);
    assert_int_equal(byte_count, 4);
    assert_memory_equal(buffer, "weir", 4);
    assert_int_equal(wr_file_pread(&file, 8, buffer, sizeof buffer, &byte_count, NULL), WR_OK);
    assert_int_equal(byte_count, 2);
    assert_int_equal(wr_file_pread(&file, 100, buffer, 4, &byte_count, NULL), WR_OK);
    assert_int_equal(byte_count, 0);
    assert_int_equal(wr_file_pread(&file, UINT64_MAX, buffer, 4, &byte_count, NULL), WR_IO);
    assert_int_equal(wr_file_read_some(&file, buffer, 5, &byte_count, NULL), WR_OK);
    assert_int_equal(byte_count, 5);
    wr_file_will_need(&file, 0, 10);
    wr_file_close(&file);
    wr_file_close(&file);
    assert_int_equal(file.fd, -1);
}

static void failures_name_the_path(void **state)
{
    wr_file  file = {.fd = -1};
    wr_error err = {0};
    char     expected[256];

    (void)state;
    assert_int_equal(wr_file_open_read(in_folder("no"), &file, &err), WR_NOT_FOUND);
    snprintf(expected, sizeof expected, "cannot open '%s/no': No such file or directory", folder);
    assert_string_equal(err.message, expected);
    write_text(in_folder("a"), "x");
    assert_int_equal(wr_file_open_write(in_folder("a"), true, &file, &err), WR_EXISTS);
    assert_int_equal(wr_path_make_folder(in_folder("a"), &err), WR_EXISTS);
    assert_int_equal(wr_file_open_read(in_folder("a/b"), &file, &err), WR_NOT_FOUND);
    assert_int_equal(file.fd, -1);
}

static void long_paths_are_cut_in_the_middle(void **state)
{
    wr_file file = {.fd = -1};
    char    path[600];

    (void)state;
    snprintf(path, sizeof path, "%s", folder);
    while (strlen(path) < 500)
        strcat(path, "/.");
    strcat(path, "/name");
    assert_int_equal(wr_file_open_write(path, false, &file, NULL), WR_OK);
    assert_true(strlen(file.path) < sizeof file.path);
    assert_memory_equal(file.path, folder, strlen(folder));
    assert_non_null(strstr(file.path, "..."));
    assert_string_equal(file.path + strlen(file.path) - 5, "/name");
    wr_file_close(&file);
}

static void scratch_files_have_no_name(void **state)
{
    wr_file  file = {.fd = -1};
    uint64_t value = 0;
    size_t   byte_count;

    (void)state;
    assert_int_equal(wr_file_open_scratch(folder, &file, NULL), WR_OK);
    assert_int_equal(wr_file_pwrite(&file, 1 << 20, "abcdefgh", 8, NULL), WR_OK);
    assert_int_equal(wr_file_pread(&file, 1 << 20, &value, 8, &byte_count, NULL), WR_OK);
    assert_memory_equal(&value, "abcdefgh", 8);
    wr_file_punch(&file, 1 << 20, 4096);
    assert_int_equal(wr_file_pread(&file, 1 << 20, &value, 8, &byte_count, NULL), WR_OK);
    assert_int_equal(value, 0);
    assert_int_equal(rmdir(folder), 0); /* nothing is in it */
    assert_int_equal(mkdir(folder, 0700), 0);
    wr_file_close(&file);
    assert_int_equal(wr_file_open_scratch(in_folder("none"), &file, NULL), WR_NOT_FOUND);
}

static void names(void **state)
{
    wr_file_info info, other;

    (void)state;
    write_text(in_folder("a"), "A");
    write_text(in_folder("b"), "B");
    assert_int_equal(wr_path_exchange(in_folder("a"), in_folder("b"), NULL), WR_OK);
    assert_content(in_folder("a"), "B");
    assert_int_equal(wr_path_rename(in_folder("a"), in_folder("b"), NULL), WR_OK);
    assert_content(in_folder("b"), "B");
    assert_int_equal(wr_path_stat(in_folder("a"), &info, NULL), WR_NOT_FOUND);
    assert_int_equal(wr_path_rename(in_folder("a"), in_folder("b"), NULL), WR_NOT_FOUND);
    assert_int_equal(wr_path_make_folder(in_folder("x"), NULL), WR_OK);
    assert_int_equal(wr_path_make_folder(in_folder("x"), NULL), WR_OK);
    assert_int_equal(wr_path_make_folder(in_folder("x/y=1/z"), NULL), WR_OK);
    assert_int_equal(wr_path_stat(in_folder("x/y=1/z"), &info, NULL), WR_OK);
    assert_int_equal(info.kind, WR_FILE_DIRECTORY);
    assert_int_equal(wr_path_sync_folder(in_folder("x"), NULL), WR_OK);
    assert_int_equal(wr_path_remove(in_folder("x"), NULL), WR_IO); /* not empty */
    assert_int_equal(wr_path_remove(in_folder("x/y=1/z"), NULL), WR_OK);
    assert_int_equal(wr_path_remove(in_folder("x/y=1"), NULL), WR_OK);
    assert_int_equal(wr_path_remove(in_folder("never"), NULL), WR_OK);
    assert_int_equal(wr_path_stat(in_folder("b"), &info, NULL), WR_OK);
    assert_int_equal(wr_path_stat(in_folder("./b"), &other, NULL), WR_OK);
    assert_true(info.device == other.device && info.inode == other.inode);
    assert_int_equal(wr_path_stat("/dev/null", &info, NULL), WR_OK);
    assert_int_equal(info.kind, WR_FILE_STREAM);
    assert_false(wr_path_is_memory(in_folder("none")));
    assert_true(wr_path_free_bytes("/") > 0);
}

static wr_status count_entry(void *self, const char *name, wr_error *err)
{
    uint32_t *count = self;

    (void)err;
    assert_int_equal(name[0], 'f');
    ++*count;
    return *count == 400 ? WR_CANCELLED : WR_OK;
}

static void folders_are_listed_in_full(void **state)
{
    uint32_t count = 0;
    char     name[16];

    (void)state;
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "f%d", i);
        write_text(in_folder(name), "");
    }
    assert_int_equal(wr_folder_each(folder, count_entry, &count, NULL), WR_OK);
    assert_int_equal(count, 300);
    assert_int_equal(wr_folder_each(folder, count_entry, &count, NULL), WR_CANCELLED);
    assert_int_equal(count, 400);
    assert_int_equal(wr_folder_each(in_folder("f1"), count_entry, &count, NULL), WR_NOT_FOUND);
}

static void pipes_are_read_to_their_end(void **state)
{
    int     ends[2];
    wr_file reader = {.fd = -1};
    char    buffer[64];
    size_t  byte_count;

    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0); /* as a shared terminal may be */
    reader.fd = ends[0];
    assert_int_equal(write(ends[1], "abc", 3), 3);
    assert_int_equal(wr_file_read_some(&reader, buffer, sizeof buffer, &byte_count, NULL), WR_OK);
    assert_int_equal(byte_count, 3);
    assert_int_equal(write(ends[1], "def", 3), 3);
    close(ends[1]);
    assert_int_equal(wr_file_read(&reader, buffer, sizeof buffer, &byte_count, NULL), WR_OK);
    assert_int_equal(byte_count, 3);
    wr_file_close(&reader);
}

static void injected_faults_look_like_real_ones(void **state)
{
    wr_file  file = {.fd = -1};
    wr_error err = {0};
    char     buffer[8];
    size_t   byte_count;

    (void)state;
    write_text(in_folder("a"), "hello");
    assert_int_equal(wr_fault_configure("open:1", NULL, NULL), WR_OK);
    assert_int_equal(wr_file_open_read(in_folder("a"), &file, &err), WR_IO);
    assert_int_equal(wr_file_open_read(in_folder("a"), &file, &err), WR_OK);
    assert_int_equal(wr_fault_configure("read:1", NULL, NULL), WR_OK);
    assert_int_equal(wr_file_read(&file, buffer, 5, &byte_count, &err), WR_IO);
    assert_int_equal(wr_file_read(&file, buffer, 5, &byte_count, &err), WR_OK);
    wr_file_close(&file);
    assert_int_equal(wr_file_open_write(in_folder("b"), false, &file, &err), WR_OK);
    assert_int_equal(wr_fault_configure("write:1,sync:1,rename:1", NULL, NULL), WR_OK);
    assert_int_equal(wr_file_write(&file, "x", 1, &err), WR_NO_SPACE);
    assert_non_null(strstr(err.message, "No space left on device"));
    assert_int_equal(wr_file_sync(&file, &err), WR_IO);
    assert_int_equal(wr_path_rename(in_folder("a"), in_folder("c"), &err), WR_IO);
    wr_file_close(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_name_the_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_paths_are_cut_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scratch_files_have_no_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folders_are_listed_in_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pipes_are_read_to_their_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(injected_faults_look_like_real_ones, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
