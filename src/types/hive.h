/* types/hive.h — partitions that stand in paths: data/year=2026/city=Köln/part-0.csv.
 *
 * Every folder key=value on the way to a file is a column of all its rows. Values are percent-encoded;
 * __HIVE_DEFAULT_PARTITION__ is NULL. Nothing is kept for each file: who needs a value reads it from
 * the path again, so listings cost their paths and no more. Threads: no state.
 * Source: Apache Hive, Language Manual DDL (partitioned tables); FileUtils.escapePathName. */
#ifndef WR_TYPES_HIVE_H
#define WR_TYPES_HIVE_H

#include "types/value.h"

enum {
    WR_HIVE_KEYS_MAX = 16,
    WR_HIVE_BYTES_MAX = 256, /* of a key or a value: a file system's names are no longer */
};

#define WR_HIVE_NULL "__HIVE_DEFAULT_PARTITION__"

/** The `index`-th key=value folder of the path; false: there are no more. Borrowed, still encoded. */
bool wr_hive_folder(wr_text path, uint32_t index, wr_text *out_key, wr_text *out_value);

/** Without percent codes, in `buffer` (WR_HIVE_BYTES_MAX bytes); a code that is none stays as it is. */
wr_text wr_hive_decode(wr_text text, char *buffer);

/** The reverse: what stands in the path for a key or a value (at most 3 bytes a byte are written to
 *  `buffer`); false if it would be longer than a name may be. */
bool wr_hive_encode(wr_text text, char *buffer, size_t buffer_bytes, wr_text *out_text);

/** The value of `key` (decoded) in the path as `type` (Int64, Date, Timestamp or Utf8); text lies in
 *  `buffer`. False: the path has no such key, or it does not read as the type. */
bool wr_hive_value(wr_text path, wr_text key, wr_type type, char *buffer, wr_value *out_value);

#endif
