/* cli/progress.c — the live line and the summary, both on stderr.
 *
 * The line shows a bar (never over 100 %), rows a second, memory against the cap and spilled bytes.
 * No time left is shown while nothing moves. Only drawn when stderr is a terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

const char *cli_bytes(uint64_t bytes)
{
    static char buffers[8][24];
    static int  next;
    static const char *const UNITS[] = {"B", "KB", "MB", "GB", "TB"};
    char  *buffer = buffers[next++ % 8];
    double x = (double)bytes;
    int    unit = 0;

    while (x >= 1000.0 && unit < 4) {
        x /= 1000.0;
        unit++;
    }
    snprintf(buffer, sizeof buffers[0], unit ? "%.1f %s" : "%.0f %s", x, UNITS[unit]);
    return buffer;
}

const char *cli_count(uint64_t count)
{
    static char buffers[8][32];
    static int  next;
    char *buffer = buffers[next++ % 8], *at = buffer + sizeof buffers[0] - 1;
    int   digits = 0;

    *at = '\0';
    do {
        if (digits && digits % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + count % 10);
        count /= 10;
        digits++;
    } while (count);
    return at;
}

bool cli_progress_wanted(const cli_arguments *arguments)
{
    return !arguments->quiet && isatty(STDERR_FILENO);
}

static bool is_drawn;

void cli_progress(void *self, const weir_progress *now)
{
    enum { BAR_CELLS = 20 };
    const uint64_t stall_ns = 2000000000ull;
    double seconds = (double)now->elapsed_ns / 1e9;
    char   bar[BAR_CELLS + 1], left[32] = "";
    int    full = now->fraction > 0 ? (int)(now->fraction * BAR_CELLS) : 0;

    (void)self;
    full = full > BAR_CELLS ? BAR_CELLS : full;
    memset(bar, ' ', BAR_CELLS);
    memset(bar, '#', (size_t)full);
    bar[BAR_CELLS] = '\0';
    if (now->stalled_ns > stall_ns)
        snprintf(left, sizeof left, "waiting");
    else if (now->fraction > 0.02)
        snprintf(left, sizeof left, "%.0f s left", seconds / now->fraction - seconds);
    fprintf(stderr, "\r\033[K[%s] %3.0f%%  %s rows  %s/s  memory %s of %s  spill %s  %s", bar,
            now->fraction > 0 ? now->fraction * 100.0 : 0.0, cli_count(now->rows_in),
            cli_bytes(seconds > 0 ? (uint64_t)((double)now->bytes_in / seconds) : 0),
            cli_bytes(now->memory_bytes), cli_bytes(now->memory_cap_bytes),
            cli_bytes(now->spill_bytes), left);
    fflush(stderr);
    is_drawn = true;
}

void cli_progress_end(void)
{
    if (is_drawn)
        fprintf(stderr, "\r\033[K");
}

void cli_summary(const weir_summary *summary, weir_status status)
{
    double seconds = (double)summary->elapsed_ns / 1e9;

    fprintf(stderr, "%s rows in, %s rows out%s%s in %.2f s, %u thread%s\n",
            cli_count(summary->rows_in), cli_count(summary->rows_out),
            summary->rows_rejected ? ", rejected: " : "",
            summary->rows_rejected ? cli_count(summary->rows_rejected) : "", seconds,
            summary->thread_count, summary->thread_count == 1 ? "" : "s");
    fprintf(stderr, "peak memory %s of %s (%s)%s%s; spilled %s%s%s\n",
            cli_bytes(summary->memory_peak_bytes), cli_bytes(summary->memory_cap_bytes),
            summary->memory_cap_origin,
            summary->kernel_enforced ? ", enforced by the kernel" : ", not kernel-enforced here: ",
            summary->kernel_enforced ? "" : summary->not_enforced_reason,
            cli_bytes(summary->spill_written_bytes),
            summary->spill_written_bytes ? " to " : "",
            summary->spill_written_bytes ? summary->spill_folder : "");
    if (status != WEIR_OK)
        fprintf(stderr, "no output was written\n");
}
