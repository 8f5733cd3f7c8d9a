/* pq_write_take.c — rows into a block: values as PLAIN stores them, or codes, and levels.
 *
 * Rows are taken as many at a time as surely fit, leaf by leaf; the check counts pieces, so that a
 * block ends with the same row however the rows were cut into batches: as many rows at once are taken
 * only if each of them alone would be. A row that does not fit an empty block is taken leaf by leaf, and
 * goes on in the next block. */
#include "base/hash.h"
#include "pq_write.h"

enum { PAUSE_GROUPS = 7 /* row groups without a dictionary after one that was given up */ };

/* ---- Values as PLAIN stores them --------------------------------------------------------------- */

/* Rows of a batch: those of `rows`, or (NULL) from `base` on. */
typedef struct span {
    const uint16_t *rows;
    uint32_t        base, count;
} span;

static inline uint32_t position(const span *s, const wr_vector_view *view, uint32_t i)
{
    uint32_t row = s->rows ? s->rows[i] : s->base + i;

    return view->index ? view->index[row] : row;
}

#define EACH_VALID(from_type, body)                                                                \
    for (uint32_t i = 0; i < s->count; i++) {                                                      \
        uint32_t  at = position(s, view, i);                                                       \
        from_type x;                                                                               \
        if (has_nulls && !wr_bit_get(view->valid, at))                                             \
            continue;                                                                              \
        memcpy(&x, (const from_type *)view->data + at, sizeof x);                                  \
        body;                                                                                      \
        n++;                                                                                       \
    }                                                                                              \
    break

#define COPY_AS(type) EACH_VALID(type, memcpy(out + (size_t)n * sizeof x, &x, sizeof x))
#define CONVERT(from_type, to_type, expression)                                                    \
    EACH_VALID(from_type, to_type y = (to_type)(expression);                                       \
               memcpy(out + (size_t)n * sizeof y, &y, sizeof y))

static wr_status raise_value(const char *what, wr_error *err)
{
    return WR_RAISE(err, WR_DATA, "%s does not fit Parquet's type: cast it", what);
}

static void put_big_endian(wr_u128 bits, uint8_t *out, uint32_t width)
{
    for (uint32_t k = 0; k < width; k++)
        out[k] = (uint8_t)(bits >> (8 * (width - 1 - k)));
}

static bool put_interval(const wr_interval *x, uint8_t *out)
{
    if (x->months < 0 || x->days < 0 || x->us < 0 || x->us % 1000 != 0 ||
        x->us / 1000 > UINT32_MAX)
        return false;
    wr_store_u32(out, (uint32_t)x->months);
    wr_store_u32(out + 4, (uint32_t)x->days);
    wr_store_u32(out + 8, (uint32_t)(x->us / 1000));
    return true;
}

