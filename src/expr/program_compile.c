/* expr/program_compile.c — trees to steps.
 *
 * First every node becomes steps over numbered values (one value a node, equal nodes share one),
 * then values get registers: a register is free again after the last step that reads its value, so
 * a program has about as many as its deepest expression needs, plus its outputs.
 *
 * Sharing follows selections: a value that was computed for some rows only (behind AND, OR or in a branch)
 * is known there and in what is nested deeper, and forgotten when that selection ends.
 * Conjunctions as predicates get a second list of steps, conjunct by conjunct, for wr_program_select.
 * Cost: at plan time, quadratic in the number of nodes with a small constant. */
#include "expr/program_priv.h"

#include "base/hash.h"

enum { REGISTER_NONE = UINT32_MAX, CHEAP_DEPTH_MAX = 3 };

/* What a step computes, before it has a register. */
typedef struct value {
    const wr_expr *expr;
    uint32_t       defined_at;   /* step */
    uint32_t       last_use;     /* step */
    uint32_t       reg;
    uint8_t        width;
    bool           is_encoded;   /* may be DICT or CONST, as its arguments may */
} value;

typedef struct compiler {
    wr_bump    *bump;
    step       *steps;
    value      *values;
    uint32_t   *known;           /* values that equal nodes may share, innermost selection last */
    wr_value   *constants;
    call_state *states;
    uint8_t    *scratch_widths, *register_widths;
    uint32_t   *register_holder; /* value in a register while registers are handed out */
    uint32_t    step_count, value_count, known_count, constant_count, state_count;
    uint32_t    scratch_count, register_count, arg_count_max;
    uint32_t    column_count;    /* of the input */
    uint32_t    depth, depth_max;
    uint64_t    output, volatile_count; /* sites of calls that have none */
} compiler;

static wr_status compile_expr(compiler *c, const wr_expr *expr, operand *out, wr_error *err);

/* ---- Bounds ------------------------------------------------------------------------------------------ */

typedef struct bounds {
    uint32_t nodes, steps, args_max;
} bounds;

static void add_bounds(const wr_expr *expr, bounds *b)
{
    b->nodes++;
    b->steps += 2 * expr->arg_count + 2;
    if (expr->arg_count > b->args_max)
        b->args_max = expr->arg_count;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        add_bounds(expr->args[i], b);
}

static wr_status allocate_room(compiler *c, const bounds *b, wr_error *err)
{
    c->steps = WR_BUMP_NEW_ARRAY(c->bump, step, b->steps, err);
    c->values = WR_BUMP_NEW_ARRAY(c->bump, value, b->nodes, err);
    c->known = WR_BUMP_NEW_ARRAY(c->bump, uint32_t, b->nodes, err);
    c->constants = WR_BUMP_NEW_ARRAY(c->bump, wr_value, b->nodes, err);
    c->states = WR_BUMP_NEW_ARRAY(c->bump, call_state, b->nodes, err);
    c->scratch_widths = wr_bump_alloc(c->bump, b->args_max + 1, err);
    c->register_widths = wr_bump_alloc(c->bump, b->nodes, err);
    c->register_holder = WR_BUMP_NEW_ARRAY(c->bump, uint32_t, b->nodes, err);
    return c->steps && c->values && c->known && c->constants && c->states && c->scratch_widths &&
                   c->register_widths && c->register_holder
               ? WR_OK
               : WR_NO_MEMORY;
}

/* ---- Pieces -------------------------------------------------------------------------------------------- */

static uint8_t width_of(wr_type type)
{
    return (uint8_t)wr_physical_bytes(wr_type_physical(type));
}

static operand new_value(compiler *c, const wr_expr *expr)
{
    c->values[c->value_count] = (value){.expr = expr,
                                        .defined_at = c->step_count,
                                        .reg = REGISTER_NONE,
                                        .width = width_of(expr->type)};
    return (operand){OPERAND_REGISTER, c->value_count++};
}

static step *new_step(compiler *c, step_kind kind, const wr_expr *expr, operand out)
{
    step *s = &c->steps[c->step_count++];

    *s = (step){.kind = kind, .expr = expr, .out = out.index, .state = STATE_NONE};
    return s;
}

