/* parse/keyword.c — the grammar's words by binary search in keyword.def's order. */
#include "parse/lexer.h"

enum { KEYWORD_BYTES_MAX = 20 };

static const struct {
    const char *word;
    bool        reserved;
} KEYWORDS[WR_KW_COUNT] = {
    [WR_KW_NONE] = {"", false},
#define X(id, word, reserved) [WR_KW_##id] = {word, reserved},
#include "parse/keyword.def"
#undef X
};

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

wr_keyword wr_keyword_find(wr_text word)
{
    char     folded[KEYWORD_BYTES_MAX];
    uint32_t low = 1, high = WR_KW_COUNT;

    if (word.byte_count == 0 || word.byte_count >= sizeof folded)
        return WR_KW_NONE;
    for (size_t i = 0; i < word.byte_count; i++)
        folded[i] = fold(word.bytes[i]);
    folded[word.byte_count] = '\0';
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int      order = strcmp(folded, KEYWORDS[middle].word);

        if (order == 0)
            return (wr_keyword)middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return WR_KW_NONE;
}

const char *wr_keyword_word(wr_keyword keyword)
{
    return KEYWORDS[keyword].word;
}

bool wr_keyword_is_reserved(wr_keyword keyword)
{
    return KEYWORDS[keyword].reserved;
}
