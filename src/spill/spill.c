/* spill/spill.c — the spill itself: its memory, its file, the extents and the quota.
 *
 * All memory is one extent of the lease, cut up when the spill is made: this struct, the bit map of
 * extents, and slots: a buffer with what LZ4 needs. A thread that appends or reads a block holds one
 * and waits for none meanwhile. Reading part of a long value holds one around that, copying one holds
 * another around that. These leave one and two slots to the uses that they wait for, and there are
 * 2 * worker_count + 1, three at least: hence somebody can always go on. Writers have two each besides.
 *
 * An extent is four blocks of the largest kind, or more if the quota has more than EXTENT_COUNT_MAX
 * of those. Extents are handed out lowest first, so the file stays as short as its peak. */
#include <lz4.h>
#include <string.h>

#include "base/bits.h"
#include "spill/spill_priv.h"

static const uint64_t SPARE_BYTES = 1 << 30;                  /* left on the disk by default */
static const uint64_t UNKNOWN_FREE_BYTES = (uint64_t)1 << 40; /* where the disk does not say */

/* --- memory ------------------------------------------------------------------------------- */

static uint64_t out_bytes(uint32_t block_bytes_max)
{
    return wr_round_up(sizeof(wr_spill_header) + block_bytes_max, WR_SPILL_UNIT_BYTES);
}

static uint64_t slot_head_bytes(void)
{
    return wr_round_up(sizeof(wr_spill_slot) + COMPRESSOR_BYTES, WR_SPILL_UNIT_BYTES);
}

static uint64_t slot_bytes(uint32_t block_bytes_max)
{
    return slot_head_bytes() + out_bytes(block_bytes_max);
}

static uint64_t fixed_bytes(void)
{
    return wr_round_up(wr_round_up(sizeof(wr_spill), 64) + EXTENT_COUNT_MAX / 8,
                       WR_SPILL_UNIT_BYTES);
}

static uint32_t slot_count_of(uint32_t worker_count)
{
    return (2 + SLOTS_PER_WRITER) * worker_count + 1;
}

uint64_t wr_spill_lease_min(const wr_spill_options *options)
{
    return fixed_bytes() +
           slot_count_of(options->worker_count) * slot_bytes(options->block_bytes_max);
}

static void cut_slots(wr_spill *spill, uint8_t *at, uint32_t slot_count)
{
    for (uint32_t i = 0; i < slot_count; i++) {
        wr_spill_slot *slot = (wr_spill_slot *)(void *)at;

        slot->compressor = slot + 1;
        slot->out = at + slot_head_bytes();
        slot->next_free = spill->free_slots;
        spill->free_slots = slot;
        at += slot_bytes(spill->block_bytes_max);
    }
    spill->free_slot_count = slot_count;
}

/* --- life of a spill ---------------------------------------------------------------------- */

static wr_status check_folder(const char *folder, wr_error *err)
{
    wr_file_info info;

    if (strlen(folder) >= WR_PATH_BYTES_MAX)
        return WR_RAISE(err, WR_IO, "the name of the spill folder is too long");
    if (wr_path_stat(folder, &info, NULL) != WR_OK || info.kind != WR_FILE_DIRECTORY)
        return WR_RAISE(err, WR_IO,
                        "the spill folder '%s' is not there: make it or name another one", folder);
    if (wr_path_is_memory(folder))
        return WR_RAISE(err, WR_IO,
                        "the spill folder '%s' is in memory (tmpfs), so spilling to it frees "
                        "nothing: name a folder on a disk",
                        folder);
    if (!wr_path_is_writable(folder))
        return WR_RAISE(err, WR_IO,
                        "the spill folder '%s' is not writable: change its permissions or name "
                        "another one",
                        folder);
    return WR_OK;
}

/* A quota beyond what the disk has now must not make extents, and with them offsets, absurd. */
static void choose_extents(wr_spill *spill, uint64_t quota_bytes)
{
    uint64_t free_bytes = wr_path_free_bytes(spill->folder);
    uint64_t largest = sizeof(wr_spill_header) + (uint64_t)spill->block_bytes_max;
    uint64_t least = BLOCKS_PER_EXTENT_MIN * largest;
    uint64_t usable, by_map, count;

    if (free_bytes == 0)
        free_bytes = UNKNOWN_FREE_BYTES;
    if (quota_bytes == 0)
        quota_bytes = free_bytes > SPARE_BYTES ? free_bytes - SPARE_BYTES : 0;
    usable = quota_bytes < free_bytes ? quota_bytes : free_bytes;
    by_map = usable / (EXTENT_COUNT_MAX - 1) + 1;
    spill->quota_bytes = quota_bytes;
    spill->extent_bytes = wr_round_up(least > by_map ? least : by_map, 4096);
    count = quota_bytes / spill->extent_bytes;
    spill->extents_max = count < EXTENT_COUNT_MAX - 1 ? (uint32_t)count : EXTENT_COUNT_MAX - 1;
}

