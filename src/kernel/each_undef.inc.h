/* kernel/each_undef.inc.h — ends one round of each_number.inc.h. No include guard on purpose. */
#undef T
#undef U
#undef W
#undef NAME
#undef KIND
#undef BITS