/* What is not null, one behind the other. */
static wr_status store_plain(const pq_leaf *leaf, const wr_vector_view *view, const span *s,
                             uint8_t *out, uint32_t *out_count, wr_error *err)
{
    bool     has_nulls = view->valid != NULL;
    uint32_t n = 0;

    switch ((pq_form)leaf->form) {
    case PQ_FORM_COPY:
        if (!s->rows && !view->index && !has_nulls) {
            memcpy(out, (const uint8_t *)view->data + (size_t)s->base * leaf->width,
                   (size_t)s->count * leaf->width);
            n = s->count;
            break;
        }
        if (leaf->width == 1) {
            COPY_AS(uint8_t);
        } else if (leaf->width == 4) {
            COPY_AS(uint32_t);
        }
        COPY_AS(uint64_t);
    case PQ_FORM_TEXT:
        COPY_AS(wr_str);
    case PQ_FORM_I8:
        CONVERT(int8_t, int32_t, x);
    case PQ_FORM_I16:
        CONVERT(int16_t, int32_t, x);
    case PQ_FORM_U8:
        CONVERT(uint8_t, uint32_t, x);
    case PQ_FORM_U16:
        CONVERT(uint16_t, uint32_t, x);
    case PQ_FORM_I64_TO_I32:
        CONVERT(int64_t, int32_t, x);
    case PQ_FORM_DATE64:
        CONVERT(int64_t, int32_t, x / 86400000 - (x % 86400000 < 0));
    case PQ_FORM_SECONDS_OF_DAY:
        CONVERT(int64_t, int32_t, x * 1000);
    case PQ_FORM_SECONDS:
        EACH_VALID(int64_t, int64_t y; if (__builtin_mul_overflow(x, 1000, &y)) return raise_value(
                                "a timestamp in milliseconds", err);
                   memcpy(out + (size_t)n * sizeof y, &y, sizeof y));
    case PQ_FORM_DECIMAL:
        EACH_VALID(wr_i128, put_big_endian((wr_u128)x, out + (size_t)n * leaf->width, leaf->width));
    case PQ_FORM_UUID:
        EACH_VALID(wr_i128, put_big_endian((wr_u128)x ^ (wr_u128)1 << 127, out + (size_t)n * 16, 16));
    case PQ_FORM_INTERVAL:
        EACH_VALID(wr_interval, if (!put_interval(&x, out + (size_t)n * 12)) return raise_value(
                                    "an interval that is negative, or not of whole milliseconds,",
                                    err));
    }
    *out_count = n;
    return WR_OK;
}

wr_status wr_pq_store_cell(const pq_leaf *leaf, const void *cell, pq_stage *stage, wr_error *err)
{
    wr_vector_view view = {.data = cell};
    span           one = {NULL, 0, 1};
    uint32_t       count = 0;

    WR_TRY(store_plain(leaf, &view, &one, stage->values + (size_t)stage->value_count * leaf->width,
                       &count, err));
    stage->value_count += count;
    return WR_OK;
}

/* `most`: the level of a value, 0 where there is no NULL. */
static void store_levels(const wr_vector_view *view, const span *s, uint8_t most, uint8_t *out)
{
    if (!view->valid) {
        memset(out, most, s->count);
        return;
    }
    for (uint32_t i = 0; i < s->count; i++)
        out[i] = wr_bit_get(view->valid, position(s, view, i)) & most;
}

/* ---- Into the block ---------------------------------------------------------------------------- */

static bool is_long(const pq_shared *shared, const wr_str *text)
{
    return wr_str_is_blob(text) || text->byte_count > shared->sizes.long_bytes;
}

static wr_status put_long(pq_shared *shared, pq_block *block, pq_chain *chain, const wr_str *text,
                          wr_error *err)
{
    pq_long_record  record = {.mark = PQ_LONG_MARK};
    wr_long_writer *writer = &shared->long_writer;
    const wr_blob  *blob = wr_str_is_blob(text) ? wr_str_blob(text) : NULL;

    if ((blob ? blob->byte_count : text->byte_count) > INT32_MAX)
        return WR_RAISE(err, WR_DATA, "a value of more than %d bytes does not fit a page of Parquet",
                        INT32_MAX);
    wr_long_writer_begin(writer);
    for (uint64_t at = 0; blob && at < blob->byte_count;) {
        size_t got;

        WR_TRY(blob->read(blob, at, shared->flat, 8 * WR_BATCH_ROWS_MAX, &got, err));
        if (got == 0)
            return WR_RAISE(err, WR_CORRUPT, "a long value ends early");
        WR_TRY(wr_long_writer_add(writer, shared->flat, got, err));
        at += got;
    }
    if (!blob)
        WR_TRY(wr_long_writer_add(writer, wr_str_bytes(text), text->byte_count, err));
    WR_TRY(wr_long_writer_end(writer, &record.blob, err));
    wr_pq_chain_put(&block->pool, chain, &record, sizeof record);
    shared->group_bytes += record.blob.byte_count;
    return WR_OK;
}

