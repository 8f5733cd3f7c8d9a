/* session/pipeline_fuzz.c — libFuzzer target: any text as a pipeline file gives an error, or a
 * plan with a certificate.
 *
 * The way of `weir validate`: settings, YAML tree, steps, expressions, checks, optimizer, planner.
 * Sources are short texts in memory, by ending; a name with "none" in it does not exist. */
#include <stdlib.h>

#include "optimizer/optimizer.h"
#include "planner/planner.h"
#include "yaml/pipeline.h"

#define FS(name)
#define FORMAT(name) extern const wr_format wr_format_##name;
#include "plugins/builtin.def"
#undef FORMAT

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count);

enum {
    PAGE_BYTES = 16384,
    PLAN_BYTES = 24 << 20,
    OPEN_BYTES = 8 << 20,
    TEXT_MAX = 20000,
    RUN_ARENA_BYTES = 64 << 20,
};

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* ---- Files ---------------------------------------------------------------------------------- */

typedef struct text_reader {
    wr_fs_reader base;
    wr_text      text;
    uint64_t     at;
} text_reader;

static wr_text content_of(wr_text path)
{
    if (wr_text_ends_with(path, WR_TEXT(".json")))
        return WR_TEXT("{\"id\": 1, \"name\": \"x\", \"v\": 1.5}\n"
                       "{\"id\": 2, \"at\": \"2026-01-31\"}\n");
    return WR_TEXT("id,name,v,at,ok\n1,\"a, b\",1.5,2026-01-31,true\n2,,-2,,false\n");
}

static wr_status read_at(wr_fs_reader *base, uint64_t offset, void *buffer, size_t bytes,
                         size_t *out_bytes, wr_error *err)
{
    text_reader *reader = (text_reader *)base;
    uint64_t     left = offset < reader->text.byte_count ? reader->text.byte_count - offset : 0;

    (void)err;
    *out_bytes = bytes < left ? bytes : (size_t)left;
    if (*out_bytes)
        memcpy(buffer, reader->text.bytes + offset, *out_bytes);
    return WR_OK;
}

static wr_status read_next(wr_fs_reader *base, void *buffer, size_t bytes, size_t *out_bytes,
                           wr_error *err)
{
    text_reader *reader = (text_reader *)base;
    wr_status    status = read_at(base, reader->at, buffer, bytes, out_bytes, err);

    reader->at += *out_bytes;
    return status;
}

static void close_reader(wr_fs_reader *base)
{
    (void)base;
}

static wr_status stat_path(wr_fs *fs, wr_text path, wr_fs_info *out_info, wr_error *err)
{
    (void)fs, (void)err;
    *out_info = (wr_fs_info){.bytes = content_of(path).byte_count, .seekable = true};
    return WR_OK;
}

static wr_status list(wr_fs *fs, wr_text pattern, wr_bump *bump,
                      wr_status (*visit)(void *self, wr_text path, const wr_fs_info *info,
                                         wr_error *err),
                      void *self, wr_error *err)
{
    wr_fs_info  info;
    const char *path = wr_bump_copy(bump, pattern, err);

    if (!path)
        return WR_NO_MEMORY;
    if (strstr(path, "none"))
        return WR_OK;
    WR_TRY(stat_path(fs, pattern, &info, err));
    return visit(self, (wr_text){path, pattern.byte_count}, &info, err);
}

static wr_status open_read(wr_fs *fs, wr_text path, wr_bump *bump, wr_fs_reader **out_reader,
                           wr_error *err)
{
    static const struct wr_fs_reader_ops OPS = {read_at, read_next, close_reader};
    text_reader *reader = WR_BUMP_NEW(bump, text_reader, err);

    if (!reader)
        return WR_NO_MEMORY;
    reader->base.ops = &OPS;
    reader->base.path = path;
    reader->text = content_of(path);
    *out_reader = &reader->base;
    return stat_path(fs, path, &reader->base.info, err);
}

static const wr_fs_ops TEXT_FS = {.struct_bytes = sizeof(wr_fs_ops), .name = "text",
                                  .schemes = " file", .stat = stat_path, .list = list,
                                  .open_read = open_read};

/* ---- The pipeline --------------------------------------------------------------------------- */

static bool find_variable(void *self, wr_text name, wr_text *out_value)
{
    (void)self;
    *out_value = WR_TEXT("id > 1");
    return wr_text_equal(name, WR_TEXT("V"));
}

static void hear_warning(void *self, const char *message)
{
    (void)self;
    REQUIRE(message[0] != '\0');
}

static wr_status build(wr_text text, const wr_catalog *catalog, wr_lease *open_lease, wr_bump *bump,
                       wr_error *err)
{
    static const wr_variables VARIABLES = {.find = find_variable};
    static const wr_fit       FIT = {.arena_bytes = RUN_ARENA_BYTES, .page_bytes = PAGE_BYTES,
                                     .sink_block_bytes = 1 << 18,
                                     .worker_count_max = 2};
    wr_pipeline_settings settings;
    wr_physical_plan     physical = {0};
    wr_plan              plan;
    char                 hash[33];
    wr_text              explained;

    WR_TRY(wr_pipeline_read_settings(text, "p.yaml", &VARIABLES, bump, &settings, err));
    wr_plan_init(&plan, bump, "p.yaml");
    WR_TRY(wr_pipeline_build(text, "p.yaml", &VARIABLES, catalog, open_lease, &plan, hear_warning,
                             NULL, err));
    WR_TRY(wr_plan_check(&plan, err));
    WR_TRY(wr_plan_optimize(&plan, err));
    WR_TRY(wr_plan_hash(&plan, bump, hash, err));
    WR_TRY(wr_plan_explain(&plan, bump, &explained, err));
    WR_TRY(wr_planner_build(&plan, &FIT, bump, &physical, err));
    return wr_certificate_format(&physical.certificate, RUN_ARENA_BYTES, 0, bump, &explained, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count)
{
    static wr_arena  *arena;
    static wr_lease   plan_lease, open_lease;
    static wr_catalog catalog;
    wr_lease         *leases[] = {&plan_lease, &open_lease};
    wr_bump           bump;
    wr_error          err = {0};
    wr_status         status;

    if (!arena) {
        REQUIRE(wr_arena_new(PLAN_BYTES + OPEN_BYTES, PAGE_BYTES, &arena, NULL) == WR_OK);
        wr_lease_init(&plan_lease, "plan pool", PLAN_BYTES, 0, PAGE_BYTES);
        wr_lease_init(&open_lease, "open", OPEN_BYTES, 0, PAGE_BYTES);
        REQUIRE(wr_lease_open_all(arena, leases, 2, NULL) == WR_OK);
        wr_catalog_init(&catalog);
        wr_catalog_add_fs(&catalog, &TEXT_FS);
#define FORMAT(name) wr_catalog_add_format(&catalog, &wr_format_##name);
#include "plugins/builtin.def"
#undef FORMAT
    }
    if (byte_count > TEXT_MAX)
        return 0;
    wr_bump_init(&bump, &plan_lease);
    status = build((wr_text){(const char *)data, byte_count}, &catalog, &open_lease, &bump, &err);
    REQUIRE(status == WR_OK || err.message[0] != '\0');
    wr_bump_release(&bump);
    return 0;
}
