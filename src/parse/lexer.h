/* parse/lexer.h — SQL text to tokens. Private to parse.
 *
 * Invariants
 *  1. The text is valid UTF-8 without NUL bytes (checked once, by wr_lexer_init); so is every
 *     token's text, whatever its escapes say.
 *  2. A lexer is a plain value: copying it is how the parser looks ahead.
 *  3. Every call of wr_lexer_next moves on or fails, except at the end, which repeats.
 * Owner: token texts borrow the input; only what has escapes or digit separators is copied to the
 * bump. Cost: one pass over the bytes, linear. */
#ifndef WR_PARSE_LEXER_H
#define WR_PARSE_LEXER_H

#include "mem/bump.h"
#include "parse/ast.h"

typedef enum wr_keyword {
    WR_KW_NONE, /* not a word, or quoted, or unknown to the grammar */
#define X(id, word, reserved) WR_KW_##id,
#include "parse/keyword.def"
#undef X
    WR_KW_COUNT
} wr_keyword;

/** The word's keyword, any case, or WR_KW_NONE. Cost O(log keywords). */
wr_keyword wr_keyword_find(wr_text word);
/** Lower-case spelling. */
const char *wr_keyword_word(wr_keyword keyword);
bool        wr_keyword_is_reserved(wr_keyword keyword);

typedef enum wr_token_kind {
    WR_TOKEN_END,
    WR_TOKEN_WORD,       /* unquoted: text as written, keyword           */
    WR_TOKEN_QUOTED,     /* "x" or `x`: text unescaped                   */
    WR_TOKEN_INTEGER,    /* text: digits, or 0x.., 0o.., 0b..; no '_'    */
    WR_TOKEN_DECIMAL,    /* text: digits and a point; no '_'             */
    WR_TOKEN_FLOAT,      /* text: with an exponent; no '_'               */
    WR_TOKEN_STRING,     /* '..', E'..', $$..$$: text unescaped          */
    WR_TOKEN_HEX_STRING, /* X'..': text is "\x" and the digits           */
    WR_TOKEN_OPERATOR,   /* op: what it means between two operands; '~' is REGEX, '!' NOT, '&&' AND */
    WR_TOKEN_CAST,       /* :: */
    WR_TOKEN_OPEN,       /* (  */
    WR_TOKEN_CLOSE,      /* )  */
    WR_TOKEN_OPEN_LIST,  /* [  */
    WR_TOKEN_CLOSE_LIST, /* ]  */
    WR_TOKEN_OPEN_BRACE, /* {  */
    WR_TOKEN_CLOSE_BRACE, /* } */
    WR_TOKEN_COMMA,
    WR_TOKEN_DOT,
    WR_TOKEN_COLON,
    WR_TOKEN_ASSIGN,     /* := */
    WR_TOKEN_ARROW,      /* -> */
    WR_TOKEN_OTHER,      /* a character no production uses: ; @ ? ... */
} wr_token_kind;

typedef struct wr_token {
    wr_token_kind kind;
    wr_keyword    keyword;
    wr_ast_op     op;
    wr_place      place;
    wr_text       text;       /* meaning is the kind's               */
    size_t        begin, end; /* bytes of the input that it covers   */
} wr_token;

typedef struct wr_lexer {
    wr_text  input;
    size_t   at;
    wr_place place; /* of input.bytes[at] */
    wr_bump *bump;
} wr_lexer;

/** Errors WR_INVALID not UTF-8, or a NUL byte: *out_place says where. */
wr_status wr_lexer_init(wr_lexer *lexer, wr_text input, wr_bump *bump, wr_place *out_place,
                        wr_error *err) WR_MUST_USE;

/** Errors WR_INVALID unterminated string, comment or name, bad escape, malformed number;
 *  out_token->place says where. WR_NO_MEMORY the bump is spent. */
wr_status wr_lexer_next(wr_lexer *lexer, wr_token *out_token, wr_error *err) WR_MUST_USE;

/** A letter, '_' or any character beyond ASCII; a word goes on with digits and '$' too. */
bool wr_lexer_is_word_start(char byte);
bool wr_lexer_is_word_part(char byte);

#endif
