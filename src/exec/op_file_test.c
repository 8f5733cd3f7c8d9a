/* exec/op_file_test.c — file scans and sinks: order, rejects, atomic outputs, progress. Every run gets
 * exactly the leases that the formulas say. */
#include "exec/testkit_io.h"

static const uint32_t WORKERS[] = {1, 2, 8};
static const char    *STRESS[] = {NULL, "batch=3", "blocked", "min"};

#define EACH_WORKER_COUNT(w) (size_t w = 0; w < sizeof WORKERS / sizeof WORKERS[0]; w++)
#define EACH_STRESS(s) (size_t s = 0; s < sizeof STRESS / sizeof STRESS[0]; s++)

enum { ROWS = 40000 };

static WR_PRINTF(2, 3) void put(char **io_end, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    *io_end += vsnprintf(*io_end, 1 << 20, format, args);
    va_end(args);
}

/* "begin", the numbers first .. end - 1, "end". */
static char *expected_lines(int first, int end, bool framed)
{
    char *text = malloc((size_t)(end - first) * 8 + 32), *at = text;

    assert_non_null(text);
    put(&at, "%s", framed ? "begin\n" : "");
    for (int i = first; i < end; i++)
        put(&at, "%d\n", i);
    put(&at, "%s", framed ? "end\n" : "");
    return text;
}

/* ---- Sinks --------------------------------------------------------------------------------------------- */

static const wr_write_request WRITE_REQUEST = {.schema = &LINES_SCHEMA};

static wr_plan_file_sink sink_plan(memory_fs *fs, const char *path, bool ordered)
{
    return (wr_plan_file_sink){.format = &LINES, .request = &WRITE_REQUEST, .fs = &fs->base,
                               .path = wr_text_of(path), .codec = WR_CODEC_NONE,
                               .ordered = ordered};
}

/* numbers -> file; with `surplus_pages` above the least. */
static wr_status run_sink(kit *k, const wr_plan_file_sink *plan, uint32_t worker_count,
                          uint32_t surplus_pages, const char *stress)
{
    static const numbers_plan numbers = {.row_count = ROWS, .morsel_rows = 7000, .batch_rows = 1000,
                                         .nap_us = 100};

    kit_open(k, 400);
    assert_int_equal(wr_fault_configure(NULL, stress, NULL), WR_OK);
    wr_node *source = kit_source(k, &NUMBERS, &numbers);
    kit_sink(k, &WR_FILE_SINK, plan, source);
    kit_step(k, source, worker_count, false);
    k->lease_room[0][1].want_bytes =
        k->lease_room[0][1].min_bytes + (uint64_t)surplus_pages * KIT_PAGE;
    k->lease_room[0][1].weight = 1;
    return kit_run(k);
}

static void ordered_output_does_not_depend_on_workers(void **state)
{
    char *expected = expected_lines(0, ROWS, true);

    (void)state;
    for EACH_STRESS (s) {
        for EACH_WORKER_COUNT (w) {
            for (uint32_t surplus = 0; surplus <= 20; surplus += 10) {
                kit               k;
                memory_fs         fs;
                wr_plan_file_sink plan = sink_plan(&fs, "out", true);

                memory_init(&fs);
                assert_int_equal(run_sink(&k, &plan, WORKERS[w], surplus, STRESS[s]), WR_OK);
                assert_string_equal(memory_get(&fs, "out"), expected);
                assert_int_equal(k.exec.rows_out, ROWS);
                assert_int_equal(k.exec.bytes_out, strlen(expected));
                kit_close(&k);
                memory_free(&fs);
            }
        }
    }
    free(expected);
}

static void unordered_output_tears_no_row(void **state)
{
    static bool seen[ROWS];

    (void)state;
    for EACH_STRESS (s) {
        for EACH_WORKER_COUNT (w) {
            kit               k;
            memory_fs         fs;
            wr_plan_file_sink plan = sink_plan(&fs, "out", false);
            const char       *text;
            int               number, length, count = 0;

            memory_init(&fs);
            memset(seen, 0, sizeof seen);
            assert_int_equal(run_sink(&k, &plan, WORKERS[w], 0, STRESS[s]), WR_OK);
            text = memory_get(&fs, "out");
            assert_memory_equal(text, "begin\n", 6);
            for (text += 6; sscanf(text, "%d\n%n", &number, &length) == 1; text += length) {
                assert_true(number >= 0 && number < ROWS && !seen[number]);
                seen[number] = true;
                count++;
            }
            assert_int_equal(count, ROWS);
            assert_string_equal(text, "end\n");
            kit_close(&k);
            memory_free(&fs);
        }
    }
}

