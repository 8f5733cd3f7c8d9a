/* csv_test.c — the CSV reader: RFC 4180, the real world, and every chunk size with the same answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "csv_priv.h"
#include "spi/format_fixture.h"

extern const wr_format wr_format_csv;

typedef struct csv_case {
    const char *text;
    const char *rows;    /* expected */
    const char *schema;  /* expected; NULL: not looked at */
    const char *declared;
    const char *options[9];
    const char *rejects; /* expected; NULL: the scan must not meet a bad row */
} csv_case;

/* Run one case with one chunk size and one set of batch and build. */
static void run_case(const csv_case *c, size_t index, uint32_t chunk_bytes, uint32_t batch_rows,
                     size_t piece)
{
    fixture_scan scan = {.format = &wr_format_csv, .options = c->options, .declared = c->declared,
                         .chunk_bytes = chunk_bytes, .batch_rows = batch_rows, .piece = piece,
                         .skip_bad = c->rejects != NULL, .count_rows = true};

    if (fixture_run(&scan, c->text, strlen(c->text)) != WR_OK)
        fail_msg("case %zu, chunk %u: %s", index, chunk_bytes, scan.err.message);
    if (strcmp(scan.rows.bytes, c->rows) != 0)
        fail_msg("case %zu, chunk %u, batch %u: expected\n%s\nfound\n%s", index, chunk_bytes,
                 batch_rows, c->rows, scan.rows.bytes);
    if (c->schema && strcmp(scan.schema_text.bytes, c->schema) != 0)
        fail_msg("case %zu: expected schema\n%s\nfound\n%s", index, c->schema, scan.schema_text.bytes);
    if (c->rejects && strcmp(scan.rejects.bytes, c->rejects) != 0)
        fail_msg("case %zu, chunk %u: expected rejects\n%s\nfound\n%s", index, chunk_bytes,
                 c->rejects, scan.rejects.bytes);
    fixture_free(&scan);
}

/* Chunks from 64 bytes up, batches of one row up, both builds of the scan: one answer. */
static void run_cases(const csv_case *cases, size_t count)
{
    static const uint32_t CHUNKS[] = {64, 65, 67, 80, 100, 127, 128, 129, 200, 300, 1000, 65536};

    for (size_t i = 0; i < count; i++) {
        for (unsigned plain = 0; plain < 2; plain++) {
            wr_text_isa_plain = plain;
            for (size_t k = 0; k < sizeof CHUNKS / sizeof *CHUNKS; k++)
                run_case(&cases[i], i, CHUNKS[k], 1024, k % 3 == 0 ? 7 : 0);
            run_case(&cases[i], i, 65536, 1, 0);
            run_case(&cases[i], i, 65536, 3, 1);
        }
    }
    wr_text_isa_plain = false;
}

#define LONG "0123456789012345678901234567890123456789"

static void rfc_4180(void **state)
{
    static const csv_case CASES[] = {
        {"a,b,c\n1,2,3\n4,5,6\n", "1|2|3\n4|5|6\n", "a Int64, b Int64, c Int64"},
        {"a,b,c\r\n1,2,3\r\n4,5,6\r\n", "1|2|3\n4|5|6\n", "a Int64, b Int64, c Int64"},
        {"a,b,c\n1,2,3\n4,5,6", "1|2|3\n4|5|6\n", NULL},
        {"a,b\r\nx,\"one\r\ntwo\"\r\ny,\"z\"", "x|one\r\ntwo\ny|z\n", "a Utf8, b Utf8"},
        {"a,b\nx,\"say \"\"hi\"\"\"\ny,\"\"\"\"\n", "x|say \"hi\"\ny|\"\n", NULL},
        {"a,b\nx,\"1,2\"\ny,\"3;4\"\n", "x|1,2\ny|3;4\n", NULL},
        {"a,b\n\"" LONG "\",\"x" LONG "\n" LONG "\"\n", LONG "|x" LONG "\n" LONG "\n", NULL},
        {"\"a\",\"b\"\n\"1\",\"2\"\n", "1|2\n", "a Int64, b Int64"},
        {"a,b\n\"\",\"\"\n,\n", "|\n~|~\n", "a Utf8, b Utf8", "a Utf8, b Utf8"},
    };

    (void)state;
    run_cases(CASES, sizeof CASES / sizeof *CASES);
}

