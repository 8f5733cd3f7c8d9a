/* exec/key_bag.c — see the header. */
#include "exec/key_bag.h"

#include <string.h>

#include "base/error.h"

static wr_key_block *block_at(const wr_key_bag *bag, uint32_t index)
{
    return &bag->blocks[bag->order[index]];
}

void wr_key_bag_init(wr_key_bag *bag, void *memory, uint32_t block_count, double fraction)
{
    *bag = (wr_key_bag){.blocks = memory, .blocks_max = block_count, .fraction = fraction};
    bag->order = (uint32_t *)(void *)(bag->blocks + block_count);
    for (uint32_t i = 0; i < block_count; i++)
        bag->order[i] = i;
    wr_key_bag_reset(bag, 0, UINT64_MAX);
}

void wr_key_bag_reset(wr_key_bag *bag, uint64_t low, uint64_t high)
{
    bag->low = low;
    bag->high = high;
    bag->below = bag->held = bag->above = bag->different = 0;
    bag->key_sum = 0;
    bag->block_count = bag->near = 0;
    bag->near_rank = 0;
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* The last block that does not begin behind the key, or the first one. */
static uint32_t find_block(const wr_key_bag *bag, uint64_t key)
{
    uint32_t from = 0, to = bag->block_count;

    while (to - from > 1) {
        uint32_t middle = from + (to - from) / 2;

        if (block_at(bag, middle)->keys[0].key <= key)
            from = middle;
        else
            to = middle;
    }
    return from;
}

/* The first place whose key is not less. */
static uint32_t find_place(const wr_key_block *block, uint64_t key)
{
    uint32_t from = 0, to = block->key_count;

    while (from < to) {
        uint32_t middle = from + (to - from) / 2;

        if (block->keys[middle].key < key)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void survey_block(wr_key_block *block)
{
    block->best = 0;
    block->total = 0;
    for (uint32_t i = 0; i < block->key_count; i++) {
        block->total += block->keys[i].count;
        if (block->keys[i].count > block->keys[block->best].count)
            block->best = i;
    }
}

static wr_key_block *insert_block(wr_key_bag *bag, uint32_t index)
{
    uint32_t number = bag->order[bag->block_count];

    memmove(&bag->order[index + 1], &bag->order[index],
            (bag->block_count++ - index) * sizeof number);
    bag->order[index] = number;
    if (index <= bag->near && bag->block_count > 1)
        bag->near++;
    bag->blocks[number].key_count = 0;
    bag->blocks[number].total = 0;
    return &bag->blocks[number];
}

/* Its keys are gone, or it is the first or last one and is given up. */
static void drop_block(wr_key_bag *bag, uint32_t index)
{
    uint32_t number = bag->order[index];

    memmove(&bag->order[index], &bag->order[index + 1],
            (--bag->block_count - index) * sizeof number);
    bag->order[bag->block_count] = number;
    if (bag->near > index)
        bag->near--;
    if (bag->near < bag->block_count)
        return;
    bag->near = 0;
    bag->near_rank = 0;
}

static void split_block(wr_key_bag *bag, uint32_t index)
{
    wr_key_block *upper, *lower = block_at(bag, index);
    uint32_t      half = lower->key_count / 2;

    upper = insert_block(bag, index + 1);
    upper->key_count = lower->key_count - half;
    memcpy(upper->keys, lower->keys + half, upper->key_count * sizeof upper->keys[0]);
    lower->key_count = half;
    survey_block(lower);
    survey_block(upper);
}

/* ---- Memory runs out --------------------------------------------------------------------------- */

static void give_up_block(wr_key_bag *bag, const wr_key_block *block, uint64_t *io_outside)
{
    *io_outside += block->total;
    bag->held -= block->total;
    bag->different -= block->key_count;
    for (uint32_t i = 0; i < block->key_count; i++)
        bag->key_sum -= block->keys[i].key;
}

static void give_up_first(wr_key_bag *bag)
{
    const wr_key_block *block = block_at(bag, 0);

    give_up_block(bag, block, &bag->below);
    bag->low = block->keys[block->key_count - 1].key + 1;
    drop_block(bag, 0);
    bag->near = 0;
    bag->near_rank = 0;
}

static void give_up_last(wr_key_bag *bag)
{
    const wr_key_block *block = block_at(bag, bag->block_count - 1);

    give_up_block(bag, block, &bag->above);
    bag->high = block->keys[0].key - 1;
    drop_block(bag, bag->block_count - 1);
}

/* A quarter of the blocks go. */
static void give_up(wr_key_bag *bag)
{
    double   middle = bag->fraction * (double)wr_key_bag_count(bag) - (double)bag->below;
    bool     first = middle > (double)bag->held / 2;
    uint32_t count = bag->block_count / 4 + 1;

    for (uint32_t i = 0; i < count && bag->block_count > 1; i++)
        if (first)
            give_up_first(bag);
        else
            give_up_last(bag);
}

/* ---- Keys ------------------------------------------------------------------------------------- */

static bool is_outside(wr_key_bag *bag, uint64_t key, int64_t change)
{
    if (key < bag->low)
        bag->below += (uint64_t)change;
    else if (key > bag->high)
        bag->above += (uint64_t)change;
    else
        return false;
    return true;
}

static void change_totals(wr_key_bag *bag, uint32_t index, int64_t change)
{
    block_at(bag, index)->total += (uint64_t)change;
    bag->held += (uint64_t)change;
    if (index < bag->near)
        bag->near_rank += (uint64_t)change;
}

static bool is_better(const wr_key_count *a, const wr_key_count *b)
{
    return a->count > b->count || (a->count == b->count && a->key < b->key);
}

void wr_key_bag_add(wr_key_bag *bag, uint64_t key)
{
    wr_key_block *block;
    uint32_t      index, place;

    if (is_outside(bag, key, 1))
        return;
    if (bag->block_count == 0)
        insert_block(bag, 0);
    index = find_block(bag, key);
    block = block_at(bag, index);
    place = find_place(block, key);
    if (place < block->key_count && block->keys[place].key == key) {
        block->keys[place].count++;
    } else if (block->key_count == WR_KEY_BLOCK_KEYS) {
        if (bag->block_count == bag->blocks_max)
            give_up(bag);
        else
            split_block(bag, index);
        wr_key_bag_add(bag, key); /* twice more at most, then there is room */
        return;
    } else {
        memmove(&block->keys[place + 1], &block->keys[place],
                (block->key_count - place) * sizeof block->keys[0]);
        block->keys[place] = (wr_key_count){key, 1};
        bag->different++;
        bag->key_sum += key;
        block->best += place <= block->best && block->key_count > 0;
        block->best = block->key_count++ > 0 ? block->best : 0;
    }
    if (is_better(&block->keys[place], &block->keys[block->best]))
        block->best = place;
    change_totals(bag, index, 1);
}

void wr_key_bag_remove(wr_key_bag *bag, uint64_t key)
{
    wr_key_block *block;
    uint32_t      index, place;
    bool          is_gone;

    if (is_outside(bag, key, -1))
        return;
    index = find_block(bag, key);
    block = block_at(bag, index);
    place = find_place(block, key);
    wr_assert(place < block->key_count && block->keys[place].key == key,
              "what is removed was added");
    change_totals(bag, index, -1);
    is_gone = --block->keys[place].count == 0;
    if (is_gone) {
        memmove(&block->keys[place], &block->keys[place + 1],
                (--block->key_count - place) * sizeof block->keys[0]);
        bag->different--;
        bag->key_sum -= key;
    }
    if (block->key_count == 0)
        drop_block(bag, index);
    else if (place == block->best)
        survey_block(block);
    else
        block->best -= is_gone && place < block->best;
}

/* ---- Ranks ------------------------------------------------------------------------------------- */

uint64_t wr_key_bag_at(wr_key_bag *bag, uint64_t rank)
{
    const wr_key_block *block;
    uint64_t            left = rank - bag->below;
    uint32_t            place = 0;

    while (left < bag->near_rank)
        bag->near_rank -= block_at(bag, --bag->near)->total;
    while (left - bag->near_rank >= block_at(bag, bag->near)->total)
        bag->near_rank += block_at(bag, bag->near++)->total;
    block = block_at(bag, bag->near);
    for (left -= bag->near_rank; left >= block->keys[place].count; place++)
        left -= block->keys[place].count;
    return block->keys[place].key;
}

void wr_key_bag_find_most(const wr_key_bag *bag, wr_key_count *io_best)
{
    for (uint32_t i = 0; i < bag->block_count; i++) {
        const wr_key_block *block = block_at(bag, i);

        if (block->keys[block->best].count > io_best->count)
            *io_best = block->keys[block->best];
    }
}
