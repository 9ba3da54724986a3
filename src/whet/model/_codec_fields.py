"""Turns model objects into JSON values and back, led by the annotations of their fields.

A dataclass is an object of its fields, a tuple or sequence an array, an enum its
value; a sequence of frames or line counts is a table: one array a field, so
that equal things stand together and compress. Reading is strict: a value of
another type, an unknown member or a number beyond 64 bits raises :class:`WrongValue`, which
collects the way to the value on its way out.
"""

# ruff: noqa: ANN401  a JSON value has no type before it is checked, and every kind of field comes by here
from __future__ import annotations

import dataclasses
import math
import operator
import types
import typing
from array import array
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from itertools import accumulate
from typing import Any

from whet.model.frame import Frame
from whet.model.profile import ROOT, LineCount, StackTable

Encode = Callable[[Any], Any]
Decode = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class _FirstLineCount:
    """A line count of schema 1, which may be an estimate."""

    file: str
    line: int
    function_line: int
    hits: int | None
    per_call: float | None
    error: float
    exact: bool


_DELTA = "delta"
_UP = "up"
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class WrongValue(Exception):  # noqa: N818  never seen by users: it becomes a FormatError
    """A value that does not fit its field; ``way`` leads to it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        self.way: list[str] = []

    @property
    def where(self) -> str:
        """The way from the top, as in ``profiles[0].samples[2].value``."""
        return "".join(reversed(self.way)).lstrip(".")


@cache
def find_codec(kind: Any) -> tuple[Encode, Decode]:  # noqa: PLR0911  one return a kind of field
    """Return how values annotated as ``kind`` are written and read."""
    simple = {str: (_keep, _read_text), int: (_keep, _read_int), float: (_write_float, _read_float)}
    if kind in simple:
        return simple[kind]
    if kind is bool:
        return _keep, _read_bool
    if kind is StackTable:
        return _write_stacks, _read_stacks
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in {types.UnionType, typing.Union}:
        return _make_optional(next(part for part in parts if part is not types.NoneType))
    if origin is tuple and parts[-1] is not Ellipsis:
        return _make_fixed(parts)
    if origin in {tuple, Sequence}:
        if parts[0] is int:
            return _write_ints, _read_int_tuple if origin is tuple else _read_ints
        if parts[0] is LineCount:
            return _make_line_counts()
        return _make_table(Frame) if parts[0] is Frame else _make_rows(parts[0])
    if origin is Mapping:
        return _make_mapping(parts[1])
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return str, _make_enum_reader(kind)
    if dataclasses.is_dataclass(kind):
        return _make_object(kind)
    raise TypeError(f"no way to store {kind}")


def _keep(value: Any) -> Any:
    return value


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongValue("text expected")
    return value


def _read_int(value: Any) -> int:
    if type(value) is not int:
        raise WrongValue("a whole number expected")
    if not -(2**63) <= value < 2**63:
        raise WrongValue("a number beyond 64 bits")
    return value


def _read_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongValue("true or false expected")
    return value


def _write_float(value: float) -> Any:
    return float(value) if math.isfinite(value) else str(float(value))


def _read_float(value: Any) -> float:
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if type(value) not in {int, float} or not abs(value) <= 1.7976931348623157e308:
        raise WrongValue("a number expected")
    return float(value)


def _make_enum_reader(kind: type[StrEnum]) -> Decode:
    members = {member.value: member for member in kind}

    def read(value: Any) -> StrEnum:
        if not isinstance(value, str) or value not in members:
            raise WrongValue(f"one of {', '.join(members)} expected")
        return members[value]

    return read


def _make_optional(kind: Any) -> tuple[Encode, Decode]:
    encode, decode = find_codec(kind)
    return (lambda value: None if value is None else encode(value)), (
        lambda value: None if value is None else decode(value)
    )


def _make_fixed(kinds: tuple[Any, ...]) -> tuple[Encode, Decode]:
    codecs = [find_codec(kind) for kind in kinds]

    def write(value: Any) -> list[Any]:
        return [encode(part) for (encode, _), part in zip(codecs, value, strict=True)]

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(codecs):
            raise WrongValue(f"an array of {len(codecs)} expected")
        return tuple(_step(f"[{i}]", codecs[i][1], part) for i, part in enumerate(value))

    return write, read


def _make_rows(kind: Any) -> tuple[Encode, Decode]:
    encode, decode = find_codec(kind)

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise WrongValue("an array expected")
        return tuple(_step(f"[{i}]", decode, part) for i, part in enumerate(value))

    return (lambda value: [encode(part) for part in value]), read


def _make_mapping(kind: Any) -> tuple[Encode, Decode]:
    encode, decode = find_codec(kind)

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise WrongValue("an object expected")
        return {key: _step(f"[{key[:40]!a}]", decode, part) for key, part in value.items()}

    return (lambda value: {key: encode(part) for key, part in value.items()}), read


def _make_object(kind: Any) -> tuple[Encode, Decode]:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    codecs = {field.name: find_codec(hints[field.name]) for field in fields}
    required = {
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }

    def write(value: Any) -> dict[str, Any]:
        return {name: encode(getattr(value, name)) for name, (encode, _) in codecs.items()}

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise WrongValue("an object expected")
        if missing := sorted(required - value.keys()):
            raise WrongValue(f"{missing[0]} is missing")
        if unknown := sorted(value.keys() - codecs.keys()):
            raise WrongValue(f"unknown member {unknown[0][:40]!a}")
        return kind(**{name: _step(f".{name}", codecs[name][1], part) for name, part in value.items()})

    return write, read


def _make_table(kind: Any) -> tuple[Encode, Decode]:
    """Return the codec of a sequence of dataclasses without members of their own: ``{field: [values]}``."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    codecs = {name: find_codec(hints[name]) for name in names}

    def write(value: Any) -> dict[str, Any]:
        columns: dict[str, Any] = {}
        for name, (encode, _) in codecs.items():
            column = [encode(getattr(row, name)) for row in value]
            columns[name] = _write_texts(column) if hints[name] is str else column
        return columns

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, dict) or value.keys() != codecs.keys():
            raise WrongValue(f"a table of {', '.join(names)} expected")
        columns = []
        for name, (_, decode) in codecs.items():
            column = _step(f".{name}", _read_texts, value[name]) if hints[name] is str else value[name]
            if not isinstance(column, list):
                raise WrongValue(f"{name}: an array expected")
            columns.append(_read_column(hints[name], decode, name, column))
        if len({len(column) for column in columns}) > 1:
            raise WrongValue("columns of unlike length")
        return tuple(kind(*row) for row in zip(*columns, strict=True))

    return write, read


