/* os/map.c — reserve, commit, uncommit, release: a system call each and nothing else.
 *
 * Committing is an mprotect to read+write, which the kernel checks against RLIMIT_DATA and charges
 * at once. Uncommitting maps fresh inaccessible memory over the range: unlike MADV_DONTNEED it also
 * returns the charge, and unlike munmap it keeps the address range ours. */
#include "os/map.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "base/text.h"

enum { OS_PAGE_BYTES = 4096 };

static const int RESERVE_FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

wr_status wr_map_reserve(uint64_t bytes, void **out_base, wr_error *err)
{
    void *base = MAP_FAILED;
    char  size[32];

    if (bytes <= SIZE_MAX - OS_PAGE_BYTES)
        base = mmap(NULL, wr_round_up(bytes, OS_PAGE_BYTES), PROT_NONE, RESERVE_FLAGS, -1, 0);
    if (base == MAP_FAILED)
        return WR_RAISE(err, WR_NO_MEMORY,
                        "cannot reserve %s of address space: raise the limit (ulimit -v)",
                        wr_text_format_bytes(bytes, size, sizeof size));
    *out_base = base;
    return WR_OK;
}

void wr_map_prefer_huge(void *base, uint64_t bytes)
{
    (void)madvise(base, bytes, MADV_HUGEPAGE);
}

bool wr_map_commit(void *base, uint64_t bytes)
{
    return mprotect(base, bytes, PROT_READ | PROT_WRITE) == 0;
}

bool wr_map_uncommit(void *base, uint64_t bytes)
{
    return mmap(base, bytes, PROT_NONE, RESERVE_FLAGS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

void wr_map_release(void *base, uint64_t bytes)
{
    if (base)
        munmap(base, wr_round_up(bytes, OS_PAGE_BYTES));
}

int wr_map_probe(uint64_t bytes, bool shared)
{
    int   flags = (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS;
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);

    if (base == MAP_FAILED)
        return errno;
    munmap(base, bytes);
    return 0;
}
