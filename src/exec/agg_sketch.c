/* exec/agg_sketch.c — approximate answers in fixed space: HyperLogLog and a DDSketch that coarsens.
 *
 * Both are functions of the set (or multiset) of values alone: adding and merging commute, so threads
 * and spilling cannot show.
 * HyperLogLog: 4096 registers of a byte, standard error 1.04 / sqrt(4096) = 1.6 %.
 * DDSketch: bucket i of a sign holds the magnitudes in (g^(i-1), g^i]; its middle is off by at most
 * a = (g - 1) / (g + 1) of the value, 0.1 % at first. Where the buckets in use would span more than
 * there is room for, neighbours are put together (g becomes g^2, a about doubles): whether that
 * happens depends on the extremes alone. 1024 buckets hold 2.05 natural logarithms at first; so a stays
 * below 0.1 % times the natural logarithm of the ratio of the largest to the smallest magnitude, summed
 * over both signs, or 0.1 % if that is more.
 * Source: Ertl, New cardinality estimation algorithms for HyperLogLog sketches (2017); Masson, Rim,
 * Lee, DDSketch (VLDB 2019); Epicoco et al., UDDSketch (2020). */
#include "base/hash.h"
#include "base/real.h"
#include "exec/agg_family.h"
#include "os/libm.h"

/* ---- Distinct values ------------------------------------------------------------------------------- */

void wr_agg_registers_add(registers *state, uint64_t hash)
{
    uint32_t index;
    uint64_t rest;
    uint8_t  rank;

    hash = wr_hash_u64(hash + 0x9e3779b97f4a7c15ull); /* 0 must not stay 0 */
    index = (uint32_t)(hash >> (64 - REGISTER_BITS));
    rest = hash << REGISTER_BITS | 1ull << (REGISTER_BITS - 1);
    rank = (uint8_t)(__builtin_clzll(rest) + 1);
    if (rank > state->ranks[index])
        state->ranks[index] = rank;
}

void wr_agg_registers_merge(registers *state, const registers *other)
{
    for (uint32_t i = 0; i < REGISTER_COUNT; i++)
        if (other->ranks[i] > state->ranks[i])
            state->ranks[i] = other->ranks[i];
}

static double sum_of_empty(double x)
{
    double y = 1.0, z = x, before;

    if (x == 1.0)
        return (double)INFINITY;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double sum_of_full(double x)
{
    double y = 1.0, z = 1.0 - x, before;

    if (x == 0.0 || x == 1.0)
        return 0.0;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
    } while (z != before);
    return z / 3.0;
}

int64_t wr_agg_registers_finish(const registers *state)
{
    enum { RANK_MAX = 64 - REGISTER_BITS };
    const double m = REGISTER_COUNT, alpha = 0.72134752044448170368; /* 1 / (2 ln 2) */
    uint32_t     counts[RANK_MAX + 2] = {0};
    double       z;

    for (uint32_t i = 0; i < REGISTER_COUNT; i++)
        counts[state->ranks[i]]++;
    z = m * sum_of_full(1.0 - counts[RANK_MAX + 1] / m);
    for (uint32_t k = RANK_MAX; k >= 1; k--)
        z = 0.5 * (z + counts[k]);
    z += m * sum_of_empty(counts[0] / m);
    return wr_real_round(alpha * m * m / z);
}

/* ---- Quantiles --------------------------------------------------------------------------------------- */

static const double LOG_GAMMA = 0.001999998666668; /* 2 atanh(a), a just below 0.1 % */

/* Buckets of one sign: positive ones from the start of the array, negative ones from its end. */
static uint64_t *bucket_at(buckets *state, uint32_t sign, int32_t index)
{
    uint32_t at = (uint32_t)(index - state->fields.least[sign]);

    return sign ? &state->counts[BUCKET_COUNT - 1 - at] : &state->counts[at];
}

/* Index one level up: ceil(i / 2). */
static int32_t halve(int32_t index)
{
    return (index >> 1) + (index & 1);
}

static void coarsen(buckets *state)
{
    for (uint32_t sign = 0; sign < 2; sign++) {
        int32_t  least = state->fields.least[sign], new_least = halve(least);
        uint32_t used = state->fields.used[sign], new_used = 0;

        if (used == 0)
            continue;
        for (uint32_t i = 0; i < used; i++) {
            uint64_t *from = bucket_at(state, sign, least + (int32_t)i), count = *from;
            uint32_t  to = (uint32_t)(halve(least + (int32_t)i) - new_least);

            *from = 0;
            *bucket_at(state, sign, least + (int32_t)to) += count;
            new_used = to + 1;
        }
        state->fields.least[sign] = new_least;
        state->fields.used[sign] = new_used;
    }
    state->fields.level++;
}

