/* exec/merge.c — the loser tree and its inputs. */
#include "exec/merge.h"

#include <string.h>

#include "base/bits.h"

enum {
    KEY_STRIDE = WR_SORTKEY_ROOM_BYTES,
    DIGIT_BYTES = 7, /* a key is compared as a number with digits of so many bytes */
    DIGITS_MAX = (WR_SORTKEY_BYTES_MAX + DIGIT_BYTES - 1) / DIGIT_BYTES,
    CODE_SHIFT = 8 * DIGIT_BYTES,
};

_Static_assert(DIGITS_MAX < 256, "an offset fits the byte above the code's digit");
_Static_assert(WR_SORTKEY_ROOM_BYTES >= WR_SORTKEY_BYTES_MAX + 16, "a digit is read with 8 bytes");

#define CODE_ENDED UINT64_MAX /* of an input without rows: loses against every key */

/* ---- Making ---------------------------------------------------------------------------------- */

uint64_t wr_merge_bytes(uint32_t fan_in)
{
    return (uint64_t)fan_in * (wr_round_up(sizeof(wr_merge_input), 16) + sizeof(wr_merge_node) +
                               sizeof(uint64_t) + 2 * KEY_STRIDE);
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
    next += (size_t)fan_in * wr_round_up(sizeof(wr_merge_input), 16);
    merge->lasts = (uint64_t *)next;
}

void wr_merge_release(wr_merge *merge)
{
    for (uint32_t i = 0; i < merge->spare_count; i++) {
        if (merge->spares[i].input)
            wr_spill_task_cancel(merge->spares[i].input->spill, &merge->spares[i].task);
    }
}

