/* exec/agg_sketch_state.c — states of sketches as binary values that outlive a run (docs/sketches.md).
 *
 * A state is the bytes of the sketch itself behind a head: kind, version, a hash of the rest. So
 * exporting fills in the head and points at the state; importing believes nothing: length, head, hash
 * and every number are checked before the first one is merged. Bytes are little-endian.
 * Cost: a hash of 4, 8 or 120 KB; importing reads them twice. */
#include "base/hash.h"
#include "exec/agg_family.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "states are kept as they lie in memory");
_Static_assert(sizeof(registers) == 4112 && sizeof(buckets) == 8272 &&
                   sizeof(cells) == 122960,
               "the format is fixed");

enum {
    PIECE_BYTES = 1024,
    RANK_MAX = 64 - REGISTER_BITS + 1,
    LEVEL_MAX = 16,
    INDEX_MAX = 372600, /* of the finest bucket that holds a double */
};

static const uint32_t REGISTERS_MAGIC = 0x4c4c4857; /* "WHLL" */
static const uint32_t BUCKETS_MAGIC = 0x53444457;   /* "WDDS" */
static const uint32_t CELLS_MAGIC = 0x534d4357;     /* "WCMS" */
static const uint16_t VERSION = 1;

static uint64_t add_to_check(uint64_t check, const void *piece, size_t bytes)
{
    return wr_hash_combine(check, wr_hash_bytes(piece, bytes));
}

static wr_str export_state(sketch_head *head, uint32_t magic, uint16_t detail, uint32_t bytes)
{
    const uint8_t *body = (const uint8_t *)(head + 1);
    uint32_t       left = bytes - (uint32_t)sizeof *head;

    *head = (sketch_head){magic, VERSION, detail, 0};
    for (; left > 0; left -= left < PIECE_BYTES ? left : PIECE_BYTES, body += PIECE_BYTES)
        head->check = add_to_check(head->check, body, left < PIECE_BYTES ? left : PIECE_BYTES);
    return wr_str_of((const char *)head, bytes);
}

wr_str wr_agg_registers_export(registers *state)
{
    return export_state(&state->head, REGISTERS_MAGIC, REGISTER_BITS, sizeof *state);
}

wr_str wr_agg_buckets_export(buckets *state)
{
    return export_state(&state->head, BUCKETS_MAGIC, BUCKET_COUNT, sizeof *state);
}

wr_str wr_agg_cells_export(cells *state)
{
    return export_state(&state->head, CELLS_MAGIC, CELL_COLUMNS, sizeof *state);
}

/* ---- Import ------------------------------------------------------------------------------------------ */

static wr_status read_bytes(const wr_str *state, uint64_t offset, void *buffer, uint32_t bytes,
                            wr_error *err)
{
    if (!wr_str_is_blob(state)) {
        memcpy(buffer, wr_str_bytes(state) + offset, bytes);
        return WR_OK;
    }
    return wr_blob_read(wr_str_blob(state), offset, buffer, bytes, err);
}

/* Length, head and hash. */
static wr_status check_state(const wr_str *state, uint32_t magic, uint16_t detail, uint32_t bytes,
                             const char *name, wr_error *err)
{
    sketch_head head;
    uint8_t     piece[PIECE_BYTES];
    uint64_t    check = 0;

    if (state->byte_count != bytes)
        return WR_RAISE(err, WR_DATA, "a state of %s has %u bytes, this value has %u", name, bytes,
                        state->byte_count);
    WR_TRY(read_bytes(state, 0, &head, sizeof head, err));
    if (head.magic != magic)
        return WR_RAISE(err, WR_DATA, "a value is no state of %s", name);
    if (head.version != VERSION || head.detail != detail)
        return WR_RAISE(err, WR_DATA, "a state of %s has version %u.%u, known is %u.%u", name,
                        head.version, head.detail, VERSION, detail);
    for (uint32_t at = sizeof head, now; at < bytes; at += now) {
        now = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
        WR_TRY(read_bytes(state, at, piece, now, err));
        check = add_to_check(check, piece, now);
    }
    if (check != head.check)
        return WR_RAISE(err, WR_DATA, "a state of %s is damaged: its hash is not that of its bytes",
                        name);
    return WR_OK;
}

