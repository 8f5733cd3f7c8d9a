/* exec/sorter_test.c — sorting against a naive comparator: every type and order, any lease from the
 * least one up, one to eight workers, stress modes, adversarial inputs, failing disks. */
#include "exec/row_fixture.h"
#include "exec/sorter.h"
#include "os/thread.h"

enum { PAGE = 16384, SEED = 11, WORKERS_MAX = 8, COLUMNS_MAX = 8, MORSEL_ROWS = 3000 };

/* One sort: `types` and a last column UInt64, the row number, which is the last key and makes the
 * order total. */
typedef struct sort_case {
    row_kind    kind;
    uint64_t    row_count;
    wr_type     types[COLUMNS_MAX];
    uint32_t    column_count;
    wr_sort_key keys[COLUMNS_MAX];
    uint32_t    key_count;
    uint32_t    worker_count;
    uint32_t    pages;        /* of the arena for the sorter; 0: exactly its least  */
    uint32_t    batch_rows;
    uint64_t    rows_skipped, rows_max;
    bool        keep, reclaim;
    uint32_t    read_count;   /* 0: once */
    const char *stress;
} sort_case;

typedef struct sort_run_state {
    const sort_case *c;
    row_fixture      f;
    wr_lease         lease;
    wr_sorter_plan   plan;
    wr_sorter        sorter;
    wr_type          types[COLUMNS_MAX + 1];
    wr_sort_key      keys[COLUMNS_MAX + 1];
    _Atomic uint64_t next_row;
    _Atomic uint64_t rows_read;
    uint64_t        *ids;      /* by output position */
    uint64_t        *morsels;  /* by output position */
    _Atomic int      status;
    wr_error         err[WORKERS_MAX];
} sort_run_state;

typedef struct worker_args {
    sort_run_state *s;
    uint32_t        index;
} worker_args;

static void fail_run(sort_run_state *s, wr_status status)
{
    int none = WR_OK;

    atomic_compare_exchange_strong(&s->status, &none, (int)status);
    s->f.exec.cancelled = true;
}

static wr_status feed(sort_run_state *s, wr_sorter_worker *worker, wr_error *err)
{
    const sort_case *c = s->c;
    char            *buffer = malloc(LONG_BYTES_MAX);
    row_batch       *b = malloc(sizeof *b);
    wr_status        status = WR_OK;

    row_batch_open(b, s->types, s->plan.column_count);
    while (status == WR_OK) {
        uint64_t first = atomic_fetch_add(&s->next_row, MORSEL_ROWS);
        uint64_t end = first + MORSEL_ROWS < c->row_count ? first + MORSEL_ROWS : c->row_count;

        if (first >= c->row_count)
            break;
        while (first < end && status == WR_OK) {
            uint32_t count = end - first < c->batch_rows ? (uint32_t)(end - first) : c->batch_rows;

            row_batch_fill(b, c->kind, SEED, first, count, c->column_count, buffer);
            status = wr_sorter_add(worker, &b->batch, err);
            first += count;
        }
    }
    row_batch_close(b);
    free(b);
    free(buffer);
    return status == WR_OK ? wr_sorter_combine(worker, err) : status;
}

static void make_rows(void *args_p)
{
    worker_args     *args = args_p;
    sort_run_state  *s = args->s;
    wr_error        *err = &s->err[args->index];
    wr_sorter_worker worker = {0};
    wr_status        status = wr_sorter_worker_open(&worker, &s->sorter, err);

    if (status == WR_OK)
        status = feed(s, &worker, err);
    if (status != WR_OK)
        fail_run(s, status);
    wr_sorter_worker_close(&worker);
}

