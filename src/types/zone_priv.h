/* types/zone_priv.h — shared by zone.c (the table), zone_file.c (TZif) and zone_rule.c (the rule
 * for the years after a file's last transition). */
#ifndef WR_BUILDING_TYPES
#error "zone_priv.h is private to src/types"
#endif
#ifndef WR_TYPES_ZONE_PRIV_H
#define WR_TYPES_ZONE_PRIV_H

#include "types/zone.h"

enum {
    ZONE_NAME_BYTES_MAX = 40,
    ZONE_TRANSITIONS_MAX = 2000,
    ZONE_POOL_TRANSITIONS_MAX = 16384, /* of all zones together; a typical zone has 150 */
};

/* One change of offset: UTC second in the upper 46 bits, offset + 2^17 in the lower 18. */
typedef int64_t zone_transition;

#define ZONE_SECOND_LIMIT ((int64_t)1 << 44)

static inline zone_transition zone_transition_of(int64_t utc_s, int32_t offset_s)
{
    return (int64_t)((uint64_t)utc_s << 18) | (offset_s + (1 << 17));
}

static inline int64_t zone_transition_second(zone_transition transition)
{
    return transition >> 18;
}

static inline int32_t zone_transition_offset(zone_transition transition)
{
    return (int32_t)(transition & ((1 << 18) - 1)) - (1 << 17);
}

/* When daylight saving begins or ends: "M3.5.0/2", "J60/2", "59/2". */
typedef struct zone_day {
    uint8_t  kind; /* 'M', 'J' (day 1..365, never 29 February) or 'D' (day 0..365) */
    uint8_t  month, week, weekday;
    uint16_t day;
    int32_t  second; /* local seconds from that day's midnight; may be negative or over a day */
} zone_day;

typedef struct zone_rule {
    bool     has_daylight;
    int32_t  standard_offset_s, daylight_offset_s;
    zone_day daylight_begin, daylight_end;
} zone_rule;

typedef struct zone_entry {
    char                   name[ZONE_NAME_BYTES_MAX + 1];
    uint8_t                name_bytes;
    bool                   has_rule;
    int32_t                first_offset_s; /* before the first transition */
    uint32_t               transition_count;
    const zone_transition *transitions; /* ascending */
    zone_rule              rule;        /* from the last transition on */
} zone_entry;

/** Read "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX TZ with the extensions of RFC 8536). */
bool wr_zone_rule_parse(wr_text text, zone_rule *out_rule);

/** Seconds east of UTC at this UTC second. */
int32_t wr_zone_rule_offset(const zone_rule *rule, int64_t utc_s);

/** Read the TZif file of `target->name` into `target`; transitions go to `pool`.
 * Errors   WR_NOT_FOUND  there is no such file (nothing is raised)
 *          WR_CORRUPT    not a TZif file
 *          WR_UNSUPPORTED  more transitions than `pool_count` */
wr_status wr_zone_file_read(zone_entry *target, zone_transition *pool, uint32_t pool_count,
                            wr_error *err) WR_MUST_USE;

/** Offer every zone name of the system's list that may be meant to `suggest`; `buffer` must live
 *  as long as suggest->best is read. */
void wr_zone_file_suggest(wr_suggest *suggest, char buffer[ZONE_NAME_BYTES_MAX]);

#endif
