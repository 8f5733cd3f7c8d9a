/* exec/op_block_sink_test.c — formats that write blocks: order, who may do what at once, faults. Every run
 * gets exactly the leases that the formulas say. */
#include "exec/testkit_io.h"

static const uint32_t WORKERS[] = {1, 2, 8};
static const char    *STRESS[] = {NULL, "batch=3", "blocked", "min"};

#define EACH_WORKER_COUNT(w) (size_t w = 0; w < sizeof WORKERS / sizeof WORKERS[0]; w++)
#define EACH_STRESS(s) (size_t s = 0; s < sizeof STRESS / sizeof STRESS[0]; s++)

enum { ROWS = 20050, TEXT_BYTES = ROWS * NUMBER_BYTES_MAX + 32 };

static const wr_write_request REQUEST = {.schema = &LINES_SCHEMA, .options = &BLOCKS_FAIL_NEVER};

static wr_plan_file_sink sink_plan(memory_fs *fs, const char *path, bool ordered)
{
    memory_init(fs);
    return (wr_plan_file_sink){.format = &BLOCKS, .request = &REQUEST, .fs = &fs->base,
                               .path = wr_text_of(path), .codec = WR_CODEC_NONE,
                               .ordered = ordered};
}

static wr_status run_rows(kit *k, const wr_plan_file_sink *plan, uint32_t worker_count,
                          const char *stress, uint32_t row_count)
{
    numbers_plan numbers = {.row_count = row_count, .morsel_rows = 3000, .batch_rows = 300,
                            .nap_us = 50};

    kit_open(k, 400);
    k->exec.worker_count = worker_count;
    assert_int_equal(wr_fault_configure(NULL, stress, NULL), WR_OK);
    wr_node *source = kit_source(k, &NUMBERS, &numbers);
    kit_sink(k, &WR_BLOCK_SINK, plan, source);
    kit_step(k, source, worker_count, false);
    return kit_run(k);
}

static void end_run(kit *k, memory_fs *fs)
{
    kit_close(k);
    memory_free(fs);
}

/* "begin", the numbers below `count` `times` over, "end". */
static void check_lines(memory_fs *fs, int count, int times)
{
    char  *text = malloc(TEXT_BYTES);
    size_t used = 6;

    assert_non_null(text);
    memcpy(text, "begin\n", used);
    for (int i = 0; i < count * times; i++)
        used += (size_t)snprintf(text + used, TEXT_BYTES - used, "%d\n", i % count);
    memcpy(text + used, "end\n", 5);
    assert_string_equal(memory_get(fs, "out"), text);
    free(text);
}

static void blocks_are_written_in_the_order_of_rows(void **state)
{
    (void)state;
    for EACH_STRESS (s) {
        for EACH_WORKER_COUNT (w) {
            kit               k;
            memory_fs         fs;
            wr_plan_file_sink plan = sink_plan(&fs, "out", true);

            assert_int_equal(run_rows(&k, &plan, WORKERS[w], STRESS[s], ROWS), WR_OK);
            check_lines(&fs, ROWS, 1);
            assert_int_equal(k.exec.rows_out, ROWS);
            assert_int_equal(k.exec.bytes_out, memory_find(&fs, WR_TEXT("out"))->byte_count);
            end_run(&k, &fs);
        }
    }
}

static void unordered_blocks_lose_no_row(void **state)
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

            memset(seen, 0, sizeof seen);
            assert_int_equal(run_rows(&k, &plan, WORKERS[w], STRESS[s], ROWS), WR_OK);
            text = memory_get(&fs, "out");
            assert_memory_equal(text, "begin\n", 6);
            for (text += 6; sscanf(text, "%d\n%n", &number, &length) == 1; text += length) {
                assert_true(number >= 0 && number < ROWS && !seen[number]);
                seen[number] = true;
                count++;
            }
            assert_int_equal(count, ROWS);
            assert_string_equal(text, "end\n");
            end_run(&k, &fs);
        }
    }
}

/* No row, one, a block, a block and a row. */
static void sizes_around_a_block(void **state)
{
    static const uint32_t COUNTS[] = {0, 1, BLOCK_NUMBERS, BLOCK_NUMBERS + 1};

    (void)state;
    for EACH_WORKER_COUNT (w) {
        for (int i = 0; i < 4; i++) {
            kit               k;
            memory_fs         fs;
            wr_plan_file_sink plan = sink_plan(&fs, "out", true);

            assert_int_equal(run_rows(&k, &plan, WORKERS[w], NULL, COUNTS[i]), WR_OK);
            check_lines(&fs, (int)COUNTS[i], 1);
            end_run(&k, &fs);
        }
    }
}

