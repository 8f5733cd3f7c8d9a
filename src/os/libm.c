/* os/libm.c — see os/libm.h. */
#include "os/libm.h"

struct wr_math wr_math;

static const wr_library_symbol SYMBOLS[] = {
#define X(name) {#name, &wr_math.name},
    WR_MATH_FUNCTIONS(X)
#undef X
};

static wr_library library = WR_LIBRARY("libm.so.6", "libc6", SYMBOLS);

wr_status wr_math_open(wr_error *err)
{
    return wr_library_open(&library, err);
}