static void the_real_world(void **state)
{
    static const csv_case CASES[] = {
        /* byte order mark, blank lines, blanks around numbers */
        {"\xef\xbb\xbf" "a,b\n1,x\n\n2,y\n\n\n", "1|x\n2|y\n", "a Int64, b Utf8"},
        {"a, b\n 1 , x \n 2,y\n", "1| x \n2|y\n", "a Int64, b Utf8"},
        {"a, b\n 1 , x \n 2,\"y\"\n", "1|x\n2|y\n", "a Int64, b Utf8", NULL, {"trim", "true"}},
        /* carriage returns alone end lines where there is no line feed */
        {"a,b\r1,x\r2,y\r", "1|x\n2|y\n", "a Int64, b Utf8"},
        {"a,b\n1,x\ry\n", "1|x\ry\n", NULL},
        /* quotes in the middle are bytes like others */
        {"a,b\n1,5\" pipe\n2,a\"b\"c\n3,\"q\"\n", "1|5\" pipe\n2|a\"b\"c\n3|q\n", "a Int64, b Utf8"},
        {"name,size\nbolt,\"3\"\"\"\nnut,5\"\nscrew,\"1,5\"\n", "bolt|3\"\nnut|5\"\nscrew|1,5\n", NULL},
        /* other delimiters are found */
        {"a;b;c\n1;x,y;2\n3;z;4\n", "1|x,y|2\n3|z|4\n", "a Int64, b Utf8, c Int64"},
        {"a\tb\n1\tx\n", "1|x\n", "a Int64, b Utf8"},
        {"a|b\n1|x\n", "1|x\n", "a Int64, b Utf8"},
        {"a,b\n1,\"x|y|z\"\n2,\"x|y|z\"\n", "1|x|y|z\n2|x|y|z\n", NULL},
        {"a,b\n1,x\n", "1|x\n", NULL, NULL, {"delimiter", ",", "quote", "none"}},
        {"a,b\n\"1,x\"\n", "\"1|x\"\n", NULL, "a Utf8, b Utf8", {"delimiter", ",", "quote", "none"}},
        {"one line, with a comma\nanother line\na third, with, two\nfour\nfive\n",
         "another line\na third, with, two\nfour\nfive\n", NULL},
        /* other quotes and escapes are found */
        {"a,b\n'1,5','x'\n'2,5','y'\n", "1,5|x\n2,5|y\n", NULL},
        {"a,b\n\"say \\\"hi\\\"\",1\n\"x\",2\n", "say \"hi\"|1\nx|2\n", "a Utf8, b Int64"},
        {"a,b\nx\\,y,1\nz\\\\,2\nC:\\dir,3\n", "x,y|1\nz\\|2\nC:\\dir|3\n", "a Utf8, b Int64", NULL,
         {"escape", "\\", "quote", "\""}},
        /* preambles and comments */
        {"made by x\nnothing here, really\na,b\n1,2\n", "1|2\n", "a Int64, b Int64", NULL,
         {"skip_rows", "2"}},
        {"# made by \"x\na,b\n#1,2\n3,4\n#5\n", "3|4\n", "a Int64, b Int64", NULL, {"comment", "#"}},
        {"#" LONG LONG LONG "\na,b\n3,\"#4\"\n#" LONG LONG "\n5,6\n", "3|#4\n5|6\n", NULL, NULL,
         {"comment", "#"}},
        /* headers */
        {"1,2\n3,4\n", "1|2\n3|4\n", "column1 Int64, column2 Int64"},
        {"a,b\n", "", "a Null, b Null"},
        {"a,,a,A\n1,2,3,4\n", "1|2|3|4\n", "a Int64, column2 Int64, a_2 Int64, A Int64"},
        {"a,a_2,a\n1,2,3\n", "1|2|3\n", "a Int64, a_2 Int64, a_3 Int64"},
        {"x,y\nz,w\n", "x|y\nz|w\n", "column1 Utf8, column2 Utf8", NULL, {"header", "false"}},
        {"1,2\n3,4\n", "3|4\n", "1 Int64, 2 Int64", NULL, {"header", "true"}},
        /* one column: empty lines are records */
        {"a\n1\n\n3\n", "1\n~\n3\n", "a Int64"},
        {"a\r\nx\r\n\r\ny\r\n", "x\n~\ny\n", "a Utf8"},
        /* NULLs */
        {"a,b\n1,NA\nNA,x\n3,\"NA\"\n", "1|~\n~|x\n3|NA\n", "a Int64, b Utf8", NULL,
         {"nulls", "NA", "nulls", "-"}},
        {"a,b\n1,NA\n,\n", "1|~\n~|\n", "a Int64, b Utf8", "b Utf8", {"nulls", "NA"}},
        /* short and long rows */
        {"a,b,c\n1\n1,2,3\n1,2,3,,\n", "1|~|~\n1|2|3\n1|2|3\n", NULL, NULL, {"ragged", "pad"}},
    };

    (void)state;
    run_cases(CASES, sizeof CASES / sizeof *CASES);
}

