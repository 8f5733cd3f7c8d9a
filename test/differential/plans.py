"""Random plans: a chain of steps over tables, as a pipeline and as one DuckDB query."""
import re

from columns import BIGINT, BY_NAME, DOUBLE, TEXT, Column, random_table
from expressions import expression, predicate
from grammar import random_tree
from joins import add_asof, add_band, add_join, add_mark, add_single
from plan import Plan, scan_step


def add_filter(random, plan):
    ours, theirs = predicate(random, plan.columns)
    plan.add("filter", {"op": "filter", "expr": ours}, f"SELECT * FROM ({plan.sql}) WHERE {theirs}")
    return True


def add_map(random, plan):
    name = f"m{len(plan.steps)}"
    ours, theirs, column = expression(random, plan.columns, name)
    plan.add("map", {"op": "map", "expressions": [f"{ours} AS {name}"]},
             f"SELECT *, {theirs} AS {name} FROM ({plan.sql})", plan.columns + [column])
    return True


def add_project(random, plan):
    keep = random.sample(plan.columns, random.randint(1, len(plan.columns)))
    if plan.id_column and plan.id_column not in [c.name for c in keep]:
        keep.append(next(c for c in plan.columns if c.name == plan.id_column))
    renamed = random.random() < 0.3 and keep[0].name != plan.id_column
    items = [c.name for c in keep]
    if renamed:
        new = Column(f"r{len(plan.steps)}", keep[0].type, keep[0].domain)
        items[0] = f"{keep[0].name} AS {new.name}"
        keep[0] = new
    plan.add("project", {"op": "project", "columns": items},
             f"SELECT {', '.join(items)} FROM ({plan.sql})", keep)
    return True


def add_trees(random, plan):
    """The last step: deep expressions over what is there."""
    made = [random_tree(random, plan.columns, f"e{n}", random.randint(1, 4))
            for n in range(random.randint(2, 8))]
    keep = [c for c in plan.columns if c.name == plan.id_column]
    names = [c.name for c in keep]
    plan.add("trees", {"op": "project",
                       "columns": names + [f"{ours} AS {c.name}" for ours, _, c in made]},
             f"SELECT {', '.join(names + [f'{theirs} AS {c.name}' for _, theirs, c in made])} "
             f"FROM ({plan.sql})", keep + [c for *_, c in made])


def sort_keys(random, plan):
    keys = []
    for column in random.sample(plan.columns, random.randint(1, min(3, len(plan.columns)))):
        order = random.choice(("", " ASC", " DESC"))
        nulls = random.choice(("", " NULLS FIRST", " NULLS LAST"))
        theirs = nulls or (" NULLS FIRST" if order == " DESC" else " NULLS LAST")
        keys.append((f"{column.name}{order}{nulls}", f"{column.name}{order}{theirs}"))
    return keys + [(plan.id_column, plan.id_column)]


def add_sort(random, plan):
    if not plan.id_column:
        return False
    keys = sort_keys(random, plan)
    step = {"op": "sort", "by": [k[0] for k in keys]}
    sql = f"SELECT * FROM ({plan.sql}) ORDER BY {', '.join(k[1] for k in keys)}"
    kind = "sort"
    if random.random() < 0.4:
        step["limit"] = random.choice((0, 1, 10, 1000, 30000))
        sql += f" LIMIT {step['limit']}"
        kind = "top"
        if random.random() < 0.3:
            step["offset"] = random.choice((1, 5, 100))
            sql += f" OFFSET {step['offset']}"
    plan.add(kind, step, sql)
    plan.is_ordered = True
    return True