static wr_status put_texts(pq_shared *shared, pq_block *block, pq_chain *chain, const wr_str *texts,
                           uint32_t count, wr_error *err)
{
    pq_pool *pool = &block->pool;

    for (uint32_t i = 0; i < count; i++) {
        const wr_str *text = &texts[i];
        uint32_t      needed = text->byte_count + (uint32_t)sizeof(uint32_t);

        if (is_long(shared, text)) {
            WR_TRY(put_long(shared, block, chain, text, err));
        } else if (chain->last != PQ_PIECE_NONE && needed <= pool->piece_bytes - chain->last_used) {
            uint8_t *at = pool->bytes + (size_t)chain->last * pool->piece_bytes + chain->last_used;

            wr_store_u32(at, text->byte_count);
            memcpy(at + sizeof(uint32_t), wr_str_bytes(text), text->byte_count);
            chain->last_used += needed;
            chain->byte_count += needed;
        } else {
            wr_pq_chain_put(pool, chain, &text->byte_count, sizeof text->byte_count);
            wr_pq_chain_put(pool, chain, wr_str_bytes(text), text->byte_count);
        }
    }
    return WR_OK;
}

/* Values that a dictionary has not seen: each is in the Bloom filter when its row group ends. */
static void add_to_bloom(pq_bloom *bloom, const void *bytes, size_t byte_count)
{
    wr_pq_bloom_add(bloom->bits, bloom->byte_count, wr_hash_xxh64(bytes, byte_count));
    bloom->is_used = true;
}

static void bloom_entries(pq_shared *shared, uint32_t leaf, uint32_t first)
{
    const pq_dictionary *d = &shared->dictionaries[leaf];
    uint32_t             width = shared->leaves[leaf].width;

    for (; shared->blooms[leaf].byte_count > 0 && first < d->entry_count; first++) {
        const uint8_t *entry = d->bytes + (width ? (size_t)first * width : d->offsets[first]);

        if (width)
            add_to_bloom(&shared->blooms[leaf], entry, width);
        else
            add_to_bloom(&shared->blooms[leaf], entry + sizeof(uint32_t), wr_load_u32(entry));
    }
}

/* Staged values from `first` on. */
static void bloom_values(pq_shared *shared, uint32_t leaf, uint32_t first)
{
    pq_bloom       *bloom = &shared->blooms[leaf];
    const pq_stage *stage = shared->stage;
    const wr_str   *texts = (const wr_str *)(const void *)stage->values;
    uint32_t        width = shared->leaves[leaf].width;

    for (; bloom->byte_count > 0 && first < stage->value_count; first++) {
        if (width)
            add_to_bloom(bloom, stage->values + (size_t)first * width, width);
        else if (is_long(shared, &texts[first]))
            bloom->is_spoiled = true;
        else
            add_to_bloom(bloom, wr_str_bytes(&texts[first]), texts[first].byte_count);
    }
}

/* How many of the staged values got codes. Texts of a dictionary are short: a long one ends it. */
static uint32_t codes_of(pq_shared *shared, uint32_t leaf, pq_cover *cover)
{
    pq_stage      *stage = shared->stage;
    pq_dictionary *dictionary = &shared->dictionaries[leaf];
    const wr_str  *texts = (const wr_str *)(const void *)stage->values;
    uint32_t       count = 0, codes, known = dictionary->entry_count;

    if (!dictionary->is_on)
        return 0;
    if (shared->leaves[leaf].form == PQ_FORM_TEXT)
        while (count < stage->value_count && !is_long(shared, &texts[count]))
            count++;
    else
        count = stage->value_count;
    codes = wr_pq_dictionary_codes(dictionary, &shared->leaves[leaf], stage->values, count,
                                   stage->codes);
    wr_pq_dictionary_cover(dictionary, &shared->leaves[leaf], stage->codes, codes, cover);
    bloom_entries(shared, leaf, known);
    dictionary->is_on = dictionary->is_on && count == stage->value_count;
    return codes;
}

