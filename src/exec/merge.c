/* exec/merge.c — the loser tree and its inputs. */
#include "exec/merge.h"

#include <string.h>

#include "base/bits.h"

enum {
    KEY_STRIDE = WR_SORTKEY_ROOM_BYTES,
    DIGIT_BYTES = 7,  /* a key is compared as a number with digits of so many bytes */
    DIGITS_MAX = (WR_SORTKEY_BYTES_MAX + DIGIT_BYTES - 1) / DIGIT_BYTES,
    CODE_SHIFT = 8 * DIGIT_BYTES,
    AHEAD_BYTES = 192 /* of the next row, fetched early */
};

_Static_assert(DIGITS_MAX < 256, "an offset fits the byte above the code's digit");
_Static_assert(WR_SORTKEY_ROOM_BYTES >= WR_SORTKEY_BYTES_MAX + 16, "a digit is read with 8 bytes");

#define CODE_ENDED UINT64_MAX /* of an input without rows: loses against every key */

/* ---- Making ---------------------------------------------------------------------------------- */

uint64_t wr_merge_bytes(uint32_t fan_in)
{
    return (uint64_t)fan_in *
           (wr_round_up(sizeof(wr_merge_input), 16) + sizeof(wr_merge_node) + 2 * KEY_STRIDE);
}

void wr_merge_init(wr_merge *merge, const wr_sortkey *key, uint32_t fan_in, void *room)
{
    uint8_t *next = room;

    *merge = (wr_merge){.key = key, .fan_in = fan_in, .key_bytes = key->bytes_max};
    merge->keys = next;
    next += (size_t)fan_in * 2 * KEY_STRIDE;
    merge->nodes = (wr_merge_node *)next;
    next += (size_t)fan_in * sizeof(wr_merge_node);
    merge->inputs = (wr_merge_input *)next;
    merge->queue_first = merge->queue_last = WR_MERGE_NONE;
    wr_mutex_init(&merge->mutex);
    wr_cond_init(&merge->loaded);
}

void wr_merge_release(wr_merge *merge)
{
    wr_cond_release(&merge->loaded);
    wr_mutex_release(&merge->mutex);
}

static wr_merge_input *add_input(wr_merge *merge)
{
    uint32_t        index = merge->input_count++;
    wr_merge_input *input = &merge->inputs[index];

    wr_assert(index < merge->fan_in, "a merge has room for all its inputs");
    *input = (wr_merge_input){
        .key = merge->keys + (size_t)index * 2 * KEY_STRIDE,
        .key_room = merge->keys + ((size_t)index * 2 + 1) * KEY_STRIDE,
    };
    return input;
}

void wr_merge_add_entries(wr_merge *merge, const wr_sort_entry *entries, size_t count)
{
    wr_merge_input *input = add_input(merge);

    input->entry = entries;
    input->entry_end = entries + count;
}

void wr_merge_add_run(wr_merge *merge, wr_spill_stream *stream, bool consume, void *page,
                      void *spare, uint32_t page_bytes)
{
    wr_merge_input *input = add_input(merge);

    wr_spill_cursor_init(&input->cursor, stream, consume);
    input->page = page;
    input->spare = spare;
    input->page_bytes = page_bytes;
}

/* ---- Pages ----------------------------------------------------------------------------------- */

static void queue_add(wr_merge *merge, wr_merge_input *input)
{
    uint32_t index = (uint32_t)(input - merge->inputs);

    input->spare_state = WR_MERGE_SPARE_WAITS;
    input->queue_next = WR_MERGE_NONE;
    input->queue_before = merge->queue_last;
    if (merge->queue_last == WR_MERGE_NONE)
        merge->queue_first = index;
    else
        merge->inputs[merge->queue_last].queue_next = index;
    merge->queue_last = index;
}

static void queue_remove(wr_merge *merge, wr_merge_input *input)
{
    if (input->queue_before == WR_MERGE_NONE)
        merge->queue_first = input->queue_next;
    else
        merge->inputs[input->queue_before].queue_next = input->queue_next;
    if (input->queue_next == WR_MERGE_NONE)
        merge->queue_last = input->queue_before;
    else
        merge->inputs[input->queue_next].queue_before = input->queue_before;
}

static wr_status load_page(wr_merge_input *input, wr_row_page *page, uint32_t *out_used,
                           wr_error *err)
{
    uint32_t used = 0;

    WR_TRY(wr_spill_cursor_next(&input->cursor, page, input->page_bytes, &used, err));
    wr_spill_cursor_prefetch(&input->cursor);
    *out_used = used;
    return WR_OK;
}

static void begin_page(wr_merge_input *input, uint32_t used)
{
    input->row = used > 0 ? wr_row_page_first(input->page) : NULL;
    input->row_end = (const uint8_t *)input->page + used;
}

/* Under the mutex: wait for the spare page, or load it here and now. */
static wr_status await_spare(wr_merge *merge, wr_merge_input *input, wr_error *err)
{
    while (input->spare_state == WR_MERGE_SPARE_LOADS)
        wr_cond_wait(&merge->loaded, &merge->mutex);
    if (input->spare_state == WR_MERGE_SPARE_WAITS) {
        WR_TRY(load_page(input, input->spare, &input->spare_used, err));
        queue_remove(merge, input);
    }
    return WR_OK;
}

