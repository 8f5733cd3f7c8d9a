/* types/zone.c — the table of loaded zones and the look-ups. */
#include "types/zone_priv.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { ZONE_UTC = 1, ZONE_FIRST_LOADED = 2, ZONE_LOADED_MAX = 64 };

/* Entries below loaded_count never change again, so readers need no lock. */
static zone_entry       loaded[ZONE_LOADED_MAX];
static _Atomic uint32_t loaded_count;
static zone_transition  pool[ZONE_POOL_TRANSITIONS_MAX];
static uint32_t         pool_used;
static pthread_mutex_t  loading = PTHREAD_MUTEX_INITIALIZER;

static const zone_entry *zone_at(uint32_t index)
{
    uint32_t count = atomic_load_explicit(&loaded_count, memory_order_acquire);

    if (index < ZONE_FIRST_LOADED || index - ZONE_FIRST_LOADED >= count)
        return NULL;
    return &loaded[index - ZONE_FIRST_LOADED];
}

/* "+01:00", "-0530", "+1": whole minutes, less than a day. */
static bool parse_fixed(wr_text name, int32_t *out_offset_s)
{
    char   digits[4] = {'0', '0', '0', '0'};
    size_t count = 0;

    if (name.byte_count < 2 || name.byte_count > 6 ||
        (name.bytes[0] != '+' && name.bytes[0] != '-'))
        return false;
    for (size_t i = 1; i < name.byte_count; i++) {
        if (name.bytes[i] == ':' && i == 3)
            continue;
        if (name.bytes[i] < '0' || name.bytes[i] > '9' || count == 4)
            return false;
        digits[count++] = name.bytes[i];
    }
    if (count == 1) {
        digits[1] = digits[0];
        digits[0] = '0';
    } else if (count == 3 || (name.byte_count > 3 && name.bytes[3] == ':' && count != 4)) {
        return false;
    }
    int hours = (digits[0] - '0') * 10 + digits[1] - '0';
    int minutes = (digits[2] - '0') * 10 + digits[3] - '0';
    if (hours > 23 || minutes > 59)
        return false;
    *out_offset_s = (hours * 60 + minutes) * (name.bytes[0] == '-' ? -60 : 60);
    return true;
}

static bool is_utc_name(wr_text name)
{
    static const char *const NAMES[] = {"utc", "z", "gmt", "zulu", "etc/utc", "uct", "etc/gmt"};

    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (wr_text_equal_nocase(name, wr_text_of(NAMES[i])))
            return true;
    return false;
}

static uint32_t find_loaded(wr_text name)
{
    uint32_t count = atomic_load_explicit(&loaded_count, memory_order_acquire);

    for (uint32_t i = 0; i < count; i++)
        if (wr_text_equal_nocase(name, (wr_text){loaded[i].name, loaded[i].name_bytes}))
            return ZONE_FIRST_LOADED + i;
    return 0;
}

static wr_status raise_unknown(wr_text name, wr_error *err)
{
    char       nearest[ZONE_NAME_BYTES_MAX];
    wr_suggest suggest;

    if (!err) /* a value of a column: no search per bad row */
        return WR_INVALID;
    if (name.byte_count > ZONE_NAME_BYTES_MAX)
        name.byte_count = ZONE_NAME_BYTES_MAX;
    wr_error_raise(err, WR_INVALID, __FILE__, __LINE__, "unknown time zone '%.*s'",
                   WR_TEXT_ARG(name));
    wr_suggest_init(&suggest, name);
    wr_zone_file_suggest(&suggest, nearest);
    wr_suggest_append(&suggest, err);
    return WR_INVALID;
}

