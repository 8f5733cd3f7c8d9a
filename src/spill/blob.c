/* spill/blob.c — values longer than a block, and scratch space for plug-ins.
 *
 * A value becomes a chain of blocks of block_bytes_max in one stream that all writers share and
 * that lives as long as the spill. Its handle is the position of its last block. Every block links
 * to the one before it and to one further back, chosen so that any block is reached from the last
 * in at most 2*log2(n) steps, each the read of one header. Which blocks jump where needs only a
 * short stack while writing: the jumps follow the digits of a skew-binary counter.
 * Source: Myers, "An applicative random-access stack" (1983). */
#include <string.h>

#include "spill/spill_priv.h"

/* A skew-binary number has at most two equal digits, so 64 sizes need at most 65 trees. */
enum { TREES_MAX = 66 };

typedef struct tree {
    uint64_t size, index;       /* blocks in it; index of its root, the latest */
    wr_spill_position position; /* of its root                                 */
} tree;

typedef struct chain_writer {
    wr_spill_stream *stream;
    uint64_t group, index;  /* of the next block */
    wr_spill_position last; /* position of the block before it, 0 if none */
    uint32_t ratio_permille;
    uint32_t tree_count;
    tree trees[TREES_MAX];
} chain_writer;

/* --- writing ------------------------------------------------------------------------------ */

static void begin_chain(chain_writer *writer, wr_spill_stream *stream)
{
    writer->stream = stream;
    writer->group =
        atomic_fetch_add_explicit(&stream->spill->next_group, 1, memory_order_relaxed) + 1;
    writer->index = 0;
    writer->last = 0;
    writer->ratio_permille = 0;
    writer->tree_count = 0;
}

static bool top_trees_match(const chain_writer *writer)
{
    return writer->tree_count >= 2 &&
           writer->trees[writer->tree_count - 1].size == writer->trees[writer->tree_count - 2].size;
}

static wr_spill_link next_link(const chain_writer *writer)
{
    wr_spill_link link = {.group = writer->group, .index = writer->index, .before = writer->last};
    uint32_t below = writer->tree_count - (top_trees_match(writer) ? 2 : 0);

    if (below > 0) {
        link.jump = writer->trees[below - 1].position;
        link.jump_index = writer->trees[below - 1].index;
    }
    return link;
}

static void add_to_trees(chain_writer *writer, wr_spill_position position)
{
    uint64_t size = 1;

    if (top_trees_match(writer)) {
        size += 2 * writer->trees[writer->tree_count - 1].size;
        writer->tree_count -= 2;
    }
    writer->trees[writer->tree_count++] = (tree){size, writer->index, position};
    writer->last = position;
    writer->index++;
}

/* Only the placing is serial: several values are compressed and written at a time. */
static wr_status place_block(wr_spill_stream *stream, wr_spill_header *header,
                             wr_spill_position *out_position, wr_error *err)
{
    uint64_t taken;

    WR_LOCKED(&stream->spill->blob_mutex);
    WR_TRY(wr_spill_stream_place(stream, header, out_position, &taken, err));
    wr_spill_stream_advance(stream, header, *out_position);
    return WR_OK;
}

static wr_status write_block_with(chain_writer *writer, wr_spill_slot *slot, const void *bytes,
                                  uint32_t byte_count, wr_error *err)
{
    wr_spill *spill = writer->stream->spill;
    wr_spill_position position;
    wr_spill_header *header =
        wr_spill_block_encode(spill, slot->compressor, slot->out, bytes, byte_count, writer->index,
                              &writer->ratio_permille);

    header->link = next_link(writer);
    WR_TRY(place_block(writer->stream, header, &position, err));
    WR_TRY(wr_spill_block_write(spill, slot, position, err));
    add_to_trees(writer, position);
    return WR_OK;
}

static wr_status write_block(chain_writer *writer, const void *bytes, uint32_t byte_count,
                             wr_error *err)
{
    wr_spill *spill = writer->stream->spill;
    wr_spill_slot *slot = wr_spill_slot_take(spill, WR_SPILL_FOR_BLOCK);
    wr_status status = write_block_with(writer, slot, bytes, byte_count, err);

    wr_spill_slot_give(spill, slot);
    return status;
}

/* `piece`: block_bytes_max. */
static wr_status copy_blob(chain_writer *writer, uint8_t *piece, const wr_blob *blob, wr_error *err)
{
    uint32_t most = writer->stream->spill->block_bytes_max;
    uint64_t done = 0;

    while (done < blob->byte_count) {
        uint64_t left = blob->byte_count - done;
        size_t wanted = left < most ? (size_t)left : most;

        WR_TRY(wr_blob_read(blob, done, piece, wanted, err));
        WR_TRY(write_block(writer, piece, (uint32_t)wanted, err));
        done += wanted;
    }
    return WR_OK;
}

/* --- reading ------------------------------------------------------------------------------ */

static wr_status check_group(const wr_spill *spill, const wr_spill_header *header, uint64_t group,
                             wr_error *err)
{
    if (header->link.group == group)
        return WR_OK;
    return WR_RAISE(err, WR_CORRUPT, "a spilled value in '%s' holds a block of another one",
                    spill->folder);
}

/* From the block at *position with *header back to the one with `index`, which is not later. */
static wr_status walk_to(wr_spill_stream *stream, uint64_t index, wr_spill_position *position,
                         wr_spill_header *header, wr_error *err)
{
    uint64_t group = header->link.group;

    while (header->link.index > index) {
        bool can_jump = header->link.jump != 0 && header->link.jump_index >= index;

        *position = can_jump ? header->link.jump : header->link.before;
        WR_TRY(wr_spill_header_read(stream->spill, *position, stream->salt, header, err));
        WR_TRY(check_group(stream->spill, header, group, err));
    }
    return WR_OK;
}

