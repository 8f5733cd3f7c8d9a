"""Random trees of typed expressions, written for both sides: (pipeline text, DuckDB text).

A rule is one text, or two where the sides write it differently; {int}, {text} and so on are
subtrees of that family, in the same order in both, {n} is a small number. Every value stays in a
range where nothing overflows, divisors are never zero, and what differs on purpose
(docs/differences.md) does not occur.
"""
import re

from columns import BIGINT, BY_NAME, DOUBLE, TEXT, Column

TYPES = {"int": BIGINT, "float": DOUBLE, "decimal": BY_NAME["Decimal(18,4)"], "text": TEXT,
         "bool": BY_NAME["Boolean"], "date": BY_NAME["Date32"], "timestamp": BY_NAME["Timestamp"]}

# What a column of the family becomes, and literals where there is no such column.
LEAVES = {"int": "CAST({} % 1000 AS BIGINT)", "float": "CAST({} AS DOUBLE)",
          "decimal": "CAST({} % 1000 AS DECIMAL(18,4))"}
LITERALS = {"int": ["0", "1", "7", "-3", "999", "CAST(NULL AS BIGINT)"],
            "float": ["0e0", "1.5e0", "-0.25e0", "CAST('NaN' AS DOUBLE)", "CAST(NULL AS DOUBLE)"],
            "decimal": ["CAST(0.05 AS DECIMAL(18,4))", "CAST(-12.345 AS DECIMAL(18,4))",
                        "CAST(NULL AS DECIMAL(18,4))"],
            "text": ["''", "'a'", "'aB'", "'a,b'", "'%_x'", "'é日'", "CAST(NULL AS VARCHAR)",
                     "'longer than twelve bytes'"],
            "bool": ["true", "false", "CAST(NULL AS BOOLEAN)"],
            "date": ["DATE '2000-02-29'", "DATE '1969-12-31'", "CAST(NULL AS DATE)"],
            "timestamp": ["TIMESTAMP '2000-02-29 23:59:59.999999'", "CAST(NULL AS TIMESTAMP)"],
            "list": ["CAST([1, NULL, 3] AS BIGINT[])", "CAST([7, 7, -2] AS BIGINT[])",
                     "CAST([NULL] AS BIGINT[])", "CAST([] AS BIGINT[])", "CAST(NULL AS BIGINT[])"]}

ANY = ["coalesce({X}, {X})", "nullif({X}, {X})", "CASE WHEN {bool} THEN {X} ELSE {X} END",
       "CASE WHEN {bool} THEN {X} WHEN {bool} THEN {X} END", "CASE {X} WHEN {X} THEN {X} END"]
ORDERED = ["greatest({X}, {X})", "least({X}, {X}, {X})"]
COMPARED = ["{X} = {X}", "{X} <> {X}", "{X} < {X}", "{X} >= {X}", "{X} IS DISTINCT FROM {X}",
            "{X} BETWEEN {X} AND {X}", "{X} NOT BETWEEN {X} AND {X}", "{X} IN ({X}, {X}, {X})",
            "{X} NOT IN ({X}, {X})", "{X} IS NULL", "{X} IS NOT NULL"]
