/* pq_expand.c — pages of codes whose dictionary does not fit memory become plain pages.
 *
 * The dictionary stays where it is: in the file, or decompressed in scratch space; where its texts begin
 * goes to scratch space, too. The codes of a page are taken by the thousand, sorted, and what they stand
 * for is read in the order of the dictionary, several at a time where they lie close; so a page costs at
 * most one walk over the dictionary for each round of codes, and less where its codes are close
 * together, as they are in dictionaries that were made as the rows came. The plain page stays in
 * memory if one round makes it, else it goes to scratch space.
 *
 * Invariants
 *  1. A round takes a block of the pools, or the window of headers if there is none: it cannot fail for
 *     want of memory.
 *  2. Every code is checked before the dictionary is asked.
 * Cost: about 0.1 us a code to sort and copy, and the reads. */
#include "pq_priv.h"

#include <string.h>

#include "base/bits.h"

enum {
    LENGTH_BYTES = 4,
    GAP_BYTES = 32 << 10,     /* read over rather than read again             */
    NARROW_BYTES_MAX = 64,    /* values of one such width are not looked up one by one */
    BUCKET_BITS = 8,
    ROUND_BYTES_MAX = 8 << 20,
    ROUND_BYTES_MIN = 32 << 10,
};

/* ---- The dictionary ----------------------------------------------------------------------------- */

/* Where each of `count` texts begins, and where the last one ends, to scratch space. */
static wr_status write_index(pq_tools *tools, pq_bytes bytes, uint32_t count, wr_error *err)
{
    uint64_t size = wr_pq_bytes_left(&bytes);
    uint32_t offset = 0, length;

    WR_TRY(wr_pq_scratch_begin(tools, &tools->writer, ((uint64_t)count + 1) * sizeof offset, err));
    for (uint32_t i = 0; i < count; i++) {
        WR_TRY(wr_long_writer_add(&tools->writer, &offset, sizeof offset, err));
        WR_TRY(wr_pq_bytes_need(&bytes, LENGTH_BYTES, err));
        length = wr_load_u32(bytes.at);
        WR_TRY(wr_pq_bytes_pass(&bytes, LENGTH_BYTES + (uint64_t)length, err));
        offset = (uint32_t)(size - wr_pq_bytes_left(&bytes));
    }
    return wr_long_writer_add(&tools->writer, &offset, sizeof offset, err);
}

wr_status wr_pq_expand_begin(pq_cursor *cursor, pq_tools *tools, const pq_bytes *dictionary,
                             uint32_t count, wr_error *err)
{
    pq_bytes  bytes = *dictionary;
    uint8_t  *window = NULL;
    uint64_t  window_bytes;
    wr_status status;

    cursor->far_values = *dictionary;
    cursor->dictionary_count = count;
    cursor->is_far = true;
    if (cursor->leaf->stored_bytes > 0)
        return WR_OK;
    if (dictionary->left > 0)
        window = wr_pq_pool_take_some(&tools->pool, ROUND_BYTES_MIN * 4, ROUND_BYTES_MIN, &window_bytes);
    if (window)
        bytes = wr_pq_bytes_cut(dictionary, 0, wr_pq_bytes_left(dictionary), window,
                                (uint32_t)window_bytes);
    status = write_index(tools, bytes, count, err);
    wr_pq_block_drop(tools, &window);
    WR_TRY(status);
    return wr_pq_scratch_end(&tools->writer, &cursor->index_blob, &cursor->far_index, err);
}

/* ---- Rounds ------------------------------------------------------------------------------------- */

/* Bytes of the dictionary, or of its index, and where they go. */
typedef struct pick {
    uint32_t offset, length, target;
} pick;

typedef struct range {
    uint32_t begin, end;
} range;

typedef struct round {
    uint8_t  *values, *window;
    pick     *picks;
    range    *ranges;        /* of the codes, in the dictionary; NULL: values are narrow */
    uint32_t *codes;
    uint32_t  values_bytes, window_bytes, room; /* of codes */
    uint32_t  held, looked;  /* codes that are there; the first of them, that the round looks at */
    uint64_t  left;          /* that are to come     */
} round;

