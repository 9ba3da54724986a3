"""Inputs made from sound ones: bytes cut, repeated, replaced and spliced; values of a tree replaced by odd ones."""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

MOST = 1_000_000
"""Bytes of an input: files that are large are another test's."""
MOST_NODES = 100_000
"""Nodes that repeating one adds to a tree: else those that were repeated before multiply."""


def nest(depth: int) -> list[Any]:
    """Return lists in lists."""
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


DEEP = nest(900)
ODD = (
    None, True, False, -1, 0, 1, 2, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63), 10**400, 0.0, -0.0, 0.5, 1e-320, 1e308,
    -1e308, float("nan"), float("inf"), float("-inf"), "", "\0", "a" * 100_000, "\ud800", "\u202e\x1b[2J", "é" * 50,
    "../../../../etc/passwd", "/dev/zero", "a\nb", "-1", "1e400", "NaN", [], {}, [[]] * 500, [0] * 20_000,
    {"": ""}, {str(number): number for number in range(2_000)}, DEEP, [None], [{}], {"a": {"a": {"a": []}}},
)  # fmt: skip
"""What stands where a value of another kind, size or sign is expected."""
PIECES = (
    b"", b"\0", b"\xff", b"\n", b"\r\n", b";" * 3_000, b"9" * 5_000, b"-1", b"-", b"1e999", b"nan", b"\x1b[2J",
    b"\xed\xa0\x80", b"[" * 3_000, b"{" * 3_000, b'"', b"'", b"\\", b"\\u0000", b"\x80" * 12, b"\x7f" * 20, b"()" * 500,
    b"a" * 70_000, b" " * 5_000, b"*" * 300, b"#", b",", b":", b"<!--", b"\xe2\x80\xae", b"\x1f\x8b\x08", b"%s%n{0}",
)  # fmt: skip
NUMBERS = (b"0", b"-1", b"1", b"18446744073709551616", b"99999999999999999999999", b"1e308", b"nan", b"0x10", b"-0.0")
_DIGITS = re.compile(rb"-?\d+(?:\.\d+)?")

Change = tuple[str, float, float, int]


def changes(most: int = 6) -> st.SearchStrategy[list[Change]]:
    """Changes to make, each of a kind at a place, of a length, with a piece or an odd value by number."""
    kinds = st.sampled_from(("cut", "set", "insert", "repeat", "drop", "splice", "number", "number", "set"))
    place = st.floats(0, 1, exclude_max=True)
    return st.lists(st.tuples(kinds, place, place, st.integers(0, 1_000)), min_size=1, max_size=most)


def change_bytes(data: bytes, others: Sequence[bytes], made: Sequence[Change], most: int = MOST) -> bytes:
    """Return ``data`` after the changes, at most so many bytes of it; pieces of ``others`` are spliced in."""
    for kind, place, length, number in made:
        data = data[:most]  # else repeating what was repeated takes hundreds of megabytes
        at, size = int(place * (len(data) + 1)), max(1, int(length * length * length * len(data)))
        if kind == "cut":
            data = data[:at]
        elif kind == "set":
            data = data[:at] + bytes([number % 256]) + data[at + 1 :]
        elif kind == "insert":
            data = data[:at] + PIECES[number % len(PIECES)] + data[at:]
        elif kind == "repeat":
            data = data[:at] + data[at : at + size] * min(number + 1, most // size + 1) + data[at + size :]
        elif kind == "drop":
            data = data[:at] + data[at + size :]
        elif kind == "splice":
            other = others[number % len(others)]
            start = int(length * len(other))
            data = data[:at] + other[start : start + 3_000] + data[at:]
        else:
            found = list(_DIGITS.finditer(data))
            if found:
                match = found[int(place * len(found))]
                data = data[: match.start()] + NUMBERS[number % len(NUMBERS)] + data[match.end() :]
        data = data[:most]
    return data


def change_tree(tree: Any, made: Sequence[Change]) -> Any:
    """Return a copy of ``tree`` (dicts, lists, tuples, scalars) of which some are odd, gone or double."""
    tree = copy.deepcopy(tree)
    for kind, place, length, number in made:
        slots = list(_list_slots(tree))
        if not slots:
            return _make_odd(number)
        holder, key = slots[int(place * len(slots))]
        odd = _make_odd(number)
        if kind in ("set", "number", "insert"):
            holder[key] = odd
        elif kind in ("cut", "drop"):
            del holder[key]
        elif kind == "repeat" and isinstance(holder, list):
            holder[key:key] = [holder[key]] * min(number % 300, MOST_NODES // _weigh(holder[key]))
        else:
            with contextlib.suppress(RecursionError):  # of what is as deep as Python's own limit
                other = copy.deepcopy(_pick(slots, length))
                holder[str(odd)[:100] if kind == "repeat" and isinstance(holder, dict) else key] = other
    return tree


def _make_odd(number: int) -> Any:
    """Return an odd value of its own: the next change may be inside of it."""
    odd = ODD[number % len(ODD)]
    return nest(900) if odd is DEEP else copy.deepcopy(odd)


def _pick(slots: Sequence[tuple[Any, Any]], place: float) -> Any:
    holder, key = slots[int(place * len(slots))]
    return holder[key]


def _weigh(tree: Any) -> int:
    """Return the nodes of a tree; a long text counts as many."""
    values = [tree, *(holder[key] for holder, key in _list_slots(tree))]
    return sum(1 + (len(value) // 20 if isinstance(value, str) else 0) for value in values)


def _list_slots(tree: Any) -> Iterator[tuple[Any, Any]]:
    todo, met = [tree], 0
    while todo and met < 20_000:
        node = todo.pop()
        if isinstance(node, dict):
            pairs: list[tuple[Any, Any]] = list(node.items())
        elif isinstance(node, list):
            pairs = list(enumerate(node))
        else:
            continue
        for key, value in pairs:
            met += 1
            yield node, key
            todo.append(value)
