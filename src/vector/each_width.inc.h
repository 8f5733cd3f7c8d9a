/* vector/each_width.inc.h — include WR_TEMPLATE once per width of a value, for loops that only move
 * values. Parameters of the template: T (a type of that width, at most 8-aligned), NAME (suffix).
 * Defines FN(x) = x_NAME. No include guard on purpose. */
#ifndef WR_TEMPLATE
#error "define WR_TEMPLATE, then include this file"
#endif

#define FN_PASTE(verb, name)  verb##_##name
#define FN_EXPAND(verb, name) FN_PASTE(verb, name)
#define FN(verb)              FN_EXPAND(verb, NAME)

typedef struct pair_u64 {
    uint64_t low, high;
} pair_u64;

#define T    uint8_t
#define NAME w1
#include WR_TEMPLATE
#define T    uint16_t
#define NAME w2
#include WR_TEMPLATE
#define T    uint32_t
#define NAME w4
#include WR_TEMPLATE
#define T    uint64_t
#define NAME w8
#include WR_TEMPLATE
#define T    pair_u64
#define NAME w16
#include WR_TEMPLATE

#undef FN
#undef FN_EXPAND
#undef FN_PASTE
#undef WR_TEMPLATE
