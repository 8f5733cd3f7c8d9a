"""Random joins: by keys, by ordered conditions, by bands; asof, mark and single."""
from columns import BY_NAME, Column, random_table
from plan import scan_step

JOINS = {"inner": "JOIN", "left": "LEFT JOIN", "right": "RIGHT JOIN", "full": "FULL JOIN",
         "semi": "SEMI JOIN", "anti": "ANTI JOIN", "cross": "CROSS JOIN"}


def right_table(random, plan, large=False):
    """Another table with join partners for the first one, or None: there are enough."""
    if plan.is_ordered or not plan.columns or len(plan.tables) > 2:
        return None
    return random_table(random, f"right{len(plan.tables)}", "st"[len(plan.tables) - 1], large,
                        plan.tables[0])


def scan_right(plan, table):
    plan.tables.append(table)
    plan.steps.insert(0, {**scan_step(table), "id": table.name})


def equal_pairs(plan, table):
    return [(a, b) for a in plan.columns for b in table.columns if a.type is b.type]


def join_condition(random, plan, table):
    """(pipeline `on`, SQL condition, pairs that must be equal), or None if no column fits."""
    pairs = equal_pairs(plan, table)
    by_id = [(a, b) for a, b in pairs if a.name == plan.id_column and b is table.columns[0]]
    if not pairs:
        return None
    small = table.row_count * plan.row_limit < 10**6
    chosen = random.sample(pairs, min(len(pairs), random.choice((1, 1, 2, 3))))
    if by_id and not (small and random.random() < 0.8):
        chosen = by_id  # large tables meet on the unique id, or the result explodes
    elif not small:
        return None
    # The kind of the second condition: an equality, or any comparison (an ordered or residual one).
    words = ["="] + [random.choice(("=", "=", "<", "<=", ">", "<>")) for _ in chosen[1:]]
    if small and random.random() < 0.3:  # ordered conditions alone
        words = [random.choice(("<", "<=", ">", ">=")) for _ in chosen]
    text = " AND ".join(f"{a.name} {word} {b.name}" for (a, b), word in zip(chosen, words))
    return text, text, [pair for pair, word in zip(chosen, words) if word == "="]


def sort_both(random, plan, table, pairs):
    """Sort both inputs of a join by its keys, and by what else comes to mind: a merge join."""
    orders = [(pair, random.choice(("", " ASC", " DESC")),
               random.choice(("", "", " NULLS FIRST", " NULLS LAST"))) for pair in pairs]
    random.shuffle(orders)
    more = random.choice(([], [table.columns[-1].name]))
    plan.steps.insert(1, {"id": f"{table.name}_sorted", "op": "sort", "input": table.name,
                          "by": [f"{b.name}{o}{n}" for (_, b), o, n in orders] + more})
    if random.random() < 0.1:  # not the same way: a hash join
        orders = [(pair, " DESC" if "DESC" not in o else "", n) for pair, o, n in orders]
    plan.steps.append({"op": "sort", "by": [f"{a.name}{o}{n}" for (a, _), o, n in orders]})
    return f"{table.name}_sorted"


def add_join(random, plan):
    table = right_table(random, plan, plan.tables[0].row_count > 50000 and random.random() < 0.5)
    if not table:
        return False
    type_ = random.choice(list(JOINS))
    condition = join_condition(random, plan, table)
    if type_ == "cross" and table.row_count * plan.row_limit > 10**5:
        type_ = "inner"
    if type_ != "cross" and not condition:
        return False
    scan_right(plan, table)
    step = {"op": "join", "right": table.name, "type": type_}
    on = ""
    if type_ != "cross":
        if condition[2] and random.random() < 0.4:
            step["right"] = sort_both(random, plan, table, condition[2])
            plan.kinds.append("sorts")
        step["on"] = condition[0]
        on = f" ON {condition[1]}"
    columns = plan.columns + ([] if type_ in ("semi", "anti") else table.columns)
    plan.add(f"{type_} join", step,
             f"SELECT * FROM ({plan.sql}) l {JOINS[type_]} {table.name} r{on}", columns)
    if type_ not in ("semi", "anti"):
        plan.id_column = ""
        plan.row_limit = max(plan.row_limit, 1) * max(1, table.row_count)
    return True


def add_asof(random, plan):
    """The nearest by the right table's id, which is unique, so that there is one."""
    table = right_table(random, plan)
    if not table:
        return False
    near = table.columns[0]
    ordered = [c for c in plan.columns if c.type is near.type]
    pairs = equal_pairs(plan, table)
    if not ordered:
        return False
    scan_right(plan, table)
    chosen = random.sample(pairs, min(len(pairs), random.randint(0, 2)))
    keys = [f"{a.name} = {b.name}" for a, b in chosen]
    # DuckDB fails where the sides' types differ: a sum of BIGINT is a HUGEINT.
    their_keys = [f"{a.name}::{a.type.duck} = {b.name}" for a, b in chosen]
    column, word = random.choice(ordered), random.choice(("<", "<=", ">", ">="))
    match = f"{column.name} {word} {near.name}"
    type_ = random.choice(("asof", "asof_left"))
    their_match = f"{column.name}::{near.type.duck} {word} {near.name}"
    step = {"op": "join", "right": table.name, "type": type_, "match": match}
    if keys:
        step["on"] = " AND ".join(keys)
    tolerance, outer = "", "LEFT " if type_ == "asof_left" else ""
    if type_ == "asof" and random.random() < 0.3:  # DuckDB has none: it is a filter behind
        step["tolerance"] = 50
        tolerance = f" WHERE abs({column.name}::HUGEINT - {near.name}) <= 50"
    # DuckDB 1.5.6 lets NULL keys of both sides match each other here.
    theirs = f"SELECT * FROM {table.name}" + "".join(
        f" {'AND' if i else 'WHERE'} {b.name} IS NOT NULL" for i, (_, b) in enumerate(chosen))
    plan.add(f"{type_} join", step,
             f"SELECT * FROM ({plan.sql}) l ASOF {outer}JOIN ({theirs}) r "
             f"ON {' AND '.join(their_keys + [their_match])}{tolerance}", plan.columns + table.columns)
    return True


