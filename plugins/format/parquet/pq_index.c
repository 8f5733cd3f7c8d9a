/* pq_index.c — page indexes of others and ours: rows that no wanted row can be among, and where pages are.
 *
 * A column index is five lists, one behind the other (null pages, least and greatest values, number of
 * NULLs, and in the offset index where pages begin); each is walked by a reader of its own, so an index
 * may be of any length. What is excluded is kept by granules of rows, whole ones only: so much is known
 * of any split in fixed memory, and all columns pass over the same rows.
 * Invariant: a doubt keeps rows; nothing here fails. */
#include "pq_priv.h"

#include <string.h>

#include "base/bits.h"

typedef enum list_name { NULL_PAGES, LEAST, GREATEST, NULL_COUNTS, LOCATIONS } list_name;

typedef struct page_lists {
    wr_thrift_reader readers[PQ_INDEX_LISTS];
    wr_thrift_field  elements[PQ_INDEX_LISTS];
    uint32_t         counts[PQ_INDEX_LISTS];
} page_lists;

void wr_pq_excluded_layout(const wr_read_request *request, pq_excluded *excluded, wr_carver *carver)
{
    bool is_used = request->bound_count > 0;

    excluded->granules = wr_carve(carver, is_used ? PQ_GRANULES_MAX / 8 : 0);
    excluded->windows = wr_carve(carver, is_used ? PQ_INDEX_LISTS * PQ_INDEX_WINDOW_BYTES : 0);
}

/* ---- Lists -------------------------------------------------------------------------------------- */

/* The lists of a struct at [begin, begin + byte_count): field i of it is list names[i]. */
static bool open_lists(page_lists *lists, wr_fs_reader *file, uint8_t *windows, uint64_t begin,
                       uint32_t byte_count, const int8_t *names, uint32_t name_count)
{
    wr_thrift_reader reader;
    wr_thrift_field  field = {0};
    uint64_t         limit = begin + byte_count;

    if (byte_count == 0 || limit < begin || limit > file->info.bytes)
        return false;
    wr_thrift_open_file(&reader, file, begin, limit, windows, PQ_INDEX_WINDOW_BYTES, NULL);
    while (wr_thrift_next(&reader, &field)) {
        int8_t   name = (uint16_t)field.id < name_count ? names[field.id] : -1;
        uint32_t count;

        if (name < 0) {
            wr_thrift_skip(&reader, &field);
            continue;
        }
        count = wr_thrift_list(&reader, &field);
        lists->counts[name] = count;
        lists->elements[name] = field;
        wr_thrift_open_file(&lists->readers[name], file, wr_thrift_offset(&reader), limit,
                            windows + (size_t)name * PQ_INDEX_WINDOW_BYTES, PQ_INDEX_WINDOW_BYTES, NULL);
        for (uint32_t i = 0; i < count && reader.status == WR_OK; i++)
            wr_thrift_skip(&reader, &field);
    }
    return reader.status == WR_OK;
}

static bool open_index(page_lists *lists, wr_fs_reader *file, uint8_t *windows, const pq_chunk *chunk)
{
    static const int8_t COLUMN[] = {
        -1, [PQ_COLUMN_INDEX_NULL_PAGES] = NULL_PAGES, [PQ_COLUMN_INDEX_MIN] = LEAST,
        [PQ_COLUMN_INDEX_MAX] = GREATEST, [PQ_COLUMN_INDEX_ORDER] = -1,
        [PQ_COLUMN_INDEX_NULL_COUNTS] = NULL_COUNTS};
    static const int8_t OFFSETS[] = {-1, [PQ_OFFSET_INDEX_LOCATIONS] = LOCATIONS};
    uint32_t            count;

    memset(lists, 0, sizeof *lists);
    if (!open_lists(lists, file, windows, chunk->offset_index, chunk->offset_index_bytes, OFFSETS,
                    sizeof OFFSETS) ||
        !open_lists(lists, file, windows, chunk->column_index, chunk->column_index_bytes, COLUMN,
                    sizeof COLUMN))
        return false;
    count = lists->counts[LOCATIONS];
    return lists->counts[NULL_PAGES] == count && lists->counts[LEAST] == count &&
           lists->counts[GREATEST] == count &&
           (lists->counts[NULL_COUNTS] == 0 || lists->counts[NULL_COUNTS] == count);
}

