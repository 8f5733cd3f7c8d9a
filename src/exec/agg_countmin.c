/* exec/agg_countmin.c — the values that are there most often, in fixed space: count-min by prefix.
 *
 * A value is the bytes of a key that sorts as the values do; level n of the sketch counts their first
 * n + 1 bytes. A level is a count-min sketch: 5 rows of 192 cells, in each of which a prefix has one cell.
 * What a prefix is there for is never more than the least of its cells. Nothing but counts is kept, and they
 * add up: a state is a function of the values, whatever their order and however states were merged.
 * Reading: from the empty prefix down, what is longer by a byte and has a share of 1 % in all of its cells
 * is taken up; of more than NODES_MAX the most frequent. So no value of 1 % is missed, but where more
 * prefixes than that look as if they had it.
 * Error: a cell has n / 192 of others in the mean, more than n times e in at most 0.0052 / e of all cases;
 * all five of a value have in at most the fifth power of that: 1.31 % with a probability of 1 %.
 * Source: Cormode, Muthukrishnan, An improved data stream summary: the count-min sketch (2005), 5.2.
 * Cost: five counters a byte of the value, a hash a byte. Reading: NODES_MAX x 256 look-ups a byte. */
#include "base/hash.h"
#include "exec/agg_family.h"
#include "kernel/text_utf8.h"
#include "types/packed.h"

enum { NODES_MAX = 200, SHARE_MIN = 100 /* one in so many */, END = 256 /* of a text, as a byte */ };

/* ---- Keys ------------------------------------------------------------------------------------------------- */

static bool is_signed_number(wr_physical physical)
{
    return (physical >= WR_PHYS_I8 && physical <= WR_PHYS_I64) || physical == WR_PHYS_I128;
}

static bool is_float(wr_physical physical)
{
    return physical == WR_PHYS_F32 || physical == WR_PHYS_F64;
}

/* Equal numbers have equal bytes; -0.0 and the other NaN are not kept. */
static void settle_float(wr_physical physical, uint8_t *bytes)
{
    float  narrow;
    double wide;

    if (physical == WR_PHYS_F32) {
        memcpy(&narrow, bytes, sizeof narrow);
        narrow = narrow != narrow ? (float)NAN : narrow + 0.0f;
        memcpy(bytes, &narrow, sizeof narrow);
    } else {
        memcpy(&wide, bytes, sizeof wide);
        wide = wide != wide ? (double)NAN : wide + 0.0;
        memcpy(bytes, &wide, sizeof wide);
    }
}

static void reverse(const uint8_t *from, uint8_t *to, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] = from[count - 1 - i];
}

static void invert(uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)~bytes[i];
}

/* A number's key: its bytes from the highest on, made to sort as the numbers do. */
static uint32_t make_key(wr_physical physical, const void *value, uint8_t *key)
{
    uint32_t count = wr_physical_bytes(physical);
    uint8_t  bytes[CELL_KEY_BYTES];

    memcpy(bytes, value, count);
    if (is_float(physical))
        settle_float(physical, bytes);
    reverse(bytes, key, count);
    if (is_float(physical) && key[0] & 0x80)
        invert(key, count);
    else if (is_float(physical) || is_signed_number(physical))
        key[0] ^= 0x80;
    return count;
}

static void take_key(wr_physical physical, const uint8_t *key, void *out_value)
{
    uint32_t count = wr_physical_bytes(physical);
    uint8_t  bytes[CELL_KEY_BYTES];

    memcpy(bytes, key, count);
    if (is_float(physical) && !(bytes[0] & 0x80))
        invert(bytes, count);
    else if (is_float(physical) || is_signed_number(physical))
        bytes[0] ^= 0x80;
    reverse(bytes, out_value, count);
}

/* ---- Counting -------------------------------------------------------------------------------------------- */

static uint64_t hash_longer(uint64_t prefix, uint32_t symbol)
{
    return wr_hash_u64(prefix + (symbol + 1) * 0x9e3779b97f4a7c15ull);
}

