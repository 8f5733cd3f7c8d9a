/* spill/spill_fixture.h — an arena, a lease and a spill on a disk, for the tests of this folder. */
#ifndef WR_SPILL_SPILL_FIXTURE_H
#define WR_SPILL_SPILL_FIXTURE_H

#include "spill/spill_priv.h"

enum { FIXTURE_PAGE_BYTES = 16384 };

typedef struct spill_fixture {
    wr_arena *arena;
    wr_lease  lease;
    wr_spill *spill;
} spill_fixture;

static inline const char *fixture_folder(void)
{
    return wr_path_is_memory("/var/tmp") ? "." : "/var/tmp";
}

static inline void fixture_open(spill_fixture *f, uint32_t block_bytes_max, uint64_t quota_bytes,
                                uint32_t worker_count)
{
    wr_spill_options options = {
        .folder = fixture_folder(),
        .quota_bytes = quota_bytes,
        .block_bytes_max = block_bytes_max,
        .worker_count = worker_count,
        .compress = true,
    };
    uint64_t  min_bytes = wr_spill_lease_min(&options);
    wr_lease *leases[] = {&f->lease};

    assert_int_equal(
        wr_arena_new(min_bytes + FIXTURE_PAGE_BYTES, FIXTURE_PAGE_BYTES, &f->arena, NULL), WR_OK);
    wr_lease_init(&f->lease, "spill", min_bytes, 0, FIXTURE_PAGE_BYTES);
    assert_int_equal(wr_lease_open_all(f->arena, leases, 1, NULL), WR_OK);
    assert_int_equal(wr_spill_new(&options, &f->lease, &f->spill, NULL), WR_OK);
}

static inline void fixture_close(spill_fixture *f)
{
    wr_spill_free(f->spill);
    wr_lease_close(&f->lease);
    wr_arena_free(f->arena);
}

static inline uint64_t fixture_disk_bytes(const spill_fixture *f)
{
    wr_spill_stats stats;

    wr_spill_stats_read(f->spill, &stats);
    return stats.disk_bytes;
}

/* Content that depends on `seed` only: even seeds compress well, odd ones not at all. */
static inline void fixture_fill(uint8_t *bytes, size_t byte_count, uint64_t seed)
{
    uint64_t random = seed;

    for (size_t i = 0; i < byte_count; i++) {
        if (seed % 2 == 1 || i % 64 == 0)
            random = random * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (uint8_t)(random >> 56);
    }
}

#endif