static void types_are_inferred(void **state)
{
    static const csv_case CASES[] = {
        {"b,i,f,d,t,ts,s\ntrue,1,1.5,2026-01-31,12:34:56,2026-01-31 12:34:56,x\n"
         "FALSE,-2,2,2026-02-01,01:02,2026-02-01T00:00:00.25,y\n",
         "true|1|1.5|2026-01-31|12:34:56|2026-01-31 12:34:56|x\n"
         "false|-2|2|2026-02-01|01:02:00|2026-02-01 00:00:00.25|y\n",
         "b Boolean, i Int64, f Float64, d Date32, t Time(us), ts Timestamp(us), s Utf8"},
        {"zip,phone,big\n01234,+491234,12345678901234567890\n99999,+1,1\n",
         "01234|+491234|12345678901234567890\n99999|+1|1\n", "zip Utf8, phone Utf8, big Utf8"},
        {"z,n\n2026-01-31T12:00:00Z,2026-01-31 12:00:00.123456789\n"
         "2026-01-31T12:00:00+01:00,2026-01-31 12:00:00\n",
         "2026-01-31 12:00:00+00|2026-01-31 12:00:00.123456789\n"
         "2026-01-31 11:00:00+00|2026-01-31 12:00:00\n",
         "z Timestamp(us, UTC), n Timestamp(ns)"},
        {"a,b\n1,2026-01-01\n1.5,2026-01-01 10:00\n", "1|2026-01-01 00:00:00\n1.5|2026-01-01 10:00:00\n",
         "a Float64, b Timestamp(us)"},
        {"a,b\n0,1e5\n-0,0.5\n,-7\n", "0|100000\n0|0.5\n~|-7\n", "a Int64, b Float64"},
        {"a,b\n1,x\n\"2\",\"3\"\n", "1|x\n2|3\n", "a Int64, b Utf8"},
    };

    (void)state;
    run_cases(CASES, sizeof CASES / sizeof *CASES);
}

