/* ar_write_put.c — values into the buffers of a node: validity, offsets, bytes.
 *
 * Buffers grow in pieces of one pool; when that is used up, is_full is set and what else is put is lost: the
 * caller goes back to where it was. The same calls count a long row's buffers, and put them out one by one.
 * Cost: numbers two copies; texts 5 ns a value. */
#include "ar_write.h"

/* ---- Bytes -------------------------------------------------------------------------------------- */

static void keep_bytes(ar_putter *p, ar_chain *chain, const uint8_t *from, size_t count)
{
    while (count > 0) {
        size_t room = chain->last == AR_PIECE_NONE ? 0 : p->piece_bytes - chain->last_used, now;

        if (room == 0) {
            uint32_t piece = p->piece_next;

            if (piece == p->piece_count) {
                p->is_full = true;
                return;
            }
            p->piece_next++;
            if (chain->last == AR_PIECE_NONE)
                chain->first = piece;
            else
                p->next[chain->last] = piece;
            chain->last = piece;
            chain->last_used = 0;
            room = p->piece_bytes;
        }
        now = count < room ? count : room;
        memcpy(p->pieces + (size_t)chain->last * p->piece_bytes + chain->last_used, from, now);
        chain->last_used += (uint32_t)now;
        from += now;
        count -= now;
    }
}

static wr_status stream_bytes(ar_putter *p, const uint8_t *from, size_t count, wr_error *err)
{
    while (count > 0) {
        size_t room = AR_OUT_BYTES - p->out_used, now = count < room ? count : room;

        memcpy(p->out + p->out_used, from, now);
        p->out_used += (uint32_t)now;
        from += now;
        count -= now;
        if (p->out_used == AR_OUT_BYTES) {
            WR_TRY(p->output->ops->write(p->output, p->out, p->out_used, err));
            p->out_used = 0;
        }
    }
    return WR_OK;
}

static wr_status put(ar_putter *p, uint32_t node, uint32_t which, const void *bytes, size_t count,
                     wr_error *err)
{
    ar_chain *chain = &p->buffers[node].chains[which];

    chain->byte_count += count;
    if (WR_LIKELY(p->mode == AR_MODE_KEEP))
        keep_bytes(p, chain, bytes, count);
    else if (p->mode == AR_MODE_STREAM && p->node == node && p->which == which)
        return stream_bytes(p, bytes, count, err);
    return WR_OK;
}

/* ---- Bits --------------------------------------------------------------------------------------- */

static wr_status put_bit(ar_putter *p, uint32_t node, uint32_t which, bool bit, wr_error *err)
{
    ar_chain *chain = &p->buffers[node].chains[which];

    chain->bits |= (uint8_t)(bit << chain->bit_count++);
    if (chain->bit_count < 8)
        return WR_OK;
    WR_TRY(put(p, node, which, &chain->bits, 1, err));
    chain->bits = chain->bit_count = 0;
    return WR_OK;
}

static wr_status put_same_bits(ar_putter *p, uint32_t node, uint32_t which, bool bit, uint64_t count,
                               wr_error *err)
{
    ar_chain *chain = &p->buffers[node].chains[which];
    uint8_t   bytes[128];

    for (; count > 0 && (chain->bit_count > 0 || count < 8); count--)
        WR_TRY(put_bit(p, node, which, bit, err));
    memset(bytes, bit ? 0xff : 0, sizeof bytes);
    while (count >= 8) {
        uint64_t now = count / 8 < sizeof bytes ? count / 8 : sizeof bytes;

        WR_TRY(put(p, node, which, bytes, now, err));
        count -= 8 * now;
    }
    for (; count > 0; count--)
        WR_TRY(put_bit(p, node, which, bit, err));
    return WR_OK;
}

wr_status wr_ar_put_validity(ar_putter *p, uint32_t node, bool valid, wr_error *err)
{
    p->buffers[node].count++;
    p->buffers[node].null_count += !valid;
    return put_bit(p, node, AR_OUT_VALIDITY, valid, err);
}

