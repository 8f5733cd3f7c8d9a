/* mem/cap_test.c — the theorem, tried out: under a cap of 16 MB, take everything there is to take
 * and touch it, in every way there is; the peak resident set stays below the cap.
 *
 * Each case runs in a child, because limits and filters cannot be taken back. The child answers
 * with the line that failed, so that a failure can be found. Skipped where the kernel (or a
 * sanitizer) does not enforce. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem/arena.h"
#include "mem/heap.h"
#include "os/limit.h"
#include "os/map.h"
#include "os/thread.h"

enum { CAP_BYTES = 16000000, NOT_ENFORCED = 250 };

static int report; /* pipe to the parent: line number of the failed check */

static void finish(int line)
{
    (void)!write(report, &line, sizeof line);
    _exit(line == 0 ? 0 : 1);
}

#define CHECK(condition) ((condition) ? (void)0 : finish(__LINE__))

static wr_limit_plan plan;

static void enforce_cap(void)
{
    CHECK(wr_limit_enforce(CAP_BYTES, &plan, NULL) == WR_OK);
    wr_limit_seal(&plan);
    if (!plan.enforced)
        finish(-NOT_ENFORCED);
}

static void in_child(void (*body)(void))
{
    int   ends[2], line = -1, status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        report = ends[1];
        enforce_cap();
        body();
        finish(0);
    }
    close(ends[1]);
    (void)!read(ends[0], &line, sizeof line);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (line == -NOT_ENFORCED)
        skip();
    if (line != 0)
        print_message("check failed in line %d of cap_test.c\n", line);
    assert_int_equal(line, 0);
}

/* --- escapes ------------------------------------------------------------------------------ */

#define CHECK_REFUSED(call) CHECK((errno = 0, (long)(call) == -1) && errno == EPERM)

static void try_escapes(void)
{
    static const int ANONYMOUS = MAP_ANONYMOUS;
    const int        rw = PROT_READ | PROT_WRITE;
    int              file = open("/proc/self/exe", O_RDONLY);
    char            *page;

    CHECK(file >= 0);
    CHECK_REFUSED(mmap(NULL, 4096, rw, MAP_SHARED | ANONYMOUS, -1, 0));
    CHECK_REFUSED(mmap(NULL, 4096, PROT_READ, MAP_SHARED | ANONYMOUS, -1, 0));
    CHECK_REFUSED(mmap(NULL, 4096, rw, MAP_SHARED_VALIDATE | ANONYMOUS, -1, 0));
    CHECK_REFUSED(mmap(NULL, 4096, rw, MAP_PRIVATE | ANONYMOUS | MAP_GROWSDOWN, -1, 0));
    CHECK_REFUSED(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0));
    CHECK_REFUSED(mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0));
    page = mmap(NULL, 8192, rw, MAP_PRIVATE | ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    CHECK_REFUSED(mprotect(page, 4096, PROT_READ));
    CHECK_REFUSED(mprotect(page, 4096, PROT_NONE));
    CHECK_REFUSED(mprotect(page, 4096, rw | PROT_EXEC));
    CHECK_REFUSED(syscall(SYS_pkey_mprotect, page, 4096, PROT_READ, -1));
    CHECK(mprotect(page, 4096, rw) == 0);
    CHECK_REFUSED(mremap(page, 8192, 4096, 0));
    CHECK_REFUSED(syscall(SYS_remap_file_pages, page, 4096, 0, 0, 0));
    CHECK_REFUSED(syscall(SYS_memfd_create, "x", 0));
    CHECK_REFUSED(syscall(447 /* memfd_secret */, 0));
    CHECK_REFUSED(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600));
    CHECK_REFUSED(shmat(0, NULL, 0));
    CHECK_REFUSED(syscall(SYS_userfaultfd, 0));
    CHECK_REFUSED(syscall(425 /* io_uring_setup */, 8, NULL));
    CHECK_REFUSED(syscall(SYS_io_setup, 8, NULL));
    CHECK_REFUSED(syscall(SYS_process_vm_writev, getpid(), NULL, 0, NULL, 0, 0));
}

static void escapes_are_closed(void **state)
{
    (void)state;
    in_child(try_escapes);
}

/* --- taking everything -------------------------------------------------------------------- */

static void check_peak(void)
{
    wr_rss rss;

    wr_rss_read(&rss);
    CHECK(rss.peak_bytes + rss.swap_bytes <= CAP_BYTES);
}

