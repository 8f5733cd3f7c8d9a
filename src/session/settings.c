/* session/settings.c — precedence of settings, and where spilled bytes go.
 *
 * default < pipeline file < WEIR_* < flags. A cap, quota or thread count from flag or environment
 * wins over the file, so no file can raise it. */
#include <stdio.h>
#include <stdlib.h>

#include "session/session_priv.h"

static wr_text environment(const char *name)
{
    const char *value = getenv(name);

    return wr_text_of(value && *value ? value : NULL);
}

static wr_status bytes_from_environment(const char *name, uint64_t *io_bytes, bool *out_given,
                                        wr_error *err)
{
    wr_text text = environment(name);

    *out_given = text.byte_count > 0;
    if (!*out_given)
        return WR_OK;
    WR_TRY_WHILE(wr_text_parse_bytes(text, io_bytes, err), err, "reading %s", name);
    return WR_OK;
}

static wr_status merge_cap(const wr_session_options *options, const wr_pipeline_settings *file,
                           wr_settings *out, wr_error *err)
{
    wr_limit_default fallback;
    bool             given;

    if (options->memory_cap_bytes) {
        out->cap_bytes = options->memory_cap_bytes;
        snprintf(out->cap_origin, sizeof out->cap_origin, "--memory-cap");
        return WR_OK;
    }
    WR_TRY(bytes_from_environment("WEIR_MEMORY_CAP", &out->cap_bytes, &given, err));
    if (given) {
        snprintf(out->cap_origin, sizeof out->cap_origin, "WEIR_MEMORY_CAP");
    } else if (file->memory_cap_bytes) {
        out->cap_bytes = file->memory_cap_bytes;
        snprintf(out->cap_origin, sizeof out->cap_origin, "pipeline file");
    } else {
        wr_limit_default_cap(&fallback);
        out->cap_bytes = fallback.cap_bytes;
        snprintf(out->cap_origin, sizeof out->cap_origin, "%s", fallback.origin);
    }
    return WR_OK;
}

enum {
    THREADS_MAX = 256,
    THREAD_CAP_BYTES = 5 * 1024 * 1024, /* a small cap has no room for many threads' stacks */
};

static wr_status merge_threads(const wr_session_options *options, const wr_pipeline_settings *file,
                               wr_settings *out, wr_error *err)
{
    wr_text       text = environment("WEIR_THREADS");
    unsigned long count = options->thread_count;

    if (count == 0 && text.byte_count) {
        char *end;

        count = strtoul(text.bytes, &end, 10);
        if (*end || count == 0)
            return WR_RAISE(err, WR_USAGE, "WEIR_THREADS is '%.*s': expected a number from 1 to %d",
                            WR_TEXT_ARG(text), THREADS_MAX);
    }
    if (count == 0)
        count = file->thread_count;
    if (count == 0)
        count = wr_limit_cpu_count();
    if (count > THREADS_MAX)
        return WR_RAISE(err, WR_USAGE, "%lu threads: expected a number from 1 to %d", count,
                        THREADS_MAX);
    out->thread_count = (uint32_t)count;
    return WR_OK;
}

wr_status wr_settings_merge(const wr_session_options *options, const wr_pipeline_settings *file,
                            wr_settings *out, wr_error *err)
{
    wr_text folder = wr_text_of(options->spill_folder);
    bool    given;

    *out = (wr_settings){.deterministic = options->deterministic || file->deterministic};
    WR_TRY(merge_cap(options, file, out, err));
    WR_TRY(merge_threads(options, file, out, err));
    /* A stack is paid for whether a plan fits that many workers or not. */
    if (out->thread_count > 1 && out->thread_count > out->cap_bytes / THREAD_CAP_BYTES)
        out->thread_count = (uint32_t)(out->cap_bytes / THREAD_CAP_BYTES) + 1;
    out->spill_quota_bytes = options->spill_quota_bytes;
    if (!out->spill_quota_bytes) {
        WR_TRY(bytes_from_environment("WEIR_SPILL_QUOTA", &out->spill_quota_bytes, &given, err));
        if (!given)
            out->spill_quota_bytes = file->spill_quota_bytes;
    }
    if (folder.byte_count == 0)
        folder = environment("WEIR_SPILL_DIR");
    if (folder.byte_count == 0)
        folder = file->spill_folder;
    if (folder.byte_count >= sizeof out->spill_folder)
        return WR_RAISE(err, WR_USAGE, "the spill folder's name is too long");
    if (folder.byte_count)
        memcpy(out->spill_folder, folder.bytes, folder.byte_count);
    return WR_OK;
}

static wr_status check_folder(const char *folder, wr_error *err)
{
    wr_file_info info;

    wr_status    status = wr_path_stat(folder, &info, err);

    if (status != WR_OK) {
        wr_error_append(err, " (it is the spill folder: make it, or give another with --spill-dir)");
        return status;
    }
    if (info.kind != WR_FILE_DIRECTORY)
        return WR_RAISE(err, WR_IO, "the spill folder '%s' is not a folder", folder);
    if (wr_path_is_memory(folder))
        return WR_RAISE(err, WR_IO,
                        "the spill folder '%s' lies in memory (tmpfs), which would break the cap: "
                        "give a folder on disk with --spill-dir",
                        folder);
    return WR_OK;
}

wr_status wr_settings_spill_folder(const wr_settings *settings, char out_folder[WR_PATH_BYTES_MAX],
                                   wr_error *err)
{
    const char *candidates[] = {getenv("TMPDIR"), "/var/tmp", "."};

    if (settings->spill_folder[0]) {
        WR_TRY(check_folder(settings->spill_folder, err));
        snprintf(out_folder, WR_PATH_BYTES_MAX, "%s", settings->spill_folder);
        return WR_OK;
    }
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++)
        if (candidates[i] && *candidates[i] && check_folder(candidates[i], NULL) == WR_OK) {
            snprintf(out_folder, WR_PATH_BYTES_MAX, "%s", candidates[i]);
            return WR_OK;
        }
    return WR_RAISE(err, WR_IO,
                    "no folder on disk for spilled data (tried TMPDIR, /var/tmp and the working "
                    "folder): give one with --spill-dir");
}
