/* csv_file.c — the serial half: a file's header, then chunks that end where records end.
 *
 * A chunk starts at a record, so it starts outside quotes. Without quotes in it the last newline is
 * the boundary; with quotes they are paired up 64 bytes at a time, which also finds out whether
 * pairing is right for this text; if not, the state machine looks. What is behind the boundary goes to
 * the front of the next chunk. A chunk without a boundary is the beginning of a long row.
 * Cost: reading, plus about 0.05 ns a byte (0.1 with quotes, 1 by the machine). */
#include <stdio.h>
#include <string.h>

#include "csv_priv.h"

enum { HEADER_SLACK_BYTES = 4096 };

/* ---- Dialect ------------------------------------------------------------------------------------ */

void wr_csv_dialect_init(csv_dialect *dialect, const csv_read_options *options)
{
    int32_t newline = options->newline ? options->newline : '\n';
    int32_t delimiter = options->delimiter == 0 ? ',' : options->delimiter;
    int32_t quote = options->quote == 0 ? '"' : options->quote;
    int32_t escape = options->escape == 0 ? quote : options->escape;

    *dialect = (csv_dialect){
        .marks = {.delimiter = (uint8_t)(delimiter < 0 ? newline : delimiter),
                  .newline = (uint8_t)newline,
                  .quote = (int16_t)quote,
                  .escape = (int16_t)escape},
        .comment = (int16_t)(options->comment == 0 ? -1 : options->comment),
        .trim = options->trim,
        .pad = options->ragged == CSV_RAGGED_PAD,
        .options = options,
        .rules = {.decimal = (char)(options->decimal < 0 ? 0 : options->decimal),
                  .thousands = (char)(options->thousands < 0 ? 0 : options->thousands),
                  .date_format = options->date_format,
                  .timestamp_format = options->timestamp_format,
                  .true_words = &options->true_words,
                  .false_words = &options->false_words},
    };
    for (uint32_t i = 0; i < options->nulls.count; i++) {
        size_t length = options->nulls.items[i].byte_count;

        dialect->null_lengths |= (uint64_t)1 << (length < 63 ? length : 63);
        dialect->empty_is_null |= length == 0;
    }
    if (dialect->comment >= 0)
        dialect->classes[dialect->comment] = CSV_COMMENT;
    if (dialect->trim)
        dialect->classes[' '] = dialect->classes['\t'] = CSV_BLANK;
    if (escape >= 0)
        dialect->classes[escape] = CSV_ESCAPE;
    if (quote >= 0)
        dialect->classes[quote] = CSV_QUOTE;
    if (delimiter >= 0)
        dialect->classes[delimiter] = CSV_DELIMITER;
    dialect->classes[newline] = CSV_NEWLINE;
}

/* ---- Memory ------------------------------------------------------------------------------------- */

/* Every name in quotes, every byte of it doubled: a header that needs more is another one. */
static uint64_t header_bytes_max(const wr_read_request *request)
{
    const wr_schema *schema = request->schema;
    uint64_t         bytes = HEADER_SLACK_BYTES;

    for (uint32_t i = 0; i < schema->field_count; i++)
        bytes += 2 * schema->fields[i].name.byte_count + 8;
    return bytes;
}

static uint64_t kept_bytes_max(const wr_read_request *request)
{
    uint64_t header_bytes = header_bytes_max(request);

    return header_bytes > request->chunk_bytes ? header_bytes : request->chunk_bytes;
}

static void lay_out(const wr_read_request *request, csv_file *file, wr_carver *carver)
{
    wr_chunker_layout(&file->chunker, file->base.input, (uint32_t)kept_bytes_max(request), carver);
    file->sources = wr_carve(carver, request->column_count * sizeof(uint32_t));
    file->targets = wr_carve(carver, request->schema->field_count * sizeof(uint32_t));
    file->header = wr_carve(carver, header_bytes_max(request) + WR_TEXT_PAD);
    wr_long_writer_layout(&file->long_writer, request->scratch, carver);
}

uint64_t wr_csv_file_lease_min(const wr_read_request *request)
{
    csv_file  counted = {0};
    wr_carver carver = {0};

    lay_out(request, &counted, &carver);
    return carver.used;
}

/* ---- The header --------------------------------------------------------------------------------- */