static void an_empty_output_has_its_frame(void **state)
{
    kit               k;
    memory_fs         fs;
    numbers_plan      numbers = {.morsel_rows = 10, .batch_rows = 10};
    wr_plan_file_sink plan = sink_plan(&fs, "out", true);

    (void)state;
    memory_init(&fs);
    kit_open(&k, 100);
    wr_node *source = kit_source(&k, &NUMBERS, &numbers);
    kit_sink(&k, &WR_FILE_SINK, &plan, source);
    kit_step(&k, source, 2, false);
    assert_int_equal(kit_run(&k), WR_OK);
    assert_string_equal(memory_get(&fs, "out"), "begin\nend\n");
    kit_close(&k);
    memory_free(&fs);
}

/* Disk full, a pipe that breaks, a publication that fails, a bad row, cancellation: nothing appears. */
static void failures_leave_nothing(void **state)
{
    static const wr_status STATUSES[] = {WR_NO_SPACE, WR_CLOSED, WR_IO};

    (void)state;
    for EACH_WORKER_COUNT (w) {
        for (int ordered = 0; ordered <= 1; ordered++) {
            for (int i = 0; i < 3; i++) {
                kit               k;
                memory_fs         fs;
                wr_plan_file_sink plan = sink_plan(&fs, "out", ordered);

                memory_init(&fs);
                if (STATUSES[i] == WR_IO)
                    fs.commit_status = WR_IO;
                else
                    fs.write_bytes_max = 30000;
                fs.write_status = STATUSES[i];
                assert_int_equal(run_sink(&k, &plan, WORKERS[w], 0, NULL), STATUSES[i]);
                assert_null(memory_get(&fs, "out"));
                kit_close(&k);
                memory_free(&fs);
            }
        }
    }
}

static void a_bad_row_leaves_nothing(void **state)
{
    (void)state;
    for EACH_WORKER_COUNT (w) {
        kit               k;
        memory_fs         fs;
        numbers_plan      numbers = {.row_count = ROWS, .morsel_rows = 700, .batch_rows = 100,
                                     .fail_at = ROWS - 1};
        wr_plan_file_sink plan = sink_plan(&fs, "out", true);

        memory_init(&fs);
        kit_open(&k, 100);
        wr_node *source = kit_source(&k, &NUMBERS, &numbers);
        kit_sink(&k, &WR_FILE_SINK, &plan, source);
        kit_step(&k, source, WORKERS[w], false);
        assert_int_equal(kit_run(&k), WR_DATA);
        assert_null(memory_get(&fs, "out"));
        kit_close(&k);
        memory_free(&fs);
    }
}

static void a_closed_stdout_is_a_quiet_end(void **state)
{
    (void)state;
    for EACH_WORKER_COUNT (w) {
        for (int ordered = 0; ordered <= 1; ordered++) {
            kit               k;
            memory_fs         fs;
            wr_plan_file_sink plan = sink_plan(&fs, "-", ordered);

            memory_init(&fs);
            fs.write_bytes_max = 30000;
            fs.write_status = WR_CLOSED;
            assert_int_equal(run_sink(&k, &plan, WORKERS[w], 0, NULL), WR_OK);
            assert_true(k.exec.output_closed);
            assert_true(k.exec.bytes_out <= 30000);
            kit_close(&k);
            memory_free(&fs);
        }
    }
}

static void modes_of_a_sink(void **state)
{
    kit               k;
    memory_fs         fs;
    wr_plan_file_sink plan = sink_plan(&fs, "out", true);

    (void)state;
    memory_init(&fs);
    memory_put(&fs, "out", "old", 3);
    plan.mode = WR_FS_ERROR;
    assert_int_equal(run_sink(&k, &plan, 2, 0, NULL), WR_EXISTS);
    kit_close(&k);
    plan.mode = WR_FS_IGNORE;
    assert_int_equal(run_sink(&k, &plan, 2, 0, NULL), WR_OK);
    assert_string_equal(memory_get(&fs, "out"), "old");
    assert_true(k.exec.rows_in <= 4000); /* nobody wanted them */
    kit_close(&k);
    plan.mode = WR_FS_OVERWRITE;
    assert_int_equal(run_sink(&k, &plan, 2, 0, NULL), WR_OK);
    assert_memory_equal(memory_get(&fs, "out"), "begin\n0\n", 8);
    kit_close(&k);
    memory_free(&fs);
}

