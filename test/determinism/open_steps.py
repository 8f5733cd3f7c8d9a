"""Steps whose answer SQL leaves open: weir resolves them by the place of a row in its source.

No oracle knows their answer; it must only be the same every time.
"""
from columns import BY_NAME, TYPES, Type

INTERVALS = ["1 month", "30 days", "720 hours", "29 days 24:00:00", "1 day", "24:00:00", "-1 day"]


def add_equal_values():
    """Values that are equal and look different: signs of zero, intervals."""
    for name in ("Float32", "Float64"):
        plain = BY_NAME[name].domain
        BY_NAME[name].domain = lambda n, random, plain=plain: plain(n, random) + ["'-0.0'"] * 2
    interval = Type("Interval", "INTERVAL", lambda *_: [f"'{text}'" for text in INTERVALS], "",
                    "interval")
    BY_NAME["Interval"] = interval
    TYPES.extend([interval, BY_NAME["Float32"], BY_NAME["Float64"]] * 3)


def pick_keys(random, plan, most=2):
    count = random.randint(0, min(most, len(plan.columns)))
    return [c.name for c in random.sample(plan.columns, count)]


def open_call(random, plan):
    """An aggregate of what comes first, or of what is equal."""
    c, other = random.choice(plan.columns), random.choice(plan.columns)
    calls = [f"any_value({c.name})", f"first({c.name})", f"last({c.name})",
             f"arg_min({c.name}, {other.name})", f"arg_max({c.name}, {other.name})",
             f"min({c.name})", f"max({c.name})",
             f"string_agg(CAST({c.name} AS text), ',')",
             f"string_agg(CAST({c.name} AS text), ',' ORDER BY {other.name})",
             f"string_agg(DISTINCT CAST({c.name} AS text), ',')",
             f"count(DISTINCT {c.name})", f"approx_count_distinct({c.name})"]
    if c.family not in ("interval", "nested"):
        calls += [f"quantile_disc({c.name}, 0.5)", f"mode({c.name})"]
    if c.family in ("int", "float", "decimal"):
        calls += [f"{f}({c.name})" for f in ("sum", "avg", "median", "stddev_samp", "skewness",
                                             "entropy", "product")]
        calls += [f"approx_quantile({c.name}, 0.5)", f"sum(DISTINCT {c.name})"]
        if other.family in ("int", "float", "decimal"):
            calls += [f"corr({c.name}, {other.name})", f"regr_slope({c.name}, {other.name})"]
    return random.choice(calls)


def open_aggregate(random, plan):
    keys = pick_keys(random, plan)
    step = {"op": "aggregate", "aggs": [f"{open_call(random, plan)} AS o{n}"
                                        for n in range(random.randint(1, 4))]}
    return {**step, "group_by": keys} if keys else step


def open_limit(random, plan):
    return {"op": "limit", "rows": random.choice((1, 10, 1000)), "offset": random.choice((0, 3))}


def open_sort(random, plan):
    column = random.choice(plan.columns)
    step = {"op": "sort", "by": [column.name + random.choice(("", " DESC"))]}
    if random.random() < 0.6:
        step["limit"] = random.choice((1, 10, 1000))
    return step


def open_window(random, plan):
    c = random.choice(plan.columns)
    by = ", ".join(pick_keys(random, plan, 1))
    order = random.choice(("", f"ORDER BY {random.choice(plan.columns).name}"))
    over = f"OVER ({'PARTITION BY ' + by if by else ''} {order})"
    calls = ["row_number()", "ntile(3)", f"lag({c.name})", f"lead({c.name}, 2)",
             f"first_value({c.name})", f"last_value({c.name})", f"min({c.name})",
             f"max({c.name})"]
    return {"op": "window", "functions": [f"{call} {over} AS w{len(plan.steps)}_o{n}" for n, call in
                                          enumerate(random.sample(calls, random.randint(1, 3)))]}


def open_distinct(random, plan):
    keys = pick_keys(random, plan)
    step = {"op": "distinct"}
    if keys:
        step["on"] = keys
        if random.random() < 0.4:
            step["order_by"] = [random.choice(plan.columns).name]
    return step


def open_sample(random, plan):
    size = random.choice(({"rows": 5}, {"rows": 500}, {"percent": 10}, {"percent": 50}))
    return {"op": "sample", **size, "seed": random.randrange(100)}


def open_group(random, plan):
    """Groups of what may be equal and look different."""
    return {"op": "aggregate", "group_by": [random.choice(plan.columns).name],
            "aggs": ["count(*) AS n"]}


MAKERS = [open_aggregate, open_aggregate, open_limit, open_sort, open_window, open_distinct,
          open_sample, open_group]


def add_open_steps(random, plan):
    """One or two of them in front of the sink. The second knows the columns of the first."""
    sink = plan.steps.pop()
    for _ in range(random.choice((1, 1, 2))):
        maker = random.choice(MAKERS)
        step = maker(random, plan)
        plan.add(maker.__name__.replace("_", " "), step, plan.sql)
        if "aggs" in step:
            break  # other columns
    plan.steps.append(sink)