static void remember(compiler *c, operand out)
{
    c->known[c->known_count++] = out.index;
}

static bool find_known(const compiler *c, const wr_expr *expr, operand *out)
{
    if (!wr_expr_is_repeatable(expr))
        return false;
    for (uint32_t i = c->known_count; i-- > 0;)
        if (wr_expr_equal(c->values[c->known[i]].expr, expr)) {
            *out = (operand){OPERAND_REGISTER, c->known[i]};
            return true;
        }
    return false;
}

static void compile_constant(compiler *c, const wr_expr *expr, operand *out)
{
    c->constants[c->constant_count] = expr->value;
    *out = (operand){OPERAND_CONSTANT, c->constant_count++};
}

static bool is_encoded(const compiler *c, operand arg)
{
    return arg.kind != OPERAND_REGISTER || c->values[arg.index].is_encoded;
}

/* Argument `i` of some step may have to be flattened. */
static void need_scratch(compiler *c, uint32_t i, wr_type type)
{
    if (c->scratch_widths[i] < width_of(type))
        c->scratch_widths[i] = width_of(type);
    if (c->scratch_count <= i)
        c->scratch_count = i + 1;
}

/* A condition; logic reads bytes at row positions. */
static void set_condition(compiler *c, step *s, operand *arg)
{
    s->args = arg;
    s->arg_count = 1;
    need_scratch(c, 0, WR_TYPE(BOOL));
}

static void push_selection(compiler *c)
{
    c->depth++;
    if (c->depth > c->depth_max)
        c->depth_max = c->depth;
}

/* ---- Calls --------------------------------------------------------------------------------------------- */

/* One state for every node that has one, also when both lists of steps call it. */
static uint32_t find_state(compiler *c, const wr_expr *expr, const wr_function *function,
                           uint64_t site)
{
    if (function->state_bytes == 0 && !function->prepare)
        return STATE_NONE;
    for (uint32_t i = 0; i < c->state_count; i++)
        if (c->states[i].expr == expr)
            return i;
    c->states[c->state_count] = (call_state){expr, function, site};
    return c->state_count++;
}

static wr_status compile_call(compiler *c, const wr_expr *expr, const wr_function *function,
                              operand *out, wr_error *err)
{
    uint32_t arg_count = function->flags & WR_FN_CONST_TAIL ? 1 : expr->arg_count;
    operand *args = WR_BUMP_NEW_ARRAY(c->bump, operand, arg_count, err);
    uint64_t site = expr->site;
    bool     encoded = !(function->flags & WR_FN_VOLATILE);
    step    *s;

    if (!args)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < arg_count; i++) {
        WR_TRY(compile_expr(c, expr->args[i], &args[i], err));
        if (is_encoded(c, args[i]))
            need_scratch(c, i, expr->args[i]->type);
        encoded &= is_encoded(c, args[i]);
    }
    if (function->flags & WR_FN_VOLATILE) {
        c->volatile_count++;
        if (site == 0)
            site = wr_hash_combine(c->output + 1, c->volatile_count);
    }
    *out = new_value(c, expr);
    c->values[out->index].is_encoded = encoded;
    s = new_step(c, STEP_CALL, expr, *out);
    s->function = function;
    s->args = args;
    s->arg_count = arg_count;
    s->site = site;
    s->state = find_state(c, expr, function, site);
    if (arg_count > c->arg_count_max)
        c->arg_count_max = arg_count;
    remember(c, *out);
    return WR_OK;
}

/* ---- AND, OR --------------------------------------------------------------------------------------------- */

/* Worth computing for all rows rather than for those that are still undecided: one vectorised
 * loop that cannot fail. */
static bool is_cheap(const wr_expr *expr, uint32_t depth)
{
    const uint32_t wanted = WR_FN_TOTAL | WR_FN_DENSE;

    if (expr->kind == WR_EXPR_COLUMN || expr->kind == WR_EXPR_CONST)
        return true;
    if (depth == CHEAP_DEPTH_MAX || expr->kind == WR_EXPR_CASE)
        return false;
    if (expr->kind == WR_EXPR_CALL && (expr->function->flags & wanted) != wanted)
        return false;
    if (expr->kind == WR_EXPR_CAST && (wr_expr_can_fail(expr) || wr_type_is_bytes(expr->type) ||
                                       wr_type_is_bytes(expr->args[0]->type)))
        return false;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!is_cheap(expr->args[i], depth + 1))
            return false;
    return true;
}

