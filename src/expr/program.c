/* expr/program.c — a worker's local, whole batches, and predicates conjunct by conjunct.
 *
 * When the heap is full or a row fails the same rows are tried again by halves; the number that fitted is
 * remembered, so that a run of long values costs one failed try, not one per batch.
 * Error-free conjuncts are sorted by measured cost over rows dropped, every so many batches. */
#include "expr/program_local.h"

#include <stdio.h>
#include <time.h>

#include "kernel/logic.h"
#include "types/nested.h"

enum {
    MEASURE_EVERY_BATCHES = 4,   /* clocks are read in every fourth batch          */
    REORDER_EVERY_BATCHES = 32,
    SELECTION_BYTES = WR_BATCH_ROWS_MAX * sizeof(uint16_t),
};

/* ---- The local -------------------------------------------------------------------------------------------- */

static uint64_t room_bytes(uint8_t width)
{
    return (uint64_t)WR_BATCH_ROWS_MAX * width + WR_BATCH_ROWS_MAX / 8;
}

/* Allocates, or only adds up when `bump` is NULL: one list of everything a local has. */
typedef struct carver {
    wr_bump  *bump;
    uint64_t  bytes;
    bool      refused;
    wr_error *err;
} carver;

static void *carve(carver *c, uint64_t bytes)
{
    void *p = NULL;

    c->bytes += wr_round_up(bytes ? bytes : 1, 16);
    if (c->bump && !c->refused) {
        p = wr_bump_alloc(c->bump, bytes, c->err);
        c->refused = !p;
    }
    return p;
}

static uint64_t prepare_bytes(const call_state *state)
{
    const wr_function *function = state->function;

    return function->prepare_bytes_of ? function->prepare_bytes_of(state->expr)
                                      : function->prepare_bytes;
}

/* `l` gets the arrays; when only adding up they are NULL and never written. */
static void carve_local(carver *c, const wr_program *program, wr_program_local *l)
{
    bool is_real = c->bump != NULL;

    l->registers = carve(c, program->register_count * sizeof(reg));
    l->constants = carve(c, program->constant_count * sizeof(wr_vector));
    l->cells = carve(c, program->constant_count * sizeof(wr_vector_cell));
    l->scratch = carve(c, program->scratch_count * sizeof(wr_vector));
    l->args = carve(c, program->arg_count_max * sizeof(wr_vector *));
    l->states = carve(c, program->state_count * sizeof(void *));
    l->selections = carve(c, (program->depth_max + 1) * sizeof(wr_selection));
    l->selection_rows = carve(c, (program->depth_max + 1) * sizeof(uint16_t *));
    l->order = carve(c, program->conjunct_count * sizeof(uint32_t));
    l->stats = carve(c, program->conjunct_count * sizeof(conjunct_stats));
    l->eval.live_rows = carve(c, SELECTION_BYTES);
    is_real &= !c->refused;
    for (uint32_t i = 0; i < program->register_count; i++) {
        void *room = carve(c, room_bytes(program->register_widths[i]));
        if (is_real)
            l->registers[i].room = room;
    }
    for (uint32_t i = 0; i < program->scratch_count; i++) {
        void *room = carve(c, room_bytes(program->scratch_widths[i]));
        if (is_real)
            l->scratch[i].data = room;
    }
    for (uint32_t i = 0; i <= program->depth_max; i++) {
        uint16_t *rows = carve(c, SELECTION_BYTES);
        if (is_real)
            l->selection_rows[i] = rows;
    }
    for (uint32_t i = 0; i < program->state_count; i++) {
        void *state = carve(c, program->states[i].function->state_bytes);
        if (is_real)
            l->states[i] = state;
    }
}

uint64_t wr_program_lease_min(const wr_program *program, uint32_t heap_bytes)
{
    carver           c = {0};
    wr_program_local unused;

    carve(&c, sizeof(wr_program_local));
    carve_local(&c, program, &unused);
    for (uint32_t i = 0; i < program->state_count; i++)
        c.bytes += wr_round_up(prepare_bytes(&program->states[i]), 16);
    return c.bytes + heap_bytes;
}

static wr_status prepare_states(wr_program_local *local, wr_bump *bump, wr_error *err)
{
    const wr_program *program = local->program;

    for (uint32_t i = 0; i < program->state_count; i++) {
        const call_state *state = &program->states[i];

        local->eval.expr = state->expr;
        local->eval.site = state->site;
        local->eval.state = local->states[i];
        if (state->function->prepare)
            WR_TRY(state->function->prepare(&local->eval, bump, err));
    }
    return WR_OK;
}

