/* os/limit_priv.h — the parts of the memory contract that limit.c puts together. */
#ifndef WR_BUILDING_OS
#error "private to src/os"
#endif
#ifndef WR_OS_LIMIT_PRIV_H
#define WR_OS_LIMIT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Refuse every system call that gets memory past RLIMIT_DATA. Cannot be taken back.
 *  False with errno set if the kernel cannot filter. */
bool wr_filter_install(void);

/** T now: PT_LOAD bytes of the program and every library. */
uint64_t wr_limit_text_bytes(void);

/** T has grown by `bytes`: D shrinks by as much, if there is a limit. */
void wr_limit_grow_text(uint64_t bytes);

bool wr_limit_is_sealed(void);

/** Read a small file into `buffer`, NUL-terminated; false if it is not there. No allocation. */
bool wr_small_file_read(const char *path, char *buffer, size_t buffer_bytes);

/** What the memory cgroups named in `cgroup_file` (as /proc/self/cgroup), mounted under
 *  `mount_folder`, still leave us: the least of limit - use over all of them and their parents;
 *  UINT64_MAX without a limit. Page cache that the kernel can drop is not counted as used. */
uint64_t wr_cgroup_memory_left(const char *cgroup_file, const char *mount_folder);

/** Whole processors the cpu quotas leave us, at least 1; UINT32_MAX without a quota. */
uint32_t wr_cgroup_cpu_count(const char *cgroup_file, const char *mount_folder);

#endif
