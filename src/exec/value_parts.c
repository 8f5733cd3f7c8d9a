/* exec/value_parts.c — see the header. */
#include "exec/value_parts.h"

#include <string.h>

void wr_value_parts_init(wr_value_parts *parts, uint64_t from, uint64_t to, wr_spill *spill)
{
    uint32_t last = parts->part_count - 1;

    for (uint32_t p = 0; p <= last; p++) {
        parts->parts[p] = (wr_value_part){.least = UINT64_MAX,
                                          .from = p == 0 ? from : parts->splitters[p - 1],
                                          .to = p == last ? to : parts->splitters[p] - 1};
        wr_spill_stream_init(&parts->parts[p].stream, spill);
    }
}

void wr_value_parts_release(wr_value_parts *parts)
{
    for (uint32_t p = 0; p < parts->part_count; p++)
        wr_spill_stream_release(&parts->parts[p].stream);
}

void wr_value_parts_split_sample(wr_value_parts *parts, const uint64_t *sorted, uint32_t count)
{
    uint32_t wanted = parts->part_count, made = 0;

    for (uint32_t p = 1; p < wanted && count > 0; p++) {
        uint64_t key = sorted[(uint64_t)count * p / wanted];

        if (key > (made == 0 ? 0 : parts->splitters[made - 1]))
            parts->splitters[made++] = key;
    }
    parts->part_count = made + 1;
}

void wr_value_parts_split_range(wr_value_parts *parts, uint64_t least, uint64_t greatest)
{
    uint64_t width = (greatest - least) / parts->part_count + 1, at = least;
    uint32_t made = 0;

    while (greatest - at >= width)
        parts->splitters[made++] = at += width;
    parts->part_count = made + 1;
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

void wr_value_writer_init(wr_value_writer *writer, wr_value_parts *parts, wr_value_block **open,
                          uint8_t *memory, uint64_t memory_bytes, uint32_t block_bytes)
{
    *writer = (wr_value_writer){.parts = parts, .open = open, .fresh = memory,
                                .fresh_count = memory_bytes / block_bytes,
                                .block_bytes = block_bytes,
                                .block_keys = wr_value_block_keys(block_bytes)};
    memset(open, 0, parts->part_count * sizeof open[0]);
}

/* One that was used before, if there is one: memory that nobody touched costs nothing yet. NULL: none. */
static wr_value_block *take_block(wr_value_writer *writer)
{
    wr_value_block *block = writer->free;

    if (block) {
        writer->free = block->next;
    } else if (writer->fresh_count > 0) {
        block = (wr_value_block *)(void *)writer->fresh;
        writer->fresh += writer->block_bytes;
        writer->fresh_count--;
    }
    return block;
}

/* Part of every key: how many splitters are not above it. */
static void find_parts(const wr_value_parts *parts, const uint64_t *keys, uint32_t count,
                       uint16_t *which)
{
    const uint64_t *splitters = parts->splitters;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t key = keys[i];
        uint32_t base = 0, left = parts->part_count - 1;

        while (left > 1) {
            uint32_t half = left / 2;

            base = splitters[base + half - 1] <= key ? base + half : base;
            left -= half;
        }
        which[i] = (uint16_t)(base + (left == 1 && splitters[base] <= key));
    }
}

/* Under the part's mutex, if there is one. */
static void note_block(wr_value_part *part, const wr_value_block *block)
{
    uint64_t least = part->least, greatest = part->greatest;

    for (uint32_t i = 0; i < block->count; i++) {
        least = block->keys[i] < least ? block->keys[i] : least;
        greatest = block->keys[i] > greatest ? block->keys[i] : greatest;
    }
    part->least = least;
    part->greatest = greatest;
    part->count += block->count;
}

static wr_status spill_block(wr_value_part *part, const wr_value_block *block, wr_error *err)
{
    return wr_spill_append(&part->stream, block->keys, block->count * (uint32_t)sizeof(uint64_t),
                           NULL, err);
}

