/* csv_sniff.c — which dialect is this? Try the usual ones on a sample and keep the best.
 *
 * A dialect is good if most records have the same number of fields, two or more; among equally good
 * ones the wider wins, then the more usual. Single quotes and backslash escapes are believed only
 * where the usual reading breaks and theirs does not. No delimiter splits half of the lines alike:
 * one column. Deterministic; reads SNIFF_BYTES, or two lines if they are longer. */
#include <string.h>

#include "csv_priv.h"

enum {
    SNIFF_BYTES = 64 * 1024,
    SNIFF_RECORDS = 500,
    COUNTED_MAX = 64, /* records with more fields are counted as one kind */
};

typedef struct trial {
    uint32_t record_count, usual_count; /* all; those with the usual number of fields */
    uint32_t field_count;               /* the usual number                           */
    uint32_t quoted_count, broken_count; /* fields                                    */
} trial;

static trial try_dialect(const csv_read_options *options, const uint8_t *sample,
                         uint32_t byte_count, bool at_end)
{
    csv_dialect dialect;
    csv_cursor  cursor = {.dialect = &dialect, .bytes = sample, .end = byte_count,
                          .at_end = at_end};
    uint32_t    histogram[COUNTED_MAX + 1] = {0};
    trial       result = {0};

    wr_csv_dialect_init(&dialect, options);
    while (result.record_count < SNIFF_RECORDS && wr_csv_cursor_record(&cursor, false)) {
        trial    before = result;
        uint32_t field_count = 0;

        do {
            csv_field field;

            if (!wr_csv_cursor_field(&cursor, &field)) {
                result = before;
                goto counted; /* the sample ends inside this record */
            }
            field_count++;
            result.quoted_count += field.quoted;
            result.broken_count += field.broken;
        } while (!cursor.is_last);
        histogram[field_count < COUNTED_MAX ? field_count : COUNTED_MAX]++;
        result.record_count++;
    }
counted:
    if (options->ragged == CSV_RAGGED_PAD) { /* shorter records are as usual as any */
        for (uint32_t i = 1; i <= COUNTED_MAX; i++)
            result.field_count = histogram[i] > 0 ? i : result.field_count;
        result.usual_count = result.record_count - histogram[1];
        return result;
    }
    for (uint32_t i = 1; i <= COUNTED_MAX; i++) {
        if (histogram[i] >= result.usual_count && histogram[i] > 0) {
            result.usual_count = histogram[i];
            result.field_count = i;
        }
    }
    return result;
}

/* Parts of a thousand of the records that are as usual, less what is broken. */
static int64_t score(const trial *t)
{
    if (t->record_count == 0 || t->field_count < 2)
        return 0;
    return 1000 * ((int64_t)t->usual_count - t->broken_count) / t->record_count;
}

static bool is_better(const trial *a, const trial *b)
{
    int64_t score_a = score(a), score_b = score(b);

    if (score_a != score_b)
        return score_a > score_b;
    return a->field_count > b->field_count && score_a > 0;
}

/* The best delimiter for this quote; sets it. */
static trial choose_delimiter(csv_read_options *options, const uint8_t *sample,
                              uint32_t byte_count, bool at_end)
{
    static const char CANDIDATES[] = {',', '\t', ';', '|'};
    trial             best = {0};
    int32_t           chosen = -1;

    if (options->delimiter != 0)
        return try_dialect(options, sample, byte_count, at_end);
    for (unsigned i = 0; i < sizeof CANDIDATES; i++) {
        trial t;

        options->delimiter = CANDIDATES[i];
        t = try_dialect(options, sample, byte_count, at_end);
        if (is_better(&t, &best)) {
            best = t;
            chosen = CANDIDATES[i];
        }
    }
    options->delimiter = score(&best) >= 500 ? chosen : -1;
    return best;
}

static bool holds(const uint8_t *sample, uint32_t byte_count, const char *text)
{
    return memmem(sample, byte_count, text, strlen(text)) != NULL;
}

static void choose_quote(csv_read_options *options, const uint8_t *sample, uint32_t byte_count,
                         bool at_end)
{
    csv_read_options single = *options;
    trial            usual, t;

    if (options->quote != 0) {
        choose_delimiter(options, sample, byte_count, at_end);
        return;
    }
    options->quote = '"';
    usual = choose_delimiter(options, sample, byte_count, at_end);
    if (usual.quoted_count > 0 || !holds(sample, byte_count, "'"))
        return;
    single.quote = '\'';
    t = choose_delimiter(&single, sample, byte_count, at_end);
    if (t.quoted_count >= 2 && t.broken_count == 0 && score(&t) >= score(&usual))
        *options = single;
}

/* `given` is what the user said: a delimiter that was found out may be another one with escapes. */
static void choose_escape(csv_read_options *options, const csv_read_options *given,
                          const uint8_t *sample, uint32_t byte_count, bool at_end)
{
    char             escaped_quote[3] = {'\\', (char)options->quote, '\0'};
    csv_read_options backslash = *options;
    trial            usual, t;

    if (options->escape != 0)
        return;
    options->escape = options->quote;
    if (options->quote < 0 || !holds(sample, byte_count, escaped_quote))
        return;
    backslash.escape = '\\';
    backslash.delimiter = given->delimiter;
    usual = try_dialect(options, sample, byte_count, at_end);
    t = choose_delimiter(&backslash, sample, byte_count, at_end);
    if (t.broken_count < usual.broken_count || score(&t) > score(&usual) ||
        (t.record_count > usual.record_count && t.broken_count == usual.broken_count))
        *options = backslash;
}

/* The length of the first two lines. */
static uint32_t two_lines(const uint8_t *sample, uint32_t byte_count, char newline)
{
    uint32_t at = 0;

    for (int i = 0; i < 2; i++) {
        const uint8_t *found = at < byte_count ? memchr(sample + at, newline, byte_count - at) : NULL;

        if (!found)
            return byte_count;
        at = (uint32_t)(found - sample) + 1;
    }
    return at;
}

void wr_csv_sniff(csv_read_options *options, const uint8_t *sample, uint32_t byte_count,
                  bool at_end)
{
    csv_read_options trial_options;
    uint32_t         enough;

    options->newline = !memchr(sample, '\n', byte_count) && memchr(sample, '\r', byte_count) ? '\r'
                                                                                            : '\n';
    enough = two_lines(sample, byte_count, options->newline);
    if (enough < SNIFF_BYTES)
        enough = SNIFF_BYTES;
    if (byte_count > enough) {
        byte_count = enough;
        at_end = false;
    }
    trial_options = *options;
    choose_quote(&trial_options, sample, byte_count, at_end);
    choose_escape(&trial_options, options, sample, byte_count, at_end);
    *options = trial_options;
}
