/* types/value.h — one scalar of any type: literals, defaults, single results. Borrowed bytes.
 *
 * Also the 16-byte interval. PostgreSQL's rule: months, days and microseconds are kept apart;
 * comparison takes a month as 30 days and a day as 24 hours. */
#ifndef WR_TYPES_VALUE_H
#define WR_TYPES_VALUE_H

#include "types/str.h"
#include "types/type.h"

typedef struct wr_interval {
    int32_t months;
    int32_t days;
    int64_t us;
} wr_interval;

/** What intervals are compared and hashed by: microseconds, a month as 30 days. Fits always. */
static inline wr_i128 wr_interval_total_us(wr_interval x)
{
    return ((wr_i128)x.months * 30 + x.days) * 86400000000 + x.us;
}

typedef struct wr_value {
    wr_type type;
    bool    is_null;
    union {
        uint8_t     boolean;
        int64_t     i64;  /* signed integers, dates, times, timestamps, DECIMAL up to 18 digits */
        uint64_t    u64;  /* all unsigned integers */
        double      f64;  /* F32 too */
        wr_i128     i128; /* DECIMAL above 18 digits; UUID as wr_parse_uuid lays it out */
        wr_text     text; /* UTF8, BINARY, nested (packed bytes); borrowed */
        wr_interval interval;
    };
} wr_value;

/** Write the value into the physical layout of its type at `out` (wr_physical_bytes bytes).
 *  NULL is written as zero bytes. Text over 12 bytes is borrowed by the view. */
void wr_value_store(const wr_value *value, void *out);

/** Read a value back from the physical layout. Text is borrowed from the view (not for blobs). */
wr_value wr_value_load(wr_type type, const void *data);

/** Total order within one type: NaN equals NaN and is greatest; NULL handled by the caller. */
int wr_value_compare(const wr_value *a, const wr_value *b);

#endif
