"""A second decoder of pprof, written from ``profile.proto`` alone and shared with nothing of whet's: only for tests."""

from __future__ import annotations

from collections.abc import Iterator

MESSAGES = {
    "Profile": {1: ("sample_type", "ValueType"), 2: ("sample", "Sample"), 3: ("mapping", "Mapping"),
                4: ("location", "Location"), 5: ("function", "Function"), 6: ("string_table", "string"),
                11: ("period_type", "ValueType"), 12: ("period", "int"), 13: ("comment", "ints"),
                14: ("default_sample_type", "int")},
    "ValueType": {1: ("type", "int"), 2: ("unit", "int")},
    "Sample": {1: ("location_id", "ints"), 2: ("value", "ints"), 3: ("label", "Label")},
    "Label": {1: ("key", "int"), 2: ("str", "int"), 3: ("num", "int")},
    "Mapping": {1: ("id", "int"), 5: ("filename", "int"), 7: ("has_functions", "int")},
    "Location": {1: ("id", "int"), 2: ("mapping_id", "int"), 4: ("line", "Line")},
    "Line": {1: ("function_id", "int"), 2: ("line", "int")},
    "Function": {1: ("id", "int"), 2: ("name", "int"), 4: ("filename", "int"), 5: ("start_line", "int")},
}  # fmt: skip


def decode(data: bytes, kind: str = "Profile") -> dict[str, list]:
    """Return the fields of a message by name, each a list of what was there."""
    found: dict[str, list] = {name: [] for name, _ in MESSAGES[kind].values()}
    stream = iter(data)
    for byte in stream:
        number, wire = divmod(_varint(stream, byte), 8)
        value = (
            _varint(stream, next(stream))
            if wire == 0
            else bytes(next(stream) for _ in range(_varint(stream, next(stream))))
        )
        if number not in MESSAGES[kind]:
            continue
        name, inner = MESSAGES[kind][number]
        if inner == "ints":
            inside = iter(value) if isinstance(value, bytes) else None
            found[name] += [value] if inside is None else [_varint(inside, each) for each in inside]
        elif inner in {"int", "string"}:
            found[name].append(value.decode() if isinstance(value, bytes) else value)
        else:
            found[name].append(decode(value, inner))
    return found


def _varint(stream: Iterator[int], byte: int) -> int:
    value = shift = 0
    while True:
        value |= (byte & 127) << shift
        if byte < 128:
            return value
        shift += 7
        byte = next(stream)
