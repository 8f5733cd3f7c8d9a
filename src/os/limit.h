/* os/limit.h — the kernel's side of the memory contract, and reading what was really used.
 *
 * RSS <= D + S + T + E (docs/memory.md): D = RLIMIT_DATA, S = RLIMIT_STACK, T = PT_LOAD bytes of
 * the program and every loaded library, E = slack of the kernel's counters.
 * Invariants
 *  1. Only soft limits are lowered.
 *  2. After wr_limit_seal() the escapes are closed by a seccomp filter: shared, file-backed and
 *     grow-down mappings, mprotect to anything but read+write, mremap, memfd, SysV shm and others
 *     (filter.c). So nothing can be loaded with dlopen afterwards: os/library.h says how before.
 *  3. The probes must be refused; where they are not, enforced is false and the summary says so.
 *  4. Sanitizer builds cannot run under RLIMIT_DATA: there enforced is false, accounting stays on.
 * Call order: wr_limit_enforce once, before the arena is sized; planning, which may load libraries;
 * wr_limit_seal before any thread is started and the first row is read.
 * Cost: about 100 us once. */
#ifndef WR_OS_LIMIT_H
#define WR_OS_LIMIT_H

#include <stdint.h>

#include "base/error.h"

typedef struct wr_limit_plan {
    uint64_t cap_bytes;     /* C, as asked                                     */
    uint64_t text_bytes;    /* T                                               */
    uint64_t stack_bytes;   /* S                                               */
    uint64_t slack_bytes;   /* E                                               */
    uint64_t data_bytes;    /* D = C - S - T - E                               */
    uint64_t used_bytes;    /* VmData when the limit was set                   */
    bool     enforced;      /* the probe was refused by the kernel             */
    char     reason[96];    /* why not enforced, "" if it is                   */
} wr_limit_plan;

/** Lower the limits, probe.
 *
 * Errors   WR_NO_MEMORY  the cap is below what the program itself needs (the message names the
 *                        least cap); nothing was changed */
wr_status wr_limit_enforce(uint64_t cap_bytes, wr_limit_plan *out_plan, wr_error *err) WR_MUST_USE;

/** Close the escapes, for good. Where the kernel cannot, `plan` says so. */
void wr_limit_seal(wr_limit_plan *plan);

/** Where a default cap came from. */
typedef struct wr_limit_default {
    uint64_t cap_bytes;
    char     origin[64]; /* "default 512 MB", "3/4 of what the memory cgroup leaves" */
} wr_limit_default;

/** min(512 MB, 3/4 of (limit - current use) over all memory cgroups above us, v1 and v2).
 *  Page cache that the kernel can drop does not count as used. */
void wr_limit_default_cap(wr_limit_default *out_default);

typedef struct wr_rss {
    uint64_t current_bytes; /* VmRSS  */
    uint64_t peak_bytes;    /* VmHWM  */
    uint64_t swap_bytes;    /* VmSwap */
    uint64_t data_bytes;    /* VmData */
} wr_rss;

/** Read /proc/self/status without allocating. Cost about 30 us. */
void wr_rss_read(wr_rss *out_rss);

/** Processors this process may use (affinity mask and cgroup quota), at least 1. */
uint32_t wr_limit_cpu_count(void);

#endif