static wr_merge_input *add_input(wr_merge *merge)
{
    uint32_t index = merge->input_count++;
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

void wr_merge_add_run(wr_merge *merge, wr_spill_stream *stream, bool consume, void *buffer,
                      uint32_t buffer_bytes, uint32_t page_bytes)
{
    wr_merge_input *input = add_input(merge);

    wr_spill_cursor_init(&input->cursor, stream, consume);
    input->spill = stream->spill;
    input->buffer = buffer;
    input->buffer_bytes = buffer_bytes;
    input->page_bytes = page_bytes;
}

/* ---- Buffers --------------------------------------------------------------------------------- */

static const wr_row_page *page_at(const uint8_t *buffer)
{
    return (const wr_row_page *)(const void *)buffer;
}

/* The first bytes of the last key in a buffer: of two inputs the one with less will want more
 * first. Nothing but speed depends on it, so what is equal in these bytes may come in any order. */
static uint64_t last_key_of(const wr_sortkey *key, const uint8_t *buffer, uint32_t used_bytes)
{
    const uint8_t *page = buffer, *end = buffer + used_bytes, *row;
    uint8_t bytes[WR_SORTKEY_ROOM_BYTES] = {0};
    uint64_t last;

    while (page + page_at(page)->used_bytes < end)
        page += page_at(page)->used_bytes;
    for (row = wr_row_page_first(page_at(page)); row + wr_row_bytes(row) < end;)
        row += wr_row_bytes(row);
    wr_sortkey_encode(key, row, key->bytes_max, bytes);
    last = wr_load_u64_be(bytes);
    return last < UINT64_MAX ? last : UINT64_MAX - 1;
}

static wr_status load(wr_merge_input *input, const wr_sortkey *key, uint8_t *buffer,
                      uint32_t *out_used_bytes, uint64_t *out_last, wr_error *err)
{
    WR_TRY(wr_spill_cursor_next_many(&input->cursor, buffer, input->buffer_bytes, input->page_bytes,
                                     out_used_bytes, err));
    *out_last = input->cursor.next ? last_key_of(key, buffer, *out_used_bytes) : UINT64_MAX;
    return WR_OK;
}

static void load_spare(wr_spill_task *task)
{
    wr_merge_spare *spare = (wr_merge_spare *)(void *)task;

    spare->status =
        load(spare->input, spare->key, spare->buffer, &spare->used_bytes, &spare->last, NULL);
}

_Static_assert(offsetof(wr_merge_spare, task) == 0, "a spare is found by its task");

void wr_merge_add_spare(wr_merge *merge, void *buffer)
{
    wr_assert(merge->spare_count < WR_MERGE_SPARES_MAX, "a merge has a few spare buffers");
    merge->spares[merge->spare_count++] =
        (wr_merge_spare){.task = {.run = load_spare}, .buffer = buffer, .key = merge->key};
}

/* Have a free spare filled for the input that will want it first. */
static void forecast(wr_merge *merge, wr_merge_spare *spare)
{
    uint64_t least = UINT64_MAX;
    uint32_t first = 0;

    for (uint32_t i = 0; i < merge->input_count; i++) {
        if (merge->lasts[i] < least) {
            least = merge->lasts[i];
            first = i;
        }
    }
    if (least == UINT64_MAX)
        return;
    merge->lasts[first] = UINT64_MAX;
    spare->input = &merge->inputs[first];
    spare->input->spare = spare;
    wr_spill_task_submit(spare->input->spill, &spare->task);
}

static void begin_page(wr_merge_input *input, const uint8_t *page)
{
    bool ended = page == input->buffer + input->used_bytes;

    input->row = ended ? NULL : wr_row_page_first(page_at(page));
    input->row_end = ended ? NULL : page + page_at(page)->used_bytes;
}

/* The spare's buffer for the input's own, which is used up. */
static wr_status take_spare(wr_merge *merge, wr_merge_input *input, uint64_t *out_last,
                            wr_error *err)
{
    wr_merge_spare *spare = input->spare;
    uint8_t *buffer = input->buffer;

    wr_spill_task_await(input->spill, &spare->task);
    if (spare->status != WR_OK) /* once more, to have the message */
        WR_TRY(load(input, merge->key, spare->buffer, &spare->used_bytes, &spare->last, err));
    input->buffer = spare->buffer;
    input->used_bytes = spare->used_bytes;
    *out_last = spare->last;
    spare->buffer = buffer;
    spare->input = NULL;
    input->spare = NULL;
    return WR_OK;
}

static wr_status fill_buffer(wr_merge *merge, wr_merge_input *input, wr_error *err)
{
    wr_merge_spare *spare = input->spare;
    uint64_t *last = &merge->lasts[input - merge->inputs];

    if (spare)
        WR_TRY(take_spare(merge, input, last, err));
    else
        WR_TRY(load(input, merge->key, input->buffer, &input->used_bytes, last, err));
    begin_page(input, input->buffer);
    if (spare)
        forecast(merge, spare);
    return WR_OK;
}

/* The page is used up: on to the next one. */
static wr_status turn_page(wr_merge *merge, wr_merge_input *input, wr_error *err)
{
    if (input->row_end == input->buffer + input->used_bytes)
        return fill_buffer(merge, input, err);
    begin_page(input, input->row_end);
    return WR_OK;
}

/* ---- Codes ----------------------------------------------------------------------------------- */

/* The code of a key whose first digit that differs from the base is number `digit`. Nearer to the
 * base is smaller. Offset and value must be in the same unit: then, of two codes relative to one
 * base, the larger one is also the loser's code relative to the winner. */
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
    int order = 0;

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
    bool other_wins = other.code < winner->code;
    uint64_t code_swap;
    uint32_t input_swap;

    if (WR_UNLIKELY(other.code == winner->code)) {
        bool wins;
        uint64_t code;

        WR_TRY(settle_match(merge, other.code, other.input, winner->input, &wins, &code, err));
        other_wins = wins;
        if (wins)
            winner->code = code;
        else
            other.code = code;
    }
    /* Who wins is anybody's guess, so there is no branch on it. */
    code_swap = (other.code ^ winner->code) & -(uint64_t)other_wins;
    input_swap = (other.input ^ winner->input) & -(uint32_t)other_wins;
    *node = (wr_merge_node){other.code ^ code_swap, other.input ^ input_swap};
    winner->code ^= code_swap;
    winner->input ^= input_swap;
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

    merge->lasts[input - merge->inputs] = UINT64_MAX;
    if (input->cursor.stream) {
        WR_TRY(fill_buffer(merge, input, err));
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
        uint32_t at = (i + merge->input_count) / 2;

        WR_TRY(start_input(merge, &merge->inputs[i], &winner.code, err));
        for (; at > 0 && merge->nodes[at].input != WR_MERGE_NONE; at /= 2)
            WR_TRY(play(merge, &merge->nodes[at], &winner, err));
        merge->nodes[at] = winner;
    }
    for (uint32_t i = 0; i < merge->spare_count; i++)
        forecast(merge, &merge->spares[i]);
    return WR_OK;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Step past the winner's current row. */
WR_ALWAYS_INLINE wr_status step(wr_merge *merge, wr_error *err)
{
    wr_merge_input *input = &merge->inputs[merge->nodes[0].input];
    uint8_t *key = input->key;
    uint64_t code = CODE_ENDED;

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
        /* Wanted when this input has won again, in about input_count rows. */
        if (input->cursor.stream)
            wr_row_fetch(input->row + wr_row_bytes(input->row));
        else
            wr_sort_entry_fetch(input->entry, 0, (size_t)(input->entry_end - input->entry));
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

    while (count < rows_max && !wr_merge_is_done(merge)) {
        const uint8_t *row = merge->inputs[merge->nodes[0].input].row;
        bool keep = true;

        if (wr_row_bytes(row) > page_bytes - page->used_bytes)
            break;
        if (merge->top)
            WR_TRY(wr_sort_top_take(merge->top, row, &keep, err));
        if (keep) {
            const uint8_t *copy = (uint8_t *)page + page->used_bytes;

            wr_row_page_copy(page, page_bytes, row);
            if (merge->top)
                merge->top->kept = copy;
            count++;
        }
        WR_TRY(step(merge, err));
    }
    *out_count = count;
    return WR_OK;
}
