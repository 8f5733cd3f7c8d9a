/* exec/join_range.c — bounds, zones, slices: which rows can meet, and which do. */
#include "exec/join_range.h"

#include <string.h>

#include "base/bits.h"

enum { LEFT = WR_MERGE_LEFT, RIGHT = WR_MERGE_RIGHT, SIDES = WR_MERGE_SIDES, BOUND_BYTES = 16 };

#define GREATEST (~(wr_u128)0)

/* ---- Conditions ------------------------------------------------------------------------------ */

uint64_t wr_range_tests_bytes(const wr_plan_join_range *plan)
{
    uint32_t key_count = plan->merge.join.key_count;

    return SIDES * (wr_round_up((key_count + 1) * sizeof(wr_sort_key), 16) +
                    wr_round_up(wr_sortkey_bytes(key_count), 16) +
                    plan->range_count * (wr_round_up(wr_sortkey_bytes(1), 16) +
                                         wr_round_up(wr_sortkey_bytes(key_count + 1), 16)));
}

/* Encodings of two sides compare: no null bytes, and texts on disk are known by their heads. */
static wr_status open_key(wr_sortkey *key, const wr_row_layout *layout, const wr_sort_key *keys,
                          uint32_t count, wr_bump *bump, wr_error *err)
{
    WR_TRY(wr_sortkey_init(key, layout, keys, count, bump, err));
    key->has_blobs = key->has_strings;
    return WR_OK;
}

static wr_status open_side(wr_range_tests *tests, const wr_plan_join_range *plan, uint32_t s,
                           const wr_row_layout *layout, wr_bump *bump, wr_error *err)
{
    uint32_t     key_count = plan->merge.join.key_count;
    wr_sort_key *keys = WR_BUMP_NEW_ARRAY(bump, wr_sort_key, key_count + 1, err);

    if (!keys)
        return WR_NO_MEMORY;
    memcpy(keys, plan->merge.sorts[s]->keys, (key_count + 1) * sizeof keys[0]);
    WR_TRY(open_key(&tests->by[s], layout, keys, key_count, bump, err));
    for (uint32_t i = 0; i < plan->range_count; i++) {
        wr_range_test *test = &tests->items[i];
        wr_physical    physical;

        test->op = plan->ranges[i].op;
        test->is_sorted[s] = plan->ranges[i].columns[s] == plan->merge.sorts[s]->keys[key_count].column;
        keys[key_count] = (wr_sort_key){.column = plan->ranges[i].columns[s]};
        WR_TRY(open_key(&test->full[s], layout, keys, key_count + 1, bump, err));
        WR_TRY(open_key(&test->one[s], layout, &keys[key_count], 1, bump, err));
        physical = (wr_physical)test->one[s].columns[0].physical;
        test->is_exact = physical != WR_PHYS_STR && wr_physical_bytes(physical) <= sizeof(uint64_t);
    }
    return WR_OK;
}

wr_status wr_range_tests_open(wr_range_tests *tests, const wr_plan_join_range *plan,
                              const wr_row_layout *const layouts[WR_MERGE_SIDES], wr_bump *bump,
                              wr_error *err)
{
    *tests = (wr_range_tests){.count = plan->range_count};
    for (uint32_t s = 0; s < SIDES; s++)
        WR_TRY(open_side(tests, plan, s, layouts[s], bump, err));
    return WR_OK;
}

bool wr_range_is_void(const wr_range_tests *tests, uint32_t side, const uint8_t *row)
{
    bool found = wr_sortkey_has_null(&tests->by[side], row);

    for (uint32_t i = 0; i < tests->count; i++)
        found |= wr_sortkey_has_null(&tests->items[i].one[side], row);
    return found;
}

const wr_range_test *wr_range_other(const wr_range_tests *tests, uint32_t side)
{
    for (uint32_t i = 0; i < tests->count; i++)
        if (!tests->items[i].is_sorted[side])
            return &tests->items[i];
    return NULL;
}