static wr_status impossible(const char *name, wr_error *err)
{
    return WR_RAISE(err, WR_DATA, "a state of %s is damaged: it says what no sketch can", name);
}

wr_status wr_agg_registers_import(registers *state, const wr_str *bytes, wr_error *err)
{
    static const char NAME[] = "hll_state()";
    registers         other;

    WR_TRY(check_state(bytes, REGISTERS_MAGIC, REGISTER_BITS, sizeof other, NAME, err));
    WR_TRY(read_bytes(bytes, 0, &other, sizeof other, err));
    for (uint32_t i = 0; i < REGISTER_COUNT; i++)
        if (other.ranks[i] > RANK_MAX)
            return impossible(NAME, err);
    wr_agg_registers_merge(state, &other);
    return WR_OK;
}

/* Buckets lie where a double can be. */
static bool are_ranges_possible(const bucket_fields *fields)
{
    if (fields->level > LEVEL_MAX || fields->reserved != 0 || fields->used[0] > BUCKET_COUNT ||
        fields->used[1] > BUCKET_COUNT - fields->used[0])
        return false;
    for (uint32_t sign = 0; sign < 2; sign++) {
        int64_t most = (INDEX_MAX >> fields->level) + 1;
        int64_t least = fields->least[sign], last = least + (int64_t)fields->used[sign] - 1;

        if (fields->used[sign] > 0 ? least < -most || last > most : least != 0)
            return false;
    }
    return true;
}

static bool add_count(uint64_t *io_total, uint64_t count)
{
    return !__builtin_add_overflow(*io_total, count, io_total) && *io_total < 1ull << 62;
}

/* Is the bucket at `slot` one of those in use; must it have values, as the first or last one? */
static bool is_bucket_possible(const bucket_fields *fields, uint32_t slot, uint64_t count)
{
    uint32_t sign = slot < fields->used[0] ? 0 : 1;
    uint32_t at = sign ? BUCKET_COUNT - 1 - slot : slot;

    if (at >= fields->used[sign])
        return count == 0;
    return count > 0 || (at > 0 && at < fields->used[sign] - 1);
}

/* All numbers, but the hash: piece by piece. */
static wr_status check_buckets(const wr_str *bytes, const bucket_fields *fields, const char *name,
                               wr_error *err)
{
    uint64_t counts[PIECE_BYTES / sizeof(uint64_t)], total = 0;
    bool     fits = add_count(&total, fields->nan_count) && add_count(&total, fields->zero_count) &&
                add_count(&total, fields->infinite[0]) && add_count(&total, fields->infinite[1]);

    if (!fits || !are_ranges_possible(fields))
        return impossible(name, err);
    for (uint32_t slot = 0; slot < BUCKET_COUNT; slot += PIECE_BYTES / sizeof(uint64_t)) {
        WR_TRY(read_bytes(bytes, sizeof(sketch_head) + slot * sizeof(uint64_t), counts,
                          sizeof counts, err));
        for (uint32_t i = 0; i < PIECE_BYTES / sizeof(uint64_t); i++)
            if (!add_count(&total, counts[i]) || !is_bucket_possible(fields, slot + i, counts[i]))
                return impossible(name, err);
    }
    return total == fields->total ? WR_OK : impossible(name, err);
}