static wr_status compile_logic(compiler *c, const wr_expr *expr, operand *out, wr_error *err)
{
    operand *args = WR_BUMP_NEW_ARRAY(c->bump, operand, expr->arg_count, err);
    bool     cheap = is_cheap(expr, 0);
    uint32_t enter = 0, known = 0;
    step    *s;

    if (!args)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        WR_TRY(compile_expr(c, expr->args[i], &args[i], err));
        if (i == 0) {
            *out = new_value(c, expr);
            known = c->known_count;
        }
        s = new_step(c, i == 0 ? STEP_LOGIC_COPY : STEP_LOGIC_MERGE, expr, *out);
        s->is_and = expr->kind == WR_EXPR_AND;
        set_condition(c, s, &args[i]);
        if (cheap || i + 1 == expr->arg_count)
            continue;
        if (i == 0) {
            enter = c->step_count;
            push_selection(c);
        }
        s = new_step(c, i == 0 ? STEP_LOGIC_ENTER : STEP_LOGIC_NARROW, expr, *out);
        s->is_and = expr->kind == WR_EXPR_AND;
    }
    if (!cheap && expr->arg_count > 1) {
        new_step(c, STEP_POP, expr, *out);
        c->depth--;
        c->known_count = known;
        /* Nobody is left: out of the first test behind the POP, from later ones to it. */
        c->steps[enter].jump = c->step_count;
        for (uint32_t i = enter + 1; i < c->step_count; i++)
            if (c->steps[i].kind == STEP_LOGIC_NARROW && c->steps[i].out == out->index)
                c->steps[i].jump = c->step_count - 1;
    }
    remember(c, *out);
    return WR_OK;
}

/* ---- CASE ------------------------------------------------------------------------------------------------- */

static wr_status compile_branch(compiler *c, const wr_expr *expr, uint32_t i, operand out,
                                uint32_t *io_known, wr_error *err)
{
    operand *args = WR_BUMP_NEW_ARRAY(c->bump, operand, 2, err);
    uint32_t when, known;
    step    *s;

    if (!args)
        return WR_NO_MEMORY;
    WR_TRY(compile_expr(c, expr->args[i], &args[0], err));
    if (i == 0)
        *io_known = c->known_count; /* the first condition is computed for all rows */
    when = c->step_count;
    s = new_step(c, STEP_CASE_WHEN, expr, out);
    set_condition(c, s, &args[0]);
    push_selection(c);
    known = c->known_count;
    WR_TRY(compile_expr(c, expr->args[i + 1], &args[1], err));
    s = new_step(c, STEP_CASE_THEN, expr, out);
    s->args = &args[1];
    s->arg_count = 1;
    c->known_count = known;
    c->depth--;
    c->steps[when].jump = c->step_count;
    return WR_OK;
}

static wr_status compile_case(compiler *c, const wr_expr *expr, operand *out, wr_error *err)
{
    operand *otherwise = WR_BUMP_NEW(c->bump, operand, err);
    uint32_t begin = c->step_count, known = c->known_count;
    step    *s;

    if (!otherwise)
        return WR_NO_MEMORY;
    *out = new_value(c, expr);
    new_step(c, STEP_CASE_ENTER, expr, *out);
    push_selection(c);
    for (uint32_t i = 0; i + 1 < expr->arg_count; i += 2)
        WR_TRY(compile_branch(c, expr, i, *out, &known, err));
    WR_TRY(compile_expr(c, expr->args[expr->arg_count - 1], otherwise, err));
    s = new_step(c, STEP_CASE_ELSE, expr, *out);
    s->args = otherwise;
    s->arg_count = 1;
    new_step(c, STEP_POP, expr, *out);
    c->depth--;
    c->known_count = known;
    for (uint32_t i = begin; i < c->step_count; i++)
        if (c->steps[i].kind == STEP_CASE_THEN && c->steps[i].out == out->index)
            c->steps[i].jump = c->step_count - 1;
    remember(c, *out);
    return WR_OK;
}

