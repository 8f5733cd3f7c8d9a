/* mem/textbuf.c — growth by doubling inside a bump. */
#include "mem/textbuf.h"

#include <stdio.h>

void wr_textbuf_init(wr_textbuf *buf, wr_bump *bump)
{
    *buf = (wr_textbuf){.bump = bump};
}

/* Room for `more` bytes and a NUL; false if the lease refuses. */
static bool ensure_room(wr_textbuf *buf, size_t more)
{
    size_t capacity = buf->capacity ? buf->capacity : 256;
    char  *bytes;

    if (buf->refused)
        return false;
    if (buf->used + more + 1 <= buf->capacity)
        return true;
    while (capacity < buf->used + more + 1)
        capacity *= 2;
    bytes = wr_bump_try_alloc(buf->bump, capacity);
    if (!bytes) {
        buf->refused = true;
        return false;
    }
    if (buf->used)
        memcpy(bytes, buf->bytes, buf->used);
    buf->bytes = bytes;
    buf->capacity = capacity;
    return true;
}

void wr_textbuf_add(wr_textbuf *buf, const char *bytes, size_t byte_count)
{
    if (byte_count == 0 || !ensure_room(buf, byte_count))
        return;
    memcpy(buf->bytes + buf->used, bytes, byte_count);
    buf->used += byte_count;
}

void wr_textbuf_printf(wr_textbuf *buf, const char *format, ...)
{
    va_list args;
    int     needed;

    va_start(args, format);
    needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (needed <= 0 || !ensure_room(buf, (size_t)needed))
        return;
    va_start(args, format);
    vsnprintf(buf->bytes + buf->used, (size_t)needed + 1, format, args);
    va_end(args);
    buf->used += (size_t)needed;
}

void wr_textbuf_json_string(wr_textbuf *buf, wr_text text)
{
    wr_textbuf_add(buf, "\"", 1);
    for (size_t i = 0; i < text.byte_count; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];

        if (byte == '"' || byte == '\\')
            wr_textbuf_printf(buf, "\\%c", byte);
        else if (byte < 0x20)
            wr_textbuf_printf(buf, "\\u%04x", byte);
        else
            wr_textbuf_add(buf, text.bytes + i, 1);
    }
    wr_textbuf_add(buf, "\"", 1);
}

wr_status wr_textbuf_finish(wr_textbuf *buf, wr_text *out_text, wr_error *err)
{
    if (!ensure_room(buf, 0))
        return WR_RAISE(err, WR_NO_MEMORY, "the plan pool is spent: the text is too long");
    buf->bytes[buf->used] = '\0';
    *out_text = (wr_text){buf->bytes, buf->used};
    return WR_OK;
}
