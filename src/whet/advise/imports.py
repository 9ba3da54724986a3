"""Modules whose import takes long, and that the program could do without or import later."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from whet.advise.estimate import sure_share
from whet.advise.measured_advice import IMPORT, MeasuredAdvice, make_measured_advice, read_line, tell_share, tell_time
from whet.advise.source_loops import parse_source
from whet.model.frame import Owner
from whet.model.hotspot import Hotspots, ImportSpot, LineSpot, share_error
from whet.model.run import Run

_IMPORT_SHARE = 0.05
_IMPORT_NS = 20_000_000
"""What importing must surely take, in each execution, for it to be worth a change."""
_USED = 0.05
"""What a package's use may take of what importing it does, for a run to count as one that could do without."""
_IMPORT_CALL = re.compile(r"\b(import_module|__import__)\s*\(")
_EVERYWHERE = re.compile(
    r"(abc|codecs|collections|contextlib|copy|encodings|enum|errno|functools|genericpath|io|itertools|keyword|ntpath"
    r"|operator|os|posixpath|re|reprlib|signal|site|stat|sys|time|types|typing|warnings|weakref)$"
)
"""Modules that the interpreter imports as it starts, or that half of the standard library does: they come anyway."""


def remark_imports(run: Run, hotspots: Hotspots, own: list[LineSpot]) -> Iterator[MeasuredAdvice]:
    """Yield what importing others' modules takes that the run hardly uses: what it does use must be imported."""
    whole = {spot.package: spot.total_ns for spot in hotspots.dependencies}
    foreign = [spot for spot in hotspots.imports if spot.file and not _is_own(run, spot.file)]
    packages = dict.fromkeys(spot.module.partition(".")[0] for spot in foreign)
    first = {package: next(spot for spot in foreign if _belongs(spot, package)) for package in packages}
    idle = [
        spot
        for package, spot in first.items()
        if whole.get(package, spot.total_ns) - spot.total_ns <= _USED * spot.total_ns
    ]
    found = [
        (spot, at)
        for spot in idle
        if _is_worth_moving(spot, run, hotspots)
        and (at := _find_import(spot, run, own))
        and not _is_needed_at_once(run, at)
    ]
    if not found:
        return
    hottest, statement = min(found, key=lambda pair: (-pair[0].total_ns, pair[0].module))
    package = hottest.module.partition(".")[0]
    inside = [spot for spot in foreign if _belongs(spot, package)][:3]
    named = ", ".join(f"{spot.module} {tell_time(spot.total_ns)}" for spot in inside)
    message = (
        f"Importing {package} takes {tell_share(hottest.share)} of the run ({named}; including their own imports),"
        " and hardly any of it is its use. Import it in the function that needs it, so that runs like this one go"
        " without, or import only the submodule that is needed; `python -X importtime` shows the tree."
    )
    title = f"Slow import of {package}"
    yield make_measured_advice("import-time", title, message, statement, hottest.share, whole=True)


def _is_worth_moving(spot: ImportSpot, run: Run, hotspots: Hotspots) -> bool:
    """Tell whether an import surely takes time that a start without it would not."""
    executions = run.timed.repeats if run.timed else 1
    sure = sure_share(spot.share, share_error(spot.share, hotspots.samples)) * hotspots.busy_ns
    is_long = spot.share >= _IMPORT_SHARE and sure >= _IMPORT_NS * executions
    return is_long and _EVERYWHERE.match(spot.module.partition(".")[0]) is None


def _find_import(spot: ImportSpot, run: Run, own: list[LineSpot]) -> LineSpot | None:
    """Return the own line that imports it: else the import is not this program's to move."""
    package = re.compile(rf"\b{re.escape(spot.module.partition('.')[0])}\b")
    for line in own:
        text = read_line(run, line)
        called = _IMPORT_CALL.search(text) is not None
        if (called or IMPORT.match(text)) and (
            package.search(text) or (called and 2 * line.cost.total_ns >= spot.total_ns)
        ):
            return line
    return None


def _is_needed_at_once(run: Run, spot: LineSpot) -> bool:
    """Tell whether an import is used as its module is executed, or stands in a function already: it cannot be later."""
    source = run.sources.get(spot.file)
    tree = parse_source(source.text) if source is not None else None
    if tree is None:
        return False
    at_once = _list_at_once(tree)
    imports = [node for node in at_once if isinstance(node, ast.Import | ast.ImportFrom)]
    here = [node for node in imports if node.lineno <= spot.line <= (node.end_lineno or node.lineno)]
    bound = {alias.asname or alias.name.partition(".")[0] for node in here for alias in node.names}
    used = {node.id for node in at_once if isinstance(node, ast.Name)}
    return bool(bound & used) if here else IMPORT.match(read_line(run, spot)) is not None


def _list_at_once(tree: ast.Module) -> list[ast.AST]:
    """Return what is executed with a module: all but the bodies of functions."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        later: set[ast.AST] = set()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            later.update(node.body if isinstance(node.body, list) else [node.body])
        waiting += [child for child in ast.iter_child_nodes(node) if child not in later]
    return found


def _belongs(spot: ImportSpot, package: str) -> bool:
    return spot.module.partition(".")[0] == package


def _is_own(run: Run, file: str) -> bool:
    source = run.sources.get(file)
    return source is not None and source.owner is Owner.USER