/* Two morsel sequences, one after the other, into one ordered file (a probe, then the rest of a join). */
static void two_steps_write_one_file(void **state)
{
    char *expected = expected_lines(0, 500, false);

    (void)state;
    for EACH_WORKER_COUNT (w) {
        kit               k;
        memory_fs         fs;
        numbers_plan      numbers = {.row_count = 500, .morsel_rows = 30, .batch_rows = 10,
                                     .nap_us = 50};
        wr_plan_file_sink plan = sink_plan(&fs, "out", true);
        char             *twice = malloc(2 * strlen(expected) + 32), *at = twice;

        assert_non_null(twice);
        put(&at, "begin\n%s%send\n", expected, expected);
        memory_init(&fs);
        kit_open(&k, 100);
        wr_node *first = kit_source(&k, &NUMBERS, &numbers);
        wr_node *second = kit_source(&k, &NUMBERS, &numbers);
        wr_node *sink = kit_sink(&k, &WR_FILE_SINK, &plan, first);
        second->next[second->next_count++] = sink;
        kit_step(&k, first, WORKERS[w], true);
        kit_step(&k, second, WORKERS[w], false);
        assert_int_equal(kit_run(&k), WR_OK);
        assert_string_equal(memory_get(&fs, "out"), twice);
        kit_close(&k);
        memory_free(&fs);
        free(twice);
    }
    free(expected);
}

/* ---- Scans --------------------------------------------------------------------------------------------- */

static const wr_read_request READ_REQUEST = {
    .schema = &LINES_SCHEMA, .columns = LINES_COLUMNS, .column_count = 1, .batch_rows = 100,
    .chunk_bytes = 3000, .count_rows = true};

static const wr_text PATHS[] = {{"a", 1}, {"empty", 5}, {"b", 1}, {"c", 1}};

/* a: 0 .. 9999, b: 10000 .. 19999 without a last newline, c: 20000 .. 29999. */
static void make_files(memory_fs *fs)
{
    char *a = expected_lines(0, 10000, false), *b = expected_lines(10000, 20000, false),
         *c = expected_lines(20000, 30000, false);

    memory_init(fs);
    memory_put(fs, "a", a, strlen(a));
    memory_put(fs, "empty", "", 0);
    memory_put(fs, "b", b, strlen(b) - 1);
    memory_put(fs, "c", c, strlen(c));
    free(a);
    free(b);
    free(c);
}

/* Overwrite the line of `number` in file `name` by x's. */
static void spoil(memory_fs *fs, const char *name, int number)
{
    char  needle[16];
    char *line;

    snprintf(needle, sizeof needle, "\n%d\n", number);
    line = strstr(memory_find(fs, wr_text_of(name))->bytes, needle);
    assert_non_null(line);
    for (line++; *line != '\n'; line++)
        *line = 'x';
}

static wr_plan_file_scan scan_plan(memory_fs *fs)
{
    return (wr_plan_file_scan){.format = &LINES, .request = &READ_REQUEST, .fs = &fs->base,
                               .paths = PATHS, .path_count = 4, .codec = WR_CODEC_NONE,
                               .errors_max = UINT64_MAX, .reject_fs = &fs->base,
                               .reject_path = WR_TEXT("rejects")};
}

static wr_status run_scan(kit *k, const wr_plan_file_scan *plan, const wr_plan_file_sink *sink,
                          uint32_t worker_count, const char *stress)
{
    kit_open(k, 400);
    assert_int_equal(wr_fault_configure(NULL, stress, NULL), WR_OK);
    wr_node *source = kit_source(k, &WR_FILE_SCAN, plan);
    kit_sink(k, &WR_FILE_SINK, sink, source);
    kit_step(k, source, worker_count, false);
    return kit_run(k);
}