static void spellings_can_be_set(void **state)
{
    static const csv_case CASES[] = {
        {"a;b;c\n1,5;1.234,5;1.234.567\n-0,25;-999,75;12\n", "1.5|1234.5|1234567\n-0.25|-999.75|12\n",
         "a Float64, b Float64, c Int64", NULL,
         {"decimal", ",", "thousands", ".", "delimiter", ";"}},
        {"a;b\n1,50;2,5\n", "1.50|2.500\n", NULL, "a Decimal(10, 2), b Decimal(10, 3)",
         {"decimal", ",", "delimiter", ";"}},
        {"d,t\n31.01.2026,01/31/2026 23:59\n", "2026-01-31|2026-01-31 23:59:00\n",
         "d Date32, t Timestamp(us)", NULL,
         {"date_format", "%d.%m.%Y", "timestamp_format", "%m/%d/%Y %H:%M"}},
        {"a,b\nja,1\nNein,0\n", "true|1\nfalse|0\n", "a Boolean, b Int64", NULL,
         {"true_words", "ja", "false_words", "nein"}},
        {"a,b\n1,yes\n0,n\n", "true|true\nfalse|false\n", NULL, "a Boolean, b Boolean"},
        {"u,b,i\n6ba7b810-9dad-11d1-80b4-00c04fd430c8,\\x00ff,1 day\n",
         "6ba7b810-9dad-11d1-80b4-00c04fd430c8|\xff\x01|1 day\n", NULL,
         "u Uuid, b Utf8, i Interval", {"header", "true"}, NULL},
        {"a,b,c\n255,-128,3.25\n", "255|-128|3.25\n", NULL, "a UInt8, b Int8, c Float32"},
    };

    (void)state;
    run_cases(CASES, 5);
    run_cases(CASES + 6, 1);
}

static void binary_is_hexadecimal(void **state)
{
    fixture_scan scan = {.format = &wr_format_csv, .declared = "a Binary, b Int64"};
    const char   text[] = "a,b\n\\x00ff,1\n\"\\x6869\",2\nplain,3\n\\x,4\n";

    (void)state;
    assert_int_equal(fixture_run(&scan, text, strlen(text)), WR_OK);
    assert_int_equal(scan.rows.used, 21);
    assert_memory_equal(scan.rows.bytes, "\x00\xff|1\nhi|2\nplain|3\n|4\n", 21);
    fixture_free(&scan);
}

static void bad_rows_are_told(void **state)
{
    static const csv_case CASES[] = {
        {"a,b\n1,x\nabc,y\n3,z\n", "1|x\n3|z\n", NULL, "a Int64", {0},
         "3:8:a:cannot read 'abc' as Int64:abc,y\n"},
        {"a,b\n1,x\n2\n3,z,4\n5,w\n", "1|x\n5|w\n", NULL, NULL, {0},
         "3:8::expected 2 fields, found 1:2\n4:10::expected 2 fields, found 3:3,z,4\n"},
        {"a,b\n1,x\n2,\xff\n3,\xc3\xa4\n", "1|x\n3|\xc3\xa4\n", NULL, NULL, {0},
         "3:8::invalid UTF-8 (is it another encoding, such as latin1?):2,\xff\n"},
        {"a,b\n1,\"x\"y\n2,\"z\"\n", "2|z\n", NULL, NULL, {0},
         "2:4:b:text behind the closing quote:1,\"x\"y\n"},
        {"a,b\n\"1\n\n\",x\ny,2\n3,\"w\"\n", "1|x\n3|w\n", NULL, "a Int64, b Utf8", {0},
         "5:12:a:cannot read 'y' as Int64:y,2\n"},
        {"a,b\r\n300,x\r\n1,y\r\n", "1|y\n", NULL, "a UInt8", {0},
         "2:5:a:cannot read '300' as UInt8:300,x\n"},
        {"a,b\n1,x\n2,toolong\n3,y\n", "1|x\n3|y\n", NULL, NULL, {"max_field", "5"},
         "3:8:b:a field is longer than max_field (5 bytes):2,toolong\n"},
        {"a,b\n1,x\n2,\"never\nclosed\n", "1|x\n", NULL, "a Int64, b Utf8", {0},
         "3:8::the quote that opens here is never closed:2,\"never\nclosed\n\n"},
        {"a,b\n1,x\n2,\"" LONG "\n" LONG "\n\n,\"", "1|x\n2|" LONG "\n" LONG "\n\n,\n", NULL, NULL,
         {0}, ""},
        {"a,b\n\\xzz,1\n\\x00,2\n\\x0,3\n", NULL, NULL, "a Binary, b Int64", {0},
         "2:4:a:cannot read '\\xzz' as Binary:\\xzz,1\n4:18:a:cannot read '\\x0' as Binary:\\x0,3\n"},
    };

    (void)state;
    run_cases(CASES, sizeof CASES / sizeof *CASES - 1);

    fixture_scan scan = {.format = &wr_format_csv, .declared = "a Binary, b Int64", .skip_bad = true};
    const csv_case *last = &CASES[sizeof CASES / sizeof *CASES - 1];
    assert_int_equal(fixture_run(&scan, last->text, strlen(last->text)), WR_OK);
    assert_string_equal(scan.rejects.bytes, last->rejects);
    fixture_free(&scan);
}