static uint32_t column_of(uint64_t hash, uint32_t row)
{
    uint32_t mixed = (uint32_t)hash + row * ((uint32_t)(hash >> 32) | 1);

    return (uint32_t)((uint64_t)mixed * CELL_COLUMNS >> 32);
}

static void count_prefix(cells *state, uint32_t level, uint64_t hash)
{
    for (uint32_t row = 0; row < CELL_ROWS; row++)
        state->counts[level][row][column_of(hash, row)]++;
}

static void count_key(cells *state, const uint8_t *key, uint32_t byte_count, bool has_end)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < byte_count; i++) {
        hash = hash_longer(hash, key[i]);
        count_prefix(state, i, hash);
    }
    if (has_end && byte_count < CELL_KEY_BYTES)
        count_prefix(state, byte_count, hash_longer(hash, END));
}

wr_status wr_agg_cells_add(cells *state, wr_type type, const void *value, wr_error *err)
{
    wr_physical physical = wr_type_physical(type);
    uint8_t     key[CELL_KEY_BYTES] = {0};
    char        name[WR_TYPE_NAME_BYTES];

    if (physical == WR_PHYS_STR) {
        const wr_str *str = value;

        if (str->byte_count > CELL_KEY_BYTES)
            return WR_RAISE(err, WR_DATA,
                            "countmin_state() counts texts of at most %d bytes, one has %u: count "
                            "hash(x), or approx_most_frequent(x, k)", CELL_KEY_BYTES,
                            str->byte_count);
        count_key(state, (const uint8_t *)wr_str_bytes(str), str->byte_count, true);
    } else {
        count_key(state, key, make_key(physical, value, key), false);
    }
    if (state->fields.total++ == 0) {
        wr_type_format(type, name);
        memcpy(state->fields.type, name, strlen(name));
    }
    return WR_OK;
}

/* ---- Merging ------------------------------------------------------------------------------------------------ */

wr_status wr_agg_cells_merge_fields(cells *state, const cell_fields *other, wr_error *err)
{
    if (state->fields.total == 0)
        memcpy(state->fields.type, other->type, sizeof other->type);
    else if (other->total > 0 && strcmp(state->fields.type, other->type) != 0)
        return WR_RAISE(err, WR_DATA, "states of countmin_state() have values of type %s and of %s: "
                        "group by what tells them apart", state->fields.type, other->type);
    state->fields.total += other->total;
    return WR_OK;
}

void wr_agg_cells_merge_row(cells *state, uint32_t level, uint32_t row, const uint64_t *counts)
{
    for (uint32_t i = 0; i < CELL_COLUMNS; i++)
        state->counts[level][row][i] += counts[i];
}

wr_status wr_agg_cells_merge(cells *state, const cells *other, wr_error *err)
{
    WR_TRY(wr_agg_cells_merge_fields(state, &other->fields, err));
    for (uint32_t level = 0; level < CELL_KEY_BYTES; level++)
        for (uint32_t row = 0; row < CELL_ROWS; row++)
            wr_agg_cells_merge_row(state, level, row, other->counts[level][row]);
    return WR_OK;
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

/* A prefix and how often it is there, at most. */
typedef struct node {
    uint64_t count;
    uint8_t  key[CELL_KEY_BYTES];
    uint8_t  byte_count;
    bool     is_whole;
} node;

/* The most frequent first, of equal ones the least. */
typedef struct node_list {
    uint32_t count;
    node     nodes[NODES_MAX];
} node_list;

static bool goes_before(const node *a, const node *b)
{
    int order = memcmp(a->key, b->key, sizeof a->key);

    if (a->count != b->count)
        return a->count > b->count;
    return order != 0 ? order < 0 : a->byte_count < b->byte_count;
}

static void offer(node_list *list, const node *offered)
{
    uint32_t at = list->count;

    if (at == NODES_MAX && !goes_before(offered, &list->nodes[--at]))
        return;
    list->count += list->count < NODES_MAX;
    for (; at > 0 && goes_before(offered, &list->nodes[at - 1]); at--)
        list->nodes[at] = list->nodes[at - 1];
    list->nodes[at] = *offered;
}

static uint64_t count_of(const cells *state, uint32_t level, uint64_t hash, uint64_t least_wanted)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t row = 0; row < CELL_ROWS && least >= least_wanted; row++) {
        uint64_t count = state->counts[level][row][column_of(hash, row)];

        least = count < least ? count : least;
    }
    return least;
}