/* Every value of the batch must be that of the row whose number it carries. */
static void check_batch(sort_run_state *s, const wr_batch *batch, char *buffer, char *other)
{
    uint32_t columns = s->c->column_count;
    bool     puts_out_id = batch->column_count > columns;

    for (uint32_t i = 0; i < batch->row_count; i++) {
        uint64_t id = puts_out_id ? wr_vector_value(&batch->columns[columns], i).u64 : 0;

        s->ids[batch->position + i] = id;
        s->morsels[batch->position + i] = batch->morsel;
        for (uint32_t c = 0; puts_out_id && c < columns; c++) {
            wr_value expected = row_value(s->c->kind, SEED, s->types[c], id, c, buffer);
            wr_value actual = vector_value(&batch->columns[c], i, other);

            if (!same_value(&expected, &actual))
                fail_msg("column %u of row %llu is wrong", c, (unsigned long long)id);
        }
    }
}

static void read_rows(void *args_p)
{
    worker_args     *args = args_p;
    sort_run_state  *s = args->s;
    wr_error        *err = &s->err[args->index];
    wr_sorter_reader reader = {0};
    char            *buffer = malloc(LONG_BYTES_MAX), *other = malloc(LONG_BYTES_MAX);
    wr_status        status = wr_sorter_reader_open(&reader, &s->sorter, err);
    wr_flow          flow = WR_FLOW_MORE;
    uint64_t         last_morsel = UINT64_MAX, ended = UINT64_MAX;

    while (status == WR_OK) {
        wr_batch batch = {0};

        status = wr_sorter_read(&reader, &batch, &flow, err);
        if (status != WR_OK || flow == WR_FLOW_DONE)
            break;
        assert_true(batch.row_count > 0 && batch.row_count <= s->c->batch_rows);
        assert_true(last_morsel == UINT64_MAX || batch.morsel >= last_morsel);
        assert_true(ended == UINT64_MAX || batch.morsel > ended);
        last_morsel = batch.morsel;
        ended = batch.morsel_end ? batch.morsel : ended;
        check_batch(s, &batch, buffer, other);
        atomic_fetch_add(&s->rows_read, batch.row_count);
    }
    if (status == WR_OK)
        assert_true(last_morsel == ended);
    else
        fail_run(s, status);
    wr_sorter_reader_close(&reader);
    free(buffer);
    free(other);
}

static wr_status run_workers(sort_run_state *s, void (*run)(void *))
{
    wr_thread   threads[WORKERS_MAX];
    worker_args args[WORKERS_MAX];

    for (uint32_t w = 0; w < s->c->worker_count; w++) {
        args[w] = (worker_args){s, w};
        if (w > 0)
            assert_int_equal(wr_thread_start(&threads[w], run, &args[w], NULL), WR_OK);
    }
    run(&args[0]);
    for (uint32_t w = 1; w < s->c->worker_count; w++)
        wr_thread_join(threads[w]);
    return (wr_status)s->status;
}

static void check_order(const sort_run_state *s)
{
    const sort_case *c = s->c;
    uint64_t         left = c->row_count > c->rows_skipped ? c->row_count - c->rows_skipped : 0;
    uint64_t         expected = left < c->rows_max ? left : c->rows_max;
    char            *buffer = malloc(LONG_BYTES_MAX), *other = malloc(LONG_BYTES_MAX);
    uint64_t         id_sum = 0;

    assert_int_equal(s->rows_read, expected);
    for (uint64_t i = 0; i < expected; i++) {
        int order = 0;

        id_sum += wr_hash_u64(s->ids[i] + 1);
        if (i == 0)
            continue;
        assert_true(s->morsels[i - 1] <= s->morsels[i]);
        for (uint32_t k = 0; k < c->key_count && order == 0; k++) {
            uint32_t column = c->keys[k].column;
            wr_value a = row_value(c->kind, SEED, s->types[column], s->ids[i - 1], column, buffer);
            wr_value b = row_value(c->kind, SEED, s->types[column], s->ids[i], column, other);

            order = compare_values(&c->keys[k], &a, &b);
        }
        if (order > 0 || (order == 0 && c->key_count > 0 && s->ids[i - 1] >= s->ids[i]))
            fail_msg("rows %llu, %llu at %llu are out of order", (unsigned long long)s->ids[i - 1],
                     (unsigned long long)s->ids[i], (unsigned long long)i);
    }
    if (expected == c->row_count && s->plan.output_count > c->column_count) {
        for (uint64_t i = 0; i < c->row_count; i++)
            id_sum -= wr_hash_u64(i + 1);
        assert_int_equal(id_sum, 0);
    }
    free(buffer);
    free(other);
}

