/* pq_bloom.c — see the header. */
#include "pq_bloom.h"

#include <math.h>

#include "base/bits.h"

static const uint32_t SALTS[PQ_BLOOM_WORDS] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                               0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

/* The share of bits that may be set so that of `wrong` of all values a bit is found in each of 8 words:
 * the eighth root. */
static double load_of(double wrong)
{
    return sqrt(sqrt(sqrt(wrong)));
}

/* -ln(1 - x) for x from 0 to 1, by the series of artanh: no plan should load libm for it. */
static double log_of_rest(double x)
{
    double z = x / (2 - x), power = z, sum = 0;

    for (int n = 1; n < 10000 && power > 1e-9; n += 2, power *= z * z)
        sum += 2 * power / n;
    return sum;
}

uint64_t wr_pq_bloom_bytes(uint64_t value_count, double wrong)
{
    double bits = PQ_BLOOM_WORDS * (double)value_count / log_of_rest(load_of(wrong));

    return bits < 8.0 * PQ_BLOOM_BLOCK_BYTES ? PQ_BLOOM_BLOCK_BYTES : wr_pow2_ceil((uint64_t)(bits / 8));
}

static uint32_t bit_of(uint64_t hash, int word)
{
    return 1u << ((uint32_t)hash * SALTS[word] >> 27);
}

void wr_pq_bloom_add(uint8_t *filter, uint64_t byte_count, uint64_t hash)
{
    uint8_t *block = filter + wr_pq_bloom_block(byte_count, hash);

    for (int word = 0; word < PQ_BLOOM_WORDS; word++)
        wr_store_u32(block + 4 * word, wr_load_u32(block + 4 * word) | bit_of(hash, word));
}

bool wr_pq_bloom_block_has(const uint8_t *block, uint64_t hash)
{
    for (int word = 0; word < PQ_BLOOM_WORDS; word++)
        if (!(wr_load_u32(block + 4 * word) & bit_of(hash, word)))
            return false;
    return true;
}

/* A block of the half is two of the whole: the one that the hash names lies in it. */
static uint64_t or_words(const uint8_t *filter, uint64_t block, uint64_t at)
{
    const uint8_t *pair = filter + 2 * block * PQ_BLOOM_BLOCK_BYTES + at;

    return wr_load_u64(pair) | wr_load_u64(pair + PQ_BLOOM_BLOCK_BYTES);
}

uint64_t wr_pq_bloom_fold(uint8_t *filter, uint64_t byte_count, double wrong)
{
    double load_max = load_of(wrong);

    while (byte_count > PQ_BLOOM_BLOCK_BYTES) {
        uint64_t half = byte_count / 2, set = 0;

        for (uint64_t at = 0; at < half; at += 8)
            set += (uint64_t)__builtin_popcountll(or_words(filter, at / PQ_BLOOM_BLOCK_BYTES,
                                                           at % PQ_BLOOM_BLOCK_BYTES));
        if ((double)set > load_max * 8 * (double)half)
            break;
        for (uint64_t at = 0; at < half; at += 8)
            wr_store_u64(filter + at, or_words(filter, at / PQ_BLOOM_BLOCK_BYTES,
                                               at % PQ_BLOOM_BLOCK_BYTES));
        byte_count = half;
    }
    return byte_count;
}
