/* kernel/convert.c — the table of convert_from.inc.h, target by target. */
#include "kernel/convert.h"

#include <math.h>

#pragma GCC diagnostic ignored "-Wtype-limits"

#define TO       int8_t
#define TO_NAME  i8
#define TO_KIND  SIGNED
#define TO_BITS  8
#define TO_MIN   INT8_MIN
#define TO_LIMIT 0x1p7
#define WR_TEMPLATE "kernel/convert_from.inc.h"
#include "kernel/each_number.inc.h"
#include "kernel/convert_undef.inc.h"

#define TO       int16_t
#define TO_NAME  i16
#define TO_KIND  SIGNED
#define TO_BITS  16
#define TO_MIN   INT16_MIN
#define TO_LIMIT 0x1p15
#define WR_TEMPLATE "kernel/convert_from.inc.h"
#include "kernel/each_number.inc.h"
#include "kernel/convert_undef.inc.h"

#define TO       int32_t
#define TO_NAME  i32
#define TO_KIND  SIGNED
#define TO_BITS  32
#define TO_MIN   INT32_MIN
#define TO_LIMIT 0x1p31
#define WR_TEMPLATE "kernel/convert_from.inc.h"
#include "kernel/each_number.inc.h"
#include "kernel/convert_undef.inc.h"

#define TO       int64_t
#define TO_NAME  i64
#define TO_KIND  SIGNED
#define TO_BITS  64
#define TO_MIN   INT64_MIN
#define TO_LIMIT 0x1p63
#define WR_TEMPLATE "kernel/convert_from.inc.h"
#include "kernel/each_number.inc.h"
#include "kernel/convert_undef.inc.h"

#define TO       uint8_t
#define TO_NAME  u8
#define TO_KIND  UNSIGNED
#define TO_BITS  8
#define TO_MIN   0
#define TO_LIMIT 0x1p8
#define WR_TEMPLATE "kernel/convert_from.inc.h"
#include "kernel/each_number.inc.h"
#include "kernel/convert_undef.inc.h"

#define TO       uint16_t
#define TO_NAME  u16
#define TO_KIND  UNSIGNED
#define TO_BITS  16
#define TO_MIN   0
#define TO_LIMIT 0x1p16
#define WR_TEMPLATE "kernel/convert_from.inc.h"
#include "kernel/each_number.inc.h"
#include "kernel/convert_undef.inc.h"

#define TO       uint32_t
#define TO_NAME  u32
#define TO_KIND  UNSIGNED
#define TO_BITS  32
#define TO_MIN   0
#define TO_LIMIT 0x1p32
#define WR_TEMPLATE "kernel/convert_from.inc.h"
#include "kernel/each_number.inc.h"
#include "kernel/convert_undef.inc.h"

#define TO       uint64_t
#define TO_NAME  u64
#define TO_KIND  UNSIGNED
#define TO_BITS  64
#define TO_MIN   0
#define TO_LIMIT 0x1p64
#define WR_TEMPLATE "kernel/convert_from.inc.h"
#include "kernel/each_number.inc.h"
#include "kernel/convert_undef.inc.h"

#define TO       float
#define TO_NAME  f32
#define TO_KIND  FLOATING
#define TO_BITS  32
#define WR_TEMPLATE "kernel/convert_from.inc.h"
#include "kernel/each_number.inc.h"
#include "kernel/convert_undef.inc.h"

#define TO       double
#define TO_NAME  f64
#define TO_KIND  FLOATING
#define TO_BITS  64
#define WR_TEMPLATE "kernel/convert_from.inc.h"
#include "kernel/each_number.inc.h"
#include "kernel/convert_undef.inc.h"

typedef bool (*convert_fn)(const void *values, wr_selection rows, void *out);

#define TARGETS(from)                                                                              \
    {                                                                                              \
        [WR_PHYS_I8] = convert_##from##_i8, [WR_PHYS_I16] = convert_##from##_i16,                  \
        [WR_PHYS_I32] = convert_##from##_i32, [WR_PHYS_I64] = convert_##from##_i64,                \
        [WR_PHYS_U8] = convert_##from##_u8, [WR_PHYS_U16] = convert_##from##_u16,                  \
        [WR_PHYS_U32] = convert_##from##_u32, [WR_PHYS_U64] = convert_##from##_u64,                \
        [WR_PHYS_F32] = convert_##from##_f32, [WR_PHYS_F64] = convert_##from##_f64,                \
    }

static const convert_fn TABLE[WR_PHYS_COUNT][WR_PHYS_COUNT] = {
    [WR_PHYS_BOOL] = TARGETS(u8), [WR_PHYS_I8] = TARGETS(i8),   [WR_PHYS_I16] = TARGETS(i16),
    [WR_PHYS_I32] = TARGETS(i32), [WR_PHYS_I64] = TARGETS(i64), [WR_PHYS_U8] = TARGETS(u8),
    [WR_PHYS_U16] = TARGETS(u16), [WR_PHYS_U32] = TARGETS(u32), [WR_PHYS_U64] = TARGETS(u64),
    [WR_PHYS_F32] = TARGETS(f32), [WR_PHYS_F64] = TARGETS(f64),
};

bool wr_convert(wr_physical from, wr_physical to, const void *values, wr_selection rows, void *out)
{
    return TABLE[from][to](values, rows, out);
}
