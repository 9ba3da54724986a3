"""Applies findings to a source until nothing changes: the result parses, and applying again changes nothing."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterable, Sequence

from whet.fix.edits import EditError, apply_edits
from whet.fix.select import GaveWay, rank, select
from whet.model.finding import Finding
from whet.records import dataclass

MOST_ROUNDS = 50
"""Rounds after which a source is left unchanged: rules that undo each other would never end."""

Examine = Callable[[str], Iterable[Finding]]
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Fixed:
    """The result for a source. ``applied`` are the findings whose edits were made, in that order."""

    text: str
    applied: tuple[Finding, ...] = ()
    gave_way: tuple[GaveWay, ...] = ()
    """Findings that overlapped others and were not applied later either."""
    broken: tuple[Finding, ...] = ()
    """Findings whose edits would give code that does not parse: a bug in their rule; not applied."""
    unfinished: bool = False
    """Whether it did not converge: rules undo each other."""


def fix_text(text: str, examine: Examine, most_rounds: int = MOST_ROUNDS) -> Fixed:
    """Return ``text`` with the edits of the findings of ``examine``, repeated until there are no more.

    ``examine`` returns findings of one file that may be applied. In one round a function is changed by one rule only:
    another rule's assumptions may no longer hold, so it is run again.
    """
    applied: list[Finding] = []
    gave_way: dict[Key, GaveWay] = {}
    broken: dict[Key, Finding] = {}
    seen = {text}
    for _ in range(most_rounds):
        findings = [finding for finding in examine(text) if finding.edits and _key(finding) not in broken]
        selection = select(_one_rule_a_function(sorted(findings, key=rank)), text)
        gave_way.update({_key(gone.finding): gone for gone in selection.gave_way})
        if not selection.taken:
            break
        changed, taken, failed = _apply(text, selection.taken)
        broken.update({_key(finding): finding for finding in failed})
        if not taken:
            continue
        applied += taken
        if changed in seen:
            return Fixed(changed, tuple(applied), _left(gave_way, applied), tuple(broken.values()), unfinished=True)
        seen.add(changed)
        text = changed
    else:
        return Fixed(text, tuple(applied), _left(gave_way, applied), tuple(broken.values()), unfinished=True)
    return Fixed(text, tuple(applied), _left(gave_way, applied), tuple(broken.values()))


def _one_rule_a_function(findings: Sequence[Finding]) -> list[Finding]:
    first: dict[tuple[str, int], str] = {}
    for finding in findings:
        first.setdefault((finding.function, finding.function_line), finding.rule)
    return [finding for finding in findings if first[finding.function, finding.function_line] == finding.rule]


def _apply(text: str, findings: Sequence[Finding]) -> tuple[str, list[Finding], list[Finding]]:
    """Return the changed text, the findings that were applied, and those that would break it."""
    taken: list[Finding] = []
    failed: list[Finding] = []
    waiting = [list(findings)]
    while waiting:  # halved until those that break the source are found: each attempt parses all of it
        some = waiting.pop()
        if _try(text, [*taken, *some]) is not None:
            taken += some
        elif len(some) == 1:
            failed += some
        else:
            middle = len(some) // 2
            waiting += [some[middle:], some[:middle]]
    return _try(text, taken) or text, taken, failed


def _try(text: str, findings: Sequence[Finding]) -> str | None:
    try:
        changed = apply_edits(text, select(findings).edits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(changed.removeprefix("\ufeff"))
    except (EditError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return changed


def _left(gave_way: dict[Key, GaveWay], applied: Iterable[Finding]) -> tuple[GaveWay, ...]:
    made = {_key(finding) for finding in applied}
    return tuple(gone for key, gone in gave_way.items() if key not in made)


def _key(finding: Finding) -> Key:
    """Return the parts of a finding that do not depend on line numbers."""
    return finding.rule, finding.function, finding.snippet
