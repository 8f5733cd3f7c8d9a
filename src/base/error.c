/* base/error.c — raising failures and adding context, without allocating.
 *
 * Invariants: a message is always NUL-terminated and never ends in half a UTF-8 character, even
 * when it was cut to fit. */
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct status_entry {
    int         exit_code;
    const char *text;
} status_entry;

static const status_entry STATUSES[WR_STATUS_COUNT] = {
    [WR_OK] = {0, "ok"},
#define X(name, exit_code, text) [WR_##name] = {exit_code, text},
#include "base/status.def"
#undef X
};

static const status_entry *find_status(wr_status status)
{
    if ((unsigned)status >= WR_STATUS_COUNT)
        status = WR_BUG;
    return &STATUSES[status];
}

const char *wr_status_text(wr_status status)
{
    return find_status(status)->text;
}

int wr_status_exit_code(wr_status status)
{
    return find_status(status)->exit_code;
}

/* Bytes of a UTF-8 sequence that starts with `lead`. */
static size_t utf8_sequence_bytes(unsigned char lead)
{
    return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
}

/* Drop a UTF-8 character whose end did not fit. */
static void trim_cut_character(char *message, size_t byte_count)
{
    size_t start = byte_count;

    while (start > 0 && byte_count - start < 4) {
        unsigned char byte = (unsigned char)message[--start];
        if ((byte & 0xc0) == 0x80)
            continue;
        if (byte >= 0xc0 && start + utf8_sequence_bytes(byte) > byte_count)
            message[start] = '\0';
        return;
    }
}

static void append_formatted(wr_error *err, const char *format, va_list args)
    WR_PRINTF(2, 0);

static void append_formatted(wr_error *err, const char *format, va_list args)
{
    size_t used = strnlen(err->message, WR_ERROR_MESSAGE_BYTES - 1);
    size_t room = WR_ERROR_MESSAGE_BYTES - used;
    int    written = vsnprintf(err->message + used, room, format, args);

    if (written < 0)
        err->message[used] = '\0';
    else if ((size_t)written >= room)
        trim_cut_character(err->message, WR_ERROR_MESSAGE_BYTES - 1);
}

wr_status wr_error_raisev(wr_error *err, wr_status status, const char *file, int line,
                          const char *format, va_list args)
{
    wr_assert(status != WR_OK, "only failures are raised");
    if (!err)
        return status;
    err->status = status;
    err->file = file;
    err->line = line;
    err->message[0] = '\0';
    append_formatted(err, format, args);
    return status;
}

wr_status wr_error_raise(wr_error *err, wr_status status, const char *file, int line,
                         const char *format, ...)
{
    va_list args;

    va_start(args, format);
    wr_error_raisev(err, status, file, line, format, args);
    va_end(args);
    return status;
}

void wr_error_append(wr_error *err, const char *format, ...)
{
    va_list args;

    if (!err)
        return;
    va_start(args, format);
    append_formatted(err, format, args);
    va_end(args);
}

void wr_error_while(wr_error *err, const char *format, ...)
{
    va_list args;

    if (!err)
        return;
    wr_error_append(err, "\n  while ");
    va_start(args, format);
    append_formatted(err, format, args);
    va_end(args);
}

void wr_error_clear(wr_error *err)
{
    if (!err)
        return;
    err->status = WR_OK;
    err->file = NULL;
    err->line = 0;
    err->message[0] = '\0';
}

_Noreturn void wr_assert_fail(const char *sentence, const char *file, int line)
{
    char    text[512];
    int     byte_count = snprintf(text, sizeof text,
                                  "weir: internal error at %s:%d: not true: %s\n", file, line,
                                  sentence);
    ssize_t written = 0;

    if (byte_count > 0)
        written = write(STDERR_FILENO, text,
                        (size_t)byte_count < sizeof text ? (size_t)byte_count : sizeof text - 1);
    (void)written;
    abort();
}