wr_status wr_pq_stage_put(pq_shared *shared, pq_block *block, uint32_t index, wr_error *err)
{
    const pq_leaf *leaf = &shared->leaves[index];
    pq_block_leaf *to = &block->leaves[index];
    pq_stage      *stage = shared->stage;
    uint32_t       codes = codes_of(shared, index, &to->cover);
    uint32_t       cell_bytes = leaf->width ? leaf->width : (uint32_t)sizeof(wr_str);
    const uint8_t *rest = stage->values + (size_t)codes * cell_bytes;

    bloom_values(shared, index, codes);
    wr_pq_chain_put(&block->pool, &to->def, stage->def, stage->count);
    if (leaf->rep_max > 0)
        wr_pq_chain_put(&block->pool, &to->rep, stage->rep, stage->count);
    wr_pq_chain_put(&block->pool, &to->codes, stage->codes, codes * sizeof stage->codes[0]);
    if (leaf->width)
        wr_pq_chain_put(&block->pool, &to->plain, rest,
                        (size_t)(stage->value_count - codes) * leaf->width);
    else
        WR_TRY(put_texts(shared, block, &to->plain, (const wr_str *)(const void *)rest,
                         stage->value_count - codes, err));
    return WR_OK;
}

/* ---- Rows -------------------------------------------------------------------------------------- */

static span span_of(const wr_batch *batch, uint32_t first, uint32_t count)
{
    const uint16_t *rows = batch->selection.rows;

    return (span){rows ? rows + first : NULL, first, count};
}

static wr_status stage_flat(pq_shared *shared, const pq_leaf *leaf, const wr_batch *batch,
                            const span *s, wr_error *err)
{
    wr_vector_view view = wr_vector_view_of(&batch->columns[leaf->column], shared->flat);
    pq_stage      *stage = shared->stage;

    stage->count = s->count;
    stage->value_count = 0;
    if (leaf->type.logical == WR_TYPE_NULL_) {
        memset(stage->def, 0, s->count);
        return WR_OK;
    }
    store_levels(&view, s, leaf->def_max, stage->def);
    return store_plain(leaf, &view, s, stage->values, &stage->value_count, err);
}

/* What is asked of the rows to be taken. */
typedef struct asked {
    const wr_batch *batch;
    const span     *rows;
    uint32_t        count;    /* becomes less where a long text ends the block */
    bool            has_long; /* the last of them has one                      */
} asked;

/* Bytes that texts take in a stream. */
static uint64_t text_bytes(const pq_shared *shared, const pq_leaf *leaf, asked *a)
{
    wr_vector_view view = wr_vector_view_of(&a->batch->columns[leaf->column], NULL);
    const wr_str  *texts = view.data;
    uint64_t       sum = 0;

    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t at = position(a->rows, &view, i);

        if (view.valid && !wr_bit_get(view.valid, at))
            continue;
        if (is_long(shared, &texts[at])) {
            sum += sizeof(pq_long_record);
            a->count = i + 1;
            a->has_long = true;
        } else {
            sum += texts[at].byte_count + sizeof(uint32_t);
        }
    }
    return sum;
}

/* Pieces that `count` entries of a leaf may take, with codes, values or both. */
static uint64_t pieces_for(const pq_shared *shared, const pq_block *block, uint32_t index,
                           uint64_t count, uint64_t plain_bytes)
{
    const pq_block_leaf *leaf = &block->leaves[index];
    uint64_t             pieces = wr_pq_chain_need(&block->pool, &leaf->def, count) +
                      wr_pq_chain_need(&block->pool, &leaf->plain, plain_bytes);

    if (shared->leaves[index].rep_max > 0)
        pieces += wr_pq_chain_need(&block->pool, &leaf->rep, count);
    if (shared->dictionaries[index].is_on)
        pieces += wr_pq_chain_need(&block->pool, &leaf->codes, count * sizeof(uint32_t));
    return pieces;
}