def aggregate_call(random, plan, name):
    """(text for both sides, result Column) of one aggregate."""
    c = random.choice(plan.columns)
    calls = [(f"count({c.name})", BIGINT), ("count(*)", BIGINT),
             (f"count(DISTINCT {c.name})", BIGINT), (f"min({c.name})", c.type),
             (f"max({c.name})", c.type)]
    if c.family == "int":
        # Sums of 64 bits are decimals here and 128-bit integers there: the same digits.
        calls += [(f"sum({c.name})", BY_NAME["Decimal(30,10)"]), (f"avg({c.name})", DOUBLE),
                  (f"sum(DISTINCT {c.name})", BY_NAME["Decimal(30,10)"]),
                  (f"bit_and({c.name})", c.type), (f"bit_or({c.name})", c.type),
                  (f"bit_xor({c.name})", c.type)]
    if c.family == "int" and c.type.name in ("Int8", "Int16", "UInt8", "UInt16"):
        calls += [(f"{f}({c.name})", DOUBLE) for f in ("stddev_samp", "var_pop", "var_samp")]
        other = random.choice([o for o in plan.columns if o.type.name == c.type.name])
        pair = f"({c.name}, {other.name})"
        calls += [(f"regr_count{pair}", BIGINT), (f"regr_avgx{pair}", DOUBLE),
                  (f"regr_avgy{pair}", DOUBLE),
                  # DuckDB's count_if of nothing but NULL is NULL, not 0.
                  (f"count_if(coalesce({c.name} > {other.name}, false))", BIGINT)]
    if c.family in ("float", "decimal"):
        calls += [(f"sum({c.name})", c.type), (f"avg({c.name})", DOUBLE)]
    if c.family == "bool":
        calls += [(f"bool_and({c.name})", c.type), (f"bool_or({c.name})", c.type)]
    # A NaN or an infinity beside the middle has no value between; decimals are decimals there.
    if c.family in ("int", "date", "timestamp"):
        kind = DOUBLE if c.family == "int" else BY_NAME["Timestamp"]
        calls += [(f"median({c.name})", kind), (f"quantile_cont({c.name}, 0.3)", kind)]
    if c.family == "int":
        calls += [(f"mad({c.name})", DOUBLE)]
    if c.family not in ("interval", "nested"):
        calls += [(f"quantile_disc({c.name}, {f})", c.type) for f in (0, 0.25, 1)]
    if plan.id_column and c.family == "text":
        order = random.choice((plan.id_column, f"{c.name}, {plan.id_column} DESC"))
        calls += [(f"string_agg({c.name}, '; ' ORDER BY {order})", TEXT)] * 3
    if plan.id_column:
        calls += [(f"arg_min({c.name}, {plan.id_column})", c.type),
                  (f"arg_max({c.name}, {plan.id_column})", c.type)]
    text, type_ = random.choice(calls)
    if text.startswith(("arg_", "bit_")) and plan.id_column:
        guard = f" FILTER (WHERE {c.name} IS NOT NULL)"  # see docs/differences.md
        return both_filtered(text, guard), Column(name, type_, ["NULL"])
    if random.random() < 0.2:
        ours, theirs = predicate(random, plan.columns, 1)
        return (f"{text} FILTER (WHERE {ours})", f"{text} FILTER (WHERE {theirs})"), \
            Column(name, type_, type_.domain(type_.name, random))
    return (text, text), Column(name, type_, type_.domain(type_.name, random))


def both_filtered(text, guard):
    return text + guard, text + guard


def add_aggregate(random, plan):
    if plan.is_ordered and random.random() < 0.7:
        return False
    keys = random.sample(plan.columns, min(len(plan.columns), random.choice((0, 1, 1, 1, 2, 3))))
    names = [k.name for k in keys]
    columns, ours, theirs = aggregate_calls(random, plan, keys)
    step = {"op": "aggregate", "aggs": ours}
    group = ""
    if names:
        step["group_by"] = names
        group = f" GROUP BY {', '.join(names)}"
    plan.add("aggregate", step,
             f"SELECT {', '.join(names + theirs)} FROM ({plan.sql}){group}", columns)
    if plan.id_column not in names:
        plan.id_column = ""
    plan.is_ordered = False
    return True


