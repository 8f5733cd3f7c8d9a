/* exec/key_bag.h — a bag of keys (kernel/number_key.h) that come and go, and what has which rank among them.
 *
 * Of all keys that were added it holds those from `low` to `high`, each with how often it is there, in
 * blocks in order; of the others it knows how many lie below and above. When memory runs out it gives up
 * keys at the end that is farther from where ranks are asked for. A rank that lies outside needs
 * another range: the caller resets the bag and adds the keys again.
 * Invariants
 *  1. A key from low to high that was added and not removed is held.
 *  2. Nothing is removed that was not added.
 * Threads: one. Cost: 60-200 ns to add or remove a key; a rank near the last one 20 ns. */
#ifndef WR_EXEC_KEY_BAG_H
#define WR_EXEC_KEY_BAG_H

#include "types/type.h"

enum { WR_KEY_BLOCK_KEYS = 128, WR_KEY_BAG_BLOCKS_MIN = 32 };

typedef struct wr_key_count {
    uint64_t key, count;
} wr_key_count;

typedef struct wr_key_block {
    uint64_t     total;      /* sum of counts                            */
    uint32_t     key_count;
    uint32_t     best;       /* the most frequent key; of several the least */
    wr_key_count keys[WR_KEY_BLOCK_KEYS];
} wr_key_block;

typedef struct wr_key_bag {
    wr_key_block *blocks;
    uint32_t     *order;      /* numbers of the blocks in use in order of keys, then of the free ones */
    uint32_t      block_count, blocks_max;
    uint64_t      low, high;            /* what is held       */
    uint64_t      below, held, above;   /* how many keys      */
    uint64_t      different;            /* keys that are held, each once ...                      */
    wr_u128       key_sum;              /* ... and their sum                                      */
    double        fraction;             /* where ranks are asked for: 0 the least, 1 the greatest */
    uint32_t      near;                 /* where in `order` the last rank was found ...           */
    uint64_t      near_rank;            /* ... and how many held keys come before that block      */
} wr_key_bag;

/** Memory of so many blocks. */
static inline uint64_t wr_key_bag_bytes(uint32_t block_count)
{
    return (uint64_t)block_count * (sizeof(wr_key_block) + sizeof(uint32_t));
}

/** Shape    `memory` is 8-aligned, wr_key_bag_bytes(block_count) at least; two blocks or more */
void wr_key_bag_init(wr_key_bag *bag, void *memory, uint32_t block_count, double fraction);

/** Empty it; from now on it holds keys from `low` to `high`. */
void wr_key_bag_reset(wr_key_bag *bag, uint64_t low, uint64_t high);

void wr_key_bag_add(wr_key_bag *bag, uint64_t key);
void wr_key_bag_remove(wr_key_bag *bag, uint64_t key);

/** How many keys it has, held or not. */
static inline uint64_t wr_key_bag_count(const wr_key_bag *bag)
{
    return bag->below + bag->held + bag->above;
}

/** Is the key of this rank, from 0, among those held? */
static inline bool wr_key_bag_has_rank(const wr_key_bag *bag, uint64_t rank)
{
    return rank >= bag->below && rank - bag->below < bag->held;
}

/** The key of a rank that is held. */
uint64_t wr_key_bag_at(wr_key_bag *bag, uint64_t rank);

/** The held key that is there most often, of several the least, if that is more often than io_best->count. */
void wr_key_bag_find_most(const wr_key_bag *bag, wr_key_count *io_best);

/** Keys that fit for certain if they are added to an empty bag, with as many again to come. */
static inline uint64_t wr_key_bag_half(const wr_key_bag *bag)
{
    return (uint64_t)(bag->blocks_max - 1) * (WR_KEY_BLOCK_KEYS / 4);
}

#endif
