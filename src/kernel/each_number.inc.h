/* kernel/each_number.inc.h — include WR_TEMPLATE once per numeric C type.
 * Parameters of the template: T (C type), NAME (suffix), KIND (SIGNED, UNSIGNED or FLOATING), BITS, U
 * (unsigned type as wide; T itself for floats), W (a type that holds any product; T for floats and
 * 64 bits). Defines FN(x) = x_NAME. The template undefines nothing. No include guard on purpose. */
#ifndef WR_TEMPLATE
#error "define WR_TEMPLATE, then include this file"
#endif

#define FN_PASTE(verb, name)  verb##_##name
#define FN_EXPAND(verb, name) FN_PASTE(verb, name)
#define FN(verb)              FN_EXPAND(verb, NAME)
#define SIGNED                1
#define UNSIGNED              2
#define FLOATING              3

#define T    int8_t
#define U    uint8_t
#define W    int32_t
#define NAME i8
#define KIND SIGNED
#define BITS 8
#include WR_TEMPLATE
#include "kernel/each_undef.inc.h"
#define T    int16_t
#define U    uint16_t
#define W    int32_t
#define NAME i16
#define KIND SIGNED
#define BITS 16
#include WR_TEMPLATE
#include "kernel/each_undef.inc.h"
#define T    int32_t
#define U    uint32_t
#define W    int64_t
#define NAME i32
#define KIND SIGNED
#define BITS 32
#include WR_TEMPLATE
#include "kernel/each_undef.inc.h"
#define T    int64_t
#define U    uint64_t
#define W    int64_t
#define NAME i64
#define KIND SIGNED
#define BITS 64
#include WR_TEMPLATE
#include "kernel/each_undef.inc.h"
#define T    uint8_t
#define U    uint8_t
#define W    uint32_t
#define NAME u8
#define KIND UNSIGNED
#define BITS 8
#include WR_TEMPLATE
#include "kernel/each_undef.inc.h"
#define T    uint16_t
#define U    uint16_t
#define W    uint32_t
#define NAME u16
#define KIND UNSIGNED
#define BITS 16
#include WR_TEMPLATE
#include "kernel/each_undef.inc.h"
#define T    uint32_t
#define U    uint32_t
#define W    uint64_t
#define NAME u32
#define KIND UNSIGNED
#define BITS 32
#include WR_TEMPLATE
#include "kernel/each_undef.inc.h"
#define T    uint64_t
#define U    uint64_t
#define W    uint64_t
#define NAME u64
#define KIND UNSIGNED
#define BITS 64
#include WR_TEMPLATE
#include "kernel/each_undef.inc.h"
#define T    float
#define U    float
#define W    float
#define NAME f32
#define KIND FLOATING
#define BITS 32
#include WR_TEMPLATE
#include "kernel/each_undef.inc.h"
#define T    double
#define U    double
#define W    double
#define NAME f64
#define KIND FLOATING
#define BITS 64
#include WR_TEMPLATE
#include "kernel/each_undef.inc.h"

#undef FN
#undef FN_EXPAND
#undef FN_PASTE
#undef SIGNED
#undef UNSIGNED
#undef FLOATING
#undef WR_TEMPLATE
