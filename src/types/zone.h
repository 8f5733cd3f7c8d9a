/* types/zone.h — time zones from the system's tzdata (TZif), loaded once, bounded.
 *
 * A zone is an index: 0 none, 1 UTC, 2.. loaded zones. At most 64 zones are loaded in a process
 * and each may have at most 2000 transitions, all together 16384 (the rule at the end covers later
 * years): the table lives in static memory, 140 KB. Threads: loading takes a lock; look-ups are
 * lock-free. Source: RFC 8536. */
#ifndef WR_TYPES_ZONE_H
#define WR_TYPES_ZONE_H

#include "base/error.h"
#include "base/text.h"

/** "UTC", "Z", "Europe/Berlin", "+01:00". Errors WR_INVALID unknown zone (did-you-mean),
 *  WR_UNSUPPORTED too many zones, WR_CORRUPT a damaged file. */
wr_status wr_zone_find(wr_text name, uint32_t *out_zone, wr_error *err) WR_MUST_USE;
wr_text   wr_zone_name(uint32_t zone);

/** Seconds east of UTC at this UTC second. */
int32_t wr_zone_offset_at_utc(uint32_t zone, int64_t utc_s);
/** Local to UTC; in a gap the time moves forward, in an overlap the later second is taken, the one
 *  under the offset after the change (PostgreSQL). */
int64_t wr_zone_local_to_utc(uint32_t zone, int64_t local_s);

#endif
