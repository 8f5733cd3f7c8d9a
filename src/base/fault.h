/* base/fault.h — fault injection and stress modes: part of the product, not of a branch.
 *
 * One process-wide table of fault points. Every allocation, grant, read, write, fsync, rename asks
 * wr_fault_hit(POINT) first; a true answer means "fail as if the system had". Set once at start
 * from WEIR_FAULT (for example "write:3" = the third write fails, "write:3+" = from the third on,
 * "grant:/7" = every seventh) and from WEIR_STRESS (comma list of modes below).
 * Threads: counters are atomic. Cost: one relaxed load when nothing is armed. */
#ifndef WR_BASE_FAULT_H
#define WR_BASE_FAULT_H

#include <stdint.h>

#include "base/error.h"

typedef enum wr_fault_point {
    WR_FAULT_ALLOC,  /* heap: the interposed malloc and commits of address space */
    WR_FAULT_GRANT,  /* a lease asks to grow above its min                       */
    WR_FAULT_OPEN,
    WR_FAULT_READ,
    WR_FAULT_WRITE,
    WR_FAULT_SYNC,
    WR_FAULT_RENAME,
    WR_FAULT_POINT_COUNT
} wr_fault_point;

typedef struct wr_stress {
    bool     lease_min;     /* "min": no operator gets more than its min              */
    bool     spill_always;  /* "spill": breakers spill after every batch they take in */
    bool     hash_equal;    /* "hash": all hashes equal                               */
    uint32_t batch_rows;    /* "batch=N": batches of N rows, 0 = normal               */
    bool     blocked;       /* "blocked": every source and sink reports BLOCKED once  */
} wr_stress;

/** Read WEIR_FAULT and WEIR_STRESS (NULL or "": nothing); forgets rules, modes and counts that were
 * set before. "write:0" arms the table, so that calls are counted, and never fails.
 * Errors WR_USAGE: unknown word (did-you-mean). */
wr_status wr_fault_configure(const char *fault_text, const char *stress_text,
                             wr_error *err) WR_MUST_USE;

/** True: fail here, now. */
bool wr_fault_hit(wr_fault_point point);

/** How often `point` was asked since a rule was armed (the sweep stops when its number was
 *  not reached). */
uint64_t wr_fault_count(wr_fault_point point);

/** Tell the fault sweep, on stderr: "fault: write asked 12 times" for every point with a rule. */
void wr_fault_report(void);

/** The stress modes in force; never NULL. */
const wr_stress *wr_stress_get(void);

#endif