/* The lock is held. */
static wr_status load(wr_text name, uint32_t *out_zone, wr_error *err)
{
    uint32_t  count = atomic_load_explicit(&loaded_count, memory_order_relaxed);
    zone_entry *target = &loaded[count < ZONE_LOADED_MAX ? count : 0];
    int32_t   offset_s;
    wr_status status = WR_OK;

    if (count == ZONE_LOADED_MAX)
        return WR_RAISE(err, WR_UNSUPPORTED, "too many time zones: '%.*s' would be the %dth",
                        WR_TEXT_ARG(name), ZONE_LOADED_MAX + 1);
    *target = (zone_entry){0};
    if (parse_fixed(name, &offset_s)) {
        int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;

        target->first_offset_s = offset_s;
        snprintf(target->name, sizeof target->name, "%c%02d:%02d", offset_s < 0 ? '-' : '+',
                 minutes / 60, minutes % 60);
        target->name_bytes = 6;
    } else {
        memcpy(target->name, name.bytes, name.byte_count);
        target->name_bytes = (uint8_t)name.byte_count;
        status = wr_zone_file_read(target, pool + pool_used, ZONE_POOL_TRANSITIONS_MAX - pool_used,
                                   err);
    }
    if (status != WR_OK)
        return status == WR_NOT_FOUND ? raise_unknown(name, err) : status;
    pool_used += target->transition_count;
    atomic_store_explicit(&loaded_count, count + 1, memory_order_release);
    *out_zone = ZONE_FIRST_LOADED + count;
    return WR_OK;
}

wr_status wr_zone_find(wr_text name, uint32_t *out_zone, wr_error *err)
{
    char      canonical[8];
    int32_t   offset_s = 1;
    uint32_t  found;
    wr_status status = WR_OK;

    if (is_utc_name(name) || (parse_fixed(name, &offset_s) && offset_s == 0)) {
        *out_zone = ZONE_UTC;
        return WR_OK;
    }
    if (offset_s != 1) { /* a fixed offset: one spelling for all */
        int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;

        snprintf(canonical, sizeof canonical, "%c%02d:%02d", offset_s < 0 ? '-' : '+',
                 minutes / 60 % 100, minutes % 60);
        name = wr_text_of(canonical);
    }
    found = find_loaded(name);
    if (!found) {
        if (name.byte_count == 0 || name.byte_count > ZONE_NAME_BYTES_MAX)
            return raise_unknown(name, err);
        pthread_mutex_lock(&loading);
        found = find_loaded(name);
        if (!found)
            status = load(name, &found, err);
        pthread_mutex_unlock(&loading);
    }
    if (status == WR_OK)
        *out_zone = found;
    return status;
}

wr_text wr_zone_name(uint32_t index)
{
    const zone_entry *found = zone_at(index);

    if (found)
        return (wr_text){found->name, found->name_bytes};
    return index == ZONE_UTC ? WR_TEXT("UTC") : WR_TEXT("");
}

int32_t wr_zone_offset_at_utc(uint32_t index, int64_t utc_s)
{
    const zone_entry *z = zone_at(index);
    uint32_t    low = 0, high;

    if (!z)
        return 0;
    high = z->transition_count;
    if (high == 0 || utc_s >= zone_transition_second(z->transitions[high - 1])) {
        if (z->has_rule)
            return wr_zone_rule_offset(&z->rule, utc_s);
        return high ? zone_transition_offset(z->transitions[high - 1]) : z->first_offset_s;
    }
    while (low < high) { /* first transition after utc_s */
        uint32_t middle = (low + high) / 2;

        if (zone_transition_second(z->transitions[middle]) <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? zone_transition_offset(z->transitions[low - 1]) : z->first_offset_s;
}

/* The offsets a day before and after are those on either side of a transition near by. In a gap the
 * offset before it gives the later second, in an overlap the offset after it does. */
int64_t wr_zone_local_to_utc(uint32_t index, int64_t local_s)
{
    enum { DAY_S = 86400 };
    int32_t before = wr_zone_offset_at_utc(index, local_s - DAY_S);
    int32_t after = wr_zone_offset_at_utc(index, local_s + DAY_S);
    int64_t utc_before = local_s - before, utc_after = local_s - after;

    if (before == after)
        return utc_before;
    bool before_holds = wr_zone_offset_at_utc(index, utc_before) == before;
    bool after_holds = wr_zone_offset_at_utc(index, utc_after) == after;
    if (before_holds != after_holds)
        return before_holds ? utc_before : utc_after;
    return utc_before > utc_after ? utc_before : utc_after;
}
