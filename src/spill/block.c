/* spill/block.c — one block to disk and back: encoding, checks, the choice of codec.
 *
 * Choice of codec. A raw byte costs w + r (its write now and its read later), an LZ4 byte costs
 * c + ratio * (w + r) + d. The four speeds are moving averages over the whole spill, the ratio one
 * over the stream. A stream's first block and every 16th are tried with LZ4 in any case, so that
 * all of them stay known; what has been compressed and shrank by an eighth is stored so. While
 * writes go to a page cache with room they cost little and raw wins; when the disk throttles, w
 * grows and LZ4 wins: the averages notice within a few blocks. */
#include <lz4.h>
#include <string.h>

#include "base/hash.h"
#include "os/clock.h"
#include "spill/spill_priv.h"

enum {
    TRY_EVERY = 16,         /* blocks between two samples of the ratio */
    AVERAGE_SHIFT = 3,      /* a new measurement weighs 1/8            */
    WORTH_SHIFT = 3,        /* LZ4 must save 1/8                       */
    DECOMPRESS_SPEEDUP = 5, /* until measured: d = c / 5               */
    RATIO_UNKNOWN = 0,
};

static const uint32_t MAGIC = 0x6c707377; /* "wspl" */

/* --- measuring ---------------------------------------------------------------------------- */

/* Threads may overwrite each other's update: an average does not mind. */
static void measure(_Atomic uint32_t *average, uint64_t start_ns, uint64_t byte_count)
{
    uint64_t sample = (wr_clock_monotonic_ns() - start_ns) * 1000 / (byte_count ? byte_count : 1);
    uint64_t old = atomic_load_explicit(average, memory_order_relaxed);

    if (sample > UINT32_MAX / 2)
        sample = UINT32_MAX / 2;
    sample = old ? old - (old >> AVERAGE_SHIFT) + (sample >> AVERAGE_SHIFT) : sample;
    atomic_store_explicit(average, sample ? (uint32_t)sample : 1, memory_order_relaxed);
}

static uint64_t cost(const _Atomic uint32_t *average)
{
    return atomic_load_explicit(average, memory_order_relaxed);
}

static bool should_try_lz4(const wr_spill *spill, uint64_t ordinal, uint32_t ratio_permille)
{
    uint64_t write, read, compress, decompress;

    if (!spill->compress)
        return false;
    if (ordinal % TRY_EVERY == 0 || ratio_permille == RATIO_UNKNOWN)
        return true;
    write = cost(&spill->write_cost);
    read = cost(&spill->read_cost);
    compress = cost(&spill->compress_cost);
    decompress = cost(&spill->decompress_cost);
    if (read == 0)
        read = write;
    if (decompress == 0)
        decompress = compress / DECOMPRESS_SPEEDUP;
    return (compress + decompress) * 1000 + ratio_permille * (write + read) < 1000 * (write + read);
}

/* --- encoding ----------------------------------------------------------------------------- */

/* Stored bytes, or 0 if LZ4 does not save enough. */
static uint32_t compress(wr_spill *spill, void *compressor, void *out, const void *bytes,
                         uint32_t byte_count, uint32_t *ratio_permille)
{
    uint32_t room = byte_count - (byte_count >> WORTH_SHIFT) - 1;
    uint64_t start_ns = wr_clock_monotonic_ns();
    int written = LZ4_compress_fast_extState(compressor, bytes, out, (int)byte_count, (int)room, 1);
    uint32_t ratio = written > 0 ? (uint32_t)((uint64_t)written * 1000 / byte_count) : 1000;

    measure(&spill->compress_cost, start_ns, byte_count);
    if (*ratio_permille == RATIO_UNKNOWN)
        *ratio_permille = ratio + 1;
    else
        *ratio_permille = (*ratio_permille * 3 + ratio) / 4 + 1;
    return written > 0 ? (uint32_t)written : 0;
}

