"""What weir writes as JSON for a value of Arrow, so that tables can be compared row by row."""
import datetime
import decimal
import json
import math

import pyarrow as pa


def fraction(value, digits):
    """Digits behind the point, without trailing zeros."""
    text = f"{value:0{digits}d}".rstrip("0") if value else ""
    return f".{text}" if text else ""


DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def time_text(units, unit):
    per_second = 10 ** DIGITS[unit]
    seconds, rest = divmod(units, per_second)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}{fraction(rest, DIGITS[unit])}"


def timestamp_text(units, unit, zone):
    days, rest = divmod(units, 86400 * 10 ** DIGITS[unit])
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=days)
    return f"{day} {time_text(rest, unit)}{'+00' if zone else ''}"


def interval_text(months, days, microseconds):
    """As PostgreSQL: a part behind a negative one has its sign."""
    years = abs(months) // 12 * (1 if months >= 0 else -1)
    parts, was_negative = [], False
    for number, name in [(years, "year"), (months - 12 * years, "mon"), (days, "day")]:
        if number:
            plural = "" if number == 1 else "s"
            parts.append(f"{'+' if was_negative and number > 0 else ''}{number} {name}{plural}")
            was_negative = number < 0
    if microseconds or not parts:
        sign = "-" if microseconds < 0 else "+" if was_negative else ""
        parts.append(sign + time_text(abs(microseconds), "us"))
    return " ".join(parts)


def float_text(value, kind):
    if math.isnan(value) or math.isinf(value):
        return None  # JSON has no such numbers
    return Float(value, pa.types.is_float64(kind))


class Float:
    """Compared as a number: shortest texts differ between printers."""

    def __init__(self, value, is_double):
        self.value, self.is_double = value, is_double

    def matches(self, other):
        if isinstance(other, (int, float, decimal.Decimal)):
            other = float(other)
            if not self.is_double:
                other = pa.scalar(other, pa.float32()).as_py()
            return other == self.value
        return False


def json_of(scalar):
    """The value as weir's JSON, read back by Python's json with decimals kept, would have it."""
    kind = scalar.type
    if not scalar.is_valid:
        return None
    if (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind) or
            pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind)):
        return [json_of(item) for item in scalar]
    if pa.types.is_union(kind):
        return {field.name: json_of(scalar.value) if code == scalar.type_code else None
                for code, field in zip(kind.type_codes, kind)}
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return json_of(scalar.value if pa.types.is_dictionary(kind) else
                       pa.scalar(scalar.as_py(), kind.value_type))
    if pa.types.is_duration(kind):
        return interval_text(0, 0, scalar.value * 10 ** 6 // 10 ** DIGITS[kind.unit])
    if pa.types.is_interval(kind):
        return interval_text(scalar.as_py().months, scalar.as_py().days, scalar.as_py().nanoseconds // 1000)
    if pa.types.is_map(kind):
        return {"map": [(json_of(pa.scalar(k, kind.key_type)), json_of(pa.scalar(v, kind.item_type)))
                        for k, v in scalar.as_py()]}
    if pa.types.is_struct(kind):
        return {field.name: json_of(scalar[field.name]) for field in kind}
    if pa.types.is_floating(kind):
        return float_text(scalar.as_py(), kind)
    if pa.types.is_decimal(kind):
        return scalar.as_py()
    if pa.types.is_timestamp(kind):
        return timestamp_text(scalar.value, kind.unit, kind.tz)
    if pa.types.is_time(kind):
        return time_text(scalar.value, kind.unit)
    if pa.types.is_date(kind):
        return str(scalar.as_py())
    if isinstance(kind, pa.UuidType):
        return str(scalar.as_py())
    if (pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_large_binary(kind) or
            pa.types.is_binary_view(kind)):
        return "\\x" + scalar.as_py().hex()
    return scalar.as_py()


def same(expected, found):
    if isinstance(expected, Float):
        return expected.matches(found)
    if isinstance(expected, decimal.Decimal):
        return isinstance(found, (int, decimal.Decimal)) and expected == found
    if isinstance(expected, list):
        return (isinstance(found, list) and len(found) == len(expected) and
                all(map(same, expected, found)))
    if isinstance(expected, dict) and set(expected) == {"map"} and isinstance(found, dict):
        return (len(found) == len(expected["map"]) and
                all(str(k) in found and same(v, found[str(k)]) for k, v in expected["map"]))
    if isinstance(expected, dict):
        return (isinstance(found, dict) and list(found) == list(expected) and
                all(same(value, found[name]) for name, value in expected.items()))
    return type(expected) is type(found) and expected == found


def read_lines(text):
    return [json.loads(line, parse_float=decimal.Decimal) for line in text.splitlines()]


def first_difference(table, lines):
    """Why `lines`, objects that weir wrote, are not the rows of `table`; None: they are."""
    if len(lines) != table.num_rows:
        return f"{len(lines)} rows, expected {table.num_rows}"
    for name, column in zip(table.column_names, table.columns):
        for row, scalar in enumerate(column):
            expected = json_of(scalar)
            if name not in lines[row]:
                return f"row {row} has no '{name}': {list(lines[row])}"
            if not same(expected, lines[row][name]):
                shown = expected.value if isinstance(expected, Float) else expected
                return f"row {row}, '{name}': {lines[row][name]!r}, expected {shown!r}"
    return None