static void open_case(sort_run_state *s, const sort_case *c)
{
    uint64_t  making, reading, pages;
    uint32_t  page_bytes;
    wr_lease *leases[] = {&s->lease};
    wr_exec   exec = {.worker_count = c->worker_count, .page_bytes = PAGE,
                      .batch_rows = c->batch_rows};

    memset(s, 0, sizeof *s);
    s->c = c;
    memcpy(s->types, c->types, sizeof c->types);
    memcpy(s->keys, c->keys, sizeof c->keys);
    s->types[c->column_count] = WR_TYPE(U64);
    s->keys[c->key_count] = (wr_sort_key){.column = c->column_count};
    s->plan = (wr_sorter_plan){
        .types = s->types, .column_count = c->column_count + 1, .keys = s->keys,
        .key_count = c->key_count > 0 ? c->key_count + 1 : 0, .output_count = c->column_count + 1,
        .rows_skipped = c->rows_skipped, .rows_max = c->rows_max, .keep = c->keep};
    making = wr_sorter_lease_min(&s->plan, &exec, c->worker_count);
    reading = wr_sorter_read_lease_min(&s->plan, &exec, c->worker_count);
    page_bytes = wr_sorter_page_bytes(&s->plan, &exec);
    pages = (making > reading ? making : reading) / PAGE;
    if (c->pages > pages)
        pages = c->pages;
    row_fixture_open(&s->f, PAGE, (uint32_t)pages, c->worker_count, page_bytes);
    s->f.exec.batch_rows = c->batch_rows;
    wr_lease_init(&s->lease, "sort", making, c->pages ? pages * PAGE : making, PAGE);
    assert_int_equal(wr_lease_open_all(s->f.arena, leases, 1, NULL), WR_OK);
    assert_int_equal(wr_fault_configure(NULL, c->stress, NULL), WR_OK);
    s->ids = calloc(c->row_count + 1, sizeof *s->ids);
    s->morsels = calloc(c->row_count + 1, sizeof *s->morsels);
}

static void close_case(sort_run_state *s)
{
    wr_sorter_release(&s->sorter);
    assert_int_equal(s->lease.pages_used, 0);
    wr_lease_close(&s->lease);
    free(s->ids);
    free(s->morsels);
    row_fixture_close(&s->f);
}

/* Between the steps, as the scheduler does it. */
static wr_status enter_reading(sort_run_state *s, wr_error *err)
{
    uint64_t  resident = wr_sorter_resident_min(&s->plan, &s->f.exec);
    uint64_t  reading = wr_sorter_read_lease_min(&s->plan, &s->f.exec, s->c->worker_count);
    wr_lease *leases[] = {&s->lease};

    if (s->c->reclaim) {
        wr_lease_demand(&s->lease, resident, resident);
        WR_TRY(wr_sorter_reclaim(&s->sorter, err));
        assert_true(s->lease.pages_used * (uint64_t)PAGE <= resident);
        wr_lease_shrink(&s->lease);
    }
    wr_lease_demand(&s->lease, reading,
                    s->c->pages ? (uint64_t)wr_arena_page_count(s->f.arena) * PAGE : reading);
    wr_lease_shrink(&s->lease);
    return wr_lease_open_all(s->f.arena, leases, 1, err);
}