/* Bytes of nested values: no leaf has more entries inside of them, or more bytes of text. */
static uint64_t packed_bytes(const pq_leaf *leaf, const asked *a)
{
    wr_vector_view view = wr_vector_view_of(&a->batch->columns[leaf->column], NULL);
    const wr_str  *values = view.data;
    uint64_t       sum = 0;

    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t at = position(a->rows, &view, i);

        if (!view.valid || wr_bit_get(view.valid, at))
            sum += wr_str_is_blob(&values[at]) ? wr_str_blob(&values[at])->byte_count
                                               : values[at].byte_count;
    }
    return sum;
}

static uint64_t pieces_of_leaf(const pq_shared *shared, const pq_block *block, uint32_t index,
                               asked *a)
{
    const pq_leaf *leaf = &shared->leaves[index];
    uint64_t       bytes;

    if (leaf->depth > 0) {
        bool is_widened = leaf->form >= PQ_FORM_I8 && leaf->form <= PQ_FORM_U16;

        bytes = packed_bytes(leaf, a);
        return pieces_for(shared, block, index, leaf->rep_max > 0 ? bytes + a->count : a->count,
                          is_widened ? bytes * sizeof(uint32_t) : bytes);
    }
    bytes = leaf->form == PQ_FORM_TEXT ? text_bytes(shared, leaf, a)
                                       : (uint64_t)a->count * leaf->width;
    return pieces_for(shared, block, index, a->count, bytes);
}

static bool has_room(const pq_shared *shared, const pq_block *block, uint64_t pieces)
{
    return pieces + shared->sizes.spare_pieces <= block->pool.free_count;
}

/* As many of the rows as fit, of those up to the first that has a long text. */
static void fit_rows(const pq_shared *shared, const pq_block *block, asked *a)
{
    while (a->count > 0) {
        uint64_t pieces = 0;
        uint32_t before = a->count;

        a->has_long = false;
        for (uint32_t i = 0; i < shared->sizes.leaf_count; i++)
            pieces += pieces_of_leaf(shared, block, i, a);
        if (has_room(shared, block, pieces))
            return;
        if (a->count == before)
            a->count /= 2;
    }
}

/* ---- Nested columns ---------------------------------------------------------------------------- */

static wr_status put_shredded(pq_shared *shared, pq_block *block, uint32_t index, wr_error *err)
{
    WR_TRY(wr_pq_stage_put(shared, block, index, err));
    wr_pq_shred_staged(shared->shred, shared->stage);
    return WR_OK;
}

static const wr_str *nested_value(const pq_leaf *leaf, const wr_batch *batch, const span *s,
                                  uint32_t i)
{
    wr_vector_view view = wr_vector_view_of(&batch->columns[leaf->column], NULL);
    uint32_t       at = position(s, &view, i);

    return !view.valid || wr_bit_get(view.valid, at) ? (const wr_str *)view.data + at : NULL;
}

/* A leaf of rows that fit. */
static wr_status shred_rows(pq_shared *shared, pq_block *block, uint32_t index,
                            const wr_batch *batch, const span *s, wr_error *err)
{
    const pq_leaf *leaf = &shared->leaves[index];
    pq_shred      *shred = shared->shred;

    wr_pq_shred_staged(shred, shared->stage);
    for (uint32_t i = 0; i < s->count; i++) {
        if (!wr_pq_shred_has_room(shred, shared->stage))
            WR_TRY(put_shredded(shared, block, index, err));
        WR_TRY(wr_pq_shred_begin(shred, leaf, nested_value(leaf, batch, s, i), shared->stage, err));
        while (shred->is_open) {
            WR_TRY(wr_pq_shred_go_on(shred, shared->stage, err));
            if (shred->is_open)
                WR_TRY(put_shredded(shared, block, index, err));
        }
    }
    return put_shredded(shared, block, index, err);
}

