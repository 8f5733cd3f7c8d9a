/* codec.c — the list of codecs, and telling which one a file is in.
 *
 * What gives a codec away is known here, and not in its file, so that a program that was built without
 * a codec refuses its files by name. */
#include <string.h>

#include "codec_priv.h"

const char *const WR_CODEC_NAMES[] = {"auto", "none", "gzip", "zstd", "lz4", "bz2", "xz", NULL};

_Static_assert(sizeof WR_CODEC_NAMES / sizeof WR_CODEC_NAMES[0] == WR_CODEC_FILE_COUNT + 1,
               "every codec of files has a name");

static const wr_codec_ops *const CODECS[WR_CODEC_COUNT] = {
    [WR_CODEC_GZIP] = &wr_codec_ops_gzip,
    [WR_CODEC_ZSTD] = &wr_codec_ops_zstd,
    [WR_CODEC_LZ4] = &wr_codec_ops_lz4,
    [WR_CODEC_LZ4_RAW] = &wr_codec_ops_lz4_raw,
#ifdef WR_WITH_BZ2
    [WR_CODEC_BZ2] = &wr_codec_ops_bz2,
#endif
#ifdef WR_WITH_XZ
    [WR_CODEC_XZ] = &wr_codec_ops_xz,
#endif
#ifdef WR_WITH_BROTLI
    [WR_CODEC_BROTLI] = &wr_codec_ops_brotli,
#endif
    [WR_CODEC_SNAPPY] = &wr_codec_ops_snappy,
};

const wr_codec_ops *wr_codec_ops_of(wr_codec codec)
{
    wr_assert(CODECS[codec], "a codec is required before it is used");
    return CODECS[codec];
}

/* ---- Detection ---------------------------------------------------------------------------------- */

enum { MAGIC_BYTES_MIN = 3 };

static const struct {
    const char *endings; /* blank-separated */
    uint8_t     magic_bytes, magic[6];
} SIGNS[WR_CODEC_FILE_COUNT] = {
    [WR_CODEC_GZIP] = {"gz gzip", 3, {0x1f, 0x8b, 8}},
    [WR_CODEC_ZSTD] = {"zst zstd", 4, {0x28, 0xb5, 0x2f, 0xfd}},
    [WR_CODEC_LZ4] = {"lz4", 4, {0x04, 0x22, 0x4d, 0x18}},
    [WR_CODEC_BZ2] = {"bz2", 3, {'B', 'Z', 'h'}},
    [WR_CODEC_XZ] = {"xz", 6, {0xfd, '7', 'z', 'X', 'Z', 0}},
};

static bool is_skippable(const uint8_t *head, size_t head_bytes)
{
    static const uint8_t MAGIC[] = {0x50, 0x2a, 0x4d, 0x18};

    for (size_t i = 0; i < sizeof MAGIC && i < head_bytes; i++)
        if ((head[i] & (i ? 0xff : 0xf0)) != MAGIC[i])
            return false;
    return true;
}

/* Three letters are no proof: behind them come the level and the first block, or the end. */
static bool is_bz2(const uint8_t *head, size_t head_bytes)
{
    return (head_bytes < 4 || (head[3] >= '1' && head[3] <= '9')) &&
           (head_bytes < 5 || head[4] == 0x31 || head[4] == 0x17);
}

bool wr_codec_starts(wr_codec codec, const uint8_t *head, size_t head_bytes)
{
    size_t bytes = head_bytes < SIGNS[codec].magic_bytes ? head_bytes : SIGNS[codec].magic_bytes;

    if (codec == WR_CODEC_ZSTD && is_skippable(head, head_bytes))
        return true;
    return memcmp(head, SIGNS[codec].magic, bytes) == 0 &&
           (codec != WR_CODEC_BZ2 || is_bz2(head, head_bytes));
}

