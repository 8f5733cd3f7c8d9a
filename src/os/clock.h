/* os/clock.h — monotonic and wall time in nanoseconds. Never used inside a plan's result. */
#ifndef WR_OS_CLOCK_H
#define WR_OS_CLOCK_H

#include <stdint.h>

uint64_t wr_clock_monotonic_ns(void);
int64_t  wr_clock_wall_ns(void); /* since 1970-01-01 UTC */

#endif
