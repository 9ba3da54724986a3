"""What whet's own rules declare, kept in the cache: loading all of them takes longer than checking a file.

A rule of the catalogue is loaded when it is first run. The catalogue is written to a temporary file and renamed, and
contains its own checksum: a damaged one is no catalogue, and one of other rules is not used.
"""

from __future__ import annotations

import _ast
import hashlib
import marshal
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet import __version__
from whet.atomic import read_checked, write_checked
from whet.engine.loading import BUILT_IN_PACKAGE, RuleModule, load_built_in
from whet.engine.rule import Rule, Triggers
from whet.model.finding import Ask, Finding, Safety, Speed

if TYPE_CHECKING:
    from whet.engine.context import Context

_NAME = "rules"
_Row = tuple[Any, ...]


def load_catalogue(cache: Path) -> Sequence[RuleModule]:
    """Return whet's own rules as the catalogue in the folder ``cache`` has them; it is written where it is not current.

    Their cases, refusals and benches are left out. Raises :class:`whet.errors.PluginError` as loading them does.
    """
    key = _find_key()
    place = cache / _NAME
    try:
        kept, rows = marshal.loads(read_checked(place))  # noqa: S302 - written by this user's whet
        if key and kept == key:
            return [_read(row) for row in rows]
    except (OSError, ValueError, TypeError, EOFError, AttributeError):
        pass
    modules = list(load_built_in())
    if key:
        with suppress(OSError, ValueError):
            cache.mkdir(parents=True, exist_ok=True)
            write_checked(place, marshal.dumps((key, [_write(module) for module in modules])))
    return modules


def _find_key() -> str:
    """Return what the catalogue depends on: the files of the rules, whet and Python; empty if that is not known."""
    digest = hashlib.blake2b(f"{__version__} {sys.version} {__file__}".encode("utf-8", "surrogatepass"), digest_size=20)
    try:
        for folder in import_module(BUILT_IN_PACKAGE).__path__:
            digest.update(_stamp(os.listdir(folder), folder))  # noqa: PTH208 - names are enough
        # In a checkout, they change without the version.
        engine = os.path.dirname(__file__)  # noqa: PTH120
        digest.update(_stamp(("catalogue.py", "loading.py", "rule.py"), engine))
    except OSError:  # in an archive
        return ""
    return digest.hexdigest()


def _stamp(names: Iterable[str], folder: str) -> bytes:
    texts = [folder]
    for name in sorted(names):
        if name.endswith(".py"):
            state = os.stat(os.path.join(folder, name))  # noqa: PTH116, PTH118
            texts.append(f"{name} {state.st_mtime_ns} {state.st_ctime_ns} {state.st_size}")
    return "\n".join(texts).encode("utf-8", "surrogatepass")


def _write(module: RuleModule) -> _Row:
    rule = module.rule
    return (
        (module.page, module.origin, module.module, module.file),
        (rule.slug, rule.title, rule.family, rule.safety.value, rule.speed.value),
        _write_triggers(rule.triggers),
        (rule.pythons, tuple(ask.value for ask in rule.asks), {each: dict(row) for each, row in rule.figures.items()}),
        (rule.ruff, rule.free, rule.saves_calls),
    )


def _write_triggers(triggers: Triggers) -> _Row:
    nodes = tuple(sorted(kind.__name__ for kind in triggers.nodes))
    return nodes, *(tuple(sorted(each)) for each in (triggers.imports, triggers.words, triggers.names))


def _read(row: _Row) -> RuleModule:
    (page, origin, module, file), (slug, title, family, safety, speed), triggers, (pythons, asks, figures), more = row
    nodes, imports, words, names = triggers
    rule = Rule(
        slug,
        title,
        family,
        Safety(safety),
        Speed(speed),
        Triggers(
            frozenset(getattr(_ast, name) for name in nodes), frozenset(imports), frozenset(words), frozenset(names)
        ),
        pythons,
        frozenset(map(Ask, asks)),
        figures,
        *more,
    )
    return RuleModule(rule, _Later(module), (), (), None, page, origin, module, file)


class _Later:
    """The function of a rule that is not loaded yet."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __call__(self, context: Context) -> Iterable[Finding]:
        found: Iterable[Finding] = import_module(self._module).detect(context)
        return found
