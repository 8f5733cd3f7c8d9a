"""Random expressions over columns, written for both sides: (pipeline text, DuckDB text)."""
from columns import BIGINT, BY_NAME, DOUBLE, TEXT, Column

BOOLEAN, DATE = BY_NAME["Boolean"], BY_NAME["Date32"]
COMPARISONS = ["=", "<>", "<", "<=", ">", ">="]


def literal(random, column):
    """A literal of the column's domain, or NULL of its type."""
    value = random.choice(column.domain)
    if value.startswith("(DATE"):  # date arithmetic of the generator: both sides know it
        return value, value
    if "to_microseconds" in value:
        micros = value.split("to_microseconds(")[1].rstrip(")")
        return (f"(TIMESTAMP '1970-01-01' + INTERVAL '{micros} microseconds')", value)
    if value == "NULL":
        return f"CAST(NULL AS {column.type.name})", f"CAST(NULL AS {column.type.duck})"
    return f"CAST({value} AS {column.type.name})", f"CAST({value} AS {column.type.duck})"


def both(text):
    return text, text


def pick(random, columns, *families):
    some = [c for c in columns if not families or c.family in families]
    return random.choice(some) if some else None


def leaf_predicate(random, columns):
    column = pick(random, columns)
    ours, theirs = literal(random, column)
    name, kind = column.name, random.randrange(8)
    other = pick(random, [c for c in columns if c.type is column.type])
    if column.family == "bool" and kind < 3:
        return both(f"{name}")
    if kind < 2:
        op = random.choice(COMPARISONS)
        return f"{name} {op} {ours}", f"{name} {op} {theirs}"
    if kind == 2:
        return both(f"{name} {random.choice(COMPARISONS)} {other.name}")
    if kind == 3:
        return both(f"{name} IS {random.choice(('', 'NOT '))}NULL")
    if kind == 4:
        word = random.choice(("IS DISTINCT FROM", "IS NOT DISTINCT FROM"))
        return f"{name} {word} {ours}", f"{name} {word} {theirs}"
    if kind == 5:
        more = literal(random, column)
        word = random.choice(("BETWEEN", "NOT BETWEEN"))
        return f"{name} {word} {ours} AND {more[0]}", f"{name} {word} {theirs} AND {more[1]}"
    if kind == 6:
        values = [literal(random, column) for _ in range(random.randint(1, 4))]
        word = random.choice(("IN", "NOT IN"))
        return (f"{name} {word} ({', '.join(v[0] for v in values)})",
                f"{name} {word} ({', '.join(v[1] for v in values)})")
    if column.family == "text":
        pattern = random.choice(("%a%", "a%", "%b", "_", "%", "a_%", "", "%é%"))
        word = random.choice(("LIKE", "NOT LIKE", "ILIKE"))
        return both(f"{name} {word} '{pattern}'")
    return both(f"{name} IS NOT NULL")


def predicate(random, columns, depth=2):
    kind = random.randrange(6) if depth else 5
    if kind >= 3:
        return leaf_predicate(random, columns)
    left = predicate(random, columns, depth - 1)
    if kind == 0:
        return f"NOT ({left[0]})", f"NOT ({left[1]})"
    right = predicate(random, columns, depth - 1)
    word = ("", "AND", "OR")[kind]
    return f"({left[0]}) {word} ({right[0]})", f"({left[1]}) {word} ({right[1]})"


def small(name):
    """An integer column cut to where arithmetic cannot overflow."""
    return f"(CAST({name} AS BIGINT) % 1000)"


def integer_expression(random, columns):
    column = pick(random, columns, "int")
    if not column or column.type.name == "UInt64":
        return None
    a, n = small(column.name), random.randint(1, 50)
    b = small((pick(random, [c for c in columns if c.type.name != "UInt64"], "int")).name)
    ours = random.choice((f"{a} + {b}", f"{a} * {b} - {n}", f"abs({a})", f"-{a}", f"{a} % {n}",
                          f"{a} / {n}", f"greatest({a}, {b})", f"least({a}, {n})",
                          f"coalesce({a}, {n})", f"nullif({a}, {b})",
                          f"CASE WHEN {a} > {n} THEN {a} WHEN {b} > 0 THEN {b} END"))
    return ours, ours.replace(f"{a} / {n}", f"{a} // {n}"), BIGINT


def float_expression(random, columns):
    column = pick(random, columns, "float")
    if not column:
        return None
    name = f"CAST({column.name} AS DOUBLE)"
    text = random.choice((f"{name} + 1.5e0", f"{name} * 0.25e0", f"{name} - {name}", f"abs({name})",
                          f"coalesce({name}, 0e0)", f"floor({name})", f"ceil({name})",
                          f"greatest({name}, 1e0)"))
    return text, text, DOUBLE


def decimal_expression(random, columns):
    column = pick(random, columns, "decimal")
    if not column or column.type.name == "Decimal(30,10)":
        return None
    name = column.name
    text = random.choice((f"{name} + 0.01", f"{name} - {name}", f"abs({name})", f"-{name}",
                          f"coalesce({name}, 0)"))
    return text, text, column.type


def text_expression(random, columns):
    column = pick(random, columns, "text")
    if not column:
        return None
    name, n = column.name, random.randint(1, 5)
    if random.random() < 0.3:
        text = random.choice((f"length({name})", f"strpos({name}, 'a')", f"ascii({name})"))
        return text, text, BIGINT
    text = random.choice((f"upper({name})", f"lower({name})", f"{name} || '-' || {name}",
                          f"substr({name}, {n}, 3)", f"replace({name}, 'a', 'xyz')",
                          f"trim({name})", f"left({name}, {n})", f"right({name}, {n})",
                          f"lpad({name}, 6, '*')",
                          f"reverse({name})", f"concat({name}, NULL, 'z')",
                          f"coalesce({name}, 'none')",
                          f"CASE {name} WHEN 'a' THEN 'one' ELSE {name} END"))
    return text, text, TEXT


def date_expression(random, columns):
    column = pick(random, columns, "date", "timestamp")
    if not column:
        return None
    part = random.choice(("year", "month", "day", "quarter", "dow", "doy"))
    if random.random() < 0.6 or column.family == "timestamp":
        text = f"CAST(extract({part} FROM {column.name}) AS BIGINT)"
        return text, text, BIGINT
    text = f"{column.name} + {random.randint(-400, 400)}"
    return text, text, DATE


def cast_expression(random, columns):
    column = pick(random, columns, "int", "date", "bool", "uuid")
    if not column:
        return None
    text = f"CAST({column.name} AS VARCHAR)"
    return text, text, TEXT


MAKERS = [integer_expression, float_expression, decimal_expression, text_expression,
          date_expression, cast_expression]


def expression(random, columns, name):
    """(pipeline text, DuckDB text, the new Column), or None if there is nothing to compute with."""
    for maker in random.sample(MAKERS, len(MAKERS)):
        made = maker(random, columns)
        if made:
            return made[0], made[1], Column(name, made[2], made[2].domain(made[2].name, random))
    value = predicate(random, columns)
    return value[0], value[1], Column(name, BOOLEAN, ["true", "false", "NULL"])
