/* os/clock.c — time in nanoseconds. */
#include "os/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint64_t wr_clock_monotonic_ns(void)
{
    return (uint64_t)read_clock(CLOCK_MONOTONIC);
}

int64_t wr_clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}