static void projections_give_the_same_values(void **state)
{
    static const char TEXT[] = "a,b,c,d\n1,x,\"2,\n3\",4\n5,\"y\"\"\",6,7\n8,,9,10\n";
    static const struct {
        const char *wanted, *rows;
    } CASES[] = {
        {"0,1,2,3", "1|x|2,\n3|4\n5|y\"|6|7\n8|~|9|10\n"},
        {"3,0", "4|1\n7|5\n10|8\n"},
        {"2", "2,\n3\n6\n9\n"},
        {"", "\n\n\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        for (uint32_t chunk = 64; chunk < 70; chunk++) {
            fixture_scan scan = {.format = &wr_format_csv, .wanted = CASES[i].wanted,
                                 .chunk_bytes = chunk, .count_rows = true};

            assert_int_equal(fixture_run(&scan, TEXT, strlen(TEXT)), WR_OK);
            assert_string_equal(scan.rows.bytes, CASES[i].rows);
            assert_int_equal(scan.row_count_told, 3);
            fixture_free(&scan);
        }
    }
}

static void long_values_become_blobs(void **state)
{
    enum { LONG_BYTES = 300000 };
    char        *text = malloc(2 * LONG_BYTES + 1000);
    char        *value = malloc(LONG_BYTES);
    size_t       used = 0, rows_used;
    char        *rows = malloc(2 * LONG_BYTES + 1000);
    fixture_scan scan = {.format = &wr_format_csv, .chunk_bytes = 1000,
                         .declared = "a Int64, b Utf8, c Utf8"};

    (void)state;
    used += (size_t)snprintf(text + used, 64, "a,b,c\n1,\"");
    for (size_t i = 0; i < LONG_BYTES; i++) {
        value[i] = (char)("abcdefgh,\n\"xyz"[i * 7 % 13]);
        if (value[i] == '"')
            text[used++] = '"';
        text[used++] = value[i];
    }
    used += (size_t)snprintf(text + used, 64, "\",a middling value\n2,short,end\n");
    rows_used = (size_t)snprintf(rows, 64, "1|");
    memcpy(rows + rows_used, value, LONG_BYTES);
    rows_used += LONG_BYTES;
    strcpy(rows + rows_used, "|a middling value\n2|short|end\n");

    assert_int_equal(fixture_run(&scan, text, used), WR_OK);
    assert_int_equal(scan.blob_count, 1);
    assert_string_equal(scan.rows.bytes, rows);
    fixture_free(&scan);

    scan = (fixture_scan){.format = &wr_format_csv, .chunk_bytes = 1000, .no_scratch = true};
    assert_int_equal(fixture_run(&scan, text, used), WR_NO_MEMORY);
    assert_non_null(strstr(scan.err.message, "data.csv:2: a record of more than 1000 bytes"));
    fixture_free(&scan);

    scan = (fixture_scan){.format = &wr_format_csv, .chunk_bytes = 1000, .no_scratch = true,
                          .wanted = "2,0"};
    assert_int_equal(fixture_run(&scan, text, used), WR_OK);
    assert_string_equal(scan.rows.bytes, "a middling value|1\nend|2\n");
    fixture_free(&scan);
    free(text);
    free(value);
    free(rows);
}

