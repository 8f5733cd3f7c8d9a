/* mem/poison.h — tell AddressSanitizer which leased bytes may not be touched. Nothing elsewhere. */
#ifndef WR_MEM_POISON_H
#define WR_MEM_POISON_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WR_POISON_ACTIVE 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WR_POISON_ACTIVE 1
#endif

#ifdef WR_POISON_ACTIVE
#include <sanitizer/asan_interface.h>
#endif

static inline void wr_poison(const void *p, size_t byte_count)
{
#ifdef WR_POISON_ACTIVE
    __asan_poison_memory_region(p, byte_count);
#else
    (void)p, (void)byte_count;
#endif
}

static inline void wr_unpoison(const void *p, size_t byte_count)
{
#ifdef WR_POISON_ACTIVE
    __asan_unpoison_memory_region(p, byte_count);
#else
    (void)p, (void)byte_count;
#endif
}

#endif