static wr_status make_and_finish(sort_run_state *s, wr_error *err)
{
    WR_TRY(wr_sorter_init(&s->sorter, &s->plan, &s->f.exec, &s->lease, err));
    WR_TRY(run_workers(s, make_rows));
    return wr_sorter_finish(&s->sorter, err);
}

static wr_status read_all(sort_run_state *s, wr_error *err)
{
    s->rows_read = 0;
    WR_TRY(wr_sorter_read_open(&s->sorter, err));
    WR_TRY(run_workers(s, read_rows));
    wr_sorter_read_close(&s->sorter);
    return WR_OK;
}

static void run_case(const sort_case *c)
{
    sort_run_state *s = malloc(sizeof *s);
    wr_error        err = {0};

    open_case(s, c);
    assert_int_equal(make_and_finish(s, &err), WR_OK);
    assert_int_equal(enter_reading(s, &err), WR_OK);
    for (uint32_t i = 0; i < (c->read_count ? c->read_count : 1); i++) {
        assert_int_equal(read_all(s, &err), WR_OK);
        check_order(s);
    }
    close_case(s);
    free(s);
}

static sort_case base_case(void)
{
    return (sort_case){
        .kind = ROWS_RANDOM,
        .row_count = 20000,
        .types = {{.logical = WR_TYPE_UTF8}, {.logical = WR_TYPE_I64}, {.logical = WR_TYPE_F64}},
        .column_count = 3,
        .keys = {{.column = 0}, {.column = 1, .descending = true}},
        .key_count = 2,
        .worker_count = 1,
        .pages = 200,
        .batch_rows = WR_BATCH_ROWS_MAX,
        .rows_max = UINT64_MAX,
    };
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void every_type_sorts_in_every_order(void **state)
{
    (void)state;
    for (uint32_t t = 0; t < EVERY_TYPE_COUNT; t++) {
        for (int order = 0; order < 4; order++) {
            sort_case c = base_case();

            c.kind = order == 1 ? ROWS_FEW : ROWS_RANDOM;
            c.row_count = 3000;
            c.types[1] = EVERY_TYPE[t];
            c.keys[0] = (wr_sort_key){1, order & 1, order & 2};
            c.key_count = 1;
            c.pages = order == 3 ? 0 : 200;
            run_case(&c);
        }
    }
}

static void several_keys_sort_together(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 30; round++) {
        sort_case c = base_case();

        c.kind = round % 3 ? ROWS_FEW : ROWS_RANDOM;
        c.column_count = 6;
        for (uint32_t i = 0; i < 6; i++) {
            c.types[i] = EVERY_TYPE[random_of(SEED, round, i) % EVERY_TYPE_COUNT];
            c.keys[i] = (wr_sort_key){(i + round) % 6, random_of(SEED, round, i + 10) & 1,
                                      random_of(SEED, round, i + 20) & 1};
        }
        c.key_count = 1 + round % 6;
        c.row_count = 3000 + 150 * round;
        c.pages = round % 2 ? 40 : 400;
        c.worker_count = 1 + round % 2;
        run_case(&c);
    }
}

static void any_number_of_rows_with_any_lease(void **state)
{
    static const uint64_t ROWS[] = {0, 1, 2, 3, 1023, 1024, 1025, 20000, 100000};

    (void)state;
    for (uint32_t r = 0; r < sizeof ROWS / sizeof ROWS[0]; r++) {
        for (uint32_t pages = 0; pages <= 1600; pages = pages * 6 + 40) {
            for (uint32_t workers = 1; workers <= 8; workers = workers * 3 - 1) {
                sort_case c = base_case();

                if (ROWS[r] == 100000 && workers == 1)
                    continue;
                c.row_count = ROWS[r];
                c.pages = pages;
                c.worker_count = workers;
                run_case(&c);
            }
        }
    }
}

