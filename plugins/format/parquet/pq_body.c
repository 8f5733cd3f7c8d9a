/* pq_body.c — bodies of pages: from the file into memory or scratch space, decompressed and checked.
 *
 * A page that is stored as it is and does not fit the pool is read from the file through windows. One
 * that is compressed is decompressed at once if both forms fit; else as it is read (pq_flow.c), if it is
 * read once from first to last; else piece by piece into scratch space, and read from there through
 * windows. So a page may be larger than memory. A codec's window may take the place of all pages, which
 * are put aside meanwhile.
 *
 * Invariants
 *  1. Nothing is allocated by what a header says but in the pool, which says no.
 *  2. A page with a checksum is given only if that is right.
 * Cost: the codec's, and a read a page; a checksum of what does not fit is one more. */
#include "pq_priv.h"

#include <string.h>
#include <zlib.h>

#include "base/bits.h"

/* ---- Codecs ------------------------------------------------------------------------------------- */

static const wr_codec CODECS[PQ_CODEC_COUNT] = {
    [PQ_UNCOMPRESSED] = WR_CODEC_NONE, [PQ_SNAPPY] = WR_CODEC_SNAPPY, [PQ_GZIP] = WR_CODEC_GZIP,
    [PQ_ZSTD] = WR_CODEC_ZSTD, [PQ_LZ4] = WR_CODEC_LZ4_RAW, [PQ_LZ4_RAW] = WR_CODEC_LZ4_RAW,
    [PQ_BROTLI] = WR_CODEC_BROTLI,
};

