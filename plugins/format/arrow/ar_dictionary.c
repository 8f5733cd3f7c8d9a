/* ar_dictionary.c — dictionaries of a split: the values that codes stand for, as vectors in its memory.
 *
 * A dictionary is the batches that were written for it since it was last replaced. They are found from
 * the last to the first, and so are values put in their place. Dictionaries inside of dictionaries come
 * first. All of them are loaded again when one has changed: in files that is never.
 * One that does not fit, and is one batch, stays where it is; its values are asked one by one. One of several
 * batches is copied to scratch space.
 * Memory: the lower part of the split's pool; while a batch is read, what is above the middle of the rest.
 * Cost: about 10 ns a value. */
#include "ar_priv.h"

enum { FAR_WINDOW_BYTES = 4 << 10 };

typedef struct filling {
    ar_split *split;
    uint32_t  node;    /* of the values */
    uint32_t  count, width;
    uint8_t  *values;
    uint64_t *valid;
    bool      any_null;
    wr_packer room;    /* of texts, packed values */
} filling;

static wr_status raise_room(const filling *f, wr_error *err)
{
    return WR_RAISE(err, WR_NO_MEMORY, "a dictionary of %u values does not fit the %llu bytes set aside for "
                    "dictionaries and buffers: a larger cap, or fewer threads", f->count,
                    (unsigned long long)f->split->pool.size);
}

static wr_status keep_text(filling *f, const ar_cell *cell, wr_str *out, wr_error *err)
{
    const wr_str *text = cell->value;
    size_t        begin = f->room.used;

    if (cell->is_far)
        return raise_room(f, err);
    *out = *text;
    if (wr_str_is_inline(text))
        return WR_OK;
    wr_pack_bytes(&f->room, wr_str_bytes(text), text->byte_count);
    if (f->room.is_full)
        return raise_room(f, err);
    *out = wr_str_of((const char *)f->room.bytes + begin, text->byte_count);
    return WR_OK;
}

static wr_status fill_value(filling *f, uint64_t row, uint32_t place, wr_error *err)
{
    wr_type  type = f->split->file->nodes[f->node].type;
    uint8_t *out = f->values + (size_t)place * f->width;
    bool     is_null = false;
    size_t   begin = f->room.used;
    wr_str   packed;
    ar_cell  cell;

    memset(out, 0, f->width);
    if (wr_type_is_nested(type)) {
        WR_TRY(wr_ar_pack(f->split, f->node, row, &f->room, &is_null, err));
        if (f->room.is_full)
            return raise_room(f, err);
        packed = wr_str_of((const char *)f->room.bytes + begin, is_null ? 0 : f->room.used - begin);
        memcpy(out, &packed, sizeof packed);
    } else {
        WR_TRY(wr_ar_cell_read(f->split, f->node, row, &cell, err));
        is_null = cell.value == NULL;
        if (!is_null && wr_type_is_text(type))
            WR_TRY(keep_text(f, &cell, (wr_str *)(void *)out, err));
        else if (!is_null)
            memcpy(out, cell.value, f->width);
    }
    if (is_null) {
        wr_bit_clear(f->valid, place);
        f->any_null = true;
    }
    return WR_OK;
}

/* Values of one batch, in front of place `end`. */
static wr_status fill_batch(filling *f, const ar_batch *batch, uint32_t *io_end, wr_error *err)
{
    ar_split *split = f->split;
    uint32_t  end_node = split->file->nodes[f->node].end;

    WR_TRY(wr_ar_load(split, batch, f->node, end_node, batch->rows, UINT64_MAX, err));
    if (batch->rows > *io_end || split->cursors[f->node].length != batch->rows)
        return WR_RAISE(err, WR_CORRUPT, "a dictionary's values are not as many as it says");
    *io_end -= (uint32_t)batch->rows;
    for (uint32_t i = 0; i < batch->rows; i++)
        WR_TRY(fill_value(f, i, *io_end + i, err));
    return WR_OK;
}

/* Where the record's bytes are, if they are in scratch space: in handles of its own. */
static void find_sources(ar_record *record)
{
    if (!record->batch.meta.file)
        record->batch.meta.blobs = &record->meta;
    if (!record->batch.body.file)
        record->batch.body.blobs = &record->body;
}

/* The batch before; *out_done: there is none. */
static wr_status step_back(const ar_split *split, ar_record *record, bool *out_done, wr_error *err)
{
    size_t got;

    *out_done = record->before == 0;
    if (*out_done)
        return WR_OK;
    WR_TRY(wr_scratch_read(*split->writer.scratch, record->before, 0, record, sizeof *record, &got, err));
    if (got != sizeof *record)
        return WR_RAISE(err, WR_CORRUPT, "a dictionary's record is cut");
    return WR_OK;
}

static wr_status fill(filling *f, const ar_dictionary *dictionary, wr_error *err)
{
    ar_record record = dictionary->last;
    uint32_t  end = f->count;
    bool      done = false;

    while (!done) {
        uint64_t used = f->split->pool.used;

        find_sources(&record);
        WR_TRY(fill_batch(f, &record.batch, &end, err));
        f->split->pool.used = used;
        WR_TRY(step_back(f->split, &record, &done, err));
    }
    return WR_OK;
}

