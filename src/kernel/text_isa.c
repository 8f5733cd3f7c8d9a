/* text_isa.c — ask the processor, once per pick. */
#include "kernel/text_isa.h"

bool wr_text_isa_plain;

bool wr_text_isa_has_avx2(void)
{
#ifdef WR_TEXT_WITH_AVX2
    return !wr_text_isa_plain && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi");
#else
    return false;
#endif
}
