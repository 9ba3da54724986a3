"""Loads rules: the built-in ones, those of other distributions, and a project's own. All the same way.

A module that does not load, or lacks a part, is a :class:`PluginError` that
names its distribution or file: a rule that is silently off would look like
clean code.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from whet.config import RULES_FOLDER
from whet.engine.rule import Advise, Bench, Case, Refuse, Rule
from whet.errors import PluginError
from whet.model.finding import Finding
from whet.plugins import Group, Plugin, find_plugins
from whet.reading import describe_error, is_folder, name_error
from whet.records import dataclass

if TYPE_CHECKING:
    from whet.engine.context import Context

Part = TypeVar("Part")

BUILT_IN_PACKAGE = "whet_rules"
_PROJECT_PREFIX = "_whet_project_rules."


@dataclass(frozen=True, slots=True)
class RuleModule:
    """A rule as it was loaded. ``page`` is its documentation, ``origin`` its distribution or file."""

    rule: Rule
    detect: Callable[[Context], Iterable[Finding]]
    cases: tuple[Case, ...]
    refusals: tuple[Refuse, ...]
    bench: Bench | None
    page: str
    origin: str
    module: str = ""
    """The name that it can be imported by again; empty for a file of a project."""
    file: str = ""
    """The file that holds it."""
    advised: tuple[Advise, ...] = ()


def load_rules(
    project: Path | None = None, folders: Iterable[Path] = (), built_in: Iterable[RuleModule] | None = None
) -> tuple[RuleModule, ...]:
    """Return all rules, sorted by slug; ``project`` is the folder whose ``.whet/rules`` are loaded too.

    ``folders`` contain more rules, one per file; a missing folder is a :class:`PluginError`. ``built_in`` are whet's
    own, where they are known.

    Raises :class:`PluginError` for the first that does not load, and for two of the same slug.
    """
    found: dict[str, RuleModule] = {}
    own = load_built_in() if built_in is None else built_in
    for module in (*own, *_load_foreign(), *_load_project(project), *_load_folders(folders)):
        other = found.get(module.rule.slug)
        if other is not None:
            raise PluginError(
                f"the rule {module.rule.slug!r} of {module.origin} already exists, from {other.origin}",
                "give it another slug",
            )
        found[module.rule.slug] = module
    return tuple(found[slug] for slug in sorted(found))


def load_rule_file(path: Path) -> RuleModule:
    """Load the rule in the Python file ``path``. Raises :class:`PluginError`."""
    import importlib.util

    origin = str(path)
    name = f"{_PROJECT_PREFIX}{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{origin} is not a Python file", "a rule is a file whose name ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module while it is loading
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a rule's file can do anything, even exit
        sys.modules.pop(name, None)
        raise PluginError(f"the rule file {origin} does not load: {name_error(error)}") from error
    return read_rule_module(module, origin)


def read_rule_module(module: object, origin: str) -> RuleModule:
    """Return the rule that ``module`` holds. Raises :class:`PluginError` that says which part is missing or wrong."""
    try:
        return _read_rule_module(module, origin)
    except (KeyboardInterrupt, PluginError):
        raise
    except BaseException as error:  # reading an attribute can run the module's code
        raise PluginError(f"the rule in {origin} cannot be used: {describe_error(error)}") from error


def _read_rule_module(module: object, origin: str) -> RuleModule:
    brought_by, origin = origin, _name_place(module, origin)
    rule = _part(module, "RULE", Rule, origin)
    cases = _parts(module, "CASES", Case, origin)
    refusals = _parts(module, "REFUSE", Refuse, origin)
    detect = getattr(module, "detect", None)
    if not callable(detect):
        raise PluginError(f"the rule in {origin} has no function detect(context)", "see docs/writing-a-rule.md")
    advised = _parts(module, "ADVISE", Advise, origin) if hasattr(module, "ADVISE") else ()
    bench = None if getattr(module, "BENCH", None) is None else _part(module, "BENCH", Bench, origin)
    try:
        rule.applies_to((3, 11))
    except ValueError as error:
        raise PluginError(f"the rule in {origin}: pythons is {error}", "write for example '>=3.11,<3.14'") from None
    page = (getattr(module, "__doc__", None) or "").strip()
    name, file = getattr(module, "__name__", ""), getattr(module, "__file__", None) or ""
    name = "" if name.startswith(_PROJECT_PREFIX) else name
    return RuleModule(rule, detect, cases, refusals, bench, page, brought_by, name, file, advised)


def load_again(places: Iterable[tuple[str, str]]) -> tuple[RuleModule, ...]:
    """Load rules by their ``(module, file)``, in another process. Raises :class:`PluginError`."""
    return tuple(
        read_rule_module(importlib.import_module(name), name) if name else load_rule_file(Path(file))
        for name, file in places
    )


def load_built_in() -> Iterator[RuleModule]:
    """Yield whet's own rules. Raises :class:`PluginError`."""
    import pkgutil

    package = importlib.import_module(BUILT_IN_PACKAGE)
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        plugin = Plugin(Group.RULES, info.name, f"{BUILT_IN_PACKAGE}.{info.name}", "whet")
        yield read_rule_module(plugin.load(), "whet")


def _load_foreign() -> Iterator[RuleModule]:
    for plugin in find_plugins(Group.RULES).values():
        loaded = plugin.load()
        origin = f"{plugin.distribution} ({plugin.target})"
        if not isinstance(loaded, ModuleType):
            raise PluginError(
                f"the rule {plugin.name!r} of {origin} is not a module", "its entry point must name a module"
            )
        yield read_rule_module(loaded, origin)


def _load_project(project: Path | None) -> Iterator[RuleModule]:
    if project is None:
        return
    for path in sorted((project / RULES_FOLDER).glob("*.py")):
        yield load_rule_file(path)


def _load_folders(folders: Iterable[Path]) -> Iterator[RuleModule]:
    for folder in folders:
        if not is_folder(folder):
            raise PluginError(f"there is no rules folder {folder}", "give a folder with one file per rule")
        for path in sorted(folder.glob("*.py")):
            yield load_rule_file(path)


def _name_place(module: object, origin: str) -> str:
    """Return where a rule is, for an error message: for whet's own rules, their module."""
    name = getattr(module, "__name__", "")
    return name if name.startswith(f"{BUILT_IN_PACKAGE}.") else origin


def _part(module: object, name: str, kind: type[Part], origin: str) -> Part:
    part = getattr(module, name, None)
    if not isinstance(part, kind):
        what = "has no" if part is None else "has a wrong"
        raise PluginError(
            f"the rule in {origin} {what} {name}", f"{name} is a {kind.__name__}: see docs/writing-a-rule.md"
        )
    return part


def _parts(module: object, name: str, kind: type[Part], origin: str) -> tuple[Part, ...]:
    parts = getattr(module, name, None)
    if not isinstance(parts, tuple | list) or not parts or not all(isinstance(part, kind) for part in parts):
        what = "has no" if parts is None else "has a wrong"
        raise PluginError(
            f"the rule in {origin} {what} {name}",
            f"{name} is a tuple of at least one {kind.__name__}: see docs/writing-a-rule.md",
        )
    return tuple(parts)
