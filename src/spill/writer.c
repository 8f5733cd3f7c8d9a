/* spill/writer.c — many blocks in a row: gathered in one buffer while another is written.
 *
 * Blocks follow each other without a gap, so a buffer is one write; it ends where the stream goes
 * on in another extent, or when the next block might not fit. An error of a write is met by whoever
 * fills the same half again, or by close: no block counts before that. */
#include "spill/spill_priv.h"

/* A run of a few blocks is better off in the page cache: it is written when that suits the disk. */
enum { DIRECT_BYTES_MIN = 128 * 1024 };

static void write_half(wr_spill_task *task)
{
    wr_spill_gathering *half = (wr_spill_gathering *)(void *)task;
    wr_error error = {0};

    half->status = wr_spill_blocks_write(half->writer->stream->spill, true, half->bytes,
                                         half->used_bytes, half->position, &error);
    half->used_bytes = 0;
    if (half->status != WR_OK)
        half->error = error;
}

_Static_assert(offsetof(wr_spill_gathering, task) == 0, "a half is found by its task");

wr_status wr_spill_writer_open(wr_spill_writer *writer, wr_spill_stream *stream,
                               uint64_t bytes_expected, wr_error *err)
{
    wr_spill *spill = stream->spill;

    writer->stream = stream;
    writer->slots[0] = NULL;
    if (stream->block_count == 0 && bytes_expected >= DIRECT_BYTES_MIN)
        WR_TRY(wr_spill_prefers_direct(spill, &stream->is_direct, err));
    if (!stream->is_direct)
        return WR_OK;
    wr_spill_writer_slots_take(spill, writer->slots);
    writer->filling = 0;
    for (int i = 0; i < SLOTS_PER_WRITER; i++) {
        wr_spill_gathering *half = &writer->halves[i];

        half->task = (wr_spill_task){.run = write_half};
        half->writer = writer;
        half->bytes = writer->slots[i]->out;
        half->used_bytes = 0;
        half->status = WR_OK;
    }
    return WR_OK;
}

/* The half that is being filled goes to the disk; the other one is next, once it has been written.
 */
static wr_status turn_over(wr_spill_writer *writer, wr_error *err)
{
    wr_spill *spill = writer->stream->spill;
    wr_spill_gathering *half = &writer->halves[writer->filling];

    if (half->used_bytes > 0)
        wr_spill_task_submit(spill, &half->task);
    writer->filling = 1 - writer->filling;
    half = &writer->halves[writer->filling];
    wr_spill_task_await(spill, &half->task);
    if (half->status != WR_OK && err)
        *err = half->error;
    return half->status;
}

static wr_status append_part(wr_spill_writer *writer, const uint8_t *bytes, uint32_t byte_count,
                             uint32_t more_bytes, wr_error *err)
{
    wr_spill_stream *stream = writer->stream;
    wr_spill *spill = stream->spill;
    wr_spill_gathering *half = &writer->halves[writer->filling];
    wr_spill_header *header;
    wr_spill_position position;
    uint64_t needed = sizeof *header + (uint64_t)byte_count, taken;

    if (half->used_bytes > 0 && (half->used_bytes + needed > wr_spill_slot_room(spill) ||
                                 stream->next_offset != half->position + half->used_bytes)) {
        WR_TRY(turn_over(writer, err));
        half = &writer->halves[writer->filling];
    }
    header =
        wr_spill_block_encode(spill, writer->slots[0]->compressor, half->bytes + half->used_bytes,
                              bytes, byte_count, stream->block_count, &stream->ratio_permille);
    header->more_bytes = more_bytes;
    WR_TRY(wr_spill_stream_place(stream, header, &position, &taken, err));
    wr_spill_block_seal(header, position);
    wr_spill_stream_advance(stream, header, position);
    if (half->used_bytes == 0)
        half->position = position;
    half->used_bytes += wr_spill_block_disk_bytes(stream, header);
    return WR_OK;
}

wr_status wr_spill_writer_append(wr_spill_writer *writer, const void *bytes, uint32_t byte_count,
                                 wr_error *err)
{
    uint32_t part;

    if (!writer->slots[0])
        return wr_spill_append(writer->stream, bytes, byte_count, NULL, err);
    wr_assert(byte_count > 0, "a block has at least one byte");
    for (uint32_t done = 0; done < byte_count; done += part) {
        part = wr_spill_part_bytes(writer->stream->spill, byte_count - done);
        WR_TRY(append_part(writer, (const uint8_t *)bytes + done, part, byte_count - done - part,
                           err));
    }
    return WR_OK;
}

wr_status wr_spill_writer_close(wr_spill_writer *writer, wr_error *err)
{
    wr_status status = WR_OK;

    if (!writer->slots[0])
        return WR_OK;
    for (int i = 0; i < SLOTS_PER_WRITER; i++) {
        wr_status now = turn_over(writer, status == WR_OK ? err : NULL);

        status = status == WR_OK ? now : status;
    }
    wr_spill_writer_slots_give(writer->stream->spill, writer->slots);
    writer->slots[0] = NULL;
    return status;
}
