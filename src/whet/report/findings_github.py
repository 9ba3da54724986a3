"""Findings as annotations of a GitHub workflow: commands that its runner reads from the log.

GitHub shows ten warnings and ten notices per step and silently drops the rest.
So those on changed lines and the most expensive are warnings, the next notices,
and all others are printed to the log as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from whet.model.checked import CheckedFinding, CheckResult
from whet.model.finding import Speed
from whet.report.findings_text import describe_finding
from whet.report.sanitize import encodable, show

SHOWN = 10
"""Annotations of one level that GitHub shows per step."""

_SPEEDS = {Speed.ASYMPTOTIC: 0, Speed.FACTOR: 1, Speed.CONSTANT: 2}


def render_github(result: CheckResult, changed: Mapping[str, Sequence[range]] | None = None) -> str:
    """Return one command per line, then findings beyond GitHub's limits as text.

    Findings on lines that the pull request changes (``changed``, by path in the repository) come first.
    """
    ranked = sorted(enumerate(result.findings), key=lambda pair: (*_rank(pair[1], changed or {}), pair[0]))
    items = [item for _, item in ranked]
    lines = [_annotate(item, "warning") for item in items[:SHOWN]]
    lines += [_annotate(item, "notice") for item in items[SHOWN : 2 * SHOWN]]
    rest = items[2 * SHOWN :]
    if rest:
        lines.append(f"whet: {len(rest)} more findings, beyond GitHub's limit for annotations:")
        # After a dash no line is a command, but the runner obeys an older form anywhere in a line.
        lines += [f"- {describe_finding(item)}".replace("##[", "## [") for item in rest]
    return encodable("".join(f"{line}\n" for line in lines))


def _rank(item: CheckedFinding, changed: Mapping[str, Sequence[range]]) -> tuple[bool, float, int]:
    lines = range(item.finding.line, item.finding.end_line + 1)
    hit = any(part and part.start < lines.stop and lines.start < part.stop for part in changed.get(item.path, ()))
    return not hit, -(item.share or 0), _SPEEDS[item.finding.speed]


def _annotate(item: CheckedFinding, level: str) -> str:
    finding = item.finding
    values = {
        "title": f"whet ({finding.rule})",
        "file": item.path,
        "line": finding.line,
        "endLine": finding.end_line,
        "col": finding.column + 1,
    }
    share = f" At least {item.share * 100:.0f} % of the run." if item.share else ""
    properties = ",".join(f"{name}={_escape_property(show(str(value)))}" for name, value in values.items())
    return f"::{level} {properties}::{_escape(show(finding.message) + share)} ({finding.safety.value})"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
