"""Tests a rule against its own cases: its page, its cases run on both sides, what it must leave alone.

The contract suite runs this over every rule, and authors of rules can run it on
theirs. It executes the code of the rule's cases.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import io
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from whet.engine.api import Case
from whet.engine.loading import RuleModule
from whet.engine.run import find_findings
from whet.fix.edits import apply_edits
from whet.fix.select import select
from whet.model.finding import Finding, Safety
from whet.model.source import SourceFile
from whet.records import dataclass

SECTIONS = ("## What", "## Why", "## When not", "## Source")
"""The sections of a rule's page."""

_FILE = "case.py"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a call: result or exception, the arguments afterwards, its output; all by type and value."""

    result: str
    arguments: str
    printed: str


def check_rule(module: RuleModule) -> tuple[str, ...]:
    """Return a message for everything that is wrong with a rule; nothing if it passes."""
    return (*check_page(module), *check_cases(module), *check_advised(module), *check_refusals(module))


def check_page(module: RuleModule) -> tuple[str, ...]:
    """Return a message for each missing section of the page."""
    return tuple(f"the page has no section {section!r}" for section in SECTIONS if section not in module.page)


def check_cases(module: RuleModule) -> tuple[str, ...]:
    """Return a message for each case that is not found before, is found after, or gives another rewrite or outcome."""
    wrong: list[str] = []
    for case in module.cases:
        if not examine(module, case.before, hot=case.hot):
            wrong.append(f"{case.name}: not found in its `before`")
        if examine(module, case.after, hot=case.hot):
            wrong.append(f"{case.name}: found in its `after`")
        wrong.extend(check_rewrite(module, case))
        wrong.extend(compare_sides(case))
    return tuple(wrong)


def check_rewrite(module: RuleModule, case: Case) -> tuple[str, ...]:
    """Return what is wrong with the edits of the findings in ``case``: promised ones exist, and give ``after``."""
    findings = examine(module, case.before, hot=case.hot)
    promised = [finding for finding in findings if finding.safety is not Safety.ADVICE]
    wrong = [f"{case.name}: {f.safety} at line {f.line}, but without an edit" for f in promised if not f.edits]
    if any(finding.edits for finding in findings):
        expected = case.rewritten or case.after
        made = apply_edits(case.before, select(findings).edits)
        if made != expected:
            wrong.append(f"{case.name}: the edits give\n{made}\ninstead of\n{expected}")
    return tuple(wrong)


def check_advised(module: RuleModule) -> tuple[str, ...]:
    """Return a message for each piece of code whose cost is not named where it is hot, or that gets an edit."""
    wrong = []
    for advised in module.advised:
        found = examine(module, advised.code, hot=True)
        if not found or any(finding.safety is not Safety.ADVICE or finding.edits for finding in found):
            wrong.append(f"{advised.name}: {'another finding than advice' if found else 'not found'}")
    return tuple(wrong)


def check_refusals(module: RuleModule) -> tuple[str, ...]:
    """Return a message for each similar code that was not left alone, hot or not."""
    return tuple(
        f"not left alone: {refusal.reason}"
        for refusal in module.refusals
        if examine(module, refusal.code, hot=True) or examine(module, refusal.code, hot=False)
    )


def examine(module: RuleModule, code: str, *, hot: bool) -> tuple[Finding, ...]:
    """Return the rule's findings in ``code``, with all lines hot or without a measurement.

    Raises ``ValueError`` if the code does not parse or the rule raised.
    """
    source = SourceFile(_FILE, _FILE, "", code)
    lines = {_FILE: frozenset(range(1, code.count("\n") + 2))} if hot else None
    findings, notices = find_findings({_FILE: source}, [module], lines)
    if notices:
        raise ValueError(notices[0].message)
    return findings


def compare_sides(case: Case) -> tuple[str, ...]:
    """Run all sides of ``case`` on each input and return a message for each difference."""
    wrong: list[str] = []
    sides = {"after": case.after, **({"rewritten": case.rewritten} if case.rewritten else {})}
    for given in case.inputs:
        before = run_side(case.before, case.call, given)
        for name, code in sides.items():
            other = run_side(code, case.call, given)
            if before != other:
                wrong.append(f"{case.name}: with {given}, `before` gives {before}, `{name}` gives {other}")
    return tuple(wrong)


@cache
def _make_folder() -> Path:
    """Return a folder for the file of a case, one for all that this process runs."""
    folder = Path(tempfile.mkdtemp(prefix="whet-case-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def run_side(code: str, call: str, given: str) -> Outcome:
    """Run ``code`` as a module, then its ``call`` with the arguments that ``given`` evaluates to."""
    names: dict[str, object] = {"__name__": "case"}
    printed = io.StringIO()
    arguments: object = ()
    with contextlib.redirect_stdout(printed):
        try:
            # A real file, so that inspect or a compiler's cache can find the source of a function.
            place = _make_folder() / _FILE
            place.write_text(code, "utf-8", newline="")
            exec(compile(code, str(place), "exec"), names)  # noqa: S102 - the rule's own code, as running its tests
            arguments = eval(compile(ast.parse(given, mode="eval"), _FILE, "eval"), names)  # noqa: S307
            result = _describe(_call(names[call], arguments))
        except Exception as error:
            result = _describe_raised(error)
    return Outcome(result, _describe(arguments), printed.getvalue())


def _call(function: object, arguments: object) -> object:
    if not callable(function) or not isinstance(arguments, tuple):
        raise TypeError("a case calls a function with a tuple of arguments")
    result: object = function(*arguments)
    return list(result) if isinstance(result, Iterator) else result


def _describe_raised(error: Exception) -> str:
    """Return type and arguments; only the type if the message is the interpreter's, which names operators and types."""
    if isinstance(error, TypeError | AttributeError):
        return f"raised {type(error).__name__}"
    return f"raised {type(error).__name__}{error.args!r}"


def _describe(value: object) -> str:
    """Return a text that is equal for equal values of equal types: ``1`` and ``True`` are not the same result."""
    return f"{type(value).__name__}: {value!r}"