wr_status wr_spill_new(const wr_spill_options *options, wr_lease *lease, wr_spill **out_spill,
                       wr_error *err)
{
    uint32_t pages = wr_pages_for(wr_spill_lease_min(options), wr_arena_page_size(lease->arena));
    wr_spill *spill;
    uint8_t *at;

    wr_assert(options->worker_count > 0 && options->block_bytes_max > 0 &&
                  options->block_bytes_max <= LZ4_MAX_INPUT_SIZE,
              "a spill has workers and blocks");
    wr_assert(LZ4_sizeofState() <= COMPRESSOR_BYTES, "the LZ4 library's state fits a slot");
    WR_TRY(check_folder(options->folder, err));
    at = wr_lease_take(lease, pages);
    if (!at)
        return WR_RAISE(err, WR_NO_RESERVE, "the lease of %s is too small to spill", lease->name);
    memset(at, 0, fixed_bytes());
    spill = (wr_spill *)(void *)at;
    *spill = (wr_spill){
        .lease = lease,
        .lease_pages = pages,
        .block_bytes_max = options->block_bytes_max,
        .compress = options->compress,
        .kept_bytes = options->kept_bytes,
        .extent_bits = (uint64_t *)(void *)(at + wr_round_up(sizeof *spill, 64)),
        .file = {.fd = -1},
        .direct = {.fd = -1},
        .writers_max = options->worker_count,
        .first_free = 1,
    };
    memcpy(spill->folder, options->folder, strlen(options->folder) + 1);
    choose_extents(spill, options->quota_bytes);
    wr_bit_set(spill->extent_bits, 0);
    cut_slots(spill, at + fixed_bytes(), slot_count_of(options->worker_count));
    spill->free_slot_count -= SLOTS_PER_WRITER * spill->writers_max;
    wr_spill_tasks_init(spill, options->worker_count);
    wr_mutex_init(&spill->mutex);
    wr_mutex_init(&spill->blob_mutex);
    wr_cond_init(&spill->slot_freed);
    wr_spill_stream_init(&spill->blobs, spill);
    *out_spill = spill;
    return WR_OK;
}

void wr_spill_free(wr_spill *spill)
{
    if (!spill)
        return;
    wr_spill_tasks_release(spill);
    wr_file_close(&spill->direct);
    wr_file_close(&spill->file);
    wr_cond_release(&spill->slot_freed);
    wr_mutex_release(&spill->blob_mutex);
    wr_mutex_release(&spill->mutex);
    wr_lease_give(spill->lease, spill, spill->lease_pages);
}

void wr_spill_stats_read(const wr_spill *spill, wr_spill_stats *out_stats)
{
    wr_spill *s = (wr_spill *)spill; /* the mutex is not part of what is const */

    *out_stats = (wr_spill_stats){
        .raw_bytes_written = atomic_load(&s->raw_bytes_written),
        .stored_bytes_written = atomic_load(&s->stored_bytes_written),
        .stored_bytes_read = atomic_load(&s->stored_bytes_read),
    };
    WR_LOCKED(&s->mutex);
    out_stats->disk_bytes = s->extents_used * s->extent_bytes;
    out_stats->disk_bytes_peak = s->extents_peak * s->extent_bytes;
}

/* --- slots -------------------------------------------------------------------------------- */

uint32_t wr_spill_slot_room(const wr_spill *spill)
{
    return (uint32_t)out_bytes(spill->block_bytes_max);
}

wr_spill_slot *wr_spill_slot_take(wr_spill *spill, wr_spill_use use)
{
    wr_spill_slot *slot;

    WR_LOCKED(&spill->mutex);
    while (spill->free_slot_count <= (uint32_t)use)
        wr_cond_wait(&spill->slot_freed, &spill->mutex);
    slot = spill->free_slots;
    spill->free_slots = slot->next_free;
    spill->free_slot_count--;
    return slot;
}

