/* kernel/text_isa.h — which build of the text kernels this processor runs.
 *
 * Files that scan text are compiled twice: as they are, and for AVX2 with bit manipulation, where
 * WR_TEXT_ISA names the build. Each build exports one const table of functions; callers pick with
 * wr_text_isa_pick, once, when a scan starts. Results do not depend on the pick. */
#ifndef WR_KERNEL_TEXT_ISA_H
#define WR_KERNEL_TEXT_ISA_H

#include <stdbool.h>

/** Set once before anything is scanned; tests use it to run the plain build too. */
extern bool wr_text_isa_plain;

/** Does this processor run the AVX2 build? */
bool wr_text_isa_has_avx2(void);

#define WR_TEXT_JOIN_(a, b) a##_##b
#define WR_TEXT_JOIN(a, b)  WR_TEXT_JOIN_(a, b)

#ifdef WR_TEXT_WITH_AVX2
#define WR_TEXT_PICK(table) (wr_text_isa_has_avx2() ? &WR_TEXT_JOIN(table, avx2) : &WR_TEXT_JOIN(table, plain))
#define WR_TEXT_DECLARE(type, table)                                                               \
    extern const type WR_TEXT_JOIN(table, plain);                                                  \
    extern const type WR_TEXT_JOIN(table, avx2)
#else
#define WR_TEXT_PICK(table) (&WR_TEXT_JOIN(table, plain))
#define WR_TEXT_DECLARE(type, table) extern const type WR_TEXT_JOIN(table, plain)
#endif

#endif