/* Bytes of the path's ending, with its dot, if it is one of the endings; else 0. */
static size_t ending_bytes(wr_text path, const char *endings)
{
    while (*endings) {
        size_t  length = strcspn(endings, " ");
        wr_text ending = {endings, length};

        if (path.byte_count > length && wr_text_ends_with(path, ending) &&
            path.bytes[path.byte_count - length - 1] == '.')
            return length + 1;
        endings += length + (endings[length] == ' ');
    }
    return 0;
}

wr_codec wr_codec_detect(wr_text path, const void *head, size_t head_bytes)
{
    wr_codec codec;

    for (codec = WR_CODEC_NONE + 1; codec < WR_CODEC_FILE_COUNT; codec++)
        if (head_bytes >= MAGIC_BYTES_MIN && head_bytes >= SIGNS[codec].magic_bytes &&
            wr_codec_starts(codec, head, head_bytes))
            return codec;
    for (codec = WR_CODEC_NONE + 1; codec < WR_CODEC_FILE_COUNT; codec++)
        if (ending_bytes(path, SIGNS[codec].endings) > 0)
            return codec;
    return WR_CODEC_NONE;
}

wr_text wr_codec_ending(wr_codec codec)
{
    const char *endings = codec > WR_CODEC_NONE && codec < WR_CODEC_FILE_COUNT ? SIGNS[codec].endings : "";

    return (wr_text){endings, strcspn(endings, " ")};
}

wr_text wr_codec_strip_ending(wr_text path)
{
    for (wr_codec codec = WR_CODEC_NONE + 1; codec < WR_CODEC_FILE_COUNT; codec++) {
        size_t bytes = ending_bytes(path, SIGNS[codec].endings);

        if (bytes > 0)
            return (wr_text){path.bytes, path.byte_count - bytes};
    }
    return path;
}

/* ---- Having them -------------------------------------------------------------------------------- */

/* Of codecs that a program may have been built without: their names, what building them needs. */
static const char *const PACKAGES[WR_CODEC_COUNT][2] = {
    [WR_CODEC_BZ2] = {"bz2", "libbz2-dev"},
    [WR_CODEC_XZ] = {"xz", "liblzma-dev"},
    [WR_CODEC_BROTLI] = {"brotli", "libbrotli-dev"},
};

static wr_status open_libraries(const wr_codec_ops *ops, wr_library *const *libraries, wr_error *err)
{
    for (; libraries && *libraries; libraries++)
        WR_TRY_WHILE(wr_library_open(*libraries, err), err, "making %s ready", ops->name);
    return WR_OK;
}

wr_status wr_codec_require(wr_codec codec, wr_error *err)
{
    if (codec == WR_CODEC_AUTO || codec == WR_CODEC_NONE)
        return WR_OK;
    if (!CODECS[codec])
        return WR_RAISE(err, WR_UNSUPPORTED, "this program was built without %s: install the package "
                        "%s and build it again", PACKAGES[codec][0], PACKAGES[codec][1]);
    return open_libraries(CODECS[codec], CODECS[codec]->libraries, err);
}

wr_status wr_codec_require_encoder(wr_codec codec, wr_error *err)
{
    WR_TRY(wr_codec_require(codec, err));
    if (codec == WR_CODEC_AUTO || codec == WR_CODEC_NONE)
        return WR_OK;
    return open_libraries(CODECS[codec], CODECS[codec]->encoder_libraries, err);
}

wr_status wr_codec_level(const wr_codec_ops *ops, int asked, int *out_level, wr_error *err)
{
    if (asked >= 0 && asked <= ops->level_max) {
        *out_level = asked ? asked : ops->level_default;
        return WR_OK;
    }
    if (ops->level_max == 1)
        return WR_RAISE(err, WR_INVALID, "%s has one level only, not %d", ops->name, asked);
    return WR_RAISE(err, WR_INVALID, "%s has the levels 1 to %d, not %d", ops->name, ops->level_max,
                    asked);
}
