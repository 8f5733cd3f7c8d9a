/* kernel/nested_twins.c — does a Map that is longer than memory hold a key twice?
 *
 * Each key leaves a note: its hash, where it lies, the number of its entry. Notes of keys whose hashes
 * begin alike go to one of 64 chains of pieces in scratch space, until those of a chain fit the room: there a
 * hash table finds notes of one hash, and their keys are compared. The answer is exact, and the first entry
 * whose key was there before, wherever the chains begin and end.
 * Cost: the Map is read once, a note of 16 bytes an entry written and read for each 6 bits that are needed to
 * tell the chains apart: none for few entries, one or two times for 10^7. */
#include <string.h>

#include "base/hash.h"
#include "kernel/nested_read_priv.h"

enum {
    CHAINS = 64, CHAIN_BITS = 6,
    LEVELS_MAX = 10,       /* that many times 6 bits are all of a hash but four */
    NOTES_MIN = 4,         /* of a piece                                        */
    PIECE_BYTES_MAX = WR_NESTED_PATCH_BYTES,
    NONE = UINT32_MAX,
};

typedef struct key_note {
    uint64_t hash;
    uint32_t place, index; /* of the key in the Map; of the entry */
} key_note;

/* How a piece begins; notes follow. */
typedef struct piece_head {
    wr_scratch_position before; /* 0: this is the chain's first piece */
    uint64_t            count;
} piece_head;

typedef struct chain {
    wr_scratch_position last;
    uint64_t            count;
} chain;

typedef struct search {
    wr_nested_stream *s;
    wr_scratch        scratch;
    uint64_t          begin;    /* of the Map, in what the sink has */
    wr_blob           blob;
    wr_packed         map;
    wr_type           type, key;
    uint8_t          *keys[2];  /* room for a key each              */
    size_t            key_bytes;
    uint32_t          found;    /* the first entry so far whose key was there before */
} search;

/* ---- Keys ---------------------------------------------------------------------------------------- */

static wr_status read_sink(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                           size_t *out_bytes, wr_error *err)
{
    const search         *f = blob->owner;
    const wr_nested_sink *sink = f->s->sink;
    uint64_t              left = blob->byte_count - offset;

    *out_bytes = bytes < left ? bytes : (size_t)left;
    return sink->read(sink->self, f->begin + offset, buffer, *out_bytes, err);
}

/* The key at `slot`, in the one spelling it has. */
static wr_status load_key(search *f, wr_slot slot, uint8_t *to, wr_error *err)
{
    wr_packed inside = {.bytes = to, .byte_count = slot.byte_count};
    bool      settled;

    if (slot.byte_count > f->key_bytes)
        return wr_nested_refuse(f->s, "a key of this Map is too long", wr_nested_place(f->s));
    WR_TRY(wr_packed_read(&f->map, slot.offset, to, (size_t)slot.byte_count, err));
    if (!wr_type_has_spellings(f->key))
        return WR_OK;
    if (wr_type_is_nested(f->key))
        return wr_packed_settle(&inside, f->key, to, &settled, err);
    wr_packed_settle_cell(f->key, to);
    return WR_OK;
}

static wr_status slot_of(const search *f, const key_note *note, wr_slot *out_slot, wr_error *err)
{
    uint32_t byte_count = wr_physical_bytes(wr_type_physical(f->key));

    if (wr_type_is_bytes(f->key))
        WR_TRY(wr_packed_read(&f->map, note->place - WR_LENGTH_BYTES, &byte_count, sizeof byte_count,
                              err));
    *out_slot = (wr_slot){.offset = note->place, .byte_count = byte_count};
    return WR_OK;
}

/* Two notes of one hash. */
static wr_status compare(search *f, const key_note *a, const key_note *b, bool *out_same,
                         wr_error *err)
{
    wr_slot slots[2];

    WR_TRY(slot_of(f, a, &slots[0], err));
    WR_TRY(slot_of(f, b, &slots[1], err));
    *out_same = slots[0].byte_count == slots[1].byte_count;
    if (!*out_same)
        return WR_OK;
    WR_TRY(load_key(f, slots[0], f->keys[0], err));
    WR_TRY(load_key(f, slots[1], f->keys[1], err));
    *out_same = memcmp(f->keys[0], f->keys[1], (size_t)slots[0].byte_count) == 0;
    return WR_OK;
}

static wr_status next_note(search *f, wr_list_cursor *cursor, uint32_t index, key_note *out_note,
                           bool *out_end, wr_error *err)
{
    wr_packed entry;
    wr_slot   slot, key;

    WR_TRY(wr_list_cursor_next(cursor, &slot, out_end, err));
    if (*out_end)
        return WR_OK;
    entry = wr_packed_inside(&f->map, slot);
    WR_TRY(wr_packed_member(&entry, wr_type_element(f->type), 0, &key, err));
    key.offset += slot.offset;
    WR_TRY(load_key(f, key, f->keys[0], err));
    *out_note = (key_note){wr_hash_bytes(f->keys[0], (size_t)key.byte_count), (uint32_t)key.offset,
                           index};
    return WR_OK;
}

