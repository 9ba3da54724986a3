"""Hot code by its text, not its line number: from a run to a hot profile, and from a profile to today's lines."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from whet.engine.facts import Facts
from whet.engine.limits import UnreadableError
from whet.engine.scopes import Scope, ScopeKind
from whet.engine.source import SourceText
from whet.errors import FormatError
from whet.model.frame import Owner
from whet.model.hot import HotPlace, HotProfile, classify, normalise, read_hot, write_hot
from whet.reading import MOST_DATA, read_file
from whet.records import dataclass

if TYPE_CHECKING:
    from whet.model.hotspot import Hotspots
    from whet.model.run import Run


WHOLE = "…"
"""The code of a place that is a whole function. It is never written to a file."""


@dataclass(frozen=True, slots=True)
class HotLines:
    """The hot lines of a file as it is now, and the places that are no longer in it.

    ``statements`` maps each hot line to a number that identifies its statement, and to its class in percent.
    """

    statements: Mapping[int, tuple[int, int]]
    missing: tuple[HotPlace, ...] = ()

    @property
    def lines(self) -> frozenset[int]:
        """The hot lines."""
        return frozenset(self.statements)

    def share(self, lines: Iterable[int]) -> float:
        """Return the minimum share of the run (0 to 1) of ``lines``, as the class that they reach together."""
        met = dict(self.statements[line] for line in lines if line in self.statements)
        return classify(min(sum(met.values()), 100) / 100) / 100


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement, or the header of a compound one. ``end`` is the last line of all of it."""

    function: str
    code: str
    line: int
    end: int


def build_hot_profile(run: Run, hotspots: Hotspots, *, with_functions: bool = False) -> HotProfile:
    """Return the hot code of a run: statements of the user's own files inside the project, by share class.

    Those with too few samples for a suggestion are left out: the next run has others. ``with_functions``: of
    functions whose profile has no lines all statements together are a place, whose code is :data:`WHOLE`.
    """
    from whet.advise.measured_advice import is_seen

    places: list[HotPlace] = []
    costs: dict[str, dict[int, int]] = defaultdict(dict)
    for spot in hotspots.lines:
        if spot.owner is Owner.USER:
            costs[spot.file][spot.line] = spot.cost.spent_ns
    for file, by_line in costs.items():
        source = run.sources.get(file)
        if source is None or not hotspots.busy_ns or not _is_inside(source.shown):
            continue
        try:
            statements = _own_lines(source.text)
        except UnreadableError:
            continue
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for line, cost in by_line.items():
            if line in statements:
                sums[statements[line].function, normalise(statements[line].code)] += cost
        for (function, code), cost in sums.items():
            share = classify(cost / hotspots.busy_ns)
            if share and code and is_seen(cost / hotspots.busy_ns, hotspots):
                places.append(HotPlace(source.shown, function, code, share))
    if with_functions:
        for whole in hotspots.index_unlined().values():
            source = run.sources.get(whole.file)
            share = classify(min(whole.cost.spent_share, 1.0))
            # Lambdas and generator expressions have no statements.
            has_body = not whole.name.endswith(("<lambda>", "<genexpr>"))
            if source is not None and share and has_body and _is_inside(source.shown):
                places.append(HotPlace(source.shown, whole.name, WHOLE, share))
    return HotProfile(tuple(sorted(places)))


def write_hot_profile(run: Run, path: Path | None, stream: BinaryIO) -> HotProfile:
    """Write the hot code of a run to ``path``, or to ``stream`` without one, and return it.

    Raises :class:`whet.errors.StoreError` if ``path`` cannot be written or is not a hot profile.
    """
    from whet.merge.hotspots import merge_run
    from whet.report.write import write_page

    profile = build_hot_profile(run, merge_run(run))
    data = write_hot(profile.places).encode("ascii")
    if path is None:
        stream.write(data)
    else:
        write_page(data, path, _is_hot_profile)
    return profile


def _is_hot_profile(path: Path) -> bool:
    try:
        read_hot(read_file(path, MOST_DATA), str(path))
    except (FormatError, OSError):
        return False
    return True


def find_hot_lines(places: Iterable[HotPlace], text: str) -> HotLines:
    """Return where ``places`` of one file are in its ``text``. Raises :class:`UnreadableError`."""
    by_line = _own_lines(text)
    by_function: dict[str, list[HotPlace]] = defaultdict(list)
    for place in places:
        by_function[place.function].append(place)
    matched: dict[_Statement, HotPlace] = {}
    numbers: dict[HotPlace, int] = {}
    for statement in dict.fromkeys(by_line.values()):
        for place in by_function.get(statement.function, ()):
            if place.code == WHOLE or place.is_code(statement.code):
                matched[statement] = place
                numbers.setdefault(place, len(numbers))
    found = {
        line: (numbers[matched[statement]], matched[statement].share)
        for line, statement in by_line.items()
        if statement in matched
    }
    missing = tuple(place for group in by_function.values() for place in group if place not in numbers)
    return HotLines(found, tuple(sorted(missing)))


def _is_inside(shown: str) -> bool:
    """Return whether a shown path is inside the project: others would name this machine's folders."""
    return not shown.startswith(("/", "<", "~", "..")) and ":" not in shown


def _own_lines(text: str) -> dict[int, _Statement]:
    """Return the statement that each line belongs to: the innermost one."""
    facts = Facts.of(text)
    names = {scope.node: scope for scope in facts.functions if scope.kind is not ScopeKind.LAMBDA}
    lines: dict[int, _Statement] = {}
    for statement in _list_statements(facts, names):
        lines.update(dict.fromkeys(range(statement.line, statement.end + 1), statement))
    return lines


def _list_statements(facts: Facts, scopes: Mapping[ast.AST, Scope]) -> Iterator[_Statement]:
    """Yield all statements, outer ones first."""
    waiting: list[tuple[ast.AST, str]] = [(facts.tree, "<module>")]
    while waiting:
        node, function = waiting.pop()
        if isinstance(node, ast.stmt):
            first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])
            yield _Statement(function, _read_head(facts.source, node), first, node.end_lineno or node.lineno)
        inner = scopes[node].qualified_name if node in scopes else function
        waiting += [
            (child, inner)
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case)
        ]


def _read_head(source: SourceText, node: ast.stmt) -> str:  # noqa: PLR0911 - one return a kind of statement
    """Return the whole text of a simple statement, or the header of a compound one, without its body."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return f"def {node.name}"
        case ast.ClassDef():
            return f"class {node.name}"
        case ast.For() | ast.AsyncFor():
            return f"for {source.segment(node.target)} in {source.segment(node.iter)}"
        case ast.While() | ast.If():
            return f"{type(node).__name__.lower()} {source.segment(node.test)}"
        case ast.With() | ast.AsyncWith():
            return f"with {', '.join(source.segment(item.context_expr) for item in node.items)}"
        case ast.Match():
            return f"match {source.segment(node.subject)}"
        case ast.Try() | ast.TryStar():
            return "try"
        case _:
            return source.segment(node)