/* ---- Offsets ------------------------------------------------------------------------------------ */

wr_status wr_ar_put_offset(ar_putter *p, uint32_t node, uint64_t end, wr_error *err)
{
    bool is_large = p->is_large && p->nodes[node].type.logical != WR_TYPE_MAP; /* maps have no large form */

    if (!is_large && end > INT32_MAX)
        return WR_RAISE(err, WR_DATA, "a value has %llu bytes or elements, more than offsets of 32 bits tell: "
                        "write it with large_offsets: true", (unsigned long long)end);
    return put(p, node, AR_OUT_MIDDLE, &end, is_large ? 8 : 4, err);
}

static wr_status put_same_offset(ar_putter *p, uint32_t node, uint64_t end, uint64_t count, wr_error *err)
{
    for (; count > 0 && !p->is_full; count--)
        WR_TRY(wr_ar_put_offset(p, node, end, err));
    return WR_OK;
}

/* ---- Values ------------------------------------------------------------------------------------- */

static inline uint32_t position(const ar_span *s, const wr_vector_view *view, uint32_t i)
{
    uint32_t row = s->rows ? s->rows[i] : s->base + i;

    return view->index ? view->index[row] : row;
}

static inline bool is_valid(const wr_vector_view *view, uint32_t at)
{
    return !view->valid || wr_bit_get(view->valid, at);
}

static wr_status put_span_validity(ar_putter *p, uint32_t node, const wr_vector_view *view, const ar_span *s,
                                   wr_error *err)
{
    ar_out_buffers *buffers = &p->buffers[node];

    if (!view->valid) {
        buffers->count += s->count;
        return put_same_bits(p, node, AR_OUT_VALIDITY, true, s->count, err);
    }
    for (uint32_t i = 0; i < s->count; i++)
        WR_TRY(wr_ar_put_validity(p, node, is_valid(view, position(s, view, i)), err));
    return WR_OK;
}

static wr_status put_texts(ar_putter *p, uint32_t node, const wr_vector_view *view, const ar_span *s,
                           wr_error *err)
{
    const wr_str *texts = view->data;

    for (uint32_t i = 0; i < s->count && !p->is_full; i++) {
        uint32_t      at = position(s, view, i);
        const wr_str *text = &texts[at];

        if (is_valid(view, at))
            WR_TRY(put(p, node, AR_OUT_DATA, wr_str_bytes(text), text->byte_count, err));
        WR_TRY(wr_ar_put_offset(p, node, p->buffers[node].chains[AR_OUT_DATA].byte_count, err));
    }
    return WR_OK;
}

static bool convert_interval(const wr_interval *x, uint8_t *out)
{
    int64_t nanos;

    if (__builtin_mul_overflow(x->us, 1000, &nanos))
        return false;
    wr_store_u32(out, (uint32_t)x->months);
    wr_store_u32(out + 4, (uint32_t)x->days);
    wr_store_u64(out + 8, (uint64_t)nanos);
    return true;
}

#define EACH(from_type, body)                                                                      \
    for (uint32_t i = 0; i < s->count; i++) {                                                      \
        uint32_t  at = position(s, view, i);                                                       \
        from_type x = {0};                                                                         \
        if (is_valid(view, at))                                                                    \
            memcpy(&x, (const from_type *)view->data + at, sizeof x);                              \
        body;                                                                                      \
    }                                                                                              \
    return WR_OK

#define COPY_AS(type) EACH(type, memcpy(out + (size_t)i * sizeof x, &x, sizeof x))