static void adversarial_orders(void **state)
{
    static const row_kind KINDS[] = {ROWS_EQUAL,  ROWS_ASCENDING, ROWS_DESCENDING,
                                     ROWS_NEARLY, ROWS_FEW,       ROWS_OUTLIERS};

    (void)state;
    for (uint32_t k = 0; k < sizeof KINDS / sizeof KINDS[0]; k++) {
        for (uint32_t pages = 0; pages <= 3000; pages += 1500) {
            sort_case c = base_case();

            c.kind = KINDS[k];
            c.row_count = 50000;
            c.pages = pages;
            c.worker_count = 1 + k % 2;
            run_case(&c);
        }
    }
}

static void stress_modes_change_nothing(void **state)
{
    static const char *MODES[] = {"min", "spill", "hash", "min,spill"};

    (void)state;
    for (uint32_t m = 0; m < 4; m++) {
        sort_case c = base_case();

        c.stress = MODES[m];
        c.worker_count = 2;
        c.row_count = 30000;
        c.batch_rows = m == 1 ? 100 : 1000;
        run_case(&c);
    }
}

static void batches_of_one_row(void **state)
{
    sort_case c = base_case();

    (void)state;
    c.batch_rows = 1;
    c.row_count = 5000;
    run_case(&c);
    c.pages = 0;
    c.worker_count = 2;
    run_case(&c);
}

static void long_keys_are_compared_to_the_end(void **state)
{
    (void)state;
    for (uint32_t pages = 0; pages <= 200; pages += 200) {
        sort_case c = base_case();

        c.kind = ROWS_LONG;
        c.row_count = 60;
        c.pages = pages;
        c.batch_rows = 16;
        c.key_count = 1;
        run_case(&c);
        c.keys[0].descending = true;
        c.stress = "spill";
        run_case(&c);
    }
}

static void first_rows_only(void **state)
{
    static const uint64_t LIMITS[][2] = {{0, 0}, {0, 1}, {0, 10}, {7, 20}, {0, 3000}, {5000, 1},
                                         {19990, 100}, {30000, 10}, {100, UINT64_MAX - 50}};
    static const row_kind KINDS[] = {ROWS_RANDOM, ROWS_FEW, ROWS_DESCENDING, ROWS_ASCENDING};

    (void)state;
    for (uint32_t l = 0; l < sizeof LIMITS / sizeof LIMITS[0]; l++) {
        for (uint32_t k = 0; k < 4; k++) {
            sort_case c = base_case();

            c.kind = KINDS[k];
            c.rows_skipped = LIMITS[l][0];
            c.rows_max = LIMITS[l][1];
            c.pages = (l + k) % 3 == 0 ? 0 : 300;
            c.worker_count = 1 + (l + k) % 2;
            c.keys[0] = (wr_sort_key){k % 3, l % 2, k % 2};
            run_case(&c);
        }
    }
}

/* 100,000 rows for ten, within a megabyte: nothing may be spilled. */
static void small_top_n_spills_nothing(void **state)
{
    sort_run_state *s = malloc(sizeof *s);
    sort_case       c = base_case();
    wr_spill_stats  stats;
    wr_error        err = {0};

    (void)state;
    c.row_count = 100000;
    c.rows_max = 10;
    c.pages = 64;
    open_case(s, &c);
    assert_int_equal(make_and_finish(s, &err), WR_OK);
    wr_spill_stats_read(s->f.exec.spill, &stats);
    assert_int_equal(stats.raw_bytes_written, 0);
    assert_int_equal(enter_reading(s, &err), WR_OK);
    assert_int_equal(read_all(s, &err), WR_OK);
    check_order(s);
    close_case(s);
    free(s);
}

static void rows_without_keys_all_come_back(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 2; workers++) {
        for (uint32_t pages = 0; pages <= 4000; pages += 2000) {
            sort_case c = base_case();

            c.key_count = 0;
            c.keep = true;
            c.read_count = 3;
            c.worker_count = workers;
            c.pages = pages;
            run_case(&c);
        }
    }
}