/* The page is used up: on to the next one, which was loaded ahead or is loaded now. */
static wr_status turn_page(wr_merge *merge, wr_merge_input *input, wr_error *err)
{
    wr_row_page *page = input->page;
    uint32_t     used;

    if (!input->spare) {
        WR_TRY(load_page(input, page, &used, err));
        begin_page(input, used);
        return WR_OK;
    }
    WR_LOCKED(&merge->mutex);
    WR_TRY(await_spare(merge, input, err));
    input->page = input->spare;
    input->spare = page;
    begin_page(input, input->spare_used);
    if (input->row)
        queue_add(merge, input);
    return WR_OK;
}

wr_status wr_merge_help(wr_merge *merge, bool *out_helped, wr_error *err)
{
    wr_merge_input *input;
    wr_status       status;
    uint32_t        used = 0;

    wr_mutex_lock(&merge->mutex);
    *out_helped = merge->queue_first != WR_MERGE_NONE;
    if (!*out_helped) {
        wr_mutex_unlock(&merge->mutex);
        return WR_OK;
    }
    input = &merge->inputs[merge->queue_first];
    queue_remove(merge, input);
    input->spare_state = WR_MERGE_SPARE_LOADS;
    wr_mutex_unlock(&merge->mutex);

    status = load_page(input, input->spare, &used, err);

    wr_mutex_lock(&merge->mutex);
    input->spare_used = used;
    input->spare_state = WR_MERGE_SPARE_READY;
    if (status != WR_OK)
        queue_add(merge, input); /* whoever needs the page meets the error as well */
    wr_cond_broadcast(&merge->loaded);
    wr_mutex_unlock(&merge->mutex);
    return status;
}

/* ---- Codes ----------------------------------------------------------------------------------- */

/* The code of a key whose first digit that differs from the base is number `digit`. Nearer to the
 * base is smaller. Offset and value must be in the same unit: then, of two codes relative to one base,
 * the larger one is also the loser's code relative to the winner. */
static inline uint64_t code_at(const uint8_t *key, uint32_t digit)
{
    return (uint64_t)(DIGITS_MAX - digit) << CODE_SHIFT |
           wr_load_u64_be(key + digit * DIGIT_BYTES) >> 8;
}

static inline uint32_t digit_of(uint64_t code)
{
    return DIGITS_MAX - (uint32_t)(code >> CODE_SHIFT);
}

/* First differing byte at or after `from`; key_bytes if there is none. */
static inline uint32_t find_difference(const wr_merge *merge, const uint8_t *a, const uint8_t *b,
                                       uint32_t from)
{
    for (uint32_t at = from; at < merge->key_bytes; at += 8) {
        uint64_t difference = wr_load_u64(a + at) ^ wr_load_u64(b + at);

        if (difference != 0)
            return at + (uint32_t)__builtin_ctzll(difference) / 8;
    }
    return merge->key_bytes;
}

/* The code of `key` relative to a base from which it differs first at `byte`. 0: in no byte. */
static inline uint64_t code_from(const wr_merge *merge, const uint8_t *key, uint32_t byte)
{
    return byte < merge->key_bytes ? code_at(key, byte / DIGIT_BYTES) : 0;
}

static inline void encode_row(const wr_merge *merge, wr_merge_input *input)
{
    uint32_t length = wr_sortkey_encode(merge->key, input->row, merge->key_bytes, input->key_room);

    wr_store_u64(input->key_room + merge->key_bytes, 0); /* the last digit reaches in here */
    input->is_cut = length > merge->key_bytes;
}

/* Two codes are equal: compare the keys behind them. Does `a` win? The loser's new code goes to
 * *out_code. Kept out of line: rare, and the loop around it is hot. */
static __attribute__((noinline)) wr_status settle_match(const wr_merge *merge, uint64_t code,
                                                        uint32_t a, uint32_t b, bool *out_a_wins,
                                                        uint64_t *out_code, wr_error *err)
{
    const wr_merge_input *left = &merge->inputs[a], *right = &merge->inputs[b];
    uint32_t byte = merge->key_bytes;
    int      order = 0;

    *out_code = code;
    *out_a_wins = a < b;
    if (code == CODE_ENDED)
        return WR_OK;
    if (code != 0)
        byte = find_difference(merge, left->key, right->key, (digit_of(code) + 1) * DIGIT_BYTES);
    if (byte < merge->key_bytes)
        order = left->key[byte] < right->key[byte] ? -1 : 1;
    else if (left->is_cut || right->is_cut)
        WR_TRY(wr_sortkey_compare(merge->key, left->row, right->row, &order, err));
    if (order != 0)
        *out_a_wins = order < 0;
    *out_code = code_from(merge, *out_a_wins ? right->key : left->key, byte);
    return WR_OK;
}

/* ---- Tree ------------------------------------------------------------------------------------ */

