/* pq_write.c — the Parquet writer's sizes and state. */
#include "pq_write.h"

/* ---- Sizes ------------------------------------------------------------------------------------- */

enum {
    PIECE_BYTES_MIN = 512, PIECE_BYTES_MAX = 16 << 10,
    PIECES_PER_LEAF_MIN = 6,
    PAGE_BYTES_MIN = 32 << 10, PAGE_BYTES_MAX = 256 << 10,
    STORE_BYTES_MIN = 4 << 10, STORE_BYTES_MAX = 64 << 10,
    DICTIONARY_BYTES_MIN = 1 << 10,
};

_Static_assert(PQ_NOTES_PER_PIECE * sizeof(pq_page_note) <= STORE_BYTES_MIN, "a piece of notes fits `copy`");

static uint32_t clamp_pow2(uint64_t x, uint32_t least, uint32_t most)
{
    x = x ? wr_pow2_floor(x) : least;
    return x < least ? least : x > most ? most : (uint32_t)x;
}

pq_sizes wr_pq_sizes(const wr_write_request *request)
{
    uint32_t leaves = wr_pq_leaf_count(request->schema);
    uint64_t bytes = request->block_bytes, share = bytes / (leaves ? leaves : 1);
    uint64_t pieces;
    pq_sizes sizes = {
        .leaf_count = leaves,
        .piece_bytes = clamp_pow2(share / 8, PIECE_BYTES_MIN, PIECE_BYTES_MAX),
        .spare_pieces = leaves + 8,
        .page_bytes = clamp_pow2(bytes / 4, PAGE_BYTES_MIN, PAGE_BYTES_MAX),
        .store_bytes = clamp_pow2(share, STORE_BYTES_MIN, STORE_BYTES_MAX),
    };

    sizes.page_entries = sizes.page_bytes / 8;
    sizes.long_bytes = sizes.page_bytes / 4;
    sizes.dictionary_bytes = clamp_pow2(4 * share, DICTIONARY_BYTES_MIN, sizes.page_bytes);
    pieces = (bytes > 4 * sizes.long_bytes ? bytes : 4 * sizes.long_bytes) / sizes.piece_bytes;
    if (pieces < (uint64_t)PIECES_PER_LEAF_MIN * leaves)
        pieces = (uint64_t)PIECES_PER_LEAF_MIN * leaves;
    sizes.piece_count = (uint32_t)pieces + sizes.spare_pieces;
    return sizes;
}

/* ---- Shared state ------------------------------------------------------------------------------ */

static wr_status shared_layout(const wr_write_request *request, pq_shared *shared,
                               wr_carver *carver, wr_error *err)
{
    const pq_write_options *options = request->options;
    pq_sizes sizes = wr_pq_sizes(request);
    uint32_t leaves = sizes.leaf_count, index = 0;
    pq_walk  walk = {.schema = request->schema};
    pq_node  node;
    char    *texts = NULL;
    wr_packed_window *window = NULL;

    shared->sizes = sizes;
    shared->leaves = wr_carve(carver, leaves * sizeof(pq_leaf));
    shared->blooms = wr_carve(carver, leaves * sizeof(pq_bloom));
    shared->dictionaries = wr_carve(carver, leaves * sizeof(pq_dictionary));
    shared->stores = wr_carve(carver, leaves * sizeof(pq_store));
    shared->chunks = wr_carve(carver, leaves * sizeof(pq_chunk));
    shared->places = wr_carve(carver, leaves * sizeof(pq_place));
    shared->last_dictionaries = wr_carve(carver, leaves * sizeof(pq_dictionary_page));
    shared->pause = wr_carve(carver, leaves);
    wr_pq_sort_layout(options, &shared->sort, carver);
    shared->stage = wr_carve(carver, sizeof(pq_stage));
    shared->flat = wr_carve(carver, WR_BATCH_ROWS_MAX * sizeof(int64_t));
    shared->copy = wr_carve(carver, sizes.store_bytes);
    shared->metadata = wr_carve(carver, PQ_METADATA_BYTES);
    if (wr_schema_has_nested(request->schema)) {
        shared->shred = wr_carve(carver, sizeof(pq_shred));
        window = wr_carve(carver, sizeof *window);
        texts = wr_carve(carver, 2 * sizes.long_bytes);
    }
    if (shared->shred)
        *shared->shred = (pq_shred){.long_bytes = sizes.long_bytes, .window = window, .texts = texts};
    wr_long_writer_layout(&shared->long_writer, &shared->scratch, carver);
    wr_pq_store_layout(&shared->footer, &shared->scratch, sizes.store_bytes, carver);
    wr_pq_store_layout(&shared->notes, &shared->pages, PQ_NOTES_PER_PIECE * sizeof(pq_page_note),
                       carver);
    wr_pq_store_layout(&shared->indexes, &shared->pages, sizes.store_bytes, carver);
    while (wr_pq_walk_next(&walk, &node)) {
        pq_dictionary dictionary;
        pq_store      store;
        pq_leaf       leaf;
        pq_bloom      bloom = {.wrong = options->bloom_wrong};

        if (node.kind != PQ_NODE_LEAF)
            continue;
        WR_TRY(wr_pq_leaf_of(&walk, &node, wr_carve(carver, walk.depth * sizeof(pq_path)), &leaf,
                             err));
        WR_TRY(wr_pq_write_encoding(options, request->schema->fields[leaf.column].name, &leaf, err));
        if (leaf.physical != PQ_BOOLEAN &&
            wr_pq_write_has_bloom(options, request->schema->fields[leaf.column].name)) {
            bloom.byte_count = wr_pq_bloom_bytes((uint64_t)options->row_group_rows, options->bloom_wrong);
            if (bloom.byte_count > request->block_bytes)
                bloom.byte_count = request->block_bytes;
            bloom.bits = wr_carve(carver, bloom.byte_count);
        }
        wr_pq_dictionary_layout(&dictionary, &leaf, sizes.dictionary_bytes, carver);
        wr_pq_store_layout(&store, &shared->pages, sizes.store_bytes, carver);
        if (carver->base) {
            shared->leaves[index] = leaf;
            shared->dictionaries[index] = dictionary;
            if (bloom.bits)
                memset(bloom.bits, 0, bloom.byte_count);
            shared->blooms[index] = bloom;
            shared->stores[index++] = store;
        }
    }
    return WR_OK;
}