static wr_status fill_header(csv_file *file, const wr_read_request *request, wr_error *err)
{
    return wr_chunker_fill(&file->chunker, file->header, (uint32_t)header_bytes_max(request),
                           &file->header_bytes, err);
}

/* Give back everything from `from` on. */
static void keep_header_rest(csv_file *file, uint32_t from)
{
    wr_chunker_keep(&file->chunker, file->header + from, file->header_bytes - from);
    file->header_bytes = 0;
}

/* Drop the byte order mark and the lines that are to be skipped. */
static wr_status skip_preamble(csv_file *file, const wr_read_request *request, wr_error *err)
{
    int64_t  left = file->dialect.options->skip_rows;
    bool     first = true;
    uint32_t byte_count;

    do {
        uint32_t at = 0;

        WR_TRY(fill_header(file, request, err));
        byte_count = file->header_bytes;
        if (first && file->header_bytes >= 3 && memcmp(file->header, "\xef\xbb\xbf", 3) == 0)
            at = 3;
        first = false;
        while (left > 0 && at < file->header_bytes) {
            const uint8_t *hit = memchr(file->header + at, file->dialect.marks.newline,
                                        file->header_bytes - at);

            at = hit ? (uint32_t)(hit - file->header) + 1 : file->header_bytes;
            left -= hit != NULL;
            file->line += hit != NULL;
        }
        keep_header_rest(file, at);
    } while (left > 0 && byte_count > 0);
    return WR_OK;
}

/* Inference completes names: "a" that was there already is "a_2", "" is "column3". In its own place,
 * what a schema's name was made of stands for it. */
static bool is_completed(const wr_read_request *request, uint32_t place, wr_text name)
{
    wr_text known = request->schema->fields[place].name;
    char    number[24];
    int     number_bytes = snprintf(number, sizeof number, "column%u", place + 1);

    if (name.byte_count == 0)
        return wr_text_equal(known, (wr_text){number, (size_t)number_bytes});
    if (known.byte_count <= name.byte_count + 1 || !wr_text_starts_with(known, name) ||
        known.bytes[name.byte_count] != '_')
        return false;
    for (size_t i = name.byte_count + 1; i < known.byte_count; i++) {
        if (known.bytes[i] < '0' || known.bytes[i] > '9')
            return false;
    }
    return wr_schema_find(request->schema, name, NULL) < place;
}

/* Which schema column does the `place`-th name of this header stand for? */
static uint32_t find_field(const wr_read_request *request, uint32_t place, wr_text name)
{
    if (place < request->schema->field_count &&
        (wr_text_equal(request->schema->fields[place].name, name) ||
         is_completed(request, place, name)))
        return place;
    return wr_schema_find(request->schema, name, NULL);
}

/* Take one name of the header: note where a wanted column is found in this file. */
static wr_status take_name(const wr_read_request *request, csv_file *file, uint32_t place,
                           wr_text name, wr_error *err)
{
    uint32_t field = find_field(request, place, name);

    if (field == WR_FIELD_NONE || place >= request->schema->field_count) {
        wr_suggest suggest;

        wr_suggest_init(&suggest, name);
        for (uint32_t i = 0; i < request->schema->field_count; i++)
            wr_suggest_offer(&suggest, request->schema->fields[i].name);
        (void)WR_RAISE(err, WR_DATA, "%.*s:%llu: the header has a column '%.*s' that is not in the schema",
                       WR_TEXT_ARG(file->base.path), (unsigned long long)file->line,
                       WR_TEXT_ARG(name));
        wr_suggest_append(&suggest, err);
        return WR_DATA;
    }
    for (uint32_t c = 0; c < request->column_count; c++) {
        if (request->columns[c] != field)
            continue;
        if (file->sources[c] != WR_FIELD_NONE)
            return WR_RAISE(err, WR_DATA, "%.*s: the header has the column '%.*s' twice",
                            WR_TEXT_ARG(file->base.path), WR_TEXT_ARG(name));
        file->sources[c] = place;
    }
    return WR_OK;
}