def aggregate_calls(random, plan, keys):
    """(columns of the step, texts for weir, texts for DuckDB)"""
    columns, ours, theirs = list(keys), [], []
    for n in range(random.randint(1, 5)):
        name = f"g{len(plan.steps)}_{n}"
        (text, duck), column = aggregate_call(random, plan, name)
        if text.startswith("mad(") and any(other.startswith("mad(") for other in ours):
            continue  # each has branches and a join of its own: several pass the least cap
        ours.append(f"{text} AS {name}")
        theirs.append(f"{duck} AS {name}")
        columns.append(column)
    return columns, ours, theirs


def key_lists(random, names):
    """Some lists of the names, as SQL."""
    lists = [f"({', '.join(random.sample(names, random.randint(0, len(names))))})"
             for _ in range(random.randint(1, 4))]
    return ", ".join(lists + [f"({name})" for name in names])


def add_grouping_sets(random, plan):
    if plan.is_ordered:
        return False
    keys = random.sample(plan.columns, min(len(plan.columns), random.choice((1, 2, 2, 3, 4))))
    names = [k.name for k in keys]
    columns, ours, theirs = aggregate_calls(random, plan, keys)
    form = random.choice(("rollup", "cube", "sets", "beside", "composite", "duplicates"))
    by = {"rollup": f"ROLLUP ({', '.join(names)})", "cube": f"CUBE ({', '.join(names)})",
          "sets": f"GROUPING SETS ({key_lists(random, names)})",
          "beside": f"{names[0]}, CUBE ({', '.join(names)})",
          "composite": f"ROLLUP (({', '.join(names[:2])}), {', '.join(names[2:] or names[-1:])})",
          "duplicates": f"GROUPING SETS (ROLLUP ({', '.join(names)}), ({names[0]}), ())"}[form]
    keys.sort(key=lambda k: re.search(rf"\b{k.name}\b", by).start())  # as they come out
    columns[:len(keys)] = keys
    step = {"op": "aggregate", "aggs": ours}
    if form in ("rollup", "cube") and random.random() < 0.5:
        step[form] = names
    else:
        step["group_by"] = [by]
    name = f"g{len(plan.steps)}_g"
    asked = ", ".join(random.sample(names, random.randint(1, len(names))))
    ours.append(f"grouping({asked}) AS {name}")
    theirs.append(f"grouping({asked}) AS {name}")
    columns.append(Column(name, BIGINT, BIGINT.domain("Int64", random)))
    plan.add("grouping sets", step,
             f"SELECT {', '.join([k.name for k in keys] + theirs)} FROM ({plan.sql}) GROUP BY {by}",
             columns)
    plan.id_column = ""
    plan.is_ordered = False
    return True


def add_distinct(random, plan):
    """GROUP BY without aggregates."""
    keys = random.sample(plan.columns, random.randint(1, min(3, len(plan.columns))))
    names = [k.name for k in keys]
    plan.add("distinct", {"op": "aggregate", "group_by": names},
             f"SELECT DISTINCT {', '.join(names)} FROM ({plan.sql})", keys)
    plan.id_column = plan.id_column if plan.id_column in names else ""
    plan.is_ordered = False
    return True


def add_distinct_rows(random, plan):
    plan.add("distinct rows", {"op": "distinct"}, f"SELECT DISTINCT * FROM ({plan.sql})")
    plan.is_ordered = False
    return True


def add_distinct_on(random, plan):
    """The first row for each key; the order has the unique id last, so that it is one row."""
    if not plan.id_column:
        return False
    names = [k.name for k in random.sample(plan.columns,
                                          min(len(plan.columns), random.randint(1, 2)))]
    keys = sort_keys(random, plan)
    plan.add("distinct on", {"op": "distinct", "on": names, "order_by": [k[0] for k in keys]},
             f"SELECT DISTINCT ON ({', '.join(names)}) * FROM ({plan.sql}) "
             f"ORDER BY {', '.join(names + [k[1] for k in keys])}")
    plan.is_ordered = False
    return True


