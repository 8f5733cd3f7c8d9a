/* expr/op_in.c — x IN (constants): one probe of a hash set.
 *
 * The set is built from the constants of the call when a worker prepares its state: open addressing,
 * half full at most. Values of up to 8 bytes are their own keys; -0 is 0 and every NaN is one.
 * Not found is NULL if a constant was. Memory: 8 + width bytes a constant, rounded up to
 * powers of two. Cost: 2 to 4 ns a row. */
#include "base/hash.h"
#include "expr/expr_priv.h"
#include "expr/operators.h"

typedef struct in_set {
    uint32_t  mask;     /* slots - 1 */
    uint32_t *slots;    /* 1 + index of a key, 0: empty */
    void     *keys;     /* uint64_t, wr_i128 or wr_str */
    uint32_t  key_count;
} in_set;

/* ---- Keys ------------------------------------------------------------------------------------------- */

static inline uint64_t key_of_f64(double x)
{
    uint64_t bits;

    if (x != x)
        return UINT64_MAX;
    x += 0.0; /* -0 becomes 0 */
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* `physical` is a literal at every call. */
WR_ALWAYS_INLINE uint64_t key64(wr_physical physical, const void *data, uint32_t i)
{
    switch (physical) {
    case WR_PHYS_F32:
        return key_of_f64((double)((const float *)data)[i]);
    case WR_PHYS_F64:
        return key_of_f64(((const double *)data)[i]);
    case WR_PHYS_I16:
    case WR_PHYS_U16:
        return ((const uint16_t *)data)[i];
    case WR_PHYS_I32:
    case WR_PHYS_U32:
        return ((const uint32_t *)data)[i];
    case WR_PHYS_I64:
    case WR_PHYS_U64:
        return ((const uint64_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

WR_ALWAYS_INLINE wr_i128 key128(wr_physical physical, const void *data, uint32_t i)
{
    return physical == WR_PHYS_I128 ? ((const wr_i128 *)data)[i]
                                    : wr_interval_total_us(((const wr_interval *)data)[i]);
}

static inline uint64_t hash128(wr_i128 key)
{
    return wr_hash_combine((uint64_t)key, (uint64_t)(key >> 64));
}

/* Index of the slot that holds the key or is free for it. */
static inline uint32_t find_slot64(const in_set *set, uint64_t key)
{
    const uint64_t *keys = set->keys;
    uint32_t        slot = (uint32_t)wr_hash_u64(key) & set->mask;

    while (set->slots[slot] != 0 && keys[set->slots[slot] - 1] != key)
        slot = (slot + 1) & set->mask;
    return slot;
}

static inline uint32_t find_slot128(const in_set *set, wr_i128 key)
{
    const wr_i128 *keys = set->keys;
    uint32_t       slot = (uint32_t)hash128(key) & set->mask;

    while (set->slots[slot] != 0 && keys[set->slots[slot] - 1] != key)
        slot = (slot + 1) & set->mask;
    return slot;
}

static inline uint32_t find_slot_str(const in_set *set, const wr_str *key)
{
    const wr_str *keys = set->keys;
    uint32_t slot = (uint32_t)wr_hash_bytes(wr_str_bytes(key), key->byte_count) & set->mask;

    while (set->slots[slot] != 0 && !wr_str_equal(&keys[set->slots[slot] - 1], key))
        slot = (slot + 1) & set->mask;
    return slot;
}

/* ---- Building ------------------------------------------------------------------------------------------ */

static uint32_t slot_count_of(const wr_expr *call)
{
    return (uint32_t)wr_pow2_ceil(2 * (uint64_t)call->arg_count);
}

static uint64_t in_prepare_bytes(const wr_expr *call)
{
    return slot_count_of(call) * sizeof(uint32_t) + 16 + (uint64_t)call->arg_count * 16 + 16;
}

static void add_key(in_set *set, wr_physical physical, const void *cell)
{
    uint32_t slot;

    if (physical == WR_PHYS_STR) {
        ((wr_str *)set->keys)[set->key_count] = *(const wr_str *)cell;
        slot = find_slot_str(set, cell);
    } else if (physical == WR_PHYS_I128 || physical == WR_PHYS_INTERVAL) {
        wr_i128 key = key128(physical, cell, 0);

        ((wr_i128 *)set->keys)[set->key_count] = key;
        slot = find_slot128(set, key);
    } else {
        uint64_t key = key64(physical, cell, 0);

        ((uint64_t *)set->keys)[set->key_count] = key;
        slot = find_slot64(set, key);
    }
    if (set->slots[slot] == 0)
        set->slots[slot] = ++set->key_count;
}

static wr_status in_prepare(wr_eval *eval, wr_bump *bump, wr_error *err)
{
    const wr_expr *call = eval->expr;
    in_set        *set = eval->state;

    set->mask = slot_count_of(call) - 1;
    set->slots = WR_BUMP_NEW_ARRAY(bump, uint32_t, slot_count_of(call), err);
    set->keys = wr_bump_alloc(bump, (size_t)call->arg_count * 16, err);
    if (!set->slots || !set->keys)
        return WR_NO_MEMORY;
    for (uint32_t i = 1; i < call->arg_count; i++) {
        const wr_value      *value = wr_call_constant(call, i);
        _Alignas(16) uint8_t cell[16];

        if (value->is_null)
            continue;
        wr_value_store(value, cell);
        add_key(set, wr_type_physical(value->type), cell);
    }
    return WR_OK;
}

/* ---- Probing --------------------------------------------------------------------------------------------- */

WR_ALWAYS_INLINE void probe64(const wr_eval *eval, wr_physical physical, const void *data,
                              uint8_t *out)
{
    const in_set *set = eval->state;

    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        out[row] = set->slots[find_slot64(set, key64(physical, data, row))] != 0;
    }
}

WR_ALWAYS_INLINE void probe128(const wr_eval *eval, wr_physical physical, const void *data,
                               uint8_t *out)
{
    const in_set *set = eval->state;

    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        out[row] = set->slots[find_slot128(set, key128(physical, data, row))] != 0;
    }
}

static void probe_str(const wr_eval *eval, const wr_str *data, uint8_t *out)
{
    const in_set *set = eval->state;

    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        out[row] = set->slots[find_slot_str(set, &data[row])] != 0;
    }
}

static wr_status eval_in(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                         wr_vector *out, wr_error *err)
{
    const void *data = args[0]->data;

    (void)arg_count, (void)err;
    switch (wr_type_physical(args[0]->type)) {
#define PROBE(ID, probe)                                                                           \
    case WR_PHYS_##ID:                                                                             \
        probe(eval, WR_PHYS_##ID, data, out->data);                                                \
        return WR_OK;
        PROBE(BOOL, probe64)
        PROBE(I8, probe64)
        PROBE(U8, probe64)
        PROBE(I16, probe64)
        PROBE(U16, probe64)
        PROBE(I32, probe64)
        PROBE(U32, probe64)
        PROBE(I64, probe64)
        PROBE(U64, probe64)
        PROBE(F32, probe64)
        PROBE(F64, probe64)
        PROBE(I128, probe128)
        PROBE(INTERVAL, probe128)
#undef PROBE
    case WR_PHYS_STR:
        probe_str(eval, data, out->data);
        return WR_OK;
    case WR_PHYS_COUNT:
        break;
    }
    WR_UNREACHABLE();
}

static wr_status eval_in_null(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                              wr_vector *out, wr_error *err)
{
    const uint8_t *found = out->data;

    WR_TRY(eval_in(eval, args, arg_count, out, err));
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        if (!found[row])
            wr_eval_set_null(out, row);
    }
    return WR_OK;
}

/* One constant in the reference page; the other is chosen when a constant is NULL. */
static bool resolve_never(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                          wr_type *out_result)
{
    (void)args, (void)arg_count, (void)args_io, (void)out_result;
    return false;
}

/* clang-format off */
#define IN(flags_, eval_fn) \
    {.name = WR_OPERATOR_IN, .signature = "(any, any, ...) -> boolean", .param_count = 2, \
     .flags = WR_FN_VARIADIC | WR_FN_CONST_TAIL | WR_FN_TOTAL | (flags_), .resolve = resolve_never, .eval = eval_fn, \
     .state_bytes = sizeof(in_set), .prepare = in_prepare, .prepare_bytes_of = in_prepare_bytes, \
     .help = "equal to one of a list"}
/* clang-format on */

const wr_function WR_IN_FUNCTION = IN(0, eval_in);
const wr_function WR_IN_NULL_FUNCTION = IN(WR_FN_MAY_NULL, eval_in_null);

const wr_function_table WR_FUNCTIONS_IN = {"comparison", &WR_IN_FUNCTION, 1};