/* An eighth to read through. Narrow values take the place of their codes, and all of a round have room;
 * others take half of the rest. */
static void lay_out(uint8_t *block, uint64_t size, uint32_t width, round *r)
{
    bool     is_narrow = width > 0 && width <= NARROW_BYTES_MAX;
    uint32_t place_bytes = width < sizeof(uint32_t) ? sizeof(uint32_t) : width;

    r->window_bytes = (uint32_t)(size / 8) & ~63U;
    r->values = block;
    size -= r->window_bytes;
    if (is_narrow) {
        r->room = (uint32_t)(size / (sizeof(pick) + place_bytes)) & ~3U;
        r->values_bytes = r->room * place_bytes;
        r->codes = (uint32_t *)r->values;
    } else {
        r->values_bytes = (uint32_t)(size / 2) & ~63U;
        r->room = (uint32_t)((size - r->values_bytes) / (sizeof(pick) + sizeof(range) + sizeof(uint32_t)));
        r->ranges = (range *)(r->values + r->values_bytes);
        r->codes = (uint32_t *)(r->ranges + r->room);
    }
    r->picks = (pick *)(is_narrow ? r->values + r->values_bytes : (uint8_t *)(r->codes + r->room));
    r->window = (uint8_t *)(r->picks + r->room);
}

static void sift(pick *picks, uint32_t at, uint32_t count)
{
    pick moved = picks[at];

    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && picks[child + 1].offset > picks[child].offset;
        if (picks[child].offset <= moved.offset)
            break;
        picks[at] = picks[child];
    }
    picks[at] = moved;
}

/* A heap. */
static void sort_few(pick *picks, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0;)
        sift(picks, i, count);
    for (uint32_t i = count; i-- > 1;) {
        pick last = picks[i];

        picks[i] = picks[0];
        picks[0] = last;
        sift(picks, 0, i);
    }
}

/* By offset, in place: by its first bits, each pick straight to its bucket; then bucket by bucket. */
static void sort_picks(pick *picks, uint32_t count)
{
    uint32_t ends[1 << BUCKET_BITS] = {0}, next[1 << BUCKET_BITS];
    uint32_t least = UINT32_MAX, most = 0, sorted = 1, shift = 0, sum = 0;

    while (sorted < count && picks[sorted - 1].offset <= picks[sorted].offset)
        sorted++;
    if (sorted >= count)
        return;
    for (uint32_t i = 0; i < count; i++) {
        least = picks[i].offset < least ? picks[i].offset : least;
        most = picks[i].offset > most ? picks[i].offset : most;
    }
    while ((most - least) >> shift >> BUCKET_BITS > 0)
        shift++;
    for (uint32_t i = 0; i < count; i++)
        ends[(picks[i].offset - least) >> shift]++;
    for (uint32_t b = 0; b < 1 << BUCKET_BITS; b++) {
        next[b] = sum;
        ends[b] = sum += ends[b];
    }
    for (uint32_t b = 0; b < 1 << BUCKET_BITS; b++) {
        uint32_t begin = b ? ends[b - 1] : 0;

        while (next[b] < ends[b]) {
            uint32_t home = (picks[next[b]].offset - least) >> shift;
            pick     other = picks[next[home]];

            picks[next[home]++] = picks[next[b]];
            if (home != b)
                picks[next[b]] = other;
        }
        sort_few(picks + begin, ends[b] - begin);
    }
}

/* How many of the picks one read through the window serves, and where it ends. */
static uint32_t count_close(const round *r, const pick *picks, uint32_t count, uint64_t *out_end)
{
    uint64_t begin = picks[0].offset;
    uint32_t i = 0;

    for (*out_end = begin; i < count && picks[i].offset <= *out_end + GAP_BYTES; i++) {
        uint64_t end = (uint64_t)picks[i].offset + picks[i].length;

        if (end - begin > r->window_bytes)
            break;
        *out_end = end > *out_end ? end : *out_end;
    }
    return i;
}