static void files_are_read_in_order(void **state)
{
    char *expected = expected_lines(0, 30000, true);

    (void)state;
    for EACH_STRESS (s) {
        for EACH_WORKER_COUNT (w) {
            kit               k;
            memory_fs         fs;
            wr_plan_file_scan plan = scan_plan(&fs);
            wr_plan_file_sink sink = sink_plan(&fs, "out", true);

            make_files(&fs);
            assert_int_equal(run_scan(&k, &plan, &sink, WORKERS[w], STRESS[s]), WR_OK);
            assert_string_equal(memory_get(&fs, "out"), expected);
            assert_int_equal(k.exec.rows_in, 30000);
            assert_int_equal(k.exec.bytes_in, strlen(expected) - 10 - 1);
            kit_close(&k);
            memory_free(&fs);
        }
    }
    free(expected);
}

static void compressed_files_are_read_as_they_were_written(void **state)
{
    static const wr_codec CODECS[] = {WR_CODEC_GZIP, WR_CODEC_ZSTD};
    char                 *expected = expected_lines(0, 30000, false);

    (void)state;
    for (int c = 0; c < 2; c++) {
        kit               k;
        memory_fs         fs;
        wr_text           middle = WR_TEXT("packed");
        wr_plan_file_scan plan = scan_plan(&fs);
        wr_plan_file_sink sink = sink_plan(&fs, "packed", true);
        wr_format         bare = LINES;
        wr_format_writer_ops writer = LINES_WRITER;

        writer.begin = writer.end = NULL;
        bare.writer = &writer;
        sink.format = &bare;
        make_files(&fs);
        sink.codec = CODECS[c];
        assert_int_equal(run_scan(&k, &plan, &sink, 2, NULL), WR_OK);
        kit_close(&k);
        assert_true(memory_find(&fs, middle)->byte_count < strlen(expected) / 2);

        plan.paths = &middle;
        plan.path_count = 1;
        plan.codec = CODECS[c];
        sink.codec = WR_CODEC_NONE;
        sink.path = WR_TEXT("out");
        assert_int_equal(run_scan(&k, &plan, &sink, 2, NULL), WR_OK);
        assert_string_equal(memory_get(&fs, "out"), expected);
        assert_int_equal(k.exec.bytes_in, memory_find(&fs, middle)->byte_count);
        kit_close(&k);
        memory_free(&fs);
    }
    free(expected);
}

/* Columns: n, filename, row number, position. */
typedef struct check_sink {
    _Atomic uint32_t row_count;
} check_sink;

static wr_status check_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    check_sink *check = (check_sink *)(uintptr_t)node->plan;

    (void)local, (void)exec, (void)err;
    *out_flow = WR_FLOW_MORE;
    for (uint32_t i = 0; i < wr_batch_rows(in); i++) {
        uint32_t row = wr_selection_row(&in->selection, i);
        int64_t  n = wr_vector_value(&in->columns[0], row).i64;
        wr_text  path = wr_vector_value(&in->columns[1], row).text;

        assert_int_equal(in->column_count, 4);
        assert_int_equal(path.byte_count, 1);
        assert_int_equal(path.bytes[0], "abc"[n / 10000]);
        assert_int_equal(wr_vector_value(&in->columns[2], row).i64, n % 10000 + 1);
        assert_int_equal(wr_vector_value(&in->columns[3], row).u64 >> WR_POSITION_ROW_BITS,
                         in->morsel);
        assert_int_equal(in->position >> 24, in->morsel);
    }
    atomic_fetch_add(&check->row_count, wr_batch_rows(in));
    return WR_OK;
}

static void rows_know_where_they_come_from(void **state)
{
    static const wr_sink_ops CHECK = {.name = "check", .push = check_push};

    (void)state;
    for EACH_STRESS (s) {
        for EACH_WORKER_COUNT (w) {
            kit               k;
            memory_fs         fs;
            wr_plan_file_scan plan = scan_plan(&fs);
            wr_plan_position  position = {3};
            check_sink        check = {0};

            make_files(&fs);
            spoil(&fs, "b", 10007);
            plan.add_filename = plan.add_row_number = true;
            plan.on_error = WR_ON_ERROR_SKIP;
            kit_open(&k, 400);
            assert_int_equal(wr_fault_configure(NULL, STRESS[s], NULL), WR_OK);
            wr_node *source = kit_source(&k, &WR_FILE_SCAN, &plan);
            kit_sink(&k, &CHECK, &check, kit_transform(&k, &WR_POSITION, &position, source));
            kit_step(&k, source, WORKERS[w], false);
            assert_int_equal(kit_run(&k), WR_OK);
            assert_int_equal(check.row_count, 29999);
            kit_close(&k);
            memory_free(&fs);
        }
    }
}