wr_status wr_program_local_new(const wr_program *program, wr_bump *bump, wr_bump *heap,
                               const wr_run_facts *facts, wr_program_local **out_local,
                               wr_error *err)
{
    carver            c = {.bump = bump, .err = err};
    wr_program_local *local = carve(&c, sizeof *local);

    if (!local)
        return WR_NO_MEMORY;
    carve_local(&c, program, local);
    if (c.refused)
        return WR_NO_MEMORY;
    local->program = program;
    local->heap = heap;
    local->rows_try = WR_BATCH_ROWS_MAX;
    local->eval.heap = heap;
    local->eval.now_us = facts->now_us;
    local->eval.seed = facts->seed;
    for (uint32_t i = 0; i < program->constant_count; i++)
        wr_vector_set_const(&local->constants[i], &program->constants[i], WR_BATCH_ROWS_MAX,
                            &local->cells[i]);
    for (uint32_t i = 0; i < program->conjunct_count; i++)
        local->order[i] = i;
    WR_TRY(prepare_states(local, bump, err));
    *out_local = local;
    return WR_OK;
}

void wr_program_local_nest(wr_program_local *local, wr_bump *heap)
{
    local->heap = local->eval.heap = heap;
    local->is_nested = true;
}

/* ---- Parts of a batch --------------------------------------------------------------------------------------- */

/* The selected rows [first, first + count) of the batch become the bottom of the stack. */
static void begin_part(wr_program_local *local, const wr_batch *in, uint32_t first, uint32_t count)
{
    wr_selection *rows = &local->selections[0];

    local->in = in;
    local->depth = 0;
    local->eval.position = in->position;
    local->eval.positions = in->positions;
    local->eval.error_row = WR_ROW_NONE;
    local->long_bytes = 0;
    if (local->is_nested)
        wr_bump_rewind(local->heap, local->heap_begin);
    else
        wr_bump_reset(local->heap);
    if (in->selection.rows) {
        *rows = (wr_selection){in->selection.rows + first, count};
    } else if (first == 0 && count == in->row_count) {
        *rows = wr_rows_all(count);
    } else {
        for (uint32_t i = 0; i < count; i++)
            local->selection_rows[0][i] = (uint16_t)(first + i);
        *rows = (wr_selection){local->selection_rows[0], count};
    }
}

static wr_status raise_too_long(const wr_program_local *local, wr_error *err)
{
    const wr_expr *call = local->failed->expr;
    bool is_list = call->arg_count > 0 && wr_type_is_sequence(call->args[0]->type);
    char length[64] = "";

    if (local->long_bytes > 0)
        snprintf(length, sizeof length, ", one of %llu bytes among them,",
                 (unsigned long long)local->long_bytes);
    return WR_RAISE(err, WR_NO_MEMORY,
                    "%s: the %s of one row%s do not fit beside the %llu bytes in use for text "
                    "(raise the memory cap%s)",
                    local->failed->function->name, is_list ? "lists" : "texts", length,
                    (unsigned long long)local->heap->bytes_used,
                    is_list ? ", or take the list apart with unnest, where it may have any length" : "");
}

/* Run `part` on the rows from `first` on, fewer and fewer until their texts fit and none fails: so it is
 * the first row at which anything fails that is reported, however rows come in batches. */
typedef wr_status (*part_fn)(wr_program_local *local, void *target, wr_error *err);

static wr_status run_part(wr_program_local *local, const wr_batch *in, uint32_t first, part_fn part,
                          void *target, uint32_t *out_rows, uint32_t *out_error_row, wr_error *err)
{
    uint32_t  left = wr_batch_rows(in) - first;
    uint32_t  count = left < local->rows_try ? left : local->rows_try;
    wr_status status;

    *out_error_row = WR_ROW_NONE;
    if (local->is_nested)
        local->heap_begin = wr_bump_save(local->heap);
    for (;;) {
        begin_part(local, in, first, count);
        status = part(local, target, err);
        if (status == WR_OK)
            break;
        if (count <= 1 && status == WR_NO_RESERVE) {
            *out_error_row = wr_selection_row(&local->selections[0], 0);
            return raise_too_long(local, err);
        }
        if (count <= 1 || (local->is_nested && status != WR_NO_RESERVE)) {
            *out_error_row = local->eval.error_row;
            return status;
        }
        count /= 2;
        local->rows_try = count;
        wr_error_clear(err);
    }
    if (local->rows_try < WR_BATCH_ROWS_MAX)
        local->rows_try = local->rows_try * 2;
    *out_rows = count;
    return WR_OK;
}

static wr_status compute_outputs(wr_program_local *local, void *target, wr_error *err)
{
    const wr_program *program = local->program;
    wr_vector        *outputs = target;

    if (local->selections[0].row_count > 0)
        WR_TRY(wr_program_steps(local, 0, program->value_step_count, err));
    for (uint32_t i = 0; i < program->output_count; i++) {
        outputs[i] = *wr_program_operand(local, program->outputs[i]);
        outputs[i].row_count = local->in->row_count;
    }
    return WR_OK;
}

