/* csv_scan.c — see csv_scan.h. Cost per 64 bytes: two to four compares and, for an index, one short
 * loop over the separators in them. */
#include "csv_scan.h"

static void survey(const csv_marks *marks, const uint8_t *bytes, size_t byte_count,
                   csv_survey *out_survey)
{
    /* Where there is no quote or escape, looking for the newline once more costs nothing. */
    uint8_t  quote = marks->quote < 0 ? marks->newline : (uint8_t)marks->quote;
    uint8_t  escape = marks->escape < 0 ? quote : (uint8_t)marks->escape;
    uint64_t newline_count = 0, special = 0, not_ascii = 0;

    for (size_t at = 0; at < byte_count; at += 64) {
        wr_text_block block = wr_text_block_load(bytes + at);
        uint64_t      inside = wr_text_low_bits(byte_count - at);
        uint64_t      newlines = wr_text_block_equal(block, marks->newline) & inside;

        newline_count += (uint64_t)__builtin_popcountll(newlines);
        special |= (wr_text_block_equal(block, quote) | wr_text_block_equal(block, escape)) &
                   inside & ~newlines;
        not_ascii |= wr_text_block_not_ascii(block) & inside;
    }
    *out_survey = (csv_survey){newline_count, special != 0, not_ascii != 0};
}

WR_ALWAYS_INLINE void index_text(bool quoted, const csv_marks *marks, const uint8_t *bytes,
                                 uint32_t from, uint32_t end, csv_index *index)
{
    uint32_t *separators = index->separators;
    uint32_t  separator_count = 1, row_count = 0;
    uint64_t  carry = 0; /* all ones between quotes */

    separators[0] = from - 1;
    for (uint32_t at = from; at < end; at += 64) {
        wr_text_block block = wr_text_block_load(bytes + at);
        uint64_t      outside = wr_text_low_bits(end - at);
        uint64_t      newlines, both;

        if (quoted) {
            uint64_t pairs =
                wr_text_prefix_xor(wr_text_block_equal(block, (uint8_t)marks->quote) & outside) ^
                carry;

            carry = (uint64_t)((int64_t)pairs >> 63);
            outside &= ~pairs;
        }
        newlines = wr_text_block_equal(block, marks->newline) & outside;
        both = newlines | (wr_text_block_equal(block, marks->delimiter) & outside);
        for (; newlines; newlines &= newlines - 1) {
            uint64_t before = both & (newlines ^ (newlines - 1)) >> 1;

            index->row_ends[row_count++] =
                separator_count + (uint32_t)__builtin_popcountll(before);
        }
        separator_count += wr_text_put_positions(both, at, separators + separator_count);
        if (separator_count >= index->separator_max || row_count >= index->row_max)
            break;
    }
    index->separator_count = separator_count;
    index->row_count = row_count;
}

static void index_plain(const csv_marks *marks, const uint8_t *bytes, uint32_t from, uint32_t end,
                        csv_index *index)
{
    index_text(false, marks, bytes, from, end, index);
}

static void index_quoted(const csv_marks *marks, const uint8_t *bytes, uint32_t from, uint32_t end,
                         csv_index *index)
{
    index_text(true, marks, bytes, from, end, index);
}

static bool find_boundary(const csv_marks *marks, const uint8_t *bytes, uint32_t end,
                          uint32_t *out_boundary, bool *out_inside)
{
    uint64_t carry = 0;    /* all ones between quotes                                   */
    uint64_t may_open = 1; /* bit 0: a quote may open at the next block's first byte    */
    uint64_t wrong = 0;
    uint32_t boundary = 0;

    for (uint32_t at = 0; at < end; at += 64) {
        wr_text_block block = wr_text_block_load(bytes + at);
        uint64_t      within = wr_text_low_bits(end - at);
        uint64_t      quotes = wr_text_block_equal(block, (uint8_t)marks->quote) & within;
        uint64_t      pairs = wr_text_prefix_xor(quotes) ^ carry;
        uint64_t      outside = within & ~pairs;
        uint64_t      newlines = wr_text_block_equal(block, marks->newline) & outside;
        uint64_t      before_open =
            newlines | (wr_text_block_equal(block, marks->delimiter) & outside) | (quotes & ~pairs);

        /* A field may begin behind a separator; behind a closing quote it is a doubled quote. */
        wrong |= quotes & pairs & ~(before_open << 1 | may_open);
        may_open = before_open >> 63;
        carry = (uint64_t)((int64_t)pairs >> 63);
        if (newlines)
            boundary = at + 64 - (uint32_t)__builtin_clzll(newlines);
    }
    *out_boundary = boundary;
    *out_inside = carry != 0;
    return wrong == 0;
}

const csv_scan_ops WR_TEXT_JOIN(wr_csv_scan, WR_TEXT_ISA) = {
    .survey = survey,
    .index_plain = index_plain,
    .index_quoted = index_quoted,
    .find_boundary = find_boundary,
};