static void errors_say_where(void **state)
{
    (void)state;
    for EACH_WORKER_COUNT (w) {
        kit               k;
        memory_fs         fs;
        wr_plan_file_scan plan = scan_plan(&fs);
        wr_plan_file_sink sink = sink_plan(&fs, "out", true);
        int64_t           bad = 20016;

        make_files(&fs);
        spoil(&fs, "b", 15000);
        spoil(&fs, "b", 15900);
        spoil(&fs, "c", 20000 + 5);
        assert_int_equal(run_scan(&k, &plan, &sink, WORKERS[w], NULL), WR_DATA);
        assert_string_equal(k.error.message,
                            "b:5001: column 'n': not a \"number\" (on_error: skip or reject_file "
                            "goes on without such rows)\n  while running test step");
        assert_null(memory_get(&fs, "out"));
        kit_close(&k);
        memory_free(&fs);

        /* an expression that fails knows the line too */
        make_files(&fs);
        kit_open(&k, 400);
        wr_node *source = kit_source(&k, &WR_FILE_SCAN, &plan);
        kit_sink(&k, &DISCARD, NULL, kit_transform(&k, &FAIL, &bad, source));
        kit_step(&k, source, WORKERS[w], false);
        assert_int_equal(kit_run(&k), WR_DATA);
        assert_string_equal(k.error.message, "no such number (c:17)\n  while running test step");
        kit_close(&k);
        memory_free(&fs);
    }
}

static void files_that_cannot_be_opened(void **state)
{
    static const wr_text MISSING[] = {{"a", 1}, {"nowhere", 7}};
    static const wr_text BAD[] = {{"a", 1}, {"bad head", 8}, {"c", 1}};

    (void)state;
    for EACH_WORKER_COUNT (w) {
        kit               k;
        memory_fs         fs;
        wr_plan_file_scan plan = scan_plan(&fs);
        wr_plan_file_sink sink = sink_plan(&fs, "out", true);

        make_files(&fs);
        plan.paths = MISSING;
        plan.path_count = 2;
        assert_int_equal(run_scan(&k, &plan, &sink, WORKERS[w], NULL), WR_NOT_FOUND);
        kit_close(&k);
        memory_put(&fs, "bad head", "1\n", 2);
        plan.paths = BAD;
        plan.path_count = 3;
        assert_int_equal(run_scan(&k, &plan, &sink, WORKERS[w], NULL), WR_DATA);
        assert_string_equal(k.error.message, "bad head\n  while running test step");
        kit_close(&k);
        memory_free(&fs);
    }
}

/* ---- Rejects --------------------------------------------------------------------------------------------- */

static void spoil_some(memory_fs *fs)
{
    make_files(fs);
    for (int n = 137; n < 10000; n += 1000)
        spoil(fs, "a", n);
    spoil(fs, "c", 29999);
}

static void rejects_are_written_in_order(void **state)
{
    (void)state;
    for EACH_STRESS (s) {
        for EACH_WORKER_COUNT (w) {
            kit               k;
            memory_fs         fs;
            wr_plan_file_scan plan = scan_plan(&fs);
            wr_plan_file_sink sink = sink_plan(&fs, "out", true);
            char              expected[2048], *at = expected;

            spoil_some(&fs);
            put(&at, "file,line,byte_offset,column,reason,raw\n");
            for (int n = 137; n < 10000; n += 1000) {
                int digits = n < 1000 ? 3 : 4;
                int offset = n < 1000 ? 10 * 2 + 90 * 3 + (n - 100) * 4
                                      : 10 * 2 + 90 * 3 + 900 * 4 + (n - 1000) * 5;

                put(&at, "\"a\",%d,%d,\"n\",\"not a \"\"number\"\"\",\"%.*s\"\n", n + 1,
                    offset, digits, "xxxx");
            }
            put(&at, "\"c\",10000,59994,\"n\",\"not a \"\"number\"\"\",\"xxxxx\"\n");
            plan.on_error = WR_ON_ERROR_REJECT;
            assert_int_equal(run_scan(&k, &plan, &sink, WORKERS[w], STRESS[s]), WR_OK);
            assert_string_equal(memory_get(&fs, "rejects"), expected);
            assert_int_equal(k.exec.rejects, 11);
            assert_int_equal(k.exec.rows_out, 30000 - 11);
            kit_close(&k);
            memory_free(&fs);
        }
    }
}

