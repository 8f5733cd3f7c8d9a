/* exec/agg_text.c — see the header. */
#include "exec/agg_text.h"

static uint32_t short_bytes_max(const wr_text_chain *chain)
{
    return chain->room_bytes / 4;
}

static void lay_out(wr_text_chain *chain, const wr_exec *exec, const wr_scratch *scratch,
                    wr_carver *carver)
{
    chain->room_bytes = exec->page_bytes;
    chain->room = wr_carve(carver, chain->room_bytes);
    wr_long_writer_layout(&chain->writer, scratch, carver);
}

uint64_t wr_text_chain_bytes(const wr_exec *exec)
{
    wr_text_chain chain;
    wr_carver    carver = {0};

    lay_out(&chain, exec, NULL, &carver);
    return carver.used;
}

wr_status wr_text_chain_init(wr_text_chain *chain, const wr_exec *exec, const wr_scratch *scratch,
                            wr_bump *bump, wr_error *err)
{
    wr_carver carver;

    *chain = (wr_text_chain){0};
    WR_TRY(wr_carver_init(&carver, bump, wr_text_chain_bytes(exec), err));
    lay_out(chain, exec, scratch, &carver);
    return WR_OK;
}

void wr_text_chain_begin(wr_text_chain *chain)
{
    chain->length = 0;
    chain->is_long = false;
}

wr_status wr_text_chain_add(wr_text_chain *chain, const void *bytes, size_t byte_count, wr_error *err)
{
    if (!chain->is_long && byte_count <= short_bytes_max(chain) - chain->length) {
        if (byte_count > 0)
            memcpy(chain->room + chain->used + chain->length, bytes, byte_count);
        chain->length += (uint32_t)byte_count;
        return WR_OK;
    }
    if (!chain->is_long) {
        chain->is_long = true;
        wr_long_writer_begin(&chain->writer);
        WR_TRY(wr_long_writer_add(&chain->writer, chain->room + chain->used, chain->length, err));
        chain->length = 0;
    }
    return wr_long_writer_add(&chain->writer, bytes, byte_count, err);
}

wr_status wr_text_chain_end(wr_text_chain *chain, wr_str *out_text, wr_error *err)
{
    uint8_t *at = (uint8_t *)chain->room + chain->used;

    if (!chain->is_long) {
        *out_text = wr_str_of(chain->room + chain->used, chain->length);
        chain->used += (chain->length + 7) & ~7u;
    } else {
        wr_blob *blob = (wr_blob *)(void *)at;

        WR_TRY(wr_long_writer_end(&chain->writer, blob, err));
        *out_text = (wr_str){.byte_count = (uint32_t)blob->byte_count,
                             .pointer = (uintptr_t)blob | WR_STR_BLOB_BIT};
        memcpy(out_text->prefix, chain->writer.prefix, sizeof out_text->prefix);
        chain->used += (uint32_t)sizeof *blob;
    }
    wr_text_chain_begin(chain);
    return WR_OK;
}

bool wr_text_chain_is_full(const wr_text_chain *chain)
{
    return chain->room_bytes - chain->used < short_bytes_max(chain) + 2 * sizeof(wr_blob);
}

void wr_text_chain_recycle(wr_text_chain *chain)
{
    memmove(chain->room, chain->room + chain->used, chain->length);
    chain->used = 0;
}
