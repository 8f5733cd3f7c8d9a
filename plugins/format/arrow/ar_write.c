/* ar_write.c — the Arrow writer's options, sizes and state.
 *
 * The default is no compression and no dictionary, which every reader takes; lz4 costs little, zstd is the
 * smallest. */
#include "ar_write.h"

/* ---- Options ----------------------------------------------------------------------------------- */

static const char *const LAYOUT_NAMES[] = {"file", "stream", NULL};
static const char *const CODEC_NAMES[] = {"none", "lz4", "zstd", NULL};
static const wr_codec    CODECS[] = {WR_CODEC_NONE, WR_CODEC_LZ4, WR_CODEC_ZSTD};

const wr_option_def WR_AR_WRITE_OPTIONS[] = {
    {"layout", WR_OPTION_ENUM, 0, offsetof(ar_write_options, layout), "file", 0, 0, LAYOUT_NAMES,
     "file, with a footer, or stream, which .arrows and standard output are by default"},
    {"compression", WR_OPTION_ENUM, 0, offsetof(ar_write_options, compression), "none", 0, 0, CODEC_NAMES,
     "of the buffers: none, lz4 or zstd"},
    {"compression_level", WR_OPTION_INT, 0, offsetof(ar_write_options, level), "0", 0, 22, NULL,
     "level of the codec; 0 is the codec's default"},
    {"batch_rows", WR_OPTION_INT, 0, offsetof(ar_write_options, batch_rows), "65536", 1, INT32_MAX, NULL,
     "rows of a record batch, at most"},
    {"large_offsets", WR_OPTION_BOOL, 0, offsetof(ar_write_options, large_offsets), "false", 0, 0, NULL,
     "texts and lists with offsets of 64 bits: for values of 2 GiB and more"},
    {"dictionary", WR_OPTION_LIST, 0, offsetof(ar_write_options, dictionary), NULL, 0, 0, NULL,
     "columns of texts that are written as codes of a dictionary, which grows as the rows come; true: all"},
    {0},
};

wr_codec wr_ar_write_codec(const ar_write_options *options)
{
    return CODECS[options->compression];
}

int wr_ar_write_level(const ar_write_options *options)
{
    wr_codec codec = wr_ar_write_codec(options);
    int      level = 0;

    if (codec != WR_CODEC_NONE && wr_block_level(codec, (int)options->level, &level, NULL) != WR_OK)
        level = 0; /* check refused it */
    return level;
}

static wr_status check(const void *options_p, wr_error *err)
{
    const ar_write_options *options = options_p;
    wr_codec                codec = wr_ar_write_codec(options);
    int                     level;

    if (codec == WR_CODEC_NONE)
        return options->level == 0 ? WR_OK : WR_RAISE(err, WR_INVALID,
                                                      "option 'compression_level': there is no "
                                                      "compression");
    WR_TRY(wr_codec_require_encoder(codec, err));
    return wr_block_level(codec, (int)options->level, &level, err);
}

/* ---- Nodes ------------------------------------------------------------------------------------- */

static uint8_t put_of(wr_type type)
{
    switch ((wr_logical)type.logical) {
    case WR_TYPE_NULL_:
        return AR_PUT_NOTHING;
    case WR_TYPE_BOOL:
        return AR_PUT_BITS;
    case WR_TYPE_DECIMAL:
        return wr_type_physical(type) == WR_PHYS_I64 ? AR_PUT_WIDEN : AR_PUT_COPY;
    case WR_TYPE_TIME:
        return type.unit <= WR_UNIT_MS ? AR_PUT_NARROW : AR_PUT_COPY;
    case WR_TYPE_INTERVAL:
        return AR_PUT_INTERVAL;
    case WR_TYPE_UUID:
        return AR_PUT_UUID;
    case WR_TYPE_UTF8:
    case WR_TYPE_BINARY:
        return AR_PUT_TEXT;
    case WR_TYPE_LIST:
    case WR_TYPE_MAP:
        return AR_PUT_LIST;
    case WR_TYPE_STRUCT:
        return AR_PUT_STRUCT;
    default:
        return AR_PUT_COPY;
    }
}

/* Writes a type's nodes (NULL: counts them); returns the place behind them. */
static uint32_t add_nodes(wr_type type, ar_out_node *nodes, uint32_t at)
{
    ar_out_node node = {.type = type, .put = put_of(type)};
    uint32_t    end = at + 1;

    node.width = node.put == AR_PUT_NARROW  ? 4
                 : node.put == AR_PUT_WIDEN ? 16
                                            : (uint8_t)wr_physical_bytes(wr_type_physical(type));
    if (node.put == AR_PUT_LIST)
        end = add_nodes(wr_type_element(type), nodes, end);
    for (uint32_t m = 0; node.put == AR_PUT_STRUCT && m < wr_type_member_count(type); m++)
        end = add_nodes(wr_type_member(type, m).type, nodes, end);
    node.end = end;
    if (nodes)
        nodes[at] = node;
    return end;
}

