"""Exact counters, compiled into user code where they cost little.

A window of line tracing tells how often lines ran *relative to each other*;
anchors tell how often some of them ran *in all*. There are four kinds:

``entry``
    a counter in a function's first line,
``loop``
    a counter in the first line of a loop's body, where an iteration is long
    enough to hide it,
``once``
    a counter in a module or a class, or in ``if __name__ == "__main__":``,
``sized``
    the length of what a ``for`` loop iterates over, added up once a loop, where
    an iteration is too short for a counter. The length is the count only if the
    loop comes to its end and the length stays what it was. Both are looked after:
    ends are counted, and for what can change there are the checks of :class:`Check`.

Where it costs nothing in comparison, passes that get as far as the last line that
is counted for are counted too: then no exception has come in between.

A counter is an object placed among the constants of the code object, so no name
appears in any namespace of the program. Counting is a single instruction, which no other thread
can interrupt: :mod:`counts`. Where counters are placed: :mod:`placing`. How those that
turn out to cost too much are switched off: :mod:`toggling`.
"""

from __future__ import annotations

import sys
import types
from enum import StrEnum
from typing import Any

from .code_tree import walk_code
from .counts import Count

COUNTER_COST_NS = 10
"""Roughly what counting once costs."""
SIZED_COST_NS = 160
"""Roughly what asking for a length costs, once a loop."""
LEAVE_COST_NS = 100
"""Roughly what asking for it again at the end costs more."""
HIDDEN_BY = 50
"""A counter stays where the code around it costs at least this many times more."""

COUNTED = ("n", "passed")
"""Fields of an anchor that are counted by code of their own."""
_EMPTY: dict[str, None] = {}
_KEYS, _VALUES, _ITEMS = type(_EMPTY.keys()), type(_EMPTY.values()), type(_EMPTY.items())
_WITH_LENGTH = (range, tuple, dict, str, set, bytes, bytearray, frozenset, _KEYS, _VALUES, _ITEMS)
_CHECK_EVERY = 128
_DESCRIBED = (
    "kind", "file", "function", "code_line", "line", "end_line", "header", "header_is_sure", "lines", "likely",
    "checked", "worth", "check", "removes",
)  # fmt: skip


class Check(StrEnum):
    """How to find out whether a list kept its length while it was iterated over."""

    NEEDLESS = "needless"
    """Nothing in the loop changes anything."""
    LOCAL = "local"
    """By its length at the end, asked of the variable, which nobody else can bind to something else."""
    GLOBAL = "global"
    """The same with a name of the module."""
    OWNED = "owned"
    """When nothing but the loop refers to it, nobody can change it."""
    UNSURE = "unsure"
    """There is no way to tell."""


# By a name of their own, since they are asked for on hot paths.
_LOCAL, _GLOBAL, _OWNED, _UNSURE = Check.LOCAL, Check.GLOBAL, Check.OWNED, Check.UNSURE


class _Probe:
    def __add__(self, value: Any) -> int:
        return sys.getrefcount(value)


_OWN_REFERENCES = _Probe() + ([0] + [1])  # noqa: RUF005  # made just now, so that nobody else refers to it
"""References that an addition sees to what is added when there is no other."""
_REMADE = "type('anchor', (), {'__add__': lambda self, shown: shown, 'leave': lambda self, of: None})()"
"""What an anchor becomes in another process: something that counts for nobody."""


def make_mark(number: int, does: str = "") -> str:
    """Return what stands in compiled code for an anchor, or for the counter of one of its fields."""
    return f"\0whet anchor {number} {does}\0"