static wr_status gather(const round *r, const pq_bytes *from, uint32_t count, uint8_t *out, wr_error *err)
{
    const pick *picks = r->picks;

    sort_picks(r->picks, count);
    while (count > 0) {
        uint64_t begin = picks[0].offset, end;
        uint32_t close = count_close(r, picks, count, &end);
        pq_bytes bytes;

        if (close == 0) {
            bytes = wr_pq_bytes_cut(from, begin, picks[0].length, NULL, 0);
            WR_TRY(wr_pq_bytes_copy(&bytes, out + picks[0].target, picks[0].length, err));
            close = 1;
        } else {
            bytes = wr_pq_bytes_cut(from, begin, end - begin, NULL, 0);
            WR_TRY(wr_pq_bytes_copy(&bytes, r->window, end - begin, err));
            for (uint32_t i = 0; i < close; i++)
                memcpy(out + picks[i].target, r->window + (picks[i].offset - begin), picks[i].length);
        }
        picks += close;
        count -= close;
    }
    return WR_OK;
}

/* Codes up to the round's room, and where in the dictionary their values lie. */
static wr_status find_ranges(const pq_cursor *cursor, pq_runs *codes, round *r, wr_error *err)
{
    uint64_t size = wr_pq_bytes_left(&cursor->far_values);
    uint32_t more = r->room - r->held, width = cursor->leaf->stored_bytes;

    more = more < r->left ? more : (uint32_t)r->left;
    WR_TRY(wr_pq_runs_take(codes, more, r->codes + r->held, err));
    r->left -= more;
    r->held += more;
    r->looked = r->held < r->looked ? r->held : r->looked;
    for (uint32_t i = 0; i < r->looked; i++) {
        uint32_t code = r->codes[i];

        if (code >= cursor->dictionary_count)
            return WR_RAISE(err, WR_CORRUPT, "code %u of a dictionary of %u values", code,
                            cursor->dictionary_count);
        if (width > 0 && ((uint64_t)code + 1) * width > size)
            return wr_pq_raise_short(err);
        if (!r->ranges) {
            r->picks[i] = (pick){code * width, width, i * width};
            continue;
        }
        r->ranges[i] = (range){code * width, (code + 1) * width};
        r->picks[i] = (pick){code * (uint32_t)sizeof(uint32_t), sizeof(range), i * (uint32_t)sizeof(range)};
    }
    return width > 0 ? WR_OK : gather(r, &cursor->far_index, r->looked, (uint8_t *)r->ranges, err);
}

/* As many values of the round as there is room for, behind each other. */
static wr_status read_values(const pq_cursor *cursor, round *r, uint32_t *out_count, uint32_t *out_bytes,
                             wr_error *err)
{
    uint64_t size = wr_pq_bytes_left(&cursor->far_values);
    uint32_t count = r->ranges ? 0 : r->looked, used = count * cursor->leaf->stored_bytes;

    for (; r->ranges && count < r->looked; count++) {
        range at = r->ranges[count];

        if (at.begin > at.end || at.end > size)
            return wr_pq_raise_short(err);
        if (at.end - at.begin > r->values_bytes - used)
            break;
        r->picks[count] = (pick){at.begin, at.end - at.begin, used};
        used += at.end - at.begin;
    }
    *out_count = count;
    *out_bytes = used;
    return gather(r, &cursor->far_values, count, r->values, err);
}

/* A value that is longer than all room. */
static wr_status copy_long(const pq_cursor *cursor, const round *r, wr_long_writer *writer, wr_error *err)
{
    range    at = r->ranges[0];
    pq_bytes bytes = wr_pq_bytes_cut(&cursor->far_values, at.begin, at.end - at.begin, NULL, 0);

    for (uint64_t left; (left = wr_pq_bytes_left(&bytes)) > 0;) {
        uint64_t now = left < r->values_bytes ? left : r->values_bytes;

        WR_TRY(wr_pq_bytes_copy(&bytes, r->values, now, err));
        WR_TRY(wr_long_writer_add(writer, r->values, now, err));
    }
    return WR_OK;
}

