/* json.c — the format object: JSON Lines. */
#include "json_priv.h"

const wr_option_def WR_JSON_OPTIONS[] = {{0}};

extern const wr_format wr_format_json;

const wr_format wr_format_json = {
    .struct_bytes = sizeof(wr_format),
    .name = "json",
    .summary = "JSON Lines: one object a line",
    .endings = "json jsonl ndjson",
    .read_options = WR_JSON_OPTIONS,
    .read_options_bytes = sizeof(json_options),
    .write_options = WR_JSON_OPTIONS,
    .write_options_bytes = sizeof(json_options),
    .reader = &WR_JSON_READER,
    .writer = &WR_JSON_WRITER,
};