/* A disk that is full at the first byte, in the middle, at the last ones; a publication that fails. */
static void failures_leave_nothing(void **state)
{
    static const size_t ROOM[] = {1, 30000, 0};

    (void)state;
    for EACH_WORKER_COUNT (w) {
        for (int ordered = 0; ordered <= 1; ordered++) {
            for (int i = 0; i < 4; i++) {
                kit               k;
                memory_fs         fs;
                wr_plan_file_sink plan = sink_plan(&fs, "out", ordered);

                fs.write_status = WR_NO_SPACE;
                if (i == 3)
                    fs.commit_status = WR_NO_SPACE;
                else
                    fs.write_bytes_max = ROOM[i] ? ROOM[i] : 109198; /* all but the end */
                assert_int_equal(run_rows(&k, &plan, WORKERS[w], NULL, ROWS), WR_NO_SPACE);
                assert_null(memory_get(&fs, "out"));
                end_run(&k, &fs);
            }
        }
    }
}

static void a_block_that_cannot_be_encoded_leaves_nothing(void **state)
{
    static const int64_t NUMBERS_BAD[] = {0, ROWS / 2, ROWS - 1};

    (void)state;
    for EACH_WORKER_COUNT (w) {
        for (int ordered = 0; ordered <= 1; ordered++) {
            for (int i = 0; i < 3; i++) {
                kit               k;
                memory_fs         fs;
                wr_plan_file_sink plan = sink_plan(&fs, "out", ordered);
                wr_write_request  request = REQUEST;

                request.options = &NUMBERS_BAD[i];
                plan.request = &request;
                assert_int_equal(run_rows(&k, &plan, WORKERS[w], NULL, ROWS), WR_DATA);
                assert_null(memory_get(&fs, "out"));
                end_run(&k, &fs);
            }
        }
    }
}

static void a_closed_stdout_is_a_quiet_end(void **state)
{
    (void)state;
    for EACH_WORKER_COUNT (w) {
        for (int ordered = 0; ordered <= 1; ordered++) {
            for (size_t room = 1; room <= 30001; room += 30000) {
                kit               k;
                memory_fs         fs;
                wr_plan_file_sink plan = sink_plan(&fs, "-", ordered);

                fs.write_bytes_max = room;
                fs.write_status = WR_CLOSED;
                assert_int_equal(run_rows(&k, &plan, WORKERS[w], NULL, ROWS), WR_OK);
                assert_true(k.exec.output_closed);
                assert_true(k.exec.bytes_out <= 30001 + 1000);
                end_run(&k, &fs);
            }
        }
    }
}

static void a_file_that_exists_is_left_alone(void **state)
{
    kit               k;
    memory_fs         fs;
    wr_plan_file_sink plan = sink_plan(&fs, "out", true);

    (void)state;
    memory_put(&fs, "out", "old", 3);
    plan.mode = WR_FS_IGNORE;
    assert_int_equal(run_rows(&k, &plan, 2, NULL, ROWS), WR_OK);
    assert_string_equal(memory_get(&fs, "out"), "old");
    end_run(&k, &fs);
}

/* The block that one step leaves open goes on with the next one's rows. */
static void two_steps_write_one_file(void **state)
{
    (void)state;
    for EACH_WORKER_COUNT (w) {
        kit               k;
        memory_fs         fs;
        numbers_plan      numbers = {.row_count = 530, .morsel_rows = 30, .batch_rows = 10,
                                     .nap_us = 50};
        wr_plan_file_sink plan = sink_plan(&fs, "out", true);

        kit_open(&k, 100);
        k.exec.worker_count = WORKERS[w];
        wr_node *first = kit_source(&k, &NUMBERS, &numbers);
        wr_node *second = kit_source(&k, &NUMBERS, &numbers);
        wr_node *sink = kit_sink(&k, &WR_BLOCK_SINK, &plan, first);
        second->next[second->next_count++] = sink;
        kit_step(&k, first, WORKERS[w], true);
        kit_step(&k, second, WORKERS[w], false);
        assert_int_equal(kit_run(&k), WR_OK);
        check_lines(&fs, 530, 2);
        end_run(&k, &fs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_written_in_the_order_of_rows),
        cmocka_unit_test(unordered_blocks_lose_no_row),
        cmocka_unit_test(sizes_around_a_block),
        cmocka_unit_test(failures_leave_nothing),
        cmocka_unit_test(a_block_that_cannot_be_encoded_leaves_nothing),
        cmocka_unit_test(a_closed_stdout_is_a_quiet_end),
        cmocka_unit_test(a_file_that_exists_is_left_alone),
        cmocka_unit_test(two_steps_write_one_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