uint64_t wr_range_code(const wr_range_test *test, uint32_t side, const uint8_t *row)
{
    uint8_t bytes[WR_SORTKEY_ROOM_BYTES];

    wr_sortkey_encode(&test->one[side], row, sizeof(uint64_t), bytes);
    return wr_load_u64_be(bytes);
}

/* Must the row of the other side be greater than that of `side` (or equal)? */
static bool wants_greater(const wr_range_test *test, uint32_t side)
{
    return (test->op == WR_RANGE_LT || test->op == WR_RANGE_LE) == (side == LEFT);
}

/* Does the condition hold for rows of `side` and the other in this order? */
static bool holds(const wr_range_test *test, uint32_t side, int order)
{
    bool may_be_equal = test->op == WR_RANGE_LE || test->op == WR_RANGE_GE;

    return order == 0 ? may_be_equal : wants_greater(test, side) == (order < 0);
}

/* Does the condition hold for the outer row and row `at` of the slice, which is of `side`? */
static wr_status ask(const wr_range_slice *slice, const wr_range_tests *tests,
                     const wr_range_test *test, uint32_t side, const uint8_t *outer_row,
                     uint64_t code, uint32_t at, bool *out_holds, wr_error *err)
{
    uint64_t inner_code = slice->codes[test - tests->items][at];
    int      order = (code > inner_code) - (code < inner_code);

    if (order == 0 && !test->is_exact)
        WR_TRY(wr_sortkey_compare_across(&test->one[!side], outer_row, &test->one[side],
                                         slice->rows[at], &order, err));
    *out_holds = holds(test, !side, order);
    return WR_OK;
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

/* The first bytes of a row's key, `fill` behind its end. */
static wr_u128 bound_of(const wr_sortkey *key, const uint8_t *row, uint8_t fill)
{
    uint8_t  bytes[WR_SORTKEY_ROOM_BYTES];
    uint32_t wanted = key->bytes_max < BOUND_BYTES ? key->bytes_max : (uint32_t)BOUND_BYTES;
    uint32_t length = wr_sortkey_encode(key, row, wanted, bytes);

    if (length > wanted)
        length = wanted;
    memset(bytes + length, fill, BOUND_BYTES - length);
    return (wr_u128)wr_load_u64_be(bytes) << 64 | wr_load_u64_be(bytes + 8);
}

void wr_range_bounds_init(wr_range_bounds *bounds)
{
    *bounds = (wr_range_bounds){.low = GREATEST, .least = UINT64_MAX};
}

void wr_range_bounds_add(wr_range_bounds *bounds, const wr_range_tests *tests, uint32_t side,
                         const uint8_t *row)
{
    const wr_range_test *other = wr_range_other(tests, !side);
    wr_u128              low = bound_of(&tests->by[side], row, 0);
    wr_u128              high = bound_of(&tests->by[side], row, 0xff);

    for (uint32_t i = 0; i < tests->count; i++) {
        const wr_range_test *test = &tests->items[i];

        if (!test->is_sorted[!side])
            continue;
        if (wants_greater(test, side))
            low = bound_of(&test->full[side], row, 0);
        else
            high = bound_of(&test->full[side], row, 0xff);
    }
    bounds->low = low < bounds->low ? low : bounds->low;
    bounds->high = high > bounds->high ? high : bounds->high;
    if (other) {
        uint64_t code = wr_range_code(other, side, row);

        bounds->least = code < bounds->least ? code : bounds->least;
        bounds->greatest = code > bounds->greatest ? code : bounds->greatest;
    }
}

/* May inner values between low and high meet outer ones between least and greatest? */
static bool may_hold(const wr_range_test *test, uint32_t inner, uint64_t low, uint64_t high,
                     uint64_t least, uint64_t greatest)
{
    return wants_greater(test, !inner) ? high >= least : low <= greatest;
}

bool wr_range_zone_meets(const wr_range_zone *zone, const wr_range_tests *tests, uint32_t side,
                         const wr_range_bounds *bounds)
{
    const wr_range_test *other = wr_range_other(tests, side);

    return zone->last >= bounds->low && zone->first <= bounds->high &&
           (!other || may_hold(other, side, zone->low, zone->high, bounds->least,
                               bounds->greatest));
}

/* ---- Zones ----------------------------------------------------------------------------------- */

static void add_to_zone(wr_range_zone *zone, const wr_range_zone *more)
{
    zone->page_count += more->page_count;
    zone->last = more->last;
    zone->low = more->low < zone->low ? more->low : zone->low;
    zone->high = more->high > zone->high ? more->high : zone->high;
}

static wr_range_zone zone_of_page(const wr_range_run *run, const wr_range_tests *tests,
                                  wr_row_place place, const wr_row_page *page)
{
    const wr_range_test *other = wr_range_other(tests, run->side);
    const wr_sortkey    *key = &tests->items[0].full[run->side];
    wr_range_zone        zone = {.place = place, .page_count = 1, .low = UINT64_MAX};
    const uint8_t       *rows[WR_RANGE_CHUNK], *last = NULL;
    uint32_t             offset = 0, count;

    while ((count = wr_row_page_rows(page, &offset, WR_RANGE_CHUNK, rows)) > 0) {
        if (!last)
            zone.first = bound_of(key, rows[0], 0);
        last = rows[count - 1];
        for (uint32_t i = 0; other && i < count; i++) {
            uint64_t code = wr_range_code(other, run->side, rows[i]);

            zone.low = code < zone.low ? code : zone.low;
            zone.high = code > zone.high ? code : zone.high;
        }
    }
    zone.last = bound_of(key, last, 0xff);
    return zone;
}

wr_status wr_range_run_index(wr_range_run *run, const wr_range_tests *tests, void *buffer,
                             wr_error *err)
{
    uint32_t      pages_max = 1;
    wr_row_reader reader;

    run->zone_count = 0;
    wr_row_reader_init(&reader, run->store, buffer, false);
    for (;;) {
        wr_row_place       place = wr_row_reader_place(&reader);
        const wr_row_page *page;
        wr_range_zone      zone;

        WR_TRY(wr_row_reader_next(&reader, &page, err));
        if (!page)
            return WR_OK;
        zone = zone_of_page(run, tests, place, page);
        if (run->zone_count > 0 && run->zones[run->zone_count - 1].page_count < pages_max) {
            add_to_zone(&run->zones[run->zone_count - 1], &zone);
            continue;
        }
        if (run->zone_count == run->zones_max) {
            for (uint32_t i = 0; i < run->zone_count / 2; i++) {
                run->zones[i] = run->zones[2 * i];
                add_to_zone(&run->zones[i], &run->zones[2 * i + 1]);
            }
            run->zone_count /= 2;
            pages_max *= 2;
        }
        run->zones[run->zone_count++] = zone;
    }
}

/* ---- Slices ---------------------------------------------------------------------------------- */

bool wr_range_slice_load(wr_range_slice *slice, const wr_range_tests *tests, uint32_t side,
                         const wr_range_bounds *bounds)
{
    const wr_range_test *other = wr_range_other(tests, side);
    const wr_sortkey    *key = &tests->items[0].full[side];
    uint64_t             low = UINT64_MAX, high = 0;

    slice->group_row = NULL;
    if (bound_of(key, slice->rows[slice->count - 1], 0xff) < bounds->low ||
        bound_of(key, slice->rows[0], 0) > bounds->high)
        return false;
    for (uint32_t t = 0; t < tests->count; t++)
        for (uint32_t i = 0; i < slice->count; i++)
            slice->codes[t][i] = wr_range_code(&tests->items[t], side, slice->rows[i]);
    for (uint32_t i = 0; other && i < slice->count; i++) {
        uint64_t  code = slice->codes[other - tests->items][i];
        uint64_t *least = &slice->low[i / WR_RANGE_CHUNK];
        uint64_t *greatest = &slice->high[i / WR_RANGE_CHUNK];

        if (i % WR_RANGE_CHUNK == 0)
            *least = *greatest = code;
        *least = code < *least ? code : *least;
        *greatest = code > *greatest ? code : *greatest;
        low = code < low ? code : low;
        high = code > high ? code : high;
    }
    return !other || may_hold(other, side, low, high, bounds->least, bounds->greatest);
}

/* The first row from `from` on whose keys are not less than the outer row's, or (`past`) greater. */
static wr_status find_keys(const wr_range_slice *slice, const wr_range_tests *tests, uint32_t side,
                           const uint8_t *outer_row, uint32_t from, bool past, uint32_t *out_at,
                           wr_error *err)
{
    uint32_t to = slice->count;

    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int      order;

        WR_TRY(wr_sortkey_compare_across(&tests->by[side], slice->rows[middle], &tests->by[!side],
                                         outer_row, &order, err));
        if (past ? order > 0 : order >= 0)
            to = middle;
        else
            from = middle + 1;
    }
    *out_at = from;
    return WR_OK;
}