static uint64_t staged_pieces(const pq_shared *shared, const pq_block *block, uint32_t index)
{
    const pq_stage *stage = shared->stage;
    const wr_str   *texts = (const wr_str *)(const void *)stage->values;
    uint64_t        bytes = (uint64_t)stage->value_count * shared->leaves[index].width;

    for (uint32_t i = 0; shared->leaves[index].width == 0 && i < stage->value_count; i++)
        bytes += is_long(shared, &texts[i]) ? sizeof(pq_long_record)
                                            : texts[i].byte_count + sizeof(uint32_t);
    return pieces_for(shared, block, index, stage->count, bytes);
}

/* A leaf of one row, as far as the block has room. *out_done: it is whole. */
static wr_status shred_row(pq_shared *shared, pq_block *block, uint32_t index,
                           const wr_batch *batch, const span *s, bool *out_done, wr_error *err)
{
    const pq_leaf *leaf = &shared->leaves[index];

    *out_done = false;
    if (!shared->is_begun) {
        wr_pq_shred_staged(shared->shred, shared->stage);
        WR_TRY(wr_pq_shred_begin(shared->shred, leaf, nested_value(leaf, batch, s, 0), shared->stage,
                                 err));
        shared->is_begun = true;
    }
    do {
        WR_TRY(wr_pq_shred_go_on(shared->shred, shared->stage, err));
        if (!has_room(shared, block, staged_pieces(shared, block, index)))
            return WR_OK;
        WR_TRY(put_shredded(shared, block, index, err));
    } while (shared->shred->is_open);
    shared->is_begun = false;
    *out_done = true;
    return WR_OK;
}

/* ---- Taking ------------------------------------------------------------------------------------ */

static wr_status take_rows(pq_shared *shared, pq_block *block, const wr_batch *batch,
                           const span *s, wr_error *err)
{
    for (uint32_t i = 0; i < shared->sizes.leaf_count; i++) {
        if (shared->leaves[i].depth > 0) {
            WR_TRY(shred_rows(shared, block, i, batch, s, err));
            continue;
        }
        WR_TRY(stage_flat(shared, &shared->leaves[i], batch, s, err));
        WR_TRY(wr_pq_stage_put(shared, block, i, err));
    }
    block->is_used = true;
    shared->group_rows += s->count;
    return WR_OK;
}

/* One leaf of a row that no block has room for. */
static wr_status take_leaf(pq_shared *shared, pq_block *block, uint32_t index,
                           const wr_batch *batch, const span *s, bool *out_done, wr_error *err)
{
    asked a = {batch, s, 1, false};

    if (shared->leaves[index].depth > 0)
        return shred_row(shared, block, index, batch, s, out_done, err);
    *out_done = has_room(shared, block, pieces_of_leaf(shared, block, index, &a));
    if (!*out_done)
        return WR_OK;
    WR_TRY(stage_flat(shared, &shared->leaves[index], batch, s, err));
    return wr_pq_stage_put(shared, block, index, err);
}

/* A row that no empty block has room for: as many leaves as fit. *out_done: it is whole. */
static wr_status take_leaves(pq_shared *shared, pq_block *block, const wr_batch *batch,
                             const span *s, bool *out_done, wr_error *err)
{
    block->is_used = true;
    for (uint32_t i = shared->is_cut ? shared->resume_leaf : 0; i < shared->sizes.leaf_count; i++) {
        WR_TRY(take_leaf(shared, block, i, batch, s, out_done, err));
        if (!*out_done) {
            shared->is_cut = true;
            shared->resume_leaf = i;
            return WR_OK;
        }
    }
    shared->is_cut = false;
    shared->group_rows++;
    *out_done = true;
    return WR_OK;
}

/* ---- Row groups -------------------------------------------------------------------------------- */

