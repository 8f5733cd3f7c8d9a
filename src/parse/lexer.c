/* parse/lexer.c — the token scanner: one function a kind, all on (input, at).
 *
 * Names and strings are first measured, then copied only if they hold escapes. */
#include "parse/lexer.h"

#include "parse/source.h"

/* --- bytes ------------------------------------------------------------------------------- */

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool wr_lexer_is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

bool wr_lexer_is_word_part(char c)
{
    return wr_lexer_is_word_start(c) || is_digit(c) || c == '$';
}

/* Value of a digit in bases up to 16, or 16. */
static unsigned digit_value(char c)
{
    if (is_digit(c))
        return (unsigned)(c - '0');
    c = fold(c);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* Bytes of the valid UTF-8 sequence at `bytes`, 0 if there is none. RFC 3629, section 4. */
static size_t utf8_sequence(const unsigned char *bytes, size_t left)
{
    unsigned char lead = bytes[0], low = 0x80, high = 0xbf;
    size_t        count;

    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    count = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (left < count || bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < count; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    return count;
}

/* Bytes before the first one that is not valid; text.byte_count when all are. */
static size_t valid_utf8_bytes(wr_text text)
{
    size_t at = 0;

    while (at < text.byte_count) {
        size_t count = utf8_sequence((const unsigned char *)text.bytes + at, text.byte_count - at);

        if (count == 0 || text.bytes[at] == '\0')
            break;
        at += count;
    }
    return at;
}

static char byte_at(const wr_lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;

    return at < lexer->input.byte_count ? lexer->input.bytes[at] : '\0';
}

static void advance(wr_lexer *lexer, size_t byte_count)
{
    size_t end = lexer->at + byte_count;

    for (; lexer->at < end; lexer->at++) {
        char byte = lexer->input.bytes[lexer->at];

        if (byte == '\n') {
            lexer->place.line++;
            lexer->place.column = 1;
        } else if (((unsigned char)byte & 0xc0) != 0x80) {
            lexer->place.column++;
        }
    }
}

wr_status wr_lexer_init(wr_lexer *lexer, wr_text input, wr_bump *bump, wr_place *out_place,
                        wr_error *err)
{
    size_t valid = valid_utf8_bytes(input);

    *lexer = (wr_lexer){.input = input, .place = {1, 1}, .bump = bump};
    if (valid < input.byte_count) {
        *out_place = wr_place_at(input, valid);
        if (input.bytes[valid] == '\0')
            return WR_RAISE(err, WR_INVALID, "zero byte in the text");
        return WR_RAISE(err, WR_INVALID, "text is not valid UTF-8 (byte 0x%02x)",
                        (unsigned char)input.bytes[valid]);
    }
    return WR_OK;
}

/* --- white space and comments ------------------------------------------------------------ */

static wr_status skip_block_comment(wr_lexer *lexer, wr_token *token, wr_error *err)
{
    uint32_t nesting = 0;

    token->place = lexer->place;
    do {
        if (byte_at(lexer, 0) == '/' && byte_at(lexer, 1) == '*') {
            nesting++;
            advance(lexer, 2);
        } else if (byte_at(lexer, 0) == '*' && byte_at(lexer, 1) == '/') {
            nesting--;
            advance(lexer, 2);
        } else if (lexer->at < lexer->input.byte_count) {
            advance(lexer, 1);
        } else {
            return WR_RAISE(err, WR_INVALID, "comment is not closed: expected '*/'");
        }
    } while (nesting > 0);
    return WR_OK;
}

static wr_status skip_blanks(wr_lexer *lexer, wr_token *token, wr_error *err)
{
    for (;;) {
        if (is_space(byte_at(lexer, 0))) {
            advance(lexer, 1);
        } else if (byte_at(lexer, 0) == '-' && byte_at(lexer, 1) == '-') {
            size_t end = wr_text_find_byte(lexer->input, '\n', lexer->at);

            advance(lexer, (end == SIZE_MAX ? lexer->input.byte_count : end) - lexer->at);
        } else if (byte_at(lexer, 0) == '/' && byte_at(lexer, 1) == '*') {
            WR_TRY(skip_block_comment(lexer, token, err));
        } else {
            return WR_OK;
        }
    }
}

/* --- strings and quoted names ------------------------------------------------------------ */

/* `quote`..`quote` from lexer->at on, a doubled quote stands for one. */
static wr_status scan_quoted(wr_lexer *lexer, char quote, const char *what, wr_token *token,
                             wr_error *err)
{
    wr_text input = lexer->input;
    size_t  begin = lexer->at + 1, end = begin, doubled = 0;

    for (;; end++) {
        end = wr_text_find_byte(input, quote, end);
        if (end == SIZE_MAX)
            return WR_RAISE(err, WR_INVALID, "%s is not closed: expected %c", what, quote);
        if (end + 1 >= input.byte_count || input.bytes[end + 1] != quote)
            break;
        end++;
        doubled++;
    }
    token->text = (wr_text){input.bytes + begin, end - begin};
    if (doubled > 0) {
        char  *copy = wr_bump_alloc(lexer->bump, end - begin - doubled, err);
        size_t used = 0;

        if (!copy)
            return WR_NO_MEMORY;
        for (size_t i = begin; i < end; i++) {
            copy[used++] = input.bytes[i];
            i += input.bytes[i] == quote;
        }
        token->text = (wr_text){copy, used};
    }
    advance(lexer, end + 1 - lexer->at);
    return WR_OK;
}

static size_t put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* Up to `digits_max` digits of `base` at *at. Returns how many. */
static unsigned scan_code(wr_text input, size_t *at, unsigned base, unsigned digits_max,
                          uint32_t *out_code)
{
    unsigned count = 0;
    uint32_t code = 0;

    while (count < digits_max && *at < input.byte_count &&
           digit_value(input.bytes[*at]) < base) {
        code = code * base + digit_value(input.bytes[(*at)++]);
        count++;
    }
    *out_code = code;
    return count;
}

/* One escape; *at stands behind the backslash. Writes at most 4 bytes, and never more than the
 * escape took in the input. False: malformed. */
static bool decode_escape(wr_text input, size_t *at, char *out, size_t *io_used)
{
    char     letter = input.bytes[(*at)++];
    uint32_t code;

    switch (letter) {
    case 'b':
        code = '\b';
        break;
    case 'f':
        code = '\f';
        break;
    case 'n':
        code = '\n';
        break;
    case 'r':
        code = '\r';
        break;
    case 't':
        code = '\t';
        break;
    case 'x':
        if (scan_code(input, at, 16, 2, &code) == 0)
            return false;
        out[(*io_used)++] = (char)code;
        return code != 0;
    case 'u':
    case 'U':
        if (scan_code(input, at, 16, letter == 'u' ? 4 : 8, &code) != (letter == 'u' ? 4u : 8u))
            return false;
        if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return false;
        *io_used += put_utf8(out + *io_used, code);
        return true;
    default:
        if (letter < '0' || letter > '7') {
            out[(*io_used)++] = letter;
            return true;
        }
        --*at;
        scan_code(input, at, 8, 3, &code);
        out[(*io_used)++] = (char)code;
        return code != 0 && code <= 0xff;
    }
    out[(*io_used)++] = (char)code;
    return true;
}

/* E'..' with lexer->at on the quote. The end is found first, then one buffer is filled. */
static wr_status scan_escaped_string(wr_lexer *lexer, wr_token *token, wr_error *err)
{
    wr_text input = lexer->input;
    size_t  begin = lexer->at + 1, end = begin, used = 0;
    char   *copy;

    while (end < input.byte_count &&
           (input.bytes[end] != '\'' ||
            (end + 1 < input.byte_count && input.bytes[end + 1] == '\'')))
        end += input.bytes[end] == '\\' || input.bytes[end] == '\'' ? 2 : 1;
    if (end >= input.byte_count)
        return WR_RAISE(err, WR_INVALID, "text is not closed: expected '");
    copy = wr_bump_alloc(lexer->bump, end - begin, err);
    if (!copy)
        return WR_NO_MEMORY;
    for (size_t at = begin; at < end;) {
        char byte = input.bytes[at++];

        if (byte == '\\') {
            size_t escape = at - 1;

            if (!decode_escape((wr_text){input.bytes, end}, &at, copy, &used)) {
                advance(lexer, escape - lexer->at);
                token->place = lexer->place;
                return WR_RAISE(err, WR_INVALID, "bad escape '%.*s' in text",
                                (int)(at - escape < 12 ? at - escape : 12), input.bytes + escape);
            }
        } else {
            copy[used++] = byte;
            at += byte == '\'';
        }
    }
    token->text = (wr_text){copy, used};
    if (valid_utf8_bytes(token->text) < used)
        return WR_RAISE(err, WR_INVALID, "the escapes of this text do not make valid UTF-8");
    advance(lexer, end + 1 - lexer->at);
    return WR_OK;
}

/* X'..' with lexer->at on the quote; the token's text is PostgreSQL's \x form. */
static wr_status scan_hex_string(wr_lexer *lexer, wr_token *token, wr_error *err)
{
    char *copy;

    WR_TRY(scan_quoted(lexer, '\'', "text", token, err));
    for (size_t i = 0; i < token->text.byte_count; i++)
        if (digit_value(token->text.bytes[i]) > 15)
            return WR_RAISE(err, WR_INVALID, "'%c' is not a hexadecimal digit",
                            token->text.bytes[i] < 0x20 ? '?' : token->text.bytes[i]);
    if (token->text.byte_count % 2 != 0)
        return WR_RAISE(err, WR_INVALID, "X'..' needs an even number of digits");
    copy = wr_bump_alloc(lexer->bump, token->text.byte_count + 2, err);
    if (!copy)
        return WR_NO_MEMORY;
    copy[0] = '\\';
    copy[1] = 'x';
    for (size_t i = 0; i < token->text.byte_count; i++)
        copy[i + 2] = fold(token->text.bytes[i]);
    token->text = (wr_text){copy, token->text.byte_count + 2};
    token->kind = WR_TOKEN_HEX_STRING;
    return WR_OK;
}

/* $$..$$ or $tag$..$tag$ with lexer->at on the first '$'; false: it is not one. */
static bool find_dollar_tag(const wr_lexer *lexer, size_t *out_tag_bytes)
{
    size_t bytes = 1;

    if (wr_lexer_is_word_start(byte_at(lexer, bytes)))
        while (byte_at(lexer, bytes) != '$' && wr_lexer_is_word_part(byte_at(lexer, bytes)))
            bytes++;
    *out_tag_bytes = bytes + 1;
    return byte_at(lexer, bytes) == '$';
}

static wr_status scan_dollar_string(wr_lexer *lexer, size_t tag_bytes, wr_token *token,
                                    wr_error *err)
{
    wr_text     input = lexer->input;
    const char *tag = input.bytes + lexer->at;
    size_t      begin = lexer->at + tag_bytes;
    const char *end = begin <= input.byte_count
                          ? memmem(input.bytes + begin, input.byte_count - begin, tag, tag_bytes)
                          : NULL;

    if (!end)
        return WR_RAISE(err, WR_INVALID, "text is not closed: expected %.*s",
                        (int)(tag_bytes < 64 ? tag_bytes : 64), tag);
    token->kind = WR_TOKEN_STRING;
    token->text = (wr_text){input.bytes + begin, (size_t)(end - input.bytes) - begin};
    advance(lexer, (size_t)(end - input.bytes) + tag_bytes - lexer->at);
    return WR_OK;
}

/* --- numbers ----------------------------------------------------------------------------- */

/* Digits of `base` with single '_' between them, from `at` on; returns where they end. */
static size_t skip_digits(wr_text input, size_t at, unsigned base, size_t *io_separators)
{
    size_t begin = at;

    for (; at < input.byte_count; at++) {
        char c = input.bytes[at];

        if (digit_value(c) < base)
            continue;
        if (c == '_' && at > begin && at + 1 < input.byte_count &&
            digit_value(input.bytes[at + 1]) < base && input.bytes[at - 1] != '_')
            ++*io_separators;
        else
            break;
    }
    return at;
}

static size_t skip_prefixed(wr_text input, size_t at, size_t *io_separators)
{
    char     letter = at + 1 < input.byte_count ? fold(input.bytes[at + 1]) : '\0';
    unsigned base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    size_t   end;

    if (input.bytes[at] != '0' || base == 0)
        return at;
    end = skip_digits(input, at + 2, base, io_separators);
    return end > at + 2 ? end : at;
}

static size_t skip_decimal(wr_text input, size_t at, size_t *io_separators, wr_token_kind *out_kind)
{
    size_t end = skip_digits(input, at, 10, io_separators);

    *out_kind = WR_TOKEN_INTEGER;
    if (end < input.byte_count && input.bytes[end] == '.' &&
        !(end + 1 < input.byte_count && input.bytes[end + 1] == '.')) {
        *out_kind = WR_TOKEN_DECIMAL;
        end = skip_digits(input, end + 1, 10, io_separators);
    }
    if (end < input.byte_count && fold(input.bytes[end]) == 'e') {
        size_t digits = end + 1;

        if (digits < input.byte_count && (input.bytes[digits] == '+' || input.bytes[digits] == '-'))
            digits++;
        if (digits < input.byte_count && is_digit(input.bytes[digits])) {
            *out_kind = WR_TOKEN_FLOAT;
            end = skip_digits(input, digits, 10, io_separators);
        }
    }
    return end;
}

static wr_status scan_number(wr_lexer *lexer, wr_token *token, wr_error *err)
{
    wr_text input = lexer->input;
    size_t  begin = lexer->at, separators = 0, junk;
    size_t  end = skip_prefixed(input, begin, &separators);

    token->kind = WR_TOKEN_INTEGER;
    if (end == begin)
        end = skip_decimal(input, begin, &separators, &token->kind);
    for (junk = end; junk < input.byte_count && wr_lexer_is_word_part(input.bytes[junk]);)
        junk++;
    if (junk > end)
        return WR_RAISE(err, WR_INVALID, "malformed number '%.*s'",
                        (int)(junk - begin < 64 ? junk - begin : 64), input.bytes + begin);
    token->text = (wr_text){input.bytes + begin, end - begin};
    if (separators > 0) {
        char  *copy = wr_bump_alloc(lexer->bump, end - begin - separators, err);
        size_t used = 0;

        if (!copy)
            return WR_NO_MEMORY;
        for (size_t i = begin; i < end; i++)
            if (input.bytes[i] != '_')
                copy[used++] = input.bytes[i];
        token->text = (wr_text){copy, used};
    }
    advance(lexer, end - begin);
    return WR_OK;
}

/* --- words and operators ----------------------------------------------------------------- */

static wr_status scan_word(wr_lexer *lexer, wr_token *token, wr_error *err)
{
    char   first = fold(byte_at(lexer, 0));
    size_t bytes = 0;

    if (byte_at(lexer, 1) == '\'' && (first == 'e' || first == 'x')) {
        advance(lexer, 1);
        token->kind = WR_TOKEN_STRING;
        return first == 'e' ? scan_escaped_string(lexer, token, err)
                            : scan_hex_string(lexer, token, err);
    }
    while (wr_lexer_is_word_part(byte_at(lexer, bytes)))
        bytes++;
    token->kind = WR_TOKEN_WORD;
    token->text = (wr_text){lexer->input.bytes + lexer->at, bytes};
    token->keyword = wr_keyword_find(token->text);
    advance(lexer, bytes);
    return WR_OK;
}

/* Longer spellings before their beginnings. */
static const struct {
    const char   *spelling;
    wr_token_kind kind;
    wr_ast_op     op;
} SYMBOLS[] = {
    {"!~*", WR_TOKEN_OPERATOR, WR_OP_NOT_REGEX_NOCASE},
    {"!~", WR_TOKEN_OPERATOR, WR_OP_NOT_REGEX},
    {"!=", WR_TOKEN_OPERATOR, WR_OP_NE},
    {"!", WR_TOKEN_OPERATOR, WR_OP_NOT},
    {"~*", WR_TOKEN_OPERATOR, WR_OP_REGEX_NOCASE},
    {"~", WR_TOKEN_OPERATOR, WR_OP_REGEX},
    {"<>", WR_TOKEN_OPERATOR, WR_OP_NE},
    {"<=", WR_TOKEN_OPERATOR, WR_OP_LE},
    {"<<", WR_TOKEN_OPERATOR, WR_OP_SHIFT_LEFT},
    {"<", WR_TOKEN_OPERATOR, WR_OP_LT},
    {">=", WR_TOKEN_OPERATOR, WR_OP_GE},
    {">>", WR_TOKEN_OPERATOR, WR_OP_SHIFT_RIGHT},
    {">", WR_TOKEN_OPERATOR, WR_OP_GT},
    {"==", WR_TOKEN_OPERATOR, WR_OP_EQ},
    {"=", WR_TOKEN_OPERATOR, WR_OP_EQ},
    {"||", WR_TOKEN_OPERATOR, WR_OP_CONCAT},
    {"|", WR_TOKEN_OPERATOR, WR_OP_BIT_OR},
    {"&&", WR_TOKEN_OPERATOR, WR_OP_AND},
    {"&", WR_TOKEN_OPERATOR, WR_OP_BIT_AND},
    {"#", WR_TOKEN_OPERATOR, WR_OP_BIT_XOR},
    {"+", WR_TOKEN_OPERATOR, WR_OP_ADD},
    {"->", WR_TOKEN_ARROW, WR_OP_NONE},
    {"-", WR_TOKEN_OPERATOR, WR_OP_SUB},
    {"*", WR_TOKEN_OPERATOR, WR_OP_MUL},
    {"/", WR_TOKEN_OPERATOR, WR_OP_DIV},
    {"%", WR_TOKEN_OPERATOR, WR_OP_MOD},
    {"^", WR_TOKEN_OPERATOR, WR_OP_POW},
    {"::", WR_TOKEN_CAST, WR_OP_NONE},
    {":=", WR_TOKEN_ASSIGN, WR_OP_NONE},
    {":", WR_TOKEN_COLON, WR_OP_NONE},
    {"(", WR_TOKEN_OPEN, WR_OP_NONE},
    {")", WR_TOKEN_CLOSE, WR_OP_NONE},
    {"[", WR_TOKEN_OPEN_LIST, WR_OP_NONE},
    {"]", WR_TOKEN_CLOSE_LIST, WR_OP_NONE},
    {"{", WR_TOKEN_OPEN_BRACE, WR_OP_NONE},
    {"}", WR_TOKEN_CLOSE_BRACE, WR_OP_NONE},
    {",", WR_TOKEN_COMMA, WR_OP_NONE},
    {".", WR_TOKEN_DOT, WR_OP_NONE},
};

static void scan_symbol(wr_lexer *lexer, wr_token *token)
{
    size_t bytes = 1;

    token->kind = WR_TOKEN_OTHER;
    for (size_t i = 0; i < sizeof SYMBOLS / sizeof SYMBOLS[0]; i++) {
        const char *spelling = SYMBOLS[i].spelling;
        size_t      length = 0;

        while (spelling[length] && spelling[length] == byte_at(lexer, length))
            length++;
        if (!spelling[length]) {
            token->kind = SYMBOLS[i].kind;
            token->op = SYMBOLS[i].op;
            bytes = length;
            break;
        }
    }
    token->text = (wr_text){lexer->input.bytes + lexer->at, bytes};
    advance(lexer, bytes);
}

static wr_status scan_token(wr_lexer *lexer, wr_token *token, wr_error *err)
{
    char   first = byte_at(lexer, 0);
    size_t tag_bytes;

    if (wr_lexer_is_word_start(first))
        return scan_word(lexer, token, err);
    if (is_digit(first) || (first == '.' && is_digit(byte_at(lexer, 1))))
        return scan_number(lexer, token, err);
    if (first == '\'') {
        token->kind = WR_TOKEN_STRING;
        return scan_quoted(lexer, '\'', "text", token, err);
    }
    if (first == '"' || first == '`') {
        token->kind = WR_TOKEN_QUOTED;
        WR_TRY(scan_quoted(lexer, first, "name", token, err));
        if (token->text.byte_count == 0)
            return WR_RAISE(err, WR_INVALID, "empty name: text is written in '..'");
        return WR_OK;
    }
    if (first == '$' && find_dollar_tag(lexer, &tag_bytes))
        return scan_dollar_string(lexer, tag_bytes, token, err);
    scan_symbol(lexer, token);
    return WR_OK;
}

wr_status wr_lexer_next(wr_lexer *lexer, wr_token *out_token, wr_error *err)
{
    *out_token = (wr_token){.kind = WR_TOKEN_END};
    WR_TRY(skip_blanks(lexer, out_token, err));
    out_token->place = lexer->place;
    out_token->begin = out_token->end = lexer->at;
    if (lexer->at >= lexer->input.byte_count)
        return WR_OK;
    WR_TRY(scan_token(lexer, out_token, err));
    out_token->end = lexer->at;
    return WR_OK;
}
