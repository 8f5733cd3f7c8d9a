/* types/nested_priv.h — between the reading of plain and of nested type names. */
#ifndef WR_BUILDING_TYPES
#error "private to types"
#endif
#ifndef WR_TYPES_NESTED_PRIV_H
#define WR_TYPES_NESTED_PRIV_H

#include "types/nested.h"

/** wr_type_parse for what is no List, Struct or Map; `text` is trimmed. */
wr_status wr_type_parse_plain(wr_text text, wr_type *out_type, wr_error *err) WR_MUST_USE;

/** Words that begin a nested type, for did-you-mean; NULL past the end. */
const char *wr_nested_word(size_t index);

#endif