RULES = {
    "int": ["{int} + {int}", "{int} - {int} - {int}", "{int} + {int} % {n}", "-{int}",
            "({int} * {int}) % 1000", "{int} - -{int}", "abs({int})",
            ("{int} / nullif({int}, 0)", "{int} // nullif({int}, 0)"),
            "{int} % nullif({int}, 0)", "{int} & {int}", "{int} | {int}", "~{int}",
            ("{int} # {int}", "xor({int}, {int})"), "gcd({int}, {int})",
            "CAST(bit_count({int}) AS BIGINT)", "CAST(sign({int}) AS BIGINT)",
            "length({text})", "strpos({text}, {text})", "CAST({bool} AS BIGINT)",
            "TRY_CAST({text} AS BIGINT)", "TRY_CAST({float} AS BIGINT) % 1000",
            "TRY_CAST({decimal} AS BIGINT) % 1000", "CAST(TRY_CAST({int} AS TINYINT) AS BIGINT)",
            "CAST(TRY_CAST({int} AS UTINYINT) AS BIGINT)", "CAST({date} - {date} AS BIGINT) % 1000",
            "CAST(extract(year FROM {date}) AS BIGINT)", "CAST(extract(dow FROM {date}) AS BIGINT)",
            "CAST(extract(doy FROM {timestamp}) AS BIGINT)",
            "CAST(extract(week FROM {date}) AS BIGINT)",
            "CAST(extract(isoyear FROM {timestamp}) AS BIGINT)",
            "CAST(extract(hour FROM {timestamp}) AS BIGINT)",
            "CAST(extract(microseconds FROM {timestamp}) AS BIGINT) % 1000",
            "len({list})", "{list}[{n}]", "{list}[-{n}]", "CAST(list_sum({list}) AS BIGINT) % 1000",
            "list_max({list})", "list_min({list})", "list_position({list}, {int})",
            "CAST(list_unique({list}) AS BIGINT)",
            "list_aggregate([{n}, {n}, {int}], 'bit_xor')", "list_aggregate([{int}, {int}], 'bit_and')", "CAST(list_count({list}) AS BIGINT)",
            "list_reduce({list}, (a, x) -> coalesce(a, 0) % 1000 + coalesce(x, {int}),"
            " CAST({n} AS BIGINT))", "{'a': {int}, 'b': {text}}.a",
            "struct_extract_at(row({text}, {int}), 2)", "struct_update({'a': {text}}, a := {int}).a",
            "struct_concat({'a': {text}}, {'b': {int}}).b",
            "CAST(list_inner_product([{n}, 2], [{n}, {n}]) AS BIGINT)",
            "CAST(list_distance([{n}, 2], [{n}, 2]) AS BIGINT)",
            "CAST(len(generate_series({date}, {date} + INTERVAL '{n} days', INTERVAL '7 hours')) AS BIGINT)",
            "date_diff('month', {date}, {date})", "date_diff('hour', {timestamp}, {timestamp}) % 1000"],
    "float": ["{float} + {float} * {n}", "{float} - {float}", "{float} * 0.5e0",
              "{float} / nullif({float}, 0e0)", "-{float}", "abs({float})", "floor({float})",
              "ceil({float})", "trunc({float})", "sqrt(abs({float}))", "CAST({int} AS DOUBLE)",
              "CAST({decimal} AS DOUBLE)", "TRY_CAST({text} AS DOUBLE)", "{int} + {float}",
              "{float} * {decimal}", "list_avg({list})", "list_median({list})",
              "list_aggregate({list}, 'stddev_pop')", "list_aggregate([{float}, {float}, {float}], 'median')",
              "list_aggregate([{float}, {float}, {int}], 'var_samp')", "list_aggregate([{n}, {n}, {n}], 'entropy')",
              "[{float}, {float}][{n} % 3]"],
    "decimal": ["{decimal} + {decimal}", "{decimal} - {decimal}", "{decimal} * {decimal}",
                "{decimal} * 0.05", "{decimal} + {int}", "{int} * {decimal}", "-{decimal}",
                "abs({decimal})", "round({decimal}, 1)", "floor({decimal})", "ceil({decimal})",
                "round({decimal})", "{decimal} % 7", "CAST({decimal} AS DECIMAL(9,1))"],
    "text": ["{text} || {text}", "{text} || '-' || {text}", "upper({text})", "lower({text})",
             "substr({text}, {n}, {n})", "left({text}, {n})", "right({text}, {n})", "trim({text})",
             "ltrim({text}, 'ab')", "rtrim({text}, ' b')", "replace({text}, 'a', {text})",
             "lpad({text}, {n}, '*é')", "rpad({text}, {n}, 'xy')", "repeat({text}, {n} % 3)",
             "concat({text}, {int}, {text})", "concat_ws(',', {text}, {text}, {text})",
             "md5({text})", "split_part({text}, ',', 1)", "translate({text}, 'aAb', 'xy')",
             "regexp_replace({text}, '[ab]+', '<\\0>', 'g')", "regexp_extract({text}, '(b)(.)', 2)",
             "CAST({int} AS VARCHAR)", "CAST({date} AS VARCHAR)", "CAST({bool} AS VARCHAR)",
             "strftime({date}, '%d.%m.%Y %j')", "dayname({date})",
             "coalesce(array_to_string({list}, '-'), '')", "string_split({text}, ',')[{n} % 3]",
             "list_transform({list}, x -> {text})[{n}]", "list_max([{text}, {text}, {text}])",
             "array_to_string(list_sort(list_distinct(string_split({text}, ''))), '+')",
             "MAP {1: {text}, 2: {text}}[{n} % 4]", "regexp_extract_all({text}, '[a-z]')[{n} % 3]",
             "regexp_split_to_array({text}, '[,X]')[{n} % 3]", "struct_pack(a := {text}, b := {list}).a",
             "array_to_string(list_transform(string_split({text}, 'a'), (x, i) -> x || i), '')"],
    "bool": ["{bool} AND {bool}", "{bool} OR {bool} AND {bool}", "NOT {bool} OR {bool}",
             "{bool} IS TRUE", "{bool} IS NOT FALSE", "{text} LIKE '%a_%'", "{text} ILIKE 'A%b%'",
             "{text} NOT LIKE {text}", "{text} LIKE '%!_%' ESCAPE '!'", "starts_with({text}, {text})",
             "contains({text}, {text})", "regexp_matches({text}, '^a|b+$')", "isnan({float})",
             "NOT {int} = {int}", "{int} < {float}", "{int} >= {decimal}", "{decimal} < {float}",
             "{date} < {timestamp}", "{int} + 1 > {int} * 2", "TRY_CAST({text} AS BOOLEAN)",
             "CAST({int} AS BOOLEAN)", "list_contains({list}, {int})",
             "map_contains_value(MAP {1: {text}, 2: {text}}, {text})",
             "map_contains_entry(MAP {'a': {int}, 'b': {int}}, 'b', {int})",
             "list_has_any({list}, {list})", "list_has_all({list}, {list})",
             "list_contains([{text}, {text}], {text})", "[{date}, {date}] = [{date}, {date}]"],
    "date": ["{date} + CAST({int} AS INTEGER)", "{date} - {n}", "last_day({date})",
             "CAST({timestamp} AS DATE)", "CAST(date_trunc('month', {date}) AS DATE)",
             "CAST(date_trunc('week', {date}) AS DATE)", "CAST({date} + INTERVAL '1 month' AS DATE)",
             "TRY_CAST({text} AS DATE)"],
    "timestamp": ["{timestamp} + INTERVAL '{n} days'", "{timestamp} - INTERVAL '{n} months'",
                  "CAST(range({timestamp}, {timestamp} + INTERVAL '{n} days', INTERVAL '36 hours')[{n}]"
                  " AS TIMESTAMP)",  # DuckDB's range of a constant NULL has no type
                  "CAST(generate_series({timestamp}, {timestamp} - INTERVAL '{n} months',"
                  " INTERVAL '-1 month')[2] AS TIMESTAMP)",
                  "date_trunc('hour', {timestamp})", "date_trunc('quarter', {timestamp})",
                  "CAST({date} AS TIMESTAMP)", "{date} + INTERVAL '{n} hours'"],
    "list": ["[{int}, {int}, {int}]", "list_append({list}, {int})", "list_prepend({int}, {list})",
             "list_concat({list}, [{int}], {list})", "list_reverse({list})", "list_sort({list})",
             "list_sort({list}, 'DESC', 'NULLS FIRST')", "{list}[{n}:]", "{list}[-{n}:{n}]",
             "list_sort(list_distinct({list}))", "list_sort(list_intersect({list}, coalesce({list}, CAST([] AS BIGINT[]))))",
             "flatten([{list}, {list}])", "range({n})", "list_transform({list}, x -> x % 7 + {int})",
             "list_transform({list}, (x, i) -> x % 100 * i)",
             "{list}[{n}:-:2]", "list_resize({list}, {n})",
            "list_resize({list}, {n}, {int})", "list_where({list}, [{bool} IS TRUE, true])",
            "list_select({list}, [{n}, 1])", "list_grade_up({list}, 'DESC')", "array_pop_front({list})",
            "array_push_front(array_pop_back({list}), {int})",
            "list_transform(list_zip({list}, range({n})), p -> coalesce(struct_extract_at(p, 1), -1)"
            " + coalesce(struct_extract_at(p, 2), -2))",
            "list_filter({list}, x -> x > {int})", "list_filter({list}, (x, i) -> i <> {n})",
             "CAST(list_transform({list}, x -> CAST(x AS VARCHAR)) AS BIGINT[])"],
}
for family, rules in RULES.items():
    rules += [rule.replace("{X}", "{" + family + "}") for rule in ANY]
    if family != "bool":
        rules += [rule.replace("{X}", "{" + family + "}") for rule in ORDERED]
        RULES["bool"] += [rule.replace("{X}", "{" + family + "}") for rule in COMPARED]