def add_unpivot(random, plan):
    """Some columns of one type become rows."""
    type_ = random.choice(plan.columns).type
    same = [c for c in plan.columns if c.type is type_ and c.name != plan.id_column]
    if not same:
        return False
    chosen = random.sample(same, random.randint(1, min(4, len(same))))
    keep = [c for c in plan.columns if c not in chosen]
    nulls = random.random() < 0.4
    name, value = f"n{len(plan.steps)}", f"v{len(plan.steps)}"
    columns = keep + [Column(name, BY_NAME["Utf8"], [f"'{c.name}'" for c in chosen]),
                      Column(value, type_, chosen[0].domain)]
    parts = [f"SELECT {', '.join([k.name for k in keep] + [repr(c.name)])} AS {name}, "
             f"{c.name} AS {value} FROM ({plan.sql})" +
             ("" if nulls else f" WHERE {c.name} IS NOT NULL") for c in chosen]
    plan.add("unpivot", {"op": "unpivot", "columns": [c.name for c in chosen], "name": name,
                         "value": value, "include_nulls": nulls}, " UNION ALL ".join(parts), columns)
    plan.id_column = ""
    plan.is_ordered = False
    plan.row_limit *= len(chosen)
    return True


def add_unnest(random, plan):
    """The pieces of a text, and where they stand in it."""
    texts = [c for c in plan.columns if c.type is TEXT]
    if not texts:
        return False
    column = random.choice(texts)
    delimiter, outer, indexed = random.choice(("a", "e", " ", "er", "-")), random.random() < 0.3, random.random() < 0.4
    keep = [c for c in plan.columns if c is not column and random.random() < 0.8]
    name, index = f"p{len(plan.steps)}", f"i{len(plan.steps)}"
    pieces = f"string_split({column.name}, '{delimiter}')"
    if outer:
        pieces = f"CASE WHEN {column.name} IS NULL THEN [NULL] ELSE {pieces} END"
    step = {"op": "unnest", "column": column.name, "delimiter": delimiter, "alias": name, "outer": outer,
            "keep": [c.name for c in keep]}
    parts = [c.name for c in keep] + [f"unnest(l) AS {name}"]
    columns = keep + [Column(name, column.type, column.domain)]
    if indexed:
        step["index"] = index
        parts.append(f"CASE WHEN {column.name} IS NOT NULL THEN generate_subscripts(l, 1) END AS {index}")
        columns.append(Column(index, BIGINT, ["1", "2", "NULL"]))
    plan.add("unnest", step, f"SELECT {', '.join(parts)} FROM (SELECT *, {pieces} AS l FROM ({plan.sql}))",
             columns)
    plan.id_column = ""
    plan.is_ordered = False
    plan.row_limit *= 8
    return True


def add_lists(random, plan):
    """Lists of groups and their elements again, beside those of another list."""
    if not plan.id_column:
        return False
    keys = random.sample([c for c in plan.columns if c.name != plan.id_column and c.family not in ("float",)] or
                         plan.columns, random.choice((0, 1)))
    first, second = random.choice(plan.columns), random.choice(plan.columns)
    order = random.choice((plan.id_column, f"{first.name} DESC, {plan.id_column}"))
    theirs = order.replace("DESC", "DESC NULLS FIRST")
    n = len(plan.steps)
    names = [k.name for k in keys]
    plan.add("list", {"op": "aggregate", "group_by": names,
                      "aggs": [f"list({first.name} ORDER BY {order}) AS a{n}",
                               f"list({second.name} ORDER BY {plan.id_column}) AS b{n}"]},
             f"SELECT {', '.join(names + [''])} list({first.name} ORDER BY {theirs}) AS a{n}, "
             f"list({second.name} ORDER BY {plan.id_column}) AS b{n} FROM ({plan.sql})"
             f"{' GROUP BY ' + names[0] if names else ''}")
    columns = keys + [Column(f"a{n}", first.type, first.domain), Column(f"b{n}", second.type, second.domain),
                      Column(f"i{n}", BIGINT, ["1", "2", "NULL"])]
    plan.add("unnest list", {"op": "unnest", "column": [f"a{n}", f"b{n}"], "index": f"i{n}"},
             f"SELECT {', '.join(names + [''])} unnest(a{n}) AS a{n}, unnest(b{n}) AS b{n}, "
             f"generate_subscripts(a{n}, 1) AS i{n} FROM ({plan.sql})", columns)
    plan.id_column = ""
    plan.is_ordered = False
    return True


