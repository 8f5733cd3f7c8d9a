/* kernel/convert_undef.inc.h — ends one target of convert.c. No include guard on purpose. */
#undef TO
#undef TO_NAME
#undef TO_KIND
#undef TO_BITS
#undef TO_MIN
#undef TO_LIMIT
