"""Runs the rules over sources: facts, triggers, detection, in one fixed order."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping, Sequence

from whet.engine.compilers import is_compiled
from whet.engine.facts import Facts
from whet.engine.limits import UnreadableError
from whet.engine.loading import RuleModule
from whet.engine.rule import Triggers
from whet.engine.scopes import Scope
from whet.model.finding import Finding
from whet.model.frame import Owner
from whet.model.source import Notice, SourceFile

_ABOUT = "rules"


def find_findings(
    sources: Mapping[str, SourceFile],
    rules: Sequence[RuleModule],
    hot: Mapping[str, Collection[int]] | None = None,
    python: tuple[int, int] | None = None,
    libraries: Iterable[str] | None = None,
) -> tuple[tuple[Finding, ...], tuple[Notice, ...]]:
    """Return the findings of ``rules`` in the user's own ``sources``, and notices on what could not be checked.

    ``hot`` maps files to hot lines: then only functions that own one are
    checked, and they count as called many times. ``python`` is the version
    that the program runs on; rules that do not help there are not run;
    ``libraries`` are those of the libraries used by rewrites that its
    interpreter can import, ``None`` if that is not known. The order is by
    shown path, line, column and rule, whatever the order of the arguments. A
    source that cannot be parsed and a rule that raises give a notice each; the
    others are not affected.
    """
    useful = sorted((r for r in rules if python is None or r.rule.applies_to(python)), key=lambda r: r.rule.slug)
    present = frozenset(libraries) if libraries is not None else None
    findings: list[tuple[str, Finding]] = []
    notices: list[Notice] = []
    for file, source in sorted(sources.items(), key=lambda item: (item[1].shown, item[0])):
        lines = hot.get(file, frozenset()) if hot is not None else None
        if source.owner is not Owner.USER or (lines is not None and not lines):
            continue
        try:
            found, failures = examine_source(source, useful, lines, present, python)
        except UnreadableError as error:
            notices.append(Notice(_ABOUT, f"{source.shown} {error}; it was not checked", error.remedy))
            continue
        findings.extend((source.shown, finding) for finding in found)
        notices.extend(failures)
    findings.sort(key=lambda item: (item[0], item[1].file, item[1].line, item[1].column, item[1].rule))
    return tuple(finding for _, finding in findings), tuple(notices)


def examine_source(
    source: SourceFile,
    rules: Iterable[RuleModule],
    lines: Collection[int] | None = None,
    libraries: frozenset[str] | None = None,
    python: tuple[int, int] | None = None,
) -> tuple[list[Finding], list[Notice]]:
    """Return the findings of ``rules`` in one source, in the order of the rules, and which of them failed.

    With ``lines`` only functions that own one of them are checked; none that another compiler translates is. Raises
    :class:`UnreadableError`.
    """
    facts = Facts.of(source.text)
    owning = facts.functions if lines is None else facts.hot_functions(lines)
    functions = [scope for scope in owning if not is_compiled(facts, scope)]
    try:
        return _examine(facts, functions, rules, source, measured=lines is not None, libraries=libraries, python=python)
    finally:
        facts.release()


def _examine(
    facts: Facts,
    functions: Iterable[Scope],
    rules: Iterable[RuleModule],
    source: SourceFile,
    *,
    measured: bool,
    libraries: frozenset[str] | None,
    python: tuple[int, int] | None,
) -> tuple[list[Finding], list[Notice]]:
    found: list[Finding] = []
    notices: list[Notice] = []
    concerned = [module for module in rules if module.rule.triggers.hold_in(facts)]
    index = _index_by_nodes(functions, frozenset().union(*(module.rule.triggers.nodes for module in concerned)))
    for module in concerned:
        triggers = module.rule.triggers
        if not (scopes := _list_concerned(index, triggers, facts)):
            continue
        from whet.engine.context import Context  # loads much that a file without anything to find does not need

        for scope in scopes:
            try:
                context = Context(module.rule, source.file, facts, scope, measured, libraries, python)
                found.extend(module.detect(context))
            except Exception as error:
                notices.append(_describe_failure(module, source, scope, error))
    return found, notices


def _index_by_nodes(functions: Iterable[Scope], kinds: Collection[type[ast.AST]]) -> _Index:
    """Return the functions that contain each of ``kinds``, in order, and the place of each in the order.

    Most rules concern few of the functions.
    """
    containing: dict[type[ast.AST], list[Scope]] = {}
    order: dict[Scope, int] = {}
    for number, scope in enumerate(functions):
        order[scope] = number
        for kind in scope.nodes.keys() & kinds:
            if kind in containing:
                containing[kind].append(scope)
            else:
                containing[kind] = [scope]
    return containing, order


def _list_concerned(index: _Index, triggers: Triggers, facts: Facts) -> Sequence[Scope]:
    """Return the functions that contain one of the nodes, or use one of the names, of ``triggers``; in order."""
    containing, order = index
    found = [containing[kind] for kind in triggers.nodes if kind in containing]
    if triggers.names:
        using = facts.using(triggers.names)
        if using is None:
            return list(order)
        found.append([scope for scope in using if scope in order])
    elif len(found) < 2:
        return found[0] if found else ()
    return sorted({scope for scopes in found for scope in scopes}, key=order.__getitem__)


_Index = tuple[dict[type[ast.AST], list[Scope]], dict[Scope, int]]


def _describe_failure(module: RuleModule, source: SourceFile, scope: Scope, error: Exception) -> Notice:
    what = type(error).__name__
    where = f"{source.shown}:{scope.line} ({scope.qualified_name})"
    if isinstance(error, RecursionError):
        return Notice(f"rule {module.rule.slug}", f"did not check {where}: it is nested too deeply")
    return Notice(
        f"rule {module.rule.slug}",
        f"failed at {where}: {what}{': ' if str(error) else ''}{error}",
        f"the rule comes from {module.origin}; its other findings are kept",
    )