PLACE = re.compile(r"\{(\w+)\}")


def leaf(random, columns, family):
    some = [c for c in columns if c.family == family]
    if not some or random.random() < 0.2:
        text = random.choice(LITERALS[family])
        return f"({text})" if text.startswith("-") else text
    return LEAVES.get(family, "{}").format(random.choice(some).name)


def tree(random, columns, family, depth):
    """(pipeline text, DuckDB text) of an expression of the family, at most `depth` rules deep."""
    if depth == 0 or random.random() < 0.1:
        text = leaf(random, columns, family)
        return text, text
    rule = random.choice(RULES[family])
    ours, theirs = rule if isinstance(rule, tuple) else (rule, rule)
    parts = [(str(random.randint(1, 9)),) * 2 if name == "n" else
             tree(random, columns, name, depth - 1) for name in PLACE.findall(ours)]
    pair = []
    for side, text in enumerate((ours, theirs)):
        texts = iter(parts)
        text = PLACE.sub(lambda _: next(texts)[side], text)
        pair.append(f"CAST(({text}) % 1000 AS DECIMAL(18,4))" if family == "decimal" else f"({text})")
    return tuple(pair)


def random_tree(random, columns, name, depth):
    """(pipeline text, DuckDB text, the new Column)"""
    family = random.choice(list(TYPES))
    ours, theirs = tree(random, columns, family, depth)
    type_ = TYPES[family]
    if family == "int":
        ours, theirs = f"CAST({ours} AS BIGINT)", f"CAST({theirs} AS BIGINT)"
    return ours, theirs, Column(name, type_, type_.domain(type_.name, random))
