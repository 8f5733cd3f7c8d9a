/* pq_bytes.c — walks over bytes of pages, wherever they lie. */
#include "pq_priv.h"

#include <string.h>

wr_status wr_pq_raise_short(wr_error *err)
{
    return WR_RAISE(err, WR_CORRUPT, "a page ends inside of its values");
}

static wr_status read_on(pq_bytes *bytes, uint8_t *out, size_t count, wr_error *err)
{
    while (count > 0) {
        size_t got = count;

        if (bytes->flow)
            WR_TRY(wr_pq_flow_read(bytes->flow, out, count, count == bytes->left, err));
        else if (bytes->file)
            WR_TRY(bytes->file->ops->read_at(bytes->file, bytes->next, out, count, &got, err));
        else
            WR_TRY(wr_blob_read(bytes->blob, bytes->next, out, count, err));
        if (got == 0)
            return WR_RAISE(err, WR_CORRUPT, "the file ends inside of a page");
        out += got;
        count -= got;
        bytes->next += got;
        bytes->left -= got;
    }
    return WR_OK;
}

wr_status wr_pq_bytes_fill(pq_bytes *bytes, uint32_t wanted, wr_error *err)
{
    size_t   kept = (size_t)(bytes->end - bytes->at);
    uint64_t room;

    if (bytes->left == 0 || kept >= wanted)
        return WR_OK;
    if (kept > 0)
        memmove(bytes->window, bytes->at, kept);
    bytes->at = bytes->window;
    bytes->end = bytes->window + kept;
    room = bytes->window_bytes - kept;
    room = room < bytes->left ? room : bytes->left;
    WR_TRY(read_on(bytes, bytes->window + kept, (size_t)room, err));
    bytes->end += room;
    return WR_OK;
}

wr_status wr_pq_bytes_pass(pq_bytes *bytes, uint64_t count, wr_error *err)
{
    uint64_t here = (uint64_t)(bytes->end - bytes->at);

    if (count > here + bytes->left)
        return wr_pq_raise_short(err);
    if (count <= here) {
        bytes->at += count;
        return WR_OK;
    }
    bytes->at = bytes->end;
    count -= here;
    while (bytes->flow && count > 0) { /* there is no other way past them */
        uint32_t now = count < bytes->window_bytes ? (uint32_t)count : bytes->window_bytes;

        WR_TRY(read_on(bytes, bytes->window, now, err));
        count -= now;
    }
    bytes->next += count;
    bytes->left -= count;
    return WR_OK;
}

wr_status wr_pq_bytes_copy(pq_bytes *bytes, void *out, uint64_t count, wr_error *err)
{
    uint64_t here = (uint64_t)(bytes->end - bytes->at);

    if (count > here + bytes->left)
        return wr_pq_raise_short(err);
    here = here < count ? here : count;
    if (here > 0) {
        memcpy(out, bytes->at, here);
        bytes->at += here;
    }
    return read_on(bytes, (uint8_t *)out + here, count - here, err);
}

pq_bytes wr_pq_bytes_cut(const pq_bytes *from, uint64_t offset, uint64_t count, uint8_t *window,
                         uint32_t window_bytes)
{
    pq_bytes cut = *from;

    if (from->left == 0) {
        if (offset > 0) /* without bytes there may be no address either */
            cut.at += offset;
        cut.end = count > 0 ? cut.at + count : cut.at;
        return cut;
    }
    cut.next = from->next - (uint64_t)(from->end - from->at) + offset;
    cut.left = count;
    cut.at = cut.end = cut.window = window;
    cut.window_bytes = window_bytes;
    return cut;
}