static pq_page_place read_place(wr_thrift_reader *reader, const wr_thrift_field *element)
{
    wr_thrift_field field = {0};
    pq_page_place   place = {UINT64_MAX, UINT64_MAX};

    wr_thrift_struct(reader, element);
    while (wr_thrift_next(reader, &field)) {
        if (field.id == PQ_LOCATION_FIRST_ROW)
            place.first_row = (uint64_t)wr_thrift_int(reader, &field);
        else if (field.id == PQ_LOCATION_OFFSET)
            place.offset = (uint64_t)wr_thrift_int(reader, &field);
        else
            wr_thrift_skip(reader, &field);
    }
    return place;
}

static bool is_page_excluded(page_lists *lists, const pq_leaf *leaf, pq_trust trust,
                             const wr_bound *bound)
{
    pq_statistics statistics = {0};
    bool          is_null = wr_thrift_bool(&lists->readers[NULL_PAGES], &lists->elements[NULL_PAGES]);

    wr_pq_extreme_read(&lists->readers[LEAST], &lists->elements[LEAST], &statistics.min);
    wr_pq_extreme_read(&lists->readers[GREATEST], &lists->elements[GREATEST], &statistics.max);
    if (lists->counts[NULL_COUNTS] > 0) {
        statistics.null_count = wr_thrift_int(&lists->readers[NULL_COUNTS], &lists->elements[NULL_COUNTS]);
        statistics.has_null_count = statistics.null_count >= 0;
    }
    if (is_null)
        return bound->op != WR_BOUND_IS_NULL;
    return wr_pq_is_excluded(leaf, &statistics, UINT64_MAX, trust, bound);
}

static bool has_failed(const page_lists *lists)
{
    for (int i = 0; i < PQ_INDEX_LISTS; i++)
        if (lists->readers[i].status != WR_OK)
            return true;
    return false;
}

/* ---- Places ------------------------------------------------------------------------------------- */

/* Take the next location, or the end of the pages; false: it cannot follow the one before. */
static bool take_place(pq_page_walk *walk, wr_thrift_reader *reader, const pq_chunk *chunk)
{
    static const wr_thrift_field ELEMENT = {.kind = WR_THRIFT_STRUCT, .is_element = true};

    walk->here = walk->next;
    if (walk->left == 0) {
        walk->next = (pq_page_place){chunk->end, chunk->value_count};
    } else {
        walk->next = read_place(reader, &ELEMENT);
        walk->at = wr_thrift_offset(reader);
        walk->left--;
    }
    return reader->status == WR_OK && walk->next.offset > walk->here.offset &&
           walk->next.offset <= chunk->end && walk->next.first_row > walk->here.first_row &&
           walk->next.first_row <= chunk->value_count;
}

static bool begin_walk(pq_page_walk *walk, wr_thrift_reader *reader, const pq_chunk *chunk)
{
    wr_thrift_field field = {0};

    walk->is_begun = true;
    while (wr_thrift_next(reader, &field) && field.id != PQ_OFFSET_INDEX_LOCATIONS)
        wr_thrift_skip(reader, &field);
    if (field.id != PQ_OFFSET_INDEX_LOCATIONS)
        return false;
    walk->left = wr_thrift_list(reader, &field);
    if (walk->left == 0 || field.kind != WR_THRIFT_STRUCT)
        return false;
    walk->left--;
    walk->next = read_place(reader, &field);
    walk->at = wr_thrift_offset(reader);
    return walk->next.first_row == 0 && walk->next.offset >= chunk->begin && take_place(walk, reader, chunk);
}

bool wr_pq_page_seek(pq_page_walk *walk, wr_fs_reader *file, const pq_chunk *chunk, uint64_t row,
                     uint8_t *window, uint32_t window_bytes)
{
    uint64_t         end = chunk->offset_index + chunk->offset_index_bytes;
    wr_thrift_reader reader;

    if (walk->is_unfit || chunk->offset_index_bytes == 0 || end < chunk->offset_index ||
        end > file->info.bytes || row >= chunk->value_count)
        return false;
    if (walk->is_begun && row < walk->next.first_row)
        return true;
    wr_thrift_open_file(&reader, file, walk->is_begun ? walk->at : chunk->offset_index, end, window, window_bytes,
                        NULL);
    if (!walk->is_begun)
        walk->is_unfit = !begin_walk(walk, &reader, chunk);
    while (!walk->is_unfit && row >= walk->next.first_row)
        walk->is_unfit = !take_place(walk, &reader, chunk);
    return !walk->is_unfit;
}