/* Walk the header by the state machine, name by name. */
static wr_status take_names(const wr_read_request *request, csv_file *file, uint32_t from,
                            uint32_t end, wr_error *err)
{
    const csv_dialect *dialect = &file->dialect;
    unsigned           state = CSV_AT_RECORD;
    uint32_t           start = from, place = 0;

    for (uint32_t at = from; at <= end; at++) {
        unsigned class = at < end ? dialect->classes[file->header[at]] : CSV_NEWLINE;
        unsigned next = at < end ? WR_CSV_NEXT[state][class] : CSV_AT_RECORD;

        if ((next == CSV_AT_FIELD && class == CSV_DELIMITER) || next == CSV_AT_RECORD) {
            csv_field field = wr_csv_field_of(dialect, file->header, start, at, true);
            uint32_t  byte_count = field.escaped ? wr_csv_unescape(dialect, file->header, &field)
                                                 : field.end - field.start;

            WR_TRY(take_name(request, file, place++,
                             (wr_text){(char *)file->header + field.start, byte_count}, err));
            start = at + 1;
        }
        state = next;
    }
    file->field_count = place;
    return WR_OK;
}

/* Find the first record that is neither blank nor a comment; false: there is none that ends here. */
static bool find_header(const csv_file *file, uint32_t byte_count, uint32_t *out_start,
                        uint32_t *out_end)
{
    const csv_dialect *dialect = &file->dialect;
    unsigned           state = CSV_AT_RECORD;
    uint32_t           start = 0;

    for (uint32_t at = 0; at < byte_count; at++) {
        state = WR_CSV_NEXT[state][dialect->classes[file->header[at]]];
        if (state != CSV_AT_RECORD)
            continue;
        if (at > start && file->header[start] != dialect->comment &&
            !(at == start + 1 && file->header[start] == '\r')) {
            *out_start = start;
            *out_end = at;
            return true;
        }
        start = at + 1;
    }
    *out_start = start;
    return false;
}

static wr_status read_header(const wr_read_request *request, csv_file *file, wr_error *err)
{
    uint32_t start, end, byte_count, rest;

    WR_TRY(fill_header(file, request, err));
    byte_count = file->header_bytes;
    if (byte_count < header_bytes_max(request) && byte_count > 0)
        file->header[byte_count++] = file->dialect.marks.newline; /* the input ends here */
    if (!find_header(file, byte_count, &start, &end)) {
        if (start == byte_count)
            return WR_OK; /* an empty file: no header, no rows */
        return WR_RAISE(err, WR_DATA, "%.*s: the header does not end where the schema's would",
                        WR_TEXT_ARG(file->base.path));
    }
    rest = end + 1 < file->header_bytes ? end + 1 : file->header_bytes;
    wr_chunker_keep(&file->chunker, file->header + rest, file->header_bytes - rest);
    if (file->header[end - 1] == '\r')
        end--;
    WR_TRY(take_names(request, file, start, end, err));
    for (uint32_t at = 0; at < rest; at++)
        file->line += file->header[at] == file->dialect.marks.newline;
    for (uint32_t c = 0; c < request->column_count; c++) {
        wr_text name = request->schema->fields[request->columns[c]].name;

        if (file->sources[c] == WR_FIELD_NONE && !file->dialect.pad && !request->by_name)
            return WR_RAISE(err, WR_DATA, "%.*s: the header has no column '%.*s'",
                            WR_TEXT_ARG(file->base.path), WR_TEXT_ARG(name));
    }
    return WR_OK;
}

wr_status wr_csv_file_open(const wr_read_request *request, wr_file_reader *file, wr_bump *bump,
                           wr_error *err)
{
    csv_file  *csv = (csv_file *)file;
    wr_carver  carver;
    bool       has_header;

    memset(&csv->base + 1, 0, sizeof *csv - sizeof csv->base);
    WR_TRY(wr_carver_init(&carver, bump, wr_csv_file_lease_min(request), err));
    lay_out(request, csv, &carver);
    wr_csv_dialect_init(&csv->dialect, request->options);
    csv->scan = WR_TEXT_PICK(wr_csv_scan);
    csv->line = 1;
    csv->field_count = request->schema->field_count;
    has_header = csv->dialect.options->header == CSV_HEADER_TRUE;
    for (uint32_t c = 0; c < request->column_count; c++)
        csv->sources[c] = has_header ? WR_FIELD_NONE : request->columns[c];
    WR_TRY(skip_preamble(csv, request, err));
    if (has_header)
        WR_TRY(read_header(request, csv, err));
    for (uint32_t f = 0; f < request->schema->field_count; f++)
        csv->targets[f] = WR_FIELD_NONE;
    for (uint32_t c = 0; c < request->column_count; c++) {
        if (csv->sources[c] != WR_FIELD_NONE)
            csv->targets[csv->sources[c]] = c;
    }
    return WR_OK;
}