wr_status wr_agg_buckets_import(buckets *state, const wr_str *bytes, wr_error *err)
{
    static const char NAME[] = "ddsketch_state()";
    bucket_fields     fields;
    uint64_t          counts[PIECE_BYTES / sizeof(uint64_t)];

    WR_TRY(check_state(bytes, BUCKETS_MAGIC, BUCKET_COUNT, sizeof(buckets), NAME, err));
    WR_TRY(read_bytes(bytes, offsetof(buckets, fields), &fields, sizeof fields, err));
    WR_TRY(check_buckets(bytes, &fields, NAME, err));
    wr_agg_buckets_merge_fields(state, &fields);
    for (uint32_t slot = 0; slot < BUCKET_COUNT; slot += PIECE_BYTES / sizeof(uint64_t)) {
        WR_TRY(read_bytes(bytes, sizeof(sketch_head) + slot * sizeof(uint64_t), counts,
                          sizeof counts, err));
        wr_agg_buckets_merge_counts(state, &fields, slot, counts,
                                    PIECE_BYTES / sizeof(uint64_t));
    }
    return WR_OK;
}

/* ---- Frequent values ----------------------------------------------------------------------------------- */

static bool is_name_possible(const cell_fields *fields)
{
    const char *end = memchr(fields->type, 0, sizeof fields->type);

    for (const char *at = end; at && at < fields->type + sizeof fields->type; at++)
        if (*at)
            return false;
    return end && end > fields->type && fields->reserved == 0;
}

static wr_status read_row(const wr_str *bytes, uint32_t level, uint32_t row, uint64_t *counts,
                          wr_error *err)
{
    return read_bytes(bytes,
                      offsetof(cells, counts) +
                          ((uint64_t)level * CELL_ROWS + row) * CELL_COLUMNS * sizeof counts[0],
                      counts, CELL_COLUMNS * sizeof counts[0], err);
}

/* Each value is once in every row of a level, and a value of n bytes in no more than n + 1 levels. */
static wr_status check_cells(const wr_str *bytes, const cell_fields *fields, const char *name,
                             wr_error *err)
{
    uint64_t counts[CELL_COLUMNS], left = fields->total;

    if (!is_name_possible(fields) || left >= 1ull << 62)
        return impossible(name, err);
    for (uint32_t level = 0; level < CELL_KEY_BYTES; level++) {
        uint64_t of_level = 0;

        for (uint32_t row = 0; row < CELL_ROWS; row++) {
            uint64_t of_row = 0;

            WR_TRY(read_row(bytes, level, row, counts, err));
            for (uint32_t i = 0; i < CELL_COLUMNS; i++)
                if (!add_count(&of_row, counts[i]))
                    return impossible(name, err);
            of_level = row == 0 ? of_row : of_level;
            if (of_row != of_level || of_row > left || (level == 0 && of_row != left))
                return impossible(name, err);
        }
        left = of_level;
    }
    return WR_OK;
}

wr_status wr_agg_cells_import(cells *state, const wr_str *bytes, const wr_type *values,
                              wr_error *err)
{
    static const char NAME[] = "countmin_state()";
    cell_fields       fields;
    uint64_t          counts[CELL_COLUMNS];
    char              wanted[WR_TYPE_NAME_BYTES];

    WR_TRY(check_state(bytes, CELLS_MAGIC, CELL_COLUMNS, sizeof(cells), NAME, err));
    WR_TRY(read_bytes(bytes, offsetof(cells, fields), &fields, sizeof fields, err));
    WR_TRY(check_cells(bytes, &fields, NAME, err));
    if (values && strcmp(wr_type_format(*values, wanted), fields.type) != 0)
        return WR_RAISE(err, WR_DATA,
                        "a state of %s has values of type %s, not %s: say "
                        "countmin_frequent(s, k, '%s')", NAME, fields.type, wanted, fields.type);
    WR_TRY(wr_agg_cells_merge_fields(state, &fields, err));
    for (uint32_t level = 0; level < CELL_KEY_BYTES; level++)
        for (uint32_t row = 0; row < CELL_ROWS; row++) {
            WR_TRY(read_row(bytes, level, row, counts, err));
            wr_agg_cells_merge_row(state, level, row, counts);
        }
    return WR_OK;
}