static void kept_rows_are_read_again(void **state)
{
    (void)state;
    for (uint32_t pages = 0; pages <= 4000; pages += 2000) {
        sort_case c = base_case();

        c.keep = true;
        c.read_count = 3;
        c.worker_count = 2;
        c.pages = pages;
        run_case(&c);
        c.kind = ROWS_ASCENDING;
        run_case(&c);
    }
}

static void reclaimed_rows_are_spilled(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 8; workers *= 2) {
        sort_case c = base_case();

        c.reclaim = true;
        c.worker_count = workers;
        c.pages = 2000;
        run_case(&c);
        c.kind = ROWS_EQUAL;
        c.keep = true;
        c.read_count = 2;
        run_case(&c);
    }
}

/* What is spilled, for how much input, in how many passes. */
static uint64_t spilled_bytes_of(const sort_case *c, uint64_t *out_row_bytes)
{
    sort_run_state *s = malloc(sizeof *s);
    wr_spill_stats  stats;
    wr_error        err = {0};

    open_case(s, c);
    assert_int_equal(make_and_finish(s, &err), WR_OK);
    *out_row_bytes = s->sorter.spilled_bytes;
    for (uint32_t i = 0; i < s->sorter.buffer_count; i++)
        *out_row_bytes += s->sorter.buffers[i].row_bytes;
    assert_int_equal(enter_reading(s, &err), WR_OK);
    assert_int_equal(read_all(s, &err), WR_OK);
    check_order(s);
    wr_spill_stats_read(s->f.exec.spill, &stats);
    if (!c->keep && c->rows_max == UINT64_MAX)
        assert_int_equal(stats.disk_bytes, 0);
    close_case(s);
    free(s);
    return stats.raw_bytes_written;
}

static void each_pass_writes_the_input_once(void **state)
{
    sort_case c = base_case();
    uint64_t  rows, spilled;

    (void)state;
    c.row_count = 200000; /* some 20 MB */
    c.pages = 4000;
    spilled = spilled_bytes_of(&c, &rows);
    assert_int_equal(spilled, 0);
    c.pages = 256;
    spilled = spilled_bytes_of(&c, &rows);
    assert_true(spilled > rows / 2 && spilled <= rows + rows / 5);
    c.pages = 0; /* runs of two pages, two or three at a time: 11 passes at most */
    c.row_count = 50000;
    spilled = spilled_bytes_of(&c, &rows);
    assert_true(spilled <= 11 * (rows + rows / 5));
    c.kind = ROWS_ASCENDING; /* one run, written once, with the least lease */
    spilled = spilled_bytes_of(&c, &rows);
    assert_true(spilled <= rows + rows / 5);
}

/* The first 20,000 of 200,000 rows where no buffer keeps so many: not all are spilled for it. */
static void large_top_n_spills_little(void **state)
{
    sort_case c = base_case();
    uint64_t  rows, spilled;

    (void)state;
    for (uint32_t order = 0; order < 4; order++) {
        c.row_count = 200000;
        c.rows_max = 20000;
        c.pages = 96;
        c.worker_count = 1 + order % 2;
        c.keys[0] = (wr_sort_key){1, order & 1, order & 2};
        spilled = spilled_bytes_of(&c, &rows);
        c.rows_max = UINT64_MAX;
        assert_true(spilled < spilled_bytes_of(&c, &rows) / (c.worker_count == 1 ? 3 : 1));
    }
}