/* Writes (NULL: counts) the nodes of columns; if it writes, those of their dictionaries' values, too. */
static uint32_t add_all(const wr_write_request *request, ar_out_node *nodes, uint32_t *out_codings)
{
    const wr_schema *schema = request->schema;
    uint32_t         end = 0, codings = 0;

    for (uint32_t f = 0; f < schema->field_count; f++) {
        bool is_coded = wr_ar_is_coded(request, f);

        if (nodes && is_coded)
            nodes[end] = (ar_out_node){.type = schema->fields[f].type, .put = AR_PUT_CODES, .width = 4,
                                       .end = end + 1, .coding = codings};
        end = is_coded ? end + 1 : add_nodes(schema->fields[f].type, nodes, end);
        codings += is_coded;
    }
    *out_codings = codings;
    for (uint32_t f = 0; nodes && f < schema->field_count; f++)
        if (wr_ar_is_coded(request, f))
            end = add_nodes(schema->fields[f].type, nodes, end);
    return end;
}

uint32_t wr_ar_out_buffers(const ar_out_node *node, uint8_t out_which[AR_OUT_BUFFERS])
{
    uint32_t count = 0;

    if (node->put == AR_PUT_NOTHING)
        return 0;
    out_which[count++] = AR_OUT_VALIDITY;
    if (node->put == AR_PUT_TEXT || node->put == AR_PUT_LIST)
        out_which[count++] = AR_OUT_MIDDLE;
    if (node->put != AR_PUT_LIST && node->put != AR_PUT_STRUCT)
        out_which[count++] = AR_OUT_DATA;
    return count;
}

/* ---- Sizes ------------------------------------------------------------------------------------- */

enum {
    PIECE_BYTES_MIN = 128, PIECE_BYTES_MAX = 16 << 10,
    PIECES_PER_NODE = 16,  /* of a block, as many as make each buffer's last one, half empty, small */
    CODING_PART = 4,       /* of a block's bytes, as many are all dictionaries' ...  */
    CODING_BYTES_MIN = 8 << 10, CODING_BYTES_MAX = 1 << 20, /* ... but each at least, at most */
};

ar_sizes wr_ar_sizes(const wr_write_request *request)
{
    uint32_t codings, columns = add_all(request, NULL, &codings), nodes = columns + codings;
    bool     is_stored = wr_ar_write_codec(request->options) != WR_CODEC_NONE; /* by an encoder as large */
    uint64_t bytes = is_stored ? request->block_bytes / 2 : request->block_bytes;
    uint64_t piece = bytes / ((uint64_t)PIECES_PER_NODE * (nodes + 1));
    uint64_t coding = codings ? request->block_bytes / CODING_PART / codings : 0;
    ar_sizes sizes = {.column_nodes = columns, .node_count = nodes, .coding_count = codings,
                      .long_bytes = (uint32_t)(bytes / 4)};

    piece = piece < PIECE_BYTES_MIN ? PIECE_BYTES_MIN : piece > PIECE_BYTES_MAX ? PIECE_BYTES_MAX : piece;
    sizes.piece_bytes = (uint32_t)wr_pow2_floor(piece);
    sizes.piece_count = (uint32_t)(bytes / sizes.piece_bytes) + (AR_OUT_BUFFERS + AR_SPARE_PIECES) * nodes;
    sizes.pool_bytes = (uint64_t)sizes.piece_count * sizes.piece_bytes;
    coding = coding < CODING_BYTES_MIN ? CODING_BYTES_MIN : coding > CODING_BYTES_MAX ? CODING_BYTES_MAX : coding;
    sizes.coding_bytes = (uint32_t)wr_pow2_floor(coding);
    return sizes;
}

/* ---- Shared state ------------------------------------------------------------------------------ */

static void putter_layout(const wr_write_request *request, ar_putter *p, wr_carver *carver)
{
    p->stage = wr_carve(carver, AR_STAGE_BYTES);
    p->values = wr_carve(carver, AR_STAGE_BYTES);
    p->window = NULL;
    for (uint32_t f = 0; f < request->schema->field_count; f++)
        if (!p->window && wr_type_is_nested(request->schema->fields[f].type))
            p->window = wr_carve(carver, sizeof *p->window);
}

