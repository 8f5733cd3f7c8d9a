/* os/filter.c — the seccomp filter that closes the escapes from RLIMIT_DATA.
 *
 * RLIMIT_DATA counts private writable memory. What it does not count, and what is therefore refused
 * with EPERM from here on:
 *  - mappings that are shared, of a file, or grow downwards (libraries are loaded before, while planning);
 *  - turning a writable page into anything else: its bytes stay resident, its charge is returned;
 *  - growing a mapping of program text (mremap);
 *  - memory that hides behind a descriptor or in the kernel: memfd, System V shm, userfaultfd, the
 *    rings of io_uring and aio, shadow stacks, writes through process_vm_writev;
 *  - all of these through another ABI (32-bit, x32).
 * An allowed mmap is private and anonymous; an allowed mprotect is to read+write. That is all that
 * os/map.c and pthread_create need. Source: mm/vma.h is_data_mapping, mm/mprotect.c. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/limit_priv.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "add the AUDIT_ARCH of this processor"
#endif

/* Newer than some kernel headers; the numbers are the same on all architectures from 424 on. */
#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#endif
#ifndef __NR_memfd_secret
#define __NR_memfd_secret 447
#endif
#ifndef __NR_map_shadow_stack
#define __NR_map_shadow_stack 453
#endif

#define X32_BIT 0x40000000u

#define MMAP_MASK    (0x0f /* MAP_TYPE */ | MAP_ANONYMOUS | MAP_GROWSDOWN)
#define MMAP_ALLOWED (MAP_PRIVATE | MAP_ANONYMOUS)

/* All flags we look at are in the low half of the argument; both processors are little-endian. */
#define LOAD(field)        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define REFUSE             BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW              BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE_CALL(name)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), REFUSE
#define SKIP_UNLESS(k, n)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, (n))
#define ALLOW_IF(k)        SKIP_UNLESS((k), 1), ALLOW, REFUSE

static const struct sock_filter PROGRAM[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
    REFUSE,
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
    REFUSE,

    SKIP_UNLESS(__NR_mmap, 5),
    LOAD(args[3]),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, MMAP_MASK),
    ALLOW_IF(MMAP_ALLOWED),

    SKIP_UNLESS(__NR_mprotect, 4),
    LOAD(args[2]),
    ALLOW_IF(PROT_READ | PROT_WRITE),

    SKIP_UNLESS(__NR_pkey_mprotect, 4),
    LOAD(args[2]),
    ALLOW_IF(PROT_READ | PROT_WRITE),

    REFUSE_CALL(mremap),
    REFUSE_CALL(remap_file_pages),
    REFUSE_CALL(memfd_create),
    REFUSE_CALL(memfd_secret),
    REFUSE_CALL(shmget),
    REFUSE_CALL(shmat),
    REFUSE_CALL(userfaultfd),
    REFUSE_CALL(io_uring_setup),
    REFUSE_CALL(io_setup),
    REFUSE_CALL(map_shadow_stack),
    REFUSE_CALL(process_vm_writev),
    ALLOW,
};

bool wr_filter_install(void)
{
    const struct sock_fprog program = {
        .len = sizeof PROGRAM / sizeof PROGRAM[0],
        .filter = (struct sock_filter *)PROGRAM, /* the kernel only reads it */
    };
    /* All threads, and without the speculation penalty that older kernels add by default. */
    const unsigned long flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return false;
    return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0 ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