def _read_column(kind: Any, decode: Decode, name: str, column: list[Any]) -> list[Any]:
    """Return the values of one field of a table. Plain ones that are right are taken as they are, all at once."""
    if kind is str and set(map(type, column)) <= {str}:
        return column
    if (
        kind is int
        and set(map(type, column)) <= {int}
        and (not column or -(2**63) <= min(column) <= max(column) < 2**63)
    ):
        return column
    return [_step(f".{name}[{i}]", decode, part) for i, part in enumerate(column)]


def _make_line_counts() -> tuple[Encode, Decode]:
    write, read_table = _make_table(LineCount)
    _, read_first = _make_table(_FirstLineCount)

    def read(value: Any) -> tuple[LineCount, ...]:
        if not isinstance(value, dict) or "exact" not in value:
            counts: tuple[LineCount, ...] = read_table(value)
            return counts
        return tuple(
            LineCount(each.file, each.line, each.function_line, each.hits)
            for each in read_first(value)
            if each.exact and each.hits is not None
        )

    return write, read


def _write_texts(values: list[str]) -> list[Any]:
    """Return ``[distinct texts, index a row]``."""
    index: dict[str, int] = {}
    rows = [index.setdefault(value, len(index)) for value in values]
    return [list(index), rows]


def _read_texts(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], list):
        raise WrongValue("texts and their indices expected")
    texts, rows = value[0], _read_ints(value[1])
    if len(rows) and not 0 <= min(rows) <= max(rows) < len(texts):
        raise WrongValue("an index out of range")
    return [texts[row] for row in rows]


def _write_ints(values: Sequence[int]) -> Any:
    """Return an array, of differences where the numbers never fall: they are short then."""
    plain = list(values)
    if len(plain) > 2 and all(map(int.__le__, plain, plain[1:])):
        return {_DELTA: [plain[0], *map(int.__sub__, plain[1:], plain)]}
    return plain


def _list_ints(value: Any) -> list[int]:
    if not isinstance(value, list) or not set(map(type, value)) <= {int}:
        raise WrongValue("an array of whole numbers expected")
    return value


def _read_ints(value: Any) -> Sequence[int]:
    delta = isinstance(value, dict) and value.keys() == {_DELTA}
    plain = _list_ints(value[_DELTA] if delta else value)
    try:
        # Nothing is ``()``, as in the model's defaults: an empty array does not equal it.
        return array("q", accumulate(plain) if delta else plain) or ()
    except OverflowError:
        raise WrongValue("a number beyond 64 bits") from None


def _read_int_tuple(value: Any) -> tuple[int, ...]:
    return tuple(_read_ints(value))


def _write_stacks(table: StackTable) -> dict[str, Any]:
    """Return the rows, parents as the distance upwards: a parent stands before its children, mostly one row."""
    return {_UP: [row - parent for row, parent in enumerate(table.parent)], "frame": list(table.frame)}


def _read_stacks(value: Any) -> StackTable:
    if not isinstance(value, dict) or value.keys() != {_UP, "frame"}:
        raise WrongValue("a table of up, frame expected")
    distances = _step(f".{_UP}", _list_ints, value[_UP])
    frames = _step(".frame", _read_ints, value["frame"])
    if len(distances) != len(frames):
        raise WrongValue("columns of unlike length")
    parents = list(map(operator.sub, range(len(distances)), distances))
    if parents and (min(distances) < 1 or min(parents) < ROOT):
        raise WrongValue("a stack whose parent does not stand before it")
    return StackTable(array("q", parents), frames)


def _step(way: str, decode: Decode, value: Any) -> Any:
    try:
        return decode(value)
    except WrongValue as wrong:
        wrong.way.append(way)
        raise