def add_map_agg(random, plan):
    """Maps of groups and their entries again."""
    if not plan.id_column:
        return False
    key, value = plan.id_column, random.choice(plan.columns)
    group = random.choice([c for c in plan.columns if c.name != key and c.family != "float"] or plan.columns)
    n = len(plan.steps)
    plan.add("map_agg", {"op": "aggregate", "group_by": [group.name], "aggs": [f"map_agg({key}, {value.name}) AS m{n}"]},
             f"SELECT {group.name}, map_from_entries(list({{'key': {key}, 'value': {value.name}}})) AS m{n} "
             f"FROM ({plan.sql}) GROUP BY {group.name}")
    id_column = next(c for c in plan.columns if c.name == key)
    columns = [group, Column(f"k{n}", id_column.type, id_column.domain), Column(f"v{n}", value.type, value.domain)]
    plan.add("unnest map", {"op": "unnest", "column": f"m{n}", "alias": [f"k{n}", f"v{n}"]},
             f"SELECT {group.name}, unnest(map_keys(m{n})) AS k{n}, unnest(map_values(m{n})) AS v{n} "
             f"FROM ({plan.sql})", columns)
    plan.id_column = ""
    plan.is_ordered = False
    return True


def add_pivot(random, plan):
    """Counts and extremes of one column for some values of another."""
    whole = [c for c in plan.columns if c.family == "int"]
    if not whole:
        return False
    on, of = random.choice(whole), random.choice(plan.columns)
    keys = random.sample(plan.columns, random.choice((0, 1, 1, 2)) if len(plan.columns) > 1 else 0)
    values = random.sample((0, 1, 2, 3, 5, 7, None), random.randint(1, 4))
    call, type_ = random.choice(((f"count({of.name})", BIGINT), (f"min({of.name})", of.type),
                                 (f"max({of.name})", of.type), ("count(*)", BIGINT)))
    domain = of.domain if call[0] == "m" else ["0", "1", "3", "NULL"]
    names = [f"p{len(plan.steps)}_{n}" for n in range(len(values))]
    tests = [f"{on.name} = {v}" if v is not None else f"{on.name} IS NULL" for v in values]
    step = {"op": "pivot", "on": on.name, "values": dict(zip(names, values)), "aggregate": call}
    if keys:
        step["group_by"] = [k.name for k in keys]
    group = f" GROUP BY {', '.join(k.name for k in keys)}" if keys else ""
    theirs = [f"{call} FILTER (WHERE {test}) AS {name}" for test, name in zip(tests, names)]
    plan.add("pivot", step, f"SELECT {', '.join([k.name for k in keys] + theirs)} "
             f"FROM ({plan.sql}){group}", keys + [Column(n, type_, domain) for n in names])
    plan.id_column = plan.id_column if plan.id_column in [k.name for k in keys] else ""
    plan.is_ordered = False
    return True


SETS = {"union": "UNION", "intersect": "INTERSECT", "except": "EXCEPT"}


def fill_value(random, column):
    """(weir's method or None, DuckDB's value of a made row)"""
    return random.choice(((None, "NULL"), ("null", "NULL"), ("previous", column.name),
                          ("next", f"n_{column.name}")))


