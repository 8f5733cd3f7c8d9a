/* exec/rejects.h — what becomes of rows that cannot be read: fail, skip, or a CSV file of rejects.
 *
 * Rejects are taken in source order: who reports one waits until all earlier splits have ended. So
 * the file, the count and the row that goes over max_errors do not depend on the worker count.
 * The file has the columns file, line (row, where files have no lines), byte_offset, column, reason,
 * raw, and appears whole when the scan has ended well.
 * Call order: open, {report, end_split}*, finish, close. Memory: one page and the file's handle.
 * Cost: nothing for splits without bad rows but one lock each. */
#ifndef WR_EXEC_REJECTS_H
#define WR_EXEC_REJECTS_H

#include "exec/ops.h"

typedef struct wr_rejects {
    const wr_plan_file_scan *plan;
    wr_turnstile             turnstile;
    bool                     is_open;
    uint64_t                 count;     /* the worker whose turn it is */
    wr_bump                  bump;
    wr_fs_writer            *writer;
    uint8_t                 *buffer;    /* a page */
    uint32_t                 used_bytes, capacity;
} wr_rejects;

uint64_t wr_rejects_lease_min(const wr_plan_file_scan *plan, const wr_exec *exec);

/** `rejects` is zeroed. Errors WR_IO, WR_NO_MEMORY; close is due also then. */
wr_status wr_rejects_open(wr_rejects *rejects, const wr_plan_file_scan *plan, wr_lease *lease,
                          const wr_exec *exec, wr_error *err) WR_MUST_USE;

/** A bad row of split `split`, counted from 0.
 * Errors   WR_DATA       on_error is fail, or there are more than errors_max
 *          WR_CANCELLED  nobody wants it any more */
wr_status wr_rejects_report(wr_rejects *rejects, uint64_t split, const wr_reject *reject,
                            wr_exec *exec, wr_error *err) WR_MUST_USE;

/** No more reports come from `split`; false if nobody wants later ones either. */
bool wr_rejects_end_split(wr_rejects *rejects, uint64_t split, const wr_exec *exec);

/** Publish the file. */
wr_status wr_rejects_finish(wr_rejects *rejects, wr_error *err) WR_MUST_USE;

/** Without finish: nothing is left. A zeroed `rejects` is fine. */
void wr_rejects_close(wr_rejects *rejects);

#endif