/* All rounds; *out_bytes: those of the only one, still in memory; 0: everything is with the writer. */
static wr_status run_rounds(pq_cursor *cursor, pq_tools *tools, pq_runs *codes, round *r, bool may_stay,
                            uint32_t *out_bytes, wr_error *err)
{
    bool is_first = true;

    r->looked = r->room;
    while (r->left > 0 || r->held > 0) {
        uint32_t count = 0;

        WR_TRY(find_ranges(cursor, codes, r, err));
        WR_TRY(read_values(cursor, r, &count, out_bytes, err));
        if (is_first && may_stay && r->left == 0 && count == r->held)
            return WR_OK;
        if (is_first)
            WR_TRY(wr_pq_scratch_begin(tools, &tools->writer, *out_bytes, err));
        is_first = false;
        if (count == 0)
            WR_TRY(copy_long(cursor, r, &tools->writer, err));
        else
            WR_TRY(wr_long_writer_add(&tools->writer, r->values, *out_bytes, err));
        r->looked = count < r->looked ? 2 * count + 1 : r->room; /* no use in looking much further */
        count += count == 0;
        r->held -= count;
        memmove(r->codes, r->codes + count, r->held * sizeof r->codes[0]);
    }
    *out_bytes = 0;
    return WR_OK;
}

/* ---- Pages -------------------------------------------------------------------------------------- */

/* Values of the page that are not NULL. */
static wr_status count_values(const pq_cursor *cursor, uint64_t *out_count, wr_error *err)
{
    pq_runs  levels = cursor->definition; /* nothing of it is at hand, so its window may be used */
    uint32_t part[256], most = cursor->leaf->max_definition;

    *out_count = most > 0 ? 0 : cursor->page_left;
    for (uint32_t left = most > 0 ? cursor->page_left : 0, now; left > 0; left -= now) {
        now = left < 256 ? left : 256;
        WR_TRY(wr_pq_runs_take(&levels, now, part, err));
        for (uint32_t i = 0; i < now; i++)
            *out_count += part[i] == most;
    }
    return WR_OK;
}

/* Of the dictionaries' memory if pages left much less of theirs. */
static uint8_t *take_block(pq_tools *tools, uint64_t *out_size)
{
    uint8_t *block = wr_pq_pool_take_some(&tools->pool, ROUND_BYTES_MAX, ROUND_BYTES_MIN, out_size);
    uint64_t size, least = block ? 2 * *out_size : ROUND_BYTES_MIN;
    uint8_t *other = wr_pq_pool_take_some(&tools->dictionaries, tools->dictionaries.size, least, &size);

    if (!other)
        return block;
    wr_pq_block_drop(tools, &block);
    *out_size = size;
    return other;
}

wr_status wr_pq_expand(pq_cursor *cursor, pq_tools *tools, pq_bytes *io_bytes, wr_error *err)
{
    round     r = {0};
    pq_runs   codes;
    uint64_t  size;
    uint32_t  bit_width, used = 0;
    uint8_t  *block;
    wr_status status;

    WR_TRY(count_values(cursor, &r.left, err));
    if (r.left == 0) {
        *io_bytes = (pq_bytes){.at = cursor->windows, .end = cursor->windows};
        return WR_OK;
    }
    WR_TRY(wr_pq_bytes_need(io_bytes, 1, err));
    bit_width = *io_bytes->at++;
    WR_TRY(wr_pq_runs_begin(&codes, *io_bytes, bit_width, err));
    block = take_block(tools, &size);
    lay_out(block ? block : tools->header, block ? size : PQ_HEADER_WINDOW_BYTES,
            cursor->leaf->stored_bytes, &r);
    status = run_rounds(cursor, tools, &codes, &r, block && wr_pq_pool_has(&tools->pool, block), &used, err);
    if (status == WR_OK && used > 0) {
        wr_pq_pool_shrink(&tools->pool, block, used);
        cursor->plain = block;
        *io_bytes = (pq_bytes){.at = block, .end = block + used};
        return WR_OK;
    }
    wr_pq_block_drop(tools, &block);
    WR_TRY(status);
    return wr_pq_scratch_end(&tools->writer, &cursor->plain_blob, io_bytes, err);
}
