/* chunker.c — see the header. */
#include "io/chunker.h"

#include <string.h>

void wr_chunker_layout(wr_chunker *chunker, wr_input *input, uint32_t kept_bytes_max,
                       wr_carver *carver)
{
    *chunker = (wr_chunker){.input = input, .kept_bytes_max = kept_bytes_max};
    chunker->kept = wr_carve(carver, kept_bytes_max);
}

wr_status wr_chunker_fill(wr_chunker *chunker, uint8_t *chunk, uint32_t room, uint32_t *out_bytes,
                          wr_error *err)
{
    uint32_t used = chunker->kept_bytes < room ? chunker->kept_bytes : room;
    size_t   got = 0;

    memcpy(chunk, chunker->kept, used);
    chunker->kept_bytes -= used;
    memmove(chunker->kept, chunker->kept + used, chunker->kept_bytes);
    if (used < room)
        WR_TRY(wr_input_read_full(chunker->input, chunk + used, room - used, &got, err));
    *out_bytes = used + (uint32_t)got;
    chunker->offset += *out_bytes;
    return WR_OK;
}

void wr_chunker_keep(wr_chunker *chunker, const uint8_t *bytes, uint32_t byte_count)
{
    wr_assert(byte_count <= chunker->kept_bytes_max - chunker->kept_bytes,
              "what is given back to a chunker fits its buffer");
    memmove(chunker->kept + byte_count, chunker->kept, chunker->kept_bytes);
    memcpy(chunker->kept, bytes, byte_count);
    chunker->kept_bytes += byte_count;
    chunker->offset -= byte_count;
}