# Of each family: our difference, DuckDB's, which must not overflow, and what it is compared with.
DIFFERENCES = {
    "int": ("{a} - {b}", "({a}::HUGEINT - {b})", "{}", (0, 1, 60, 9 * 10**18)),
    "float": ("{a} - {b}", "({a} - {b})", "{}::double", (0, 0.015625, 7.5, 1000)),
    "decimal": ("{a} - {b}", "({a}::DECIMAL(18, 2) - {b}::DECIMAL(18, 2))", "{}", (0, 0.01, 250.5)),
    "date": ("{a} - {b}", "({a} - {b})", "{}", (0, 1, 365, 20000)),
    "timestamp": ("{a} - {b}", "(epoch_us({a}) - epoch_us({b}))", "interval '{} microseconds'",
                  (0, 1, 10**12, 10**15)),
}


def add_band(random, plan):
    """What lies within a distance: a compared difference, of all edges of its type."""
    table = right_table(random, plan)
    if not table or table.row_count * plan.row_limit > 10**6:
        return False
    pairs = [(a, b) for a, b in equal_pairs(plan, table) if a.family in DIFFERENCES and
             a.type.name not in ("Float32", "Decimal(18,4)", "Decimal(30,10)") and a.type.name[0] != "U"]
    if not pairs:
        return False
    a, b = random.choice(pairs)
    ours, theirs, constant, distances = DIFFERENCES[a.family]
    limits = [min(d, 100) if a.type.name == "Int8" else d for d in distances]
    if a.type.name in ("Int16", "Int32"):
        limits = [min(d, 30000) for d in limits]
    low, high = sorted(random.choices(limits, k=2))
    type_ = random.choice(("inner", "left", "right", "full", "semi", "anti"))
    forms = {"<=": "abs({}) <= {high}", "<": "abs({}) < {high}", "between": "{} BETWEEN -{low} AND {high}"}
    form = random.choice(list(forms if a.family != "timestamp" else ["between"]))
    values = {"low": low, "high": high}
    written = {n: constant.format(v) for n, v in values.items()}
    on = forms[form].format(ours.format(a=a.name, b=b.name), **written)
    on = on.replace("-interval '", "interval '-")
    their_on = forms[form].format(theirs.format(a=a.name, b=b.name), **values)
    scan_right(plan, table)
    columns = plan.columns + ([] if type_ in ("semi", "anti") else table.columns)
    plan.add(f"{type_} band join", {"op": "join", "right": table.name, "type": type_, "on": on},
             f"SELECT * FROM ({plan.sql}) l {JOINS[type_]} {table.name} r ON {their_on}", columns)
    if type_ not in ("semi", "anti"):
        plan.id_column = ""
        plan.row_limit = max(plan.row_limit, 1) * max(1, table.row_count)
    return True


def add_mark(random, plan):
    """IN as a column, with all its NULLs."""
    table = right_table(random, plan)
    pairs = equal_pairs(plan, table) if table else []
    if not pairs or "mark join" in plan.kinds:  # three joins each: two pass the least cap
        return False
    a, b = random.choice(pairs)
    scan_right(plan, table)
    name = f"in{len(plan.steps)}"
    plan.add("mark join", {"op": "join", "right": table.name, "type": "mark", "name": name,
                           "on": f"{a.name} = {b.name}"},
             f"SELECT *, {a.name} IN (SELECT {b.name} FROM {table.name}) AS {name} FROM ({plan.sql})",
             plan.columns + [Column(name, BY_NAME["Boolean"], ["true", "false", "NULL"])])
    return True


def add_single(random, plan):
    """A scalar subquery: the one row that the right side has of each key."""
    table = right_table(random, plan)
    pairs = equal_pairs(plan, table) if table else []
    if not pairs:
        return False
    a, b = random.choice(pairs)
    key, least = f"k{len(plan.steps)}", f"m{len(plan.steps)}"
    scan_right(plan, table)
    plan.steps[1:1] = [
        {"op": "project", "input": table.name,
         "columns": [f"{b.name} AS {key}", f"{table.columns[0].name} AS {least}"]},
        {"id": f"{table.name}_keys", "op": "aggregate", "group_by": [key],
         "aggs": [f"min({least}) AS {least}"]}]
    subquery = f"SELECT min({table.columns[0].name}) FROM {table.name} WHERE {b.name} = {a.name}"
    plan.add("single join", {"op": "join", "right": f"{table.name}_keys", "type": "single",
                             "on": f"{a.name} = {key}"},
             f"SELECT *, CASE WHEN ({subquery}) IS NOT NULL THEN {a.name} END AS {key}, "
             f"({subquery}) AS {least} FROM ({plan.sql}) l",
             plan.columns + [Column(key, a.type, a.domain),
                             Column(least, table.columns[0].type, table.columns[0].domain)])
    return True