/* One match of the climbing `*winner` at `node`: the loser stays. */
WR_ALWAYS_INLINE wr_status play(const wr_merge *merge, wr_merge_node *node, wr_merge_node *winner,
                                wr_error *err)
{
    wr_merge_node other = *node;
    bool          other_wins = other.code < winner->code;

    if (WR_UNLIKELY(other.code == winner->code)) {
        bool     wins;
        uint64_t code;

        WR_TRY(settle_match(merge, other.code, other.input, winner->input, &wins, &code, err));
        other_wins = wins;
        if (wins)
            winner->code = code;
        else
            other.code = code;
    }
    *node = other_wins ? *winner : other;
    *winner = other_wins ? other : *winner;
    return WR_OK;
}

/* The winner's input moved on to a row with `code`: find the next winner. */
WR_ALWAYS_INLINE wr_status replay(wr_merge *merge, uint64_t code, wr_error *err)
{
    wr_merge_node winner = {code, merge->nodes[0].input};

    for (uint32_t at = (winner.input + merge->input_count) / 2; at > 0; at /= 2)
        WR_TRY(play(merge, &merge->nodes[at], &winner, err));
    merge->nodes[0] = winner;
    return WR_OK;
}

static wr_status start_input(wr_merge *merge, wr_merge_input *input, uint64_t *out_code,
                             wr_error *err)
{
    uint8_t *key = input->key;
    uint32_t used;

    if (input->cursor.stream) {
        WR_TRY(load_page(input, input->page, &used, err));
        begin_page(input, used);
        if (input->spare && input->row)
            queue_add(merge, input);
    } else {
        input->row = input->entry < input->entry_end ? wr_sort_entry_row(input->entry++) : NULL;
    }
    *out_code = CODE_ENDED;
    if (!input->row)
        return WR_OK;
    encode_row(merge, input);
    input->key = input->key_room;
    input->key_room = key;
    *out_code = code_from(merge, input->key, 0);
    return WR_OK;
}

/* Every inner node has two visitors: the first waits, the second plays it and climbs on. */
wr_status wr_merge_start(wr_merge *merge, wr_error *err)
{
    for (uint32_t i = 0; i < merge->input_count; i++)
        merge->nodes[i].input = WR_MERGE_NONE;
    for (uint32_t i = 0; i < merge->input_count; i++) {
        wr_merge_node winner = {.input = i};
        uint32_t      at = (i + merge->input_count) / 2;

        WR_TRY(start_input(merge, &merge->inputs[i], &winner.code, err));
        for (; at > 0 && merge->nodes[at].input != WR_MERGE_NONE; at /= 2)
            WR_TRY(play(merge, &merge->nodes[at], &winner, err));
        merge->nodes[at] = winner;
    }
    return WR_OK;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Step past the winner's current row. */
WR_ALWAYS_INLINE wr_status step(wr_merge *merge, wr_error *err)
{
    wr_merge_input *input = &merge->inputs[merge->nodes[0].input];
    uint8_t        *key = input->key;
    uint64_t        code = CODE_ENDED;

    if (input->cursor.stream) {
        input->row += wr_row_bytes(input->row);
        if (WR_UNLIKELY(input->row >= input->row_end))
            WR_TRY(turn_page(merge, input, err));
    } else if (input->entry < input->entry_end) {
        input->row = wr_sort_entry_row(input->entry++);
    } else {
        input->row = NULL;
    }
    if (merge->input_count == 1)
        return WR_OK;
    if (input->row) {
        const uint8_t *next = input->row + wr_row_bytes(input->row);

        /* Wanted when this input has won again: in about input_count rows. */
        for (uint32_t line = 0; line < AHEAD_BYTES; line += 64)
            __builtin_prefetch(next + line);
        encode_row(merge, input);
        code = code_from(merge, input->key_room,
                         find_difference(merge, input->key, input->key_room, 0));
        input->key = input->key_room;
        input->key_room = key;
    }
    return replay(merge, code, err);
}

wr_status wr_merge_take(wr_merge *merge, uint64_t rows_max, const uint8_t **rows,
                        uint64_t *out_count, wr_error *err)
{
    uint64_t count = 0;

    for (; count < rows_max && !wr_merge_is_done(merge); count++) {
        if (rows)
            rows[count] = merge->inputs[merge->nodes[0].input].row;
        WR_TRY(step(merge, err));
    }
    *out_count = count;
    return WR_OK;
}

wr_status wr_merge_copy(wr_merge *merge, wr_row_page *page, uint32_t page_bytes, uint64_t rows_max,
                        uint64_t *out_count, wr_error *err)
{
    uint64_t count = 0;

    for (; count < rows_max && !wr_merge_is_done(merge); count++) {
        const uint8_t *row = merge->inputs[merge->nodes[0].input].row;
        uint32_t       bytes = wr_row_bytes(row);

        if (bytes > page_bytes - page->used_bytes)
            break;
        memcpy((uint8_t *)page + page->used_bytes, row, bytes);
        page->used_bytes += bytes;
        page->row_count++;
        WR_TRY(step(merge, err));
    }
    *out_count = count;
    return WR_OK;
}