/* Records longer than a chunk, in the smaller chunks, are read by another piece of code. */
static void long_records_are_read_like_short_ones(void **state)
{
    static const csv_case CASES[] = {
        {"a,b\n\v \f," LONG LONG "\n", "~|" LONG LONG "\n", NULL, "a Int64, b Utf8"},
        {"a,b\n NA ,\"" LONG LONG "\"\n", "~|" LONG LONG "\n", NULL, "a Int64, b Utf8",
         {"nulls", "NA"}},
        {"a,b\n1,\\x4a4b4c4d4e4f505152535455565758594a4b4c4d4e4f505152535455565758594A\n",
         "1|JKLMNOPQRSTUVWXYJKLMNOPQRSTUVWXYJ\n", NULL, "a Int64, b Binary"},
        {"a,b,c\nabcdefghijklmnopqrstuvwxyz,\\x4a4b4c4d4e4f50515253," LONG "\n",
         "abcdefghijklmnopqrstuvwxyz|JKLMNOPQRS|" LONG "\n", NULL, "a Utf8, b Binary, c Utf8"},
        {"a,b\n\\x4a4b4c," LONG LONG "\n", "JKL|" LONG LONG "\n", NULL, "a Binary, b Utf8"},
        {"a,b,c\n" LONG LONG ",\n", LONG LONG "||~\n", NULL, "a Utf8, b Utf8, c Utf8",
         {"ragged", "pad", "nulls", "NA"}},
    };
    static const csv_case BAD = {"a,b\n\\x" LONG LONG "0,1\n\\x" LONG "z0" LONG ",2\n\\x,3\n",
                                 "|3\n", NULL, "a Binary, b Int64"};

    (void)state;
    run_cases(CASES, sizeof CASES / sizeof *CASES);
    for (uint32_t chunk_bytes = 64; chunk_bytes < 5000; chunk_bytes += 7) {
        fixture_scan scan = {.format = &wr_format_csv, .declared = BAD.declared, .skip_bad = true,
                             .chunk_bytes = chunk_bytes};

        assert_int_equal(fixture_run(&scan, BAD.text, strlen(BAD.text)), WR_OK);
        assert_string_equal(scan.rows.bytes, BAD.rows);
        fixture_free(&scan);
    }
}

/* The window ends anywhere, also one byte behind a field that fills the half that may be kept. */
static void short_values_are_never_blobs(void **state)
{
    static const char *const TAILS[] = {"z", "zy", "zyxwvutsrqp", "zyxwvutsrqponml", "\\,\\\\", ""};
    static const char *const ENDS[] = {"\n", "\r\n", ""};
    static const char *const OPTIONS[] = {"escape", "\\", "quote", "\"", NULL};
    char                     text[256], rows[256];

    (void)state;
    for (size_t i = 0; i < 6 * 3 * 40 * 40; i++) {
        const char  *tail = TAILS[i % 6], *end = ENDS[i / 6 % 3];
        int          first = (int)(i / 18 % 40), second = (int)(i / 18 / 40);
        fixture_scan scan = {.format = &wr_format_csv, .declared = "a Utf8, b Utf8, c Utf8, d Utf8",
                             .options = OPTIONS, .wanted = "1,2", .chunk_bytes = 64};

        snprintf(text, sizeof text, "a,b,c,d\n%.*s,%.*s,%s,%s%s", first, LONG, second, LONG, tail,
                 second % 2 ? "" : LONG LONG, end);
        snprintf(rows, sizeof rows, "%.*s|%s\n", second, second ? LONG : "", i % 6 == 4 ? ",\\" : tail);
        if (fixture_run(&scan, text, strlen(text)) != WR_OK)
            fail_msg("%s: %s", text, scan.err.message);
        for (char *at = scan.rows.bytes; *at; at++)
            if (*at == '~')
                memmove(at, at + 1, strlen(at));
        if (strcmp(scan.rows.bytes, rows) != 0)
            fail_msg("%s: expected %s, found %s", text, rows, scan.rows.bytes);
        fixture_free(&scan);
    }
}

