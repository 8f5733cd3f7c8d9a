/* csv.c — the format object and its options. */
#include "csv_priv.h"
#include "csv_write.h"
#include "types/parse.h"

static const char *const HEADERS[] = {"auto", "true", "false", NULL};
static const char *const RAGGED[] = {"error", "pad", NULL};

#define OPTION(field, kind_, fallback_, min_, max_, choices_, help_)                               \
    {                                                                                              \
        .name = #field, .kind = (kind_), .offset = offsetof(csv_read_options, field),              \
        .fallback = (fallback_), .min = (min_), .max = (max_), .choices = (choices_),              \
        .help = (help_)                                                                            \
    }

const wr_option_def WR_CSV_READ_OPTIONS[] = {
    OPTION(delimiter, WR_OPTION_CHAR, "auto", 0, 0, NULL,
           "byte between fields; found out from a sample (comma, semicolon, tab, bar) by default; "
           "none: every line is one field"),
    OPTION(quote, WR_OPTION_CHAR, "auto", 0, 0, NULL,
           "byte around fields that hold delimiters or newlines; found out by default; none: no "
           "quoting"),
    OPTION(escape, WR_OPTION_CHAR, "auto", 0, 0, NULL,
           "byte that makes the next delimiter, quote, newline or escape ordinary; found out when "
           "not given, usually the quote itself (doubled quotes)"),
    OPTION(header, WR_OPTION_ENUM, "auto", 0, 0, HEADERS,
           "does the first record name the columns? Without it they are column1, column2 and so on"),
    OPTION(comment, WR_OPTION_CHAR, "none", 0, 0, NULL, "lines that begin with this byte are skipped"),
    OPTION(nulls, WR_OPTION_LIST, "", 0, 0, NULL,
           "unquoted texts that mean NULL; by default the empty one. Of types other than text, an "
           "empty field is NULL in any case"),
    OPTION(skip_rows, WR_OPTION_INT, "0", 0, INT64_MAX, NULL,
           "lines to skip at the start of every file, before the header"),
    OPTION(ragged, WR_OPTION_ENUM, "error", 0, 0, RAGGED,
           "rows with fewer fields than columns: error makes them bad rows, pad fills them with NULL; "
           "more fields are bad rows, but with pad empty ones too many are dropped"),
    OPTION(trim, WR_OPTION_BOOL, "false", 0, 0, NULL,
           "take blanks and tabs off both ends of unquoted text, and allow them around quotes; other "
           "types never mind them"),
    OPTION(decimal, WR_OPTION_CHAR, ".", 0, 0, NULL, "decimal point of numbers"),
    OPTION(thousands, WR_OPTION_CHAR, "none", 0, 0, NULL,
           "separator between groups of three digits of numbers"),
    OPTION(date_format, WR_OPTION_TEXT, NULL, 0, 0, NULL,
           "format of dates, such as %d.%m.%Y; ISO 8601 by default"),
    OPTION(timestamp_format, WR_OPTION_TEXT, NULL, 0, 0, NULL,
           "format of timestamps, such as %m/%d/%Y %H:%M:%S; ISO 8601 by default"),
    OPTION(true_words, WR_OPTION_LIST, NULL, 0, 0, NULL,
           "texts that mean true, in any case; by default true, t, yes, y, on, 1"),
    OPTION(false_words, WR_OPTION_LIST, NULL, 0, 0, NULL,
           "texts that mean false, in any case; by default false, f, no, n, off, 0"),
    OPTION(max_field, WR_OPTION_BYTES, "4294967295", 1, UINT32_MAX, NULL,
           "a row with a longer field is a bad row"),
    {0},
};

/* Before the user's options: what the ending of a path says. */
static void adjust(void *options, wr_text path)
{
    wr_text ending = {NULL, 0};

    path = wr_codec_strip_ending(path);
    for (size_t i = path.byte_count; i > 0 && path.bytes[i - 1] != '.' && path.bytes[i - 1] != '/'; i--)
        ending = (wr_text){path.bytes + i - 1, path.byte_count - i + 1};
    /* Both option structs begin with the delimiter. */
    if (wr_text_equal_nocase(ending, WR_TEXT("tsv")) || wr_text_equal_nocase(ending, WR_TEXT("tab")))
        *(int32_t *)options = '\t';
}

static wr_status check_time_format(const char *name, wr_text format, wr_error *err)
{
    wr_text unknown = wr_format_find_unknown(format);

    if (format.byte_count == 0)
        return WR_OK;
    if (unknown.byte_count > 0)
        return WR_RAISE(err, WR_INVALID, "%s: '%.*s' is no directive (known: %%Y %%m %%d %%H %%M %%S "
                        "%%f %%y %%b %%B %%e %%j %%a %%A %%p %%I %%z %%Z %%s %%T %%D %%F %%R %%%%)",
                        name, WR_TEXT_ARG(unknown));
    if (!memchr(format.bytes, '%', format.byte_count))
        return WR_RAISE(err, WR_INVALID, "%s: '%.*s' has no directives: write day, month and year "
                        "as %%d, %%m and %%Y", name, WR_TEXT_ARG(format));
    return WR_OK;
}

static bool is_number_byte(int32_t byte)
{
    return (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == 'e' || byte == 'E';
}

static wr_status check(const void *options_p, wr_error *err)
{
    const csv_read_options *o = options_p;

    if (o->decimal > 0 && o->decimal == o->thousands)
        return WR_RAISE(err, WR_INVALID, "decimal and thousands are the same byte '%c': "
                        "set both, such as decimal: \",\", thousands: \".\"", (char)o->decimal);
    if (is_number_byte(o->decimal) || is_number_byte(o->thousands))
        return WR_RAISE(err, WR_INVALID, "decimal and thousands cannot be digits or signs");
    WR_TRY(check_time_format("date_format", o->date_format, err));
    return check_time_format("timestamp_format", o->timestamp_format, err);
}

static const wr_format_reader_ops READER = {
    .check = check,
    .file_bytes = sizeof(csv_file),
    .split_bytes = sizeof(csv_split),
    .infer = wr_csv_infer,
    .file_lease_min = wr_csv_file_lease_min,
    .split_lease_min = wr_csv_split_lease_min,
    .file_open = wr_csv_file_open,
    .split_init = wr_csv_split_init,
    .next_split = wr_csv_next_split,
    .split_read = wr_csv_split_read,
    .describe_row = wr_csv_describe_row,
};

extern const wr_format wr_format_csv;

const wr_format wr_format_csv = {
    .struct_bytes = sizeof(wr_format),
    .name = "csv",
    .summary = "text with delimiters: CSV, TSV and their relatives",
    .endings = "csv tsv tab txt",
    .read_options = WR_CSV_READ_OPTIONS,
    .read_options_bytes = sizeof(csv_read_options),
    .write_options = WR_CSV_WRITE_OPTIONS,
    .write_options_bytes = sizeof(csv_write_options),
    .adjust = adjust,
    .reader = &READER,
    .writer = &WR_CSV_WRITER,
};
