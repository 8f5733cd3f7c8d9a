/* exec/sortkey.c — encoding and comparing sort keys. */
#include "exec/sortkey.h"

#include <string.h>

#include "base/bits.h"

enum { FIXED_BYTES_MAX = 16, TERMINATOR = 0x00, ESCAPE = 0x01 };

/* ---- Facts ----------------------------------------------------------------------------------- */

uint64_t wr_sortkey_bytes(uint32_t key_count)
{
    return wr_round_up((uint64_t)key_count * sizeof(wr_sortkey_column), 16);
}

static uint32_t encoded_bytes_of(uint8_t physical)
{
    return physical == WR_PHYS_STR ? (uint32_t)WR_SORTKEY_BYTES_MAX
                                   : wr_physical_bytes((wr_physical)physical);
}

static void update_bytes_max(wr_sortkey *key)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < key->column_count; i++)
        bytes += key->columns[i].may_be_null + encoded_bytes_of(key->columns[i].physical);
    bytes = wr_round_up(bytes, 8);
    key->bytes_max = bytes < WR_SORTKEY_BYTES_MAX ? (uint32_t)bytes : WR_SORTKEY_BYTES_MAX;
}

wr_status wr_sortkey_init(wr_sortkey *key, const wr_row_layout *layout, const wr_sort_key *keys,
                          uint32_t key_count, wr_bump *bump, wr_error *err)
{
    wr_sortkey_column *columns = WR_BUMP_NEW_ARRAY(bump, wr_sortkey_column, key_count, err);

    if (!columns)
        return WR_NO_MEMORY;
    *key = (wr_sortkey){.layout = layout, .columns = columns, .column_count = key_count};
    for (uint32_t i = 0; i < key_count; i++) {
        uint32_t    column = keys[i].column;
        wr_physical physical = wr_type_physical(layout->types[column]);

        columns[i] = (wr_sortkey_column){
            .offset = layout->offsets[column],
            .null_offset = layout->null_offset + column / 8,
            .null_mask = (uint8_t)(1u << column % 8),
            .physical = (uint8_t)physical,
            .descending = keys[i].descending,
            .nulls_first = keys[i].nulls_first,
            .column = column,
        };
        key->has_strings |= physical == WR_PHYS_STR;
    }
    update_bytes_max(key);
    return WR_OK;
}

static bool any_null(const wr_sortkey_column *column, const uint8_t *const *rows, uint32_t count)
{
    uint8_t bits = 0;

    for (uint32_t i = 0; i < count; i++)
        bits |= rows[i][column->null_offset];
    return bits & column->null_mask;
}

static bool any_blob(const wr_sortkey_column *column, const uint8_t *const *rows, uint32_t count)
{
    bool found = false;

    for (uint32_t i = 0; i < count; i++) {
        const wr_str *slot = (const wr_str *)(rows[i] + column->offset);
        found |= wr_str_is_blob(slot);
    }
    return found;
}

void wr_sortkey_observe(wr_sortkey *key, const uint8_t *const *rows, uint32_t count)
{
    bool learnt = false;

    for (uint32_t i = 0; i < key->column_count; i++) {
        wr_sortkey_column *column = &key->columns[i];

        if (!column->may_be_null && any_null(column, rows, count)) {
            column->may_be_null = true;
            learnt = true;
        }
        if (!key->has_blobs && column->physical == WR_PHYS_STR)
            key->has_blobs = any_blob(column, rows, count);
    }
    if (learnt)
        update_bytes_max(key);
}

void wr_sortkey_merge(wr_sortkey *key, const wr_sortkey *other)
{
    for (uint32_t i = 0; i < key->column_count; i++)
        key->columns[i].may_be_null |= other->columns[i].may_be_null;
    key->has_blobs |= other->has_blobs;
    update_bytes_max(key);
}

void wr_sortkey_assume_all(wr_sortkey *key)
{
    for (uint32_t i = 0; i < key->column_count; i++)
        key->columns[i].may_be_null = true;
    key->has_blobs = key->has_strings;
    update_bytes_max(key);
}

/* ---- Encode ---------------------------------------------------------------------------------- */

/* Is any byte 00 or 01? */
static inline bool has_escapes(uint64_t bytes)
{
    return ((bytes - 0x0202020202020202) & ~bytes & 0x8080808080808080) != 0;
}

/* Byte by byte, escaping. Stops at `end` or soon after. */
static uint8_t *put_escaped(uint8_t *at, const uint8_t *end, const char *bytes, uint32_t count,
                            uint8_t mask)
{
    for (uint32_t i = 0; i < count && at < end; i++) {
        uint8_t byte = (uint8_t)bytes[i];

        if (byte <= ESCAPE) {
            *at++ = ESCAPE ^ mask;
            byte++;
        }
        *at++ = byte ^ mask;
    }
    return at;
}

