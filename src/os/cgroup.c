/* os/cgroup.c — what the control groups above us allow: memory and processors, v1 and v2.
 *
 * A limit of any ancestor binds, so every folder from ours up to the mount is asked. In a container
 * the path in /proc/self/cgroup may not exist below the mount; the mount itself is always asked. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "os/file.h"
#include "os/limit.h"
#include "os/limit_priv.h"

enum { VALUE_BYTES = 64, CGROUP_FILE_BYTES = 4096, STAT_BYTES = 4096 };

static const uint64_t DEFAULT_CAP_BYTES = 512 * 1000 * 1000;
static const uint64_t UNLIMITED_BYTES = (uint64_t)1 << 60; /* v1 writes 2^63 - 4096 for "none" */

typedef void visit_fn(void *self, const char *folder, bool v2);

/* --- finding the folders ------------------------------------------------------------------ */

/* Visit mount + path and every parent down to the mount itself. */
static void climb(const char *mount, wr_text path, bool v2, visit_fn *visit, void *self)
{
    char   folder[WR_PATH_BYTES_MAX];
    size_t mount_bytes = strlen(mount);
    int    written = snprintf(folder, sizeof folder, "%s%.*s", mount, WR_TEXT_ARG(path));

    if (written < 0 || (size_t)written >= sizeof folder)
        return;
    for (;;) {
        char *slash;

        visit(self, folder, v2);
        if (strlen(folder) <= mount_bytes)
            return;
        slash = strrchr(folder, '/');
        if ((size_t)(slash - folder) < mount_bytes)
            return;
        *slash = '\0';
    }
}

static bool names_controller(wr_text list, const char *controller)
{
    for (size_t at = 0; at <= list.byte_count;) {
        size_t  comma = wr_text_find_byte(list, ',', at);
        size_t  end = comma == SIZE_MAX ? list.byte_count : comma;
        wr_text item = {list.bytes + at, end - at};

        if (wr_text_equal(item, wr_text_of(controller)))
            return true;
        at = end + 1;
    }
    return false;
}

/* One line of /proc/self/cgroup: "4:memory:/path" (v1) or "0::/path" (v2). */
static void visit_line(wr_text line, const char *mount_folder, const char *controller,
                       visit_fn *visit, void *self)
{
    size_t  first = wr_text_find_byte(line, ':', 0);
    size_t  second = first == SIZE_MAX ? SIZE_MAX : wr_text_find_byte(line, ':', first + 1);
    wr_text controllers, path;
    char    mount[WR_PATH_BYTES_MAX / 2];

    if (second == SIZE_MAX)
        return;
    controllers = (wr_text){line.bytes + first + 1, second - first - 1};
    path = (wr_text){line.bytes + second + 1, line.byte_count - second - 1};
    if (controllers.byte_count == 0) {
        climb(mount_folder, path, true, visit, self);
        snprintf(mount, sizeof mount, "%s/unified", mount_folder);
        climb(mount, path, true, visit, self);
    } else if (names_controller(controllers, controller)) {
        snprintf(mount, sizeof mount, "%s/%s", mount_folder, controller);
        climb(mount, path, false, visit, self);
    }
}

static void visit_all(const char *cgroup_file, const char *mount_folder, const char *controller,
                      visit_fn *visit, void *self)
{
    char    text[CGROUP_FILE_BYTES];
    wr_text rest;

    if (!wr_small_file_read(cgroup_file, text, sizeof text))
        return;
    rest = wr_text_of(text);
    while (rest.byte_count > 0) {
        size_t newline = wr_text_find_byte(rest, '\n', 0);
        size_t end = newline == SIZE_MAX ? rest.byte_count : newline;
        size_t next = newline == SIZE_MAX ? rest.byte_count : newline + 1;

        visit_line((wr_text){rest.bytes, end}, mount_folder, controller, visit, self);
        rest = (wr_text){rest.bytes + next, rest.byte_count - next};
    }
}

static bool read_member(const char *folder, const char *name, char *buffer, size_t buffer_bytes)
{
    char path[WR_PATH_BYTES_MAX];
    int  written = snprintf(path, sizeof path, "%s/%s", folder, name);

    return written > 0 && (size_t)written < sizeof path &&
           wr_small_file_read(path, buffer, buffer_bytes);
}

/* --- memory ------------------------------------------------------------------------------- */