/* ---- Granules ----------------------------------------------------------------------------------- */

/* Rows [begin, end) of the row group. */
static void exclude(pq_excluded *excluded, uint64_t begin, uint64_t end)
{
    uint64_t last = excluded->first_row + excluded->row_count, from, to;

    if (end <= excluded->first_row || begin >= last)
        return;
    begin = begin > excluded->first_row ? begin - excluded->first_row : 0;
    end = (end < last ? end : last) - excluded->first_row;
    from = (begin + PQ_GRANULE_ROWS - 1) / PQ_GRANULE_ROWS;
    to = end == excluded->row_count ? (end + PQ_GRANULE_ROWS - 1) / PQ_GRANULE_ROWS
                                    : end / PQ_GRANULE_ROWS;
    for (; from < to; from++) {
        wr_bit_set(excluded->granules, from);
        excluded->any = true;
    }
}

/* Once over the pages. `is_sure`: the index was found to be whole and in order. */
static bool walk(pq_excluded *excluded, page_lists *lists, const pq_leaf *leaf, const pq_chunk *chunk,
                 pq_trust trust, const wr_bound *bound, bool is_sure)
{
    bool     was_excluded = false;
    uint64_t begin = 0, before = 0; /* of the pages that are excluded so far; of the last page */

    for (uint32_t page = 0; page < lists->counts[LOCATIONS]; page++) {
        uint64_t row = read_place(&lists->readers[LOCATIONS], &lists->elements[LOCATIONS]).first_row;
        bool     is_excluded = is_page_excluded(lists, leaf, trust, bound);

        if (has_failed(lists) || (page == 0) != (row == 0) || row < before || row >= chunk->value_count)
            return false;
        if (is_sure && was_excluded && !is_excluded)
            exclude(excluded, begin, row);
        if (is_excluded && !was_excluded)
            begin = row;
        was_excluded = is_excluded;
        before = row;
    }
    if (is_sure && was_excluded)
        exclude(excluded, begin, chunk->value_count);
    return true;
}

static void begin(pq_excluded *excluded)
{
    if (!excluded->any)
        memset(excluded->granules, 0, PQ_GRANULES_MAX / 8);
}

void wr_pq_excluded_add_all(pq_excluded *excluded)
{
    begin(excluded);
    exclude(excluded, excluded->first_row, excluded->first_row + excluded->row_count);
}

void wr_pq_excluded_add(pq_excluded *excluded, wr_fs_reader *file, const pq_leaf *leaf,
                        const pq_chunk *chunk, pq_trust trust, const wr_bound *bound)
{
    page_lists lists;

    begin(excluded);
    for (int is_sure = 0; is_sure < 2; is_sure++)
        if (!open_index(&lists, file, excluded->windows, chunk) ||
            !walk(excluded, &lists, leaf, chunk, trust, bound, is_sure))
            return;
}

uint64_t wr_pq_excluded_run(const pq_excluded *excluded, uint64_t row, bool *out_is_excluded)
{
    uint64_t at = row / PQ_GRANULE_ROWS, end;

    *out_is_excluded = false;
    if (!excluded->any || row >= excluded->row_count)
        return excluded->row_count - row;
    *out_is_excluded = wr_bit_get(excluded->granules, at);
    while (at * PQ_GRANULE_ROWS < excluded->row_count &&
           wr_bit_get(excluded->granules, at) == *out_is_excluded)
        at++;
    end = at * PQ_GRANULE_ROWS;
    return (end < excluded->row_count ? end : excluded->row_count) - row;
}

bool wr_pq_excluded_is_all(const pq_excluded *excluded)
{
    bool is_excluded;

    return wr_pq_excluded_run(excluded, 0, &is_excluded) == excluded->row_count && is_excluded;
}
