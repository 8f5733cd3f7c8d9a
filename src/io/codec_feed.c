/* codec_feed.c — compressed bytes on their way into a decoder. */
#include <string.h>

#include "io_priv.h"

void wr_codec_feed_init(wr_codec_feed *feed, wr_input *below, wr_text path, wr_carver *carver)
{
    *feed = (wr_codec_feed){.below = below, .path = path};
    feed->buffer = wr_carve(carver, WR_CODEC_BUFFER_BYTES);
}

wr_status wr_codec_feed_fill(wr_codec_feed *feed, size_t bytes, wr_error *err)
{
    if (feed->end - feed->next >= bytes || feed->at_end)
        return WR_OK;
    memmove(feed->buffer, feed->buffer + feed->next, feed->end - feed->next);
    feed->end -= feed->next;
    feed->next = 0;
    while (feed->end < bytes) {
        size_t got = 0;

        WR_TRY(feed->below->ops->read(feed->below, feed->buffer + feed->end,
                                      WR_CODEC_BUFFER_BYTES - feed->end, &got, err));
        if (got == 0) {
            feed->at_end = true;
            break;
        }
        feed->end += got;
    }
    return WR_OK;
}