/* Stored values, one behind the other. */
static wr_status convert(const ar_out_node *node, const wr_vector_view *view, const ar_span *s, uint8_t *out,
                         wr_error *err)
{
    switch ((ar_put)node->put) {
    case AR_PUT_NARROW:
        EACH(int64_t, wr_store_u32(out + 4 * (size_t)i, (uint32_t)x));
    case AR_PUT_WIDEN:
        EACH(int64_t, wr_i128 y = x; memcpy(out + 16 * (size_t)i, &y, sizeof y));
    case AR_PUT_UUID:
        EACH(wr_u128, x ^= is_valid(view, at) ? (wr_u128)1 << 127 : 0;
             wr_store_u64_be(out + 16 * (size_t)i, (uint64_t)(x >> 64));
             wr_store_u64_be(out + 16 * (size_t)i + 8, (uint64_t)x));
    case AR_PUT_INTERVAL:
        EACH(wr_interval, if (!convert_interval(&x, out + 16 * (size_t)i)) return WR_RAISE(
                              err, WR_DATA, "an interval of more than 292 years of seconds does not fit "
                              "Arrow's type"));
    default:
        break;
    }
    switch (node->width) {
    case 1:
        COPY_AS(uint8_t);
    case 2:
        COPY_AS(uint16_t);
    case 4:
        COPY_AS(uint32_t);
    case 8:
        COPY_AS(uint64_t);
    default:
        COPY_AS(wr_u128);
    }
}

static wr_status put_booleans(ar_putter *p, uint32_t node, const wr_vector_view *view, const ar_span *s,
                              wr_error *err)
{
    const uint8_t *values = view->data;

    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t at = position(s, view, i);

        WR_TRY(put_bit(p, node, AR_OUT_DATA, is_valid(view, at) && values[at], err));
    }
    return WR_OK;
}

static wr_status put_numbers(ar_putter *p, uint32_t n, const wr_vector_view *view, const ar_span *s,
                             wr_error *err)
{
    const ar_out_node *node = &p->nodes[n];

    if (node->put == AR_PUT_COPY && !s->rows && !view->index && !view->valid)
        return put(p, n, AR_OUT_DATA, (const uint8_t *)view->data + (size_t)s->base * node->width,
                   (size_t)s->count * node->width, err);
    WR_TRY(convert(node, view, s, p->stage, err));
    return put(p, n, AR_OUT_DATA, p->stage, (size_t)s->count * node->width, err);
}

static wr_status put_codes(ar_putter *p, uint32_t n, const wr_vector_view *view, const ar_span *s, wr_error *err)
{
    ar_coding    *coding = &p->codings[p->nodes[n].coding];
    const wr_str *texts = view->data;

    for (uint32_t i = 0; i < s->count && !p->is_full; i++) {
        uint32_t at = position(s, view, i), code = 0;

        if (is_valid(view, at))
            WR_TRY(wr_ar_code_text(p, coding, &texts[at], &code, err));
        wr_store_u32(p->stage + 4 * (size_t)i, code);
    }
    return put(p, n, AR_OUT_DATA, p->stage, 4 * (size_t)s->count, err);
}

wr_status wr_ar_put_code(ar_putter *p, uint32_t n, uint32_t code, wr_error *err)
{
    WR_TRY(wr_ar_put_validity(p, n, true, err));
    return put(p, n, AR_OUT_DATA, &code, sizeof code, err);
}

wr_status wr_ar_put_values(ar_putter *p, uint32_t n, const wr_vector_view *view, const ar_span *span,
                           wr_error *err)
{
    const ar_out_node *node = &p->nodes[n];

    if (node->put == AR_PUT_NOTHING) {
        p->buffers[n].count += span->count;
        p->buffers[n].null_count += span->count;
        return WR_OK;
    }
    WR_TRY(put_span_validity(p, n, view, span, err));
    if (node->put == AR_PUT_TEXT)
        return put_texts(p, n, view, span, err);
    if (node->put == AR_PUT_CODES)
        return put_codes(p, n, view, span, err);
    if (node->put == AR_PUT_BITS)
        return put_booleans(p, n, view, span, err);
    return put_numbers(p, n, view, span, err);
}