/* All that are longer than `prefix` by a byte, or end there, and are frequent. */
static void offer_longer(const cells *state, const node *prefix, bool has_end,
                         uint64_t least_wanted, node_list *out)
{
    uint32_t level = prefix->byte_count;
    uint64_t hash = 0;

    for (uint32_t i = 0; i < level; i++)
        hash = hash_longer(hash, prefix->key[i]);
    for (uint32_t symbol = 0; symbol < 256u + has_end; symbol++) {
        node     next = *prefix;
        uint64_t count = count_of(state, level, hash_longer(hash, symbol), least_wanted);

        if (count < least_wanted)
            continue;
        next.count = count < next.count ? count : next.count;
        next.is_whole = symbol == END;
        if (symbol < END)
            next.key[next.byte_count++] = (uint8_t)symbol;
        offer(out, &next);
    }
}

static void take_level(const cells *state, uint64_t least_wanted, bool has_end, node_list *io)
{
    node_list next;

    next.count = 0;
    for (uint32_t i = 0; i < io->count; i++)
        if (io->nodes[i].is_whole)
            offer(&next, &io->nodes[i]);
        else
            offer_longer(state, &io->nodes[i], has_end, least_wanted, &next);
    io->count = next.count;
    memcpy(io->nodes, next.nodes, next.count * sizeof next.nodes[0]);
}

/* Damage can make texts that are none. */
static bool is_value(wr_type type, const node *found)
{
    return type.logical != WR_TYPE_UTF8 || wr_utf8_is_valid(found->key, found->byte_count);
}

static void pack_found(const node_list *found, wr_type list, uint32_t values_max, wr_packer *out)
{
    wr_type          entry = wr_type_element(list), type = wr_agg_counted_value(list);
    wr_physical      physical = wr_type_physical(type);
    wr_list_packer   packed;
    wr_struct_packer strukt;

    wr_list_pack_begin(&packed, out, entry);
    for (uint32_t i = 0, given = 0; i < found->count && given < values_max; i++) {
        const node *value = &found->nodes[i];
        wr_str      str = wr_str_of((const char *)value->key, value->byte_count);
        _Alignas(16) uint8_t cell[CELL_KEY_BYTES];

        if (!is_value(type, value))
            continue;
        given++;
        if (physical != WR_PHYS_STR)
            take_key(physical, value->key, cell);
        wr_list_pack_open(&packed);
        wr_struct_pack_begin(&strukt, out, entry);
        wr_struct_pack_cell(&strukt, physical == WR_PHYS_STR ? (const void *)&str : cell);
        wr_struct_pack_cell(&strukt, &value->count);
        wr_list_pack_close(&packed);
    }
    wr_list_pack_end(&packed);
}

wr_str wr_agg_cells_finish(read_cells *state, wr_type list, uint32_t values_max)
{
    wr_physical physical = wr_type_physical(wr_agg_counted_value(list));
    bool        is_text = physical == WR_PHYS_STR;
    uint32_t    levels = is_text ? CELL_KEY_BYTES : wr_physical_bytes(physical);
    uint64_t    total = state->cells.fields.total;
    wr_packer   out = {.bytes = state->list, .capacity = sizeof state->list};
    node_list   found;

    if (total == 0)
        return wr_str_of("", 0);
    found.count = 1;
    found.nodes[0] = (node){.count = total};
    for (uint32_t level = 0; level < levels; level++)
        take_level(&state->cells, (total - 1) / SHARE_MIN + 1, is_text, &found);
    pack_found(&found, list, values_max, &out);
    wr_assert(!out.is_full, "the list has room for as many values as may be asked for");
    return wr_str_of((const char *)state->list, out.used);
}
