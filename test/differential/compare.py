"""Comparing rows of texts: as multisets, or in order; floats at 1e-9 relative."""
import collections
import json
import math
import re
import struct
from decimal import Decimal, InvalidOperation


def parse_csv(data):
    """Rows of fields; an unquoted empty field is None, a quoted one the empty text."""
    text = data.decode("utf-8")
    if '"' not in text:
        return [[f or None for f in line.split(",")] for line in text.split("\n")[:-1]]
    rows, row, at, size = [], [], 0, len(text)
    plain = re.compile(r"[^,\n]*")
    while at < size:
        if text[at] == '"':
            out = []
            at += 1
            while True:
                end = text.index('"', at)
                out.append(text[at:end])
                at = end + 1
                if at < size and text[at] == '"':
                    out.append('"')
                    at += 1
                    continue
                break
            row.append("".join(out))
        else:
            match = plain.match(text, at)
            row.append(match[0] or None)
            at = match.end()
        if at >= size or text[at] == "\n":
            rows.append(row)
            row = []
        elif text[at + 1:at + 2] in ("\n", ""):  # an empty last field
            row.append(None)
            rows.append(row)
            row = []
            at += 1
        at += 1
    return rows


def as_float(text):
    return float(text.replace("Infinity", "inf"))


def strip_zeros(text):
    """A time or timestamp without what says nothing: zeros at the end, +00, the T."""
    text = re.sub(r"(\+00(:00)?|Z)$", "", text.replace("T", " "))
    return re.sub(r"(\.\d*?)0+$", r"\1", text).rstrip(".")


def canonical(text, family):
    """A value that sorts and compares; floats become numbers, compared with tolerance."""
    if text is None:
        return None
    if family == "float":
        return as_float(text)
    if family in ("int", "decimal"):
        try:
            return Decimal(text)
        except InvalidOperation:
            return text
    if family in ("time", "timestamp"):
        return strip_zeros(text)
    if family == "nested":
        return json.dumps(json.loads(text))
    if family == "interval":
        return text.replace("mons", "months").replace("mon ", "month ")
    return text


def sort_key(value):
    if value is None:
        return (2, "")
    if isinstance(value, float):
        # Near values may sort apart; the digits that decide are coarser than the tolerance.
        return (1, "nan") if math.isnan(value) else (0, f"{value:.6e}" if value else "0")
    return (0, str(value))


def same(a, b):
    if a == b:
        return True
    if isinstance(a, float) and isinstance(b, float):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return abs(a - b) <= 1e-9 * max(abs(a), abs(b)) or abs(a - b) < 1e-300 or is_single(a, b)
    return False


def is_single(expected, actual):
    """Is `actual` what a Float32 prints that is exactly `expected`?"""
    try:
        rounded = [struct.unpack("f", struct.pack("f", x))[0] for x in (expected, actual)]
    except OverflowError:
        return False
    return rounded[0] == expected and rounded[0] == rounded[1]


def cancel(expected, actual):
    """What is left of two multisets of rows without those that have the same texts."""
    surplus = collections.Counter(map(tuple, expected))
    surplus.subtract(map(tuple, actual))
    return ([row for row, n in surplus.items() for _ in range(n)],
            [row for row, n in surplus.items() for _ in range(-n)])


def first_difference(expected, actual, families, ordered):
    """"" if the rows agree, else a sentence. Both are lists of rows of texts."""
    def row_key(row):
        exact = [sort_key(v) for v in row if not isinstance(v, float)]
        return exact, [sort_key(v) for v in row if isinstance(v, float)]

    if len(expected) != len(actual):
        return f"{len(actual)} rows, expected {len(expected)}"
    if ordered:
        pairs = [(a, b) for a, b in zip(expected, actual) if list(a) != list(b)]
        expected, actual = [a for a, _ in pairs], [b for _, b in pairs]
    else:
        expected, actual = cancel(expected, actual)
    left = [tuple(map(canonical, row, families)) for row in expected]
    right = [tuple(map(canonical, row, families)) for row in actual]
    if not ordered:
        left.sort(key=row_key)
        right.sort(key=row_key)
    for a, b in zip(left, right):
        if len(a) != len(b) or not all(map(same, a, b)):
            return f"expected {shown(a)}\n  actual   {shown(b)}"
    return ""


def shown(row):
    return "(" + ", ".join("NULL" if v is None else repr(v) if isinstance(v, str) else str(v)
                           for v in row) + ")"