static wr_status compile_expr(compiler *c, const wr_expr *expr, operand *out, wr_error *err)
{
    if (expr->kind == WR_EXPR_COLUMN) {
        wr_assert(expr->column < c->column_count, "expressions are bound over the input");
        *out = (operand){OPERAND_COLUMN, expr->column};
        return WR_OK;
    }
    if (expr->kind == WR_EXPR_CONST) {
        compile_constant(c, expr, out);
        return WR_OK;
    }
    if (find_known(c, expr, out))
        return WR_OK;
    switch (expr->kind) {
    case WR_EXPR_CALL:
        return compile_call(c, expr, expr->function, out, err);
    case WR_EXPR_CAST:
        return compile_call(c, expr, wr_cast_function(expr->args[0]->type, expr->type), out,
                            err);
    case WR_EXPR_AND:
    case WR_EXPR_OR:
        return compile_logic(c, expr, out, err);
    default:
        return compile_case(c, expr, out, err);
    }
}

/* ---- Predicates ------------------------------------------------------------------------------------------- */

/* Groups are runs of conjuncts that cannot fail; what one of them computes is not shared, since the
 * next may run before it. */
static wr_status compile_conjuncts(compiler *c, const wr_expr *expr, conjunct **out_conjuncts,
                                   wr_error *err)
{
    conjunct *conjuncts = WR_BUMP_NEW_ARRAY(c->bump, conjunct, expr->arg_count, err);
    uint32_t  group = 0;
    bool      previous_fails = true;

    if (!conjuncts)
        return WR_NO_MEMORY;
    c->known_count = 0;
    c->volatile_count = 0;
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        bool     fails = wr_expr_can_fail(expr->args[i]) || !wr_expr_is_repeatable(expr->args[i]);
        uint32_t known = c->known_count;

        if (fails || previous_fails)
            group++;
        previous_fails = fails;
        conjuncts[i].group = group;
        conjuncts[i].step_begin = c->step_count;
        WR_TRY(compile_expr(c, expr->args[i], &conjuncts[i].value, err));
        conjuncts[i].step_end = c->step_count;
        need_scratch(c, 0, WR_TYPE(BOOL));
        if (!fails)
            c->known_count = known;
    }
    *out_conjuncts = conjuncts;
    return WR_OK;
}

/* ---- Registers ---------------------------------------------------------------------------------------------- */

static void use_operand(compiler *c, operand o, uint32_t at)
{
    if (o.kind == OPERAND_REGISTER && c->values[o.index].last_use < at)
        c->values[o.index].last_use = at;
}

static void find_last_uses(compiler *c, uint32_t begin, uint32_t end)
{
    for (uint32_t at = begin; at < end; at++) {
        const step *s = &c->steps[at];

        use_operand(c, (operand){OPERAND_REGISTER, s->out}, at);
        for (uint32_t i = 0; i < s->arg_count; i++)
            use_operand(c, s->args[i], at);
    }
}

/* Conjuncts of a group run in any order: what comes from before the group stays to its end. */
static void extend_over_groups(compiler *c, const conjunct *conjuncts, uint32_t count)
{
    for (uint32_t first = 0, end; first < count; first = end) {
        uint32_t begin_at = conjuncts[first].step_begin, end_at;

        for (end = first; end < count && conjuncts[end].group == conjuncts[first].group; end++)
            use_operand(c, conjuncts[end].value, conjuncts[end].step_end);
        end_at = conjuncts[end - 1].step_end;
        for (uint32_t i = 0; i < c->value_count; i++)
            if (c->values[i].defined_at < begin_at && c->values[i].last_use >= begin_at &&
                c->values[i].last_use < end_at)
                c->values[i].last_use = end_at;
    }
}

static void take_register(compiler *c, uint32_t index)
{
    value   *v = &c->values[index];
    uint32_t reg = 0;

    while (reg < c->register_count && (c->register_holder[reg] != REGISTER_NONE ||
                                       c->register_widths[reg] != v->width))
        reg++;
    if (reg == c->register_count)
        c->register_widths[c->register_count++] = v->width;
    c->register_holder[reg] = index;
    v->reg = reg;
}