static void a_quote_that_never_closes_is_found_in_bounded_memory(void **state)
{
    enum { BYTES = 1 << 20 };
    char        *text = malloc(BYTES);
    size_t       used = (size_t)snprintf(text, 64, "a,b\n1,x\n2,\"open\n");
    fixture_scan scan = {.format = &wr_format_csv, .chunk_bytes = 4096};

    (void)state;
    while (used < BYTES)
        used += (size_t)snprintf(text + used, BYTES - used, "3,more text\n");
    assert_int_equal(fixture_run(&scan, text, BYTES - 1), WR_DATA);
    assert_string_equal(scan.err.message, "data.csv:3: the quote that opens here is never closed");
    fixture_free(&scan);

    const char *const options[] = {"max_field", "10000", NULL};
    scan = (fixture_scan){.format = &wr_format_csv, .chunk_bytes = 4096, .options = options};
    assert_int_equal(fixture_run(&scan, text, BYTES - 1), WR_DATA);
    assert_true(scan.scratch.used < 20000);
    fixture_free(&scan);
    free(text);
}

static void wide_rows(void **state)
{
    enum { COLUMNS = 10000 };
    fixture_text text = {0};
    fixture_scan scan = {.format = &wr_format_csv, .batch_rows = 4, .wanted = "0,9999,5000"};
    char         buffer[32];

    (void)state;
    for (int row = 0; row < 4; row++) {
        for (int c = 0; c < COLUMNS; c++)
            fixture_add(&text, buffer,
                        (size_t)snprintf(buffer, sizeof buffer, row ? "%s%d" : "%sname%d",
                                         c ? "," : "", c * row));
        fixture_add(&text, "\n", 1);
    }
    if (fixture_run(&scan, text.bytes, text.used) != WR_OK)
        fail_msg("%s", scan.err.message);
    assert_string_equal(scan.rows.bytes, "0|9999|5000\n0|19998|10000\n0|29997|15000\n");
    fixture_free(&scan);
    free(text.bytes);
}

static void errors_in_files(void **state)
{
    static const struct {
        const char *text, *declared, *message;
        const char *options[5];
        wr_status   status;
    } CASES[] = {
        {"\xff\xfe" "a", NULL, "UTF-16", {0}, WR_DATA},
        {"a,b\n1,2\n", "a Int64, x Int64", "the header has no column 'x'", {0}, WR_DATA},
        {"1,2\n3,4\n", "a Int64, b Int64, c Int64", "the schema has 3 columns, the first record 2",
         {0}, WR_DATA},
        {"a,b\n1,2\n", NULL, "the delimiter must differ", {"delimiter", "\""}, WR_INVALID},
        {"a,b\n1,2\n", NULL, "unknown option 'delimitr' (did you mean 'delimiter'?)",
         {"delimitr", ","}, WR_INVALID},
        {"a,b\n1,x\n", "a Int64, b Int64", "data.csv:2: column 'b': cannot read 'x' as Int64", {0},
         WR_DATA},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        fixture_scan scan = {.format = &wr_format_csv, .declared = CASES[i].declared,
                             .options = CASES[i].options};

        assert_int_equal(fixture_run(&scan, CASES[i].text, strlen(CASES[i].text)), CASES[i].status);
        if (!strstr(scan.err.message, CASES[i].message))
            fail_msg("expected '%s' in '%s'", CASES[i].message, scan.err.message);
        fixture_free(&scan);
    }
}

static void empty_files_with_a_schema_have_no_rows(void **state)
{
    static const char *const TEXTS[] = {"", "\n", "\xef\xbb\xbf", "a,b\n", "a,b"};

    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        fixture_scan scan = {.format = &wr_format_csv, .declared = "a Int64, b Utf8"};

        assert_int_equal(fixture_run(&scan, TEXTS[i], strlen(TEXTS[i])), WR_OK);
        assert_string_equal(scan.rows.bytes, "");
        fixture_free(&scan);
    }
}

/* Infer from one text, read another, as a scan of several files does. */
static wr_status read_second(fixture_scan *scan, const char *first, const char *second)
{
    assert_int_equal(fixture_begin(scan, first, strlen(first)), WR_OK);
    scan->status = fixture_read(scan, second, strlen(second));
    return scan->status;
}

