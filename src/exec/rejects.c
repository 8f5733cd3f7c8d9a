/* exec/rejects.c — see exec/rejects.h. */
#include "exec/rejects.h"

#include <stdio.h>

enum { WRITER_BYTES = 20 * 1024 /* handle of a file system: a few paths of up to 4 KB each */ };

static uint64_t bump_need(const wr_exec *exec)
{
    return WRITER_BYTES + exec->page_bytes;
}

uint64_t wr_rejects_lease_min(const wr_plan_file_scan *plan, const wr_exec *exec)
{
    if (plan->on_error != WR_ON_ERROR_REJECT)
        return 0;
    return wr_bump_lease_min(bump_need(exec), exec->page_bytes);
}

/* ---- Writing CSV ------------------------------------------------------------------------------------ */

static wr_status flush(wr_rejects *rejects, wr_error *err)
{
    uint32_t used_bytes = rejects->used_bytes;

    rejects->used_bytes = 0;
    if (used_bytes == 0)
        return WR_OK;
    return rejects->writer->ops->write(rejects->writer, rejects->buffer, used_bytes, err);
}

static wr_status put(wr_rejects *rejects, wr_text text, wr_error *err)
{
    while (text.byte_count > 0) {
        size_t room = rejects->capacity - rejects->used_bytes;
        size_t part = text.byte_count < room ? text.byte_count : room;

        memcpy(rejects->buffer + rejects->used_bytes, text.bytes, part);
        rejects->used_bytes += (uint32_t)part;
        text.bytes += part;
        text.byte_count -= part;
        if (rejects->used_bytes == rejects->capacity)
            WR_TRY(flush(rejects, err));
    }
    return WR_OK;
}

/* A field in quotes, quotes doubled. */
static wr_status put_quoted(wr_rejects *rejects, wr_text text, wr_error *err)
{
    WR_TRY(put(rejects, WR_TEXT("\""), err));
    for (;;) {
        size_t quote = wr_text_find_byte(text, '"', 0);

        if (quote == SIZE_MAX)
            break;
        WR_TRY(put(rejects, (wr_text){text.bytes, quote + 1}, err));
        WR_TRY(put(rejects, WR_TEXT("\""), err));
        text.bytes += quote + 1;
        text.byte_count -= quote + 1;
    }
    WR_TRY(put(rejects, text, err));
    return put(rejects, WR_TEXT("\""), err);
}

static wr_status put_reject(wr_rejects *rejects, const wr_reject *reject, wr_error *err)
{
    char     numbers[64];
    wr_text  middle = {numbers, 0};
    uint64_t line = reject->line ? reject->line : reject->row;

    middle.byte_count = (size_t)snprintf(numbers, sizeof numbers, ",%llu,%llu,", (unsigned long long)line,
                                         (unsigned long long)reject->byte_offset);
    if (line == 0) /* unknown */
        middle.byte_count = (size_t)snprintf(numbers, sizeof numbers, ",,%llu,",
                                             (unsigned long long)reject->byte_offset);
    WR_TRY(put_quoted(rejects, reject->path, err));
    WR_TRY(put(rejects, middle, err));
    WR_TRY(put_quoted(rejects, reject->column, err));
    WR_TRY(put(rejects, WR_TEXT(","), err));
    WR_TRY(put_quoted(rejects, reject->reason, err));
    WR_TRY(put(rejects, WR_TEXT(","), err));
    WR_TRY(put_quoted(rejects, reject->raw, err));
    return put(rejects, WR_TEXT("\n"), err);
}

/* ---- The life of a file of rejects ------------------------------------------------------------------- */

wr_status wr_rejects_open(wr_rejects *rejects, const wr_plan_file_scan *plan, wr_lease *lease,
                          const wr_exec *exec, wr_error *err)
{
    rejects->plan = plan;
    wr_turnstile_init(&rejects->turnstile, exec->morsel_first);
    wr_bump_init(&rejects->bump, lease);
    rejects->is_open = true;
    if (plan->on_error != WR_ON_ERROR_REJECT)
        return WR_OK;
    WR_TRY(wr_bump_reserve(&rejects->bump, bump_need(exec), err));
    WR_TRY(plan->reject_fs->ops->open_write(plan->reject_fs, plan->reject_path, WR_FS_OVERWRITE,
                                            &rejects->bump, &rejects->writer, err));
    rejects->capacity = exec->page_bytes;
    rejects->buffer = wr_bump_alloc(&rejects->bump, rejects->capacity, err);
    if (!rejects->buffer)
        return WR_NO_MEMORY;
    return put(rejects, WR_TEXT("file,line,byte_offset,column,reason,raw\n"), err);
}

/* Raise what is wrong with a row: "log.csv:17: column 'amount': ...", "log.parquet, row 17: ...". */
static wr_status raise_reject(const wr_reject *reject, wr_error *err)
{
    wr_error_clear(err);
    (void)WR_RAISE(err, WR_DATA, "%.*s", WR_TEXT_ARG(reject->path));
    if (reject->line)
        wr_error_append(err, ":%llu:", (unsigned long long)reject->line);
    else if (reject->row)
        wr_error_append(err, ", row %llu:", (unsigned long long)reject->row);
    else
        wr_error_append(err, ": at byte %llu:", (unsigned long long)reject->byte_offset);
    if (reject->column.byte_count)
        wr_error_append(err, " column '%.*s':", WR_TEXT_ARG(reject->column));
    wr_error_append(err, " %.*s", WR_TEXT_ARG(reject->reason));
    return WR_DATA;
}

wr_status wr_rejects_report(wr_rejects *rejects, uint64_t split, const wr_reject *reject,
                            wr_exec *exec, wr_error *err)
{
    const wr_plan_file_scan *plan = rejects->plan;

    if (plan->on_error == WR_ON_ERROR_FAIL) {
        (void)raise_reject(reject, err);
        wr_error_append(err, "%s", reject->is_misfit
                                       ? " (schema: or infer: full can give the column another type; "
                                         "on_error: skip or reject_file goes on without such rows)"
                                       : " (on_error: skip or reject_file goes on without such rows)");
        return WR_DATA;
    }
    if (!wr_turnstile_wait(&rejects->turnstile, exec->morsel_first + split, exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    if (rejects->count >= plan->errors_max) {
        (void)raise_reject(reject, err);
        wr_error_append(err, " (bad row number %llu, and max_errors is %llu)",
                        (unsigned long long)rejects->count + 1,
                        (unsigned long long)plan->errors_max);
        return WR_DATA;
    }
    rejects->count++;
    atomic_fetch_add_explicit(&exec->rejects, 1, memory_order_relaxed);
    return plan->on_error == WR_ON_ERROR_REJECT ? put_reject(rejects, reject, err) : WR_OK;
}

bool wr_rejects_end_split(wr_rejects *rejects, uint64_t split, const wr_exec *exec)
{
    return rejects->plan->on_error == WR_ON_ERROR_FAIL ||
           wr_turnstile_end(&rejects->turnstile, exec->morsel_first + split, exec);
}

wr_status wr_rejects_finish(wr_rejects *rejects, wr_error *err)
{
    if (!rejects->writer)
        return WR_OK;
    WR_TRY(flush(rejects, err));
    return rejects->writer->ops->commit(rejects->writer, err);
}

void wr_rejects_close(wr_rejects *rejects)
{
    if (!rejects->is_open)
        return;
    if (rejects->writer)
        rejects->writer->ops->close(rejects->writer);
    wr_bump_release(&rejects->bump);
    wr_turnstile_release(&rejects->turnstile);
    *rejects = (wr_rejects){0};
}