def add_fill(random, plan):
    """Gaps of the identifiers, which lie anywhere below a million: about ten points a partition."""
    if not plan.id_column or plan.row_limit > 5000:
        return False
    key = plan.id_column
    others = [c for c in plan.columns if c.name != key]
    by = random.sample(others, random.choice((0, 0, 1))) if others else []
    every = random.randint(80_000, 300_000) if by else random.randint(300, 5000)
    names = [c.name for c in plan.columns]
    values, made = {}, {key: "p", **{c.name: c.name for c in by}}
    for column in others:
        if column not in by:
            ours, made[column.name] = fill_value(random, column)
            if ours:
                values[column.name] = None if ours == "null" else ours
    over = f"OVER (PARTITION BY {', '.join(c.name for c in by) or '1'} ORDER BY {key})"
    looks = "".join(f", lead({n}) {over} AS n_{n}" for n in names)
    first = f"a_ + (({key}::BIGINT - a_) // {every} + 1) * {every}"
    points = f"SELECT *, unnest(range({first}, n_{key}, {every})) AS p FROM (SELECT *{looks}, " \
             f"first_value({key}::BIGINT) {over} AS a_ FROM ({plan.sql})) WHERE n_{key} IS NOT NULL"
    step = {"op": "fill", "column": key, "every": every, "values": values}
    if by:
        step["partition_by"] = [c.name for c in by]
    plan.add("fill", step,
             f"SELECT {', '.join(names)} FROM ({plan.sql}) UNION ALL "
             f"SELECT {', '.join(f'{made[n]} AS {n}' for n in names)} FROM ({points})")
    plan.id_column = ""
    plan.is_ordered = False
    plan.row_limit *= 20
    return True


def add_set(random, plan):
    """What is there against a part of it, either way round; by position or by name."""
    plan.steps[-1].setdefault("id", f"s{len(plan.steps)}")
    first = plan.steps[-1]["id"]
    ours, theirs = predicate(random, plan.columns)
    second = f"u{len(plan.steps)}"
    plan.steps.append({"op": "filter", "input": first, "expr": ours, "id": second})
    sides = [(first, plan.sql), (second, f"SELECT * FROM ({plan.sql}) WHERE {theirs}")]
    random.shuffle(sides)
    op, every = random.choice(list(SETS)), random.random() < 0.6
    step = {"op": op, "inputs": [name for name, _ in sides], "all": every}
    if random.random() < 0.5:
        step["by"] = "name"
    plan.add(f"{op} all" if every else op, step,
             f"SELECT * FROM ({sides[0][1]}) {SETS[op]} {'ALL ' if every else ''}"
             f"SELECT * FROM ({sides[1][1]})")
    plan.id_column = "" if op == "union" and every else plan.id_column
    plan.is_ordered = False
    return True


def window_frame(random):
    bounds = ["UNBOUNDED PRECEDING", "2 PRECEDING", "CURRENT ROW", "3 FOLLOWING",
              "UNBOUNDED FOLLOWING"]
    bounds[1] = f"{random.choice((0, 1, 2, 7, 100, 5000))} PRECEDING"
    bounds[3] = f"{random.choice((0, 1, 3, 40, 3000))} FOLLOWING"
    first, last = sorted((random.randint(0, 3), random.randint(1, 4)))
    if first == last:  # two offsets on one side: a frame that may be empty
        bounds[1] = "5 PRECEDING" if first == 1 else bounds[1]
        other = {1: "2 PRECEDING", 2: "CURRENT ROW", 3: "9 FOLLOWING"}[first]
        return f"{random.choice(('ROWS', 'GROUPS'))} BETWEEN {bounds[first]} AND {other}"
    units = random.choice(("ROWS", "ROWS", "GROUPS"))
    return f"{units} BETWEEN {bounds[first]} AND {bounds[last]}"


