/* mem/interpose.c — the malloc family of the program, served by mem/heap.h.
 *
 * Linked into programs only, never into the library: these symbols take the place of libc's for
 * every object in the process, so the bytes of third-party code are inside the cap. They are
 * exported (default visibility), or libraries would silently keep libc's. Sanitizer builds bring
 * their own malloc and leave this file out. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mem/heap.h"

#define EXPORT __attribute__((visibility("default")))

enum { OS_PAGE_BYTES = 4096 };

static void *or_errno(void *p)
{
    if (!p)
        errno = ENOMEM;
    return p;
}

EXPORT void *malloc(size_t bytes)
{
    return or_errno(wr_heap_alloc(bytes, 0));
}

EXPORT void free(void *p)
{
    int before = errno;

    wr_heap_free(p);
    errno = before;
}

EXPORT void *calloc(size_t count, size_t item_bytes)
{
    size_t bytes;
    void  *p;

    if (__builtin_mul_overflow(count, item_bytes, &bytes))
        return or_errno(NULL);
    p = or_errno(wr_heap_alloc(bytes, 0));
    if (p)
        memset(p, 0, bytes);
    return p;
}

EXPORT void *realloc(void *p, size_t bytes)
{
    if (p && bytes == 0) { /* as glibc */
        wr_heap_free(p);
        return NULL;
    }
    return or_errno(wr_heap_resize(p, bytes));
}

EXPORT void *reallocarray(void *p, size_t count, size_t item_bytes)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, item_bytes, &bytes))
        return or_errno(NULL);
    return realloc(p, bytes);
}

static int is_power_of_two(size_t alignment)
{
    return alignment != 0 && (alignment & (alignment - 1)) == 0;
}

EXPORT void *memalign(size_t alignment, size_t bytes)
{
    if (!is_power_of_two(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    return or_errno(wr_heap_alloc(bytes, alignment));
}

EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

EXPORT int posix_memalign(void **out_p, size_t alignment, size_t bytes)
{
    void *p;

    if (!is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    p = wr_heap_alloc(bytes, alignment);
    if (!p)
        return ENOMEM;
    *out_p = p;
    return 0;
}

EXPORT void *valloc(size_t bytes)
{
    return memalign(OS_PAGE_BYTES, bytes);
}

EXPORT void *pvalloc(size_t bytes)
{
    size_t rounded = (bytes + OS_PAGE_BYTES - 1) / OS_PAGE_BYTES * OS_PAGE_BYTES;

    return rounded < bytes ? or_errno(NULL) : memalign(OS_PAGE_BYTES, rounded);
}

EXPORT size_t malloc_usable_size(void *p)
{
    return wr_heap_usable_bytes(p);
}
