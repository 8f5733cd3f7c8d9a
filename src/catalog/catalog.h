/* catalog/catalog.h — names to things: file systems, formats, and tables opened from them.
 *
 * The catalog itself holds no list of plug-ins: the session registers what plugins/builtin.def
 * names. A table is what a scan reads: files listed, format settled, options parsed, dialect and
 * schema inferred from a bounded sample inside the fixed *open* lease. Tables live in the plan
 * pool and are read-only afterwards.
 * Call order: wr_catalog_init, register..., then look-ups and wr_table_open. One thread. */
#ifndef WR_CATALOG_CATALOG_H
#define WR_CATALOG_CATALOG_H

#include "io/head.h"
#include "spi/format.h"

enum { WR_CATALOG_FORMATS_MAX = 32, WR_CATALOG_FS_MAX = 16 };

typedef struct wr_catalog {
    const wr_format *formats[WR_CATALOG_FORMATS_MAX];
    uint32_t         format_count;
    wr_fs            fs[WR_CATALOG_FS_MAX];
    uint32_t         fs_count;
} wr_catalog;

void wr_catalog_init(wr_catalog *catalog);
void wr_catalog_add_format(wr_catalog *catalog, const wr_format *format);
void wr_catalog_add_fs(wr_catalog *catalog, const wr_fs_ops *ops);

/** By name, any case. Errors WR_INVALID unknown format, did-you-mean and list. */
wr_status wr_catalog_find_format(const wr_catalog *catalog, wr_text name,
                                 const wr_format **out_format, wr_error *err) WR_MUST_USE;

/** By the path's ending, a codec's ending (.gz) skipped first; NULL if none fits. */
const wr_format *wr_catalog_guess_format(const wr_catalog *catalog, wr_text path);

/** By scheme ("file:", "s3:"); a bare path is local. Errors WR_UNSUPPORTED unknown scheme. */
wr_status wr_catalog_find_fs(const wr_catalog *catalog, wr_text path, wr_fs **out_fs,
                             wr_error *err) WR_MUST_USE;

/** One option given by the user, with its place in the pipeline file for messages. */
typedef struct wr_given_option {
    wr_text  name, value;
    uint32_t line, column;
} wr_given_option;

/** What a scan step says. */
typedef struct wr_table_spec {
    const wr_text         *sources;       /* paths, globs, "-"                              */
    uint32_t               source_count;
    wr_text                format;        /* "" : by ending, else csv for "-"               */
    const wr_schema       *declared;      /* NULL or no fields: infer                       */
    bool                   has_paths;     /* ... from paths into records: the format must take them */
    bool                   has_ids;       /* ... by field ids: likewise                     */
    bool                   infer_full;    /* read twice                                     */
    const wr_given_option *options;       /* of the format, plus codec and encoding         */
    uint32_t               option_count;
    wr_on_error            on_error;
    uint64_t               errors_max;    /* UINT64_MAX: no limit                           */
    wr_text                reject_path;   /* WR_ON_ERROR_REJECT                             */
} wr_table_spec;

/** Options that every scan and every sink has, whatever the format. */
extern const wr_option_def WR_SCAN_OPTIONS[];
extern const wr_option_def WR_SINK_OPTIONS[];

typedef struct wr_table {
    const wr_format *format;
    void            *options;       /* the format's read options, dialect settled */
    wr_fs           *fs;
    wr_text         *paths;
    uint32_t         path_count;
    uint64_t         bytes_total;   /* of all files on disk, 0 unknown            */
    wr_codec         codec;
    uint64_t         input_bytes;   /* memory of an opened input, the most of all */
    wr_encoding_name encoding;
    wr_schema        schema;
    wr_schema        partitions;    /* columns that stand in the paths (types/hive.h)  */
    bool             by_name;       /* files may lack columns, which are NULL then   */
    wr_head          head;          /* of a stream: what was read for the sample  */
    wr_on_error      on_error;
    uint64_t         errors_max;
    wr_fs           *reject_fs;
    wr_text          reject_path;
} wr_table;

/** What *out_option says when it is the paths of the declared columns, or their field ids. */
enum { WR_OPTION_PATHS = WR_FIELD_NONE - 1, WR_OPTION_IDS = WR_FIELD_NONE - 2 };

/** List, detect, infer.
 *
 * Owner    all in `bump`; sample buffers come from `open_lease` and are given back before return.
 * Errors   WR_NOT_FOUND  missing file, or a glob without a hit (names the pattern and the working folder)
 *          WR_INVALID    unknown option or format (did-you-mean), with *out_option = index of the
 *                        option at fault or WR_FIELD_NONE
 *          WR_UNSUPPORTED paths, in a format without: *out_option = WR_OPTION_PATHS; field ids likewise
 *          WR_DATA       the sample cannot be read at all */
wr_status wr_table_open(const wr_catalog *catalog, const wr_table_spec *spec, wr_lease *open_lease,
                        wr_bump *bump, wr_table **out_table, uint32_t *out_option,
                        wr_error *err) WR_MUST_USE;

/** What a sink step says, settled: where and how. */
typedef struct wr_target {
    const wr_format *format;
    void            *options;    /* the format's write options */
    wr_fs           *fs;
    wr_text          path;
    wr_fs_mode       mode;
    wr_codec         codec;
    int              level;
} wr_target;

/** Words for `mode`, in the order of wr_fs_mode; NULL-terminated. */
extern const char *const WR_SINK_MODES[];

/** `destination` "stdout" or "-" is standard output; `mode` "" is "error". */
wr_status wr_target_open(const wr_catalog *catalog, wr_text destination, wr_text format,
                         wr_text mode, const wr_given_option *options, uint32_t option_count,
                         wr_bump *bump, wr_target **out_target, uint32_t *out_option,
                         wr_error *err) WR_MUST_USE;

#endif
