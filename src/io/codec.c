/* codec.c — the list of codecs, and telling which one a file is in. */
#include <string.h>

#include "codec_priv.h"

const char *const WR_CODEC_NAMES[] = {"auto", "none", "gzip", "zstd", NULL};

_Static_assert(sizeof WR_CODEC_NAMES / sizeof WR_CODEC_NAMES[0] == WR_CODEC_FILE_COUNT + 1,
               "every codec of files has a name");

static const wr_codec_ops *const CODECS[WR_CODEC_COUNT] = {
    [WR_CODEC_GZIP] = &wr_codec_ops_gzip,
    [WR_CODEC_ZSTD] = &wr_codec_ops_zstd,
};

const wr_codec_ops *wr_codec_ops_of(wr_codec codec)
{
    wr_assert(CODECS[codec], "this codec has a library behind it");
    return CODECS[codec];
}

/* Does the path end in one of the codec's endings? */
static bool ends_like(wr_text path, const char *endings)
{
    while (*endings) {
        size_t  length = strcspn(endings, " ");
        wr_text ending = {endings, length};

        if (path.byte_count > length && wr_text_ends_with(path, ending) &&
            path.bytes[path.byte_count - length - 1] == '.')
            return true;
        endings += length + (endings[length] == ' ');
    }
    return false;
}

wr_codec wr_codec_detect(wr_text path, const void *head, size_t head_bytes)
{
    enum { MAGIC_BYTES = 3 }; /* the shortest magic number */

    for (wr_codec codec = WR_CODEC_NONE + 1; codec < WR_CODEC_FILE_COUNT; codec++)
        if (head_bytes >= MAGIC_BYTES && CODECS[codec]->starts(head, head_bytes))
            return codec;
    for (wr_codec codec = WR_CODEC_NONE + 1; codec < WR_CODEC_FILE_COUNT; codec++)
        if (ends_like(path, CODECS[codec]->endings))
            return codec;
    return WR_CODEC_NONE;
}

wr_status wr_codec_require(wr_codec codec, wr_error *err)
{
    (void)codec, (void)err;
    return WR_OK;
}

wr_status wr_codec_level(const wr_codec_ops *ops, int asked, int *out_level, wr_error *err)
{
    if (asked < 0 || asked > ops->level_max)
        return WR_RAISE(err, WR_INVALID, "%s has the levels 1 to %d, not %d", ops->name,
                        ops->level_max, asked);
    *out_level = asked ? asked : ops->level_default;
    return WR_OK;
}