def range_frame(random, plan, over):
    """A RANGE frame if the one order key is a small integer or a float."""
    key = over.split("ORDER BY ")[1].split()[0]
    column = next(c for c in plan.columns if c.name == key)
    if column.type.name not in ("Int8", "Int16", "Int32", "Float64") or key == plan.id_column:
        return ""
    n = random.choice((0, 1, 3, 10, 50))
    return " RANGE BETWEEN " + random.choice((
        f"{n} PRECEDING AND CURRENT ROW", f"{n} PRECEDING AND {n * 2} FOLLOWING",
        f"{n} FOLLOWING AND UNBOUNDED FOLLOWING", f"UNBOUNDED PRECEDING AND {n} PRECEDING",
        f"CURRENT ROW AND {n} FOLLOWING"))


# Not count_if: DuckDB's windowed count_if of nothing is NULL, not 0. Not quantile_cont: its last bit may
# differ, and steps behind may group by it.
WINDOW_AGGREGATES = {"count", "sum", "avg", "min", "max", "stddev_samp", "var_pop", "var_samp",
                     "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "median",
                     "quantile_disc", "string_agg"}


SLOW_THERE = {"median", "quantile_disc", "string_agg"}  # DuckDB: quadratic in the rows of a frame


def window_call(random, plan, name):
    """(text for both sides, result Column, does it look at a frame)."""
    c = random.choice(plan.columns)
    kind = random.random()
    if kind < 0.3:
        text, type_ = random.choice((
            ("row_number()", BIGINT), ("rank()", BIGINT), ("dense_rank()", BIGINT),
            ("percent_rank()", DOUBLE), ("cume_dist()", DOUBLE),
            (f"ntile({random.choice((1, 2, 3, 10, 1000))})", BIGINT)))
        return (text, text), Column(name, type_, ["NULL"]), False
    if kind < 0.5:
        n = random.choice((0, 1, 1, 2, 10, 2000))
        default = random.choice(("", "", f", {c.name}"))
        ignore = random.choice(("", " IGNORE NULLS")) if n else ""
        text = f"{random.choice(('lag', 'lead'))}({c.name}, {n}{default}{ignore})"
        return (text, text), Column(name, c.type, ["NULL"]), False
    if kind < 0.65:
        ignore = random.choice(("", " IGNORE NULLS"))
        text = random.choice((f"first_value({c.name}{ignore})", f"last_value({c.name}{ignore})",
                              f"nth_value({c.name}, {random.choice((1, 2, 5, 300))}{ignore})"))
        return (text, text), Column(name, c.type, ["NULL"]), True
    while True:
        text, column = aggregate_call(random, plan, name)
        name_ = text[0].split("(")[0]
        if name_ in WINDOW_AGGREGATES and (plan.row_limit <= 20_000 or name_ not in SLOW_THERE):
            return text, column, True


def window_map(text, name, frame):
    """The call as {alias, type, column ...} over the step's own window; None: it has no such form."""
    call = re.fullmatch(r"(\w+)\((.*?)( IGNORE NULLS)?\)( IGNORE NULLS)?(?: FILTER \(WHERE (.*)\))?",
                        text, re.DOTALL)
    arguments = call[2].split(", ") if call and call[2] else []
    if not call or len(arguments) > 3 or "ORDER BY" in text:
        return None
    function = {"alias": name, "type": call[1]}
    function.update(zip(("column", "offset", "default"), arguments))
    if call[3] or call[4]:
        function["ignore_nulls"] = True
    if call[5]:
        function["filter"] = call[5]
    if frame:
        function["frame"] = frame.strip()
    return function