static bool read_bytes(const char *folder, const char *name, uint64_t *out_bytes)
{
    char  text[VALUE_BYTES];
    char *end;

    if (!read_member(folder, name, text, sizeof text))
        return false;
    *out_bytes = strtoull(text, &end, 10);
    return end != text && *out_bytes < UNLIMITED_BYTES; /* "max" is no number */
}

/* Page cache that was not used recently: the kernel drops it before it refuses anything. */
static uint64_t read_droppable_bytes(const char *folder, bool v2)
{
    char        text[STAT_BYTES];
    const char *key = v2 ? "\ninactive_file " : "\ntotal_inactive_file ";
    const char *line;

    if (!read_member(folder, "memory.stat", text, sizeof text))
        return 0;
    line = strstr(text, key);
    return line ? strtoull(line + strlen(key), NULL, 10) : 0;
}

static void lower_memory_left(void *left_p, const char *folder, bool v2)
{
    uint64_t *left = left_p;
    uint64_t  limit, high, used, droppable, here;
    bool      limited = read_bytes(folder, v2 ? "memory.max" : "memory.limit_in_bytes", &limit);

    /* Above memory.high processes are throttled to a crawl: it is a limit for us. */
    if (v2 && read_bytes(folder, "memory.high", &high) && (!limited || high < limit)) {
        limit = high;
        limited = true;
    }
    if (!limited || !read_bytes(folder, v2 ? "memory.current" : "memory.usage_in_bytes", &used))
        return;
    droppable = read_droppable_bytes(folder, v2);
    used -= droppable < used ? droppable : used;
    here = used < limit ? limit - used : 0;
    if (here < *left)
        *left = here;
}

uint64_t wr_cgroup_memory_left(const char *cgroup_file, const char *mount_folder)
{
    uint64_t left = UINT64_MAX;

    visit_all(cgroup_file, mount_folder, "memory", lower_memory_left, &left);
    return left;
}

void wr_limit_default_cap(wr_limit_default *out_default)
{
    uint64_t    left = wr_cgroup_memory_left("/proc/self/cgroup", "/sys/fs/cgroup");
    const char *origin = "default 512 MB";

    out_default->cap_bytes = DEFAULT_CAP_BYTES;
    if (left / 4 * 3 < DEFAULT_CAP_BYTES) {
        out_default->cap_bytes = left / 4 * 3;
        origin = "3/4 of what the memory cgroup leaves";
    }
    snprintf(out_default->origin, sizeof out_default->origin, "%s", origin);
}

/* --- processors --------------------------------------------------------------------------- */

static void lower_cpu_count(void *count_p, const char *folder, bool v2)
{
    uint32_t *count = count_p;
    char      quota_text[VALUE_BYTES], period_text[VALUE_BYTES];
    char     *period_at = period_text;
    int64_t   quota, period, whole;

    if (v2) {
        if (!read_member(folder, "cpu.max", quota_text, sizeof quota_text))
            return;
        quota = strtoll(quota_text, &period_at, 10); /* "200000 100000" or "max 100000" */
        if (period_at == quota_text)
            return;
    } else {
        if (!read_member(folder, "cpu.cfs_quota_us", quota_text, sizeof quota_text) ||
            !read_member(folder, "cpu.cfs_period_us", period_text, sizeof period_text))
            return;
        quota = strtoll(quota_text, NULL, 10); /* -1: none */
    }
    period = strtoll(period_at, NULL, 10);
    if (quota <= 0 || period <= 0)
        return;
    whole = quota / period > 1 ? quota / period : 1;
    if (whole < *count)
        *count = (uint32_t)whole;
}

uint32_t wr_cgroup_cpu_count(const char *cgroup_file, const char *mount_folder)
{
    uint32_t count = UINT32_MAX;

    visit_all(cgroup_file, mount_folder, "cpu", lower_cpu_count, &count);
    return count;
}

uint32_t wr_limit_cpu_count(void)
{
    cpu_set_t masks[8]; /* 8192 processors */
    uint32_t  quota = wr_cgroup_cpu_count("/proc/self/cgroup", "/sys/fs/cgroup");
    uint32_t  count = 1;

    if (sched_getaffinity(0, sizeof masks, masks) == 0)
        count = (uint32_t)CPU_COUNT_S(sizeof masks, masks);
    if (quota < count)
        count = quota;
    return count > 0 ? count : 1;
}