static void failing_disks_are_errors(void **state)
{
    static const char *FAULTS[] = {"write:1", "write:5", "write:30+", "read:1", "read:40", "read:60+",
                                   "open:1"};

    (void)state;
    for (uint32_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        for (uint32_t pages = 0; pages <= 100; pages += 100) {
            sort_run_state *s = malloc(sizeof *s);
            sort_case       c = base_case();
            wr_error        err = {0};
            wr_status       status;

            c.pages = pages;
            c.worker_count = 2;
            open_case(s, &c);
            assert_int_equal(wr_fault_configure(FAULTS[i], NULL, NULL), WR_OK);
            status = make_and_finish(s, &err);
            if (status == WR_OK)
                status = enter_reading(s, &err);
            if (status == WR_OK)
                status = read_all(s, &err);
            if (status == WR_OK) /* a read that failed once was made again; the rows were checked */
                assert_string_equal(FAULTS[i], "read:40");
            else
                assert_true(status == WR_IO || status == WR_NO_SPACE || status == WR_CANCELLED);
            close_case(s);
            free(s);
        }
    }
}

/* Growth that is refused now and then only means smaller runs. */
static void refused_grants_only_spill(void **state)
{
    sort_run_state *s = malloc(sizeof *s);
    sort_case       c = base_case();
    wr_error        err = {0};

    (void)state;
    c.pages = 300;
    c.row_count = 50000;
    c.worker_count = 2;
    for (uint32_t every = 2; every < 9; every++) {
        char fault[32];

        open_case(s, &c);
        snprintf(fault, sizeof fault, "grant:/%u", every);
        assert_int_equal(wr_fault_configure(fault, NULL, NULL), WR_OK);
        assert_int_equal(make_and_finish(s, &err), WR_OK);
        assert_int_equal(enter_reading(s, &err), WR_OK);
        assert_int_equal(read_all(s, &err), WR_OK);
        check_order(s);
        close_case(s);
    }
    free(s);
}

static void lease_formulas_stand(void **state)
{
    wr_type        types[1000];
    wr_sort_key    keys[2] = {{0}, {1}};
    wr_sorter_plan plan = {.types = types, .column_count = 3, .keys = keys, .key_count = 2,
                           .output_count = 3, .rows_max = UINT64_MAX};
    wr_exec        exec = {.worker_count = 2, .page_bytes = PAGE, .batch_rows = 1024};

    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        types[i] = WR_TYPE(I64);
    /* one page of keys, four of runs, four a worker */
    assert_int_equal(wr_sorter_resident_min(&plan, &exec), 5 * PAGE);
    assert_int_equal(wr_sorter_lease_min(&plan, &exec, 1), 9 * PAGE);
    assert_int_equal(wr_sorter_lease_min(&plan, &exec, 2), 13 * PAGE);
    /* a worker: chunk, 32 KB of addresses, 3 x 8 KB of values; the merge: 6 pages and state */
    assert_int_equal(wr_sorter_read_lease_min(&plan, &exec, 1), 5 * PAGE + 5 * PAGE + 7 * PAGE);
    plan.column_count = plan.output_count = 1000;
    exec.batch_rows = 128;
    assert_int_equal(wr_sorter_page_bytes(&plan, &exec), 32768);
    assert_true(wr_sorter_lease_min(&plan, &exec, 2) <= 1000000);
    assert_true(wr_sorter_read_lease_min(&plan, &exec, 2) <= 4000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_sorts_in_every_order),
        cmocka_unit_test(several_keys_sort_together),
        cmocka_unit_test(any_number_of_rows_with_any_lease),
        cmocka_unit_test(adversarial_orders),
        cmocka_unit_test(stress_modes_change_nothing),
        cmocka_unit_test(batches_of_one_row),
        cmocka_unit_test(long_keys_are_compared_to_the_end),
        cmocka_unit_test(first_rows_only),
        cmocka_unit_test(small_top_n_spills_nothing),
        cmocka_unit_test(rows_without_keys_all_come_back),
        cmocka_unit_test(kept_rows_are_read_again),
        cmocka_unit_test(reclaimed_rows_are_spilled),
        cmocka_unit_test(large_top_n_spills_little),
        cmocka_unit_test(each_pass_writes_the_input_once),
        cmocka_unit_test(failing_disks_are_errors),
        cmocka_unit_test(refused_grants_only_spill),
        cmocka_unit_test(lease_formulas_stand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
