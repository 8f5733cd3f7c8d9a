/* os/limit_test.c — control groups read from sample trees, the plan of a cap, small caps refused.
 * What the kernel then refuses is tested by mem/cap_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/file.h"
#include "os/limit.h"
#include "os/limit_priv.h"

static char root[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/weir-limit-test-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", root);
    return system(command);
}

static void put(const char *name, const char *text)
{
    char    path[256], *slash;
    wr_file file = {.fd = -1};

    snprintf(path, sizeof path, "%s/%s", root, name);
    slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(wr_path_make_folder(path, NULL), WR_OK);
    *slash = '/';
    assert_int_equal(wr_file_open_write(path, false, &file, NULL), WR_OK);
    assert_int_equal(wr_file_write(&file, text, strlen(text), NULL), WR_OK);
    wr_file_close(&file);
}

static uint64_t memory_left(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/self", root);
    return wr_cgroup_memory_left(path, root);
}

static uint32_t cpu_count(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/self", root);
    return wr_cgroup_cpu_count(path, root);
}

static void v2_takes_the_least_of_all_parents(void **state)
{
    (void)state;
    put("self", "0::/pod/job\n");
    assert_true(memory_left() == UINT64_MAX);
    assert_true(cpu_count() == UINT32_MAX);
    put("pod/job/memory.max", "max\n");
    put("pod/job/memory.current", "5000\n");
    assert_true(memory_left() == UINT64_MAX);
    put("pod/memory.max", "1000000\n");
    put("pod/memory.current", "600000\n");
    assert_int_equal(memory_left(), 400000);
    put("pod/memory.stat", "anon 1\nfile 300000\nactive_file 1\ninactive_file 200000\n");
    assert_int_equal(memory_left(), 600000);
    put("pod/job/memory.high", "105000\n");
    assert_int_equal(memory_left(), 100000);
    put("memory.max", "50000\n");
    put("memory.current", "60000\n");
    assert_int_equal(memory_left(), 0);
    put("pod/job/cpu.max", "max 100000\n");
    put("pod/cpu.max", "250000 100000\n");
    assert_int_equal(cpu_count(), 2);
    put("cpu.max", "50000 100000\n");
    assert_int_equal(cpu_count(), 1);
}

static void v1_is_found_by_controller(void **state)
{
    (void)state;
    put("self", "7:memory:/a/b\n5:cpu,cpuacct:/c\n2:cpuset:/\n0::/\n");
    put("memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
    put("memory/a/b/memory.usage_in_bytes", "1\n");
    put("memory/a/memory.limit_in_bytes", "2000\n");
    put("memory/a/memory.usage_in_bytes", "1500\n");
    put("memory/a/memory.stat", "inactive_file 7\ntotal_inactive_file 100\n");
    assert_int_equal(memory_left(), 600);
    put("cpu/c/cpu.cfs_quota_us", "-1\n");
    put("cpu/c/cpu.cfs_period_us", "100000\n");
    assert_true(cpu_count() == UINT32_MAX);
    put("cpu/cpu.cfs_quota_us", "300000\n");
    put("cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpu_count(), 3);
}

/* In a container the path is that of the host, but the mount is our own group. */
static void mount_is_asked_where_the_path_is_not_there(void **state)
{
    (void)state;
    put("self", "0::/docker/4711\nnonsense\n::\n:x\n");
    put("memory.max", "5000");
    put("memory.current", "2000");
    assert_int_equal(memory_left(), 3000);
}

static void defaults_are_sane(void **state)
{
    wr_limit_default cap;
    wr_rss           rss;

    (void)state;
    wr_limit_default_cap(&cap);
    assert_in_range(cap.cap_bytes, 0, 512000000);
    assert_true(strlen(cap.origin) > 0);
    assert_in_range(wr_limit_cpu_count(), 1, 8192);
    wr_rss_read(&rss);
    assert_true(rss.current_bytes > 0 && rss.peak_bytes >= rss.current_bytes / 2);
    assert_true(rss.data_bytes > 0);
}

static void small_caps_are_refused_untouched(void **state)
{
    wr_limit_plan plan = {.cap_bytes = 77};
    wr_error      err = {0};
    struct rlimit before, after;

    (void)state;
    getrlimit(RLIMIT_DATA, &before);
    assert_int_equal(wr_limit_enforce(1000000, &plan, &err), WR_NO_MEMORY);
    assert_non_null(strstr(err.message, "a memory cap of 1.0 MB is below"));
    assert_int_equal(plan.cap_bytes, 77);
    getrlimit(RLIMIT_DATA, &after);
    assert_true(before.rlim_cur == after.rlim_cur);
}

/* The cap that a refusal names is enough. */
static int enforce_named_least_cap(void)
{
    wr_limit_plan plan;
    wr_error      err = {0};
    const char   *name;

    if (wr_limit_enforce(1000000, &plan, &err) != WR_NO_MEMORY)
        return 1;
    name = strstr(err.message, "least cap is ");
    if (!name || wr_limit_enforce((uint64_t)(atof(name + 13) * 1e6), &plan, &err) != WR_OK)
        return 2;
    if (plan.data_bytes + plan.text_bytes + plan.stack_bytes + plan.slack_bytes > plan.cap_bytes)
        return 3;
#ifdef WR_SANITIZED
    return plan.enforced || strlen(plan.reason) == 0 ? 4 : 0;
#else
    /* A kernel that cannot enforce says so; on those that can, nothing is left to say. */
    return plan.enforced != (strlen(plan.reason) == 0) ? 5 : 0;
#endif
}

static void least_cap_is_honest(void **state)
{
    int   status = -1;
    pid_t child;

    (void)state;
    child = fork();
    if (child == 0)
        _exit(enforce_named_least_cap());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(v2_takes_the_least_of_all_parents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(v1_is_found_by_controller, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mount_is_asked_where_the_path_is_not_there, set_up,
                                        tear_down),
        cmocka_unit_test(defaults_are_sane),
        cmocka_unit_test(small_caps_are_refused_untouched),
        cmocka_unit_test(least_cap_is_honest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