static uint64_t shared_lease_min(const wr_write_request *request)
{
    wr_carver carver = {0};
    pq_shared shared = {0};

    /* Types that Parquet does not have are refused when the plan starts. */
    return shared_layout(request, &shared, &carver, NULL) == WR_OK ? carver.used : 0;
}

static wr_status shared_init(const wr_write_request *request, void *shared_p, wr_bump *bump,
                             wr_error *err)
{
    const pq_write_options *options = request->options;
    pq_shared              *shared = shared_p;
    wr_carver               carver = {0};

    WR_TRY(wr_pq_write_check_columns(options, request->schema, err));
    shared->scratch = *request->scratch;
    shared->pages = wr_scratch_open_area(shared->scratch, &shared->area);
    shared->codec = wr_pq_write_codec(options);
    shared->page_kind = options->page_version == 1 ? PQ_DATA_PAGE_V2 : PQ_DATA_PAGE;
    shared->uses_dictionaries = options->dictionary;
    shared->has_indexes = options->page_index;
    WR_TRY(shared_layout(request, shared, &carver, err));
    WR_TRY(wr_carver_init(&carver, bump, carver.used, err));
    WR_TRY(shared_layout(request, shared, &carver, err));
    wr_pq_sort_begin(options, request->schema, &shared->sort);
    return wr_pq_take_dictionaries(shared, shared->last_dictionaries, err);
}

/* ---- Blocks ------------------------------------------------------------------------------------ */

static void block_layout(const wr_write_request *request, pq_block *block, wr_carver *carver)
{
    pq_sizes sizes = wr_pq_sizes(request);

    wr_pq_pool_layout(&block->pool, sizes.piece_bytes, sizes.piece_count, carver);
    block->leaves = wr_carve(carver, sizes.leaf_count * sizeof(pq_block_leaf));
    block->dictionaries = wr_carve(carver, sizes.leaf_count * sizeof(pq_dictionary_page));
}

static uint64_t block_lease_min(const wr_write_request *request)
{
    wr_carver carver = {0};
    pq_block  block;

    block_layout(request, &block, &carver);
    return carver.used;
}

static wr_status block_init(const wr_write_request *request, void *shared, void *block,
                            wr_bump *bump, wr_error *err)
{
    wr_carver carver;

    WR_TRY(wr_carver_init(&carver, bump, block_lease_min(request), err));
    block_layout(request, block, &carver);
    wr_pq_block_reset(shared, block);
    return WR_OK;
}

void wr_pq_block_reset(const pq_shared *shared, pq_block *block)
{
    for (uint32_t i = 0; i < shared->sizes.leaf_count; i++)
        block->leaves[i] = (pq_block_leaf){PQ_CHAIN_EMPTY, PQ_CHAIN_EMPTY, PQ_CHAIN_EMPTY,
                                           PQ_CHAIN_EMPTY, PQ_CHAIN_EMPTY, {0}, {0}};
    wr_pq_pool_reset(&block->pool);
    block->is_used = block->ends_group = false;
    block->encoded_leaves = 0;
}

static wr_status begin(const wr_write_request *request, void *shared, wr_output *output,
                       wr_error *err)
{
    (void)request, (void)shared;
    return output->ops->write(output, PQ_MAGIC, PQ_MAGIC_BYTES, err);
}

const wr_format_block_ops WR_PQ_WRITER = {
    .shared_bytes = sizeof(pq_shared),
    .block_bytes = sizeof(pq_block),
    .encoder_bytes = sizeof(pq_encoder),
    .check = wr_pq_write_check,
    .shared_lease_min = shared_lease_min,
    .block_lease_min = block_lease_min,
    .encoder_lease_min = wr_pq_encoder_bytes,
    .shared_init = shared_init,
    .block_init = block_init,
    .encoder_init = wr_pq_encoder_init,
    .begin = begin,
    .take = wr_pq_take,
    .encode = wr_pq_encode,
    .write = wr_pq_write,
    .end = wr_pq_end,
};