wr_spill_header *wr_spill_block_encode(wr_spill *spill, void *compressor, uint8_t *out,
                                       const void *bytes, uint32_t byte_count, uint64_t ordinal,
                                       uint32_t *ratio_permille)
{
    wr_spill_header *header = (wr_spill_header *)(void *)out;
    uint32_t stored_bytes = 0;

    if (byte_count > 1 && should_try_lz4(spill, ordinal, *ratio_permille))
        stored_bytes = compress(spill, compressor, header + 1, bytes, byte_count, ratio_permille);
    memset(header, 0, sizeof *header);
    header->magic = MAGIC;
    header->codec = stored_bytes ? WR_SPILL_LZ4 : WR_SPILL_RAW;
    header->raw_bytes = byte_count;
    header->stored_bytes = stored_bytes ? stored_bytes : byte_count;
    if (!stored_bytes)
        memcpy(header + 1, bytes, byte_count);
    return header;
}

/* --- checks ------------------------------------------------------------------------------- */

static uint64_t check_of(const void *bytes, size_t byte_count, wr_spill_position position)
{
    return wr_hash_combine(position, wr_hash_bytes(bytes, byte_count));
}

static uint64_t header_check_of(const wr_spill_header *header, wr_spill_position position)
{
    wr_spill_header copy = *header;

    copy.header_check = 0;
    return check_of(&copy, sizeof copy, position);
}

static wr_status raise_corrupt(const wr_spill *spill, wr_spill_position position, const char *what,
                               wr_error *err)
{
    return WR_RAISE(err, WR_CORRUPT,
                    "a spilled block in '%s' came back different (%s, offset %llu): check the disk "
                    "or name another spill folder",
                    spill->folder, what, (unsigned long long)position);
}

/* --- disk --------------------------------------------------------------------------------- */

void wr_spill_block_seal(wr_spill_header *header, wr_spill_position position)
{
    header->content_check = check_of(header + 1, header->stored_bytes, position);
    header->header_check = header_check_of(header, position);
}

wr_status wr_spill_blocks_write(wr_spill *spill, bool is_direct, const void *bytes,
                                uint32_t byte_count, wr_spill_position position, wr_error *err)
{
    uint64_t start_ns = wr_clock_monotonic_ns();
    wr_file *file = is_direct ? &spill->direct : &spill->file;

    WR_TRY(
        wr_spill_explain_space(spill, wr_file_pwrite(file, position, bytes, byte_count, err), err));
    measure(&spill->write_cost, start_ns, byte_count);
    atomic_fetch_add_explicit(&spill->stored_bytes_written, byte_count, memory_order_relaxed);
    return WR_OK;
}

wr_status wr_spill_block_write(wr_spill *spill, wr_spill_slot *slot, wr_spill_position position,
                               wr_error *err)
{
    wr_spill_header *header = (wr_spill_header *)(void *)slot->out;

    wr_spill_block_seal(header, position);
    return wr_spill_blocks_write(spill, false, header,
                                 (uint32_t)sizeof *header + header->stored_bytes, position, err);
}

static wr_status read_exactly(wr_spill *spill, wr_spill_position position, uint64_t offset,
                              void *buffer, size_t byte_count, wr_error *err)
{
    size_t moved;

    WR_TRY(wr_file_pread(&spill->file, position + offset, buffer, byte_count, &moved, err));
    if (moved < byte_count)
        return raise_corrupt(spill, position, "cut short", err);
    atomic_fetch_add_explicit(&spill->stored_bytes_read, byte_count, memory_order_relaxed);
    return WR_OK;
}

static wr_status check_header(const wr_spill *spill, const wr_spill_header *header,
                              wr_spill_position position, uint32_t salt, wr_error *err)
{
    if (header->magic != MAGIC || header->header_check != header_check_of(header, position))
        return raise_corrupt(spill, position, "header", err);
    if (header->salt != salt)
        return raise_corrupt(spill, position, "of another stream", err);
    if (header->raw_bytes == 0 || header->raw_bytes > spill->block_bytes_max ||
        header->stored_bytes == 0 || header->stored_bytes > header->raw_bytes)
        return raise_corrupt(spill, position, "sizes", err);
    return WR_OK;
}

