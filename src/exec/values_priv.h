/* exec/values_priv.h — what the two halves of the aggregate over all values share. */
#ifndef WR_EXEC_VALUES_PRIV_H
#define WR_EXEC_VALUES_PRIV_H

#ifndef WR_BUILDING_EXEC
#error "private to src/exec"
#endif

#include "exec/agg_ordered.h"
#include "kernel/number_key.h"
#include "exec/value_parts.h"

enum {
    RESIDENT_BITS = 10,
    RESIDENT_SLOTS = 1 << RESIDENT_BITS,
    RESIDENTS_MAX = RESIDENT_SLOTS / 2, /* of a worker                             */
    KEYS_MAX = 2 * WR_BATCH_ROWS_MAX,   /* gathered before they go to their parts  */
    PARTS_MIN = 8,                      /* a power of two                          */
    BLOCK_BYTES_MIN = 4096,
};

/* A value that is counted, not kept. */
typedef struct value_run {
    uint64_t key, count;
} value_run;

/* What a worker fills; it stays for a worker of the next step that feeds the sink. */
typedef struct value_seat {
    bool            in_use, looks_up, is_writing;
    uint8_t        *memory;         /* all of it */
    value_run      *residents;      /* by hash; count 0: free */
    uint32_t        resident_count;
    uint32_t        key_count;
    uint64_t       *keys;
    uint16_t       *which;
    uint64_t        looked_up, found;
    uint64_t        least_position;
    wr_value_block **open;
    uint8_t        *block_memory;
    wr_value_writer writer;
} value_seat;

typedef struct values_shared {
    wr_bump        bump;
    wr_mutex       mutex;            /* guards the seats, splitters, results */
    wr_mutex       part_mutexes[WR_VALUE_MUTEXES];
    bool           is_open;
    value_seat    *seats;
    uint32_t       seat_count, seats_max, seat_pages;
    uint32_t       part_count, block_bytes; /* of the parts that will be made */
    uint64_t       block_memory_bytes;      /* of a seat */
    wr_value_parts parts;
    bool           has_parts;
    value_run     *residents;        /* of all seats, in order of their keys */
    uint32_t       resident_count;
    uint64_t       least_position;

    /* reading */
    wr_bump          read_bump;
    uint32_t         reader_pages;
    _Atomic uint32_t next_part, parts_done;
    wr_ordered       ordered;
    bool             counts_runs, sums_runs;
    uint64_t        *wanted, *found; /* ranks, ascending, and their keys */
    uint32_t         wanted_count;
    uint64_t         run_count, best_count, best_key; /* of runs of equal values */
    wr_fsum          run_sum;                         /* of n log2 n             */
    wr_vector       *columns;
} values_shared;

/** Give the memory of the seats back; nothing may lie in it. */
void wr_values_leave_seats(wr_node *node);

/** Send what lies in memory to disk and give it back. */
wr_status wr_values_reclaim(wr_node *node, wr_exec *exec, wr_error *err) WR_MUST_USE;

#endif
