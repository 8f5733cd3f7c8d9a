/* types/nested_parse.c — names of nested types: what stands inside the brackets, and T[].
 *
 *     list<T>  T[]  T[3]  array(T)      struct(a T, "b c" T)  struct<a: T>  row(...)      map(K, V)
 * The outermost brackets are found first, so each character is looked at once for each level; a
 * spelling has at most TEXT_BYTES_MAX, and a nesting at most WR_NESTED_DEPTH_MAX. */
#include <string.h>

#include "types/nested_priv.h"

enum { TEXT_BYTES_MAX = 8 << 10, POOL_MEMBERS = 512 };

/* Members of the structs that are being read, those of the innermost last. */
typedef struct member_pool {
    wr_member members[POOL_MEMBERS];
    uint32_t  used, depth;
} member_pool;

static const struct {
    const char *word;
    uint8_t     logical;
} WORDS[] = {
    {"list", WR_TYPE_LIST},     {"array", WR_TYPE_LIST}, {"large_list", WR_TYPE_LIST},
    {"struct", WR_TYPE_STRUCT}, {"row", WR_TYPE_STRUCT}, {"map", WR_TYPE_MAP},
};

const char *wr_nested_word(size_t index)
{
    return index < sizeof WORDS / sizeof WORDS[0] ? WORDS[index].word : NULL;
}

/* Where the piece that begins at `at` ends: at a `stop` outside of brackets and quotes, or at the end. */
static size_t find_end(wr_text text, size_t at, char stop)
{
    int depth = 0;

    for (; at < text.byte_count; at++) {
        char c = text.bytes[at];

        if (depth == 0 && c == stop)
            return at;
        if (c == '"') {
            at = wr_text_find_byte(text, '"', at + 1);
            if (at == SIZE_MAX)
                return text.byte_count;
        }
        depth += c == '(' || c == '[' || c == '<';
        depth -= c == ')' || c == ']' || c == '>';
    }
    return at;
}

static wr_status parse_type(wr_text text, member_pool *pool, wr_type *out_type, wr_error *err);

static wr_status raise_bad(wr_text text, const char *why, wr_error *err)
{
    return WR_RAISE(err, WR_INVALID, "bad type '%.*s': %s",
                    text.byte_count > 200 ? 200 : (int)text.byte_count, text.bytes, why);
}

/* Split "name type", "name: type", "\"a name\" type". */
static bool split_member(wr_text text, wr_text *out_name, wr_text *out_type)
{
    size_t end = 0, quoted = text.byte_count && text.bytes[0] == '"';

    if (quoted) {
        end = wr_text_find_byte(text, '"', 1);
        if (end == SIZE_MAX)
            return false;
    }
    while (end < text.byte_count && text.bytes[end] != ' ' && text.bytes[end] != ':')
        end++;
    *out_name = (wr_text){text.bytes + quoted, end - 2 * quoted};
    text = wr_text_trim((wr_text){text.bytes + end, text.byte_count - end});
    if (text.byte_count && text.bytes[0] == ':')
        text = wr_text_trim((wr_text){text.bytes + 1, text.byte_count - 1});
    *out_type = text;
    return out_name->byte_count && text.byte_count;
}

static wr_status parse_struct(wr_text inner, member_pool *pool, wr_type *out_type, wr_error *err)
{
    uint32_t  first = pool->used;
    wr_status status;
    size_t    end;

    for (size_t at = 0; at <= inner.byte_count; at = end + 1) {
        wr_text   piece, type;
        wr_member member;

        end = find_end(inner, at, ',');
        piece = wr_text_trim((wr_text){inner.bytes + at, end - at});
        if (!split_member(piece, &member.name, &type))
            return raise_bad(piece, "a member is a name and a type", err);
        if (pool->used == POOL_MEMBERS)
            return WR_RAISE(err, WR_UNSUPPORTED, "a type is written with more than %d members",
                            POOL_MEMBERS);
        pool->used++;
        WR_TRY(parse_type(type, pool, &member.type, err));
        pool->members[pool->used - 1] = member;
    }
    status = wr_type_make_struct(pool->members + first, pool->used - first, out_type, err);
    pool->used = first;
    return status;
}