/* ---- Notes that fit the room --------------------------------------------------------------------- */

static uint64_t table_bytes(uint64_t count)
{
    return count * sizeof(key_note) + wr_pow2_ceil(2 * count + 2) * sizeof(uint32_t);
}

/* Of twins the second one is found, in the order of entries. */
static wr_status find_in_table(search *f, const key_note *notes, uint32_t count, uint32_t *slots,
                               wr_error *err)
{
    uint32_t mask = (uint32_t)wr_pow2_ceil(2 * (uint64_t)count + 2) - 1;

    memset(slots, 0, ((size_t)mask + 1) * sizeof *slots);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t at = (uint32_t)notes[n].hash & mask;
        bool     same = false;

        for (; slots[at] && !same; at = (at + 1) & mask) {
            const key_note *other = &notes[slots[at] - 1];
            uint32_t        later;

            if (other->hash != notes[n].hash)
                continue;
            WR_TRY(compare(f, other, &notes[n], &same, err));
            later = other->index > notes[n].index ? other->index : notes[n].index;
            if (same && later < f->found)
                f->found = later;
            /* the earlier one stays, for what may come yet */
            if (same && notes[n].index < other->index)
                slots[at] = n + 1;
        }
        if (!same)
            slots[at] = n + 1;
    }
    return WR_OK;
}

/* ---- Chains -------------------------------------------------------------------------------------- */

/* The pieces of all chains that are being filled, one behind the other. */
typedef struct filling {
    chain    chains[CHAINS];
    uint8_t *pieces;
    size_t   piece_bytes;
    uint32_t notes_max, shift;
} filling;

static size_t piece_bytes(uint32_t note_count)
{
    return sizeof(piece_head) + note_count * sizeof(key_note);
}

static wr_status begin_filling(search *f, filling *to, uint8_t *room, size_t room_bytes,
                               uint32_t level)
{
    size_t each = room_bytes / CHAINS;

    memset(to->chains, 0, sizeof to->chains);
    if (each < piece_bytes(NOTES_MIN) || level == LEVELS_MAX)
        return wr_nested_refuse(f->s, "this Map has too many entries", wr_nested_place(f->s));
    each = each < PIECE_BYTES_MAX ? each : PIECE_BYTES_MAX;
    to->notes_max = (uint32_t)((each - sizeof(piece_head)) / sizeof(key_note));
    to->piece_bytes = piece_bytes(to->notes_max);
    to->pieces = room;
    to->shift = 64 - CHAIN_BITS * (level + 1);
    for (uint32_t c = 0; c < CHAINS; c++)
        *(piece_head *)(room + c * to->piece_bytes) = (piece_head){0};
    return WR_OK;
}

static wr_status put_piece(search *f, filling *to, uint32_t c, wr_error *err)
{
    piece_head *head = (piece_head *)(to->pieces + c * to->piece_bytes);

    if (head->count == 0)
        return WR_OK;
    WR_TRY(wr_scratch_append(f->scratch, head, piece_bytes((uint32_t)head->count),
                             &to->chains[c].last, err));
    to->chains[c].count += head->count;
    *head = (piece_head){.before = to->chains[c].last};
    return WR_OK;
}

static wr_status put_note(search *f, filling *to, const key_note *note, wr_error *err)
{
    uint32_t    c = (uint32_t)(note->hash >> to->shift) & (CHAINS - 1);
    piece_head *head = (piece_head *)(to->pieces + c * to->piece_bytes);

    if (note->index >= f->found)
        return WR_OK;
    if (head->count == to->notes_max)
        WR_TRY(put_piece(f, to, c, err));
    ((key_note *)(head + 1))[head->count++] = *note;
    return WR_OK;
}

/* The last piece of what is left of a chain. */
static wr_status take_piece(search *f, chain *from, uint8_t *room, size_t byte_count,
                            const key_note **out_notes, uint32_t *out_count, wr_error *err)
{
    const piece_head *head = (const piece_head *)room;
    size_t            got = 0;

    WR_TRY(wr_scratch_read(f->scratch, from->last, 0, room, byte_count, &got, err));
    if (got < sizeof *head || got != piece_bytes((uint32_t)head->count))
        return WR_RAISE(err, WR_CORRUPT, "a note of a long Map is cut");
    from->last = head->before;
    *out_notes = (const key_note *)(head + 1);
    *out_count = (uint32_t)head->count;
    return WR_OK;
}