/* Map and touch until even one page is refused. */
static void eat_mappings(void)
{
    for (size_t bytes = 4 << 20; bytes >= 4096; bytes /= 2) {
        for (;;) {
            void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (p == MAP_FAILED)
                break;
            memset(p, 1, bytes);
        }
        CHECK(errno == ENOMEM);
    }
}

static int touch_object(struct dl_phdr_info *object, size_t size, void *sum_p)
{
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_R))
            continue;
        for (size_t at = 0; at < segment->p_memsz; at += 4096)
            *(unsigned *)sum_p +=
                *(volatile unsigned char *)(object->dlpi_addr + segment->p_vaddr + at);
    }
    return 0;
}

static __attribute__((noinline)) void touch_stack(void)
{
    volatile char bytes[400 * 1024];

    for (size_t i = 0; i < sizeof bytes; i += 1024)
        bytes[i] = 1;
}

static void eat_everything(void)
{
    unsigned sum = 0;
    char    *end;

    dl_iterate_phdr(touch_object, &sum);
    touch_stack();
    while ((end = sbrk(4096)) != (void *)-1)
        memset(end, 1, 4096);
    eat_mappings();
    wr_rss rss;
    wr_rss_read(&rss);
    CHECK(rss.peak_bytes > CAP_BYTES / 2); /* the test did eat */
    check_peak();
}

static void everything_taken_stays_below_the_cap(void **state)
{
    (void)state;
    in_child(eat_everything);
}

static void fill_arena_and_heap(void)
{
    enum { HEAP_BYTES = 2 << 20, PAGE = 16384 };
    wr_rss    rss;
    uint64_t  left;
    wr_arena *arena;
    wr_lease  lease;
    wr_lease *leases[] = {&lease};
    void     *p;

    wr_heap_set_budget(HEAP_BYTES);
    wr_rss_read(&rss);
    left = plan.data_bytes - rss.data_bytes;
    left -= wr_arena_overhead_bytes(left, PAGE) + 4096;
    CHECK(wr_arena_new(left, PAGE, &arena, NULL) == WR_OK);
    wr_lease_init(&lease, "all", wr_arena_page_count(arena) * (uint64_t)PAGE, 0, PAGE);
    CHECK(wr_lease_open_all(arena, leases, 1, NULL) == WR_OK);
    /* Holes everywhere, then extents that do not fit into them: each take must still succeed. */
    for (uint32_t size = 1; size <= wr_arena_page_count(arena) / 4; size *= 2) {
        static void *held[4096];
        uint32_t     count = 0;
        while (lease.pages_used + size <= wr_arena_page_count(arena)) {
            held[count] = wr_lease_take(&lease, size);
            CHECK(held[count] != NULL);
            memset(held[count++], 1, (size_t)size * PAGE);
        }
        for (uint32_t i = 0; i < count; i++)
            wr_lease_give(&lease, held[i], size);
    }
    while ((p = malloc(1000)) != NULL)
        memset(p, 1, 1000);
    touch_stack();
    check_peak();
}

static void arena_and_heap_fill_the_cap(void **state)
{
    (void)state;
#ifdef WR_SANITIZED
    skip();
#endif
    in_child(fill_arena_and_heap);
}

/* --- threads ------------------------------------------------------------------------------ */

static void *sleep_long(void *self)
{
    (void)self;
    pause();
    return NULL;
}

static void sleep_run(void *self)
{
    sleep_long(self);
}

static void start_threads(void)
{
    pthread_attr_t attributes;
    pthread_t      thread;
    wr_thread      own;
    int            count = 0;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 20);
    CHECK(pthread_create(&thread, &attributes, sleep_long, NULL) == EAGAIN);
    for (int i = 0; i < 8; i++) /* small ones start under the filter */
        CHECK(wr_thread_start(&own, sleep_run, NULL, NULL) == WR_OK);
    while (count < 1000 && pthread_create(&thread, NULL, sleep_long, NULL) == 0)
        count++;
    CHECK(count >= 8 && count < 100); /* default stacks are small, and charged */
    CHECK(wr_thread_start(&own, sleep_run, NULL, NULL) == WR_NO_MEMORY || count < 100);
    eat_mappings();
    check_peak();
}

static void thread_stacks_are_charged(void **state)
{
    (void)state;
    in_child(start_threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_closed),
        cmocka_unit_test(everything_taken_stays_below_the_cap),
        cmocka_unit_test(arena_and_heap_fill_the_cap),
        cmocka_unit_test(thread_stacks_are_charged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
