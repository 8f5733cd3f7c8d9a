/* io/input.h — sequential byte inputs: a file, then filters stacked on it (codec, transcoding).
 *
 * An input is a pull stream. Each filter owns a fixed buffer and its codec's state, both from the
 * bump given at open: memory is fixed once open, and is one allocation per opened stack, so that
 * the lease formulas hold to the byte. (Only a later frame with a larger window takes more.)
 * `offset` counts bytes delivered, so messages can say where. Threads: one at a time. */
#ifndef WR_IO_INPUT_H
#define WR_IO_INPUT_H

#include "io/codec.h"
#include "io/fs.h"

typedef struct wr_input wr_input;
struct wr_input {
    const struct wr_input_ops {
        /** Fill up to `bytes`; *out_bytes 0 is the end. Fewer than asked is normal. */
        wr_status (*read)(wr_input *input, void *buffer, size_t bytes, size_t *out_bytes,
                          wr_error *err);
        void (*close)(wr_input *input);
    } *ops;
    uint64_t offset;          /* bytes delivered so far                              */
    uint64_t consumed_bytes;  /* bytes taken from the file below: progress           */
    uint64_t total_bytes;     /* of the file below, 0 if unknown                     */
};

/** Fixed memory of wr_input_open for a stream whose head cannot be looked at before: with the window
 *  that the codec's own program uses by default. `codec` AUTO means gzip or zstd. */
uint64_t wr_input_lease_min(wr_codec codec);

/** Settle by a file's first bytes (up to WR_CODEC_HEAD_BYTES) what wr_input_open will take of memory,
 *  and have the codec at hand (wr_codec_require): so windows count as they are. */
wr_status wr_input_probe(wr_text path, wr_codec codec, const void *head, size_t head_bytes,
                         uint64_t *out_bytes, wr_error *err) WR_MUST_USE;

/** Open a reader as an input, decompressing if asked or detected. Frames of a file (members
 *  of gzip, streams of xz) follow each other. Owner: the input closes the reader.
 * Errors   WR_CORRUPT damaged or truncated stream (names codec and offset)
 *          WR_NO_MEMORY the codec window does not fit the lease: names the window and the cap */
wr_status wr_input_open(wr_fs_reader *reader, wr_codec codec, wr_bump *bump, wr_input **out_input,
                        wr_error *err) WR_MUST_USE;

/** Text encodings that are transcoded to UTF-8 on the way in. */
typedef enum wr_encoding_name {
    WR_ENCODING_UTF8,
    WR_ENCODING_UTF16,   /* by BOM, else little endian */
    WR_ENCODING_UTF16LE,
    WR_ENCODING_UTF16BE,
    WR_ENCODING_LATIN1,
    WR_ENCODING_WINDOWS1252,
    WR_ENCODING_UTF8_REPLACE /* what is not well-formed becomes U+FFFD */
} wr_encoding_name;
extern const char *const WR_ENCODING_NAMES[];

/** Any usual spelling: "UTF-8", "utf_16", "ISO-8859-1", "cp1252". Errors WR_INVALID (did-you-mean). */
wr_status wr_encoding_parse(wr_text text, wr_encoding_name *out_encoding, wr_error *err) WR_MUST_USE;

/** Fixed memory of wr_input_transcode. */
uint64_t wr_input_transcode_lease_min(wr_encoding_name encoding);

/** Stack a transcoder; UTF8 returns `input` itself. `path` is for messages and must outlive the input.
 * Errors   of reading: WR_CORRUPT unpaired surrogate, cut character (names path and offset) */
wr_status wr_input_transcode(wr_input *input, wr_text path, wr_encoding_name encoding, wr_bump *bump,
                             wr_input **out_input, wr_error *err) WR_MUST_USE;

/** How the bytes of a file reach a format. */
typedef struct wr_input_want {
    wr_codec         codec;
    wr_encoding_name encoding;
    const char      *random_format; /* this format reads at any place, and only so; NULL: in order */
} wr_input_want;

/** Open a reader for a format. *out_input: its bytes, decompressed and in UTF-8, NULL for a
 *  random_format. *out_plain: they are the reader's own and can be read at any place.
 * Owner    *out_input closes the reader, the caller if that is NULL; on failure it is closed.
 * Errors   WR_UNSUPPORTED a random_format in a stream or a compressed file; as wr_input_open */
wr_status wr_input_open_file(wr_fs_reader *reader, const wr_input_want *want, wr_bump *bump,
                             wr_input **out_input, bool *out_plain, wr_error *err) WR_MUST_USE;

/** Read until `bytes` are there or the end; for heads and samples. */
wr_status wr_input_read_full(wr_input *input, void *buffer, size_t bytes, size_t *out_bytes,
                             wr_error *err) WR_MUST_USE;

static inline void wr_input_close(wr_input *input)
{
    if (input)
        input->ops->close(input);
}

#endif
