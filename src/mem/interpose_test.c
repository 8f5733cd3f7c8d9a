/* mem/interpose_test.c — a library that was loaded at run time allocates from our heap.
 *
 * Built with mem/interpose.c, as programs are. Skipped where a sanitizer brings its own malloc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mem/heap.h"

#ifndef WR_SANITIZED

static wr_heap_stats stats(void)
{
    wr_heap_stats s;

    wr_heap_stats_read(&s);
    return s;
}

/* compress2 of zlib needs about 270 KB of working memory while it runs. */
static void calls_of_a_loaded_library_arrive(void **state)
{
    void *library = dlopen("libz.so.1", RTLD_NOW);
    int (*compress)(unsigned char *, unsigned long *, const unsigned char *, unsigned long, int);
    unsigned char  text[1000] = {0}, packed[2000];
    unsigned long  packed_bytes = sizeof packed;
    uint64_t       calls;

    (void)state;
    if (!library)
        skip();
    *(void **)&compress = dlsym(library, "compress2");
    assert_non_null(compress);
    calls = stats().call_count;
    assert_int_equal(compress(packed, &packed_bytes, text, sizeof text, 6), 0);
    assert_true(stats().call_count >= calls + 10);
    assert_true(stats().bytes_used_peak > 250 * 1000);

    /* Past the budget it gets NULL, and says so, as zlib documents. */
    wr_heap_set_budget(stats().bytes_used + 100 * 1024);
    packed_bytes = sizeof packed;
    assert_int_equal(compress(packed, &packed_bytes, text, sizeof text, 6), -4 /* Z_MEM_ERROR */);
    wr_heap_set_budget(1 << 20);
    dlclose(library);
}

static void calls_of_libc_arrive(void **state)
{
    uint64_t calls = stats().call_count;
    char    *copy = strdup("weir");

    (void)state;
    assert_string_equal(copy, "weir");
    free(copy);
    assert_int_equal(stats().call_count, calls + 2);
}

static void *return_self(void *self)
{
    return self;
}

static void threads_can_start(void **state)
{
    pthread_t thread;
    void     *result = NULL;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, return_self, &result), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &result);
}

static void every_member_of_the_family(void **state)
{
    void           *p = NULL;
    volatile size_t huge = SIZE_MAX / 2; /* hidden from the compiler's own checks */

    (void)state;
    p = calloc(100, 7);
    for (int i = 0; i < 700; i++)
        assert_int_equal(((char *)p)[i], 0);
    p = realloc(p, 5000);
    assert_non_null(p);
    assert_true(malloc_usable_size(p) >= 5000);
    assert_null(realloc(p, 0));
    p = reallocarray(NULL, 10, 10);
    assert_non_null(p);
    errno = 0;
    assert_null(reallocarray(NULL, huge, 16));
    assert_int_equal(errno, ENOMEM);
    assert_null(calloc(huge, 16));
    free(p);
    errno = 0;
    assert_null(malloc(huge));
    assert_int_equal(errno, ENOMEM);
    p = malloc(0);
    assert_non_null(p);
    free(p);
    p = aligned_alloc(256, 512);
    assert_int_equal((uintptr_t)p % 256, 0);
    free(p);
    p = memalign(64, 10);
    assert_int_equal((uintptr_t)p % 64, 0);
    free(p);
    assert_int_equal(posix_memalign(&p, 4096, 10), 0);
    assert_int_equal((uintptr_t)p % 4096, 0);
    free(p);
    assert_int_equal(posix_memalign(&p, 3, 10), EINVAL);
    assert_int_equal(posix_memalign(&p, 16, huge), ENOMEM);
    p = valloc(10);
    assert_int_equal((uintptr_t)p % 4096, 0);
    free(p);
    p = pvalloc(10);
    assert_true(malloc_usable_size(p) >= 4096);
    free(p);
    errno = 7;
    free(NULL);
    assert_int_equal(errno, 7);
}

#else

static void skipped_in_sanitizer_builds(void **state)
{
    (void)state;
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifndef WR_SANITIZED
        cmocka_unit_test(calls_of_a_loaded_library_arrive),
        cmocka_unit_test(calls_of_libc_arrive),
        cmocka_unit_test(threads_can_start),
        cmocka_unit_test(every_member_of_the_family),
#else
        cmocka_unit_test(skipped_in_sanitizer_builds),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