/* Values from the lower half of the pool's rest, windows in the upper half. Errors WR_NO_MEMORY: no room. */
static wr_status load(ar_split *split, const ar_dictionary *dictionary, wr_error *err)
{
    ar_pool  *pool = &split->pool, whole = *pool;
    ar_words *words = &split->cursors[dictionary->node].words;
    wr_type   type = split->file->nodes[dictionary->node].type;
    filling   f = {.split = split, .node = dictionary->node + 1, .count = (uint32_t)dictionary->rows,
                   .width = wr_physical_bytes(wr_type_physical(type))};
    uint64_t  middle = pool->used + ((pool->top - pool->used) / 2 & ~(uint64_t)63), bit_bytes;

    bit_bytes = wr_bit_words((size_t)f.count + 1) * sizeof(uint64_t);
    if (dictionary->rows >= UINT32_MAX)
        return raise_room(&f, err);
    pool->top = middle;
    f.values = wr_ar_pool_take(pool, ((uint64_t)f.count + 1) * f.width);
    f.valid = wr_ar_pool_take(pool, bit_bytes);
    pool->top = whole.top;
    if (!f.values || !f.valid)
        return raise_room(&f, err);
    f.room = (wr_packer){.bytes = pool->bytes + pool->used, .capacity = middle - pool->used};
    whole.used = pool->used;
    memset(f.valid, 0xff, bit_bytes);
    memset(f.values + (size_t)f.count * f.width, 0, f.width);
    pool->used = middle;
    if (dictionary->generation > 0)
        WR_TRY(fill(&f, dictionary, err));
    pool->used = whole.used + wr_carve_bytes(f.room.used);
    *words = (ar_words){.count = f.count};
    words->vectors[0] = (wr_vector){.type = type, .encoding = WR_FLAT, .row_count = f.count,
                                    .data = f.values, .valid = f.any_null ? f.valid : NULL};
    words->vectors[1] = words->vectors[0];
    words->vectors[1].row_count = f.count + 1;
    words->vectors[1].valid = f.valid;
    wr_bit_clear(f.valid, f.count);
    return WR_OK;
}

/* There is no room for the values of a dictionary that is one batch: windows stay on it, and each value is
 * read where it lies. */
static wr_status load_far(ar_split *split, ar_dictionary *dictionary, wr_error *err)
{
    ar_words  *words = &split->cursors[dictionary->node].words;
    ar_record *record = &dictionary->last;
    uint32_t   first = dictionary->node + 1;

    find_sources(record);
    WR_TRY(wr_ar_load(split, &record->batch, first, split->file->nodes[first].end, record->batch.rows,
                      FAR_WINDOW_BYTES, err));
    if (split->cursors[first].length != record->batch.rows)
        return WR_RAISE(err, WR_CORRUPT, "a dictionary's values are not as many as it says");
    *words = (ar_words){.is_far = true, .count = (uint32_t)record->batch.rows};
    words->vectors[0] = (wr_vector){.type = split->file->nodes[first].type, .encoding = WR_FLAT};
    return WR_OK;
}

/* There is none for those of several batches: to scratch space. */
static wr_status load_aside(ar_split *split, const ar_dictionary *dictionary, wr_error *err)
{
    ar_words *words = &split->cursors[dictionary->node].words;
    ar_record record = dictionary->last;
    uint32_t  node = dictionary->node + 1;
    uint64_t  rows = 0;
    bool      done = false;
    ar_far   *far = wr_ar_far_begin(split, node, (uint32_t)dictionary->rows);

    if (!far)
        return WR_RAISE(err, WR_NO_MEMORY, "a dictionary of %llu values fits neither the %llu bytes set aside for "
                        "dictionaries and buffers nor temporary space: a larger cap, or fewer threads",
                        (unsigned long long)dictionary->rows, (unsigned long long)split->pool.size);
    while (!done) {
        find_sources(&record);
        rows += record.batch.rows;
        if (rows > dictionary->rows)
            break;
        WR_TRY(wr_ar_far_add(split, far, node, &record.batch, err));
        WR_TRY(step_back(split, &record, &done, err));
    }
    if (rows != dictionary->rows)
        return WR_RAISE(err, WR_CORRUPT, "a dictionary's values are not as many as it says");
    WR_TRY(wr_ar_far_end(split, far, err));
    *words = (ar_words){.is_far = true, .far = far, .count = (uint32_t)dictionary->rows};
    words->vectors[0] = (wr_vector){.type = split->file->nodes[node].type, .encoding = WR_FLAT};
    return WR_OK;
}

static wr_status load_either(ar_split *split, ar_dictionary *dictionary, wr_error *err)
{
    ar_pool   before = split->pool;
    wr_status status = load(split, dictionary, err);

    if (status != WR_NO_MEMORY || dictionary->generation == 0 || dictionary->rows >= UINT32_MAX)
        return status;
    wr_error_clear(err);
    split->pool = before;
    return dictionary->last.before ? load_aside(split, dictionary, err) : load_far(split, dictionary, err);
}

wr_status wr_ar_load_dictionaries(ar_split *split, wr_error *err)
{
    if (split->generation == split->wanted_generation)
        return WR_OK;
    split->generation = 0;
    split->pool.used = 0;
    wr_scratch_clear(split->aside);
    for (uint32_t d = split->file->dictionary_count; d-- > 0;)
        WR_TRY_WHILE(load_either(split, &split->dictionaries[d], err), err, "reading dictionary %lld",
                     (long long)split->file->nodes[split->dictionaries[d].node].dictionary_id);
    split->kept = split->pool.used;
    split->generation = split->wanted_generation;
    return WR_OK;
}
