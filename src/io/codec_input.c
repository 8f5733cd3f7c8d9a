/* codec_input.c — a compressed file as an input: frames one after the other, whatever the codec.
 *
 * Invariants
 *  1. The decoder's state is sized by the head of the first frame, which is read first. A later frame
 *     with a larger window gets a new state from the bump, or is refused; nothing else allocates.
 *  2. A stream that stops inside a frame, or goes on with anything but another frame or the padding
 *     that the format allows, is WR_CORRUPT.
 * Cost: the codec's. */
#include "io_priv.h"

typedef struct codec_input {
    wr_input            base;
    wr_codec_feed       feed;
    wr_codec            codec;
    const wr_codec_ops *ops; /* of it */
    wr_bump            *bump;
    void               *state;
    uint64_t            window_bytes; /* that `state` was made for             */
    bool                inside;       /* between a frame's first byte and its end */
    bool                any_frame;    /* one has ended                         */
} codec_input;

static wr_status raise_corrupt(const codec_input *self, wr_error *err, const char *what,
                               const char *what_else)
{
    return WR_RAISE(err, WR_CORRUPT, "'%.*s': %s: %s%s at byte %llu", WR_TEXT_ARG(self->feed.path),
                    self->ops->name, what, what_else,
                    (unsigned long long)wr_codec_feed_offset(&self->feed));
}

static wr_status raise_window(const codec_input *self, uint64_t window_bytes, wr_error *err)
{
    const wr_lease *lease = self->bump->lease;
    char            window_text[32], lease_text[32];

    return WR_RAISE(err, WR_NO_MEMORY,
                    "'%.*s': %s: the %s at byte %llu needs a window of %s, more than the first one's, "
                    "for which '%s' (%s) has room: put the one with the largest window first, or "
                    "compress again with a smaller one",
                    WR_TEXT_ARG(self->feed.path), self->ops->name, self->ops->unit,
                    (unsigned long long)wr_codec_feed_offset(&self->feed),
                    wr_text_format_bytes(window_bytes, window_text, sizeof window_text), lease->name,
                    wr_text_format_bytes((uint64_t)lease->pages_granted *
                                             wr_arena_page_size(lease->arena),
                                         lease_text, sizeof lease_text));
}

/* Zero bytes between frames; *out_count says how many. */
static wr_status skip_padding(wr_codec_feed *feed, uint64_t *out_count, wr_error *err)
{
    for (*out_count = 0;; feed->next++, ++*out_count) {
        WR_TRY(wr_codec_feed_fill(feed, 1, err));
        if (feed->next == feed->end || feed->buffer[feed->next] != 0)
            return WR_OK;
    }
}

/* Make the state fit for a frame with this window: the present one, or a larger one. */
static wr_status prepare_state(codec_input *self, uint64_t window_bytes, wr_error *err)
{
    void *state;

    if (window_bytes <= self->window_bytes) {
        self->ops->decoder_reset(self->state);
        return WR_OK;
    }
    state = wr_bump_try_alloc(self->bump, self->ops->decoder_bytes(window_bytes));
    if (!state)
        return raise_window(self, window_bytes, err);
    self->ops->decoder_init(state, window_bytes);
    self->state = state;
    self->window_bytes = window_bytes;
    return WR_OK;
}

static wr_status begin_frame(codec_input *self, bool *out_end, wr_error *err)
{
    wr_codec_feed *feed = &self->feed;
    uint64_t       padding = 0;
    const uint8_t *head;

    if (self->any_frame && self->ops->padding_multiple)
        WR_TRY(skip_padding(feed, &padding, err));
    WR_TRY(wr_codec_feed_fill(feed, WR_CODEC_HEAD_BYTES, err));
    if (padding > 0 && padding % self->ops->padding_multiple != 0)
        return raise_corrupt(self, err, "garbage after the last ", self->ops->unit);
    *out_end = feed->next == feed->end;
    if (*out_end)
        return self->any_frame ? WR_OK : raise_corrupt(self, err, "the stream is empty", "");
    head = feed->buffer + feed->next;
    if (!wr_codec_starts(self->codec, head, feed->end - feed->next))
        return self->any_frame
                   ? raise_corrupt(self, err, "garbage after the last ", self->ops->unit)
                   : raise_corrupt(self, err, "this is not data of the codec", "");
    WR_TRY(prepare_state(self, self->ops->window(head, feed->end - feed->next), err));
    self->inside = true;
    return WR_OK;
}

/* One call of the codec. */
static wr_status step(codec_input *self, wr_codec_io *io, wr_error *err)
{
    wr_codec_feed *feed = &self->feed;
    uint8_t       *out = io->out;
    size_t         in_bytes;
    wr_codec_flow  flow;

    WR_TRY(wr_codec_feed_fill(feed, 1, err));
    io->in = feed->buffer + feed->next;
    io->in_bytes = in_bytes = feed->end - feed->next;
    flow = self->ops->decode(self->state, io);
    feed->next = feed->end - io->in_bytes;
    switch (flow) {
    case WR_CODEC_END:
        self->inside = false;
        self->any_frame = true;
        return WR_OK;
    case WR_CODEC_DAMAGED:
        return raise_corrupt(self, err, io->what, "");
    case WR_CODEC_SHORT:
        return raise_window(self, io->window_bytes, err);
    case WR_CODEC_MORE:
        if (io->out != out || io->in_bytes != in_bytes)
            return WR_OK;
        wr_assert(in_bytes == 0, "a codec that has input and room moves on");
        return raise_corrupt(self, err, "the stream ends in the middle of a ", self->ops->unit);
    }
    WR_UNREACHABLE();
}

static wr_status codec_read(wr_input *input, void *buffer, size_t bytes, size_t *out_bytes,
                            wr_error *err)
{
    codec_input *self = (codec_input *)input;
    wr_codec_io  io = {.out = buffer, .out_bytes = bytes};
    bool         end = false;

    while (io.out_bytes == bytes && bytes > 0) {
        if (!self->inside)
            WR_TRY(begin_frame(self, &end, err));
        if (end)
            break;
        WR_TRY(step(self, &io, err));
    }
    *out_bytes = bytes - io.out_bytes;
    input->offset += *out_bytes;
    wr_input_pass_progress(input, self->feed.below);
    return WR_OK;
}

static void codec_close(wr_input *input)
{
    wr_input_close(((codec_input *)input)->feed.below);
}

static const struct wr_input_ops CODEC_INPUT = {.read = codec_read, .close = codec_close};

uint64_t wr_codec_input_bytes(const wr_codec_ops *ops, uint64_t window_bytes)
{
    return wr_carve_bytes(sizeof(codec_input)) + WR_CODEC_BUFFER_BYTES +
           wr_carve_bytes(ops->decoder_bytes(window_bytes));
}

wr_status wr_codec_input_init(wr_codec codec, wr_input *below, wr_text path,
                              uint64_t window_bytes, wr_carver *carver, wr_bump *bump,
                              wr_input **out_input, wr_error *err)
{
    codec_input *self = wr_carve(carver, sizeof *self);
    bool         end;

    self->base.ops = &CODEC_INPUT;
    self->codec = codec;
    self->ops = wr_codec_ops_of(codec);
    self->bump = bump;
    wr_codec_feed_init(&self->feed, below, path, carver);
    self->state = wr_carve(carver, self->ops->decoder_bytes(window_bytes));
    self->window_bytes = window_bytes;
    self->ops->decoder_init(self->state, window_bytes);
    WR_TRY(begin_frame(self, &end, err));
    wr_input_pass_progress(&self->base, below);
    *out_input = &self->base;
    return WR_OK;
}
