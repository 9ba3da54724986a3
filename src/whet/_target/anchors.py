"""Exact counters, compiled into user code where they cost little.

A window of line tracing tells how often lines ran *relative to each other*;
anchors tell how often some of them ran *in all*. There are three kinds:

``entry``
    a counter in a function's first line,
``loop``
    a counter in the first line of a loop's body, where an iteration is long
    enough to hide it,
``sized``
    the length of what an innermost ``for`` loop iterates over, added up once
    a loop, where an iteration is too short for a counter.

A counter is an object placed among the constants of the code object, so no name
appears in any namespace of the program. Its increment is three bytecodes
without a point where the interpreter could switch threads. Where counters are
placed: :mod:`placing`. How those that turn out to cost too much are
switched off: :mod:`toggling`.
"""

from __future__ import annotations

import functools
import sys
import types
from typing import Any

COUNTER_COST_NS = 25
"""Roughly what one increment costs."""
SIZED_COST_NS = 130
"""Roughly what asking for a length costs, once a loop."""
HIDDEN_BY = 50
"""A counter stays where the code around it costs at least this many times more."""

MARK = "\0whet anchor %d\0"
_SIZED_TYPES = frozenset(
    {
        list,
        tuple,
        dict,
        set,
        frozenset,
        str,
        bytes,
        bytearray,
        range,
        type({}.keys()),
        type({}.values()),
        type({}.items()),
    }
)
_CHECK_EVERY = 128
hand_on = functools.partial({}.get, None)
"""Returns what it is given. ``iter`` would do as well but for errors, which the loop itself has to raise."""
_DESCRIBED = (
    "kind", "file", "function", "code_line", "line", "end_line", "header", "lines", "worth"
)  # fmt: skip


class Anchor:
    """A counter. Pickled by value (as cloudpickle does with functions) it becomes a plain namespace."""

    __slots__ = (
        "code_line",
        "end_line",
        "entries",
        "exact",
        "file",
        "function",
        "gate",
        "header",
        "kind",
        "line",
        "lines",
        "n",
        "twin",
        "worth",
    )

    def __init__(self, kind: str, file: str, function: str, code_line: int, line: int, *, worth: int = 0) -> None:
        self.kind = kind
        self.file = file
        self.function = function
        self.code_line = code_line
        """Where the owning code object starts (its ``co_firstlineno``)."""
        self.line = line
        """The first line of what is counted."""
        self.end_line = line
        """The last line of the loop or function that it counts for."""
        self.header = 0
        """The line of the loop's own statement; 0 for a function."""
        self.lines: list[int] = []
        """Lines that run exactly once for each count, barring exceptions."""
        self.n = 0
        self.entries = 0
        self.twin: Anchor | None = None
        """For a loop's counter: the anchor that adds up its lengths, and makes it superfluous where that works."""
        self.exact = True
        self.worth = worth
        self.gate: Any = self._measure if kind == "sized" else None

    def _measure(self, iterable: Any) -> Any:
        """Add the length of ``iterable`` and return it; step aside where loops turn out to be short."""
        if type(iterable) in _SIZED_TYPES:
            self.n += len(iterable)
        else:
            self.exact = False
            self.gate = hand_on
            return iterable
        self.entries += 1
        if self.entries % _CHECK_EVERY == 0 and self.n * self.worth < self.entries * SIZED_COST_NS * HIDDEN_BY:
            self.exact = False
            self.gate = hand_on
        return iterable

    def describe(self) -> dict[str, Any]:
        """Return what :meth:`of` needs to make this anchor again in another process."""
        return {field: getattr(self, field) for field in _DESCRIBED} | {"has_twin": self.twin is not None}

    @classmethod
    def of(cls, described: dict[str, Any], before: Anchor | None = None) -> Anchor:
        """Make an anchor of its description; a twin is the anchor ``before`` it."""
        fields = dict(described)
        kind, file, function, code_line, line = (
            fields.pop(name) for name in ("kind", "file", "function", "code_line", "line")
        )
        anchor = cls(kind, file, function, code_line, line, worth=fields.pop("worth"))
        if fields.pop("has_twin"):
            anchor.twin = before
        for name, value in fields.items():
            setattr(anchor, name, value)
        if kind == "once":
            anchor.n = 1
        return anchor

    def __reduce__(self) -> tuple[Any, ...]:
        return (types.SimpleNamespace, (), {"n": 0, "gate": iter})


def install_anchors(code: types.CodeType, anchors: list[Anchor]) -> types.CodeType:
    """Return ``code`` with the marks among its constants replaced by the anchors themselves."""
    marks = {MARK % index: anchor for index, anchor in enumerate(anchors)}

    def install(one: types.CodeType) -> types.CodeType:
        constants = tuple(
            install(constant)
            if isinstance(constant, types.CodeType)
            else marks.get(constant, constant)
            if type(constant) is str
            else constant
            for constant in one.co_consts
        )
        return one.replace(co_consts=constants)

    return install(code)


_kept: list[Any] = []
"""Anchors that stand in tuples which do not know that they own them."""


def can_patch() -> bool:
    """Tell whether the constants of existing code can be exchanged here: whether tuples lie as :func:`patch` thinks."""
    try:
        import ctypes
    except ImportError:
        return False
    gil = getattr(sys, "_is_gil_enabled", None)
    if gil is not None and not gil():
        return False
    probe = (object(), "a mark", 3.5)
    words = (ctypes.c_size_t * len(probe)).from_address(id(probe) + tuple.__basicsize__)
    return list(words) == [id(each) for each in probe]


def patch(code: types.CodeType, anchors: list[Anchor]) -> None:
    """Replace the marks among the constants of ``code``, which may be running already, in place.

    The interpreter has read this code from a file, where only its own constants
    can stand. Only where :func:`can_patch` holds.
    """
    import ctypes

    marks = {MARK % index: anchor for index, anchor in enumerate(anchors)}
    todo = [code]
    while todo:
        one = todo.pop()
        constants = one.co_consts
        for index, constant in enumerate(constants):
            if isinstance(constant, types.CodeType):
                todo.append(constant)
            elif type(constant) is str and constant in marks:
                anchor = marks[constant]
                # Kept, and the mark with it: the tuple's own counting of references knows nothing of the exchange.
                _kept.append((anchor, constant, anchor))
                slot = ctypes.c_size_t.from_address(
                    id(constants) + tuple.__basicsize__ + index * ctypes.sizeof(ctypes.c_size_t)
                )
                slot.value = id(anchor)
