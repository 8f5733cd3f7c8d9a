/* types/str.c — long values, read to the end. */
#include "types/str.h"

wr_status wr_blob_read(const wr_blob *blob, uint64_t offset, void *buffer, size_t byte_count,
                       wr_error *err)
{
    for (size_t done = 0, moved = 0; done < byte_count; done += moved) {
        WR_TRY(blob->read(blob, offset + done, (uint8_t *)buffer + done, byte_count - done, &moved,
                          err));
        if (moved == 0)
            return WR_RAISE(err, WR_CORRUPT, "a value of %llu bytes ends after %llu",
                            (unsigned long long)blob->byte_count,
                            (unsigned long long)(offset + done));
    }
    return WR_OK;
}