def add_window(random, plan):
    """Functions over one to three windows. Where ties matter the order ends with the unique id."""
    if not plan.id_column:
        return False
    columns, ours, theirs = list(plan.columns), [], []
    specs, step = [], {"op": "window", "functions": ours}
    for _ in range(random.choice((1, 1, 2, 3))):
        keys = random.sample(plan.columns, min(len(plan.columns), random.choice((0, 1, 1, 2))))
        by = f"PARTITION BY {', '.join(k.name for k in keys)} " if keys else ""
        order = sort_keys(random, plan)
        loose = order[:-1]
        if not specs:
            step.update(partitions=[k.name for k in keys], order_by=[k[0] for k in order])
        specs.append([(by + "ORDER BY " + ", ".join(k[0] for k in o),
                       by + "ORDER BY " + ", ".join(k[1] for k in o)) for o in (order, loose)])
    for n in range(random.randint(1, 6)):
        name = f"w{len(plan.steps)}_{n}"
        (mine, duck), column, minds_frame = window_call(random, plan, name)
        over, peers_over = random.choice(specs)
        frame = f" {window_frame(random)}" if minds_frame and random.random() < 0.6 else ""
        if minds_frame and peers_over[0].count(",") == 0 and random.random() < 0.5 and \
                not mine.startswith(("first", "last", "nth")):
            frame = range_frame(random, plan, peers_over[0]) or frame
        if frame:
            frame += random.choice(("", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP",
                                    " EXCLUDE TIES", " EXCLUDE NO OTHERS"))
        ties_matter = "ROWS" in frame or mine.startswith(
            ("row_number", "ntile", "lag", "lead", "first", "last", "nth"))
        if not ties_matter and (random.random() < 0.5 or "RANGE" in frame):
            over = peers_over
        own = over is specs[0][0] and random.random() < 0.5
        ours.append(own and window_map(mine, name, frame) or
                    f"{mine} OVER ({over[0]}{frame}) AS {name}")
        theirs.append(f"{duck} OVER ({over[1]}{frame}) AS {name}")
        columns.append(column)
    plan.add("window", step,
             f"SELECT *, {', '.join(theirs)} FROM ({plan.sql})", columns)
    counts = [n for n, text in enumerate(theirs) if text.startswith(("row_number", "rank", "dense"))]
    if counts and random.random() < 0.4:
        column = columns[len(columns) - len(ours) + random.choice(counts)]
        test = f"{column.name} {random.choice(('<=', '<', '='))} {random.choice((1, 2, 3, 20))}"
        plan.add("filter", {"op": "filter", "expr": test}, f"SELECT * FROM ({plan.sql}) WHERE {test}")
    plan.is_ordered = False
    return True


def add_limit(random, plan):
    if not plan.is_ordered:
        return False
    rows = random.choice((0, 1, 100, 5000))
    plan.add("limit", {"op": "limit", "rows": rows}, f"SELECT * FROM ({plan.sql}) LIMIT {rows}")
    return True


OPERATORS = [(add_filter, 4), (add_map, 3), (add_project, 2), (add_sort, 3), (add_aggregate, 4),
             (add_distinct, 1), (add_distinct_rows, 1), (add_distinct_on, 2), (add_set, 4), (add_unpivot, 2),
             (add_pivot, 2), (add_unnest, 2), (add_lists, 2), (add_map_agg, 2),
             (add_grouping_sets, 3), (add_fill, 3),
             (add_join, 4), (add_asof, 2), (add_band, 1), (add_mark, 1), (add_single, 1), (add_limit, 1), (add_window, 3)]


def random_plan(random, seed, large):
    """A plan of one to four operators over one to three tables."""
    table = random_table(random, "base", "", large)
    plan = Plan(seed, [table], [scan_step(table)], f"SELECT * FROM {table.name}",
                list(table.columns), "id", row_limit=table.row_count)
    wanted = random.choice((1, 2, 2, 3, 4))
    makers, weights = zip(*OPERATORS)
    for _ in range(20):
        if len(plan.kinds) >= wanted:
            break
        random.choices(makers, weights)[0](random, plan)
    if not {"aggregate", "grouping sets"} & set(plan.kinds) and random.random() < 0.3:  # averages differ in last digits
        add_trees(random, plan)
    plan.steps.append({"op": "sink", "destination": "${out}", "format": "csv"})
    return plan
