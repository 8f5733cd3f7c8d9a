/* expr/regex_run.c — all threads of a program step through the text together.
 *
 * At each place of the text the live threads stand in a list in order of preference; a program place
 * is in the list at most once, so a step costs at most the program's length. When a thread matches,
 * those behind it are dropped: they are less preferred. */
#include "expr/regex_priv.h"

#include <string.h>

#include "types/utf8.h"

#define RESTORE ((uint32_t)1 << 31) /* on the stack: put stack_slot back into this slot */

typedef struct place {
    wr_text text;
    size_t  at;
} place;

static bool is_word_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           (byte >= 'a' && byte <= 'z');
}

static bool is_word_edge(const place *p)
{
    bool before = p->at > 0 && is_word_byte(p->text.bytes[p->at - 1]);
    bool behind = p->at < p->text.byte_count && is_word_byte(p->text.bytes[p->at]);

    return before != behind;
}

static bool holds(regex_op op, const place *p)
{
    switch (op) {
    case REGEX_BEGIN:
        return p->at == 0;
    case REGEX_END:
        return p->at == p->text.byte_count;
    case REGEX_WORD_EDGE:
        return is_word_edge(p);
    default:
        return !is_word_edge(p);
    }
}

static bool is_in(const regex_threads *threads, uint32_t pc)
{
    return threads->sparse[pc] < threads->count && threads->dense[threads->sparse[pc]] == pc;
}

/* Add the thread at `pc` with `slots`, and all that it leads to without taking a character. */
static void add(wr_regex *regex, regex_threads *threads, uint32_t pc, int64_t *slots,
                const place *p)
{
    uint32_t top = 0;

    regex->stack[top++] = pc;
    while (top > 0) {
        const regex_code *code;

        pc = regex->stack[--top];
        if (pc & RESTORE) {
            slots[pc & ~RESTORE] = regex->stack_slot[top];
            continue;
        }
        if (is_in(threads, pc))
            continue;
        threads->sparse[pc] = threads->count;
        threads->dense[threads->count] = pc;
        code = &regex->code[pc];
        switch ((regex_op)code->op) {
        case REGEX_JUMP:
            threads->count++;
            regex->stack[top++] = code->x;
            break;
        case REGEX_SPLIT:
            threads->count++;
            regex->stack[top++] = code->y;
            regex->stack[top++] = code->x;
            break;
        case REGEX_SAVE:
            threads->count++;
            if (code->x < regex->slot_count) {
                regex->stack_slot[top] = slots[code->x];
                regex->stack[top++] = code->x | RESTORE;
                slots[code->x] = (int64_t)p->at;
            }
            regex->stack[top++] = pc + 1;
            break;
        case REGEX_BEGIN:
        case REGEX_END:
        case REGEX_WORD_EDGE:
        case REGEX_NO_WORD_EDGE:
            threads->count++;
            if (holds((regex_op)code->op, p))
                regex->stack[top++] = pc + 1;
            break;
        default:
            if (regex->slot_count)
                memcpy(threads->slots + (size_t)threads->count * regex->slot_count, slots,
                       regex->slot_count * sizeof slots[0]);
            threads->count++;
            break;
        }
    }
}

static bool in_ranges(const regex_range *ranges, uint32_t count, uint32_t point)
{
    for (uint32_t i = 0; i < count; i++)
        if (point >= ranges[i].low && point <= ranges[i].high)
            return true;
    return false;
}

static bool takes(const wr_regex *regex, const regex_code *code, uint32_t point)
{
    switch ((regex_op)code->op) {
    case REGEX_CHAR:
        return code->x == (code->nocase ? wr_code_point_lower(point) : point);
    case REGEX_ANY:
        return true;
    case REGEX_CLASS: {
        const regex_range *ranges = regex->ranges + code->x;
        bool               found = in_ranges(ranges, code->y, point);

        if (!found && code->nocase)
            found = in_ranges(ranges, code->y, wr_code_point_lower(point)) ||
                    in_ranges(ranges, code->y, wr_code_point_upper(point));
        return found != code->negated;
    }
    default:
        return false;
    }
}

/* Let every thread take `point`; *out_matched: one had matched before it, and those behind are off. */
static void step(wr_regex *regex, uint32_t point, const place *next, bool *out_matched,
                 int64_t *places)
{
    regex_threads *now = &regex->now, swap;

    regex->next.count = 0;
    for (uint32_t i = 0; i < now->count; i++) {
        const regex_code *code = &regex->code[now->dense[i]];
        int64_t          *slots = now->slots + (size_t)i * regex->slot_count;

        if (code->op == REGEX_MATCH) {
            *out_matched = true;
            if (places)
                memcpy(places, slots, regex->slot_count * sizeof places[0]);
            break;
        }
        if (next && takes(regex, code, point))
            add(regex, &regex->next, now->dense[i] + 1, slots, next);
    }
    swap = regex->now;
    regex->now = regex->next;
    regex->next = swap;
}

bool wr_regex_search(wr_regex *regex, wr_text text, size_t from,
                     int64_t places[2 * WR_REGEX_GROUPS_MAX])
{
    const char *end = text.bytes + text.byte_count;
    int64_t     fresh[2 * WR_REGEX_GROUPS_MAX];
    place       p = {text, from};
    bool        matched = false;

    regex->now.count = 0;
    for (;;) {
        uint32_t point = 0;
        place    next = p;

        if (!matched) {
            if (regex->now.count == 0 && regex->first_byte >= 0) {
                const char *hit = p.at < text.byte_count
                                      ? memchr(text.bytes + p.at, regex->first_byte,
                                               text.byte_count - p.at) : NULL;

                if (!hit)
                    return false;
                p.at = next.at = (size_t)(hit - text.bytes);
            }
            for (uint32_t i = 0; i < 2 * WR_REGEX_GROUPS_MAX; i++)
                fresh[i] = WR_REGEX_NONE;
            add(regex, &regex->now, 0, fresh, &p);
        }
        if (regex->now.count == 0)
            return matched;
        if (p.at < text.byte_count)
            next.at += wr_utf8_decode(text.bytes + p.at, end, &point);
        step(regex, point, p.at < text.byte_count ? &next : NULL, &matched, places);
        if (matched && !places)
            return true;
        if (p.at >= text.byte_count)
            return matched;
        p = next;
    }
}
