/* catalog/catalog.c — registration and look-up of formats and file systems. */
#include "catalog/catalog.h"

void wr_catalog_init(wr_catalog *catalog)
{
    *catalog = (wr_catalog){0};
}

void wr_catalog_add_format(wr_catalog *catalog, const wr_format *format)
{
    wr_assert(catalog->format_count < WR_CATALOG_FORMATS_MAX, "the list of formats is fixed");
    catalog->formats[catalog->format_count++] = format;
}

void wr_catalog_add_fs(wr_catalog *catalog, const wr_fs_ops *ops)
{
    wr_assert(catalog->fs_count < WR_CATALOG_FS_MAX, "the list of file systems is fixed");
    catalog->fs[catalog->fs_count++].ops = ops;
}

/* Is `word` one of the blank-separated `words`? */
static bool has_word(const char *words, wr_text word)
{
    for (const char *at = words; *at;) {
        const char *end = strchr(at, ' ');
        size_t      byte_count = end ? (size_t)(end - at) : strlen(at);

        if (wr_text_equal_nocase((wr_text){at, byte_count}, word))
            return true;
        at += byte_count + (end ? 1 : 0);
    }
    return false;
}

wr_status wr_catalog_find_format(const wr_catalog *catalog, wr_text name,
                                 const wr_format **out_format, wr_error *err)
{
    wr_suggest suggest;

    for (uint32_t i = 0; i < catalog->format_count; i++)
        if (wr_text_equal_nocase(wr_text_of(catalog->formats[i]->name), name) ||
            has_word(catalog->formats[i]->endings, name)) {
            *out_format = catalog->formats[i];
            return WR_OK;
        }
    (void)WR_RAISE(err, WR_INVALID, "unknown format '%.*s'", WR_TEXT_ARG(name));
    wr_suggest_init(&suggest, name);
    for (uint32_t i = 0; i < catalog->format_count; i++)
        wr_suggest_offer(&suggest, wr_text_of(catalog->formats[i]->name));
    wr_suggest_append(&suggest, err);
    wr_error_append(err, " (formats:");
    for (uint32_t i = 0; i < catalog->format_count; i++)
        wr_error_append(err, "%s %s", i ? "," : "", catalog->formats[i]->name);
    wr_error_append(err, ")");
    return WR_INVALID;
}

static wr_text ending_of(wr_text path)
{
    for (size_t i = path.byte_count; i-- > 0 && path.bytes[i] != '/';)
        if (path.bytes[i] == '.')
            return (wr_text){path.bytes + i + 1, path.byte_count - i - 1};
    return (wr_text){path.bytes, 0};
}

const wr_format *wr_catalog_guess_format(const wr_catalog *catalog, wr_text path)
{
    wr_text ending = ending_of(wr_codec_strip_ending(path));

    for (uint32_t i = 0; i < catalog->format_count && ending.byte_count; i++)
        if (has_word(catalog->formats[i]->endings, ending))
            return catalog->formats[i];
    return NULL;
}

/* "s3" of "s3://bucket/key"; empty for bare paths. */
static wr_text scheme_of(wr_text path)
{
    for (size_t i = 0; i + 2 < path.byte_count && path.bytes[i] != '/'; i++)
        if (path.bytes[i] == ':' && path.bytes[i + 1] == '/' && path.bytes[i + 2] == '/')
            return (wr_text){path.bytes, i};
    return (wr_text){path.bytes, 0};
}

wr_status wr_catalog_find_fs(const wr_catalog *catalog, wr_text path, wr_fs **out_fs,
                             wr_error *err)
{
    wr_text scheme = scheme_of(path);

    for (uint32_t i = 0; i < catalog->fs_count; i++)
        if (has_word(catalog->fs[i].ops->schemes, scheme) ||
            (scheme.byte_count == 0 && i == 0)) {
            *out_fs = (wr_fs *)&catalog->fs[i];
            return WR_OK;
        }
    return WR_RAISE(err, WR_UNSUPPORTED, "no file system for '%.*s://' in this build",
                    WR_TEXT_ARG(scheme));
}
