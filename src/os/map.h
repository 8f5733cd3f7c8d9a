/* os/map.h — the only mmap, mprotect and munmap of the program.
 *
 * Invariants
 *  1. Memory is reserved as address space first (PROT_NONE, uncharged), then committed (read/write,
 *     charged to RLIMIT_DATA at once) and uncommitted (pages dropped and charge returned in one
 *     call). No page is ever flipped to read-only, shared, file-backed or grow-down.
 *  2. Any other file that calls mmap fails the tidy test.
 * Threads: all calls are safe from any thread. Cost: one system call each; a committed page costs
 * one fault at first touch. Source: measured behaviour of RLIMIT_DATA, mm/mmap.c may_expand_vm. */
#ifndef WR_OS_MAP_H
#define WR_OS_MAP_H

#include <stdint.h>

#include "base/error.h"

/** Reserve address space. Units bytes, rounded up to 4096. Errors WR_NO_MEMORY. */
wr_status wr_map_reserve(uint64_t bytes, void **out_base, wr_error *err) WR_MUST_USE;

/** Have the kernel back [base, base+bytes) with pages of WR_MAP_HUGE_BYTES where a whole one, aligned,
 *  is committed when it is first touched. A wish: it need not. */
enum { WR_MAP_HUGE_BYTES = 2 * 1024 * 1024 };
void wr_map_prefer_huge(void *base, uint64_t bytes);

/** Make [base, base+bytes) readable and writable, zero-filled; false if the kernel refuses. */
bool wr_map_commit(void *base, uint64_t bytes);

/** Drop the pages of [base, base+bytes) and return their charge; contents are lost. False if the
 *  kernel refuses (the process has too many mappings): nothing has changed then. */
bool wr_map_uncommit(void *base, uint64_t bytes);

/** Ask for `bytes` of fresh memory that would be written to and give it back at once: 0 if the
 *  kernel grants it, else its error number. The probe of os/limit.c. */
int wr_map_probe(uint64_t bytes, bool shared);

/** Give back a whole reservation. */
void wr_map_release(void *base, uint64_t bytes);

#endif