static wr_status find_in_chain(search *f, chain from, size_t from_bytes, uint8_t *room,
                               size_t room_bytes, uint32_t level, wr_error *err);

static wr_status find_in_chains(search *f, filling *to, uint8_t *room, size_t room_bytes,
                                uint32_t level, wr_error *err)
{
    for (uint32_t c = 0; c < CHAINS; c++)
        WR_TRY(put_piece(f, to, c, err));
    for (uint32_t c = 0; c < CHAINS; c++)
        WR_TRY(find_in_chain(f, to->chains[c], to->piece_bytes, room, room_bytes, level + 1, err));
    return WR_OK;
}

/* The notes of a chain fit the room, behind a piece. */
static wr_status find_in_few(search *f, chain from, size_t from_bytes, uint8_t *room, wr_error *err)
{
    key_note *all = (key_note *)(room + from_bytes);
    uint32_t  used = 0;

    while (from.last) {
        const key_note *notes = NULL;
        uint32_t        count = 0;

        WR_TRY(take_piece(f, &from, room, from_bytes, &notes, &count, err));
        memcpy(all + used, notes, count * sizeof *notes);
        used += count;
    }
    return find_in_table(f, all, used, (uint32_t *)(all + used), err);
}

static wr_status find_in_chain(search *f, chain from, size_t from_bytes, uint8_t *room,
                               size_t room_bytes, uint32_t level, wr_error *err)
{
    filling to;

    if (from.count == 0)
        return WR_OK;
    if (from_bytes + table_bytes(from.count) <= room_bytes)
        return find_in_few(f, from, from_bytes, room, err);
    WR_TRY(begin_filling(f, &to, room + from_bytes, room_bytes - from_bytes, level));
    while (from.last) {
        const key_note *notes = NULL;
        uint32_t        count = 0;

        WR_TRY(take_piece(f, &from, room, from_bytes, &notes, &count, err));
        for (uint32_t n = 0; n < count; n++)
            WR_TRY(put_note(f, &to, &notes[n], err));
    }
    return find_in_chains(f, &to, room, room_bytes, level, err);
}

/* ---- Maps ---------------------------------------------------------------------------------------- */

static wr_status find(search *f, uint8_t *room, size_t room_bytes, wr_error *err)
{
    key_note      *notes = (key_note *)room, note;
    filling        to;
    wr_list_cursor cursor;
    uint64_t       count;
    uint32_t       used = 0;
    bool           few, end;

    WR_TRY(wr_packed_count(&f->map, &count, err));
    few = table_bytes(count) <= room_bytes;
    if (!few)
        WR_TRY(begin_filling(f, &to, room, room_bytes, 0));
    wr_list_cursor_init(&cursor, &f->map, f->type);
    for (;; used++) {
        WR_TRY(next_note(f, &cursor, used, &note, &end, err));
        if (end)
            break;
        if (few)
            notes[used] = note;
        else
            WR_TRY(put_note(f, &to, &note, err));
    }
    return few ? find_in_table(f, notes, used, (uint32_t *)(notes + used), err)
               : find_in_chains(f, &to, room, room_bytes, 0, err);
}

wr_status wr_nested_find_long_twin(wr_nested_stream *s, uint64_t begin, wr_type type,
                                   bool *out_found, uint64_t *out_index, wr_error *err)
{
    wr_scratch_area area;
    size_t          skip = -(uintptr_t)s->out.bytes & 15;
    uint8_t        *room = s->out.bytes + skip;
    size_t          room_bytes = s->out.capacity - skip, window = sizeof(wr_packed_window) + 8;
    search f = {.s = s, .begin = begin, .type = type, .found = NONE,
                .key = wr_type_member(wr_type_element(type), 0).type,
                .key_bytes = (size_t)s->room->text_bytes / 2,
                .keys = {s->room->text, s->room->text + s->room->text_bytes / 2}};
    wr_status status;

    wr_assert(s->out.used == 0, "all of the Map is given away");
    f.blob = (wr_blob){.byte_count = wr_packer_place(&s->out) - begin, .read = read_sink, .owner = &f};
    f.map = (wr_packed){.blob = &f.blob, .byte_count = f.blob.byte_count};
    window = (window + 15) / 16 * 16;
    if (room_bytes > 2 * window) {
        f.map.window = (wr_packed_window *)room;
        f.map.window->byte_count = 0;
        f.map.window->offset = 0;
        room += window;
        room_bytes -= window;
    }
    f.scratch = wr_scratch_open_area(*s->sink->scratch, &area);
    status = find(&f, room, room_bytes, err);
    wr_scratch_clear(f.scratch);
    *out_found = f.found != NONE;
    *out_index = f.found;
    return status;
}
