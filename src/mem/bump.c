/* mem/bump.c — a chain of extents, a pointer that moves up.
 *
 * Every extent starts with its header. Under AddressSanitizer only what was handed out may be
 * touched: a request's rounding to 16 bytes stays poisoned. */
#include "mem/bump.h"

#include <stdio.h>
#include <string.h>

#include "mem/poison.h"

enum { ALIGNMENT = 16 };

struct wr_bump_extent {
    _Alignas(ALIGNMENT) wr_bump_extent *next;
    uint32_t page_count;
};

static uint64_t extent_bytes(const wr_bump *bump, const wr_bump_extent *extent)
{
    return (uint64_t)extent->page_count * wr_arena_page_size(bump->lease->arena);
}

static uint8_t *extent_start(wr_bump_extent *extent)
{
    return (uint8_t *)(extent + 1);
}

_Static_assert(sizeof(wr_bump_extent) == WR_BUMP_HEAD_BYTES, "leases count the header");

/* Continue behind the header of `extent`, or nowhere if it is NULL. */
static void enter(wr_bump *bump, wr_bump_extent *extent)
{
    bump->current = extent;
    bump->next = extent ? extent_start(extent) : NULL;
    bump->end = extent ? (uint8_t *)extent + extent_bytes(bump, extent) : NULL;
    wr_poison(bump->next, (size_t)(bump->end - bump->next));
}

static void give_chain(wr_bump *bump, wr_bump_extent *extent)
{
    while (extent) {
        wr_bump_extent *next = extent->next;

        wr_lease_give(bump->lease, extent, extent->page_count);
        extent = next;
    }
}

void wr_bump_init(wr_bump *bump, wr_lease *lease)
{
    *bump = (wr_bump){.lease = lease};
}

void wr_bump_release(wr_bump *bump)
{
    give_chain(bump, bump->first);
    *bump = (wr_bump){.lease = bump->lease};
}

void wr_bump_reset(wr_bump *bump)
{
    wr_bump_extent *first = bump->first;
    uint32_t        kept = bump->kept_pages ? bump->kept_pages : 1;

    if (!first)
        return;
    give_chain(bump, first->next);
    first->next = NULL;
    if (first->page_count > kept) {
        wr_lease_give(bump->lease,
                      (uint8_t *)first + (size_t)kept * wr_arena_page_size(bump->lease->arena),
                      first->page_count - kept);
        first->page_count = kept;
    }
    bump->bytes_used = 0;
    enter(bump, first);
}

wr_bump_mark wr_bump_save(const wr_bump *bump)
{
    return (wr_bump_mark){bump->current, bump->next, bump->bytes_used};
}

void wr_bump_rewind(wr_bump *bump, wr_bump_mark mark)
{
    if (!mark.current) {
        wr_bump_release(bump);
        return;
    }
    give_chain(bump, mark.current->next);
    mark.current->next = NULL;
    bump->current = mark.current;
    bump->next = mark.next;
    bump->end = (uint8_t *)mark.current + extent_bytes(bump, mark.current);
    bump->bytes_used = mark.bytes_used;
    wr_poison(bump->next, (size_t)(bump->end - bump->next));
}

static bool add_extent(wr_bump *bump, size_t bytes)
{
    uint32_t        page_bytes = wr_arena_page_size(bump->lease->arena);
    uint64_t        needed = (uint64_t)bytes + sizeof(wr_bump_extent);
    uint64_t        pages = (needed + page_bytes - 1) / page_bytes;
    wr_bump_extent *extent;

    if (pages > UINT32_MAX)
        return false;
    extent = wr_lease_take(bump->lease, (uint32_t)pages);
    if (!extent)
        return false;
    *extent = (wr_bump_extent){.page_count = (uint32_t)pages};
    if (bump->current)
        bump->current->next = extent;
    else
        bump->first = extent;
    enter(bump, extent);
    return true;
}

/* What a request takes: distinct addresses, also for nothing. */
static size_t rounded_bytes(size_t bytes)
{
    return bytes ? (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1) : ALIGNMENT;
}

void *wr_bump_try_alloc(wr_bump *bump, size_t bytes)
{
    size_t rounded = rounded_bytes(bytes);
    void  *p;

    if (rounded < bytes || rounded > SIZE_MAX / 2)
        return NULL;
    if (rounded > (size_t)(bump->end - bump->next) && !add_extent(bump, rounded))
        return NULL;
    p = bump->next;
    bump->next += rounded;
    bump->bytes_used += rounded;
    wr_unpoison(p, bytes);
    return p;
}

void wr_bump_shrink(wr_bump *bump, void *p, size_t bytes, size_t kept)
{
    wr_assert((uint8_t *)p + rounded_bytes(bytes) == bump->next && kept <= bytes,
              "only the last allocation shrinks");
    bump->bytes_used -= rounded_bytes(bytes) - rounded_bytes(kept);
    bump->next = (uint8_t *)p + rounded_bytes(kept);
    wr_poison((uint8_t *)p + kept, (size_t)(bump->end - (uint8_t *)p) - kept);
}

static void *raise_exhausted(const wr_bump *bump, size_t bytes, wr_error *err)
{
    const wr_lease *lease = bump->lease;
    char            wanted[32], have[32];

    (void)WR_RAISE(err, WR_NO_MEMORY,
                   "%s is exhausted: %s more do not fit beside the %s in use (raise the memory "
                   "cap)",
                   lease->name, wr_text_format_bytes(bytes, wanted, sizeof wanted),
                   wr_text_format_bytes(bump->bytes_used, have, sizeof have));
    return NULL;
}

wr_status wr_bump_reserve(wr_bump *bump, size_t bytes, wr_error *err)
{
    if (bytes > (size_t)(bump->end - bump->next) && !add_extent(bump, bytes)) {
        raise_exhausted(bump, bytes, err);
        return WR_NO_MEMORY;
    }
    if (bump->current == bump->first)
        bump->kept_pages = bump->first->page_count;
    return WR_OK;
}

void *wr_bump_alloc(wr_bump *bump, size_t bytes, wr_error *err)
{
    void *p = wr_bump_try_alloc(bump, bytes);

    if (!p)
        return raise_exhausted(bump, bytes, err);
    return memset(p, 0, bytes);
}

void *wr_bump_alloc_array(wr_bump *bump, size_t item_bytes, size_t count, wr_error *err)
{
    size_t bytes;

    if (__builtin_mul_overflow(item_bytes, count, &bytes))
        return raise_exhausted(bump, SIZE_MAX, err);
    return wr_bump_alloc(bump, bytes, err);
}

char *wr_bump_copy(wr_bump *bump, wr_text text, wr_error *err)
{
    char *copy = wr_bump_try_alloc(bump, text.byte_count + 1);

    if (!copy)
        return raise_exhausted(bump, text.byte_count, err);
    if (text.byte_count > 0)
        memcpy(copy, text.bytes, text.byte_count);
    copy[text.byte_count] = '\0';
    return copy;
}

char *wr_bump_printf(wr_bump *bump, wr_error *err, const char *format, ...)
{
    va_list args;
    int     byte_count;
    char   *text;

    va_start(args, format);
    byte_count = vsnprintf(NULL, 0, format, args);
    va_end(args);
    wr_assert(byte_count >= 0, "a format string is valid");
    text = wr_bump_try_alloc(bump, (size_t)byte_count + 1);
    if (!text)
        return raise_exhausted(bump, (size_t)byte_count, err);
    va_start(args, format);
    vsnprintf(text, (size_t)byte_count + 1, format, args);
    va_end(args);
    return text;
}