class Anchor:
    """What counts one piece of code. Pickled by value (as cloudpickle does with functions) it becomes a namespace."""

    __slots__ = (
        "check", "checked", "code_line", "counts", "end_line", "entries", "exact", "file", "function", "header",
        "header_is_sure", "kind", "left", "likely", "line", "lines", "offered", "removes", "twin", "unsure", "worth",
    )  # fmt: skip

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
        self.header_is_sure = False
        """Whether that runs exactly once more for each entry of a sized loop; else so where it does not fail."""
        self.lines: list[int] = []
        """Lines that run exactly once for each count."""
        self.likely: list[int] = []
        """Lines that do so where no exception comes in between."""
        self.checked: list[int] = []
        """Those of ``likely`` that no exception has kept from running if ``passed`` is as large as ``n``."""
        self.counts = {does: Count(self, does) for does in COUNTED}
        self.offered = 0
        """The lengths that a sized loop's iterables had, added up."""
        self.entries = 0
        self.left = 0
        """The lengths at the end of all loops, where ``check`` asks for them."""
        self.twin: Anchor | None = None
        """For a loop's counter: the anchor that adds up its lengths, and makes it superfluous where that works."""
        self.exact = True
        """Whether everything is counted; a loop's length is asked for no longer where not."""
        self.worth = worth
        self.check = Check.NEEDLESS
        self.removes = False
        """Whether the loop takes something out of a container."""
        self.unsure = False
        """Whether a length may have changed unseen."""

    def __add__(self, iterable: Any) -> Any:
        """Add the length of ``iterable`` and return it; step aside where loops turn out to be short.

        Called by what :mod:`gates` compiles into a loop.
        """
        if not self.exact:
            return iterable
        # Compared one by one: looking a type up by its hash would call a metaclass's own.
        kind = type(iterable)
        if kind is list or kind is bytearray:
            if self.check is _OWNED:
                if sys.getrefcount(iterable) > _OWN_REFERENCES:
                    self.unsure = True
                    self.check = _UNSURE
            elif self.check is _UNSURE:
                self.unsure = True
        elif kind is dict or kind is _ITEMS or kind is set or kind is _VALUES or kind is _KEYS:
            if self.removes:
                self.unsure = True
        elif not (kind is range or kind is tuple or kind is str or kind is bytes or kind is frozenset):
            self.exact = False
            return iterable
        # Asked for first: between reading a counter and writing it, no other thread may come in.
        length = len(iterable)
        self.entries += 1
        self.offered += length
        if self.entries % _CHECK_EVERY == 0:
            cost = SIZED_COST_NS + (LEAVE_COST_NS if self._looks_again else 0)
            if self.offered * self.worth < self.entries * cost * HIDDEN_BY:
                self.exact = False
        return iterable

    def leave(self, iterable: Any) -> None:
        """Note the end of a loop, and the length at that time; of a global, its name is given."""
        if not self.exact:
            return
        if self.check is _GLOBAL:
            iterable = sys._getframe(1).f_globals.get(iterable)
        kind = type(iterable)
        length = len(iterable) if kind is list or any(kind is each for each in _WITH_LENGTH) else 0
        next(self.counts["passed"])
        self.left += length

    @property
    def n(self) -> int:
        """How often the lines ran, or of a sized loop, how often they were to run."""
        return self.offered if self.kind == "sized" else self.counts["n"].taken

    @property
    def passed(self) -> int:
        """How often the last of ``checked`` was reached; of a sized loop, how often it came to its end."""
        return self.counts["passed"].taken

    @property
    def is_exact(self) -> bool:
        """Whether ``n`` is how often the lines ran, and not only how often they were to run."""
        if self.kind != "sized" or not self.exact:
            return self.exact
        return not self.unsure and self.passed == self.entries and (not self._looks_again or self.left == self.n)

    @property
    def is_near(self) -> bool:
        """Whether ``n`` is close to that as far as can be told."""
        if self.kind != "sized" or not self.exact:
            return self.exact
        unfinished = self.entries - self.passed
        return 0 <= unfinished <= self.entries / 100 and (
            not self._looks_again or abs(self.left - self.n) <= self.n / 50
        )

    @property
    def is_promising(self) -> bool:
        """Whether a sized loop has been exact so far, loops aside that are under way."""
        if not self.exact or self.unsure or not self.entries:
            return False
        if self._looks_again:
            return self.passed > 0 and self.is_exact
        return self.entries - self.passed <= max(2, self.entries / 100)

    @property
    def _looks_again(self) -> bool:
        return self.check is _LOCAL or self.check is _GLOBAL

    def forget(self) -> None:
        """Start from nothing, in a forked child."""
        self.offered = self.entries = self.left = 0
        for each in self.counts.values():
            each.begin_anew()

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
            setattr(anchor, name, Check(value) if name == "check" else value)
        return anchor

    def __reduce__(self) -> tuple[Any, ...]:
        return (eval, (_REMADE,))


def _list_marks(anchors: list[Anchor]) -> dict[str, Anchor | Count]:
    """Return what is to stand in the place of each mark."""
    marks: dict[str, Anchor | Count] = {}
    for number, anchor in enumerate(anchors):
        marks[make_mark(number)] = anchor
        marks |= {make_mark(number, does): count for does, count in anchor.counts.items()}
    return marks


def install_anchors(code: types.CodeType, anchors: list[Anchor]) -> types.CodeType:
    """Return ``code`` with the marks among its constants replaced by the anchors and counters themselves."""
    marks = _list_marks(anchors)

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

    marks = _list_marks(anchors)
    for one in walk_code(code):
        constants = one.co_consts
        for index, constant in enumerate(constants):
            if type(constant) is str and constant in marks:
                made = marks[constant]
                # Kept, and the mark with it: the tuple's own counting of references knows nothing of the exchange.
                _kept.append((made, constant, made))
                slot = ctypes.c_size_t.from_address(
                    id(constants) + tuple.__basicsize__ + index * ctypes.sizeof(ctypes.c_size_t)
                )
                slot.value = id(made)