/* Up to 12 bytes out of the view itself, whose unused bytes are zero. */
static inline uint8_t *put_inline(uint8_t *at, const uint8_t *end, const wr_str *str, uint64_t mask)
{
    const char *bytes = (const char *)str + offsetof(wr_str, prefix); /* goes on in `pointer` */
    uint32_t    count = str->byte_count;
    uint64_t    low = wr_load_u64(bytes), high = wr_load_u32(bytes + 8);
    uint64_t low_unused = count < 8 ? ~(uint64_t)0 << 8 * count : 0;
    uint64_t high_unused = ~(uint64_t)0 << (count > 8 ? 8 * (count - 8) : 0);

    if (WR_UNLIKELY(has_escapes(low | low_unused) || has_escapes(high | high_unused)))
        return put_escaped(at, end, bytes, count, (uint8_t)mask);
    wr_store_u64(at, low ^ mask);
    wr_store_u64(at + 8, high ^ mask);
    return at + count;
}

static uint8_t *put_bytes(uint8_t *at, const uint8_t *end, const char *bytes, uint32_t count,
                          uint64_t mask)
{
    while (count >= 8 && at < end) {
        uint64_t word = wr_load_u64(bytes);

        if (WR_UNLIKELY(has_escapes(word)))
            at = put_escaped(at, end, bytes, 8, (uint8_t)mask);
        else {
            wr_store_u64(at, word ^ mask);
            at += 8;
        }
        bytes += 8;
        count -= 8;
    }
    return put_escaped(at, end, bytes, count, (uint8_t)mask);
}

/* `str` holds an address, not an offset. Once blobs were seen every string is looked at no further
 * than a blob's head. */
static uint8_t *put_string(bool has_blobs, uint8_t *at, const uint8_t *end, const wr_str *str,
                           uint64_t mask, bool *out_cut)
{
    uint32_t count = str->byte_count;

    if (wr_str_is_inline(str)) {
        at = put_inline(at, end, str, mask);
    } else if (!has_blobs) {
        at = put_bytes(at, end, (const char *)str->pointer, count, mask);
    } else {
        const char *bytes = (const char *)(str->pointer & ~WR_STR_BLOB_BIT);

        if (wr_str_is_blob(str))
            bytes += offsetof(wr_row_blob, head);
        *out_cut = count > WR_ROW_BLOB_HEAD_BYTES;
        at = put_bytes(at, end, bytes, *out_cut ? WR_ROW_BLOB_HEAD_BYTES : count, mask);
    }
    *at++ = (uint8_t)((*out_cut ? ESCAPE : TERMINATOR) ^ mask);
    return at;
}

static inline uint64_t order_f32(const uint8_t *slot)
{
    float    value;
    uint32_t bits;

    memcpy(&value, slot, sizeof value);
    if (value != value)
        return UINT32_MAX;
    if (value == 0)
        value = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 31 ? (uint32_t)~bits : bits | (uint32_t)1 << 31;
}