/* ---- Chunks ------------------------------------------------------------------------------------- */

/* Where the last record of the chunk ends; 0: it holds no whole record. */
static uint32_t find_boundary(csv_file *file, csv_split *split, const csv_survey *survey,
                              uint32_t used, csv_state *out_state)
{
    const csv_dialect *dialect = &file->dialect;
    uint32_t           boundary;
    bool               inside;

    split->is_plain = !survey->any_special;
    split->not_ascii = survey->any_not_ascii;
    if (split->is_plain) {
        const uint8_t *hit = memrchr(split->chunk, dialect->marks.newline, used);

        boundary = hit ? (uint32_t)(hit - split->chunk) + 1 : 0;
        *out_state = boundary == used ? CSV_AT_RECORD : CSV_IN_PLAIN;
        return boundary;
    }
    split->is_rfc = dialect->marks.quote >= 0 && dialect->marks.escape == dialect->marks.quote &&
                    dialect->comment < 0 && !dialect->trim &&
                    file->scan->find_boundary(&dialect->marks, split->chunk, used, &boundary,
                                              &inside);
    if (split->is_rfc) {
        *out_state = boundary == used ? CSV_AT_RECORD : inside ? CSV_IN_QUOTED : CSV_IN_PLAIN;
        return boundary;
    }
    return wr_csv_machine_boundary(dialect, split->chunk, used, out_state);
}

/* Can the text end in this state, with a newline put behind it? */
static bool is_whole(csv_state state)
{
    return state != CSV_IN_QUOTED && state != CSV_ESCAPED_QUOTED && state != CSV_ESCAPED_PLAIN;
}

static uint64_t count_records(csv_split *split)
{
    uint64_t count = 0;

    while (split->next < split->end) {
        wr_csv_find_rows(split, split->index.row_max);
        count += split->row_count;
    }
    split->next = split->row_count = 0;
    return count;
}

static void start_split(const wr_read_request *request, csv_file *file, csv_split *split)
{
    split->base.path = file->base.path;
    split->base.file_index = file->base.file_index;
    split->base.first_row = file->base.next_row;
    split->base.row_base = 0;
    split->base.byte_offset = file->chunker.offset;
    split->line = file->line;
    split->field_count = file->field_count;
    split->row_count = 0;
    split->next = split->end = split->counted_to = 0;
    split->counted_line = file->line;
    split->check_utf8 = false;
    split->long_row.is_set = false;
    for (uint32_t c = 0; c < request->column_count; c++)
        split->columns[c].field = file->sources[c];
}

wr_status wr_csv_next_split(const wr_read_request *request, wr_file_reader *file, wr_split *split,
                            bool *out_done, wr_error *err)
{
    csv_file  *csv = (csv_file *)file;
    csv_split *piece = (csv_split *)split;
    csv_survey whole, rest;
    csv_state  state;
    uint32_t   used;

    start_split(request, csv, piece);
    WR_TRY(wr_chunker_fill(&csv->chunker, piece->chunk, request->chunk_bytes, &used, err));
    *out_done = used == 0;
    if (*out_done)
        return WR_OK;
    csv->scan->survey(&csv->dialect.marks, piece->chunk, used, &whole);
    piece->end = find_boundary(csv, piece, &whole, used, &state);
    if (used < request->chunk_bytes && state != CSV_AT_RECORD && is_whole(state)) {
        piece->chunk[used++] = csv->dialect.marks.newline; /* the last line has none */
        piece->end = used;
    }
    if (piece->end == 0) {
        WR_TRY(wr_csv_read_long_row(request, csv, piece, used, err));
        file->next_row += piece->long_row.is_set;
        return WR_OK;
    }
    csv->scan->survey(&csv->dialect.marks, piece->chunk + piece->end, used - piece->end, &rest);
    csv->line += whole.newline_count - rest.newline_count;
    wr_chunker_keep(&csv->chunker, piece->chunk + piece->end, used - piece->end);
    if (request->count_rows)
        file->next_row += count_records(piece);
    return WR_OK;
}
