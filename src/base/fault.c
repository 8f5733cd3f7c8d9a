/* base/fault.c — the process-wide table of fault points and stress modes.
 *
 * A rule fires on the n-th call, from the n-th call on, or on every n-th call of its point. */
#include "base/fault.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

typedef enum rule_kind { RULE_NONE, RULE_ONCE, RULE_FROM, RULE_EVERY } rule_kind;

typedef struct fault_rule {
    _Atomic uint64_t count; /* calls so far                    */
    uint64_t         n;
    rule_kind        kind;
} fault_rule;

static const char *const POINT_NAMES[WR_FAULT_POINT_COUNT] = {
    [WR_FAULT_ALLOC] = "alloc", [WR_FAULT_GRANT] = "grant",   [WR_FAULT_OPEN] = "open",
    [WR_FAULT_READ] = "read",   [WR_FAULT_WRITE] = "write",   [WR_FAULT_SYNC] = "sync",
    [WR_FAULT_RENAME] = "rename",
};

static const char *const MODE_NAMES[] = {"min", "spill", "hash", "batch=N", "blocked"};

static fault_rule   rules[WR_FAULT_POINT_COUNT];
static _Atomic bool is_armed;
static wr_stress    stress_modes;

/* Cut the next item off a comma list; false at its end. */
static bool next_item(wr_text *list, wr_text *out_item)
{
    size_t comma, end, next;

    if (list->byte_count == 0)
        return false;
    comma = wr_text_find_byte(*list, ',', 0);
    end = comma == SIZE_MAX ? list->byte_count : comma;
    next = comma == SIZE_MAX ? list->byte_count : comma + 1;
    *out_item = wr_text_trim((wr_text){list->bytes, end});
    *list = (wr_text){list->bytes + next, list->byte_count - next};
    return true;
}

static bool parse_number(wr_text text, uint64_t *out_number)
{
    uint64_t number = 0;

    if (text.byte_count == 0 || text.byte_count > 18)
        return false;
    for (size_t i = 0; i < text.byte_count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    *out_number = number;
    return true;
}

static wr_status arm_rule(wr_text item, wr_error *err)
{
    size_t     colon = wr_text_find_byte(item, ':', 0);
    wr_text    name = {item.bytes, colon == SIZE_MAX ? item.byte_count : colon};
    wr_text    when = {"", 0};
    wr_suggest suggest;
    rule_kind  kind = RULE_ONCE;
    uint64_t   n;

    if (colon != SIZE_MAX)
        when = (wr_text){item.bytes + colon + 1, item.byte_count - colon - 1};
    if (when.byte_count > 0 && when.bytes[0] == '/') {
        kind = RULE_EVERY;
        when = (wr_text){when.bytes + 1, when.byte_count - 1};
    } else if (when.byte_count > 0 && when.bytes[when.byte_count - 1] == '+') {
        kind = RULE_FROM;
        when.byte_count--;
    }
    wr_suggest_init(&suggest, name);
    for (int point = 0; point < WR_FAULT_POINT_COUNT; point++) {
        if (!wr_text_equal(name, wr_text_of(POINT_NAMES[point]))) {
            wr_suggest_offer(&suggest, wr_text_of(POINT_NAMES[point]));
            continue;
        }
        if (!parse_number(when, &n) || (kind == RULE_EVERY && n == 0))
            return WR_RAISE(err, WR_USAGE,
                            "'%.*s' is not a fault: expected for example write:3, write:3+ or "
                            "grant:/7",
                            WR_TEXT_ARG(item));
        rules[point].n = n;
        rules[point].kind = kind;
        atomic_store(&is_armed, true);
        return WR_OK;
    }
    (void)WR_RAISE(err, WR_USAGE, "unknown fault point '%.*s'", WR_TEXT_ARG(name));
    wr_suggest_append(&suggest, err);
    return WR_USAGE;
}

static wr_status set_mode(wr_text item, wr_error *err)
{
    bool *const FLAGS[] = {&stress_modes.lease_min, &stress_modes.spill_always,
                           &stress_modes.hash_equal, NULL, &stress_modes.blocked};
    wr_suggest  suggest;
    uint64_t    rows;

    wr_suggest_init(&suggest, item);
    for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++) {
        if (FLAGS[i] && wr_text_equal(item, wr_text_of(MODE_NAMES[i]))) {
            *FLAGS[i] = true;
            return WR_OK;
        }
        wr_suggest_offer(&suggest, wr_text_of(MODE_NAMES[i]));
    }
    if (wr_text_starts_with(item, WR_TEXT("batch="))) {
        if (!parse_number((wr_text){item.bytes + 6, item.byte_count - 6}, &rows) || rows == 0 ||
            rows > UINT32_MAX)
            return WR_RAISE(err, WR_USAGE, "'%.*s': expected batch=1 or more rows",
                            WR_TEXT_ARG(item));
        stress_modes.batch_rows = (uint32_t)rows;
        return WR_OK;
    }
    (void)WR_RAISE(err, WR_USAGE, "unknown stress mode '%.*s'", WR_TEXT_ARG(item));
    wr_suggest_append(&suggest, err);
    return WR_USAGE;
}

wr_status wr_fault_configure(const char *fault_text, const char *stress_text, wr_error *err)
{
    wr_text faults = wr_text_of(fault_text), modes = wr_text_of(stress_text), item;

    atomic_store(&is_armed, false);
    for (int point = 0; point < WR_FAULT_POINT_COUNT; point++) {
        atomic_store(&rules[point].count, 0);
        rules[point].kind = RULE_NONE;
    }
    stress_modes = (wr_stress){0};
    while (next_item(&faults, &item))
        WR_TRY_WHILE(arm_rule(item, err), err, "reading WEIR_FAULT");
    while (next_item(&modes, &item))
        WR_TRY_WHILE(set_mode(item, err), err, "reading WEIR_STRESS");
    return WR_OK;
}

static bool count_and_decide(fault_rule *rule)
{
    uint64_t call = atomic_fetch_add_explicit(&rule->count, 1, memory_order_relaxed) + 1;

    switch (rule->kind) {
    case RULE_NONE:
        return false;
    case RULE_ONCE:
        return call == rule->n;
    case RULE_FROM:
        return call >= rule->n;
    case RULE_EVERY:
        return call % rule->n == 0;
    }
    WR_UNREACHABLE();
}

bool wr_fault_hit(wr_fault_point point)
{
    if (WR_LIKELY(!atomic_load_explicit(&is_armed, memory_order_relaxed)))
        return false;
    return count_and_decide(&rules[point]);
}

uint64_t wr_fault_count(wr_fault_point point)
{
    return atomic_load_explicit(&rules[point].count, memory_order_relaxed);
}

void wr_fault_report(void)
{
    char line[80];

    for (int point = 0; point < WR_FAULT_POINT_COUNT; point++) {
        int byte_count;

        if (rules[point].kind == RULE_NONE)
            continue;
        byte_count = snprintf(line, sizeof line, "fault: %s asked %llu times\n", POINT_NAMES[point],
                              (unsigned long long)wr_fault_count((wr_fault_point)point));
        (void)!write(STDERR_FILENO, line, (size_t)byte_count);
    }
}

const wr_stress *wr_stress_get(void)
{
    return &stress_modes;
}