/* Bytes from `offset` within one block; a block wanted whole needs no copy. */
static wr_status read_part(wr_spill *spill, uint8_t *piece, wr_spill_position position,
                           const wr_spill_header *header, uint32_t offset, void *buffer,
                           size_t byte_count, size_t *out_bytes, wr_error *err)
{
    size_t left = header->raw_bytes > offset ? header->raw_bytes - offset : 0;
    size_t now = left < byte_count ? left : byte_count;

    if (now == header->raw_bytes) {
        WR_TRY(wr_spill_content_read(spill, position, header, buffer, err));
    } else if (now > 0) {
        WR_TRY(wr_spill_content_read(spill, position, header, piece, err));
        memcpy(buffer, piece + offset, now);
    }
    *out_bytes = now;
    return WR_OK;
}

/* Read the chain that ends at `last`; fewer bytes than asked for only at its end. */
static wr_status read_chain(wr_spill_stream *stream, uint8_t *piece, wr_spill_position last,
                            uint64_t offset, void *buffer, size_t byte_count, size_t *out_bytes,
                            wr_error *err)
{
    wr_spill *spill = stream->spill;
    wr_spill_header last_header;
    size_t done = 0, now = 1;

    WR_TRY(wr_spill_header_read(spill, last, stream->salt, &last_header, err));
    while (done < byte_count && now > 0) {
        uint64_t index = (offset + done) / spill->block_bytes_max;
        uint32_t in_block = (uint32_t)((offset + done) % spill->block_bytes_max);
        wr_spill_position position = last;
        wr_spill_header header = last_header;

        if (index > last_header.link.index)
            break;
        WR_TRY(walk_to(stream, index, &position, &header, err));
        WR_TRY(read_part(spill, piece, position, &header, in_block, (uint8_t *)buffer + done,
                         byte_count - done, &now, err));
        done += now;
    }
    *out_bytes = done;
    return WR_OK;
}

static wr_status read_at(wr_spill_stream *stream, wr_spill_position last, uint64_t offset, void *buffer,
                         size_t byte_count, size_t *out_bytes, wr_error *err)
{
    wr_spill_slot *slot = wr_spill_slot_take(stream->spill, WR_SPILL_FOR_READ);
    wr_status status;

    status = read_chain(stream, slot->out, last, offset, buffer, byte_count, out_bytes, err);
    wr_spill_slot_give(stream->spill, slot);
    return status;
}

/* --- interface ---------------------------------------------------------------------------- */

static wr_status read_blob(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                           size_t *out_bytes, wr_error *err)
{
    if (offset >= blob->byte_count || bytes == 0) {
        *out_bytes = 0;
        return WR_OK;
    }
    return read_at(blob->owner, blob->position, offset, buffer, bytes, out_bytes, err);
}

wr_status wr_spill_blob_store(wr_spill *spill, const wr_blob *blob, wr_blob *out_blob,
                              wr_error *err)
{
    wr_spill_slot *slot = wr_spill_slot_take(spill, WR_SPILL_FOR_COPY);
    chain_writer writer;
    wr_status status;

    begin_chain(&writer, &spill->blobs);
    status = copy_blob(&writer, slot->out, blob, err);
    wr_spill_slot_give(spill, slot);
    WR_TRY(status);
    *out_blob = (wr_blob){
        .byte_count = blob->byte_count,
        .hash = blob->hash,
        .read = read_blob,
        .owner = &spill->blobs,
        .position = writer.last,
    };
    return WR_OK;
}

static wr_status append_scratch(void *self, const void *bytes, size_t byte_count,
                                wr_scratch_position *out_position, wr_error *err)
{
    wr_spill_stream *stream = self;
    uint32_t most = stream->spill->block_bytes_max;
    chain_writer writer;

    wr_assert(byte_count > 0, "scratch pieces have at least one byte");
    begin_chain(&writer, stream);
    for (size_t done = 0; done < byte_count; done += most) {
        size_t left = byte_count - done;
        size_t now = left < most ? left : most;

        WR_TRY(write_block(&writer, (const uint8_t *)bytes + done, (uint32_t)now, err));
    }
    *out_position = writer.last;
    return WR_OK;
}

static wr_status read_scratch(void *self, wr_scratch_position position, uint64_t offset,
                              void *buffer, size_t byte_count, size_t *out_byte_count,
                              wr_error *err)
{
    return read_at(self, position, offset, buffer, byte_count, out_byte_count, err);
}

/* An area is a stream of its own: a position names a block of that stream and no other. */
_Static_assert(sizeof(wr_spill_stream) <= sizeof(wr_scratch_area), "an area holds a stream");

static void clear_area(void *self)
{
    wr_spill_stream_release(self);
}

static void open_area(void *self, wr_scratch_area *area, wr_scratch *out_scratch)
{
    static const wr_scratch_ops AREA_OPS = {.append = append_scratch, .read = read_scratch,
                                            .clear = clear_area};
    wr_spill_stream *stream = (wr_spill_stream *)(void *)area;

    wr_spill_stream_init(stream, ((wr_spill_stream *)self)->spill);
    *out_scratch = (wr_scratch){&AREA_OPS, stream};
}

static const wr_scratch_ops SCRATCH_OPS = {.append = append_scratch, .read = read_scratch,
                                           .open_area = open_area};

void wr_spill_scratch(wr_spill *spill, wr_scratch *out_scratch)
{
    *out_scratch = (wr_scratch){&SCRATCH_OPS, &spill->blobs};
}
