"""What there is to say of a place in a text: a finding of ``whet check``, or a suggestion for a measured run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from whet.editors.align import Lines
from whet.model.advice import Estimate
from whet.model.finding import Edit, Safety
from whet.records import dataclass
from whet.report.parts import Kind
from whet.report.sanitize import show
from whet.report.suggestions import describe_estimate


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that can be improved. Lines count from 1, columns from 0 in characters."""

    id: str
    rule: str
    title: str
    message: str
    safety: str
    line: int
    end_line: int
    column: int = 0
    share: float | None = None
    """The part of a run (0 to 1) that its lines cost; ``None`` where that was not measured."""
    share_error: float = 0.0
    edits: tuple[Edit, ...] = ()
    estimate: str = ""
    proof: str = ""
    """The result of proving, in a sentence."""
    evidence: tuple[str, ...] = ()

    @property
    def is_rewrite(self) -> bool:
        """Whether there is something to apply."""
        return bool(self.edits) and self.safety != Safety.ADVICE


def read_findings(rows: Sequence[Mapping[str, Any]]) -> list[Issue]:
    """Return the findings that ``whet check --format json`` printed."""
    return [
        Issue(
            id=row["id"],
            rule=row["rule"],
            title=show(row["title"]),
            message=show(row["message"]),
            safety=row["safety"],
            line=row["line"],
            end_line=row["end_line"],
            column=row["column"] - 1,
            share=row["share"],
            edits=_read_edits(row["edits"]),
        )
        for row in rows
    ]


def place_advice(rows: Iterable[Mapping[str, Any]], lines: Lines) -> list[Issue]:
    """Return the suggestions of a report as JSON, where their lines are in the text now.

    Others are left out, and so is what is about the program as a whole.
    Rewrites are there only while the text is as it was measured: what makes one safe may have changed.
    """
    issues = []
    for row in rows:
        if row["kind"] == Kind.GENERAL:
            continue
        numbers = range(row["line"], max(row["line"], row["end_line"]) + 1)
        places = [lines.find(number, row["function_line"]) for number in numbers]
        first = places[0]
        if first is None or places != list(range(first, first + len(places))):
            continue
        issues.append(
            Issue(
                id=row["id"],
                rule=row["rule"],
                title=show(row["title"]),
                message=show(row["message"]),
                safety=row["safety"],
                line=first,
                end_line=first + len(numbers) - 1,
                share=row["share"],
                share_error=row["share_error"],
                edits=_read_edits(row["edits"]) if lines.is_same else (),
                estimate=_state_estimate(row["estimate"]),
                proof=show(row["proof"] or ""),
                evidence=tuple(map(show, row["evidence"])),
            )
        )
    return issues


def join_issues(advice: Sequence[Issue], findings: Sequence[Issue]) -> list[Issue]:
    """Return suggestions and findings, each once, in the order of the text: what was measured takes precedence."""
    known = {(issue.rule, issue.line) for issue in advice}
    fresh = {(issue.rule, issue.line): issue for issue in findings}
    joined = [_take_place(issue, fresh.get((issue.rule, issue.line))) for issue in advice]
    joined += [issue for key, issue in fresh.items() if key not in known]
    return sorted(joined, key=lambda issue: (issue.line, issue.column, issue.rule))


def _take_place(issue: Issue, found: Issue | None) -> Issue:
    """Return a suggestion with the column of the finding of the text as it is now, and its rewrite if it has none."""
    if found is None:
        return issue
    return replace(issue, column=found.column, end_line=found.end_line, edits=issue.edits or found.edits)


def _read_edits(rows: Sequence[Mapping[str, Any]]) -> tuple[Edit, ...]:
    return tuple(
        Edit(row["line"], row["column"] - 1, row["end_line"], row["end_column"] - 1, row["text"]) for row in rows
    )


def _state_estimate(estimate: Mapping[str, Any]) -> str:
    figure = describe_estimate(Estimate(estimate["low"], estimate["high"], estimate["is_measured"]))
    return "" if figure.value is None else f"estimated for the whole run: {figure.text}"