static inline uint64_t order_f64(const uint8_t *slot)
{
    double   value;
    uint64_t bits;

    memcpy(&value, slot, sizeof value);
    if (value != value)
        return UINT64_MAX;
    if (value == 0)
        value = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static inline wr_i128 load_i128(const uint8_t *slot)
{
    wr_i128 value;

    memcpy(&value, slot, sizeof value);
    return value;
}

static inline wr_i128 load_interval(const uint8_t *slot)
{
    wr_interval value;

    memcpy(&value, slot, sizeof value);
    return wr_interval_total_us(value);
}

static inline uint8_t *put_i128(uint8_t *at, wr_i128 value, uint64_t mask)
{
    wr_store_u64_be(at, ((uint64_t)(value >> 64) ^ (uint64_t)1 << 63) ^ mask);
    wr_store_u64_be(at + 8, (uint64_t)value ^ mask);
    return at + 16;
}

/* The low `bytes` bytes of an already ordered word. */
static inline uint8_t *put_word(uint8_t *at, uint64_t word, uint32_t bytes, uint64_t mask)
{
    wr_store_u64_be(at, (word ^ mask) << (64 - 8 * bytes));
    return at + bytes;
}

static inline uint8_t *put_fixed(uint8_t *at, wr_physical physical, const uint8_t *slot,
                                 uint64_t mask)
{
    uint16_t half;

    switch (physical) {
    case WR_PHYS_BOOL:
    case WR_PHYS_U8:
        return put_word(at, *slot, 1, mask);
    case WR_PHYS_I8:
        return put_word(at, *slot ^ 0x80u, 1, mask);
    case WR_PHYS_U16:
        memcpy(&half, slot, sizeof half);
        return put_word(at, half, 2, mask);
    case WR_PHYS_I16:
        memcpy(&half, slot, sizeof half);
        return put_word(at, half ^ 0x8000u, 2, mask);
    case WR_PHYS_U32:
        return put_word(at, wr_load_u32(slot), 4, mask);
    case WR_PHYS_I32:
        return put_word(at, wr_load_u32(slot) ^ (uint32_t)1 << 31, 4, mask);
    case WR_PHYS_U64:
        return put_word(at, wr_load_u64(slot), 8, mask);
    case WR_PHYS_I64:
        return put_word(at, wr_load_u64(slot) ^ (uint64_t)1 << 63, 8, mask);
    case WR_PHYS_F32:
        return put_word(at, order_f32(slot), 4, mask);
    case WR_PHYS_F64:
        return put_word(at, order_f64(slot), 8, mask);
    case WR_PHYS_I128:
        return put_i128(at, load_i128(slot), mask);
    case WR_PHYS_INTERVAL:
        return put_i128(at, load_interval(slot), mask);
    case WR_PHYS_STR:
    case WR_PHYS_COUNT:
        break;
    }
    WR_UNREACHABLE();
}

uint32_t wr_sortkey_encode(const wr_sortkey *key, const uint8_t *row, uint32_t bytes_wanted,
                           uint8_t *out)
{
    uint8_t *at = out, *end = out + bytes_wanted;
    uint32_t done = 0;
    bool     is_cut = false;

    for (; done < key->column_count && at < end && !is_cut; done++) {
        const wr_sortkey_column *column = &key->columns[done];
        uint64_t                 mask = column->descending ? ~(uint64_t)0 : 0;

        if (column->may_be_null) {
            bool is_null = row[column->null_offset] & column->null_mask;

            *at++ = is_null != column->nulls_first;
            if (is_null)
                continue;
        }
        if (column->physical == WR_PHYS_STR) {
            wr_str str = wr_row_str(key->layout, row, column->column);
            at = put_string(key->has_blobs, at, end, &str, mask, &is_cut);
        } else
            at = put_fixed(at, (wr_physical)column->physical, row + column->offset, mask);
    }
    for (uint8_t *rest = at; rest < end; rest += 8)
        wr_store_u64(rest, 0);
    if (is_cut && at <= end)
        return WR_SORTKEY_CUT;
    return at > end || is_cut || done < key->column_count ? bytes_wanted + 1 : (uint32_t)(at - out);
}

/* ---- Bound ----------------------------------------------------------------------------------- */

/* The first eight bytes of a value's encoding. `value` of a string is a view with an address; a blob
 * must be one in a row. */
static uint64_t prefix_of(const wr_sortkey_column *column, const void *value)
{
    uint8_t  bytes[8 + FIXED_BYTES_MAX + 8] = {0};
    uint64_t mask = column->descending ? ~(uint64_t)0 : 0;
    bool     is_cut = false;

    if (column->physical == WR_PHYS_STR)
        put_string(true, bytes, bytes + 8, value, mask, &is_cut);
    else
        put_fixed(bytes, (wr_physical)column->physical, value, mask);
    return wr_load_u64_be(bytes);
}

wr_sortkey_bound wr_sortkey_bound_of(const wr_sortkey *key, const uint8_t *row)
{
    const wr_sortkey_column *column = &key->columns[0];
    wr_sortkey_bound         bound = {.is_null = row[column->null_offset] & column->null_mask};
    wr_str                   str;

    if (bound.is_null)
        return bound;
    if (column->physical == WR_PHYS_STR) {
        str = wr_row_str(key->layout, row, column->column);
        bound.prefix = prefix_of(column, &str);
    } else {
        bound.prefix = prefix_of(column, row + column->offset);
    }
    return bound;
}

/* Where a vector has its rows' values. */
typedef struct value_place {
    wr_vector_view   view;
    const wr_vector *vector;
    uint32_t         width;
    int64_t          element; /* of a sequence */
} value_place;

static value_place value_place_of(const wr_sortkey_column *column, const wr_vector *vector)
{
    value_place place = {.vector = vector,
                         .width = wr_physical_bytes((wr_physical)column->physical)};

    if (vector->encoding != WR_SEQ)
        place.view = wr_vector_view_of(vector, NULL);
    return place;
}

/* NULL: the value is. */
static inline const uint8_t *value_at(value_place *place, uint32_t row)
{
    uint32_t at = place->view.index ? place->view.index[row] : row;

    if (place->view.valid && !wr_bit_get(place->view.valid, at))
        return NULL;
    if (place->view.data)
        return (const uint8_t *)place->view.data + (size_t)at * place->width;
    place->element = place->vector->seq_first + (int64_t)row * place->vector->seq_step;
    return (const uint8_t *)&place->element;
}

void wr_sortkey_prefixes(const wr_sortkey *key, uint32_t index, const wr_vector *vector,
                         const wr_selection *selection, uint32_t first, uint32_t count,
                         uint64_t *out_prefixes, bool *io_nulls)
{
    const wr_sortkey_column *column = &key->columns[index];
    value_place              place = value_place_of(column, vector);

    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *value = value_at(&place, wr_selection_row(selection, first + i));

        io_nulls[i] |= value == NULL;
        out_prefixes[i] = value ? prefix_of(column, value) : 0;
    }
}