wr_status wr_program_run(wr_program_local *local, const wr_batch *in, uint32_t first,
                         wr_vector *outputs, uint32_t *out_rows, uint32_t *out_error_row,
                         wr_error *err)
{
    return run_part(local, in, first, compute_outputs, outputs, out_rows, out_error_row, err);
}

/* ---- Predicates ------------------------------------------------------------------------------------------------ */

static double clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Cost of a row over the share of rows it drops: the lower, the earlier. */
static double rank_of(const conjunct_stats *stats)
{
    double dropped = stats->rows_in - stats->rows_out;

    return stats->ns / (dropped > 0 ? dropped : 0.01);
}

/* Sort within groups; stable, so that ties keep the order that was written. */
static void reorder(wr_program_local *local)
{
    const conjunct *conjuncts = local->program->conjuncts;
    uint32_t       *order = local->order;

    for (uint32_t i = 1; i < local->program->conjunct_count; i++)
        for (uint32_t j = i; j > 0 && conjuncts[order[j]].group == conjuncts[order[j - 1]].group &&
                             rank_of(&local->stats[order[j]]) < rank_of(&local->stats[order[j - 1]]);
             j--) {
            uint32_t swapped = order[j];

            order[j] = order[j - 1];
            order[j - 1] = swapped;
        }
    for (uint32_t i = 0; i < local->program->conjunct_count; i++) {
        local->stats[i].ns /= 2;
        local->stats[i].rows_in /= 2;
        local->stats[i].rows_out /= 2;
    }
}

static void measure(conjunct_stats *stats, double begin_ns, uint32_t rows_in, uint32_t rows_out)
{
    stats->ns += clock_ns() - begin_ns;
    stats->rows_in += rows_in;
    stats->rows_out += rows_out;
}

/* Narrow the bottom of the stack to the rows where `value` is true. */
static void keep_true(wr_program_local *local, operand value, uint16_t *out_rows)
{
    const wr_vector *flat = wr_program_operand_flat(local, value);
    wr_selection    *rows = &local->selections[0];

    *rows = (wr_selection){out_rows, wr_select(WR_SELECT_TRUE, flat->data, flat->valid, *rows,
                                               out_rows)};
}

typedef struct selected {
    uint16_t *rows; /* where the next ones go */
    uint32_t  row_count;
} selected;

static wr_status select_conjuncts(wr_program_local *local, uint16_t *out_rows, wr_error *err)
{
    const wr_program *program = local->program;
    bool measured = ++local->batch_count % MEASURE_EVERY_BATCHES == 0;

    for (uint32_t i = 0; i < program->conjunct_count; i++) {
        const conjunct *c = &program->conjuncts[local->order[i]];
        uint32_t        rows_in = local->selections[0].row_count;
        double          begin_ns = measured ? clock_ns() : 0;

        if (rows_in == 0)
            break;
        WR_TRY(wr_program_steps(local, c->step_begin, c->step_end, err));
        keep_true(local, c->value, out_rows);
        if (measured)
            measure(&local->stats[local->order[i]], begin_ns, rows_in,
                    local->selections[0].row_count);
    }
    if (local->batch_count % REORDER_EVERY_BATCHES == 0)
        reorder(local);
    return WR_OK;
}

static wr_status select_rows(wr_program_local *local, void *target, wr_error *err)
{
    const wr_program *program = local->program;
    selected         *out = target;

    if (program->conjunct_count > 0) {
        WR_TRY(select_conjuncts(local, out->rows, err));
    } else if (local->selections[0].row_count > 0) {
        WR_TRY(wr_program_steps(local, 0, program->value_step_count, err));
        keep_true(local, program->outputs[0], out->rows);
    }
    out->row_count = local->selections[0].row_count;
    return WR_OK;
}

wr_status wr_program_select(wr_program_local *local, const wr_batch *in, uint16_t *rows,
                            uint32_t *out_row_count, uint32_t *out_error_row, wr_error *err)
{
    uint32_t done = 0, selected_count = 0;

    *out_error_row = WR_ROW_NONE;
    while (done < wr_batch_rows(in)) {
        selected out = {.rows = rows + selected_count};
        uint32_t part_rows = 0;

        wr_status status =
            run_part(local, in, done, select_rows, &out, &part_rows, out_error_row, err);

        *out_row_count = selected_count;
        WR_TRY(status);
        done += part_rows;
        selected_count += out.row_count;
    }
    *out_row_count = selected_count;
    return WR_OK;
}