void wr_spill_slot_give(wr_spill *spill, wr_spill_slot *slot)
{
    WR_LOCKED(&spill->mutex);
    slot->next_free = spill->free_slots;
    spill->free_slots = slot;
    spill->free_slot_count++;
    wr_cond_broadcast(&spill->slot_freed); /* who waits for the last but one may not be the first */
}

void wr_spill_writer_slots_take(wr_spill *spill, wr_spill_slot **out_slots)
{
    WR_LOCKED(&spill->mutex);
    while (spill->writer_count == spill->writers_max)
        wr_cond_wait(&spill->slot_freed, &spill->mutex);
    spill->writer_count++;
    for (int i = 0; i < SLOTS_PER_WRITER; i++) {
        out_slots[i] = spill->free_slots;
        spill->free_slots = out_slots[i]->next_free;
    }
}

void wr_spill_writer_slots_give(wr_spill *spill, wr_spill_slot **slots)
{
    WR_LOCKED(&spill->mutex);
    spill->writer_count--;
    for (int i = 0; i < SLOTS_PER_WRITER; i++) {
        slots[i]->next_free = spill->free_slots;
        spill->free_slots = slots[i];
    }
    wr_cond_broadcast(&spill->slot_freed);
}

/* --- extents ------------------------------------------------------------------------------ */

/* Index of the lowest free extent; the map is longer than any quota, so there is one. */
static uint32_t find_free_extent(wr_spill *spill)
{
    uint32_t word = spill->first_free / 64;

    while (spill->extent_bits[word] == UINT64_MAX)
        word++;
    return word * 64 + (uint32_t)__builtin_ctzll(~spill->extent_bits[word]);
}

wr_status wr_spill_explain_space(wr_spill *spill, wr_status status, wr_error *err)
{
    wr_spill_stats stats;
    char used[32], quota[32];

    if (status != WR_NO_SPACE)
        return status;
    wr_spill_stats_read(spill, &stats);
    wr_error_while(err, "spilling to '%s', %s of a quota of %s in use", spill->folder,
                   wr_text_format_bytes(stats.disk_bytes, used, sizeof used),
                   wr_text_format_bytes(spill->quota_bytes, quota, sizeof quota));
    return status;
}

static wr_status open_file(wr_spill *spill, wr_error *err)
{
    if (spill->file.fd >= 0)
        return WR_OK;
    WR_TRY(wr_file_open_scratch(spill->folder, &spill->file, err));
    wr_file_reads_jump(&spill->file);
    (void)wr_file_open_direct(&spill->file, &spill->direct);
    return WR_OK;
}

wr_status wr_spill_prefers_direct(wr_spill *spill, bool *out_direct, wr_error *err)
{
    WR_LOCKED(&spill->mutex);
    WR_TRY(open_file(spill, err));
    *out_direct = spill->direct.fd >= 0;
    return WR_OK;
}

static wr_status take_extent(wr_spill *spill, uint64_t *out_extent, wr_error *err)
{
    uint32_t index;

    WR_LOCKED(&spill->mutex);
    if (spill->extents_used >= spill->extents_max)
        return WR_RAISE(err, WR_NO_SPACE,
                        "the spill quota is used up: raise the quota, or name a spill folder with "
                        "more room");
    WR_TRY(open_file(spill, err));
    index = find_free_extent(spill);
    wr_bit_set(spill->extent_bits, index);
    spill->first_free = index + 1;
    spill->extents_used++;
    if (spill->extents_used > spill->extents_peak)
        spill->extents_peak = spill->extents_used;
    *out_extent = index * spill->extent_bytes;
    return WR_OK;
}

wr_status wr_spill_extent_take(wr_spill *spill, uint64_t *out_extent, wr_error *err)
{
    return wr_spill_explain_space(spill, take_extent(spill, out_extent, err), err);
}

void wr_spill_extent_give(wr_spill *spill, uint64_t extent)
{
    uint64_t index = extent / spill->extent_bytes;

    if (extent >= spill->kept_bytes)
        wr_file_punch(&spill->file, extent, spill->extent_bytes);
    WR_LOCKED(&spill->mutex);
    wr_assert(index > 0 && index < EXTENT_COUNT_MAX && wr_bit_get(spill->extent_bits, index),
              "an extent that is freed is in use");
    wr_bit_clear(spill->extent_bits, index);
    spill->extents_used--;
    if (index < spill->first_free)
        spill->first_free = (uint32_t)index;
    if (spill->extents_used == 0 && spill->kept_bytes > 0)
        wr_file_punch(&spill->file, 0, wr_round_up(spill->kept_bytes, spill->extent_bytes));
}
