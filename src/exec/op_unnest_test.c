/* exec/op_unnest_test.c — elements come out as they lie in their lists: of any type, in memory and in
 * blobs, beside other lists and other columns, in batches of any size. */
#include "base/hash.h"
#include "exec/testkit.h"
#include "types/packed.h"

enum { ROWS = 40, LIST_BYTES = 4 << 20, KEPT_MAX = 200000 };

/* Row r: list a of r * r * 3 Int64, NULL where i % 7 = 3; list b of r * 40 texts, some long; every 9th
 * list a is NULL. */
typedef struct lists_plan {
    bool as_blobs;
    int  batch;
} lists_plan;

typedef struct held_blob {
    wr_blob  blob;
    uint8_t *bytes;
} held_blob;

static wr_type   type_a, type_b;
static uint8_t  *bytes_a[ROWS], *bytes_b[ROWS];
static size_t    sizes_a[ROWS], sizes_b[ROWS];
static held_blob blobs[2][ROWS];

static uint32_t count_a(uint32_t row)
{
    return row % 9 == 4 ? 0 : row * row * 3;
}

static uint32_t count_b(uint32_t row)
{
    return row * 40;
}

static size_t text_bytes(uint32_t row, uint32_t i)
{
    return i % 397 == 6 ? 5000 + row : (row + i) % 30;
}

static void make_lists(void)
{
    static char text[6000];
    uint8_t    *room = malloc(LIST_BYTES);

    assert_int_equal(wr_type_make_list(WR_TYPE(I64), &type_a, NULL), WR_OK);
    assert_int_equal(wr_type_make_list(WR_TYPE(UTF8), &type_b, NULL), WR_OK);
    memset(text, 't', sizeof text);
    for (uint32_t row = 0; row < ROWS; row++)
        for (int which = 0; which < 2; which++) {
            wr_packer      packer = {.bytes = room, .capacity = LIST_BYTES};
            wr_list_packer list;

            wr_list_pack_begin(&list, &packer, which ? WR_TYPE(UTF8) : WR_TYPE(I64));
            for (uint32_t i = 0; i < (which ? count_b(row) : count_a(row)); i++) {
                int64_t number = (int64_t)row * 100000 + i;
                wr_str  str = wr_str_of(text, text_bytes(row, i));

                wr_list_pack_cell(&list, which         ? (void *)&str
                                         : i % 7 == 3 ? NULL
                                                      : (void *)&number);
            }
            wr_list_pack_end(&list);
            assert_false(packer.is_full);
            *(which ? &sizes_b[row] : &sizes_a[row]) = packer.used;
            *(which ? &bytes_b[row] : &bytes_a[row]) = memcpy(malloc(packer.used + 1), room,
                                                             packer.used);
        }
    free(room);
}

static void free_lists(void)
{
    for (uint32_t row = 0; row < ROWS; row++) {
        free(bytes_a[row]);
        free(bytes_b[row]);
    }
}

static wr_status read_held(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                           size_t *out_bytes, wr_error *err)
{
    uint64_t left = offset < blob->byte_count ? blob->byte_count - offset : 0;

    (void)err;
    *out_bytes = bytes < left ? bytes : left;
    if (*out_bytes > 3000)
        *out_bytes = 3000; /* sources may give less than asked for */
    memcpy(buffer, (const uint8_t *)blob->owner + offset, *out_bytes);
    return WR_OK;
}

/* ---- Rows: number, list a, list b -------------------------------------------------------------- */

typedef struct lists_local {
    bool      is_done;
    wr_vector columns[3];
    int64_t   numbers[ROWS];
    wr_str    lists[2][ROWS];
    uint64_t  valid;
} lists_local;

static wr_str value_of(const lists_plan *plan, int which, uint32_t row)
{
    uint8_t   *bytes = which ? bytes_b[row] : bytes_a[row];
    size_t     size = which ? sizes_b[row] : sizes_a[row];
    held_blob *held = &blobs[which][row];

    if (!plan->as_blobs || size < 100)
        return wr_str_of((const char *)bytes, size);
    held->blob = (wr_blob){.byte_count = size, .read = read_held, .owner = bytes};
    return wr_str_of_blob(&held->blob, (const char *)bytes);
}