/* A result takes its register before those of its arguments are free again: they never overlap. */
static void assign_registers(compiler *c, uint32_t begin, uint32_t end)
{
    for (uint32_t reg = 0; reg < c->register_count; reg++)
        c->register_holder[reg] = REGISTER_NONE;
    for (uint32_t at = begin; at < end; at++) {
        if (c->values[c->steps[at].out].reg == REGISTER_NONE)
            take_register(c, c->steps[at].out);
        for (uint32_t reg = 0; reg < c->register_count; reg++)
            if (c->register_holder[reg] != REGISTER_NONE &&
                c->values[c->register_holder[reg]].last_use == at)
                c->register_holder[reg] = REGISTER_NONE;
    }
}

static void replace_operand(const compiler *c, operand *o)
{
    if (o->kind == OPERAND_REGISTER)
        o->index = c->values[o->index].reg;
}

static void replace_values(compiler *c)
{
    for (uint32_t at = 0; at < c->step_count; at++) {
        step *s = &c->steps[at];

        s->out = c->values[s->out].reg;
        for (uint32_t i = 0; i < s->arg_count; i++)
            replace_operand(c, &s->args[i]);
    }
}

/* ---- The whole ------------------------------------------------------------------------------------------------ */

static bool is_predicate(wr_expr *const *exprs, uint32_t expr_count)
{
    return expr_count == 1 && exprs[0]->kind == WR_EXPR_AND;
}

static wr_status compile_outputs(compiler *c, wr_expr *const *exprs, uint32_t expr_count,
                                 operand *outputs, wr_error *err)
{
    for (uint32_t i = 0; i < expr_count; i++) {
        c->output = i;
        c->volatile_count = 0;
        WR_TRY(compile_expr(c, exprs[i], &outputs[i], err));
    }
    if (expr_count == 1 && exprs[0]->type.logical == WR_TYPE_BOOL)
        need_scratch(c, 0, WR_TYPE(BOOL)); /* it may be used to select */
    return WR_OK;
}

wr_status wr_program_compile(wr_expr *const *exprs, uint32_t expr_count, const wr_schema *input,
                             wr_bump *bump, const wr_program **out_program, wr_error *err)
{
    wr_program *program = WR_BUMP_NEW(bump, wr_program, err);
    operand    *outputs = WR_BUMP_NEW_ARRAY(bump, operand, expr_count, err);
    conjunct   *conjuncts = NULL;
    compiler    c = {.bump = bump, .column_count = input->field_count};
    bounds      b = {0};

    if (!program || !outputs)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < expr_count; i++)
        add_bounds(exprs[i], &b);
    if (is_predicate(exprs, expr_count))
        add_bounds(exprs[0], &b); /* it is compiled twice */
    WR_TRY(allocate_room(&c, &b, err));
    WR_TRY(compile_outputs(&c, exprs, expr_count, outputs, err));
    program->value_step_count = c.step_count;
    if (is_predicate(exprs, expr_count)) {
        WR_TRY(compile_conjuncts(&c, exprs[0], &conjuncts, err));
        program->conjunct_count = exprs[0]->arg_count;
    }
    find_last_uses(&c, 0, c.step_count);
    for (uint32_t i = 0; i < expr_count; i++)
        use_operand(&c, outputs[i], UINT32_MAX);
    extend_over_groups(&c, conjuncts, program->conjunct_count);
    assign_registers(&c, 0, program->value_step_count);
    assign_registers(&c, program->value_step_count, c.step_count);
    replace_values(&c);
    for (uint32_t i = 0; i < expr_count; i++)
        replace_operand(&c, &outputs[i]);
    for (uint32_t i = 0; i < program->conjunct_count; i++)
        replace_operand(&c, &conjuncts[i].value);

    program->steps = c.steps;
    program->step_count = c.step_count;
    program->outputs = outputs;
    program->output_count = expr_count;
    program->conjuncts = conjuncts;
    program->constants = c.constants;
    program->constant_count = c.constant_count;
    program->register_widths = c.register_widths;
    program->register_count = c.register_count;
    program->scratch_widths = c.scratch_widths;
    program->scratch_count = c.scratch_count;
    program->states = c.states;
    program->state_count = c.state_count;
    program->arg_count_max = c.arg_count_max;
    program->depth_max = c.depth_max;
    *out_program = program;
    return WR_OK;
}
