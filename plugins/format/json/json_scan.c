/* json_scan.c — see json_scan.h. A block that cannot close a record costs four compares and two counts;
 * others a step for each bracket. */
#include "json_scan.h"

/* What counts in a block: outside strings. */
typedef struct block_marks {
    uint64_t opens, closes, ends; /* ends: commas or newlines */
    uint64_t others;              /* anything but blanks, strings included */
    unsigned byte_count;
} block_marks;

static uint64_t bits_below(unsigned bit)
{
    return wr_text_low_bits(bit);
}

/* Bytes behind a backslash that is not itself escaped. */
WR_ALWAYS_INLINE uint64_t find_escaped(json_cut *cut, uint64_t backslashes, unsigned byte_count)
{
    uint64_t escaped = cut->escaped;
    bool     carry = false;

    backslashes &= ~escaped;
    while (backslashes) {
        unsigned at = (unsigned)__builtin_ctzll(backslashes) + 1;

        carry = at == byte_count;
        if (at == 64)
            break;
        escaped |= (uint64_t)1 << at;
        backslashes &= ~bits_below(at + 1);
    }
    cut->escaped = carry;
    return escaped;
}

WR_ALWAYS_INLINE block_marks mark_block(json_cut *cut, const uint8_t *bytes, unsigned byte_count,
                                        uint8_t end)
{
    wr_text_block block = wr_text_block_load(bytes);
    uint64_t      within = wr_text_low_bits(byte_count);
    uint64_t      backslashes = wr_text_block_equal(block, '\\') & within;
    uint64_t      quotes = wr_text_block_equal(block, '"') & within, strings, outside;
    block_marks   marks = {.byte_count = byte_count};

    if (backslashes || cut->escaped)
        quotes &= ~find_escaped(cut, backslashes, byte_count);
    strings = wr_text_prefix_xor(quotes) ^ (cut->in_string ? UINT64_MAX : 0);
    cut->in_string = strings >> (byte_count - 1) & 1;
    outside = within & ~strings;
    marks.opens = (wr_text_block_equal(block, '{') | wr_text_block_equal(block, '[')) & outside;
    marks.closes = (wr_text_block_equal(block, '}') | wr_text_block_equal(block, ']')) & outside;
    marks.ends = wr_text_block_equal(block, end) & outside;
    marks.others = within & ~(outside & (wr_text_block_equal(block, ' ') |
                                         wr_text_block_equal(block, '\n') |
                                         wr_text_block_equal(block, '\r') |
                                         wr_text_block_equal(block, '\t')));
    return marks;
}

WR_ALWAYS_INLINE void end_record(json_cut *cut, json_bounds *bounds, uint32_t end, uint32_t next)
{
    cut->any = false;
    bounds->end = end;
    bounds->next = next;
    bounds->count++;
}

/* Commas or newlines of the block between two brackets, outside all brackets. True: that is enough. */
WR_ALWAYS_INLINE bool take_ends(json_layout layout, bool first, json_cut *cut,
                                const block_marks *marks, uint32_t base, unsigned from,
                                unsigned to, json_bounds *bounds)
{
    uint64_t ends = marks->ends & bits_below(to) & ~bits_below(from);

    for (; ends; ends &= ends - 1) {
        unsigned at = (unsigned)__builtin_ctzll(ends);

        cut->any |= (marks->others & bits_below(at) & ~bits_below(from)) != 0;
        from = at + 1;
        if (layout == JSON_DOCUMENTS && !cut->any)
            continue;
        end_record(cut, bounds, base + at, base + at + 1);
        if (first)
            return true;
    }
    cut->any |= (marks->others & bits_below(to) & ~bits_below(from)) != 0;
    return false;
}

/* A bracket that closes. True: that is enough. */
WR_ALWAYS_INLINE bool take_close(json_layout layout, bool first, json_cut *cut, uint8_t bracket,
                                 uint32_t at, json_bounds *bounds)
{
    cut->depth -= cut->depth > 0;
    if (cut->depth > 0)
        return false;
    if (layout == JSON_DOCUMENTS) {
        end_record(cut, bounds, at + 1, at + 1);
        return first;
    }
    (void)bracket;
    return false;
}

WR_ALWAYS_INLINE bool take_block(json_layout layout, bool first, json_cut *cut,
                                 const block_marks *marks, const uint8_t *bytes, uint32_t base,
                                 json_bounds *bounds)
{
    uint64_t brackets = marks->opens | marks->closes;
    unsigned from = 0;

    for (; brackets; brackets &= brackets - 1) {
        unsigned at = (unsigned)__builtin_ctzll(brackets);

        if (cut->depth == 0 && take_ends(layout, first, cut, marks, base, from, at, bounds))
            return true;
        from = at + 1;
        if (marks->opens >> at & 1) {
            cut->depth++;
            cut->any = true;
            continue;
        }
        if (layout == JSON_ARRAY && cut->depth == 0 && bytes[base + at] == ']') {
            bounds->count += cut->any;
            bounds->end = base + at;
            bounds->next = base + at + 1;
            bounds->closed = true;
            return true;
        }
        cut->any = true;
        if (take_close(layout, first, cut, bytes[base + at], base + at, bounds))
            return true;
    }
    return cut->depth == 0 &&
           take_ends(layout, first, cut, marks, base, from, marks->byte_count, bounds);
}

WR_ALWAYS_INLINE void find_in(json_layout layout, bool first, json_cut *cut, const uint8_t *bytes,
                              uint32_t from, uint32_t end, json_bounds *bounds)
{
    for (uint32_t at = from; at < end; at += 64) {
        unsigned    byte_count = end - at < 64 ? end - at : 64;
        block_marks marks = mark_block(cut, bytes + at, byte_count,
                                       layout == JSON_ARRAY ? ',' : '\n');
        unsigned    closes = (unsigned)__builtin_popcountll(marks.closes);

        if (cut->depth > closes)
            cut->depth += (unsigned)__builtin_popcountll(marks.opens) - (uint64_t)closes;
        else if (take_block(layout, first, cut, &marks, bytes, at, bounds))
            return;
    }
}

static void find_bounds(json_layout layout, bool first, json_cut *cut, const uint8_t *bytes,
                        uint32_t from, uint32_t end, json_bounds *out_bounds)
{
    *out_bounds = (json_bounds){0};
    if (layout == JSON_ARRAY)
        find_in(JSON_ARRAY, first, cut, bytes, from, end, out_bounds);
    else
        find_in(JSON_DOCUMENTS, first, cut, bytes, from, end, out_bounds);
}

const json_scan_ops WR_TEXT_JOIN(wr_json_scan, WR_TEXT_ISA) = {.find_bounds = find_bounds};