static wr_status lists_pull(wr_node *node, void *local_p, wr_batch *out, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    const lists_plan *plan = node->plan;
    lists_local      *local = local_p;

    (void)exec, (void)err;
    *out_flow = WR_FLOW_DONE;
    if (local->is_done)
        return WR_OK;
    local->is_done = true;
    for (uint32_t row = 0; row < ROWS; row++) {
        local->numbers[row] = row;
        wr_bit_put(&local->valid, row, row % 9 != 4);
        for (int which = 0; which < 2; which++)
            local->lists[which][row] = value_of(plan, which, row);
    }
    local->columns[0] = (wr_vector){.type = WR_TYPE(I64), .row_count = ROWS, .data = local->numbers};
    for (int which = 0; which < 2; which++)
        local->columns[1 + which] = (wr_vector){.type = which ? type_b : type_a, .row_count = ROWS,
                                                .flags = WR_VECTOR_BLOBS,
                                                .data = local->lists[which]};
    local->columns[1].valid = &local->valid;
    *out = (wr_batch){.row_count = ROWS, .column_count = 3, .columns = local->columns,
                      .morsel_end = true};
    wr_batch_select_all(out);
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

static const wr_source_ops LISTS = {.name = "lists", .local_bytes = sizeof(lists_local),
                                    .pull = lists_pull};

/* ---- What comes out: number, element of a, element of b, place ------------------------------------ */

typedef struct expect_plan {
    bool     outer, both;
    uint32_t batch_rows;
} expect_plan;

static struct {
    uint32_t row, place;
    uint64_t count;
} at;

static uint32_t rows_of(const expect_plan *plan, uint32_t row)
{
    uint32_t a = count_a(row), b = plan->both ? count_b(row) : 0, most = a > b ? a : b;

    return most == 0 && plan->outer ? 1 : most;
}

static void check_text(const wr_vector *texts, uint32_t i, uint32_t row, uint32_t place)
{
    const wr_str *str = wr_vector_at(texts, i);
    size_t        bytes = text_bytes(row, place), got = 0;
    char          piece[6000];

    assert_int_equal(str->byte_count, bytes);
    if (wr_str_is_blob(str)) {
        wr_packed whole = wr_packed_of(str);

        assert_int_equal(texts->flags, WR_VECTOR_BLOBS);
        assert_int_equal(wr_packed_read(&whole, 0, piece, bytes, NULL), WR_OK);
        assert_int_equal(wr_str_blob(str)->hash, wr_hash_bytes(piece, bytes));
    } else {
        memcpy(piece, wr_str_bytes(str), bytes);
    }
    for (; got < bytes; got++)
        assert_int_equal(piece[got], 't');
}

static wr_status expect_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                             wr_exec *exec, wr_error *err)
{
    const expect_plan *plan = node->plan;

    (void)local, (void)exec, (void)err;
    *out_flow = WR_FLOW_MORE;
    assert_in_range(in->row_count, 0, plan->batch_rows);
    for (uint32_t i = 0; i < wr_batch_rows(in); i++, at.place++, at.count++) {
        const wr_vector *a = &in->columns[1], *place = &in->columns[in->column_count - 1];
        bool             is_padded;

        while (at.place == rows_of(plan, at.row)) {
            at.row++;
            at.place = 0;
        }
        is_padded = count_a(at.row) == 0 && (!plan->both || count_b(at.row) == 0);
        assert_int_equal(wr_vector_value(&in->columns[0], i).i64, at.row);
        assert_int_equal(wr_vector_is_valid(a, i), at.place < count_a(at.row) && at.place % 7 != 3);
        if (wr_vector_is_valid(a, i))
            assert_int_equal(wr_vector_value(a, i).i64, (int64_t)at.row * 100000 + at.place);
        assert_int_equal(wr_vector_is_valid(place, i), !is_padded);
        if (!is_padded)
            assert_int_equal(wr_vector_value(place, i).i64, at.place + 1);
        if (!plan->both)
            continue;
        assert_int_equal(wr_vector_is_valid(&in->columns[2], i), at.place < count_b(at.row));
        if (at.place < count_b(at.row))
            check_text(&in->columns[2], i, at.row, at.place);
    }
    return WR_OK;
}

static const wr_sink_ops EXPECT = {.name = "expect", .push = expect_push};

static void run(bool as_blobs, bool both, bool outer, uint32_t batch_rows)
{
    const lists_plan       lists = {.as_blobs = as_blobs};
    const expect_plan      expected = {outer, both, batch_rows};
    const uint32_t         kept = 0;
    const wr_unnest_value  values[] = {{1, type_a, WR_TEXT("")}, {2, type_b, WR_TEXT("")}};
    const wr_unnest_output outputs[] = {{0, WR_FIELD_NONE, WR_TYPE(I64)},
                                        {1, WR_FIELD_NONE, WR_TYPE(UTF8)},
                                        {WR_FIELD_NONE, WR_FIELD_NONE, WR_TYPE(I64)}};
    const wr_unnest_output one[] = {outputs[0], outputs[2]};
    const wr_plan_unnest   plan = {.kept = &kept, .kept_count = 1, .values = values,
                                   .value_count = both ? 2 : 1, .outputs = both ? outputs : one,
                                   .output_count = both ? 3 : 2, .outer = outer};
    kit                    k;
    wr_node               *source;
    uint64_t               rows = 0;

    kit_open(&k, 100);
    k.exec.batch_rows = batch_rows;
    source = kit_source(&k, &LISTS, &lists);
    kit_sink(&k, &EXPECT, &expected, kit_transform(&k, &WR_UNNEST, &plan, source));
    kit_step(&k, source, 1, false);
    memset(&at, 0, sizeof at);
    if (kit_run(&k) != WR_OK)
        fail_msg("%s", k.error.message);
    for (uint32_t row = 0; row < ROWS; row++)
        rows += rows_of(&expected, row);
    assert_int_equal(at.count, rows);
    kit_close(&k);
}

static void every_element_comes_out(void **state)
{
    static const uint32_t BATCH_ROWS[] = {1, 7, 1000, WR_BATCH_ROWS_MAX};

    (void)state;
    make_lists();
    for (int as_blobs = 0; as_blobs < 2; as_blobs++)
        for (int both = 0; both < 2; both++)
            for (int outer = 0; outer < 2; outer++)
                for (int batch = 0; batch < 4; batch++)
                    run(as_blobs, both, outer, BATCH_ROWS[batch]);
    free_lists();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_element_comes_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