/* Span that the buckets of `sign` would have with `index` among them. */
static uint32_t span_with(const buckets *state, uint32_t sign, int32_t index)
{
    int32_t least = state->fields.least[sign], last = least + (int32_t)state->fields.used[sign] - 1;

    if (state->fields.used[sign] == 0)
        return 1;
    least = index < least ? index : least;
    last = index > last ? index : last;
    return (uint32_t)(last - least) + 1;
}

static void make_room(buckets *state, uint32_t sign, int32_t index)
{
    uint32_t span = span_with(state, sign, index), used = state->fields.used[sign];

    if (used == 0) {
        state->fields.least[sign] = index;
    } else if (index < state->fields.least[sign]) {
        uint32_t shift = (uint32_t)(state->fields.least[sign] - index);

        if (sign == 0) {
            memmove(&state->counts[shift], &state->counts[0], used * sizeof(uint64_t));
            memset(&state->counts[0], 0, shift * sizeof(uint64_t));
        } else {
            memmove(&state->counts[BUCKET_COUNT - used - shift], &state->counts[BUCKET_COUNT - used],
                    used * sizeof(uint64_t));
            memset(&state->counts[BUCKET_COUNT - shift], 0, shift * sizeof(uint64_t));
        }
        state->fields.least[sign] = index;
    }
    state->fields.used[sign] = span;
}

/* `index` is of `level`, which is not above the state's. */
static void add_count(buckets *state, uint32_t sign, int32_t index, uint32_t level, uint64_t count)
{
    for (; level < state->fields.level; level++)
        index = halve(index);
    while (span_with(state, sign, index) + state->fields.used[1 - sign] > BUCKET_COUNT) {
        coarsen(state);
        index = halve(index);
    }
    make_room(state, sign, index);
    *bucket_at(state, sign, index) += count;
}

void wr_agg_buckets_add(buckets *state, double x)
{
    double magnitude = fabs(x);

    state->fields.total++;
    if (isnan(x))
        state->fields.nan_count++;
    else if (isinf(x))
        state->fields.infinite[x < 0.0]++;
    else if (magnitude == 0.0)
        state->fields.zero_count++;
    else
        add_count(state, x < 0.0, (int32_t)ceil(wr_math.log(magnitude) / LOG_GAMMA), 0, 1);
}

void wr_agg_buckets_merge_fields(buckets *state, const bucket_fields *other)
{
    state->fields.total += other->total;
    state->fields.nan_count += other->nan_count;
    state->fields.infinite[0] += other->infinite[0];
    state->fields.infinite[1] += other->infinite[1];
    state->fields.zero_count += other->zero_count;
    while (state->fields.level < other->level)
        coarsen(state);
}

void wr_agg_buckets_merge_counts(buckets *state, const bucket_fields *other, uint32_t first,
                                 const uint64_t *counts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = first + i, sign = slot < other->used[0] ? 0 : 1;
        uint32_t at = sign ? BUCKET_COUNT - 1 - slot : slot;

        if (counts[i] > 0)
            add_count(state, sign, other->least[sign] + (int32_t)at, other->level, counts[i]);
    }
}

void wr_agg_buckets_merge(buckets *state, const buckets *other)
{
    wr_agg_buckets_merge_fields(state, &other->fields);
    wr_agg_buckets_merge_counts(state, &other->fields, 0, other->counts, BUCKET_COUNT);
}

/* Where both ends of bucket `index` are equally far, as parts of the value. */
static double middle_of(const buckets *state, int32_t index)
{
    double log_gamma = ldexp(LOG_GAMMA, (int)state->fields.level);

    return wr_math.exp(log_gamma * index) * (2.0 / (1.0 + wr_math.exp(log_gamma)));
}

/* Values in order: -infinity, negative, zero, positive, infinity, NaN. */
double wr_agg_buckets_finish(const buckets *state, double fraction)
{
    uint64_t rank = (uint64_t)floor(fraction * ((double)state->fields.total - 1.0)), seen;

    seen = state->fields.infinite[1];
    if (rank < seen)
        return -(double)INFINITY;
    for (uint32_t i = state->fields.used[1]; i-- > 0;) {
        seen += state->counts[BUCKET_COUNT - 1 - i];
        if (rank < seen)
            return -middle_of(state, state->fields.least[1] + (int32_t)i);
    }
    seen += state->fields.zero_count;
    if (rank < seen)
        return 0.0;
    for (uint32_t i = 0; i < state->fields.used[0]; i++) {
        seen += state->counts[i];
        if (rank < seen)
            return middle_of(state, state->fields.least[0] + (int32_t)i);
    }
    seen += state->fields.infinite[0];
    return rank < seen ? (double)INFINITY : (double)NAN;
}