wr_status wr_ar_put_text(ar_putter *p, uint32_t n, const wr_packed *text, wr_error *err)
{
    WR_TRY(wr_ar_put_validity(p, n, true, err));
    if (text->bytes) {
        WR_TRY(put(p, n, AR_OUT_DATA, text->bytes, text->byte_count, err));
    } else {
        for (uint64_t at = 0; at < text->byte_count && !p->is_full;) {
            uint64_t left = text->byte_count - at, now = left < AR_STAGE_BYTES ? left : AR_STAGE_BYTES;

            if (p->mode != AR_MODE_COUNT)
                WR_TRY(wr_packed_read(text, at, p->stage, now, err));
            WR_TRY(put(p, n, AR_OUT_DATA, p->stage, now, err));
            at += now;
        }
    }
    return wr_ar_put_offset(p, n, p->buffers[n].chains[AR_OUT_DATA].byte_count, err);
}

wr_status wr_ar_put_nulls(ar_putter *p, uint32_t n, uint64_t count, wr_error *err)
{
    const ar_out_node *node = &p->nodes[n];
    ar_out_buffers    *buffers = &p->buffers[n];

    buffers->count += count;
    buffers->null_count += count;
    if (node->put == AR_PUT_NOTHING)
        return WR_OK;
    WR_TRY(put_same_bits(p, n, AR_OUT_VALIDITY, false, count, err));
    if (node->put == AR_PUT_TEXT)
        return put_same_offset(p, n, buffers->chains[AR_OUT_DATA].byte_count, count, err);
    if (node->put == AR_PUT_LIST)
        return put_same_offset(p, n, p->buffers[n + 1].count, count, err);
    if (node->put == AR_PUT_BITS)
        return put_same_bits(p, n, AR_OUT_DATA, false, count, err);
    if (node->put == AR_PUT_STRUCT) {
        for (uint32_t child = n + 1; child < node->end; child = p->nodes[child].end)
            WR_TRY(wr_ar_put_nulls(p, child, count, err));
        return WR_OK;
    }
    memset(p->stage, 0, AR_STAGE_BYTES);
    for (uint64_t left = count * node->width; left > 0 && !p->is_full;) {
        uint64_t now = left < AR_STAGE_BYTES ? left : AR_STAGE_BYTES;

        WR_TRY(put(p, n, AR_OUT_DATA, p->stage, now, err));
        left -= now;
    }
    return WR_OK;
}

/* ---- Begin and end ------------------------------------------------------------------------------ */

void wr_ar_put_reset(ar_putter *p, uint32_t node_count)
{
    static const ar_chain EMPTY = {.first = AR_PIECE_NONE, .last = AR_PIECE_NONE};

    for (uint32_t n = 0; n < node_count; n++)
        p->buffers[n] = (ar_out_buffers){.chains = {EMPTY, EMPTY, EMPTY}};
    p->piece_next = 0;
    p->is_full = false;
}

wr_status wr_ar_put_begin(ar_putter *p, uint32_t node_count, wr_error *err)
{
    for (uint32_t n = 0; n < node_count; n++)
        if (p->nodes[n].put == AR_PUT_TEXT || p->nodes[n].put == AR_PUT_LIST)
            WR_TRY(wr_ar_put_offset(p, n, 0, err));
    return WR_OK;
}

wr_status wr_ar_put_end(ar_putter *p, uint32_t node_count, wr_error *err)
{
    for (uint32_t n = 0; n < node_count; n++)
        for (uint32_t which = 0; which < AR_OUT_BUFFERS; which++) {
            ar_chain *chain = &p->buffers[n].chains[which];

            if (chain->bit_count > 0)
                WR_TRY(put(p, n, which, &chain->bits, 1, err));
            chain->bits = chain->bit_count = 0;
        }
    return WR_OK;
}