uint32_t wr_sortkey_select(const wr_sortkey *key, const wr_sortkey_bound *bound,
                           const wr_vector *vector, const wr_selection *selection,
                           uint16_t *out_rows)
{
    const wr_sortkey_column *column = &key->columns[0];
    bool                     has_blobs = vector->flags & WR_VECTOR_BLOBS;
    value_place              place = value_place_of(column, vector);
    uint32_t                 kept = 0;

    for (uint32_t i = 0; i < selection->row_count; i++) {
        uint32_t       row = wr_selection_row(selection, i);
        const uint8_t *value = value_at(&place, row);
        bool           keep;

        if (!value)
            keep = bound->is_null || column->nulls_first;
        else if (bound->is_null)
            keep = !column->nulls_first;
        else if (has_blobs && wr_str_is_blob((const wr_str *)value))
            keep = true;
        else
            keep = prefix_of(column, value) <= bound->prefix;
        out_rows[kept] = (uint16_t)row;
        kept += keep;
    }
    return kept;
}

/* ---- Compare --------------------------------------------------------------------------------- */

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

#define ORDER_AS(ctype)                                                                            \
    do {                                                                                           \
        ctype x_, y_;                                                                              \
        memcpy(&x_, a, sizeof x_);                                                                 \
        memcpy(&y_, b, sizeof y_);                                                                 \
        return ORDER(x_, y_);                                                                      \
    } while (0)

static int compare_fixed(wr_physical physical, const uint8_t *a, const uint8_t *b)
{
    switch (physical) {
    case WR_PHYS_BOOL:
    case WR_PHYS_U8:
        ORDER_AS(uint8_t);
    case WR_PHYS_I8:
        ORDER_AS(int8_t);
    case WR_PHYS_U16:
        ORDER_AS(uint16_t);
    case WR_PHYS_I16:
        ORDER_AS(int16_t);
    case WR_PHYS_U32:
        ORDER_AS(uint32_t);
    case WR_PHYS_I32:
        ORDER_AS(int32_t);
    case WR_PHYS_U64:
        ORDER_AS(uint64_t);
    case WR_PHYS_I64:
        ORDER_AS(int64_t);
    case WR_PHYS_I128:
        ORDER_AS(wr_i128);
    case WR_PHYS_F32:
        return ORDER(order_f32(a), order_f32(b));
    case WR_PHYS_F64:
        return ORDER(order_f64(a), order_f64(b));
    case WR_PHYS_INTERVAL:
        return ORDER(load_interval(a), load_interval(b));
    case WR_PHYS_STR:
    case WR_PHYS_COUNT:
        break;
    }
    WR_UNREACHABLE();
}

wr_status wr_sortkey_compare_across(const wr_sortkey *a_key, const uint8_t *a,
                                    const wr_sortkey *b_key, const uint8_t *b, int *out_order,
                                    wr_error *err)
{
    int order = 0;

    for (uint32_t i = 0; order == 0 && i < a_key->column_count; i++) {
        const wr_sortkey_column *x = &a_key->columns[i], *y = &b_key->columns[i];
        bool a_null = a[x->null_offset] & x->null_mask;
        bool b_null = b[y->null_offset] & y->null_mask;

        if (a_null || b_null) {
            order = x->nulls_first ? b_null - a_null : a_null - b_null;
            continue;
        }
        if (x->physical == WR_PHYS_STR) {
            wr_str a_str = wr_row_str(a_key->layout, a, x->column);
            wr_str b_str = wr_row_str(b_key->layout, b, y->column);

            WR_TRY(wr_row_str_compare(&a_str, &b_str, &order, err));
        } else {
            order = compare_fixed((wr_physical)x->physical, a + x->offset, b + y->offset);
        }
        if (x->descending)
            order = (order < 0) - (order > 0);
    }
    *out_order = order;
    return WR_OK;
}

wr_status wr_sortkey_compare(const wr_sortkey *key, const uint8_t *a, const uint8_t *b,
                             int *out_order, wr_error *err)
{
    return wr_sortkey_compare_across(key, a, key, b, out_order, err);
}

bool wr_sortkey_has_null(const wr_sortkey *key, const uint8_t *row)
{
    for (uint32_t i = 0; i < key->column_count; i++)
        if (row[key->columns[i].null_offset] & key->columns[i].null_mask)
            return true;
    return false;
}
