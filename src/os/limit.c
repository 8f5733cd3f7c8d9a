/* os/limit.c — lower the limits, close the escapes, probe; read what was really used.
 *
 * Order matters: everything that can be refused is computed first, the limits are lowered next, the
 * filter is installed last, once all libraries are there, because nothing can lift it. */
#include "os/limit.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/text.h"
#include "os/limit_priv.h"
#include "os/map.h"

enum {
    OS_PAGE_BYTES = 4096,
    SLACK_BYTES = 1 << 20,           /* E: VmHWM is read from counters that lag behind           */
    STACK_BYTES = 512 * 1024,        /* S: the main thread runs the same code as the workers     */
    STACK_SPARE_BYTES = 256 * 1024,  /* above what a long argument list has already taken        */
    KERNEL_PAGES_BYTES = 32 * 1024,  /* vdso data pages, which no program header describes       */
    LEAST_DATA_BYTES = 1 << 20,      /* below this not even an error can be reported             */
    THIRD_PARTY_STACK_BYTES = 256 * 1024,
    HUGE_PAGES_CAP_BYTES = 32000000, /* below, a huge page would take a visible part of the cap */
};

/* --- reading /proc ------------------------------------------------------------------------ */

bool wr_small_file_read(const char *path, char *buffer, size_t buffer_bytes)
{
    int     fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t  used = 0;
    ssize_t moved = 1;

    if (fd < 0)
        return false;
    while (used < buffer_bytes - 1 && moved > 0) {
        moved = read(fd, buffer + used, buffer_bytes - 1 - used);
        if (moved > 0)
            used += (size_t)moved;
        else if (moved < 0 && errno == EINTR)
            moved = 1;
    }
    close(fd);
    buffer[used] = '\0';
    return moved >= 0;
}

/* "VmHWM:     1234 kB" → bytes; 0 if the line is missing. */
static uint64_t find_kib(const char *status, const char *key)
{
    const char *line = strstr(status, key);

    return line ? strtoull(line + strlen(key), NULL, 10) * 1024 : 0;
}

static uint64_t read_stack_bytes(void)
{
    char status[4096];

    return wr_small_file_read("/proc/self/status", status, sizeof status)
               ? find_kib(status, "\nVmStk:")
               : 0;
}

void wr_rss_read(wr_rss *out_rss)
{
    char status[4096];

    *out_rss = (wr_rss){0};
    if (!wr_small_file_read("/proc/self/status", status, sizeof status))
        return;
    out_rss->current_bytes = find_kib(status, "\nVmRSS:");
    out_rss->peak_bytes = find_kib(status, "\nVmHWM:");
    out_rss->swap_bytes = find_kib(status, "\nVmSwap:");
    out_rss->data_bytes = find_kib(status, "\nVmData:");
}

/* --- the terms of the sum ----------------------------------------------------------------- */

static int add_object(struct dl_phdr_info *object, size_t size, void *sum_p)
{
    uint64_t *sum = sum_p;

    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uint64_t first = segment->p_vaddr / OS_PAGE_BYTES * OS_PAGE_BYTES;

        if (segment->p_type == PT_LOAD)
            *sum += wr_round_up(segment->p_vaddr + segment->p_memsz, OS_PAGE_BYTES) - first;
    }
    return 0;
}

/* Of the program and every library.
 * Writable segments are counted here and again in D: their pages leave D when the loader write-
 * protects them after relocation, so only whole objects are a safe bound. */
uint64_t wr_limit_text_bytes(void)
{
    uint64_t sum = KERNEL_PAGES_BYTES;

    dl_iterate_phdr(add_object, &sum);
    return sum;
}