static wr_status parse_map(wr_text inner, member_pool *pool, wr_type *out_type, wr_error *err)
{
    size_t  middle = find_end(inner, 0, ',');
    wr_type key, value;

    if (middle == inner.byte_count)
        return raise_bad(inner, "a Map has a type of keys and a type of values", err);
    WR_TRY(parse_type((wr_text){inner.bytes, middle}, pool, &key, err));
    WR_TRY(parse_type((wr_text){inner.bytes + middle + 1, inner.byte_count - middle - 1}, pool,
                      &value, err));
    return wr_type_make_map(key, value, out_type, err);
}

/* T[] and T[3]: the brackets at the end. False if there are none. */
static bool strip_brackets(wr_text text, wr_text *out_element)
{
    size_t at = text.byte_count;

    if (at == 0 || text.bytes[--at] != ']')
        return false;
    while (at && (text.bytes[at - 1] == ' ' ||
                  (text.bytes[at - 1] >= '0' && text.bytes[at - 1] <= '9')))
        at--;
    if (at < 2 || text.bytes[at - 1] != '[')
        return false;
    *out_element = wr_text_trim((wr_text){text.bytes, at - 1});
    return out_element->byte_count > 0;
}

/* WORD(inner) or WORD<inner>; logical NULL_ if it is no nested type. */
static uint8_t find_word(wr_text text, wr_text *out_inner)
{
    size_t open = 0;
    char   close;

    while (open < text.byte_count && text.bytes[open] != '(' && text.bytes[open] != '<')
        open++;
    if (open == text.byte_count)
        return WR_TYPE_NULL_;
    close = text.bytes[open] == '(' ? ')' : '>';
    if (find_end(text, open + 1, close) != text.byte_count - 1)
        return WR_TYPE_NULL_;
    *out_inner = (wr_text){text.bytes + open + 1, text.byte_count - open - 2};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        if (wr_text_equal_nocase(wr_text_trim((wr_text){text.bytes, open}),
                                 wr_text_of(WORDS[i].word)))
            return WORDS[i].logical;
    return WR_TYPE_NULL_;
}

static wr_status parse_nested(wr_text text, member_pool *pool, wr_type *out_type, wr_error *err)
{
    wr_text inner;
    wr_type element;

    if (strip_brackets(text, &inner)) {
        WR_TRY(parse_type(inner, pool, &element, err));
        return wr_type_make_list(element, out_type, err);
    }
    switch (find_word(text, &inner)) {
    case WR_TYPE_LIST:
        WR_TRY(parse_type(inner, pool, &element, err));
        return wr_type_make_list(element, out_type, err);
    case WR_TYPE_STRUCT:
        return parse_struct(inner, pool, out_type, err);
    case WR_TYPE_MAP:
        return parse_map(inner, pool, out_type, err);
    default:
        return wr_type_parse_plain(text, out_type, err);
    }
}

static wr_status parse_type(wr_text text, member_pool *pool, wr_type *out_type, wr_error *err)
{
    wr_status status;

    text = wr_text_trim(text);
    if (text.byte_count == 0)
        return WR_RAISE(err, WR_INVALID, "a type is missing");
    if (pool->depth++ > WR_NESTED_DEPTH_MAX)
        return WR_RAISE(err, WR_UNSUPPORTED, "a type is nested more than %d deep",
                        WR_NESTED_DEPTH_MAX);
    status = parse_nested(text, pool, out_type, err);
    pool->depth--;
    return status;
}

wr_status wr_type_parse(wr_text text, wr_type *out_type, wr_error *err)
{
    member_pool pool;

    pool.used = pool.depth = 0;
    if (text.byte_count > TEXT_BYTES_MAX)
        return WR_RAISE(err, WR_INVALID, "unknown type '%.*s...'", 40, text.bytes);
    return parse_type(text, &pool, out_type, err);
}
