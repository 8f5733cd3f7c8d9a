/* mem/textbuf.h — text that grows inside a bump: EXPLAIN, JSON, tables, long messages.
 *
 * The buffer doubles by taking a new piece of the bump (the old one is left behind: at most as much
 * again as the final text). A refusal is remembered, so callers may check once, at the end.
 * Threads: one. Cost: amortised O(1) a byte. */
#ifndef WR_MEM_TEXTBUF_H
#define WR_MEM_TEXTBUF_H

#include <stdarg.h>

#include "mem/bump.h"

typedef struct wr_textbuf {
    wr_bump *bump;
    char    *bytes;
    size_t   used, capacity;
    bool     refused; /* the bump's lease was spent: the text is incomplete */
} wr_textbuf;

void wr_textbuf_init(wr_textbuf *buf, wr_bump *bump);
void wr_textbuf_add(wr_textbuf *buf, const char *bytes, size_t byte_count);
void wr_textbuf_printf(wr_textbuf *buf, const char *format, ...) WR_PRINTF(2, 3);

/** A JSON string literal of `text`, quotes included (RFC 8259, control bytes as \u00xx). */
void wr_textbuf_json_string(wr_textbuf *buf, wr_text text);

/** The text, NUL-terminated. Errors WR_NO_MEMORY if the lease was spent on the way. */
wr_status wr_textbuf_finish(wr_textbuf *buf, wr_text *out_text, wr_error *err) WR_MUST_USE;

#endif