static uint64_t current_soft_limit(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_DATA, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

static wr_status compute_plan(uint64_t cap_bytes, wr_limit_plan *plan, wr_error *err)
{
    uint64_t stack_bytes = wr_round_up(read_stack_bytes() + STACK_SPARE_BYTES, OS_PAGE_BYTES);
    uint64_t fixed_bytes, least_bytes;
    wr_rss   rss;
    char     cap_text[32], least_text[32];

    wr_rss_read(&rss);
    *plan = (wr_limit_plan){
        .cap_bytes = cap_bytes,
        .text_bytes = wr_limit_text_bytes(),
        .stack_bytes = stack_bytes > STACK_BYTES ? stack_bytes : STACK_BYTES,
        .slack_bytes = SLACK_BYTES,
        .used_bytes = rss.data_bytes,
    };
#ifdef WR_SANITIZED
    /* The shadow memory of the sanitizer is thousands of times the cap: plan as if it, and its
     * library, were not there. */
    plan->used_bytes = 0;
    plan->text_bytes = 0;
#endif
    fixed_bytes = plan->text_bytes + plan->stack_bytes + plan->slack_bytes;
    least_bytes = wr_round_up(fixed_bytes + plan->used_bytes + LEAST_DATA_BYTES, 100000);
    if (cap_bytes < least_bytes)
        return WR_RAISE(err, WR_NO_MEMORY,
                        "a memory cap of %s is below what the program itself needs: the least cap "
                        "is %s",
                        wr_text_format_bytes(cap_bytes, cap_text, sizeof cap_text),
                        wr_text_format_bytes(least_bytes, least_text, sizeof least_text));
    plan->data_bytes = (cap_bytes - fixed_bytes) / OS_PAGE_BYTES * OS_PAGE_BYTES;
    if (plan->data_bytes > current_soft_limit())
        plan->data_bytes = current_soft_limit() / OS_PAGE_BYTES * OS_PAGE_BYTES;
    return WR_OK;
}

/* --- enforcing ---------------------------------------------------------------------------- */

#ifndef WR_SANITIZED
static bool lower_soft_limit(__rlimit_resource_t resource, uint64_t bytes)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) != 0)
        return false;
    if (limit.rlim_cur <= bytes)
        return true;
    limit.rlim_cur = bytes;
    return setrlimit(resource, &limit) == 0;
}

/* Threads that libraries start would otherwise get stacks of RLIMIT_STACK as it was, 8 MB. */
static void shrink_default_stacks(void)
{
    pthread_attr_t attributes;

    if (pthread_attr_init(&attributes) != 0)
        return;
    if (pthread_attr_setstacksize(&attributes, THIRD_PARTY_STACK_BYTES) == 0)
        (void)pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
}

/* NULL, or why the kernel does not hold the cap for us. */
static const char *enforce(const wr_limit_plan *plan)
{
    if (!lower_soft_limit(RLIMIT_STACK, plan->stack_bytes) ||
        !lower_soft_limit(RLIMIT_DATA, plan->data_bytes))
        return "the kernel does not let us lower RLIMIT_DATA";
    if (plan->cap_bytes < HUGE_PAGES_CAP_BYTES)
        (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    shrink_default_stacks();
    if (wr_map_probe(plan->data_bytes + (1 << 20), false) != ENOMEM)
        return "this kernel does not apply RLIMIT_DATA to mappings";
    return NULL;
}

/* NULL, or why the escapes stay open. */
static const char *close_escapes(void)
{
    if (!wr_filter_install())
        return "the kernel offers no seccomp filter";
    if (wr_map_probe(OS_PAGE_BYTES, true) != EPERM)
        return "this kernel does not apply the seccomp filter";
    return NULL;
}
#endif

wr_status wr_limit_enforce(uint64_t cap_bytes, wr_limit_plan *out_plan, wr_error *err)
{
    wr_limit_plan plan;
    const char   *failure;

    WR_TRY(compute_plan(cap_bytes, &plan, err));
#ifdef WR_SANITIZED
    failure = "sanitizer builds cannot run under RLIMIT_DATA";
#else
    failure = enforce(&plan);
#endif
    plan.enforced = failure == NULL;
    snprintf(plan.reason, sizeof plan.reason, "%s", failure ? failure : "");
    *out_plan = plan;
    return WR_OK;
}

void wr_limit_grow_text(uint64_t bytes)
{
#ifndef WR_SANITIZED
    uint64_t limit = current_soft_limit();

    if (limit != RLIM_INFINITY)
        (void)lower_soft_limit(RLIMIT_DATA, limit > bytes ? limit - bytes : 0);
#else
    (void)bytes;
#endif
}

static bool sealed;

bool wr_limit_is_sealed(void)
{
    return sealed;
}

void wr_limit_seal(wr_limit_plan *plan)
{
    sealed = true;
#ifndef WR_SANITIZED
    const char *failure = close_escapes();

    if (failure && plan->enforced) {
        plan->enforced = false;
        snprintf(plan->reason, sizeof plan->reason, "%s", failure);
    }
#else
    (void)plan;
#endif
}