static wr_status give_block(wr_value_writer *writer, wr_value_block *block, wr_error *err)
{
    wr_value_part *part = &writer->parts->parts[block->part];
    wr_mutex      *mutexes = writer->parts->mutexes;
    wr_status      status;

    if (mutexes)
        wr_mutex_lock(&mutexes[block->part % WR_VALUE_MUTEXES]);
    note_block(part, block);
    status = spill_block(part, block, err);
    if (mutexes)
        wr_mutex_unlock(&mutexes[block->part % WR_VALUE_MUTEXES]);
    block->next = writer->free;
    writer->free = block;
    return status;
}

static wr_status give_full_blocks(wr_value_writer *writer, wr_error *err)
{
    while (writer->full) {
        wr_value_block *block = writer->full;

        writer->full = block->next;
        WR_TRY(give_block(writer, block, err));
    }
    return WR_OK;
}

/* `part` has no block, or a full one. */
static wr_status open_block(wr_value_writer *writer, uint32_t part, wr_error *err)
{
    wr_value_block *block = writer->open[part];

    if (block) {
        block->next = writer->full;
        writer->full = block;
        writer->open[part] = NULL;
    }
    block = take_block(writer);
    if (!block) {
        WR_TRY(give_full_blocks(writer, err));
        block = take_block(writer);
    }
    wr_assert(block, "there are more blocks than parts");
    block->count = 0;
    block->part = part;
    writer->open[part] = block;
    return WR_OK;
}

wr_status wr_value_writer_add(wr_value_writer *writer, const uint64_t *keys, uint32_t count,
                              uint16_t *which, wr_error *err)
{
    find_parts(writer->parts, keys, count, which);
    for (uint32_t i = 0; i < count; i++) {
        wr_value_block *block = writer->open[which[i]];

        if (WR_UNLIKELY(!block || block->count == writer->block_keys)) {
            WR_TRY(open_block(writer, which[i], err));
            block = writer->open[which[i]];
        }
        block->keys[block->count++] = keys[i];
    }
    return WR_OK;
}

wr_status wr_value_writer_flush(wr_value_writer *writer, wr_error *err)
{
    WR_TRY(give_full_blocks(writer, err));
    for (uint32_t p = 0; p < writer->parts->part_count; p++) {
        wr_value_block *block = writer->open[p];

        writer->open[p] = NULL;
        if (block)
            WR_TRY(give_block(writer, block, err));
    }
    return WR_OK;
}

static void leave_block(wr_value_parts *parts, wr_value_block *block)
{
    wr_value_part *part = &parts->parts[block->part];

    note_block(part, block);
    block->next = part->blocks;
    part->blocks = block;
}

void wr_value_writer_leave(wr_value_writer *writer)
{
    while (writer->full) {
        wr_value_block *block = writer->full;

        writer->full = block->next;
        leave_block(writer->parts, block);
    }
    for (uint32_t p = 0; p < writer->parts->part_count; p++) {
        if (writer->open[p])
            leave_block(writer->parts, writer->open[p]);
        writer->open[p] = NULL;
    }
}

wr_status wr_value_parts_flush(wr_value_parts *parts, wr_error *err)
{
    for (uint32_t p = 0; p < parts->part_count; p++) {
        wr_value_part *part = &parts->parts[p];

        for (; part->blocks; part->blocks = part->blocks->next)
            WR_TRY(spill_block(part, part->blocks, err));
    }
    return WR_OK;
}

/* ---- Reading ----------------------------------------------------------------------------------------- */

void wr_value_reader_init(wr_value_reader *reader, wr_value_part *part)
{
    reader->next = part->blocks;
    wr_spill_cursor_init(&reader->cursor, &part->stream, true);
}

wr_status wr_value_reader_next(wr_value_reader *reader, uint64_t *keys, uint32_t *out_count,
                               wr_error *err)
{
    const wr_value_block *block = reader->next;
    uint32_t              bytes;

    if (block) {
        memcpy(keys, block->keys, block->count * sizeof keys[0]);
        *out_count = block->count;
        reader->next = block->next;
        return WR_OK;
    }
    WR_TRY(wr_spill_cursor_next(&reader->cursor, keys, WR_VALUE_BLOCK_BYTES_MAX, &bytes, err));
    *out_count = bytes / (uint32_t)sizeof keys[0];
    return WR_OK;
}
