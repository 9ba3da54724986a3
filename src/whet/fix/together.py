"""Which edits of one file fit together though they change different text.

One may move an import into a function that another one's new code uses at module level; one may give a class
``__slots__`` to which another one adds an attribute.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from whet.model.finding import Edit

_WORD = re.compile(r"[^\W\d]\w*")
_ATTRIBUTE = re.compile(r"\.\s*([^\W\d]\w*)")
_SLOTS = re.compile(r"\b(?:__)?slots(?:__)?\b")


@dataclass(slots=True)
class Touch:
    """What some edits change apart from their own text."""

    unbound: set[str] = field(default_factory=set)
    """Names of the module whose import or assignment is replaced or removed."""
    used: set[str] = field(default_factory=set)
    """Words of the new code."""
    closed: set[str] = field(default_factory=set)
    """Classes that get slots."""
    extended: set[str] = field(default_factory=set)
    """Classes with new code that has attributes of new names."""

    def disagrees(self, other: Touch) -> bool:
        """Return whether the edits of both, made together, may break each other."""
        fit = (
            self.unbound.isdisjoint(other.used)
            and self.unbound.isdisjoint(other.unbound)
            and self.used.isdisjoint(other.unbound)
            and self.closed.isdisjoint(other.extended)
            and self.extended.isdisjoint(other.closed)
        )
        return not fit

    def add(self, other: Touch) -> None:
        """Add what further edits change."""
        self.unbound |= other.unbound
        self.used |= other.used
        self.closed |= other.closed
        self.extended |= other.extended


class Outline:
    """The statements at the top of a source; none of one that does not parse."""

    def __init__(self, text: str) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(text.removeprefix("\ufeff")).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            body = []
        self._body = body
        self._words = frozenset(_WORD.findall(text))

    def touch(self, edits: Iterable[Edit]) -> Touch:
        """Return what ``edits`` change apart from their own text."""
        touch = Touch()
        for edit in edits:
            touch.used.update(_WORD.findall(edit.text))
            is_insertion = (edit.line, edit.column) == (edit.end_line, edit.end_column)
            last = edit.end_line if edit.end_column or is_insertion else edit.end_line - 1
            for statement in self._find(edit.line, last):
                if not is_insertion:
                    touch.unbound |= _list_bound(statement)
                if isinstance(statement, ast.ClassDef):
                    if _SLOTS.search(edit.text):
                        touch.closed.add(statement.name)
                    if any(name not in self._words for name in _ATTRIBUTE.findall(edit.text)):
                        touch.extended.add(statement.name)
        return touch

    def _find(self, first: int, last: int) -> Iterator[ast.stmt]:
        """Yield the statements on these lines, the last one first."""
        for at in range(bisect_right(self._body, last, key=_start) - 1, -1, -1):
            if (self._body[at].end_lineno or first) < first:
                return
            yield self._body[at]


def _start(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return decorators[0].lineno if decorators else statement.lineno


def _list_bound(statement: ast.stmt) -> frozenset[str]:
    """Return the names that an import or a plain assignment binds."""
    match statement:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return frozenset(alias.asname or alias.name.partition(".")[0] for alias in names)
        case ast.Assign(targets=targets):
            return frozenset(target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            return frozenset({name})
        case _:
            return frozenset()
