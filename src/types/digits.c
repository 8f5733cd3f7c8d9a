/* types/digits.c — powers of ten in 64 and in 128 bits.
 *
 * 10^q = 10^(27a) * 10^b with 0 <= b < 27: one table has the leading 128 bits of each 10^(27a), cut
 * off, the other every 5^b, exactly. Their product, cut to 128 bits, is less than 3 units too
 * small: 2 from the first table's missing part (doubled by normalising) and 1 from the cut. */
#include "types/digits_priv.h"

enum { POWER_STEP = 27, POWER_STEP_MIN = -13, POWER_STEP_MAX = 12 };

const uint64_t wr_pow10_u64[20] = {1u,
                                   10u,
                                   100u,
                                   1000u,
                                   10000u,
                                   100000u,
                                   1000000u,
                                   10000000u,
                                   100000000u,
                                   1000000000u,
                                   10000000000u,
                                   100000000000u,
                                   1000000000000u,
                                   10000000000000u,
                                   100000000000000u,
                                   1000000000000000u,
                                   10000000000000000u,
                                   100000000000000000u,
                                   1000000000000000000u,
                                   10000000000000000000u};

static const uint64_t POW5[POWER_STEP] = {
    1U, 5U, 25U, 125U, 625U, 3125U, 15625U, 78125U, 390625U, 1953125U, 9765625U, 48828125U,
    244140625U, 1220703125U, 6103515625U, 30517578125U, 152587890625U, 762939453125U,
    3814697265625U, 19073486328125U, 95367431640625U, 476837158203125U, 2384185791015625U,
    11920928955078125U, 59604644775390625U, 298023223876953125U, 1490116119384765625U
};

/* Leading 128 bits: high and low half. */
static const uint64_t POW10_STEPS[POWER_STEP_MAX - POWER_STEP_MIN + 1][2] = {
    {0x8049a4ac0c5811ae, 0x205b896d777d6278}, /* 10^-351 */
    {0xcf42894a5dce35ea, 0x52064cac828675b9}, /* 10^-324 */
    {0xa76c582338ed2621, 0xaf2af2b80af6f24e}, /* 10^-297 */
    {0x873e4f75e2224e68, 0x5a7744a6e804a291}, /* 10^-270 */
    {0xda7f5bf590966848, 0xaf39a475506a899e}, /* 10^-243 */
    {0xb080392cc4349dec, 0xbd8d794d96aacfb3}, /* 10^-216 */
    {0x8e938662882af53e, 0x547eb47b7282ee9c}, /* 10^-189 */
    {0xe65829b3046b0afa, 0x0cb4a5a3112a5112}, /* 10^-162 */
    {0xba121a4650e4ddeb, 0x92f34d62616ce413}, /* 10^-135 */
    {0x964e858c91ba2655, 0x3a6a07f8d510f86f}, /* 10^-108 */
    {0xf2d56790ab41c2a2, 0xfae27299423fb9c3}, /* 10^-81 */
    {0xc428d05aa4751e4c, 0xaa97e14c3c26b886}, /* 10^-54 */
    {0x9e74d1b791e07e48, 0x775ea264cf55347d}, /* 10^-27 */
    {0x8000000000000000, 0x0000000000000000}, /* 10^0 */
    {0xcecb8f27f4200f3a, 0x0000000000000000}, /* 10^27 */
    {0xa70c3c40a64e6c51, 0x999090b65f67d924}, /* 10^54 */
    {0x86f0ac99b4e8dafd, 0x69a028bb3ded71a3}, /* 10^81 */
    {0xda01ee641a708de9, 0xe80e6f4820cc9495}, /* 10^108 */
    {0xb01ae745b101e9e4, 0x5ec05dcff72e7f8f}, /* 10^135 */
    {0x8e41ade9fbebc27d, 0x14588f13be847307}, /* 10^162 */
    {0xe5d3ef282a242e81, 0x8f1668c8a86da5fa}, /* 10^189 */
    {0xb9a74a0637ce2ee1, 0x6d953e2bd7173692}, /* 10^216 */
    {0x95f83d0a1fb69cd9, 0x4abdaf101564f98e}, /* 10^243 */
    {0xf24a01a73cf2dccf, 0xbc633b39673c8cec}, /* 10^270 */
    {0xc3b8358109e84f07, 0x0a862f80ec4700c8}, /* 10^297 */
    {0x9e19db92b4e31ba9, 0x6c07a2c26a8346d1}, /* 10^324 */
};

wr_u128 wr_pow10_bits(int q)
{
    int             step = (q - POWER_STEP * POWER_STEP_MIN) / POWER_STEP;
    const uint64_t *base = POW10_STEPS[step];
    uint64_t        pow5 = POW5[q - POWER_STEP * (step + POWER_STEP_MIN)];
    wr_u128         middle, product;

    pow5 <<= __builtin_clzll(pow5);
    middle = (wr_u128)base[1] * pow5;
    product = (wr_u128)base[0] * pow5 + (uint64_t)(middle >> 64);
    if (product >> 127)
        return product;
    return product << 1 | (uint64_t)middle >> 63;
}