static void shared_layout(const wr_write_request *request, ar_shared *shared, wr_carver *carver)
{
    uint32_t nodes = wr_ar_sizes(request).node_count;

    shared->sizes = wr_ar_sizes(request);
    shared->nodes = wr_carve(carver, nodes * sizeof(ar_out_node));
    shared->saved = wr_carve(carver, nodes * sizeof(ar_out_buffers));
    shared->walker.buffers = wr_carve(carver, nodes * sizeof(ar_out_buffers));
    shared->walker.out = wr_carve(carver, AR_OUT_BYTES);
    shared->flat = wr_carve(carver, WR_BATCH_ROWS_MAX * sizeof(int64_t));
    putter_layout(request, &shared->putter, carver);
    putter_layout(request, &shared->walker, carver);
    wr_long_writer_layout(&shared->long_writer, &shared->scratch, carver);
    wr_long_writer_layout(&shared->batches.writer, &shared->scratch, carver);
    if (shared->sizes.coding_count > 0)
        wr_long_writer_layout(&shared->dictionaries.writer, &shared->scratch, carver);
    shared->is_written = wr_carve(carver, shared->sizes.coding_count);
    shared->putter.codings = wr_carve(carver, shared->sizes.coding_count * sizeof(ar_coding));
    for (uint32_t c = 0; c < shared->sizes.coding_count; c++) {
        ar_coding coding = {.words = shared->sizes.column_nodes + c};

        wr_text_codes_layout(&coding.codes, shared->sizes.coding_bytes, carver);
        if (shared->putter.codings)
            shared->putter.codings[c] = coding;
    }
}

static uint64_t shared_lease_min(const wr_write_request *request)
{
    wr_carver carver = {0};
    ar_shared shared = {0};

    shared_layout(request, &shared, &carver);
    return carver.used;
}

static wr_status shared_init(const wr_write_request *request, void *shared_p, wr_bump *bump, wr_error *err)
{
    const ar_write_options *options = request->options;
    ar_shared              *shared = shared_p;
    wr_carver               carver;
    uint32_t                codings;

    WR_TRY(wr_ar_check_coded(request, err));
    shared->scratch = *request->scratch;
    WR_TRY(wr_carver_init(&carver, bump, shared_lease_min(request), err));
    shared_layout(request, shared, &carver);
    add_all(request, shared->nodes, &codings);
    shared->putter.nodes = shared->walker.nodes = shared->nodes;
    shared->putter.is_large = shared->walker.is_large = options->large_offsets;
    shared->putter.piece_bytes = shared->sizes.piece_bytes;
    shared->putter.piece_count = shared->sizes.piece_count - AR_SPARE_PIECES * shared->sizes.node_count;
    return WR_OK;
}

/* ---- Blocks ------------------------------------------------------------------------------------ */

static void block_layout(const wr_write_request *request, ar_out_block *block, wr_carver *carver)
{
    ar_sizes sizes = wr_ar_sizes(request);

    block->buffers = wr_carve(carver, sizes.node_count * sizeof(ar_out_buffers));
    block->stored = wr_carve(carver, (uint64_t)sizes.node_count * AR_OUT_BUFFERS * sizeof(uint64_t));
    block->pieces = wr_carve(carver, sizes.pool_bytes);
    block->next = wr_carve(carver, sizes.piece_count * sizeof(uint32_t));
    block->long_row = wr_carve(carver, request->schema->field_count * sizeof(ar_long_cell));
    block->replaces = wr_carve(carver, sizes.coding_count);
}

static uint64_t block_lease_min(const wr_write_request *request)
{
    wr_carver    carver = {0};
    ar_out_block block;

    block_layout(request, &block, &carver);
    return carver.used;
}

static wr_status block_init(const wr_write_request *request, void *shared, void *block, wr_bump *bump,
                            wr_error *err)
{
    wr_carver carver;

    (void)shared;
    WR_TRY(wr_carver_init(&carver, bump, block_lease_min(request), err));
    block_layout(request, block, &carver);
    return WR_OK;
}

const wr_format_block_ops WR_AR_WRITER = {
    .shared_bytes = sizeof(ar_shared),
    .block_bytes = sizeof(ar_out_block),
    .encoder_bytes = sizeof(ar_encoder),
    .check = check,
    .shared_lease_min = shared_lease_min,
    .block_lease_min = block_lease_min,
    .encoder_lease_min = wr_ar_encoder_bytes,
    .shared_init = shared_init,
    .block_init = block_init,
    .encoder_init = wr_ar_encoder_init,
    .begin = wr_ar_begin,
    .take = wr_ar_take,
    .encode = wr_ar_encode,
    .write = wr_ar_write,
    .end = wr_ar_end,
};