static const char *const CODEC_NAMES[PQ_CODEC_COUNT] = {
    "none", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4_raw"};

enum {
    WINDOW_BYTES = 128 << 10,   /* larger ones take the place of the pages          */
    BROTLI_BYTES = 1 << 20,     /* its window for pages that are decompressed at once */
};

/* Whatever codec a file has: the file is not known when memory is planned. Brotli takes more, and is. */
uint64_t wr_pq_workspace_bytes(bool has_brotli)
{
    uint64_t most = has_brotli ? wr_block_decoder_lease_min(WR_CODEC_BROTLI, BROTLI_BYTES) : 0;

    for (unsigned c = 0; c < PQ_CODEC_COUNT; c++)
        if (CODECS[c] > WR_CODEC_NONE && CODECS[c] != WR_CODEC_BROTLI &&
            wr_block_decoder_lease_min(CODECS[c], WINDOW_BYTES) > most)
            most = wr_block_decoder_lease_min(CODECS[c], WINDOW_BYTES);
    return most;
}

static wr_status find_codec(const pq_cursor *cursor, const pq_tools *tools, wr_codec *out_codec, wr_error *err)
{
    *out_codec = cursor->chunk.codec < PQ_CODEC_COUNT ? CODECS[cursor->chunk.codec] : WR_CODEC_AUTO;
    if (*out_codec == WR_CODEC_AUTO)
        return WR_RAISE(err, WR_UNSUPPORTED, "pages compressed with %s cannot be read",
                        cursor->chunk.codec < PQ_CODEC_COUNT ? CODEC_NAMES[cursor->chunk.codec]
                                                             : "an unknown codec");
    if (*out_codec == WR_CODEC_BROTLI && !tools->has_brotli)
        return WR_RAISE(err, WR_UNSUPPORTED, "pages are compressed with brotli, and the first row group "
                        "that was looked at is not: name a file first that is, so that memory for it is "
                        "planned");
    return WR_OK;
}

/* Brotli keeps no more history than there is. */
static uint64_t find_window(wr_codec codec, const pq_page_header *header, const uint8_t *head,
                            uint32_t head_bytes)
{
    uint64_t window = wr_block_window(codec, head, head_bytes), most = WINDOW_BYTES;

    if (codec != WR_CODEC_BROTLI)
        return window;
    while (most < header->raw_bytes)
        most *= 2;
    return window < most ? window : most;
}

static void ready_decoder(pq_tools *tools, wr_codec codec)
{
    if (tools->codec != codec)
        tools->decoder = wr_block_decoder_init(codec, codec == WR_CODEC_BROTLI ? BROTLI_BYTES : 0,
                                               tools->workspace);
    tools->codec = codec;
}

/* The old lz4 of Hadoop: blocks, each behind its raw and its stored length, highest byte first. */
static bool is_framed(const uint8_t *stored, uint64_t stored_bytes, uint64_t raw_bytes)
{
    uint64_t raw_sum = 0;

    while (stored_bytes > 0) {
        uint64_t lengths, block_bytes;

        if (stored_bytes < sizeof lengths)
            return false;
        lengths = wr_load_u64_be(stored);
        block_bytes = lengths & UINT32_MAX;
        raw_sum += lengths >> 32;
        if (block_bytes > stored_bytes - sizeof lengths)
            return false;
        stored += sizeof lengths + block_bytes;
        stored_bytes -= sizeof lengths + block_bytes;
    }
    return raw_sum == raw_bytes;
}

static wr_status decode_framed(wr_block_decoder *decoder, const uint8_t *stored, uint64_t stored_bytes,
                               uint8_t *raw, wr_error *err)
{
    while (stored_bytes > 0) {
        uint64_t lengths = wr_load_u64_be(stored), block_bytes = lengths & UINT32_MAX;

        WR_TRY(wr_block_decode(decoder, stored + sizeof lengths, block_bytes, raw, lengths >> 32, err));
        raw += lengths >> 32;
        stored += sizeof lengths + block_bytes;
        stored_bytes -= sizeof lengths + block_bytes;
    }
    return WR_OK;
}

/* Some wrote Hadoop's frames under the name of lz4, others the bare block. */
static wr_status decode_block(const pq_cursor *cursor, pq_tools *tools, const uint8_t *stored,
                              uint64_t stored_bytes, uint8_t *raw, uint64_t raw_bytes, wr_error *err)
{
    if (cursor->chunk.codec == PQ_LZ4 && is_framed(stored, stored_bytes, raw_bytes))
        return decode_framed(tools->decoder, stored, stored_bytes, raw, err);
    return wr_block_decode(tools->decoder, stored, stored_bytes, raw, raw_bytes, err);
}

/* ---- Bytes of the file -------------------------------------------------------------------------- */

/* `count` bytes of the file, of which none is at hand. */
static pq_bytes cut_file(pq_tools *tools, uint64_t begin, uint64_t count)
{
    return (pq_bytes){.at = tools->header, .end = tools->header, .left = count, .next = begin,
                      .file = tools->file, .window = tools->header,
                      .window_bytes = PQ_HEADER_WINDOW_BYTES};
}

static wr_status read_file(pq_tools *tools, uint64_t begin, void *out, uint64_t count, wr_error *err)
{
    pq_bytes bytes = cut_file(tools, begin, count);

    return wr_pq_bytes_copy(&bytes, out, count, err);
}

static wr_status compare_crc(const pq_page_header *header, uint32_t crc, wr_error *err)
{
    if (crc != header->crc)
        return WR_RAISE(err, WR_CORRUPT, "the checksum of a page of %u bytes is wrong", header->stored_bytes);
    return WR_OK;
}

/* Of the page as it is stored, which may lie in two parts. */
static wr_status check_crc(const pq_page_header *header, const uint8_t *first, uint32_t first_bytes,
                           const uint8_t *second, uint32_t second_bytes, wr_error *err)
{
    if (!header->has_crc)
        return WR_OK;
    return compare_crc(header, (uint32_t)crc32(crc32(0, first, first_bytes), second ? second : first,
                                               second_bytes), err);
}

/* Of the page as it lies in the file. */
static wr_status check_stored_crc(pq_tools *tools, const pq_page_header *header, wr_error *err)
{
    pq_bytes bytes = cut_file(tools, header->body, header->stored_bytes);
    uint32_t crc = 0;

    if (!header->has_crc)
        return WR_OK;
    while (wr_pq_bytes_left(&bytes) > 0) {
        WR_TRY(wr_pq_bytes_fill(&bytes, 1, err));
        crc = (uint32_t)crc32(crc, bytes.at, (uint32_t)(bytes.end - bytes.at));
        bytes.at = bytes.end;
    }
    return compare_crc(header, crc, err);
}

/* Levels of a v2 page, which are not compressed. */
static uint32_t plain_bytes(const pq_page_header *header)
{
    return header->level_bytes[0] + header->level_bytes[1];
}

/* ---- Scratch space ------------------------------------------------------------------------------ */

wr_status wr_pq_scratch_begin(pq_tools *tools, wr_long_writer *writer, uint64_t size, wr_error *err)
{
    if (!tools->scratch || !tools->scratch->ops)
        return WR_RAISE(err, WR_NO_MEMORY, "%llu bytes fit neither memory nor, as there is no temporary "
                        "space, the disk", (unsigned long long)size);
    if (size > UINT32_MAX)
        return WR_RAISE(err, WR_UNSUPPORTED, "a page whose values take %llu bytes: at most %u can be read",
                        (unsigned long long)size, UINT32_MAX);
    wr_long_writer_begin(writer);
    return WR_OK;
}

wr_status wr_pq_scratch_end(wr_long_writer *writer, wr_blob *blob, pq_bytes *io_bytes, wr_error *err)
{
    *io_bytes = (pq_bytes){.at = io_bytes->window, .end = io_bytes->window, .left = writer->byte_count,
                           .blob = blob, .window = io_bytes->window,
                           .window_bytes = io_bytes->window_bytes};
    return writer->byte_count > 0 ? wr_long_writer_end(writer, blob, err) : WR_OK;
}

/* Decompress through small windows. */
static wr_status decode_pieces(pq_tools *tools, wr_codec codec, const pq_page_header *header,
                               uint32_t plain, uint64_t window, wr_error *err)
{
    wr_block_decoder *decoder = wr_block_decoder_init(codec, window, tools->workspace);
    pq_bytes          stored = cut_file(tools, header->body + plain, header->stored_bytes - plain);
    uint8_t           raw[4096];
    bool              done = false;

    wr_block_decoder_begin(decoder, header->stored_bytes - plain, header->raw_bytes - plain);
    while (!done) {
        wr_block_piece piece;

        WR_TRY(wr_pq_bytes_fill(&stored, 1, err));
        piece = (wr_block_piece){stored.at, (size_t)(stored.end - stored.at), raw, sizeof raw};
        WR_TRY(wr_block_decoder_run(decoder, &piece, &done, err));
        stored.at = piece.in;
        if (piece.out_bytes == sizeof raw && !done && wr_pq_bytes_left(&stored) == 0)
            return wr_pq_raise_short(err);
        WR_TRY(wr_long_writer_add(&tools->writer, raw, sizeof raw - piece.out_bytes, err));
    }
    return WR_OK;
}

/* What lies behind the workspace, to scratch space while a codec with a large window takes its place. */
static wr_status put_aside(pq_tools *tools, wr_blob *out, wr_error *err)
{
    const pq_pool *last = tools->pool.count > 0 ? &tools->pool : &tools->dictionaries;
    uint64_t       used;

    *out = (wr_blob){0};
    if (last->count == 0)
        return WR_OK;
    used = (uint64_t)(last->blocks[last->count - 1].bytes - tools->aside) + last->blocks[last->count - 1].size;
    WR_TRY(wr_pq_scratch_begin(tools, &tools->writer, used, err));
    WR_TRY(wr_long_writer_add(&tools->writer, tools->aside, used, err));
    return wr_long_writer_end(&tools->writer, out, err);
}

/* The page, behind the plain levels of v2 pages, to the writer. */
static wr_status decode_all(pq_tools *tools, wr_codec codec, const pq_page_header *header, uint32_t plain,
                            uint64_t window, wr_error *err)
{
    uint8_t  part[256];
    pq_bytes levels = cut_file(tools, header->body, plain);

    WR_TRY(wr_pq_scratch_begin(tools, &tools->writer, header->raw_bytes, err));
    while (levels.left > 0) {
        uint32_t now = levels.left < sizeof part ? (uint32_t)levels.left : (uint32_t)sizeof part;

        WR_TRY(wr_pq_bytes_copy(&levels, part, now, err));
        WR_TRY(wr_long_writer_add(&tools->writer, part, now, err));
    }
    return decode_pieces(tools, codec, header, plain, window, err);
}

static wr_status decode_to_scratch(pq_tools *tools, wr_codec codec, const pq_page_header *header,
                                   uint64_t window, wr_blob *blob, pq_bytes *out, wr_error *err)
{
    uint64_t bytes = wr_block_decoder_lease_min(codec, window);
    uint64_t room = tools->workspace_bytes + tools->aside_bytes;
    wr_blob  aside = {0};

    if (bytes > room)
        return WR_RAISE(err, WR_NO_MEMORY, "a page of %u bytes was compressed with a window of %llu bytes, "
                        "for which %llu bytes of memory are needed and %llu are there: a larger cap, or "
                        "fewer threads", header->raw_bytes, (unsigned long long)window,
                        (unsigned long long)bytes, (unsigned long long)room);
    if (bytes > tools->workspace_bytes)
        WR_TRY(put_aside(tools, &aside, err));
    tools->codec = WR_CODEC_AUTO; /* whatever was in the workspace is gone */
    WR_TRY(decode_all(tools, codec, header, plain_bytes(header), window, err));
    if (aside.byte_count > 0)
        WR_TRY(wr_blob_read(&aside, 0, tools->aside, aside.byte_count, err));
    return wr_pq_scratch_end(&tools->writer, blob, out, err);
}

/* ---- Memory ------------------------------------------------------------------------------------- */

/* Dictionaries have memory of their own, so that pages cannot leave them without. */
static uint8_t *take_block(pq_tools *tools, const pq_page_header *header, uint64_t size)
{
    uint8_t *block = NULL;

    if (header->kind == PQ_DICTIONARY_PAGE)
        block = wr_pq_pool_take(&tools->dictionaries, size);
    return block ? block : wr_pq_pool_take(&tools->pool, size);
}

void wr_pq_page_drop(pq_cursor *cursor, pq_tools *tools)
{
    wr_pq_block_drop(tools, &cursor->page);
    wr_pq_block_drop(tools, &cursor->plain);
    wr_pq_block_drop(tools, (uint8_t **)&cursor->flow);
    wr_pq_block_drop(tools, &cursor->level_blocks[0]);
    wr_pq_block_drop(tools, &cursor->level_blocks[1]);
}

void wr_pq_block_drop(pq_tools *tools, uint8_t **io_block)
{
    if (*io_block)
        wr_pq_pool_give(wr_pq_pool_has(&tools->pool, *io_block) ? &tools->pool : &tools->dictionaries,
                        *io_block);
    *io_block = NULL;
}

static bool is_stored_plain(const pq_cursor *cursor, const pq_page_header *header)
{
    return cursor->chunk.codec == PQ_UNCOMPRESSED || !header->is_compressed;
}

/* Room for the page, and if it is compressed for that form as well; or for neither. */
static bool take_blocks(const pq_cursor *cursor, pq_tools *tools, const pq_page_header *header,
                        uint8_t **out_page, uint8_t **out_stored)
{
    *out_stored = *out_page = NULL;
    if (cursor->chunk.codec == PQ_BROTLI && header->raw_bytes > BROTLI_BYTES)
        return false;
    *out_page = take_block(tools, header, header->raw_bytes);
    if (!*out_page || is_stored_plain(cursor, header))
        return *out_page;
    *out_stored = take_block(tools, header, header->stored_bytes - plain_bytes(header));
    if (!*out_stored)
        wr_pq_block_drop(tools, out_page);
    return *out_page;
}

bool wr_pq_body_reserve(pq_cursor *cursor, pq_tools *tools)
{
    if (!cursor->is_reserved) {
        wr_pq_page_drop(cursor, tools);
        cursor->is_reserved = take_blocks(cursor, tools, &cursor->header, &cursor->page, &cursor->stored);
    }
    return cursor->is_reserved;
}

void wr_pq_body_unreserve(pq_cursor *cursor, pq_tools *tools)
{
    if (cursor->is_reserved) {
        wr_pq_block_drop(tools, &cursor->page);
        wr_pq_block_drop(tools, &cursor->stored);
        cursor->is_reserved = false;
    }
}

static wr_status decode_to_memory(const pq_cursor *cursor, pq_tools *tools, wr_codec codec,
                                  const pq_page_header *header, uint8_t *stored, uint8_t *page,
                                  wr_error *err)
{
    uint32_t plain = plain_bytes(header), left = header->stored_bytes - plain;

    ready_decoder(tools, codec);
    WR_TRY(read_file(tools, header->body, page, plain, err));
    WR_TRY(read_file(tools, header->body + plain, stored, left, err));
    WR_TRY(check_crc(header, page, plain, stored, left, err));
    if (left > 0 || header->raw_bytes > plain)
        WR_TRY(decode_block(cursor, tools, stored, left, page + plain, header->raw_bytes - plain, err));
    return WR_OK;
}

/* Is the page read once, from first to last? */
static bool may_flow(const pq_page_header *header)
{
    return header->kind != PQ_DICTIONARY_PAGE &&
           (header->encoding == PQ_PLAIN || header->encoding == PQ_RLE ||
            header->encoding == PQ_RLE_DICTIONARY || header->encoding == PQ_PLAIN_DICTIONARY);
}

/* A compressed page that does not fit. */
static wr_status decode_outside(pq_cursor *cursor, pq_tools *tools, wr_codec codec,
                                const pq_page_header *header, wr_blob *blob, pq_bytes *out, wr_error *err)
{
    uint8_t  head[WR_BLOCK_HEAD_BYTES];
    uint32_t plain = plain_bytes(header), left = header->stored_bytes - plain;
    uint32_t head_bytes = left < sizeof head ? left : sizeof head;
    uint64_t window;
    bool     begun = false;

    WR_TRY(check_stored_crc(tools, header, err));
    WR_TRY(read_file(tools, header->body + plain, head, head_bytes, err));
    window = find_window(codec, header, head, head_bytes);
    if (may_flow(header))
        WR_TRY(wr_pq_flow_begin(cursor, tools, codec, window, header, out, &begun, err));
    return begun ? WR_OK : decode_to_scratch(tools, codec, header, window, blob, out, err);
}

wr_status wr_pq_body_load(pq_cursor *cursor, pq_tools *tools, const pq_page_header *header,
                          uint8_t **io_page, wr_blob *blob, pq_bytes *out, wr_error *err)
{
    bool      is_plain = is_stored_plain(cursor, header);
    uint8_t  *stored = cursor->stored;
    wr_codec  codec;
    wr_status status;

    WR_TRY(find_codec(cursor, tools, &codec, err));
    if (is_plain && header->raw_bytes != header->stored_bytes)
        return WR_RAISE(err, WR_CORRUPT, "a page of %u bytes that is not compressed is stored in %u",
                        header->raw_bytes, header->stored_bytes);
    if (io_page == &cursor->page && cursor->is_reserved) {
        cursor->is_reserved = false;
        cursor->stored = NULL;
    } else {
        take_blocks(cursor, tools, header, io_page, &stored);
    }
    if (*io_page) {
        *out = (pq_bytes){.at = *io_page, .end = *io_page + header->raw_bytes};
        if (!is_plain) {
            status = decode_to_memory(cursor, tools, codec, header, stored, *io_page, err);
            wr_pq_block_drop(tools, &stored);
            return status;
        }
        WR_TRY(read_file(tools, header->body, *io_page, header->raw_bytes, err));
        return check_crc(header, *io_page, header->raw_bytes, NULL, 0, err);
    }
    *out = cut_file(tools, header->body, header->raw_bytes);
    if (!is_plain)
        return decode_outside(cursor, tools, codec, header, blob, out, err);
    return check_stored_crc(tools, header, err);
}