wr_status wr_spill_header_read(wr_spill *spill, wr_spill_position position, uint32_t salt,
                               wr_spill_header *out_header, wr_error *err)
{
    wr_spill_header header;

    WR_TRY(read_exactly(spill, position, 0, &header, sizeof header, err));
    WR_TRY(check_header(spill, &header, position, salt, err));
    *out_header = header;
    return WR_OK;
}

static wr_status check_content(const wr_spill *spill, const wr_spill_header *header,
                               const void *stored, wr_spill_position position, wr_error *err)
{
    if (check_of(stored, header->stored_bytes, position) != header->content_check)
        return raise_corrupt(spill, position, "content", err);
    return WR_OK;
}

static wr_status read_stored(wr_spill *spill, wr_spill_position position,
                             const wr_spill_header *header, void *buffer, wr_error *err)
{
    uint64_t start_ns = wr_clock_monotonic_ns();

    WR_TRY(read_exactly(spill, position, sizeof *header, buffer, header->stored_bytes, err));
    measure(&spill->read_cost, start_ns, header->stored_bytes);
    return check_content(spill, header, buffer, position, err);
}

static wr_status decode(wr_spill *spill, wr_spill_position position, const wr_spill_header *header,
                        const void *stored, void *buffer, wr_error *err)
{
    uint64_t start_ns = wr_clock_monotonic_ns();
    int decoded =
        LZ4_decompress_safe(stored, buffer, (int)header->stored_bytes, (int)header->raw_bytes);

    if (decoded != (int)header->raw_bytes)
        return raise_corrupt(spill, position, "LZ4", err);
    measure(&spill->decompress_cost, start_ns, header->raw_bytes);
    return WR_OK;
}

static wr_status read_and_decode(wr_spill *spill, wr_spill_position position,
                                 const wr_spill_header *header, wr_spill_slot *slot, void *buffer,
                                 wr_error *err)
{
    WR_TRY(read_stored(spill, position, header, slot->out, err));
    return decode(spill, position, header, slot->out, buffer, err);
}

wr_status wr_spill_content_read(wr_spill *spill, wr_spill_position position,
                                const wr_spill_header *header, void *buffer, wr_error *err)
{
    wr_spill_slot *taken;
    wr_status status;

    if (header->codec == WR_SPILL_RAW)
        return read_stored(spill, position, header, buffer, err);
    taken = wr_spill_slot_take(spill, WR_SPILL_FOR_BLOCK);
    status = read_and_decode(spill, position, header, taken, buffer, err);
    wr_spill_slot_give(spill, taken);
    return status;
}

wr_status wr_spill_units_read(wr_spill *spill, wr_spill_position position, void *units,
                              uint32_t byte_count, uint32_t *out_bytes, wr_error *err)
{
    uint64_t left = wr_spill_extent_of(spill, position) + spill->extent_bytes - position;
    uint64_t start_ns = wr_clock_monotonic_ns();
    size_t moved;

    WR_TRY(wr_file_pread(&spill->direct, position, units, byte_count < left ? byte_count : left,
                         &moved, err));
    measure(&spill->read_cost, start_ns, moved);
    atomic_fetch_add_explicit(&spill->stored_bytes_read, moved, memory_order_relaxed);
    *out_bytes = (uint32_t)moved;
    return WR_OK;
}

wr_status wr_spill_block_check(const wr_spill *spill, const wr_spill_header *header,
                               uint32_t byte_count, wr_spill_position position, uint32_t salt,
                               wr_error *err)
{
    if (byte_count < sizeof *header)
        return raise_corrupt(spill, position, "cut short", err);
    WR_TRY(check_header(spill, header, position, salt, err));
    if (byte_count - sizeof *header < header->stored_bytes)
        return raise_corrupt(spill, position, "cut short", err);
    return check_content(spill, header, header + 1, position, err);
}

wr_status wr_spill_block_unpack(wr_spill *spill, const wr_spill_header *header,
                                wr_spill_position position, void *buffer, wr_error *err)
{
    if (header->codec == WR_SPILL_LZ4)
        return decode(spill, position, header, header + 1, buffer, err);
    memcpy(buffer, header + 1, header->raw_bytes);
    return WR_OK;
}