static wr_status take_bloom(pq_shared *shared, pq_bloom *bloom, pq_dictionary_page *page, wr_error *err)
{
    if (bloom->is_used && !bloom->is_spoiled) {
        page->bloom_bytes = (uint32_t)wr_pq_bloom_fold(bloom->bits, bloom->byte_count, bloom->wrong);
        WR_TRY(wr_scratch_append(shared->scratch, bloom->bits, page->bloom_bytes, &page->bloom, err));
    }
    if (bloom->is_used)
        memset(bloom->bits, 0, bloom->byte_count);
    bloom->is_used = bloom->is_spoiled = false;
    return WR_OK;
}

wr_status wr_pq_take_dictionaries(pq_shared *shared, pq_dictionary_page *out_pages, wr_error *err)
{
    for (uint32_t i = 0; i < shared->sizes.leaf_count; i++) {
        pq_dictionary *dictionary = &shared->dictionaries[i];
        bool           was_tried = dictionary->value_count > 0;

        out_pages[i] = (pq_dictionary_page){.byte_count = dictionary->used_bytes,
                                            .entry_count = dictionary->entry_count};
        if (dictionary->used_bytes > 0)
            WR_TRY(wr_scratch_append(shared->scratch, dictionary->bytes, dictionary->used_bytes,
                                     &out_pages[i].position, err));
        WR_TRY(take_bloom(shared, &shared->blooms[i], &out_pages[i], err));
        if (was_tried && !dictionary->is_on)
            shared->pause[i] = PAUSE_GROUPS;
        else if (shared->pause[i] > 0)
            shared->pause[i]--;
        wr_pq_dictionary_reset(dictionary, shared->uses_dictionaries && shared->pause[i] == 0 &&
                                               shared->leaves[i].physical != PQ_BOOLEAN &&
                                               shared->leaves[i].encoding == PQ_ENCODING_AUTO);
    }
    return WR_OK;
}

static wr_status close_block(const wr_write_request *request, pq_shared *shared, pq_block *block,
                             wr_error *err)
{
    const pq_write_options *options = request->options;

    for (uint32_t i = 0; i < shared->sizes.leaf_count; i++)
        shared->group_bytes += block->leaves[i].codes.byte_count + block->leaves[i].plain.byte_count;
    if (shared->is_cut || (shared->group_rows < (uint64_t)options->row_group_rows &&
                           shared->group_bytes < options->row_group_bytes))
        return WR_OK;
    block->ends_group = true;
    block->group_rows = shared->group_rows;
    shared->group_rows = shared->group_bytes = 0;
    return wr_pq_take_dictionaries(shared, block->dictionaries, err);
}

wr_status wr_pq_take(const wr_write_request *request, void *shared_p, void *block_p,
                     const wr_batch *batch, uint32_t *io_next, bool *out_full, wr_error *err)
{
    const pq_write_options *options = request->options;
    pq_shared              *shared = shared_p;
    pq_block               *block = block_p;
    bool                    full = false;

    WR_TRY(wr_pq_required_check(request->schema, batch, *io_next, shared->sort.row_count, err));
    while (!full && *io_next < wr_batch_rows(batch)) {
        uint64_t group_left = (uint64_t)options->row_group_rows - shared->group_rows;
        uint32_t left = wr_batch_rows(batch) - *io_next, count;
        span     s = span_of(batch, *io_next, left < group_left ? left : (uint32_t)group_left);
        asked    a = {batch, &s, shared->is_cut ? 0 : s.count, false};

        fit_rows(shared, block, &a);
        count = a.count;
        if (count > 0) {
            s.count = count;
            WR_TRY(take_rows(shared, block, batch, &s, err));
            full = a.has_long;
        } else if (shared->is_cut || !block->is_used) {
            bool done;

            s.count = 1;
            WR_TRY(take_leaves(shared, block, batch, &s, &done, err));
            count = done;
            full = !done;
        } else {
            full = true;
        }
        WR_TRY(wr_pq_sort_take(&shared->sort, batch, *io_next, count, err));
        *io_next += count;
        full = full || shared->group_rows == (uint64_t)options->row_group_rows;
    }
    *out_full = full;
    return full ? close_block(request, shared, block, err) : WR_OK;
}
