/* csv_random_test.c — the CSV reader against a naive parser, on text made of the bytes that matter.
 *
 * The naive parser below is written straight from the rules at the top of csv_priv.h, by recursive
 * descent over the whole text; it shares no code with the reader. Every text is read with random
 * chunk sizes, batch sizes and builds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "csv_priv.h"
#include "spi/format_fixture.h"

extern const wr_format wr_format_csv;

enum { COLUMNS = 3, TEXT_MAX = 300, DIALECTS = 150, ROUNDS = 200 };

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* ---- The naive parser --------------------------------------------------------------------------- */

typedef struct naive {
    const char  *text;
    size_t       at, end;
    size_t       unclosed; /* behind the quote that is never closed, or 0 */
    char         escape, comment; /* 0: none */
    bool         trim, pad;
    fixture_text rows, rejects;   /* good rows; first lines of bad ones */
} naive;

static bool is_end(const naive *n, size_t at)
{
    return at >= n->end || n->text[at] == '\n' ||
           (n->text[at] == '\r' && at + 1 < n->end && n->text[at + 1] == '\n') ||
           (n->text[at] == '\r' && at + 1 == n->end);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static bool is_special(const naive *n, char byte)
{
    return byte == ',' || byte == '"' || byte == '\n' || byte == n->escape;
}

/* Does an escape here make the next byte ordinary? */
static bool escapes(const naive *n, size_t at)
{
    return n->escape && n->text[at] == n->escape && at + 1 < n->end &&
           is_special(n, n->text[at + 1]);
}

/* Text up to a separator, whatever is in it. */
static void parse_plain(naive *n, fixture_text *value)
{
    while (!is_end(n, n->at) && n->text[n->at] != ',') {
        n->at += escapes(n, n->at);
        fixture_add(value, n->text + n->at++, 1);
    }
}

static void parse_quoted(naive *n, fixture_text *value, bool *out_closed)
{
    size_t open = n->at + 1;

    *out_closed = false;
    for (n->at++; n->at < n->end; n->at++) {
        if (escapes(n, n->at)) {
            n->at++;
        } else if (n->text[n->at] == '"') {
            if (n->at + 1 < n->end && n->text[n->at + 1] == '"') {
                n->at++;
            } else {
                n->at++;
                *out_closed = true;
                return;
            }
        }
        fixture_add(value, n->text + n->at, 1);
    }
    n->unclosed = open;
}

/* One field; false: its quoting is broken. */
static bool parse_field(naive *n, fixture_text *value, bool *out_quoted)
{
    bool closed;

    fixture_clear(value);
    if (n->trim) {
        while (n->at < n->end && is_blank(n->text[n->at]))
            n->at++;
    }
    *out_quoted = n->at < n->end && n->text[n->at] == '"';
    if (!*out_quoted) {
        parse_plain(n, value);
        while (n->trim && value->used > 0 && is_blank(value->bytes[value->used - 1]))
            value->bytes[--value->used] = '\0';
        return true;
    }
    parse_quoted(n, value, &closed);
    if (!closed)
        return false;
    while (n->trim && n->at < n->end && is_blank(n->text[n->at]))
        n->at++;
    if (is_end(n, n->at) || n->text[n->at] == ',')
        return true;
    parse_plain(n, value);
    return false;
}

static bool parse_record(naive *n, uint64_t line)
{
    size_t       start = n->at;
    fixture_text row = {0}, value = {0};
    unsigned     count = 0;
    bool         good = true, quoted, extra = false;
    char         number[32];

    fixture_clear(&row);
    for (;;) {
        good &= parse_field(n, &value, &quoted);
        if (count < COLUMNS) {
            fixture_add(&row, "|", count > 0);
            if (value.used == 0 && !quoted)
                fixture_add(&row, "~", 1);
            fixture_add(&row, value.bytes, value.used);
        } else {
            extra |= value.used > 0 || quoted;
        }
        count++;
        if (n->at >= n->end || n->text[n->at] != ',')
            break;
        n->at++;
    }
    for (unsigned i = count; i < COLUMNS; i++)
        fixture_add(&row, "|~", 2);
    if (n->pad ? count > COLUMNS && extra : count != COLUMNS)
        good = false;
    fixture_add(&row, "\n", 1);
    for (; start < n->unclosed; start++)
        line += n->text[start] == '\n';
    if (good)
        fixture_add(&n->rows, row.bytes, row.used);
    else
        fixture_add(&n->rejects, number,
                    (size_t)snprintf(number, sizeof number, "%llu\n", (unsigned long long)line));
    free(row.bytes);
    free(value.bytes);
    return good;
}

static void parse_naively(naive *n)
{
    uint64_t line = 1;

    fixture_clear(&n->rows);
    fixture_clear(&n->rejects);
    while (n->at < n->end) {
        size_t start = n->at;

        if (n->comment && n->text[n->at] == n->comment) {
            while (n->at < n->end && n->text[n->at] != '\n')
                n->at++;
        } else if (!is_end(n, n->at)) {
            parse_record(n, line);
        }
        n->at += n->at < n->end && n->text[n->at] == '\r';
        n->at += n->at < n->end && n->text[n->at] == '\n';
        for (; start < n->at; start++)
            line += n->text[start] == '\n';
    }
}

/* ---- Comparison --------------------------------------------------------------------------------- */

/* The line numbers of the rejects only: their text is looked at in csv_test.c. */
static void reject_lines(const fixture_scan *scan, fixture_text *out)
{
    fixture_clear(out);
    for (const char *at = scan->rejects.bytes; *at;) {
        const char *colon = strchr(at, ':');

        fixture_add(out, at, (size_t)(colon - at));
        fixture_add(out, "\n", 1);
        at = strstr(colon, "\x01\n");
        at += 2;
    }
}

/* Raw text may hold newlines: mark the end of each reject. */
static wr_status report_marked(void *self, const wr_reject *reject, wr_error *err)
{
    fixture_scan *scan = self;
    char          head[32];

    (void)err;
    fixture_add(&scan->rejects, head,
                (size_t)snprintf(head, sizeof head, "%llu:\x01\n", (unsigned long long)reject->line));
    return WR_OK;
}

static const char *const *make_options(naive *n, uint32_t *seed, const char **options)
{
    unsigned used = 0;

    options[used++] = "delimiter", options[used++] = ",";
    options[used++] = "quote", options[used++] = "\"";
    options[used++] = "escape", options[used++] = random_next(seed) % 3 ? "\"" : "\\";
    n->escape = *options[used - 1] == '\\' ? '\\' : 0;
    if (random_next(seed) % 4 == 0)
        options[used++] = "comment", options[used++] = "#", n->comment = '#';
    if (random_next(seed) % 4 == 0)
        options[used++] = "trim", options[used++] = "true", n->trim = true;
    if (random_next(seed) % 2 == 0)
        options[used++] = "ragged", options[used++] = "pad", n->pad = true;
    options[used] = NULL;
    return options;
}

static size_t make_soup(char *text, uint32_t *seed)
{
    static const char *const ALPHABETS[] = {"abcdefgh,\n", "ab,\"\n", "a,\"\n\r\\# ",
                                            "abcdefghijklmnop,\"\n"};
    const char *alphabet = ALPHABETS[random_next(seed) % 4];
    size_t      bytes = random_next(seed) % (random_next(seed) % 4 ? 60 : TEXT_MAX);

    for (size_t i = 0; i < bytes; i++)
        text[i] = alphabet[random_next(seed) % strlen(alphabet)];
    return bytes;
}

/* Text that is mostly as it should be, so that good rows come up too. */
static size_t make_table(char *text, uint32_t *seed)
{
    size_t used = 0;

    while (used < TEXT_MAX - 100 && random_next(seed) % 30) {
        for (unsigned c = 0; c < COLUMNS; c++) {
            bool     quoted = random_next(seed) % 3 == 0;
            unsigned length = random_next(seed) % 12;

            if (quoted)
                text[used++] = '"';
            for (unsigned i = 0; i < length; i++) {
                char byte = (quoted ? "ab,\n\"c" : "abc de")[random_next(seed) % 6];

                if (byte == '"')
                    text[used++] = '"';
                text[used++] = byte;
            }
            if (quoted)
                text[used++] = '"';
            if (c + 1 < COLUMNS)
                text[used++] = ',';
        }
        if (random_next(seed) % 8 == 0)
            text[used++] = '\r';
        text[used++] = '\n';
    }
    return used - (used > 0 && random_next(seed) % 4 == 0);
}

/* Where two texts part, for messages. */
static const char *tail_of(const char *text, const char *other)
{
    size_t same = 0;

    while (text[same] && text[same] == other[same])
        same++;
    return text + (same < 20 ? 0 : same - 20);
}

/* Read the text in four ways; each must give the naive parser's rows and rejects. */
static void compare(fixture_scan *scan, naive *n, uint32_t *seed, unsigned round)
{
    fixture_text lines = {0};
    wr_bump_mark mark = wr_bump_save(&scan->bump);

    parse_naively(n);
    for (uint32_t i = 0; i < 4; i++) {
        scan->request.chunk_bytes = i == 0 ? 4096 : 64 + random_next(seed) % 200;
        scan->request.batch_rows = i == 0 ? 1024 : 1 + random_next(seed) % 20;
        scan->request.count_rows = i % 2;
        scan->piece = i % 2 ? 1 + random_next(seed) % 100 : 0;
        wr_text_isa_plain = i % 3 == 2;
        fixture_clear(&scan->rows);
        fixture_clear(&scan->rejects);
        fixture_clear(&scan->scratch);
        scan->status = fixture_read(scan, n->text, n->end);
        wr_bump_rewind(&scan->bump, mark);
        if (scan->status != WR_OK)
            fail_msg("round %u: %s", round, scan->err.message);
        reject_lines(scan, &lines);
        if (strcmp(scan->rows.bytes, n->rows.bytes) != 0)
            fail_msg("round %u, chunk %u: text\n%.*s\nexpected ...\n%.60s\nfound ...\n%.60s", round,
                     scan->request.chunk_bytes, (int)n->end, n->text,
                     tail_of(n->rows.bytes, scan->rows.bytes),
                     tail_of(scan->rows.bytes, n->rows.bytes));
        if (strcmp(lines.bytes, n->rejects.bytes) != 0)
            fail_msg("round %u, chunk %u: text\n%.*s\nexpected rejects\n%s\nfound\n%s", round,
                     scan->request.chunk_bytes, (int)n->end, n->text, n->rejects.bytes,
                     lines.bytes);
    }
    free(lines.bytes);
}

/* Memory and dialect are set up once for many texts: that is what takes the time. */
static void compare_many(uint32_t seed, size_t (*make)(char *text, uint32_t *seed))
{
    for (unsigned dialect = 0; dialect < DIALECTS; dialect++) {
        naive        n = {0};
        const char  *options[16];
        fixture_scan scan = {.format = &wr_format_csv, .declared = "a Utf8, b Utf8, c Utf8",
                             .options = make_options(&n, &seed, options), .skip_bad = true};

        assert_int_equal(fixture_begin(&scan, "a,b,c\n", 6), WR_OK);
        ((csv_read_options *)scan.read_options)->header = CSV_HEADER_FALSE;
        scan.request.rejects.report = report_marked;
        for (unsigned round = 0; round < ROUNDS; round++) {
            char text[TEXT_MAX];

            n.text = text;
            n.at = n.unclosed = 0;
            n.end = make(text, &seed);
            compare(&scan, &n, &seed, dialect * ROUNDS + round);
        }
        fixture_free(&scan);
        free(n.rows.bytes);
        free(n.rejects.bytes);
    }
    wr_text_isa_plain = false;
}

static void byte_soup(void **state)
{
    (void)state;
    compare_many(777, make_soup);
}

static void random_tables(void **state)
{
    (void)state;
    compare_many(888, make_table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(byte_soup),
        cmocka_unit_test(random_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