/* Rows with the outer row's keys; neighbouring outer rows often have the same. */
static wr_status find_group(wr_range_slice *slice, const wr_range_tests *tests, uint32_t side,
                            const uint8_t *outer_row, wr_error *err)
{
    int order = 1;

    if (slice->group_row)
        WR_TRY(wr_sortkey_compare(&tests->by[!side], slice->group_row, outer_row, &order, err));
    if (order == 0)
        return WR_OK;
    slice->group_row = outer_row;
    WR_TRY(find_keys(slice, tests, side, outer_row, 0, false, &slice->group_from, err));
    return find_keys(slice, tests, side, outer_row, slice->group_from, true, &slice->group_to, err);
}

wr_status wr_range_find(wr_range_slice *slice, const wr_range_tests *tests, uint32_t side,
                        const uint8_t *outer_row, uint32_t *out_from, uint32_t *out_to,
                        wr_error *err)
{
    WR_TRY(find_group(slice, tests, side, outer_row, err));
    *out_from = slice->group_from;
    *out_to = slice->group_to;
    for (uint32_t t = 0; t < tests->count; t++) {
        const wr_range_test *test = &tests->items[t];
        bool                 greater = wants_greater(test, !side);
        uint32_t             from = *out_from, to = *out_to;
        uint64_t             code;

        if (!test->is_sorted[side] || from >= to)
            continue;
        code = wr_range_code(test, !side, outer_row);
        while (from < to) {
            uint32_t middle = from + (to - from) / 2;
            bool     met;

            WR_TRY(ask(slice, tests, test, side, outer_row, code, middle, &met, err));
            if (met == greater)
                to = middle;
            else
                from = middle + 1;
        }
        *(greater ? out_from : out_to) = from;
    }
    return WR_OK;
}

wr_status wr_range_next(const wr_range_slice *slice, const wr_range_tests *tests,
                        const wr_range_test *other, uint32_t side, const uint8_t *outer_row,
                        uint64_t code, uint32_t to, uint32_t *io_at, wr_error *err)
{
    uint32_t at = *io_at;

    while (at < to) {
        uint32_t chunk = at / WR_RANGE_CHUNK;
        bool     met;

        if (!may_hold(other, side, slice->low[chunk], slice->high[chunk], code, code)) {
            at = (chunk + 1) * WR_RANGE_CHUNK;
            continue;
        }
        WR_TRY(ask(slice, tests, other, side, outer_row, code, at, &met, err));
        if (met)
            break;
        at++;
    }
    *io_at = at < to ? at : to;
    return WR_OK;
}