static void later_files_are_matched_by_name(void **state)
{
    static const struct {
        const char *first, *second, *rows, *message;
        const char *options[3];
    } CASES[] = {
        {"a,b\n1,x\n", "b,a\ny,2\n", "2|y\n", NULL, {0}},
        {"a,b\n1,x\n", "A,B\n2,y\n", "2|y\n", NULL, {0}},
        {"a,b\n1,x\n", "", "", NULL, {0}},
        {"a,b\n1,x\n", "a,b", "", NULL, {0}},
        {"a,b\n1,x\n", "a\n2\n", NULL, "no column 'b'", {0}},
        {"a,b\n1,x\n", "a\n2\n", "2|~\n", NULL, {"ragged", "pad"}},
        {"a,b\n1,x\n", "a,b,c\n2,y,z\n", NULL, "a column 'c' that is not in the schema", {0}},
        {"a,a,\n1,2,3\n", "a,a,\n4,5,6\n", "4|5|6\n", NULL, {0}},
        {"a,b\n1,x\n", "a,a\n2,3\n", NULL, "twice", {0}},
        {"a,b\n1,x\n", "\"b\",\"a\"\r\n\"y\",2\r\n", "2|y\n", NULL, {0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        fixture_scan scan = {.format = &wr_format_csv, .options = CASES[i].options};
        wr_status    status = read_second(&scan, CASES[i].first, CASES[i].second);

        if (CASES[i].rows) {
            if (status != WR_OK)
                fail_msg("case %zu: %s", i, scan.err.message);
            assert_string_equal(scan.rows.bytes, CASES[i].rows);
        } else {
            assert_int_equal(status, WR_DATA);
            if (!strstr(scan.err.message, CASES[i].message))
                fail_msg("expected '%s' in '%s'", CASES[i].message, scan.err.message);
        }
        fixture_free(&scan);
    }
}

static void full_inference_sees_the_last_row(void **state)
{
    enum { ROWS = 60000 };
    fixture_text text = {0};
    char         buffer[64];

    (void)state;
    fixture_add(&text, "a,b,c\n", 6);
    for (int i = 0; i < ROWS; i++)
        fixture_add(&text, buffer,
                    (size_t)snprintf(buffer, sizeof buffer, "%d,%s,\"x,\n%d\"\n", i,
                                     i == ROWS - 1 ? "1.5" : "7", i));
    for (int full = 0; full < 2; full++) {
        fixture_scan scan = {.format = &wr_format_csv, .infer_full = full, .wanted = "1"};

        assert_int_equal(fixture_run(&scan, text.bytes, text.used), full ? WR_OK : WR_DATA);
        assert_string_equal(scan.schema_text.bytes,
                            full ? "a Int64, b Float64, c Utf8" : "a Int64, b Int64, c Utf8");
        if (full)
            assert_int_equal(scan.row_count, ROWS);
        fixture_free(&scan);
    }
    free(text.bytes);
}

static void tsv_files_are_tab_separated(void **state)
{
    fixture_scan scan = {.format = &wr_format_csv, .path = "x.tsv.gz"};

    (void)state;
    if (fixture_run(&scan, "a,b\tc\n1,2\t3\n", 12) != WR_OK)
        fail_msg("%s", scan.err.message);
    assert_string_equal(scan.rows.bytes, "1,2|3\n");
    fixture_free(&scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_4180),
        cmocka_unit_test(the_real_world),
        cmocka_unit_test(types_are_inferred),
        cmocka_unit_test(spellings_can_be_set),
        cmocka_unit_test(binary_is_hexadecimal),
        cmocka_unit_test(bad_rows_are_told),
        cmocka_unit_test(projections_give_the_same_values),
        cmocka_unit_test(long_values_become_blobs),
        cmocka_unit_test(long_records_are_read_like_short_ones),
        cmocka_unit_test(short_values_are_never_blobs),
        cmocka_unit_test(a_quote_that_never_closes_is_found_in_bounded_memory),
        cmocka_unit_test(wide_rows),
        cmocka_unit_test(errors_in_files),
        cmocka_unit_test(empty_files_with_a_schema_have_no_rows),
        cmocka_unit_test(later_files_are_matched_by_name),
        cmocka_unit_test(full_inference_sees_the_last_row),
        cmocka_unit_test(tsv_files_are_tab_separated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
