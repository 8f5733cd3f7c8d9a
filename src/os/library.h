/* os/library.h — shared libraries that few plans need: loaded while planning, paid for by the cap.
 *
 * The text of a library is resident memory that RLIMIT_DATA does not see. So whoever loads one pays:
 * the limit is lowered by what the loader maps, and the payer (the session) takes as much off its
 * arena. A plan that needs no library pays nothing.
 *
 * Invariants
 *  1. What is open has been paid for; what cannot be paid for is not open.
 *  2. Nothing is loaded after wr_limit_seal: not before the first row is read, that is.
 *  3. Libraries stay open until the process ends.
 * Call order: wr_library_set_payer once, wr_library_open while planning, wr_limit_seal.
 * Threads: planning is one thread. Cost: some 200 us a library; a few kilobytes of the bounded heap. */
#ifndef WR_OS_LIBRARY_H
#define WR_OS_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wr_library_symbol {
    const char *name;
    void       *slot; /* address of the function pointer to fill in */
} wr_library_symbol;

/** A static object: who uses the library declares it. */
typedef struct wr_library {
    const char              *name;    /* as the loader finds it: "liblzma.so.5"     */
    const char              *package; /* that has it: "liblzma5"                    */
    const wr_library_symbol *symbols;
    uint32_t                 symbol_count;
    bool                     is_open;
} wr_library;

/** For X lists of functions: members of a static `lib`, and what fills them in. */
#define WR_LIBRARY_MEMBER(function) __typeof__(function) *function;
#define WR_LIBRARY_SYMBOL(function) {#function, &lib.function},

#define WR_LIBRARY(file, of_package, its_symbols)                                                  \
    {.name = file, .package = of_package, .symbols = its_symbols,                                  \
     .symbol_count = sizeof its_symbols / sizeof its_symbols[0]}

/** Pays `bytes` for library `name`, or raises WR_NO_MEMORY. */
typedef wr_status (*wr_library_pay)(void *self, const char *name, uint64_t bytes, wr_error *err);

/** From now on `pay` is asked; NULL: nobody is (unit tests, other people's processes). */
void wr_library_set_payer(wr_library_pay pay, void *self);

/** Load, resolve all symbols, pay. Idempotent.
 * Errors   WR_UNSUPPORTED it is not there, or lacks a symbol: names the package; or it is too late
 *          WR_NO_MEMORY   of the payer; nothing stays loaded */
wr_status wr_library_open(wr_library *library, wr_error *err) WR_MUST_USE;

#endif