static void too_many_rejects_fail(void **state)
{
    (void)state;
    for EACH_WORKER_COUNT (w) {
        kit               k;
        memory_fs         fs;
        wr_plan_file_scan plan = scan_plan(&fs);
        wr_plan_file_sink sink = sink_plan(&fs, "out", true);

        spoil_some(&fs);
        plan.on_error = WR_ON_ERROR_REJECT;
        plan.errors_max = 4;
        assert_int_equal(run_scan(&k, &plan, &sink, WORKERS[w], NULL), WR_DATA);
        assert_string_equal(k.error.message,
                            "a:4138: column 'n': not a \"number\" (bad row number 5, and "
                            "max_errors is 4)\n  while running test step");
        assert_null(memory_get(&fs, "rejects"));
        assert_null(memory_get(&fs, "out"));
        kit_close(&k);
        plan.errors_max = 11;
        plan.on_error = WR_ON_ERROR_SKIP;
        assert_int_equal(run_scan(&k, &plan, &sink, WORKERS[w], NULL), WR_OK);
        assert_int_equal(k.exec.rejects, 11);
        assert_null(memory_get(&fs, "rejects"));
        kit_close(&k);
        memory_free(&fs);
    }
}

/* Who leaves a split in the middle does not leave others waiting behind it. */
static void a_limit_over_rejects_ends(void **state)
{
    char *expected = expected_lines(0, 130, true);

    (void)state;
    for (int round = 0; round < 20; round++) {
        for EACH_WORKER_COUNT (w) {
            kit               k;
            memory_fs         fs;
            wr_plan_file_scan plan = scan_plan(&fs);
            wr_plan_file_sink sink = sink_plan(&fs, "out", true);
            wr_plan_limit     limit = {0, 130};

            spoil_some(&fs);
            for (int n = 1000; n < 9000; n += 100)
                spoil(&fs, "a", n);
            plan.on_error = WR_ON_ERROR_SKIP;
            plan.errors_max = 0;
            kit_open(&k, 400);
            wr_node *source = kit_source(&k, &WR_FILE_SCAN, &plan);
            kit_sink(&k, &WR_FILE_SINK, &sink, kit_transform(&k, &WR_LIMIT, &limit, source));
            kit_step(&k, source, WORKERS[w], false);
            assert_int_equal(kit_run(&k), WR_DATA); /* 137 lies in the batch of the last row */
            assert_non_null(strstr(k.error.message, "a:138:"));
            kit_close(&k);

            limit.rows_max = 100;
            kit_open(&k, 400);
            source = kit_source(&k, &WR_FILE_SCAN, &plan);
            kit_sink(&k, &WR_FILE_SINK, &sink, kit_transform(&k, &WR_LIMIT, &limit, source));
            kit_step(&k, source, WORKERS[w], false);
            assert_int_equal(kit_run(&k), WR_OK); /* nothing behind it counts */
            assert_memory_equal(memory_get(&fs, "out"), expected, 6 + 10 * 2 + 90 * 3);
            kit_close(&k);
            memory_free(&fs);
        }
    }
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordered_output_does_not_depend_on_workers),
        cmocka_unit_test(unordered_output_tears_no_row),
        cmocka_unit_test(an_empty_output_has_its_frame),
        cmocka_unit_test(failures_leave_nothing),
        cmocka_unit_test(a_bad_row_leaves_nothing),
        cmocka_unit_test(a_closed_stdout_is_a_quiet_end),
        cmocka_unit_test(modes_of_a_sink),
        cmocka_unit_test(two_steps_write_one_file),
        cmocka_unit_test(files_are_read_in_order),
        cmocka_unit_test(compressed_files_are_read_as_they_were_written),
        cmocka_unit_test(rows_know_where_they_come_from),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(files_that_cannot_be_opened),
        cmocka_unit_test(rejects_are_written_in_order),
        cmocka_unit_test(too_many_rejects_fail),
        cmocka_unit_test(a_limit_over_rejects_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
